//! How much room is left on a disk.

use std::io;
use std::path::Path;

/// Returns the bytes that this process may still write where `path` is.
///
/// # Errors
/// If there is no such path, or the system does not tell.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
