//! Instants in the words of a letter: «понедельник, 23 ноября, 10:14 МСК».

use chrono::{DateTime, Datelike, NaiveDate, Offset, Timelike, Utc};
use chrono_tz::Tz;

use crate::domain::calendar::RU_MONTHS;
use crate::domain::language::Language;

pub(super) const RU_WEEKDAYS: [&str; 7] = [
    "понедельник",
    "вторник",
    "среда",
    "четверг",
    "пятница",
    "суббота",
    "воскресенье",
];
const RU_ON_WEEKDAYS: [&str; 7] = [
    "в понедельник",
    "во вторник",
    "в среду",
    "в четверг",
    "в пятницу",
    "в субботу",
    "в воскресенье",
];
const RU_SHORT_WEEKDAYS: [&str; 7] = ["пн", "вт", "ср", "чт", "пт", "сб", "вс"];
pub(super) const EN_WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
pub(super) const EN_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Space that does not break a line.
pub(super) const NBSP: char = '\u{a0}';

/// Says instants in one language and one zone.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    /// The language.
    pub language: Language,
    /// The zone of the desk.
    pub zone: Tz,
}

impl Moments {
    /// Returns «понедельник, 23 ноября, 10:14 МСК».
    pub fn full(self, at: DateTime<Utc>) -> String {
        let weekday = at
            .with_timezone(&self.zone)
            .weekday()
            .num_days_from_monday() as usize;
        match self.language {
            Language::Ru => format!(
                "{}, {}, {}",
                RU_WEEKDAYS[weekday],
                self.date(at),
                self.clock(at)
            ),
            Language::En => format!(
                "{} {}, {}",
                EN_WEEKDAYS[weekday],
                self.date(at),
                self.clock(at)
            ),
        }
    }

    /// Returns «в понедельник, 30 ноября, в 9:00 МСК».
    pub fn on(self, at: DateTime<Utc>) -> String {
        let weekday = at
            .with_timezone(&self.zone)
            .weekday()
            .num_days_from_monday() as usize;
        match self.language {
            Language::Ru => format!(
                "{}, {}, в{NBSP}{}",
                RU_ON_WEEKDAYS[weekday],
                self.date(at),
                self.clock(at)
            ),
            Language::En => format!(
                "on {} {} at {}",
                EN_WEEKDAYS[weekday],
                self.date(at),
                self.clock(at)
            ),
        }
    }

    /// Returns «пн 23.11, 10:14 МСК».
    pub fn short(self, at: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.zone);
        let weekday = local.weekday().num_days_from_monday() as usize;
        match self.language {
            Language::Ru => format!(
                "{} {:02}.{:02}, {}",
                RU_SHORT_WEEKDAYS[weekday],
                local.day(),
                local.month(),
                self.clock(at)
            ),
            Language::En => format!(
                "{} {}, {}",
                &EN_WEEKDAYS[weekday][..3],
                self.date(at),
                self.clock(at)
            ),
        }
    }

    /// Returns «23 ноября».
    pub fn date(self, at: DateTime<Utc>) -> String {
        self.day(at.with_timezone(&self.zone).date_naive())
    }

    /// Returns «23 ноября» for a date of the desk's own.
    pub fn day(self, date: NaiveDate) -> String {
        let month = date.month0() as usize;
        match self.language {
            Language::Ru => format!("{}{NBSP}{}", date.day(), RU_MONTHS[month]),
            Language::En => format!("{}{NBSP}{}", date.day(), EN_MONTHS[month]),
        }
    }

    /// Returns «10:14 МСК»: the minute, never rounded up, and whose clock it is on.
    pub fn clock(self, at: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.zone);
        let zone = match (self.zone, self.language) {
            (Tz::Europe__Moscow, Language::Ru) => "МСК".to_owned(),
            (Tz::Europe__Moscow, Language::En) => "MSK".to_owned(),
            _ => offset_name(local.offset().fix().local_minus_utc()),
        };
        format!("{}:{:02}{NBSP}{zone}", local.hour(), local.minute())
    }
}

/// Returns `UTC+5` or `UTC+5:30`.
fn offset_name(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    if minutes == 0 {
        format!("UTC{sign}{hours}")
    } else {
        format!("UTC{sign}{hours}:{minutes:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_said_in_both_languages_and_any_zone() {
        let at = DateTime::parse_from_rfc3339("2026-11-24T06:00:59Z")
            .expect("valid")
            .to_utc();
        let say = |language, zone| {
            let moments = Moments { language, zone };
            [moments.full(at), moments.on(at), moments.short(at)]
                .join(" | ")
                .replace(NBSP, "_")
        };
        assert_eq!(
            say(Language::Ru, Tz::Europe__Moscow),
            "вторник, 24_ноября, 9:00_МСК | во вторник, 24_ноября, в_9:00_МСК | вт 24.11, 9:00_МСК"
        );
        assert_eq!(
            say(Language::En, Tz::Europe__Moscow),
            "Tuesday 24_November, 9:00_MSK | on Tuesday 24_November at 9:00_MSK | Tue 24_November, 9:00_MSK"
        );
        assert_eq!(
            say(Language::Ru, Tz::Asia__Kolkata),
            "вторник, 24_ноября, 11:30_UTC+5:30 | во вторник, 24_ноября, в_11:30_UTC+5:30 | вт 24.11, 11:30_UTC+5:30"
        );
        assert_eq!(offset_name(-3 * 3600), "UTC-3");
    }
}
