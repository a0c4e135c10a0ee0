//! A look at the shape of a letter before a parser sees it (rule R11): one pass over its lines, which stops at the first
//! limit that is exceeded. The parser underneath is neither linear nor bounded on letters made to hurt; what this pass lets
//! through is small enough for it.

use std::ops::Range;

use memchr::memchr;

/// The limits of promises.md.
const PARSED_BYTES: usize = 40 * 1024 * 1024;
const HEADER_BYTES: usize = 256 * 1024;
const FIELD_BYTES: usize = 64 * 1024;
const FIELDS: usize = 1000;
const DEPTH: usize = 20;
const PARTS: usize = 500;
const LETTERS_IN_LETTERS: usize = 3;
const TEXT_BYTES: usize = 256 * 1024;

/// How much of a letter a parser may see.
#[derive(Debug, PartialEq)]
pub(super) enum Extent {
    /// All of it.
    Full,
    /// A shorter letter made of it: its header within limits and the beginning of its first text.
    Reduced {
        /// The bytes to parse instead.
        letter: Vec<u8>,
        /// Which limit it exceeds, in words.
        why: String,
    },
}

/// Returns how much of `raw` a parser may see.
pub(super) fn extent(raw: &[u8]) -> Extent {
    let mut scan = Scan::new(raw);
    let why = if raw.len() > PARSED_BYTES {
        // Still scanned for its first text.
        scan.run()
            .or_else(|| Some("it is larger than 40 MiB".to_owned()))
    } else {
        scan.run()
    };
    match why {
        None => Extent::Full,
        Some(why) => Extent::Reduced {
            letter: reduced(raw, &scan),
            why,
        },
    }
}

/// Returns a letter of nothing but the header of `raw`, within limits.
pub(super) fn header_only(raw: &[u8]) -> Vec<u8> {
    let scan = Scan::new(raw);
    let mut letter = within_limits(&raw[..header_end(raw, scan.at)], true);
    letter.extend_from_slice(b"\r\n");
    letter
}

/// Where the header begins: behind blank lines and a line of an mbox file (RFC 4155).
pub(super) fn begin(raw: &[u8]) -> usize {
    let mut at = raw
        .iter()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .count();
    let after = raw[at..]
        .strip_prefix(b"From ")
        .map(<[u8]>::trim_ascii_start);
    if after.is_some_and(|after| !after.starts_with(b":")) {
        at += line_length(&raw[at..]);
    }
    at
}

/// Returns the letter with what the parser stumbles over mended: spaces before the colon of a field (the old way of RFC 5322
/// section 4.5), and a last field that no line ends. `None` where nothing is to be mended.
pub(super) fn mended(raw: &[u8]) -> Option<Vec<u8>> {
    let begun = begin(raw);
    let end = header_end(raw, begun);
    let header = &raw[begun..end];
    let has_space = |field: &[u8]| {
        memchr(b':', field).is_some_and(|at| at > 0 && field[at - 1].is_ascii_whitespace())
    };
    let is_open = end == raw.len();
    if !is_open && !fields(header).any(has_space) {
        return None;
    }
    let mut mended = Vec::with_capacity(raw.len() + 4);
    for field in fields(header) {
        let at = memchr(b':', field)
            .filter(|_| has_space(field))
            .unwrap_or(0);
        mended.extend_from_slice(field[..at].trim_ascii_end());
        mended.extend_from_slice(&field[at..]);
    }
    mended.extend_from_slice(if is_open { b"\r\n\r\n" } else { &raw[end..] });
    Some(mended)
}

/// Returns what follows the header and its blank line.
pub(super) fn body(raw: &[u8]) -> &[u8] {
    let end = header_end(raw, begin(raw));
    &raw[end + blank_line(&raw[end..])..]
}

/// The first text of a letter: the header of its part, and its bytes.
struct FirstText {
    header: Range<usize>,
    body: Range<usize>,
}

struct Scan<'a> {
    raw: &'a [u8],
    at: usize,
    /// The boundaries of the multiparts that are open, from the outermost in, and how many letters are around each.
    open: Vec<(Vec<u8>, usize)>,
    parts: usize,
    text: Option<FirstText>,
}

/// What a header says of the part it begins.
#[derive(Default)]
struct Kind {
    boundary: Option<Vec<u8>>,
    is_letter: bool,
    is_text: bool,
}

impl<'a> Scan<'a> {
    fn new(raw: &'a [u8]) -> Self {
        Scan {
            raw,
            at: begin(raw),
            open: Vec::new(),
            parts: 0,
            text: None,
        }
    }

    /// Goes through the letter up to its end or to the first limit exceeded, which it names.
    fn run(&mut self) -> Option<String> {
        let mut letters = 0;
        let mut large = None;
        loop {
            let header = self.at..header_end(self.raw, self.at);
            // Too large a header is no reason not to look for the text.
            large = large.or_else(|| exceeds(&self.raw[header.clone()]));
            let kind = kind(&self.raw[header.clone()]);
            self.at = header.end;
            if kind.is_letter {
                letters += 1;
                if letters > LETTERS_IN_LETTERS {
                    return Some(format!(
                        "it has letters in letters, more than {LETTERS_IN_LETTERS} deep"
                    ));
                }
                self.at += blank_line(&self.raw[self.at..]);
                continue;
            }
            if let Some(boundary) = kind.boundary {
                if self.open.len() == DEPTH {
                    return Some(format!("its parts are nested more than {DEPTH} deep"));
                }
                self.open.push((boundary, letters));
            } else if kind.is_text && self.text.is_none() {
                let begin = self.at + blank_line(&self.raw[self.at..]);
                self.text = Some(FirstText {
                    header,
                    body: begin..self.raw.len(),
                });
            }
            match self.next_part() {
                Some(around) => letters = around,
                None => return large,
            }
            self.parts += 1;
            if self.parts > PARTS {
                return Some(format!("it has more than {PARTS} parts"));
            }
        }
    }

    /// Goes to the header of the next part; how many letters are around it, or `None` at the end of the letter.
    fn next_part(&mut self) -> Option<usize> {
        while self.at < self.raw.len() && !self.open.is_empty() {
            let line = &self.raw[self.at..self.at + line_length(&self.raw[self.at..])];
            let begun = self.at;
            self.at += line.len();
            let Some(rest) = line.strip_prefix(b"--") else {
                continue;
            };
            // A boundary may begin with another one: the innermost that fits is meant.
            let Some(level) = self
                .open
                .iter()
                .rposition(|(boundary, _)| rest.starts_with(boundary))
            else {
                continue;
            };
            if let Some(text) = &mut self.text
                && text.body.end == self.raw.len()
            {
                text.body.end = begun;
            }
            let is_last = rest[self.open[level].0.len()..].starts_with(b"--");
            let letters = self.open[level].1;
            self.open.truncate(if is_last { level } else { level + 1 });
            if !is_last {
                return Some(letters);
            }
        }
        None
    }
}

/// The length of the first line with its end.
fn line_length(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

fn blank_line(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => 0,
    }
}

/// Where the header that begins at `from` ends: at a blank line, or at the end.
fn header_end(raw: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < raw.len() && blank_line(&raw[at..]) == 0 {
        at += line_length(&raw[at..]);
    }
    at
}

/// The fields of a header, each with its continuations.
fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = line_length(rest);
        while rest.get(end).is_some_and(|b| matches!(b, b' ' | b'\t')) {
            end += line_length(&rest[end..]);
        }
        let (field, after) = rest.split_at(end);
        rest = after;
        Some(field)
    })
}

fn exceeds(header: &[u8]) -> Option<String> {
    if header.len() > HEADER_BYTES {
        return Some("its header is larger than 256 KiB".to_owned());
    }
    let mut count = 0;
    for field in fields(header) {
        count += 1;
        if field.len() > FIELD_BYTES {
            return Some("a field of its header is larger than 64 KiB".to_owned());
        }
        if count > FIELDS {
            return Some(format!("its header has more than {FIELDS} fields"));
        }
    }
    None
}

fn name(field: &[u8]) -> &[u8] {
    let end = memchr(b':', field).unwrap_or(0);
    field[..end].trim_ascii()
}

/// What the part is that a header begins (RFC 2045 section 5). Parts of a digest are letters (RFC 2046 section 5.1.5), which
/// is left to the count of parts.
fn kind(header: &[u8]) -> Kind {
    let field = fields(header).find(|field| name(field).eq_ignore_ascii_case(b"Content-Type"));
    let Some(field) = field else {
        return Kind {
            is_text: true,
            ..Kind::default()
        };
    };
    let value = field.get(name(field).len() + 1..).unwrap_or_default();
    let value = String::from_utf8_lossy(value);
    let lower = value
        .trim_start_matches([':', ' ', '\t', '\r', '\n'])
        .to_ascii_lowercase();
    Kind {
        boundary: lower
            .starts_with("multipart/")
            .then(|| super::words::parameter(value.as_bytes(), "boundary"))
            .flatten()
            .filter(|boundary| !boundary.is_empty())
            .map(String::into_bytes),
        is_letter: lower.starts_with("message/rfc822")
            || lower.starts_with("message/global;")
            || lower.trim() == "message/global",
        is_text: lower.starts_with("text/") || lower.is_empty(),
    }
}

/// A letter of the header within limits and the first text.
fn reduced(raw: &[u8], scan: &Scan<'_>) -> Vec<u8> {
    let begun = begin(raw);
    let mut letter = within_limits(&raw[begun..header_end(raw, begun)], true);
    let Some(text) = &scan.text else {
        letter.extend_from_slice(b"\r\n");
        return letter;
    };
    let header = within_limits(&raw[text.header.clone()], false);
    for field in fields(&header).filter(|field| is_of_content(field)) {
        letter.extend_from_slice(field);
    }
    letter.extend_from_slice(b"\r\n");
    let end = text.body.end.min(text.body.start + TEXT_BYTES);
    letter.extend_from_slice(raw.get(text.body.start..end).unwrap_or_default());
    letter
}

fn is_of_content(field: &[u8]) -> bool {
    name(field)
        .get(..8)
        .is_some_and(|begin| begin.eq_ignore_ascii_case(b"Content-"))
}

/// The fields of a header that are within limits, as many as fit; without those about the content if `outer`.
fn within_limits(header: &[u8], outer: bool) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut room = HEADER_BYTES;
    for field in fields(header).take(FIELDS) {
        if field.len() > FIELD_BYTES || field.len() > room || (outer && is_of_content(field)) {
            continue;
        }
        room -= field.len();
        kept.extend_from_slice(field);
        if !field.ends_with(b"\n") {
            kept.extend_from_slice(b"\r\n");
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(raw: &[u8]) -> String {
        match extent(raw) {
            Extent::Full => String::new(),
            Extent::Reduced { why, .. } => why,
        }
    }

    fn letter(raw: &str) -> String {
        match extent(raw.as_bytes()) {
            Extent::Full => String::new(),
            Extent::Reduced { letter, .. } => String::from_utf8_lossy(&letter).into_owned(),
        }
    }

    const HEAD: &str = "From: rita@family.test\r\nSubject: s\r\n";

    #[test]
    fn ordinary_letters_are_read_whole() {
        for raw in [
            "",
            "\r\n",
            "From: a@b.test\r\n\r\nbody\r\n",
            "From a@b.test Mon Nov 23\r\nFrom: a@b.test\r\n\r\nbody",
            "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n",
        ] {
            assert_eq!(extent(raw.as_bytes()), Extent::Full, "{raw}");
        }
        // Many lines that look like boundaries and are none.
        let text = format!("{HEAD}\r\n{}", "--b\r\n".repeat(10_000));
        assert_eq!(extent(text.as_bytes()), Extent::Full);
    }

    #[test]
    fn each_limit_is_named() {
        let nested = |count: usize| {
            let mut raw = HEAD.to_owned();
            for level in 0..count {
                raw.push_str(&format!(
                    "Content-Type: multipart/mixed; boundary=b{level}x\r\n\r\n--b{level}x\r\n"
                ));
            }
            raw + "\r\ntext"
        };
        let letters = |count: usize| {
            format!(
                "{HEAD}{}Subject: x\r\n\r\ntext",
                "Content-Type: message/rfc822\r\n\r\n".repeat(count)
            )
        };
        let parts = |count: usize| {
            format!(
                "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n",
                "--b\r\n\r\nx\r\n".repeat(count)
            )
        };
        for (raw, want) in [
            (nested(DEPTH), ""),
            (nested(DEPTH + 1), "nested"),
            (nested(100_000), "nested"),
            (letters(LETTERS_IN_LETTERS), ""),
            (letters(LETTERS_IN_LETTERS + 1), "letters in letters"),
            (parts(PARTS), ""),
            (parts(PARTS + 1), "parts"),
            (
                format!("{HEAD}{}\r\nx", "X-A: b\r\n".repeat(FIELDS)),
                "fields",
            ),
            (
                format!("{HEAD}X-A: {}\r\n\r\nx", "b".repeat(FIELD_BYTES)),
                "64 KiB",
            ),
            (
                format!(
                    "{HEAD}{}\r\nx",
                    format!("X-A: {}\r\n", "b".repeat(9000)).repeat(40)
                ),
                "256 KiB",
            ),
            (
                format!(
                    "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment{}\r\n\r\nx\r\n--b--",
                    "; filename*1=a".repeat(10_000)
                ),
                "64 KiB",
            ),
        ] {
            let got = why(raw.as_bytes());
            assert!(
                got.contains(want) && got.is_empty() == want.is_empty(),
                "{want}: {got}"
            );
        }
        assert!(why(&vec![b'a'; PARSED_BYTES + 1]).contains("256 KiB"));
        let large = format!("{HEAD}\r\n{}", "text\r\n".repeat(PARSED_BYTES / 6));
        assert!(why(large.as_bytes()).contains("40 MiB"));
    }

    #[test]
    fn a_reduced_letter_keeps_its_header_and_the_first_text() {
        let raw = format!(
            "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nwords\r\n{}",
            "--b\r\n\r\nx\r\n".repeat(PARTS + 1)
        );
        assert_eq!(
            letter(&raw),
            format!("{HEAD}Content-Type: text/plain; charset=koi8-r\r\n\r\nwords\r\n")
        );
        let raw = format!("{HEAD}To: {}\r\n\r\nwords", "a@b.test, ".repeat(10_000));
        assert_eq!(letter(&raw), format!("{HEAD}\r\nwords"));
        let raw = format!("{HEAD}\r\n{}", "text\r\n".repeat(PARSED_BYTES / 6));
        assert!(letter(&raw).len() < TEXT_BYTES + 200);
    }

    #[test]
    fn a_scan_takes_linear_time() {
        for line in [
            "--b\r\n",
            "--",
            "\r\n",
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
            " ;",
            ":",
            "From ",
        ] {
            // A quadratic step would not end within the patience of a developer.
            let _ = extent(line.repeat(4_000_000 / line.len()).as_bytes());
        }
    }
}
