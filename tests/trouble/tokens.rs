//! A mailbox that is entered with tokens: the way of a letter, tokens that run out or are refused, and what no log may hold.

use std::fs;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use ninetosix_core::config;
use ninetosix_core::daemon::smtp_server;
use ninetosix_core::smtp::{DialError, SmtpSession, Timeouts};
use ninetosix_poller::imap::{Connection, ImapError};

use tokio::runtime::Runtime;

use super::own_lab;
use super::support::tokens::{TokenServer, token};
use super::support::{Client, Desk, Engine, Lab, Program};

/// In seconds.
const HOUR: u32 = 3600;
const SECRET: &str = "canary-cl1ent-s3cret";

/// A desk whose mailbox is entered with what the server gives out.
fn desk(lab: &Lab, server: &TokenServer) -> Desk {
    let table = server.table("mail.password");
    let desk = Desk::new(lab, Engine::Sqlite, |config| config.oauth = Some(table));
    fs::write(desk.dir().join("mail.password"), SECRET).expect("a secret");
    desk
}

#[test]
fn a_letter_comes_and_an_answer_goes_with_tokens_alone_and_no_log_holds_one() {
    let lab = own_lab();
    let server = TokenServer::start(&lab, 503, "");
    let mut desk = desk(&lab, &server);
    let given = lab.token(&desk.help, HOUR);
    server.answers(200, &token(&given, HOUR));
    for program in Program::BOTH {
        desk.start_one(program, &[("NINETOSIX_LOG", "trace")]);
    }
    desk.wait_for_poll();
    let letter = desk.rita_writes("Не открывается", "Помогите.");
    let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
    desk.wait_for_receipt(&rita, &letter);
    let notice = desk.wait_for_notice(&ivan, &letter);
    desk.ivan_replies(&notice, Client::Thunderbird, "Готово.");
    desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Готово."));
    desk.stop_both();

    // Nothing went in or out by another way.
    let by = |server: &str, with: &str| {
        let log = lab.log(server);
        let lines = log.lines().filter(|line| line.contains(&desk.help));
        let (these, others): (Vec<_>, Vec<_>) = lines
            .filter(|line| line.contains("method="))
            .map(str::to_owned)
            .partition(|line| line.contains(with));
        assert!(!these.is_empty() && others.is_empty(), "{others:?}");
    };
    by("dovecot", "method=XOAUTH2");
    by("postfix", "sasl_method=XOAUTH2");
    // One for reading, one for the letters of each daemon.
    let heard = server.heard();
    assert_eq!(heard.len(), 3, "{heard:?}");
    let form = format!("grant_type=client_credentials&client_id=desk&client_secret={SECRET}");
    assert!(heard.iter().all(|heard| *heard == form), "{heard:?}");
    let log = desk.log(Program::Poller);
    assert!(log.contains(" DEBUG "), "more than usual is said");
    holds_no_secret(&desk, &given);
}

/// Neither the application's secret nor the token, in any form, stands in a log.
fn holds_no_secret(desk: &Desk, given: &str) {
    let shown = format!("user={}\x01auth=Bearer {given}\x01\x01", desk.help);
    let shown = BASE64.encode(shown.as_bytes());
    for program in Program::BOTH {
        let log = desk.log(program);
        for secret in [SECRET, given, &given[..40], &shown, &shown[..40]] {
            let line = log.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{}: {line:?}", program.name());
        }
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

#[test]
fn a_token_that_a_server_refuses_is_not_shown_to_it_again() {
    ninetosix_core::tls::install_provider();
    let lab = Lab::shared();
    let refused = token("no.such.token", HOUR);
    let server = TokenServer::start(&lab, 200, &refused);
    let desk = desk(&lab, &server);
    let settings = config::load(&desk.config_file()).expect("sound");
    let good = token(&lab.token(&desk.help, HOUR), HOUR);
    let mailbox = &settings.mailboxes[0];
    runtime().block_on(async {
        let smtp = smtp_server(mailbox).expect("certificates");
        let open = async || SmtpSession::open(&smtp, &Timeouts::default()).await;
        let error = open().await.expect_err("refused");
        assert!(matches!(error, DialError::AuthRefused { .. }), "{error:?}");
        server.answers(200, &good);
        open().await.expect("let in").quit().await;
        assert_eq!(server.heard().len(), 2);

        server.answers(200, &refused);
        let imap = ninetosix_poller::app::server(mailbox).expect("certificates");
        let error = Connection::open(&imap).await.expect_err("refused");
        assert!(matches!(error, ImapError::AuthRefused(_)), "{error:?}");
        server.answers(200, &good);
        let connection = Connection::open(&imap).await.expect("let in");
        assert!(connection.until().is_some());
        connection.logout().await;
        assert_eq!(server.heard().len(), 4);

        // One that ended before its time is put right at once. Nobody is told that it would.
        let soon = lab.token(&desk.help, 3);
        server.answers(200, &token(&soon, HOUR));
        let imap = ninetosix_poller::app::server(mailbox).expect("certificates");
        let smtp = smtp_server(mailbox).expect("certificates");
        let both = async || {
            let connection = Connection::open(&imap).await.expect("let in");
            connection.logout().await;
            let session = SmtpSession::open(&smtp, &Timeouts::default()).await;
            session.expect("let in").quit().await;
        };
        both().await;
        server.answers(200, &good);
        let begun = Instant::now();
        while server.heard().len() < 8 {
            assert!(begun.elapsed() < super::support::LIMIT, "it ended");
            both().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}

#[test]
fn a_connection_is_opened_anew_before_its_token_runs_out() {
    let lab = Lab::shared();
    let server = TokenServer::start(&lab, 503, "");
    let mut desk = desk(&lab, &server);
    // Believed to hold for 25 seconds, and shown for 20.
    server.answers(200, &token(&lab.token(&desk.help, HOUR), 1));
    desk.start_one(Program::Poller, &[]);
    desk.wait("another token is asked for", |_| {
        (server.heard().len() >= 2).then_some(())
    });
    let letter = desk.rita_writes("Не открывается", "Помогите.");
    let rita = desk.rita.clone();
    desk.wait_for_receipt(&rita, &letter);
    desk.stop(Program::Poller);
    // It is no trouble that anybody hears of.
    let log = desk.log(Program::Poller);
    assert!(!log.contains(" WARN "), "{log}");
}

#[test]
fn an_application_that_is_refused_is_told_of_and_no_letter_is_lost() {
    let lab = Lab::shared();
    let server = TokenServer::start(&lab, 503, "");
    let mut desk = desk(&lab, &server);
    let good = token(&lab.token(&desk.help, HOUR), HOUR);
    server.answers(200, &good);
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    desk.stop(Program::Poller);

    let denied =
        "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: it has expired\"}";
    server.answers(401, denied);
    let letter = desk.rita_writes("Не открывается", "Помогите.");
    desk.start_one(Program::Poller, &[("NINETOSIX_LOG", "trace")]);
    desk.wait("the refusal is said", |desk| {
        let log = desk.log(Program::Poller);
        let told = log.contains("invalid_client, AADSTS7000222");
        told.then_some(())
    });
    desk.stop(Program::Poller);

    server.answers(200, &good);
    desk.start_one(Program::Poller, &[]);
    let rita = desk.rita.clone();
    desk.wait_for_receipt(&rita, &letter);
    holds_no_secret(&desk, &lab.token(&desk.help, HOUR));
}
