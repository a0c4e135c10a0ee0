//! Answers that wait for their author's word or for their time, and letters that come back.

use chrono::{DateTime, TimeDelta, Utc};

use super::tests::{address, desk, letters, mail, monday, ticket, to_sam};
use super::*;
use crate::domain::incoming::{DeliveryReport, Fate, IncomingMail};
use crate::domain::proof::Proof;

const ENTRY: i64 = 17;

fn draft(verbs: Vec<Verb>) -> Unsent {
    Unsent {
        entry: ENTRY,
        words: "Готово.".to_owned(),
        letter: Some(3),
        held: true,
        put_off: false,
        verbs,
    }
}

fn accepted() -> Unsent {
    Unsent {
        held: false,
        put_off: true,
        ..draft(Vec::new())
    }
}

/// What a reply of Sam to the letter about his letter causes.
fn replied(words: &str, unsent: &[Unsent], since: Since, now: DateTime<Utc>) -> Registration {
    let (mut proof, mut facts) = to_sam(ticket(State::New));
    proof.answers_kind = Some("own_letter".to_owned());
    proof.answers_entry = Some(ENTRY);
    facts.unsent = unsent.to_vec();
    facts.since = since;
    decide(
        &mail("sam@school.test", words),
        &proof,
        &facts,
        &desk(),
        now,
    )
}

fn settled(registration: &Registration) -> Vec<(Option<i64>, Settlement)> {
    let one = |one: &Settled| (one.unsent.letter, one.how);
    registration.settled.iter().map(one).collect()
}

fn verbs(registration: &Registration) -> Vec<(Verb, bool)> {
    let one = |one: &NewCommand| (one.verb, one.applied);
    registration.commands.iter().map(one).collect()
}

#[test]
fn a_held_answer_goes_by_its_authors_word_with_all_he_ordered() {
    let now = monday("10:14:00");
    let due_at = now;
    let goes = |words: &str, held: Vec<Verb>, without_files: bool, want: &[Verb]| {
        let made = replied(words, &[draft(held)], Since::default(), now);
        let how = Settlement::Send {
            due_at,
            without_files,
        };
        assert_eq!(settled(&made), [(Some(3), how)], "{words}");
        let want: Vec<_> = want.iter().map(|verb| (*verb, true)).collect();
        assert_eq!(verbs(&made), want, "{words}");
        assert!(made.letters.is_empty(), "{words}");
    };
    goes("#отправить", vec![], false, &[Verb::Answer]);
    goes("#send top only", vec![], false, &[Verb::Answer]);
    goes("#отправить без вложений", vec![], true, &[Verb::Answer]);
    goes(
        "#отправить",
        vec![Verb::Close],
        false,
        &[Verb::Answer, Verb::Close],
    );
    goes("#закрыть", vec![], false, &[Verb::Answer, Verb::Close]);
}

#[test]
fn at_night_a_word_is_confirmed_and_waits_for_the_opening() {
    let night = monday("23:04:00");
    let opening = monday("09:00:00") + TimeDelta::days(1);
    let made = replied("#отправить", &[draft(vec![])], Since::default(), night);
    let how = Settlement::Send {
        due_at: opening,
        without_files: false,
    };
    assert_eq!(settled(&made), [(Some(3), how)]);
    assert_eq!(verbs(&made), [(Verb::Answer, false)]);
    let told = letters(&made);
    assert!(told[0].contains("Accepted"), "{told:?}");
}

#[test]
fn what_waits_can_be_taken_back_at_any_hour() {
    for unsent in [draft(vec![]), accepted()] {
        let made = replied("#отмена", &[unsent], Since::default(), monday("23:30:00"));
        assert_eq!(settled(&made), [(Some(3), Settlement::Withdraw)]);
        assert!(made.commands.is_empty());
        assert_eq!(
            letters(&made),
            ["own_letter to sam: Withdrawn { more: false }"]
        );
    }
    for words in ["#отмена", "#отправить"] {
        let made = replied(words, &[], Since::default(), monday("10:14:00"));
        assert_eq!(
            letters(&made),
            ["own_letter to sam: NothingWaits"],
            "{words}"
        );
    }
    // A letter about one of two takes that back, and says that the other waits; any other takes back both.
    let other = Unsent {
        entry: ENTRY + 1,
        letter: Some(4),
        ..draft(vec![])
    };
    let both = [accepted(), other];
    let one = replied("#отмена", &both, Since::default(), monday("23:30:00"));
    assert_eq!(settled(&one), [(Some(3), Settlement::Withdraw)]);
    assert_eq!(
        letters(&one),
        ["own_letter to sam: Withdrawn { more: true }"]
    );
    let (proof, mut facts) = to_sam(ticket(State::New));
    facts.unsent = both.to_vec();
    let all = decide(
        &mail("sam@school.test", "#отмена"),
        &proof,
        &facts,
        &desk(),
        monday("23:30:00"),
    );
    assert_eq!(all.settled.len(), 2);
    assert_eq!(
        letters(&all),
        ["own_letter to sam: Withdrawn { more: false }"]
    );
    // What waits only for its time is not a draft.
    let made = replied(
        "#отправить",
        &[accepted()],
        Since::default(),
        monday("23:30:00"),
    );
    assert_eq!(letters(&made), ["own_letter to sam: NothingWaits"]);
}

#[test]
fn a_new_answer_replaces_what_has_not_left() {
    let (proof, mut facts) = to_sam(ticket(State::New));
    facts.unsent = vec![draft(vec![]), accepted()];
    let night = monday("23:40:00");
    let again = mail("sam@school.test", "Исправлено.");
    let made = decide(&again, &proof, &facts, &desk(), night);
    let replaced = (Some(3), Settlement::Replace);
    assert_eq!(settled(&made), [replaced, replaced]);
    assert!(letters(&made)[1].contains("replaces: true"));
    // An order given alone stands.
    facts.unsent = vec![Unsent {
        letter: None,
        ..accepted()
    }];
    assert!(
        decide(&again, &proof, &facts, &desk(), night)
            .settled
            .is_empty()
    );
    // One that only waits for the server is no version of this one.
    facts.unsent = vec![Unsent {
        put_off: false,
        ..accepted()
    }];
    let made = decide(&again, &proof, &facts, &desk(), monday("10:14:00"));
    assert!(made.settled.is_empty());
}

#[test]
fn an_answer_that_was_overtaken_is_held_and_the_difference_shown() {
    let now = monday("10:40:00");
    let colleague = Since {
        colleague: Some(ColleagueAnswered {
            who: "sofia".to_owned(),
            at: monday("10:32:00"),
            words: "Кабинет 14.".to_owned(),
        }),
        writer: None,
    };
    let wrote = |words: &str| Since {
        colleague: None,
        writer: Some(WriterWrote {
            at: monday("10:32:00"),
            words: words.to_owned(),
        }),
    };
    let (proof, mut facts) = to_sam(ticket(State::New));
    let mut decided = |since: &Since, words: &str| {
        facts.since = since.clone();
        decide(
            &mail("sam@school.test", words),
            &proof,
            &facts,
            &desk(),
            now,
        )
    };
    for since in [colleague.clone(), wrote("А в четверг?")] {
        let made = decided(&since, "Готово.\n#закрыть");
        let told = letters(&made);
        assert_eq!(told[0], "held answer of sam to rita@family.test: Готово.");
        assert!(told[1].contains("Stale"), "{told:?}");
        assert!(made.commands.is_empty());
        let NewLetter::ToWriter { letter, .. } = &made.letters[0] else {
            panic!("{made:?}")
        };
        let WriterLetter::Answer(Answer {
            held: Some(hold), ..
        }) = letter
        else {
            panic!("{letter:?}")
        };
        assert_eq!(hold.verbs, [Verb::Close]);
    }
    // Thanks change nothing, and a note is for colleagues.
    assert!(letters(&decided(&wrote("Спасибо!"), "Готово."))[0].starts_with("answer"));
    assert!(letters(&decided(&colleague, "#заметка\nЗвонила мама.")).is_empty());
    // To close what its writer has just written to is held too.
    let closing = decided(&wrote("А в четверг?"), "#закрыть");
    assert!(closing.commands.is_empty() && letters(&closing)[0].contains("Stale"));
    // And a word about a held answer, if something came after the letter that asked for it.
    let again = replied("#отправить", &[draft(vec![])], colleague, now);
    assert!(again.settled.is_empty() && letters(&again)[0].contains("Stale"));
}

#[test]
fn an_answer_can_be_taken_back_for_as_long_as_the_desk_says() {
    let mut desk = desk();
    desk.recall = TimeDelta::minutes(10);
    let at = |time: &str| {
        let (proof, facts) = to_sam(ticket(State::New));
        let made = decide(
            &mail("sam@school.test", "Готово.\n#закрыть"),
            &proof,
            &facts,
            &desk,
            monday(time),
        );
        let NewLetter::ToWriter { due_at, .. } = made.letters[0] else {
            panic!("{made:?}")
        };
        (due_at, verbs(&made), made.letters.len())
    };
    let waiting = vec![(Verb::Answer, false), (Verb::Close, false)];
    assert_eq!(at("10:14:00"), (monday("10:24:00"), waiting.clone(), 1));
    // What would leave after closing leaves in the morning, and he is told.
    let opening = monday("09:00:00") + TimeDelta::days(1);
    assert_eq!(at("17:55:00"), (opening, waiting, 2));
}

#[test]
fn a_dead_address_is_not_written_to_and_can_be_put_right() {
    let (proof, mut facts) = to_sam(ticket(State::New));
    facts.dead_address = Some("came back: 5.1.1".to_owned());
    let now = monday("10:14:00");
    let decided = |words: &str| {
        decide(
            &mail("sam@school.test", words),
            &proof,
            &facts,
            &desk(),
            now,
        )
    };
    let held = letters(&decided("Готово."));
    assert_eq!(held[0], "held answer of sam to rita@family.test: Готово.");
    assert!(held[1].contains("AddressRefused"), "{held:?}");
    let made = decided("#адрес rita@other.test\nГотово.");
    assert_eq!(
        letters(&made),
        ["answer of sam to rita@other.test: Готово."]
    );
    let commands: Vec<_> = made
        .commands
        .iter()
        .map(|one| (one.verb, one.address.as_ref().map(EmailAddress::as_str)))
        .collect();
    assert_eq!(
        commands,
        [
            (Verb::Address, Some("rita@other.test")),
            (Verb::Answer, None)
        ]
    );
    // The writer is nobody of the desk.
    for address in ["help@school.test", "sofia@school.test", "a@b"] {
        let refused = letters(&decided(&format!("#адрес {address}\nГотово.")));
        let told = format!("own_letter to sam: AddressNotAllowed {{ address: {address:?} }}");
        assert_eq!(refused.last(), Some(&told));
    }
    // Nor are receipts written to it.
    let facts = Facts {
        dead_address: Some("came back: 5.1.1".to_owned()),
        ..Facts::default()
    };
    let new = decide(
        &mail("rita@family.test", "ещё"),
        &Proof::default(),
        &facts,
        &desk(),
        now,
    );
    let TicketChange::Open(new) = new.ticket else {
        panic!("{new:?}")
    };
    assert_eq!(new.receipt, ReceiptPlan::Never);
}

#[test]
fn a_notice_that_comes_back_without_its_header_is_ours() {
    use crate::domain::proof::proof;
    use crate::domain::token::{TokenKey, TokenKeys};
    let (desk, key) = (desk(), TokenKeys::new(TokenKey::new('1', [7; 32]), None));
    let code = key.sentinel(7, &address("sam@school.test"));
    let notice = format!(
        "[== Пишите ответ выше этой строки ==]\n\nвопрос\n\n[== Служебное ==]\nКто: Rita\n[== 7 · {code} ==]\n"
    );
    let (_, facts) = to_sam(ticket(State::New));
    let outcome = |from: &str, body: &str| {
        let mail = mail(from, body);
        let proof = proof(&mail, &address("help@school.test"), &desk, &key);
        decide(&mail, &proof, &facts, &desk, monday("10:14:00")).outcome
    };
    assert_eq!(outcome("alias@else.test", &notice), Outcome::Own);
    let footer = format!("{notice}\n_______\nList info");
    assert_eq!(outcome("alias@else.test", &footer), Outcome::Own);
    // Words of whoever had it are no letter of ours, nor is one with a mark that we did not make.
    for body in [format!("Что это?\n{notice}"), format!("{notice}\nЧто это?")] {
        assert_eq!(outcome("eve@else.test", &body), Outcome::Refused, "{body}");
    }
    let forged = notice.replace(&code, "AAAAAAAA");
    assert_eq!(outcome("eve@else.test", &forged), Outcome::Ticket);
    // A specialist who sends nothing else is told so.
    assert_eq!(outcome("sam@school.test", &notice), Outcome::Command);
}

/// What a report on a letter of this kind causes.
fn reported(kind: Kind, fate: Fate, status: &str, told: bool) -> Registration {
    let report = DeliveryReport {
        fate,
        status: status.to_owned(),
        ..DeliveryReport::default()
    };
    let report = IncomingMail {
        report: Some(report),
        ..mail("mailer-daemon@mx.test", "")
    };
    let facts = Facts {
        reported: Some(ReportedLetter {
            id: 9,
            ticket: Some(ticket(State::Closed)),
            kind,
            recipient: Some(address("rita@family.test")),
            author: Some("sam".to_owned()),
            has_failed: told,
            is_late: told,
        }),
        ..Facts::default()
    };
    decide(
        &report,
        &Proof::default(),
        &facts,
        &desk(),
        monday("10:14:00"),
    )
}

#[test]
fn a_bounce_is_told_to_whoever_wrote_and_to_nobody_twice() {
    let state = |made: &Registration| match &made.ticket {
        TicketChange::Existing { state, .. } => *state,
        other => panic!("{other:?}"),
    };
    let dead = |made: &Registration| made.bounce.as_ref().map(|bounce| bounce.dead.is_some());
    for (status, is_dead) in [
        ("5.1.1", true),
        ("", true),
        ("5.7.1", false),
        ("5.2.2", false),
    ] {
        let answer = reported(Kind::Answer, Fate::FailedForGood, status, false);
        assert_eq!(letters(&answer), ["delivery to sam"], "{status}");
        assert_eq!(
            (state(&answer), dead(&answer)),
            (State::InWork, Some(is_dead)),
            "{status}"
        );
    }
    let late = reported(Kind::Answer, Fate::Delayed, "4.4.1", false);
    assert_eq!(
        (letters(&late), dead(&late)),
        (vec!["delivery to sam".to_owned()], None)
    );
    assert_eq!(state(&late), State::Closed);
    for fate in [
        Fate::FailedForGood,
        Fate::FailedForNow,
        Fate::Delayed,
        Fate::Delivered,
    ] {
        let again = reported(Kind::Answer, fate, "5.1.1", true);
        assert!(
            again.letters.is_empty() && again.bounce.is_none(),
            "{fate:?}"
        );
    }
    let receipt = reported(Kind::Receipt, Fate::FailedForGood, "5.1.1", false);
    assert!(receipt.letters.is_empty() && receipt.alert.is_none());
    assert_eq!(
        (state(&receipt), dead(&receipt)),
        (State::Closed, Some(true))
    );
    for kind in [Kind::Notice, Kind::Digest, Kind::OwnLetter, Kind::Delivery] {
        let notice = reported(kind, Fate::FailedForGood, "5.1.1", false);
        assert!(
            notice.letters.is_empty() && notice.alert.is_some(),
            "{kind:?}"
        );
        assert_eq!(dead(&notice), Some(false), "{kind:?}");
    }
    let alert = reported(Kind::Alert, Fate::FailedForGood, "5.1.1", false);
    assert!(alert.letters.is_empty() && alert.alert.is_none());
}

#[test]
fn a_program_that_answers_at_once_gets_two_letters_a_day() {
    use crate::domain::receipt_cap::{Echo, RecentReceipts, first_allowed, is_echo};
    let now = monday("10:14:00");
    let recent = RecentReceipts {
        echo: Some(Echo {
            nth_of_day: Some(now - TimeDelta::hours(3)),
        }),
        ..RecentReceipts::default()
    };
    assert_eq!(first_allowed(&recent, now), now + TimeDelta::hours(21));
    let facts = Facts {
        receipts: recent,
        ..Facts::default()
    };
    let made = decide(
        &mail("robot@else.test", "?"),
        &Proof::default(),
        &facts,
        &desk(),
        now,
    );
    assert!(made.alert.is_some());
    let facts = Facts {
        writer_ticket: Some(ticket(State::Closed)),
        ..facts
    };
    let again = decide(
        &mail("rita@family.test", "Снова."),
        &Proof::default(),
        &facts,
        &desk(),
        now,
    );
    assert!(
        !letters(&again)
            .iter()
            .any(|letter| letter.starts_with("reopened"))
    );
    for (after, echoes) in [(-2, false), (0, true), (120, true), (121, false)] {
        let came = now + TimeDelta::seconds(after);
        assert_eq!(is_echo(now, came), echoes, "{after}");
    }
}
