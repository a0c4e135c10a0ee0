//! What is asked of the folder of sent mail: whether a letter is in it, and to take one.

use async_imap::imap_proto::{MailboxDatum, Response};
use chrono::{DateTime, Utc};

use super::connection::Connection;
use super::error::{ImapError, Stage};
use super::folder::Folder;
use super::names::{folder_argument, is_quotable, quoted};

/// Bytes written at once: each piece has its own time limit.
const PIECE: usize = 64 * 1024;
/// Messages with one Message-ID that are believed.
const MOST_FOUND: usize = 100;

impl Connection {
    /// Opens a folder for looking only (RFC 3501 section 6.3.2). Whoever waits for news of another selects that again.
    ///
    /// # Errors
    /// [`ImapError::No`] if there is no such folder; the connection is as good as before.
    pub async fn examine(&mut self, folder: &str) -> Result<(), ImapError> {
        self.wire.folder = Folder::default();
        let result = self
            .wire
            .command("EXAMINE", &folder_argument(folder), 0, |_| {})
            .await;
        self.as_good_as_before(result)
    }

    /// Returns whether the folder that is open holds a message with this Message-ID, given without brackets
    /// (RFC 3501 section 6.4.4).
    ///
    /// # Errors
    /// [`ImapError::Misuse`] if no Message-ID is like this; [`ImapError::No`] if the server does not look for header
    /// fields; the connection is as good as before.
    pub async fn holds_message(&mut self, message_id: &str) -> Result<bool, ImapError> {
        Ok(!self.find_message(message_id).await?.is_empty())
    }

    /// Returns the UIDs of the messages in the open folder that have this Message-ID, given without brackets.
    ///
    /// # Errors
    /// As [`Connection::holds_message`].
    pub async fn find_message(&mut self, message_id: &str) -> Result<Vec<u32>, ImapError> {
        if message_id.is_empty() || !is_quotable(message_id) {
            return Err(ImapError::Misuse("no Message-ID"));
        }
        let mut found = Vec::new();
        let key = format!("HEADER Message-ID {}", quoted(&format!("<{message_id}>")));
        let result = self
            .wire
            .command("UID SEARCH", &key, 0, |response| {
                if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                    found.extend(uids.iter().copied().take(MOST_FOUND));
                }
            })
            .await;
        self.as_good_as_before(result).map(|()| found)
    }

    /// Puts a message into a folder, marked as read, under the date `at` (RFC 3501 section 6.3.11).
    ///
    /// # Errors
    /// [`ImapError::No`] if the folder does not take it; the connection is as good as before.
    pub async fn append(
        &mut self,
        folder: &str,
        at: DateTime<Utc>,
        message: &[u8],
    ) -> Result<(), ImapError> {
        let result = self.append_whole(folder, at, message).await;
        self.as_good_as_before(result)
    }

    async fn append_whole(
        &mut self,
        folder: &str,
        at: DateTime<Utc>,
        message: &[u8],
    ) -> Result<(), ImapError> {
        const NAME: &str = "APPEND";
        let arguments = format!(
            "{} (\\Seen) \"{}\" {{{}}}",
            folder_argument(folder),
            at.format("%d-%b-%Y %H:%M:%S +0000"),
            message.len()
        );
        let mut exchange = self.wire.begin(NAME, &arguments).await?;
        let asked = self.wire.next(&mut exchange, |response| {
            matches!(response, Response::Continue(_)).then_some(())
        });
        if asked.await?.is_none() {
            return Err(self.wire.spoil("APPEND that ends before it began"));
        }
        for piece in message.chunks(PIECE).chain([&b"\r\n"[..]]) {
            self.wire.send(piece, Stage::Command(NAME)).await?;
        }
        self.wire
            .next(&mut exchange, |_| None::<()>)
            .await
            .map(|_| ())
    }

    /// Goes on after a refusal: its answer was read to the end.
    fn as_good_as_before<T>(&mut self, result: Result<T, ImapError>) -> Result<T, ImapError> {
        if let Err(ImapError::No { .. } | ImapError::Bad { .. }) = &result {
            self.wire.forgive();
        }
        result
    }
}
