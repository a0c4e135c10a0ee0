//! The order of the questions: is it ours, have we had it, did a program write it, a specialist, or somebody asking?

use chrono::{DateTime, Utc};

use super::{
    Facts, NewMessage, Outcome, Registration, TicketChange, digest_reply, refused, report,
    specialist, writer,
};
use crate::domain::desk::Desk;
use crate::domain::incoming::IncomingMail;
use crate::domain::proof::Proof;
use crate::domain::robot::{self, Author};
use crate::domain::verdict::Verdict;

/// Returns everything that `mail` causes at `now`.
pub fn decide(
    mail: &IncomingMail,
    proof: &Proof,
    facts: &Facts,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Registration {
    if let Some(first) = facts.same_letter {
        let mut copy = Registration::kept(Outcome::DuplicateOf, "the same letter again", None);
        copy.duplicate_of = Some(first);
        return copy;
    }
    if facts.is_our_letter {
        return Registration::kept(
            Outcome::Own,
            "its Message-ID is that of a letter of ours",
            Some(NewMessage::Robot),
        );
    }
    let robot::Judgement { author, evidence } = robot::judge(mail);
    if author == Author::DeliveryReport {
        return report::decide(mail, facts, desk, now);
    }
    if let Some(why) = is_own(mail, author, proof, facts, desk) {
        // No message: at the other address the same letter may be a person's.
        return Registration::kept(Outcome::Own, why, None);
    }
    let sender = mail.sender();
    let specialist = sender.and_then(|sender| desk.active_by_address(sender, now));
    if proof.is_ours_unchanged && specialist.is_none() {
        let why = "it is a letter of ours, by the marks in its text";
        return Registration::kept(Outcome::Own, why, None);
    }
    if author.is_robot() {
        let mut kept = Registration::kept(
            Outcome::Automatic,
            format!("written by a program: {evidence}"),
            Some(NewMessage::Robot),
        );
        kept.ticket = same_ticket(facts.writer_ticket.as_ref());
        return kept;
    }
    if let Some(specialist) = specialist {
        return match (&proof.specialist_ticket, &facts.specialist_ticket) {
            (Some((login, _)), Some(ticket))
                if *login == specialist.login && !proof.is_vouched() =>
            {
                refused::not_vouched(mail, proof, facts, specialist, Some(ticket), now)
            }
            (Some((login, _)), Some(ticket)) if *login == specialist.login => {
                let reply = specialist::Reply {
                    mail,
                    proof,
                    facts,
                    specialist,
                    ticket,
                    desk,
                    now,
                };
                reply.decide()
            }
            (Some(_), Some(ticket)) if proof.is_vouched() => {
                refused::colleagues(mail, specialist, ticket, facts, now)
            }
            (Some((login, _)), Some(ticket)) => refused::foreign(mail, login, ticket, facts, now),
            _ if proof.digest.is_some() && !proof.is_vouched() => {
                refused::not_vouched(mail, proof, facts, specialist, None, now)
            }
            _ if proof.digest.is_some() => {
                digest_reply::digest_reply(mail, facts, specialist, desk, now)
            }
            _ => refused::no_token(proof, facts, specialist, now),
        };
    }
    if let Some(ticket) = &facts.writer_ticket
        && writer::belongs(sender, ticket)
    {
        let mut registration = writer::entry(mail, ticket, facts, desk, now);
        registration.confirmed = sender.cloned();
        return registration;
    }
    if let (Some((login, _)), Some(ticket)) = (&proof.specialist_ticket, &facts.specialist_ticket) {
        return refused::foreign(mail, login, ticket, facts, now);
    }
    if let Some(ticket) = &facts.tagged_ticket
        && writer::belongs(sender, ticket)
    {
        return writer::entry(mail, ticket, facts, desk, now);
    }
    let mut registration = writer::open(mail, author, facts, desk, now);
    // Whom the mail server vouches for is there.
    let is_vouched = proof.verdict.is_some_and(Verdict::is_pass);
    registration.confirmed = sender.filter(|_| is_vouched).cloned();
    registration
}

/// Why a letter is one of ours that came back: it comes from the address that it came to, or from another of the desk's and
/// was not written by a person there.
fn is_own(
    mail: &IncomingMail,
    author: Author,
    proof: &Proof,
    facts: &Facts,
    desk: &Desk,
) -> Option<&'static str> {
    let mut from = mail.from.iter().filter_map(|from| from.address.as_ref());
    let own = from.find(|address| desk.is_own(address))?;
    let is_others = facts
        .received_by
        .as_ref()
        .is_some_and(|mailbox| mailbox != own);
    // The token of a writer verifies for its own address only: he goes on in his ticket.
    let is_ours = proof.specialist_ticket.is_some() || proof.digest.is_some();
    if is_others && !author.is_robot() && !is_ours {
        return None;
    }
    Some("it comes from an address of the desk")
}

/// Ties a letter to a ticket without moving it.
fn same_ticket(ticket: Option<&super::TicketFacts>) -> TicketChange {
    ticket.map_or(TicketChange::None, |ticket| TicketChange::Existing {
        number: ticket.number,
        state: ticket.state,
        assignee: ticket.assignee.clone(),
    })
}
