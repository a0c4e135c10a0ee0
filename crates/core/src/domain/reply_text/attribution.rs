//! Finds the line that a mail program writes above what it quotes: "On Monday, Anna wrote:".
//!
//! It is known by its shape and not by its sentence: a date, a time or an address, a verb of writing in some
//! language, a colon at the end. RFC 3676 and RFC 5322 know no such line; each program has its own.

use super::line::{Line, Mark, joined, words};

/// Verbs of the programs that people here use. A quote under one needs no other mark.
#[rustfmt::skip]
const VERBS: [&str; 11] = [
    "пишет", "писал", "писали", "написал", "написали", "написав", "пише", "сообщает", "сообщил", "wrote", "writes",
];
/// Verbs of other languages: a quote under one is cut, but not taken for certain.
#[rustfmt::skip]
const OTHER_VERBS: [&str; 52] = [
    "schrieb", "schrieben", "geschrieben", "écrit", "ecrit", "écrivait", "escribió", "escribio", "escrito", "escreveu", "escribiu",
    "scritto", "scrisse", "scrive", "schreef", "geschreven", "skrev", "skreiv", "kirjoitti", "kirjutas", "napisał", "napisała", "pisze",
    "napsal", "napísal", "napisal", "napisao", "napisala", "napsala", "пісаў", "напісаў", "написа", "написала", "написао",
    "напише", "пишува", "yazdı", "yazmış", "írta", "scris", "έγραψε", "έγραψες", "rašė", "rakstīja", "viết",
    "menulis", "said", "says", "כתב", "كتب", "escrigué", "escriure",
];
/// Verbs of languages that put no space around them.
#[rustfmt::skip]
const JOINED_VERBS: [&str; 14] = [
    "写道", "寫道", "写到", "撰写", "书写", "のメール", "書きました", "さんは", "작성", "썼습니다", "님이", "เขียน", "נכתב", "yazdi",
];
/// "Quoting Anna <anna@x.example>:", as Horde writes.
#[rustfmt::skip]
const QUOTING: [&str; 9] = [
    "quoting", "цитирую", "цитирование", "цитата", "zitat", "citando", "citation", "citerar", "cytowanie",
];
/// What a wrapped attribution begins with, besides a digit.
#[rustfmt::skip]
const OPENINGS: [&str; 75] = [
    "on", "в", "во", "вы", "you", "от", "am", "le", "el", "em", "en", "il", "op", "den", "dnia", "dne", "dňa", "at", "um", "på",
    "пн", "вт", "ср", "чт", "пт", "сб", "вс", "понедельник", "вторник", "среда", "среду", "четверг", "пятница", "пятницу",
    "суббота", "субботу", "воскресенье", "понеділок", "вівторок", "середа", "неділя", "нд", "на", "у", "w", "v", "la", "dana",
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
    "sunday", "pe", "ma", "ti", "ke", "to", "στις", "vào", "pada", "sv", "kl", "dato", "בתאריך", "في",
];
/// An attribution has at most so many bytes, and so many lines.
const ATTRIBUTION_BYTES: usize = 800;
const ATTRIBUTION_LINES: usize = 5;

/// An attribution of some lines, the last of which was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribution {
    /// Its first line.
    pub(super) begun: usize,
    /// A program must have written it: a date, and an address or a verb where programs put them.
    pub(super) sure: bool,
    /// It has a date or an address: nobody quotes so by hand.
    pub(super) dated: bool,
    /// Known only by the verb of another language or by a rarer shape.
    pub(super) rare: bool,
}

/// Finds the attribution that ends here, whether or not a quote follows.
pub(super) fn attribution(lines: &[Line<'_>], end: usize) -> Option<Attribution> {
    if is_dashed_attribution(&lines[end]) || is_bare_stamp(lines, end) {
        return Some(Attribution {
            begun: end,
            sure: false,
            dated: true,
            rare: true,
        });
    }
    if !lines[end].key.ends_with(':') {
        return None;
    }
    let windows = windows(lines, end);
    let found = |proof: &dyn Fn(&str) -> bool| windows.iter().find(|(_, text)| proof(text));
    let closed = |text: &str| ends_with_verb(text) || ends_with_address(text);
    let native =
        found(&|text| has_date(text) && (words(text).any(is_verb) || ends_with_address(text)))
            .or_else(|| found(&|text| (has_time(text) || text.starts_with("on ")) && closed(text)))
            .or_else(|| found(&|text| text.contains('@') && ends_with_verb(text)));
    if let Some((begun, text)) = native {
        return Some(Attribution {
            begun: *begun,
            sure: has_date(text) && text.contains('@') && closed(text),
            dated: has_date(text) || text.contains('@'),
            rare: false,
        });
    }
    let rare = found(&|text| (has_date(text) || has_time(text)) && has_other_verb(text))
        .or_else(|| found(&|text| text.contains('@') && (has_other_verb(text) || is_quoting(text))))
        .or_else(|| {
            found(&|text| has_date(text) && has_time(text) && ends_with_plain_address(text))
        });
    rare.map(|(begun, _)| Attribution {
        begun: *begun,
        sure: false,
        dated: true,
        rare: true,
    })
}

/// An attribution in any wording, believed because a quote follows it: its first line.
pub(super) fn loose_attribution(lines: &[Line<'_>], end: usize) -> Option<usize> {
    if let Some(found) = attribution(lines, end) {
        return Some(found.begun);
    }
    let key = &lines[end].key;
    if key.len() > ATTRIBUTION_BYTES {
        return None;
    }
    let stamped = || has_date(key) || has_time(key);
    let likely = || ends_with_verb(key) || stamped() || key.contains('@');
    if key.ends_with(':') {
        return likely().then_some(end);
    }
    // Some programs leave the colon out.
    let named = |text: &str| {
        let is_stamped = has_time(text) && text.contains('@') && words(text).count() <= 16;
        has_date(text)
            && !text.ends_with(['.', '!', '?'])
            && (ends_with_address(text)
                || ends_with_verb(text)
                || has_other_verb(text)
                || is_stamped)
    };
    let windows = windows(lines, end);
    windows
        .iter()
        .find(|(_, text)| named(text))
        .map(|(begun, _)| *begun)
}

/// Whether quoted lines begin with an attribution, as Apple Mail writes it inside the quotation.
pub(super) fn quoted_attribution(lines: &[Line<'_>]) -> bool {
    let head: Vec<&str> = lines
        .iter()
        .filter(|line| !line.key.is_empty())
        .take(3)
        .take_while(|line| line.mark == Mark::Quote && line.key.len() <= ATTRIBUTION_BYTES)
        .map(|line| line.key.as_str())
        .collect();
    let told = |text: &str| {
        let verb = words(text).any(is_verb) || has_other_verb(text);
        text.ends_with(':')
            && (has_date(text) || has_time(text))
            && (verb || ends_with_address(text))
    };
    (1..=head.len()).any(|count| told(&head[..count].join(" ")))
}

/// A line without a date or an address that still may be the header of a quote: "АИС пишет:".
pub(super) fn reads_like_one(line: &Line<'_>) -> bool {
    let key = line.key.as_str();
    let addressed = key.contains('@') && (key.contains('<') || has_date(key));
    key.ends_with(':') && (addressed || ends_with_verb(key))
}

/// The texts of one to five lines that end here and might be an attribution, the shortest first.
fn windows(lines: &[Line<'_>], end: usize) -> Vec<(usize, String)> {
    let mut windows = Vec::new();
    let (mut bytes, mut blanks) = (0, 0);
    for begun in (0..=end).rev().take(ATTRIBUTION_LINES) {
        let line = &lines[begun];
        if line.is_blank() {
            // A blank line is inside one only where an address was broken off alone.
            blanks += 1;
            if blanks > 1 || begun == end || !lines[begun + 1].key.starts_with('<') {
                break;
            }
            continue;
        }
        bytes += line.key.len() + 1;
        if line.mark != Mark::None || bytes > ATTRIBUTION_BYTES {
            break;
        }
        if begun == end || opens_attribution(&line.key) {
            windows.push((begun, joined(&lines[begun..=end])));
        }
    }
    windows
}

/// The first line of a wrapped attribution starts with a date, a weekday or a preposition, or names an
/// address; anything else directly above an attribution is the author's.
fn opens_attribution(line: &str) -> bool {
    let first = words(line).next().unwrap_or("");
    let dated = first.starts_with(|c: char| c.is_ascii_digit()) || OPENINGS.contains(&first);
    dated || line.contains('@') || line.ends_with('<')
}

/// "---- On Tue, 22 Dec 2015 14:17:36 +0530 Anna wrote ----", as Zoho writes.
fn is_dashed_attribution(line: &Line<'_>) -> bool {
    let key = line.key.as_str();
    let framed = line.mark == Mark::None && line.is_dashed() && key.ends_with("--");
    let told = || words(key).any(is_verb) || has_other_verb(key);
    let is_groupwise = line.raw.starts_with(">>>");
    framed && key.len() <= ATTRIBUTION_BYTES && has_date(key) && (told() || is_groupwise)
}

/// "2016-03-03 17:21 GMT+01:00 Anna", a line of its own: nobody writes the zone of a time by hand.
fn is_bare_stamp(lines: &[Line<'_>], at: usize) -> bool {
    let key = lines[at].key.as_str();
    let zoned = key.starts_with(|c: char| c.is_ascii_digit()) && key.contains(" gmt");
    let blank = |at: Option<usize>| at.and_then(|at| lines.get(at)).is_none_or(Line::is_blank);
    let stamped = zoned && key.len() < 100 && has_date(key) && has_time(key);
    let named = || key.ends_with(|c: char| c.is_alphabetic() || c == '>');
    let alone = || blank(at.checked_sub(1)) && blank(Some(at + 1));
    stamped && lines[at].mark == Mark::None && named() && alone()
}

fn is_verb(word: &str) -> bool {
    VERBS.contains(&word.trim_end_matches('а'))
}

fn has_other_verb(text: &str) -> bool {
    words(text).any(|word| OTHER_VERBS.contains(&word))
        || JOINED_VERBS.iter().any(|verb| text.contains(verb))
}

fn is_quoting(text: &str) -> bool {
    words(text)
        .next()
        .is_some_and(|word| QUOTING.contains(&word))
        && ends_with_address(text)
}

/// Whether a text is one verb of writing, or none and nothing else: what may follow a broken address.
pub(super) fn is_rest_of_attribution(text: &str) -> bool {
    let mut words = words(text);
    words.all(|word| {
        is_verb(word) || OTHER_VERBS.contains(&word) || matches!(word, "a" | "ha" | "а")
    })
}

/// Ends with "пишет:", "написал(а):" or the like, and not with a date after the verb.
pub(super) fn ends_with_verb(text: &str) -> bool {
    let stem = text.trim_end_matches([':', ' ', '(', ')', '-', 'а']);
    let last = stem.rsplit(|c: char| !c.is_alphabetic()).next();
    text.ends_with(':') && last.is_some_and(is_verb)
}

fn ends_with_address(text: &str) -> bool {
    text.contains('@') && text.trim_end_matches([':', ' ']).ends_with(['>', ']'])
}

/// Ends with an address without brackets: "… 10:14 от anna@x.example:".
fn ends_with_plain_address(text: &str) -> bool {
    let last = text.trim_end_matches([':', ' ']).rsplit(' ').next();
    last.and_then(|last| last.split_once('@'))
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        && opens_attribution(text)
}

/// A year, or a day, month and year of two digits.
pub(super) fn has_date(text: &str) -> bool {
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let year = |run: &str| run.len() == 4 && (run.starts_with("19") || run.starts_with("20"));
    let day = |token: &str| token.split(['.', '/', '-']).take_while(digits).count() >= 3;
    text.split(|c: char| !c.is_ascii_digit()).any(year) || text.split([' ', ',']).any(day)
}

fn has_time(text: &str) -> bool {
    let clock = |w: &[u8]| w[0].is_ascii_digit() && w[1] == b':' && w[2].is_ascii_digit();
    text.as_bytes().windows(3).any(clock)
}
