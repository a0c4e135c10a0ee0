//! What a service manager hears: when a daemon is ready, that it lives, that it hangs; and what SIGHUP does.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::process::Signal;

use super::support::hold::Holds;
use super::support::manager::Manager;
use super::support::{Desk, Engine, Lab, Program, wait_until};
use super::{RECOVERY, in_full, rita_writes};

/// How long the tests' manager waits for a sign of life.
const PATIENCE: Duration = Duration::from_secs(3);

fn desk_and_manager() -> (Desk, Manager) {
    let desk = Desk::new(&Lab::shared(), Engine::Sqlite, |_| {});
    let manager = Manager::new(desk.dir(), PATIENCE);
    (desk, manager)
}

fn log_says(desk: &Desk, program: Program, words: &str) {
    wait_until(RECOVERY, words, || {
        desk.log(program).contains(words).then_some(())
    });
}

#[test]
fn ready_means_that_mailbox_and_database_answered_and_a_broken_file_changes_nothing() {
    for program in Program::BOTH {
        let (mut desk, mut manager) = desk_and_manager();
        let password = desk.dir().join("mail.password");
        let right = fs::read_to_string(&password).expect("the password");
        fs::write(&password, "wrong\n").expect("written");
        desk.start_one(program, &manager.environment());
        // Refused: not ready, but asking for more time, and saying why.
        wait_until(RECOVERY, "the manager hears why", || {
            let heard = manager.heard();
            heard
                .iter()
                .any(|line| line.starts_with("STATUS=") && line.contains("server"))
                .then_some(())
        });
        manager.wait_for("EXTEND_TIMEOUT_USEC=");
        assert_eq!(manager.count("READY=1"), 0, "{:?}", manager.heard());
        // The right password, and the same file again.
        fs::write(&password, &right).expect("written");
        desk.signal(program, Signal::HUP);
        manager.wait_for("READY=1");
        assert_eq!(manager.count("RELOADING=1"), 1);
        assert_eq!(manager.count("READY=1"), 1);
        wait_until(RECOVERY, "all is well", || {
            manager
                .heard()
                .contains(&"STATUS=all is well")
                .then_some(())
        });
        // A file that says nothing sensible: the old one stays in force.
        let sound = fs::read_to_string(desk.config_file()).expect("the configuration");
        fs::write(desk.config_file(), format!("{sound}\n[desk]\nnmae = 7\n")).expect("written");
        desk.signal(program, Signal::HUP);
        log_says(&desk, program, "the configuration was not changed");
        let log = desk.log(program);
        assert!(log.contains("nmae") || log.contains("desk"), "{log}");
        assert_eq!(manager.count("RELOADING=1"), 1);
        manager.wait_for("WATCHDOG=1");
        fs::write(desk.config_file(), &sound).expect("written");
        if program == Program::Poller {
            let letter = rita_writes(&desk, 1);
            desk.wait_for_receipt(&desk.rita.clone(), &letter);
        }
        desk.stop(program);
        assert_eq!(manager.count("STOPPING=1"), 1);
    }
}

#[test]
fn a_loop_that_hangs_is_heard_by_the_silence_and_the_restart_finds_all() {
    let points: &[(Program, &str)] = if in_full() {
        &[
            (Program::Poller, "fetched"),
            (Program::Poller, "raw_stored"),
            (Program::Poller, "parsed"),
            (Program::Poller, "committed"),
            (Program::Poller, "flagged"),
            (Program::Poller, "claimed"),
            (Program::Poller, "rcpt_ok"),
            (Program::Poller, "got_250"),
            (Program::Worker, "claimed"),
            (Program::Worker, "rcpt_ok"),
        ]
    } else {
        &[(Program::Poller, "parsed"), (Program::Worker, "claimed")]
    };
    for &(program, point) in points {
        let (mut desk, mut manager) = desk_and_manager();
        let holds = Holds::new(desk.dir().join("holds"));
        let environment = [manager.environment().to_vec(), holds.environment().to_vec()].concat();
        for one in Program::BOTH {
            desk.start_one(one, if one == program { &environment } else { &[] });
        }
        manager.wait_for("READY=1");
        // Idle for longer than the manager waits: the loops say so.
        let signs = manager.count("WATCHDOG=1");
        wait_until(RECOVERY, "signs of life", || {
            (manager.count("WATCHDOG=1") > signs + 10).then_some(())
        });
        holds.arm(point);
        let letter = rita_writes(&desk, 1);
        holds.wait_for(point);
        manager.wait_for_silence(PATIENCE);
        // As systemd does then.
        desk.kill(program);
        desk.start_one(program, &[]);
        let ivan = desk.ivan.clone();
        desk.wait_for_receipt(&desk.rita.clone(), &letter);
        desk.wait_for_notice(&ivan, &letter);
        desk.wait_until_quiet(1);
        assert_eq!(desk.tickets().len(), 1, "at {point}");
        desk.stop_both();
    }
}

#[test]
fn a_stop_at_any_point_gives_back_what_was_claimed() {
    let points: &[(Program, &str)] = &[
        (Program::Poller, "fetched"),
        (Program::Poller, "parsed"),
        (Program::Poller, "committed"),
        (Program::Poller, "rcpt_ok"),
        (Program::Worker, "claimed"),
        (Program::Worker, "got_250"),
    ];
    let points = if in_full() { points } else { &points[2..5] };
    for &(program, point) in points {
        let mut desk = Desk::new(&Lab::shared(), Engine::Sqlite, |_| {});
        let holds = Holds::new(desk.dir().join("holds"));
        for one in Program::BOTH {
            desk.start_one(one, &holds.environment());
        }
        desk.wait_for_poll();
        holds.arm(point);
        let letter = rita_writes(&desk, 1);
        holds.wait_for(point);
        // Asked twice, in the middle of it.
        desk.signal(program, Signal::TERM);
        desk.signal(program, Signal::TERM);
        holds.release(point);
        let took = desk.stop(program);
        assert!(took < Duration::from_secs(30), "at {point}: {took:?}");
        assert_eq!(
            desk.database.count("letter WHERE state = 'sending'"),
            0,
            "at {point}"
        );
        desk.start_one(program, &[]);
        let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
        desk.wait_for_receipt(&rita, &letter);
        desk.wait_for_notice(&ivan, &letter);
        desk.wait_until_quiet(1);
        assert_eq!(desk.tickets().len(), 1, "at {point}");
        assert_eq!(
            desk.inbox(&rita)
                .iter()
                .filter(|mail| mail.is_automatic())
                .count(),
            1,
            "at {point}"
        );
        desk.stop_both();
    }
}

#[test]
fn a_configuration_that_cannot_be_run_changes_nothing_and_of_two_reloads_the_second_counts() {
    let (mut desk, mut manager) = desk_and_manager();
    desk.start_one(Program::Poller, &manager.environment());
    manager.wait_for("READY=1");
    let sound = fs::read_to_string(desk.config_file()).expect("the configuration");
    // They read well, and what they name cannot be used.
    let key = desk.dir().join("other.key");
    fs::write(&key, "12 34\n").expect("written");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("set");
    let url = desk.database.url();
    for (named, other) in [
        ("token.key", "other.key"),
        (url.as_str(), "sqlite:/nonexistent/other.db"),
        (url.as_str(), "postgres://nobody@127.0.0.1:1/nothing"),
    ] {
        let changed = sound.replace(named, other);
        assert_ne!(changed, sound);
        let said = desk
            .log(Program::Poller)
            .matches("for it cannot be run")
            .count();
        fs::write(desk.config_file(), changed).expect("written");
        desk.signal(Program::Poller, Signal::HUP);
        wait_until(RECOVERY, "it says so", || {
            let log = desk.log(Program::Poller);
            (log.matches("for it cannot be run").count() > said).then_some(())
        });
    }
    assert_eq!(manager.count("RELOADING=1"), 0);
    let letter = rita_writes(&desk, 1);
    desk.wait_for_receipt(&desk.rita.clone(), &letter);
    // Two in a row: the second file is what counts in the end.
    for mailboxes in ["poll_interval_s = 61", "poll_interval_s = 62"] {
        let changed = sound.replace("poll_interval_s = 5", mailboxes);
        fs::write(desk.config_file(), changed).expect("written");
        desk.signal(Program::Poller, Signal::HUP);
    }
    wait_until(RECOVERY, "ready again", || {
        (manager.count("READY=1") >= 2).then_some(())
    });
    let letter = rita_writes(&desk, 2);
    desk.wait_for_receipt(&desk.rita.clone(), &letter);
    desk.stop(Program::Poller);
    assert_eq!(manager.count("STOPPING=1"), 1);
}

#[test]
fn a_desk_that_waits_because_it_was_told_to_is_ready_and_says_why() {
    let (mut desk, mut manager) = desk_and_manager();
    let restored = desk.command(Program::Worker, &["restore", "--here"]);
    assert!(restored.status.success(), "{restored:?}");
    for program in Program::BOTH {
        desk.start_one(program, &manager.environment());
        manager.wait_for("READY=1");
        wait_until(RECOVERY, "it says why nothing leaves", || {
            let heard = manager.heard();
            heard
                .iter()
                .any(|line| line.starts_with("STATUS=deliver"))
                .then_some(())
        });
        desk.stop(program);
    }
}
