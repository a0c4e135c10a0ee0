//! Every embedded year written in each format and read back; what is refused, and in which words.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write;
use std::mem::discriminant;

use chrono::{Datelike, NaiveDate};

use super::draft::{Kind, dates, is_weekend};
use super::year::kind;
use super::*;
use crate::domain::calendar::{Fact, Note, ProductionCalendar};

const FROM_FEED: &str = "импорт: год.xml (ICS)";
use crate::domain::language::Language;

const YEARS: [i32; 4] = [2024, 2025, 2026, 2027];

/// The moves of each year's decree and of art. 112 part 2: from, to.
fn moves(year: i32) -> &'static [(&'static str, &'static str)] {
    match year {
        2024 => &[
            ("01.06", "05.10"),
            ("01.07", "12.31"),
            ("04.27", "04.29"),
            ("11.02", "04.30"),
            ("12.28", "12.30"),
        ],
        2025 => &[
            ("01.04", "05.02"),
            ("01.05", "12.31"),
            ("02.23", "05.08"),
            ("03.08", "06.13"),
            ("11.01", "11.03"),
        ],
        2026 => &[
            ("01.03", "01.09"),
            ("01.04", "12.31"),
            ("03.08", "03.09"),
            ("05.09", "05.11"),
        ],
        _ => &[
            ("01.02", "11.05"),
            ("01.03", "12.31"),
            ("02.20", "02.22"),
            ("05.01", "05.03"),
            ("05.09", "05.10"),
            ("06.12", "06.14"),
        ],
    }
}

/// The kinds of all days of a year, read once.
fn year_of(year: i32) -> Vec<(NaiveDate, Kind, Option<Fact>)> {
    let ru = ProductionCalendar::ru();
    dates(year)
        .map(|date| {
            let fact = ru.fact(date);
            (date, kind(date, fact.as_ref()), fact)
        })
        .collect()
}

fn xml(year: i32) -> String {
    let mut days = String::new();
    for (date, kind, fact) in year_of(year) {
        let (t, fact) = match (kind, fact) {
            (_, None) => continue,
            (Kind::Off, Some(fact)) => (1, fact),
            (Kind::Short, Some(fact)) => (2, fact),
            (Kind::Worked, Some(fact)) => (3, fact),
        };
        let day = date.format("%m.%d").to_string();
        let from = moves(year).iter().find(|(_, to)| *to == day);
        let more = match (from, fact) {
            (Some((from, _)), _) => format!(" f=\"{from}\""),
            (None, Fact::Holiday(_)) => " h=\"1\"".to_owned(),
            (None, _) => String::new(),
        };
        // A working Saturday says where its day off went only by the `f` there.
        writeln!(days, "<day d=\"{day}\" t=\"{t}\"{more}/>").unwrap();
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<calendar year=\"{year}\" lang=\"ru\">\n<holidays><holiday id=\"1\" title=\"Праздник\"/></holidays>\n<days>\n{days}</days>\n</calendar>\n"
    )
}

fn months(year: i32) -> String {
    let mut months = vec![Vec::new(); 12];
    let (mut worked, mut short) = (0, 0);
    for (date, kind, fact) in year_of(year) {
        let day = date.day();
        worked += u32::from(kind != Kind::Off);
        short += u32::from(kind == Kind::Short);
        months[date.month0() as usize].extend(match (kind, fact) {
            (Kind::Worked, _) => None,
            (Kind::Short, _) => Some(format!("{day}*")),
            (Kind::Off, Some(Fact::TransferredDayOff(_))) => Some(format!("{day}+")),
            (Kind::Off, _) => Some(day.to_string()),
        });
    }
    let months: Vec<String> = (1..)
        .zip(months)
        .map(|(month, days)| format!("{{\"month\":{month},\"days\":\"{}\"}}", days.join(",")))
        .collect();
    let moves: Vec<String> = moves(year)
        .iter()
        .map(|(from, to)| format!("{{\"from\":\"{from}\",\"to\":\"{to}\"}}"))
        .collect();
    let off = dates(year).count() as u32 - worked;
    let hours = worked * 8 - short;
    format!(
        "{{\"year\":{year},\"months\":[{}],\"transitions\":[{}],\"statistic\":{{\"workdays\":{worked},\"holidays\":{off},\"hours40\":{hours},\"hours36\":1774.4}}}}",
        months.join(","),
        moves.join(",")
    )
}

/// The same as the open data of the state have it, below another year's row.
fn open_data(year: i32) -> String {
    let json: serde_json::Value = serde_json::from_str(&months(year)).expect("JSON");
    let of_months = json["months"].as_array().expect("months");
    let days = of_months
        .iter()
        .map(|month| format!("\"{}\"", month["days"].as_str().expect("days")));
    let sums = &json["statistic"];
    let names = "Январь,Февраль,Март,Апрель,Май,Июнь,Июль,Август,Сентябрь,Октябрь,Ноябрь,Декабрь";
    format!(
        "Год/Месяц,{names},Всего рабочих дней,Всего праздничных и выходных дней,Количество рабочих часов при 40-часовой рабочей неделе\r\n\
         1999,{}0,0,0\r\n{year},{},{},{},{}\r\n",
        "\"1,2\",".repeat(12),
        days.collect::<Vec<_>>().join(","),
        sums["workdays"],
        sums["holidays"],
        sums["hours40"]
    )
}

fn isdayoff(year: i32, pre: bool) -> String {
    let digit = |kind| match kind {
        Kind::Off => '1',
        Kind::Short if pre => '2',
        Kind::Short | Kind::Worked => '0',
    };
    year_of(year)
        .into_iter()
        .map(|(_, kind, _)| digit(kind))
        .collect()
}

fn lists(year: i32) -> String {
    let of = |wanted| {
        let dates = year_of(year)
            .into_iter()
            .filter(|(_, kind, _)| *kind == wanted);
        let dates: Vec<String> = dates.map(|(date, ..)| format!("\"{date}\"")).collect();
        dates.join(",")
    };
    format!(
        "{{\"holidays\":[{}],\"preholidays\":[{}],\"nowork\":[]}}",
        of(Kind::Off),
        of(Kind::Short)
    )
}

/// A feed of the days off that are no weekends, and of an observance that is worked, the last in the list.
fn ics(year: i32) -> String {
    let mut events = String::new();
    for (date, kind, fact) in year_of(year) {
        if kind == Kind::Off && fact.is_some() {
            let (from, to) = (
                date.format("%Y%m%d"),
                date.succ_opt().unwrap().format("%Y%m%d"),
            );
            write!(events, "BEGIN:VEVENT\r\nSUMMARY:Праздник\\, да\r\nDTSTART;VALUE=DATE:{from}\r\nDTEND;VALUE=DATE:{to}\r\nEND:VEVENT\r\n").unwrap();
        }
    }
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")
}

fn asked(year: i32) -> Request<'static> {
    Request {
        name: "год.xml",
        format: None,
        year: Some(year),
        take: None,
    }
}

fn read(text: &str, request: Request<'_>) -> Imported {
    let attempt = import(request, text.as_bytes());
    attempt
        .result
        .unwrap_or_else(|problem| panic!("{}", problem.line(Language::En)))
}

/// Only our own format names laws.
fn without_laws(fact: Option<Fact>) -> Option<Fact> {
    let bare = |note: Note| Note::new(note.text, "");
    fact.map(|fact| match fact {
        Fact::Holiday(note) => Fact::Holiday(bare(note)),
        Fact::TransferredDayOff(note) => Fact::TransferredDayOff(bare(note)),
        Fact::Shortened(note) => Fact::Shortened(bare(note)),
        Fact::WorkingWeekend { note, short } => Fact::WorkingWeekend {
            note: bare(note),
            short: short.map(bare),
        },
    })
}

#[test]
fn every_embedded_year_comes_back_from_each_notation_that_can_say_it() {
    let ru = ProductionCalendar::ru();
    for year in YEARS {
        let source = "\u{feff}date,kind,note,source\n".to_owned()
            + include_str!("../domain/calendar/ru-production-calendar.csv")
                .split_once('\n')
                .unwrap()
                .1;
        let imported = read(&source, asked(year));
        for date in dates(year) {
            assert_eq!(imported.calendar.fact(date), ru.fact(date), "{date}");
        }
        for text in [source, xml(year), months(year)] {
            let imported = read(&text, asked(year));
            for date in dates(year) {
                let (is, was) = (imported.calendar.fact(date), ru.fact(date));
                assert_eq!(without_laws(is), without_laws(was), "{date} {text}");
            }
            let report = imported.report(Some(&ru));
            assert!(
                report.iter().any(|line| line.en == "nothing differs"),
                "{report:?}"
            );
            let again = read(&imported.csv, asked(year));
            assert_eq!(again.calendar, imported.calendar);
        }
        // These say what a day is like, and not why.
        for text in [isdayoff(year, true), lists(year), open_data(year)] {
            let imported = read(&text, asked(year));
            for date in dates(year) {
                let (was, is) = (ru.fact(date), imported.calendar.fact(date));
                assert_eq!(
                    is.as_ref().map(discriminant),
                    was.as_ref().map(discriminant),
                    "{date}"
                );
                assert_eq!(kind(date, is.as_ref()), kind(date, was.as_ref()), "{date}");
            }
            assert!(imported.remarks.is_empty(), "{:?}", imported.remarks);
        }
    }
}

#[test]
fn open_data_whose_sums_differ_or_that_name_another_year_are_refused() {
    let refused = |text: &str, year| {
        let attempt = import(asked(year), text.as_bytes());
        attempt.result.expect_err("refused").line(Language::En)
    };
    let text = open_data(2027);
    for (text, year, why) in [
        (
            text.replace(",247,", ",248,"),
            2027,
            "a check sum differs: workdays in the file is 248",
        ),
        (text.clone(), 2026, "1999, 2027"),
        (
            text.replace("\"1,2,3", "\"1,x,3"),
            2027,
            "month 1: «x» is no day of it",
        ),
        (
            text.replace("2027,", "2027;"),
            2027,
            "the file is of 1999, asked for is 2027",
        ),
        (
            "Год/Месяц,Январь\n2027,\"1\"".to_owned(),
            2027,
            "fewer than twelve months",
        ),
    ] {
        let said = refused(&text, year);
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn what_a_notation_cannot_say_is_counted_by_law_and_said() {
    for year in YEARS {
        let imported = read(&isdayoff(year, false), asked(year));
        assert!(imported.remarks[0].en.contains("pre=1"));
        for (date, was, _) in year_of(year) {
            let is = kind(date, imported.calendar.fact(date).as_ref());
            // That a worked Saturday is short, no law says of the day itself.
            let saturday = is_weekend(date) && was == Kind::Short;
            let expected = if saturday { Kind::Worked } else { was };
            assert_eq!(is, expected, "{date}");
        }
        let feed = ics(year);
        let imported = read(
            &feed,
            Request {
                take: Some("all"),
                ..asked(year)
            },
        );
        assert!(imported.remarks[0].en.contains("worked Saturdays"));
        assert!(imported.remarks[1].en.contains("art. 95"));
        for (date, was, _) in year_of(year) {
            let is = kind(date, imported.calendar.fact(date).as_ref());
            let expected = if is_weekend(date) { Kind::Off } else { was };
            assert_eq!(is, expected, "{date}");
        }
    }
}

#[test]
fn the_report_names_each_changed_day_and_the_totals_of_both() {
    let changed = xml(2027)
        .replace("<day d=\"05.10\" t=\"1\" f=\"05.09\"/>\n", "")
        .replace("<day d=\"06.11\" t=\"2\"/>", "<day d=\"06.11\" t=\"1\"/>");
    let imported = read(&changed, asked(2027));
    let report = imported.report(Some(&ProductionCalendar::ru()));
    let english: Vec<&str> = report.iter().map(|words| words.en.as_str()).collect();
    assert_eq!(
        english,
        [
            "format xmlcalendar XML, the year 2027",
            "compared with the calendar in force by the configuration",
            "2027-05-10: day off → working day (выходной перенесён с 9 мая (праздник совпал с выходным))",
            "2027-06-11: shortened day → day off (выходной)",
            "now: 247 working days, 4 of them shortened, 1972 hours of a 40-hour week",
            "in the file: 247 working days, 3 of them shortened, 1973 hours of a 40-hour week",
            "the file has no check sums: compare the totals with the published norm of 2027",
        ]
    );
    assert!(
        report[3].ru.contains("сокращённый день → выходной"),
        "{report:?}"
    );
    let verified = read(&months(2027), asked(2027)).report(None);
    assert!(
        verified[1].en.contains("\"none\""),
        "without a calendar in force"
    );
    assert!(
        verified.last().unwrap().en.contains("sums agree"),
        "{verified:?}"
    );
}

#[test]
fn a_year_that_no_calendar_has_is_compared_with_the_law_alone_and_oddities_are_said() {
    let mut digits: Vec<char> = dates(2028)
        .map(|date| {
            let by_law = ProductionCalendar::ru().fact(date);
            match kind(date, by_law.as_ref()) {
                Kind::Off => '1',
                Kind::Short => '2',
                Kind::Worked => '0',
            }
        })
        .collect();
    let line = |digits: &[char]| digits.iter().collect::<String>() + "\r\n";
    let report = read(&line(&digits), asked(2028)).report(Some(&ProductionCalendar::ru()));
    assert!(
        report[1].en.contains("no data of 2028") && report[2].en == "nothing differs",
        "{report:?}"
    );
    // The 12th of June is worked, the 1st of February closed as a holiday of the region.
    let at = |month, day| {
        NaiveDate::from_ymd_opt(2028, month, day)
            .unwrap()
            .ordinal0() as usize
    };
    digits[at(2, 1)] = '8';
    let imported = read(&line(&digits), asked(2028));
    let report = imported.report(Some(&ProductionCalendar::ru()));
    let closed = "2028-02-01: working day → day off (праздничный день)";
    assert!(
        report.iter().any(|words| words.en == closed),
        "{closed}: {report:?}"
    );
    let refused = |digits: &[char]| {
        let attempt = import(asked(2028), line(digits).as_bytes());
        attempt.result.expect_err("refused").line(Language::En)
    };
    digits[at(6, 12)] = '4';
    let worked = "public holidays by art. 112 are worked in the file: 2028-06-12";
    assert!(refused(&digits).contains(worked), "{}", refused(&digits));
    let idle = refused(&['1'; 366]);
    assert!(
        idle.contains("0 working days, too few for any year"),
        "{idle}"
    );
}

#[test]
fn days_closed_by_decree_are_off_and_a_year_is_taken_out_of_many() {
    let list = lists(2027).replace(
        "\"nowork\":[]",
        "\"nowork\":[\"2027-10-04\",\"2027-01-01\"]",
    );
    let list = list.replace("\"preholidays\":[", "\"preholidays\":[\"2026-04-30\",");
    let imported = read(&list, asked(2027));
    let closed = NaiveDate::from_ymd_opt(2027, 10, 4).unwrap();
    let note = Note::new(
        "нерабочий день по указу Президента",
        "импорт: год.xml (JSON (holidays; preholidays; nowork))",
    );
    assert_eq!(imported.calendar.fact(closed), Some(Fact::Holiday(note)));
    assert_eq!(imported.totals().worked, 246);
}

#[test]
fn a_feed_lists_its_events_and_only_chosen_ones_close_the_desk() {
    let feed = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Новый год\nDTSTART;VALUE=DATE:20271231\nDTEND;VALUE=DATE:20280109\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:Татьянин день\nDTSTART;VALUE=DATE:20280125\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:8 марта\nDTSTART;VALUE=DATE:20280308\nDURATION:P1D\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:1 мая\nDTSTART;VALUE=DATE:20280501\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:23 февраля\nDTSTART;VALUE=DATE:20280223\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:9 мая\nDTSTART;VALUE=DATE:20280509\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:12 июня\nDTSTART;VALUE=DATE:20280612\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:Отменён\nDTSTART;VALUE=DATE:20280613\nSTATUS:CANCELLED\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:Совещание\nDTSTART:20280310T070000Z\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:Каждый год\nDTSTART;VALUE=DATE:20280501\nRRULE:FREQ=YEARLY\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:Давно\nDTSTART;VALUE=DATE:20270308\nDTEND;VALUE=DATE:20270308\nEND:VEVENT\nEND:VCALENDAR\n"
        .replace('\n', "\r\n");
    let request = asked(2028);
    let listed = import(request, feed.as_bytes());
    let events: Vec<&str> = listed
        .events
        .iter()
        .map(|words| words.en.as_str())
        .collect();
    assert_eq!(
        events,
        [
            "   1  2027-12-31..2028-01-08  Новый год",
            "   2  2028-01-25  Татьянин день",
            "   3  2028-02-23  23 февраля",
            "   4  2028-03-08  8 марта",
            "   5  2028-05-01  1 мая",
            "   6  2028-05-09  9 мая",
            "   7  2028-06-12  12 июня",
            "   –  2027-03-08  Давно: outside 2028",
            "   –  Отменён: cancelled",
            "   –  Совещание: not of whole days",
            "   –  Каждый год: repeats by a rule; a feed with the dates of each year is needed",
        ]
    );
    let problem = listed.result.unwrap_err().line(Language::En);
    assert!(
        problem.contains("observances that are worked") && problem.contains("--take 1,3-5"),
        "{problem}"
    );

    let imported = read(
        &feed,
        Request {
            take: Some("1, 3-7"),
            ..request
        },
    );
    let fact = |month, day| {
        let date = NaiveDate::from_ymd_opt(2028, month, day).unwrap();
        imported.calendar.fact(date)
    };
    assert_eq!(
        fact(1, 8),
        Some(Fact::Holiday(Note::new("Новогодние каникулы", FROM_FEED))),
        "the end is exclusive"
    );
    assert_eq!(fact(1, 25), None, "not chosen");
    assert_eq!(
        fact(3, 7),
        Some(Fact::Shortened(Note::new(
            "на час короче: канун (Международный женский день)",
            FROM_FEED
        )))
    );
    assert_eq!(fact(1, 24), None, "the eve of a day that was not chosen");
    let without = Request {
        take: Some("1, 4-7"),
        ..request
    };
    let problem = import(without, feed.as_bytes()).result.unwrap_err();
    let problem = problem.line(Language::En);
    assert!(
        problem.contains("are worked in the file: 2028-02-23;"),
        "{problem}"
    );
    for (take, why) in [
        ("8", "they go from 1 to 7"),
        ("0", "they go from 1 to 7"),
        ("2-1", "«2-1»"),
        ("1,", "«»"),
        ("праздники", "no such numbers"),
        ("-", "no such numbers"),
    ] {
        let attempt = import(
            Request {
                take: Some(take),
                ..request
            },
            feed.as_bytes(),
        );
        let problem = attempt.result.unwrap_err().line(Language::En);
        assert!(problem.contains(why), "{take}: {problem}");
    }
}

#[test]
fn a_feed_of_observances_is_refused_even_if_all_are_chosen() {
    let mut feed = ics(2027).replace("END:VCALENDAR\r\n", "");
    for month in [2, 3, 4, 7, 8, 9, 10] {
        for day in [15, 17, 18] {
            write!(
                feed,
                "BEGIN:VEVENT\r\nSUMMARY:День\r\nDTSTART;VALUE=DATE:2027{month:02}{day}\r\nEND:VEVENT\r\n"
            )
            .unwrap();
        }
    }
    feed.push_str("END:VCALENDAR\r\n");
    let take = Some("all");
    let attempt = import(
        Request {
            take,
            ..asked(2027)
        },
        feed.as_bytes(),
    );
    let problem = attempt.result.unwrap_err().line(Language::En);
    assert!(problem.contains("working days left"), "{problem}");
}

#[test]
fn what_is_no_calendar_is_refused_in_words_that_say_what_to_change() {
    let xml_of = |days: &str| {
        format!("<calendar year=\"2027\"><days><day d=\"01.01\" t=\"1\"/>{days}</days></calendar>")
    };
    let year = isdayoff(2027, true);
    let wrong_digit = format!("{}7{}", &year[..39], &year[40..]);
    let no_weekends = lists(2027).replace("\"2027-01-09\",\"2027-01-10\",", "");
    let months_2027 = months(2027);
    let all_work = "0".repeat(365);
    let saturdays_off = "1".to_owned() + &"0".repeat(364);
    let huge = "1".repeat(FILE_CAP_BYTES as usize + 1);
    let moved_year = year.clone() + "0";
    let cases: &[(&str, Option<i32>, &str)] = &[
        ("", None, "the file is empty"),
        ("\u{feff} \r\n", None, "the file is empty"),
        (
            "<!DOCTYPE html><html><body>502 Bad Gateway",
            None,
            "a web page and no calendar",
        ),
        (
            "{\"error\": \"not found\"}",
            None,
            "the format is not recognised",
        ),
        ("not found", None, "the format is not recognised"),
        ("\0\u{1}\u{2}GIF89a", None, "the format is not recognised"),
        (&huge, Some(2027), "larger than a mebibyte"),
        (&year, None, "--year 2028"),
        (&year, Some(1812), "1812 is too far away"),
        (
            &year,
            Some(2028),
            "365 characters, and 2028 (a leap year) has 366 days → download the line of the whole of 2028",
        ),
        (
            &moved_year,
            Some(2027),
            "366 characters, and 2027 has 365 days",
        ),
        (&year[..363], Some(2027), "363 characters"),
        (&wrong_digit, Some(2027), "2027-02-09: «7»"),
        ("100", Some(2027), "error code «100»"),
        ("101\n", Some(2027), "no data of that year"),
        ("199", None, "error code «199»"),
        (&all_work, Some(2027), "worked Saturdays and Sundays"),
        (&saturdays_off, Some(2027), "worked Saturdays and Sundays"),
        (&year, Some(2026), "worked Saturdays and Sundays"),
        (
            &xml_of("<day d=\"01.05\" t=\"3\"/>"),
            None,
            "2027-01-05: a \"worked weekend\"",
        ),
        (
            &xml_of("<day d=\"01.01\" t=\"2\"/>"),
            None,
            "2027-01-01 stands in the file twice",
        ),
        (
            &xml_of("<day d=\"02.30\" t=\"1\"/>"),
            None,
            "«02.30» is no date of 2027",
        ),
        (
            &xml_of("<day d=\"2.3\" t=\"1\"/>"),
            None,
            "«2.3» is no date",
        ),
        (&xml_of("<day t=\"1\"/>"), None, "«» is no date"),
        (
            &xml_of("<day d=\"02.03\" t=\"4\"/>"),
            None,
            "«4» is no type of day",
        ),
        (
            &xml_of("<day d=\"02.03\" t=\"1\" f=\"02.30\"/>"),
            None,
            "«02.30» is no date of 2027",
        ),
        (
            &xml_of(""),
            Some(2028),
            "the file is of 2027, asked for is 2028",
        ),
        (&xml_of("<day"), None, "cannot be read as xmlcalendar XML"),
        (
            "<calendar><days/></calendar>",
            None,
            "does not say its year",
        ),
        ("<calendar year=\"MMXXVII\"/>", None, "«MMXXVII» is no year"),
        (
            "<calendar year=\"2027\"><days/></calendar>",
            None,
            "public holidays by art. 112 are worked in the file: 2027-01-01",
        ),
        ("<feed/>", None, "<calendar year>?"),
        (
            "<!DOCTYPE a [<!ENTITY b \"c\">]><calendar year=\"2027\">&b;</calendar>",
            None,
            "cannot be read as xmlcalendar XML",
        ),
        (
            &months_2027.replace("\"workdays\":247", "\"workdays\":248"),
            None,
            "workdays in the file is 248, its days give 247",
        ),
        (
            &months_2027.replace("\"hours40\":1972", "\"hours40\":1971.5"),
            None,
            "hours40 in the file is 1971.5",
        ),
        (
            &months_2027.replace("\"holidays\":118", "\"holidays\":117"),
            None,
            "its days give 118",
        ),
        (
            &months_2027.replace("\"month\":12", "\"month\":11"),
            None,
            "the month 11 must stand in the file once",
        ),
        (
            &months_2027.replace("\"month\":12", "\"month\":13"),
            None,
            "the month 12 must stand in the file once",
        ),
        (
            &months_2027.replace("\"days\":\"6,", "\"days\":\"6,30,"),
            None,
            "month 2: «30» is no day of it",
        ),
        (
            &months_2027.replace("\"days\":\"6,", "\"days\":\"6,6+,"),
            None,
            "2027-02-06 stands in the file twice",
        ),
        (
            &months_2027[..200],
            None,
            "cannot be read as xmlcalendar JSON",
        ),
        (
            &no_weekends.replace("2027-01-01", "2027-02-30"),
            None,
            "«2027-02-30» is no date",
        ),
        (
            &lists(2027),
            Some(2026),
            "the file is of 2027, asked for is 2026",
        ),
        (
            &lists(2027).replace("\"2027-01-02\"", "\"2027-01-01\""),
            None,
            "2027-01-01 stands in the file twice",
        ),
        (
            &lists(2027).replace("\"2027-01-02\"", "\"2026-01-02\""),
            None,
            "the years 2026, 2027",
        ),
        ("{\"holidays\":[]}", None, "does not say its year"),
        (
            "{\"holidays\":[\"2027-01-01\",\"2027-01-02\"]}",
            None,
            "leaves weekends out",
        ),
        (
            "date,kind,note,source\n2027-01-01,holiday,a,b\n2028-01-01,holiday,a,b",
            None,
            "the years 2027, 2028",
        ),
        (
            "date,kind,note,source\n2027-01-01,holiday,a,b\n2027-01-05,working_weekend,a,b",
            None,
            "2027-01-05: working_weekend",
        ),
        (
            "date,kind,note,source\n2027-02-30,holiday,a,b",
            None,
            "line 2",
        ),
        (
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:a\r\nDTSTART;VALUE=DATE:20270101\r\n",
            None,
            "END:VCALENDAR?",
        ),
        (
            "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
            None,
            "does not say its year",
        ),
        (
            "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
            Some(2027),
            "no events of whole days in 2027",
        ),
        (
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:a\r\nDTSTART;VALUE=DATE:20270230\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            None,
            "event «a»: DTSTART is no date",
        ),
    ];
    for (text, year, why) in cases {
        let attempt = import(
            Request {
                year: *year,
                ..asked(2027)
            },
            text.as_bytes(),
        );
        let shown: String = text.chars().take(200).collect();
        let problem = attempt.result.expect_err(&shown).line(Language::En);
        assert!(
            problem.contains(why) && problem.contains(" → "),
            "{shown}: {problem}"
        );
    }
    let not_text = import(asked(2027), b"\xff\xfe1\x001\x00")
        .result
        .unwrap_err();
    assert!(not_text.line(Language::En).contains("not UTF-8"));
    let forced = Request {
        format: Some(Format::Isdayoff),
        ..asked(2027)
    };
    let forced = import(forced, "\u{1b}[31mжж".as_bytes())
        .result
        .unwrap_err();
    assert!(forced.line(Language::Ru).contains("в файле 7 знаков"));
    let taken = Request {
        take: Some("all"),
        ..asked(2027)
    };
    let taken = import(taken, year.as_bytes()).result.unwrap_err();
    assert!(taken.line(Language::En).contains("leave --take out"));
}

#[test]
fn a_note_in_the_file_cannot_break_the_csv() {
    let titled = xml(2027)
        .replace(
            "title=\"Праздник\"",
            "title=\"a, &quot;b&quot;&#10;2027-02-02,holiday,c,d\"",
        )
        .replace("<days>", "<days><day d=\"02.01\" t=\"1\" h=\"1\"/>");
    let imported = read(
        &titled,
        Request {
            name: "a,b\".xml",
            ..asked(2027)
        },
    );
    let date = |day| NaiveDate::from_ymd_opt(2027, 2, day).unwrap();
    let source = "импорт: a;b'.xml (xmlcalendar XML)";
    let note = Note::new("a; 'b' 2027-02-02;holiday;c;d", source);
    assert_eq!(imported.calendar.fact(date(1)), Some(Fact::Holiday(note)));
    assert_eq!(imported.calendar.fact(date(2)), None);
    assert!(
        imported
            .csv
            .contains("импорт: a;b'.xml (xmlcalendar XML)\n")
    );
}

#[test]
fn nothing_that_comes_in_can_make_it_panic() {
    let deep = |of: &str| of.repeat(20_000);
    for hostile in [
        deep("<a>"),
        deep("<a x=''/>"),
        deep("{\"months\":["),
        format!("BEGIN:VCALENDAR\r\n{}END:VCALENDAR", deep("BEGIN:VEVENT\r\n")),
        format!("BEGIN:VCALENDAR\r\n{}END:VCALENDAR", deep("A:\r\n ")),
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:99991231\r\nDURATION:P99999999999W\r\nEND:VEVENT\r\nEND:VCALENDAR".to_owned(),
    ] {
        let _ = import(asked(2027), hostile.as_bytes());
    }
    let samples = [
        include_str!("../domain/calendar/ru-production-calendar.csv").to_owned(),
        xml(2027),
        months(2027),
        isdayoff(2027, true),
        lists(2027),
        ics(2027),
    ];
    // Numbers as good as random, and the same in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    for (format, sample) in Format::ALL.into_iter().zip(samples) {
        for round in 0..500 {
            let mut bytes = sample.clone().into_bytes();
            for _ in 0..=below(4) {
                let at = below(bytes.len());
                match below(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] = b"0123456789,.<>\"{}[]:;*+-/=\r\n \0\xd0\xff"[below(32)],
                    2 => drop(bytes.remove(at)),
                    _ => {
                        let copy = bytes[at..]
                            .iter()
                            .copied()
                            .take(below(40))
                            .collect::<Vec<_>>();
                        bytes.splice(at..at, copy);
                    }
                }
                if bytes.is_empty() {
                    break;
                }
            }
            let request = Request {
                name: "a",
                format: (round % 2 == 0).then_some(format),
                year: (round % 3 != 0).then_some(2027),
                take: (format == Format::Ics && round % 5 != 0).then_some("all"),
            };
            let attempt = import(request, &bytes);
            if let Ok(imported) = attempt.result {
                let _ = imported.report(Some(&ProductionCalendar::ru()));
                assert!(read(&imported.csv, request_of_csv()).calendar == imported.calendar);
            }
        }
    }
}

fn request_of_csv() -> Request<'static> {
    Request {
        name: "a.csv",
        format: None,
        year: None,
        take: None,
    }
}
