//! Months, quarters and years summed up, to compare with the published norm of working time.

use chrono::NaiveDate;

use super::open_hours::Calendar;

/// What some days add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// All of them.
    pub calendar_days: u32,
    /// Those with an open minute.
    pub working_days: u32,
    /// Those without.
    pub days_off: u32,
    /// Of the working days those that close an hour earlier.
    pub shortened_days: u32,
    /// Open minutes by the clock of the wall.
    pub working_minutes: u32,
}

impl Calendar {
    /// What the days from `first` to `last` add up to, both included.
    pub fn totals(&self, first: NaiveDate, last: NaiveDate) -> Totals {
        let mut totals = Totals::default();
        for date in first.iter_days().take_while(|date| *date <= last) {
            let day = self.day(date);
            let is_open = !day.intervals.is_empty();
            totals.calendar_days += 1;
            totals.working_days += u32::from(is_open);
            totals.days_off += u32::from(!is_open);
            totals.shortened_days += u32::from(is_open && day.shortened);
            let minutes = day.intervals.iter().map(|hours| u32::from(hours.minutes()));
            totals.working_minutes += minutes.sum::<u32>();
        }
        totals
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::open_hours::tests::{desk, with};
    use super::*;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    /// The norm does not depend on how long this desk is open, and what it closes besides.
    #[test]
    fn the_norm_is_the_published_one_for_any_desk() {
        let odd = with(
            desk("Europe/Moscow", &["10:00-12:00"]),
            &["2026-07-01..2026-07-31"],
            &[],
        );
        let norm = odd.forty_hour_week().unwrap();
        for (year, working_days, shortened_days, hours) in [
            (2024, 248, 5, 1979),
            (2025, 247, 4, 1972),
            (2026, 247, 4, 1972),
            (2027, 247, 4, 1972),
        ] {
            let totals = norm.totals(date(year, 1, 1), date(year, 12, 31));
            let expected = Totals {
                calendar_days: if year == 2024 { 366 } else { 365 },
                working_days,
                days_off: totals.calendar_days - working_days,
                shortened_days,
                working_minutes: hours * 60,
            };
            assert_eq!(totals, expected, "{year}");
        }
        let july = odd.totals(date(2026, 7, 1), date(2026, 7, 31));
        assert_eq!((july.working_days, july.days_off), (0, 31));
    }
}
