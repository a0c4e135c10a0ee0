//! One letter's way over one connection: gate, MAIL and RCPT, compose and freeze, DATA, gate again, end-of-data,
//! outcome. Every step is under the claim's fence; whoever lost it lets go.

use std::sync::Mutex;
use std::time::Duration;

use super::{Delivery, LaneState, PAUSE};
use crate::domain::address::mask_addresses;
use crate::domain::gate::{Gate, may_finish};
use crate::domain::incoming::is_address_status;
use crate::domain::lane_pause::Refused;
use crate::domain::outgoing::{Content, WriterContent};
use crate::domain::retry::next_attempt;
use crate::mail::compose::{NotComposable, compose};
use crate::mail::parse::in_parser_thread;
use crate::mail::{specialist_letter, writer_letter};
use crate::smtp::{Class, Failure, Refusal, SendOutcome, SmtpSession, Stage};
use crate::store::outbox::{Claimed, Ending};
use crate::store::promise::Promise;
use crate::store::{Result, StoreError};
use crate::timekeeper::Asked;

/// How often a claim is renewed while the server is waited for (promises.md: lease 60 s).
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// The pause between tries to record an outcome while the database does not answer, and how many there are.
const RECORD_AGAIN: (Duration, u32) = (Duration::from_secs(1), 600);

/// What an attempt means for those after it.
pub(super) enum After {
    /// The next letter may go, over this connection if it still stands.
    Continue,
    /// Nothing may go now, by one of the clocks.
    Closed,
    /// No letter of this lane would fare better now: the server does not want our mail.
    Refused,
    /// Nor here: the database does not answer.
    Pause {
        /// Why.
        problem: String,
        /// For so long at least.
        at_least: Duration,
    },
}

/// Why a letter was not given to the server, as seen by our own side of the conversation.
enum Stopped {
    /// It cannot be composed: a person has to look.
    Hold(String),
    /// The database did not answer.
    TryLater(String),
    /// Another process has the letter by now.
    LeaseLost,
    /// The gate is not open.
    Closed(Gate),
}

impl Delivery {
    /// Sends one letter that was claimed after `asked`, and records how that ended. `reused` says that the connection has
    /// carried others.
    pub(super) async fn attempt(
        &self,
        session: &mut SmtpSession,
        claimed: &Claimed,
        asked: Asked,
        reused: bool,
        lane: &mut LaneState,
    ) -> Result<After> {
        let Some(recipient) = &claimed.recipient else {
            let held = Ending::Held {
                why: "the address cannot be written to".to_owned(),
            };
            return self.record(claimed, held).await.map(|()| After::Continue);
        };
        if let Some(ending) = waits(claimed, self.begins(claimed.said.map(|said| (asked, said)))) {
            return self.record(claimed, ending).await.map(|()| After::Closed);
        }
        self.warn_of_unread_mailbox(claimed).await?;
        let started = std::time::Instant::now();
        let stopped = std::sync::Arc::new(Mutex::new(None));
        let before_data = || async {
            crate::failpoint::reach("rcpt_ok");
            self.bytes(claimed)
                .await
                .map_err(|why| refuse(&stopped, why))
        };
        let end_of_data = {
            let (store, clock, timekeeper, office, lane) = (
                self.store.clone(),
                self.clock.clone(),
                self.timekeeper.clone(),
                self.office.clone(),
                self.lane,
            );
            let (claimed, stopped) = (claimed.clone(), stopped.clone());
            async move {
                let asked = timekeeper.ask();
                let said = store
                    .confirm_claim(&claimed, clock.now())
                    .await
                    .map_err(|error| refuse(&stopped, error.into()))?;
                let calendar = &office.desk.calendar;
                let heard = said.map(|said| (asked, said));
                match timekeeper.gate(lane, heard, |at| may_finish(lane, calendar, at)) {
                    Gate::Open => Ok(()),
                    closed => Err(refuse(&stopped, Stopped::Closed(closed))),
                }
            }
        };
        let sending = session.send(
            self.mailbox.as_str(),
            recipient.as_str(),
            before_data,
            end_of_data,
        );
        let outcome = tokio::select! {
            outcome = sending => outcome,
            () = self.keep_claim(claimed) => return Ok(After::Continue),
        };
        let stopped = stopped.lock().ok().and_then(|mut stopped| stopped.take());
        let (ending, after) = self.judge(claimed, outcome, stopped, reused, lane);
        let Some(ending) = ending else {
            return Ok(after);
        };
        if ending == Ending::Sent {
            crate::failpoint::reach("got_250");
        }
        log(claimed, &ending, recipient.masked(), started.elapsed());
        self.record(claimed, ending).await?;
        crate::failpoint::reach("marked");
        Ok(after)
    }

    /// The bytes to send: those of an attempt whose end is not known, or new ones, frozen before they are handed out.
    async fn bytes(&self, claimed: &Claimed) -> std::result::Result<Vec<u8>, Stopped> {
        if let Some(frozen) = &claimed.frozen {
            return Ok(frozen.clone());
        }
        let (office, now) = (&self.office, self.clock.now());
        let content = self
            .store
            .content(
                office.registrar(&self.mailbox),
                &office.letterhead,
                claimed,
                now,
            )
            .await?;
        let promise = match &content {
            Content::Writer(_, WriterContent::Receipt { beginning, .. }) => {
                Some(Promise::new(beginning, &office.desk.calendar, now))
            }
            _ => None,
        };
        let (making, moments) = (self.office.clone(), self.office.moments);
        // Files of many megabytes are read out of their letter and encoded here.
        let making = move || {
            let draft = match content {
                Content::Writer(envelope, content) => {
                    writer_letter::draft(&envelope, content, &making.wording, moments)
                }
                Content::Specialist(envelope, content) => {
                    specialist_letter::draft(&envelope, content, &making.wording, moments)
                }
            }?;
            compose(&draft)
        };
        let bytes = in_parser_thread(making).await.map_err(Stopped::Hold)??;
        self.store
            .freeze(claimed, &bytes, promise.as_ref(), self.clock.now())
            .await?;
        Ok(bytes)
    }

    /// An answer held overnight leaves ten minutes after the opening even if the mailbox was not read since: with a warning.
    async fn warn_of_unread_mailbox(&self, claimed: &Claimed) -> Result<()> {
        if claimed.put_off
            && claimed.attempts == 1
            && !self
                .store
                .was_read_since(self.mailbox.as_str(), claimed.due_at)
                .await?
        {
            tracing::warn!(
                letter.id = claimed.id,
                ticket.id = claimed.ticket,
                "the mailbox has not been read since the opening: an answer given outside business hours leaves all the same"
            );
        }
        Ok(())
    }

    /// Renews the claim until it is lost.
    async fn keep_claim(&self, claimed: &Claimed) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.store.renew_claim(claimed, self.clock.now()).await {
                Ok(()) => {}
                Err(StoreError::LeaseLost(_)) => {
                    tracing::warn!(
                        letter.id = claimed.id,
                        "another process has taken the letter; letting go"
                    );
                    return;
                }
                Err(error) => {
                    tracing::debug!(letter.id = claimed.id, %error, "the claim was not renewed")
                }
            }
        }
    }

    /// What an outcome means for the letter and for the lane. `None` for the letter: it is not ours any more.
    fn judge(
        &self,
        claimed: &Claimed,
        outcome: SendOutcome,
        stopped: Option<Stopped>,
        reused: bool,
        lane: &mut LaneState,
    ) -> (Option<Ending>, After) {
        let now = self.clock.now();
        // By a clock that was set meanwhile nothing has been tried for five days, and nothing is put off.
        let is_doubted = self.timekeeper.doubts();
        let stays_due = Ending::Snoozed {
            until: claimed.due_at.min(now),
        };
        let again = |why: String| {
            let since = if is_doubted { now } else { claimed.tried_since };
            match next_attempt(
                self.lane,
                &self.office.desk.calendar,
                since,
                claimed.attempts,
                crate::process::jitter(),
                now,
            ) {
                Some(at) => Ending::TryAgain { at, why },
                None => Ending::Failed {
                    dead_address: false,
                    why: format!("tried for five days; at last: {why}"),
                },
            }
        };
        match outcome {
            SendOutcome::Accepted { .. } => {
                lane.pause.accepted(claimed.id);
                (Some(Ending::Sent), After::Continue)
            }
            SendOutcome::Ambiguous { why } => {
                let ending = match again(why.clone()) {
                    Ending::TryAgain { at, why } => Ending::Unknown { at, why },
                    failed => failed,
                };
                (Some(ending), After::Continue)
            }
            SendOutcome::GateClosed(refusal) => match stopped {
                Some(Stopped::LeaseLost) => (None, After::Continue),
                Some(Stopped::Hold(why)) => (Some(Ending::Held { why }), After::Continue),
                Some(Stopped::Closed(gate)) => (waits(claimed, gate), After::Closed),
                // The database: its outcome is not recorded before that answers again.
                Some(Stopped::TryLater(problem)) => (
                    Some(stays_due),
                    After::Pause {
                        problem,
                        at_least: PAUSE.0,
                    },
                ),
                // Between the last look and the end of the data the process was paused: that is no fault of the letter.
                None => (
                    Some(stays_due),
                    After::Pause {
                        problem: refusal.reason,
                        at_least: PAUSE.0,
                    },
                ),
            },
            SendOutcome::Failed(Failure {
                stage: Stage::MailFrom,
                class: Class::Temporary,
                code: None,
                ..
            }) if reused => {
                // The server hung up between two letters, as it may; this one has not been tried.
                (Some(stays_due), After::Continue)
            }
            SendOutcome::Failed(failure) => {
                let why = failure.to_string();
                match failure.class {
                    Class::Permanent => {
                        let dead_address = failure.stage == Stage::Rcpt
                            && is_about_address(failure.code, &failure.text);
                        (Some(Ending::Failed { why, dead_address }), After::Continue)
                    }
                    Class::Temporary => (Some(again(why)), After::Continue),
                    Class::Ours if failure.code.is_none() => {
                        (Some(Ending::Held { why }), After::Continue)
                    }
                    Class::Ours | Class::Policy => {
                        let now = self.clock.now();
                        match lane
                            .pause
                            .refused(claimed.id, crate::process::jitter(), now)
                        {
                            Refused::Pause(_) => {
                                lane.refusal = format!(
                                    "SMTP server {}: {}",
                                    self.server.host,
                                    mask_addresses(&why)
                                );
                                (Some(Ending::Refused { why }), After::Refused)
                            }
                            // A rate limit that lets one through is no verdict on the next.
                            Refused::Alone if failure.code.is_some_and(|code| code < 500) => {
                                (Some(again(why)), After::Continue)
                            }
                            Refused::Alone => (Some(Ending::Held { why }), After::Continue),
                        }
                    }
                }
            }
        }
    }

    /// Records an outcome, again and again while the database does not answer: what the server has accepted must not
    /// go a second time because of that.
    async fn record(&self, claimed: &Claimed, ending: Ending) -> Result<()> {
        let (pause, tries) = RECORD_AGAIN;
        let mut last = Ok(());
        for _ in 0..tries {
            last = self
                .store
                .finish(
                    self.office.registrar(&self.mailbox),
                    claimed,
                    &ending,
                    self.clock.now(),
                )
                .await;
            match &last {
                Ok(()) => return Ok(()),
                Err(StoreError::LeaseLost(_)) => {
                    tracing::warn!(
                        letter.id = claimed.id,
                        "another process has taken the letter; its outcome stands"
                    );
                    return Ok(());
                }
                Err(error) => {
                    tracing::debug!(letter.id = claimed.id, %error, "the outcome was not recorded; trying again")
                }
            }
            tokio::time::sleep(pause).await;
        }
        last
    }
}

/// How a letter that the gate keeps back waits; `None` if it does not. Where nobody knows what time it is, it stays due.
fn waits(claimed: &Claimed, gate: Gate) -> Option<Ending> {
    let until = match gate {
        Gate::Open => return None,
        Gate::ClosedUntil(until) => until,
        Gate::Doubted => claimed.due_at,
    };
    Some(Ending::Snoozed { until })
}

/// Whether a refusal of a recipient says that there is nobody: the enhanced code does (RFC 3463), or without one a code that
/// means so (RFC 5321 section 4.2.3).
fn is_about_address(code: Option<u16>, text: &str) -> bool {
    let enhanced = text.split_whitespace().next().unwrap_or_default();
    if enhanced.starts_with("5.") {
        return is_address_status(enhanced);
    }
    matches!(code, Some(550 | 551 | 553))
}

/// Notes why our side says no, and says it.
fn refuse(slot: &Mutex<Option<Stopped>>, why: Stopped) -> Refusal {
    let refusal = Refusal::new(match &why {
        Stopped::Hold(why) | Stopped::TryLater(why) => why.as_str(),
        Stopped::LeaseLost => "another process has the letter",
        Stopped::Closed(Gate::Doubted) => "the clocks do not agree",
        Stopped::Closed(_) => "outside business hours",
    });
    if let Ok(mut slot) = slot.lock() {
        *slot = Some(why);
    }
    refusal
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Stopped {
        match error {
            StoreError::LeaseLost(_) => Stopped::LeaseLost,
            StoreError::Row { .. } | StoreError::Values(_) => Stopped::Hold(error.to_string()),
            StoreError::TryLater(_)
            | StoreError::Schema(_)
            | StoreError::Copy(_)
            | StoreError::File { .. } => Stopped::TryLater(error.to_string()),
        }
    }
}

impl From<NotComposable> for Stopped {
    fn from(error: NotComposable) -> Stopped {
        Stopped::Hold(error.to_string())
    }
}

/// One line a letter's attempt.
fn log(claimed: &Claimed, ending: &Ending, to: String, took: Duration) {
    let (id, kind, ticket, attempt, duration_ms) = (
        claimed.id,
        claimed.kind.as_str(),
        claimed.ticket,
        claimed.attempts,
        took.as_millis() as u64,
    );
    let masked = |why: &String| mask_addresses(why);
    match ending {
        Ending::Sent => tracing::info!(
            letter.id = id,
            letter.kind = kind,
            ticket.id = ticket,
            attempt,
            to,
            duration_ms,
            "sent"
        ),
        Ending::Snoozed { until } => {
            tracing::info!(letter.id = id, letter.kind = kind, ticket.id = ticket, %until, "waits")
        }
        Ending::TryAgain { at, why } => {
            tracing::warn!(letter.id = id, letter.kind = kind, ticket.id = ticket, attempt, to, %at, why = masked(why), "not accepted, will be tried again")
        }
        Ending::Refused { why } => {
            tracing::warn!(
                letter.id = id,
                letter.kind = kind,
                ticket.id = ticket,
                to,
                why = masked(why),
                "refused with all our mail, waits in its place"
            )
        }
        Ending::Unknown { at, why } => {
            tracing::warn!(letter.id = id, letter.kind = kind, ticket.id = ticket, attempt, to, %at, why = masked(why), "perhaps accepted; the same bytes will go again, unless they are found in the folder of sent mail")
        }
        Ending::Failed { why, .. } => tracing::warn!(
            letter.id = id,
            letter.kind = kind,
            ticket.id = ticket,
            attempt,
            to,
            why = masked(why),
            "failed"
        ),
        Ending::Held { why } => tracing::warn!(
            letter.id = id,
            letter.kind = kind,
            ticket.id = ticket,
            to,
            why = masked(why),
            "held for a person"
        ),
    }
}
