//! Production calendars in the formats people have, translated into our own and compared with the one in force.
//!
//! Bytes in, a calendar and words out: what reads the file, prints and writes is the command in the worker.
//!
//! | file | idea |
//! | --- | --- |
//! | `format` | which format a text is in |
//! | `draft` | a year as any format tells it, made into the facts of our own calendar |
//! | `csv` | our own format |
//! | `xml`, `months` | xmlcalendar.ru: XML, and JSON with a string a month |
//! | `open_data` | the open data of the state: a row of such strings a year |
//! | `isdayoff` | a digit a day |
//! | `lists` | JSON lists of dates |
//! | `ics` | a feed of events, of which a person must choose |
//! | `year` | the year that came of it: what makes no sense is refused, what is odd is said |
//! | `report` | what differs from the calendar in force, and the totals of both |

mod csv;
mod draft;
mod format;
mod ics;
mod isdayoff;
mod lists;
mod months;
mod open_data;
mod report;
#[cfg(test)]
mod tests;
mod xml;
mod year;

pub use format::Format;
pub(crate) use format::recognise;
pub use year::Imported;

use crate::config::{Flaw, Problem, Words, quoted, words};
use draft::Draft;

/// A calendar of one year is a few KiB; a log or an image given by mistake is not read into memory.
pub const FILE_CAP_BYTES: u64 = 1024 * 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The file's name as the operator gave it.
    pub name: &'a str,
    /// Its format, where it is not to be recognised.
    pub format: Option<Format>,
    /// The year, for a format that does not tell it or a file that has several.
    pub year: Option<i32>,
    /// The numbers of the events that close the desk, such as `1,3-5`, or `all`; for feeds.
    pub take: Option<&'a str>,
}

/// What became of it.
#[derive(Debug)]
pub struct Attempt {
    /// The events of a feed, a line each; of other formats nothing.
    pub events: Vec<Words>,
    /// The calendar, or why there is none and what to change.
    pub result: Result<Imported, Problem>,
}

/// Translates the bytes of a file.
pub fn import(request: Request<'_>, bytes: &[u8]) -> Attempt {
    let mut events = Vec::new();
    let result = translate(request, bytes, &mut events);
    Attempt {
        result: result.map_err(|flaw| flaw.at(request.name)),
        events,
    }
}

fn translate(
    request: Request<'_>,
    bytes: &[u8],
    events: &mut Vec<Words>,
) -> Result<Imported, Flaw> {
    if let Some(year) = request.year {
        draft::check_year(year)?;
    }
    let text = text(bytes)?;
    let format = match request.format {
        Some(format) => format,
        None => recognise(text).ok_or_else(unknown)?,
    };
    if request.take.is_some() && format != Format::Ics {
        return Err(Flaw::new(
            words!(
                "--take выбирает события ленты, а это не ICS",
                "--take chooses events of a feed, and this is no ICS"
            ),
            words!("уберите --take", "leave --take out"),
        ));
    }
    let draft = match format {
        Format::Csv => return Imported::of_csv(csv::read(text, request.year)?, request.name),
        Format::XmlcalendarXml => xml::read(text, request.year),
        Format::XmlcalendarJson => months::read(text, request.year),
        Format::OpenData => open_data::read(text, request.year),
        Format::Isdayoff => isdayoff::read(text, request.year),
        Format::JsonLists => lists::read(text, request.year),
        Format::Ics => ics::read(text, request.year, request.take, events),
    };
    Imported::of_draft(draft?, format, request.name)
}

/// The file as text, if it can be a calendar at all.
fn text(bytes: &[u8]) -> Result<&str, Flaw> {
    let again = || {
        words!(
            "скачайте файл заново и посмотрите, что в нём",
            "download the file again and look at what is in it"
        )
    };
    if bytes.len() as u64 > FILE_CAP_BYTES {
        return Err(Flaw::new(
            words!(
                "файл больше мебибайта, а календарь года — несколько килобайт",
                "the file is larger than a mebibyte, and a year's calendar has a few kilobytes"
            ),
            words!(
                "проверьте, тот ли это файл",
                "see whether it is the right file"
            ),
        ));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Flaw::new(
            words!("файл не в кодировке UTF-8", "the file is not UTF-8"),
            words!(
                "сохраните календарь как текст в UTF-8 или скачайте его заново",
                "save the calendar as text in UTF-8, or download it again"
            ),
        ));
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Flaw::new(words!("файл пуст", "the file is empty"), again()));
    }
    if format::is_web_page(text) {
        return Err(Flaw::new(
            words!(
                "это веб-страница, а не календарь: возможно, сервер ответил сообщением об ошибке",
                "this is a web page and no calendar; perhaps the server answered with an error"
            ),
            again(),
        ));
    }
    Ok(text)
}

fn unknown() -> Flaw {
    Flaw::new(
        words!(
            "формат не узнать: это не наш CSV (первая строка date,kind,note,source), не XML и не JSON xmlcalendar.ru, не CSV data.gov.ru, не строка isdayoff, не списки JSON (holidays, preholidays, nowork) и не ICS",
            "the format is not recognised: neither our CSV (first line date,kind,note,source), nor XML or JSON of xmlcalendar.ru, nor CSV of data.gov.ru, nor a line of isdayoff, nor JSON lists (holidays, preholidays, nowork), nor ICS"
        ),
        words!(
            "возьмите календарь в одном из этих форматов или назовите формат сами: --format",
            "take a calendar in one of these formats, or name the format: --format"
        ),
    )
}

/// The cure of a format that does not say its year.
fn year_wanted(what: Words) -> Flaw {
    Flaw::new(
        what,
        words!("назовите год: --year 2028", "say the year: --year 2028"),
    )
}

/// The one year of a file: the one it tells, which must be the one asked for.
fn one_year(told: Option<i32>, asked: Option<i32>) -> Result<i32, Flaw> {
    match (told, asked) {
        (Some(told), Some(asked)) if told != asked => Err(Flaw::new(
            words!(
                "файл — за {told} год, а спрошен {asked}",
                "the file is of {told}, asked for is {asked}"
            ),
            words!(
                "возьмите файл за {asked} год или напишите --year {told}",
                "take a file of {asked}, or write --year {told}"
            ),
        )),
        (told, asked) => told.or(asked).ok_or_else(|| {
            year_wanted(words!(
                "год в файле не назван",
                "the file does not say its year"
            ))
        }),
    }
}

/// What cannot be read as the format that it should be in.
fn unreadable(format: Format, why: &str) -> Flaw {
    let (name, why) = (format.title(), quoted(why));
    Flaw::new(
        words!(
            "не читается как {name}: {why}",
            "it cannot be read as {name}: {why}"
        ),
        words!(
            "скачайте файл заново целиком; если это другой формат, назовите его: --format",
            "download the whole file again; if it is in another format, name that: --format"
        ),
    )
}

/// A date or a mark in the file that makes no sense.
fn nonsense(what: Words) -> Flaw {
    Flaw::new(
        what,
        words!(
            "исправьте это место в файле или скачайте файл заново",
            "correct that place of the file, or download the file again"
        ),
    )
}

/// The date `MM.DD` of a year.
fn month_day(draft: &Draft, text: &str) -> Result<chrono::NaiveDate, Flaw> {
    let two_digits = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| digits)
    };
    let (year, value) = (draft.year, quoted(text));
    let date = text
        .split_once('.')
        .and_then(|(month, day)| draft.day(two_digits(month)?, two_digits(day)?));
    date.ok_or_else(|| {
        nonsense(words!(
            "{value}: такой даты в {year} году нет (ждём ММ.ДД)",
            "{value} is no date of {year} (written MM.DD)"
        ))
    })
}
