//! Tickets as operators read them in a terminal.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use ninetosix_core::cli::printable;
use ninetosix_core::store::listing::{Piece, TicketRow};
use ninetosix_core::store::promise::{PromiseRow, TermsRow};
use ninetosix_core::tell;
use serde::Serialize;

/// Prints one ticket a line.
pub fn print_row(ticket: &TicketRow, zone: Tz) {
    let at = minute(ticket.created_at, zone);
    let assignee = ticket.assignee.as_deref().unwrap_or("-");
    tell!(
        "№ {:<6} {:<9} {at}  {:<12} {}  {}",
        ticket.number,
        ticket.state,
        assignee,
        printable(&ticket.requester),
        printable(&ticket.subject)
    );
}

fn minute(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%d.%m.%Y %H:%M").to_string()
}

/// A ticket with its terms, as scripts read it.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    ticket: &'a TicketRow,
    #[serde(flatten)]
    terms: Option<&'a TermsRow>,
}

/// Prints a ticket and its terms as one JSON object.
///
/// # Errors
/// None that can happen: it is plain strings and numbers.
pub fn print_json(ticket: &TicketRow, terms: Option<&TermsRow>) -> serde_json::Result<()> {
    tell!("{}", serde_json::to_string(&Listed { ticket, terms })?);
    Ok(())
}

/// Prints where a ticket's terms stand, and what was promised.
pub fn print_terms(terms: &TermsRow, zone: Tz) {
    let time = |at| minute(at, zone);
    match (terms.first_answer_due, terms.first_answer_at) {
        (Some(due), Some(at)) => tell!("first answer {}, due {}", time(at), time(due)),
        (Some(due), None) => tell!("first answer due {}", time(due)),
        (None, Some(at)) => tell!("first answer {}", time(at)),
        (None, None) => {}
    }
    match (terms.solution_due, terms.solution_left_min) {
        (Some(due), _) => match terms.solved_at {
            Some(at) => tell!("solved {}, due {}", time(at), time(due)),
            None => tell!("solution due {}", time(due)),
        },
        (None, Some(left)) => tell!(
            "solution: the term stands still, {}:{:02} working hours are left",
            left / 60,
            left % 60
        ),
        (None, None) => {}
    }
    if terms.late {
        tell!("late");
    }
    if let Some(promise) = &terms.promise {
        tell!("promised {}", promised(promise, zone));
    }
    tell!();
}

/// What a receipt promised, and what it would be today if that is something else.
pub fn promised(promise: &PromiseRow, zone: Tz) -> String {
    let time = |at| minute(at, zone);
    let words = |begins, answer_by: Option<DateTime<Utc>>| {
        let answer = answer_by.map(|at| format!(", an answer by {}", time(at)));
        format!("work from {}{}", time(begins), answer.unwrap_or_default())
    };
    let mut said = format!(
        "{}: {} (calendar {})",
        time(promise.made_at),
        words(promise.begins_at, promise.answer_by),
        promise.calendar
    );
    if promise.is_moved() {
        let today = words(promise.begins_today, promise.answer_by_today);
        said.push_str(&format!("; by the hours of today it would be {today}"));
    } else if promise.calendar_changed {
        said.push_str("; the hours have changed since, this date has not");
    }
    said
}

/// Prints a ticket's whole conversation in order.
pub fn print_conversation(
    ticket: &TicketRow,
    terms: Option<&TermsRow>,
    pieces: &[Piece],
    zone: Tz,
) {
    tell!(
        "№ {} {} — {}",
        ticket.number,
        printable(&ticket.subject),
        ticket.state
    );
    tell!(
        "from {}, assigned to {}",
        printable(&ticket.requester),
        ticket.assignee.as_deref().unwrap_or("nobody")
    );
    match terms {
        Some(terms) => print_terms(terms, zone),
        None => tell!(),
    }
    for piece in pieces {
        print_piece(piece, zone);
    }
}

fn print_piece(piece: &Piece, zone: Tz) {
    let time = |at: &DateTime<Utc>| {
        at.with_timezone(&zone)
            .format("%d.%m.%Y %H:%M:%S")
            .to_string()
    };
    let body = |body: &str| {
        for line in printable(body).lines() {
            tell!("    {line}");
        }
    };
    match piece {
        Piece::Message {
            at,
            from,
            name,
            body: text,
            attachments,
            ..
        } => {
            tell!("{} ← {} <{}>", time(at), printable(name), printable(from));
            body(text);
            for file in attachments {
                tell!("    [{}]", printable(file));
            }
        }
        Piece::Note {
            at,
            login,
            held,
            body: text,
        } => {
            tell!(
                "{} {} of {login}",
                time(at),
                if *held { "kept, not sent," } else { "note" }
            );
            body(text);
        }
        Piece::Letter {
            at,
            kind,
            to,
            state,
            author,
            words,
            why,
        } => {
            let author = author
                .as_deref()
                .map(|login| format!(" of {login}"))
                .unwrap_or_default();
            tell!(
                "{} → {kind}{author} to {}: {state}{}",
                time(at),
                printable(to),
                why.as_deref()
                    .map(|why| format!(" ({})", printable(why)))
                    .unwrap_or_default()
            );
            if kind == "answer" {
                body(words.as_deref().unwrap_or_default());
            }
        }
        Piece::Event {
            at,
            kind,
            actor,
            detail,
        } => {
            tell!(
                "{} · {kind} by {actor}{}",
                time(at),
                if detail.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", printable(detail))
                }
            );
        }
    }
}
