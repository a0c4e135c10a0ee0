//! Does the letter of `check --send` come in? Looked for in every folder that is read, and where the running poller may have
//! put it meanwhile.

use std::time::Duration;

use ninetosix_core::check::{Cure, Report, words};
use ninetosix_core::config::{AfterRegistration, Mailbox};
use tokio::time::{Instant, sleep};

use super::imap::broken;
use crate::app::server;
use crate::imap::{Connection, ImapError, Role};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Waits until the letter is in the mailbox, for `patience` at most.
pub(super) async fn wait(
    report: &mut Report,
    mailbox: &Mailbox,
    message_id: &str,
    patience: Duration,
) {
    let address = &mailbox.address;
    // That it cannot be logged in to is a fact of its own already.
    let Ok(server) = server(mailbox) else { return };
    let Ok(mut connection) = Connection::open(&server).await else {
        return;
    };
    let begun = Instant::now();
    let found = loop {
        match look(&mut connection, mailbox, message_id).await {
            Ok(None) if begun.elapsed() < patience => sleep(PAUSE).await,
            Ok(found) => break found,
            Err(error) => return broken(report, address.as_str(), &error),
        }
    };
    connection.logout().await;
    let seconds = begun.elapsed().as_secs();
    match found {
        Some(folder) => report.good(words(
            format!("{address}: письмо пришло, папка {folder}, через {seconds} с; обращением оно не станет"),
            format!("{address}: the letter came in, folder {folder}, after {seconds} s; it becomes no ticket"),
        )),
        None => report.bad(
            words(
                format!("{address}: письма нет и через {seconds} с"),
                format!("{address}: the letter has not come in after {seconds} s"),
            ),
            Cure::NotArrived,
        ),
    }
}

/// The folder that holds the letter.
async fn look(
    connection: &mut Connection,
    mailbox: &Mailbox,
    message_id: &str,
) -> Result<Option<String>, ImapError> {
    let mut folders = mailbox.folders.clone();
    if let AfterRegistration::Move(target) = &mailbox.after_registration {
        folders.push(target.clone());
    }
    for folder in folders {
        let name = if folder == "spam" {
            match connection.list_special(Role::Junk).await? {
                Some(name) => name,
                None => continue,
            }
        } else {
            folder
        };
        match connection.examine(&name).await {
            Ok(()) => {}
            Err(ImapError::No { .. }) => continue,
            Err(error) => return Err(error),
        }
        if connection.holds_message(message_id).await? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
