//! What PostgreSQL says of how it keeps what it confirmed.

use sea_orm::DbBackend;

use super::{Result, Store, query_one};

/// A PostgreSQL server, as this connection finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version, such as `15.8`.
    pub version: String,
    /// Whether a commit waits for the disk.
    pub synchronous_commit: bool,
    /// Whether the disk is made to write.
    pub fsync: bool,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

impl Store {
    /// Returns what the server says; `None` with SQLite, where this program sets all that itself.
    pub async fn server_facts(&self) -> Result<Option<ServerFacts>> {
        if self.db.get_database_backend() != DbBackend::Postgres {
            return Ok(None);
        }
        let select = "SELECT current_setting('server_version') AS version, \
                      current_setting('synchronous_commit') <> 'off' AS synchronous_commit, \
                      current_setting('fsync') = 'on' AS fsync, \
                      coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls";
        let Some(row) = query_one(&self.db, select, []).await? else {
            return Ok(None);
        };
        Ok(Some(ServerFacts {
            version: row.try_get("", "version")?,
            synchronous_commit: row.try_get("", "synchronous_commit")?,
            fsync: row.try_get("", "fsync")?,
            tls: row.try_get("", "tls")?,
        }))
    }
}
