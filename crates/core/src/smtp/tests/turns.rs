//! R13: one command, one reply, in turn. What comes early counts for nothing; what is not one line is not sent.

use lettre::transport::smtp::commands::{Data, Noop};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::{
    pipe::{lettre_on, read_until_end, stream_on, welcome},
    *,
};
use crate::smtp::{
    conversation::{Conversation, Trouble},
    dotted::Frozen,
};

/// The server's side up to EHLO; returns what else it hears.
fn only_hello(mut far: DuplexStream, then_says: &'static [u8]) -> JoinHandle<Vec<u8>> {
    tokio::spawn(async move {
        read_until_end(&mut far, b"EHLO x\r\n").await;
        far.write_all(b"250 x\r\n").await.expect("written");
        // In the pipe before lettre's next word, but behind the reply it is reading.
        tokio::task::yield_now().await;
        far.write_all(then_says).await.expect("written");
        let mut wire = Vec::new();
        far.read_to_end(&mut wire).await.expect("read");
        wire
    })
}

#[tokio::test]
async fn a_command_is_one_line_or_it_is_not_sent() {
    for command in [
        "NOOP",
        "NOOP\r\nDATA\r\n",
        "RCPT TO:<a\nb>\r\n",
        "\r\n",
        "A\0\r\n",
    ] {
        let (near, far) = tokio::io::duplex(1000);
        let conversation = Arc::new(Conversation::new(patient()));
        let server = only_hello(far, b"");
        let mut lettre = lettre_on(stream_on(near, &conversation)).await;
        conversation.allow(Duration::from_secs(5), "it was sent");
        let said = conversation.in_time(lettre.command(command)).await;
        assert!(said.is_ok_and(|reply| reply.is_err()), "{command:?}");
        let misuse = Trouble::Misuse("a command that is not one line");
        assert_eq!(conversation.trouble(), Some(misuse));
        drop(lettre);
        assert_eq!(server.await.expect("the server is well"), b"");
    }
}

#[tokio::test]
async fn a_reply_that_came_before_its_command_does_not_count() {
    let (near, far) = tokio::io::duplex(1000);
    let conversation = Arc::new(Conversation::new(patient()));
    let server = only_hello(far, b"250 not asked\r\n");
    let mut lettre = lettre_on(stream_on(near, &conversation)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(lettre.command(Noop).await.is_err());
    let early = Trouble::Early("250 not asked".to_owned());
    assert_eq!(conversation.trouble(), Some(early));
    drop(lettre);
    assert_eq!(server.await.expect("the server is well"), b"");
}

#[tokio::test]
async fn an_answer_that_came_before_the_body_does_not_count() {
    let (near, mut far) = tokio::io::duplex(1000);
    let conversation = Arc::new(Conversation::new(patient()));
    conversation.offer_body(Frozen::new(b"A: b\r\n".to_vec()), Box::pin(yes()));
    let server = tokio::spawn(async move {
        welcome(&mut far).await;
        tokio::task::yield_now().await;
        far.write_all(b"250 queued\r\n").await.expect("written");
        let mut wire = Vec::new();
        far.read_to_end(&mut wire).await.expect("read");
        wire
    });
    let mut lettre = lettre_on(stream_on(near, &conversation)).await;
    lettre.command(Data).await.expect("go on");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(lettre.message(b"A: b").await.is_err());
    drop(lettre);
    assert_eq!(server.await.expect("the server is well"), b"");
}

#[tokio::test]
async fn an_answer_that_came_before_the_end_of_data_does_not_count() {
    let (near, mut far) = tokio::io::duplex(1000);
    let conversation = Arc::new(Conversation::new(patient()));
    let (open, opened) = oneshot::channel();
    let gate = Box::pin(async { opened.await.map_err(|_| Refusal::new("the test is over")) });
    conversation.offer_body(Frozen::new(b"A: b\r\n".to_vec()), gate);
    let server = tokio::spawn(async move {
        welcome(&mut far).await;
        read_until_end(&mut far, b"A: b").await;
        far.write_all(b"250 2.0.0 queued\r\n")
            .await
            .expect("written");
        open.send(()).expect("the gate waits");
        let mut wire = Vec::new();
        far.read_to_end(&mut wire).await.expect("read");
        wire
    });
    let mut lettre = lettre_on(stream_on(near, &conversation)).await;
    lettre.command(Data).await.expect("go on");
    assert!(lettre.message(b"A: b").await.is_err());
    let early = Trouble::Early("250 2.0.0 queued".to_owned());
    assert_eq!(conversation.trouble(), Some(early));
    assert!(!conversation.end_of_data_written());
    drop(lettre);
    assert_eq!(server.await.expect("the server is well"), b"");
}

#[tokio::test]
async fn a_354_nobody_prepared_for_takes_no_body() {
    let (near, mut far) = tokio::io::duplex(1000);
    let conversation = Arc::new(Conversation::new(patient()));
    let server = tokio::spawn(async move {
        welcome(&mut far).await;
        let mut wire = Vec::new();
        far.read_to_end(&mut wire).await.expect("read");
        wire
    });
    let mut lettre = lettre_on(stream_on(near, &conversation)).await;
    lettre.command(Data).await.expect("go on");
    assert!(lettre.message(b"A: b\r\n\r\nx").await.is_err());
    drop(lettre);
    assert_eq!(server.await.expect("the server is well"), b"");
}
