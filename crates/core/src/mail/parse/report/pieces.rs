//! What a report is made of: the words a mail system wrote, the fields beside them, and what came back of the letter.

use super::super::html::html_text;
use super::super::mime::{Message, Part};

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
            is_report: message.parts.iter().any(is_delivery_report),
            ..Pieces::default()
        };
        let mut words = String::new();
        let mut html = String::new();
        let mut attached = String::new();
        for part in &message.parts {
            if let Some(inner) = part.letter() {
                pieces.inner(inner, 1);
            } else if is_returned(part) {
                add(&mut pieces.returned, &lines_of(part));
            } else if is_status(part) {
                let is_attached = !pieces.is_report && part.disposition() == "attachment";
                let status = if is_attached {
                    &mut attached
                } else {
                    &mut pieces.status
                };
                add(status, &lines_of(part));
                status.push('\n');
            } else if part.kind == "text/html" && html.len() < TEXT_BYTES {
                add(&mut html, &html_text(&part.text().0));
            } else if part.is_text() && part.kind != "text/html" {
                add(&mut words, &part.text().0);
                words.push('\n');
            }
        }
        if words.trim().is_empty() {
            words = html;
        }
        pieces.split(&words);
        // Attached to somebody's letter it is what he writes about.
        if !super::words::sounds_personal(&pieces.told) {
            add(&mut pieces.status, &attached);
        }
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
        let has_status = inner.parts.iter().any(is_status);
        if !has_status {
            let fields = String::from_utf8_lossy(inner.header());
            self.returned_ids.extend(message_ids(&fields));
            add(&mut self.returned, &fields);
        }
        for part in &inner.parts {
            if is_status(part) {
                add(&mut self.nested_status, &lines_of(part));
                self.nested_status.push('\n');
            } else if let Some(inner) = part.letter()
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
            let is_under_rule = told.iter().rev().find(|line| !line.trim().is_empty());
            let is_under_rule = is_under_rule.is_some_and(|line| is_rule(line));
            headers_in_a_row = match line_name {
                Some("received" | "return-path" | "message-id" | "mime-version" | "x-mailer") => {
                    headers_in_a_row + 2
                }
                Some(_) if headers_in_a_row > 0 || is_under_rule => headers_in_a_row + 1,
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

/// Whether a line is drawn, with words in it or without: "--- Here is its header ---".
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    ["--", "==", "__", "**"]
        .iter()
        .any(|sign| line.starts_with(sign) && line.ends_with(sign))
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

fn is_delivery_report(part: &Part<'_>) -> bool {
    part.kind == "multipart/report" && part.attribute("report-type").ends_with("delivery-status")
}

/// Whether a part has the fields of a report (RFC 3464, RFC 6533).
fn is_status(part: &Part<'_>) -> bool {
    ["/delivery-status", "/global-delivery-status"]
        .iter()
        .any(|kind| part.kind.ends_with(kind))
}

/// Whether a part is what came back: the header of a letter, or a letter that was not opened.
fn is_returned(part: &Part<'_>) -> bool {
    part.is_letter()
        || part.kind.ends_with("/rfc822-headers")
        || part.kind.ends_with("/global-headers")
}

/// The beginning of a part as it stands.
fn lines_of(part: &Part<'_>) -> String {
    let bytes = part.bytes();
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
