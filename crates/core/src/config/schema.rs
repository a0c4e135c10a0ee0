//! The names of all keys: which exist, which this version obeys, which may come from the environment.
//!
//! The names themselves are fixed by the project's specification. A key that is planned but not obeyed
//! yet is listed as [`Shape::Later`], so that it is refused with its own words instead of being accepted
//! in silence.

/// What may stand under a key, as far as its sources are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One value; in a plain table it may come from the environment.
    Scalar,
    /// A list; from the file only.
    List,
    /// A table of its own within the table; from the file only.
    Inner(&'static Table),
    /// Known, but not obeyed by this version.
    Later,
}

/// One table of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Its name; empty for the keys above all tables.
    pub(super) name: &'static str,
    /// Does it stand in double brackets, any number of times?
    pub(super) many: bool,
    /// Its keys. A table without any is not obeyed by this version.
    pub(super) keys: &'static [(&'static str, Shape)],
}

use Shape::{Inner, Later, List, Scalar};

const fn one(name: &'static str, keys: &'static [(&'static str, Shape)]) -> Table {
    Table {
        name,
        many: false,
        keys,
    }
}

const fn many(name: &'static str, keys: &'static [(&'static str, Shape)]) -> Table {
    Table {
        name,
        many: true,
        keys,
    }
}

/// What stands within a mailbox.
static OAUTH: Table = one(
    "mailbox.oauth",
    &[
        ("token_url", Scalar),
        ("client_id", Scalar),
        ("client_secret_file", Scalar),
        ("scope", Scalar),
    ],
);

/// All tables but those within others, in the order of the sample file.
pub(super) static TABLES: &[Table] = &[
    one("", &[("language", Scalar)]),
    one("desk", &[("name", Scalar), ("site", Scalar)]),
    one("database", &[("url", Scalar), ("password_file", Scalar)]),
    many(
        "mailbox",
        &[
            ("address", Scalar),
            ("user", Scalar),
            ("password_file", Scalar),
            ("provider", Scalar),
            ("imap", Scalar),
            ("smtp", Scalar),
            ("ca_file", Scalar),
            ("fingerprints", List),
            ("folders", List),
            ("poll_interval_s", Scalar),
            ("quick_poll_ms", Scalar),
            ("after_registration", Scalar),
            ("hello_name", Scalar),
            ("sent_copy", Scalar),
            ("trusted_authserv_id", Scalar),
            ("calendar", Scalar),
            ("oauth", Inner(&OAUTH)),
        ],
    ),
    one(
        "identity",
        &[("require", Scalar), ("token_key_file", Scalar)],
    ),
    one(
        "hours",
        &[
            ("zone", Scalar),
            // Any day or range of days; see `Table::shape`.
            ("mon-fri", List),
            ("calendar", Scalar),
            ("calendar_files", List),
            ("closed", List),
            ("open", List),
            ("shortened", Scalar),
            ("approved_by", Scalar),
            ("approved_on", Scalar),
            ("order", Scalar),
        ],
    ),
    many(
        "calendar",
        &[
            ("name", Scalar),
            ("zone", Scalar),
            ("mon-fri", List),
            ("calendar", Scalar),
            ("calendar_files", List),
            ("closed", List),
            ("open", List),
            ("shortened", Scalar),
        ],
    ),
    one(
        "deadlines",
        &[
            ("first_answer", Scalar),
            ("solution", Scalar),
            ("urgent_first_answer", Later),
            ("urgent_solution", Later),
        ],
    ),
    many(
        "phone",
        &[
            ("label", Scalar),
            ("text", Scalar),
            ("tel", Scalar),
            ("hours", Scalar),
        ],
    ),
    many(
        "specialist",
        &[
            ("login", Scalar),
            ("name", Scalar),
            ("address", Scalar),
            ("aliases", List),
            ("from", Scalar),
            ("to", Scalar),
            ("order", Scalar),
        ],
    ),
    one("head", &[]),
    one("operator", &[("address", Scalar), ("command", List)]),
    one("people", &[]),
    one("texts", &[]),
    one(
        "receipt",
        &[
            ("suggest", Later),
            ("per_hour", Scalar),
            ("per_day", Scalar),
            ("total_per_hour", Scalar),
        ],
    ),
    one(
        "answers",
        &[
            ("recall_minutes", Scalar),
            ("remind_after_days", Later),
            ("close_after_days", Later),
            ("reopen_within_days", Scalar),
        ],
    ),
    one(
        "limits",
        &[("letter_mb", Scalar), ("sends_per_day", Scalar)],
    ),
    many(
        "retention",
        &[
            ("addresses", List),
            ("files_after_days", Scalar),
            ("after_days", Scalar),
            ("action", Scalar),
            ("loose_after_days", Scalar),
            ("mailbox_copies", Scalar),
        ],
    ),
    one("http", &[("listen", Scalar)]),
];

impl Table {
    /// The table of that name, if there is one.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// Is the whole table unknown to this version?
    pub(super) fn is_later(&self) -> bool {
        self.keys.is_empty()
    }

    /// What stands under a key of this table, if the key exists.
    pub(super) fn shape(&self, key: &str) -> Option<Shape> {
        if ["hours", "calendar"].contains(&self.name) && is_days(key) {
            return Some(List);
        }
        self.keys
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, shape)| *shape)
    }

    /// The keys this version obeys.
    pub(super) fn obeyed(&self) -> impl Iterator<Item = &'static str> {
        let keys = self.keys.iter();
        keys.filter(|(_, shape)| *shape != Later)
            .map(|(name, _)| *name)
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Does the key name a day of the week or a range of them?
pub(super) fn is_days(key: &str) -> bool {
    match key.split_once('-') {
        Some((from, to)) => DAYS.contains(&from) && DAYS.contains(&to),
        None => DAYS.contains(&key),
    }
}

/// The name that was probably meant: the nearest one, if any is near enough.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&wrong, &name.to_lowercase());
    names
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Where else a key of exactly this name is obeyed, as `table.key`.
pub(super) fn elsewhere(key: &str) -> Option<String> {
    TABLES.iter().find_map(|table| within(table, key))
}

fn within(table: &Table, key: &str) -> Option<String> {
    match table.shape(key) {
        Some(Scalar | List) if table.name.is_empty() => return Some(key.to_owned()),
        Some(Scalar | List) => return Some(format!("{}.{key}", table.name)),
        Some(Inner(inner)) => return Some(inner.name.to_owned()),
        Some(Later) | None => {}
    }
    table.keys.iter().find_map(|(_, shape)| match shape {
        Inner(inner) => within(inner, key),
        Scalar | List | Later => None,
    })
}

/// Does a key of this name sound as if its value were a secret?
pub(super) fn sounds_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["password", "passwd", "secret", "пароль"]
        .iter()
        .any(|word| key.contains(word))
        || ["pass", "pwd", "token"].contains(&key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        let mailbox = Table::named("mailbox").expect("exists");
        for (wrong, meant) in [
            ("adress", Some("address")),
            ("Address", Some("address")),
            ("passwordfile", Some("password_file")),
            ("poll_interval", Some("poll_interval_s")),
            ("folder", Some("folders")),
            ("colour", None),
        ] {
            assert_eq!(nearest(wrong, mailbox.obeyed()), meant, "{wrong}");
        }
    }

    #[test]
    fn days_and_ranges_of_days_are_keys_of_the_hours() {
        let hours = Table::named("hours").expect("exists");
        for key in ["mon", "sun", "mon-fri", "sat-mon"] {
            assert_eq!(hours.shape(key), Some(List), "{key}");
        }
        for key in ["monday", "mon-", "mon-fri-sun", "Mon"] {
            assert_eq!(hours.shape(key), None, "{key}");
        }
        assert_eq!(
            Table::named("desk").and_then(|desk| desk.shape("mon")),
            None
        );
    }

    #[test]
    fn a_key_in_the_wrong_table_is_found_in_the_right_one() {
        assert_eq!(
            elsewhere("hello_name").as_deref(),
            Some("mailbox.hello_name")
        );
        assert_eq!(elsewhere("language").as_deref(), Some("language"));
        assert_eq!(elsewhere("oauth").as_deref(), Some("mailbox.oauth"));
        let inner = elsewhere("token_url");
        assert_eq!(inner.as_deref(), Some("mailbox.oauth.token_url"));
        assert_eq!(elsewhere("suggest"), None);
    }
}
