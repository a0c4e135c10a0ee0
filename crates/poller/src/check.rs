//! `check`: mailbox, submission server, database and hours, tried for real.

use ninetosix_core::check::{self, Report, words};
use ninetosix_core::clock::Clock;
use ninetosix_core::config::{Mailbox, Settings, Words};

use crate::app::server;
use crate::imap::{Connection, ImapError, Role};

/// Tries everything the poller needs and returns the report.
pub async fn run(settings: &Settings, clock: &dyn Clock) -> Report {
    let mut report = Report::new(settings.language);
    check::configuration(&mut report, settings, clock.now());
    if let Some(store) = check::database(&mut report, settings).await {
        check::approved_hours(&mut report, settings, &store, clock.now()).await;
    }
    for mailbox in &settings.mailboxes {
        imap(&mut report, mailbox).await;
        check::smtp(&mut report, mailbox).await;
    }
    report
}

/// Logs in and selects every folder; changes nothing.
async fn imap(report: &mut Report, mailbox: &Mailbox) {
    let place = format!("IMAP {}", mailbox.imap);
    let server = match server(mailbox) {
        Ok(server) => server,
        Err(error) => {
            let what = format!("{place}: {error:#}");
            return report.bad(
                words(what.clone(), what),
                words("проверьте ca_file", "check ca_file"),
            );
        }
    };
    let mut connection = match Connection::open(&server).await {
        Ok(connection) => connection,
        Err(error) => {
            let what = format!("{place}: {error}");
            return report.bad(words(what.clone(), what), cure(&error));
        }
    };
    let idle = connection.supports_idle();
    report.good(words(
        format!(
            "{place}: вход выполнен, {}",
            if idle {
                "IDLE есть"
            } else {
                "IDLE нет: письма замечаем опросом"
            }
        ),
        format!(
            "{place}: logged in, {}",
            if idle {
                "IDLE offered"
            } else {
                "no IDLE: letters are noticed by polling"
            }
        ),
    ));
    for folder in &mailbox.folders {
        folder_exists(report, &mut connection, &place, folder).await;
    }
    if mailbox.sent_copy {
        sent_folder(report, &mut connection, &place).await;
    }
    connection.logout().await;
}

async fn sent_folder(report: &mut Report, connection: &mut Connection, place: &str) {
    match connection.list_special(Role::Sent).await {
        Ok(Some(name)) => report.good(words(
            format!("{place}: копии ответов кладём в папку {name}"),
            format!("{place}: copies of answers go to the folder {name}"),
        )),
        Ok(None) => report.warning(
            words(
                format!("{place}: папки отправленных нет, копии ответов класть некуда"),
                format!("{place}: no folder of sent mail for copies of answers"),
            ),
            words(
                "заведите папку «Отправленные» или уберите sent_copy",
                "make a folder \"Sent\", or remove sent_copy",
            ),
        ),
        Err(error) => {
            let what = format!("{place}: {error}");
            report.bad(words(what.clone(), what), cure(&error));
        }
    }
}

async fn folder_exists(
    report: &mut Report,
    connection: &mut Connection,
    place: &str,
    folder: &str,
) {
    let name = if folder == "spam" {
        match connection.list_special(Role::Junk).await {
            Ok(Some(name)) => name,
            Ok(None) => {
                return report.warning(
                    words(
                        format!("{place}: папки спама нет"),
                        format!("{place}: no folder for spam"),
                    ),
                    words(
                        "уберите \"spam\" из folders или назовите папку её именем",
                        "take \"spam\" out of folders, or name the folder itself",
                    ),
                );
            }
            Err(error) => {
                return report.bad(
                    words(format!("{place}: {error}"), format!("{place}: {error}")),
                    cure(&error),
                );
            }
        }
    } else {
        folder.to_owned()
    };
    match connection.select(&name).await {
        Ok(selected) => report.good(words(
            format!("{place}: папка {name}, писем {}", selected.exists),
            format!("{place}: folder {name}, {} letters", selected.exists),
        )),
        Err(error) => report.bad(
            words(
                format!("{place}: папка {name}: {error}"),
                format!("{place}: folder {name}: {error}"),
            ),
            words(
                "проверьте имя папки в folders",
                "check the folder's name in folders",
            ),
        ),
    }
}

fn cure(error: &ImapError) -> Words {
    match error {
        ImapError::AuthRefused(_) => words(
            "проверьте user и password_file; у Яндекса, Mail.ru и Gmail нужен пароль приложения и включённый доступ по IMAP",
            "check user and password_file; Yandex, Mail.ru and Gmail need an app password and IMAP switched on",
        ),
        ImapError::Tls { .. } => words(
            "проверьте имя и порт сервера; для своего центра сертификации укажите ca_file",
            "check the server's name and port; name ca_file for a CA of your own",
        ),
        _ => words(
            "проверьте imap: имя, порт и доступность сервера отсюда",
            "check imap: name, port, and that the server can be reached from here",
        ),
    }
}
