//! The poller's IMAP connection (RFC 3501).
//!
//! ```text
//! Connection  open, select, search_from, fetch_*, store_flags, move_to, append, list_special, noop, idle, logout
//!    |
//!   Wire      one command at a time, read to its tagged answer, every wait bounded
//!    |
//! async-imap  responses as values
//!    |
//!  Watched    lines, literals and nesting above our limits stop here
//!    |
//! TLS / TCP
//! ```
//!
//! What it promises: success means the server said OK to that command and everything before the OK
//! was read; a NO, a BAD, a cut, a clean close, a silence and nonsense are each an [`ImapError`]. No
//! password crosses an unprotected line or a log. No server can make it use more memory than
//! [`Limits`] allow, nor wait longer than [`Timeouts`] say.
//!
//! What it leaves to others: when to connect and to back off, what a message means, and any state; it
//! never looks at flags, and changes nothing on the server but by [`Connection::store_flags`],
//! [`Connection::move_to`], [`Connection::append`] and [`Connection::expunge`]. The traps named `I1` to `I19` are those of async-imap 0.12.

mod connection;
mod dial;
mod error;
mod fetch;
mod folder;
mod framing;
mod idle;
mod login;
mod names;
mod sent;
mod settings;
mod special;
mod stream;
mod uids;
mod wire;

#[cfg(test)]
mod fake_fetch_tests;
#[cfg(test)]
mod fake_folder_tests;
#[cfg(test)]
mod fake_idle_tests;
#[cfg(test)]
mod fake_login_tests;
#[cfg(test)]
mod fake_sent_tests;
#[cfg(test)]
mod fake_server;
#[cfg(test)]
mod fake_server_tests;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod lab_tests;

pub use connection::{Connection, Selected};
pub use error::{ImapError, Stage};
pub use fetch::{Envelope, Headers, RawMail};
pub use idle::IdleEnd;
pub use settings::{ImapServer, Limits, Security, Timeouts};
pub use special::Role;
