//! Header text: encoded words (RFC 2047), which programs split inside a letter, raw bytes beyond ASCII, and parameters (RFC
//! 2231), in pieces or written as they may not be.

use memchr::memmem;

use super::{charset, transfer};

/// Returns the text of a header value: its encoded words decoded, neighbours of one charset joined before that.
pub(super) fn decode(raw: &[u8]) -> String {
    let mut text = String::new();
    // The bytes of encoded words of one charset in a row, and what stands between the last of them and the next.
    let mut pending: Option<(String, Vec<u8>)> = None;
    let mut rest = raw;
    while !rest.is_empty() {
        let start = memmem::find(rest, b"=?").unwrap_or(rest.len());
        let (plain, after) = rest.split_at(start);
        let word = encoded_word(after);
        let is_blank = plain.iter().all(u8::is_ascii_whitespace);
        // White space between encoded words is not shown (RFC 2047 section 6.2).
        if !(is_blank && pending.is_some() && word.is_some()) {
            flush(&mut text, &mut pending);
            push_plain(&mut text, plain);
        }
        match word {
            Some(word) => {
                match &mut pending {
                    Some((charset, bytes))
                        if charset.eq_ignore_ascii_case(&word.charset) && !has_states(charset) =>
                    {
                        bytes.extend_from_slice(&word.bytes)
                    }
                    _ => {
                        flush(&mut text, &mut pending);
                        pending = Some((word.charset, word.bytes));
                    }
                }
                rest = &after[word.length..];
            }
            None if after.is_empty() => rest = after,
            None => {
                flush(&mut text, &mut pending);
                text.push_str("=?");
                rest = &after[2..];
            }
        }
    }
    flush(&mut text, &mut pending);
    text.trim().to_owned()
}

fn flush(text: &mut String, pending: &mut Option<(String, Vec<u8>)>) {
    if let Some((charset, bytes)) = pending.take() {
        text.push_str(&characters(&bytes, &charset));
    }
}

/// Whether what a byte means depends on those before it: then each word stands for itself (RFC 1468).
fn has_states(charset: &str) -> bool {
    let charset = charset.to_ascii_lowercase();
    charset.starts_with("iso-2022") || charset.contains("utf-7")
}

/// Adds text outside encoded words: unfolded, and read as UTF-8 or as what it looks like.
fn push_plain(text: &mut String, plain: &[u8]) {
    let unfolded: Vec<u8> = plain
        .iter()
        .copied()
        .filter(|b| !matches!(b, b'\r' | b'\n'))
        .collect();
    text.push_str(&characters(&unfolded, ""));
}

fn characters(bytes: &[u8], label: &str) -> String {
    charset::text(bytes, label).0
}

/// The most bytes an encoded word is looked at: RFC 2047 allows 75, programs write whole subjects.
const WORD_BYTES: usize = 4096;

/// An encoded word.
pub(super) struct Word {
    charset: String,
    bytes: Vec<u8>,
    /// Bytes it takes in the header.
    pub(super) length: usize,
    /// Whether its end is there.
    pub(super) is_ended: bool,
}

/// The encoded word at the beginning of `text`, in the forms programs write: spaces inside, a language after the charset
/// (RFC 2231 section 5), a missing end.
pub(super) fn encoded_word(text: &[u8]) -> Option<Word> {
    let inner = text.strip_prefix(b"=?")?;
    let charset_end = inner.iter().take(60).position(|b| *b == b'?')?;
    let charset = std::str::from_utf8(&inner[..charset_end]).ok()?;
    let charset = charset.split('*').next().unwrap_or_default().trim();
    let encoding = inner.get(charset_end + 1)?.to_ascii_lowercase();
    if inner.get(charset_end + 2) != Some(&b'?')
        || charset.is_empty()
        || !matches!(encoding, b'q' | b'b')
    {
        return None;
    }
    let data = &inner[charset_end + 3..];
    let data = &data[..data.len().min(WORD_BYTES)];
    // A second beginning before the end: the first one's was cut off.
    let end = memmem::find(data, b"?=").filter(|end| memmem::find(&data[..*end], b"=?").is_none());
    let (data, closing) = match end {
        Some(end) => (&data[..end], 2),
        // The end was cut off with the line.
        None => {
            let end = data.iter().position(|b| matches!(b, b'\r' | b'\n'));
            (&data[..end.unwrap_or(data.len())], 0)
        }
    };
    let bytes = match encoding {
        b'q' => q_bytes(data),
        _ => transfer::base64_word(data),
    };
    Some(Word {
        charset: charset.to_owned(),
        bytes,
        length: 2 + charset_end + 3 + data.len() + closing,
        is_ended: closing > 0,
    })
}

/// The Q encoding (RFC 2047 section 4.2).
fn q_bytes(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len());
    let mut at = 0;
    while let Some(b) = data.get(at) {
        let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
        match (b, hex(data.get(at + 1)), hex(data.get(at + 2))) {
            (b'=', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                at += 3;
            }
            (b'_', _, _) => {
                bytes.push(b' ');
                at += 1;
            }
            (b'\r' | b'\n', _, _) => at += 1,
            (b, _, _) => {
                bytes.push(*b);
                at += 1;
            }
        }
    }
    bytes
}

/// Returns the value of a parameter of a raw Content-Type or Content-Disposition value: in pieces or whole, percent-encoded
/// (RFC 2231), with encoded words where they may not be, or in raw bytes.
pub(super) fn parameter(raw: &[u8], name: &str) -> Option<String> {
    let mut pieces: Vec<(u32, bool, Vec<u8>)> = Vec::new();
    for (key, value) in parameters(raw) {
        let key = key.to_ascii_lowercase();
        let Some(suffix) = key.strip_prefix(name) else {
            continue;
        };
        let is_extended = suffix.ends_with('*');
        let number = suffix.trim_matches('*');
        match (number, suffix) {
            ("", "" | "*") => pieces.push((0, is_extended, value)),
            (number, _) if suffix.starts_with('*') => {
                // A number that is none spoils one piece and not the name.
                pieces.extend(
                    number
                        .parse()
                        .ok()
                        .map(|number| (number, is_extended, value)),
                )
            }
            _ => {}
        }
    }
    pieces.sort_by_key(|piece| piece.0);
    // Both forms of the whole name: the extended one is meant for whom can read it.
    if pieces.iter().filter(|piece| piece.0 == 0).count() > 1 {
        let is_split = pieces.iter().any(|piece| piece.0 > 0 && piece.1);
        let best = pieces.iter().position(|piece| piece.1).unwrap_or(0);
        pieces = if is_split {
            pieces.into_iter().filter(|piece| piece.1).collect()
        } else {
            vec![pieces.swap_remove(best)]
        };
    }
    let is_extended = pieces.first()?.1;
    let mut bytes = Vec::new();
    let mut charset = String::new();
    for (at, (_, extended, value)) in pieces.into_iter().enumerate() {
        let mut value = value.as_slice();
        if at == 0 && is_extended {
            let mut quotes = value.splitn(3, |b| *b == b'\'');
            if let (Some(label), Some(_), Some(rest)) =
                (quotes.next(), quotes.next(), quotes.next())
            {
                charset = String::from_utf8_lossy(label).into_owned();
                value = rest;
            }
        }
        if extended {
            bytes.extend(percent_bytes(value));
        } else {
            bytes.extend_from_slice(value);
        }
    }
    if is_extended {
        return Some(characters(&bytes, &charset));
    }
    Some(decode(&bytes))
}

fn percent_bytes(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(data.len());
    let mut at = 0;
    while let Some(b) = data.get(at) {
        let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (b, hex(data.get(at + 1)), hex(data.get(at + 2))) {
            bytes.push((high * 16 + low) as u8);
            at += 3;
        } else {
            bytes.push(*b);
            at += 1;
        }
    }
    bytes
}

/// A value without the comment that may stand behind it (RFC 2045 section 5.1), as no file is named.
fn without_comment(value: &[u8]) -> &[u8] {
    let begin = memmem::find(value, b" (").filter(|_| value.ends_with(b")"));
    let has_ending = |name: &[u8]| name.iter().rev().take(6).any(|b| *b == b'.');
    match begin {
        Some(begin) if has_ending(&value[..begin]) => value[..begin].trim_ascii_end(),
        _ => value,
    }
}

/// The parameters after the first `;`, quotes undone.
fn parameters(raw: &[u8]) -> Vec<(String, Vec<u8>)> {
    const PARAMETERS: usize = 200;
    let mut found = Vec::new();
    let (mut piece, mut is_quoted, mut is_escaped) = (Vec::new(), false, false);
    let mut end = |piece: &mut Vec<u8>| {
        let piece = std::mem::take(piece);
        let Some(at) = piece.iter().position(|b| *b == b'=') else {
            return;
        };
        let key = String::from_utf8_lossy(&piece[..at]).trim().to_owned();
        let value = without_comment(piece[at + 1..].trim_ascii()).to_vec();
        if found.len() < PARAMETERS {
            found.push((key, value));
        }
    };
    for (at, b) in raw.iter().copied().chain([b';']).enumerate() {
        // Paths of Windows have backslashes that escape nothing.
        let escapes = matches!(raw.get(at + 1), Some(b'"' | b'\\'));
        match b {
            _ if is_escaped => {
                is_escaped = false;
                piece.push(b);
            }
            b'\\' if is_quoted && escapes => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b';' if !is_quoted => end(&mut piece),
            b'\r' | b'\n' => {}
            b => piece.push(b),
        }
    }
    // A quotation mark that nobody closed.
    if is_quoted {
        piece.pop();
    }
    end(&mut piece);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip] // Tables are read a row a line.
    fn encoded_words_are_read_as_programs_write_them() {
        for (raw, want) in [
            ("Re: =?utf-8?B?0J/RgNC40LLQtdGC?=", "Re: Привет"),
            // One letter in two words.
            ("=?utf-8?B?0J/RgNC40LI=?=\r\n =?utf-8?B?0LXR?= =?utf-8?B?gg==?=", "Привет"),
            ("=?UTF-8?Q?=D0=9F=D1=80=D0?= =?utf-8?q?=B8=D0=B2=D0=B5=D1=82?=", "Привет"),
            ("=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?= =?koi8-r?B?LCDNydI=?=", "Привет, мир"),
            ("=?utf-8*ru?B?0J/RgNC40LLQtdGC?=", "Привет"),
            ("=?utf-8?Q?with spaces_and=20more?=", "with spaces and more"),
            ("=?utf-8?B?0J/RgNC40LLQtdGC", "Привет"),
            ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
            ("=? and =?x", "=? and =?x"),
            ("Привет", "Привет"),
            ("a =?utf-8?Q?b?= c", "a b c"),
            ("=?utf-8?B?0J/RgNC40LLQtdGC0Ys?=", "Приветы"),
        ] {
            assert_eq!(decode(raw.as_bytes()), want, "{raw}");
        }
        assert_eq!(decode(b"\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0"), "Привет, мир");
    }

    #[test]
    #[rustfmt::skip]
    fn parameters_are_read_in_every_form() {
        for (raw, want) in [
            ("attachment; filename=a.txt", Some("a.txt")),
            ("attachment; filename=\"a; b.txt\"", Some("a; b.txt")),
            ("attachment; FileName*=utf-8''%D0%BF.txt", Some("п.txt")),
            ("attachment; filename=p.txt; filename*=utf-8''%D0%BF.txt", Some("п.txt")),
            ("attachment; filename*0*=utf-8''%D0; filename*1*=%BF; filename*2=.txt", Some("п.txt")),
            ("attachment; filename*1=\"b.txt\"; filename*0=\"a\"", Some("ab.txt")),
            ("attachment; filename=\"=?utf-8?B?0L8=?=.txt\"", Some("п.txt")),
            ("attachment; filename=\"=?utf-8?B?0Q==?=\r\n =?utf-8?B?gi50eHQ=?=\"", Some("т.txt")),
            ("attachment; filename=\"a\\\"b.txt\"", Some("a\"b.txt")),
            ("attachment; filename=\"C:\\dir\\a.txt\"", Some("C:\\dir\\a.txt")),
            ("attachment; filename=\"open", Some("open")),
            ("attachment; filename=a.txt; filename*0=b; filename*1=.txt", Some("a.txt")),
            ("attachment; filename=a.txt; filename*x=b", Some("a.txt")),
            ("attachment; filename=a.txt (a list)", Some("a.txt")),
            ("attachment; filename=\n \"a.txt\"", Some("a.txt")),
            ("attachment", None),
            ("attachment; size=1", None),
        ] {
            assert_eq!(parameter(raw.as_bytes(), "filename").as_deref(), want, "{raw}");
        }
        assert_eq!(parameter(b"a; filename=\"\xcf\xf0\xe8\xe2\xe5\xf2.txt\"", "filename").as_deref(), Some("Привет.txt"));
    }
}
