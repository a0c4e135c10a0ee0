//! The names in the file: unknown ones, ones this version does not obey yet, ones in the wrong brackets.
//!
//! Values are not looked at, and never quoted.

use config::{Map, Value, ValueKind};

use super::problem::{Flaw, Problem, Words, words};
use super::schema::{self, Shape, TABLES, Table};

/// Everything wrong with the names in this tree.
pub(super) fn check(tree: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, value) in in_order(tree) {
        let Some(table) = Table::named(name).filter(|_| !name.is_empty()) else {
            let is_key = Table::named("").is_some_and(|top| top.shape(name).is_some());
            if !is_key {
                problems.push(unknown_table(name).at(name));
            }
            continue;
        };
        match &value.kind {
            _ if table.is_later() => problems.push(later().at(name)),
            ValueKind::Table(values) if !table.many => {
                problems.extend(check_keys(table, name, values));
            }
            ValueKind::Array(list) if table.many => {
                for (n, value) in list.iter().enumerate() {
                    let at = format!("{name}[{}]", n + 1);
                    match &value.kind {
                        ValueKind::Table(values) => problems.extend(check_keys(table, &at, values)),
                        _ => problems.push(wrong_brackets(table).at(at)),
                    }
                }
            }
            _ => problems.push(wrong_brackets(table).at(name)),
        }
    }
    problems
}

fn check_keys(table: &Table, at: &str, values: &Map<String, Value>) -> Vec<Problem> {
    let keys = in_order(values).into_iter();
    keys.flat_map(|(key, value)| {
        let at = format!("{at}.{key}");
        let flaw = match (table.shape(key), &value.kind) {
            (Some(Shape::Scalar | Shape::List), _) => return Vec::new(),
            (Some(Shape::Inner(inner)), ValueKind::Table(values)) => {
                return check_keys(inner, &at, values);
            }
            (Some(Shape::Inner(inner)), _) => wrong_brackets(inner),
            (Some(Shape::Later), _) => later(),
            (None, _) => unknown_key(table, key),
        };
        vec![flaw.at(at)]
    })
    .collect()
}

/// The entries by name: `config` keeps them in no order, and two looks should tell the same.
pub(super) fn in_order(values: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = values.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries
}

/// What is said of a key that is planned and not obeyed yet, wherever it stands.
pub(super) fn not_yet() -> Words {
    words!(
        "ключ известен, но эта версия его ещё не умеет",
        "the key is known, but this version cannot do it yet"
    )
}

fn later() -> Flaw {
    Flaw::new(not_yet(), words!("уберите строку", "remove the line"))
}

fn wrong_brackets(table: &Table) -> Flaw {
    let name = table.name;
    let what = words!(
        "таблица записана не так",
        "the table is written the wrong way"
    );
    if table.many {
        Flaw::new(
            what,
            words!(
                "начните каждую строкой [[{name}]] — в двойных скобках",
                "begin each one with [[{name}]], in double brackets"
            ),
        )
    } else {
        Flaw::new(
            what,
            words!(
                "начните её строкой [{name}] — в одинарных скобках, один раз",
                "begin it with [{name}], in single brackets, once"
            ),
        )
    }
}

fn unknown_table(name: &str) -> Flaw {
    let what = words!(
        "такого ключа или таблицы нет",
        "there is no such key or table"
    );
    if let Some(meant) = schema::elsewhere(name) {
        return misplaced(what, &meant);
    }
    let names = TABLES
        .iter()
        .filter(|table| !table.is_later())
        .map(|table| match table.name {
            "" => "language",
            name => name,
        });
    match schema::nearest(name, names) {
        Some(meant) => perhaps(what, meant),
        None => Flaw::new(what, words!("уберите её", "remove it")),
    }
}

fn unknown_key(table: &Table, key: &str) -> Flaw {
    let what = words!("такого ключа нет", "there is no such key");
    let mut of_secrets = table.obeyed().filter(|key| schema::sounds_secret(key));
    if let Some(file) = of_secrets.next()
        && schema::sounds_secret(key)
    {
        return Flaw::new(
            words!(
                "секретам не место в файле настроек",
                "secrets have no place in the configuration file"
            ),
            words!(
                "положите пароль в отдельный файл с правами 600, сюда впишите {file} = \"имя файла\"",
                "put the password into a file of its own with mode 600 and write {file} = \"its name\" here"
            ),
        );
    }
    if let Some(meant) = schema::nearest(key, table.obeyed()) {
        return perhaps(what, meant);
    }
    if let Some(meant) = schema::elsewhere(key) {
        return misplaced(what, &meant);
    }
    let known = table.obeyed().collect::<Vec<_>>().join(", ");
    Flaw::new(
        what,
        words!(
            "уберите строку; в этой таблице бывают: {known}",
            "remove the line; this table knows {known}"
        ),
    )
}

fn perhaps(what: Words, meant: &str) -> Flaw {
    Flaw::new(
        what,
        words!(
            "возможно, имелось в виду {meant}",
            "perhaps {meant} was meant"
        ),
    )
}

fn misplaced(what: Words, meant: &str) -> Flaw {
    Flaw::new(
        what,
        words!(
            "перенесите её на место: это {meant}",
            "move it to its place: it is {meant}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use crate::config::testing::{lines, with_reader};

    #[test]
    fn every_unknown_name_is_noted_with_what_was_probably_meant() {
        let toml = "colour = \"red\"\nname = \"x\"\n[mailboxes]\n[desk]\nnmae = \"x\"\nhello_name = \"y\"\nvolume = 1\n\
                    [people]\nx = 1\n[head]\n[receipt]\nsuggest = true\n[[hours]]\n[mailbox]\n";
        let found = with_reader(toml, lines);
        for expected in [
            "✗ colour: there is no such key or table → remove it",
            "✗ name: there is no such key or table → move it to its place: it is desk.name",
            "✗ mailboxes: there is no such key or table → perhaps mailbox was meant",
            "✗ desk.nmae: there is no such key → perhaps name was meant",
            "✗ desk.hello_name: there is no such key → move it to its place: it is mailbox.hello_name",
            "✗ desk.volume: there is no such key → remove the line; this table knows name, site",
            "✗ people: the key is known, but this version cannot do it yet → remove the line",
            "✗ head: the key is known, but this version cannot do it yet → remove the line",
            "✗ receipt.suggest: the key is known, but this version cannot do it yet → remove the line",
            "✗ hours: the table is written the wrong way → begin it with [hours], in single brackets, once",
            "✗ mailbox: the table is written the wrong way → begin each one with [[mailbox]], in double brackets",
        ] {
            assert!(
                found.iter().any(|line| line == expected),
                "{expected}\n{found:#?}"
            );
        }
        assert_eq!(found.len(), 11, "{found:#?}");
    }
}
