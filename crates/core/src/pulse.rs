//! A loop's sign of life: one log line when trouble begins, one when it is over, and a row in the database for `check`.

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::Store;

/// How often a loop that is well says so in the database.
const EVERY: TimeDelta = TimeDelta::seconds(30);

/// The sign of life of one loop.
#[derive(Debug)]
pub struct Pulse {
    name: String,
    problem: Option<String>,
    last_beat: Option<DateTime<Utc>>,
}

impl Pulse {
    /// Returns the pulse of the loop `name`.
    pub fn new(name: String) -> Pulse {
        Pulse {
            name,
            problem: None,
            last_beat: None,
        }
    }

    /// A turn went well.
    pub async fn good(&mut self, store: &Store, now: DateTime<Utc>) {
        let was = self.problem.take();
        if let Some(problem) = &was {
            tracing::info!(pulse = self.name, after = problem, "works again");
        }
        if was.is_some() || self.last_beat.is_none_or(|last| now - last >= EVERY) {
            self.beat(store, now).await;
        }
    }

    /// A turn met `problem`, in words the operator can act on.
    pub async fn bad(&mut self, store: &Store, problem: String, now: DateTime<Utc>) {
        let known = self.problem.as_ref() == Some(&problem);
        if !known {
            tracing::warn!(pulse = self.name, "{problem}");
            self.problem = Some(problem);
        }
        if !known || self.last_beat.is_none_or(|last| now - last >= EVERY) {
            self.beat(store, now).await;
        }
    }

    async fn beat(&mut self, store: &Store, now: DateTime<Utc>) {
        self.last_beat = Some(now);
        // With the database gone there is nobody to tell; the loop itself reports that.
        if let Err(error) = store.beat(&self.name, self.problem.as_deref(), now).await {
            tracing::debug!(pulse = self.name, %error, "the sign of life was not recorded");
        }
    }
}
