//! A year as any format tells it, made into the facts of our own calendar.
//!
//! Notes are for people and in Russian, as in the embedded calendar.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;

use super::nonsense;
use crate::config::{Flaw, Words, quoted, words};
use crate::domain::calendar::{Fact, Note, eve_of, public_holiday, weekend_holiday_before};
use crate::domain::language::Language;
use crate::mail::moment::Moments;

/// What one date is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Worked,
    Short,
    Off,
}

/// The year as the file tells it.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) year: i32,
    /// The dates the file speaks of; Monday to Friday are worked besides, and no others.
    kinds: BTreeMap<NaiveDate, Kind>,
    /// Why a date is off, if it is no public holiday of the Labour Code.
    pub(super) names: BTreeMap<NaiveDate, String>,
    /// Where a day off was moved to, and from where.
    pub(super) moves: BTreeMap<NaiveDate, NaiveDate>,
    /// What the operator must know of it.
    pub(super) remarks: Vec<Words>,
    /// Whether the file has check sums; those that differ were refused.
    pub(super) sums_agree: bool,
}

/// Years that a production calendar can be of.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// Refuses a year that is a slip of the pen.
pub(super) fn check_year(year: i32) -> Result<(), Flaw> {
    if YEARS.contains(&year) {
        return Ok(());
    }
    Err(nonsense(words!(
        "год {year}: так далеко календарь не бывает (ждём 2000–2100)",
        "the year {year} is too far away (2000 to 2100 can be)"
    )))
}

/// Saturday or Sunday.
pub(super) fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Every date of a year.
pub(super) fn dates(year: i32) -> impl Iterator<Item = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(year, 1, 1);
    let days = first.into_iter().flat_map(|first| first.iter_days());
    days.take_while(move |date| date.year() == year)
}

/// How many days the year has.
pub(super) fn length(year: i32) -> usize {
    dates(year).count()
}

impl Draft {
    /// A year of which nothing is told yet.
    pub(super) fn new(year: i32) -> Result<Self, Flaw> {
        check_year(year)?;
        Ok(Self {
            year,
            kinds: BTreeMap::new(),
            names: BTreeMap::new(),
            moves: BTreeMap::new(),
            remarks: Vec::new(),
            sums_agree: false,
        })
    }

    /// The date, if the year has it.
    pub(super) fn day(&self, month: u32, day: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(self.year, month, day)
    }

    /// Whether the file spoke of the date.
    pub(super) fn tells(&self, date: NaiveDate) -> bool {
        self.kinds.contains_key(&date)
    }

    /// Notes what the file tells of a date, which it may do once.
    pub(super) fn tell(&mut self, date: NaiveDate, kind: Kind) -> Result<(), Flaw> {
        match self.kinds.insert(date, kind) {
            None => Ok(()),
            Some(_) => Err(nonsense(words!(
                "{date} стоит в файле дважды",
                "{date} stands in the file twice"
            ))),
        }
    }

    /// Notes that a date is off, however often it is said.
    pub(super) fn close(&mut self, date: NaiveDate) {
        self.kinds.insert(date, Kind::Off);
    }

    /// For formats that list every day off: a Saturday or Sunday they left out is worked.
    pub(super) fn work_on_other_weekends(&mut self) {
        for date in dates(self.year).filter(|date| is_weekend(*date)) {
            self.kinds.entry(date).or_insert(Kind::Worked);
        }
    }

    /// For formats that know no shortened days, art. 95: the worked day right before a public holiday that is kept.
    pub(super) fn shorten_by_law(&mut self) {
        for date in dates(self.year) {
            // What the next year keeps is not for this file to say.
            let kept =
                |next: &NaiveDate| next.year() != date.year() || self.kind(*next) == Kind::Off;
            let eve = eve_of(date).is_some() && date.succ_opt().as_ref().is_some_and(kept);
            if eve && self.kind(date) == Kind::Worked {
                self.kinds.insert(date, Kind::Short);
            }
        }
    }

    /// Whether any day is shortened.
    pub(super) fn knows_short_days(&self) -> bool {
        self.kinds.values().any(|kind| *kind == Kind::Short)
    }

    /// What a date is like.
    pub(super) fn kind(&self, date: NaiveDate) -> Kind {
        let by_week = if is_weekend(date) {
            Kind::Off
        } else {
            Kind::Worked
        };
        self.kinds.get(&date).copied().unwrap_or(by_week)
    }

    /// How the year differs from the five-day week.
    pub(super) fn facts(&self) -> BTreeMap<NaiveDate, Fact> {
        let facts = dates(self.year).filter_map(|date| Some((date, self.fact(date)?)));
        facts.collect()
    }

    fn fact(&self, date: NaiveDate) -> Option<Fact> {
        let name = || self.names.get(&date).cloned();
        match (self.kind(date), is_weekend(date)) {
            (Kind::Off, weekend) => match public_holiday(date).map(str::to_owned).or_else(name) {
                Some(name) => Some(Fact::Holiday(note(name))),
                None if weekend => None,
                None => Some(Fact::TransferredDayOff(note(self.moved_here(date)))),
            },
            (Kind::Worked, false) => None,
            (Kind::Short, false) => Some(Fact::Shortened(note(self.short(date)))),
            (kind, true) => Some(Fact::WorkingWeekend {
                note: note(self.worked(date)),
                short: (kind == Kind::Short).then(|| note(self.short(date))),
            }),
        }
    }

    fn moved_here(&self, date: NaiveDate) -> String {
        let met = weekend_holiday_before(date).map(|(weekend, _)| weekend);
        let Some(from) = self.moves.get(&date).copied().or(met) else {
            return "выходной".to_owned();
        };
        let by_law = if met == Some(from) {
            " (праздник совпал с выходным)"
        } else {
            ""
        };
        format!("выходной перенесён с {}{by_law}", in_words(from))
    }

    fn worked(&self, date: NaiveDate) -> String {
        let day = match date.weekday() {
            Weekday::Sun => "рабочее воскресенье",
            _ => "рабочая суббота",
        };
        match self.moved_from(date) {
            Some(to) => format!("{day}; выходной перенесён на {}", in_words(to)),
            None => day.to_owned(),
        }
    }

    fn short(&self, date: NaiveDate) -> String {
        if let Some(holiday) = eve_of(date) {
            return format!("на час короче: канун ({holiday})");
        }
        match self.moved_from(date) {
            Some(to) => format!("на час короче: длится как {}", in_words(to)),
            None => "на час короче".to_owned(),
        }
    }

    /// Where the day off of a date went.
    fn moved_from(&self, date: NaiveDate) -> Option<NaiveDate> {
        let found = self.moves.iter().find(|(_, from)| **from == date);
        found.map(|(to, _)| *to)
    }
}

/// No format but our own names laws.
fn note(text: String) -> Note {
    Note::new(text, "")
}

/// «29 апреля».
fn in_words(date: NaiveDate) -> String {
    let moments = Moments {
        language: Language::Ru,
        zone: Tz::UTC,
    };
    moments.day(date).replace('\u{a0}', " ")
}

/// The date written `2027-12-31` or what is wrong with it.
pub(super) fn iso_date(text: &str) -> Result<NaiveDate, Flaw> {
    crate::domain::calendar::parse_date(text).ok_or_else(|| {
        let value = quoted(text);
        nonsense(words!(
            "{value} — не дата (ждём вида 2028-12-31)",
            "{value} is no date (written 2028-12-31)"
        ))
    })
}
