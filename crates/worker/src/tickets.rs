//! Tickets as operators read them in a terminal.

use chrono_tz::Tz;
use ninetosix_core::cli::printable;
use ninetosix_core::store::listing::{Piece, TicketRow};

/// Prints one ticket a line.
pub fn print_row(ticket: &TicketRow, zone: Tz) {
    let at = ticket
        .created_at
        .with_timezone(&zone)
        .format("%d.%m.%Y %H:%M");
    let assignee = ticket.assignee.as_deref().unwrap_or("-");
    println!(
        "№ {:<6} {:<9} {at}  {:<12} {}  {}",
        ticket.number,
        ticket.state,
        assignee,
        printable(&ticket.requester),
        printable(&ticket.subject)
    );
}

/// Prints a ticket's whole conversation in order.
pub fn print_conversation(ticket: &TicketRow, pieces: &[Piece], zone: Tz) {
    println!(
        "№ {} {} — {}",
        ticket.number,
        printable(&ticket.subject),
        ticket.state
    );
    println!(
        "from {}, assigned to {}\n",
        printable(&ticket.requester),
        ticket.assignee.as_deref().unwrap_or("nobody")
    );
    for piece in pieces {
        print_piece(piece, zone);
    }
}

fn print_piece(piece: &Piece, zone: Tz) {
    let time = |at: &chrono::DateTime<chrono::Utc>| {
        at.with_timezone(&zone)
            .format("%d.%m.%Y %H:%M:%S")
            .to_string()
    };
    let body = |body: &str| {
        for line in printable(body).lines() {
            println!("    {line}");
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
            println!("{} ← {} <{}>", time(at), printable(name), printable(from));
            body(text);
            for file in attachments {
                println!("    [{}]", printable(file));
            }
        }
        Piece::Note {
            at,
            login,
            held,
            body: text,
        } => {
            println!(
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
            println!(
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
            println!(
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
