//! What differs from the calendar in force, and the totals of both.

use chrono::{Datelike, NaiveDate, Weekday};

use super::draft::{Kind, dates, is_weekend};
use super::year::{Imported, Totals, kind};
use crate::config::{Words, words};
use crate::domain::calendar::{Fact, ProductionCalendar};

impl Imported {
    /// The report against the calendar in force, a line each; without one, against the embedded.
    pub fn report(&self, in_force: Option<&ProductionCalendar>) -> Vec<Words> {
        let (year, title) = (self.year, self.format.title());
        let embedded = ProductionCalendar::ru();
        let known = in_force.unwrap_or(&embedded);
        let mut lines = vec![words!(
            "формат {title}, {year} год",
            "format {title}, the year {year}"
        )];
        lines.push(match in_force {
            None => words!(
                "в настройках calendar = \"none\": сравнение со встроенным календарём",
                "the configuration has calendar = \"none\": compared with the embedded calendar"
            ),
            Some(known) if known.years().contains(&year) => words!(
                "сравнение с действующим календарём настроек",
                "compared with the calendar in force by the configuration"
            ),
            Some(_) => words!(
                "данных за {year} год в настройках нет: сравнение со счётом по одной ст. 112 ТК РФ",
                "the configuration has no data of {year}: compared with counting by art. 112 alone"
            ),
        });
        let before = lines.len();
        lines.extend(dates(year).filter_map(|date| {
            let (old, new) = (known.fact(date), self.calendar.fact(date));
            change(date, old.as_ref(), new.as_ref())
        }));
        if lines.len() == before {
            lines.push(words!("отличий нет", "nothing differs"));
        }
        let now = Totals::of(year, |date| known.fact(date));
        lines.push(totals("сейчас", "now", now));
        lines.push(totals("в файле", "in the file", self.totals()));
        lines.push(if self.sums_agree {
            words!(
                "контрольные суммы файла сходятся с его днями",
                "the file's own check sums agree with its days"
            )
        } else {
            words!(
                "контрольных сумм в файле нет: сверьте итоги с опубликованной нормой на {year} год",
                "the file has no check sums: compare the totals with the published norm of {year}"
            )
        });
        lines.extend(
            self.remarks
                .iter()
                .map(|Words { ru, en }| words!("! {ru}", "! {en}")),
        );
        lines
    }
}

/// A date that becomes another kind of day.
fn change(date: NaiveDate, old: Option<&Fact>, new: Option<&Fact>) -> Option<Words> {
    let (was, is) = (kind(date, old), kind(date, new));
    if was == is {
        return None;
    }
    let [
        Words {
            ru: was_ru,
            en: was_en,
        },
        Words {
            ru: is_ru,
            en: is_en,
        },
    ] = [was, is].map(|kind| of_kind(date, kind));
    // A day that becomes ordinary has no note of its own: what it was says more.
    let note = new.or(old).map(note).filter(|note| !note.is_empty());
    let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
    Some(words!(
        "{date}: {was_ru} → {is_ru}{note}",
        "{date}: {was_en} → {is_en}{note}"
    ))
}

fn note(fact: &Fact) -> String {
    match fact {
        Fact::Holiday(note) | Fact::TransferredDayOff(note) | Fact::Shortened(note) => {
            note.text.clone()
        }
        Fact::WorkingWeekend { note, short: None } => note.text.clone(),
        Fact::WorkingWeekend {
            note,
            short: Some(short),
        } => format!("{}; {}", note.text, short.text),
    }
}

fn of_kind(date: NaiveDate, kind: Kind) -> Words {
    let sunday = date.weekday() == Weekday::Sun;
    match (kind, is_weekend(date)) {
        (Kind::Off, _) => words!("выходной", "day off"),
        (Kind::Worked, false) => words!("рабочий день", "working day"),
        (Kind::Short, false) => words!("сокращённый день", "shortened day"),
        (Kind::Worked, true) if sunday => words!("рабочее воскресенье", "worked Sunday"),
        (Kind::Worked, true) => words!("рабочая суббота", "worked Saturday"),
        (Kind::Short, true) if sunday => {
            words!("сокращённое рабочее воскресенье", "shortened worked Sunday")
        }
        (Kind::Short, true) => words!("сокращённая рабочая суббота", "shortened worked Saturday"),
    }
}

fn totals(ru: &str, en: &str, totals: Totals) -> Words {
    let (Totals { worked, short }, hours) = (totals, totals.hours());
    words!(
        "{ru}: рабочих дней {worked}, из них сокращённых {short}, часов при 40-часовой неделе {hours}",
        "{en}: {worked} working days, {short} of them shortened, {hours} hours of a 40-hour week"
    )
}
