//! What no log may hold, at any level: passwords, the token key, the words of letters, people's addresses.

use std::fs;

use data_encoding::BASE64;

use super::own_lab;
use super::support::{Client, Desk, Engine, Letter, Program, on_both_engines};

const PASSWORD: &str = "canary-Passw0rd-7f3a";
const WRONG: &str = "canary-Wr0ng-91bc";
const SUBJECT: &str = "canarysubject";
const BODY: &str = "canarybody";
const ANSWER: &str = "canaryanswer";

on_both_engines! {
    fn a_trace_of_everything_holds_no_secret_no_words_and_no_address(engine) {
        let lab = own_lab();
        let mut desk = Desk::new(&lab, engine, |config| config.quick_poll_ms = 0);
        let password = desk.dir().join("mail.password");
        // A login that is refused, for the words of failures.
        fs::write(&password, WRONG).expect("a password");
        lab.set_password(&desk.help, PASSWORD);
        let trace = [("NINETOSIX_LOG", "trace"), ("RUST_LOG", "trace")];
        desk.start_one(Program::Poller, &trace);
        desk.wait("the login is refused", |desk| desk.log(Program::Poller).contains("poll:").then_some(()));
        desk.stop(Program::Poller);
        fs::write(&password, PASSWORD).expect("a password");

        for program in Program::BOTH {
            desk.start_one(program, &trace);
        }
        desk.wait_for_poll();
        let letter = desk.rita_writes(SUBJECT, BODY);
        let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
        desk.wait_for_receipt(&rita, &letter);
        let notice = desk.wait_for_notice(&ivan, &letter);
        desk.ivan_replies(&notice, Client::Thunderbird, ANSWER);
        desk.wait_for_mail(&rita, "the answer", |mail| mail.says(ANSWER));
        desk.stop_both();

        let key = fs::read_to_string(desk.dir().join("token.key")).expect("the token key");
        let plain = |password: &str| BASE64.encode(format!("\0{}\0{password}", desk.help).as_bytes());
        let forbidden = [
            PASSWORD.to_owned(), WRONG.to_owned(), plain(PASSWORD), plain(WRONG), BASE64.encode(PASSWORD.as_bytes()),
            key.trim().to_owned(), key.trim()[..16].to_owned(), SUBJECT.to_owned(), BODY.to_owned(), ANSWER.to_owned(),
            BASE64.encode(SUBJECT.as_bytes()), letter.uuid.clone(), rita, ivan, desk.anna.clone(),
        ];
        assert!(desk.log(Program::Poller).contains(" DEBUG "), "more than usual is said");
        for program in Program::BOTH {
            let log = desk.log(program);
            for secret in &forbidden {
                let line = log.lines().find(|line| line.contains(secret.as_str()));
                assert!(line.is_none(), "the {}'s log holds {secret:?}: {line:?}", program.name());
            }
            assert!(log.lines().all(|line| line.len() <= 8192), "a line of more than 8 KiB");
        }
    }
}

#[test]
fn a_refusal_that_quotes_the_address_is_logged_without_it() {
    let mut desk = Desk::new(&own_lab(), Engine::Sqlite, |_| {});
    desk.start();
    let nobody = Letter::new("", "unknown@fault.test", &desk.help, SUBJECT, BODY);
    desk.receive("unknown@fault.test", &nobody);
    desk.wait("it is refused", |desk| {
        (desk.database.count("letter WHERE state = 'failed'") == 1).then_some(())
    });
    desk.stop_both();
    let log = desk.log(Program::Poller);
    assert!(
        log.contains("failed") && !log.contains("unknown@fault.test"),
        "{log}"
    );
}
