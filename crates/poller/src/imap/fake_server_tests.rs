//! What hostile, broken and merely unusual servers do to a logged-in connection.

use std::future::{pending, ready};
use std::time::{Duration, Instant};

use super::fake_server::{CAPABILITIES, fake, logged_in, open};
use super::{Connection, Envelope, ImapError, RawMail, Role, Stage};

const IDLE_MAX: Duration = Duration::from_secs(2);

fn envelope(uid: u32, size: u32) -> Envelope {
    Envelope {
        uid,
        size,
        internal_date: None,
    }
}

/// Fetches bodies into a list; also what was missing, or the error.
async fn bodies(
    connection: &mut Connection,
    messages: &[Envelope],
) -> (Vec<RawMail>, Result<Vec<u32>, ImapError>) {
    let mut taken = Vec::new();
    let missing = connection
        .fetch_bodies(messages, |message| {
            taken.push(message);
            ready(())
        })
        .await;
    (taken, missing)
}

fn uids(messages: &[RawMail]) -> Vec<u32> {
    messages.iter().map(|message| message.uid).collect()
}

/// The connection is spent, and says so without a word to the server.
async fn assert_spent(connection: &mut Connection) {
    assert!(matches!(connection.noop().await, Err(ImapError::Lost(_))));
    assert!(matches!(
        connection.search_from(1).await,
        Err(ImapError::Lost(_))
    ));
    assert!(matches!(
        connection.idle(IDLE_MAX, pending()).await,
        Err(ImapError::Lost(_))
    ));
}

// --- answers that are no success -----------------------------------------------------------------

#[tokio::test]
async fn a_no_in_mid_fetch_is_an_error_after_the_messages_that_came() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.on("UID FETCH 1:5 (UID BODY.PEEK[])", "* 1 FETCH (UID 1 BODY[] {3}\r\none)|* 2 FETCH (UID 2 BODY[] {3}\r\ntwo)|TAG NO [SERVERBUG] Internal error").await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    let messages: Vec<Envelope> = (1..=5).map(|uid| envelope(uid, 3)).collect();
    let (taken, missing) = bodies(&mut connection, &messages).await;
    assert_eq!(uids(&taken), [1, 2]);
    assert_eq!(taken[1].bytes, b"two");
    match missing {
        Err(ImapError::No {
            command: "UID FETCH",
            text,
        }) => assert_eq!(text, "[SERVERBUG] Internal error"),
        other => unreachable!("{other:?}"),
    }
    assert_spent(&mut connection).await;
    drop(connection);
    server.await.expect("script");
}

#[tokio::test]
async fn a_clean_close_before_the_tag_is_a_lost_connection() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.on("UID SEARCH UID 1:*", "* SEARCH 1 2 3").await;
    })
    .await;
    assert!(matches!(
        connection.search_from(1).await,
        Err(ImapError::Lost(Stage::Command("UID SEARCH")))
    ));
    assert_spent(&mut connection).await;
    server.await.expect("script");
}

#[tokio::test]
async fn a_bad_a_bye_and_a_foreign_tag_are_errors() {
    for (answer, expected) in [
        ("TAG BAD what?", "NOOP was answered BAD: what?"),
        ("* BYE shutting down", "the connection was lost (NOOP)"),
        (
            "A1 OK done",
            "the server broke the protocol: an answer to no command of ours",
        ),
        (
            "+ go on",
            "the server broke the protocol: NOOP was answered with `+`",
        ),
        (
            "TAG PREAUTH done",
            "the server broke the protocol: NOOP ended in neither OK, NO nor BAD",
        ),
    ] {
        let (mut connection, server) =
            logged_in(move |mut peer| async move { peer.on("NOOP", answer).await }).await;
        let error = connection.noop().await.expect_err("no success");
        assert_eq!(error.to_string(), expected);
        assert_spent(&mut connection).await;
        server.await.expect("script");
    }
}

#[tokio::test]
async fn a_call_dropped_half_way_spends_the_connection() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.on(
            "UID FETCH 9 (UID RFC822.SIZE INTERNALDATE)",
            "* 1 FETCH (UID 9 RFC822.SIZE 5)",
        )
        .await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    tokio::select! {
        _ = connection.fetch_sizes(&[9]) => unreachable!("no tag was sent"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
    assert_spent(&mut connection).await;
    drop(connection);
    server.await.expect("script");
}

#[tokio::test]
async fn a_misuse_leaves_the_connection_as_it_was() {
    let (mut connection, server) =
        logged_in(|mut peer| async move { peer.on("NOOP", "TAG OK").await }).await;
    assert!(matches!(
        connection.store_flags(&[1], "+FLAGS (a\r\nb)").await,
        Err(ImapError::Misuse(_))
    ));
    assert!(matches!(
        connection.fetch_headers(&[1], "A B").await,
        Err(ImapError::Misuse(_))
    ));
    let (_, missing) = bodies(&mut connection, &[envelope(1, 100_001)]).await;
    assert!(matches!(missing, Err(ImapError::Misuse(_))));
    assert!(!connection.noop().await.expect("still good"));
    server.await.expect("script");
}

#[tokio::test]
async fn a_spawned_task_can_make_every_call() {
    let (mut connection, server) = logged_in(|_| async {}).await;
    server.await.expect("script");
    let task = tokio::spawn(async move {
        assert!(connection.select("INBOX").await.is_err());
        assert!(connection.search_from(1).await.is_err());
        assert!(connection.fetch_sizes(&[1]).await.is_err());
        assert!(connection.fetch_headers(&[1], "Subject").await.is_err());
        assert!(
            connection
                .fetch_bodies(&[envelope(1, 1)], |_| ready(()))
                .await
                .is_err()
        );
        assert!(connection.fetch_start(1, 1).await.is_err());
        assert!(connection.store_flags(&[1], "+FLAGS (a)").await.is_err());
        assert!(connection.move_to(&[1], "Done").await.is_err());
        assert!(connection.list_special(Role::Junk).await.is_err());
        assert!(connection.noop().await.is_err());
        assert!(connection.idle(IDLE_MAX, pending()).await.is_err());
        connection.logout().await;
    });
    task.await.expect("no panic");
}

// --- silence, trickles and floods ------------------------------------------------------------------

#[tokio::test]
async fn a_silent_server_is_left_in_time() {
    let (mut connection, _server) = logged_in(|mut peer| async move {
        peer.on("NOOP", "* 1 EXISTS").await;
        peer.rest().await;
    })
    .await;
    let begun = Instant::now();
    assert!(matches!(
        connection.noop().await,
        Err(ImapError::Timeout(Stage::Command("NOOP")))
    ));
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_spent(&mut connection).await;
}

#[tokio::test]
async fn a_trickle_is_left_in_time_and_a_slow_line_is_not() {
    let (mut connection, _server) = logged_in(|mut peer| async move {
        // Slower than the read timeout in all, but above 1 KiB a second.
        peer.hear().await;
        peer.send("* 1 FETCH (UID 1 BODY[] {20000}\r\n").await;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            peer.send([b'x'; 2000]).await;
        }
        peer.say(")|TAG OK").await;
        // A byte now and then.
        peer.hear().await;
        for byte in b"* OK still here ".iter().cycle() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            peer.send([*byte]).await;
        }
    })
    .await;
    let (taken, missing) = bodies(&mut connection, &[envelope(1, 1000)]).await;
    assert_eq!(
        (taken[0].bytes.len(), missing.expect("slow is fine").len()),
        (20_000, 0)
    );
    let begun = Instant::now();
    assert!(matches!(
        connection.noop().await,
        Err(ImapError::Timeout(_))
    ));
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn endless_small_talk_ends_with_the_command() {
    let (mut connection, _server) = logged_in(|mut peer| async move {
        peer.hear().await;
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            peer.say("* OK still searching").await;
        }
    })
    .await;
    let begun = Instant::now();
    assert!(matches!(
        connection.noop().await,
        Err(ImapError::Timeout(_))
    ));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn time_spent_by_our_own_side_on_a_message_is_not_the_servers() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        let answer = "* 1 FETCH (UID 1 BODY[] {1}\r\na)|* 2 FETCH (UID 2 BODY[] {1}\r\nb)|TAG OK";
        peer.on("UID FETCH 1:2 (UID BODY.PEEK[])", answer).await;
    })
    .await;
    let missing = connection
        .fetch_bodies(&[envelope(1, 1), envelope(2, 1)], |_| {
            tokio::time::sleep(Duration::from_millis(400))
        })
        .await;
    assert!(missing.expect("the server was quick").is_empty());
    server.await.expect("script");
}

#[tokio::test]
async fn a_flood_of_responses_is_cut() {
    let (mut connection, _server) = logged_in(|mut peer| async move {
        peer.hear().await;
        peer.send("* 1 FETCH (FLAGS ())\r\n".repeat(501)).await;
        peer.rest().await;
    })
    .await;
    let error = connection.noop().await.expect_err("too much");
    assert_eq!(
        error.to_string(),
        "the server broke the protocol: more than 500 responses to NOOP"
    );
}

#[tokio::test]
async fn oversized_literals_and_lines_are_refused_at_their_announcement() {
    for (answer, reason) in [
        (
            "* 1 FETCH (UID 1 BODY[] {530000000}".to_owned(),
            "a literal of 530000000 bytes where 100000 are allowed",
        ),
        (
            "* 1 FETCH (UID 1 BODY[] {1000000000000000000000000000000}".to_owned(),
            "a literal of 18446744073709551615 bytes where 100000 are allowed",
        ),
        (
            "* 1 FETCH (UID 1 FOO x{50}".to_owned(),
            "an unreadable response: * 1 FETCH (UID 1 FOO x{50}",
        ),
        (
            format!("* 1 FETCH (UID 1 BODYSTRUCTURE {}", "(".repeat(50_000)),
            "a response with more than 64 lists",
        ),
        (
            format!("* SEARCH{}", " 1".repeat(40_000)),
            "a response of more than 65536 bytes without its literals",
        ),
    ] {
        let (mut connection, server) = logged_in(move |mut peer| async move {
            peer.hear().await;
            peer.say(&answer).await;
            peer.rest().await;
        })
        .await;
        let (taken, missing) = bodies(&mut connection, &[envelope(1, 10)]).await;
        assert!(taken.is_empty());
        assert_eq!(
            missing.expect_err("refused").to_string(),
            format!("the server broke the protocol: {reason}")
        );
        assert_spent(&mut connection).await;
        drop(connection);
        server.await.expect("script");
    }
}

#[tokio::test]
async fn answers_that_make_the_parser_panic_are_errors() {
    for answer in ["* 1 FETCH (UID 1 INTERNALDATE NIL)", "* OK [ALERT]ё"] {
        let (mut connection, _server) =
            logged_in(move |mut peer| async move { peer.on("NOOP", answer).await }).await;
        assert!(
            matches!(connection.noop().await, Err(ImapError::Protocol(_))),
            "{answer}"
        );
        assert_spent(&mut connection).await;
    }
}

#[tokio::test]
async fn an_error_never_repeats_a_message() {
    let (mut connection, _server) = logged_in(|mut peer| async move {
        // The literal is announced too short, so the message runs into the protocol.
        peer.on(
            "UID FETCH 1 (UID BODY.PEEK[])",
            "* 1 FETCH (UID 1 BODY[] {9}\r\nSubject: my PIN is 1234",
        )
        .await;
        peer.rest().await;
    })
    .await;
    let (_, missing) = bodies(&mut connection, &[envelope(1, 30)]).await;
    let error = missing.expect_err("nonsense");
    assert!(!format!("{error} {error:?}").contains("1234"), "{error:?}");
}

// --- fetching ----------------------------------------------------------------------------------

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

// --- folders, searching, marking -----------------------------------------------------------------

#[tokio::test]
async fn a_search_is_sorted_and_begins_where_asked() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.select(4).await;
        peer.on("UID SEARCH UID 5:*", "* SEARCH 9 7 3|* SEARCH 7 5 |TAG OK")
            .await;
        peer.on("UID SEARCH UID 10:*", "* SEARCH 9|TAG OK").await;
        peer.on("UID SEARCH UID 1:*", "TAG OK nothing").await;
    })
    .await;
    let selected = connection.select("INBOX").await.expect("open");
    assert_eq!(
        (selected.uidvalidity, selected.uidnext, selected.exists),
        (7, None, 4)
    );
    assert_eq!(connection.search_from(5).await.expect("OK"), [5, 7, 9]);
    assert_eq!(connection.search_from(10).await.expect("OK"), [0; 0]);
    assert_eq!(connection.search_from(0).await.expect("OK"), [0; 0]);
    server.await.expect("script");
}

#[tokio::test]
async fn a_full_folder_is_listed_line_by_line() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.select(6000).await;
        let lines: String = (1..=6000)
            .map(|uid| format!("* {uid} FETCH (UID {})\r\n", 3 * uid))
            .collect();
        assert_eq!(peer.hear().await, "UID FETCH 4:* (UID)");
        peer.send(lines).await;
        peer.say("TAG OK").await;
    })
    .await;
    connection.select("INBOX").await.expect("open");
    let found = connection.search_from(4).await.expect("OK");
    assert_eq!((found.len(), found[0], found[5998]), (5999, 6, 18_000));
    server.await.expect("script");
}

#[tokio::test]
async fn a_search_refused_in_an_empty_folder_finds_nothing() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.select(0).await;
        peer.on(
            "UID SEARCH UID 1:*",
            "TAG BAD The specified message set is invalid.",
        )
        .await;
        peer.on("NOOP", "* 1 EXISTS|TAG OK").await;
        peer.on(
            "UID SEARCH UID 1:*",
            "TAG BAD The specified message set is invalid.",
        )
        .await;
    })
    .await;
    connection.select("INBOX").await.expect("open");
    assert!(connection.search_from(1).await.expect("empty").is_empty());
    assert!(connection.noop().await.expect("OK"), "a message came");
    assert!(matches!(
        connection.search_from(1).await,
        Err(ImapError::Bad { .. })
    ));
    server.await.expect("script");
}

#[tokio::test]
async fn a_folder_without_uidvalidity_is_not_worked_on() {
    let (mut connection, _server) = logged_in(|mut peer| async move {
        peer.on(
            "SELECT \"&BCEEPwQwBDw-\"",
            "* 1 EXISTS|* OK [UIDVALIDITY 99999999999] hm|TAG OK",
        )
        .await;
        peer.rest().await;
    })
    .await;
    assert!(matches!(
        connection.select("Спам").await,
        Err(ImapError::Protocol(_))
    ));
    assert_spent(&mut connection).await;
}

#[tokio::test]
async fn moving_without_move_copies_and_expunges_exactly_these() {
    for (capabilities, last) in [
        ("IMAP4rev1 UIDPLUS", "UID EXPUNGE 3:4,8"),
        ("IMAP4rev1", "NOOP"),
        (CAPABILITIES, ""),
    ] {
        let (server, playing) = fake(move |mut peer| async move {
            peer.log_in(capabilities).await;
            if last.is_empty() {
                peer.on(
                    "UID MOVE 3:4,8 \"Done\"",
                    "* OK [COPYUID 7 3:4,8 1:3] Moved|* 3 EXPUNGE|TAG OK",
                )
                .await;
                return;
            }
            peer.on("UID COPY 3:4,8 \"Done\"", "TAG OK").await;
            peer.on("UID STORE 3:4,8 +FLAGS.SILENT (\\Deleted)", "TAG OK")
                .await;
            peer.on(last, "TAG OK").await;
        })
        .await;
        let mut connection = open(&server).await.expect("logged in");
        assert_eq!(connection.supports_move(), last.is_empty());
        connection.move_to(&[3, 4, 8], "Done").await.expect("moved");
        if last == "NOOP" {
            connection.noop().await.expect("nothing was expunged");
        }
        playing.await.expect("script");
    }
}

#[tokio::test]
async fn flags_are_stored_and_a_no_is_told() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.on(
            "UID STORE 1:3 +FLAGS (\\Seen)",
            "* 1 FETCH (FLAGS (\\Seen))|TAG OK",
        )
        .await;
        peer.on(
            "UID STORE 1 +FLAGS (Kept)",
            "TAG NO [CANNOT] no keywords here",
        )
        .await;
    })
    .await;
    connection
        .store_flags(&[1, 2, 3], r"+FLAGS (\Seen)")
        .await
        .expect("stored");
    let error = connection
        .store_flags(&[1], "+FLAGS (Kept)")
        .await
        .expect_err("refused");
    assert_eq!(
        error.to_string(),
        "UID STORE was answered NO: [CANNOT] no keywords here"
    );
    server.await.expect("script");
}

#[tokio::test]
async fn the_marked_junk_folder_goes_before_one_so_named() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        let answer = r#"* LIST () "/" Spam|* LIST () "/" Junk|* LIST (\Junk) "/" "&BB0ENQQ2BDUEOwQwBEI-"|TAG OK"#;
        peer.on(r#"LIST "" "*""#, answer).await;
        peer.on(r#"LIST "" "*""#, r#"* LIST () "/" Spam|* LIST () "/" Junk|TAG OK"#).await;
        peer.on(r#"LIST "" "*""#, r#"* LIST () "/" INBOX|TAG OK"#).await;
    })
    .await;
    assert_eq!(
        connection
            .list_special(Role::Junk)
            .await
            .expect("OK")
            .as_deref(),
        Some("Нежелат")
    );
    assert_eq!(
        connection
            .list_special(Role::Junk)
            .await
            .expect("OK")
            .as_deref(),
        Some("Spam")
    );
    assert_eq!(connection.list_special(Role::Junk).await.expect("OK"), None);
    server.await.expect("script");
}
