//! Folders of a mailbox, and the numberings of their letters: which letters the ledger knows by which UIDs.
//!
//! A UID means the same letter for ever while UIDVALIDITY stays the same (RFC 9051 section 2.3.1.1). When that changes, or
//! when the server breaks the promise, a new numbering of the folder begins here: rows of an older one say nothing of the
//! letters that bear their UIDs now.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait,
    QueryFilter, QueryOrder, QueryResult, Value,
};

use super::entity::{folder, ledger};
use super::erasure;
use super::intake::Listed;
use super::lease::{self, Held};
use super::{Result, Store, query_all, query_one};
use crate::domain::digest::sha256;
use crate::domain::registration::Outcome;

/// What is looked at of stored bytes to find the end of the header.
const HEADER_BYTES: usize = 256 * 1024;

/// A folder on the server in one numbering of its letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FolderKey {
    /// The support address.
    pub mailbox: String,
    /// The folder's name.
    pub folder: String,
    /// What the server calls the numbering.
    pub uidvalidity: u32,
    /// What we call it: 1, 2, 3 … in the order in which they began.
    pub numbering: i64,
}

impl FolderKey {
    /// Returns the four values that name its rows, in this order.
    pub(super) fn values(&self) -> [Value; 4] {
        [
            self.mailbox.as_str().into(),
            self.folder.as_str().into(),
            i64::from(self.uidvalidity).into(),
            self.numbering.into(),
        ]
    }
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
}

impl Store {
    /// Returns the numberings of the folder, in the order in which they began.
    pub async fn numberings(&self, mailbox: &str, folder: &str) -> Result<Vec<FolderKey>> {
        let rows = folder::Entity::find()
            .filter(folder::Column::Mailbox.eq(mailbox))
            .filter(folder::Column::Folder.eq(folder))
            .order_by_asc(folder::Column::Numbering)
            .all(&self.db)
            .await?;
        let key = |row: folder::Model| FolderKey {
            mailbox: row.mailbox,
            folder: row.folder,
            uidvalidity: row.uidvalidity as u32,
            numbering: row.numbering,
        };
        Ok(rows.into_iter().map(key).collect())
    }

    /// Records that a numbering of the folder begins, `before` as letters that were in it before the desk first looked, and
    /// `again` as letters that were registered under an older numbering.
    pub async fn begin_numbering(
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
            numbering: Set(key.numbering),
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
        let again_of = again;
        let again = again.iter().map(|(letter, first)| ledger::ActiveModel {
            raw_mail_id: Set(Some(first.raw_mail_id)),
            outcome: Set(Some(Outcome::DuplicateOf.as_str().to_owned())),
            reason: Set(Some("the server numbered it anew".to_owned())),
            duplicate_of: Set(Some(first.ledger_id)),
            ..decided_row(key, letter, now)
        });
        insert_rows(&tx, before.collect()).await?;
        insert_rows(&tx, again.collect()).await?;
        for (_, first) in again_of {
            erasure::copies_unwanted(&tx, first.raw_mail_id).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Returns the letters of the folder that were fetched and decided under other numberings, each
    /// once.
    pub async fn registered_before(&self, key: &FolderKey) -> Result<Vec<Renumbered>> {
        let select = "SELECT min(id) AS id, raw_mail_id, size_bytes FROM ledger WHERE mailbox = $1 AND folder = $2 AND numbering <> $3 AND outcome IS NOT NULL AND raw_mail_id IS NOT NULL GROUP BY raw_mail_id, size_bytes ORDER BY 1";
        let values = [
            key.mailbox.as_str().into(),
            key.folder.as_str().into(),
            key.numbering.into(),
        ];
        let rows = query_all(&self.db, select, values).await?;
        rows.iter()
            .map(|row| {
                Ok(Renumbered {
                    ledger_id: row.try_get("", "id")?,
                    raw_mail_id: row.try_get("", "raw_mail_id")?,
                    size_bytes: row.try_get::<i64>("", "size_bytes")? as u64,
                })
            })
            .collect()
    }

    /// Returns SHA-256 of the header of stored bytes, in hex, the empty line after it included; `None` where it is
    /// longer than what is looked at.
    pub async fn header_hash(&self, raw_mail_id: i64) -> Result<Option<String>> {
        header_hash(&self.db, raw_mail_id).await
    }

    /// Returns the letters of the folder, under any numbering, that were there before the start; those that agree in
    /// all but their UIDs once.
    pub async fn before_start(&self, key: &FolderKey) -> Result<Vec<Listed>> {
        let select = "SELECT min(uid) AS uid, size_bytes, internal_date, message_id FROM ledger
                      WHERE mailbox = $1 AND folder = $2 AND outcome = 'before_start' GROUP BY size_bytes, internal_date, message_id";
        let values = [key.mailbox.as_str().into(), key.folder.as_str().into()];
        let rows = query_all(&self.db, select, values).await?;
        let listed = |row: &QueryResult| {
            Ok(Listed {
                uid: row.try_get::<i64>("", "uid")? as u32,
                internal_date: row.try_get("", "internal_date")?,
                size_bytes: row.try_get::<i64>("", "size_bytes")? as u64,
                message_id: row.try_get("", "message_id")?,
            })
        };
        rows.iter().map(listed).collect()
    }

    /// Returns the UIDs the ledger holds of the folder: the first and the last of each range without a gap, in order.
    pub async fn known_uids(&self, key: &FolderKey) -> Result<Vec<(u32, u32)>> {
        // What a UID has more than its place among the others is the same all over a range.
        let select = "SELECT min(uid) AS first, max(uid) AS last
                      FROM (SELECT uid, uid - row_number() OVER (ORDER BY uid) AS ahead FROM ledger
                            WHERE mailbox = $1 AND folder = $2 AND uidvalidity = $3 AND numbering = $4) AS known
                      GROUP BY ahead ORDER BY 1";
        let rows = query_all(&self.db, select, key.values()).await?;
        let uid = |row: &QueryResult, column: &str| -> Result<u32> {
            Ok(row.try_get::<i64>("", column)? as u32)
        };
        let range = |row| Ok((uid(row, "first")?, uid(row, "last")?));
        rows.iter().map(range).collect()
    }

    /// Returns when the letters with these UIDs arrived, those of them that the ledger holds; a few hundred at a time.
    pub async fn arrivals(
        &self,
        key: &FolderKey,
        uids: &[u32],
    ) -> Result<BTreeMap<u32, DateTime<Utc>>> {
        let rows = ledger::Entity::find()
            .filter(ledger::Column::Mailbox.eq(&key.mailbox))
            .filter(ledger::Column::Folder.eq(&key.folder))
            .filter(ledger::Column::Uidvalidity.eq(key.uidvalidity))
            .filter(ledger::Column::Numbering.eq(key.numbering))
            .filter(ledger::Column::Uid.is_in(uids.iter().copied()))
            // Of one that was never had the date is not known.
            .filter(
                Condition::any()
                    .add(ledger::Column::RawMailId.is_not_null())
                    .add(ledger::Column::Outcome.eq(Outcome::BeforeStart.as_str())),
            )
            .all(&self.db)
            .await?;
        let arrivals = rows
            .into_iter()
            .map(|row| (row.uid as u32, row.internal_date));
        Ok(arrivals.collect())
    }
}

/// [`Store::header_hash`] within `db`. Of bytes that were erased the hash was kept.
pub(super) async fn header_hash(
    db: &impl ConnectionTrait,
    raw_mail_id: i64,
) -> Result<Option<String>> {
    let select = format!(
        "SELECT substr(c.bytes, 1, {HEADER_BYTES}) AS beginning, r.header_sha256 FROM raw_mail r LEFT JOIN raw_chunk c ON c.raw_mail_id = r.id AND c.seq = 0 WHERE r.id = $1"
    );
    let Some(row) = query_one(db, &select, [raw_mail_id.into()]).await? else {
        return Ok(None);
    };
    let Some(beginning) = row.try_get::<Option<Vec<u8>>>("", "beginning")? else {
        return Ok(row.try_get("", "header_sha256")?);
    };
    let end = beginning.windows(4).position(|four| four == b"\r\n\r\n");
    Ok(end.map(|end| sha256(&beginning[..end + 4])))
}

/// A row of a letter that is decided without being fetched.
fn decided_row(key: &FolderKey, letter: &Listed, now: DateTime<Utc>) -> ledger::ActiveModel {
    ledger::ActiveModel {
        mailbox: Set(key.mailbox.clone()),
        folder: Set(key.folder.clone()),
        uidvalidity: Set(key.uidvalidity.into()),
        numbering: Set(key.numbering),
        uid: Set(letter.uid.into()),
        internal_date: Set(letter.internal_date),
        size_bytes: Set(letter.size_bytes as i64),
        message_id: Set(letter.message_id.clone()),
        attempts: Set(0),
        attempts_alone: Set(0),
        released: Set(false),
        marked: Set(false),
        fetched_at: Set(now),
        decided_at: Set(Some(now)),
        ..Default::default()
    }
}

/// Writes the row of a letter that is set aside because the server does not give it. Returns its number.
pub(super) async fn insert_unfetched(
    tx: &impl ConnectionTrait,
    key: &FolderKey,
    letter: &Listed,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<i64> {
    let row = ledger::ActiveModel {
        outcome: Set(Some(Outcome::Quarantined.as_str().to_owned())),
        reason: Set(Some(reason.to_owned())),
        ..decided_row(key, letter, now)
    };
    Ok(row.insert(tx).await?.id)
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
