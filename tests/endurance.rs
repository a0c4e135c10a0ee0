//! Both daemons at work for a long time in one process: they read the mailbox again and again, register, send, lose their
//! connections, end and begin anew, and take no more of the machine for it.
//!
//! Quickly 1,500 polls, 50 reconnects and 40 tickets; with `NINETOSIX_TEST_STRIDE` set 10,000, 2,050 and 500
//! (tests/faults.sh does). A poll is a SELECT of the inbox that a proxy before the server saw; a reconnect is a login that
//! the server wrote into its log. Most of them come with a new beginning as after SIGHUP, since one run of the poller logs in
//! no more than 30 times in ten minutes.

#![allow(clippy::panic, reason = "that is how a test fails")]

#[path = "endurance/growth.rs"]
mod growth;
mod support;
#[path = "endurance/way.rs"]
mod way;

use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ninetosix_core::clock::SystemClock;
use ninetosix_core::config::{self, Settings};
use ninetosix_core::stop::{Stop, Stopper};
use ninetosix_core::watchdog::Watchdog;
use tokio::runtime::{Builder, Runtime};

use growth::{Growth, Reading};
use support::{Desk, Engine, LIMIT, Lab, Letter, on_both_engines, wait_until};
use way::Way;

/// The least that a timer waits: a poll follows the other at once.
const AT_ONCE: Duration = Duration::from_millis(1);
/// How long so many polls may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// Readings in a part of the test.
const READINGS: u64 = 100;
/// Descriptors and threads that a part may have more at its end: a pool opens the last of its four connections when it
/// first needs it, and SQLite has three files and a thread for each; a letter may be on its way out. One of anything left
/// behind by each ticket or each hundredth poll is more.
const MORE: usize = 20;

/// The same after beginnings, of which there are fifty at least: one thread of the pool for files, which lives for ten seconds, may
/// be there or not.
const A_FEW: usize = 5;

/// Parts of the test: the warm-up, polls for each way to wait, beginnings.
const PARTS: u64 = 4;

/// How much is done.
#[derive(Clone, Copy)]
struct Length {
    /// Polls for each way to wait for news.
    polls: u64,
    /// Connections lost meanwhile.
    losses: u64,
    /// New beginnings after that.
    beginnings: u64,
    /// Tickets in all, as many in each part.
    tickets: u64,
    /// The share of a part, in per cent, in which its letters come. With each letter the database grows, and its caches until
    /// they are full: a short test is over before that, and so measures what comes after the letters.
    letters_within: u64,
}

const QUICK: Length = Length {
    polls: 750,
    losses: 3,
    beginnings: 40,
    tickets: 40,
    letters_within: 10,
};
const FULL: Length = Length {
    polls: 5_000,
    losses: 25,
    beginnings: 2_000,
    tickets: 500,
    letters_within: 100,
};

/// Set in the process that one engine's test has for itself, with one arena for the C library's allocator, as the units and
/// the image set it: more of them grow for minutes before they do no longer, and hide what is looked for.
const ALONE: &str = "NINETOSIX_TEST_ALONE";

/// How the poller waits for news.
#[derive(Debug, Clone, Copy)]
enum News {
    Noop,
    Idle,
}

/// A desk, and what its daemons run on.
struct Endurance {
    desk: Desk,
    plain: Way,
    tls: Way,
    runtime: Arc<Runtime>,
    /// Letters that came so far.
    letters: u64,
    /// What is left when nothing runs, after the warm-up.
    at_rest: Option<Reading>,
}

/// One run of both daemons, from a configuration that was read to the end.
struct Run {
    stopper: Stopper,
    daemons: JoinHandle<()>,
}

impl Run {
    fn end(self) {
        self.stopper.stop();
        self.daemons.join().expect("the daemons end well");
    }
}

impl Endurance {
    fn new(engine: Engine) -> Endurance {
        ninetosix_core::tls::install_provider();
        let lab = Lab::shared();
        let port = |name: &str| lab.variable(name).parse().expect("a port");
        let way = |name: &str| Way::to(port(name));
        let (plain, tls) = (way("MAILLAB_IMAP_PORT"), way("MAILLAB_IMAPS_PORT"));
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            // Threads for blocking calls are gone before they are counted.
            .thread_keep_alive(AT_ONCE)
            .enable_all()
            .build()
            .expect("a runtime");
        let desk = Desk::new(&lab, engine, |config| {
            config.imaps_port = Some(tls.port);
            config.tables.push_str("[limits]\nsends_per_day = 100000\n");
        });
        Endurance {
            desk,
            plain,
            tls,
            runtime: Arc::new(runtime),
            letters: 0,
            at_rest: None,
        }
    }

    /// Begins a run; over TLS unless its polls are to be counted.
    fn begin(&mut self, news: News, counted: bool) -> Run {
        let imap = counted.then(|| format!("imap://127.0.0.1:{}", self.plain.port));
        self.desk.reconfigure(|config| config.imap = imap);
        let settings = || -> Settings {
            let mut settings = config::load(&self.desk.config_file())
                .unwrap_or_else(|problems| panic!("{problems}"));
            settings.receipt.total_per_hour = u32::MAX;
            for mailbox in &mut settings.mailboxes {
                mailbox.poll_interval = AT_ONCE;
                mailbox.quick_poll = match news {
                    News::Noop => Some(AT_ONCE),
                    News::Idle => None,
                };
            }
            settings
        };
        let (poller, worker) = (settings(), settings());
        let (stopper, stop) = Stopper::new();
        let runtime = self.runtime.clone();
        let daemons = std::thread::spawn(move || {
            let ended = runtime.block_on(both(poller, worker, stop));
            ended.expect("the daemons end well");
        });
        Run { stopper, daemons }
    }

    /// As many letters come as have to by the time when `done` of a part's `all` is done; `before` came in others.
    fn letters_come(&mut self, length: &Length, before: u64, done: u64, all: u64) {
        let of_part = length.tickets / PARTS;
        let by_now = of_part * done * 100 / (all * length.letters_within);
        while self.letters - before < by_now.min(of_part) {
            self.letters += 1;
            // Somebody who never wrote before.
            let from = self.desk.rita_for(&self.letters.to_string());
            let (help, subject) = (&self.desk.help, "Дневник");
            let letter = Letter::new("Рита Петрова", &from, help, subject, "Не открывается.");
            self.desk.lab.put(help, &letter.raw());
        }
    }

    /// Every letter is a ticket and is confirmed, and nothing is left to do.
    fn wait_until_quiet(&mut self) {
        let letters = i64::try_from(self.letters).expect("few");
        for what in [
            "ledger WHERE outcome = 'ticket'",
            "letter WHERE kind = 'receipt' AND state = 'sent'",
        ] {
            wait_until(PATIENCE, what, || {
                (self.desk.database.count(what) == letters).then_some(())
            });
        }
        self.desk.wait_until_quiet(letters);
    }

    /// Logins into the desk's mailbox, as the server counts them.
    fn logins(&self) -> u64 {
        let login = format!("Login: user=<{}>", self.desk.help);
        self.desk.lab.log("dovecot").matches(&login).count() as u64
    }

    fn reading(&self, at: u64) -> Reading {
        Reading::take(at, self.runtime.metrics().num_alive_tasks())
    }

    /// Polls, loses connections, registers and sends within one run.
    fn work(&mut self, news: News, length: &Length) -> Growth {
        let run = self.begin(news, true);
        self.desk.wait_for_poll();
        let (begun, first) = (Instant::now(), self.plain.polls());
        let (letters, mut losses) = (self.letters, 0);
        let mut growth = Growth::default();
        for reading in 1..=READINGS {
            self.letters_come(length, letters, reading, READINGS);
            while losses < length.losses * reading / READINGS {
                losses += 1;
                self.plain.lose();
            }
            let wanted = first + length.polls * reading / READINGS;
            wait_until(PATIENCE, "polls", || {
                (self.plain.polls() >= wanted).then_some(())
            });
            growth.push(self.reading(self.plain.polls() - first));
        }
        let (polls, took) = (self.plain.polls() - first, begun.elapsed());
        self.wait_until_quiet();
        growth.push(self.reading(self.plain.polls() - first));
        run.end();
        self.rest(0);
        eprintln!(
            "{news:?}: {polls} polls, {losses} connections lost, {:.1} s",
            took.as_secs_f64()
        );
        growth
    }

    /// Begins and ends again and again, half of the time over TLS; readings are taken in between, with nothing running.
    fn begin_again_and_again(&mut self, length: &Length) -> Growth {
        let begun = Instant::now();
        let letters = self.letters;
        let mut growth = Growth::default();
        for beginning in 1..=length.beginnings {
            self.letters_come(length, letters, beginning, length.beginnings);
            let news = if beginning % 2 == 0 {
                News::Noop
            } else {
                News::Idle
            };
            let run = self.begin(news, beginning % 4 < 2);
            self.desk.wait_for_poll();
            run.end();
            growth.push(self.rest(beginning));
        }
        eprintln!(
            "{} beginnings, {:.1} s",
            length.beginnings,
            begun.elapsed().as_secs_f64()
        );
        let run = self.begin(News::Idle, true);
        self.wait_until_quiet();
        run.end();
        growth
    }

    /// A reading while nothing runs: no task lives, and there are no more descriptors and threads than after the
    /// warm-up.
    fn rest(&self, at: u64) -> Reading {
        let begun = Instant::now();
        loop {
            let now = self.reading(at);
            let as_before = self.at_rest.is_none_or(|before| {
                now.descriptors <= before.descriptors && now.threads <= before.threads
            });
            if now.tasks == 0 && as_before {
                return now;
            }
            // The proxy and the kernel hear of the end a moment later.
            assert!(
                begun.elapsed() < LIMIT,
                "something stays of a run that has ended: {now:?}, not {:?}",
                self.at_rest
            );
            std::thread::yield_now();
        }
    }
}

/// Runs this test once more, in a process of its own: see [`ALONE`].
fn in_a_process_of_its_own(engine: Engine) {
    let engine = format!("{engine:?}").to_lowercase();
    let test = format!("daemons_take_no_more_for_having_worked_long::{engine}");
    // setpriv becomes the test itself: none is left behind by a killed one.
    let run = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .arg(std::env::current_exe().expect("the test has a file"))
        .args([&test, "--exact", "--nocapture"])
        .envs([(ALONE, "1"), ("MALLOC_ARENA_MAX", "1")])
        .output()
        .expect("it runs");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    eprintln!("{}", said(&run.stderr));
    assert!(run.status.success(), "{}", said(&run.stdout));
}

async fn both(poller: Settings, worker: Settings, stop: Stop) -> anyhow::Result<()> {
    let clock = Arc::new(SystemClock);
    tokio::try_join!(
        ninetosix_poller::app::run(poller, clock.clone(), stop.clone(), Watchdog::default()),
        ninetosix_worker::app::run(worker, clock, stop, Watchdog::default()),
    )?;
    Ok(())
}

on_both_engines! {
    fn daemons_take_no_more_for_having_worked_long(engine) {
        if std::env::var_os(ALONE).is_none() {
            return in_a_process_of_its_own(engine);
        }
        let length = if std::env::var_os("NINETOSIX_TEST_STRIDE").is_some() { FULL } else { QUICK };
        let mut desk = Endurance::new(engine);
        // The mailbox is made: what came before it would be no ticket.
        let run = desk.begin(News::Idle, false);
        desk.desk.wait_for_poll();
        run.end();
        // A fifth of the work, so that caches and pools are filled.
        desk.work(News::Noop, &Length { polls: length.polls / 5, losses: 0, ..length });
        desk.at_rest = Some(desk.rest(0));

        for news in [News::Noop, News::Idle] {
            let growth = desk.work(news, &length);
            growth.print(&format!("{engine:?}, {news:?}, each thousand polls"));
            growth.check(MORE);
        }
        let growth = desk.begin_again_and_again(&length);
        growth.print(&format!("{engine:?}, each thousand beginnings"));
        growth.check(A_FEW);

        let logins = desk.logins();
        eprintln!("{engine:?}: {} tickets, {logins} logins, {} over TLS", desk.letters, desk.tls.connections());
        assert!(logins > length.beginnings + 2 * length.losses, "{logins} logins");
        desk.desk.ledger_agrees();
    }
}
