//! B04: every stage against every kind of answer. Permanent only on a clean 5xx to that command; ambiguous
//! only after the end of data; the connection survives only a clean refusal.

use super::{
    fake::{Fake, Say, say},
    *,
};
use crate::smtp::{Class, Failure, Stage};

/// What one cell of the table must come to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Accepted,
    Ambiguous,
    Failed(Class, Option<u16>),
}
use Expected::{Accepted, Ambiguous, Failed};

const STEPS: [(&str, Stage); 4] = [
    ("MAIL", Stage::MailFrom),
    ("RCPT", Stage::Rcpt),
    ("DATA", Stage::Data),
    (".", Stage::EndOfData),
];

/// Runs one answer through all four stages. `usable` is about the session afterwards.
async fn check(name: &str, answer: Say, expected: [Expected; 4], usable: [bool; 4]) {
    for (((step, stage), expected), usable) in STEPS.into_iter().zip(expected).zip(usable) {
        let fake = Fake::start(&[(step, answer.clone())]).await;
        let timeouts = if matches!(answer, Say::Hang) {
            quick()
        } else {
            patient()
        };
        let mut session = session_with(&fake, timeouts).await;
        let outcome = send_mail(&mut session, RITA, MAIL.as_bytes()).await;
        let got = match &outcome {
            SendOutcome::Accepted { .. } => Accepted,
            SendOutcome::Ambiguous { .. } => Ambiguous,
            SendOutcome::Failed(Failure {
                stage: at,
                class,
                code,
                text,
            }) => {
                assert_eq!(*at, stage, "{name} at {stage}");
                assert!(text.chars().count() <= 200 && !text.chars().any(char::is_control));
                Failed(*class, *code)
            }
            SendOutcome::GateClosed(_) => unreachable!("nobody refuses here"),
        };
        assert_eq!(got, expected, "{name} at {stage}: {outcome:?}");
        assert_eq!(session.is_usable(), usable, "{name} at {stage}: usable");
        let ambiguous_or_accepted = stage == Stage::EndOfData;
        assert_eq!(
            session.end_of_data_written(),
            ambiguous_or_accepted || expected == Accepted,
            "{name} at {stage}: written"
        );
        drop(session);
        let heard = fake.finish().await;
        // Whatever is not accepted before the end of data leaves no mail on the server.
        let ended = heard.bodies.iter().any(|body| body.ends_with(b"\r\n.\r\n"));
        assert_eq!(
            ended,
            stage == Stage::EndOfData || expected == Accepted,
            "{name} at {stage}"
        );
    }
}

const NEVER: [bool; 4] = [false; 4];
const ALWAYS: [bool; 4] = [true; 4];

fn temporary(code: u16) -> [Expected; 4] {
    [Failed(Class::Temporary, Some(code)); 4]
}

/// No usable reply: try again before the end of data, ambiguous after it.
const NO_REPLY: [Expected; 4] = [
    Failed(Class::Temporary, None),
    Failed(Class::Temporary, None),
    Failed(Class::Temporary, None),
    Ambiguous,
];

#[tokio::test]
async fn clean_refusals_are_sorted_and_leave_the_connection_usable() {
    use Class::{Ours, Permanent, Policy, Temporary};
    check("4xx", say("451 4.3.0 later\r\n"), temporary(451), ALWAYS).await;
    check("4xx bare", say("450\r\n"), temporary(450), ALWAYS).await;
    for (name, text, code, mail, rest) in [
        ("5xx", "550 5.1.1 no\r\n", 550, Ours, [Permanent; 3]),
        ("5xx bare", "550\r\n", 550, Ours, [Permanent; 3]),
        ("5xx blank", "554 \r\n", 554, Ours, [Permanent; 3]),
        (
            "5xx lines",
            "550-5.1.1 one\r\n550 5.1.1 two\r\n",
            550,
            Ours,
            [Permanent; 3],
        ),
        (
            "5xx 8-bit",
            "550 5.1.1 \u{43d}\u{435}\u{442}\r\n",
            550,
            Ours,
            [Permanent; 3],
        ),
        (
            "size",
            "552 5.3.4 too big\r\n",
            552,
            Permanent,
            [Permanent; 3],
        ),
        (
            "policy",
            "554 5.7.1 no\r\n",
            554,
            Policy,
            [Permanent, Policy, Policy],
        ),
        (
            "rate",
            "451 4.7.1 slow\r\n",
            451,
            Policy,
            [Temporary, Policy, Policy],
        ),
        ("login", "530 5.7.0 log in\r\n", 530, Ours, [Ours; 3]),
        ("password", "535 5.7.8 no\r\n", 535, Ours, [Ours; 3]),
    ] {
        let rest = rest.map(|class| Failed(class, Some(code)));
        let expected = [Failed(mail, Some(code)), rest[0], rest[1], rest[2]];
        check(name, say(text), expected, ALWAYS).await;
    }
}

#[tokio::test]
async fn refusals_that_say_more_than_no_end_the_connection() {
    use Class::{Ours, Temporary};
    check("421", say("421 4.3.2 bye\r\n"), temporary(421), NEVER).await;
    let goodbye = Say::ThenClose(b"421 4.3.2 bye\r\n".to_vec());
    check("421, closed", goodbye, temporary(421), NEVER).await;
    let wrong = say("550 4.1.1 odd\r\n");
    check("wrong enhanced code", wrong, temporary(550), NEVER).await;
    let mut expected = temporary(503);
    expected[0] = Failed(Ours, Some(503));
    let lost = say("503 5.5.1 nested MAIL\r\n");
    check("503", lost, expected, NEVER).await;
    // A clean refusal counts even if the server talks on; the connection does not.
    let talks_on = say("450 busy\r\n250 ok\r\n");
    check(
        "talks on",
        talks_on,
        [Failed(Temporary, Some(450)); 4],
        NEVER,
    )
    .await;
}

#[tokio::test]
async fn whatever_is_no_reply_is_never_permanent() {
    for (name, answer) in [
        ("hang", Say::Hang),
        ("close", Say::Close),
        ("cut in a reply", Say::ThenClose(b"550 5.1.1 unk".to_vec())),
        (
            "cut between lines",
            Say::ThenClose(b"550-5.1.1 unknown\r\n".to_vec()),
        ),
        ("garbage", say("250garbage\r\n")),
        ("one digit", say("2\r\n")),
        ("empty line", say("\r\n")),
        ("mixed codes", say("550-5.1.1 a\r\n250 b\r\n")),
        ("mixed refusals", say("550-5.1.1 a\r\n450 b\r\n")),
        ("bare LF", say("550 5.1.1 no\n")),
        ("escape", say("550 5.1.1 \x1b[2J\r\n")),
        ("NUL", say("550 5.1.1 \0\r\n")),
        ("no such code", say("699 no\r\n")),
        (
            "long line",
            Say::Bytes([&b"550 "[..], &[b'x'; 3000], b"\r\n"].concat()),
        ),
        ("many lines", Say::Bytes(b"550-x\r\n".repeat(10_000))),
        ("endless line", Say::Endless(b"xxxxxxxxxxxxxxxx")),
        ("continue", say("334 go on\r\n")),
        ("odd success", say("221 2.0.0 bye\r\n")),
    ] {
        check(name, answer, NO_REPLY, NEVER).await;
    }
    let mut expected = NO_REPLY;
    expected[2] = Accepted;
    let mut usable = NEVER;
    usable[2] = true;
    check("354 out of place", say("354 go\r\n"), expected, usable).await;
}

#[tokio::test]
async fn the_success_codes_are_those_of_the_command_in_any_spelling() {
    let data_fails = [Accepted, Accepted, Failed(Class::Temporary, None), Accepted];
    let usable = [true, true, false, true];
    for text in [
        "250\r\n",
        "250 \r\n",
        "250-a\r\n250-b\r\n250 c\r\n",
        "250 5.0.0 odd\r\n",
    ] {
        check(text, say(text), data_fails, usable).await;
    }
    let only_rcpt = [
        Failed(Class::Temporary, None),
        Accepted,
        Failed(Class::Temporary, None),
        Ambiguous,
    ];
    let usable = [false, true, false, false];
    check("251", say("251 will forward\r\n"), only_rcpt, usable).await;
}
