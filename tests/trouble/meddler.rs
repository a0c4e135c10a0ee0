//! Another mail program has the mailbox open while the poller reads it: it marks, moves and removes letters.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::support::{Desk, Engine, Holds, Lab, Letter, Program, Row, on_both_engines, wait_until};
use super::{RECOVERY, in_full};

/// Letters that wait, and rounds of the other program: each takes two of them away.
const LETTERS: usize = 60;
const ROUNDS: usize = 10;
/// The file in each letter: twenty of them are fetched at once, so that most are not asked for yet at first.
const FILE_BYTES: usize = 300 * 1024;

/// The other program, tests/support/meddle.py.
struct Meddler {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Meddler {
    fn start(desk: &Desk) -> Meddler {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/meddle.py");
        let variable = |name| desk.lab.variable(name);
        let mut child = Command::new("python3")
            .arg(script)
            .args([
                variable("MAILLAB_IMAPS_PORT"),
                variable("MAILLAB_CA"),
                &desk.help,
                desk.lab.password(&desk.help),
                &ROUNDS.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let said = BufReader::new(child.stdout.take().expect("a pipe"));
        Meddler { child, said }
    }

    /// Waits until it has done so many more rounds.
    fn wait(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let mut line = String::new();
            self.said.read_line(&mut line).expect("a line");
            assert!(!line.is_empty(), "it ended by itself");
        }
    }

    fn stop(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("our child");
        assert!(status.success(), "{status}");
    }
}

fn large_letter(desk: &Desk, number: usize) -> Letter {
    let from = desk.rita_for(&number.to_string());
    let scan = [number as u8; FILE_BYTES];
    let letter = Letter::new("Рита Петрова", &from, &desk.help, "Дневник", "Скан.").file(
        "скан.bin",
        "application/octet-stream",
        &scan,
    );
    desk.receive(&from, &letter);
    letter
}

/// Half of it happens while the poller waits at `point`, the other half while it reads.
fn meddle(engine: Engine, point: &str) {
    let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    desk.stop(Program::Poller);
    let letters: Vec<Letter> = (0..LETTERS).map(|at| large_letter(&desk, at)).collect();
    let holds = Holds::new(desk.dir().join("hold"));
    holds.arm(point);
    desk.start_one(Program::Poller, &holds.environment());
    holds.wait_for(point);
    let mut meddler = Meddler::start(&desk);
    meddler.wait(ROUNDS / 2);
    holds.release(point);
    meddler.wait(ROUNDS - ROUNDS / 2);

    let stayed: BTreeSet<String> = desk
        .inbox(&desk.help)
        .into_iter()
        .map(|mail| mail.message_id)
        .collect();
    assert_eq!(stayed.len(), LETTERS - 2 * ROUNDS);
    wait_until(RECOVERY, "every letter that stayed is a ticket", || {
        let rows = desk.database.rows(
            "message_id",
            "FROM ledger WHERE outcome = 'ticket' AND marked",
        );
        let found: BTreeSet<String> = rows
            .iter()
            .map(|row| row.text("message_id").to_owned())
            .collect();
        stayed.is_subset(&found).then_some(())
    });
    meddler.stop();
    desk.stop(Program::Poller);
    let rows = desk.ledger();
    let sent: BTreeSet<_> = letters.iter().map(Letter::message_id).collect();
    let found: BTreeSet<_> = rows.iter().map(|row| row.text("message_id")).collect();
    assert_eq!(found.len(), rows.len(), "a letter has one row: {rows:?}");
    assert!(found.is_subset(&sent), "{rows:?}");
    let is_ticket = |row: &Row| row.maybe("outcome") == Some("ticket");
    assert!(rows.iter().all(is_ticket), "{rows:?}");
    let numbers: BTreeSet<_> = rows.iter().map(|row| row.text("ticket")).collect();
    assert_eq!(
        (numbers.len(), desk.tickets().len()),
        (rows.len(), rows.len())
    );
    eprintln!(
        "{engine:?} at {point}: {} of {LETTERS} have rows",
        rows.len()
    );
    desk.ledger_agrees();
}

on_both_engines! {
    /// Quickly each point is tried on one of the engines; `NINETOSIX_TEST_STRIDE=1` tries it on both.
    fn another_mail_program_hides_no_letter_from_the_poller(engine) {
        let points = ["fetched", "raw_stored", "parsed", "committed", "flagged"].into_iter().enumerate();
        for (at, point) in points {
            if in_full() || at % 2 == engine as usize {
                meddle(engine, point);
            }
        }
    }
}
