//! Exceptional days as an iCalendar file (RFC 5545), for whoever imports or subscribes to it: one all-day event for each run
//! of closed days and for each day with other hours.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use minijinja::context;
use ninetosix_core::config::Hours;
use ninetosix_core::domain::calendar::Unusual;

use super::sheet::Row;
use crate::say::Say;

/// A content line has at most so many octets, its line break not counted.
const LINE_OCTETS: usize = 75;

/// Returns the exceptional days of `dates`.
///
/// # Errors
/// If a text cannot be made.
pub fn calendar(
    hours: &Hours,
    dates: Range<NaiveDate>,
    now: DateTime<Utc>,
) -> anyhow::Result<String> {
    let say = Say::new(hours);
    let desk = &hours.desk.name;
    let host = &hours.host;
    let mut file = File::default();
    file.line("BEGIN:VCALENDAR");
    file.line("VERSION:2.0");
    file.line("PRODID:-//ninetosix//schedule//EN");
    file.line("CALSCALE:GREGORIAN");
    file.line("METHOD:PUBLISH");
    file.line(&format!("X-WR-CALNAME:{}", escaped(desk)));
    let days = u32::try_from((dates.end - dates.start).num_days()).unwrap_or_default();
    for unusual in hours.calendar.unusual(dates.start, days) {
        let row = say.unusual(&unusual)?;
        let (first, last) = match &unusual {
            Unusual::Closed(run) => (run.first, run.last),
            Unusual::Open { date, .. } => (*date, *date),
        };
        let after = last.succ_opt().unwrap_or(last);
        let summary = if row.closed {
            say.text("schedule_event_closed", context! { desk })?
        } else {
            say.text("schedule_event_open", context! { desk, hours => &row.what })?
        };
        file.line("BEGIN:VEVENT");
        // The same day has the same name in every file, so that importing again changes it in place.
        file.line(&format!("UID:hours-{}@{host}", first.format("%Y%m%d")));
        file.line(&format!("DTSTAMP:{}", now.format("%Y%m%dT%H%M%SZ")));
        file.line(&format!("DTSTART;VALUE=DATE:{}", first.format("%Y%m%d")));
        file.line(&format!("DTEND;VALUE=DATE:{}", after.format("%Y%m%d")));
        file.line(&format!("SUMMARY:{}", escaped(&summary)));
        let description = description(&row);
        if !description.is_empty() {
            file.line(&format!("DESCRIPTION:{}", escaped(&description)));
        }
        // It is not the reader's own time that is taken.
        file.line("TRANSP:TRANSPARENT");
        file.line("END:VEVENT");
    }
    file.line("END:VCALENDAR");
    Ok(file.text)
}

fn description(row: &Row) -> String {
    row.more.join("; ").replace('\u{a0}', " ")
}

/// A text value (RFC 5545 section 3.3.11).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[derive(Default)]
struct File {
    text: String,
}

impl File {
    /// Adds a content line, folded between characters (RFC 5545 section 3.1).
    fn line(&mut self, line: &str) {
        let mut octets = 0;
        for c in line.chars() {
            if octets + c.len_utf8() > LINE_OCTETS {
                self.text.push_str("\r\n ");
                octets = 1;
            }
            self.text.push(c);
            octets += c.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}
