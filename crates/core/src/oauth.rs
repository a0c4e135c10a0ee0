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
use crate::smtp::printable;
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
/// For how long a token holds where the server does not say, and the longest that it is believed to.
const USUAL: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The most characters of a server's words that are repeated.
const EXCERPT: usize = 200;

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
    /// A bearer token, and when the next one should be shown.
    Token(SecretString, Instant),
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
            Login::Tokens(tokens) => {
                let held = tokens.get().await?;
                Credential::Token(held.token, held.until)
            }
        })
    }

    /// Notes that a mail server refused this: another token is asked for next time.
    pub async fn refused(&self) {
        if let Login::Tokens(tokens) = self {
            *tokens.held.lock().await = None;
        }
    }
}

impl Credential {
    /// What no text of ours may repeat.
    pub fn secret(&self) -> &SecretString {
        match self {
            Credential::Password(secret) | Credential::Token(secret, _) => secret,
        }
    }

    /// When a connection that was opened with it should be opened anew: servers end those whose token ran out. Never with a
    /// password.
    pub fn until(&self) -> Option<Instant> {
        match self {
            Credential::Password(_) => None,
            Credential::Token(_, until) => Some(*until),
        }
    }
}

/// The tokens of one application.
#[derive(Debug)]
pub struct Tokens {
    application: Application,
    tls: Arc<ClientConfig>,
    held: Mutex<Option<Held>>,
}

/// A token, and until when it is shown.
#[derive(Debug, Clone)]
struct Held {
    token: SecretString,
    until: Instant,
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
    async fn get(&self) -> Result<Held, TokenError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref()
            && Instant::now() < held.until
        {
            return Ok(held.clone());
        }
        *held = None;
        let asked = Instant::now();
        let (status, body) = watchdog::waiting(timeout(LIMIT, self.ask()))
            .await
            .map_err(|_| TokenError::Timeout)??;
        let (token, lasts) = read(status, &body, &self.application.client_secret)?;
        // The last fifth is left for clocks that differ and for a login on its way.
        let until = asked + lasts.min(LONGEST) * 4 / 5;
        Ok(held.insert(Held { token, until }).clone())
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

/// RFC 6749 section 5.1. Some servers write the time as a string.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<Seconds>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

/// RFC 6749 section 5.2.
#[derive(Deserialize)]
struct Denied {
    error: String,
    error_description: Option<String>,
}

/// The token in an answer, and for how long it holds.
fn read(
    status: StatusCode,
    body: &[u8],
    client_secret: &SecretString,
) -> Result<(SecretString, Duration), TokenError> {
    if status != StatusCode::OK {
        return Err(refusal(status, body, client_secret));
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
    let seconds = match expires_in {
        Some(Seconds::Number(seconds)) => Some(seconds),
        Some(Seconds::Text(text)) => text.parse().ok(),
        None => None,
    };
    let lasts = seconds.map_or(USUAL, Duration::from_secs);
    Ok((token, lasts))
}

/// RFC 6750 section 2.1.
fn is_bearer(token: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    let bare = token.trim_end_matches('=');
    !bare.is_empty() && token.len() <= TOKEN_BYTES && bare.bytes().all(is_plain)
}

/// Why there was no token, in the server's words as far as they can be shown.
fn refusal(status: StatusCode, body: &[u8], client_secret: &SecretString) -> TokenError {
    let denied = serde_json::from_slice(body).ok();
    let text = match &denied {
        Some(Denied {
            error,
            error_description,
        }) => {
            let description = error_description.as_deref().unwrap_or_default();
            shown(&format!("{error}: {description}"), client_secret)
        }
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

/// A server's words on one line, without what differs each time, and none of them if the application's secret is in them.
fn shown(text: &str, client_secret: &SecretString) -> String {
    // Microsoft puts numbers and the time of day behind each refusal.
    let text = text.split("Trace ID:").next().unwrap_or_default();
    let text = printable(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let secret = client_secret.expose_secret();
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    if text.contains(secret) || text.contains(&encoded) {
        return "(words withheld: they repeat our secret)".to_owned();
    }
    text.trim_end_matches(':').chars().take(EXCERPT).collect()
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
        let secret = "hunter2".into();
        let read = |body: &str| read(StatusCode::OK, body.as_bytes(), &secret);
        let token = |more: &str| {
            format!("{{\"access_token\":\"ey.J-_~+/==\",\"token_type\":\"bearer\"{more}}}")
        };
        for (more, seconds) in [
            ("", 300),
            (",\"expires_in\":3599,\"ext_expires_in\":3599", 3599),
            (",\"expires_in\":\"3599\"", 3599),
        ] {
            let (found, lasts) = read(&token(more)).expect(more);
            assert_eq!(
                (found.expose_secret(), lasts.as_secs()),
                ("ey.J-_~+/==", seconds)
            );
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
    fn a_refusal_is_told_from_a_passing_trouble_and_repeats_no_secret() {
        let refused = |status: u16, body: &str| {
            let status = StatusCode::from_u16(status).expect("a status");
            read(status, body.as_bytes(), &"p@ss w~rd".into()).expect_err("refused")
        };
        let denied = |words: &str| {
            let body =
                format!("{{\"error\":\"invalid_client\",\"error_description\":\"{words}\"}}");
            refused(401, &body).to_string()
        };
        assert_eq!(
            denied(
                "AADSTS7000222:\\u202e it\\u0007 expired.\\r\\nTrace ID: 1 Timestamp: 2026-11-26"
            ),
            "the token server refuses the application: invalid_client: AADSTS7000222: it expired."
        );
        for repeated in [
            "not p@ss w~rd",
            "p@ss\\nw~rd",
            "client_secret=p%40ss+w%7Erd",
        ] {
            let said = denied(repeated);
            assert!(
                said.ends_with("(words withheld: they repeat our secret)"),
                "{said}"
            );
        }
        let endless = denied(&"я".repeat(5000));
        assert!(endless.chars().count() < 300, "{endless}");
        for (status, body, expected) in [
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
}
