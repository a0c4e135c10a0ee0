//! The daemon: one loop a mailbox that sends what waits for business hours, and one that carries out what specialists
//! ordered outside them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ninetosix_core::clock::Clock;
use ninetosix_core::config::Settings;
use ninetosix_core::daemon::Daemon;
use ninetosix_core::delivery::Office;
use ninetosix_core::domain::gate::{Gate, may_finish};
use ninetosix_core::domain::letter::Lane;
use ninetosix_core::pulse::Pulse;
use ninetosix_core::stop::Stop;
use ninetosix_core::store::{Result, Store};
use ninetosix_core::timekeeper::Timekeeper;

/// How often orders that have come due are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Runs the worker until `stop` is asked for.
pub async fn run(settings: Settings, clock: Arc<dyn Clock>, stop: Stop) -> anyhow::Result<()> {
    let Some(daemon) = Daemon::start(&settings, clock, stop).await? else {
        return Ok(());
    };
    let mut loops = tokio::task::JoinSet::new();
    let mut bells = Vec::new();
    for mailbox in &settings.mailboxes {
        let delivery = daemon.delivery(Lane::Worker, mailbox)?;
        bells.push(delivery.wake.clone());
        loops.spawn(delivery.run());
    }
    loops.spawn(daemon.rings(Lane::Worker, bells));
    loops.spawn(orders(
        daemon.store.clone(),
        daemon.clock.clone(),
        daemon.timekeeper.clone(),
        daemon.office.clone(),
        daemon.stop.clone(),
    ));
    tracing::info!(mailboxes = settings.mailboxes.len(), "the worker runs");
    daemon.finish(loops).await
}

/// Carries out the orders given outside business hours, in order of writing, once the desk is open.
async fn orders(
    store: Store,
    clock: Arc<dyn Clock>,
    timekeeper: Arc<Timekeeper>,
    office: Arc<Office>,
    stop: Stop,
) {
    let mut pulse = Pulse::new("orders".to_owned());
    let is_open = || {
        let gate = |at| may_finish(Lane::Worker, &office.desk.calendar, at);
        timekeeper.gate(Lane::Worker, None, gate) == Gate::Open
    };
    loop {
        let now = clock.now();
        if is_open() {
            match apply(&store, &timekeeper, &office, now, is_open).await {
                Ok(0) => pulse.good(&store, now).await,
                Ok(applied) => {
                    tracing::info!(applied, "carried out orders given outside business hours")
                }
                Err(error) => pulse.bad(&store, error.to_string(), now).await,
            }
        }
        if !stop.sleep(LOOK_EVERY).await {
            return;
        }
    }
}

/// Carries out what is due, and returns how much that was. Letters ask the database for the time on their way; here it is
/// asked if there is something to do.
async fn apply(
    store: &Store,
    timekeeper: &Timekeeper,
    office: &Office,
    now: DateTime<Utc>,
    is_open: impl Fn() -> bool,
) -> Result<u64> {
    if !store.has_due_command(now).await? || !timekeeper.compare(store).await? || !is_open() {
        return Ok(0);
    }
    store
        .apply_due_commands(&office.desk, &office.key, now)
        .await
}
