//! The whole conversation with a real Dovecot; how to switch it on is said in [`super::lab`].

#![allow(
    clippy::disallowed_methods,
    reason = "it compares with the server's own clock"
)]

use std::future::{pending, ready};
use std::time::{Duration, Instant};

use ninetosix_core::oauth::Login;

use super::fake_server::no_roots;
use super::lab::{Lab, cutting_proxy, message, whole};
use super::{Connection, Envelope, IdleEnd, ImapError, Limits, Role, Security, Stage, Timeouts};

#[tokio::test]
async fn lab_login_over_tls_starttls_and_in_plain_text_to_this_machine() {
    let Some(lab) = Lab::find().await else { return };
    for security in [Security::Implicit, Security::StartTls] {
        let connection = Connection::open(&lab.server("anna@school.test", security)).await;
        let connection = connection.expect("logged in");
        assert!(connection.supports_idle() && connection.supports_move());
        connection.logout().await;
    }
    // Dovecot's `disable_plaintext_auth` does not hold on loopback, where it counts as secured.
    let plain = Connection::open(&lab.server("anna@school.test", Security::PlainLoopback)).await;
    assert!(
        matches!(plain, Ok(_) | Err(ImapError::NoLoginMethod(_))),
        "{:?}",
        plain.err()
    );
}

#[tokio::test]
async fn lab_a_pinned_certificate_is_the_only_one_believed() {
    use ninetosix_core::tls::{Fingerprint, client};

    let Some(lab) = Lab::find().await else { return };
    let mut server = lab.server("anna@school.test", Security::Implicit);
    let pin = |text: &str| {
        let fingerprint = Fingerprint::parse(text).expect("a fingerprint");
        client(None, &[fingerprint]).expect("TLS")
    };
    server.tls = pin(&"0a".repeat(32));
    let error = Connection::open(&server).await.err();
    let Some(ImapError::Tls {
        certificate: true,
        reason,
        ..
    }) = error
    else {
        unreachable!("{error:?}")
    };
    let (_, shown) = reason
        .split_once("not pinned: ")
        .expect("it says which certificate the server has");
    server.tls = pin(shown.trim_end_matches(|c: char| !c.is_ascii_hexdigit()));
    assert!(Connection::open(&server).await.is_ok());
    // The same certificate under another name.
    server.host = "127.0.0.2".to_owned();
    assert!(Connection::open(&server).await.is_err());
}

#[tokio::test]
async fn lab_a_wrong_password_and_an_unknown_ca_are_told_apart() {
    let Some(lab) = Lab::find().await else { return };
    for password in ["wrong", "невер\"ный\\", "a\r\nb {5}"] {
        let mut server = lab.server("anna@school.test", Security::Implicit);
        server.login = Login::Password(password.into());
        match Connection::open(&server).await.err() {
            Some(ImapError::AuthRefused(text)) => {
                assert!(text.contains("Authentication failed"), "{text}")
            }
            other => unreachable!("{other:?}"),
        }
    }
    for security in [Security::Implicit, Security::StartTls] {
        let mut server = lab.server("anna@school.test", security);
        server.tls = no_roots();
        let error = Connection::open(&server).await.err();
        assert!(
            matches!(
                error,
                Some(ImapError::Tls {
                    certificate: true,
                    ..
                })
            ),
            "{error:?}"
        );
        // The right CA, another name.
        let mut server = lab.server("anna@school.test", security);
        server.host = "ip6-localhost".to_owned();
        let error = Connection::open(&server).await.err();
        let name = matches!(
            error,
            Some(ImapError::Tls {
                certificate: true,
                ..
            })
        );
        assert!(
            name || matches!(error, Some(ImapError::Unreachable(_))),
            "{error:?}"
        );
    }
    let mut server = lab.server("anna@school.test", Security::Implicit);
    server.port = lab.port("MAILLAB_IMAP_PORT");
    let error = Connection::open(&server).await.err();
    assert!(
        matches!(
            error,
            Some(ImapError::Tls {
                certificate: false,
                ..
            })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn lab_a_thousand_messages_are_listed_fetched_marked_and_moved() {
    let Some(lab) = Lab::find().await else { return };
    let user = "support@school.test";
    let mut connection = lab.open(user).await;
    let before = connection
        .select("INBOX")
        .await
        .expect("open")
        .uidnext
        .expect("Dovecot tells");
    lab.deliver(user, (0..1000).map(|number| message(number, 20_000)))
        .await;
    let selected = connection.select("INBOX").await.expect("open");
    let uids = connection.search_from(before).await.expect("found");
    assert_eq!(
        (uids.len(), uids.first(), uids.last()),
        (1000, Some(&before), Some(&(before + 999)))
    );
    assert_eq!(selected.uidnext, Some(before + 1000));
    assert_eq!(
        connection.search_from(before + 1000).await.expect("found"),
        [0; 0]
    );

    let headers = connection
        .fetch_headers(&uids, "MESSAGE-ID")
        .await
        .expect("headers");
    assert_eq!(headers.len(), 1000);
    assert_eq!(headers[7].lines, b"Message-ID: <7@family.test>\r\n\r\n");
    let sizes = connection.fetch_sizes(&uids).await.expect("sizes");
    assert_eq!(
        headers
            .iter()
            .map(|header| header.envelope)
            .collect::<Vec<_>>(),
        sizes
    );
    let age = chrono::Utc::now() - sizes[0].internal_date.expect("a date");
    assert!(age.num_minutes().abs() < 5, "{age}");

    let begun = Instant::now();
    let messages = whole(&mut connection, &sizes).await;
    println!("1000 messages of 20 KB in {:?}", begun.elapsed());
    assert_eq!(messages.len(), 1000);
    for (number, (envelope, (uid, raw))) in sizes.iter().zip(&messages).enumerate() {
        assert_eq!((envelope.uid, envelope.size as usize), (*uid, raw.len()));
        assert!(
            raw.ends_with(message(number, 20_000).as_bytes()),
            "served as delivered"
        );
    }

    connection
        .store_flags(&uids, r"+FLAGS.SILENT (\Seen)")
        .await
        .expect("marked");
    connection
        .move_to(&uids[..500], "Archive")
        .await
        .expect("moved");
    assert_eq!(
        connection.search_from(before).await.expect("found"),
        uids[500..]
    );
    let gone = [sizes[0], sizes[999]];
    let mut taken = 0;
    let missing = connection
        .fetch_bodies(&gone, |_| {
            taken += 1;
            ready(())
        })
        .await
        .expect("OK");
    assert_eq!((taken, missing), (1, vec![uids[0]]));
    let error = connection
        .move_to(&uids[500..], "Нет такой папки")
        .await
        .expect_err("no such folder");
    assert!(
        matches!(
            error,
            ImapError::No {
                command: "UID MOVE",
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn lab_a_message_above_eight_mebibytes_comes_in_parts_and_whole() {
    let Some(lab) = Lab::find().await else { return };
    let user = "ivan@school.test";
    let mut connection = lab.open(user).await;
    let before = connection
        .select("INBOX")
        .await
        .expect("open")
        .uidnext
        .expect("Dovecot tells");
    let sent = message(1, 20 * 1024 * 1024);
    lab.deliver(user, [sent.clone()]).await;
    connection.noop().await.expect("fresh");
    let uids = connection.search_from(before).await.expect("found");
    let sizes = connection.fetch_sizes(&uids).await.expect("sizes");
    let messages = whole(&mut connection, &sizes).await;
    assert_eq!(messages[0].1.len(), sizes[0].size as usize);
    assert!(messages[0].1.ends_with(sent.as_bytes()));
    let start = connection
        .fetch_start(uids[0], 1000)
        .await
        .expect("OK")
        .expect("there");
    assert_eq!(start, messages[0].1[..1000]);
    assert_eq!(
        connection.fetch_start(uids[0] + 1, 1000).await.expect("OK"),
        None
    );

    // The same in one literal, which a lower cap refuses.
    for (cap, fits) in [(30 * 1024 * 1024, true), (10 * 1024 * 1024, false)] {
        let limits = Limits {
            part: u32::MAX,
            ..Limits::for_messages_up_to(cap)
        };
        let server = lab.server(user, Security::Implicit);
        let mut connection = Connection::open_with(&server, Timeouts::default(), limits)
            .await
            .expect("logged in");
        connection.select("INBOX").await.expect("open");
        let lying = Envelope {
            size: 1,
            ..sizes[0]
        };
        let fetched = connection.fetch_bodies(&[lying], |_| ready(())).await;
        assert_eq!(fetched.is_ok(), fits, "{fetched:?}");
    }
}

#[tokio::test]
async fn lab_idle_wakes_up() {
    let Some(lab) = Lab::find().await else { return };
    let user = "head@school.test";
    let mut connection = lab.open(user).await;
    let selected = connection.select("INBOX").await.expect("open");
    let quiet = connection.idle(Duration::from_secs(1), pending()).await;
    assert_eq!(quiet.expect("quiet"), IdleEnd::Timeout);
    let (woken, delivered) = tokio::join!(
        async {
            let end = connection.idle(Duration::from_secs(30), pending()).await;
            (end, Instant::now())
        },
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            lab.deliver(user, [message(1, 100)]).await;
            Instant::now()
        }
    );
    assert_eq!(woken.0.expect("woken"), IdleEnd::NewMail);
    println!(
        "woken {:?} after delivery",
        woken.1.saturating_duration_since(delivered)
    );
    let uids = connection
        .search_from(selected.uidnext.expect("told"))
        .await
        .expect("found");
    assert_eq!(uids.len(), 1);

    let stop = tokio::time::sleep(Duration::from_millis(200));
    let stopped = connection.idle(Duration::from_secs(30), stop).await;
    assert_eq!(stopped.expect("stopped"), IdleEnd::Stopped);
    assert!(!connection.noop().await.expect("still usable"));
}

#[tokio::test]
async fn lab_special_folders_and_names_beyond_ascii() {
    let Some(lab) = Lab::find().await else { return };
    let mut connection = lab.open("student@family.test").await;
    assert_eq!(
        connection
            .list_special(Role::Junk)
            .await
            .expect("listed")
            .as_deref(),
        Some("Junk")
    );
    connection.select("Junk").await.expect("open");
    let error = connection
        .select("Обработано")
        .await
        .expect_err("not there");
    assert!(
        matches!(
            error,
            ImapError::No {
                command: "SELECT",
                ..
            }
        ),
        "{error:?}"
    );
    let mut connection = lab.open("student@family.test").await;
    for folder in ["Обработано & \"готово\"", "台北 📮"] {
        let name = super::names::folder_argument(folder);
        // It may be there from the last run.
        let created = connection.wire.command("CREATE", &name, 0, |_| {}).await;
        if created.is_err() {
            connection.wire.forgive();
        }
        connection
            .select(folder)
            .await
            .expect("the name arrived as it was");
    }
}

#[tokio::test]
async fn lab_a_frozen_or_vanished_server_is_left_in_time() {
    let Some(lab) = Lab::find().await else { return };
    let timeouts = Timeouts {
        tls: Duration::from_secs(2),
        greeting: Duration::from_secs(2),
        read: Duration::from_secs(2),
        done: Duration::from_secs(1),
        ..Timeouts::default()
    };
    let server = lab.server("parent@family.test", Security::Implicit);
    let open = || Connection::open_with(&server, timeouts, Limits::default());

    let mut selected = open().await.expect("logged in");
    selected.select("INBOX").await.expect("open");
    let mut idling = open().await.expect("logged in");
    idling.select("INBOX").await.expect("open");
    lab.dovecot("freeze").await;
    let begun = Instant::now();
    let (search, idle, login) = tokio::join!(
        selected.search_from(1),
        idling.idle(Duration::from_secs(1), pending()),
        open()
    );
    let waited = begun.elapsed();
    selected.logout().await;
    lab.dovecot("thaw").await;
    assert!(
        matches!(
            search,
            Err(ImapError::Timeout(Stage::Command("UID SEARCH")))
        ),
        "{search:?}"
    );
    assert!(
        matches!(idle, Err(ImapError::Timeout(Stage::Idle))),
        "{idle:?}"
    );
    let login = login.err();
    assert!(
        matches!(login, Some(ImapError::Timeout(Stage::Tls))),
        "{login:?}"
    );
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    assert!(matches!(idling.noop().await, Err(ImapError::Lost(_))));

    // An orderly close, then nobody there, then all is well again.
    let mut idling = open().await.expect("logged in");
    idling.select("INBOX").await.expect("open");
    let (idle, ()) = tokio::join!(idling.idle(Duration::from_secs(20), pending()), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        lab.dovecot("stop").await;
    });
    assert!(
        matches!(idle, Err(ImapError::Lost(Stage::Idle))),
        "{idle:?}"
    );
    let nobody = open().await.err();
    assert!(
        matches!(nobody, Some(ImapError::Unreachable(_))),
        "{nobody:?}"
    );
    lab.dovecot("start").await;
    open().await.expect("back again").logout().await;
}

#[tokio::test]
async fn lab_a_connection_cut_at_any_byte_is_an_error_and_never_a_short_answer() {
    let Some(lab) = Lab::find().await else { return };
    let user = "catchall@school.test";
    let mut connection = lab.open(user).await;
    let before = connection
        .select("INBOX")
        .await
        .expect("open")
        .uidnext
        .expect("Dovecot tells");
    lab.deliver(user, (0..5).map(|number| message(number, 500)))
        .await;
    // Far enough in small steps for a cut in every answer, the last of them included.
    for bytes in (200..100_000).step_by(197) {
        let mut server = lab.server(user, Security::Implicit);
        server.port = cutting_proxy(server.port, bytes).await;
        let conversation = async {
            let mut connection = Connection::open(&server).await?;
            connection.select("INBOX").await?;
            let uids = connection.search_from(before).await?;
            assert_eq!(uids.len(), 5, "a short search");
            let sizes = connection.fetch_sizes(&uids).await?;
            assert_eq!(sizes.len(), 5, "a short list");
            let missing = connection.fetch_bodies(&sizes, |_| ready(())).await?;
            assert_eq!(missing, [0; 0]);
            Ok::<(), ImapError>(())
        };
        match conversation.await {
            Ok(()) => return,
            Err(
                ImapError::Lost(_)
                | ImapError::Tls {
                    certificate: false, ..
                },
            ) => {}
            Err(other) => unreachable!("{bytes}: {other:?}"),
        }
    }
    unreachable!("the last conversation was cut too");
}
