//! A desk on a clock of the test's own: both daemons run in this process, and their mail goes to a server that notes the
//! desk's own time.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::thread::JoinHandle;

use chrono::{DateTime, Utc};
use ninetosix_core::clock::{Clock, ManualClock};
use ninetosix_core::config::{self, Settings};
use ninetosix_core::stop::{Stop, Stopper};
use ninetosix_core::watchdog::Watchdog;

use super::sink::{Sink, Taken};
use super::{Client, Config, Desk, Engine, Lab, Letter, Program, daemon};

/// What the daemons call themselves.
pub(crate) const WORKER: &str = "worker.school.test";
pub(crate) const POLLER: &str = "poller.school.test";

/// A desk that keeps business hours, on a clock of the test's own.
pub(crate) struct Office {
    /// The desk; its daemons run in this process.
    pub(crate) desk: Desk,
    /// The time.
    pub(crate) clock: Arc<ManualClock>,
    /// Where mail goes.
    pub(crate) sink: Sink,
    stopper: Option<Stopper>,
    daemons: Vec<JoinHandle<()>>,
}

/// At this Moscow time.
pub(crate) fn at(time: &str) -> DateTime<Utc> {
    let time = format!("{time}+03:00");
    DateTime::parse_from_rfc3339(&time)
        .expect("a time")
        .to_utc()
}

/// What a mail of ours is for: the first word of its Message-ID.
pub(crate) fn kind(taken: &Taken) -> String {
    taken
        .mail
        .message_id
        .split('.')
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Writes the desk's configuration with real hours, our server, and a name for whoever runs on it.
pub(crate) fn office_config(desk: &Desk, hello: &str, port: u16) -> PathBuf {
    let file = desk.config_file();
    let text = fs::read_to_string(&file).expect("the configuration");
    let submissions = desk.lab.variable("MAILLAB_SUBMISSIONS_PORT");
    let text = text
        .replace(
            &format!("smtps://localhost:{submissions}"),
            &format!("smtp://127.0.0.1:{port}"),
        )
        .replace("desk.school.test", hello)
        .replace("mon-sun = [\"00:00-24:00\"]", "mon-fri = [\"09:00-18:00\"]")
        .replace("calendar = \"none\"", "calendar = \"ru\"");
    let own = file.with_file_name(format!("{hello}.toml"));
    fs::write(&own, text).expect("a configuration");
    own
}

impl Office {
    /// Opens a desk at this time.
    pub(crate) fn open(engine: Engine, now: DateTime<Utc>) -> Office {
        Office::open_with(engine, now, |_| {}, |port| port)
    }

    /// The same with another configuration; the worker sends to the port that `worker_port` makes of the server's.
    pub(crate) fn open_with(
        engine: Engine,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut Config),
        worker_port: impl FnOnce(u16) -> u16,
    ) -> Office {
        ninetosix_core::tls::install_provider();
        let desk = Desk::new(&Lab::shared(), engine, change);
        let clock = Arc::new(ManualClock::new(now));
        let sink = Sink::start(clock.clone());
        let (stopper, stop) = Stopper::new();
        let mut office = Office {
            desk,
            clock,
            sink,
            stopper: Some(stopper),
            daemons: Vec::new(),
        };
        let port = office.sink.port;
        let poller = office.settings(POLLER, port);
        let worker = office.settings(WORKER, worker_port(port));
        let clock = office.clock.clone();
        office.run(stop.clone(), |stop| async {
            ninetosix_poller::app::run(poller, clock, stop, Watchdog::default()).await
        });
        let clock = office.clock.clone();
        office.run(stop, |stop| async {
            ninetosix_worker::app::run(worker, clock, stop, Watchdog::default()).await
        });
        office.desk.wait_for_poll();
        office
    }

    fn settings(&self, hello: &str, port: u16) -> Settings {
        config::load(&office_config(&self.desk, hello, port))
            .unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn run<F>(&mut self, stop: Stop, daemon: impl FnOnce(Stop) -> F + Send + 'static)
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        self.daemons.push(std::thread::spawn(move || {
            runtime
                .block_on(daemon(stop))
                .expect("the daemon ends well")
        }));
    }

    /// Moves the clock and waits until both daemons have looked at the outbox, and the poller at the mailbox, by it.
    pub(crate) fn move_to(&mut self, now: DateTime<Utc>) {
        self.clock.set(now);
        let shown = now.format("%Y-%m-%d").to_string();
        let minute = now.format("%H:%M").to_string();
        for name in ["deliver:worker:", "deliver:poller:", "poll:"] {
            let beat = format!("FROM heartbeat WHERE name LIKE '{name}%'");
            self.desk.wait(&format!("{name} at {now}"), |desk| {
                let rows = desk.database.rows("at", &beat);
                let at = rows.first()?.text("at").to_owned();
                (at.contains(&shown) && at.contains(&minute)).then_some(())
            });
        }
    }

    /// Returns the mails that were taken so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.sink.notes(|notes| notes.taken.clone())
    }

    /// Returns how often the worker connected.
    pub(crate) fn worker_connections(&self) -> usize {
        self.sink.notes(|notes| {
            notes
                .connections
                .iter()
                .filter(|hello| *hello == WORKER)
                .count()
        })
    }

    /// Waits for a mail of this kind to this address beyond the first `known`.
    pub(crate) fn wait_for(&mut self, known: usize, wanted: &str, address: &str) -> Taken {
        let sink = self.sink.clone();
        self.desk.wait(&format!("{wanted} to {address}"), |_| {
            let found = |taken: &&Taken| kind(taken) == wanted && taken.recipient == address;
            sink.notes(|notes| notes.taken.iter().skip(known).find(found).cloned())
        })
    }

    /// Runs a command of the worker by the worker's own hours.
    pub(crate) fn worker_command(&self, arguments: &[&str]) -> Output {
        let config = self.desk.dir().join(format!("{WORKER}.toml"));
        daemon::command(Program::Worker, &config, arguments)
    }

    /// Somebody's letter that arrives by the desk's own clock, registered.
    pub(crate) fn receive_now(&mut self, letter: &Letter) -> String {
        let now = self.clock.now();
        self.desk.lab.put_dated(&self.desk.help, &letter.raw(), now);
        self.desk
            .wait_for_outcome(letter)
            .text("outcome")
            .to_owned()
    }

    /// Somebody's letter, registered.
    pub(crate) fn receive(&mut self, from: &str, letter: &Letter) -> String {
        self.desk.receive(from, letter);
        self.desk
            .wait_for_outcome(letter)
            .text("outcome")
            .to_owned()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if let Some(stopper) = self.stopper.take() {
            stopper.stop();
        }
        for daemon in self.daemons.drain(..) {
            let ended = daemon.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "a daemon ended badly"
            );
        }
    }
}

/// A mail of ours as its recipient's program answers it.
pub(crate) fn reply(name: &str, to: &Taken, words: &str) -> Letter {
    Letter::reply(name, &to.recipient, &to.mail, Client::Thunderbird, words)
}
