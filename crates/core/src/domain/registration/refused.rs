//! Letters that come in a specialist's name and are not believed: nothing in them is carried out, and he is told at his own
//! address.

use chrono::{DateTime, Utc};

use super::{
    AboutOwnLetter, Facts, NewEvent, NewLetter, NewMessage, NewNote, Outcome, OwnLetter,
    Registration, SpecialistLetter, TicketChange, TicketFacts,
};
use crate::domain::alert::Alert;
use crate::domain::desk::Specialist;
use crate::domain::incoming::IncomingMail;
use crate::domain::proof::Proof;

/// Letters a day to one specialist about letters that are not recognised as answers of his: a program in his mailbox may write
/// them (promise P15).
const REFUSALS_PER_DAY: u32 = 2;

/// A letter from a specialist's address that answers no letter of ours.
pub(super) fn no_token(
    proof: &Proof,
    facts: &Facts,
    specialist: &Specialist,
    now: DateTime<Utc>,
) -> Registration {
    let login = specialist.login.as_str();
    let why = "from a specialist's address, but without a token of ours".to_owned();
    let mut registration = kept(login, why);
    refuse(&mut registration, login, OwnLetter::NoToken, facts, now);
    if !proof.is_vouched() {
        mark_unvouched(&mut registration);
    }
    registration
}

/// A specialist's answer to a letter that was sent to a colleague.
pub(super) fn colleagues(
    mail: &IncomingMail,
    specialist: &Specialist,
    ticket: &TicketFacts,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Registration {
    let login = specialist.login.as_str();
    let why = format!("from {login}, but with a colleague's token");
    let mut registration = kept(login, why);
    let what = "a specialist's answer to a letter that was sent to a colleague";
    keep_on_ticket(&mut registration, mail, login, ticket, what);
    let why = OwnLetter::ColleaguesLetter;
    refuse(&mut registration, login, why, facts, now);
    registration
}

/// A letter that carries a specialist's token but is not from him: a private address, or a notice passed on.
pub(super) fn foreign(
    mail: &IncomingMail,
    login: &str,
    ticket: &TicketFacts,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Registration {
    let why = format!("carries a token of {login}, but is from another address");
    let mut registration = kept(login, why);
    let what = "a letter with a specialist's token from another address";
    keep_on_ticket(&mut registration, mail, login, ticket, what);
    let sender = mail.sender().map(ToString::to_string);
    let why = OwnLetter::ForeignAddress {
        address: sender.unwrap_or_default(),
    };
    refuse(&mut registration, login, why, facts, now);
    registration
}

/// A letter from a specialist's address, with his token, that the mail server does not vouch for. It is kept on the ticket
/// that the token is about, if any.
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
    let why = format!(
        "from the address of {login} and with a token of ours, but the mail server does not vouch for it: {}",
        said.unwrap_or_default()
    );
    let mut registration = kept(login, why);
    if let Some(ticket) = ticket {
        let what = "a specialist's letter that the mail server does not vouch for";
        keep_on_ticket(&mut registration, mail, login, ticket, what);
    }
    refuse(&mut registration, login, OwnLetter::NotVouched, facts, now);
    mark_unvouched(&mut registration);
    registration
}

/// Words about letters that anybody may have written are counted apart: nobody uses up those about his own.
fn mark_unvouched(registration: &mut Registration) {
    for letter in &mut registration.letters {
        if let NewLetter::ToSpecialist {
            letter: SpecialistLetter::OwnLetter(about),
            ..
        } = letter
        {
            about.unvouched = true;
        }
    }
}

/// Tells a specialist what became of a letter that is not recognised as an answer of his; after some of them the operator.
pub(super) fn refuse(
    registration: &mut Registration,
    login: &str,
    why: OwnLetter,
    facts: &Facts,
    now: DateTime<Utc>,
) {
    if facts.refusals_today < REFUSALS_PER_DAY {
        registration.letters.push(to_author(login, why, now));
    } else {
        registration.alert = Some(Alert::replies_of(login));
    }
}

/// A letter to a specialist about one in his name.
pub(super) fn to_author(login: &str, what: OwnLetter, now: DateTime<Utc>) -> NewLetter {
    NewLetter::ToSpecialist {
        login: login.to_owned(),
        due_at: now,
        letter: SpecialistLetter::OwnLetter(AboutOwnLetter {
            what,
            draft: None,
            again: false,
            unvouched: false,
        }),
    }
}

/// A letter in the name of `login` that causes nothing.
fn kept(login: &str, why: String) -> Registration {
    let author = NewMessage::Specialist(login.to_owned());
    Registration::kept(Outcome::Refused, why, Some(author))
}

/// Keeps the whole letter as words for specialists.
fn keep_on_ticket(
    registration: &mut Registration,
    mail: &IncomingMail,
    login: &str,
    ticket: &TicketFacts,
    what: &str,
) {
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
    let event = NewEvent::new("refused", "desk", what);
    registration.events.push(event);
}
