//! Transfer encodings (RFC 2045 section 6), read as a person would mend them: what is broken stays as it stands, and the
//! rest is decoded.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

/// Returns `bytes` without the encoding that a Content-Transfer-Encoding field names.
pub(super) fn decoded<'a>(bytes: &'a [u8], encoding: &[u8]) -> Cow<'a, [u8]> {
    match name(encoding).as_str() {
        "base64" | "b" => match base64(bytes) {
            Some(decoded) => Cow::Owned(decoded),
            None => Cow::Borrowed(bytes),
        },
        "quoted-printable" | "quotedprintable" | "quoted_printable" | "q" => {
            quoted_printable(bytes).map_or(Cow::Borrowed(bytes), Cow::Owned)
        }
        _ => Cow::Borrowed(bytes),
    }
}

/// Whether a field names an encoding that changes bytes.
pub(super) fn is_encoded(encoding: &[u8]) -> bool {
    matches!(name(encoding).as_str(), "base64" | "quoted-printable")
}

/// The token, without quotation marks, comments and what follows.
fn name(encoding: &[u8]) -> String {
    let text = String::from_utf8_lossy(encoding).to_ascii_lowercase();
    let after_comment = match text.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((_, rest)) => rest.to_owned(),
        None => text,
    };
    after_comment
        .trim_matches(|c: char| c.is_whitespace() || "\"'<>".contains(c))
        .split(|c: char| c.is_whitespace() || "(;\"',".contains(c))
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The value of a character of base64 (RFC 4648 section 4), of its padding, or of none of it.
const fn sextet(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => NONE,
    }
}

const NONE: u8 = 0xff;
const SEXTETS: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = sextet(byte as u8);
        byte += 1;
    }
    table
};

/// Bytes out of characters of base64; others are passed over.
#[derive(Default)]
struct Base64 {
    decoded: Vec<u8>,
    bits: u32,
    count: u32,
}

impl Base64 {
    fn push(&mut self, line: &[u8]) {
        let mut rest = line;
        if self.count == 0 {
            // Most of it is whole groups of nothing else.
            let groups = line.chunks_exact(4);
            let clean = groups.map(|group| {
                let [a, b, c, d] = [0, 1, 2, 3].map(|at| SEXTETS[usize::from(group[at])]);
                let is_clean = a | b | c | d < 64;
                is_clean
                    .then(|| u32::from_be_bytes([0, a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]))
            });
            let mut length = 0;
            for bits in clean.map_while(|bits| bits) {
                self.decoded.extend_from_slice(&bits.to_be_bytes()[1..]);
                length += 4;
            }
            rest = &line[length..];
        }
        for byte in rest {
            let sextet = SEXTETS[usize::from(*byte)];
            if *byte == b'=' {
                // The end of a run; another may follow.
                self.finish();
            } else if sextet != NONE {
                self.bits = self.bits << 6 | u32::from(sextet);
                self.count += 1;
                if self.count == 4 {
                    self.decoded
                        .extend_from_slice(&self.bits.to_be_bytes()[1..]);
                    (self.bits, self.count) = (0, 0);
                }
            }
        }
    }

    /// Takes the whole bytes of a last group that is not full.
    fn finish(&mut self) {
        match self.count {
            2 => self.decoded.push((self.bits >> 4) as u8),
            3 => self
                .decoded
                .extend_from_slice(&((self.bits >> 2) as u16).to_be_bytes()),
            _ => {}
        }
        (self.bits, self.count) = (0, 0);
    }
}

/// Returns what base64 stands for. Characters that are none of it are passed over, and what follows behind a line of words
/// is no part of it. `None` where it begins with words: somebody wrote the label by mistake.
fn base64(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut base64 = Base64 {
        decoded: Vec::with_capacity(bytes.len() / 4 * 3),
        ..Base64::default()
    };
    let mut begin = 0;
    for end in memchr_iter(b'\n', bytes).chain([bytes.len()]) {
        let line = bytes[begin..end].trim_ascii();
        begin = (end + 1).min(bytes.len());
        if is_words(line) {
            if base64.decoded.is_empty() {
                return None;
            }
            break;
        }
        base64.push(line);
    }
    base64.finish();
    Some(base64.decoded)
}

/// Returns the bytes of base64 in an encoded word, whatever stands in it and is missing at its end.
pub(super) fn base64_word(data: &[u8]) -> Vec<u8> {
    let mut base64 = Base64::default();
    base64.push(data);
    base64.finish();
    base64.decoded
}

/// Whether a line is words and no base64: spaces inside, or more than one sign in eight that base64 has not.
fn is_words(line: &[u8]) -> bool {
    let foreign = |byte: &&u8| **byte != b'=' && SEXTETS[usize::from(**byte)] == NONE;
    // Most lines are nothing but base64; one sign in a pass over it tells.
    if line
        .iter()
        .fold(0, |signs, byte| signs | SEXTETS[usize::from(*byte)])
        < 64
    {
        return false;
    }
    let count = line.iter().filter(foreign).count();
    count > 0 && (count * 8 > line.len() || line.contains(&b' ') && count * 16 > line.len())
}

/// Returns what quoted-printable stands for; `None` where nothing is quoted. An `=` that quotes nothing stays.
fn quoted_printable(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut at = memchr(b'=', bytes)?;
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(&bytes[..at]);
    loop {
        // `bytes[at]` is an equals sign.
        let rest = &bytes[at + 1..];
        let length = match quoted(rest) {
            Quoted::Byte(byte) => {
                decoded.push(byte);
                2
            }
            Quoted::SoftBreak(length) => length,
            Quoted::Nothing => {
                decoded.push(b'=');
                0
            }
        };
        let rest = &rest[length..];
        let end = memchr(b'=', rest).unwrap_or(rest.len());
        decoded.extend_from_slice(&rest[..end]);
        at += 1 + length + end;
        if at >= bytes.len() {
            return Some(decoded);
        }
    }
}

/// What an equals sign stands for.
enum Quoted {
    Byte(u8),
    /// A line end that is none, and its length.
    SoftBreak(usize),
    Nothing,
}

fn quoted(rest: &[u8]) -> Quoted {
    let hex = |at: usize| rest.get(at).and_then(|b| char::from(*b).to_digit(16));
    if let (Some(high), Some(low)) = (hex(0), hex(1)) {
        return Quoted::Byte((high * 16 + low) as u8);
    }
    // Blanks that a server put behind it do not count (RFC 2045 section 6.7).
    let blanks = rest
        .iter()
        .take(80)
        .take_while(|b| matches!(b, b' ' | b'\t' | b'\r'))
        .count();
    match rest.get(blanks) {
        Some(b'\n') => Quoted::SoftBreak(blanks + 1),
        None => Quoted::SoftBreak(blanks),
        Some(_) => Quoted::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: &str, raw: &str, want: &str) {
        let got = decoded(raw.as_bytes(), encoding.as_bytes());
        assert_eq!(String::from_utf8_lossy(&got), want, "{encoding} {raw:?}");
    }

    #[test]
    fn encodings_are_known_by_their_name() {
        for encoding in [
            "base64",
            " BASE64 ",
            "\"base64\"",
            "base64 (x)",
            "(x) base64",
            "base64;",
        ] {
            check(encoding, "0JTQsA==", "Да");
        }
        check("quoted-printable", "=D0=94", "Д");
        check("8bit", "=D0", "=D0");
        check("", "0JTQsA==", "0JTQsA==");
    }

    #[test]
    fn base64_is_read_with_what_is_broken_in_it() {
        for (raw, want) in [
            ("aGVs\r\nbG8=\r\n", "hello"),
            ("aGVsbG8", "hello"),
            ("aGVs!bG8=", "hello"),
            ("aGVsbG8=\r\nIHRoZXJl\r\n", "hello there"),
            (
                "aGVsbG8=\r\n\r\n_______________\r\nMailing list\r\nhttps://x.test/list\r\n",
                "hello",
            ),
            (
                "These are words, not code.\r\n",
                "These are words, not code.\r\n",
            ),
            ("", ""),
            ("a", ""),
        ] {
            check("base64", raw, want);
        }
    }

    #[test]
    fn quoted_printable_is_read_with_what_is_broken_in_it() {
        for (raw, want) in [
            ("=D0=94=D0=B0", "Да"),
            ("=d0=94 =\r\n=D0=B0", "Д а"),
            ("one=  \r\ntwo", "onetwo"),
            ("?a=1&b=zz =D0=94", "?a=1&b=zz Д"),
            ("end=", "end"),
            ("==41", "=A"),
            ("plain", "plain"),
        ] {
            check("quoted-printable", raw, want);
        }
    }
}
