//! Migrations: plain SQL, embedded here, applied by one process at a time.

use std::path::Path;

use sea_orm::{DbBackend, DbErr};
use sqlx::Connection;
use sqlx::migrate::Migrator;

use super::{Result, Store, StoreError, backup, locks, query_one};
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

/// The version that this program needs.
pub(super) fn known() -> i64 {
    newest(&SQLITE)
}

fn newest(migrator: &Migrator) -> i64 {
    let versions = migrator.iter().map(|migration| migration.version);
    versions.max().unwrap_or_default()
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
            SchemaState::Newer { found, known } => Err(newer(found, known)),
        }
    }

    /// Applies what migrations are missing, all of them or none. An SQLite file that has a schema is copied before.
    ///
    /// # Errors
    /// Besides others: the schema is newer; another process, which may be of the older version, uses the SQLite file.
    pub async fn migrate(&self, database: &config::Database) -> Result<()> {
        match database {
            config::Database::Sqlite { path } => self.migrate_file(path, &SQLITE).await,
            config::Database::Postgres { .. } => self.migrate_here().await,
        }
    }

    /// The same in PostgreSQL.
    pub(super) async fn migrate_here(&self) -> Result<()> {
        self.migrate_server(&POSTGRES).await
    }

    /// Applies the missing migrations of `migrator` to a PostgreSQL.
    pub(super) async fn migrate_server(&self, migrator: &Migrator) -> Result<()> {
        if let SchemaState::Newer { found, known } = self.state_by(migrator).await? {
            return Err(newer(found, known));
        }
        let pool = self.db.get_postgres_connection_pool();
        let mut connection = pool.acquire().await.map_err(failed)?;
        let mut tx = connection.begin().await.map_err(failed)?;
        migrator
            .run_direct(None, &mut *tx, false)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Applies the missing migrations of `migrator` to the file at `path`.
    pub(super) async fn migrate_file(&self, path: &Path, migrator: &Migrator) -> Result<()> {
        // Others that wait here do not use the file meanwhile.
        if let Some(using) = &self.using {
            using.unlock().map_err(|source| StoreError::File {
                path: path.display().to_string(),
                source,
            })?;
        }
        // sqlx locks PostgreSQL while it migrates, and SQLite not at all.
        let _lock = locks::beside(path).await?;
        let migrated = self.migrate_alone(path, migrator).await;
        if let Some(using) = &self.using {
            locks::share_again(path, using).await?;
        }
        migrated
    }

    async fn migrate_alone(&self, path: &Path, migrator: &Migrator) -> Result<()> {
        match self.state_by(migrator).await? {
            SchemaState::Current => return Ok(()),
            SchemaState::Newer { found, known } => return Err(newer(found, known)),
            SchemaState::Older { found: 0, .. } => {}
            SchemaState::Older { found, needed } => {
                if let Some(using) = &self.using
                    && !locks::be_alone(path, using).await?
                {
                    let busy = format!(
                        "its schema goes from version {found} to {needed}, and another process uses it: stop both daemons, then start them again"
                    );
                    return Err(StoreError::TryLater(DbErr::Custom(busy)));
                }
                backup::before_migration(self, path, found).await?;
            }
        }
        let pool = self.db.get_sqlite_connection_pool();
        let mut connection = pool.acquire().await.map_err(failed)?;
        let mut tx = connection
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        migrator
            .run_direct(None, &mut *tx, false)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Returns how the schema compares with what this program needs.
    pub async fn schema_state(&self) -> Result<SchemaState> {
        self.state_by(match self.db.get_database_backend() {
            DbBackend::Postgres => &POSTGRES,
            _ => &SQLITE,
        })
        .await
    }

    /// A file of SQLite's that has tables and none of ours is another program's.
    async fn refuse_the_file_of_others(&self) -> Result<()> {
        if self.db.get_database_backend() == DbBackend::Postgres {
            return Ok(());
        }
        let theirs = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' LIMIT 1";
        if query_one(&self.db, theirs, []).await?.is_some() {
            return Err(StoreError::Schema(
                "the file belongs to another program: it has tables, and none is ours; name another in database.url".to_owned(),
            ));
        }
        Ok(())
    }

    async fn state_by(&self, migrator: &Migrator) -> Result<SchemaState> {
        let exists = match self.db.get_database_backend() {
            DbBackend::Postgres => {
                "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'"
            }
            _ => "SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations'",
        };
        let known = newest(migrator);
        if query_one(&self.db, exists, []).await?.is_none() {
            self.refuse_the_file_of_others().await?;
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

fn newer(found: i64, known: i64) -> StoreError {
    StoreError::Schema(format!(
        "the database has schema version {found}, this program knows {known}: use the newer program that made it"
    ))
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Schema(format!(
        "the migration failed, and the database is as it was: {error}"
    ))
}
