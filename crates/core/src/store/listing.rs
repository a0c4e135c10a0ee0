//! What operators ask to see.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;

use super::entity::{attachment, event, ledger, message, note, ticket};
use super::folder::FolderKey;
use super::outbox::letters_of;
use super::{Result, Store, query_all};
use crate::domain::registration::Outcome;

/// A ticket, as scripts read it.
#[derive(Debug, Clone, Serialize)]
#[allow(
    missing_docs,
    reason = "the names are the documentation: spec'd JSON fields"
)]
pub struct TicketRow {
    pub number: i64,
    pub state: String,
    pub subject: String,
    pub requester: String,
    pub category: Option<String>,
    pub assignee: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The support address it came to.
    pub mailbox: String,
}

/// A ledger row, as scripts read it.
#[derive(Debug, Clone, Serialize)]
#[allow(
    missing_docs,
    reason = "the names are the documentation: spec'd JSON fields"
)]
pub struct LedgerRow {
    pub mailbox: String,
    pub folder: String,
    pub uidvalidity: i64,
    pub uid: i64,
    pub outcome: Option<String>,
    pub ticket: Option<i64>,
    pub reason: Option<String>,
    pub message_id: Option<String>,
    pub sha256: Option<String>,
    pub at: DateTime<Utc>,
}

/// A letter that was set aside, as listed.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct QuarantineRow {
    pub id: i64,
    pub mailbox: String,
    pub folder: String,
    pub uidvalidity: i64,
    pub uid: i64,
    pub size_bytes: i64,
    pub internal_date: DateTime<Utc>,
    pub reason: String,
    pub at: DateTime<Utc>,
    #[serde(skip)]
    pub raw_mail_id: Option<i64>,
}

/// One piece of a ticket's conversation.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "piece", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Piece {
    /// A letter of the requester.
    Message {
        at: DateTime<Utc>,
        from: String,
        name: String,
        subject: String,
        body: String,
        attachments: Vec<String>,
    },
    /// A specialist's words for specialists.
    Note {
        at: DateTime<Utc>,
        login: String,
        held: bool,
        body: String,
    },
    /// A letter of ours.
    Letter {
        at: DateTime<Utc>,
        kind: String,
        to: String,
        state: String,
        author: Option<String>,
        words: Option<String>,
        why: Option<String>,
    },
    /// A line of history.
    Event {
        at: DateTime<Utc>,
        kind: String,
        actor: String,
        detail: String,
    },
}

impl Piece {
    fn at(&self) -> DateTime<Utc> {
        match self {
            Piece::Message { at, .. }
            | Piece::Note { at, .. }
            | Piece::Letter { at, .. }
            | Piece::Event { at, .. } => *at,
        }
    }
}

impl Store {
    /// Returns the latest `limit` tickets, newest first.
    pub async fn tickets(&self, limit: u64) -> Result<Vec<TicketRow>> {
        let rows = ticket::Entity::find()
            .order_by_desc(ticket::Column::Number)
            .limit(limit)
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(ticket_row).collect())
    }

    /// Returns a ticket with its whole conversation in order, or `None` if there is no such number.
    pub async fn conversation(&self, number: i64) -> Result<Option<(TicketRow, Vec<Piece>)>> {
        let Some(found) = ticket::Entity::find_by_id(number).one(&self.db).await? else {
            return Ok(None);
        };
        let mut pieces = Vec::new();
        for row in message::Entity::find()
            .filter(message::Column::Ticket.eq(number))
            .filter(message::Column::Author.ne("specialist"))
            .order_by_asc(message::Column::Id)
            .all(&self.db)
            .await?
        {
            let files = attachment::Entity::find()
                .filter(attachment::Column::Message.eq(row.id))
                .all(&self.db)
                .await?;
            let attachments = files.into_iter().map(|file| file.name).collect();
            pieces.push(Piece::Message {
                at: row.created_at,
                from: row.from_address,
                name: row.from_name,
                subject: row.subject,
                body: row.body,
                attachments,
            });
        }
        for row in note::Entity::find()
            .filter(note::Column::Ticket.eq(number))
            .order_by_asc(note::Column::Id)
            .all(&self.db)
            .await?
        {
            pieces.push(Piece::Note {
                at: row.created_at,
                login: row.login,
                held: row.held,
                body: row.body,
            });
        }
        for row in event::Entity::find()
            .filter(event::Column::Ticket.eq(number))
            .order_by_asc(event::Column::Id)
            .all(&self.db)
            .await?
        {
            pieces.push(Piece::Event {
                at: row.at,
                kind: row.kind,
                actor: row.actor,
                detail: row.detail,
            });
        }
        for row in letters_of(&self.db, number).await? {
            pieces.push(Piece::Letter {
                at: row.created_at,
                kind: row.kind,
                to: row.recipient_address,
                state: row.state,
                author: row.author_login,
                words: row.words,
                why: row.why,
            });
        }
        pieces.sort_by_key(Piece::at);
        Ok(Some((ticket_row(found), pieces)))
    }

    /// Returns the first file called `name` in ticket `number`: the letter it came in, and its part there.
    pub async fn ticket_file(&self, number: i64, name: &str) -> Result<Option<(Vec<u8>, u32)>> {
        let messages = message::Entity::find()
            .filter(message::Column::Ticket.eq(number))
            .order_by_asc(message::Column::Id)
            .all(&self.db)
            .await?;
        for row in messages {
            let file = attachment::Entity::find()
                .filter(attachment::Column::Message.eq(row.id))
                .filter(attachment::Column::Name.eq(name))
                .one(&self.db)
                .await?;
            if let Some(file) = file {
                let raw = self.raw(row.raw_mail_id).await?;
                return Ok(Some((raw, file.part.unsigned_abs())));
            }
        }
        Ok(None)
    }

    /// Returns how many ledger rows of the folder ended in each outcome; those not decided yet count under `pending`.
    pub async fn outcomes(&self, key: &FolderKey) -> Result<BTreeMap<String, i64>> {
        let select = "SELECT coalesce(outcome, 'pending') AS outcome, count(*) AS n FROM ledger WHERE mailbox = $1 AND folder = $2 AND uidvalidity = $3 AND numbering = $4 GROUP BY 1";
        let rows = query_all(&self.db, select, key.values()).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "outcome")?, row.try_get("", "n")?)))
            .collect()
    }

    /// Returns the letters that were set aside, oldest first.
    pub async fn quarantined(&self) -> Result<Vec<QuarantineRow>> {
        let rows = ledger::Entity::find()
            .filter(ledger::Column::Outcome.eq(Outcome::Quarantined.as_str()))
            .order_by_asc(ledger::Column::Id)
            .all(&self.db)
            .await?;
        let listed = rows.into_iter().map(|row| QuarantineRow {
            id: row.id,
            mailbox: row.mailbox,
            folder: row.folder,
            uidvalidity: row.uidvalidity,
            uid: row.uid,
            size_bytes: row.size_bytes,
            internal_date: row.internal_date,
            reason: row.reason.unwrap_or_default(),
            at: row.decided_at.unwrap_or(row.fetched_at),
            raw_mail_id: row.raw_mail_id,
        });
        Ok(listed.collect())
    }

    /// Returns the ledger rows of a mailbox with this UID, in any folder and numbering.
    pub async fn ledger_rows(
        &self,
        mailbox: &str,
        uid: u32,
    ) -> Result<Vec<(LedgerRow, Option<i64>)>> {
        let rows = ledger::Entity::find()
            .filter(ledger::Column::Mailbox.eq(mailbox))
            .filter(ledger::Column::Uid.eq(i64::from(uid)))
            .order_by_asc(ledger::Column::Id)
            .all(&self.db)
            .await?;
        let mut listed = Vec::new();
        for row in rows {
            let sha256 = match row.raw_mail_id {
                Some(id) => super::entity::raw_mail::Entity::find_by_id(id)
                    .one(&self.db)
                    .await?
                    .map(|raw| raw.sha256),
                None => None,
            };
            let at = row.decided_at.unwrap_or(row.fetched_at);
            listed.push((
                LedgerRow {
                    mailbox: row.mailbox,
                    folder: row.folder,
                    uidvalidity: row.uidvalidity,
                    uid: row.uid,
                    outcome: row.outcome,
                    ticket: row.ticket,
                    reason: row.reason,
                    message_id: row.message_id,
                    sha256,
                    at,
                },
                row.raw_mail_id,
            ));
        }
        Ok(listed)
    }
}

fn ticket_row(row: ticket::Model) -> TicketRow {
    TicketRow {
        number: row.number,
        state: row.state,
        subject: row.subject,
        requester: row.requester_address,
        category: None,
        assignee: row.assignee,
        created_at: row.created_at,
        updated_at: row.updated_at,
        mailbox: row.mailbox,
    }
}
