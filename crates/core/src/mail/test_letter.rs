//! The letter of `check --send`. It belongs to no ticket and stands in no outbox; where it comes back to the desk, its From and
//! Auto-Submitted tell that it is the desk's own.

use chrono::{DateTime, Utc};
use minijinja::context;

use super::compose::{Draft, NotComposable};
use super::wording::Wording;
use crate::domain::address::EmailAddress;
use crate::domain::language::Language;
use crate::domain::text::CleanLine;

/// Returns the letter in words. `nonce` tells it from others, in its Message-ID and nowhere else.
pub fn draft(
    desk: &str,
    from: &EmailAddress,
    to: &EmailAddress,
    nonce: u64,
    language: Language,
    now: DateTime<Utc>,
) -> Result<Draft, NotComposable> {
    let wording = Wording::new(language);
    let facts = || context! { desk, from => from.as_str() };
    let subject = wording.text("check_subject", facts())?;
    Ok(Draft {
        message_id: format!("check.{nonce:016x}@{}", from.domain()),
        references: Vec::new(),
        from_name: CleanLine::new(desk, 100),
        from: from.clone(),
        to_name: CleanLine::default(),
        to: to.clone(),
        subject: CleanLine::new(&subject, 240),
        text: wording.text("check", facts())?,
        language: language.tag(),
        fields: vec![
            ("Auto-Submitted", CleanLine::new("auto-generated", 40)),
            ("X-Auto-Response-Suppress", CleanLine::new("All", 40)),
        ],
        files: Vec::new(),
        date: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::robot::{self, Author};
    use crate::mail::{compose, parse};
    use crate::smtp::check_outgoing;

    #[test]
    fn it_says_in_either_language_who_writes_and_that_a_program_does() {
        let address = |text| EmailAddress::parse(text).expect("an address");
        let (help, rita) = (address("help@school.test"), address("rita@family.test"));
        let now = "2026-11-26T09:00:00Z".parse().expect("an instant");
        for (language, words) in [
            (Language::Ru, "пробное письмо"),
            (Language::En, "a test letter"),
        ] {
            let draft = draft("АИС", &help, &rita, 7, language, now).expect("words");
            let raw = compose::compose(&draft).expect("a mail");
            assert_eq!(check_outgoing(&raw), Ok(()));
            let mail = parse::parse(&raw);
            assert_eq!(mail.sender(), Some(&help));
            assert_eq!(mail.message_id, "check.0000000000000007@school.test");
            assert_eq!(robot::judge(&mail).author, Author::AutomaticAnswer);
            assert!(mail.body.as_str().contains(words), "{:?}", mail.body);
            assert!(mail.subject.as_str().contains("help@school.test"));
        }
    }
}
