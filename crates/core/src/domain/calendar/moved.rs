//! Which weekday a worked Saturday or Sunday stands for. A decree moves a day off from the one to the other, and the note of
//! the file says where: «выходной перенесён на 22 февраля».

use chrono::{Datelike, NaiveDate, Weekday};

const MOVED_TO: &str = "перенесён на ";
/// The months as dates name them.
pub(crate) const RU_MONTHS: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];

/// The weekday whose day off was moved away by working on `worked`; nothing if the note names no date.
pub(super) fn stands_for(worked: NaiveDate, note: &str) -> Option<Weekday> {
    let (_, named) = note.split_once(MOVED_TO)?;
    let mut words = named.split(|c: char| !c.is_alphanumeric());
    let (day, month) = (words.next()?, words.next()?);
    let month = RU_MONTHS.iter().position(|name| *name == month)? as u32 + 1;
    let day_off = NaiveDate::from_ymd_opt(worked.year(), month, day.parse().ok()?)?;
    Some(day_off.weekday())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_says_for_which_day_a_saturday_stands() {
        let saturday = NaiveDate::from_ymd_opt(2027, 2, 20).expect("a date");
        for (note, expected) in [
            (
                "рабочая суббота; выходной перенесён на 22 февраля",
                Some(Weekday::Mon),
            ),
            ("выходной перенесён на 30 апреля.", Some(Weekday::Fri)),
            ("выходной перенесён на 30 февраля", None),
            ("выходной перенесён на понедельник", None),
            ("рабочая суббота", None),
            ("", None),
        ] {
            assert_eq!(stands_for(saturday, note), expected, "{note}");
        }
    }
}
