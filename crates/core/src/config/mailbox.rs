//! One `[[mailbox]]`: its servers, its password, its folders and its pace.

use std::path::PathBuf;
use std::time::Duration;

use url::Host;

use super::address::{AddressBook, address};
use super::endpoint::{Endpoint, Protocol, Provider, endpoint};
use super::folders::{after_registration, folders, same_folder};
use super::hours;
use super::oauth;
use super::problem::{Flaw, quoted, words};
use super::reader::Section;
use super::secret::Secrets;
use super::settings::{Hours, Login, Mailbox};
use super::sources::open_at_once;
use crate::domain::verdict::VerdictSource;
use crate::tls::Fingerprint;

/// The mailbox of one table, or nothing after noting why.
pub(super) fn mailbox(
    section: &Section<'_>,
    secrets: &Secrets<'_>,
    book: &mut AddressBook,
    hours: Option<&Hours>,
) -> Option<Mailbox> {
    let cure = words!(
        "впишите address = \"help@школа\" — адрес, на который пишут люди",
        "write address = \"help@…\", the address people write to"
    );
    let has_address = section.required("address", cure);
    let address = has_address.and_then(|text| section.ok("address", address(&text)));
    if let Some(address) = &address {
        book.add_mailbox(section.reader, address, section.place("address"));
    }
    let user = if section.has("user") {
        section.text("user")
    } else {
        address.as_ref().map(|address| address.as_str().to_owned())
    };
    let provider = section.parsed("provider", Provider::parse);
    let login = login(section, secrets, provider);
    let authserv_id = section.parsed("trusted_authserv_id", authserv_id);
    let imap = server(section, "imap", Protocol::Imap, provider);
    let smtp = server(section, "smtp", Protocol::Smtp, provider);
    let ca_file = ca_file(section);
    let fingerprints = fingerprints(section);
    let folders = folders(section);
    let poll_interval_s = if section.has("poll_interval_s") {
        section.whole("poll_interval_s", 5..=3600)
    } else {
        Some(60)
    };
    let quick_poll = quick_poll(section);
    let after_registration = after_registration(section, folders.as_deref());
    let hello_name = if section.has("hello_name") {
        section.parsed("hello_name", hello_name)
    } else {
        address.as_ref().map(|address| address.domain().to_owned())
    };
    let sent_copy = if section.has("sent_copy") {
        section.flag("sent_copy")
    } else {
        Some(false)
    };
    let calendar = hours.and_then(|hours| hours::chosen(section, hours));
    Some(Mailbox {
        address: address?,
        user: user?,
        login: login?,
        provider,
        verdict_source: authserv_id
            .map(VerdictSource::Server)
            .or(provider.map(Provider::verdict_source)),
        imap: imap?,
        smtp: smtp?,
        ca_file,
        fingerprints: fingerprints?,
        folders: folders?,
        poll_interval: Duration::from_secs(poll_interval_s?.into()),
        quick_poll: quick_poll?,
        after_registration: after_registration?,
        hello_name: hello_name?,
        sent_copy: sent_copy?,
        calendar: calendar?,
    })
}

/// The password, or the application that gets tokens: one of the two.
fn login(
    section: &Section<'_>,
    secrets: &Secrets<'_>,
    provider: Option<Provider>,
) -> Option<Login> {
    const KEY: &str = "password_file";
    let Some(oauth) = section.inner("oauth") else {
        // One that is no table is told of by its name.
        if section.has("oauth") {
            return None;
        }
        // The servers of a gateway are written out.
        if provider == Some(Provider::Microsoft) && !(section.has("imap") && section.has("smtp")) {
            section.report(
                KEY,
                Flaw::new(
                    words!(
                        "Microsoft 365 не пускает с паролем ни по IMAP, ни по SMTP",
                        "Microsoft 365 takes no password, neither for IMAP nor for SMTP"
                    ),
                    words!(
                        "вместо него впишите таблицу [mailbox.oauth] или imap и smtp шлюза, который пускает с паролем",
                        "write a table [mailbox.oauth] instead, or imap and smtp of a gateway that takes a password"
                    ),
                ),
            );
            return None;
        }
        return secrets.required(section, KEY).map(Login::Password);
    };
    if section.has(KEY) {
        section.report(
            KEY,
            Flaw::new(
                words!(
                    "и пароль, и [mailbox.oauth]: входят чем-то одним",
                    "both a password and [mailbox.oauth]: one of them is logged in with"
                ),
                words!("уберите одно из двух", "remove one of the two"),
            ),
        );
    }
    oauth::application(&oauth, secrets, provider.and_then(Provider::scope)).map(Login::Application)
}

/// The server written out under `key`, else the provider's.
fn server(
    section: &Section<'_>,
    key: &str,
    protocol: Protocol,
    provider: Option<Provider>,
) -> Option<Endpoint> {
    if section.has(key) {
        return section.parsed(key, |text| endpoint(text, protocol));
    }
    let preset = provider.map(|provider| provider.server(protocol));
    // A misspelt provider is a problem of its own and would have filled this in.
    if preset.is_none() && !section.has("provider") {
        section.report(
            key,
            Flaw::new(
                words!("не сказано, какой это сервер", "the server is not named"),
                words!(
                    "впишите provider (yandex, mailru, gmail, microsoft) или {key} = \"{key}s://СЕРВЕР\"",
                    "write provider (yandex, mailru, gmail, microsoft) or {key} = \"{key}s://HOST\""
                ),
            ),
        );
    }
    preset
}

/// The pause between two NOOPs, `Some(None)` if none are wanted, or `None` after noting a bad one.
fn quick_poll(section: &Section<'_>) -> Option<Option<Duration>> {
    const KEY: &str = "quick_poll_ms";
    if !section.has(KEY) {
        return Some(None);
    }
    match section.whole(KEY, 0..=5000)? {
        0 => Some(None),
        ms if ms >= 50 => Some(Some(Duration::from_millis(ms.into()))),
        ms => {
            section.report(
                KEY,
                Flaw::new(
                    words!("{ms} — слишком часто", "{ms} is too often"),
                    words!(
                        "задайте число от 50 до 5000 или 0",
                        "write a number from 50 to 5000, or 0"
                    ),
                ),
            );
            None
        }
    }
}

/// The pinned certificates; none where the key is left out or the list is empty.
fn fingerprints(section: &Section<'_>) -> Option<Vec<Fingerprint>> {
    const KEY: &str = "fingerprints";
    if !section.has(KEY) {
        return Some(Vec::new());
    }
    let texts = section.texts(KEY)?;
    let read: Option<Vec<Fingerprint>> =
        texts.iter().map(|text| Fingerprint::parse(text)).collect();
    if read.is_some() {
        return read;
    }
    section.report(
        KEY,
        Flaw::new(
            words!("это не отпечатки SHA-256", "these are no SHA-256 fingerprints"),
            words!(
                "возьмите отпечаток так: openssl s_client -connect СЕРВЕР:993 </dev/null | openssl x509 -noout -fingerprint -sha256",
                "get one by: openssl s_client -connect HOST:993 </dev/null | openssl x509 -noout -fingerprint -sha256"
            ),
        ),
    );
    None
}

fn ca_file(section: &Section<'_>) -> Option<PathBuf> {
    let path = section.reader.absolute(&section.text("ca_file")?);
    let readable = open_at_once(&path).and_then(|file| file.metadata());
    if !readable.is_ok_and(|meta| meta.is_file()) {
        let shown = quoted(&path.display().to_string());
        section.report(
            "ca_file",
            Flaw::new(
                words!("файл {shown} не читается", "the file {shown} cannot be read"),
                words!(
                    "положите туда сертификаты в виде PEM и дайте службе право на чтение или уберите строку",
                    "put PEM certificates there and let the service read them, or remove the line"
                ),
            ),
        );
    }
    Some(path)
}

/// RFC 8601 section 2.5: a name as servers sign with, most often a host's.
fn authserv_id(text: &str) -> Result<String, Flaw> {
    let text = text.trim();
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let is_name = !text.is_empty() && text.bytes().all(is_plain);
    is_name.then(|| text.to_ascii_lowercase()).ok_or_else(|| {
        let value = quoted(text);
        Flaw::new(
            words!("{value} — не имя сервера", "{value} is no server's name"),
            words!(
                "впишите первое слово поля Authentication-Results из письма в этом ящике, например mail.school.example",
                "write the first word of the field Authentication-Results of a letter in this mailbox, such as mail.school.example"
            ),
        )
    })
}

/// RFC 5321 section 4.1.1.1: a domain name, or an address in brackets.
fn hello_name(text: &str) -> Result<String, Flaw> {
    let text = text.trim();
    let name = match text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(literal) => {
            let address = literal.strip_prefix("IPv6:").unwrap_or(literal);
            address
                .parse::<std::net::IpAddr>()
                .ok()
                .map(|_| text.to_owned())
        }
        None => match Host::parse(text) {
            Ok(Host::Domain(name))
                if name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b)) =>
            {
                Some(name)
            }
            _ => None,
        },
    };
    name.ok_or_else(|| {
        let value = quoted(text);
        Flaw::new(
            words!("{value} — не имя машины", "{value} is no host name"),
            words!(
                "впишите полное имя вида desk.school.example или уберите строку",
                "write a full name such as desk.school.example, or remove the line"
            ),
        )
    })
}

/// Notes mailboxes that read one account's folder twice: every letter would be registered twice.
pub(super) fn check_accounts(read: &[(&Section<'_>, Option<Mailbox>)]) {
    let known: Vec<_> = read
        .iter()
        .filter_map(|(section, mailbox)| Some((section, mailbox.as_ref()?)))
        .collect();
    for (n, (section, mailbox)) in known.iter().enumerate() {
        let twin = known[..n].iter().find(|(_, other)| {
            let shared = other
                .folders
                .iter()
                .any(|one| mailbox.folders.iter().any(|two| same_folder(one, two)));
            other.imap == mailbox.imap && other.user == mailbox.user && shared
        });
        if let Some((first, _)) = twin {
            let first = first.at();
            section.report(
                "user",
                Flaw::new(
                    words!(
                        "тот же ящик и та же папка, что в {first}: каждое письмо пришло бы дважды",
                        "the same account and folder as in {first}: every letter would arrive twice"
                    ),
                    words!(
                        "оставьте одну таблицу [[mailbox]] на ящик или разведите folders",
                        "keep one [[mailbox]] for an account, or give them different folders"
                    ),
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AfterRegistration;
    use crate::config::testing::{lines, with_reader_at};

    /// The mailboxes of the text, with the password in `pw`; or what is wrong.
    fn read(toml: &str) -> Result<Vec<Mailbox>, Vec<String>> {
        let dir = tempfile::tempdir().expect("a directory");
        crate::config::testing::write_secret(&dir.path().join("pw"), "hunter2");
        with_reader_at(dir.path(), toml, |reader| {
            let secrets = Secrets::new(reader);
            let mut book = AddressBook::default();
            let hours = crate::config::load::hours(reader, crate::config::Language::Ru);
            let sections = reader.sections("mailbox");
            let read: Vec<_> = sections
                .iter()
                .map(|s| (s, mailbox(s, &secrets, &mut book, hours.as_ref())))
                .collect();
            check_accounts(&read);
            let found = lines(reader);
            let all: Option<Vec<_>> = read.into_iter().map(|(_, mailbox)| mailbox).collect();
            all.filter(|_| found.is_empty()).ok_or(found)
        })
    }

    const SHORTEST: &str =
        "[[mailbox]]\naddress = \"help@school.example\"\npassword_file = \"pw\"\n";

    #[test]
    fn the_shortest_mailbox_has_a_default_for_everything_else() {
        let read = read(&format!("{SHORTEST}provider = \"mailru\"\n")).expect("sound");
        let mailbox = &read[0];
        assert_eq!(mailbox.user, "help@school.example");
        assert_eq!(mailbox.hello_name, "school.example");
        assert_eq!(mailbox.imap.to_string(), "imap.mail.ru:993");
        assert_eq!(mailbox.folders, ["INBOX", "spam"]);
        assert_eq!(mailbox.poll_interval, Duration::from_secs(60));
        assert_eq!(mailbox.quick_poll, None);
        assert_eq!(mailbox.after_registration, AfterRegistration::Seen);
        assert_eq!(mailbox.verdict_source, Some(VerdictSource::MailRu));
    }

    #[test]
    fn an_application_stands_in_for_a_password() {
        const OAUTH: &str = "[mailbox.oauth]\ntoken_url = \"https://login.example/t/token\"\nclient_id = \"id\"\nclient_secret_file = \"pw\"\n";
        for (lines, scope) in [
            (
                "provider = \"microsoft\"",
                Some("https://outlook.office365.com/.default"),
            ),
            (
                "imap = \"imaps://a.example\"\nsmtp = \"smtps://b.example\"",
                None,
            ),
        ] {
            let toml = format!("[[mailbox]]\naddress = \"help@school.example\"\n{lines}\n{OAUTH}");
            let read = read(&toml).expect("sound");
            let Login::Application(application) = &read[0].login else {
                unreachable!("{:?}", read[0].login);
            };
            assert_eq!(application.token_url.path(), "/t/token");
            assert_eq!(application.client_id, "id");
            assert_eq!(application.scope.as_deref(), scope);
            let shown = format!("{read:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let gateway = "provider = \"microsoft\"\nimap = \"imaps://gate.example\"\nsmtp = \"smtps://gate.example\"\n";
        let read = read(&format!("{SHORTEST}{gateway}")).expect("sound");
        assert!(matches!(read[0].login, Login::Password(_)));
    }

    #[test]
    fn a_server_that_is_named_is_believed_instead_of_the_provider() {
        let servers = "imap = \"imaps://mail.example\"\nsmtp = \"smtps://mail.example\"\n";
        let source = |lines: &str| {
            let read = read(&format!("{SHORTEST}{lines}\n")).expect("sound");
            read[0].verdict_source.clone()
        };
        let server = VerdictSource::Server("mail.school.example".to_owned());
        let named = "trusted_authserv_id = \"Mail.School.Example\"\n";
        assert_eq!(source(&format!("{servers}{named}")), Some(server.clone()));
        assert_eq!(
            source(&format!("provider = \"gmail\"\n{named}")),
            Some(server)
        );
        assert_eq!(source(servers), None);
        let microsoft = format!("provider = \"microsoft\"\n{servers}");
        assert_eq!(source(&microsoft), Some(VerdictSource::Microsoft));
    }

    #[test]
    fn what_is_written_out_wins_over_the_provider() {
        let text = format!(
            "{SHORTEST}provider = \"yandex\"\nimap = \"imap+starttls://mail.example\"\nuser = \"desk\"\n\
             folders = [\"INBOX\"]\npoll_interval_s = 5\nquick_poll_ms = 150\nafter_registration = \"move Архив\"\n\
             hello_name = \"desk.school.example\"\n"
        );
        let read = read(&text).expect("sound");
        let mailbox = &read[0];
        assert_eq!(mailbox.imap.to_string(), "mail.example:143");
        assert_eq!(mailbox.smtp.to_string(), "smtp.yandex.ru:465");
        assert_eq!(
            (mailbox.user.as_str(), mailbox.hello_name.as_str()),
            ("desk", "desk.school.example")
        );
        assert_eq!(mailbox.quick_poll, Some(Duration::from_millis(150)));
        assert_eq!(
            mailbox.after_registration,
            AfterRegistration::Move("Архив".to_owned())
        );
    }

    #[test]
    fn each_bad_key_is_named_and_all_at_once() {
        for (line, places) in [
            (
                "",
                &["mailbox[1].imap: the server", "mailbox[1].smtp: the server"][..],
            ),
            (
                "provider = \"yandeks\"",
                &["mailbox[1].provider: «yandeks»"],
            ),
            (
                "provider = \"microsoft\"",
                &["password_file: Microsoft 365 takes no password"],
            ),
            (
                "provider = \"gmail\"\ntrusted_authserv_id = \"mail school\"",
                &["trusted_authserv_id: «mail school»"],
            ),
            (
                "provider = \"gmail\"\npoll_interval_s = 4",
                &["poll_interval_s: 4 is out of range"],
            ),
            (
                "provider = \"gmail\"\npoll_interval_s = \"60\"",
                &["poll_interval_s: the value is of the wrong kind"],
            ),
            (
                "provider = \"gmail\"\nquick_poll_ms = 49",
                &["quick_poll_ms: 49 is too often"],
            ),
            (
                "provider = \"gmail\"\nfolders = []",
                &["mailbox[1].folders"],
            ),
            (
                "provider = \"gmail\"\nfolders = [\"INBOX\", \"inbox\"]",
                &["mailbox[1].folders"],
            ),
            (
                "provider = \"gmail\"\nafter_registration = \"move Spam\"",
                &["round in circles"],
            ),
            (
                "provider = \"gmail\"\nafter_registration = \"keyword \\\\Seen\"",
                &["one word"],
            ),
            (
                "provider = \"gmail\"\nafter_registration = \"delete\"",
                &["no such action"],
            ),
            (
                "provider = \"gmail\"\nhello_name = \"my desk\"",
                &["hello_name: «my desk»"],
            ),
            (
                "provider = \"gmail\"\nca_file = \"none.pem\"",
                &["ca_file: the file"],
            ),
            (
                "provider = \"gmail\"\nfingerprints = [\"0a0b\"]",
                &["fingerprints: these are no"],
            ),
            (
                "provider = \"microsoft\"\nimap = \"imaps://gate.example\"",
                &["password_file: Microsoft 365 takes no password"],
            ),
            (
                "provider = \"gmail\"\noauth = 5",
                &["mailbox[1].oauth: the table is written the wrong way"],
            ),
            (
                "provider = \"gmail\"\n[mailbox.oauth]\ntoken_url = \"http://x.example\"\nclient_secret = \"hunter2\"\nscopes = \"x\"",
                &[
                    "password_file: both a password and",
                    "oauth.token_url: this is no address",
                    "oauth.client_id: the key is missing",
                    "oauth.client_secret_file: the key is missing",
                    "oauth.client_secret: secrets have no place",
                    "oauth.scopes: there is no such key",
                ],
            ),
            (
                "provider = \"gmail\"\npassword = \"hunter2\"",
                &["mailbox[1].password: secrets have no place"],
            ),
            (
                "imap = \"x\"\nsmtp = \"x\"\nuser = 5",
                &["imap: the kind", "smtp: the kind", "user: the value"],
            ),
        ] {
            let found = read(&format!("{SHORTEST}{line}\n")).expect_err(line);
            assert_eq!(found.len(), places.len(), "{found:#?}");
            for place in places {
                assert!(
                    found.iter().any(|line| line.contains(place)),
                    "{place}: {found:#?}"
                );
            }
            assert!(
                !found.iter().any(|line| line.contains("hunter2")),
                "{found:#?}"
            );
        }
    }

    #[test]
    fn one_account_is_not_read_twice() {
        let one = format!("{SHORTEST}provider = \"gmail\"\nuser = \"desk\"\n");
        let other = one.replace("help@", "info@");
        let found = read(&format!("{one}{other}")).expect_err("refused");
        assert!(
            found.len() == 1 && found[0].contains("mailbox[2].user"),
            "{found:#?}"
        );
        assert!(read(&format!("{one}{other}folders = [\"info\"]\n")).is_ok());
        let found = read(&format!("{one}{}", one.replace("desk", "other"))).expect_err("refused");
        assert!(
            found.len() == 1 && found[0].contains("mailbox[2].address"),
            "{found:#?}"
        );
    }
}
