//! Tickets and what belongs to them: letters as they were understood, files, notes, orders, and letters of ours.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::super::entity::{letter, message, note, ticket};
use super::super::registration::{insert_event, move_ticket};
use super::super::{Result, Store, StoreError, execute, on_postgres, query_one};
use super::act::{self, Erasure, What};
use super::raw::{forgotten_id, ids, is_still_due};
use crate::domain::anonymise::{anonymised, without_person};
use crate::domain::letter::Kind;
use crate::domain::registration::NewEvent;
use crate::domain::retention::Manner;
use crate::domain::ticket::State;

/// What becomes of a text.
#[derive(Debug, Clone, Copy)]
enum Words<'a> {
    /// Nothing of it is left.
    Gone,
    /// It stays without the signs of any person.
    Anonymised(&'a [&'a str]),
    /// It stays without the signs of this one: his address, his names.
    Without(&'a str, &'a [&'a str]),
}

impl Words<'_> {
    fn of(self, text: &str) -> String {
        match self {
            Words::Gone => String::new(),
            Words::Anonymised(names) => anonymised(text, names),
            Words::Without(address, names) => without_person(text, address, names),
        }
    }

    fn manner(self) -> Manner {
        match self {
            Words::Gone => Manner::Erase,
            Words::Anonymised(_) | Words::Without(..) => Manner::Anonymise,
        }
    }
}

impl Store {
    /// Erases the content of a ticket, or who it was from; by a rule only as long as it was `closed` before that moment. An open
    /// one is closed by an order. Returns whether it was done.
    pub(super) async fn erase_ticket(
        &self,
        number: i64,
        manner: Manner,
        closed: Option<DateTime<Utc>>,
        copies: bool,
        erasure: Erasure,
    ) -> Result<bool> {
        let raws = "SELECT DISTINCT raw_mail_id FROM message WHERE ticket = $1 UNION SELECT raw_mail_id FROM ledger WHERE ticket = $1 AND raw_mail_id IS NOT NULL";
        let raws = ids(&self.db, raws, [number.into()]).await?;
        let all = self.erase_raws(&raws, Some(number), closed, copies, erasure);
        if !all.await? {
            return Ok(false);
        }
        let tx = self.begin_write().await?;
        if !is_still_due(&tx, Some(number), closed).await? {
            return Ok(false);
        }
        let Some(ticket) = locked(&tx, number).await? else {
            return Ok(false);
        };
        let messages = message::Entity::find()
            .filter(message::Column::Ticket.eq(number))
            .order_by_asc(message::Column::Id)
            .all(&tx)
            .await?;
        let names = messages.iter().map(|row| row.from_name.clone());
        let names: BTreeSet<String> = names.chain([ticket.requester_name.clone()]).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let words = match manner {
            Manner::Erase => Words::Gone,
            Manner::Anonymise => Words::Anonymised(&names),
        };
        let addresses = messages.iter().map(|row| row.from_address.clone());
        let addresses: BTreeSet<String> = addresses
            .chain([ticket.requester_address.clone()])
            .collect();
        forget_files(&tx, erasure, "m.ticket = $1", number, Some(number)).await?;
        for row in &messages {
            rewrite_message(&tx, erasure, row, words, true).await?;
        }
        rewrite_notes(&tx, erasure, number, words).await?;
        rewrite_letters(&tx, erasure, number, words, copies).await?;
        let orders = "UPDATE command SET address = CASE WHEN address IS NULL THEN NULL ELSE '' END, cancelled_at = CASE WHEN applied_at IS NULL THEN coalesce(cancelled_at, $2) ELSE cancelled_at END WHERE ticket = $1";
        execute(&tx, orders, [number.into(), erasure.now.into()]).await?;
        forget_digest_lines(&tx, number).await?;
        if !matches!(ticket.state.as_str(), "closed" | "merged") {
            let assignee = ticket.assignee.as_deref();
            move_ticket(&tx, number, State::Closed, assignee, erasure.now).await?;
        }
        let update = "UPDATE ticket SET subject = $2, requester_address = '', requester_name = '', erased_at = $3 WHERE number = $1";
        let values = [
            number.into(),
            words.of(&ticket.subject).into(),
            erasure.now.into(),
        ];
        execute(&tx, update, values).await?;
        let event = NewEvent::new(manner.as_str(), "desk", format!("act {}", erasure.id));
        insert_event(&tx, Some(number), event, erasure.now).await?;
        act::note(&tx, erasure, What::Ticket, number, Some(number), manner).await?;
        for address in addresses {
            forget_person(&tx, erasure, &address).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Erases the files of a ticket that is `closed` since before that moment, and the bytes of the letters they came in. Words
    /// stay. Returns whether it was done.
    pub(super) async fn erase_files(
        &self,
        number: i64,
        closed: DateTime<Utc>,
        copies: bool,
        erasure: Erasure,
    ) -> Result<bool> {
        let raws = "SELECT DISTINCT m.raw_mail_id FROM message m WHERE m.ticket = $1 AND EXISTS (SELECT 1 FROM attachment a WHERE a.message = m.id)";
        let raws = ids(&self.db, raws, [number.into()]).await?;
        let all = self.erase_raws(&raws, Some(number), Some(closed), copies, erasure);
        if !all.await? {
            return Ok(false);
        }
        let tx = self.begin_write().await?;
        if !is_still_due(&tx, Some(number), Some(closed)).await? {
            return Ok(false);
        }
        let files = forget_files(&tx, erasure, "m.ticket = $1", number, Some(number)).await?;
        let event = NewEvent::new(
            "files_erased",
            "desk",
            format!("{files} files, act {}", erasure.id),
        );
        insert_event(&tx, Some(number), event, erasure.now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Erases letters that belong to no ticket, by their bytes.
    pub(super) async fn erase_loose(&self, raw: i64, copies: bool, erasure: Erasure) -> Result<()> {
        self.erase_raws(&[raw], None, None, copies, erasure).await?;
        let tx = self.begin_write().await?;
        let messages = message::Entity::find()
            .filter(message::Column::RawMailId.eq(raw))
            .filter(message::Column::Ticket.is_null())
            .all(&tx)
            .await?;
        for row in messages {
            forget_files(&tx, erasure, "m.id = $1", row.id, None).await?;
            rewrite_message(&tx, erasure, &row, Words::Gone, true).await?;
            let about = letter::Entity::find()
                .filter(letter::Column::Message.eq(row.id))
                .filter(letter::Column::Ticket.is_null())
                // A digest has more to tell.
                .filter(letter::Column::Kind.ne(Kind::Digest.as_str()))
                .all(&tx)
                .await?;
            for letter in about {
                rewrite_letter(&tx, erasure, &letter, Words::Gone, false, true, copies).await?;
            }
            forget_person(&tx, erasure, &row.from_address).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Erases what one person wrote to a ticket that others wrote to as well, and what was written to him. What others
    /// wrote stays, without his address and his names; of specialists' letters, which quote, the desk's own words stay.
    pub(super) async fn erase_in_ticket(
        &self,
        number: i64,
        address: &str,
        copies: bool,
        erasure: Erasure,
    ) -> Result<()> {
        let raws = "SELECT DISTINCT raw_mail_id FROM message WHERE ticket = $1 AND (from_address = $2 OR author <> 'requester')";
        let raws = ids(&self.db, raws, [number.into(), address.into()]).await?;
        self.erase_raws(&raws, Some(number), None, copies, erasure)
            .await?;
        let tx = self.begin_write().await?;
        let Some(ticket) = locked(&tx, number).await? else {
            return Ok(());
        };
        let messages = message::Entity::find()
            .filter(message::Column::Ticket.eq(number))
            .order_by_asc(message::Column::Id)
            .all(&tx)
            .await?;
        let is_his = |row: &message::Model| row.from_address == address;
        let mut names: BTreeSet<String> = messages
            .iter()
            .filter(|row| is_his(row))
            .map(|row| row.from_name.clone())
            .collect();
        let is_requester = ticket.requester_address == address;
        if is_requester {
            names.insert(ticket.requester_name.clone());
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let masked = Words::Without(address, &names);
        for row in &messages {
            if is_his(row) {
                forget_files(&tx, erasure, "m.id = $1", row.id, Some(number)).await?;
                rewrite_message(&tx, erasure, row, Words::Gone, true).await?;
            } else {
                rewrite_message(&tx, erasure, row, masked, false).await?;
            }
        }
        rewrite_notes(&tx, erasure, number, masked).await?;
        let letters = letter::Entity::find()
            .filter(letter::Column::Ticket.eq(number))
            .all(&tx)
            .await?;
        for row in letters {
            let is_to_him = row.recipient_address == address;
            let cause = messages.iter().find(|cause| Some(cause.id) == row.message);
            // What specialists were told of letters that did not reach him names him.
            let names_him = row
                .words
                .as_deref()
                .is_some_and(|words| words.to_lowercase().contains(address));
            let is_about_his = is_to_specialist(&row) && (cause.is_some_and(is_his) || names_him);
            let words = if is_to_him { Words::Gone } else { masked };
            rewrite_letter(
                &tx,
                erasure,
                &row,
                words,
                is_to_him,
                is_to_him || is_about_his,
                copies && is_to_him,
            )
            .await?;
        }
        let orders = "UPDATE command SET address = '' WHERE ticket = $1 AND address = $2";
        execute(&tx, orders, [number.into(), address.into()]).await?;
        if is_requester {
            let update = "UPDATE ticket SET subject = '', requester_address = '', requester_name = '' WHERE number = $1";
            execute(&tx, update, [number.into()]).await?;
        } else {
            let update = "UPDATE ticket SET subject = $2 WHERE number = $1";
            execute(
                &tx,
                update,
                [number.into(), masked.of(&ticket.subject).into()],
            )
            .await?;
        }
        let event = NewEvent::new(
            "anonymised",
            "desk",
            format!("one of its people, act {}", erasure.id),
        );
        insert_event(&tx, Some(number), event, erasure.now).await?;
        act::note(
            &tx,
            erasure,
            What::Ticket,
            number,
            Some(number),
            Manner::Anonymise,
        )
        .await?;
        forget_person(&tx, erasure, address).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Erases what is left of a person who belongs to nothing any more.
    pub(super) async fn forget(&self, address: &str, erasure: Erasure) -> Result<()> {
        let tx = self.begin_write().await?;
        forget_person(&tx, erasure, address).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The ticket, locked until the transaction ends; `None` if there is none whose content is left, or while a letter about it
/// is being sent.
async fn locked(tx: &impl ConnectionTrait, number: i64) -> Result<Option<ticket::Model>> {
    let look = format!(
        "SELECT number FROM ticket t WHERE number = $1 AND erased_at IS NULL AND NOT EXISTS (SELECT 1 FROM letter l WHERE l.ticket = t.number AND l.state = 'sending'){}",
        on_postgres(tx, " FOR UPDATE")
    );
    if query_one(tx, &look, [number.into()]).await?.is_none() {
        return Ok(None);
    }
    let row = ticket::Entity::find_by_id(number).one(tx).await?;
    row.map(Some).ok_or_else(|| StoreError::Row {
        table: "ticket",
        id: number,
        what: "a row that is there and is not".to_owned(),
    })
}

/// Forgets the files of the messages `m` that `which` names; `$1` is `value`. Returns how many there were.
async fn forget_files(
    tx: &impl ConnectionTrait,
    erasure: Erasure,
    which: &str,
    value: i64,
    ticket: Option<i64>,
) -> Result<usize> {
    let delete = format!(
        "DELETE FROM attachment WHERE message IN (SELECT m.id FROM message m WHERE {which}) RETURNING id"
    );
    let files = ids(tx, &delete, [value.into()]).await?;
    for file in &files {
        act::note(tx, erasure, What::File, *file, ticket, Manner::Erase).await?;
    }
    Ok(files.len())
}

/// Rewrites a letter as it was understood; its sender goes too if he is to be `forgotten`.
async fn rewrite_message(
    tx: &impl ConnectionTrait,
    erasure: Erasure,
    row: &message::Model,
    words: Words<'_>,
    forgotten: bool,
) -> Result<()> {
    let (subject, body) = (words.of(&row.subject), words.of(&row.body));
    if !forgotten && subject == row.subject && body == row.body {
        return Ok(());
    }
    let id = if forgotten {
        forgotten_id(&row.message_id)
    } else {
        row.message_id.clone()
    };
    let kept = |text: &str| {
        if forgotten {
            String::new()
        } else {
            text.to_owned()
        }
    };
    let update = "UPDATE message SET message_id = $2, subject = $3, body = $4, from_address = $5, from_name = $6 WHERE id = $1";
    let values = [
        row.id.into(),
        id.into(),
        subject.into(),
        body.into(),
        kept(&row.from_address).into(),
        kept(&row.from_name).into(),
    ];
    execute(tx, update, values).await?;
    act::note(
        tx,
        erasure,
        What::Message,
        row.id,
        row.ticket,
        words.manner(),
    )
    .await
}

async fn rewrite_notes(
    tx: &impl ConnectionTrait,
    erasure: Erasure,
    ticket: i64,
    words: Words<'_>,
) -> Result<()> {
    let notes = note::Entity::find()
        .filter(note::Column::Ticket.eq(ticket))
        .all(tx)
        .await?;
    for row in notes {
        let body = words.of(&row.body);
        if body != row.body {
            let update = "UPDATE note SET body = $2 WHERE id = $1";
            execute(tx, update, [row.id.into(), body.into()]).await?;
            act::note(
                tx,
                erasure,
                What::Note,
                row.id,
                Some(ticket),
                words.manner(),
            )
            .await?;
        }
    }
    Ok(())
}

/// Rewrites the letters of ours about a ticket, and of those about its people's letters that name none.
async fn rewrite_letters(
    tx: &impl ConnectionTrait,
    erasure: Erasure,
    ticket: i64,
    words: Words<'_>,
    copies: bool,
) -> Result<()> {
    let rows = letter::Entity::find()
        .filter(
            Condition::any().add(letter::Column::Ticket.eq(ticket)).add(
                Condition::all()
                    .add(letter::Column::Ticket.is_null())
                    .add(letter::Column::Kind.ne(Kind::Digest.as_str()))
                    .add(
                        letter::Column::Message.in_subquery(
                            sea_orm::sea_query::Query::select()
                                .column(message::Column::Id)
                                .from(message::Entity)
                                .and_where(message::Column::Ticket.eq(ticket))
                                .to_owned(),
                        ),
                    ),
            ),
        )
        .order_by_asc(letter::Column::Id)
        .all(tx)
        .await?;
    for row in rows {
        let is_to_writer = !is_to_specialist(&row);
        rewrite_letter(tx, erasure, &row, words, is_to_writer, true, copies).await?;
    }
    Ok(())
}

/// Whether a letter goes to somebody of the desk.
fn is_to_specialist(row: &letter::Model) -> bool {
    let to_writers = [Kind::Receipt, Kind::Reopened, Kind::Answer];
    !to_writers.iter().any(|kind| kind.as_str() == row.kind)
}

/// Rewrites a letter of ours: whom it went to, if he is to be `forgotten`; one that has not left and `must_not_go` is
/// cancelled.
async fn rewrite_letter(
    tx: &impl ConnectionTrait,
    erasure: Erasure,
    row: &letter::Model,
    words: Words<'_>,
    forgotten: bool,
    must_not_go: bool,
    copies: bool,
) -> Result<()> {
    let is_open = !matches!(row.state.as_str(), "sent" | "cancelled");
    let cancelled = must_not_go && is_open;
    // What specialists are told is made for them anew, or holds others' words in a form of its own.
    let kept = row
        .words
        .as_deref()
        .filter(|_| !is_to_specialist(row) || !must_not_go);
    let kept = match is_to_specialist(row) {
        true => kept.map(str::to_owned),
        false => kept.map(|kept| words.of(kept)),
    };
    if !forgotten && !must_not_go && kept == row.words {
        return Ok(());
    }
    let update = "UPDATE letter SET words = $2, recipient_address = CASE WHEN $3 THEN '' ELSE recipient_address END, recipient_name = CASE WHEN $3 THEN '' ELSE recipient_name END,
                    dedup_key = CASE WHEN $3 THEN $4 ELSE dedup_key END, why = CASE WHEN $5 THEN 'what it is about was erased' WHEN $6 THEN NULL ELSE why END,
                    state = CASE WHEN $5 THEN 'cancelled' ELSE state END, frozen = CASE WHEN $6 THEN NULL ELSE frozen END,
                    copy = CASE WHEN $6 AND copy = 'wanted' THEN 'given_up' ELSE copy END,
                    unwanted_by = CASE WHEN $7 AND sent_at IS NOT NULL THEN coalesce(unwanted_by, $8) ELSE unwanted_by END WHERE id = $1";
    let values = [
        row.id.into(),
        kept.into(),
        forgotten.into(),
        format!("erased.{}", row.id).into(),
        cancelled.into(),
        (forgotten || must_not_go).into(),
        copies.into(),
        erasure.id.into(),
    ];
    execute(tx, update, values).await?;
    act::note(
        tx,
        erasure,
        What::Letter,
        row.id,
        row.ticket,
        words.manner(),
    )
    .await
}

/// Takes a ticket out of the digests of specialists; a digest that has nothing left to tell is not sent.
async fn forget_digest_lines(tx: &impl ConnectionTrait, ticket: i64) -> Result<()> {
    let delete = "DELETE FROM digest_line WHERE ticket = $1 RETURNING letter";
    for digest in ids(tx, delete, [ticket.into()]).await? {
        let cancel = "UPDATE letter SET state = 'cancelled', why = 'what it is about was erased' WHERE id = $1 AND state IN ('due', 'held') AND NOT EXISTS (SELECT 1 FROM digest_line d WHERE d.letter = $1)";
        execute(tx, cancel, [digest.into()]).await?;
    }
    Ok(())
}

/// Forgets a person to whom nothing belongs any more.
async fn forget_person(tx: &impl ConnectionTrait, erasure: Erasure, address: &str) -> Result<()> {
    if address.is_empty() {
        return Ok(());
    }
    let delete = "DELETE FROM person WHERE address = $1 AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.requester_address = $1)
                  AND NOT EXISTS (SELECT 1 FROM message m WHERE m.from_address = $1)";
    if execute(tx, delete, [address.into()]).await? == 1 {
        act::note(tx, erasure, What::Person, 0, None, Manner::Erase).await?;
    }
    Ok(())
}
