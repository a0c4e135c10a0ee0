//! Addresses in MAIL and RCPT: what may stand between `<` and `>`, and the two commands.
//!
//! lettre's `Address` refuses addresses that exist (`a..b@`, `.a@`: trap L10), so the commands are built
//! here, and the rule is our own: nothing that could end the path, the line, or the command; and enough
//! shape that a server has no excuse to read it as something else (RFC 5321 section 4.1.2).

use std::fmt::{self, Display, Formatter};

/// RFC 5321 section 4.5.3.1.3: a path is at most 256 octets, its angle brackets included.
const MAX_PATH: usize = 254;

/// An address that is safe to put between angle brackets. The empty one is the null reverse-path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'a>(&'a str);

impl<'a> Path<'a> {
    /// The address as a path, or `None` if it cannot be sent to: not ASCII (SMTPUTF8, RFC 6531, is not
    /// spoken here), not `local@domain`, or holding a character that has no place in either.
    pub(super) fn parse(address: &'a str) -> Option<Self> {
        let (local, domain) = address.rsplit_once('@')?;
        let fits = address.len() <= MAX_PATH;
        (fits && is_local_part(local) && is_domain(domain)).then_some(Self(address))
    }

    /// Like [`Path::parse`], and the empty string is the null reverse-path `<>` (RFC 5321 section 4.5.5).
    pub(super) fn parse_sender(address: &'a str) -> Option<Self> {
        if address.is_empty() {
            return Some(Self(""));
        }
        Self::parse(address)
    }
}

/// atext and dots in any order (looser than RFC 5321's Dot-string, on purpose), or a plain quoted string:
/// no blanks, no escapes, no angle brackets.
fn is_local_part(local: &str) -> bool {
    let quoted = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match quoted {
        Some(inner) => {
            !inner.is_empty()
                && inner
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"\"\\<>".contains(&b))
        }
        None => !local.is_empty() && local.bytes().all(is_atext_or_dot),
    }
}

/// RFC 5322 section 3.2.3, and the dot.
fn is_atext_or_dot(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// Labels of letters, digits, hyphens and underscores, none of them empty; or an address literal.
fn is_domain(domain: &str) -> bool {
    let literal = domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(inner) = literal {
        return !inner.is_empty()
            && inner
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".:-".contains(&b));
    }
    domain.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    })
}

/// True if the name may be said in EHLO: one word of a domain or address literal.
pub(super) fn is_hello_name(name: &str) -> bool {
    name.len() <= 255 && is_domain(name)
}

/// `MAIL FROM:<..>`. No parameters: the bytes are 7-bit, and SIZE would only move a refusal forward.
pub(super) struct MailFrom<'a>(pub(super) Path<'a>);

impl Display for MailFrom<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "MAIL FROM:<{}>\r\n", self.0.0)
    }
}

/// `RCPT TO:<..>`.
pub(super) struct RcptTo<'a>(pub(super) Path<'a>);

impl Display for RcptTo<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "RCPT TO:<{}>\r\n", self.0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_exist_are_sendable_even_where_lettre_refuses_them() {
        for address in [
            "rita@school.test",
            "a..b@x.test",
            ".a@x.test",
            "a.@x.test",
            "o'neil+tag@x.test",
            "user%other.test@x.test",
            "bounce=rita=x.test@lists.y.test",
            "\"odd,local\"@x.test",
            "root@localhost",
            "r@under_score.test",
            "r@[127.0.0.1]",
            "r@[IPv6:::1]",
        ] {
            let path = Path::parse(address);
            assert!(path.is_some(), "{address}");
            if let Some(path) = path {
                assert_eq!(RcptTo(path).to_string(), format!("RCPT TO:<{address}>\r\n"));
            }
        }
    }

    #[test]
    fn nothing_that_could_end_the_path_the_line_or_the_command_is_sendable() {
        let long = format!("{}@x.test", "a".repeat(254));
        for address in [
            "",
            "rita",
            "@x.test",
            "rita@",
            "rita@x..test",
            "rita@.test",
            "rita@x.test.",
            "a@b@x.test",
            "ri ta@x.test",
            "rita@x .test",
            "rita>@x.test",
            "<rita@x.test",
            "rita@x.test> SIZE=1",
            "rita@x.test\r\nDATA",
            "rita\n@x.test",
            "rita\r@x.test",
            "rita\0@x.test",
            "rita\x1b@x.test",
            "rita\t@x.test",
            "rita\x7f@x.test",
            "рита@x.test",
            "rita@школа.test",
            "\"a\"b\"@x.test",
            "\"a\\\"@x.test",
            "\"@x.test",
            "\"\"@x.test",
            "\"a b\"@x.test",
            "\"a>\"@x.test",
            "a,b@x.test",
            "a:b@x.test",
            "(c)a@x.test",
            "r@[127.0.0.1",
            "r@[]",
            long.as_str(),
        ] {
            assert!(Path::parse(address).is_none(), "{address:?}");
        }
    }

    #[test]
    fn the_empty_sender_is_the_null_reverse_path() {
        let path = Path::parse_sender("");
        assert!(path.is_some_and(|path| MailFrom(path).to_string() == "MAIL FROM:<>\r\n"));
    }

    #[test]
    fn a_hello_name_is_one_word() {
        assert!(is_hello_name("desk.school.test"));
        assert!(is_hello_name("[127.0.0.1]"));
        for name in ["", "a b", "a\r\nMAIL", "имя", "a..b"] {
            assert!(!is_hello_name(name), "{name:?}");
        }
    }
}
