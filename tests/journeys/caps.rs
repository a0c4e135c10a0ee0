//! Never an amplifier: one receipt an hour to an address nobody has vouched for (promise P14).

use crate::support::{Desk, Engine, Lab, Letter, on_both_engines};

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
}
