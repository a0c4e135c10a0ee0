use super::*;
use ninetosix_core::config::Settings;

use crate::testing::{compare, school, settings};

fn shown(settings: &Settings, year: i32, html: bool, json: bool) -> String {
    let wanted = As {
        ics: false,
        html,
        json,
    };
    let now = "2026-11-26T07:00:00Z".parse().expect("an instant");
    render(&Hours::from(settings), year, wanted, now).expect("made")
}

#[test]
fn years_are_shown_as_they_were_looked_at() {
    let mut texts = Vec::new();
    for language in ["ru", "en"] {
        let school = school(language);
        texts.push((
            format!("2027.{language}.txt"),
            shown(&school, 2027, false, false),
        ));
    }
    texts.push((
        "2027.ru.html".to_owned(),
        shown(&school("ru"), 2027, true, false),
    ));
    compare("src/calendar/snapshots", texts);
}

#[test]
fn the_norm_stands_beside_the_desks_own_hours() {
    let plain = settings(
        "en",
        "[[specialist]]\nlogin = \"ivan\"\nname = \"Ivan\"\naddress = \"ivan@school.test\"\n",
    );
    for (year, days, short, hours) in [
        (2024, 248, 5, 1979),
        (2025, 247, 4, 1972),
        (2026, 247, 4, 1972),
        (2027, 247, 4, 1972),
    ] {
        let text = shown(&plain, year, false, false);
        let norm = format!("{days} working days, {short} of them an hour shorter, {hours} hours.");
        assert!(text.contains(&norm), "{text}");
        let object: serde_json::Value =
            serde_json::from_str(&shown(&plain, year, false, true)).expect("JSON");
        assert_eq!(object["total"]["norm"]["working_minutes"], hours * 60);
        assert_eq!(object["total"]["desk"]["working_days"], days);
        // Nine hours by the wall: this desk has no lunch break.
        assert_eq!(
            object["total"]["desk"]["working_minutes"],
            (days * 9 - short) * 60
        );
        assert_eq!(
            object["days"].as_array().map(Vec::len),
            object["total"]["desk"]["calendar_days"]
                .as_u64()
                .map(|n| n as usize)
        );
        assert_eq!(
            (
                object["months"].as_array().map(Vec::len),
                object["quarters"].as_array().map(Vec::len)
            ),
            (Some(12), Some(4))
        );
    }
    let object: serde_json::Value =
        serde_json::from_str(&shown(&plain, 2028, false, true)).expect("JSON");
    assert_eq!(object["provisional"], true);
    assert!(shown(&plain, 2028, false, false).contains("provisional: no data for 2028"));
}

#[test]
fn a_desk_without_a_production_calendar_has_no_norm() {
    let none = settings(
        "en",
        "[desk]\nname = \"<b>&\"\n[hours]\ncalendar = \"none\"\n[[specialist]]\nlogin = \"ivan\"\nname = \"Ivan\"\naddress = \"ivan@school.test\"\n",
    );
    let text = shown(&none, 2027, false, false);
    assert!(!text.contains("norm") && !text.contains("Norm"), "{text}");
    let html = shown(&none, 2027, true, false);
    assert!(
        html.contains("&lt;b&gt;&amp;") && !html.contains("<b>&"),
        "{html}"
    );
}
