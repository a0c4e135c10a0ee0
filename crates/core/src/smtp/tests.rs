//! The module against a scripted server on real sockets: what a real one cannot be made to do.
//!
//! Rita writes, Sam answers. Each test says what the server does, and then looks at both ends: what the
//! caller was told, and what the server heard.

mod bodies;
mod dialling;
mod fake;
mod gate;
mod pipe;
mod refusals;
mod reuse;
mod turns;

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use secrecy::SecretString;

use crate::oauth::Login;

use super::{Refusal, Security, SendOutcome, SmtpServer, SmtpSession, Timeouts};

const SAM: &str = "support@school.test";
const RITA: &str = "rita@family.test";
const MAIL: &str = "Subject: x\r\n\r\nHello\r\n.\r\n..dots\r\n";
const PASSWORD: &str = "correct horse";

fn server_at(port: u16, security: Security) -> SmtpServer {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    SmtpServer {
        host: "127.0.0.1".to_owned(),
        port,
        security,
        tls: Arc::new(tls),
        user: "support".to_owned(),
        login: Login::Password(SecretString::from(PASSWORD)),
        hello_name: "desk.school.test".to_owned(),
    }
}

/// Every limit the same.
fn limits(each: Duration) -> Timeouts {
    Timeouts {
        connect: each,
        tls: each,
        banner: each,
        hello: each,
        envelope: each,
        data: each,
        block: each,
        caller: each,
        end_of_data: each,
        reset: each,
        quit: each,
    }
}

/// For a side that never answers.
fn quick() -> Timeouts {
    limits(Duration::from_secs(1))
}

/// For sides that do, on a machine that is busy with something else.
fn patient() -> Timeouts {
    limits(Duration::from_secs(30))
}

async fn session_with(fake: &fake::Fake, timeouts: Timeouts) -> SmtpSession {
    let server = server_at(fake.port, Security::PlainLoopback);
    SmtpSession::open(&server, &timeouts)
        .await
        .expect("the fake lets us in")
}

async fn yes() -> Result<(), Refusal> {
    Ok(())
}

async fn send_mail(session: &mut SmtpSession, recipient: &str, mail: &[u8]) -> SendOutcome {
    session
        .send(SAM, recipient, async || Ok(mail.to_vec()), yes())
        .await
}
