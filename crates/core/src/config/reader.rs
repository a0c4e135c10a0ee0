//! Reads typed values out of the merged tree and collects every problem on the way.
//!
//! A question such as [`Section::text`] answers with the value, or with `None` after noting why there is
//! none; nothing stops at the first problem. Values of the wrong type are described, never quoted: a
//! secret may have been put under the wrong key.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use config::{Map, Value, ValueKind};

use super::environment::Surroundings;
use super::names;
use super::problem::{Flaw, Problem, Words, quoted, words};
use super::schema::{self, Shape, Table};
use super::sources::Gathered;

/// The merged tree and the problems found in it so far.
pub(super) struct Reader<'e> {
    gathered: Gathered,
    /// The directory that relative paths start from.
    base: PathBuf,
    pub(super) surroundings: &'e Surroundings,
    problems: RefCell<Vec<Problem>>,
}

/// One table, or one of several of the same name.
pub(super) struct Section<'r> {
    pub(super) reader: &'r Reader<'r>,
    table: &'static Table,
    /// How problems call it: `mailbox[1]`; empty for the keys above all tables.
    at: String,
    values: Option<&'r Map<String, Value>>,
}

impl<'e> Reader<'e> {
    /// A reader of what was gathered; `base` is the directory of the file, `problems` those known already.
    pub(super) fn new(
        gathered: Gathered,
        base: PathBuf,
        surroundings: &'e Surroundings,
        problems: Vec<Problem>,
    ) -> Self {
        let mut problems = problems;
        problems.extend(names::check(&gathered.tree));
        Self {
            gathered,
            base,
            surroundings,
            problems: RefCell::new(problems),
        }
    }

    /// Notes a problem at a place.
    pub(super) fn report(&self, place: impl Into<String>, flaw: Flaw) {
        self.problems.borrow_mut().push(flaw.at(place));
    }

    /// What was found wrong so far.
    #[cfg(test)]
    pub(super) fn problems(&self) -> Vec<Problem> {
        self.problems.borrow().clone()
    }

    /// Everything found wrong.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// The keys above all tables.
    pub(super) fn top(&self) -> Section<'_> {
        self.section_of("", String::new(), Some(&self.gathered.tree))
    }

    /// The plain table of that name; one that is absent has no values.
    pub(super) fn section(&self, name: &'static str) -> Section<'_> {
        let values = self.gathered.tree.get(name).and_then(table_in);
        self.section_of(name, name.to_owned(), values)
    }

    /// The tables in double brackets of that name, counted from one in problems.
    pub(super) fn sections(&self, name: &'static str) -> Vec<Section<'_>> {
        let Some(ValueKind::Array(list)) = self.gathered.tree.get(name).map(|value| &value.kind)
        else {
            return Vec::new();
        };
        let tables = list
            .iter()
            .enumerate()
            .filter_map(|(n, value)| Some((n + 1, table_in(value)?)));
        tables
            .map(|(n, values)| self.section_of(name, format!("{name}[{n}]"), Some(values)))
            .collect()
    }

    /// Does no table of that name stand in the file, not even in the wrong brackets?
    pub(super) fn is_absent(&self, name: &str) -> bool {
        let value = self.gathered.tree.get(name).map(|value| &value.kind);
        value.is_none_or(|kind| matches!(kind, ValueKind::Array(list) if list.is_empty()))
    }

    /// The path, relative ones from the directory of the configuration file.
    pub(super) fn absolute(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }

    /// The directory that relative paths start from.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    fn section_of<'r>(
        &'r self,
        name: &str,
        at: String,
        values: Option<&'r Map<String, Value>>,
    ) -> Section<'r> {
        Section {
            reader: self,
            table: Table::named(name).expect("only names of the schema are asked for"),
            at,
            values,
        }
    }
}

/// The table that a value is; `names` reports one that should be and is not.
fn table_in(value: &Value) -> Option<&Map<String, Value>> {
    match &value.kind {
        ValueKind::Table(values) => Some(values),
        _ => None,
    }
}

impl<'r> Section<'r> {
    /// The table under this key, if it is there.
    pub(super) fn inner(&self, key: &str) -> Option<Section<'r>> {
        let Some(Shape::Inner(table)) = self.table.shape(key) else {
            return None;
        };
        Some(Section {
            reader: self.reader,
            table,
            at: self.path(key),
            values: Some(table_in(self.value(key)?)?),
        })
    }

    /// How a problem with this key calls its place: the key, or the variable it came from.
    pub(super) fn place(&self, key: &str) -> String {
        let variables = &self.reader.gathered.from_environment;
        variables
            .get(&self.path(key))
            .cloned()
            .unwrap_or_else(|| self.path(key))
    }

    /// Notes a problem with this key.
    pub(super) fn report(&self, key: &str, flaw: Flaw) {
        self.reader.report(self.place(key), flaw);
    }

    /// How problems call this table.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    /// Does the key stand anywhere?
    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// The text under this key, not empty and free of control characters.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match &self.value(key)?.kind {
            ValueKind::String(text) => self.sound_text(self.place(key), text),
            _ => self.wrong_type(key, &words!("строка в кавычках", "a string in quotes")),
        }
    }

    /// The text under this key; its absence is a problem, and `cure` says what to write.
    pub(super) fn required(&self, key: &str, cure: Words) -> Option<String> {
        if !self.has(key) {
            self.report(
                key,
                Flaw::new(words!("ключа нет", "the key is missing"), cure),
            );
        }
        self.text(key)
    }

    /// The text under this key as `parse` understands it.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Flaw>,
    ) -> Option<T> {
        let text = self.text(key)?;
        self.ok(key, parse(&text))
    }

    /// The value, or `None` after noting the flaw under this key.
    pub(super) fn ok<T>(&self, key: &str, result: Result<T, Flaw>) -> Option<T> {
        result.map_err(|flaw| self.report(key, flaw)).ok()
    }

    /// The whole number under this key, within the range.
    pub(super) fn whole(&self, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = match &self.value(key)?.kind {
            ValueKind::I64(number) => Some(*number),
            ValueKind::String(text) if self.is_from_environment(key) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            return self.wrong_type(
                key,
                &words!("целое число без кавычек", "a whole number without quotes"),
            );
        };
        let fitting = u32::try_from(number)
            .ok()
            .filter(|number| range.contains(number));
        if fitting.is_none() {
            let (low, high) = (range.start(), range.end());
            let cure = if low == high {
                words!("здесь годится только {low}", "{low} alone will do here")
            } else {
                words!(
                    "задайте число от {low} до {high}",
                    "write a number from {low} to {high}"
                )
            };
            let what = words!("{number} вне допустимого", "{number} is out of range");
            self.report(key, Flaw::new(what, cure));
        }
        fitting
    }

    /// The yes or no under this key.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        match &self.value(key)?.kind {
            ValueKind::Boolean(flag) => Some(*flag),
            ValueKind::String(text) if self.is_from_environment(key) => match text.trim() {
                "true" => Some(true),
                "false" => Some(false),
                _ => self.wrong_type(key, &words!("true или false", "true or false")),
            },
            _ => self.wrong_type(
                key,
                &words!("true или false без кавычек", "true or false without quotes"),
            ),
        }
    }

    /// The day under this key, with or without quotes.
    pub(super) fn date(&self, key: &str) -> Option<NaiveDate> {
        self.parsed(key, |text| {
            text.parse().map_err(|_| {
                let value = quoted(text);
                Flaw::new(
                    words!("{value} — не дата", "{value} is no date"),
                    words!("запишите её как 2026-08-28", "write it like 2026-08-28"),
                )
            })
        })
    }

    /// The list of texts under this key, each not empty.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<String>> {
        let expected = words!(
            "список строк, например [\"…\"]",
            "a list of strings such as [\"…\"]"
        );
        let ValueKind::Array(list) = &self.value(key)?.kind else {
            return self.wrong_type(key, &expected);
        };
        let texts: Vec<Option<String>> = list
            .iter()
            .enumerate()
            .map(|(n, value)| match &value.kind {
                ValueKind::String(text) => {
                    self.sound_text(format!("{}[{}]", self.place(key), n + 1), text)
                }
                _ => self.wrong_type(key, &expected),
            })
            .collect();
        texts.into_iter().collect()
    }

    /// The keys of this table that name days.
    pub(super) fn day_keys(&self) -> Vec<&'r str> {
        let entries = self.values.into_iter().flat_map(names::in_order);
        let keys = entries.map(|(key, _)| key.as_str());
        keys.filter(|key| schema::is_days(key)).collect()
    }

    fn value(&self, key: &str) -> Option<&'r Value> {
        debug_assert!(
            matches!(
                self.table.shape(key),
                Some(Shape::Scalar | Shape::List | Shape::Inner(_))
            ),
            "{} is read but not in the schema",
            self.path(key)
        );
        self.values?.get(key)
    }

    fn path(&self, key: &str) -> String {
        if self.at.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.at)
        }
    }

    fn is_from_environment(&self, key: &str) -> bool {
        self.reader
            .gathered
            .from_environment
            .contains_key(&self.path(key))
    }

    fn sound_text(&self, place: String, text: &str) -> Option<String> {
        let flaw = if text.trim().is_empty() {
            Flaw::new(
                words!("здесь пусто", "it is empty"),
                words!(
                    "впишите значение или уберите строку",
                    "write a value or remove the line"
                ),
            )
        } else if text.chars().any(char::is_control) {
            Flaw::new(
                words!(
                    "внутри перевод строки или другой управляющий знак",
                    "there is a line break or another control character in it"
                ),
                words!(
                    "запишите значение в одну строку",
                    "write the value on one line"
                ),
            )
        } else {
            return Some(text.to_owned());
        };
        self.reader.report(place, flaw);
        None
    }

    fn wrong_type<T>(&self, key: &str, expected: &Words) -> Option<T> {
        let Words { ru, en } = expected;
        self.report(
            key,
            Flaw::new(
                words!("значение не того вида", "the value is of the wrong kind"),
                words!("здесь нужно: {ru}", "write {en}"),
            ),
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::config::testing::{lines, with_reader, with_reader_and};
    use std::path::Path;

    #[test]
    fn a_value_of_the_wrong_kind_is_never_quoted() {
        let toml = "[database]\nurl = [\"hunter2\"]\n[desk]\nname = 1234567\n[limits]\nletter_mb = \"hunter2\"\n\
                    [hours]\nshortened = \"hunter2\"\nclosed = \"hunter2\"\nopen = [7654321]\n";
        let found = with_reader(toml, |reader| {
            reader.section("database").text("url");
            reader.section("desk").text("name");
            reader.section("limits").whole("letter_mb", 1..=200);
            reader.section("hours").flag("shortened");
            reader.section("hours").texts("closed");
            reader.section("hours").texts("open");
            lines(reader)
        });
        assert_eq!(found.len(), 6, "{found:#?}");
        for secret in ["hunter2", "1234567", "7654321"] {
            assert!(
                !found.iter().any(|line| line.contains(secret)),
                "{found:#?}"
            );
        }
    }

    #[test]
    fn a_variable_wins_over_the_file_and_is_named_in_problems() {
        let variables = [
            ("NINETOSIX__DESK__NAME", "Desk"),
            ("NINETOSIX__LIMITS__LETTER_MB", "25"),
            ("NINETOSIX__HOURS__SHORTENED", "false"),
            ("NINETOSIX__RECEIPT__PER_DAY", "9"),
        ];
        let toml = "[desk]\nname = \"Служба\"\nsite = \"https://school.example\"\n";
        with_reader_and(Path::new("/base"), toml, &variables, |reader| {
            let desk = reader.section("desk");
            assert_eq!(desk.text("name").as_deref(), Some("Desk"));
            assert_eq!(desk.text("site").as_deref(), Some("https://school.example"));
            assert_eq!(
                reader.section("limits").whole("letter_mb", 1..=200),
                Some(25)
            );
            assert_eq!(reader.section("hours").flag("shortened"), Some(false));
            assert_eq!(reader.section("receipt").whole("per_day", 1..=5), None);
            let found = lines(reader);
            let expected =
                "✗ NINETOSIX__RECEIPT__PER_DAY: 9 is out of range → write a number from 1 to 5";
            assert_eq!(found, [expected]);
        });
    }
}
