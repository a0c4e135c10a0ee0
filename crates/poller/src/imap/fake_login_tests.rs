//! Servers that do not let us in, or not safely.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ninetosix_core::oauth::{Credential, Login, Token};

use super::fake_server::{fake, open, open_as};
use super::{ImapError, ImapServer, Security, Stage};

/// Opens and expects to fail; the server's side of it returns all it heard.
async fn refused(server: &ImapServer) -> ImapError {
    match open(server).await {
        Ok(_) => unreachable!("let in"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_mute_server_is_left_in_time() {
    for security in [
        Security::PlainLoopback,
        Security::StartTls,
        Security::Implicit,
    ] {
        let (mut server, _playing) = fake(|peer| async move {
            peer.rest().await;
        })
        .await;
        server.security = security;
        let stage = if security == Security::Implicit {
            Stage::Tls
        } else {
            Stage::Greeting
        };
        let begun = Instant::now();
        match refused(&server).await {
            ImapError::Timeout(at) => assert_eq!(at, stage),
            other => unreachable!("{other:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn greetings_that_are_none_are_refused() {
    for (greeting, expected) in [
        (
            "* BYE too many connections",
            "greeting was answered NO: too many connections",
        ),
        (
            "* PREAUTH welcome back",
            "the server broke the protocol: a greeting that claims we are logged in",
        ),
        (
            "* NO way",
            "the server broke the protocol: no IMAP greeting",
        ),
        (
            "220 mail.school.test ESMTP",
            "the server broke the protocol: an unreadable response",
        ),
    ] {
        for security in [Security::PlainLoopback, Security::StartTls] {
            let (mut server, playing) = fake(move |mut peer| async move {
                peer.say(greeting).await;
                assert_eq!(peer.rest().await, "");
            })
            .await;
            server.security = security;
            assert_eq!(refused(&server).await.to_string(), expected);
            playing.await.expect("script");
        }
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let (server, playing) = fake(|_| async {}).await;
    playing.abort();
    let _ = playing.await;
    assert!(matches!(refused(&server).await, ImapError::Unreachable(_)));
}

#[tokio::test]
async fn no_password_goes_anywhere_but_this_machine_in_plain_text() {
    let (mut server, _playing) = fake(|_| async {}).await;
    server.host = "192.0.2.1".to_owned();
    assert!(matches!(
        refused(&server).await,
        ImapError::PlainTextRefused(_)
    ));
}

#[tokio::test]
async fn no_password_is_sent_where_starttls_is_missing_or_refused() {
    for (capabilities, answer, expected) in [
        (
            "IMAP4rev1 AUTH=PLAIN",
            "",
            "the server does not offer STARTTLS",
        ),
        (
            "IMAP4rev1 STARTTLS",
            "TAG NO not today",
            "the server offers STARTTLS and then refuses it",
        ),
        (
            "IMAP4rev1 STARTTLS",
            "TAG BAD what?",
            "the server offers STARTTLS and then refuses it",
        ),
    ] {
        let (mut server, playing) = fake(move |mut peer| async move {
            // What the greeting claims counts for nothing.
            peer.say("* OK [CAPABILITY IMAP4rev1 STARTTLS] hello").await;
            peer.on("CAPABILITY", &format!("* CAPABILITY {capabilities}|TAG OK"))
                .await;
            if !answer.is_empty() {
                peer.on("STARTTLS", answer).await;
            }
            assert_eq!(peer.rest().await, "");
        })
        .await;
        server.security = Security::StartTls;
        match refused(&server).await {
            ImapError::PlainTextRefused(reason) => assert_eq!(reason, expected),
            other => unreachable!("{other:?}"),
        }
        playing.await.expect("script");
    }
}

#[tokio::test]
async fn lines_slipped_in_before_the_handshake_are_dropped() {
    let (mut server, playing) = fake(|mut peer| async move {
        peer.say("* OK hello").await;
        peer.on("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS|TAG OK")
            .await;
        peer.hear().await;
        let injected = format!(
            "{} OK go ahead\r\nN1 OK you are in\r\n* CAPABILITY IMAP4rev1\r\n",
            peer.tag
        );
        peer.send(injected).await;
        // The handshake begins, and nothing but it: a TLS record of type 22.
        assert_eq!(peer.hear_bytes(1).await, [22]);
    })
    .await;
    server.security = Security::StartTls;
    assert!(matches!(
        refused(&server).await,
        ImapError::Tls {
            certificate: false,
            ..
        } | ImapError::Timeout(Stage::Tls)
    ));
    playing.await.expect("script");
}

#[tokio::test]
async fn a_refused_password_is_told_from_a_passing_trouble() {
    for (answer, expected) in [
        (
            "TAG NO [AUTHENTICATIONFAILED] Authentication failed.",
            "the IMAP server refused the login: [AUTHENTICATIONFAILED] Authentication failed.",
        ),
        (
            "TAG NO [UNAVAILABLE] later",
            "LOGIN was answered NO: [UNAVAILABLE] later",
        ),
        (
            r#"TAG BAD what is "s3cret \"word\\"?"#,
            "LOGIN was answered BAD: what is ***?",
        ),
    ] {
        let (server, playing) = fake(move |mut peer| async move {
            peer.say("* OK hello").await;
            peer.on("CAPABILITY", "* CAPABILITY IMAP4rev1|TAG OK").await;
            peer.hear().await;
            peer.say(answer).await;
        })
        .await;
        let error = refused(&server).await;
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        playing.await.expect("script");
    }
}

#[tokio::test]
async fn a_password_of_any_characters_arrives_as_it_is() {
    let password = "пар\"оль\\ \r\n{5}\u{1}";
    let told = "* CAPABILITY IMAP4rev1|TAG OK";
    let (mut server, playing) = fake(move |mut peer| async move {
        peer.say("* OK hello").await;
        peer.on("CAPABILITY", told).await;
        peer.on("LOGIN {19}", "+ go on").await;
        assert_eq!(
            peer.hear_line().await,
            format!("support@school.test {{{}}}", password.len())
        );
        peer.say("+ go on").await;
        assert_eq!(
            peer.hear_bytes(password.len() + 2).await,
            format!("{password}\r\n").into_bytes()
        );
        peer.say("TAG OK welcome").await;
        peer.on("CAPABILITY", told).await;
    })
    .await;
    server.login = Login::Password(password.into());
    open(&server).await.expect("let in");
    playing.await.expect("script");
}

#[tokio::test]
async fn authenticate_plain_where_login_is_disabled() {
    let told = "* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN|TAG OK";
    let (mut server, playing) = fake(move |mut peer| async move {
        peer.say("* OK hello").await;
        peer.on("CAPABILITY", told).await;
        peer.on("AUTHENTICATE PLAIN", "+ ").await;
        // printf '\0tim\0tanstaaftanstaaf' | base64, the example of RFC 4616.
        assert_eq!(peer.hear_line().await, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
        peer.say("TAG OK welcome").await;
        peer.on("CAPABILITY", "* CAPABILITY IMAP4rev1 IDLE|TAG OK")
            .await;
    })
    .await;
    server.user = "tim".to_owned();
    server.login = Login::Password("tanstaaftanstaaf".into());
    let connection = open(&server).await.expect("let in");
    assert!(connection.supports_idle() && !connection.supports_move());
    playing.await.expect("script");
}

fn token() -> Credential {
    Credential::Token(Token {
        token: "ey.J".into(),
        until: tokio::time::Instant::now(),
        is_fresh: true,
    })
}

#[tokio::test]
async fn a_token_is_shown_where_it_is_taken_and_a_refusal_is_waited_for() {
    // `user=rita\x01auth=Bearer ey.J\x01\x01`, as Google describes it.
    const SHOWN: &str = "dXNlcj1yaXRhAWF1dGg9QmVhcmVyIGV5LkoBAQ==";
    let told = "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2|TAG OK";
    for (answers, expected) in [
        (&["TAG OK welcome"][..], None),
        // `{"status":"401"}`, and nothing more is to be said than an empty line.
        (
            &["+ eyJzdGF0dXMiOiI0MDEifQ==", "TAG NO AUTHENTICATE failed"],
            Some("the IMAP server refused the login: AUTHENTICATE failed"),
        ),
        (
            &["TAG NO not ey.J"],
            Some("the IMAP server refused the login: not ***"),
        ),
        (
            &["+ a", "+ b"],
            Some("the server broke the protocol: AUTHENTICATE was answered with `+`"),
        ),
    ] {
        let (mut server, playing) = fake(move |mut peer| async move {
            peer.say("* OK hello").await;
            peer.on("CAPABILITY", told).await;
            peer.on("AUTHENTICATE XOAUTH2", "+ ").await;
            assert_eq!(peer.hear_line().await, SHOWN);
            for (n, answer) in answers.iter().enumerate() {
                if n > 0 {
                    assert_eq!(peer.hear_line().await, "");
                }
                peer.say(answer).await;
            }
            if expected.is_none() {
                peer.on("CAPABILITY", told).await;
            }
            peer.rest().await;
        })
        .await;
        server.user = "rita".to_owned();
        let opened = open_as(&server, &token()).await;
        let error = opened.err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected, "{answers:?}");
        playing.await.expect("script");
    }
    let (server, playing) = fake(|mut peer| async move {
        peer.say("* OK hello").await;
        peer.on("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN|TAG OK")
            .await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    let opened = open_as(&server, &token()).await;
    assert!(matches!(opened, Err(ImapError::NoLoginMethod(_))));
    playing.await.expect("script");
}

#[tokio::test]
async fn no_way_in_is_told_before_anything_secret_is_sent() {
    let (server, playing) = fake(|mut peer| async move {
        peer.say("* OK hello").await;
        peer.on(
            "CAPABILITY",
            "* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=GSSAPI|TAG OK",
        )
        .await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    assert!(matches!(
        refused(&server).await,
        ImapError::NoLoginMethod(_)
    ));
    playing.await.expect("script");
}

#[tokio::test]
async fn who_we_are_is_said_where_it_is_welcome_and_not_again_where_the_answer_is_unreadable() {
    for (answer, is_mute) in [
        (
            "* ID (\"name\" \"Dovecot\" \"vendor\" NIL)|TAG OK done",
            false,
        ),
        ("* ID NIL|TAG OK done", false),
        ("TAG NO not you", false),
        ("TAG BAD what", false),
        ("* ID (((|TAG OK done", true),
    ] {
        let (server, playing) = fake(move |mut peer| async move {
            peer.log_in("IMAP4rev1 ID").await;
            let said = peer.hear().await;
            assert!(said.starts_with("ID (\"name\" \"ninetosix\""), "{said}");
            peer.say(answer).await;
            peer.rest().await;
        })
        .await;
        assert_eq!(open(&server).await.is_err(), is_mute, "{answer}");
        assert_eq!(server.mute.load(Ordering::Relaxed), is_mute, "{answer}");
        playing.await.expect("script");
    }
    let (server, playing) = fake(|mut peer| async move {
        peer.log_in("IMAP4rev1 ID").await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    server.mute.store(true, Ordering::Relaxed);
    drop(open(&server).await.expect("logged in"));
    playing.await.expect("script");
}
