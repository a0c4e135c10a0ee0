//! The outbox against what servers do: they refuse all our mail, they do not answer, connections break at any byte, the
//! day's ceiling is reached, the server is away for a night. Both daemons run on a clock that the test moves.

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

#[path = "outbox/ceiling.rs"]
mod ceiling;
#[path = "outbox/cuts.rs"]
mod cuts;
#[path = "outbox/order.rs"]
mod order;
#[path = "outbox/outage.rs"]
mod outage;
#[path = "outbox/refusals.rs"]
mod refusals;
#[path = "outbox/unanswered.rs"]
mod unanswered;

use chrono::{DateTime, Utc};

use support::office::Office;
use support::sink::{Instead, Rule, Sink, Taken};
use support::{Letter, wait_until};

/// The operator's table of the configuration.
const OPERATOR: &str = "[operator]\naddress = \"it@school.test\"\n";

/// Always this reply to this command, for one recipient or for all.
fn always(at: &'static str, to: Option<&str>, reply: &str) -> Vec<Rule> {
    vec![Rule {
        at,
        to: to.map(str::to_owned),
        does: Instead::Says(reply.to_owned()),
        times: usize::MAX,
    }]
}

/// The server takes the mail and hangs up without a word, so many times.
fn not_answered(times: usize) -> Vec<Rule> {
    vec![Rule {
        at: ".",
        to: None,
        does: Instead::HangsUp,
        times,
    }]
}

/// Rita writes from an address of its own; returns it.
fn rita_writes(office: &mut Office, number: usize) -> (String, Letter) {
    let from = office.desk.rita_for(&format!("{number:03}"));
    let letter = Letter::new("Рита", &from, &office.desk.help, "Дневник", "Помогите.");
    assert_eq!(office.receive(&from, &letter), "ticket");
    (from, letter)
}

/// The mails of this kind that were taken, in order.
fn taken(sink: &Sink, kind: &str) -> Vec<Taken> {
    let all = sink.notes(|notes| notes.taken.clone()).into_iter();
    all.filter(|taken| support::office::kind(taken) == kind)
        .collect()
}

/// Waits until every loop that sends has looked at its outbox by the present clock: they say so twice a minute.
fn wait_for_looks(office: &mut Office, now: DateTime<Utc>) {
    let second = now.format("%H:%M:%S").to_string();
    office.desk.wait("both daemons have looked", |desk| {
        let beats = desk
            .database
            .rows("at", "FROM heartbeat WHERE name LIKE 'deliver:%'");
        let are_new = beats.iter().all(|row| row.text("at").contains(&second));
        (beats.len() == 2 && are_new).then_some(())
    });
}

/// A specialist answers a notice; returns what became of his letter.
fn reply_to(office: &mut Office, notice: &Taken, words: &str) -> String {
    let letter = support::office::reply("Иван", notice, words);
    let from = notice.recipient.clone();
    office.receive(&from, &letter)
}
