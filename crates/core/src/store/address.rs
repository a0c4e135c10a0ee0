//! Addresses of writers: found wrong when a letter comes back, put right by a specialist, found good when their owner answers.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, EntityTrait};

use super::entity::letter;
use super::new_letter::{Cause, NewRow, insert_letter, is_written, tell_author};
use super::registration::{Registrar, insert_event};
use super::{Result, execute, query_all, query_one, unsent};
use crate::domain::address::EmailAddress;
use crate::domain::gate::first_minute;
use crate::domain::letter::{Kind, Lane};
use crate::domain::registration::{Bounce, Hold, NewEvent, Undelivered, UndeliveredFate, Verb};
use crate::domain::text::CleanLine;

/// Why letters wait whose address refused another one.
const REFUSED: &str = "the address refused a letter; it is not written to until a person says so";

/// Notes that a letter did not arrive.
pub(super) async fn bounced(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    bounce: &Bounce,
    message: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let failed = "UPDATE letter SET state = 'failed', why = $2 WHERE id = $1 AND state IN ('sent', 'due', 'maybe_sent')";
    execute(
        tx,
        failed,
        [bounce.letter.into(), bounce.why.as_str().into()],
    )
    .await?;
    match &bounce.dead {
        Some(address) => is_dead(tx, registrar, address, &bounce.why, message, now).await,
        None => Ok(()),
    }
}

/// Notes that `address` is not to be written to, and holds what waits for it; authors of answers are told.
pub(super) async fn is_dead(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    address: &EmailAddress,
    why: &str,
    message: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let mark = "INSERT INTO person (address, name, first_seen_at, last_seen_at, dead_at, dead_why) VALUES ($1, '', $2, $2, $2, $3)
                ON CONFLICT (address) DO UPDATE SET dead_at = excluded.dead_at, dead_why = excluded.dead_why";
    execute(tx, mark, [address.as_str().into(), now.into(), why.into()]).await?;
    let waiting = "UPDATE letter SET state = 'held', why = $2 WHERE recipient_address = $1 AND state = 'due' AND kind IN ('receipt', 'reopened', 'answer')
                   RETURNING id, kind, ticket, author_login";
    let rows = query_all(tx, waiting, [address.as_str().into(), REFUSED.into()]).await?;
    for row in rows {
        let (id, kind, ticket, author): (i64, String, Option<i64>, Option<String>) = (
            row.try_get("", "id")?,
            row.try_get("", "kind")?,
            row.try_get("", "ticket")?,
            row.try_get("", "author_login")?,
        );
        let event = NewEvent::new("held", "desk", format!("{kind} {id}: {REFUSED}"));
        insert_event(tx, ticket, event, now).await?;
        let author = author.and_then(|login| registrar.desk.by_login(&login));
        let (Some(author), true) = (author, kind == Kind::Answer.as_str()) else {
            continue;
        };
        let what = Undelivered {
            address: address.to_string(),
            reply: why.to_owned(),
            fate: UndeliveredFate::DeadAddress,
        };
        let due_at = first_minute(Lane::Worker, &registrar.desk.calendar, now);
        let cause = Cause::Message { ticket, message };
        let number = ticket.unwrap_or_default();
        if !is_written(tx, Kind::Delivery, number, message, &author.address).await? {
            let login = Some(author.login.as_str());
            tell_author(tx, registrar, login, cause, &what, due_at, now).await?;
        }
    }
    Ok(())
}

/// Notes that a letter of ours to `address` was answered from it.
pub(super) async fn confirmed(
    tx: &impl ConnectionTrait,
    address: &EmailAddress,
    now: DateTime<Utc>,
) -> Result<()> {
    let confirm = "UPDATE person SET confirmed_at = coalesce(confirmed_at, $2), dead_at = NULL, dead_why = NULL WHERE address = $1";
    execute(tx, confirm, [address.as_str().into(), now.into()]).await?;
    Ok(())
}

/// Notes that an address is written to again.
pub(super) async fn alive(tx: &impl ConnectionTrait, address: &str) -> Result<()> {
    let alive = "UPDATE person SET dead_at = NULL, dead_why = NULL WHERE address = $1";
    execute(tx, alive, [address.into()]).await?;
    Ok(())
}

/// Makes `address` that of the writer of `ticket`. Answers that did not arrive at the old one, or wait, go to this one.
pub(super) async fn correct(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    ticket: i64,
    address: &EmailAddress,
    now: DateTime<Utc>,
) -> Result<()> {
    let change = "UPDATE ticket SET requester_address = $2 WHERE number = $1";
    execute(tx, change, [ticket.into(), address.as_str().into()]).await?;
    alive(tx, address.as_str()).await?;
    let open = "SELECT id FROM letter WHERE ticket = $1 AND kind = 'answer' AND recipient_address <> $2 AND state IN ('failed', 'held', 'due') ORDER BY id";
    let due_at = first_minute(Lane::Worker, &registrar.desk.calendar, now);
    for row in query_all(tx, open, [ticket.into(), address.as_str().into()]).await? {
        let id: i64 = row.try_get("", "id")?;
        let Some(old) = letter::Entity::find_by_id(id).one(tx).await? else {
            continue;
        };
        let Some(message) = old.message else {
            continue;
        };
        let closed = "UPDATE letter SET state = 'cancelled', why = 'sent to the corrected address' WHERE id = $1";
        execute(tx, closed, [id.into()]).await?;
        let again = "SELECT id FROM letter WHERE kind = 'answer' AND ticket = $1 AND message = $2 AND recipient_address = $3";
        let values = [ticket.into(), message.into(), address.as_str().into()];
        if let Some(row) = query_one(tx, again, values).await? {
            let revive = "UPDATE letter SET state = 'held' WHERE id = $1 AND state = 'cancelled'";
            let id: i64 = row.try_get("", "id")?;
            execute(tx, revive, [id.into()]).await?;
            unsent::let_go(tx, id, due_at, !old.with_files, now).await?;
            continue;
        }
        // What waits for its author's word goes on waiting, unless it is only the address that was wrong.
        let waits = old.state == "held" && old.why.as_deref() != Some(REFUSED);
        let row = NewRow {
            kind: Kind::Answer,
            cause: Cause::Message {
                ticket: Some(ticket),
                message,
            },
            address,
            name: CleanLine::new(&old.recipient_name, 100),
            login: None,
            author: old.author_login,
            words: old.words,
            with_files: old.with_files,
            held: waits.then(|| Hold {
                why: "waits for its author",
                verbs: Verb::read_list(old.verbs.as_deref()),
            }),
            // Another try of the old address is no reason to wait.
            due_at: if old.put_off {
                old.due_at.max(due_at)
            } else {
                due_at
            },
        };
        insert_letter(tx, registrar, row, now).await?;
    }
    let event = NewEvent::new("address", "desk", "its writer's address was put right");
    insert_event(tx, Some(ticket), event, now).await
}
