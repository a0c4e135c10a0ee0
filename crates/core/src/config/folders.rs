//! Folders of a mailbox: which are read, and what becomes of a letter there once it is stored.

use super::problem::{Flaw, words};
use super::reader::Section;
use super::settings::AfterRegistration;

/// The folders to read: the listed ones, else the inbox and the spam folder.
pub(super) fn folders(section: &Section<'_>) -> Option<Vec<String>> {
    if !section.has("folders") {
        return Some(vec!["INBOX".to_owned(), "spam".to_owned()]);
    }
    let folders = section.texts("folders")?;
    let twice = (1..folders.len()).any(|n| {
        folders[..n]
            .iter()
            .any(|other| same_folder(other, &folders[n]))
    });
    if folders.is_empty() || twice {
        section.report(
            "folders",
            Flaw::new(
                words!(
                    "папок нет или одна названа дважды",
                    "there are no folders, or one stands twice"
                ),
                words!(
                    "перечислите папки по разу, например [\"INBOX\", \"spam\"]",
                    "list each folder once, such as [\"INBOX\", \"spam\"]"
                ),
            ),
        );
        return None;
    }
    Some(folders)
}

/// RFC 3501 section 5.1: `INBOX` in any case is the inbox. So is our word for the spam folder.
pub(super) fn same_folder(one: &str, other: &str) -> bool {
    let special = ["inbox", "spam"].contains(&one.to_lowercase().as_str());
    one == other || (special && one.to_lowercase() == other.to_lowercase())
}

/// What is done to a letter once it is stored; it is never moved to a folder of `folders`.
pub(super) fn after_registration(
    section: &Section<'_>,
    folders: Option<&[String]>,
) -> Option<AfterRegistration> {
    if !section.has("after_registration") {
        return Some(AfterRegistration::Seen);
    }
    let text = section.text("after_registration")?;
    let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let rest = rest.trim();
    let flaw = |what| {
        Err(Flaw::new(
            what,
            words!(
                "напишите \"seen\", \"keyword ИМЯ\", \"move ПАПКА\" или \"nothing\"",
                "write \"seen\", \"keyword NAME\", \"move FOLDER\" or \"nothing\""
            ),
        ))
    };
    let after = match (word, rest) {
        ("seen", "") => Ok(AfterRegistration::Seen),
        ("nothing", "") => Ok(AfterRegistration::Nothing),
        ("keyword", name) if is_keyword(name) => Ok(AfterRegistration::Keyword(name.to_owned())),
        ("keyword", _) => flaw(words!(
            "метка — одно слово из латинских букв, цифр, $, _ и дефиса",
            "a keyword is one word of Latin letters, digits, $, _ and hyphens"
        )),
        ("move", folder)
            if folders.is_some_and(|read| read.iter().any(|one| same_folder(one, folder))) =>
        {
            flaw(words!(
                "эту папку служба сама и читает: письма ходили бы по кругу",
                "the desk reads that folder itself: letters would go round in circles"
            ))
        }
        ("move", folder) if !folder.is_empty() => Ok(AfterRegistration::Move(folder.to_owned())),
        _ => flaw(words!("такого действия нет", "there is no such action")),
    };
    section.ok("after_registration", after)
}

/// A keyword is an atom (RFC 9051 section 9, `flag-keyword`); we accept the plain ones.
fn is_keyword(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"$_-".contains(&b))
}
