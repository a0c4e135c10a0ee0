//! The weeks ahead as people read them: the ordinary week in few lines, and the days that differ from it.

use chrono::{Datelike, NaiveDate, Weekday};

use super::interval::DayInterval;
use super::open_hours::{Calendar, Day, DayReason};
use super::week::Week;

/// How far a run of closed days is followed, back and ahead.
const LONGEST_RUN_DAYS: usize = 366;

/// Weekdays with the same hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SameHours {
    /// The days, from Monday.
    pub days: Vec<Weekday>,
    /// Their hours; empty when they are closed.
    pub hours: Vec<DayInterval>,
}

/// What differs from the ordinary week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusual {
    /// Days without an open minute, of which at least one is open in the ordinary week.
    Closed(ClosedRun),
    /// A day that is open, but not for being an ordinary working day.
    Open {
        /// The date.
        date: NaiveDate,
        /// What it is like.
        day: Day,
    },
}

/// Closed days that follow each other, weekends between and beside them included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedRun {
    /// The first of them.
    pub first: NaiveDate,
    /// The last of them.
    pub last: NaiveDate,
    /// What closes them, one for each day that is not a plain weekend.
    pub reasons: Vec<DayReason>,
    /// The day after them and its first hours; nothing after a year of closed days.
    pub opens: Option<(NaiveDate, DayInterval)>,
    /// Whether a decree may yet change one of them.
    pub provisional: bool,
}

impl Week {
    /// The week from Monday in as few groups as there are different hours.
    pub fn grouped(&self) -> Vec<SameHours> {
        let mut groups: Vec<SameHours> = Vec::new();
        let mut weekday = Weekday::Mon;
        for _ in 0..7 {
            let hours = self.hours(weekday);
            match groups.iter_mut().find(|group| group.hours == hours) {
                Some(group) => group.days.push(weekday),
                None => groups.push(SameHours {
                    days: vec![weekday],
                    hours: hours.to_vec(),
                }),
            }
            weekday = weekday.succ();
        }
        groups
    }
}

impl Calendar {
    /// What differs from the ordinary week in `days` days from `from`, in order. A run of closed days that reaches over
    /// either end is told whole.
    pub fn unusual(&self, from: NaiveDate, days: u32) -> Vec<Unusual> {
        let closed_on = |date: &NaiveDate| self.day(*date).intervals.is_empty();
        let mut dates_back = std::iter::successors(from.pred_opt(), |date| date.pred_opt());
        let reaches_back = closed_on(&from).then(|| {
            let closed = dates_back.by_ref().take(LONGEST_RUN_DAYS);
            closed.take_while(closed_on).last()
        });
        let mut next = reaches_back.flatten().or(Some(from));
        let end = from
            .checked_add_days(chrono::Days::new(days.into()))
            .unwrap_or(NaiveDate::MAX);
        let mut found = Vec::new();
        while let Some(date) = next.filter(|date| *date < end) {
            let day = self.day(date);
            if !day.intervals.is_empty() {
                if day.reason != DayReason::WorkingDay {
                    found.push(Unusual::Open { date, day });
                }
                next = date.succ_opt();
                continue;
            }
            let run = self.closed_run(date);
            next = run.last.succ_opt();
            let ordinary = |date: &NaiveDate| self.week().hours(date.weekday()).is_empty();
            let dates = run.first.iter_days().take_while(|date| *date <= run.last);
            if !dates.into_iter().all(|date| ordinary(&date)) {
                found.push(Unusual::Closed(run));
            }
        }
        found
    }

    /// The closed days from `first` on.
    fn closed_run(&self, first: NaiveDate) -> ClosedRun {
        let mut run = ClosedRun {
            first,
            last: first,
            reasons: Vec::new(),
            opens: None,
            provisional: false,
        };
        for date in first.iter_days().take(LONGEST_RUN_DAYS) {
            let day = self.day(date);
            if let Some(hours) = day.intervals.first() {
                run.opens = Some((date, *hours));
                break;
            }
            run.last = date;
            run.provisional |= day.provisional;
            if day.reason != DayReason::Weekend {
                run.reasons.push(day.reason);
            }
        }
        run
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::open_hours::tests::{desk, with};
    use super::super::wall_clock::parse_date;
    use super::*;

    fn told(calendar: &Calendar, from: &str, days: u32) -> Vec<String> {
        let line = |unusual| match unusual {
            Unusual::Closed(run) => {
                let opens = run.opens.map(|(date, hours)| format!("{date} {hours}"));
                let provisional = if run.provisional { " provisional" } else { "" };
                format!(
                    "{}..{} then {}{provisional}",
                    run.first,
                    run.last,
                    opens.unwrap_or_default()
                )
            }
            Unusual::Open { date, day } => {
                let hours: Vec<String> = day.intervals.iter().map(ToString::to_string).collect();
                let reason = format!("{:?}", day.reason);
                format!(
                    "{date} {} {}",
                    hours.join(","),
                    reason.split('(').next().unwrap()
                )
            }
        };
        let unusual = calendar.unusual(parse_date(from).unwrap(), days);
        unusual.into_iter().map(line).collect()
    }

    #[test]
    fn closed_days_are_joined_over_weekends_and_the_new_year() {
        let desk = desk("Europe/Moscow", &["09:00-18:00"]);
        let new_year = "2026-12-31..2027-01-10 then 2027-01-11 09:00-18:00";
        for (from, days, expected) in [
            ("2026-11-26", 56, vec![new_year]),
            // Whole, from inside and where the weeks end in it.
            ("2027-01-05", 1, vec![new_year]),
            ("2026-12-01", 31, vec![new_year]),
            ("2026-12-01", 30, vec![]),
            (
                "2027-02-15",
                21,
                vec![
                    "2027-02-20 09:00-17:00 WorkingWeekend",
                    "2027-02-21..2027-02-23 then 2027-02-24 09:00-18:00",
                    "2027-03-06..2027-03-08 then 2027-03-09 09:00-18:00",
                ],
            ),
            (
                "2027-04-26",
                7,
                vec![
                    "2027-04-30 09:00-17:00 Shortened",
                    "2027-05-01..2027-05-03 then 2027-05-04 09:00-18:00",
                ],
            ),
            (
                "2027-12-31",
                1,
                vec!["2027-12-31..2028-01-09 then 2028-01-10 09:00-18:00 provisional"],
            ),
            ("2027-02-01", 14, vec![]), // plain weekends
        ] {
            assert_eq!(told(&desk, from, days), expected, "{from} {days}");
        }
    }

    #[test]
    fn own_exceptions_are_told_too() {
        let closed = ["2027-03-05 переезд", "2027-07-05..2027-07-09 отпуск"];
        let open = ["2027-03-06 10:00-14:00", "2027-03-10 09:00-18:00"];
        let desk = with(desk("Europe/Moscow", &["09:00-18:00"]), &closed, &open);
        assert_eq!(
            told(&desk, "2027-03-01", 14),
            [
                "2027-03-05..2027-03-05 then 2027-03-06 10:00-14:00",
                "2027-03-06 10:00-14:00 OpenException",
                "2027-03-07..2027-03-08 then 2027-03-09 09:00-18:00",
                "2027-03-10 09:00-18:00 OpenException",
            ]
        );
        let summer = "2027-07-03..2027-07-11 then 2027-07-12 09:00-18:00";
        assert_eq!(told(&desk, "2027-07-01", 30), [summer]);
    }

    #[test]
    fn a_desk_closed_for_more_than_a_year_names_no_opening() {
        let closed = ["2029-01-01..2029-12-31", "2030-01-01..2030-12-31"];
        let desk = with(desk("Europe/Moscow", &["09:00-18:00"]), &closed, &[]);
        let found = told(&desk, "2029-06-01", 7);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with("then  provisional"), "{found:?}");
    }

    #[test]
    fn equal_days_are_one_group() {
        let hours = |text: &str| vec![text.to_owned()];
        let week = Week::parse([
            ("mon-wed", hours("09:00-18:00")),
            ("thu", hours("10:00-19:00")),
            ("fri", hours("09:00-18:00")),
        ])
        .unwrap();
        let groups: Vec<usize> = week.grouped().iter().map(|g| g.days.len()).collect();
        assert_eq!(groups, [4, 1, 2]);
        assert_eq!(
            week.grouped()[0].days,
            [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Fri]
        );
    }
}
