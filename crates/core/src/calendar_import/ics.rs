//! A feed of events (RFC 5545), read by a library. Which of them close the desk only a person can say: such feeds list
//! observances that are worked, and know neither worked Saturdays nor shortened days.

use std::collections::BTreeSet;

use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarStatus, ICalendarValue,
};
use calcard::{Entry, Parser};
use chrono::{Datelike, NaiveDate, TimeDelta};

use super::csv::choose_year;
use super::draft::{Draft, check_year, dates};
use super::year::{FEWEST_WORKED, Totals};
use super::{Format, nonsense, one_year, unreadable};
use crate::config::{Flaw, Words, quoted, words};
use crate::domain::text::CleanLine;

/// Characters of a title.
const TITLE_CHARS: usize = 120;

/// An event of whole days.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    first: NaiveDate,
    last: NaiveDate,
    title: String,
}

/// What the feed has.
#[derive(Debug, Default)]
struct Feed {
    events: Vec<Event>,
    /// Events that say no days of their own, and why.
    others: Vec<Words>,
}

pub(super) fn read(
    text: &str,
    asked: Option<i32>,
    take: Option<&str>,
    listed: &mut Vec<Words>,
) -> Result<Draft, Flaw> {
    let Feed { mut events, others } = feed(text)?;
    events.sort();
    let years: BTreeSet<i32> = events.iter().map(|event| event.first.year()).collect();
    let years: Vec<i32> = years.into_iter().collect();
    let year = match (years.as_slice(), asked) {
        (_, Some(asked)) => asked,
        ([] | [_], None) => one_year(years.first().copied(), None)?,
        (years, None) => return Err(choose_year(years)),
    };
    check_year(year)?;
    let (events, outside): (Vec<_>, Vec<_>) = events
        .into_iter()
        .partition(|event| event.first.year() <= year && event.last.year() >= year);
    for (n, event) in (1..).zip(&events) {
        let shown = event.shown();
        listed.push(words!("{n:>4}  {shown}", "{n:>4}  {shown}"));
    }
    for event in &outside {
        let shown = event.shown();
        listed.push(words!(
            "   –  {shown}: вне {year} года",
            "   –  {shown}: outside {year}"
        ));
    }
    listed.extend(others);
    if events.is_empty() {
        return Err(nonsense(words!(
            "событий на целые дни {year} года в ленте нет",
            "the feed has no events of whole days in {year}"
        )));
    }
    let Some(take) = take else {
        return Err(choose(words!(
            "лента событий — ещё не производственный календарь: рядом с праздниками в таких лентах стоят памятные дни, в которые работают, а рабочих суббот и сокращённых дней в них нет",
            "a feed of events is no production calendar yet: beside holidays such feeds list observances that are worked, and they know neither worked Saturdays nor shortened days"
        )));
    };
    let mut draft = Draft::new(year)?;
    for number in numbers(take, events.len())? {
        let event = &events[number - 1];
        let of_event = dates(year).filter(|date| (event.first..=event.last).contains(date));
        for date in of_event {
            draft.close(date);
            draft
                .names
                .entry(date)
                .or_insert_with(|| event.title.clone());
        }
    }
    draft.shorten_by_law();
    refuse_observances(&draft)?;
    draft.remarks.push(words!(
        "рабочие субботы и переносы из ленты не узнать: если они в этом году есть, допишите их в CSV (working_weekend, transferred_day_off)",
        "worked Saturdays and moved days off cannot be known from a feed: if the year has some, add them to the CSV (working_weekend, transferred_day_off)"
    ));
    draft.remarks.push(words!(
        "сокращённые дни поставлены по ст. 95 ТК РФ: рабочий день прямо перед праздником",
        "shortened days are set by art. 95: the worked day right before a public holiday"
    ));
    Ok(draft)
}

impl Event {
    /// Its days and its title.
    fn shown(&self) -> String {
        let Self { first, last, title } = self;
        if first == last {
            format!("{first}  {title}")
        } else {
            format!("{first}..{last}  {title}")
        }
    }
}

fn choose(what: Words) -> Flaw {
    Flaw::new(
        what,
        words!(
            "выберите по номерам события, в которые служба закрыта: --take 1,3-5 (или --take all); вернее взять календарь xmlcalendar.ru",
            "choose by number the events on which the desk is closed: --take 1,3-5 (or --take all); a calendar of xmlcalendar.ru is surer"
        ),
    )
}

/// The chosen numbers, each from 1 to `count`.
fn numbers(take: &str, count: usize) -> Result<BTreeSet<usize>, Flaw> {
    if take.trim() == "all" {
        return Ok((1..=count).collect());
    }
    let mut chosen = BTreeSet::new();
    for part in take.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<usize>().ok();
        match (number(first), number(last)) {
            (Some(first), Some(last)) if 1 <= first && first <= last && last <= count => {
                chosen.extend(first..=last);
            }
            _ => {
                let value = quoted(part);
                return Err(choose(words!(
                    "--take {value}: таких номеров нет, они от 1 до {count}",
                    "--take {value}: there are no such numbers, they go from 1 to {count}"
                )));
            }
        }
    }
    Ok(chosen)
}

fn refuse_observances(draft: &Draft) -> Result<(), Flaw> {
    let facts = draft.facts();
    let worked = Totals::of(draft.year, |date| facts.get(&date).cloned()).worked;
    if worked >= FEWEST_WORKED {
        return Ok(());
    }
    Err(choose(words!(
        "с этими событиями в году остаётся {worked} рабочих дней, так мало не бывает: среди них памятные дни, в которые работают",
        "with these events the year has {worked} working days left, too few for any: some are observances that are worked"
    )))
}

fn feed(text: &str) -> Result<Feed, Flaw> {
    const END: &str = "END:VCALENDAR";
    let text = text.trim();
    let end = text.len().checked_sub(END.len());
    let end = end.and_then(|at| text.get(at..));
    if !end.is_some_and(|end| end.eq_ignore_ascii_case(END)) {
        return Err(unreadable(Format::Ics, "… END:VCALENDAR?"));
    }
    let mut feed = Feed::default();
    let mut parser = Parser::new(text);
    loop {
        let calendar = match parser.entry() {
            Entry::ICalendar(calendar) => calendar,
            Entry::Eof => return Ok(feed),
            other => {
                let why = format!("{other:?}");
                return Err(unreadable(Format::Ics, &why));
            }
        };
        for event in &calendar.components {
            if event.component_type == ICalendarComponentType::VEvent {
                feed.add(event)?;
            }
        }
    }
}

impl Feed {
    fn add(&mut self, event: &ICalendarComponent) -> Result<(), Flaw> {
        let value = |name: &ICalendarProperty| event.property(name)?.values.first();
        let title = value(&ICalendarProperty::Summary).and_then(ICalendarValue::as_text);
        let title = CleanLine::new(title.unwrap_or_default(), TITLE_CHARS);
        let title = title.as_str().to_owned();
        let status = value(&ICalendarProperty::Status);
        if matches!(
            status,
            Some(ICalendarValue::Status(ICalendarStatus::Cancelled))
        ) {
            self.others.push(words!(
                "   –  {title}: отменено",
                "   –  {title}: cancelled"
            ));
            return Ok(());
        }
        let no_date = |which: &str| {
            let value = quoted(&title);
            nonsense(words!(
                "событие {value}: {which} — не дата",
                "event {value}: {which} is no date"
            ))
        };
        let Some(first) = value(&ICalendarProperty::Dtstart).map(day) else {
            return Err(no_date("DTSTART"));
        };
        let first = match first {
            Day::Date(first) => first,
            Day::None => return Err(no_date("DTSTART")),
            Day::Time => {
                self.others.push(words!(
                    "   –  {title}: не на целый день",
                    "   –  {title}: not of whole days"
                ));
                return Ok(());
            }
        };
        let repeats = [ICalendarProperty::Rrule, ICalendarProperty::Rdate];
        if repeats.iter().any(|name| event.has_property(name)) {
            self.others.push(words!(
                "   –  {title}: повторяется по правилу, нужна лента с датами каждого года",
                "   –  {title}: repeats by a rule; a feed with the dates of each year is needed"
            ));
            return Ok(());
        }
        // The end is the day after the last (RFC 5545 section 3.6.1); some feeds end an event on its own day.
        let after = match value(&ICalendarProperty::Dtend).map(day) {
            Some(Day::Date(after)) => Some(after),
            Some(_) => return Err(no_date("DTEND")),
            None => match value(&ICalendarProperty::Duration) {
                Some(ICalendarValue::Duration(duration)) => duration
                    .to_time_delta()
                    .filter(|it| *it > TimeDelta::zero())
                    .and_then(|it| first.checked_add_signed(it)),
                _ => None,
            },
        };
        let last = after.and_then(|after| after.pred_opt());
        self.events.push(Event {
            first,
            last: last.map_or(first, |last| last.max(first)),
            title,
        });
        Ok(())
    }
}

/// What stands where a day should.
enum Day {
    Date(NaiveDate),
    Time,
    None,
}

fn day(value: &ICalendarValue) -> Day {
    let Some(value) = value.as_partial_date_time() else {
        return Day::None;
    };
    if value.has_time() {
        return Day::Time;
    }
    let date = || {
        let (year, month, day) = (value.year?, value.month?, value.day?);
        NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())
    };
    date().map_or(Day::None, Day::Date)
}
