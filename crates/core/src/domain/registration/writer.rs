//! Letters of people who ask for help: a new ticket, or one more entry in theirs.

use chrono::{DateTime, Utc};

use super::{
    Facts, NewEvent, NewLetter, NewMessage, NewTicket, Outcome, ReceiptPlan, Registration,
    SpecialistLetter, TicketChange, TicketFacts, WriterLetter,
};
use crate::domain::address::EmailAddress;
use crate::domain::alert::Alert;
use crate::domain::desk::Desk;
use crate::domain::files::is_logo;
use crate::domain::gate::first_minute;
use crate::domain::incoming::IncomingMail;
use crate::domain::letter::Lane;
use crate::domain::receipt_cap::first_allowed;
use crate::domain::reply_text::{ReplyContext, reply_text};
use crate::domain::robot::{self, Author};
use crate::domain::subject::{Prefix, split_prefixes};
use crate::domain::thanks::{is_only_thanks, may_ask};
use crate::domain::ticket::{Event, State, apply};

/// Notices of reopening a day to one address, without a person in between.
const REOPENINGS_PER_DAY: u32 = 3;

/// Returns whether `sender` may add to `ticket`: only whoever opened it. Cc and Reply-To prove nothing.
pub(super) fn belongs(sender: Option<&EmailAddress>, ticket: &TicketFacts) -> bool {
    sender.is_some() && sender == ticket.requester.as_ref()
}

/// One more letter in a ticket of its writer. Long after closing it opens a new one that points at the old. Nothing but
/// thanks for an answer moves nothing, however late.
pub(super) fn entry(
    mail: &IncomingMail,
    ticket: &TicketFacts,
    facts: &Facts,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Registration {
    let thanked = matches!(ticket.state, State::Answered | State::Closed) && only_thanks(mail);
    let too_late = !thanked
        && ticket.state == State::Closed
        && ticket
            .closed_at
            .is_some_and(|closed| now - closed > desk.reopen_within);
    if too_late {
        return new_ticket(mail, Author::Person, Some(ticket.number), facts, desk, now);
    }
    let (event, did, detail) = if thanked {
        let detail = "only thanks: its state stays";
        (Event::WriterThanked, "thanked in", detail)
    } else {
        (Event::WriterWrote, "added to", "")
    };
    let transition = apply(ticket.state, event);
    let mut registration = Registration::kept(
        Outcome::Entry,
        format!("its writer {did} ticket {}", ticket.number),
        Some(NewMessage::Requester),
    );
    registration.ticket = TicketChange::Existing {
        number: ticket.number,
        state: transition.to,
        assignee: ticket.assignee.clone(),
    };
    registration
        .events
        .push(NewEvent::new("entry", "requester", detail));
    if transition.reopened {
        registration
            .events
            .push(NewEvent::new("reopened", "requester", ""));
        let may_tell = facts.reopenings_today < REOPENINGS_PER_DAY
            && facts.dead_address.is_none()
            && !facts.receipts.is_loop();
        if may_tell && let Some(address) = &ticket.requester {
            registration.letters.push(NewLetter::ToWriter {
                address: address.clone(),
                name: ticket.requester_name.clone(),
                due_at: now,
                letter: WriterLetter::Reopened,
            });
        }
        registration.alert = told_of_loop(facts);
    }
    registration
        .letters
        .extend(notices(ticket.assignee.as_deref(), desk, now));
    registration
}

/// Whether a letter brings nothing but thanks: no file, no subject of its own, no word above, below or in the quotation
/// that could be more.
fn only_thanks(mail: &IncomingMail) -> bool {
    let (prefix, subject) = split_prefixes(mail.subject.as_str());
    let is_old_subject =
        prefix == Some(Prefix::Reply) || subject.is_empty() || is_only_thanks(subject);
    if !is_old_subject || !mail.attachments.iter().all(is_logo) {
        return false;
    }
    let text = reply_text(
        mail.body.as_str(),
        ReplyContext::of_reply(mail.sender_name().as_str()),
    );
    text.certain().is_some_and(is_only_thanks) && !may_ask(&text.signature)
}

/// A letter that belongs to no ticket of its sender.
pub(super) fn open(
    mail: &IncomingMail,
    author: Author,
    facts: &Facts,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Registration {
    // A number or a Message-ID known to a stranger is mentioned to specialists and proves nothing.
    let related = facts
        .writer_ticket
        .as_ref()
        .or(facts.tagged_ticket.as_ref())
        .map(|ticket| ticket.number);
    new_ticket(mail, author, related, facts, desk, now)
}

fn new_ticket(
    mail: &IncomingMail,
    author: Author,
    related: Option<i64>,
    facts: &Facts,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Registration {
    let requester = mail
        .correspondent()
        .filter(|address| Some(*address) != facts.received_by.as_ref())
        .cloned();
    let is_own = requester.as_ref().is_some_and(|one| desk.is_own(one));
    let is_unread = robot::nobody_reads(mail) || facts.dead_address.is_some();
    let receipt = if requester.is_none() || is_own || author == Author::List || is_unread {
        ReceiptPlan::Never
    } else {
        let due_at = first_allowed(&facts.receipts, now);
        match facts.receipts.waiting_letter {
            Some(letter) => ReceiptPlan::Join {
                letter,
                else_due_at: due_at,
            },
            None => ReceiptPlan::Write { due_at },
        }
    };
    let reason = match (related, &requester) {
        (_, None) => "opened a ticket; there is no one address to answer to".to_owned(),
        (Some(number), _) => format!("opened a ticket; it mentions ticket {number}"),
        (None, _) => "opened a ticket".to_owned(),
    };
    let mut registration = Registration::kept(Outcome::Ticket, reason, Some(NewMessage::Requester));
    registration.ticket = TicketChange::Open(NewTicket {
        subject: mail.subject.clone(),
        requester,
        requester_name: mail.sender_name(),
        related_ticket: related,
        receipt,
    });
    registration
        .events
        .push(NewEvent::new("opened", "requester", ""));
    registration.letters = notices(None, desk, now);
    registration.alert = told_of_loop(facts);
    registration
}

/// What the operator is told of an address that answers like a program and has had its share of letters.
fn told_of_loop(facts: &Facts) -> Option<Alert> {
    facts.receipts.is_loop().then(Alert::program_writes)
}

/// Notices to whoever has the ticket, or to all if nobody has, at the next opening.
fn notices(assignee: Option<&str>, desk: &Desk, now: DateTime<Utc>) -> Vec<NewLetter> {
    let due_at = first_minute(Lane::Worker, &desk.calendar, now);
    let to = |login: &str| NewLetter::ToSpecialist {
        login: login.to_owned(),
        due_at,
        letter: SpecialistLetter::Notice,
    };
    match assignee.filter(|login| desk.active(now).any(|s| s.login == *login)) {
        Some(login) => vec![to(login)],
        None => desk.active(now).map(|s| to(&s.login)).collect(),
    }
}
