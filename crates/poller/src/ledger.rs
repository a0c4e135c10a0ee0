//! `ledger`: the server's letters and the ledger's rows, counted against each other.

use std::collections::BTreeMap;

use ninetosix_core::config::Settings;
use ninetosix_core::store::Store;
use ninetosix_core::store::folder::FolderKey;
use ninetosix_core::tell;
use serde::Serialize;

use crate::app::server;
use crate::imap::{Connection, Role};
use crate::numbering::{self, COMPARED, given_anew};

/// One folder's count.
#[derive(Debug, Clone, Serialize)]
pub struct Count {
    /// The support address.
    pub mailbox: String,
    /// The folder on the server.
    pub folder: String,
    /// The generation of its UIDs.
    pub uidvalidity: u32,
    /// Letters on the server.
    pub on_server: usize,
    /// Of these, letters with a row in the ledger.
    pub in_ledger: usize,
    /// UIDs on the server without a row.
    pub missing: Vec<u32>,
    /// UIDs on the server whose letter arrived at another time than the row's: the server gave the UID anew.
    pub given_anew: Vec<u32>,
    /// Rows whose letter is on the server no more; deleting or moving letters is no loss.
    pub gone: usize,
    /// Rows by outcome; `pending` are stored and not decided yet.
    pub outcomes: BTreeMap<String, i64>,
}

impl Count {
    /// Returns whether every letter on the server has a row of its own that ended in an outcome.
    pub fn agrees(&self) -> bool {
        self.missing.is_empty()
            && self.given_anew.is_empty()
            && !self.outcomes.contains_key("pending")
    }
}

/// Counts every folder of every mailbox. Reads only.
pub async fn count(settings: &Settings, store: &Store) -> anyhow::Result<Vec<Count>> {
    let mut counts = Vec::new();
    for mailbox in &settings.mailboxes {
        let mut connection = Connection::open(&server(mailbox)?).await?;
        for folder in &mailbox.folders {
            let folder = match folder.as_str() {
                "spam" => match connection.list_special(Role::Junk).await? {
                    Some(name) => name,
                    None => continue,
                },
                name => name.to_owned(),
            };
            let selected = connection.select(&folder).await?;
            let on_server = connection.search_from(1).await?;
            let numberings = store.numberings(mailbox.address.as_str(), &folder).await?;
            let mut same = numberings.into_iter().rev();
            let key = same
                .find(|key| key.uidvalidity == selected.uidvalidity)
                .unwrap_or_else(|| FolderKey {
                    mailbox: mailbox.address.to_string(),
                    folder: folder.clone(),
                    uidvalidity: selected.uidvalidity,
                    // No row has it.
                    numbering: 0,
                });
            let known = numbering::known(store, &key).await?;
            let (both, missing): (Vec<u32>, Vec<u32>) =
                on_server.iter().partition(|uid| known.contains(**uid));
            let mut anew = Vec::new();
            for some in both.chunks(COMPARED) {
                anew.extend(given_anew(store, &key, some, &mut connection).await?);
            }
            counts.push(Count {
                mailbox: key.mailbox.clone(),
                folder,
                uidvalidity: selected.uidvalidity,
                on_server: on_server.len(),
                in_ledger: both.len(),
                given_anew: anew,
                missing,
                gone: known.len() - both.len(),
                outcomes: store.outcomes(&key).await?,
            });
        }
        connection.logout().await;
    }
    Ok(counts)
}

/// Prints a count as people read it.
pub fn print(count: &Count) {
    tell!(
        "{} {} (UIDVALIDITY {})",
        count.mailbox,
        count.folder,
        count.uidvalidity
    );
    tell!(
        "  on the server {}, of these in the ledger {}{}",
        count.on_server,
        count.in_ledger,
        if count.agrees() {
            ": they agree"
        } else {
            ": THEY DIFFER"
        }
    );
    for (outcome, number) in &count.outcomes {
        tell!("    {outcome:<14} {number}");
    }
    if count.gone > 0 {
        tell!(
            "  {} more in the ledger are on the server no longer (deleted or moved there)",
            count.gone
        );
    }
    for (what, uids) in [
        ("without a row", &count.missing),
        ("with the row of an earlier letter", &count.given_anew),
    ] {
        if uids.is_empty() {
            continue;
        }
        let some: Vec<String> = uids.iter().take(50).map(ToString::to_string).collect();
        tell!(
            "  {what}: UID {}{}",
            some.join(", "),
            if uids.len() > 50 { " …" } else { "" }
        );
    }
}
