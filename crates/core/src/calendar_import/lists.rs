//! JSON lists of dates: every day off with the weekends, the shortened days, and those closed by decree.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use serde::Deserialize;

use super::csv::choose_year;
use super::draft::{Draft, Kind, iso_date};
use super::{Format, one_year, unreadable};
use crate::config::{Flaw, words};

#[derive(Deserialize)]
struct File {
    holidays: Vec<String>,
    #[serde(default)]
    preholidays: Vec<String>,
    #[serde(default)]
    nowork: Vec<String>,
}

pub(super) fn read(text: &str, asked: Option<i32>) -> Result<Draft, Flaw> {
    let file: File = serde_json::from_str(text)
        .map_err(|error| unreadable(Format::JsonLists, &error.to_string()))?;
    let holidays = read_dates(&file.holidays)?;
    let short = read_dates(&file.preholidays)?;
    let nowork = read_dates(&file.nowork)?;
    let all = holidays.iter().chain(&short).chain(&nowork);
    let years: BTreeSet<i32> = all.map(NaiveDate::year).collect();
    let years: Vec<i32> = years.into_iter().collect();
    let year = match (years.as_slice(), asked) {
        (years, Some(asked)) if years.contains(&asked) => asked,
        ([] | [_], asked) => one_year(years.first().copied(), asked)?,
        (years, _) => return Err(choose_year(years)),
    };
    let mut draft = Draft::new(year)?;
    let of_year = |dates: Vec<NaiveDate>| dates.into_iter().filter(move |date| date.year() == year);
    for date in of_year(holidays) {
        draft.tell(date, Kind::Off)?;
    }
    for date in of_year(short) {
        draft.tell(date, Kind::Short)?;
    }
    for date in of_year(nowork) {
        // A day closed by decree may stand among the holidays too.
        if !draft.tells(date) || draft.kind(date) != Kind::Off {
            draft.tell(date, Kind::Off)?;
        }
        let note = "нерабочий день по указу Президента";
        draft.names.insert(date, note.to_owned());
    }
    draft.work_on_other_weekends();
    if !draft.knows_short_days() {
        draft.shorten_by_law();
        draft.remarks.push(words!(
            "сокращённых дней (preholidays) в файле нет: они поставлены по ст. 95 ТК РФ, в рабочий день прямо перед праздником; короткую рабочую субботу так не узнать",
            "the file has no shortened days (preholidays): they are set by art. 95, the worked day right before a public holiday; a short worked Saturday cannot be known so"
        ));
    }
    Ok(draft)
}

fn read_dates(texts: &[String]) -> Result<Vec<NaiveDate>, Flaw> {
    texts.iter().map(|text| iso_date(text)).collect()
}
