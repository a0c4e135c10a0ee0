//! When to try again what failed for now.

use chrono::{DateTime, TimeDelta, Utc};

use super::calendar::Calendar;
use super::gate::first_minute;
use super::letter::Lane;

/// How long a letter is tried before it has failed.
pub const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(5);

/// Minutes to wait after the first, second, … attempt; the last one repeats.
const BACK_OFF_MIN: [i64; 8] = [1, 5, 15, 30, 60, 120, 240, 240];

/// Returns when to try again after `attempts` attempts, or `None` when it has been tried since `tried_since` for too
/// long. `jitter` in -1.0..=1.0 moves the wait by up to ten per cent; the time is clipped to the lane's hours.
pub fn next_attempt(
    lane: Lane,
    calendar: &Calendar,
    tried_since: DateTime<Utc>,
    attempts: u32,
    jitter: f64,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if now - tried_since >= GIVE_UP_AFTER && attempts > 0 {
        return None;
    }
    let step = (attempts.max(1) as usize - 1).min(BACK_OFF_MIN.len() - 1);
    let wait_ms = BACK_OFF_MIN[step] as f64 * 60_000.0 * (1.0 + jitter.clamp(-1.0, 1.0) / 10.0);
    Some(first_minute(
        lane,
        calendar,
        now + TimeDelta::milliseconds(wait_ms as i64),
    ))
}
