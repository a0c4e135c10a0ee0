//! The loop that sends what lies in the outbox. Both daemons run it, each for its lane.
//!
//! Wait, look, ask clocks and gate, dial, claim, send, record. A lane that may not send now opens no connection. A server
//! that cannot be reached costs no letter an attempt: it is dialled before anything is claimed. One that refuses all we
//! send, and a ceiling that is reached, keep the lane waiting in its order.
//!
//! - [`Delivery::run`] is the loop; `attempt` is one letter's way, `ceiling` the day's; [`Office`] is what letters are made with.

mod attempt;
mod ceiling;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use self::attempt::After;
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::address::{EmailAddress, mask_addresses};
use crate::domain::desk::Desk;
use crate::domain::gate::{Gate, may_begin};
use crate::domain::lane_pause::LanePause;
use crate::domain::letter::{Kind, Lane};
use crate::domain::outgoing::Letterhead;
use crate::domain::token::TokenKeys;
use crate::mail::moment::Moments;
use crate::mail::wording::Wording;
use crate::oauth::TokenError;
use crate::process;
use crate::pulse::Pulse;
use crate::smtp::{DialError, SmtpServer, SmtpSession, Timeouts};
use crate::stop::Stop;
use crate::store::heartbeat::pulse_name;
use crate::store::outbox::Claimed;
use crate::store::registration::Registrar;
use crate::store::{Result, Store};
use crate::timekeeper::{Asked, Timekeeper};
use crate::watchdog;

/// How often letters are looked for whose sender died over them: their leases last a minute.
const SEEK_EVERY: TimeDelta = TimeDelta::seconds(5);
/// How often the outbox is looked at when nobody wakes the loop.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// The first and the longest pause after a server could not be reached.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The pause after a server refused to let us in.
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
    /// Letters that may leave one mailbox within 24 hours.
    pub sends_per_day: u32,
}

/// Sends the letters of one lane that leave from one support address.
#[derive(Debug)]
pub struct Delivery {
    /// The outbox.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether it may be believed.
    pub timekeeper: Arc<Timekeeper>,
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
    /// Whether answers are copied into the folder of sent mail.
    pub sent_copy: bool,
    /// Rung when a letter was written in this process.
    pub wake: Arc<Notify>,
    /// Asked before every step.
    pub stop: Stop,
}

/// What the loop remembers of its lane.
#[derive(Debug, Default)]
struct LaneState {
    /// Refusals of our mail as such.
    pause: LanePause,
    /// The last of them, in the operator's words.
    refusal: String,
    /// When letters were last told that they wait for the daily ceiling.
    said_full: Option<DateTime<Utc>>,
    /// When letters were last looked for whose sender died over them.
    sought: Option<DateTime<Utc>>,
    /// Why nothing leaves, as it was then. What a letter goes by is asked with its claim.
    quiet: Option<String>,
}

/// How a look at the outbox ended.
enum Turn {
    /// Nothing is left to do now.
    Done,
    /// What is due has to wait, and nothing is dialled meanwhile.
    Waits { problem: String },
    /// The server is not to be bothered for a while.
    Pause { problem: String, at_least: Duration },
}

impl Office {
    /// Returns what letters from `mailbox` are made with under `settings`.
    pub fn new(settings: &Settings, mailbox: &EmailAddress, key: TokenKeys) -> Office {
        let desk = settings.desk_of(mailbox.as_str());
        let zone = desk.calendar.zone();
        Office {
            desk,
            key,
            wording: Wording::new(settings.language),
            moments: Moments {
                language: settings.language,
                zone,
            },
            letterhead: Letterhead {
                desk: settings.desk.name.clone(),
                phones: settings
                    .phones
                    .iter()
                    .map(|phone| phone.text.clone())
                    .collect(),
            },
            sends_per_day: settings.sends_per_day,
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
        let mut pulse = Pulse::new(pulse_name(self.lane, self.mailbox.as_str()));
        let holder = process::holder();
        let mut lane = LaneState::default();
        let mut pause = PAUSE.0;
        while !self.stop.is_asked() {
            // Registered before the look, so that no ringing between the two is lost.
            let woken = self.wake.notified();
            let turn = self
                .turn(&holder, &mut lane)
                .await
                .unwrap_or_else(|error| Turn::Pause {
                    problem: error.to_string(),
                    at_least: PAUSE.0,
                });
            let turn = match turn {
                Turn::Done if watchdog::is_awaited() && self.may_begin() => self.prove().await,
                turn => turn,
            };
            let wait = match turn {
                // The hours ended a pause, or nobody is left to write to: the refusal stands.
                Turn::Done if lane.pause.is_on() => {
                    pulse
                        .bad(&self.store, lane.refusal.clone(), self.clock.now())
                        .await;
                    LOOK_EVERY
                }
                Turn::Waits { problem } => {
                    watchdog::stands_by();
                    pulse.bad(&self.store, problem, self.clock.now()).await;
                    pause = PAUSE.0;
                    LOOK_EVERY
                }
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
            watchdog::waiting(async {
                tokio::select! {
                    () = self.stop.asked() => {}
                    () = tokio::time::sleep(wait) => {}
                    () = woken, if may_be_woken => {}
                }
            })
            .await;
        }
    }

    /// Sends everything that is due now.
    async fn turn(&self, holder: &str, lane: &mut LaneState) -> Result<Turn> {
        if let Some(turn) = self.wait_for_clocks().await? {
            return Ok(turn);
        }
        let now = self.clock.now();
        if !self.may_begin() {
            return Ok(Turn::Done);
        }
        if lane.pause.waits(now).is_some() {
            let problem = lane.refusal.clone();
            return Ok(Turn::Waits { problem });
        }
        let mailbox = self.mailbox.as_str();
        if lane
            .sought
            .is_none_or(|sought| (now - sought).abs() >= SEEK_EVERY)
        {
            self.store.note_unanswered(self.lane, mailbox, now).await?;
            lane.quiet = self.store.quiet().await?.map(|quiet| quiet.problem());
            lane.sought = Some(now);
        }
        if !self.store.has_due_letter(self.lane, mailbox, now).await? {
            let waits = |problem| Turn::Waits { problem };
            return Ok(lane.quiet.clone().map_or(Turn::Done, waits));
        }
        if !self.may_begin_by_database().await? {
            return Ok(Turn::Done);
        }
        if let Some(until) = self.has_no_room(now).await? {
            return self.wait_for_room(lane, until, now).await;
        }
        let mut session = match SmtpSession::open(&self.server, &self.timeouts).await {
            Ok(session) => session,
            Err(error) => return Ok(self.cannot_dial(&error)),
        };
        let mut carried = 0;
        let after = loop {
            if self.stop.is_asked() || !session.is_usable() || !self.may_begin() {
                break Ok(After::Continue);
            }
            let asked = self.timekeeper.ask();
            let Some(mut claimed) = self.claim(holder, lane).await? else {
                break Ok(After::Continue);
            };
            claimed.keep_copy = self.sent_copy && claimed.kind == Kind::Answer;
            crate::failpoint::reach("claimed");
            match self
                .attempt(&mut session, &claimed, asked, carried > 0, lane)
                .await
            {
                Ok(After::Continue) => carried += 1,
                other => break other,
            }
        };
        session.quit().await;
        Ok(match after? {
            After::Continue | After::Closed => Turn::Done,
            After::Refused => Turn::Waits {
                problem: lane.refusal.clone(),
            },
            After::Pause { problem, at_least } => Turn::Pause { problem, at_least },
        })
    }

    /// Logs in at the submission server and out again: somebody waits to hear that the daemon is ready.
    async fn prove(&self) -> Turn {
        match SmtpSession::open(&self.server, &self.timeouts).await {
            Ok(session) => {
                session.quit().await;
                Turn::Done
            }
            Err(error) => self.cannot_dial(&error),
        }
    }

    fn cannot_dial(&self, error: &DialError) -> Turn {
        Turn::Pause {
            problem: format!(
                "SMTP server {}: {}",
                self.server.host,
                mask_addresses(&error.to_string())
            ),
            at_least: if needs_operator(error) {
                LANE_PAUSE
            } else {
                PAUSE.0
            },
        }
    }

    /// Claims the next letter, if there is room for one. Those that were refused again and again let others go first.
    async fn claim(&self, holder: &str, lane: &LaneState) -> Result<Option<Claimed>> {
        let (mailbox, now) = (self.mailbox.as_str(), self.clock.now());
        let Some(mut among) = self.room(now).await?.among else {
            return Ok(None);
        };
        among.passed_over = lane.pause.passed_over();
        if !among.passed_over.is_empty() {
            let claimed = self
                .store
                .claim_among(self.lane, mailbox, &among, holder, now)
                .await?;
            if claimed.is_some() {
                return Ok(claimed);
            }
            among.passed_over.clear();
        }
        self.store
            .claim_among(self.lane, mailbox, &among, holder, now)
            .await
    }

    /// Whether a letter may be begun by the clocks of this machine; the database says what time it is with the claim.
    fn may_begin(&self) -> bool {
        self.begins(None) == Gate::Open
    }

    /// Whether the database's clock agrees that a letter may be begun: asked before dialling, so that nobody dials in vain
    /// around an opening.
    async fn may_begin_by_database(&self) -> Result<bool> {
        if self.lane.any_hour() {
            // Its loop looks at the clocks too, to notice when they are set.
            self.timekeeper.doubts();
            return Ok(true);
        }
        let asked = self.timekeeper.ask();
        let said = self.store.clock().await?;
        Ok(self.begins(said.map(|said| (asked, said))) == Gate::Open)
    }

    /// What the gate says before a letter, by every clock.
    fn begins(&self, heard: Option<(Asked, DateTime<Utc>)>) -> Gate {
        let calendar = &self.office.desk.calendar;
        self.timekeeper
            .gate(self.lane, heard, |at| may_begin(self.lane, calendar, at))
    }

    async fn tell_of_clocks(&self, news: &str) -> Result<()> {
        // By the database's clock if it has one: that of the machine may be days ahead.
        let now = match self.store.clock().await? {
            Some(said) => self.clock.of_database(said),
            None => self.clock.now(),
        };
        let registrar = self.office.registrar(&self.mailbox);
        self.store.tell_of_clocks(registrar, news, now).await
    }

    /// What keeps business hours waits while nobody knows what time it is; the operator is told.
    async fn wait_for_clocks(&self) -> Result<Option<Turn>> {
        if self.lane.any_hour() || self.timekeeper.look(&self.store).await? {
            return Ok(None);
        }
        if let Some(news) = self.timekeeper.take_news()
            && let Err(error) = self.tell_of_clocks(&news).await
        {
            self.timekeeper.give_news_back();
            return Err(error);
        }
        let waits = |problem| Turn::Waits { problem };
        Ok(Some(self.timekeeper.problem().map_or(Turn::Done, waits)))
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
            | DialError::Token(
                TokenError::Refused(_) | TokenError::NotUnderstood(_) | TokenError::Tls { .. }
            )
    )
}
