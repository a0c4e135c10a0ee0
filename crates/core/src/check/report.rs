//! The report of `check`: one line a fact, as text or as JSON, in the operator's language.

use serde::Serialize;

use super::cure::{Advice, Cure};
use crate::config::{Language, Problem, Problems, Words};
use crate::tell;

/// How a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, but the operator should know.
    Warning,
    /// It does not work.
    Bad,
}

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// How it stands.
    pub verdict: Verdict,
    /// What was looked at, and what was seen.
    pub what: String,
    /// What to do about it.
    pub cure: Option<String>,
    /// The same in one word, for scripts.
    pub cure_id: Option<Cure>,
}

/// The facts found so far.
#[derive(Debug)]
pub struct Report {
    language: Language,
    facts: Vec<Fact>,
}

impl Report {
    /// Returns an empty report in `language`.
    pub fn new(language: Language) -> Report {
        Report {
            language,
            facts: Vec::new(),
        }
    }

    /// Notes what is as it should be.
    pub fn good(&mut self, what: Words) {
        self.push(Verdict::Good, what, None);
    }

    /// Notes what the operator should know.
    pub fn warning(&mut self, what: Words, cure: impl Into<Advice>) {
        self.push(Verdict::Warning, what, Some(cure.into()));
    }

    /// Notes what does not work.
    pub fn bad(&mut self, what: Words, cure: impl Into<Advice>) {
        self.push(Verdict::Bad, what, Some(cure.into()));
    }

    /// Notes what is wrong with a configuration that cannot be used.
    pub(crate) fn problems(&mut self, problems: &Problems) {
        for Problem { place, what, cure } in &problems.list {
            let what = words(
                format!("{place}: {}", what.ru),
                format!("{place}: {}", what.en),
            );
            self.bad(what, Cure::Configuration.saying(cure.clone()));
        }
    }

    fn push(&mut self, verdict: Verdict, what: Words, advice: Option<Advice>) {
        let language = self.language;
        self.facts.push(Fact {
            verdict,
            what: what.of(language).to_owned(),
            cure_id: advice.as_ref().map(|advice| advice.cure),
            cure: advice.map(|advice| advice.words.of(language).to_owned()),
        });
    }

    /// The facts, in the order in which they were found.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Prints the report, as text or as one JSON object a line, and returns whether all is well.
    pub fn print(&self, json: bool) -> bool {
        for fact in &self.facts {
            if json {
                tell!(
                    "{}",
                    serde_json::to_string(fact).expect("a fact is plain strings")
                );
                continue;
            }
            let mark = match fact.verdict {
                Verdict::Good => '✓',
                Verdict::Warning => '!',
                Verdict::Bad => '✗',
            };
            match &fact.cure {
                Some(cure) => tell!("{mark} {}\n    → {cure}", fact.what),
                None => tell!("{mark} {}", fact.what),
            }
        }
        self.facts.iter().all(|fact| fact.verdict != Verdict::Bad)
    }
}

/// Returns words in both languages.
pub fn words(ru: impl Into<String>, en: impl Into<String>) -> Words {
    Words {
        ru: ru.into(),
        en: en.into(),
    }
}
