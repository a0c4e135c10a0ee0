//! The database's address: one SQLite file, or a PostgreSQL server spoken to over verified TLS.
//!
//! No part of an address is quoted in a flaw: a password may have been written into it. Parameters are
//! those sqlx understands (`sqlx-postgres` `options/parse.rs`); it would log any other with its value.

use std::path::PathBuf;

use url::{Host, Url};

use super::endpoint::is_loopback;
use super::problem::{Flaw, Words, words};
use super::reader::{Reader, Section};
use super::secret::Secrets;
use super::settings::Database;

/// The `[database]` table, or nothing after noting why. With SQLite, `password_file` is not read.
pub(super) fn database(section: &Section<'_>, secrets: &Secrets<'_>) -> Option<Database> {
    let database = section.parsed("url", |text| parse(section.reader, text))?;
    Some(match database {
        Database::Postgres { url, .. } => Database::Postgres {
            url,
            password: secrets.optional(section),
        },
        sqlite @ Database::Sqlite { .. } => sqlite,
    })
}

fn parse(reader: &Reader<'_>, text: &str) -> Result<Database, Flaw> {
    let text = text.trim();
    match text.split_once(':') {
        Some(("sqlite", path)) => sqlite(reader, path).map(|path| Database::Sqlite { path }),
        Some(("postgres" | "postgresql", _)) => {
            postgres(reader, text).map(|url| Database::Postgres {
                url: url.into(),
                password: None,
            })
        }
        _ => Err(Flaw::new(
            words!(
                "такой базы данных служба не знает",
                "the desk knows no such database"
            ),
            words!(
                "напишите \"sqlite:ПУТЬ\" или \"postgres://ПОЛЬЗОВАТЕЛЬ@СЕРВЕР/БАЗА\"",
                "write \"sqlite:PATH\" or \"postgres://USER@HOST/DATABASE\""
            ),
        )),
    }
}

fn sqlite(reader: &Reader<'_>, path: &str) -> Result<PathBuf, Flaw> {
    let cure = words!(
        "напишите \"sqlite:/var/lib/ninetosix/ninetosix.db\"",
        "write \"sqlite:/var/lib/ninetosix/ninetosix.db\""
    );
    let path = path.strip_prefix("//").unwrap_or(path);
    let wrong = if path.contains(":memory:") || path.starts_with("file:") {
        words!(
            "две службы встречаются в базе, поэтому она должна быть файлом",
            "the two daemons meet in the database, so it must be a plain file"
        )
    } else if path.is_empty() || path.ends_with('/') {
        words!("нет имени файла", "there is no file name")
    } else if path.contains(['?', '#']) {
        words!(
            "параметров у файла SQLite нет",
            "an SQLite file takes no parameters"
        )
    } else {
        return Ok(reader.absolute(path));
    };
    Err(Flaw::new(wrong, cure))
}

/// Parameters that are passed on as they are.
const PLAIN_PARAMETERS: [&str; 4] = [
    "application_name",
    "options",
    "port",
    "statement-cache-capacity",
];

fn postgres(reader: &Reader<'_>, text: &str) -> Result<Url, Flaw> {
    let cure = || {
        words!(
            "напишите \"postgres://ПОЛЬЗОВАТЕЛЬ@СЕРВЕР/БАЗА\"",
            "write \"postgres://USER@HOST/DATABASE\""
        )
    };
    let wrong = |what: Words| Flaw::new(what, cure());
    let mut url = Url::parse(text).map_err(|_| {
        wrong(words!(
            "адрес базы не разобрать",
            "the database's address makes no sense"
        ))
    })?;
    if url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password") {
        return Err(Flaw::new(
            words!(
                "в адресе базы стоит пароль",
                "there is a password in the database's address"
            ),
            words!(
                "уберите его отсюда, смените и положите в файл, названный в password_file",
                "remove it from here, change it, and put it into the file that password_file names"
            ),
        ));
    }
    if url.path().trim_start_matches('/').is_empty() {
        return Err(wrong(words!(
            "не названа база",
            "the database is not named"
        )));
    }
    let connection = connection(&url, cure)?;
    if let Some(changed) = absolute_files(reader, &url) {
        url = changed;
    }
    if connection.is_remote && !connection.is_verified {
        url.query_pairs_mut().append_pair("sslmode", "verify-full");
    }
    Ok(url)
}

/// How a PostgreSQL address leads to its server.
struct Connection {
    /// Leaves this machine.
    is_remote: bool,
    /// Says `sslmode=verify-full`.
    is_verified: bool,
}

fn connection(url: &Url, cure: impl Fn() -> Words) -> Result<Connection, Flaw> {
    let wrong = |what: Words| Flaw::new(what, cure());
    // sqlx takes each of these for the server; `host` may be a directory with a socket in it.
    let mut hosts: Vec<String> = Vec::new();
    hosts.extend(
        url.host_str()
            .filter(|host| !host.is_empty())
            .map(str::to_owned),
    );
    let mut modes: Vec<String> = Vec::new();
    for (name, value) in url.query_pairs() {
        match &*name {
            "host" | "hostaddr" => hosts.push(value.into_owned()),
            "sslmode" | "ssl-mode" => modes.push(value.to_lowercase()),
            "sslrootcert" | "sslcert" | "sslkey" if !value.contains("-----BEGIN") => {}
            name if PLAIN_PARAMETERS.contains(&name) => {}
            _ => {
                let known = PLAIN_PARAMETERS.join(", ");
                return Err(Flaw::new(
                    words!(
                        "в адресе базы лишний параметр",
                        "the database's address has a parameter too many"
                    ),
                    words!(
                        "бывают host, hostaddr, sslmode, sslrootcert, sslcert, sslkey (имена файлов), {known}",
                        "it may have host, hostaddr, sslmode, sslrootcert, sslcert, sslkey (names of files), {known}"
                    ),
                ));
            }
        }
    }
    if hosts.is_empty() {
        return Err(wrong(words!(
            "не назван сервер базы",
            "the database's server is not named"
        )));
    }
    let is_socket = |host: &String| host.starts_with('/') || host.to_lowercase().starts_with("%2f");
    let is_local = |host: &String| {
        // An address of version 6 stands in brackets in the URL, without them in `hostaddr`.
        let parsed = Host::parse(host).or_else(|_| Host::parse(&format!("[{host}]")));
        parsed.is_ok_and(|host| is_loopback(&host))
    };
    let is_remote = !hosts.iter().any(is_socket) && !hosts.iter().all(is_local);
    if is_remote && modes.iter().any(|mode| mode != "verify-full") {
        return Err(Flaw::new(
            words!(
                "sslmode слабее verify-full: сервер базы можно подменить",
                "sslmode is weaker than verify-full: somebody may pose as the database's server"
            ),
            words!(
                "уберите sslmode (verify-full добавится сам); свой центр сертификации назовите в sslrootcert=ФАЙЛ",
                "remove sslmode (verify-full is added by itself); name your own authority in sslrootcert=FILE"
            ),
        ));
    }
    Ok(Connection {
        is_remote,
        is_verified: !modes.is_empty(),
    })
}

/// The address with relative certificate files made absolute, if there is any.
fn absolute_files(reader: &Reader<'_>, url: &Url) -> Option<Url> {
    let is_file = |name: &str| ["sslrootcert", "sslcert", "sslkey"].contains(&name);
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if !pairs
        .iter()
        .any(|(name, value)| is_file(name) && !value.starts_with('/'))
    {
        return None;
    }
    let mut changed = url.clone();
    changed
        .query_pairs_mut()
        .clear()
        .extend_pairs(pairs.iter().map(|(name, value)| {
            let file = is_file(name).then(|| reader.absolute(value).display().to_string());
            (name, file.unwrap_or_else(|| value.clone()))
        }));
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;
    use crate::config::testing::with_reader;

    fn url(text: &str) -> Result<String, String> {
        with_reader("", |reader| match parse(reader, text) {
            Ok(Database::Sqlite { path }) => Ok(path.display().to_string()),
            Ok(Database::Postgres { url, .. }) => Ok(url),
            Err(flaw) => Err(flaw.at("database.url").line(Language::En)),
        })
    }

    #[test]
    fn addresses_that_are_good() {
        for (text, meant) in [
            ("sqlite:/var/lib/x/desk.db", "/var/lib/x/desk.db"),
            ("sqlite:///var/lib/x/desk.db", "/var/lib/x/desk.db"),
            ("sqlite:desk.db", "/base/desk.db"),
            ("sqlite://desk.db", "/base/desk.db"),
            (
                "postgres://sam@127.0.0.1/desk",
                "postgres://sam@127.0.0.1/desk",
            ),
            (
                "postgres://sam@[::1]:5433/desk",
                "postgres://sam@[::1]:5433/desk",
            ),
            (
                "postgres://localhost/desk?sslmode=disable",
                "postgres://localhost/desk?sslmode=disable",
            ),
            (
                "postgres:///desk?host=/run/postgresql",
                "postgres:///desk?host=/run/postgresql",
            ),
            (
                "postgres://%2Frun%2Fpostgresql/desk",
                "postgres://%2Frun%2Fpostgresql/desk",
            ),
            (
                "postgres://sam@db.example/desk",
                "postgres://sam@db.example/desk?sslmode=verify-full",
            ),
            (
                "postgres://sam@10.0.0.5:5433/desk",
                "postgres://sam@10.0.0.5:5433/desk?sslmode=verify-full",
            ),
            (
                "postgresql://sam@db.example/desk?sslmode=Verify-Full&application_name=desk",
                "postgresql://sam@db.example/desk?sslmode=Verify-Full&application_name=desk",
            ),
            (
                "postgres://sam@db.example/desk?sslrootcert=ca.pem",
                "postgres://sam@db.example/desk?sslrootcert=%2Fbase%2Fca.pem&sslmode=verify-full",
            ),
        ] {
            assert_eq!(url(text).as_deref(), Ok(meant), "{text}");
        }
    }

    #[test]
    fn addresses_that_are_refused_and_never_quoted() {
        for (text, word) in [
            ("sqlite::memory:", "plain file"),
            ("sqlite:file:hunter2", "plain file"),
            ("sqlite:", "no file name"),
            ("sqlite:/var/lib/", "no file name"),
            ("sqlite:desk.db?mode=ro", "no parameters"),
            ("mysql://sam:hunter2@db.example/desk", "no such database"),
            ("hunter2", "no such database"),
            ("postgres://sam:hunter2@db.example/desk", "a password"),
            (
                "postgres://sam@db.example/desk?password=hunter2",
                "a password",
            ),
            (
                "postgres://sam@db.example/desk?passwd=hunter2",
                "a parameter too many",
            ),
            (
                "postgres://sam@db.example/desk?sslkey=-----BEGIN hunter2",
                "a parameter too many",
            ),
            ("postgres://sam@db.example", "database is not named"),
            ("postgres:///desk", "server is not named"),
            (
                "postgres://sam@db.example/desk?sslmode=require",
                "weaker than verify-full",
            ),
            (
                "postgres://sam@db.example/desk?sslmode=verify-full&sslmode=disable",
                "weaker",
            ),
            ("postgres://sam@db.example/desk?ssl-mode=disable", "weaker"),
            (
                "postgres://localhost/desk?host=db.example&sslmode=disable",
                "weaker",
            ),
            (
                "postgres://localhost/desk?hostaddr=10.0.0.5&sslmode=prefer",
                "weaker",
            ),
        ] {
            let line = url(text).expect_err(text);
            assert!(line.contains(word), "{text}: {line}");
            assert!(
                !line.contains("hunter2") && !line.contains("db.example"),
                "{line}"
            );
        }
    }
}
