//! `check`: submission server, database and hours, tried for real.

use std::path::Path;

use ninetosix_core::check::{self, Report};
use ninetosix_core::clock::Clock;
use ninetosix_core::config::Settings;
use ninetosix_core::domain::address::EmailAddress;

/// Tries everything the worker needs and returns the report; `file` is where the settings came from.
pub async fn run(settings: &Settings, file: &Path, clock: &dyn Clock) -> Report {
    let mut report = Report::new(settings.language);
    check::configuration(&mut report, settings, file, clock.now());
    let store = check::database(&mut report, settings).await;
    if let Some(store) = &store {
        check::quiet(&mut report, store).await;
        check::approved_hours(&mut report, settings, store, clock.now()).await;
        check::strays(&mut report, settings, store).await;
        check::promises(&mut report, settings, store, clock.now()).await;
    }
    check::clock(&mut report, settings, store.as_ref(), clock).await;
    check::disk(&mut report, settings);
    for mailbox in &settings.mailboxes {
        check::smtp(&mut report, mailbox).await;
    }
    report
}

/// Sends a letter from every mailbox to `to`; whether it comes in, the poller can tell.
pub async fn send(report: &mut Report, settings: &Settings, to: &EmailAddress, clock: &dyn Clock) {
    for mailbox in &settings.mailboxes {
        check::send(report, settings, mailbox, to, clock).await;
    }
}
