//! Why a letter has not left, and until when: what an operator is told of it.

use chrono::{DateTime, Utc};

use super::calendar::Calendar;
use super::gate::{Gate, may_begin};
use super::letter::{Lane, State};

/// What is known of a letter that has not left.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Where it stands.
    pub state: State,
    /// Who sends it.
    pub lane: Lane,
    /// Not to be sent before.
    pub due_at: DateTime<Utc>,
    /// Why it was put off, failed or is held, as recorded.
    pub why: Option<String>,
    /// An earlier letter to the same person about the same ticket that has not left.
    pub behind: Option<i64>,
    /// Until when at the latest it waits for the mailbox to be read, so that its author can take it back.
    pub unread_until: Option<DateTime<Utc>>,
    /// What is wrong with the daemon that sends it, as it says itself.
    pub problem: Option<String>,
}

/// Returns why the letter has not left, and when it may leave at the earliest where that is known. `None` if nothing keeps it.
pub fn why(
    letter: &Waiting,
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> Option<(String, Option<DateTime<Utc>>)> {
    let recorded = letter.why.clone();
    match letter.state {
        State::Sent | State::Cancelled => return recorded.map(|why| (why, None)),
        State::Held | State::Failed => {
            return Some((
                recorded.unwrap_or_else(|| "waits for a person".to_owned()),
                None,
            ));
        }
        State::Sending => return Some(("is being sent".to_owned(), None)),
        State::Due | State::MaybeSent => {}
    }
    if let Some(other) = letter.behind {
        let why = format!("waits for letter {other}, which was written to the same person before");
        return Some((why, None));
    }
    if letter.due_at > now {
        let why = recorded.unwrap_or_else(|| "is not due yet".to_owned());
        return Some((why, Some(letter.due_at)));
    }
    if let Gate::ClosedUntil(until) = may_begin(letter.lane, calendar, now) {
        return Some(("waits for business hours".to_owned(), Some(until)));
    }
    if let Some(until) = letter.unread_until {
        let why = "waits for the mailbox to be read: its author may have taken it back";
        return Some((why.to_owned(), Some(until)));
    }
    match &letter.problem {
        Some(problem) => Some((format!("cannot be sent: {problem}"), None)),
        None => Some((format!("goes next, by the {}", letter.lane.as_str()), None)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use chrono_tz::Tz;

    use super::*;
    use crate::domain::calendar::{Exceptions, Week};

    #[test]
    fn the_first_reason_that_holds_is_named() {
        let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
        let calendar = Calendar::new(Tz::Europe__Moscow, week, None, Exceptions::default(), false)
            .expect("a calendar");
        let monday = |time: &str| {
            DateTime::parse_from_rfc3339(&format!("2026-11-23T{time}+03:00"))
                .expect("a time")
                .to_utc()
        };
        let now = monday("10:00:00");
        let letter = Waiting {
            state: State::Due,
            lane: Lane::Worker,
            due_at: now,
            why: None,
            behind: None,
            unread_until: None,
            problem: None,
        };
        let said = |letter: &Waiting, now| why(letter, &calendar, now);
        let goes = ("goes next, by the worker".to_owned(), None);
        assert_eq!(said(&letter, now), Some(goes));
        let night = monday("20:00:00");
        let opening = monday("09:00:00") + TimeDelta::days(1);
        let closed = ("waits for business hours".to_owned(), Some(opening));
        assert_eq!(said(&letter, night), Some(closed));
        let receipt = Waiting {
            lane: Lane::Poller,
            ..letter.clone()
        };
        assert_eq!(
            said(&receipt, night),
            Some(("goes next, by the poller".to_owned(), None))
        );
        let later = Waiting {
            due_at: now + TimeDelta::minutes(5),
            why: Some("RCPT TO: 451 busy".to_owned()),
            ..letter.clone()
        };
        let wanted = ("RCPT TO: 451 busy".to_owned(), Some(later.due_at));
        assert_eq!(said(&later, now), Some(wanted));
        let behind = Waiting {
            behind: Some(7),
            ..later
        };
        assert!(
            said(&behind, now)
                .is_some_and(|(why, until)| why.contains("letter 7") && until.is_none())
        );
        let unread = Waiting {
            unread_until: Some(now + TimeDelta::minutes(10)),
            ..letter.clone()
        };
        assert!(said(&unread, now).is_some_and(|(_, until)| until == unread.unread_until));
        let held = Waiting {
            state: State::Held,
            ..letter.clone()
        };
        assert_eq!(
            said(&held, now),
            Some(("waits for a person".to_owned(), None))
        );
        let sent = Waiting {
            state: State::Sent,
            ..letter
        };
        assert_eq!(said(&sent, now), None);
    }
}
