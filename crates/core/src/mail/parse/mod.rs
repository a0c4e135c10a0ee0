//! Bytes of a letter to what decisions need. Total: any bytes give an [`IncomingMail`], however little is in it.
//!
//! The parser underneath recurses on letters inside letters and can exhaust its stack on a hostile one, which ends the
//! process and not the call: whoever calls this has counted the attempt before (rule R06).

mod body;
mod charset;
mod files;
mod headers;
#[cfg(test)]
mod headers_tests;
mod html;
#[cfg(test)]
mod html_tests;
mod prescan;
mod report;
#[cfg(test)]
mod robot_tests;
mod signs;
mod special;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

use mail_parser::{Address, Header, HeaderName, HeaderValue, Message, MessageParser};
use sha2::{Digest, Sha256};

use self::prescan::Extent;
use crate::domain::address::EmailAddress;
use crate::domain::digest::sha256;
use crate::domain::incoming::IncomingMail;
use crate::domain::note::Note;
use crate::domain::text::CleanLine;

/// Caps of promises.md: characters of a subject and of a name, references used, addresses kept, parts looked at.
const SUBJECT_CHARS: usize = 200;
const NAME_CHARS: usize = 100;
const ADDRESS_CHARS: usize = 254;
const REFERENCES: usize = 50;
const ADDRESSES: usize = 100;
const PARTS: usize = 500;
/// The longest Message-ID that is used as it is (RFC 5322 section 2.1.1 allows a line of 998).
const MESSAGE_ID_CHARS: usize = 500;

/// The parser recurses; its threads have a stack of this size, the same wherever a letter is read: what one daemon
/// could read, the other can.
pub const PARSER_STACK_BYTES: usize = 16 * 1024 * 1024;

/// Runs `read`, which parses letters, in a thread of its own with a stack of known size.
///
/// # Errors
/// A panic in it, in words.
pub async fn in_parser_thread<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let join = move || {
        let thread = std::thread::Builder::new()
            .name("parse".to_owned())
            .stack_size(PARSER_STACK_BYTES)
            .spawn(read);
        let ended = thread.map_err(|error| error.to_string())?.join();
        ended.map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            format!("the parser panicked: {}", text.unwrap_or_default())
        })
    };
    tokio::task::spawn_blocking(join)
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
}

/// The parser with dates left as they are: it reads on into the next field where a date ends in a zone of one or two letters
/// ("Z", "UT"), and that field, often From, is lost. Times of arrival come from the mail server.
fn parser() -> MessageParser {
    MessageParser::new()
        .with_mime_headers()
        .with_address_headers()
        .with_message_ids()
        .header_text(HeaderName::Subject)
        .default_header_raw()
}

/// Returns what can be read in the letter `raw`. One that exceeds a limit is read in part, and its notes say so.
pub fn parse(raw: &[u8]) -> IncomingMail {
    let (letter, why) = readable(raw);
    read(
        &letter,
        raw,
        why.map(Note::ReadInPart).into_iter().collect(),
    )
}

/// The bytes to parse for `raw`, and which limit it exceeds if they are not all of it.
fn readable(raw: &[u8]) -> (Cow<'_, [u8]>, Option<String>) {
    match prescan::extent(raw) {
        Extent::Reduced { letter, why } => (letter.into(), Some(why)),
        Extent::Full => match prescan::mended(raw) {
            Some(mended) => (mended.into(), None),
            None => (raw[prescan::begin(raw)..].into(), None),
        },
    }
}

/// Returns what the header of `raw` says, for a letter whose content nothing could read. `why` goes into its notes.
pub fn parse_header(raw: &[u8], why: &str) -> IncomingMail {
    let note = Note::KeptRaw(why.to_owned());
    read(&prescan::header_only(raw), raw, vec![note])
}

/// Reads `letter`, which is `raw` or made of it.
fn read(letter: &[u8], raw: &[u8], mut notes: Vec<Note>) -> IncomingMail {
    // The parser asserts what it believes of itself; one letter must not end a run over many.
    let parsed = std::panic::catch_unwind(|| parser().parse(letter));
    let parsed = parsed.unwrap_or_else(|_| {
        notes.push(Note::KeptRaw("the parser failed".to_owned()));
        std::panic::catch_unwind(|| parser().parse_headers(letter)).unwrap_or_default()
    });
    let Some(message) = parsed else {
        return IncomingMail {
            message_id: synthetic_id(&[raw]),
            content_hash: sha256(raw),
            notes,
            ..IncomingMail::default()
        };
    };
    let content_hash = content_hash(&message, prescan::body(raw));
    let (to, robot) = (to(&message), signs::robot_signs(&message));
    notes.extend(special::notes(&message));
    IncomingMail {
        message_id: message_id(&message, raw, &content_hash),
        content_hash,
        references: references(&message),
        from: headers::from(&message),
        subject: CleanLine::new(&subject(&message), SUBJECT_CHARS),
        body: body::body(&message, &mut notes),
        invitation: special::invitation(&message),
        attachments: files::attachments(&message),
        report: report::report(&message, &robot, &to),
        to,
        robot,
        notes,
    }
}

/// Its subject: the first one, read anew where the parser could not.
fn subject<'a>(message: &'a Message<'_>) -> Cow<'a, str> {
    let Some(header) = fields(message, "Subject").next() else {
        return "".into();
    };
    match &header.value {
        HeaderValue::Text(read) if !words::is_flawed(read) => read.as_ref().into(),
        HeaderValue::Text(_) => words::decode(raw_value(message, header)).into(),
        _ => "".into(),
    }
}

/// The bytes of a field's value as they came.
fn raw_value<'a>(message: &'a Message<'_>, header: &Header<'_>) -> &'a [u8] {
    let range = header.offset_start as usize..header.offset_end as usize;
    message.raw_message.get(range).unwrap_or_default()
}

/// Returns the decoded bytes of each of `parts`, or `None` where there is no such part. Text comes as UTF-8 whatever it
/// was written in.
pub fn attachments_bytes(raw: &[u8], parts: &[u32]) -> Vec<Option<Vec<u8>>> {
    let (letter, why) = readable(raw);
    let message = if why.is_none() {
        std::panic::catch_unwind(|| parser().parse(&letter)).unwrap_or_default()
    } else {
        None
    };
    parts
        .iter()
        .map(|part| {
            message
                .as_ref()?
                .parts
                .get(*part as usize)
                .map(|part| part.contents().to_vec())
        })
        .collect()
}

/// Tells copies of a letter from letters that only share a Message-ID: sender, date, subject and body, but not the
/// lines that servers add on the way.
fn content_hash(message: &Message<'_>, body: &[u8]) -> String {
    let mut all = Vec::with_capacity(body.len() + 300);
    for name in ["From", "Date", "Subject"] {
        all.extend_from_slice(
            message
                .header_raw(name.to_owned())
                .unwrap_or_default()
                .trim()
                .as_bytes(),
        );
        all.push(b'\n');
    }
    all.extend_from_slice(body);
    sha256(&all)
}

/// Its own Message-ID, or one made from the content where it has none that can be used. Two letters without a
/// Message-ID are the same if sender, date, subject and body are; without a date, if every byte is.
fn message_id(message: &Message<'_>, raw: &[u8], content_hash: &str) -> String {
    if let Some(id) = message.message_id() {
        if let Some(id) = usable_id(id) {
            return id;
        }
        return synthetic_id(&[id.as_bytes(), content_hash.as_bytes()]);
    }
    let field = |name: &str| {
        message
            .header_raw(name.to_owned())
            .unwrap_or_default()
            .trim()
            .as_bytes()
            .to_vec()
    };
    let date = field("Date");
    if date.is_empty() {
        return synthetic_id(&[raw]);
    }
    synthetic_id(&[
        &field("From"),
        &date,
        &field("Subject"),
        content_hash.as_bytes(),
    ])
}

/// A Message-ID without brackets, if it is short and holds neither control characters nor spaces.
fn usable_id(id: &str) -> Option<String> {
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    let is_plain = id.chars().all(|c| !c.is_control() && !c.is_whitespace());
    (!id.is_empty() && id.len() <= MESSAGE_ID_CHARS && is_plain).then(|| id.to_owned())
}

fn synthetic_id(fields: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    format!(
        "{}@no-message-id.invalid",
        data_encoding::HEXLOWER.encode(&hash.finalize()[..16])
    )
}

/// In-Reply-To, then References from the newest (RFC 5322 section 3.6.4), without repetitions.
fn references(message: &Message<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let answered = message.in_reply_to().as_text_list().into_iter().flatten();
    let earlier = message
        .references()
        .as_text_list()
        .into_iter()
        .flatten()
        .rev();
    for id in answered.chain(earlier) {
        if found.len() == REFERENCES {
            break;
        }
        if let Some(id) = usable_id(id)
            && !found.contains(&id)
        {
            found.push(id);
        }
    }
    found
}

fn to(message: &Message<'_>) -> Vec<EmailAddress> {
    ["To", "Cc"]
        .into_iter()
        .flat_map(|name| fields(message, name))
        .filter_map(|header| {
            if let HeaderValue::Address(addresses) = &header.value {
                Some(addresses)
            } else {
                None
            }
        })
        .flat_map(each_address)
        .take(ADDRESSES)
        .filter_map(|address| address.address.as_deref().and_then(EmailAddress::parse))
        .collect()
}

fn each_address<'a, 'x>(
    addresses: &'a Address<'x>,
) -> Box<dyn Iterator<Item = &'a mail_parser::Addr<'x>> + 'a> {
    match addresses {
        Address::List(list) => Box::new(list.iter()),
        Address::Group(groups) => Box::new(groups.iter().flat_map(|group| group.addresses.iter())),
    }
}

fn fields<'a, 'x>(message: &'a Message<'x>, name: &'a str) -> impl Iterator<Item = &'a Header<'x>> {
    message
        .headers()
        .iter()
        .filter(move |header| header.name.as_str().trim_end().eq_ignore_ascii_case(name))
}
