//! Dot-stuffing, end to end: what the server un-stuffs is what was frozen, whatever lettre's codec, its
//! writes, and the connection below do to the boundaries.

use lettre::transport::smtp::commands::Data;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::oneshot,
};

use super::{
    fake::{Fake, unstuffed},
    pipe::{lettre_on, read_until_end, stream_on, welcome},
    *,
};
use crate::random::Random;
use crate::smtp::{
    conversation::{Conversation, Trouble},
    dotted::Frozen,
    stream::GatedStream,
};

/// A mail that passes the gate and is mostly made of what is awkward.
fn awkward_mail(random: &mut Random) -> Vec<u8> {
    const PIECES: [&str; 9] = [
        ".",
        "..",
        "\r\n",
        "\r\n",
        "\r\n.\r\n",
        "\r\n.",
        "x",
        ".x",
        " ",
    ];
    let mut mail = String::from("Subject: x\r\n");
    for _ in 0..random.below(60) {
        mail.push_str(PIECES[random.below(PIECES.len())]);
    }
    mail.into_bytes()
}

/// What a server must end up with: the mail, and a CRLF at its end if it had none.
fn as_received(mail: &[u8]) -> Vec<u8> {
    let end: &[u8] = if mail.ends_with(b"\r\n") {
        b""
    } else {
        b"\r\n"
    };
    [mail, end].concat()
}

#[tokio::test]
async fn five_hundred_awkward_mails_arrive_as_they_were_frozen() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, patient()).await;
    let mut random = Random(20_261_123);
    let mut mails: Vec<Vec<u8>> = (0..500).map(|_| awkward_mail(&mut random)).collect();
    mails.push(MAIL.as_bytes().to_vec());
    mails.push(b"A: b".to_vec());
    mails.push(b"A: b\r\n\r\n.".to_vec());
    mails.push(b"A: b\r\n\r\n.\r\n".to_vec());
    mails.push([b"A: b\r\n\r\n".to_vec(), b"...\r\n".repeat(100_000)].concat());
    for mail in &mails {
        let outcome = send_mail(&mut session, RITA, mail).await;
        assert!(
            matches!(outcome, SendOutcome::Accepted { .. }),
            "{outcome:?} for {}",
            mail.escape_ascii()
        );
    }
    session.quit().await;
    let heard = fake.finish().await;
    assert_eq!(heard.bodies.len(), mails.len());
    for (wire, mail) in heard.bodies.iter().zip(&mails) {
        assert!(
            unstuffed(wire) == as_received(mail),
            "{}",
            mail.escape_ascii()
        );
    }
}

/// The same bytes in pieces of up to seven.
fn cut<'a>(mut rest: &'a [u8], random: &mut Random) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at((1 + random.below(7)).min(rest.len()));
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

#[tokio::test]
async fn however_the_writes_are_cut_only_the_terminator_is_withheld() {
    let mut random = Random(42);
    for round in 0..300 {
        let mail = awkward_mail(&mut random);
        let (near, mut far) = tokio::io::duplex(1 + random.below(9));
        let conversation = Arc::new(Conversation::new(patient()));
        let frozen = Frozen::new(mail.clone());
        let (asked, mut was_asked) = oneshot::channel();
        let (open, opened) = oneshot::channel();
        let gate = Box::pin(async move {
            let _ = asked.send(());
            opened.await.map_err(|_| Refusal::new("the test is over"))
        });
        conversation.offer_body(frozen.clone(), gate);
        let server = tokio::spawn(async move {
            welcome(&mut far).await;
            let mut before = Vec::new();
            loop {
                tokio::select! {
                    biased;
                    byte = far.read_u8() => before.push(byte.expect("the client is there")),
                    _ = &mut was_asked => break,
                }
            }
            open.send(()).expect("the gate waits");
            let after = read_until_end(&mut far, b"\r\n.\r\n").await;
            far.write_all(b"250 ok\r\n").await.expect("written");
            (before, after)
        });

        let mut lettre = lettre_on(stream_on(near, &conversation)).await;
        lettre.command(Data).await.expect("go on");
        let pieces = cut(frozen.body(), &mut random).into_iter();
        let reply = lettre.message_iter(pieces).await;
        assert!(reply.is_ok(), "round {round}: {reply:?}");
        let (before, after) = server.await.expect("the server is well");
        assert_eq!(after, b"\r\n.\r\n", "round {round}");
        let mail_again = unstuffed(&[before, after].concat());
        assert_eq!(mail_again, as_received(&mail), "round {round}");
    }
}

#[tokio::test]
async fn bytes_that_were_not_frozen_are_not_sent() {
    // The body as it is handed to lettre, and what of it may reach the server.
    for (body, on_the_wire) in [
        (&b"A: c"[..], &b""[..]),
        (b"A: b\r\n.\r\nMAIL FROM:<x>", b""),
        (b"A: b\r\n", b"A: b"),
        (b"A:", b"A:"),
    ] {
        let (near, mut far) = tokio::io::duplex(1000);
        let conversation = Arc::new(Conversation::new(patient()));
        conversation.offer_body(Frozen::new(b"A: b\r\n".to_vec()), Box::pin(yes()));
        let server = tokio::spawn(async move {
            welcome(&mut far).await;
            let mut wire = Vec::new();
            far.read_to_end(&mut wire).await.expect("read");
            wire
        });
        let mut lettre = lettre_on(stream_on(near, &conversation)).await;
        lettre.command(Data).await.expect("go on");
        assert!(lettre.message(body).await.is_err());
        assert_eq!(
            conversation.trouble(),
            Some(Trouble::Misuse("the body is not the frozen one"))
        );
        assert!(!conversation.end_of_data_written());
        drop(lettre);
        assert_eq!(server.await.expect("the server is well"), on_the_wire);
    }
}

#[tokio::test]
async fn the_gate_is_asked_after_the_body_even_if_all_is_written_at_once() {
    // Without lettre: body and end of data in one write, through a pipe of four bytes.
    let (near, mut far) = tokio::io::duplex(4);
    let conversation = Arc::new(Conversation::new(patient()));
    let (asked, mut was_asked) = oneshot::channel();
    let gate = Box::pin(async move {
        let _ = asked.send(());
        Ok(())
    });
    let mail = [b"A: b\r\n\r\n", &[b'x'; 500][..], b"\r\n"].concat();
    conversation.offer_body(Frozen::new(mail.clone()), gate);
    let mut stream = stream_on(near, &conversation);
    let client = async {
        read_until_end_of_reply(&mut stream).await;
        stream.write_all(b"DATA\r\n").await.expect("written");
        read_until_end_of_reply(&mut stream).await;
        let all = [&mail[..], b".\r\n"].concat();
        stream.write_all(&all).await.expect("written");
        stream.flush().await.expect("written");
        read_until_end_of_reply(&mut stream).await;
    };
    let server = async {
        read_until_end(&mut far, b"DATA\r\n").await;
        far.write_all(b"354 go\r\n").await.expect("written");
        let mut wire = Vec::new();
        while wire.len() < mail.len() - 8 {
            wire.push(far.read_u8().await.expect("the client is there"));
            assert!(was_asked.try_recv().is_err(), "after {} bytes", wire.len());
        }
        wire.extend(read_until_end(&mut far, b"\r\n.\r\n").await);
        assert!(was_asked.try_recv().is_ok());
        far.write_all(b"250 ok\r\n").await.expect("written");
        wire
    };
    let ((), wire) = tokio::join!(client, server);
    assert_eq!(unstuffed(&wire), mail);
}

async fn read_until_end_of_reply(stream: &mut GatedStream<DuplexStream>) {
    while stream.read_u8().await.expect("a reply") != b'\n' {}
}

#[tokio::test]
async fn an_end_of_data_that_does_not_leave_at_once_is_not_sent() {
    // The server takes the body and then nothing more; four bytes fit into the pipe.
    let (near, mut far) = tokio::io::duplex(4);
    let conversation = Arc::new(Conversation::new(patient()));
    conversation.offer_body(Frozen::new(b"A: b\r\n".to_vec()), Box::pin(yes()));
    let server = tokio::spawn(async move {
        welcome(&mut far).await;
        read_until_end(&mut far, b"A: b").await;
        far
    });
    let mut lettre = lettre_on(stream_on(near, &conversation)).await;
    lettre.command(Data).await.expect("go on");
    conversation.allow(Duration::from_secs(30), "the test is over");
    let sent = conversation.in_time(lettre.message(b"A: b")).await;
    let overdue = Trouble::Overdue("the end of data could not be written");
    assert!(!matches!(sent, Ok(Ok(_))), "the server said nothing");
    assert_eq!(conversation.trouble(), Some(overdue));
    assert!(
        !conversation.end_of_data_written(),
        "the server cannot have it"
    );
    drop(lettre);
    let mut wire = Vec::new();
    let mut far = server.await.expect("the server is well");
    far.read_to_end(&mut wire).await.expect("read");
    assert_eq!(wire, b"\r\n.\r");
}
