//! Searching, marking, moving and finding folders, with servers of every ability.

use super::fake_server::{CAPABILITIES, assert_spent, fake, logged_in, open};
use super::{ImapError, Role};

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
async fn single_letters_are_removed_with_uidplus_and_never_without() {
    let (server, playing) = fake(|mut peer| async move {
        peer.log_in("IMAP4rev1 UIDPLUS").await;
        peer.on("UID STORE 3:4,8 +FLAGS.SILENT (\\Deleted)", "TAG OK")
            .await;
        peer.on("UID EXPUNGE 3:4,8", "* 3 EXPUNGE|TAG OK").await;
    })
    .await;
    let mut connection = open(&server).await.expect("logged in");
    connection.expunge(&[3, 4, 8]).await.expect("removed");
    playing.await.expect("script");
    let (server, playing) = fake(|mut peer| async move {
        peer.log_in("IMAP4rev1").await;
        peer.on("NOOP", "TAG OK").await;
    })
    .await;
    let mut connection = open(&server).await.expect("logged in");
    assert!(!connection.can_expunge());
    let refused = connection.expunge(&[3]).await;
    assert!(matches!(refused, Err(ImapError::Misuse(_))), "{refused:?}");
    connection.noop().await.expect("nothing was asked");
    playing.await.expect("script");
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
        peer.on("NOOP", "TAG OK").await;
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
    connection.noop().await.expect("as good as before");
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
