//! Delivery reports on letters of ours: whoever wrote an answer learns that it did not arrive. Receipts are only noted, and
//! nobody is written to about a letter that was written to him.

use chrono::{DateTime, Utc};

use super::{
    Bounce, Facts, NewEvent, NewLetter, NewMessage, Outcome, Registration, ReportedLetter,
    SpecialistLetter, TicketChange, Undelivered, UndeliveredFate,
};
use crate::domain::alert::Alert;
use crate::domain::desk::Desk;
use crate::domain::gate::first_minute;
use crate::domain::incoming::{DeliveryReport, Fate, IncomingMail};
use crate::domain::letter::{Kind, Lane};
use crate::domain::ticket::{Event, apply};

/// Returns what a delivery report causes. Only one that returns the Message-ID of a letter of ours moves anything: that holds
/// a token.
pub(super) fn decide(
    mail: &IncomingMail,
    facts: &Facts,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Registration {
    let (Some(letter), Some(report)) = (&facts.reported, &mail.report) else {
        let reason = "a delivery report on no letter of ours";
        return Registration::kept(Outcome::Bounce, reason, Some(NewMessage::Robot));
    };
    let fate = match report.fate {
        Fate::Delivered => "arrived",
        Fate::Delayed => "is late",
        Fate::FailedForGood | Fate::FailedForNow => "did not arrive",
    };
    let kind = letter.kind.as_str();
    let reason = format!("reports that letter {} ({kind}) {fate}", letter.id);
    let mut registration = Registration::kept(Outcome::Bounce, reason, Some(NewMessage::Robot));
    if let Some(ticket) = &letter.ticket {
        registration.ticket = TicketChange::Existing {
            number: ticket.number,
            state: ticket.state,
            assignee: ticket.assignee.clone(),
        };
    }
    match report.fate {
        Fate::Delivered => {}
        Fate::Delayed if letter.kind == Kind::Answer && !letter.is_late && !letter.has_failed => {
            let event = NewEvent::new("late", "desk", format!("letter {}", letter.id));
            registration.events.push(event);
            let late = UndeliveredFate::Delayed;
            tell_author(&mut registration, letter, report, late, desk, now);
        }
        Fate::Delayed => {}
        Fate::FailedForGood | Fate::FailedForNow if !letter.has_failed => {
            failed(&mut registration, letter, report, desk, now);
        }
        Fate::FailedForGood | Fate::FailedForNow => {}
    }
    registration
}

fn failed(
    registration: &mut Registration,
    letter: &ReportedLetter,
    report: &DeliveryReport,
    desk: &Desk,
    now: DateTime<Utc>,
) {
    let is_dead = report.is_about_address();
    let to_writer = matches!(letter.kind, Kind::Receipt | Kind::Reopened | Kind::Answer);
    registration.bounce = Some(Bounce {
        letter: letter.id,
        why: format!("came back: {}", report.said()),
        dead: letter.recipient.clone().filter(|_| is_dead && to_writer),
    });
    let event = NewEvent::new("bounced", "desk", format!("letter {}", letter.id));
    registration.events.push(event);
    match letter.kind {
        Kind::Answer => {
            if let TicketChange::Existing { state, .. } = &mut registration.ticket {
                *state = apply(*state, Event::Bounced).to;
            }
            let fate = if is_dead {
                UndeliveredFate::DeadAddress
            } else {
                UndeliveredFate::Failed
            };
            tell_author(registration, letter, report, fate, desk, now);
        }
        Kind::Receipt | Kind::Reopened | Kind::Alert => {}
        Kind::Notice | Kind::Digest | Kind::OwnLetter | Kind::Delivery => {
            let who = letter.author.as_deref().unwrap_or("a specialist");
            registration.alert = Some(Alert::undelivered(who, &report.said(), letter.id));
        }
    }
}

/// A letter to the author of an answer, in business hours.
fn tell_author(
    registration: &mut Registration,
    letter: &ReportedLetter,
    report: &DeliveryReport,
    fate: UndeliveredFate,
    desk: &Desk,
    now: DateTime<Utc>,
) {
    let Some(login) = &letter.author else {
        return;
    };
    let address = letter.recipient.as_ref();
    registration.letters.push(NewLetter::ToSpecialist {
        login: login.clone(),
        due_at: first_minute(Lane::Worker, &desk.calendar, now),
        letter: SpecialistLetter::Delivery(Undelivered {
            address: address.map(ToString::to_string).unwrap_or_default(),
            reply: report.said(),
            fate,
        }),
    });
}
