//! What the database's own clock shows. SQLite has none but the machine's.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult};

use super::{Result, Store, query_one};

impl Store {
    /// Returns whether the database has a clock of its own.
    pub fn has_clock(&self) -> bool {
        self.db.get_database_backend() == DbBackend::Postgres
    }

    /// Returns what the database's clock shows, if it has one.
    pub async fn clock(&self) -> Result<Option<DateTime<Utc>>> {
        if !self.has_clock() {
            return Ok(None);
        }
        let select = format!("SELECT {}", said(&self.db));
        match query_one(&self.db, &select, []).await? {
            Some(row) => read(&row),
            None => Ok(None),
        }
    }
}

/// A column of any query that says what the database's clock shows: not when the transaction began, but now.
pub(super) fn said(db: &impl ConnectionTrait) -> &'static str {
    match db.get_database_backend() {
        DbBackend::Postgres => "clock_timestamp() AS said",
        _ => "NULL AS said",
    }
}

/// Reads that column.
pub(super) fn read(row: &QueryResult) -> Result<Option<DateTime<Utc>>> {
    Ok(row.try_get("", "said")?)
}
