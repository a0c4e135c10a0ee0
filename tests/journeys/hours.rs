//! Outside business hours: a receipt that names the minute, and nothing else.

use chrono::TimeDelta;
use ninetosix_core::clock::{Clock, SystemClock};

use crate::support::config::tomorrow_at_nine;
use crate::support::{
    Client, Desk, Engine, Hours, Lab, Program, moscow, on_both_engines, wait_until,
};

on_both_engines! {
    fn a_closed_desk_says_when_it_opens_and_disturbs_nobody(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |config| config.hours = Hours::FromTomorrow);
        desk.start();
        let (rita, opening) = (desk.rita.clone(), tomorrow_at_nine());
        let letter = desk.rita_writes("Не открывается дневник", "Пишет ошибку.");
        let receipt = desk.wait_for_receipt(&rita, &letter);
        let arrived = moscow::arrival(&desk.inbox(&desk.help)[0]);
        assert!(receipt.says(&format!("обращение № 1, {}.", moscow::said(arrived))), "{}", receipt.text);
        let begins = format!("Сейчас нерабочее время. Возьмём обращение в работу {}.", moscow::said_on(opening));
        assert!(receipt.says(&begins), "not {begins}: {}", receipt.text);

        desk.wait_until_quiet(1);
        // A worker that starts now looks at its outbox first, and only then says that it is alive.
        desk.stop(Program::Worker);
        let beat = |desk: &Desk| {
            let of_worker = format!("FROM heartbeat WHERE name = 'deliver:worker:{}'", desk.help);
            desk.database.rows("at", &of_worker)
        };
        let before = beat(&desk);
        desk.start_one(Program::Worker, &[]);
        desk.wait("the worker has looked", |desk| (beat(desk) != before).then_some(()));
        let notices: Vec<_> = desk.letters().into_iter().filter(|row| row.text("kind") == "notice").collect();
        assert_eq!(notices.len(), 2);
        for notice in &notices {
            assert_eq!((notice.text("state"), notice.number("attempts")), ("due", 0));
            let due = notice.text("due_at").replace(' ', "T");
            assert!(due.starts_with(&opening.format("%Y-%m-%dT%H:%M:00").to_string()), "{due}");
        }
        assert!(desk.inbox(&desk.ivan).is_empty() && desk.inbox(&desk.anna).is_empty());
        desk.stop_both();
    }
}

/// Both engines share one night, for it is a minute long.
#[test]
fn an_answer_given_at_night_leaves_at_the_opening_and_not_a_second_before() {
    let lab = Lab::shared();
    let mut desks = [Engine::Sqlite, Engine::Postgres].map(|engine| {
        let mut desk = Desk::new(&lab, engine, |_| {});
        desk.start();
        let (_, _, notice) = desk.rita_opens_a_ticket();
        desk.wait_until_quiet(1);
        desk.stop_both();
        (desk, notice)
    });
    // It ends at one of the next full minutes.
    let opening = moscow::full_minute(SystemClock.now(), TimeDelta::seconds(12));
    for (desk, notice) in &mut desks {
        desk.reconfigure(|config| config.hours = Hours::From(opening));
        desk.start();
        let reply = desk.ivan_replies(notice, Client::Thunderbird, "Починили ночью.\n#закрыть");
        let ivan = desk.ivan.clone();
        let told = desk.wait_for_mail(&ivan, "when it will leave", |mail| {
            mail.in_reply_to.contains(&reply.message_id().to_owned())
        });
        assert!(told.says("ответ по № 1 принят"), "{}", told.text);
        let leaves = format!("уйдёт {}", moscow::said_on(opening));
        assert!(told.says(&leaves), "{}", told.text);
        assert!(
            SystemClock.now() < opening,
            "the test was too slow to see the night"
        );
        // A command waits for the opening too.
        assert_ne!(desk.ticket(1).text("state"), "closed");
    }
    for (desk, _) in &mut desks {
        let limit = std::time::Duration::from_secs(100);
        let answer = wait_until(limit, "the answer at the opening", || {
            let inbox = desk.inbox(&desk.rita).into_iter();
            inbox.into_iter().find(|mail| mail.says("Починили ночью."))
        });
        let arrived = moscow::arrival(&answer);
        assert!(arrived >= opening, "{arrived} is before {opening}");
        desk.wait("the ticket is closed", |desk| {
            (desk.ticket(1).text("state") == "closed").then_some(())
        });
        desk.stop_both();
    }
}
