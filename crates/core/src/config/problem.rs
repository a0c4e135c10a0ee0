//! What is wrong with a configuration, in the operator's words and in both languages.
//!
//! A parser of one value returns a [`Flaw`]; the reader adds the place and makes it a [`Problem`]; all
//! problems of one start are shown together as [`Problems`]. What a secret may hide behind is never
//! quoted, and what is quoted is made safe for a terminal by [`quoted`].

use std::fmt;

use crate::domain::language::Language;
pub use crate::domain::language::Words;
pub(crate) use crate::domain::language::words;

/// What is wrong with a value and what to do about it, before anybody knows where the value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) what: Words,
    pub(crate) cure: Words,
}

impl Flaw {
    /// A flaw of its two texts.
    pub(crate) fn new(what: Words, cure: Words) -> Self {
        Self { what, cure }
    }

    /// The problem this flaw is at `place`.
    pub(crate) fn at(self, place: impl Into<String>) -> Problem {
        Problem {
            place: place.into(),
            what: self.what,
            cure: self.cure,
        }
    }
}

/// One thing wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: a key such as `mailbox[1].imap` (counted from one), a variable, or a file.
    pub place: String,
    /// What is wrong there.
    pub what: Words,
    /// What to do about it.
    pub cure: Words,
}

impl Problem {
    /// The problem on one line: `✗ mailbox[1].imap: what is wrong → what to do`.
    pub fn line(&self, language: Language) -> String {
        let place = visible(&self.place);
        let what = visible(self.what.of(language));
        let cure = visible(self.cure.of(language));
        format!("✗ {place}: {what} → {cure}")
    }
}

/// Everything found wrong with one configuration; `Display` prints a line for each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The language the configuration asks for; Russian where that could not be read.
    pub language: Language,
    /// The problems: variables, names, then the tables in the order of the sample file.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.list.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", problem.line(self.language))?;
        }
        Ok(())
    }
}

/// How much of a value is shown.
const SHOWN_CHARS: usize = 60;

/// A value between quotation marks, shortened; only for keys that cannot hold a secret.
pub(crate) fn quoted(value: &str) -> String {
    let mut shown: String = value.chars().take(SHOWN_CHARS).collect();
    if value.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    format!("«{}»", visible(&shown))
}

/// The text with control characters written out, so that it stays on its line and steers no terminal.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() => c.escape_default().to_string(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<Problem> {
        let value = quoted("a\u{1b}[31m\nb");
        vec![
            Flaw::new(
                words!("плохо: {value}", "bad: {value}"),
                words!("исправьте", "mend it"),
            )
            .at("mailbox[1].imap"),
            Flaw::new(words!("нет", "missing"), words!("допишите", "add it")).at("desk.name"),
        ]
    }

    #[test]
    fn each_problem_is_one_line_in_the_language_of_the_configuration() {
        let problems = Problems {
            language: Language::Ru,
            list: two(),
        };
        assert_eq!(
            problems.to_string(),
            "✗ mailbox[1].imap: плохо: «a\\u{1b}[31m\\nb» → исправьте\n✗ desk.name: нет → допишите"
        );
        let problems = Problems {
            language: Language::En,
            list: two(),
        };
        assert!(
            problems
                .to_string()
                .ends_with("✗ desk.name: missing → add it")
        );
    }

    #[test]
    fn a_long_value_is_shortened() {
        assert_eq!(quoted(&"ж".repeat(200)).chars().count(), SHOWN_CHARS + 3);
    }
}
