//! Outgoing letters as operators see them, and what they may order: try again, cancel, hold, release.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
};
use serde::Serialize;

use super::entity::{heartbeat, letter};
use super::facts::ticket_facts;
use super::new_letter::{Cause, tell_author};
use super::outbox::POLL_GRACE;
use super::registration::{Registrar, insert_event, move_ticket};
use super::{Result, Store, StoreError, execute, on_postgres, query_one, unsent};
use crate::config::Settings;
use crate::domain::address::EmailAddress;
use crate::domain::gate::first_minute;
use crate::domain::letter::{Kind, Lane, State};
use crate::domain::registration::{NewEvent, Undelivered, UndeliveredFate, Verb};
use crate::domain::ticket::{Event, apply};
use crate::domain::token::TokenKeys;
use crate::domain::waiting::{self, Waiting};

/// An outgoing letter, as scripts read it.
#[derive(Debug, Clone, Serialize)]
#[allow(
    missing_docs,
    reason = "the names are the documentation: spec'd JSON fields"
)]
pub struct LetterRow {
    pub id: i64,
    pub kind: String,
    pub ticket: Option<i64>,
    pub to: String,
    pub state: String,
    pub due_at: DateTime<Utc>,
    pub attempts: i32,
    pub message_id: String,
    /// Why it has not left, or what is to be known of how it did.
    pub why: Option<String>,
    /// When it may leave at the earliest, where that is known and it has not.
    pub until: Option<DateTime<Utc>>,
    pub author: Option<String>,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
    pub possibly_twice: bool,
    #[serde(skip)]
    pub words: Option<String>,
}

/// What an operator orders of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterOrder {
    /// Try it now, or at the next opening, whatever it waits for.
    Retry,
    /// Never send it.
    Cancel,
    /// Do not send it until it is released.
    Hold,
    /// Send what is held.
    Release,
}

/// What became of an order.
#[derive(Debug, Clone)]
pub enum Ordered {
    /// Done; this is the letter now.
    Done(Box<LetterRow>),
    /// Not possible as the letter stands: why, and what to do.
    Refused(String),
    /// There is no such letter.
    Unknown,
}

impl LetterOrder {
    /// The states in which it can be obeyed.
    fn from(self) -> &'static [State] {
        match self {
            LetterOrder::Retry => &[State::Due, State::MaybeSent, State::Failed],
            LetterOrder::Cancel => &[State::Due, State::MaybeSent, State::Held, State::Failed],
            LetterOrder::Hold => &[State::Due, State::MaybeSent],
            LetterOrder::Release => &[State::Held],
        }
    }

    fn event(self) -> &'static str {
        match self {
            LetterOrder::Retry => "retried",
            LetterOrder::Cancel => "cancelled",
            LetterOrder::Hold => "held",
            LetterOrder::Release => "released",
        }
    }
}

impl Store {
    /// Returns outgoing letters, newest first; of one ticket, or all.
    pub async fn letters(
        &self,
        ticket: Option<i64>,
        limit: u64,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Vec<LetterRow>> {
        let mut select = letter::Entity::find();
        if let Some(number) = ticket {
            select = select.filter(letter::Column::Ticket.eq(number));
        }
        let rows = select
            .order_by_desc(letter::Column::Id)
            .limit(limit)
            .all(&self.db)
            .await?;
        let mut letters = Vec::with_capacity(rows.len());
        for row in rows {
            letters.push(self.letter_row(row, settings, now).await?);
        }
        Ok(letters)
    }

    /// Returns one outgoing letter, or `None` if there is none of this number.
    pub async fn letter(
        &self,
        id: i64,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Option<LetterRow>> {
        match letter::Entity::find_by_id(id).one(&self.db).await? {
            Some(row) => Ok(Some(self.letter_row(row, settings, now).await?)),
            None => Ok(None),
        }
    }

    /// Does what an operator orders of a letter, if its state allows it.
    pub async fn order_letter(
        &self,
        id: i64,
        order: LetterOrder,
        settings: &Settings,
        key: &TokenKeys,
        now: DateTime<Utc>,
    ) -> Result<Ordered> {
        let tx = self.begin_write().await?;
        let select = format!(
            "SELECT state, kind, mailbox, ticket, message, recipient_address, author_login, verbs, put_off FROM letter WHERE id = $1{}",
            on_postgres(&tx, " FOR UPDATE")
        );
        let Some(row) = query_one(&tx, &select, [id.into()]).await? else {
            return Ok(Ordered::Unknown);
        };
        let text = |column: &str| row.try_get::<String>("", column);
        let (state, kind) = (state_of(id, &text("state")?)?, text("kind")?);
        if !order.from().contains(&state) {
            return Ok(Ordered::Refused(refusal(id, state, order)));
        }
        let lane = lane_of(id, &kind)?;
        let Some(mailbox) = EmailAddress::parse(&text("mailbox")?) else {
            return Ok(Ordered::Unknown);
        };
        let desk = settings.desk_of(mailbox.as_str());
        let due_at = first_minute(lane, &desk.calendar, now);
        let registrar = Registrar {
            desk: &desk,
            key,
            mailbox: &mailbox,
        };
        match order {
            LetterOrder::Release => unsent::let_go(&tx, id, due_at, false, now).await?,
            LetterOrder::Retry if state == State::Failed => {
                unsent::let_go(&tx, id, due_at, false, now).await?;
            }
            LetterOrder::Retry => {
                let again = "UPDATE letter SET due_at = $2, tried_since = NULL, put_off = (put_off AND $3), why = NULL WHERE id = $1";
                execute(
                    &tx,
                    again,
                    [id.into(), due_at.into(), (due_at > now).into()],
                )
                .await?;
            }
            LetterOrder::Cancel => {
                let cancel = "UPDATE letter SET state = 'cancelled', why = $2 WHERE id = $1";
                let why = match state {
                    State::MaybeSent => "cancelled by the operator; it may have been sent",
                    _ => "cancelled by the operator",
                };
                execute(&tx, cancel, [id.into(), why.into()]).await?;
                // What was ordered with an answer that does not go does not happen either.
                let orders = "UPDATE command SET cancelled_at = $2 WHERE message = (SELECT message FROM letter WHERE id = $1 AND kind = 'answer')
                              AND ticket = (SELECT ticket FROM letter WHERE id = $1) AND applied_at IS NULL AND cancelled_at IS NULL";
                execute(&tx, orders, [id.into(), now.into()]).await?;
                let ticket: Option<i64> = row.try_get("", "ticket")?;
                if let (true, Some(number)) = (kind == Kind::Answer.as_str(), ticket) {
                    unanswered(&tx, number, now).await?;
                    tell_of_cancelling(&tx, registrar, &row, id, number, now).await?;
                }
            }
            LetterOrder::Hold => {
                let hold =
                    "UPDATE letter SET state = 'held', why = 'held by the operator' WHERE id = $1";
                execute(&tx, hold, [id.into()]).await?;
            }
        }
        let ticket: Option<i64> = row.try_get("", "ticket")?;
        let goes = matches!(order, LetterOrder::Release)
            || state == State::Failed && order == LetterOrder::Retry;
        if let (true, true, Some(ticket)) = (goes, kind == Kind::Answer.as_str(), ticket) {
            let message: Option<i64> = row.try_get("", "message")?;
            let login: Option<String> = row.try_get("", "author_login")?;
            let verbs: Option<String> = row.try_get("", "verbs")?;
            let verbs = Verb::read_list(verbs.as_deref());
            for verb in std::iter::once(Verb::Answer).chain(verbs) {
                order_again(&tx, ticket, message, login.as_deref(), verb, due_at, now).await?;
            }
        }
        let event = NewEvent::new(order.event(), "operator", format!("{kind} {id}"));
        insert_event(&tx, ticket, event, now).await?;
        tx.commit().await?;
        Ok(match self.letter(id, settings, now).await? {
            Some(row) => Ordered::Done(Box::new(row)),
            None => Ordered::Unknown,
        })
    }

    async fn letter_row(
        &self,
        row: letter::Model,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<LetterRow> {
        let calendar = settings.calendar_of(&row.mailbox);
        let state = state_of(row.id, &row.state)?;
        let lane = lane_of(row.id, &row.kind)?;
        let (mut behind, mut unread_until, mut problem) = (None, None, None);
        if matches!(state, State::Due | State::MaybeSent) {
            let earlier = "SELECT min(id) AS id FROM letter WHERE ticket = $1 AND recipient_address = $2 AND lane = $3 AND id < $4 AND state IN ('due', 'sending', 'maybe_sent')";
            let values = [
                row.ticket.into(),
                row.recipient_address.as_str().into(),
                row.lane.as_str().into(),
                row.id.into(),
            ];
            if let Some(found) = query_one(&self.db, earlier, values).await? {
                behind = found.try_get("", "id")?;
            }
            let grace = row.due_at + POLL_GRACE;
            if row.put_off && grace > now && !self.was_read_since(&row.mailbox, row.due_at).await? {
                unread_until = Some(grace);
            }
            let beat = format!("deliver:{}:{}", row.lane, row.mailbox);
            let beat = heartbeat::Entity::find_by_id(beat).one(&self.db).await?;
            problem = beat.and_then(|beat| beat.problem);
        }
        let waiting = Waiting {
            state,
            lane,
            due_at: row.due_at,
            why: row.why,
            behind,
            unread_until,
            problem,
        };
        let (why, until) = waiting::why(&waiting, calendar, now).unzip();
        Ok(LetterRow {
            id: row.id,
            kind: row.kind,
            ticket: row.ticket,
            to: row.recipient_address,
            state: row.state,
            due_at: row.due_at,
            attempts: row.attempts,
            message_id: row.message_id,
            why,
            until: until.flatten(),
            author: row.author_login,
            created_at: row.created_at,
            sent_at: row.sent_at,
            possibly_twice: row.possibly_twice,
            words: row.words,
        })
    }
}

/// A ticket whose answer does not go has work again, unless another answer of it left or waits.
async fn unanswered(tx: &impl ConnectionTrait, number: i64, now: DateTime<Utc>) -> Result<()> {
    let others = "SELECT 1 FROM letter WHERE ticket = $1 AND kind = 'answer' AND state IN ('due', 'sending', 'maybe_sent', 'sent') LIMIT 1";
    if query_one(tx, others, [number.into()]).await?.is_some() {
        return Ok(());
    }
    if let Some(ticket) = ticket_facts(tx, number).await? {
        let state = apply(ticket.state, Event::Bounced).to;
        move_ticket(tx, ticket.number, state, ticket.assignee.as_deref(), now).await?;
    }
    Ok(())
}

/// Tells the author of an answer that the operator cancelled it.
async fn tell_of_cancelling(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    row: &QueryResult,
    id: i64,
    number: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let login: Option<String> = row.try_get("", "author_login")?;
    let message: Option<i64> = row.try_get("", "message")?;
    let Some(message) = message else {
        return Ok(());
    };
    let what = Undelivered {
        address: row.try_get("", "recipient_address")?,
        reply: format!("letter {id} was cancelled by the operator"),
        fate: UndeliveredFate::Cancelled,
    };
    let cause = Cause::Again {
        ticket: Some(number),
        message,
        at: now,
    };
    let due_at = first_minute(Lane::Worker, &registrar.desk.calendar, now);
    let login = login.as_deref();
    tell_author(tx, registrar, login, cause, &what, due_at, now).await
}

/// Orders what goes with an answer, whatever became of an earlier order of the same letter.
async fn order_again(
    tx: &impl ConnectionTrait,
    ticket: i64,
    message: Option<i64>,
    login: Option<&str>,
    verb: Verb,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let order = "INSERT INTO command (ticket, message, login, verb, due_at, created_at) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (message, ticket, verb) DO UPDATE SET due_at = excluded.due_at, applied_at = NULL, cancelled_at = NULL";
    let values = [
        ticket.into(),
        message.into(),
        login.unwrap_or_default().into(),
        verb.as_str().into(),
        due_at.into(),
        now.into(),
    ];
    execute(tx, order, values).await?;
    Ok(())
}

/// Who sends a letter of this kind.
fn lane_of(id: i64, kind: &str) -> Result<Lane> {
    let kind = Kind::from_name(kind).ok_or_else(|| StoreError::Row {
        table: "letter",
        id,
        what: format!("unknown kind {kind}"),
    })?;
    Ok(kind.lane())
}

fn state_of(id: i64, name: &str) -> Result<State> {
    State::from_name(name).ok_or_else(|| StoreError::Row {
        table: "letter",
        id,
        what: format!("unknown state {name}"),
    })
}

/// Why an order is not possible, and what to do.
fn refusal(id: i64, state: State, order: LetterOrder) -> String {
    match (state, order) {
        (State::Sent, _) => format!("letter {id} has left"),
        (State::Cancelled, _) => format!("letter {id} was cancelled; write a new one"),
        (State::Sending, _) => {
            format!("letter {id} is being sent; try again in a minute")
        }
        (State::Held, LetterOrder::Retry) => {
            format!("letter {id} is held: `letters release {id}` sends it")
        }
        (State::Held, _) => format!("letter {id} is held already"),
        (State::Failed, LetterOrder::Release) => {
            format!("letter {id} failed: `letters retry {id}` tries it again")
        }
        (State::Failed, _) => format!("letter {id} failed and is not sent"),
        (State::Due | State::MaybeSent, _) => {
            format!("letter {id} is not held: it goes by itself, `letters retry {id}` now")
        }
    }
}
