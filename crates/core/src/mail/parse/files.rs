//! The files of a letter, under names that are safe to show and to pass on.

use super::layout::Layout;
use super::mime::{Message, Part};
use super::quoting_file::may_quote_us;
use crate::domain::digest::sha256;
use crate::domain::incoming::Attachment;
use crate::domain::text::CleanLine;

pub(super) fn attachments(message: &Message<'_>, layout: &Layout) -> Vec<Attachment> {
    // Text with a name is words to read and a file to pass on.
    let words = layout.text.iter().chain(&layout.html).copied();
    let named = words.filter(|index| *index > 0 && !message.parts[*index].file_name.is_empty());
    let mut indexes: Vec<usize> = layout.files.iter().copied().chain(named).collect();
    indexes.sort_unstable();
    indexes.dedup();
    let mut files: Vec<Attachment> = Vec::new();
    for index in indexes {
        let file = attachment(index, &message.parts[index]);
        // A signature's logo comes once for every letter quoted.
        let is_repeated = file.inline
            && files
                .iter()
                .any(|other| other.inline && other.sha256 == file.sha256);
        let is_nothing = file.size_bytes == 0 && !file.is_named;
        if !is_repeated && !is_nothing {
            files.push(file);
        }
    }
    files
}

/// The name of a file as its sender gave it; of a letter, its subject; empty where there is none.
fn given_name(part: &Part<'_>) -> String {
    let name = part.file_name.clone();
    if !name.is_empty() {
        return name;
    }
    let subject = part.letter().map(Message::subject).unwrap_or_default();
    let subject = subject.trim();
    if subject.is_empty() {
        String::new()
    } else {
        format!("{}.eml", subject.replace(['/', '\\'], " "))
    }
}

fn attachment(index: usize, part: &Part<'_>) -> Attachment {
    let charset = part.attribute("charset");
    let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let content_type = if part.is_text() && !charset.is_empty() && charset.chars().all(is_token) {
        format!("{}; charset={charset}", part.kind)
    } else {
        part.kind.clone()
    };
    let bytes = part.bytes();
    let given = given_name(part);
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let name = file_name(&given, index, &part.kind);
    Attachment {
        part: index,
        may_quote_us: may_quote_us(part, &name, &bytes),
        name,
        is_named: !given.trim().is_empty(),
        inline: part.kind.starts_with("image/")
            && part.has_content_id()
            && part.disposition() != "attachment",
        content_type: CleanLine::new(&content_type, 100).as_str().to_owned(),
        size_bytes: bytes.len() as u64,
        sha256: sha256(&bytes),
    }
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
            "text/html" => "html",
            "text/calendar" => "ics",
            _ => "bin",
        };
        return format!("{index}.{ending}");
    }
    // Names that Windows keeps for devices.
    let stem = clean
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_ascii_uppercase();
    let is_port = |name: &str| {
        stem.len() == 4 && stem.starts_with(name) && stem.ends_with(|c: char| c.is_ascii_digit())
    };
    if ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str()) || is_port("COM") || is_port("LPT") {
        clean.insert(0, '_');
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
