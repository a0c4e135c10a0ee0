//! What the rules of retention name today, and its erasing, a little at a time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::super::{Result, Store, query_all};
use super::act::Erasure;
use super::raw::ids;
use crate::domain::address::EmailAddress;
use crate::domain::retention::{Manner, Rule};

/// How many tickets, or letters without one, are looked for at once.
const AT_ONCE: i64 = 20;

/// The moments before which something must have happened so that a term of `rule` has run out, for one mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The mailbox.
    pub mailbox: &'a EmailAddress,
    /// Of closing, for files.
    pub files: Option<DateTime<Utc>>,
    /// Of closing, for tickets.
    pub tickets: Option<DateTime<Utc>>,
    /// Of arrival, for letters without a ticket.
    pub loose: Option<DateTime<Utc>>,
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// The files of a ticket.
    Files(i64),
    /// A ticket.
    Ticket(i64, Manner),
    /// A letter without a ticket, by its bytes.
    Loose(i64),
}

/// Bytes that came after what they belong to was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// The bytes.
    pub raw: i64,
    /// Whether their copies on the server are to go, as those of what they belong to were.
    pub copies: bool,
}

/// A ticket `t` is closed before `$2`, or merged into one whose content is gone, and nothing is being sent about it.
pub(super) const DUE: &str = "t.erased_at IS NULL
    AND (t.state = 'closed' AND t.closed_at < $2 OR t.state = 'merged' AND EXISTS (SELECT 1 FROM ticket g WHERE g.number = t.merged_into AND g.erased_at IS NOT NULL))
    AND NOT EXISTS (SELECT 1 FROM letter l WHERE l.ticket = t.number AND l.state = 'sending')";
const FILES: &str = "SELECT t.number FROM ticket t WHERE t.mailbox = $1 AND t.erased_at IS NULL AND t.state = 'closed' AND t.closed_at < $2
    AND EXISTS (SELECT 1 FROM message m JOIN attachment a ON a.message = m.id WHERE m.ticket = t.number)
    AND NOT EXISTS (SELECT 1 FROM letter l WHERE l.ticket = t.number AND l.state = 'sending')";
/// Bytes that belong to no ticket by any row, and to no letter that is a copy of one of a ticket. Those that were set aside
/// wait for a person to look at them.
const LOOSE: &str = "SELECT r.id FROM raw_mail r WHERE r.erased_at IS NULL
    AND EXISTS (SELECT 1 FROM ledger l WHERE l.raw_mail_id = r.id AND l.mailbox = $1)
    AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.raw_mail_id = r.id AND (l.ticket IS NOT NULL OR l.outcome IS NULL OR l.outcome = 'quarantined' OR l.internal_date >= $2 OR l.fetched_at >= $2
        OR l.duplicate_of IS NOT NULL AND EXISTS (SELECT 1 FROM ledger f JOIN raw_mail o ON o.id = f.raw_mail_id WHERE f.id = l.duplicate_of AND o.erased_at IS NULL AND o.id <> r.id)))
    AND NOT EXISTS (SELECT 1 FROM message m WHERE m.raw_mail_id = r.id AND m.ticket IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM letter l JOIN message m ON m.id = l.message WHERE m.raw_mail_id = r.id AND l.state = 'sending')";
/// Bytes of rows that belong to something erased, by which nothing waits to be sent; with the mailboxes that hold them, and whether
/// the copies of what was erased were to go.
const LATE: &str = "SELECT DISTINCT l.raw_mail_id AS raw, h.mailbox AS mailbox, CAST(CASE
        WHEN EXISTS (SELECT 1 FROM ledger f JOIN raw_mail o ON o.id = f.raw_mail_id WHERE f.id = l.duplicate_of AND o.unwanted_by IS NOT NULL) THEN 1
        WHEN EXISTS (SELECT 1 FROM message m JOIN raw_mail o ON o.id = m.raw_mail_id WHERE m.ticket = l.ticket AND o.unwanted_by IS NOT NULL) THEN 1
        ELSE 0 END AS BIGINT) AS unwanted
    FROM ledger l JOIN raw_mail r ON r.id = l.raw_mail_id JOIN ledger h ON h.raw_mail_id = r.id WHERE r.erased_at IS NULL AND l.outcome IS NOT NULL
    AND (EXISTS (SELECT 1 FROM ledger f JOIN raw_mail o ON o.id = f.raw_mail_id WHERE f.id = l.duplicate_of AND o.erased_at IS NOT NULL)
      OR EXISTS (SELECT 1 FROM ticket t WHERE t.number = l.ticket AND t.erased_at IS NOT NULL))
    AND NOT EXISTS (SELECT 1 FROM letter w JOIN message m ON m.id = w.message WHERE m.raw_mail_id = l.raw_mail_id AND w.state IN ('due', 'sending', 'maybe_sent'))
    ORDER BY 1";

impl Store {
    /// Returns what is due by these terms, the oldest first: all of it, or only the first few.
    pub async fn due_to_erase(&self, terms: &Terms<'_>, all: bool) -> Result<Vec<Due>> {
        let limit = if all { i64::MAX } else { AT_ONCE };
        let find = async |select: &str, order: &str, before: DateTime<Utc>| {
            let select = format!("{select} ORDER BY {order} LIMIT $3");
            let values: [Value; 3] = [terms.mailbox.as_str().into(), before.into(), limit.into()];
            ids(&self.db, &select, values).await
        };
        let mut due = Vec::new();
        if let (Some(before), Some((_, manner))) = (terms.tickets, terms.rule.tickets) {
            let tickets = format!("SELECT t.number FROM ticket t WHERE t.mailbox = $1 AND {DUE}");
            let found = find(&tickets, "t.number", before).await?;
            due.extend(found.into_iter().map(|number| Due::Ticket(number, manner)));
        }
        if let Some(before) = terms.files {
            let is_going = |number: &i64| {
                due.iter()
                    .any(|due| matches!(due, Due::Ticket(going, _) if going == number))
            };
            let mut found = find(FILES, "t.number", before).await?;
            found.retain(|number| !is_going(number));
            due.extend(found.into_iter().map(Due::Files));
        }
        if let Some(before) = terms.loose {
            let found = find(LOOSE, "r.id", before).await?;
            due.extend(found.into_iter().map(Due::Loose));
        }
        Ok(due)
    }

    /// Erases what is due by these terms. Returns whether it still was: a ticket may have been opened meanwhile.
    pub async fn erase_due(
        &self,
        due: &Due,
        terms: &Terms<'_>,
        copies: bool,
        erasure: Erasure,
    ) -> Result<bool> {
        match due {
            Due::Files(number) => {
                let closed = terms.files.unwrap_or(DateTime::<Utc>::MIN_UTC);
                self.erase_files(*number, closed, copies, erasure).await
            }
            Due::Ticket(number, manner) => {
                let closed = terms.tickets.unwrap_or(DateTime::<Utc>::MIN_UTC);
                self.erase_ticket(*number, *manner, Some(closed), copies, erasure)
                    .await
            }
            Due::Loose(raw) => {
                self.erase_loose(*raw, copies, erasure).await?;
                Ok(true)
            }
        }
    }

    /// Returns the bytes that came after what they belong to was erased: another form of a letter, or a specialist's answer
    /// about a ticket, which quotes it. He is told first that nothing came of it. Their copies on the server go if those of what
    /// they belong to were to go, or if the rules of all their mailboxes say so: these are `with_copies`.
    pub async fn late_to_erase(&self, with_copies: &[&EmailAddress]) -> Result<Vec<Late>> {
        let mut late: BTreeMap<i64, (bool, bool)> = BTreeMap::new();
        for row in query_all(&self.db, LATE, []).await? {
            let mailbox: String = row.try_get("", "mailbox")?;
            let (unwanted, by_rule) = late.entry(row.try_get("", "raw")?).or_insert((false, true));
            *unwanted |= row.try_get::<i64>("", "unwanted")? == 1;
            *by_rule &= with_copies.iter().any(|with| with.as_str() == mailbox);
        }
        let late = late.into_iter().map(|(raw, (unwanted, by_rule))| Late {
            raw,
            copies: unwanted || by_rule,
        });
        Ok(late.collect())
    }

    /// Erases bytes of a letter that came late.
    pub async fn erase_late(&self, late: Late, erasure: Erasure) -> Result<()> {
        self.erase_loose(late.raw, late.copies, erasure).await
    }
}
