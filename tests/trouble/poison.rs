//! A letter that ends whoever reads it. What is known to do so is kept from the parser by the limits before it; this
//! stands for what is not known yet.

use std::time::{Duration, Instant};

use super::support::{Desk, Engine, Lab, Letter, Program, on_both_engines, wait_until};

/// The word that ends the poller in these tests.
const POISON: (&str, &str) = ("NINETOSIX_POISON", "hemlock");
/// The word at which reading panics.
const PANIC: (&str, &str) = ("NINETOSIX_PANIC", "hemlock");
/// How long the poller must stay up afterwards.
const QUIET: Duration = Duration::from_secs(5);

/// Starts the poller whenever it has ended, as systemd would, until `done`. Returns how often it died.
fn supervise(desk: &mut Desk, what: &str, mut done: impl FnMut(&Desk) -> bool) -> usize {
    let mut deaths = 0;
    wait_until(Duration::from_secs(60), what, || {
        let ended = desk
            .running(Program::Poller)
            .and_then(|poller| poller.ended());
        if let Some(status) = ended {
            assert!(!status.success(), "it was not asked to stop");
            desk.kill(Program::Poller);
            deaths += 1;
            desk.start_one(Program::Poller, &[POISON]);
        }
        done(desk).then_some(())
    });
    deaths
}

on_both_engines! {
    fn a_letter_that_failed_can_be_tried_again_when_its_reader_is_mended(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start_one(Program::Poller, &[]);
        desk.wait_for_poll();
        desk.stop(Program::Poller);
        let help = desk.help.clone();
        let poison = Letter::new("", "poison@family.test", &help, "Отрава", "Настой: hemlock.");
        desk.receive("poison@family.test", &poison);
        desk.start_one(Program::Poller, &[PANIC]);
        // A panic costs the letter, never the program, which tries it again at each poll.
        desk.wait("it is set aside", |desk| {
            (desk.database.count("ledger WHERE outcome = 'quarantined'") == 1).then_some(())
        });
        let row = desk.database.rows("id, reason", "FROM ledger WHERE outcome = 'quarantined'").remove(0);
        assert!(row.text("reason").contains("panicked"), "{row:?}");
        desk.stop(Program::Poller);
        desk.start_one(Program::Poller, &[]);
        let retried = desk.command(Program::Poller, &["quarantine", "retry", row.text("id")]);
        assert!(retried.status.success(), "{retried:?}");
        assert_eq!(desk.wait_for_outcome(&poison).text("outcome"), "ticket");
        desk.stop(Program::Poller);
    }

    fn a_letter_that_kills_its_reader_is_set_aside_and_those_after_it_are_registered(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |config| {
            // An address of the same number as the desk's.
            let operator = config.specialists[1].2.clone();
            config.specialists.truncate(1);
            config.tables.push_str(&format!("[operator]\naddress = \"{operator}\"\n"));
        });
        desk.start_one(Program::Poller, &[]);
        desk.wait_for_poll();
        desk.stop(Program::Poller);
        let before = desk.rita_writes("До", "Раз.");
        let help = desk.help.clone();
        let poison = Letter::new("", "poison@family.test", &help, "Отрава", "Настой: hemlock.");
        desk.receive("poison@family.test", &poison);
        let olga = desk.olga.clone();
        let after = Letter::new("Ольга", &olga, &help, "После", "Два.");
        desk.receive(&olga, &after);

        desk.start_one(Program::Poller, &[POISON]);
        let mut deaths = supervise(&mut desk, "the letters around it are registered", |desk| {
            desk.database.count("ledger WHERE outcome = 'ticket'") == 2
        });
        let registered_after = deaths;
        deaths += supervise(&mut desk, "the poison is set aside", |desk| {
            desk.database.count("ledger WHERE outcome = 'quarantined'") == 1
        });
        assert!((1..=4).contains(&deaths), "it died {deaths} times");
        // systemd starts it 5 s after each death: they wait for less than the minute of promise P05.
        assert!(registered_after <= 4, "those after it waited for {registered_after} restarts");

        // From now on it stays up and works.
        let begun = Instant::now();
        let next = desk.rita_writes("Ещё", "Три.");
        desk.wait_for_outcome(&next);
        let anna = desk.anna.clone();
        let alert = desk.wait_for_mail(&anna, "an alert", |mail| mail.says("quarantine"));
        assert!(alert.is_automatic());
        desk.wait("it stays up", |_| (begun.elapsed() > QUIET).then_some(()));

        let row = desk.database.rows("attempts, attempts_alone", "FROM ledger WHERE outcome = 'quarantined'").remove(0);
        assert_eq!(row.number("attempts_alone"), 3);
        for letter in [&before, &after] {
            assert_eq!(desk.wait_for_outcome(letter).text("outcome"), "ticket");
        }
        let alerts = desk.inbox(&anna).into_iter().filter(|mail| mail.says("quarantine")).count();
        assert_eq!(alerts, 1);

        // The operator looks at it, and once it does no harm any more has it tried again.
        let quarantine = |desk: &Desk, words: &[&str]| {
            let done = desk.command(Program::Poller, &[&["quarantine"], words].concat());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (done.status.success(), text(&done.stdout), text(&done.stderr))
        };
        let (_, listed, _) = quarantine(&desk, &["list", "--json"]);
        let listed: serde_json::Value = serde_json::from_str(&listed).expect("one letter, one line");
        let id = listed["id"].to_string();
        assert!(listed["reason"].as_str().is_some_and(|reason| reason.contains("ended the program")), "{listed}");
        assert!(quarantine(&desk, &["raw", &id]).1.contains("poison@family.test"));
        // Harmful as it is, it can be registered by its header, and specialists are told of it.
        desk.start_one(Program::Worker, &[POISON]);
        assert!(quarantine(&desk, &["release", &id]).0);
        assert_eq!(desk.wait_for_outcome(&poison).text("outcome"), "ticket");
        let ivan = desk.ivan.clone();
        let notice = desk.wait_for_mail(&ivan, "a notice of the released letter", |mail| mail.subject.contains("Отрава"));
        assert!(notice.says("только заголовок") && !notice.says("hemlock"), "{}", notice.text);
        desk.stop(Program::Worker);
        let (good, _, why) = quarantine(&desk, &["retry", &id]);
        assert!(!good && why.contains("is not in quarantine"), "{why}");
        desk.stop(Program::Poller);
    }
}
