//! One letter's way through an open session.
//!
//! ```text
//!   MAIL FROM -> RCPT TO -> before_data() -> check_outgoing -> DATA -> body -> end_of_data -> "." -> reply
//! ```
//!
//! After every failure the connection is either proved clean by RSET or dropped; a letter never finds the
//! one before it still open (B06, trap L2).

use std::{fmt, future::Future, sync::Arc};

use tokio::time::timeout;

use super::{
    auth::Secrets,
    conversation::{Conversation, Gate, Trouble},
    dial::{self, DialError},
    dotted::Frozen,
    envelope::{MailFrom, Path, RcptTo},
    line::Line,
    outcome::{Class, Failure, Refusal, SendOutcome, Stage, class_of, ends_the_connection},
    outgoing::check_outgoing,
    reply::Reply,
    server::{SmtpServer, Timeouts},
};

/// A logged-in connection to the submission server. It carries letters one after another, until one of them
/// leaves it unusable.
pub struct SmtpSession {
    /// Gone once the connection cannot carry another letter.
    line: Option<Line>,
    conversation: Arc<Conversation>,
    secrets: Secrets,
}

/// What is to be done with the connection after a letter.
enum Next {
    Keep,
    Reset,
    Drop,
}

/// A letter's way ended here.
struct Stop {
    outcome: SendOutcome,
    next: Next,
}

impl SmtpSession {
    /// Dials, does TLS, greets and logs in.
    ///
    /// # Errors
    ///
    /// [`DialError`], named for what can be done about it.
    pub async fn open(server: &SmtpServer, timeouts: &Timeouts) -> Result<Self, DialError> {
        loop {
            let credential = server.login.credential().await?;
            let mut secrets = Secrets::of(&credential);
            match dial::open(server, &credential, timeouts, &mut secrets).await {
                Ok(line) => {
                    return Ok(Self {
                        conversation: Arc::clone(line.conversation()),
                        line: Some(line),
                        secrets,
                    });
                }
                // At most once: the next is a fresh one.
                Err(DialError::AuthRefused { .. }) if server.login.refused(&credential).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// True if another letter may be sent through this session. A server that has left in the meantime is
    /// noticed only by the next letter, which then fails as [`Class::Temporary`] without a code at
    /// [`Stage::MailFrom`].
    pub fn is_usable(&self) -> bool {
        self.line.as_ref().is_some_and(Line::is_sound)
    }

    /// True if the end of data of the latest letter was written: the kernel has taken all of it. For a caller who dropped
    /// the future of [`SmtpSession::send`]: if true, that letter's outcome is ambiguous.
    pub fn end_of_data_written(&self) -> bool {
        self.conversation.end_of_data_written()
    }

    /// Sends one letter to exactly one recipient.
    ///
    /// `sender` is the reverse-path; empty means the null one (RFC 5321 section 4.5.5). Once both addresses
    /// are accepted, `before_data` composes and freezes the bytes and returns them, or refuses. Once the
    /// whole body has gone down to the kernel, `end_of_data` is asked; only if it agrees is the end of data
    /// written, at once. Each of the two has [`Timeouts::caller`] to answer, and is dropped if it does not.
    ///
    /// If the returned future is dropped half-way, the connection is closed and the session is unusable;
    /// see [`SmtpSession::end_of_data_written`].
    pub async fn send<Compose, Composing>(
        &mut self,
        sender: &str,
        recipient: &str,
        before_data: Compose,
        end_of_data: impl Future<Output = Result<(), Refusal>> + Send + 'static,
    ) -> SendOutcome
    where
        Compose: FnOnce() -> Composing,
        Composing: Future<Output = Result<Vec<u8>, Refusal>>,
    {
        self.conversation.begin_letter();
        let Some(sender) = Path::parse_sender(sender) else {
            return not_sendable(Stage::MailFrom, Class::Ours);
        };
        let Some(recipient) = Path::parse(recipient) else {
            return not_sendable(Stage::Rcpt, Class::Permanent);
        };
        // Taken out, so that a future dropped half-way takes the connection with it.
        let Some(mut line) = self.line.take() else {
            let text = "the connection is no longer usable";
            return failed(Stage::MailFrom, Class::Temporary, None, text.to_owned());
        };
        let gate = Box::pin(end_of_data);
        let stop = self
            .carry(&mut line, sender, recipient, before_data, gate)
            .await;
        let keep = match stop.next {
            Next::Keep => line.is_sound(),
            Next::Reset => line.reset().await,
            Next::Drop => false,
        };
        if keep {
            self.line = Some(line);
        }
        stop.outcome
    }

    /// Says goodbye, best effort and within [`Timeouts::quit`]. Dropping the session instead is safe too.
    pub async fn quit(self) {
        if let Some(line) = self.line {
            line.hang_up().await;
        }
    }

    async fn carry<Compose, Composing>(
        &self,
        line: &mut Line,
        sender: Path<'_>,
        recipient: Path<'_>,
        before_data: Compose,
        gate: Gate,
    ) -> Stop
    where
        Compose: FnOnce() -> Composing,
        Composing: Future<Output = Result<Vec<u8>, Refusal>>,
    {
        let steps = async {
            let limits = *self.conversation.timeouts();
            let said = line
                .say(MailFrom(sender), limits.envelope, "no answer to MAIL FROM")
                .await;
            self.expect(Stage::MailFrom, said, &[250])?;
            let said = line
                .say(RcptTo(recipient), limits.envelope, "no answer to RCPT TO")
                .await;
            self.expect(Stage::Rcpt, said, &[250, 251])?;
            let frozen = Frozen::new(compose(before_data, &limits).await?);
            let said = line.say_data(frozen.clone(), gate, limits.data).await;
            self.expect(Stage::Data, said, &[354])?;
            let said = line.send_body(&frozen).await;
            self.expect(Stage::EndOfData, said, &[250])
        };
        match steps.await {
            Ok(reply) => Stop {
                outcome: SendOutcome::Accepted {
                    reply: self.secrets.shown(&reply.text()),
                },
                next: Next::Keep,
            },
            Err(stop) => stop,
        }
    }

    /// The reply, if its code is one of those the command may be answered with (RFC 5321 section 4.3.2).
    fn expect(
        &self,
        stage: Stage,
        said: Result<Reply, Trouble>,
        awaited: &[u16],
    ) -> Result<Reply, Stop> {
        match said {
            Ok(reply) if awaited.contains(&reply.code()) => Ok(reply),
            Ok(reply) if reply.code() >= 400 => Err(self.refused(stage, &reply)),
            Ok(reply) => {
                let unexpected = format!("unexpected reply {} {}", reply.code(), reply.text());
                Err(self.broken(stage, Trouble::Malformed(unexpected)))
            }
            Err(trouble) => Err(self.broken(stage, trouble)),
        }
    }

    /// A clean "no" from the server.
    fn refused(&self, stage: Stage, reply: &Reply) -> Stop {
        let text = self.secrets.shown(&reply.text());
        Stop {
            outcome: failed(stage, class_of(stage, reply), Some(reply.code()), text),
            next: if ends_the_connection(reply) {
                Next::Drop
            } else {
                Next::Reset
            },
        }
    }

    /// No reply that counts.
    fn broken(&self, stage: Stage, trouble: Trouble) -> Stop {
        let why = self.secrets.shown(&trouble.to_string());
        let outcome = match trouble {
            Trouble::Refused(refusal) => SendOutcome::GateClosed(refusal),
            _ if self.conversation.end_of_data_written() => SendOutcome::Ambiguous { why },
            Trouble::Stale => SendOutcome::GateClosed(Refusal::new(why)),
            Trouble::Misuse(_) => failed(stage, Class::Ours, None, why),
            Trouble::Closed
            | Trouble::Lost(_)
            | Trouble::Overdue(_)
            | Trouble::Malformed(_)
            | Trouble::Early(_) => failed(stage, Class::Temporary, None, why),
        };
        let next = Next::Drop;
        Stop { outcome, next }
    }
}

/// The caller's bytes, if he gives some and they may be sent.
async fn compose<Composing>(
    before_data: impl FnOnce() -> Composing,
    limits: &Timeouts,
) -> Result<Vec<u8>, Stop>
where
    Composing: Future<Output = Result<Vec<u8>, Refusal>>,
{
    let outcome = match timeout(limits.caller, before_data()).await {
        Ok(Ok(bytes)) => match check_outgoing(&bytes) {
            Ok(()) => return Ok(bytes),
            Err(fault) => failed(Stage::Data, Class::Ours, None, fault.to_string()),
        },
        Ok(Err(refusal)) => SendOutcome::GateClosed(refusal),
        Err(_elapsed) => {
            let text = "timed out: the letter was not composed".to_owned();
            failed(Stage::Data, Class::Temporary, None, text)
        }
    };
    let next = Next::Reset;
    Err(Stop { outcome, next })
}

fn failed(stage: Stage, class: Class, code: Option<u16>, text: String) -> SendOutcome {
    SendOutcome::Failed(Failure {
        stage,
        class,
        code,
        text,
    })
}

fn not_sendable(stage: Stage, class: Class) -> SendOutcome {
    failed(stage, class, None, "address not sendable".to_owned())
}

impl fmt::Debug for SmtpSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSession")
            .field("is_usable", &self.is_usable())
            .finish_non_exhaustive()
    }
}
