//! The daemon: one loop a mailbox that sends what waits for business hours, and one that carries out what specialists
//! ordered outside them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ninetosix_core::clock::Clock;
use ninetosix_core::config::Settings;
use ninetosix_core::daemon::Daemon;
use ninetosix_core::delivery::Office;
use ninetosix_core::domain::address::EmailAddress;
use ninetosix_core::domain::gate::{Gate, may_finish};
use ninetosix_core::domain::letter::Lane;
use ninetosix_core::pulse::Pulse;
use ninetosix_core::stop::Stop;
use ninetosix_core::store::{Result, Store};
use ninetosix_core::timekeeper::Timekeeper;
use ninetosix_core::watchdog::{self, Watchdog};

use crate::calendar_watch;
use crate::retention::Retention;

/// How often orders that have come due are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Runs the worker until `stop` is asked for.
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
    let mut bells = Vec::new();
    for mailbox in &settings.mailboxes {
        let delivery = daemon.delivery(Lane::Worker, mailbox)?;
        bells.push(delivery.wake.clone());
        let watch = |name: &str| format!("{name}:{}", mailbox.address);
        loops.spawn(daemon.watchdog.watch(&watch("deliver"), delivery.run()));
        let orders = Orders {
            store: daemon.store.clone(),
            timekeeper: daemon.timekeeper.clone(),
            office: daemon.office(&mailbox.address),
            mailbox: mailbox.address.clone(),
        };
        let running = orders.run(daemon.clock.clone(), daemon.stop.clone());
        loops.spawn(daemon.watchdog.watch(&watch("orders"), running));
    }
    loops.spawn(daemon.rings(Lane::Worker, bells));
    loops.spawn(calendar_watch::run(
        settings.calendars().cloned().collect(),
        daemon.clock.clone(),
        daemon.stop.clone(),
    ));
    daemon.look_after(&settings, Lane::Worker, &mut loops);
    let retention = Retention {
        settings: settings.clone(),
        store: daemon.store.clone(),
        clock: daemon.clock.clone(),
        timekeeper: daemon.timekeeper.clone(),
        stop: daemon.stop.clone(),
    };
    loops.spawn(retention.run());
    tracing::info!(mailboxes = settings.mailboxes.len(), "the worker runs");
    daemon.finish(loops).await
}

/// Carries out the orders given outside business hours, in order of writing, once the mailbox is in its hours.
struct Orders {
    store: Store,
    timekeeper: Arc<Timekeeper>,
    office: Arc<Office>,
    mailbox: EmailAddress,
}

impl Orders {
    async fn run(self, clock: Arc<dyn Clock>, stop: Stop) {
        let mut pulse = Pulse::new(format!("orders:{}", self.mailbox));
        loop {
            let now = clock.now();
            watchdog::turn(None);
            if self.is_open() {
                match self.apply(now).await {
                    Ok(0) => pulse.good(&self.store, now).await,
                    Ok(applied) => {
                        tracing::info!(applied, "carried out orders given outside business hours")
                    }
                    Err(error) => pulse.bad(&self.store, error.to_string(), now).await,
                }
            }
            if !stop.sleep(LOOK_EVERY).await {
                return;
            }
        }
    }

    /// Carries out what is due, and returns how much that was. Letters ask the database for the time on their way; here it is
    /// asked if there is something to do.
    async fn apply(&self, now: DateTime<Utc>) -> Result<u64> {
        if !self.store.has_due_command(&self.mailbox, now).await?
            || !self.timekeeper.compare(&self.store).await?
            || !self.is_open()
        {
            return Ok(0);
        }
        let registrar = self.office.registrar(&self.mailbox);
        self.store.apply_due_commands(registrar, now).await
    }

    fn is_open(&self) -> bool {
        let gate = |at| may_finish(Lane::Worker, &self.office.desk.calendar, at);
        self.timekeeper.gate(Lane::Worker, None, gate) == Gate::Open
    }
}
