//! `kill -9` of either daemon at each named point, then a restart: each letter exactly one ledger row, one ticket and
//! one receipt; each answer at least once, and twice only if the process died between the end of the data and our
//! commit, then byte for byte the same. Facts are read from the database and the Maildirs.

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

use support::{Client, Desk, Engine, Lab, Letter, Mail, Program, on_both_engines};

/// Points before anything of a letter was given to the submission server, and points where the server has it all.
const BEFORE: [&str; 8] = [
    "fetched",
    "raw_stored",
    "parsed",
    "committed",
    "flagged",
    "claimed",
    "rcpt_ok",
    "marked",
];
const WINDOW: [&str; 2] = ["dot_written", "got_250"];
/// The points a daemon passes that only sends.
const SENDING: [&str; 5] = ["claimed", "rcpt_ok", "dot_written", "got_250", "marked"];

/// Three letters of two people wait; the poller dies at `point` and is started again.
fn poller_dies(engine: Engine, point: &str) {
    let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    desk.stop(Program::Poller);

    let (rita, olga) = (desk.rita.clone(), desk.olga.clone());
    let letters = [
        Letter::new("Рита", &rita, &desk.help, "Первое", "Раз."),
        Letter::new("Ольга", &olga, &desk.help, "Второе", "Два."),
        // No thread of Rita's first letter: another ticket, named by the receipt that waits or by a later one.
        Letter::new("Рита", &rita, &desk.help, "Третье", "Три."),
    ];
    for letter in &letters {
        desk.receive(&rita, letter);
    }
    desk.start_to_die(Program::Poller, point);
    desk.wait_for_death(Program::Poller);
    desk.start_one(Program::Poller, &[]);
    desk.start_one(Program::Worker, &[]);
    desk.wait_until_quiet(3);
    for (address, letter) in [(&rita, &letters[0]), (&olga, &letters[1])] {
        desk.wait_for_receipt(address, letter);
    }
    desk.stop_both();
    each_letter_once(&desk, &letters);
    let mut arrived = 0;
    for (address, letter) in [(&rita, &letters[0]), (&olga, &letters[1])] {
        let id = letter.message_id().to_owned();
        let inbox = desk.inbox(address).into_iter();
        let receipts: Vec<Mail> = inbox
            .filter(|mail| mail.in_reply_to.contains(&id))
            .collect();
        arrived += once_or_the_same_twice(&receipts, point);
    }
    // The one whose 250 was read before the death is with the server for certain.
    assert!(
        point != "got_250" || arrived == 3,
        "died at {point}: {arrived} receipts"
    );
}

/// Every letter has one row, one ticket, and is named by one receipt; the server's count agrees.
fn each_letter_once(desk: &Desk, letters: &[Letter]) {
    let (ledger, tickets) = (desk.ledger(), desk.tickets());
    assert_eq!(
        (ledger.len(), tickets.len()),
        (letters.len(), letters.len()),
        "{ledger:?}\n{tickets:?}"
    );
    for letter in letters {
        let rows: Vec<_> = ledger
            .iter()
            .filter(|row| row.maybe("message_id") == Some(letter.message_id()))
            .collect();
        assert_eq!(rows.len(), 1, "{ledger:?}");
        assert_eq!(rows[0].text("outcome"), "ticket");
        let number = rows[0].text("ticket");
        let ticket = tickets
            .iter()
            .find(|ticket| ticket.text("number") == number)
            .expect("its ticket");
        let named = ticket.text("receipt_letter").to_owned();
        let letters = desk.letters();
        let receipt = letters
            .iter()
            .find(|row| row.text("id") == named)
            .expect("its receipt");
        assert_eq!(receipt.text("kind"), "receipt");
    }
    let compared = desk.command(Program::Poller, &["ledger"]);
    assert!(compared.status.success(), "{compared:?}");
}

/// One mail; or two, only where the process died after the server had it all, and then the same bytes. Returns how
/// many.
fn once_or_the_same_twice(mails: &[Mail], point: &str) -> usize {
    match mails {
        [_] => {}
        [one, two] => {
            assert!(
                WINDOW.contains(&point),
                "twice, though the process died at {point}"
            );
            assert_eq!(one.message_id, two.message_id);
            assert!(
                one.submitted() == two.submitted(),
                "two different mails after dying at {point}"
            );
        }
        mails => panic!("{} mails after dying at {point}", mails.len()),
    }
    mails.len()
}

/// An answer waits; the worker dies at `point` and is started again.
fn worker_dies(engine: Engine, point: &str) {
    let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
    desk.start();
    let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
    let letter = desk.rita_writes("Не открывается дневник", "Пишет ошибку.");
    let notice = desk.wait_for_notice(&ivan, &letter);
    desk.wait_until_quiet(1);
    desk.stop(Program::Worker);

    let reply = desk.ivan_replies(
        &notice,
        Client::Thunderbird,
        "Попробуйте ещё раз.\n#закрыть",
    );
    assert_eq!(desk.wait_for_outcome(&reply).text("outcome"), "command");
    desk.start_to_die(Program::Worker, point);
    desk.wait_for_death(Program::Worker);
    desk.start_one(Program::Worker, &[]);
    desk.wait_until_quiet(2);
    desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Попробуйте ещё раз."));
    desk.stop_both();

    let answers: Vec<Mail> = desk
        .inbox(&rita)
        .into_iter()
        .filter(|mail| mail.says("Попробуйте ещё раз."))
        .collect();
    let arrived = once_or_the_same_twice(&answers, point);
    assert!(
        point != "got_250" || arrived == 2,
        "died at {point}: {arrived} answers"
    );
    let rows: Vec<_> = desk
        .letters()
        .into_iter()
        .filter(|row| row.text("kind") == "answer")
        .collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].text("state"), "sent");
    let says_twice = rows[0].maybe("why") == Some("possibly sent twice");
    assert_eq!(says_twice, WINDOW.contains(&point), "{rows:?}");
    assert_eq!(desk.tickets()[0].text("state"), "closed");
}

on_both_engines! {
    fn the_poller_dies_before_a_letter_is_with_the_server(engine) {
        for point in BEFORE {
            poller_dies(engine, point);
        }
    }

    fn the_poller_dies_while_the_server_has_a_receipt(engine) {
        for point in WINDOW {
            poller_dies(engine, point);
        }
    }

    fn the_poller_dies_at_the_second_letter(engine) {
        for point in ["fetched@2", "raw_stored@2", "parsed@2", "committed@2"] {
            poller_dies(engine, point);
        }
    }

    fn the_worker_dies_over_an_answer(engine) {
        for point in SENDING {
            worker_dies(engine, point);
        }
    }
}
