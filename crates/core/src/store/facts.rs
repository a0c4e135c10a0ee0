//! What must be known before a letter is decided on, looked up within the transaction that writes the decision.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Value};

use super::digest;
use super::erasure;
use super::intake::Pending;
use super::registration::Registrar;
use super::{Result, StoreError, on_postgres, query_all, query_one};
use crate::domain::address::EmailAddress;

use crate::domain::incoming::IncomingMail;
use crate::domain::letter::{Kind, State as LetterState};
use crate::domain::proof::Proof;
use crate::domain::receipt_cap::{ECHO_PER_DAY, Echo, RecentReceipts, is_echo};
use crate::domain::registration::{
    ColleagueAnswered, Facts, ReportedLetter, Since, TicketFacts, Unsent, Verb, WriterWrote,
    taken_by,
};
use crate::domain::subject::tagged_tickets;
use crate::domain::text::CleanLine;
use crate::domain::ticket::State;
use crate::domain::token::Claim;
use crate::domain::verdict::Verdict;

/// Ticket tags of one subject that are looked up.
const TAGS: usize = 5;
/// Merges that are followed from one ticket: each was a person's order, so more are a circle.
const MERGES: usize = 100;

/// Looks up what the decision must know.
pub(super) async fn facts(
    tx: &impl ConnectionTrait,
    pending: &Pending,
    mail: &IncomingMail,
    proof: &Proof,
    registrar: Registrar<'_>,
    now: DateTime<Utc>,
) -> Result<Facts> {
    let desk = registrar.desk;
    let same = "SELECT l.id FROM message m JOIN ledger l ON l.raw_mail_id = m.raw_mail_id WHERE m.message_id IN ($1, $3) AND m.content_hash = $2 AND l.outcome IS NOT NULL ORDER BY l.id LIMIT 1";
    let same_letter = query_one(
        tx,
        same,
        [
            mail.message_id.as_str().into(),
            mail.content_hash.as_str().into(),
            erasure::forgotten_id(&mail.message_id).into(),
        ],
    )
    .await?;
    let mut facts = Facts {
        same_letter: same_letter.map(|row| row.try_get("", "id")).transpose()?,
        is_our_letter: is_our_letter(tx, &mail.message_id).await?,
        ..Facts::default()
    };
    for id in mail
        .report
        .iter()
        .flat_map(|report| &report.original_message_ids)
    {
        if facts.reported.is_none() {
            facts.reported = reported(tx, id).await?;
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
        let person = person(tx, sender).await?;
        facts.receipts =
            recent_receipts(tx, sender, &person, registrar, pending.received_at, now).await?;
        // What the server vouches for is no stranger's: nobody is written to who did not write.
        if proof.verdict.is_some_and(Verdict::is_pass) {
            facts.receipts.vouched();
        }
        // One who answers a letter of ours has had it.
        if facts.writer_ticket.is_none() {
            facts.dead_address = person.dead;
        }
        if facts.writer_ticket.is_some() || facts.tagged_ticket.is_some() {
            facts.reopenings_today = count_letters(tx, Kind::Reopened, sender, day_ago, "").await?;
        }
    }
    if let Some(told) = claimed.or(mail
        .sender()
        .and_then(|sender| desk.active_by_address(sender, now))
        .map(|s| &s.address))
    {
        let unrecognised = "AND (words LIKE '%\"no_token\"%' OR words LIKE '%\"foreign_address\"%' OR words LIKE '%\"not_vouched\"%' OR words LIKE '%\"colleagues_letter\"%' OR words LIKE '%\"digest_not_understood\"%' OR words LIKE '%\"not_in_digest\"%')";
        // Strangers do not use up what a specialist is told of letters that are certainly his.
        let vouched = if proof.is_vouched() {
            "NOT LIKE"
        } else {
            "LIKE"
        };
        let unrecognised = format!("{unrecognised} AND words {vouched} '%\"unvouched\":true%'");
        facts.refusals_today =
            count_letters(tx, Kind::OwnLetter, told, day_ago, &unrecognised).await?;
    }
    if let (Some((login, _)), Some(ticket)) = (&proof.specialist_ticket, &facts.specialist_ticket)
        && let Some(specialist) = desk.by_login(login)
    {
        let again = "AND words LIKE '%\"again\":true%'";
        let told = &specialist.address;
        facts.again_today = count_letters(tx, Kind::OwnLetter, told, day_ago, again).await?;
        facts.unsent = unsent(tx, ticket.number, login).await?;
        if let Some(entry) = proof.answers_entry {
            facts.since = since(tx, ticket.number, login, entry).await?;
        }
        facts.dead_address = match &ticket.requester {
            Some(address) => person(tx, address).await?.dead,
            None => None,
        };
    }
    Ok(facts)
}

/// What is known of an address.
#[derive(Default)]
struct Person {
    /// Whether a letter came from it before.
    is_known: bool,
    /// Whether a letter of ours was answered from it.
    is_confirmed: bool,
    /// Why it is not written to, if it is not.
    dead: Option<String>,
}

async fn person(tx: &impl ConnectionTrait, address: &EmailAddress) -> Result<Person> {
    let select = "SELECT confirmed_at, dead_why FROM person WHERE address = $1";
    let Some(row) = query_one(tx, select, [address.as_str().into()]).await? else {
        return Ok(Person::default());
    };
    let confirmed: Option<DateTime<Utc>> = row.try_get("", "confirmed_at")?;
    Ok(Person {
        is_known: true,
        is_confirmed: confirmed.is_some(),
        dead: row.try_get("", "dead_why")?,
    })
}

/// What `login` wrote or ordered on `ticket` that has not left or taken effect, oldest first; locked until the transaction
/// ends.
async fn unsent(tx: &impl ConnectionTrait, ticket: i64, login: &str) -> Result<Vec<Unsent>> {
    let select = format!(
        "SELECT id, message, state, put_off, verbs, words FROM letter
         WHERE ticket = $1 AND kind = 'answer' AND author_login = $2 AND (state = 'held' OR state = 'due' AND attempts = 0) ORDER BY id{}",
        on_postgres(tx, " FOR UPDATE")
    );
    let mut unsent = Vec::new();
    for row in query_all(tx, &select, [ticket.into(), login.into()]).await? {
        let verbs: Option<String> = row.try_get("", "verbs")?;
        let words: Option<String> = row.try_get("", "words")?;
        let entry: Option<i64> = row.try_get("", "message")?;
        unsent.push(Unsent {
            entry: entry.unwrap_or_default(),
            words: words.unwrap_or_default(),
            letter: Some(row.try_get("", "id")?),
            held: row.try_get::<String>("", "state")? == LetterState::Held.as_str(),
            put_off: row.try_get("", "put_off")?,
            verbs: Verb::read_list(verbs.as_deref()),
        });
    }
    let select = "SELECT DISTINCT message FROM command WHERE ticket = $1 AND login = $2 AND applied_at IS NULL AND cancelled_at IS NULL";
    for row in query_all(tx, select, [ticket.into(), login.into()]).await? {
        let entry = row.try_get("", "message")?;
        if !unsent.iter().any(|one| one.entry == entry) {
            unsent.push(Unsent {
                entry,
                words: String::new(),
                letter: None,
                held: false,
                put_off: true,
                verbs: Vec::new(),
            });
        }
    }
    unsent.sort_by_key(|one| one.entry);
    Ok(unsent)
}

/// What came to `ticket` after `entry`, `login`'s own letters aside.
async fn since(tx: &impl ConnectionTrait, ticket: i64, login: &str, entry: i64) -> Result<Since> {
    let answered = "SELECT author_login, created_at, words FROM letter WHERE ticket = $1 AND kind = 'answer' AND author_login <> $2 AND message > $3
                    AND state IN ('due', 'sending', 'maybe_sent', 'sent') ORDER BY id DESC LIMIT 1";
    let values = [ticket.into(), login.into(), entry.into()];
    let colleague = match query_one(tx, answered, values).await? {
        Some(row) => Some(ColleagueAnswered {
            who: row.try_get("", "author_login")?,
            at: row.try_get("", "created_at")?,
            words: row
                .try_get::<Option<String>>("", "words")?
                .unwrap_or_default(),
        }),
        None => None,
    };
    let wrote = "SELECT received_at, body FROM message WHERE ticket = $1 AND author = 'requester' AND id > $2 ORDER BY id DESC LIMIT 1";
    let writer = match query_one(tx, wrote, [ticket.into(), entry.into()]).await? {
        Some(row) => Some(WriterWrote {
            at: row.try_get("", "received_at")?,
            words: row.try_get("", "body")?,
        }),
        None => None,
    };
    Ok(Since { colleague, writer })
}

/// Returns whether a letter of ours has this Message-ID.
async fn is_our_letter(tx: &impl ConnectionTrait, message_id: &str) -> Result<bool> {
    // Ours are all of one form.
    if Claim::read(message_id).is_none() {
        return Ok(false);
    }
    let select = "SELECT 1 FROM letter WHERE message_id = $1";
    Ok(query_one(tx, select, [message_id.into()]).await?.is_some())
}

/// Returns the letter of ours that has this Message-ID, locked until the transaction ends.
async fn reported(tx: &impl ConnectionTrait, message_id: &str) -> Result<Option<ReportedLetter>> {
    if Claim::read(message_id).is_none() {
        return Ok(None);
    }
    let select = format!(
        "SELECT id, ticket, kind, recipient_address, recipient_login, author_login, state FROM letter WHERE message_id = $1{}",
        on_postgres(tx, " FOR UPDATE")
    );
    let Some(row) = query_one(tx, &select, [message_id.into()]).await? else {
        return Ok(None);
    };
    let (id, kind): (i64, String) = (row.try_get("", "id")?, row.try_get("", "kind")?);
    let kind = Kind::from_name(&kind).ok_or_else(|| StoreError::Row {
        table: "letter",
        id,
        what: format!("unknown kind {kind}"),
    })?;
    let number: Option<i64> = row.try_get("", "ticket")?;
    let late = "SELECT 1 FROM event WHERE ticket = $1 AND kind = 'late' AND detail = $2";
    let values = [number.into(), format!("letter {id}").into()];
    let author: Option<String> = row.try_get("", "author_login")?;
    let recipient: Option<String> = row.try_get("", "recipient_login")?;
    Ok(Some(ReportedLetter {
        id,
        ticket: match number {
            Some(number) => ticket_facts(tx, number).await?,
            None => None,
        },
        kind,
        recipient: EmailAddress::parse(&row.try_get::<String>("", "recipient_address")?),
        author: author.or(recipient),
        has_failed: row.try_get::<String>("", "state")? == LetterState::Failed.as_str(),
        is_late: query_one(tx, late, values).await?.is_some(),
    }))
}

/// Returns what decisions need of ticket `number`, or of the ticket that goes on in its place, locked until the
/// transaction ends; `None` where there is none, or its content was erased: nothing is added to that any more.
pub(super) async fn ticket_facts(
    tx: &impl ConnectionTrait,
    mut number: i64,
) -> Result<Option<TicketFacts>> {
    let select = format!(
        "SELECT state, requester_address, requester_name, assignee, closed_at, merged_into FROM ticket WHERE number = $1 AND erased_at IS NULL{}",
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
    person: &Person,
    registrar: Registrar<'_>,
    received_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<RecentReceipts> {
    let caps = registrar.desk.caps;
    let mut recent = RecentReceipts::default();
    if !person.is_confirmed {
        // Whoever has never answered a letter of ours waits behind others of that kind.
        let nth = "SELECT due_at FROM letter WHERE kind = 'receipt' ORDER BY due_at DESC LIMIT 1 OFFSET $1";
        recent.nth_of_all = nth_due(tx, nth, caps.total_per_hour, Vec::new()).await?;
    }
    if !person.is_known {
        return Ok(recent);
    }
    let waiting = format!(
        "SELECT id FROM letter WHERE kind = 'receipt' AND recipient_address = $1 AND mailbox = $2 AND state = 'due' ORDER BY id DESC LIMIT 1{}",
        on_postgres(tx, " FOR UPDATE")
    );
    let values = [sender.as_str().into(), registrar.mailbox.as_str().into()];
    let waiting = query_one(tx, &waiting, values).await?;
    recent.waiting_letter = waiting.map(|row| row.try_get("", "id")).transpose()?;
    let nth = "SELECT due_at FROM letter WHERE kind = 'receipt' AND recipient_address = $2 ORDER BY due_at DESC LIMIT 1 OFFSET $1";
    let nth_due = async |n| nth_due(tx, nth, n, vec![sender.as_str().into()]).await;
    recent.nth_of_hour = nth_due(caps.per_hour).await?;
    recent.nth_of_day = nth_due(caps.per_day).await?;
    recent.echo = echo(tx, sender, received_at, now).await?;
    Ok(recent)
}

/// Whether a letter from `sender` came just after an automatic one to it within the last day.
async fn echo(
    tx: &impl ConnectionTrait,
    sender: &EmailAddress,
    received_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Echo>> {
    let day_ago = now - TimeDelta::days(1);
    // More than the ceilings let go in a day are not looked at.
    let select = "SELECT kind, due_at, sent_at FROM letter WHERE kind IN ('receipt', 'reopened') AND recipient_address = $1 AND due_at > $2 ORDER BY due_at DESC LIMIT 50";
    let values = [sender.as_str().into(), day_ago.into()];
    let rows = query_all(tx, select, values).await?;
    let mut sent: Vec<DateTime<Utc>> = Vec::new();
    let mut due: Vec<DateTime<Utc>> = Vec::new();
    for row in &rows {
        due.push(row.try_get("", "due_at")?);
        sent.extend(row.try_get::<Option<DateTime<Utc>>>("", "sent_at")?);
    }
    if sent.is_empty() {
        return Ok(None);
    }
    let select =
        "SELECT received_at FROM message WHERE from_address = $1 ORDER BY id DESC LIMIT 50";
    let mut came = vec![received_at];
    for row in query_all(tx, select, [sender.as_str().into()]).await? {
        came.push(row.try_get("", "received_at")?);
    }
    let is_echo = came
        .iter()
        .any(|came| sent.iter().any(|sent| is_echo(*sent, *came)));
    let nth_of_day = due.get(ECHO_PER_DAY as usize - 1).copied();
    Ok(is_echo.then_some(Echo { nth_of_day }))
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
