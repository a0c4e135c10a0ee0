//! Who a letter says it is from, read from the bytes of its From fields.
//!
//! An address is an identity only where it stands as itself: in angle brackets, or as a bare word. What a quoted string,
//! a comment or an encoded word holds is a name, whatever it looks like.

use super::mime::Message;
use super::words::{decode, encoded_word};
use super::{ADDRESS_CHARS, ADDRESSES, NAME_CHARS};
use crate::domain::address::EmailAddress;
use crate::domain::incoming::Correspondent;
use crate::domain::text::CleanLine;

/// Every address of every From field: two of them identify nobody. The same one twice is one.
pub(super) fn from(message: &Message<'_>) -> Vec<Correspondent> {
    let mut found = Vec::new();
    for field in message.fields("From") {
        let mut here = mailboxes(field);
        if here.is_empty() {
            here.push(Correspondent::default());
        }
        found.append(&mut here);
    }
    let is_one = found.len() <= ADDRESSES
        && found
            .windows(2)
            .all(|pair| pair[0].address.is_some() && pair[0].address == pair[1].address);
    found.truncate(if is_one { 1 } else { ADDRESSES });
    found
}

/// Whom to answer where From names nobody: Sender (RFC 5322 section 3.6.2), else the return path. Neither identifies
/// anybody.
pub(super) fn answer_to(message: &Message<'_>) -> Option<EmailAddress> {
    ["Sender", "Return-Path"].iter().find_map(|name| {
        let [only] = mailboxes(message.field(name)?).try_into().ok()?;
        let only: Correspondent = only;
        only.address
    })
}

/// Whether Reply-To names another address than From.
pub(super) fn answers_elsewhere(message: &Message<'_>) -> bool {
    let from = from(message);
    let is_other = |to: &Correspondent| from.iter().all(|from| from.address != to.address);
    let field = message.field("Reply-To").unwrap_or_default();
    mailboxes(field)
        .iter()
        .any(|to| to.address.is_some() && is_other(to))
}

/// What stands between two commas.
#[derive(Debug, Default)]
struct Mailbox {
    phrase: Vec<u8>,
    comment: Vec<u8>,
    angles: Vec<Vec<u8>>,
    bare: Vec<Vec<u8>>,
}

impl Mailbox {
    fn is_empty(&self) -> bool {
        let is_blank = |bytes: &[u8]| bytes.trim_ascii().is_empty();
        is_blank(&self.phrase)
            && is_blank(&self.comment)
            && self.angles.is_empty()
            && self.bare.is_empty()
    }

    /// Whether nothing that is an address, or a whole name, came so far.
    fn is_only_name(&self, bare: &[u8]) -> bool {
        let is_blank = self.phrase.trim_ascii().is_empty() && bare.is_empty();
        !is_blank && self.angles.is_empty() && self.bare.is_empty() && !bare.contains(&b'@')
    }

    fn add_word(&mut self, word: &mut Vec<u8>) {
        let is_bare = word.contains(&b'@');
        if is_bare && !self.angles.is_empty() {
            // An address behind the one in brackets: two of them.
            self.angles.push(std::mem::take(word));
        } else if is_bare {
            self.bare.push(std::mem::take(word));
        } else {
            self.phrase.append(word);
        }
    }

    fn read(self, is_group: bool) -> Correspondent {
        let Mailbox {
            mut phrase,
            comment,
            angles,
            bare,
        } = self;
        let only = match (angles.as_slice(), bare.as_slice()) {
            ([angle], _) => Some(angle),
            ([], [bare]) => Some(bare),
            _ => None,
        };
        let spelled = only.map(|bytes| String::from_utf8_lossy(bytes));
        let address = only.filter(|_| !is_group).and_then(|bytes| address(bytes));
        if !angles.is_empty() {
            for word in &bare {
                phrase.push(b' ');
                phrase.extend_from_slice(word);
            }
        }
        // A comment is the name only where there is no other (RFC 5322 section 3.4.1 calls that the old way).
        let (name, comment) = (decode(&phrase), decode(&comment));
        let name = if name.trim().is_empty() {
            comment
        } else {
            name
        };
        Correspondent {
            address,
            spelled: CleanLine::new(&spelled.unwrap_or_default(), ADDRESS_CHARS),
            name: CleanLine::new(&name, NAME_CHARS),
        }
    }
}

/// The mailboxes of a field (RFC 5322 section 3.4), with what is seen beside it: no brackets around an address, no end
/// of them, semicolons for commas.
fn mailboxes(value: &[u8]) -> Vec<Correspondent> {
    let (mut found, mut mailbox, mut bare) = (Vec::new(), Mailbox::default(), Vec::new());
    let mut is_group = false;
    // Written as it may not be, so that others may read another address: then several addresses are nobody's.
    let mut is_malformed = false;
    let last_quote = value.iter().rposition(|byte| *byte == b'"');
    let mut at = 0;
    while let Some(byte) = value.get(at).copied() {
        if found.len() > ADDRESSES {
            break;
        }
        let rest = &value[at..];
        if let Some(word) = encoded_word(rest) {
            mailbox.add_word(&mut bare);
            let length = if word.is_ended {
                word.length
            } else {
                until(rest, b"<,;\"(").unwrap_or(rest.len())
            };
            mailbox.phrase.extend_from_slice(&rest[..length]);
            is_malformed |= has_specials(&rest[..length]);
            at += length;
            continue;
        }
        at += 1;
        match byte {
            b'"' => {
                mailbox.add_word(&mut bare);
                if Some(at - 1) != last_quote {
                    at += quoted(&value[at..], &mut mailbox.phrase);
                } else {
                    is_malformed = true;
                }
            }
            b'(' => {
                mailbox.add_word(&mut bare);
                let length = comment(&value[at..], &mut mailbox.comment);
                is_malformed |= !value[at..at + length].ends_with(b")");
                at += length;
            }
            b'<' => {
                mailbox.add_word(&mut bare);
                let mut inside = Vec::new();
                let length = angle(&value[at..], &mut inside, &mut mailbox.comment);
                is_malformed |= !value[at..at + length].ends_with(b">");
                at += length;
                mailbox.angles.push(inside.trim_ascii().to_vec());
            }
            // "Last, First <address>": a name that nobody quoted.
            b',' if !is_group && mailbox.is_only_name(&bare) && goes_on_to_an_angle(rest) => {
                mailbox.add_word(&mut bare);
                mailbox.phrase.push(b',');
            }
            b',' | b';' => {
                mailbox.add_word(&mut bare);
                let done = std::mem::take(&mut mailbox);
                if !done.is_empty() {
                    found.push(done.read(is_group));
                }
            }
            b':' => {
                // The name of a group: a list of people, and so nobody.
                is_group = true;
                bare.clear();
                mailbox = Mailbox::default();
            }
            b'>' => {}
            byte if byte.is_ascii_whitespace() => {
                mailbox.add_word(&mut bare);
                mailbox.phrase.push(b' ');
            }
            byte => bare.push(byte),
        }
    }
    mailbox.add_word(&mut bare);
    if !mailbox.is_empty() || is_group && found.is_empty() {
        found.push(mailbox.read(is_group));
    }
    if is_malformed && value.iter().filter(|byte| **byte == b'@').count() > 1 {
        found.push(Correspondent::default());
    }
    found
}

/// Whether an encoded word holds signs that end it for whoever does not know encoded words (RFC 2047 section 5).
fn has_specials(word: &[u8]) -> bool {
    let count = |sign| word.iter().filter(|byte| **byte == sign).count();
    word.iter().any(|byte| b"<>@\"".contains(byte)) || count(b'(') != count(b')')
}

/// Whether behind this comma comes nothing but the rest of a name and an address in angle brackets.
fn goes_on_to_an_angle(rest: &[u8]) -> bool {
    let rest = rest.get(1..).unwrap_or_default();
    let end = until(rest, b"<,;@\"(:").filter(|end| rest[*end] == b'<');
    end.is_some_and(|end| !rest[..end].trim_ascii().is_empty())
}

fn until(bytes: &[u8], ends: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| ends.contains(byte))
}

/// Reads what stands in angle brackets, the first of them behind; returns how long it is. Comments may stand in it, and a
/// quoted string before the `@`, which stays as it is.
fn angle(rest: &[u8], into: &mut Vec<u8>, comments: &mut Vec<u8>) -> usize {
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'>' => return at + 1,
            b',' | b';' | b'<' => return at,
            b'(' => at += comment(&rest[at + 1..], comments),
            b'"' => {
                let length = quoted(&rest[at + 1..], &mut Vec::new());
                into.extend_from_slice(&rest[at..=at + length]);
                at += length;
            }
            b'\r' | b'\n' => {}
            byte => into.push(*byte),
        }
        at += 1;
    }
    rest.len()
}

/// Reads a quoted string whose first quotation mark is behind; returns how long it is.
fn quoted(rest: &[u8], into: &mut Vec<u8>) -> usize {
    let mut is_escaped = false;
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'"' if !is_escaped => return at + 1,
            b'\\' if !is_escaped => {
                is_escaped = true;
                continue;
            }
            byte => into.push(*byte),
        }
        is_escaped = false;
    }
    rest.len()
}

/// Reads a comment whose first bracket is behind, with comments in it; returns how long it is.
fn comment(rest: &[u8], into: &mut Vec<u8>) -> usize {
    let (mut is_escaped, mut depth) = (false, 1);
    if !into.is_empty() {
        into.push(b' ');
    }
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'\\' if !is_escaped => {
                is_escaped = true;
                continue;
            }
            b'(' if !is_escaped => depth += 1,
            b')' if !is_escaped => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
        into.push(*byte);
        is_escaped = false;
    }
    rest.len()
}

/// An address as it stands. A domain may end in a dot (it is absolute then), or be written in its own letters (RFC
/// 6531), which stand for ASCII ones (RFC 5891).
fn address(bytes: &[u8]) -> Option<EmailAddress> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_ascii() {
        return EmailAddress::parse(text);
    }
    let (local, domain) = text.rsplit_once('@')?;
    let url::Host::Domain(ascii) = url::Host::parse(domain).ok()? else {
        return None;
    };
    // Only letters that ASCII has not stand for others: no look-alike becomes a domain that is spelled in ASCII.
    let is_spelled = |(own, ascii): (&str, &str)| match own.is_ascii() {
        true => own.eq_ignore_ascii_case(ascii),
        false => ascii.starts_with("xn--"),
    };
    let is_same = domain.split('.').count() == ascii.split('.').count();
    (is_same && domain.split('.').zip(ascii.split('.')).all(is_spelled))
        .then(|| EmailAddress::parse(&format!("{local}@{ascii}")))
        .flatten()
}
