//! Copies of the desk as operators make them, put them back, and let them go on: `backup`, `restore`, `resume`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, Utc};
use ninetosix_core::cli::{self, Exit, printable};
use ninetosix_core::config::{Database, Settings};
use ninetosix_core::store::backup::{self, Contents};
use ninetosix_core::store::quiet::{Fate, MAY_HAVE_BEEN_SENT, Waiting};
use ninetosix_core::store::{SchemaState, Store};
use ninetosix_core::tell;
use tokio::signal::unix::{SignalKind, signal};

/// The commands about copies.
#[derive(Debug)]
pub struct Copies<'a> {
    /// The desk.
    pub settings: &'a Settings,
    /// The time.
    pub now: DateTime<Utc>,
}

impl Copies<'_> {
    /// Copies an SQLite file to `to`; says how PostgreSQL is copied.
    pub async fn back_up(&self, to: &Path) -> anyhow::Result<Exit> {
        let path = match &self.settings.database {
            Database::Sqlite { path } => path,
            Database::Postgres { url, .. } => {
                eprintln!(
                    "PostgreSQL copies itself, consistently and while the daemons run; this program starts no other:\n\n    {}\n\n\
                     To restore: stop both daemons, then\n\n    createdb ninetosix_restored\n    pg_restore --exit-on-error --dbname ninetosix_restored {}\n\n\
                     and name that database in database.url. The desk notices that it is a copy, and is quiet until `ninetosix-worker resume`.",
                    pg_dump(url, to),
                    to.display()
                );
                return Ok(Exit::Problem);
            }
        };
        anyhow::ensure!(
            path.exists(),
            "{}: there is no database yet",
            path.display()
        );
        let store = Store::connect(&self.settings.database).await?;
        // Dropped, it takes along what there is of the copy by then.
        let contents = tokio::select! {
            biased;
            contents = store.back_up(to) => contents?,
            stopped = stopped() => {
                stopped.context("listening to signals")?;
                anyhow::bail!("{}: broken off, and no copy was made", to.display());
            }
        };
        store.close().await?;
        tell!("{}: {}", to.display(), held(&contents));
        Ok(Exit::Fine)
    }

    /// Puts the copy `from` in the database's place.
    pub async fn restore(&self, from: &Path) -> anyhow::Result<Exit> {
        let Database::Sqlite { path } = &self.settings.database else {
            eprintln!(
                "PostgreSQL puts its copies back itself: stop both daemons, then\n\n    createdb ninetosix_restored\n    \
                 pg_restore --exit-on-error --dbname ninetosix_restored {}\n\n\
                 and name that database in database.url. The desk notices that it is a copy. A copy that PostgreSQL itself cannot tell from its \
                 original (a snapshot of the disk, a base backup) is told so by `ninetosix-worker restore --here`.",
                from.display()
            );
            return Ok(Exit::Problem);
        };
        let restored = backup::restore(path, from, self.now).await?;
        tell!("{}: {}", path.display(), held(&restored.contents));
        if let Some(kept) = restored.kept {
            tell!("the database before is kept: {}", kept.display());
        }
        tell_of_quiet();
        Ok(Exit::Fine)
    }

    /// Makes the desk quiet: its database is an older copy already.
    pub async fn is_copy(&self) -> anyhow::Result<Exit> {
        let alone = match &self.settings.database {
            Database::Sqlite { path } => Some(backup::alone(path).await?),
            Database::Postgres { .. } => None,
        };
        drop(alone);
        let store = cli::store(self.settings).await?;
        let runs = store.leases_held(self.now).await?;
        anyhow::ensure!(
            runs.is_empty(),
            "a poller holds {}: stop both daemons, and wait a minute",
            runs.join(", ")
        );
        store
            .make_quiet(
                "this database is an older copy, put there by hand",
                self.now,
            )
            .await?;
        tell_of_quiet();
        Ok(Exit::Fine)
    }

    /// Ends quiet with `yes`, also for letters in doubt with `all`; else says what would leave.
    pub async fn resume(&self, yes: bool, all: bool, json: bool) -> anyhow::Result<Exit> {
        let store = cli::store(self.settings).await?;
        let Some(quiet) = store.quiet().await? else {
            match json {
                true => tell!("{}", serde_json::json!({ "quiet": false })),
                false => tell!("the desk is not quiet: letters leave"),
            }
            return Ok(Exit::Fine);
        };
        let unread = self.unread(&store, quiet.since).await?;
        if yes {
            if let Some(mailbox) = unread.first() {
                eprintln!(
                    "the mailbox {mailbox} was not read to its end since the desk was restored: start the poller, which registers what came since \
                     and sends nothing, and resume once `ninetosix-worker resume` names no mailbox as unread. Letters that wait make `health` red \
                     until then"
                );
                return Ok(Exit::Problem);
            }
            let held = store.resume(all, self.now).await?;
            tell!("letters leave again");
            if held > 0 {
                tell!(
                    "{held} to writers are held, because {MAY_HAVE_BEEN_SENT}: ninetosix-worker letters"
                );
            }
            return Ok(Exit::Fine);
        }
        let waiting = store.waiting_for_resume(all).await?;
        if json {
            for letter in &waiting {
                tell!("{}", serde_json::to_string(letter)?);
            }
            return Ok(Exit::Fine);
        }
        let zone = self.settings.calendar.zone();
        let since = quiet.since.map(|since| {
            let since = since.with_timezone(&zone);
            since.format(", since %d.%m.%Y %H:%M").to_string()
        });
        tell!("quiet{}: {}", since.unwrap_or_default(), quiet.why);
        for mailbox in unread {
            tell!("the mailbox {mailbox} was not read to its end since: more letters may come");
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for letter in &waiting {
            *counts.entry(fate(letter)).or_default() += 1;
            let since = letter.since.with_timezone(&zone);
            let ticket = letter.ticket.map(|number| format!("№ {number}"));
            tell!(
                "{:<8} {:<10} {:<8} since {}  {}  {}",
                letter.id,
                letter.kind,
                ticket.unwrap_or_default(),
                since.format("%d.%m.%Y %H:%M"),
                printable(&letter.to),
                fate(letter)
            );
        }
        for (fate, count) in counts {
            tell!("{count}: {fate}");
        }
        tell!("nothing has been changed; `resume --yes` lets letters leave");
        Ok(Exit::Fine)
    }

    /// The mailboxes that were not read to the end since then.
    async fn unread(
        &self,
        store: &Store,
        since: Option<DateTime<Utc>>,
    ) -> anyhow::Result<Vec<String>> {
        let mut unread = Vec::new();
        for mailbox in &self.settings.mailboxes {
            let address = mailbox.address.as_str();
            let was_read = match since {
                Some(since) => store.was_read_since(address, since).await?,
                None => false,
            };
            unread.extend((!was_read).then(|| address.to_owned()));
        }
        Ok(unread)
    }
}

/// Returns once somebody wants the command to stop.
async fn stopped() -> std::io::Result<()> {
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
    Ok(())
}

/// Makes the schema current. What may be lost by it is said before.
pub async fn migrate(settings: &Settings, now: DateTime<Utc>) -> anyhow::Result<Exit> {
    let store = Store::connect(&settings.database).await?;
    let state = store.schema_state().await?;
    if let (Database::Postgres { url, .. }, SchemaState::Older { found: 1.., needed }) =
        (&settings.database, state)
    {
        eprintln!(
            "the schema becomes version {needed}, in one transaction. The older program cannot use it afterwards: the way back is a backup made \
             before, with both daemons stopped:\n\n    {}\n",
            pg_dump(url, Path::new("ninetosix.dump"))
        );
    }
    store.migrate(&settings.database).await?;
    let quiet = store.recognise(now).await.context("whose copy this is")?;
    tell!("the schema is current");
    if let Some(quiet) = quiet {
        tell!("{}", quiet.problem());
    }
    Ok(Exit::Fine)
}

pub(crate) fn tell_of_quiet() {
    tell!(
        "the desk is quiet: start both daemons, and they register what is in the mailbox and send nothing; `ninetosix-worker resume` says what would \
         leave"
    );
}

/// What becomes of a letter, in words.
fn fate(letter: &Waiting) -> &'static str {
    match (letter.fate, letter.not_in_sent_folder) {
        (Fate::Goes, _) => "leaves",
        (Fate::GoesAgain, false) => "leaves, though the original may have sent it",
        (Fate::GoesAgain, true) => {
            "leaves, though the original may have sent it; not in the folder of sent mail"
        }
        (Fate::Held, false) => "is held: the original may have sent it (--all sends it)",
        (Fate::Held, true) => {
            "is held: the original may have sent it, though it is not in the folder of sent mail (--all sends it)"
        }
    }
}

fn held(contents: &Contents) -> String {
    format!(
        "{} letters registered, {} tickets, {} letters written; schema {}, {} bytes, read back whole",
        contents.registered, contents.tickets, contents.letters, contents.schema, contents.bytes
    )
}

/// The command that copies a PostgreSQL database. The address holds no password: that is refused in the configuration.
fn pg_dump(url: &str, to: &Path) -> String {
    format!("pg_dump --format=custom --file {} '{url}'", to.display())
}
