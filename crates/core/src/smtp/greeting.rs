//! What is said before lettre comes in: the greeting, and with STARTTLS the few plain words before TLS.
//!
//! Nothing secret is said here and nothing heard here is believed after TLS but the greeting's bare form
//! (RFC 3207 section 4.2). Bytes that came along behind a reply end the dialogue: they would be plain text
//! that somebody wants read as if it had come through TLS.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    auth::Secrets,
    dial::{DialError, DialStage, step},
    reply::{Malformed, Reply, ReplyReader, excerpt},
    server::Timeouts,
};

/// The greeting; anything but `220` is a refusal (RFC 5321 section 3.1).
pub(super) async fn read_greeting<S>(
    stream: &mut S,
    timeouts: &Timeouts,
    secrets: &Secrets,
) -> Result<Reply, DialError>
where
    S: AsyncRead + Unpin,
{
    let stage = DialStage::Greeting;
    let greeting = step(stage, timeouts.banner, read_reply(stream))
        .await?
        .map_err(|why| protocol(stage, &why, secrets))?;
    match greeting.code() {
        220 => Ok(greeting),
        _ => Err(DialError::from_reply(stage, &greeting, secrets)),
    }
}

/// EHLO and STARTTLS in plain text. After this the server awaits a TLS handshake and nothing else has come.
pub(super) async fn ask_for_tls<S>(
    stream: &mut S,
    hello_name: &str,
    timeouts: &Timeouts,
    secrets: &Secrets,
) -> Result<(), DialError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stage = DialStage::Hello;
    let ehlo = step(stage, timeouts.hello, async {
        stream
            .write_all(format!("EHLO {hello_name}\r\n").as_bytes())
            .await?;
        stream.flush().await?;
        read_reply(stream).await
    })
    .await?
    .map_err(|why| protocol(stage, &why, secrets))?;
    if ehlo.code() != 250 {
        return Err(DialError::from_reply(stage, &ehlo, secrets));
    }
    let offered = ehlo
        .lines()
        .skip(1)
        .any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offered {
        return Err(DialError::NoStartTls);
    }
    let stage = DialStage::StartTls;
    let reply = step(stage, timeouts.hello, async {
        stream.write_all(b"STARTTLS\r\n").await?;
        stream.flush().await?;
        read_reply(stream).await
    })
    .await?
    .map_err(|why| protocol(stage, &why, secrets))?;
    match reply.code() {
        220 => Ok(()),
        _ => Err(DialError::from_reply(stage, &reply, secrets)),
    }
}

fn protocol(stage: DialStage, Malformed(why): &Malformed, secrets: &Secrets) -> DialError {
    let why = secrets.shown(why);
    DialError::Protocol { stage, why }
}

/// One reply with nothing behind it.
async fn read_reply<S>(stream: &mut S) -> io::Result<Result<Reply, Malformed>>
where
    S: AsyncRead + Unpin,
{
    let mut reader = ReplyReader::default();
    let mut bytes = [0; 512];
    loop {
        let n = stream.read(&mut bytes).await?;
        let read = bytes.get(..n).unwrap_or_default();
        if read.is_empty() {
            let closed = "the server closed the connection";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, closed));
        }
        match reader.feed(read) {
            Ok(None) => {}
            Ok(Some((reply, used))) if used == n => return Ok(Ok(reply)),
            Ok(Some((_, used))) => {
                let rest = excerpt(read.get(used..).unwrap_or_default());
                let why = format!("the server spoke out of turn: {rest}");
                return Ok(Err(Malformed(why)));
            }
            Err(malformed) => return Ok(Err(malformed)),
        }
    }
}
