//! Single values by the rules of the configuration, for whoever asks a person for them one by one.

use super::address;
use super::endpoint::{Endpoint, Protocol, endpoint};
use super::problem::{Flaw, Words};
use crate::domain::address::EmailAddress;

/// The address that was written.
///
/// # Errors
/// Why it is none, and what to write.
pub fn address(text: &str) -> Result<EmailAddress, Words> {
    address::address(text).map_err(in_one)
}

/// The server that was written, where mail is read; a name alone is one that speaks TLS.
///
/// # Errors
/// Why it is none, and what to write.
pub fn imap(text: &str) -> Result<(String, Endpoint), Words> {
    server(text, "imaps", Protocol::Imap)
}

/// The server that was written, where mail leaves; a name alone is one that speaks TLS.
///
/// # Errors
/// Why it is none, and what to write.
pub fn smtp(text: &str) -> Result<(String, Endpoint), Words> {
    server(text, "smtps", Protocol::Smtp)
}

fn server(text: &str, scheme: &str, protocol: Protocol) -> Result<(String, Endpoint), Words> {
    let url = if text.contains("://") {
        text.to_owned()
    } else {
        format!("{scheme}://{text}")
    };
    let server = endpoint(&url, protocol).map_err(in_one)?;
    Ok((url, server))
}

fn in_one(flaw: Flaw) -> Words {
    Words {
        ru: format!("{}: {}", flaw.what.ru, flaw.cure.ru),
        en: format!("{}: {}", flaw.what.en, flaw.cure.en),
    }
}
