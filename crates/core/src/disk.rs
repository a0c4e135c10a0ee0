//! How much room is left on a disk.

use std::io;
use std::path::Path;

/// With less room than this a disk is as good as full.
pub(crate) const LEAST_FREE: u64 = 100 * 1024 * 1024;

/// Returns the bytes that this process may still write where `path` is.
///
/// # Errors
/// If there is no such path, or the system does not tell.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
