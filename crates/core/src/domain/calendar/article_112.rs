//! A year for which no data is known, counted by art. 112 of the Labour Code alone.
//!
//! This misses what the Government's yearly decree moves: two January days off and any working
//! Saturday. Answers for such a year are provisional, and [`super::Day::provisional`] says so.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::note::Note;
use super::production::Fact;

/// Art. 112 part 1: month, day, and the name as the calendar file spells it.
const HOLIDAYS: [(u32, u32, &str); 14] = [
    (1, 1, "Новогодние каникулы"),
    (1, 2, "Новогодние каникулы"),
    (1, 3, "Новогодние каникулы"),
    (1, 4, "Новогодние каникулы"),
    (1, 5, "Новогодние каникулы"),
    (1, 6, "Новогодние каникулы"),
    (1, 7, "Рождество Христово"),
    (1, 8, "Новогодние каникулы"),
    (2, 23, "День защитника Отечества"),
    (3, 8, "Международный женский день"),
    (5, 1, "Праздник Весны и Труда"),
    (5, 9, "День Победы"),
    (6, 12, "День России"),
    (11, 4, "День народного единства"),
];

/// How the date differs from "Monday to Friday work, Saturday and Sunday are off".
pub(super) fn fact(date: NaiveDate) -> Option<Fact> {
    if let Some(name) = holiday(date) {
        return Some(Fact::Holiday(Note::new(name, "ТК РФ ст. 112 ч. 1")));
    }
    if matches!(date.weekday(), Weekday::Sat | Weekday::Sun) {
        return None;
    }
    if let Some((_, name)) = weekend_holiday_before(date) {
        let note = format!("выходной перенесён (праздник совпал с выходным: {name})");
        return Some(Fact::TransferredDayOff(Note::new(
            note,
            "ТК РФ ст. 112 ч. 2",
        )));
    }
    // Art. 95: "immediately before" is the calendar day before.
    let name = eve_of(date)?;
    let note = format!("на час короче: канун ({name})");
    Some(Fact::Shortened(Note::new(note, "ТК РФ ст. 95")))
}

/// The public holiday that a date is.
pub(crate) fn holiday(date: NaiveDate) -> Option<&'static str> {
    let (month, day) = (date.month(), date.day());
    let found = HOLIDAYS.iter().find(|h| (h.0, h.1) == (month, day));
    found.map(|h| h.2)
}

/// The public holiday on the next day.
pub(crate) fn eve_of(date: NaiveDate) -> Option<&'static str> {
    holiday(date.succ_opt()?)
}

/// The date and name of the holiday that makes this Monday a day off. Art. 112 part 2: the next working day after a
/// holiday that met a weekend, except in January. None of those holidays is within two days of
/// another, so the next working day is always the Monday.
pub(crate) fn weekend_holiday_before(date: NaiveDate) -> Option<(NaiveDate, &'static str)> {
    if date.weekday() != Weekday::Mon {
        return None;
    }
    [1, 2].into_iter().find_map(|back| {
        let weekend = date.checked_sub_days(Days::new(back))?;
        let name = holiday(weekend).filter(|_| weekend.month() != 1)?;
        Some((weekend, name))
    })
}
