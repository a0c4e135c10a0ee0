//! Receipts that left late, and those that wait with them: the ceilings are on what leaves, not on what was planned.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;

use super::{Result, execute, on_postgres, query_one};

/// Puts off the receipts to addresses that have never answered one for as long as `per_hour` of all receipts have left within
/// the last hour: after an outage many are due at once (promise P14).
pub(super) async fn pace(
    tx: &impl ConnectionTrait,
    per_hour: u32,
    now: DateTime<Utc>,
) -> Result<()> {
    let hour = TimeDelta::hours(1);
    let nth = "SELECT due_at FROM letter WHERE kind = 'receipt' AND state = 'sent' AND due_at > $1 ORDER BY due_at DESC LIMIT 1 OFFSET $2";
    let values = [(now - hour).into(), i64::from(per_hour.max(1) - 1).into()];
    let Some(row) = query_one(tx, nth, values).await? else {
        return Ok(());
    };
    let free_at = row.try_get::<DateTime<Utc>>("", "due_at")? + hour;
    let put_off = format!(
        "UPDATE letter SET due_at = $1 WHERE id IN (SELECT l.id FROM letter l WHERE l.kind = 'receipt' AND l.state = 'due' AND l.due_at < $1
         AND NOT EXISTS (SELECT 1 FROM person p WHERE p.address = l.recipient_address AND p.confirmed_at IS NOT NULL){})",
        on_postgres(tx, " FOR UPDATE SKIP LOCKED")
    );
    execute(tx, &put_off, [free_at.into()]).await?;
    Ok(())
}
