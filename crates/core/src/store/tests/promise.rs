//! What a receipt promises is kept, and where terms stand follows from what happened to the ticket.

use chrono::{DateTime, TimeDelta, Utc};

use super::lab::{Lab, address, from_rita, monday, on_both_engines};
use crate::domain::beginning::beginning;
use crate::domain::calendar::{Calendar, Exceptions, ProductionCalendar, Week};
use crate::domain::deadline::Terms;
use crate::domain::letter::Lane;
use crate::domain::ticket::State;
use crate::store::folder::FolderKey;
use crate::store::intake::Listed;
use crate::store::outbox::Ending;
use crate::store::promise::Promise;
use crate::store::registration::{Registrar, move_ticket};

const TERMS: Terms = Terms {
    first_answer_min: Some(540),
    solution_min: Some(540),
};

/// The desk, closed on Tuesday too.
fn closed_on_tuesday() -> Calendar {
    let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
    let closed = Exceptions::parse(["2026-11-24"], [""; 0]).expect("a date");
    let ru = Some(ProductionCalendar::ru());
    Calendar::new(chrono_tz::Europe::Moscow, week, ru, closed, true).expect("a calendar")
}

impl Lab {
    /// Somebody writes on Monday evening, and the receipt promises an answer within a working day.
    async fn promised(&self, now: DateTime<Utc>) -> Promise {
        let held = self.lease("a", now).await;
        self.register(&from_rita("1@family.test", "s", "b"), &held, now)
            .await;
        let claimed = self.claim(Lane::Poller, now).await.expect("a receipt");
        let calendar = &self.desk.calendar;
        let beginning = beginning(calendar, now).promising(calendar, TERMS, now, now);
        let promise = Promise::new(&beginning, calendar, now);
        self.store
            .freeze(
                &claimed,
                b"the bytes",
                Some(&promise),
                now + TimeDelta::seconds(3),
            )
            .await
            .expect("frozen");
        promise
    }

    async fn moved(&self, state: State, at: DateTime<Utc>) {
        move_ticket(&self.store.db, 1, state, None, at)
            .await
            .expect("moved");
    }
}

on_both_engines! {
    async fn a_promise_is_kept_and_shows_what_moves_it(lab: &Lab) {
        let now = monday("20:00:00");
        let promise = lab.promised(now).await;
        let tuesday = |time: &str| monday(time) + TimeDelta::days(1);
        assert_eq!((promise.begins, promise.answer_by), (tuesday("09:00:00"), Some(tuesday("18:00:00"))));

        let terms = lab.store.terms(1, &lab.desk.calendar, TERMS, now).await.expect("the database").expect("a ticket");
        assert_eq!((terms.first_answer_due, terms.solution_due), (Some(tuesday("18:00:00")), Some(tuesday("18:00:00"))));
        let kept = terms.promise.expect("a promise");
        assert!(!kept.is_moved() && !kept.calendar_changed, "{kept:?}");
        assert_eq!(kept.calendar, lab.desk.calendar.version());

        let other = closed_on_tuesday();
        let moved = lab.store.moved_promises(lab.mailbox.as_str(), &other, TERMS, now).await.expect("the database");
        assert_eq!(moved.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1]);
        let (_, kept) = &moved[0];
        assert!(kept.is_moved() && kept.calendar_changed);
        assert_eq!((kept.begins_at, kept.begins_today), (tuesday("09:00:00"), tuesday("09:00:00") + TimeDelta::days(1)));
        let same = lab.store.moved_promises(lab.mailbox.as_str(), &lab.desk.calendar, TERMS, now).await;
        assert_eq!(same.expect("the database"), []);
        // Another term moves the answer alone; without one, what was promised stays to be seen.
        for terms in [Terms { first_answer_min: Some(60), ..TERMS }, Terms::default()] {
            let moved = lab.store.moved_promises(lab.mailbox.as_str(), &lab.desk.calendar, terms, now).await.expect("the database");
            assert!(!moved[0].1.calendar_changed && moved[0].1.answer_by_today != Some(tuesday("18:00:00")));
        }
        // Once it was answered nobody waits for it.
        lab.moved(State::Answered, tuesday("10:00:00")).await;
        let moved = lab.store.moved_promises(lab.mailbox.as_str(), &other, TERMS, now).await;
        assert_eq!(moved.expect("the database"), []);
    }

    async fn a_receipt_stands_for_tickets_of_its_own_mailbox_alone(lab: &Lab) {
        let now = monday("20:00:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "one"), &held, now).await;
        // The same person writes to another address of the desk, which may keep other hours.
        let office = address("office@school.test");
        let held = lab.store.take_lease("mailbox:office@school.test", "a", now).await.expect("the database").expect("free");
        let folder = FolderKey { mailbox: office.to_string(), ..lab.inbox() };
        let listed = Listed { uid: 1, internal_date: now, size_bytes: 3, message_id: None };
        lab.store.store_raw(&folder, &[(listed, b"two".to_vec())], &held, now).await.expect("stored");
        let pending = lab.store.pending(office.as_str(), 1).await.expect("the database");
        let registrar = Registrar { mailbox: &office, ..lab.registrar() };
        let mail = from_rita("2@family.test", "s", "two");
        lab.store.register(registrar, &pending[0], &mail, &held, now).await.expect("the database").expect("new");
        let separate = "SELECT count(*) FROM ticket t JOIN letter l ON l.id = t.receipt_letter AND l.mailbox = t.mailbox";
        assert_eq!(lab.number(separate).await, 2);
    }

    async fn nobody_is_promised_the_past(lab: &Lab) {
        let now = monday("20:00:00");
        let calendar = &lab.desk.calendar;
        let promising = |received| beginning(calendar, now).promising(calendar, TERMS, received, now).answer_by;
        assert_eq!(promising(monday("09:00:01")), Some(monday("09:00:01") + TimeDelta::days(1)));
        assert_eq!(promising(monday("09:00:00")), None, "it was due at 18:00");
    }

    async fn terms_follow_from_what_happened(lab: &Lab) {
        let now = monday("10:00:00");
        lab.promised(now).await;
        let stand = async |at: DateTime<Utc>| {
            lab.store.terms(1, &lab.desk.calendar, TERMS, at).await.expect("the database").expect("a ticket")
        };
        lab.moved(State::InWork, monday("10:30:00")).await;
        lab.moved(State::InWork, monday("11:00:00")).await;
        assert_eq!(lab.number("SELECT count(*) FROM ticket_state").await, 2, "the same state is noted once");
        let promise = stand(monday("11:00:00")).await.promise.expect("a promise");
        assert!(!promise.is_moved() && promise.begins_at == now, "made while it was open: {promise:?}");
        // Two letters of the worker's, as if a specialist had answered twice.
        for at in ["12:00:00", "12:30:00"] {
            let letter = lab.claim(Lane::Worker, monday(at)).await.expect("a letter");
            lab.finish(&letter, Ending::Sent, monday(at)).await;
        }
        lab.execute("UPDATE letter SET kind = 'answer' WHERE kind = 'notice'").await;
        lab.moved(State::Answered, monday("12:00:00")).await;
        let paused = stand(monday("20:00:00")).await;
        assert_eq!(paused.first_answer_at, Some(monday("12:00:00")), "the first, not the latest");
        assert_eq!((paused.solution_due, paused.solution_left_min, paused.late), (None, Some(420), false));
        lab.execute("UPDATE letter SET state = 'failed' WHERE kind = 'answer'").await;
        let undelivered = stand(monday("20:00:00")).await;
        assert!(undelivered.first_answer_at.is_none() && !undelivered.late, "an answer that did not arrive is none");
        let friday = monday("10:00:00") + TimeDelta::days(4);
        lab.moved(State::InWork, friday).await;
        let due = friday + TimeDelta::hours(7);
        assert_eq!(stand(friday).await.solution_due, Some(due));
        assert!(stand(due + TimeDelta::seconds(1)).await.late);
        assert_eq!(lab.store.terms(2, &lab.desk.calendar, TERMS, now).await.expect("the database"), None);
        let none = lab.store.terms(1, &lab.desk.calendar, Terms::default(), now).await.expect("the database").expect("a ticket");
        assert_eq!((none.first_answer_due, none.solution_due, none.solution_left_min, none.late), (None, None, None, false));
    }
}
