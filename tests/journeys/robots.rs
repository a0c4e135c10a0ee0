//! Letters that no person wrote: kept, and never answered (promise P15).

use crate::support::{Desk, Engine, Lab, Letter, on_both_engines};

/// A delivery report as a mail server writes it (RFC 3464).
fn report(desk: &Desk) -> Letter {
    let mut report = Letter::new(
        "Mail Delivery System",
        "mailer-daemon@family.test",
        &desk.help,
        "Undelivered Mail",
        "",
    );
    report = report.header("Auto-Submitted", "auto-replied").header(
        "Content-Type",
        "multipart/report; report-type=delivery-status; boundary=\"==b\"",
    );
    report.text = "--==b\nContent-Type: text/plain\n\nI could not deliver it.\n--==b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.family.test\n\nFinal-Recipient: rfc822; nobody@family.test\nAction: failed\nStatus: 5.1.1\n\n--==b--\n".to_owned();
    report
}

on_both_engines! {
    fn letters_of_programs_are_kept_and_never_answered(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let rita = desk.rita.clone();
        let vacation = Letter::new("Рита", &rita, &desk.help, "Я в отпуске", "До понедельника.").header("Auto-Submitted", "auto-replied");
        let report = report(&desk);
        let own = Letter::new("Служба поддержки АИС", &desk.help, &desk.help, "Сама себе", "Здравствуйте.");
        let without_type: Vec<u8> = {
            // The report brings its own Content-Type.
            let raw = String::from_utf8(report.raw()).expect("ASCII");
            raw.replace("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", "MIME-Version: 1.0\r\n").into_bytes()
        };
        desk.receive(&rita, &vacation);
        desk.lab.deliver(&desk.help, "", &without_type);
        let help = desk.help.clone();
        desk.receive(&help, &own);
        for (letter, outcome) in [(&vacation, "automatic"), (&report, "bounce"), (&own, "own")] {
            assert_eq!(desk.wait_for_outcome(letter).text("outcome"), outcome);
        }
        assert!(desk.tickets().is_empty());
        assert!(desk.letters().is_empty(), "{:?}", desk.letters());
        assert!(desk.inbox(&rita).is_empty());
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn our_own_letters_that_come_back_are_recognised(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (_, receipt, notice) = desk.rita_opens_a_ticket();
        desk.wait_until_quiet(1);
        let letters = desk.letters().len();
        for back in [&receipt, &notice] {
            desk.lab.deliver(&desk.help, "", &back.raw);
        }
        desk.wait_until_quiet(3);
        let outcomes: Vec<String> = desk.ledger().iter().map(|row| row.text("outcome").to_owned()).collect();
        assert_eq!(outcomes, ["ticket", "own", "own"]);
        assert_eq!((desk.tickets().len(), desk.letters().len()), (1, letters));
        desk.ledger_agrees();
        desk.stop_both();
    }
}
