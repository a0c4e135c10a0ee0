//! What must be known before a letter is decided on, looked up within the transaction that writes the decision.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Value};

use super::digest;
use super::{Result, StoreError, on_postgres, query_one};
use crate::domain::address::EmailAddress;
use crate::domain::desk::Desk;
use crate::domain::incoming::IncomingMail;
use crate::domain::letter::Kind;
use crate::domain::proof::Proof;
use crate::domain::receipt_cap::RecentReceipts;
use crate::domain::registration::{Facts, ReportedLetter, TicketFacts, taken_by};
use crate::domain::subject::tagged_tickets;
use crate::domain::text::CleanLine;
use crate::domain::ticket::State;
use crate::domain::token::Claim;

/// Ticket tags of one subject that are looked up.
const TAGS: usize = 5;
/// Merges that are followed from one ticket: each was a person's order, so more are a circle.
const MERGES: usize = 100;

/// Looks up what the decision must know.
pub(super) async fn facts(
    tx: &impl ConnectionTrait,
    mail: &IncomingMail,
    proof: &Proof,
    desk: &Desk,
    now: DateTime<Utc>,
) -> Result<Facts> {
    let same = "SELECT l.id FROM message m JOIN ledger l ON l.raw_mail_id = m.raw_mail_id WHERE m.message_id = $1 AND m.content_hash = $2 AND l.outcome IS NOT NULL ORDER BY l.id LIMIT 1";
    let same_letter = query_one(
        tx,
        same,
        [
            mail.message_id.as_str().into(),
            mail.content_hash.as_str().into(),
        ],
    )
    .await?;
    let mut facts = Facts {
        same_letter: same_letter.map(|row| row.try_get("", "id")).transpose()?,
        is_our_letter: our_letter(tx, &mail.message_id).await?.is_some(),
        ..Facts::default()
    };
    for id in mail
        .report
        .iter()
        .flat_map(|report| &report.original_message_ids)
    {
        if facts.reported.is_none() {
            facts.reported = our_letter(tx, id).await?;
        }
    }
    if let Some(number) = proof.writer_ticket {
        facts.writer_ticket = ticket_facts(tx, number).await?;
    }
    if let Some((_, number)) = &proof.specialist_ticket {
        facts.specialist_ticket = ticket_facts(tx, *number).await?;
    }
    if let (Some((login, entry)), Ok(numbers)) = (&proof.digest, taken_by(mail)) {
        facts.digest = digest::folded(tx, login, *entry, &numbers).await?;
    }
    for number in tagged_tickets(mail.subject.as_str()).into_iter().take(TAGS) {
        let tagged = ticket_facts(tx, number).await?;
        let is_senders = tagged
            .as_ref()
            .is_some_and(|ticket| ticket.requester.as_ref() == mail.sender());
        if is_senders || facts.tagged_ticket.is_none() {
            facts.tagged_ticket = tagged;
        }
        if is_senders {
            break;
        }
    }
    let day_ago = now - TimeDelta::days(1);
    let claimed = proof
        .specialist_ticket
        .as_ref()
        .and_then(|(login, _)| desk.by_login(login))
        .map(|s| &s.address);
    if let Some(sender) = mail.correspondent() {
        facts.receipts = recent_receipts(tx, sender, desk).await?;
        if facts.writer_ticket.is_some() || facts.tagged_ticket.is_some() {
            facts.reopenings_today = count_letters(tx, Kind::Reopened, sender, day_ago, "").await?;
        }
    }
    if let Some(told) = claimed.or(mail
        .sender()
        .and_then(|sender| desk.active_by_address(sender, now))
        .map(|s| &s.address))
    {
        let unrecognised = "AND (words LIKE '%\"no_token\"%' OR words LIKE '%\"foreign_address\"%' OR words LIKE '%\"wrong_letter\"%' OR words LIKE '%\"digest_not_understood\"%' OR words LIKE '%\"not_in_digest\"%')";
        facts.refusals_today =
            count_letters(tx, Kind::OwnLetter, told, day_ago, unrecognised).await?;
    }
    Ok(facts)
}

/// Returns the letter of ours that has this Message-ID.
async fn our_letter(tx: &impl ConnectionTrait, message_id: &str) -> Result<Option<ReportedLetter>> {
    // Ours are all of one form.
    if Claim::read(message_id).is_none() {
        return Ok(None);
    }
    let Some(row) = query_one(
        tx,
        "SELECT id, ticket, kind FROM letter WHERE message_id = $1",
        [message_id.into()],
    )
    .await?
    else {
        return Ok(None);
    };
    let (id, kind): (i64, String) = (row.try_get("", "id")?, row.try_get("", "kind")?);
    let kind = Kind::from_name(&kind).ok_or_else(|| StoreError::Row {
        table: "letter",
        id,
        what: format!("unknown kind {kind}"),
    })?;
    Ok(Some(ReportedLetter {
        id,
        ticket: row.try_get("", "ticket")?,
        kind,
    }))
}

/// Returns what decisions need of ticket `number`, or of the ticket that goes on in its place, locked until the
/// transaction ends.
pub(super) async fn ticket_facts(
    tx: &impl ConnectionTrait,
    mut number: i64,
) -> Result<Option<TicketFacts>> {
    let select = format!(
        "SELECT state, requester_address, requester_name, assignee, closed_at, merged_into FROM ticket WHERE number = $1{}",
        on_postgres(tx, " FOR UPDATE")
    );
    for _ in 0..MERGES {
        let Some(row) = query_one(tx, &select, [number.into()]).await? else {
            return Ok(None);
        };
        if let Some(target) = row.try_get("", "merged_into")? {
            number = target;
            continue;
        }
        let state: String = row.try_get("", "state")?;
        return Ok(Some(TicketFacts {
            number,
            state: State::from_name(&state).ok_or_else(|| StoreError::Row {
                table: "ticket",
                id: number,
                what: format!("unknown state {state}"),
            })?,
            requester: EmailAddress::parse(&row.try_get::<String>("", "requester_address")?),
            requester_name: CleanLine::new(&row.try_get::<String>("", "requester_name")?, 100),
            assignee: row.try_get("", "assignee")?,
            closed_at: row.try_get("", "closed_at")?,
        }));
    }
    Err(StoreError::Row {
        table: "ticket",
        id: number,
        what: "merged in a circle".to_owned(),
    })
}

async fn recent_receipts(
    tx: &impl ConnectionTrait,
    sender: &EmailAddress,
    desk: &Desk,
) -> Result<RecentReceipts> {
    let known = "SELECT 1 FROM person WHERE address = $1";
    if query_one(tx, known, [sender.as_str().into()])
        .await?
        .is_none()
    {
        // A stranger has had no receipt, and waits behind other strangers.
        let nth = "SELECT due_at FROM letter WHERE kind = 'receipt' ORDER BY due_at DESC LIMIT 1 OFFSET $1";
        return Ok(RecentReceipts {
            nth_of_all: nth_due(tx, nth, desk.caps.total_per_hour, Vec::new()).await?,
            ..RecentReceipts::default()
        });
    }
    let waiting = format!(
        "SELECT id FROM letter WHERE kind = 'receipt' AND recipient_address = $1 AND state = 'due' ORDER BY id DESC LIMIT 1{}",
        on_postgres(tx, " FOR UPDATE")
    );
    let waiting = query_one(tx, &waiting, [sender.as_str().into()]).await?;
    let nth = "SELECT due_at FROM letter WHERE kind = 'receipt' AND recipient_address = $2 ORDER BY due_at DESC LIMIT 1 OFFSET $1";
    let nth_due = async |n| nth_due(tx, nth, n, vec![sender.as_str().into()]).await;
    Ok(RecentReceipts {
        waiting_letter: waiting.map(|row| row.try_get("", "id")).transpose()?,
        nth_of_hour: nth_due(desk.caps.per_hour).await?,
        nth_of_day: nth_due(desk.caps.per_day).await?,
        nth_of_all: None,
    })
}

/// When the `n`-th of the receipts that `select` lists is or was due; `$1` is how many come before it.
async fn nth_due(
    tx: &impl ConnectionTrait,
    select: &str,
    n: u32,
    mut values: Vec<Value>,
) -> Result<Option<DateTime<Utc>>> {
    values.insert(0, i64::from(n.max(1) - 1).into());
    let row = query_one(tx, select, values).await?;
    Ok(row.map(|row| row.try_get("", "due_at")).transpose()?)
}

pub(super) async fn count_letters(
    tx: &impl ConnectionTrait,
    kind: Kind,
    recipient: &EmailAddress,
    since: DateTime<Utc>,
    filter: &str,
) -> Result<u32> {
    let select = format!(
        "SELECT count(*) AS n FROM letter WHERE kind = $1 AND recipient_address = $2 AND due_at > $3 {filter}"
    );
    let row = query_one(
        tx,
        &select,
        [
            kind.as_str().into(),
            recipient.as_str().into(),
            since.into(),
        ],
    )
    .await?;
    Ok(row
        .map(|row| row.try_get::<i64>("", "n"))
        .transpose()?
        .unwrap_or_default() as u32)
}
