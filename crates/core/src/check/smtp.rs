//! The submission server of a mailbox: is it reached, is it who it says, does it let us in?

use super::{Advice, Cure, Report, encryption, login, token, words};
use crate::config::Mailbox;
use crate::smtp::{DialError, SmtpSession, Timeouts};

/// Tries to log in at the submission server of a mailbox.
pub async fn smtp(report: &mut Report, mailbox: &Mailbox) {
    let place = format!("SMTP {}", mailbox.smtp);
    let server = match crate::daemon::smtp_server(mailbox) {
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
    match SmtpSession::open(&server, &Timeouts::default()).await {
        Ok(session) => {
            session.quit().await;
            report.good(words(
                format!("{place}: вход выполнен"),
                format!("{place}: logged in"),
            ));
        }
        Err(error) => {
            report.bad(
                words(
                    format!("{place}: войти не удалось: {error}"),
                    format!("{place}: cannot log in: {error}"),
                ),
                cure(&error, mailbox),
            );
        }
    }
}

/// What to do about a connection that did not come about.
pub(super) fn cure(error: &DialError, mailbox: &Mailbox) -> Advice {
    match error {
        DialError::Token(error) => token(error),
        DialError::AuthRefused { .. } => login(mailbox),
        DialError::NoAuth { .. } => Cure::LoginMethod.into(),
        DialError::NoStartTls => Cure::StartTls.into(),
        DialError::Tls { fault, .. } => encryption(*fault).into(),
        DialError::Settings { .. } | DialError::Unreachable { .. } | DialError::Timeout(_) => {
            Cure::Unreachable.about("smtp")
        }
        DialError::Refused { .. } | DialError::Protocol { .. } => Cure::ServerTrouble.into(),
    }
}
