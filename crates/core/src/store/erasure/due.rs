//! What the rules of retention name today, and its erasing, a little at a time.

use chrono::{DateTime, Utc};
use sea_orm::Value;

use super::super::{Result, Store};
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

/// Tickets of mailbox `$1` closed before `$2`, or merged into one whose content is gone, about which nothing is being sent.
const TICKETS: &str = "SELECT t.number FROM ticket t WHERE t.mailbox = $1 AND t.erased_at IS NULL
    AND (t.state = 'closed' AND t.closed_at < $2 OR t.state = 'merged' AND EXISTS (SELECT 1 FROM ticket g WHERE g.number = t.merged_into AND g.erased_at IS NOT NULL))
    AND NOT EXISTS (SELECT 1 FROM letter l WHERE l.ticket = t.number AND l.state = 'sending')";
const FILES: &str = "SELECT t.number FROM ticket t WHERE t.mailbox = $1 AND t.erased_at IS NULL AND t.state = 'closed' AND t.closed_at < $2
    AND EXISTS (SELECT 1 FROM message m JOIN attachment a ON a.message = m.id WHERE m.ticket = t.number)
    AND NOT EXISTS (SELECT 1 FROM letter l WHERE l.ticket = t.number AND l.state = 'sending')";
/// Bytes that belong to no ticket by any row, and to no letter that is a copy of one of a ticket.
const LOOSE: &str = "SELECT r.id FROM raw_mail r WHERE r.erased_at IS NULL
    AND EXISTS (SELECT 1 FROM ledger l WHERE l.raw_mail_id = r.id AND l.mailbox = $1)
    AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.raw_mail_id = r.id AND (l.ticket IS NOT NULL OR l.outcome IS NULL OR l.internal_date >= $2 OR l.fetched_at >= $2
        OR l.duplicate_of IS NOT NULL AND EXISTS (SELECT 1 FROM ledger f JOIN raw_mail o ON o.id = f.raw_mail_id WHERE f.id = l.duplicate_of AND o.erased_at IS NULL AND o.id <> r.id)))
    AND NOT EXISTS (SELECT 1 FROM message m WHERE m.raw_mail_id = r.id AND m.ticket IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM letter l JOIN message m ON m.id = l.message WHERE m.raw_mail_id = r.id AND l.state = 'sending')";
/// Bytes of rows that belong to something erased, by which nothing waits to be sent.
const LATE: &str = "SELECT DISTINCT l.raw_mail_id FROM ledger l JOIN raw_mail r ON r.id = l.raw_mail_id WHERE r.erased_at IS NULL AND l.outcome IS NOT NULL
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
            let found = find(TICKETS, "t.number", before).await?;
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

    /// Erases what is due.
    pub async fn erase_due(&self, due: &Due, copies: bool, erasure: Erasure) -> Result<()> {
        match due {
            Due::Files(number) => self.erase_files(*number, copies, erasure).await,
            Due::Ticket(number, manner) => {
                self.erase_ticket(*number, *manner, copies, erasure).await
            }
            Due::Loose(raw) => self.erase_loose(*raw, copies, erasure).await,
        }
    }

    /// Returns the bytes that came after what they belong to was erased: another form of a letter, or a specialist's answer
    /// about a ticket, which quotes it. He is told first that nothing came of it.
    pub async fn late_to_erase(&self) -> Result<Vec<i64>> {
        ids(&self.db, LATE, []).await
    }

    /// Erases bytes of a letter that came late.
    pub async fn erase_late(&self, raw: i64, copies: bool, erasure: Erasure) -> Result<()> {
        self.erase_loose(raw, copies, erasure).await
    }
}
