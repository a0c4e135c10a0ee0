//! What whole-system tests are made of: a mail server, a database on either engine, a desk of two real daemons, and
//! people who write and read. Nothing here looks at the daemons' own counters: facts are read from the database and
//! from the Maildirs.
//!
//! | file | what it is |
//! |---|---|
//! | `lab` | the mail server that `tests/run.sh` starts, or one of a test's own; numbers that no two tests share |
//! | `database` | a fresh database on either engine, and its rows as they are |
//! | `config` | the configuration of a desk, to be changed before it is written |
//! | `daemon` | one running program: started, stopped by SIGTERM, killed; its log |
//! | `desk` | a configuration, a database and both daemons, with the people around them |
//! | `letter` | letters by hand, as raw bytes; replies as mail programs quote them |
//! | `mail` | a mail as it arrived |
//! | `lmtp` | straight into a mailbox |
//! | `charset` | KOI8-R and windows-1251 |
//! | `cut` | a proxy that cuts connections at a byte |
//! | `fimap` | an IMAP server that can be made to lie, to flood and to break off |
//! | `fsmtp` | a submission server that can be made to flood, to mumble and to keep silent |
//! | `cut_answer` | a proxy before PostgreSQL that swallows an answer |
//! | `hold` | points at which a daemon waits for the test |
//! | `sink` | a submission server that notes the desk's own time |
//! | `office` | a desk on a clock of the test's own, and both daemons in the test's process |
//! | `manager` | a service manager that listens to a daemon, as systemd does |
//! | `moscow` | Moscow time as letters say it |
//! | `oracle` | what must be true after any crash |
//! | `tokens` | a server that gives out access tokens |
//! | `wait` | waiting for something to become true |
//!
//! Times are waited for, never slept through: [`wait_until`] looks again every 30 ms.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "each test binary uses its own part"
)]
#![allow(clippy::panic, reason = "a test ends by it")]

pub(crate) mod charset;
pub(crate) mod config;
pub(crate) mod cut;
pub(crate) mod cut_answer;
pub(crate) mod daemon;
pub(crate) mod database;
pub(crate) mod desk;
pub(crate) mod fimap;
pub(crate) mod fsmtp;
pub(crate) mod hold;
pub(crate) mod lab;
pub(crate) mod letter;
pub(crate) mod lmtp;
pub(crate) mod mail;
pub(crate) mod manager;
pub(crate) mod moscow;
pub(crate) mod office;
pub(crate) mod oracle;
pub(crate) mod sink;
pub(crate) mod tokens;
pub(crate) mod wait;

pub(crate) use config::{Config, Hours};
pub(crate) use daemon::{Daemon, Program};
pub(crate) use database::{Database, Engine, Row};
pub(crate) use desk::Desk;
pub(crate) use hold::Holds;
pub(crate) use lab::Lab;
pub(crate) use letter::{Client, Letter, fresh_uuid};
pub(crate) use mail::Mail;
pub(crate) use wait::{LIMIT, wait_until};

/// Runs the same test on both engines: `on_both_engines! { fn a_sentence(engine) { … } }`.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* fn $name:ident($engine:ident) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports, reason = "not every test needs everything")]
            use super::*;

            fn body($engine: Engine) $body

            $(#[$meta])*
            #[test]
            fn sqlite() {
                body(Engine::Sqlite);
            }

            $(#[$meta])*
            #[test]
            fn postgres() {
                body(Engine::Postgres);
            }
        })*
    };
}
pub(crate) use on_both_engines;
