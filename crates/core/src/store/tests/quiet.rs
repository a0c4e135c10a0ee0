//! A copy knows that it is one, keeps quiet, and sends nothing twice that its original may have sent.

use chrono::{DateTime, TimeDelta, Utc};

use super::lab::{Lab, from_rita, letter, monday, on_both_engines};
use crate::config::Database;
use crate::domain::letter::Lane;
use crate::store::Store;
use crate::store::outbox::Ending;
use crate::store::quiet::{Fate, MAY_HAVE_BEEN_SENT};

impl Lab {
    /// This database finds itself elsewhere than it was written.
    async fn is_copied(&self) {
        self.execute("UPDATE desk SET home = 'elsewhere'").await;
    }

    async fn quiet(&self, now: DateTime<Utc>) {
        let quiet = self.store.recognise(now).await.expect("the database");
        assert!(quiet.is_some_and(|quiet| quiet.since == Some(now)));
    }

    async fn fates(&self, all: bool) -> Vec<(String, Fate)> {
        let waiting = self.store.waiting_for_resume(all).await;
        let waiting = waiting.expect("the database").into_iter();
        waiting.map(|letter| (letter.kind, letter.fate)).collect()
    }

    async fn states(&self, kind: &str) -> String {
        let rows = crate::store::query_all(
            &self.store.db,
            "SELECT state FROM letter WHERE kind = $1 ORDER BY id",
            [kind.into()],
        );
        let rows = rows.await.expect("the database");
        let states: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("", "state").expect("a state"))
            .collect();
        states.join(" ")
    }

    async fn may_leave(&self, now: DateTime<Utc>) -> bool {
        let mut any = false;
        for lane in [Lane::Poller, Lane::Worker] {
            let due = self.store.has_due_letter(lane, self.mailbox.as_str(), now);
            any |= due.await.expect("the database");
        }
        any
    }
}

on_both_engines! {
    async fn a_database_at_home_is_not_quiet_however_often_it_is_opened(lab: &Lab) {
        let now = monday("10:00:00");
        for _ in 0..2 {
            lab.store.migrate(&lab.database).await.expect("nothing to do");
            assert_eq!(lab.store.recognise(now).await.expect("the database"), None);
        }
        assert_eq!(lab.number("SELECT count(*) FROM desk WHERE restored_at IS NULL").await, 1);
    }

    async fn nothing_of_a_copy_can_be_claimed_even_before_anybody_looked(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        assert!(lab.may_leave(now).await);
        lab.is_copied().await;
        let claims = async || lab.claim(Lane::Poller, now).await.or(lab.claim(Lane::Worker, now).await);
        assert!(!lab.may_leave(now).await && claims().await.is_none());
        let known = lab.store.quiet().await.expect("the database").expect("a copy");
        assert_eq!(known.since, None);
        lab.quiet(now).await;
        assert!(!lab.may_leave(now + TimeDelta::days(3)).await && claims().await.is_none());
        // Looking again changes nothing, and letters come in.
        let again = lab.store.recognise(now + TimeDelta::hours(1)).await.expect("the database");
        assert_eq!(again.and_then(|quiet| quiet.since), Some(now));
        lab.register(&letter("olga@family.test", "2@family.test", "s", "b"), &held, now).await;
        assert!(!lab.may_leave(now).await);
    }

    async fn the_numbers_of_a_copy_are_none_that_its_original_gave(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        lab.is_copied().await;
        lab.quiet(now).await;
        let new = lab.register(&letter("olga@family.test", "2@family.test", "s", "b"), &held, now).await;
        assert_eq!(new.ticket, Some(2001));
        assert_eq!(lab.number("SELECT max(id) FROM message").await, 2001);
        // A copy of the copy leaps again.
        lab.is_copied().await;
        lab.quiet(now + TimeDelta::hours(1)).await;
        let new = lab.register(&letter("olga@family.test", "3@family.test", "s", "b"), &held, now).await;
        assert_eq!(new.ticket, Some(6001));
    }

    async fn an_empty_copy_leaps_too(lab: &Lab) {
        let now = monday("10:00:00");
        lab.is_copied().await;
        lab.quiet(now).await;
        let held = lab.lease("a", now).await;
        let new = lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        assert_eq!(new.ticket, Some(2001));
    }

    async fn what_was_due_or_came_before_the_restore_is_in_doubt_and_what_comes_after_is_not(lab: &Lab) {
        let (before, restored) = (monday("10:00:00"), monday("12:00:00"));
        let held = lab.lease("a", before).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, before).await;
        lab.is_copied().await;
        lab.quiet(restored).await;
        // One that the original had before it died, one of later.
        lab.register(&letter("olga@family.test", "2@family.test", "s", "b"), &held, monday("11:00:00")).await;
        lab.execute("UPDATE letter SET created_at = (SELECT restored_at FROM desk) WHERE ticket = 2001").await;
        lab.register(&letter("lena@family.test", "3@family.test", "s", "b"), &held, monday("12:30:00")).await;
        let fates = |receipt| {
            let receipt = ("receipt".to_owned(), receipt);
            let notice = ("notice".to_owned(), Fate::GoesAgain);
            let mut fates = vec![receipt.clone(), notice.clone(), notice.clone(), receipt, notice.clone(), notice];
            fates.extend(["receipt", "notice", "notice"].map(|kind| (kind.to_owned(), Fate::Goes)));
            fates.sort_by_key(|(kind, fate)| (kind.clone(), format!("{fate:?}")));
            fates
        };
        for (all, receipt) in [(false, Fate::Held), (true, Fate::GoesAgain)] {
            let mut found = lab.fates(all).await;
            found.sort_by_key(|(kind, fate)| (kind.clone(), format!("{fate:?}")));
            assert_eq!(found, fates(receipt), "all: {all}");
        }
        assert_eq!(lab.states("receipt").await, "maybe_sent due due", "nothing was changed by looking");

        let now = monday("13:00:00");
        assert_eq!(lab.store.resume(false, now).await.expect("resumed"), 2);
        assert_eq!(lab.states("receipt").await, "held held due");
        assert_eq!(lab.text("SELECT DISTINCT why FROM letter WHERE state = 'held'").await, MAY_HAVE_BEEN_SENT);
        assert_eq!(lab.number("SELECT count(*) FROM event WHERE kind = 'held' AND ticket IN (1, 2001)").await, 2);
        assert_eq!(lab.store.quiet().await.expect("the database"), None);
        let mut left = Vec::new();
        for lane in [Lane::Poller, Lane::Worker] {
            while let Some(claimed) = lab.claim(lane, now).await {
                left.push(claimed.kind.as_str());
                lab.finish(&claimed, Ending::Sent, now).await;
            }
        }
        assert_eq!(left, ["receipt", "notice", "notice", "notice", "notice", "notice", "notice"]);
        // A letter of before the restore that comes to light only now.
        lab.register(&letter("nina@family.test", "4@family.test", "s", "b"), &held, monday("11:30:00")).await;
        assert_eq!(lab.states("receipt").await, "held held sent held");
    }

    async fn all_go_where_all_are_wanted(lab: &Lab) {
        let (before, restored) = (monday("10:00:00"), monday("12:00:00"));
        let held = lab.lease("a", before).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, before).await;
        lab.is_copied().await;
        lab.quiet(restored).await;
        assert_eq!(lab.store.resume(true, restored).await.expect("resumed"), 0);
        let later = restored + TimeDelta::minutes(6);
        assert!(lab.claim(Lane::Poller, later).await.is_some());
    }

    async fn what_the_folder_of_sent_mail_has_does_not_go_again(lab: &Lab) {
        let (before, restored) = (monday("10:00:00"), monday("12:00:00"));
        let held = lab.lease("a", before).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, before).await;
        // One that is not due then cannot have left.
        lab.execute("UPDATE letter SET due_at = '2026-11-24T06:00:00Z' WHERE id = (SELECT max(id) FROM letter)").await;
        lab.is_copied().await;
        lab.quiet(restored).await;
        let at = restored + TimeDelta::seconds(20);
        let asked = lab.store.open_questions(lab.mailbox.as_str(), at).await.expect("the database");
        assert_eq!(asked.len(), 2);
        for question in &asked {
            lab.store.answer(question, true, at).await.expect("recorded");
        }
        assert_eq!(lab.fates(false).await, [("notice".to_owned(), Fate::Goes)]);
        assert_eq!(lab.store.resume(false, at).await.expect("resumed"), 0);
        assert_eq!(lab.states("receipt").await, "sent");
    }

    async fn an_answer_that_was_let_go_before_the_restore_is_in_doubt_though_it_was_held_in_the_copy(lab: &Lab) {
        let (before, restored) = (monday("10:00:00"), monday("12:00:00"));
        let held = lab.lease("a", before).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, before).await;
        lab.execute("UPDATE letter SET kind = 'answer', state = 'held' WHERE id = (SELECT max(id) FROM letter)").await;
        lab.execute("UPDATE letter SET state = 'sent' WHERE kind <> 'answer'").await;
        lab.is_copied().await;
        lab.quiet(restored).await;
        assert_eq!(lab.fates(false).await, []);
        let id = lab.number("SELECT id FROM letter WHERE kind = 'answer'").await;
        let now = monday("12:10:00");
        crate::store::unsent::let_go(&lab.store.db, id, now, false, now).await.expect("the database");
        assert_eq!(lab.fates(false).await, [("answer".to_owned(), Fate::Held)]);
        lab.store.resume(false, now).await.expect("resumed");
        assert_eq!(lab.states("answer").await, "held");
        // Whoever lets it go now has looked.
        crate::store::unsent::let_go(&lab.store.db, id, now, false, now).await.expect("the database");
        assert!(lab.claim(Lane::Worker, now).await.is_some());
    }

    async fn daemons_that_start_together_on_a_copy_make_it_quiet_once(lab: &Lab) {
        let held = lab.lease("a", monday("10:00:00")).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, monday("10:00:00")).await;
        lab.is_copied().await;
        let start = |time| lab.store.recognise(monday(time));
        let (one, other) = tokio::join!(start("12:00:00"), start("12:00:07"));
        assert_eq!(one.expect("the database"), other.expect("the database"));
        let new = lab.register(&from_rita("2@family.test", "s", "b"), &held, monday("12:01:00")).await;
        assert_eq!(new.ticket, Some(2001), "one leap");
    }

    async fn a_copy_that_nobody_started_does_not_resume(lab: &Lab) {
        lab.is_copied().await;
        let refused = lab.store.resume(false, monday("10:00:00")).await.expect_err("refused");
        assert!(refused.to_string().contains("start the poller"), "{refused}");
        assert!(lab.store.quiet().await.expect("the database").is_some());
    }
}

#[tokio::test]
async fn a_role_that_cannot_move_the_numbers_on_says_who_can_and_stays_quiet() {
    let lab = Lab::postgres().await;
    let role = format!("rows_only_{}", std::process::id());
    lab.execute(&format!("CREATE ROLE {role} LOGIN")).await;
    lab.execute(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
    ))
    .await;
    lab.is_copied().await;
    let Database::Postgres { url, .. } = &lab.database else {
        panic!("a server is meant");
    };
    let of_role = Database::Postgres {
        url: url.replacen("postgres@", &format!("{role}@"), 1),
        password: None,
    };
    let store = Store::open(&of_role).await.expect("opens");
    let now = monday("10:00:00");
    let refused = store.recognise(now).await.expect_err("refused").to_string();
    assert!(refused.contains("ninetosix-worker migrate"), "{refused}");
    assert!(store.quiet().await.expect("the database").is_some());
    lab.quiet(now).await;
    let quiet = store.recognise(now).await.expect("it has been seen to");
    assert!(quiet.is_some());
    store.close().await.expect("closed");
    lab.execute(&format!("DROP OWNED BY {role}")).await;
    lab.execute(&format!("DROP ROLE {role}")).await;
}
