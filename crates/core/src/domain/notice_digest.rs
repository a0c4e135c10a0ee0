//! Notices in a flood: after so many to one specialist in a short time, further ones are lines of one digest. He takes
//! from it what he will work on, and gets the notices of that.

use chrono::{DateTime, TimeDelta, Utc};

use super::calendar::Calendar;
use super::command::{self, Command, Word};
use super::reply_text::fold;

/// So many notices to one specialist within [`WINDOW`] are a flood (promises.md, limits).
const FLOOD: u32 = 30;
/// How long a digest gathers, and what "within a short time" means.
pub const WINDOW: TimeDelta = TimeDelta::minutes(10);
/// Tickets that one reply may take.
pub const TAKEN_AT_ONCE: usize = 50;

/// Returns whether one more notice is too many after `recent` ones within [`WINDOW`].
pub fn is_flood(recent: u32) -> bool {
    recent >= FLOOD
}

/// Returns when a digest begun `now` leaves.
pub fn due_at(calendar: &Calendar, now: DateTime<Utc>) -> DateTime<Utc> {
    calendar.next_open(now + WINDOW)
}

/// What is wrong with a reply to a digest: the line or the word that was not understood, as written, at most forty
/// characters of it; empty if the reply says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUnderstood(pub String);

/// Returns the tickets that a reply to a digest takes, each once, in the order written: `#взять 1057 1058` or
/// `1057: взять, 1058: взять`. Nothing else can be said to a digest: one line that is not understood voids all.
///
/// # Errors
/// [`NotUnderstood`].
pub fn taken(own: &str) -> Result<Vec<i64>, NotUnderstood> {
    let mut numbers: Vec<i64> = Vec::new();
    for raw in own.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let error = || NotUnderstood(command::excerpt(raw));
        let folded = fold(raw);
        let line = folded.trim();
        let rest = line.strip_prefix(command::PREFIXES);
        let found = rest
            .and_then(|rest| after_word(rest.trim_start()))
            .or_else(|| before_word(line));
        for number in found.ok_or_else(error)? {
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        if numbers.len() > TAKEN_AT_ONCE {
            return Err(error());
        }
    }
    if numbers.is_empty() {
        return Err(NotUnderstood(String::new()));
    }
    Ok(numbers)
}

/// `взять 1057 1058`.
fn after_word(rest: &str) -> Option<Vec<i64>> {
    let (word, numbers) = rest.split_once(' ')?;
    (command::word(word) == Some(Word::Now(Command::Take))).then_some(())?;
    let numbers = numbers.split([' ', ',', ';']);
    let numbers = numbers.filter(|part| !part.is_empty() && *part != "и" && *part != "№");
    numbers.map(number).collect()
}

/// `1057: взять, 1058: взять`.
fn before_word(line: &str) -> Option<Vec<i64>> {
    let parts = line.split([',', ';']).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (ticket, word) = part.split_once(':')?;
            let word = word.trim().trim_start_matches(command::PREFIXES);
            let takes = command::word(word) == Some(Word::Now(Command::Take));
            takes.then(|| number(ticket)).flatten()
        })
        .collect()
}

/// `1057`, `№1057`, `№ 1057.`
fn number(text: &str) -> Option<i64> {
    let digits = text.trim().trim_start_matches(['№', '#', ' ']);
    let digits = digits.trim_end_matches(['.', '!', ' ']);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_taken_by_their_numbers() {
        for (own, numbers) in [
            ("#взять 1057", &[1057][..]),
            ("#взять 1057 1058", &[1057, 1058]),
            ("№ Беру №1057, № 1058 и 1059.", &[1057, 1058, 1059]),
            ("#take 7;8", &[7, 8]),
            ("1057: взять, 1058: взять", &[1057, 1058]),
            ("1057: #взять\n\n№ 1058: беру", &[1057, 1058]),
            ("#взять 5 5\n#взять 5", &[5]),
        ] {
            assert_eq!(taken(own).as_deref(), Ok(numbers), "{own}");
        }
        let many: Vec<String> = (1..=51).map(|number| number.to_string()).collect();
        assert!(taken(&format!("#взять {}", many[..50].join(" "))).is_ok());
        assert!(taken(&format!("#взять {}", many.join(" "))).is_err());
    }

    #[test]
    fn anything_else_is_not_understood_as_a_whole() {
        for own in [
            "",
            "#взять",
            "#взять все",
            "#взять 5-9",
            "#взять 99999999999999999999",
            "#закрыть 5",
            "5: закрыть",
            "5: отложить до пт",
            "#взять 5\nспасибо",
            "5",
            "№ 5",
            "взять 5",
        ] {
            assert!(taken(own).is_err(), "{own}");
        }
        assert_eq!(taken("").unwrap_err(), NotUnderstood(String::new()));
        let long = format!("#взять {}", "ё".repeat(100));
        let NotUnderstood(written) = taken(&long).unwrap_err();
        assert_eq!(written.chars().count(), 40);
    }

    #[test]
    fn the_thirty_first_notice_is_one_too_many() {
        assert!(!is_flood(29));
        assert!(is_flood(30));
    }
}
