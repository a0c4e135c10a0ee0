//! Which format a text is in.

use super::open_data::FIRST_CELL;
use crate::domain::calendar::HEADER;

/// A notation of a production calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Our own.
    Csv,
    /// The XML of xmlcalendar.ru.
    XmlcalendarXml,
    /// The JSON of xmlcalendar.ru: a string of days a month.
    XmlcalendarJson,
    /// The open data of the state: a row of such strings a year.
    OpenData,
    /// A digit a day.
    Isdayoff,
    /// JSON lists of dates.
    JsonLists,
    /// A feed of events.
    Ics,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 7] = [
        Format::Csv,
        Format::XmlcalendarXml,
        Format::XmlcalendarJson,
        Format::OpenData,
        Format::Isdayoff,
        Format::JsonLists,
        Format::Ics,
    ];

    /// The name by which the command line knows it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::XmlcalendarXml => "xmlcalendar-xml",
            Format::XmlcalendarJson => "xmlcalendar-json",
            Format::OpenData => "open-data",
            Format::Isdayoff => "isdayoff",
            Format::JsonLists => "json-lists",
            Format::Ics => "ics",
        }
    }

    /// The name people know it by.
    pub fn title(self) -> &'static str {
        match self {
            Format::Csv => "CSV",
            Format::XmlcalendarXml => "xmlcalendar XML",
            Format::XmlcalendarJson => "xmlcalendar JSON",
            Format::OpenData => "CSV (data.gov.ru)",
            Format::Isdayoff => "isdayoff",
            Format::JsonLists => "JSON (holidays, preholidays, nowork)",
            Format::Ics => "ICS",
        }
    }
}

/// How much of a text is looked at for signs of HTML.
const HEAD_BYTES: usize = 1024;

/// The format a text looks like; what is inside is for its reader to judge.
pub(crate) fn recognise(text: &str) -> Option<Format> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let begins = |with: &str| {
        let head = text.get(..with.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(with))
    };
    if begins(HEADER) {
        Some(Format::Csv)
    } else if text.trim_start_matches('"').starts_with(FIRST_CELL) {
        Some(Format::OpenData)
    } else if begins("BEGIN:VCALENDAR") {
        Some(Format::Ics)
    } else if begins("<") {
        Some(Format::XmlcalendarXml).filter(|_| !is_web_page(text))
    } else if begins("{") {
        let key = |key: &str| text.contains(&format!("\"{key}\""));
        if key("months") {
            Some(Format::XmlcalendarJson)
        } else {
            let lists = key("holidays") || key("preholidays") || key("nowork");
            lists.then_some(Format::JsonLists)
        }
    } else {
        // One wrong character must not hide what the rest is.
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let digits = digits > 0 && digits * 10 >= text.len() * 9;
        digits.then_some(Format::Isdayoff)
    }
}

/// Whether it is a page for a browser.
pub(super) fn is_web_page(text: &str) -> bool {
    let head = &text[..text.floor_char_boundary(HEAD_BYTES)];
    let head = head.to_ascii_lowercase();
    ["<!doctype html", "<html", "<head>", "<body"]
        .iter()
        .any(|sign| head.contains(sign))
}
