//! Notes of a calendar file in the reader's language. They are Russian, for the calendar is; in English the phrases that
//! the built-in file uses are translated, and whatever else a note says stays as it is.

use crate::domain::language::Language;

const EN: &str = include_str!("wording/en/calendar_notes.txt");

/// Returns a note, or the name of a law, in `language` as far as that goes.
pub fn in_language(note: &str, language: Language) -> String {
    if language == Language::Ru {
        return note.to_owned();
    }
    let phrases = EN.lines().filter_map(|line| line.split_once(" = "));
    phrases.fold(note.to_owned(), |note, (ru, en)| note.replace(ru, en))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::{Calendar, DayReason, Exceptions, ProductionCalendar, Week};

    #[test]
    fn every_note_of_the_embedded_calendar_is_translated() {
        let week = Week::parse([("mon-sun", ["09:00-18:00".to_owned()])]).expect("a week");
        let ru = Some(ProductionCalendar::ru());
        let none = Exceptions::default();
        let calendar = Calendar::new(chrono_tz::UTC, week, ru, none, true).expect("sound");
        let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date");
        let mut seen = 0;
        for date in first.iter_days().take(6 * 366) {
            let notes = match calendar.day(date).reason {
                DayReason::Holiday(note)
                | DayReason::TransferredDayOff(note)
                | DayReason::Shortened(note) => vec![note],
                DayReason::WorkingWeekend(note, short) => {
                    [Some(note), short].into_iter().flatten().collect()
                }
                _ => vec![],
            };
            for text in notes.into_iter().flat_map(|note| [note.text, note.source]) {
                let said = in_language(&text, Language::En);
                let cyrillic = said
                    .chars()
                    .any(|c| ('а'..='я').contains(&c.to_lowercase().next().unwrap_or(c)));
                assert!(!cyrillic, "{date}: {text}: {said}");
                assert_eq!(in_language(&text, Language::Ru), text);
                seen += 1;
            }
        }
        assert!(seen > 100, "{seen}");
    }
}
