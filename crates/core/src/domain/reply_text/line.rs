//! Reads a text as lines: where each starts, its words as they are compared, and whether it is marked as quoted.

use super::attribution::{has_date, is_rest_of_attribution};

/// How a line is marked as quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// By a sign that own words use too (`|` in a table): believed only below a cut.
    Loose,
    /// By `>`, alone or behind initials as The Bat! writes it (`ИС>`).
    Quote,
}

/// One line: where it starts in the text, and its folded words without quote marks and bold asterisks.
pub(super) struct Line<'a> {
    pub(super) raw: &'a str,
    pub(super) start: usize,
    pub(super) key: String,
    pub(super) mark: Mark,
}

/// Returns a text as it is compared: lower case, ё as е, one kind of space and only one of it, no
/// invisible characters, full-width marks as plain ones. Line ends become spaces.
pub(in crate::domain) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => continue,
            '\u{feff}' | '\u{ad}' => continue,
            c if c.is_whitespace() => ' ',
            '＞' => '>',
            '［' => '[',
            '］' => ']',
            '＝' => '=',
            '：' => ':',
            c => c,
        };
        if c != ' ' || !folded.ends_with(' ') {
            match c {
                // The letters most texts consist of, without a table.
                'a'..='z' | 'а'..='я' | '0'..='9' | ' ' => folded.push(c),
                'A'..='Z' => folded.push(c.to_ascii_lowercase()),
                'А'..='Я' => folded.extend(char::from_u32(u32::from(c) + 32)),
                'ё' | 'Ё' => folded.push('е'),
                c => folded.extend(c.to_lowercase()),
            }
        }
    }
    folded
}

/// The words of a text, whatever stands between them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// The keys of lines as one text.
pub(super) fn joined(lines: &[Line<'_>]) -> String {
    let keys: Vec<&str> = lines.iter().map(|line| line.key.as_str()).collect();
    keys.join(" ")
}

/// Reads the lines of a text.
pub(super) fn read(text: &str) -> Vec<Line<'_>> {
    let (mut next, mut open) = (0, 0_usize);
    let mut lines = Vec::new();
    let pieces = text.split_inclusive('\n').flat_map(apart);
    for whole in pieces {
        let raw = whole.trim_end_matches(['\n', '\r']);
        let mut line = Line::new(raw, next);
        next += whole.len();
        // A wrapped attribution may break inside an address: `Anna <anna@x.example` and then `> wrote:`.
        if open > 0 && line.mark == Mark::Quote && closes_address(raw) {
            line.mark = Mark::None;
        }
        open = match line.mark {
            Mark::None if !line.is_blank() => {
                let count = |sign| raw.bytes().filter(|b| *b == sign).count();
                (open + count(b'<')).saturating_sub(count(b'>')).min(2)
            }
            _ => 0,
        };
        lines.push(line);
    }
    lines
}

/// A line, divided where some programs let words run on into the attribution: "Yes, it is. On Monday, Anna wrote:".
fn apart(whole: &str) -> impl Iterator<Item = &str> {
    let line = whole.trim_end();
    let is_long = line.len() > 1000;
    let at = (!is_long && line.ends_with("wrote:"))
        .then(|| line.rfind(" On ").map(|at| at + 1))
        .flatten()
        .filter(|at| words(&line[..*at]).next().is_some() && !line.trim_start().starts_with('>'))
        .filter(|at| has_date(&fold(&line[*at..])));
    let (words, rest) = whole.split_at(at.unwrap_or(0));
    [words, rest].into_iter().filter(|piece| !piece.is_empty())
}

/// `>:` or `> wrote:`, the rest of an address that a mail program broke before its last sign.
fn closes_address(raw: &str) -> bool {
    let rest = raw.trim().strip_prefix('>').unwrap_or_default();
    rest.len() < 60 && rest.ends_with([':', '：']) && is_rest_of_attribution(&fold(rest))
}

impl<'a> Line<'a> {
    fn new(raw: &'a str, start: usize) -> Self {
        let folded = fold(raw);
        let folded = folded.trim();
        let letters = raw.trim_start().chars().take(4);
        let initials = letters.take_while(|c| c.is_uppercase()).count();
        let after = folded.char_indices().nth(initials);
        let after = after.map_or("", |(at, _)| &folded[at..]);
        // ">>> Anna <anna@x.example> 23.11.2026 10:14 >>>", as GroupWise writes above what it does not mark.
        let is_framed =
            raw.starts_with(">>>") && raw.trim_end().ends_with(">>>") && has_date(folded);
        let marked = match initials {
            _ if is_framed => false,
            0 => after.starts_with(['>', '›']) || after.starts_with("&gt;"),
            // "ИС> да", but neither "A>B" nor "МЕНЮ> Вид".
            _ => {
                initials < 4 && (after == ">" || after.starts_with("> ") || after.starts_with(">>"))
            }
        };
        let (mark, rest) = if marked {
            (Mark::Quote, after)
        } else if folded.starts_with(['|', '¦', '│', '┃', '»']) {
            (Mark::Loose, folded)
        } else {
            (Mark::None, folded)
        };
        let mut key = rest.trim_start_matches(['>', '›', '|', '¦', '│', '┃', '»', '*', '•', ' ']);
        while let Some(inner) = key.strip_prefix("&gt;") {
            key = inner.trim_start();
        }
        let key = if is_framed {
            format!("--{}--", key.trim_end_matches(['>', ' ']))
        } else {
            key.to_owned()
        };
        Line {
            raw,
            start,
            key,
            mark,
        }
    }

    pub(super) fn is_blank(&self) -> bool {
        self.key.is_empty() && self.mark == Mark::None
    }

    pub(super) fn has_sentinel(&self) -> bool {
        self.key.contains("[==") || self.key.contains("==]")
    }

    pub(super) fn is_sentinel(&self) -> bool {
        let before = self.key.split_once("[==").map(|(before, _)| before);
        before.is_some_and(|before| words(before).next().is_none())
    }

    /// The label of a line like "Тема: замена", folded.
    pub(super) fn label(&self) -> &str {
        let label = self.key.split_once(':').map_or("", |(label, _)| label);
        label.trim_end_matches(['*', ' '])
    }

    pub(super) fn is_dashed(&self) -> bool {
        self.key.starts_with("--")
    }

    /// The two dashes of a signature, also as telephones join them.
    pub(super) fn is_dashes(&self) -> bool {
        matches!(self.key.as_str(), "--" | "—" | "–")
    }

    /// Only dashes or underscores, as drawn between an answer and a quote.
    pub(super) fn is_rule(&self) -> bool {
        self.key.len() > 2 && self.key.chars().all(|c| "-_=—–*~ ".contains(c))
    }

    /// Nothing but signs that people and programs draw lines with; bold asterisks are not in the key.
    pub(super) fn is_drawn(&self) -> bool {
        let drawn = |c: char| "-_=—–*~#+ᐧ•. ".contains(c);
        let signs = self.raw.trim();
        self.mark == Mark::None
            && signs.chars().all(drawn)
            && (signs.chars().count() > 1 || signs == "ᐧ")
            && !signs.starts_with('.')
    }
}
