//! The words of reports: who writes them, how they are headed, and what they say, in the languages mail systems speak.

use super::super::headers;
use super::super::mime::Message;

/// The part of an address before the `@` that is a mail system's, without signs.
const SYSTEM_ADDRESSES: &[&str] = &[
    "mailerdaemon",
    "maildaemon",
    "mdaemon",
    "mailsystem",
    "maildelivery",
];
/// What people have too.
const SHARED_ADDRESSES: &[&str] = &["postmaster", "mailer", "mailadmin"];
/// Names beside such addresses.
#[rustfmt::skip]
const SYSTEM_NAMES: &[&str] = &[
    "mail delivery", "mailer-daemon", "mailer daemon", "mail administrator", "system administrator", "mail system", "postmaster",
    "mail gateway", "delivery subsystem", "internet mail delivery", "mail router", "mdaemon", "microsoft outlook", "системный администратор",
    "почтовая система", "mail deliver system",
];
/// What subjects of reports hold.
#[rustfmt::skip]
const SUBJECTS: &[&str] = &[
    "undeliver", "delivery status", "delivery fail", "delivery has failed", "mail delivery", "delivery notification", "delivery report",
    "delivery problem", "delivery error", "failure notice", "failure delivery", "failed mail", "failed delivery", "mail failure", "returned mail", "returned to sender", "returned message",
    "mail returned", "mail failed", "returning to sender", "message failed", "returning message", "return receipt", "nondeliver", "non-deliver", "non deliver", "not delivered", "delayed mail", "could not send",
    "could not be delivered", "could not be sent", "couldn't be delivered", "cannot be delivered", "cannot send", "unable to deliver", "mail system error", "mail error", "error mail",
    "error sending", "message status", "message delivery", "message error", "email delivery", "e-mail delivery", "delivery delay", "delivery is delayed",
    "delayed delivery", "delivery was delayed", "bounce", "undeliverable", "unknown user", "user unknown", "unknown address", "invalid recipient", "permanent error", "mail not", "there was an error sending",
    "не доставлен", "недоставлен", "сбой доставки", "сбой при доставке", "ошибка доставки", "доставка не", "доставка отложена", "доставка задерж", "задержка доставки",
    "о доставке", "состоянии доставки", "статусе доставки", "не может быть доставлен", "невозможно доставить", "не удалось доставить", "unzustellbar", "zustellung",
    "nicht zugestellt", "échec", "non remis", "non distribu", "no se pudo entregar", "devuelto", "devolvid", "não entregue",
];
/// The same where letters do not count in words.
const SUBJECTS_MORE: &[&str] = &[
    "mancata consegna",
    "non consegnat",
    "onbestelbaar",
    "kunde inte levereras",
    "niedostarcz",
    "退信",
    "发送失败",
    "无法送达",
    "配信不能",
    "未送达",
    "送信エラー",
];
/// What reports say of the letter.
#[rustfmt::skip]
const FAILURES: &[&str] = &[
    "could not be delivered", "couldn't be delivered", "cannot be delivered", "can't be delivered", "can not be delivered", "was not delivered", "were not delivered", "not be delivered",
    "not been delivered", "could not deliver", "couldn't deliver", "cannot deliver", "unable to deliver", "able to deliver", "undeliverable", "undelivered", "delivery failed",
    "delivery has failed", "has failed", "delivery failure", "failed to deliver", "delivery to the following", "did not reach", "did not receive this message", "not reach the following",
    "delivery error", "returned mail", "returned to sender", "returning message to sender", "being returned", "is returned", "has been returned", "was returned", "was rejected", "been rejected", "could not be sent", "could not send",
    "couldn't be sent", "can't be sent", "unable to send", "non-delivery", "nondeliver", "non-deliverable", "failed recipient", "following address(es) failed", "following addresses failed",
    "following addresses had", "had permanent", "permanent fatal error", "had transient", "delivery temporarily suspended", "delivery was attempted", "is not accepted", "not accepting mail", "no mailbox", "error has occurred while", "error occurred while",
    "error during delivery", "following errors", "following error", "message delayed", "delayed mail", "has been delayed", "is delayed", "delivery delayed", "still being retried", "not yet been delivered",
    "will keep trying", "continue to try", "will be retried", "wasn't delivered", "isn't deliver", "hasn't been delivered", "your message to", "address not found",
    "не может быть доставлен", "не могут быть доставлен", "не доставлен", "недоставлен", "не удалось доставить", "не удается доставить", "не удаётся доставить", "невозможно доставить", "доставка не удалась",
    "сбой доставки", "ошибка доставки", "не была доставлена", "не было доставлено", "задержка доставки", "доставка сообщения", "доставить сообщение", "доставить письмо", "konnte nicht zugestellt", "nicht zugestellt",
    "unzustellbar", "konnte nicht übermittelt", "n'a pas pu être", "n'a pas été remis", "non remis",
];
/// The same in more languages.
#[rustfmt::skip]
const FAILURES_MORE: &[&str] = &[
    "no se pudo entregar", "no pudo ser entregado", "no ha podido ser entregado", "no se ha podido entregar", "no ha sido entregado", "não pôde ser entregue", "não foi entregue",
    "não foi possível entregar", "nao foi possivel entregar", "non è stato possibile", "non è stato recapitato", "non può essere consegnato", "kon niet worden", "niet afgeleverd", "kunde inte levereras", "kunne ikke leveres",
    "nie mógł zostać dostarczon", "nie można dostarczyć", "无法发送", "无法送达", "發送失敗", "配信できません", "届けることができません", "送信できません", "无法投递",
];
/// What tells a letter that is late from one that is lost.
#[rustfmt::skip]
const DELAYS: &[&str] = &[
    "will keep trying", "continue to try", "still being retried", "will be retried", "not yet been delivered", "has been delayed", "is delayed", "delivery delay", "delayed mail", "message delayed",
    "delayed delivery", "delivery is delayed", "warning only", "do not need to resend", "no need to resend", "need not resend", "not yet delivered", "retry until", "повторные попытки", "попытки доставки будут",
    "задерж", "отложена", "verzögert", "retardé",
];
/// Lines after which a copy of the letter comes.
#[rustfmt::skip]
const COPIES: &[&str] = &[
    "below this line is a copy", "below the next line is a copy", "a copy of the message", "copy of your message", "copy of the message", "copy of the original", "copy of the mail", "original message", "returned message", "returned mail",
    "unsent message", "old message", "failed message", "undelivered message", "original mail", "message header", "header of the", "headers of the", "the header", "start of returned", "message follows", "begin of message",
    "mail follows", "text of message", "копия", "исходное сообщение", "исходного письма", "исходного сообщения", "исходное письмо", "originalnachricht", "ursprüngliche nachricht",
];

/// How much the sender looks like a mail system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum System {
    /// Not at all.
    No,
    /// By a name, or by an address that people have too: postmasters write letters.
    Perhaps,
    /// By an address that is nobody's.
    Certain,
}

/// Returns how much the sender looks like a mail system, by address and name.
pub(super) fn mail_system(message: &Message<'_>) -> System {
    let raw = message.text_field("From").unwrap_or_default();
    let from = headers::from(message);
    let first = from.first();
    let name = first.map(|from| from.name.as_str().to_lowercase());
    let address = first.and_then(|from| from.address.as_ref());
    let local: String = address
        .map_or(raw.as_str(), |address| address.local())
        .split('@')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let local = local.to_ascii_lowercase();
    if SYSTEM_ADDRESSES.contains(&local.as_str())
        || raw.trim() == "<>"
        || raw.trim_end().ends_with(" <>")
    {
        System::Certain
    } else if SHARED_ADDRESSES.contains(&local.as_str())
        || name.is_some_and(|name| contains(&name, SYSTEM_NAMES))
    {
        System::Perhaps
    } else {
        System::No
    }
}

/// Whether a subject is that of a report.
pub(super) fn subject_reports(subject: &str) -> bool {
    let subject = subject.to_lowercase();
    contains(&subject, SUBJECTS) || contains(&subject, SUBJECTS_MORE)
}

/// Whether the words say that a letter did not arrive, or is late.
pub(super) fn tells_of_failure(told: &str) -> bool {
    let told = joined(told);
    contains(&told, FAILURES) || contains(&told, FAILURES_MORE)
}

/// Whether somebody asks, greets, thanks or tells something of himself, as no mail system does.
pub(super) fn sounds_personal(told: &str) -> bool {
    #[rustfmt::skip]
    const PERSONAL: &[&str] = &[
        "я", "мне", "меня", "мной", "помогите", "подскажите", "прошу", "просьба", "коллеги", "здравствуйте", "привет", "добрый", "спасибо", "i", "me", "my", "hello", "dear", "thanks",
    ];
    told.contains('?') || has_word(told, PERSONAL)
}

/// Whether several people tell something of themselves. Mail systems say "we" too.
pub(super) fn sounds_of_several(told: &str) -> bool {
    has_word(told, &["мы", "нам", "нас", "we"])
}

fn has_word(told: &str, words: &[&str]) -> bool {
    told.split(|c: char| !c.is_alphanumeric())
        .any(|word| words.contains(&word.to_lowercase().as_str()))
}

/// Whether a line is an address and nothing else, or names a recipient.
pub(super) fn has_address_line(told: &str) -> bool {
    const RECIPIENT: &[&str] = &[
        "recipient",
        "получател",
        "адресат",
        "empfänger",
        "destinataire",
        "destinatario",
    ];
    told.lines().any(|line| {
        let bare = line.trim().trim_matches(['<', '>', '"', '*', ' ']);
        let is_address = crate::domain::address::EmailAddress::parse(bare).is_some();
        line.contains('@')
            && (is_address || line.len() < 120 && contains(&line.to_lowercase(), RECIPIENT))
    })
}

/// Whether the words say that the letter is late and still tried.
pub(super) fn tells_of_delay(told: &str) -> bool {
    contains(&joined(told), DELAYS)
}

/// Whether a copy of the letter comes after this line: such words between signs, or as a line of its own.
pub(super) fn announces_a_copy(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    let is_marked = line.starts_with(['-', '=', '*', '_', '#', '+', '|', '~'])
        || line.ends_with(':')
        || line.ends_with("--");
    line.len() < 120 && is_marked && contains(&line, COPIES)
}

/// Whether there is a reply of a mail server: a code of three digits with words, or an enhanced code (RFC 3463).
pub(super) fn has_reply_code(told: &str) -> bool {
    reply_class(told).is_some()
}

/// Returns the class of the last reply code in a text: `4` or `5`.
pub(super) fn reply_class(text: &str) -> Option<char> {
    codes(text).last().and_then(|code| code.chars().next())
}

/// Returns the last enhanced status code of a failure in a text (RFC 3463): `5.1.1`; empty if there is none.
pub(super) fn enhanced_code(text: &str) -> &str {
    codes(text)
        .filter(|code| code.contains('.'))
        .last()
        .unwrap_or_default()
}

/// The codes in a text, basic and enhanced, of failures.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || "<>()[]{},;:\"'#=-".contains(c));
    words.filter_map(|word| {
        let bytes = word.as_bytes();
        let is_code = bytes.len() == 3 && bytes.iter().all(u8::is_ascii_digit);
        let bare = word.trim_end_matches('.');
        let mut numbers = bare.split('.');
        let is_number = |part: Option<&str>| {
            part.is_some_and(|part| {
                (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
            })
        };
        let is_enhanced = bytes.len() >= 5
            && numbers
                .next()
                .is_some_and(|class| matches!(class, "4" | "5"))
            && is_number(numbers.next())
            && is_number(numbers.next())
            && numbers.next().is_none();
        // 421, 45x, 50x, 55x are replies; other numbers are not.
        let is_reply = is_code
            && (word == "421"
                || word.starts_with("45")
                || word.starts_with("50")
                || word.starts_with("55"));
        (is_enhanced || is_reply).then_some(bare)
    })
}

fn contains(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase))
}

/// Lower case, with single spaces for line ends and runs of spaces: phrases are wrapped anywhere.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(&word.to_lowercase().replace('’', "'"));
    }
    joined
}
