//! Parts that are no text: told in words, never opened. Signatures are not checked here, nothing is decrypted, no archive is
//! unpacked.

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::PARTS;
use super::report::kind;
use crate::domain::incoming::Invitation;
use crate::domain::note::Note;
use crate::mail::invitation;

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

/// Returns the meeting that a letter is about, where it has a calendar part.
pub(super) fn invitation(message: &Message<'_>) -> Option<Invitation> {
    let mut parts = message.parts.iter().take(PARTS);
    let part = parts.find(|part| kind(part) == "text/calendar")?;
    let mut invitation = invitation::read(part.text_contents()?).unwrap_or_default();
    let named = part
        .content_type()
        .and_then(|kind| kind.attribute("method"));
    if let Some(method) = named {
        invitation.method = method.trim().to_lowercase();
    }
    Some(invitation)
}
