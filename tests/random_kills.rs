//! Both daemons are killed at random times, again and again, while thirty letters come in and fifteen are answered.
//!
//! The seed is printed; `NINETOSIX_TEST_SEED=N` plays the same events in the same order with the same pauses.
//! `NINETOSIX_TEST_KILLS=N` is for longer runs.

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

use std::thread::sleep;
use std::time::Duration;

use support::{Client, Desk, Engine, Lab, Letter, Program, on_both_engines, oracle};

const LETTERS: usize = 30;
const ANSWERS: usize = 15;
const KILLS: usize = 25;

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

on_both_engines! {
    fn nothing_is_lost_or_doubled_when_daemons_die_at_random(engine) {
        let seed = number("NINETOSIX_TEST_SEED").unwrap_or_else(|| u64::from(std::process::id()) * 1_000_003 + engine as u64);
        let kills = number("NINETOSIX_TEST_KILLS").map_or(KILLS, |kills| kills as usize);
        eprintln!("{engine:?}: NINETOSIX_TEST_SEED={seed}");
        let mut random = Random(seed);
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();

        let mut asked: Vec<Letter> = Vec::new();
        let mut answered: Vec<String> = Vec::new();
        let mut killed = 0;
        while asked.len() < LETTERS || answered.len() < ANSWERS || killed < kills {
            // The moment of a crash is what is random here: nothing is waited for.
            sleep(Duration::from_millis(random.below(300)));
            match random.below(3) {
                0 if asked.len() < LETTERS => {
                    for _ in 0..=random.below(3) {
                        let address = desk.rita_for(&asked.len().to_string());
                        let letter = Letter::new("Рита Петрова", &address, &desk.help, "Дневник", "Не открывается.");
                        desk.receive(&address, &letter);
                        asked.push(letter);
                    }
                }
                1 if answered.len() < ANSWERS && killed * ANSWERS >= answered.len() * kills => {
                    // The next notice that came, not yet answered.
                    let asked_in_order = asked.get(answered.len()).map(|letter| letter.uuid.clone());
                    let notice = asked_in_order.and_then(|uuid| desk.inbox(&desk.ivan).into_iter().find(|mail| mail.says(&uuid)));
                    if let Some(notice) = notice {
                        let words = format!("Ответ {} готов.", answered.len());
                        let close = if random.below(2) == 0 { "\n\n#закрыть" } else { "" };
                        desk.ivan_replies(&notice, Client::Thunderbird, &format!("{words}{close}"));
                        answered.push(words);
                    }
                }
                _ if killed < kills => {
                    let program = Program::BOTH[random.below(2) as usize];
                    desk.kill(program);
                    desk.start_one(program, &[]);
                    killed += 1;
                }
                _ => {}
            }
        }
        desk.wait_until_quiet((asked.len() + answered.len()) as i64);
        // A mail that was given to the server is in its inbox when the queue is empty: the last to leave, the last to arrive.
        desk.wait("every letter that was sent has arrived", |desk| {
            let sent = desk.letters().into_iter().filter(|row| row.text("state") == "sent").count();
            let people = [&desk.rita, &desk.ivan, &desk.anna];
            let arrived: std::collections::BTreeSet<String> = people.iter().flat_map(|address| desk.inbox(address)).map(|mail| mail.message_id).collect();
            (arrived.len() >= sent).then_some(())
        });
        desk.stop_both();
        eprintln!("{engine:?}: {} letters, {} answers, {killed} kills, {} written twice", asked.len(), answered.len(),
            desk.letters().iter().filter(|row| row.maybe("why") == Some("possibly sent twice")).count());
        oracle::all_is_well(&desk, &asked, &answered);
    }
}
