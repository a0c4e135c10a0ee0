//! What Prometheus is told: read from the database when it asks, so that it is true of the desk and not of one process.
//!
//! | name | labels | what it is |
//! |---|---|---|
//! | `ninetosix_up` | | 1 if the database answered |
//! | `ninetosix_vital_good` | `vital` | 1 if it is well: `poll:ADDRESS`, `letters:LANE`, `calendar` |
//! | `ninetosix_vital_age_seconds` | `vital` | age of the last good poll, or of the oldest letter that is due |
//! | `ninetosix_calendar_end_timestamp_seconds` | | the last day of the production calendar's data |
//! | `ninetosix_clock_agrees` | | worker: 1 if it is known what time it is |
//! | `ninetosix_loop_good_age_seconds` | `loop` | since the last good turn of each loop |
//! | `ninetosix_alert` | `matter`, `mailbox` | 1 for each alert that lasts |
//! | `ninetosix_tickets`, `ninetosix_letters` | `state` | how many there are |
//! | `ninetosix_messages` | `outcome` | how many are in the ledger |
//! | `ninetosix_disk_free_bytes` | | SQLite: room where the database is |
//! | `ninetosix_build_info` | `daemon`, `version` | 1 |
//! | `process_resident_memory_bytes`, `process_open_fds`, `process_cpu_seconds` | | of this process |

use std::fs;
use std::sync::atomic::AtomicU64;

use chrono::{DateTime, Utc};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::config::{Database, Settings};
use crate::disk;
use crate::domain::letter::Lane;
use crate::health;
use crate::store::{Result, Store};
use crate::timekeeper::Timekeeper;

type Labels = Vec<(&'static str, String)>;

/// Metrics by name, each with its samples.
#[derive(Default)]
struct Page {
    registry: Registry,
}

impl Page {
    fn add(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (Labels, f64)>) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in samples {
            family.get_or_create(&labels).set(value);
        }
        self.registry.register(name, help, family);
    }

    fn one(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.add(name, help, [(Vec::new(), value)]);
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes everything");
        text
    }
}

/// Returns the page that `/metrics` answers with, in the text format of OpenMetrics.
pub(crate) async fn page(
    store: &Store,
    settings: &Settings,
    lane: Lane,
    timekeeper: &Timekeeper,
    now: DateTime<Utc>,
) -> String {
    let mut page = Page::default();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let build = vec![("daemon", lane.as_str().to_owned()), ("version", version)];
    page.add("ninetosix_build_info", "What runs", [(build, 1.0)]);
    let told = of_database(&mut page, store, settings, lane, now).await;
    if let Err(error) = &told {
        tracing::debug!(%error, "metrics: the database did not answer");
    }
    let up = f64::from(u8::from(told.is_ok()));
    page.one("ninetosix_up", "1 if the database answered", Some(up));
    // Counting may take long on a large database; that it took too long says nothing of the rest.
    if let Err(error) = counts(&mut page, store).await {
        tracing::debug!(%error, "metrics: nothing was counted");
    }
    if lane == Lane::Worker {
        let agrees = f64::from(u8::from(timekeeper.problem().is_none()));
        page.one(
            "ninetosix_clock_agrees",
            "1 if it is known what time it is",
            Some(agrees),
        );
    }
    if let Database::Sqlite { path } = &settings.database {
        let free = disk::free_bytes(path.parent().unwrap_or(path));
        page.one(
            "ninetosix_disk_free_bytes",
            "Room where the database is",
            free.ok().map(|free| free as f64),
        );
    }
    page.one(
        "process_resident_memory_bytes",
        "Memory in use",
        resident_bytes(),
    );
    page.one(
        "process_open_fds",
        "Open files and connections",
        open_files(),
    );
    page.one(
        "process_cpu_seconds",
        "Time of the processor so far",
        cpu_seconds(),
    );
    page.text()
}

async fn of_database(
    page: &mut Page,
    store: &Store,
    settings: &Settings,
    lane: Lane,
    now: DateTime<Utc>,
) -> Result<()> {
    let vitals = health::vitals(store, settings, lane, now).await?;
    let good = vitals.iter().map(|vital| {
        (
            vec![("vital", vital.name.clone())],
            f64::from(u8::from(vital.good)),
        )
    });
    page.add("ninetosix_vital_good", "1 if it is well", good);
    let age = vitals
        .iter()
        .filter_map(|vital| Some((vec![("vital", vital.name.clone())], vital.age_s? as f64)));
    page.add(
        "ninetosix_vital_age_seconds",
        "Age of the last good poll, or of the oldest letter that is due",
        age,
    );
    let end = vitals.iter().find_map(|vital| vital.until);
    let end = end.map(|end| end.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() as f64);
    page.one(
        "ninetosix_calendar_end_timestamp_seconds",
        "The last day of the production calendar's data",
        end,
    );
    let beats = store.heartbeats().await?.into_iter();
    let beats = beats.filter_map(|beat| {
        Some((
            vec![("loop", beat.name)],
            (now - beat.good_at?).num_seconds() as f64,
        ))
    });
    page.add(
        "ninetosix_loop_good_age_seconds",
        "Since the last good turn of each loop",
        beats,
    );
    let alerts = store.open_alerts().await?.into_iter();
    let alerts = alerts.map(|alert| {
        (
            vec![("matter", alert.matter), ("mailbox", alert.mailbox)],
            1.0,
        )
    });
    page.add("ninetosix_alert", "1 for each alert that lasts", alerts);
    Ok(())
}

/// How many tickets, letters and messages there are.
async fn counts(page: &mut Page, store: &Store) -> Result<()> {
    let by = |label: &'static str, counts: Vec<(String, i64)>| {
        counts
            .into_iter()
            .map(move |(name, n)| (vec![(label, name)], n as f64))
    };
    page.add(
        "ninetosix_tickets",
        "Tickets there are",
        by("state", store.tickets_by_state().await?),
    );
    page.add(
        "ninetosix_letters",
        "Letters of ours there are",
        by("state", store.letters_by_state().await?),
    );
    page.add(
        "ninetosix_messages",
        "Messages in the ledger",
        by("outcome", store.messages_by_outcome().await?),
    );
    Ok(())
}

/// The memory that is in use, from /proc/self/status, which counts in KiB.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024.0)
}

fn open_files() -> Option<f64> {
    // The one that reads the directory is gone afterwards.
    let files = fs::read_dir("/proc/self/fd").ok()?.count().checked_sub(1)?;
    Some(files as f64)
}

/// Fields 14 and 15 of proc(5) stat, counted after the name in brackets, in ticks of 10 ms.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The names of metrics in a text.
    fn names(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let ours = ["ninetosix_", "process_"];
        let words = words.filter(|word| ours.iter().any(|ours| word.starts_with(ours)));
        words.collect()
    }

    #[test]
    fn rules_and_dashboard_ask_for_what_there_is() {
        let source = include_str!("metrics.rs");
        let (table, code) = source
            .split_once("use std::fs;")
            .expect("a table, then code");
        let (code, _) = code.split_once("mod tests").expect("code, then tests");
        assert_eq!(names(table), names(code), "the table names what is served");
        for asking in [
            include_str!("../../../deploy/monitoring/alerts.rules.yml"),
            include_str!("../../../deploy/monitoring/grafana-dashboard.json"),
        ] {
            let unknown: Vec<_> = names(asking).difference(&names(table)).copied().collect();
            assert_eq!(unknown, [""; 0]);
        }
    }
}
