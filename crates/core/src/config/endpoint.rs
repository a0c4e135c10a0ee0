//! Mail servers: how their addresses are written, and the addresses of well-known providers.
//!
//! Plain text goes to this machine only; everywhere else it is TLS from the first byte or a STARTTLS that
//! must succeed (RFC 8314 section 3). Who trusts which certificate is not decided here.

use std::fmt;

use url::Host;

use super::problem::{Flaw, Words, quoted, words};
use super::schema::nearest;
use crate::domain::verdict::VerdictSource;

/// One server to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name in ASCII, or an address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What protects the connection.
    pub security: Security,
}

/// What protects a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, without which nothing is said.
    StartTls,
    /// Nothing: the server is on this machine.
    PlainLoopback,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The protocol spoken with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Imap,
    Smtp,
}

impl Protocol {
    /// Scheme, default port (RFC 8314, RFC 6409, RFC 5321) and protection of each way to speak it.
    fn schemes(self) -> [(&'static str, u16, Security); 3] {
        match self {
            Self::Imap => [
                ("imaps", 993, Security::Implicit),
                ("imap+starttls", 143, Security::StartTls),
                ("imap", 143, Security::PlainLoopback),
            ],
            Self::Smtp => [
                ("smtps", 465, Security::Implicit),
                ("smtp+starttls", 587, Security::StartTls),
                ("smtp", 25, Security::PlainLoopback),
            ],
        }
    }

    /// What a right address looks like.
    fn cure(self) -> Words {
        let [
            (tls, tls_port, _),
            (starttls, starttls_port, _),
            (plain, ..),
        ] = self.schemes();
        words!(
            "напишите {tls}://СЕРВЕР:{tls_port} или {starttls}://СЕРВЕР:{starttls_port}; {plain}:// — только к этой же машине",
            "write {tls}://HOST:{tls_port} or {starttls}://HOST:{starttls_port}; {plain}:// to this very machine only"
        )
    }
}

/// The server an address such as `imaps://host:993` names. No part of it is quoted in a flaw: a password
/// may have been written into it.
pub(super) fn endpoint(text: &str, protocol: Protocol) -> Result<Endpoint, Flaw> {
    let wrong = |what| Flaw::new(what, protocol.cure());
    let Some((scheme, rest)) = text.trim().split_once("://") else {
        return Err(wrong(words!(
            "нет вида соединения",
            "the kind of connection is missing"
        )));
    };
    let schemes = protocol.schemes();
    let scheme = scheme.to_ascii_lowercase();
    let Some((_, default_port, security)) = schemes.into_iter().find(|(name, ..)| *name == scheme)
    else {
        return Err(wrong(words!(
            "такого вида соединения здесь нет",
            "no such kind of connection here"
        )));
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('@') {
        return Err(Flaw::new(
            words!(
                "имени и паролю не место в адресе сервера",
                "user and password have no place in a server's address"
            ),
            words!(
                "имя впишите в user, пароль — в файл, названный в password_file",
                "write the name into user, the password into the file that password_file names"
            ),
        ));
    }
    if rest.contains(['/', '?', '#']) {
        return Err(wrong(words!(
            "после имени сервера и порта ничего не пишут",
            "nothing may follow host and port"
        )));
    }
    let (host, port) = host_and_port(rest, default_port).ok_or_else(|| {
        wrong(words!(
            "не понять имя сервера или порт",
            "host or port make no sense"
        ))
    })?;
    if security == Security::PlainLoopback && !is_loopback(&host) {
        return Err(wrong(words!(
            "без шифрования пароль увидит вся сеть",
            "without encryption the whole network sees the password"
        )));
    }
    Ok(Endpoint {
        host: match host {
            Host::Domain(name) => name,
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        },
        port,
        security,
    })
}

fn host_and_port(text: &str, default_port: u16) -> Option<(Host<String>, u16)> {
    // In `[::1]:993` the last colon that counts stands after the bracket.
    let bracket = text.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match text[bracket..].rfind(':') {
        Some(colon) => {
            let (host, port) = text.split_at(bracket + colon);
            let digits = &port[1..];
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            (host, digits.parse().ok().filter(|port| plain && *port > 0)?)
        }
        None => (text, default_port),
    };
    Some((Host::parse(host).ok()?, port))
}

/// Does the host name this very machine?
pub(super) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn implicit(host: &str, port: u16) -> Endpoint {
    Endpoint {
        host: host.to_owned(),
        port,
        security: Security::Implicit,
    }
}

/// A mail provider whose servers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Yandex, personal and 360.
    Yandex,
    /// Mail.ru and VK WorkSpace.
    MailRu,
    /// Gmail and Google Workspace.
    Gmail,
    /// Microsoft 365, which takes no password.
    Microsoft,
}

impl Provider {
    const NAMES: [(&'static str, Self); 4] = [
        ("yandex", Self::Yandex),
        ("mailru", Self::MailRu),
        ("gmail", Self::Gmail),
        ("microsoft", Self::Microsoft),
    ];

    /// The provider of that name.
    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, provider)| *provider).ok_or_else(|| {
            let value = quoted(text);
            let what = words!("{value} — незнакомая почтовая служба", "{value} is no provider we know");
            match nearest(text, Self::NAMES.iter().map(|(name, _)| *name)) {
                Some(meant) => Flaw::new(
                    what,
                    words!("возможно, имелась в виду \"{meant}\"", "perhaps \"{meant}\" was meant"),
                ),
                None => Flaw::new(
                    what,
                    words!(
                        "впишите \"yandex\", \"mailru\", \"gmail\" или \"microsoft\" либо уберите строку и задайте imap и smtp",
                        "write \"yandex\", \"mailru\", \"gmail\" or \"microsoft\", or remove the line and set imap and smtp"
                    ),
                ),
            }
        })
    }

    /// The server of the protocol.
    pub(super) fn server(self, protocol: Protocol) -> Endpoint {
        let (name, port) = match protocol {
            Protocol::Imap => ("imap", 993),
            Protocol::Smtp => ("smtp", 465),
        };
        let domain = match (self, protocol) {
            (Self::Yandex, _) => "yandex.ru",
            (Self::MailRu, _) => "mail.ru",
            (Self::Gmail, _) => "gmail.com",
            (Self::Microsoft, Protocol::Imap) => return implicit("outlook.office365.com", port),
            (Self::Microsoft, Protocol::Smtp) => {
                return Endpoint {
                    host: "smtp.office365.com".to_owned(),
                    port: 587,
                    security: Security::StartTls,
                };
            }
        };
        implicit(&format!("{name}.{domain}"), port)
    }

    /// What its access tokens are asked for (RFC 6749 section 3.3), where it needs to be said.
    pub(super) fn scope(self) -> Option<&'static str> {
        (self == Self::Microsoft).then_some("https://outlook.office365.com/.default")
    }

    /// How its word on a sender is read.
    pub(super) fn verdict_source(self) -> VerdictSource {
        match self {
            Self::Yandex => VerdictSource::Yandex,
            Self::MailRu => VerdictSource::MailRu,
            Self::Gmail => VerdictSource::Gmail,
            Self::Microsoft => VerdictSource::Microsoft,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;

    #[test]
    fn addresses_that_are_good() {
        use Security::{Implicit, PlainLoopback, StartTls};
        for (text, protocol, shown, security) in [
            (
                "imaps://mail.example",
                Protocol::Imap,
                "mail.example:993",
                Implicit,
            ),
            (
                "IMAPS://Mail.Example:1993/",
                Protocol::Imap,
                "mail.example:1993",
                Implicit,
            ),
            (
                "imaps://mail.example:443",
                Protocol::Imap,
                "mail.example:443",
                Implicit,
            ),
            (
                "imap+starttls://mail.example",
                Protocol::Imap,
                "mail.example:143",
                StartTls,
            ),
            (
                "imap://127.0.0.1:10143",
                Protocol::Imap,
                "127.0.0.1:10143",
                PlainLoopback,
            ),
            (
                "imap://[::1]:10143",
                Protocol::Imap,
                "[::1]:10143",
                PlainLoopback,
            ),
            (
                "smtp://localhost",
                Protocol::Smtp,
                "localhost:25",
                PlainLoopback,
            ),
            (
                "smtps://почта.рф",
                Protocol::Smtp,
                "xn--80a1acny.xn--p1ai:465",
                Implicit,
            ),
            (
                "smtp+starttls://[2001:db8::1]",
                Protocol::Smtp,
                "[2001:db8::1]:587",
                StartTls,
            ),
        ] {
            let endpoint = endpoint(text, protocol).expect(text);
            assert_eq!(
                (endpoint.to_string().as_str(), endpoint.security),
                (shown, security),
                "{text}"
            );
        }
    }

    #[test]
    fn addresses_that_are_refused_and_never_quoted() {
        for (text, word) in [
            ("mail.example", "kind of connection"),
            ("smtps://mail.example", "no such kind"),
            ("https://mail.example", "no such kind"),
            ("imap://mail.example", "whole network"),
            ("imap://127.0.0.1.evil.example", "whole network"),
            ("imaps://rita:hunter2@mail.example", "user and password"),
            ("imaps://mail.example/INBOX", "nothing may follow"),
            ("imaps://mail.example?x=hunter2", "nothing may follow"),
            ("imaps://mail.example#x", "nothing may follow"),
            ("imaps://", "make no sense"),
            ("imaps://:993", "make no sense"),
            ("imaps://mail.example:", "make no sense"),
            ("imaps://mail.example:0", "make no sense"),
            ("imaps://mail.example:+993", "make no sense"),
            ("imaps://mail.example:99999", "make no sense"),
            ("imaps://mail example", "make no sense"),
            ("imaps://::1", "make no sense"),
        ] {
            let flaw = endpoint(text, Protocol::Imap).expect_err(text);
            let line = flaw.at("mailbox[1].imap").line(Language::En);
            assert!(line.contains(word), "{text}: {line}");
            assert!(
                !line.contains("hunter2") && !line.contains("mail.example"),
                "{line}"
            );
        }
    }

    #[test]
    fn a_provider_fills_both_servers() {
        let yandex = Provider::parse("yandex").expect("known");
        let server = |protocol| yandex.server(protocol).to_string();
        assert_eq!(server(Protocol::Imap), "imap.yandex.ru:993");
        assert_eq!(server(Protocol::Smtp), "smtp.yandex.ru:465");
        let smtp = Provider::Microsoft.server(Protocol::Smtp);
        assert_eq!(smtp.to_string(), "smtp.office365.com:587");
        assert_eq!(smtp.security, Security::StartTls);
        for (name, provider) in Provider::NAMES {
            assert_eq!(VerdictSource::named(name), provider.verdict_source());
        }
        let flaw = Provider::parse("yandeks").expect_err("misspelt");
        assert!(flaw.cure.en.contains("yandex"));
    }
}
