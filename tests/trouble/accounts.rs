//! Passwords that are wrong. These two wait the longest: they are begun first, and together.

use std::thread::sleep;
use std::time::Duration;

use super::support::{Desk, Engine, Program, wait_until};
use super::{RECOVERY, each_once, own_lab, stranger_writes, warnings};

/// How long an outage is watched for hammering.
const WATCHED: Duration = Duration::from_secs(20);

#[test]
fn a_wrong_password_is_tried_seldom_said_once_and_mended_without_a_restart() {
    std::thread::scope(|both| {
        both.spawn(imap_is_refused);
        both.spawn(smtp_is_refused);
    });
}

/// The mailbox is read again, and its letters are registered, after the fix.
fn imap_is_refused() {
    let lab = own_lab();
    let mut desk = Desk::new(&lab, Engine::Sqlite, |_| {});
    desk.start();
    let refused = || {
        let log = lab.log("dovecot");
        log.lines()
            .filter(|line| line.contains("imap-login") && line.contains("auth failed"))
            .count()
    };
    lab.set_password(&desk.help, "another");
    // The open session would go on for ever.
    lab.maillab("kill9", &["dovecot"]);
    lab.maillab("start", &["dovecot"]);
    let letter = stranger_writes(&desk, 1);
    let poll = format!("poll:{}", desk.help);
    wait_until(RECOVERY, "the login is refused", || {
        (refused() > 0).then_some(())
    });
    sleep(WATCHED);
    assert!(refused() <= 2, "{} logins in {WATCHED:?}", refused());
    let said: Vec<String> = warnings(&desk.log(Program::Poller), &poll)
        .into_iter()
        .filter(|line| {
            line.to_lowercase().contains("login") || line.to_lowercase().contains("auth")
        })
        .collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(!said[0].contains("secret"), "{said:?}");

    lab.set_password(&desk.help, "secret");
    // Two minutes between refused logins, a quarter of which is over.
    let log = |desk: &Desk| desk.log(Program::Poller);
    wait_until(Duration::from_secs(150), "it logs in again", || {
        log(&desk).contains("works again").then_some(())
    });
    desk.wait_until_quiet(1);
    each_once(&desk, &[&letter]);
    desk.stop_both();
}

/// Letters stay due, and leave after the fix.
fn smtp_is_refused() {
    let lab = own_lab();
    let mut desk = Desk::new(&lab, Engine::Sqlite, |_| {});
    desk.start();
    // The IMAP session stands; only new logins are refused.
    lab.set_password(&desk.help, "another");
    let letters = [stranger_writes(&desk, 1), stranger_writes(&desk, 2)];
    let refused = || lab.log("postfix").matches("authentication failed").count();
    wait_until(RECOVERY, "both daemons are refused", || {
        (refused() >= 2).then_some(())
    });
    sleep(WATCHED);
    assert!(refused() <= 4, "{} logins in {WATCHED:?}", refused());
    for program in Program::BOTH {
        let said = warnings(&desk.log(program), "deliver:");
        assert_eq!(said.len(), 1, "{said:?}");
    }
    let tried = desk
        .database
        .count("letter WHERE state <> 'due' OR attempts > 0");
    assert_eq!(tried, 0, "a refused login costs no letter an attempt");
    lab.set_password(&desk.help, "secret");
    each_once(&desk, &letters.each_ref());
    let notices = "letter WHERE kind = 'notice' AND state = 'sent'";
    wait_until(RECOVERY, "the notices have left", || {
        (desk.database.count(notices) == 4).then_some(())
    });
    desk.stop_both();
}
