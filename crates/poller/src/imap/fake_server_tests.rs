//! What hostile, broken and merely unusual servers do to a logged-in connection.

use std::future::{pending, ready};
use std::time::{Duration, Instant};

use super::fake_server::{assert_spent, bodies, envelope, logged_in, uids};
use super::{Envelope, ImapError, Role, Stage};

const IDLE_MAX: Duration = Duration::from_secs(2);

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
