//! Being woken up by the server (RFC 2177).
//!
//! Our own IDLE, because async-imap's loses an EXISTS that comes before `+ idling` (trap I5), waits for
//! ever on a NO (I6) and on DONE (I8), takes a close for a stop signal (I4) and does not see a server
//! that ends IDLE itself (I7). Here news is a level, not an edge: an EXISTS seen at any time since the
//! last search, during whatever command, ends IDLE at once, so no message waits for the next one.

use std::pin::pin;
use std::time::Duration;

use async_imap::imap_proto::Response;
use tokio::time::Instant;

use super::connection::Connection;
use super::error::{ImapError, Stage};
use super::wire::Exchange;

/// Why IDLE ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleEnd {
    /// Messages came: search. Stays so until [`Connection::search_from`].
    NewMail,
    /// The time is up, or the server ended IDLE after a while: search all the same, then idle again.
    Timeout,
    /// `stop` was ready. The connection may be unusable now; nothing but `logout` is left to do.
    Stopped,
}

/// A server that ends IDLE by itself sooner than this does not really offer it.
const WORTHWHILE: Duration = Duration::from_secs(10);

/// What the wait was ended by.
enum Woken {
    News,
    TimeUp,
    Stop,
    ByServer,
}

impl Connection {
    /// Waits until messages come to the selected folder, at most for `max` (nine minutes is a good
    /// choice: servers and firewalls forget idle connections, RFC 2177 allows 29 minutes), or until
    /// `stop` is ready.
    ///
    /// # Errors
    /// [`ImapError::No`] or [`ImapError::Bad`] if the server does not let us idle;
    /// [`ImapError::Timeout`] if it does not answer IDLE or DONE; [`ImapError::Lost`] on `BYE` or
    /// close; [`ImapError::Protocol`] if it ends IDLE at once.
    pub async fn idle(
        &mut self,
        max: Duration,
        stop: impl Future<Output = ()>,
    ) -> Result<IdleEnd, ImapError> {
        self.wire.check()?;
        if self.wire.folder.news {
            return Ok(IdleEnd::NewMail);
        }
        let begun = Instant::now();
        let mut stop = pin!(stop);
        let mut exchange = self.wire.begin("IDLE", "").await?;

        exchange.wait_until(begun + self.wire.timeouts.read);
        let started = tokio::select! {
            biased;
            () = &mut stop => return Ok(IdleEnd::Stopped),
            started = self.wire.next(&mut exchange, |response| matches!(response, Response::Continue(_)).then_some(())) => started?,
        };
        if started.is_none() {
            return Err(self.wire.spoil("IDLE that ends before it began"));
        }

        let deadline = begun + max;
        let woken = tokio::select! {
            biased;
            () = &mut stop => Woken::Stop,
            woken = self.sleep(&mut exchange, deadline) => woken?,
        };
        match woken {
            Woken::ByServer if begun.elapsed() < WORTHWHILE => {
                Err(self.wire.spoil("IDLE that ends at once"))
            }
            Woken::ByServer => Ok(self.news_or_timeout()),
            Woken::Stop => {
                // Whatever comes of it, the caller is about to leave.
                let _ = self.done(&mut exchange).await;
                Ok(IdleEnd::Stopped)
            }
            Woken::News | Woken::TimeUp => {
                self.done(&mut exchange).await?;
                Ok(self.news_or_timeout())
            }
        }
    }

    /// Listens until something happens. May be dropped at any time, see `Wire::next`.
    async fn sleep(
        &mut self,
        exchange: &mut Exchange,
        deadline: Instant,
    ) -> Result<Woken, ImapError> {
        exchange.wait_until(deadline);
        while !self.wire.folder.news {
            let heard = self.wire.next(exchange, |response| {
                matches!(response, Response::MailboxData(_)).then_some(())
            });
            match heard.await {
                Ok(Some(())) => {}
                Ok(None) => return Ok(Woken::ByServer),
                Err(ImapError::Timeout(_)) => return Ok(Woken::TimeUp),
                Err(error) => return Err(error),
            }
        }
        Ok(Woken::News)
    }

    /// Ends IDLE and waits for its tagged answer.
    async fn done(&mut self, exchange: &mut Exchange) -> Result<(), ImapError> {
        exchange.wait_until(Instant::now() + self.wire.timeouts.done);
        self.wire.send(b"DONE\r\n", Stage::Idle).await?;
        self.wire.next(exchange, |_| None::<()>).await.map(|_| ())
    }

    fn news_or_timeout(&self) -> IdleEnd {
        if self.wire.folder.news {
            IdleEnd::NewMail
        } else {
            IdleEnd::Timeout
        }
    }
}
