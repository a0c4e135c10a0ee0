//! What becomes of a letter, case by case.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::*;
use crate::domain::calendar::{Calendar, Exceptions, ProductionCalendar, Week};
use crate::domain::desk::{Desk, Specialist, Vouching};
use crate::domain::incoming::{
    Attachment, Correspondent, DeliveryReport, IncomingMail, RobotSigns,
};
use crate::domain::proof::{Proof, proof};
use crate::domain::receipt_cap::ReceiptCaps;
use crate::domain::text::CleanText;
use crate::domain::token::{TokenKey, TokenKeys};
use crate::domain::verdict::{TraceField, TraceName, Verdict, VerdictSource};

const QUOTED: &str = "\n\nпн, 23 нояб. 2026 г. в 10:14, Rita <help@school.test>:\n> [== Пишите ответ выше этой строки ==]\n> вопрос\n> [== Служебное ==]\n> Кто: Rita";

pub(super) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("plain")
}

/// Monday, 23 November 2026, in Moscow.
pub(super) fn monday(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(&format!("2026-11-23T{time}+03:00"))
        .expect("a time")
        .to_utc()
}

pub(super) fn desk() -> Desk {
    let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
    let calendar = Calendar::new(
        Tz::Europe__Moscow,
        week,
        Some(ProductionCalendar::ru()),
        Exceptions::default(),
        true,
    );
    let specialist = |login: &str| Specialist {
        login: login.to_owned(),
        name: login.to_owned(),
        address: address(&format!("{login}@school.test")),
        aliases: Vec::new(),
        from: None,
        to: None,
    };
    Desk {
        mailboxes: vec![address("help@school.test")],
        specialists: vec![specialist("sam"), specialist("sofia")],
        language: crate::domain::language::Language::En,
        operator: None,
        calendar: calendar.expect("a calendar"),
        terms: crate::domain::deadline::Terms::default(),
        caps: ReceiptCaps {
            per_hour: 1,
            per_day: 5,
            total_per_hour: 60,
        },
        recall: TimeDelta::zero(),
        reopen_within: TimeDelta::days(30),
        vouching: Vouching::Nobody,
    }
}

pub(super) fn mail(from: &str, body: &str) -> IncomingMail {
    IncomingMail {
        message_id: "1@family.test".to_owned(),
        from: vec![Correspondent {
            address: EmailAddress::parse(from),
            name: CleanLine::default(),
            ..Correspondent::default()
        }],
        to: vec![address("help@school.test")],
        subject: CleanLine::new("Re: вопрос", 200),
        body: CleanText::new(body),
        ..IncomingMail::default()
    }
}

pub(super) fn ticket(state: State) -> TicketFacts {
    TicketFacts {
        number: 7,
        state,
        requester: Some(address("rita@family.test")),
        requester_name: CleanLine::default(),
        assignee: None,
        closed_at: None,
    }
}

/// The facts and the proof of a reply of Sam to the notice about Rita's ticket.
pub(super) fn to_sam(ticket: TicketFacts) -> (Proof, Facts) {
    let proof = Proof {
        specialist_ticket: Some(("sam".to_owned(), ticket.number)),
        ..Proof::default()
    };
    (
        proof,
        Facts {
            specialist_ticket: Some(ticket),
            ..Facts::default()
        },
    )
}

fn reply_of_sam(words: &str, now: DateTime<Utc>) -> Registration {
    let (proof, facts) = to_sam(ticket(State::New));
    decide(
        &mail("sam@school.test", &format!("{words}{QUOTED}")),
        &proof,
        &facts,
        &desk(),
        now,
    )
}

/// Who is written to, and by which kind of letter.
pub(super) fn letters(registration: &Registration) -> Vec<String> {
    let say = |letter: &NewLetter| match letter {
        NewLetter::ToWriter {
            address, letter, ..
        } => match letter {
            WriterLetter::Reopened => format!("reopened to {address}"),
            WriterLetter::Answer(Answer {
                author,
                words,
                held,
                ..
            }) => {
                let held = if held.is_some() { "held " } else { "" };
                format!("{held}answer of {author} to {address}: {}", words.as_str())
            }
        },
        NewLetter::ToSpecialist { login, letter, .. } => match letter {
            SpecialistLetter::Notice => format!("notice to {login}"),
            SpecialistLetter::OwnLetter(about) => {
                format!("own_letter to {login}: {:?}", about.what)
            }
            SpecialistLetter::Delivery(_) => format!("delivery to {login}"),
        },
    };
    registration.letters.iter().map(say).collect()
}

pub(super) fn about(what: OwnLetter, draft: Option<&str>) -> AboutOwnLetter {
    AboutOwnLetter {
        what,
        draft: draft.map(str::to_owned),
        again: false,
        unvouched: false,
    }
}

#[test]
fn a_strangers_letter_opens_a_ticket_and_tells_all_specialists() {
    let now = monday("10:14:00");
    let registration = decide(
        &mail("rita@family.test", "Помогите"),
        &Proof::default(),
        &Facts::default(),
        &desk(),
        now,
    );
    assert_eq!(registration.outcome, Outcome::Ticket);
    assert_eq!(letters(&registration), ["notice to sam", "notice to sofia"]);
    let TicketChange::Open(new) = registration.ticket else {
        panic!("no ticket")
    };
    assert_eq!(new.receipt, ReceiptPlan::Write { due_at: now });
}

#[test]
fn at_night_the_receipt_is_due_at_once_and_the_notices_at_the_opening() {
    let night = monday("22:40:00");
    let registration = decide(
        &mail("rita@family.test", "Помогите"),
        &Proof::default(),
        &Facts::default(),
        &desk(),
        night,
    );
    let opening = monday("09:00:00") + TimeDelta::days(1);
    for letter in &registration.letters {
        assert!(
            matches!(letter, NewLetter::ToSpecialist { due_at, .. } if *due_at == opening),
            "{letter:?}"
        );
    }
    let TicketChange::Open(new) = registration.ticket else {
        panic!("no ticket")
    };
    assert_eq!(new.receipt, ReceiptPlan::Write { due_at: night });
}

#[test]
fn letters_of_programs_are_kept_and_cause_nothing() {
    let now = monday("10:14:00");
    let check = |mail: IncomingMail, facts: Facts, want: Outcome| {
        let registration = decide(&mail, &Proof::default(), &facts, &desk(), now);
        assert_eq!(
            (registration.outcome, registration.letters.len()),
            (want, 0),
            "{mail:?}"
        );
    };
    let robot = |signs: RobotSigns| IncomingMail {
        robot: signs,
        ..mail("rita@family.test", "Меня нет")
    };
    check(
        robot(RobotSigns {
            auto_submitted: Some("auto-replied".into()),
            ..RobotSigns::default()
        }),
        Facts::default(),
        Outcome::Automatic,
    );
    check(
        IncomingMail {
            report: Some(DeliveryReport::default()),
            ..mail("mailer-daemon@x.test", "")
        },
        Facts::default(),
        Outcome::Bounce,
    );
    check(
        mail("help@school.test", "мы сами"),
        Facts::default(),
        Outcome::Own,
    );
    check(
        mail("rita@family.test", "x"),
        Facts {
            is_our_letter: true,
            ..Facts::default()
        },
        Outcome::Own,
    );
    check(
        mail("rita@family.test", "x"),
        Facts {
            same_letter: Some(3),
            ..Facts::default()
        },
        Outcome::DuplicateOf,
    );
    // A specialist's out-of-office answer to a notice reaches nobody.
    let (proof, facts) = to_sam(ticket(State::New));
    let away = IncomingMail {
        robot: RobotSigns {
            auto_submitted: Some("auto-replied".into()),
            ..RobotSigns::default()
        },
        ..mail("sam@school.test", "Меня нет")
    };
    let registration = decide(&away, &proof, &facts, &desk(), now);
    assert_eq!(
        (registration.outcome, registration.letters.len()),
        (Outcome::Automatic, 0)
    );
}

#[test]
fn lists_and_unread_addresses_get_a_ticket_and_no_receipt() {
    let list = IncomingMail {
        robot: RobotSigns {
            list: true,
            ..RobotSigns::default()
        },
        ..mail("rita@family.test", "всем")
    };
    for mail in [
        list,
        mail("no-reply@shop.test", "чек"),
        mail("not an address", "x"),
    ] {
        let registration = decide(
            &mail,
            &Proof::default(),
            &Facts::default(),
            &desk(),
            monday("10:14:00"),
        );
        let TicketChange::Open(new) = registration.ticket else {
            panic!("no ticket for {mail:?}")
        };
        assert_eq!(new.receipt, ReceiptPlan::Never, "{mail:?}");
    }
}

#[test]
fn where_from_names_nobody_the_address_that_sent_is_answered_and_nobody_is_identified() {
    let opened = |answer_to: &str| {
        let unclear = IncomingMail {
            answer_to: EmailAddress::parse(answer_to),
            ..mail("not an address", "x")
        };
        let registration = decide(
            &unclear,
            &Proof::default(),
            &Facts::default(),
            &desk(),
            monday("10:14:00"),
        );
        let TicketChange::Open(new) = registration.ticket else {
            panic!("no ticket")
        };
        (
            new.requester.map(|address| address.to_string()),
            new.receipt,
        )
    };
    let (requester, receipt) = opened("rita@family.test");
    assert_eq!(requester.as_deref(), Some("rita@family.test"));
    assert_ne!(receipt, ReceiptPlan::Never);
    // A specialist's address there is an address, and no specialist.
    assert_eq!(
        opened("ivan@school.test").0.as_deref(),
        Some("ivan@school.test")
    );
    for nobody in ["help@school.test", "noreply@shop.test", ""] {
        assert_eq!(opened(nobody).1, ReceiptPlan::Never, "{nobody}");
    }
}

#[test]
fn a_writers_reply_goes_to_whoever_has_the_ticket() {
    let now = monday("10:14:00");
    let check = |assignee: Option<&str>, want: &[&str]| {
        let facts = Facts {
            writer_ticket: Some(TicketFacts {
                assignee: assignee.map(str::to_owned),
                ..ticket(State::Answered)
            }),
            ..Facts::default()
        };
        let registration = decide(
            &mail("rita@family.test", "ещё"),
            &Proof::default(),
            &facts,
            &desk(),
            now,
        );
        assert_eq!(
            (registration.outcome, letters(&registration)),
            (
                Outcome::Entry,
                want.iter().map(|s| (*s).to_owned()).collect()
            )
        );
        assert!(matches!(
            registration.ticket,
            TicketChange::Existing {
                number: 7,
                state: State::InWork,
                ..
            }
        ));
    };
    check(Some("sofia"), &["notice to sofia"]);
    check(None, &["notice to sam", "notice to sofia"]);
    check(Some("gone"), &["notice to sam", "notice to sofia"]);
}

#[test]
fn a_reply_reopens_a_closed_ticket_for_thirty_days() {
    let now = monday("10:14:00");
    let closed = |days| TicketFacts {
        closed_at: Some(now - TimeDelta::days(days)),
        assignee: Some("sam".into()),
        ..ticket(State::Closed)
    };
    let at = |days, reopenings| Facts {
        writer_ticket: Some(closed(days)),
        reopenings_today: reopenings,
        ..Facts::default()
    };
    let decided = |facts| {
        decide(
            &mail("rita@family.test", "снова"),
            &Proof::default(),
            &facts,
            &desk(),
            now,
        )
    };
    assert_eq!(
        letters(&decided(at(29, 0))),
        ["reopened to rita@family.test", "notice to sam"]
    );
    assert_eq!(
        letters(&decided(at(29, 3))),
        ["notice to sam"],
        "at most three a day"
    );
    let late = decided(at(31, 0));
    let TicketChange::Open(new) = late.ticket else {
        panic!("no new ticket")
    };
    assert_eq!(new.related_ticket, Some(7));
}

/// What Rita's answer does to her ticket: its state and the letters, or `None` where it opens another.
fn thanked(mail: IncomingMail, state: State, days: i64) -> Option<(State, Vec<String>)> {
    let now = monday("10:14:00");
    let facts = Facts {
        writer_ticket: Some(TicketFacts {
            closed_at: (state == State::Closed).then_some(now - TimeDelta::days(days)),
            assignee: Some("sam".into()),
            ..ticket(state)
        }),
        ..Facts::default()
    };
    let registration = decide(&mail, &Proof::default(), &facts, &desk(), now);
    match registration.ticket {
        TicketChange::Existing { state, .. } => Some((state, letters(&registration))),
        _ => None,
    }
}

#[test]
fn thanks_move_nothing() {
    let check = |words: &str, state: State, days: i64, want: State| {
        for body in [words.to_owned(), format!("{words}{QUOTED}")] {
            assert_eq!(
                thanked(mail("rita@family.test", &body), state, days),
                Some((want, vec!["notice to sam".to_owned()])),
                "{body}"
            );
        }
    };
    for words in [
        "Спасибо!",
        "Thanks, Sam!",
        "Спасибо, всё работает!\n\nС уважением,\nRita Brown\nтел. 8 900 000-00-00",
        "Понятно, спасибо\n\nОтправлено с iPhone",
    ] {
        check(words, State::Answered, 0, State::Answered);
        check(words, State::Closed, 1, State::Closed);
        check(words, State::Closed, 400, State::Closed);
        check(words, State::New, 0, State::New);
        check(words, State::InWork, 0, State::InWork);
    }
}

#[test]
fn thanks_with_anything_else_are_a_letter_like_any_other() {
    let thanks = || mail("rita@family.test", "Спасибо!");
    let file = |inline, size_bytes| Attachment {
        part: 1,
        name: "1.png".to_owned(),
        content_type: "image/png".to_owned(),
        size_bytes,
        sha256: String::new(),
        inline,
        is_named: true,
        may_quote_us: false,
    };
    let with = |inline, size_bytes| IncomingMail {
        attachments: vec![file(inline, size_bytes)],
        ..thanks()
    };
    let titled = |subject: &str| IncomingMail {
        subject: CleanLine::new(subject, 200),
        ..thanks()
    };
    let said = |body: &str| mail("rita@family.test", body);
    let answered = |mail| thanked(mail, State::Answered, 0).map(|(state, _)| state);
    for mail in [
        thanks(),
        with(true, 5_000),
        titled(""),
        titled("Спасибо"),
        titled("AW: вопрос"),
    ] {
        assert_eq!(answered(mail.clone()), Some(State::Answered), "{mail:?}");
    }
    for mail in [
        with(false, 5_000),
        with(true, 500_000),
        titled("Не работает принтер"),
        titled("Fwd: вопрос"),
        said(""),
        said("Спасибо, но журнал не открывается"),
        said("Спасибо! А когда починят журнал"),
        said("Спасибо!\n\nС уважением,\nRita\nа когда журнал?"),
        said("> вопрос\nСпасибо!\n> ещё вопрос\nне помогло"),
        said("Спасибо!\n> сделайте это\nне помогло"),
    ] {
        assert_eq!(answered(mail.clone()), Some(State::InWork), "{mail:?}");
        let (state, letters) = thanked(mail.clone(), State::Closed, 1).expect("an entry");
        assert_eq!(state, State::InWork, "{mail:?}");
        assert_eq!(letters, ["reopened to rita@family.test", "notice to sam"]);
        assert_eq!(thanked(mail, State::Closed, 400), None, "a new ticket");
    }
}

#[test]
fn a_number_proves_nothing_but_its_writer_may_use_it() {
    let now = monday("10:14:00");
    let facts = Facts {
        tagged_ticket: Some(ticket(State::Answered)),
        ..Facts::default()
    };
    let stranger = decide(
        &mail("eve@else.test", "[№ 7]"),
        &Proof::default(),
        &facts,
        &desk(),
        now,
    );
    let TicketChange::Open(new) = stranger.ticket else {
        panic!("a stranger wrote into a ticket")
    };
    assert_eq!(new.related_ticket, Some(7));
    assert_eq!(
        decide(
            &mail("rita@family.test", "ещё"),
            &Proof::default(),
            &facts,
            &desk(),
            now
        )
        .outcome,
        Outcome::Entry
    );
    // A token that was made for Rita does not let her sister in.
    let facts = Facts {
        writer_ticket: Some(ticket(State::Answered)),
        ..Facts::default()
    };
    assert_eq!(
        decide(
            &mail("olga@family.test", "я"),
            &Proof::default(),
            &facts,
            &desk(),
            now
        )
        .outcome,
        Outcome::Ticket
    );
}

#[test]
fn a_specialists_reply_is_relayed_in_his_name() {
    let registration = reply_of_sam("Кабинет занят.", monday("10:14:00"));
    assert_eq!(registration.outcome, Outcome::Command);
    assert_eq!(
        letters(&registration),
        ["answer of sam to rita@family.test: Кабинет занят."]
    );
    assert!(
        matches!(&registration.ticket, TicketChange::Existing { state: State::Answered, assignee: Some(login), .. } if login == "sam")
    );
}

#[test]
fn commands_do_what_they_say() {
    let now = monday("10:14:00");
    let check = |words: &str, state: State, assignee: Option<&str>, want: &[&str]| {
        let registration = reply_of_sam(words, now);
        assert_eq!(letters(&registration), want, "{words}");
        let TicketChange::Existing {
            state: to,
            assignee: who,
            ..
        } = &registration.ticket
        else {
            panic!("{words}")
        };
        assert_eq!((*to, who.as_deref()), (state, assignee), "{words}");
    };
    check("#закрыть", State::Closed, None, &[]);
    check("#close", State::Closed, None, &[]);
    check(
        "Готово.\n№ Закрыть.",
        State::Closed,
        Some("sam"),
        &["answer of sam to rita@family.test: Готово."],
    );
    check("#взять", State::InWork, Some("sam"), &[]);
    check("#take\n#close", State::Closed, Some("sam"), &[]);
}

#[test]
fn a_note_stays_inside_and_its_commands_still_count() {
    let registration = reply_of_sam("#заметка\n#взять\nОна звонила.", monday("10:14:00"));
    assert_eq!(letters(&registration), Vec::<String>::new());
    assert_eq!(
        registration.note.map(|note| (note.body, note.held)),
        Some(("Она звонила.".to_owned(), false))
    );
    assert!(matches!(
        registration.ticket,
        TicketChange::Existing {
            state: State::InWork,
            ..
        }
    ));
}

#[test]
fn outside_hours_everything_but_a_note_waits_for_the_opening() {
    let (night, opening) = (monday("23:04:00"), monday("09:00:00") + TimeDelta::days(1));
    let registration = reply_of_sam("Готово.\n#закрыть", night);
    assert!(matches!(
        registration.ticket,
        TicketChange::Existing {
            state: State::New,
            assignee: None,
            ..
        }
    ));
    assert!(
        registration
            .commands
            .iter()
            .all(|command| !command.applied && command.due_at == opening)
    );
    assert!(registration.events.is_empty());
    let accepted = OwnLetter::Accepted {
        at: opening,
        answer: true,
        replaces: false,
        orders: true,
    };
    let told = NewLetter::ToSpecialist {
        login: "sam".into(),
        due_at: night,
        letter: SpecialistLetter::OwnLetter(about(accepted, None)),
    };
    assert_eq!(registration.letters.len(), 2);
    assert!(registration.letters.contains(&told));
    let waits = |letter: &NewLetter| matches!(letter, NewLetter::ToWriter { due_at, .. } if *due_at == opening);
    assert!(registration.letters.iter().any(waits));
    let note = reply_of_sam("#заметка\nОна звонила.", night);
    assert!(note.note.is_some() && note.letters.is_empty());
}

#[test]
fn what_is_not_certain_is_kept_and_told_to_its_author() {
    let now = monday("10:14:00");
    // What he is told, and what he may let go.
    let check = |body: &str, want: OwnLetter, draft: Option<&str>| {
        let (proof, facts) = to_sam(ticket(State::New));
        let registration = decide(&mail("sam@school.test", body), &proof, &facts, &desk(), now);
        let told = NewLetter::ToSpecialist {
            login: "sam".into(),
            due_at: now,
            letter: SpecialistLetter::OwnLetter(about(want, draft)),
        };
        assert_eq!(registration.letters.last(), Some(&told), "{body}");
        let drafts: Vec<String> = letters(&registration);
        let held = draft.map(|words| format!("held answer of sam to rita@family.test: {words}"));
        let held: Vec<String> = held.into_iter().collect();
        assert_eq!(drafts[..drafts.len() - 1], held, "{body}");
        assert!(registration.note.is_some(), "{body}");
        assert!(registration.commands.is_empty(), "{body}");
        assert!(
            matches!(
                registration.ticket,
                TicketChange::Existing {
                    state: State::New,
                    ..
                }
            ),
            "{body}"
        );
    };
    check(QUOTED, OwnLetter::Empty, None);
    check(
        &format!("Ответ.\n#закрить{QUOTED}"),
        OwnLetter::CommandNotUnderstood {
            written: "#закрить".into(),
            suggestion: Some("закрыть".into()),
        },
        Some("Ответ."),
    );
    check(
        &format!("Ответ.\n#передать анна{QUOTED}"),
        OwnLetter::CommandNotYet {
            written: "#передать".into(),
        },
        Some("Ответ."),
    );
    check(
        &format!("Раз.\n#закрыть\nДва.{QUOTED}"),
        OwnLetter::CommandsUnclear {
            written: "#закрыть".into(),
        },
        Some("Раз.\nДва."),
    );
    check(
        "> [== Пишите ответ выше этой строки ==]\n> вопрос\n\nОтвет под цитатой.",
        OwnLetter::QuotationUncertain,
        None,
    );
    check(
        "Ответ.\nКто: Rita\nПришло: пн 23.11",
        OwnLetter::QuotationUncertain,
        Some("Ответ."),
    );
}

#[test]
fn files_without_words_are_an_answer_but_pictures_of_a_signature_are_not() {
    let now = monday("10:14:00");
    let file = |inline, name: &str, size_bytes| Attachment {
        part: 1,
        name: name.into(),
        content_type: "image/png".into(),
        size_bytes,
        sha256: String::new(),
        inline,
        is_named: true,
        may_quote_us: false,
    };
    let with = |words: &str, file: Attachment| {
        let (proof, facts) = to_sam(ticket(State::New));
        decide(
            &IncomingMail {
                attachments: vec![file],
                ..mail("sam@school.test", &format!("{words}{QUOTED}"))
            },
            &proof,
            &facts,
            &desk(),
            now,
        )
    };
    assert_eq!(
        letters(&with("", file(false, "a.png", 1))),
        ["answer of sam to rita@family.test: "]
    );
    assert_eq!(
        letters(&with("", file(true, "a.png", 1))),
        ["own_letter to sam: Empty"]
    );
    // A large one may come from the quotation; with words it goes.
    assert_eq!(
        letters(&with("", file(true, "a.png", 50_000))),
        [
            "held answer of sam to rita@family.test: ",
            "own_letter to sam: OnlyPictures"
        ]
    );
    assert_eq!(
        letters(&with("Смотрите.", file(true, "a.png", 50_000))),
        ["answer of sam to rita@family.test: Смотрите."]
    );
    // What does not travel is not left out in silence.
    assert_eq!(
        letters(&with("Запустите.", file(false, "a.exe", 1))),
        [
            "held answer of sam to rita@family.test: Запустите.",
            "own_letter to sam: FilesWithheld { names: \"a.exe\" }"
        ]
    );
}

#[test]
fn nobody_speaks_for_a_specialist() {
    let now = monday("10:14:00");
    let (proof, facts) = to_sam(ticket(State::New));
    let decided = |from: &str, proof: &Proof, facts: &Facts| {
        decide(
            &mail(from, &format!("Ответ.{QUOTED}")),
            proof,
            facts,
            &desk(),
            now,
        )
    };
    // His address without a token.
    let forged = decided("sam@school.test", &Proof::default(), &Facts::default());
    assert_eq!(
        (forged.outcome, letters(&forged)),
        (
            Outcome::Refused,
            vec!["own_letter to sam: NoToken".to_owned()]
        )
    );
    // His token from another address, a colleague's included; he is told at his own address.
    for other in ["sam@home.test", "eve@else.test"] {
        let foreign = decided(other, &proof, &facts);
        assert_eq!(foreign.outcome, Outcome::Refused, "{other}");
        assert_eq!(
            letters(&foreign),
            [format!(
                "own_letter to sam: ForeignAddress {{ address: {other:?} }}"
            )]
        );
    }
    // A colleague is told himself.
    let colleague = decided("sofia@school.test", &proof, &facts);
    assert_eq!(
        (colleague.outcome, letters(&colleague)),
        (
            Outcome::Refused,
            vec!["own_letter to sofia: ColleaguesLetter".to_owned()]
        )
    );
    assert!(colleague.note.is_some());
    // Two From addresses are nobody's.
    let mut two = mail("sam@school.test", &format!("Ответ.{QUOTED}"));
    two.from.push(Correspondent {
        address: Some(address("eve@else.test")),
        name: CleanLine::default(),
        ..Correspondent::default()
    });
    let two = decide(&two, &proof, &facts, &desk(), now);
    assert_eq!(two.outcome, Outcome::Refused);
    assert!(
        !letters(&two)
            .iter()
            .any(|letter| letter.starts_with("answer"))
    );
    // A retired specialist is a stranger.
    let mut desk = desk();
    desk.specialists[0].to = chrono::NaiveDate::from_ymd_opt(2026, 11, 22);
    let retired = decide(
        &mail("sam@school.test", &format!("Ответ.{QUOTED}")),
        &proof,
        &facts,
        &desk,
        now,
    );
    assert_eq!(retired.outcome, Outcome::Refused);
}

#[test]
fn a_specialist_whom_the_mail_server_does_not_vouch_for_is_told_and_nothing_is_done() {
    let now = monday("10:14:00");
    let words = format!("#закрыть\nОтвет.{QUOTED}");
    let decided = |verdict: Option<Verdict>, refusals_today: u32| {
        let (proof, facts) = to_sam(ticket(State::New));
        let (proof, facts) = (
            Proof { verdict, ..proof },
            Facts {
                refusals_today,
                ..facts
            },
        );
        decide(
            &mail("sam@school.test", &words),
            &proof,
            &facts,
            &desk(),
            now,
        )
    };
    for verdict in [Verdict::Fail("dmarc=fail"), Verdict::Absent("nothing")] {
        let refused = decided(Some(verdict), 0);
        assert_eq!(
            (refused.outcome, letters(&refused)),
            (
                Outcome::Refused,
                vec!["own_letter to sam: NotVouched".to_owned()]
            )
        );
        assert!(
            refused.reason.contains(&verdict.to_string()),
            "{}",
            refused.reason
        );
        assert!(refused.commands.is_empty());
        assert!(matches!(
            refused.ticket,
            TicketChange::Existing {
                number: 7,
                state: State::New,
                assignee: None
            }
        ));
        let note = refused.note.expect("the words are kept");
        assert!(note.held && note.login == "sam" && note.body.contains("Ответ."));
        assert_eq!(refused.message, Some(NewMessage::Specialist("sam".into())));
        assert!(decided(Some(verdict), 5).letters.is_empty());
    }
    for verdict in [None, Some(Verdict::Pass("auth=pass"))] {
        let done = decided(verdict, 0);
        assert_eq!(done.outcome, Outcome::Command);
        assert_eq!(done.commands.len(), 2);
    }
    // A reply to a digest is about no ticket yet.
    let proof = Proof {
        digest: Some(("sam".into(), 1)),
        verdict: Some(Verdict::Absent("nothing")),
        ..Proof::default()
    };
    let taken = decide(
        &mail("sam@school.test", "#взять 7"),
        &proof,
        &Facts::default(),
        &desk(),
        now,
    );
    assert_eq!(taken.outcome, Outcome::Refused);
    assert_eq!(letters(&taken), ["own_letter to sam: NotVouched"]);
    assert!(taken.taken.is_empty() && taken.note.is_none());
    // Without a token he is told of that, whatever the server says.
    let proof = Proof {
        verdict: Some(Verdict::Fail("dmarc=fail")),
        ..Proof::default()
    };
    let without = decide(
        &mail("sam@school.test", "#закрыть"),
        &proof,
        &Facts::default(),
        &desk(),
        now,
    );
    assert_eq!(letters(&without), ["own_letter to sam: NoToken"]);
    // Requesters are asked for nothing.
    let facts = Facts {
        writer_ticket: Some(ticket(State::New)),
        ..Facts::default()
    };
    let proof = Proof {
        writer_ticket: Some(7),
        ..proof
    };
    let entry = decide(
        &mail("rita@family.test", "Ещё вопрос"),
        &proof,
        &facts,
        &desk(),
        now,
    );
    assert_eq!(entry.outcome, Outcome::Entry);
}

#[test]
fn the_server_of_the_mailbox_that_a_letter_came_to_is_asked() {
    let keys = TokenKeys::new(TokenKey::new('1', [7; 32]), None);
    let (help, office) = (address("help@school.test"), address("office@school.test"));
    let field = |name, value: &str| TraceField {
        name,
        value: value.to_owned(),
    };
    let mail = IncomingMail {
        trace: vec![
            field(TraceName::Received, "from x by mail.school.test"),
            field(
                TraceName::AuthenticationResults,
                "mail.school.test; auth=pass smtp.auth=sam@school.test",
            ),
        ],
        ..mail("sam@school.test", "Ответ.")
    };
    let mut desk = desk();
    assert_eq!(proof(&mail, &help, &desk, &keys).verdict, None);
    let server = VerdictSource::Server("mail.school.test".into());
    let sources = [
        (help.clone(), server),
        (office.clone(), VerdictSource::Gmail),
    ];
    desk.vouching = Vouching::Server(sources.into());
    let is_vouched = |mail: &IncomingMail, mailbox: &EmailAddress| {
        let proof = proof(mail, mailbox, &desk, &keys);
        assert!(proof.verdict.is_some());
        proof.is_vouched()
    };
    assert!(is_vouched(&mail, &help));
    assert!(!is_vouched(&mail, &office));
    assert!(!is_vouched(&mail, &address("other@school.test")));
    let mut two = mail.clone();
    two.from.push(Correspondent::default());
    assert!(!is_vouched(&two, &help));
}

#[test]
fn a_forwarded_notice_is_a_note_and_goes_to_nobody() {
    let now = monday("10:14:00");
    let (proof, facts) = to_sam(ticket(State::New));
    let forwarded = IncomingMail {
        subject: CleanLine::new("Fwd: [№ 7] вопрос", 200),
        ..mail("sam@school.test", "Глянь.")
    };
    let elsewhere = IncomingMail {
        to: vec![address("boss@school.test")],
        ..mail("sam@school.test", "Глянь.")
    };
    for mail in [forwarded, elsewhere] {
        let registration = decide(&mail, &proof, &facts, &desk(), now);
        assert_eq!(
            letters(&registration),
            [
                "held answer of sam to rita@family.test: Глянь.",
                "own_letter to sam: ForwardKept"
            ]
        );
        assert!(registration.note.is_some_and(|note| !note.held));
    }
}

#[test]
fn an_answer_to_nobody_is_kept() {
    let (proof, facts) = to_sam(TicketFacts {
        requester: None,
        ..ticket(State::New)
    });
    let registration = decide(
        &mail("sam@school.test", &format!("Ответ.{QUOTED}")),
        &proof,
        &facts,
        &desk(),
        monday("10:14:00"),
    );
    assert_eq!(
        letters(&registration),
        ["own_letter to sam: NoWriterAddress"]
    );
}

#[test]
fn a_file_that_may_hold_the_notice_is_not_relayed() {
    let file = Attachment {
        part: 1,
        name: "2.eml".into(),
        content_type: "message/rfc822".into(),
        size_bytes: 1,
        sha256: String::new(),
        inline: false,
        is_named: true,
        may_quote_us: true,
    };
    let (proof, facts) = to_sam(ticket(State::New));
    let mail = IncomingMail {
        attachments: vec![file],
        ..mail("sam@school.test", &format!("Ответ.{QUOTED}"))
    };
    let registration = decide(&mail, &proof, &facts, &desk(), monday("10:14:00"));
    assert_eq!(
        letters(&registration),
        [
            "held answer of sam to rita@family.test: Ответ.",
            "own_letter to sam: FileMayQuoteUs { name: \"2.eml\" }"
        ]
    );
}

#[test]
fn a_reply_to_a_letter_about_a_letter_waits_for_an_order_and_ends_soon() {
    let (mut proof, mut facts) = to_sam(ticket(State::New));
    proof.answers_kind = Some("own_letter".into());
    let mail = mail("sam@school.test", "Я в отпуске.");
    let now = monday("10:14:00");
    let first = decide(&mail, &proof, &facts, &desk(), now);
    assert_eq!(
        letters(&first),
        [
            "held answer of sam to rita@family.test: Я в отпуске.",
            "own_letter to sam: NotAnOrder"
        ]
    );
    facts.again_today = 2;
    let third = decide(&mail, &proof, &facts, &desk(), now);
    assert_eq!(
        letters(&third),
        ["held answer of sam to rita@family.test: Я в отпуске."]
    );
    assert!(third.note.is_some() && third.alert.is_some());
}

#[test]
fn an_answer_whose_subject_says_it_is_automatic_is_no_answer() {
    let (proof, facts) = to_sam(ticket(State::New));
    let away = IncomingMail {
        subject: CleanLine::new("Автоответ: [№ 7] вопрос", 200),
        references: vec!["x@school.test".into()],
        ..mail("sam@school.test", "Я в отпуске.")
    };
    let registration = decide(&away, &proof, &facts, &desk(), monday("10:14:00"));
    assert_eq!(
        (registration.outcome, registration.letters.len()),
        (Outcome::Automatic, 0)
    );
}

#[test]
fn a_person_at_another_mailbox_of_the_desk_opens_a_ticket_and_gets_no_receipt() {
    let mut desk = desk();
    desk.mailboxes.push(address("office@school.test"));
    let at = |mailbox: &str| Facts {
        received_by: Some(address(mailbox)),
        ..Facts::default()
    };
    let told = |mail: &IncomingMail, proof: &Proof, mailbox: &str| {
        let made = decide(mail, proof, &at(mailbox), &desk, monday("10:14:00"));
        (made.outcome, made.ticket)
    };
    let nothing = Proof::default();
    let mut letter = mail("office@school.test", "Нужна помощь с дневником.");
    let (outcome, ticket) = told(&letter, &nothing, "help@school.test");
    assert_eq!(outcome, Outcome::Ticket);
    let TicketChange::Open(opened) = ticket else {
        panic!("{ticket:?}");
    };
    assert_eq!(opened.requester, Some(address("office@school.test")));
    assert_eq!(opened.receipt, ReceiptPlan::Never);
    // His own token takes him back to his ticket.
    let proved = Proof {
        writer_ticket: Some(7),
        ..Proof::default()
    };
    let mut facts = at("help@school.test");
    facts.writer_ticket = Some(TicketFacts {
        requester: Some(address("office@school.test")),
        ..self::ticket(State::Answered)
    });
    let reply = decide(&letter, &proved, &facts, &desk, monday("10:14:00"));
    assert_eq!(reply.outcome, Outcome::Entry);
    // From itself to itself, by a program, or with a specialist's token: it came back, and is nobody's words.
    let (outcome, _) = told(&letter, &nothing, "office@school.test");
    assert_eq!(outcome, Outcome::Own);
    let proved = Proof {
        specialist_ticket: Some(("sam".to_owned(), 7)),
        ..Proof::default()
    };
    let back = decide(
        &letter,
        &proved,
        &at("help@school.test"),
        &desk,
        monday("10:14:00"),
    );
    assert_eq!((back.outcome, back.message), (Outcome::Own, None));
    letter.robot.auto_submitted = Some("auto-replied".to_owned());
    let (outcome, _) = told(&letter, &nothing, "help@school.test");
    assert_eq!(outcome, Outcome::Own);
}

#[test]
fn tickets_are_taken_from_a_digest_at_once_or_at_the_opening() {
    let folded = |number| FoldedTicket {
        ticket: TicketFacts {
            number,
            ..ticket(State::New)
        },
        messages: vec![number + 100],
    };
    let facts = Facts {
        digest: BTreeMap::from([(31, folded(31)), (33, folded(33))]),
        ..Facts::default()
    };
    let proof = Proof {
        digest: Some(("sam".to_owned(), 5)),
        ..Proof::default()
    };
    let decided = |words: &str, at: &str| {
        let mail = mail("sam@school.test", words);
        decide(&mail, &proof, &facts, &desk(), monday(at))
    };
    let now = decided("#взять 31 33", "10:14:00");
    let taken: Vec<_> = now
        .taken
        .iter()
        .map(|one| (one.number, one.state, one.command.applied))
        .collect();
    assert_eq!(
        taken,
        [(31, State::InWork, true), (33, State::InWork, true)]
    );
    assert_eq!(now.taken[1].messages, [133]);
    assert!(now.letters.is_empty());

    // A digest passed on orders nothing, and two tickets that were merged are taken as one.
    let mut passed_on = mail("sam@school.test", "#взять 31");
    passed_on.subject = CleanLine::new("Fwd: Сводка", 200);
    let nothing = decide(&passed_on, &proof, &facts, &desk(), monday("10:14:00"));
    assert!(nothing.taken.is_empty());
    let mut merged = facts.clone();
    merged.digest.insert(
        33,
        FoldedTicket {
            messages: vec![133],
            ..folded(31)
        },
    );
    let one = decide(
        &mail("sam@school.test", "#взять 31 33"),
        &proof,
        &merged,
        &desk(),
        monday("10:14:00"),
    );
    assert_eq!(one.taken.len(), 1);
    assert_eq!(one.taken[0].messages, [131, 133]);

    let night = decided("#взять 31", "23:04:00");
    assert!(!night.taken[0].command.applied);
    let opening = night.taken[0].command.due_at;
    assert_eq!(opening, monday("09:00:00") + TimeDelta::days(1));
    let told = |made: &Registration| match made.letters.as_slice() {
        [
            NewLetter::ToSpecialist {
                letter: SpecialistLetter::OwnLetter(about),
                ..
            },
        ] => about.what.clone(),
        letters => panic!("{letters:?}"),
    };
    assert_eq!(told(&night), OwnLetter::DigestAccepted { at: opening });

    for (words, why) in [
        (
            "#взять 31 34",
            OwnLetter::NotInDigest {
                written: "34".to_owned(),
            },
        ),
        (
            "#закрыть 31",
            OwnLetter::DigestNotUnderstood {
                written: "#закрыть 31".to_owned(),
            },
        ),
        (
            "",
            OwnLetter::DigestNotUnderstood {
                written: String::new(),
            },
        ),
    ] {
        let nothing = decided(words, "10:14:00");
        assert!(nothing.taken.is_empty(), "{words}");
        assert_eq!(told(&nothing), why, "{words}");
    }
}
