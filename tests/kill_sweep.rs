//! The poller is killed at its first system call that changes anything outside it, then at its second, its third …
//! until a run gets through unkilled: its state outside changes in system calls alone, so this is every moment there is.
//!
//! Every 9th call is tried; `NINETOSIX_TEST_STRIDE=1` tries each (tests/faults.sh does).

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use support::{Desk, Engine, Lab, Letter, Program, on_both_engines, oracle, wait_until};

/// Files and sockets are written, made durable, cut and removed by these.
const CALLS: &str = "write,writev,pwrite64,fdatasync,fsync,sendto,sendmsg,unlink,ftruncate";
const STRIDE: usize = 9;
/// Letters that wait at each start, and deaths of one desk: receipts to strangers are limited to 60 an hour.
const LETTERS: usize = 2;
const DEATHS: usize = 25;

/// Runs the poller until it dies at the `nth` of its calls, counted by thread, or has nothing more to do. Returns
/// whether it died.
fn dies_at(desk: &mut Desk, nth: usize, letters: i64) -> bool {
    desk.start_faulty(Program::Poller, CALLS, &format!("signal=KILL:when={nth}"));
    let what = format!("the poller dies at call {nth} or gets through");
    let died = wait_until(Duration::from_secs(60), &what, || {
        let poller = desk.running(Program::Poller)?;
        if let Some(status) = poller.ended() {
            assert_eq!(status.signal(), Some(9), "it ended otherwise: {status}");
            return Some(true);
        }
        desk.receipts_left(letters).then_some(false)
    });
    desk.kill(Program::Poller);
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
        died = dies_at(&mut desk, nth, asked.len() as i64);
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

on_both_engines! {
    fn a_poller_killed_at_any_call_loses_and_repeats_nothing(engine) {
        let stride = std::env::var("NINETOSIX_TEST_STRIDE").ok().and_then(|stride| stride.parse().ok());
        let stride = stride.unwrap_or(STRIDE);
        let mut nth = 1 + engine as usize;
        let never = loop {
            match sweep(engine, nth, stride) {
                Ok(never) => break never,
                Err(next) => nth = next,
            }
        };
        eprintln!("{engine:?}: died at every {stride}th call up to the {never}th of a thread, and got through then");
        assert!(never > 50, "the sweep died at hardly any call");
    }
}
