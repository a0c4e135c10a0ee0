//! What a person wants to know of a day, and where it is written.

/// Why a day is as it is. Both texts come from a calendar file and may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What a person wants to read: `День России`.
    pub text: String,
    /// The law or decree: `ТК РФ ст. 112 ч. 1`.
    pub source: String,
}

impl Note {
    /// A note and its source.
    pub fn new(text: impl Into<String>, source: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            source: source.into(),
        }
    }
}
