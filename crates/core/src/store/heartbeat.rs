//! Signs of life of the daemons' loops, in the database, so that `check` and `health` can read them beside a running daemon.

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;

use super::entity::heartbeat;
use super::{Result, Store, execute};
use crate::domain::letter::Lane;

/// Returns the name of the loop that sends the letters of a lane from a mailbox.
pub fn pulse_name(lane: Lane, mailbox: &str) -> String {
    format!("deliver:{}:{mailbox}", lane.as_str())
}

/// The name of the loop that applies the terms of retention.
pub const RETENTION: &str = "retention";

/// The last sign of life of a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The loop: `poll:ADDRESS`, `deliver:LANE:ADDRESS` or [`RETENTION`].
    pub name: String,
    /// Its last turn.
    pub at: DateTime<Utc>,
    /// Its last turn that did all it should.
    pub good_at: Option<DateTime<Utc>>,
    /// What is wrong now.
    pub problem: Option<String>,
}

impl Store {
    /// Records a turn of the loop `name` at `now`: a good one, or one that met `problem`.
    pub async fn beat(&self, name: &str, problem: Option<&str>, now: DateTime<Utc>) -> Result<()> {
        let good_at = problem.is_none().then_some(now);
        let beat = "INSERT INTO heartbeat (name, at, good_at, problem) VALUES ($1, $2, $3, $4)
                    ON CONFLICT (name) DO UPDATE SET at = excluded.at, good_at = coalesce(excluded.good_at, heartbeat.good_at), problem = excluded.problem";
        execute(
            &self.db,
            beat,
            [
                name.into(),
                now.into(),
                good_at.into(),
                problem.map(str::to_owned).into(),
            ],
        )
        .await?;
        Ok(())
    }

    /// Returns every loop's last sign of life, by name.
    pub async fn heartbeats(&self) -> Result<Vec<Heartbeat>> {
        let mut rows = heartbeat::Entity::find().all(&self.db).await?;
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows
            .into_iter()
            .map(|row| Heartbeat {
                name: row.name,
                at: row.at,
                good_at: row.good_at,
                problem: row.problem,
            })
            .collect())
    }
}
