//! Asking the folder of sent mail and giving it a copy, with servers of every mood.

use chrono::DateTime;

use super::ImapError;
use super::fake_server::{assert_spent, logged_in};

#[tokio::test]
async fn a_message_is_looked_for_by_its_id_in_a_folder_that_is_only_looked_at() {
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.on("EXAMINE \"Sent\"", "* 3 EXISTS|TAG OK [READ-ONLY] ok")
            .await;
        peer.on(
            "UID SEARCH HEADER Message-ID \"<answer.1.2@school.test>\"",
            "* SEARCH 3|TAG OK",
        )
        .await;
        peer.on(
            "UID SEARCH HEADER Message-ID \"<answer.1.3@school.test>\"",
            "* SEARCH|TAG OK",
        )
        .await;
        peer.on(
            "UID SEARCH HEADER Message-ID \"<answer.1.4@school.test>\"",
            "TAG NO [CANNOT] not here",
        )
        .await;
        peer.on("EXAMINE \"Gone\"", "TAG NO no such folder").await;
        peer.on("NOOP", "TAG OK").await;
    })
    .await;
    connection.examine("Sent").await.expect("open");
    let mut holds = async |id| connection.holds_message(id).await;
    assert!(holds("answer.1.2@school.test").await.expect("OK"));
    assert!(!holds("answer.1.3@school.test").await.expect("OK"));
    for bad in ["", "a\r\nN1 LOGOUT", "я@школа"] {
        assert!(
            matches!(holds(bad).await, Err(ImapError::Misuse(_))),
            "{bad}"
        );
    }
    assert!(matches!(
        holds("answer.1.4@school.test").await,
        Err(ImapError::No { .. })
    ));
    assert!(matches!(
        connection.examine("Gone").await,
        Err(ImapError::No { .. })
    ));
    connection.noop().await.expect("as good as before");
    server.await.expect("script");
}

#[tokio::test]
async fn a_copy_is_given_whole_once_the_server_asks_for_it() {
    let mail = b"Subject: x\r\n\r\nN1 LOGOUT\r\n.\r\n".repeat(5000);
    let expected = mail.clone();
    let (mut connection, server) = logged_in(|mut peer| async move {
        let announced = format!(
            "APPEND \"Sent\" (\\Seen) \"05-Nov-2026 07:14:00 +0000\" {{{}}}",
            expected.len()
        );
        assert_eq!(peer.hear().await, announced);
        peer.say("+ go on").await;
        assert!(peer.hear_bytes(expected.len()).await == expected);
        assert_eq!(peer.hear_line().await, "");
        peer.say("* 4 EXISTS|TAG OK [APPENDUID 1 2] done").await;
        // The second is refused before it is sent.
        peer.hear().await;
        peer.say("TAG NO [OVERQUOTA] full").await;
        peer.on("NOOP", "TAG OK").await;
    })
    .await;
    let at = DateTime::parse_from_rfc3339("2026-11-05T10:14:00+03:00")
        .expect("a time")
        .to_utc();
    connection.append("Sent", at, &mail).await.expect("taken");
    assert!(matches!(
        connection.append("Sent", at, &mail).await,
        Err(ImapError::No { .. })
    ));
    connection.noop().await.expect("as good as before");
    server.await.expect("script");
}

#[tokio::test]
async fn a_server_that_says_it_has_a_copy_before_it_was_given_one_is_not_believed() {
    let (mut connection, _server) = logged_in(|mut peer| async move {
        peer.hear().await;
        peer.say("TAG OK done").await;
        peer.rest().await;
    })
    .await;
    let now = DateTime::UNIX_EPOCH;
    assert!(matches!(
        connection.append("Sent", now, b"x\r\n").await,
        Err(ImapError::Protocol(_))
    ));
    assert_spent(&mut connection).await;
}
