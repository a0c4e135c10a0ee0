//! The year that came of a file: what makes no sense is refused, what is odd is said.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{Datelike, NaiveDate};

use super::draft::{Draft, Kind, dates, is_weekend};
use super::format::Format;
use super::nonsense;
use crate::config::{Flaw, Words, calendar_flaw, words};
use crate::domain::calendar::{Fact, HEADER, Note, ProductionCalendar, public_holiday};

/// A calendar read from a file of whatever format.
#[derive(Debug)]
pub struct Imported {
    /// Its year.
    pub year: i32,
    /// The year as a calendar.
    pub calendar: ProductionCalendar,
    /// The year in our own format.
    pub csv: String,
    pub(super) format: Format,
    /// What the operator must know of it.
    pub(super) remarks: Vec<Words>,
    /// Whether the file has check sums, and they agree.
    pub(super) sums_agree: bool,
}

/// More worked Saturdays and Sundays no year of a five-day week has.
const MOST_WORKED_WEEKENDS: usize = 10;
/// Since this year the holidays of art. 112 are those of today.
const LAW_SINCE: i32 = 2013;
/// Fewer working days than this no year has, even with every wish of a feed.
pub(super) const FEWEST_WORKED: u32 = 235;
/// How many working and shortened days a year has.
const USUAL_WORKED: std::ops::RangeInclusive<u32> = 245..=250;
const USUAL_SHORT: std::ops::RangeInclusive<u32> = 1..=7;

/// What is compared with the published norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) worked: u32,
    pub(super) short: u32,
}

impl Totals {
    /// The totals of a year by what is special about each date.
    pub(super) fn of(year: i32, fact: impl Fn(NaiveDate) -> Option<Fact>) -> Self {
        let mut totals = Totals {
            worked: 0,
            short: 0,
        };
        for date in dates(year) {
            let kind = kind(date, fact(date).as_ref());
            totals.worked += u32::from(kind != Kind::Off);
            totals.short += u32::from(kind == Kind::Short);
        }
        totals
    }

    /// The hours of a week of 40 hours.
    pub(super) fn hours(self) -> u32 {
        self.worked * 8 - self.short
    }
}

/// What a date is like by what is special about it.
pub(super) fn kind(date: NaiveDate, fact: Option<&Fact>) -> Kind {
    match fact {
        Some(Fact::Holiday(_) | Fact::TransferredDayOff(_)) => Kind::Off,
        Some(Fact::WorkingWeekend { short: None, .. }) => Kind::Worked,
        Some(Fact::WorkingWeekend { short: Some(_), .. } | Fact::Shortened(_)) => Kind::Short,
        None if is_weekend(date) => Kind::Off,
        None => Kind::Worked,
    }
}

impl Imported {
    pub(super) fn of_draft(draft: Draft, format: Format, name: &str) -> Result<Self, Flaw> {
        let year = Self::new(draft.year, draft.facts(), format, name)?;
        let mut remarks = draft.remarks;
        remarks.extend(year.remarks);
        Ok(Self {
            remarks,
            sums_agree: draft.sums_agree,
            ..year
        })
    }

    pub(super) fn of_csv(
        (year, facts): (i32, BTreeMap<NaiveDate, Fact>),
        name: &str,
    ) -> Result<Self, Flaw> {
        Self::new(year, facts, Format::Csv, name)
    }

    fn new(
        year: i32,
        facts: BTreeMap<NaiveDate, Fact>,
        format: Format,
        name: &str,
    ) -> Result<Self, Flaw> {
        refuse_other_weeks(year, &facts)?;
        refuse_worked_holidays(year, &facts)?;
        refuse_idle_years(year, &facts)?;
        let remarks = oddities(year, &facts);
        let source = format!("импорт: {name} ({})", format.title());
        let csv = csv(&facts, &source);
        let calendar = ProductionCalendar::parse(&csv).map_err(|error| calendar_flaw(&error))?;
        Ok(Self {
            year,
            calendar,
            csv,
            format,
            remarks,
            sums_agree: false,
        })
    }

    pub(super) fn totals(&self) -> Totals {
        Totals::of(self.year, |date| self.calendar.fact(date))
    }
}

fn refuse_other_weeks(year: i32, facts: &BTreeMap<NaiveDate, Fact>) -> Result<(), Flaw> {
    let worked = |fact: &&Fact| matches!(fact, Fact::WorkingWeekend { .. });
    let count = facts.values().filter(worked).count();
    if count <= MOST_WORKED_WEEKENDS {
        return Ok(());
    }
    Err(Flaw::new(
        words!(
            "в файле {count} рабочих суббот и воскресений: так в пятидневке не бывает, это другой год, шестидневка или файл без выходных",
            "the file has {count} worked Saturdays and Sundays, which no five-day week has: it is of another year, of a six-day week, or leaves weekends out"
        ),
        words!(
            "возьмите календарь пятидневной недели за {year} год и проверьте --year",
            "take the calendar of the five-day week of {year}, and look at --year"
        ),
    ))
}

/// The law closes its holidays in every year: a file that does not lists a few changes, or is of another year.
fn refuse_worked_holidays(year: i32, facts: &BTreeMap<NaiveDate, Fact>) -> Result<(), Flaw> {
    let open = |date: &NaiveDate| {
        let holiday = if year < LAW_SINCE {
            date.ordinal() == 1
        } else {
            public_holiday(*date).is_some()
        };
        holiday && kind(*date, facts.get(date)) != Kind::Off
    };
    let open: Vec<String> = dates(year)
        .filter(open)
        .map(|date| date.to_string())
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let open = open.join(", ");
    Err(nonsense(words!(
        "праздники по ст. 112 ТК РФ в файле рабочие: {open}; год нужен целиком, со всеми праздниками",
        "public holidays by art. 112 are worked in the file: {open}; the year must be whole, with every holiday"
    )))
}

/// Fewer working days than [`FEWEST_WORKED`] no year has.
fn refuse_idle_years(year: i32, facts: &BTreeMap<NaiveDate, Fact>) -> Result<(), Flaw> {
    let worked = Totals::of(year, |date| facts.get(&date).cloned()).worked;
    if worked >= FEWEST_WORKED {
        return Ok(());
    }
    Err(nonsense(words!(
        "в файле рабочих дней {worked}, так мало ни в каком году не бывает",
        "the file has {worked} working days, too few for any year"
    )))
}

/// What no year is like, and yet might be.
fn oddities(year: i32, facts: &BTreeMap<NaiveDate, Fact>) -> Vec<Words> {
    let totals = Totals::of(year, |date| facts.get(&date).cloned());
    let Totals { worked, short } = totals;
    let mut odd = Vec::new();
    if !USUAL_WORKED.contains(&worked) {
        odd.push(words!(
            "рабочих дней {worked}, обычно их 247 или 248: сверьте год с постановлением Правительства",
            "{worked} working days, and most years have 247 or 248: compare the year with the decree"
        ));
    }
    if !USUAL_SHORT.contains(&short) {
        odd.push(words!(
            "сокращённых дней {short}, обычно их от 2 до 6: сверьте год с постановлением Правительства",
            "{short} shortened days, and most years have 2 to 6: compare the year with the decree"
        ));
    }
    odd
}

/// The facts in our own format; `source` stands where a fact names no law.
fn csv(facts: &BTreeMap<NaiveDate, Fact>, source: &str) -> String {
    let mut csv = format!("{HEADER}\n");
    let mut row = |date: &NaiveDate, kind: &str, note: &Note| {
        let source = cell(match note.source.is_empty() {
            true => source,
            false => &note.source,
        });
        let note = cell(&note.text);
        writeln!(csv, "{date},{kind},{note},{source}").expect("a string takes every text");
    };
    for (date, fact) in facts {
        match fact {
            Fact::Holiday(note) => row(date, "holiday", note),
            Fact::TransferredDayOff(note) => row(date, "transferred_day_off", note),
            Fact::Shortened(note) => row(date, "shortened", note),
            Fact::WorkingWeekend { note, short } => {
                row(date, "working_weekend", note);
                if let Some(short) = short {
                    row(date, "shortened", short);
                }
            }
        }
    }
    csv
}

/// Characters of a note.
const CELL_CHARS: usize = 200;

/// A text as a cell can hold it: on one line, without commas and quotes.
fn cell(text: &str) -> String {
    let text = text.chars().take(CELL_CHARS).map(|c| match c {
        ',' => ';',
        '"' => '\'',
        c if c.is_control() => ' ',
        c => c,
    });
    text.collect::<String>().trim().to_owned()
}
