//! The provider refuses our mail as such, or one letter again and again (B11).

use super::support::office::{Office, WORKER, at};
use super::support::sink::Sink;
use super::support::{Config, Engine, on_both_engines};
use super::{OPERATOR, always, reply_to, rita_writes, taken, wait_for_looks};

fn open(engine: Engine) -> Office {
    let operator = |config: &mut Config| config.tables.push_str(OPERATOR);
    Office::open_with(engine, at("2026-11-23T10:00:00"), operator, |port| port)
}

fn connections(sink: &Sink) -> usize {
    sink.notes(|notes| notes.connections.len())
}

fn of_worker(sink: &Sink) -> usize {
    sink.notes(|notes| {
        notes
            .connections
            .iter()
            .filter(|hello| *hello == WORKER)
            .count()
    })
}

on_both_engines! {
    fn a_provider_that_refuses_all_our_mail_makes_it_wait_in_its_order_and_is_told_of_once(engine) {
        for refusal in ["554 5.7.1 looks like spam", "451 4.7.1 slow down"] {
            let mut office = open(engine);
            office.sink.obey(always("MAIL", None, refusal));
            let people: Vec<String> = (0..3).map(|number| rita_writes(&mut office, number).0).collect();
            let said = format!("heartbeat WHERE name LIKE 'deliver:%' AND problem LIKE '%{refusal}%'");
            office.desk.wait("both daemons say why they wait", |desk| (desk.database.count(&said) == 2).then_some(()));
            // Within a minute nobody dials again, whatever comes.
            let before = connections(&office.sink);
            let soon = at("2026-11-23T10:00:50");
            office.clock.set(soon);
            wait_for_looks(&mut office, soon);
            assert_eq!(connections(&office.sink), before);
            let untouched = "letter WHERE state <> 'due' OR attempts > 0 OR tried_since IS NOT NULL";
            assert_eq!(office.desk.database.count(untouched), 0);
            // Each lane tries once more, and is refused again.
            office.clock.set(at("2026-11-23T10:02:00"));
            office.desk.wait("each lane has tried again", |_| (connections(&office.sink) == before + 2).then_some(()));
            wait_for_looks(&mut office, at("2026-11-23T10:02:00"));
            assert_eq!(office.desk.database.count(untouched), 0);
            assert_eq!(office.desk.database.count("letter WHERE kind = 'alert'"), 1, "one alert an episode");

            office.sink.obey(Vec::new());
            office.clock.set(at("2026-11-23T10:09:00"));
            office.desk.wait("everything has left", |desk| (desk.database.count("letter WHERE state <> 'sent'") == 0).then_some(()));
            let receipts: Vec<String> = taken(&office.sink, "receipt").into_iter().map(|taken| taken.recipient).collect();
            assert_eq!(receipts, people, "in the order of writing");
            let told: Vec<String> = taken(&office.sink, "notice").iter().map(|taken| taken.mail.references.join(" ")).collect();
            assert_eq!(told.len(), 6);
            assert_eq!(office.desk.database.count("letter WHERE attempts <> 1"), 0, "a refusal of all is no attempt");
            office.desk.wait("all is well again", |desk| (desk.database.count("heartbeat WHERE problem IS NOT NULL") == 0).then_some(()));
            let sink = &office.sink;
            office.desk.wait("the operator is told of both", |_| (taken(sink, "alert").len() == 2).then_some(()));
            let alerts = taken(sink, "alert");
            assert!(alerts[0].mail.subject.contains("провайдер не принимает письма"), "{}", alerts[0].mail.subject);
            assert!(alerts[1].mail.subject.contains("прошло: провайдер не принимает письма"), "{}", alerts[1].mail.subject);
        }
    }

    fn one_letter_the_provider_never_takes_does_not_hold_up_the_others(engine) {
        let mut office = open(engine);
        let (spam, _) = rita_writes(&mut office, 1);
        let (other, _) = rita_writes(&mut office, 2);
        let ivan = office.desk.ivan.clone();
        office.desk.wait("notices and receipts have left", |desk| (desk.database.count("letter WHERE state = 'sent'") == 6).then_some(()));
        office.sink.obey(always(".", Some(&spam), "554 5.7.1 looks like spam"));
        let notices = taken(&office.sink, "notice");
        let to_ivan: Vec<_> = notices.iter().filter(|taken| taken.recipient == ivan).collect();
        assert_eq!(to_ivan.len(), 2);
        for notice in to_ivan {
            assert_eq!(reply_to(&mut office, notice, "Попробуйте ещё раз."), "command");
        }
        let refused = "letter WHERE kind = 'answer' AND why LIKE '%looks like spam%'";
        office.desk.wait("the first answer is refused", |desk| (desk.database.count(refused) == 1).then_some(()));
        for time in ["10:02:00", "10:09:00"] {
            let before = of_worker(&office.sink);
            office.clock.set(at(&format!("2026-11-23T{time}")));
            office.desk.wait("it is tried again", |_| (of_worker(&office.sink) == before + 1).then_some(()));
            wait_for_looks(&mut office, at(&format!("2026-11-23T{time}")));
        }
        assert!(taken(&office.sink, "answer").is_empty(), "the other waits behind it");
        // Refused three times. The other goes first now, is taken, and the first is held with the server's words.
        office.clock.set(at("2026-11-23T10:27:00"));
        let answer = office.wait_for(0, "answer", &other);
        assert!(answer.mail.says("Попробуйте ещё раз."));
        office.desk.wait("the first is held", |desk| (desk.database.count(&format!("{refused} AND state = 'held'")) == 1).then_some(()));
        let told = office.wait_for(0, "delivery", &ivan);
        assert!(told.mail.says("looks like spam"), "{}", told.mail.text);
        assert_eq!(office.desk.database.count("letter WHERE state = 'failed'"), 0);
    }
}
