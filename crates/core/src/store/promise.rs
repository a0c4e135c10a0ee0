//! What was promised for a ticket, and what has come of it: the terms as they stand, from the ticket's history, and the
//! words of its receipt.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde::Serialize;

use super::{Result, Store, StoreError, execute, query_all, query_one};
use crate::domain::beginning::Beginning;
use crate::domain::calendar::Calendar;
use crate::domain::deadline::{self, Due, Terms};
use crate::domain::ticket::State;

/// What a receipt promises, and by which calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// When it is made.
    pub made_at: DateTime<Utc>,
    /// When work begins, or began.
    pub begins: DateTime<Utc>,
    /// By when a person answers, where that is promised.
    pub answer_by: Option<DateTime<Utc>>,
    /// The calendar it was counted by.
    pub calendar: String,
}

/// A promise that was made, beside what it would be by the hours and terms of today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct PromiseRow {
    pub made_at: DateTime<Utc>,
    pub begins_at: DateTime<Utc>,
    pub answer_by: Option<DateTime<Utc>>,
    /// The calendar it was counted by.
    pub calendar: String,
    /// Whether the calendar is another one now.
    pub calendar_changed: bool,
    /// The same by today's calendar.
    pub begins_today: DateTime<Utc>,
    /// The same by today's calendar and terms.
    pub answer_by_today: Option<DateTime<Utc>>,
}

impl PromiseRow {
    /// Whether the hours or the terms of today would promise something else.
    pub fn is_moved(&self) -> bool {
        self.begins_at != self.begins_today || self.answer_by != self.answer_by_today
    }
}

/// Where the terms of a ticket stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct TermsRow {
    /// When the first answer is or was due; `None` where no term is set.
    pub first_answer_due: Option<DateTime<Utc>>,
    /// When a person first answered.
    pub first_answer_at: Option<DateTime<Utc>>,
    /// When the solution is or was due; `None` where no term is set, and while it stands still.
    pub solution_due: Option<DateTime<Utc>>,
    /// Working minutes that are left while it stands still.
    pub solution_left_min: Option<u32>,
    /// When the ticket was closed, where it is.
    pub solved_at: Option<DateTime<Utc>>,
    /// Whether one of them is, or was, late.
    pub late: bool,
    /// What its receipt promised.
    pub promise: Option<PromiseRow>,
}

impl Promise {
    /// Returns the promise that a receipt makes at `now`.
    pub fn new(beginning: &Beginning, calendar: &Calendar, now: DateTime<Utc>) -> Promise {
        Promise {
            made_at: now,
            begins: beginning.begins,
            answer_by: beginning.answer_by,
            calendar: calendar.version(),
        }
    }
}

impl Store {
    /// Returns where the terms of ticket `number` stand at `now`; `None` if there is no such ticket.
    pub async fn terms(
        &self,
        number: i64,
        calendar: &Calendar,
        terms: Terms,
        now: DateTime<Utc>,
    ) -> Result<Option<TermsRow>> {
        let history = history(&self.db, number).await?;
        let Some((received, _)) = history.first() else {
            return Ok(None);
        };
        let first_answer_at = first_answer_at(&self.db, number).await?;
        let first = terms.first_answer_min.and_then(|term_min| {
            deadline::first_answer(calendar, term_min, *received, first_answer_at)
        });
        let solution = terms
            .solution_min
            .and_then(|term_min| deadline::solution(calendar, term_min, &history));
        let due = |due: Option<Due>| match due {
            Some(Due::At(due) | Due::Over { due, .. }) => Some(due),
            Some(Due::Paused { .. }) | None => None,
        };
        let solution_left_min = match solution {
            Some(Due::Paused { left_min, .. }) => Some(left_min),
            _ => None,
        };
        let is_late = |due: Option<Due>| due.is_some_and(|due| due.is_late(now));
        Ok(Some(TermsRow {
            first_answer_due: due(first),
            first_answer_at,
            solution_due: due(solution),
            solution_left_min,
            solved_at: match history.last() {
                Some((at, State::Closed)) => Some(*at),
                _ => None,
            },
            late: is_late(first) || is_late(solution),
            promise: self.promise(number, *received, calendar, terms).await?,
        }))
    }

    /// Returns the tickets of the mailbox that the desk has and that were promised something else than today's hours and terms would.
    pub async fn moved_promises(
        &self,
        mailbox: &str,
        calendar: &Calendar,
        terms: Terms,
        now: DateTime<Utc>,
    ) -> Result<Vec<(i64, PromiseRow)>> {
        let select = "SELECT t.number, t.received_at FROM ticket t JOIN promise p ON p.letter = t.receipt_letter
                      JOIN letter l ON l.id = p.letter AND l.state IN ('sending', 'sent', 'maybe_sent')
                      WHERE t.mailbox = $1 AND t.state IN ('new', 'in_work') AND (p.begins_at > $2 OR p.answer_by > $2)
                      ORDER BY t.number";
        let values = [mailbox.into(), now.into()];
        let mut moved = Vec::new();
        for row in query_all(&self.db, select, values).await? {
            let (number, received) = (row.try_get("", "number")?, row.try_get("", "received_at")?);
            let promise = self.promise(number, received, calendar, terms).await?;
            moved.extend(
                promise
                    .filter(PromiseRow::is_moved)
                    .map(|promise| (number, promise)),
            );
        }
        Ok(moved)
    }

    async fn promise(
        &self,
        number: i64,
        received: DateTime<Utc>,
        calendar: &Calendar,
        terms: Terms,
    ) -> Result<Option<PromiseRow>> {
        let select = "SELECT p.made_at, p.begins_at, p.answer_by, p.calendar FROM ticket t JOIN promise p ON p.letter = t.receipt_letter
                      JOIN letter l ON l.id = p.letter AND l.state IN ('sending', 'sent', 'maybe_sent') WHERE t.number = $1";
        let Some(row) = query_one(&self.db, select, [number.into()]).await? else {
            return Ok(None);
        };
        let made_at: DateTime<Utc> = row.try_get("", "made_at")?;
        let answer_by: Option<DateTime<Utc>> = row.try_get("", "answer_by")?;
        let made_with: String = row.try_get("", "calendar")?;
        let term = terms.first_answer_min.filter(|_| answer_by.is_some());
        Ok(Some(PromiseRow {
            made_at,
            begins_at: row.try_get("", "begins_at")?,
            answer_by,
            calendar_changed: made_with != calendar.version(),
            calendar: made_with,
            begins_today: calendar.next_open(made_at),
            answer_by_today: term.and_then(|term| deadline::answer_by(calendar, term, received)),
        }))
    }
}

/// Keeps what a receipt promises, in the transaction that freezes its bytes. A receipt that is made anew promises anew.
pub(super) async fn keep(tx: &impl ConnectionTrait, letter: i64, promise: &Promise) -> Result<()> {
    let upsert = "INSERT INTO promise (letter, made_at, begins_at, answer_by, calendar) VALUES ($1, $2, $3, $4, $5)
                  ON CONFLICT (letter) DO UPDATE SET made_at = excluded.made_at, begins_at = excluded.begins_at, answer_by = excluded.answer_by, calendar = excluded.calendar";
    let values = [
        letter.into(),
        promise.made_at.into(),
        promise.begins.into(),
        promise.answer_by.into(),
        promise.calendar.as_str().into(),
    ];
    execute(tx, upsert, values).await?;
    Ok(())
}

/// Notes that a ticket is in `state` from `at` on, unless it is so already.
pub(super) async fn note_state(
    tx: &impl ConnectionTrait,
    number: i64,
    state: State,
    at: DateTime<Utc>,
) -> Result<()> {
    let insert = "INSERT INTO ticket_state (ticket, state, at) SELECT $1, $2, $3
                  WHERE NOT EXISTS (SELECT 1 FROM ticket_state s WHERE s.ticket = $1 AND s.state = $2
                                    AND s.id = (SELECT max(id) FROM ticket_state WHERE ticket = $1))";
    let values = [number.into(), state.as_str().into(), at.into()];
    execute(tx, insert, values).await?;
    Ok(())
}

/// The states of a ticket in order, each with the instant from which it holds.
async fn history(db: &impl ConnectionTrait, number: i64) -> Result<Vec<(DateTime<Utc>, State)>> {
    let select = "SELECT id, at, state FROM ticket_state WHERE ticket = $1 ORDER BY id";
    let rows = query_all(db, select, [number.into()]).await?;
    rows.iter()
        .map(|row| {
            let name: String = row.try_get("", "state")?;
            let state = State::from_name(&name).ok_or(StoreError::Row {
                table: "ticket_state",
                id: row.try_get("", "id")?,
                what: format!("unknown state {name}"),
            })?;
            Ok((row.try_get("", "at")?, state))
        })
        .collect()
}

/// When a person's first answer to a ticket left, or is to leave. One that did not arrive is none.
pub(super) async fn first_answer_at(
    db: &impl ConnectionTrait,
    number: i64,
) -> Result<Option<DateTime<Utc>>> {
    let select = "SELECT min(coalesce(sent_at, due_at)) AS at FROM letter
                  WHERE ticket = $1 AND kind = 'answer' AND state IN ('due', 'sending', 'sent', 'maybe_sent')";
    let row = query_one(db, select, [number.into()]).await?;
    Ok(row.map(|row| row.try_get("", "at")).transpose()?.flatten())
}
