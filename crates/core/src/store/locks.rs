//! Who uses an SQLite file: every program that has it open holds a shared lock beside it, whoever puts another file in its
//! place, or changes its schema, an exclusive one. The system lets go of either when a process ends, however it ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::DbErr;

use super::{Result, StoreError};

/// How often and after what pauses others are waited for: commands end soon, daemons do not.
const TRIES: (u32, Duration) = (50, Duration::from_millis(100));

/// Takes part in using the file at `path`.
pub(super) async fn share(path: &Path) -> Result<File> {
    let file = open(path)?;
    share_again(path, &file).await?;
    Ok(file)
}

/// The same with a lock file that is open.
pub(super) async fn share_again(path: &Path, file: &File) -> Result<()> {
    if wait_for(path, || file.try_lock_shared()).await? {
        return Ok(());
    }
    let busy = "it is being restored, or migrated to another schema";
    Err(StoreError::TryLater(DbErr::Custom(busy.to_owned())))
}

/// Makes sure that nobody else uses the file at `path`, as long as the lock file stays locked. Returns whether that is so.
pub(super) async fn be_alone(path: &Path, file: &File) -> Result<bool> {
    wait_for(path, || file.try_lock()).await
}

/// The lock file of those who use a database.
pub(super) fn open(path: &Path) -> Result<File> {
    let lock = lock_path(path);
    open_file(&lock).map_err(|source| StoreError::File {
        path: lock.display().to_string(),
        source,
    })
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

async fn wait_for(
    path: &Path,
    mut lock: impl FnMut() -> std::result::Result<(), TryLockError>,
) -> Result<bool> {
    for _ in 0..TRIES.0 {
        match lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(TRIES.1).await,
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::File {
                    path: lock_path(path).display().to_string(),
                    source,
                });
            }
        }
    }
    Ok(false)
}
