//! How soon a mailbox is tried again: later after each failure, never at the very moment that others try, and never so often
//! that a provider locks the account.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The pause after the first failure, and the longest; each is twice the one before.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Minutes after the first, second, … refused login; the last repeats. Providers count refusals.
const REFUSED_MIN: [u64; 6] = [1, 2, 4, 8, 16, 30];
/// At most so many logins in so long, whatever becomes of them: a server that hangs up on us is not to be besieged.
const LOGINS: (usize, Duration) = (30, Duration::from_secs(600));

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The name, the password or the application was refused, or cannot be sent.
    LoginRefused,
    /// Anything else.
    Trouble,
}

/// The pace of one mailbox.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    troubles: u32,
    refusals: usize,
    logins: VecDeque<Instant>,
}

impl Pace {
    /// Everything went well: the next failure is a first one.
    pub(crate) fn good(&mut self) {
        self.troubles = 0;
        self.refusals = 0;
    }

    /// Returns how long to wait after a failure. `jitter` in -1.0..=1.0 moves it by up to ten per cent either way.
    pub(crate) fn failed(&mut self, failure: Failure, jitter: f64) -> Duration {
        let wait = match failure {
            Failure::LoginRefused => {
                let minutes = REFUSED_MIN[self.refusals.min(REFUSED_MIN.len() - 1)];
                self.refusals += 1;
                Duration::from_secs(60 * minutes)
            }
            Failure::Trouble => {
                let wait = PAUSE.0 * 2_u32.pow(self.troubles.min(10));
                self.troubles = self.troubles.saturating_add(1);
                wait.min(PAUSE.1)
            }
        };
        wait.mul_f64(1.0 + jitter.clamp(-1.0, 1.0) / 10.0)
    }

    /// Notes a login at `now`, and returns how long to wait before it.
    pub(crate) fn login(&mut self, now: Instant) -> Duration {
        let (most, within) = LOGINS;
        while self
            .logins
            .front()
            .is_some_and(|at| now.duration_since(*at) >= within)
        {
            self.logins.pop_front();
        }
        let wait = match self.logins.front() {
            Some(first) if self.logins.len() >= most => within - now.duration_since(*first),
            _ => Duration::ZERO,
        };
        if !wait.is_zero() {
            self.logins.pop_front();
        }
        self.logins.push_back(now + wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_begin_anew_when_all_is_well() {
        let mut pace = Pace::default();
        let seconds = |pace: &mut Pace, failure| pace.failed(failure, 0.0).as_secs();
        let waits: Vec<u64> = (0..8)
            .map(|_| seconds(&mut pace, Failure::Trouble))
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        let waits: Vec<u64> = (0..7)
            .map(|_| seconds(&mut pace, Failure::LoginRefused) / 60)
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        pace.good();
        assert_eq!(seconds(&mut pace, Failure::Trouble), 1);
        assert_eq!(seconds(&mut pace, Failure::LoginRefused), 60);
        let mut pace = Pace::default();
        assert_eq!(pace.failed(Failure::LoginRefused, -1.0).as_secs(), 54);
        pace.good();
        assert_eq!(pace.failed(Failure::LoginRefused, 1.0).as_secs(), 66);
    }

    #[test]
    fn logins_have_a_ceiling() {
        let mut pace = Pace::default();
        let mut now = Instant::now();
        let begun = now;
        let mut waited = 0;
        for _ in 0..200 {
            let wait = pace.login(now);
            waited += usize::from(!wait.is_zero());
            now += wait + Duration::from_secs(1);
        }
        // A login a second is one too many after the thirtieth.
        assert!(waited > 0);
        let rate = 200.0 / (now - begun).as_secs_f64() * 600.0;
        assert!(rate <= 36.0, "{rate}");
        // One every half minute is never held.
        let mut pace = Pace::default();
        for step in 0..100 {
            assert!(pace.login(begun + Duration::from_secs(30 * step)).is_zero());
        }
    }
}
