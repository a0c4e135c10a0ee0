//! Whole journeys on a real mail server, with both daemons as processes, on both engines.

mod support;

use support::{Client, Desk, Engine, Lab, on_both_engines};

on_both_engines! {
    fn a_letter_in_an_answer_out(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let letter = desk.rita_writes("Не открывается дневник", "Пишет ошибку 500.");
        let rita = desk.rita.clone();
        desk.wait_for_receipt(&rita, &letter);
        let ivan = desk.ivan.clone();
        let notice = desk.wait_for_notice(&ivan, &letter);
        desk.ivan_replies(&notice, Client::Thunderbird, "Попробуйте ещё раз.");
        desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Попробуйте ещё раз."));
        desk.stop_both();
    }
}
