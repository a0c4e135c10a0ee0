//! One folder and the ledger, brought together: every UID the server shows gets a row, and every decided letter its
//! mark on the server. Nothing on the server is changed before the commit that holds the bytes.

use ninetosix_core::clock::Clock;
use ninetosix_core::config::AfterRegistration;
use ninetosix_core::failpoint;
use ninetosix_core::store::StoreError;
use ninetosix_core::store::folder::FolderKey;
use ninetosix_core::store::intake::Listed;
use ninetosix_core::store::lease::Held;

use crate::imap::{Connection, Envelope, ImapError};
use crate::numbering::Numbering;
use crate::register::Register;

/// Letters asked for at once, and the bytes after which no more are asked for.
const FETCH_LETTERS: usize = 50;
const FETCH_BYTES: u64 = 8 * 1024 * 1024;
/// The most bytes that are in memory at once, but for one letter that is larger.
const TOGETHER_BYTES: u64 = 2 * FETCH_BYTES;
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
    /// What the ledger knows of it; looked up when the folder is first selected.
    numbering: Option<Numbering>,
}

impl Folder {
    pub(crate) fn new(name: String) -> Folder {
        Folder {
            name,
            numbering: None,
        }
    }

    /// Selects the folder, stores what is new, registers it and marks it. `thorough` looks for gaps below the highest
    /// UID too, and whether UIDs mean what they meant.
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
        let numbering = match self.numbering.take() {
            Some(numbering) if !thorough && numbering.holds(selected) => numbering,
            _ => Numbering::of(&self.name, selected, connection, register, held).await?,
        };
        let Numbering { key, known, .. } = self.numbering.insert(numbering);

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
        // While one batch is stored and registered, the next is on its way.
        let mut waiting = Fetched::default();
        for some in new.chunks(FETCH_LETTERS) {
            let envelopes = connection.fetch_sizes(some).await?;
            for batch in batches(&envelopes, letter_cap_bytes) {
                if register.stop.is_asked() {
                    return Ok(());
                }
                let size: u64 = batch.iter().map(|letter| u64::from(letter.size)).sum();
                if size + waiting.bytes() > TOGETHER_BYTES {
                    let stored = keep(register, key, std::mem::take(&mut waiting), held).await?;
                    known.extend(stored);
                }
                let before = std::mem::take(&mut waiting);
                let clock = register.clock.clone();
                let (next, stored) = tokio::join!(
                    fetch(connection, clock.as_ref(), batch, letter_cap_bytes),
                    keep(register, key, before, held)
                );
                known.extend(stored?);
                waiting = next?;
                mark(connection, register, key, after).await?;
            }
        }
        known.extend(keep(register, key, waiting, held).await?);
        // What an earlier run stored and did not get to.
        register.all(held).await?;
        mark(connection, register, key, after).await
    }
}

/// What the ledger keeps of what the server says of a letter.
pub(crate) fn listing(envelope: &Envelope, clock: &dyn Clock) -> Listed {
    Listed {
        uid: envelope.uid,
        internal_date: envelope.internal_date.unwrap_or_else(|| clock.now()),
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

/// Letters that were fetched and are not stored yet.
#[derive(Default)]
struct Fetched(Vec<(Listed, Vec<u8>)>);

impl Fetched {
    fn bytes(&self) -> u64 {
        self.0.iter().map(|(_, raw)| raw.len() as u64).sum()
    }
}

/// Fetches `batch`. Letters that are gone meanwhile are not in the result; they have no row and need none.
async fn fetch(
    connection: &mut Connection,
    clock: &dyn Clock,
    batch: &[Envelope],
    letter_cap_bytes: u64,
) -> Result<Fetched, ImapError> {
    if let [letter] = batch
        && u64::from(letter.size) > letter_cap_bytes
    {
        tracing::warn!(
            mailbox.uid = letter.uid,
            size_bytes = letter.size,
            "above the cap: its header and beginning are kept"
        );
        let beginning = connection.fetch_start(letter.uid, BEGINNING_BYTES).await?;
        let beginning = beginning.map(|beginning| (listing(letter, clock), beginning));
        return Ok(Fetched(beginning.into_iter().collect()));
    }
    let mut letters = Vec::with_capacity(batch.len());
    let missing = connection
        .fetch_bodies(batch, |letter| {
            failpoint::reach("fetched");
            let envelope = batch.iter().find(|envelope| envelope.uid == letter.uid);
            letters.extend(envelope.map(|envelope| (listing(envelope, clock), letter.bytes)));
            std::future::ready(())
        })
        .await?;
    if !missing.is_empty() {
        tracing::info!(
            letters = missing.len(),
            "letters vanished before they could be fetched"
        );
    }
    Ok(Fetched(letters))
}

/// Stores letters, each with its ledger row, and registers all that wait. Returns the UIDs that were stored.
async fn keep(
    register: &mut Register,
    key: &FolderKey,
    fetched: Fetched,
    held: &Held,
) -> Result<Vec<u32>, StoreError> {
    let Fetched(letters) = fetched;
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    let now = register.clock.now();
    register.store.store_raw(key, &letters, held, now).await?;
    letters.iter().for_each(|_| failpoint::reach("raw_stored"));
    let uids = letters.iter().map(|(letter, _)| letter.uid).collect();
    drop(letters);
    register.all(held).await?;
    Ok(uids)
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
