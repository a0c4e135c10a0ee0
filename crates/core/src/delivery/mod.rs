//! The loop that sends what lies in the outbox. Both daemons run it, each for its lane.
//!
//! Wait, look, ask the gate, dial, claim, send, record. A lane that may not send now opens no connection. A server
//! that cannot be reached costs no letter an attempt: it is dialled before anything is claimed.
//!
//! - [`Delivery::run`] is the loop; `attempt` is one letter's way; [`Office`] is what letters are made with.

mod attempt;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use self::attempt::After;
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::address::{EmailAddress, mask_addresses};
use crate::domain::desk::Desk;
use crate::domain::gate::{Gate, may_begin};
use crate::domain::letter::Lane;
use crate::domain::outgoing::Letterhead;
use crate::domain::token::TokenKeys;
use crate::mail::moment::Moments;
use crate::mail::wording::Wording;
use crate::process;
use crate::pulse::Pulse;
use crate::smtp::{DialError, SmtpServer, SmtpSession, Timeouts};
use crate::stop::Stop;
use crate::store::registration::Registrar;
use crate::store::{Result, Store};

/// How often the outbox is looked at when nobody wakes the loop.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The first and the longest pause after a server could not be reached.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The pause after a server refused our account or our mail altogether.
const LANE_PAUSE: Duration = Duration::from_secs(60);

/// What letters are made with.
#[derive(Debug)]
pub struct Office {
    /// People, hours, ceilings.
    pub desk: Desk,
    /// What tokens are made with.
    pub key: TokenKeys,
    /// The texts.
    pub wording: Wording,
    /// How instants are said.
    pub moments: Moments,
    /// Name and phones.
    pub letterhead: Letterhead,
}

/// Sends the letters of one lane that leave from one support address.
#[derive(Debug)]
pub struct Delivery {
    /// The outbox.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What letters are made with.
    pub office: Arc<Office>,
    /// Which letters.
    pub lane: Lane,
    /// The support address.
    pub mailbox: EmailAddress,
    /// The submission server.
    pub server: SmtpServer,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Rung when a letter was written in this process.
    pub wake: Arc<Notify>,
    /// Asked before every step.
    pub stop: Stop,
}

/// How a look at the outbox ended.
enum Turn {
    /// Nothing is left to do now.
    Done,
    /// The server is not to be bothered for a while.
    Pause { problem: String, at_least: Duration },
}

impl Office {
    /// Returns what letters are made with under `settings`.
    pub fn new(settings: &Settings, key: TokenKeys) -> Office {
        Office {
            desk: Desk::from(settings),
            key,
            wording: Wording::new(settings.language),
            moments: Moments {
                language: settings.language,
                zone: settings.calendar.zone(),
            },
            letterhead: Letterhead {
                desk: settings.desk.name.clone(),
                phones: settings
                    .phones
                    .iter()
                    .map(|phone| phone.text.clone())
                    .collect(),
            },
        }
    }

    /// Returns the desk as registration needs it.
    pub fn registrar<'a>(&'a self, mailbox: &'a EmailAddress) -> Registrar<'a> {
        Registrar {
            desk: &self.desk,
            key: &self.key,
            mailbox,
        }
    }
}

impl Delivery {
    /// Sends until it is asked to stop. A letter in hand is finished first.
    pub async fn run(self) {
        let mut pulse = Pulse::new(format!("deliver:{}:{}", self.lane.as_str(), self.mailbox));
        let holder = process::holder();
        let mut pause = PAUSE.0;
        while !self.stop.is_asked() {
            // Registered before the look, so that no ringing between the two is lost.
            let woken = self.wake.notified();
            let turn = self
                .turn(&holder)
                .await
                .unwrap_or_else(|error| Turn::Pause {
                    problem: error.to_string(),
                    at_least: PAUSE.0,
                });
            let wait = match turn {
                Turn::Done => {
                    pulse.good(&self.store, self.clock.now()).await;
                    pause = PAUSE.0;
                    LOOK_EVERY
                }
                Turn::Pause { problem, at_least } => {
                    pulse.bad(&self.store, problem, self.clock.now()).await;
                    pause = (pause * 2).min(PAUSE.1);
                    pause.max(at_least)
                }
            };
            let may_be_woken = wait == LOOK_EVERY;
            tokio::select! {
                () = self.stop.asked() => {}
                () = tokio::time::sleep(wait) => {}
                () = woken, if may_be_woken => {}
            }
        }
    }

    /// Sends everything that is due now.
    async fn turn(&self, holder: &str) -> Result<Turn> {
        if !self.may_begin(self.clock.now())
            || !self
                .store
                .has_due_letter(self.lane, self.mailbox.as_str(), self.clock.now())
                .await?
        {
            return Ok(Turn::Done);
        }
        let mut session = match SmtpSession::open(&self.server, &self.timeouts).await {
            Ok(session) => session,
            Err(error) => {
                let at_least = if needs_operator(&error) {
                    LANE_PAUSE
                } else {
                    PAUSE.0
                };
                return Ok(Turn::Pause {
                    problem: format!(
                        "SMTP server {}: {}",
                        self.server.host,
                        mask_addresses(&error.to_string())
                    ),
                    at_least,
                });
            }
        };
        let mut carried = 0;
        let after = loop {
            if self.stop.is_asked() || !session.is_usable() || !self.may_begin(self.clock.now()) {
                break Ok(After::Continue);
            }
            let Some(claimed) = self
                .store
                .claim(self.lane, self.mailbox.as_str(), holder, self.clock.now())
                .await?
            else {
                break Ok(After::Continue);
            };
            crate::failpoint::reach("claimed");
            match self.attempt(&mut session, &claimed, carried > 0).await {
                Ok(After::Continue) => carried += 1,
                other => break other,
            }
        };
        session.quit().await;
        Ok(match after? {
            After::Continue => Turn::Done,
            After::Pause { problem, at_least } => Turn::Pause { problem, at_least },
        })
    }

    fn may_begin(&self, now: DateTime<Utc>) -> bool {
        may_begin(self.lane, &self.office.desk.calendar, now) == Gate::Open
    }
}

/// Returns whether dialling again soon would only harm: repeated refused logins lock accounts.
fn needs_operator(error: &DialError) -> bool {
    matches!(
        error,
        DialError::Settings { .. }
            | DialError::Tls { .. }
            | DialError::NoStartTls
            | DialError::NoAuth { .. }
            | DialError::AuthRefused { .. }
    )
}
