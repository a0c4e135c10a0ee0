//! The open data of the state (data.gov.ru) as CSV: a row a year, in it a cell a month such as `"1,2,3+,22*"`, in the notation
//! of xmlcalendar's JSON, then sums.

use super::csv::choose_year;
use super::draft::Draft;
use super::months::{Sums, days_of_month};
use super::{Format, one_year, unreadable};
use crate::config::Flaw;

/// How the first cell of the header begins.
pub(super) const FIRST_CELL: &str = "Год/Месяц";

pub(super) fn read(text: &str, asked: Option<i32>) -> Result<Draft, Flaw> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header = cells(lines.next().unwrap_or_default());
    let rows: Vec<Vec<String>> = lines.map(cells).collect();
    let year_of = |row: &[String]| row.first().and_then(|cell| cell.parse::<i32>().ok());
    let years: Vec<i32> = rows.iter().filter_map(|row| year_of(row)).collect();
    let year = match (years.as_slice(), asked) {
        (years, Some(asked)) if years.contains(&asked) => asked,
        ([only], asked) => one_year(Some(*only), asked)?,
        (years, _) => return Err(choose_year(years)),
    };
    let row = rows.iter().find(|row| year_of(row) == Some(year));
    let short = || unreadable(Format::OpenData, "fewer than twelve months in the row");
    let row = row.filter(|row| row.len() > 12).ok_or_else(short)?;
    let mut draft = Draft::new(year)?;
    for (month, days) in (1..=12).zip(&row[1..]) {
        days_of_month(&mut draft, month, days)?;
    }
    draft.work_on_other_weekends();
    let sum = |name: &str| {
        let at = header.iter().position(|cell| cell.starts_with(name))?;
        row.get(at)?.replace(',', ".").parse().ok()
    };
    let sums = Sums {
        workdays: sum("Всего рабочих дней"),
        holidays: sum("Всего праздничных и выходных"),
        hours40: sum("Количество рабочих часов при 40"),
    };
    draft.sums_agree = sums.compare(&draft)?;
    Ok(draft)
}

/// The cells of a row, where a cell in quotes may hold commas.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    for c in line.trim().chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}
