//! Getting in with a name and a password, whatever characters they are made of, or with a token.
//!
//! | password | how it travels |
//! |---|---|
//! | printable ASCII | `LOGIN "name" "password"` (RFC 3501 section 6.2.3) |
//! | anything else | `AUTHENTICATE PLAIN` (RFC 4616) if offered, else LOGIN with literals |
//! | any, when the server says LOGINDISABLED | `AUTHENTICATE PLAIN`, or not at all |
//! | none, but a token | `AUTHENTICATE XOAUTH2`, as Google and Microsoft describe it, or not at all |
//!
//! The bytes go straight to the socket, past async-imap's trace log (trap I12), and should the server
//! repeat the password in its answer, the error does not.

use async_imap::imap_proto::Response;
use data_encoding::BASE64;
use ninetosix_core::oauth::{Credential, without_tokens};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::{ImapError, Stage, visible};
use super::names::{is_quotable, quoted};
use super::wire::{Exchange, Wire};

/// Logs in. The connection must be encrypted already, or end on this machine.
pub(super) async fn log_in(
    wire: &mut Wire,
    user: &str,
    credential: &Credential,
) -> Result<(), ImapError> {
    let result = match credential {
        Credential::Password(password) => with_password(wire, user, password).await,
        Credential::Token(token) => with_token(wire, user, &token.token).await,
    };
    result.map_err(|error| judge(error, user, credential))
}

async fn with_password(
    wire: &mut Wire,
    user: &str,
    password: &SecretString,
) -> Result<(), ImapError> {
    let way = Way::choose(
        |capability| wire.can(capability),
        user,
        password.expose_secret(),
    )?;
    match way {
        Way::Quoted => {
            let arguments = format!("{} {}", quoted(user), quoted(password.expose_secret()));
            wire.command(
                "LOGIN",
                SecretString::from(arguments).expose_secret(),
                0,
                |_| {},
            )
            .await
        }
        Way::Literals => literals(wire, user, password).await,
        Way::Plain => plain(wire, user, password).await,
    }
}

/// How the password travels.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Quoted,
    Literals,
    Plain,
}

impl Way {
    fn choose(can: impl Fn(&str) -> bool, user: &str, password: &str) -> Result<Self, ImapError> {
        if user.contains('\0') || password.contains('\0') {
            return Err(ImapError::NoLoginMethod(
                "IMAP cannot carry a NUL in a name or password",
            ));
        }
        let (login, plain) = (!can("LOGINDISABLED"), can("AUTH=PLAIN"));
        match (login, plain) {
            (false, false) => Err(ImapError::NoLoginMethod(
                "the server offers neither LOGIN nor AUTH=PLAIN",
            )),
            (false, true) => Ok(Self::Plain),
            (true, _) if is_quotable(user) && is_quotable(password) => Ok(Self::Quoted),
            (true, true) => Ok(Self::Plain),
            (true, false) => Ok(Self::Literals),
        }
    }
}

/// RFC 3501 section 4.3: each literal is announced, and sent when the server asks for it.
async fn literals(wire: &mut Wire, user: &str, password: &SecretString) -> Result<(), ImapError> {
    const LOGIN: Stage = Stage::Command("LOGIN");
    let password = password.expose_secret();
    let mut exchange = wire.begin("LOGIN", &format!("{{{}}}", user.len())).await?;
    asked(wire, &mut exchange).await?;
    wire.send(
        format!("{user} {{{}}}\r\n", password.len()).as_bytes(),
        LOGIN,
    )
    .await?;
    asked(wire, &mut exchange).await?;
    wire.send(password.as_bytes(), LOGIN).await?;
    wire.send(b"\r\n", LOGIN).await?;
    finish(wire, &mut exchange).await
}

/// RFC 3501 section 6.2.2 with RFC 4616: no authorisation identity, the name, the password.
async fn plain(wire: &mut Wire, user: &str, password: &SecretString) -> Result<(), ImapError> {
    let mut exchange = wire.begin("AUTHENTICATE", "PLAIN").await?;
    asked(wire, &mut exchange).await?;
    let line = SecretString::from(format!(
        "{}\r\n",
        plain_response(user, password).expose_secret()
    ));
    wire.send(
        line.expose_secret().as_bytes(),
        Stage::Command("AUTHENTICATE"),
    )
    .await?;
    finish(wire, &mut exchange).await
}

/// A bearer token, and on a refusal the empty line for which the server waits before it says so.
async fn with_token(wire: &mut Wire, user: &str, token: &SecretString) -> Result<(), ImapError> {
    const AUTHENTICATE: Stage = Stage::Command("AUTHENTICATE");
    if !wire.can("AUTH=XOAUTH2") {
        return Err(ImapError::NoLoginMethod(
            "the server does not offer AUTH=XOAUTH2",
        ));
    }
    let mut exchange = wire.begin("AUTHENTICATE", "XOAUTH2").await?;
    asked(wire, &mut exchange).await?;
    let response = xoauth2_response(user, token);
    wire.send(response.expose_secret().as_bytes(), AUTHENTICATE)
        .await?;
    wire.send(b"\r\n", AUTHENTICATE).await?;
    let challenge = wire.next(&mut exchange, |response| {
        matches!(response, Response::Continue(_)).then_some(())
    });
    if challenge.await?.is_none() {
        return Ok(());
    }
    wire.send(b"\r\n", AUTHENTICATE).await?;
    finish(wire, &mut exchange).await
}

fn xoauth2_response(user: &str, token: &SecretString) -> SecretString {
    let token = token.expose_secret();
    let response = SecretString::from(format!("user={user}\x01auth=Bearer {token}\x01\x01"));
    BASE64.encode(response.expose_secret().as_bytes()).into()
}

fn plain_response(user: &str, password: &SecretString) -> SecretString {
    let identity = SecretString::from(format!("\0{user}\0{}", password.expose_secret()));
    BASE64.encode(identity.expose_secret().as_bytes()).into()
}

/// Waits until the server asks for the rest.
async fn asked(wire: &mut Wire, exchange: &mut Exchange) -> Result<(), ImapError> {
    let continues = wire.next(exchange, |response| {
        matches!(response, Response::Continue(_)).then_some(())
    });
    match continues.await? {
        Some(()) => Ok(()),
        None => Err(ImapError::Protocol(
            "a login that succeeds before it is complete".to_owned(),
        )),
    }
}

async fn finish(wire: &mut Wire, exchange: &mut Exchange) -> Result<(), ImapError> {
    wire.next(exchange, |_| None::<()>).await.map(|_| ())
}

/// Tells a refused login from a passing trouble, and strikes out what was shown.
fn judge(error: ImapError, user: &str, credential: &Credential) -> ImapError {
    let clean = |text: String| strike_out(text, user, credential);
    match error {
        ImapError::No { text, .. } if is_passing(&text) => ImapError::No {
            command: "LOGIN",
            text: clean(text),
        },
        ImapError::No { text, .. } => ImapError::AuthRefused(clean(text)),
        ImapError::Bad { command, text } => ImapError::Bad {
            command,
            text: clean(text),
        },
        ImapError::Protocol(text) => ImapError::Protocol(clean(text)),
        other => other,
    }
}

/// RFC 5530 section 3: codes that say nothing about the password.
fn is_passing(text: &str) -> bool {
    ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]"]
        .iter()
        .any(|code| {
            text.get(..code.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(code))
        })
}

/// The text without the password or the token in any form it was sent in, the beginning of one at the very end included: the
/// text was cut there. A token begins like every other, so that three characters of one are nothing.
fn strike_out(mut text: String, user: &str, credential: &Credential) -> String {
    const STRUCK: &str = "***";
    let secret = credential.secret();
    let (sent, least) = match credential {
        Credential::Password(_) => (plain_response(user, secret), 1),
        Credential::Token(_) => {
            text = without_tokens(&text);
            (xoauth2_response(user, secret), 4)
        }
    };
    let bare = secret.expose_secret();
    for form in [&quoted(bare), bare, sent.expose_secret()] {
        let form: String = form.chars().map(visible).collect();
        if form.is_empty() {
            continue;
        }
        text = text.replace(&form, STRUCK);
        let cut = form.char_indices().map(|(at, _)| at).rev();
        if let Some(kept) = cut
            .filter(|&at| at >= least)
            .find_map(|at| text.strip_suffix(&form[..at]))
        {
            text = format!("{kept}{STRUCK}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use ninetosix_core::oauth::Token;
    use tokio::time::Instant;

    use super::*;

    fn way(offered: &[&str], user: &str, password: &str) -> Result<Way, String> {
        Way::choose(|capability| offered.contains(&capability), user, password)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_way_in_depends_on_the_password_and_the_offer() {
        assert_eq!(way(&[], "rita", "a \"b\\c"), Ok(Way::Quoted));
        assert_eq!(way(&["AUTH=PLAIN"], "rita", "simple"), Ok(Way::Quoted));
        assert_eq!(way(&["AUTH=PLAIN"], "rita", "пароль"), Ok(Way::Plain));
        assert_eq!(way(&[], "rita", "пароль"), Ok(Way::Literals));
        assert_eq!(way(&[], "rita", "a\r\nb"), Ok(Way::Literals));
        assert_eq!(
            way(&["LOGINDISABLED", "AUTH=PLAIN"], "rita", "simple"),
            Ok(Way::Plain)
        );
        assert!(way(&["LOGINDISABLED"], "rita", "simple").is_err());
        assert!(way(&["AUTH=PLAIN"], "rita", "a\0b").is_err());
    }

    #[test]
    fn a_refusal_is_told_from_a_passing_trouble() {
        let judged = |text: &str| {
            let error = ImapError::No {
                command: "LOGIN",
                text: text.to_owned(),
            };
            judge(error, "rita", &Credential::Password("secret".into()))
        };
        assert!(matches!(
            judged("[AUTHENTICATIONFAILED] no"),
            ImapError::AuthRefused(_)
        ));
        assert!(matches!(judged("no"), ImapError::AuthRefused(_)));
        assert!(matches!(
            judged("[unavailable] later"),
            ImapError::No { .. }
        ));
        assert!(matches!(
            judged("[LIMIT] too many connections"),
            ImapError::No { .. }
        ));
    }

    #[test]
    fn a_password_repeated_by_the_server_is_struck_out() {
        let strike = |text: &str, password: &str| {
            let password = Credential::Password(password.into());
            strike_out(text.to_owned(), "rita", &password)
        };
        assert_eq!(
            strike("no: LOGIN rita hunter2 x", "hunter2"),
            "no: LOGIN rita *** x"
        );
        assert_eq!(strike(r#"no: "a\"b""#, r#"a"b"#), "no: ***");
        assert_eq!(strike("no: AHJpdGEAaHVudGVyMg==", "hunter2"), "no: ***");
        assert_eq!(strike("cut off here: hun", "hunter2"), "cut off here: ***");
        assert_eq!(strike("a?b", "a\u{1}b"), "***");

        let token = Credential::Token(Token {
            token: "eyJhbGciOi".into(),
            until: Instant::now(),
            is_fresh: true,
        });
        for (text, expected) in [
            ("no: eyJhbGciOi x", "no: *** x"),
            (
                "no: dXNlcj1yaXRhAWF1dGg9QmVhcmVyIGV5SmhiR2NpT2kBAQ==",
                "no: ***",
            ),
            ("cut off here: eyJhb", "cut off here: ***"),
            ("AUTHENTICATE failed", "AUTHENTICATE failed"),
        ] {
            assert_eq!(strike_out(text.to_owned(), "rita", &token), expected);
        }
    }
}
