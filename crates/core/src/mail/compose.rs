//! A finished [`Draft`] to the bytes of a mail (RFC 5322, RFC 2045).

use chrono::{DateTime, Utc};
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue,
};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use super::file_part::file_part;
use super::{flowed, html_part, parse, pictures};
use crate::domain::address::EmailAddress;
use crate::domain::digest::sha256;
use crate::domain::files::FilePart;
use crate::domain::text::CleanLine;

/// A page of more bytes is left out, and the text stands alone: quotations in quotations make long HTML of little text.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// A letter in words, ready to be made a mail.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Message-ID, without brackets.
    pub message_id: String,
    /// Message-IDs it answers, oldest first; the last becomes In-Reply-To.
    pub references: Vec<String>,
    /// The name it is from.
    pub from_name: CleanLine,
    /// The support address it is from.
    pub from: EmailAddress,
    /// The name it is to; may be empty.
    pub to_name: CleanLine,
    /// The address it is to.
    pub to: EmailAddress,
    /// Its subject.
    pub subject: CleanLine,
    /// Its text: paragraphs, LF line ends.
    pub text: String,
    /// Language of the text (RFC 3282).
    pub language: &'static str,
    /// Further header fields.
    pub fields: Vec<(&'static str, CleanLine)>,
    /// Its files.
    pub files: Vec<File>,
    /// The instant in its Date field.
    pub date: DateTime<Utc>,
}

/// A file to attach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it is a picture that is shown inside the text.
    pub is_picture: bool,
    /// The line of the text that stands for the picture; without one it is shown nowhere.
    pub line: Option<String>,
}

/// Why a draft cannot become a mail.
#[derive(Debug, thiserror::Error)]
pub enum NotComposable {
    /// The address cannot be written into a header.
    #[error("the address cannot be written to: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// The parts do not make a mail.
    #[error("the letter cannot be built: {0}")]
    Build(#[from] lettre::error::Error),
    /// A file is not what was registered.
    #[error("the file {0} cannot be read from its letter")]
    File(String),
    /// A boundary cannot be written.
    #[error("the boundary between the parts cannot be written")]
    Boundary,
    /// A template failed.
    #[error(transparent)]
    Wording(#[from] super::wording::WordingError),
}

/// Returns those of `files` that travel, with their bytes out of the letter `raw` they came in.
///
/// # Errors
/// [`NotComposable::File`] if the letter does not hold the file that was registered.
pub fn files(raw: &[u8], files: &[FilePart]) -> Result<Vec<File>, NotComposable> {
    let travelling: Vec<&FilePart> = files.iter().filter(|file| file.travels).collect();
    if travelling.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<u32> = travelling.iter().map(|file| file.part).collect();
    let with_bytes = |(file, bytes): (&FilePart, Option<Vec<u8>>)| {
        let bytes = bytes.filter(|bytes| sha256(bytes) == file.sha256);
        let bytes = bytes.ok_or_else(|| NotComposable::File(file.name.clone()))?;
        Ok(File {
            name: file.name.clone(),
            content_type: file.content_type.clone(),
            bytes,
            is_picture: file.inline && pictures::can_be_shown(&file.content_type),
            line: None,
        })
    };
    let bytes = parse::attachments_bytes(raw, &parts);
    travelling.into_iter().zip(bytes).map(with_bytes).collect()
}

/// Returns the bytes of the mail, lines ending in CRLF. The same draft gives the same bytes.
///
/// The words come as text and as HTML (RFC 2046 section 5.1.4), pictures inside them are related to both (RFC 2387), and
/// what else there is are attachments:
///
/// ```text
/// mixed
/// ├─ related
/// │  ├─ alternative
/// │  │  ├─ text/plain
/// │  │  └─ text/html
/// │  └─ pictures
/// └─ files
/// ```
pub fn compose(draft: &Draft) -> Result<Vec<u8>, NotComposable> {
    let mailbox = |name: &CleanLine, address: &EmailAddress| -> Result<Mailbox, NotComposable> {
        let name = (!name.is_empty()).then(|| name.as_str().to_owned());
        Ok(Mailbox::new(name, address.as_str().parse()?))
    };
    let mut builder = lettre::Message::builder()
        .from(mailbox(&draft.from_name, &draft.from)?)
        .to(mailbox(&draft.to_name, &draft.to)?)
        .subject(draft.subject.as_str())
        .date(draft.date.into())
        .message_id(Some(format!("<{}>", draft.message_id)));
    if let Some(answered) = draft.references.last() {
        builder = builder.in_reply_to(format!("<{answered}>"));
        let thread: Vec<String> = draft
            .references
            .iter()
            .map(|id| format!("<{id}>"))
            .collect();
        builder = builder.references(thread.join(" "));
    }
    let fields = draft
        .fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    for (name, value) in [("Content-Language", draft.language)]
        .into_iter()
        .chain(fields)
    {
        builder = builder.raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str(name),
            value.to_owned(),
        ));
    }
    // In no encoding used here can `=_` stand, so no boundary can be met inside a part (RFC 2045 section 6.7).
    let hash = sha256(draft.message_id.as_bytes());
    let hash = &hash[..24];
    let multipart = |kind: &str, parameter: &str| -> Result<MultiPart, NotComposable> {
        let value = format!("multipart/{kind};{parameter} boundary=\"=_{kind}_{hash}\"");
        let value = ContentType::parse(&value).map_err(|_| NotComposable::Boundary)?;
        Ok(MultiPart::builder().header(value).build())
    };
    let identified = draft.files.iter().enumerate().map(|(number, file)| {
        let id = format!("{number}.{hash}@{}", draft.from.domain());
        (id, file)
    });
    let (shown, attached): (Vec<_>, Vec<_>) = identified.partition(|(_, file)| file.line.is_some());
    let in_text: Vec<html_part::Picture<'_>> = shown
        .iter()
        .filter_map(|(content_id, file)| {
            let line = file.line.as_deref()?;
            Some(html_part::Picture { line, content_id })
        })
        .collect();
    let mut content = multipart("alternative", "")?.singlepart(text_part(&draft.text));
    let page = html_part::html(&draft.text, draft.language, &in_text);
    if page.len() <= PAGE_BYTES {
        content = content.singlepart(page_part(&page));
    }
    if !shown.is_empty() {
        content = multipart("related", " type=\"multipart/alternative\";")?.multipart(content);
        for (id, file) in &shown {
            content = content.singlepart(file_part(file, Some(id)));
        }
    }
    if !attached.is_empty() {
        content = multipart("mixed", "")?.multipart(content);
        for (_, file) in attached {
            content = content.singlepart(file_part(file, None));
        }
    }
    Ok(builder.multipart(content)?.formatted())
}

/// The text as format=flowed (RFC 3676), so that phones wrap it to their own width.
fn text_part(text: &str) -> SinglePart {
    let flowed = flowed::flow(text)
        .trim_end_matches('\n')
        .replace('\n', "\r\n");
    SinglePart::builder()
        .header(FlowedText)
        .body(quoted_printable(flowed))
}

fn page_part(page: &str) -> SinglePart {
    SinglePart::builder()
        .header(ContentType::TEXT_HTML)
        .body(quoted_printable(page.replace('\n', "\r\n")))
}

fn quoted_printable(text: String) -> Body {
    Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
        .unwrap_or_else(Body::new)
}

/// `Content-Type: text/plain; charset=utf-8; format=flowed`.
#[derive(Clone)]
struct FlowedText;

impl Header for FlowedText {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Type")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(FlowedText)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(
            Self::name(),
            "text/plain; charset=utf-8; format=flowed".to_owned(),
        )
    }
}
