//! Getting a connection on which letters can be sent: TCP, TLS, greeting, EHLO, AUTH; and the ways of not
//! getting one, named for what can be done about them.

use std::{
    fmt::{self, Display, Formatter},
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use lettre::transport::smtp::{client::AsyncSmtpConnection, extension::ClientId};
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::oauth::{Credential, TokenError};
use crate::tls;
use crate::watchdog;

use super::{
    auth::{Secrets, log_in},
    conversation::{Conversation, Trouble},
    envelope::is_hello_name,
    greeting::{ask_for_tls, read_greeting},
    line::Line,
    reply::Reply,
    server::{Security, SmtpServer, Timeouts},
    stream::GatedStream,
};

/// Addresses of one host that are tried, in the resolver's order.
const MAX_ADDRESSES: usize = 4;

/// What the kernel may hold of a mail that the network has not taken (it doubles the number). Small on
/// purpose: the end of data waits behind it, and it was allowed to go *now*.
const SEND_BUFFER: u32 = 64 * 1024;

/// Why there is no session. No variant, and no source of one, contains a credential.
///
/// `Display` says all there is to say, on one line; `source()` repeats the system's part of it for those who
/// look at its kind.
#[derive(Debug, Error)]
pub enum DialError {
    /// There is no token to log in with; the mail server was not asked.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Our own settings make it impossible; nothing was sent.
    #[error("settings: {why}")]
    Settings {
        /// What is wrong with them.
        why: String,
    },
    /// No connection, or it was lost on the way. Try again later.
    #[error("{stage}: no connection to the mail server: {source}")]
    Unreachable {
        /// How far we came.
        stage: DialStage,
        /// The system's word for it.
        #[source]
        source: io::Error,
    },
    /// TLS failed: an unknown authority, a wrong name, an expired certificate, no common version, or no TLS
    /// at that port. An operator's matter.
    #[error("TLS: {source}")]
    Tls {
        /// Whose fault it is.
        fault: tls::Fault,
        /// rustls's word for it.
        #[source]
        source: io::Error,
    },
    /// A step took longer than [`Timeouts`] allows. Try again later.
    #[error("{0}: no answer in time")]
    Timeout(DialStage),
    /// The server does not offer STARTTLS, or somebody between us took the offer away (RFC 3207 section 6).
    /// An operator's matter; nothing secret was said.
    #[error("the server does not offer STARTTLS")]
    NoStartTls,
    /// The server offers no way to log in that we speak: AUTH PLAIN or LOGIN with a password, XOAUTH2 with a token. An operator's
    /// matter.
    #[error("the server does not offer AUTH {wanted} (offered: {offered:?})")]
    NoAuth {
        /// The mechanisms we would take.
        wanted: &'static str,
        /// The mechanisms it offers.
        offered: String,
    },
    /// The server refused our login for good (5xx to AUTH, RFC 4954 section 6). An operator's matter:
    /// repeating it quickly locks accounts.
    #[error("login refused: {code} {text}")]
    AuthRefused {
        /// Its code.
        code: u16,
        /// Its words, cleaned.
        text: String,
    },
    /// The server refused to serve us, or, with 4xx, not now.
    #[error("{stage}: refused: {code} {text}")]
    Refused {
        /// Which step it refused.
        stage: DialStage,
        /// Its code.
        code: u16,
        /// Its words, cleaned.
        text: String,
    },
    /// What the server said is not SMTP, or came out of turn (R13). Try again later.
    #[error("{stage}: {why}")]
    Protocol {
        /// Which step failed.
        stage: DialStage,
        /// What was wrong, cleaned.
        why: String,
    },
}

/// The steps to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DialStage {
    /// Looking the name up.
    Lookup,
    /// TCP.
    Connect,
    /// TLS handshake.
    Tls,
    /// The greeting (RFC 5321 section 3.1).
    Greeting,
    /// EHLO (RFC 5321 section 4.1.1.1), before or after TLS.
    Hello,
    /// STARTTLS (RFC 3207).
    StartTls,
    /// AUTH (RFC 4954).
    Auth,
}

impl Display for DialStage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lookup => "name lookup",
            Self::Connect => "connect",
            Self::Tls => "TLS handshake",
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
        })
    }
}

impl DialError {
    pub(super) fn from_trouble(stage: DialStage, trouble: Trouble, secrets: &Secrets) -> Self {
        match trouble {
            Trouble::Overdue(_) => Self::Timeout(stage),
            Trouble::Closed | Trouble::Lost(_) => Self::Unreachable {
                stage,
                source: io::Error::new(io::ErrorKind::ConnectionReset, trouble.to_string()),
            },
            Trouble::Malformed(_)
            | Trouble::Early(_)
            | Trouble::Refused(_)
            | Trouble::Stale
            | Trouble::Misuse(_) => Self::Protocol {
                stage,
                why: secrets.shown(&trouble.to_string()),
            },
        }
    }

    /// The error for a reply that is not the one awaited.
    pub(super) fn from_reply(stage: DialStage, reply: &Reply, secrets: &Secrets) -> Self {
        let (code, text) = (reply.code(), secrets.shown(&reply.text()));
        if code >= 400 {
            return Self::Refused { stage, code, text };
        }
        let why = format!("unexpected reply {code}");
        Self::Protocol { stage, why }
    }
}

/// Awaits one step of dialling, no longer than it may take.
pub(super) async fn step<T>(
    stage: DialStage,
    within: Duration,
    future: impl Future<Output = io::Result<T>>,
) -> Result<T, DialError> {
    match watchdog::waiting(timeout(within, future)).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(DialError::Unreachable { stage, source }),
        Err(_elapsed) => Err(DialError::Timeout(stage)),
    }
}

/// Dials, protects, greets and logs in.
pub(super) async fn open(
    server: &SmtpServer,
    credential: &Credential,
    timeouts: &Timeouts,
    secrets: &mut Secrets,
) -> Result<Line, DialError> {
    if !is_hello_name(&server.hello_name) {
        let why = "the EHLO name is not a domain name or address literal".to_owned();
        return Err(DialError::Settings { why });
    }
    let mut tcp = connect(server, timeouts).await?;
    let peer = tcp.peer_addr().map_err(|source| DialError::Unreachable {
        stage: DialStage::Connect,
        source,
    })?;
    let (mut line, ehlo) = match server.security {
        Security::PlainLoopback => {
            let greeting = read_greeting(&mut tcp, timeouts, secrets).await?;
            hello(tcp, peer, &greeting, server, timeouts, secrets).await?
        }
        Security::Implicit => {
            let mut tls = handshake(tcp, server, timeouts).await?;
            let greeting = read_greeting(&mut tls, timeouts, secrets).await?;
            hello(tls, peer, &greeting, server, timeouts, secrets).await?
        }
        Security::StartTls => {
            let greeting = read_greeting(&mut tcp, timeouts, secrets).await?;
            ask_for_tls(&mut tcp, &server.hello_name, timeouts, secrets).await?;
            let tls = handshake(tcp, server, timeouts).await?;
            hello(tls, peer, &greeting, server, timeouts, secrets).await?
        }
    };
    log_in(&mut line, server, credential, &ehlo, secrets).await?;
    Ok(line)
}

/// TCP to the first address that answers. Under [`Security::PlainLoopback`] only loopback ones count.
async fn connect(server: &SmtpServer, timeouts: &Timeouts) -> Result<TcpStream, DialError> {
    let host = (server.host.as_str(), server.port);
    let found = step(DialStage::Lookup, timeouts.connect, lookup_host(host)).await?;
    let only_loopback = server.security == Security::PlainLoopback;
    let mut failure = None;
    for address in found
        .filter(|address| !only_loopback || is_loopback(address.ip()))
        .take(MAX_ADDRESSES)
    {
        match step(DialStage::Connect, timeouts.connect, connect_to(address)).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| DialError::Settings {
        why: if only_loopback {
            "without TLS only a loopback address may be used, and this host has none".to_owned()
        } else {
            "the host has no address".to_owned()
        },
    }))
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    let tcp = socket.connect(address).await?;
    // Commands are small and answered; waiting to fill a packet only delays them.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// TLS with the name check that `server.tls` does for `server.host` (RFC 8314 section 5.3, RFC 9525).
async fn handshake(
    tcp: TcpStream,
    server: &SmtpServer,
    timeouts: &Timeouts,
) -> Result<TlsStream<TcpStream>, DialError> {
    let name = ServerName::try_from(server.host.clone()).map_err(|_| DialError::Settings {
        why: "the host is not a name that a certificate can carry".to_owned(),
    })?;
    let connector = TlsConnector::from(Arc::clone(&server.tls));
    let connecting = connector.connect(name, tcp);
    match step(DialStage::Tls, timeouts.tls, connecting).await {
        Err(DialError::Unreachable { source, stage }) => Err(match tls::failure(&source) {
            Some((fault, reason)) => DialError::Tls {
                fault,
                source: io::Error::other(reason),
            },
            None => DialError::Unreachable { source, stage },
        }),
        other => other,
    }
}

/// Puts our stream and lettre on the connection; lettre says EHLO. The greeting has been read already and
/// is shown to lettre again, because after STARTTLS there is no second one (RFC 3207 section 4.2).
async fn hello<S>(
    inner: S,
    peer: SocketAddr,
    greeting: &Reply,
    server: &SmtpServer,
    timeouts: &Timeouts,
    secrets: &Secrets,
) -> Result<(Line, Reply), DialError>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + 'static,
{
    let stage = DialStage::Hello;
    let conversation = Arc::new(Conversation::new(*timeouts));
    let stream = GatedStream::new(inner, peer, greeting, Arc::clone(&conversation));
    let name = ClientId::Domain(server.hello_name.clone());
    conversation.allow(timeouts.hello, "no answer to EHLO");
    let connecting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name);
    let connected = conversation.in_time(connecting).await;
    // The first reply is the one to EHLO: after a refusal lettre says QUIT, and that answer is no matter.
    match (connected, conversation.reply()) {
        (Ok(Ok(connection)), Some(ehlo)) if ehlo.code() == 250 => {
            Ok((Line::new(connection, conversation), ehlo))
        }
        (Ok(_) | Err(_), Some(reply)) if reply.code() != 250 => {
            Err(DialError::from_reply(stage, &reply, secrets))
        }
        (Ok(_) | Err(_), _) => {
            let trouble = conversation.trouble();
            let trouble = trouble.unwrap_or(Trouble::Malformed("no EHLO reply".to_owned()));
            Err(DialError::from_trouble(stage, trouble, secrets))
        }
    }
}
