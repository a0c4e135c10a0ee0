//! Two of each daemon at one desk: on a PostgreSQL that crashes or cuts every connection while one of them is at a named
//! point, and with a poller that stalls with something in hand until the other has taken over.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::database::Server;
use super::support::{
    Daemon, Desk, Engine, Holds, Lab, Letter, Program, Row, on_both_engines, oracle, wait_until,
};
use super::{RECOVERY, in_full, rita_writes};

/// What happens to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// It crashes, and is started again.
    Crash,
    /// It crashes, and stays away while they go on.
    Away,
    /// It ends every connection.
    Cut,
}

/// Who is at which point when it happens. A daemon that only sends passes the last five.
const MOMENTS: [(Program, &str); 15] = [
    (Program::Poller, "fetched"),
    (Program::Poller, "raw_stored"),
    (Program::Poller, "parsed"),
    (Program::Poller, "committed"),
    (Program::Poller, "flagged"),
    (Program::Poller, "claimed"),
    (Program::Poller, "rcpt_ok"),
    (Program::Poller, "dot_written"),
    (Program::Poller, "got_250"),
    (Program::Poller, "marked"),
    (Program::Worker, "claimed"),
    (Program::Worker, "rcpt_ok"),
    (Program::Worker, "dot_written"),
    (Program::Worker, "got_250"),
    (Program::Worker, "marked"),
];

/// Longer than a daemon waits for a connection.
const AWAY: Duration = Duration::from_secs(12);
/// Where a poller stalls: with letters, or with a receipt in hand.
const STALLING: [&str; 5] = ["fetched", "raw_stored", "parsed", "claimed", "rcpt_ok"];
const SENDING: [&str; 2] = ["claimed", "rcpt_ok"];

/// A desk with two of each daemon. Those that came second write into the same logs.
struct Replicas {
    seconds: Vec<Daemon>,
    desk: Desk,
    holds: [Holds; 2],
}

impl Replicas {
    fn start(mut desk: Desk) -> Replicas {
        let holds = Program::BOTH.map(|program| Holds::new(hold_dir(&desk, program.name())));
        for (program, holds) in Program::BOTH.into_iter().zip(&holds) {
            desk.start_one(program, &holds.environment());
        }
        desk.wait_for_poll();
        let second = |(program, holds): (Program, &Holds)| {
            let log = desk.dir().join(format!("{}.log", program.name()));
            Daemon::start(program, &desk.config_file(), &log, &holds.environment())
        };
        let seconds = Program::BOTH.into_iter().zip(&holds).map(second).collect();
        desk.wait("the second poller waits", |desk| {
            desk.log(Program::Poller)
                .contains("another poller reads this mailbox")
                .then_some(())
        });
        Replicas {
            seconds,
            desk,
            holds,
        }
    }

    /// A letter comes; whoever is the first of `program` at `point` waits there while the server fails.
    fn fail_at(
        &mut self,
        server: &Server,
        failure: Failure,
        moment: (Program, &str),
        number: usize,
    ) -> Letter {
        let (program, point) = moment;
        let holds = &self.holds[usize::from(program == Program::Worker)];
        holds.arm(point);
        let letter = rita_writes(&self.desk, number);
        holds.wait_for(point);
        self.desk.database.let_go();
        match failure {
            Failure::Crash => drop(server.run("restart", &["immediate"])),
            Failure::Away => drop(server.run("stop", &["immediate"])),
            Failure::Cut => server.cut_connections(),
        }
        holds.release(point);
        if failure == Failure::Away {
            // For shorter than that, whoever needs a connection just waits for it.
            sleep(if in_full() { AWAY } else { Duration::ZERO });
            server.run("start", &[]);
        }
        letter
    }

    /// Waits until so many letters have their receipt and their two notices, while every daemon lives.
    fn settle(&mut self, letters: usize) {
        let seconds = &mut self.seconds;
        let what = format!("{letters} letters have their receipts and notices");
        wait_until(RECOVERY, &what, || {
            assert!(seconds.iter_mut().all(|daemon| daemon.ended().is_none()));
            let notices = "letter WHERE kind = 'notice' AND state = 'sent'";
            (self.desk.receipts_left(letters as i64)
                && self.desk.database.count(notices) >= 2 * letters as i64)
                .then_some(())
        });
    }
}

fn hold_dir(desk: &Desk, name: &str) -> PathBuf {
    desk.dir().join(format!("hold.{name}"))
}

/// The same failure at one moment after the other.
fn fail_again_and_again(server: &Server, failure: Failure, moments: &[(Program, &str)]) {
    let mut replicas = Replicas::start(server.desk(&Lab::shared()));
    let mut letters = Vec::new();
    for moment in moments {
        let begun = Instant::now();
        letters.push(replicas.fail_at(server, failure, *moment, letters.len()));
        replicas.settle(letters.len());
        eprintln!(
            "{failure:?} at {moment:?}: all is well after {:?}",
            begun.elapsed()
        );
    }
    let Replicas {
        seconds,
        mut desk,
        holds,
    } = replicas;
    for second in seconds {
        let (status, _) = second.stop(Duration::from_secs(30));
        assert_eq!(status.code(), Some(0));
    }
    desk.stop_both();
    drop(holds);
    oracle::all_is_well(&desk, &letters, &[]);
    none_twice(&desk);
}

/// Nobody died, and whoever has the mail server's answer tells the database until it listens.
fn none_twice(desk: &Desk) {
    let twice = "letter WHERE possibly_twice OR why = 'possibly sent twice'";
    assert_eq!(desk.database.count(twice), 0, "{:?}", desk.letters());
}

/// Quickly each moment is tried with one of the failures; `NINETOSIX_TEST_STRIDE=1` tries it with all.
#[test]
fn a_database_that_fails_at_any_point_of_two_replicas_loses_and_repeats_nothing() {
    let server = Server::start_durable();
    let failures = [Failure::Crash, Failure::Away, Failure::Cut];
    for (turn, failure) in failures.into_iter().enumerate() {
        let tried = MOMENTS.iter().enumerate();
        let tried = tried.filter(|(at, _)| in_full() || at % 3 == turn);
        let moments: Vec<_> = tried.map(|(_, moment)| *moment).collect();
        fail_again_and_again(&server, failure, &moments);
    }
}

/// All that a poller writes, but for signs of life.
fn written(desk: &Desk) -> [Vec<Row>; 4] {
    let messages = "FROM message ORDER BY id";
    [
        desk.ledger(),
        desk.tickets(),
        desk.letters(),
        desk.database.rows("id, ticket, message_id", messages),
    ]
}

/// A desk whose first poller has come to a point over three letters, and stands still.
struct Stalled {
    point: &'static str,
    desk: Desk,
    second: Daemon,
    holds: Holds,
    letters: Vec<Letter>,
    /// What was written when it woke up.
    before: [Vec<Row>; 4],
}

impl Stalled {
    fn at(engine: Engine, point: &'static str) -> Stalled {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        let holds = Holds::new(hold_dir(&desk, "first"));
        desk.start_one(Program::Poller, &holds.environment());
        desk.start_one(Program::Worker, &[]);
        desk.wait_for_poll();
        let log = desk.dir().join("second.log");
        let second = Daemon::start(Program::Poller, &desk.config_file(), &log, &[]);
        wait_until(RECOVERY, "the second waits", || {
            let waits = second.log().contains("another poller reads this mailbox");
            waits.then_some(())
        });
        holds.arm(point);
        let letters = (0..3).map(|number| rita_writes(&desk, number)).collect();
        holds.wait_for(point);
        if SENDING.contains(&point) {
            // A process that stops within a transaction keeps a file locked: nobody could take over.
            desk.wait("nothing is left to do but to send", |desk| {
                let marked = desk
                    .database
                    .count("ledger WHERE outcome = 'ticket' AND marked");
                (marked == 3).then_some(())
            });
        }
        let first = desk.running(Program::Poller).expect("it was started");
        first.signal(Signal::STOP);
        Stalled {
            point,
            desk,
            second,
            holds,
            letters,
            before: Default::default(),
        }
    }

    /// The second poller takes over and does everything; then the first wakes up.
    fn wake_up(&mut self) {
        let desk = &mut self.desk;
        let what = format!(
            "the second has done all, the first stands at {}",
            self.point
        );
        wait_until(RECOVERY, &what, || {
            let notices = "letter WHERE kind = 'notice' AND state = 'sent'";
            (desk.receipts_left(3) && desk.database.count(notices) == 6).then_some(())
        });
        self.before = written(desk);
        let first = desk.running(Program::Poller).expect("it was started");
        first.signal(Signal::CONT);
        self.holds.release(self.point);
    }

    fn writes_nothing(&mut self) {
        let desk = &mut self.desk;
        desk.wait("the first sees that it is the first no more", |desk| {
            let log = desk.log(Program::Poller);
            let refused = log.find("another poller has taken over")?;
            log[refused..]
                .contains("another poller reads this mailbox")
                .then_some(())
        });
        assert_eq!(written(desk), self.before, "woken at {}", self.point);
        let has_registered = desk.log(Program::Poller).contains("registered");
        assert_eq!(has_registered, SENDING.contains(&self.point));
    }

    /// It is as good as any other when the second has died.
    fn goes_on(mut self) {
        let desk = &mut self.desk;
        self.second.kill();
        self.letters.push(rita_writes(desk, 3));
        desk.wait_until_quiet(4);
        desk.stop_both();
        assert!(desk.log(Program::Poller).contains("registered"));
        oracle::all_is_well(desk, &self.letters, &[]);
        none_twice(desk);
    }
}

on_both_engines! {
    /// Takes as long as a lease holds.
    fn a_poller_that_stalls_with_something_in_hand_writes_nothing_when_it_wakes_up(engine) {
        let mut stalled = STALLING.map(|point| Stalled::at(engine, point));
        stalled.iter_mut().for_each(Stalled::wake_up);
        stalled.iter_mut().for_each(Stalled::writes_nothing);
        stalled.into_iter().for_each(Stalled::goes_on);
    }
}
