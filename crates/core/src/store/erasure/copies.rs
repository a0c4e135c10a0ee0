//! Copies of erased letters on the mail server: which are to go, and what became of each. The poller removes them.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::super::folder::FolderKey;
use super::super::{Result, Store, execute, query_all, query_one};
use super::act::{Erasure, What, note};
use crate::domain::retention::Manner;

/// Copies looked for at once.
const AT_ONCE: i64 = 100;

/// A copy that is to go from a folder the desk reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwantedCopy {
    /// Its ledger row.
    pub ledger_id: i64,
    /// Its UID.
    pub uid: u32,
    /// When it arrived.
    pub internal_date: DateTime<Utc>,
    /// Its size, as the server said.
    pub size_bytes: u64,
    /// SHA-256 of its header, by which it is compared; `None` where the header was too long to know.
    pub header_sha256: Option<String>,
    /// Its Message-ID, by which it is found in another folder.
    pub message_id: Option<String>,
    act: i64,
}

/// A letter of ours whose copy is to go from the folder of sent mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnwantedSent {
    /// Its row.
    pub letter_id: i64,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    act: i64,
}

impl Store {
    /// Returns copies that are to go from the folder. Rows of its other numberings name nothing there any more.
    pub async fn unwanted_copies(&self, key: &FolderKey) -> Result<Vec<UnwantedCopy>> {
        let select = "SELECT l.id, l.uid, l.internal_date, l.size_bytes, l.message_id, r.header_sha256, r.unwanted_by FROM ledger l JOIN raw_mail r ON r.id = l.raw_mail_id
                      WHERE l.mailbox = $1 AND l.folder = $2 AND l.uidvalidity = $3 AND l.numbering = $4 AND l.copy = 'unwanted'
                      ORDER BY l.uid LIMIT $5";
        let values = key.values().into_iter().chain([AT_ONCE.into()]);
        let rows = query_all(&self.db, select, values).await?;
        let copy = |row: &sea_orm::QueryResult| {
            Ok(UnwantedCopy {
                ledger_id: row.try_get("", "id")?,
                uid: row.try_get::<i64>("", "uid")? as u32,
                internal_date: row.try_get("", "internal_date")?,
                size_bytes: row.try_get::<i64>("", "size_bytes")? as u64,
                header_sha256: row.try_get("", "header_sha256")?,
                message_id: row.try_get("", "message_id")?,
                act: row
                    .try_get::<Option<i64>>("", "unwanted_by")?
                    .unwrap_or_default(),
            })
        };
        rows.iter().map(copy).collect()
    }

    /// Records that a copy is gone, or that another letter stands in its place and was left alone.
    pub async fn copy_settled(
        &self,
        copy: &UnwantedCopy,
        gone: bool,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let tx = self.begin_write().await?;
        let settle =
            "UPDATE ledger SET copy = $2, message_id = NULL WHERE id = $1 AND copy = 'unwanted'";
        let what = if gone { "gone" } else { "kept" };
        let is_new = execute(&tx, settle, [copy.ledger_id.into(), what.into()]).await? == 1;
        if is_new && gone {
            gone_noted(&tx, copy.act, What::Copy, copy.ledger_id, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Settles what older numberings of the folder say of copies: UIDs of theirs name nothing.
    pub async fn forget_old_copies(&self, key: &FolderKey) -> Result<u64> {
        let settle = "UPDATE ledger SET copy = 'gone', message_id = NULL WHERE mailbox = $1 AND folder = $2 AND (uidvalidity <> $3 OR numbering <> $4) AND copy = 'unwanted'";
        execute(&self.db, settle, key.values()).await
    }

    /// Returns letters of ours whose copies are to go from the mailbox's folder of sent mail.
    pub async fn unwanted_sent(&self, mailbox: &str) -> Result<Vec<UnwantedSent>> {
        let select = "SELECT id, message_id, unwanted_by FROM letter WHERE mailbox = $1 AND unwanted_by IS NOT NULL ORDER BY id LIMIT $2";
        let rows = query_all(&self.db, select, [mailbox.into(), AT_ONCE.into()]).await?;
        let sent = |row: &sea_orm::QueryResult| {
            Ok(UnwantedSent {
                letter_id: row.try_get("", "id")?,
                message_id: row.try_get("", "message_id")?,
                act: row.try_get("", "unwanted_by")?,
            })
        };
        rows.iter().map(sent).collect()
    }

    /// Records that the folder of sent mail holds no copy; `found` if there was one.
    pub async fn sent_settled(
        &self,
        sent: &UnwantedSent,
        found: bool,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let tx = self.begin_write().await?;
        let settle =
            "UPDATE letter SET unwanted_by = NULL WHERE id = $1 AND unwanted_by IS NOT NULL";
        let is_new = execute(&tx, settle, [sent.letter_id.into()]).await? == 1;
        if is_new && found {
            gone_noted(&tx, sent.act, What::SentCopy, sent.letter_id, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Returns how many copies of an act are still to go.
    pub(super) async fn unwanted_copies_of(&self, act: i64) -> Result<i64> {
        let select = "SELECT (SELECT count(*) FROM ledger l JOIN raw_mail r ON r.id = l.raw_mail_id WHERE r.unwanted_by = $1 AND l.copy = 'unwanted')
                           + (SELECT count(*) FROM letter WHERE unwanted_by = $1) AS n";
        let row = query_one(&self.db, select, [act.into()]).await?;
        Ok(row
            .map(|row| row.try_get("", "n"))
            .transpose()?
            .unwrap_or_default())
    }
}

/// Writes the line of a copy, if the act is still kept.
async fn gone_noted(
    tx: &impl ConnectionTrait,
    act: i64,
    what: What,
    record: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let kept = "SELECT 1 FROM erasure WHERE id = $1";
    if query_one(tx, kept, [act.into()]).await?.is_some() {
        let erasure = Erasure { id: act, now };
        note(tx, erasure, what, record, None, Manner::Erase).await?;
    }
    Ok(())
}
