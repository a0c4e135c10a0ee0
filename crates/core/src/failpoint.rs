//! Named points at which a test can make the process die, as `kill -9` would, or wait. Without the feature `failpoints`
//! they are nothing at all.
//!
//! `NINETOSIX_FAILPOINT=committed` dies at the first time the point is reached, `committed@3` at the third.
//! `NINETOSIX_HOLD=DIR` waits at the point `committed` if there is a file `DIR/committed`: the first to come renames it
//! to `committed.held`, and goes on when that is removed.
//! `NINETOSIX_POISON=words` dies whenever a letter that holds these words is read, `NINETOSIX_PANIC=words` panics.

/// Dies or waits here if the environment says so.
#[cfg(feature = "failpoints")]
pub fn reach(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    hold(name);
    static REACHED: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("NINETOSIX_FAILPOINT") else {
        return;
    };
    let (point, nth) = wanted.split_once('@').unwrap_or((&wanted, "1"));
    if point == name && (REACHED.fetch_add(1, Ordering::SeqCst) + 1).to_string() == nth {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // The signal is on its way; nothing more may happen.
        loop {
            std::thread::park();
        }
    }
}

/// Waits here, this thread with all its tasks, if a test wants it. Of all threads and processes one waits.
#[cfg(feature = "failpoints")]
fn hold(name: &str) {
    let Some(dir) = std::env::var_os("NINETOSIX_HOLD").map(std::path::PathBuf::from) else {
        return;
    };
    let held = dir.join(format!("{name}.held"));
    if std::fs::rename(dir.join(name), &held).is_ok() {
        while held.exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// Aborts, as a parser that has used up its stack does, if the letter holds what `NINETOSIX_POISON` says; panics if it holds
/// what `NINETOSIX_PANIC` says.
#[cfg(feature = "failpoints")]
pub fn poison(raw: &[u8]) {
    let holds = |variable: &str| {
        std::env::var(variable).is_ok_and(|words| {
            let mut places = raw.windows(words.len().max(1));
            !words.is_empty() && places.any(|some| some == words.as_bytes())
        })
    };
    if holds("NINETOSIX_POISON") {
        std::process::abort();
    }
    assert!(!holds("NINETOSIX_PANIC"), "the letter holds the word");
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reach(_name: &str) {}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn poison(_raw: &[u8]) {}
