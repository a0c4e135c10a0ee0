//! Named points at which a test can make the process die, as `kill -9` would. Without the feature `failpoints` they
//! are nothing at all.
//!
//! `NINETOSIX_FAILPOINT=committed` dies at the first time the point is reached, `committed@3` at the third.
//! `NINETOSIX_POISON=words` dies whenever a letter that holds these words is read, `NINETOSIX_PANIC=words` panics.

/// Dies here if the environment says so.
#[cfg(feature = "failpoints")]
pub fn reach(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
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
