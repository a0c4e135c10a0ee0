//! The languages people are written to in, and one text in both.

/// A language people are written to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Russian, the default.
    #[default]
    Ru,
    /// English.
    En,
}

impl Language {
    /// Returns the language's tag for Content-Language (RFC 5646).
    pub fn tag(self) -> &'static str {
        match self {
            Language::Ru => "ru",
            Language::En => "en",
        }
    }
}

/// One text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Russian.
    pub ru: String,
    /// English.
    pub en: String,
}

impl Words {
    /// The text in the language asked for.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::Ru => &self.ru,
            Language::En => &self.en,
        }
    }
}

/// Makes [`Words`] from a Russian and an English format string; both capture names from the place of call.
macro_rules! words {
    ($ru:literal, $en:literal $(,)?) => {
        $crate::domain::language::Words {
            ru: format!($ru),
            en: format!($en),
        }
    };
}
pub(crate) use words;
