//! Everything around the daemons breaks, one thing at a time: the configuration, passwords, the mail servers, the
//! database, the disk, a letter that kills its reader, the daemons themselves. Afterwards every letter is registered
//! once and confirmed once, and the log has said so in few words.

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

#[path = "trouble/accounts.rs"]
mod accounts;
#[path = "trouble/alerts.rs"]
mod alerts;
#[path = "trouble/answers.rs"]
mod answers;
#[path = "trouble/configuration.rs"]
mod configuration;
#[path = "trouble/cuts.rs"]
mod cuts;
#[path = "trouble/database.rs"]
mod database;
#[path = "trouble/disk.rs"]
mod disk;
#[path = "trouble/hostile.rs"]
mod hostile;
#[path = "trouble/hostile_smtp.rs"]
mod hostile_smtp;
#[path = "trouble/manager.rs"]
mod manager;
#[path = "trouble/meddler.rs"]
mod meddler;
#[path = "trouble/moving.rs"]
mod moving;
#[path = "trouble/order.rs"]
mod order;
#[path = "trouble/outage.rs"]
mod outage;
#[path = "trouble/poison.rs"]
mod poison;
#[path = "trouble/processes.rs"]
mod processes;
#[path = "trouble/replicas.rs"]
mod replicas;
#[path = "trouble/restore.rs"]
mod restore;
#[path = "trouble/secrets.rs"]
mod secrets;
#[path = "trouble/servers.rs"]
mod servers;
#[path = "trouble/starttls.rs"]
mod starttls;
#[path = "trouble/syscalls.rs"]
mod syscalls;
#[path = "trouble/tokens.rs"]
mod tokens;

use std::time::Duration;

use support::{Desk, Lab, Letter, Mail, wait_until};

/// Longer than any daemon pauses between two tries.
const RECOVERY: Duration = Duration::from_secs(100);
/// Who gets the mail of writers without an inbox.
const CATCH_ALL: &str = "olga03@family.test";

/// A mail server of the test's own: it may be stopped. Anybody `@family.test` can write and be written to.
fn own_lab() -> Lab {
    Lab::own(&["--catchall", CATCH_ALL])
}

/// A letter of somebody who never wrote before.
fn stranger_writes(desk: &Desk, number: u32) -> Letter {
    let letter = letter_of_stranger(desk, number);
    desk.receive(&format!("writer{number}@family.test"), &letter);
    letter
}

fn letter_of_stranger(desk: &Desk, number: u32) -> Letter {
    let from = format!("writer{number}@family.test");
    Letter::new("Писатель", &from, &desk.help, "Вопрос", "Помогите.")
}

/// A letter of Rita's from an address of its own, `rita07+3@family.test`: no ceiling is shared.
fn rita_writes(desk: &Desk, number: usize) -> Letter {
    let from = desk.rita_for(&number.to_string());
    let letter = Letter::new(
        "Рита Петрова",
        &from,
        &desk.help,
        "Дневник",
        "Не открывается.",
    );
    desk.receive(&from, &letter);
    letter
}

/// Whether everything is tried that a test has, or little of it and quickly.
fn in_full() -> bool {
    std::env::var_os("NINETOSIX_TEST_STRIDE").is_some()
}

/// The mails that answer a letter, in the catch-all's inbox.
fn answers(desk: &Desk, letter: &Letter) -> Vec<Mail> {
    let id = letter.message_id().to_owned();
    let inbox = desk.inbox(CATCH_ALL).into_iter();
    inbox
        .filter(|mail| mail.in_reply_to.contains(&id))
        .collect()
}

/// Waits until every letter is registered and confirmed, then looks that each is so exactly once, in the order of
/// arrival, and that the server's count agrees.
fn each_once(desk: &Desk, letters: &[&Letter]) {
    let wanted = letters.len() as i64;
    for (what, of) in [
        (
            "every letter is registered",
            "ledger WHERE outcome <> 'before_start'",
        ),
        (
            "every receipt has left",
            "letter WHERE kind = 'receipt' AND state = 'sent'",
        ),
    ] {
        wait_until(RECOVERY, what, || {
            (desk.database.count(of) >= wanted).then_some(())
        });
    }
    let rows = desk.ledger();
    let rows: Vec<_> = rows
        .iter()
        .filter(|row| row.maybe("outcome") != Some("before_start"))
        .collect();
    let found: Vec<_> = rows.iter().map(|row| row.maybe("message_id")).collect();
    let sent: Vec<_> = letters
        .iter()
        .map(|letter| Some(letter.message_id()))
        .collect();
    assert_eq!(found, sent, "each once, in the order of arrival");
    assert!(
        rows.iter()
            .all(|row| row.maybe("outcome") == Some("ticket")),
        "{rows:?}"
    );
    assert_eq!(desk.tickets().len(), letters.len());
    for letter in letters {
        wait_until(RECOVERY, "a receipt has arrived", || {
            (!answers(desk, letter).is_empty()).then_some(())
        });
        assert_eq!(answers(desk, letter).len(), 1, "one receipt a letter");
    }
    desk.stored_as_served();
    desk.ledger_agrees();
}

/// The lines of a daemon's log that warn, about this.
fn warnings(log: &str, about: &str) -> Vec<String> {
    log.lines()
        .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "))
        .filter(|line| line.contains(about))
        .map(str::to_owned)
        .collect()
}
