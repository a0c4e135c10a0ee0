//! From an address to an encrypted connection that has been greeted.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ninetosix_core::tcp;
use ninetosix_core::tls;
use ninetosix_core::watchdog;
use rustix::net::sockopt;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::error::{ImapError, Stage};
use super::settings::{ImapServer, Limits, Security, Timeouts};
use super::stream::Socket;
use super::wire::Wire;

/// Connects, encrypts as asked and waits for the greeting. Nothing secret is sent.
pub(super) async fn dial(
    server: &ImapServer,
    timeouts: Timeouts,
    limits: Limits,
) -> Result<Wire, ImapError> {
    let tcp = connect(server, timeouts.connect).await?;
    match server.security {
        Security::Implicit => {
            let socket = encrypt(server, tcp, timeouts.tls).await?;
            let mut wire = Wire::new(socket, timeouts, limits);
            wire.greeting().await?;
            Ok(wire)
        }
        Security::StartTls => {
            let mut wire = Wire::new(Socket::Plain(tcp), timeouts, limits);
            wire.greeting().await?;
            start_tls(server, wire).await
        }
        Security::PlainLoopback => {
            let mut wire = Wire::new(Socket::Plain(tcp), timeouts, limits);
            wire.greeting().await?;
            Ok(wire)
        }
    }
}

/// RFC 3501 section 6.2.1. Nothing learned before the handshake is kept: it could be anybody's word.
async fn start_tls(server: &ImapServer, mut wire: Wire) -> Result<Wire, ImapError> {
    wire.ask_capabilities().await?;
    if !wire.can("STARTTLS") {
        return Err(ImapError::PlainTextRefused(
            "the server does not offer STARTTLS",
        ));
    }
    let (timeouts, limits) = (wire.timeouts, wire.limits);
    match wire.command("STARTTLS", "", 0, |_| {}).await {
        Err(ImapError::No { .. } | ImapError::Bad { .. }) => {
            return Err(ImapError::PlainTextRefused(
                "the server offers STARTTLS and then refuses it",
            ));
        }
        result => result?,
    }
    match wire.into_socket() {
        Socket::Plain(tcp) => Ok(Wire::new(
            encrypt(server, tcp, timeouts.tls).await?,
            timeouts,
            limits,
        )),
        Socket::Tls(_) => Err(ImapError::Misuse("STARTTLS twice")),
    }
}

/// Tries every address of the host, each with its share of the time.
async fn connect(server: &ImapServer, limit: Duration) -> Result<TcpStream, ImapError> {
    let deadline = Instant::now() + limit;
    let addresses: Vec<SocketAddr> =
        timeout_at(deadline, lookup_host((server.host.as_str(), server.port)))
            .await
            .map_err(|_| ImapError::Timeout(Stage::Connect))?
            .map_err(ImapError::Unreachable)?
            .collect();
    let here_only = server.security == Security::PlainLoopback;
    if here_only
        && !addresses
            .iter()
            .all(|address| address.ip().to_canonical().is_loopback())
    {
        return Err(ImapError::PlainTextRefused(
            "no TLS is allowed to this very machine only",
        ));
    }
    let tcp = tcp::connect(&addresses, deadline).await;
    let tcp = tcp.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => ImapError::Timeout(Stage::Connect),
        _ => ImapError::Unreachable(error),
    })?;
    // A connection is as good without these; they only notice a vanished peer sooner.
    if let Err(error) = watch_peer(&tcp) {
        tracing::debug!(%error, "no TCP keepalive");
    }
    Ok(tcp)
}

/// Lets the kernel notice a peer that vanished without a word: probes in idle times (RFC 9293
/// section 3.8.4), and a limit on how long sent bytes may go unacknowledged (RFC 5482).
fn watch_peer(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    sockopt::set_socket_keepalive(tcp, true)?;
    #[cfg(target_os = "linux")]
    {
        sockopt::set_tcp_keepidle(tcp, Duration::from_secs(60))?;
        sockopt::set_tcp_keepintvl(tcp, Duration::from_secs(15))?;
        sockopt::set_tcp_keepcnt(tcp, 4)?;
        sockopt::set_tcp_user_timeout(tcp, 60_000)?;
    }
    Ok(())
}

/// The TLS handshake; the certificate must be valid for the host (RFC 8314 section 5.3, RFC 7817).
async fn encrypt(
    server: &ImapServer,
    tcp: TcpStream,
    limit: Duration,
) -> Result<Socket, ImapError> {
    let name = ServerName::try_from(server.host.clone())
        .map_err(|_| ImapError::Misuse("a host that is neither a name nor an address"))?;
    let connector = TlsConnector::from(server.tls.clone());
    match watchdog::waiting(timeout(limit, connector.connect(name, tcp))).await {
        Ok(Ok(tls)) => Ok(Socket::Tls(Box::new(tls))),
        Ok(Err(error)) => Err(tls_error(&error)),
        Err(_) => Err(ImapError::Timeout(Stage::Tls)),
    }
}

fn tls_error(error: &io::Error) -> ImapError {
    let cause = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    ImapError::Tls {
        fault: cause.map_or(tls::Fault::Other, tls::Fault::of),
        certificate: matches!(cause, Some(rustls::Error::InvalidCertificate(_))),
        reason: super::error::printable(&cause.map_or_else(|| error.to_string(), tls::reason)),
    }
}
