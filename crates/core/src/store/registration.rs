//! All that one letter causes, in one transaction: what must be known is looked up, the domain decides, and message,
//! ticket, events, outgoing letters and the ledger's outcome are written together or not at all.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, Value};

use super::digest;
use super::entity::{attachment, command, event, letter, message, note, ticket};
use super::folder::{self, FolderKey};
use super::intake::{self, Listed, Pending};
use super::lease::{self, Held};
use super::{Result, Store, StoreError, execute, on_postgres, query_one};
use crate::domain::address::EmailAddress;
use crate::domain::desk::{Desk, Specialist};
use crate::domain::incoming::IncomingMail;
use crate::domain::letter::{Kind, State as LetterState};
use crate::domain::proof::{Proof, proof};
use crate::domain::receipt_cap::RecentReceipts;
use crate::domain::registration::{
    Facts, NewCommand, NewEvent, NewLetter, NewMessage, NewTicket, Outcome, ReceiptPlan,
    Registration, ReportedLetter, SpecialistLetter, TicketChange, TicketFacts, WriterLetter,
    decide, taken_by,
};
use crate::domain::subject::tagged_tickets;
use crate::domain::text::CleanLine;
use crate::domain::ticket::State;
use crate::domain::token::{Claim, TokenKey, WRITER};

/// What a registration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// How the ledger row ended.
    pub outcome: Outcome,
    /// The ticket it opened or belongs to.
    pub ticket: Option<i64>,
}

/// The desk as registration needs it.
#[derive(Debug, Clone, Copy)]
pub struct Registrar<'a> {
    /// People, hours, ceilings.
    pub desk: &'a Desk,
    /// What tokens are made with.
    pub key: &'a TokenKey,
    /// The support address whose mailbox is read.
    pub mailbox: &'a EmailAddress,
}

/// Ticket tags of one subject that are looked up.
const TAGS: usize = 5;
/// Merges that are followed from one ticket: each was a person's order, so more are a circle.
const MERGES: usize = 100;

impl Store {
    /// Registers `mail`, the content of `pending`. Returns `None` if it was decided already.
    pub async fn register(
        &self,
        registrar: Registrar<'_>,
        pending: &Pending,
        mail: &IncomingMail,
        held: &Held,
        now: DateTime<Utc>,
    ) -> Result<Option<Registered>> {
        let one = [(pending.clone(), mail.clone())];
        let mut registered = self.register_group(registrar, &one, held, now).await?;
        registered.pop().unwrap_or(Ok(None))
    }

    /// Registers several letters with one commit. One that the database refuses for good takes nothing of the others with
    /// it: they are registered without it, and its error stands in its place.
    ///
    /// # Errors
    /// If nothing was registered, through no fault of any letter.
    pub async fn register_group(
        &self,
        registrar: Registrar<'_>,
        letters: &[(Pending, IncomingMail)],
        held: &Held,
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<Option<Registered>>>> {
        let mut refused: BTreeMap<usize, StoreError> = BTreeMap::new();
        'again: loop {
            let tx = self.begin_write().await?;
            lease::check(&tx, held).await?;
            let mut all = Vec::with_capacity(letters.len());
            for (at, (pending, mail)) in letters.iter().enumerate() {
                if refused.contains_key(&at) {
                    continue;
                }
                match register_one(&tx, registrar, pending, mail, now).await {
                    Ok(registered) => all.push(registered),
                    Err(error @ (StoreError::Row { .. } | StoreError::Values(_))) => {
                        tx.rollback().await?;
                        refused.insert(at, error);
                        continue 'again;
                    }
                    Err(error) => return Err(error),
                }
            }
            tx.commit().await?;
            let mut all: Vec<_> = all.into_iter().map(Ok).collect();
            for (at, error) in refused {
                all.insert(at, Err(error));
            }
            return Ok(all);
        }
    }

    /// Sets aside a letter that failed too often, and tells the operator `what` happened. Returns whether it was undecided.
    pub async fn quarantine(
        &self,
        registrar: Registrar<'_>,
        pending: &Pending,
        reason: &str,
        what: &str,
        held: &Held,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let tx = self.begin_write().await?;
        lease::check(&tx, held).await?;
        let is_new = intake::quarantine(&tx, pending.id, reason, now).await? == 1;
        if is_new {
            alert_operator(&tx, registrar, pending.id, what, now).await?;
        }
        tx.commit().await?;
        Ok(is_new)
    }

    /// Sets aside a letter that the server does not give, and tells the operator `what` happened. Returns its number.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is one thing, and none goes with another"
    )]
    pub async fn quarantine_unfetched(
        &self,
        registrar: Registrar<'_>,
        key: &FolderKey,
        letter: &Listed,
        reason: &str,
        what: &str,
        held: &Held,
        now: DateTime<Utc>,
    ) -> Result<i64> {
        let tx = self.begin_write().await?;
        lease::check(&tx, held).await?;
        let id = folder::insert_unfetched(&tx, key, letter, reason, now).await?;
        alert_operator(&tx, registrar, id, what, now).await?;
        tx.commit().await?;
        Ok(id)
    }
}

/// Registers one letter within the transaction; `None` if it was decided already.
async fn register_one(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    pending: &Pending,
    mail: &IncomingMail,
    now: DateTime<Utc>,
) -> Result<Option<Registered>> {
    if intake::undecided(tx, pending.id).await?.is_none() {
        return Ok(None);
    }
    let proof = proof(mail, registrar.desk, registrar.key);
    let mut facts = facts(tx, mail, &proof, registrar.desk, now).await?;
    facts.received_by = Some(registrar.mailbox.clone());
    let registration = decide(mail, &proof, &facts, registrar.desk, now);
    apply(tx, registrar, pending, mail, registration, now)
        .await
        .map(Some)
}

/// Looks up what the decision must know.
async fn facts(
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

/// Writes a registration.
async fn apply(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    pending: &Pending,
    mail: &IncomingMail,
    registration: Registration,
    now: DateTime<Utc>,
) -> Result<Registered> {
    let number = match &registration.ticket {
        TicketChange::None => None,
        TicketChange::Open(new) => {
            Some(open_ticket(tx, registrar, new, pending.received_at, now).await?)
        }
        TicketChange::Existing {
            number,
            state,
            assignee,
        } => {
            move_ticket(tx, *number, *state, assignee.as_deref(), now).await?;
            Some(*number)
        }
    };
    if let Some(author) = &registration.message {
        let message_id = insert_message(tx, number, pending, mail, author, now).await?;
        if let TicketChange::Open(new) = &registration.ticket {
            write_receipt(
                tx,
                registrar,
                new,
                number.unwrap_or_default(),
                message_id,
                now,
            )
            .await?;
        }
        for new in registration.letters {
            write_letter(tx, registrar, number, message_id, new, now).await?;
        }
        if let (Some(number), Some(new)) = (number, registration.note) {
            let row = note::ActiveModel {
                ticket: Set(number),
                message: Set(message_id),
                login: Set(new.login),
                held: Set(new.held),
                body: Set(new.body),
                created_at: Set(now),
                ..Default::default()
            };
            row.insert(tx).await?;
        }
        if let Some(NewMessage::Specialist(login)) = &registration.message {
            let mut commands: Vec<(i64, NewCommand)> = Vec::new();
            if let Some(number) = number {
                commands.extend(registration.commands.iter().map(|new| (number, *new)));
            }
            commands.extend(
                registration
                    .taken
                    .iter()
                    .map(|one| (one.number, one.command)),
            );
            for (number, new) in commands {
                let row = command::ActiveModel {
                    ticket: Set(number),
                    message: Set(message_id),
                    login: Set(login.clone()),
                    verb: Set(new.verb.as_str().to_owned()),
                    due_at: Set(new.due_at),
                    applied_at: Set(new.applied.then_some(now)),
                    created_at: Set(now),
                    ..Default::default()
                };
                row.insert(tx).await?;
            }
            if let Some(specialist) = registrar.desk.by_login(login) {
                for taken in &registration.taken {
                    digest::take(tx, registrar, specialist, taken, now).await?;
                }
            }
        }
    }
    for new in registration.events {
        insert_event(tx, number, new, now).await?;
    }
    let decided = "UPDATE ledger SET outcome = $2, reason = $3, ticket = $4, duplicate_of = $5, message_id = $6, decided_at = $7 WHERE id = $1";
    let values = [
        pending.id.into(),
        registration.outcome.as_str().into(),
        registration.reason.into(),
        number.into(),
        registration.duplicate_of.into(),
        mail.message_id.as_str().into(),
        now.into(),
    ];
    execute(tx, decided, values).await?;
    Ok(Registered {
        outcome: registration.outcome,
        ticket: number,
    })
}

async fn open_ticket(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    new: &NewTicket,
    received_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<i64> {
    let row = ticket::ActiveModel {
        mailbox: Set(registrar.mailbox.to_string()),
        state: Set(State::New.as_str().to_owned()),
        subject: Set(new.subject.to_string()),
        requester_address: Set(new
            .requester
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()),
        requester_name: Set(new.requester_name.to_string()),
        related_ticket: Set(new.related_ticket),
        merged_into: Set(None),
        received_at: Set(received_at),
        created_at: Set(now),
        updated_at: Set(now),
        ..Default::default()
    };
    let number = row.insert(tx).await?.number;
    if let Some(requester) = &new.requester {
        let upsert = "INSERT INTO person (address, name, first_seen_at, last_seen_at) VALUES ($1, $2, $3, $3)
                      ON CONFLICT (address) DO UPDATE SET name = CASE WHEN excluded.name = '' THEN person.name ELSE excluded.name END, last_seen_at = excluded.last_seen_at";
        execute(
            tx,
            upsert,
            [
                requester.as_str().into(),
                new.requester_name.as_str().into(),
                now.into(),
            ],
        )
        .await?;
    }
    Ok(number)
}

/// Writes a ticket's new state.
pub(super) async fn move_ticket(
    tx: &impl ConnectionTrait,
    number: i64,
    state: State,
    assignee: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let update = "UPDATE ticket SET state = $2, assignee = $3, updated_at = $4, closed_at = CASE WHEN $2 <> 'closed' THEN NULL WHEN state = 'closed' THEN closed_at ELSE $4 END WHERE number = $1";
    execute(
        tx,
        update,
        [
            number.into(),
            state.as_str().into(),
            assignee.map(str::to_owned).into(),
            now.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Writes one line of a ticket's history.
pub(super) async fn insert_event(
    tx: &impl ConnectionTrait,
    number: Option<i64>,
    new: NewEvent,
    now: DateTime<Utc>,
) -> Result<()> {
    let row = event::ActiveModel {
        ticket: Set(number),
        at: Set(now),
        kind: Set(new.kind.to_owned()),
        actor: Set(new.actor),
        detail: Set(new.detail),
        ..Default::default()
    };
    row.insert(tx).await?;
    Ok(())
}

async fn insert_message(
    tx: &impl ConnectionTrait,
    number: Option<i64>,
    pending: &Pending,
    mail: &IncomingMail,
    author: &NewMessage,
    now: DateTime<Utc>,
) -> Result<i64> {
    let (name, login, body) = match author {
        NewMessage::Requester => ("requester", None, mail.body.as_str()),
        NewMessage::Specialist(login) => ("specialist", Some(login.clone()), ""),
        NewMessage::Robot => ("robot", None, mail.body.as_str()),
    };
    let row = message::ActiveModel {
        ticket: Set(number),
        raw_mail_id: Set(pending.raw_mail_id),
        author: Set(name.to_owned()),
        login: Set(login),
        from_address: Set(mail
            .correspondent()
            .map(ToString::to_string)
            .unwrap_or_default()),
        from_name: Set(mail.sender_name().to_string()),
        message_id: Set(mail.message_id.clone()),
        content_hash: Set(mail.content_hash.clone()),
        subject: Set(mail.subject.to_string()),
        body: Set(body.to_owned()),
        received_at: Set(pending.received_at),
        created_at: Set(now),
        ..Default::default()
    };
    let id = row.insert(tx).await?.id;
    for file in &mail.attachments {
        let row = attachment::ActiveModel {
            message: Set(id),
            part: Set(file.part as i32),
            name: Set(file.name.clone()),
            content_type: Set(file.content_type.clone()),
            size_bytes: Set(file.size_bytes as i64),
            sha256: Set(file.sha256.clone()),
            inline: Set(file.inline),
            ..Default::default()
        };
        row.insert(tx).await?;
    }
    Ok(id)
}

/// Writes the receipt of a new ticket, or lets the one that waits name it too.
async fn write_receipt(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    new: &NewTicket,
    number: i64,
    entry: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let (Some(address), due_at) = (
        &new.requester,
        match new.receipt {
            ReceiptPlan::Never => return Ok(()),
            ReceiptPlan::Write { due_at } => due_at,
            ReceiptPlan::Join {
                letter,
                else_due_at,
            } => {
                let join = "UPDATE ticket SET receipt_letter = $2 WHERE number = $1 AND EXISTS (SELECT 1 FROM letter WHERE id = $2 AND state = 'due')";
                if execute(tx, join, [number.into(), letter.into()]).await? == 1 {
                    return Ok(());
                }
                else_due_at
            }
        },
    ) else {
        return Ok(());
    };
    let row = NewRow {
        kind: Kind::Receipt,
        cause: Cause::Message {
            ticket: Some(number),
            message: entry,
        },
        address,
        name: new.requester_name.clone(),
        login: None,
        author: None,
        words: None,
        due_at,
    };
    let letter = insert_letter(tx, registrar, row, now).await?;
    execute(
        tx,
        "UPDATE ticket SET receipt_letter = $2 WHERE number = $1",
        [number.into(), letter.into()],
    )
    .await?;
    Ok(())
}

/// Writes one outgoing letter.
async fn write_letter(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    number: Option<i64>,
    entry: i64,
    new: NewLetter,
    now: DateTime<Utc>,
) -> Result<()> {
    match new {
        NewLetter::ToWriter {
            address,
            name,
            due_at,
            letter,
        } => {
            let (kind, author, words) = match letter {
                WriterLetter::Reopened => (Kind::Reopened, None, None),
                WriterLetter::Answer { author, words } => {
                    (Kind::Answer, Some(author), Some(words.as_str().to_owned()))
                }
            };
            insert_letter(
                tx,
                registrar,
                NewRow {
                    kind,
                    cause: Cause::Message {
                        ticket: number,
                        message: entry,
                    },
                    address: &address,
                    name,
                    login: None,
                    author,
                    words,
                    due_at,
                },
                now,
            )
            .await?;
        }
        NewLetter::ToSpecialist {
            login,
            due_at,
            letter,
        } => {
            let Some(specialist) = registrar.desk.by_login(&login) else {
                return Ok(());
            };
            let (kind, words) = match letter {
                SpecialistLetter::Notice => {
                    let Some(number) = number else {
                        return Ok(());
                    };
                    return digest::tell_specialist(
                        tx, registrar, specialist, number, entry, due_at, now,
                    )
                    .await;
                }
                SpecialistLetter::OwnLetter(what) => (Kind::OwnLetter, Some(json(&what))),
                SpecialistLetter::Delivery(what) => (Kind::Delivery, Some(json(&what))),
            };
            let cause = Cause::Message {
                ticket: number,
                message: entry,
            };
            let row = NewRow::to_specialist(kind, cause, specialist, words, due_at);
            insert_letter(tx, registrar, row, now).await?;
        }
    }
    Ok(())
}

/// Returns what a letter to a specialist is about, as its column `words` keeps it.
pub(super) fn json(what: &impl serde::Serialize) -> String {
    serde_json::to_string(what).expect("plain enums and strings always serialise")
}

/// What a letter is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause {
    /// A registered message, and its ticket if it has one.
    Message { ticket: Option<i64>, message: i64 },
    /// A letter that could not be registered.
    Ledger(i64),
}

/// What a letter's row is made of.
pub(super) struct NewRow<'a> {
    pub kind: Kind,
    pub cause: Cause,
    pub address: &'a EmailAddress,
    pub name: CleanLine,
    pub login: Option<String>,
    pub author: Option<String>,
    pub words: Option<String>,
    pub due_at: DateTime<Utc>,
}

impl<'a> NewRow<'a> {
    /// A letter to a specialist.
    pub(super) fn to_specialist(
        kind: Kind,
        cause: Cause,
        specialist: &'a Specialist,
        words: Option<String>,
        due_at: DateTime<Utc>,
    ) -> NewRow<'a> {
        NewRow {
            kind,
            cause,
            address: &specialist.address,
            name: CleanLine::new(&specialist.name, 100),
            login: Some(specialist.login.clone()),
            author: None,
            words,
            due_at,
        }
    }
}

/// Writes a letter's row and returns its id. The Message-ID is fixed here and carries the recipient's token.
pub(super) async fn insert_letter(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    new: NewRow<'_>,
    now: DateTime<Utc>,
) -> Result<i64> {
    let (ticket, message, entry) = match new.cause {
        Cause::Message { ticket, message } => (ticket, Some(message), message),
        Cause::Ledger(id) => (None, None, id),
    };
    let number = ticket.unwrap_or_default();
    let recipient = new.login.as_deref().unwrap_or(WRITER);
    let message_id = registrar.key.message_id(
        new.kind.as_str(),
        number,
        entry,
        recipient,
        new.address,
        registrar.mailbox.domain(),
    );
    let row = letter::ActiveModel {
        kind: Set(new.kind.as_str().to_owned()),
        lane: Set(new.kind.lane().as_str().to_owned()),
        mailbox: Set(registrar.mailbox.to_string()),
        ticket: Set(ticket),
        message: Set(message),
        recipient_address: Set(new.address.to_string()),
        recipient_name: Set(new.name.to_string()),
        recipient_login: Set(new.login),
        author_login: Set(new.author),
        words: Set(new.words),
        dedup_key: Set(dedup_key(new.kind, number, entry, new.address)),
        message_id: Set(message_id),
        state: Set(LetterState::Due.as_str().to_owned()),
        due_at: Set(new.due_at),
        attempts: Set(0),
        fence: Set(0),
        possibly_twice: Set(false),
        created_at: Set(now),
        ..Default::default()
    };
    Ok(row.insert(tx).await?.id)
}

/// The cause of a letter and its recipient, as the column `dedup_key` keeps them.
fn dedup_key(kind: Kind, number: i64, entry: i64, address: &EmailAddress) -> String {
    format!("{}.{number}.{entry}.{address}", kind.as_str())
}

/// Returns whether a letter of this cause to this recipient was written before.
pub(super) async fn is_written(
    tx: &impl ConnectionTrait,
    kind: Kind,
    number: i64,
    entry: i64,
    address: &EmailAddress,
) -> Result<bool> {
    let key = dedup_key(kind, number, entry, address);
    let written = "SELECT 1 FROM letter WHERE dedup_key = $1";
    Ok(query_one(tx, written, [key.into()]).await?.is_some())
}

/// Writes an alert about ledger row `ledger_id` to the operator, if there is one.
async fn alert_operator(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    ledger_id: i64,
    what: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(address) = &registrar.desk.operator else {
        return Ok(());
    };
    // One an hour a matter; the log and the ledger have them all.
    let hour_ago = now - TimeDelta::hours(1);
    if count_letters(
        tx,
        Kind::Alert,
        address,
        hour_ago,
        "AND words LIKE 'quarantine %'",
    )
    .await?
        > 0
    {
        return Ok(());
    }
    // A letter that was tried again and failed again has had its own.
    if is_written(tx, Kind::Alert, 0, ledger_id, address).await? {
        return Ok(());
    }
    let name = CleanLine::default();
    let row = NewRow {
        kind: Kind::Alert,
        cause: Cause::Ledger(ledger_id),
        address,
        name,
        login: None,
        author: None,
        words: Some(format!(
            "quarantine {ledger_id}\n\n{what}; the letters after it are not affected. Look at it: ninetosix-poller quarantine show {ledger_id}"
        )),
        due_at: now,
    };
    insert_letter(tx, registrar, row, now).await?;
    Ok(())
}
