//! What becomes of a letter that came in: facts in, a [`Registration`] out. Everything a letter causes is in that one
//! value, and the store writes all of it in one transaction or none of it.
//!
//! - [`decide`] puts the questions in order;
//! - `writer` answers for people who ask for help;
//! - `report` answers for mail systems that tell of our letters;
//! - `specialist` answers for people who help, `digest_reply` for what they say to a digest;
//! - `refused` answers whoever writes as one of them and is not believed.

mod decide;
mod digest_reply;
mod refused;
mod report;
mod specialist;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unsent_tests;
mod writer;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use decide::decide;
pub(crate) use digest_reply::taken_by;
pub(crate) use specialist::assignee_after;

use super::address::EmailAddress;
use super::alert::Alert;
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
    /// Letters about a letter of his own written to the sender within the last day because he answered such a letter.
    pub again_today: u32,
    /// What the specialist has written or ordered on his ticket that has not left or taken effect, oldest first.
    pub unsent: Vec<Unsent>,
    /// What came to the ticket after the letter that the specialist answers.
    pub since: Since,
    /// Why the address that would be answered is not written to, if it is not.
    pub dead_address: Option<String>,
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

/// Something a specialist wrote or ordered that has not left or taken effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// The entry of the letter it came in.
    pub entry: i64,
    /// The words of the answer.
    pub words: String,
    /// The answer; `None` where only orders wait.
    pub letter: Option<i64>,
    /// Whether the answer waits for its author's word, and not for its time.
    pub held: bool,
    /// Whether the answer waits for a time that was put off, so that it can be replaced.
    pub put_off: bool,
    /// What else was ordered with an answer that is held.
    pub verbs: Vec<Verb>,
}

/// What came to a ticket after a certain entry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Since {
    /// A colleague's latest answer.
    pub colleague: Option<ColleagueAnswered>,
    /// The writer's latest letter.
    pub writer: Option<WriterWrote>,
}

/// A colleague's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColleagueAnswered {
    /// His login; in a letter, his name.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
    /// His words.
    pub words: String,
}

/// A letter of the writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterWrote {
    /// When it came in.
    pub at: DateTime<Utc>,
    /// Its words.
    pub words: String,
}

/// A letter of ours that a delivery report is about.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportedLetter {
    /// Its row.
    pub id: i64,
    /// Its ticket.
    pub ticket: Option<TicketFacts>,
    /// Its kind.
    pub kind: Kind,
    /// Where it went.
    pub recipient: Option<EmailAddress>,
    /// Login of the specialist whose answer it is.
    pub author: Option<String>,
    /// Whether its author was told already that it failed.
    pub has_failed: bool,
    /// Whether its author was told already that it is late.
    pub is_late: bool,
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
    /// What becomes of answers and orders that have not left or taken effect.
    pub settled: Vec<Settled>,
    /// What a delivery report changes.
    pub bounce: Option<Bounce>,
    /// An address whose owner has answered a letter of ours: it is read, and written to again if it was not.
    pub confirmed: Option<EmailAddress>,
    /// What the operator is told.
    pub alert: Option<Alert>,
    /// Letters to write.
    pub letters: Vec<NewLetter>,
    /// What to note in the ticket's history.
    pub events: Vec<NewEvent>,
}

/// What becomes of an [`Unsent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which.
    pub unsent: Unsent,
    /// What becomes of it.
    pub how: Settlement,
}

/// What becomes of something unsent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The answer goes.
    Send {
        /// When it is due.
        due_at: DateTime<Utc>,
        /// Whether its files stay behind.
        without_files: bool,
    },
    /// Its author withdrew it.
    Withdraw,
    /// A later letter of its author stands in its place.
    Replace,
}

/// What a delivery report says of a letter of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// The letter.
    pub letter: i64,
    /// Why it did not arrive.
    pub why: String,
    /// The address, if it is not to be written to again.
    pub dead: Option<EmailAddress>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommand {
    /// The order.
    pub verb: Verb,
    /// The address that [`Verb::Address`] names.
    pub address: Option<EmailAddress>,
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
    /// The writer's address is another one.
    Address,
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
    Answer(Answer),
}

/// A specialist's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Login of its author.
    pub author: String,
    /// His words.
    pub words: AnswerWords,
    /// Whether the files of his letter go with them.
    pub with_files: bool,
    /// Why it waits for its author's word, if it does.
    pub held: Option<Hold>,
}

/// Why an answer waits for its author's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// In words, for the operator.
    pub why: &'static str,
    /// What was ordered with it.
    pub verbs: Vec<Verb>,
}

/// Words a specialist wrote for the writer: only what was cut with certainty from his own letter becomes one, or what he was
/// shown of it and then let go himself.
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
    OwnLetter(AboutOwnLetter),
    /// What became of an answer of his on its way.
    Delivery(Undelivered),
}

/// A letter about a specialist's own letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutOwnLetter {
    /// What became of it.
    #[serde(flatten)]
    pub what: OwnLetter,
    /// The words that wait for his word; `None` if none do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// Whether his letter answered one about a letter of his own.
    #[serde(default)]
    pub again: bool,
    /// Whether the mail server did not vouch for his letter: anybody may have written it.
    #[serde(default)]
    pub unvouched: bool,
}

/// What became of a specialist's own letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum OwnLetter {
    /// Accepted; takes effect at the next opening.
    Accepted {
        /// When.
        at: DateTime<Utc>,
        /// Whether there is an answer to send.
        answer: bool,
        /// Whether it stands in the place of an earlier one.
        #[serde(default)]
        replaces: bool,
        /// Whether there are orders beside an answer.
        #[serde(default)]
        orders: bool,
    },
    /// His answer or order was withdrawn.
    Withdrawn {
        /// Whether another of his on the ticket still waits.
        #[serde(default)]
        more: bool,
    },
    /// There is nothing that could be let go or withdrawn: it has left, or never was.
    NothingWaits,
    /// Not sent: a colleague answered, or the writer wrote, after the letter that is answered.
    Stale {
        /// The colleague's answer.
        colleague: Option<ColleagueAnswered>,
        /// The writer's letter.
        writer: Option<WriterWrote>,
    },
    /// Not sent: the writer's address refused an earlier letter.
    AddressRefused {
        /// The address.
        address: String,
        /// What was said of it.
        why: String,
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
    /// Not accepted: the mail server does not vouch that it is the specialist's.
    NotVouched,
    /// Not accepted: somebody wrote from an address that is not the specialist's.
    ForeignAddress {
        /// That address.
        address: String,
    },
    /// Not sent: it answers a letter of ours about a letter of his own, and orders nothing.
    NotAnOrder,
    /// Not sent: a file may hold the notice, with all that is internal in it.
    FileMayQuoteUs {
        /// Its name.
        name: String,
    },
    /// Not carried out: the address that is to be the writer's belongs to the desk or to one of its people, or is none.
    AddressNotAllowed {
        /// The address as written.
        address: String,
    },
    /// Not accepted: it answers a letter that was sent to a colleague.
    ColleaguesLetter,
    /// Not sent: files of it are not passed on.
    FilesWithheld {
        /// Their names.
        names: String,
    },
    /// Not sent: there are no words, only pictures inside the text.
    OnlyPictures,
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
    /// Why it did not.
    #[serde(default)]
    pub fate: UndeliveredFate,
}

/// Why an answer did not arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndeliveredFate {
    /// Refused or given up; another day it may be taken.
    #[default]
    Failed,
    /// There is nobody at this address.
    DeadAddress,
    /// It is late and still being tried.
    Delayed,
    /// The operator cancelled it.
    Cancelled,
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
            settled: Vec::new(),
            bounce: None,
            confirmed: None,
            alert: None,
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
            Verb::Address => "address",
        }
    }

    /// Returns the verb with this name.
    pub fn from_name(name: &str) -> Option<Verb> {
        [Verb::Take, Verb::Answer, Verb::Close, Verb::Address]
            .into_iter()
            .find(|verb| verb.as_str() == name)
    }

    /// Returns verbs as one text, which [`Verb::read_list`] reads.
    pub fn list(verbs: &[Verb]) -> String {
        let names: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
        names.join(" ")
    }

    /// Returns the verbs in a text that [`Verb::list`] made; none where there is no text.
    pub fn read_list(text: Option<&str>) -> Vec<Verb> {
        let names = text.unwrap_or_default().split(' ');
        names.filter_map(Verb::from_name).collect()
    }

    /// Returns what the order does to a ticket.
    pub fn event(self) -> super::ticket::Event {
        match self {
            Verb::Take => super::ticket::Event::Taken,
            Verb::Answer => super::ticket::Event::Answered,
            Verb::Close => super::ticket::Event::Closed,
            Verb::Address => super::ticket::Event::Corrected,
        }
    }

    /// Returns the word for it in a ticket's history.
    pub fn event_kind(self) -> &'static str {
        match self {
            Verb::Take => "taken",
            Verb::Answer => "answered",
            Verb::Close => "closed",
            Verb::Address => "address",
        }
    }
}
