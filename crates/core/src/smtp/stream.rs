//! The stream under lettre: plain text above, TLS (or loopback) below, and a sense of whose turn it is.
//!
//! It lets through exactly this: one whole command line, then one whole reply, in turn; after `DATA` and
//! `354` the agreed body; then it asks the caller, and only after his yes the end of data. lettre sees
//! each reply alone and in a form it can read. Anything else is a [`Trouble`], after which nothing more is
//! written.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    conversation::{Conversation, Gate, Trouble},
    dotted::{Dotted, END_OF_DATA},
    reply::{Malformed, Reply, ReplyReader, excerpt, printable},
};
use crate::clock::since_boot;

/// How old the caller's yes may be when the end of data goes down to the kernel.
const FRESH: Duration = Duration::from_secs(1);

/// What went wrong if it did not.
const NOT_ENDED: &str = "the end of data could not be written";

/// Body bytes taken from lettre before they must have gone down to the kernel.
pub(super) const BLOCK: usize = 64 * 1024;

/// Whose turn it is, and what is expected.
enum Turn {
    /// We may say a command.
    Ours,
    /// A reply is due; `to_data` if it answers DATA.
    Theirs { to_data: bool },
    /// The body, up to its terminator.
    Body { dotted: Dotted, gate: Asked },
    /// The terminator is withheld until the gate has answered.
    Gate(Asked),
    /// The gate, asked at this moment, said yes; the terminator is on its way down, or about to be tried.
    Ending { asked_at: Duration, tried: bool },
}

/// The gate in a wrapping that is `Sync`, as lettre demands; only ever reached through `&mut`.
struct Asked(Mutex<Gate>);

impl Asked {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), super::Refusal>> {
        let gate = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        gate.as_mut().poll(cx)
    }
}

/// See the file's own description.
pub(super) struct GatedStream<S> {
    inner: S,
    peer: SocketAddr,
    conversation: Arc<Conversation>,
    turn: Turn,
    /// The server has been found silent in this turn of ours.
    heard: bool,
    /// Bytes accepted from lettre, and how many of them have gone down.
    out: Vec<u8>,
    sent: usize,
    reader: ReplyReader,
    /// The reply lettre is reading, and how far it is.
    handout: Vec<u8>,
    handed: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> GatedStream<S> {
    /// A stream on a connection whose greeting has been read already; lettre is shown it first.
    pub(super) fn new(
        inner: S,
        peer: SocketAddr,
        greeting: &Reply,
        conversation: Arc<Conversation>,
    ) -> Self {
        Self {
            inner,
            peer,
            conversation,
            turn: Turn::Ours,
            heard: false,
            out: Vec::new(),
            sent: 0,
            reader: ReplyReader::default(),
            handout: greeting.for_lettre(),
            handed: 0,
        }
    }

    fn fail(&self, trouble: Trouble) -> io::Error {
        let error = io::Error::other(trouble.to_string());
        self.conversation.note_trouble(trouble);
        error
    }

    /// After trouble nothing is written or read any more.
    fn check_sound(&self) -> io::Result<()> {
        match self.conversation.trouble() {
            Some(trouble) => Err(io::Error::other(trouble.to_string())),
            None => Ok(()),
        }
    }

    /// R13: fails if the server has said something, or has gone, before our turn.
    fn check_silence(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut bytes = [0; 512];
        let mut waiting = ReadBuf::new(&mut bytes);
        match Pin::new(&mut self.inner).poll_read(cx, &mut waiting) {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) if waiting.filled().is_empty() => Err(self.fail(Trouble::Closed)),
            Poll::Ready(Ok(())) => Err(self.fail(Trouble::Early(excerpt(waiting.filled())))),
            Poll::Ready(Err(error)) => Err(self.fail(lost(&error))),
        }
    }

    /// Sends down what was accepted.
    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.out.get(self.sent..) {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(Err(self.fail(Trouble::Closed))),
                Ok(n) => self.sent += n,
                Err(error) => return Poll::Ready(Err(self.fail(lost(&error)))),
            }
        }
        self.out.clear();
        self.sent = 0;
        let flushed = ready!(Pin::new(&mut self.inner).poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.fail(lost(&error))))
    }

    /// Sends down what was accepted and, if the whole body was, asks the gate and ends the data.
    fn poll_advance(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.check_sound()?;
            if let Turn::Ending { asked_at, tried } = &mut self.turn {
                let is_late = since_boot().saturating_sub(*asked_at) > FRESH;
                let trouble = match std::mem::replace(tried, true) {
                    // C08: a pause since the gate was asked makes its answer worthless. Between this look and the write
                    // there is nothing but the encryption of five bytes.
                    false => Trouble::Stale,
                    // What is not down by now, the server does not have.
                    true => Trouble::Overdue(NOT_ENDED),
                };
                if is_late {
                    return Poll::Ready(Err(self.fail(trouble)));
                }
            }
            ready!(self.poll_down(cx))?;
            let limits = *self.conversation.timeouts();
            match &mut self.turn {
                Turn::Gate(gate) => {
                    // The body has left for the kernel, so only these five bytes are still to come.
                    let asked_at = since_boot();
                    let answer = ready!(gate.poll(cx));
                    if let Err(refusal) = answer {
                        return Poll::Ready(Err(self.fail(Trouble::Refused(refusal))));
                    }
                    crate::failpoint::reach("gate_said_yes");
                    self.check_silence(cx)?;
                    self.conversation.allow(FRESH, NOT_ENDED);
                    self.out.extend_from_slice(END_OF_DATA);
                    self.turn = Turn::Ending {
                        asked_at,
                        tried: false,
                    };
                }
                Turn::Ending { .. } => {
                    // Only now the kernel has the whole of it. What it does not have, the server cannot
                    // get: of a TLS record nothing is readable until its last byte is there.
                    self.conversation.note_end_of_data();
                    crate::failpoint::reach("dot_written");
                    self.turn = Turn::Theirs { to_data: false };
                    self.conversation
                        .allow(limits.end_of_data, "no answer to the end of data");
                }
                Turn::Body { .. } => {
                    self.conversation
                        .allow(limits.block, "the body is not being taken");
                    return Poll::Ready(Ok(()));
                }
                Turn::Ours | Turn::Theirs { .. } => return Poll::Ready(Ok(())),
            }
        }
    }

    /// One command: a single line, in our turn, to a silent server.
    fn accept_command(&mut self, cx: &mut Context<'_>, line: &[u8]) -> io::Result<usize> {
        let text = line.strip_suffix(b"\r\n").unwrap_or_default();
        if text.is_empty() || text.iter().any(|&b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(self.fail(Trouble::Misuse("a command that is not one line")));
        }
        self.check_silence(cx)?;
        self.out.extend_from_slice(line);
        self.turn = Turn::Theirs {
            to_data: line.eq_ignore_ascii_case(b"DATA\r\n"),
        };
        Ok(line.len())
    }

    /// A piece of the body; its terminator stays here.
    fn accept_body(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> io::Result<usize> {
        if !self.heard {
            self.check_silence(cx)?;
            self.heard = true;
        }
        let Turn::Body { dotted, .. } = &mut self.turn else {
            return Err(self.fail(Trouble::Misuse("a body out of turn")));
        };
        let piece = bytes.get(..BLOCK).unwrap_or(bytes);
        let Ok(body_bytes) = dotted.accept(piece) else {
            return Err(self.fail(Trouble::Misuse("the body is not the frozen one")));
        };
        let is_complete = dotted.is_complete();
        self.out.extend(piece.iter().take(body_bytes));
        if is_complete {
            let caller = self.conversation.timeouts().caller;
            self.conversation
                .allow(caller, "the last look gave no answer");
            if let Turn::Body { gate, .. } = std::mem::replace(&mut self.turn, Turn::Ours) {
                self.turn = Turn::Gate(gate);
            }
        }
        Ok(piece.len())
    }

    /// Reads until one reply is complete, and makes it ready for lettre.
    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut bytes = [0; 4096];
            let mut read = ReadBuf::new(&mut bytes);
            if let Err(error) = ready!(Pin::new(&mut self.inner).poll_read(cx, &mut read)) {
                return Poll::Ready(Err(self.fail(lost(&error))));
            }
            let bytes = read.filled();
            if bytes.is_empty() {
                return Poll::Ready(Err(self.fail(Trouble::Closed)));
            }
            match self.reader.feed(bytes) {
                Ok(None) => {}
                Ok(Some((reply, used))) => {
                    self.take_reply(reply, bytes.get(used..).unwrap_or_default());
                    return Poll::Ready(Ok(()));
                }
                Err(Malformed(why)) => {
                    return Poll::Ready(Err(self.fail(Trouble::Malformed(why))));
                }
            }
        }
    }

    fn take_reply(&mut self, reply: Reply, left_over: &[u8]) {
        let to_data = matches!(self.turn, Turn::Theirs { to_data: true });
        self.turn = Turn::Ours;
        self.heard = false;
        if to_data
            && reply.code() == 354
            && let Some((frozen, gate)) = self.conversation.take_body()
        {
            self.turn = Turn::Body {
                dotted: Dotted::new(frozen),
                gate: Asked(Mutex::new(gate)),
            };
        }
        self.handout = reply.for_lettre();
        self.handed = 0;
        // This reply stands: it was awaited. No later one can be told from what is already here.
        self.conversation.note_reply(reply);
        if !left_over.is_empty() {
            self.conversation
                .note_trouble(Trouble::Early(excerpt(left_over)));
        }
    }
}

fn lost(error: &io::Error) -> Trouble {
    // Over TLS an end without close_notify (RFC 8446 section 6.1) is an error; to us it is an end.
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Trouble::Closed;
    }
    Trouble::Lost(printable(&error.to_string()))
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for GatedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.handed >= this.handout.len() {
            ready!(this.poll_advance(cx))?;
            if !matches!(this.turn, Turn::Theirs { .. }) {
                return Poll::Ready(Err(this.fail(Trouble::Misuse("a reply out of turn"))));
            }
            ready!(this.poll_reply(cx))?;
        }
        let rest = this.handout.get(this.handed..).unwrap_or_default();
        let fitting = rest.get(..buf.remaining()).unwrap_or(rest);
        buf.put_slice(fitting);
        this.handed += fitting.len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for GatedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_sound()?;
        if matches!(this.turn, Turn::Gate(_)) {
            let misuse = Trouble::Misuse("bytes after the end of data");
            return Poll::Ready(Err(this.fail(misuse)));
        }
        ready!(this.poll_advance(cx))?;
        Poll::Ready(match this.turn {
            Turn::Ours => this.accept_command(cx, buf),
            Turn::Body { .. } => this.accept_body(cx, buf),
            Turn::Theirs { .. } | Turn::Gate(_) | Turn::Ending { .. } => {
                Err(this.fail(Trouble::Misuse("a command before the reply to the last")))
            }
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_advance(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

impl<S> fmt::Debug for GatedStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatedStream").finish_non_exhaustive()
    }
}

impl<S> AsyncTokioStream for GatedStream<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
