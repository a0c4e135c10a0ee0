//! One folder and the ledger, brought together: every UID the server shows gets a row, and every decided letter its
//! mark on the server. Nothing on the server is changed before the commit that holds the bytes.

use std::collections::BTreeSet;
use std::sync::Mutex;

use ninetosix_core::config::AfterRegistration;
use ninetosix_core::failpoint;
use ninetosix_core::store::StoreError;
use ninetosix_core::store::intake::{FolderKey, FolderState, Listed};
use ninetosix_core::store::lease::Held;

use crate::imap::{Connection, Envelope, Headers, ImapError};
use crate::register::Register;

/// Letters asked for at once, and the bytes after which no more are asked for.
const FETCH_LETTERS: usize = 50;
const FETCH_BYTES: u64 = 8 * 1024 * 1024;
/// Headers asked for at once, for letters that are only listed.
const LIST_LETTERS: usize = 500;
/// What is kept of a letter above the cap: its header and the beginning of its text.
const BEGINNING_BYTES: u32 = 1024 * 1024;

/// Why the folder could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error(transparent)]
    Imap(#[from] ImapError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One folder of the mailbox while a connection lasts.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Its name on the server.
    pub(crate) name: String,
    /// UIDs with a row, under `uidvalidity`; read from the ledger when the folder is first selected.
    known: Option<(u32, BTreeSet<u32>)>,
}

impl Folder {
    pub(crate) fn new(name: String) -> Folder {
        Folder { name, known: None }
    }

    /// Selects the folder, stores what is new, registers it and marks it. `thorough` looks for gaps below the highest
    /// UID too.
    pub(crate) async fn bring_up_to_date(
        &mut self,
        connection: &mut Connection,
        register: &mut Register,
        after: &AfterRegistration,
        letter_cap_bytes: u64,
        thorough: bool,
        held: &Held,
    ) -> Result<(), SyncError> {
        let selected = connection.select(&self.name).await?;
        let key = FolderKey {
            mailbox: register.mailbox.to_string(),
            folder: self.name.clone(),
            uidvalidity: selected.uidvalidity,
        };
        if self
            .known
            .as_ref()
            .is_none_or(|(uidvalidity, _)| *uidvalidity != selected.uidvalidity)
        {
            self.begin(connection, register, &key, held).await?;
            self.known = Some((selected.uidvalidity, register.store.known_uids(&key).await?));
        }
        let Some((_, known)) = &mut self.known else {
            return Ok(());
        };

        let highest = known.last().copied().unwrap_or_default();
        let from = if thorough {
            1
        } else {
            highest.saturating_add(1)
        };
        let new: Vec<u32> = connection
            .search_from(from)
            .await?
            .into_iter()
            .filter(|uid| !known.contains(uid))
            .collect();
        for some in new.chunks(FETCH_LETTERS) {
            if register.stop.is_asked() {
                return Ok(());
            }
            let envelopes = connection.fetch_sizes(some).await?;
            for batch in batches(&envelopes, letter_cap_bytes) {
                let missing =
                    fetch(connection, register, &key, batch, letter_cap_bytes, held).await?;
                let stored = batch.iter().map(|envelope| envelope.uid);
                known.extend(stored.filter(|uid| !missing.contains(uid)));
                register.all(held).await?;
                mark(connection, register, &key, after).await?;
            }
        }
        // What an earlier run stored and did not get to.
        register.all(held).await?;
        mark(connection, register, &key, after).await
    }

    /// Meets a folder, or a new numbering of it, for the first time.
    async fn begin(
        &self,
        connection: &mut Connection,
        register: &Register,
        key: &FolderKey,
        held: &Held,
    ) -> Result<(), SyncError> {
        let state = register.store.folder_state(key).await?;
        if state == FolderState::Known {
            return Ok(());
        }
        let mut listed = Vec::new();
        for some in connection.search_from(1).await?.chunks(LIST_LETTERS) {
            listed.extend(
                connection
                    .fetch_headers(some, "MESSAGE-ID")
                    .await?
                    .into_iter()
                    .map(|headers| list(headers, register)),
            );
        }
        let before = match state {
            FolderState::New => {
                tracing::info!(
                    mailbox.folder = key.folder,
                    letters = listed.len(),
                    "first look: letters already there are kept in the ledger and become no tickets"
                );
                listed
            }
            FolderState::Renumbered => {
                // The letters keep their size, date and Message-ID under a new UIDVALIDITY. Those that were there
                // before the start stay so; the others are fetched again and recognised by their bytes.
                let old = register.store.before_start(key).await?;
                let fingerprint = |letter: &Listed| {
                    (
                        letter.size_bytes,
                        letter.internal_date,
                        letter.message_id.clone(),
                    )
                };
                let old: BTreeSet<_> = old.iter().map(fingerprint).collect();
                tracing::warn!(
                    mailbox.folder = key.folder,
                    letters = listed.len(),
                    "the server renumbered the folder: every letter is looked at again"
                );
                listed
                    .into_iter()
                    .filter(|letter| old.contains(&fingerprint(letter)))
                    .collect()
            }
            FolderState::Known => return Ok(()),
        };
        register
            .store
            .begin_folder(key, &before, held, register.clock.now())
            .await?;
        Ok(())
    }
}

/// What the server says of a letter that is not fetched.
fn list(headers: Headers, register: &Register) -> Listed {
    let text = String::from_utf8_lossy(&headers.lines).replace(['\r', '\n'], " ");
    let id = text.split_once(':').map(|(_, id)| {
        id.trim()
            .trim_start_matches('<')
            .trim_end_matches('>')
            .chars()
            .take(500)
            .collect::<String>()
    });
    Listed {
        message_id: id.filter(|id| !id.is_empty()),
        ..listing(&headers.envelope, register)
    }
}

fn listing(envelope: &Envelope, register: &Register) -> Listed {
    Listed {
        uid: envelope.uid,
        internal_date: envelope
            .internal_date
            .unwrap_or_else(|| register.clock.now()),
        size_bytes: envelope.size.into(),
        message_id: None,
    }
}

/// Cuts letters into runs that are fetched together, bounded by their bytes. A letter above the cap is alone.
fn batches(envelopes: &[Envelope], letter_cap_bytes: u64) -> impl Iterator<Item = &[Envelope]> {
    let mut bytes = 0;
    envelopes.chunk_by(move |before, next| {
        bytes += u64::from(before.size);
        let together = bytes + u64::from(next.size) <= FETCH_BYTES
            && [before, next]
                .iter()
                .all(|letter| u64::from(letter.size) <= letter_cap_bytes);
        if !together {
            bytes = 0;
        }
        together
    })
}

/// Stores the raw bytes of `batch`, each with its ledger row. Returns the UIDs the server did not give.
async fn fetch(
    connection: &mut Connection,
    register: &Register,
    key: &FolderKey,
    batch: &[Envelope],
    letter_cap_bytes: u64,
    held: &Held,
) -> Result<Vec<u32>, SyncError> {
    if let [letter] = batch
        && u64::from(letter.size) > letter_cap_bytes
    {
        tracing::warn!(
            mailbox.uid = letter.uid,
            size_bytes = letter.size,
            "above the cap: its header and beginning are kept"
        );
        let Some(beginning) = connection.fetch_start(letter.uid, BEGINNING_BYTES).await? else {
            return Ok(vec![letter.uid]);
        };
        let listed = listing(letter, register);
        let now = register.clock.now();
        register
            .store
            .store_raw(key, &listed, &beginning, held, now)
            .await?;
        return Ok(Vec::new());
    }
    let failure: Mutex<Option<StoreError>> = Mutex::new(None);
    let missing = connection
        .fetch_bodies(batch, |letter| {
            failpoint::reach("fetched");
            let listed = batch
                .iter()
                .find(|envelope| envelope.uid == letter.uid)
                .map(|envelope| listing(envelope, register));
            let failure = &failure;
            async move {
                // After a failure the rest of the answer is read and dropped: those letters are fetched again.
                let failed_before = failure.lock().is_ok_and(|failure| failure.is_some());
                let Some(listed) = listed.filter(|_| !failed_before) else {
                    return;
                };
                match register
                    .store
                    .store_raw(key, &listed, &letter.bytes, held, register.clock.now())
                    .await
                {
                    Ok(()) => failpoint::reach("raw_stored"),
                    Err(error) => {
                        if let Ok(mut failure) = failure.lock() {
                            *failure = Some(error);
                        }
                    }
                }
            }
        })
        .await?;
    if let Some(error) = failure.into_inner().unwrap_or_default() {
        return Err(error.into());
    }
    if !missing.is_empty() {
        tracing::info!(
            mailbox.folder = key.folder,
            letters = missing.len(),
            "letters vanished before they could be fetched"
        );
    }
    Ok(missing)
}

/// Sets the courtesy mark on decided letters. Our state never depends on it.
async fn mark(
    connection: &mut Connection,
    register: &Register,
    key: &FolderKey,
    after: &AfterRegistration,
) -> Result<(), SyncError> {
    let unmarked = register.store.unmarked(key).await?;
    if unmarked.is_empty() {
        return Ok(());
    }
    let uids: Vec<u32> = unmarked.iter().map(|letter| letter.uid).collect();
    let marked = match after {
        AfterRegistration::Seen => {
            connection
                .store_flags(&uids, "+FLAGS.SILENT (\\Seen)")
                .await
        }
        AfterRegistration::Keyword(keyword) => {
            connection
                .store_flags(&uids, &format!("+FLAGS.SILENT ({keyword})"))
                .await
        }
        AfterRegistration::Move(folder) => connection.move_to(&uids, folder).await,
        AfterRegistration::Nothing => Ok(()),
    };
    failpoint::reach("flagged");
    match marked {
        Ok(()) => {}
        // A read-only folder, a missing target: a courtesy is not worth an endless quarrel.
        Err(ImapError::No { command, text } | ImapError::Bad { command, text }) => {
            tracing::warn!(
                mailbox.folder = key.folder,
                letters = uids.len(),
                command,
                text,
                "the server refused the mark after registration"
            );
        }
        Err(error) => return Err(error.into()),
    }
    let ids: Vec<i64> = unmarked.iter().map(|letter| letter.id).collect();
    Ok(register.store.marked(&ids).await?)
}
