//! The schedule as people get it, kept in `snapshots/`, and what must hold of any.

use calcard::icalendar::{ICalendar, ICalendarComponentType};
use ninetosix_core::config::Settings;
use ninetosix_core::domain::beginning::beginning;
use ninetosix_core::mail::moment::Moments;

use super::*;
use crate::testing::{compare, school, settings};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant in a test")
}

fn made(settings: &Settings, format: Format, fragment: bool, now: &str) -> String {
    let wanted = Wanted {
        format,
        fragment,
        weeks: 8,
    };
    render(settings, wanted, at(now)).expect("made")
}

#[test]
fn schedules_are_made_as_they_were_looked_at() {
    let now = "2026-11-26T07:00:00Z";
    let mut texts = Vec::new();
    for language in ["ru", "en"] {
        let settings = school(language);
        for (name, format, fragment) in [
            ("sheet.LANG.html", Format::Html, false),
            ("fragment.LANG.html", Format::Html, true),
            ("sheet.LANG.txt", Format::Txt, false),
            ("days.LANG.ics", Format::Ics, false),
        ] {
            let text = made(&settings, format, fragment, now);
            texts.push((name.replace("LANG", language), text));
        }
    }
    compare("src/schedule/snapshots", texts);
}

#[test]
fn nothing_of_the_configuration_becomes_markup() {
    let evil = r#"<b>&"'<script>alert(1)</script>"#;
    let toml = format!(
        "[desk]\nname = '''{evil}'''\n[hours]\nclosed = ['''2026-12-04 a{evil}''']\napproved_by = '''{evil}'''\norder = '''{evil}'''\n\
         [[phone]]\nlabel = '''{evil}'''\ntext = '''{evil}'''\nhours = '''{evil}'''\n\
         [[specialist]]\nlogin = \"ivan\"\nname = '''{evil}'''\naddress = \"ivan@school.test\"\norder = '''{evil}'''\n"
    );
    let settings = settings("ru", &toml);
    for fragment in [false, true] {
        let html = made(&settings, Format::Html, fragment, "2026-11-26T07:00:00Z");
        assert!(
            !html.contains("<script") && !html.contains("a<b>"),
            "{html}"
        );
        assert!(html.matches("&lt;script&gt;").count() >= 8, "{html}");
        // The page's own <b> alone are there.
        let rows = html.matches("<b>").count();
        assert_eq!(rows, html.matches("</b>").count());
        assert!(html.contains("<b>выходные дни</b>"), "{html}");
    }
    let ics = made(&settings, Format::Ics, false, "2026-11-26T07:00:00Z");
    assert_eq!(
        ics.matches("BEGIN:VEVENT").count(),
        ics.matches("\r\nUID:").count()
    );
}

#[test]
fn a_page_asks_for_nothing_from_outside_and_a_fragment_leaves_its_page_alone() {
    let settings = school("ru");
    let now = "2026-11-26T07:00:00Z";
    let (page, fragment) = (
        made(&settings, Format::Html, false, now),
        made(&settings, Format::Html, true, now),
    );
    for html in [&page, &fragment] {
        for outside in ["<script", "<img", "<link", "url(", "@import", "src="] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(html.contains("href=\"tel:+70000000000\""));
    }
    assert!(
        page.starts_with("<!DOCTYPE html>\n<html lang=\"ru\">"),
        "{page}"
    );
    assert!(page.contains("@page { size: A4;") && page.contains("УТВЕРЖДАЮ"));
    for whole in ["<html", "<body", "@page", "<h1", "УТВЕРЖДАЮ"] {
        assert!(!fragment.contains(whole), "{whole}");
    }
    // Every rule names the fragment's own class.
    let css = fragment.split("<style>").nth(1).expect("a style");
    let css = css.split("</style>").next().expect("its end");
    let selectors = css.lines().filter_map(|line| line.trim().split_once(" {"));
    for (selectors, _) in selectors.filter(|(selectors, _)| !selectors.starts_with('@')) {
        for selector in selectors.split(", ") {
            assert!(selector.starts_with(".n96-schedule"), "{selector}");
        }
    }
}

/// What a letter at night promises and what hangs on the wall come from one calendar.
#[test]
fn receipt_and_sheet_say_the_same() {
    let settings = school("ru");
    let now = at("2026-12-30T16:10:00Z");
    let promised = beginning(&settings.calendar, now);
    let say = Moments {
        language: settings.language,
        zone: settings.calendar.zone(),
    };
    let (first, last) = promised.holidays.expect("holidays");
    let sheet = made(&settings, Format::Html, false, "2026-12-30T16:10:00Z");
    assert!(sheet.contains(&say.days(first, last)), "{sheet}");
    let begins = promised.begins.with_timezone(&settings.calendar.zone());
    let opens = format!(
        "работаем {}, {}",
        say.from_day(begins.date_naive()),
        begins.format("%-H:%M")
    );
    assert!(sheet.contains(&opens), "{opens}\n{sheet}");
    for phone in &settings.phones {
        assert!(sheet.contains(&phone.text));
    }
}

#[test]
fn only_those_in_office_are_named_and_an_unsigned_sheet_has_room_to_sign() {
    let school = made(&school("ru"), Format::Txt, false, "2026-11-26T07:00:00Z");
    assert!(
        school.contains("Иван Смирнов (приказ № 1)") && !school.contains("Анна"),
        "{school}"
    );
    let plain = settings(
        "ru",
        "[[specialist]]\nlogin = \"ivan\"\nname = \"Иван\"\naddress = \"ivan@school.test\"\n",
    );
    let sheet = made(&plain, Format::Html, false, "2026-11-26T07:00:00Z");
    assert!(
        sheet.contains("«____»") && sheet.contains("n96-signature"),
        "{sheet}"
    );
    assert!(!made(&plain, Format::Html, true, "2026-11-26T07:00:00Z").contains("Утверждено"));
    let until = "до 14\u{a0}июля 2026\u{a0}г. служба работает как обычно";
    let quiet = Wanted {
        format: Format::Txt,
        fragment: false,
        weeks: 2,
    };
    let quiet = render(&plain, quiet, at("2026-07-01T07:00:00Z")).expect("made");
    assert!(quiet.to_lowercase().contains(until), "{quiet}");
}

#[test]
fn a_year_without_data_is_marked() {
    let sheet = made(&school("ru"), Format::Txt, false, "2027-12-20T07:00:00Z");
    assert!(
        sheet.contains("предварительно") && sheet.contains("Предварительно:"),
        "{sheet}"
    );
    let sheet = made(&school("ru"), Format::Txt, false, "2026-11-26T07:00:00Z");
    assert!(!sheet.to_lowercase().contains("предварительно"), "{sheet}");
}

#[test]
fn text_keeps_to_its_columns() {
    let long = "длинное-слово".repeat(20);
    let settings = settings(
        "ru",
        &format!(
            "[desk]\nname = \"{long} {long}\"\n[hours]\nclosed = [\"2026-12-04 {long}\"]\n\
             [[specialist]]\nlogin = \"ivan\"\nname = \"Иван\"\naddress = \"ivan@school.test\"\n"
        ),
    );
    for text in [
        made(&settings, Format::Txt, false, "2026-11-26T07:00:00Z"),
        made(&school("en"), Format::Txt, false, "2026-11-26T07:00:00Z"),
    ] {
        for line in text.lines() {
            assert!(line.chars().count() <= text::COLUMNS, "{line}");
        }
    }
}

#[test]
fn events_are_sound_icalendar() {
    let ics = made(&school("ru"), Format::Ics, false, "2026-11-26T07:00:00Z");
    assert!(ics.ends_with("\r\n") && !ics.replace("\r\n", "").contains(['\r', '\n']));
    for line in ics.split("\r\n") {
        assert!(line.len() <= 75, "{line}");
    }
    let read = ICalendar::parse(&ics).expect("a calendar");
    let events = read
        .components
        .iter()
        .filter(|component| component.component_type == ICalendarComponentType::VEvent);
    // From that day on: 4 and 12 December, the New Year, 20 and 21–23 February, 6–8 March, 30 April, 1–3 and 8–10 May, 11 and
    // 12–14 June, 3 and 4–7 November.
    assert_eq!(events.count(), 13, "{ics}");
    let new_year = "DTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270111\r\n";
    assert!(ics.contains(new_year), "{ics}");
    // Made again later, the same day has the same name.
    let later = made(&school("ru"), Format::Ics, false, "2027-01-05T07:00:00Z");
    let uid = "UID:hours-20261231@school.test";
    assert!(ics.contains(uid) && later.contains(uid));
}
