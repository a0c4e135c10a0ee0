//! The configuration of a desk under test.

use std::fmt::Write;
use std::path::Path;

use chrono::{DateTime, Datelike, Days, NaiveTime, Utc};
use ninetosix_core::clock::{Clock, SystemClock};

use super::lab::Lab;
use super::moscow;

/// When the desk is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hours {
    /// Day and night.
    Always,
    /// Closed now; open on tomorrow's day of the week alone, 09:00-18:00 Moscow time: see [`tomorrow_at_nine`].
    FromTomorrow,
    /// Closed until this instant, a full minute of today or tomorrow, and open for the rest of that day.
    From(DateTime<Utc>),
}

/// A specialist: login, name, address.
pub(crate) type Specialist = (String, String, String);

/// What a test may change before the configuration is written.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Language of the letters: `ru` or `en`.
    pub(crate) language: String,
    /// When the desk is open.
    pub(crate) hours: Hours,
    /// The safety poll; news come by IDLE before it.
    pub(crate) poll_interval_s: u32,
    /// Ask the server this often instead of waiting for its news: quicker than IDLE.
    pub(crate) quick_poll_ms: u32,
    /// The specialists.
    pub(crate) specialists: Vec<Specialist>,
    /// Where the mailbox is read on loopback, if not at the mail server itself.
    pub(crate) imaps_port: Option<u16>,
    /// The IMAP server, if it is not the lab's.
    pub(crate) imap: Option<String>,
    /// The submission server, if it is not the lab's.
    pub(crate) smtp: Option<String>,
    /// Where PostgreSQL is reached on loopback, if not at the server itself.
    pub(crate) database_port: Option<u16>,
    /// What is asked of specialists: `token`, or `verdict-and-token` with a line `trusted_authserv_id` in `mailbox`.
    pub(crate) require: String,
    /// More lines of the mailbox's table.
    pub(crate) mailbox: String,
    /// The table `[mailbox.oauth]`, where tokens stand in for the password.
    pub(crate) oauth: Option<String>,
    /// More tables, at the end.
    pub(crate) tables: String,
}

/// Returns the opening of [`Hours::FromTomorrow`].
pub(crate) fn tomorrow_at_nine() -> DateTime<Utc> {
    let tomorrow = SystemClock
        .now()
        .with_timezone(&moscow::offset())
        .date_naive()
        + Days::new(1);
    tomorrow
        .and_time(NaiveTime::from_hms_opt(9, 0, 0).expect("nine o'clock"))
        .and_local_timezone(moscow::offset())
        .single()
        .expect("Moscow has no clock changes")
        .to_utc()
}

impl Config {
    /// A desk open day and night with two specialists.
    pub(crate) fn new(ivan: &str, anna: &str) -> Config {
        let specialist = |login: &str, name: &str, address: &str| {
            (login.to_owned(), name.to_owned(), address.to_owned())
        };
        Config {
            language: "ru".to_owned(),
            hours: Hours::Always,
            poll_interval_s: 5,
            quick_poll_ms: 100,
            specialists: vec![
                specialist("ivan", "Иван Смирнов", ivan),
                specialist("anna", "Анна Белова", anna),
            ],
            imaps_port: None,
            imap: None,
            smtp: None,
            database_port: None,
            require: "token".to_owned(),
            mailbox: String::new(),
            oauth: None,
            tables: String::new(),
        }
    }

    /// Returns the table of the mailbox of `address`, whose password is in `password_file`.
    pub(crate) fn mailbox_table(&self, lab: &Lab, address: &str, password_file: &Path) -> String {
        let port = |name: &str| lab.variable(name).to_owned();
        let imaps = self
            .imaps_port
            .map_or_else(|| port("MAILLAB_IMAPS_PORT"), |port| port.to_string());
        let imap = self.imap.clone();
        let smtp = self.smtp.clone();
        format!(
            r#"
[[mailbox]]
address = "{address}"
password_file = "{}"
imap = "{}"
smtp = "{}"
ca_file = "{}"
poll_interval_s = {}
quick_poll_ms = {}
hello_name = "desk.school.test"
"#,
            password_file.display(),
            imap.unwrap_or_else(|| format!("imaps://localhost:{imaps}")),
            smtp.unwrap_or_else(|| format!(
                "smtps://localhost:{}",
                port("MAILLAB_SUBMISSIONS_PORT")
            )),
            lab.variable("MAILLAB_CA"),
            self.poll_interval_s,
            self.quick_poll_ms,
        )
    }

    /// Returns the file's text. Other files are in `dir`.
    pub(crate) fn text(&self, lab: &Lab, help: &str, database_url: &str, dir: &Path) -> String {
        let Config {
            language,
            require,
            mailbox,
            oauth,
            tables,
            ..
        } = self;
        let mut first = self.mailbox_table(lab, help, &dir.join("mail.password"));
        if oauth.is_some() {
            let lines = first
                .lines()
                .filter(|line| !line.starts_with("password_file"));
            first = lines.collect::<Vec<_>>().join("\n");
        }
        let oauth = oauth.as_deref().unwrap_or_default();
        let (dir, hours) = (dir.display(), hours(self.hours));
        let database_url = match self.database_port {
            Some(port) => at_port(database_url, port),
            None => database_url.to_owned(),
        };
        let mut text = format!(
            r#"language = "{language}"

[desk]
name = "Служба поддержки АИС"

[database]
url = "{database_url}"

{first}
{mailbox}
{oauth}

[identity]
require = "{require}"
token_key_file = "{dir}/token.key"

[hours]
zone = "Europe/Moscow"
calendar = "none"
{hours}
"#
        );
        for (login, name, address) in &self.specialists {
            let _ = write!(
                text,
                "\n[[specialist]]\nlogin = \"{login}\"\nname = \"{name}\"\naddress = \"{address}\"\n"
            );
        }
        let _ = write!(text, "\n{tables}");
        text
    }
}

/// The URL of the same database behind another port: `postgres://user@host:port/name`.
fn at_port(url: &str, port: u16) -> String {
    let (server, rest) = url.rsplit_once(':').expect("a port in the URL");
    let (_, name) = rest.split_once('/').expect("a database in the URL");
    format!("{server}:{port}/{name}")
}

fn hours(hours: Hours) -> String {
    let day = |at: DateTime<Utc>| {
        let day = at.with_timezone(&moscow::offset()).weekday().to_string();
        day.to_lowercase()
    };
    match hours {
        Hours::Always => "mon-sun = [\"00:00-24:00\"]".to_owned(),
        Hours::FromTomorrow => format!("{} = [\"09:00-18:00\"]", day(tomorrow_at_nine())),
        Hours::From(opening) => {
            let opening_time = opening.with_timezone(&moscow::offset()).format("%H:%M");
            format!("{} = [\"{opening_time}-24:00\"]", day(opening))
        }
    }
}
