//! What a report is made of: the words a mail system wrote, the fields beside them, and what came back of the letter.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::super::PARTS;

/// Text of each sort that is read; reports are short, and what they return is not.
const TEXT_BYTES: usize = 64 * 1024;
/// Letters inside letters that are looked into.
const DEPTH: usize = 3;

/// The pieces of a letter that may be a report.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Whether it is a multipart/report of delivery-status, whole or inside a list's or gateway's wrapping.
    pub(super) is_report: bool,
    /// The words that do not belong to the returned letter and are not quoted.
    pub(super) told: String,
    /// The text of parts of fields.
    pub(super) status: String,
    /// The text of parts of fields in attached letters.
    pub(super) nested_status: String,
    /// Whether a letter, or the header of one, came back.
    pub(super) returns_a_letter: bool,
    /// Its Message-IDs as they stand there.
    pub(super) returned_ids: Vec<String>,
    /// The header lines of the returned letter.
    pub(super) returned: String,
}

impl Pieces {
    /// Returns the pieces of `message`.
    pub(super) fn of(message: &Message<'_>) -> Pieces {
        let mut pieces = Pieces {
            is_report: message.parts.iter().take(PARTS).any(is_delivery_report),
            ..Pieces::default()
        };
        let mut words = String::new();
        let mut html = String::new();
        for part in message.parts.iter().take(PARTS) {
            let kind = kind(part);
            match &part.body {
                PartType::Message(inner) => pieces.inner(inner, 1),
                _ if kind == "text/rfc822-headers" || kind == "message/rfc822-headers" => {
                    add(&mut pieces.returned, &text_of(part));
                }
                _ if kind.ends_with("/delivery-status")
                    || kind.ends_with("/global-delivery-status") =>
                {
                    add(&mut pieces.status, &text_of(part));
                    pieces.status.push('\n');
                }
                // A letter that the parser did not open, its encoding being one letters may not have.
                _ if kind == "message/rfc822" || kind == "message/global" => {
                    add(&mut pieces.returned, &text_of(part));
                }
                PartType::Text(text) => {
                    add(&mut words, text);
                    words.push('\n');
                }
                PartType::Html(text) if html.len() < TEXT_BYTES => {
                    let text = super::super::html::html_text(text);
                    add(&mut html, &text);
                }
                _ => {}
            }
        }
        if words.trim().is_empty() {
            words = html;
        }
        pieces.split(&words);
        if !pieces.returned.trim().is_empty() {
            pieces.returns_a_letter = true;
            let ids = message_ids(&pieces.returned);
            pieces.returned_ids.extend(ids);
        }
        pieces
    }

    /// A letter inside the letter: mostly the one that came back, at times the report itself.
    fn inner(&mut self, inner: &Message<'_>, depth: usize) {
        self.returns_a_letter = true;
        let has_status = inner
            .parts
            .iter()
            .take(PARTS)
            .any(|part| kind(part).ends_with("/delivery-status"));
        if !has_status {
            self.returned_ids
                .extend(inner.message_id().map(str::to_owned));
            for (name, value) in inner.headers_raw() {
                add(&mut self.returned, &format!("{name}:{value}"));
            }
        }
        for part in inner.parts.iter().take(PARTS) {
            if kind(part).ends_with("/delivery-status") {
                add(&mut self.nested_status, &text_of(part));
                self.nested_status.push('\n');
            } else if let PartType::Message(inner) = &part.body
                && depth < DEPTH
                && has_status
            {
                self.inner(inner, depth + 1);
            }
        }
    }

    /// Divides the words at the line where a copy of the letter begins.
    fn split(&mut self, words: &str) {
        let mut returned = String::new();
        let mut headers_in_a_row = 0;
        let mut told: Vec<&str> = Vec::new();
        let mut lines = words.lines();
        for line in lines.by_ref() {
            if super::words::announces_a_copy(line) {
                break;
            }
            let line_name = header_name(line);
            headers_in_a_row = match line_name {
                Some("received" | "return-path" | "message-id" | "mime-version" | "x-mailer") => {
                    headers_in_a_row + 2
                }
                Some(_) if headers_in_a_row > 0 => headers_in_a_row + 1,
                None if line.starts_with([' ', '\t']) => headers_in_a_row,
                _ => 0,
            };
            told.push(line);
            if headers_in_a_row >= 4 {
                break;
            }
        }
        if headers_in_a_row >= 4 {
            // Back to where that header began.
            let begun = told
                .iter()
                .rposition(|line| line.trim().is_empty())
                .map_or(0, |at| at + 1);
            for line in told.drain(begun..) {
                returned.push_str(line);
                returned.push('\n');
            }
        }
        for line in lines {
            if returned.len() >= TEXT_BYTES {
                break;
            }
            returned.push_str(line.trim_start_matches(['>', '|', ' ', '\t']));
            returned.push('\n');
        }
        for line in told
            .iter()
            .filter(|line| !line.trim_start().starts_with('>'))
        {
            self.told.push_str(line);
            self.told.push('\n');
        }
        if message_ids(&returned).next().is_some()
            || returned.lines().filter_map(header_name).count() >= 2
        {
            self.returned.push_str(&returned);
        } else if !self.told.contains('@') {
            // No letter came after all, and nobody was named yet: these are words too.
            add(&mut self.told, &returned);
        }
    }
}

/// The name of a header line of the fields that a returned letter begins with.
fn header_name(line: &str) -> Option<&'static str> {
    const NAMES: [&str; 12] = [
        "received",
        "return-path",
        "message-id",
        "mime-version",
        "x-mailer",
        "from",
        "to",
        "subject",
        "date",
        "content-type",
        "dkim-signature",
        "reply-to",
    ];
    let line = line.trim_start_matches(['>', '|', ' ']);
    let (name, _) = line.split_once(':')?;
    let name = name.trim_end();
    NAMES
        .into_iter()
        .find(|known| name.eq_ignore_ascii_case(known))
}

/// The Message-IDs of header lines in `text`.
fn message_ids(text: &str) -> impl Iterator<Item = String> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        while let Some(line) = lines.next() {
            let line = line.trim_start();
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            if !name.trim_end().eq_ignore_ascii_case("message-id") {
                continue;
            }
            // Long identifiers stand in the next line.
            let value = match value.trim() {
                "" => lines.peek().map_or("", |next| next.trim()),
                value => value,
            };
            let value = value.split_whitespace().next().unwrap_or_default();
            if value.contains('@') {
                return Some(value.to_owned());
            }
        }
        None
    })
}

fn is_delivery_report(part: &MessagePart<'_>) -> bool {
    let report_type = part
        .content_type()
        .and_then(|kind| kind.attribute("report-type"))
        .unwrap_or_default();
    kind(part) == "multipart/report" && report_type.eq_ignore_ascii_case("delivery-status")
}

/// The media type of a part, in lower case.
pub(in crate::mail::parse) fn kind(part: &MessagePart<'_>) -> String {
    part.content_type().map_or_else(String::new, |kind| {
        format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase()
    })
}

fn text_of(part: &MessagePart<'_>) -> String {
    let bytes = part.contents();
    let bytes = &bytes[..bytes.len().min(TEXT_BYTES)];
    String::from_utf8_lossy(bytes).into_owned()
}

/// Adds what still fits.
fn add(to: &mut String, text: &str) {
    let room = TEXT_BYTES.saturating_sub(to.len());
    let end = (0..=room.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    to.push_str(&text[..end.unwrap_or(0)]);
}
