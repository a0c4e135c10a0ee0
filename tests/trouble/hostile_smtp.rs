//! Submission servers that flood, mumble and keep silent: letters go on being registered, the poller stays small, its log
//! is fit to be read, and the receipts leave once when the server behaves (rules R12 and R13).

use std::fs;

use super::support::fimap::Fimap;
use super::support::fsmtp::{Fsmtp, Manner, Place};
use super::support::{Desk, Engine, Lab, Letter, Program, wait_until};
use super::{RECOVERY, hostile, in_full};

/// A gigabyte.
const HUGE: usize = 1 << 30;

/// The letters that were written, and where.
struct Post {
    desk: Desk,
    imap: Fimap,
    letters: Vec<Letter>,
}

impl Post {
    /// One more letter comes and is registered.
    fn comes(&mut self) {
        let from = self.desk.rita_for(&self.letters.len().to_string());
        let letter = Letter::new("Рита", &from, &self.desk.help, "Вопрос", "Помогите.");
        self.imap.put(&letter.raw());
        self.letters.push(letter);
        let wanted = self.letters.len() as i64;
        self.desk.wait("the letter is registered", |desk| {
            (desk.database.count("ledger WHERE outcome = 'ticket'") == wanted).then_some(())
        });
    }

    fn restart(&mut self) {
        self.desk.stop(Program::Poller);
        self.desk.start_one(Program::Poller, &[]);
        self.desk.wait_for_poll();
    }

    /// Every letter has its receipt, and the server has it once.
    fn confirmed_once(&mut self, server: &Fsmtp) {
        let wanted = self.letters.len() as i64;
        wait_until(RECOVERY * 2, "every receipt has left", || {
            self.desk.receipts_left(wanted).then_some(())
        });
        let taken = server.taken();
        for letter in &self.letters {
            let id = letter.message_id().to_owned();
            let receipts = taken
                .iter()
                .filter(|(_, mail)| mail.in_reply_to.contains(&id));
            assert_eq!(receipts.count(), 1, "one receipt a letter");
        }
        assert_eq!(taken.len(), self.letters.len(), "and nothing else");
        let twice = "letter WHERE kind = 'receipt' AND possibly_twice";
        assert_eq!(self.desk.database.count(twice), 0);
    }
}

#[test]
fn a_submission_server_that_floods_or_mumbles_holds_up_no_letter_and_costs_little_memory() {
    let (imap, server) = (Fimap::start(), Fsmtp::start(Manner::Good));
    let (imap_port, smtp_port) = (imap.port, server.port);
    let mut desk = Desk::new(&Lab::shared(), Engine::Sqlite, |config| {
        config.imap = Some(format!("imap://127.0.0.1:{imap_port}"));
        config.smtp = Some(format!("smtp://127.0.0.1:{smtp_port}"));
        config.mailbox = "folders = [\"INBOX\"]".to_owned();
    });
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    let mut post = Post {
        desk,
        imap,
        letters: Vec::new(),
    };
    post.comes();
    post.confirmed_once(&server);
    // A minute for a greeting, and no more: that is waited for in full.
    let in_time = if in_full() {
        "greeting: no answer in time"
    } else {
        ""
    };
    let mut attacks = vec![
        (
            Manner::Banner {
                bytes: HUGE,
                in_lines: false,
            },
            "more than 2 KiB",
        ),
        (
            Manner::Banner {
                bytes: HUGE,
                in_lines: true,
            },
            "more than 100 lines",
        ),
        (Manner::HelloLines(10_000), "more than 100 lines"),
        (Manner::Controls(Place::Greeting), "not a reply"),
        (Manner::Controls(Place::Hello), "not a reply"),
        (Manner::Controls(Place::Auth), "not a reply"),
        (Manner::Trickle, in_time),
        (Manner::Silence, in_time),
    ];
    if in_full() {
        // The letter in hand is tried again after a minute.
        attacks.push((
            Manner::Controls(Place::Mail),
            "not accepted, will be tried again",
        ));
    }
    for (manner, said) in attacks {
        let (_, peak) = hostile::used(&mut post.desk);
        let before = server.connections();
        let log = post.desk.log(Program::Poller).len();
        server.be(manner);
        post.comes();
        post.desk.wait("the server was asked", |_| {
            (server.connections() > before).then_some(())
        });
        let complaint = format!("the poller says why it sends nothing: {manner:?}");
        wait_until(RECOVERY, &complaint, || {
            let new = post.desk.log(Program::Poller).split_off(log);
            new.contains(said).then_some(())
        });
        // While it goes on, letters are registered.
        post.comes();
        let (_, highest) = hostile::used(&mut post.desk);
        assert!(
            highest <= peak + hostile::MEMORY_KIB,
            "{manner:?}: {peak} KiB, then {highest}"
        );
        server.be(Manner::Good);
        // A restart tries at once what would wait for a minute.
        post.restart();
        post.confirmed_once(&server);
    }
    post.desk.ledger_agrees();
    post.desk.stop(Program::Poller);
    let log = fs::read(post.desk.dir().join("poller.log")).expect("the log");
    let control = |byte: &&u8| (**byte < 0x20 && **byte != b'\n') || **byte == 0x7f;
    let controls = log.iter().filter(control).count();
    assert_eq!(controls, 0, "{}", String::from_utf8_lossy(&log));
    assert!(
        log.split(|byte| *byte == b'\n')
            .all(|line| line.len() <= 8192)
    );
}
