//! `simulate`: what would leave when, over the New Year holidays and a short Saturday that is worked.

use super::desk::Desk;

/// The lines without their letters' recipients and words: the time, what happens, and the ticket.
fn happens(said: &str) -> Vec<String> {
    said.lines()
        .map(|line| {
            line.split_whitespace()
                .take(6)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

#[test]
fn letters_around_the_new_year_leave_when_the_desk_is_open() {
    let desk = Desk::new();
    desk.hours("[deadlines]\nfirst_answer = \"9h\"\nsolution = \"27h\"");
    desk.write(
        "script",
        "2026-12-30T19:10 letter rita@family.example The diary does not open\n\
         2026-12-30T17:58 letter olga@family.example In time\n\
         2026-12-31T23:40 reply 2 ivan Please try again.\\n#close\n\
         2027-01-11T08:59:59 reply 1 ivan Too early\n\
         2027-02-19T17:59 letter petr@family.example Before a short Saturday\n",
    );
    let asked = [
        "simulate",
        "--from",
        "2026-12-28",
        "--to",
        "2027-03-01",
        "--letters",
        "script",
    ];
    let (code, said, complaint) = desk.ask("", &asked);
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{said}");
    assert_eq!(
        happens(&said),
        [
            "Wed 2026-12-30 17:58:00 arrives № 1",
            "Wed 2026-12-30 17:58:00 receipt № 1",
            "Wed 2026-12-30 17:58:00 notice № 1",
            "Wed 2026-12-30 19:10:00 arrives № 2",
            "Wed 2026-12-30 19:10:00 receipt № 2",
            "Thu 2026-12-31 23:40:00 arrives № 1",
            "Thu 2026-12-31 23:40:00 own_letter № 1",
            "Mon 2027-01-11 08:59:59 arrives № 2",
            "Mon 2027-01-11 09:00:00 carried_out 2 orders",
            "Mon 2027-01-11 09:00:00 notice № 2",
            "Mon 2027-01-11 09:00:00 answer № 1",
            "Mon 2027-01-11 18:00:00 deadline № 2",
            "Wed 2027-01-13 18:00:00 deadline № 2",
            "Fri 2027-02-19 17:59:00 arrives № 3",
            "Fri 2027-02-19 17:59:00 receipt № 3",
            "Fri 2027-02-19 17:59:00 notice № 3",
            "Wed 2027-02-24 09:59:00 deadline № 3",
            "Fri 2027-02-26 09:59:00 deadline № 3",
        ]
    );
    for words in [
        "work begins Mon 2027-01-11 09:00, an answer by Mon 2027-01-11 18:00",
        "work has begun, an answer by Mon 2027-01-11 17:58",
        "no notice of it has reached him by then",
        "the first answer is due",
        "the solution is due",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(
        !desk.names().contains(&"desk.db".to_owned()),
        "nothing of the desk is touched"
    );
    let json = desk.ask("", &[&asked[..], &["--json"]].concat()).1;
    assert_eq!(json.lines().count(), 18);
    assert!(
        json.starts_with("{\"at\":\"2026-12-30T14:58:00Z\",\"what\":\"arrives\",\"ticket\":1,"),
        "{json}"
    );
}

#[test]
fn a_year_without_data_is_called_provisional_and_bad_scripts_are_refused() {
    let desk = Desk::new();
    desk.write(
        "script",
        "2027-12-30T20:00 letter anna@family.example Far away",
    );
    let asked = [
        "simulate",
        "--from",
        "2027-12-28",
        "--to",
        "2028-01-15",
        "--letters",
        "script",
    ];
    let (_, said, _) = desk.ask("", &asked);
    assert!(
        said.contains("work begins Mon 2028-01-10 09:00 (provisional: no calendar of 2028 yet)"),
        "{said}"
    );
    for outside in ["2027-12-27T23:59", "2028-01-16T00:00"] {
        desk.write(
            "script",
            &format!("{outside} letter anna@family.example Elsewhere"),
        );
        let (code, _, complaint) = desk.ask("", &asked);
        assert!(
            code == Some(2) && complaint.contains("not from 2027-12-28 to 2028-01-15"),
            "{complaint}"
        );
    }
    desk.write("script", "30.12.2027 letter anna@family.example");
    for (arguments, why) in [
        (&asked[..], "script: line 1: \"30.12.2027\" is no time"),
        (
            &["simulate", "--from", "2027-12-28", "--to", "2027-12-27"],
            "name a first and a last day",
        ),
        (
            &["simulate", "--from", "2027-12-28", "--to", "2030-12-27"],
            "a year apart at most",
        ),
        (
            &[
                "simulate",
                "--from",
                "2027-12-28",
                "--to",
                "2027-12-30",
                "--mailbox",
                "x@school.example",
            ],
            "is no support address",
        ),
        (
            &["simulate", "--from", "28.12.2027", "--to", "2027-12-30"],
            "invalid value",
        ),
    ] {
        let (code, _, complaint) = desk.ask("", arguments);
        assert!(
            code == Some(2) && complaint.contains(why),
            "{why}: {code:?} {complaint}"
        );
    }
}
