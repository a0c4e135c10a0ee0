//! IMAP mailbox to registered tickets and their receipts, around the clock.
//!
//! - [`app`] builds the daemon and stops it; `mailbox` is the loop over one mailbox, `pace` how often it tries; `folder`
//!   brings one folder and the ledger together, `numbering` says what its UIDs mean,
//!   `suspects` which letters the server could not give; `register` turns stored bytes into
//!   what they cause; `sent_folder` asks the folder of sent mail about letters that were not answered;
//! - [`imap`] is the connection; [`init`] writes a configuration; [`check`], [`explain`], [`ledger`] and [`quarantine`] are
//!   what operators ask.

pub mod app;
pub mod check;
mod copies;
pub mod explain;
mod folder;
pub mod imap;
pub mod init;
pub mod ledger;
mod mailbox;
mod numbering;
mod pace;
pub mod quarantine;
mod register;
mod sent_folder;
mod suspects;
mod uid_ranges;
