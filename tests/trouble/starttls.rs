//! Servers without encryption where it is required, or with one that somebody took away: no byte of the password leaves,
//! and the log names the cause (promise P18).

use std::fs;

use data_encoding::BASE64;

use super::support::fimap::Fimap;
use super::support::fsmtp::{Fsmtp, Manner};
use super::support::{Desk, Engine, Lab, Letter, Program};

const PASSWORD: &str = "canary-Passw0rd-31f6";
/// What a server may say to be given the password all the same.
const TEMPTING: &str = "IMAP4rev1 AUTH=PLAIN AUTH=LOGIN";

/// A desk whose password is [`PASSWORD`].
fn desk(imap: String, smtp: String) -> Desk {
    let desk = Desk::new(&Lab::shared(), Engine::Sqlite, |config| {
        config.imap = Some(imap);
        config.smtp = Some(smtp);
        config.mailbox = "folders = [\"INBOX\"]".to_owned();
    });
    fs::write(desk.dir().join("mail.password"), PASSWORD).expect("a password");
    desk
}

fn no_password_in(heard: &[u8], desk: &Desk) {
    let heard = String::from_utf8_lossy(heard);
    let plain = BASE64.encode(format!("\0{}\0{PASSWORD}", desk.help).as_bytes());
    for secret in [PASSWORD, &BASE64.encode(PASSWORD.as_bytes()), &plain] {
        assert!(!heard.contains(secret), "{heard}");
    }
    for command in ["LOGIN", "AUTH"] {
        let asked = heard.lines().any(|line| {
            let words = line.split_whitespace();
            words.take(2).any(|word| word.eq_ignore_ascii_case(command))
        });
        assert!(!asked, "{heard}");
    }
}

#[test]
fn an_imap_server_without_starttls_hears_no_password_and_the_log_names_the_cause() {
    let offering = "IMAP4rev1 STARTTLS AUTH=PLAIN";
    for (greeting, capabilities, refused, cause) in [
        (
            "OK here",
            TEMPTING,
            None,
            "the server does not offer STARTTLS",
        ),
        (
            "OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] here",
            TEMPTING,
            None,
            "the server does not offer STARTTLS",
        ),
        (
            "OK here",
            offering,
            Some("STARTTLS"),
            "the server offers STARTTLS and then refuses it",
        ),
        (
            "PREAUTH welcome back",
            offering,
            None,
            "a greeting that claims we are logged in",
        ),
        (
            "PREAUTH welcome back",
            TEMPTING,
            None,
            "a greeting that claims we are logged in",
        ),
    ] {
        let server = Fimap::start();
        server.change(|folder| {
            folder.greeting = Some(greeting);
            folder.capabilities = Some(capabilities);
            folder.refused = refused;
        });
        let imap = format!("imap+starttls://localhost:{}", server.port);
        let mut desk = desk(imap, "smtp://127.0.0.1:1".to_owned());
        desk.start_one(Program::Poller, &[]);
        desk.wait(&format!("the log says: {cause}"), |desk| {
            desk.log(Program::Poller).contains(cause).then_some(())
        });
        desk.stop(Program::Poller);
        no_password_in(&server.change(|folder| folder.bytes.clone()), &desk);
        let log = desk.log(Program::Poller);
        assert!(!log.contains(PASSWORD), "{log}");
    }
}

#[test]
fn a_submission_server_without_starttls_hears_no_password_and_both_logs_name_the_cause() {
    for (manner, cause) in [
        (Manner::Good, "the server does not offer STARTTLS"),
        (Manner::RefusesTls, "STARTTLS: refused: 454"),
    ] {
        let (imap, server) = (Fimap::start(), Fsmtp::start(manner));
        let mut desk = desk(
            format!("imap://127.0.0.1:{}", imap.port),
            format!("smtp+starttls://localhost:{}", server.port),
        );
        desk.start();
        let letter = Letter::new("Рита", &desk.rita, &desk.help, "Вопрос", "Помогите.");
        imap.put(&letter.raw());
        desk.wait(&format!("both logs say: {cause}"), |desk| {
            let says = |program| desk.log(program).contains(cause);
            Program::BOTH.into_iter().all(says).then_some(())
        });
        desk.stop_both();
        no_password_in(&server.heard(), &desk);
        assert!(server.taken().is_empty());
        let waiting = desk.database.count("letter WHERE state = 'due'");
        assert_eq!(waiting, 3, "a receipt and two notices wait");
    }
}
