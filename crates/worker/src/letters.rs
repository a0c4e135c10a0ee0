//! Outgoing letters as operators see and order them in a terminal.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use ninetosix_core::cli::{self, Exit, printable};
use ninetosix_core::clock::{Clock, SystemClock};
use ninetosix_core::config::Settings;
use ninetosix_core::daemon;
use ninetosix_core::store::letters::{LetterOrder, LetterRow, Ordered};
use ninetosix_core::tell;

/// The commands about letters.
#[derive(Debug)]
pub struct Letters<'a> {
    /// The desk.
    pub settings: &'a Settings,
    /// Whether each letter is printed as one JSON object a line.
    pub json: bool,
}

impl Letters<'_> {
    /// Prints letters, newest first.
    pub async fn list(&self, ticket: Option<i64>, limit: u64) -> anyhow::Result<Exit> {
        let store = cli::store(self.settings).await?;
        let rows = store
            .letters(ticket, limit, self.settings, SystemClock.now())
            .await?;
        for row in &rows {
            self.print(row)?;
        }
        Ok(Exit::Fine)
    }

    /// Prints everything about one letter.
    pub async fn show(&self, id: i64) -> anyhow::Result<Exit> {
        let store = cli::store(self.settings).await?;
        let Some(row) = store.letter(id, self.settings, SystemClock.now()).await? else {
            return Ok(unknown(id));
        };
        if self.json {
            self.print(&row)?;
        } else {
            print_whole(&row, self.settings.calendar.zone());
        }
        Ok(Exit::Fine)
    }

    /// Does what is ordered of each of the letters, and prints how it stands then.
    pub async fn order(&self, order: LetterOrder, ids: &[i64]) -> anyhow::Result<Exit> {
        let store = cli::store(self.settings).await?;
        let key = daemon::token_keys(self.settings)?;
        let mut exit = Exit::Fine;
        for id in ids {
            let now = SystemClock.now();
            let ordered = store.order_letter(*id, order, self.settings, &key, now);
            match ordered.await? {
                Ordered::Done(row) => self.print(&row)?,
                Ordered::Refused(why) => {
                    eprintln!("{why}");
                    exit = Exit::Problem;
                }
                Ordered::Unknown => exit = unknown(*id),
            }
        }
        Ok(exit)
    }

    fn print(&self, row: &LetterRow) -> anyhow::Result<()> {
        if self.json {
            tell!("{}", serde_json::to_string(row)?);
        } else {
            tell!("{}", line(row, self.settings.calendar.zone()));
        }
        Ok(())
    }
}

fn unknown(id: i64) -> Exit {
    eprintln!("there is no letter {id}");
    Exit::Problem
}

fn said(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone)
        .format("%d.%m.%Y %H:%M:%S")
        .to_string()
}

/// Why it has not left, and until when.
fn why(row: &LetterRow, zone: Tz) -> String {
    let why = row.why.as_deref().map(printable);
    let until = row.until.map(|until| said(until, zone));
    match (why, until) {
        (Some(why), Some(until)) => format!("{why}, until {until}"),
        (Some(why), None) => why.to_string(),
        (None, _) => String::new(),
    }
}

fn line(row: &LetterRow, zone: Tz) -> String {
    let ticket = row.ticket.map(|number| format!("№ {number}"));
    let line = format!(
        "{:<6} {:<10} {:<10} {:<8} due {}, attempts {}  {}  {}",
        row.id,
        row.kind,
        row.state,
        ticket.unwrap_or_default(),
        said(row.due_at, zone),
        row.attempts,
        printable(&row.to),
        why(row, zone)
    );
    line.trim_end().to_owned()
}

fn print_whole(row: &LetterRow, zone: Tz) {
    tell!("{}", line(row, zone));
    tell!("written  {}", said(row.created_at, zone));
    if let Some(sent) = row.sent_at {
        tell!("sent     {}", said(sent, zone));
    }
    if row.possibly_twice {
        tell!("twice    possibly: an attempt ended without an answer");
    }
    if let Some(author) = &row.author {
        tell!("author   {}", printable(author));
    }
    tell!("mail     <{}>", printable(&row.message_id));
    if let (true, Some(words)) = (row.kind == "answer", &row.words) {
        tell!();
        for line in printable(words).lines() {
            tell!("    {line}");
        }
    }
}
