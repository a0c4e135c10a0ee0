//! The desk's own exceptions: dates on which it is closed, or open at other hours.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::error::{CalendarError, Fault};
use super::interval::{DayInterval, check_order};
use super::wall_clock::parse_date;

/// A longer closed range is taken for a slip in the year.
const LONGEST_CLOSED_DAYS: i64 = 366;

/// What is wrong, in Russian and in English.
type Words = (&'static str, &'static str);

const NO_CLOSED_DATE: Words = (
    "нет такой даты; пишите \"2027-03-05\" или \"2027-07-05..2027-07-09\", пробел и, если нужно, примечание",
    "no such date; write \"2027-03-05\" or \"2027-07-05..2027-07-09\", a space, and perhaps a note",
);
const ODD_NOTE: Words = (
    "примечание начинается с буквы, и дат в нём нет; несколько дней пишутся \"2027-07-05..2027-07-09\", а часы не закрываются, только целые дни",
    "a note begins with a letter and has no date in it; several days are \"2027-07-05..2027-07-09\", and hours cannot be closed, only whole days",
);
const BACKWARDS: Words = (
    "ряд кончается раньше, чем начинается",
    "the range ends before it begins",
);
const TOO_LONG: Words = (
    "длиннее года; исправьте или разделите",
    "longer than a year; correct it or split it",
);
const NO_OPEN_DATE: Words = (
    "нет такой даты или нет часов; пишите \"2027-03-06 10:00-14:00, 15:00-17:00\"",
    "no such date or no hours; write \"2027-03-06 10:00-14:00, 15:00-17:00\"",
);
const CLOSED_TOO: Words = (
    "дата стоит и среди закрытых; уберите одну запись или разделите закрытый ряд",
    "the date is listed as closed too; remove one, or split the closed range around it",
);
const OPEN_TWICE: Words = (
    "дата стоит среди открытых дважды; запишите все её часы в одной строке, через запятую",
    "the date is listed as open twice; put all its hours in one entry, separated by commas",
);

/// Closed and open dates; they win over the week and the production calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    closed: Vec<Closed>,
    open: BTreeMap<NaiveDate, Vec<DayInterval>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Closed {
    first: NaiveDate,
    last: NaiveDate,
    note: String,
}

impl Exceptions {
    /// Reads closed dates, `"2027-03-05"` or `"2027-07-05..2027-07-09 отпуск"`, and open ones,
    /// `"2027-03-06 10:00-14:00, 15:00-17:00"`. Closed ranges may overlap, the first one gives
    /// the note; a date that is both closed and open is refused.
    pub fn parse<C, O>(
        closed: impl IntoIterator<Item = C>,
        open: impl IntoIterator<Item = O>,
    ) -> Result<Self, CalendarError>
    where
        C: AsRef<str>,
        O: AsRef<str>,
    {
        let mut exceptions = Self::default();
        for text in closed {
            exceptions.closed.push(parse_closed(text.as_ref())?);
        }
        for text in open {
            let text = text.as_ref();
            let (date, hours) = parse_open(text)?;
            if exceptions.closed_note(date).is_some() {
                return Err(refuse(text, CLOSED_TOO));
            }
            if exceptions.open.insert(date, hours).is_some() {
                return Err(refuse(text, OPEN_TWICE));
            }
        }
        Ok(exceptions)
    }

    /// The note of a closed date, perhaps empty; nothing if the date is not listed as closed.
    pub(super) fn closed_note(&self, date: NaiveDate) -> Option<&str> {
        let closed = self
            .closed
            .iter()
            .find(|c| c.first <= date && date <= c.last);
        closed.map(|c| c.note.as_str())
    }

    /// Every date listed as closed, once, in order.
    pub fn closed_dates(&self) -> BTreeSet<NaiveDate> {
        let days = |c: &Closed| {
            let last = c.last;
            c.first.iter_days().take_while(move |date| *date <= last)
        };
        self.closed.iter().flat_map(days).collect()
    }

    /// Every date listed as open, with its hours, in order.
    pub fn open_dates(&self) -> impl Iterator<Item = (NaiveDate, &[DayInterval])> {
        self.open.iter().map(|(date, hours)| (*date, &hours[..]))
    }

    /// The hours of a date that is listed as open.
    pub(super) fn open_hours(&self, date: NaiveDate) -> Option<&[DayInterval]> {
        self.open.get(&date).map(Vec::as_slice)
    }
}

fn parse_closed(text: &str) -> Result<Closed, CalendarError> {
    let (dates, note) = first_word(text);
    let (first, last) = dates.split_once("..").unwrap_or((dates, dates));
    let (Some(first), Some(last)) = (parse_date(first), parse_date(last)) else {
        return Err(refuse(text, NO_CLOSED_DATE));
    };
    if first > last {
        return Err(refuse(text, BACKWARDS));
    }
    if (last - first).num_days() >= LONGEST_CLOSED_DAYS {
        return Err(refuse(text, TOO_LONG));
    }
    // "2027-07-05 - 2027-07-09" and "2027-03-05 10:00-14:00" would otherwise close one whole day.
    let begins_well = |c: char| c.is_alphabetic() || "«„(№".contains(c);
    let mut numbers = note.split(|c: char| !c.is_ascii_digit() && c != '-');
    if !note.chars().next().is_none_or(begins_well) || numbers.any(|n| parse_date(n).is_some()) {
        return Err(refuse(text, ODD_NOTE));
    }
    let note = note.to_owned();
    Ok(Closed { first, last, note })
}

fn parse_open(text: &str) -> Result<(NaiveDate, Vec<DayInterval>), CalendarError> {
    let (date, hours) = first_word(text);
    let Some(date) = parse_date(date).filter(|_| !hours.is_empty()) else {
        return Err(refuse(text, NO_OPEN_DATE));
    };
    let hours = hours.split(',').map(DayInterval::parse);
    let hours = hours.collect::<Result<Vec<_>, _>>()?;
    check_order(&date.to_string(), &hours)?;
    Ok((date, hours))
}

/// What stands before the first space, and the rest.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn refuse(text: &str, (ru, en): Words) -> CalendarError {
    CalendarError::Exception {
        text: text.to_owned(),
        fault: Fault::new(ru, en),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    #[test]
    fn closed_and_open_dates_are_read() {
        let closed = [
            "2027-03-05",
            "2027-07-05..2027-07-09  отпуск, приказ № 5",
            "2027-07-09..2027-07-10 «ремонт»",
        ];
        let open = [
            "2027-03-06 10:00-14:00, 15:00-17:00",
            "2027-03-07 00:00-24:00",
        ];
        let exceptions = Exceptions::parse(closed, open).unwrap();
        for (day, note) in [
            ("2027-03-04", None),
            ("2027-03-05", Some("")),
            ("2027-07-04", None),
            ("2027-07-05", Some("отпуск, приказ № 5")),
            ("2027-07-09", Some("отпуск, приказ № 5")),
            ("2027-07-10", Some("«ремонт»")),
            ("2027-07-11", None),
        ] {
            assert_eq!(exceptions.closed_note(date(day)), note, "{day}");
        }
        let hours = exceptions.open_hours(date("2027-03-06")).unwrap();
        assert_eq!(hours[1].to_string(), "15:00-17:00");
    }

    #[test]
    fn closed_dates_that_make_no_sense_are_refused() {
        for (text, why) in [
            ("", "no such date"),
            ("2027-02-29", "no such date"),
            ("2027-7-5", "no such date"),
            ("05.07.2027", "no such date"),
            ("2027-07-05-2027-07-09", "no such date"),
            ("2027-07-05..2027-07-09отпуск", "no such date"),
            ("2027-07-09..2027-07-05", "ends before it begins"),
            ("2027-07-05..2028-07-09", "longer than a year"),
            ("2027-07-05 .. 2027-07-09", "begins with a letter"),
            ("2027-07-05 - 2027-07-09", "begins with a letter"),
            ("2027-07-05 10:00-14:00", "begins with a letter"),
            ("2027-07-05 по 2027-07-09, отпуск", "no date in it"),
        ] {
            let refused = Exceptions::parse([text], [""; 0]).unwrap_err();
            let message = refused.to_string();
            let expected = format!("exception \"{text}\": ");
            assert!(
                message.starts_with(&expected) && message.contains(why),
                "{message}"
            );
        }
    }

    #[test]
    fn open_dates_that_make_no_sense_are_refused() {
        for (open, why) in [
            (
                &["2027-03-06"][..],
                "\"2027-03-06\": no such date or no hours",
            ),
            (&["2027-02-30 10:00-14:00"], "no such date"),
            (&["2027-03-06 10:00-14:00 дежурство"], "not two times"),
            (&["2027-03-06 10:00-14:00,"], "not two times"),
            (
                &["2027-03-06 10:00-14:00, 13:00-15:00"],
                "2027-03-06: 10:00-14:00 and",
            ),
            (
                &["2027-03-06 10:00-14:00", "2027-03-06 15:00-16:00"],
                "listed as open twice",
            ),
            (
                &["2027-03-10 10:00-14:00"],
                "the date is listed as closed too",
            ),
        ] {
            let refused = Exceptions::parse(["2027-03-10..2027-03-12"], open).unwrap_err();
            assert!(refused.to_string().contains(why), "{refused}");
        }
    }
}
