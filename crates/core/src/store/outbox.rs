//! The outbox: claims by lease with a fence, bytes frozen before DATA, and the outcome (rules R04, R06, R08).
//! What a letter's states mean is told in `domain::letter`.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, Value};

use super::alert::{self, Occasion};
use super::entity::letter;
use super::lease::LEASE;
use super::new_letter::{Cause, is_written, tell_author};
use super::promise::{self, Promise};
use super::registration::{Registrar, insert_event};
use super::sends::tell_of_refusal;
use super::{
    Result, Store, StoreError, address, execute, on_postgres, query_all, query_one, quiet,
    receipts, sql, time,
};
use crate::domain::address::{EmailAddress, mask_addresses};
use crate::domain::alert::{Alert, ONCE_A_DAY, Until};
use crate::domain::letter::{Kind, Lane};
use crate::domain::registration::{NewEvent, Undelivered, UndeliveredFate};
use crate::process;

/// A letter that this process may send, until its lease runs out.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its row.
    pub id: i64,
    /// Its kind.
    pub kind: Kind,
    /// The ticket it is about.
    pub ticket: Option<i64>,
    /// Where it goes; `None` if the row holds no usable address.
    pub recipient: Option<EmailAddress>,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was due.
    pub due_at: DateTime<Utc>,
    /// Since when it is tried.
    pub tried_since: DateTime<Utc>,
    /// The bytes of an attempt whose end is not known. They go again unchanged.
    pub frozen: Option<Vec<u8>>,
    /// Whether it left its author time to take it back.
    pub put_off: bool,
    /// Whether its bytes are kept, once it is sent, for the folder of sent mail.
    pub keep_copy: bool,
    /// What the database's clock showed when it was claimed, if it has one.
    pub said: Option<DateTime<Utc>>,
    pub(super) row: letter::Model,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The server took the letter.
    Sent,
    /// The gate closed before anything was accepted: it waits, and the attempt does not count.
    Snoozed {
        /// Until when.
        until: DateTime<Utc>,
    },
    /// Nothing was accepted; try again.
    TryAgain {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        why: String,
    },
    /// The end-of-data was written and not answered; the same bytes go again.
    Unknown {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        why: String,
    },
    /// The server refused us altogether: it waits in its place, and the attempt does not count.
    Refused {
        /// Why.
        why: String,
    },
    /// Refused for good, or tried for too long.
    Failed {
        /// Why.
        why: String,
        /// Whether there is nobody at the address: it is not written to again until a person says so.
        dead_address: bool,
    },
    /// It cannot be composed, or the server takes others and not this one; it waits for a person.
    Held {
        /// Why.
        why: String,
    },
}

/// How long an answer held overnight waits for the mailbox to be read after the opening.
pub const POLL_GRACE: TimeDelta = TimeDelta::minutes(10);

/// How long a letter whose end is not known waits for a look into the folder of sent mail.
pub const ASK_GRACE: TimeDelta = TimeDelta::minutes(5);

/// Which letters of a lane may be claimed.
#[derive(Debug, Clone, Default)]
pub struct Among {
    /// Not those that yield to others: receipts and letters that reopen a ticket.
    pub without_receipts: bool,
    /// Neither these, nor any about their tickets or to their recipients.
    pub passed_over: Vec<i64>,
}

/// The condition under which a letter may be claimed; `$1` lane, `$2` mailbox, `$3` now, `$4` [`POLL_GRACE`] ago, `$5`
/// [`ASK_GRACE`] ago.
/// Letters of one ticket to one person leave in the order they were written. An answer that was given outside business
/// hours leaves once the mailbox was read after the opening, for its author may have written again before it. One whose end
/// is not known waits for the folder of sent mail to be looked into, as long as there is a poller that does.
///
/// What is asked of each letter is an aggregate and not NOT EXISTS: PostgreSQL makes a join of that, which takes minutes where
/// its statistics are old; that of the heartbeat stands under an OR, of which none can be made. The states are spelled as in
/// the index, or SQLite does not use it.
const CLAIMABLE: &str = "l.lane = $1 AND l.mailbox = $2 AND l.state IN ('due', 'sending', 'maybe_sent') AND l.due_at <= $3 AND (l.state <> 'sending' OR l.lease_until <= $3 AND l.frozen IS NULL)
    AND (l.state <> 'maybe_sent' OR l.sent_folder IS NOT NULL OR l.unanswered_at IS NULL OR l.unanswered_at <= $5
         OR NOT EXISTS (SELECT 1 FROM heartbeat h WHERE h.name = 'poll:' || l.mailbox AND h.good_at >= $4))
    AND (SELECT min(e.id) FROM letter e WHERE e.ticket = l.ticket AND e.recipient_address = l.recipient_address AND e.lane = l.lane AND e.id < l.id
         AND e.state IN ('due', 'sending', 'maybe_sent')) IS NULL
    AND (NOT l.put_off OR l.due_at <= $4
         OR EXISTS (SELECT 1 FROM heartbeat h WHERE h.name = 'poll:' || l.mailbox AND h.good_at >= l.due_at))";

impl Among {
    /// The condition on a letter `l`, to be added to others.
    fn condition(&self) -> String {
        let mut condition = String::new();
        if self.without_receipts {
            condition.push_str(" AND l.kind NOT IN ('receipt', 'reopened')");
        }
        if !self.passed_over.is_empty() {
            let ids: Vec<String> = self.passed_over.iter().map(i64::to_string).collect();
            condition.push_str(&format!(
                " AND (SELECT count(*) FROM letter p WHERE p.id IN ({}) AND (p.id = l.id OR p.ticket = l.ticket OR p.recipient_address = l.recipient_address)) = 0",
                ids.join(", ")
            ));
        }
        condition
    }
}

impl Store {
    /// Returns whether a letter could be claimed at `now`.
    pub async fn has_due_letter(
        &self,
        lane: Lane,
        mailbox: &str,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        self.has_due_letter_among(lane, mailbox, &Among::default(), now)
            .await
    }

    /// Returns whether one of these letters could be claimed at `now`.
    pub async fn has_due_letter_among(
        &self,
        lane: Lane,
        mailbox: &str,
        among: &Among,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let (awake, among) = (quiet::awake(&self.db), among.condition());
        let select = format!("SELECT 1 FROM letter l WHERE {awake} AND {CLAIMABLE}{among} LIMIT 1");
        let values = claimable(lane, mailbox, now);
        Ok(query_one(&self.db, &select, values).await?.is_some())
    }

    /// Claims the letter that has been due longest. The attempt is counted before anything is dialled.
    pub async fn claim(
        &self,
        lane: Lane,
        mailbox: &str,
        holder: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Claimed>> {
        self.claim_among(lane, mailbox, &Among::default(), holder, now)
            .await
    }

    /// Claims that of these letters that has been due longest.
    pub async fn claim_among(
        &self,
        lane: Lane,
        mailbox: &str,
        among: &Among,
        holder: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Claimed>> {
        let skip = on_postgres(&self.db, " FOR UPDATE SKIP LOCKED");
        let said = time::said(&self.db);
        let (awake, among) = (quiet::awake(&self.db), among.condition());
        let claim = format!(
            "UPDATE letter SET state = 'sending', attempts = attempts + 1, tried_since = coalesce(tried_since, $3), fence = fence + 1, holder = $6, lease_until = $7
             WHERE id = (SELECT l.id FROM letter l WHERE {awake} AND {CLAIMABLE}{among} ORDER BY l.due_at, l.id LIMIT 1{skip}) RETURNING *, {said}"
        );
        let mut values = claimable(lane, mailbox, now).to_vec();
        values.extend([holder.into(), (now + LEASE).into()]);
        let Some(row) = self.db.query_one_raw(sql(&self.db, &claim, values)).await? else {
            return Ok(None);
        };
        let said = time::read(&row)?;
        let row = letter::Model::from_query_result(&row, "")?;
        let kind = Kind::from_name(&row.kind).ok_or_else(|| StoreError::Row {
            table: "letter",
            id: row.id,
            what: format!("unknown kind {}", row.kind),
        })?;
        Ok(Some(Claimed {
            id: row.id,
            kind,
            ticket: row.ticket,
            recipient: EmailAddress::parse(&row.recipient_address),
            message_id: row.message_id.clone(),
            attempts: row.attempts.unsigned_abs(),
            created_at: row.created_at,
            due_at: row.due_at,
            tried_since: row.tried_since.unwrap_or(now),
            frozen: row.frozen.clone(),
            put_off: row.put_off,
            keep_copy: false,
            said,
            row,
        }))
    }

    /// Returns whether the mailbox was read to the end at or after `since`.
    pub async fn was_read_since(&self, mailbox: &str, since: DateTime<Utc>) -> Result<bool> {
        let select = "SELECT 1 FROM heartbeat WHERE name = $1 AND good_at >= $2";
        let values = [format!("poll:{mailbox}").into(), since.into()];
        Ok(query_one(&self.db, select, values).await?.is_some())
    }

    /// Holds the claim for another lease from `now`; fails if somebody else has it by now.
    pub async fn renew_claim(&self, claimed: &Claimed, now: DateTime<Utc>) -> Result<()> {
        let renew =
            "UPDATE letter SET lease_until = $3 WHERE id = $1 AND fence = $2 AND state = 'sending'";
        owned(
            claimed,
            execute(
                &self.db,
                renew,
                [
                    claimed.id.into(),
                    claimed.row.fence.into(),
                    (now + LEASE).into(),
                ],
            )
            .await?,
        )
    }

    /// Returns if the claim is still ours and holds for half a lease from `now` at least, and renews it where it would not;
    /// fails if somebody else has it by now. Where it was renewed just before, nothing is written. Returns what the
    /// database's clock shows, if it has one.
    pub async fn confirm_claim(
        &self,
        claimed: &Claimed,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>> {
        let select = format!(
            "SELECT lease_until, {} FROM letter WHERE id = $1 AND fence = $2 AND state = 'sending'",
            time::said(&self.db)
        );
        let values = [claimed.id.into(), claimed.row.fence.into()];
        let row = query_one(&self.db, &select, values)
            .await?
            .ok_or_else(|| StoreError::LeaseLost(format!("letter {}", claimed.id)))?;
        let until: Option<DateTime<Utc>> = row.try_get("", "lease_until")?;
        if until.is_none_or(|until| until - now <= LEASE / 2 || until - now > LEASE) {
            self.renew_claim(claimed, now).await?;
        }
        time::read(&row)
    }

    /// Freezes the finished bytes, immediately before DATA: from here to a known outcome they are what is sent. What a
    /// receipt promises is kept with them.
    pub async fn freeze(
        &self,
        claimed: &Claimed,
        bytes: &[u8],
        promise: Option<&Promise>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let freeze = "UPDATE letter SET frozen = $3, lease_until = $4 WHERE id = $1 AND fence = $2 AND state = 'sending'";
        let values = [
            claimed.id.into(),
            claimed.row.fence.into(),
            bytes.to_vec().into(),
            (now + LEASE).into(),
        ];
        let Some(promise) = promise else {
            return owned(claimed, execute(&self.db, freeze, values).await?);
        };
        let tx = self.begin_write().await?;
        owned(claimed, execute(&tx, freeze, values).await?)?;
        promise::keep(&tx, claimed.id, promise).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records how an attempt ended, with what follows from it: the ticket's history, and a word to the author of an
    /// answer that failed.
    pub async fn finish(
        &self,
        registrar: Registrar<'_>,
        claimed: &Claimed,
        ending: &Ending,
        now: DateTime<Utc>,
    ) -> Result<()> {
        // An attempt that found frozen bytes repeats one whose end is not known: if it ends without an answer too,
        // or is refused, the first may still have arrived.
        let repeated = claimed.frozen.is_some();
        let (state, due_at, why, event) = match ending {
            Ending::Sent => (
                "sent",
                // Ceilings count from when an automatic letter left.
                match claimed.kind {
                    Kind::Receipt | Kind::Reopened => now,
                    _ => claimed.due_at,
                },
                repeated.then(|| "possibly sent twice".to_owned()),
                Some(("sent", String::new())),
            ),
            Ending::Snoozed { until } => (
                if repeated { "maybe_sent" } else { "due" },
                *until,
                (*until > now).then(|| "waits for business hours".to_owned()),
                None,
            ),
            Ending::TryAgain { at, why } => (
                if repeated { "maybe_sent" } else { "due" },
                *at,
                Some(why.clone()),
                None,
            ),
            Ending::Refused { why } => (
                if repeated { "maybe_sent" } else { "due" },
                claimed.due_at,
                Some(format!("the mail provider refuses our letters: {why}")),
                None,
            ),
            Ending::Unknown { at, why } => (
                "maybe_sent",
                *at,
                Some(why.clone()),
                Some(("maybe_sent", why.clone())),
            ),
            Ending::Failed { why, .. } => (
                "failed",
                claimed.due_at,
                Some(why.clone()),
                Some(("failed", why.clone())),
            ),
            Ending::Held { why } => (
                "held",
                claimed.due_at,
                Some(why.clone()),
                Some(("held", why.clone())),
            ),
        };
        let copy = (claimed.keep_copy && *ending == Ending::Sent).then_some("wanted");
        let frozen = if state == "maybe_sent" || copy.is_some() {
            "frozen"
        } else {
            "NULL"
        };
        // The folder of sent mail is asked once for each attempt that was not answered.
        let (unanswered_at, sent_folder) = match ending {
            Ending::Unknown { .. } => ("$10", "NULL"),
            _ => ("coalesce(unanswered_at, $10)", "sent_folder"),
        };
        let unanswered = matches!(ending, Ending::Unknown { .. }).then_some(now);
        let refund = matches!(ending, Ending::Snoozed { .. } | Ending::Refused { .. });
        // After the provider refused us altogether the days for which a letter is tried begin anew.
        let tried_since = match ending {
            Ending::Refused { .. } => "NULL",
            _ => "CASE WHEN attempts > $6 THEN tried_since END",
        };
        let sent_at = matches!(ending, Ending::Sent).then_some(now);
        let tx = self.begin_write().await?;
        let update = format!(
            "UPDATE letter SET state = $3, due_at = $4, why = $5, attempts = attempts - $6, tried_since = {tried_since}, sent_at = $7, possibly_twice = $8, copy = $9,
                unanswered_at = {unanswered_at}, sent_folder = {sent_folder}, frozen = {frozen}, holder = NULL, lease_until = NULL
             WHERE id = $1 AND fence = $2 AND state = 'sending'"
        );
        let values = [
            claimed.id.into(),
            claimed.row.fence.into(),
            state.into(),
            due_at.into(),
            why.into(),
            i32::from(refund).into(),
            sent_at.into(),
            (repeated || matches!(ending, Ending::Unknown { .. })).into(),
            copy.into(),
            unanswered.into(),
        ];
        owned(claimed, execute(&tx, &update, values).await?)?;
        if let Some((kind, detail)) = event {
            let mut letter = format!("{} {}", claimed.kind.as_str(), claimed.id);
            if !detail.is_empty() {
                letter = format!("{letter}: {detail}");
            }
            let event = NewEvent::new(kind, "desk", letter);
            insert_event(&tx, claimed.ticket, event, now).await?;
        }
        if let (Kind::Receipt, Ending::Sent) = (claimed.kind, ending) {
            receipts::pace(&tx, registrar.desk.caps.total_per_hour, now).await?;
        }
        if let (Kind::Answer, Ending::Failed { why, .. } | Ending::Held { why }) =
            (claimed.kind, ending)
        {
            let fate = match ending {
                Ending::Failed {
                    dead_address: true, ..
                } => UndeliveredFate::DeadAddress,
                _ => UndeliveredFate::Failed,
            };
            tell_of_failure(&tx, registrar, claimed, why, fate, now).await?;
        }
        if let (
            Kind::Receipt | Kind::Reopened | Kind::Answer,
            Ending::Failed {
                why,
                dead_address: true,
            },
            Some(address),
            Some(message),
        ) = (
            claimed.kind,
            ending,
            &claimed.recipient,
            claimed.row.message,
        ) {
            address::is_dead(&tx, registrar, address, why, message, now).await?;
        }
        if let (
            Kind::Notice | Kind::Digest | Kind::OwnLetter | Kind::Delivery,
            Ending::Failed { why, .. } | Ending::Held { why },
        ) = (claimed.kind, ending)
        {
            let who = claimed
                .row
                .recipient_login
                .as_deref()
                .unwrap_or("a specialist");
            let alert = Alert::undelivered(who, &mask_addresses(why), claimed.id);
            let occasion = Occasion {
                mailbox: registrar.mailbox.as_str(),
                until: Until::Told,
                since: now - ONCE_A_DAY,
                cause: None,
            };
            alert::raise(&tx, registrar, &alert, occasion, now).await?;
        }
        if let Ending::Refused { why } = ending {
            tell_of_refusal(&tx, registrar, claimed.kind.lane(), why, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Gives back the claims of processes of this host that are known to be dead, so that nobody waits for their leases.
    pub async fn release_dead_claims(&self, now: DateTime<Utc>) -> Result<u64> {
        let mut released = 0;
        for row in query_all(
            &self.db,
            "SELECT id, fence, holder FROM letter WHERE state = 'sending'",
            [],
        )
        .await?
        {
            let (id, fence, holder): (i64, i64, Option<String>) = (
                row.try_get("", "id")?,
                row.try_get("", "fence")?,
                row.try_get("", "holder")?,
            );
            if holder.is_some_and(|holder| process::is_gone(&holder)) {
                released += execute(&self.db, "UPDATE letter SET lease_until = $3 WHERE id = $1 AND fence = $2 AND state = 'sending'", [id.into(), fence.into(), now.into()]).await?;
            }
        }
        Ok(released)
    }

    /// Returns the addresses from which letters of `lane` wait to leave, and when each one's oldest was due. Addresses that
    /// are not configured any more are among them.
    pub async fn oldest_due(&self, lane: Lane) -> Result<Vec<(String, DateTime<Utc>)>> {
        let select = "SELECT mailbox, min(due_at) AS due_at FROM letter WHERE lane = $1 AND state IN ('due', 'sending', 'maybe_sent') GROUP BY mailbox ORDER BY mailbox";
        let rows = query_all(&self.db, select, [lane.as_str().into()]).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "mailbox")?, row.try_get("", "due_at")?)))
            .collect()
    }

    /// Returns the first `limit` tickets that a receipt stands for, how many there are in all, and when the latest of
    /// their letters came in.
    pub(super) async fn named_tickets(
        &self,
        letter: i64,
        limit: u64,
    ) -> Result<(Vec<i64>, i64, Option<DateTime<Utc>>)> {
        let select = "SELECT number FROM ticket WHERE receipt_letter = $1 ORDER BY number LIMIT $2";
        let rows = query_all(&self.db, select, [letter.into(), (limit as i64).into()]).await?;
        let numbers = rows
            .iter()
            .map(|row| Ok(row.try_get("", "number")?))
            .collect::<Result<_>>()?;
        let select = "SELECT count(*) AS n, max(received_at) AS latest FROM ticket WHERE receipt_letter = $1";
        match query_one(&self.db, select, [letter.into()]).await? {
            Some(row) => Ok((numbers, row.try_get("", "n")?, row.try_get("", "latest")?)),
            None => Ok((numbers, 0, None)),
        }
    }
}

/// A letter to the author of an answer that did not arrive.
async fn tell_of_failure(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    claimed: &Claimed,
    why: &str,
    fate: UndeliveredFate,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(author) = claimed
        .row
        .author_login
        .as_deref()
        .and_then(|login| registrar.desk.by_login(login))
    else {
        return Ok(());
    };
    let Some(message) = claimed.row.message else {
        return Ok(());
    };
    let what = Undelivered {
        address: claimed.row.recipient_address.clone(),
        reply: why.to_owned(),
        fate,
    };
    let ticket = claimed.ticket;
    let number = ticket.unwrap_or_default();
    let cause = if is_written(tx, Kind::Delivery, number, message, &author.address).await? {
        let at = now;
        Cause::Again {
            ticket,
            message,
            at,
        }
    } else {
        Cause::Message { ticket, message }
    };
    let login = Some(author.login.as_str());
    tell_author(tx, registrar, login, cause, &what, now, now).await
}

/// The values of [`CLAIMABLE`].
fn claimable(lane: Lane, mailbox: &str, now: DateTime<Utc>) -> [Value; 5] {
    [
        lane.as_str().into(),
        mailbox.into(),
        now.into(),
        (now - POLL_GRACE).into(),
        (now - ASK_GRACE).into(),
    ]
}

fn owned(claimed: &Claimed, changed: u64) -> Result<()> {
    if changed == 1 {
        Ok(())
    } else {
        Err(StoreError::LeaseLost(format!("letter {}", claimed.id)))
    }
}

/// Returns the letter rows of a ticket, for conversations.
pub(super) async fn letters_of(
    db: &impl ConnectionTrait,
    ticket: i64,
) -> Result<Vec<letter::Model>> {
    use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
    Ok(letter::Entity::find()
        .filter(letter::Column::Ticket.eq(ticket))
        .order_by_asc(letter::Column::Id)
        .all(db)
        .await?)
}
