//! xmlcalendar.ru as XML: the days that differ from the five-day week, each with its type.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};

use super::draft::{Draft, Kind, is_weekend};
use super::{Format, month_day, nonsense, one_year, unreadable};
use crate::config::{Flaw, quoted, words};

/// More nodes than any year has.
const NODES: u32 = 10_000;

pub(super) fn read(text: &str, asked: Option<i32>) -> Result<Draft, Flaw> {
    // Without a DTD nothing can be expanded.
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| unreadable(Format::XmlcalendarXml, &error.to_string()))?;
    let root = document.root_element();
    if !root.has_tag_name("calendar") {
        return Err(unreadable(Format::XmlcalendarXml, "<calendar year>?"));
    }
    let told = match root.attribute("year") {
        None => None,
        Some(year) => Some(year.trim().parse().map_err(|_| {
            let value = quoted(year);
            nonsense(words!("{value} — не год", "{value} is no year"))
        })?),
    };
    let mut draft = Draft::new(one_year(told, asked)?)?;
    let named = |name: &'static str| root.descendants().filter(move |n| n.has_tag_name(name));
    let titles: BTreeMap<&str, &str> = named("holiday")
        .filter_map(|holiday| Some((holiday.attribute("id")?, holiday.attribute("title")?)))
        .collect();
    for day in named("day") {
        tell(&mut draft, day, &titles)?;
    }
    Ok(draft)
}

fn tell(draft: &mut Draft, day: Node<'_, '_>, titles: &BTreeMap<&str, &str>) -> Result<(), Flaw> {
    let date = month_day(draft, day.attribute("d").unwrap_or_default())?;
    let kind = day.attribute("t").unwrap_or_default();
    match kind {
        "1" => draft.tell(date, Kind::Off)?,
        "2" => draft.tell(date, Kind::Short)?,
        "3" if is_weekend(date) => draft.tell(date, Kind::Worked)?,
        "3" => {
            return Err(nonsense(words!(
                "{date}: «рабочий выходной» (t=3) в будний день, который и так рабочий",
                "{date}: a \"worked weekend\" (t=3) on a day from Monday to Friday, which is worked anyway"
            )));
        }
        _ => {
            let value = quoted(kind);
            return Err(nonsense(words!(
                "{date}: вид дня {value} неизвестен (бывает t=1, 2, 3)",
                "{date}: {value} is no type of day (t is 1, 2 or 3)"
            )));
        }
    }
    if kind != "1" {
        return Ok(());
    }
    if let Some(from) = day.attribute("f") {
        let from = month_day(draft, from)?;
        draft.moves.insert(date, from);
    } else if let Some(title) = day.attribute("h").and_then(|id| titles.get(id)) {
        draft.names.insert(date, (*title).to_owned());
    }
    Ok(())
}
