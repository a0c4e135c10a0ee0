//! Builds the settings: gathers the sources, reads every table, reports every problem.

use std::path::{Path, PathBuf};

use url::Url;

use super::address::AddressBook;
use super::database::database;
use super::deadlines;
use super::environment::{PREFIX, SEPARATOR, Surroundings};
use super::hours;
use super::identity::identity;
use super::mailbox::{check_accounts, mailbox};
use super::operation::{listen, operator_command};
use super::people::{operator, phone, specialists};
use super::problem::{Flaw, Problems, words};
use super::reader::{Reader, Section};
use super::retention;
use super::secret::Secrets;
use super::settings::{Hours, Mailbox, Settings, Signboard};
use super::sources::gather;
use crate::domain::address::EmailAddress;
use crate::domain::language::Language;
use crate::domain::receipt_cap::ReceiptCaps;

/// The settings of that file, defaults and this process's environment; or everything that is wrong with
/// them. Reads the secrets' files; opens no connection and writes nothing.
pub fn load(path: &Path) -> Result<Settings, Problems> {
    load_among(path, &Surroundings::of_this_process())
}

pub(super) fn load_among(path: &Path, surroundings: &Surroundings) -> Result<Settings, Problems> {
    let mut problems = Vec::new();
    let gathered = match gather(path, surroundings, &mut problems) {
        Ok(gathered) => gathered,
        Err(problem) => {
            problems.insert(0, problem);
            return Err(Problems {
                language: Language::default(),
                list: problems,
            });
        }
    };
    let reader = Reader::new(gathered, directory_of(path), surroundings, problems);
    let language = reader.top().parsed("language", language);
    let settings = settings(&reader, language.unwrap_or_default());
    let list = reader.into_problems();
    match settings {
        Some(settings) if list.is_empty() => Ok(settings),
        _ => Err(Problems {
            language: language.unwrap_or_default(),
            list,
        }),
    }
}

/// When the desk works, by that file; or what is wrong with that part of it. Reads no secret, so that anybody may ask.
pub fn load_hours(path: &Path) -> Result<Hours, Problems> {
    let surroundings = Surroundings::of_this_process();
    let refused = |language, list| Problems { language, list };
    let gathered = gather(path, &surroundings, &mut Vec::new())
        .map_err(|problem| refused(Language::default(), vec![problem]))?;
    let reader = Reader::new(gathered, directory_of(path), &surroundings, Vec::new());
    let language = reader
        .top()
        .parsed("language", language)
        .unwrap_or_default();
    let hours = hours(&reader, language);
    let mut list = reader.into_problems();
    list.retain(|problem| {
        let of = |table: &str| {
            let rest = problem.place.strip_prefix(table);
            let variable = format!("{PREFIX}{SEPARATOR}{}", table.to_uppercase());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                || problem.place.starts_with(&variable)
        };
        let tables = ["language", "desk", "hours", "calendar", "deadlines"];
        tables.into_iter().any(of)
    });
    hours
        .filter(|_| list.is_empty())
        .ok_or_else(|| refused(language, list))
}

/// The directory of the file, absolute, so that a later change of directory moves nothing.
fn directory_of(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().map(Path::to_owned).unwrap_or(path)
}

/// Reads every table; `None` only after a problem was noted.
fn settings(reader: &Reader<'_>, language: Language) -> Option<Settings> {
    let secrets = Secrets::new(reader);
    let database = database(&reader.section("database"), &secrets);
    let mut book = AddressBook::default();
    let sections = reader.sections("mailbox");
    let hours = hours(reader, language);
    let mailboxes = mailboxes(&sections, &secrets, &mut book, hours.as_ref());
    let identity = identity(&reader.section("identity"), &sections, database.as_ref());
    let approval = hours::approval(&reader.section("hours"));
    // Each is read before any is given up, here and in `mailboxes`: all problems come at once.
    let phones: Vec<_> = reader.sections("phone").iter().map(phone).collect();
    let sections = reader.sections("specialist");
    let (specialists, appointed_by) = specialists(&sections, &mut book);
    at_least_one(reader, "mailbox", "address, password_file, provider");
    at_least_one(reader, "specialist", "login, name, address");
    let operator_address = operator(&reader.section("operator"), &book);
    let operator_command = operator_command(&reader.section("operator"));
    let http = listen(&reader.section("http"));
    let receipt = receipt_caps(&reader.section("receipt"));
    let reopen_within_days = reader
        .section("answers")
        .whole("reopen_within_days", 0..=366);
    let recall_minutes = reader.section("answers").whole("recall_minutes", 0..=480);
    let limits = reader.section("limits");
    let letter_mb = limits.whole("letter_mb", 1..=200);
    let sends_per_day = limits.whole("sends_per_day", 1..=100_000);
    let retention = mailboxes.as_ref().and_then(|mailboxes| {
        let own: Vec<_> = mailboxes.iter().map(|own| own.address.clone()).collect();
        retention::rules(&reader.sections("retention"), &own, reopen_within_days?)
    });
    let hours = hours?;
    Some(Settings {
        language,
        desk: hours.desk,
        database: database?,
        mailboxes: mailboxes?,
        identity: identity?,
        calendar: hours.calendar,
        hours: approval,
        terms: hours.terms,
        phones: phones.into_iter().collect::<Option<_>>()?,
        specialists,
        appointed_by,
        operator_address,
        operator_command,
        http,
        receipt: receipt?,
        reopen_within_days: reopen_within_days?,
        recall_minutes: recall_minutes?,
        letter_cap_bytes: u64::from(letter_mb?) * 1024 * 1024,
        sends_per_day: sends_per_day?,
        retention: retention?,
    })
}

/// Business hours and promises; `None` only after a problem was noted.
pub(super) fn hours(reader: &Reader<'_>, language: Language) -> Option<Hours> {
    let section = reader.section("hours");
    let calendar = hours::calendar(&section);
    let named = hours::named_calendars(&reader.sections("calendar"), &section);
    let terms = deadlines::terms(&reader.section("deadlines"));
    let desk = signboard(&reader.section("desk"), language);
    let mailboxes = reader.sections("mailbox");
    let host = mailboxes.first().and_then(|mailbox| {
        let address = mailbox.has("address").then(|| mailbox.text("address"))??;
        Some(EmailAddress::parse(&address)?.domain().to_owned())
    });
    Some(Hours {
        language,
        desk: desk?,
        host: host.unwrap_or_else(|| Hours::NO_HOST.to_owned()),
        calendar: calendar?,
        named: named?,
        terms: terms?,
    })
}

fn language(text: &str) -> Result<Language, Flaw> {
    match text {
        "ru" => Ok(Language::Ru),
        "en" => Ok(Language::En),
        _ => Err(Flaw::new(
            words!("такого языка нет", "there is no such language"),
            words!("впишите \"ru\" или \"en\"", "write \"ru\" or \"en\""),
        )),
    }
}

fn signboard(section: &Section<'_>, language: Language) -> Option<Signboard> {
    let name = if section.has("name") {
        section.text("name")
    } else {
        Some(Signboard::unnamed(language).name)
    };
    let site = section.parsed("site", site);
    Some(Signboard { name: name?, site })
}

fn site(text: &str) -> Result<String, Flaw> {
    let good = Url::parse(text).is_ok_and(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        ["http", "https"].contains(&url.scheme()) && url.has_host() && plain
    });
    good.then(|| text.to_owned()).ok_or_else(|| {
        Flaw::new(
            words!("это не адрес страницы", "this is no page's address"),
            words!(
                "впишите его целиком: https://school.example",
                "write it whole: https://school.example"
            ),
        )
    })
}

fn mailboxes(
    sections: &[Section<'_>],
    secrets: &Secrets<'_>,
    book: &mut AddressBook,
    hours: Option<&Hours>,
) -> Option<Vec<Mailbox>> {
    let sections = sections.iter();
    let read: Vec<_> = sections
        .map(|section| (section, mailbox(section, secrets, book, hours)))
        .collect();
    check_accounts(&read);
    read.into_iter().map(|(_, mailbox)| mailbox).collect()
}

/// Notes a table in double brackets that does not stand once.
fn at_least_one(reader: &Reader<'_>, name: &str, keys: &str) {
    if reader.is_absent(name) {
        let flaw = Flaw::new(
            words!(
                "нет ни одной таблицы [[{name}]]",
                "there is no [[{name}]] at all"
            ),
            words!("допишите её: {keys}", "add one: {keys}"),
        );
        reader.report(name, flaw);
    }
}

/// Ceilings of promise P14, which the operator may lower and not raise. A receipt over a ceiling waits, so
/// none of them can be nought.
fn receipt_caps(section: &Section<'_>) -> Option<ReceiptCaps> {
    let per_hour = section.whole("per_hour", 1..=1);
    let per_day = section.whole("per_day", 1..=5);
    let total_per_hour = section.whole("total_per_hour", 1..=60);
    Some(ReceiptCaps {
        per_hour: per_hour?,
        per_day: per_day?,
        total_per_hour: total_per_hour?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::write_secret;
    use crate::config::{Database, Require};
    use crate::domain::desk::{Desk, Vouching};
    use crate::domain::verdict::VerdictSource;

    const SHORTEST: &str = "\
[[mailbox]]
address = \"help@school.example\"
password_file = \"mail.password\"
provider = \"yandex\"

[[specialist]]
login = \"sam\"
name = \"Sam\"
address = \"sam@school.example\"
";

    /// What that text means with these variables, beside `mail.password` and `db.password`.
    fn loaded(toml: &str, variables: &[(&str, &str)]) -> Result<Settings, Problems> {
        let dir = tempfile::tempdir().expect("a directory");
        write_secret(&dir.path().join("mail.password"), "hunter2\n");
        write_secret(&dir.path().join("db.password"), "hunter3\n");
        let path = dir.path().join("ninetosix.toml");
        std::fs::write(&path, toml).expect("written");
        load_among(&path, &Surroundings::of(variables))
    }

    fn refused(toml: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let problems = loaded(toml, variables).expect_err("refused").to_string();
        problems.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_shortest_useful_file_is_enough() {
        let settings = loaded(SHORTEST, &[]).expect("sound");
        assert_eq!(settings.desk.name, "Служба поддержки");
        assert_eq!(
            settings.identity.token_key_file,
            Path::new("/var/lib/ninetosix/token.key")
        );
        assert_eq!(settings.identity.require, Require::VerdictAndToken);
        assert_eq!(settings.operator_address, None);
        assert_eq!(settings.receipt.total_per_hour, 60);
        let desk = Desk::from(&settings);
        assert_eq!(desk.mailboxes.len(), 1);
        let sources = [(desk.mailboxes[0].clone(), VerdictSource::Yandex)];
        assert_eq!(desk.vouching, Vouching::Server(sources.into()));
        let token = loaded(&format!("{SHORTEST}[identity]\nrequire = \"token\"\n"), &[]);
        assert_eq!(
            Desk::from(&token.expect("sound")).vouching,
            Vouching::Nobody
        );
        assert_eq!(desk.specialists[0].login, "sam");
        assert_eq!(desk.reopen_within, chrono::TimeDelta::days(30));
    }

    #[test]
    fn an_empty_file_is_told_everything_it_lacks() {
        let found = refused("", &[]);
        assert_eq!(found.len(), 2, "{found:#?}");
        for word in ["✗ mailbox: нет ни одной", "✗ specialist: нет ни одной"]
        {
            assert!(
                found.iter().any(|line| line.starts_with(word)),
                "{word}: {found:#?}"
            );
        }
    }

    #[test]
    fn problems_of_all_kinds_come_together_in_either_language() {
        let toml = "
[database]
url = \"postgres://desk:hunter4@db.example/desk\"
[[mailbox]]
address = \"help\"
pasword_file = \"mail.password\"
imap = \"imap://mail.example\"
smtp = \"smtps://mail.example\"
password = \"hunter5\"
[[specialist]]
login = \"Sam\"
name = \"Sam\"
address = \"sam@school.example\"
[receipt]
per_day = 50
[head]
weekly = \"mon 09:00\"
";
        let places = [
            "NINETOSIX__MAILBOX__PASSWORD",
            "head",
            "mailbox[1].pasword_file",
            "mailbox[1].password",
            "database.url",
            "mailbox[1].address",
            "mailbox[1].password_file",
            "mailbox[1].imap",
            "mailbox[1].trusted_authserv_id",
            "specialist[1].login",
            "receipt.per_day",
        ];
        let variable = ("NINETOSIX__MAILBOX__PASSWORD", "hunter6");
        for (language, sign) in [("ru", "уберите"), ("en", "remove")] {
            let found = refused(toml, &[variable, ("NINETOSIX__LANGUAGE", language)]);
            for place in places {
                assert!(
                    found
                        .iter()
                        .any(|line| line.starts_with(&format!("✗ {place}: "))),
                    "{place}: {found:#?}"
                );
            }
            assert_eq!(found.len(), places.len(), "{found:#?}");
            assert!(found.iter().all(|line| line.contains(" → ")), "{found:#?}");
            assert!(found.iter().any(|line| line.contains(sign)), "{found:#?}");
            assert!(
                !found.iter().any(|line| line.contains("hunter")),
                "{found:#?}"
            );
        }
    }

    #[test]
    fn an_unknown_language_is_a_problem_told_in_russian() {
        let found = refused(&format!("language = \"de\"\n{SHORTEST}"), &[]);
        assert_eq!(
            found,
            ["✗ language: такого языка нет → впишите \"ru\" или \"en\""]
        );
    }

    #[test]
    fn a_server_database_has_its_password_from_a_file_and_shows_it_nowhere() {
        let toml = format!(
            "{SHORTEST}[database]\nurl = \"sqlite:x.db\"\npassword_file = \"db.password\"\n"
        );
        let url = (
            "NINETOSIX__DATABASE__URL",
            "postgres://desk@db.example/desk",
        );
        let settings = loaded(&toml, &[url]).expect("sound");
        let Database::Postgres { url, password } = &settings.database else {
            unreachable!("the variable wins over the file");
        };
        assert_eq!(url, "postgres://desk@db.example/desk?sslmode=verify-full");
        assert!(password.is_some());
        assert!(settings.identity.token_key_file.ends_with("token.key"));
        assert!(!settings.identity.token_key_file.starts_with("/var/lib"));
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("hunter") && !shown.contains("desk@db"),
            "{shown}"
        );
    }
}
