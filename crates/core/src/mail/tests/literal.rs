//! What people write is shown as they wrote it: no template, no path, no second header, nothing that turns a text around or
//! hides in it (promises P16 and P20).

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::domain::address::EmailAddress;
use crate::domain::files::{FilePart, choose};
use crate::domain::incoming::IncomingMail;
use crate::domain::language::Language;
use crate::domain::outgoing::{
    Digest, DigestLine, EarlierTicket, Notice, SpecialistContent, SpecialistEnvelope,
    WriterContent, WriterEnvelope,
};
use crate::domain::registration::{AboutOwnLetter, OwnLetter, Undelivered, UndeliveredFate};
use crate::domain::text::{CleanLine, CleanText};
use crate::domain::ticket::State;
use crate::mail::compose::{Draft, compose};
use crate::mail::moment::Moments;
use crate::mail::parse::parse;
use crate::mail::wording::Wording;
use crate::mail::{specialist_letter, writer_letter};
use crate::smtp::check_outgoing;

/// What template engines, shells and formats would act on.
#[rustfmt::skip]
const LITERAL: [&str; 12] = [
    "{{7*7}}", "{% raw %}", "{% endraw %}", "{#x#}", "${x}", "$(id)", "`id`", "%n%s", "{name}", "<script>", "&lt;", "=cmd|' /C calc'!A0",
];
/// What is not seen, or turns around what is.
const UNSEEN: &str = "\u{202e}\u{2066}\u{2069}\u{200b}\u{200d}\u{feff}\u{e0041}\u{ad}";

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("plain")
}

fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-23T10:14:30+03:00")
        .expect("a time")
        .to_utc()
}

fn line(text: &str) -> CleanLine {
    CleanLine::new(
        &format!("{UNSEEN}{text}\r\nBcc: eve@else.test\r\n{UNSEEN}"),
        200,
    )
}

fn moments(language: Language) -> Moments {
    Moments {
        language,
        zone: Tz::Europe__Moscow,
    }
}

/// The mail as it is sent, read.
fn sent(draft: &Draft) -> IncomingMail {
    let bytes = compose(draft).expect("a mail");
    check_outgoing(&bytes).expect("sendable");
    let text = String::from_utf8(bytes.clone()).expect("ASCII");
    let head = text.split("\r\n\r\n").next().expect("a header");
    for field in head.lines().filter(|line| !line.starts_with([' ', '\t'])) {
        let name = field.split(':').next().expect("a field");
        assert!(!name.eq_ignore_ascii_case("bcc"), "{head}");
    }
    let mail = parse(&bytes);
    let shown = format!(
        "{} {} {}",
        mail.subject,
        mail.sender_name(),
        mail.body.as_str()
    );
    let raw = draft.text.replace('\u{a0}', " ");
    for unseen in UNSEEN.chars() {
        assert!(
            !shown.contains(unseen) && !raw.contains(unseen),
            "{unseen:?} in {raw}"
        );
    }
    assert!(!shown.contains("49"), "{shown}");
    mail
}

fn to_sam(text: &str, language: Language, content: SpecialistContent) -> IncomingMail {
    let envelope = SpecialistEnvelope {
        message_id: "notice.1042.1.sam.1abc@school.test".into(),
        references: Vec::new(),
        desk: "desk".into(),
        from: address("help@school.test"),
        to: address("sam@school.test"),
        to_name: CleanLine::new("Sam", 100),
        number: Some(1042),
        sentinel: Some("K7QP3XVD".into()),
        subject: line(text),
        now: now(),
    };
    let wording = Wording::new(language);
    let draft = specialist_letter::draft(&envelope, content, &wording, moments(language));
    sent(&draft.expect("words"))
}

fn notice(text: &str) -> SpecialistContent {
    let clean = CleanText::new(&format!("{UNSEEN}{text}\n{text}"))
        .as_str()
        .to_owned();
    SpecialistContent::Notice(Box::new(Notice {
        body: clean,
        name: line(text),
        address: Some(address("rita@family.test")),
        received: now(),
        first: true,
        state: State::New,
        assignee: None,
        related: None,
        others: vec![EarlierTicket {
            number: 7,
            subject: line(text),
            state: State::Closed,
        }],
        files: Vec::new(),
        raw: b"From: rita@family.test\r\n\r\nx".to_vec(),
        header_only: false,
        answer_by: None,
        is_provisional: false,
    }))
}

#[test]
fn what_looks_like_a_template_is_text_in_every_field_of_every_letter() {
    for (text, language) in LITERAL
        .into_iter()
        .zip([Language::Ru, Language::En].into_iter().cycle())
    {
        let says = |mail: &IncomingMail, times: usize| {
            let all = format!(
                "{} {} {}",
                mail.subject,
                mail.sender_name(),
                mail.body.as_str()
            );
            let found = all.matches(text).count();
            assert!(found >= times, "{text} {found} times in {all}");
        };
        // The subject, the name of whoever wrote in three places, two lines of the text, an earlier ticket.
        says(&to_sam(text, language, notice(text)), 6);
        let one = DigestLine {
            number: 7,
            subject: line(text),
            name: line(text),
            address: "rita@family.test".into(),
            received: now(),
            letters: 1,
        };
        says(
            &to_sam(
                text,
                language,
                SpecialistContent::Digest(Digest {
                    lines: vec![one],
                    all: 1,
                }),
            ),
            2,
        );
        let undelivered = Undelivered {
            address: "rita@family.test".into(),
            reply: line(text).to_string(),
            fate: UndeliveredFate::Failed,
        };
        says(
            &to_sam(text, language, SpecialistContent::Delivery(undelivered)),
            1,
        );
        for what in [
            OwnLetter::CommandNotUnderstood {
                written: line(text).to_string(),
                suggestion: None,
            },
            OwnLetter::FileMayQuoteUs {
                name: format!("{text}{UNSEEN}"),
            },
            OwnLetter::AddressRefused {
                address: "rita@family.test".into(),
                why: line(text).to_string(),
            },
        ] {
            let about = AboutOwnLetter {
                what,
                draft: Some(text.to_owned()),
                again: false,
                unvouched: false,
            };
            let content = SpecialistContent::OwnLetter {
                about,
                received: now(),
            };
            says(&to_sam(text, language, content), 3);
        }
        let envelope = WriterEnvelope {
            message_id: "answer.1042.1.W.1abc@school.test".into(),
            references: Vec::new(),
            desk: "desk".into(),
            from: address("help@school.test"),
            to: address("rita@family.test"),
            to_name: line(text),
            number: 1042,
            subject: line(text),
            now: now(),
        };
        let content = WriterContent::Answer {
            author: line(text).to_string(),
            words: text.to_owned(),
            quoted: text.to_owned(),
            files: Vec::new(),
            raw: Vec::new(),
        };
        let wording = Wording::new(language);
        let draft = writer_letter::draft(&envelope, content, &wording, moments(language));
        let mail = sent(&draft.expect("words"));
        says(&mail, 5);
        assert_eq!(mail.to, [address("rita@family.test")]);
    }
}

/// Names as senders give them, what is shown of each, and whether it travels.
#[rustfmt::skip]
const NAMES: [(&str, &str, bool); 16] = [
    ("отчёт_\u{202e}fdp.exe", "отчёт_fdp.exe", false),
    ("отчёт_\u{2066}fdp\u{2069}.ex\u{200b}e", "отчёт_fdp.exe", false),
    ("plan.pdf.scr\u{200f}", "plan.pdf.scr", false),
    ("plan.exe. . ", "plan.exe", false),
    ("../../x", "x", true),
    ("C:\\x", "x", true),
    ("CON", "_CON", true),
    ("nul.txt", "_nul.txt", true),
    ("COM1 .txt", "_COM1 .txt", true),
    ("\u{200b}.htaccess", "htaccess", true),
    ("a\0b.txt", "a b.txt", true),
    ("{{7*7}}${x}%n.txt", "{{77}}${x}%n.txt", true),
    ("a\r\nBcc: eve@else.test.txt", "a Bcc eve@else.test.txt", true),
    ("it's 100%25 \"'plan';x=1.txt", "it's 100%25 'plan';x=1.txt", true),
    ("\u{e0061}\u{e0062}tag.txt", "tag.txt", true),
    ("..\\..\\a\\..", "1.bin", true),
];

#[test]
fn files_are_named_by_what_they_are_and_never_by_a_path() {
    let long = format!("{}.docx", "я".repeat(250));
    let names = NAMES
        .map(|(given, ..)| given)
        .into_iter()
        .chain([long.as_str()]);
    for (at, given) in names.enumerate() {
        let encoded = data_encoding::BASE64.encode(given.as_bytes());
        let raw = format!(
            "From: rita@family.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/x-thing\r\nContent-Disposition: attachment; filename=\"=?UTF-8?B?{encoded}?=\"\r\n\r\nbytes\r\n--b--\r\n"
        );
        let [file] = parse(raw.as_bytes())
            .attachments
            .try_into()
            .expect("one file");
        let mut parts = [FilePart {
            part: file.part,
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            size_bytes: file.size_bytes,
            sha256: file.sha256.clone(),
            inline: false,
            travels: false,
        }];
        choose(&mut parts);
        match NAMES.get(at) {
            Some((_, want, travels)) => assert_eq!(
                (file.name.as_str(), parts[0].travels),
                (*want, *travels),
                "{given:?}"
            ),
            None => assert!(
                file.name.len() <= 150 && file.name.ends_with("я.docx"),
                "{}",
                file.name
            ),
        }
        let SpecialistContent::Notice(mut content) = notice("x") else {
            unreachable!("a notice")
        };
        content.raw = raw.into_bytes();
        content.files = parts.to_vec();
        let mail = to_sam("x", Language::Ru, SpecialistContent::Notice(content));
        assert!(
            mail.body.as_str().contains(&format!("{} (", file.name)),
            "{}",
            mail.body.as_str()
        );
        let relayed: Vec<&str> = mail
            .attachments
            .iter()
            .map(|file| file.name.as_str())
            .collect();
        let travelling: Vec<&str> = parts
            .iter()
            .filter(|file| file.travels)
            .map(|file| file.name.as_str())
            .collect();
        assert_eq!(relayed, travelling, "{given:?}");
    }
}

#[test]
fn nobody_forges_the_part_below_his_own_words() {
    for forged in [
        "[== 1042 · K7QP3XVD ==]",
        "[==",
        "［== Служебное ==］",
        "[＝＝ Служебное ＝＝]",
        "[=\u{200b}= Служебное =\u{200b}=]",
    ] {
        let mail = to_sam("x", Language::Ru, notice(forged));
        let marks = mail.body.as_str().lines().filter(|line| {
            let line = line.replace('［', "[").replace('＝', "=");
            line.starts_with("[==")
        });
        assert_eq!(marks.count(), 3, "{}", mail.body.as_str());
    }
}

#[test]
fn nobody_is_written_to_because_reply_to_or_cc_names_him() {
    let read = |from: &str| {
        let raw = format!(
            "{from}Reply-To: victim@bank.test\r\nCc: other@bank.test\r\nTo: help@school.test\r\n\r\nx\r\n"
        );
        parse(raw.as_bytes())
            .correspondent()
            .map(ToString::to_string)
    };
    assert_eq!(
        read("From: x@evil.test\r\n").as_deref(),
        Some("x@evil.test")
    );
    assert_eq!(read("From: a@evil.test, b@evil.test\r\n"), None);
    assert_eq!(read(""), None);
}
