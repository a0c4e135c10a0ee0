//! A file as a part of a mail: its bytes in base64, and its name in every way that mail programs look for it.

use std::fmt::Write;

use data_encoding::{BASE64, BASE64_MIME};
use lettre::message::header::{
    ContentId, ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue,
};
use lettre::message::{Body, SinglePart};

use super::compose::File;

/// Returns a file as a part; with a Content-ID it is a picture that the HTML shows.
pub(super) fn file_part(file: &File, content_id: Option<&str>) -> SinglePart {
    // A letter inside a letter may not be encoded (RFC 2046 section 5.2.1): it travels as a plain file.
    let is_composite = ["message/", "multipart/"]
        .iter()
        .any(|kind| file.content_type.starts_with(kind));
    let is_usable = !is_composite
        && file.content_type.is_ascii()
        && ContentType::parse(&file.content_type).is_ok();
    let content_type = if is_usable {
        file.content_type.as_str()
    } else {
        "application/octet-stream"
    };
    let disposition = match content_id {
        Some(_) => "inline",
        None => "attachment",
    };
    // Encoded here from where the bytes are: no second copy of a large file.
    let mut encoded = BASE64_MIME.encode(&file.bytes).into_bytes();
    encoded.truncate(encoded.trim_ascii_end().len());
    let mut part = SinglePart::builder()
        .header(FileType(named(content_type, &old_name(&file.name))))
        .header(FileDisposition(named(disposition, &file_name(&file.name))));
    if let Some(id) = content_id {
        part = part.header(ContentId::from(format!("<{id}>")));
    }
    part.body(Body::dangerous_pre_encoded(
        encoded,
        ContentTransferEncoding::Base64,
    ))
}

fn named(value: &str, name: &str) -> String {
    format!("{value};\r\n {name}")
}

/// The name as a parameter of Content-Disposition, in one piece (RFC 2231 section 4): some programs know no other.
fn file_name(name: &str) -> String {
    if is_plain(name) {
        return format!("filename=\"{name}\"");
    }
    let mut parameter = "filename*=utf-8''".to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            parameter.push(char::from(byte));
        } else {
            let _ = write!(parameter, "%{byte:02X}");
        }
    }
    parameter
}

/// The name as a parameter of Content-Type, for programs that do not read the other: Outlook and old ones look for encoded
/// words here, though RFC 2047 section 5 has none in a parameter.
fn old_name(name: &str) -> String {
    if is_plain(name) {
        return format!("name=\"{name}\"");
    }
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in name.chars() {
        // At most 75 characters a word (RFC 2047 section 2).
        if word.len() + c.len_utf8() > 42 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encoded = words
        .iter()
        .map(|word| format!("=?utf-8?b?{}?=", BASE64.encode(word.as_bytes())));
    format!("name=\"{}\"", encoded.collect::<Vec<_>>().join("\r\n "))
}

/// Whether a name can stand in quotes as it is.
fn is_plain(name: &str) -> bool {
    name.len() <= 150
        && name
            .bytes()
            .all(|b| (b' '..=b'~').contains(&b) && !b"\"\\".contains(&b))
        && !name.contains("=?")
}

/// The media type of a file as it stands in its header.
#[derive(Clone)]
struct FileType(String);

impl Header for FileType {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Type")
    }

    fn parse(value: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(FileType(value.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        as_it_stands(Self::name(), &self.0)
    }
}

/// What to do with a file, as it stands in its header.
#[derive(Clone)]
struct FileDisposition(String);

impl Header for FileDisposition {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Disposition")
    }

    fn parse(value: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(FileDisposition(value.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        as_it_stands(Self::name(), &self.0)
    }
}

/// A field whose value is ASCII and folded already.
fn as_it_stands(name: HeaderName, value: &str) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned())
}
