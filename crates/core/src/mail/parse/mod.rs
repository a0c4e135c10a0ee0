//! Bytes of a letter to what decisions need. Total: any bytes give an [`IncomingMail`], however little is in it.
//!
//! Parts, transfer encodings and charsets are read here, by rules that follow what programs send; a library reads addresses,
//! Message-IDs and the rarer charsets. Whoever calls this has counted the attempt before (rule R06).

mod body;
mod charset;
mod files;
mod header;
mod headers;
#[cfg(test)]
mod headers_tests;
mod html;
#[cfg(test)]
mod html_tests;
mod layout;
mod mime;
mod quoting_file;
mod report;
#[cfg(test)]
mod robot_tests;
mod signs;
mod special;
#[cfg(test)]
mod tests;
mod trace;
mod transfer;
mod utf7;
#[cfg(test)]
mod verdict_tests;
mod words;

use mail_parser::Address;
use sha2::{Digest, Sha256};

use self::layout::Layout;
use self::mime::Exceeds;
use crate::domain::address::EmailAddress;
use crate::domain::digest::sha256;
use crate::domain::incoming::{Correspondent, IncomingMail};
use crate::domain::note::Note;
use crate::domain::text::CleanLine;

/// Caps of promises.md: characters of a subject and of a name, references used, addresses kept.
const SUBJECT_CHARS: usize = 200;
const NAME_CHARS: usize = 100;
const ADDRESS_CHARS: usize = 254;
const REFERENCES: usize = 50;
const ADDRESSES: usize = 100;
/// The first text of a letter that is too much to be read whole.
const FIRST_TEXT_BYTES: usize = 256 * 1024;
/// The longest Message-ID that is used as it is (RFC 5322 section 2.1.1 allows a line of 998).
const MESSAGE_ID_CHARS: usize = 500;

/// Reading goes as deep as a letter is nested; its threads have a stack of this size, the same wherever a letter is read:
/// what one daemon could read, the other can.
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
        ended.map_err(in_words)
    };
    tokio::task::spawn_blocking(join)
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
}

/// Runs `read`, which parses one of several letters in [`in_parser_thread`].
///
/// # Errors
/// A panic in it, in words.
pub fn caught<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    // What a panic leaves behind is dropped with it.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).map_err(in_words)
}

fn in_words(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the parser panicked: {}", text.unwrap_or_default())
}

/// Returns what can be read in the letter `raw`. One that exceeds a limit is read in part, and its notes say so.
pub fn parse(raw: &[u8]) -> IncomingMail {
    let lines = header::with_lines(raw);
    match mime::read(&lines) {
        Ok(message) => incoming(&message, raw, Vec::new()),
        Err(exceeds) => {
            let letter = reduced(&lines, &exceeds);
            let message = mime::read(&letter).unwrap_or_default();
            incoming(&message, raw, vec![Note::ReadInPart(exceeds.why)])
        }
    }
}

/// Returns what the header of `raw` says, for a letter whose content nothing could read. `why` goes into its notes.
pub fn parse_header(raw: &[u8], why: &str) -> IncomingMail {
    let letter = header_only(&header::with_lines(raw));
    let message = mime::read(&letter).unwrap_or_default();
    incoming(&message, raw, vec![Note::KeptRaw(why.to_owned())])
}

/// Returns what is read in a letter that was registered: all that can be, or of one that was `released` from quarantine
/// its header alone.
pub fn parse_registered(raw: &[u8], released: bool) -> IncomingMail {
    if released {
        parse_header(raw, "it was in quarantine")
    } else {
        parse(raw)
    }
}

/// A letter of nothing but the header of `raw`, within limits and without what it says of the content.
fn header_only(raw: &[u8]) -> Vec<u8> {
    let (header, _) = header::split(&raw[header::begin(raw)..]);
    let kept = header::within_limits(header);
    let mut letter: Vec<u8> = header::fields(&kept)
        .filter(|field| !header::is_of_content(field))
        .flatten()
        .copied()
        .collect();
    letter.extend_from_slice(b"\r\n");
    letter
}

/// A letter of the header of `raw` and of its first text, within limits.
fn reduced(raw: &[u8], exceeds: &Exceeds<'_>) -> Vec<u8> {
    let mut letter = header_only(raw);
    let Some((header, text)) = exceeds.first_text else {
        return letter;
    };
    letter.truncate(letter.len() - b"\r\n".len());
    let header = header::within_limits(header);
    for field in header::fields(&header).filter(|field| header::is_of_content(field)) {
        letter.extend_from_slice(field);
    }
    letter.extend_from_slice(b"\r\n");
    letter.extend_from_slice(&text[..text.len().min(FIRST_TEXT_BYTES)]);
    letter
}

/// Reads `message`, which is `raw` or made of it.
fn incoming(message: &mime::Message<'_>, raw: &[u8], mut notes: Vec<Note>) -> IncomingMail {
    let plain = header::within_limits(message.header());
    let head = message.library_header(&plain);
    let head = head.as_ref();
    let (_, content) = header::split(&raw[header::begin(raw)..]);
    let content_hash = content_hash(message, content);
    let to = head.map(to).unwrap_or_default();
    let robot = signs::robot_signs(message);
    notes.extend(special::notes(message));
    let layout = Layout::of(message);
    let body = body::body(message, &layout, &mut notes);
    let (mut from, answer_to) = (headers::from(message), headers::answer_to(message));
    if message.hides_a_sender(raw) {
        from.push(Correspondent::default());
    }
    let is_clear = matches!(from.as_slice(), [only] if only.address.is_some());
    if !is_clear && answer_to.is_some() {
        notes.push(Note::SenderUnclear);
    }
    IncomingMail {
        message_id: message_id(message, head, raw, &content_hash),
        content_hash,
        references: head.map(references).unwrap_or_default(),
        from,
        answer_to,
        subject: CleanLine::new(&message.subject(), SUBJECT_CHARS),
        invitation: special::invitation(message, !body.is_empty()),
        body,
        attachments: files::attachments(message, &layout),
        report: report::report(message, &robot, &to),
        to,
        robot,
        trace: trace::trace(message),
        notes,
    }
}

/// Returns the decoded bytes of each of `parts`, or `None` where there is no such part.
pub fn attachments_bytes(raw: &[u8], parts: &[u32]) -> Vec<Option<Vec<u8>>> {
    let lines = header::with_lines(raw);
    let message = mime::read(&lines).unwrap_or_default();
    parts
        .iter()
        .map(|part| Some(message.parts.get(*part as usize)?.bytes().into_owned()))
        .collect()
}

/// Tells copies of a letter from letters that only share a Message-ID: sender, date, subject and body, but not the
/// lines that servers add on the way.
fn content_hash(message: &mime::Message<'_>, body: &[u8]) -> String {
    let mut all = Vec::with_capacity(body.len() + 300);
    for name in ["From", "Date", "Subject"] {
        all.extend_from_slice(message.field(name).unwrap_or_default());
        all.push(b'\n');
    }
    all.extend_from_slice(body);
    sha256(&all)
}

/// Its own Message-ID, or one made from the content where it has none that can be used. Two letters without a
/// Message-ID are the same if sender, date, subject and body are; without a date, if every byte is.
fn message_id(
    message: &mime::Message<'_>,
    head: Option<&mail_parser::Message<'_>>,
    raw: &[u8],
    content_hash: &str,
) -> String {
    if let Some(id) = head.and_then(|head| head.message_id()) {
        if let Some(id) = usable_id(id) {
            return id;
        }
        return synthetic_id(&[id.as_bytes(), content_hash.as_bytes()]);
    }
    let field = |name: &str| message.field(name).unwrap_or_default();
    if field("Date").is_empty() {
        return synthetic_id(&[raw]);
    }
    synthetic_id(&[
        field("From"),
        field("Date"),
        field("Subject"),
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
fn references(head: &mail_parser::Message<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let answered = head.in_reply_to().as_text_list().into_iter().flatten();
    let earlier = head.references().as_text_list().into_iter().flatten().rev();
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

/// The addresses in To and Cc.
fn to(head: &mail_parser::Message<'_>) -> Vec<EmailAddress> {
    let is_meant = |header: &&mail_parser::Header<'_>| {
        ["To", "Cc"]
            .iter()
            .any(|name| header.name.as_str().eq_ignore_ascii_case(name))
    };
    head.headers()
        .iter()
        .filter(is_meant)
        .filter_map(|header| header.value.as_address())
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
