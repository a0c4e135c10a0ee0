//! May the time be believed? Letters that keep business hours go only by a time that three clocks agree about: the wall
//! clock, the monotonic clock, and where there is one that of the database (rule R22).
//!
//! The monotonic clock knows no time of day, but it runs evenly and nobody can set it: the distance between wall clock and
//! monotonic clock changes only where the wall clock was set, or where the machine was suspended, which stops the one and
//! not the other. That distance is followed from look to look, no faster than clocks are slowed or hastened on purpose;
//! what changes faster adds up, over how many looks ever, until it is more than [`TOLERANCE`].
//!
//! ```text
//!                 more than 2 s apart
//!   Believed ---------------------------> Doubted
//!       ^                                  |  ^  |
//!       |    agreed for PROBATION          |  |  | apart again: from the beginning
//!       +----------------------------------+  +--+
//! ```
//!
//! A time that is believed is a span, from what the slowest of the clocks says to what the fastest says: the desk is open
//! only if it is open at both ends.

use chrono::{DateTime, TimeDelta, Utc};

use super::gate::Gate;

/// How far apart the clocks may be.
pub const TOLERANCE: TimeDelta = TimeDelta::seconds(2);
/// For how long they must have agreed before a new time is believed.
pub const PROBATION: TimeDelta = TimeDelta::minutes(5);
/// An answer of the database that took longer says too little of the present: it is asked again.
const LONGEST_ROUND_TRIP: TimeDelta = TimeDelta::seconds(10);
/// How often the database is asked while the time is doubted.
const ASK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// The part of a second by which a wall clock may gain or lose in a second: 500 in a million, as adjtime(3) does. On Linux
/// it slows or hastens the monotonic clock as well, and the distance stays.
const SLEW: i32 = 2000;
/// A time between two looks that counts at most: a long one must not excuse a step.
const BETWEEN_LOOKS: TimeDelta = TimeDelta::minutes(1);

/// The clocks of this machine at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock.
    pub wall: DateTime<Utc>,
    /// The monotonic clock: the time since some beginning. It stands still while the machine is suspended.
    pub steady: TimeDelta,
}

/// What the database said of the time, just before a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Its clock at some moment between question and reading.
    pub said: DateTime<Utc>,
    /// How long before the reading the question was put.
    pub round_trip: TimeDelta,
}

/// It is now no earlier and no later than this, by any of the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// By the slowest.
    pub earliest: DateTime<Utc>,
    /// By the fastest.
    pub latest: DateTime<Utc>,
}

/// What to make of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is this time.
    Believed(Now),
    /// Nobody knows what time it is.
    Doubted,
}

/// Which clocks were apart, and by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apart {
    /// The wall clock moved by this while the monotonic one did not.
    WallMoved(TimeDelta),
    /// The database's clock is ahead by this.
    DatabaseAhead(TimeDelta),
}

/// A doubt, from the first disagreement to belief in a new time.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    /// What began it.
    by: Apart,
    /// Since when the clocks have agreed, by the monotonic one.
    agreed_since: TimeDelta,
    /// Whether it was told.
    told: bool,
}

/// Remembers what the clocks said.
#[derive(Debug)]
pub struct ClockAgreement {
    /// Whether the database has a clock of its own.
    has_database: bool,
    /// The distance from the monotonic to the wall clock as it was followed, and the latest reading's monotonic clock.
    followed: Option<(TimeDelta, TimeDelta)>,
    /// When the database was last asked, and when it last agreed.
    asked: Option<TimeDelta>,
    agreed: Option<TimeDelta>,
    doubt: Option<Doubt>,
}

impl Now {
    /// Returns what the gate says by every clock: closed if it is closed by one.
    pub fn gate(self, asked: impl Fn(DateTime<Utc>) -> Gate) -> Gate {
        match asked(self.earliest) {
            Gate::Open => asked(self.latest),
            closed => closed,
        }
    }
}

impl ClockAgreement {
    /// Returns what is known at the start: nothing. Where the database has a clock, no time is believed before that was
    /// compared; where it has none, a clock that is wrong already cannot be noticed.
    pub fn new(has_database: bool) -> ClockAgreement {
        ClockAgreement {
            has_database,
            followed: None,
            asked: None,
            agreed: None,
            doubt: None,
        }
    }

    /// Judges a reading, and what the database said just before it if it was asked.
    pub fn judge(&mut self, reading: Reading, heard: Option<Heard>) -> Verdict {
        let steady = self.follow(reading);
        if let Some(heard) = heard {
            self.compare(reading, heard);
        }
        let is_old = heard.is_some_and(|heard| heard.round_trip > LONGEST_ROUND_TRIP);
        if self.is_doubted(reading.steady) || is_old {
            return Verdict::Doubted;
        }
        let (said, by_now) = heard.map_or((reading.wall, reading.wall), |heard| {
            (heard.said, heard.said + heard.round_trip)
        });
        Verdict::Believed(Now {
            earliest: reading.wall.min(steady).min(said),
            latest: reading.wall.max(steady).max(by_now),
        })
    }

    /// Returns whether the database is to be asked by itself: letters that leave ask it anyway.
    pub fn wants_database(&self, steady: TimeDelta) -> bool {
        let lately = self.asked.is_some_and(|asked| steady - asked < ASK_EVERY);
        self.has_database && (self.agreed.is_none() || self.doubt.is_some()) && !lately
    }

    /// Returns why the time is doubted, in the operator's words, which stay the same from a doubt's beginning to its end.
    pub fn problem(&self) -> Option<String> {
        let how = match self.doubt?.by {
            Apart::WallMoved(by) => format!(
                "the clock was set {} by {}, or the machine was suspended",
                if by > TimeDelta::zero() {
                    "forward"
                } else {
                    "back"
                },
                words(by)
            ),
            Apart::DatabaseAhead(by) => format!(
                "the clock differs from the database's, which is {} {}",
                words(by),
                if by > TimeDelta::zero() {
                    "ahead"
                } else {
                    "behind"
                }
            ),
        };
        Some(format!(
            "{how}: what keeps business hours waits until the clocks have agreed for {} minutes",
            PROBATION.num_minutes()
        ))
    }

    /// Returns why the time is doubted if that was not told yet.
    pub fn news(&self) -> Option<String> {
        self.doubt.filter(|doubt| !doubt.told)?;
        self.problem()
    }

    /// Takes note whether it was told.
    pub fn set_told(&mut self, told: bool) {
        if let Some(doubt) = &mut self.doubt {
            doubt.told = told;
        }
    }

    /// Follows the distance between the clocks, and returns the time by the monotonic one.
    fn follow(&mut self, reading: Reading) -> DateTime<Utc> {
        let distance = reading.wall - DateTime::UNIX_EPOCH - reading.steady;
        let (followed, before) = self.followed.unwrap_or((distance, reading.steady));
        let passed = (reading.steady - before).clamp(TimeDelta::zero(), BETWEEN_LOOKS);
        let slack = passed / SLEW;
        let mut followed = followed + (distance - followed).clamp(-slack, slack);
        let moved = distance - followed;
        if moved.abs() > TOLERANCE {
            self.is_apart(Apart::WallMoved(moved), reading.steady);
            // The database agreed with the clock that was.
            self.agreed = None;
            followed = distance;
        }
        self.followed = Some((followed, before.max(reading.steady)));
        DateTime::UNIX_EPOCH + reading.steady + followed
    }

    /// Compares with the database's clock, which by now shows what it said or up to a round trip more: the clocks are
    /// apart only if they certainly are.
    fn compare(&mut self, reading: Reading, heard: Heard) {
        self.asked = Some(reading.steady);
        let least = heard.said - reading.wall;
        let most = least + heard.round_trip;
        if least > TOLERANCE || most < -TOLERANCE {
            self.is_apart(Apart::DatabaseAhead(least), reading.steady);
            self.agreed = None;
        } else {
            self.agreed = Some(reading.steady);
        }
    }

    fn is_apart(&mut self, by: Apart, steady: TimeDelta) {
        let doubt = self.doubt.get_or_insert(Doubt {
            by,
            agreed_since: steady,
            told: false,
        });
        doubt.agreed_since = steady;
    }

    fn is_doubted(&mut self, steady: TimeDelta) -> bool {
        let agreed_at_least = self.doubt.map(|doubt| doubt.agreed_since + PROBATION);
        let is_over = agreed_at_least.is_none_or(|end| steady >= end);
        // The database too must have agreed at the end of the five minutes.
        let agrees = !self.has_database
            || self
                .agreed
                .is_some_and(|agreed| agreed_at_least.is_none_or(|end| agreed >= end));
        if is_over && agrees {
            self.doubt = None;
        }
        !(is_over && agrees)
    }
}

/// A span of time as an operator reads it, rounded.
fn words(by: TimeDelta) -> String {
    let ms = by.abs().num_milliseconds();
    match ms {
        ..120_000 => format!("{} s", (ms + 500) / 1000),
        120_000..7_200_000 => format!("{} min", (ms + 30_000) / 60_000),
        _ => format!("{} h", (ms + 1_800_000) / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine's clocks, the database's, and what is remembered of them.
    struct Clocks {
        wall: DateTime<Utc>,
        steady: TimeDelta,
        database: DateTime<Utc>,
        agreement: ClockAgreement,
    }

    fn ms(milliseconds: i64) -> TimeDelta {
        TimeDelta::milliseconds(milliseconds)
    }

    impl Clocks {
        fn new(has_database: bool) -> Clocks {
            let wall = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
            Clocks {
                wall,
                steady: TimeDelta::hours(7),
                database: wall,
                agreement: ClockAgreement::new(has_database),
            }
        }

        /// Time passes; the wall clock gains `ppm` parts in a million.
        fn pass(&mut self, time: TimeDelta, ppm: i32) {
            self.steady += time;
            self.database += time;
            self.wall += time + time * ppm / 1_000_000;
        }

        fn look(&mut self) -> Verdict {
            let reading = Reading {
                wall: self.wall,
                steady: self.steady,
            };
            self.agreement.judge(reading, None)
        }

        /// The database answers half-way through a round trip.
        fn ask(&mut self, round_trip: TimeDelta) -> Verdict {
            let said = self.database + round_trip / 2;
            self.pass(round_trip, 0);
            let reading = Reading {
                wall: self.wall,
                steady: self.steady,
            };
            self.agreement
                .judge(reading, Some(Heard { said, round_trip }))
        }

        /// Looks every 400 ms, asks the database when that is wanted, and returns after how long the time is believed.
        fn until_believed(&mut self) -> TimeDelta {
            let begun = self.steady;
            loop {
                let verdict = if self.agreement.wants_database(self.steady) {
                    self.ask(ms(2))
                } else {
                    self.look()
                };
                if verdict != Verdict::Doubted {
                    return self.steady - begun;
                }
                assert!(self.steady - begun < TimeDelta::hours(1), "for ever");
                self.pass(ms(400), 0);
            }
        }
    }

    fn span(verdict: Verdict) -> TimeDelta {
        match verdict {
            Verdict::Believed(now) => now.latest - now.earliest,
            Verdict::Doubted => TimeDelta::MAX,
        }
    }

    #[test]
    fn clocks_that_agree_are_believed_for_a_year() {
        for has_database in [false, true] {
            let mut clocks = Clocks::new(has_database);
            assert_eq!(
                clocks.until_believed(),
                if has_database { ms(2) } else { ms(0) }
            );
            for minute in 0..365 * 24 * 60 {
                clocks.pass(TimeDelta::minutes(1), 0);
                assert_eq!(span(clocks.look()), ms(0), "minute {minute}");
            }
        }
    }

    #[test]
    fn a_step_or_a_suspend_is_doubted_at_once_and_believed_after_five_minutes() {
        for has_database in [false, true] {
            for by in [
                3_000,
                -3_000,
                3_600_000,
                -3_600_000,
                86_400_000,
                -86_400_000,
            ] {
                let mut clocks = Clocks::new(has_database);
                clocks.until_believed();
                clocks.wall += ms(by);
                // The database is right by the new time: it was the old one that was wrong, or all were suspended.
                clocks.database += ms(by);
                clocks.pass(ms(400), 0);
                assert_eq!(clocks.look(), Verdict::Doubted, "{by}");
                assert!(
                    clocks
                        .agreement
                        .problem()
                        .is_some_and(|problem| problem.contains("clock was set"))
                );
                let after = clocks.until_believed();
                assert!(
                    PROBATION <= after && after < PROBATION + TimeDelta::seconds(6),
                    "{by}: {after}"
                );
                assert_eq!(clocks.agreement.problem(), None);
            }
        }
    }

    #[test]
    fn an_answer_that_took_long_says_nothing_and_raises_no_doubt() {
        let mut clocks = Clocks::new(true);
        clocks.until_believed();
        assert_eq!(span(clocks.ask(LONGEST_ROUND_TRIP)), LONGEST_ROUND_TRIP);
        assert_eq!(clocks.ask(TimeDelta::hours(17)), Verdict::Doubted);
        assert_eq!(clocks.agreement.problem(), None);
        assert_eq!(
            span(clocks.ask(ms(2))),
            ms(2),
            "the next answer is as good as ever"
        );
    }

    #[test]
    fn a_step_within_the_tolerance_widens_the_span_to_both_times() {
        for by in [1_000, -1_000, 2_000, -2_000] {
            let mut clocks = Clocks::new(false);
            clocks.until_believed();
            let right = clocks.wall;
            clocks.wall += ms(by);
            let Verdict::Believed(now) = clocks.look() else {
                panic!("{by} ms are tolerated");
            };
            assert!(
                now.earliest == right.min(clocks.wall) && now.latest == right.max(clocks.wall),
                "{by}: {now:?}"
            );
            // It narrows as a slew would: by half a millisecond a second.
            for _ in 0..2_500 {
                clocks.pass(ms(400), 0);
                clocks.look();
            }
            assert_eq!(span(clocks.look()), ms(by.abs() - 500), "{by}");
        }
    }

    #[test]
    fn a_slew_is_no_step_however_long_and_hides_none() {
        for ppm in [500, -500, 20] {
            let mut clocks = Clocks::new(false);
            for _ in 0..1_000_000 {
                clocks.pass(ms(400), ppm);
                assert_ne!(clocks.look(), Verdict::Doubted, "{ppm}");
            }
            clocks.wall += ms(2_001);
            assert_eq!(clocks.look(), Verdict::Doubted, "{ppm}");
        }
        // Small steps add up, and so does a clock that runs much too fast.
        let mut clocks = Clocks::new(false);
        clocks.until_believed();
        for step in 1..=3 {
            clocks.wall += ms(1_000);
            clocks.pass(TimeDelta::minutes(1), 0);
            assert_eq!(clocks.look() == Verdict::Doubted, step == 3, "{step}");
        }
        let mut clocks = Clocks::new(false);
        let looks = (0..10_000).take_while(|_| {
            clocks.pass(ms(400), 5_000);
            clocks.look() != Verdict::Doubted
        });
        let looks = looks.count();
        assert!((1_000..1_200).contains(&looks), "{looks}");
    }

    #[test]
    fn a_long_time_without_a_look_excuses_no_step() {
        let mut clocks = Clocks::new(false);
        clocks.until_believed();
        clocks.pass(TimeDelta::days(3), 0);
        assert_eq!(
            span(clocks.look()),
            ms(0),
            "a paused process, on a machine that was not"
        );
        clocks.pass(TimeDelta::days(3), 0);
        clocks.wall += ms(2_100);
        assert_eq!(clocks.look(), Verdict::Doubted);
    }

    #[test]
    fn a_database_that_differs_is_noticed_at_the_start_and_at_every_answer() {
        for ahead in [600_000, -600_000, 2_100, -2_100] {
            let mut clocks = Clocks::new(true);
            assert_eq!(clocks.look(), Verdict::Doubted, "nothing is known");
            assert_eq!(
                clocks.agreement.problem(),
                None,
                "and nothing to be told of"
            );
            clocks.database += ms(ahead);
            assert_eq!(clocks.ask(ms(2)), Verdict::Doubted, "{ahead}");
            let problem = clocks.agreement.problem().expect("a doubt");
            assert!(problem.contains("differs from the database's"), "{problem}");
            for _ in 0..1_000 {
                clocks.pass(TimeDelta::seconds(5), 0);
                assert!(clocks.agreement.wants_database(clocks.steady));
                assert_eq!(clocks.ask(ms(2)), Verdict::Doubted, "{ahead}");
            }
            clocks.database -= ms(ahead);
            clocks.pass(TimeDelta::seconds(5), 0);
            assert!(
                clocks.until_believed() >= PROBATION - TimeDelta::seconds(5),
                "{ahead}"
            );
            assert!(
                !clocks.agreement.wants_database(clocks.steady),
                "an idle desk asks for nothing"
            );
            // Later, at a letter.
            clocks.database += ms(ahead);
            assert_eq!(clocks.ask(ms(2)), Verdict::Doubted, "{ahead}");
        }
    }

    #[test]
    fn a_slow_answer_is_no_difference_and_widens_the_span() {
        let mut clocks = Clocks::new(true);
        assert_eq!(
            span(clocks.ask(TimeDelta::seconds(10))),
            TimeDelta::seconds(10)
        );
        assert!(span(clocks.ask(ms(2))) <= ms(2));
        clocks.database += ms(1_500);
        let Verdict::Believed(now) = clocks.ask(ms(2)) else {
            panic!("1.5 s are tolerated");
        };
        assert!(now.earliest == clocks.wall && now.latest >= clocks.database);
        // Ten minutes are noticed all the same.
        clocks.database += TimeDelta::minutes(10);
        assert_eq!(clocks.ask(TimeDelta::seconds(10)), Verdict::Doubted);
    }

    #[test]
    fn the_five_minutes_begin_anew_with_every_disagreement_and_are_one_doubt() {
        let mut clocks = Clocks::new(true);
        clocks.until_believed();
        clocks.wall += TimeDelta::hours(1);
        clocks.look();
        let told = clocks.agreement.news().expect("a doubt");
        assert_eq!(
            clocks.agreement.news().as_ref(),
            Some(&told),
            "until it was told"
        );
        clocks.agreement.set_told(true);
        assert_eq!(clocks.agreement.news(), None, "told once");
        // The database does not agree with the new time: for an hour it goes on.
        for _ in 0..720 {
            clocks.pass(TimeDelta::seconds(5), 0);
            assert_eq!(clocks.ask(ms(2)), Verdict::Doubted);
        }
        // It is set right: a step as well.
        clocks.wall -= TimeDelta::hours(1);
        assert_eq!(clocks.look(), Verdict::Doubted);
        assert_eq!(clocks.agreement.problem(), Some(told), "the same words");
        assert_eq!(clocks.agreement.news(), None);
        assert!(clocks.until_believed() >= PROBATION);
        // A database that says nothing ends no doubt.
        clocks.wall += TimeDelta::hours(1);
        for _ in 0..1_000 {
            clocks.pass(TimeDelta::seconds(5), 0);
            assert_eq!(clocks.look(), Verdict::Doubted);
        }
        assert!(clocks.agreement.news().is_some(), "another doubt");
    }

    #[test]
    fn spans_are_rounded() {
        let spans = [2_001, -119_400, 599_998, -600_100, 54_000_000, -86_399_000];
        let read = ["2 s", "119 s", "10 min", "10 min", "15 h", "24 h"];
        assert_eq!(spans.map(|by| words(ms(by))), read);
    }

    #[test]
    fn the_desk_is_open_only_by_every_clock() {
        let second = |n| DateTime::UNIX_EPOCH + TimeDelta::seconds(n);
        let asked = |at: DateTime<Utc>| match (10..20).contains(&at.timestamp()) {
            true => Gate::Open,
            false => Gate::ClosedUntil(second(110)),
        };
        let gate = |earliest, latest| {
            let now = Now {
                earliest: second(earliest),
                latest: second(latest),
            };
            now.gate(asked) == Gate::Open
        };
        assert!(gate(10, 10) && gate(12, 19));
        assert!(!gate(9, 10) && !gate(19, 20) && !gate(20, 21) && !gate(8, 9));
    }
}
