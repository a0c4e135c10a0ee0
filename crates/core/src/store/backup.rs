//! Copies of an SQLite file: made while the daemons work, read back before they count, and put in a database's place.
//!
//! A copy appears under its name whole or not at all: it is made in a directory of its own beside that name, which goes in the
//! end. Where the process was killed, the next one that makes a copy there removes it (`Room`): there is mail in it. A copy bears
//! the mark that it is one ([`super::quiet`]), so that it is quiet even where it is put back by hand.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{Connection, Row};
use tempfile::{TempDir, TempPath};

use super::quiet::BACKUP;
use super::{Result, SchemaState, Store, StoreError, locks};
use crate::config::Database;

/// What a copy holds, as it was read back from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Its schema version.
    pub schema: i64,
    /// Its size.
    pub bytes: u64,
    /// Rows of the ledger: letters that came in.
    pub registered: i64,
    /// Its tickets.
    pub tickets: i64,
    /// Letters that went out, or wait to.
    pub letters: i64,
    /// The highest number that a ledger row or a letter ever had.
    last: (i64, i64),
    home: String,
}

/// What a restore did.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What the database holds now.
    pub contents: Contents,
    /// Where the one before is kept, if there was one.
    pub kept: Option<PathBuf>,
}

impl Store {
    /// Copies the SQLite file to `to`, which must not be there yet, and reads the copy back. Others read and write meanwhile.
    pub async fn back_up(&self, to: &Path) -> Result<Contents> {
        if to.symlink_metadata().is_ok() {
            return Err(refused(to, "it is there already, and is not overwritten"));
        }
        let room = Room::beside(to)?;
        let copy = room.path().join("copy");
        new_file(&copy)?;
        let before = self.last_numbers().await?;
        {
            let name = copy
                .to_str()
                .ok_or_else(|| refused(to, "its name is not in UTF-8"))?;
            let mut source = self
                .db
                .get_sqlite_connection_pool()
                .acquire()
                .await
                .map_err(|error| broken(to, &error))?;
            // One reading transaction: with a write-ahead log nobody waits for it.
            sqlx::query("VACUUM INTO $1")
                .bind(name)
                .execute(&mut *source)
                .await
                .map_err(|error| broken(to, &error))?;
        }
        let after = self.last_numbers().await?;
        mark(&copy).await.map_err(|error| broken(to, &error))?;
        let contents = read(&copy, to)
            .await
            .map_err(|error| broken(to, &error))??;
        let schema = match self.schema_state().await? {
            SchemaState::Current => super::schema::known(),
            SchemaState::Older { found, .. } | SchemaState::Newer { found, .. } => found,
        };
        let is_between = |before, it, after| before <= it && it <= after;
        if contents.schema != schema
            || !is_between(before.0, contents.last.0, after.0)
            || !is_between(before.1, contents.last.1, after.1)
        {
            return Err(refused(to, "the copy does not hold what the database does"));
        }
        place(&copy, to)?;
        Ok(contents)
    }

    /// The highest numbers that a ledger row and a letter ever had.
    async fn last_numbers(&self) -> Result<(i64, i64)> {
        let row = super::query_one(&self.db, LAST_NUMBERS, []).await?;
        Ok(match row {
            Some(row) => (row.try_get("", "ledger")?, row.try_get("", "letter")?),
            None => (0, 0),
        })
    }
}

/// The database is locked by somebody else.
const SQLITE_BUSY: &str = "5";

const LAST_NUMBERS: &str =
    "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'ledger'), 0) AS ledger,
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'letter'), 0) AS letter";

/// Puts the copy `from` in the place of the SQLite file at `path`, which nobody may use. The file that was there is kept under a
/// name with this time. The desk is quiet afterwards.
pub async fn restore(path: &Path, from: &Path, now: DateTime<Utc>) -> Result<Restored> {
    let locks = (locks::beside(path).await?, alone(path).await?);
    let room = Room::beside(path)?;
    let copy = room.path().join("copy");
    let mut target = new_file(&copy)?;
    let kind = std::fs::metadata(from).map_err(|source| file(from, source))?;
    if !kind.is_file() {
        return Err(refused(from, "it is no file"));
    }
    let mut source = File::open(from).map_err(|source| file(from, source))?;
    std::io::copy(&mut source, &mut target).map_err(|source| file(path, source))?;
    drop(target);
    let contents = read(&copy, from)
        .await
        .map_err(|error| refused(from, &format!("it is no whole backup: {error}")))??;
    if contents.home != BACKUP {
        return Err(refused(
            from,
            "it was not made by `ninetosix-worker backup`. If it is a file that was kept, and its daemons were stopped: put it there \
             yourself, with the files beside it that end in -wal and -shm, and run `ninetosix-worker restore --here`",
        ));
    }
    let known = super::schema::known();
    if contents.schema > known {
        return Err(refused(
            from,
            &format!(
                "it has schema version {}, this program knows {known}: restore it with the newer program that made it",
                contents.schema
            ),
        ));
    }
    give_to_owner(&copy, path)?;
    let kept = keep(path, now).await?;
    match &kept {
        // The old file has its other name by now: there is a database at every moment.
        Some(_) if path.exists() => replace(&copy, path)?,
        _ => place(&copy, path)?,
    }
    drop(locks);
    let store = Store::open(&Database::Sqlite {
        path: path.to_owned(),
    })
    .await?;
    store.recognise(now).await?;
    store.close().await?;
    Ok(Restored { contents, kept })
}

/// Makes sure that nobody uses the SQLite file at `path`, until the lock is dropped.
pub async fn alone(path: &Path) -> Result<File> {
    let lock = locks::open(path)?;
    if !locks::be_alone(path, &lock).await? {
        return Err(refused(
            path,
            "it is in use: stop both daemons, and wait for commands that still run",
        ));
    }
    Ok(lock)
}

/// Copies the file before its schema changes from version `found`, and keeps the newest of such copies.
pub(super) async fn before_migration(store: &Store, path: &Path, found: i64) -> Result<()> {
    const KEPT: usize = 3;
    let time = "SELECT strftime('%Y%m%dT%H%M%SZ', 'now') AS time";
    let row = super::query_one(&store.db, time, []).await?;
    let time: String = row.map_or(Ok(String::new()), |row| row.try_get("", "time"))?;
    let kind = ".before-migration-";
    let copy = with_suffix(path, &format!("{kind}{time}-schema-{found}"));
    // One of this second is as good.
    if copy.symlink_metadata().is_err() {
        store.back_up(&copy).await?;
    }
    let folder = folder_of(path);
    let ours = with_suffix(Path::new(path.file_name().unwrap_or_default()), kind);
    let is_ours = |name: &OsString| {
        let bytes = name.as_encoded_bytes();
        bytes.starts_with(ours.as_os_str().as_encoded_bytes())
    };
    let entries = fs::read_dir(folder).map_err(|source| file(folder, source))?;
    let mut names: Vec<OsString> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(is_ours)
        .collect();
    // The time stands first in what differs.
    names.sort();
    for name in names.iter().rev().skip(KEPT) {
        let old = folder.join(name);
        fs::remove_file(&old).map_err(|source| file(&old, source))?;
    }
    Ok(())
}

/// What the copy at `path` holds, if it is a whole one; it is called `name`.
async fn read(path: &Path, name: &Path) -> std::result::Result<Result<Contents>, sqlx::Error> {
    let mut db = connect(path).await?;
    let contents = inspect(&mut db, path, name).await?;
    db.close().await?;
    Ok(contents)
}

/// The same of a file that is open.
pub(super) async fn inspect(
    db: &mut SqliteConnection,
    path: &Path,
    name: &Path,
) -> std::result::Result<Result<Contents>, sqlx::Error> {
    let mut wrong: Vec<String> = Vec::new();
    for row in sqlx::query("PRAGMA integrity_check")
        .fetch_all(&mut *db)
        .await?
    {
        let said: String = row.try_get(0)?;
        wrong.extend((said != "ok").then_some(said));
    }
    let strays = sqlx::query("PRAGMA foreign_key_check")
        .fetch_all(&mut *db)
        .await?;
    wrong.extend((!strays.is_empty()).then(|| format!("{} rows belong to none", strays.len())));
    if let Some(first) = wrong.first() {
        return Ok(Err(refused(name, &format!("it is damaged: {first}"))));
    }
    let select = format!(
        "SELECT (SELECT max(version) FROM _sqlx_migrations WHERE success), (SELECT count(*) FROM ledger), (SELECT count(*) FROM ticket),
             (SELECT count(*) FROM letter), (SELECT home FROM desk), ledger, letter FROM ({LAST_NUMBERS})"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(select))
        .fetch_one(&mut *db)
        .await?;
    Ok(Ok(Contents {
        schema: row.try_get(0)?,
        bytes: fs::metadata(path).map(|file| file.len()).unwrap_or(0),
        registered: row.try_get(1)?,
        tickets: row.try_get(2)?,
        letters: row.try_get(3)?,
        home: row.try_get(4)?,
        last: (row.try_get(5)?, row.try_get(6)?),
    }))
}

/// Writes into a copy that it is one.
async fn mark(path: &Path) -> std::result::Result<(), sqlx::Error> {
    let mut db = connect(path).await?;
    sqlx::query("UPDATE desk SET home = $1")
        .bind(BACKUP)
        .execute(&mut db)
        .await?;
    db.close().await
}

/// A connection to a file that nobody else uses, and that leaves none beside it.
async fn connect(path: &Path) -> std::result::Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Delete);
    SqliteConnection::connect_with(&options).await
}

/// Gives the database at `path` and what belongs to it a name with this time besides; returns that, if there was one.
async fn keep(path: &Path, now: DateTime<Utc>) -> Result<Option<PathBuf>> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    if is_there(path) {
        // One file is kept, and programs that know nothing of our lock are noticed; what is broken is kept as it is.
        if let Err(sqlx::Error::Database(error)) = connect(path).await
            && error.code().as_deref() == Some(SQLITE_BUSY)
        {
            return Err(refused(path, "another program uses it"));
        }
    }
    let kept = with_suffix(
        path,
        &now.format(".before-restore-%Y%m%dT%H%M%SZ").to_string(),
    );
    if is_there(&kept) {
        return Err(refused(&kept, "it is there already"));
    }
    let mut was_there = None;
    // A new file must never find the log of another.
    for suffix in ["-wal", "-shm"] {
        let part = with_suffix(path, suffix);
        if is_there(&part) {
            fs::rename(&part, with_suffix(&kept, suffix)).map_err(|source| file(&part, source))?;
            was_there = Some(kept.clone());
        }
    }
    if is_there(path) {
        let named = fs::hard_link(path, &kept).or_else(|_| fs::rename(path, &kept));
        named.map_err(|source| file(path, source))?;
        was_there = Some(kept);
    }
    sync_folder(path)?;
    Ok(was_there)
}

/// A database that root puts back is that of the user who had it, or whose the folder is.
fn give_to_owner(copy: &Path, path: &Path) -> Result<()> {
    let whose = fs::metadata(path).or_else(|_| fs::metadata(folder_of(path)));
    let whose = whose.map_err(|source| file(path, source))?;
    let own = fs::metadata(copy).map_err(|source| file(copy, source))?;
    if (whose.uid(), whose.gid()) == (own.uid(), own.gid()) {
        return Ok(());
    }
    let given = chown(copy, Some(whose.uid()), Some(whose.gid()));
    given.map_err(|_| {
        refused(
            path,
            "it belongs to another user: run this as that user, or as root",
        )
    })
}

/// Puts a finished copy in the place of a file that has another name too.
fn replace(copy: &Path, to: &Path) -> Result<()> {
    sync(copy, to)?;
    fs::rename(copy, to).map_err(|source| file(to, source))?;
    sync_folder(to)
}

/// Gives a finished copy its name, unless that is taken.
fn place(copy: &Path, to: &Path) -> Result<()> {
    sync(copy, to)?;
    let copy = TempPath::try_from_path(copy).map_err(|source| file(to, source))?;
    copy.persist_noclobber(to)
        .map_err(|error| file(to, error.error))?;
    sync_folder(to)
}

fn sync(copy: &Path, to: &Path) -> Result<()> {
    let synced = File::open(copy).and_then(|file| file.sync_all());
    synced.map_err(|source| file(to, source))
}

fn sync_folder(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| file(folder, source))
}

/// What the names of directories begin with in which copies are made.
const ROOM: &str = ".ninetosix-copy.";

/// A directory of our own beside a file, which goes with everything in it, and is locked as long as it is used.
struct Room {
    directory: TempDir,
    /// `None` on a file system that does not lock directories: nobody can take it for one left behind there.
    _lock: Option<File>,
}

impl Room {
    /// Makes one beside `path`, once those are gone that killed processes left there.
    fn beside(path: &Path) -> Result<Room> {
        let folder = folder_of(path);
        remove_left(folder);
        loop {
            let directory = tempfile::Builder::new()
                .prefix(ROOM)
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(folder)
                .map_err(|source| file(folder, source))?;
            // Somebody who removes what was left may have come before the lock.
            let opened = match File::open(directory.path()) {
                Ok(opened) => opened,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(file(folder, source)),
            };
            let lock = match opened.try_lock() {
                Ok(()) => Some(opened),
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(_)) => None,
            };
            if directory.path().is_dir() {
                return Ok(Room {
                    directory,
                    _lock: lock,
                });
            }
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes the directories in `folder` in which copies were being made when their processes were killed.
fn remove_left(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let is_room = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(ROOM.as_bytes())
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_room {
            continue;
        }
        // Another user's is not ours to open.
        let Ok(left) = File::open(entry.path()) else {
            continue;
        };
        if left.try_lock().is_ok()
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            let path = entry.path();
            tracing::warn!(%error, "{} is left of a copy that was broken off, and cannot be removed", path.display());
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file that its owner alone may read: there is mail in it.
fn new_file(path: &Path) -> Result<File> {
    let made = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    made.map_err(|source| file(path, source))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn file(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::File {
        path: path.display().to_string(),
        source,
    }
}

pub(super) fn refused(path: &Path, why: &str) -> StoreError {
    StoreError::Copy(format!("{}: {why}", path.display()))
}

fn broken(to: &Path, error: &sqlx::Error) -> StoreError {
    refused(to, &format!("no copy was made: {error}"))
}
