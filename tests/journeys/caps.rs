//! Ceilings: one receipt an hour to an address nobody has vouched for (promise P14), and thirty notices in ten minutes to a
//! specialist.

use std::collections::BTreeSet;

use crate::support::{Client, Desk, Engine, Lab, Letter, on_both_engines};

on_both_engines! {
    fn the_second_and_third_ticket_of_an_hour_share_the_receipt_that_waits(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (rita, olga) = (desk.rita.clone(), desk.olga.clone());
        let first = desk.rita_writes("Первое", "Раз.");
        desk.wait_for_receipt(&rita, &first);
        for subject in ["Второе", "Третье"] {
            let letter = desk.rita_writes(subject, "Ещё одно дело.");
            assert_eq!(desk.wait_for_outcome(&letter).text("outcome"), "ticket");
        }
        // Somebody else's receipt does not wait for hers.
        let others = Letter::new("Ольга", &olga, &desk.help, "Своё", "Четыре.");
        desk.receive(&olga, &others);
        desk.wait_for_receipt(&olga, &others);
        desk.wait_until_quiet(4);

        assert_eq!(desk.tickets().len(), 4);
        assert_eq!(desk.inbox(&rita).len(), 1, "one receipt an hour");
        let named: Vec<_> = (1..=3).map(|number| desk.ticket(number).number("receipt_letter")).collect();
        assert_ne!(named[0], named[1]);
        assert_eq!(named[1], named[2], "the receipt that waits names both");
        let waiting = desk.letters().into_iter().find(|row| row.number("id") == named[1]).expect("a receipt");
        assert_eq!((waiting.text("kind"), waiting.text("state")), ("receipt", "due"));
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn in_a_flood_specialists_get_a_digest_and_take_from_it_what_they_work_on(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let letters: Vec<Letter> = (1..=35).map(|number| {
            let from = desk.rita_for(&number.to_string());
            let letter = Letter::new("Рита", &from, &desk.help, &format!("Дело {number}"), "Помогите.");
            desk.receive(&from, &letter);
            letter
        }).collect();
        desk.wait_until_quiet(35);
        let (ivan, anna) = (desk.ivan.clone(), desk.anna.clone());
        // Whatever happens to be registered first: each specialist knows of every ticket.
        for address in [&ivan, &anna] {
            let notices = desk.database.rows("ticket", &format!("FROM letter WHERE kind = 'notice' AND recipient_address = '{address}'"));
            let lines = desk.database.rows("d.ticket", &format!("FROM digest_line d JOIN letter l ON l.id = d.letter WHERE l.recipient_address = '{address}'"));
            assert_eq!((notices.len(), lines.len()), (30, 5));
            let known: BTreeSet<i64> = notices.iter().map(|row| row.number("ticket")).chain(lines.iter().map(|row| row.number("d.ticket"))).collect();
            assert_eq!(known.len(), 35);
        }
        assert_eq!(desk.database.count("letter WHERE kind = 'digest' AND state = 'due'"), 2, "one each");

        // Ten minutes later.
        desk.database.execute("UPDATE letter SET due_at = created_at WHERE kind = 'digest'");
        let digest = desk.wait_for_mail(&ivan, "a digest", |mail| mail.subject == "Сводка обращений: 5");
        let of_anna = desk.wait_for_mail(&anna, "a digest", |mail| mail.subject == "Сводка обращений: 5");
        for number in 31..=35 {
            assert!(digest.says(&format!("№ {number}")), "{}", digest.text);
        }
        let by_number = |desk: &Desk, number: i64| {
            let id = desk.database.rows("message_id", &format!("FROM message WHERE ticket = {number}")).remove(0);
            letters.iter().find(|letter| letter.message_id() == id.text("message_id")).expect("one of these").clone()
        };
        desk.ivan_replies(&digest, Client::Thunderbird, "#взять 31, 33");
        for number in [31, 33] {
            let letter = by_number(&desk, number);
            let notice = desk.wait_for_notice(&ivan, &letter);
            let ticket = desk.ticket(number);
            assert_eq!((ticket.text("state"), ticket.maybe("assignee")), ("in_work", Some("ivan")));
            if number == 31 {
                desk.ivan_replies(&notice, Client::Gmail, "Готово, проверьте.\n#закрыть");
            }
        }
        let rita = desk.rita.clone();
        desk.wait_for_mail(&rita, "an answer", |mail| mail.says("Готово, проверьте."));

        // What cannot be done is said, and nothing of it is done.
        for (words, said) in [("#взять 31 1", "№ 1 в этой сводке нет"), ("Кто это возьмёт?", "не понимаю «Кто это возьмёт?»")] {
            let reply = Letter::reply("Анна Белова", &anna, &of_anna, Client::Outlook, words);
            desk.receive(&anna, &reply);
            desk.wait_for_mail(&anna, said, |mail| mail.says(said));
        }
        let stranger = desk.rita_for("stranger");
        let forged = Letter::reply("Рита", &stranger, &digest, Client::Nothing, "#взять 32");
        desk.receive(&stranger, &forged);
        assert_eq!(desk.wait_for_outcome(&forged).text("outcome"), "ticket");
        assert_eq!(desk.ticket(31).maybe("assignee"), Some("ivan"));
        assert_eq!(desk.ticket(32).maybe("assignee"), None);
        desk.nothing_internal_reached_writers(&["Сводка"]);
        desk.ledger_agrees();
        desk.stop_both();
    }
}
