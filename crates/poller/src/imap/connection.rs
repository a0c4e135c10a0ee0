//! A logged-in connection, and what can be asked of it short of reading messages.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::Ordering;

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode};
use ninetosix_core::oauth::Credential;
use tokio::time::{Instant, timeout};

use super::dial::dial;
use super::error::ImapError;
use super::folder::Folder;
use super::login::log_in;
use super::names::folder_argument;
use super::settings::{ImapServer, Limits, Timeouts};
use super::uids;
use super::wire::Wire;

/// A logged-in IMAP connection. Methods take `&mut self`: one command at a time.
///
/// After any error but [`ImapError::Misuse`] and a refused mark, and after a call whose future was dropped before its
/// end, every further call that has something to ask returns [`ImapError::Lost`]: drop the connection
/// and open another.
pub struct Connection {
    pub(super) wire: Wire,
    until: Option<Instant>,
}

/// What SELECT told (RFC 3501 section 6.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// While it stays the same, a UID means the same message for ever (RFC 3501 section 2.3.1.1).
    pub uidvalidity: u32,
    /// A message that comes later has at least this UID. Some servers do not say.
    pub uidnext: Option<u32>,
    /// Messages in the folder.
    pub exists: u32,
}

/// In a folder of more messages a SEARCH answer, ten digits and a space a UID, may not fit its line.
const SEARCH_FITS: u32 = 5_000;

/// The most messages of a folder that we list, whatever number a server claims to have.
const MOST_MESSAGES: u32 = 1_000_000;

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects, encrypts, logs in and asks for the capabilities, within the default times and limits.
    ///
    /// # Errors
    /// Any [`ImapError`]; nothing secret is sent before the connection is as safe as
    /// [`ImapServer::security`] demands.
    pub async fn open(server: &ImapServer) -> Result<Self, ImapError> {
        Self::open_with(server, Timeouts::default(), Limits::default()).await
    }

    /// [`Connection::open`] with other times and limits.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn open_with(
        server: &ImapServer,
        timeouts: Timeouts,
        limits: Limits,
    ) -> Result<Self, ImapError> {
        loop {
            let credential = server.login.credential().await?;
            match Self::open_as(server, &credential, timeouts, limits).await {
                // At most once: the next is a fresh one.
                Err(ImapError::AuthRefused(_)) if server.login.refused(&credential).await => {}
                opened => return opened,
            }
        }
    }

    /// When it should be opened anew, because what it was opened with runs out.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The same with what is to be shown at hand.
    pub(super) async fn open_as(
        server: &ImapServer,
        credential: &Credential,
        timeouts: Timeouts,
        limits: Limits,
    ) -> Result<Self, ImapError> {
        let mut wire = dial(server, timeouts, limits).await?;
        wire.ask_capabilities().await?;
        log_in(&mut wire, &server.user, credential).await?;
        wire.ask_capabilities().await?;
        if !server.mute.load(Ordering::Relaxed)
            && let Err(error) = introduce(&mut wire).await
        {
            // An answer that cannot be read ends this connection; the next does without.
            server.mute.store(true, Ordering::Relaxed);
            return Err(error);
        }
        Ok(Self {
            wire,
            until: credential.until(),
        })
    }

    /// The server can wake us up (RFC 2177).
    #[must_use]
    pub fn supports_idle(&self) -> bool {
        self.wire.can("IDLE")
    }

    /// The server can move messages in one step (RFC 6851).
    #[must_use]
    pub fn supports_move(&self) -> bool {
        self.wire.can("MOVE")
    }

    /// Opens a folder, for reading and marking (RFC 3501 section 6.3.1).
    ///
    /// # Errors
    /// [`ImapError::No`] if there is no such folder; [`ImapError::Protocol`] if the server names no
    /// UIDVALIDITY, without which no UID can be relied on.
    pub async fn select(&mut self, folder: &str) -> Result<Selected, ImapError> {
        self.wire.folder = Folder::default();
        let (mut uidvalidity, mut uidnext) = (None, None);
        self.wire
            .command("SELECT", &folder_argument(folder), 0, |response| {
                if let Response::Data { outcome, .. } = response {
                    match outcome.code {
                        Some(ResponseCode::UidValidity(value)) => uidvalidity = Some(value),
                        Some(ResponseCode::UidNext(value)) => uidnext = Some(value),
                        _ => {}
                    }
                }
            })
            .await?;
        let Some(uidvalidity) = uidvalidity.filter(|&value| value != 0) else {
            return Err(self.wire.spoil("SELECT without UIDVALIDITY"));
        };
        let folder = &mut self.wire.folder;
        folder.news = false;
        Ok(Selected {
            uidvalidity,
            uidnext,
            exists: folder.exists,
        })
    }

    /// The UIDs of the selected folder from this one on, in ascending order.
    ///
    /// Asked by `UID SEARCH UID n:*` (RFC 3501 section 6.4.4). Where the answer, one line, could grow
    /// too long to be parsed in good time (trap I16), the same is asked by `UID FETCH n:* (UID)`, one
    /// line a message. `n:*` names the last message even if that is below `n`; it is left out here.
    ///
    /// # Errors
    /// As every command.
    pub async fn search_from(&mut self, uid: u32) -> Result<Vec<u32>, ImapError> {
        let from = uid.max(1);
        let exists = self.wire.folder.exists;
        // Messages that come from here on may or may not be in the answer, and count as news again.
        self.wire.folder.news = false;
        let mut found = BTreeSet::new();
        let result = if exists <= SEARCH_FITS {
            self.wire
                .command("UID SEARCH", &format!("UID {from}:*"), 0, |response| {
                    if let Response::MailboxData(MailboxDatum::Search(uids)) = response
                        && found.len() <= MOST_MESSAGES as usize
                    {
                        found.extend(uids.iter().copied().filter(|&uid| uid >= from));
                    }
                })
                .await
        } else {
            let expecting = exists.min(MOST_MESSAGES) as usize;
            self.wire
                .command(
                    "UID FETCH",
                    &format!("{from}:* (UID)"),
                    expecting,
                    |response| {
                        if let Response::Fetch(_, attributes) = response {
                            found.extend(uid_of(attributes).filter(|&uid| uid >= from));
                        }
                    },
                )
                .await
        };
        match result {
            // Some servers call `n:*` wrong in an empty folder.
            Err(ImapError::No { .. } | ImapError::Bad { .. }) if exists == 0 => self.wire.forgive(),
            result => result?,
        }
        if found.len() > MOST_MESSAGES as usize {
            return Err(self.wire.spoil("more messages than a folder can hold"));
        }
        Ok(found.into_iter().collect())
    }

    /// Changes flags of these messages, as in `"+FLAGS.SILENT (\\Seen)"` (RFC 3501 section 6.4.6).
    /// Messages that are gone are passed over by the server in silence.
    ///
    /// # Errors
    /// [`ImapError::Misuse`] if `change` is not of that form; [`ImapError::No`] if the folder is
    /// read-only or the flag not permitted, which leaves the connection as good as before.
    pub async fn store_flags(&mut self, uids: &[u32], change: &str) -> Result<(), ImapError> {
        if !is_flag_change(change) {
            return Err(ImapError::Misuse(
                "a flag change that is not `+FLAGS (…)` or `-FLAGS (…)`",
            ));
        }
        for (set, count) in uids::sets(uids) {
            self.mark("UID STORE", &format!("{set} {change}"), count)
                .await?;
        }
        Ok(())
    }

    /// A command whose refusal leaves the connection as good as before.
    async fn mark(
        &mut self,
        name: &'static str,
        arguments: &str,
        expecting: usize,
    ) -> Result<(), ImapError> {
        let result = self.wire.command(name, arguments, expecting, |_| {}).await;
        if let Err(ImapError::No { .. } | ImapError::Bad { .. }) = &result {
            self.wire.forgive();
        }
        result
    }

    /// Makes a folder (RFC 3501 section 6.3.3).
    ///
    /// # Errors
    /// [`ImapError::No`] if there is one of this name, or none may be made; the connection is as good as before.
    pub async fn create(&mut self, folder: &str) -> Result<(), ImapError> {
        self.mark("CREATE", &folder_argument(folder), 0).await
    }

    /// Moves these messages to another folder (RFC 6851). Where the server cannot, copies them, marks
    /// them `\Deleted` and, with UIDPLUS, expunges exactly them (RFC 4315 section 2.1); without
    /// UIDPLUS they stay behind so marked, as a plain EXPUNGE would take other people's messages too.
    ///
    /// # Errors
    /// [`ImapError::No`] if there is no such folder, which leaves the connection as good as before.
    pub async fn move_to(&mut self, uids: &[u32], folder: &str) -> Result<(), ImapError> {
        let folder = folder_argument(folder);
        for (set, count) in uids::sets(uids) {
            if self.supports_move() {
                self.mark("UID MOVE", &format!("{set} {folder}"), count)
                    .await?;
                continue;
            }
            self.mark("UID COPY", &format!("{set} {folder}"), 0).await?;
            self.mark(
                "UID STORE",
                &format!("{set} +FLAGS.SILENT (\\Deleted)"),
                count,
            )
            .await?;
            if self.wire.can("UIDPLUS") {
                self.mark("UID EXPUNGE", &set, count).await?;
            }
        }
        Ok(())
    }

    /// The server can remove single messages (RFC 4315).
    #[must_use]
    pub fn can_expunge(&self) -> bool {
        self.wire.can("UIDPLUS")
    }

    /// Removes exactly these messages from the selected folder for good (RFC 4315 section 2.1).
    ///
    /// # Errors
    /// [`ImapError::Misuse`] without UIDPLUS: a plain EXPUNGE would take other people's messages too; [`ImapError::No`] if
    /// the folder is read-only, which leaves the connection as good as before.
    pub async fn expunge(&mut self, uids: &[u32]) -> Result<(), ImapError> {
        if !self.can_expunge() {
            return Err(ImapError::Misuse(
                "EXPUNGE of single messages without UIDPLUS",
            ));
        }
        self.store_flags(uids, "+FLAGS.SILENT (\\Deleted)").await?;
        for (set, count) in uids::sets(uids) {
            self.mark("UID EXPUNGE", &set, count).await?;
        }
        Ok(())
    }

    /// Opens a folder for removing, of which no news are waited for.
    ///
    /// # Errors
    /// [`ImapError::No`] if there is no such folder; the connection is as good as before.
    pub async fn try_select(&mut self, folder: &str) -> Result<(), ImapError> {
        self.wire.folder = Folder::default();
        self.mark("SELECT", &folder_argument(folder), 0).await
    }

    /// Asks for news (RFC 3501 section 6.1.2): whether messages came that no search since has looked
    /// for. Stays true until [`Connection::search_from`].
    ///
    /// # Errors
    /// As every command.
    pub async fn noop(&mut self) -> Result<bool, ImapError> {
        self.wire.command("NOOP", "", 0, |_| {}).await?;
        Ok(self.wire.folder.news)
    }

    /// Says goodbye and closes (RFC 3501 section 6.1.3), as far as that takes five seconds at most.
    pub async fn logout(mut self) {
        let limit = self.wire.timeouts.logout;
        let goodbye = async {
            // BYE, which comes first, is what a lost connection looks like elsewhere.
            let _ = self.wire.command("LOGOUT", "", 0, |_| {}).await;
            self.wire.shut_down().await;
        };
        // Whatever comes of it, the connection ends here.
        let _ = timeout(limit, goodbye).await;
    }
}

/// The UID in a FETCH response.
pub(super) fn uid_of(attributes: &[AttributeValue<'_>]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    })
}

/// Says who we are, where that is welcome (RFC 2971): some providers let in nobody else, others find us in their logs.
async fn introduce(wire: &mut Wire) -> Result<(), ImapError> {
    if !wire.can("ID") {
        return Ok(());
    }
    let us = concat!(
        "(\"name\" \"ninetosix\" \"version\" \"",
        env!("CARGO_PKG_VERSION"),
        "\")"
    );
    match wire.command("ID", us, 1, |_| {}).await {
        Ok(()) | Err(ImapError::No { .. } | ImapError::Bad { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// `[+-]FLAGS[.SILENT] (flag …)` with nothing else in it (RFC 3501 section 9, `store-att-flags`).
fn is_flag_change(change: &str) -> bool {
    let atom = |c: char| c.is_ascii_graphic() && !"(){%*\"\\]".contains(c);
    let Some((head, flags)) = change
        .strip_suffix(')')
        .and_then(|change| change.split_once(" ("))
    else {
        return false;
    };
    matches!(
        head,
        "+FLAGS" | "-FLAGS" | "+FLAGS.SILENT" | "-FLAGS.SILENT"
    ) && flags.split(' ').all(|flag| {
        let name = flag.strip_prefix('\\').unwrap_or(flag);
        !name.is_empty() && name.chars().all(atom)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_flag_changes_are_sent() {
        for good in [
            r"+FLAGS (\Seen)",
            r"-FLAGS.SILENT (\Seen \Flagged)",
            "+FLAGS ($Registered)",
        ] {
            assert!(is_flag_change(good), "{good}");
        }
        for bad in [
            "",
            r"\Seen",
            "+FLAGS ()",
            "+FLAGS (a\r\nN1 LOGOUT)",
            "+FLAGS ({5})",
            "FLAGS (a)",
            "+FLAGS (a) (b)",
            "+FLAGS (Важно)",
            r"+FLAGS (\)",
        ] {
            assert!(!is_flag_change(bad), "{bad}");
        }
    }
}
