//! Raw bytes first: what the server gave is in the database, with its ledger row, before anybody looks at it (rule R01).

use chrono::{DateTime, Utc};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{ledger, raw_chunk, raw_mail};
use super::erasure;
use super::folder::FolderKey;
use super::lease::{self, Held};
use super::{Result, Store, StoreError, execute, on_postgres, query_all, query_one};
use crate::domain::digest::sha256;
use crate::domain::registration::Outcome;

/// Size of a chunk row.
const CHUNK_BYTES: usize = 1024 * 1024;
/// The most bytes of one letter written in one transaction.
const TRANSACTION_BYTES: usize = 8 * CHUNK_BYTES;
/// Rows of a letter read at once.
const CHUNKS_READ: usize = 4;
/// Rows changed by one statement.
const MARKED_AT_ONCE: usize = 500;
/// Attempts alone after which a letter is set aside.
pub const ATTEMPTS_ALONE: i32 = 3;

/// What the server says of a letter without giving it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// When the server took it in.
    pub internal_date: DateTime<Utc>,
    /// Its size.
    pub size_bytes: u64,
    /// Its Message-ID without brackets, where it was asked for.
    pub message_id: Option<String>,
}

/// A letter whose bytes are stored and which is not decided yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its ledger row.
    pub id: i64,
    /// Its folder.
    pub folder: String,
    /// Its UID.
    pub uid: u32,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// Its bytes.
    pub raw_mail_id: i64,
    /// Whether its registration was begun before and did not end.
    pub tried: bool,
    /// Times it was tried alone.
    pub attempts_alone: i32,
    /// Whether only its header is to be read.
    pub released: bool,
}

/// A decided letter whose mark on the server is still to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmarked {
    /// Its ledger row.
    pub id: i64,
    /// Its UID.
    pub uid: u32,
}

impl Store {
    /// Stores the bytes of letters and their ledger rows, with as few commits as their size allows. Doing it again
    /// changes nothing. Returns what names the bytes of each, in order.
    pub async fn store_raw(
        &self,
        key: &FolderKey,
        letters: &[(Listed, Vec<u8>)],
        held: &Held,
        now: DateTime<Utc>,
    ) -> Result<Vec<i64>> {
        let begin = async || -> Result<_> {
            let tx = self.begin_write().await?;
            lease::check(&tx, held).await?;
            Ok(tx)
        };
        let mut tx = begin().await?;
        let mut in_transaction = 0;
        let mut ids = Vec::with_capacity(letters.len());
        for (letter, raw) in letters {
            if in_transaction > 0 && in_transaction + raw.len() > TRANSACTION_BYTES {
                tx.commit().await?;
                tx = begin().await?;
                in_transaction = 0;
            }
            let row = raw_mail_row(&tx, raw, now).await?;
            if !matches!(row.state, State::Complete | State::Erased) {
                for (seq, chunk) in raw.chunks(CHUNK_BYTES).enumerate() {
                    if in_transaction + chunk.len() > TRANSACTION_BYTES {
                        tx.commit().await?;
                        tx = begin().await?;
                        in_transaction = 0;
                    }
                    // The same bytes, whoever else may be storing them now.
                    let insert = "INSERT INTO raw_chunk (raw_mail_id, seq, bytes) VALUES ($1, $2, $3) ON CONFLICT (raw_mail_id, seq) DO NOTHING";
                    let values = [row.id.into(), (seq as i32).into(), chunk.to_vec().into()];
                    execute(&tx, insert, values).await?;
                    in_transaction += chunk.len();
                }
                if raw.len() > CHUNK_BYTES || row.state == State::Begun {
                    let update = "UPDATE raw_mail SET complete = $2 WHERE id = $1";
                    execute(&tx, update, [row.id.into(), true.into()]).await?;
                }
            }
            insert_ledger_row(&tx, key, letter, row.id, now).await?;
            if row.state == State::Erased {
                erasure::known_again(&tx, row.id, now).await?;
            }
            ids.push(row.id);
        }
        tx.commit().await?;
        Ok(ids)
    }

    /// Returns the letters of the mailbox that are not decided yet, those never tried first, each group in order of arrival.
    pub async fn pending(&self, mailbox: &str, limit: u64) -> Result<Vec<Pending>> {
        let rows = ledger::Entity::find()
            .filter(ledger::Column::Mailbox.eq(mailbox))
            .filter(ledger::Column::Outcome.is_null())
            .order_by_asc(ledger::Column::AttemptsAlone)
            .order_by_asc(ledger::Column::Attempts)
            .order_by_asc(ledger::Column::Id)
            .limit(limit)
            .all(&self.db)
            .await?;
        let pending = |row: ledger::Model| {
            let raw_mail_id = row.raw_mail_id.ok_or(StoreError::Row {
                table: "ledger",
                id: row.id,
                what: "an undecided letter without bytes".to_owned(),
            })?;
            Ok(Pending {
                id: row.id,
                folder: row.folder,
                uid: row.uid as u32,
                received_at: row.internal_date,
                raw_mail_id,
                tried: row.attempts > 0,
                attempts_alone: row.attempts_alone,
                released: row.released,
            })
        };
        rows.into_iter().map(pending).collect()
    }

    /// Counts an attempt to register each of `ids`, before any of them is parsed: a letter that ends the process is
    /// found with an attempt and no outcome. Only an attempt made `alone` counts against it.
    pub async fn count_attempt(&self, ids: &[i64], alone: bool, held: &Held) -> Result<()> {
        use ledger::Column::{Attempts, AttemptsAlone};
        let tx = self.begin_write().await?;
        lease::check(&tx, held).await?;
        ledger::Entity::update_many()
            .col_expr(Attempts, Attempts.into_expr().add(1))
            .col_expr(
                AttemptsAlone,
                AttemptsAlone.into_expr().add(i32::from(alone)),
            )
            .filter(ledger::Column::Id.is_in(ids.iter().copied()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes back attempts alone that failed while the database was away: of each letter as many count as did before.
    /// Doing it again changes nothing.
    pub async fn uncount_attempts(&self, before: &[(i64, i32)], held: &Held) -> Result<()> {
        let tx = self.begin_write().await?;
        lease::check(&tx, held).await?;
        for (id, attempts) in before {
            execute(
                &tx,
                "UPDATE ledger SET attempts_alone = $2 WHERE id = $1 AND attempts_alone > $2",
                [(*id).into(), (*attempts).into()],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Has a letter that was set aside tried again, alone, by the daemon that reads its mailbox; one that is `released` by its
    /// header only; one that was never fetched is forgotten, so that it is found again. Returns whether it was set aside.
    pub async fn retry_quarantined(&self, ledger_id: i64, released: bool) -> Result<bool> {
        let update = "UPDATE ledger SET outcome = NULL, reason = NULL, decided_at = NULL, attempts = 1, attempts_alone = 0, released = $2 WHERE id = $1 AND outcome = 'quarantined' AND raw_mail_id IN (SELECT r.id FROM raw_mail r WHERE r.erased_at IS NULL)";
        if execute(&self.db, update, [ledger_id.into(), released.into()]).await? == 1 {
            return Ok(true);
        }
        let forget =
            "DELETE FROM ledger WHERE id = $1 AND outcome = 'quarantined' AND raw_mail_id IS NULL";
        Ok(execute(&self.db, forget, [ledger_id.into()]).await? == 1)
    }

    /// Returns the bytes of a letter.
    pub async fn raw(&self, raw_mail_id: i64) -> Result<Vec<u8>> {
        raw(&self.db, raw_mail_id).await
    }

    /// Returns the decided letters of the folder whose mark on the server is still to be set, oldest first; one
    /// that was set aside gets none, so that it stands out in the mailbox.
    pub async fn unmarked(&self, key: &FolderKey) -> Result<Vec<Unmarked>> {
        let select = "SELECT id, uid FROM ledger WHERE mailbox = $1 AND folder = $2 AND uidvalidity = $3 AND numbering = $4 AND NOT marked AND outcome IS NOT NULL AND outcome <> 'quarantined' ORDER BY uid";
        let rows = query_all(&self.db, select, key.values()).await?;
        rows.iter()
            .map(|row| {
                Ok(Unmarked {
                    id: row.try_get("", "id")?,
                    uid: row.try_get::<i64>("", "uid")? as u32,
                })
            })
            .collect()
    }

    /// Records that the letters carry their mark on the server, or can carry none.
    pub async fn marked(&self, ids: &[i64]) -> Result<()> {
        let tx = self.begin_write().await?;
        for some in ids.chunks(MARKED_AT_ONCE) {
            ledger::Entity::update_many()
                .col_expr(ledger::Column::Marked, true.into())
                .filter(ledger::Column::Id.is_in(some.iter().copied()))
                .exec(&tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// The row of bytes, and how far they are stored.
struct RawMailRow {
    id: i64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is. The row of one chunk says already that all is: it comes with the same commit.
    New,
    /// Some is: the program ended in between.
    Begun,
    /// All is.
    Complete,
    /// All was, and was erased: the letter is known, and its bytes are not wanted again.
    Erased,
}

/// Finds or makes the row of these bytes.
async fn raw_mail_row(
    tx: &impl ConnectionTrait,
    raw: &[u8],
    now: DateTime<Utc>,
) -> Result<RawMailRow> {
    let hash = sha256(raw);
    let insert = "INSERT INTO raw_mail (sha256, size_bytes, complete, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (sha256) DO NOTHING RETURNING id";
    let values = [
        hash.as_str().into(),
        (raw.len() as i64).into(),
        (raw.len() <= CHUNK_BYTES).into(),
        now.into(),
    ];
    if let Some(row) = query_one(tx, insert, values).await? {
        let id = row.try_get("", "id")?;
        let state = State::New;
        return Ok(RawMailRow { id, state });
    }
    let known = raw_mail::Entity::find()
        .filter(raw_mail::Column::Sha256.eq(&hash))
        .one(tx)
        .await?
        .ok_or_else(|| StoreError::Row {
            table: "raw_mail",
            id: 0,
            what: "bytes that are there and are not".to_owned(),
        })?;
    let state = match (known.erased_at, known.complete) {
        (Some(_), _) => State::Erased,
        (None, true) => State::Complete,
        (None, false) => State::Begun,
    };
    Ok(RawMailRow {
        id: known.id,
        state,
    })
}

/// Writes the ledger row of a letter whose bytes are stored, unless its UID has one.
async fn insert_ledger_row(
    tx: &impl ConnectionTrait,
    key: &FolderKey,
    letter: &Listed,
    raw_mail_id: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let insert = "INSERT INTO ledger (mailbox, folder, uidvalidity, numbering, uid, internal_date, size_bytes, message_id, raw_mail_id, attempts, attempts_alone, released, marked, fetched_at)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $10, $10, $11) ON CONFLICT (mailbox, folder, uidvalidity, numbering, uid) DO NOTHING";
    let [mailbox, folder, uidvalidity, numbering] = key.values();
    let values = [
        mailbox,
        folder,
        uidvalidity,
        numbering,
        i64::from(letter.uid).into(),
        letter.internal_date.into(),
        (letter.size_bytes as i64).into(),
        letter.message_id.clone().into(),
        raw_mail_id.into(),
        false.into(),
        now.into(),
    ];
    execute(tx, insert, values).await?;
    Ok(())
}

/// Returns the bytes of a letter, read within `db`.
pub(super) async fn raw(db: &impl ConnectionTrait, raw_mail_id: i64) -> Result<Vec<u8>> {
    let broken = |what: &str| StoreError::Row {
        table: "raw_mail",
        id: raw_mail_id,
        what: what.to_owned(),
    };
    let row = raw_mail::Entity::find_by_id(raw_mail_id)
        .one(db)
        .await?
        .ok_or_else(|| broken("missing"))?;
    if row.erased_at.is_some() {
        return Err(broken("its bytes were erased"));
    }
    let mut bytes = Vec::with_capacity(row.size_bytes as usize);
    // A few at a time: the rows of a large letter at once would be in memory three times.
    for from in (0..).step_by(CHUNKS_READ) {
        let chunks = raw_chunk::Entity::find()
            .filter(raw_chunk::Column::RawMailId.eq(raw_mail_id))
            .filter(raw_chunk::Column::Seq.between(from, from + CHUNKS_READ as i32 - 1))
            .order_by_asc(raw_chunk::Column::Seq)
            .all(db)
            .await?;
        let is_last = chunks.len() < CHUNKS_READ;
        chunks
            .into_iter()
            .for_each(|chunk| bytes.extend(chunk.bytes));
        if is_last {
            break;
        }
    }
    if row.complete && bytes.len() as i64 == row.size_bytes {
        Ok(bytes)
    } else {
        Err(broken("its chunks do not add up to its size"))
    }
}

/// Sets a letter aside that failed too often: numbered by its row, kept, never tried again by itself.
pub(super) async fn quarantine(
    tx: &impl ConnectionTrait,
    ledger_id: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<u64> {
    let update = "UPDATE ledger SET outcome = $2, reason = $3, decided_at = $4 WHERE id = $1 AND outcome IS NULL";
    execute(
        tx,
        update,
        [
            ledger_id.into(),
            Outcome::Quarantined.as_str().into(),
            reason.into(),
            now.into(),
        ],
    )
    .await
}

/// Locks an undecided ledger row; `None` if it is decided already.
pub(super) async fn undecided(tx: &impl ConnectionTrait, ledger_id: i64) -> Result<Option<()>> {
    let look = format!(
        "SELECT 1 FROM ledger WHERE id = $1 AND outcome IS NULL{}",
        on_postgres(tx, " FOR UPDATE")
    );
    Ok(query_one(tx, &look, [ledger_id.into()]).await?.map(|_| ()))
}
