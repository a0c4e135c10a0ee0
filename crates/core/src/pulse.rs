//! A loop's sign of life: one log line when trouble begins, one when it is over, and a row in the database for `health`.
//! Trouble that comes and goes is told every ten minutes, not at every turn.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::Store;
use crate::watchdog;

/// How often a loop that is well says so in the database.
const EVERY: TimeDelta = TimeDelta::seconds(30);

/// The same trouble is not told again so soon, whatever goes well in between.
const TELL_EVERY: TimeDelta = TimeDelta::minutes(10);
/// Different troubles that are told apart.
const TROUBLES: usize = 20;

/// The sign of life of one loop.
#[derive(Debug)]
pub struct Pulse {
    name: String,
    problem: Option<String>,
    /// What was told, and when.
    told: BTreeMap<String, DateTime<Utc>>,
    /// Whether the log says that something is wrong.
    is_told: bool,
    last_beat: Option<DateTime<Utc>>,
}

impl Pulse {
    /// Returns the pulse of the loop `name`.
    pub fn new(name: String) -> Pulse {
        Pulse {
            name,
            problem: None,
            told: BTreeMap::new(),
            is_told: false,
            last_beat: None,
        }
    }

    /// The next good turn is recorded at once: something waits for it.
    pub fn hurry(&mut self) {
        self.last_beat = None;
    }

    /// A turn went well.
    pub async fn good(&mut self, store: &Store, now: DateTime<Utc>) {
        watchdog::turn(None);
        let was = self.problem.take();
        if let Some(problem) = &was
            && std::mem::take(&mut self.is_told)
        {
            tracing::info!(pulse = self.name, after = problem, "works again");
        }
        if was.is_some() || self.is_time(now) {
            self.beat(store, now).await;
        }
    }

    /// A turn met `problem`, in words the operator can act on.
    pub async fn bad(&mut self, store: &Store, problem: String, now: DateTime<Utc>) {
        watchdog::turn(Some(&problem));
        if self.is_news(&problem, now) {
            tracing::warn!(pulse = self.name, "{problem}");
            self.is_told = true;
        }
        let known = self.problem.as_ref() == Some(&problem);
        self.problem = Some(problem);
        if !known || self.is_time(now) {
            self.beat(store, now).await;
        }
    }

    /// Returns whether to say so again: also after the clock was set back.
    fn is_time(&self, now: DateTime<Utc>) -> bool {
        self.last_beat
            .is_none_or(|last| (now - last).abs() >= EVERY)
    }

    /// Returns whether a trouble is to be told: not while it lasts, nor soon after it was told.
    fn is_news(&mut self, problem: &str, now: DateTime<Utc>) -> bool {
        if self.problem.as_deref() == Some(problem)
            || self
                .told
                .get(problem)
                .is_some_and(|told| (now - *told).abs() < TELL_EVERY)
        {
            return false;
        }
        self.told.retain(|_, told| (now - *told).abs() < TELL_EVERY);
        // So many at once are noise: the row in the database has the latest.
        if self.told.len() >= TROUBLES {
            return false;
        }
        self.told.insert(problem.to_owned(), now);
        true
    }

    async fn beat(&mut self, store: &Store, now: DateTime<Utc>) {
        self.last_beat = Some(now);
        // With the database gone there is nobody to tell; the loop itself reports that.
        if let Err(error) = store.beat(&self.name, self.problem.as_deref(), now).await {
            tracing::debug!(pulse = self.name, %error, "the sign of life was not recorded");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_and_again_after_a_while() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let mut pulse = Pulse::new("poll:x".to_owned());
        let mut tell = |problem: Option<&str>, seconds| {
            let told = problem.is_some_and(|problem| pulse.is_news(problem, at(seconds)));
            pulse.problem = problem.map(str::to_owned);
            told
        };
        assert!(tell(Some("refused"), 0));
        // While it lasts, also in other words, and back.
        assert!(!tell(Some("refused"), 3600));
        assert!(tell(Some("timeout"), 3601));
        assert!(tell(Some("refused"), 3602), "it was told an hour ago");
        for second in 3603..3700 {
            let problem = if second % 2 == 0 {
                "timeout"
            } else {
                "refused"
            };
            assert!(!tell(Some(problem), second), "{second}");
        }
        // It comes and goes.
        for second in 3700..4200 {
            assert!(!tell(None, second));
            assert!(!tell(Some("timeout"), second), "{second}");
        }
        assert!(!tell(None, 4202));
        assert!(tell(Some("timeout"), 4202));
        // Ever other words.
        let told = (0..1000).filter(|n| tell(Some(&format!("{n}")), 9000 + n));
        assert_eq!(told.count(), 20 + 20);
    }
}
