//! Sending: one letter to one recipient over SMTP submission, and an honest word about what became of it.
//!
//! lettre speaks the protocol (`AsyncSmtpConnection`); this module dials, does TLS, and puts a stream of
//! its own between the two. The stream sees plain text and can therefore promise three things that lettre
//! alone cannot:
//!
//! 1. **The last look.** The terminating `CRLF . CRLF` (RFC 5321 section 4.1.1.4) is withheld until the
//!    caller's future says yes. If it says no, the terminator is never written and the connection is
//!    dropped, so the server has not accepted the mail.
//! 2. **Nothing but the frozen bytes.** Whatever lettre writes after `DATA` is compared, byte by byte, with
//!    the caller's bytes as RFC 5321 section 4.5.2 says they must be dot-stuffed; a difference ends the
//!    connection before the mail is ended. A command is one line, or it is not sent.
//! 3. **Every reply belongs to its command.** Replies are parsed here first, capped, and counted only if the
//!    server was silent before the command; lettre's own reading must agree.
//!
//! ```text
//!   SmtpSession::send           MAIL, RCPT, before_data, DATA, body, gate, dot, reply; sorts the outcome
//!     `- lettre                 AsyncSmtpConnection: commands, dot-stuffing
//!          `- GatedStream       withholds the dot, checks turns and bytes   <-- Conversation -->  session
//!               `- tokio-rustls (or nothing, to loopback)
//!                    `- TCP
//! ```
//!
//! It leaves to others: what is in a letter, whether it may go now, when to try again, and what a
//! [`Class`] means for the queue. It reads no clock but tokio's timer, and no configuration.
//!
//! | file | idea |
//! |---|---|
//! | `server` | where to send, as whom, how long to wait |
//! | `dial` | TCP, TLS, EHLO; the ways of not getting a session |
//! | `greeting` | what is said before lettre comes in: greeting, STARTTLS |
//! | `auth` | AUTH PLAIN, LOGIN and XOAUTH2; no text of ours repeats a credential |
//! | `session` | one letter's way through an open session |
//! | `line` | one command, one reply, in time |
//! | `outcome` | what became of it, and the one table that sorts replies |
//! | `outgoing` | the gate every outgoing byte passes |
//! | `envelope` | addresses in MAIL and RCPT |
//! | `stream` | the stream under lettre |
//! | `dotted` | what the body must look like on the wire, and where it ends |
//! | `conversation` | what stream and session tell each other |
//! | `reply` | replies: parsed strictly, capped, cleaned |
//!
//! **Architecture invariant:** no credential is written before TLS is up, except to a loopback address under
//! [`Security::PlainLoopback`], and no value this module returns contains one.
//!
//! **Architecture invariant:** [`SendOutcome::Failed`] and [`SendOutcome::GateClosed`] are returned only if
//! the server has not accepted the mail; [`SendOutcome::Accepted`] only after its own `250`. Everything in
//! between is [`SendOutcome::Ambiguous`].

mod auth;
mod conversation;
mod dial;
mod dotted;
mod envelope;
mod greeting;
mod line;
mod outcome;
mod outgoing;
mod reply;
mod server;
mod session;
mod stream;
#[cfg(test)]
mod tests;

pub use dial::{DialError, DialStage};
pub use outcome::{Class, Failure, Refusal, SendOutcome, Stage};
pub use outgoing::{NotSendable, check_outgoing};
pub use server::{Security, SmtpServer, Timeouts};
pub use session::SmtpSession;
