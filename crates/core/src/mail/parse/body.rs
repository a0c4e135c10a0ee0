//! The words of a letter that a person would read.

use super::html::{html_text, signature_text};
use super::layout::Layout;
use super::mime::{Message, Part};
use crate::domain::note::Note;
use crate::domain::text::{CleanText, TEXT_CAP_BYTES};
use crate::mail::flowed::unflow;

/// A text of more characters than this is no stub beside its HTML.
const STUB_CHARS: usize = 400;
/// A marked signature of more lines is no signature.
const SIGNATURE_LINES: usize = 20;

/// Returns the readable parts in order: the text, or the HTML beside it where the text only stands in for it; and what
/// had to be guessed.
pub(super) fn body(message: &Message<'_>, layout: &Layout, notes: &mut Vec<Note>) -> CleanText {
    let mut text = join(message, &layout.text, notes);
    if text.trim().is_empty() && layout.html.is_empty() {
        text = join(message, &shown(message, layout), notes);
    }
    let parts = layout.html.iter().map(|index| &message.parts[*index]);
    let pages: Vec<&Part<'_>> = parts.filter(|part| part.kind == "text/html").collect();
    if pages.is_empty() {
        return CleanText::new(&text);
    }
    if is_stub(&text) {
        let html = join(message, &layout.html, notes);
        // Words that only sound like a stub stand in the HTML too.
        if html.chars().any(char::is_alphanumeric) {
            text = html;
        }
    } else if let Some(signature) = pages.iter().find_map(|page| signature_text(page)) {
        text = with_separator(&text, &signature);
    }
    CleanText::new(&text)
}

/// Text parts among the files that a reader would open first: nobody called them attachments, or nobody named them.
fn shown(message: &Message<'_>, layout: &Layout) -> Vec<usize> {
    let is_shown = |index: &usize| {
        let part = &message.parts[*index];
        let is_read = part.kind != "text/calendar" && !part.kind.ends_with("-headers");
        let is_file = part.disposition() == "attachment" && !part.file_name.is_empty();
        part.is_text() && is_read && !is_file
    };
    layout.files.iter().copied().filter(is_shown).collect()
}

/// The texts of parts, one below the other.
fn join(message: &Message<'_>, indexes: &[usize], notes: &mut Vec<Note>) -> String {
    let mut text = String::new();
    for part in indexes.iter().map(|index| &message.parts[*index]) {
        if text.len() >= TEXT_CAP_BYTES {
            break;
        }
        let (words, guessed) = part.text();
        notes.extend(
            guessed
                .map(Note::CharsetGuessed)
                .filter(|note| !notes.contains(note)),
        );
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&readable(part, words));
    }
    text
}

/// Puts the separator of a signature (RFC 3676 section 4.3) into a text where only the HTML beside it marks one.
fn with_separator(text: &str, signature: &str) -> String {
    let key = |line: &str| -> String { line.chars().filter(|c| c.is_alphanumeric()).collect() };
    let wanted: Vec<String> = signature
        .lines()
        .map(key)
        .filter(|key| !key.is_empty())
        .collect();
    let (Some(first), true) = (wanted.first(), wanted.len() <= SIGNATURE_LINES) else {
        return text.to_owned();
    };
    let (mut begin, mut last) = (0, "");
    // Where the last of them begins, if it is not marked.
    let mut found = None;
    for line in text.split_inclusive('\n') {
        let is_quoted = line.trim_start().starts_with('>');
        if !is_quoted && key(line) == *first {
            let keys = text[begin..].lines().map(key).filter(|key| !key.is_empty());
            if keys.take(wanted.len()).eq(wanted.iter().cloned()) {
                found = (last.trim() != "--").then_some(begin);
            }
        }
        if !line.trim().is_empty() {
            last = line;
        }
        begin += line.len();
    }
    match found {
        Some(begin) => format!("{}-- \n{}", &text[..begin], &text[begin..]),
        None => text.to_owned(),
    }
}

/// The words of a text part in whatever form it has.
fn readable(part: &Part<'_>, words: String) -> String {
    match part.kind.as_str() {
        "text/html" => html_text(&words),
        "text/enriched" | "text/richtext" => enriched_text(&words),
        _ if part.attribute("format") == "flowed" => {
            unflow(&words, part.attribute("delsp") == "yes")
        }
        _ => words,
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
    fn a_signature_that_html_marks_is_separated_in_the_text_too() {
        let text = "Готово.\n\nИван Смирнов\n\nспециалист\n\n> Иван Смирнов\n";
        assert_eq!(
            with_separator(text, "Иван Смирнов\nспециалист"),
            "Готово.\n\n-- \nИван Смирнов\n\nспециалист\n\n> Иван Смирнов\n"
        );
        let marked = "Готово.\n--\nИван\n";
        assert_eq!(with_separator(marked, "Иван"), marked);
        assert_eq!(with_separator(text, "Анна"), text);
        assert_eq!(with_separator(text, ""), text);
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
