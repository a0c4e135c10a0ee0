//! Copies on the server of letters that were erased: removed for good, and none but them. Each is compared first with what
//! the ledger says of its UID, to the last byte of its header; a letter that differs is left alone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ninetosix_core::config::AfterRegistration;
use ninetosix_core::failpoint;
use ninetosix_core::store::erasure::copies::UnwantedCopy;
use ninetosix_core::store::folder::FolderKey;

use crate::folder::{Intake, SyncError};
use crate::imap::{Connection, Envelope, ImapError};

/// Failures one after the other before copies are left alone, and for how long.
const FAILURES: u32 = 2;
const WITHOUT: Duration = Duration::from_secs(3600);

/// What is known of a server that is to remove copies, over all connections: what it refuses is asked of it again later.
#[derive(Debug, Default)]
pub(crate) struct Removing {
    failures: u32,
    again: Option<Instant>,
    no_uidplus_told: bool,
}

impl Removing {
    /// Whether the server is left alone now.
    pub(crate) fn waits(&self) -> bool {
        self.again.is_some_and(|again| again > Instant::now())
    }

    /// Leaves the server alone for a while.
    pub(crate) fn pause(&mut self) {
        self.failures = 0;
        self.again = Some(Instant::now() + WITHOUT);
    }

    /// Says once that the server cannot remove single letters.
    pub(crate) fn tell_of_no_uidplus(&mut self, folder: &str, letters: usize) {
        if !self.no_uidplus_told {
            tracing::warn!(
                mailbox.folder = folder,
                letters,
                "copies of erased letters are to go, but the server has no UIDPLUS, and without it others' letters would go with them: remove them by hand"
            );
        }
        self.no_uidplus_told = true;
    }

    /// Takes note of how it went. What the server refused is no reason to end the connection: `false` is returned then.
    pub(crate) fn done(&mut self, done: Result<(), SyncError>) -> Result<bool, SyncError> {
        match done {
            Ok(()) => {
                self.failures = 0;
                Ok(true)
            }
            Err(SyncError::Imap(error)) => {
                self.failures += 1;
                let is_refusal = matches!(error, ImapError::No { .. } | ImapError::Bad { .. });
                if is_refusal || self.failures >= FAILURES {
                    self.pause();
                    tracing::warn!(%error, "copies of erased letters cannot be removed; it is tried again in an hour");
                }
                match is_refusal {
                    true => Ok(false),
                    false => Err(error.into()),
                }
            }
            Err(error) => Err(error),
        }
    }
}

impl Intake {
    /// Removes the copies that are to go from the selected folder, which is selected afterwards too.
    pub(crate) async fn remove_copies(
        &mut self,
        connection: &mut Connection,
        key: &FolderKey,
    ) -> Result<(), SyncError> {
        // The mailbox of a copy of the desk is the original's.
        if self.removing.waits() || self.register.store.quiet().await?.is_some() {
            return Ok(());
        }
        let done = self.try_to_remove(connection, key).await;
        if !self.removing.done(done)? {
            // Its news is what is waited for.
            connection.try_select(&key.folder).await?;
        }
        Ok(())
    }

    async fn try_to_remove(
        &mut self,
        connection: &mut Connection,
        key: &FolderKey,
    ) -> Result<(), SyncError> {
        let store = self.register.store.clone();
        store.forget_old_copies(key).await?;
        let unwanted = store.unwanted_copies(key).await?;
        if unwanted.is_empty() {
            return Ok(());
        }
        if !connection.can_expunge() {
            self.removing
                .tell_of_no_uidplus(&key.folder, unwanted.len());
            return Ok(());
        }
        let uids: Vec<u32> = unwanted.iter().map(|copy| copy.uid).collect();
        let there = at(connection, &uids).await?;
        let same: Vec<&UnwantedCopy> = unwanted
            .iter()
            .filter(|copy| there.get(&copy.uid).is_some_and(|found| found.is(copy)))
            .collect();
        let going: Vec<u32> = same.iter().map(|copy| copy.uid).collect();
        let left = removed(connection, &going).await?;
        failpoint::reach("expunged");
        let mut elsewhere = Vec::new();
        let (mut gone, mut kept) = (0, 0);
        let now = self.register.clock.now();
        for copy in &unwanted {
            let is_another = there.contains_key(&copy.uid) && !going.contains(&copy.uid);
            if left.contains_key(&copy.uid) && !is_another {
                // It is tried again at the next look.
                continue;
            }
            if !there.contains_key(&copy.uid) && matches!(self.after, AfterRegistration::Move(_)) {
                elsewhere.push(copy);
                continue;
            }
            if is_another {
                kept += 1;
            } else {
                gone += 1;
            }
            store.copy_settled(copy, !is_another, now).await?;
        }
        if let AfterRegistration::Move(folder) = self.after.clone()
            && !elsewhere.is_empty()
        {
            gone += elsewhere.len();
            self.remove_moved(connection, &folder, &elsewhere).await?;
            // Its news is what is waited for.
            connection.try_select(&key.folder).await?;
        }
        tracing::info!(
            mailbox.folder = key.folder,
            gone,
            kept,
            "removed copies of erased letters"
        );
        Ok(())
    }

    /// Removes copies that were moved to another folder after registration: found by Message-ID, compared as all are.
    async fn remove_moved(
        &mut self,
        connection: &mut Connection,
        folder: &str,
        copies: &[&UnwantedCopy],
    ) -> Result<(), SyncError> {
        match connection.try_select(folder).await {
            Ok(()) => {}
            Err(ImapError::No { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let store = self.register.store.clone();
        for copy in copies {
            let found = match copy.message_id.as_deref() {
                Some(id) => match connection.find_message(id).await {
                    Ok(found) => found,
                    // A Message-ID of our own making is on no server.
                    Err(ImapError::Misuse(_)) => Vec::new(),
                    Err(error) => return Err(error.into()),
                },
                None => Vec::new(),
            };
            let there = at(connection, &found).await?;
            let same = there.iter().filter(|(_, found)| {
                found.header_sha256 == copy.header_sha256 && found.size() == copy.size_bytes
            });
            let going: Vec<u32> = same.map(|(uid, _)| *uid).collect();
            let left = removed(connection, &going).await?;
            if left.is_empty() {
                let now = self.register.clock.now();
                store.copy_settled(copy, !going.is_empty(), now).await?;
            }
        }
        Ok(())
    }
}

/// What stands at a UID.
struct Found {
    envelope: Envelope,
    header_sha256: Option<String>,
}

impl Found {
    fn size(&self) -> u64 {
        self.envelope.size.into()
    }

    /// Whether it is the letter of the ledger.
    fn is(&self, copy: &UnwantedCopy) -> bool {
        let date = self.envelope.internal_date;
        self.size() == copy.size_bytes
            && date.is_none_or(|date| date == copy.internal_date)
            && copy.header_sha256.is_some()
            && self.header_sha256 == copy.header_sha256
    }
}

/// Looks at these UIDs of the open folder.
async fn at(connection: &mut Connection, uids: &[u32]) -> Result<HashMap<u32, Found>, ImapError> {
    if uids.is_empty() {
        return Ok(HashMap::new());
    }
    let envelopes = connection.fetch_sizes(uids).await?;
    let mut hashes: HashMap<u32, String> = match envelopes.is_empty() {
        true => HashMap::new(),
        false => connection.hash_headers(uids).await?.into_iter().collect(),
    };
    let found = envelopes.into_iter().map(|envelope| {
        let header_sha256 = hashes.remove(&envelope.uid);
        (
            envelope.uid,
            Found {
                envelope,
                header_sha256,
            },
        )
    });
    Ok(found.collect())
}

/// Removes these, and returns what of them is still there.
async fn removed(
    connection: &mut Connection,
    uids: &[u32],
) -> Result<HashMap<u32, Found>, ImapError> {
    if uids.is_empty() {
        return Ok(HashMap::new());
    }
    connection.expunge(uids).await?;
    at(connection, uids).await
}
