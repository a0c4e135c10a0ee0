//! A specialist's reply to a digest: he takes tickets from it.

use chrono::{DateTime, Utc};

use super::refused::{refuse, to_author};
use super::{Facts, NewCommand, NewMessage, Outcome, OwnLetter, Registration, Taken, Verb};
use crate::domain::desk::{Desk, Specialist};
use crate::domain::gate::first_minute;
use crate::domain::incoming::IncomingMail;
use crate::domain::letter::Lane;
use crate::domain::notice_digest::{self, NotUnderstood};
use crate::domain::reply_text::{ReplyContext, reply_text};
use crate::domain::ticket::apply;

/// Returns the tickets that a specialist's reply to a digest takes.
///
/// # Errors
/// What of it is not understood.
pub(crate) fn taken_by(mail: &IncomingMail) -> Result<Vec<i64>, NotUnderstood> {
    let name = mail.sender_name();
    let text = reply_text(mail.body.as_str(), ReplyContext::of_reply(name.as_str()));
    let own = text.certain();
    own.map_or_else(|| Err(NotUnderstood(String::new())), notice_digest::taken)
}

/// A specialist's reply to a digest: he takes tickets, and gets their notices. Words to a digest go to nobody.
pub(super) fn digest_reply(
    mail: &IncomingMail,
    facts: &Facts,
    specialist: &Specialist,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Registration {
    let login = specialist.login.as_str();
    let mut registration = Registration::kept(
        Outcome::Command,
        format!("an order of {login} to a digest"),
        Some(NewMessage::Specialist(login.to_owned())),
    );
    let missing = |number: &i64| !facts.digest.contains_key(number);
    let to_us = mail.to.iter().any(|address| desk.is_own(address));
    let taken = if mail.is_forward() || !to_us {
        Err(NotUnderstood(String::new()))
    } else {
        taken_by(mail)
    };
    let numbers = match taken {
        Ok(numbers) if numbers.iter().any(missing) => {
            let first = numbers.iter().find(|number| missing(number));
            let written = first.map(ToString::to_string).unwrap_or_default();
            Err(OwnLetter::NotInDigest { written })
        }
        Ok(numbers) => Ok(numbers),
        Err(NotUnderstood(written)) => Err(OwnLetter::DigestNotUnderstood { written }),
    };
    let numbers = match numbers {
        Ok(numbers) => numbers,
        Err(why) => {
            refuse(&mut registration, login, why, facts, now);
            return registration;
        }
    };
    let due_at = first_minute(Lane::Worker, &desk.calendar, now);
    let applied = due_at <= now;
    for number in numbers {
        let Some(folded) = facts.digest.get(&number) else {
            continue;
        };
        // Two numbers of tickets that were merged are one.
        let mut taken = registration.taken.iter_mut();
        if let Some(same) = taken.find(|taken| taken.number == folded.ticket.number) {
            same.messages.extend(&folded.messages);
            continue;
        }
        registration.taken.push(Taken {
            number: folded.ticket.number,
            state: apply(folded.ticket.state, Verb::Take.event()).to,
            command: NewCommand {
                verb: Verb::Take,
                address: None,
                due_at,
                applied,
            },
            messages: folded.messages.clone(),
        });
    }
    if !applied {
        let accepted = OwnLetter::DigestAccepted { at: due_at };
        registration.letters.push(to_author(login, accepted, now));
    }
    registration
}
