//! The typed settings both daemons run on: every value is checked and every secret read.
//!
//! Nothing here reads a file; `load` does. `Debug` of any of these shows no secret: passwords are
//! [`SecretString`]s, and a database address is shown without its user.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::endpoint::{Endpoint, Provider};
use crate::domain::address::EmailAddress;
use crate::domain::calendar::{Calendar, Exceptions, ProductionCalendar, Week};
use crate::domain::deadline::Terms;
use crate::domain::desk::{Desk, Specialist, Vouching};
use crate::domain::language::Language;
use crate::domain::receipt_cap::ReceiptCaps;
use crate::domain::retention::Rule;
use crate::domain::verdict::VerdictSource;
use crate::tls::Fingerprint;

/// All settings of one installation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Language of letters and of what `check` says.
    pub language: Language,
    /// The desk as people see it.
    pub desk: Signboard,
    /// Where tickets live.
    pub database: Database,
    /// The mailboxes to read, at least one; addresses are distinct.
    pub mailboxes: Vec<Mailbox>,
    /// How a specialist proves to be one.
    pub identity: Identity,
    /// Business hours: week, production calendar and exceptions in one.
    pub calendar: Calendar,
    /// Who approved these hours, when, and by which order.
    pub hours: Approval,
    /// What is promised.
    pub terms: Terms,
    /// Phones shown in letters and on the schedule, in the order of the file.
    pub phones: Vec<Phone>,
    /// The specialists, at least one; logins and addresses are distinct.
    pub specialists: Vec<Specialist>,
    /// By login, the order that appointed a specialist, where one is named.
    pub appointed_by: BTreeMap<String, String>,
    /// Who is told when something needs a person, if anybody.
    pub operator_address: Option<EmailAddress>,
    /// The program that is told the same, with its arguments; empty if there is none.
    pub operator_command: Vec<String>,
    /// Where the poller serves `/health` and `/metrics`, if anywhere; the worker takes the next port.
    pub http: Option<SocketAddr>,
    /// How many receipts the unauthenticated may cause.
    pub receipt: ReceiptCaps,
    /// Calendar days in which an answer to a closed ticket opens it again; 0 is never.
    pub reopen_within_days: u32,
    /// How many minutes an answer waits in business hours, so that its author can take it back.
    pub recall_minutes: u32,
    /// Mail above this size is kept as headers and beginning only.
    pub letter_cap_bytes: u64,
    /// How many letters leave one mailbox within 24 hours.
    pub sends_per_day: u32,
    /// For how long what was written is kept; without a rule, for ever.
    pub retention: Vec<Rule>,
}

impl From<&Settings> for Desk {
    fn from(settings: &Settings) -> Self {
        Self {
            mailboxes: settings
                .mailboxes
                .iter()
                .map(|m| m.address.clone())
                .collect(),
            specialists: settings.specialists.clone(),
            language: settings.language,
            operator: settings.operator_address.clone(),
            calendar: settings.calendar.clone(),
            terms: settings.terms,
            caps: settings.receipt,
            recall: TimeDelta::minutes(i64::from(settings.recall_minutes)),
            reopen_within: TimeDelta::days(i64::from(settings.reopen_within_days)),
            vouching: settings.vouching(),
        }
    }
}

impl Settings {
    /// The desk as the mailbox of this address sees it: by its own hours.
    pub fn desk_of(&self, mailbox: &str) -> Desk {
        Desk {
            calendar: self.calendar_of(mailbox).clone(),
            ..Desk::from(self)
        }
    }

    /// The calendars that are kept: that of the desk, and those of mailboxes that have their own.
    pub fn calendars(&self) -> impl Iterator<Item = &Calendar> {
        let own = self.with_own_calendars().map(|mailbox| &mailbox.calendar);
        std::iter::once(&self.calendar).chain(own)
    }

    /// The year whose production calendar is wanted by now, of all that are kept; `None` if none is.
    pub fn wanted_year(&self, now: DateTime<Utc>) -> Option<i32> {
        let wanted = |calendar: &Calendar| calendar.wanted_year(calendar.date_of(now));
        self.calendars().filter_map(wanted).min()
    }

    /// The mailboxes that keep other hours than the desk.
    pub fn with_own_calendars(&self) -> impl Iterator<Item = &Mailbox> {
        let mailboxes = self.mailboxes.iter();
        mailboxes.filter(|mailbox| mailbox.calendar != self.calendar)
    }

    /// The settings of a desk that consists of this mailbox and those that keep the same hours; `None` if it is none of ours.
    pub fn seen_from(mut self, mailbox: &str) -> Option<Settings> {
        let own = self
            .mailboxes
            .iter()
            .find(|own| own.address.as_str() == mailbox)?;
        self.calendar = own.calendar.clone();
        let calendar = &self.calendar;
        self.mailboxes.retain(|other| other.calendar == *calendar);
        Some(self)
    }

    /// The business hours of what comes to this address; those of the desk for one that is not configured any more.
    pub fn calendar_of(&self, mailbox: &str) -> &Calendar {
        let mut mailboxes = self.mailboxes.iter();
        let own = mailboxes.find(|own| own.address.as_str() == mailbox);
        own.map_or(&self.calendar, |own| &own.calendar)
    }

    /// Who vouches for specialists.
    fn vouching(&self) -> Vouching {
        match self.identity.require {
            Require::Token => Vouching::Nobody,
            Require::VerdictAndToken => {
                let sources = self.mailboxes.iter().filter_map(|mailbox| {
                    Some((mailbox.address.clone(), mailbox.verdict_source.clone()?))
                });
                Vouching::Server(sources.collect())
            }
        }
    }
}

/// When the desk works, and what it promises: all that needs no secret to be read.
#[derive(Debug, Clone)]
pub struct Hours {
    /// Language of what is said about them.
    pub language: Language,
    /// Whose hours they are.
    pub desk: Signboard,
    /// What tells them from the hours of others in calendar programs: the domain of a support address that keeps them.
    pub host: String,
    /// Business hours.
    pub calendar: Calendar,
    /// Further calendars by name.
    pub named: BTreeMap<String, Calendar>,
    /// What is promised.
    pub terms: Terms,
}

impl Hours {
    /// The host of a desk without an address.
    pub(super) const NO_HOST: &str = "localhost";
}

impl From<&Settings> for Hours {
    fn from(settings: &Settings) -> Hours {
        let mut mailboxes = settings.mailboxes.iter();
        let mailbox = mailboxes.find(|mailbox| mailbox.calendar == settings.calendar);
        Hours {
            language: settings.language,
            desk: settings.desk.clone(),
            host: mailbox
                .map_or(Hours::NO_HOST, |mailbox| mailbox.address.domain())
                .to_owned(),
            calendar: settings.calendar.clone(),
            named: BTreeMap::new(),
            terms: settings.terms,
        }
    }
}

impl Default for Hours {
    fn default() -> Hours {
        let week = Week::parse([("mon-fri", ["09:00-18:00".to_owned()])]).expect("a sound week");
        let ru = Some(ProductionCalendar::ru());
        let calendar = Calendar::new(Tz::Europe__Moscow, week, ru, Exceptions::default(), true);
        Hours {
            language: Language::default(),
            desk: Signboard::unnamed(Language::default()),
            host: Hours::NO_HOST.to_owned(),
            calendar: calendar.expect("a sound calendar"),
            named: BTreeMap::new(),
            terms: Terms::default(),
        }
    }
}

/// The desk as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signboard {
    /// Its name in letters.
    pub name: String,
    /// Its page, `https://…` or `http://…`.
    pub site: Option<String>,
}

impl Signboard {
    /// A desk that nobody has named.
    pub(super) fn unnamed(language: Language) -> Signboard {
        let name = match language {
            Language::Ru => "Служба поддержки",
            Language::En => "Support desk",
        };
        Signboard {
            name: name.to_owned(),
            site: None,
        }
    }
}

/// Where tickets live.
#[derive(Clone)]
pub enum Database {
    /// One file beside the daemons.
    Sqlite {
        /// Absolute path of the file.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://user@host/db?…` without a password; outside loopback it says `sslmode=verify-full`.
        url: String,
        /// The password, unless the server asks for none.
        password: Option<SecretString>,
    },
}

impl Database {
    /// Returns whether it is the same database, by the same password.
    pub(crate) fn is_same(&self, other: &Database) -> bool {
        match (self, other) {
            (Database::Sqlite { path }, Database::Sqlite { path: other }) => path == other,
            (
                Database::Postgres { url, password },
                Database::Postgres {
                    url: other,
                    password: others,
                },
            ) => {
                let shown = |password: &Option<SecretString>| {
                    let password = password.as_ref();
                    password.map(|password| password.expose_secret().to_owned())
                };
                url == other && shown(password) == shown(others)
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => f.debug_struct("Sqlite").field("path", path).finish(),
            Self::Postgres { url, password } => f
                .debug_struct("Postgres")
                .field("url", &without_user(url))
                .field("password", password)
                .finish(),
        }
    }
}

/// The address as logs may show it: neither user nor parameters.
fn without_user(url: &str) -> String {
    Url::parse(url).map_or_else(
        |_| "…".to_owned(),
        |url| {
            let host = url.host_str().unwrap_or_default();
            let port = url
                .port()
                .map(|port| format!(":{port}"))
                .unwrap_or_default();
            format!("{}://{host}{port}{}", url.scheme(), url.path())
        },
    )
}

/// One mailbox: where its mail is read and through which server it writes.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// The address people write to.
    pub address: EmailAddress,
    /// The name it logs in with.
    pub user: String,
    /// What it logs in with, for reading and for sending.
    pub login: Login,
    /// The mail provider, where one is named.
    pub provider: Option<Provider>,
    /// Whose word on a sender is believed in its mail; none where neither a provider nor a server is named.
    pub verdict_source: Option<VerdictSource>,
    /// The server its mail is read from.
    pub imap: Endpoint,
    /// The server its letters leave by.
    pub smtp: Endpoint,
    /// A file of certificates to trust beside the system's own.
    pub ca_file: Option<PathBuf>,
    /// The only certificates to believe, where any are named.
    pub fingerprints: Vec<Fingerprint>,
    /// Folders to read, at least one; `spam` means the folder with that role.
    pub folders: Vec<String>,
    /// Pause between two looks when the server stays silent.
    pub poll_interval: Duration,
    /// Pause between two NOOPs for those who want mail faster than IDLE brings it.
    pub quick_poll: Option<Duration>,
    /// What is done on the server once a letter is safely stored.
    pub after_registration: AfterRegistration,
    /// The name given in EHLO.
    pub hello_name: String,
    /// Whether answers are put into the folder of sent mail, for servers that do not do so themselves.
    pub sent_copy: bool,
    /// The business hours of what comes to this address.
    pub calendar: Calendar,
}

/// What a mailbox logs in with.
#[derive(Debug, Clone)]
pub enum Login {
    /// A password.
    Password(SecretString),
    /// Access tokens that an application is given (RFC 6749 section 4.4).
    Application(Application),
}

/// An application as the server that gives out tokens knows it.
#[derive(Debug, Clone)]
pub struct Application {
    /// Where tokens are asked for; its scheme is https.
    pub token_url: Url,
    /// The application's name there.
    pub client_id: String,
    /// Its password there.
    pub client_secret: SecretString,
    /// What tokens are asked for, where the server wants it said.
    pub scope: Option<String>,
}

/// What is done to a letter on the server once it is safely stored: a courtesy, never our state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterRegistration {
    /// Mark it as read.
    Seen,
    /// Give it this keyword.
    Keyword(String),
    /// Move it to this folder, which is none of those that are read.
    Move(String),
    /// Leave it as it is.
    Nothing,
}

/// How a specialist proves to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What his letter must show besides his address.
    pub require: Require,
    /// The keys tokens are made with; see [`token_key`](super::token_key()).
    pub token_key_file: PathBuf,
}

/// What a specialist's letter must show besides his address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Require {
    /// The token from a letter of ours, and that the mail server vouches for the sender.
    #[default]
    VerdictAndToken,
    /// The token alone: for closed mail systems.
    Token,
}

/// Who approved the hours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approval {
    /// The person or the post.
    pub approved_by: Option<String>,
    /// The day.
    pub approved_on: Option<NaiveDate>,
    /// The order's number.
    pub order: Option<String>,
}

/// A phone people may call instead of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// Whose phone it is.
    pub label: String,
    /// The number as people read it.
    pub text: String,
    /// The number as a `tel:` link has it: `+` and digits.
    pub tel: Option<String>,
    /// When it is answered.
    pub hours: PhoneHours,
}

/// When a phone is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneHours {
    /// During the desk's own hours.
    Desk,
    /// In words of the operator's own.
    Words(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_shown_without_user_and_password() {
        let database = Database::Postgres {
            url: "postgres://rita@db.example/desk?sslmode=verify-full".into(),
            password: Some("s3cret".into()),
        };
        let shown = format!("{database:?}");
        assert!(shown.contains("db.example/desk"), "{shown}");
        assert!(
            !shown.contains("rita") && !shown.contains("s3cret"),
            "{shown}"
        );
    }
}
