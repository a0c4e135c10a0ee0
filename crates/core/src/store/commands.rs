//! Orders of specialists that were given outside business hours and take effect at the opening, in order of writing.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::address;
use super::facts::ticket_facts;
use super::outbox::POLL_GRACE;
use super::registration::{Registrar, insert_event, move_ticket};
use super::{Result, Store, StoreError, execute, query_all, query_one};
use crate::domain::address::EmailAddress;
use crate::domain::registration::{NewEvent, Verb, assignee_after};
use crate::domain::ticket::apply;

/// The orders about tickets of a mailbox that are due; `$1` now, `$2` [`POLL_GRACE`] ago, `$3` the mailbox.
const DUE: &str = "FROM command c JOIN ticket t ON t.number = c.ticket
    WHERE t.mailbox = $3 AND c.applied_at IS NULL AND c.cancelled_at IS NULL AND c.due_at <= $1
    AND (c.due_at <= c.created_at OR c.due_at <= $2 OR EXISTS (SELECT 1 FROM heartbeat h WHERE h.name = 'poll:' || t.mailbox AND h.good_at >= c.due_at))";

/// The values of [`DUE`].
fn due(mailbox: &EmailAddress, now: DateTime<Utc>) -> [Value; 3] {
    [
        now.into(),
        (now - POLL_GRACE).into(),
        mailbox.as_str().into(),
    ]
}

impl Store {
    /// Returns the first moment after which answers or orders of a mailbox's specialists wait for the mailbox to be read.
    pub async fn awaited_read(&self, mailbox: &str) -> Result<Option<DateTime<Utc>>> {
        let select = "SELECT min(w.due_at) AS due_at FROM (
                          SELECT min(l.due_at) AS due_at FROM letter l WHERE l.lane = 'worker' AND l.mailbox = $1 AND l.state IN ('due', 'sending', 'maybe_sent') AND l.put_off
                             AND NOT EXISTS (SELECT 1 FROM heartbeat h WHERE h.name = $2 AND h.good_at >= l.due_at)
                          UNION ALL
                          SELECT min(c.due_at) FROM command c JOIN ticket t ON t.number = c.ticket WHERE t.mailbox = $1 AND c.applied_at IS NULL AND c.cancelled_at IS NULL
                             AND NOT EXISTS (SELECT 1 FROM heartbeat h WHERE h.name = $2 AND h.good_at >= c.due_at)) w";
        let values = [mailbox.into(), format!("poll:{mailbox}").into()];
        let row = query_one(&self.db, select, values).await?;
        Ok(row
            .map(|row| row.try_get("", "due_at"))
            .transpose()?
            .flatten())
    }

    /// Returns whether an order about a ticket of the mailbox is due.
    pub async fn has_due_command(
        &self,
        mailbox: &EmailAddress,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let select = format!("SELECT 1 {DUE} LIMIT 1");
        Ok(query_one(&self.db, &select, due(mailbox, now))
            .await?
            .is_some())
    }

    /// Carries out every order about a ticket of the mailbox that is due, each in a transaction of its own, and returns how many there were. Like an answer
    /// that was put off, an order waits until the mailbox was read after its time: its author may have taken it back.
    pub async fn apply_due_commands(
        &self,
        registrar: Registrar<'_>,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        let desk = registrar.desk;
        let select = format!(
            "SELECT c.id, c.ticket, c.message, c.login, c.verb, c.address {DUE} ORDER BY c.due_at, c.id"
        );
        let mut applied = 0;
        for row in query_all(&self.db, &select, due(registrar.mailbox, now)).await? {
            let (id, number, login, verb): (i64, i64, String, String) = (
                row.try_get("", "id")?,
                row.try_get("", "ticket")?,
                row.try_get("", "login")?,
                row.try_get("", "verb")?,
            );
            let verb = Verb::from_name(&verb).ok_or_else(|| StoreError::Row {
                table: "command",
                id,
                what: format!("unknown verb {verb}"),
            })?;
            let message: i64 = row.try_get("", "message")?;
            let tx = self.begin_write().await?;
            if execute(
                &tx,
                "UPDATE command SET applied_at = $2 WHERE id = $1 AND applied_at IS NULL AND cancelled_at IS NULL",
                [id.into(), now.into()],
            )
            .await?
                == 0
            {
                continue;
            }
            let Some(ticket) = ticket_facts(&tx, number).await? else {
                continue;
            };
            let since = "SELECT 1 FROM message WHERE ticket = $1 AND author = 'requester' AND id > $2 LIMIT 1";
            if verb == Verb::Close
                && query_one(&tx, since, [number.into(), message.into()])
                    .await?
                    .is_some()
            {
                let kept = NewEvent::new("not_closed", &login, "its writer wrote after the order");
                insert_event(&tx, Some(number), kept, now).await?;
                tx.commit().await?;
                continue;
            }
            let address: Option<String> = row.try_get("", "address")?;
            if let Some(address) = address.and_then(|address| EmailAddress::parse(&address)) {
                address::correct(&tx, registrar, number, &address, now).await?;
            }
            let state = apply(ticket.state, verb.event()).to;
            let assignee = match desk.by_login(&login) {
                Some(specialist) => assignee_after(ticket.assignee.as_deref(), &[verb], specialist),
                None => ticket.assignee.clone(),
            };
            move_ticket(&tx, number, state, assignee.as_deref(), now).await?;
            insert_event(
                &tx,
                Some(number),
                NewEvent::new(verb.event_kind(), &login, "given outside business hours"),
                now,
            )
            .await?;
            tx.commit().await?;
            applied += 1;
        }
        Ok(applied)
    }
}
