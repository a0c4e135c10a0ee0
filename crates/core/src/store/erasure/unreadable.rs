//! What it takes until bytes that were deleted cannot be read in the database's files.
//!
//! SQLite overwrites what it deletes (`PRAGMA secure_delete`, set on every connection), but for rests of rows that it had moved
//! from page to page before: only VACUUM, which writes the whole file anew, leaves none. Pages first stand in the log beside
//! the file; emptying that brings them into the file. PostgreSQL keeps a deleted row until VACUUM, which makes its place free
//! to be used again, not blank; and its own log keeps it until that is recycled.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, RuntimeErr};

use super::super::{Result, Store, execute, query_one};
use super::raw::ids;

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
    /// The role of the desk owns not all tables of PostgreSQL, which then leaves VACUUM undone.
    NotOwner,
}

impl Unreadable {
    /// Returns its name, as the column `unreadable` keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Unreadable::Done => "done",
            Unreadable::Busy => "busy",
            Unreadable::TooLarge => "too_large",
            Unreadable::NotOwner => "not_owner",
        }
    }

    /// Returns the one of that name.
    pub fn from_name(name: &str) -> Option<Unreadable> {
        let all = [
            Unreadable::Done,
            Unreadable::Busy,
            Unreadable::TooLarge,
            Unreadable::NotOwner,
        ];
        all.into_iter().find(|one| one.as_str() == name)
    }
}

impl Store {
    /// Makes what was deleted as unreadable as the engine can. A large file of SQLite is written anew only if it `may_take_long`:
    /// nobody else writes meanwhile. What came of it is kept with the acts that were finished before.
    pub async fn make_unreadable(&self, may_take_long: bool) -> Result<Unreadable> {
        let acts = "SELECT id FROM erasure WHERE finished_at IS NOT NULL AND coalesce(unreadable, '') <> 'done'";
        let acts = ids(&self.db, acts, []).await?;
        let made = match self.db.get_database_backend() {
            DbBackend::Postgres => self.vacuum_tables().await?,
            _ => self.write_file_anew(may_take_long).await?,
        };
        for act in acts {
            let keep = "UPDATE erasure SET unreadable = $2 WHERE id = $1";
            execute(&self.db, keep, [act.into(), made.as_str().into()]).await?;
        }
        Ok(made)
    }

    /// Of a role that may not, VACUUM is no error: it warns and does nothing.
    async fn vacuum_tables(&self) -> Result<Unreadable> {
        let tables = TABLES
            .map(|table| format!("'{table}'::regclass"))
            .join(", ");
        let owned = format!(
            "SELECT bool_and(pg_has_role(c.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE')) AS owned
             FROM pg_class c, pg_database d WHERE c.oid IN ({tables}) AND d.datname = current_database()"
        );
        let row = query_one(&self.db, &owned, []).await?;
        let is_owned = row.map(|row| row.try_get::<Option<bool>>("", "owned"));
        if is_owned.transpose()?.flatten() != Some(true) {
            return Ok(Unreadable::NotOwner);
        }
        let pool = self.db.get_postgres_connection_pool();
        let mut connection = pool.acquire().await.map_err(lost)?;
        // It may take as long as it takes, which no other statement on this connection is to inherit.
        connection.close_on_drop();
        let mut done = Unreadable::Done;
        let limit = "SET statement_timeout = 0".to_owned();
        for statement in [limit]
            .into_iter()
            .chain(TABLES.map(|table| format!("VACUUM {table}")))
        {
            let ran = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone()))
                .execute(&mut *connection)
                .await;
            if let Err(error) = ran {
                tracing::warn!(statement, %error, "what was erased is left to autovacuum");
                done = Unreadable::Busy;
            }
        }
        Ok(done)
    }

    async fn write_file_anew(&self, may_take_long: bool) -> Result<Unreadable> {
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

fn lost(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}
