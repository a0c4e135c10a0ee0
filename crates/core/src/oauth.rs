//! Access tokens in place of a password: an application of its own asks for them (RFC 6749 section 4.4) and shows them to the
//! mail servers as bearer tokens (RFC 6750).
//!
//! No person is asked, and nothing is kept on disk: there is no refresh token to lose. A token is kept in memory for most of the
//! time that it holds, and given up at once when a mail server refuses it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::lookup_host;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::{Host, Position, form_urlencoded};

use crate::config::{self, Application};
use crate::tcp;
use crate::tls::{self, TlsError};
use crate::watchdog;

/// How long a token may take to come, from the lookup of the name to the last byte.
const LIMIT: Duration = Duration::from_secs(30);
/// Of that, until a connection stands.
const CONNECT: Duration = Duration::from_secs(15);
/// The longest answer, and the longest token in it.
const ANSWER_BYTES: usize = 64 * 1024;
const TOKEN_BYTES: usize = 8 * 1024;
/// For how long a token holds where the server does not say.
const USUAL: Duration = Duration::from_secs(300);
/// The shortest and the longest that one is believed to hold: each means a login, and providers count those.
const SHORTEST: Duration = Duration::from_secs(25);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How an account is entered.
#[derive(Debug, Clone)]
pub enum Login {
    /// With a password.
    Password(SecretString),
    /// With tokens that are asked for.
    Tokens(Arc<Tokens>),
}

/// What a mail server is shown.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A password.
    Password(SecretString),
    /// A bearer token.
    Token(Token),
}

/// A bearer token.
#[derive(Debug, Clone)]
pub struct Token {
    /// What is shown.
    pub token: SecretString,
    /// When the next one should be shown.
    pub until: Instant,
    /// It was shown to nobody yet.
    pub is_fresh: bool,
}

impl Login {
    /// Returns how the account of a mailbox is entered, whose mail servers are believed by `tls`.
    ///
    /// # Errors
    /// The certificates to trust cannot be read.
    pub fn of(mailbox: &config::Mailbox, tls: &Arc<ClientConfig>) -> Result<Login, TlsError> {
        Ok(match &mailbox.login {
            config::Login::Password(password) => Login::Password(password.clone()),
            config::Login::Application(application) => Login::Tokens(Arc::new(Tokens {
                application: application.clone(),
                // Certificates are pinned for the mail servers alone: this is another.
                tls: if mailbox.fingerprints.is_empty() {
                    tls.clone()
                } else {
                    tls::client(mailbox.ca_file.as_deref(), &[])?
                },
                held: Mutex::default(),
            })),
        })
    }

    /// Returns what to show; a token is asked for where none is at hand.
    ///
    /// # Errors
    /// [`TokenError`]: there is no token.
    pub async fn credential(&self) -> Result<Credential, TokenError> {
        Ok(match self {
            Login::Password(password) => Credential::Password(password.clone()),
            Login::Tokens(tokens) => Credential::Token(tokens.get().await?),
        })
    }

    /// Notes that a mail server refused this: another token is asked for next time. Returns whether that may be at once, since
    /// a token may end before its time.
    pub async fn refused(&self, credential: &Credential) -> bool {
        if let Login::Tokens(tokens) = self {
            *tokens.held.lock().await = None;
        }
        matches!(credential, Credential::Token(token) if !token.is_fresh)
    }
}

impl Credential {
    /// What no text of ours may repeat.
    pub fn secret(&self) -> &SecretString {
        match self {
            Credential::Password(secret) => secret,
            Credential::Token(token) => &token.token,
        }
    }

    /// When a connection that was opened with it should be opened anew: servers end those whose token ran out. Never with a
    /// password.
    pub fn until(&self) -> Option<Instant> {
        match self {
            Credential::Password(_) => None,
            Credential::Token(token) => Some(token.until),
        }
    }
}

/// The tokens of one application.
#[derive(Debug)]
pub struct Tokens {
    application: Application,
    tls: Arc<ClientConfig>,
    held: Mutex<Option<Token>>,
}

/// Why there is no token. Neither a token nor the application's password is ever in it.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name does not resolve, nobody answers there, or the connection broke.
    #[error("the token server cannot be reached: {0}")]
    Unreachable(String),
    /// It is not who it says, or speaks no TLS.
    #[error("TLS with the token server failed: {reason}")]
    Tls {
        /// What the operator can do something about.
        fault: tls::Fault,
        /// rustls's words.
        reason: String,
    },
    /// It took too long.
    #[error("the token server gave no answer in time")]
    Timeout,
    /// The application is refused (RFC 6749 section 5.2): an operator's matter.
    #[error("the token server refuses the application: {0}")]
    Refused(String),
    /// Not now.
    #[error("the token server does not serve us: {0}")]
    Busy(String),
    /// What came is no answer of RFC 6749.
    #[error("the token server's answer is not understood: {0}")]
    NotUnderstood(&'static str),
}

impl Tokens {
    /// The token at hand, or a new one.
    async fn get(&self) -> Result<Token, TokenError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref()
            && Instant::now() < held.until
        {
            return Ok(Token {
                is_fresh: false,
                ..held.clone()
            });
        }
        *held = None;
        let asked = Instant::now();
        let (status, body) = watchdog::waiting(timeout(LIMIT, self.ask()))
            .await
            .map_err(|_| TokenError::Timeout)??;
        let (token, lasts) = read(status, &body)?;
        let token = Token {
            token,
            // The last fifth is left for clocks that differ and for a login on its way.
            until: asked + lasts * 4 / 5,
            is_fresh: true,
        };
        Ok(held.insert(token).clone())
    }

    /// Connects and asks; nothing is said before the server has shown its certificate.
    async fn ask(&self) -> Result<(StatusCode, Bytes), TokenError> {
        let url = &self.application.token_url;
        // `url` keeps the brackets of an IPv6 address; a connection and a certificate know none.
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(TokenError::NotUnderstood("its address has no host")),
        };
        let port = url.port_or_known_default().unwrap_or(443);
        let deadline = Instant::now() + CONNECT;
        let unreachable = |error: io::Error| TokenError::Unreachable(error.to_string());
        let addresses = lookup_host((host.as_str(), port)).await;
        let addresses: Vec<_> = addresses.map_err(unreachable)?.collect();
        let tcp = tcp::connect(&addresses, deadline).await;
        let tcp = tcp.map_err(unreachable)?;
        let name = ServerName::try_from(host)
            .map_err(|_| TokenError::NotUnderstood("no certificate can carry its name"))?;
        let connector = TlsConnector::from(self.tls.clone());
        let tls = connector.connect(name, tcp).await.map_err(|error| {
            tls::failure(&error).map_or_else(
                || TokenError::Unreachable(error.to_string()),
                |(fault, reason)| TokenError::Tls { fault, reason },
            )
        })?;
        exchange(tls, &self.application).await
    }
}

/// One request and its answer.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    application: &Application,
) -> Result<(StatusCode, Bytes), TokenError> {
    let broken = |error: hyper::Error| TokenError::Unreachable(error.to_string());
    let request = request(application)?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(ANSWER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let asking = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES);
        match body.collect().await {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(TokenError::NotUnderstood("it is too long"))
            }
            Err(error) => Err(TokenError::Unreachable(error.to_string())),
        }
    };
    tokio::pin!(asking);
    tokio::select! {
        answer = &mut asking => answer,
        // The connection may end before the answer is looked at; what went wrong there is told to who asked.
        _ = connection => asking.await,
    }
}

/// RFC 6749 section 4.4.2, with the application's password in the body (section 2.3.1).
fn request(application: &Application) -> Result<Request<Full<Bytes>>, TokenError> {
    let url = &application.token_url;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &application.client_id)
        .append_pair("client_secret", application.client_secret.expose_secret())
        .extend_pairs(application.scope.iter().map(|scope| ("scope", scope)))
        .finish();
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    Request::builder()
        .method(Method::POST)
        .uri(target)
        .header(HOST, host)
        .header(ACCEPT, "application/json")
        .header(CONNECTION, "close")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::from(form))
        .map_err(|_| TokenError::NotUnderstood("its address cannot be asked for"))
}

/// RFC 6749 section 5.1.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    #[serde(default)]
    expires_in: serde_json::Value,
}

/// RFC 6749 section 5.2.
#[derive(Deserialize)]
struct Denied {
    error: String,
    error_description: Option<String>,
}

/// The token in an answer, and for how long it holds.
fn read(status: StatusCode, body: &[u8]) -> Result<(SecretString, Duration), TokenError> {
    if status != StatusCode::OK {
        return Err(refusal(status, body));
    }
    // What serde says of it may quote it.
    let Granted {
        access_token,
        token_type,
        expires_in,
    } = serde_json::from_slice(body)
        .map_err(|_| TokenError::NotUnderstood("it names no access token"))?;
    let token = SecretString::from(access_token);
    if !token_type.eq_ignore_ascii_case("bearer") {
        return Err(TokenError::NotUnderstood("its token is no bearer token"));
    }
    if !is_bearer(token.expose_secret()) {
        return Err(TokenError::NotUnderstood(
            "its token is empty, too long, or has characters that none has",
        ));
    }
    Ok((token, lifetime(&expires_in)))
}

/// For how long a token holds; some servers write it as a string.
fn lifetime(expires_in: &serde_json::Value) -> Duration {
    let seconds = match expires_in {
        serde_json::Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    let lasts = seconds.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
    let lasts = lasts.filter(|lasts| !lasts.is_zero());
    lasts.map_or(USUAL, |lasts| lasts.clamp(SHORTEST, LONGEST))
}

/// RFC 6750 section 2.1.
fn is_bearer(token: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    let bare = token.trim_end_matches('=');
    !bare.is_empty() && token.len() <= TOKEN_BYTES && bare.bytes().all(is_plain)
}

/// Why there was no token.
fn refusal(status: StatusCode, body: &[u8]) -> TokenError {
    let denied: Option<Denied> = serde_json::from_slice(body).ok();
    let text = match &denied {
        Some(denied) => denied.code(),
        None => format!("HTTP {}", status.as_u16()),
    };
    // Section 5.2 has no code for trouble of the server's own; section 4.1.2.1 has these two, and servers use them.
    let passing = ["server_error", "temporarily_unavailable"];
    let is_passing = denied.is_some_and(|denied| passing.contains(&denied.error.as_str()))
        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
        || status.is_server_error();
    if is_passing {
        TokenError::Busy(text)
    } else {
        TokenError::Refused(text)
    }
}

impl Denied {
    /// The code of the refusal, with Microsoft's number for it. No other word of the server is repeated: it knows the
    /// application's secret, and could say it back in any form.
    fn code(&self) -> String {
        let is_code = |c: char| c.is_ascii_lowercase() || c == '_';
        let error = match self.error.as_str() {
            error if error.len() <= 40 && error.chars().all(is_code) => error,
            _ => "no code of RFC 6749",
        };
        let description = self.error_description.as_deref().unwrap_or_default();
        let number = description.split_once("AADSTS").map(|(_, rest)| {
            let digits = rest.chars().take_while(char::is_ascii_digit);
            digits.take(8).collect::<String>()
        });
        match number {
            Some(number) if !number.is_empty() => format!("{error}, AADSTS{number}"),
            _ => error.to_owned(),
        }
    }
}

/// Words of a server that was shown a token, without what may be a part of one in some form: a long run of the characters that
/// tokens and base64 are made of.
pub fn without_tokens(text: &str) -> String {
    const LONGEST_WORD: usize = 32;
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=%".contains(c);
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c| !is_of_token(c)) {
        let run = piece.trim_end_matches(|c| !is_of_token(c));
        let (run, rest) = piece.split_at(run.len());
        shown.push_str(if run.len() > LONGEST_WORD { "***" } else { run });
        shown.push_str(rest);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    fn application() -> Application {
        Application {
            token_url: Url::parse("https://login.example:8443/tenant/token?a=b")
                .expect("an address"),
            client_id: "desk & co".to_owned(),
            client_secret: "p@ss word+1".into(),
            scope: Some("https://mail.example/.default".to_owned()),
        }
    }

    /// What is made of an answer of this server, and what it was asked.
    async fn asked(answer: &str) -> (Result<(StatusCode, Bytes), TokenError>, String) {
        let (ours, mut theirs) = duplex(256 * 1024);
        let answer = answer.to_owned();
        let server = tokio::spawn(async move {
            let mut heard = Vec::new();
            while !heard.ends_with(b".default") {
                let mut piece = [0; 1024];
                let length = theirs.read(&mut piece).await.expect("it is asked");
                assert!(length > 0, "{}", String::from_utf8_lossy(&heard));
                heard.extend_from_slice(&piece[..length]);
            }
            // Who hears enough may hang up.
            let _ = theirs.write_all(answer.as_bytes()).await;
            String::from_utf8(heard).expect("text")
        });
        let result = exchange(ours, &application()).await;
        (result, server.await.expect("it ends"))
    }

    #[tokio::test]
    async fn the_application_asks_as_the_standard_says() {
        let body = "{\"token_type\":\"Bearer\"}";
        let (answer, heard) = asked(&format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
        let (status, found) = answer.expect("an answer");
        assert_eq!((status, &found[..]), (StatusCode::OK, body.as_bytes()));
        let (head, form) = heard.split_once("\r\n\r\n").expect("a body");
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some("POST /tenant/token?a=b HTTP/1.1"));
        assert!(
            lines.any(|line| line.eq_ignore_ascii_case("host: login.example:8443")),
            "{head}"
        );
        let pairs: Vec<_> = form_urlencoded::parse(form.as_bytes())
            .into_owned()
            .collect();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let expected = [
            ("grant_type", "client_credentials"),
            ("client_id", "desk & co"),
            ("client_secret", "p@ss word+1"),
            ("scope", "https://mail.example/.default"),
        ];
        assert_eq!(pairs, expected);
    }

    #[tokio::test]
    async fn an_answer_without_end_or_sense_is_given_up() {
        let endless = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{}",
            "x".repeat(100_000)
        );
        let headers = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1_000_000));
        for (answer, expected) in [
            (endless.as_str(), "too long"),
            (&headers, "cannot be reached"),
            ("", "cannot be reached"),
            ("220 mail.example ESMTP\r\n", "cannot be reached"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
                "cannot be reached",
            ),
        ] {
            let (result, _) = asked(answer).await;
            let error = result.expect_err("no answer").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_token_is_taken_from_a_sound_answer_alone() {
        let read = |body: &str| read(StatusCode::OK, body.as_bytes());
        let token = |more: &str| {
            format!("{{\"access_token\":\"ey.J-_~+/==\",\"token_type\":\"bearer\"{more}}}")
        };
        for (more, seconds) in [
            ("", 300),
            (",\"expires_in\":3599,\"ext_expires_in\":3599", 3599),
            (",\"expires_in\":\"3599\"", 3599),
            (",\"expires_in\":3599.7", 3599),
            (",\"expires_in\":0", 300),
            (",\"expires_in\":-5", 300),
            (",\"expires_in\":1", 25),
            (",\"expires_in\":1e30", 300),
            (",\"expires_in\":999999999", 86400),
            (",\"expires_in\":[]", 300),
        ] {
            let (found, lasts) = read(&token(more)).expect(more);
            let found = (found.expose_secret(), lasts.as_secs());
            assert_eq!(found, ("ey.J-_~+/==", seconds), "{more}");
        }
        let long = format!(
            "{{\"access_token\":\"{}\",\"token_type\":\"Bearer\"}}",
            "a".repeat(TOKEN_BYTES + 1)
        );
        for body in [
            "",
            "<html>",
            "{\"access_token\":\"a\"}",
            "{\"access_token\":\"a\",\"token_type\":\"mac\"}",
            "{\"access_token\":\"\",\"token_type\":\"Bearer\"}",
            "{\"access_token\":\"a\\r\\nb\",\"token_type\":\"Bearer\"}",
            "{\"access_token\":\"a\\u0001auth=b\",\"token_type\":\"Bearer\"}",
            &long,
        ] {
            let error = read(body).expect_err(body);
            assert!(matches!(error, TokenError::NotUnderstood(_)), "{error}");
        }
    }

    #[test]
    fn a_refusal_is_told_from_a_passing_trouble_and_repeats_no_word() {
        let refused = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).expect("a status");
            read(status, body.as_bytes()).expect_err("refused")
        };
        for (status, body, expected) in [
            (
                401,
                "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: hunter2. Trace ID: 1\"}",
                "invalid_client, AADSTS7000222",
            ),
            (
                400,
                "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS: aHVudGVyMg==\"}",
                "invalid_client",
            ),
            (400, "{\"error\":\"Hunter2\"}", "no code of RFC 6749"),
            (400, "{\"error\":\"invalid_scope\"}", "invalid_scope"),
            (404, "<html>", "HTTP 404"),
            (301, "", "HTTP 301"),
        ] {
            let error = refused(status, body);
            assert!(
                matches!(&error, TokenError::Refused(text) if text == expected),
                "{error}"
            );
        }
        for (status, body) in [
            (503, ""),
            (502, "<html>"),
            (408, ""),
            (429, "{\"error\":\"slow\"}"),
            (400, "{\"error\":\"temporarily_unavailable\"}"),
        ] {
            let error = refused(status, body);
            assert!(matches!(error, TokenError::Busy(_)), "{status} {body}");
        }
    }

    #[test]
    fn what_may_be_a_part_of_a_token_is_struck_out() {
        let long = "aB3-._~+/=".repeat(8);
        for (text, expected) in [
            ("", ""),
            (
                "5.7.3 Authentication unsuccessful",
                "5.7.3 Authentication unsuccessful",
            ),
            (&format!("bad {long} yes"), "bad *** yes"),
            (&format!("bad \"{long}\""), "bad \"***\""),
            (&format!("я{long}"), "я***"),
            (
                "SmtpClientAuthentication is disabled. Visit https://aka.ms/smtp_auth_disabled",
                "SmtpClientAuthentication is disabled. Visit https://aka.ms/smtp_auth_disabled",
            ),
        ] {
            assert_eq!(without_tokens(text), expected);
        }
    }

    #[tokio::test]
    async fn a_token_is_shown_until_it_runs_out_or_is_refused() {
        let tokens = |until| {
            let token = Token {
                token: "ey.J".into(),
                until,
                is_fresh: true,
            };
            Login::Tokens(Arc::new(Tokens {
                application: Application {
                    // Nobody listens there.
                    token_url: Url::parse("https://127.0.0.1:9/").expect("an address"),
                    ..application()
                },
                tls: Arc::new(
                    ClientConfig::builder_with_provider(Arc::new(
                        rustls::crypto::ring::default_provider(),
                    ))
                    .with_safe_default_protocol_versions()
                    .expect("ring has the default versions")
                    .with_root_certificates(rustls::RootCertStore::empty())
                    .with_no_client_auth(),
                ),
                held: Mutex::new(Some(token)),
            }))
        };
        let login = tokens(Instant::now() + Duration::from_secs(60));
        let held = login.credential().await.expect("at hand");
        assert_eq!(held.secret().expose_secret(), "ey.J");
        assert!(login.refused(&held).await, "another may be shown at once");
        assert!(login.credential().await.is_err(), "it is asked for");
        let fresh = Credential::Token(Token {
            token: "new".into(),
            until: Instant::now(),
            is_fresh: true,
        });
        assert!(!login.refused(&fresh).await);
        let ran_out = tokens(Instant::now());
        assert!(ran_out.credential().await.is_err(), "it is asked for");
    }
}
