//! The desk was away for ten days, and its mailbox was not: nothing is lost, nobody is flooded, and the oldest come first.
//!
//! Quickly 300 letters wait; with `NINETOSIX_TEST_STRIDE=1` 10,000 do (tests/faults.sh does).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use ninetosix_core::clock::{Clock, SystemClock};

use super::support::database::time;
use super::support::{Database, Desk, Engine, Lab, Letter, Program, on_both_engines, wait_until};
use super::{in_full, letter_of_stranger};

/// Letters that wait: quickly, and in full.
const LETTERS: (usize, usize) = (300, 10_000);
/// How long the desk was away.
const AWAY: TimeDelta = TimeDelta::days(10);
/// Notices to one specialist after which a digest gathers, and for how long they count.
const NOTICES: i64 = 30;
const WINDOW: TimeDelta = TimeDelta::minutes(10);

/// Each ticket was told once to each specialist, by a notice or by a line of a digest.
fn told(database: &Database) -> i64 {
    database.count("letter WHERE kind = 'notice'") + database.count("digest_line")
}

on_both_engines! {
    fn ten_days_of_letters_are_registered_oldest_first_and_flood_nobody(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start_one(Program::Poller, &[]);
        desk.wait_for_poll();
        desk.stop(Program::Poller);
        let count = if in_full() { LETTERS.1 } else { LETTERS.0 };
        let now = SystemClock.now();
        let apart = AWAY / i32::try_from(count).expect("few");
        let letters: Vec<(Letter, DateTime<Utc>)> = (0..count)
            .map(|number| {
                let arrived = now - AWAY + apart * number as i32;
                let letter = letter_of_stranger(&desk, number as u32);
                // What a letter says of its time is no matter.
                let letter = letter.header("Date", "Thu, 1 Jan 1970 00:00:00 +0000");
                desk.lab.put_dated(&desk.help, &letter.raw(), arrived);
                (letter, arrived)
            })
            .collect();
        let begun = SystemClock.now();
        for program in Program::BOTH {
            desk.start_one(program, &[]);
        }
        // A minute, and a second for every twenty.
        let limit = Duration::from_secs(60 + count as u64 / 20);
        wait_until(limit, "every letter is registered", || {
            (desk.database.count("ledger WHERE outcome IS NOT NULL") >= count as i64).then_some(())
        });
        let took = SystemClock.now() - begun;
        desk.stop_both();
        eprintln!("{engine:?}: {count} letters registered in {} s", took.num_seconds());

        let rows = desk.database.rows(
            "ticket.number, message_id, received_at, outcome",
            "FROM ledger JOIN ticket ON ticket.number = ledger.ticket ORDER BY ticket.number",
        );
        assert_eq!((rows.len(), desk.ledger().len(), desk.tickets().len()), (count, count, count));
        for (at, (row, (letter, arrived))) in rows.iter().zip(&letters).enumerate() {
            assert_eq!(row.text("outcome"), "ticket");
            assert_eq!(row.number("ticket.number"), at as i64 + 1, "{row:?}");
            assert_eq!(row.text("message_id"), letter.message_id(), "in order of arrival");
            assert_eq!(time(row.text("received_at")).timestamp(), arrived.timestamp(), "{row:?}");
        }

        assert_eq!(told(&desk.database), 2 * count as i64, "each ticket once to each specialist");
        let windows = 1 + took.num_seconds() / WINDOW.num_seconds();
        for specialist in [&desk.ivan, &desk.anna] {
            let notices = desk.database.count(&format!("letter WHERE kind = 'notice' AND recipient_address = '{specialist}'"));
            assert!(notices <= NOTICES * windows, "{notices} notices to one");
            let tickets = format!(
                "(SELECT ticket FROM letter WHERE kind = 'notice' AND recipient_address = '{specialist}' \
                 UNION SELECT digest_line.ticket FROM digest_line JOIN letter ON letter.id = digest_line.letter \
                 WHERE recipient_address = '{specialist}') AS told"
            );
            assert_eq!(desk.database.count(&tickets), count as i64, "every ticket");
        }
        let receipts = desk.database.count("letter WHERE kind = 'receipt'");
        assert!(receipts <= count as i64, "{receipts} receipts");
        desk.ledger_agrees();
    }
}
