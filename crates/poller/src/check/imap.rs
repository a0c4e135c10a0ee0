//! The mailbox: is its server reached, is it who it says, does it let us in?

use ninetosix_core::check::{Advice, Cure, Report, encryption, login, token, words};
use ninetosix_core::config::{AfterRegistration, Login, Mailbox, Require, Settings};

use super::{folders, verdict};
use crate::app::server;
use crate::imap::{Connection, ImapError};

/// Logs in and looks at every folder; changes nothing.
pub(super) async fn imap(report: &mut Report, settings: &Settings, mailbox: &Mailbox) {
    let place = format!("IMAP {}", mailbox.imap);
    let server = match server(mailbox) {
        Ok(server) => server,
        Err(error) => {
            return report.bad(
                words(
                    format!("{place}: сертификаты не читаются: {error:#}"),
                    format!("{place}: certificates cannot be read: {error:#}"),
                ),
                Cure::CaFile,
            );
        }
    };
    let mut connection = match Connection::open(&server).await {
        Ok(connection) => connection,
        Err(error) => {
            return report.bad(
                words(
                    format!("{place}: войти не удалось: {error}"),
                    format!("{place}: cannot log in: {error}"),
                ),
                cure(&error, mailbox),
            );
        }
    };
    // Exchange takes a good token for a mailbox that it does not open, and says so to the first command.
    if let Login::Application(_) = mailbox.login
        && let Err(error @ ImapError::Bad { .. }) = connection.select("INBOX").await
    {
        return report.bad(
            words(
                format!("{place}: токен принят, а ящик не открыт: {error}"),
                format!("{place}: the token is taken, and the mailbox is not open: {error}"),
            ),
            login(mailbox),
        );
    }
    let (ru, en) = if connection.supports_idle() {
        ("IDLE есть", "IDLE offered")
    } else {
        (
            "IDLE нет: письма замечаем опросом",
            "no IDLE: letters are noticed by polling",
        )
    };
    report.good(words(
        format!("{place}: вход выполнен, {ru}"),
        format!("{place}: logged in, {en}"),
    ));
    for folder in &mailbox.folders {
        folders::read(report, &mut connection, &place, folder).await;
    }
    if let AfterRegistration::Move(target) = &mailbox.after_registration {
        folders::target(report, &mut connection, &place, target).await;
    }
    if mailbox.sent_copy {
        folders::sent(report, &mut connection, &place).await;
    }
    if settings.identity.require == Require::VerdictAndToken {
        verdict::verdict(report, &mut connection, mailbox).await;
    }
    connection.logout().await;
}

/// What to do about a connection that did not come about, or broke.
fn cure(error: &ImapError, mailbox: &Mailbox) -> Advice {
    match error {
        ImapError::Token(error) => token(error),
        ImapError::AuthRefused(_) => login(mailbox),
        other => cure_within(other),
    }
}

/// The same once we are logged in.
fn cure_within(error: &ImapError) -> Advice {
    match error {
        ImapError::NoLoginMethod(_) => Cure::LoginMethod.into(),
        ImapError::PlainTextRefused(_) => Cure::StartTls.into(),
        ImapError::Tls { fault, .. } => encryption(*fault).into(),
        ImapError::Unreachable(_) | ImapError::Timeout(_) | ImapError::Misuse(_) => {
            Cure::Unreachable.about("imap")
        }
        ImapError::Token(_)
        | ImapError::AuthRefused(_)
        | ImapError::Lost(_)
        | ImapError::No { .. }
        | ImapError::Bad { .. }
        | ImapError::Protocol(_) => Cure::ServerTrouble.into(),
    }
}

/// Notes that the server broke off what was asked of it.
pub(super) fn broken(report: &mut Report, place: &str, error: &ImapError) {
    let what = format!("{place}: {error}");
    report.bad(words(what.clone(), what), cure_within(error));
}
