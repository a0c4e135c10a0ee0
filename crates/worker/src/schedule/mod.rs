//! The published schedule: the sheet for the stand, the fragment for the site, the events for calendar programs. All from
//! the settings that run the desk, so that they cannot disagree with it.
//!
//! - `sheet`: what stands on it, in words; `html`, `text`: how it looks; `events`: exceptional days as iCalendar.

pub mod events;
pub(crate) mod html;
mod sheet;
mod text;

use chrono::{DateTime, Days, Utc};
use clap::ValueEnum;
use ninetosix_core::config::{Hours, Settings};

/// What the schedule is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An A4 sheet to print, or a fragment for a web page
    Html,
    /// Plain text, 78 columns
    Txt,
    /// Exceptional days of the coming year for calendar programs
    Ics,
}

/// How much of the schedule is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// As what.
    pub format: Format,
    /// Of the HTML only what goes inside another page.
    pub fragment: bool,
    /// How many weeks of exceptional days are listed.
    pub weeks: u32,
}

/// Returns the schedule as of `now`.
///
/// # Errors
/// If a text cannot be made.
pub fn render(settings: &Settings, wanted: Wanted, now: DateTime<Utc>) -> anyhow::Result<String> {
    let sheet = || sheet::Sheet::new(settings, wanted.weeks, now);
    match wanted.format {
        Format::Html => html::page(&sheet()?, wanted.fragment),
        Format::Txt => Ok(text::page(&sheet()?)),
        Format::Ics => {
            let from = settings.calendar.date_of(now);
            let to = from.checked_add_days(Days::new(365)).unwrap_or(from);
            events::calendar(&Hours::from(settings), from..to, now)
        }
    }
}

#[cfg(test)]
mod tests;
