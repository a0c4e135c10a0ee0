//! Acts of erasing and their lines. An act holds no content: whose data it was is a masked address and a salted hash.

use std::collections::BTreeMap;

use chrono::{DateTime, Months, Utc};
use sea_orm::ConnectionTrait;

use super::super::{Result, Store, execute, query_all, query_one};
use super::Unreadable;
use crate::domain::address::EmailAddress;
use crate::domain::digest::sha256;
use crate::domain::retention::Manner;

/// For how long an act is kept, in months: three years (order of Roskomnadzor № 179).
const KEPT_MONTHS: u32 = 36;

/// Why something is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A term of the configuration ran out.
    Rule,
    /// It was ordered to erase what is held about this person.
    Order(&'a EmailAddress),
}

impl<'a> Cause<'a> {
    /// What the column `cause` keeps, and whom it is about.
    fn parts(self) -> (&'static str, Option<&'a EmailAddress>) {
        match self {
            Cause::Rule => ("rule", None),
            Cause::Order(address) => ("order", Some(address)),
        }
    }
}

/// What kind of record was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(
    missing_docs,
    reason = "the names are those of the tables, but for three"
)]
pub enum What {
    /// The bytes of a letter.
    Raw,
    File,
    Message,
    Note,
    Letter,
    Ticket,
    Person,
    /// A copy of a letter in a folder that the desk reads.
    Copy,
    /// A copy of a letter of ours in the folder of sent mail.
    SentCopy,
}

impl What {
    /// All kinds, in the order of an act.
    pub const ALL: [What; 9] = [
        What::Ticket,
        What::Message,
        What::Note,
        What::Letter,
        What::File,
        What::Raw,
        What::Person,
        What::Copy,
        What::SentCopy,
    ];

    /// Returns its name, as the column `what` keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Raw => "raw",
            What::File => "file",
            What::Message => "message",
            What::Note => "note",
            What::Letter => "letter",
            What::Ticket => "ticket",
            What::Person => "person",
            What::Copy => "copy",
            What::SentCopy => "sent_copy",
        }
    }
}

/// An act that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Its number.
    pub id: i64,
    /// When what is written now happens.
    pub now: DateTime<Utc>,
}

/// An act, as it is listed and printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActRow {
    /// Its number.
    pub id: i64,
    /// Whether it was ordered about one person, and not by a rule.
    pub is_order: bool,
    /// Whose data it was, masked; empty where it was a rule's.
    pub subject: String,
    /// What the hash is salted with.
    pub salt: String,
    /// SHA-256 of salt and address; empty where it was a rule's.
    pub hash: String,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When all was done but what the mail server holds; `None`: it was interrupted, and the same order goes on with it.
    pub finished_at: Option<DateTime<Utc>>,
    /// How many records of each kind.
    pub counts: BTreeMap<String, i64>,
    /// How many copies on the mail server are still to go.
    pub copies_wait: i64,
    /// Whether what was deleted can still be read in the files of the database; `None`: nothing was done about it yet.
    pub unreadable: Option<Unreadable>,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActLine {
    /// When.
    pub at: DateTime<Utc>,
    /// What kind of record.
    pub what: String,
    /// Its number; 0 where it has none.
    pub record: i64,
    /// The ticket it was in.
    pub ticket: Option<i64>,
    /// What was done.
    pub manner: String,
}

impl Store {
    /// Begins an act, or goes on with one of the same cause that was interrupted.
    pub async fn begin_act(&self, cause: Cause<'_>, now: DateTime<Utc>) -> Result<Erasure> {
        let tx = self.begin_write().await?;
        if let Some(id) = interrupted(&tx, cause).await? {
            return Ok(Erasure { id, now });
        }
        let (name, subject) = cause.parts();
        let chance = || getrandom::u64().unwrap_or_default();
        let salt = format!("{:016x}{:016x}", chance(), chance());
        let insert = "INSERT INTO erasure (cause, subject, subject_salt, subject_hash, begun_at) VALUES ($1, $2, $3, $4, $5) RETURNING id";
        let values = [
            name.into(),
            subject.map(EmailAddress::masked).unwrap_or_default().into(),
            subject.map_or("", |_| salt.as_str()).into(),
            subject
                .map(|address| hashed(&salt, address))
                .unwrap_or_default()
                .into(),
            now.into(),
        ];
        let row = query_one(&tx, insert, values).await?;
        let id = row.map(|row| row.try_get("", "id")).transpose()?;
        tx.commit().await?;
        let id = id.unwrap_or_default();
        Ok(Erasure { id, now })
    }

    /// Returns the act of this cause that was interrupted.
    pub async fn interrupted_act(&self, cause: Cause<'_>) -> Result<Option<i64>> {
        interrupted(&self.db, cause).await
    }

    /// Ends an act.
    pub async fn finish_act(&self, erasure: Erasure, now: DateTime<Utc>) -> Result<()> {
        let update = "UPDATE erasure SET finished_at = $2 WHERE id = $1";
        execute(&self.db, update, [erasure.id.into(), now.into()]).await?;
        Ok(())
    }

    /// Forgets acts that were kept for three years.
    pub async fn forget_acts(&self, now: DateTime<Utc>) -> Result<u64> {
        let old = now
            .checked_sub_months(Months::new(KEPT_MONTHS))
            .unwrap_or(now);
        let delete = "DELETE FROM erasure WHERE finished_at < $1";
        execute(&self.db, delete, [old.into()]).await
    }

    /// Returns the acts, the newest first; with `id` that one alone.
    pub async fn acts(&self, id: Option<i64>) -> Result<Vec<ActRow>> {
        let select = "SELECT id, cause, subject, subject_salt, subject_hash, begun_at, finished_at, unreadable FROM erasure WHERE $1 = 0 OR id = $1 ORDER BY id DESC";
        let mut acts = Vec::new();
        for row in query_all(&self.db, select, [id.unwrap_or_default().into()]).await? {
            let id: i64 = row.try_get("", "id")?;
            let count =
                "SELECT what, count(*) AS n FROM erasure_line WHERE erasure = $1 GROUP BY what";
            let mut counts = BTreeMap::new();
            for row in query_all(&self.db, count, [id.into()]).await? {
                counts.insert(row.try_get("", "what")?, row.try_get("", "n")?);
            }
            acts.push(ActRow {
                id,
                is_order: row.try_get::<String>("", "cause")? == "order",
                subject: row.try_get("", "subject")?,
                salt: row.try_get("", "subject_salt")?,
                hash: row.try_get("", "subject_hash")?,
                begun_at: row.try_get("", "begun_at")?,
                finished_at: row.try_get("", "finished_at")?,
                counts,
                copies_wait: self.unwanted_copies_of(id).await?,
                unreadable: row
                    .try_get::<Option<String>>("", "unreadable")?
                    .and_then(|name| Unreadable::from_name(&name)),
            });
        }
        Ok(acts)
    }

    /// Returns the lines of an act, in order.
    pub async fn act_lines(&self, id: i64) -> Result<Vec<ActLine>> {
        let select = "SELECT at, what, record, ticket, manner FROM erasure_line WHERE erasure = $1 ORDER BY id";
        let rows = query_all(&self.db, select, [id.into()]).await?;
        let line = |row: &sea_orm::QueryResult| {
            Ok(ActLine {
                at: row.try_get("", "at")?,
                what: row.try_get("", "what")?,
                record: row.try_get("", "record")?,
                ticket: row.try_get("", "ticket")?,
                manner: row.try_get("", "manner")?,
            })
        };
        rows.iter().map(line).collect()
    }
}

async fn interrupted(db: &impl ConnectionTrait, cause: Cause<'_>) -> Result<Option<i64>> {
    let (name, subject) = cause.parts();
    let select = "SELECT id, subject_salt, subject_hash FROM erasure WHERE cause = $1 AND finished_at IS NULL ORDER BY id";
    for row in query_all(db, select, [name.into()]).await? {
        let (salt, hash): (String, String) = (
            row.try_get("", "subject_salt")?,
            row.try_get("", "subject_hash")?,
        );
        if subject.is_none_or(|address| hashed(&salt, address) == hash) {
            return Ok(Some(row.try_get("", "id")?));
        }
    }
    Ok(None)
}

/// Proves to whoever knows the address that an act is about it.
fn hashed(salt: &str, address: &EmailAddress) -> String {
    sha256(format!("{salt}{address}").as_bytes())
}

/// Writes a line of the act.
pub(super) async fn note(
    tx: &impl ConnectionTrait,
    erasure: Erasure,
    what: What,
    record: i64,
    ticket: Option<i64>,
    manner: Manner,
) -> Result<()> {
    let insert = "INSERT INTO erasure_line (erasure, at, what, record, ticket, manner) VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [
        erasure.id.into(),
        erasure.now.into(),
        what.as_str().into(),
        record.into(),
        ticket.into(),
        manner.as_str().into(),
    ];
    execute(tx, insert, values).await?;
    Ok(())
}
