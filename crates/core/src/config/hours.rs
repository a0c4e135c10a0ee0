//! `[hours]` and each `[[calendar]]` made into a [`Calendar`], and who approved the hours.
//!
//! What the hours mean is the calendar's matter. Here every entry is shown to it alone first, so that all
//! bad ones are found at once and each problem names its entry, and then all of them together.

use std::collections::BTreeMap;

use chrono_tz::{TZ_VARIANTS, Tz};

use super::calendar_files::production;
use super::problem::{Flaw, quoted, words};
use super::reader::Section;
use super::schema::nearest;
use super::settings::{Approval, Hours};
use crate::domain::calendar::{Calendar, CalendarError, Exceptions, Place, Week};

/// The calendar of `[hours]`, or nothing after noting why.
pub(super) fn calendar(hours: &Section<'_>) -> Option<Calendar> {
    calendar_of(hours, hours)
}

/// The calendars of `[[calendar]]` by name. What one does not say, `[hours]` says: the zone, the whole week, the
/// production calendar with its files, closed and open dates, shortened days.
pub(super) fn named_calendars(
    sections: &[Section<'_>],
    hours: &Section<'_>,
) -> Option<BTreeMap<String, Calendar>> {
    let mut named = BTreeMap::new();
    let mut sound = true;
    for section in sections {
        let cure = words!(
            "впишите name = \"…\", чтобы ящик мог назвать этот календарь",
            "write name = \"…\", so that a mailbox can name this calendar"
        );
        let name = section.required("name", cure);
        let (Some(name), Some(calendar)) = (name, calendar_of(section, hours)) else {
            sound = false;
            continue;
        };
        if named.insert(name.clone(), calendar).is_some() {
            let name = quoted(&name);
            section.report(
                "name",
                Flaw::new(
                    words!(
                        "календарь {name} уже есть",
                        "there is a calendar {name} already"
                    ),
                    words!("назовите его иначе", "give it another name"),
                ),
            );
            sound = false;
        }
    }
    sound.then_some(named)
}

/// The calendar that a mailbox names, or that of `[hours]`.
pub(super) fn chosen(mailbox: &Section<'_>, hours: &Hours) -> Option<Calendar> {
    if !mailbox.has("calendar") {
        return Some(hours.calendar.clone());
    }
    let named = &hours.named;
    mailbox.parsed("calendar", |name| {
        named.get(name).cloned().ok_or_else(|| {
            let value = quoted(name);
            let what = words!("календаря {value} нет", "there is no calendar {value}");
            match nearest(name, named.keys().map(String::as_str)) {
                Some(meant) => Flaw::new(
                    what,
                    words!(
                        "возможно, имелся в виду \"{meant}\"",
                        "perhaps \"{meant}\" was meant"
                    ),
                ),
                None => Flaw::new(
                    what,
                    words!(
                        "опишите его таблицей [[calendar]] с name = {value}",
                        "describe it in a table [[calendar]] with name = {value}"
                    ),
                ),
            }
        })
    })
}

/// The calendar of one table; what it does not say, `hours` says.
fn calendar_of(section: &Section<'_>, hours: &Section<'_>) -> Option<Calendar> {
    let or_hours = |is_said: bool| if is_said { section } else { hours };
    let having = |key| or_hours(section.has(key));
    let zone = having("zone").parsed("zone", zone);
    let week = week(or_hours(!section.day_keys().is_empty()));
    let production = production(or_hours(
        section.has("calendar") || section.has("calendar_files"),
    ));
    let exceptions = exceptions(having("closed"), having("open"));
    let shortened = having("shortened").flag("shortened");
    let built = Calendar::new(zone?, week?, production?, exceptions?, shortened?);
    sound(section, section.at().to_owned(), built)
}

/// Who approved the hours.
pub(super) fn approval(section: &Section<'_>) -> Approval {
    Approval {
        approved_by: section.text("approved_by"),
        approved_on: section.date("approved_on"),
        order: section.text("order"),
    }
}

fn zone(text: &str) -> Result<Tz, Flaw> {
    text.parse().map_err(|_| {
        let value = quoted(text);
        let what = words!(
            "пояса {value} нет в базе tz",
            "the tz database has no zone {value}"
        );
        match nearest(text, TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(meant) => Flaw::new(
                what,
                words!(
                    "возможно, имелся в виду {meant}",
                    "perhaps {meant} was meant"
                ),
            ),
            None => Flaw::new(
                what,
                words!(
                    "впишите, например, Europe/Moscow",
                    "write one such as Europe/Moscow"
                ),
            ),
        }
    })
}

/// The days named in the file; Monday to Friday from nine to six if it names none.
fn week(section: &Section<'_>) -> Option<Week> {
    let keys = section.day_keys();
    let days: Vec<Option<_>> = keys.iter().map(|key| day_hours(section, key)).collect();
    let days: Option<Vec<_>> = days.into_iter().collect();
    let mut days = days?;
    if days.is_empty() {
        days.push(("mon-fri", vec!["09:00-18:00".to_owned()]));
    }
    sound(section, section.at().to_owned(), Week::parse(days))
}

/// One line such as `mon-fri = ["09:00-18:00"]`, sound by itself.
fn day_hours<'r>(section: &Section<'r>, key: &'r str) -> Option<(&'r str, Vec<String>)> {
    let hours = section.texts(key)?;
    sound(section, section.place(key), Week::parse([(key, &hours)]))?;
    Some((key, hours))
}

/// The desk's own closed and open dates.
fn exceptions(closes: &Section<'_>, opens: &Section<'_>) -> Option<Exceptions> {
    let none: [&str; 0] = [];
    let closed = entries(closes, "closed", |text| Exceptions::parse([text], none));
    let open = entries(opens, "open", |text| Exceptions::parse(none, [text]));
    sound(
        opens,
        opens.place("open"),
        Exceptions::parse(closed?, open?),
    )
}

/// The texts of a list, each sound by itself; a list that is absent is empty.
fn entries<T>(
    section: &Section<'_>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, CalendarError>,
) -> Option<Vec<String>> {
    if !section.has(key) {
        return Some(Vec::new());
    }
    let texts = section.texts(key)?;
    let unsound = texts.iter().enumerate().filter(|(n, text)| {
        let place = format!("{}[{}]", section.place(key), n + 1);
        sound(section, place, parse(text)).is_none()
    });
    (unsound.count() == 0).then_some(texts)
}

/// The value, or `None` after noting at `place` what the calendar says against it.
fn sound<T>(section: &Section<'_>, place: String, result: Result<T, CalendarError>) -> Option<T> {
    result
        .map_err(|error| section.reader.report(place, flaw(&error)))
        .ok()
}

/// The calendar's refusal in both languages.
pub(crate) fn flaw(error: &CalendarError) -> Flaw {
    match error {
        CalendarError::Interval { text, fault } => {
            let value = quoted(text);
            Flaw::new(
                words!("{value} — не часы работы", "{value}: {fault}"),
                words!(
                    "запишите их как \"09:00-18:00\": начало раньше конца, конец не позже 24:00",
                    "write them as \"09:00-18:00\", at the latest \"24:00\""
                ),
            )
        }
        CalendarError::Order { day, first, second } => Flaw::new(
            words!(
                "{day}: {first} и {second} пересекаются или стоят не по порядку",
                "{day}: {first} and {second} overlap or are out of order"
            ),
            words!(
                "перечислите часы дня с утра до вечера, каждый промежуток один раз",
                "list the hours of a day from morning to evening, each once"
            ),
        ),
        CalendarError::Week { key, fault } => {
            let value = quoted(key);
            Flaw::new(
                words!(
                    "{value}: такого дня нет, или он уже назван в другой строке",
                    "{value}: {fault}"
                ),
                words!(
                    "дни — mon, tue, wed, thu, fri, sat, sun или ряд вперёд, как mon-fri; каждый день в одной строке",
                    "days are mon, tue, wed, thu, fri, sat, sun or a range that runs forward; each day in one line"
                ),
            )
        }
        CalendarError::NeverOpen => Flaw::new(
            words!(
                "по этой неделе служба не открыта никогда",
                "by this week the desk never opens"
            ),
            words!(
                "дайте часы хотя бы одному дню, например mon-fri = [\"09:00-18:00\"]",
                "give at least one day hours, such as mon-fri = [\"09:00-18:00\"]"
            ),
        ),
        CalendarError::File { place, fault } => {
            let at = match place {
                Place::Line(line) => format!("строка {line}"),
                other => other.to_string(),
            };
            let (ru, en) = (&fault.ru, &fault.en);
            Flaw::new(
                words!("{at}: {ru}", "{place}: {en}"),
                words!(
                    "исправьте файл: первая строка — date,kind,note,source, дальше по дню на строку",
                    "mend the file: the first line is date,kind,note,source, then a day a line"
                ),
            )
        }
        CalendarError::Exception { text, fault } => {
            let (value, ru, en) = (quoted(text), &fault.ru, &fault.en);
            Flaw::new(
                words!("{value}: {ru}", "{value}: {en}"),
                words!(
                    "закрыто: \"2027-03-05\" или \"2027-07-05..2027-07-09 отпуск\" (до года подряд); открыто: \"2027-03-06 10:00-14:00, 15:00-17:00\"; одна дата стоит либо там, либо тут",
                    "closed is \"2027-03-05\" or \"2027-07-05..2027-07-09 note\" (a year at most); open is \"2027-03-06 10:00-14:00, 15:00-17:00\"; a date stands in one of them"
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{lines, with_reader};

    fn read(hours: &str) -> Result<Calendar, Vec<String>> {
        let toml = format!("language = \"en\"\n[hours]\n{hours}\n");
        with_reader(&toml, |reader| {
            calendar(&reader.section("hours")).ok_or_else(|| lines(reader))
        })
    }

    fn hours_on(calendar: &Calendar, day: &str) -> String {
        let day = calendar.day(day.parse().expect("a date in a test"));
        let intervals = day.intervals.iter().map(ToString::to_string);
        intervals.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn without_a_word_the_desk_keeps_moscow_office_hours() {
        let calendar = read("").expect("the defaults are sound");
        assert_eq!(calendar.zone(), chrono_tz::Europe::Moscow);
        assert_eq!(hours_on(&calendar, "2026-11-02"), "09:00-18:00");
        assert_eq!(
            hours_on(&calendar, "2026-11-03"),
            "09:00-17:00",
            "eve of a holiday"
        );
        assert_eq!(hours_on(&calendar, "2026-11-04"), "", "a holiday");
        assert_eq!(hours_on(&calendar, "2026-11-07"), "", "a Saturday");
    }

    #[test]
    fn a_named_calendar_takes_from_the_hours_what_it_does_not_say() {
        let read = |toml: &str| {
            let toml = format!("language = \"en\"\n{toml}");
            with_reader(&toml, |reader| {
                let hours = reader.section("hours");
                let named = named_calendars(&reader.sections("calendar"), &hours);
                let found = lines(reader);
                named.filter(|_| found.is_empty()).ok_or(found)
            })
        };
        let named = read(
            "[hours]\nzone = \"Asia/Yekaterinburg\"\nclosed = [\"2026-11-03\"]\n\
             [[calendar]]\nname = \"kadry\"\ntue = [\"10:00-16:00\"]\n\
             [[calendar]]\nname = \"all hours\"\nmon-sun = [\"00:00-24:00\"]\ncalendar = \"none\"\nclosed = []\n",
        )
        .expect("sound");
        let kadry = &named["kadry"];
        assert_eq!(kadry.zone(), chrono_tz::Asia::Yekaterinburg);
        assert_eq!(hours_on(kadry, "2026-11-10"), "10:00-16:00");
        assert_eq!(hours_on(kadry, "2026-11-11"), "", "a day it does not name");
        assert_eq!(hours_on(kadry, "2026-11-03"), "", "closed by the hours");
        assert_eq!(hours_on(&named["all hours"], "2026-11-03"), "00:00-24:00");
        for (toml, place) in [
            (
                "[[calendar]]\nmon = []",
                "calendar[1].name: the key is missing",
            ),
            (
                "[[calendar]]\nname = \"a\"\n[[calendar]]\nname = \"a\"",
                "calendar[2].name: there is a calendar «a» already",
            ),
            (
                "[[calendar]]\nname = \"a\"\nmon-sun = []",
                "calendar[1]: by this week",
            ),
        ] {
            let found = read(toml).expect_err("refused");
            assert!(found[0].contains(place), "{found:#?}");
        }
    }

    #[test]
    fn what_the_file_says_wins() {
        let calendar = read(
            "zone = \"Asia/Yekaterinburg\"\nmon-thu = [\"10:00-13:00\", \"14:00-19:00\"]\ncalendar = \"none\"\n\
             shortened = false\nclosed = [\"2026-11-03 ремонт\"]\nopen = [\"2026-11-07 10:00-12:00\"]",
        )
        .expect("sound");
        assert_eq!(hours_on(&calendar, "2026-11-02"), "10:00-13:00 14:00-19:00");
        assert_eq!(hours_on(&calendar, "2026-11-03"), "");
        assert_eq!(
            hours_on(&calendar, "2026-11-06"),
            "",
            "a Friday nobody named"
        );
        assert_eq!(hours_on(&calendar, "2026-11-07"), "10:00-12:00");
    }

    #[test]
    fn every_bad_entry_is_named() {
        let found = read(
            "zone = \"Europe/Moskow\"\nmon-thu = [\"9-18\"]\nfri = [\"14:00-18:00\", \"09:00-13:00\"]\nfri-mon = []\n\
             calendar = \"de\"\nclosed = [\"2027-03-05\", \"5 марта\"]\nopen = [\"2027-03-06\"]\nshortened = \"yes\"",
        )
        .expect_err("refused");
        for place in [
            "hours.zone: the tz database has no zone «Europe/Moskow» → perhaps Europe/Moscow",
            "hours.mon-thu:",
            "hours.fri: fri: 14:00-18:00 and 09:00-13:00 overlap",
            "hours.fri-mon:",
            "hours.calendar: there is no production calendar «de»",
            "hours.closed[2]: «5 марта»",
            "hours.open[1]:",
            "hours.shortened:",
        ] {
            assert!(
                found.iter().any(|line| line.contains(place)),
                "{place}: {found:#?}"
            );
        }
        assert_eq!(found.len(), 8, "{found:#?}");
    }

    #[test]
    fn entries_that_contradict_each_other_are_found_together() {
        for (hours, place) in [
            ("mon-fri = [\"09:00-18:00\"]\nwed = []", "hours: «wed»"),
            ("mon-sun = []", "hours: by this week the desk never opens"),
            (
                "closed = [\"2027-03-05\"]\nopen = [\"2027-03-05 10:00-12:00\"]",
                "hours.open: «2027-03-05",
            ),
        ] {
            let found = read(hours).expect_err("refused");
            assert!(found.len() == 1 && found[0].contains(place), "{found:#?}");
        }
    }
}
