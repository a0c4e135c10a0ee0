//! The desk moves from an SQLite file into PostgreSQL: `migrate --from FILE`.

use std::path::Path;

use chrono::{DateTime, Utc};
use ninetosix_core::cli::Exit;
use ninetosix_core::config::{Database, Settings};
use ninetosix_core::store::Store;
use ninetosix_core::store::moving::Leaving;
use ninetosix_core::tell;

use crate::copies;

/// Moves the desk in `from` into the PostgreSQL of the configuration.
pub async fn migrate(settings: &Settings, from: &Path, now: DateTime<Utc>) -> anyhow::Result<Exit> {
    if let Database::Sqlite { .. } = &settings.database {
        eprintln!(
            "database.url names an SQLite file: name there the PostgreSQL that the desk is to live in, then run this again. The other way there is none"
        );
        return Ok(Exit::Problem);
    }
    let leaving = Leaving::open(from).await?;
    let store = Store::connect(&settings.database).await?;
    let moved = store.move_in(leaving, now).await?;
    for (table, rows) in &moved.tables {
        tell!("{table:<16} {rows}");
    }
    tell!(
        "every row is there; the bytes of {} letters have the SHA-256 they came with",
        moved.letters_compared
    );
    let quiet = store.recognise(now).await?;
    store.close().await?;
    if quiet.is_some() {
        copies::tell_of_quiet();
    } else {
        tell!("start both daemons: the desk goes on where it stopped");
    }
    let from = from.display();
    if moved.was_backup {
        tell!(
            "{from} is the backup that it was; the database it was made of must not be used again"
        );
    }
    match moved.mark {
        Ok(()) if moved.was_backup => {}
        Ok(()) => tell!(
            "{from} is marked as left: no daemon starts on it again; keep it until PostgreSQL has a backup of its own"
        ),
        Err(error) => {
            eprintln!(
                "the desk has moved, but {from} could not be marked as left: put it away now, for a daemon that starts on it sends letters a second time ({error})"
            );
            return Ok(Exit::Problem);
        }
    }
    Ok(Exit::Fine)
}
