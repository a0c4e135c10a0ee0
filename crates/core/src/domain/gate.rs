//! The gate: may a letter of this kind leave now? Asked before MAIL FROM and again right before end-of-data (rule R22).

use chrono::{DateTime, TimeDelta, Utc};

use super::calendar::Calendar;
use super::letter::Lane;

/// Time kept free before closing when a letter is begun, so that its end-of-data still falls inside business hours.
pub const MARGIN: TimeDelta = TimeDelta::seconds(30);

/// The gate's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may go.
    Open,
    /// Not before this instant. Waiting is a snooze: it costs no attempt.
    ClosedUntil(DateTime<Utc>),
    /// Nobody knows what time it is: see `clock_agreement`. It waits as it is, and that costs no attempt either.
    Doubted,
}

/// Returns whether a letter of `lane` may be begun at `now`.
pub fn may_begin(lane: Lane, calendar: &Calendar, now: DateTime<Utc>) -> Gate {
    if lane.any_hour() || calendar.is_open(now) && calendar.is_open(now + MARGIN) {
        return Gate::Open;
    }
    let opening = calendar.next_open(now);
    if opening > now {
        Gate::ClosedUntil(opening)
    } else {
        Gate::ClosedUntil(calendar.next_open(now + MARGIN))
    }
}

/// Returns whether a letter of `lane` that was begun may be finished at `now`: asked right before its end-of-data.
pub fn may_finish(lane: Lane, calendar: &Calendar, now: DateTime<Utc>) -> Gate {
    if lane.any_hour() || calendar.is_open(now) {
        Gate::Open
    } else {
        Gate::ClosedUntil(calendar.next_open(now))
    }
}

/// Returns when a letter of `lane` that wants to go at `at` may first go: `at` itself, or the next opening.
pub fn first_minute(lane: Lane, calendar: &Calendar, at: DateTime<Utc>) -> DateTime<Utc> {
    if lane.any_hour() {
        at
    } else {
        calendar.next_open(at)
    }
}
