//! What became of one letter, and the one table that sorts a server's refusals.
//!
//! Sorting happens here and nowhere else, by the command that was answered and the code (trap L4: to lettre
//! every 5xx is "permanent", a wrong password like an unknown user).

use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use super::reply::Reply;

/// The caller's "no", from either of his futures. The words are his own and come back to him unchanged;
/// what else he must remember about it he keeps on his side.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Why the letter may not go now.
    pub reason: String,
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

/// What became of one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum SendOutcome {
    /// The server took responsibility for the mail (RFC 5321 section 4.2.5).
    Accepted {
        /// Its words, cleaned, at most 200 characters; often a queue id.
        reply: String,
    },
    /// The mail was not accepted.
    Failed(Failure),
    /// The caller said no, before DATA or before the end of data. The mail was not accepted.
    GateClosed(Refusal),
    /// The end of data was written and no usable answer came: the server may have accepted the mail or not
    /// (RFC 1047). If it is sent again, it must be sent with identical bytes.
    Ambiguous {
        /// What happened, cleaned, at most 200 characters.
        why: String,
    },
}

/// Why and where a letter was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The step that failed.
    pub stage: Stage,
    /// What it means for the letter and the queue.
    pub class: Class,
    /// The server's code; `None` if it was no reply that failed.
    pub code: Option<u16>,
    /// The server's words, or ours; cleaned, at most 200 characters.
    pub text: String,
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{}: {code} {}", self.stage, self.text),
            None => write!(f, "{}: {}", self.stage, self.text),
        }
    }
}

/// The steps of one letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// MAIL FROM and its reply.
    MailFrom,
    /// RCPT TO and its reply.
    Rcpt,
    /// Composing, the check of the bytes, DATA and its reply.
    Data,
    /// The body, the end of data and its reply.
    EndOfData,
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MailFrom => "MAIL FROM",
            Self::Rcpt => "RCPT TO",
            Self::Data => "DATA",
            Self::EndOfData => "end of data",
        })
    }
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// This letter will never be accepted; sending others is fine.
    Permanent,
    /// Try this letter again later.
    Temporary,
    /// Our account, settings or bytes are at fault; no other letter of the queue would fare better, or
    /// (without a code, at [`Stage::Data`] and [`Stage::EndOfData`]) this one is composed wrongly.
    Ours,
    /// The provider does not want our mail now: pause the whole queue.
    Policy,
}

/// The table. `reply` is a clean 4xx or 5xx to the command of `stage`.
///
/// * `421` at any stage: the server is going away (RFC 5321 section 3.8).
/// * `530`, `534`, `535`, `538`: it wants a login it did not get (RFC 4954 section 6).
/// * A code and an enhanced code that contradict each other are not a clean verdict.
/// * `503` after MAIL: we and the server disagree about where we are (trap L2), no word about the letter.
/// * x.7.x (RFC 3463 section 3.8), except about a recipient: policy. As `451 4.7.x` at MAIL, DATA or the end of data that is
///   a rate limit, and the same holds for the next letter; greylisting, which is about a recipient, says it at RCPT.
pub(super) fn class_of(stage: Stage, reply: &Reply) -> Class {
    match (stage, reply.code()) {
        (_, 421) => Class::Temporary,
        (_, 530 | 534 | 535 | 538) => Class::Ours,
        _ if reply.contradicts_itself() => Class::Temporary,
        (Stage::MailFrom | Stage::Data | Stage::EndOfData, _) if reply.is_about_policy() => {
            Class::Policy
        }
        (_, ..500) => Class::Temporary,
        (Stage::MailFrom, 552) => Class::Permanent,
        (Stage::MailFrom, _) => Class::Ours,
        (Stage::Rcpt | Stage::Data | Stage::EndOfData, 503) => Class::Temporary,
        (Stage::Rcpt | Stage::Data | Stage::EndOfData, _) => Class::Permanent,
    }
}

/// True if the connection is of no use after this refusal, RSET or not.
pub(super) fn ends_the_connection(reply: &Reply) -> bool {
    matches!(reply.code(), 421 | 503) || reply.contradicts_itself()
}

#[cfg(test)]
mod tests {
    use super::super::reply::ReplyReader;
    use super::*;

    #[test]
    fn refusals_are_sorted_by_stage_and_code() {
        use {Class::*, Stage::*};
        // text of the reply, then its class at MAIL, RCPT, DATA and the end of data
        let table = [
            ("421 4.3.2 going away", [Temporary; 4]),
            ("421 4.7.0 going away", [Temporary; 4]),
            ("450 busy", [Temporary; 4]),
            ("451 4.3.0 busy", [Temporary; 4]),
            ("452 4.2.2 full", [Temporary; 4]),
            ("451 4.7.1 slow down", [Policy, Temporary, Policy, Policy]),
            ("530 5.7.0 log in first", [Ours; 4]),
            ("534 5.7.9", [Ours; 4]),
            ("535 5.7.8", [Ours; 4]),
            ("538 5.7.11", [Ours; 4]),
            ("550", [Ours, Permanent, Permanent, Permanent]),
            ("550 5.1.1 unknown", [Ours, Permanent, Permanent, Permanent]),
            (
                "552 5.3.4 too big",
                [Permanent, Permanent, Permanent, Permanent],
            ),
            (
                "503 5.5.1 nested MAIL",
                [Ours, Temporary, Temporary, Temporary],
            ),
            ("554 5.7.1 refused", [Policy, Permanent, Policy, Policy]),
            ("550 4.1.1 odd", [Temporary; 4]),
            ("554 4.7.1 odd", [Temporary; 4]),
            ("451 5.7.1 odd", [Temporary; 4]),
        ];
        for (text, classes) in table {
            let line = format!("{text}\r\n");
            let (reply, _) = ReplyReader::default()
                .feed(line.as_bytes())
                .ok()
                .flatten()
                .expect("a reply");
            for (stage, class) in [MailFrom, Rcpt, Data, EndOfData].into_iter().zip(classes) {
                assert_eq!(class_of(stage, &reply), class, "{text} at {stage}");
            }
        }
    }
}
