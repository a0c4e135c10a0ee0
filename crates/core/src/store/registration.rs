//! All that one letter causes, in one transaction: what must be known is looked up, the domain decides, and message,
//! ticket, events, outgoing letters and the ledger's outcome are written together or not at all.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait};

use super::alert::{self, Occasion};
use super::digest;
use super::entity::{attachment, command, event, message, note, ticket};
use super::facts::facts;
use super::folder::{self, FolderKey};
use super::intake::{self, Listed, Pending};
use super::lease::{self, Held};
use super::new_letter::{Cause, NewRow, insert_letter, is_written, json};
use super::promise;
use super::{
    Result, Store, StoreError, address, execute, query_one, quiet, quoted_pictures, unsent,
};
use crate::domain::address::EmailAddress;
use crate::domain::alert::{Alert, ONCE_A_DAY, ONCE_IN, Until};
use crate::domain::desk::Desk;
use crate::domain::incoming::IncomingMail;
use crate::domain::letter::Kind;
use crate::domain::proof::proof;
use crate::domain::registration::{
    NewCommand, NewEvent, NewLetter, NewMessage, NewTicket, Outcome, ReceiptPlan, Registration,
    SpecialistLetter, TicketChange, WriterLetter, decide,
};
use crate::domain::ticket::State;
use crate::domain::token::TokenKeys;

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
    pub key: &'a TokenKeys,
    /// The support address whose mailbox is read.
    pub mailbox: &'a EmailAddress,
}

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
            let restored_at = quiet::restored_at(&tx).await?;
            let mut all = Vec::with_capacity(letters.len());
            for (at, (pending, mail)) in letters.iter().enumerate() {
                if refused.contains_key(&at) {
                    continue;
                }
                match register_one(&tx, registrar, pending, mail, now).await {
                    Ok(registered) => {
                        if restored_at.is_some_and(|at| pending.received_at < at) {
                            quiet::hold_late(&tx, pending.id, now).await?;
                        }
                        all.push(registered);
                    }
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
            set_aside(&tx, registrar, pending.id, what, now).await?;
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
        set_aside(&tx, registrar, id, what, now).await?;
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
    let proof = proof(mail, registrar.mailbox, registrar.desk, registrar.key);
    let mut facts = facts(tx, pending, mail, &proof, registrar, now).await?;
    facts.received_by = Some(registrar.mailbox.clone());
    let answered = quoted_pictures::left_out(tx, mail, &facts).await?;
    let registration = decide(&answered, &proof, &facts, registrar.desk, now);
    let registered = apply(tx, registrar, pending, mail, registration, now).await?;
    if let (None, Some((_, number))) = (registered.ticket, &proof.specialist_ticket) {
        // An answer to what was erased quotes it, and goes as well.
        let about = "UPDATE ledger SET ticket = $2 WHERE id = $1 AND EXISTS (SELECT 1 FROM ticket WHERE number = $2 AND erased_at IS NOT NULL)";
        execute(tx, about, [pending.id.into(), (*number).into()]).await?;
    }
    Ok(Some(registered))
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
        // Before new letters: an answer stands in the place of another, or goes to the address it is said to go to.
        for settled in &registration.settled {
            unsent::settle(tx, number, settled, now).await?;
        }
        for order in &registration.commands {
            if let (true, Some(number), Some(address)) = (order.applied, number, &order.address) {
                address::correct(tx, registrar, number, address, now).await?;
            }
        }
        if let Some(bounce) = &registration.bounce {
            address::bounced(tx, registrar, bounce, message_id, now).await?;
        }
        if let Some(address) = &registration.confirmed {
            address::confirmed(tx, address, now).await?;
        }
        for new in registration.letters {
            write_letter(tx, registrar, mail, number, message_id, new, now).await?;
        }
        if let Some(alert) = &registration.alert {
            let cause = Cause::Message {
                ticket: None,
                message: message_id,
            };
            let occasion = Occasion {
                mailbox: registrar.mailbox.as_str(),
                until: Until::Told,
                since: now - ONCE_A_DAY,
                cause: Some(cause),
            };
            alert::raise(tx, registrar, alert, occasion, now).await?;
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
                commands.extend(registration.commands.into_iter().map(|new| (number, new)));
            }
            let taken = registration.taken.iter();
            commands.extend(taken.map(|one| (one.number, one.command.clone())));
            for (number, new) in commands {
                let row = command::ActiveModel {
                    ticket: Set(number),
                    message: Set(message_id),
                    login: Set(login.clone()),
                    verb: Set(new.verb.as_str().to_owned()),
                    address: Set(new.address.as_ref().map(ToString::to_string)),
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
    promise::note_state(tx, number, State::New, received_at).await?;
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
    promise::note_state(tx, number, state, now).await
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
        with_files: false,
        held: None,
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

/// Whether an answer stands there already: a copy of its letter came before, with another footer of a list below the words.
async fn is_sent_already(
    tx: &impl ConnectionTrait,
    row: &NewRow<'_>,
    mail: &IncomingMail,
) -> Result<bool> {
    let (Cause::Message { ticket, .. }, Some(words)) = (row.cause, row.words.as_deref()) else {
        return Ok(false);
    };
    if words.is_empty() {
        return Ok(false);
    }
    let same = "SELECT 1 FROM letter l JOIN message m ON m.id = l.message WHERE l.ticket = $1 AND l.kind = 'answer' AND l.author_login = $2 AND l.words = $3
                AND l.recipient_address = $4 AND l.state <> 'cancelled' AND m.message_id = $5";
    let values = [
        ticket.into(),
        row.author.as_deref().into(),
        words.into(),
        row.address.as_str().into(),
        mail.message_id.as_str().into(),
    ];
    Ok(query_one(tx, same, values).await?.is_some())
}

/// Writes one outgoing letter.
async fn write_letter(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    mail: &IncomingMail,
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
            let mut row = NewRow {
                kind: Kind::Reopened,
                cause: Cause::Message {
                    ticket: number,
                    message: entry,
                },
                address: &address,
                name,
                login: None,
                author: None,
                words: None,
                with_files: false,
                held: None,
                due_at,
            };
            if let WriterLetter::Answer(answer) = letter {
                row.kind = Kind::Answer;
                row.author = Some(answer.author);
                row.words = Some(answer.words.as_str().to_owned());
                row.with_files = answer.with_files;
                row.held = answer.held;
                if is_sent_already(tx, &row, mail).await? {
                    return Ok(());
                }
            }
            insert_letter(tx, registrar, row, now).await?;
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
            // He may have been told by the same cause of another answer of his.
            let address = &specialist.address;
            if is_written(tx, kind, number.unwrap_or_default(), entry, address).await? {
                return Ok(());
            }
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

/// Tells the operator of a letter that was set aside: one an hour, the log and the ledger have them all.
async fn set_aside(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    ledger_id: i64,
    what: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let alert = Alert::quarantined(ledger_id, what);
    let occasion = Occasion {
        mailbox: registrar.mailbox.as_str(),
        until: Until::Looked,
        since: now - ONCE_IN,
        cause: Some(Cause::Ledger(ledger_id)),
    };
    alert::raise(tx, registrar, &alert, occasion, now).await?;
    Ok(())
}
