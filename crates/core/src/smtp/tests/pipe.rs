//! Our stream on an in-memory pipe: for tests of single bytes and single turns, with lettre above it or not.

use std::sync::Arc;

use lettre::transport::smtp::{client::AsyncSmtpConnection, extension::ClientId};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::smtp::{conversation::Conversation, reply::ReplyReader, stream::GatedStream};

/// Our stream on one end of a pipe, with a `220` for lettre to read.
pub(super) fn stream_on(
    near: DuplexStream,
    conversation: &Arc<Conversation>,
) -> GatedStream<DuplexStream> {
    let (greeting, _) = ReplyReader::default()
        .feed(b"220 x\r\n")
        .ok()
        .flatten()
        .expect("a greeting");
    let peer = ([127, 0, 0, 1], 25).into();
    GatedStream::new(near, peer, &greeting, Arc::clone(conversation))
}

pub(super) async fn lettre_on(stream: GatedStream<DuplexStream>) -> AsyncSmtpConnection {
    let name = ClientId::Domain("x".to_owned());
    AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name)
        .await
        .expect("greeted")
}

/// Reads until the bytes end like this.
pub(super) async fn read_until_end(far: &mut DuplexStream, end: &[u8]) -> Vec<u8> {
    let mut got = Vec::new();
    while !got.ends_with(end) {
        got.push(far.read_u8().await.expect("the client is there"));
    }
    got
}

/// The server's side up to its `354`.
pub(super) async fn welcome(far: &mut DuplexStream) {
    read_until_end(far, b"EHLO x\r\n").await;
    far.write_all(b"250 x\r\n").await.expect("written");
    read_until_end(far, b"DATA\r\n").await;
    far.write_all(b"354 go\r\n").await.expect("written");
}
