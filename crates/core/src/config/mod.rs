//! The configuration: one TOML file for both daemons, checked whole before anything is connected.
//!
//! Sources are, in rising order: our defaults, the file, and `NINETOSIX__TABLE__KEY` variables for scalars
//! of plain tables. [`load()`] answers with typed [`Settings`] or with every problem at once, each with its
//! place, what is wrong and what to do, in the language of the configuration. Secrets come from files of
//! their own, and neither `Debug` nor a problem ever shows one.
//!
//! | file | idea |
//! | --- | --- |
//! | `load` | the table of contents of a configuration: every table is read, every problem kept |
//! | `settings` | the typed result |
//! | `problem` | what is wrong, where and what to do, in two languages |
//! | `sources` | which file; defaults, file and environment merged into one tree |
//! | `environment` | which variables are settings, and which only look like it |
//! | `schema` | the names of all keys, and which of them this version obeys |
//! | `names` | names in the file that are unknown, not obeyed yet, or in the wrong brackets |
//! | `reader` | typed values out of the tree; missing ones and wrong types |
//! | `mailbox`, `folders`, `endpoint`, `oauth` | `[[mailbox]]`, its folders, its servers and `[mailbox.oauth]` |
//! | `identity` | `[identity]`: what a specialist's letter must show |
//! | `database` | the database's address, TLS rules included |
//! | `hours`, `calendar_files` | `[hours]` and each `[[calendar]]` made into a calendar |
//! | `deadlines` | `[deadlines]`: the terms that are promised |
//! | `retention` | `[[retention]]`: for how long what was written is kept |
//! | `people`, `address` | specialists, phones, the operator; nobody stands in two places |
//! | `answers` | single values as `init` asks for them |
//! | `secret` | where passwords are looked for, and which files are too open |
//! | `token_key` | the keys of our tokens, the first made at the first start |
//!
//! The annotated sample is `deploy/config/ninetosix.toml`, that of the containers `deploy/docker/ninetosix.toml`, that of the
//! Debian package `deploy/debian/ninetosix.toml`; tests load all three.

mod address;
pub mod answers;
mod calendar_files;
#[cfg(test)]
mod container_sample;
mod database;
mod deadlines;
#[cfg(test)]
mod debian_sample;
mod endpoint;
mod environment;
mod folders;
mod hours;
mod identity;
mod load;
mod mailbox;
mod names;
mod oauth;
mod operation;
mod people;
mod problem;
mod reader;
mod retention;
#[cfg(test)]
mod sample;
mod schema;
mod secret;
mod settings;
mod sources;
#[cfg(test)]
pub(crate) mod testing;
mod token_key;

pub use crate::domain::language::Language;
pub use endpoint::{Endpoint, Provider, Security};
pub(crate) use hours::flaw as calendar_flaw;
pub use load::{load, load_hours};
pub(crate) use problem::{Flaw, quoted, words};
pub use problem::{Problem, Problems, Words};
pub use settings::{
    AfterRegistration, Application, Approval, Database, Hours, Identity, Login, Mailbox, Phone,
    PhoneHours, Require, Settings, Signboard,
};
pub use sources::{Unreadable, path, read_text};
pub use token_key::{
    TokenKeyBytes, TokenKeyError, TokenKeyLine, TokenKeyLines, token_key, token_key_trouble,
};
