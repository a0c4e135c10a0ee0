//! Random conversations with canaries in all that is internal: whatever a mail program makes of the quotation, no canary
//! reaches a writer, and no word of the author is lost in silence (promise P12).
//!
//! A failure names its seed: `NINETOSIX_TEST_SEED` begins with that one, `NINETOSIX_TEST_CONVERSATIONS` says how many there
//! are. What nobody could tell is not asked for: whose a line between the lines of a quotation without marks is, and what
//! stands below `-- `.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use data_encoding::BASE64;

use crate::domain::address::EmailAddress;
use crate::domain::calendar::{Calendar, Exceptions, Week};
use crate::domain::desk::{Desk, Specialist};
use crate::domain::files::FilePart;
use crate::domain::language::Language;
use crate::domain::outgoing::{
    Digest, DigestLine, EarlierTicket, Notice, SpecialistContent, SpecialistEnvelope,
    WriterContent, WriterEnvelope,
};
use crate::domain::proof::proof;
use crate::domain::receipt_cap::ReceiptCaps;
use crate::domain::registration::{
    AboutOwnLetter, Answer, ColleagueAnswered, Facts, FoldedTicket, NewLetter, Outcome, OwnLetter,
    Registration, Since, TicketFacts, Undelivered, UndeliveredFate, Unsent, WriterLetter,
    WriterWrote, decide,
};
use crate::domain::text::CleanLine;
use crate::domain::ticket::State;
use crate::domain::token::{TokenKey, TokenKeys};
use crate::mail::compose::compose;
use crate::mail::moment::Moments;
use crate::mail::parse::parse;
use crate::mail::wording::Wording;
use crate::mail::{specialist_letter, writer_letter};
use crate::random::Random;

const CONVERSATIONS: u64 = 600;
const NUMBER: i64 = 1042;
const ENTRY: i64 = 17;

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("plain")
}

fn key() -> TokenKeys {
    TokenKeys::new(TokenKey::new('1', [7; 32]), None)
}

fn monday(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(&format!("2026-11-23T{time}+03:00"))
        .expect("a time")
        .to_utc()
}

fn desk() -> Desk {
    let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
    let calendar = Calendar::new(Tz::Europe__Moscow, week, None, Exceptions::default(), true);
    let specialist = |login: &str, name: &str| Specialist {
        login: login.to_owned(),
        name: name.to_owned(),
        address: address(&format!("{login}@staff.test")),
        aliases: vec![address(&format!("{login}.two@staff.test"))],
        from: None,
        to: None,
    };
    Desk {
        mailboxes: vec![address("help@school.test")],
        specialists: vec![
            specialist("sam", "Иван Смирнов"),
            specialist("sofia", "Анна Канарейкина"),
        ],
        language: crate::domain::language::Language::En,
        operator: None,
        calendar: calendar.expect("a calendar"),
        terms: crate::domain::deadline::Terms::default(),
        caps: ReceiptCaps {
            per_hour: 1,
            per_day: 5,
            total_per_hour: 60,
        },
        vouching: crate::domain::desk::Vouching::Nobody,
        recall: TimeDelta::zero(),
        reopen_within: TimeDelta::days(30),
    }
}

/// What no letter to a writer may hold: the marks, the token, staff, and every canary of another ticket, a colleague or
/// words that were not let go.
fn internal() -> Vec<String> {
    let code = key().sentinel(NUMBER, &address("sam@staff.test"));
    #[rustfmt::skip]
    let fixed = [
        "[==", "==]", "staff.test", "КАНАРЕЙКА", "77123", "Канарейкина", "mx.internal", "пользователю не видно", "не проверен",
        "does not see this", "not verified", "notice.1042", "own_letter.1042", ".sam.1",
    ];
    let mut all: Vec<String> = fixed.into_iter().map(str::to_owned).collect();
    all.push(code);
    all
}

/// A letter of ours to Sam as it was sent, and what he sees of it.
struct Ours {
    subject: String,
    message_id: String,
    from_name: String,
    shown: String,
    is_digest: bool,
    /// What waits with it.
    unsent: Vec<Unsent>,
    since: Since,
}

fn notice(random: &mut Random) -> SpecialistContent {
    let raw = b"From: rita@family.test\r\nTo: help@school.test\r\nCc: a <copy@staff.test>, b <copy.two@staff.test>\r\n\r\nx".to_vec();
    let bodies = [
        "Не сохраняется расписание.",
        "Здравствуйте!\n\nНе открывается дневник 5 «Б»: пишет «ошибка 500», уже час. Что нам делать, скажите, пожалуйста? Урок завтра первый.\n\nС уважением,\nРита Петрова",
        "",
        "Да.\n\n23.11.2026 9:00, Служба пишет:\n> Какой класс?\n",
        "Вопросы:\n1. Кабинет\n2. Класс\n\n-- \nРита",
    ];
    let file = |name: &str| FilePart {
        part: 1,
        name: name.into(),
        content_type: "image/png".into(),
        size_bytes: 184_000,
        sha256: String::new(),
        inline: false,
        travels: false,
    };
    let other = |number| EarlierTicket {
        number,
        subject: CleanLine::new(
            "Развод КАНАРЕЙКА: с кем теперь живёт ученик и кто его забирает",
            60,
        ),
        state: State::Closed,
    };
    SpecialistContent::Notice(Box::new(Notice {
        body: (*random.pick(&bodies)).to_owned(),
        name: CleanLine::new("Рита Петрова", 100),
        address: Some(address("rita@family.test")),
        received: monday("10:14:10"),
        first: random.one_in(2),
        state: State::New,
        assignee: random.one_in(2).then(|| "Анна Канарейкина".to_owned()),
        related: random.one_in(2).then_some(77123),
        others: (0..random.below(3))
            .map(|n| other(77123 + n as i64))
            .collect(),
        files: (0..random.below(2)).map(|_| file("zhurnal.exe")).collect(),
        raw,
        header_only: false,
        answer_by: None,
        is_provisional: false,
    }))
}

fn about_own_letter(random: &mut Random) -> SpecialistContent {
    let words = || "КАНАРЕЙКА написала мне сама.\n\nНе говорите ей, КАНАРЕЙКА, пока.".to_owned();
    let at = monday("10:20:00");
    let written = || "#закрить".to_owned();
    let all = [
        OwnLetter::Accepted {
            at,
            answer: random.one_in(2),
            replaces: random.one_in(2),
            orders: true,
        },
        OwnLetter::Stale {
            colleague: Some(ColleagueAnswered {
                who: "Анна Канарейкина".to_owned(),
                at,
                words: words(),
            }),
            writer: random.one_in(2).then(|| WriterWrote {
                at,
                words: "Уже решилось?".to_owned(),
            }),
        },
        OwnLetter::AddressRefused {
            address: "rita@family.test".to_owned(),
            why: "550 mx.internal КАНАРЕЙКА".to_owned(),
        },
        OwnLetter::CommandNotUnderstood {
            written: written(),
            suggestion: Some("закрыть".to_owned()),
        },
        OwnLetter::CommandsUnclear { written: written() },
        OwnLetter::QuotationUncertain,
        OwnLetter::Empty,
        OwnLetter::ForwardKept,
        OwnLetter::NotAnOrder,
        OwnLetter::ForeignAddress {
            address: "sam@home.staff.test".to_owned(),
        },
        OwnLetter::FileMayQuoteUs {
            name: "a.eml".to_owned(),
        },
    ];
    let what = random.pick(&all).clone();
    let draft = random
        .one_in(2)
        .then(|| "Черновик КАНАРЕЙКА, его не отпускали.".to_owned());
    SpecialistContent::OwnLetter {
        about: AboutOwnLetter {
            what,
            draft,
            again: false,
            unvouched: false,
        },
        received: monday("10:19:00"),
    }
}

fn digest() -> SpecialistContent {
    let line = |number| DigestLine {
        number,
        subject: CleanLine::new("Развод КАНАРЕЙКА", 100),
        name: CleanLine::new("Канарейкина", 100),
        address: "bird@staff.test".to_owned(),
        received: monday("10:14:10"),
        letters: 1,
    };
    SpecialistContent::Digest(Digest {
        lines: vec![line(77123), line(77124)],
        all: 2,
    })
}

fn ours(random: &mut Random, wording: &Wording) -> Ours {
    let language = wording.language;
    let sam = address("sam@staff.test");
    let (kind, content) = match random.below(16) {
        0..9 => ("notice", notice(random)),
        9..14 => ("own_letter", about_own_letter(random)),
        14 => (
            "delivery",
            SpecialistContent::Delivery(Undelivered {
                address: "rita@family.test".to_owned(),
                reply: "RCPT TO: 550 mx.internal КАНАРЕЙКА".to_owned(),
                fate: UndeliveredFate::DeadAddress,
            }),
        ),
        _ => ("digest", digest()),
    };
    let is_digest = kind == "digest";
    let number = (!is_digest).then_some(NUMBER);
    let envelope = SpecialistEnvelope {
        message_id: key().message_id(
            kind,
            number.unwrap_or_default(),
            ENTRY,
            "sam",
            &sam,
            "school.test",
        ),
        references: Vec::new(),
        desk: "Служба поддержки".to_owned(),
        from: address("help@school.test"),
        to: sam.clone(),
        to_name: CleanLine::new("Иван Смирнов", 100),
        number,
        sentinel: number.map(|number| key().sentinel(number, &sam)),
        subject: CleanLine::new("Не сохраняется расписание", 200),
        now: monday("10:21:00"),
    };
    let held =
        matches!(&content, SpecialistContent::OwnLetter { about, .. } if about.draft.is_some());
    let since = match &content {
        SpecialistContent::OwnLetter {
            about:
                AboutOwnLetter {
                    what: OwnLetter::Stale { colleague, .. },
                    ..
                },
            ..
        } if random.one_in(2) => Since {
            colleague: colleague.clone(),
            writer: None,
        },
        _ => Since::default(),
    };
    let moments = Moments {
        language,
        zone: Tz::Europe__Moscow,
    };
    let draft = specialist_letter::draft(&envelope, content, wording, moments).expect("words");
    let read = parse(&compose(&draft).expect("a mail"));
    let unsent = Unsent {
        entry: ENTRY,
        words: "Черновик, который можно отпустить.".to_owned(),
        letter: Some(3),
        held,
        put_off: !held,
        verbs: Vec::new(),
    };
    Ours {
        subject: read.subject.to_string(),
        message_id: envelope.message_id,
        from_name: read
            .from
            .first()
            .map(|one| one.name.to_string())
            .unwrap_or_default(),
        shown: read.body.as_str().to_owned(),
        is_digest,
        unsent: if held || random.one_in(4) {
            vec![unsent]
        } else {
            Vec::new()
        },
        since,
    }
}

/// A few sentences of the author, each with a word found nowhere else.
fn own_words(random: &mut Random, tokens: &mut Vec<String>) -> String {
    const SENTENCES: [&str; 8] = [
        "Пароль сброшен, войдите ещё раз и смените его",
        "Кабинет 12 занят, выберите 14",
        "Откройте раздел «Расписание» и нажмите «Сохранить»",
        "Проверьте завтра утром, пожалуйста",
        "Это делается так: меню, настройки, экспорт",
        "We have reset your password, please try again",
        "Да",
        "Справка № 15 готова, её можно забрать с 9:00 до 18:00 в кабинете завуча на втором этаже",
    ];
    let mut words = String::new();
    for _ in 0..=random.below(3) {
        let token = format!("ФРАЗА{}Ъ", 100 + tokens.len());
        let end = random.pick(&[".\n", ".\n\n", ". "]);
        let _ = write!(words, "{} {token}{end}", random.pick(&SENTENCES));
        tokens.push(token);
    }
    words.trim_end().to_owned()
}

/// How the quotation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    Behind(&'static str),
    Bare,
    None,
}

/// What stands above the quotation, and how its lines are marked.
fn quotation(random: &mut Random, ours: &Ours) -> (String, Quote) {
    let who = if ours.from_name.is_empty() {
        "help@school.test"
    } else {
        &ours.from_name
    };
    let to = "Иван Смирнов <sam@staff.test>";
    let headers = [
        (
            format!("23.11.2026 10:14, {who} пишет:\n"),
            Quote::Behind("> "),
        ),
        (
            format!("пн, 23 нояб. 2026 г. в 10:14, {who} <help@school.test>:\n\n"),
            Quote::Behind("> "),
        ),
        (
            format!("On Mon, Nov 23, 2026 at 10:14 AM {who} <\nhelp@school.test> wrote:\n\n"),
            Quote::Behind("> "),
        ),
        (
            format!("> 23 нояб. 2026 г., в 10:14, {who} <help@school.test> написал(а):\n> \n"),
            Quote::Behind("> "),
        ),
        (
            format!("Понедельник, 23 ноября 2026, 10:14 +03:00 от {who} <help@school.test>:\n \n"),
            Quote::Behind(">"),
        ),
        (
            format!("Am 23.11.2026 um 10:14 schrieb {who} <help@school.test>:\n"),
            Quote::Behind("> "),
        ),
        (
            "Вы писали 23 ноября 2026 г., 10:14:18:\n\n".to_owned(),
            Quote::Behind("СП> "),
        ),
        (String::new(), Quote::Behind("> ")),
        (String::new(), Quote::Behind("| ")),
        (String::new(), Quote::Behind("    ")),
        (String::new(), Quote::Behind("│ ")),
        (String::new(), Quote::Behind(">> ")),
        (String::new(), Quote::Behind("› ")),
        (String::new(), Quote::Behind("• ")),
        (
            format!("23.11.2026 10:14, {who} пишет:\n"),
            Quote::Behind("&gt; "),
        ),
        (
            format!(
                "-----Исходное сообщение-----\nОт: {who} <help@school.test>\nОтправлено: понедельник, 23 ноября 2026 г. 10:14\nКому: {to}\nТема: {}\n\n",
                ours.subject
            ),
            Quote::Bare,
        ),
        (
            format!(
                "________________________________\nОт: {who} <help@school.test>\nОтправлено: 23 ноября 2026 г. 10:14:30\nКому: {to}\nТема: {}\n\n",
                ours.subject
            ),
            Quote::Bare,
        ),
        (
            format!(
                "*From:* {who} <help@school.test>\n*Sent:* Monday, November 23, 2026 10:14 AM\n*To:* {to}\n*Subject:* {}\n\n",
                ours.subject
            ),
            Quote::Bare,
        ),
        (
            format!(
                "-------- Пересылаемое сообщение --------\n23.11.2026, 10:14, \"{who}\" <help@school.test>:\nКому: {to}\nMessage-ID: <{}>\n\n",
                ours.message_id
            ),
            Quote::Bare,
        ),
        (
            format!("пн, 23 нояб. 2026 г. в 10:14, {who} <help@school.test>:\n"),
            Quote::Bare,
        ),
        (String::new(), Quote::Bare),
        (String::new(), Quote::None),
    ];
    random.pick(&headers).clone()
}

/// Breaks lines after so many characters, at spaces.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("never empty");
        if !last.is_empty() && last.chars().count() + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// The quoted text, with what mail programs and people do to it.
fn quoted(random: &mut Random, ours: &Ours, quote: Quote, drops_marks: bool) -> String {
    if quote == Quote::None {
        return String::new();
    }
    let mut lines: Vec<String> = ours.shown.lines().map(str::to_owned).collect();
    // Somebody took a piece of it out, whole lines.
    if random.one_in(4) {
        let from = random.below(lines.len());
        let to = from + random.below(lines.len() - from);
        lines.drain(from..to);
    }
    let width = random.one_in(4).then(|| 20 + random.below(80));
    let wraps_behind_marks = random.one_in(2);
    let mut text = String::new();
    for line in lines {
        let pieces = width.map_or_else(|| vec![line.clone()], |width| wrapped(&line, width));
        for (at, piece) in pieces.iter().enumerate() {
            let unmarked = drops_marks && random.one_in(3) || at > 0 && !wraps_behind_marks;
            match quote {
                Quote::Behind(mark) if !unmarked => text.push_str(mark),
                _ => {}
            }
            text.push_str(piece);
            text.push('\n');
        }
    }
    text
}

/// Characters that an old charset does not have.
fn recoded(text: &str) -> String {
    text.replace(['·', '№', '⟦', '⟧', '«', '»', '—', '…'], "?")
}

/// A reply of Sam's as it comes in, and the words in it that are his.
struct Reply {
    raw: Vec<u8>,
    tokens: Vec<String>,
}

fn reply(random: &mut Random, ours: &Ours) -> Reply {
    let mut tokens = Vec::new();
    let (header, quote) = quotation(random, ours);
    let drops_marks = random.one_in(6);
    let mut behind = quoted(random, ours, quote, drops_marks);
    let is_bare = !drops_marks && random.one_in(12);
    if is_bare {
        // What takes brackets for code.
        behind = behind.replace("[==", "").replace("==]", "");
    } else if random.one_in(12) {
        // Telephones run lines together.
        behind = format!("{}\n", behind.trim_end().replace('\n', " "));
    }
    let mut top = String::new();
    let command = |random: &mut Random| {
        (*random.pick(&[
            "#закрыть",
            "#взять",
            "#закрыть\n#взять",
            "#отправить",
            "#отмена",
            "#отправить без вложений",
            "#закрить",
        ]))
        .to_owned()
    };
    if random.one_in(16) {
        top.push_str("#заметка\n");
    } else if random.one_in(10) {
        let _ = writeln!(top, "{}", command(random));
    }
    if !random.one_in(12) {
        top.push_str(&own_words(random, &mut tokens));
    }
    if random.one_in(10) {
        let _ = write!(top, "\n\n{}", command(random));
    }
    if random.one_in(3) {
        top.push_str(random.pick::<&str>(&[
            "\n\n-- \nИван Смирнов",
            "\n\nС уважением,\nИван Смирнов",
            "\n\nОтправлено с iPhone",
            "\n\n--\nИван Смирнов\nтел. 123",
            "\nИван",
        ]));
    }
    let mut text = format!("{top}\n\n{header}{behind}");
    // In a quotation without marks nobody can tell whose a line is.
    let is_marked = matches!(quote, Quote::Behind(mark) if mark.contains('>'));
    // Nor, without its own marks, where a letter of ours ends.
    let may_type = !is_bare && !behind.is_empty();
    if random.one_in(8) && may_type && is_marked && !drops_marks && behind.lines().count() > 1 {
        let lines: Vec<&str> = behind.lines().collect();
        let at = 1 + random.below(lines.len() - 1);
        let (before, after) = (lines[..at].join("\n"), lines[at..].join("\n"));
        let between = own_words(random, &mut tokens);
        text = format!("{top}\n\n{header}{before}\n{between}\n{after}\n");
    } else if random.one_in(8) && may_type {
        let below = own_words(random, &mut tokens);
        let _ = write!(text, "\n{below}\n");
    }
    if random.one_in(6) {
        text = recoded(&text);
    }
    if random.one_in(12) {
        text.push_str("\n_______________________________________________\nsupport mailing list\n");
    }
    Reply {
        raw: raw(random, ours, &text),
        tokens,
    }
}

/// The bytes of the reply: its header as programs and providers leave it, its text as plain text or HTML.
fn raw(random: &mut Random, ours: &Ours, text: &str) -> Vec<u8> {
    let from = match random.below(20) {
        0 => "sam.two@staff.test",
        1 => "sam@home.test",
        2 => "third@other.test",
        3 => "sofia@staff.test",
        _ => "sam@staff.test",
    };
    let to = match random.below(24) {
        0 => "third@other.test",
        1 => "rita@family.test",
        _ => "help@school.test",
    };
    let prefix = if random.one_in(24) { "Fwd" } else { "Re" };
    let mut head = format!(
        "From: =?UTF-8?B?{}?= <{from}>\r\nTo: <{to}>\r\nSubject: =?UTF-8?B?{}?=\r\nDate: Mon, 23 Nov 2026 10:30:00 +0300\r\nMessage-ID: <reply@staff.test>\r\n",
        BASE64.encode("Иван Смирнов".as_bytes()),
        BASE64.encode(format!("{prefix}: {}", ours.subject).as_bytes()),
    );
    // Some providers write Message-IDs anew; the sentinel is left.
    if !random.one_in(10) {
        let id = &ours.message_id;
        let _ = write!(head, "In-Reply-To: <{id}>\r\nReferences: <{id}>\r\n");
    }
    head.push_str("MIME-Version: 1.0\r\n");
    let part = |kind: &str, text: &str| {
        let mut part = format!(
            "Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        );
        for line in BASE64.encode(text.as_bytes()).as_bytes().chunks(76) {
            let _ = write!(part, "{}\r\n", String::from_utf8_lossy(line));
        }
        part
    };
    match random.below(4) {
        0 => {
            let _ = write!(head, "{}", part("text/html", &html(random, text)));
        }
        1 => {
            let html = html(random, text);
            let _ = write!(
                head,
                "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n{}--b\r\n{}--b--\r\n",
                part("text/plain", text),
                part("text/html", &html)
            );
        }
        _ => {
            let _ = write!(head, "{}", part("text/plain", text));
        }
    }
    head.into_bytes()
}

/// The same text as HTML: lines as paragraphs, quoted ones in a blockquote or not.
fn html(random: &mut Random, text: &str) -> String {
    let (open, close) = *random.pick(&[
        ("<blockquote>", "</blockquote>"),
        (
            "<blockquote type=\"cite\" class=\"gmail_quote\">",
            "</blockquote>",
        ),
    ]);
    let in_paragraphs = random.one_in(2);
    let mut html = "<html><body>".to_owned();
    let mut inside = false;
    for line in text.lines() {
        let (is_quoted, line) = line
            .strip_prefix("> ")
            .map_or((line == ">", line), |rest| (true, rest));
        if is_quoted != inside {
            html.push_str(if is_quoted { open } else { close });
            inside = is_quoted;
        }
        let line = line
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        if in_paragraphs {
            let _ = write!(html, "<p>{line}</p>");
        } else {
            let _ = writeln!(html, "{line}<br>");
        }
    }
    html.push_str("</body></html>");
    html
}

fn ticket(number: i64) -> TicketFacts {
    TicketFacts {
        number,
        state: State::New,
        requester: Some(address("rita@family.test")),
        requester_name: CleanLine::new("Рита Петрова", 100),
        assignee: None,
        closed_at: None,
    }
}

/// The answer to a writer that a registration writes, and whether it is held.
fn answer(made: &Registration) -> Option<&Answer> {
    made.letters.iter().find_map(|letter| match letter {
        NewLetter::ToWriter {
            letter: WriterLetter::Answer(answer),
            ..
        } => Some(answer),
        _ => None,
    })
}

/// How the conversation went.
#[derive(Debug, Default)]
struct Seen {
    gone: u64,
    held: u64,
    other: u64,
}

fn converse(
    seed: u64,
    ours: &Ours,
    wording: &Wording,
    desk: &Desk,
    seen: &mut Seen,
) -> Result<(), String> {
    let mut random = Random(!seed);
    let Reply { raw, tokens } = reply(&mut random, ours);
    let mail = parse(&raw);
    let (key, now) = (key(), monday("10:30:00"));
    let proof = proof(&mail, &address("help@school.test"), desk, &key);
    let folded = |number| {
        (
            number,
            FoldedTicket {
                ticket: ticket(number),
                messages: vec![1],
            },
        )
    };
    let facts = Facts {
        received_by: Some(address("help@school.test")),
        specialist_ticket: proof
            .specialist_ticket
            .as_ref()
            .map(|(_, number)| ticket(*number)),
        digest: [77123, 77124].into_iter().map(folded).collect(),
        unsent: ours.unsent.clone(),
        since: ours.since.clone(),
        ..Facts::default()
    };
    let made = decide(&mail, &proof, &facts, desk, now);
    let fail = |what: &str| {
        Err(format!(
            "{what}\n--- letters: {:?}\n--- note: {:?}\n--- reason: {}\n--- from {:?}\n--- body:\n{}",
            made.letters,
            made.note,
            made.reason,
            mail.sender(),
            mail.body.as_str()
        ))
    };
    let Some(answer) = answer(&made) else {
        seen.other += 1;
        let note = made.note.as_ref().map_or("", |note| &note.body);
        let is_kept = tokens.iter().all(|token| note.contains(token))
            || made.reason.contains("token")
            || made.outcome == Outcome::Ticket
            || ours.is_digest
            || made.reason.contains("a command")
            || made.reason.contains("a word about");
        return if is_kept {
            Ok(())
        } else {
            fail("words are in no answer and in no note")
        };
    };
    if ours.is_digest {
        return fail("an answer to a digest");
    }
    let words = answer.words.as_str();
    if let Some(found) = internal().iter().find(|one| words.contains(one.as_str())) {
        return fail(&format!("{found} would reach the writer"));
    }
    if answer.held.is_some() {
        seen.held += 1;
        let note = made.note.as_ref().map_or("", |note| &note.body);
        return if tokens.iter().all(|token| note.contains(token)) {
            Ok(())
        } else {
            fail("words are missing from the note")
        };
    }
    seen.gone += 1;
    let mut rest = words;
    for token in &tokens {
        match rest.split_once(token.as_str()) {
            Some((_, after)) => rest = after,
            None => return fail(&format!("{token} is dropped in silence")),
        }
    }
    if seen.gone % 16 == 1 {
        let sent = to_writer(words, wording);
        if let Some(found) = internal().iter().find(|one| sent.contains(one.as_str())) {
            return fail(&format!("{found} reaches the writer"));
        }
    }
    Ok(())
}

/// The letter to the writer, as she reads it, header and all.
fn to_writer(words: &str, wording: &Wording) -> String {
    let language = wording.language;
    let rita = address("rita@family.test");
    let envelope = WriterEnvelope {
        message_id: key().message_id("answer", NUMBER, ENTRY, "W", &rita, "school.test"),
        references: vec!["first@family.test".to_owned()],
        desk: "Служба поддержки".to_owned(),
        from: address("help@school.test"),
        to: rita,
        to_name: CleanLine::new("Рита Петрова", 100),
        number: NUMBER,
        subject: CleanLine::new("Не сохраняется расписание", 200),
        now: monday("10:31:00"),
    };
    let content = WriterContent::Answer {
        author: "Иван Смирнов".to_owned(),
        words: words.to_owned(),
        quoted: "Не сохраняется.".to_owned(),
        files: Vec::new(),
        raw: Vec::new(),
    };
    let moments = Moments {
        language,
        zone: Tz::Europe__Moscow,
    };
    let draft = writer_letter::draft(&envelope, content, wording, moments).expect("words");
    let bytes = compose(&draft).expect("a mail");
    let read = parse(&bytes);
    let head = String::from_utf8_lossy(&bytes);
    let head = head.split("\r\n\r\n").next().unwrap_or_default().to_owned();
    format!("{head}\n{}\n{}", read.subject, read.body.as_str())
}

#[test]
fn nothing_internal_reaches_a_writer_and_no_own_word_is_lost() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let count = number("NINETOSIX_TEST_CONVERSATIONS").unwrap_or(CONVERSATIONS);
    let first = number("NINETOSIX_TEST_SEED").unwrap_or(1);
    let wordings = [Language::Ru, Language::En].map(Wording::new);
    let desk = desk();
    let mut seen = Seen::default();
    let mut failures = Vec::new();
    let mut last = None;
    for seed in first..first.saturating_add(count) {
        // Eight replies to each letter.
        let mut random = Random(seed / 8);
        let wording = random.pick(&wordings);
        let letter = match last.take() {
            Some((of, letter)) if of == seed / 8 => letter,
            _ => ours(&mut random, wording),
        };
        if let Err(what) = converse(seed, &letter, wording, &desk, &mut seen) {
            failures.push(format!("seed {seed}: {what}"));
        }
        last = Some((seed / 8, letter));
    }
    let some: Vec<&str> = failures.iter().take(10).map(String::as_str).collect();
    assert!(
        failures.is_empty(),
        "{} of {count}:\n{}",
        failures.len(),
        some.join("\n\n")
    );
    // Most of them say something.
    assert!(seen.gone * 4 > count && seen.held * 4 > count, "{seen:?}");
}
