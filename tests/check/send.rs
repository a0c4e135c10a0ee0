//! `check --send`: a letter that proves delivery.

use super::scene::Fact;
use super::support::{Desk, Engine, Lab, Program, on_both_engines};

fn facts(desk: &Desk, program: Program, to: &str) -> Vec<Fact> {
    let output = desk.command(program, &["check", "--json", "--send", to]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    let facts = said.lines();
    facts
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

fn says(facts: &[Fact], words: &str) -> bool {
    let mut said = facts.iter().filter_map(|fact| fact["what"].as_str());
    said.any(|what| what.contains(words))
}

on_both_engines! {
    fn a_letter_to_the_desk_itself_is_seen_to_arrive_and_becomes_no_ticket(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let help = desk.help.clone();
        let found = facts(&desk, Program::Poller, &help);
        assert!(says(&found, "сервер взял письмо: ") && says(&found, "письмо пришло, папка INBOX"), "{found:#?}");
        desk.wait("the letter is known as our own", |desk| {
            let rows = desk.ledger();
            rows.iter().any(|row| row.maybe("outcome") == Some("own")).then_some(())
        });
        desk.stop_both();
        assert_eq!((desk.tickets().len(), desk.letters().len()), (0, 0), "no ticket, and no letter in the outbox");
    }
}

#[test]
fn a_letter_that_the_poller_moved_meanwhile_has_arrived_all_the_same() {
    let mut desk = Desk::new(&Lab::shared(), Engine::Sqlite, |config| {
        config.mailbox = "after_registration = \"move Done\"".to_owned();
    });
    desk.start();
    let help = desk.help.clone();
    for _ in 0..3 {
        let found = facts(&desk, Program::Poller, &help);
        assert!(says(&found, "письмо пришло, папка "), "{found:#?}");
    }
    desk.wait("the letters were moved", |desk| {
        (desk.lab.folder(&desk.help, ".Done").len() == 3).then_some(())
    });
    let found = facts(&desk, Program::Poller, &desk.rita);
    assert!(says(&found, "переносим в папку Done"), "{found:#?}");
    desk.stop_both();
    assert_eq!(desk.tickets().len(), 0);
}

#[test]
fn a_letter_to_anybody_goes_out_in_the_language_of_the_desk_without_any_daemon() {
    for (language, subject, words) in [
        ("ru", "Пробное письмо с адреса", "Отвечать на него не нужно"),
        ("en", "Test letter from", "There is no need to answer"),
    ] {
        for program in Program::BOTH {
            let desk = Desk::new(&Lab::shared(), Engine::Sqlite, |config| {
                config.language = language.to_owned();
            });
            let before = desk.inbox(&desk.rita).len();
            facts(&desk, program, &desk.rita);
            let arrived = || {
                let inbox = desk.inbox(&desk.rita);
                (inbox.len() > before).then(|| inbox.into_iter().last().expect("a mail"))
            };
            let mail = super::support::wait_until(super::support::LIMIT, "the letter", arrived);
            assert!(
                mail.subject.starts_with(subject) && mail.subject.ends_with(&desk.help),
                "{}",
                mail.subject
            );
            assert!(
                mail.says(words) && mail.is_automatic() && mail.from == desk.help,
                "{}",
                mail.text
            );
            assert_eq!(desk.letters().len(), 0);
        }
    }
}

#[test]
fn what_is_no_address_is_wrong_usage() {
    let desk = Desk::new(&Lab::shared(), Engine::Sqlite, |_| {});
    for program in Program::BOTH {
        let output = desk.command(program, &["check", "--send", "rita"]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
