//! Folder names and other strings as IMAP writes them.
//!
//! A folder name outside ASCII travels in modified UTF-7 (RFC 3501 section 5.1.3): printable ASCII
//! stands for itself, `&` is written `&-`, and everything else is UTF-16 in base64 between `&` and
//! `-`, with `,` for `/` and no padding. async-imap sends names as they are, which a server refuses.

use data_encoding::BASE64_NOPAD;

/// The name in modified UTF-7.
pub(super) fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if first == '&' {
            encoded.push_str("&-");
            rest = &rest[1..];
        } else if is_direct(first) {
            encoded.push(first);
            rest = &rest[1..];
        } else {
            let end = rest.find(is_direct).unwrap_or(rest.len());
            let units: Vec<u8> = rest[..end]
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect();
            encoded.push('&');
            encoded.push_str(&BASE64_NOPAD.encode(&units).replace('/', ","));
            encoded.push('-');
            rest = &rest[end..];
        }
    }
    encoded
}

/// The name behind modified UTF-7; `None` if it is none, or not the one way to write that name.
pub(super) fn decode(encoded: &str) -> Option<String> {
    let mut name = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(at) = rest.find('&') {
        name.push_str(&rest[..at]);
        let (shifted, after) = rest[at + 1..].split_once('-')?;
        if shifted.is_empty() {
            name.push('&');
        } else {
            let bytes = BASE64_NOPAD
                .decode(shifted.replace(',', "/").as_bytes())
                .ok()?;
            let (units, odd) = bytes.as_chunks::<2>();
            if !odd.is_empty() {
                return None;
            }
            for unit in char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))) {
                name.push(unit.ok()?);
            }
        }
        rest = after;
    }
    name.push_str(rest);
    (encode(&name) == encoded).then_some(name)
}

/// Printable ASCII.
fn is_direct(c: char) -> bool {
    matches!(c, ' '..='~')
}

/// A folder name as a command argument: any name at all, as nothing but printable ASCII is left.
pub(super) fn folder_argument(name: &str) -> String {
    quoted(&encode(name))
}

/// `"text"`, with `"` and `\` escaped (RFC 3501 section 4.3); `text` must be [`is_quotable`].
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Can be written as a quoted string, which holds 7-bit text only.
pub(super) fn is_quotable(text: &str) -> bool {
    text.chars().all(is_direct)
}

/// The text of a quoted string as imap-proto leaves it: without the quotes, with the escapes.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escape = c == '\\' && matches!(chars.peek(), Some('\\' | '"'));
        plain.push(if escape { chars.next().unwrap_or(c) } else { c });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_way_there_and_back() {
        for (name, encoded) in [
            ("INBOX", "INBOX"),
            ("INBOX/Sales & Co", "INBOX/Sales &- Co"),
            ("Обработано", "&BB4EMQRABDAEMQQ+BEIEMAQ9BD4-"),
            ("Спам", "&BCEEPwQwBDw-"),
            // RFC 3501 section 5.1.3's own example.
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            // Beyond the basic plane, a pair of UTF-16 units.
            ("📮", "&2D3c7g-"),
            ("&", "&-"),
            ("&&я&", "&-&-&BE8-&-"),
            ("a\tb\r\nc\0", "a&AAk-b&AA0ACg-c&AAA-"),
            ("\"\\", "\"\\"),
            ("", ""),
        ] {
            assert_eq!(encode(name), encoded, "{name}");
            assert_eq!(decode(encoded).as_deref(), Some(name), "{encoded}");
        }
    }

    #[test]
    fn what_is_not_modified_utf_7_is_not_decoded() {
        for encoded in [
            "Q&A",        // shift without end
            "&BCE",       // the same
            "&BC-",       // half a unit
            "&!!!!-",     // no base64
            "&BCE/-",     // the other base64
            "&2D0-",      // half a surrogate pair
            "&AGE-",      // `a`, which stands for itself
            "&BCE-&BD8-", // two shifts where one does
            "Спам",       // raw UTF-8
        ] {
            assert_eq!(decode(encoded), None, "{encoded}");
        }
    }

    #[test]
    fn arguments_are_printable_ascii_whatever_the_name() {
        assert_eq!(folder_argument("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(folder_argument("x\r\nN1 LOGOUT"), "\"x&AA0ACg-N1 LOGOUT\"");
        assert!(is_quotable("pass \"word\\") && !is_quotable("пароль") && !is_quotable("a\tb"));
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescaped(r#"a\"b\\c"#), r#"a"b\c"#);
        assert_eq!(unescaped("plain\\x"), "plain\\x");
    }
}
