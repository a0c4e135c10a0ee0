//! An open connection with lettre on it: one command, one reply, in time.
//!
//! The reply is the one our stream parsed. lettre's reading must agree with it, or there is no reply.

use std::{fmt::Display, sync::Arc, time::Duration};

use lettre::transport::smtp::{
    Error, client::AsyncSmtpConnection, commands::Rset, response::Response,
};

use super::{
    conversation::{Conversation, Gate, Trouble},
    dotted::Frozen,
    reply::Reply,
    stream::BLOCK,
};

/// See the file's own description. Dropping it drops the connection, without a word to the server.
pub(super) struct Line {
    connection: AsyncSmtpConnection,
    conversation: Arc<Conversation>,
}

impl Line {
    pub(super) fn new(connection: AsyncSmtpConnection, conversation: Arc<Conversation>) -> Self {
        Self {
            connection,
            conversation,
        }
    }

    pub(super) fn conversation(&self) -> &Arc<Conversation> {
        &self.conversation
    }

    /// Says a command and returns its reply, whatever the code. `late` is what to say if it takes longer.
    pub(super) async fn say(
        &mut self,
        command: impl Display,
        within: Duration,
        late: &'static str,
    ) -> Result<Reply, Trouble> {
        self.conversation.forget_reply();
        self.conversation.allow(within, late);
        let heard = self
            .conversation
            .in_time(self.connection.command(command))
            .await?;
        agreed(&self.conversation, heard)
    }

    /// DATA, and what is to follow it if the server agrees.
    pub(super) async fn say_data(
        &mut self,
        frozen: Frozen,
        gate: Gate,
        within: Duration,
    ) -> Result<Reply, Trouble> {
        self.conversation.offer_body(frozen, gate);
        self.say("DATA\r\n", within, "no answer to DATA").await
    }

    /// The body, the gate, the end of data and its reply. The stream moves the limit from step to step.
    pub(super) async fn send_body(&mut self, frozen: &Frozen) -> Result<Reply, Trouble> {
        self.conversation.forget_reply();
        let block = self.conversation.timeouts().block;
        self.conversation
            .allow(block, "the body is not being taken");
        let body = frozen.body().chunks(BLOCK);
        let heard = self
            .conversation
            .in_time(self.connection.message_iter(body))
            .await?;
        agreed(&self.conversation, heard)
    }

    /// RSET (RFC 5321 section 4.1.1.5); true if the connection may carry another letter.
    pub(super) async fn reset(&mut self) -> bool {
        let within = self.conversation.timeouts().reset;
        let reply = self.say(Rset, within, "no answer to RSET").await;
        reply.is_ok_and(|reply| reply.code() == 250) && self.is_sound()
    }

    /// True if nothing has gone wrong on this connection.
    pub(super) fn is_sound(&self) -> bool {
        !self.conversation.has_trouble()
    }

    /// QUIT and an orderly close (RFC 5321 section 4.1.1.10), best effort.
    pub(super) async fn hang_up(mut self) {
        let within = self.conversation.timeouts().quit;
        self.conversation.allow(within, "no answer to QUIT");
        // Dropped in view: whatever comes of it, the connection ends here and nothing hangs on it.
        let _ = self.conversation.in_time(self.connection.abort()).await;
    }
}

/// The reply our stream noted, if lettre read the same one.
pub(super) fn agreed(
    conversation: &Conversation,
    heard: Result<Response, Error>,
) -> Result<Reply, Trouble> {
    let code_heard = match &heard {
        Ok(response) => Some(u16::from(response.code())),
        Err(error) => error.status().map(u16::from),
    };
    match conversation.reply() {
        Some(reply) if code_heard == Some(reply.code()) => Ok(reply),
        Some(_) => Err(Trouble::Malformed(
            "the reply could not be read twice alike".to_owned(),
        )),
        None => Err(conversation
            .trouble()
            .unwrap_or(Trouble::Misuse("no reply and no trouble"))),
    }
}
