//! The submission server is away from Thursday afternoon to Saturday night (B09).

use std::time::Duration;

use super::support::office::{Office, WORKER, at};
use super::support::sink::{Instead, Rule};
use super::support::{Engine, on_both_engines, wait_until};
use super::{reply_to, rita_writes, taken};

/// Tickets before the server goes away, and after.
const TICKETS: usize = 20;
/// Longer than a daemon pauses before it dials again.
const PAUSED: Duration = Duration::from_secs(100);

on_both_engines! {
    fn after_two_nights_receipts_leave_at_once_and_answers_in_their_order_at_the_opening(engine) {
        let mut office = Office::open(engine, at("2026-11-26T16:00:00"));
        let people: Vec<String> = (0..TICKETS).map(|number| rita_writes(&mut office, number).0).collect();
        let ivan = office.desk.ivan.clone();
        office.desk.wait("all is sent", |desk| (desk.database.count("letter WHERE state = 'sent'") == 3 * TICKETS as i64).then_some(()));
        office.clock.set(at("2026-11-26T17:00:00"));
        let away = Rule { at: "", to: None, does: Instead::HangsUp, times: usize::MAX };
        office.sink.obey(vec![away]);
        let notices = taken(&office.sink, "notice");
        for notice in notices.iter().filter(|taken| taken.recipient == ivan) {
            assert_eq!(reply_to(&mut office, notice, "Попробуйте ещё раз."), "command");
        }
        let late: Vec<String> = (0..TICKETS).map(|number| rita_writes(&mut office, TICKETS + number).0).collect();
        let known = office.taken().len();
        for time in ["2026-11-26T18:00:00", "2026-11-27T18:00:00"] {
            office.clock.set(at(time));
        }
        // Tried and not reached is no attempt.
        assert_eq!(office.desk.database.count("letter WHERE state = 'due' AND attempts > 0"), 0);
        office.clock.set(at("2026-11-28T03:00:00"));
        office.sink.obey(Vec::new());
        wait_until(PAUSED, "every receipt has left", || (taken(&office.sink, "receipt").len() == 2 * TICKETS).then_some(()));
        let receipts: Vec<String> = taken(&office.sink, "receipt").into_iter().map(|taken| taken.recipient).collect();
        assert_eq!(receipts[TICKETS..], late[..], "in the order of writing");
        assert!(office.taken().iter().skip(known).all(|taken| taken.hello != WORKER), "outside business hours nothing else does");

        office.clock.set(at("2026-11-30T09:00:00"));
        office.move_to(at("2026-11-30T09:00:31"));
        wait_until(PAUSED, "every answer has left", || (taken(&office.sink, "answer").len() == TICKETS).then_some(()));
        let answers = taken(&office.sink, "answer");
        let answered: Vec<&String> = answers.iter().map(|taken| &taken.recipient).collect();
        assert_eq!(answered, people.iter().collect::<Vec<_>>(), "in the order of writing");
        assert!(answers.iter().all(|taken| taken.at >= at("2026-11-30T09:00:00")));
    }
}
