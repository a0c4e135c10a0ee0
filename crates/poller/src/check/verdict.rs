//! Does the mail server say anything of who wrote? Seen in the newest letters themselves: without its word no specialist is
//! recognised, and nothing else would tell why.

use std::collections::BTreeSet;

use ninetosix_core::check::{Cure, Report, words};
use ninetosix_core::config::{AfterRegistration, Mailbox};
use ninetosix_core::domain::verdict::{VerdictSource, signers, speaks};
use ninetosix_core::mail::parse;

use super::imap::broken;
use crate::imap::{Connection, ImapError};

/// So many letters are looked at.
const NEWEST: usize = 10;

/// What letters show of the server whose word is believed.
#[derive(Debug, Default)]
struct Seen {
    letters: usize,
    /// Of these, the letters it said something of.
    spoken: usize,
    /// What it may be called instead.
    signers: BTreeSet<String>,
}

/// Looks whether the server whose word is believed says anything of those who wrote lately.
pub(super) async fn verdict(report: &mut Report, connection: &mut Connection, mailbox: &Mailbox) {
    let Some(source) = &mailbox.verdict_source else {
        return;
    };
    let address = &mailbox.address;
    let seen = match look(connection, mailbox, source).await {
        Ok(seen) => seen,
        Err(error) => return broken(report, address.as_str(), &error),
    };
    let Seen {
        letters, spoken, ..
    } = seen;
    if letters == 0 {
        return report.warning(
            words(
                format!(
                    "{address}: писем ещё нет, и не видно, подтверждает ли сервер отправителей"
                ),
                format!("{address}: no letters yet to see whether the server vouches for senders"),
            ),
            Cure::VerdictUnseen.about(address),
        );
    }
    if spoken > 0 {
        return report.good(words(
            format!("{address}: сервер оценил отправителя в {spoken} из {letters} последних писем"),
            format!("{address}: the server judged the sender of {spoken} of the {letters} newest letters"),
        ));
    }
    let named: Vec<&str> = seen.signers.iter().map(String::as_str).collect();
    let (ru, en) = if named.is_empty() {
        (String::new(), String::new())
    } else {
        let named = named.join(", ");
        (
            format!("; возможно, он подписывается так: {named}"),
            format!("; it may sign as {named}"),
        )
    };
    report.warning(
        words(
            format!("{address}: в последних письмах ({letters}) нет Authentication-Results этого сервера{ru}"),
            format!("{address}: none of the {letters} newest letters has Authentication-Results of this server{en}"),
        ),
        Cure::VerdictMissing,
    );
}

/// Reads headers where letters come in, or where they are moved to.
async fn look(
    connection: &mut Connection,
    mailbox: &Mailbox,
    source: &VerdictSource,
) -> Result<Seen, ImapError> {
    let mut folders = vec!["INBOX"];
    if let AfterRegistration::Move(target) = &mailbox.after_registration {
        folders.push(target);
    }
    let mut seen = Seen::default();
    for folder in folders {
        match connection.examine(folder).await {
            Ok(()) => {}
            Err(ImapError::No { .. }) => continue,
            Err(error) => return Err(error),
        }
        let uids = connection.search_from(1).await?;
        let newest = &uids[uids.len().saturating_sub(NEWEST)..];
        for header in connection.fetch_whole_headers(newest).await? {
            let trace = parse::in_parser_thread(move || parse::parse(&header).trace).await;
            // A header that cannot be read says nothing.
            let trace = trace.unwrap_or_default();
            seen.letters += 1;
            seen.spoken += usize::from(speaks(&trace, source));
            seen.signers.extend(signers(&trace));
        }
        if seen.letters > 0 {
            break;
        }
    }
    Ok(seen)
}
