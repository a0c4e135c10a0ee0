//! Rows of the outbox: each is written in the transaction that causes it, with its Message-ID fixed.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait};

use super::entity::letter;
use super::registration::Registrar;
use super::{Result, query_one, wake};
use crate::domain::address::EmailAddress;
use crate::domain::desk::Specialist;
use crate::domain::letter::{Kind, State as LetterState};
use crate::domain::registration::{Hold, Undelivered, Verb};
use crate::domain::text::CleanLine;
use crate::domain::token::WRITER;

/// Returns what a letter to a specialist is about, as its column `words` keeps it.
pub(super) fn json(what: &impl serde::Serialize) -> String {
    serde_json::to_string(what).expect("plain enums and strings always serialise")
}

/// What a letter is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause {
    /// A registered message, and its ticket if it has one.
    Message { ticket: Option<i64>, message: i64 },
    /// A letter that could not be registered.
    Ledger(i64),
    /// Nothing that has a row: what such a letter is about is told apart by its time.
    Moment(DateTime<Utc>),
    /// A registered message once more: a letter of this kind about it was written before.
    Again {
        ticket: Option<i64>,
        message: i64,
        at: DateTime<Utc>,
    },
}

/// What a letter's row is made of.
pub(super) struct NewRow<'a> {
    pub kind: Kind,
    pub cause: Cause,
    pub address: &'a EmailAddress,
    pub name: CleanLine,
    pub login: Option<String>,
    pub author: Option<String>,
    pub words: Option<String>,
    /// Whether the files of the letter it is made from go with it.
    pub with_files: bool,
    /// Why it waits for its author's word, if it does.
    pub held: Option<Hold>,
    pub due_at: DateTime<Utc>,
}

impl<'a> NewRow<'a> {
    /// A letter to a specialist.
    pub(super) fn to_specialist(
        kind: Kind,
        cause: Cause,
        specialist: &'a Specialist,
        words: Option<String>,
        due_at: DateTime<Utc>,
    ) -> NewRow<'a> {
        NewRow {
            kind,
            cause,
            address: &specialist.address,
            name: CleanLine::new(&specialist.name, 100),
            login: Some(specialist.login.clone()),
            author: None,
            words,
            with_files: true,
            held: None,
            due_at,
        }
    }
}

/// Writes a letter's row and returns its id. The Message-ID is fixed here and carries the recipient's token.
pub(super) async fn insert_letter(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    new: NewRow<'_>,
    now: DateTime<Utc>,
) -> Result<i64> {
    let (ticket, message, entry) = match new.cause {
        Cause::Message { ticket, message } => (ticket, Some(message), message),
        Cause::Ledger(id) => (None, None, id),
        Cause::Moment(at) => (None, None, at.timestamp_micros()),
        Cause::Again {
            ticket,
            message,
            at,
        } => (ticket, Some(message), at.timestamp_micros()),
    };
    let number = ticket.unwrap_or_default();
    let recipient = new.login.as_deref().unwrap_or(WRITER);
    let message_id = registrar.key.message_id(
        new.kind.as_str(),
        number,
        entry,
        recipient,
        new.address,
        registrar.mailbox.domain(),
    );
    let (state, why, verbs) = match new.held {
        None => (LetterState::Due, None, None),
        Some(hold) => (
            LetterState::Held,
            Some(hold.why.to_owned()),
            Some(Verb::list(&hold.verbs)),
        ),
    };
    let row = letter::ActiveModel {
        kind: Set(new.kind.as_str().to_owned()),
        lane: Set(new.kind.lane().as_str().to_owned()),
        mailbox: Set(registrar.mailbox.to_string()),
        ticket: Set(ticket),
        message: Set(message),
        recipient_address: Set(new.address.to_string()),
        recipient_name: Set(new.name.to_string()),
        recipient_login: Set(new.login),
        author_login: Set(new.author),
        words: Set(new.words),
        dedup_key: Set(dedup_key(new.kind, number, entry, new.address)),
        message_id: Set(message_id),
        with_files: Set(new.with_files),
        verbs: Set(verbs),
        put_off: Set(new.kind == Kind::Answer && new.due_at > now),
        why: Set(why),
        state: Set(state.as_str().to_owned()),
        due_at: Set(new.due_at),
        attempts: Set(0),
        fence: Set(0),
        possibly_twice: Set(false),
        created_at: Set(now),
        ..Default::default()
    };
    let id = row.insert(tx).await?.id;
    if new.due_at <= now {
        wake::tell(tx, new.kind.lane()).await?;
    }
    Ok(id)
}

/// The cause of a letter and its recipient, as the column `dedup_key` keeps them.
fn dedup_key(kind: Kind, number: i64, entry: i64, address: &EmailAddress) -> String {
    format!("{}.{number}.{entry}.{address}", kind.as_str())
}

/// Returns whether a letter of this cause to this recipient was written before.
pub(super) async fn is_written(
    tx: &impl ConnectionTrait,
    kind: Kind,
    number: i64,
    entry: i64,
    address: &EmailAddress,
) -> Result<bool> {
    let key = dedup_key(kind, number, entry, address);
    let written = "SELECT 1 FROM letter WHERE dedup_key = $1";
    Ok(query_one(tx, written, [key.into()]).await?.is_some())
}

/// Tells the author of an answer, if he is one of the desk, what became of it.
pub(super) async fn tell_author(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    login: Option<&str>,
    cause: Cause,
    what: &Undelivered,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    if let Some(author) = login.and_then(|login| registrar.desk.by_login(login)) {
        let row = NewRow::to_specialist(Kind::Delivery, cause, author, Some(json(what)), due_at);
        insert_letter(tx, registrar, row, now).await?;
    }
    Ok(())
}
