//! Notices to specialists, and in a flood the lines of a digest in their place.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::facts::{count_letters, ticket_facts};
use super::new_letter::{Cause, NewRow, insert_letter, is_written};
use super::registration::{Registrar, insert_event, move_ticket};
use super::{Result, Store, StoreError, execute, on_postgres, query_all, query_one};
use crate::domain::desk::Specialist;
use crate::domain::letter::Kind;
use crate::domain::notice_digest::{self, WINDOW};
use crate::domain::outgoing::{Digest, DigestLine};
use crate::domain::registration::{FoldedTicket, NewEvent, Taken};
use crate::domain::text::CleanLine;

/// Tickets that a digest shows; of more it says how many.
const SHOWN: i64 = 100;

impl Store {
    /// Returns what a digest says.
    pub(super) async fn digest(&self, letter: i64) -> Result<Digest> {
        let all = "SELECT count(DISTINCT ticket) AS n, coalesce(min(ticket), 0) AS first FROM digest_line WHERE letter = $1";
        let (all, first): (i64, i64) = match query_one(&self.db, all, [letter.into()]).await? {
            Some(row) => (row.try_get("", "n")?, row.try_get("", "first")?),
            None => (0, 0),
        };
        let select = "SELECT d.ticket, t.subject, t.requester_name, t.requester_address, min(m.received_at) AS received, count(*) AS letters
                      FROM digest_line d JOIN ticket t ON t.number = d.ticket JOIN message m ON m.id = d.message
                      WHERE d.letter = $1 GROUP BY d.ticket, t.subject, t.requester_name, t.requester_address
                      ORDER BY CASE WHEN EXISTS (SELECT 1 FROM ticket o WHERE o.requester_address = t.requester_address AND o.requester_address <> '' AND o.number < $3) THEN 0 ELSE 1 END, d.ticket LIMIT $2";
        // Whoever has written before stands above the flood.
        let values = [letter.into(), SHOWN.into(), first.into()];
        let rows = query_all(&self.db, select, values).await?;
        let line = |row: &sea_orm::QueryResult| {
            let text = |column: &str| row.try_get::<String>("", column);
            Ok(DigestLine {
                number: row.try_get("", "ticket")?,
                subject: CleanLine::new(&text("subject")?, 100),
                name: CleanLine::new(&text("requester_name")?, 100),
                address: text("requester_address")?,
                received: row.try_get("", "received")?,
                letters: row.try_get("", "letters")?,
            })
        };
        let lines = rows.iter().map(line).collect::<Result<Vec<_>>>()?;
        Ok(Digest { lines, all })
    }
}

/// Tells a specialist of an entry: by a notice that is due at `due_at`, or in a flood by a line of the digest that gathers.
pub(super) async fn tell_specialist(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    specialist: &Specialist,
    ticket: i64,
    entry: i64,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let since = due_at - WINDOW;
    let recent = count_letters(tx, Kind::Notice, &specialist.address, since, "").await?;
    if !notice_digest::is_flood(recent) {
        let cause = Cause::Message {
            ticket: Some(ticket),
            message: entry,
        };
        let row = NewRow::to_specialist(Kind::Notice, cause, specialist, None, due_at);
        insert_letter(tx, registrar, row, now).await?;
        return Ok(());
    }
    // One that was refused for now, and leaves in hours, gathers no more.
    let leaves = notice_digest::due_at(&registrar.desk.calendar, now);
    let waiting = format!(
        "SELECT id FROM letter WHERE kind = 'digest' AND recipient_address = $1 AND mailbox = $2 AND state = 'due' AND due_at <= $3 ORDER BY id DESC LIMIT 1{}",
        on_postgres(tx, " FOR UPDATE")
    );
    let values = [
        specialist.address.as_str().into(),
        registrar.mailbox.as_str().into(),
        leaves.into(),
    ];
    let digest = match query_one(tx, &waiting, values).await? {
        Some(row) => row.try_get("", "id")?,
        None => {
            let cause = Cause::Message {
                ticket: None,
                message: entry,
            };
            let row = NewRow::to_specialist(Kind::Digest, cause, specialist, None, leaves);
            insert_letter(tx, registrar, row, now).await?
        }
    };
    let line = "INSERT INTO digest_line (letter, ticket, message) VALUES ($1, $2, $3)";
    execute(tx, line, [digest.into(), ticket.into(), entry.into()]).await?;
    Ok(())
}

/// Returns those of the tickets `numbers` that the digest holds which entry `entry` began for the specialist `login`.
pub(super) async fn folded(
    tx: &impl ConnectionTrait,
    login: &str,
    entry: i64,
    numbers: &[i64],
) -> Result<BTreeMap<i64, FoldedTicket>> {
    let mut folded = BTreeMap::new();
    let select = "SELECT d.message FROM digest_line d JOIN letter l ON l.id = d.letter
                  WHERE l.kind = 'digest' AND l.message = $1 AND l.recipient_login = $2 AND d.ticket = $3 ORDER BY d.message";
    for number in numbers {
        let values = [entry.into(), login.into(), (*number).into()];
        let rows = query_all(tx, select, values).await?;
        let messages = rows.iter().map(|row| Ok(row.try_get("", "message")?));
        let messages: Vec<i64> = messages.collect::<Result<_>>()?;
        if messages.is_empty() {
            continue;
        }
        let ticket = ticket_facts(tx, *number)
            .await?
            .ok_or_else(|| StoreError::Row {
                table: "digest_line",
                id: *number,
                what: "a ticket that is not there".to_owned(),
            })?;
        folded.insert(*number, FoldedTicket { ticket, messages });
    }
    Ok(folded)
}

/// Takes a ticket from a digest, at once or when it is due, and writes the notices that the digest stood for.
pub(super) async fn take(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    specialist: &Specialist,
    taken: &Taken,
    now: DateTime<Utc>,
) -> Result<()> {
    let login = specialist.login.as_str();
    if taken.command.applied {
        move_ticket(tx, taken.number, taken.state, Some(login), now).await?;
        let event = NewEvent::new(taken.command.verb.event_kind(), login, "from a digest");
        insert_event(tx, Some(taken.number), event, now).await?;
    }
    for message in &taken.messages {
        let address = &specialist.address;
        if is_written(tx, Kind::Notice, taken.number, *message, address).await? {
            continue;
        }
        let cause = Cause::Message {
            ticket: Some(taken.number),
            message: *message,
        };
        let due_at = taken.command.due_at;
        let row = NewRow::to_specialist(Kind::Notice, cause, specialist, None, due_at);
        insert_letter(tx, registrar, row, now).await?;
    }
    Ok(())
}
