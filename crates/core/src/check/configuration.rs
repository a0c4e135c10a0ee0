//! What the configuration alone tells: hours and calendar, who is recognised and by what, who is told, and where mail lives.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chrono::{DateTime, Utc};
use rustix::fs::{Access, access};

use super::{Cure, Report, words};
use crate::config::{Language, Mailbox, Provider, Require, Settings, token_key_trouble};
use crate::domain::calendar::Calendar;
use crate::domain::verdict::VerdictSource;
use crate::mail::moment::Moments;

/// Looks at what needs no server; `file` is where the settings came from.
pub fn configuration(report: &mut Report, settings: &Settings, file: &Path, now: DateTime<Utc>) {
    permissions(report, file);
    hours(report, "", &settings.calendar, now);
    for mailbox in settings.with_own_calendars() {
        let whose = format!(" {}", mailbox.address);
        hours(report, &whose, &mailbox.calendar, now);
    }
    if let Some(end) = settings.calendars().filter_map(Calendar::data_end).min() {
        let known = words(
            format!("производственный календарь: данные по {end}"),
            format!("production calendar: data until {end}"),
        );
        match settings.wanted_year(now) {
            None => report.good(known),
            Some(year) => report.warning(known, Cure::CalendarYear.about(year)),
        }
    }
    identity(report, settings);
    operator(report, settings);
    settings
        .mailboxes
        .iter()
        .for_each(|mailbox| country(report, mailbox));
}

/// Whether others may change the file. Passwords are elsewhere, and were looked at when it was read.
fn permissions(report: &mut Report, file: &Path) {
    let place = file.display();
    let mode = std::fs::metadata(file).map(|meta| meta.permissions().mode() & 0o777);
    if let Ok(mode) = mode
        && mode & 0o022 != 0
    {
        return report.warning(
            words(
                format!("настройки: {place} могут изменить не только владелец (права {mode:03o})"),
                format!(
                    "configuration: {place} may be changed by more than its owner (mode {mode:03o})"
                ),
            ),
            Cure::ConfigurationOpen.about(place),
        );
    }
    report.good(words(
        format!("настройки: {place}"),
        format!("configuration: {place}"),
    ));
}

/// Whether it is open, and until when.
fn hours(report: &mut Report, whose: &str, calendar: &Calendar, now: DateTime<Utc>) {
    let say = |language| Moments {
        language,
        zone: calendar.zone(),
    };
    let (ru, en) = (say(Language::Ru), say(Language::En));
    let opening = calendar.next_open(now);
    report.good(if opening <= now {
        let closing = calendar.next_close(now);
        words(
            format!("часы{whose}: сейчас открыто, закроемся {}", ru.on(closing)),
            format!("hours{whose}: open now, closing {}", en.on(closing)),
        )
    } else {
        words(
            format!("часы{whose}: сейчас закрыто, откроемся {}", ru.on(opening)),
            format!("hours{whose}: closed now, opening {}", en.on(opening)),
        )
    });
}

/// By what specialists are known, and who vouches for them.
fn identity(report: &mut Report, settings: &Settings) {
    if let Some(trouble) = token_key_trouble(&settings.identity.token_key_file) {
        let problem = trouble.problem();
        report.bad(problem.what, Cure::TokenKey.saying(problem.cure));
    }
    if settings.identity.require == Require::VerdictAndToken {
        for mailbox in &settings.mailboxes {
            let address = &mailbox.address;
            let Some(source) = &mailbox.verdict_source else {
                continue;
            };
            let (ru, en) = match source {
                VerdictSource::Yandex => ("Яндекс", "Yandex"),
                VerdictSource::MailRu => ("Mail.ru", "Mail.ru"),
                VerdictSource::Gmail => ("Gmail", "Gmail"),
                VerdictSource::Microsoft => ("Microsoft", "Microsoft"),
                VerdictSource::Server(id) => (id.as_str(), id.as_str()),
            };
            report.good(words(
                format!("{address}: специалист узнаётся по метке в письме и по слову почтового сервера ({ru})"),
                format!("{address}: a specialist is recognised by a token and by the word of the mail server ({en})"),
            ));
        }
        return;
    }
    report.warning(
        words(
            "специалист узнаётся по метке в письме (identity.require = \"token\")",
            "a specialist is recognised by a token alone (identity.require = \"token\")",
        ),
        Cure::TokenAlone,
    );
}

/// Whether anybody is told when something needs a person.
fn operator(report: &mut Report, settings: &Settings) {
    match &settings.operator_address {
        Some(address) => report.good(words(
            format!("тревоги получает {address}"),
            format!("alerts go to {address}"),
        )),
        None => report.warning(
            words("тревог не получает никто", "nobody gets alerts"),
            Cure::Operator,
        ),
    }
    if let Some(program) = settings.operator_command.first() {
        match access(program.as_str(), Access::EXEC_OK) {
            Ok(()) => report.good(words(
                format!("тревоги получает и программа {program}"),
                format!("alerts also go to the program {program}"),
            )),
            Err(error) => report.bad(
                words(
                    format!("программу для тревог не запустить: {program}: {error}"),
                    format!("the program for alerts cannot be run: {program}: {error}"),
                ),
                Cure::OperatorCommand,
            ),
        }
    }
}

/// Domains whose mail is kept outside Russia, of large providers.
const FOREIGN: [&str; 14] = [
    "gmail.com",
    "googlemail.com",
    "google.com",
    "outlook.com",
    "office365.com",
    "office.com",
    "hotmail.com",
    "live.com",
    "icloud.com",
    "me.com",
    "yahoo.com",
    "proton.me",
    "protonmail.ch",
    "fastmail.com",
];

/// Whether letters are kept by a provider abroad, which 152-FZ forbids for data of Russian citizens.
fn country(report: &mut Report, mailbox: &Mailbox) {
    let is_foreign = |host: &str| {
        let is_below = |domain: &&str| {
            let rest = host.strip_suffix(*domain);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        FOREIGN.iter().any(is_below)
    };
    let hosts = [&mailbox.imap.host, &mailbox.smtp.host];
    let by_host = hosts.into_iter().find(|host| is_foreign(host));
    let by_name = match mailbox.provider {
        Some(Provider::Gmail) => Some("gmail"),
        Some(Provider::Microsoft) => Some("microsoft"),
        Some(Provider::Yandex | Provider::MailRu) | None => None,
    };
    if let Some(host) = by_host.map(String::as_str).or(by_name) {
        let address = &mailbox.address;
        report.warning(
            words(
                format!("{address}: письма хранит зарубежная служба ({host})"),
                format!("{address}: letters are kept by a provider abroad ({host})"),
            ),
            Cure::ForeignHost,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::config;

    #[test]
    fn only_providers_abroad_are_named_as_such() {
        let dir = tempfile::tempdir().expect("a directory");
        config::testing::write_secret(&dir.path().join("pw"), "x");
        let file = dir.path().join("ninetosix.toml");
        for (servers, foreign) in [
            ("provider = \"yandex\"", false),
            ("provider = \"mailru\"", false),
            ("provider = \"gmail\"", true),
            (
                "imap = \"imaps://outlook.office365.com\"\nsmtp = \"smtps://localhost\"",
                true,
            ),
            (
                "imap = \"imaps://imap.mail.me.com\"\nsmtp = \"smtps://localhost\"",
                true,
            ),
            (
                "imap = \"imaps://mail.school.example\"\nsmtp = \"smtps://notgmail.com\"",
                false,
            ),
        ] {
            let toml = format!(
                "[identity]\nrequire = \"token\"\n[[mailbox]]\naddress = \"help@school.example\"\npassword_file = \"pw\"\n{servers}\n\
                 [[specialist]]\nlogin = \"ivan\"\nname = \"Ivan\"\naddress = \"ivan@school.example\"\n"
            );
            std::fs::write(&file, toml).expect("written");
            let settings = config::load(&file).expect("sound");
            let mut report = Report::new(Language::En);
            country(&mut report, &settings.mailboxes[0]);
            let found = report.facts().iter().map(|fact| fact.verdict);
            assert_eq!(
                found.collect::<Vec<_>>() == [Verdict::Warning],
                foreign,
                "{servers}"
            );
        }
    }
}
