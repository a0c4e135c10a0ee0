//! Which production calendar the desk keeps: the embedded one, years from the operator's files, or none.

use std::collections::BTreeMap;
use std::path::Path;

use super::hours::flaw;
use super::problem::{Flaw, Words, quoted, words};
use super::reader::Section;
use super::sources::read_text;
use crate::calendar_import::{Format, recognise};
use crate::domain::calendar::ProductionCalendar;

/// The production calendar, `Some(None)` if none is wanted, or `None` after noting what is wrong.
pub(super) fn production(section: &Section<'_>) -> Option<Option<ProductionCalendar>> {
    let named = section.parsed("calendar", by_name);
    let files = if section.has("calendar_files") {
        section.texts("calendar_files")?
    } else {
        Vec::new()
    };
    let Some(mut calendar) = named? else {
        if !files.is_empty() {
            section.report("calendar_files", files_without_calendar());
        }
        return Some(None);
    };
    // Which file gave a year: a second one for it would silently win.
    let mut given: BTreeMap<i32, &str> = BTreeMap::new();
    let mut sound = true;
    for (n, name) in files.iter().enumerate() {
        match years(&section.reader.absolute(name), name, &given) {
            Ok(years) => {
                given.extend(years.years().iter().map(|year| (*year, name.as_str())));
                calendar.replace_years(years);
            }
            Err(flaw) => {
                let place = format!("{}[{}]", section.place("calendar_files"), n + 1);
                section.reader.report(place, flaw);
                sound = false;
            }
        }
    }
    sound.then_some(Some(calendar))
}

fn by_name(text: &str) -> Result<Option<ProductionCalendar>, Flaw> {
    match text {
        "ru" => Ok(Some(ProductionCalendar::ru())),
        "none" => Ok(None),
        _ => {
            let value = quoted(text);
            Err(Flaw::new(
                words!(
                    "производственного календаря {value} нет",
                    "there is no production calendar {value}"
                ),
                words!("впишите \"ru\" или \"none\"", "write \"ru\" or \"none\""),
            ))
        }
    }
}

/// The years one file gives.
fn years(path: &Path, name: &str, given: &BTreeMap<i32, &str>) -> Result<ProductionCalendar, Flaw> {
    let shown = quoted(name);
    let text = read_text(path).map_err(|why| {
        let Words { ru, en } = why.words();
        Flaw::new(
            words!("{shown}: {ru}", "{shown}: {en}"),
            words!(
                "положите туда календарь в UTF-8 или уберите файл из списка",
                "put a calendar there as UTF-8, or take the file out of the list"
            ),
        )
    })?;
    if let Some(format) = recognise(&text).filter(|format| *format != Format::Csv) {
        return Err(other_format(name, format));
    }
    let years = ProductionCalendar::parse(&text).map_err(|error| flaw(&error))?;
    let twice = years
        .years()
        .iter()
        .find_map(|year| Some((year, quoted(given.get(year)?))));
    match twice {
        None => Ok(years),
        Some((year, first)) => Err(Flaw::new(
            words!(
                "год {year} уже дал файл {first}",
                "the file {first} gave the year {year} already"
            ),
            words!(
                "оставьте каждый год в одном файле",
                "keep each year in one file"
            ),
        )),
    }
}

fn other_format(name: &str, format: Format) -> Flaw {
    let (value, title) = (quoted(name), format.title());
    Flaw::new(
        words!(
            "{value}: похоже на {title}, а здесь читается только наш CSV",
            "{value}: this looks like {title}, and only our own CSV is read here"
        ),
        words!(
            "сначала переведите файл: ninetosix-worker calendar import {name} --write НОВЫЙ.csv, и впишите сюда новый",
            "import it first: ninetosix-worker calendar import {name} --write NEW.csv, and name the new file here"
        ),
    )
}

fn files_without_calendar() -> Flaw {
    Flaw::new(
        words!(
            "файлы производственного календаря есть, а сам он выключен: calendar = \"none\"",
            "there are files of a production calendar, but it is off: calendar = \"none\""
        ),
        words!(
            "впишите calendar = \"ru\" (файлы заменят в нём свои годы) или уберите файлы",
            "write calendar = \"ru\" (files replace their years in it) or remove the files"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{lines, with_reader_at};

    fn read(dir: &Path, hours: &str) -> Result<Option<ProductionCalendar>, Vec<String>> {
        let toml = format!("language = \"en\"\n[hours]\n{hours}\n");
        with_reader_at(dir, &toml, |reader| {
            let production = production(&reader.section("hours"));
            let found = lines(reader);
            production.filter(|_| found.is_empty()).ok_or(found)
        })
    }

    #[test]
    fn files_replace_whole_years_and_each_year_has_one_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let row = "date,kind,note,source\n2028-01-01,holiday,х,х\n";
        for (name, text) in [
            ("a.csv", row),
            ("b.csv", row),
            ("c.csv", "date\n"),
            ("e.csv", "<calendar year=\"2028\"/>"),
        ] {
            std::fs::write(dir.path().join(name), text).expect("written");
        }
        let calendar = read(dir.path(), "calendar_files = [\"a.csv\"]")
            .expect("sound")
            .expect("wanted");
        assert!(calendar.years().contains(&2028) && calendar.years().contains(&2026));
        assert_eq!(read(dir.path(), "calendar = \"none\""), Ok(None));
        for (hours, word) in [
            (
                "calendar_files = [\"a.csv\", \"b.csv\"]",
                "hours.calendar_files[2]: the file «a.csv» gave the year 2028",
            ),
            (
                "calendar_files = [\"c.csv\"]",
                "hours.calendar_files[1]: line 1",
            ),
            (
                "calendar_files = [\"d.csv\"]",
                "hours.calendar_files[1]: «d.csv»: there is no such file",
            ),
            (
                "calendar_files = [\"e.csv\"]",
                "import it first: ninetosix-worker calendar import e.csv --write",
            ),
            (
                "calendar = \"none\"\ncalendar_files = [\"a.csv\"]",
                "it is off",
            ),
        ] {
            let found = read(dir.path(), hours).expect_err("refused");
            assert!(found.len() == 1 && found[0].contains(word), "{found:#?}");
        }
    }
}
