//! The ordinary week: which hours each weekday has when nothing special happens.

use chrono::Weekday;

use super::error::CalendarError;
use super::interval::{DayInterval, check_order};

const DAY_NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const NO_DAY: &str =
    "not a day; use mon, tue, wed, thu, fri, sat, sun, or a range that runs forward, mon-fri";
const TWICE: &str = "another key names such a day too; give each day in one key only";

/// Hours for Monday to Sunday; on each day in order and without overlaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Week {
    days: [Vec<DayInterval>; 7],
}

impl Week {
    /// A week from seven lists of hours, Monday first. A day without hours is closed.
    pub fn new(days: [Vec<DayInterval>; 7]) -> Result<Self, CalendarError> {
        for (name, intervals) in DAY_NAMES.iter().zip(&days) {
            check_order(name, intervals)?;
        }
        Ok(Self { days })
    }

    /// Reads pairs such as `("mon-fri", ["09:00-13:00", "14:00-18:00"])`. Each day may be named
    /// once, alone or in a range that runs forward; days that nobody names are closed.
    pub fn parse<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, CalendarError>
    where
        K: AsRef<str>,
        V: AsRef<[String]>,
    {
        let mut named: [Option<Vec<DayInterval>>; 7] = Default::default();
        for (key, hours) in pairs {
            let key = key.as_ref();
            let hours = hours.as_ref().iter().map(|text| DayInterval::parse(text));
            let hours = hours.collect::<Result<Vec<_>, _>>()?;
            for index in day_indexes(key)? {
                if named[index].replace(hours.clone()).is_some() {
                    return Err(refuse(key, TWICE));
                }
            }
        }
        Self::new(named.map(Option::unwrap_or_default))
    }

    /// The hours of a weekday; empty when it is closed.
    pub fn hours(&self, weekday: Weekday) -> &[DayInterval] {
        &self.days[weekday.num_days_from_monday() as usize]
    }

    /// Whether any day of the week has hours.
    pub(super) fn ever_opens(&self) -> bool {
        self.days.iter().any(|hours| !hours.is_empty())
    }
}

/// The days that `"tue"` or `"mon-fri"` names, counted from Monday.
fn day_indexes(key: &str) -> Result<std::ops::RangeInclusive<usize>, CalendarError> {
    let index = |name: &str| DAY_NAMES.iter().position(|known| *known == name);
    let (first, last) = key.split_once('-').unwrap_or((key, key));
    match (index(first), index(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(refuse(key, NO_DAY)),
    }
}

fn refuse(key: &str, fault: &'static str) -> CalendarError {
    let key = key.to_owned();
    CalendarError::Week { key, fault }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &[&str])]) -> Result<Week, CalendarError> {
        let owned = |hours: &[&str]| hours.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>();
        Week::parse(pairs.iter().map(|(key, hours)| (*key, owned(hours))))
    }

    #[test]
    fn days_and_ranges_fill_the_week() {
        let week = parse(&[
            ("mon-thu", &["09:00-13:00", "14:00-18:00"]),
            ("fri", &["09:00-13:00", "13:00-16:45"]),
            ("sun", &[]),
        ])
        .unwrap();
        assert_eq!(week.hours(Weekday::Thu).len(), 2);
        assert_eq!(week.hours(Weekday::Fri)[1].to_string(), "13:00-16:45");
        assert!(week.hours(Weekday::Sat).is_empty() && week.hours(Weekday::Sun).is_empty());
        assert!(!parse(&[("mon-sun", &[])]).unwrap().ever_opens());
    }

    #[test]
    fn a_week_that_makes_no_sense_is_refused() {
        type Pairs = &'static [(&'static str, &'static [&'static str])];
        let cases: [(Pairs, &str); 8] = [
            (&[("monday", &[])], "\"monday\": not a day"),
            (&[("Mon", &[])], "\"Mon\": not a day"),
            (&[("fri-mon", &[])], "runs forward"),
            (&[("mon-", &[])], "\"mon-\": not a day"),
            (
                &[("mon-fri", &["09:00-18:00"]), ("wed", &[])],
                "\"wed\": another key names such a day too",
            ),
            (&[("tue", &["09:00-25:00"])], "hours \"09:00-25:00\""),
            (
                &[("tue", &["09:00-13:00", "12:59-18:00"])],
                "tue: 09:00-13:00 and 12:59-18:00 overlap",
            ),
            (
                &[("tue", &["14:00-18:00", "09:00-13:00"])],
                "from morning to evening",
            ),
        ];
        for (pairs, why) in cases {
            let message = parse(pairs).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }
}
