//! What the session and the stream under lettre tell each other.
//!
//! lettre owns the stream and shows it to nobody, and its errors drop half of what a decision needs. So both
//! sides hold this: the session says what is about to happen and how long it may take; the stream says
//! which reply came, what went wrong first, and whether the end of data was written.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use thiserror::Error;
use tokio::time::Instant;

use crate::watchdog;

use super::{dotted::Frozen, outcome::Refusal, reply::Reply, server::Timeouts};

/// The caller's last look. Boxed, because lettre's stream has no type parameters.
pub(super) type Gate = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// Why the connection is of no further use. The first one counts; those after it are echoes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Trouble {
    #[error("the server closed the connection")]
    Closed,
    #[error("the connection was lost: {0}")]
    Lost(String),
    #[error("timed out: {0}")]
    Overdue(&'static str),
    #[error("malformed reply: {0}")]
    Malformed(String),
    /// R13: bytes were waiting before we spoke, so no reply can be told from a stale one.
    #[error("the server spoke out of turn: {0}")]
    Early(String),
    #[error("the last look said no: {0}")]
    Refused(Refusal),
    /// Between the caller's yes and the terminator too much time went by for the yes to be true.
    #[error("the process was paused at the end of data")]
    Stale,
    /// Bytes that were not agreed upon were about to be sent.
    #[error("{0}")]
    Misuse(&'static str),
}

#[derive(Default)]
struct State {
    reply: Option<Reply>,
    trouble: Option<Trouble>,
    end_of_data_written: bool,
    body: Option<(Frozen, Gate)>,
    limit: Option<(Instant, &'static str)>,
}

/// See the file's own description.
pub(super) struct Conversation {
    state: Mutex<State>,
    timeouts: Timeouts,
}

impl Conversation {
    pub(super) fn new(timeouts: Timeouts) -> Self {
        Self {
            state: Mutex::default(),
            timeouts,
        }
    }

    /// No code that could panic or wait runs under the lock; a poisoned one still holds whole values.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// A new letter begins: nothing of the one before it is remembered, except trouble.
    pub(super) fn begin_letter(&self) {
        let mut state = self.state();
        state.end_of_data_written = false;
        state.body = None;
    }

    /// What is awaited now, and for how long from now.
    pub(super) fn allow(&self, limit: Duration, what: &'static str) {
        self.state().limit = Some((Instant::now() + limit, what));
    }

    /// The next reply is not the last one.
    pub(super) fn forget_reply(&self) {
        self.state().reply = None;
    }

    /// The first reply since [`Conversation::forget_reply`].
    pub(super) fn reply(&self) -> Option<Reply> {
        self.state().reply.clone()
    }

    pub(super) fn note_reply(&self, reply: Reply) {
        self.state().reply.get_or_insert(reply);
    }

    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.state().trouble.clone()
    }

    pub(super) fn note_trouble(&self, trouble: Trouble) {
        self.state().trouble.get_or_insert(trouble);
    }

    pub(super) fn has_trouble(&self) -> bool {
        self.state().trouble.is_some()
    }

    /// The body that follows a `354`, and who is asked before it is ended.
    pub(super) fn offer_body(&self, frozen: Frozen, gate: Gate) {
        self.state().body = Some((frozen, gate));
    }

    pub(super) fn take_body(&self) -> Option<(Frozen, Gate)> {
        self.state().body.take()
    }

    /// The end of data has gone down to the kernel: from here on the server may hold the whole mail.
    pub(super) fn note_end_of_data(&self) {
        self.state().end_of_data_written = true;
    }

    pub(super) fn end_of_data_written(&self) -> bool {
        self.state().end_of_data_written
    }

    /// Awaits the future, but no longer than what [`Conversation::allow`] says at each moment.
    pub(super) async fn in_time<F: Future>(&self, future: F) -> Result<F::Output, Trouble> {
        let mut future = pin!(future);
        let mut timer = pin!(tokio::time::sleep(Duration::ZERO));
        let awaited = poll_fn(|cx| {
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(value));
            }
            let Some((deadline, what)) = self.state().limit else {
                return Poll::Ready(Err(Trouble::Misuse("a wait without a limit")));
            };
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            timer
                .as_mut()
                .poll(cx)
                .map(|()| Err(Trouble::Overdue(what)))
        });
        watchdog::waiting(awaited)
            .await
            .inspect_err(|trouble| self.note_trouble(trouble.clone()))
    }
}
