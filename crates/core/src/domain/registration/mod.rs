//! What becomes of a letter that came in: facts in, a [`Registration`] out. Everything a letter causes is in that one
//! value, and the store writes all of it in one transaction or none of it.
//!
//! - [`decide`] puts the questions in order;
//! - `writer` answers for people who ask for help;
//! - `specialist` answers for people who help.

mod decide;
mod specialist;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use decide::decide;
pub(crate) use specialist::{assignee_after, taken_by};

use super::address::EmailAddress;
use super::letter::Kind;
use super::receipt_cap::RecentReceipts;
use super::text::CleanLine;
use super::ticket::State;

/// How a ledger row ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Opened a ticket.
    Ticket,
    /// Added to a ticket by its writer.
    Entry,
    /// A specialist's letter: answer, note or command.
    Command,
    /// A delivery report.
    Bounce,
    /// Written by a program; kept, never answered.
    Automatic,
    /// Our own letter came back.
    Own,
    /// A copy of a letter that is registered already.
    DuplicateOf,
    /// Stored, not acted upon; its author was told why.
    Refused,
    /// Could not be read three times.
    Quarantined,
    /// Was in the mailbox before the desk first looked.
    BeforeStart,
}

/// What must be looked up before a decision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The ledger row that registered the same letter before.
    pub same_letter: Option<i64>,
    /// The support address whose mailbox it lies in.
    pub received_by: Option<EmailAddress>,
    /// Whether its Message-ID is that of a letter of ours.
    pub is_our_letter: bool,
    /// The letter of ours that it reports on.
    pub reported: Option<ReportedLetter>,
    /// The ticket its sender proved to belong to by token.
    pub writer_ticket: Option<TicketFacts>,
    /// The ticket a specialist's token in it is about.
    pub specialist_ticket: Option<TicketFacts>,
    /// Those tickets that a reply to a digest takes and that the digest holds, by number.
    pub digest: BTreeMap<i64, FoldedTicket>,
    /// The ticket its subject tag names.
    pub tagged_ticket: Option<TicketFacts>,
    /// Receipts written lately.
    pub receipts: RecentReceipts,
    /// Letters written to the sender within the last day because he could not be recognised.
    pub refusals_today: u32,
    /// Notices of reopening written to the sender within the last day.
    pub reopenings_today: u32,
}

/// What is known of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketFacts {
    /// Its number.
    pub number: i64,
    /// Where it stands.
    pub state: State,
    /// Who asked; `None` where the first letter had no usable address.
    pub requester: Option<EmailAddress>,
    /// The name beside that address.
    pub requester_name: CleanLine,
    /// Login of the specialist who has it.
    pub assignee: Option<String>,
    /// When it was closed last.
    pub closed_at: Option<DateTime<Utc>>,
}

/// A ticket in a digest.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedTicket {
    /// The ticket.
    pub ticket: TicketFacts,
    /// Its letters that the digest told of, in place of notices.
    pub messages: Vec<i64>,
}

/// A letter of ours that a delivery report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedLetter {
    /// Its row.
    pub id: i64,
    /// Its ticket.
    pub ticket: Option<i64>,
    /// Its kind.
    pub kind: Kind,
}

/// Everything one letter causes.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// How its ledger row ends.
    pub outcome: Outcome,
    /// Why, for the operator.
    pub reason: String,
    /// For [`Outcome::DuplicateOf`], the ledger row that came first.
    pub duplicate_of: Option<i64>,
    /// What happens to which ticket.
    pub ticket: TicketChange,
    /// Whose words the letter is recorded as; `None` for a copy, which is not recorded again.
    pub message: Option<NewMessage>,
    /// Internal words to keep.
    pub note: Option<NewNote>,
    /// Orders of a specialist.
    pub commands: Vec<NewCommand>,
    /// Tickets that a specialist takes from a digest.
    pub taken: Vec<Taken>,
    /// Letters to write.
    pub letters: Vec<NewLetter>,
    /// What to note in the ticket's history.
    pub events: Vec<NewEvent>,
}

/// What a letter does to tickets.
#[derive(Debug, Clone, PartialEq)]
pub enum TicketChange {
    /// Nothing.
    None,
    /// Opens one.
    Open(NewTicket),
    /// Belongs to this one, and leaves it in this state.
    Existing {
        /// The ticket.
        number: i64,
        /// Its state from now on.
        state: State,
        /// Its assignee from now on.
        assignee: Option<String>,
    },
}

/// A ticket to open.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTicket {
    /// Of the letter, cleaned.
    pub subject: CleanLine,
    /// Who asks; `None` where the letter has no usable address.
    pub requester: Option<EmailAddress>,
    /// The name beside it.
    pub requester_name: CleanLine,
    /// An older ticket the letter points at without proving that it belongs there.
    pub related_ticket: Option<i64>,
    /// How its writer learns the number.
    pub receipt: ReceiptPlan,
}

/// How a writer learns a ticket's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptPlan {
    /// A receipt of its own, not before this instant.
    Write {
        /// When it is due.
        due_at: DateTime<Utc>,
    },
    /// The receipt that waits for this address names this ticket too.
    Join {
        /// The waiting letter.
        letter: i64,
        /// When to write one after all, should that letter leave first.
        else_due_at: DateTime<Utc>,
    },
    /// Not at all: the writer is a list, a robot or nobody.
    Never,
}

/// Whose words a letter is recorded as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewMessage {
    /// A requester's; its text is kept as the ticket's conversation.
    Requester,
    /// A specialist's, by login. Its text goes to an answer or a note, never here.
    Specialist(String),
    /// A program's.
    Robot,
}

/// Words for specialists only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNote {
    /// Who wrote them.
    pub login: String,
    /// The words.
    pub body: String,
    /// Whether it is an answer that was kept back.
    pub held: bool,
}

/// What a specialist ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewCommand {
    /// The order.
    pub verb: Verb,
    /// When it takes effect.
    pub due_at: DateTime<Utc>,
    /// Whether this registration carries it out; otherwise the worker does at `due_at`.
    pub applied: bool,
}

/// A ticket that a specialist takes from a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The ticket.
    pub number: i64,
    /// Its state from now on, if the order is carried out at once.
    pub state: State,
    /// What is ordered, and when it takes effect.
    pub command: NewCommand,
    /// Its letters whose notices he gets now.
    pub messages: Vec<i64>,
}

/// An order that changes a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// The specialist takes the ticket.
    Take,
    /// The specialist answered.
    Answer,
    /// The specialist closed it.
    Close,
}

/// A letter to write. To whom it goes decides what can be in it: the two kinds of recipients have no type in common.
#[derive(Debug, Clone, PartialEq)]
pub enum NewLetter {
    /// To whoever asked for help.
    ToWriter {
        /// Where to.
        address: EmailAddress,
        /// The name beside it.
        name: CleanLine,
        /// When it is due.
        due_at: DateTime<Utc>,
        /// What it says.
        letter: WriterLetter,
    },
    /// To a specialist.
    ToSpecialist {
        /// To whom.
        login: String,
        /// When it is due.
        due_at: DateTime<Utc>,
        /// What it says.
        letter: SpecialistLetter,
    },
}

/// What may be said to a writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterLetter {
    /// The ticket is open again.
    Reopened,
    /// A specialist's answer.
    Answer {
        /// Login of its author.
        author: String,
        /// His words.
        words: AnswerWords,
    },
}

/// Words a specialist certainly wrote for the writer: only what was cut with certainty from his own letter becomes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerWords(String);

impl AnswerWords {
    /// Returns the words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What may be said to a specialist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecialistLetter {
    /// A writer wrote.
    Notice,
    /// What became of the specialist's own letter.
    OwnLetter(OwnLetter),
    /// What became of an answer of his on its way.
    Delivery(Undelivered),
}

/// What became of a specialist's own letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum OwnLetter {
    /// Accepted outside business hours; takes effect at the next opening.
    Accepted {
        /// When.
        at: DateTime<Utc>,
        /// Whether there is an answer to send.
        answer: bool,
    },
    /// Not sent: a command was not understood.
    CommandNotUnderstood {
        /// The command as written.
        written: String,
        /// The command it may have meant.
        suggestion: Option<String>,
    },
    /// Not sent: a command this version does not know yet.
    CommandNotYet {
        /// The command as written.
        written: String,
    },
    /// Not sent: the commands contradict each other or stand where they cannot be told from text.
    CommandsUnclear {
        /// The command as written.
        written: String,
    },
    /// Not sent: the own words could not be told from the quotation.
    QuotationUncertain,
    /// Not sent: there were no words, no command and no file.
    Empty,
    /// Kept as a note: the letter was forwarded, not answered.
    ForwardKept,
    /// Not accepted: it answers no letter of ours.
    NoToken,
    /// Not accepted: somebody wrote from an address that is not the specialist's.
    ForeignAddress {
        /// That address.
        address: String,
    },
    /// Kept: it answers one of our letters about his own letters, which go to nobody.
    WrongLetter,
    /// Not sent: a file may hold the notice, with all that is internal in it.
    FileMayQuoteUs {
        /// Its name.
        name: String,
    },
    /// Not carried out: the reply to a digest is not an order to take tickets.
    DigestNotUnderstood {
        /// The line as written.
        written: String,
    },
    /// Not carried out: a ticket is not in the digest.
    NotInDigest {
        /// Its number, as written.
        written: String,
    },
    /// Accepted outside business hours: tickets are taken from a digest at the next opening.
    DigestAccepted {
        /// When.
        at: DateTime<Utc>,
    },
    /// Not sent: the ticket's writer left no address that can be written to.
    NoWriterAddress,
}

/// An answer that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The address it was for.
    pub address: String,
    /// What the server said.
    pub reply: String,
}

/// Something to note in a ticket's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub kind: &'static str,
    /// Who did it: a login, `requester` or `desk`.
    pub actor: String,
    /// More about it, for the operator; no bodies and no addresses.
    pub detail: String,
}

impl NewEvent {
    /// Returns an event.
    pub fn new(kind: &'static str, actor: &str, detail: impl Into<String>) -> NewEvent {
        NewEvent {
            kind,
            actor: actor.to_owned(),
            detail: detail.into(),
        }
    }
}

impl Registration {
    /// Returns a registration that keeps the letter and causes nothing.
    fn kept(
        outcome: Outcome,
        reason: impl Into<String>,
        message: Option<NewMessage>,
    ) -> Registration {
        Registration {
            outcome,
            reason: reason.into(),
            duplicate_of: None,
            ticket: TicketChange::None,
            message,
            note: None,
            commands: Vec::new(),
            taken: Vec::new(),
            letters: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl Outcome {
    /// Every outcome, for tables and tests.
    pub const ALL: [Outcome; 10] = [
        Outcome::Ticket,
        Outcome::Entry,
        Outcome::Command,
        Outcome::Bounce,
        Outcome::Automatic,
        Outcome::Own,
        Outcome::DuplicateOf,
        Outcome::Refused,
        Outcome::Quarantined,
        Outcome::BeforeStart,
    ];

    /// Returns the name used in the database and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ticket => "ticket",
            Outcome::Entry => "entry",
            Outcome::Command => "command",
            Outcome::Bounce => "bounce",
            Outcome::Automatic => "automatic",
            Outcome::Own => "own",
            Outcome::DuplicateOf => "duplicate_of",
            Outcome::Refused => "refused",
            Outcome::Quarantined => "quarantined",
            Outcome::BeforeStart => "before_start",
        }
    }
}

impl Verb {
    /// Returns the name used in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Take => "take",
            Verb::Answer => "answer",
            Verb::Close => "close",
        }
    }

    /// Returns the verb with this name.
    pub fn from_name(name: &str) -> Option<Verb> {
        [Verb::Take, Verb::Answer, Verb::Close]
            .into_iter()
            .find(|verb| verb.as_str() == name)
    }

    /// Returns what the order does to a ticket.
    pub fn event(self) -> super::ticket::Event {
        match self {
            Verb::Take => super::ticket::Event::Taken,
            Verb::Answer => super::ticket::Event::Answered,
            Verb::Close => super::ticket::Event::Closed,
        }
    }

    /// Returns the word for it in a ticket's history.
    pub fn event_kind(self) -> &'static str {
        match self {
            Verb::Take => "taken",
            Verb::Answer => "answered",
            Verb::Close => "closed",
        }
    }
}
