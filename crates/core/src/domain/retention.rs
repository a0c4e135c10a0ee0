//! How long what was written is kept: rules of the operator, in calendar days, and the moment before which something must
//! have happened so that its term has run out.

use chrono::{DateTime, Days, NaiveTime, Utc};

use super::address::EmailAddress;
use super::calendar::Calendar;

/// What becomes of a ticket when its term has run out. Its number, dates and states stay in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Who wrote is forgotten: addresses, names, raw letters and files go; words stay, without the signs of a person that
    /// can be found in them.
    Anonymise,
    /// Words go too.
    Erase,
}

impl Manner {
    /// Returns its name in the configuration.
    pub fn from_name(name: &str) -> Option<Manner> {
        match name {
            "anonymise" => Some(Manner::Anonymise),
            "erase" => Some(Manner::Erase),
            _ => None,
        }
    }

    /// Returns what is said of a record that it was done to.
    pub fn as_str(self) -> &'static str {
        match self {
            Manner::Anonymise => "anonymised",
            Manner::Erase => "erased",
        }
    }
}

/// For how long the letters of some mailboxes are kept. Terms are whole calendar days; one that is absent never runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The mailboxes, by address; at least one.
    pub mailboxes: Vec<EmailAddress>,
    /// Days after the closing of a ticket until files and the raw letters that hold them go.
    pub files_after_days: Option<u32>,
    /// Days after the closing until its content goes, and how.
    pub tickets: Option<(u32, Manner)>,
    /// Days after its arrival until a letter goes that belongs to no ticket.
    pub loose_after_days: Option<u32>,
    /// Whether copies on the mail server go with it.
    pub mailbox_copies: bool,
}

/// Returns the moment such that what happened before it is more than `days` calendar days old at `now`: a term ends with
/// the last of its days, so that of one day, begun on Monday, is over when Wednesday begins.
pub fn due_before(calendar: &Calendar, now: DateTime<Utc>, days: u32) -> DateTime<Utc> {
    let first_kept = calendar
        .date_of(now)
        .checked_sub_days(Days::new(days.into()));
    first_kept
        .and_then(|date| calendar.instant_of(date.and_time(NaiveTime::MIN)))
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::{Exceptions, Week};
    use chrono_tz::Tz;

    #[test]
    fn a_term_is_over_when_its_last_day_has_ended_in_the_zone_of_the_desk() {
        let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
        let calendar = Calendar::new(Tz::Europe__Moscow, week, None, Exceptions::default(), true)
            .expect("a calendar");
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").to_utc();
        for (now, days, before) in [
            // Closed on Monday at any minute, one day: over with Tuesday.
            ("2026-11-24T23:59:59+03:00", 1, "2026-11-23T00:00:00+03:00"),
            ("2026-11-25T00:00:00+03:00", 1, "2026-11-24T00:00:00+03:00"),
            // Over the end of February, and of a leap year's.
            ("2027-03-01T12:00:00+03:00", 30, "2027-01-30T00:00:00+03:00"),
            (
                "2028-03-01T12:00:00+03:00",
                365,
                "2027-03-02T00:00:00+03:00",
            ),
        ] {
            assert_eq!(due_before(&calendar, at(now), days), at(before), "{now}");
        }
        assert!(
            due_before(&calendar, at("2026-11-24T00:00:00Z"), u32::MAX)
                < at("0001-01-01T00:00:00Z")
        );
    }
}
