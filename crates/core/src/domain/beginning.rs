//! When work begins, and by when an answer comes, as a receipt says it.

use chrono::{DateTime, NaiveDate, Utc};

use super::calendar::{Calendar, DayReason};
use super::deadline::{Terms, answer_by};

/// When work begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// Whether the desk is open now.
    pub open: bool,
    /// The minute work begins.
    pub begins: DateTime<Utc>,
    /// The first and last day off between now and then, if holidays are among them.
    pub holidays: Option<(NaiveDate, NaiveDate)>,
    /// By when a person answers, where that is promised.
    pub answer_by: Option<DateTime<Utc>>,
    /// The year of the first of these instants whose production calendar is not known yet: it may still move.
    pub provisional: Option<i32>,
}

/// Returns when work begins on what is registered at `now`.
pub fn beginning(calendar: &Calendar, now: DateTime<Utc>) -> Beginning {
    let begins = calendar.next_open(now);
    Beginning {
        open: begins <= now,
        begins,
        holidays: holidays(calendar, now, begins),
        answer_by: None,
        provisional: (begins > now)
            .then(|| calendar.provisional_year(begins))
            .flatten(),
    }
}

impl Beginning {
    /// Returns the same with the promise of an answer to what came at `received`, where a term is set. After an outage the
    /// term may be over by `now`: then nobody is promised the past.
    pub fn promising(
        self,
        calendar: &Calendar,
        terms: Terms,
        received: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Beginning {
        let term = terms.first_answer_min;
        let answer_by = term.and_then(|term_min| answer_by(calendar, term_min, received));
        let answer_by = answer_by.filter(|at| *at > now);
        let provisional = self
            .provisional
            .or_else(|| calendar.provisional_year(answer_by?));
        Beginning {
            answer_by,
            provisional,
            ..self
        }
    }
}

/// The days without an open minute before `begins`, if a holiday or a day the operator closed is among them.
fn holidays(
    calendar: &Calendar,
    now: DateTime<Utc>,
    begins: DateTime<Utc>,
) -> Option<(NaiveDate, NaiveDate)> {
    let (today, opening) = (calendar.date_of(now), calendar.date_of(begins));
    let closed: Vec<_> = today
        .iter_days()
        .take_while(|date| *date < opening)
        .take(366)
        .map(|date| (date, calendar.day(date)))
        .filter(|(_, day)| day.intervals.is_empty())
        .collect();
    let is_special = |reason: &DayReason| {
        matches!(
            reason,
            DayReason::Holiday(_) | DayReason::TransferredDayOff(_) | DayReason::ClosedException(_)
        )
    };
    let any_special = closed.iter().any(|(_, day)| is_special(&day.reason));
    match (closed.first(), closed.last()) {
        (Some((first, _)), Some((last, _))) if any_special && first != last => {
            Some((*first, *last))
        }
        _ => None,
    }
}
