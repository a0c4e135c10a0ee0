//! IMAP servers that lie, flood and break off: what can be had is registered, each letter once, and the poller stays small
//! and quick (rules R12, R03, mail case 15).

use std::time::Duration;

use super::support::fimap::{Fault, Fimap};
use super::support::{Desk, Engine, Lab, Letter, Program, on_both_engines, wait_until};
use super::{RECOVERY, warnings};

/// What a hostile server may cost beyond what the poller takes anyway, and beyond the bytes it may rightly deliver.
pub(super) const MEMORY_KIB: u64 = 16 * 1024;
/// The CPU time that one attack may cost, of a build without optimisation.
const CPU: Duration = Duration::from_secs(5);

fn desk(engine: Engine, server: &Fimap) -> Desk {
    let imap = format!("imap://127.0.0.1:{}", server.port);
    Desk::new(&Lab::shared(), engine, |config| {
        config.imap = Some(imap);
        config.mailbox = "folders = [\"INBOX\"]".to_owned();
    })
}

fn letter(desk: &Desk, number: usize) -> Letter {
    let from = desk.rita_for(&number.to_string());
    Letter::new("Рита", &from, &desk.help, "Вопрос", "Помогите.")
}

/// Puts letters into the folder; returns how many there are in all.
fn write(server: &Fimap, desk: &Desk, letters: &mut Vec<Letter>, count: usize) -> i64 {
    for _ in 0..count {
        let letter = letter(desk, letters.len());
        server.put(&letter.raw());
        letters.push(letter);
    }
    letters.len() as i64
}

/// Waits until the folder was looked at from beginning to end, from now on.
fn polled(server: &Fimap) {
    let looked = || {
        let is_look = |command: &&String| command.starts_with("SELECT");
        server.change(|folder| folder.heard.iter().filter(is_look).count())
    };
    let before = looked();
    wait_until(RECOVERY, "the folder was looked at", || {
        (looked() >= before + 2).then_some(())
    });
}

fn tickets(desk: &Desk, wanted: i64) {
    wait_until(RECOVERY, "the letters are registered", || {
        (desk.database.count("ledger WHERE outcome = 'ticket'") >= wanted).then_some(())
    });
}

/// Each of the letters has one ticket, and nothing else has.
fn each_once(desk: &Desk, letters: &[Letter]) {
    tickets(desk, letters.len() as i64);
    let ledger = desk.ledger();
    for letter in letters {
        let rows = ledger
            .iter()
            .filter(|row| row.maybe("message_id") == Some(letter.message_id()));
        let tickets = rows
            .filter(|row| row.maybe("outcome") == Some("ticket"))
            .count();
        assert_eq!(tickets, 1, "{ledger:?}");
    }
    assert_eq!(desk.tickets().len(), letters.len());
}

on_both_engines! {
    fn lies_about_numbers_lose_nothing_and_make_no_second_ticket(engine) {
        let server = Fimap::start();
        let mut desk = desk(engine, &server);
        desk.start_one(Program::Poller, &[]);
        desk.wait_for_poll();
        let mut letters: Vec<Letter> = Vec::new();
        let written = write(&server, &desk, &mut letters, 3);
        tickets(&desk, written);
        // No messages, a million, and UIDs that were given already: none of it is true.
        for (exists, uidnext) in [(Some(0), None), (Some(1_000_000), None), (None, Some(1)), (Some(0), Some(2)), (None, Some(1))] {
            server.change(|folder| (folder.exists, folder.uidnext) = (exists, uidnext));
            let written = write(&server, &desk, &mut letters, 2);
            tickets(&desk, written);
            polled(&server);
        }
        each_once(&desk, &letters);
        let ledger = desk.ledger();
        assert_eq!(ledger.len(), letters.len(), "nobody was looked at twice: {ledger:?}");
        let said = warnings(&desk.log(Program::Poller), "it is not believed");
        assert_eq!(said.len(), 1, "{said:?}");

        // Now it is true: all is gone, and UIDs begin anew.
        server.change(|folder| {
            folder.letters.clear();
            (folder.exists, folder.uidnext) = (None, Some(1));
        });
        desk.stop(Program::Poller);
        desk.start_one(Program::Poller, &[]);
        desk.wait_for_poll();
        server.change(|folder| folder.uidnext = None);
        let written = write(&server, &desk, &mut letters, 3);
        tickets(&desk, written);
        each_once(&desk, &letters);
        desk.ledger_agrees();
        desk.stop(Program::Poller);
    }

    fn a_letter_that_cannot_be_had_holds_up_nobody_and_is_set_aside_in_the_end(engine) {
        let server = Fimap::start();
        let mut desk = desk(engine, &server);
        desk.start_one(Program::Poller, &[]);
        desk.wait_for_poll();
        let mut letters: Vec<Letter> = Vec::new();
        // One of six, each time otherwise: the five around it are registered, and it is when it can be had.
        for fault in [Fault::Nonsense, Fault::Nothing, Fault::HangUp] {
            let struck = letters.len() + 2;
            let uids: Vec<u32> = (0..6).map(|_| {
                let letter = letter(&desk, letters.len());
                let uid = server.put(&letter.raw());
                letters.push(letter);
                uid
            }).collect();
            server.change(|folder| folder.fault = Some((fault.clone(), vec![uids[2]])));
            tickets(&desk, letters.len() as i64 - 1);
            desk.wait("the poller says which cannot be had", |desk| {
                let said = warnings(&desk.log(Program::Poller), "cannot be fetched");
                said.iter().any(|line| line.contains(&format!("mailbox.uid={}", uids[2]))).then_some(())
            });
            polled(&server);
            let compared = desk.command(Program::Poller, &["ledger"]);
            assert!(!compared.status.success(), "what is missing is not hidden: {compared:?}");
            assert!(!letters[struck].message_id().is_empty());
            server.change(|folder| folder.fault = None);
            // A restart tries at once what would wait for a minute.
            desk.stop(Program::Poller);
            desk.start_one(Program::Poller, &[]);
            tickets(&desk, letters.len() as i64);
        }
        each_once(&desk, &letters);
        desk.ledger_agrees();
        desk.stop(Program::Poller);
    }
}

/// The facts of one letter cannot be told, or its body is empty for a while: the others are registered, and it is as
/// soon as it can be had.
#[test]
fn a_letter_of_which_little_can_be_told_holds_up_nobody_and_is_not_taken_for_empty() {
    let server = Fimap::start();
    let mut desk = desk(Engine::Sqlite, &server);
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    let mut letters: Vec<Letter> = Vec::new();
    let restart = |desk: &mut Desk| {
        desk.stop(Program::Poller);
        desk.start_one(Program::Poller, &[]);
    };
    for fault in [Fault::Nothing, Fault::Nonsense, Fault::HangUp] {
        // One that is new, then one that was registered before.
        let next = letters.len() as u32 + 2;
        server.change(|folder| folder.facts = Some((fault.clone(), vec![next])));
        let written = write(&server, &desk, &mut letters, 3);
        tickets(&desk, written - 1);
        server.change(|folder| folder.facts = None);
        restart(&mut desk);
        tickets(&desk, written);
        server.change(|folder| folder.facts = Some((fault, vec![next])));
        restart(&mut desk);
        let written = write(&server, &desk, &mut letters, 1);
        tickets(&desk, written);
        server.change(|folder| folder.facts = None);
    }
    let next = letters.len() as u32 + 2;
    server.change(|folder| folder.empty = vec![next]);
    let written = write(&server, &desk, &mut letters, 3);
    tickets(&desk, written - 1);
    desk.wait("the poller says that nothing is given", |desk| {
        (!warnings(&desk.log(Program::Poller), "gives nothing").is_empty()).then_some(())
    });
    server.change(|folder| folder.empty.clear());
    restart(&mut desk);
    each_once(&desk, &letters);
    desk.ledger_agrees();
    desk.stop(Program::Poller);
}

#[test]
fn dates_that_move_make_no_tickets_of_old_letters_and_a_late_uid_is_found_soon() {
    let server = Fimap::start();
    let mut desk = desk(Engine::Sqlite, &server);
    let mut letters: Vec<Letter> = Vec::new();
    write(&server, &desk, &mut letters, 3);
    let old = std::mem::take(&mut letters).len() as i64;
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    assert_eq!(
        desk.database.count("ledger WHERE outcome = 'before_start'"),
        old
    );
    desk.stop(Program::Poller);
    server.change(|folder| folder.shifted = 1);
    desk.start_one(Program::Poller, &[]);
    let written = write(&server, &desk, &mut letters, 1);
    tickets(&desk, written);
    each_once(&desk, &letters);
    // The fifth is shown after the sixth.
    let (late, early) = (letter(&desk, 4), letter(&desk, 5));
    server.change(|folder| folder.letters.push((6, early.raw())));
    tickets(&desk, 2);
    server.change(|folder| folder.letters.insert(4, (5, late.raw())));
    letters.extend([early, late]);
    each_once(&desk, &letters);
    desk.stop(Program::Poller);
}

#[test]
fn a_server_that_floods_costs_little_memory_and_little_time() {
    let server = Fimap::start();
    let mut desk = desk(Engine::Sqlite, &server);
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    let mut letters: Vec<Letter> = Vec::new();
    let mib = 1 << 20;
    for fault in [
        Fault::Literal((4_u64 << 30).to_string(), 0),
        Fault::Literal("-1".to_owned(), 0),
        Fault::Literal("9".repeat(30), 0),
        Fault::Literal((400 * mib).to_string(), 400 * mib),
        Fault::EndlessLine(400 * mib),
        Fault::Untagged(400_000),
    ] {
        let before = letter(&desk, letters.len());
        server.put(&before.raw());
        letters.push(before);
        tickets(&desk, letters.len() as i64);
        let (cpu, peak) = used(&mut desk);
        let heard = server.change(|folder| folder.connections);
        let struck = letter(&desk, letters.len());
        server.change(|folder| {
            folder.fault = Some((fault.clone(), vec![folder.letters.len() as u32 + 1]))
        });
        server.put(&struck.raw());
        letters.push(struck);
        wait_until(RECOVERY, "the connection was given up", || {
            server
                .change(|folder| folder.connections > heard)
                .then_some(())
        });
        let (after, highest) = used(&mut desk);
        assert!(after - cpu <= CPU, "{fault:?}: {:?}", after - cpu);
        assert!(
            highest <= peak + MEMORY_KIB,
            "{fault:?}: {peak} KiB, then {highest}"
        );
        server.change(|folder| folder.fault = None);
        desk.stop(Program::Poller);
        desk.start_one(Program::Poller, &[]);
        tickets(&desk, letters.len() as i64);
    }
    // Little promised and much given, many times over: 230 MB in all, and never more than a
    // letter or two in memory.
    let huge: Vec<Letter> = (0..40)
        .map(|number| {
            let letter = letter(&desk, letters.len() + number);
            let file = "x".repeat(4 * mib);
            letter.file("a.bin", "application/octet-stream", file.as_bytes())
        })
        .collect();
    let (_, peak) = used(&mut desk);
    server.change(|folder| folder.size = Some(100));
    server.change(|folder| {
        for letter in &huge {
            let uid = folder.letters.len() as u32 + 1;
            folder.letters.push((uid, letter.raw()));
        }
    });
    letters.extend(huge);
    tickets(&desk, letters.len() as i64);
    let (_, highest) = used(&mut desk);
    let allowed = peak + 96 * 1024 + MEMORY_KIB;
    assert!(highest <= allowed, "{peak} KiB, then {highest}");
    each_once(&desk, &letters);
    desk.ledger_agrees();
    desk.stop(Program::Poller);
}

/// The CPU time of the poller, and the most memory it ever took, in KiB.
pub(super) fn used(desk: &mut Desk) -> (Duration, u64) {
    let pid = desk.running(Program::Poller).expect("it runs").pid();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: u64 = [11, 12]
        .iter()
        .filter_map(|at| fields.get(*at)?.parse::<u64>().ok())
        .sum();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("Linux says so");
    let peak = peak
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number");
    // A hundred ticks a second, on every Linux there is.
    (Duration::from_millis(ticks * 10), peak)
}
