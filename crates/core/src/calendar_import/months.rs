//! xmlcalendar.ru as JSON: a string a month such as `1*,2,3+`, which lists every day off, weekends included.

use serde::Deserialize;

use super::draft::{Draft, Kind, length};
use super::year::Totals;
use super::{Format, month_day, nonsense, one_year, unreadable};
use crate::config::{Flaw, quoted, words};

#[derive(Deserialize)]
struct File {
    year: Option<i32>,
    months: Vec<Month>,
    #[serde(default)]
    transitions: Vec<Transition>,
    statistic: Option<Sums>,
}

#[derive(Deserialize)]
struct Month {
    month: u32,
    days: String,
}

#[derive(Deserialize)]
struct Transition {
    from: String,
    to: String,
}

/// What a file says its days add up to.
#[derive(Deserialize)]
pub(super) struct Sums {
    pub(super) workdays: Option<f64>,
    pub(super) holidays: Option<f64>,
    pub(super) hours40: Option<f64>,
}

pub(super) fn read(text: &str, asked: Option<i32>) -> Result<Draft, Flaw> {
    let file: File = serde_json::from_str(text)
        .map_err(|error| unreadable(Format::XmlcalendarJson, &error.to_string()))?;
    let mut draft = Draft::new(one_year(file.year, asked)?)?;
    for wanted in 1..=12 {
        let mut of_month = file.months.iter().filter(|month| month.month == wanted);
        match (of_month.next(), of_month.next()) {
            (Some(month), None) => days_of_month(&mut draft, wanted, &month.days)?,
            _ => {
                return Err(nonsense(words!(
                    "месяц {wanted} должен стоять в файле один раз: в нём перечислены все выходные года",
                    "the month {wanted} must stand in the file once, since it lists every day off of the year"
                )));
            }
        }
    }
    if let Some(month) = file.months.iter().find(|m| !(1..=12).contains(&m.month)) {
        let month = month.month;
        return Err(nonsense(words!(
            "месяца {month} не бывает",
            "there is no month {month}"
        )));
    }
    draft.work_on_other_weekends();
    for Transition { from, to } in &file.transitions {
        let (from, to) = (month_day(&draft, from)?, month_day(&draft, to)?);
        draft.moves.insert(to, from);
    }
    if let Some(sums) = &file.statistic {
        draft.sums_agree = sums.compare(&draft)?;
    }
    Ok(draft)
}

/// Takes what `1*,2,3+` says of a month: every day off, `+` where it was moved there, and `*` one that is worked and short.
pub(super) fn days_of_month(draft: &mut Draft, number: u32, days: &str) -> Result<(), Flaw> {
    for entry in days.split(',').map(str::trim) {
        let (day, kind) = match (entry.strip_suffix('*'), entry.strip_suffix('+')) {
            (Some(day), _) => (day, Kind::Short),
            (None, day) => (day.unwrap_or(entry), Kind::Off),
        };
        let date = day.parse().ok().and_then(|day| draft.day(number, day));
        let Some(date) = date else {
            let value = quoted(entry);
            return Err(nonsense(words!(
                "месяц {number}: {value} — не день этого месяца (ждём вида 1, 2* или 3+)",
                "month {number}: {value} is no day of it (written 1, 2* or 3+)"
            )));
        };
        draft.tell(date, kind)?;
    }
    Ok(())
}

impl Sums {
    /// Refuses a file whose own sums are not those of its days; returns whether it has any.
    pub(super) fn compare(&self, draft: &Draft) -> Result<bool, Flaw> {
        let facts = draft.facts();
        let totals = Totals::of(draft.year, |date| facts.get(&date).cloned());
        let off = length(draft.year) as u32 - totals.worked;
        let sums = [
            ("workdays", self.workdays, totals.worked),
            ("holidays", self.holidays, off),
            ("hours40", self.hours40, totals.hours()),
        ];
        for (key, told, counted) in sums {
            if let Some(told) = told.filter(|told| *told != f64::from(counted)) {
                return Err(nonsense(words!(
                    "контрольная сумма не сходится: {key} в файле {told}, а по его дням {counted}",
                    "a check sum differs: {key} in the file is {told}, its days give {counted}"
                )));
            }
        }
        Ok(sums.iter().any(|(_, told, _)| told.is_some()))
    }
}
