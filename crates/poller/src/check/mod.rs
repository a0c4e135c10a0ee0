//! `check`: mailbox, submission server, database and hours, tried for real. `imap` logs in, `folders` looks at those that are
//! read and written, `verdict` whether the server says anything of senders, `arrival` for the letter of `check --send`.

mod arrival;
mod folders;
mod imap;
mod verdict;

use std::path::Path;
use std::time::Duration;

use ninetosix_core::check::{self, Report};
use ninetosix_core::clock::Clock;
use ninetosix_core::config::Settings;
use ninetosix_core::domain::address::EmailAddress;

/// How long a letter to the desk itself may take to come in.
pub const ARRIVAL: Duration = Duration::from_secs(60);

/// Tries everything the poller needs and returns the report; `file` is where the settings came from.
pub async fn run(settings: &Settings, file: &Path, clock: &dyn Clock) -> Report {
    let mut report = Report::new(settings.language);
    check::configuration(&mut report, settings, file, clock.now());
    let store = check::database(&mut report, settings).await;
    if let Some(store) = &store {
        check::quiet(&mut report, store).await;
        check::approved_hours(&mut report, settings, store, clock.now()).await;
    }
    check::clock(&mut report, settings, store.as_ref(), clock).await;
    check::disk(&mut report, settings);
    for mailbox in &settings.mailboxes {
        imap::imap(&mut report, settings, mailbox).await;
        check::smtp(&mut report, mailbox).await;
    }
    report
}

/// Sends a letter from every mailbox to `to`; one that is the desk's own is waited for, for `patience` at most.
pub async fn send(
    report: &mut Report,
    settings: &Settings,
    to: &EmailAddress,
    patience: Duration,
    clock: &dyn Clock,
) {
    let own = settings
        .mailboxes
        .iter()
        .find(|mailbox| mailbox.address == *to);
    for mailbox in &settings.mailboxes {
        let sent = check::send(report, settings, mailbox, to, clock).await;
        if let (Some(sent), Some(own)) = (sent, own) {
            arrival::wait(report, own, &sent.message_id, patience).await;
        }
    }
}
