//! The mailbox's own folder of sent mail: asked for letters whose end is not known, which then go again or not (rule
//! R24), and given copies of answers where the configuration wants them. No failure here keeps a letter from being read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ninetosix_core::clock::Clock;
use ninetosix_core::domain::address::EmailAddress;
use ninetosix_core::failpoint;
use ninetosix_core::store::Store;
use ninetosix_core::store::sent_folder::{Copy, KEEP_COPY, Question};

use crate::copies::Removing;
use crate::folder::SyncError;
use crate::imap::{Connection, ImapError, Role};

/// Failures one after the other before the folder is left alone, and for how long.
const FAILURES: u32 = 2;
const WITHOUT: Duration = Duration::from_secs(3600);
/// Copies made in one round.
const COPIES: usize = 20;
/// Copies that there can be of one letter: the provider's and ours.
const COPIES_OF_ONE: usize = 2;

/// What it takes to ask the folder, over all connections.
pub(crate) struct SentFolder {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mailbox: EmailAddress,
    /// Failures, one after the other.
    pub(crate) failures: u32,
    /// When it is asked again, where it failed too often.
    pub(crate) again: Option<Instant>,
    /// How the server takes it that copies of erased letters are to go.
    pub(crate) removing: Removing,
}

impl SentFolder {
    /// Asks and gives what there is. Another folder may be open afterwards.
    pub(crate) async fn look(&mut self, connection: &mut Connection) -> Result<(), SyncError> {
        self.questions_and_copies(connection).await?;
        // The mailbox of a copy of the desk is the original's.
        if self.removing.waits() || self.store.quiet().await?.is_some() {
            return Ok(());
        }
        let removed = self.remove_unwanted(connection).await;
        self.removing.done(removed).map(|_| ())
    }

    async fn questions_and_copies(&mut self, connection: &mut Connection) -> Result<(), SyncError> {
        if self.again.is_some_and(|again| again > Instant::now()) {
            return Ok(());
        }
        let now = self.clock.now();
        let mailbox = self.mailbox.as_str();
        let questions = self.store.open_questions(mailbox, now).await?;
        let mut copy = self.store.next_copy(mailbox, now).await?;
        if copy
            .as_ref()
            .is_some_and(|copy| copy.sent_at <= now - KEEP_COPY)
        {
            let copies = self.store.give_up_copies(mailbox, now).await?;
            tracing::warn!(mailbox = %self.mailbox.masked(), copies, "answers of five days ago could not be copied into the folder of sent mail; it is not tried any longer");
            copy = self.store.next_copy(mailbox, now).await?;
        }
        if questions.is_empty() && copy.is_none() {
            return Ok(());
        }
        let done = self.ask_and_give(connection, &questions, copy).await;
        match &done {
            Ok(()) => self.failures = 0,
            Err(SyncError::Imap(error)) => {
                self.failures += 1;
                if self.failures >= FAILURES {
                    self.failures = 0;
                    self.again = Some(Instant::now() + WITHOUT);
                    tracing::warn!(mailbox = %self.mailbox.masked(), %error, "the folder of sent mail cannot be used; for an hour it is left alone");
                }
            }
            Err(SyncError::Store(_)) => {}
        }
        match done {
            // The connection is as good as before.
            Err(SyncError::Imap(ImapError::No { .. } | ImapError::Bad { .. })) => Ok(()),
            done => done,
        }
    }

    /// Removes copies of letters about which everything was erased. A Message-ID of ours is nobody else's; what the server finds
    /// by it is looked at all the same.
    async fn remove_unwanted(&mut self, connection: &mut Connection) -> Result<(), SyncError> {
        let unwanted = self.store.unwanted_sent(self.mailbox.as_str()).await?;
        if unwanted.is_empty() {
            return Ok(());
        }
        let folder = connection.list_special(Role::Sent).await?;
        match &folder {
            // Without UIDPLUS they stay, and wait for a person.
            Some(folder) if !connection.can_expunge() => {
                self.removing.tell_of_no_uidplus(folder, unwanted.len());
                return Ok(());
            }
            Some(folder) => connection.try_select(folder).await?,
            None => {}
        }
        let mut gone = 0;
        for sent in &unwanted {
            let found = match &folder {
                Some(_) => exactly(connection, &sent.message_id).await?,
                None => Vec::new(),
            };
            if found.len() > COPIES_OF_ONE {
                tracing::warn!(
                    letter.id = sent.letter_id,
                    found = found.len(),
                    "the folder of sent mail holds more copies of an erased letter than there can be; they are left alone: remove them by hand"
                );
                self.removing.pause();
                continue;
            }
            if !found.is_empty() {
                connection.expunge(&found).await?;
                gone += 1;
            }
            self.store
                .sent_settled(sent, !found.is_empty(), self.clock.now())
                .await?;
        }
        tracing::info!(
            gone,
            "removed copies of erased letters from the folder of sent mail"
        );
        Ok(())
    }

    async fn ask_and_give(
        &self,
        connection: &mut Connection,
        questions: &[Question],
        mut copy: Option<Copy>,
    ) -> Result<(), SyncError> {
        if questions.is_empty() && copy.is_none() {
            return Ok(());
        }
        let Some(folder) = connection.list_special(Role::Sent).await? else {
            for question in questions {
                self.store.answer(question, false, self.clock.now()).await?;
            }
            return Ok(());
        };
        connection.examine(&folder).await?;
        for question in questions {
            let found = connection.holds_message(&question.message_id).await?;
            tracing::info!(
                letter.id = question.id,
                found,
                "looked for a letter that was not answered in the folder of sent mail"
            );
            self.store.answer(question, found, self.clock.now()).await?;
        }
        for _ in 0..COPIES {
            let Some(wanted) = copy.take() else {
                break;
            };
            // The provider may keep a copy itself, and this one may have been made before a crash.
            if !connection.holds_message(&wanted.message_id).await? {
                connection
                    .append(&folder, wanted.sent_at, &wanted.bytes)
                    .await?;
                failpoint::reach("appended");
                tracing::info!(
                    letter.id = wanted.id,
                    "copied an answer into the folder of sent mail"
                );
            }
            self.store.copied(&wanted).await?;
            copy = self
                .store
                .next_copy(self.mailbox.as_str(), self.clock.now())
                .await?;
        }
        Ok(())
    }
}

/// Returns the messages of the open folder with exactly this Message-ID: servers search for a part of it, and some find more.
async fn exactly(connection: &mut Connection, message_id: &str) -> Result<Vec<u32>, ImapError> {
    let found = match connection.find_message(message_id).await {
        Ok(found) if !found.is_empty() => found,
        Ok(_) | Err(ImapError::Misuse(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let headers = connection.fetch_headers(&found, "MESSAGE-ID").await?;
    let same = headers
        .iter()
        .filter(|one| is_field(&one.lines, message_id));
    Ok(same.map(|one| one.envelope.uid).collect())
}

/// Whether these lines are one field with this Message-ID and nothing else.
fn is_field(lines: &[u8], message_id: &str) -> bool {
    let text = String::from_utf8_lossy(lines);
    let id = text.split_once(':').map(|(_, id)| id.trim());
    id.and_then(|id| id.strip_prefix('<')?.strip_suffix('>')) == Some(message_id)
}

#[cfg(test)]
mod tests {
    use super::is_field;

    #[test]
    fn only_a_field_with_that_id_and_nothing_else_is_ours() {
        let id = "answer.1.2@school.test";
        for (lines, ours) in [
            ("Message-ID: <answer.1.2@school.test>\r\n\r\n", true),
            ("message-id:\r\n\t<answer.1.2@school.test>\r\n\r\n", true),
            ("Message-ID: <xanswer.1.2@school.test>\r\n\r\n", false),
            (
                "Message-ID: <answer.1.2@school.test.example>\r\n\r\n",
                false,
            ),
            (
                "Message-ID: <other@school.test> (<answer.1.2@school.test>)\r\n\r\n",
                false,
            ),
            (
                "Message-ID: <answer.1.2@school.test>\r\nMessage-ID: <other@school.test>\r\n\r\n",
                false,
            ),
            ("\r\n", false),
            ("", false),
        ] {
            assert_eq!(is_field(lines.as_bytes(), id), ours, "{lines}");
        }
    }
}
