//! Whether the time may be believed, for all loops of one daemon: reads the clocks and asks `domain::clock_agreement`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::domain::clock_agreement::{ClockAgreement, Heard, Verdict};
use crate::domain::gate::Gate;
use crate::domain::letter::Lane;
use crate::store::{Result, Store};

/// Looks at the clocks and remembers what they said.
#[derive(Debug)]
pub struct Timekeeper {
    clock: Arc<dyn Clock>,
    agreement: Mutex<ClockAgreement>,
}

/// The moment just before a database was asked for something, the time included.
#[derive(Debug, Clone, Copy)]
pub struct Asked(TimeDelta);

impl Timekeeper {
    /// Returns one that knows nothing yet; `has_database_clock` says whether the database has a clock of its own.
    pub fn new(clock: Arc<dyn Clock>, has_database_clock: bool) -> Timekeeper {
        Timekeeper {
            clock,
            agreement: Mutex::new(ClockAgreement::new(has_database_clock)),
        }
    }

    /// To be called just before the database is asked.
    pub fn ask(&self) -> Asked {
        Asked(self.clock.reading().steady)
    }

    /// Returns what `gate` says of `lane` by every clock, and by what the database just said of the time, if it did. What
    /// may leave at any hour asks for no time.
    pub fn gate(
        &self,
        lane: Lane,
        heard: Option<(Asked, DateTime<Utc>)>,
        gate: impl Fn(DateTime<Utc>) -> Gate,
    ) -> Gate {
        if lane.any_hour() {
            return Gate::Open;
        }
        let mut agreement = self.agreement();
        match self.judge(&mut agreement, heard) {
            Verdict::Believed(now) => now.gate(gate),
            Verdict::Doubted => Gate::Doubted,
        }
    }

    /// Looks at the clocks of this machine, and at the database's where there is a doubt to be raised or ended by it. Returns
    /// whether the time may be believed.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn look(&self, store: &Store) -> Result<bool> {
        {
            let mut agreement = self.agreement();
            let verdict = self.judge(&mut agreement, None);
            if !agreement.wants_database(self.clock.reading().steady) {
                return Ok(verdict != Verdict::Doubted);
            }
        }
        self.compare(store).await
    }

    /// Looks at all clocks. Returns whether the time may be believed.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn compare(&self, store: &Store) -> Result<bool> {
        let asked = self.ask();
        let said = store.clock().await?;
        let heard = said.map(|said| (asked, said));
        let mut agreement = self.agreement();
        Ok(self.judge(&mut agreement, heard) != Verdict::Doubted)
    }

    /// Returns whether the clock was set, or a machine's clock differs from the database's as far as that is known. Asks the
    /// clocks of this machine alone, so that any lane may.
    pub fn doubts(&self) -> bool {
        let mut agreement = self.agreement();
        self.judge(&mut agreement, None);
        agreement.problem().is_some()
    }

    /// Returns why the time is not believed, in words the operator can act on.
    pub fn problem(&self) -> Option<String> {
        self.agreement().problem()
    }

    /// Returns why the time is not believed to the first of all loops that asks: the operator is told once.
    pub fn take_news(&self) -> Option<String> {
        let mut agreement = self.agreement();
        let news = agreement.news();
        agreement.set_told(true);
        news
    }

    /// Takes note that the operator could not be told.
    pub fn give_news_back(&self) {
        self.agreement().set_told(false);
    }

    /// The clocks are read under the lock: no older reading is judged after a newer one.
    fn judge(
        &self,
        agreement: &mut ClockAgreement,
        heard: Option<(Asked, DateTime<Utc>)>,
    ) -> Verdict {
        let reading = self.clock.reading();
        let heard = heard.map(|(Asked(before), said)| Heard {
            said: self.clock.of_database(said),
            round_trip: (reading.steady - before).max(TimeDelta::zero()),
        });
        agreement.judge(reading, heard)
    }

    /// No code that could panic half-way runs under the lock.
    fn agreement(&self) -> MutexGuard<'_, ClockAgreement> {
        self.agreement
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
