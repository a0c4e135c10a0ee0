//! `erase ADDRESS`: what is held about a person, and its erasing with an act and the extract of the journal; `acts`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use minijinja::context;
use ninetosix_core::cli::{self, Exit, printable};
use ninetosix_core::clock::{Clock, SystemClock};
use ninetosix_core::config::{Database, Settings};
use ninetosix_core::domain::address::EmailAddress;
use ninetosix_core::domain::csv;
use ninetosix_core::domain::language::Language;
use ninetosix_core::mail::wording::Wording;
use ninetosix_core::store::Store;
use ninetosix_core::store::erasure::Unreadable;
use ninetosix_core::store::erasure::act::{ActLine, ActRow, Cause, What};
use ninetosix_core::store::erasure::person::Holdings;
use ninetosix_core::tell;

use crate::retention::{is_quiet, readable_still};

/// Where the papers of an erasing go.
#[derive(Debug, Clone, Args)]
pub struct Papers {
    /// The act [default: act-N.txt in this directory]
    #[arg(long, value_name = "FILE")]
    act: Option<PathBuf>,
    /// The extract of the journal [default: journal-N.csv in this directory]
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

/// What is ordered about a person.
#[derive(Debug, Clone, Args)]
pub struct Erase {
    /// The mail address of the person
    #[arg(value_name = "ADDRESS")]
    pub address: String,
    /// Erase; without it what is held is listed
    #[arg(long)]
    pub yes: bool,
    /// Tickets that are not closed too: they are closed by it
    #[arg(long)]
    pub open_too: bool,
    /// Leave the copies in the mailbox
    #[arg(long)]
    pub keep_copies: bool,
    #[command(flatten)]
    papers: Papers,
}

impl Papers {
    /// The two files for the act of this number.
    fn of(&self, number: i64) -> (PathBuf, PathBuf) {
        let act = self.act.clone();
        let journal = self.journal.clone();
        (
            act.unwrap_or_else(|| format!("act-{number}.txt").into()),
            journal.unwrap_or_else(|| format!("journal-{number}.csv").into()),
        )
    }

    /// A file of these that is there already: none is written over.
    fn in_the_way(&self) -> Option<&Path> {
        let named = [&self.act, &self.journal].into_iter().flatten();
        named.map(PathBuf::as_path).find(|file| file.exists())
    }
}

/// Returns the address, unless it is none or belongs to the desk; the error says which.
pub(crate) fn persons_address(settings: &Settings, text: &str) -> Result<EmailAddress, String> {
    let Some(address) = EmailAddress::parse(text) else {
        return Err(format!("{}: this is no mail address", printable(text)));
    };
    let is_mailbox = settings.mailboxes.iter().any(|own| own.address == address);
    let mut people = settings.specialists.iter();
    let is_specialist =
        people.any(|person| person.address == address || person.aliases.contains(&address));
    let is_operator = settings.operator_address.as_ref() == Some(&address);
    if is_mailbox || is_specialist || is_operator {
        return Err(format!(
            "{address} belongs to the desk; this is about people who write to it"
        ));
    }
    Ok(address)
}

impl Erase {
    /// Lists what is held, or erases it.
    ///
    /// # Errors
    /// Those of the database and of the files that are written.
    pub async fn run(&self, settings: &Settings) -> anyhow::Result<Exit> {
        let address = match persons_address(settings, &self.address) {
            Ok(address) => address,
            Err(why) => {
                eprintln!("{why}");
                return Ok(Exit::Usage);
            }
        };
        let store = cli::store(settings).await?;
        let held = store.holdings(&address).await?;
        list(&address, &held, settings.calendar.zone());
        let interrupted = store.interrupted_act(Cause::Order(&address)).await?;
        if held.is_empty() && interrupted.is_none() {
            return Ok(Exit::Fine);
        }
        if !self.yes {
            tell!("nothing was changed; --yes erases it");
            return Ok(Exit::Fine);
        }
        if is_quiet(&store).await? {
            return Ok(Exit::Problem);
        }
        if let Some(file) = self.papers.in_the_way() {
            eprintln!(
                "{}: it is there already and is not written over",
                file.display()
            );
            return Ok(Exit::Usage);
        }
        if !held.open.is_empty() && !self.open_too {
            eprintln!(
                "not closed: {}; close them first, or say --open-too",
                numbers(&held.open)
            );
            return Ok(Exit::Problem);
        }
        if !held.sending.is_empty() {
            eprintln!(
                "a letter is being sent at this moment: {}; try again in a minute",
                numbers(&held.sending)
            );
            return Ok(Exit::Problem);
        }
        let now = SystemClock.now();
        let erasure = store.begin_act(Cause::Order(&address), now).await?;
        store
            .erase_person(&address, &held, !self.keep_copies, erasure)
            .await?;
        let left = store.holdings(&address).await?;
        if !left.is_empty() {
            list(&address, &left, settings.calendar.zone());
            eprintln!("something was written meanwhile; give the order again");
            return Ok(Exit::Problem);
        }
        store.finish_act(erasure, SystemClock.now()).await?;
        if let Some(words) = readable_still(&store).await? {
            eprintln!("{words}");
        }
        let written = papers(settings, &store, erasure.id, &self.papers).await;
        store.close().await?;
        written.with_context(|| {
            format!(
                "it is erased; `ninetosix-worker acts {}` writes the papers",
                erasure.id
            )
        })
    }
}

/// Lists the acts, or writes the papers of one.
///
/// # Errors
/// Those of the database and of the files that are written.
pub async fn acts(
    settings: &Settings,
    number: Option<i64>,
    files: &Papers,
) -> anyhow::Result<Exit> {
    let store = cli::store(settings).await?;
    if let Some(number) = number {
        return papers(settings, &store, number, files).await;
    }
    let zone = settings.calendar.zone();
    for act in store.acts(None).await? {
        let records: i64 = act.counts.values().sum();
        let whose = if act.is_order {
            &act.subject
        } else {
            "by a rule"
        };
        let end = act
            .finished_at
            .map_or("interrupted".to_owned(), |at| moment(at, zone));
        let waiting = match act.copies_wait {
            0 => String::new(),
            waiting => format!(", {waiting} copies in mailboxes wait"),
        };
        tell!("{:<5} {end}  {whose}  {records} records{waiting}", act.id);
    }
    Ok(Exit::Fine)
}

fn numbers(tickets: &[i64]) -> String {
    let numbers = tickets.iter().map(|number| format!("№ {number}"));
    numbers.collect::<Vec<_>>().join(", ")
}

fn moment(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%d.%m.%Y %H:%M").to_string()
}

/// Prints what is held.
fn list(address: &EmailAddress, held: &Holdings, zone: Tz) {
    if held.is_empty() {
        tell!("nothing is held about {address}");
    }
    if let Some(person) = &held.person {
        tell!(
            "{address} {}: first written {}, last {}",
            printable(&person.name),
            moment(person.first_seen_at, zone),
            moment(person.last_seen_at, zone)
        );
        if let Some(at) = person.confirmed_at {
            tell!("known to be the owner's since {}", moment(at, zone));
        }
        if let Some(at) = person.dead_at {
            tell!("refused letters since {}", moment(at, zone));
        }
    }
    for (what, tickets) in [
        ("tickets", &held.tickets),
        (
            "tickets that others wrote to as well; theirs stays",
            &held.shared,
        ),
        ("of these not closed", &held.open),
        (
            "named in tickets of others, which are not touched",
            &held.mentioned,
        ),
    ] {
        if !tickets.is_empty() {
            tell!("{what}: {}", numbers(tickets));
        }
    }
    if !held.is_empty() {
        tell!(
            "letters {}, files {}, answers and receipts {}, raw letters {} ({} bytes), without a ticket {}, copies in the mailbox {}",
            held.messages,
            held.files,
            held.letters,
            held.raws.len(),
            held.raw_bytes,
            held.loose.len(),
            held.copies
        );
    }
    if !held.unread.is_empty() {
        let unread: Vec<String> = held.unread.iter().map(ToString::to_string).collect();
        tell!(
            "set aside unread, with this address in them: {}; see `ninetosix-poller quarantine show`",
            unread.join(", ")
        );
    }
}

/// Writes the act and the extract of the journal.
async fn papers(
    settings: &Settings,
    store: &Store,
    number: i64,
    files: &Papers,
) -> anyhow::Result<Exit> {
    let found = store
        .acts(Some(number).filter(|number| *number > 0))
        .await?;
    let Some(act) = found.first().filter(|act| act.id == number) else {
        eprintln!("there is no act {number}");
        return Ok(Exit::Problem);
    };
    let lines = store.act_lines(number).await?;
    let (act_file, journal_file) = files.of(number);
    for file in [&act_file, &journal_file] {
        anyhow::ensure!(
            !file.exists(),
            "{}: it is there already and is not written over",
            file.display()
        );
    }
    let journal_name = journal_file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    write_new(&journal_file, journal(settings, act, &lines).as_bytes())?;
    write_new(&act_file, text(settings, act, &journal_name)?.as_bytes())?;
    tell!(
        "{} and {} are written",
        act_file.display(),
        journal_file.display()
    );
    if act.copies_wait > 0 {
        tell!(
            "copies in mailboxes that are still to go: {}; the poller removes them, then `acts {number}` writes the papers anew",
            act.copies_wait
        );
    }
    Ok(Exit::Fine)
}

/// Writes a file that was not there, for its owner alone: whole and on the disk, or not at all.
pub(crate) fn write_new(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    place(file, bytes).with_context(|| file.display().to_string())
}

fn place(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let own = file.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = fill(&own, bytes).and_then(|()| fs::hard_link(&own, file));
    let removed = fs::remove_file(&own);
    written?;
    removed?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn fill(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut opened = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    opened.write_all(bytes)?;
    opened.sync_all()
}

/// What records of a kind hold, in the words of the act.
fn label(what: &str) -> &str {
    let known = What::ALL.into_iter().find(|known| known.as_str() == what);
    match known {
        Some(What::Ticket) => "обращения (тема, адрес и имя заявителя)",
        Some(What::Message) => "письма (тексты, темы, адреса и имена отправителей)",
        Some(What::Note) => "служебные заметки об обращениях",
        Some(What::Letter) => "письма службы (тексты, адреса и имена получателей)",
        Some(What::File) => "вложения (файлы)",
        Some(What::Raw) => "исходные письма целиком",
        Some(What::Person) => "сведения об адресе (имя, даты, доставка)",
        Some(What::Copy) => "копии писем в почтовом ящике",
        Some(What::SentCopy) => "копии писем службы в папке отправленных",
        None => what,
    }
}

/// How the records were made unreadable, and what of it was not done.
fn means(database: &Database, made: Option<Unreadable>) -> &'static str {
    match (database, made) {
        (Database::Sqlite { .. }, Some(Unreadable::Done)) => {
            "Записи в файле базы данных перезаписаны нулями (SQLite, secure_delete), файл базы переписан заново (VACUUM), её журнал сброшен."
        }
        (Database::Sqlite { .. }, Some(Unreadable::TooLarge)) => {
            "Записи в файле базы данных перезаписаны нулями (SQLite, secure_delete), её журнал сброшен. Файл базы заново НЕ переписан (VACUUM): он велик, в нём могли остаться обрывки записей."
        }
        (Database::Sqlite { .. }, _) => {
            "Записи в файле базы данных перезаписаны нулями (SQLite, secure_delete). Файл базы заново НЕ переписан (VACUUM) или её журнал НЕ сброшен: обрывки записей могли остаться в файлах базы."
        }
        (Database::Postgres { .. }, Some(Unreadable::Done)) => {
            "Записи удалены из таблиц PostgreSQL, место освобождено (VACUUM); журнал WAL сменяется самим сервером."
        }
        (Database::Postgres { .. }, _) => {
            "Записи удалены из таблиц PostgreSQL. Место НЕ освобождено (VACUUM): это делает владелец таблиц или сам сервер (autovacuum); журнал WAL сменяется самим сервером."
        }
    }
}

/// The act as it is printed and signed.
fn text(settings: &Settings, act: &ActRow, journal: &str) -> anyhow::Result<String> {
    let zone = settings.calendar.zone();
    let counted = What::ALL.into_iter().filter_map(|what| {
        let count = act.counts.get(what.as_str())?;
        Some(context! { label => label(what.as_str()), count })
    });
    let facts = context! {
        number => act.id,
        begun => moment(act.begun_at, zone),
        finished => act.finished_at.map(|at| moment(at, zone)),
        zone => zone.name(),
        desk => settings.desk.name.as_str(),
        site => settings.desk.site.as_deref(),
        subject => act.subject.as_str(),
        hash => act.hash.as_str(),
        salt => act.salt.as_str(),
        rows => counted.collect::<Vec<_>>(),
        mailboxes => settings.mailboxes.iter().map(|own| own.address.to_string()).collect::<Vec<_>>(),
        means => means(&settings.database, act.unreadable),
        waiting => act.copies_wait,
        journal,
    };
    Ok(format!(
        "{}\n",
        Wording::new(Language::Ru).text("act", facts)?
    ))
}

/// The extract of the journal: what order № 179 asks of each event, and the record.
fn journal(settings: &Settings, act: &ActRow, lines: &[ActLine]) -> String {
    let zone = settings.calendar.zone();
    let head = [
        "дата",
        "субъект",
        "категория данных",
        "запись",
        "обращение",
        "действие",
        "причина",
        "информационная система",
        "акт",
    ];
    let mut table = csv::line(head);
    let system = format!("{} (ninetosix)", settings.desk.name);
    for line in lines {
        let record = format!("{} {}", line.what, line.record);
        let ticket = line.ticket.map(|number| number.to_string());
        let subject = match (act.is_order, line.ticket) {
            (true, _) => format!("{} ({})", act.subject, act.hash),
            (false, Some(number)) => format!("участник обращения {number}"),
            (false, None) => "автор письма без обращения".to_owned(),
        };
        let at = line
            .at
            .with_timezone(&zone)
            .format("%d.%m.%Y %H:%M:%S")
            .to_string();
        table.push_str(&csv::line([
            at.as_str(),
            &subject,
            label(&line.what),
            &record,
            ticket.as_deref().unwrap_or_default(),
            if line.manner == "erased" {
                "уничтожено"
            } else {
                "обезличено"
            },
            if act.is_order {
                "требование или отзыв согласия"
            } else {
                "истёк срок хранения"
            },
            &system,
            &act.id.to_string(),
        ]));
    }
    table
}
