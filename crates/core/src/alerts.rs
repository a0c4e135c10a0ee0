//! The loop that looks whether the desk is well, and tells the operator when it is not, and when it is again: by a letter
//! through the outbox, and by a command of his own, since mail or database may be what is broken.
//!
//! Both daemons run it and see the same, so that each notices when the other is gone; the database lets one of them tell.
//! What only a transaction knows (a refused letter, one set aside) is raised there and ended here.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::io::AsyncWriteExt;

use crate::clock::Clock;
use crate::config::{Database, Settings};
use crate::delivery::Office;
use crate::disk;
use crate::domain::address::EmailAddress;
use crate::domain::alert::{Alert, ONCE_IN, Until};
use crate::domain::calendar::Calendar;
use crate::domain::letter::Lane;
use crate::health;
use crate::stop::Stop;
use crate::store::alert::OpenAlert;
use crate::store::heartbeat::pulse_name;
use crate::store::registration::Registrar;
use crate::store::{Result, Store};

/// How often the desk is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What has lasted so long is told: after an outage all is late for a moment.
const SETTLED: TimeDelta = TimeDelta::seconds(60);
/// A mailbox that was never read may be read for the first time, which takes its while.
const FIRST_READING: TimeDelta = TimeDelta::minutes(10);
/// A daemon without a sign of life for so long does not run.
const SILENT: TimeDelta = TimeDelta::minutes(10);
/// Less room than this where the database is.
const LEAST_FREE: u64 = 100 * 1024 * 1024;
/// An absence of the database that is told afterwards.
const LONG_AWAY: TimeDelta = TimeDelta::minutes(5);
/// How long the operator's command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Looks after the desk.
pub(crate) struct Alerts {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) offices: BTreeMap<EmailAddress, Arc<Office>>,
    pub(crate) stop: Stop,
    /// Since when each condition holds: mailbox and matter.
    pub(crate) seen: BTreeMap<(String, String), DateTime<Utc>>,
    pub(crate) away: Option<Away>,
}

/// The database does not answer.
pub(crate) struct Away {
    since: DateTime<Utc>,
    told: bool,
}

/// Something that is wrong now.
struct Condition {
    /// The support address it is about; empty for the whole desk.
    mailbox: String,
    alert: Alert,
    /// How long it has to last before it is told.
    settled: TimeDelta,
}

impl Alerts {
    /// Looks until a stop is asked for.
    pub(crate) async fn run(mut self) {
        loop {
            let now = self.clock.now();
            match self.look(now).await {
                Ok(()) => {}
                Err(error) => self.is_away(&error.to_string(), now).await,
            }
            if !self.stop.sleep(LOOK_EVERY).await {
                return;
            }
        }
    }

    async fn look(&mut self, now: DateTime<Utc>) -> Result<()> {
        let conditions = self.conditions(now).await?;
        let mut lasting = BTreeSet::new();
        for condition in conditions {
            let Condition {
                mailbox,
                alert,
                settled,
            } = condition;
            let key = (mailbox, alert.matter.clone());
            let since = *self.seen.entry(key.clone()).or_insert(now);
            if (now - since).abs() >= settled {
                let registrar = self.registrar(&key.0);
                let raised = self
                    .store
                    .raise(registrar, &key.0, &alert, Until::Looked, now);
                if raised.await? {
                    tracing::warn!(alert = alert.matter, "{}", alert.title.en);
                }
            }
            lasting.insert(key);
        }
        self.seen.retain(|key, _| lasting.contains(key));
        for open in self.store.open_alerts().await? {
            if self.is_over(&open, &lasting).await? {
                let registrar = self.registrar(&open.mailbox);
                if self.store.end_alert(registrar, &open, now).await? {
                    tracing::info!(alert = open.matter, "it is over");
                }
            }
        }
        if let Some(away) = self.away.take()
            && (away.told || now - away.since >= LONG_AWAY)
        {
            let alert = Alert::database_was_away((now - away.since).num_minutes().max(1));
            let registrar = self.registrar("");
            self.store
                .raise(registrar, "", &alert, Until::Told, now)
                .await?;
        }
        self.tell_command(now).await
    }

    /// Returns what is wrong now, as far as the database and the disk tell.
    async fn conditions(&self, now: DateTime<Utc>) -> Result<Vec<Condition>> {
        let mut found = Vec::new();
        let mut add = |mailbox: &str, alert, settled| {
            found.push(Condition {
                mailbox: mailbox.to_owned(),
                alert,
                settled,
            });
        };
        let polls = health::polls(&self.store, &self.settings, now).await?;
        for (mailbox, vital) in self.settings.mailboxes.iter().zip(polls) {
            if !vital.good {
                let (address, problem) =
                    (mailbox.address.as_str(), vital.problem.unwrap_or_default());
                let minutes = vital.age_s.map(|age| age / 60);
                let settled = if minutes.is_some() {
                    SETTLED
                } else {
                    FIRST_READING
                };
                add(
                    address,
                    Alert::not_read(address, minutes, or_unknown(&problem)),
                    settled,
                );
            }
        }
        for lane in [Lane::Poller, Lane::Worker] {
            let vital = health::letters(&self.store, &self.settings, lane, now).await?;
            if !vital.good {
                let (minutes, problem) = (
                    vital.age_s.unwrap_or(0) / 60,
                    vital.problem.unwrap_or_default(),
                );
                add(
                    "",
                    Alert::overdue(lane, minutes, or_unknown(&problem)),
                    SETTLED,
                );
            }
            let beats = self.store.heartbeats().await?;
            let loops = pulse_name(lane, "");
            let last = beats
                .iter()
                .filter(|beat| beat.name.starts_with(&loops))
                .map(|beat| beat.at)
                .max();
            if let Some(last) = last.filter(|last| now - *last > SILENT) {
                add("", Alert::silent(lane, last), SETTLED);
            }
        }
        if let Database::Sqlite { path } = &self.settings.database {
            let folder = path.parent().unwrap_or(path);
            if let Some(free) = disk::free_bytes(folder)
                .ok()
                .filter(|free| *free < LEAST_FREE)
            {
                add(
                    "",
                    Alert::disk(&folder.display().to_string(), free >> 20),
                    SETTLED,
                );
            }
        }
        let wanted = |calendar: &Calendar| calendar.wanted_year(calendar.date_of(now));
        if let Some(year) = self.settings.calendars().filter_map(wanted).min() {
            add("", Alert::calendar(year), SETTLED);
        }
        Ok(found)
    }

    async fn is_over(
        &self,
        open: &OpenAlert,
        lasting: &BTreeSet<(String, String)>,
    ) -> Result<bool> {
        if let Some(pulse) = &open.pulse {
            let beats = self.store.heartbeats().await?;
            let good = beats
                .iter()
                .find(|beat| beat.name == *pulse)
                .and_then(|beat| beat.good_at);
            return Ok(good.is_some_and(|good| good > open.raised_at));
        }
        if let Some(id) = open
            .matter
            .strip_prefix("quarantine ")
            .and_then(|id| id.parse().ok())
        {
            return Ok(!self.store.is_quarantined(id).await?);
        }
        Ok(!lasting.contains(&(open.mailbox.clone(), open.matter.clone())))
    }

    /// From where a letter about this mailbox goes out: rather not from itself.
    fn registrar<'a>(&'a self, about: &str) -> Registrar<'a> {
        let mut mailboxes = self.settings.mailboxes.iter().map(|own| &own.address);
        let other = mailboxes.clone().find(|own| own.as_str() != about);
        let address = other
            .or_else(|| mailboxes.next())
            .expect("there is a mailbox");
        self.offices[address].registrar(address)
    }

    /// Nothing can be written down: the command alone can be told.
    async fn is_away(&mut self, problem: &str, now: DateTime<Utc>) {
        let away = self.away.get_or_insert(Away {
            since: now,
            told: false,
        });
        if !away.told
            && (now - away.since).abs() >= SETTLED
            && !self.settings.operator_command.is_empty()
        {
            away.told = true;
            let alert = Alert::database_away(problem);
            let language = self.settings.language;
            let (title, words) = (alert.title.of(language), alert.words.of(language));
            self.run_command(&alert.matter, "", "raised", title, words)
                .await;
        }
    }

    async fn tell_command(&self, now: DateTime<Utc>) -> Result<()> {
        if self.settings.operator_command.is_empty() {
            return Ok(());
        }
        while let Some(telling) = self.store.take_telling(now - ONCE_IN).await? {
            let state = if telling.is_over { "over" } else { "raised" };
            self.run_command(
                &telling.matter,
                &telling.mailbox,
                state,
                &telling.title,
                &telling.words,
            )
            .await;
        }
        Ok(())
    }

    /// Runs the operator's command: no shell, nothing of our environment; what there is to say comes in on its standard input.
    async fn run_command(
        &self,
        matter: &str,
        mailbox: &str,
        state: &str,
        title: &str,
        words: &str,
    ) {
        let Some((program, arguments)) = self.settings.operator_command.split_first() else {
            return;
        };
        let run = async {
            let mut child = tokio::process::Command::new(program)
                .args(arguments)
                .env_clear()
                .envs([
                    (
                        "PATH",
                        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    ),
                    ("LANG", "C.UTF-8"),
                    ("NINETOSIX_ALERT", matter),
                    ("NINETOSIX_ALERT_MAILBOX", mailbox),
                    ("NINETOSIX_ALERT_STATE", state),
                ])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // One that does not listen may have been told by its environment.
                let _ = stdin
                    .write_all(format!("{title}\n\n{words}\n").as_bytes())
                    .await;
            }
            child.wait().await
        };
        match tokio::time::timeout(COMMAND_LIMIT, run).await {
            Ok(Ok(status)) if status.success() => {
                tracing::info!(alert = matter, state, "the operator's command was told")
            }
            Ok(Ok(status)) => {
                tracing::warn!(alert = matter, state, %status, "the operator's command failed")
            }
            Ok(Err(error)) => {
                tracing::warn!(alert = matter, state, %error, "the operator's command cannot be run")
            }
            Err(_) => tracing::warn!(
                alert = matter,
                state,
                "the operator's command took too long and was ended"
            ),
        }
    }
}

fn or_unknown(problem: &str) -> &str {
    if problem.is_empty() { "?" } else { problem }
}
