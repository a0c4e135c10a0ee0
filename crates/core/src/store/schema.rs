//! Migrations: plain SQL, embedded here, applied by one process at a time.

use std::fs::File;
use std::path::Path;

use sea_orm::DbBackend;
use sqlx::migrate::Migrator;

use super::{Result, Store, StoreError, query_one};
use crate::config;

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How the schema in the database compares with the one this program needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// The same.
    Current,
    /// Missing or older: `migrate` is needed.
    Older {
        /// The version found; 0 where there is none.
        found: i64,
        /// The version needed.
        needed: i64,
    },
    /// Made by a later version of this program, which alone may use it.
    Newer {
        /// The version found.
        found: i64,
        /// The version known here.
        known: i64,
    },
}

impl Store {
    /// Connects and makes sure that the schema is the one this program needs. A fresh or older SQLite file is migrated
    /// under a file lock; PostgreSQL is migrated by [`Store::migrate`] alone, for the daemons have no right to.
    pub async fn open(database: &config::Database) -> Result<Store> {
        let store = Store::connect(database).await?;
        match store.schema_state().await? {
            SchemaState::Current => Ok(store),
            SchemaState::Older { .. } if matches!(database, config::Database::Sqlite { .. }) => {
                store.migrate(database).await?;
                Ok(store)
            }
            SchemaState::Older { found, needed } => Err(StoreError::Schema(format!(
                "the database has schema version {found}, this program needs {needed}: run `ninetosix-worker migrate`"
            ))),
            SchemaState::Newer { found, known } => Err(StoreError::Schema(format!(
                "the database has schema version {found}, this program knows {known}: use the newer program that made it"
            ))),
        }
    }

    /// Applies what migrations are missing.
    pub async fn migrate(&self, database: &config::Database) -> Result<()> {
        let failed = |error: sqlx::migrate::MigrateError| {
            StoreError::Schema(format!("the migration failed: {error}"))
        };
        match database {
            config::Database::Sqlite { path } => {
                // sqlx locks PostgreSQL while it migrates, and SQLite not at all.
                let _lock = lock_beside(path).await?;
                SQLITE
                    .run(self.db.get_sqlite_connection_pool())
                    .await
                    .map_err(failed)
            }
            config::Database::Postgres { .. } => POSTGRES
                .run(self.db.get_postgres_connection_pool())
                .await
                .map_err(failed),
        }
    }

    /// Returns how the schema compares with what this program needs.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        let (migrator, exists) = match self.db.get_database_backend() {
            DbBackend::Postgres => (
                &POSTGRES,
                "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'",
            ),
            _ => (
                &SQLITE,
                "SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations'",
            ),
        };
        let known = migrator
            .iter()
            .map(|migration| migration.version)
            .max()
            .unwrap_or_default();
        if query_one(&self.db, exists, []).await?.is_none() {
            return Ok(SchemaState::Older {
                found: 0,
                needed: known,
            });
        }
        let row = query_one(
            &self.db,
            "SELECT max(version) AS version FROM _sqlx_migrations WHERE success",
            [],
        )
        .await?;
        let found = row
            .map(|row| row.try_get::<Option<i64>>("", "version"))
            .transpose()?
            .flatten()
            .unwrap_or_default();
        Ok(match found {
            found if found == known => SchemaState::Current,
            found if found < known => SchemaState::Older {
                found,
                needed: known,
            },
            found => SchemaState::Newer { found, known },
        })
    }
}

/// Takes the lock file beside the database; dropping it lets go.
async fn lock_beside(path: &Path) -> Result<File> {
    let lock = path.with_extension("migrate-lock");
    let taken = tokio::task::spawn_blocking({
        let lock = lock.clone();
        move || {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(lock)?;
            file.lock()?;
            Ok(file)
        }
    });
    let taken = taken
        .await
        .unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
    taken.map_err(|source| StoreError::File {
        path: lock.display().to_string(),
        source,
    })
}
