//! Letters of specialists: answers, notes and commands. Whatever is not certain is kept and told to its author;
//! leaking is worse than delay.

use chrono::{DateTime, Utc};

use super::{
    AnswerWords, Facts, NewCommand, NewEvent, NewLetter, NewMessage, NewNote, Outcome, OwnLetter,
    Registration, SpecialistLetter, Taken, TicketChange, TicketFacts, Verb, WriterLetter,
};
use crate::domain::command::{self, Command, CommandError, Instructions};
use crate::domain::desk::{Desk, Specialist};
use crate::domain::files::LOGO_BYTES;
use crate::domain::gate::first_minute;
use crate::domain::incoming::{Attachment, IncomingMail};
use crate::domain::letter::{Kind, Lane};
use crate::domain::notice_digest::{self, NotUnderstood};
use crate::domain::proof::Proof;
use crate::domain::reply_text::{ReplyContext, reply_text};
use crate::domain::ticket::apply;

/// Letters a day to one address that could not be recognised as a specialist's own.
const REFUSALS_PER_DAY: u32 = 5;

/// A specialist's reply to a letter that was sent to him about `ticket`.
pub(super) fn reply(
    mail: &IncomingMail,
    proof: &Proof,
    facts: &Facts,
    specialist: &Specialist,
    ticket: &TicketFacts,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Registration {
    let to_us = mail.to.iter().any(|address| desk.is_own(address));
    if mail.is_forward() || !to_us {
        return kept_back(
            mail.body.as_str(),
            false,
            OwnLetter::ForwardKept,
            specialist,
            ticket,
            now,
        );
    }
    // A reply to a letter about a letter answers nobody: it is a robot's, or written in the wrong place. Told at most a
    // few times a day, or two programs would talk to each other for ever.
    let answers_us = |kind: Kind| proof.answers_kind.as_deref() == Some(kind.as_str());
    if answers_us(Kind::OwnLetter) || answers_us(Kind::Delivery) {
        let mut kept = kept_back(
            mail.body.as_str(),
            true,
            OwnLetter::WrongLetter,
            specialist,
            ticket,
            now,
        );
        if facts.refusals_today >= REFUSALS_PER_DAY {
            kept.letters.clear();
        }
        return kept;
    }
    if let Some(file) = mail.attachments.iter().find(|file| file.may_quote_us) {
        let name = file.name.clone();
        return kept_back(
            mail.body.as_str(),
            true,
            OwnLetter::FileMayQuoteUs { name },
            specialist,
            ticket,
            now,
        );
    }
    let text = reply_text(
        mail.body.as_str(),
        ReplyContext::of_reply(mail.sender_name().as_str()),
    );
    let Some(own) = text.certain() else {
        // The whole letter is the draft: what is the author's in it is just what could not be told.
        return kept_back(
            mail.body.as_str(),
            true,
            OwnLetter::QuotationUncertain,
            specialist,
            ticket,
            now,
        );
    };
    let instructions = match command::parse(own) {
        Ok(instructions) => instructions,
        Err(error) => return kept_back(own, true, explain(error), specialist, ticket, now),
    };
    let is_logo = |file: &Attachment| file.inline && file.size_bytes <= LOGO_BYTES;
    let has_files = !mail.attachments.iter().all(is_logo);
    let answers = !instructions.is_note() && (!instructions.words.is_empty() || has_files);
    if instructions.is_empty() && !answers {
        return kept_back("", true, OwnLetter::Empty, specialist, ticket, now);
    }
    if answers && ticket.requester.is_none() {
        return kept_back(
            &instructions.words,
            true,
            OwnLetter::NoWriterAddress,
            specialist,
            ticket,
            now,
        );
    }
    carry_out(instructions, answers, specialist, ticket, desk, now)
}

/// Carries out what a reply orders: at once in business hours, else at the next opening. A note is kept at any hour.
fn carry_out(
    instructions: Instructions,
    answers: bool,
    specialist: &Specialist,
    ticket: &TicketFacts,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Registration {
    let due_at = first_minute(Lane::Worker, &desk.calendar, now);
    let applied = due_at <= now;
    let ordered = [
        (instructions.takes(), Verb::Take),
        (answers, Verb::Answer),
        (instructions.closes(), Verb::Close),
    ];
    let verbs: Vec<Verb> = ordered
        .into_iter()
        .filter_map(|(is_ordered, verb)| is_ordered.then_some(verb))
        .collect();

    let what = if answers {
        "an answer"
    } else if instructions.is_note() {
        "a note"
    } else {
        "a command"
    };
    let mut registration = on_ticket(specialist, ticket, what);
    if instructions.is_note() && !instructions.words.is_empty() {
        registration.note = Some(NewNote {
            login: specialist.login.clone(),
            body: instructions.words.clone(),
            held: false,
        });
        registration
            .events
            .push(NewEvent::new("note", &specialist.login, ""));
    }
    if applied {
        let state = verbs
            .iter()
            .fold(ticket.state, |state, verb| apply(state, verb.event()).to);
        registration.ticket = TicketChange::Existing {
            number: ticket.number,
            state,
            assignee: assignee_after(ticket.assignee.as_deref(), &verbs, specialist),
        };
        registration.events.extend(
            verbs
                .iter()
                .map(|verb| NewEvent::new(verb.event_kind(), &specialist.login, "")),
        );
    } else if !verbs.is_empty() {
        registration.letters.push(to_author(
            &specialist.login,
            OwnLetter::Accepted {
                at: due_at,
                answer: answers,
            },
            now,
        ));
    }
    registration.commands = verbs
        .into_iter()
        .map(|verb| NewCommand {
            verb,
            due_at,
            applied,
        })
        .collect();
    if let (true, Some(address)) = (answers, &ticket.requester) {
        registration.letters.push(NewLetter::ToWriter {
            address: address.clone(),
            name: ticket.requester_name.clone(),
            due_at,
            letter: WriterLetter::Answer {
                author: specialist.login.clone(),
                words: AnswerWords(instructions.words),
            },
        });
    }
    registration
}

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
            if facts.refusals_today < REFUSALS_PER_DAY {
                registration.letters.push(to_author(login, why, now));
            }
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

/// What its author is told of commands that cannot be carried out.
fn explain(error: CommandError) -> OwnLetter {
    let hash = |word: &str| format!("#{word}");
    match error {
        CommandError::Unknown {
            written,
            suggestion,
        } => OwnLetter::CommandNotUnderstood {
            written,
            suggestion: suggestion.map(str::to_owned),
        },
        CommandError::NotYet { word } => OwnLetter::CommandNotYet {
            written: hash(word),
        },
        CommandError::InTheMiddle { command } => OwnLetter::CommandsUnclear {
            written: hash(command.word()),
        },
        CommandError::NoteNotFirst => OwnLetter::CommandsUnclear {
            written: hash(Command::Note.word()),
        },
        CommandError::NoArgument { written, .. } => OwnLetter::CommandsUnclear { written },
        CommandError::Contradiction { one, other } => OwnLetter::CommandsUnclear {
            written: format!("{} {}", hash(one.word()), hash(other.word())),
        },
        CommandError::TooMany { found } => OwnLetter::CommandsUnclear {
            written: found.to_string(),
        },
    }
}

/// Returns who has the ticket after `verbs` of `specialist`: whoever takes it, or the first to answer what nobody has.
pub(crate) fn assignee_after(
    assignee: Option<&str>,
    verbs: &[Verb],
    specialist: &Specialist,
) -> Option<String> {
    let takes = verbs.contains(&Verb::Take) || assignee.is_none() && verbs.contains(&Verb::Answer);
    if takes {
        Some(specialist.login.clone())
    } else {
        assignee.map(str::to_owned)
    }
}

/// A letter from a specialist's address that answers no letter of ours.
pub(super) fn no_token(specialist: &Specialist, facts: &Facts, now: DateTime<Utc>) -> Registration {
    let mut registration = Registration::kept(
        Outcome::Refused,
        "from a specialist's address, but without a token of ours",
        Some(NewMessage::Specialist(specialist.login.clone())),
    );
    if facts.refusals_today < REFUSALS_PER_DAY {
        registration
            .letters
            .push(to_author(&specialist.login, OwnLetter::NoToken, now));
    }
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
    let mut registration = Registration::kept(
        Outcome::Refused,
        format!("carries a token of {login}, but is from another address"),
        Some(NewMessage::Specialist(login.to_owned())),
    );
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
        "a letter with a specialist's token from another address",
    ));
    if facts.refusals_today < REFUSALS_PER_DAY {
        let address = mail
            .sender()
            .map(|sender| sender.to_string())
            .unwrap_or_default();
        registration
            .letters
            .push(to_author(login, OwnLetter::ForeignAddress { address }, now));
    }
    registration
}

/// Keeps a letter as words for specialists and tells its author why.
fn kept_back(
    words: &str,
    held: bool,
    why: OwnLetter,
    specialist: &Specialist,
    ticket: &TicketFacts,
    now: DateTime<Utc>,
) -> Registration {
    let mut registration = on_ticket(
        specialist,
        ticket,
        if held {
            "an answer that was not sent"
        } else {
            "a note"
        },
    );
    registration.note = Some(NewNote {
        login: specialist.login.clone(),
        body: words.to_owned(),
        held,
    });
    registration.events.push(NewEvent::new(
        if held { "held" } else { "note" },
        &specialist.login,
        "",
    ));
    registration
        .letters
        .push(to_author(&specialist.login, why, now));
    registration
}

/// A registration on a ticket that does not move it.
fn on_ticket(specialist: &Specialist, ticket: &TicketFacts, what: &str) -> Registration {
    let mut registration = Registration::kept(
        Outcome::Command,
        format!("{what} of {} to ticket {}", specialist.login, ticket.number),
        Some(NewMessage::Specialist(specialist.login.clone())),
    );
    registration.ticket = TicketChange::Existing {
        number: ticket.number,
        state: ticket.state,
        assignee: ticket.assignee.clone(),
    };
    registration
}

fn to_author(login: &str, what: OwnLetter, now: DateTime<Utc>) -> NewLetter {
    NewLetter::ToSpecialist {
        login: login.to_owned(),
        due_at: now,
        letter: SpecialistLetter::OwnLetter(what),
    }
}
