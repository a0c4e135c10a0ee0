//! The folders of a mailbox: those that are read, and those that letters and copies are put into.

use ninetosix_core::check::{Cure, Report, words};

use super::imap::broken;
use crate::imap::{Connection, ImapError, Role};

/// Looks at a folder that is read.
pub(super) async fn read(
    report: &mut Report,
    connection: &mut Connection,
    place: &str,
    folder: &str,
) {
    let name = if folder == "spam" {
        match connection.list_special(Role::Junk).await {
            Ok(Some(name)) => name,
            Ok(None) => {
                return report.warning(
                    words(
                        format!("{place}: папки спама нет"),
                        format!("{place}: no folder for spam"),
                    ),
                    Cure::SpamFolder,
                );
            }
            Err(error) => return broken(report, place, &error),
        }
    } else {
        folder.to_owned()
    };
    // Before it is opened to be read, so that a missing one leaves the connection as it was.
    let found = match connection.examine(&name).await {
        Ok(()) => connection.select(&name).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(selected) => report.good(words(
            format!("{place}: папка {name}, писем {}", selected.exists),
            format!("{place}: folder {name}, {} letters", selected.exists),
        )),
        Err(ImapError::No { text, .. }) => report.bad(
            words(
                format!("{place}: папка {name} не открывается: {text}"),
                format!("{place}: folder {name} cannot be opened: {text}"),
            ),
            Cure::Folder,
        ),
        Err(error) => broken(report, place, &error),
    }
}

/// Looks at the folder that registered letters are moved to. One that is missing is made when the first letter is moved.
pub(super) async fn target(
    report: &mut Report,
    connection: &mut Connection,
    place: &str,
    folder: &str,
) {
    match connection.examine(folder).await {
        Ok(()) => report.good(words(
            format!("{place}: письма после регистрации переносим в папку {folder}"),
            format!("{place}: registered letters are moved to the folder {folder}"),
        )),
        Err(ImapError::No { .. }) => report.good(words(
            format!("{place}: папку {folder} заведём с первым письмом, которое туда переносим"),
            format!(
                "{place}: the folder {folder} is made with the first letter that is moved there"
            ),
        )),
        Err(error) => broken(report, place, &error),
    }
}

/// Looks at the folder of sent mail.
pub(super) async fn sent(report: &mut Report, connection: &mut Connection, place: &str) {
    match connection.list_special(Role::Sent).await {
        Ok(Some(name)) => report.good(words(
            format!("{place}: копии ответов кладём в папку {name}"),
            format!("{place}: copies of answers go to the folder {name}"),
        )),
        Ok(None) => report.warning(
            words(
                format!("{place}: папки отправленных нет, копии ответов класть некуда"),
                format!("{place}: no folder of sent mail for copies of answers"),
            ),
            Cure::SentFolder,
        ),
        Err(error) => broken(report, place, &error),
    }
}
