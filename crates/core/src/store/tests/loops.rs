//! Floods and loops by a virtual clock: what leaves, to whom, and when (promises P14 and P15).

use chrono::{DateTime, TimeDelta, Utc};

use super::lab::{Lab, address, letter, monday, on_both_engines};
use crate::domain::incoming::IncomingMail;
use crate::domain::letter::{Kind, Lane};
use crate::domain::outgoing::{Content, Letterhead, WriterContent};
use crate::domain::registration::Outcome;
use crate::domain::robot::{Author, judge};
use crate::store::lease::Held;
use crate::store::outbox::Ending;

/// An automatic letter that has left.
#[derive(Debug, Clone)]
struct Left {
    at: DateTime<Utc>,
    to: String,
    message_id: String,
    numbers: Vec<i64>,
    more: i64,
}

/// Sends what is due in the poller's lane; returns what is not for the operator.
async fn send_due(lab: &Lab, now: DateTime<Utc>) -> Vec<Left> {
    let letterhead = Letterhead {
        desk: "desk".to_owned(),
        phones: Vec::new(),
    };
    let mut all = Vec::new();
    let mailbox = lab.mailbox.as_str();
    while let Some(claimed) = lab
        .store
        .claim(Lane::Poller, mailbox, "h/1/1", now)
        .await
        .expect("the database")
    {
        let content = lab
            .store
            .content(lab.registrar(), &letterhead, &claimed, now)
            .await
            .expect("content");
        let (numbers, more) = match content {
            Content::Writer(_, WriterContent::Receipt { numbers, more, .. }) => (numbers, more),
            _ => (Vec::new(), 0),
        };
        let is_alert = claimed.kind == Kind::Alert;
        let one = Left {
            at: now,
            to: claimed
                .recipient
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            message_id: claimed.message_id.clone(),
            numbers,
            more,
        };
        all.extend((!is_alert).then_some(one));
        lab.store
            .finish(lab.registrar(), &claimed, &Ending::Sent, now)
            .await
            .expect("sent");
    }
    all
}

/// The most that left within any such time.
fn most_within(left: &[Left], window: TimeDelta) -> usize {
    let within = |from: DateTime<Utc>| {
        let is_in = |one: &&Left| one.at >= from && one.at < from + window;
        left.iter().filter(is_in).count()
    };
    left.iter()
        .map(|one| within(one.at))
        .max()
        .unwrap_or_default()
}

/// A letter in a forged name, whose answers are to go elsewhere.
fn forged(from: &str, number: usize) -> IncomingMail {
    let id = format!("{number}@evil.test");
    let mut mail = letter(from, &id, "buy", &format!("buy this {number}"));
    mail.robot.answers_elsewhere = true;
    mail.answer_to = Some(address(if number.is_multiple_of(2) {
        "victim@bank.test"
    } else {
        "help@school.test"
    }));
    mail
}

async fn flood(lab: &Lab, held: &Held, now: DateTime<Utc>) {
    for number in 0..300 {
        // Every tenth name is used again and again.
        let name = if number % 10 == 0 { 0 } else { number };
        let mail = forged(&format!("x{name}@family.test"), number);
        assert_eq!(
            lab.register(&mail, held, now).await.outcome,
            Outcome::Ticket
        );
    }
}

/// Every ticket is named by a receipt, and none by two.
fn each_is_named(left: &[Left], tickets: i64) {
    let mut named: Vec<i64> = left.iter().flat_map(|one| one.numbers.clone()).collect();
    let unnamed: i64 = left.iter().map(|one| one.more).sum();
    let count = named.len();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named.len(), count, "none by two");
    assert_eq!(count as i64 + unnamed, tickets);
}

on_both_engines! {
    async fn forged_senders_get_sixty_receipts_an_hour_in_all_and_nothing_goes_elsewhere(lab: &Lab) {
        let begun = monday("10:00:00");
        let held = lab.lease("a", begun).await;
        flood(lab, &held, begun).await;
        let mut left = Vec::new();
        for minute in 0..8 * 60 {
            left.extend(send_due(lab, begun + TimeDelta::minutes(minute)).await);
        }
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'receipt' AND state <> 'sent'").await, 0, "none is lost");
        each_is_named(&left, 300);
        assert_eq!(most_within(&left, TimeDelta::hours(1)), 60);
        assert!(left.iter().all(|one| one.to.ends_with("@family.test")), "{left:?}");
        let again: Vec<&Left> = left.iter().filter(|one| one.to == "x0@family.test").collect();
        assert_eq!((again.len(), again[0].numbers.len() as i64 + again[0].more), (1, 30), "one names all");
    }

    async fn receipts_that_waited_for_the_server_do_not_leave_all_at_once(lab: &Lab) {
        let begun = monday("10:00:00");
        let held = lab.lease("a", begun).await;
        flood(lab, &held, begun).await;
        // The submission server comes back seven hours later.
        let mut left = Vec::new();
        for minute in (7 * 60..16 * 60).step_by(5) {
            left.extend(send_due(lab, begun + TimeDelta::minutes(minute)).await);
        }
        each_is_named(&left, 300);
        assert!(most_within(&left, TimeDelta::hours(1)) <= 60, "{} within an hour", most_within(&left, TimeDelta::hours(1)));
    }

    async fn a_robot_without_any_header_that_changes_its_subject_falls_silent_and_is_told_once(lab: &Lab) {
        let begun = monday("00:10:00");
        let held = lab.lease("a", begun).await;
        lab.register(&letter("robot@family.test", "0@family.test", "help", "please"), &held, begun).await;
        let (mut left, mut written) = (Vec::new(), 1);
        // Each of our letters is answered within seconds, never in its thread.
        for minute in 0..3 * 24 * 60 {
            let now = begun + TimeDelta::minutes(minute);
            for one in send_due(lab, now).await {
                let reply = letter("robot@family.test", &format!("{written}@family.test"), &format!("away {written}"), &format!("I am away, no {written}"));
                assert_eq!(judge(&reply).author, Author::Person, "nothing gives it away");
                lab.register(&reply, &held, now + TimeDelta::seconds(3)).await;
                written += 1;
                left.push(one);
            }
        }
        assert!(most_within(&left, TimeDelta::days(1)) <= 2, "{left:?}");
        assert!(most_within(&left, TimeDelta::days(1)) > 0);
        let alerts = lab.number("SELECT count(*) FROM letter WHERE kind = 'alert'").await;
        assert!((1..=3).contains(&alerts), "one a day: {alerts}");
        each_is_named(&left, lab.number("SELECT count(*) FROM ticket WHERE receipt_letter IN (SELECT id FROM letter WHERE state = 'sent')").await);
    }

    async fn a_robot_that_answers_in_the_thread_falls_silent_too(lab: &Lab) {
        let begun = monday("00:10:00");
        let held = lab.lease("a", begun).await;
        let number = lab.register(&letter("robot@family.test", "0@family.test", "help", "please"), &held, begun).await.ticket.expect("a ticket");
        let (mut left, mut written) = (Vec::new(), 1);
        for minute in 0..2 * 24 * 60 {
            let now = begun + TimeDelta::minutes(minute);
            for one in send_due(lab, now).await {
                // Sam closes it each time: whatever the robot writes opens it again.
                lab.execute(&format!("UPDATE ticket SET state = 'closed', closed_at = updated_at WHERE number = {number}")).await;
                let mut reply = letter("robot@family.test", &format!("{written}@family.test"), &format!("away {written}"), &format!("I am away, no {written}"));
                reply.references = vec![one.message_id.clone()];
                lab.register(&reply, &held, now + TimeDelta::seconds(3)).await;
                written += 1;
                left.push(one);
            }
        }
        assert!(most_within(&left, TimeDelta::days(1)) <= 2, "{left:?}");
        assert!(lab.number("SELECT count(*) FROM letter WHERE kind = 'alert'").await >= 1, "the operator is told");
    }

    async fn two_desks_that_write_to_each_other_without_any_header_stop_after_two_letters(lab: &Lab) {
        let other = Lab::sqlite().await;
        let begun = monday("00:10:00");
        let desks = [(lab, "b@other.test", "b1@other.test"), (&other, "a@other.test", "a1@other.test")];
        let mut held = Vec::new();
        for (desk, ..) in desks {
            held.push(desk.lease("a", begun).await);
        }
        // Somebody lets the one write to the other; each sees the other as a person, by an address of its own.
        desks[1].0.register(&letter(desks[1].1, desks[1].2, "help", "please"), &held[1], begun).await;
        let mut counts = [Vec::new(), Vec::new()];
        let mut written = 0;
        for minute in 0..2 * 24 * 60 {
            let now = begun + TimeDelta::minutes(minute);
            for (from, to) in [(0, 1), (1, 0)] {
                for one in send_due(desks[from].0, now).await {
                    written += 1;
                    let reply = letter(desks[to].1, &format!("{written}.{}", one.message_id), &format!("received {written}"), &format!("received, no {written}"));
                    desks[to].0.register(&reply, &held[to], now + TimeDelta::seconds(2)).await;
                    counts[from].push(one);
                }
            }
        }
        for left in &counts {
            assert!((1..=2).contains(&most_within(left, TimeDelta::days(1))), "{left:?}");
        }
        let mut alerts = 0;
        for (desk, ..) in desks {
            alerts += desk.number("SELECT count(*) FROM letter WHERE kind = 'alert'").await;
        }
        assert!(alerts >= 1, "an operator is told");
    }
}
