//! Replies: parsed strictly, capped in size, cleaned for people.
//!
//! RFC 5321 section 4.2 is the grammar. What is not a reply by that grammar is [`Malformed`], and the
//! connection it came from is of no further use (R13). Two mercies: a bare code without the space is well
//! formed (section 4.2 allows it, lettre does not), and 8-bit text does not make a reply malformed, because
//! the code alone decides; control characters do.

use std::borrow::Cow;

/// Lines in one reply.
const MAX_LINES: usize = 100;
/// Octets in one line, CRLF included. RFC 5321 section 4.5.3.1.5 says 512.
const MAX_LINE: usize = 2048;
/// Characters of one line that lettre gets to see; it refuses lines over 1000 octets.
const MAX_LINE_FOR_LETTRE: usize = 900;
/// Characters of a server's text that we keep.
pub(super) const MAX_TEXT: usize = 200;

/// Bytes that are no reply; says what is wrong with them, in cleaned characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

/// One complete, well-formed reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    pub(super) fn code(&self) -> u16 {
        self.code
    }

    /// The text of each line, cleaned.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// All lines as one, cleaned, of any length.
    pub(super) fn text(&self) -> String {
        self.lines.join(" ").trim().to_owned()
    }

    /// The enhanced status code (RFC 3463, RFC 2034) the text begins with.
    fn enhanced(&self) -> Option<(u16, u16)> {
        let word = self.lines.first()?.split(' ').next()?;
        let mut parts = word.split('.').map(|part| {
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        });
        let (class, subject) = (parts.next()??, parts.next()??);
        parts.next()??;
        (parts.next().is_none() && [2, 4, 5].contains(&class)).then_some((class, subject))
    }

    /// The code says one thing, the enhanced code another (RFC 2034 section 4 forbids it).
    pub(super) fn contradicts_itself(&self) -> bool {
        self.enhanced()
            .is_some_and(|(class, _)| class != self.code / 100)
    }

    /// The enhanced code is x.7.x: security or policy (RFC 3463 section 3.8).
    pub(super) fn is_about_policy(&self) -> bool {
        self.enhanced().is_some_and(|(_, subject)| subject == 7)
    }

    /// The reply as lettre reads it: ASCII, its line length, a space after the last code.
    pub(super) fn for_lettre(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        let last = self.lines.len().saturating_sub(1);
        for (number, line) in self.lines.iter().enumerate() {
            let mark = if number == last { ' ' } else { '-' };
            let text = line
                .chars()
                .map(|c| if c.is_ascii() { c } else { '?' })
                .take(MAX_LINE_FOR_LETTRE);
            wire.extend(format!("{}{mark}{}\r\n", self.code, text.collect::<String>()).bytes());
        }
        wire
    }
}

/// Puts replies together from bytes as they come.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    line: Vec<u8>,
    code: Option<u16>,
    lines: Vec<String>,
}

impl ReplyReader {
    /// Takes bytes until a reply is complete; returns it and how many bytes it used. What is left over was
    /// sent by a server that spoke out of turn.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
        for (at, &byte) in bytes.iter().enumerate() {
            self.line.push(byte);
            if byte == b'\n' {
                if let Some(reply) = self.end_line()? {
                    return Ok(Some((reply, at + 1)));
                }
            } else if self.line.len() >= MAX_LINE {
                return Err(Malformed("a reply line of more than 2 KiB".to_owned()));
            }
        }
        Ok(None)
    }

    fn end_line(&mut self) -> Result<Option<Reply>, Malformed> {
        let line = std::mem::take(&mut self.line);
        let (code, is_last, text) = parse_line(&line)
            .ok_or_else(|| Malformed(format!("not a reply: \"{}\"", excerpt(&line))))?;
        if *self.code.get_or_insert(code) != code {
            return Err(Malformed(
                "a reply of several lines with different codes".to_owned(),
            ));
        }
        self.lines.push(printable(&String::from_utf8_lossy(text)));
        if is_last {
            self.code = None;
            let lines = std::mem::take(&mut self.lines);
            return Ok(Some(Reply { code, lines }));
        }
        if self.lines.len() >= MAX_LINES {
            return Err(Malformed("a reply of more than 100 lines".to_owned()));
        }
        Ok(None)
    }
}

/// Reply-code, mark and text of one line that ends with LF, or `None` if it is none.
fn parse_line(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let line = line.strip_suffix(b"\r\n")?;
    let (digits, rest) = line.split_at_checked(3)?;
    let code = match digits {
        [a @ b'2'..=b'5', b @ b'0'..=b'5', c @ b'0'..=b'9'] => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => return None,
    };
    let (is_last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return None,
    };
    let clean = text.iter().all(|&b| b == b'\t' || (b >= 32 && b != 127));
    clean.then_some((code, is_last, text))
}

/// The text without characters that do something instead of showing something: controls become blanks;
/// directions, joiners and other invisible ones go.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !matches!(c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        })
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// At most [`MAX_TEXT`] characters of the text.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => Cow::Owned(text.get(..end).unwrap_or_default().to_owned()),
        None => Cow::Borrowed(text),
    }
}

/// The first characters of bytes that are no reply, fit to be shown.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let head = bytes.get(..80).unwrap_or(bytes);
    printable(&String::from_utf8_lossy(head)).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
        ReplyReader::default().feed(bytes)
    }

    #[test]
    fn well_formed_replies_are_read_whole_and_one_at_a_time() {
        let table: &[(&[u8], u16, &str, usize)] = &[
            (b"250 ok\r\n", 250, "ok", 8),
            (b"250\r\n", 250, "", 5),
            (b"250 \r\n", 250, "", 6),
            (b"550-one\r\n550 two\r\n", 550, "one two", 18),
            (b"250-\r\n250\r\n", 250, "", 11),
            (b"250 ok\r\n250 more\r\n", 250, "ok", 8),
            (
                "550 нет такого\r\n".as_bytes(),
                550,
                "нет такого",
                "550 нет такого\r\n".len(),
            ),
            (b"550 \xcf\xcf\r\n", 550, "\u{fffd}\u{fffd}", 8),
        ];
        for (bytes, code, text, used) in table {
            let (reply, consumed) = read(bytes).ok().flatten().expect("a reply");
            assert_eq!(
                (reply.code(), reply.text().as_str(), consumed),
                (*code, *text, *used)
            );
        }
    }

    #[test]
    fn a_reply_may_come_in_any_pieces() {
        let mut reader = ReplyReader::default();
        let bytes = b"250-a\r\n250 b\r\n";
        for (at, byte) in bytes.iter().enumerate() {
            let got = reader.feed(&[*byte]).expect("well formed");
            assert_eq!(got.is_some(), at + 1 == bytes.len());
        }
    }

    #[test]
    fn what_is_no_reply_is_malformed() {
        let endless = vec![b'2'; 5000];
        let many = b"250-x\r\n".repeat(10_000);
        for bytes in [
            &b"250garbage\r\n"[..],
            b"2\r\n",
            b"\r\n",
            b"25\r\n",
            b"250\tok\r\n",
            b"250 ok\n",
            b"250 a\rb\r\n",
            b"250 \x1b[2J\r\n",
            b"250 \0\r\n",
            b"250-ok\r\n550 no\r\n",
            b"199 ok\r\n",
            b"260 ok\r\n",
            b"650 ok\r\n",
            b" 250 ok\r\n",
            &endless,
            &many,
        ] {
            assert!(read(bytes).is_err(), "{}", excerpt(bytes));
        }
    }

    #[test]
    fn limits_are_where_they_are_said_to_be() {
        let mut lines = b"250-x\r\n".repeat(99);
        lines.extend(b"250 x\r\n");
        assert!(read(&lines).is_ok_and(|reply| reply.is_some()));
        let line = format!("250 {}\r\n", "x".repeat(MAX_LINE - 6));
        assert!(read(line.as_bytes()).is_ok_and(|reply| reply.is_some()));
    }

    #[test]
    fn enhanced_codes_are_read_and_compared_with_the_code() {
        for (line, contradicts, policy) in [
            ("550 5.1.1 unknown\r\n", false, false),
            ("550 4.1.1 unknown\r\n", true, false),
            ("451 4.7.1 later\r\n", false, true),
            ("451 5.7.1 later\r\n", true, true),
            ("554 5.7.1\r\n", false, true),
            ("550 127.0.0.1 is listed\r\n", false, false),
            ("550 4.4 seconds\r\n", false, false),
            ("550 5.7.1111 x\r\n", false, false),
            ("550 1.2.3 x\r\n", false, false),
            ("550\r\n", false, false),
        ] {
            let (reply, _) = read(line.as_bytes()).ok().flatten().expect("a reply");
            assert_eq!(
                (reply.contradicts_itself(), reply.is_about_policy()),
                (contradicts, policy),
                "{line:?}"
            );
        }
    }

    #[test]
    fn lettre_gets_short_ascii_lines() {
        let long = format!("250-{}\r\n250\r\n", "я".repeat(1000));
        let (reply, _) = read(long.as_bytes()).ok().flatten().expect("a reply");
        let expected = format!("250-{}\r\n250 \r\n", "?".repeat(900));
        assert_eq!(reply.for_lettre(), expected.into_bytes());
    }

    #[test]
    fn text_is_cleaned_and_cut_at_characters() {
        assert_eq!(printable("a\u{202e}b\u{200b}c\td"), "abc d");
        assert_eq!(shortened(&"я".repeat(300)).chars().count(), 200);
        assert_eq!(shortened("short"), "short");
    }
}
