//! Is it a person? Evidence from the header, strongest first. A person's letter taken for a robot's is lost to the
//! writer, so signs that colleagues' letters carry too (a list, a null return path) never decide alone.

use super::incoming::IncomingMail;

/// Who wrote a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A person, as far as can be told.
    Person,
    /// A mailing list or a mass mailing: worth a ticket, never worth a receipt.
    List,
    /// A mail system reporting on a letter of ours (RFC 3464). Judged before automatic answers: reports carry their signs too.
    DeliveryReport,
    /// A program answering by itself (RFC 3834). The sign is named.
    Automatic(&'static str),
}

/// Returns who wrote `mail`.
pub fn author(mail: &IncomingMail) -> Author {
    if mail.report.is_some() {
        return Author::DeliveryReport;
    }
    let signs = &mail.robot;
    // RFC 3834 section 5: every value but `no` is automatic.
    if signs
        .auto_submitted
        .as_deref()
        .is_some_and(|value| value != "no")
    {
        return Author::Automatic("Auto-Submitted");
    }
    if signs.auto_reply_header {
        return Author::Automatic("X-Autoreply");
    }
    if signs.read_receipt {
        return Author::Automatic("a read receipt");
    }
    if !mail.references.is_empty() && says_automatic(mail.subject.as_str()) {
        return Author::Automatic("the subject of an automatic answer");
    }
    match signs.precedence.as_deref() {
        Some("auto_reply") => return Author::Automatic("Precedence: auto_reply"),
        Some("bulk" | "junk" | "list") => return Author::List,
        _ => {}
    }
    let from_system = mail
        .sender()
        .is_some_and(|sender| sender.local() == "mailer-daemon");
    if from_system && signs.null_return_path {
        return Author::Automatic("mailer-daemon with a null return path");
    }
    if signs.list {
        Author::List
    } else {
        Author::Person
    }
}

/// How programs begin the subject of an answer they write by themselves: second evidence, for answers alone.
fn says_automatic(subject: &str) -> bool {
    #[rustfmt::skip]
    const BEGINNINGS: [&str; 12] = [
        "автоответ", "автоматический ответ", "автоматическое уведомление", "нет на месте", "вне офиса", "отсутствие на рабочем месте",
        "automatic reply", "autoreply", "auto-reply", "auto reply", "auto:", "out of office",
    ];
    let subject = subject.trim_start().to_lowercase();
    BEGINNINGS
        .iter()
        .any(|beginning| subject.starts_with(beginning))
}

/// Returns whether the sender's address says that nobody reads it.
pub fn nobody_reads(mail: &IncomingMail) -> bool {
    mail.sender().is_some_and(|sender| {
        let local: String = sender
            .local()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric())
            .collect();
        [
            "noreply",
            "donotreply",
            "mailerdaemon",
            "postmaster",
            "nobody",
        ]
        .iter()
        .any(|name| local.starts_with(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::EmailAddress;
    use crate::domain::incoming::{Correspondent, DeliveryReport, RobotSigns};
    use crate::domain::text::CleanLine;

    fn mail(from: &str, robot: RobotSigns) -> IncomingMail {
        IncomingMail {
            from: vec![Correspondent {
                address: EmailAddress::parse(from),
                name: CleanLine::default(),
            }],
            robot,
            ..IncomingMail::default()
        }
    }

    #[test]
    fn a_report_is_recognised_before_an_automatic_answer() {
        let mut report = mail(
            "mailer-daemon@x.test",
            RobotSigns {
                auto_submitted: Some("auto-replied".into()),
                ..RobotSigns::default()
            },
        );
        report.report = Some(DeliveryReport::default());
        assert_eq!(author(&report), Author::DeliveryReport);
    }

    #[test]
    fn signs_decide() {
        let none = RobotSigns::default;
        let check = |signs: RobotSigns, want: Author| {
            assert_eq!(
                author(&mail("rita@family.test", signs.clone())),
                want,
                "{signs:?}"
            )
        };
        check(none(), Author::Person);
        check(
            RobotSigns {
                auto_submitted: Some("no".into()),
                ..none()
            },
            Author::Person,
        );
        check(
            RobotSigns {
                auto_submitted: Some("auto-replied".into()),
                ..none()
            },
            Author::Automatic("Auto-Submitted"),
        );
        check(
            RobotSigns {
                null_return_path: true,
                ..none()
            },
            Author::Person,
        );
        check(
            RobotSigns {
                list: true,
                ..none()
            },
            Author::List,
        );
        check(
            RobotSigns {
                precedence: Some("bulk".into()),
                ..none()
            },
            Author::List,
        );
        check(
            RobotSigns {
                auto_reply_header: true,
                ..none()
            },
            Author::Automatic("X-Autoreply"),
        );
    }

    #[test]
    fn some_addresses_are_read_by_nobody() {
        assert!(nobody_reads(&mail(
            "no-reply@x.test",
            RobotSigns::default()
        )));
        assert!(nobody_reads(&mail(
            "NoReply+x@x.test",
            RobotSigns::default()
        )));
        assert!(!nobody_reads(&mail("rita@x.test", RobotSigns::default())));
    }
}
