//! What an outgoing letter says, before it is put into words. Letters to writers and letters to specialists are
//! different types with nothing in common: there is no field in the first that a note, another ticket or a
//! colleague's address could be put into.

use chrono::{DateTime, Utc};

use super::address::EmailAddress;
use super::beginning::Beginning;
use super::files::FilePart;
use super::registration::{AboutOwnLetter, Undelivered};
use super::text::CleanLine;
use super::ticket::State;

/// The content of a letter.
#[derive(Debug, Clone)]
pub enum Content {
    /// To somebody who asked.
    Writer(WriterEnvelope, WriterContent),
    /// To a specialist, or to the operator.
    Specialist(SpecialistEnvelope, SpecialistContent),
}

/// What the desk adds to every letter.
#[derive(Debug, Clone)]
pub struct Letterhead {
    /// The desk's name.
    pub desk: String,
    /// Phones as people read them.
    pub phones: Vec<String>,
}

/// What every letter to a writer needs.
#[derive(Debug, Clone)]
pub struct WriterEnvelope {
    /// Message-ID, without brackets.
    pub message_id: String,
    /// The writer's letters it follows, oldest first.
    pub references: Vec<String>,
    /// The desk's name.
    pub desk: String,
    /// The support address.
    pub from: EmailAddress,
    /// The writer.
    pub to: EmailAddress,
    /// The name beside the address.
    pub to_name: CleanLine,
    /// The ticket's number.
    pub number: i64,
    /// The subject of the ticket's first letter.
    pub subject: CleanLine,
    /// When the letter is written.
    pub now: DateTime<Utc>,
}

/// What a letter to a writer says.
#[derive(Debug, Clone)]
pub enum WriterContent {
    /// Your letter is registered.
    Receipt {
        /// The tickets it names; one, unless ceilings joined several.
        numbers: Vec<i64>,
        /// How many tickets it stands for beside those it names.
        more: i64,
        /// When the latest letter came in.
        registered: DateTime<Utc>,
        /// When work begins.
        beginning: Beginning,
        /// Phones as people read them.
        phones: Vec<String>,
    },
    /// Your ticket is open again.
    Reopened {
        /// When work begins.
        beginning: Beginning,
    },
    /// A specialist's answer.
    Answer {
        /// His name.
        author: String,
        /// His words.
        words: String,
        /// The writer's own text that is answered.
        quoted: String,
        /// His files.
        files: Vec<FilePart>,
        /// His letter as it came in, which holds the files.
        raw: Vec<u8>,
    },
}

/// What every letter to a specialist needs.
#[derive(Debug, Clone)]
pub struct SpecialistEnvelope {
    /// Message-ID, without brackets.
    pub message_id: String,
    /// Earlier letters of the same thread, oldest first.
    pub references: Vec<String>,
    /// The desk's name.
    pub desk: String,
    /// The support address.
    pub from: EmailAddress,
    /// The specialist.
    pub to: EmailAddress,
    /// His name.
    pub to_name: CleanLine,
    /// The ticket's number, where the letter is about one.
    pub number: Option<i64>,
    /// The short token that closes a letter about a ticket.
    pub sentinel: Option<String>,
    /// The subject of the ticket's first letter, or of the letter it is about.
    pub subject: CleanLine,
    /// When the letter is written.
    pub now: DateTime<Utc>,
}

/// What a notice shows.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The writer's words.
    pub body: String,
    /// The writer's name; may be empty.
    pub name: CleanLine,
    /// The writer's address, if there is one to answer to.
    pub address: Option<EmailAddress>,
    /// When the letter came in.
    pub received: DateTime<Utc>,
    /// Whether it opened the ticket.
    pub first: bool,
    /// The ticket's state.
    pub state: State,
    /// Who has it, by name.
    pub assignee: Option<String>,
    /// A ticket the letter mentions without proof.
    pub related: Option<i64>,
    /// Earlier tickets of the same address.
    pub others: Vec<EarlierTicket>,
    /// By when a person has to answer, where a term is set and nobody has.
    pub answer_by: Option<DateTime<Utc>>,
    /// Whether that instant may still move, since the production calendar of its year is not known.
    pub is_provisional: bool,
    /// The files of the letter.
    pub files: Vec<FilePart>,
    /// The letter as it came in: its files and its other recipients are read from it.
    pub raw: Vec<u8>,
    /// Whether nothing but its header is to be read: the operator let it out of quarantine.
    pub header_only: bool,
}

/// An earlier ticket, for a notice.
#[derive(Debug, Clone)]
pub struct EarlierTicket {
    /// Its number.
    pub number: i64,
    /// Its subject.
    pub subject: CleanLine,
    /// Its state.
    pub state: State,
}

/// What a digest shows.
#[derive(Debug, Clone)]
pub struct Digest {
    /// Tickets, the oldest first; not all where they are many.
    pub lines: Vec<DigestLine>,
    /// How many tickets it is about.
    pub all: i64,
}

/// A ticket in a digest.
#[derive(Debug, Clone)]
pub struct DigestLine {
    /// Its number.
    pub number: i64,
    /// Its subject.
    pub subject: CleanLine,
    /// Its writer's name; may be empty.
    pub name: CleanLine,
    /// His address; may be empty.
    pub address: String,
    /// When the first of its letters here came in.
    pub received: DateTime<Utc>,
    /// How many letters of it came in.
    pub letters: i64,
}

/// What a letter to a specialist says.
#[derive(Debug, Clone)]
pub enum SpecialistContent {
    /// A writer wrote.
    Notice(Box<Notice>),
    /// Many wrote.
    Digest(Digest),
    /// What became of his own letter, and when that came in.
    OwnLetter {
        /// What became of it.
        about: AboutOwnLetter,
        /// When it came in.
        received: DateTime<Utc>,
    },
    /// An answer did not arrive.
    Delivery(Undelivered),
    /// To the operator: something needs a person.
    Alert {
        /// What it is about, in a few words.
        matter: String,
        /// What happened and what to do.
        words: String,
    },
}
