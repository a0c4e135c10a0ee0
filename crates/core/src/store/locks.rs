//! Who uses an SQLite file: every program that has it open holds a shared lock beside it, whoever puts another file in its
//! place, or changes its schema, an exclusive one. The system lets go of either when a process ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::DbErr;

use super::{Result, StoreError};

/// How often others are waited for: commands end soon, daemons do not.
const TRIES: u32 = 50;
/// The same where they copy the file or change its schema. Less than a daemon has for stopping, which it cannot meanwhile.
const LONG_TRIES: u32 = 200;
/// The pause between.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes part in using the file at `path`.
pub(super) async fn share(path: &Path) -> Result<File> {
    let file = open(path)?;
    share_again(path, &file).await?;
    Ok(file)
}

/// The same with a lock file that is open.
pub(super) async fn share_again(path: &Path, file: &File) -> Result<()> {
    if wait_for(&lock_path(path), TRIES, || file.try_lock_shared()).await? {
        return Ok(());
    }
    let busy = "it is being restored, or migrated to another schema";
    Err(StoreError::TryLater(DbErr::Custom(busy.to_owned())))
}

/// Makes sure that nobody else uses the file at `path`, as long as the lock file stays locked. Returns whether that is so.
pub(super) async fn be_alone(path: &Path, file: &File) -> Result<bool> {
    wait_for(&lock_path(path), TRIES, || file.try_lock()).await
}

/// Takes the lock of those who change the database's schema or put another file in its place; dropping it lets go.
///
/// # Errors
/// Besides others: somebody else goes on holding it, and the same call may succeed later.
pub(super) async fn beside(path: &Path) -> Result<File> {
    take_beside(path, LONG_TRIES).await
}

/// The same after so many tries.
pub(super) async fn take_beside(path: &Path, tries: u32) -> Result<File> {
    let lock = path.with_extension("migrate-lock");
    let file = open_file(&lock).map_err(|source| failed(&lock, source))?;
    if wait_for(&lock, 1, || file.try_lock()).await? {
        return Ok(file);
    }
    tracing::info!(
        "waiting for {}: another process restores, moves or migrates the database",
        lock.display()
    );
    if wait_for(&lock, tries, || file.try_lock()).await? {
        return Ok(file);
    }
    let busy = format!(
        "{} is still locked by another process, which restores, moves or migrates the database: let it finish, or find it with `fuser` and \
         end it; the file itself may stay",
        lock.display()
    );
    Err(StoreError::TryLater(DbErr::Custom(busy)))
}

/// The lock file of those who use a database.
pub(super) fn open(path: &Path) -> Result<File> {
    let lock = lock_path(path);
    open_file(&lock).map_err(|source| failed(&lock, source))
}

/// Opens a lock file, and makes it where it is not there yet.
pub(super) fn open_file(lock: &Path) -> std::io::Result<File> {
    // Reading is enough for a lock, and the file may be another user's.
    File::open(lock).or_else(|_| {
        let mut options = File::options();
        options.create(true).truncate(false).write(true).open(lock)
    })
}

fn lock_path(path: &Path) -> PathBuf {
    path.with_extension("use-lock")
}

fn failed(lock: &Path, source: std::io::Error) -> StoreError {
    StoreError::File {
        path: lock.display().to_string(),
        source,
    }
}

/// Tries to lock the file that is called `name`, so often.
async fn wait_for(
    name: &Path,
    tries: u32,
    mut lock: impl FnMut() -> std::result::Result<(), TryLockError>,
) -> Result<bool> {
    for _ in 0..tries {
        match lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
            Err(TryLockError::Error(source)) => return Err(failed(name, source)),
        }
    }
    Ok(false)
}
