//! `check --send`: a letter that goes the way all letters go, to an address that the operator names.
//!
//! It needs no daemon and no database, stands in no outbox and counts against no ceiling of ours.

use std::future::ready;

use super::{Cure, Report, words};
use crate::clock::Clock;
use crate::config::{Mailbox, Settings};
use crate::domain::address::EmailAddress;
use crate::mail::{compose, test_letter};
use crate::smtp::{Class, Failure, SendOutcome, SmtpSession, Stage, Timeouts};

/// A letter that the server took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its Message-ID, without brackets.
    pub message_id: String,
}

/// Sends a letter from `mailbox` to `to` and notes what the server answered. Returns it if it was taken.
pub async fn send(
    report: &mut Report,
    settings: &Settings,
    mailbox: &Mailbox,
    to: &EmailAddress,
    clock: &dyn Clock,
) -> Option<Sent> {
    let from = &mailbox.address;
    let nonce = getrandom::u64().ok()?;
    let composed = test_letter::draft(
        &settings.desk.name,
        from,
        to,
        nonce,
        settings.language,
        clock.now(),
    )
    .and_then(|draft| Ok((compose::compose(&draft)?, draft.message_id)));
    let place = format!("{from} → {to}");
    let (raw, message_id) = match composed {
        Ok(composed) => composed,
        Err(error) => {
            let what = format!("{place}: {error}");
            report.bad(words(what.clone(), what), Cure::SendRecipient);
            return None;
        }
    };
    // That it cannot be logged in to is a fact of its own already.
    let server = crate::daemon::smtp_server(mailbox).ok()?;
    let mut session = SmtpSession::open(&server, &Timeouts::default())
        .await
        .ok()?;
    let outcome = session
        .send(from.as_str(), to.as_str(), || ready(Ok(raw)), ready(Ok(())))
        .await;
    session.quit().await;
    let (why, cure) = match outcome {
        SendOutcome::Accepted { reply } => {
            report.good(words(
                format!("{place}: сервер взял письмо: {reply}"),
                format!("{place}: the server took the letter: {reply}"),
            ));
            return Some(Sent { message_id });
        }
        SendOutcome::Failed(failure) => (failure.to_string(), cure(&failure)),
        SendOutcome::Ambiguous { why } => (why, Cure::SendAgain),
        SendOutcome::GateClosed(refusal) => (refusal.reason, Cure::SendAgain),
    };
    report.bad(
        words(
            format!("{place}: письмо не взято: {why}"),
            format!("{place}: the letter was not taken: {why}"),
        ),
        cure,
    );
    None
}

fn cure(failure: &Failure) -> Cure {
    match (failure.class, failure.stage) {
        (Class::Permanent, Stage::Rcpt) => Cure::SendRecipient,
        (Class::Permanent | Class::Ours | Class::Policy, _) => Cure::SendAccount,
        (Class::Temporary, _) => Cure::SendAgain,
    }
}
