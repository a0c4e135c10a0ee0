//! The end of the data was written, and nobody said a word (B02, R24): the folder of sent mail is asked, and the same bytes
//! go again unless it has them.

use chrono::{DateTime, TimeDelta, Utc};

use super::support::office::{Office, at};
use super::support::{Client, Desk, Engine, Lab, Program, on_both_engines};
use super::{not_answered, rita_writes, taken};

/// A time on Saturday, when of the worker nothing leaves.
fn saturday(time: &str) -> DateTime<Utc> {
    at(&format!("2026-11-28T{time}"))
}

/// Waits until the folder was asked about the receipt that was sent into silence at `sent`, and has it or not.
fn asked(office: &mut Office, sent: DateTime<Utc>, says: &str) {
    let unanswered =
        "letter WHERE kind = 'receipt' AND state = 'maybe_sent' AND sent_folder IS NULL";
    office.desk.wait("the receipt was not answered", |desk| {
        (desk.database.count(unanswered) == 1).then_some(())
    });
    office.clock.set(sent + TimeDelta::seconds(30));
    let answer = format!("letter WHERE kind = 'receipt' AND sent_folder = '{says}'");
    office.desk.wait("the folder was asked", |desk| {
        (desk.database.count(&answer) == 1).then_some(())
    });
}

on_both_engines! {
    fn a_receipt_that_was_not_answered_three_times_goes_four_times_and_is_the_same_each_time(engine) {
        let mut office = Office::open(engine, saturday("10:00:00"));
        office.sink.obey(not_answered(3));
        rita_writes(&mut office, 1);
        for (time, next) in [("10:00:00", "10:02:00"), ("10:02:00", "10:08:00"), ("10:08:00", "10:25:00")] {
            asked(&mut office, saturday(time), "absent");
            let before = office.taken().len();
            office.clock.set(saturday(next));
            office.desk.wait("it goes again", |_| (taken(&office.sink, "receipt").len() == before + 1).then_some(()));
        }
        office.desk.wait("it is sent", |desk| (desk.database.count("letter WHERE kind = 'receipt' AND state = 'sent'") == 1).then_some(()));
        let receipts = taken(&office.sink, "receipt");
        assert_eq!(receipts.len(), 4);
        assert!(receipts.iter().all(|taken| taken.mail.raw == receipts[0].mail.raw), "byte for byte");
        let letters = office.desk.letters();
        let receipt = letters.iter().find(|row| row.text("kind") == "receipt").expect("the receipt");
        assert_eq!((receipt.number("attempts"), receipt.text("why")), (4, "possibly sent twice"));
        assert_eq!(receipt.text("message_id"), receipts[0].mail.message_id);
    }

    fn a_receipt_that_is_in_the_folder_of_sent_mail_does_not_go_again(engine) {
        let mut office = Office::open(engine, saturday("10:00:00"));
        office.sink.obey(not_answered(1));
        rita_writes(&mut office, 1);
        office.desk.wait("it is taken", |_| (taken(&office.sink, "receipt").len() == 1).then_some(()));
        let receipt = taken(&office.sink, "receipt").remove(0);
        office.desk.lab.make_folder(&office.desk.help, "Sent");
        office.desk.lab.put_sent(&office.desk.help, &receipt.mail.raw);
        asked(&mut office, saturday("10:00:00"), "found");
        let sent = "letter WHERE kind = 'receipt' AND state = 'sent' AND frozen IS NULL AND sent_at IS NOT NULL";
        assert_eq!(office.desk.database.count(sent), 1);
        let told = "event WHERE kind = 'sent' AND detail LIKE '%found in the folder of sent mail'";
        assert_eq!(office.desk.database.count(told), 1);
        // Letters that come later find the folders as they were: looking into another one has confused nothing.
        rita_writes(&mut office, 2);
        office.desk.wait("the next receipt leaves", |_| (taken(&office.sink, "receipt").len() == 2).then_some(()));
        office.desk.ledger_agrees();
    }

    fn an_answer_is_copied_into_the_folder_of_sent_mail_once_though_the_poller_dies_over_it(engine) {
        copied_once(engine);
    }
}

/// The copies in the folder, and their flags.
fn copies(desk: &Desk) -> (usize, Vec<String>) {
    let mails = desk.lab.folder(&desk.help, ".Sent");
    (mails.len(), desk.lab.flags(&desk.help, ".Sent"))
}

fn copied_once(engine: Engine) {
    let mut desk = Desk::new(&Lab::shared(), engine, |config| {
        config.mailbox = "sent_copy = true".to_owned();
    });
    desk.start();
    let (_, _, notice) = desk.rita_opens_a_ticket();
    let rita = desk.rita.clone();
    let answer = |desk: &mut Desk, words: &str| {
        desk.ivan_replies(&notice, Client::Thunderbird, words);
        desk.wait_for_mail(&rita, "the answer", |mail| mail.says(words))
    };
    let first = answer(&mut desk, "Попробуйте ещё раз.");
    desk.wait("its bytes are kept", |desk| {
        (desk
            .database
            .count("letter WHERE copy = 'wanted' AND state = 'sent'")
            == 1)
            .then_some(())
    });
    desk.stop(Program::Poller);
    desk.start_to_die(Program::Poller, "appended");
    desk.wait_for_death(Program::Poller);
    assert_eq!(copies(&desk), (1, vec!["S".to_owned()]));
    desk.start_one(Program::Poller, &[]);
    let kept = |desk: &Desk, count: i64| {
        let kept = "letter WHERE copy = 'kept' AND frozen IS NULL";
        (desk.database.count(kept) == count).then_some(())
    };
    desk.wait("the copy is noted", |desk| kept(desk, 1));
    assert_eq!(copies(&desk).0, 1, "there was one already");
    let copy = desk.lab.folder(&desk.help, ".Sent").remove(0);
    assert_eq!(copy.message_id, first.message_id);
    assert!(copy.says("Попробуйте ещё раз."));
    // A provider that keeps copies itself gets none.
    let second = answer(&mut desk, "Или завтра.");
    desk.lab.put_sent(&desk.help, &second.raw);
    desk.wait("the second is noted", |desk| kept(desk, 2));
    assert_eq!(copies(&desk).0, 2);
    desk.stop_both();
}
