//! Answers and orders that have not left or taken effect: let go, withdrawn or replaced by their author.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::{Result, address, execute, query_one};
use crate::domain::registration::{Settled, Settlement};

/// Does what was decided. The rows were locked when the decision was made.
pub(super) async fn settle(
    tx: &impl ConnectionTrait,
    ticket: Option<i64>,
    settled: &Settled,
    now: DateTime<Utc>,
) -> Result<()> {
    let unsent = &settled.unsent;
    let why = match settled.how {
        Settlement::Send {
            due_at,
            without_files,
        } => {
            let Some(letter) = unsent.letter else {
                return Ok(());
            };
            return let_go(tx, letter, due_at, without_files, now).await;
        }
        Settlement::Withdraw => "withdrawn by its author",
        Settlement::Replace => "replaced by a later letter of its author",
    };
    if let Some(letter) = unsent.letter {
        let cancel = "UPDATE letter SET state = 'cancelled', why = $2 WHERE id = $1 AND state IN ('due', 'held')";
        execute(tx, cancel, [letter.into(), why.into()]).await?;
    }
    // What else the letter ordered goes with it; orders of a held answer are in its row.
    let cancel = "UPDATE command SET cancelled_at = $2 WHERE message = $1 AND ticket = $3 AND applied_at IS NULL AND cancelled_at IS NULL";
    execute(tx, cancel, [unsent.entry.into(), now.into(), ticket.into()]).await?;
    Ok(())
}

/// Lets a letter that is held go at `due_at`. Somebody has said so: the address is written to again.
pub(super) async fn let_go(
    tx: &impl ConnectionTrait,
    letter: i64,
    due_at: DateTime<Utc>,
    without_files: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let go = "UPDATE letter SET state = CASE WHEN frozen IS NULL THEN 'due' ELSE 'maybe_sent' END, due_at = $2, put_off = $3, with_files = (with_files AND $4), attempts = 0, tried_since = NULL, why = NULL, created_at = $5
              WHERE id = $1 AND state IN ('held', 'failed') RETURNING recipient_address";
    let values = [
        letter.into(),
        due_at.into(),
        (due_at > now).into(),
        (!without_files).into(),
        now.into(),
    ];
    let Some(row) = query_one(tx, go, values).await? else {
        return Ok(());
    };
    let recipient: String = row.try_get("", "recipient_address")?;
    address::alive(tx, &recipient).await
}
