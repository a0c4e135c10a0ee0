//! IDLE with servers that wake us early, late, wrongly or never.

use std::future::{pending, ready};
use std::time::{Duration, Instant};

use super::fake_server::{Peer, logged_in};
use super::{Connection, IdleEnd, ImapError, Stage};

/// Idles with this script after INBOX was opened with three messages.
async fn idling<F, T>(script: F) -> (Connection, tokio::task::JoinHandle<()>)
where
    F: FnOnce(Peer) -> T + Send + 'static,
    T: Future<Output = ()> + Send,
{
    let (mut connection, server) = logged_in(|mut peer| async move {
        peer.select(3).await;
        script(peer).await;
    })
    .await;
    connection.select("INBOX").await.expect("open");
    (connection, server)
}

async fn idle(connection: &mut Connection, max: Duration) -> Result<IdleEnd, ImapError> {
    connection.idle(max, pending()).await
}

const LONG: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_message_that_comes_wakes_us() {
    let (mut connection, server) = idling(|mut peer| async move {
        peer.on("IDLE", "+ idling").await;
        peer.say("* OK Still here|* 3 EXISTS|* 1 RECENT").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        peer.say("* 4 EXISTS").await;
        assert_eq!(peer.hear_line().await, "DONE");
        peer.say("TAG OK Idle completed").await;
        peer.on("UID SEARCH UID 4:*", "* SEARCH 4|TAG OK").await;
        peer.on("IDLE", "+ idling").await;
        assert_eq!(peer.hear_line().await, "DONE");
        peer.say("TAG OK Idle completed").await;
    })
    .await;
    let begun = Instant::now();
    assert_eq!(
        idle(&mut connection, LONG).await.expect("woken"),
        IdleEnd::NewMail
    );
    assert!(begun.elapsed() < LONG);
    assert_eq!(connection.search_from(4).await.expect("OK"), [4]);
    let max = Duration::from_millis(100);
    assert_eq!(
        idle(&mut connection, max).await.expect("quiet"),
        IdleEnd::Timeout
    );
    server.await.expect("script");
}

#[tokio::test]
async fn a_message_announced_before_idling_began_wakes_us() {
    let (mut connection, server) = idling(|mut peer| async move {
        peer.on("IDLE", "* 4 EXISTS|+ idling").await;
        assert_eq!(peer.hear_line().await, "DONE");
        peer.say("TAG OK").await;
    })
    .await;
    let begun = Instant::now();
    assert_eq!(
        idle(&mut connection, LONG).await.expect("woken"),
        IdleEnd::NewMail
    );
    assert!(begun.elapsed() < Duration::from_secs(1));
    server.await.expect("script");
}

#[tokio::test]
async fn a_message_announced_during_any_command_keeps_us_awake_until_the_next_search() {
    let (mut connection, server) = idling(|mut peer| async move {
        peer.on(
            "UID STORE 3 +FLAGS (\\Seen)",
            "* 1 EXPUNGE|* 3 EXISTS|TAG OK",
        )
        .await;
        peer.on("UID SEARCH UID 4:*", "* SEARCH 4|* 4 EXISTS|TAG OK")
            .await;
        peer.on("UID SEARCH UID 5:*", "* SEARCH 5|TAG OK").await;
        peer.on("NOOP", "TAG OK").await;
    })
    .await;
    connection
        .store_flags(&[3], r"+FLAGS (\Seen)")
        .await
        .expect("stored");
    for uid in [4, 5] {
        assert_eq!(
            idle(&mut connection, LONG).await.expect("at once"),
            IdleEnd::NewMail
        );
        assert_eq!(connection.search_from(uid).await.expect("OK"), [uid]);
    }
    assert!(!connection.noop().await.expect("OK"));
    server.await.expect("script");
}

#[tokio::test]
async fn a_refused_idle_is_an_error() {
    for (answer, expected) in [
        ("TAG NO not now", "IDLE was answered NO: not now"),
        (
            "TAG BAD unknown command",
            "IDLE was answered BAD: unknown command",
        ),
        (
            "TAG OK done already",
            "the server broke the protocol: IDLE that ends before it began",
        ),
        (
            "+ idling|TAG OK done already",
            "the server broke the protocol: IDLE that ends at once",
        ),
        ("* OK wait", "no answer in time (IDLE)"),
        ("* BYE closing", "the connection was lost (IDLE)"),
        ("+ idling|* BYE closing", "the connection was lost (IDLE)"),
        (
            "+ idling|* 4 EXISTS|TAG NO [SERVERBUG] sorry",
            "IDLE was answered NO: [SERVERBUG] sorry",
        ),
    ] {
        let (mut connection, server) = idling(move |mut peer| async move {
            peer.on("IDLE", answer).await;
            peer.rest().await;
        })
        .await;
        let error = idle(&mut connection, LONG).await.expect_err(answer);
        assert_eq!(error.to_string(), expected);
        assert!(matches!(connection.noop().await, Err(ImapError::Lost(_))));
        drop(connection);
        server.await.expect("script");
    }
}

#[tokio::test]
async fn a_close_during_idle_is_a_lost_connection() {
    let (mut connection, server) =
        idling(|mut peer| async move { peer.on("IDLE", "+ idling").await }).await;
    assert!(matches!(
        idle(&mut connection, LONG).await,
        Err(ImapError::Lost(Stage::Idle))
    ));
    server.await.expect("script");
}

#[tokio::test]
async fn news_on_a_lost_connection_is_no_news() {
    let (mut connection, server) =
        idling(|mut peer| async move { peer.on("NOOP", "* 4 EXISTS|* BYE closing").await }).await;
    assert!(connection.noop().await.is_err());
    assert!(matches!(
        idle(&mut connection, LONG).await,
        Err(ImapError::Lost(_))
    ));
    server.await.expect("script");
}

#[tokio::test]
async fn a_done_that_is_not_answered_ends_the_connection_in_time() {
    let (mut connection, _server) = idling(|mut peer| async move {
        peer.on("IDLE", "+ idling").await;
        peer.rest().await;
    })
    .await;
    let begun = Instant::now();
    let ended = idle(&mut connection, Duration::from_millis(100)).await;
    assert!(matches!(ended, Err(ImapError::Timeout(Stage::Idle))));
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn small_talk_does_not_prolong_idle() {
    let (mut connection, server) = idling(|mut peer| async move {
        peer.on("IDLE", "+ idling").await;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            peer.say("* OK Still here").await;
        }
        assert_eq!(peer.hear_line().await, "DONE");
        peer.say("TAG OK").await;
    })
    .await;
    let begun = Instant::now();
    let max = Duration::from_millis(300);
    assert_eq!(
        idle(&mut connection, max).await.expect("quiet"),
        IdleEnd::Timeout
    );
    assert!(begun.elapsed() < Duration::from_secs(1));
    server.await.expect("script");
}

#[tokio::test]
async fn a_stop_ends_idle_in_good_order() {
    let (mut connection, server) = idling(|mut peer| async move {
        peer.on("IDLE", "+ idling").await;
        assert_eq!(peer.hear_line().await, "DONE");
        peer.say("TAG OK").await;
        peer.on("LOGOUT", "* BYE see you|TAG OK").await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    let stop = tokio::time::sleep(Duration::from_millis(100));
    assert_eq!(
        connection.idle(LONG, stop).await.expect("stopped"),
        IdleEnd::Stopped
    );
    connection.logout().await;
    server.await.expect("script");
}

#[tokio::test]
async fn a_stop_is_heard_before_idle_has_begun_and_by_a_dead_server() {
    let (mut connection, _server) = idling(|peer| async move {
        peer.rest().await;
    })
    .await;
    assert_eq!(
        connection.idle(LONG, ready(())).await.expect("stopped"),
        IdleEnd::Stopped
    );
    let begun = Instant::now();
    connection.logout().await;
    assert!(begun.elapsed() < Duration::from_secs(1));

    let (mut connection, _server) = idling(|mut peer| async move {
        peer.on("IDLE", "+ idling").await;
        peer.rest().await;
    })
    .await;
    let stop = tokio::time::sleep(Duration::from_millis(100));
    assert_eq!(
        connection.idle(LONG, stop).await.expect("stopped"),
        IdleEnd::Stopped
    );
}
