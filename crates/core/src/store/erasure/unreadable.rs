//! What it takes until bytes that were deleted cannot be read in the database's files.
//!
//! SQLite overwrites what it deletes (`PRAGMA secure_delete`, set on every connection), but for rests of rows that it had moved
//! from page to page before: only VACUUM, which writes the whole file anew, leaves none. Pages first stand in the log beside
//! the file; emptying that brings them into the file. PostgreSQL keeps a deleted row until VACUUM, which makes its place free
//! to be used again, not blank; and its own log keeps it until that is recycled.

use sea_orm::{ConnectionTrait, DbBackend};

use super::super::{Result, Store, query_one};

/// The tables something is erased in.
const TABLES: [&str; 9] = [
    "raw_chunk",
    "attachment",
    "message",
    "note",
    "letter",
    "command",
    "ticket",
    "ledger",
    "person",
];

/// A file of SQLite up to this size is written anew within seconds, which others wait.
const SMALL_BYTES: i64 = 256 * 1024 * 1024;

/// Whether what was deleted can still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// As little as the engine allows.
    Done,
    /// Others were in the way: again later.
    Busy,
    /// Rests may stand in a file too large to be written anew while others work.
    TooLarge,
}

impl Store {
    /// Makes what was deleted as unreadable as the engine can. A large file of SQLite is written anew only if it `may_take_long`:
    /// nobody else writes meanwhile.
    pub async fn make_unreadable(&self, may_take_long: bool) -> Result<Unreadable> {
        if self.db.get_database_backend() == DbBackend::Postgres {
            let mut done = Unreadable::Done;
            for table in TABLES {
                // Not within a transaction, and not longer than any statement may take.
                let vacuumed = self.db.execute_unprepared(&format!("VACUUM {table}")).await;
                if let Err(error) = vacuumed {
                    tracing::warn!(table, %error, "what was erased is left to autovacuum");
                    done = Unreadable::Busy;
                }
            }
            return Ok(done);
        }
        let size =
            "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size";
        let size = query_one(&self.db, size, []).await?;
        let size: i64 = size
            .map(|row| row.try_get_by_index(0))
            .transpose()?
            .unwrap_or_default();
        let is_written_anew = may_take_long || size <= SMALL_BYTES;
        if is_written_anew && self.db.execute_unprepared("VACUUM").await.is_err() {
            return Ok(Unreadable::Busy);
        }
        let row = query_one(&self.db, "PRAGMA wal_checkpoint(TRUNCATE)", []).await?;
        let busy = row.map(|row| row.try_get_by_index::<i32>(0)).transpose()?;
        Ok(match busy {
            Some(0) if is_written_anew => Unreadable::Done,
            Some(0) => Unreadable::TooLarge,
            _ => Unreadable::Busy,
        })
    }
}
