//! Leases: what only one process may do at a time, and the fence that keeps a stalled one from writing later (rule R08).

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;

use super::{Result, Store, StoreError, execute, on_postgres, query_all, query_one};
use crate::process;

/// How long a lease holds without being renewed.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);

/// A lease that is held, with the number that every write under it is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it is on.
    pub name: String,
    /// Rises with every new holder.
    pub fence: i64,
}

impl Store {
    /// Takes the lease `name` for `holder`. Returns `None` while another process holds it; one of this host that is
    /// known to be dead does not.
    pub async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Held>> {
        let tx = self.begin_write().await?;
        let create = "INSERT INTO lease (name, holder, fence, lease_until) VALUES ($1, '', 0, $2) ON CONFLICT (name) DO NOTHING";
        execute(&tx, create, [name.into(), now.into()]).await?;
        let look = format!(
            "SELECT holder, fence, lease_until FROM lease WHERE name = $1{}",
            on_postgres(&tx, " FOR UPDATE")
        );
        let row = query_one(&tx, &look, [name.into()])
            .await?
            .ok_or_else(|| StoreError::LeaseLost(name.to_owned()))?;
        let (other, fence, until): (String, i64, DateTime<Utc>) = (
            row.try_get("", "holder")?,
            row.try_get("", "fence")?,
            row.try_get("", "lease_until")?,
        );
        if other != holder && until > now && !process::is_gone(&other) {
            return Ok(None);
        }
        let fence = fence + 1;
        let take = "UPDATE lease SET holder = $2, fence = $3, lease_until = $4 WHERE name = $1";
        execute(
            &tx,
            take,
            [
                name.into(),
                holder.into(),
                fence.into(),
                (now + LEASE).into(),
            ],
        )
        .await?;
        tx.commit().await?;
        Ok(Some(Held {
            name: name.to_owned(),
            fence,
        }))
    }

    /// Holds the lease for another [`LEASE`] from `now`.
    pub async fn renew_lease(&self, held: &Held, now: DateTime<Utc>) -> Result<()> {
        let renew = "UPDATE lease SET lease_until = $3 WHERE name = $1 AND fence = $2";
        let renewed = execute(
            &self.db,
            renew,
            [
                held.name.as_str().into(),
                held.fence.into(),
                (now + LEASE).into(),
            ],
        )
        .await?;
        if renewed == 1 {
            Ok(())
        } else {
            Err(StoreError::LeaseLost(held.name.clone()))
        }
    }

    /// Returns the names of the leases that somebody holds who may live.
    pub async fn leases_held(&self, now: DateTime<Utc>) -> Result<Vec<String>> {
        let select = "SELECT name, holder FROM lease WHERE lease_until > $1 ORDER BY name";
        let mut names = Vec::new();
        for row in query_all(&self.db, select, [now.into()]).await? {
            if !process::is_gone(&row.try_get::<String>("", "holder")?) {
                names.push(row.try_get("", "name")?);
            }
        }
        Ok(names)
    }

    /// Gives the lease back.
    pub async fn release_lease(&self, held: &Held, now: DateTime<Utc>) -> Result<()> {
        let release = "UPDATE lease SET lease_until = $3 WHERE name = $1 AND fence = $2";
        execute(
            &self.db,
            release,
            [held.name.as_str().into(), held.fence.into(), now.into()],
        )
        .await?;
        Ok(())
    }
}

/// Fails inside a transaction unless `held` is still the newest lease; on PostgreSQL nobody can take it until the
/// transaction ends.
pub(super) async fn check(tx: &impl ConnectionTrait, held: &Held) -> Result<()> {
    let look = format!(
        "SELECT 1 FROM lease WHERE name = $1 AND fence = $2{}",
        on_postgres(tx, " FOR SHARE")
    );
    let found = query_one(tx, &look, [held.name.as_str().into(), held.fence.into()]).await?;
    found
        .map(|_| ())
        .ok_or_else(|| StoreError::LeaseLost(held.name.clone()))
}
