//! The hours as they were approved last; see [`crate::domain::calendar::approved`].

use super::{Result, Store, StoreError, execute, query_one};
use crate::domain::calendar::approved::Remembered;

impl Store {
    /// Returns the hours that were approved last, if any were.
    pub async fn approved_hours(&self) -> Result<Option<Remembered>> {
        let select = "SELECT approved_on, rules FROM approved_hours WHERE id = 1";
        let Some(row) = query_one(&self.db, select, []).await? else {
            return Ok(None);
        };
        let approved_on: String = row.try_get("", "approved_on")?;
        let rules: String = row.try_get("", "rules")?;
        let approved_on = approved_on.parse().map_err(|_| StoreError::Row {
            table: "approved_hours",
            id: 1,
            what: format!("{approved_on} is not a date"),
        })?;
        let rules = rules.lines().map(str::to_owned).collect();
        Ok(Some(Remembered { approved_on, rules }))
    }

    /// Remembers hours that were approved, in place of those before.
    pub async fn remember_approved_hours(&self, approved: &Remembered) -> Result<()> {
        let write = "INSERT INTO approved_hours (id, approved_on, rules) VALUES (1, $1, $2)
                     ON CONFLICT (id) DO UPDATE SET approved_on = excluded.approved_on, rules = excluded.rules";
        let values = [
            approved.approved_on.to_string().into(),
            approved.rules.join("\n").into(),
        ];
        execute(&self.db, write, values).await?;
        Ok(())
    }
}
