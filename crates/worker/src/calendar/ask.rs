//! `calendar ask`: one question a line in, one answer a line out, for scripts and for whoever wants to check our counting.

use std::io::{BufRead, Read, Write};

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use ninetosix_core::cli::Exit;
use ninetosix_core::domain::calendar::{Calendar, FIRST_YEAR, LAST_YEAR};

/// A question has some sixty characters.
const LINE_BYTES: u64 = 1000;

/// The questions, as an error shows them.
const QUESTIONS: &str = "is_open T, next_open T, next_close T, add_working_minutes T N, add_working_days T N, working_minutes_between A B";

/// Answers every line of `questions` with a line in `answers`: `true` or `false`, an instant in UTC, a number, or
/// `error: …` for a line that is no question.
///
/// Returns [`Exit::Problem`] if there was such a line.
///
/// # Errors
/// If either stream breaks.
pub fn ask(
    calendar: &Calendar,
    mut questions: impl BufRead,
    mut answers: impl Write,
) -> std::io::Result<Exit> {
    let mut exit = Exit::Fine;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = questions
            .by_ref()
            .take(LINE_BYTES)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(exit);
        }
        let whole = line.ends_with(b"\n") || (read as u64) < LINE_BYTES;
        let answered = if whole {
            answer(calendar, &String::from_utf8_lossy(&line))
        } else {
            questions.skip_until(b'\n')?;
            Err(format!("the line is longer than {LINE_BYTES} bytes"))
        };
        match answered {
            Ok(answer) => writeln!(answers, "{answer}")?,
            Err(why) => {
                exit = Exit::Problem;
                writeln!(answers, "error: {why}")?;
            }
        }
    }
}

/// The answer to one question, or what is wrong with it.
fn answer(calendar: &Calendar, question: &str) -> Result<String, String> {
    let words: Vec<&str> = question.split_whitespace().collect();
    let beyond = || format!("there are not so many before the end of {LAST_YEAR}");
    match words.as_slice() {
        ["is_open", at] => Ok(calendar.is_open(instant(at)?).to_string()),
        ["next_open", at] => Ok(shown(calendar.next_open(instant(at)?))),
        ["next_close", at] => Ok(shown(calendar.next_close(instant(at)?))),
        ["add_working_minutes", at, minutes] => {
            let added = calendar.add_working(instant(at)?, number(minutes)?);
            added.map(shown).ok_or_else(beyond)
        }
        ["add_working_days", at, days] => {
            let added = calendar.add_working_days(instant(at)?, number(days)?);
            added.map(shown).ok_or_else(beyond)
        }
        ["working_minutes_between", from, to] => {
            let between = calendar.working_between(instant(from)?, instant(to)?);
            Ok(between.to_string())
        }
        [] => Err(format!("an empty line; ask one of: {QUESTIONS}")),
        _ => Err(format!("no such question; ask one of: {QUESTIONS}")),
    }
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let read = DateTime::parse_from_rfc3339(text).map_err(|_| {
        format!("{text:?} is no instant; write it as 2026-12-30T19:10:00+03:00 (RFC 3339)")
    })?;
    let at = read.to_utc();
    if (FIRST_YEAR..=LAST_YEAR).contains(&at.year()) {
        Ok(at)
    } else {
        Err(format!(
            "{text} is outside the years {FIRST_YEAR} to {LAST_YEAR}"
        ))
    }
}

fn number(text: &str) -> Result<u32, String> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let read = text.parse().ok().filter(|_| is_number);
    read.ok_or_else(|| format!("{text:?} is no whole number from 0 to {}", u32::MAX))
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use ninetosix_core::domain::calendar::{Exceptions, ProductionCalendar, Week};

    use super::*;

    fn asked(questions: &[u8]) -> (Vec<String>, Exit) {
        let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
        let ru = Some(ProductionCalendar::ru());
        let calendar = Calendar::new(Tz::Europe__Moscow, week, ru, Exceptions::default(), true);
        let mut answers = Vec::new();
        let exit = ask(&calendar.expect("a calendar"), questions, &mut answers);
        let answers = String::from_utf8(answers).expect("text");
        let answers = answers.lines().map(str::to_owned).collect();
        (answers, exit.expect("no stream breaks"))
    }

    #[test]
    fn each_question_has_its_answer() {
        for (question, expected) in [
            ("is_open 2026-11-26T09:00:00+03:00", "true"),
            ("is_open 2026-11-26T18:00:00+03:00", "false"),
            ("is_open 2026-11-26T14:59:59.999Z", "true"),
            (
                "next_open 2026-12-30T19:10:00+03:00",
                "2027-01-11T06:00:00Z",
            ),
            (
                "next_open 2026-11-26T20:00:00+13:45",
                "2026-11-26T06:15:00Z",
            ),
            (
                "next_close 2027-02-20T10:00:00+03:00",
                "2027-02-20T14:00:00Z",
            ),
            (
                "add_working_minutes 2026-11-26T17:59:30.5+03:00 1",
                "2026-11-27T06:00:30.500Z",
            ),
            (
                "add_working_minutes 2026-11-26T20:00:00+03:00 0",
                "2026-11-26T17:00:00Z",
            ),
            (
                "add_working_days 2026-12-30T12:00:00+03:00 5",
                "2027-01-15T09:00:00Z",
            ),
            (
                "working_minutes_between 2026-11-26T17:00:00+03:00 2026-11-27T10:00:00+03:00",
                "120",
            ),
            (
                "working_minutes_between 2026-11-27T10:00:00+03:00 2026-11-26T17:00:00+03:00",
                "0",
            ),
            ("  is_open\t2026-11-26T09:00:00+03:00 \r", "true"),
        ] {
            let (answers, exit) = asked(question.as_bytes());
            assert_eq!(
                (answers, exit),
                (vec![expected.to_owned()], Exit::Fine),
                "{question}"
            );
        }
    }

    #[test]
    fn a_bad_line_is_answered_with_an_error_and_the_next_is_read() {
        for (question, why) in [
            ("", "an empty line"),
            ("is_open", "no such question"),
            ("is_open now", "is no instant"),
            ("is_open 2026-02-30T09:00:00Z", "is no instant"),
            ("is_open 2026-11-26T09:00:00", "is no instant"),
            ("is_open 1969-12-31T23:59:59Z", "is outside the years"),
            ("is_open 2026-11-26T09:00:00Z extra", "no such question"),
            (
                "add_working_days 2026-11-26T09:00:00Z -1",
                "is no whole number",
            ),
            (
                "add_working_days 2026-11-26T09:00:00Z +1",
                "is no whole number",
            ),
            (
                "add_working_minutes 2026-11-26T09:00:00Z 4294967296",
                "is no whole number",
            ),
            (
                "add_working_minutes 2099-12-30T09:00:00Z 100000",
                "not so many",
            ),
            (
                "add_working_days 2026-11-26T09:00:00Z 4294967295",
                "not so many",
            ),
        ] {
            let text = format!("{question}\nis_open 2026-11-26T09:00:00+03:00");
            let (answers, exit) = asked(text.as_bytes());
            assert!(
                answers[0].starts_with("error: ") && answers[0].contains(why),
                "{answers:?}"
            );
            assert_eq!(
                (answers[1].as_str(), answers.len(), exit),
                ("true", 2, Exit::Problem)
            );
        }
        let long = [
            &[b'x'; 5000][..],
            b"\n\xff\xfe\nis_open 2026-11-26T09:00:00+03:00\n",
        ]
        .concat();
        let (answers, exit) = asked(&long);
        assert!(
            answers[0].contains("longer than") && answers[1].contains("no such"),
            "{answers:?}"
        );
        assert_eq!((answers[2].as_str(), exit), ("true", Exit::Problem));
        assert_eq!(asked(b""), (Vec::new(), Exit::Fine));
    }
}
