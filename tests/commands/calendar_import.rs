//! `calendar import`: dry first, then written, then kept by the configuration.

use std::fs;

use super::desk::{Answer, Desk};

/// The public holidays of 2028, its Mondays off, and a worked Saturday: no decree says so yet.
const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<calendar year="2028"><holidays><holiday id="1" title="Праздник"/></holidays><days>
<day d="01.01" t="1" h="1"/><day d="01.02" t="1" h="1"/><day d="01.03" t="1" h="1"/><day d="01.04" t="1" h="1"/>
<day d="01.05" t="1" h="1"/><day d="01.06" t="1" h="1"/><day d="01.07" t="1" h="1"/><day d="01.08" t="1" h="1"/>
<day d="02.22" t="2"/><day d="02.23" t="1" h="1"/><day d="03.07" t="2"/><day d="03.08" t="1" h="1"/>
<day d="04.29" t="3"/><day d="05.01" t="1" h="1"/><day d="05.02" t="1" f="04.29"/><day d="05.08" t="2"/>
<day d="05.09" t="1" h="1"/><day d="06.12" t="1" h="1"/><day d="11.03" t="2"/><day d="11.04" t="1" h="1"/>
<day d="11.06" t="1" f="11.04"/></days></calendar>"#;

/// A desk with a year in a file.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("2028.xml", XML);
    desk
}

fn import(desk: &Desk, input: &str, arguments: &[&str]) -> Answer {
    let command = ["calendar", "import"];
    desk.ask(input, &[&command, arguments].concat())
}

#[test]
fn a_year_is_looked_at_dry_then_written_and_then_kept() {
    let desk = desk();
    let before = desk.names();
    let (code, said, complaint) = import(&desk, "", &["2028.xml"]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{said}");
    for line in [
        "the configuration has no data of 2028: compared with counting by art. 112 alone",
        "2028-04-29: day off → worked Saturday (рабочая суббота; выходной перенесён на 2 мая)",
        "2028-05-02: working day → day off (выходной перенесён с 29 апреля)",
        "Nothing was written.",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(desk.names(), before, "a dry run writes nothing");

    let (code, said, _) = import(&desk, "", &["2028.xml", "--write", "2028.csv"]);
    let out = desk.path("2028.csv");
    let line = format!("calendar_files = [{:?}]", out.display().to_string());
    assert!(code == Some(0) && said.contains(&line), "{said}");
    assert_eq!(desk.names().len(), before.len() + 1, "{:?}", desk.names());
    let csv = fs::read_to_string(&out).expect("written");
    assert!(
        csv.contains("2028-04-29,working_weekend,рабочая суббота; выходной перенесён на 2 мая,импорт: 2028.xml (xmlcalendar XML)\n"),
        "{csv}"
    );

    let (code, _, complaint) = import(&desk, "", &["2028.xml", "--write", "2028.csv"]);
    assert!(
        code == Some(1) && complaint.contains("there is such a file already"),
        "{complaint}"
    );
    assert_eq!(fs::read_to_string(&out).expect("still there"), csv);

    desk.hours(&line);
    let (code, said, _) = import(&desk, &csv, &["-"]);
    assert_eq!(code, Some(0));
    assert!(
        said.contains("calendar in force") && said.contains("nothing differs"),
        "{said}"
    );
}

#[test]
fn what_is_wrong_is_said_in_the_desks_words() {
    let desk = desk();
    let digits = "1".repeat(365);
    for (input, arguments, words) in [
        (
            "",
            &["absent.xml"][..],
            "✗ absent.xml: the file cannot be read",
        ),
        ("", &["."], "✗ .: the file cannot be read"),
        (
            "",
            &["-"],
            "✗ stdin: the file is empty → download the file again",
        ),
        (
            &digits,
            &["-", "--year", "2028"],
            "365 characters, and 2028 (a leap year) has 366 days",
        ),
        (
            "",
            &["2028.xml", "--format", "isdayoff", "--year", "2028"],
            "characters, and 2028",
        ),
        (
            "",
            &["2028.xml", "--write", "absent/2028.csv"],
            "the file cannot be written",
        ),
    ] {
        let (code, _, complaint) = import(&desk, input, arguments);
        assert_eq!(code, Some(1), "{complaint}");
        assert!(complaint.contains(words), "{words}: {complaint}");
    }
    let (code, _, usage) = import(&desk, "", &["2028.xml", "--format", "xls"]);
    assert!(
        code == Some(2) && usage.contains("xmlcalendar-json"),
        "{usage}"
    );
    desk.hours("calendar_files = [\"2028.xml\"]");
    let (code, _, complaint) = import(&desk, "", &["2028.xml"]);
    assert!(
        code == Some(2) && complaint.contains("import it first: ninetosix-worker calendar import"),
        "{complaint}"
    );
}
