//! Two years of a worker's decisions, a letter a minute, beside an oracle that knows Moscow's hours from the calendar file
//! alone: nothing that keeps business hours is begun or finished outside them (promise P10, fault test C06).

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::calendar::{Calendar, Exceptions, ProductionCalendar, Week};
use super::clock_agreement::{ClockAgreement, PROBATION, Reading, TOLERANCE, Verdict};
use super::gate::{Gate, MARGIN, first_minute, may_begin, may_finish};
use super::letter::Lane;
use super::retry::next_attempt;
use crate::random::Random;

const FILE: &str = include_str!("calendar/ru-production-calendar.csv");

/// What is known of hours without our own code: nine to six on weekdays, the file's exceptions, UTC+3.
struct Oracle {
    /// The minute at which a date closes, where it is not as its weekday says; nothing if it is closed.
    closes: BTreeMap<String, u32>,
}

impl Oracle {
    fn new() -> Oracle {
        // The file ends with 2027: of the days after it the law says these.
        let after = (1..=8).map(|day| (format!("2028-01-{day:02}"), 0));
        let mut closes: BTreeMap<String, u32> = after.collect();
        for line in FILE.lines().skip(1) {
            let mut cells = line.split(',');
            let (date, kind) = (cells.next().expect("a date"), cells.next().expect("a kind"));
            let earlier = closes.get(date).copied();
            let minute = match kind {
                "holiday" | "transferred_day_off" => 0,
                "working_weekend" => earlier.unwrap_or(18 * 60),
                "shortened" => 17 * 60,
                _ => unreachable!("{line}"),
            };
            closes.insert(date.to_owned(), minute);
        }
        Oracle { closes }
    }

    fn is_open(&self, at: DateTime<Utc>) -> bool {
        let moscow = at + TimeDelta::hours(3);
        let date = moscow.format("%Y-%m-%d").to_string();
        let by_week = if moscow.weekday().num_days_from_monday() < 5 {
            18 * 60
        } else {
            0
        };
        let closes = self.closes.get(&date).copied().unwrap_or(by_week);
        let minute = moscow.hour() * 60 + moscow.minute();
        (9 * 60..closes).contains(&minute)
    }

    /// The first open instant at or after `at`, looked for minute by minute.
    fn opening(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        if self.is_open(at) {
            return at;
        }
        let minute = at.timestamp().div_euclid(60) + 1;
        (minute..)
            .map(|minute| DateTime::from_timestamp(minute * 60, 0).expect("in range"))
            .find(|at| self.is_open(*at))
            .expect("it opens again")
    }
}

fn calendar() -> Calendar {
    let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
    let ru = Some(ProductionCalendar::ru());
    Calendar::new(Tz::Europe__Moscow, week, ru, Exceptions::default(), true).expect("a calendar")
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a time").to_utc()
}

/// Every minute of two years.
fn minutes() -> impl Iterator<Item = DateTime<Utc>> {
    let first = at("2026-01-01T00:00:00+03:00");
    let last = at("2028-01-01T00:00:00+03:00");
    (0..(last - first).num_minutes()).map(move |minute| first + TimeDelta::minutes(minute))
}

#[test]
fn a_letter_a_minute_leaves_in_hours_and_at_the_first_minute_of_them() {
    let (oracle, calendar, mut random) = (Oracle::new(), calendar(), Random(2026));
    let lane = Lane::Worker;
    // Openings are looked for once: the oracle is slow.
    let mut opening = at("2026-01-01T00:00:00+03:00");
    let (mut begun, mut broken_off, mut retried) = (0_u64, 0_u64, 0_u64);
    for written in minutes() {
        if opening <= written {
            opening = oracle.opening(written);
        }
        let mut now = first_minute(lane, &calendar, written);
        assert_eq!(now, opening, "a letter of {written}");
        // The worker looks every 400 ms, or is busy with others for a while, and a conversation takes up to a minute.
        let mut attempts = 0;
        let busy_ms = if random.one_in(3) { 40_000 } else { 400 };
        loop {
            now += TimeDelta::milliseconds(random.below(busy_ms) as i64);
            if let Gate::ClosedUntil(until) = may_begin(lane, &calendar, now) {
                assert!(
                    !oracle.is_open(now) || !oracle.is_open(now + MARGIN),
                    "{now}"
                );
                assert!(until > now && oracle.is_open(until), "{now} {until}");
                now = until;
                continue;
            }
            assert!(
                oracle.is_open(now) && oracle.is_open(now + MARGIN),
                "begun at {now}"
            );
            begun += 1;
            attempts += 1;
            now += TimeDelta::milliseconds(random.below(60_000) as i64);
            match may_finish(lane, &calendar, now) {
                Gate::Open if random.one_in(20) && attempts < 9 => {
                    retried += 1;
                    let jitter = random.below(2001) as f64 / 1000.0 - 1.0;
                    let next = next_attempt(lane, &calendar, written, attempts, jitter, now);
                    // After five days of trying it has failed.
                    let Some(next) = next else { break };
                    assert!(next > now && oracle.is_open(next), "{now} {next}");
                    now = next;
                }
                Gate::Open => {
                    assert!(oracle.is_open(now), "finished at {now}");
                    break;
                }
                Gate::ClosedUntil(until) => {
                    assert!(
                        !oracle.is_open(now) && oracle.is_open(until),
                        "{now} {until}"
                    );
                    broken_off += 1;
                    now = until;
                }
                Gate::Doubted => unreachable!("no clock was asked"),
            }
        }
    }
    assert!(
        begun > 1_051_200 && broken_off > 20 && retried > 10_000,
        "{begun} {broken_off} {retried}"
    );
}

#[test]
fn a_retry_made_in_the_last_tenth_of_a_second_waits_for_the_next_opening() {
    let (oracle, calendar) = (Oracle::new(), calendar());
    let mut closings = 0;
    let mut before = false;
    for minute in minutes() {
        let is_open = oracle.is_open(minute);
        if before && !is_open {
            closings += 1;
            let now = minute - TimeDelta::milliseconds(100);
            let opening = oracle.opening(minute);
            for attempts in 1..10 {
                for jitter in [-1.0, 0.0, 1.0] {
                    let next = next_attempt(Lane::Worker, &calendar, now, attempts, jitter, now);
                    assert_eq!(next, Some(opening), "{now} after {attempts} attempts");
                }
            }
            assert_eq!(
                may_begin(Lane::Worker, &calendar, now),
                Gate::ClosedUntil(opening)
            );
            assert_eq!(may_finish(Lane::Worker, &calendar, now), Gate::Open);
            assert_eq!(
                may_finish(Lane::Worker, &calendar, minute),
                Gate::ClosedUntil(opening)
            );
        }
        before = is_open;
    }
    assert_eq!(closings, 2 * 247, "each working day closes once");
}

/// Looks of a worker: every minute, and every 300 ms from half a minute before each edge of the hours to half a minute after.
fn looks(oracle: &Oracle) -> impl Iterator<Item = DateTime<Utc>> {
    let mut before = false;
    minutes().flat_map(move |minute| {
        let is_open = oracle.is_open(minute);
        let is_edge = std::mem::replace(&mut before, is_open) != is_open;
        let around = if is_edge { -100..100 } else { 0..1 };
        around.map(move |look| minute + TimeDelta::milliseconds(300 * look))
    })
}

#[test]
fn a_clock_that_is_set_stops_what_keeps_hours_until_it_has_agreed() {
    /// A clock is set by so many milliseconds.
    const STEPS_MS: [i64; 10] = [
        1000,
        -1000,
        1900,
        -1900,
        3000,
        -3000,
        3_600_000,
        -3_600_000,
        86_400_000,
        -86_400_000,
    ];
    let (oracle, calendar, mut random) = (Oracle::new(), calendar(), Random(24));
    let mut agreement = ClockAgreement::new(false);
    let (mut offset, mut set_at, mut stepped_at) = (TimeDelta::zero(), None, None);
    // When a clock that had been right for hours was set by what is tolerated.
    let mut nudged_at = None;
    let (mut left, mut kept_back, mut between) = (0_u64, 0_u64, 0_u64);
    let first = at("2026-01-01T00:00:00+03:00");
    for look in looks(&oracle) {
        let steady = look - first;
        let since = |at: Option<TimeDelta>| at.map_or(TimeDelta::MAX, |at| steady - at);
        // Some times a day, and often around the edges; most are put right a little later.
        if random.one_in(300) {
            let step = match offset {
                offset if !offset.is_zero() && !random.one_in(4) => -offset,
                _ => TimeDelta::milliseconds(*random.pick(&STEPS_MS)),
            };
            let was_right = offset.is_zero() && since(set_at) > TimeDelta::hours(2);
            nudged_at = (was_right && step.abs() <= TOLERANCE).then_some(steady);
            set_at = Some(steady);
            offset += step;
            // A smaller one may lead back to what was believed before a step that was tolerated.
            if step.abs() > TOLERANCE * 2 {
                stepped_at = Some(steady);
            }
        }
        let wall = look + offset;
        let ask = |gate: fn(Lane, &Calendar, DateTime<Utc>) -> Gate,
                   agreement: &mut ClockAgreement| {
            match agreement.judge(Reading { wall, steady }, None) {
                Verdict::Believed(now) => now.gate(|at| gate(Lane::Worker, &calendar, at)),
                Verdict::Doubted => Gate::Doubted,
            }
        };
        let (begins, ends) = (
            ask(may_begin, &mut agreement),
            ask(may_finish, &mut agreement),
        );
        if begins == Gate::Open {
            assert!(
                oracle.is_open(wall) && oracle.is_open(wall + MARGIN),
                "begun at {wall}"
            );
            left += 1;
        }
        if ends == Gate::Open {
            assert!(oracle.is_open(wall), "ended at {wall}");
            let stepped = since(stepped_at);
            assert!(
                stepped >= PROBATION,
                "at {wall}, {stepped} after it was set by {offset}"
            );
        }
        kept_back += u64::from(begins == Gate::Doubted && oracle.is_open(wall));
        // What is tolerated counts to neither side. In five minutes 0.15 s of it are believed.
        if since(nudged_at) < PROBATION {
            let slack = TimeDelta::milliseconds(200);
            let is_closed = [-slack, TimeDelta::zero(), slack]
                .iter()
                .all(|slack| !oracle.is_open(look + *slack));
            assert!(
                ends != Gate::Open || !is_closed,
                "at {look}, which the clock calls {wall}"
            );
            between += u64::from(is_closed && oracle.is_open(wall));
        }
    }
    assert!(
        left > 100_000 && kept_back > 1_000 && between > 10,
        "{left} {kept_back} {between}"
    );
}
