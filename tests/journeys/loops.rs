//! Letters of ours that come back, and a desk that writes to another: nothing goes on by itself (promise P15).

use std::time::Duration;

use crate::support::{
    Client, Desk, Engine, Lab, Letter, Mail, Program, fresh_uuid, on_both_engines, wait_until,
};

/// What mail systems on the way take out of a header; a subject with a number in it would lead back to the ticket.
const STRIPPED: &str = "header_checks = regexp:{ {/^(Auto-Submitted|X-Auto-Response-Suppress|Precedence|List-Id|X-Ticket|In-Reply-To|References|Message-ID):/ IGNORE} {/^Subject:/ REPLACE Subject: Hello} }";

/// The mail as an alias passes it on that writes its header anew: other sender, other Message-ID, no sign of a program.
fn passed_on(mail: &Mail, from: &str, to: &str) -> (String, Vec<u8>) {
    #[rustfmt::skip]
    const KEPT: [&str; 4] = ["subject:", "mime-version:", "content-type:", "content-transfer-encoding:"];
    let id = format!("{}@list.test", fresh_uuid());
    let mut raw = format!("From: <{from}>\r\nTo: <{to}>\r\nMessage-ID: <{id}>\r\nDate: Mon, 23 Nov 2026 10:14:30 +0300\r\n").into_bytes();
    let head = mail.head();
    let mut is_kept = false;
    for line in head.lines() {
        if !line.starts_with([' ', '\t']) {
            is_kept = KEPT
                .iter()
                .any(|name| line.to_lowercase().starts_with(name));
        }
        if is_kept {
            raw.extend(format!("{line}\r\n").bytes());
        }
    }
    raw.extend(&mail.raw[head.len()..]);
    (id, raw)
}

fn outcome(desk: &mut Desk, message_id: &str) -> String {
    desk.wait("it is registered", |desk| {
        let rows = desk.ledger();
        let row = rows
            .iter()
            .find(|row| row.maybe("message_id") == Some(message_id))?;
        row.maybe("outcome").map(str::to_owned)
    })
}

on_both_engines! {
    fn our_letters_that_an_alias_passes_on_with_a_new_header_are_known_by_their_text(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (_, _, notice) = desk.rita_opens_a_ticket();
        let ivan = desk.ivan.clone();
        desk.ivan_replies(&notice, Client::BelowTheQuote, "Ниже цитаты.");
        let told = desk.wait_for_mail(&ivan, "what became of it", |mail| mail.says("НЕ отправлен"));
        desk.wait_until_quiet(2);
        let letters = desk.letters().len();
        for mail in [&notice, &told] {
            let (id, raw) = passed_on(mail, "all-staff@list.test", &desk.help);
            desk.lab.deliver(&desk.help, "bounces@list.test", &raw);
            assert_eq!(outcome(&mut desk, &id), "own");
        }
        assert_eq!((desk.tickets().len(), desk.letters().len()), (1, letters));
        desk.ledger_agrees();
        desk.stop_both();
    }
}

/// Two desks of ours, each a person who writes to the other; `lab` says what is left of their headers.
fn face_each_other(lab: &Lab, mails: std::ops::RangeInclusive<usize>, alerts: i64) {
    let desk = || {
        Desk::new(lab, Engine::Sqlite, |config| {
            let operator = config.specialists[1].2.clone();
            config
                .tables
                .push_str(&format!("[operator]\naddress = \"{operator}\"\n"));
        })
    };
    let (mut one, mut other) = (desk(), desk());
    one.start();
    other.start();
    let first = Letter::new("", &one.help, &other.help, "Вопрос", "Помогите.");
    other.receive(&one.help, &first);
    other.wait_for_outcome(&first);
    let sent = |desk: &Desk| {
        desk.database
            .count("letter WHERE kind IN ('receipt', 'reopened') AND state = 'sent'")
    };
    let came = |desk: &Desk| desk.database.count("ledger WHERE outcome IS NOT NULL");
    let due = "letter WHERE kind IN ('receipt', 'reopened') AND state IN ('due', 'sending', 'maybe_sent') AND julianday(due_at) - julianday(created_at) < 0.5";
    // Half a day in one go: whatever waits for an hour leaves now.
    loop {
        let advanced = [&one, &other]
            .map(|desk| desk.database.count(due))
            .iter()
            .sum::<i64>();
        for desk in [&one, &other] {
            let now = due.replacen(
                "letter WHERE",
                "UPDATE letter SET due_at = created_at WHERE",
                1,
            );
            desk.database
                .execute(&now.replace("'sending', 'maybe_sent'", "'due'"));
        }
        wait_until(
            Duration::from_secs(30),
            "what was sent has come and nothing is due",
            || {
                let is_quiet = [&one, &other].iter().all(|desk| {
                let now = "letter WHERE kind IN ('receipt', 'reopened') AND state IN ('due', 'sending', 'maybe_sent') AND julianday(due_at) <= julianday('now')";
                desk.database.count(now) == 0
            });
                (is_quiet && came(&one) == sent(&other) && came(&other) == sent(&one) + 1)
                    .then_some(())
            },
        );
        if advanced == 0 {
            break;
        }
    }
    for desk in [&one, &other] {
        let mails_left = usize::try_from(sent(desk)).unwrap_or_default();
        assert!(
            mails.contains(&mails_left),
            "{mails_left} in a day: {:?}",
            desk.letters()
        );
    }
    let told: i64 = [&one, &other]
        .map(|desk| desk.database.count("letter WHERE kind = 'alert'"))
        .iter()
        .sum();
    assert!((alerts..=2).contains(&told), "{told} alerts");
    assert_eq!(one.log(Program::Poller).matches("panicked").count(), 0);
    one.stop_both();
    other.stop_both();
}

/// As servers leave letters: the first automatic one is known for what it is.
#[test]
fn two_desks_that_face_each_other_write_once() {
    face_each_other(&Lab::own(&[]), 0..=1, 0);
}

/// Nothing in the header says that a program wrote, nor what is answered.
#[test]
fn two_desks_without_any_header_between_them_write_twice_a_day_and_say_so() {
    face_each_other(&Lab::own(&["--postfix", STRIPPED]), 1..=2, 1);
}
