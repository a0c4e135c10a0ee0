//! What the service manager is told (sd_notify(3)): that the daemon is ready, that its loops live, how it stands.
//!
//! The watchdog is fed by the loops themselves. Each that mail depends on runs inside [`Watchdog::watch`] and says with [`mark`] that it goes on:
//! at every transaction, and while it waits for the network or for time, which always ends by a limit of its own
//! ([`waiting`]). `WATCHDOG=1` leaves only when every loop has said so since the last one, so that a single loop that hangs,
//! in a parser or for a lock, ends the silence of the others too, and systemd starts the daemon anew.
//!
//! Readiness means that mail server and database answered: every loop has had a good turn, or has been told to wait. Until then
//! the manager is asked for more time as long as the loops live, and told what they wait for; after five minutes it is told
//! that the daemon is ready, and what it still waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::stop::Stop;

/// A loop that waits says so this many times while the manager waits for one word.
const SIGNS: u32 = 24;
/// The longest and the shortest time between two signs.
const SIGN_EVERY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How long a start may take from each sign of life on.
const STARTING: Duration = Duration::from_secs(120);
/// A daemon that has waited for mail server or database for so long is said to be ready all the same, with what it waits for:
/// neither a boot nor an upgrade is to wait for a provider.
const LONGEST_START: Duration = Duration::from_secs(300);
/// How often the manager is told when it set no watchdog.
const WITHOUT_WATCHDOG: Duration = Duration::from_secs(10);

tokio::task_local! {
    static LOOP: Arc<Loop>;
}

/// What is known of one loop.
#[derive(Debug)]
struct Loop {
    name: String,
    /// It has gone on since the manager was told last.
    alive: Arc<AtomicBool>,
    /// How often it says so while it waits; `None` where nobody listens.
    sign_every: Option<Duration>,
    /// Whether somebody waits to hear that it is ready.
    is_heard: bool,
    watchdog: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something is to be told at once.
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Of each loop whether it has gone on; not the loop itself, which holds this state.
    alive: Vec<Arc<AtomicBool>>,
    /// Loops that have not had a good turn yet.
    unready: BTreeSet<String>,
    /// Whether every loop runs.
    has_begun: bool,
    /// What is wrong, by loop.
    problems: BTreeMap<String, String>,
}

impl Shared {
    /// No code that could panic or wait runs under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches the loops of one run of a daemon.
#[derive(Debug, Clone, Default)]
pub struct Watchdog {
    shared: Arc<Shared>,
    /// How long the manager waits for a word; `None` without its watchdog.
    patience: Option<Duration>,
    /// Whether there is a manager that listens.
    is_heard: bool,
}

impl Watchdog {
    /// Returns the watchdog that the environment asks for: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`. Without them
    /// nobody is told anything.
    pub fn from_environment() -> Watchdog {
        Watchdog {
            shared: Arc::default(),
            patience: sd_notify::watchdog_enabled(),
            is_heard: std::env::var_os("NOTIFY_SOCKET").is_some(),
        }
    }

    /// Runs a loop under the watchdog.
    pub fn watch<F: Future>(
        &self,
        name: &str,
        running: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let sign_every = self.patience.filter(|_| self.is_heard);
        let watched = Arc::new(Loop {
            name: name.to_owned(),
            alive: Arc::new(AtomicBool::new(true)),
            sign_every: sign_every
                .map(|patience| (patience / SIGNS).clamp(SIGN_EVERY.0, SIGN_EVERY.1)),
            is_heard: self.is_heard,
            watchdog: self.shared.clone(),
        });
        let mut state = self.shared.state();
        state.alive.push(watched.alive.clone());
        state.unready.insert(name.to_owned());
        drop(state);
        LOOP.scope(watched, running)
    }

    /// Says that every loop runs: from now on it matters whether they are well.
    pub fn all_run(&self) {
        self.shared.state().has_begun = true;
        self.shared.news.notify_one();
    }

    /// Tells the manager how the loops are, until a stop is asked for.
    pub async fn report(self, stop: Stop) {
        if !self.is_heard {
            return stop.asked().await;
        }
        let every = self.patience.map_or(WITHOUT_WATCHDOG, |patience| {
            (patience / (SIGNS / 2)).clamp(SIGN_EVERY.0 * 2, SIGN_EVERY.1 * 2)
        });
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (begun, mut was_ready, mut said) = (Instant::now(), false, None);
        loop {
            tokio::select! {
                () = stop.asked() => return,
                _ = ticks.tick() => {}
                () = self.shared.news.notified() => {}
            }
            let state = self.shared.state();
            let mut is_ready = state.has_begun && state.unready.is_empty();
            let status = status(&state);
            let all_live = state.alive.iter().all(|own| own.load(Ordering::Relaxed));
            if all_live {
                state
                    .alive
                    .iter()
                    .for_each(|own| own.store(false, Ordering::Relaxed));
            }
            drop(state);
            if !is_ready && begun.elapsed() >= LONGEST_START {
                if !was_ready {
                    tracing::warn!(
                        "the daemon runs, though not all it needs has answered: {status}"
                    );
                }
                is_ready = true;
            }
            let mut words = Vec::new();
            if said.as_ref() != Some(&status) {
                words.push(NotifyState::Status(&status));
            }
            if all_live {
                words.push(NotifyState::Watchdog);
                if !is_ready {
                    let more = u32::try_from(STARTING.as_micros()).unwrap_or(u32::MAX);
                    words.push(NotifyState::ExtendTimeoutUsec(more));
                }
            }
            if is_ready && !was_ready {
                words.push(NotifyState::Ready);
            }
            // What was not heard is said again.
            if tell(&words) {
                was_ready |= is_ready;
                said = Some(status);
            }
        }
    }
}

/// What `systemctl status` shows.
fn status(state: &State) -> String {
    match state.problems.iter().next() {
        // One line, whatever a server said.
        Some((name, problem)) => format!("{name}: {}", problem.replace(char::is_control, " ")),
        None if !state.has_begun => "starting: database".to_owned(),
        None if state.unready.is_empty() => "all is well".to_owned(),
        None => {
            let names: Vec<&str> = state.unready.iter().map(String::as_str).collect();
            format!("starting: {}", names.join(", "))
        }
    }
}

/// Tells the manager that the configuration is read anew.
pub fn tell_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => {
            tell(&[NotifyState::Reloading, now]);
        }
        Err(error) => tracing::debug!(%error, "the monotonic clock cannot be read"),
    }
}

/// Tells the manager that the daemon ends.
pub fn tell_stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Returns whether it was heard. A manager that does not listen just now holds up nothing.
fn tell(words: &[NotifyState<'_>]) -> bool {
    let said = send(words);
    if let Err(error) = &said {
        tracing::debug!(%error, "the service manager does not hear");
    }
    said.is_ok()
}

fn send(words: &[NotifyState<'_>]) -> io::Result<()> {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    if words.is_empty() {
        return Ok(());
    }
    let text: String = words.iter().map(|word| format!("{word}\n")).collect();
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    match place.as_bytes().strip_prefix(b"@") {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(&place)?,
    }
    socket.send(text.as_bytes())?;
    Ok(())
}

/// Says that the loop this runs in goes on. Outside of one, nothing.
pub fn mark() {
    let _ = LOOP.try_with(|own| own.alive.store(true, Ordering::Relaxed));
}

/// Says that the loop has had a good turn, or what is wrong.
pub fn turn(problem: Option<&str>) {
    let _ = LOOP.try_with(|own| {
        let mut state = own.watchdog.state();
        let is_news = match problem {
            None => {
                let was = state.problems.remove(&own.name);
                state.unready.remove(&own.name) | was.is_some()
            }
            Some(problem) => {
                let was = state.problems.insert(own.name.clone(), problem.to_owned());
                was.as_deref() != Some(problem)
            }
        };
        drop(state);
        if is_news {
            own.watchdog.news.notify_one();
        }
    });
}

/// Says that the loop waits because it was told to, or must: it is ready, whatever is said of it.
pub fn stands_by() {
    let _ = LOOP.try_with(|own| {
        if own.watchdog.state().unready.remove(&own.name) {
            own.watchdog.news.notify_one();
        }
    });
}

/// Returns whether somebody waits to hear that this loop is ready.
pub fn is_awaited() -> bool {
    let awaited =
        |own: &Arc<Loop>| own.is_heard && own.watchdog.state().unready.contains(&own.name);
    LOOP.try_with(awaited).unwrap_or(false)
}

/// Awaits what ends by a limit of its own, and says meanwhile that the loop goes on.
pub async fn waiting<F: Future>(future: F) -> F::Output {
    mark();
    let sign_every = LOOP.try_with(|own| own.sign_every).ok().flatten();
    let Some(every) = sign_every else {
        return future.await;
    };
    let mut future = pin!(future);
    loop {
        let ended = timeout(every, future.as_mut()).await;
        mark();
        if let Ok(value) = ended {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_stays_of_a_run_that_has_ended() {
        let watchdog = Watchdog::default();
        let shared = Arc::downgrade(&watchdog.shared);
        let turns = async {
            mark();
            turn(None);
        };
        watchdog.watch("poll", turns).await;
        drop(watchdog);
        assert!(shared.upgrade().is_none(), "its state holds itself");
    }
}
