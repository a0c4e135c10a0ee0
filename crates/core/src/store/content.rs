//! What an outgoing letter is made of, looked up anew at each attempt, so that no time it names is stale.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{attachment, ledger, letter, message, ticket};
use super::outbox::Claimed;
use super::promise::first_answer_at;
use super::registration::Registrar;
use super::{Result, Store, StoreError};
use crate::domain::address::EmailAddress;
use crate::domain::beginning::beginning;
use crate::domain::deadline;
use crate::domain::files::{self, FilePart, LOGO_BYTES};
use crate::domain::letter::Kind;
use crate::domain::outgoing::{
    Content, EarlierTicket, Letterhead, Notice, SpecialistContent, SpecialistEnvelope,
    WriterContent, WriterEnvelope,
};
use crate::domain::reply_text::{ReplyContext, requester_text};
use crate::domain::text::CleanLine;
use crate::domain::ticket::State;

/// Message-IDs of a thread that are repeated in References.
const THREAD: u64 = 10;
/// Tickets that a receipt names; of more it says how many.
const NAMED: u64 = 20;

impl Store {
    /// Returns the content of `claimed` as of `now`.
    pub async fn content(
        &self,
        registrar: Registrar<'_>,
        letterhead: &Letterhead,
        claimed: &Claimed,
        now: DateTime<Utc>,
    ) -> Result<Content> {
        let row = &claimed.row;
        let wrong = |what: &str| StoreError::Row {
            table: "letter",
            id: row.id,
            what: what.to_owned(),
        };
        let to = claimed
            .recipient
            .clone()
            .ok_or_else(|| wrong("no usable address"))?;
        let ticket = match row.ticket {
            Some(number) => ticket::Entity::find_by_id(number).one(&self.db).await?,
            None => None,
        };
        let message = match row.message {
            Some(id) => message::Entity::find_by_id(id).one(&self.db).await?,
            None => None,
        };
        if matches!(claimed.kind, Kind::Receipt | Kind::Reopened | Kind::Answer) {
            let ticket = ticket.ok_or_else(|| wrong("a letter to a writer without a ticket"))?;
            let message = message.ok_or_else(|| wrong("a letter to a writer without a cause"))?;
            let envelope = WriterEnvelope {
                message_id: row.message_id.clone(),
                references: self.writer_thread(row).await?,
                desk: letterhead.desk.clone(),
                from: registrar.mailbox.clone(),
                to,
                to_name: CleanLine::new(&row.recipient_name, 100),
                number: ticket.number,
                subject: CleanLine::new(&ticket.subject, 200),
                now,
            };
            let content = self
                .writer_content(registrar, letterhead, claimed, &message, now)
                .await?;
            return Ok(Content::Writer(envelope, content));
        }
        let subject = ticket
            .as_ref()
            .map(|ticket| &ticket.subject)
            .or(message.as_ref().map(|message| &message.subject));
        let envelope = SpecialistEnvelope {
            message_id: row.message_id.clone(),
            references: self.specialist_thread(row, message.as_ref()).await?,
            desk: letterhead.desk.clone(),
            from: registrar.mailbox.clone(),
            to: to.clone(),
            to_name: CleanLine::new(&row.recipient_name, 100),
            number: row.ticket,
            sentinel: row.ticket.map(|number| registrar.key.sentinel(number, &to)),
            subject: CleanLine::new(subject.map_or("", String::as_str), 200),
            now,
        };
        let words = row.words.as_deref().unwrap_or_default();
        let about = |error: serde_json::Error| wrong(&format!("its words: {error}"));
        let content = match claimed.kind {
            Kind::Notice => {
                let ticket = ticket.ok_or_else(|| wrong("a notice without a ticket"))?;
                let message = message.ok_or_else(|| wrong("a notice without a cause"))?;
                SpecialistContent::Notice(Box::new(
                    self.notice(registrar, &ticket, &message).await?,
                ))
            }
            Kind::Digest => SpecialistContent::Digest(self.digest(row.id).await?),
            Kind::OwnLetter => SpecialistContent::OwnLetter {
                about: serde_json::from_str(words).map_err(about)?,
                received: message.map_or(row.created_at, |message| message.received_at),
            },
            Kind::Delivery => {
                SpecialistContent::Delivery(serde_json::from_str(words).map_err(about)?)
            }
            Kind::Alert => SpecialistContent::Alert {
                matter: words.lines().next().unwrap_or_default().to_owned(),
                words: words.to_owned(),
            },
            Kind::Receipt | Kind::Reopened | Kind::Answer => {
                return Err(wrong("a letter to a writer where none can be"));
            }
        };
        Ok(Content::Specialist(envelope, content))
    }

    async fn writer_content(
        &self,
        registrar: Registrar<'_>,
        letterhead: &Letterhead,
        claimed: &Claimed,
        cause: &message::Model,
        now: DateTime<Utc>,
    ) -> Result<WriterContent> {
        let beginning = beginning(&registrar.desk.calendar, now);
        let row = &claimed.row;
        match claimed.kind {
            Kind::Reopened => Ok(WriterContent::Reopened { beginning }),
            Kind::Answer => {
                let author = row
                    .author_login
                    .as_deref()
                    .and_then(|login| registrar.desk.by_login(login));
                let author = author.ok_or_else(|| StoreError::Row {
                    table: "letter",
                    id: row.id,
                    what: "an answer of somebody who is no specialist any more".to_owned(),
                })?;
                let asked = self.last_question(row.ticket, cause.id).await?;
                let files = if row.with_files {
                    self.files(cause, true).await?
                } else {
                    Vec::new()
                };
                let raw = if files.is_empty() {
                    Vec::new()
                } else {
                    self.raw(cause.raw_mail_id).await?
                };
                Ok(WriterContent::Answer {
                    author: author.name.clone(),
                    words: row.words.clone().unwrap_or_default(),
                    quoted: asked.map(|asked| asked.body).unwrap_or_default(),
                    files,
                    raw,
                })
            }
            _ => {
                let (mut numbers, in_all, latest) = self.named_tickets(row.id, NAMED).await?;
                if numbers.is_empty() {
                    numbers.extend(row.ticket);
                }
                let more = (in_all - numbers.len() as i64).max(0);
                let registered = latest.unwrap_or(cause.received_at);
                let beginning = if numbers.len() == 1 && more == 0 {
                    let desk = registrar.desk;
                    beginning.promising(&desk.calendar, desk.terms, registered, now)
                } else {
                    beginning
                };
                Ok(WriterContent::Receipt {
                    numbers,
                    more,
                    registered,
                    beginning,
                    phones: letterhead.phones.clone(),
                })
            }
        }
    }

    /// The writer's latest words before message `before`.
    async fn last_question(
        &self,
        ticket: Option<i64>,
        before: i64,
    ) -> Result<Option<message::Model>> {
        Ok(message::Entity::find()
            .filter(message::Column::Ticket.eq(ticket))
            .filter(message::Column::Author.eq("requester"))
            .filter(message::Column::Id.lt(before))
            .order_by_desc(message::Column::Id)
            .one(&self.db)
            .await?)
    }

    /// The thread as the writer's mail program knows it: what he wrote and what we sent him, the letter answered last.
    async fn writer_thread(&self, row: &letter::Model) -> Result<Vec<String>> {
        let before = row.message.unwrap_or(i64::MAX);
        let written = message::Entity::find()
            .filter(message::Column::Ticket.eq(row.ticket))
            .filter(message::Column::Author.eq("requester"))
            .filter(message::Column::Id.lte(before))
            .order_by_desc(message::Column::Id)
            .limit(THREAD)
            .all(&self.db)
            .await?;
        let sent = letter::Entity::find()
            .filter(letter::Column::Ticket.eq(row.ticket))
            .filter(letter::Column::RecipientAddress.eq(&row.recipient_address))
            .filter(letter::Column::Id.lt(row.id))
            .filter(letter::Column::SentAt.is_not_null())
            .order_by_desc(letter::Column::Id)
            .limit(THREAD)
            .all(&self.db)
            .await?;
        let answered = written.first().map(|message| message.message_id.clone());
        let mut thread: Vec<(DateTime<Utc>, String)> = written
            .into_iter()
            .map(|message| (message.created_at, message.message_id))
            .collect();
        thread.extend(
            sent.into_iter()
                .map(|letter| (letter.created_at, letter.message_id)),
        );
        thread.sort();
        let ids = thread
            .into_iter()
            .map(|(_, id)| id)
            .filter(|id| answered.as_ref() != Some(id))
            .chain(answered.clone());
        Ok(ids.filter(|id| can_be_referred_to(id)).collect())
    }

    /// The thread as the specialist's mail program knows it: our earlier letters to him, or his own letter.
    async fn specialist_thread(
        &self,
        row: &letter::Model,
        cause: Option<&message::Model>,
    ) -> Result<Vec<String>> {
        let mut earlier = match row.ticket {
            Some(number) => {
                letter::Entity::find()
                    .filter(letter::Column::Ticket.eq(number))
                    .filter(letter::Column::RecipientAddress.eq(&row.recipient_address))
                    .filter(letter::Column::Id.lt(row.id))
                    .order_by_desc(letter::Column::Id)
                    .limit(THREAD)
                    .all(&self.db)
                    .await?
            }
            None => Vec::new(),
        };
        earlier.reverse();
        let mut thread: Vec<String> = earlier
            .into_iter()
            .map(|letter| letter.message_id)
            .collect();
        if row.kind == Kind::OwnLetter.as_str()
            && let Some(own) = cause.filter(|own| {
                own.from_address == row.recipient_address && can_be_referred_to(&own.message_id)
            })
        {
            thread.push(own.message_id.clone());
        }
        Ok(thread)
    }

    async fn notice(
        &self,
        registrar: Registrar<'_>,
        ticket: &ticket::Model,
        message: &message::Model,
    ) -> Result<Notice> {
        let state = |ticket: &ticket::Model| {
            State::from_name(&ticket.state).ok_or_else(|| StoreError::Row {
                table: "ticket",
                id: ticket.number,
                what: format!("unknown state {}", ticket.state),
            })
        };
        let first = message::Entity::find()
            .filter(message::Column::Ticket.eq(ticket.number))
            .order_by_asc(message::Column::Id)
            .one(&self.db)
            .await?;
        let earlier = ticket::Entity::find()
            .filter(ticket::Column::RequesterAddress.eq(&ticket.requester_address))
            .filter(ticket::Column::RequesterAddress.ne(""))
            .filter(ticket::Column::Number.lt(ticket.number))
            .order_by_desc(ticket::Column::Number)
            .limit(3)
            .all(&self.db)
            .await?;
        let others = earlier
            .iter()
            .map(|other| {
                Ok(EarlierTicket {
                    number: other.number,
                    subject: CleanLine::new(&other.subject, 60),
                    state: state(other)?,
                })
            })
            .collect::<Result<_>>()?;
        let is_first = first.is_some_and(|first| first.id == message.id);
        let answer_by = match registrar.desk.terms.first_answer_min {
            Some(term_min) if first_answer_at(&self.db, ticket.number).await?.is_none() => {
                deadline::answer_by(&registrar.desk.calendar, term_min, ticket.received_at)
            }
            _ => None,
        };
        // What the specialists have read already is left out of a further letter.
        let body = if is_first {
            message.body.clone()
        } else {
            requester_text(&message.body, ReplyContext::of_reply(&message.from_name))
        };
        let files = self.files(message, false).await?;
        let raw = self.raw(message.raw_mail_id).await?;
        let released = ledger::Entity::find()
            .filter(ledger::Column::RawMailId.eq(message.raw_mail_id))
            .filter(ledger::Column::Released.eq(true));
        let header_only = released.one(&self.db).await?.is_some();
        let address = EmailAddress::parse(&message.from_address);
        Ok(Notice {
            body,
            name: CleanLine::new(&message.from_name, 100),
            received: message.received_at,
            first: is_first,
            state: state(ticket)?,
            assignee: ticket.assignee.as_deref().map(|login| {
                registrar
                    .desk
                    .by_login(login)
                    .map_or(login, |s| &s.name)
                    .to_owned()
            }),
            address,
            related: ticket.related_ticket,
            others,
            is_provisional: answer_by
                .and_then(|at| registrar.desk.calendar.provisional_year(at))
                .is_some(),
            answer_by,
            files,
            raw,
            header_only,
        })
    }

    /// The files of a letter, those marked that travel on. Pictures inside the text are among them but for the logos of
    /// signatures: what came before, and in an answer what is small.
    async fn files(&self, message: &message::Model, for_answer: bool) -> Result<Vec<FilePart>> {
        let rows = attachment::Entity::find()
            .filter(attachment::Column::Message.eq(message.id))
            .order_by_asc(attachment::Column::Part)
            .all(&self.db)
            .await?;
        let before = if rows.iter().any(|row| row.inline) {
            self.pictures_before(message).await?
        } else {
            Vec::new()
        };
        let is_logo = |row: &attachment::Model| {
            let is_small = for_answer && row.size_bytes.unsigned_abs() <= LOGO_BYTES;
            row.inline && (is_small || before.contains(&row.sha256))
        };
        let of_row = |row: attachment::Model| FilePart {
            part: row.part.unsigned_abs(),
            name: row.name,
            content_type: row.content_type,
            size_bytes: row.size_bytes.unsigned_abs(),
            sha256: row.sha256,
            inline: row.inline,
            travels: false,
        };
        let kept = rows.into_iter().filter(|row| !is_logo(row));
        let mut files: Vec<FilePart> = kept.map(of_row).collect();
        files::choose(&mut files);
        Ok(files)
    }

    /// The hashes of the pictures inside the texts of earlier letters: of the same author, whose logo is in each, and of the
    /// same ticket, which a reply quotes.
    async fn pictures_before(&self, message: &message::Model) -> Result<Vec<String>> {
        let earlier: Vec<i64> = message::Entity::find()
            .select_only()
            .column(message::Column::Id)
            .filter(
                Condition::any()
                    .add(message::Column::FromAddress.eq(&message.from_address))
                    .add(message::Column::Ticket.eq(message.ticket)),
            )
            .filter(message::Column::Id.lt(message.id))
            .order_by_desc(message::Column::Id)
            .limit(EARLIER_LETTERS)
            .into_tuple()
            .all(&self.db)
            .await?;
        let pictures = attachment::Entity::find()
            .filter(attachment::Column::Message.is_in(earlier))
            .filter(attachment::Column::Inline.eq(true))
            .all(&self.db)
            .await?;
        Ok(pictures.into_iter().map(|row| row.sha256).collect())
    }
}

/// Earlier letters that are looked through for the logos of signatures.
const EARLIER_LETTERS: u64 = 50;

/// Synthetic Message-IDs are ours alone: no mail program knows them.
fn can_be_referred_to(id: &str) -> bool {
    id.is_ascii()
        && !id.ends_with("@no-message-id.invalid")
        && id.contains('@')
        && !id.contains(['<', '>', ' '])
}
