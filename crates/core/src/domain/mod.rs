//! Pure decisions: values in, a decision out.
//!
//! **Never here:** async, clocks, files, environment, sockets, tables. `now` is a parameter; what must be known comes
//! in as facts; what must be done goes out as a value. A test reads these files and fails on a forbidden import.

pub mod address;
pub mod alert;
pub mod anonymise;
pub mod beginning;
pub mod calendar;
pub mod clock_agreement;
pub mod command;
pub mod csv;
pub mod daily_ceiling;
pub mod deadline;
pub mod desk;
pub mod digest;
pub mod files;
pub mod gate;
pub mod incoming;
pub mod lane_pause;
pub mod language;
pub mod letter;
pub mod note;
pub mod notice_digest;
pub mod outgoing;
pub mod proof;
#[cfg(test)]
mod purity;
pub mod receipt_cap;
pub mod registration;
pub mod reply_text;
pub mod retention;
pub mod retry;
pub mod robot;
pub mod subject;
pub mod text;
pub mod thanks;
pub mod ticket;
pub mod token;
#[cfg(test)]
mod two_years_tests;
pub mod verdict;
pub mod waiting;
