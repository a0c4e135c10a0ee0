//! The worker as it is released, under libfaketime: from a Friday evening to a Monday morning, and with a clock that is set
//! under it. What was sent is noted by a server that knows the same time.
//!
//! Runs where `NINETOSIX_TEST_FAKETIME` names libfaketimeMT.so.1 and the worker is built with `--release`:
//! tests/faults.sh sees to both.

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use ninetosix_core::clock::{Clock, ManualClock};
use rustix::process::{Pid, Signal, kill_process};
use support::office::{POLLER, WORKER, at, office_config};
use support::sink::{Sink, Taken};
use support::{Desk, Engine, Lab, Program, wait_until};

/// A worker whose time the test tells.
struct FakeWorker {
    desk: Desk,
    sink: Sink,
    clock: Arc<ManualClock>,
    file: PathBuf,
    child: Child,
}

impl FakeWorker {
    /// Starts the worker at this time, with a notice for each of these moments. `None` where there is no libfaketime.
    fn start(
        now: DateTime<Utc>,
        moments: &[DateTime<Utc>],
        steady_too: bool,
    ) -> Option<FakeWorker> {
        let Some(library) = std::env::var_os("NINETOSIX_TEST_FAKETIME") else {
            eprintln!("NINETOSIX_TEST_FAKETIME is not set: see tests/faults.sh");
            return None;
        };
        let operator = "[operator]\naddress = \"it@school.test\"\n";
        let mut desk = Desk::new(&Lab::shared(), Engine::Sqlite, |config| {
            config.tables.push_str(operator);
        });
        desk.start_one(Program::Poller, &[]);
        desk.wait_for_poll();
        let letter = desk.rita_writes("Не открывается", "Помогите.");
        assert_eq!(desk.wait_for_outcome(&letter).text("outcome"), "ticket");
        desk.stop(Program::Poller);
        notices(&desk, moments);

        let clock = Arc::new(ManualClock::new(now));
        let sink = Sink::start(clock.clone());
        let config = office_config(&desk, WORKER, sink.port);
        let file = desk.dir().join("now");
        write(&file, now, 1);
        let log = File::create(desk.dir().join("worker.log")).expect("a log");
        let mut worker = Command::new("setpriv");
        worker
            .args(["--pdeathsig", "KILL", "--"])
            .arg(released())
            .args(["run", "--config"])
            .arg(config)
            .env_clear()
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &file)
            .env("FAKETIME_NO_CACHE", "1")
            // The file is in local time.
            .env("TZ", "UTC");
        if !steady_too {
            worker.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let child = worker
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the same log"))
            .stderr(log)
            .spawn()
            .expect("the worker starts");
        Some(FakeWorker {
            desk,
            sink,
            clock,
            file,
            child,
        })
    }

    /// Sets the worker's clock, and lets it run so many times as fast as time does until it shows `until`.
    fn run(&mut self, from: DateTime<Utc>, speed: i32, until: DateTime<Utc>) {
        self.clock.set(from);
        write(&self.file, from, speed);
        let begun = Instant::now();
        while self.clock.now() < until {
            let passed = TimeDelta::from_std(begun.elapsed()).expect("a short time");
            self.clock.set(from + passed * speed);
            assert!(
                self.child.try_wait().expect("our child").is_none(),
                "{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sets the worker's clock while the monotonic one runs on.
    fn set(&self, to: DateTime<Utc>) {
        self.clock.set(to);
        write(&self.file, to, 1);
    }

    /// Waits until the log says this so many times.
    fn wait_for_log(&self, words: &str, times: usize) {
        let says = || (self.log().matches(words).count() >= times).then_some(());
        wait_until(support::LIMIT, &format!("the worker says: {words}"), says);
    }

    fn log(&self) -> String {
        fs::read_to_string(self.desk.dir().join("worker.log")).unwrap_or_default()
    }

    fn taken(&self) -> Vec<Taken> {
        self.sink.notes(|notes| notes.taken.clone())
    }

    /// Ends it with SIGTERM.
    fn stop(&mut self) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a pid");
        kill_process(pid, Signal::TERM).expect("the worker is ours");
        let status = self.child.wait().expect("our child");
        assert!(status.success(), "{status}\n{}", self.log());
    }
}

impl Drop for FakeWorker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the worker's log\n{}", self.log());
        }
    }
}

/// The file libfaketime reads: this time from now on, at this speed. It replaces the one before as a whole.
fn write(file: &Path, now: DateTime<Utc>, speed: i32) {
    let whole = file.with_extension("new");
    fs::write(
        &whole,
        format!("@{} x{speed}\n", now.format("%Y-%m-%d %H:%M:%S")),
    )
    .expect("a file");
    fs::rename(whole, file).expect("it is there at once");
}

/// The worker built with `--release`, beside the test's own profile.
fn released() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a file");
    let target = test.ancestors().nth(3).expect("target/debug/deps/test");
    let worker = target.join("release/ninetosix-worker");
    assert!(
        worker.exists(),
        "{} is not built: use tests/faults.sh",
        worker.display()
    );
    worker
}

/// Makes a notice for each moment out of the two there are, which go.
fn notices(desk: &Desk, moments: &[DateTime<Utc>]) {
    let notice = "kind = 'notice' AND recipient_login = 'ivan' AND recipient_address NOT LIKE 'x%'";
    for (n, moment) in moments.iter().enumerate() {
        let due = moment.format("%Y-%m-%dT%H:%M:%S+00:00");
        desk.database.execute(&format!(
            "INSERT INTO letter (kind, lane, mailbox, ticket, message, recipient_address, recipient_name, recipient_login, words, dedup_key, message_id,
                with_files, put_off, state, due_at, attempts, fence, possibly_twice, created_at)
             SELECT kind, lane, mailbox, ticket, message, 'x{n}@school.test', recipient_name, recipient_login, words, 'x{n}', 'x{n}@school.test',
                with_files, put_off, 'due', '{due}', 0, 0, possibly_twice, '{due}'
             FROM letter WHERE {notice}"
        ));
    }
    desk.database.execute("UPDATE letter SET state = 'cancelled' WHERE recipient_address NOT LIKE 'x%' AND state = 'due'");
}

fn in_hours(at: DateTime<Utc>) -> bool {
    let hours = [
        ("2026-11-27T09:00:00", "2026-11-27T18:00:00"),
        ("2026-11-30T09:00:00", "2026-11-30T18:00:00"),
    ];
    hours
        .iter()
        .any(|(from, to)| (support::office::at(from)..support::office::at(to)).contains(&at))
}

#[test]
fn from_friday_evening_to_monday_morning_nothing_leaves() {
    let every = |from: &str, count: i64, step: i64| {
        let from = at(from);
        (0..count)
            .map(move |n| from + TimeDelta::seconds(n * step))
            .collect::<Vec<_>>()
    };
    let mut moments = every("2026-11-27T17:59:15", 60, 1);
    moments.extend(every("2026-11-27T18:01:00", 62, 3600));
    moments.extend(every("2026-11-30T08:59:30", 60, 1));
    let Some(mut worker) = FakeWorker::start(at("2026-11-27T17:59:10"), &moments, true) else {
        return;
    };
    worker.run(at("2026-11-27T17:59:10"), 1, at("2026-11-27T18:00:15"));
    let evening = worker.taken().len();
    assert!(
        (10..=20).contains(&evening),
        "{evening} left before closing"
    );
    worker.run(at("2026-11-27T18:00:15"), 4000, at("2026-11-30T08:59:40"));
    assert_eq!(
        worker.taken().len(),
        evening,
        "nothing left over the weekend"
    );
    worker.run(at("2026-11-30T08:59:40"), 1, at("2026-11-30T09:00:45"));
    worker.stop();
    let all = worker.taken();
    for mail in &all {
        assert!(in_hours(mail.at), "{} left at {}", mail.recipient, mail.at);
    }
    assert_eq!(all.len(), moments.len(), "{}", worker.log());
    let sent = worker
        .desk
        .database
        .count("letter WHERE lane = 'worker' AND state = 'sent' AND attempts = 1");
    assert_eq!(sent, moments.len() as i64);
}

#[test]
fn a_clock_that_is_set_is_not_believed() {
    let moments: Vec<_> = (0..5)
        .map(|n| at("2026-11-27T17:00:00") + TimeDelta::minutes(n))
        .collect();
    let Some(mut worker) = FakeWorker::start(at("2026-11-27T17:00:00"), &moments, false) else {
        return;
    };
    let sink = worker.sink.clone();
    let taken = |sink: &Sink| sink.notes(|notes| notes.taken.len());
    wait_until(support::LIMIT, "the first leaves", || {
        (taken(&sink) == 1).then_some(())
    });
    // Three hours forward, back into the hours, over the weekend into Monday, and a day back.
    for to in [
        "2026-11-27T20:00:00",
        "2026-11-27T17:10:00",
        "2026-11-30T09:10:00",
        "2026-11-29T09:10:00",
    ] {
        worker.set(at(to));
        // Some looks at the outbox, none of which may find the time good.
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(taken(&sink), 1, "at {to}");
    }
    worker.wait_for_log("the clock was set forward by", 1);
    assert_eq!(
        worker.log().matches("the clock was set").count(),
        1,
        "told once: {}",
        worker.log()
    );
    let alerts = worker
        .desk
        .database
        .rows("words", "FROM alert WHERE matter = 'clock'");
    assert_eq!(alerts.len(), 1);
    assert!(
        alerts[0]
            .text("words")
            .contains("the clock was set forward by"),
        "{alerts:?}"
    );
    worker.stop();
    assert_eq!(
        worker
            .desk
            .database
            .count("letter WHERE lane = 'worker' AND state = 'sent'"),
        1
    );
    assert!(
        worker
            .taken()
            .iter()
            .all(|mail| mail.hello != POLLER && in_hours(mail.at))
    );
}
