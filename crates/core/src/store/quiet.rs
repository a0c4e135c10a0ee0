//! A copy of the desk keeps quiet: what was restored may know less than its original did, so nothing leaves until a person
//! says so, and what the original may have sent does not leave twice (promise P21).
//!
//! - A copy is known by its home: the row of `desk` says in which database it was written, and a backup says that it is one. What
//!   finds itself elsewhere has not started yet; [`Store::recognise`] then makes it quiet.
//! - The claim asks for home and quiet in the statement that claims: there is no moment between.
//! - Numbers leap. The original gave numbers to people after the copy was made, and a token names its ticket by number: an answer
//!   to a letter of the original must find no ticket here that is somebody else's.
//! - What was due by then may have been sent: it is `maybe_sent`, and the folder of sent mail is asked as ever (rule R24). What is
//!   caused by mail that had arrived by then may have been sent under a Message-ID that nobody knows here.
//! - [`Store::resume`] holds letters to writers that are in doubt and lets all others go.

use chrono::{DateTime, SubsecRound, Utc};
use sea_orm::{ConnectionTrait, DbBackend};
use serde::Serialize;

use super::registration::insert_event;
use super::{Result, Store, StoreError, code, execute, on_postgres, query_all, query_one};
use crate::domain::registration::NewEvent;

/// The home of a backup: no database lives there.
pub(super) const BACKUP: &str = "backup";

/// Why a file is quiet whose desk lives in PostgreSQL by now.
pub(super) const MOVED: &str = "this desk was moved to PostgreSQL and lives there";

/// The home of a PostgreSQL, as SQL: the cluster, the database in it, and the table, which is another one where a dump was put into the
/// database it came from. Every role may ask.
pub(super) const HOME_ON_POSTGRES: &str = "(SELECT c.system_identifier || '/' || d.oid || '/' || 'desk'::regclass::oid FROM pg_control_system() c, pg_database d WHERE d.datname = current_database())";

/// Why a letter of the desk is held that its original may have sent.
pub const MAY_HAVE_BEEN_SENT: &str =
    "it may have been sent before the database was restored: look, then release or cancel it";

/// Letters that are in doubt after a restore, of `letter l` and `desk d`. What was due then is `maybe_sent`; a letter that was
/// written or let go since is in doubt if the letter it stands on was there then. A receipt is not that also names a ticket of a
/// letter that came later.
const IN_DOUBT: &str = "(l.state = 'maybe_sent' OR (l.id > d.last_letter OR l.created_at >= d.restored_at)
        AND EXISTS (SELECT 1 FROM message m WHERE m.id = l.message AND m.received_at < d.restored_at))
    AND NOT EXISTS (SELECT 1 FROM ticket t WHERE t.receipt_letter = l.id AND t.received_at >= d.restored_at)";

/// Letters to writers: each comes once or not at all. Others go though they are in doubt: a specialist needs the tokens of the
/// numbers as they are now.
const TO_WRITERS: &str = "l.kind IN ('receipt', 'reopened', 'answer')";

/// Why nothing leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet {
    /// What it is a copy of.
    pub why: String,
    /// Since when; `None` if no daemon has started on it yet.
    pub since: Option<DateTime<Utc>>,
}

impl Quiet {
    /// For whoever looks: a daemon's log, `health`, a letter that waits.
    pub fn problem(&self) -> String {
        format!(
            "quiet: {}; letters come in, none leaves until `ninetosix-worker resume`",
            self.why
        )
    }
}

/// What becomes of a letter when the desk resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It leaves: the original cannot have sent it.
    Goes,
    /// It leaves, though the original may have sent it.
    GoesAgain,
    /// It is held: the original may have sent it.
    Held,
}

/// A letter that waits for the desk to resume.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    /// Its row.
    pub id: i64,
    /// Its kind.
    pub kind: String,
    /// The ticket it is about.
    pub ticket: Option<i64>,
    /// Where it goes.
    pub to: String,
    /// When it was written.
    pub since: DateTime<Utc>,
    /// What becomes of it.
    pub fate: Fate,
    /// Whether the folder of sent mail was asked for it, and did not have it.
    pub not_in_sent_folder: bool,
}

/// The condition that this is no copy, and not quiet; for the statement that claims a letter. An aggregate, which PostgreSQL works
/// out once and makes no join of.
pub(super) fn awake(db: &impl ConnectionTrait) -> String {
    let here = here(db);
    format!("(SELECT count(*) FROM desk d WHERE d.home = {here} AND NOT d.quiet) = 1")
}

/// The home of this database, as SQL.
fn here(db: &impl ConnectionTrait) -> &'static str {
    match db.get_database_backend() {
        DbBackend::Postgres => HOME_ON_POSTGRES,
        _ => "'file'",
    }
}

impl Store {
    /// Returns why nothing leaves, if so.
    pub async fn quiet(&self) -> Result<Option<Quiet>> {
        let select = format!(
            "SELECT home, home = {} AS is_here, quiet, why, restored_at FROM desk WHERE id = 1",
            here(&self.db)
        );
        let row = query_one(&self.db, &select, []).await?.ok_or_else(no_row)?;
        if !row.try_get::<bool>("", "is_here")? {
            let home: String = row.try_get("", "home")?;
            let why = copy_of(&home).to_owned();
            return Ok(Some(Quiet { why, since: None }));
        }
        if !row.try_get::<bool>("", "quiet")? {
            return Ok(None);
        }
        Ok(Some(Quiet {
            why: row
                .try_get::<Option<String>>("", "why")?
                .unwrap_or_default(),
            since: row.try_get("", "restored_at")?,
        }))
    }

    /// Looks whether this database is a copy, and makes it quiet at `now` if it is one that has not started yet. Returns why
    /// nothing leaves, if so.
    ///
    /// # Errors
    /// Besides others: the desk has left this file. What is registered here would be missing where it lives.
    pub async fn recognise(&self, now: DateTime<Utc>) -> Result<Option<Quiet>> {
        match self.quiet().await? {
            Some(Quiet { why, since: None }) => {
                self.turn_quiet(&why, false, now).await?;
                self.quiet().await
            }
            Some(Quiet { why, .. }) if why == MOVED => Err(StoreError::Schema(format!(
                "{MOVED}: name that in database.url. To go back to this older copy all the same: `ninetosix-worker restore --here`"
            ))),
            known => Ok(known),
        }
    }

    /// Makes the desk quiet because a person says that its database is an older copy, which it cannot know: `why`.
    pub async fn make_quiet(&self, why: &str, now: DateTime<Utc>) -> Result<()> {
        self.turn_quiet(why, true, now).await
    }

    /// Makes the desk quiet, `at_home` too: what is at home here may have become so meanwhile.
    async fn turn_quiet(&self, why: &str, at_home: bool, now: DateTime<Utc>) -> Result<()> {
        // A server dates letters by whole seconds: none of this one was its original's.
        let at = now.trunc_subsecs(0);
        let tx = self.begin_write().await?;
        let select = format!(
            "SELECT home = {} AS is_here FROM desk WHERE id = 1{}",
            here(&tx),
            on_postgres(&tx, " FOR UPDATE")
        );
        let row = query_one(&tx, &select, []).await?.ok_or_else(no_row)?;
        if row.try_get("", "is_here")? && !at_home {
            // The other daemon was first.
            return Ok(());
        }
        for (table, key) in [("ticket", "number"), ("message", "id")] {
            leap(&tx, table, key).await?;
        }
        let doubt = "UPDATE letter SET state = 'maybe_sent', unanswered_at = $1, sent_folder = NULL, holder = NULL, lease_until = NULL, fence = fence + 1, tried_since = NULL
                     WHERE state IN ('sending', 'maybe_sent') OR state = 'due' AND due_at <= $1";
        execute(&tx, doubt, [now.into()]).await?;
        let quiet = format!(
            "UPDATE desk SET home = {}, quiet = $1, why = $2, restored_at = $3, last_letter = (SELECT coalesce(max(id), 0) FROM letter) WHERE id = 1",
            here(&tx)
        );
        execute(&tx, &quiet, [true.into(), why.into(), at.into()]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Returns what would leave if the desk resumed, in order of writing; with `all`, though the original may have sent it.
    pub async fn waiting_for_resume(&self, all: bool) -> Result<Vec<Waiting>> {
        let select = format!(
            "SELECT l.id, l.kind, l.ticket, l.recipient_address, l.created_at, l.sent_folder, ({IN_DOUBT}) AS in_doubt, ({TO_WRITERS}) AS to_writer
             FROM letter l, desk d WHERE l.state IN ('due', 'sending', 'maybe_sent') ORDER BY l.id"
        );
        let mut waiting = Vec::new();
        for row in query_all(&self.db, &select, []).await? {
            // NULL is no doubt: nothing was restored.
            let in_doubt = row
                .try_get::<Option<bool>>("", "in_doubt")?
                .unwrap_or(false);
            let fate = match (in_doubt, row.try_get("", "to_writer")?) {
                (false, _) => Fate::Goes,
                (true, true) if !all => Fate::Held,
                (true, _) => Fate::GoesAgain,
            };
            let sent_folder: Option<String> = row.try_get("", "sent_folder")?;
            waiting.push(Waiting {
                id: row.try_get("", "id")?,
                kind: row.try_get("", "kind")?,
                ticket: row.try_get("", "ticket")?,
                to: row.try_get("", "recipient_address")?,
                since: row.try_get("", "created_at")?,
                fate,
                not_in_sent_folder: sent_folder.as_deref() == Some("absent"),
            });
        }
        Ok(waiting)
    }

    /// Ends quiet: letters leave again. Those to writers that the original may have sent are held instead, unless `all` go.
    /// Returns how many are held.
    pub async fn resume(&self, all: bool, now: DateTime<Utc>) -> Result<usize> {
        let tx = self.begin_write().await?;
        let mut held = 0;
        if !all {
            let which = format!(
                "l.state IN ('due', 'sending', 'maybe_sent') AND {TO_WRITERS} AND {IN_DOUBT}"
            );
            held = hold(&tx, &which, [], now).await?;
        }
        let resume = format!(
            "UPDATE desk SET quiet = $1, why = NULL WHERE id = 1 AND home = {}",
            here(&tx)
        );
        if execute(&tx, &resume, [false.into()]).await? == 0 {
            return Err(StoreError::Schema(
                "no daemon has started on this copy yet: start the poller, which reads the mailbox and sends nothing".to_owned(),
            ));
        }
        tx.commit().await?;
        Ok(held)
    }
}

/// When this desk was restored, if it was and has resumed since.
pub(super) async fn restored_at(tx: &impl ConnectionTrait) -> Result<Option<DateTime<Utc>>> {
    let select = "SELECT restored_at FROM desk WHERE id = 1 AND NOT quiet";
    Ok(match query_one(tx, select, []).await? {
        Some(row) => row.try_get("", "restored_at")?,
        None => None,
    })
}

/// Holds what a letter caused that had arrived before the desk was restored and is registered after it has resumed.
pub(super) async fn hold_late(
    tx: &impl ConnectionTrait,
    ledger_id: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let which = format!(
        "l.state IN ('due', 'maybe_sent') AND {TO_WRITERS} AND {IN_DOUBT}
         AND (l.message IN (SELECT m.id FROM message m, ledger g WHERE g.id = $3 AND m.raw_mail_id = g.raw_mail_id)
              OR l.created_at = $4 AND l.ticket = (SELECT g.ticket FROM ledger g WHERE g.id = $3))"
    );
    hold(tx, &which, [ledger_id.into(), now.into()], now).await?;
    Ok(())
}

/// Holds letters `l` as being in doubt, and returns how many they are.
async fn hold<const N: usize>(
    tx: &impl ConnectionTrait,
    which: &str,
    values: [sea_orm::Value; N],
    now: DateTime<Utc>,
) -> Result<usize> {
    let hold = format!(
        "UPDATE letter SET state = 'held', why = $1, holder = NULL, lease_until = NULL, fence = fence + $2
         WHERE id IN (SELECT l.id FROM letter l, desk d WHERE {which}) RETURNING id, kind, ticket"
    );
    let mut all = vec![MAY_HAVE_BEEN_SENT.into(), 1_i64.into()];
    all.extend(values);
    let rows = query_all(tx, &hold, all).await?;
    for row in &rows {
        let (id, kind): (i64, String) = (row.try_get("", "id")?, row.try_get("", "kind")?);
        let event = NewEvent::new("held", "desk", format!("{kind} {id}: {MAY_HAVE_BEEN_SENT}"));
        insert_event(tx, row.try_get("", "ticket")?, event, now).await?;
    }
    Ok(rows.len())
}

/// Makes the next number of a table one that the original has not given: beyond twice all those before and a thousand.
async fn leap(tx: &impl ConnectionTrait, table: &str, key: &str) -> Result<()> {
    const BEYOND: &str = "(2 * last / 1000 + 2) * 1000";
    if tx.get_database_backend() == DbBackend::Postgres {
        let leap = format!(
            "SELECT setval(s, {BEYOND}) FROM (SELECT s, greatest(coalesce(pg_sequence_last_value(s), 0), (SELECT coalesce(max({key}), 0) FROM {table})) AS last
             FROM (SELECT pg_get_serial_sequence('{table}', '{key}')::regclass AS s) AS of_table) AS numbers"
        );
        // "insufficient_privilege": a role that may only read and write rows.
        return match query_one(tx, &leap, []).await {
            Err(StoreError::TryLater(error)) if code(&error).as_deref() == Some("42501") => {
                Err(StoreError::Schema(format!(
                    "this database is a copy, and numbers that its original gave must not be given again, which this role cannot see to: run \
                     `ninetosix-worker migrate` as its owner ({error})"
                )))
            }
            leapt => leapt.map(|_| ()),
        };
    }
    // A table that never had a row has none there.
    let known = format!(
        "INSERT INTO sqlite_sequence (name, seq) SELECT '{table}', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '{table}')"
    );
    execute(tx, &known, []).await?;
    let leap = format!(
        "UPDATE sqlite_sequence SET seq = (SELECT {BEYOND} FROM (SELECT seq AS last)) WHERE name = '{table}'"
    );
    execute(tx, &leap, []).await?;
    Ok(())
}

fn copy_of(home: &str) -> &'static str {
    match home {
        BACKUP => "this database was restored from a backup",
        _ => "this database is a copy of another one",
    }
}

fn no_row() -> StoreError {
    StoreError::Row {
        table: "desk",
        id: 1,
        what: "it is not there".to_owned(),
    }
}
