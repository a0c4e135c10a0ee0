//! `ledger`: the server's letters and the ledger's rows, counted against each other.

use std::collections::{BTreeMap, BTreeSet};

use ninetosix_core::config::Settings;
use ninetosix_core::store::Store;
use ninetosix_core::store::intake::FolderKey;
use serde::Serialize;

use crate::app::server;
use crate::imap::{Connection, Role};

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
    /// Rows whose letter is on the server no more; deleting or moving letters is no loss.
    pub gone: usize,
    /// Rows by outcome; `pending` are stored and not decided yet.
    pub outcomes: BTreeMap<String, i64>,
}

impl Count {
    /// Returns whether every letter on the server has a row that ended in an outcome.
    pub fn agrees(&self) -> bool {
        self.missing.is_empty() && !self.outcomes.contains_key("pending")
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
            let on_server: BTreeSet<u32> = connection.search_from(1).await?.into_iter().collect();
            let key = FolderKey {
                mailbox: mailbox.address.to_string(),
                folder: folder.clone(),
                uidvalidity: selected.uidvalidity,
            };
            let known = store.known_uids(&key).await?;
            counts.push(Count {
                mailbox: key.mailbox.clone(),
                folder,
                uidvalidity: selected.uidvalidity,
                on_server: on_server.len(),
                in_ledger: on_server.intersection(&known).count(),
                missing: on_server.difference(&known).copied().collect(),
                gone: known.difference(&on_server).count(),
                outcomes: store.outcomes(&key).await?,
            });
        }
        connection.logout().await;
    }
    Ok(counts)
}

/// Prints a count as people read it.
pub fn print(count: &Count) {
    println!(
        "{} {} (UIDVALIDITY {})",
        count.mailbox, count.folder, count.uidvalidity
    );
    println!(
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
        println!("    {outcome:<14} {number}");
    }
    if count.gone > 0 {
        println!(
            "  {} more in the ledger are on the server no longer (deleted or moved there)",
            count.gone
        );
    }
    if !count.missing.is_empty() {
        let uids: Vec<String> = count
            .missing
            .iter()
            .take(50)
            .map(ToString::to_string)
            .collect();
        println!(
            "  without a row: UID {}{}",
            uids.join(", "),
            if count.missing.len() > 50 { " …" } else { "" }
        );
    }
}
