//! The words of a letter that a person would read.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::html::html_text;
use super::report::kind;
use super::{PARTS, charset};
use crate::domain::note::Note;
use crate::domain::text::{CleanText, TEXT_CAP_BYTES};
use crate::mail::flowed::unflow;

/// A text of more characters than this is no stub beside its HTML.
const STUB_CHARS: usize = 400;

/// Returns the readable parts in order: the text, or the HTML beside it where the text only stands in for it; and what
/// had to be guessed.
pub(super) fn body(message: &Message<'_>, notes: &mut Vec<Note>) -> CleanText {
    let mut text = join(message, &message.text_body, notes);
    if text.trim().is_empty() && message.html_body.is_empty() {
        text = join(message, &shown(message), notes);
    }
    let has_html = || {
        let mut parts = message
            .html_body
            .iter()
            .filter_map(|index| part(message, *index));
        parts.any(|part| matches!(part.body, PartType::Html(_)))
    };
    if !is_stub(&text) || !has_html() {
        return CleanText::new(&text);
    }
    let html = join(message, &message.html_body, notes);
    // Words that only sound like a stub stand in the HTML too.
    let has_words = html.chars().any(char::is_alphanumeric);
    CleanText::new(if has_words { &html } else { &text })
}

fn part<'a, 'x>(message: &'a Message<'x>, index: u32) -> Option<&'a MessagePart<'x>> {
    message.parts.get(index as usize)
}

/// Text parts that the parser takes for files, and nobody called attachments: of rarer kinds, or with a name.
fn shown(message: &Message<'_>) -> Vec<u32> {
    let is_shown = |index: &u32| {
        let part = part(message, *index);
        part.is_some_and(|part| {
            let disposition = part.content_disposition();
            let is_attached = disposition.is_some_and(|disposition| disposition.is_attachment());
            let is_read = kind(part) != "text/calendar" && !kind(part).ends_with("-headers");
            part.is_text() && is_read && !is_attached
        })
    };
    message
        .attachments
        .iter()
        .copied()
        .filter(is_shown)
        .collect()
}

/// The texts of parts, one below the other.
fn join(message: &Message<'_>, indexes: &[u32], notes: &mut Vec<Note>) -> String {
    let mut text = String::new();
    for part in indexes
        .iter()
        .take(PARTS)
        .filter_map(|index| part(message, *index))
    {
        if text.len() >= TEXT_CAP_BYTES {
            break;
        }
        let Some((words, guessed)) = charset::text_of(message, part) else {
            continue;
        };
        notes.extend(
            guessed
                .map(Note::CharsetGuessed)
                .filter(|note| !notes.contains(note)),
        );
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&readable(part, &words));
    }
    text
}

/// The words of a text part in whatever form it has.
fn readable(part: &MessagePart<'_>, words: &str) -> String {
    if matches!(part.body, PartType::Html(_)) {
        return html_text(words);
    }
    let attribute = |name: &str| {
        let value = part.content_type().and_then(|kind| kind.attribute(name));
        value.unwrap_or_default().to_ascii_lowercase()
    };
    match kind(part).as_str() {
        "text/enriched" | "text/richtext" => enriched_text(words),
        _ if attribute("format") == "flowed" => unflow(words, attribute("delsp") == "yes"),
        _ => words.to_owned(),
    }
}

/// Whether a text only stands in for the HTML beside it: nothing visible, only names of pictures, or a few words that the
/// program cannot show HTML.
fn is_stub(text: &str) -> bool {
    let is_picture = |line: &str| {
        line.starts_with('[')
            && line.ends_with(']')
            && (line.contains("cid:") || line.contains("image"))
    };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    if lines.all(|line| is_picture(line) || !line.chars().any(char::is_alphanumeric)) {
        return true;
    }
    text.chars().count() <= STUB_CHARS && text.to_lowercase().contains("html")
}

/// The words of text/enriched (RFC 1896) and text/richtext: commands in angle brackets go, `<<` is one of them, and a
/// single line end is a space.
fn enriched_text(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_parameter = false;
    while let Some(at) = rest.find('<') {
        if !is_parameter {
            words.push_str(&rest[..at]);
        }
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('<') {
            words.push('<');
            rest = after;
            continue;
        }
        // A command has at most 60 characters; more is a sign on its own.
        let Some(end) = rest.bytes().take(62).position(|b| b == b'>') else {
            words.push('<');
            continue;
        };
        let command = rest[..end].to_ascii_lowercase();
        match command.as_str() {
            "param" => is_parameter = true,
            "/param" => is_parameter = false,
            "nl" | "/paragraph" => words.push_str("\n\n"),
            _ => {}
        }
        rest = &rest[end + 1..];
    }
    words.push_str(rest);
    let mut lines = String::with_capacity(words.len());
    for (number, paragraph) in words.replace("\r\n", "\n").split("\n\n").enumerate() {
        if number > 0 {
            lines.push('\n');
        }
        lines.push_str(&paragraph.replace('\n', " "));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_is_told_from_words() {
        for stub in [
            "",
            " \n\t\n",
            "[cid:logo.png@01D]",
            "[image: logo]",
            "----",
            "This message requires an HTML viewer.",
            "Ваша программа не поддерживает HTML.",
        ] {
            assert!(is_stub(stub), "{stub:?}");
        }
        for text in ["Да", "5", "[Важно] пароль", "Смотрите https://school.test"]
        {
            assert!(!is_stub(text), "{text:?}");
        }
        assert!(!is_stub(&format!("{} html", "слово ".repeat(100))));
    }

    #[test]
    fn enriched_text_is_plain() {
        let text = "<bold>Now</bold> is <color><param>red</param>the\ntime</color> for 1 << 2\n\nnext < not a command";
        assert_eq!(
            enriched_text(text),
            "Now is the time for 1 < 2\nnext < not a command"
        );
    }
}
