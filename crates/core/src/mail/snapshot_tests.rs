//! Whole letters as they are sent, one file for each kind and language in `snapshots/`: what changes in a letter is seen in
//! a change of them. `NINETOSIX_SNAPSHOTS=write` writes them anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::tests::{LANGUAGES, at, notice, specialist_mail, writer_mail};
use crate::domain::alert::Alert;
use crate::domain::beginning::Beginning;
use crate::domain::digest::sha256;
use crate::domain::files::FilePart;
use crate::domain::language::Language;
use crate::domain::outgoing::{Digest, DigestLine, Notice, SpecialistContent, WriterContent};
use crate::domain::registration::{AboutOwnLetter, OwnLetter, Undelivered, UndeliveredFate};
use crate::domain::text::CleanLine;
use crate::domain::ticket::State;

/// A picture of eight points by eight.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAAFklEQVR42mOIAoITQMCAhwEiQBw8DAAZkyRBai6dbgAAAABJRU5ErkJggg==";

/// A letter with a picture inside its text and a file, and what is registered of them.
pub(super) fn with_picture() -> (Vec<u8>, Vec<FilePart>) {
    let raw = format!(
        "From: Rita <rita@family.test>\r\nTo: help@school.test\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
         --m\r\nContent-Type: multipart/related; boundary=r\r\n\r\n\
         --r\r\nContent-Type: text/html\r\n\r\n<p>x</p><img src='cid:1@family.test'>\r\n\
         --r\r\nContent-Type: image/png\r\nContent-ID: <1@family.test>\r\nContent-Disposition: inline; filename=screen.png\r\nContent-Transfer-Encoding: base64\r\n\r\n{PNG}\r\n--r--\r\n\
         --m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\nplan\r\n--m--\r\n"
    );
    let read = super::parse::parse(raw.as_bytes());
    let names = [
        "Снимок экрана 2026-11-23 в 10.14.png",
        "Расписание 5 «Б» класса на вторую четверть, с заменами и кабинетами.pdf",
    ];
    let files = read
        .attachments
        .iter()
        .zip(names)
        .map(|(file, name)| FilePart {
            part: file.part,
            name: name.to_owned(),
            content_type: file.content_type.clone(),
            size_bytes: file.size_bytes,
            sha256: file.sha256.clone(),
            inline: file.inline,
            travels: true,
        });
    let files: Vec<FilePart> = files.collect();
    assert_eq!(files.len(), 2, "{read:?}");
    assert_eq!([files[0].inline, files[1].inline], [true, false]);
    (raw.into_bytes(), files)
}

/// A notice with every line one can have.
pub(super) fn full_notice() -> Notice {
    let (raw, mut files) = with_picture();
    let short = notice();
    // Its note and its copy are read from the letter.
    let raw = String::from_utf8(raw).expect("ASCII");
    let raw = raw
        .replace(
            "To: help@school.test\r\n",
            "To: help@school.test\r\nCc: Zavuch <zavuch@school.test>\r\n",
        )
        .replace(
            "--m--\r\n",
            "--m\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\nx\r\n--m--\r\n",
        );
    files.push(FilePart {
        name: "zhurnal.exe".into(),
        sha256: sha256(b"never read"),
        inline: false,
        travels: false,
        ..files[1].clone()
    });
    Notice {
        body: "Здравствуйте!\n\nНе сохраняется расписание 5 «Б» после замены математики на среду. Пишет «Конфликт кабинета». Делала так:\n1. открыла «Замены» на https://school.test/ais/zamena?class=5b&day=3;\n2. выбрала <кабинет 12>.\n\nОтветьте, пожалуйста, и на m.sokolova@school.test.\n\n> Как было в прошлый раз:\n> - закрыть\n> - открыть".into(),
        assignee: Some("Анна Белова".into()),
        state: State::InWork,
        raw: raw.into_bytes(),
        files,
        ..short
    }
}

fn receipt(numbers: Vec<i64>, open: bool, holidays: bool) -> WriterContent {
    let day = |year, month, day| chrono::NaiveDate::from_ymd_opt(year, month, day).expect("a day");
    let registered = at("2026-11-23T10:14:10");
    WriterContent::Receipt {
        more: if numbers.len() > 1 { 2 } else { 0 },
        numbers,
        registered,
        beginning: Beginning {
            open,
            begins: if open {
                registered
            } else {
                at("2026-11-24T09:00:00")
            },
            holidays: holidays.then(|| (day(2026, 12, 31), day(2027, 1, 10))),
            answer_by: None,
            provisional: None,
        },
        phones: vec!["8 (000) 000-00-00".into()],
    }
}

/// A receipt of a desk that has terms, about a year whose calendar is not known.
fn promising() -> WriterContent {
    let mut content = receipt(vec![1042], false, false);
    if let WriterContent::Receipt { beginning, .. } = &mut content {
        beginning.begins = at("2028-01-10T09:00:00");
        beginning.answer_by = Some(at("2028-01-10T18:00:00"));
        beginning.provisional = Some(2028);
    }
    content
}

fn answer(words: &str, with_files: bool) -> WriterContent {
    let (raw, files) = with_picture();
    WriterContent::Answer {
        author: "Иван Смирнов".into(),
        words: words.into(),
        quoted: "Не сохраняется расписание 5 «Б» после замены математики на среду.\n\nПишет «Конфликт кабинета»".into(),
        files: if with_files { files } else { Vec::new() },
        raw,
    }
}

/// A letter of each kind in `language`, by name.
pub(super) fn letters(language: Language) -> Vec<(&'static str, Vec<u8>)> {
    let words = "Мария Ивановна, здравствуйте!\n\nКабинет 12 в среду на 3-м уроке занят 7 «А». Что сделать:\n1. Откройте «Расписание → Замены».\n2. Выберите свободный кабинет (14 или 21).\n3. Нажмите «Сохранить».\n\nПамятка — https://school.test/ais/zamena.";
    let writer = |content| writer_mail(content, language);
    let notice = |notice| {
        specialist_mail(
            SpecialistContent::Notice(Box::new(notice)),
            Some(1042),
            language,
        )
    };
    let line = |number, subject: &str, name: &str, letters| DigestLine {
        number,
        subject: CleanLine::new(subject, 100),
        name: CleanLine::new(name, 100),
        address: "rita@family.test".to_owned(),
        received: at("2026-11-23T10:14:10"),
        letters,
    };
    let digest = Digest {
        lines: vec![
            line(1057, "Не сохраняется расписание", "М. И. Соколова", 1),
            line(1058, "", "", 3),
        ],
        all: 45,
    };
    let own = OwnLetter::CommandNotUnderstood {
        written: "#закрить".into(),
        suggestion: Some("закрыть".into()),
    };
    let own = SpecialistContent::OwnLetter {
        about: AboutOwnLetter {
            what: own,
            draft: Some("Кабинет 14 свободен.\n\nОбновите страницу.".into()),
            again: false,
            unvouched: false,
        },
        received: at("2026-11-23T23:04:00"),
    };
    let undelivered = SpecialistContent::Delivery(Undelivered {
        address: "rita@family.test".into(),
        reply: "RCPT TO: 550 5.1.1 no such user".into(),
        fate: UndeliveredFate::DeadAddress,
    });
    let told = Alert::quarantined(3, "A letter could not be read three times");
    let title = told.title.of(language);
    let alert = SpecialistContent::Alert {
        matter: title.to_owned(),
        words: format!("{title}\n\n{}", told.words.of(language)),
    };
    vec![
        ("receipt-open", writer(receipt(vec![1042], true, false))),
        ("receipt-closed", writer(receipt(vec![1042], false, false))),
        ("receipt-holidays", writer(receipt(vec![1042], false, true))),
        ("receipt-promise", writer(promising())),
        (
            "receipt-several",
            writer(receipt(vec![1042, 1043, 1047], true, false)),
        ),
        (
            "reopened",
            writer(WriterContent::Reopened {
                beginning: Beginning {
                    open: false,
                    begins: at("2026-11-24T09:00:00"),
                    holidays: None,
                    answer_by: None,
                    provisional: None,
                },
            }),
        ),
        ("answer", writer(answer(words, false))),
        ("answer-with-files", writer(answer(words, true))),
        ("answer-of-files-alone", writer(answer("", true))),
        ("notice", notice(full_notice())),
        (
            "notice-short",
            notice(Notice {
                files: Vec::new(),
                others: Vec::new(),
                related: None,
                raw: b"From: rita@family.test\r\n\r\nx".to_vec(),
                body: String::new(),
                ..super::tests::notice()
            }),
        ),
        ("own-letter", specialist_mail(own, Some(1042), language)),
        (
            "delivery",
            specialist_mail(undelivered, Some(1042), language),
        ),
        (
            "digest",
            specialist_mail(SpecialistContent::Digest(digest), None, language),
        ),
        ("alert", specialist_mail(alert, None, language)),
    ]
}

#[test]
fn letters_are_sent_as_they_were_looked_at() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail/snapshots");
    let is_writing = std::env::var("NINETOSIX_SNAPSHOTS").is_ok_and(|value| value == "write");
    let mut known = BTreeSet::new();
    let mut changed = Vec::new();
    for language in LANGUAGES {
        for (name, bytes) in letters(language) {
            let file = folder.join(format!("{name}.{}.eml", language.tag()));
            // The gate has seen that every LF has its CR: what is kept without them is the same.
            let letter = String::from_utf8(bytes)
                .expect("ASCII")
                .replace("\r\n", "\n");
            if is_writing {
                std::fs::write(&file, &letter).expect("writable");
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            if kept != letter {
                changed.push(format!(
                    "{}\n{}",
                    file.display(),
                    difference(&kept, &letter)
                ));
            }
            known.insert(file);
        }
    }
    assert!(
        changed.is_empty(),
        "changed letters; NINETOSIX_SNAPSHOTS=write accepts them\n\n{}",
        changed.join("\n")
    );
    let files = std::fs::read_dir(&folder).expect("the folder");
    let files: BTreeSet<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    assert_eq!(files, known, "a letter for each file");
}

/// The lines between the first and the last that differ, decoded where they are encoded.
fn difference(kept: &str, letter: &str) -> String {
    let (kept, letter) = (shown(kept), shown(letter));
    let (old, new): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), letter.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let before = old.iter().zip(&new).take_while(same).count();
    let (old, new) = (&old[before..], &new[before..]);
    let after = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(same)
        .count();
    let marked = |mark: &str, lines: &[&str]| -> String {
        let lines = &lines[..lines.len() - after];
        lines
            .iter()
            .map(|line| format!("{mark} {line}\n"))
            .collect()
    };
    format!(
        "line {}:\n{}{}",
        before + 1,
        marked("-", old),
        marked("+", new)
    )
}

/// A letter with its quoted-printable as words.
fn shown(letter: &str) -> String {
    let joined = letter.replace("=\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let decoded = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match decoded.filter(|_| *first == b'=') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_difference_is_told_in_words() {
    let told = difference("a\n=D0=B0 b\nc", "a\n=D0=B1 =\nb\nc");
    assert_eq!(told, "line 2:\n- а b\n+ б b\n");
}

#[test]
fn the_same_draft_gives_the_same_bytes() {
    for language in LANGUAGES {
        assert_eq!(letters(language), letters(language));
    }
}
