//! Letters to the people who answer, and to the operator.

use chrono::{DateTime, Utc};
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::compose::{Draft, File, NotComposable};
use super::moment::Moments;
use super::wording::Wording;
use crate::domain::address::EmailAddress;
use crate::domain::registration::{OwnLetter, Undelivered};
use crate::domain::text::CleanLine;
use crate::domain::ticket::State;

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
    /// Others the letter was addressed to.
    pub copies: Vec<EmailAddress>,
    /// A ticket the letter mentions without proof.
    pub related: Option<i64>,
    /// Earlier tickets of the same address.
    pub others: Vec<EarlierTicket>,
    /// The files that travel with the notice.
    pub files: Vec<File>,
    /// All files of the letter.
    pub listed: Vec<ListedFile>,
    /// The short token that closes it.
    pub sentinel: String,
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

/// A file of the letter, for a notice.
#[derive(Debug, Clone, Serialize)]
pub struct ListedFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// Whether it travels with the notice.
    pub attached: bool,
}

/// What a letter to a specialist says.
#[derive(Debug, Clone)]
pub enum SpecialistContent {
    /// A writer wrote.
    Notice(Box<Notice>),
    /// What became of his own letter, and when that came in.
    OwnLetter {
        /// What became of it.
        what: OwnLetter,
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

/// Returns the letter in words.
pub fn draft(
    envelope: &SpecialistEnvelope,
    content: SpecialistContent,
    wording: &Wording,
    moments: Moments,
) -> Result<Draft, NotComposable> {
    let number = envelope.number;
    let subject = envelope.subject.as_str();
    let mut from_name = envelope.desk.clone();
    let mut files = Vec::new();
    let mut fields = vec![
        ("Auto-Submitted", CleanLine::new("auto-generated", 40)),
        ("X-Auto-Response-Suppress", CleanLine::new("All", 40)),
    ];
    if let Some(number) = number {
        let list = format!("<support.{}>", envelope.from.domain());
        fields.push(("List-Id", CleanLine::new(&list, 200)));
        fields.push(("X-Ticket", CleanLine::new(&number.to_string(), 40)));
    }
    let (text, subject) = match content {
        SpecialistContent::Notice(notice) => {
            let state = wording.text(state_name(notice.state), context! {})?;
            let mut others = Vec::new();
            for other in &notice.others {
                let state = wording.text(state_name(other.state), context! {})?;
                others.push(
                    context! { number => other.number, subject => other.subject.as_str(), state },
                );
            }
            let address = notice.address.as_ref().map(EmailAddress::as_str);
            let name = notice.name.as_str();
            from_name = wording.text("notice_from", context! { name, address })?;
            let copies: Vec<String> = notice.copies.iter().map(ToString::to_string).collect();
            let facts = context! {
                body => notice.body, name, address, received => moments.short(notice.received), first => notice.first, state,
                assignee => notice.assignee, files => Value::from(Serde(&notice.listed)), related => notice.related, others, number, sentinel => notice.sentinel,
                copies,
            };
            files = notice.files;
            (
                wording.text("notice", facts)?,
                wording.text("notice_subject", context! { number, subject, name })?,
            )
        }
        SpecialistContent::OwnLetter { what, received } => {
            let at = if let OwnLetter::Accepted { at, .. } = &what {
                moments.on(*at)
            } else {
                String::new()
            };
            let name = envelope
                .to_name
                .as_str()
                .split(' ')
                .next()
                .unwrap_or_default();
            let extra = context! { number, subject, at, received => moments.on(received), name };
            let facts = context! { ..extra, ..Value::from(Serde(&what)) };
            (
                wording.text("own_letter", facts)?,
                wording.text("own_letter_subject", context! { number, subject })?,
            )
        }
        SpecialistContent::Delivery(undelivered) => {
            let facts =
                context! { number, address => undelivered.address, reply => undelivered.reply };
            (
                wording.text("delivery", facts)?,
                wording.text("delivery_subject", context! { number })?,
            )
        }
        SpecialistContent::Alert { matter, words } => (
            wording.text("alert", context! { words })?,
            wording.text("alert_subject", context! { subject => matter })?,
        ),
    };
    Ok(Draft {
        message_id: envelope.message_id.clone(),
        references: envelope.references.clone(),
        from_name: CleanLine::new(&from_name, 100),
        from: envelope.from.clone(),
        to_name: envelope.to_name.clone(),
        to: envelope.to.clone(),
        subject: CleanLine::new(&subject, 240),
        text,
        language: super::wording::language_tag(wording.language),
        fields,
        files,
        date: envelope.now,
    })
}

fn state_name(state: State) -> &'static str {
    match state {
        State::New => "state_new",
        State::InWork => "state_in_work",
        State::Answered => "state_answered",
        State::Closed => "state_closed",
    }
}
