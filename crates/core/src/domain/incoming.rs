//! A letter that came in, as far as decisions need it. `mail::parse` fills it from bytes.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::address::EmailAddress;
use super::note::Note;
use super::subject::{Prefix, split_prefixes};
use super::text::{CleanLine, CleanText};
use super::verdict::TraceField;

/// The readable content of a letter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IncomingMail {
    /// Its Message-ID without brackets; made from the content where it has none.
    pub message_id: String,
    /// SHA-256 of sender, date, subject and body, in hex: with the Message-ID it tells copies from different letters.
    pub content_hash: String,
    /// Message-IDs it answers: In-Reply-To first, then References from the newest, at most 50.
    pub references: Vec<String>,
    /// The addresses of all its From fields. Only exactly one identifies anybody.
    pub from: Vec<Correspondent>,
    /// Whom to answer where From names nobody. It identifies nobody.
    pub answer_to: Option<EmailAddress>,
    /// The addresses in To and Cc.
    pub to: Vec<EmailAddress>,
    /// Its subject; empty where it has none.
    pub subject: CleanLine,
    /// The words a person would read; empty where there are none.
    pub body: CleanText,
    /// The meeting it is about, if it has a calendar part.
    pub invitation: Option<Invitation>,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// What its header says about being written by a program.
    pub robot: RobotSigns,
    /// What it reports, if it is a delivery report (RFC 3464).
    pub report: Option<DeliveryReport>,
    /// The fields that servers added on its way, the newest first.
    pub trace: Vec<TraceField>,
    /// What a reader should know about how it was read: what was cut, guessed, left closed or repaired.
    pub notes: Vec<Note>,
}

/// One address of a From field with the name beside it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Correspondent {
    /// The address; `None` where what stands there is not one plain address.
    pub address: Option<EmailAddress>,
    /// What stands where the address should, for a reader: it identifies nobody.
    pub spelled: CleanLine,
    /// The name as spelled; empty where there is none.
    pub name: CleanLine,
}

/// A file that came with a letter.
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// Index of its MIME part.
    pub part: u32,
    /// Its name: cleaned, never a path, never empty.
    pub name: String,
    /// Whether its sender named it, or the letter in it has a subject.
    pub is_named: bool,
    /// Its media type, such as `image/png`.
    pub content_type: String,
    /// Its decoded size.
    pub size_bytes: u64,
    /// SHA-256 of the decoded bytes, in hex.
    pub sha256: String,
    /// Whether it is a picture shown inside the text.
    pub inline: bool,
    /// Whether it may hold a letter of ours, as "attach the original message" does.
    pub may_quote_us: bool,
}

/// What a letter shows of being written by a program.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RobotSigns {
    /// Auto-Submitted (RFC 3834 section 5), lower case, without parameters.
    pub auto_submitted: Option<String>,
    /// Precedence, lower case.
    pub precedence: Option<String>,
    /// Whether it has a List-Id (RFC 2919). Colleagues' lists have one too.
    pub list_id: bool,
    /// Whether it has List-Unsubscribe (RFC 2369) or a kin of it.
    pub list: bool,
    /// X-Autoreply or a kin of it: the field's name.
    pub auto_reply_field: Option<&'static str>,
    /// Whether it has X-Auto-Response-Suppress. Exchange sets it on people's letters too: half a sign.
    pub suppresses_answers: bool,
    /// Whether it says that a letter was read (RFC 8098).
    pub read_receipt: bool,
    /// Whether it passes on a complaint about a letter (RFC 5965).
    pub feedback: bool,
    /// Whether its Return-Path is `<>`. Alone this proves nothing: forwarders add it to people's letters.
    pub null_return_path: bool,
    /// Whether Reply-To names another address than From.
    pub answers_elsewhere: bool,
    /// Whether its Return-Path is a mail system's.
    pub null_sender: bool,
}

/// A meeting that a letter invites to, calls off or answers for (RFC 5545).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Invitation {
    /// What is done about it (RFC 5546 section 1.4), lower case, such as `request`; empty where that is not said.
    pub method: String,
    /// What it is called.
    pub summary: CleanLine,
    /// When it begins.
    pub begins: Option<MeetingTime>,
    /// When it ends, its last day where it takes whole days.
    pub ends: Option<MeetingTime>,
    /// Where it is.
    pub place: CleanLine,
    /// Who arranges it: a name, or an address.
    pub organiser: CleanLine,
    /// What it is about.
    pub description: CleanText,
}

/// When a meeting begins or ends (RFC 5545 section 3.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeetingTime {
    /// A moment.
    Instant(DateTime<Utc>),
    /// By the clock of whoever looks: no zone is given, or none that is known.
    Local(NaiveDateTime),
    /// A whole day.
    Day(NaiveDate),
}

/// A delivery report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeliveryReport {
    /// Message-IDs found in the returned letter, without brackets.
    pub original_message_ids: Vec<String>,
    /// The recipients it speaks of.
    pub recipients: Vec<EmailAddress>,
    /// What became of the letter.
    pub fate: Fate,
    /// The enhanced status code that tells why (RFC 3463): `5.1.1`; empty where it gives none.
    pub status: String,
    /// What the receiving system answered; empty where the report does not repeat it.
    pub diagnostic: CleanLine,
    /// By what it was recognised, for the operator.
    pub evidence: String,
}

/// What a delivery report says became of a letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fate {
    /// It will never arrive at this address: class 5 (RFC 3463), or a report that says so in words.
    #[default]
    FailedForGood,
    /// It did not arrive and is not tried any more, but might another day: class 4.
    FailedForNow,
    /// It is late and still being tried.
    Delayed,
    /// It arrived, or was passed on.
    Delivered,
}

impl DeliveryReport {
    /// Returns what the mail system said, in few words.
    pub fn said(&self) -> String {
        let (status, words) = (self.status.as_str(), self.diagnostic.as_str());
        match (status.is_empty(), words.is_empty()) {
            (_, true) if status.is_empty() => "the mail system gave no reason".to_owned(),
            (_, true) => status.to_owned(),
            (false, false) if !words.contains(status) => format!("{status} {words}"),
            (_, false) => words.to_owned(),
        }
    }

    /// Returns whether it is the address that is wrong, and not this letter, its size, or what the receiving system thinks of
    /// it: class 5, subjects 0 and 1 and disabled mailboxes (RFC 3463), or a report that tells nothing more.
    pub fn is_about_address(&self) -> bool {
        let status = self.status.as_str();
        self.fate == Fate::FailedForGood
            && (status.is_empty() || status.starts_with("5.0.") || is_address_status(status))
    }
}

/// Returns whether an enhanced status code says that there is nobody at an address (RFC 3463 sections 3.2 and 3.3).
pub fn is_address_status(status: &str) -> bool {
    // Not 5.1.7 and 5.1.8, which are about the sender, nor 5.1.4, an ambiguous name.
    [
        "5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1",
    ]
    .contains(&status)
}

impl IncomingMail {
    /// Returns the one address the letter is from, or `None` if there is none or more than one.
    pub fn sender(&self) -> Option<&EmailAddress> {
        match self.from.as_slice() {
            [only] => only.address.as_ref(),
            _ => None,
        }
    }

    /// Returns whom to answer: the sender, or the address that stands for one. It identifies nobody.
    pub fn correspondent(&self) -> Option<&EmailAddress> {
        self.sender().or(self.answer_to.as_ref())
    }

    /// Returns the name beside the first From address.
    pub fn sender_name(&self) -> CleanLine {
        self.from
            .first()
            .map(|from| from.name.clone())
            .unwrap_or_default()
    }

    /// Returns whether the subject says the letter was forwarded rather than answered.
    pub fn is_forward(&self) -> bool {
        split_prefixes(self.subject.as_str()).0 == Some(Prefix::Forward)
    }

    /// Returns whether the letter answers another one.
    pub fn is_reply(&self) -> bool {
        !self.references.is_empty()
            || split_prefixes(self.subject.as_str()).0 == Some(Prefix::Reply)
    }
}
