//! `[identity]`: what a specialist's letter must show besides his address.

use std::path::{Path, PathBuf};

use super::problem::{Flaw, words};
use super::reader::Section;
use super::schema::nearest;
use super::settings::{Database, Identity, Require};

/// The identity of the table; notes each of `mailboxes` for which nothing says whose verdict is believed, where one is
/// wanted.
pub(super) fn identity(
    section: &Section<'_>,
    mailboxes: &[Section<'_>],
    database: Option<&Database>,
) -> Option<Identity> {
    let require = if section.has("require") {
        section.parsed("require", require)
    } else {
        Some(Require::default())
    };
    if require == Some(Require::VerdictAndToken) {
        let has_none = |mailbox: &&Section<'_>| {
            !mailbox.has("provider") && !mailbox.has("trusted_authserv_id")
        };
        for mailbox in mailboxes.iter().filter(has_none) {
            mailbox.report("trusted_authserv_id", no_verdict_source());
        }
    }
    let token_key_file = if section.has("token_key_file") {
        section
            .text("token_key_file")
            .map(|name| section.reader.absolute(&name))
    } else {
        Some(default_token_key(section.reader.base(), database))
    };
    Some(Identity {
        require: require?,
        token_key_file: token_key_file?,
    })
}

fn require(text: &str) -> Result<Require, Flaw> {
    match text {
        "verdict-and-token" => Ok(Require::VerdictAndToken),
        "token" => Ok(Require::Token),
        _ => {
            let ways = ["verdict-and-token", "token"];
            let meant = nearest(text, ways.into_iter()).unwrap_or("verdict-and-token");
            Err(Flaw::new(
                words!("такого способа нет", "there is no such way"),
                words!(
                    "возможно, имелось в виду \"{meant}\"",
                    "perhaps \"{meant}\" was meant"
                ),
            ))
        }
    }
}

/// Beside the SQLite file, which both daemons can write to; else beside the configuration.
fn default_token_key(base: &Path, database: Option<&Database>) -> PathBuf {
    let directory = match database {
        Some(Database::Sqlite { path }) => path.parent().unwrap_or(base),
        Some(Database::Postgres { .. }) | None => base,
    };
    directory.join("token.key")
}

fn no_verdict_source() -> Flaw {
    Flaw::new(
        words!(
            "не сказано, чьей проверке отправителя верить, а без неё специалиста по письму не узнать",
            "it is not said whose check of a sender is believed, and without one nobody is a specialist by mail"
        ),
        words!(
            "впишите provider (yandex, mailru, gmail) или trusted_authserv_id = \"mail.school.example\" — имя в начале поля Authentication-Results, которое ставит ваш сервер; если он не проверяет отправителей, а чужие не могут писать в эту систему с адресов сотрудников, впишите в [identity] require = \"token\"",
            "write provider (yandex, mailru, gmail) or trusted_authserv_id = \"mail.school.example\", the name that begins the field Authentication-Results of your server; if it does not check senders, and nobody outside can write into this mail system with a colleague's address, write require = \"token\" under [identity]"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{lines, with_reader_at};

    fn read(toml: &str) -> (Option<Identity>, Vec<String>) {
        with_reader_at(Path::new("/etc/ninetosix"), toml, |reader| {
            let mailboxes = reader.sections("mailbox");
            let identity = identity(&reader.section("identity"), &mailboxes, None);
            (identity, lines(reader))
        })
    }

    #[test]
    fn a_verdict_is_wanted_unless_the_operator_says_otherwise() {
        let named = "[[mailbox]]\nprovider = \"yandex\"\n[[mailbox]]\ntrusted_authserv_id = \"mail.school.test\"\n";
        let (identity, found) = read(named);
        assert_eq!(
            identity.map(|it| it.require),
            Some(Require::VerdictAndToken)
        );
        assert!(found.is_empty(), "{found:#?}");
        let (_, found) = read(&format!("{named}[[mailbox]]\nuser = \"x\"\n"));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with("✗ mailbox[3].trusted_authserv_id: "));
        assert!(found[0].contains("require = \"token\""), "{found:#?}");
        let (identity, found) =
            read("[[mailbox]]\nuser = \"x\"\n[identity]\nrequire = \"token\"\n");
        assert_eq!(identity.map(|it| it.require), Some(Require::Token));
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn another_way_is_refused_and_the_nearest_named() {
        let (identity, found) = read("[identity]\nrequire = \"tokens\"\n");
        assert_eq!(identity, None);
        assert!(
            found.len() == 1 && found[0].contains("\"token\""),
            "{found:#?}"
        );
    }
}
