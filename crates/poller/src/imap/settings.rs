//! Where the mailbox is, how to get in, and how long and how much we put up with.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ninetosix_core::oauth::Login;

/// How the connection is protected. There is no "if possible": a password never follows a failed
/// attempt at encryption (RFC 8314 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte, port 993 (RFC 8314 section 3.2). The one to prefer.
    Implicit,
    /// STARTTLS, required (RFC 3501 section 6.2.1).
    StartTls,
    /// No TLS; only to this very machine, any other address is refused before connecting.
    PlainLoopback,
}

/// One mailbox on one server.
#[derive(Clone)]
pub struct ImapServer {
    /// Name or address; the certificate must be valid for it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Trusted roots and TLS versions; made once by the caller, shared by all connections.
    pub tls: Arc<rustls::ClientConfig>,
    /// Login name.
    pub user: String,
    /// How its account is entered; a password has any bytes but NUL.
    pub login: Login,
    /// Set once the server's answer to our introduction could not be read: it is not introduced to again.
    pub mute: Arc<AtomicBool>,
}

impl fmt::Debug for ImapServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImapServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

/// How long we wait. async-imap itself has no time limit at all (trap I3).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Resolving the name and connecting, all addresses together.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// The server's first line.
    pub greeting: Duration,
    /// The longest silence within an answer. A response that keeps coming has this much and one
    /// second more for every KiB received, so a slow line is borne and a trickle is not.
    pub read: Duration,
    /// A whole command, again with one second more for every KiB received; the time our own side
    /// takes over a message does not count.
    pub command: Duration,
    /// From DONE to the end of IDLE (trap I8).
    pub done: Duration,
    /// LOGOUT and closing, together.
    pub logout: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            tls: Duration::from_secs(15),
            greeting: Duration::from_secs(15),
            read: Duration::from_secs(60),
            command: Duration::from_secs(600),
            done: Duration::from_secs(10),
            logout: Duration::from_secs(5),
        }
    }
}

/// How much we accept (`promises.md`, "Numbers").
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of all literals in one response: the message cap and 64 KiB. Beyond it the connection
    /// is given up before anything is allocated (trap I13).
    pub max_literal: u64,
    /// Bytes of the lines of one response, literals not counted.
    pub max_line: usize,
    /// Responses to one command beyond those it asks for.
    pub max_untagged: usize,
    /// Messages above this size are fetched in parts of it (`promises.md` R12).
    pub part: u32,
}

impl Limits {
    /// The limits that go with messages of at most `bytes`.
    #[must_use]
    pub fn for_messages_up_to(bytes: u64) -> Self {
        Self {
            max_literal: bytes.saturating_add(64 * 1024),
            max_line: 64 * 1024,
            max_untagged: 100_000,
            part: 8 * 1024 * 1024,
        }
    }
}

impl Default for Limits {
    /// Messages of at most 50 MiB.
    fn default() -> Self {
        Self::for_messages_up_to(50 * 1024 * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_user_nor_password() {
        let server = ImapServer {
            host: "imap.school.test".to_owned(),
            port: 993,
            security: Security::Implicit,
            tls: super::super::fake_server::no_roots(),
            user: "rita@school.test".to_owned(),
            login: Login::Password("correct horse".into()),
            mute: Default::default(),
        };
        let shown = format!("{server:?}");
        assert!(shown.contains("imap.school.test"), "{shown}");
        assert!(
            !shown.contains("horse") && !shown.contains("rita"),
            "{shown}"
        );
    }
}
