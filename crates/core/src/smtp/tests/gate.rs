//! The last look, and what is known when something happens around it.

use std::{
    future::Future,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::oneshot;

use super::{
    fake::{Fake, Heard, Say, say},
    *,
};
use crate::smtp::{Class, Failure, Stage};

/// [`MAIL`] on the wire, without its end.
const STUFFED: &[u8] = b"Subject: x\r\n\r\nHello\r\n..\r\n...dots";

/// Waits until the server has heard the whole body, and nothing more.
async fn body_has_arrived(ear: Arc<Mutex<Heard>>) {
    loop {
        let heard = ear.lock().expect("not poisoned").bodies.last().cloned();
        if heard.is_some_and(|body| body == STUFFED) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn send_through(
    session: &mut SmtpSession,
    gate: impl Future<Output = Result<(), Refusal>> + Send + 'static,
) -> SendOutcome {
    let compose = async || Ok(MAIL.as_bytes().to_vec());
    session.send(SAM, RITA, compose, gate).await
}

fn failed(stage: Stage, class: Class, text: &str) -> SendOutcome {
    SendOutcome::Failed(Failure {
        stage,
        class,
        code: None,
        text: text.to_owned(),
    })
}

#[tokio::test]
async fn when_the_gate_is_asked_the_server_has_the_body_and_not_its_end() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, patient()).await;
    let ear = fake.ear();
    let outcome = send_through(&mut session, async move {
        body_has_arrived(ear).await;
        Ok(())
    })
    .await;
    assert_eq!(
        outcome,
        SendOutcome::Accepted {
            reply: "2.0.0 queued as 1".to_owned()
        }
    );
    assert!(session.is_usable() && session.end_of_data_written());
    session.quit().await;
    let heard = fake.finish().await;
    assert_eq!(heard.bodies, [[STUFFED, b"\r\n.\r\n"].concat()]);
    assert_eq!(heard.commands.last().map(String::as_str), Some("QUIT"));
}

#[tokio::test]
async fn a_gate_that_says_no_leaves_no_terminator_on_the_wire() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, patient()).await;
    let ear = fake.ear();
    let outcome = send_through(&mut session, async move {
        body_has_arrived(ear).await;
        Err(Refusal::new("18:00:00"))
    })
    .await;
    assert_eq!(outcome, SendOutcome::GateClosed(Refusal::new("18:00:00")));
    assert!(!session.is_usable() && !session.end_of_data_written());
    // The connection is gone although the session still lives; not even QUIT was said.
    let heard = fake.finish().await;
    assert_eq!(heard.bodies, [STUFFED]);
    assert_eq!(heard.count("QUIT"), 0);
    let again = send_mail(&mut session, RITA, MAIL.as_bytes()).await;
    let text = "the connection is no longer usable";
    assert_eq!(again, failed(Stage::MailFrom, Class::Temporary, text));
}

#[tokio::test]
async fn a_gate_that_never_answers_is_a_no() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, quick()).await;
    let outcome = send_through(&mut session, std::future::pending()).await;
    let text = "timed out: the last look gave no answer";
    assert_eq!(outcome, failed(Stage::EndOfData, Class::Temporary, text));
    assert!(!session.is_usable() && !session.end_of_data_written());
    assert_eq!(fake.finish().await.bodies, [STUFFED]);
}

#[tokio::test]
async fn a_yes_that_took_its_thread_away_for_too_long_is_stale() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, patient()).await;
    let outcome = send_through(&mut session, async {
        // As a stopped process would look from inside (C08).
        std::thread::sleep(Duration::from_millis(1100));
        Ok(())
    })
    .await;
    let text = "the process was paused at the end of data";
    assert_eq!(outcome, SendOutcome::GateClosed(Refusal::new(text)));
    assert!(!session.is_usable() && !session.end_of_data_written());
    assert_eq!(fake.finish().await.bodies, [STUFFED]);
}

#[tokio::test]
async fn a_server_that_speaks_or_leaves_while_the_gate_is_asked_gets_no_end_of_data() {
    for (answer, text) in [
        (
            say("354 go\r\n250 2.0.0 queued already\r\n"),
            "the server spoke out of turn: 250 2.0.0 queued already",
        ),
        (
            Say::ThenClose(b"354 go\r\n".to_vec()),
            "the server closed the connection",
        ),
    ] {
        let fake = Fake::start(&[("DATA", answer)]).await;
        let mut session = session_with(&fake, patient()).await;
        let outcome = send_through(&mut session, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(())
        })
        .await;
        // A closed socket may be noticed by the write as well as by the look before it.
        let SendOutcome::Failed(failure) = outcome else {
            unreachable!("{outcome:?}")
        };
        assert_eq!(
            (failure.stage, failure.class, failure.code),
            (Stage::EndOfData, Class::Temporary, None)
        );
        assert!(
            failure.text == text || failure.text.starts_with("the connection was lost"),
            "{failure}"
        );
        assert!(!session.is_usable() && !session.end_of_data_written());
        drop(session);
        let heard = fake.finish().await;
        assert!(heard.bodies.iter().all(|body| !body.ends_with(b".\r\n")));
    }
}

#[tokio::test]
async fn a_send_dropped_while_the_gate_is_asked_leaves_no_mail() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, patient()).await;
    let (asked, was_asked) = oneshot::channel();
    let ear = fake.ear();
    let sending = send_through(&mut session, async move {
        body_has_arrived(ear).await;
        let _ = asked.send(());
        std::future::pending().await
    });
    let outcome = tokio::select! {
        outcome = sending => Some(outcome),
        _ = was_asked => None,
    };
    assert_eq!(outcome, None);
    assert!(!session.is_usable() && !session.end_of_data_written());
    assert_eq!(fake.finish().await.bodies, [STUFFED]);
}

#[tokio::test]
async fn a_send_dropped_after_the_end_of_data_says_so() {
    let fake = Fake::start(&[(".", Say::Hang)]).await;
    let mut session = session_with(&fake, patient()).await;
    let ear = fake.ear();
    let server_has_it = async {
        loop {
            let heard = ear.lock().expect("not poisoned").bodies.concat();
            if heard.ends_with(b"\r\n.\r\n") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let outcome = tokio::select! {
        outcome = send_through(&mut session, yes()) => Some(outcome),
        () = server_has_it => None,
    };
    assert_eq!(outcome, None);
    assert!(!session.is_usable());
    assert!(session.end_of_data_written(), "the caller must know");
}

#[tokio::test]
async fn composing_happens_after_the_recipient_is_accepted_and_may_refuse() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, patient()).await;
    let ear = fake.ear();
    let composed = AtomicBool::new(false);
    let compose = async || {
        composed.store(true, Ordering::Relaxed);
        let heard = ear.lock().expect("not poisoned").clone();
        assert_eq!((heard.count("RCPT"), heard.count("DATA")), (1, 0));
        Err(Refusal::new("cancelled"))
    };
    let outcome = session.send(SAM, RITA, compose, yes()).await;
    assert_eq!(outcome, SendOutcome::GateClosed(Refusal::new("cancelled")));
    assert!(composed.load(Ordering::Relaxed) && session.is_usable());
    drop(session);
    let heard = fake.finish().await;
    assert_eq!((heard.count("DATA"), heard.count("RSET")), (0, 1));
}

#[tokio::test]
async fn composing_that_never_ends_or_ends_badly_never_reaches_data() {
    let fake = Fake::start(&[]).await;
    let mut session = session_with(&fake, quick()).await;
    let compose = async || std::future::pending().await;
    let outcome = session.send(SAM, RITA, compose, yes()).await;
    let text = "timed out: the letter was not composed";
    assert_eq!(outcome, failed(Stage::Data, Class::Temporary, text));
    for (mail, text) in [
        (
            &b"Subject: x\r\n\r\n\n.\nMAIL FROM:<x>\r\n"[..],
            "bare LF at byte 14",
        ),
        (b"", "the mail does not begin with a header field"),
        (b"A: \xff\r\n", "8-bit byte at byte 3"),
    ] {
        let outcome = send_mail(&mut session, RITA, mail).await;
        assert_eq!(outcome, failed(Stage::Data, Class::Ours, text));
        assert!(session.is_usable());
    }
    drop(session);
    let heard = fake.finish().await;
    assert_eq!((heard.count("DATA"), heard.count("RSET")), (0, 4));
}

#[tokio::test]
async fn a_mail_the_server_does_not_take_is_given_up_and_not_ended() {
    // It says 354 and then reads nothing: kernel buffers fill, and the block limit ends it.
    let fake = Fake::start(&[("DATA", Say::Deaf(b"354 go\r\n"))]).await;
    let mut session = session_with(&fake, quick()).await;
    let line = "x".repeat(900) + "\r\n";
    let mail = format!("Subject: big\r\n\r\n{}", line.repeat(20_000));
    let asked = Arc::new(AtomicBool::new(false));
    let gate = {
        let asked = Arc::clone(&asked);
        async move {
            asked.store(true, Ordering::Relaxed);
            Ok(())
        }
    };
    let compose = async || Ok(mail.into_bytes());
    let outcome = session.send(SAM, RITA, compose, gate).await;
    let text = "timed out: the body is not being taken";
    assert_eq!(outcome, failed(Stage::EndOfData, Class::Temporary, text));
    assert!(
        !asked.load(Ordering::Relaxed),
        "the gate comes after the body"
    );
    assert!(!session.is_usable() && !session.end_of_data_written());
}
