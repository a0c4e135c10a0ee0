//! What is held about one person, and the people of a time.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult};
use serde::Serialize;

use super::super::listing::{Piece, TicketRow};
use super::super::{Result, Store, query_all, query_one};
use super::act::Erasure;
use super::raw::ids;
use crate::domain::address::EmailAddress;
use crate::domain::retention::Manner;

/// What is held about an address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Holdings {
    /// What is noted of the address itself.
    pub person: Option<PersonRow>,
    /// Tickets of this person alone.
    pub tickets: Vec<i64>,
    /// Tickets that others wrote to as well.
    pub shared: Vec<i64>,
    /// Those of both that are not closed.
    pub open: Vec<i64>,
    /// Those of both about which a letter is being sent at this moment.
    pub sending: Vec<i64>,
    /// Tickets of others in whose texts the address stands; they are not erased.
    pub mentioned: Vec<i64>,
    /// Letters from the address.
    pub messages: i64,
    /// Files that came with them.
    pub files: i64,
    /// Letters of the desk to the address.
    pub letters: i64,
    /// Raw letters, by what names their bytes: those from the address.
    #[serde(skip)]
    pub raws: Vec<i64>,
    /// Those of them that belong to no ticket.
    #[serde(skip)]
    pub loose: Vec<i64>,
    /// Bytes of the raw letters.
    pub raw_bytes: i64,
    /// UIDs in the mailbox that are copies of them.
    pub copies: i64,
    /// Letters that could not be read and in whose bytes the address stands, by their numbers: they are looked through by a person.
    pub unread: Vec<i64>,
}

impl Holdings {
    /// Returns whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.person.is_none()
            && self.tickets.is_empty()
            && self.shared.is_empty()
            && self.loose.is_empty()
    }
}

/// What is noted of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names are those of the columns")]
pub struct PersonRow {
    pub name: String,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub dead_at: Option<DateTime<Utc>>,
    pub dead_why: Option<String>,
}

/// A ticket as it is handed to the person it is about.
#[derive(Debug, Clone, Serialize)]
pub struct PersonsTicket {
    /// The ticket; of one that others wrote to, its number alone is certain to be his.
    #[serde(flatten)]
    pub ticket: TicketRow,
    /// Whether others wrote to it: what is theirs is left out.
    pub shared: bool,
    /// What was written, in order.
    pub conversation: Vec<Piece>,
}

/// Someone who wrote or was written to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are documentation enough")]
pub struct Affected {
    pub address: String,
    pub name: String,
    pub tickets: i64,
    pub letters: i64,
    pub files: i64,
    pub answers: i64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

/// Tickets that have to do with the address `$1`, and whether others wrote to each.
const TICKETS: &str = "SELECT t.number, t.state,
        CASE WHEN t.requester_address NOT IN ('', $1) OR EXISTS (SELECT 1 FROM message o WHERE o.ticket = t.number AND o.author = 'requester' AND o.from_address NOT IN ('', $1)) THEN 1 ELSE 0 END AS shared,
        CASE WHEN EXISTS (SELECT 1 FROM letter s WHERE s.ticket = t.number AND s.state = 'sending') THEN 1 ELSE 0 END AS sending
    FROM ticket t WHERE t.erased_at IS NULL AND t.number IN (
        SELECT number FROM ticket WHERE requester_address = $1
        UNION SELECT ticket FROM message WHERE from_address = $1 AND ticket IS NOT NULL
        UNION SELECT ticket FROM letter WHERE recipient_address = $1 AND recipient_login IS NULL AND ticket IS NOT NULL
        UNION SELECT ticket FROM command WHERE address = $1)
    ORDER BY t.number";

impl Store {
    /// Returns what is held about `address`.
    pub async fn holdings(&self, address: &EmailAddress) -> Result<Holdings> {
        let db = &self.db;
        let value = || [address.as_str().into()];
        let mut held = Holdings::default();
        let person = "SELECT name, first_seen_at, last_seen_at, confirmed_at, dead_at, dead_why FROM person WHERE address = $1";
        if let Some(row) = query_one(db, person, value()).await? {
            held.person = Some(PersonRow {
                name: row.try_get("", "name")?,
                first_seen_at: row.try_get("", "first_seen_at")?,
                last_seen_at: row.try_get("", "last_seen_at")?,
                confirmed_at: row.try_get("", "confirmed_at")?,
                dead_at: row.try_get("", "dead_at")?,
                dead_why: row.try_get("", "dead_why")?,
            });
        }
        for row in query_all(db, TICKETS, value()).await? {
            let number = row.try_get("", "number")?;
            let state: String = row.try_get("", "state")?;
            let is = |column: &str| -> Result<bool> { Ok(flag(db, &row, column)? == 1) };
            if is("shared")? {
                held.shared.push(number);
            } else {
                held.tickets.push(number);
            }
            if !matches!(state.as_str(), "closed" | "merged") {
                held.open.push(number);
            }
            if is("sending")? {
                held.sending.push(number);
            }
        }
        let own = "SELECT DISTINCT m.raw_mail_id FROM message m JOIN raw_mail r ON r.id = m.raw_mail_id WHERE m.from_address = $1 AND r.erased_at IS NULL ORDER BY 1";
        held.raws = ids(db, own, value()).await?;
        let loose =
            "SELECT DISTINCT raw_mail_id FROM message WHERE from_address = $1 AND ticket IS NULL";
        held.loose = ids(db, loose, value()).await?;
        held.messages = one(
            db,
            "SELECT count(*) FROM message WHERE from_address = $1",
            address,
        )
        .await?;
        held.files = one(db, "SELECT count(*) FROM attachment a JOIN message m ON m.id = a.message WHERE m.from_address = $1", address).await?;
        held.letters = one(
            db,
            "SELECT count(*) FROM letter WHERE recipient_address = $1 AND recipient_login IS NULL",
            address,
        )
        .await?;
        held.raw_bytes = one(db, "SELECT CAST(coalesce(sum(r.size_bytes), 0) AS BIGINT) FROM raw_mail r WHERE r.erased_at IS NULL AND r.id IN (SELECT raw_mail_id FROM message WHERE from_address = $1)", address).await?;
        held.copies = one(db, "SELECT count(*) FROM ledger l WHERE l.copy IS NULL AND l.raw_mail_id IN (SELECT raw_mail_id FROM message WHERE from_address = $1)", address).await?;
        let mentioned = "SELECT DISTINCT ticket FROM (
                SELECT ticket, lower(body) AS body FROM message WHERE ticket IS NOT NULL
                UNION ALL SELECT ticket, lower(body) FROM note
                UNION ALL SELECT ticket, lower(words) FROM letter WHERE kind = 'answer' AND words IS NOT NULL) said
            WHERE body LIKE '%' || $2 || '%' ESCAPE '!' AND ticket NOT IN (SELECT ticket FROM message WHERE from_address = $1 AND ticket IS NOT NULL)
              AND ticket NOT IN (SELECT number FROM ticket WHERE requester_address = $1) ORDER BY ticket";
        let escaped = address
            .as_str()
            .replace('!', "!!")
            .replace('%', "!%")
            .replace('_', "!_");
        held.mentioned = ids(db, mentioned, [address.as_str().into(), escaped.into()]).await?;
        let holds = match db.get_database_backend() {
            DbBackend::Postgres => "position(convert_to($1, 'UTF8') in c.bytes) > 0",
            _ => "instr(c.bytes, CAST($1 AS BLOB)) > 0",
        };
        let unread = format!(
            "SELECT l.id FROM ledger l JOIN raw_chunk c ON c.raw_mail_id = l.raw_mail_id AND c.seq = 0 WHERE l.outcome = 'quarantined' AND {holds} ORDER BY l.id"
        );
        held.unread = ids(db, &unread, value()).await?;
        Ok(held)
    }

    /// Erases what `held` lists about `address`; each ticket and each letter without one in transactions of their own, so
    /// that an interrupted order is given again and goes on.
    pub async fn erase_person(
        &self,
        address: &EmailAddress,
        held: &Holdings,
        copies: bool,
        erasure: Erasure,
    ) -> Result<()> {
        for number in &held.tickets {
            self.erase_ticket(*number, Manner::Erase, None, copies, erasure)
                .await?;
        }
        for number in &held.shared {
            self.erase_in_ticket(*number, address.as_str(), copies, erasure)
                .await?;
        }
        for raw in &held.loose {
            self.erase_loose(*raw, copies, erasure).await?;
        }
        self.forget(address.as_str(), erasure).await
    }

    /// Returns the tickets of `held` as they are handed to the person: whole, or what is his of those that others wrote to.
    pub async fn persons_tickets(
        &self,
        address: &EmailAddress,
        held: &Holdings,
    ) -> Result<Vec<PersonsTicket>> {
        let mut tickets = Vec::new();
        let all = held.tickets.iter().map(|number| (*number, false));
        for (number, shared) in all.chain(held.shared.iter().map(|number| (*number, true))) {
            let Some((mut ticket, mut conversation)) = self.conversation(number).await? else {
                continue;
            };
            if shared {
                if ticket.requester != address.as_str() {
                    ticket.requester.clear();
                    ticket.subject.clear();
                }
                conversation.retain(|piece| match piece {
                    Piece::Message { from, .. } => from == address.as_str(),
                    Piece::Letter { to, .. } => to == address.as_str(),
                    Piece::Note { .. } => false,
                    Piece::Event { .. } => true,
                });
            }
            tickets.push(PersonsTicket {
                ticket,
                shared,
                conversation,
            });
        }
        tickets.sort_by_key(|one| one.ticket.number);
        Ok(tickets)
    }

    /// Returns everyone who wrote, or was written to, from `since` up to but not `until`, by address.
    pub async fn affected(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Affected>> {
        let select = "SELECT address, max(name) AS name, count(DISTINCT ticket) AS tickets, CAST(sum(letters) AS BIGINT) AS letters, CAST(sum(files) AS BIGINT) AS files,
                        CAST(sum(answers) AS BIGINT) AS answers, min(at) AS first_at, max(at) AS last_at FROM (
                      SELECT from_address AS address, from_name AS name, ticket, received_at AS at, 1 AS letters, (SELECT count(*) FROM attachment a WHERE a.message = m.id) AS files, 0 AS answers
                        FROM message m WHERE author = 'requester'
                      UNION ALL SELECT recipient_address, recipient_name, ticket, created_at, 0, 0, CASE WHEN kind = 'answer' THEN 1 ELSE 0 END FROM letter WHERE kind IN ('receipt', 'reopened', 'answer')
                      UNION ALL SELECT requester_address, requester_name, number, received_at, 0, 0, 0 FROM ticket) said
                      WHERE address <> '' AND at >= $1 AND at < $2 GROUP BY address ORDER BY address";
        let rows = query_all(&self.db, select, [since.into(), until.into()]).await?;
        let affected = |row: &QueryResult| {
            Ok(Affected {
                address: row.try_get("", "address")?,
                name: row.try_get("", "name")?,
                tickets: row.try_get("", "tickets")?,
                letters: row.try_get("", "letters")?,
                files: row.try_get("", "files")?,
                answers: row.try_get("", "answers")?,
                first_at: row.try_get("", "first_at")?,
                last_at: row.try_get("", "last_at")?,
            })
        };
        rows.iter().map(affected).collect()
    }
}

/// A flag that a query made: the engines do not agree on how wide it is.
fn flag(db: &impl ConnectionTrait, row: &QueryResult, column: &str) -> Result<i64> {
    Ok(match db.get_database_backend() {
        DbBackend::Postgres => i64::from(row.try_get::<i32>("", column)?),
        _ => row.try_get("", column)?,
    })
}

async fn one(db: &impl ConnectionTrait, select: &str, address: &EmailAddress) -> Result<i64> {
    let found = ids(db, select, [address.as_str().into()]).await?;
    Ok(found.first().copied().unwrap_or_default())
}
