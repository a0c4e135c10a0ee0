//! One folder and the ledger, brought together: every UID the server shows gets a row, and every decided letter its
//! mark on the server. Nothing on the server is changed before the commit that holds the bytes.

use std::collections::BTreeSet;
use std::time::Instant;

use ninetosix_core::clock::Clock;
use ninetosix_core::config::AfterRegistration;
use ninetosix_core::failpoint;
use ninetosix_core::store::StoreError;
use ninetosix_core::store::folder::FolderKey;
use ninetosix_core::store::intake::Listed;
use ninetosix_core::store::lease::Held;

use crate::copies::Removing;
use crate::imap::{Connection, Envelope, ImapError, Selected};
use crate::numbering::{Asks, Numbering};
use crate::register::Register;
use crate::suspects::Suspects;

/// Letters asked for at once, and the bytes after which no more are asked for.
const FETCH_LETTERS: usize = 50;
const FETCH_BYTES: u64 = 8 * 1024 * 1024;
/// The most bytes that are in memory at once, but for one letter that is larger.
const TOGETHER_BYTES: u64 = 2 * FETCH_BYTES;
/// What is kept of a letter above the cap: its header and the beginning of its text.
const BEGINNING_BYTES: u32 = 1024 * 1024;

/// Connections that may end over comparing letters with the ledger before one goes without.
const COMPARISONS: u32 = 2;
/// UIDs below the highest that are looked for each time: some servers show letters out of order.
const LOOK_BACK: u32 = 1000;

/// Why the folder could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error(transparent)]
    Imap(#[from] ImapError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What it takes to read the folders of a mailbox, over all its connections.
pub(crate) struct Intake {
    pub(crate) register: Register,
    pub(crate) after: AfterRegistration,
    pub(crate) letter_cap_bytes: u64,
    pub(crate) suspects: Suspects,
    /// The log says that the server refuses the mark.
    pub(crate) refusal_told: bool,
    /// How the server takes it that copies of erased letters are to go.
    pub(crate) removing: Removing,
    /// Connections that ended while letters were compared with the ledger, one after the other.
    pub(crate) comparisons_failed: u32,
    /// The last of them because the server answered nonsense.
    pub(crate) comparison_met_nonsense: bool,
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
        intake: &mut Intake,
        thorough: bool,
        held: &Held,
    ) -> Result<(), SyncError> {
        let selected = connection.select(&self.name).await?;
        let (numbering, listed) = match self.numbering.take() {
            Some(numbering) if !thorough && numbering.holds(selected) => {
                let highest = numbering.known.last().unwrap_or_default();
                let from = highest.saturating_sub(LOOK_BACK);
                (numbering, connection.search_from(from).await?)
            }
            _ => {
                let found = intake.numbering(&self.name, selected, connection, held);
                let (numbering, listed) = found.await?;
                intake.suspects.keep_only(&numbering.key);
                (numbering, listed)
            }
        };
        let Numbering { key, known, .. } = self.numbering.insert(numbering);
        let new: Vec<u32> = listed
            .into_iter()
            .filter(|uid| !known.contains(*uid) && !intake.suspects.holds(key, *uid))
            .collect();
        // While one batch is stored and registered, the next is on its way.
        let mut waiting = Fetched::default();
        for some in new.chunks(FETCH_LETTERS) {
            let envelopes = match connection.fetch_sizes(some).await {
                Ok(envelopes) => envelopes,
                Err(error) => {
                    intake.suspects.batch_failed(key, some, &error);
                    return Err(error.into());
                }
            };
            let told = envelopes.iter().map(|letter| letter.uid).collect();
            intake.suspects.keep_apart(key, &without(some, &told));
            for batch in batches(&envelopes, intake.letter_cap_bytes) {
                if intake.register.stop.is_asked() {
                    return Ok(());
                }
                let size: u64 = batch.iter().map(|letter| u64::from(letter.size)).sum();
                if size + waiting.bytes() > TOGETHER_BYTES {
                    let before = std::mem::take(&mut waiting);
                    known.extend(keep(&mut intake.register, key, before, held).await?);
                }
                let before = std::mem::take(&mut waiting);
                let clock = intake.register.clock.clone();
                let ((next, missing), stored) = tokio::join!(
                    fetch(connection, clock.as_ref(), batch, intake.letter_cap_bytes),
                    keep(&mut intake.register, key, before, held)
                );
                known.extend(stored?);
                waiting = next;
                match missing {
                    Ok(missing) => intake.suspects.keep_apart(key, &missing),
                    Err(error) => {
                        let asked: Vec<u32> = batch.iter().map(|letter| letter.uid).collect();
                        let missing = without(&asked, &waiting.uids());
                        intake.suspects.batch_failed(key, &missing, &error);
                        keep(&mut intake.register, key, waiting, held).await?;
                        return Err(error.into());
                    }
                }
                intake.mark(connection, key).await?;
            }
        }
        known.extend(keep(&mut intake.register, key, waiting, held).await?);
        // What an earlier run stored and did not get to.
        intake.register.all(held).await?;
        for uid in intake.suspects.due(key, Instant::now()) {
            if intake.register.stop.is_asked() {
                return Ok(());
            }
            if known.contains(uid) {
                intake.suspects.clear(key, uid);
                continue;
            }
            if intake.try_alone(key, uid, connection, held).await? {
                known.insert(uid);
            }
        }
        intake.mark(connection, key).await?;
        intake.remove_copies(connection, key).await
    }
}

impl Intake {
    /// Finds the numbering of the selected folder. A letter of which the server can tell nothing any more keeps nobody from
    /// the others: after two failures over it one goes without.
    async fn numbering(
        &mut self,
        folder: &str,
        selected: Selected,
        connection: &mut Connection,
        held: &Held,
    ) -> Result<(Numbering, Vec<u32>), SyncError> {
        let is_enough = self.comparisons_failed >= COMPARISONS;
        let asks = Asks {
            arrivals: !is_enough,
            headers: !(is_enough && self.comparison_met_nonsense),
        };
        let register = &self.register;
        let found = Numbering::of(folder, selected, connection, register, asks, held).await;
        match &found {
            Ok(_) => self.comparisons_failed = 0,
            Err(SyncError::Imap(error)) => {
                self.comparisons_failed += 1;
                self.comparison_met_nonsense = matches!(error, ImapError::Protocol(_));
            }
            Err(SyncError::Store(_)) => {}
        }
        found
    }

    /// Fetches, stores and registers a letter that could not be had together with others. One that cannot be had alone
    /// either is set aside in the end, without its bytes. Returns whether it has a row now.
    async fn try_alone(
        &mut self,
        key: &FolderKey,
        uid: u32,
        connection: &mut Connection,
        held: &Held,
    ) -> Result<bool, SyncError> {
        let clock = self.register.clock.clone();
        let mut envelope = None;
        let dated = !self.suspects.met_nonsense(key, uid);
        let fetched = alone(connection, uid, dated, &mut envelope).await;
        let letter = listing(
            &envelope.unwrap_or(Envelope {
                uid,
                size: 0,
                internal_date: None,
            }),
            clock.as_ref(),
        );
        let error = match fetched {
            Ok(Alone::Gone) => {
                self.suspects.clear(key, uid);
                return Ok(false);
            }
            Ok(Alone::Whole(raw)) => {
                self.suspects.clear(key, uid);
                let fetched = Fetched(vec![(letter, raw)]);
                keep(&mut self.register, key, fetched, held).await?;
                return Ok(true);
            }
            Ok(Alone::Nothing) => None,
            Err(error) => Some(error),
        };
        let why = error.as_ref().map_or_else(
            || "the server lists it and gives nothing".to_owned(),
            ToString::to_string,
        );
        tracing::warn!(
            mailbox.folder = key.folder,
            mailbox.uid = uid,
            reason = why,
            "a letter cannot be fetched; the others are"
        );
        let now = Instant::now();
        let is_hopeless = self.suspects.failed_alone(key, uid, error.as_ref(), now);
        if is_hopeless {
            self.register
                .set_aside_unfetched(key, &letter, &why, held)
                .await?;
            self.suspects.clear(key, uid);
        }
        error.map_or(Ok(is_hopeless), |error| Err(error.into()))
    }
}

/// Those of `asked` that did not come.
fn without(asked: &[u32], came: &BTreeSet<u32>) -> Vec<u32> {
    let asked = asked.iter().copied();
    asked.filter(|uid| !came.contains(uid)).collect()
}

/// What came of asking for one letter.
enum Alone {
    Whole(Vec<u8>),
    Gone,
    Nothing,
}

/// Asks for one letter, its date only if `dated`, and says in `envelope` what was learned of it.
async fn alone(
    connection: &mut Connection,
    uid: u32,
    dated: bool,
    envelope: &mut Option<Envelope>,
) -> Result<Alone, ImapError> {
    *envelope = if dated {
        connection.fetch_sizes(&[uid]).await?.pop()
    } else {
        connection.fetch_size(uid).await?
    };
    let raw = match envelope {
        Some(envelope) => connection.fetch_alone(envelope, BEGINNING_BYTES).await?,
        None => None,
    };
    if let Some(raw) = raw {
        return Ok(Alone::Whole(raw));
    }
    let listed = connection.search_from(uid).await?;
    Ok(if listed.first() == Some(&uid) {
        Alone::Nothing
    } else {
        Alone::Gone
    })
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

    fn uids(&self) -> BTreeSet<u32> {
        self.0.iter().map(|(letter, _)| letter.uid).collect()
    }
}

/// Fetches `batch`. Returns what came, and the UIDs of what did not although the server said OK.
async fn fetch(
    connection: &mut Connection,
    clock: &dyn Clock,
    batch: &[Envelope],
    letter_cap_bytes: u64,
) -> (Fetched, Result<Vec<u32>, ImapError>) {
    let mut letters = Vec::with_capacity(batch.len());
    if let [letter] = batch
        && u64::from(letter.size) > letter_cap_bytes
    {
        tracing::warn!(
            mailbox.uid = letter.uid,
            size_bytes = letter.size,
            "above the cap: its header and beginning are kept"
        );
        let missing = match connection.fetch_start(letter.uid, BEGINNING_BYTES).await {
            Ok(Some(beginning)) => {
                letters.push((listing(letter, clock), beginning));
                Ok(Vec::new())
            }
            Ok(None) => Ok(vec![letter.uid]),
            Err(error) => Err(error),
        };
        return (Fetched(letters), missing);
    }
    let missing = connection
        .fetch_bodies(batch, |letter| {
            failpoint::reach("fetched");
            let envelope = batch.iter().find(|envelope| envelope.uid == letter.uid);
            letters.extend(envelope.map(|envelope| (listing(envelope, clock), letter.bytes)));
            std::future::ready(())
        })
        .await;
    (Fetched(letters), missing)
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
    let ids = register.store.store_raw(key, &letters, held, now).await?;
    letters.iter().for_each(|_| failpoint::reach("raw_stored"));
    let uids = letters.iter().map(|(letter, _)| letter.uid).collect();
    let raws = letters.into_iter().map(|(_, raw)| raw);
    register.at_hand = ids.into_iter().zip(raws).collect();
    let registered = register.all(held).await;
    register.at_hand.clear();
    registered?;
    Ok(uids)
}

impl Intake {
    /// Sets the courtesy mark on decided letters. Our state never depends on it.
    async fn mark(
        &mut self,
        connection: &mut Connection,
        key: &FolderKey,
    ) -> Result<(), SyncError> {
        let unmarked = self.register.store.unmarked(key).await?;
        if unmarked.is_empty() {
            return Ok(());
        }
        let uids: Vec<u32> = unmarked.iter().map(|letter| letter.uid).collect();
        let marked = match &self.after {
            AfterRegistration::Seen => {
                connection
                    .store_flags(&uids, "+FLAGS.SILENT (\\Seen)")
                    .await
            }
            AfterRegistration::Keyword(keyword) => {
                let change = format!("+FLAGS.SILENT ({keyword})");
                connection.store_flags(&uids, &change).await
            }
            AfterRegistration::Move(folder) => move_to(connection, &uids, folder).await,
            AfterRegistration::Nothing => Ok(()),
        };
        failpoint::reach("flagged");
        match marked {
            Ok(()) => {}
            // A read-only folder: a courtesy is not worth an endless quarrel.
            Err(ImapError::No { command, text } | ImapError::Bad { command, text }) => {
                if !self.refusal_told {
                    tracing::warn!(
                        mailbox.folder = key.folder,
                        letters = uids.len(),
                        command,
                        text,
                        "the server refuses the mark after registration"
                    );
                }
                self.refusal_told = true;
            }
            Err(error) => return Err(error.into()),
        }
        let ids: Vec<i64> = unmarked.iter().map(|letter| letter.id).collect();
        Ok(self.register.store.marked(&ids).await?)
    }
}

/// Moves letters to a folder, which is made if there is none.
async fn move_to(connection: &mut Connection, uids: &[u32], folder: &str) -> Result<(), ImapError> {
    match connection.move_to(uids, folder).await {
        Err(ImapError::No { .. }) => {}
        moved => return moved,
    }
    match connection.create(folder).await {
        // It was not that: the second answer says what it is.
        Ok(()) | Err(ImapError::No { .. }) => connection.move_to(uids, folder).await,
        Err(error) => Err(error),
    }
}
