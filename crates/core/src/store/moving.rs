//! The desk moves from an SQLite file into an empty PostgreSQL: all of it in one transaction, or nothing.
//!
//! - Which tables and columns there are, and how they refer to each other, is asked of the catalogues: nothing can be forgotten here.
//! - References are taken off before the rows come and put back behind them, which proves every one: no order of tables and rows
//!   would do, for tickets point at each other.
//! - Numbers go on where the file's went on, though the last of them be deleted: none is given twice.
//! - A desk lives in one place. A file that was its home is told afterwards that it was left, and no daemon starts on it again; a
//!   backup stays what it is, and what comes of it is as quiet as a restored one ([`super::quiet`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use sea_orm::{DbBackend, DbErr, RuntimeErr};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Row, TypeInfo, ValueRef};

use super::quiet::{BACKUP, HOME_ON_POSTGRES, MOVED};
use super::schema::known;
use super::{Result, SchemaState, Store, StoreError, backup, locks};
use crate::config::Database;

/// Rows of the file held at once: one may be 1 MiB of mail.
const ROWS_AHEAD: usize = 4;
/// Bytes sent at once, or one row.
const PIECE: usize = 256 * 1024;
/// What the programs write about themselves, whatever desk it is: these rows give way.
const OF_THE_PROGRAMS: [&str; 4] = ["approved_hours", "desk", "heartbeat", "lease"];

/// The names of columns by table.
type Tables = BTreeMap<String, BTreeSet<String>>;

/// A whole desk in a file that nobody uses.
#[derive(Debug)]
pub struct Leaving {
    db: SqliteConnection,
    path: PathBuf,
    /// Held until the end; `None` for a backup, which no daemon uses.
    locks: Option<(File, File)>,
}

/// What a move did.
#[derive(Debug)]
pub struct Moved {
    /// The tables, and how many rows went over.
    pub tables: Vec<(String, i64)>,
    /// Letters whose bytes were compared with their SHA-256 on the other side.
    pub letters_compared: i64,
    /// Whether it came from a backup, which is not marked.
    pub was_backup: bool,
    /// Whether the file could be told that the desk has left it.
    pub mark: Result<()>,
}

impl Leaving {
    /// Opens the file at `path` for reading alone, and reads it through.
    ///
    /// # Errors
    /// It is no whole desk of this program's schema version, is in use, or was left before.
    pub async fn open(path: &Path) -> Result<Leaving> {
        let mut peek = connect(path).await.map_err(|error| unread(path, &error))?;
        let home = home(&mut peek).await;
        let home = home.map_err(|error| unread(path, &error))?;
        peek.close().await.map_err(|error| unread(path, &error))?;
        let locks = if home == BACKUP {
            None
        } else {
            // It is to be marked in the end: better to know now that it cannot be.
            let writable = File::options().write(true).open(path);
            writable.map_err(|source| backup::file(path, source))?;
            Some((locks::beside(path).await?, backup::alone(path).await?))
        };
        let mut db = connect(path).await.map_err(|error| unread(path, &error))?;
        let contents = backup::inspect(&mut db, path, path).await;
        let contents = contents.map_err(|error| unread(path, &error))??;
        let (found, known) = (contents.schema, known());
        if found != known {
            let cure = if found < known {
                "run `ninetosix-worker migrate` with a configuration that names it"
            } else {
                "use the newer program that made it"
            };
            let why = format!(
                "it has schema version {found}, and this program moves version {known}: {cure}"
            );
            return Err(backup::refused(path, &why));
        }
        let left = sqlx::query("SELECT count(*) FROM desk WHERE quiet AND why = $1");
        let left = left.bind(MOVED).fetch_one(&mut db).await;
        let left = left.and_then(|row| row.try_get::<i64, _>(0));
        if home != BACKUP && left.map_err(|error| unread(path, &error))? > 0 {
            let why = format!(
                "{MOVED}; to move this older copy again, make it one: with the configuration that names it, `ninetosix-worker restore --here`"
            );
            return Err(backup::refused(path, &why));
        }
        Ok(Leaving {
            db,
            path: path.to_owned(),
            locks,
        })
    }
}

impl Store {
    /// Moves the desk that is `leaving` its file into this PostgreSQL, whose schema is made here where there is none.
    ///
    /// # Errors
    /// Besides others: there is a desk here already. Nothing but an empty schema is left then.
    pub async fn move_in(&self, leaving: Leaving, now: DateTime<Utc>) -> Result<Moved> {
        if self.db.get_database_backend() != DbBackend::Postgres {
            return Err(not_here("it is no PostgreSQL"));
        }
        if let SchemaState::Older { found: 1.., .. } = self.schema_state().await? {
            return Err(not_here("it has an older schema"));
        }
        self.migrate_here().await?;
        let runs = self.leases_held(now).await?;
        if !runs.is_empty() {
            let why = format!(
                "a poller holds {}: stop both daemons, and wait a minute",
                runs.join(", ")
            );
            return Err(not_here(&why));
        }
        let Leaving {
            mut db,
            path,
            locks,
            ..
        } = leaving;
        let pool = self.db.get_postgres_connection_pool();
        let mut connection = pool.acquire().await.map_err(database)?;
        let mut tx = connection.begin().await.map_err(database)?;
        let mut source = db.begin().await.map_err(|error| unread(&path, &error))?;
        let (tables, letters_compared) = transfer(&mut source, &mut tx, &path).await?;
        tx.commit().await.map_err(database)?;
        let closed = match source.rollback().await {
            Ok(()) => db.close().await,
            Err(error) => Err(error),
        };
        let closed = closed.map_err(|error| unread(&path, &error));
        let was_backup = locks.is_none();
        let mark = match locks {
            Some((_, alone)) => closed.and(mark(&path, alone, now).await),
            None => closed,
        };
        Ok(Moved {
            tables,
            letters_compared,
            was_backup,
            mark,
        })
    }
}

/// Tells the file that its desk has left it. Nobody else has been able to open it since before the first row was read.
async fn mark(path: &Path, alone: File, now: DateTime<Utc>) -> Result<()> {
    let database = Database::Sqlite {
        path: path.to_owned(),
    };
    let store = Store::connect_with(&database, Some(Arc::new(alone))).await?;
    store.make_quiet(MOVED, now).await?;
    store.close().await
}

/// Copies every row and proves it.
async fn transfer(
    source: &mut SqliteConnection,
    tx: &mut PgConnection,
    path: &Path,
) -> Result<(Vec<(String, i64)>, i64)> {
    let unread = |error: sqlx::Error| unread(path, &error);
    // One statement takes as long as its table is long.
    run(tx, "SET LOCAL statement_timeout = 0").await?;
    run(tx, "SET LOCAL idle_in_transaction_session_timeout = 0").await?;
    let tables = tables_here(tx).await?;
    if tables != tables_of(source).await.map_err(unread)? {
        return Err(not_here(
            "its tables are not those of the file, or not of a desk alone",
        ));
    }
    let names: Vec<String> = tables.keys().map(|name| quoted(name)).collect();
    // A daemon that starts now waits, and sees all of it or nothing.
    let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", "));
    run(tx, &lock).await?;
    make_room(tx, &tables).await?;

    let references = references(tx).await?;
    for (of, name, _) in &references {
        run(tx, &format!("ALTER TABLE {of} DROP CONSTRAINT {name}")).await?;
    }
    let mut moved = Vec::with_capacity(tables.len());
    for (table, columns) in &tables {
        copy(source, tx, table, columns, path).await?;
        let count = format!("SELECT count(*) FROM {}", quoted(table));
        let there = sqlx::query(AssertSqlSafe(count.clone())).fetch_one(&mut *source);
        let there: i64 = there.await.and_then(|row| row.try_get(0)).map_err(unread)?;
        let here = number(tx, &count).await?;
        if there != here {
            let why = format!("table {table}: {there} rows in the file, {here} arrived");
            return Err(backup::refused(path, &why));
        }
        moved.push((table.clone(), here));
    }
    for (of, name, definition) in &references {
        let back = format!("ALTER TABLE {of} ADD CONSTRAINT {name} {definition}");
        run(tx, &back).await?;
    }
    numbers_go_on(source, tx, path).await?;
    // The rows of a file name the file as their home, and a backup says that it is one.
    let here = format!("UPDATE desk SET home = {HOME_ON_POSTGRES} WHERE home <> '{BACKUP}'");
    run(tx, &here).await?;
    let compared = compare_letters(tx, path).await?;
    Ok((moved, compared))
}

/// Removes what the programs wrote about themselves.
///
/// # Errors
/// Something else is there.
async fn make_room(tx: &mut PgConnection, tables: &Tables) -> Result<()> {
    for table in tables.keys() {
        if OF_THE_PROGRAMS.contains(&table.as_str()) {
            run(tx, &format!("DELETE FROM {}", quoted(table))).await?;
        } else if number(tx, &format!("SELECT count(*) FROM {}", quoted(table))).await? > 0 {
            let why = format!("there are rows in its table {table}");
            return Err(not_here(&why));
        }
    }
    Ok(())
}

/// The references between tables here: of which table, by which name, and what they are.
async fn references(tx: &mut PgConnection) -> Result<Vec<(String, String, String)>> {
    let select = "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
                  WHERE contype = 'f' AND connamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY conname";
    let rows = sqlx::query(select).fetch_all(tx).await.map_err(database)?;
    let reference = |row| Ok((get(row, 0)?, get(row, 1)?, get(row, 2)?));
    rows.iter().map(reference).collect()
}

/// Copies the rows of a table. PostgreSQL reads each value as its column's type.
async fn copy(
    source: &mut SqliteConnection,
    tx: &mut PgConnection,
    table: &str,
    columns: &BTreeSet<String>,
    path: &Path,
) -> Result<()> {
    let (table, columns) = (
        quoted(table),
        columns
            .iter()
            .map(|column| quoted(column))
            .collect::<Vec<_>>()
            .join(", "),
    );
    let begin = format!("COPY {table} ({columns}) FROM STDIN");
    let mut copying = tx.copy_in_raw(&begin).await.map_err(database)?;
    let select = format!("SELECT {columns} FROM {table}");
    let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(source);
    let mut piece = Vec::new();
    loop {
        let next = rows.try_next().await.and_then(|row| match row {
            Some(row) => line(&row, &mut piece).map(|()| true),
            None => Ok(false),
        });
        let goes_on = match next {
            Ok(goes_on) => goes_on,
            Err(error) => {
                copying
                    .abort("the file cannot be read")
                    .await
                    .map_err(database)?;
                return Err(unread(path, &error));
            }
        };
        if !goes_on || piece.len() >= PIECE {
            copying.send(piece.as_slice()).await.map_err(database)?;
            piece.clear();
        }
        if !goes_on {
            break;
        }
    }
    let failed = |error: sqlx::Error| not_here(&format!("table {table}: {error}"));
    copying.finish().await.map_err(failed)?;
    Ok(())
}

/// Writes a row as COPY reads it (PostgreSQL, COPY, "Text Format").
fn line(row: &SqliteRow, into: &mut Vec<u8>) -> sqlx::Result<()> {
    for at in 0..row.len() {
        if at > 0 {
            into.push(b'\t');
        }
        let value = row.try_get_raw(at)?;
        if value.is_null() {
            into.extend(br"\N");
            continue;
        }
        match value.type_info().name() {
            "BLOB" => {
                let bytes: &[u8] = row.try_get_unchecked(at)?;
                into.extend(br"\\x");
                let begin = into.len();
                into.resize(begin + 2 * bytes.len(), 0);
                data_encoding::HEXLOWER.encode_mut(bytes, &mut into[begin..]);
            }
            "TEXT" => escape(row.try_get_unchecked(at)?, into),
            _ => into.extend(row.try_get_unchecked::<i64, _>(at)?.to_string().bytes()),
        }
    }
    into.push(b'\n');
    Ok(())
}

fn escape(text: &str, into: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => into.extend(br"\\"),
            b'\n' => into.extend(br"\n"),
            b'\r' => into.extend(br"\r"),
            b'\t' => into.extend(br"\t"),
            // PostgreSQL has no such character.
            0 => into.extend("\u{fffd}".bytes()),
            other => into.push(other),
        }
    }
}

/// Has every table number on from the highest number that the file ever gave.
async fn numbers_go_on(
    source: &mut SqliteConnection,
    tx: &mut PgConnection,
    path: &Path,
) -> Result<()> {
    let select = "SELECT name, seq FROM sqlite_sequence";
    let rows = sqlx::query(select).fetch_all(source).await;
    let given = rows.and_then(|rows| {
        let pair = |row: &SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(pair).collect()
    });
    let given: BTreeMap<String, i64> = given.map_err(|error| unread(path, &error))?;
    let numbered = "SELECT table_name::text, column_name::text FROM information_schema.columns
                    WHERE table_schema = current_schema() AND is_identity = 'YES' ORDER BY table_name";
    let numbered = sqlx::query(numbered).fetch_all(&mut *tx).await;
    for row in numbered.map_err(database)? {
        let (table, column): (String, String) = (get(&row, 0)?, get(&row, 1)?);
        let (name, key) = (quoted(&table), quoted(&column));
        let greatest = format!("SELECT coalesce(max({key}), 0) FROM {name}");
        let last = number(tx, &greatest).await?;
        let last = last.max(given.get(&table).copied().unwrap_or_default());
        // RESTART is undone with the transaction, as setval alone is not.
        let restart = format!(
            "ALTER TABLE {name} ALTER COLUMN {key} RESTART WITH {}",
            last.max(1)
        );
        run(tx, &restart).await?;
        if last > 0 {
            let given = format!("SELECT nextval(pg_get_serial_sequence('{name}', '{column}'))");
            number(tx, &given).await?;
        }
    }
    Ok(())
}

/// Works out the SHA-256 of every letter from the bytes that arrived. Returns how many there are.
async fn compare_letters(tx: &mut PgConnection, path: &Path) -> Result<i64> {
    let compare = "SELECT count(*), min(id) FILTER (WHERE NOT is_same) FROM (
        SELECT r.id, r.sha256 = encode(sha256(coalesce((SELECT string_agg(c.bytes, ''::bytea ORDER BY c.seq) FROM raw_chunk c WHERE c.raw_mail_id = r.id), ''::bytea)), 'hex') AS is_same
        FROM raw_mail r WHERE r.complete AND r.erased_at IS NULL) AS letters";
    let row = sqlx::query(compare).fetch_one(tx).await.map_err(database)?;
    if let Some(wrong) = get::<Option<i64>>(&row, 1)? {
        let why = format!("the bytes of letter {wrong} (raw_mail) are not those that were stored");
        return Err(backup::refused(path, &why));
    }
    get(&row, 0)
}

async fn tables_here(tx: &mut PgConnection) -> Result<Tables> {
    let select = "SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                  WHERE c.relkind = 'r' AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND c.relname NOT LIKE '\\_%'
                  AND a.attnum > 0 AND NOT a.attisdropped";
    let rows = sqlx::query(select).fetch_all(tx).await.map_err(database)?;
    let mut tables = Tables::new();
    for row in &rows {
        tables.entry(get(row, 0)?).or_default().insert(get(row, 1)?);
    }
    Ok(tables)
}

async fn tables_of(source: &mut SqliteConnection) -> sqlx::Result<Tables> {
    let select = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
                  WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND m.name NOT LIKE '\\_%' ESCAPE '\\'";
    let mut tables = Tables::new();
    for row in sqlx::query(select).fetch_all(source).await? {
        tables
            .entry(row.try_get(0)?)
            .or_default()
            .insert(row.try_get(1)?);
    }
    Ok(tables)
}

async fn home(source: &mut SqliteConnection) -> sqlx::Result<String> {
    let row = sqlx::query("SELECT home FROM desk").fetch_one(source);
    row.await?.try_get(0)
}

async fn connect(path: &Path) -> sqlx::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .row_buffer_size(ROWS_AHEAD);
    SqliteConnection::connect_with(&options).await
}

async fn run(tx: &mut PgConnection, statement: &str) -> Result<()> {
    let statement = sqlx::query(AssertSqlSafe(statement.to_owned()));
    statement.execute(tx).await.map_err(database)?;
    Ok(())
}

async fn number(tx: &mut PgConnection, select: &str) -> Result<i64> {
    let select = sqlx::query(AssertSqlSafe(select.to_owned()));
    get(&select.fetch_one(tx).await.map_err(database)?, 0)
}

fn get<'r, T>(row: &'r sqlx::postgres::PgRow, at: usize) -> Result<T>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(at).map_err(database)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn database(error: sqlx::Error) -> StoreError {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))).into()
}

fn unread(path: &Path, error: &sqlx::Error) -> StoreError {
    backup::refused(
        path,
        &format!("it is no whole database of the desk: {error}"),
    )
}

fn not_here(why: &str) -> StoreError {
    StoreError::Copy(format!(
        "a desk moves into an empty PostgreSQL alone, and nothing was moved: {why}"
    ))
}
