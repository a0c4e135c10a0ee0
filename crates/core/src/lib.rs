//! What a ticket is, and what may happen to it.
//!
//! ninetosix is a support desk that lives entirely in mail, made of two daemons that meet only in a database:
//! the *poller* registers every letter and confirms it around the clock; the *worker* sends everything else, in
//! business hours only. This crate is what both of them know.
//!
//! ```text
//! poller ──┐                      domain   pure decisions; imports nothing of ours
//!          ├──▶ core:  store ──▶ domain ◀── mail
//! worker ──┘
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | what a letter means and what follows from it: values in, a decision out |
//! | [`mail`] | bytes to values and values to bytes: parsing, composing, the texts people read |
//! | [`store`] | the only code that knows tables and SQL |
//! | [`smtp`] | one connection to the submission server, with a gate right before the end of the data |
//! | [`delivery`] | the loop that takes letters from the outbox and sends them; both daemons run it, each in its lane |
//! | [`config`] | one file for both daemons, checked as a whole before anything is opened |
//! | [`serve`], [`daemon`] | a daemon from its first configuration to its end; what both begin and end with |
//! | [`watchdog`] | what the service manager is told |
//! | [`calendar_import`] | production calendars in the formats people have, translated and compared |
//! | [`approval`] | whether the hours stand as the head approved them |
//! | [`check`], [`health`], [`cli`] | what operators ask, and how programs answer |
//! | `alerts`, `http`, `metrics` | what operators and monitors are told |
//! | [`oauth`] | tokens that stand in for a password |
//! | [`timekeeper`] | whether the clocks agree about the time |
//! | [`clock`], [`stop`], [`process`], [`failpoint`], [`pulse`], [`logging`], [`tcp`], [`tls`] | time from outside, orderly stopping, who holds a lease, points to die at in tests, signs of life, log lines, connections, certificates |
//!
//! **The life of a letter**, in the order of the code: the poller stores the raw bytes with a ledger row
//! ([`store::intake`]); [`mail::parse`] reads them; [`store::registration`] looks up facts, asks
//! [`domain::registration::decide`], and writes everything that follows in one transaction: message, ticket, events,
//! outgoing letters, the ledger's outcome. [`delivery`] claims a due letter ([`store::outbox`]), asks
//! [`domain::gate`], composes it ([`store::content`], [`mail::compose`]), sends it, and records the outcome.

mod alerts;
pub mod approval;
pub mod calendar_import;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod delivery;
mod disk;
pub mod domain;
pub mod failpoint;
pub mod health;
mod http;
pub mod logging;
pub mod mail;
mod metrics;
pub mod oauth;
pub mod process;
pub mod pulse;
#[cfg(test)]
mod random;
pub mod serve;
pub mod smtp;
pub mod stop;
pub mod store;
pub mod tcp;
pub mod timekeeper;
pub mod tls;
pub mod watchdog;
