//! The connection to the mailbox is cut at bytes of both directions, by reset, by close, and by silence. Each time the letter
//! that waits is registered once all the same, with its very bytes.
//!
//! Quickly a few bytes are tried; `NINETOSIX_TEST_STRIDE=1` tries each (tests/faults.sh does).

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use data_encoding::HEXLOWER;

use super::support::cut::{Cut, How, Proxy};
use super::support::desk::with_crlf;
use super::support::fimap::{Fault, Fimap};
use super::support::{Desk, Engine, Lab, Letter, Program, on_both_engines, wait_until};
use super::{RECOVERY, each_once, in_full, own_lab, stranger_writes};

/// Bytes tried of each direction, quickly.
const TRIED: u64 = 6;
/// Desks that share the bytes of the full sweep: they wait for most of their time.
const DESKS: usize = 40;
/// The number of the first writer of the full sweep: all have as many digits.
const FIRST: u32 = 1000;
/// How long a letter to another mailbox may take while a server is silent.
const SOON: Duration = Duration::from_secs(10);

on_both_engines! {
    fn a_connection_cut_at_any_byte_loses_and_repeats_nothing(engine) {
        let lab = own_lab();
        let proxy = Proxy::before(imaps_port(&lab));
        let mut desk = Desk::new(&lab, engine, |config| {
            config.imaps_port = Some(proxy.port);
        });
        desk.start();
        let mut letters: Vec<Letter> = vec![stranger_writes(&desk, 1)];
        registered(&desk, &letters);
        let (of_server, of_client) = proxy.longest();
        for step in 0..TRIED {
            for is_server in [true, false] {
                let length = if is_server { of_server } else { of_client };
                // Both engines together try twice as many bytes.
                let after_bytes = 1 + (length - 1) * (2 * step + engine as u64) / (2 * TRIED);
                let how = if step % 2 == 0 {
                    How::Reset
                } else {
                    How::Close
                };
                proxy.cut_next(Cut {
                    of_server: is_server,
                    after_bytes,
                    how,
                });
                letters.push(stranger_writes(&desk, letters.len() as u32 + 1));
                registered(&desk, &letters);
                all_is_well(&desk);
            }
        }
        // The last bytes of the longest connection are not always lived up to.
        assert!(proxy.made() > TRIED as usize, "{} cuts", proxy.made());
        each_once(&desk, &letters.iter().collect::<Vec<_>>());
        desk.stop_both();
    }
}

/// Of a session in which one letter is fetched, registered and marked, every byte: takes ten minutes. Half of the
/// desks are on either engine, and every byte is cut on one of them, by a reset or by a close.
#[test]
fn a_connection_cut_at_every_byte_loses_and_repeats_nothing() {
    if !in_full() {
        return;
    }
    let (of_server, of_client) = session_length();
    let bytes = (1..=of_server)
        .map(|byte| (true, byte))
        .chain((1..=of_client).map(|byte| (false, byte)));
    let cuts: Vec<Cut> = bytes
        .enumerate()
        .map(|(at, (is_server, after_bytes))| Cut {
            of_server: is_server,
            after_bytes,
            how: if at / 2 % 2 == 0 {
                How::Reset
            } else {
                How::Close
            },
        })
        .collect();
    thread::scope(|scope| {
        for at in 0..DESKS {
            let share: Vec<Cut> = cuts.iter().skip(at).step_by(DESKS).copied().collect();
            let engine = [Engine::Sqlite, Engine::Postgres][at % 2];
            scope.spawn(move || cut_at(engine, &share));
        }
    });
    eprintln!(
        "{} cuts: after each of {of_server} bytes of the server's and of {of_client} of the client's",
        cuts.len()
    );
}

/// The bytes of a session with one letter, from the handshake to the end: the server's, and the client's.
fn session_length() -> (u64, u64) {
    let (mut desk, proxy) = desk_behind_a_proxy(Engine::Sqlite);
    let letter = stranger_writes(&desk, FIRST);
    desk.start_one(Program::Poller, &[]);
    registered_and_marked(&desk, 1);
    desk.stop(Program::Poller);
    stored_as_served(&desk, Engine::Sqlite, &letter);
    proxy.longest()
}

/// Cuts sessions of one letter each, one after another. Each is the first of its process: the handshake is a whole one.
fn cut_at(engine: Engine, cuts: &[Cut]) {
    let (mut desk, proxy) = desk_behind_a_proxy(engine);
    let mut letters: Vec<Letter> = Vec::new();
    for cut in cuts {
        let letter = stranger_writes(&desk, FIRST + letters.len() as u32);
        letters.push(letter);
        proxy.cut_next(*cut);
        desk.start_one(Program::Poller, &[]);
        wait_until(RECOVERY, &format!("the connection is cut: {cut:?}"), || {
            (proxy.made() == letters.len()).then_some(())
        });
        registered_and_marked(&desk, letters.len());
        desk.stop(Program::Poller);
        stored_as_served(&desk, engine, &letters[letters.len() - 1]);
        // The next session is as long as this one.
        desk.lab.empty(&desk.help);
    }
    let ledger = desk.ledger();
    let found: Vec<_> = ledger.iter().map(|row| row.maybe("message_id")).collect();
    let sent: Vec<_> = letters
        .iter()
        .map(|letter| Some(letter.message_id()))
        .collect();
    assert_eq!(found, sent, "each once, in the order of arrival");
    let tickets: BTreeSet<_> = ledger.iter().map(|row| row.number("ticket")).collect();
    assert_eq!(tickets.len(), letters.len(), "a ticket of its own");
    assert_eq!(desk.tickets().len(), letters.len());
    let receipts = desk.database.count("letter WHERE kind = 'receipt'");
    assert!(receipts <= letters.len() as i64, "{receipts} receipts");
}

/// A desk whose poller is known to the mailbox and does not run. It can send nothing: that is no matter here.
fn desk_behind_a_proxy(engine: Engine) -> (Desk, Proxy) {
    let lab = Lab::shared();
    let proxy = Proxy::before(imaps_port(&lab));
    let mut desk = Desk::new(&lab, engine, |config| {
        config.imaps_port = Some(proxy.port);
        config.smtp = Some("smtps://localhost:1".to_owned());
        config.mailbox = "folders = [\"INBOX\"]".to_owned();
    });
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    desk.stop(Program::Poller);
    (desk, proxy)
}

fn registered_and_marked(desk: &Desk, letters: usize) {
    wait_until(RECOVERY, "the letter is registered and marked", || {
        let done = "ledger WHERE outcome = 'ticket' AND marked";
        (desk.database.count(done) >= letters as i64).then_some(())
    });
}

/// Panics unless the bytes in the database are those of the one letter in the mailbox.
fn stored_as_served(desk: &Desk, engine: Engine, letter: &Letter) {
    let bytes = match engine {
        Engine::Sqlite => "hex(bytes)",
        Engine::Postgres => "bytes",
    };
    let of_letter = format!(
        "FROM raw_chunk JOIN ledger ON ledger.raw_mail_id = raw_chunk.raw_mail_id WHERE message_id = '{}'",
        letter.message_id()
    );
    let stored = desk.database.rows(bytes, &of_letter);
    let stored: Vec<String> = stored
        .iter()
        .map(|row| row.text(bytes).trim_start_matches("\\x").to_lowercase())
        .collect();
    let served: Vec<String> = desk
        .inbox(&desk.help)
        .iter()
        .map(|mail| HEXLOWER.encode(&with_crlf(&mail.raw)))
        .collect();
    assert_eq!(stored, served, "stored bytes are not those of the server");
}

/// A server that falls silent within a letter is left after a minute, and nothing else is.
#[test]
fn a_server_that_falls_silent_in_a_letter_is_left_and_asked_again() {
    // At most 60 s without a byte within an answer, then a new connection.
    silent_after(|of_server| of_server * 9 / 10);
}

/// One that falls silent in the handshake is left after a quarter of that.
#[test]
fn a_server_that_falls_silent_in_the_handshake_is_left_and_asked_again() {
    if in_full() {
        silent_after(|_| 100);
    }
}

/// The server falls silent after so many bytes: meanwhile another mailbox of the same poller is served, and afterwards
/// the letter is registered, over the one connection there is.
fn silent_after(bytes: impl Fn(u64) -> u64) {
    let lab = own_lab();
    let proxy = Proxy::before(imaps_port(&lab));
    let office = "help03@school.test";
    let mut desk = Desk::new(&lab, Engine::Sqlite, |_| {});
    let table = desk
        .config
        .mailbox_table(&lab, office, &desk.password_file(office));
    desk.reconfigure(|config| {
        config.imaps_port = Some(proxy.port);
        config.tables.push_str(&table);
    });
    desk.start();
    desk.wait("both mailboxes are read", |desk| {
        let read = "heartbeat WHERE name LIKE 'poll:%' AND good_at IS NOT NULL";
        (desk.database.count(read) == 2).then_some(())
    });
    let first = stranger_writes(&desk, 1);
    registered(&desk, std::slice::from_ref(&first));
    let (of_server, _) = proxy.longest();
    proxy.cut_next(Cut {
        of_server: true,
        after_bytes: bytes(of_server),
        how: How::Stall,
    });
    let held = stranger_writes(&desk, 2);
    wait_until(RECOVERY, "the server falls silent", || {
        (proxy.made() == 1).then_some(())
    });
    let from = desk.rita_for("office");
    let other = Letter::new("Рита", &from, office, "В канцелярию", "Справка.");
    lab.deliver(office, &from, &other.raw());
    wait_until(SOON, "the other mailbox is read meanwhile", || {
        let rows = desk.ledger();
        rows.iter()
            .any(|row| {
                row.maybe("message_id") == Some(other.message_id())
                    && row.maybe("outcome").is_some()
            })
            .then_some(())
    });
    let letters = [first, other, held];
    registered(&desk, &letters);
    one_connection(&mut desk, proxy.port);
    wait_until(RECOVERY, "every receipt has left", || {
        desk.receipts_left(3).then_some(())
    });
    let ledger = desk.ledger();
    let found: BTreeSet<_> = ledger.iter().map(|row| row.maybe("message_id")).collect();
    let sent = letters.iter().map(|letter| Some(letter.message_id()));
    assert_eq!(found, sent.collect(), "{ledger:?}");
    assert_eq!((ledger.len(), desk.tickets().len()), (3, 3), "each once");
    desk.ledger_agrees();
    desk.stop_both();
}

/// The command was done, and its tag is the last that comes.
#[test]
fn a_server_that_falls_silent_after_a_tag_is_left_and_asked_again() {
    if !in_full() {
        return;
    }
    let server = Fimap::start();
    let mut desk = Desk::new(&Lab::shared(), Engine::Sqlite, |config| {
        config.imap = Some(format!("imap://127.0.0.1:{}", server.port));
        config.mailbox = "folders = [\"INBOX\"]".to_owned();
    });
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    let from = desk.rita_for("silence");
    let letter = Letter::new("Рита", &from, &desk.help, "Вопрос", "Помогите.");
    let before = server.change(|folder| {
        folder.fault = Some((Fault::Silence, vec![1]));
        folder.connections
    });
    server.put(&letter.raw());
    wait_until(RECOVERY, "the server is left", || {
        server
            .change(|folder| {
                folder.fault = folder.fault.take().filter(|_| folder.connections == before);
                folder.fault.is_none()
            })
            .then_some(())
    });
    registered(&desk, std::slice::from_ref(&letter));
    one_connection(&mut desk, server.port);
    assert_eq!((desk.ledger().len(), desk.tickets().len()), (1, 1));
    desk.ledger_agrees();
    desk.stop(Program::Poller);
}

/// Waits until the poller has one connection to the server: what it left is closed.
fn one_connection(desk: &mut Desk, port: u16) {
    wait_until(SOON, "one connection is open", || {
        let poller = desk.running(Program::Poller).expect("it was started");
        (poller.connections_to(port) == 1).then_some(())
    });
}

fn registered(desk: &Desk, letters: &[Letter]) {
    let wanted = letters.len() as i64;
    wait_until(RECOVERY, "the letter is registered", || {
        (desk.database.count("ledger WHERE outcome = 'ticket'") >= wanted).then_some(())
    });
}

/// Waits until the turn is over in which the letter was registered: who is cut off again and again before that tries later and
/// later.
fn all_is_well(desk: &Desk) {
    wait_until(RECOVERY, "the mailbox is read to its end", || {
        let polls = "heartbeat WHERE name LIKE 'poll:%' AND problem IS NULL";
        (desk.database.count(polls) == 1).then_some(())
    });
}

fn imaps_port(lab: &Lab) -> u16 {
    lab.variable("MAILLAB_IMAPS_PORT").parse().expect("a port")
}
