//! What happens in a simulation: who writes when, and what specialists do about it; from a file, or made up.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use ninetosix_core::domain::address::EmailAddress;
use ninetosix_core::domain::calendar::Calendar;
use ninetosix_core::domain::desk::Specialist;

/// More letters and replies of a file than anybody reads the fate of.
const MOST: usize = 1000;
/// When people write where no file says it: at night, before the opening, in hours, in the last minute.
const MADE_UP: [&str; 4] = ["03:12", "08:59", "12:30", "17:59"];

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Somebody writes.
    Letter {
        /// Its number: replies name it.
        number: usize,
        /// From this address.
        from: EmailAddress,
        /// With this subject.
        subject: String,
    },
    /// A specialist replies to the notice of the so-manieth letter, counted from one.
    Reply {
        /// Which letter.
        letter: usize,
        /// The specialist's login.
        login: String,
        /// What he writes, commands included.
        words: String,
    },
}

/// Reads a script: `TIME letter ADDRESS SUBJECT` and `TIME reply N LOGIN WORDS`, a line each, in any order; the time with an
/// offset, or without one by the calendar's zone; `#` begins a comment.
///
/// # Errors
/// The first line that cannot be understood, with its number and what to write.
pub fn read(
    text: &str,
    calendar: &Calendar,
    specialists: &[Specialist],
) -> Result<Vec<Happening>, String> {
    let mut happenings = Vec::new();
    let mut letters = 0;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut happening =
            parsed(line, calendar, specialists).map_err(|why| format!("line {number}: {why}"))?;
        if let What::Letter { number, .. } = &mut happening.what {
            letters += 1;
            *number = letters;
        }
        happenings.push(happening);
        if happenings.len() > MOST {
            return Err(format!(
                "line {number}: more than {MOST} letters; split the file"
            ));
        }
    }
    happenings.sort_by_key(|happening| happening.at);
    Ok(happenings)
}

/// Four letters a day from people who did not write before.
pub fn made_up(from: NaiveDate, to: NaiveDate, calendar: &Calendar) -> Vec<Happening> {
    let dates = from.iter_days().take_while(|date| *date < to);
    let times = dates.flat_map(|date| MADE_UP.map(|time| format!("{date}T{time}")));
    times
        .filter_map(|time| instant(&time, calendar))
        .enumerate()
        .filter_map(|(index, at)| {
            let number = index + 1;
            let what = What::Letter {
                number,
                from: EmailAddress::parse(&format!("writer{number}@family.example"))?,
                subject: format!("Letter {number}"),
            };
            Some(Happening { at, what })
        })
        .collect()
}

fn parsed(
    line: &str,
    calendar: &Calendar,
    specialists: &[Specialist],
) -> Result<Happening, String> {
    let mut words = line.splitn(3, char::is_whitespace);
    let (time, verb, rest) = (words.next(), words.next(), words.next());
    let time = time.unwrap_or_default();
    let at = instant(time, calendar).ok_or_else(|| {
        format!("{time:?} is no time; write it as 2026-12-30T19:10, or with an offset")
    })?;
    let rest = rest.unwrap_or_default().trim();
    let (first, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let what = match verb {
        Some("letter") => What::Letter {
            number: 0,
            from: EmailAddress::parse(first).ok_or_else(|| {
                format!("{first:?} is no address; write: TIME letter ADDRESS SUBJECT")
            })?,
            subject: rest.trim().to_owned(),
        },
        Some("reply") => {
            let letter = first.parse().ok().filter(|letter| *letter > 0);
            let letter = letter.ok_or_else(|| {
                format!("{first:?} is no letter's number; write: TIME reply N LOGIN WORDS")
            })?;
            let rest = rest.trim_start();
            let (login, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if !specialists.iter().any(|known| known.login == login) {
                return Err(format!(
                    "there is no specialist {login:?} in the configuration"
                ));
            }
            What::Reply {
                letter,
                login: login.to_owned(),
                words: words.trim().replace("\\n", "\n"),
            }
        }
        _ => {
            return Err(
                "it says neither \"letter\" nor \"reply\"; write: TIME letter ADDRESS SUBJECT, or: TIME reply N LOGIN WORDS".to_owned(),
            );
        }
    };
    Ok(Happening { at, what })
}

fn instant(text: &str, calendar: &Calendar) -> Option<DateTime<Utc>> {
    let with_offset = |text: &str| {
        let read = DateTime::parse_from_rfc3339(text);
        read.or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z"))
    };
    if let Ok(at) = with_offset(&text.replace('Z', "+00:00")) {
        return Some(at.to_utc());
    }
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
    let local = formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    calendar.instant_of(local)
}

#[cfg(test)]
mod tests {
    use ninetosix_core::config::Hours;

    use super::*;

    fn moscow() -> Calendar {
        Hours::default().calendar
    }

    fn ivan() -> Vec<Specialist> {
        vec![Specialist {
            login: "ivan".to_owned(),
            name: "Иван".to_owned(),
            address: EmailAddress::parse("ivan@school.example").expect("an address"),
            aliases: Vec::new(),
            from: None,
            to: None,
        }]
    }

    #[test]
    fn a_script_is_read_in_the_order_of_time() {
        let text = "# a comment\n\n2026-12-31T23:40 reply 1 ivan Попробуйте ещё раз.\\n#закрыть\n\
                    2026-12-30T19:10:00+03:00 letter rita@family.example Не открывается дневник\n";
        let read = read(text, &moscow(), &ivan()).expect("sound");
        assert_eq!(read[0].at.to_rfc3339(), "2026-12-30T16:10:00+00:00");
        assert!(
            matches!(&read[0].what, What::Letter { number: 1, subject, .. } if subject == "Не открывается дневник")
        );
        assert!(
            matches!(&read[1].what, What::Reply { letter: 1, words, .. } if words == "Попробуйте ещё раз.\n#закрыть")
        );
    }

    #[test]
    fn a_line_that_cannot_be_understood_is_named() {
        for (line, why) in [
            ("30.12.2026 letter rita@family.example", "is no time"),
            (
                "2026-12-30T19:10+25:00 letter rita@family.example",
                "is no time",
            ),
            ("2026-12-30T25:00 letter rita@family.example", "is no time"),
            ("2026-12-30T19:10", "neither"),
            ("2026-12-30T19:10 telegram rita@family.example", "neither"),
            ("2026-12-30T19:10 letter Rita", "is no address"),
            ("2026-12-30T19:10 reply 0 ivan Да.", "no letter's number"),
            (
                "2026-12-30T19:10 reply 1 boris Да.",
                "no specialist \"boris\"",
            ),
        ] {
            let refused = read(&format!("# one\n{line}"), &moscow(), &ivan()).expect_err("refused");
            assert!(
                refused.starts_with("line 2: ") && refused.contains(why),
                "{refused}"
            );
        }
    }

    #[test]
    fn letters_are_made_up_for_every_day_asked_for() {
        let date = |day| NaiveDate::from_ymd_opt(2026, 12, day).expect("a date");
        let made = made_up(date(28), date(30), &moscow());
        assert_eq!(made.len(), 8);
        assert!(made.is_sorted_by_key(|happening| happening.at));
    }
}
