//! What the desk has promised: by when the first answer comes, and by when the matter is solved. Both are terms of working
//! time, and both follow from what happened to the ticket; nothing is counted down anywhere.
//!
//! The first answer is a person's, never the receipt. The term of the solution runs while the desk has the ticket
//! ([`State::New`], [`State::InWork`]) and stands still while its writer has the word or it is closed.

use chrono::{DateTime, Utc};

use super::calendar::Calendar;
use super::ticket::State;

/// The terms a desk promises; one that is not set is not promised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// Working minutes until a person has answered.
    pub first_answer_min: Option<u32>,
    /// Working minutes that the desk has the ticket until it is solved.
    pub solution_min: Option<u32>,
}

/// Where a term stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It runs, and is used up then.
    At(DateTime<Utc>),
    /// It stands still.
    Paused {
        /// So many working minutes are left.
        left_min: u32,
        /// Whether more than all were used up before it stood still.
        late: bool,
    },
    /// It was kept, or was not, at the instant of the second.
    Over {
        /// When it was used up, or would have been.
        due: DateTime<Utc>,
        /// When what it asks for happened.
        happened: DateTime<Utc>,
    },
}

/// Returns by when a letter that came at `received` has to be answered. `None` if the calendar does not reach so far.
pub fn answer_by(
    calendar: &Calendar,
    term_min: u32,
    received: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    calendar.add_working(received, term_min)
}

/// Returns where the term of the first answer stands; `answered` is when a person first answered.
pub fn first_answer(
    calendar: &Calendar,
    term_min: u32,
    received: DateTime<Utc>,
    answered: Option<DateTime<Utc>>,
) -> Option<Due> {
    let due = answer_by(calendar, term_min, received)?;
    Some(match answered {
        None => Due::At(due),
        Some(happened) => Due::Over { due, happened },
    })
}

/// Returns where the term of the solution stands. `history` are the states of the ticket in order, each with the instant
/// from which it holds; the first is its opening.
pub fn solution(
    calendar: &Calendar,
    term_min: u32,
    history: &[(DateTime<Utc>, State)],
) -> Option<Due> {
    let runs = |state: State| matches!(state, State::New | State::InWork);
    let mut left_min = u64::from(term_min);
    // When it was used up, if that was while the desk had the ticket; and whether the desk had it longer.
    let (mut used_up, mut late) = (None, false);
    for pair in history.windows(2) {
        let [(from, state), (to, _)] = pair else {
            continue;
        };
        if !runs(*state) {
            continue;
        }
        let spent = calendar.working_between(*from, *to);
        if used_up.is_none() && spent >= left_min {
            used_up = calendar.add_working(*from, left_min as u32);
        }
        late |= used_up.is_some_and(|due| due < *to);
        left_min = left_min.saturating_sub(spent);
    }
    let (since, state) = *history.last()?;
    let left = u32::try_from(left_min).unwrap_or(u32::MAX);
    Some(match (state, used_up) {
        (State::Closed, used_up) => Due::Over {
            due: match used_up {
                Some(due) => due,
                None => calendar.add_working(since, left)?,
            },
            happened: since,
        },
        (_, Some(due)) if runs(state) => Due::At(due),
        _ if runs(state) => Due::At(calendar.add_working(since, left)?),
        _ => Due::Paused {
            left_min: left,
            late,
        },
    })
}

impl Due {
    /// Whether it is or was not kept, as it stands at `now`.
    pub fn is_late(self, now: DateTime<Utc>) -> bool {
        match self {
            Due::At(due) => due < now,
            Due::Paused { late, .. } => late,
            Due::Over { due, happened } => due < happened,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::domain::calendar::{Exceptions, ProductionCalendar, Week};

    fn desk() -> Calendar {
        let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
        let ru = Some(ProductionCalendar::ru());
        Calendar::new(Tz::Europe__Moscow, week, ru, Exceptions::default(), true)
            .expect("a calendar")
    }

    fn at(local: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(&format!("{local}:00+03:00"))
            .expect("a time")
            .to_utc()
    }

    #[test]
    fn the_first_answer_is_due_in_working_time() {
        let desk = desk();
        let received = at("2026-12-30T17:00");
        let due = at("2027-01-11T17:00");
        assert_eq!(first_answer(&desk, 540, received, None), Some(Due::At(due)));
        for (answered, late) in [("2027-01-11T17:00", false), ("2027-01-11T17:01", true)] {
            let over = first_answer(&desk, 540, received, Some(at(answered))).expect("in range");
            assert_eq!(over.is_late(at("2027-02-01T09:00")), late, "{answered}");
        }
        let open = Due::At(due);
        assert!(!open.is_late(due) && open.is_late(due + chrono::TimeDelta::seconds(1)));
    }

    #[test]
    fn the_solution_waits_while_the_writer_has_the_word() {
        let desk = desk();
        let opened = (at("2026-07-01T09:00"), State::New);
        let taken = (at("2026-07-01T10:00"), State::InWork);
        // Three hours used; then three days and a weekend with the writer.
        let answered = (at("2026-07-01T12:00"), State::Answered);
        let wrote = (at("2026-07-06T09:30"), State::InWork);
        let stands = |history: &[_]| solution(&desk, 540, history).expect("in range");
        assert_eq!(stands(&[opened]), Due::At(at("2026-07-01T18:00")));
        assert_eq!(stands(&[opened, taken]), Due::At(at("2026-07-01T18:00")));
        assert_eq!(
            stands(&[opened, taken, answered]),
            Due::Paused {
                left_min: 360,
                late: false
            }
        );
        let on = Due::At(at("2026-07-06T15:30"));
        assert_eq!(stands(&[opened, taken, answered, wrote]), on);
        let closed = (at("2026-07-06T15:31"), State::Closed);
        let over = stands(&[opened, taken, answered, wrote, closed]);
        assert_eq!(
            over,
            Due::Over {
                due: at("2026-07-06T15:30"),
                happened: closed.0
            }
        );
        assert!(over.is_late(closed.0));
        let in_time = (at("2026-07-06T15:30"), State::Closed);
        assert!(!stands(&[opened, taken, answered, wrote, in_time]).is_late(closed.0));
        assert_eq!(solution(&desk, 540, &[]), None);
    }

    #[test]
    fn a_term_used_up_stays_so() {
        let desk = desk();
        let opened = (at("2026-07-01T09:00"), State::New);
        let answered = (at("2026-07-02T10:00"), State::Answered);
        let wrote = (at("2026-07-03T09:00"), State::InWork);
        let due = at("2026-07-01T18:00");
        let stands = |history: &[_]| solution(&desk, 540, history).expect("in range");
        assert_eq!(
            stands(&[opened, answered]),
            Due::Paused {
                left_min: 0,
                late: true
            }
        );
        assert_eq!(stands(&[opened, answered, wrote]), Due::At(due));
        let on_time = (at("2026-07-01T18:00"), State::Answered);
        assert_eq!(
            stands(&[opened, on_time]),
            Due::Paused {
                left_min: 0,
                late: false
            }
        );
        // Closed after it was answered: the clock stood when it was closed.
        let closed = (at("2026-07-20T09:00"), State::Closed);
        let in_time = (at("2026-07-01T12:00"), State::Answered);
        assert!(!stands(&[opened, in_time, closed]).is_late(closed.0));
    }
}
