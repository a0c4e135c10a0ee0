//! `check`: submission server, database and hours, tried for real.

use ninetosix_core::check::{self, Report};
use ninetosix_core::clock::Clock;
use ninetosix_core::config::Settings;

/// Tries everything the worker needs and returns the report.
pub async fn run(settings: &Settings, clock: &dyn Clock) -> Report {
    let mut report = Report::new(settings.language);
    check::configuration(&mut report, settings, clock.now());
    if let Some(store) = check::database(&mut report, settings).await {
        check::approved_hours(&mut report, settings, &store, clock.now()).await;
        check::strays(&mut report, settings, &store).await;
        check::promises(&mut report, settings, &store, clock.now()).await;
    }
    for mailbox in &settings.mailboxes {
        check::smtp(&mut report, mailbox).await;
    }
    report
}
