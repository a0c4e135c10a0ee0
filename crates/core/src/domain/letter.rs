//! Outgoing letters: their kinds, who sends which when, and the states a letter goes through.
//!
//! ```text
//! due ──claim──▶ sending ──250──▶ sent ◀──in the folder of sent mail──┐
//!  ▲               │ ├──no answer to the end-of-data──▶ maybe_sent ──┴─claim──▶ sending (identical bytes)
//!  └──try later,───┘ ├──refused for good──▶ failed
//!     in its place   └──cannot be composed, or refused where others are taken──▶ held
//!     if all of us
//!     is refused
//! ```
//!
//! An answer may be written held, and waits for its author's word. Whoever wrote it, or the operator, may hold, release and
//! cancel what has not left; a letter that was sent and came back is `failed`.

use serde::{Deserialize, Serialize};

/// What a letter is for. The kind alone decides which daemon sends it and at what hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To a writer: your letter is registered, and this is the minute when work on it begins.
    Receipt,
    /// To a writer: your closed ticket is open again.
    Reopened,
    /// To a specialist about a letter of his own: held, refused, not understood, accepted for the morning.
    OwnLetter,
    /// To the operator: something needs a person.
    Alert,
    /// To a specialist: somebody wrote.
    Notice,
    /// To a specialist: so many wrote that these are told of in one letter.
    Digest,
    /// To a specialist: your answer could not be delivered.
    Delivery,
    /// To a writer: a specialist's own words.
    Answer,
}

/// Which daemon sends a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Sent at any hour: it belongs to registration and concerns only whoever just wrote.
    Poller,
    /// Sent in business hours only.
    Worker,
}

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for its time and a daemon. After a crash: still waits.
    Due,
    /// A daemon has claimed it. After a crash: claimed again once the lease is over or its holder is known to be dead;
    /// if its bytes were frozen, its end-of-data may have been written: maybe sent.
    Sending,
    /// The server took it, or the folder of sent mail has it. Final.
    Sent,
    /// The end-of-data was written and never answered, or its sender died over it. The folder of sent mail is asked; the same
    /// bytes go again unless it has them. After a crash too. In a restored database also what was due by then: its original
    /// may have sent it.
    MaybeSent,
    /// It could not be composed or must not go; somebody was told. Waits for a person.
    Held,
    /// The server refused it for good, or it was tried for too long. Somebody was told. Waits for a person.
    Failed,
    /// Withdrawn before it was sent. Final.
    Cancelled,
}

impl Kind {
    /// Every kind, for tables and tests.
    pub const ALL: [Kind; 8] = [
        Kind::Receipt,
        Kind::Reopened,
        Kind::OwnLetter,
        Kind::Alert,
        Kind::Notice,
        Kind::Digest,
        Kind::Delivery,
        Kind::Answer,
    ];

    /// Returns which daemon sends letters of this kind.
    pub fn lane(self) -> Lane {
        match self {
            Kind::Receipt | Kind::Reopened | Kind::OwnLetter | Kind::Alert => Lane::Poller,
            Kind::Notice | Kind::Digest | Kind::Delivery | Kind::Answer => Lane::Worker,
        }
    }

    /// Returns the name used in the database, in logs and in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Receipt => "receipt",
            Kind::Reopened => "reopened",
            Kind::OwnLetter => "own_letter",
            Kind::Alert => "alert",
            Kind::Notice => "notice",
            Kind::Digest => "digest",
            Kind::Delivery => "delivery",
            Kind::Answer => "answer",
        }
    }

    /// Returns the kind with this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Lane {
    /// Returns the name used in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Poller => "poller",
            Lane::Worker => "worker",
        }
    }

    /// Returns whether letters of this lane may leave outside business hours.
    pub fn any_hour(self) -> bool {
        match self {
            Lane::Poller => true,
            Lane::Worker => false,
        }
    }
}

impl State {
    /// Every state, for tables and tests.
    pub const ALL: [State; 7] = [
        State::Due,
        State::Sending,
        State::Sent,
        State::MaybeSent,
        State::Held,
        State::Failed,
        State::Cancelled,
    ];

    /// Returns the state with this name.
    pub fn from_name(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Returns the name used in the database and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Due => "due",
            State::Sending => "sending",
            State::Sent => "sent",
            State::MaybeSent => "maybe_sent",
            State::Held => "held",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_go_at_any_hour_is_exactly_what_the_design_says() {
        for kind in Kind::ALL {
            let any_hour = matches!(
                kind,
                Kind::Receipt | Kind::Reopened | Kind::OwnLetter | Kind::Alert
            );
            assert_eq!(kind.lane().any_hour(), any_hour, "{kind:?}");
            assert_eq!(Kind::from_name(kind.as_str()), Some(kind));
        }
    }
}
