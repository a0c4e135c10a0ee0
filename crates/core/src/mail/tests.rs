//! Whole outgoing mails, and letters as mail programs send them, read back by another parser than composed them.

mod canary;
mod literal;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use mail_parser::MimeHeaders;

use super::compose::compose;
use super::moment::Moments;
use super::parse::parse;
use super::wording::Wording;
use super::{specialist_letter, writer_letter};
use crate::domain::address::EmailAddress;
use crate::domain::beginning::Beginning;
use crate::domain::digest::sha256;
use crate::domain::files::FilePart;
use crate::domain::language::Language;
use crate::domain::note::Note;
use crate::domain::outgoing::{
    Digest, DigestLine, EarlierTicket, Notice, SpecialistContent, SpecialistEnvelope,
    WriterContent, WriterEnvelope,
};
use crate::domain::registration::{
    AboutOwnLetter, ColleagueAnswered, OwnLetter, Undelivered, UndeliveredFate, WriterWrote,
};
use crate::domain::reply_text::{ReplyContext, SERVICE_LABELS, new_words, reply_text};
use crate::domain::text::CleanLine;
use crate::domain::ticket::State;
use crate::smtp::check_outgoing;

pub(super) const LANGUAGES: [Language; 2] = [Language::Ru, Language::En];

pub(super) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("plain")
}

/// At this time in Moscow.
pub(super) fn at(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(&format!("{time}+03:00"))
        .expect("a time")
        .to_utc()
}

pub(super) fn to_rita() -> WriterEnvelope {
    WriterEnvelope {
        message_id: "receipt.1042.1.w.1abc@school.test".into(),
        references: vec!["first@family.test".into(), "second@family.test".into()],
        desk: "Служба поддержки АИС".into(),
        from: address("help@school.test"),
        to: address("rita@family.test"),
        to_name: CleanLine::new("Мария Ивановна Соколова", 100),
        number: 1042,
        subject: CleanLine::new("Не сохраняется расписание 5 «Б»", 200),
        now: at("2026-11-23T10:14:30"),
    }
}

pub(super) fn to_sam(number: Option<i64>) -> SpecialistEnvelope {
    SpecialistEnvelope {
        message_id: "notice.1042.1.sam.1abc@school.test".into(),
        references: Vec::new(),
        desk: "Служба поддержки АИС".into(),
        from: address("help@school.test"),
        to: address("sam@school.test"),
        to_name: CleanLine::new("Иван Смирнов", 100),
        number,
        sentinel: number.map(|_| "K7QP3XVD".to_owned()),
        subject: CleanLine::new("Не сохраняется расписание 5 «Б»", 200),
        now: at("2026-11-23T10:14:30"),
    }
}

pub(super) fn moments(language: Language) -> Moments {
    Moments {
        language,
        zone: Tz::Europe__Moscow,
    }
}

/// The bytes of a letter to a writer, passed by the gate for outgoing bytes.
pub(super) fn writer_mail(content: WriterContent, language: Language) -> Vec<u8> {
    let draft = writer_letter::draft(
        &to_rita(),
        content,
        &Wording::new(language),
        moments(language),
    )
    .expect("words");
    let bytes = compose(&draft).expect("a mail");
    check_outgoing(&bytes).expect("sendable");
    bytes
}

/// The bytes of a letter to a specialist, passed by the gate for outgoing bytes.
pub(super) fn specialist_mail(
    content: SpecialistContent,
    number: Option<i64>,
    language: Language,
) -> Vec<u8> {
    let draft = specialist_letter::draft(
        &to_sam(number),
        content,
        &Wording::new(language),
        moments(language),
    )
    .expect("words");
    let bytes = compose(&draft).expect("a mail");
    check_outgoing(&bytes).expect("sendable");
    bytes
}

/// The text as a reader of format=flowed shows it, without non-breaking spaces.
fn text(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for line in String::from_utf8(quoted_printable(bytes))
        .expect("UTF-8")
        .lines()
    {
        let line = line.strip_prefix(' ').unwrap_or(line);
        shown.push_str(line);
        if !line.ends_with(' ') || line == "-- " {
            shown.push('\n');
        }
    }
    shown.replace('\u{a0}', " ")
}

/// The first quoted-printable part, decoded by a few lines of our own.
fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let all = String::from_utf8(bytes.to_vec()).expect("ASCII");
    let part = all
        .split("Content-Transfer-Encoding: quoted-printable\r\n")
        .nth(1)
        .expect("a text part");
    // The field just found may be the last of its header.
    let after_header = || part.split_once("\r\n\r\n").map(|(_, body)| body);
    let body = part
        .strip_prefix("\r\n")
        .or_else(after_header)
        .expect("a body");
    let body = body.split_once("\r\n--=_").map_or(body, |(body, _)| body);
    let mut decoded = Vec::new();
    let mut rest = body
        .replace("=\r\n", "")
        .replace("\r\n", "\n")
        .into_bytes()
        .into_iter();
    while let Some(byte) = rest.next() {
        let mut digit = || {
            char::from(rest.next().expect("two digits"))
                .to_digit(16)
                .expect("hexadecimal") as u8
        };
        decoded.push(if byte == b'=' {
            digit() * 16 + digit()
        } else {
            byte
        });
    }
    decoded
}

pub(super) fn night() -> WriterContent {
    WriterContent::Receipt {
        numbers: vec![1057],
        more: 0,
        registered: at("2026-11-27T22:40:10"),
        beginning: Beginning {
            open: false,
            begins: at("2026-11-30T09:00:00"),
            holidays: None,
            answer_by: None,
            provisional: None,
        },
        phones: vec!["8 (000) 000-00-00".into()],
    }
}

#[test]
fn the_receipt_at_night_names_the_minute_work_begins() {
    let mail = text(&writer_mail(night(), Language::Ru));
    let want = "Здравствуйте!

Письмо получено и зарегистрировано: обращение № 1057, пятница, 27 ноября, 22:40 МСК.
Сейчас нерабочее время. Возьмём обращение в работу в понедельник, 30 ноября, в 9:00 МСК.

Если захотите что-то добавить, просто ответьте на это письмо.
По телефону 8 (000) 000-00-00 сейчас предложат перезвонить в рабочее время.

Служба поддержки АИС
-- 
Пожалуйста, не присылайте пароли и документы детей. Этот адрес — для помощи с АИС; официальные обращения принимаются через Госуслуги или лично в школе.
";
    assert_eq!(mail, want);
}

#[test]
fn the_receipt_before_holidays_names_them() {
    let holidays = chrono::NaiveDate::from_ymd_opt(2026, 12, 31)
        .zip(chrono::NaiveDate::from_ymd_opt(2027, 1, 10));
    let content = WriterContent::Receipt {
        numbers: vec![1057],
        more: 0,
        registered: at("2026-12-30T19:10:00"),
        beginning: Beginning {
            open: false,
            begins: at("2027-01-11T09:00:00"),
            holidays,
            answer_by: None,
            provisional: None,
        },
        phones: Vec::new(),
    };
    let mail = text(&writer_mail(content, Language::Ru));
    assert!(mail.contains("С 31 декабря по 10 января — выходные дни. Возьмём обращение в работу в понедельник, 11 января, в 9:00 МСК."), "{mail}");
    assert!(!mail.contains("телефон"), "{mail}");
}

#[test]
fn the_receipt_promises_an_answer_where_a_term_is_set_and_says_what_is_provisional() {
    let content = |open, provisional| WriterContent::Receipt {
        numbers: vec![1057],
        more: 0,
        registered: at("2027-12-30T19:10:00"),
        beginning: Beginning {
            open,
            begins: at("2028-01-10T09:00:00"),
            holidays: None,
            answer_by: Some(at("2028-01-10T18:00:00")),
            provisional,
        },
        phones: Vec::new(),
    };
    let said =
        |open, provisional, language| text(&writer_mail(content(open, provisional), language));
    let sure = said(false, None, Language::Ru);
    assert!(
        sure.contains(
            "в 9:00 МСК.\nСрок ответа — понедельник, 10 января, 18:00 МСК.\n\nЕсли захотите"
        ),
        "{sure}"
    );
    let both = said(false, Some(2028), Language::Ru);
    assert!(both.contains("Производственный календарь на 2028 год нам ещё не известен, поэтому эти сроки предварительные."), "{both}");
    let one = said(true, Some(2028), Language::Ru);
    assert!(one.contains("поэтому этот срок предварительный."), "{one}");
    let english = said(false, Some(2028), Language::En);
    assert!(
        english.contains("You will have an answer by ")
            && english.contains("so these dates are provisional."),
        "{english}"
    );
}

#[test]
fn the_receipt_in_hours_and_one_for_several_letters_read_well() {
    let content = |numbers: Vec<i64>| WriterContent::Receipt {
        numbers,
        more: 0,
        registered: at("2026-11-23T10:14:10"),
        beginning: Beginning {
            open: true,
            begins: at("2026-11-23T10:14:30"),
            holidays: None,
            answer_by: None,
            provisional: None,
        },
        phones: Vec::new(),
    };
    let one = text(&writer_mail(content(vec![1042]), Language::Ru));
    assert!(one.contains("обращение № 1042, понедельник, 23 ноября, 10:14 МСК.\nСейчас рабочее время, обращение уже у специалистов: работа над ним началась в понедельник, 23 ноября, в 10:14 МСК."), "{one}");
    let three = text(&writer_mail(content(vec![1042, 1043, 1047]), Language::Ru));
    assert!(
        three.contains(
            "обращения № 1042, № 1043, № 1047; последнее — понедельник, 23 ноября, 10:14 МСК."
        ),
        "{three}"
    );
    let english = text(&writer_mail(content(vec![1042]), Language::En));
    assert!(
        english.contains("request № 1042, Monday 23 November, 10:14 MSK."),
        "{english}"
    );
}

#[test]
fn a_receipt_carries_no_word_of_the_writer_and_says_it_is_automatic() {
    for language in LANGUAGES {
        let mail = String::from_utf8(writer_mail(night(), language)).expect("ASCII");
        let read = parse(mail.as_bytes());
        assert!(
            !read.subject.as_str().contains("расписание")
                && !read.body.as_str().contains("расписание"),
            "{mail}"
        );
        assert_eq!(read.robot.auto_submitted.as_deref(), Some("auto-replied"));
        assert!(
            mail.contains("In-Reply-To: <second@family.test>\r\n"),
            "{mail}"
        );
        assert!(
            mail.contains("Message-ID: <receipt.1042.1.w.1abc@school.test>\r\n"),
            "{mail}"
        );
        assert!(!mail.contains("List-"), "{mail}");
    }
}

#[test]
fn an_answer_is_a_persons_letter_in_the_writers_thread() {
    let raw = b"Content-Type: text/plain; name=a\r\n\r\nplan".to_vec();
    let content = WriterContent::Answer {
        author: "Иван Смирнов".into(),
        words: "Кабинет 12 занят.\n\nВыберите 14.".into(),
        quoted: "Не сохраняется\n\nрасписание".into(),
        files: Vec::new(),
        raw,
    };
    let bytes = writer_mail(content, Language::Ru);
    let read = parse(&bytes);
    assert_eq!(
        read.subject.as_str(),
        "Re: Не сохраняется расписание 5 «Б» [№ 1042]"
    );
    assert_eq!(
        read.from[0].name.as_str(),
        "Иван Смирнов, Служба поддержки АИС"
    );
    assert_eq!(read.from[0].address, Some(address("help@school.test")));
    assert_eq!(read.references, ["second@family.test", "first@family.test"]);
    assert_eq!(read.robot, crate::domain::incoming::RobotSigns::default());
    let want = "Кабинет 12 занят.

Выберите 14.

Иван Смирнов, Служба поддержки АИС
Обращение № 1042. Если не получилось, просто ответьте на это письмо.

> Не сохраняется
> расписание
";
    assert_eq!(text(&bytes), want);
}

pub(super) fn notice() -> Notice {
    let raw = b"From: rita@family.test\r\nTo: help@school.test\r\nCc: Zavuch <zavuch@school.test>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n--b\r\nContent-Type: image/png; name=konflikt.png\r\nContent-Disposition: attachment; filename=konflikt.png\r\nContent-Transfer-Encoding: base64\r\n\r\naW1hZ2U=\r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\nx\r\n--b--\r\n".to_vec();
    let file = |name: &str, part, travels| FilePart {
        part,
        name: name.into(),
        content_type: "image/png".into(),
        size_bytes: 184_000,
        sha256: sha256(b"image"),
        inline: false,
        travels,
    };
    Notice {
        body: "Не сохраняется расписание.".into(),
        name: CleanLine::new("М. И. Соколова", 100),
        address: Some(address("rita@family.test")),
        received: at("2026-11-23T10:14:10"),
        first: true,
        state: State::New,
        assignee: None,
        related: Some(7),
        others: vec![EarlierTicket {
            number: 1017,
            subject: CleanLine::new("Не вижу 5 «Б»", 60),
            state: State::Closed,
        }],
        files: vec![file("konflikt.png", 2, true), file("zhurnal.exe", 3, false)],
        raw,
        header_only: false,
        answer_by: None,
        is_provisional: false,
    }
}

#[test]
fn a_notice_shows_all_a_specialist_needs_between_sentinels() {
    let bytes = specialist_mail(
        SpecialistContent::Notice(Box::new(notice())),
        Some(1042),
        Language::Ru,
    );
    let read = parse(&bytes);
    assert_eq!(
        read.subject.as_str(),
        "[№ 1042] Не сохраняется расписание 5 «Б» — М. И. Соколова"
    );
    assert_eq!(
        read.from[0].name.as_str(),
        "М. И. Соколова (через поддержку)"
    );
    assert_eq!(
        read.attachments
            .iter()
            .map(|file| (file.name.as_str(), file.sha256.clone()))
            .collect::<Vec<_>>(),
        [("konflikt.png", sha256(b"image"))]
    );
    let want = "[== Пишите ответ выше этой строки: он уйдёт автору обращения. Команды — отдельной строкой в начале или в конце: #закрыть #взять; #заметка — первой строкой ==]

Не сохраняется расписание.

[== Служебное · пользователю не видно ==]
Кто:        М. И. Соколова, rita@family.test (адрес не проверен)
Пришло:     пн 23.11, 10:14 МСК · новое обращение
Состояние:  новое · исполнителя нет
Вложение:   konflikt.png (180 КБ) — приложено
Вложение:   zhurnal.exe (180 КБ) — не пересылаем, хранится
Прочитано:  файлы пришли в winmail.dat, его читает только Outlook; попросите прислать их обычными вложениями
В копии:    zavuch@school.test — туда ответ не уйдёт
Упомянуто:  № 7 — принадлежность письма к нему не подтверждена
Раньше:     № 1017 «Не вижу 5 «Б»» (закрыто)
[== 1042 · K7QP3XVD ==]
";
    assert_eq!(text(&bytes), want);
}

#[test]
fn every_service_line_of_a_notice_is_known_to_whoever_cuts_replies() {
    for language in LANGUAGES {
        let mail = text(&specialist_mail(
            SpecialistContent::Notice(Box::new(notice())),
            Some(1042),
            language,
        ));
        let service = mail
            .lines()
            .skip_while(|line| !line.starts_with("[==") || !line.contains('·'))
            .skip(1)
            .take_while(|line| !line.starts_with("[=="));
        let labels: Vec<String> = service
            .filter_map(|line| line.split_once(':'))
            .map(|(label, _)| label.to_lowercase())
            .collect();
        assert!(labels.len() >= 8, "{labels:?}");
        for label in labels {
            assert!(SERVICE_LABELS.contains(&label.as_str()), "{label}");
        }
    }
}

#[test]
fn a_receipt_that_is_quoted_without_any_mark_is_known() {
    for language in LANGUAGES {
        let receipt = text(&writer_mail(night(), language));
        let reply = format!("Спасибо, поняла.\n\n{}", receipt.trim());
        let context = ReplyContext::of_reply("Рита");
        assert_eq!(new_words(&reply, context), "Спасибо, поняла.", "{reply}");
        assert_eq!(reply_text(&reply, context).certain(), None, "{reply}");
    }
}

#[test]
fn what_could_not_be_read_is_told_in_the_language_of_the_desk() {
    for (language, want) in [
        (Language::Ru, "winmail.dat, его читает только Outlook"),
        (Language::En, "only Outlook reads"),
    ] {
        let mail = text(&specialist_mail(
            SpecialistContent::Notice(Box::new(notice())),
            Some(1042),
            language,
        ));
        assert!(mail.contains(want), "{mail}");
        let wording = Wording::new(language);
        for note in [
            Note::ReadInPart(String::new()),
            Note::KeptRaw(String::new()),
            Note::SignedInOnePiece,
            Note::Encrypted,
            Note::Winmail,
            Note::PartOfLarger,
            Note::FileElsewhere,
            Note::SenderUnclear,
        ] {
            let name = note.wording().unwrap_or_default();
            let told = wording.text(name, minijinja::context! {});
            assert!(told.is_ok_and(|told| told.len() > 10), "{note}");
        }
    }
}

#[test]
fn a_file_that_is_not_what_was_registered_is_not_sent() {
    let mut wrong = notice();
    wrong.files[0].sha256 = sha256(b"another");
    let content = SpecialistContent::Notice(Box::new(wrong));
    let draft = specialist_letter::draft(
        &to_sam(Some(1)),
        content,
        &Wording::new(Language::Ru),
        moments(Language::Ru),
    );
    assert!(draft.is_err());
}

#[test]
fn a_digest_lists_tickets_and_says_how_to_take_them() {
    let line = |number, subject: &str, name: &str, letters| DigestLine {
        number,
        subject: CleanLine::new(subject, 100),
        name: CleanLine::new(name, 100),
        address: "rita@family.test".to_owned(),
        received: at("2026-11-23T10:14:10"),
        letters,
    };
    let digest = |language| {
        let lines = vec![
            line(1057, "Не сохраняется расписание", "М. И. Соколова", 1),
            line(1058, "", "", 3),
            line(1059, "[== 1042 · K7QP3XVD ==]", "", 1),
        ];
        let content = SpecialistContent::Digest(Digest { lines, all: 45 });
        specialist_mail(content, None, language)
    };
    let bytes = digest(Language::Ru);
    assert_eq!(parse(&bytes).subject.as_str(), "Сводка обращений: 45");
    let want = "[== Сводка для специалистов, пользователям не видна; ответ на неё никому не уйдёт ==]

Писем пришло сразу много, поэтому об этих обращениях — одной сводкой.

№ 1057  Не сохраняется расписание — М. И. Соколова, пн 23.11, 10:14 МСК
№ 1058  (без темы) — rita@family.test, пн 23.11, 10:14 МСК · писем: 3
№ 1059  [ == 1042 · K7QP3XVD == ] — rita@family.test, пн 23.11, 10:14 МСК
…и ещё 42: их список есть у администратора службы.

Взять: ответьте на это письмо строкой «#взять 1057 1058» с номерами отсюда, не больше пятидесяти сразу. О каждом взятом обращении придёт отдельное письмо, на него и отвечают.

[== Конец сводки ==]";
    assert_eq!(text(&bytes).trim_end(), want);
    let english = text(&digest(Language::En));
    assert!(
        english.contains("№ 1058  (no subject) — rita@family.test"),
        "{english}"
    );
    assert!(english.contains("“#take 1057 1058”"), "{english}");
}

#[test]
fn every_word_to_a_specialist_about_his_own_letter_can_be_said() {
    let opening = at("2026-11-24T09:00:00");
    let told = [
        (
            OwnLetter::Accepted {
                at: opening,
                answer: true,
                replaces: false,
                orders: true,
            },
            "ответ по № 1042 принят в понедельник, 23 ноября, в 23:04 МСК и уйдёт во вторник, 24 ноября, в 9:00 МСК",
        ),
        (
            OwnLetter::Accepted {
                at: opening,
                answer: false,
                replaces: false,
                orders: true,
            },
            "команда по № 1042 принята в понедельник, 23 ноября, в 23:04 МСК и сработает во вторник, 24 ноября, в 9:00 МСК",
        ),
        (
            OwnLetter::CommandNotUnderstood {
                written: "#закрить".into(),
                suggestion: Some("закрыть".into()),
            },
            "не понимаю «#закрить». Возможно, #закрыть?",
        ),
        (
            OwnLetter::CommandNotUnderstood {
                written: "#x".into(),
                suggestion: None,
            },
            "не понимаю «#x». Остальные",
        ),
        (
            OwnLetter::CommandNotYet {
                written: "#передать".into(),
            },
            "команда «#передать» в этой версии",
        ),
        (
            OwnLetter::CommandsUnclear {
                written: "#закрыть".into(),
            },
            "непонятно, что делать с «#закрыть»",
        ),
        (
            OwnLetter::QuotationUncertain,
            "не удалось надёжно отделить от цитаты",
        ),
        (OwnLetter::Empty, "ничего не сделано"),
        (OwnLetter::NotAnOrder, "отвечает на служебное письмо"),
        (OwnLetter::Withdrawn { more: false }, "По № 1042 отменено:"),
        (OwnLetter::Withdrawn { more: true }, "ещё ждёт и сработает"),
        (OwnLetter::NothingWaits, "нет ответа или команды"),
        (
            OwnLetter::Stale {
                colleague: Some(ColleagueAnswered {
                    who: "Анна Белова".into(),
                    at: at("2026-11-23T10:32:00"),
                    words: "Кабинет 14.".into(),
                }),
                writer: None,
            },
            "уже есть ответ: Анна Белова, пн 23.11, 10:32",
        ),
        (
            OwnLetter::Stale {
                colleague: None,
                writer: Some(WriterWrote {
                    at: at("2026-11-23T10:32:00"),
                    words: "Уже не нужно.".into(),
                }),
            },
            "Уже не нужно.",
        ),
        (
            OwnLetter::AddressRefused {
                address: "rita@family.test".into(),
                why: "came back: 5.1.1 no such user".into(),
            },
            "прежнее письмо на rita@family.test не дошло",
        ),
        (
            OwnLetter::DigestNotUnderstood {
                written: "#закрыть 5".into(),
            },
            "на сводку ничего не сделано: не понимаю «#закрыть 5»",
        ),
        (
            OwnLetter::NotInDigest {
                written: "7".into(),
            },
            "обращения № 7 в этой сводке нет",
        ),
        (
            OwnLetter::DigestAccepted { at: opening },
            "обращения станут вашими во вторник, 24 ноября, в 9:00 МСК",
        ),
        (
            OwnLetter::FileMayQuoteUs {
                name: "a.eml".into(),
            },
            "в файле «a.eml»",
        ),
        (OwnLetter::ForwardKept, "сохранено как заметка"),
        (
            OwnLetter::FilesWithheld {
                names: "a.exe".into(),
            },
            "не пересылаем a.exe",
        ),
        (OwnLetter::OnlyPictures, "только изображения"),
        (
            OwnLetter::NoToken,
            "не отвечает ни на одно письмо поддержки",
        ),
        (
            OwnLetter::NotVouched,
            "почтовый сервер не подтвердил, что оно от вас",
        ),
        (
            OwnLetter::ForeignAddress {
                address: "sam@home.test".into(),
            },
            "Письмо с sam@home.test по № 1042 не принято",
        ),
        (
            OwnLetter::NoWriterAddress,
            "нет адреса, на который можно ответить",
        ),
    ];
    for (what, want) in told {
        for language in LANGUAGES {
            let content = SpecialistContent::OwnLetter {
                about: AboutOwnLetter {
                    what: what.clone(),
                    draft: Some("Мои слова.".into()),
                    again: false,
                    unvouched: false,
                },
                received: at("2026-11-23T23:04:00"),
            };
            let mail = text(&specialist_mail(content, Some(1042), language));
            assert!(mail.trim().len() > 40 && !mail.contains("{{"), "{mail}");
            if language == Language::Ru {
                assert!(mail.contains(want), "{mail}");
            }
        }
    }
    for language in LANGUAGES {
        let undelivered = Undelivered {
            address: "rita@family.test".into(),
            reply: "RCPT TO: 550 no such user".into(),
            fate: UndeliveredFate::Failed,
        };
        assert!(
            text(&specialist_mail(
                SpecialistContent::Delivery(undelivered),
                Some(1042),
                language
            ))
            .contains("550 no such user")
        );
        let alert = SpecialistContent::Alert {
            matter: "quarantine 3".into(),
            words: "quarantine 3\n\nwhat to do".into(),
        };
        assert_eq!(
            parse(&specialist_mail(alert, None, language))
                .subject
                .as_str(),
            "ninetosix: quarantine 3"
        );
        let reopened = WriterContent::Reopened {
            beginning: Beginning {
                open: false,
                begins: opening,
                holidays: None,
                answer_by: None,
                provisional: None,
            },
        };
        assert!(text(&writer_mail(reopened, language)).contains("1042"));
    }
}

#[test]
fn what_a_letter_says_is_data_and_never_a_template_or_a_header() {
    let nasty = "{{ 7 * 7 }} {% include 'x' %}\r\nBcc: eve@else.test\r\n.\r\n\0\u{202e}";
    let mut envelope = to_rita();
    envelope.subject = CleanLine::new(nasty, 200);
    envelope.to_name = CleanLine::new(nasty, 100);
    let content = WriterContent::Answer {
        author: nasty.into(),
        words: nasty.into(),
        quoted: nasty.into(),
        files: Vec::new(),
        raw: Vec::new(),
    };
    let draft = writer_letter::draft(
        &envelope,
        content,
        &Wording::new(Language::Ru),
        moments(Language::Ru),
    )
    .expect("words");
    let bytes = compose(&draft).expect("a mail");
    check_outgoing(&bytes).expect("sendable");
    let read = parse(&bytes);
    assert_eq!(read.to, [address("rita@family.test")]);
    assert!(
        read.subject.as_str().contains("{{ 7 * 7 }}"),
        "{}",
        read.subject
    );
    let header = String::from_utf8(bytes).expect("ASCII");
    assert!(
        !header
            .split("\r\n\r\n")
            .next()
            .expect("a header")
            .lines()
            .any(|line| line.starts_with("Bcc")),
        "{header}"
    );
}

#[test]
fn files_keep_their_names_for_every_program() {
    let long = format!("{}.pdf", "расписание ".repeat(6).trim_end());
    let names = [
        "plan.pdf",
        "a; b=c 'd'.txt",
        "say \"x\" \\ y.txt",
        "=?utf-8?q?x?=.txt",
        "100% «а» – б.pdf",
        "снимок 📷 é.png",
        long.as_str(),
    ];
    let files = names.map(|name| super::compose::File {
        name: name.to_owned(),
        content_type: "application/pdf".to_owned(),
        bytes: name.as_bytes().to_vec(),
        is_picture: false,
        line: None,
    });
    let mut draft = writer_letter::draft(
        &to_rita(),
        night(),
        &Wording::new(Language::Ru),
        moments(Language::Ru),
    )
    .expect("words");
    draft.files = files.into();
    let bytes = compose(&draft).expect("a mail");
    check_outgoing(&bytes).expect("sendable");
    let read = mail_parser::MessageParser::default().parse(&bytes);
    let read = read.expect("a mail");
    let told: Vec<(&str, &[u8])> = read
        .attachments()
        .map(|part| (part.attachment_name().unwrap_or_default(), part.contents()))
        .collect();
    assert_eq!(told, names.map(|name| (name, name.as_bytes())));
    // Who reads Content-Type alone, as old programs do, finds them too.
    for part in read.attachments() {
        let name = part.content_type().and_then(|kind| kind.attribute("name"));
        assert_eq!(name, part.attachment_name());
    }
    let ours: Vec<String> = parse(&bytes)
        .attachments
        .iter()
        .map(|file| file.name.clone())
        .collect();
    assert_eq!(ours[0], "plan.pdf");
    assert_eq!(ours[4..], names.map(str::trim)[4..]);
}

#[test]
fn what_cannot_be_a_type_of_a_file_is_none() {
    for (given, sent) in [
        ("image/png", "image/png"),
        ("text/plain; charset=koi8-r", "text/plain; charset=koi8-r"),
        ("message/rfc822", "application/octet-stream"),
        ("multipart/mixed", "application/octet-stream"),
        ("картинка/png", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("a/b\r\nBcc: x", "application/octet-stream"),
    ] {
        let mut draft = writer_letter::draft(
            &to_rita(),
            night(),
            &Wording::new(Language::Ru),
            moments(Language::Ru),
        )
        .expect("words");
        draft.files = vec![super::compose::File {
            name: "a".into(),
            content_type: given.into(),
            bytes: vec![1],
            is_picture: false,
            line: None,
        }];
        let bytes = compose(&draft).expect("a mail");
        check_outgoing(&bytes).expect("sendable");
        let mail = String::from_utf8(bytes).expect("ASCII");
        assert!(
            mail.contains(&format!("Content-Type: {sent};\r\n name=\"a\"")),
            "{mail}"
        );
    }
}

#[test]
fn a_thread_holds_however_long_its_ids_are() {
    let mut envelope = to_rita();
    let long = |start: &str, length| format!("{start}{}@mail.family.test", "x".repeat(length));
    envelope.references = (0..20)
        .map(|number| long(&number.to_string(), 20 * number + 1))
        .collect();
    envelope.message_id = long("receipt.1042.", 200);
    let draft = writer_letter::draft(
        &envelope,
        night(),
        &Wording::new(Language::En),
        moments(Language::En),
    )
    .expect("words");
    let bytes = compose(&draft).expect("a mail");
    check_outgoing(&bytes).expect("sendable");
    let read = parse(&bytes);
    assert_eq!(read.message_id, envelope.message_id);
    let newest_first: Vec<String> = envelope.references.iter().rev().cloned().collect();
    assert_eq!(read.references, newest_first[..read.references.len()]);
    assert!(read.references.len() > 10);
}

#[test]
fn letters_can_be_sorted_by_what_they_are() {
    for language in LANGUAGES {
        for (name, bytes) in super::snapshot_tests::letters(language) {
            let mail = String::from_utf8(bytes).expect("ASCII");
            let head = mail.split_once("\r\n\r\n").expect("a header").0;
            let has = |field: &str| head.contains(&format!("\r\n{field}\r\n"));
            let to_writer = ["receipt", "reopened", "answer"]
                .iter()
                .any(|kind| name.starts_with(kind));
            let is_list = has("List-Id: <support.school.test>");
            assert_eq!(is_list, !to_writer && name != "alert", "{name}\n{head}");
            assert_eq!(head.contains("List-"), is_list, "{head}");
            let ticket = match name {
                "notice" => Some("X-Ticket: 1042; state=in_work"),
                "notice-short" => Some("X-Ticket: 1042; state=new"),
                "own-letter" | "delivery" => Some("X-Ticket: 1042"),
                _ => None,
            };
            assert!(ticket.is_none_or(has), "{name}\n{head}");
            assert_eq!(head.contains("X-Ticket"), ticket.is_some(), "{head}");
            let tag = language.tag();
            assert!(has(&format!("Content-Language: {tag}")), "{name}\n{head}");
            assert!(has("Date: Mon, 23 Nov 2026 07:14:30 +0000"), "{head}");
            let is_persons = name.starts_with("answer");
            assert_eq!(
                head.contains("Auto-Submitted: auto-"),
                !is_persons,
                "{head}"
            );
            assert_eq!(has("X-Auto-Response-Suppress: All"), !is_persons, "{head}");
        }
    }
}

#[test]
fn one_subject_goes_through_a_tickets_life() {
    let letters = super::snapshot_tests::letters(Language::Ru);
    let subjects = |names: &[&str]| -> Vec<String> {
        let named = letters.iter().filter(|(name, _)| names.contains(name));
        named
            .map(|(_, bytes)| parse(bytes).subject.as_str().to_owned())
            .collect()
    };
    assert_eq!(
        subjects(&["reopened", "answer", "answer-with-files"]),
        vec!["Re: Не сохраняется расписание 5 «Б» [№ 1042]"; 3]
    );
    assert_eq!(
        subjects(&["notice", "notice-short"]),
        vec![
            "[№ 1042] Не сохраняется расписание 5 «Б» — М. И. Соколова";
            2
        ]
    );
}

#[test]
fn a_subject_is_answered_once() {
    for (theirs, ours) in [
        ("RE: Ответ: пароль", "Re: пароль [№ 1042]"),
        ("Fwd: пароль", "Re: Fwd: пароль [№ 1042]"),
        ("Re:", "Re: (без темы) [№ 1042]"),
        ("", "Re: (без темы) [№ 1042]"),
    ] {
        let mut envelope = to_rita();
        envelope.subject = CleanLine::new(theirs, 200);
        let reopened = WriterContent::Reopened {
            beginning: Beginning {
                open: true,
                begins: at("2026-11-24T09:00:00"),
                holidays: None,
                answer_by: None,
                provisional: None,
            },
        };
        let wording = Wording::new(Language::Ru);
        let draft = writer_letter::draft(&envelope, reopened, &wording, moments(Language::Ru));
        let draft = draft.expect("words");
        assert_eq!(draft.subject.as_str(), ours);
        assert_eq!(
            parse(&compose(&draft).expect("a mail")).subject,
            draft.subject
        );
    }
}

#[test]
fn pictures_are_shown_where_they_can_be_and_files_are_attached() {
    for (kind, is_shown) in [
        ("image/png", true),
        ("image/JPEG", true),
        ("image/gif", true),
        ("image/webp", true),
        ("image/svg+xml", false),
        ("image/tiff", false),
    ] {
        let (raw, mut files) = super::snapshot_tests::with_picture();
        files[0].content_type = kind.into();
        let content = WriterContent::Answer {
            author: "Иван".into(),
            words: "Вот.\n\n[Изображение: чужое.png]".into(),
            quoted: String::new(),
            files,
            raw,
        };
        let bytes = writer_mail(content, Language::Ru);
        let mail = String::from_utf8(bytes.clone()).expect("ASCII");
        let says = text(&bytes).contains("[Изображение: Снимок экрана 2026-11-23 в 10.14.png]");
        assert_eq!(says, is_shown, "{kind}");
        assert_eq!(
            mail.contains("Content-Disposition: inline"),
            is_shown,
            "{kind}"
        );
        let read = parse(&bytes);
        assert_eq!(read.attachments.len(), 2, "{kind}");
        assert_eq!(read.attachments[0].inline, is_shown, "{kind}");
        let page = mail_parser::MessageParser::default().parse(&bytes);
        let page = page.and_then(|mail| mail.body_html(0).map(|page| page.into_owned()));
        let page = page.expect("HTML");
        assert_eq!(
            page.matches("<img ").count(),
            usize::from(is_shown),
            "{page}"
        );
        // It refers to the picture that is there.
        let id = page
            .split_once("cid:")
            .map(|(_, rest)| rest.split_once('"'));
        if let Some(Some((id, _))) = id {
            assert!(mail.contains(&format!("Content-ID: <{id}>\r\n")), "{id}");
        }
    }
}

#[test]
fn a_page_that_would_be_too_long_is_left_out_and_the_text_stays() {
    let words = ">>>>>\nx\n".repeat(60_000);
    let content = WriterContent::Answer {
        author: "Иван".into(),
        words: words.clone(),
        quoted: String::new(),
        files: Vec::new(),
        raw: Vec::new(),
    };
    let bytes = writer_mail(content, Language::Ru);
    assert!(bytes.len() < 3 * words.len(), "{}", bytes.len());
    assert!(text(&bytes).ends_with("ответьте на это письмо.\n"));
}
