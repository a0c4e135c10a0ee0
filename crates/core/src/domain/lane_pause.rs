//! What to do when the provider refuses our mail as such: a verdict of spam, a rate limit, an account that is blocked.
//!
//! The whole lane waits, longer each time, in its order, and no letter has failed by it; an episode ends with the next
//! accepted letter. One letter that the provider never takes must not hold up the others for ever: once it was refused
//! three times, a letter to somebody else about something else goes first. Where that is accepted, the first is tried
//! right after it, and if it is refused again, that is its own affair.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

/// Minutes to wait after the first, second, … refusal of an episode; the last one repeats.
const PAUSES_MIN: [i64; 5] = [1, 5, 15, 30, 60];
/// Refusals of one letter in one episode after which others are tried before it.
const SUSPECT_AFTER: u32 = 3;

/// One lane of one mailbox, as far as refusals go.
#[derive(Debug, Default)]
pub struct LanePause {
    /// Refusals since a letter was last accepted.
    refusals: usize,
    /// Until when nothing is tried.
    until: Option<DateTime<Utc>>,
    /// How often each letter was refused in this episode.
    letters: BTreeMap<i64, u32>,
    /// Letters that were refused so often, while another has been accepted since.
    suspects: BTreeSet<i64>,
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No letter of the lane would fare better: nothing is tried until then.
    Pause(DateTime<Utc>),
    /// Others are accepted: it is this letter alone.
    Alone,
}

impl LanePause {
    /// Takes note that `letter` was refused at `now`, and returns what that means. `jitter` in -1.0..=1.0 moves the wait
    /// by up to ten per cent.
    pub fn refused(&mut self, letter: i64, jitter: f64, now: DateTime<Utc>) -> Refused {
        if self.suspects.remove(&letter) {
            return Refused::Alone;
        }
        let minutes = PAUSES_MIN[self.refusals.min(PAUSES_MIN.len() - 1)];
        self.refusals += 1;
        *self.letters.entry(letter).or_default() += 1;
        let wait_ms = minutes as f64 * 60_000.0 * (1.0 + jitter.clamp(-1.0, 1.0) / 10.0);
        let until = now + TimeDelta::milliseconds(wait_ms as i64);
        self.until = Some(until);
        Refused::Pause(until)
    }

    /// Takes note that `letter` was accepted: the episode, if there was one, is over.
    pub fn accepted(&mut self, letter: i64) {
        let often = self.passed_over();
        self.suspects.extend(often);
        self.suspects.remove(&letter);
        self.letters.clear();
        self.refusals = 0;
        self.until = None;
    }

    /// Returns whether the last letter was refused.
    pub fn is_on(&self) -> bool {
        self.refusals > 0
    }

    /// Returns until when nothing is tried, if that is later than `now`.
    pub fn waits(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let longest = TimeDelta::minutes(PAUSES_MIN[PAUSES_MIN.len() - 1] * 11 / 10);
        // A clock that was set back must not make the pause any longer.
        self.until
            .filter(|until| now < *until && *until - now <= longest)
    }

    /// Returns the letters before which one to somebody else is tried, if there is one.
    pub fn passed_over(&self) -> Vec<i64> {
        let often = self
            .letters
            .iter()
            .filter(|(_, times)| **times >= SUSPECT_AFTER);
        often.map(|(letter, _)| *letter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    /// Refuses a letter as soon as the pause before is over, and returns how many minutes the next one lasts.
    fn refuse(lane: &mut LanePause, letter: i64, now: &mut DateTime<Utc>) -> i64 {
        *now = lane.waits(*now).unwrap_or(*now);
        assert_eq!(lane.waits(*now), None, "a pause has an end");
        match lane.refused(letter, 0.0, *now) {
            Refused::Pause(until) => (until - *now).num_minutes(),
            Refused::Alone => 0,
        }
    }

    #[test]
    fn the_lane_waits_longer_each_time_and_begins_anew_after_an_accepted_letter() {
        let (mut lane, mut now) = (LanePause::default(), at(0));
        let pauses: Vec<i64> = (0..7).map(|_| refuse(&mut lane, 1, &mut now)).collect();
        assert_eq!(pauses, [1, 5, 15, 30, 60, 60, 60]);
        assert_eq!(
            lane.waits(now + TimeDelta::minutes(59)),
            Some(now + TimeDelta::minutes(60))
        );
        lane.accepted(1);
        assert_eq!(lane.waits(now), None);
        assert_eq!(refuse(&mut lane, 1, &mut now), 1);
    }

    #[test]
    fn a_pause_varies_by_a_tenth_and_no_clock_set_back_makes_it_longer() {
        let ends = |jitter| match LanePause::default().refused(1, jitter, at(0)) {
            Refused::Pause(until) => (until - at(0)).num_seconds(),
            Refused::Alone => 0,
        };
        assert_eq!(
            (ends(-1.0), ends(0.0), ends(1.0), ends(9.0)),
            (54, 60, 66, 66)
        );
        let mut lane = LanePause::default();
        lane.refused(1, 0.0, at(10_000));
        assert!(lane.waits(at(10_000)).is_some());
        assert_eq!(lane.waits(at(0)), None, "a week back");
    }

    #[test]
    fn a_letter_refused_three_times_lets_another_go_first() {
        let (mut lane, mut now) = (LanePause::default(), at(0));
        for times in 0..3 {
            assert_eq!(lane.passed_over(), [0; 0], "after {times} refusals");
            refuse(&mut lane, 7, &mut now);
        }
        assert_eq!(lane.passed_over(), [7]);
        // The other is refused as well: it is all of us.
        assert_eq!(refuse(&mut lane, 8, &mut now), 30);
        assert_eq!(lane.passed_over(), [7]);
        // The next other is taken. The first one is tried again before anything is said of it.
        lane.accepted(9);
        assert_eq!(lane.passed_over(), [0; 0]);
        assert_eq!(lane.refused(7, 0.0, now), Refused::Alone);
        assert_eq!(refuse(&mut lane, 7, &mut now), 1, "a new episode");
    }

    #[test]
    fn a_letter_that_is_taken_in_the_end_is_under_no_suspicion() {
        let (mut lane, mut now) = (LanePause::default(), at(0));
        for _ in 0..3 {
            refuse(&mut lane, 7, &mut now);
        }
        lane.accepted(8);
        lane.accepted(7);
        assert!(matches!(lane.refused(7, 0.0, now), Refused::Pause(_)));
    }
}
