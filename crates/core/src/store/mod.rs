//! The only code that knows tables and SQL. Each function is one transaction, or says that it takes part in one.
//!
//! - `folder`: the numberings of a folder's letters; `intake`: raw bytes and the ledger;
//! - `registration`: all that one letter causes; `facts`: what must be known first; `new_letter`: rows of the outbox;
//! - `outbox`: claims, frozen bytes and outcomes of outgoing letters; `content`: what such a letter is made of; `sends`: how
//!   many left lately; `sent_folder`: what the mailbox's own folder of sent mail is asked and given;
//! - `unsent`: answers taken back, replaced or let go; `address`: addresses that are wrong, and put right;
//! - `digest`: notices, and what stands for them in a flood;
//! - `wake`: word of letters that another process wrote; `time`: the database's own clock; `durability`: whether
//!   it keeps what it confirms;
//! - `approved_hours`: the hours as the head approved them;
//! - `commands`: orders that wait for the opening; `lease`, `heartbeat`: who works, and that it works;
//! - `promise`: what a receipt promised, and where a ticket's terms stand;
//! - `backup`: copies of an SQLite file, and how one comes back; `quiet`: what a copy may not do until it is told to resume;
//!   `locks`: who uses a file; `moving`: the way from a file into PostgreSQL;
//! - `erasure`: what is no longer to be kept, by rule or by order, and the acts of it;
//! - `listing`: what operators ask to see; `letters`: outgoing letters as they see them, and what they order; `schema`: migrations.

mod address;
pub mod alert;
mod approved_hours;
pub mod backup;
pub mod commands;
pub mod content;
pub mod counts;
mod digest;
mod durability;
mod entity;
pub mod erasure;
mod facts;
pub mod folder;
pub mod heartbeat;
pub mod intake;
pub mod lease;
pub mod letters;
pub mod listing;
mod locks;
pub mod moving;
mod new_letter;
pub mod outbox;
pub mod promise;
pub mod quiet;
mod quoted_pictures;
mod receipts;
pub mod registration;
mod schema;
mod sends;
pub mod sent_folder;
#[cfg(test)]
mod tests;
mod time;
mod unsent;
pub mod wake;

use std::borrow::Cow;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, QueryResult, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait, Value,
};

pub use durability::ServerFacts;
pub use schema::SchemaState;

use crate::config;
use crate::watchdog;

/// Both databases; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: DatabaseConnection,
    /// Held as long as a file is used: nobody puts another in its place meanwhile.
    using: Option<Arc<File>>,
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is locked, full, gone or broken. Nothing was written; the same call may succeed later.
    #[error("the database: {0}")]
    TryLater(#[source] DbErr),
    /// The database refuses what was to be written, and always will: the letter it comes from is at fault.
    #[error("the database refuses the values: {0}")]
    Values(#[source] DbErr),
    /// Somebody else holds the lease by now. Nothing was written; whoever called must let go.
    #[error("the lease on {0} is lost")]
    LeaseLost(String),
    /// A row holds what it cannot hold.
    #[error("row {id} of table {table} cannot be read: {what}")]
    Row {
        /// The table.
        table: &'static str,
        /// The row's key.
        id: i64,
        /// What is wrong with it.
        what: String,
    },
    /// The schema is not the one this program was built for.
    #[error("{0}")]
    Schema(String),
    /// A copy cannot be made, or not be put there.
    #[error("{0}")]
    Copy(String),
    /// The database file cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

impl From<DbErr> for StoreError {
    /// Sorts by SQLSTATE class: 22 is "data exception" (PostgreSQL, appendix A), such as a NUL in a text. Everything
    /// else may be over the next time.
    fn from(error: DbErr) -> StoreError {
        match code(&error) {
            Some(code) if is_refusal(&code) => StoreError::Values(error),
            _ => StoreError::TryLater(error),
        }
    }
}

/// The code that the database gives an error.
fn code(error: &DbErr) -> Option<Cow<'_, str>> {
    match error {
        DbErr::Query(RuntimeErr::SqlxError(cause)) | DbErr::Exec(RuntimeErr::SqlxError(cause)) => {
            cause.as_database_error().and_then(|cause| cause.code())
        }
        _ => None,
    }
}

/// Whether a database says that it will never take these values: SQLSTATE classes 22 (data), 23 (constraint) and 54 (limit)
/// of PostgreSQL; SQLITE_TOOBIG, SQLITE_MISMATCH and the constraints (19) of SQLite, whose codes are the lowest byte.
fn is_refusal(code: &str) -> bool {
    match code.len() {
        5 => matches!(&code[..2], "22" | "23" | "54"),
        _ => code
            .parse::<u32>()
            .is_ok_and(|code| matches!(code & 0xff, 18..=20)),
    }
}

/// What the store returns.
pub type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    /// Connects, without looking at the schema.
    pub async fn connect(database: &config::Database) -> Result<Store> {
        let using = match database {
            config::Database::Sqlite { path } => Some(Arc::new(locks::share(path).await?)),
            config::Database::Postgres { .. } => None,
        };
        Store::connect_with(database, using).await
    }

    /// The same with the lock of those who use the file, however it was taken.
    async fn connect_with(database: &config::Database, using: Option<Arc<File>>) -> Result<Store> {
        let mut options = match database {
            config::Database::Sqlite { path } => {
                make_private(path);
                // The path goes in by the options below; sea-orm picks the driver by the scheme.
                let mut options = ConnectOptions::new("sqlite::memory:");
                let path = path.clone();
                options
                    .max_connections(4)
                    // A file does not hang up, and each look at the outbox would ask it twice.
                    .test_before_acquire(false)
                    .map_sqlx_sqlite_opts(move |options| {
                        use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
                        options
                            .filename(&path)
                            .in_memory(false)
                            .shared_cache(false)
                            .create_if_missing(true)
                            .journal_mode(SqliteJournalMode::Wal)
                            .synchronous(SqliteSynchronous::Full)
                            .busy_timeout(Duration::from_secs(5))
                            // What is deleted is overwritten: nobody reads it in the file afterwards.
                            .pragma("secure_delete", "ON")
                            .foreign_keys(true)
                    });
                // After SQLITE_FULL, which rolls back by itself, sqlx takes the connection to be inside a transaction
                // still: one that comes back so is closed and not used again.
                options.map_sqlx_sqlite_pool_opts(|pool| {
                    use sqlx::Connection;
                    pool.before_acquire(|connection, _| {
                        Box::pin(async move { Ok(!connection.is_in_transaction()) })
                    })
                });
                options
            }
            config::Database::Postgres { url, password } => {
                let mut options = ConnectOptions::new(url.clone());
                let password = password.clone();
                options
                    .max_connections(8)
                    .map_sqlx_postgres_opts(move |options| {
                        use secrecy::ExposeSecret;
                        let options = options.options([
                            ("statement_timeout", "15s"),
                            ("lock_timeout", "5s"),
                            ("idle_in_transaction_session_timeout", "30s"),
                        ]);
                        match &password {
                            Some(password) => options.password(password.expose_secret()),
                            None => options,
                        }
                    });
                options
            }
        };
        options
            .sqlx_logging(false)
            .acquire_timeout(Duration::from_secs(10))
            .connect_timeout(Duration::from_secs(10));
        Ok(Store {
            db: Database::connect(options).await?,
            using,
        })
    }

    /// Closes the connections.
    pub async fn close(self) -> Result<()> {
        Ok(self.db.close().await?)
    }

    /// Runs a statement that a test needs.
    #[cfg(test)]
    pub(crate) async fn run(&self, text: &str) {
        execute(&self.db, text, []).await.expect("the database");
    }

    /// Begins a transaction that will write. On SQLite it takes the one write lock at once (BEGIN IMMEDIATE): a
    /// transaction that reads first and asks for the lock later fails as soon as two do so.
    async fn begin_write(&self) -> Result<DatabaseTransaction> {
        watchdog::mark();
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.db.begin_with_options(options).await?)
    }
}

/// Makes an SQLite file that is not there, for its owner's eyes alone whatever the umask says; the files beside it follow it. What
/// is wrong with the place, SQLite says.
fn make_private(path: &std::path::Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut new = std::fs::OpenOptions::new();
    let _ = new.write(true).create_new(true).mode(0o600).open(path);
}

/// Returns a statement in the SQL that both engines understand: `$1`, `$2` … stand for `values`.
fn sql(
    db: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), text, values)
}

/// Returns `text` on PostgreSQL, where rows are locked one by one, and nothing on SQLite, where the writer is alone.
fn on_postgres(db: &impl ConnectionTrait, text: &'static str) -> &'static str {
    if db.get_database_backend() == DbBackend::Postgres {
        text
    } else {
        ""
    }
}

/// Runs a statement and returns how many rows it changed.
async fn execute(
    db: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64> {
    Ok(db.execute_raw(sql(db, text, values)).await?.rows_affected())
}

/// Runs a query and returns its first row.
async fn query_one(
    db: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Option<QueryResult>> {
    Ok(db.query_one_raw(sql(db, text, values)).await?)
}

/// Runs a query and returns its rows.
async fn query_all(
    db: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>> {
    Ok(db.query_all_raw(sql(db, text, values)).await?)
}
