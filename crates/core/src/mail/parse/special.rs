//! Parts that are no text: told in words, never opened. Signatures are not checked here, nothing is decrypted, no archive is
//! unpacked.

use memchr::memmem;

use super::mime::{Message, Part};
use crate::domain::incoming::Invitation;
use crate::domain::note::Note;
use crate::mail::invitation;

/// Returns what a reader should know of the parts that he does not see as words.
pub(super) fn notes(message: &Message<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    for note in message.parts.iter().filter_map(note) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

fn note(part: &Part<'_>) -> Option<Note> {
    let note = match part.kind.as_str() {
        "multipart/signed" if part.attribute("protocol").contains("pgp") => Note::Signed("PGP"),
        "multipart/signed" => Note::Signed("S/MIME"),
        "application/pkcs7-mime" | "application/x-pkcs7-mime"
            if part.attribute("smime-type") == "signed-data" =>
        {
            Note::SignedInOnePiece
        }
        "application/pkcs7-mime" | "application/x-pkcs7-mime" | "multipart/encrypted" => {
            Note::Encrypted
        }
        "application/ms-tnef" | "application/vnd.ms-tnef" => Note::Winmail,
        "message/partial" => Note::PartOfLarger,
        "message/external-body" => Note::FileElsewhere,
        _ if part.file_name.eq_ignore_ascii_case("winmail.dat") => Note::Winmail,
        "text/plain" if memmem::find(part.encoded, b"-----BEGIN PGP MESSAGE-----").is_some() => {
            Note::Encrypted
        }
        _ => return None,
    };
    Some(note)
}

/// Returns the meeting that a letter is about, where it has a calendar part; one that is attached to words is a file.
pub(super) fn invitation(message: &Message<'_>, has_words: bool) -> Option<Invitation> {
    let is_meant = |part: &&Part<'_>| {
        part.kind == "text/calendar" && !(has_words && part.disposition() == "attachment")
    };
    let part = message.parts.iter().find(is_meant)?;
    let mut invitation = invitation::read(&part.text().0).unwrap_or_default();
    let method = part.attribute("method");
    if !method.is_empty() {
        invitation.method = method;
    }
    Some(invitation)
}
