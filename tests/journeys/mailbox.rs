//! The mailbox itself: what was in it before the start, and a server that renumbers it (promise P03).

use std::time::Duration;

use crate::support::{Desk, Engine, Lab, Letter, Program, on_both_engines};

on_both_engines! {
    fn letters_from_before_the_first_start_are_history(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        let rita = desk.rita.clone();
        for subject in ["Старое", "Очень старое"] {
            desk.rita_writes(subject, "Это было давно.");
        }
        desk.start();
        let outcomes: Vec<String> = desk.ledger().iter().map(|row| row.text("outcome").to_owned()).collect();
        assert_eq!(outcomes, ["before_start"; 2]);
        let letter = desk.rita_writes("Новое", "Это сейчас.");
        desk.wait_for_receipt(&rita, &letter);
        desk.wait_until_quiet(3);
        assert_eq!(desk.tickets().len(), 1);
        assert_eq!(desk.inbox(&rita).len(), 1, "one receipt, for the new letter");
        // After a restart nothing is looked at twice.
        desk.stop_both();
        desk.start();
        assert_eq!((desk.ledger().len(), desk.tickets().len()), (3, 1));
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn a_renumbered_mailbox_makes_no_second_ticket(engine) {
        let lab = Lab::own(&[]);
        let mut desk = Desk::new(&lab, engine, |_| {});
        let (rita, olga) = (desk.rita.clone(), desk.olga.clone());
        desk.rita_writes("Старое", "До начала.");
        desk.start();
        let first = desk.rita_writes("Первое", "Раз.");
        let second = Letter::new("Ольга", &olga, &desk.help, "Второе", "Два.");
        desk.receive(&olga, &second);
        desk.wait_for_receipt(&rita, &first);
        desk.wait_for_receipt(&olga, &second);
        desk.wait_until_quiet(3);
        let letters = desk.letters().len();

        desk.lab.maillab("renumber", &[&desk.help]);
        let third = Letter::new("Рита", &desk.rita_for("new"), &desk.help, "Третье", "После.");
        desk.receive(&rita, &third);
        let row = desk.wait_for_outcome(&third);
        assert_eq!((row.text("outcome"), row.number("ticket")), ("ticket", 3));
        desk.wait_for_receipt(&rita, &third);
        desk.wait_until_quiet(7);
        let of_now: Vec<_> = desk.ledger().into_iter().filter(|old| old.text("uidvalidity") == row.text("uidvalidity")).collect();
        let mut outcomes: Vec<&str> = of_now.iter().map(|row| row.text("outcome")).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["before_start", "duplicate_of", "duplicate_of", "ticket"]);
        let known = of_now.iter().filter(|row| row.text("reason") == "the server numbered it anew");
        assert_eq!(known.count(), 2, "known by their headers, not fetched again");
        assert_eq!(desk.tickets().len(), 3);
        assert_eq!(desk.letters().len(), letters + 3, "a receipt and two notices for the new letter");
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn a_letter_to_two_addresses_is_one_ticket_and_one_to_the_other_address_is_answered(engine) {
        let lab = Lab::own(&[]);
        let office = "help03@school.test";
        let mut desk = Desk::new(&lab, engine, |_| {});
        let password = desk.password_file(office);
        let table = desk.config.mailbox_table(&lab, office, &password);
        desk.reconfigure(|config| config.tables.push_str(&table));
        desk.start();
        desk.wait("both mailboxes are read", |desk| {
            (desk.database.count("heartbeat WHERE name LIKE 'poll:%' AND good_at IS NOT NULL") == 2).then_some(())
        });
        let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
        // As two aliases make of one letter: other traces, the same letter.
        let letter = Letter::new("Рита", &rita, &desk.help, "На два адреса", "Помогите.").header("Cc", office);
        for address in [&desk.help, office] {
            let mut raw = format!("Delivered-To: {address}\r\nReceived: from x by y for <{address}>; Wed, 25 Nov 2026 10:00:00 +0300\r\n").into_bytes();
            raw.extend(letter.raw());
            lab.deliver(address, &rita, &raw);
        }
        desk.wait_for_receipt(&rita, &letter);
        desk.wait_until_quiet(2);
        let rows = desk.database.rows("mailbox, outcome, duplicate_of, ticket", "FROM ledger ORDER BY id");
        let mut outcomes: Vec<&str> = rows.iter().map(|row| row.text("outcome")).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["duplicate_of", "ticket"], "whichever was first: {rows:?}");
        assert_ne!(rows[0].text("mailbox"), rows[1].text("mailbox"), "both addresses are recorded");
        assert_eq!(desk.inbox(&rita).len(), 1, "one receipt");
        assert_eq!(desk.inbox(&ivan).len(), 1, "one notice");

        // To the other address: answered from there.
        let other = Letter::new("Рита", &desk.rita_for("office"), office, "В канцелярию", "Справка.");
        lab.deliver(office, &rita, &other.raw());
        let receipt = desk.wait_for_receipt(&rita, &other);
        assert_eq!(receipt.from, office);

        // From one of our addresses to the other: a person wrote it.
        let between = Letter::new("Канцелярия", office, &desk.help, "Между нами", "Посмотрите, пожалуйста.");
        desk.receive(office, &between);
        desk.wait_for_notice(&ivan, &between);
        desk.wait_until_quiet(4);
        assert_eq!(desk.wait_for_outcome(&between).text("outcome"), "ticket");
        assert_eq!(desk.inbox(office).len(), 2, "no receipt to an address of ours");
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn letters_are_marked_after_registration_as_configured(engine) {
        let lab = Lab::own(&[]);
        for (after, in_inbox, flags) in [
            ("seen", 2, "S"),
            ("keyword Registered", 2, "a"),
            ("move Обработано", 0, ""),
            ("nothing", 2, ""),
        ] {
            let mut desk = Desk::new(&lab, engine, |config| {
                config.mailbox = format!("after_registration = \"{after}\"");
            });
            desk.start();
            for number in 0..2 {
                let from = desk.rita_for(&number.to_string());
                desk.receive(&from, &Letter::new("Рита", &from, &desk.help, after, "Помогите."));
            }
            desk.wait("both are marked, or need no mark", |desk| {
                (desk.database.count("ledger WHERE outcome = 'ticket' AND marked") == 2).then_some(())
            });
            desk.stop_both();
            let inbox = lab.flags(&desk.help, "");
            assert_eq!(inbox, vec![flags; in_inbox], "{after}");
            let moved = lab.flags(&desk.help, ".&BB4EMQRABDAEMQQ+BEIEMAQ9BD4-");
            assert_eq!(moved.len(), 2 - in_inbox, "{after}: the folder is made where there is none");
            assert!(!desk.log(Program::Poller).contains("refuses the mark"));
            desk.ledger_agrees();
        }
    }

    fn uids_given_anew_under_the_same_uidvalidity_lose_nothing_and_make_no_second_ticket(engine) {
        let lab = Lab::own(&[]);
        let mut desk = Desk::new(&lab, engine, |_| {});
        desk.start();
        let write = |desk: &Desk, number: usize| {
            let from = desk.rita_for(&number.to_string());
            let letter = Letter::new("Рита", &from, &desk.help, "Вопрос", "Помогите.");
            desk.receive(&from, &letter);
            letter
        };
        // UIDNEXT falls while the poller reads, and once more while nobody does: then UIDs are beyond what is known when it
        // looks again, and only their letters tell.
        let mut letters: Vec<Letter> = (0..4).map(|number| write(&desk, number)).collect();
        desk.wait_until_quiet(4);
        lab.roll_back(&desk.help, 2);
        letters.push(write(&desk, 4));
        desk.wait_until_quiet(7);
        desk.stop(Program::Poller);
        lab.roll_back(&desk.help, 1);
        letters.extend((5..9).map(|number| write(&desk, number)));
        desk.start_one(Program::Poller, &[]);
        desk.wait_until_quiet(12);

        let ledger = desk.ledger();
        let validities: std::collections::BTreeSet<&str> = ledger.iter().map(|row| row.text("uidvalidity")).collect();
        assert_eq!(validities.len(), 1, "{ledger:?}");
        for letter in &letters {
            let rows = ledger.iter().filter(|row| row.maybe("message_id") == Some(letter.message_id()));
            let outcomes: Vec<&str> = rows.map(|row| row.text("outcome")).collect();
            assert_eq!(outcomes.iter().filter(|outcome| **outcome == "ticket").count(), 1, "{outcomes:?}");
        }
        assert_eq!(desk.tickets().len(), letters.len(), "{ledger:?}");
        let doubles = ledger.iter().filter(|row| row.maybe("outcome") == Some("duplicate_of"));
        assert_eq!(doubles.count(), 3, "two letters stayed the first time, one the second: {ledger:?}");
        let said = desk.log(Program::Poller);
        assert_eq!(said.matches("numbers the folder anew").count(), 2, "{said}");
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn both_daemons_end_on_sigterm_with_work_in_hand(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        for number in 0..10 {
            let from = desk.rita_for(&number.to_string());
            desk.receive(&from, &Letter::new("Рита", &from, &desk.help, "Много", "Писем."));
        }
        for program in Program::BOTH {
            assert!(desk.stop(program) < Duration::from_secs(30));
        }
        // Nothing is lost or repeated by it.
        desk.start();
        desk.wait_until_quiet(10);
        desk.stop_both();
        assert_eq!(desk.tickets().len(), 10);
        assert_eq!(desk.inbox(&desk.rita).len(), 10, "a receipt each");
        assert_eq!(desk.inbox(&desk.ivan).len(), 10, "a notice each");
        desk.ledger_agrees();
    }
}
