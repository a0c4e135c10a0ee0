//! Logging in: with a password by AUTH PLAIN (RFC 4616) or LOGIN, by what the server offers (RFC 4954), with a token by XOAUTH2;
//! and keeping what was said there out of every text.

use std::fmt;

use data_encoding::BASE64;
use lettre::transport::smtp::{
    authentication::{Credentials, Mechanism},
    commands::Auth,
    response::Response,
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    conversation::Trouble,
    dial::{DialError, DialStage},
    line::Line,
    reply::{Reply, printable, shortened},
    server::{Security, SmtpServer},
};
use crate::oauth::{Credential, without_tokens};

/// Ends a login that came to a challenge with no answer (RFC 4954 section 4).
const CANCEL: &str = "*\r\n";

/// What no text of ours may repeat: the password, and the lines that carried it. A server knows them and
/// may say them back.
pub(super) struct Secrets {
    said: Vec<SecretString>,
    /// A token is too long to be repeated whole, so that nothing is shown that may be a part of one.
    is_token: bool,
}

impl Secrets {
    pub(super) fn of(credential: &Credential) -> Self {
        Self {
            said: vec![credential.secret().clone()],
            is_token: matches!(credential, Credential::Token(_)),
        }
    }

    /// Adds what a line of AUTH says beside the mechanism's name.
    fn remember(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let word = match words.next() {
            Some("AUTH") => words.nth(1),
            word => word.filter(|word| *word != CANCEL.trim_end()),
        };
        self.said.extend(word.map(SecretString::from));
    }

    /// The text as it may be shown: at most 200 characters, and nothing at all if a secret is in it.
    pub(super) fn shown(&self, text: &str) -> String {
        let repeats = |secret: &SecretString| {
            let secret = secret.expose_secret();
            !secret.is_empty() && text.contains(secret)
        };
        if self.said.iter().any(repeats) {
            return "(text withheld: it repeats our credentials)".to_owned();
        }
        if self.is_token {
            return shortened(&without_tokens(text)).into_owned();
        }
        shortened(text).into_owned()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// The mechanisms in an EHLO reply. Keywords are read in any case (RFC 5321 section 2.4); `AUTH=` is an
/// old spelling that some servers still send beside the right one.
fn offered(ehlo: &Reply) -> Vec<String> {
    let keywords = ehlo.lines().skip(1).map(str::to_ascii_uppercase);
    keywords
        .filter_map(|line| {
            let rest = line.strip_prefix("AUTH")?.strip_prefix([' ', '='])?;
            Some(
                rest.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>(),
            )
        })
        .flatten()
        .collect()
}

/// Logs in, or finds that on this loopback nobody asks us to.
pub(super) async fn log_in(
    line: &mut Line,
    server: &SmtpServer,
    credential: &Credential,
    ehlo: &Reply,
    secrets: &mut Secrets,
) -> Result<(), DialError> {
    let offered = offered(ehlo);
    if server.security == Security::PlainLoopback && (offered.is_empty() || server.user.is_empty())
    {
        return Ok(());
    }
    let has = |name: &str| offered.iter().any(|offer| offer == name);
    let (mechanisms, wanted): (&[Mechanism], _) = match credential {
        Credential::Password(_) => (&[Mechanism::Plain, Mechanism::Login], "PLAIN or LOGIN"),
        Credential::Token(_) => (&[Mechanism::Xoauth2], "XOAUTH2"),
    };
    let mut mechanisms = mechanisms.iter().copied();
    let Some(mechanism) = mechanisms.find(|mechanism| has(&mechanism.to_string())) else {
        return Err(DialError::NoAuth {
            wanted,
            offered: shortened(&offered.join(" ")).into_owned(),
        });
    };
    let credentials = Credentials::new(
        server.user.clone(),
        credential.secret().expose_secret().to_owned(),
    );
    let mut said = match mechanism {
        // A token is longer than a line of SMTP may be, so it is no initial response (RFC 4954 section 4).
        Mechanism::Xoauth2 => "AUTH XOAUTH2\r\n".to_owned(),
        _ => Auth::new(mechanism, credentials.clone(), None)
            .map_err(not_understood)?
            .to_string(),
    };
    // Why a token is refused stands in a challenge.
    let mut why = None;
    // PLAIN takes one line, LOGIN three: AUTH LOGIN, the name, the password. A token takes two, and a third to be refused.
    for turn in 0..3 {
        secrets.remember(&said);
        let within = line.conversation().timeouts().hello;
        let reply = line
            .say(said, within, "no answer to AUTH")
            .await
            .map_err(|trouble| DialError::from_trouble(DialStage::Auth, trouble, secrets))?;
        match reply.code() {
            235 => return Ok(()),
            334 if mechanism == Mechanism::Xoauth2 && turn == 0 => said = token_line(&credentials)?,
            334 if mechanism == Mechanism::Xoauth2 => {
                why = Some(in_challenge(&reply));
                said = CANCEL.to_owned();
            }
            334 => said = answer(mechanism, &credentials, &reply)?.to_string(),
            code @ 400..500 => {
                let text = secrets.shown(&reply.text());
                let stage = DialStage::Auth;
                return Err(DialError::Refused { stage, code, text });
            }
            code @ 500.. => {
                let why = why.map(|why| format!(" {why}")).unwrap_or_default();
                let text = secrets.shown(&format!("{}{why}", reply.text()));
                return Err(DialError::AuthRefused { code, text });
            }
            code => {
                let trouble = Trouble::Malformed(format!("{code} to AUTH"));
                return Err(DialError::from_trouble(DialStage::Auth, trouble, secrets));
            }
        }
    }
    Err(not_understood("no end of challenges"))
}

/// A token as lettre puts it, on a line of its own.
fn token_line(credentials: &Credentials) -> Result<String, DialError> {
    let response = Mechanism::Xoauth2.response(credentials, None);
    let response = response.map_err(not_understood)?;
    Ok(format!("{}\r\n", BASE64.encode(response.as_bytes())))
}

/// The answer to a challenge (RFC 4954 section 4). lettre decodes it and knows the usual spellings.
fn answer(
    mechanism: Mechanism,
    credentials: &Credentials,
    reply: &Reply,
) -> Result<Auth, DialError> {
    let wire = reply.for_lettre();
    let response: Response = std::str::from_utf8(&wire)
        .map_err(not_understood)?
        .parse()
        .map_err(not_understood)?;
    Auth::new_from_response(mechanism, credentials.clone(), &response).map_err(not_understood)
}

/// What a server says in a challenge where none was due: it is base64 of JSON, as those say who made XOAUTH2.
fn in_challenge(reply: &Reply) -> String {
    let text = BASE64.decode(reply.text().trim().as_bytes());
    text.map_or_else(
        |_| String::new(),
        |text| printable(&String::from_utf8_lossy(&text)),
    )
}

/// The cause is dropped in view: it may hold the challenge, which is the server's text.
fn not_understood<E>(_cause: E) -> DialError {
    DialError::Protocol {
        stage: DialStage::Auth,
        why: "the server's challenge was not understood".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reply::ReplyReader;
    use super::*;

    #[test]
    fn mechanisms_are_read_in_any_spelling() {
        for (ehlo, expected) in [
            ("250-x\r\n250 AUTH PLAIN LOGIN\r\n", vec!["PLAIN", "LOGIN"]),
            ("250-x\r\n250 auth plain\r\n", vec!["PLAIN"]),
            ("250-x\r\n250 AUTH=LOGIN\r\n", vec!["LOGIN"]),
            ("250-x\r\n250 AUTHOR PLAIN\r\n", vec![]),
            ("250 AUTH PLAIN\r\n", vec![]),
            ("250-x\r\n250 AUTH\r\n", vec![]),
        ] {
            let (reply, _) = ReplyReader::default()
                .feed(ehlo.as_bytes())
                .ok()
                .flatten()
                .expect("a reply");
            assert_eq!(offered(&reply), expected, "{ehlo:?}");
        }
    }

    #[test]
    fn a_text_that_repeats_a_secret_is_withheld_whole() {
        let mut secrets = Secrets::of(&Credential::Password("hunter2".into()));
        for line in [
            "AUTH LOGIN",
            "AUTH PLAIN AGEAaHVudGVyMg==",
            "aHVudGVyMg==",
            "*",
        ] {
            secrets.remember(&format!("{line}\r\n"));
        }
        for text in ["you said hunter2", "bad: AGEAaHVudGVyMg==", "aHVudGVyMg=="] {
            assert!(secrets.shown(text).starts_with("(text withheld"));
        }
        assert_eq!(secrets.shown("5.7.8 no LOGIN*"), "5.7.8 no LOGIN*");
        assert_eq!(format!("{secrets:?}"), "Secrets");
    }
}
