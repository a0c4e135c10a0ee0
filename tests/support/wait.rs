//! Waiting for something to become true, without fixed sleeps.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// The longest wait for anything a desk does at once.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);
/// The pause between two looks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(30);

/// Looks until `look` gives something; panics with `what` after `limit`.
pub(crate) fn wait_until<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        sleep(LOOK_EVERY);
    }
}
