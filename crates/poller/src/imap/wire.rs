//! One command at a time, and its answer to the end: the only place that writes to the server or
//! waits for it.
//!
//! Of async-imap we use the response stream (`Client::read_response`, with imap-proto behind it) and
//! nothing above it: its `uid_search`, `uid_fetch`, `uid_store` and others take a NO, a BAD or a clean
//! close for success (traps I1, I2), have no time limits (I3), and log every command, LOGIN
//! included (I12). Commands are written here, under tags of our own, so the password passes no log.
//!
//! Every answer is read until our tag: OK is success, and everything else is an error, the end of
//! the stream included. From the moment a command is sent until its OK the wire counts as broken;
//! so an error, or a future dropped half-way (I9), leaves it broken, and every later call is
//! [`ImapError::Lost`] without touching the network.

use std::collections::HashSet;
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_imap::Client;
use async_imap::imap_proto::{Capability, Outcome, Response, ResponseCode, Status};
use futures::FutureExt as _;
use ninetosix_core::watchdog;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{ImapError, Stage, printable};
use super::folder::Folder;
use super::framing::FrameError;
use super::settings::{Limits, Timeouts};
use super::stream::{Socket, Watched};

/// The most capabilities taken note of, or nearly; real servers have forty.
const MOST_CAPABILITIES: usize = 1000;

/// A connection that speaks IMAP, in whatever state (RFC 3501 section 3).
pub(super) struct Wire {
    client: Client<Watched>,
    tags: u32,
    /// Where it broke, or which command is under way.
    broken: Option<Stage>,
    capabilities: HashSet<String>,
    pub(super) folder: Folder,
    pub(super) timeouts: Timeouts,
    pub(super) limits: Limits,
}

/// A command under way.
pub(super) struct Exchange {
    name: &'static str,
    stage: Stage,
    tag: String,
    patience: Patience,
    untagged: usize,
    allowed: usize,
    received_before: u64,
    waited: Duration,
}

/// How long to wait for the next response.
enum Patience {
    /// By [`Timeouts::read`] and [`Timeouts::command`].
    Answer,
    /// Until then, whatever comes.
    Until(Instant),
}

impl Exchange {
    /// Also allows as many responses as the command asks for.
    pub(super) fn expecting(mut self, responses: usize) -> Self {
        self.allowed = self.allowed.saturating_add(responses);
        self
    }

    /// From now on waits until then, whatever comes.
    pub(super) fn wait_until(&mut self, deadline: Instant) {
        self.patience = Patience::Until(deadline);
    }

    /// What a server says now may repeat the password, and is not logged.
    fn is_login(&self) -> bool {
        matches!(self.name, "LOGIN" | "AUTHENTICATE")
    }

    /// RFC 3501 section 7.1: the text of an ALERT is for a person to read.
    fn alert(&self, outcome: &Outcome<'_>) {
        if outcome.code == Some(ResponseCode::Alert) && !self.is_login() {
            tracing::warn!(
                imap.alert = words(outcome),
                "the IMAP server has something to say"
            );
        }
    }
}

impl Wire {
    /// Wraps a connected socket; nothing is read or written.
    pub(super) fn new(socket: Socket, timeouts: Timeouts, limits: Limits) -> Self {
        Self {
            client: Client::new(Watched::new(socket, limits)),
            tags: 0,
            broken: None,
            capabilities: HashSet::new(),
            folder: Folder::default(),
            timeouts,
            limits,
        }
    }

    /// Waits for the greeting (RFC 3501 section 7.1). PREAUTH is refused: nobody identified us, and
    /// an authenticated connection could no longer be encrypted by STARTTLS.
    pub(super) async fn greeting(&mut self) -> Result<(), ImapError> {
        self.broken = Some(Stage::Greeting);
        let mut exchange = self.exchange("greeting", Stage::Greeting);
        exchange.wait_until(Instant::now() + self.timeouts.greeting);
        let greeting = self.next(&mut exchange, |response| match response {
            Response::Data {
                status: Status::Ok, ..
            } => Some(Ok(())),
            Response::Data {
                status: Status::PreAuth,
                ..
            } => Some(Err(ImapError::Protocol(
                "a greeting that claims we are logged in".to_owned(),
            ))),
            _ => Some(Err(ImapError::Protocol("no IMAP greeting".to_owned()))),
        });
        greeting.await?.unwrap_or(Ok(()))?;
        self.broken = None;
        Ok(())
    }

    /// Sends a command and hands every untagged response to `on`, until the tagged OK.
    pub(super) async fn command(
        &mut self,
        name: &'static str,
        arguments: &str,
        expecting: usize,
        mut on: impl FnMut(&Response<'_>),
    ) -> Result<(), ImapError> {
        let mut exchange = self.begin(name, arguments).await?.expecting(expecting);
        self.next(&mut exchange, |response| {
            on(response);
            None::<()>
        })
        .await
        .map(|_| ())
    }

    /// Sends a command. `name` is its first words and what errors call it.
    pub(super) async fn begin(
        &mut self,
        name: &'static str,
        arguments: &str,
    ) -> Result<Exchange, ImapError> {
        let stage = if name == "IDLE" {
            Stage::Idle
        } else {
            Stage::Command(name)
        };
        self.check()?;
        self.broken = Some(stage);
        let exchange = self.exchange(name, stage);
        let space = if arguments.is_empty() { "" } else { " " };
        // It may be LOGIN: in this type the bytes are wiped after use.
        let line = SecretString::from(format!("{} {name}{space}{arguments}\r\n", exchange.tag));
        self.send(line.expose_secret().as_bytes(), stage).await?;
        Ok(exchange)
    }

    /// Nothing has gone wrong yet.
    pub(super) fn check(&self) -> Result<(), ImapError> {
        self.broken
            .map_or(Ok(()), |stage| Err(ImapError::Lost(stage)))
    }

    fn exchange(&mut self, name: &'static str, stage: Stage) -> Exchange {
        self.tags = self.tags.wrapping_add(1);
        Exchange {
            name,
            stage,
            tag: format!("N{}", self.tags),
            patience: Patience::Answer,
            untagged: 0,
            allowed: self.limits.max_untagged,
            received_before: self.client.get_ref().received(),
            waited: Duration::ZERO,
        }
    }

    /// Writes bytes as they are: the continuation of the command under way.
    pub(super) async fn send(&mut self, bytes: &[u8], stage: Stage) -> Result<(), ImapError> {
        let socket = self.client.get_mut();
        let write = async {
            socket.write_all(bytes).await?;
            socket.flush().await
        };
        match watchdog::waiting(timeout(self.timeouts.read, write)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ImapError::Lost(stage)),
            Err(_) => Err(ImapError::Timeout(stage)),
        }
    }

    /// Reads on until `pick` chooses something from an untagged response or a continuation request
    /// (`Some`), or the command ends with OK (`None`).
    ///
    /// May be dropped while it waits and called again: nothing is lost between two calls.
    pub(super) async fn next<T>(
        &mut self,
        exchange: &mut Exchange,
        mut pick: impl FnMut(&Response<'_>) -> Option<T>,
    ) -> Result<Option<T>, ImapError> {
        let stage = exchange.stage;
        loop {
            let begun = Instant::now();
            let received = self.client.get_ref().received();
            let response = loop {
                let limit = self.deadline(exchange, begun, received);
                // imap-proto panics at some answers, such as `INTERNALDATE NIL`.
                let read = AssertUnwindSafe(self.client.read_response()).catch_unwind();
                match watchdog::waiting(timeout_at(limit, read)).await {
                    Ok(Ok(Ok(Some(response)))) => break response,
                    Ok(Ok(Ok(None))) => return Err(ImapError::Lost(stage)),
                    Ok(Ok(Err(error))) => return Err(read_error(&error, stage)),
                    Ok(Err(_)) => {
                        return Err(ImapError::Protocol("a response no parser bears".to_owned()));
                    }
                    // Bytes came meanwhile, which moved the limit.
                    Err(_) if self.deadline(exchange, begun, received) > Instant::now() => {}
                    Err(_) => return Err(ImapError::Timeout(stage)),
                }
            };
            exchange.waited += begun.elapsed();
            exchange.untagged += 1;
            if exchange.untagged > exchange.allowed {
                return Err(ImapError::Protocol(format!(
                    "more than {} responses to {}",
                    exchange.allowed, exchange.name
                )));
            }
            match response.parsed() {
                Response::Done {
                    tag,
                    status,
                    outcome,
                } if tag.0 == exchange.tag => {
                    exchange.alert(outcome);
                    return self.end(exchange.name, status, outcome).map(|()| None);
                }
                // One command is in flight at a time, so this can be no answer of ours (trap I19).
                Response::Done { .. } => {
                    return Err(ImapError::Protocol(
                        "an answer to no command of ours".to_owned(),
                    ));
                }
                Response::Data {
                    status: Status::Bye,
                    outcome,
                } => {
                    let text = words(outcome);
                    if stage == Stage::Greeting {
                        return Err(ImapError::No {
                            command: "greeting",
                            text,
                        });
                    }
                    if !exchange.is_login() {
                        tracing::debug!(imap.bye = text, "the IMAP server closes the connection");
                    }
                    return Err(ImapError::Lost(stage));
                }
                response => {
                    if let Response::Data { outcome, .. } = response {
                        exchange.alert(outcome);
                    }
                    self.folder.note(response);
                    if let Some(picked) = pick(response) {
                        return Ok(Some(picked));
                    }
                    if matches!(response, Response::Continue(_)) {
                        return Err(ImapError::Protocol(format!(
                            "{} was answered with `+`",
                            exchange.name
                        )));
                    }
                }
            }
        }
    }

    /// Until when a response may be awaited that we began to wait for at `begun`, having `received`
    /// bytes then: not through a silence of [`Timeouts::read`], nor at less than 1 KiB a second.
    fn deadline(&self, exchange: &Exchange, begun: Instant, received: u64) -> Instant {
        if let Patience::Until(deadline) = exchange.patience {
            return deadline;
        }
        let watched = self.client.get_ref();
        let credit = |since: u64| Duration::from_secs((watched.received() - since) / 1024);
        let silence = watched.heard().max(begun) + self.timeouts.read;
        let response = begun + self.timeouts.read + credit(received);
        let command = begun
            + (self.timeouts.command + credit(exchange.received_before))
                .saturating_sub(exchange.waited);
        silence.min(response).min(command)
    }

    fn end(
        &mut self,
        command: &'static str,
        status: &Status,
        outcome: &Outcome<'_>,
    ) -> Result<(), ImapError> {
        let text = words(outcome);
        match status {
            Status::Ok => {
                self.broken = None;
                Ok(())
            }
            Status::No => Err(ImapError::No { command, text }),
            Status::Bad => Err(ImapError::Bad { command, text }),
            Status::PreAuth | Status::Bye => Err(ImapError::Protocol(format!(
                "{command} ended in neither OK, NO nor BAD"
            ))),
        }
    }

    /// Gives the connection up over an answer that makes no sense.
    pub(super) fn spoil(&mut self, what: &str) -> ImapError {
        self.broken
            .get_or_insert(Stage::Command("an earlier command"));
        ImapError::Protocol(what.to_owned())
    }

    /// Goes on after a NO or BAD that was to be expected: the answer was read to its end, so the
    /// next one will be ours.
    pub(super) fn forgive(&mut self) {
        self.broken = None;
    }

    /// Asks what the server can do; the answer changes with encryption and login
    /// (RFC 3501 section 6.1.1).
    pub(super) async fn ask_capabilities(&mut self) -> Result<(), ImapError> {
        let mut found = HashSet::new();
        self.command("CAPABILITY", "", 0, |response| {
            if let Response::Capabilities(list) = response
                && found.len() < MOST_CAPABILITIES
            {
                found.extend(list.iter().map(|capability| match capability {
                    Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
                    Capability::Auth(name) => format!("AUTH={}", name.to_ascii_uppercase()),
                    Capability::Atom(name) => name.to_ascii_uppercase(),
                }));
            }
        })
        .await?;
        self.capabilities = found;
        Ok(())
    }

    /// The server has this capability, named in capitals.
    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// The socket below, for STARTTLS. What the server sent beyond its answer is dropped: it came
    /// unencrypted, and whoever put it there wants it taken for part of the protected conversation.
    pub(super) fn into_socket(self) -> Socket {
        self.client.into_inner().into_socket()
    }

    /// Closes the connection in good order.
    pub(super) async fn shut_down(&mut self) {
        // The conversation is over; nobody needs to know whether the peer heard that.
        let _ = self.client.get_mut().shutdown().await;
    }
}

/// The server's words with a status, on one printable line.
fn words(outcome: &Outcome<'_>) -> String {
    printable(outcome.information.as_deref().unwrap_or_default())
}

/// A failed read: our own framing, async-imap's parser, or the network.
fn read_error(error: &io::Error, stage: Stage) -> ImapError {
    let inner = error.get_ref();
    if let Some(frame) = inner.and_then(|inner| inner.downcast_ref::<FrameError>()) {
        return ImapError::Protocol(frame.to_string());
    }
    // async-imap's parse errors repeat their whole input (trap I11).
    if error.kind() == io::ErrorKind::Other && inner.is_some() {
        return ImapError::Protocol("an unreadable response".to_owned());
    }
    ImapError::Lost(stage)
}
