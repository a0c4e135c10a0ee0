//! Is it a person? Evidence from the header, strongest first. A person's letter taken for a robot's is lost to the
//! writer, so signs that colleagues' letters carry too (a list, a null return path) never decide alone.

use super::incoming::IncomingMail;

/// Who wrote a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A person, as far as can be told.
    Person,
    /// A person who invites to a meeting (RFC 5546 section 3.2.2): a request like another.
    Invitation,
    /// A mailing list or a mass mailing: worth a ticket, never worth a receipt.
    List,
    /// A mail system reporting on a letter of ours (RFC 3464). Judged before automatic answers: reports carry their
    /// signs too.
    DeliveryReport,
    /// A program answering by itself (RFC 3834).
    AutomaticAnswer,
    /// A program saying that a letter was shown (RFC 8098).
    ReadReceipt,
    /// A provider passing on a complaint (RFC 5965).
    AbuseReport,
    /// A calendar program accepting or declining (RFC 5546 section 3.2.3).
    CalendarAnswer,
}

impl Author {
    /// Returns whether a program wrote by itself: such a letter is kept and never answered, and reopens nothing.
    pub fn is_robot(self) -> bool {
        match self {
            Author::Person | Author::Invitation | Author::List => false,
            Author::DeliveryReport
            | Author::AutomaticAnswer
            | Author::ReadReceipt
            | Author::AbuseReport
            | Author::CalendarAnswer => true,
        }
    }
}

/// Who wrote a letter, and by what that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Who.
    pub author: Author,
    /// The sign that decided, for the operator; empty for a person.
    pub evidence: String,
}

/// Returns who wrote `mail`, and why we think so.
pub fn judge(mail: &IncomingMail) -> Judgement {
    let by = |author, evidence: &str| Judgement {
        author,
        evidence: evidence.to_owned(),
    };
    if let Some(report) = &mail.report {
        return by(Author::DeliveryReport, &report.evidence);
    }
    let signs = &mail.robot;
    if signs.read_receipt {
        return by(Author::ReadReceipt, "a disposition notification");
    }
    // RFC 3834 section 5: every value but `no` is automatic.
    if let Some(value) = signs.auto_submitted.as_deref()
        && value != "no"
    {
        return by(Author::AutomaticAnswer, &format!("Auto-Submitted: {value}"));
    }
    if signs.auto_reply_header {
        return by(Author::AutomaticAnswer, "X-Autoreply");
    }
    if !mail.references.is_empty() && says_automatic(mail.subject.as_str()) {
        return by(
            Author::AutomaticAnswer,
            "the subject of an automatic answer",
        );
    }
    match signs.precedence.as_deref() {
        Some("auto_reply") => return by(Author::AutomaticAnswer, "Precedence: auto_reply"),
        Some(value @ ("bulk" | "junk" | "list")) => {
            return by(Author::List, &format!("Precedence: {value}"));
        }
        _ => {}
    }
    let from_system = mail
        .sender()
        .is_some_and(|sender| sender.local() == "mailer-daemon");
    if from_system && signs.null_return_path {
        return by(
            Author::AutomaticAnswer,
            "mailer-daemon with a null return path",
        );
    }
    if signs.list {
        by(Author::List, "List-Id")
    } else {
        by(Author::Person, "")
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
        assert_eq!(judge(&report).author, Author::DeliveryReport);
    }

    #[test]
    fn signs_decide() {
        let none = RobotSigns::default;
        let check = |signs: RobotSigns, want: Author| {
            assert_eq!(
                judge(&mail("rita@family.test", signs.clone())).author,
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
            Author::AutomaticAnswer,
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
            Author::AutomaticAnswer,
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
