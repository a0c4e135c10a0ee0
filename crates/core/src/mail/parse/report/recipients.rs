//! Whom a letter did not reach, where no field says so: addresses in the words of a mail system.

use super::super::headers;
use super::super::mime::Message;
use super::RECIPIENTS;
use super::pieces::Pieces;
use super::words::{System, mail_system};
use crate::domain::address::EmailAddress;

/// What stands before an address that is not a recipient, or in its line.
#[rustfmt::skip]
const OTHERS: &[&str] = &[
    "mail from", "from:", "from <", "envelope-from", "sender", "reply-to", "return-path", "message-id", "contact", "assistance", "please send", "please forward", "write to",
    "program at", "questions", "help desk", "helpdesk", "received:", "message from", "postmaster at", "by host", "отправитель", "от:", "reporting-mta",
];
/// What stands before a recipient within a line.
#[rustfmt::skip]
const BEFORE: &[&str] = &[
    "rcpt to", "to:", "recipient", "addressed to", "user", "address", "deliver", "for ", "to <", "to ", "mailbox", "account", "получател", "адрес", "кому:", "empfänger", "destinataire", "destinatario",
];

/// Returns the recipients of X-Failed-Recipients, as Exim and Gmail write it.
pub(super) fn of_header(message: &Message<'_>) -> Vec<EmailAddress> {
    let failed = message.field("X-Failed-Recipients").unwrap_or_default();
    let failed = String::from_utf8_lossy(failed);
    let mut found = Vec::new();
    failed
        .split([',', '\n'])
        .filter_map(|address| EmailAddress::parse(address.trim().trim_matches(['<', '>'])))
        .for_each(|address| keep(&mut found, address));
    found
}

/// Returns the recipients that the words name: those that a line begins with or consists of; else those after words such
/// as "RCPT TO"; else any address; else whom the returned letter was for.
pub(super) fn of_words(
    message: &Message<'_>,
    pieces: &Pieces,
    ours: &[EmailAddress],
) -> Vec<EmailAddress> {
    let mut strangers: Vec<EmailAddress> = ours.to_vec();
    if mail_system(message) > System::No {
        let from = headers::from(message).into_iter().next();
        strangers.extend(from.and_then(|from| from.address));
    }
    let is_stranger = |address: &EmailAddress| {
        strangers.contains(address)
            || matches!(address.local(), "postmaster" | "mailer-daemon" | "abuse")
    };
    let (mut leading, mut named, mut any) = (Vec::new(), Vec::new(), Vec::new());
    let lines: Vec<&str> = pieces.told.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        if tells_of_the_original(&lines, number) {
            continue;
        }
        let lower = line.to_lowercase();
        for (at, address) in addresses(line) {
            if is_stranger(&address) || any.len() >= RECIPIENTS * 4 {
                continue;
            }
            let before = lower.get(..at).unwrap_or_default();
            let bare = before.trim_matches(|c: char| c.is_whitespace() || "<\"'*-•([:".contains(c));
            let is_other = OTHERS.iter().any(|other| before.contains(other));
            let is_leading = bare.is_empty()
                || matches!(bare, "smtp;" | "rfc822;" | "to" | "expanded from")
                || before.ends_with("smtp=");
            if is_leading {
                keep(&mut leading, address);
            } else if !is_other && BEFORE.iter().any(|word| before.contains(word)) {
                keep(&mut named, address);
            } else if !is_other {
                keep(&mut any, address);
            }
        }
    }
    for found in [leading, named, any] {
        if !found.is_empty() {
            return found;
        }
    }
    let mut found = Vec::new();
    for line in pieces.returned.lines().take(200) {
        let name = line
            .split(':')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if matches!(
            name.as_str(),
            "to" | "delivered-to" | "x-rcpt-to" | "envelope-to" | "x-failed-recipients"
        ) {
            for (_, address) in addresses(line) {
                if !is_stranger(&address) {
                    keep(&mut found, address);
                }
            }
        }
    }
    // Several people in To, of whom one failed: nobody can tell which.
    if found.len() > 1 { Vec::new() } else { found }
}

/// Whether a line is one of those that repeat the header of the letter, "To: …" beside "Subject: …": whom it was for,
/// and not whom it did not reach.
fn tells_of_the_original(lines: &[&str], at: usize) -> bool {
    let label = |line: &str| {
        let line = line.trim_start_matches(|c: char| c.is_whitespace() || "*-•>".contains(c));
        let name = line.split_once(':').map_or("", |(name, _)| name.trim());
        name.to_lowercase()
    };
    let is_address =
        |name: &str| matches!(name, "to" | "from" | "cc" | "кому" | "от" | "an" | "von");
    let is_beside = |name: &str| matches!(name, "subject" | "тема" | "betreff");
    let around = &lines[at.saturating_sub(3)..lines.len().min(at + 4)];
    is_address(&label(lines[at])) && around.iter().any(|line| is_beside(&label(line)))
}

fn keep(found: &mut Vec<EmailAddress>, address: EmailAddress) {
    if !found.contains(&address) && found.len() < RECIPIENTS {
        found.push(address);
    }
}

/// The addresses in a line, each with where it begins.
fn addresses(line: &str) -> impl Iterator<Item = (usize, EmailAddress)> + '_ {
    let is_end = |c: char| c.is_whitespace() || "<>()[]{},;:\"'=|`".contains(c);
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(at) = line.get(from..)?.find('@').map(|at| from + at) {
            let begin = line[..at].rfind(is_end).map_or(0, |end| {
                end + line[end..].chars().next().map_or(1, char::len_utf8)
            });
            let end = line[at..].find(is_end).map_or(line.len(), |end| at + end);
            from = end.max(at + 1);
            let word = line[begin..end]
                .trim_end_matches(['.', '!', '?', '*'])
                .trim_start_matches(['*', '.', '«']);
            if let Some(address) = EmailAddress::parse(word) {
                return Some((begin, address));
            }
        }
        None
    })
}
