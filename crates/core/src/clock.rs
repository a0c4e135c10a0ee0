//! Time comes in from outside: [`SystemClock`] in the daemons, [`ManualClock`] in tests.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::domain::clock_agreement::Reading;

/// Both clocks are read as of one moment: if reading them took longer, the process was paused in between.
const ONE_MOMENT: Duration = Duration::from_millis(20);

/// Tells the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Returns the present instant, cut to microseconds: that is what both databases keep.
    fn now(&self) -> DateTime<Utc>;

    /// Returns what the wall clock and the monotonic clock show at one moment.
    fn reading(&self) -> Reading;

    /// Returns what a database's clock shows that says `said`. Only a test knows better.
    fn of_database(&self, said: DateTime<Utc>) -> DateTime<Utc> {
        said
    }
}

/// The machine's clocks: CLOCK_REALTIME, and CLOCK_MONOTONIC, which on Linux stands still while the machine is suspended.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }

    fn reading(&self) -> Reading {
        static BEGINNING: OnceLock<Instant> = OnceLock::new();
        let beginning = *BEGINNING.get_or_init(Instant::now);
        let mut tries = 0;
        loop {
            let before = beginning.elapsed();
            let wall = self.now();
            let after = beginning.elapsed();
            tries += 1;
            if after.saturating_sub(before) < ONE_MOMENT || tries == 10 {
                let steady = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
                return Reading { wall, steady };
            }
        }
    }
}

/// Returns how long the machine has been up, suspended or not: what [`Instant`] does not tell.
pub fn since_boot() -> Duration {
    let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(
        up.tv_sec.try_into().unwrap_or_default(),
        up.tv_nsec.try_into().unwrap_or_default(),
    )
}

/// Clocks that stand still until they are moved: the wall clock, the monotonic one, and the true time, which a database
/// keeps. Unless a test says otherwise all three move together.
#[derive(Debug)]
pub struct ManualClock(Mutex<Shown>);

#[derive(Debug, Clone, Copy)]
struct Shown {
    wall: DateTime<Utc>,
    steady: TimeDelta,
    truth: DateTime<Utc>,
    /// By how much a database's clock is ahead of the truth.
    database_ahead: TimeDelta,
}

impl ManualClock {
    /// Returns a clock that shows `at`.
    pub fn new(at: DateTime<Utc>) -> ManualClock {
        ManualClock(Mutex::new(Shown {
            wall: at.trunc_subsecs(6),
            steady: TimeDelta::zero(),
            truth: at.trunc_subsecs(6),
            database_ahead: TimeDelta::zero(),
        }))
    }

    /// Time passes until the wall clock shows `at`. No time passes backwards: for that see [`ManualClock::step`].
    pub fn set(&self, at: DateTime<Utc>) {
        let mut shown = self.shown();
        let by = at.trunc_subsecs(6) - shown.wall;
        shown.wall += by;
        shown.truth += by;
        shown.steady += by.max(TimeDelta::zero());
    }

    /// Time passes.
    pub fn advance(&self, by: TimeDelta) {
        let at = self.now() + by;
        self.set(at);
    }

    /// Somebody sets the wall clock forward or back.
    pub fn step(&self, by: TimeDelta) {
        self.shown().wall += by;
    }

    /// The machine is suspended for a time.
    pub fn suspend(&self, time: TimeDelta) {
        let mut shown = self.shown();
        shown.wall += time;
        shown.truth += time;
    }

    /// The database's clock is ahead of the truth by this from now on.
    pub fn set_database_ahead(&self, by: TimeDelta) {
        self.shown().database_ahead = by;
    }

    /// Returns what time it truly is.
    pub fn truth(&self) -> DateTime<Utc> {
        self.shown().truth
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.shown().wall
    }

    fn reading(&self) -> Reading {
        let shown = self.shown();
        Reading {
            wall: shown.wall,
            steady: shown.steady,
        }
    }

    fn of_database(&self, _said: DateTime<Utc>) -> DateTime<Utc> {
        let shown = self.shown();
        shown.truth + shown.database_ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_clocks_run_together() {
        let (first, up) = (SystemClock.reading(), since_boot());
        std::thread::sleep(Duration::from_millis(30));
        let second = SystemClock.reading();
        let (wall, steady) = (second.wall - first.wall, second.steady - first.steady);
        assert!(steady >= TimeDelta::milliseconds(30), "{steady}");
        assert!((wall - steady).abs() < TimeDelta::milliseconds(100));
        assert!(since_boot() - up >= Duration::from_millis(30));
    }

    #[test]
    fn a_step_moves_the_wall_alone_and_a_suspend_all_but_the_monotonic_clock() {
        let start = DateTime::UNIX_EPOCH + TimeDelta::days(9);
        let clock = ManualClock::new(start);
        let hour = TimeDelta::hours(1);
        let shows = |wall: i32, steady: i32, truth: i32| {
            let reading = Reading {
                wall: start + hour * wall,
                steady: hour * steady,
            };
            assert_eq!(
                (clock.reading(), clock.truth()),
                (reading, start + hour * truth)
            );
        };
        clock.advance(hour);
        shows(1, 1, 1);
        clock.suspend(hour);
        shows(2, 1, 2);
        clock.step(-hour * 5);
        shows(-3, 1, 2);
        clock.set(start);
        shows(0, 4, 5);
        clock.set_database_ahead(hour);
        assert_eq!(clock.of_database(start), start + hour * 6);
    }
}
