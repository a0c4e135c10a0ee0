//! How many tickets, letters and registered messages there are, for monitors.

use super::{Result, Store, query_all};

/// So many rows there are, by a column of theirs.
pub type Counts = Vec<(String, i64)>;

impl Store {
    /// Returns how many tickets there are, by state.
    pub async fn tickets_by_state(&self) -> Result<Counts> {
        self.counts("SELECT state AS name, count(*) AS n FROM ticket GROUP BY state")
            .await
    }

    /// Returns how many letters of ours there are, by state.
    pub async fn letters_by_state(&self) -> Result<Counts> {
        self.counts("SELECT state AS name, count(*) AS n FROM letter GROUP BY state")
            .await
    }

    /// Returns how many messages are in the ledger, by outcome; those without one yet are `pending`.
    pub async fn messages_by_outcome(&self) -> Result<Counts> {
        self.counts("SELECT coalesce(outcome, 'pending') AS name, count(*) AS n FROM ledger GROUP BY outcome").await
    }

    async fn counts(&self, select: &str) -> Result<Counts> {
        let mut counts = Vec::new();
        for row in query_all(&self.db, select, []).await? {
            counts.push((row.try_get("", "name")?, row.try_get("", "n")?));
        }
        Ok(counts)
    }
}
