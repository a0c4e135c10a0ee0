//! Half-open hours of one day, `09:00-18:00`.

use std::fmt;

use super::error::CalendarError;

const DAY_MIN: u16 = 24 * 60;

/// Hours of one day: open at the first minute, closed at the last. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayInterval {
    from_min: u16,
    to_min: u16,
}

impl DayInterval {
    /// The hours between two minutes of the day, `0 <= from < to <= 1440`.
    pub fn new(from_min: u16, to_min: u16) -> Result<Self, CalendarError> {
        let fault = if to_min > DAY_MIN {
            "a day ends at 24:00"
        } else if from_min == to_min {
            "opening and closing are the same minute"
        } else if from_min > to_min {
            "closing is before opening (split a night into two days at 24:00)"
        } else {
            return Ok(Self { from_min, to_min });
        };
        let text = Self { from_min, to_min }.to_string();
        Err(CalendarError::Interval { text, fault })
    }

    /// Reads `"09:00-18:00"`; the end may be `"24:00"`.
    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        let unreadable = || CalendarError::Interval {
            text: text.to_owned(),
            fault: "not two times with a hyphen between them",
        };
        let (from, to) = text.trim().split_once('-').ok_or_else(unreadable)?;
        let from_min = minute_of_day(from).ok_or_else(unreadable)?;
        let to_min = minute_of_day(to).ok_or_else(unreadable)?;
        Self::new(from_min, to_min)
    }

    /// The first open minute of the day.
    pub fn from_min(self) -> u16 {
        self.from_min
    }

    /// The minute of the day at which it closes; 1440 is the end of the day.
    pub fn to_min(self) -> u16 {
        self.to_min
    }

    /// How many minutes it is open.
    pub fn minutes(self) -> u16 {
        self.to_min - self.from_min
    }

    /// The same hours closing `minutes` earlier, or nothing if none are left.
    pub(super) fn closing_earlier(self, minutes: u16) -> Option<Self> {
        let to_min = self.to_min.checked_sub(minutes)?;
        Self::new(self.from_min, to_min).ok()
    }
}

impl fmt::Display for DayInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from_min, self.to_min);
        let (from_h, from_m, to_h, to_m) = (from / 60, from % 60, to / 60, to % 60);
        write!(f, "{from_h:02}:{from_m:02}-{to_h:02}:{to_m:02}")
    }
}

/// Hours of one day as a setting lists them.
pub(super) fn listed(hours: &[DayInterval]) -> String {
    let hours: Vec<String> = hours.iter().map(ToString::to_string).collect();
    hours.join(", ")
}

/// Refuses hours of one day that overlap or are out of order. Hours that touch are fine.
pub(super) fn check_order(day: &str, intervals: &[DayInterval]) -> Result<(), CalendarError> {
    match intervals.windows(2).find(|w| w[0].to_min > w[1].from_min) {
        None => Ok(()),
        Some(w) => Err(CalendarError::Order {
            day: day.to_owned(),
            first: w[0],
            second: w[1],
        }),
    }
}

/// `"09:30"` as 570; five characters, two digits each, up to `"24:00"`.
fn minute_of_day(text: &str) -> Option<u16> {
    let &[h1, h2, b':', m1, m2] = text.as_bytes() else {
        return None;
    };
    let two = |a: u8, b: u8| {
        let digits = a.is_ascii_digit() && b.is_ascii_digit();
        digits.then(|| u16::from(a - b'0') * 10 + u16::from(b - b'0'))
    };
    let (hour, minute) = (two(h1, h2)?, two(m1, m2)?);
    let exists = hour < 24 && minute < 60 || hour == 24 && minute == 0;
    exists.then_some(hour * 60 + minute)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_and_written_the_same_way() {
        for (text, from_min, to_min) in [
            ("09:00-18:00", 540, 1080),
            ("00:00-24:00", 0, 1440),
            ("23:59-24:00", 1439, 1440),
        ] {
            let interval = DayInterval::parse(text).unwrap();
            assert_eq!((interval.from_min(), interval.to_min()), (from_min, to_min));
            assert_eq!(interval.to_string(), text);
        }
    }

    #[test]
    fn hours_that_make_no_sense_are_refused() {
        for (text, why) in [
            ("", "not two times"),
            ("09:00", "not two times"),
            ("9:00-18:00", "not two times"),
            ("09:00 - 18:00", "not two times"),
            ("09:00–18:00", "not two times"),
            ("09:00-25:00", "not two times"),
            ("09:00-24:01", "not two times"),
            ("09:60-18:00", "not two times"),
            ("+9:00-18:00", "not two times"),
            ("09:00-18:00-19:00", "not two times"),
            ("09:00-09:00", "same minute"),
            ("24:00-24:00", "same minute"),
            ("22:00-06:00", "before opening"),
        ] {
            let message = DayInterval::parse(text).unwrap_err().to_string();
            assert!(message.contains(why) && message.contains(text), "{message}");
        }
        assert!(DayInterval::new(0, 1441).is_err());
    }
}
