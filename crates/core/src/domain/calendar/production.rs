//! The production calendar: which days of a year differ from "Monday to Friday work".
//!
//! Read from CSV text with the columns `date,kind,note,source`. Whether a file is to be read, and
//! from where, is for others to know.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, Weekday};

use super::article_112;
use super::error::{CalendarError, Fault, Place};
use super::moved::stands_for;
use super::note::Note;
use super::wall_clock::parse_date;

pub(crate) const HEADER: &str = "date,kind,note,source";
const RU: &str = include_str!("ru-production-calendar.csv");

/// How one date differs from the five-day week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Closed by law.
    Holiday(Note),
    /// Closed, since a day off was moved here.
    TransferredDayOff(Note),
    /// A Saturday or Sunday that is worked; `short` if it closes an hour earlier.
    WorkingWeekend { note: Note, short: Option<Note> },
    /// Worked, and closes an hour earlier.
    Shortened(Note),
}

/// The production calendar of some years. A year that it does not have is counted by art. 112 of
/// the Labour Code alone, and answers in it are provisional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductionCalendar {
    years: BTreeSet<i32>,
    facts: BTreeMap<NaiveDate, Fact>,
}

impl ProductionCalendar {
    /// The calendar that comes with the program: Russia, 2024 to 2027.
    pub fn ru() -> Self {
        Self::parse(RU).expect("the embedded calendar is valid, a test reads it")
    }

    /// Reads a calendar file. A year that has any row is taken as known completely, so a file
    /// must list every special day of its years.
    pub fn parse(csv: &str) -> Result<Self, CalendarError> {
        let csv = csv.strip_prefix('\u{feff}').unwrap_or(csv);
        let mut lines = (1..).zip(csv.lines());
        if lines.next().map(|(_, line)| line.trim_end()) != Some(HEADER) {
            return Err(refuse(
                Place::Line(1),
                Fault::new(
                    format!("здесь должно стоять \"{HEADER}\""),
                    format!("must be \"{HEADER}\""),
                ),
            ));
        }
        let mut facts = BTreeMap::new();
        for (line, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
            let place = || Place::Line(line);
            let (date, fact) = row(text).map_err(|fault| refuse(place(), fault))?;
            let fact = match facts.remove(&date) {
                None => fact,
                Some(earlier) => {
                    pair(earlier, fact).ok_or_else(|| refuse(place(), second_row(date)))?
                }
            };
            facts.insert(date, fact);
        }
        if facts.is_empty() {
            return Err(refuse(
                Place::Line(2),
                Fault::new(
                    "дней нет; перечислите все дни года, которые отличаются от «с понедельника по пятницу»",
                    "no days follow; list every day of a year that differs from \"Monday to Friday\"",
                ),
            ));
        }
        for (date, fact) in &facts {
            check_weekday(*date, fact).map_err(|fault| refuse(Place::Date(*date), fault))?;
        }
        let years: BTreeSet<i32> = facts.keys().map(NaiveDate::year).collect();
        for year in &years {
            check_whole(*year, &facts)?;
        }
        Ok(Self { years, facts })
    }

    /// Takes every year that `other` has from `other`, as a whole; nothing of that year is kept.
    pub fn replace_years(&mut self, other: Self) {
        self.facts
            .retain(|date, _| !other.years.contains(&date.year()));
        self.facts.extend(other.facts);
        self.years.extend(other.years);
    }

    /// The years it has data for.
    pub fn years(&self) -> &BTreeSet<i32> {
        &self.years
    }

    /// Its years and facts without their notes, a line each.
    pub(super) fn canonical(&self) -> Vec<String> {
        let years = self.years.iter().map(|year| format!("year {year}"));
        let facts = self.facts.iter().map(|(date, fact)| {
            let kind = match fact {
                // Both are closed all day.
                Fact::Holiday(_) | Fact::TransferredDayOff(_) => "off".to_owned(),
                Fact::WorkingWeekend { note, short } => {
                    let short = if short.is_some() { "short" } else { "full" };
                    format!("worked {short} {:?}", stands_for(*date, &note.text))
                }
                Fact::Shortened(_) => "short".to_owned(),
            };
            format!("{date} {kind}")
        });
        years.chain(facts).collect()
    }

    /// The last day of the last year with data.
    pub(super) fn data_end(&self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(*self.years.last()?, 12, 31)
    }

    /// What is special about a date, from the data of its year or else from art. 112.
    pub(crate) fn fact(&self, date: NaiveDate) -> Option<Fact> {
        if self.years.contains(&date.year()) {
            self.facts.get(&date).cloned()
        } else {
            article_112::fact(date)
        }
    }
}

/// One line of the file, or what is wrong with it.
fn row(text: &str) -> Result<(NaiveDate, Fact), Fault> {
    if text.contains('"') {
        return Err(Fault::new(
            "кавычки здесь не читаются; напишите примечание без кавычек и запятых",
            "quotes are not understood; write the note without quotes or commas",
        ));
    }
    let columns: Vec<&str> = text.split(',').map(str::trim).collect();
    let &[date, kind, note, source] = columns.as_slice() else {
        let count = columns.len();
        return Err(Fault::new(
            format!(
                "столбцов {count}, а нужно четыре, как в \"{HEADER}\"; разделите их запятыми, внутри примечания запятых не ставьте"
            ),
            format!(
                "{count} columns instead of the four of \"{HEADER}\"; separate them by commas and use none inside a note"
            ),
        ));
    };
    let Some(date) = parse_date(date) else {
        return Err(Fault::new(
            format!("«{date}» — не дата; запишите её как 2028-12-31"),
            format!("\"{date}\" is not a date; write it as 2028-12-31"),
        ));
    };
    let note = Note::new(note, source);
    let fact = match kind {
        "holiday" => Fact::Holiday(note),
        "transferred_day_off" => Fact::TransferredDayOff(note),
        "working_weekend" => Fact::WorkingWeekend { note, short: None },
        "shortened" => Fact::Shortened(note),
        _ => {
            return Err(Fault::new(
                format!(
                    "«{kind}» — не вид дня; бывают holiday, transferred_day_off, working_weekend и shortened"
                ),
                format!(
                    "\"{kind}\" is not a kind of day; use holiday, transferred_day_off, working_weekend or shortened"
                ),
            ));
        }
    };
    Ok((date, fact))
}

fn second_row(date: NaiveDate) -> Fault {
    Fault::new(
        format!(
            "{date} уже есть; вместе стоят только working_weekend и shortened, каждый один раз"
        ),
        format!(
            "{date} has a row already; only working_weekend and shortened go together, once each"
        ),
    )
}

/// Two rows of one date as one fact; nothing if they contradict each other.
fn pair(one: Fact, other: Fact) -> Option<Fact> {
    match (one, other) {
        (Fact::WorkingWeekend { note, short: None }, Fact::Shortened(short))
        | (Fact::Shortened(short), Fact::WorkingWeekend { note, short: None }) => {
            let short = Some(short);
            Some(Fact::WorkingWeekend { note, short })
        }
        _ => None,
    }
}

fn check_weekday(date: NaiveDate, fact: &Fact) -> Result<(), Fault> {
    let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
    match fact {
        Fact::WorkingWeekend { .. } if !weekend => Err(Fault::new(
            "working_weekend в день с понедельника по пятницу, который и так рабочий; исправьте дату или уберите строку",
            "working_weekend on a day from Monday to Friday, which is worked anyway; correct the date or remove the row",
        )),
        Fact::Shortened(_) if weekend => Err(Fault::new(
            "shortened в субботу или воскресенье, а это выходной; добавьте строку working_weekend, если день рабочий, или исправьте дату",
            "shortened on a Saturday or Sunday, which is off; add a working_weekend row if it is worked, or correct the date",
        )),
        _ => Ok(()),
    }
}

fn refuse(place: Place, fault: Fault) -> CalendarError {
    CalendarError::File { place, fault }
}

/// A file replaces a year as a whole: one that does not even close the 1st of January lists a few changes, and would
/// open the desk on every holiday it leaves out.
fn check_whole(year: i32, facts: &BTreeMap<NaiveDate, Fact>) -> Result<(), CalendarError> {
    let new_year = NaiveDate::from_ymd_opt(year, 1, 1);
    let fact = new_year.and_then(|date| facts.get(&date));
    if matches!(fact, Some(Fact::Holiday(_) | Fact::TransferredDayOff(_))) {
        return Ok(());
    }
    let fault = Fault::new(
        "год должен быть целиком, а 1 января в нём не выходной: перечислите все праздники",
        "the year must be whole, but its 1st of January is not a day off: list every holiday",
    );
    Err(refuse(Place::Year(year), fault))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn file(rows: &str) -> Result<ProductionCalendar, CalendarError> {
        ProductionCalendar::parse(&format!("{HEADER}\n{rows}\n"))
    }

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    #[test]
    fn the_embedded_calendar_is_read() {
        let ru = ProductionCalendar::ru();
        assert_eq!(Vec::from_iter(ru.years().clone()), [2024, 2025, 2026, 2027]);
        assert_eq!(ru.data_end(), Some(date("2027-12-31")));
    }

    /// What art. 112 fixes by itself stands in every year's data too, under the same names.
    #[test]
    fn counting_by_article_112_agrees_with_the_data_as_far_as_the_law_goes() {
        let ru = ProductionCalendar::ru();
        let first = date("2024-01-01");
        for day in first.iter_days().take_while(|day| day.year() < 2028) {
            let (known, counted) = (ru.fact(day), article_112::fact(day));
            if let Some(Fact::Holiday(_)) = &known {
                assert_eq!(counted, known, "{day}");
            }
            if let Some(Fact::Holiday(_)) = &counted {
                assert_eq!(counted, known, "{day}");
            }
            let by_law = |line: &str| line.starts_with(&day.to_string()) && line.ends_with("ч. 2");
            if RU.lines().any(by_law) {
                let off = matches!(counted, Some(Fact::TransferredDayOff(_)));
                assert!(off, "{day}");
            }
        }
    }

    #[test]
    fn a_year_without_data_is_counted_by_article_112() {
        let ru = ProductionCalendar::ru();
        type Expected = fn(&Option<Fact>) -> bool;
        let off: Expected = |f| matches!(f, Some(Fact::TransferredDayOff(_)));
        let holiday: Expected = |f| matches!(f, Some(Fact::Holiday(_)));
        let short: Expected = |f| matches!(f, Some(Fact::Shortened(_)));
        let nothing: Expected = |f| f.is_none();
        for (day, expected) in [
            ("2028-01-08", holiday), // a Saturday, and January holidays do not move
            ("2028-01-10", nothing),
            ("2028-02-22", short),
            ("2028-02-23", holiday),
            ("2028-04-30", nothing), // a Sunday before a holiday
            ("2028-11-03", short),
            ("2028-11-04", holiday), // a Saturday
            ("2028-11-06", off),
            ("2028-11-07", nothing),
            ("2029-12-31", short), // the holiday is in the next year
            ("2033-05-02", off),   // 1 May 2033 is a Sunday
        ] {
            let fact = ru.fact(date(day));
            assert!(expected(&fact), "{day}: {fact:?}");
        }
    }

    #[test]
    fn a_later_file_replaces_a_year_as_a_whole() {
        let mut calendar = ProductionCalendar::ru();
        let later = "2027-01-01,holiday,a,b\r\n\r\n2028-01-01,holiday,a,b\r\n";
        calendar.replace_years(
            ProductionCalendar::parse(&format!("\u{feff}{HEADER}\r\n{later}")).unwrap(),
        );
        assert_eq!(calendar.fact(date("2027-02-20")), None);
        assert_eq!(calendar.fact(date("2028-11-06")), None);
        assert!(calendar.fact(date("2026-12-31")).is_some());
        assert_eq!(calendar.years().last(), Some(&2028));
    }

    #[test]
    fn the_two_rows_of_a_short_working_saturday_come_in_any_order() {
        let new_year = "2027-01-01,holiday,a,b";
        let worked = "2027-02-20,working_weekend,a,b";
        let short = "2027-02-20,shortened,c,d";
        let one = file(&format!("{new_year}\n{worked}\n{short}")).unwrap();
        assert_eq!(
            file(&format!("{new_year}\n{short}\n{worked}")).unwrap(),
            one
        );
    }

    #[test]
    fn a_file_with_a_few_changes_is_no_year() {
        let refused = file("2028-05-02,transferred_day_off,a,b")
            .unwrap_err()
            .to_string();
        assert!(refused.contains("list every holiday"), "{refused}");
    }

    #[test]
    fn a_file_that_makes_no_sense_is_refused() {
        for (rows, why) in [
            ("", "line 2: no days follow"),
            (
                "2027-13-01,holiday,a,b",
                "line 2: \"2027-13-01\" is not a date",
            ),
            ("\n01.05.2027,holiday,a,b", "line 3: \"01.05.2027\""),
            ("2027-5-1,holiday,a,b", "write it as 2028-12-31"),
            ("2027-05-01,Holiday,a,b", "\"Holiday\" is not a kind of day"),
            ("2027-05-01,holiday,a", "3 columns"),
            ("2027-05-01,holiday,a, b,c", "use none inside a note"),
            ("2027-05-01;holiday;a;b", "1 columns"),
            ("2027-05-01,holiday,\"a, b\",c", "quotes"),
            (
                "2027-05-03,working_weekend,a,b",
                "2027-05-03: working_weekend",
            ),
            (
                "2027-05-01,shortened,a,b",
                "2027-05-01: shortened on a Saturday",
            ),
            (
                "2027-05-01,holiday,a,b\n2027-05-01,holiday,a,b",
                "line 3: 2027-05-01 has a row already",
            ),
            (
                "2027-04-30,holiday,a,b\n2027-04-30,shortened,a,b",
                "only working_weekend and shortened go together",
            ),
            (
                "2027-02-20,working_weekend,a,b\n2027-02-20,shortened,a,b\n2027-02-20,shortened,a,b",
                "line 4",
            ),
            (
                "2027-05-03,working_weekend,a,b\n2027-05-03,shortened,a,b",
                "2027-05-03: working_weekend",
            ),
        ] {
            let message = file(rows).unwrap_err().to_string();
            assert!(message.contains(why), "{rows}: {message}");
        }
        for text in ["", "2027-05-01,holiday,a,b", "100"] {
            let message = ProductionCalendar::parse(text).unwrap_err().to_string();
            assert!(message.contains("line 1: must be"), "{message}");
        }
    }
}
