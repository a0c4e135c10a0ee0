//! Raw bytes first: what the server gave is in the database, with its ledger row, before anybody looks at it (rule R01).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::entity::{folder, ledger, raw_chunk, raw_mail};
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
/// What is looked at of stored bytes to find the end of the header.
const HEADER_BYTES: usize = 256 * 1024;
/// Attempts alone after which a letter is set aside.
pub const ATTEMPTS_ALONE: i32 = 3;

/// A folder on the server in one generation of its UIDs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FolderKey {
    /// The support address.
    pub mailbox: String,
    /// The folder's name.
    pub folder: String,
    /// The generation of its UIDs.
    pub uidvalidity: u32,
}

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

/// A letter that was registered under an older numbering of its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renumbered {
    /// Its ledger row.
    pub ledger_id: i64,
    /// Its bytes.
    pub raw_mail_id: i64,
    /// Its size, as the server said.
    pub size_bytes: u64,
    /// When the server took it in.
    pub internal_date: DateTime<Utc>,
}

/// What is known of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderState {
    /// Never looked at: what is in it was there before the start.
    New,
    /// Looked at under another UIDVALIDITY: every letter in it is looked at again.
    Renumbered,
    /// Looked at before.
    Known,
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
    /// Returns what is known of the folder.
    pub async fn folder_state(&self, key: &FolderKey) -> Result<FolderState> {
        let generations = folder::Entity::find()
            .filter(folder::Column::Mailbox.eq(&key.mailbox))
            .filter(folder::Column::Folder.eq(&key.folder))
            .all(&self.db)
            .await?;
        Ok(
            match generations
                .iter()
                .any(|row| row.uidvalidity == i64::from(key.uidvalidity))
            {
                true => FolderState::Known,
                false if generations.is_empty() => FolderState::New,
                false => FolderState::Renumbered,
            },
        )
    }

    /// Records that the folder is looked at from now on, `before` as letters that were in it before, and `again` as
    /// letters that were registered under an older numbering.
    pub async fn begin_folder(
        &self,
        key: &FolderKey,
        before: &[Listed],
        again: &[(Listed, Renumbered)],
        held: &Held,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let tx = self.begin_write().await?;
        lease::check(&tx, held).await?;
        folder::ActiveModel {
            mailbox: Set(key.mailbox.clone()),
            folder: Set(key.folder.clone()),
            uidvalidity: Set(key.uidvalidity.into()),
            first_seen_at: Set(now),
        }
        .insert(&tx)
        .await?;
        let before = before.iter().map(|letter| ledger::ActiveModel {
            outcome: Set(Some(Outcome::BeforeStart.as_str().to_owned())),
            reason: Set(Some(
                "it was in the mailbox before the desk first looked".to_owned(),
            )),
            marked: Set(true),
            ..decided_row(key, letter, now)
        });
        let again = again.iter().map(|(letter, first)| ledger::ActiveModel {
            raw_mail_id: Set(Some(first.raw_mail_id)),
            outcome: Set(Some(Outcome::DuplicateOf.as_str().to_owned())),
            reason: Set(Some("the server numbered it anew".to_owned())),
            duplicate_of: Set(Some(first.ledger_id)),
            ..decided_row(key, letter, now)
        });
        insert_rows(&tx, before.collect()).await?;
        insert_rows(&tx, again.collect()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Returns the letters of the folder that were fetched and decided under older numberings.
    pub async fn registered_before(&self, key: &FolderKey) -> Result<Vec<Renumbered>> {
        let select = "SELECT id, raw_mail_id, size_bytes, internal_date FROM ledger WHERE mailbox = $1 AND folder = $2 AND uidvalidity <> $3 AND outcome IS NOT NULL AND raw_mail_id IS NOT NULL ORDER BY id";
        let values = [
            key.mailbox.as_str().into(),
            key.folder.as_str().into(),
            i64::from(key.uidvalidity).into(),
        ];
        let rows = query_all(&self.db, select, values).await?;
        rows.iter()
            .map(|row| {
                Ok(Renumbered {
                    ledger_id: row.try_get("", "id")?,
                    raw_mail_id: row.try_get("", "raw_mail_id")?,
                    size_bytes: row.try_get::<i64>("", "size_bytes")? as u64,
                    internal_date: row.try_get("", "internal_date")?,
                })
            })
            .collect()
    }

    /// Returns SHA-256 of the header of stored bytes, in hex, the empty line after it included; `None` where it is
    /// longer than what is looked at.
    pub async fn header_hash(&self, raw_mail_id: i64) -> Result<Option<String>> {
        let select = format!(
            "SELECT substr(bytes, 1, {HEADER_BYTES}) AS beginning FROM raw_chunk WHERE raw_mail_id = $1 AND seq = 0"
        );
        let Some(row) = query_one(&self.db, &select, [raw_mail_id.into()]).await? else {
            return Ok(None);
        };
        let beginning: Vec<u8> = row.try_get("", "beginning")?;
        let end = beginning.windows(4).position(|four| four == b"\r\n\r\n");
        Ok(end.map(|end| sha256(&beginning[..end + 4])))
    }

    /// Returns the letters of the folder, under any numbering, that were there before the start.
    pub async fn before_start(&self, key: &FolderKey) -> Result<Vec<Listed>> {
        let rows = ledger::Entity::find()
            .filter(ledger::Column::Mailbox.eq(&key.mailbox))
            .filter(ledger::Column::Folder.eq(&key.folder))
            .filter(ledger::Column::Outcome.eq(Outcome::BeforeStart.as_str()))
            .all(&self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| Listed {
                uid: row.uid as u32,
                internal_date: row.internal_date,
                size_bytes: row.size_bytes as u64,
                message_id: row.message_id,
            })
            .collect())
    }

    /// Returns the UIDs the ledger holds of the folder.
    pub async fn known_uids(&self, key: &FolderKey) -> Result<BTreeSet<u32>> {
        let select =
            "SELECT uid FROM ledger WHERE mailbox = $1 AND folder = $2 AND uidvalidity = $3";
        let rows = query_all(
            &self.db,
            select,
            [
                key.mailbox.as_str().into(),
                key.folder.as_str().into(),
                i64::from(key.uidvalidity).into(),
            ],
        )
        .await?;
        rows.iter()
            .map(|row| Ok(row.try_get::<i64>("", "uid")? as u32))
            .collect()
    }

    /// Stores the bytes of letters and their ledger rows, with as few commits as their size allows. Doing it again
    /// changes nothing.
    pub async fn store_raw(
        &self,
        key: &FolderKey,
        letters: &[(Listed, Vec<u8>)],
        held: &Held,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let begin = async || -> Result<_> {
            let tx = self.begin_write().await?;
            lease::check(&tx, held).await?;
            Ok(tx)
        };
        let mut tx = begin().await?;
        let mut in_transaction = 0;
        for (letter, raw) in letters {
            let (raw_mail_id, complete) = raw_mail_row(&tx, raw, now).await?;
            if !complete {
                let delete = "DELETE FROM raw_chunk WHERE raw_mail_id = $1";
                execute(&tx, delete, [raw_mail_id.into()]).await?;
                for (seq, chunk) in raw.chunks(CHUNK_BYTES).enumerate() {
                    if in_transaction + chunk.len() > TRANSACTION_BYTES {
                        tx.commit().await?;
                        tx = begin().await?;
                        in_transaction = 0;
                    }
                    let row = raw_chunk::ActiveModel {
                        raw_mail_id: Set(raw_mail_id),
                        seq: Set(seq as i32),
                        bytes: Set(chunk.to_vec()),
                    };
                    raw_chunk::Entity::insert(row)
                        .exec_without_returning(&tx)
                        .await?;
                    in_transaction += chunk.len();
                }
                let update = "UPDATE raw_mail SET complete = $2 WHERE id = $1";
                execute(&tx, update, [raw_mail_id.into(), true.into()]).await?;
            }
            insert_ledger_row(&tx, key, letter, raw_mail_id, now).await?;
        }
        tx.commit().await?;
        Ok(())
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
            })
        };
        rows.into_iter().map(pending).collect()
    }

    /// Counts an attempt to register each of `ids`, before any of them is parsed: a letter that ends the process is
    /// found with an attempt and no outcome. Only an attempt made `alone` counts against it.
    pub async fn count_attempt(&self, ids: &[i64], alone: bool, held: &Held) -> Result<()> {
        let tx = self.begin_write().await?;
        lease::check(&tx, held).await?;
        for id in ids {
            execute(&tx, "UPDATE ledger SET attempts = attempts + 1, attempts_alone = attempts_alone + $2 WHERE id = $1", [(*id).into(), i32::from(alone).into()]).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Takes back attempts alone that failed while the database was away.
    pub async fn uncount_attempts(&self, ids: &[i64], held: &Held) -> Result<()> {
        let tx = self.begin_write().await?;
        lease::check(&tx, held).await?;
        for id in ids {
            execute(&tx, "UPDATE ledger SET attempts_alone = attempts_alone - 1 WHERE id = $1 AND attempts_alone > 0", [(*id).into()]).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Has a letter that was set aside tried again, alone, by the daemon that reads its mailbox. Returns whether it was
    /// set aside.
    pub async fn retry_quarantined(&self, ledger_id: i64) -> Result<bool> {
        let update = "UPDATE ledger SET outcome = NULL, reason = NULL, decided_at = NULL, attempts = 1, attempts_alone = 0 WHERE id = $1 AND outcome = 'quarantined'";
        Ok(execute(&self.db, update, [ledger_id.into()]).await? == 1)
    }

    /// Returns the bytes of a letter.
    pub async fn raw(&self, raw_mail_id: i64) -> Result<Vec<u8>> {
        raw(&self.db, raw_mail_id).await
    }

    /// Returns the decided letters of the folder whose mark on the server is still to be set, oldest first; one
    /// that was set aside gets none, so that it stands out in the mailbox.
    pub async fn unmarked(&self, key: &FolderKey) -> Result<Vec<Unmarked>> {
        let select = "SELECT id, uid FROM ledger WHERE mailbox = $1 AND folder = $2 AND uidvalidity = $3 AND marked = $4 AND outcome IS NOT NULL AND outcome <> 'quarantined' ORDER BY uid";
        let rows = query_all(
            &self.db,
            select,
            [
                key.mailbox.as_str().into(),
                key.folder.as_str().into(),
                i64::from(key.uidvalidity).into(),
                false.into(),
            ],
        )
        .await?;
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
        for id in ids {
            execute(
                &tx,
                "UPDATE ledger SET marked = $2 WHERE id = $1",
                [(*id).into(), true.into()],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Finds or makes the row of these bytes. Returns its id, and whether all of them are stored already.
async fn raw_mail_row(
    tx: &impl ConnectionTrait,
    raw: &[u8],
    now: DateTime<Utc>,
) -> Result<(i64, bool)> {
    let hash = sha256(raw);
    let known = raw_mail::Entity::find()
        .filter(raw_mail::Column::Sha256.eq(&hash))
        .one(tx)
        .await?;
    if let Some(known) = known {
        return Ok((known.id, known.complete));
    }
    let row = raw_mail::ActiveModel {
        sha256: Set(hash),
        size_bytes: Set(raw.len() as i64),
        complete: Set(false),
        created_at: Set(now),
        ..Default::default()
    };
    Ok((row.insert(tx).await?.id, false))
}

/// Writes the ledger row of a letter whose bytes are stored, unless its UID has one.
async fn insert_ledger_row(
    tx: &impl ConnectionTrait,
    key: &FolderKey,
    letter: &Listed,
    raw_mail_id: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let insert = "INSERT INTO ledger (mailbox, folder, uidvalidity, uid, internal_date, size_bytes, message_id, raw_mail_id, attempts, attempts_alone, marked, fetched_at)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, $10) ON CONFLICT (mailbox, folder, uidvalidity, uid) DO NOTHING";
    let values = [
        key.mailbox.as_str().into(),
        key.folder.as_str().into(),
        i64::from(key.uidvalidity).into(),
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

/// A row of a letter that is decided without being fetched.
fn decided_row(key: &FolderKey, letter: &Listed, now: DateTime<Utc>) -> ledger::ActiveModel {
    ledger::ActiveModel {
        mailbox: Set(key.mailbox.clone()),
        folder: Set(key.folder.clone()),
        uidvalidity: Set(key.uidvalidity.into()),
        uid: Set(letter.uid.into()),
        internal_date: Set(letter.internal_date),
        size_bytes: Set(letter.size_bytes as i64),
        message_id: Set(letter.message_id.clone()),
        attempts: Set(0),
        attempts_alone: Set(0),
        marked: Set(false),
        fetched_at: Set(now),
        decided_at: Set(Some(now)),
        ..Default::default()
    }
}

/// Inserts rows in statements that bind no more than SQLite allows, 32,766 values.
async fn insert_rows(tx: &impl ConnectionTrait, rows: Vec<ledger::ActiveModel>) -> Result<()> {
    for some in rows.chunks(500) {
        ledger::Entity::insert_many(some.iter().cloned())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
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
