//! Which numbering of a folder's letters we are in.
//!
//! UIDs are believed while UIDVALIDITY stays the same, UIDNEXT stays above every UID we know (RFC 9051 section 2.3.1.1) and
//! the letters we know arrived when they did. Otherwise the server numbers anew, whether it says so or not: each letter is
//! looked at again and known by its size and its header, or else fetched again and known by its bytes.

use std::collections::{BTreeSet, HashMap};

use ninetosix_core::store::folder::{FolderKey, Renumbered};
use ninetosix_core::store::intake::Listed;
use ninetosix_core::store::lease::Held;
use ninetosix_core::store::{Store, StoreError};

use crate::folder::{SyncError, listing};
use crate::imap::{Connection, Envelope, Headers, Selected};
use crate::register::Register;
use crate::uid_ranges::UidRanges;

/// Headers asked for at once, for letters that are only listed.
const LIST_LETTERS: usize = 500;
/// Letters whose arrival is compared with what the ledger says, those with the highest UIDs: whoever gives UIDs anew goes
/// on to give these.
pub(crate) const COMPARED: usize = 200;

/// What is asked of single letters, to find out which numbering a folder is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asks {
    /// When the letters we know arrived.
    pub(crate) arrivals: bool,
    /// At the first look, the size, date and Message-ID of each: without them a later numbering cannot tell old letters.
    pub(crate) headers: bool,
}

/// A folder as the ledger knows it.
#[derive(Debug)]
pub(crate) struct Numbering {
    /// Names its rows.
    pub(crate) key: FolderKey,
    /// UIDs with a row.
    pub(crate) known: UidRanges,
    /// The server's UIDNEXT was wrong before.
    lies: bool,
}

impl Numbering {
    /// Returns whether what SELECT told casts no doubt on it.
    pub(crate) fn holds(&self, selected: Selected) -> bool {
        self.key.uidvalidity == selected.uidvalidity
            && (self.lies || !gives_again(selected, self.known.last()))
    }

    /// Finds the numbering that the selected folder is in, or begins one. Where it had to end over what the server says of
    /// single letters, it goes without. Returns the UIDs in the folder too.
    pub(crate) async fn of(
        folder: &str,
        selected: Selected,
        connection: &mut Connection,
        register: &Register,
        asks: Asks,
        held: &Held,
    ) -> Result<(Numbering, Vec<u32>), SyncError> {
        let store = &register.store;
        let before = store.numberings(register.mailbox.as_str(), folder).await?;
        let mut numbering = Numbering {
            key: FolderKey {
                mailbox: register.mailbox.to_string(),
                folder: folder.to_owned(),
                uidvalidity: selected.uidvalidity,
                numbering: before.last().map_or(1, |latest| latest.numbering + 1),
            },
            known: UidRanges::default(),
            lies: false,
        };
        let listed = connection.search_from(1).await?;
        let is_first = before.is_empty();
        // A server may go back to a numbering that it had before.
        let mut same = before.into_iter().rev();
        if let Some(same) = same.find(|key| key.uidvalidity == selected.uidvalidity) {
            let another = std::mem::replace(&mut numbering.key, same);
            numbering.known = known(store, &numbering.key).await?;
            let is_over = numbering
                .is_over(selected, &listed, connection, register, asks)
                .await?;
            if !is_over {
                if gives_again(selected, numbering.known.last()) {
                    tracing::warn!(
                        mailbox.folder = folder,
                        uidnext = selected.uidnext,
                        "the server says that it will give UIDs that letters bear already; it is not believed"
                    );
                    numbering.lies = true;
                }
                return Ok((numbering, listed));
            }
            numbering.key = another;
        }
        if is_first {
            begin(&numbering.key, &listed, connection, register, asks, held).await?;
        } else {
            renumber(&numbering.key, &listed, connection, register, held).await?;
        }
        numbering.known = known(store, &numbering.key).await?;
        Ok((numbering, listed))
    }

    /// Returns whether UIDs we know are given to other letters, or will be.
    async fn is_over(
        &self,
        selected: Selected,
        listed: &[u32],
        connection: &mut Connection,
        register: &Register,
        asks: Asks,
    ) -> Result<bool, SyncError> {
        let contradicts = listed.last() >= selected.uidnext.as_ref();
        if gives_again(selected, self.known.last()) && !contradicts {
            return Ok(true);
        }
        if !asks.arrivals {
            return Ok(false);
        }
        let known = listed
            .iter()
            .copied()
            .filter(|uid| self.known.contains(*uid));
        let known: Vec<u32> = known.collect();
        let highest = known.rchunks(COMPARED).next().unwrap_or_default();
        let anew = given_anew(&register.store, &self.key, highest, connection).await?;
        Ok(!anew.is_empty())
    }
}

/// Returns the UIDs that the ledger holds.
pub(crate) async fn known(store: &Store, key: &FolderKey) -> Result<UidRanges, StoreError> {
    Ok(store.known_uids(key).await?.into_iter().collect())
}

/// Returns those of `uids`, a few hundred, whose letter on the server is not the one of the ledger: it arrived at another
/// time.
pub(crate) async fn given_anew(
    store: &Store,
    key: &FolderKey,
    uids: &[u32],
    connection: &mut Connection,
) -> Result<Vec<u32>, SyncError> {
    let arrivals = store.arrivals(key, uids).await?;
    let asked: Vec<u32> = arrivals.keys().copied().collect();
    let letters = connection.fetch_sizes(&asked).await?;
    let is_another = |letter: &&Envelope| {
        let ours = arrivals.get(&letter.uid);
        // A date that none could be made of was taken to be the moment of fetching.
        letter.internal_date.is_some() && ours.is_some() && letter.internal_date.as_ref() != ours
    };
    Ok(letters
        .iter()
        .filter(is_another)
        .map(|letter| letter.uid)
        .collect())
}

/// Returns whether the next letter is to bear a UID that one has already.
fn gives_again(selected: Selected, highest: Option<u32>) -> bool {
    selected.uidnext.is_some() && selected.uidnext <= highest
}

/// Meets a folder for the first time.
async fn begin(
    key: &FolderKey,
    listed: &[u32],
    connection: &mut Connection,
    register: &Register,
    asks: Asks,
    held: &Held,
) -> Result<(), SyncError> {
    let letters = if asks.headers {
        describe_all(listed, connection, register).await?
    } else {
        undescribed(listed, register)
    };
    tracing::info!(
        mailbox.folder = key.folder,
        letters = letters.len(),
        "first look: letters already there are kept in the ledger and become no tickets"
    );
    let now = register.clock.now();
    Ok(register
        .store
        .begin_numbering(key, &letters, &[], held, now)
        .await?)
}

/// Begins another numbering. Letters keep their size: those that were there before the start are known by that and their
/// Message-ID; those registered by it and their headers; the rest is fetched again and known by its bytes.
async fn renumber(
    key: &FolderKey,
    listed: &[u32],
    connection: &mut Connection,
    register: &Register,
    held: &Held,
) -> Result<(), SyncError> {
    let letters = describe_all(listed, connection, register).await?;
    tracing::warn!(
        mailbox.folder = key.folder,
        uidvalidity = key.uidvalidity,
        letters = letters.len(),
        "the server numbers the folder anew: every letter is looked at again"
    );
    let old = register.store.before_start(key).await?;
    // A restored or copied mailbox often has other dates; without a Message-ID there is nothing better.
    let print = |letter: &Listed| {
        let id = letter.message_id.clone();
        let date = id.is_none().then_some(letter.internal_date);
        (letter.size_bytes, date, id)
    };
    let old: BTreeSet<_> = old.iter().map(print).collect();
    let (before, others): (Vec<_>, Vec<_>) = letters
        .into_iter()
        .partition(|letter| old.contains(&print(letter)));
    let again = recognise(connection, register, key, others).await?;
    tracing::info!(
        mailbox.folder = key.folder,
        letters = again.len(),
        "recognised without being fetched again"
    );
    let now = register.clock.now();
    Ok(register
        .store
        .begin_numbering(key, &before, &again, held, now)
        .await?)
}

/// What the server says of the letters listed.
async fn describe_all(
    listed: &[u32],
    connection: &mut Connection,
    register: &Register,
) -> Result<Vec<Listed>, SyncError> {
    let mut described = Vec::new();
    for some in listed.chunks(LIST_LETTERS) {
        let headers = connection.fetch_headers(some, "MESSAGE-ID").await?;
        described.extend(headers.into_iter().map(|one| describe(one, register)));
    }
    Ok(described)
}

/// The letters listed, without asking anything of them: the server cannot tell it of each.
fn undescribed(listed: &[u32], register: &Register) -> Vec<Listed> {
    let now = register.clock.now();
    let nothing = |uid: &u32| Listed {
        uid: *uid,
        internal_date: now,
        size_bytes: 0,
        message_id: None,
    };
    listed.iter().map(nothing).collect()
}

/// What the server says of a letter that is not fetched.
fn describe(headers: Headers, register: &Register) -> Listed {
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
        ..listing(&headers.envelope, register.clock.as_ref())
    }
}

/// Finds those of `letters` that were registered under an older number: of the same size, with the same header to the last
/// byte.
async fn recognise(
    connection: &mut Connection,
    register: &Register,
    key: &FolderKey,
    letters: Vec<Listed>,
) -> Result<Vec<(Listed, Renumbered)>, SyncError> {
    let mut registered: HashMap<u64, Vec<Renumbered>> = HashMap::new();
    for letter in register.store.registered_before(key).await? {
        registered
            .entry(letter.size_bytes)
            .or_default()
            .push(letter);
    }
    let known = |letter: &Listed| registered.get(&letter.size_bytes);
    let mut again = Vec::new();
    let candidates: Vec<Listed> = letters
        .into_iter()
        .filter(|letter| known(letter).is_some())
        .collect();
    for some in candidates.chunks(LIST_LETTERS) {
        let uids: Vec<u32> = some.iter().map(|letter| letter.uid).collect();
        let hashes: HashMap<u32, String> =
            connection.hash_headers(&uids).await?.into_iter().collect();
        for letter in some {
            let Some(hash) = hashes.get(&letter.uid) else {
                continue;
            };
            for first in known(letter).into_iter().flatten() {
                if register
                    .store
                    .header_hash(first.raw_mail_id)
                    .await?
                    .as_ref()
                    == Some(hash)
                {
                    again.push((letter.clone(), first.clone()));
                    break;
                }
            }
        }
    }
    Ok(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_that_will_be_given_again_is_doubtful() {
        let told = |uidnext| Selected {
            uidvalidity: 1,
            uidnext,
            exists: 0,
        };
        for (uidnext, highest, doubtful) in [
            (None, None, false),
            (None, Some(9), false),
            (Some(1), None, false),
            (Some(10), Some(9), false),
            (Some(9), Some(9), true),
            (Some(1), Some(9), true),
        ] {
            let is = gives_again(told(uidnext), highest);
            assert_eq!(is, doubtful, "UIDNEXT {uidnext:?}, highest {highest:?}");
        }
    }
}
