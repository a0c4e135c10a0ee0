//! The daemon: one loop a mailbox that reads, one that sends what may go at any hour.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use ninetosix_core::clock::Clock;
use ninetosix_core::config::{self, Settings};
use ninetosix_core::daemon::Daemon;
use ninetosix_core::domain::letter::Lane;
use ninetosix_core::oauth::Login;
use ninetosix_core::stop::Stop;
use ninetosix_core::watchdog::Watchdog;

use crate::copies::Removing;
use crate::folder::Intake;
use crate::imap::{ImapServer, Security};
use crate::mailbox::MailboxLoop;
use crate::register::Register;
use crate::sent_folder::SentFolder;
use crate::suspects::Suspects;

/// Runs the poller until `stop` is asked for.
pub async fn run(
    settings: Settings,
    clock: Arc<dyn Clock>,
    stop: Stop,
    watchdog: Watchdog,
) -> anyhow::Result<()> {
    let Some(daemon) = Daemon::start(&settings, clock, stop, watchdog).await? else {
        return Ok(());
    };
    let mut loops = tokio::task::JoinSet::new();
    for mailbox in &settings.mailboxes {
        let delivery = daemon.delivery(Lane::Poller, mailbox)?;
        let register = Register {
            store: daemon.store.clone(),
            clock: daemon.clock.clone(),
            office: daemon.office(&mailbox.address),
            mailbox: mailbox.address.clone(),
            wake: delivery.wake.clone(),
            stop: daemon.stop.clone(),
            born: Instant::now(),
            at_hand: HashMap::new(),
            blameless: Vec::new(),
        };
        let watch = |name: &str| format!("{name}:{}", mailbox.address);
        loops.spawn(daemon.watchdog.watch(&watch("deliver"), delivery.run()));
        let reading = MailboxLoop {
            settings: mailbox.clone(),
            server: server(mailbox)?,
            intake: Intake {
                register,
                after: mailbox.after_registration.clone(),
                letter_cap_bytes: settings.letter_cap_bytes,
                suspects: Suspects::default(),
                refusal_told: false,
                removing: Removing::default(),
                comparisons_failed: 0,
                comparison_met_nonsense: false,
            },
            sent: SentFolder {
                store: daemon.store.clone(),
                clock: daemon.clock.clone(),
                mailbox: mailbox.address.clone(),
                failures: 0,
                again: None,
                removing: Removing::default(),
            },
            stop: daemon.stop.clone(),
            idle_failures: 0,
            idle_again: None,
        };
        loops.spawn(daemon.watchdog.watch(&watch("poll"), reading.run()));
    }
    daemon.look_after(&settings, Lane::Poller, &mut loops);
    tracing::info!(mailboxes = settings.mailboxes.len(), "the poller runs");
    daemon.finish(loops).await
}

/// Returns the IMAP server of a mailbox.
pub fn server(mailbox: &config::Mailbox) -> anyhow::Result<ImapServer> {
    let tls = ninetosix_core::tls::client(mailbox.ca_file.as_deref(), &mailbox.fingerprints)
        .context("reading certificates")?;
    Ok(ImapServer {
        host: mailbox.imap.host.clone(),
        port: mailbox.imap.port,
        security: match mailbox.imap.security {
            config::Security::Implicit => Security::Implicit,
            config::Security::StartTls => Security::StartTls,
            config::Security::PlainLoopback => Security::PlainLoopback,
        },
        user: mailbox.user.clone(),
        login: Login::of(mailbox, &tls).context("reading certificates")?,
        tls,
        mute: Default::default(),
    })
}
