//! The states of a ticket and everything that may move it.
//!
//! ```text
//!            taken                answered              closed
//!   new ───────────▶ in_work ───────────────▶ answered ─────────▶ closed
//!    │ answered ─────────────────────────────▲  │ writer wrote      │
//!    │                  ▲◀────────────────────────┘                 │
//!    │                  └───────────────────────────────────────────┘ writer wrote (reopened)
//!    └──────────────────────────────── closed ──────────────────────▶
//! ```

use serde::{Deserialize, Serialize};

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Registered; nobody has it. A specialist's `#взять` or answer moves it on.
    New,
    /// A specialist has it, or its writer wrote after an answer.
    InWork,
    /// A specialist answered; its writer has the word.
    Answered,
    /// Done. A letter of its writer within the reopening term opens it again.
    Closed,
    /// Another ticket goes on in its place: what comes for this one is that one's. Final.
    Merged,
}

/// What happens to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its writer sent another letter.
    WriterWrote,
    /// Its writer sent nothing but thanks.
    WriterThanked,
    /// A specialist took it.
    Taken,
    /// A specialist answered.
    Answered,
    /// A specialist closed it.
    Closed,
    /// An answer did not arrive.
    Bounced,
    /// A specialist put its writer's address right.
    Corrected,
}

/// What an event does to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state after it.
    pub to: State,
    /// Whether a closed ticket came back to life.
    pub reopened: bool,
}

/// Returns what `event` does to a ticket in `state`. Every pair has an answer: none is refused.
pub fn apply(state: State, event: Event) -> Transition {
    let to = |to| Transition {
        to,
        reopened: false,
    };
    match (state, event) {
        (state, Event::WriterThanked | Event::Corrected) => to(state),
        // Nobody has been helped: there is work again.
        (State::Answered | State::Closed, Event::Bounced) => to(State::InWork),
        (state, Event::Bounced) => to(state),
        (State::Merged, _) => to(State::Merged),
        (State::New, Event::WriterWrote) => to(State::New),
        (State::New, Event::Taken) => to(State::InWork),
        (State::New, Event::Answered) => to(State::Answered),
        (State::New, Event::Closed) => to(State::Closed),
        (State::InWork, Event::WriterWrote) => to(State::InWork),
        (State::InWork, Event::Taken) => to(State::InWork),
        (State::InWork, Event::Answered) => to(State::Answered),
        (State::InWork, Event::Closed) => to(State::Closed),
        (State::Answered, Event::WriterWrote) => to(State::InWork),
        (State::Answered, Event::Taken) => to(State::InWork),
        (State::Answered, Event::Answered) => to(State::Answered),
        (State::Answered, Event::Closed) => to(State::Closed),
        (State::Closed, Event::WriterWrote) => Transition {
            to: State::InWork,
            reopened: true,
        },
        (State::Closed, Event::Taken) => Transition {
            to: State::InWork,
            reopened: true,
        },
        // A late word after closing does not open the ticket again: its writer's reply would.
        (State::Closed, Event::Answered) => to(State::Closed),
        (State::Closed, Event::Closed) => to(State::Closed),
    }
}

impl State {
    /// Returns the name used in the database and in output.
    pub fn as_str(self) -> &'static str {
        match self {
            State::New => "new",
            State::InWork => "in_work",
            State::Answered => "answered",
            State::Closed => "closed",
            State::Merged => "merged",
        }
    }

    /// Returns the state with this name.
    pub fn from_name(name: &str) -> Option<State> {
        [
            State::New,
            State::InWork,
            State::Answered,
            State::Closed,
            State::Merged,
        ]
        .into_iter()
        .find(|state| state.as_str() == name)
    }
}
