//! Ways of not getting a session, and what the wire has seen by then.

use data_encoding::BASE64;
use tokio::time::Instant;

use super::{
    fake::{Fake, Say, say},
    *,
};
use crate::oauth::{Credential, Token};
use crate::smtp::auth::Secrets;
use crate::smtp::{DialError, DialStage, dial};

const AUTH_OFFERED: &str = "250-fake.test\r\n250 AUTH PLAIN LOGIN\r\n";
/// `\0support\0correct horse`
const PLAIN: &str = "AUTH PLAIN AHN1cHBvcnQAY29ycmVjdCBob3JzZQ==";

type Script = Vec<(&'static str, Say)>;

async fn open(fake: &Fake, security: Security) -> Result<SmtpSession, DialError> {
    SmtpSession::open(&server_at(fake.port, security), &quick()).await
}

/// The error, after looking that it says nothing secret in any way of printing it.
async fn error(fake: &Fake, security: Security) -> DialError {
    let error = open(fake, security).await.expect_err("no session");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(PASSWORD), "{text}");
        assert!(!text.contains("Y29ycmVjdCBob3JzZQ"), "{text}");
        assert!(!text.contains(char::is_control), "{text}");
    }
    error
}

#[tokio::test]
async fn every_step_can_fail_in_every_way_and_says_which() {
    for (step, stage) in [
        ("greeting", DialStage::Greeting),
        ("EHLO", DialStage::Hello),
        ("AUTH", DialStage::Auth),
    ] {
        for (answer, expected) in [
            (say("421 4.3.2 no\r\n"), "refused: 421 4.3.2 no"),
            (say("450 4.3.2 no\r\n"), "refused: 450 4.3.2 no"),
            (say("554 5.7.1 no\r\n"), "refused: 554 5.7.1 no"),
            (Say::Hang, "no answer in time"),
            (
                Say::Close,
                "no connection to the mail server: the server closed the connection",
            ),
            (say("250garbage\r\n"), "not a reply"),
            (say("2\r\n"), "not a reply"),
            (say("220-a\r\n250 b\r\n"), "different codes"),
            (say("220 \x1b[2J\r\n"), "not a reply"),
            (say("220 \0\r\n"), "not a reply"),
            (say("354 go\r\n"), "354"),
            (
                Say::Endless(b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
                "more than 2 KiB",
            ),
            (
                Say::Bytes(b"250-x\r\n".repeat(10_000)),
                "more than 100 lines",
            ),
        ] {
            let greets = ("EHLO", say(AUTH_OFFERED));
            let mut script = vec![(step, answer)];
            if step != "EHLO" {
                script.push(greets);
            }
            let fake = Fake::start(&script).await;
            let error = error(&fake, Security::PlainLoopback).await;
            let text = error.to_string();
            assert!(text.contains(expected), "{stage}: {text}, not {expected}");
            let named = match &error {
                DialError::Timeout(at)
                | DialError::Unreachable { stage: at, .. }
                | DialError::Refused { stage: at, .. }
                | DialError::Protocol { stage: at, .. } => *at,
                DialError::AuthRefused { .. } => DialStage::Auth,
                other => unreachable!("{other:?}"),
            };
            assert_eq!(named, stage, "{text}");
        }
    }
}

#[tokio::test]
async fn plain_is_preferred_login_is_spoken_and_any_spelling_is_read() {
    let fake = Fake::start(&[("EHLO", say(AUTH_OFFERED))]).await;
    open(&fake, Security::PlainLoopback).await.expect("let in");
    assert_eq!(fake.finish().await.commands[1..], [PLAIN]);

    let fake = Fake::start(&[("EHLO", say("250-x\r\n250 auth plain\r\n"))]).await;
    open(&fake, Security::PlainLoopback).await.expect("let in");
    assert_eq!(fake.finish().await.commands[1..], [PLAIN]);

    let fake = Fake::start(&[
        ("EHLO", say("250-x\r\n250 AUTH CRAM-MD5 LOGIN\r\n")),
        ("AUTH", say("334 VXNlcm5hbWU6\r\n")),
        ("answer", say("334 UGFzc3dvcmQ6\r\n")),
        ("answer", say("235 2.7.0 welcome\r\n")),
    ])
    .await;
    open(&fake, Security::PlainLoopback).await.expect("let in");
    assert_eq!(
        fake.finish().await.commands[1..],
        ["AUTH LOGIN", "c3VwcG9ydA==", "Y29ycmVjdCBob3JzZQ=="]
    );
}

#[tokio::test]
async fn a_refused_login_never_repeats_the_password() {
    for (answer, expected) in [
        (say("535 5.7.8 wrong\r\n"), "login refused: 535 5.7.8 wrong"),
        (say("535\r\n"), "login refused: 535 "),
        (
            say("535 5.7.8 not \"correct horse\"\r\n"),
            "login refused: 535 (text withheld: it repeats our credentials)",
        ),
        (
            say("535 5.7.8 AHN1cHBvcnQAY29ycmVjdCBob3JzZQ==\r\n"),
            "login refused: 535 (text withheld: it repeats our credentials)",
        ),
        (
            say("454 4.7.0 later, \"correct horse\"\r\n"),
            "AUTH: refused: 454 (text withheld: it repeats our credentials)",
        ),
        (
            say("AHN1cHBvcnQAY29ycmVjdCBob3JzZQ==\r\n"),
            "AUTH: (text withheld: it repeats our credentials)",
        ),
        (
            say("334 Y29ycmVjdCBob3JzZQ==\r\n"),
            "AUTH: the server's challenge was not understood",
        ),
    ] {
        let fake = Fake::start(&[("EHLO", say(AUTH_OFFERED)), ("AUTH", answer)]).await;
        let error = error(&fake, Security::PlainLoopback).await;
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_token_is_shown_by_xoauth2_alone_and_why_it_is_refused_is_told() {
    // Longer than a line of SMTP may be (RFC 5321 section 4.5.3.1.4), as Microsoft's are.
    let token = format!("ey.J{}", "a".repeat(3000));
    let said = BASE64.encode(format!("user=support\x01auth=Bearer {token}\x01\x01").as_bytes());
    let (first, said) = ("AUTH XOAUTH2", said.as_str());
    let begun = || {
        vec![
            ("EHLO", say("250-x\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n")),
            ("AUTH", say("334 \r\n")),
        ]
    };
    let ended = |replies: &[String]| {
        let replies = replies.iter().map(|reply| ("answer", say(reply)));
        [begun(), replies.collect()].concat()
    };
    let line = |text: &str| format!("{text}\r\n");
    // `{"status":"401"}`, and one that would draw on a terminal.
    let challenge = "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n".to_owned();
    let drawing = format!(
        "334 {}\r\n",
        BASE64.encode("\x1b[31m\n\u{202e}bad".as_bytes())
    );
    let aborted = line("501 5.7.0 aborted");
    for (script, heard, expected) in [
        (ended(&[line("235 2.7.0 welcome")]), vec![first, said], None),
        (
            ended(&[line("535 5.7.3 unsuccessful")]),
            vec![first, said],
            Some("login refused: 535 5.7.3 unsuccessful"),
        ),
        (
            ended(&[challenge, aborted.clone()]),
            vec![first, said, "*"],
            Some("login refused: 501 5.7.0 aborted {\"status\":\"401\"}"),
        ),
        (
            ended(&[drawing, aborted]),
            vec![first, said, "*"],
            Some("login refused: 501 5.7.0 aborted  [31m bad"),
        ),
        (
            ended(&[format!("535 5.7.3 not {}\r\n", &token[..60])]),
            vec![first, said],
            Some("login refused: 535 5.7.3 not ***"),
        ),
        (
            vec![("EHLO", say(AUTH_OFFERED))],
            vec![],
            Some("the server does not offer AUTH XOAUTH2 (offered: \"PLAIN LOGIN\")"),
        ),
    ] {
        let fake = Fake::start(&script).await;
        let server = server_at(fake.port, Security::PlainLoopback);
        let credential = Credential::Token(Token {
            token: token.as_str().into(),
            until: Instant::now(),
            is_fresh: true,
        });
        let mut secrets = Secrets::of(&credential);
        let opened = dial::open(&server, &credential, &quick(), &mut secrets).await;
        let error = opened.err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected);
        assert_eq!(fake.finish().await.commands[1..], heard);
    }
}

#[tokio::test]
async fn on_loopback_no_login_is_needed_but_one_we_cannot_speak_is_named() {
    let fake = Fake::start(&[]).await;
    open(&fake, Security::PlainLoopback).await.expect("let in");
    assert_eq!(fake.finish().await.count("AUTH"), 0);

    let only = say("250-x\r\n250 AUTH CRAM-MD5 XOAUTH2\r\n");
    let fake = Fake::start(&[("EHLO", only)]).await;
    let error = error(&fake, Security::PlainLoopback).await;
    let expected = "CRAM-MD5 XOAUTH2";
    assert!(
        matches!(&error, DialError::NoAuth { offered, .. } if offered == expected),
        "{error:?}"
    );
    assert_eq!(fake.finish().await.count("AUTH"), 0);
}

#[tokio::test]
async fn starttls_is_required_and_nothing_secret_is_said_before_it() {
    let offer = say("250-x\r\n250-AUTH PLAIN\r\n250 starttls\r\n");
    let stripped = say("250-x\r\n250-AUTH PLAIN\r\n250 XXXXXXXX\r\n");
    let cases: [(&str, Script, &str); 8] = [
        (
            "not offered",
            vec![("EHLO", stripped)],
            "the server does not offer STARTTLS",
        ),
        (
            "refused now",
            vec![
                ("EHLO", offer.clone()),
                ("STARTTLS", say("454 4.7.0 no\r\n")),
            ],
            "STARTTLS: refused: 454 4.7.0 no",
        ),
        (
            "refused",
            vec![
                ("EHLO", offer.clone()),
                ("STARTTLS", say("502 5.5.1 no\r\n")),
            ],
            "STARTTLS: refused: 502 5.5.1 no",
        ),
        (
            "odd answer",
            vec![("EHLO", offer.clone()), ("STARTTLS", say("250 ok\r\n"))],
            "STARTTLS: unexpected reply 250",
        ),
        (
            "words behind the 220",
            vec![
                ("EHLO", offer.clone()),
                ("STARTTLS", say("220 go\r\n250-x\r\n250 AUTH PLAIN\r\n")),
            ],
            "STARTTLS: the server spoke out of turn: 250-x  250 AUTH PLAIN",
        ),
        (
            "words behind EHLO",
            vec![("EHLO", say("250-x\r\n250 STARTTLS\r\n220 go\r\n"))],
            "EHLO: the server spoke out of turn: 220 go",
        ),
        (
            "words behind the greeting",
            vec![("greeting", say("220 x\r\n250 STARTTLS\r\n"))],
            "greeting: the server spoke out of turn: 250 STARTTLS",
        ),
        (
            "no handshake",
            vec![
                ("EHLO", offer),
                ("STARTTLS", Say::ThenClose(b"220 go\r\n".to_vec())),
            ],
            "TLS handshake: no connection to the mail server",
        ),
    ];
    for (name, script, expected) in cases {
        let fake = Fake::start(&script).await;
        let error = error(&fake, Security::StartTls).await;
        let text = error.to_string();
        assert!(text.starts_with(expected), "{name}: {text}");
        let heard = fake.finish().await;
        assert_eq!((heard.count("AUTH"), heard.count("MAIL")), (0, 0), "{name}");
    }
}

#[tokio::test]
async fn plain_text_where_tls_is_expected_is_a_tls_error() {
    let fake = Fake::start(&[]).await;
    let error = error(&fake, Security::Implicit).await;
    assert!(matches!(error, DialError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn plain_text_goes_to_loopback_only() {
    for host in ["192.0.2.1", "0.0.0.0", "8.8.8.8"] {
        let mut server = server_at(25, Security::PlainLoopback);
        server.host = host.to_owned();
        let error = SmtpSession::open(&server, &patient()).await;
        assert!(matches!(error, Err(DialError::Settings { .. })), "{host}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_named_before_anything_is_said() {
    let fake = Fake::start(&[]).await;
    let mut server = server_at(fake.port, Security::PlainLoopback);
    server.hello_name = "desk\r\nMAIL FROM:<x>".to_owned();
    let error = SmtpSession::open(&server, &patient()).await;
    assert!(matches!(error, Err(DialError::Settings { .. })));
    assert!(fake.heard().commands.is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let port = listener
        .and_then(|listener| listener.local_addr())
        .expect("bound")
        .port();
    let server = server_at(port, Security::PlainLoopback);
    let error = SmtpSession::open(&server, &patient()).await;
    assert!(
        matches!(
            error,
            Err(DialError::Unreachable {
                stage: DialStage::Connect,
                ..
            })
        ),
        "{error:?}"
    );
}
