//! `calendar show`: a year month by month, and its totals beside the published norm.

use chrono::{DateTime, Utc};
use clap::Args;
use minijinja::context;
use minijinja::value::Serde;
use ninetosix_core::config::Hours;
use ninetosix_core::domain::calendar::{Day, DayReason, Note, Totals};
use ninetosix_core::mail::wording::WordingError;
use serde::Serialize;
use serde_json::json;

use super::why;
use super::year::{Mark, Period, Sum, first_of, in_hours, last_of, sums, weeks};
use crate::say::Say;
use crate::schedule::{events, html};

const PAGE: &str = include_str!("year.html");
/// Characters a day takes in the terminal, and between two months.
const CELL: usize = 5;
const GAP: &str = "   ";

/// As what the year is shown; in the terminal if nothing is said.
#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
pub struct As {
    /// Exceptional days for calendar programs
    #[arg(long)]
    ics: bool,
    /// One A4 page
    #[arg(long)]
    html: bool,
    /// One JSON object: every day, and the totals
    #[arg(long)]
    json: bool,
}

/// Returns the year as it is wanted.
///
/// # Errors
/// If a text cannot be made.
pub fn render(hours: &Hours, year: i32, wanted: As, now: DateTime<Utc>) -> anyhow::Result<String> {
    if wanted.ics {
        return events::calendar(hours, first_of(year, 1)..first_of(year + 1, 1), now);
    }
    if wanted.json {
        return Ok(format!("{}\n", object(hours, year)));
    }
    if wanted.html {
        return page(hours, year);
    }
    Ok(terminal(hours, year)?)
}

fn terminal(hours: &Hours, year: i32) -> Result<String, WordingError> {
    let say = Say::new(hours);
    let calendar = &hours.calendar;
    let mut text = format!(
        "{} — {} ({})\n",
        say.text("calendar_title", context! { year })?,
        hours.desk.name,
        calendar.zone()
    );
    if let Some(tentative) = tentative(hours, &say, year)? {
        text.push_str(&format!("{tentative}\n"));
    }
    let key = [
        ("[ 1]", "calendar_key_off"),
        ("1*", "calendar_key_short"),
        ("1+", "calendar_key_worked"),
        ("1!", "calendar_key_own"),
    ];
    for (n, (mark, name)) in key.into_iter().enumerate() {
        let comma = if n == 0 { "" } else { "   " };
        text.push_str(&format!("{comma}{mark} {}", say.word(name)?));
    }
    text.push('\n');
    let weekdays = say.word("calendar_weekdays")?;
    for pair in [1, 3, 5, 7, 9, 11] {
        let months = [pair, pair + 1].map(|month| month_lines(hours, &say, &weekdays, year, month));
        let width = 7 * CELL;
        text.push('\n');
        for n in 0..months[0].len().max(months[1].len()) {
            let line = |of: &[String]| of.get(n).cloned().unwrap_or_default();
            let line = format!("{:<width$}{GAP}{}", line(&months[0]), line(&months[1]));
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text.push('\n');
    text.push_str(&table(hours, &say, year)?);
    Ok(text)
}

fn month_lines(hours: &Hours, say: &Say, weekdays: &str, year: i32, month: u32) -> Vec<String> {
    let width = 7 * CELL;
    let name = say.moments.month(month as usize - 1);
    let head: String = weekdays
        .split(' ')
        .map(|day| format!(" {day:<4}"))
        .collect();
    let mut lines = vec![format!("{name:^width$}"), head];
    for week in weeks(year, month) {
        let cell = |date: Option<chrono::NaiveDate>| {
            let Some(date) = date else {
                return " ".repeat(CELL);
            };
            let number = chrono::Datelike::day(&date);
            match Mark::of(&hours.calendar.day(date)) {
                Mark::Plain => format!(" {number:>2}  "),
                Mark::Off => format!("[{number:>2}] "),
                Mark::Short => format!(" {number:>2}* "),
                Mark::Worked(false) => format!(" {number:>2}+ "),
                Mark::Worked(true) => format!(" {number:>2}+*"),
                Mark::Own => format!(" {number:>2}! "),
            }
        };
        lines.push(week.into_iter().map(cell).collect());
    }
    lines
}

/// The totals, with the columns as wide as they need to be.
fn table(hours: &Hours, say: &Say, year: i32) -> Result<String, WordingError> {
    let (head, rows) = totals(hours, say, year)?;
    let widths: Vec<usize> = (0..head.len())
        .map(|n| {
            let cells = std::iter::once(&head[n]).chain(rows.iter().map(|row| &row.cells[n]));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let line = |cells: &[String]| {
        let mut line = String::new();
        for (n, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            line.push_str(&match n {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            });
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = line(&head);
    for row in &rows {
        text.push_str(&line(&row.cells));
    }
    if let Some(norm) = norm(hours, say, year)? {
        text.push_str(&format!("\n{norm}\n"));
    }
    Ok(text)
}

/// One line of the totals.
#[derive(Debug, Serialize)]
struct TotalsRow {
    cells: Vec<String>,
    /// `month`, `quarter` or `year`.
    of: &'static str,
}

/// The head of the totals and their rows; without a production calendar there are no columns of the norm.
fn totals(
    hours: &Hours,
    say: &Say,
    year: i32,
) -> Result<(Vec<String>, Vec<TotalsRow>), WordingError> {
    let columns = say.word("calendar_columns")?;
    let mut head: Vec<String> = columns.split('|').map(str::to_owned).collect();
    if !hours.calendar.keeps_production() {
        head.truncate(head.len() - 2);
    }
    let row = |sum: Sum| {
        let (name, of) = match sum.period {
            Period::Month(month) => (say.moments.month(month as usize - 1).to_owned(), "month"),
            Period::Quarter(number) => (
                say.text("calendar_quarter", context! { number })?,
                "quarter",
            ),
            Period::Year => (say.text("calendar_year", context! { year })?, "year"),
        };
        let desk = sum.desk;
        let counts = [
            desk.calendar_days,
            desk.working_days,
            desk.days_off,
            desk.shortened_days,
        ];
        let mut cells = vec![name];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(in_hours(desk.working_minutes));
        if let Some(norm) = sum.norm {
            cells.extend([
                norm.working_days.to_string(),
                in_hours(norm.working_minutes),
            ]);
        }
        Ok(TotalsRow { cells, of })
    };
    let rows: Result<Vec<TotalsRow>, WordingError> =
        sums(&hours.calendar, year).into_iter().map(row).collect();
    Ok((head, rows?))
}

/// The year's norm in a sentence.
fn norm(hours: &Hours, say: &Say, year: i32) -> Result<Option<String>, WordingError> {
    let calendar = hours.calendar.forty_hour_week();
    let norm = calendar.map(|norm| norm.totals(first_of(year, 1), last_of(year, 12)));
    norm.map(|norm| {
        let facts = context! {
            days => norm.working_days,
            short => norm.shortened_days,
            hours => in_hours(norm.working_minutes),
        };
        say.text("calendar_norm", facts)
    })
    .transpose()
}

/// That there is no data for the year, where there is none.
fn tentative(hours: &Hours, say: &Say, year: i32) -> Result<Option<String>, WordingError> {
    let is_tentative = hours.calendar.day(first_of(year, 1)).provisional;
    is_tentative
        .then(|| say.text("calendar_tentative", context! { year }))
        .transpose()
}

fn page(hours: &Hours, year: i32) -> anyhow::Result<String> {
    let say = Say::new(hours);
    let cell = |date: chrono::NaiveDate| {
        let day = hours.calendar.day(date);
        let (class, mark) = match Mark::of(&day) {
            Mark::Plain => ("", ""),
            Mark::Off => ("off", ""),
            Mark::Short => ("short", "*"),
            Mark::Worked(false) => ("worked", "+"),
            Mark::Worked(true) => ("worked", "+*"),
            Mark::Own => ("own", "!"),
        };
        let why = why::line(hours, date)?;
        let number = chrono::Datelike::day(&date);
        Ok(context! { number, class, mark, why })
    };
    let months: Result<Vec<_>, WordingError> = (1..=12)
        .map(|month| {
            let weeks = weeks(year, month).into_iter().map(|week| {
                let cells = week.into_iter().map(|date| date.map(cell).transpose());
                cells.collect::<Result<Vec<_>, WordingError>>()
            });
            let weeks = weeks.collect::<Result<Vec<_>, _>>()?;
            Ok(context! { name => say.moments.month(month as usize - 1), weeks })
        })
        .collect();
    let (head, rows) = totals(hours, &say, year)?;
    let weekdays = say.word("calendar_weekdays")?;
    let facts = context! {
        lang => hours.language.tag(),
        title => say.text("calendar_title", context! { year })?,
        desk => &hours.desk.name,
        tentative => tentative(hours, &say, year)?,
        off => say.word("calendar_key_off")?,
        short => say.word("calendar_key_short")?,
        worked => say.word("calendar_key_worked")?,
        own => say.word("calendar_key_own")?,
        weekdays => weekdays.split(' ').map(str::to_owned).collect::<Vec<_>>(),
        months => months?,
        head,
        rows => Serde(rows),
        norm => norm(hours, &say, year)?,
    };
    html::rendered(PAGE, facts)
}

fn object(hours: &Hours, year: i32) -> serde_json::Value {
    let calendar = &hours.calendar;
    let dates = first_of(year, 1)
        .iter_days()
        .take_while(|date| *date <= last_of(year, 12));
    let days: Vec<_> = dates
        .map(|date| {
            let day = calendar.day(date);
            let open: Vec<String> = day.intervals.iter().map(ToString::to_string).collect();
            let (kind, notes) = kind(&day);
            json!({
                "date": date, "kind": kind, "open": open, "shortened": day.shortened,
                "provisional": day.provisional, "notes": notes,
            })
        })
        .collect();
    let sums = sums(calendar, year);
    let of = |wanted: fn(Period) -> Option<u32>| -> Vec<serde_json::Value> {
        let chosen = sums.iter().filter_map(|sum| {
            let number = wanted(sum.period)?;
            let norm = sum.norm.map(counts);
            Some(json!({ "number": number, "desk": counts(sum.desk), "norm": norm }))
        });
        chosen.collect()
    };
    let months = of(|period| match period {
        Period::Month(number) => Some(number),
        _ => None,
    });
    let quarters = of(|period| match period {
        Period::Quarter(number) => Some(number),
        _ => None,
    });
    let whole = sums
        .last()
        .map(|sum| json!({ "desk": counts(sum.desk), "norm": sum.norm.map(counts) }));
    json!({
        "year": year,
        "zone": calendar.zone().name(),
        "provisional": calendar.day(first_of(year, 1)).provisional,
        "days": days,
        "months": months,
        "quarters": quarters,
        "total": whole,
    })
}

fn counts(totals: Totals) -> serde_json::Value {
    json!({
        "calendar_days": totals.calendar_days,
        "working_days": totals.working_days,
        "days_off": totals.days_off,
        "shortened_days": totals.shortened_days,
        "working_minutes": totals.working_minutes,
    })
}

/// A day's kind by its name in calendar files where it has one, and its notes.
fn kind(day: &Day) -> (&'static str, Vec<serde_json::Value>) {
    let note = |note: &Note| json!({ "text": note.text, "source": note.source });
    match &day.reason {
        DayReason::WorkingDay => ("working_day", vec![]),
        DayReason::Weekend => ("weekend", vec![]),
        DayReason::Holiday(why) => ("holiday", vec![note(why)]),
        DayReason::TransferredDayOff(why) => ("transferred_day_off", vec![note(why)]),
        DayReason::WorkingWeekend(why, short) => {
            let notes = std::iter::once(why).chain(short);
            ("working_weekend", notes.map(note).collect())
        }
        DayReason::Shortened(why) => ("shortened", vec![note(why)]),
        DayReason::ClosedException(text) => ("closed", vec![json!({ "text": text, "source": "" })]),
        DayReason::OpenException => ("open", vec![]),
    }
}

#[cfg(test)]
mod tests;
