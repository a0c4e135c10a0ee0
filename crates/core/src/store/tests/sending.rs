//! What keeps letters waiting in their order, what the folder of sent mail is asked and given, and who hears of a letter.

use chrono::{DateTime, TimeDelta, Utc};

use super::lab::{Lab, from_rita, letter, monday, on_both_engines};
use crate::domain::letter::{Kind, Lane};
use crate::store::outbox::{Among, Claimed, Ending};
use crate::store::sent_folder::KEEP_COPY;

impl Lab {
    pub(super) async fn claim(&self, lane: Lane, now: DateTime<Utc>) -> Option<Claimed> {
        let claimed = self
            .store
            .claim(lane, self.mailbox.as_str(), "h/1/1", now)
            .await;
        claimed.expect("the database")
    }

    pub(super) async fn finish(&self, claimed: &Claimed, ending: Ending, now: DateTime<Utc>) {
        self.store
            .finish(self.registrar(), claimed, &ending, now)
            .await
            .expect("recorded");
    }

    /// Somebody writes, and the receipt is frozen and sent into silence.
    async fn unanswered_receipt(&self, now: DateTime<Utc>) -> i64 {
        let held = self.lease("a", now).await;
        self.register(&from_rita("1@family.test", "s", "b"), &held, now)
            .await;
        let receipt = self.claim(Lane::Poller, now).await.expect("a receipt");
        self.store
            .freeze(&receipt, b"the bytes", None, now)
            .await
            .expect("frozen");
        let at = now + TimeDelta::minutes(1);
        let why = "no answer".to_owned();
        self.finish(&receipt, Ending::Unknown { at, why }, now)
            .await;
        receipt.id
    }
}

fn refused() -> Ending {
    Ending::Refused {
        why: "554 5.7.1 spam".to_owned(),
    }
}

on_both_engines! {
    async fn a_letter_refused_with_all_others_keeps_its_place_and_its_days(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        lab.register(&letter("olga@family.test", "2@family.test", "s", "b"), &held, now).await;
        let first = lab.claim(Lane::Worker, now).await.expect("a notice");
        lab.finish(&first, refused(), now).await;
        let later = now + TimeDelta::days(6);
        let again = lab.claim(Lane::Worker, later).await.expect("it is still the first");
        assert_eq!((again.id, again.attempts, again.due_at), (first.id, 1, first.due_at));
        assert_eq!(again.tried_since, later, "the five days begin anew");
        lab.finish(&again, Ending::TryAgain { at: later, why: "451".to_owned() }, later).await;
        let third = lab.claim(Lane::Worker, later + TimeDelta::days(1)).await.expect("a notice");
        assert_ne!(third.id, first.id, "that one has moved");
        lab.finish(&third, Ending::Snoozed { until: later }, later).await;
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE state IN ('failed', 'held')").await, 0);
    }

    async fn an_episode_of_refusals_is_told_once(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        let alerts = async || lab.number("SELECT count(*) FROM letter WHERE kind = 'alert' AND words LIKE 'the provider refuses%' AND recipient_address = 'it@school.test'").await;
        for hour in 0..3 {
            let at = now + TimeDelta::hours(hour);
            let notice = lab.claim(Lane::Worker, at).await.expect("a notice");
            lab.finish(&notice, refused(), at).await;
            assert_eq!(alerts().await, 1, "after {hour} hours");
        }
        // A receipt that is accepted ends nothing here: another lane.
        let at = now + TimeDelta::hours(4);
        let receipt = lab.claim(Lane::Poller, at).await.expect("a receipt");
        lab.finish(&receipt, Ending::Sent, at).await;
        let notice = lab.claim(Lane::Worker, at).await.expect("a notice");
        lab.finish(&notice, refused(), at).await;
        assert_eq!(alerts().await, 1);
        let notice = lab.claim(Lane::Worker, at).await.expect("a notice");
        lab.finish(&notice, Ending::Sent, at).await;
        lab.end_alerts(at).await;
        let at = at + TimeDelta::minutes(1);
        let notice = lab.claim(Lane::Worker, at).await.expect("the other notice");
        lab.finish(&notice, refused(), at).await;
        assert_eq!(alerts().await, 2, "a new episode");
    }

    async fn a_letter_that_is_passed_over_takes_its_ticket_and_its_reader_along(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        lab.register(&letter("olga@family.test", "2@family.test", "s", "b"), &held, now).await;
        let first = lab.claim(Lane::Worker, now).await.expect("a notice to Sam");
        lab.finish(&first, refused(), now).await;
        let among = Among { passed_over: vec![first.id], ..Among::default() };
        let claim = async || lab.store.claim_among(Lane::Worker, lab.mailbox.as_str(), &among, "h/1/1", now).await.expect("the database");
        let other = claim().await.expect("a notice of the other ticket to the other specialist");
        assert!(other.ticket != first.ticket && other.recipient != first.recipient);
        assert!(claim().await.is_none());
    }

    async fn the_ceiling_counts_a_day_and_says_until_when(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let full = async |room, at| lab.store.full_until("help@school.test", room, at).await.expect("the database");
        for n in 0..3 {
            lab.register(&letter(&format!("rita{n}@family.test"), &format!("{n}@family.test"), "s", "b"), &held, now).await;
        }
        for n in 0..3 {
            assert_eq!(full(n + 1, now).await, None, "{n} have left");
            let at = now + TimeDelta::minutes(n.into());
            let receipt = lab.claim(Lane::Poller, at).await.expect("a receipt");
            lab.finish(&receipt, Ending::Sent, at).await;
        }
        let at = now + TimeDelta::minutes(5);
        let day = TimeDelta::hours(24);
        assert_eq!(full(4, at).await, None);
        assert_eq!(full(3, at).await, Some(now + day), "the oldest of three leaves the window first");
        assert_eq!(full(1, at).await, Some(now + TimeDelta::minutes(2) + day));
        assert_eq!(full(3, now + day).await, None);
        for _ in 0..2 {
            lab.store.wait_for_room(lab.registrar(), Lane::Worker, 3, now + day, at).await.expect("recorded");
        }
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'notice' AND state = 'due' AND why = 'waits for the daily ceiling until 2026-11-24 07:14 UTC'").await, 6);
        let alerts = async || lab.number("SELECT count(*) FROM letter WHERE kind = 'alert' AND words LIKE 'the day''s ceiling%'").await;
        assert_eq!(alerts().await, 1);
        lab.store.wait_for_room(lab.registrar(), Lane::Worker, 3, now + day, at + day).await.expect("recorded");
        assert_eq!(alerts().await, 1, "it lasts");
        lab.end_alerts(at + day).await;
        lab.store.wait_for_room(lab.registrar(), Lane::Worker, 3, now + day, at + TimeDelta::hours(23)).await.expect("recorded");
        assert_eq!(alerts().await, 1, "not twice a day");
        lab.store.wait_for_room(lab.registrar(), Lane::Worker, 3, now + day, at + day).await.expect("recorded");
        assert_eq!(alerts().await, 2, "one a day");
        let notice = lab.claim(Lane::Worker, at).await.expect("a notice");
        assert_eq!(notice.due_at, now, "it keeps its place");
    }

    async fn receipts_can_be_left_out(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        let among = Among { without_receipts: true, ..Among::default() };
        let due = async || lab.store.has_due_letter_among(Lane::Poller, lab.mailbox.as_str(), &among, now).await.expect("the database");
        assert!(!due().await);
        let notice = lab.claim(Lane::Worker, now).await.expect("a notice");
        lab.finish(&notice, refused(), now).await;
        assert!(due().await, "an alert");
        let alert = lab.store.claim_among(Lane::Poller, lab.mailbox.as_str(), &among, "h/1/1", now).await.expect("the database");
        assert_eq!(alert.expect("an alert").kind, Kind::Alert);
    }

    async fn a_letter_that_was_not_answered_waits_for_the_folder_of_sent_mail_and_not_for_ever(lab: &Lab) {
        let now = monday("10:14:00");
        let id = lab.unanswered_receipt(now).await;
        let minutes = |minutes| now + TimeDelta::minutes(minutes);
        let due = async |at| lab.store.has_due_letter(Lane::Poller, lab.mailbox.as_str(), at).await.expect("the database");
        assert!(due(minutes(1)).await, "there is no poller that would look");
        lab.store.beat("poll:help@school.test", None, now).await.expect("recorded");
        assert!(!due(minutes(1)).await);
        assert!(due(minutes(5)).await, "long enough");
        let questions = async |at| lab.store.open_questions("help@school.test", at).await.expect("the database");
        assert!(questions(now + TimeDelta::seconds(19)).await.is_empty(), "a copy may be on its way");
        let asked = questions(now + TimeDelta::seconds(20)).await;
        assert_eq!(asked.iter().map(|question| question.id).collect::<Vec<_>>(), [id]);
        lab.store.answer(&asked[0], false, minutes(1)).await.expect("recorded");
        assert!(questions(minutes(2)).await.is_empty(), "asked once");
        let again = lab.claim(Lane::Poller, minutes(1)).await.expect("it goes again");
        assert_eq!(again.frozen.as_deref(), Some(&b"the bytes"[..]));
        // An answer that comes too late changes nothing.
        lab.store.answer(&asked[0], true, minutes(1)).await.expect("nothing to record");
        assert_eq!(lab.text("SELECT state FROM letter WHERE kind = 'receipt'").await, "sending");
        // Not answered again: asked again.
        lab.finish(&again, Ending::Unknown { at: minutes(6), why: "no answer".to_owned() }, minutes(1)).await;
        let asked = questions(minutes(2)).await;
        assert_eq!(asked.len(), 1);
        lab.store.answer(&asked[0], true, minutes(2)).await.expect("recorded");
        assert_eq!(lab.text("SELECT state FROM letter WHERE kind = 'receipt'").await, "sent");
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'receipt' AND frozen IS NULL AND sent_at IS NOT NULL AND sent_folder = 'found'").await, 1);
        assert_eq!(lab.text("SELECT detail FROM event WHERE kind = 'sent'").await, format!("receipt {id}: not answered, found in the folder of sent mail"));
        assert!(!due(minutes(60)).await);
    }

    async fn a_sender_that_died_over_frozen_bytes_leaves_a_question(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        let receipt = lab.claim(Lane::Poller, now).await.expect("a receipt");
        lab.store.freeze(&receipt, b"the bytes", None, now).await.expect("frozen");
        let later = now + TimeDelta::seconds(61);
        let note = async |at| lab.store.note_unanswered(Lane::Poller, "help@school.test", at).await.expect("recorded");
        note(now).await;
        assert_eq!(lab.text("SELECT state FROM letter WHERE kind = 'receipt'").await, "sending", "its sender lives");
        assert!(lab.claim(Lane::Poller, later).await.is_none(), "not before it was noted");
        note(later).await;
        lab.store.beat("poll:help@school.test", None, later).await.expect("recorded");
        assert!(lab.claim(Lane::Poller, later).await.is_none(), "the folder is asked first");
        let at = later + TimeDelta::seconds(20);
        let asked = lab.store.open_questions("help@school.test", at).await.expect("the database");
        lab.store.answer(&asked[0], false, at).await.expect("recorded");
        let again = lab.claim(Lane::Poller, at).await.expect("it goes again");
        assert_eq!((again.frozen.as_deref(), again.attempts), (Some(&b"the bytes"[..]), 2));
        lab.finish(&again, Ending::Sent, at).await;
        assert_eq!(lab.text("SELECT why FROM letter WHERE kind = 'receipt'").await, "possibly sent twice");
    }

    async fn the_bytes_of_a_letter_to_be_copied_are_kept_until_they_are(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        lab.register(&letter("olga@family.test", "2@family.test", "s", "b"), &held, now).await;
        for _ in 0..2 {
            let mut receipt = lab.claim(Lane::Poller, now).await.expect("a receipt");
            receipt.keep_copy = true;
            lab.store.freeze(&receipt, b"the bytes", None, now).await.expect("frozen");
            lab.finish(&receipt, Ending::Sent, now).await;
        }
        let next = async |at| lab.store.next_copy("help@school.test", at).await.expect("the database");
        assert!(next(now + TimeDelta::seconds(19)).await.is_none());
        let at = now + TimeDelta::seconds(20);
        let first = next(at).await.expect("the first");
        assert_eq!((first.bytes.as_slice(), first.sent_at), (&b"the bytes"[..], now));
        lab.store.copied(&first).await.expect("recorded");
        let second = next(at).await.expect("the second");
        assert_ne!(second.id, first.id);
        assert_eq!(lab.store.give_up_copies("help@school.test", at).await.expect("the database"), 0);
        assert_eq!(lab.store.give_up_copies("help@school.test", now + KEEP_COPY).await.expect("the database"), 1);
        assert!(next(at).await.is_none());
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE frozen IS NOT NULL").await, 0);
    }
}

#[tokio::test]
async fn a_letter_is_heard_of_once_it_is_committed() {
    use std::time::Duration;
    use tokio::time::timeout;
    let lab = Lab::postgres().await;
    let now = monday("10:14:00");
    let listen = async |lane| lab.store.listen(lane).await.expect("a connection");
    let mut worker = listen(Lane::Worker).await.expect("PostgreSQL tells");
    let held = lab.lease("a", now).await;
    lab.register(&from_rita("1@family.test", "s", "b"), &held, now)
        .await;
    timeout(Duration::from_secs(10), worker.hear())
        .await
        .expect("heard of")
        .expect("connected");
    let due = lab
        .store
        .has_due_letter(Lane::Worker, lab.mailbox.as_str(), now);
    assert!(due.await.expect("the database"), "committed by then");
    let sqlite = Lab::sqlite().await;
    assert!(
        sqlite
            .store
            .listen(Lane::Worker)
            .await
            .expect("nothing to open")
            .is_none()
    );
}
