//! Raw bytes, ledger rows, attempts and leases.

use chrono::TimeDelta;

use super::lab::{Lab, from_rita, monday, on_both_engines};
use crate::store::StoreError;
use crate::store::intake::Listed;

on_both_engines! {
    async fn raw_bytes_come_back_as_they_were_stored(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let large: Vec<u8> = (0..9 * 1024 * 1024 + 17).map(|n: u32| (n % 251) as u8).collect();
        // At the edges of a row, and of the rows that are read at once.
        let edges = [1, 4, 8].map(|mib| &large[..mib * 1024 * 1024]);
        for raw in [&b""[..], b"Subject: x\r\n\r\nhello\r\n", &large].into_iter().chain(edges) {
            let pending = lab.fetched(raw, &held, now).await;
            assert!(lab.store.raw(pending.raw_mail_id).await.expect("whole") == raw);
        }
    }

    async fn storing_the_same_uid_again_changes_nothing(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let listed = Listed { uid: 7, internal_date: now, size_bytes: 3, message_id: None };
        for _ in 0..3 {
            lab.store.store_raw(&lab.inbox(), &[(listed.clone(), b"abc".to_vec())], &held, now).await.expect("stored");
        }
        assert_eq!(lab.number("SELECT count(*) FROM ledger").await, 1);
        assert_eq!(lab.number("SELECT count(*) FROM raw_mail").await, 1);
        assert_eq!(lab.number("SELECT count(*) FROM raw_chunk").await, 1);
    }

    async fn a_letter_cut_short_while_it_was_stored_is_stored_anew(lab: &Lab) {
        use sea_orm::ConnectionTrait;
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let listed = Listed { uid: 7, internal_date: now, size_bytes: 3, message_id: None };
        lab.store.store_raw(&lab.inbox(), &[(listed.clone(), b"abc".to_vec())], &held, now).await.expect("stored");
        // As a crash between two transactions of a large letter leaves it.
        lab.store.db.execute_unprepared("DELETE FROM ledger").await.expect("gone");
        lab.store.db.execute_unprepared("UPDATE raw_mail SET complete = (1 = 0)").await.expect("incomplete");
        lab.store.db.execute_unprepared("DELETE FROM raw_chunk").await.expect("gone");
        lab.store.store_raw(&lab.inbox(), &[(listed.clone(), b"abc".to_vec())], &held, now).await.expect("stored");
        let pending = lab.store.pending(lab.mailbox.as_str(), 9).await.expect("the database");
        assert_eq!(lab.store.raw(pending.first().expect("it waits").raw_mail_id).await.expect("whole"), b"abc");
    }

    async fn a_fresh_letter_goes_before_one_that_was_tried(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let first = lab.fetched(b"first", &held, now).await;
        lab.store.count_attempt(&[first.id], false, &held).await.expect("counted");
        let second = lab.fetched(b"second", &held, now).await;
        let order: Vec<i64> = lab.store.pending(lab.mailbox.as_str(), 9).await.expect("the database").into_iter().map(|letter| letter.id).collect();
        assert_eq!(order, [second.id, first.id]);
    }

    async fn attempts_without_blame_are_taken_back_once(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let letter = lab.fetched(b"x", &held, now).await;
        for _ in 0..2 {
            lab.store.count_attempt(&[letter.id], true, &held).await.expect("counted");
        }
        // The second of the two: the database did not confirm that it was taken back, and it is told again.
        for _ in 0..2 {
            lab.store.uncount_attempts(&[(letter.id, 1)], &held).await.expect("taken back");
        }
        assert_eq!(lab.number("SELECT count(*) FROM ledger WHERE attempts_alone = 1").await, 1);
    }

    async fn a_letter_set_aside_again_is_set_aside_and_alerts_no_more(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let letter = lab.fetched(b"poison", &held, now).await;
        for hours in [0, 2] {
            let later = now + TimeDelta::hours(hours);
            let held = lab.store.take_lease("mailbox:help@school.test", "a", later).await.expect("the database").unwrap_or(held.clone());
            let is_new = lab.store.quarantine(lab.registrar(), &letter, "panic", "what", &held, later).await.expect("set aside");
            assert!(is_new);
            assert!(lab.store.retry_quarantined(letter.id, false).await.expect("again"));
        }
        let alerts = lab.number("SELECT count(*) FROM letter WHERE kind = 'alert'").await;
        assert!(alerts <= 1, "{alerts}");
    }

    async fn a_letter_that_was_never_had_is_set_aside_and_forgotten_for_a_retry(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let listed = Listed { uid: 7, internal_date: now, size_bytes: 3, message_id: None };
        let id = lab.store.quarantine_unfetched(lab.registrar(), &lab.inbox(), &listed, "nothing", "what", &held, now).await.expect("set aside");
        assert_eq!(lab.store.known_uids(&lab.inbox()).await.expect("known"), [(7, 7)]);
        assert!(lab.store.arrivals(&lab.inbox(), &[7]).await.expect("known").is_empty(), "when it arrived is not known");
        assert!(lab.store.retry_quarantined(id, false).await.expect("again"));
        assert!(lab.store.known_uids(&lab.inbox()).await.expect("known").is_empty());
    }

    async fn a_letter_set_aside_alerts_once_and_is_not_marked(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let letter = lab.fetched(b"poison", &held, now).await;
        for _ in 0..2 {
            lab.store.quarantine(lab.registrar(), &letter, "it ended the program", "quarantine 1", &held, now).await.expect("set aside");
        }
        assert_eq!(lab.text("SELECT outcome FROM ledger").await, "quarantined");
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'alert'").await, 1);
        assert!(lab.store.pending(lab.mailbox.as_str(), 9).await.expect("the database").is_empty());
        assert!(lab.store.unmarked(&lab.inbox()).await.expect("the database").is_empty());
    }

    async fn the_holder_of_an_older_lease_can_write_nothing(lab: &Lab) {
        let now = monday("10:14:00");
        let stale = lab.lease("host-a/1/1", now).await;
        let letter = lab.fetched(b"x", &stale, now).await;
        assert!(lab.store.take_lease("mailbox:help@school.test", "host-b/1/1", now).await.expect("the database").is_none(), "it is held");
        let later = now + TimeDelta::seconds(61);
        let held = lab.store.take_lease("mailbox:help@school.test", "host-b/1/1", later).await.expect("the database").expect("it ran out");
        assert!(held.fence > stale.fence);
        let listed = Listed { uid: 99, internal_date: now, size_bytes: 1, message_id: None };
        let lost = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::LeaseLost(_))), "{result:?}");
        lost(lab.store.store_raw(&lab.inbox(), &[(listed.clone(), b"y".to_vec())], &stale, later).await.map(|_| ()));
        lost(lab.store.count_attempt(&[letter.id], true, &stale).await);
        lost(lab.store.begin_numbering(&lab.inbox(), &[], &[], &stale, later).await);
        lost(lab.store.register(lab.registrar(), &letter, &from_rita("1@x", "s", "b"), &stale, later).await.map(|_| ()));
        lost(lab.store.renew_lease(&stale, later).await);
        lab.store.renew_lease(&held, later).await.expect("the holder renews");
    }

    async fn a_folder_is_new_once_and_renumbered_after(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let mut key = lab.inbox();
        let numberings = async || lab.store.numberings(&lab.inbox().mailbox, "INBOX").await.expect("the database");
        assert_eq!(numberings().await, []);
        let before: Vec<Listed> = (1..=1200).map(|uid| Listed { uid, internal_date: now, size_bytes: 5, message_id: Some(format!("{uid}@x")) }).collect();
        lab.store.begin_numbering(&key, &before, &[], &held, now).await.expect("begun");
        assert_eq!(numberings().await.last(), Some(&key));
        assert_eq!(lab.store.known_uids(&key).await.expect("known"), [(1, 1200)]);
        let arrivals = lab.store.arrivals(&key, &[7, 1100, 1201]).await.expect("known");
        assert_eq!(arrivals.into_iter().collect::<Vec<_>>(), [(7, now), (1100, now)]);
        assert_eq!(lab.number("SELECT count(*) FROM ledger WHERE outcome = 'before_start'").await, 1200);
        assert!(lab.store.unmarked(&key).await.expect("the database").is_empty(), "what was there before is left as it is");
        // The same UIDVALIDITY, and the same UIDs for other letters: rows of their own.
        key.numbering = 2;
        lab.store.begin_numbering(&key, &[], &[], &held, now).await.expect("begun");
        assert_eq!(numberings().await.last(), Some(&key));
        assert!(lab.store.known_uids(&key).await.expect("known").is_empty());
        assert_eq!(lab.store.before_start(&key).await.expect("known").len(), 1200);
        let listed = Listed { uid: 7, internal_date: now, size_bytes: 3, message_id: None };
        lab.store.store_raw(&key, &[(listed, b"abc".to_vec())], &held, now).await.expect("stored");
        assert_eq!(lab.number("SELECT count(*) FROM ledger WHERE uid = 7").await, 2);
        for uid in [9, 8, 12, 1] {
            let listed = Listed { uid, internal_date: now, size_bytes: 3, message_id: None };
            lab.store.store_raw(&key, &[(listed, b"abc".to_vec())], &held, now).await.expect("stored");
        }
        assert_eq!(lab.store.known_uids(&key).await.expect("known"), [(1, 1), (7, 9), (12, 12)]);
    }
}
