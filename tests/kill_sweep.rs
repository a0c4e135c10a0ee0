//! The poller is killed at its first system call that changes anything outside it, then at its second, its third …
//! until a run gets through unkilled: its state outside changes in system calls alone, so this is every moment there is.
//! The worker is killed so over one answer after another.
//!
//! Every 9th call is tried, of the worker every 7th; `NINETOSIX_TEST_STRIDE=1` tries each (tests/faults.sh does).

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use support::{
    Client, Desk, Engine, Lab, Letter, Mail, Program, on_both_engines, oracle, wait_until,
};

/// Files and sockets are written, made durable, cut and removed by these.
const CALLS: &str = "write,writev,pwrite64,fdatasync,fsync,sendto,sendmsg,unlink,ftruncate";
const STRIDE: usize = 9;
const WORKER_STRIDE: usize = 7;
/// Letters that wait at each start, and deaths of one desk: receipts to strangers are limited to 60 an hour.
const LETTERS: usize = 2;
const DEATHS: usize = 25;

/// Runs a daemon until it dies at the `nth` of its calls, counted by thread, or has nothing more to do. Returns whether it
/// died.
fn dies_at(desk: &mut Desk, program: Program, nth: usize, is_done: impl Fn(&Desk) -> bool) -> bool {
    desk.start_faulty(program, CALLS, &format!("signal=KILL:when={nth}"));
    let what = format!("the {} dies at call {nth} or gets through", program.name());
    let died = wait_until(Duration::from_secs(60), &what, || {
        let daemon = desk.running(program)?;
        if let Some(status) = daemon.ended() {
            assert_eq!(status.signal(), Some(9), "it ended otherwise: {status}");
            return Some(true);
        }
        is_done(desk).then_some(false)
    });
    desk.kill(program);
    died
}

/// Kills at every `stride`th call from the `nth` on, at most [`DEATHS`] times. Returns the call that was never reached,
/// or the one to go on with at another desk.
fn sweep(engine: Engine, mut nth: usize, stride: usize) -> Result<usize, usize> {
    let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    desk.stop(Program::Poller);
    let mut asked: Vec<Letter> = Vec::new();
    let mut died = true;
    while died && asked.len() < DEATHS * LETTERS {
        for _ in 0..LETTERS {
            let address = desk.rita_for(&asked.len().to_string());
            let letter = Letter::new(
                "Рита Петрова",
                &address,
                &desk.help,
                "Дневник",
                "Не открывается.",
            );
            desk.receive(&address, &letter);
            asked.push(letter);
        }
        let letters = asked.len() as i64;
        died = dies_at(&mut desk, Program::Poller, nth, |desk| {
            desk.receipts_left(letters)
        });
        desk.start_one(Program::Poller, &[]);
        desk.wait("each letter has its receipt", |desk| {
            desk.receipts_left(asked.len() as i64).then_some(())
        });
        desk.kill(Program::Poller);
        nth += if died { stride } else { 0 };
    }
    desk.start();
    desk.wait_until_quiet(asked.len() as i64);
    desk.stop_both();
    oracle::all_is_well(&desk, &asked, &[]);
    if died { Err(nth) } else { Ok(nth) }
}

/// Kills the worker over one answer after another, at every `stride`th call from the `nth` on, at most [`DEATHS`] times.
/// Returns the call that was never reached, or the one to go on with at another desk.
fn sweep_worker(engine: Engine, mut nth: usize, stride: usize) -> Result<usize, usize> {
    let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
    desk.start();
    let asked: Vec<Letter> = (0..DEATHS)
        .map(|number| {
            let address = desk.rita_for(&number.to_string());
            let (help, subject) = (desk.help.clone(), "Дневник");
            let letter = Letter::new("Рита Петрова", &address, &help, subject, "Не открывается.");
            desk.receive(&address, &letter);
            letter
        })
        .collect();
    let ivan = desk.ivan.clone();
    let notices: Vec<Mail> = asked
        .iter()
        .map(|letter| desk.wait_for_notice(&ivan, letter))
        .collect();
    desk.wait_until_quiet(asked.len() as i64);
    desk.stop(Program::Worker);
    let mut answered: Vec<String> = Vec::new();
    let mut died = true;
    for notice in &notices {
        let words = format!("Ответ {} готов.", answered.len());
        let reply = desk.ivan_replies(notice, Client::Thunderbird, &words);
        answered.push(words);
        assert_eq!(desk.wait_for_outcome(&reply).text("outcome"), "command");
        let answers = answered.len() as i64;
        let have_left = |desk: &Desk| {
            let left = "letter WHERE kind = 'answer' AND state = 'sent'";
            desk.database.count(left) == answers
        };
        died = dies_at(&mut desk, Program::Worker, nth, have_left);
        desk.start_one(Program::Worker, &[]);
        desk.wait("the answer has left", |desk| have_left(desk).then_some(()));
        desk.kill(Program::Worker);
        nth += if died { stride } else { 0 };
        if !died {
            break;
        }
    }
    desk.stop(Program::Poller);
    desk.start();
    desk.wait_until_quiet((asked.len() + answered.len()) as i64);
    desk.wait("every answer has arrived", |desk| {
        let inbox = desk.inbox(&desk.rita);
        let arrived = |words: &String| inbox.iter().any(|mail| mail.says(words));
        answered.iter().all(arrived).then_some(())
    });
    desk.stop_both();
    oracle::all_is_well(&desk, &asked, &answered);
    if died { Err(nth) } else { Ok(nth) }
}

/// How many calls apart a daemon is killed.
fn stride(quickly: usize) -> usize {
    let stride = std::env::var("NINETOSIX_TEST_STRIDE").ok();
    stride
        .and_then(|stride| stride.parse().ok())
        .unwrap_or(quickly)
}

/// Sweeps, at one desk after another, until a run gets through.
fn until_it_gets_through(
    engine: Engine,
    program: Program,
    stride: usize,
    sweep: impl Fn(Engine, usize, usize) -> Result<usize, usize>,
) {
    let mut nth = 1 + engine as usize;
    let never = loop {
        match sweep(engine, nth, stride) {
            Ok(never) => break never,
            Err(next) => nth = next,
        }
    };
    let name = program.name();
    eprintln!(
        "{engine:?}: the {name} died at every {stride}th call up to the {never}th of a thread, and got through then"
    );
    // The worker is killed over one answer at a time, for which no thread makes many.
    let least = match program {
        Program::Poller => 50,
        Program::Worker => 20,
    };
    assert!(never > least, "the sweep died at hardly any call");
}

on_both_engines! {
    fn a_poller_killed_at_any_call_loses_and_repeats_nothing(engine) {
        until_it_gets_through(engine, Program::Poller, stride(STRIDE), sweep);
    }

    fn a_worker_killed_at_any_call_loses_no_answer(engine) {
        until_it_gets_through(engine, Program::Worker, stride(WORKER_STRIDE), sweep_worker);
    }
}
