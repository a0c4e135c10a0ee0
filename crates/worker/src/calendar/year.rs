//! One year of the desk: its days, and what its months, quarters and the whole add up to.

use chrono::{Datelike, NaiveDate, Weekday};
use ninetosix_core::domain::calendar::{Calendar, Day, DayReason, Totals};

/// How a day is marked in a grid of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// An ordinary working day.
    Plain,
    /// Closed.
    Off,
    /// An hour shorter.
    Short,
    /// A worked weekend day; and whether it is short.
    Worked(bool),
    /// Open by the desk's own exception.
    Own,
}

impl Mark {
    pub(super) fn of(day: &Day) -> Mark {
        match (&day.reason, day.shortened) {
            _ if day.intervals.is_empty() => Mark::Off,
            (DayReason::OpenException, _) => Mark::Own,
            (DayReason::WorkingWeekend(..), short) => Mark::Worked(short),
            (_, true) => Mark::Short,
            (_, false) => Mark::Plain,
        }
    }
}

/// A stretch of the year and what it adds up to.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) period: Period,
    /// At this desk.
    pub(super) desk: Totals,
    /// In a week of 40 hours, by the production calendar.
    pub(super) norm: Option<Totals>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    /// 1 to 12.
    Month(u32),
    /// 1 to 4.
    Quarter(u32),
    Year,
}

/// The months with their quarters after each third, and the year.
pub(super) fn sums(calendar: &Calendar, year: i32) -> Vec<Sum> {
    let norm = calendar.forty_hour_week();
    let of = |period, from: u32, to: u32| {
        let first = first_of(year, from);
        let last = last_of(year, to);
        Sum {
            period,
            desk: calendar.totals(first, last),
            norm: norm.as_ref().map(|norm| norm.totals(first, last)),
        }
    };
    let mut sums = Vec::new();
    for month in 1..=12 {
        sums.push(of(Period::Month(month), month, month));
        if month % 3 == 0 {
            sums.push(of(Period::Quarter(month / 3), month - 2, month));
        }
    }
    sums.push(of(Period::Year, 1, 12));
    sums
}

/// The weeks of a month, Monday first; days of other months are absent.
pub(super) fn weeks(year: i32, month: u32) -> Vec<[Option<NaiveDate>; 7]> {
    let mut weeks = vec![[None; 7]];
    let last = last_of(year, month);
    for date in first_of(year, month)
        .iter_days()
        .take_while(|date| *date <= last)
    {
        if date.weekday() == Weekday::Mon && date.day() > 1 {
            weeks.push([None; 7]);
        }
        if let Some(week) = weeks.last_mut() {
            week[date.weekday().num_days_from_monday() as usize] = Some(date);
        }
    }
    weeks
}

pub(super) fn first_of(year: i32, month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default()
}

pub(super) fn last_of(year: i32, month: u32) -> NaiveDate {
    let next = match month {
        12 => first_of(year + 1, 1),
        month => first_of(year, month + 1),
    };
    next.pred_opt().unwrap_or(next)
}

/// Minutes as hours: `1972`, or `171:30` where they are no whole ones.
pub(super) fn in_hours(minutes: u32) -> String {
    match minutes % 60 {
        0 => (minutes / 60).to_string(),
        rest => format!("{}:{rest:02}", minutes / 60),
    }
}
