//! From stored bytes to everything they cause. One letter that cannot be read never stops the others: attempts are
//! counted before parsing, a letter with an attempt and no outcome is tried alone and after those never tried, and the
//! third attempt alone that fails sets it aside (rules R06, R07).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ninetosix_core::clock::Clock;
use ninetosix_core::delivery::Office;
use ninetosix_core::domain::address::EmailAddress;
use ninetosix_core::domain::incoming::IncomingMail;
use ninetosix_core::failpoint;
use ninetosix_core::mail::invitation::tell_invitation;
use ninetosix_core::mail::parse::{caught, in_parser_thread, parse_registered};
use ninetosix_core::stop::Stop;
use ninetosix_core::store::folder::FolderKey;
use ninetosix_core::store::intake::{ATTEMPTS_ALONE, Listed, Pending};
use ninetosix_core::store::lease::Held;
use ninetosix_core::store::registration::Registered;
use ninetosix_core::store::{Result, Store, StoreError};
use tokio::sync::Notify;

/// Letters looked up at once.
const BATCH: u64 = 100;
/// Letters of together this many bytes are registered with one commit.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// A letter that ended the program before is tried again only by a program that has lived so long: what kills it every
/// few moments is then not this letter.
const SETTLED: Duration = Duration::from_secs(5);

/// Registers the stored letters of one mailbox.
pub(crate) struct Register {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) office: Arc<Office>,
    pub(crate) mailbox: EmailAddress,
    /// Rung when a letter was registered.
    pub(crate) wake: Arc<Notify>,
    pub(crate) stop: Stop,
    /// When the program began to register.
    pub(crate) born: Instant,
    /// Bytes that were stored a moment ago, by what names them: they need not be read again.
    pub(crate) at_hand: HashMap<i64, Vec<u8>>,
    /// Letters that were tried alone and failed through no fault of theirs, for the database was away; and how many
    /// attempts alone stood against each before.
    pub(crate) blameless: Vec<(i64, i32)>,
}

impl Register {
    /// Registers every letter that waits, or as many as fit before a stop.
    pub(crate) async fn all(&mut self, held: &Held) -> Result<()> {
        if !self.blameless.is_empty() {
            self.store.uncount_attempts(&self.blameless, held).await?;
            self.blameless.clear();
        }
        while !self.stop.is_asked() {
            let waiting = self.store.pending(self.mailbox.as_str(), BATCH).await?;
            let (tried, fresh): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|letter| letter.tried);
            if fresh.is_empty() && tried.is_empty() {
                return Ok(());
            }
            if fresh.is_empty() {
                for letter in tried {
                    self.alone(&letter, held).await?;
                    if self.stop.is_asked() {
                        break;
                    }
                }
                continue;
            }
            let ids: Vec<i64> = fresh.iter().map(|letter| letter.id).collect();
            self.store.count_attempt(&ids, false, held).await?;
            self.together(fresh, held).await?;
        }
        Ok(())
    }

    /// Tries a letter that was begun before and did not end.
    async fn alone(&mut self, letter: &Pending, held: &Held) -> Result<()> {
        if letter.attempts_alone >= ATTEMPTS_ALONE {
            return self
                .set_aside(letter, "reading it ended the program", held)
                .await;
        }
        if letter.attempts_alone > 0
            && !self
                .stop
                .sleep(SETTLED.saturating_sub(self.born.elapsed()))
                .await
        {
            return Ok(());
        }
        // An error may hide a count that was committed all the same.
        let tried = match self.store.count_attempt(&[letter.id], true, held).await {
            Ok(()) => self.one(letter, held).await,
            Err(error) => Err(error),
        };
        match tried {
            Ok(Ok(())) => Ok(()),
            Ok(Err(panic)) if letter.attempts_alone + 1 >= ATTEMPTS_ALONE => {
                self.set_aside(letter, &panic, held).await
            }
            Ok(Err(panic)) => {
                tracing::warn!(
                    mailbox.uid = letter.uid,
                    reason = panic,
                    "a letter could not be read again"
                );
                Ok(())
            }
            Err(error) => {
                self.blameless.push((letter.id, letter.attempts_alone));
                Err(error)
            }
        }
    }

    /// Registers letters that were never tried, many with one commit: a commit costs more than a letter.
    async fn together(&mut self, letters: Vec<Pending>, held: &Held) -> Result<()> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        for letter in letters {
            match self.bytes(&letter).await? {
                Ok(raw) => {
                    bytes += raw.len();
                    group.push((letter, raw));
                }
                Err(why) => self.unreadable(&letter, &why),
            }
            if bytes >= GROUP_BYTES {
                self.group(std::mem::take(&mut group), held).await?;
                bytes = 0;
            }
        }
        self.group(group, held).await
    }

    /// Reads letters and registers those that can be read.
    async fn group(&self, letters: Vec<(Pending, Vec<u8>)>, held: &Held) -> Result<()> {
        let mut mails = Vec::with_capacity(letters.len());
        for (letter, mail) in self.read(letters).await {
            match mail {
                Ok(mail) => mails.push((letter, mail)),
                Err(why) => self.unreadable(&letter, &why),
            }
        }
        self.commit(&mails, held).await
    }

    async fn commit(&self, group: &[(Pending, IncomingMail)], held: &Held) -> Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        let registrar = self.office.registrar(&self.mailbox);
        let now = self.clock.now();
        let all = self
            .store
            .register_group(registrar, group, held, now)
            .await?;
        for ((letter, _), registered) in group.iter().zip(all) {
            match registered {
                Ok(registered) => self.done(letter, registered),
                Err(error) => self.unreadable(letter, &error.to_string()),
            }
        }
        Ok(())
    }

    /// Registers one letter; the inner error says why it could not be read.
    async fn one(
        &mut self,
        letter: &Pending,
        held: &Held,
    ) -> Result<std::result::Result<(), String>> {
        let raw = match self.bytes(letter).await? {
            Ok(raw) => raw,
            Err(why) => return Ok(Err(why)),
        };
        let read = self.read(vec![(letter.clone(), raw)]).await.pop();
        let mail = match read {
            Some((_, Ok(mail))) => mail,
            Some((_, Err(why))) => return Ok(Err(why)),
            None => return Ok(Err("it was not read".to_owned())),
        };
        let registrar = self.office.registrar(&self.mailbox);
        let now = self.clock.now();
        match self
            .store
            .register(registrar, letter, &mail, held, now)
            .await
        {
            Ok(registered) => {
                self.done(letter, registered);
                Ok(Ok(()))
            }
            Err(StoreError::Row { what, .. }) => Ok(Err(what)),
            Err(error @ StoreError::Values(_)) => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// Returns the stored bytes of a letter; the inner error says why there are none.
    async fn bytes(&mut self, letter: &Pending) -> Result<std::result::Result<Vec<u8>, String>> {
        if let Some(raw) = self.at_hand.remove(&letter.raw_mail_id) {
            return Ok(Ok(raw));
        }
        match self.store.raw(letter.raw_mail_id).await {
            Ok(raw) => Ok(Ok(raw)),
            Err(StoreError::Row { what, .. }) => Ok(Err(what)),
            Err(error) => Err(error),
        }
    }

    /// Reads letters from their bytes, each by itself; the error says why one could not be read.
    async fn read(
        &self,
        letters: Vec<(Pending, Vec<u8>)>,
    ) -> Vec<(Pending, std::result::Result<IncomingMail, String>)> {
        let names: Vec<Pending> = letters.iter().map(|(letter, _)| letter.clone()).collect();
        let reading = move || -> Vec<_> {
            let each = letters.into_iter();
            each.map(|(letter, raw)| caught(|| read(&letter, &raw)))
                .collect()
        };
        let mails = in_parser_thread(reading).await;
        let mails = mails.unwrap_or_else(|why| names.iter().map(|_| Err(why.clone())).collect());
        let office = &self.office;
        let told = |mut mail: IncomingMail| {
            failpoint::reach("parsed");
            tell_invitation(&mut mail, &office.wording, office.moments)
                .map_err(|error| error.to_string())?;
            Ok(mail)
        };
        let mails = mails.into_iter().map(|mail| mail.and_then(told));
        names.into_iter().zip(mails).collect()
    }

    fn done(&self, letter: &Pending, registered: Option<Registered>) {
        failpoint::reach("committed");
        if let Some(registered) = registered {
            tracing::info!(
                mailbox.uid = letter.uid,
                mailbox.folder = letter.folder,
                outcome = registered.outcome.as_str(),
                ticket.id = registered.ticket,
                "registered"
            );
        }
        self.wake.notify_one();
    }

    fn unreadable(&self, letter: &Pending, reason: &str) {
        tracing::warn!(
            mailbox.uid = letter.uid,
            reason,
            "a letter could not be read; it will be tried alone"
        );
    }

    /// Sets a letter aside and raises one alert.
    async fn set_aside(&self, letter: &Pending, why: &str, held: &Held) -> Result<()> {
        let what = format!(
            "The letter UID {} in folder {} of {} could not be registered in {ATTEMPTS_ALONE} attempts: {why}. It is kept and will not be tried again by itself",
            letter.uid, letter.folder, self.mailbox
        );
        let now = self.clock.now();
        let registrar = self.office.registrar(&self.mailbox);
        let is_new = self
            .store
            .quarantine(registrar, letter, why, &what, held, now)
            .await?;
        if is_new {
            self.quarantined(letter.id, letter.uid, &letter.folder, why);
        }
        Ok(())
    }

    /// Sets a letter aside that the server does not give.
    pub(crate) async fn set_aside_unfetched(
        &self,
        key: &FolderKey,
        letter: &Listed,
        why: &str,
        held: &Held,
    ) -> Result<()> {
        let what = format!(
            "The letter UID {} in folder {} of {} could not be fetched: {why}. It is still on the server, and will not be asked for again by itself",
            letter.uid, key.folder, self.mailbox
        );
        let now = self.clock.now();
        let registrar = self.office.registrar(&self.mailbox);
        let id = self
            .store
            .quarantine_unfetched(registrar, key, letter, why, &what, held, now)
            .await?;
        self.quarantined(id, letter.uid, &key.folder, why);
        Ok(())
    }

    fn quarantined(&self, id: i64, uid: u32, folder: &str, why: &str) {
        tracing::error!(
            mailbox.uid = uid,
            mailbox.folder = folder,
            ledger.id = id,
            reason = why,
            "quarantined"
        );
        self.wake.notify_one();
    }
}

/// Reads one letter from its bytes.
fn read(letter: &Pending, raw: &[u8]) -> IncomingMail {
    if !letter.released {
        failpoint::poison(raw);
    }
    parse_registered(raw, letter.released)
}
