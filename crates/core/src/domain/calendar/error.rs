//! Why a calendar cannot be built, in words that tell the operator what to change.

use std::fmt;

use chrono::NaiveDate;
use thiserror::Error;

use super::interval::DayInterval;

/// A setting or a calendar file that cannot be understood, or that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// Hours of a day that cannot be read, or that are empty or reversed.
    #[error("hours \"{text}\": {fault}; write them as \"09:00-18:00\", at the latest \"24:00\"")]
    Interval {
        /// What stands in the setting.
        text: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Hours of one weekday or date that overlap or do not follow each other.
    #[error(
        "{day}: {first} and {second} overlap or are out of order; list the hours of a day from morning to evening, each once"
    )]
    Order {
        /// The weekday or date concerned.
        day: String,
        /// The interval that stands first.
        first: DayInterval,
        /// The interval that stands after it.
        second: DayInterval,
    },
    /// A key of the week that names no day, or one that is named already.
    #[error("\"{key}\": {fault}")]
    Week {
        /// The key as it stands.
        key: String,
        /// What is wrong and what to write.
        fault: &'static str,
    },
    /// A week in which the desk never opens.
    #[error(
        "the ordinary week has no open hours, so nothing would ever be answered; give at least one day hours, such as mon-fri = [\"09:00-18:00\"]"
    )]
    NeverOpen,
    /// A calendar file with a line that cannot be understood or a date that makes no sense.
    #[error("production calendar, {place}: {fault}")]
    File {
        /// Where.
        place: Place,
        /// What is wrong and what to write.
        fault: Fault,
    },
    /// A closed or open date of the desk that cannot be understood or contradicts another.
    #[error("exception \"{text}\": {fault}")]
    Exception {
        /// What stands in the setting.
        text: String,
        /// What is wrong and what to write.
        fault: Fault,
    },
}

/// Where in a calendar file something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In this line, counted from one.
    Line(usize),
    /// At this date.
    Date(NaiveDate),
    /// In this year as a whole.
    Year(i32),
}

/// What is wrong and what to write, in both languages of operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Russian.
    pub ru: String,
    /// English.
    pub en: String,
}

impl Fault {
    /// A fault in two languages.
    pub(super) fn new(ru: impl Into<String>, en: impl Into<String>) -> Fault {
        Fault {
            ru: ru.into(),
            en: en.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Date(date) => write!(f, "{date}"),
            Place::Year(year) => write!(f, "{year}"),
        }
    }
}
