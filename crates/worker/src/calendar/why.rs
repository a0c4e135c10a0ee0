//! `calendar why`: what a date is like, why, and by which law, in one line.

use chrono::{Datelike, NaiveDate};
use minijinja::context;
use ninetosix_core::cli::printable;
use ninetosix_core::config::Hours;
use ninetosix_core::domain::calendar::{DayReason, Note};
use ninetosix_core::mail::calendar_notes::in_language;
use ninetosix_core::mail::wording::WordingError;

use crate::say::Say;

/// Reads a date, `2027-02-20` or `20.02.2027`.
///
/// # Errors
/// If it is none, with what to write.
pub fn date(text: &str) -> Result<NaiveDate, String> {
    let (digits, form) = match text.contains('.') {
        true => ("dd.dd.dddd", "%d.%m.%Y"),
        false => ("dddd-dd-dd", "%Y-%m-%d"),
    };
    let is_written_so = text.len() == digits.len()
        && text
            .bytes()
            .zip(digits.bytes())
            .all(|(byte, form)| match form {
                b'd' => byte.is_ascii_digit(),
                mark => byte == mark,
            });
    NaiveDate::parse_from_str(text, form)
        .ok()
        .filter(|_| is_written_so)
        .ok_or_else(|| "no such date; write it as 2027-02-20 or 20.02.2027".to_owned())
}

/// Returns the line for a date: `2027-02-20: 09:00-17:00, worked Saturday; …`.
///
/// # Errors
/// If a text cannot be made.
pub fn line(hours: &Hours, date: NaiveDate) -> Result<String, WordingError> {
    let say = Say::new(hours);
    let day = hours.calendar.day(date);
    let open: Vec<String> = day.intervals.iter().map(ToString::to_string).collect();
    let mut said = vec![match open.is_empty() {
        true => say.word("calendar_closed")?,
        false => open.join(", "),
    }];
    said.extend(say.reason(&day.reason, date)?);
    if day.provisional {
        said.push(say.text("calendar_tentative", context! { year => date.year() })?);
    }
    Ok(printable(&format!("{date}: {}", said.join(", "))))
}

impl Say {
    fn reason(&self, reason: &DayReason, date: NaiveDate) -> Result<Vec<String>, WordingError> {
        let one = |text| Ok(vec![text]);
        match reason {
            DayReason::WorkingDay => one(self.word("calendar_working")?),
            DayReason::Weekend => one(self.word("calendar_weekend")?),
            DayReason::Holiday(note) => {
                let what = self.word("calendar_holiday")?;
                let name = self.note(note, String::new());
                one(match name.is_empty() {
                    true => what,
                    false => format!("{what}: {name}"),
                })
            }
            DayReason::TransferredDayOff(note) => {
                one(self.note(note, self.word("calendar_moved")?))
            }
            DayReason::Shortened(note) => one(self.note(note, self.word("calendar_short")?)),
            DayReason::WorkingWeekend(note, short) => {
                let weekday = self.moments.weekday(date.weekday());
                let worked = self.text("calendar_worked", context! { weekday })?;
                let mut said = vec![self.note(note, worked)];
                if let Some(short) = short {
                    said.push(self.note(short, self.word("calendar_short")?));
                }
                Ok(said)
            }
            DayReason::ClosedException(note) => {
                let what = self.word("calendar_own_closed")?;
                one(match note.is_empty() {
                    true => what,
                    false => format!("{what}: {note}"),
                })
            }
            DayReason::OpenException => one(self.word("calendar_own_open")?),
        }
    }

    /// A note and its source in brackets; `otherwise` stands for a note that is empty.
    fn note(&self, note: &Note, otherwise: String) -> String {
        let said = |text: &str| in_language(text, self.moments.language);
        let text = match note.text.is_empty() {
            true => otherwise,
            false => said(&note.text),
        };
        match note.source.is_empty() {
            true => text,
            false => format!("{text} ({})", said(&note.source))
                .trim_start()
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::school;

    #[test]
    fn every_date_can_say_why() {
        for (day, ru, en) in [
            (
                "2027-02-20",
                "09:00-13:00, 14:00-17:00, рабочая суббота; выходной перенесён на 22 февраля (ПП РФ от 17.09.2026 № 1187), на час короче: длится как 22 февраля (ТК РФ ст. 95)",
                "09:00-13:00, 14:00-17:00, worked Saturday; its day off moved to 22 February (Government decree of 17.09.2026 № 1187), one hour shorter: as long as 22 February (Labour Code art. 95)",
            ),
            (
                "2026-11-26",
                "09:00-13:00, 14:00-18:00, рабочий день",
                "09:00-13:00, 14:00-18:00, working day",
            ),
            (
                "2026-11-28",
                "закрыто, выходной день недели",
                "closed, ordinary day off",
            ),
            (
                "2026-12-31",
                "закрыто, выходной перенесён с 4 января (ПП РФ от 24.09.2025 № 1466)",
                "closed, day off moved from 4 January (Government decree of 24.09.2025 № 1466)",
            ),
            (
                "2026-12-04",
                "закрыто, по настройкам службы: переезд",
                "closed, by the desk's own settings: переезд",
            ),
            (
                "2026-12-12",
                "10:00-14:00, свои часы по настройкам службы",
                "10:00-14:00, hours of the desk's own settings",
            ),
            (
                "2028-11-06",
                "закрыто, выходной перенесён (праздник совпал с выходным: День народного единства) (ТК РФ ст. 112 ч. 2), предварительно: данных за 2028 год нет, посчитано по одной ст. 112 ТК РФ",
                "closed, moved day off (the holiday met a day off: National Unity Day) (Labour Code art. 112 part 2), provisional: no data for 2028, counted by art. 112 of the Labour Code alone",
            ),
            (
                "2028-11-07",
                "09:00-13:00, 14:00-18:00, рабочий день, предварительно: данных за 2028 год нет, посчитано по одной ст. 112 ТК РФ",
                "09:00-13:00, 14:00-18:00, working day, provisional: no data for 2028, counted by art. 112 of the Labour Code alone",
            ),
        ] {
            for (language, expected) in [("ru", ru), ("en", en)] {
                let said = line(&Hours::from(&school(language)), date(day).expect("a date"))
                    .expect("said");
                assert_eq!(said, format!("{day}: {expected}"));
            }
        }
    }

    #[test]
    fn a_date_is_read_in_two_spellings_and_no_other() {
        let day = NaiveDate::from_ymd_opt(2027, 2, 20);
        assert_eq!(
            (date("2027-02-20").ok(), date("20.02.2027").ok()),
            (day, day)
        );
        for bad in [
            "",
            "2027-02-29",
            "31.02.2027",
            "2027-2-20",
            "20.2.2027",
            "20.02.27",
            "02/20/2027",
            "+027-02-20",
            "завтра",
        ] {
            assert!(date(bad).is_err(), "{bad}");
        }
    }
}
