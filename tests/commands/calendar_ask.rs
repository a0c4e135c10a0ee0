//! `calendar ask` with a configuration whose secrets nobody can read, with named calendars, and with none at all.

use super::desk::Desk;

#[test]
fn questions_are_answered_by_the_hours_of_the_configuration() {
    let desk = Desk::new();
    desk.hours(
        "mon-fri = [\"09:00-13:00\", \"14:00-18:00\"]\nclosed = [\"2027-03-05\"]\n\
         [[calendar]]\nname = \"kadry\"\nmon-fri = [\"10:00-16:00\"]\n",
    );
    // Whoever asks when the desk is open need not be able to read its password.
    std::fs::remove_file(desk.path("mail.password")).expect("removed");
    let questions = "is_open 2027-03-04T13:30:00+03:00\n\
                     next_open 2027-03-04T18:00:00+03:00\n\
                     add_working_minutes 2027-03-04T12:59:00+03:00 2\n\
                     now?\n";
    let (code, said, _) = desk.ask(questions, &["calendar", "ask"]);
    let answers: Vec<&str> = said.lines().collect();
    assert_eq!(
        answers[..3],
        ["false", "2027-03-09T06:00:00Z", "2027-03-04T11:01:00Z"]
    );
    assert!(
        answers[3].starts_with("error: ") && answers.len() == 4 && code == Some(1),
        "{said}"
    );

    let question = "next_open 2027-03-04T09:00:00+03:00\n";
    let (code, said, _) = desk.ask(question, &["calendar", "ask", "--name", "kadry"]);
    assert_eq!((code, said.as_str()), (Some(0), "2027-03-04T07:00:00Z\n"));
    let (code, _, complaint) = desk.ask(question, &["calendar", "ask", "--name", "absent"]);
    assert!(
        code == Some(2) && complaint.contains("there are: kadry"),
        "{complaint}"
    );

    desk.hours("mon-fri = [\"09:00-25:00\"]\nmon-fry = []\n[[calendar]]\nname = \"x\"\nmon = [\"10:00-16:00\", \"15:00-17:00\"]");
    let (code, said, complaint) = desk.ask(question, &["calendar", "ask"]);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    for words in [
        "hours.mon-fri: «09:00-25:00»",
        "hours.mon-fry",
        "calendar[1].mon: mon: 10:00-16:00 and 15:00-17:00 overlap",
    ] {
        assert!(complaint.contains(words), "{words}: {complaint}");
    }
    assert_eq!(
        complaint.lines().count(),
        4,
        "nothing else is looked at: {complaint}"
    );
}
