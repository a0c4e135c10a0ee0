//! Is it a person? Evidence from the header, strongest first. A person's letter taken for a robot's is lost to the
//! writer, so signs that colleagues' letters carry too (a List-Id, a null return path) never decide alone, and a list costs a
//! receipt at most.

use super::incoming::IncomingMail;
use super::subject::split_prefixes;

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
    let signs = &mail.robot;
    if signs.feedback {
        return by(Author::AbuseReport, "a feedback report");
    }
    if let Some(report) = &mail.report {
        return by(Author::DeliveryReport, &report.evidence);
    }
    if signs.read_receipt {
        return by(Author::ReadReceipt, "a disposition notification");
    }
    let method = mail.invitation.as_ref().map(|it| it.method.as_str());
    if let Some(method) = method
        && matches!(method, "reply" | "counter" | "declinecounter" | "refresh")
    {
        return by(Author::CalendarAnswer, &format!("METHOD:{method}"));
    }
    if let Some(evidence) = automatic(mail) {
        return by(Author::AutomaticAnswer, &evidence);
    }
    if let Some(method @ ("request" | "publish" | "add" | "cancel")) = method {
        return by(Author::Invitation, &format!("METHOD:{method}"));
    }
    match signs.precedence.as_deref() {
        Some(value @ ("bulk" | "junk" | "list")) => {
            by(Author::List, &format!("Precedence: {value}"))
        }
        // Firms put List-Unsubscribe on letters of their people too; an answer through no list is a person's.
        _ if signs.list && (signs.list_id || mail.references.is_empty()) => {
            by(Author::List, "List-Unsubscribe")
        }
        // A List-Id alone is what a colleague's letter through a list looks like.
        _ => by(Author::Person, ""),
    }
}

/// By what a letter is a program's answer, in words.
fn automatic(mail: &IncomingMail) -> Option<String> {
    let signs = &mail.robot;
    // RFC 3834 section 5: every value but `no` is automatic.
    if let Some(value) = signs.auto_submitted.as_deref()
        && value != "no"
    {
        return Some(format!("Auto-Submitted: {value}"));
    }
    if let Some(field) = signs.auto_reply_field {
        return Some(field.to_owned());
    }
    if let Some(value @ ("auto_reply" | "auto-reply")) = signs.precedence.as_deref() {
        return Some(format!("Precedence: {value}"));
    }
    let from_system = mail
        .sender()
        .is_some_and(|sender| sender.local() == "mailer-daemon");
    if from_system && (signs.null_return_path || signs.null_sender) {
        return Some("mailer-daemon with a null return path".to_owned());
    }
    let subject = mail.subject.as_str().to_lowercase();
    let own = own_words(mail.body.as_str());
    let told = || holds(&own, ABSENCE_WORDS);
    let is_bulk = matches!(signs.precedence.as_deref(), Some("bulk" | "junk"));
    let half = signs.null_return_path || is_bulk;
    let is_answer = !mail.references.is_empty();
    // People tell of such pages too: only beside a sign in the header.
    if half && holds(&own, CHALLENGES) {
        return Some("a challenge to prove that a person wrote".to_owned());
    }
    // A desk's receipt for a letter of ours. A form on a page writes for a person, who is named in Reply-To.
    let is_unread = nobody_reads(mail) || is_bulk;
    if is_unread
        && !signs.answers_elsewhere
        && holds(&own, RECEIVED)
        && holds(&own, TAKEN_IN)
        && holds(&own, AUTOMATIC)
    {
        return Some("a receipt that nobody wrote, from where nobody reads".to_owned());
    }
    // Words are second evidence: to what a header says by halves, to a letter that this one answers, to one another. A
    // subject behind `Re:` is the answered letter's.
    let evidence = if is_headed(&subject, PROGRAM_SUBJECTS) {
        let is_second = half || signs.suppresses_answers || (is_answer || told()) && !asks(&own);
        is_second.then_some("the subject of an automatic answer, and a second sign")
    } else if begins(&subject, ABSENCE_SUBJECTS) {
        let is_put_before = repeats_a_subject(&subject) && (is_answer || signs.suppresses_answers);
        // A null return path is what forwarders leave on people's letters too, and people ask.
        let is_sent_so = is_bulk || signs.null_return_path && (is_answer || told() || !asks(&own));
        let is_second = is_sent_so || (is_answer && told()) || is_put_before;
        is_second.then_some("the subject of an absence, and a second sign")
    } else {
        (half && is_answer && told()).then_some("the words of an absence, and a sign in the header")
    };
    evidence.map(str::to_owned)
}

/// How only programs begin a subject.
#[rustfmt::skip]
const PROGRAM_SUBJECTS: &[&str] = &[
    "автоответ", "автоматический ответ", "автоматическое уведомление", "автоматическое сообщение", "уведомление об отсутствии", "out of office", "automatic reply", "autoreply", "auto-reply", "auto reply", "autoresponse",
    "auto response", "automated reply", "automatic response", "auto:", "automatische antwort", "réponse automatique", "respuesta automática", "resposta automática", "risposta automatica", "automatisch antwoord",
    "autosvar", "odpowiedź automatyczna", "автоматична відповідь", "аўтаматычны адказ",
];
/// How programs and people begin a subject about being away.
#[rustfmt::skip]
const ABSENCE_SUBJECTS: &[&str] = &[
    "нет на месте", "нет на рабочем месте", "вне офиса", "отсутствие на рабочем месте",
    "меня нет", "отсутствую", "в отпуске", "отпуск", "я в отпуске", "нахожусь в отпуске", "отсутствие на работе",
    "out of the office", "vacation", "on vacation", "away from my mail",
    "away:", "abwesenheit", "abwesend", "absence du bureau", "absence", "fuera de la oficina", "ausencia",
    "ausência", "fuori sede", "fuori ufficio", "afwezig", "frånvaro", "fravær", "autoodpowiedź", "poza biurem",
];
/// What programs say of whoever is away, and of themselves.
#[rustfmt::skip]
const ABSENCE_WORDS: &[&str] = &[
    "я в отпуске", "нахожусь в отпуске", "буду в отпуске", "меня не будет", "меня нет на", "отсутствую на рабочем", "отсутствую в офисе", "буду отсутствовать", "на больничном", "в командировке", "нахожусь вне офиса",
    "это автоматический ответ", "это автоматическое", "ответ сформирован автоматически", "письмо сформировано автоматически", "сообщение сформировано автоматически", "автоматически сформирован", "на время моего отсутствия", "в мое отсутствие", "в моё отсутствие", "по возвращении", "после возвращения", "доступ к почте ограничен", "ваше письмо получено и будет",
    "out of office", "out of the office", "on vacation", "on holiday", "annual leave", "maternity leave", "away from my", "limited access to e", "no access to e", "this is an automat", "this is an auto", "automated response", "automatically generated", "i am away", "i'm away", "will be back on", "will return on",
    "bin ich nicht", "nicht im büro", "im urlaub", "bis zum", "außer haus", "je suis absent", "en congé", "actuellement absent", "absent du bureau", "estoy fuera", "fuera de la oficina", "de vacaciones", "estarei ausente", "estou ausente", "de férias",
    "sono fuori", "sarò assente", "in ferie", "ik ben afwezig", "met vakantie", "jestem na urlopie", "nieobecn", "jag är på semester", "inte på kontoret", "я у відпустці", "у відпустці",
];
/// What a desk's receipt says of the letter it got.
#[rustfmt::skip]
const RECEIVED: &[&str] = &[
    "ваше обращение", "ваша заявка", "вашу заявку", "ваш запрос", "ваше письмо", "ваше сообщение", "вашему обращению", "вашей заявке", "вашему запросу", "обращение зарегистрировано", "заявка зарегистрирована", "запрос зарегистрирован",
    "your request", "your message", "your ticket", "your email", "your e-mail", "your inquiry", "a ticket has been", "ihre anfrage", "votre demande", "su solicitud", "ваш запит", "ваше звернення", "twoje zgłoszenie",
];
/// What became of it.
#[rustfmt::skip]
const TAKEN_IN: &[&str] = &[
    "принят", "получен", "получили", "зарегистрирован", "поступил", "присвоен", "создан", "received", "registered", "created", "logged", "opened", "assigned", "erhalten", "reçu", "recibid", "отримано", "zarejestrowan", "przyjęt",
];
/// And of itself.
#[rustfmt::skip]
const AUTOMATIC: &[&str] = &[
    "это автоматическое", "сформировано автоматически", "автоматически сформирован", "отправлено автоматически", "создано автоматически", "отвечать на него не нужно", "отвечать на него не надо", "не отвечайте на это", "просим не отвечать", "не нужно отвечать",
    "this is an auto", "automatically generated", "automated message", "automated response", "generated automatically", "do not reply to this", "do not respond to this", "automatisch generiert", "automatisch erstellt", "message automatique", "nie odpowiadaj", "no responda",
];
/// What programs that let no stranger through ask for.
#[rustfmt::skip]
const CHALLENGES: &[&str] = &[
    "confirm that you are", "verify that you are", "verify your e-mail address to", "confirm your e-mail address to deliver", "to release your message", "approve your message", "spam arrest", "boxbe", "challenge/response", "your message is waiting", "has not been delivered yet because you are not",
    "подтвердите, что вы не робот", "подтвердите отправку письма", "для доставки письма перейдите", "чтобы ваше письмо было доставлено",
];
/// An answer of a program comes to its point at once; further down a person may tell of anything.
const ABSENCE_CHARS: usize = 1500;

/// Whether a subject begins with one of `beginnings`.
fn begins(subject: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|words| subject.starts_with(words))
}

/// Whether a subject is one of `beginnings`, or goes on as programs go on: a sign, or a word such as "from". "Out of office
/// rule question" is a person's.
fn is_headed(subject: &str, beginnings: &[&str]) -> bool {
    #[rustfmt::skip]
    const CONTINUATIONS: [&str; 20] = [
        "re", "from", "to", "for", "on", "until", "till", "autoreply", "auto", "reply", "notification", "message", "на", "от", "до", "для", "с", "von", "auf", "bis",
    ];
    beginnings.iter().any(|words| {
        let Some(rest) = subject.strip_prefix(words) else {
            return false;
        };
        let word = rest
            .split(|c: char| !c.is_alphanumeric())
            .find(|word| !word.is_empty());
        let rest = rest.trim_start();
        let goes_on_in_words =
            rest.starts_with(|c: char| c.is_alphanumeric() || "-—–,".contains(c));
        words.ends_with(':')
            || !goes_on_in_words
            || word.is_some_and(|word| CONTINUATIONS.contains(&word))
    })
}

/// Whether a subject is put before the one it answers: "Away: Re: Grades". People write behind "Re:".
fn repeats_a_subject(subject: &str) -> bool {
    let Some((_, rest)) = subject.split_once(':') else {
        return false;
    };
    split_prefixes(rest.trim_start()).0.is_some()
}

/// The beginning of the words of `body` without quotations, by marks or between quotation marks, lower case.
fn own_words(body: &str) -> String {
    let lines = body
        .lines()
        .filter(|line| !line.trim_start().starts_with('>'));
    let words: Vec<&str> = lines
        .flat_map(str::split_whitespace)
        .take(ABSENCE_CHARS / 4)
        .collect();
    without_quoted(&words.join(" ")).to_lowercase()
}

/// A text without short pieces between quotation marks: what somebody says that others wrote.
fn without_quoted(text: &str) -> String {
    const QUOTED_CHARS: usize = 120;
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['«', '“', '"', '„']) {
        kept.push_str(&rest[..at]);
        let mark = rest[at..].chars().next().unwrap_or_default();
        let inside = &rest[at + mark.len_utf8()..];
        let is_end =
            |c: char| matches!((mark, c), ('«', '»') | ('“', '”') | ('"', '"') | ('„', '“'));
        let near = inside.char_indices().take(QUOTED_CHARS);
        match near.clone().find(|(_, c)| is_end(*c)) {
            Some((end, c)) => rest = &inside[end + c.len_utf8()..],
            None => {
                kept.push(mark);
                rest = inside;
            }
        }
    }
    kept.push_str(rest);
    kept
}

/// Whether somebody asks, as no program does that says who is away.
fn asks(words: &str) -> bool {
    const ASKING: &[&str] = &["?", "подскажите", "помогите", "проверьте", "не могу"];
    holds(words, ASKING)
}

/// Whether one of `phrases` stands in `words`.
fn holds(words: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| words.contains(phrase))
}

/// Returns whether the sender's address says that nobody reads it.
pub fn nobody_reads(mail: &IncomingMail) -> bool {
    mail.correspondent().is_some_and(|sender| {
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
                ..Correspondent::default()
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
                list_id: true,
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
                auto_reply_field: Some("X-Autoreply"),
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
