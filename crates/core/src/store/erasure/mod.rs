//! What is no longer to be kept: by a rule when its term has run out, or by an order about one person.
//!
//! Words, addresses, names, files and bytes go; rows stay where something must be known for ever: a ticket's number, dates and
//! states, the UID of a letter, and its hashes, by which a copy of it is recognised and becomes no ticket again. Every record
//! that is emptied is a line of an act.
//!
//! - `act`: acts and their lines; `raw`: the bytes of letters; `content`: tickets and what belongs to them;
//! - `due`: what the rules name today; `person`: what is held about an address; `copies`: copies on the mail server;
//! - `unreadable`: what it takes until bytes that were deleted cannot be read in the database's files.

pub mod act;
mod content;
pub mod copies;
pub mod due;
pub mod person;
mod raw;
mod unreadable;

pub use unreadable::Unreadable;

pub(super) use raw::{copies_unwanted, forgotten_id, known_again};
