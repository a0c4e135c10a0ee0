//! What can go wrong on an IMAP connection, sorted by what the caller can do about it.
//!
//! No variant ever holds the password, a message, or a whole buffer: async-imap's own errors carry
//! the input twice and are therefore never passed on (trap I11). Texts of the server are cut to a
//! printable line by [`printable`]. After any error but [`ImapError::Misuse`] the connection is
//! spent: drop it, wait, open a new one.

use std::fmt;
use std::io;

use ninetosix_core::oauth::TokenError;
use ninetosix_core::tls::Fault;

/// Where a conversation stood when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Resolving the name and connecting.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Waiting for the server's first line.
    Greeting,
    /// Waiting for the answer to this command.
    Command(&'static str),
    /// Inside IDLE, its beginning and its DONE included.
    Idle,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("connecting"),
            Self::Tls => f.write_str("the TLS handshake"),
            Self::Greeting => f.write_str("waiting for the greeting"),
            Self::Command(name) => write!(f, "{name}"),
            Self::Idle => f.write_str("IDLE"),
        }
    }
}

/// Why an IMAP call failed.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// The name does not resolve, or nobody answers there: try again later.
    #[error("the IMAP server cannot be reached: {0}")]
    Unreachable(io::Error),
    /// The TLS handshake failed. With `certificate` it is the server's certificate that was not
    /// believed (unknown issuer, wrong name, expired): trying again will not help, a person must look.
    #[error("TLS with the IMAP server failed: {reason}")]
    Tls {
        /// What the operator can do something about.
        fault: Fault,
        /// The certificate was refused, as opposed to a broken or unfinished handshake.
        certificate: bool,
        /// rustls's words.
        reason: String,
    },
    /// There is no token to log in with; the mail server was not asked.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No answer within the limit for this stage: reconnect.
    #[error("no answer in time ({0})")]
    Timeout(Stage),
    /// The connection is gone: closed, reset, `BYE`, or unusable since an earlier error or a
    /// cancelled call: reconnect.
    #[error("the connection was lost ({0})")]
    Lost(Stage),
    /// User name and password were refused; the server's words, with the password struck out
    /// should they repeat it. Retry slowly, or the account locks.
    #[error("the IMAP server refused the login: {0}")]
    AuthRefused(String),
    /// There is no way to log in here that we would take; nothing secret was sent.
    #[error("cannot log in: {0}")]
    NoLoginMethod(&'static str),
    /// The password would have crossed the network readable by anybody; nothing secret was sent.
    #[error("refusing to send the password unencrypted: {0}")]
    PlainTextRefused(&'static str),
    /// The server understood and said NO (RFC 3501 section 7.1.2). `LOGIN` is found here only when
    /// the server named a passing trouble of its own (RFC 5530), and `greeting` for a BYE at once.
    #[error("{command} was answered NO: {text}")]
    No {
        /// The command, without its arguments.
        command: &'static str,
        /// The server's words.
        text: String,
    },
    /// The server did not understand, or says so (RFC 3501 section 7.1.3).
    #[error("{command} was answered BAD: {text}")]
    Bad {
        /// The command, without its arguments.
        command: &'static str,
        /// The server's words.
        text: String,
    },
    /// The server sent what is no IMAP, or more of it than our limits allow.
    #[error("the server broke the protocol: {0}")]
    Protocol(String),
    /// We were asked for what cannot be sent; nothing was, and the connection is as good as before.
    #[error("cannot be asked of an IMAP server: {0}")]
    Misuse(&'static str),
}

/// The most characters of a server's line that any error repeats.
const EXCERPT: usize = 80;

/// One printable line of at most 80 characters; see [`visible`].
pub(super) fn printable(text: &str) -> String {
    text.trim().chars().take(EXCERPT).map(visible).collect()
}

/// The character, or `?` for a control or an invisible direction mark.
pub(super) fn visible(c: char) -> char {
    let marks = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    if c.is_control() || marks { '?' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_text_becomes_one_short_printable_line() {
        assert_eq!(printable(" over quota\r\n"), "over quota");
        assert_eq!(printable("a\u{1b}[31m\u{202e}b\nc"), "a?[31m?b?c");
        assert_eq!(printable(&"я".repeat(500)).chars().count(), 80);
    }

    #[test]
    fn errors_read_well_alone() {
        assert_eq!(
            ImapError::Timeout(Stage::Command("UID FETCH")).to_string(),
            "no answer in time (UID FETCH)"
        );
        assert_eq!(
            ImapError::Lost(Stage::Greeting).to_string(),
            "the connection was lost (waiting for the greeting)"
        );
    }
}
