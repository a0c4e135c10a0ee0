//! A specialist's letter that the mail server does not vouch for: whoever wrote it, nothing in it is carried out.

use chrono::{DateTime, Utc};

use super::specialist::{REFUSALS_PER_DAY, to_author};
use super::{
    Facts, NewEvent, NewMessage, NewNote, Outcome, OwnLetter, Registration, TicketChange,
    TicketFacts,
};
use crate::domain::desk::Specialist;
use crate::domain::incoming::IncomingMail;
use crate::domain::proof::Proof;

/// Keeps the letter on the ticket that its token is about, if any, and tells the specialist at his own address.
pub(super) fn not_vouched(
    mail: &IncomingMail,
    proof: &Proof,
    facts: &Facts,
    specialist: &Specialist,
    ticket: Option<&TicketFacts>,
    now: DateTime<Utc>,
) -> Registration {
    let login = specialist.login.as_str();
    let said = proof.verdict.map(|verdict| verdict.to_string());
    let mut registration = Registration::kept(
        Outcome::Refused,
        format!(
            "from the address of {login} and with a token of ours, but the mail server does not vouch for it: {}",
            said.unwrap_or_default()
        ),
        Some(NewMessage::Specialist(login.to_owned())),
    );
    if let Some(ticket) = ticket {
        registration.ticket = TicketChange::Existing {
            number: ticket.number,
            state: ticket.state,
            assignee: ticket.assignee.clone(),
        };
        registration.note = Some(NewNote {
            login: login.to_owned(),
            body: mail.body.as_str().to_owned(),
            held: true,
        });
        registration.events.push(NewEvent::new(
            "refused",
            "desk",
            "a specialist's letter that the mail server does not vouch for",
        ));
    }
    if facts.refusals_today < REFUSALS_PER_DAY {
        registration
            .letters
            .push(to_author(login, OwnLetter::NotVouched, now));
    }
    registration
}
