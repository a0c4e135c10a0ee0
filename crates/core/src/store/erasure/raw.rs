//! The bytes of letters. Their row stays with its hashes, so that the same letter, fetched again under whatever UID, is known
//! and becomes nothing new.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Value};

use super::super::folder::header_hash;
use super::super::{Result, Store, execute, on_postgres, query_all, query_one};
use super::act::{Erasure, What, note};
use super::due::DUE;
use crate::domain::digest::sha256;
use crate::domain::retention::Manner;

/// What stands for the Message-ID of a letter that was erased.
pub(in super::super) fn forgotten_id(message_id: &str) -> String {
    const MARK: &str = "erased:";
    if message_id.starts_with(MARK) {
        return message_id.to_owned();
    }
    format!("{MARK}{}", sha256(message_id.as_bytes()))
}

/// Decides the ledger rows of bytes that come again after they were erased. Returns how many there were.
pub(in super::super) async fn known_again(
    tx: &impl ConnectionTrait,
    raw_mail_id: i64,
    now: DateTime<Utc>,
) -> Result<u64> {
    let decide = "UPDATE ledger SET outcome = 'duplicate_of', reason = 'the same letter again, which was erased', decided_at = $2,
                    duplicate_of = (SELECT min(f.id) FROM ledger f WHERE f.raw_mail_id = $1 AND f.outcome IS NOT NULL)
                  WHERE raw_mail_id = $1 AND outcome IS NULL AND EXISTS (SELECT 1 FROM raw_mail r WHERE r.id = $1 AND r.erased_at IS NOT NULL)";
    copies_unwanted(tx, raw_mail_id).await?;
    execute(tx, decide, [raw_mail_id.into(), now.into()]).await
}

/// Has the copies of a letter on the server removed, those the ledger knows, if they are to go.
pub(in super::super) async fn copies_unwanted(
    tx: &impl ConnectionTrait,
    raw_mail_id: i64,
) -> Result<()> {
    let want = "UPDATE ledger SET copy = 'unwanted' WHERE raw_mail_id = $1 AND copy IS NULL AND EXISTS (SELECT 1 FROM raw_mail r WHERE r.id = $1 AND r.unwanted_by IS NOT NULL)";
    execute(tx, want, [raw_mail_id.into()]).await?;
    Ok(())
}

impl Store {
    /// Erases the bytes of letters, each in a transaction of its own; those that came again as duplicates too. Returns whether it
    /// came to the end: where they go by the term of a ticket, it must have been `closed` before that moment, and still be.
    pub(super) async fn erase_raws(
        &self,
        raws: &[i64],
        ticket: Option<i64>,
        closed: Option<DateTime<Utc>>,
        copies: bool,
        erasure: Erasure,
    ) -> Result<bool> {
        let mut waiting: Vec<i64> = raws.to_vec();
        let mut met = waiting.clone();
        while let Some(id) = waiting.pop() {
            let tx = self.begin_write().await?;
            if !is_still_due(&tx, ticket, closed).await? {
                return Ok(false);
            }
            erase_raw(&tx, id, ticket, copies, erasure).await?;
            tx.commit().await?;
            let again = "SELECT DISTINCT d.raw_mail_id FROM ledger l JOIN ledger d ON d.duplicate_of = l.id WHERE l.raw_mail_id = $1 AND d.raw_mail_id IS NOT NULL";
            for other in ids(&self.db, again, [id.into()]).await? {
                if !met.contains(&other) {
                    met.push(other);
                    waiting.push(other);
                }
            }
        }
        Ok(true)
    }
}

/// Whether the term of a ticket, `closed` before that moment, still applies; the ticket stays as it is until the transaction
/// ends. What was ordered has no term.
pub(super) async fn is_still_due(
    tx: &impl ConnectionTrait,
    ticket: Option<i64>,
    closed: Option<DateTime<Utc>>,
) -> Result<bool> {
    let (Some(number), Some(closed)) = (ticket, closed) else {
        return Ok(true);
    };
    let look = format!(
        "SELECT number FROM ticket t WHERE number = $1 AND {DUE}{}",
        on_postgres(tx, " FOR UPDATE OF t")
    );
    let row = query_one(tx, &look, [number.into(), closed.into()]).await?;
    Ok(row.is_some())
}

/// Erases the bytes of one letter, unless they are gone or it waits to be registered.
async fn erase_raw(
    tx: &impl ConnectionTrait,
    id: i64,
    ticket: Option<i64>,
    copies: bool,
    erasure: Erasure,
) -> Result<()> {
    let look = format!(
        "SELECT erased_at FROM raw_mail r WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.raw_mail_id = r.id AND l.outcome IS NULL){}",
        on_postgres(tx, " FOR UPDATE")
    );
    let Some(row) = query_one(tx, &look, [id.into()]).await? else {
        return Ok(());
    };
    if copies {
        let want = "UPDATE raw_mail SET unwanted_by = coalesce(unwanted_by, $2) WHERE id = $1";
        execute(tx, want, [id.into(), erasure.id.into()]).await?;
        copies_unwanted(tx, id).await?;
    } else {
        // Where the copy stays it is known by its hashes.
        let forget = "UPDATE ledger SET message_id = NULL WHERE raw_mail_id = $1";
        execute(tx, forget, [id.into()]).await?;
    }
    let reason = "UPDATE ledger SET reason = 'its bytes were erased' WHERE raw_mail_id = $1 AND outcome <> 'duplicate_of'";
    execute(tx, reason, [id.into()]).await?;
    if row
        .try_get::<Option<DateTime<Utc>>>("", "erased_at")?
        .is_some()
    {
        return Ok(());
    }
    let header = header_hash(tx, id).await?;
    let update = "UPDATE raw_mail SET erased_at = $2, header_sha256 = $3 WHERE id = $1";
    execute(tx, update, [id.into(), erasure.now.into(), header.into()]).await?;
    let delete = "DELETE FROM raw_chunk WHERE raw_mail_id = $1";
    execute(tx, delete, [id.into()]).await?;
    note(tx, erasure, What::Raw, id, ticket, Manner::Erase).await
}

/// The numbers a query gives in its first column.
pub(super) async fn ids(
    db: &impl ConnectionTrait,
    select: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<i64>> {
    let rows = query_all(db, select, values).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}
