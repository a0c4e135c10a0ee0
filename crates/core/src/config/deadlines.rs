//! `[deadlines]`: what the desk promises, in working time.

use super::problem::{Flaw, quoted, words};
use super::reader::Section;
use crate::domain::deadline::Terms;

/// The longest term, in working minutes: about half a year of nine hours a day.
const LONGEST_MIN: u32 = 1000 * 60;

/// The terms, or nothing after noting why. Nothing is promised unless it stands there.
pub(super) fn terms(section: &Section<'_>) -> Option<Terms> {
    let term = |key| {
        if section.has(key) {
            section.parsed(key, minutes).map(Some)
        } else {
            Some(None)
        }
    };
    let (first_answer, solution) = (term("first_answer"), term("solution"));
    Some(Terms {
        first_answer_min: first_answer?,
        solution_min: solution?,
    })
}

/// `9h`, `90m` or `1h30m` in minutes.
fn minutes(text: &str) -> Result<u32, Flaw> {
    let whole = |text: &str, unit: char| -> Option<u32> {
        let digits = text.strip_suffix(unit)?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    let text = text.trim();
    let read = match text.split_once('h') {
        Some((_, "")) => whole(text, 'h').and_then(|hours| hours.checked_mul(60)),
        Some((hours, minutes)) => hours
            .parse::<u32>()
            .ok()
            .and_then(|hours| hours.checked_mul(60)?.checked_add(whole(minutes, 'm')?)),
        None => whole(text, 'm'),
    };
    read.filter(|minutes| (1..=LONGEST_MIN).contains(minutes))
        .ok_or_else(|| {
            let value = quoted(text);
            Flaw::new(
                words!(
                    "{value} — не срок в рабочих часах",
                    "{value} is no term in working hours"
                ),
                words!(
                    "запишите его как \"9h\", \"90m\" или \"1h30m\", не больше 1000h; дни считайте часами: три дня по девять часов — \"27h\"",
                    "write it as \"9h\", \"90m\" or \"1h30m\", 1000h at most; count days in hours: three days of nine are \"27h\""
                ),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{lines, with_reader};

    #[test]
    fn terms_are_read_in_hours_and_minutes() {
        for (text, expected) in [
            ("9h", Some(540)),
            ("27h", Some(1620)),
            ("90m", Some(90)),
            ("1h30m", Some(90)),
            ("1000h", Some(60_000)),
            ("1001h", None),
            ("0h", None),
            ("9", None),
            ("h", None),
            ("9 h", None),
            ("+9h", None),
            ("1h+3m", None),
            ("1h30", None),
            ("3d", None),
            ("", None),
            ("99999999999h", None),
        ] {
            assert_eq!(minutes(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn nothing_is_promised_unless_it_stands_there() {
        let read = |toml: &str| {
            with_reader(toml, |reader| {
                terms(&reader.section("deadlines")).ok_or_else(|| lines(reader))
            })
        };
        assert_eq!(read(""), Ok(Terms::default()));
        let half = read("[deadlines]\nfirst_answer = \"9h\"\n").expect("sound");
        assert_eq!(
            (half.first_answer_min, half.solution_min),
            (Some(540), None)
        );
        let refused =
            read("language = \"en\"\n[deadlines]\nsolution = \"3 days\"\nfirst_answer = 9\n");
        assert_eq!(refused.expect_err("refused").len(), 2);
    }
}
