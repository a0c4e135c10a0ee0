//! What is understood of a letter, and why: `ninetosix-poller explain`.

use chrono_tz::Tz;
use serde::Serialize;

use super::invitation::tell_invitation;
use super::moment::Moments;
use super::parse::parse;
use super::wording::{Wording, WordingError};
use crate::domain::incoming::{Fate, IncomingMail};
use crate::domain::language::Language;
use crate::domain::reply_text::{self, ReplyContext, new_words};
use crate::domain::robot::{Author, judge};
use crate::domain::verdict::{Verdict, VerdictSource, verdict};

/// What is understood of one letter. The names are fixed: scripts read them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The address it is from, else the one that is answered; empty where there is neither.
    pub from: String,
    /// The name beside it.
    pub from_name: String,
    /// Its subject, decoded.
    pub subject: String,
    /// All words a reader sees, quotations included.
    pub text: String,
    /// The words its author wrote now.
    pub reply_text: String,
    /// Whether those words are certainly his and all of his.
    pub reply_certain: bool,
    /// `human`, `auto_reply`, `bounce`, `list`, `calendar`, `receipt`, `abuse` or `own`.
    pub kind: &'static str,
    /// The sign that told the kind; empty for a person.
    pub evidence: String,
    /// Name and decoded size in bytes of each file; the name is empty where the sender gave none.
    pub attachments: Vec<(String, u64)>,
    /// For a delivery report, whom the letter did not reach.
    pub bounce_recipients: Vec<String>,
    /// For a delivery report, whether trying again is of no use.
    pub bounce_permanent: Option<bool>,
    /// For a delivery report, the Message-ID of the letter it is about.
    pub original_message_id: Option<String>,
    /// Its Message-ID; one made from the content where it has none.
    pub message_id: String,
    /// The Message-IDs it refers to, In-Reply-To first.
    pub thread: Vec<String>,
    /// The fields that servers added on its way, the newest first.
    pub trace: Vec<String>,
    /// What the mail server says of its sender, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// What a reader should know about how it was read.
    pub notes: Vec<String>,
}

/// Whom the letter is from, or what stands there instead of an address; where that is nobody or several, whom to answer.
fn from(mail: &IncomingMail) -> String {
    let other = || mail.answer_to.as_ref().map(ToString::to_string);
    match mail.from.as_slice() {
        [only] => {
            let spelled = Some(only.spelled.as_str().to_lowercase()).filter(|it| !it.is_empty());
            let address = only.address.as_ref().map(ToString::to_string);
            address.or(spelled).or_else(other)
        }
        _ => other(),
    }
    .unwrap_or_default()
}

/// Explains letters in the words of a desk.
#[derive(Debug)]
pub struct Explainer {
    wording: Wording,
    moments: Moments,
    source: Option<VerdictSource>,
}

/// One for a desk in Moscow that speaks Russian.
impl Default for Explainer {
    fn default() -> Explainer {
        Explainer::new(Language::Ru, Tz::Europe__Moscow)
    }
}

impl Explainer {
    /// Returns one for a desk that speaks `language` and lives in `zone`.
    pub fn new(language: Language, zone: Tz) -> Explainer {
        Explainer {
            wording: Wording::new(language),
            moments: Moments { language, zone },
            source: None,
        }
    }

    /// Returns one that also says what `source` says of senders.
    pub fn trusting(self, source: Option<VerdictSource>) -> Explainer {
        Explainer { source, ..self }
    }

    fn verdict(&self, mail: &IncomingMail) -> Option<String> {
        let source = self.source.as_ref()?;
        let verdict = mail
            .sender()
            .map_or(Verdict::Absent("From is not one plain address"), |sender| {
                verdict(&mail.trace, sender, source)
            });
        Some(verdict.to_string())
    }

    /// Returns what is understood of the letter `raw`. Whether it is the desk's own is for `is_own` to say.
    ///
    /// # Errors
    /// If a text of the desk cannot be rendered.
    pub fn explain(
        &self,
        raw: &[u8],
        is_own: impl Fn(&IncomingMail) -> bool,
    ) -> Result<Explanation, WordingError> {
        let mut mail = parse(raw);
        tell_invitation(&mut mail, &self.wording, self.moments)?;
        let judgement = judge(&mail);
        let author = mail.sender_name();
        let context = ReplyContext {
            author: author.as_str(),
            is_reply: mail.is_reply() || mail.is_forward(),
        };
        let reply = reply_text::reply_text(mail.body.as_str(), context);
        let reply_text = new_words(mail.body.as_str(), context);
        let report = mail.report.as_ref();
        Ok(Explanation {
            from: from(&mail),
            from_name: mail.sender_name().as_str().to_owned(),
            subject: mail.subject.as_str().to_owned(),
            text: mail.body.as_str().to_owned(),
            // The same words, when what only the record leaves out is left out of both.
            reply_certain: reply
                .certain()
                .is_some_and(|own| own == reply_text || new_words(own, context) == reply_text),
            reply_text,
            kind: if is_own(&mail) {
                "own"
            } else {
                kind(judgement.author)
            },
            evidence: judgement.evidence,
            attachments: files(&mail),
            bounce_recipients: report
                .map(|report| report.recipients.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            bounce_permanent: report.and_then(|report| match report.fate {
                Fate::FailedForGood => Some(true),
                Fate::FailedForNow | Fate::Delayed => Some(false),
                Fate::Delivered => None,
            }),
            original_message_id: report
                .and_then(|report| report.original_message_ids.first().cloned()),
            message_id: mail.message_id.clone(),
            thread: mail.references.clone(),
            trace: mail.trace.iter().map(ToString::to_string).collect(),
            verdict: self.verdict(&mail),
            notes: mail.notes.iter().map(ToString::to_string).collect(),
        })
    }
}

fn kind(author: Author) -> &'static str {
    match author {
        Author::Person => "human",
        Author::Invitation | Author::CalendarAnswer => "calendar",
        Author::List => "list",
        Author::DeliveryReport => "bounce",
        Author::AutomaticAnswer => "auto_reply",
        Author::ReadReceipt => "receipt",
        Author::AbuseReport => "abuse",
    }
}

fn files(mail: &IncomingMail) -> Vec<(String, u64)> {
    let files = mail.attachments.iter();
    files
        .map(|file| {
            let name = file.is_named.then(|| file.name.clone());
            (name.unwrap_or_default(), file.size_bytes)
        })
        .collect()
}
