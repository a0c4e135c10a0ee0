//! What the desk has words for, in its language: the texts and the dates together.

use minijinja::{Value, context};
use ninetosix_core::config::Hours;
use ninetosix_core::domain::calendar::Week;
use ninetosix_core::mail::moment::Moments;
use ninetosix_core::mail::wording::{Wording, WordingError};

/// Says what the calendar holds.
pub(crate) struct Say {
    wording: Wording,
    /// Dates and hours in words.
    pub(crate) moments: Moments,
    /// The ordinary week, from which exceptional days differ.
    pub(crate) week: Week,
}

impl Say {
    /// In the language and the zone of the desk.
    pub(crate) fn new(hours: &Hours) -> Say {
        Say {
            wording: Wording::new(hours.language),
            moments: Moments {
                language: hours.language,
                zone: hours.calendar.zone(),
            },
            week: hours.calendar.week().clone(),
        }
    }

    /// The text `name` with `facts` filled in.
    pub(crate) fn text(&self, name: &str, facts: Value) -> Result<String, WordingError> {
        self.wording.text(name, facts)
    }

    /// A text that takes no facts.
    pub(crate) fn word(&self, name: &str) -> Result<String, WordingError> {
        self.text(name, context! {})
    }
}
