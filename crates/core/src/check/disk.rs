//! Free space where the desk keeps its files, and whether the service may write there.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use super::{Cure, Report, words};
use crate::config::{Database, Settings};
use crate::disk::{LEAST_FREE, free_bytes};

const MIB: u64 = 1024 * 1024;
/// Below this it soon may be full.
const LOW: u64 = 1024 * MIB;

/// Looks at the directories of the SQLite file and of the token key. One that is not there is a fact of its own.
pub fn disk(report: &mut Report, settings: &Settings) {
    let key = &settings.identity.token_key_file;
    let mut files = vec![key];
    if let Database::Sqlite { path } = &settings.database {
        files.insert(0, path);
    }
    let mut devices = BTreeSet::new();
    let mut seen: Vec<&Path> = Vec::new();
    for file in files {
        let directory = file.parent().unwrap_or(Path::new("/"));
        let Ok(meta) = directory.metadata() else {
            continue;
        };
        if seen.contains(&directory) {
            continue;
        }
        seen.push(directory);
        if devices.insert(meta.dev()) {
            space(report, directory);
        }
        // A key that was made is only read.
        if file != key || !key.exists() {
            writable(report, directory, meta.uid());
        }
    }
}

fn space(report: &mut Report, directory: &Path) {
    let Ok(free) = free_bytes(directory) else {
        return;
    };
    let (place, mib) = (directory.display(), free / MIB);
    let what = words(
        format!("диск: {place}, свободно {mib} МиБ"),
        format!("disk: {place}, {mib} MiB free"),
    );
    match free {
        ..LEAST_FREE => report.bad(what, Cure::Disk),
        LEAST_FREE..LOW => report.warning(what, Cure::Disk),
        LOW.. => report.good(what),
    }
}

/// Whether this user may write into `directory`. Root may do anything, so of others' directories it learns nothing.
fn writable(report: &mut Report, directory: &Path, owner: u32) {
    let place = directory.display();
    if geteuid().is_root() && owner != 0 {
        return report.warning(
            words(
                format!("{place}: принадлежит пользователю {owner}, а check запущен от root"),
                format!("{place}: belongs to user {owner}, and check runs as root"),
            ),
            Cure::OtherUser.about(owner),
        );
    }
    match access(directory, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => report.good(words(
            format!("{place}: доступен на запись"),
            format!("{place}: can be written to"),
        )),
        Err(error) => report.bad(
            words(
                format!("{place}: писать сюда этому пользователю нельзя ({error})"),
                format!("{place}: this user may not write here ({error})"),
            ),
            Cure::StateDirectory.about(place),
        ),
    }
}
