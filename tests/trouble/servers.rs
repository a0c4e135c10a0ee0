//! Passwords that are wrong, mail servers that are away or hang.

use std::thread::sleep;
use std::time::Duration;

use super::support::{Desk, Engine, Program, on_both_engines, wait_until};
use super::{RECOVERY, each_once, letter_of_stranger, own_lab, stranger_writes, warnings};

/// How long an outage is watched for hammering.
const WATCHED: Duration = Duration::from_secs(20);

#[test]
fn a_wrong_imap_password_is_tried_seldom_said_once_and_mended_without_a_restart() {
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

#[test]
fn with_a_wrong_smtp_password_letters_stay_due_and_leave_after_the_fix() {
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

on_both_engines! {
    fn an_imap_server_away_at_the_start_and_later_loses_and_repeats_nothing(engine) {
        let lab = own_lab();
        let mut desk = Desk::new(&lab, engine, |_| {});
        desk.start();
        desk.stop_both();
        let mut letters = vec![stranger_writes(&desk, 1)];
        lab.maillab("stop", &["dovecot"]);
        for program in Program::BOTH {
            desk.start_one(program, &[]);
        }
        let poll = format!("poll:{}", desk.help);
        desk.wait("the poller says that it is away", |desk| {
            (warnings(&desk.log(Program::Poller), &poll).len() == 1).then_some(())
        });
        lab.maillab("start", &["dovecot"]);
        letters.push(stranger_writes(&desk, 2));
        desk.wait_until_quiet(2);

        lab.maillab("kill9", &["dovecot"]);
        lab.maillab("start", &["dovecot"]);
        letters.push(stranger_writes(&desk, 3));
        desk.wait_until_quiet(3);

        lab.maillab("freeze", &["dovecot"]);
        let held = letter_of_stranger(&desk, 4);
        lab.put(&desk.help, &held.raw());
        sleep(Duration::from_secs(3));
        lab.maillab("thaw", &["dovecot"]);
        letters.push(held);
        desk.wait_until_quiet(4);
        letters.push(stranger_writes(&desk, 5));
        each_once(&desk, &letters.iter().collect::<Vec<_>>());
        desk.stop_both();
    }

    fn receipts_wait_for_the_smtp_server_and_cost_no_attempts(engine) {
        let lab = own_lab();
        let mut desk = Desk::new(&lab, engine, |_| {});
        desk.start();
        lab.maillab("stop", &["postfix"]);
        let letters = [stranger_writes(&desk, 1), stranger_writes(&desk, 2)];
        desk.wait("both are registered though nothing can be sent", |desk| {
            (desk.database.count("ledger WHERE outcome = 'ticket'") == 2).then_some(())
        });
        desk.wait("both daemons say that it is away", |desk| {
            let said = Program::BOTH.map(|program| warnings(&desk.log(program), "deliver:").len());
            (said == [1, 1]).then_some(())
        });
        assert_eq!(desk.database.count("letter WHERE state <> 'due' OR attempts > 0"), 0);
        lab.maillab("start", &["postfix"]);
        each_once(&desk, &letters.each_ref());
        desk.wait("the notices have left", |desk| {
            (desk.database.count("letter WHERE kind = 'notice' AND state = 'sent'") == 4).then_some(())
        });
        assert_eq!(desk.database.count("letter WHERE attempts <> 1"), 0);
        desk.stop_both();
    }
}
