//! How many letters left a mailbox lately, what becomes of those for which there is no room, and who is told.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::alert::raise_of_lane;
use super::registration::Registrar;
use super::{Result, Store, execute, query_one};
use crate::domain::alert::{Alert, ONCE_IN};
use crate::domain::daily_ceiling::{WINDOW, room_at};
use crate::domain::letter::Lane;

impl Store {
    /// Returns until when no letter may leave `mailbox` that leaves only where fewer than `room` have left lately; `None`
    /// if one may leave at `now`.
    pub async fn full_until(
        &self,
        mailbox: &str,
        room: u32,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>> {
        let select = "SELECT sent_at FROM letter WHERE mailbox = $1 AND sent_at > $2 ORDER BY sent_at DESC LIMIT 1 OFFSET $3";
        let values = [
            mailbox.into(),
            (now - WINDOW).into(),
            (i64::from(room.max(1)) - 1).into(),
        ];
        let row = query_one(&self.db, select, values).await?;
        let oldest = row.map(|row| row.try_get("", "sent_at")).transpose()?;
        Ok(oldest.map(room_at))
    }

    /// Tells the operator that the clocks do not agree, once a day.
    pub async fn tell_of_clocks(
        &self,
        registrar: Registrar<'_>,
        problem: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let alert = Alert::clock(problem);
        let tx = self.begin_write().await?;
        raise_of_lane(&tx, registrar, Lane::Worker, &alert, now - WINDOW, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Says of every letter that is due in `lane` why it waits, and until when, and tells the operator once a day.
    pub async fn wait_for_room(
        &self,
        registrar: Registrar<'_>,
        lane: Lane,
        ceiling: u32,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let why = format!(
            "waits for the daily ceiling until {}",
            until.format("%Y-%m-%d %H:%M UTC")
        );
        let tx = self.begin_write().await?;
        let update = "UPDATE letter SET why = $4 WHERE lane = $1 AND mailbox = $2 AND state = 'due' AND due_at <= $3 AND coalesce(why, '') <> $4";
        let values = [
            lane.as_str().into(),
            registrar.mailbox.as_str().into(),
            now.into(),
            why.into(),
        ];
        execute(&tx, update, values).await?;
        let alert = Alert::ceiling(registrar.mailbox.as_str(), ceiling);
        raise_of_lane(&tx, registrar, lane, &alert, now - WINDOW, now).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// An alert to the operator, one an episode: a letter of the lane that was accepted since began a new one.
pub(super) async fn tell_of_refusal(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    lane: Lane,
    why: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let last = "SELECT sent_at FROM letter WHERE mailbox = $1 AND sent_at IS NOT NULL AND lane = $2 ORDER BY sent_at DESC LIMIT 1";
    let mailbox = registrar.mailbox.as_str();
    let since: Option<DateTime<Utc>> =
        match query_one(tx, last, [mailbox.into(), lane.as_str().into()]).await? {
            Some(row) => row.try_get("", "sent_at")?,
            None => None,
        };
    let since = since.unwrap_or_default().max(now - ONCE_IN);
    let alert = Alert::refused(mailbox, lane, why);
    raise_of_lane(tx, registrar, lane, &alert, since, now).await?;
    Ok(())
}
