//! A fresh database for each test, on either engine, and its rows as they are: read directly, not through the product.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _, SqliteConnection};
use tokio::runtime::Runtime;

/// The two kinds of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// One database.
#[derive(Debug)]
pub(crate) struct Database {
    kind: Kind,
    runtime: Runtime,
    connection: Mutex<Option<Open>>,
}

#[derive(Debug)]
enum Kind {
    Sqlite { path: PathBuf },
    Postgres { server: String, name: String },
}

#[derive(Debug)]
enum Open {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A row: its columns by name, as text; `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row(BTreeMap<String, Option<String>>);

impl Row {
    /// Returns a column's text; panics at NULL.
    pub(crate) fn text(&self, column: &str) -> &str {
        self.maybe(column)
            .unwrap_or_else(|| panic!("{column} is NULL in {self:?}"))
    }

    /// Returns a column's text, `None` at NULL.
    pub(crate) fn maybe(&self, column: &str) -> Option<&str> {
        self.0
            .get(column)
            .unwrap_or_else(|| panic!("no column {column} in {self:?}"))
            .as_deref()
    }

    /// Returns a column's number; panics at NULL.
    pub(crate) fn number(&self, column: &str) -> i64 {
        self.text(column)
            .parse()
            .unwrap_or_else(|_| panic!("{column} is no number in {self:?}"))
    }
}

impl Database {
    /// Makes an empty database; `dir` is where a file of it would be.
    pub(crate) fn new(engine: Engine, dir: &std::path::Path) -> Database {
        match engine {
            Engine::Sqlite => Database::in_file(dir.join("ninetosix.db")),
            Engine::Postgres => {
                let server = std::env::var("NINETOSIX_TEST_POSTGRES_URL").expect(
                    "NINETOSIX_TEST_POSTGRES_URL names a PostgreSQL to test on: use tests/run.sh",
                );
                Database::on_server(&server)
            }
        }
    }

    /// An SQLite file, which need not be there yet.
    pub(crate) fn in_file(path: PathBuf) -> Database {
        Database::of(Kind::Sqlite { path }, runtime())
    }

    /// Makes an empty database on a PostgreSQL.
    pub(crate) fn on_server(server: &str) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("desk_{}_{number}", std::process::id());
        let (create, runtime) = (format!("CREATE DATABASE {name}"), runtime());
        runtime
            .block_on(administer(server, create))
            .expect("a database of its own");
        let server = server.to_owned();
        Database::of(Kind::Postgres { server, name }, runtime)
    }

    fn of(kind: Kind, runtime: Runtime) -> Database {
        Database {
            kind,
            runtime,
            connection: Mutex::new(None),
        }
    }

    /// Lets go of the connection: its server was stopped, or is about to be.
    pub(crate) fn let_go(&self) {
        *self.connection.lock().expect("no test panics in here") = None;
    }

    /// Returns its URL, as a configuration spells it.
    pub(crate) fn url(&self) -> String {
        match &self.kind {
            Kind::Sqlite { path } => format!("sqlite:{}", path.display()),
            Kind::Postgres { server, name } => {
                let (server, _) = server.rsplit_once('/').expect("a database in the URL");
                format!("{server}/{name}")
            }
        }
    }

    /// Returns `SELECT columns rest`, every column as text: `rows("number, state", "FROM ticket ORDER BY number")`.
    pub(crate) fn rows(&self, columns: &str, rest: &str) -> Vec<Row> {
        let names: Vec<&str> = columns.split(',').map(str::trim).collect();
        let casts: Vec<String> = names
            .iter()
            .enumerate()
            // A name of its own: PostgreSQL sorts by the result's column where that bears the table's name.
            .map(|(at, name)| format!("CAST({name} AS TEXT) AS column_{at}"))
            .collect();
        let select = format!("SELECT {} {rest}", casts.join(", "));
        let mut connection = self.connection.lock().expect("no test panics in here");
        let found = self.runtime.block_on(async {
            if connection.is_none() {
                *connection = Some(self.open().await?);
            }
            match connection.as_mut().expect("it was opened") {
                Open::Sqlite(connection) => {
                    let rows = sqlx::query(AssertSqlSafe(select.as_str().to_owned()))
                        .fetch_all(connection)
                        .await?;
                    rows.iter()
                        .map(|row| (0..names.len()).map(|at| row.try_get(at)).collect())
                        .collect::<sqlx::Result<Vec<Vec<Option<String>>>>>()
                }
                Open::Postgres(connection) => {
                    let rows = sqlx::query(AssertSqlSafe(select.as_str().to_owned()))
                        .fetch_all(connection)
                        .await?;
                    rows.iter()
                        .map(|row| (0..names.len()).map(|at| row.try_get(at)).collect())
                        .collect()
                }
            }
        });
        drop(connection);
        let found = found.unwrap_or_else(|error| panic!("{select}: {error}"));
        let row = |values: Vec<Option<String>>| {
            let names = names.iter().map(ToString::to_string);
            Row(names.zip(values).collect())
        };
        found.into_iter().map(row).collect()
    }

    /// Changes rows behind the daemons' backs, as the passing of time would.
    pub(crate) fn execute(&self, statement: &str) {
        let mut connection = self.connection.lock().expect("no test panics in here");
        let done = self.runtime.block_on(async {
            if connection.is_none() {
                *connection = Some(self.open().await?);
            }
            let statement = AssertSqlSafe(statement.to_owned());
            match connection.as_mut().expect("it was opened") {
                Open::Sqlite(connection) => {
                    sqlx::query(statement).execute(connection).await?;
                }
                Open::Postgres(connection) => {
                    sqlx::query(statement).execute(connection).await?;
                }
            }
            Ok::<_, sqlx::Error>(())
        });
        drop(connection);
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// Returns how many rows there are: `count("ledger WHERE outcome = 'ticket'")`.
    pub(crate) fn count(&self, of: &str) -> i64 {
        self.rows("COUNT(*)", &format!("FROM {of}"))[0].number("COUNT(*)")
    }

    async fn open(&self) -> sqlx::Result<Open> {
        Ok(match &self.kind {
            Kind::Sqlite { path } => {
                let options = sqlx::sqlite::SqliteConnectOptions::new()
                    .filename(path)
                    .busy_timeout(std::time::Duration::from_secs(20));
                Open::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            Kind::Postgres { .. } => Open::Postgres(PgConnection::connect(&self.url()).await?),
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SQLite's file goes with its directory.
        let open = self.connection.get_mut().ok().and_then(Option::take);
        self.runtime.block_on(async {
            if let Some(Open::Postgres(connection)) = open {
                let _ = connection.close().await;
            }
            if let Kind::Postgres { server, name } = &self.kind {
                let drop = format!("DROP DATABASE {name} WITH (FORCE)");
                if let Err(error) = administer(server, drop).await {
                    eprintln!("the database {name} was left behind: {error}");
                }
            }
        });
    }
}

/// Reads a time as either engine shows it.
pub(crate) fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z"))
        .unwrap_or_else(|_| panic!("{text} is no time"))
        .to_utc()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

async fn administer(server: &str, sql: String) -> sqlx::Result<()> {
    let mut admin = PgConnection::connect(server).await?;
    sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await?;
    admin.close().await
}
