//! The database: is it reached, is its schema ours, who else may read it, and does it keep what it confirms?

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Cure, Report, words};
use crate::config::{Database, Settings};
use crate::store::{SchemaState, ServerFacts, Store};

/// Tries the database; returns it if its schema is the one this program needs.
pub async fn database(report: &mut Report, settings: &Settings) -> Option<Store> {
    let file = match &settings.database {
        Database::Sqlite { path } => Some(path.as_path()),
        Database::Postgres { .. } => None,
    };
    if let Some(path) = file {
        if !path.exists() {
            first_start(report, path);
            return None;
        }
        seclusion(report, path);
    }
    let opened = match Store::connect(&settings.database).await {
        Ok(store) => store.schema_state().await.map(|state| (store, state)),
        Err(error) => Err(error),
    };
    match opened {
        Ok((store, SchemaState::Current)) => {
            report.good(words(
                "база данных: доступна, схема текущая",
                "database: reached, schema current",
            ));
            // A server that does not answer now is found by whatever is asked next.
            if let Ok(Some(facts)) = store.server_facts().await {
                server(report, &facts);
            }
            return Some(store);
        }
        Ok((_, SchemaState::Older { .. })) if file.is_some() => report.good(words(
            "база данных: доступна; схему создаст первый запуск",
            "database: reached; the first start makes the schema",
        )),
        Ok((_, SchemaState::Older { found, needed })) => report.bad(
            words(
                format!("база данных: схема {found}, нужна {needed}"),
                format!("database: schema {found}, needed is {needed}"),
            ),
            Cure::Migrate,
        ),
        Ok((_, SchemaState::Newer { found, known })) => report.bad(
            words(
                format!("база данных: схема {found} новее этой программы ({known})"),
                format!("database: schema {found} is newer than this program's ({known})"),
            ),
            Cure::NewerProgram,
        ),
        Err(error) => report.bad(
            words(
                format!("база данных недоступна: {error}"),
                format!("the database cannot be reached: {error}"),
            ),
            Cure::Database,
        ),
    }
    None
}

/// Whether PostgreSQL keeps what it confirms, and how it is spoken to.
fn server(report: &mut Report, facts: &ServerFacts) {
    let ServerFacts { version, tls, .. } = facts;
    let (ru, en) = if *tls {
        ("по TLS", "over TLS")
    } else {
        (
            "без TLS, на этой же машине",
            "without TLS, on this very machine",
        )
    };
    report.good(words(
        format!("PostgreSQL {version}, {ru}"),
        format!("PostgreSQL {version}, {en}"),
    ));
    for (is_on, name, cure) in [
        (
            facts.synchronous_commit,
            "synchronous_commit",
            Cure::SynchronousCommit,
        ),
        (facts.fsync, "fsync", Cure::Fsync),
    ] {
        if !is_on {
            let what = format!("PostgreSQL: {name} = off");
            report.bad(words(what.clone(), what), cure);
        }
    }
}

/// Whether others than the owner can get at the file: by its own mode and by that of its directory.
fn seclusion(report: &mut Report, path: &Path) {
    let mode = |path: &Path| {
        let meta = std::fs::metadata(path).ok()?;
        Some(meta.permissions().mode() & 0o777)
    };
    let directory = path.parent().unwrap_or(Path::new("/"));
    let (Some(file), Some(around)) = (mode(path), mode(directory)) else {
        return;
    };
    let is_open = |to: u32| file & (0o6 << to) != 0 && around & (0o1 << to) != 0;
    if is_open(0) || is_open(3) {
        let shown = path.display();
        report.warning(
            words(
                format!("база данных: {shown} открыт не только владельцу (права {file:03o}, каталог {around:03o})"),
                format!("database: {shown} is open to more than its owner (mode {file:03o}, directory {around:03o})"),
            ),
            Cure::DatabaseOpen.about(directory.display()),
        );
    }
}

/// Looks at where the first start will make the file, without making it: whoever does owns it.
fn first_start(report: &mut Report, path: &Path) {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if folder.is_dir() {
        let (ru, en) = (
            "базы данных ещё нет, её создаст первый запуск",
            "there is no database yet, the first start makes it",
        );
        report.good(words(
            format!("{ru}: {}", path.display()),
            format!("{en}: {}", path.display()),
        ));
    } else {
        let place = folder.display();
        report.bad(
            words(
                format!("база данных: каталога {place} нет"),
                format!("database: there is no directory {place}"),
            ),
            Cure::DatabaseDirectory,
        );
    }
}
