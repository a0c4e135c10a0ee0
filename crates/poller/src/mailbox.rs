//! The loop over one mailbox: hold the lease, connect, bring every folder up to date, wait for news, again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use ninetosix_core::clock::Clock;
use ninetosix_core::config;
use ninetosix_core::oauth::TokenError;
use ninetosix_core::process;
use ninetosix_core::pulse::Pulse;
use ninetosix_core::stop::Stop;
use ninetosix_core::store::lease::Held;
use ninetosix_core::store::{Store, StoreError};
use ninetosix_core::watchdog;

use crate::folder::{Folder, Intake, SyncError};
use crate::imap::{Connection, IdleEnd, ImapError, ImapServer, Limits, Role, Timeouts};
use crate::pace::{Failure, Pace};
use crate::sent_folder::SentFolder;

/// So long after the moment that something waits for the mailbox is read again.
const PAST_DUE: TimeDelta = TimeDelta::milliseconds(50);
/// The longest IDLE: servers and firewalls forget idle connections (RFC 2177 allows 29 minutes).
const LONGEST_IDLE: Duration = Duration::from_secs(9 * 60);
/// IDLEs that end badly one after the other before we do without, and for how long: some servers offer it and hang up.
const IDLE_FAILURES: u32 = 3;
const WITHOUT_IDLE: Duration = Duration::from_secs(3600);
/// How often every UID of every folder is compared with the ledger.
const THOROUGH_EVERY: Duration = Duration::from_secs(3600);
/// How often the lease is renewed, and asked for while another process holds it.
const LEASE_EVERY: Duration = Duration::from_secs(20);
const LEASE_PAUSE: Duration = Duration::from_secs(5);

/// Reads one mailbox.
pub(crate) struct MailboxLoop {
    pub(crate) settings: config::Mailbox,
    pub(crate) server: ImapServer,
    pub(crate) intake: Intake,
    pub(crate) sent: SentFolder,
    pub(crate) stop: Stop,
    /// IDLEs that ended badly, one after the other.
    pub(crate) idle_failures: u32,
    /// When IDLE is tried again, where it ended badly too often.
    pub(crate) idle_again: Option<Instant>,
}

/// Why a connection was given up.
enum End {
    /// A stop was asked for; or what the connection was opened with runs out, and the next is opened at once.
    Over,
    LeaseLost,
    Failed {
        problem: String,
        failure: Failure,
    },
}

impl MailboxLoop {
    /// Reads until it is asked to stop.
    pub(crate) async fn run(mut self) {
        let address = self.settings.address.clone();
        let (store, clock, stop) = (
            self.intake.register.store.clone(),
            self.intake.register.clock.clone(),
            self.stop.clone(),
        );
        let mut pulse = Pulse::new(format!("poll:{address}"));
        let name = format!("mailbox:{address}");
        let holder = process::holder();
        let mut pace = Pace::default();
        let mut told_waiting = false;
        while !stop.is_asked() {
            let end = match store.take_lease(&name, &holder, clock.now()).await {
                Ok(Some(held)) => {
                    told_waiting = false;
                    let end = self.under_lease(&held, &mut pulse, &mut pace).await;
                    // Best effort: a lease that is not given back runs out.
                    let _ = store.release_lease(&held, clock.now()).await;
                    end
                }
                Ok(None) => {
                    if !told_waiting {
                        tracing::info!(mailbox = %address.masked(), "another poller reads this mailbox; waiting");
                    }
                    told_waiting = true;
                    // A daemon that stands by is ready.
                    watchdog::turn(None);
                    stop.sleep(LEASE_PAUSE).await;
                    continue;
                }
                Err(error) => End::Failed {
                    problem: error.to_string(),
                    failure: Failure::Trouble,
                },
            };
            match end {
                End::Over => {}
                End::LeaseLost => {
                    tracing::warn!(mailbox = %address.masked(), "another poller has taken over");
                    stop.sleep(LEASE_PAUSE).await;
                }
                End::Failed { problem, failure } => {
                    pulse.bad(&store, problem, clock.now()).await;
                    stop.sleep(pace.failed(failure, process::jitter())).await;
                }
            }
        }
    }

    /// Reads while the lease is held.
    async fn under_lease(&mut self, held: &Held, pulse: &mut Pulse, pace: &mut Pace) -> End {
        let (store, clock) = (
            self.intake.register.store.clone(),
            self.intake.register.clock.clone(),
        );
        tokio::select! {
            end = self.connected(held, pulse, pace) => end,
            () = keep_lease(&store, &clock, held) => End::LeaseLost,
        }
    }

    /// Reads over one connection.
    async fn connected(&mut self, held: &Held, pulse: &mut Pulse, pace: &mut Pace) -> End {
        let wait = pace.login(Instant::now());
        if !wait.is_zero() {
            tracing::warn!(mailbox = %self.settings.address.masked(), wait_s = wait.as_secs(), "too many logins in a short time; the next one waits");
            if !self.stop.sleep(wait).await {
                return End::Over;
            }
        }
        let opened = Connection::open_with(
            &self.server,
            Timeouts::default(),
            Limits::for_messages_up_to(self.intake.letter_cap_bytes),
        );
        let mut connection = match tokio::select! { opened = opened => opened, () = self.stop.asked() => return End::Over }
        {
            Ok(connection) => connection,
            Err(error) => return failed(&self.server.host, error.into()),
        };
        match self.read(&mut connection, held, pulse, pace).await {
            Ok(()) => {
                connection.logout().await;
                End::Over
            }
            Err(SyncError::Store(StoreError::LeaseLost(_))) => End::LeaseLost,
            Err(error) => failed(&self.server.host, error),
        }
    }

    /// Brings the folders up to date and waits for news, until a stop is asked for or the connection should be opened anew.
    async fn read(
        &mut self,
        connection: &mut Connection,
        held: &Held,
        pulse: &mut Pulse,
        pace: &mut Pace,
    ) -> Result<(), SyncError> {
        let mut folders = self.folders(connection).await?;
        let mut compared: Option<Instant> = None;
        let store = self.intake.register.store.clone();
        while !self.stop.is_asked() {
            // What came until now is read by the end of this turn.
            let begun = self.intake.register.clock.now();
            let thorough = compared.is_none_or(|at| at.elapsed() >= THOROUGH_EVERY);
            // Before the others: they are selected anew.
            self.sent.look(connection).await?;
            // The first folder last: it stays selected, and its news is what is waited for.
            for folder in folders.iter_mut().rev() {
                folder
                    .bring_up_to_date(connection, &mut self.intake, thorough, held)
                    .await?;
                if self.stop.is_asked() {
                    return Ok(());
                }
            }
            if thorough {
                compared = Some(Instant::now());
            }
            // Answers and orders of the night wait for this.
            let awaited = store.awaited_read(self.settings.address.as_str()).await?;
            if awaited.is_some_and(|due| due <= begun) {
                pulse.hurry();
            }
            pulse.good(&store, begun).await;
            pace.good();
            let now = self.intake.register.clock.now();
            let until = awaited.filter(|due| *due > begun).map(|due| due - now);
            self.wait_for_news(connection, until).await?;
            let runs_out = connection.until();
            if runs_out.is_some_and(|at| at <= tokio::time::Instant::now()) {
                break;
            }
        }
        Ok(())
    }

    /// The folders to read, by their names on the server.
    async fn folders(&self, connection: &mut Connection) -> Result<Vec<Folder>, SyncError> {
        let mut found: Vec<Folder> = Vec::new();
        for name in &self.settings.folders {
            let name = match name.as_str() {
                "spam" => match connection.list_special(Role::Junk).await? {
                    Some(name) => name,
                    None => {
                        tracing::warn!(mailbox = %self.settings.address.masked(), "the server has no folder for spam; letters there would not be seen");
                        continue;
                    }
                },
                name => name.to_owned(),
            };
            if !found.iter().any(|folder| folder.name == name) {
                found.push(Folder::new(name));
            }
        }
        Ok(found)
    }

    /// Waits until letters come, the safety poll is due, a stop is asked for, or `until` is over.
    async fn wait_for_news(
        &mut self,
        connection: &mut Connection,
        until: Option<TimeDelta>,
    ) -> Result<(), SyncError> {
        let mut longest = self.settings.poll_interval.min(LONGEST_IDLE);
        if let Some(until) = until {
            let until = until.max(TimeDelta::zero()) + PAST_DUE;
            longest = longest.min(until.to_std().unwrap_or(longest));
        }
        if let Some(runs_out) = connection.until() {
            longest = longest.min(runs_out.saturating_duration_since(tokio::time::Instant::now()));
        }
        if let Some(every) = self.settings.quick_poll {
            let begun = Instant::now();
            while begun.elapsed() < longest && self.stop.sleep(every).await {
                if connection.noop().await? {
                    return Ok(());
                }
            }
            return Ok(());
        }
        let without = self.idle_again.is_some_and(|at| at > Instant::now());
        if without || !connection.supports_idle() {
            self.stop.sleep(longest).await;
            return Ok(());
        }
        match connection.idle(longest, self.stop.asked()).await {
            Ok(IdleEnd::NewMail | IdleEnd::Timeout | IdleEnd::Stopped) => {
                self.idle_failures = 0;
                Ok(())
            }
            Err(error) => {
                self.idle_failures += 1;
                if self.idle_failures == IDLE_FAILURES {
                    tracing::warn!(mailbox = %self.settings.address.masked(), "IDLE ends badly again and again; for an hour letters are noticed by polling");
                    self.idle_again = Some(Instant::now() + WITHOUT_IDLE);
                    self.idle_failures = 0;
                }
                Err(error.into())
            }
        }
    }
}

/// Renews the lease until it is lost.
async fn keep_lease(store: &Store, clock: &Arc<dyn Clock>, held: &Held) {
    loop {
        tokio::time::sleep(LEASE_EVERY).await;
        match store.renew_lease(held, clock.now()).await {
            Ok(()) => {}
            Err(StoreError::LeaseLost(_)) => return,
            Err(error) => tracing::debug!(%error, "the lease was not renewed"),
        }
    }
}

/// What a failure means for the next try.
fn failed(host: &str, error: SyncError) -> End {
    let failure = match &error {
        SyncError::Imap(
            ImapError::AuthRefused(_)
            | ImapError::NoLoginMethod(_)
            | ImapError::PlainTextRefused(_)
            | ImapError::Token(TokenError::Refused(_) | TokenError::NotUnderstood(_)),
        ) => Failure::LoginRefused,
        SyncError::Imap(_) | SyncError::Store(_) => Failure::Trouble,
    };
    let problem = match error {
        SyncError::Imap(error) => format!("IMAP server {host}: {error}"),
        SyncError::Store(error) => error.to_string(),
    };
    End::Failed { problem, failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_that_is_refused_is_tried_as_slowly_as_a_password() {
        for (error, expected) in [
            (TokenError::Refused("no".to_owned()), Failure::LoginRefused),
            (TokenError::NotUnderstood("no"), Failure::LoginRefused),
            (TokenError::Busy("HTTP 503".to_owned()), Failure::Trouble),
        ] {
            let End::Failed { failure, problem } =
                failed("imap.example", ImapError::Token(error).into())
            else {
                unreachable!("it failed");
            };
            assert_eq!(failure, expected, "{problem}");
        }
    }
}
