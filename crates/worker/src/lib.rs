//! Outbox to SMTP, inside business hours: notices, answers and everything else that is not a receipt.
//!
//! - [`app`] builds the daemon and stops it; [`tickets`] shows conversations to operators, [`letters`] outgoing letters; [`check`] tries the configuration;
//!   [`calendar_import`] translates production calendars.

pub mod app;
pub mod calendar_ask;
pub mod calendar_import;
pub mod check;
pub mod letters;
pub mod simulate;
pub mod tickets;
