//! The fields of a header, by their bytes: where it ends, one field after the other, and the limits on them.
//!
//! Programs leave out the blank line, put spaces before colons, and lines between fields that are none; a reader finds the
//! fields all the same.

use std::borrow::Cow;

use memchr::memchr;

/// The limits of promises.md.
const HEADER_BYTES: usize = 256 * 1024;
const FIELD_BYTES: usize = 64 * 1024;
const FIELDS: usize = 1000;
/// Fields that show that a header goes on behind a line that is none of it.
const KNOWN: [&str; 16] = [
    "received",
    "return-path",
    "from",
    "to",
    "cc",
    "reply-to",
    "sender",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
];

/// The length of the first line with its end.
pub(super) fn line_length(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1)
}

/// Where a header begins in a letter: behind a byte order mark, blank lines and a line of an mbox file (RFC 4155).
pub(super) fn begin(raw: &[u8]) -> usize {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    let mut at = if raw.starts_with(MARK) { MARK.len() } else { 0 };
    at += raw[at..]
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

/// Divides a letter or a part into its header and its body. The header ends at a blank line, or before a line that can be
/// no part of a header.
pub(super) fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    let mut has_field = false;
    while at < raw.len() {
        let line = &raw[at..at + line_length(&raw[at..])];
        let next = at + line.len();
        let is_blank = line.iter().all(|b| matches!(b, b'\r' | b'\n'));
        if is_blank {
            return (&raw[..at], &raw[next..]);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            // White space alone continues a field (RFC 5322 section 4.2), where more of the header follows.
            let after = &raw[next..];
            if !has_field || !(goes_on(after) || after.is_empty()) {
                return (&raw[..at], after);
            }
        } else if matches!(line[0], b' ' | b'\t') {
            // The first field may be set in.
            if !has_field && !is_field(line) {
                return (&raw[..at], &raw[at..]);
            }
            has_field = true;
        } else if is_field(line) {
            has_field = true;
        } else if !has_known_field(&raw[next..]) {
            return (&raw[..at], &raw[at..]);
        }
        at = next;
    }
    (raw, &[])
}

/// Whether a header goes on here: with a field, or with the blank line that ends it.
fn goes_on(rest: &[u8]) -> bool {
    const LINES: usize = 10;
    let mut rest = rest;
    let mut has_words = false;
    for _ in 0..LINES {
        let line = &rest[..line_length(rest)];
        if line.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            return !has_words;
        }
        if !matches!(line[0], b' ' | b'\t') {
            return is_field(line);
        }
        has_words |= !line.trim_ascii().is_empty();
        rest = &rest[line.len()..];
    }
    false
}

/// Whether one of the next lines is a field that every program knows, before the header ends.
fn has_known_field(rest: &[u8]) -> bool {
    const LINES: usize = 3;
    let mut rest = rest;
    for _ in 0..LINES {
        let line = &rest[..line_length(rest)];
        if line.trim_ascii().is_empty() {
            return false;
        }
        let name = name(line);
        if is_field(line)
            && KNOWN
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        {
            return true;
        }
        rest = &rest[line.len()..];
    }
    false
}

/// Whether a line begins a field: a name of printable characters, at times with spaces behind it (RFC 5322 section 4.5),
/// and a colon.
fn is_field(line: &[u8]) -> bool {
    let name = memchr(b':', line).map(|at| trimmed(&line[..at]));
    name.is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic))
}

/// The fields of a header, each with its continuations.
pub(super) fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let mut end = line_length(rest);
            while rest.get(end).is_some_and(|b| matches!(b, b' ' | b'\t')) {
                end += line_length(&rest[end..]);
            }
            let (field, after) = rest.split_at(end);
            rest = after;
            if is_field(field) {
                return Some(field);
            }
        }
    })
}

/// The name of a field.
pub(super) fn name(field: &[u8]) -> &[u8] {
    let end = memchr(b':', field).unwrap_or(0);
    trimmed(&field[..end])
}

/// Without blanks around it; other white space is no part of a field's name.
fn trimmed(name: &[u8]) -> &[u8] {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let begin = name.iter().position(|b| !is_blank(b)).unwrap_or(name.len());
    let end = name
        .iter()
        .rposition(|b| !is_blank(b))
        .map_or(begin, |at| at + 1);
    &name[begin..end]
}

/// Whether a header that ended before `at` without a blank line goes on for others, up to the first blank line, with a From
/// in it.
pub(super) fn goes_on_for_others(body: &[u8], at: usize, raw: &[u8]) -> bool {
    let is_ended = at == 0 || raw[..at].ends_with(b"\n\r\n") || raw[..at].ends_with(b"\n\n");
    if is_ended {
        return false;
    }
    let mut rest = body;
    while !rest.is_empty() && !rest.starts_with(b"\n") && !rest.starts_with(b"\r\n") {
        let (line, after) = rest.split_at(line_length(rest));
        if name(line).eq_ignore_ascii_case(b"From") {
            return true;
        }
        rest = after;
    }
    false
}

/// What stands behind the colon of a field, with its line ends inside.
pub(super) fn value(field: &[u8]) -> &[u8] {
    let begin = memchr(b':', field).map_or(field.len(), |at| at + 1);
    field[begin..].trim_ascii()
}

/// Returns the limit that a header exceeds, in words.
pub(super) fn exceeds(header: &[u8]) -> Option<String> {
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

/// Returns the fields that are within limits, as many as fit, in the plainest form: the name, a colon, the value, CRLF.
pub(super) fn within_limits(header: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(header.len().min(HEADER_BYTES));
    let mut room = HEADER_BYTES;
    for field in fields(header).take(FIELDS) {
        if field.len() > FIELD_BYTES || field.len() > room {
            continue;
        }
        room -= field.len();
        kept.extend_from_slice(name(field));
        kept.extend_from_slice(b": ");
        kept.extend_from_slice(value(field));
        kept.extend_from_slice(b"\r\n");
    }
    kept
}

/// Whether a field is about the content of its part (RFC 2045 section 9).
pub(super) fn is_of_content(field: &[u8]) -> bool {
    name(field)
        .get(..8)
        .is_some_and(|begin| begin.eq_ignore_ascii_case(b"Content-"))
}

/// The letter with line ends that everybody knows: one that has only CR, as old Macs wrote, gets LF.
pub(super) fn with_lines(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\n', raw).is_some() || memchr(b'\r', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let lines = raw.iter().map(|b| if *b == b'\r' { b'\n' } else { *b });
    Cow::Owned(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_where_a_reader_sees_its_end() {
        for (raw, header, body) in [
            ("A: b\r\n\r\nc", "A: b\r\n", "c"),
            ("A: b\nC: d\n\nc", "A: b\nC: d\n", "c"),
            ("\r\nc", "", "c"),
            ("", "", ""),
            ("A: b", "A: b", ""),
            ("A : b\n\nc", "A : b\n", "c"),
            ("A: b\n c\n\nd", "A: b\n c\n", "d"),
            // Blanks alone: a continuation between fields, an end before words.
            ("A: b\n \nC: d\n\ne", "A: b\n \nC: d\n", "e"),
            ("A: b\n \n\ne", "A: b\n \n", "e"),
            ("A: b\n \nwords", "A: b\n", "words"),
            (
                "A: b\n \n \n c\n \nD: e\n\nf",
                "A: b\n \n \n c\n \nD: e\n",
                "f",
            ),
            ("A: b\n \n  words\n\nmore", "A: b\n", "  words\n\nmore"),
            (" A: b\nC: d\n\ne", " A: b\nC: d\n", "e"),
            // No blank line at all.
            ("A: b\nwords and more\n", "A: b\n", "words and more\n"),
            ("words: no, two\nmore", "words: no, two\n", "more"),
            (" words\nmore", "", " words\nmore"),
            // A line that is no field among fields.
            (
                "A: b\n>From x\nSubject: s\n\nc",
                "A: b\n>From x\nSubject: s\n",
                "c",
            ),
        ] {
            let (got, rest) = split(raw.as_bytes());
            assert_eq!(
                (String::from_utf8_lossy(got), String::from_utf8_lossy(rest)),
                (header.into(), body.into()),
                "{raw:?}"
            );
        }
    }

    #[test]
    fn fields_come_with_their_continuations_and_without_what_is_none() {
        let header = b"A : b\r\n c\r\n>From x\r\nD:e";
        let found: Vec<_> = fields(header)
            .map(|field| (name(field), value(field)))
            .collect();
        assert_eq!(found, [(&b"A"[..], &b"b\r\n c"[..]), (b"D", b"e")]);
        assert_eq!(within_limits(header), b"A: b\r\n c\r\nD: e\r\n");
    }

    #[test]
    fn old_line_ends_become_lines() {
        assert_eq!(with_lines(b"A: b\r\rc").as_ref(), b"A: b\n\nc");
        assert_eq!(with_lines(b"a\r\nb\r").as_ref(), b"a\r\nb\r");
    }
}
