//! B06: one connection, several letters; and P16: what an address may not do.

use super::{
    fake::{Fake, Say, say},
    *,
};
use crate::smtp::{Class, Failure, Stage};

#[tokio::test]
async fn a_letter_after_a_refused_one_carries_nothing_over() {
    for (step, after_mail_1) in [
        ("MAIL", vec!["MAIL", "RSET"]),
        ("RCPT", vec!["MAIL", "RCPT", "RSET"]),
        ("DATA", vec!["MAIL", "RCPT", "DATA", "RSET"]),
        (".", vec!["MAIL", "RCPT", "DATA", "RSET"]),
    ] {
        let fake = Fake::start(&[(step, say("550 5.1.1 no\r\n"))]).await;
        let mut session = session_with(&fake, patient()).await;
        let first = send_mail(&mut session, "gone@family.test", MAIL.as_bytes()).await;
        assert!(matches!(first, SendOutcome::Failed(_)), "{first:?}");
        let second = send_mail(&mut session, RITA, b"Subject: 2\r\n\r\nsecond\r\n").await;
        assert!(
            matches!(second, SendOutcome::Accepted { .. }),
            "{step}: {second:?}"
        );
        session.quit().await;
        let heard = fake.finish().await;
        let mut words: Vec<&str> = heard
            .commands
            .iter()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(words.pop(), Some("QUIT"));
        let expected = [vec!["EHLO"], after_mail_1, vec!["MAIL", "RCPT", "DATA"]].concat();
        assert_eq!(words, expected);
        let last_rcpt = heard.commands.iter().rfind(|line| line.starts_with("RCPT"));
        assert_eq!(
            last_rcpt.map(String::as_str),
            Some("RCPT TO:<rita@family.test>")
        );
        assert_eq!(
            heard.bodies.last().map(Vec::as_slice),
            Some(&b"Subject: 2\r\n\r\nsecond\r\n.\r\n"[..])
        );
    }
}

#[tokio::test]
async fn without_a_clean_reset_the_session_is_over() {
    for answer in [
        say("451 not now\r\n"),
        say("250garbage\r\n"),
        say("250 ok\r\n250 and more\r\n"),
        Say::Hang,
        Say::Close,
    ] {
        let script = [("RCPT", say("550 5.1.1 no\r\n")), ("RSET", answer)];
        let fake = Fake::start(&script).await;
        let mut session = session_with(
            &fake,
            Timeouts {
                reset: Duration::from_secs(1),
                ..patient()
            },
        )
        .await;
        let outcome = send_mail(&mut session, RITA, MAIL.as_bytes()).await;
        // The verdict stands whatever becomes of the connection.
        let SendOutcome::Failed(failure) = outcome else {
            unreachable!("{outcome:?}")
        };
        assert_eq!(
            (failure.stage, failure.class),
            (Stage::Rcpt, Class::Permanent)
        );
        assert!(!session.is_usable());
    }
}

#[tokio::test]
async fn a_hundred_letters_go_through_one_connection() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, patient()).await;
    for _ in 0..100 {
        let outcome = send_mail(&mut session, RITA, MAIL.as_bytes()).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }));
    }
    session.quit().await;
    let heard = fake.finish().await;
    assert_eq!((heard.bodies.len(), heard.count("RSET")), (100, 0));
}

#[tokio::test]
async fn a_server_that_left_between_two_letters_costs_no_verdict() {
    let bye = Say::ThenClose(b"250 2.0.0 ok\r\n421 4.4.2 idle too long\r\n".to_vec());
    for (farewell, usable) in [(bye, false), (Say::ThenClose(b"250 ok\r\n".to_vec()), true)] {
        let fake = Fake::start(&[(".", farewell)]).await;
        let mut session = session_with(&fake, patient()).await;
        let first = send_mail(&mut session, RITA, MAIL.as_bytes()).await;
        assert!(matches!(first, SendOutcome::Accepted { .. }), "{first:?}");
        assert_eq!(session.is_usable(), usable);
        fake.finish().await;
        let second = send_mail(&mut session, RITA, MAIL.as_bytes()).await;
        let SendOutcome::Failed(failure) = second else {
            unreachable!("{second:?}")
        };
        assert_eq!(
            (failure.stage, failure.class, failure.code),
            (Stage::MailFrom, Class::Temporary, None)
        );
        assert!(!session.is_usable());
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_sent_to_costs_no_byte_and_no_connection() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, patient()).await;
    for (sender, recipient, stage, class) in [
        (SAM, "rita@x.test>\r\nDATA", Stage::Rcpt, Class::Permanent),
        (SAM, "", Stage::Rcpt, Class::Permanent),
        (SAM, "\u{440}@x.test", Stage::Rcpt, Class::Permanent),
        ("sam\r\nRSET", RITA, Stage::MailFrom, Class::Ours),
    ] {
        let compose = async || Ok(MAIL.as_bytes().to_vec());
        let outcome = session.send(sender, recipient, compose, yes()).await;
        let expected = Failure {
            stage,
            class,
            code: None,
            text: "address not sendable".to_owned(),
        };
        assert_eq!(outcome, SendOutcome::Failed(expected));
        assert!(session.is_usable());
    }
    assert_eq!(fake.heard().commands, ["EHLO desk.school.test"]);
    for (sender, recipient) in [("", "a..b@x.test"), (SAM, ".odd.@x.test")] {
        let compose = async || Ok(MAIL.as_bytes().to_vec());
        let outcome = session.send(sender, recipient, compose, yes()).await;
        assert!(
            matches!(outcome, SendOutcome::Accepted { .. }),
            "{outcome:?}"
        );
    }
    drop(session);
    let heard = fake.finish().await;
    assert_eq!(heard.commands[1], "MAIL FROM:<>");
    assert_eq!(heard.commands[2], "RCPT TO:<a..b@x.test>");
    assert_eq!(heard.commands[5], "RCPT TO:<.odd.@x.test>");
}

#[tokio::test]
async fn the_futures_can_be_spawned() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let fake = Fake::start(&[]).await;
    let server = server_at(fake.port, Security::PlainLoopback);
    let timeouts = patient();
    let opened = is_send(SmtpSession::open(&server, &timeouts)).await;
    let mut session = is_send(opened.expect("the fake lets us in"));
    let compose = || async { Ok(MAIL.as_bytes().to_vec()) };
    let outcome = is_send(session.send(SAM, RITA, compose, yes())).await;
    assert!(matches!(outcome, SendOutcome::Accepted { .. }));
    is_send(session.quit()).await;
}
