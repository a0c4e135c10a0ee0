//! Dates, weekdays and hours in words, as a schedule on a wall has them: «31 декабря – 10 января», «9:00–18:00».

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;

use super::moment::{EN_WEEKDAYS, Moments, NBSP, RU_WEEKDAYS};
use crate::domain::calendar::DayInterval;
use crate::domain::language::Language;

const RU_FROM_WEEKDAYS: [&str; 7] = [
    "с\u{a0}понедельника",
    "со\u{a0}вторника",
    "со\u{a0}среды",
    "с\u{a0}четверга",
    "с\u{a0}пятницы",
    "с\u{a0}субботы",
    "с\u{a0}воскресенья",
];
const RU_MONTH_NAMES: [&str; 12] = [
    "Январь",
    "Февраль",
    "Март",
    "Апрель",
    "Май",
    "Июнь",
    "Июль",
    "Август",
    "Сентябрь",
    "Октябрь",
    "Ноябрь",
    "Декабрь",
];
/// A longer break is no break: the desk then opens twice a day.
const LONGEST_BREAK_MIN: u16 = 120;

impl Moments {
    /// Returns `9:00`; minute 1440 is `24:00`.
    pub fn minute(self, minute: u16) -> String {
        format!("{}:{:02}", minute / 60, minute % 60)
    }

    /// Returns «9:00–13:00, 14:00–18:00».
    pub fn hours(self, intervals: &[DayInterval]) -> String {
        let one = |(from, to)| format!("{}–{}", self.minute(from), self.minute(to));
        let hours: Vec<String> = stretches(intervals).into_iter().map(one).collect();
        hours.join(", ")
    }

    /// Returns the hours from opening to closing, and the breaks in them where they are short ones: «9:00–18:00» and
    /// «13:00–14:00».
    pub fn hours_and_breaks(self, intervals: &[DayInterval]) -> (String, String) {
        let stretches = stretches(intervals);
        let breaks: Vec<(u16, u16)> = stretches.windows(2).map(|w| (w[0].1, w[1].0)).collect();
        let is_short = |(from, to): &(u16, u16)| to - from <= LONGEST_BREAK_MIN;
        let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else {
            return (String::new(), String::new());
        };
        if breaks.is_empty() || !breaks.iter().all(is_short) {
            return (self.hours(intervals), String::new());
        }
        let span = |from, to| format!("{}–{}", self.minute(from), self.minute(to));
        let breaks: Vec<String> = breaks
            .into_iter()
            .map(|(from, to)| span(from, to))
            .collect();
        (span(first.0, last.1), breaks.join(", "))
    }

    /// Returns «31 декабря – 10 января», «1–8 января» or «4 ноября».
    pub fn days(self, first: NaiveDate, last: NaiveDate) -> String {
        let (from, to) = (self.day(first), self.day(last));
        if first == last {
            from
        } else if (first.year(), first.month()) == (last.year(), last.month()) {
            format!("{}–{to}", first.day())
        } else {
            format!("{from}{NBSP}– {to}")
        }
    }

    /// Returns «28 августа 2026 г.».
    pub fn dated(self, date: NaiveDate) -> String {
        let (day, year) = (self.day(date), date.year());
        match self.language {
            Language::Ru => format!("{day} {year}{NBSP}г."),
            Language::En => format!("{day} {year}"),
        }
    }

    /// Returns «понедельник».
    pub fn weekday(self, weekday: Weekday) -> &'static str {
        let index = weekday.num_days_from_monday() as usize;
        match self.language {
            Language::Ru => RU_WEEKDAYS[index],
            Language::En => EN_WEEKDAYS[index],
        }
    }

    /// Returns «с понедельника, 11 января» or "from Monday 11 January".
    pub fn from_day(self, date: NaiveDate) -> String {
        let index = date.weekday().num_days_from_monday() as usize;
        let day = self.day(date);
        match self.language {
            Language::Ru => format!("{}, {day}", RU_FROM_WEEKDAYS[index]),
            Language::En => format!("from {} {day}", EN_WEEKDAYS[index]),
        }
    }

    /// Returns «понедельник – среда, пятница» for days in order; two that follow each other are named both.
    pub fn weekdays(self, days: &[Weekday]) -> String {
        let follows = |a: &Weekday, b: &Weekday| *b == a.succ() && *b != Weekday::Mon;
        let runs = days.chunk_by(follows).flat_map(|run| match run {
            [first, _, .., last] => {
                let (first, last) = (self.weekday(*first), self.weekday(*last));
                vec![format!("{first}{NBSP}– {last}")]
            }
            short => short
                .iter()
                .map(|day| self.weekday(*day).to_owned())
                .collect(),
        });
        runs.collect::<Vec<_>>().join(", ")
    }

    /// Returns «Январь» for 0.
    pub fn month(self, month0: usize) -> &'static str {
        match self.language {
            Language::Ru => RU_MONTH_NAMES[month0],
            Language::En => super::moment::EN_MONTHS[month0],
        }
    }

    /// Returns whether the zone is Moscow's, which has a name in words.
    pub fn is_moscow(self) -> bool {
        self.zone == Tz::Europe__Moscow
    }
}

/// The hours of a day from minute to minute, those that touch as one.
fn stretches(intervals: &[DayInterval]) -> Vec<(u16, u16)> {
    let mut stretches: Vec<(u16, u16)> = Vec::new();
    for hours in intervals {
        match stretches.last_mut() {
            Some(last) if last.1 == hours.from_min() => last.1 = hours.to_min(),
            _ => stretches.push((hours.from_min(), hours.to_min())),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    const RU: Moments = Moments {
        language: Language::Ru,
        zone: Tz::Europe__Moscow,
    };
    const EN: Moments = Moments {
        language: Language::En,
        ..RU
    };

    fn hours(texts: &[&str]) -> Vec<DayInterval> {
        let read = |text: &&str| DayInterval::parse(text).expect("hours in a test");
        texts.iter().map(read).collect()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date in a test")
    }

    #[test]
    fn hours_are_said_with_their_breaks() {
        for (texts, all, span, breaks) in [
            (&["09:00-18:00"][..], "9:00–18:00", "9:00–18:00", ""),
            (
                &["09:00-13:00", "14:00-18:00"],
                "9:00–13:00, 14:00–18:00",
                "9:00–18:00",
                "13:00–14:00",
            ),
            (
                &["00:00-12:00", "12:00-24:00"],
                "0:00–24:00",
                "0:00–24:00",
                "",
            ),
            (
                &["08:00-10:00", "16:00-20:00"],
                "8:00–10:00, 16:00–20:00",
                "8:00–10:00, 16:00–20:00",
                "",
            ),
            (&[], "", "", ""),
        ] {
            let hours = hours(texts);
            assert_eq!(RU.hours(&hours), all);
            assert_eq!(RU.hours_and_breaks(&hours), (span.into(), breaks.into()));
        }
    }

    #[test]
    fn dates_and_weekdays_are_said_as_people_say_them() {
        let said = |moments: Moments| {
            use Weekday::{Fri, Mon, Sat, Sun, Tue, Wed};
            let (eve, back) = (date("2026-12-31"), date("2027-01-10"));
            let words = [
                moments.days(eve, back),
                moments.days(date("2027-01-01"), date("2027-01-08")),
                moments.days(eve, eve),
                moments.dated(eve),
                moments.from_day(date("2027-01-11")),
                moments.weekdays(&[Mon, Tue, Wed, Fri]),
                moments.weekdays(&[Sat, Sun]),
                moments.weekdays(&[Mon, Sun]),
                moments.month(0).to_owned(),
            ];
            words.join(" | ").replace(NBSP, "_")
        };
        assert_eq!(
            said(RU),
            "31_декабря_– 10_января | 1–8_января | 31_декабря | 31_декабря 2026_г. | с_понедельника, 11_января | \
             понедельник_– среда, пятница | суббота, воскресенье | понедельник, воскресенье | Январь"
        );
        assert_eq!(
            said(EN),
            "31_December_– 10_January | 1–8_January | 31_December | 31_December 2026 | from Monday 11_January | \
             Monday_– Wednesday, Friday | Saturday, Sunday | Monday, Sunday | January"
        );
    }
}
