//! The texts people receive. They are files beside this one, Russian and English; no such text stands in code.
//! What a letter says is data to them and never template code.

use minijinja::{Environment, UndefinedBehavior};

use crate::domain::language::Language;

const RU: [(&str, &str); 11] = [
    ("receipt", include_str!("wording/ru/receipt.txt")),
    ("reopened", include_str!("wording/ru/reopened.txt")),
    ("answer", include_str!("wording/ru/answer.txt")),
    ("notice", include_str!("wording/ru/notice.txt")),
    ("digest", include_str!("wording/ru/digest.txt")),
    ("own_letter", include_str!("wording/ru/own_letter.txt")),
    ("delivery", include_str!("wording/ru/delivery.txt")),
    ("alert", include_str!("wording/ru/alert.txt")),
    ("invitation", include_str!("wording/ru/invitation.txt")),
    ("check", include_str!("wording/ru/check.txt")),
    ("act", ACT),
];
/// A paper for a Russian authority, in Russian whatever the desk speaks.
const ACT: &str = include_str!("wording/ru/act.txt");
const EN: [(&str, &str); 11] = [
    ("receipt", include_str!("wording/en/receipt.txt")),
    ("reopened", include_str!("wording/en/reopened.txt")),
    ("answer", include_str!("wording/en/answer.txt")),
    ("notice", include_str!("wording/en/notice.txt")),
    ("digest", include_str!("wording/en/digest.txt")),
    ("own_letter", include_str!("wording/en/own_letter.txt")),
    ("delivery", include_str!("wording/en/delivery.txt")),
    ("alert", include_str!("wording/en/alert.txt")),
    ("invitation", include_str!("wording/en/invitation.txt")),
    ("check", include_str!("wording/en/check.txt")),
    ("act", ACT),
];
/// Short texts, one a line, after its name.
const RU_NAMES: [&str; 3] = [
    include_str!("wording/ru/names.txt"),
    include_str!("wording/ru/schedule.txt"),
    include_str!("wording/ru/calendar.txt"),
];
const EN_NAMES: [&str; 3] = [
    include_str!("wording/en/names.txt"),
    include_str!("wording/en/schedule.txt"),
    include_str!("wording/en/calendar.txt"),
];

/// The texts in one language.
#[derive(Debug)]
pub struct Wording {
    /// The language they are in.
    pub language: Language,
    templates: Environment<'static>,
}

/// A text that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the text {name} cannot be rendered: {source}")]
pub struct WordingError {
    name: String,
    source: minijinja::Error,
}

impl Wording {
    /// Returns the built-in texts in `language`.
    pub fn new(language: Language) -> Wording {
        let (texts, names) = match language {
            Language::Ru => (&RU, RU_NAMES),
            Language::En => (&EN, EN_NAMES),
        };
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        templates.add_filter("size", move |bytes: u64| size(bytes, language));
        let names = names
            .iter()
            .flat_map(|names| names.lines())
            .filter_map(|line| line.split_once(" = "))
            .map(|(name, text)| (name.trim(), text));
        for (name, text) in texts.iter().copied().chain(names) {
            templates
                .add_template(name, text)
                .expect("built-in texts are valid templates: a test renders each");
        }
        Wording {
            language,
            templates,
        }
    }

    /// Returns the text `name` with `facts` filled in.
    pub fn text(&self, name: &str, facts: minijinja::Value) -> Result<String, WordingError> {
        let rendered = self
            .templates
            .get_template(name)
            .and_then(|template| template.render(facts));
        rendered.map_err(|source| WordingError {
            name: name.to_owned(),
            source,
        })
    }
}

/// Returns a size as people read it, rounded up: `180 КБ`.
fn size(bytes: u64, language: Language) -> String {
    let units = match language {
        Language::Ru => ["Б", "КБ", "МБ"],
        Language::En => ["B", "KB", "MB"],
    };
    match bytes {
        0..1024 => format!("{bytes}\u{a0}{}", units[0]),
        1024..1_048_576 => format!("{}\u{a0}{}", bytes.div_ceil(1024), units[1]),
        _ => format!("{}\u{a0}{}", bytes.div_ceil(1_048_576), units[2]),
    }
}
