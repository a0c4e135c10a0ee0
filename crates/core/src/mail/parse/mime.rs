//! The parts of a message (RFC 2045, RFC 2046), found by one pass over its lines for each level of nesting: within limits
//! that are asked before the work (rule R11), and with what programs leave out put back in.
//!
//! Whatever stands between the boundaries of a multipart belongs to it, however broken the parts inside are. A letter inside
//! a letter is opened three deep, and kept closed below that.

use std::borrow::Cow;

use mail_parser::MessageParser;

use super::header::{self, line_length};
use super::{charset, transfer, words};

/// The limits of promises.md.
const LETTER_BYTES: usize = 40 * 1024 * 1024;
const DEPTH: usize = 20;
const PARTS: usize = 500;
const LETTERS_IN_LETTERS: usize = 3;

/// As much of a text is decoded, and as much of that read: HTML of 2 MiB in any encoding.
const ENCODED_TEXT_BYTES: usize = 7 * 1024 * 1024;
const TEXT_BYTES: usize = 3 * 1024 * 1024;

/// A message with its parts.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    /// Each before those inside it; the first is the message itself.
    pub(super) parts: Vec<Part<'a>>,
}

/// A part of a message.
#[derive(Debug)]
pub(super) struct Part<'a> {
    header: Cow<'a, [u8]>,
    /// The name of the file as its sender gave it; empty where there is none.
    pub(super) file_name: String,
    /// Its media type and subtype, lower case.
    pub(super) kind: String,
    /// Its bytes with the transfer encoding.
    pub(super) encoded: &'a [u8],
    /// What is inside.
    pub(super) content: Content<'a>,
}

/// What is inside a part.
#[derive(Debug)]
pub(super) enum Content<'a> {
    /// Bytes.
    Leaf,
    /// Parts: those behind it, before this index.
    Parts { end: usize },
    /// A letter.
    Letter(Box<Message<'a>>),
}

/// A letter that exceeds a limit: which one, and what may be read of it all the same.
#[derive(Debug, PartialEq)]
pub(super) struct Exceeds<'a> {
    /// Which, in words.
    pub(super) why: String,
    /// The header and the bytes of its first text.
    pub(super) first_text: Option<(&'a [u8], &'a [u8])>,
}

/// Returns the parts of `raw`.
///
/// # Errors
/// If it exceeds a limit.
pub(super) fn read(raw: &[u8]) -> Result<Message<'_>, Exceeds<'_>> {
    let mut reader = Reader {
        large: (raw.len() > LETTER_BYTES).then(|| "it is larger than 40 MiB".to_owned()),
        ..Reader::default()
    };
    let begin = header::begin(raw);
    let read = reader.letter(&raw[begin..], 0, 0);
    let Reader {
        large, first_text, ..
    } = reader;
    match (read, large) {
        (Ok(message), None) => Ok(message),
        (Err(why), _) | (Ok(_), Some(why)) => Err(Exceeds { why, first_text }),
    }
}

/// What was found on the way through a letter.
#[derive(Debug, Default)]
struct Reader<'a> {
    parts: Vec<Part<'a>>,
    /// Parts counted in the whole letter.
    count: usize,
    first_text: Option<(&'a [u8], &'a [u8])>,
    /// A limit that is exceeded, and is no reason not to look for the text.
    large: Option<String>,
}

impl<'a> Reader<'a> {
    fn letter(
        &mut self,
        raw: &'a [u8],
        depth: usize,
        letters: usize,
    ) -> Result<Message<'a>, String> {
        let around = std::mem::take(&mut self.parts);
        self.part(raw, depth, letters, "text/plain")?;
        let parts = std::mem::replace(&mut self.parts, around);
        Ok(Message { parts })
    }

    fn part(
        &mut self,
        raw: &'a [u8],
        depth: usize,
        letters: usize,
        default_kind: &str,
    ) -> Result<(), String> {
        let (header, body) = header::split(raw);
        let exceeds = header::exceeds(header);
        let index = self.parts.len();
        let mut part = Part {
            header: match exceeds {
                Some(_) => Cow::Owned(header::within_limits(header)),
                None => Cow::Borrowed(header),
            },
            file_name: String::new(),
            kind: default_kind.to_owned(),
            encoded: body,
            content: Content::Leaf,
        };
        part.file_name = part.named();
        self.large = self.large.take().or(exceeds);
        if let Some(value) = part.field("Content-Type") {
            part.kind = media_type(value);
        }
        if part.kind.starts_with("multipart/") {
            let children = children(&part);
            if children.is_empty() {
                // Nothing divides it: then it is what it looks like.
                part.kind = "text/plain".to_owned();
            } else {
                return self.multipart(part, &children, depth, letters);
            }
        } else if is_letter(&part.kind)
            && letters < LETTERS_IN_LETTERS
            && !part.is_encoded()
            && !body.is_empty()
        {
            let begin = header::begin(body);
            part.content =
                Content::Letter(Box::new(self.letter(&body[begin..], depth, letters + 1)?));
        }
        if self.first_text.is_none() && part.kind.starts_with("text/") {
            self.first_text = Some((header, body));
        }
        debug_assert_eq!(
            index,
            self.parts.len(),
            "letters inside leave the parts around them"
        );
        self.parts.push(part);
        Ok(())
    }

    fn multipart(
        &mut self,
        part: Part<'a>,
        children: &[&'a [u8]],
        depth: usize,
        letters: usize,
    ) -> Result<(), String> {
        if depth == DEPTH {
            return Err(format!("its parts are nested more than {DEPTH} deep"));
        }
        // Parts of a digest are letters where they do not say otherwise (RFC 2046 section 5.1.5).
        let default_kind = match part.kind.as_str() {
            "multipart/digest" => "message/rfc822",
            _ => "text/plain",
        };
        let index = self.parts.len();
        self.parts.push(part);
        for child in children {
            self.count += 1;
            if self.count > PARTS {
                return Err(format!("it has more than {PARTS} parts"));
            }
            self.part(child, depth + 1, letters, default_kind)?;
        }
        let end = self.parts.len();
        self.parts[index].content = Content::Parts { end };
        Ok(())
    }
}

/// The parts between the boundaries of a multipart; none where nothing divides it.
fn children<'a>(part: &Part<'a>) -> Vec<&'a [u8]> {
    let named = part
        .parameter("Content-Type", "boundary")
        .map(|boundary| boundary.trim_end().to_owned())
        .filter(|boundary| !boundary.is_empty());
    let found = named.map(|boundary| divide(part.encoded, boundary.as_bytes()));
    match found {
        Some(children) if !children.is_empty() => children,
        // Missing, or another one than is used.
        _ => guessed_boundary(part.encoded)
            .map(|boundary| divide(part.encoded, boundary))
            .unwrap_or_default(),
    }
}

/// What stands between the lines of a boundary (RFC 2046 section 5.1.1). The end of the letter closes every part.
fn divide<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut children = Vec::new();
    let mut begin = None;
    let mut at = 0;
    while at < body.len() && children.len() <= PARTS {
        let line = &body[at..at + line_length(&body[at..])];
        let next = at + line.len();
        let is_last = match line
            .strip_prefix(b"--")
            .and_then(|rest| rest.strip_prefix(boundary))
        {
            Some(rest) if rest.trim_ascii().is_empty() => false,
            Some(rest) if is_close(rest) => true,
            _ => {
                at = next;
                continue;
            }
        };
        if let Some(begin) = begin {
            children.push(without_line_end(&body[begin..at]));
        }
        // A multipart inside may have the same boundary and end before this one does.
        begin = (!is_last).then_some(next);
        at = next;
    }
    if let Some(begin) = begin {
        children.push(&body[begin..]);
    }
    children
}

/// Whether what follows a boundary closes the multipart. Another boundary may begin with this one and two dashes.
fn is_close(rest: &[u8]) -> bool {
    rest.strip_prefix(b"--")
        .is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

/// The line end before a boundary belongs to the boundary.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// What the first line that looks like a boundary says: two dashes, and a field about content in the next line.
fn guessed_boundary(body: &[u8]) -> Option<&[u8]> {
    const LOOK_BYTES: usize = 64 * 1024;
    let mut rest = &body[..body.len().min(LOOK_BYTES)];
    while !rest.is_empty() {
        let (line, after) = rest.split_at(line_length(rest));
        let boundary = line.strip_prefix(b"--").map(<[u8]>::trim_ascii_end);
        if let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty())
            && header::is_of_content(after)
        {
            return Some(boundary);
        }
        rest = after;
    }
    None
}

/// The media type that a Content-Type value begins with; that of a text where it says nothing that is one (RFC 2045
/// section 5.2).
fn media_type(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(&value[..value.len().min(400)]).to_ascii_lowercase();
    let text = text.trim_start_matches([':', '"', '\'', ' ', '\t', '\r', '\n']);
    let end = text.find(|c: char| c.is_whitespace() || ";,\"'(".contains(c));
    let token = &text[..end.unwrap_or(text.len())];
    match token.split_once('/') {
        Some((kind, subtype)) if !kind.is_empty() && !subtype.is_empty() => token.to_owned(),
        _ => match token.trim_matches('/') {
            "html" => "text/html",
            "multipart" => "multipart/mixed",
            "application" | "octet-stream" => "application/octet-stream",
            _ => "text/plain",
        }
        .to_owned(),
    }
}

fn is_letter(kind: &str) -> bool {
    matches!(kind, "message/rfc822" | "message/global" | "message/news")
}

impl<'a> Message<'a> {
    /// Returns the indexes of the parts directly inside the part `index`.
    pub(super) fn children(&self, index: usize) -> impl Iterator<Item = usize> {
        let end = self.end(index);
        let mut next = index + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.end(child);
            Some(child)
        })
    }

    /// Where the parts inside the part `index` end.
    fn end(&self, index: usize) -> usize {
        match self.parts[index].content {
            Content::Parts { end } => end,
            Content::Leaf | Content::Letter(_) => index + 1,
        }
    }

    /// Returns the part that is the message itself; `None` for nothing at all.
    fn top(&self) -> Option<&Part<'a>> {
        self.parts.first()
    }

    /// Returns the value of the first field of that name in its header.
    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        self.top()?.field(name)
    }

    /// Returns the values of all fields of that name.
    pub(super) fn fields(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.top().into_iter().flat_map(move |top| top.fields(name))
    }

    /// Returns the value of a field as text, without its line ends.
    pub(super) fn text_field(&self, name: &str) -> Option<String> {
        let value = String::from_utf8_lossy(self.field(name)?);
        Some(value.replace(['\r', '\n'], "").trim().to_owned())
    }

    /// Returns its subject: the first one.
    pub(super) fn subject(&self) -> String {
        self.field("Subject").map(words::decode).unwrap_or_default()
    }

    /// Returns whether a reader of the bytes may find another From than is found here: its header exceeds a limit, or ends in
    /// a way that servers read otherwise, with such a field behind. Then nobody is identified.
    pub(super) fn hides_a_sender(&self, raw: &[u8]) -> bool {
        let raw = &raw[header::begin(raw)..];
        let (header, body) = header::split(raw);
        header::exceeds(header).is_some()
            || header::goes_on_for_others(body, raw.len() - body.len(), raw)
    }

    /// Returns its header as it stands.
    pub(super) fn header(&self) -> &[u8] {
        self.top().map_or(&[], |top| &top.header)
    }

    /// Returns what a library reads in its header; addresses, Message-IDs and dates are its matter.
    pub(super) fn library_header<'x>(&self, plain: &'x [u8]) -> Option<mail_parser::Message<'x>> {
        // Dates stay as they are: the library reads on into the next field where one ends in a zone of one or two letters.
        let parser = MessageParser::new()
            .with_address_headers()
            .with_message_ids()
            .default_header_raw();
        // It asserts what it believes of itself; one letter must not end a run over many.
        std::panic::catch_unwind(|| parser.parse_headers(plain)).unwrap_or_default()
    }
}

impl<'a> Part<'a> {
    /// Returns the value of the first field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields(name).next()
    }

    fn fields(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        header::fields(&self.header)
            .filter(move |field| header::name(field).eq_ignore_ascii_case(name.as_bytes()))
            .map(header::value)
    }

    /// Returns a parameter of a field, decoded.
    pub(super) fn parameter(&self, field: &str, name: &str) -> Option<String> {
        words::parameter(self.field(field)?, name)
    }

    /// Returns a parameter of its Content-Type, lower case; empty where there is none.
    pub(super) fn attribute(&self, name: &str) -> String {
        let value = self.parameter("Content-Type", name);
        value.unwrap_or_default().trim().to_ascii_lowercase()
    }

    fn named(&self) -> String {
        let named = [
            ("Content-Disposition", "filename"),
            ("Content-Type", "name"),
            // What careless programs write instead.
            ("Content-Disposition", "name"),
            ("Content-Type", "filename"),
        ];
        named
            .iter()
            .filter_map(|(field, name)| self.parameter(field, name))
            .find(|name| !name.trim().is_empty())
            .unwrap_or_default()
    }

    /// Returns how it is to be shown (RFC 2183): `inline`, `attachment` or another word; empty where that is not said.
    pub(super) fn disposition(&self) -> String {
        let value = String::from_utf8_lossy(self.field("Content-Disposition").unwrap_or_default());
        let word = value.split(|c: char| c == ';' || c.is_whitespace()).next();
        word.unwrap_or_default()
            .trim_matches(['"', '\''])
            .to_ascii_lowercase()
    }

    /// Returns whether it has a Content-ID, by which a text shows it.
    pub(super) fn has_content_id(&self) -> bool {
        self.field("Content-ID").is_some_and(|id| !id.is_empty())
    }

    fn is_encoded(&self) -> bool {
        transfer::is_encoded(self.encoding())
    }

    fn encoding(&self) -> &[u8] {
        self.field("Content-Transfer-Encoding").unwrap_or_default()
    }

    /// Returns its bytes, decoded.
    pub(super) fn bytes(&self) -> Cow<'a, [u8]> {
        transfer::decoded(self.encoded, self.encoding())
    }

    /// Returns its words, and the name of their encoding where that had to be guessed.
    pub(super) fn text(&self) -> (String, Option<&'static str>) {
        // No more is decoded than is read.
        let encoded = &self.encoded[..self.encoded.len().min(ENCODED_TEXT_BYTES)];
        let bytes = transfer::decoded(encoded, self.encoding());
        charset::text(
            &bytes[..bytes.len().min(TEXT_BYTES)],
            &self.attribute("charset"),
        )
    }

    /// Returns whether it is text of any kind and no letter or multipart.
    pub(super) fn is_text(&self) -> bool {
        self.kind.starts_with("text/")
    }

    /// Returns the letter in it, if it was opened.
    pub(super) fn letter(&self) -> Option<&Message<'a>> {
        match &self.content {
            Content::Letter(letter) => Some(letter),
            Content::Leaf | Content::Parts { .. } => None,
        }
    }

    /// Returns whether it is a letter, opened or not.
    pub(super) fn is_letter(&self) -> bool {
        is_letter(&self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "From: rita@family.test\r\nSubject: s\r\n";

    fn why(raw: &str) -> String {
        read(raw.as_bytes())
            .err()
            .map(|exceeds| exceeds.why)
            .unwrap_or_default()
    }

    /// The leaves of a letter: kind and bytes.
    fn leaves(raw: &str) -> Vec<(String, String)> {
        let message = read(raw.as_bytes()).expect("within limits");
        let is_leaf = |part: &&Part<'_>| !matches!(part.content, Content::Parts { .. });
        let leaves = message.parts.iter().filter(is_leaf);
        leaves
            .map(|part| {
                (
                    part.kind.clone(),
                    String::from_utf8_lossy(&part.bytes()).into_owned(),
                )
            })
            .collect()
    }

    fn check(raw: &str, want: &[(&str, &str)]) {
        let got = leaves(raw);
        let got: Vec<_> = got
            .iter()
            .map(|(kind, text)| (kind.as_str(), text.as_str()))
            .collect();
        assert_eq!(got, want, "{raw}");
    }

    #[test]
    fn parts_are_found_however_they_end() {
        let text = [("text/plain", "one"), ("text/plain", "two")];
        let mixed = "Content-Type: multipart/mixed; boundary=b\n\n";
        check(
            &format!("{mixed}before\n--b\n\none\n--b\n\ntwo\n--b--\nafter"),
            &text,
        );
        check(&format!("{mixed}--b \n\none\n--b\t\n\ntwo"), &text);
        // The end of the letter closes what is open, and an encoding is undone there too.
        check(
            &format!("{mixed}--b\nContent-Transfer-Encoding: base64\n\n0JTQsA==\n"),
            &[("text/plain", "Да")],
        );
        // An inner multipart that nobody closed ends where the outer one goes on.
        let inner = "Content-Type: multipart/alternative; boundary=c\n\n--c\n\none\n";
        check(&format!("{mixed}--b\n{inner}--b\n\ntwo\n--b--"), &text);
        // One boundary begins with another.
        let inner = "Content-Type: multipart/alternative; boundary=bc\n\n--bc\n\none\n--bc--\n";
        check(&format!("{mixed}--b\n{inner}--b\n\ntwo\n--b--"), &text);
    }

    #[test]
    fn a_boundary_is_found_where_it_is_written_badly_or_not_at_all() {
        let body = "--b\nContent-Type: text/plain\n\none\n--b--\n";
        for kind in [
            "boundary=\n b",
            "boundary=\"b\"",
            "boundary = b",
            "boundary=other",
            "charset=utf-8",
        ] {
            check(
                &format!("Content-Type: multipart/mixed; {kind}\n\n{body}"),
                &[("text/plain", "one")],
            );
        }
        let nothing = "Content-Type: multipart/mixed; boundary=b\n\nonly words\n";
        check(nothing, &[("text/plain", "only words\n")]);
    }

    #[test]
    fn a_broken_type_is_text() {
        for kind in ["text", "plain", "", "text/", ";charset=utf-8", "x"] {
            check(
                &format!("Content-Type: {kind}\n\none"),
                &[("text/plain", "one")],
            );
        }
        check("Content-Type: TEXT/HTML; x\n\none", &[("text/html", "one")]);
        check("Content-Type: html\n\none", &[("text/html", "one")]);
    }

    #[test]
    fn letters_inside_are_opened_three_deep() {
        let wrapped = "Content-Type: message/rfc822\n\n";
        let deep = format!("{}Subject: deep\n\nwords", wrapped.repeat(5));
        let mut message = read(deep.as_bytes()).expect("within limits");
        for _ in 0..LETTERS_IN_LETTERS {
            let part = message.parts.remove(0);
            let Content::Letter(inner) = part.content else {
                panic!("a closed letter");
            };
            message = *inner;
        }
        assert!(message.parts[0].is_letter() && message.parts[0].letter().is_none());
        // In an encoding that letters may not have, it stays closed.
        let encoded =
            "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdA==";
        let message = read(encoded.as_bytes()).expect("within limits");
        assert!(message.parts[0].is_letter() && message.parts[0].letter().is_none());
    }

    #[test]
    fn each_limit_is_named() {
        let nested = |count: usize| {
            let mut raw = HEAD.to_owned();
            for level in 0..count {
                raw.push_str(&format!(
                    "Content-Type: multipart/mixed; boundary=b{level}x\r\n\r\n--b{level}x\r\n"
                ));
            }
            raw + "\r\ntext"
        };
        let parts = |count: usize| {
            format!(
                "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n",
                "--b\r\n\r\nx\r\n".repeat(count)
            )
        };
        let field = |field: String| format!("{HEAD}{field}\r\n\r\nx");
        for (raw, want) in [
            (nested(DEPTH), ""),
            (nested(DEPTH + 1), "nested"),
            (nested(100_000), "nested"),
            (parts(PARTS), ""),
            (parts(PARTS + 1), "parts"),
            (parts(1_000_000), "parts"),
            (field("X-A: b\r\n".repeat(1000)), "fields"),
            (field(format!("X-A: {}", "b".repeat(64 * 1024))), "64 KiB"),
            (
                field(format!("X-A: {}\r\n", "b".repeat(9000)).repeat(40)),
                "256 KiB",
            ),
            (
                format!(
                    "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment{}\r\n\r\nx\r\n--b--",
                    "; filename*1=a".repeat(10_000)
                ),
                "64 KiB",
            ),
            (
                format!("{HEAD}\r\n{}", "text\r\n".repeat(LETTER_BYTES / 6)),
                "40 MiB",
            ),
        ] {
            let got = why(&raw);
            assert!(
                got.contains(want) && got.is_empty() == want.is_empty(),
                "{want}: {got}"
            );
        }
    }

    #[test]
    fn the_first_text_is_known_where_a_limit_is_exceeded() {
        let raw = format!(
            "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\nwords\r\n{}",
            "--b\r\n\r\nx\r\n".repeat(PARTS + 1)
        );
        let exceeds = read(raw.as_bytes()).expect_err("too many parts");
        let want: (&[u8], &[u8]) = (b"Content-Type: text/plain; charset=koi8-r\r\n", b"words");
        assert_eq!(exceeds.first_text, Some(want));
    }

    #[test]
    fn reading_takes_linear_time() {
        for line in [
            "--b\r\n",
            "--",
            "\r\n",
            " \r\n",
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
            "Content-Type: message/rfc822\r\n\r\n",
            " ;",
            ":",
            "From ",
        ] {
            // A quadratic step would not end within the patience of a developer.
            let raw = line.repeat(4_000_000 / line.len());
            let _ = read(raw.as_bytes());
            let _ =
                read(format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{raw}").as_bytes());
        }
    }
}
