//! Where letters are handed over, as whom, and how long each step may take.

use std::{sync::Arc, time::Duration};

use rustls::ClientConfig;

use crate::oauth::Login;

/// How the connection is protected. There is no "TLS if possible": that is no protection against a man in
/// the middle (RFC 8314 section 4.1, RFC 3207 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte, usually port 465 (RFC 8314 section 3.3).
    Implicit,
    /// STARTTLS is required (RFC 3207), usually port 587. A server that does not offer it gets nothing.
    StartTls,
    /// No TLS, and only to a loopback address: a relay on the same machine.
    PlainLoopback,
}

/// The submission server and the account on it.
///
/// `Debug` shows no password (`secrecy`).
#[derive(Debug, Clone)]
pub struct SmtpServer {
    /// Host name or IP address; also the name the certificate must carry.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Roots, protocol versions and provider for TLS. Unused under [`Security::PlainLoopback`].
    pub tls: Arc<ClientConfig>,
    /// The account's name.
    pub user: String,
    /// How its account is entered.
    pub login: Login,
    /// What we call ourselves in EHLO: a domain name or an address literal (RFC 5321 section 4.1.3).
    /// Strict servers refuse a bare host name.
    pub hello_name: String,
}

/// How long each step may take, from RFC 5321 section 4.5.3.2 where that names one.
///
/// Every wait of this module ends by one of these. [`Default`] is the project's table; tests shorten them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Looking the host up, and again for each address tried.
    pub connect: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// The greeting. RFC 5321 says 5 minutes; a submission server that needs one is not working.
    pub banner: Duration,
    /// Each of EHLO, STARTTLS and the lines of AUTH.
    pub hello: Duration,
    /// Each of MAIL and RCPT (5 minutes in RFC 5321).
    pub envelope: Duration,
    /// DATA until its `354` (2 minutes in RFC 5321).
    pub data: Duration,
    /// Each block of 64 KiB of the body (3 minutes in RFC 5321).
    pub block: Duration,
    /// Each of the caller's two futures: composing, and the last look. A server waits about 5 minutes for
    /// the next byte, so nothing is won by waiting longer.
    pub caller: Duration,
    /// From the end of data to its reply (10 minutes in RFC 5321; RFC 1047 says why so long).
    pub end_of_data: Duration,
    /// RSET after a failure; without an answer the connection is dropped instead.
    pub reset: Duration,
    /// QUIT; best effort.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            tls: Duration::from_secs(30),
            banner: Duration::from_secs(60),
            hello: Duration::from_secs(60),
            envelope: Duration::from_secs(300),
            data: Duration::from_secs(120),
            block: Duration::from_secs(180),
            caller: Duration::from_secs(120),
            end_of_data: Duration::from_secs(600),
            reset: Duration::from_secs(15),
            quit: Duration::from_secs(5),
        }
    }
}
