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
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;

use crate::clock::Clock;
use crate::config::{Database, Settings};
use crate::delivery::Office;
use crate::disk;
use crate::domain::address::EmailAddress;
use crate::domain::alert::{Alert, ONCE_IN, Until};
use crate::domain::letter::Lane;
use crate::health;
use crate::stop::Stop;
use crate::store::alert::OpenAlert;
use crate::store::heartbeat::{Heartbeat, RETENTION, pulse_name};
use crate::store::registration::Registrar;
use crate::store::{Result, Store};
use crate::watchdog;

/// How often the desk is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What was seen so often, one look after the other, is told: after an outage, or when the clock was set, all is late for a
/// moment. A minute.
const SETTLED: u32 = 12;
/// A mailbox that was never read may be read for the first time, which takes its while: ten minutes.
const FIRST_READING: u32 = 120;
/// A daemon without a sign of life for so long does not run.
const SILENT: TimeDelta = TimeDelta::minutes(10);
/// An absence of the database that is told afterwards.
const LONG_AWAY: TimeDelta = TimeDelta::minutes(5);
/// How long the operator's command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(20);
/// How long it is left alone when it failed.
const COMMAND_RESTS: TimeDelta = TimeDelta::minutes(1);

/// Looks after the desk.
pub(crate) struct Alerts {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) offices: BTreeMap<EmailAddress, Arc<Office>>,
    pub(crate) stop: Stop,
    /// Less room than so many bytes where the database is.
    pub(crate) least_free: u64,
    /// In how many looks each condition was seen: mailbox and matter.
    pub(crate) seen: BTreeMap<(String, String), u32>,
    pub(crate) away: Option<Away>,
    /// Until when the operator's command is left alone.
    pub(crate) command_rests_until: Option<DateTime<Utc>>,
}

/// The database does not answer.
pub(crate) struct Away {
    since: DateTime<Utc>,
    looks: u32,
    told: bool,
}

/// Something that is wrong now.
struct Condition {
    /// The support address it is about; empty for the whole desk.
    mailbox: String,
    alert: Alert,
    /// In how many looks it is to be seen before it is told.
    settled: u32,
}

impl Alerts {
    /// Looks until a stop is asked for.
    pub(crate) async fn run(mut self) {
        loop {
            self.turn().await;
            if !self.stop.sleep(LOOK_EVERY).await {
                return;
            }
        }
    }

    async fn turn(&mut self) {
        let now = self.clock.now();
        watchdog::turn(None);
        if let Err(error) = self.look(now).await {
            self.is_away(&error.to_string(), now).await;
        }
    }

    async fn look(&mut self, now: DateTime<Utc>) -> Result<()> {
        let beats = self.store.heartbeats().await?;
        let conditions = self.conditions(&beats, now).await?;
        let open = self.store.open_alerts().await?;
        let mut lasting = BTreeSet::new();
        for condition in conditions {
            let Condition {
                mailbox,
                alert,
                settled,
            } = condition;
            let key = (mailbox, alert.matter.clone());
            let seen = self.seen.entry(key.clone()).or_insert(0);
            *seen = seen.saturating_add(1);
            // What lasts is told already: nothing is written at every look.
            let lasts = |open: &OpenAlert| (&open.mailbox, &open.matter) == (&key.0, &key.1);
            if *seen >= settled && !open.iter().any(lasts) {
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
        for open in open {
            if self.is_over(&open, &beats, &lasting).await? {
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
    async fn conditions(&self, beats: &[Heartbeat], now: DateTime<Utc>) -> Result<Vec<Condition>> {
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
        // Of a restored desk the operator knows that it sends nothing.
        let is_quiet = self.store.quiet().await?.is_some();
        for lane in [Lane::Poller, Lane::Worker] {
            let vital = health::letters(&self.store, &self.settings, lane, now).await?;
            if !vital.good && !is_quiet {
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
                .filter(|free| *free < self.least_free)
            {
                add(
                    "",
                    Alert::disk(&folder.display().to_string(), free >> 20),
                    SETTLED,
                );
            }
        }
        let retention = beats.iter().find(|beat| beat.name == RETENTION);
        if let Some(problem) = retention.and_then(|beat| beat.problem.as_ref())
            && !self.settings.retention.is_empty()
        {
            add("", Alert::retention(problem), SETTLED);
        }
        if let Some(year) = self.settings.wanted_year(now) {
            add("", Alert::calendar(year), SETTLED);
        }
        Ok(found)
    }

    async fn is_over(
        &self,
        open: &OpenAlert,
        beats: &[Heartbeat],
        lasting: &BTreeSet<(String, String)>,
    ) -> Result<bool> {
        if let Some(pulse) = &open.pulse {
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
            looks: 0,
            told: false,
        });
        away.looks = away.looks.saturating_add(1);
        if !away.told && away.looks >= SETTLED && !self.settings.operator_command.is_empty() {
            let alert = Alert::database_away(problem);
            let language = self.settings.language;
            let (title, words) = (alert.title.of(language), alert.words.of(language));
            let told = self
                .run_command(&alert.matter, "", "raised", title, words)
                .await;
            if let Some(away) = &mut self.away {
                away.told = told;
                away.looks = 0;
            }
        }
    }

    async fn tell_command(&mut self, now: DateTime<Utc>) -> Result<()> {
        if self.settings.operator_command.is_empty() {
            return Ok(());
        }
        if self.command_rests_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        while !self.stop.is_asked()
            && let Some(telling) = self.store.take_telling(now - ONCE_IN).await?
        {
            // Of the database a row says that it was away.
            let is_over = telling.is_over || telling.matter == "database";
            let state = if is_over { "over" } else { "raised" };
            let (mailbox, words) = (&telling.mailbox, &telling.words);
            if !self
                .run_command(&telling.matter, mailbox, state, &telling.title, words)
                .await
            {
                self.command_rests_until = Some(now + COMMAND_RESTS);
                return self.store.give_back_telling(&telling).await;
            }
        }
        Ok(())
    }

    /// Runs the operator's command: no shell, nothing of our environment; what there is to say comes in on its standard input.
    /// Returns whether it took it.
    async fn run_command(
        &self,
        matter: &str,
        mailbox: &str,
        state: &str,
        title: &str,
        words: &str,
    ) -> bool {
        let Some((program, arguments)) = self.settings.operator_command.split_first() else {
            return false;
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
                .process_group(0)
                .spawn()?;
            let _family = Family(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
            if let Some(mut stdin) = child.stdin.take() {
                // One that does not listen may have been told by its environment.
                let _ = stdin
                    .write_all(format!("{title}\n\n{words}\n").as_bytes())
                    .await;
            }
            child.wait().await
        };
        let why = match watchdog::waiting(tokio::time::timeout(COMMAND_LIMIT, run)).await {
            Ok(Ok(status)) if status.success() => {
                tracing::info!(alert = matter, state, "the operator's command was told");
                return true;
            }
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long and was ended".to_owned(),
        };
        tracing::warn!(
            alert = matter,
            state,
            why,
            "the operator's command could not be told"
        );
        false
    }
}

/// The operator's command and whatever it started: nothing of it stays when it ended or its time is over.
struct Family(Option<Pid>);

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails where nobody is left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn or_unknown(problem: &str) -> &str {
    if problem.is_empty() { "?" } else { problem }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::clock::ManualClock;
    use crate::config;
    use crate::config::testing::write_secret;
    use crate::domain::token::{TokenKey, TokenKeys};
    use crate::stop::Stopper;

    const POLL: &str = "poll:help@school.test";

    /// A desk whose command writes down what it is told.
    struct Told {
        alerts: Alerts,
        clock: Arc<ManualClock>,
        file: PathBuf,
        _dir: tempfile::TempDir,
        _stopper: Stopper,
    }

    impl Told {
        async fn new() -> Told {
            let dir = tempfile::tempdir().expect("a directory");
            let place = |name: &str| dir.path().join(name);
            write_secret(&place("mail.password"), "x\n");
            let file = place("told");
            let script = place("alert");
            let lines = format!(
                "#!/bin/sh\nread -r title\necho \"$NINETOSIX_ALERT $NINETOSIX_ALERT_STATE $1 $title\" >>{}\n",
                file.display()
            );
            fs::write(&script, lines).expect("written");
            fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("set");
            let settings = settings(&place("ninetosix.toml"), &script);
            let store = Store::open(&settings.database).await.expect("opens");
            let clock = Arc::new(ManualClock::new(at("2026-11-24T09:00:00Z")));
            let key = TokenKeys::new(TokenKey::new('a', [7; 32]), None);
            let offices = settings.mailboxes.iter().map(|own| {
                let office = Office::new(&settings, &own.address, key.clone());
                (own.address.clone(), Arc::new(office))
            });
            let (stopper, stop) = Stopper::new();
            let alerts = Alerts {
                offices: offices.collect(),
                settings,
                store,
                clock: clock.clone(),
                stop,
                least_free: 0,
                seen: BTreeMap::new(),
                away: None,
                command_rests_until: None,
            };
            let told = Told {
                alerts,
                clock,
                file,
                _dir: dir,
                _stopper: stopper,
            };
            told.beat(POLL).await;
            told
        }

        fn now(&self) -> DateTime<Utc> {
            self.clock.now()
        }

        async fn beat(&self, name: &str) {
            let beat = self.alerts.store.beat(name, None, self.now()).await;
            beat.expect("the database");
        }

        async fn turns(&mut self, turns: u32) {
            for _ in 0..turns {
                self.alerts.turn().await;
            }
        }

        /// What the command was told since the last time.
        fn take(&self) -> Vec<String> {
            let text = fs::read_to_string(&self.file).unwrap_or_default();
            let _ = fs::remove_file(&self.file);
            text.lines().map(str::to_owned).collect()
        }

        /// Looks until what is wrong is told, and once more after it was mended by `mend`.
        async fn tells(&mut self, looks: u32, raised: &str, mend: impl AsyncFn(&Told)) {
            self.turns(looks - 1).await;
            assert_eq!(self.take(), [""; 0], "not before {looks} looks");
            self.turns(3).await;
            assert_eq!(self.take(), [raised]);
            mend(self).await;
            self.turns(2).await;
            let (matter, title) = raised.split_once(" raised it ").expect("what is told");
            assert_eq!(self.take(), [format!("{matter} over it {title}")]);
        }
    }

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().expect("an instant")
    }

    fn settings(file: &Path, script: &Path) -> Settings {
        let toml = format!(
            "language = \"en\"\n[database]\nurl = \"sqlite:desk.db\"\n[identity]\nrequire = \"token\"\n\
             [[mailbox]]\naddress = \"help@school.test\"\npassword_file = \"mail.password\"\nprovider = \"yandex\"\n\
             [[specialist]]\nlogin = \"ivan\"\nname = \"Ivan\"\naddress = \"ivan@school.test\"\n\
             [[retention]]\naddresses = [\"help@school.test\"]\nafter_days = 365\naction = \"erase\"\n\
             [operator]\naddress = \"it@school.test\"\ncommand = [\"{}\", \"it\"]\n",
            script.display()
        );
        fs::write(file, toml).expect("written");
        config::load(file).expect("sound")
    }

    #[tokio::test]
    async fn each_condition_is_told_when_it_lasts_and_when_it_is_over() {
        let mut desk = Told::new().await;
        desk.turns(200).await;
        assert_eq!(desk.take(), [""; 0], "all is well");

        desk.clock.advance(TimeDelta::minutes(11));
        let read = async |desk: &Told| desk.beat(POLL).await;
        desk.tells(
            SETTLED,
            "poll raised it the mailbox help@school.test is not read",
            read,
        )
        .await;

        // Two letters of alerts wait, and nobody sends them.
        desk.clock.advance(TimeDelta::minutes(16));
        desk.beat(POLL).await;
        let sent = async |desk: &Told| {
            let send = "UPDATE letter SET state = 'sent', sent_at = due_at";
            desk.alerts.store.run(send).await;
        };
        desk.tells(
            SETTLED,
            "letters poller raised it letters do not leave in time",
            sent,
        )
        .await;

        desk.beat("deliver:worker:help@school.test").await;
        desk.clock.advance(TimeDelta::minutes(11));
        for name in [POLL, "deliver:poller:help@school.test"] {
            desk.beat(name).await;
        }
        let back = async |desk: &Told| desk.beat("deliver:worker:help@school.test").await;
        desk.tells(
            SETTLED,
            "silent worker raised it ninetosix-worker does not run",
            back,
        )
        .await;
    }

    #[tokio::test]
    async fn what_cannot_be_erased_is_told() {
        let mut desk = Told::new().await;
        let beat = desk
            .alerts
            .store
            .beat(RETENTION, Some("locked"), desk.now());
        beat.await.expect("the database");
        let erased = async |desk: &Told| desk.beat(RETENTION).await;
        desk.tells(
            SETTLED,
            "retention raised it what is kept no longer is not erased",
            erased,
        )
        .await;
    }

    #[tokio::test]
    async fn disk_calendar_and_a_first_reading_are_told() {
        let mut desk = Told::new().await;
        desk.alerts.least_free = u64::MAX;
        desk.turns(SETTLED).await;
        assert_eq!(desk.take(), ["disk raised it the disk is nearly full"]);
        desk.alerts.least_free = 0;
        desk.turns(1).await;
        assert_eq!(desk.take(), ["disk over it the disk is nearly full"]);

        desk.clock.set(at("2027-11-02T09:00:00Z"));
        desk.alerts
            .store
            .run("UPDATE letter SET state = 'sent'")
            .await;
        desk.beat(POLL).await;
        desk.turns(SETTLED).await;
        assert_eq!(
            desk.take(),
            ["calendar raised it there is no production calendar of 2028"]
        );
        desk.clock.set(at("2027-10-30T09:00:00Z"));
        desk.alerts
            .store
            .run("UPDATE letter SET state = 'sent'")
            .await;
        desk.beat(POLL).await;
        desk.turns(1).await;
        assert_eq!(
            desk.take(),
            ["calendar over it there is no production calendar of 2028"]
        );

        desk.alerts.store.run("DELETE FROM heartbeat").await;
        let read = async |desk: &Told| desk.beat(POLL).await;
        desk.tells(
            FIRST_READING,
            "poll raised it the mailbox help@school.test is not read",
            read,
        )
        .await;
    }

    #[tokio::test]
    async fn what_a_loop_met_is_over_with_its_next_good_turn() {
        let mut desk = Told::new().await;
        let pulse = pulse_name(Lane::Worker, "help@school.test");
        let alert = Alert::refused("help@school.test", Lane::Worker, "554 5.7.1 spam");
        let address = desk.alerts.settings.mailboxes[0].address.clone();
        let registrar = desk.alerts.offices[&address].registrar(&address);
        let until = Until::GoodTurn(&pulse);
        let raised =
            desk.alerts
                .store
                .raise(registrar, address.as_str(), &alert, until, desk.now());
        assert!(raised.await.expect("the database"));
        desk.turns(1).await;
        assert_eq!(
            desk.take(),
            ["refused raised it the provider refuses letters from help@school.test"]
        );
        desk.clock.advance(TimeDelta::seconds(30));
        desk.turns(1).await;
        assert_eq!(desk.take(), [""; 0], "it lasts");
        desk.beat(&pulse).await;
        desk.turns(1).await;
        assert_eq!(
            desk.take(),
            ["refused over it the provider refuses letters from help@school.test"]
        );
    }

    #[tokio::test]
    async fn without_a_database_the_command_alone_is_told() {
        let mut desk = Told::new().await;
        let closed = Store::connect(&desk.alerts.settings.database)
            .await
            .expect("opens");
        closed.clone().close().await.expect("closes");
        let open = std::mem::replace(&mut desk.alerts.store, closed);
        desk.turns(SETTLED - 1).await;
        assert_eq!(desk.take(), [""; 0]);
        desk.turns(5).await;
        assert_eq!(desk.take(), ["database raised it the database is away"]);
        desk.clock.advance(TimeDelta::minutes(3));
        desk.alerts.store = open;
        desk.beat(POLL).await;
        desk.turns(1).await;
        assert_eq!(desk.take(), ["database over it the database was away"]);
        desk.turns(2).await;
        assert_eq!(desk.take(), [""; 0]);
    }

    #[tokio::test]
    async fn a_command_that_fails_holds_up_nothing_and_is_told_again() {
        let mut desk = Told::new().await;
        let command = std::mem::take(&mut desk.alerts.settings.operator_command);
        for failing in ["/bin/false", "/nonexistent/alert"] {
            desk.alerts.settings.operator_command = vec![failing.to_owned()];
            desk.alerts.least_free = u64::MAX;
            desk.turns(SETTLED).await;
            desk.alerts.least_free = 0;
            desk.turns(1).await;
            let sent = "UPDATE letter SET state = 'sent'";
            desk.alerts.store.run(sent).await;
            let open = desk.alerts.store.open_alerts().await;
            assert_eq!(open.expect("the database"), []);
            desk.clock.advance(TimeDelta::minutes(61));
            desk.beat(POLL).await;
        }
        // Of the first nothing is told any more, of the second what began and ended half an hour ago.
        desk.alerts.settings.operator_command = command;
        desk.clock.advance(TimeDelta::minutes(-31));
        desk.beat(POLL).await;
        desk.turns(1).await;
        let title = "it the disk is nearly full";
        assert_eq!(
            desk.take(),
            [format!("disk raised {title}"), format!("disk over {title}")]
        );
    }

    #[tokio::test]
    async fn nothing_stays_of_a_command() {
        let mut desk = Told::new().await;
        let script = "sleep 300 & echo $! > \"$0\".child; cat > /dev/null";
        let child = desk.file.with_extension("child");
        let name = child.with_extension("").display().to_string();
        let command = ["/bin/sh", "-c", script, &name].map(str::to_owned);
        desk.alerts.settings.operator_command = command.to_vec();
        desk.alerts.least_free = u64::MAX;
        desk.turns(SETTLED).await;
        let pid = fs::read_to_string(&child).expect("it ran");
        let lives = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        for _ in 0..200 {
            if !lives() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        unreachable!("what it started lives on");
    }

    #[tokio::test]
    async fn what_lasted_for_hours_is_over_for_the_command_too() {
        let mut desk = Told::new().await;
        desk.alerts.least_free = u64::MAX;
        desk.turns(SETTLED).await;
        assert_eq!(desk.take(), ["disk raised it the disk is nearly full"]);
        desk.alerts
            .store
            .run("UPDATE letter SET state = 'sent'")
            .await;
        desk.clock.advance(TimeDelta::hours(3));
        desk.beat(POLL).await;
        desk.alerts.least_free = 0;
        desk.turns(1).await;
        assert_eq!(desk.take(), ["disk over it the disk is nearly full"]);
    }
}
