//! A mailbox that is entered with tokens: the way of a letter, tokens that run out or are refused, and what no log may hold.

use std::fs;
use std::time::Duration;

use data_encoding::BASE64;
use ninetosix_core::config;
use ninetosix_core::daemon::smtp_server;
use ninetosix_core::oauth::{Login, TokenError};
use ninetosix_core::smtp::{DialError, SmtpSession, Timeouts};
use ninetosix_poller::imap::{Connection, ImapError};

use secrecy::ExposeSecret;
use tokio::runtime::Runtime;

use super::own_lab;
use super::support::tokens::{TokenServer, token};
use super::support::{Client, Desk, Engine, Lab, Program};

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
    let given = lab.token(&desk.help);
    server.answers(200, &token(&given, 3600));
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

#[test]
fn a_token_is_asked_for_when_it_is_needed_and_what_is_refused_is_not_shown_again() {
    ninetosix_core::tls::install_provider();
    let lab = Lab::shared();
    let server = TokenServer::start(&lab, 200, &token("first", 3600));
    let desk = desk(&lab, &server);
    let settings = config::load(&desk.config_file()).expect("sound");
    let smtp = smtp_server(&settings.mailboxes[0]).expect("certificates");
    runtime().block_on(ask_again_and_again(smtp.login, server));
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

#[test]
fn a_token_that_a_server_refuses_is_not_shown_to_it_again() {
    ninetosix_core::tls::install_provider();
    let lab = Lab::shared();
    let refused = token("no.such.token", 3600);
    let server = TokenServer::start(&lab, 200, &refused);
    let desk = desk(&lab, &server);
    let settings = config::load(&desk.config_file()).expect("sound");
    let good = token(&lab.token(&desk.help), 3600);
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
    });
}

#[test]
fn a_connection_is_opened_anew_before_its_token_runs_out() {
    let lab = Lab::shared();
    let server = TokenServer::start(&lab, 503, "");
    let mut desk = desk(&lab, &server);
    // Shown for four fifths of it.
    server.answers(200, &token(&lab.token(&desk.help), 2));
    desk.start_one(Program::Poller, &[]);
    desk.wait("another token was asked for, and again", |_| {
        (server.heard().len() >= 4).then_some(())
    });
    let letter = desk.rita_writes("Не открывается", "Помогите.");
    let rita = desk.rita.clone();
    desk.wait_for_receipt(&rita, &letter);
    desk.stop(Program::Poller);
    // It is no trouble that anybody hears of.
    let log = desk.log(Program::Poller);
    assert!(!log.contains(" WARN "), "{log}");
}

/// Asks until each way of having no token was met.
async fn ask_again_and_again(login: Login, server: TokenServer) {
    let shown = async || {
        let credential = login.credential().await?;
        let secret = credential.secret().expose_secret();
        Ok::<_, TokenError>(secret.to_owned())
    };
    assert_eq!(shown().await.expect("a token"), "first");
    server.answers(200, &token("second", 1));
    assert_eq!(shown().await.expect("a token"), "first");
    assert_eq!(server.heard().len(), 1);

    login.refused().await;
    assert_eq!(shown().await.expect("a token"), "second");
    // It holds for a second, and is shown for less.
    server.answers(200, &token("third", 3600));
    let third = async {
        while shown().await.expect("a token") != "third" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let third = tokio::time::timeout(super::support::LIMIT, third).await;
    third.expect("the second ran out");
    assert_eq!(server.heard().len(), 3);

    login.refused().await;
    let denied = format!("{{\"error\":\"invalid_client\",\"error_description\":\"not {SECRET}\"}}");
    server.answers(401, &denied);
    let error = shown().await.expect_err("refused");
    assert!(matches!(error, TokenError::Refused(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
    server.answers(500, "<html>");
    let error = shown().await.expect_err("no token");
    assert!(matches!(error, TokenError::Busy(_)), "{error:?}");
    drop(server);
    let error = shown().await.expect_err("no server");
    assert!(matches!(error, TokenError::Unreachable(_)), "{error:?}");
}

#[test]
fn an_application_that_is_refused_is_told_of_and_no_letter_is_lost() {
    let lab = Lab::shared();
    let server = TokenServer::start(&lab, 503, "");
    let mut desk = desk(&lab, &server);
    let good = token(&lab.token(&desk.help), 3600);
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
        let told = log.contains("invalid_client: AADSTS7000222: it has expired");
        told.then_some(())
    });
    desk.stop(Program::Poller);

    server.answers(200, &good);
    desk.start_one(Program::Poller, &[]);
    let rita = desk.rita.clone();
    desk.wait_for_receipt(&rita, &letter);
    holds_no_secret(&desk, &lab.token(&desk.help));
}
