//! The environment: which variables are settings, and what is wrong with the others that look like it.
//!
//! Scalars of plain tables may come from `NINETOSIX__TABLE__KEY`. Lists and secrets may not: children
//! inherit the environment, and a list in one line is nobody's friend. A variable of ours that is not obeyed
//! is a problem, never a silence. Everything is seen through [`Surroundings`], so tests need no global state.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::names::not_yet;
use super::problem::{Flaw, Problem, words};
use super::schema::{self, Shape, TABLES, Table};

/// The prefix of all our variables.
pub(super) const PREFIX: &str = "NINETOSIX";

/// What stands between prefix, table and key.
pub(super) const SEPARATOR: &str = "__";

/// The environment of one start. It has no `Debug`: other programs' secrets may be in it.
pub(super) struct Surroundings {
    variables: BTreeMap<OsString, OsString>,
}

/// The variables that are settings.
#[derive(Default)]
pub(super) struct Overrides {
    /// Variable name and value, as they stand in the environment.
    pub(super) values: BTreeMap<String, String>,
    /// Key such as `desk.name`, and the variable it came from.
    pub(super) keys: BTreeMap<String, String>,
}

impl Surroundings {
    /// Those of this process.
    pub(super) fn of_this_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
        }
    }

    /// The given ones.
    #[cfg(test)]
    pub(super) fn of(variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter();
        Self {
            variables: variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// The variable's value; an empty one counts as not set, as Docker Compose leaves them.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(OsStr::new(name))?;
        (!value.is_empty()).then_some(value.as_os_str())
    }

    /// The variables that are settings; what is wrong with any of ours is added to `problems`.
    pub(super) fn overrides(&self, problems: &mut Vec<Problem>) -> Overrides {
        let mut overrides = Overrides::default();
        for (name, value) in &self.variables {
            let Some(name) = name.to_str().filter(|_| !value.is_empty()) else {
                continue;
            };
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let Some(path) = rest.strip_prefix(SEPARATOR) else {
                if let Some(meant) = rest.strip_prefix('_').and_then(meant_variable) {
                    problems.push(one_underscore(&meant).at(name));
                }
                continue;
            };
            match (key_of(path), value.to_str()) {
                (Ok(key), Some(value)) => {
                    overrides.values.insert(name.to_owned(), value.to_owned());
                    overrides.keys.insert(key, name.to_owned());
                }
                (Ok(_), None) => problems.push(not_text().at(name)),
                (Err(flaw), _) => problems.push(flaw.at(name)),
            }
        }
        overrides
    }
}

/// The variable a key of a plain table may come from.
pub(super) fn variable(table: &str, key: &str) -> String {
    let path = match table {
        "" => key.to_uppercase(),
        table => format!("{}{SEPARATOR}{}", table.to_uppercase(), key.to_uppercase()),
    };
    format!("{PREFIX}{SEPARATOR}{path}")
}

/// Table and key of every setting that may come from a variable.
fn settable() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES.iter().filter(|table| !table.many).flat_map(|table| {
        let keys = table
            .keys
            .iter()
            .filter(|(_, shape)| *shape == Shape::Scalar);
        keys.map(|(key, _)| (table.name, *key))
    })
}

/// The key a variable sets, such as `desk.name`, or why it sets none. `path` is the name after the prefix.
fn key_of(path: &str) -> Result<String, Flaw> {
    let path = path.to_lowercase();
    let parts: Vec<&str> = path.split(SEPARATOR).collect();
    let table = parts
        .first()
        .and_then(|name| Table::named(name))
        .filter(|table| !table.name.is_empty());
    let shape = match parts.as_slice() {
        [key] => Table::named("").and_then(|top| top.shape(key)),
        [_, key] => table.and_then(|table| table.shape(key)),
        _ => None,
    };
    let sounds_secret = parts.last().is_some_and(|key| schema::sounds_secret(key));
    if sounds_secret && shape != Some(Shape::Scalar) {
        return Err(secret_in_environment());
    }
    match (shape, table) {
        (_, Some(table)) if table.many => Err(list_in_environment()),
        (_, Some(table)) if table.is_later() => Err(later()),
        (Some(Shape::Scalar), _) => Ok(parts.join(".")),
        (Some(Shape::List | Shape::Inner(_)), _) => Err(list_in_environment()),
        (Some(Shape::Later), _) => Err(later()),
        (None, _) => Err(unknown(&path)),
    }
}

/// The variable that was meant by a name with single underscores, if it is one of ours.
fn meant_variable(rest: &str) -> Option<String> {
    let rest = rest.to_lowercase().replace(SEPARATOR, "_");
    let mut settable = settable();
    settable.find_map(|(table, key)| {
        let meant = format!("{table}_{key}");
        (meant.trim_start_matches('_') == rest).then(|| variable(table, key))
    })
}

fn one_underscore(meant: &str) -> Flaw {
    Flaw::new(
        words!(
            "эта переменная ничего не задаёт",
            "this variable sets nothing"
        ),
        words!(
            "назовите её {meant}: между частями имени по два подчёркивания",
            "call it {meant}: two underscores between the parts"
        ),
    )
}

fn unknown(path: &str) -> Flaw {
    let candidates: Vec<String> = settable()
        .map(|(table, key)| variable(table, key))
        .collect();
    let wrong = format!("{PREFIX}{SEPARATOR}{path}");
    let what = words!("такого ключа нет", "there is no such key");
    match schema::nearest(&wrong, candidates.iter().map(String::as_str)) {
        Some(meant) => Flaw::new(
            what,
            words!(
                "уберите переменную; возможно, имелась в виду {meant}",
                "remove the variable; perhaps {meant} was meant"
            ),
        ),
        None => Flaw::new(what, words!("уберите переменную", "remove the variable")),
    }
}

fn later() -> Flaw {
    Flaw::new(
        not_yet(),
        words!("уберите переменную", "remove the variable"),
    )
}

fn list_in_environment() -> Flaw {
    Flaw::new(
        words!(
            "списки и повторяемые таблицы из окружения не берутся",
            "lists and tables in double brackets do not come from the environment"
        ),
        words!(
            "запишите это в файл настроек и уберите переменную",
            "write it into the configuration file and remove the variable"
        ),
    )
}

fn secret_in_environment() -> Flaw {
    Flaw::new(
        words!(
            "секреты из окружения не берутся: его наследуют дочерние процессы",
            "secrets do not come from the environment: children inherit it"
        ),
        words!(
            "уберите переменную и смените этот пароль; новый положите в файл, а имя файла — в password_file",
            "remove the variable and change that password; put the new one into a file and its name into password_file"
        ),
    )
}

fn not_text() -> Flaw {
    Flaw::new(
        words!("значение не в кодировке UTF-8", "the value is not UTF-8"),
        words!("задайте его заново в UTF-8", "set it again in UTF-8"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overridden(variables: &[(&str, &str)]) -> (Overrides, Vec<Problem>) {
        let mut problems = Vec::new();
        let overrides = Surroundings::of(variables).overrides(&mut problems);
        (overrides, problems)
    }

    #[test]
    fn scalars_of_plain_tables_are_taken() {
        let (overrides, problems) = overridden(&[
            ("NINETOSIX__LANGUAGE", "en"),
            ("NINETOSIX__DATABASE__URL", "sqlite:x.db"),
            ("NINETOSIX__DATABASE__PASSWORD_FILE", "db.password"),
            ("NINETOSIX__DESK__SITE", ""),
            ("NINETOSIX_CONFIG", "/etc/x"),
            ("NINETOSIX_FAILPOINT", "committed"),
            ("NINETOSIX_LOG", "debug"),
            ("PATH", "/bin"),
        ]);
        assert_eq!(problems, []);
        let keys: Vec<&str> = overrides.keys.keys().map(String::as_str).collect();
        assert_eq!(keys, ["database.password_file", "database.url", "language"]);
    }

    #[test]
    fn what_may_not_come_from_the_environment_is_named_without_its_value() {
        for (name, word) in [
            ("NINETOSIX__DATABASE__PASSWORD", "secrets"),
            ("NINETOSIX__MAILBOX__0__PASSWORD", "secrets"),
            ("NINETOSIX__MAILBOX", "double brackets"),
            ("NINETOSIX__MAILBOX__1__ADDRESS", "double brackets"),
            ("NINETOSIX__SPECIALIST__LOGIN", "double brackets"),
            ("NINETOSIX__HOURS__MON-FRI", "lists"),
            ("NINETOSIX__HOURS__CLOSED", "lists"),
            ("NINETOSIX__OPERATOR__COMMAND", "lists"),
            ("NINETOSIX__HEAD__WEEKLY", "cannot do it yet"),
            ("NINETOSIX__RECEIPT__SUGGEST", "cannot do it yet"),
            ("NINETOSIX__DESK__NAM", "NINETOSIX__DESK__NAME"),
            ("NINETOSIX__DESK__NAME__X", "no such key"),
            ("NINETOSIX__", "no such key"),
            ("NINETOSIX_DATABASE_URL", "NINETOSIX__DATABASE__URL"),
        ] {
            let (overrides, problems) = overridden(&[(name, "hunter2")]);
            assert!(overrides.values.is_empty(), "{name}");
            assert_eq!(problems.len(), 1, "{name}");
            let line = problems[0].line(super::super::Language::En);
            assert!(line.contains(name) && line.contains(word), "{line}");
            assert!(!line.contains("hunter2"), "{line}");
        }
    }
}
