//! `export ADDRESS`: all that is held about a person, for the person; `export --who`: the people of a time, after a leak.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use clap::Args;
use ninetosix_core::cli::{self, Exit};
use ninetosix_core::clock::{Clock, SystemClock};
use ninetosix_core::config::Settings;
use ninetosix_core::domain::csv;
use ninetosix_core::store::Store;
use ninetosix_core::store::erasure::person::Holdings;
use ninetosix_core::tell;
use serde_json::json;

use crate::erase::{persons_address, write_new};

/// Working days in which a request of a person is answered, and by how many that may be prolonged with reasons (152-ФЗ,
/// article 20).
const ANSWER_DAYS: u32 = 10;
const LONGER_DAYS: u32 = 5;

/// What is exported.
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// The mail address of the person
    #[arg(value_name = "ADDRESS", required_unless_present = "who")]
    address: Option<String>,
    /// A new directory for data.json and the raw letters [default: the data goes to standard output]
    #[arg(value_name = "DIR", conflicts_with = "who")]
    dir: Option<PathBuf>,
    /// A table of everybody who wrote or was written to, instead of one person
    #[arg(long, conflicts_with = "address")]
    who: bool,
    /// The first day of the table, as 2026-11-23
    #[arg(long, value_name = "DATE", requires = "who")]
    since: Option<NaiveDate>,
    /// The last day of the table
    #[arg(long, value_name = "DATE", requires = "who")]
    until: Option<NaiveDate>,
}

impl Export {
    /// Writes it.
    ///
    /// # Errors
    /// Those of the database and of the files that are written.
    pub async fn run(&self, settings: &Settings) -> anyhow::Result<Exit> {
        let Some(text) = &self.address else {
            return self.people(settings).await;
        };
        let address = match persons_address(settings, text) {
            Ok(address) => address,
            Err(why) => {
                eprintln!("{why}");
                return Ok(Exit::Usage);
            }
        };
        let store = cli::store(settings).await?;
        let held = store.holdings(&address).await?;
        let now = SystemClock.now();
        let letters: Vec<String> = (1..=held.raws.len())
            .map(|n| format!("{n:04}.eml"))
            .collect();
        let data = json!({
            "address": address.as_str(),
            "made_at": now,
            "held": held,
            "tickets": store.persons_tickets(&address, &held).await?,
            "raw_letters": letters,
        });
        let data = format!("{}\n", serde_json::to_string_pretty(&data)?);
        match &self.dir {
            None => {
                for line in data.lines() {
                    tell!("{line}");
                }
            }
            Some(dir) => {
                write_all(&store, dir, &data, &held, &letters).await?;
                tell!(
                    "{}: data.json and {} raw letters",
                    dir.display(),
                    letters.len()
                );
            }
        }
        if held.is_empty() {
            eprintln!("nothing is held about {address}");
        }
        let calendar = &settings.calendar;
        let by = |days| {
            let at = calendar.add_working_days(now, days)?;
            Some(calendar.date_of(at).format("%d.%m.%Y").to_string())
        };
        if let (Some(by), Some(longer)) = (by(ANSWER_DAYS), by(ANSWER_DAYS + LONGER_DAYS)) {
            eprintln!(
                "a request that came today is to be answered by {by}, with reasons told to the person by {longer} (152-ФЗ, art. 20)"
            );
        }
        eprintln!("look through it before it is handed over: other people may be named in it");
        Ok(Exit::Fine)
    }

    /// Prints the table of people.
    async fn people(&self, settings: &Settings) -> anyhow::Result<Exit> {
        let calendar = &settings.calendar;
        let begin = |date: NaiveDate| calendar.instant_of(date.and_time(NaiveTime::MIN));
        let after = |date: NaiveDate| date.checked_add_days(Days::new(1)).and_then(begin);
        let since = self.since.map_or(Some(DateTime::<Utc>::UNIX_EPOCH), begin);
        let until = match self.until {
            Some(date) => after(date),
            None => after(calendar.date_of(SystemClock.now())),
        };
        let (Some(since), Some(until)) = (since, until) else {
            eprintln!("--since and --until: there are no such days");
            return Ok(Exit::Usage);
        };
        if until <= since {
            eprintln!("--since is later than --until");
            return Ok(Exit::Usage);
        }
        let store = cli::store(settings).await?;
        let zone = calendar.zone();
        let said = |at: DateTime<Utc>| at.with_timezone(&zone).format("%d.%m.%Y %H:%M").to_string();
        let head = [
            "address", "name", "tickets", "letters", "files", "answers", "first", "last",
        ];
        let mut table = csv::line(head);
        for one in store.affected(since, until).await? {
            let numbers = [one.tickets, one.letters, one.files, one.answers];
            let numbers = numbers.map(|number| number.to_string());
            let [tickets, letters, files, answers] = &numbers;
            table.push_str(&csv::line([
                one.address.as_str(),
                &one.name,
                tickets,
                letters,
                files,
                answers,
                &said(one.first_at),
                &said(one.last_at),
            ]));
        }
        use std::io::Write;
        std::io::stdout().write_all(table.as_bytes())?;
        Ok(Exit::Fine)
    }
}

/// Writes everything into a directory that was not there, for its owner alone. Names of files say nothing.
async fn write_all(
    store: &Store,
    dir: &Path,
    data: &str,
    held: &Holdings,
    names: &[String],
) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new().mode(0o700).create(dir);
    made.with_context(|| dir.display().to_string())?;
    for (raw, name) in held.raws.iter().zip(names) {
        let bytes = store.raw(*raw).await?;
        write_new(&dir.join(name), &bytes)?;
    }
    write_new(&dir.join("data.json"), data.as_bytes())
}
