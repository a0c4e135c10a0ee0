//! What operators are told: raised in the transaction that causes it, ended when it is over, and never told twice by two
//! daemons that met it at once.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};

use super::heartbeat::pulse_name;
use super::new_letter::{Cause, NewRow, insert_letter, is_written};
use super::registration::Registrar;
use super::{Result, Store, execute, query_all, query_one};
use crate::domain::alert::{Alert, ONCE_IN, Until, over};
use crate::domain::language::Words;
use crate::domain::letter::{Kind, Lane};
use crate::domain::text::CleanLine;

/// Alerts are kept so long.
const KEPT: TimeDelta = TimeDelta::days(90);

/// An alert that lasts.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct OpenAlert {
    /// Its row.
    pub id: i64,
    /// The support address it is about; empty for the whole desk.
    pub mailbox: String,
    /// What it is about.
    pub matter: String,
    /// The same in the operator's language.
    pub title: String,
    /// The loop whose next good turn ends it.
    pub pulse: Option<String>,
    /// Since when.
    pub raised_at: DateTime<Utc>,
}

/// What the operator's command is to be told.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Telling {
    /// The alert's row.
    pub id: i64,
    /// The support address it is about; empty for the whole desk.
    pub mailbox: String,
    /// What it is about.
    pub matter: String,
    /// The same in the operator's language.
    pub title: String,
    /// What happened and what to do.
    pub words: String,
    /// Whether it is over.
    pub is_over: bool,
}

impl Store {
    /// Raises an alert about `mailbox` (empty: the whole desk) that ends when its condition does. Returns whether it is new.
    pub async fn raise(
        &self,
        registrar: Registrar<'_>,
        mailbox: &str,
        alert: &Alert,
        until: Until<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let tx = self.begin_write().await?;
        let occasion = Occasion {
            mailbox,
            until,
            since: now - ONCE_IN,
            cause: None,
        };
        let raised = raise(&tx, registrar, alert, occasion, now).await?;
        tx.commit().await?;
        Ok(raised)
    }

    /// Returns what lasts, the oldest first.
    pub async fn open_alerts(&self) -> Result<Vec<OpenAlert>> {
        let select = "SELECT id, mailbox, matter, title, pulse, raised_at FROM alert WHERE over_at IS NULL ORDER BY id";
        let rows = query_all(&self.db, select, []).await?;
        let rows = rows.iter().map(|row| OpenAlert::from_query_result(row, ""));
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// Ends an alert and tells the operator so. Returns whether it lasted until now.
    pub async fn end_alert(
        &self,
        registrar: Registrar<'_>,
        alert: &OpenAlert,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let tx = self.begin_write().await?;
        let title = Words {
            ru: alert.title.clone(),
            en: alert.title.clone(),
        };
        let (title, words) = over(&title, now - alert.raised_at);
        // Later than it began, whatever the clocks say: what ends as it begins is an event.
        let at = now.max(alert.raised_at + TimeDelta::microseconds(1));
        let end = "UPDATE alert SET over_at = $2 WHERE id = $1 AND over_at IS NULL";
        let is_ended = execute(&tx, end, [alert.id.into(), at.into()]).await? == 1;
        if is_ended {
            let language = registrar.desk.language;
            letter(
                &tx,
                registrar,
                title.of(language),
                words.of(language),
                None,
                now,
            )
            .await?;
        }
        tx.commit().await?;
        Ok(is_ended)
    }

    /// Returns whether the letter of this ledger row is set aside.
    pub async fn is_quarantined(&self, ledger_id: i64) -> Result<bool> {
        let select = "SELECT 1 FROM ledger WHERE id = $1 AND outcome = 'quarantined'";
        Ok(query_one(&self.db, select, [ledger_id.into()])
            .await?
            .is_some())
    }

    /// Returns the next thing that the operator's command has not been told, of those that happened after `since`; the caller
    /// is the only one to have it.
    pub async fn take_telling(&self, since: DateTime<Utc>) -> Result<Option<Telling>> {
        let select = "SELECT id, mailbox, matter, title, words, told = 1 AS is_over FROM alert
                      WHERE (told = 0 AND raised_at > $1) OR (told = 1 AND over_at > raised_at AND over_at > $1) ORDER BY id LIMIT 1";
        // Mostly there is nothing to tell, and nobody is kept from writing.
        if query_one(&self.db, select, [since.into()]).await?.is_none() {
            return Ok(None);
        }
        let tx = self.begin_write().await?;
        let lock = match tx.get_database_backend() {
            DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
            _ => "",
        };
        let row = query_one(&tx, &format!("{select}{lock}"), [since.into()]).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let telling = Telling::from_query_result(&row, "")?;
        let update = "UPDATE alert SET told = told + 1 WHERE id = $1";
        execute(&tx, update, [telling.id.into()]).await?;
        tx.commit().await?;
        Ok(Some(telling))
    }

    /// Gives back what the operator's command was not told: it failed.
    pub async fn give_back_telling(&self, telling: &Telling) -> Result<()> {
        let tx = self.begin_write().await?;
        let update = "UPDATE alert SET told = told - 1 WHERE id = $1 AND told = $2";
        let told = if telling.is_over { 2 } else { 1 };
        execute(&tx, update, [telling.id.into(), told.into()]).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// When an alert is raised.
pub(super) struct Occasion<'a> {
    /// The support address it is about; empty for the whole desk.
    pub mailbox: &'a str,
    /// What ends it.
    pub until: Until<'a>,
    /// It is not raised if it was after this.
    pub since: DateTime<Utc>,
    /// What its letter is about, if that has a row.
    pub cause: Option<Cause>,
}

/// Raises what a lane of the mailbox met, until its loop has a good turn, unless it was raised after `since`.
pub(super) async fn raise_of_lane(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    lane: Lane,
    alert: &Alert,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let mailbox = registrar.mailbox.as_str();
    let pulse = pulse_name(lane, mailbox);
    let occasion = Occasion {
        mailbox,
        until: Until::GoodTurn(&pulse),
        since,
        cause: None,
    };
    raise(tx, registrar, alert, occasion, now).await
}

/// Raises an alert in the transaction that causes it, unless it lasts already or was raised lately. Returns whether it is new.
pub(super) async fn raise(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    alert: &Alert,
    occasion: Occasion<'_>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let Occasion {
        mailbox,
        until,
        since,
        cause,
    } = occasion;
    // Both daemons may have met it at the same moment. What a message causes one alone registers, who holds locks of his own.
    if cause.is_none() && tx.get_database_backend() == DbBackend::Postgres {
        execute(tx, "SELECT pg_advisory_xact_lock(96, 1)", []).await?;
    }
    // Of letters set aside one is told, whichever it is.
    let lately = match alert.matter.starts_with("quarantine ") {
        true => "matter LIKE 'quarantine %'",
        false => "matter = $2",
    };
    let known = format!(
        "SELECT 1 FROM alert WHERE mailbox = $1 AND ((matter = $2 AND over_at IS NULL) OR ({lately} AND raised_at > $3)) LIMIT 1"
    );
    let values = [mailbox.into(), alert.matter.as_str().into(), since.into()];
    if query_one(tx, &known, values).await?.is_some() {
        return Ok(false);
    }
    // A letter that was tried again and failed again has had its own.
    if let (Some(Cause::Ledger(id)), Some(address)) = (cause, &registrar.desk.operator)
        && is_written(tx, Kind::Alert, 0, id, address).await?
    {
        return Ok(false);
    }
    let old = "DELETE FROM alert WHERE over_at < $1";
    execute(tx, old, [(now - KEPT).into()]).await?;
    let language = registrar.desk.language;
    let (title, words) = (alert.title.of(language), alert.words.of(language));
    let (pulse, over_at) = match until {
        Until::Told => (None, Some(now)),
        Until::GoodTurn(pulse) => (Some(pulse.to_owned()), None),
        Until::Looked => (None, None),
    };
    let insert = "INSERT INTO alert (mailbox, matter, title, words, pulse, raised_at, over_at, told) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)";
    let values = [
        mailbox.into(),
        alert.matter.as_str().into(),
        title.into(),
        words.into(),
        pulse.into(),
        now.into(),
        over_at.into(),
    ];
    execute(tx, insert, values).await?;
    letter(tx, registrar, title, words, cause, now).await?;
    Ok(true)
}

/// Writes to the operator, if there is one.
async fn letter(
    tx: &impl ConnectionTrait,
    registrar: Registrar<'_>,
    title: &str,
    words: &str,
    cause: Option<Cause>,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(address) = &registrar.desk.operator else {
        return Ok(());
    };
    let cause = match cause {
        Some(cause) => cause,
        None => {
            // Two matters of one moment are two letters.
            let mut at = now;
            while is_written(tx, Kind::Alert, 0, at.timestamp_micros(), address).await? {
                at += TimeDelta::microseconds(1);
            }
            Cause::Moment(at)
        }
    };
    let row = NewRow {
        kind: Kind::Alert,
        cause,
        address,
        name: CleanLine::default(),
        login: None,
        author: None,
        words: Some(format!("{title}\n\n{words}")),
        with_files: false,
        held: None,
        due_at: now,
    };
    insert_letter(tx, registrar, row, now).await?;
    Ok(())
}
