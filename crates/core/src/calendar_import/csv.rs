//! Our own format: read as the configuration reads it, one year of it taken.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::draft::dates;
use super::{one_year, year_wanted};
use crate::config::{Flaw, calendar_flaw, words};
use crate::domain::calendar::{Fact, ProductionCalendar};

/// The year and its facts.
pub(super) fn read(
    text: &str,
    asked: Option<i32>,
) -> Result<(i32, BTreeMap<NaiveDate, Fact>), Flaw> {
    let calendar = ProductionCalendar::parse(text).map_err(|error| calendar_flaw(&error))?;
    let years: Vec<i32> = calendar.years().iter().copied().collect();
    let year = match (years.as_slice(), asked) {
        (years, Some(asked)) if years.contains(&asked) => asked,
        ([only], asked) => one_year(Some(*only), asked)?,
        (years, _) => return Err(choose_year(years)),
    };
    super::draft::check_year(year)?;
    let facts = dates(year).filter_map(|date| Some((date, calendar.fact(date)?)));
    Ok((year, facts.collect()))
}

/// The refusal of a file of several years of which one must be named.
pub(super) fn choose_year(years: &[i32]) -> Flaw {
    let list: Vec<String> = years.iter().map(i32::to_string).collect();
    let list = list.join(", ");
    year_wanted(words!(
        "годы в файле: {list}, а перенимается один",
        "the file has the years {list}, and one is taken at a time"
    ))
}
