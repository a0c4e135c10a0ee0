//! `check`: the configuration tried against the live servers, one line a fact, every ✗ and every warning with its cure, in the
//! operator's language. Nothing on any server is changed, but for the letter that `check --send` is asked for.
//!
//! | file | what it looks at |
//! |---|---|
//! | `report` | the facts, and how they are printed |
//! | `cure` | every advice there is |
//! | `configuration` | hours, calendar, identity, the operator, servers abroad: what needs no server |
//! | `database` | is it reached, whose schema is it, who else may read it, does it keep what it confirms |
//! | `standing` | hours and promises of before, letters of addresses that are gone |
//! | `disk` | free space, and whether the service may write |
//! | `clock` | is it the database's, does anything keep it |
//! | `smtp` | the submission server |
//! | `encryption` | what to do about a handshake that failed |
//! | `login` | what to do about a mailbox that does not let us in |
//! | `send` | a letter that proves delivery |

mod clock;
mod configuration;
mod cure;
mod database;
mod disk;
mod encryption;
mod login;
mod report;
mod send;
mod smtp;
mod standing;

pub use clock::clock;
pub use configuration::configuration;
pub use cure::{Advice, Cure};
pub use database::database;
pub use disk::disk;
pub use encryption::encryption;
pub use login::{login, token};
pub use report::{Fact, Report, Verdict, words};
pub use send::{Sent, send};
pub use smtp::smtp;
pub use standing::{approved_hours, promises, quiet, strays};
