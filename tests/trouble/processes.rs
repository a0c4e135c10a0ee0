//! Daemons that are asked to stop in the middle of things, and two of them where one is enough.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::support::{Daemon, Desk, Engine, Letter, Program, on_both_engines, wait_until};
use super::{CATCH_ALL, RECOVERY, answers, each_once, own_lab, stranger_writes};

/// The longest a stop may take (promise P22).
const STOP: Duration = Duration::from_secs(30);

on_both_engines! {
    fn two_pollers_take_turns(engine) {
        let lab = own_lab();
        let mut desk = Desk::new(&lab, engine, |_| {});
        desk.start();
        let second_log = desk.dir().join("second.log");
        let mut second = Daemon::start(Program::Poller, &desk.config_file(), &second_log, &[]);
        wait_until(RECOVERY, "the second waits", || second.log().contains("another poller reads this mailbox").then_some(()));
        let mut letters: Vec<Letter> = (1..=5).map(|number| stranger_writes(&desk, number)).collect();
        each_once(&desk, &letters.iter().collect::<Vec<_>>());
        assert!(!second.log().contains("registered"), "{}", second.log());
        assert!(second.ended().is_none());

        desk.kill(Program::Poller);
        letters.extend((6..=10).map(|number| stranger_writes(&desk, number)));
        let begun = Instant::now();
        wait_until(Duration::from_secs(20), "the second has taken over", || {
            (desk.database.count("ledger WHERE outcome = 'ticket'") == 10).then_some(())
        });
        assert!(begun.elapsed() < Duration::from_secs(15), "the same host sees at once that the holder is dead");
        each_once(&desk, &letters.iter().collect::<Vec<_>>());
        assert!(second.log().contains("registered"));
        let (status, _) = second.stop(STOP);
        assert_eq!(status.code(), Some(0));
        desk.stop(Program::Worker);
    }
}

#[test]
fn a_stop_while_waiting_for_news_is_quick() {
    let lab = own_lab();
    let mut desk = Desk::new(&lab, Engine::Sqlite, |config| {
        config.quick_poll_ms = 0;
        config.poll_interval_s = 300;
    });
    desk.start();
    let letter = stranger_writes(&desk, 1);
    each_once(&desk, &[&letter]);
    for program in Program::BOTH {
        let took = desk.stop(program);
        assert!(
            took < Duration::from_secs(5),
            "the {} took {took:?}",
            program.name()
        );
    }
    // Nothing is left in hand, and what comes meanwhile is found.
    let missed = stranger_writes(&desk, 2);
    desk.start();
    each_once(&desk, &[&letter, &missed]);
    desk.stop_both();
}

#[test]
fn a_stop_while_slow_recipients_are_in_hand_loses_and_repeats_nothing() {
    let lab = own_lab();
    let mut desk = Desk::new(&lab, Engine::Sqlite, |config| {
        config.specialists[0].2 = "slow@fault.test".to_owned();
    });
    desk.start();
    let from = "slow+writer@fault.test";
    let slow = Letter::new("", from, &desk.help, "Медленно", "Помогите.");
    desk.receive(from, &slow);
    desk.wait("its receipt and a notice are in hand", |desk| {
        let in_hand = "letter WHERE state = 'sending' AND recipient_address LIKE 'slow%'";
        (desk.database.count(in_hand) == 2).then_some(())
    });
    // Both at once, as a machine that goes down does.
    for program in Program::BOTH {
        desk.running(program)
            .expect("it was started")
            .signal(Signal::TERM);
    }
    for program in Program::BOTH {
        assert!(desk.stop(program) < STOP);
    }
    let left = desk.database.count("letter WHERE state = 'sending'");
    assert_eq!(left, 0, "what was in hand is finished or given back");
    desk.start();
    each_once(&desk, &[&slow]);
    wait_until(RECOVERY, "both notices have left", || {
        (desk
            .database
            .count("letter WHERE kind = 'notice' AND state = 'sent'")
            == 2)
            .then_some(())
    });
    desk.stop_both();
    let uuid = slow.uuid.clone();
    let told = desk
        .inbox(CATCH_ALL)
        .into_iter()
        .filter(|mail| mail.says(&uuid));
    assert!(told.count() <= 2, "the receipt and one notice");
    assert_eq!(answers(&desk, &slow).len(), 1);
}
