//! Fetching from servers that send too much, too little or something else.

use super::fake_server::{bodies, envelope, logged_in, uids};

#[tokio::test]
async fn messages_nobody_asked_for_are_passed_over() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        let size = |uid: u32, size: u32| format!("* 1 FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE \"17-Jul-2025 02:44:25 +0300\")");
        let answer = format!("{}|{}|* 1 FETCH (RFC822.SIZE 5)|{}|{}|TAG OK", size(9, 10), size(6, 11), size(4, 12), size(4, 13));
        peer.on("UID FETCH 4,6 (UID RFC822.SIZE INTERNALDATE)", &answer).await;
        let body = |uid: u32, text: &str| format!("* 1 FETCH (UID {uid} BODY[] {{{}}}\r\n{text})", text.len());
        let answer = format!("{}|{}|{}|* 2 FETCH (BODY[] {{1}}\r\nx)|TAG OK", body(5, "stray"), body(4, "mine"), body(4, "again"));
        peer.on("UID FETCH 4,6 (UID BODY.PEEK[])", &answer).await;
    })
    .await;
    let sizes = connection.fetch_sizes(&[6, 4, 6]).await.expect("sizes");
    assert_eq!(
        sizes
            .iter()
            .map(|message| (message.uid, message.size))
            .collect::<Vec<_>>(),
        [(4, 12), (6, 11)]
    );
    assert_eq!(
        sizes[0]
            .internal_date
            .map(|date| date.to_rfc3339())
            .as_deref(),
        Some("2025-07-16T23:44:25+00:00")
    );
    let (taken, missing) = bodies(&mut connection, &sizes).await;
    assert_eq!(
        (uids(&taken), taken[0].bytes.as_slice()),
        (vec![4], &b"mine"[..])
    );
    assert_eq!(missing.expect("OK"), [6]);
    server.await.expect("script");
}

#[tokio::test]
async fn a_message_served_as_nothing_is_missing() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        let answer = "* 1 FETCH (UID 1 BODY[] NIL)|* 2 FETCH (UID 2 BODY[] {0}\r\n)|* 3 FETCH (UID 3 BODY[] \"\")|* 4 FETCH (UID 4 BODY[] \"tiny\")|TAG OK";
        peer.on("UID FETCH 1:5 (UID BODY.PEEK[])", answer).await;
    })
    .await;
    let sizes = [(1, 9), (2, 9), (3, 0), (4, 4), (5, 9)].map(|(uid, size)| envelope(uid, size));
    let (taken, missing) = bodies(&mut connection, &sizes).await;
    assert_eq!(
        (uids(&taken), missing.expect("OK")),
        (vec![3, 4], vec![1, 2, 5])
    );
    server.await.expect("script");
}

#[tokio::test]
async fn a_large_message_comes_in_parts() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.on(
            "UID FETCH 2 (UID BODY.PEEK[])",
            "* 2 FETCH (UID 2 BODY[] {2}\r\nhi)|TAG OK",
        )
        .await;
        for (offset, length) in [(0, 1000), (1000, 1000), (2000, 500)] {
            let part = format!(
                "* 1 FETCH (UID 1 BODY[]<{offset}> {{{length}}}\r\n{})|TAG OK",
                "x".repeat(length)
            );
            peer.on(
                &format!("UID FETCH 1 (UID BODY.PEEK[]<{offset}.1000>)"),
                &part,
            )
            .await;
        }
        peer.on("UID FETCH 3 (UID BODY.PEEK[]<0.1000>)", "TAG OK gone")
            .await;
        peer.on(
            "UID FETCH 4 (UID BODY.PEEK[]<0.16>)",
            "* 1 FETCH (UID 4 BODY[]<0> {16}\r\nSubject: so long)|TAG OK",
        )
        .await;
    })
    .await;
    let (taken, missing) = bodies(
        &mut connection,
        &[envelope(1, 2500), envelope(2, 2), envelope(3, 5000)],
    )
    .await;
    assert_eq!(uids(&taken), [2, 1]);
    assert_eq!(
        (taken[1].bytes.len(), missing.expect("OK")),
        (2500, vec![3])
    );
    let start = connection.fetch_start(4, 16).await.expect("OK");
    assert_eq!(start.as_deref(), Some(&b"Subject: so long"[..]));
    server.await.expect("script");
}

#[tokio::test]
async fn header_lines_come_with_size_and_date() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        let answer = "* 1 FETCH (UID 1 RFC822.SIZE 9 INTERNALDATE \"17-Jul-2025 02:44:25 +0000\" BODY[HEADER.FIELDS (MESSAGE-ID)] {21}\r\nMessage-ID: <a@b>\r\n\r\n)|TAG OK";
        peer.on("UID FETCH 1:2 (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", answer).await;
    })
    .await;
    let headers = connection
        .fetch_headers(&[1, 2], "MESSAGE-ID")
        .await
        .expect("OK");
    assert_eq!(headers.len(), 1);
    assert_eq!(
        (headers[0].envelope.size, headers[0].lines.as_slice()),
        (9, &b"Message-ID: <a@b>\r\n\r\n"[..])
    );
    server.await.expect("script");
}

#[tokio::test]
async fn endless_header_lines_are_kept_short() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        let answer = format!(
            "* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[HEADER.FIELDS (SUBJECT)] {{50000}}\r\n{})|TAG OK",
            "x".repeat(50_000)
        );
        peer.hear().await;
        peer.say(&answer).await;
    })
    .await;
    let headers = connection.fetch_headers(&[1], "SUBJECT").await.expect("OK");
    assert_eq!(headers[0].lines.len(), 4096);
    server.await.expect("script");
}
