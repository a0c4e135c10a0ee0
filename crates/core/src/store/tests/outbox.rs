//! Claims, fences and outcomes of outgoing letters.

use chrono::TimeDelta;

use super::lab::{Lab, from_rita, letter, monday, on_both_engines};
use crate::domain::letter::{Kind, Lane};
use crate::store::StoreError;
use crate::store::outbox::Ending;

on_both_engines! {
    async fn a_letter_is_claimed_by_one_and_again_when_the_lease_ran_out(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        let claim = async |holder: &str, at| lab.store.claim(Lane::Poller, lab.mailbox.as_str(), holder, at).await.expect("the database");
        let stale = claim("host-a/1/1", now).await.expect("a receipt");
        assert_eq!((stale.kind, stale.attempts), (Kind::Receipt, 1));
        assert!(claim("host-b/1/1", now).await.is_none());
        let later = now + TimeDelta::seconds(61);
        let fresh = claim("host-b/1/1", later).await.expect("the lease ran out");
        assert_eq!((fresh.id, fresh.attempts), (stale.id, 2));
        assert!(matches!(lab.store.freeze(&stale, b"x", None, later).await, Err(StoreError::LeaseLost(_))));
        assert!(matches!(lab.store.finish(lab.registrar(), &stale, &Ending::Sent, later).await, Err(StoreError::LeaseLost(_))));
        lab.store.finish(lab.registrar(), &fresh, &Ending::Sent, later).await.expect("its holder may");
        assert_eq!(lab.text("SELECT state FROM letter WHERE kind = 'receipt'").await, "sent");
        assert!(claim("host-b/1/1", later).await.is_none());
    }

    async fn many_claimers_share_the_letters_without_a_pair(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        for n in 0..20 {
            lab.register(&letter(&format!("rita{n}@family.test"), &format!("{n}@family.test"), "s", "b"), &held, now).await;
        }
        let workers = (0..4).map(|n| {
            let (store, mailbox) = (lab.store.clone(), lab.mailbox.to_string());
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while let Some(claimed) = store.claim(Lane::Worker, &mailbox, &format!("h/{n}/1"), now).await.expect("the database") {
                    mine.push(claimed.id);
                }
                mine
            })
        });
        let mut all = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            all.extend(worker.await.expect("no panic"));
        }
        let claimed = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!((claimed, all.len()), (40, 40), "two notices a ticket");
    }

    async fn letters_of_one_ticket_to_one_person_keep_their_order(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        let receipt = lab.text("SELECT message_id FROM letter WHERE kind = 'receipt'").await;
        let mut more = from_rita("2@family.test", "Re: s", "ещё");
        more.references = vec![receipt];
        lab.register(&more, &held, now).await;
        let claim = async |at| lab.store.claim(Lane::Worker, lab.mailbox.as_str(), "h/1/1", at).await.expect("the database");
        let (first, other) = (claim(now).await.expect("a notice"), claim(now).await.expect("a notice"));
        assert!(claim(now).await.is_none(), "the second notices wait for the first");
        let again = now + TimeDelta::seconds(30);
        lab.store.finish(lab.registrar(), &first, &Ending::TryAgain { at: again, why: "451".to_owned() }, now).await.expect("recorded");
        lab.store.finish(lab.registrar(), &other, &Ending::Sent, now).await.expect("recorded");
        let next = claim(now).await.expect("the other specialist's second notice");
        assert_eq!(next.recipient, other.recipient);
        assert!(claim(now).await.is_none(), "the first one's still waits");
        assert_eq!(claim(again).await.expect("tried again").id, first.id);
    }

    async fn bytes_of_an_unknown_end_go_again_unchanged(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        let claim = async |at| lab.store.claim(Lane::Poller, lab.mailbox.as_str(), "h/1/1", at).await.expect("the database").expect("a receipt");
        let first = claim(now).await;
        lab.store.freeze(&first, b"the bytes", None, now).await.expect("frozen");
        lab.store.finish(lab.registrar(), &first, &Ending::Unknown { at: now, why: "no answer".to_owned() }, now).await.expect("recorded");
        assert_eq!(lab.text("SELECT state FROM letter WHERE kind = 'receipt'").await, "maybe_sent");
        let second = claim(now).await;
        assert_eq!(second.frozen.as_deref(), Some(&b"the bytes"[..]));
        // A clean refusal of the repetition does not make the first one certain.
        lab.store.finish(lab.registrar(), &second, &Ending::TryAgain { at: now, why: "451".to_owned() }, now).await.expect("recorded");
        let third = claim(now).await;
        assert_eq!(third.frozen.as_deref(), Some(&b"the bytes"[..]));
        lab.store.finish(lab.registrar(), &third, &Ending::Sent, now).await.expect("recorded");
        assert_eq!(lab.text("SELECT why FROM letter WHERE kind = 'receipt'").await, "possibly sent twice");
    }

    async fn bytes_that_were_refused_are_composed_anew(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        let claim = async || lab.store.claim(Lane::Poller, lab.mailbox.as_str(), "h/1/1", now).await.expect("the database").expect("a receipt");
        let first = claim().await;
        lab.store.freeze(&first, b"the bytes", None, now).await.expect("frozen");
        lab.store.finish(lab.registrar(), &first, &Ending::TryAgain { at: now, why: "451".to_owned() }, now).await.expect("recorded");
        assert_eq!(claim().await.frozen, None);
    }

    async fn a_snooze_costs_no_attempt(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        for _ in 0..3 {
            let claimed = lab.store.claim(Lane::Worker, lab.mailbox.as_str(), "h/1/1", now).await.expect("the database").expect("a notice");
            assert_eq!(claimed.attempts, 1);
            lab.store.finish(lab.registrar(), &claimed, &Ending::Snoozed { until: now }, now).await.expect("recorded");
        }
    }

    async fn an_answer_given_at_night_waits_until_the_mailbox_was_read_after_the_opening(lab: &Lab) {
        let night = monday("23:04:00");
        let held = lab.lease("a", night).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, night).await;
        let notice = lab.text("SELECT message_id FROM letter WHERE kind = 'notice' AND recipient_login = 'sam'").await;
        let mut reply = letter("sam@school.test", "2@school.test", "Re: s", "Ответ.");
        reply.references = vec![notice];
        lab.register(&reply, &held, night).await;
        crate::store::execute(&lab.store.db, "UPDATE letter SET state = 'sent' WHERE kind <> 'answer'", []).await.expect("sent");
        let opening = monday("09:00:00") + TimeDelta::days(1);
        let due = async |at| lab.store.has_due_letter(Lane::Worker, lab.mailbox.as_str(), at).await.expect("the database");
        lab.store.beat("poll:help@school.test", None, opening - TimeDelta::seconds(1)).await.expect("recorded");
        assert!(!due(opening + TimeDelta::minutes(5)).await, "a word of its author may still lie in the mailbox");
        assert!(due(opening + TimeDelta::minutes(10)).await, "ten minutes are enough");
        lab.store.beat("poll:help@school.test", None, opening).await.expect("recorded");
        assert!(due(opening).await);
        assert!(!due(opening - TimeDelta::seconds(1)).await);
    }

    async fn the_author_of_an_answer_that_failed_is_told_once(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        let notice = lab.text("SELECT message_id FROM letter WHERE kind = 'notice' AND recipient_login = 'sam'").await;
        let mut reply = letter("sam@school.test", "2@school.test", "Re: s", "Ответ.");
        reply.references = vec![notice];
        lab.register(&reply, &held, now).await;
        crate::store::execute(&lab.store.db, "UPDATE letter SET state = 'sent' WHERE kind <> 'answer'", []).await.expect("sent");
        let answer = lab.store.claim(Lane::Worker, lab.mailbox.as_str(), "h/1/1", now).await.expect("the database").expect("the answer");
        lab.store.finish(lab.registrar(), &answer, &Ending::Failed { why: "550 no such user".to_owned(), dead_address: true }, now).await.expect("recorded");
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'delivery' AND recipient_login = 'sam'").await, 1);
        assert!(lab.text("SELECT words FROM letter WHERE kind = 'delivery'").await.contains("550 no such user"));
    }

    async fn a_heartbeat_keeps_its_last_good_turn(lab: &Lab) {
        let now = monday("10:14:00");
        lab.store.beat("poll:x", None, now).await.expect("recorded");
        lab.store.beat("poll:x", Some("no answer"), now + TimeDelta::minutes(1)).await.expect("recorded");
        let beats = lab.store.heartbeats().await.expect("known");
        assert_eq!(beats.len(), 1);
        assert_eq!((beats[0].good_at, beats[0].problem.as_deref()), (Some(now), Some("no answer")));
    }
}
