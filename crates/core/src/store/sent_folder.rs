//! What the mailbox's own folder of sent mail is asked, and what it is given: whether a letter whose end is not known has
//! arrived (rule R24), and copies of answers, where the configuration wants them. The poller does both, for letters of
//! both daemons: it is logged in there.

use chrono::{DateTime, TimeDelta, Utc};

use super::registration::insert_event;
use super::{Result, Store, execute, query_all, query_one};
use crate::domain::letter::Lane;
use crate::domain::registration::NewEvent;

/// A provider may put its copy there some seconds after it took the letter.
const SETTLED: TimeDelta = TimeDelta::seconds(20);
/// How long a copy is kept for a folder that is not there.
pub const KEEP_COPY: TimeDelta = TimeDelta::days(5);
/// Letters looked for at once.
const AT_ONCE: i64 = 50;

/// A letter whose end is not known.
#[derive(Debug, Clone)]
pub struct Question {
    /// Its row.
    pub id: i64,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    fence: i64,
    kind: String,
    ticket: Option<i64>,
}

/// A letter that was sent and is to be copied.
#[derive(Debug, Clone)]
pub struct Copy {
    /// Its row.
    pub id: i64,
    /// Its Message-ID, without brackets.
    pub message_id: String,
    /// When the server took it.
    pub sent_at: DateTime<Utc>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Lets go of letters whose sender died, or was stopped for too long, after their bytes were frozen: their
    /// end-of-data may have been written, which the folder of sent mail may know.
    pub async fn note_unanswered(
        &self,
        lane: Lane,
        mailbox: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let left = "lane = $1 AND mailbox = $2 AND state = 'sending' AND lease_until <= $3 AND frozen IS NOT NULL";
        let values = || [lane.as_str().into(), mailbox.into(), now.into()];
        let select = format!("SELECT 1 FROM letter WHERE {left} LIMIT 1");
        if query_one(&self.db, &select, values()).await?.is_none() {
            return Ok(());
        }
        let update = format!(
            "UPDATE letter SET state = 'maybe_sent', unanswered_at = $3, sent_folder = NULL, holder = NULL, lease_until = NULL, fence = fence + 1 WHERE {left}"
        );
        execute(&self.db, &update, values()).await?;
        Ok(())
    }

    /// Returns the letters from `mailbox` of which the folder of sent mail is to be asked at `now`.
    pub async fn open_questions(&self, mailbox: &str, now: DateTime<Utc>) -> Result<Vec<Question>> {
        let select = "SELECT id, message_id, fence, kind, ticket FROM letter WHERE mailbox = $1 AND lane IN ('poller', 'worker') AND state = 'maybe_sent'
                      AND sent_folder IS NULL AND unanswered_at <= $2 ORDER BY id LIMIT $3";
        let values = [mailbox.into(), (now - SETTLED).into(), AT_ONCE.into()];
        let rows = query_all(&self.db, select, values).await?;
        let question = |row: &sea_orm::QueryResult| {
            Ok(Question {
                id: row.try_get("", "id")?,
                message_id: row.try_get("", "message_id")?,
                fence: row.try_get("", "fence")?,
                kind: row.try_get("", "kind")?,
                ticket: row.try_get("", "ticket")?,
            })
        };
        rows.iter().map(question).collect()
    }

    /// Records what the folder says: a letter that is in it was sent, and does not go again; one that is not goes again.
    /// Who has begun to send it again meanwhile goes on, and nothing is recorded.
    pub async fn answer(&self, question: &Question, found: bool, now: DateTime<Utc>) -> Result<()> {
        let open = "WHERE id = $1 AND fence = $2 AND state = 'maybe_sent' AND sent_folder IS NULL";
        let values = || [question.id.into(), question.fence.into()];
        if !found {
            let absent = format!("UPDATE letter SET sent_folder = 'absent' {open}");
            execute(&self.db, &absent, values()).await?;
            return Ok(());
        }
        let tx = self.begin_write().await?;
        let sent = format!(
            "UPDATE letter SET state = 'sent', sent_at = unanswered_at, sent_folder = 'found', why = 'found in the folder of sent mail', frozen = NULL {open}"
        );
        if execute(&tx, &sent, values()).await? == 1 {
            let detail = format!(
                "{} {}: not answered, found in the folder of sent mail",
                question.kind, question.id
            );
            let event = NewEvent::new("sent", "desk", detail);
            insert_event(&tx, question.ticket, event, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Returns the sent letter from `mailbox` that waits longest to be copied.
    pub async fn next_copy(&self, mailbox: &str, now: DateTime<Utc>) -> Result<Option<Copy>> {
        let select = "SELECT id, message_id, sent_at, frozen FROM letter WHERE mailbox = $1 AND copy = 'wanted' AND sent_at <= $2 ORDER BY sent_at, id LIMIT 1";
        let rows = query_all(&self.db, select, [mailbox.into(), (now - SETTLED).into()]).await?;
        let copy = |row: &sea_orm::QueryResult| {
            let bytes: Option<Vec<u8>> = row.try_get("", "frozen")?;
            Ok(Copy {
                id: row.try_get("", "id")?,
                message_id: row.try_get("", "message_id")?,
                sent_at: row.try_get("", "sent_at")?,
                bytes: bytes.unwrap_or_default(),
            })
        };
        rows.first().map(copy).transpose()
    }

    /// Records that the folder holds the letter, and lets go of its bytes.
    pub async fn copied(&self, copy: &Copy) -> Result<()> {
        let kept =
            "UPDATE letter SET copy = 'kept', frozen = NULL WHERE id = $1 AND copy = 'wanted'";
        execute(&self.db, kept, [copy.id.into()]).await?;
        Ok(())
    }

    /// Lets go of copies that nobody took for [`KEEP_COPY`], and returns how many there were.
    pub async fn give_up_copies(&self, mailbox: &str, now: DateTime<Utc>) -> Result<u64> {
        let old = "UPDATE letter SET copy = 'given_up', frozen = NULL WHERE mailbox = $1 AND copy = 'wanted' AND sent_at <= $2";
        execute(&self.db, old, [mailbox.into(), (now - KEEP_COPY).into()]).await
    }
}
