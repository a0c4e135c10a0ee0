//! The files of a letter, under names that are safe to show and to pass on.

use mail_parser::{ContentType, Message, MessagePart, MimeHeaders, PartType};

use super::{PARTS, raw_value, words};
use crate::domain::digest::sha256;
use crate::domain::incoming::Attachment;
use crate::domain::text::CleanLine;

pub(super) fn attachments(message: &Message<'_>) -> Vec<Attachment> {
    let has_name = |index: u32| {
        let part = message.parts.get(index as usize);
        index > 0
            && part.is_some_and(|part| part.attachment_name().is_some_and(|name| !name.is_empty()))
    };
    // Text with a name is words to read and a file to pass on.
    let named = message.text_body.iter().chain(&message.html_body).copied();
    let mut indexes: Vec<u32> = message.attachments.iter().copied().take(PARTS).collect();
    indexes.extend(named.filter(|index| has_name(*index)));
    indexes.sort_unstable();
    indexes.dedup();
    let mut files: Vec<Attachment> = Vec::new();
    for index in indexes {
        let Some(part) = message.parts.get(index as usize) else {
            continue;
        };
        let file = attachment(message, index, part);
        // A signature's logo comes once for every letter quoted.
        let is_repeated = file.inline
            && files
                .iter()
                .any(|other| other.inline && other.sha256 == file.sha256);
        if !is_repeated {
            files.push(file);
        }
    }
    files
}

/// The name of a file as its sender gave it; of a letter, its subject; empty where there is none.
fn given_name(message: &Message<'_>, part: &MessagePart<'_>) -> String {
    let read = part.attachment_name().unwrap_or_default();
    let anew = [
        ("Content-Disposition", "filename"),
        ("Content-Type", "name"),
    ]
    .iter()
    .find_map(|(field, parameter)| {
        let mut headers = part.headers.iter();
        let header = headers.find(|header| header.name.as_str().eq_ignore_ascii_case(field))?;
        let raw = raw_value(message, header);
        let is_flawed = read.is_empty() || words::is_flawed(read) || raw.contains(&b'\\');
        is_flawed
            .then(|| words::parameter(raw, parameter))
            .flatten()
    });
    if let Some(anew) = anew.filter(|name| !name.trim().is_empty()) {
        return anew;
    }
    match &part.body {
        PartType::Message(inner) if read.is_empty() => {
            let subject = super::subject(inner);
            let subject = subject.trim();
            if subject.is_empty() {
                String::new()
            } else {
                format!("{}.eml", subject.replace(['/', '\\'], " "))
            }
        }
        _ => read.to_owned(),
    }
}

fn attachment(message: &Message<'_>, index: u32, part: &MessagePart<'_>) -> Attachment {
    let content_type = match (&part.body, part.content_type()) {
        (PartType::Message(_), _) => "message/rfc822".to_owned(),
        (_, Some(kind)) => format!(
            "{}/{}",
            kind.ctype(),
            kind.subtype().unwrap_or("octet-stream")
        )
        .to_lowercase(),
        (_, None) => "application/octet-stream".to_owned(),
    };
    let bytes = part.contents();
    Attachment {
        part: index,
        name: file_name(&given_name(message, part), index, &content_type),
        inline: content_type.starts_with("image/")
            && part.content_id().is_some()
            && !part
                .content_disposition()
                .is_some_and(ContentType::is_attachment),
        content_type: CleanLine::new(&content_type, 100).as_str().to_owned(),
        size_bytes: bytes.len() as u64,
        sha256: sha256(bytes),
        may_quote_us: may_quote_us(&part.body, bytes),
    }
}

/// Whether a file may hold a letter of ours: a letter itself, Outlook's winmail.dat, or text with a sentinel.
fn may_quote_us(body: &PartType<'_>, bytes: &[u8]) -> bool {
    /// How a winmail.dat begins (MS-OXTNEF section 2.1.3.1).
    const TNEF: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];
    matches!(body, PartType::Message(_))
        || bytes.starts_with(&TNEF)
        || memchr::memmem::find(bytes, b"[==").is_some()
}

/// A name that is only a name: the last step of a path, clean, at most 150 bytes, never empty.
pub(super) fn file_name(name: &str, index: u32, content_type: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = CleanLine::new(last, 1000)
        .as_str()
        .chars()
        .filter(|c| !matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|'))
        .collect();
    let mut clean = clean.trim_matches(['.', ' ']).to_owned();
    if clean.is_empty() {
        let ending = match content_type {
            "message/rfc822" => "eml",
            "text/plain" => "txt",
            "image/jpeg" => "jpg",
            "image/png" => "png",
            "application/pdf" => "pdf",
            _ => "bin",
        };
        return format!("{index}.{ending}");
    }
    while clean.len() > 150 {
        let ending = clean
            .rfind('.')
            .filter(|dot| clean.len() - dot <= 20)
            .unwrap_or(clean.len());
        let cut = clean[..ending]
            .char_indices()
            .next_back()
            .map_or(0, |(at, _)| at);
        clean.replace_range(cut..ending, "");
    }
    clean
}
