//! Parts that are no text: told in words, never opened. Signatures are not checked here, nothing is decrypted, no archive is
//! unpacked.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::PARTS;
use super::report::kind;
use crate::domain::note::Note;

/// Returns what a reader should know of the parts that he does not see as words.
pub(super) fn notes(message: &Message<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    for part in message.parts.iter().take(PARTS) {
        let note = note(part);
        notes.extend(note.filter(|note| !notes.contains(note)));
    }
    notes
}

fn note(part: &MessagePart<'_>) -> Option<Note> {
    let attribute = |name: &str| {
        let value = part.content_type().and_then(|kind| kind.attribute(name));
        value.unwrap_or_default().to_ascii_lowercase()
    };
    let note = match kind(part).as_str() {
        "multipart/signed" if attribute("protocol").contains("pgp") => Note::Signed("PGP"),
        "multipart/signed" => Note::Signed("S/MIME"),
        "application/pkcs7-mime" | "application/x-pkcs7-mime"
            if attribute("smime-type") == "signed-data" =>
        {
            Note::SignedInOnePiece
        }
        "application/pkcs7-mime" | "application/x-pkcs7-mime" | "multipart/encrypted" => {
            Note::Encrypted
        }
        "application/ms-tnef" | "application/vnd.ms-tnef" => Note::Winmail,
        "message/partial" => Note::PartOfLarger,
        "message/external-body" => Note::FileElsewhere,
        _ if is_named_winmail(part.attachment_name()) => Note::Winmail,
        _ => match &part.body {
            PartType::Text(text) if text.contains("-----BEGIN PGP MESSAGE-----") => Note::Encrypted,
            _ => return None,
        },
    };
    Some(note)
}

fn is_named_winmail(name: Option<&str>) -> bool {
    name.is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat"))
}

/// Returns an invitation in words (RFC 5545), where a letter has a calendar part.
pub(super) fn calendar(message: &Message<'_>) -> Option<String> {
    let mut parts = message.parts.iter().take(PARTS);
    let part = parts.find(|part| kind(part) == "text/calendar")?;
    let text = part.text_contents()?;
    let lines = unfolded(text);
    let begin = lines
        .iter()
        .position(|line| line == "BEGIN:VEVENT")
        .unwrap_or(0);
    let value = |name: &str, from: usize| {
        lines.iter().skip(from).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            let (key, parameters) = key.split_once(';').unwrap_or((key, ""));
            let zone = parameters.strip_prefix("TZID=").unwrap_or_default();
            key.eq_ignore_ascii_case(name)
                .then(|| (unescaped(value), zone.to_owned()))
        })
    };
    let heading = match value("METHOD", 0)
        .map(|(method, _)| method.to_uppercase())
        .as_deref()
    {
        Some("CANCEL") => "Отмена встречи",
        Some("REPLY") => "Ответ на приглашение",
        Some("COUNTER") => "Другое предложение к встрече",
        _ => "Приглашение",
    };
    let mut told = format!("{heading}: {}", value("SUMMARY", begin)?.0);
    if let Some((start, zone)) = value("DTSTART", begin) {
        told.push_str(&format!("\nНачало: {}", moment(&start, &zone)));
    }
    if let Some((end, zone)) = value("DTEND", begin) {
        told.push_str(&format!("\nКонец: {}", moment(&end, &zone)));
    }
    if let Some((place, _)) = value("LOCATION", begin).filter(|(place, _)| !place.is_empty()) {
        told.push_str(&format!("\nМесто: {place}"));
    }
    if let Some((words, _)) =
        value("DESCRIPTION", begin).filter(|(words, _)| !words.trim().is_empty())
    {
        told.push_str(&format!("\n\n{}", words.trim()));
    }
    Some(told)
}

/// Lines with their continuations (RFC 5545 section 3.1).
fn unfolded(text: &str) -> Vec<String> {
    const LINES: usize = 5000;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().take(LINES) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    lines
}

fn unescaped(value: &str) -> String {
    value
        .replace("\\n", "\n")
        .replace("\\N", "\n")
        .replace("\\,", ",")
        .replace("\\;", ";")
        .replace("\\\\", "\\")
}

/// `20261130T100000Z` as a person writes it; anything else as it stands.
fn moment(value: &str, zone: &str) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let zone = if value.ends_with('Z') { "UTC" } else { zone };
    let shown = match digits.len() {
        8 => format!("{}.{}.{}", &digits[6..8], &digits[4..6], &digits[..4]),
        14 => format!(
            "{}.{}.{} {}:{}",
            &digits[6..8],
            &digits[4..6],
            &digits[..4],
            &digits[8..10],
            &digits[10..12]
        ),
        _ => value.to_owned(),
    };
    if zone.is_empty() {
        shown
    } else {
        format!("{shown} ({zone})")
    }
}
