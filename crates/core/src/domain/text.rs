//! Text from outside, made safe once: everything that is shown, stored or put into a header comes through
//! [`CleanLine`] or [`CleanText`] (rule R15). The raw letter is kept apart and unchanged.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// One line of text from outside: NFC, no control, direction or zero-width characters, single spaces, capped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CleanLine(String);

impl CleanLine {
    /// Returns `text` as one clean line of at most `max_chars` characters; what is cut off is replaced by `…`.
    pub fn new(text: &str, max_chars: usize) -> CleanLine {
        let mut line = String::with_capacity(text.len().min(max_chars * 4));
        let mut chars = 0;
        let mut pending_space = false;
        for c in text.chars().filter(|c| !is_invisible(*c)).nfc() {
            if c.is_whitespace() || c.is_control() {
                pending_space = !line.is_empty();
                continue;
            }
            if pending_space {
                line.push(' ');
                chars += 1;
                pending_space = false;
            }
            if chars + 1 >= max_chars {
                line.push('…');
                break;
            }
            line.push(c);
            chars += 1;
        }
        CleanLine(line)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether nothing visible is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for CleanLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Several lines of text from outside: as [`CleanLine`], but line ends (LF) and runs of spaces stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanText(String);

/// The most text taken from one letter, in bytes.
pub const TEXT_CAP_BYTES: usize = 1024 * 1024;

impl CleanText {
    /// Returns `text` cleaned, with LF line ends, no white space at line ends (but for `-- `) or around it, at most [`TEXT_CAP_BYTES`] long.
    pub fn new(text: &str) -> CleanText {
        let visible = || text.chars().filter(|c| !is_invisible(*c));
        let capacity = text.len().min(TEXT_CAP_BYTES);
        // Most texts are in NFC, and seeing that costs less than making it; of Latin and Russian letters all are.
        let is_simple = |c: char| {
            c < '\u{300}' || matches!(c, '\u{400}'..='\u{45f}' | '\u{2010}'..='\u{2040}' | '№')
        };
        if text.chars().all(is_simple) || is_nfc_quick(visible()) == IsNormalized::Yes {
            clean(visible(), capacity)
        } else {
            clean(visible().nfc(), capacity)
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether nothing visible is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn clean(chars: impl Iterator<Item = char>, capacity: usize) -> CleanText {
    let mut clean = String::with_capacity(capacity);
    let mut previous_cr = false;
    for c in chars {
        if clean.len() >= TEXT_CAP_BYTES {
            break;
        }
        match c {
            '\n' if previous_cr => {}
            '\r' | '\n' | '\u{2028}' | '\u{2029}' | '\u{0b}' | '\u{0c}' => {
                end_line(&mut clean);
                clean.push('\n');
            }
            '\t' => clean.push('\t'),
            c if c.is_control() || c.is_whitespace() => clean.push(' '),
            c => clean.push(c),
        }
        previous_cr = c == '\r';
    }
    CleanText(clean.trim_matches(['\n', ' ', '\t']).to_owned())
}

/// Drops white space at the end of the last line, but for the signature separator `-- ` (RFC 3676 section 4.3), whose
/// space tells it from two dashes.
fn end_line(text: &mut String) {
    let line = text.rfind('\n').map_or(0, |at| at + 1);
    if &text[line..] != "-- " {
        text.truncate(line + text[line..].trim_end_matches([' ', '\t']).len());
    }
}

/// Characters that change how text looks or compares without being seen: zero-width, direction, tags, byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_visible_line() {
        let check = |input: &str, want: &str| {
            assert_eq!(CleanLine::new(input, 20).as_str(), want, "{input:?}")
        };
        check("  Не сохраняется  ", "Не сохраняется");
        check("a\r\nBcc: x@y.test", "a Bcc: x@y.test");
        check("a\0b\u{1b}[31m", "a b [31m");
        check("и\u{306}", "й");
        check("\u{202e}evil\u{200b}\u{feff}", "evil");
        check("12345678901234567890123", "1234567890123456789…");
        check("", "");
        check(" \t ", "");
    }

    #[test]
    fn a_text_keeps_its_lines() {
        let check =
            |input: &str, want: &str| assert_eq!(CleanText::new(input).as_str(), want, "{input:?}");
        check("один\r\nдва\rтри\nчетыре", "один\nдва\nтри\nчетыре");
        check("\n\n a  b \n\n", "a  b");
        check("a \t\r\n\r\nb", "a\n\nb");
        check("a\n-- \nb --  \nc", "a\n-- \nb --\nc");
        check("a\0b", "a b");
        check("\u{2004}\n\u{3000}a\u{2003}b\u{a0}", "a b");
    }

    #[test]
    fn a_text_is_capped() {
        assert!(CleanText::new(&"я".repeat(TEXT_CAP_BYTES)).as_str().len() <= TEXT_CAP_BYTES + 4);
    }
}
