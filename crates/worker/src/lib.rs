//! Outbox to SMTP, inside business hours: notices, answers and everything else that is not a receipt.
//!
//! - [`app`] builds the daemon and stops it; [`tickets`] shows conversations to operators, [`letters`] outgoing letters; [`copies`] makes backups and
//!   brings them back, [`moving`] takes the desk from SQLite to PostgreSQL; [`check`] tries the configuration;
//! - [`retention`] applies the terms of the configuration, [`erase`] forgets one person, [`export`] hands out what is held;
//! - [`schedule`] is the sheet for the stand and the site, [`calendar`] answers when the desk is open, why a date is so, shows a
//!   year, and translates one from other formats; [`simulate`] plays days to come.

pub mod app;
pub mod calendar;
mod calendar_watch;
pub mod check;
pub mod copies;
pub mod erase;
pub mod export;
pub mod letters;
pub mod moving;
pub mod retention;
mod say;
pub mod schedule;
pub mod simulate;
#[cfg(test)]
mod testing;
pub mod tickets;
