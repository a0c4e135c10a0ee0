//! `ninetosix-worker`: the command line. What the commands do is in the library.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, NaiveTime};
use clap::{Args, CommandFactory, Parser, Subcommand};
use ninetosix_core::cli::{self, Exit};
use ninetosix_core::clock::{Clock, SystemClock};
use ninetosix_core::domain::address::EmailAddress;
use ninetosix_core::domain::calendar::{FIRST_YEAR, LAST_YEAR};
use ninetosix_core::domain::letter::Lane;
use ninetosix_core::mail::parse;
use ninetosix_core::store::Store;
use ninetosix_core::store::letters::LetterOrder;
use ninetosix_core::store::listing::TicketRow;
use ninetosix_core::store::promise::TermsRow;
use ninetosix_core::tell;
use ninetosix_core::{config, health, logging, serve, tls};
use ninetosix_worker::calendar::{ask, import, show, why};
use ninetosix_worker::copies::{self, Copies};
use ninetosix_worker::simulate::{self, script};
use ninetosix_worker::{app, check, erase, export, letters, moving, retention, schedule, tickets};

/// Sends notices, answers and everything else that waits for business hours.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: ninetosix-worker tickets show 1042\n\nExit codes: 0 fine, 1 found a problem, 2 wrong usage or configuration."
)]
struct Cli {
    /// The configuration file [default: $NINETOSIX_CONFIG, else /etc/ninetosix/ninetosix.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Asked,
}

/// What needs no more than the hours, and what needs the whole configuration.
#[derive(Subcommand)]
enum Asked {
    #[command(flatten)]
    OfDesk(Command),
    /// Business time: why a date is as it is, a whole year, questions of scripts, other calendars
    #[command(
        after_help = "Example: ninetosix-worker calendar why 2027-02-20\n         ninetosix-worker calendar show 2027\n         echo 'next_open 2026-12-30T19:10:00+03:00' | ninetosix-worker calendar ask"
    )]
    Calendar {
        #[command(subcommand)]
        what: CalendarCommand,
        /// The named calendar instead of that of [hours]
        #[arg(long, global = true, value_name = "NAME")]
        name: Option<String>,
    },
    /// Write the manual pages and the completions of shells into a directory, for packages
    #[command(hide = true)]
    Papers {
        /// Where to
        into: PathBuf,
    },
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon until SIGTERM or SIGINT
    #[command(after_help = "Example: ninetosix-worker run --config /etc/ninetosix/ninetosix.toml")]
    Run,
    /// Try the configuration against the submission server and the database
    #[command(
        after_help = "Example: ninetosix-worker check\n         ninetosix-worker check --send you@mail.example\n\nExit codes: 0 fine, warnings (!) included; 1 found a problem (✗); 2 wrong usage or configuration."
    )]
    Check {
        /// Send a letter from every mailbox to this address besides, at once, and say what the server answers
        #[arg(long, value_name = "ADDRESS", value_parser = cli::address)]
        send: Option<EmailAddress>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Say whether letters leave in time; for containers and monitors
    #[command(
        after_help = "Example: ninetosix-worker health || systemctl restart ninetosix-worker"
    )]
    Health {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Make the database's schema the one this program needs; with --from move the desk from SQLite to PostgreSQL
    #[command(
        after_help = "Example: ninetosix-worker migrate\n         ninetosix-worker migrate --from /var/lib/ninetosix/ninetosix.db"
    )]
    Migrate {
        /// Move the desk in this SQLite file, or a backup of it, into the empty PostgreSQL that database.url names
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Copy the database while the daemons run; the copy is read back before it counts
    #[command(
        after_help = "Example: ninetosix-worker backup /var/backups/ninetosix-$(date +%F).db\n\nA PostgreSQL is copied by pg_dump: the command says how."
    )]
    Backup {
        /// The file to make; one that is there is not overwritten
        file: PathBuf,
    },
    /// Put a copy in the database's place; the one before is kept, and nothing leaves until `resume`
    #[command(
        after_help = "Example: ninetosix-worker restore /var/backups/ninetosix-2026-11-26.db"
    )]
    Restore {
        /// The copy, made by `backup`
        #[arg(required_unless_present = "here")]
        file: Option<PathBuf>,
        /// The database is an older copy already (a snapshot of the disk, a base backup): only make it quiet
        #[arg(long, conflicts_with = "file")]
        here: bool,
    },
    /// After a restore: list what would leave; with --yes let letters leave again
    #[command(
        after_help = "Example: ninetosix-worker resume\n         ninetosix-worker resume --yes\n\nLetters to writers that may have been sent before the restore are held by --yes\nand sent by --yes --all."
    )]
    Resume {
        /// Let letters leave again
        #[arg(long)]
        yes: bool,
        /// Also those to writers that may have been sent before the restore
        #[arg(long)]
        all: bool,
        /// One JSON object a line
        #[arg(long, conflicts_with = "yes")]
        json: bool,
    },
    /// Print the opening hours as people read them, from the settings that run the desk
    #[command(
        after_help = "Example: ninetosix-worker schedule > schedule.html\n         ninetosix-worker schedule --fragment > /var/www/school/hours.html\n         ninetosix-worker schedule --format ics > hours.ics"
    )]
    Schedule {
        /// An A4 sheet to print, plain text, or exceptional days for calendar programs
        #[arg(long, value_enum, default_value = "html")]
        format: schedule::Format,
        /// Only what goes inside a web page
        #[arg(long)]
        fragment: bool,
        /// The hours of this support address, and of those that keep the same [default: the first address]
        #[arg(long, value_name = "ADDRESS")]
        mailbox: Option<String>,
        /// How many weeks of exceptional days are listed
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=52))]
        weeks: u32,
    },
    /// List tickets, or show one
    #[command(
        after_help = "Example: ninetosix-worker tickets show 1042\n         ninetosix-worker tickets attachment 1042 photo.jpg > photo.jpg"
    )]
    Tickets {
        #[command(subcommand)]
        what: Option<TicketsCommand>,
        /// One JSON object a line
        #[arg(long, global = true)]
        json: bool,
        /// How many of the latest
        #[arg(long, default_value_t = 50)]
        limit: u64,
    },
    /// Play days to come, and list when each receipt, notice, answer and deadline would be; nothing is sent
    #[command(
        after_help = "Example: ninetosix-worker simulate --from 2026-12-28 --to 2027-01-15\n\nThe file has a line each, in local time or with an offset:\n  2026-12-30T19:10 letter rita@family.example The diary does not open\n  2026-12-31T23:40 reply 1 ivan Please try again.\\n#close\nA reply answers the letter of that number, counted in the file; \\n in it is a new line.\nWithout a file four people write every day. Nobody vouches for those\nwho write, so that receipts to one address are capped as for strangers."
    )]
    Simulate {
        /// The first day
        #[arg(long, value_name = "DATE")]
        from: NaiveDate,
        /// The last day
        #[arg(long, value_name = "DATE")]
        to: NaiveDate,
        /// Who writes and who replies when
        #[arg(long, value_name = "FILE")]
        letters: Option<PathBuf>,
        /// The support address that is written to [default: the first]
        #[arg(long, value_name = "ADDRESS")]
        mailbox: Option<String>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// List outgoing letters, or show, retry, cancel, hold or release some
    #[command(
        after_help = "Example: ninetosix-worker letters list --ticket 1042\n         ninetosix-worker letters retry 17 18"
    )]
    Letters {
        #[command(subcommand)]
        what: Option<LettersCommand>,
        #[command(flatten)]
        listed: Listed,
        /// One JSON object a line
        #[arg(long, global = true)]
        json: bool,
    },
    /// Show what goes today by the terms of [[retention]]; the daemon removes it by itself
    #[command(after_help = "Example: ninetosix-worker retention --apply")]
    Retention {
        /// Remove it now
        #[arg(long)]
        apply: bool,
    },
    /// List what is held about a person, or erase it with an act and the extract of the journal
    #[command(
        after_help = "Example: ninetosix-worker erase rita@family.example\n         ninetosix-worker erase rita@family.example --yes --act act.txt --journal journal.csv"
    )]
    Erase(erase::Erase),
    /// List the acts of what was erased, or write the papers of one anew
    #[command(after_help = "Example: ninetosix-worker acts 3 --act act.txt --journal journal.csv")]
    Acts {
        /// Its number
        number: Option<i64>,
        #[command(flatten)]
        papers: erase::Papers,
    },
    /// Hand out what is held about a person, or list everybody who wrote or was written to
    #[command(
        after_help = "Example: ninetosix-worker export rita@family.example rita\n         ninetosix-worker export --who --since 2026-11-01 --until 2026-11-30 > people.csv"
    )]
    Export(export::Export),
}

#[derive(Subcommand)]
enum CalendarCommand {
    /// What dates are like, why, and by which law or decree
    Why {
        /// As 2027-02-20 or 20.02.2027
        #[arg(required = true, value_name = "DATE", value_parser = why::date)]
        dates: Vec<NaiveDate>,
    },
    /// A year month by month, with totals to compare with the published norm
    Show {
        /// The year [default: this one]
        #[arg(value_parser = clap::value_parser!(i32).range(1970..=2999))]
        year: Option<i32>,
        #[command(flatten)]
        wanted: show::As,
    },
    /// Answer one question a line from standard input, one answer a line
    #[command(
        after_help = "Questions: is_open T, next_open T, next_close T, add_working_minutes T N, add_working_days T N,\n           working_minutes_between A B; T, A and B as 2026-12-30T19:10:00+03:00 (RFC 3339, any offset).\nAnswers: true or false, an instant in UTC, a number, or \"error: ...\"; after an error the exit code is 1."
    )]
    Ask,
    /// Translate a year from another format and say what it changes; writes nothing without --write
    Import(import::Import),
}

/// Which letters are listed.
#[derive(Args)]
struct Listed {
    /// Of this ticket only
    #[arg(long)]
    ticket: Option<i64>,
    /// How many of the latest
    #[arg(long, default_value_t = 50)]
    limit: u64,
}

#[derive(Subcommand)]
enum LettersCommand {
    /// List letters, the newest first, and why each that has not left waits
    List {
        #[command(flatten)]
        listed: Listed,
    },
    /// Everything about one letter
    Show {
        /// Its number, as `list` prints it
        id: i64,
    },
    /// Try letters again that failed, or now those that wait for another try
    Retry {
        /// Their numbers
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Never send letters that have not left
    Cancel {
        /// Their numbers
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Keep letters back until they are released
    Hold {
        /// Their numbers
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Let held letters go
    Release {
        /// Their numbers
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

#[derive(Subcommand)]
enum TicketsCommand {
    /// The whole conversation of a ticket
    Show {
        /// Its number
        number: i64,
    },
    /// The bytes of a file that came with a ticket
    Attachment {
        /// The ticket's number
        number: i64,
        /// The file's name, as `show` prints it
        name: String,
    },
}

fn main() -> ExitCode {
    tls::install_provider();
    let cli = Cli::parse();
    let command = match cli.command {
        // These need no secret, and anybody may ask.
        Asked::Calendar { what, name } => return calendar(what, cli.config, name.as_deref()),
        Asked::Papers { into } => return cli::finish(papers(&into)),
        Asked::OfDesk(command) => command,
    };
    let file = config::path(cli.config);
    let json = matches!(command, Command::Check { json: true, .. });
    let settings = match cli::settings_to_check(file.clone(), json) {
        Ok(settings) => settings,
        Err(exit) => return exit.into(),
    };
    cli::finish(match command {
        Command::Run => run(&file, settings),
        Command::Check { send, json } => cli::block_on(async {
            let mut report = check::run(&settings, &file, &SystemClock).await;
            if let Some(to) = send {
                check::send(&mut report, &settings, &to, &SystemClock).await;
            }
            let good = report.print(json);
            Ok(if good { Exit::Fine } else { Exit::Problem })
        }),
        Command::Health { json } => cli::block_on(async {
            let store = cli::store(&settings).await?;
            let now = SystemClock.now();
            let vitals = health::vitals(&store, &settings, Lane::Worker, now).await?;
            Ok(health::print(&vitals, json))
        }),
        Command::Migrate { from: None } => {
            cli::block_on(copies::migrate(&settings, SystemClock.now()))
        }
        Command::Migrate { from: Some(file) } => {
            cli::block_on(moving::migrate(&settings, &file, SystemClock.now()))
        }
        Command::Backup { file } => cli::block_on(copies(&settings).back_up(&file)),
        Command::Restore { file, .. } => cli::block_on(async {
            let copies = copies(&settings);
            match file {
                Some(file) => copies.restore(&file).await,
                None => copies.is_copy().await,
            }
        }),
        Command::Resume { yes, all, json } => {
            cli::block_on(copies(&settings).resume(yes, all, json))
        }
        Command::Schedule {
            format,
            fragment,
            mailbox,
            weeks,
        } => {
            let wanted = schedule::Wanted {
                format,
                fragment,
                weeks,
            };
            published(settings, mailbox.as_deref(), wanted)
        }
        Command::Tickets {
            what: None,
            json,
            limit,
        } => cli::block_on(list(&settings, limit, json)),
        Command::Tickets {
            what: Some(TicketsCommand::Show { number }),
            json,
            ..
        } => cli::block_on(show(&settings, number, json)),
        Command::Tickets {
            what: Some(TicketsCommand::Attachment { number, name }),
            ..
        } => cli::block_on(attachment(&settings, number, &name)),
        Command::Simulate {
            from,
            to,
            letters,
            mailbox,
            json,
        } => simulated(&settings, (from, to), letters, mailbox, json),
        Command::Retention { apply } => cli::block_on(retention::command(&settings, apply)),
        Command::Erase(order) => cli::block_on(order.run(&settings)),
        Command::Acts { number, papers } => cli::block_on(erase::acts(&settings, number, &papers)),
        Command::Export(wanted) => cli::block_on(wanted.run(&settings)),
        Command::Letters { what, listed, json } => {
            let desk = letters::Letters {
                settings: &settings,
                json,
            };
            cli::block_on(async {
                match what {
                    None => desk.list(listed.ticket, listed.limit).await,
                    Some(LettersCommand::List { listed }) => {
                        desk.list(listed.ticket, listed.limit).await
                    }
                    Some(LettersCommand::Show { id }) => desk.show(id).await,
                    Some(LettersCommand::Retry { ids }) => {
                        desk.order(LetterOrder::Retry, &ids).await
                    }
                    Some(LettersCommand::Cancel { ids }) => {
                        desk.order(LetterOrder::Cancel, &ids).await
                    }
                    Some(LettersCommand::Hold { ids }) => desk.order(LetterOrder::Hold, &ids).await,
                    Some(LettersCommand::Release { ids }) => {
                        desk.order(LetterOrder::Release, &ids).await
                    }
                }
            })
        }
    })
}

/// The commands about copies, at this time.
fn copies(settings: &config::Settings) -> Copies<'_> {
    Copies {
        settings,
        now: SystemClock.now(),
    }
}

/// Answers about business time.
fn calendar(what: CalendarCommand, config: Option<PathBuf>, name: Option<&str>) -> ExitCode {
    let hours = match cli::hours(config, name) {
        Ok(hours) => hours,
        Err(exit) => return exit.into(),
    };
    cli::finish(match what {
        CalendarCommand::Ask => {
            let (questions, answers) = (std::io::stdin().lock(), std::io::stdout().lock());
            ask::ask(&hours.calendar, questions, answers).map_err(anyhow::Error::from)
        }
        CalendarCommand::Import(import) => import.run(&hours.calendar, hours.language),
        CalendarCommand::Why { dates } => {
            let lines = dates.into_iter().map(|date| why::line(&hours, date));
            let lines = lines.collect::<Result<Vec<_>, _>>();
            lines
                .map_err(anyhow::Error::from)
                .and_then(|lines| print(&format!("{}\n", lines.join("\n"))))
        }
        CalendarCommand::Show { year, wanted } => {
            let now = SystemClock.now();
            let year = year.unwrap_or_else(|| hours.calendar.date_of(now).year());
            show::render(&hours, year, wanted, now).and_then(|text| print(&text))
        }
    })
}

/// Writes what a package ships beside this program.
fn papers(into: &Path) -> anyhow::Result<Exit> {
    cli::papers::write(Cli::command(), into)?;
    Ok(Exit::Fine)
}

/// Runs the daemon.
fn run(file: &Path, settings: config::Settings) -> anyhow::Result<Exit> {
    logging::start();
    cli::block_on(async {
        let run =
            |settings, stop, watchdog| app::run(settings, Arc::new(SystemClock), stop, watchdog);
        serve::serve(file, settings, run).await.map(|()| Exit::Fine)
    })
}

/// Prints the schedule of a mailbox and of those that keep the same hours.
fn published(
    settings: config::Settings,
    mailbox: Option<&str>,
    wanted: schedule::Wanted,
) -> anyhow::Result<Exit> {
    let addresses = settings.mailboxes.iter().map(|own| own.address.to_string());
    let mut others: Vec<String> = addresses.collect();
    let mailbox = mailbox.map_or_else(|| others[0].clone(), str::to_owned);
    let Some(settings) = settings.seen_from(&mailbox) else {
        eprintln!("{mailbox} is no support address");
        return Ok(Exit::Usage);
    };
    others.retain(|other| {
        let mut kept = settings.mailboxes.iter();
        !kept.any(|own| own.address.as_str() == other)
    });
    if let Some(other) = others.first() {
        eprintln!(
            "{} keeps other hours: schedule --mailbox {other}",
            others.join(", ")
        );
    }
    schedule::render(&settings, wanted, SystemClock.now()).and_then(|text| print(&text))
}

/// Plays the days from the first to the last, both included.
fn simulated(
    settings: &config::Settings,
    (from, to): (NaiveDate, NaiveDate),
    letters: Option<PathBuf>,
    mailbox: Option<String>,
    json: bool,
) -> anyhow::Result<Exit> {
    let refuse = |why: String| {
        eprintln!("{why}");
        Ok(Exit::Usage)
    };
    let mut mailboxes = settings.mailboxes.iter().map(|own| &own.address);
    let wanted = mailbox.as_deref();
    let is_wanted = |own: &&EmailAddress| wanted.is_none_or(|wanted| own.as_str() == wanted);
    let Some(mailbox) = mailboxes.find(is_wanted) else {
        return refuse(format!(
            "{} is no support address",
            wanted.unwrap_or_default()
        ));
    };
    let calendar = settings.calendar_of(mailbox.as_str());
    if to < from || (to - from).num_days() > 366 {
        return refuse(format!(
            "{from} to {to}: name a first and a last day, a year apart at most"
        ));
    }
    let midnight = |date: NaiveDate| calendar.instant_of(date.and_time(NaiveTime::MIN));
    let after = to.succ_opt().unwrap_or(to);
    let is_known = (FIRST_YEAR..=LAST_YEAR).contains(&from.year()) && after.year() <= LAST_YEAR;
    let (true, Some(begin), Some(end)) = (is_known, midnight(from), midnight(after)) else {
        return refuse(format!(
            "{from} to {to}: hours are known of the years {FIRST_YEAR} to {LAST_YEAR}"
        ));
    };
    let script = match letters {
        None => script::made_up(from, after, calendar),
        Some(file) => {
            let read = config::read_text(&file).map_err(|why| why.words().en);
            let specialists = &settings.specialists;
            let read = read.and_then(|text| script::read(&text, calendar, specialists));
            match read {
                Ok(script) => script,
                Err(why) => return refuse(format!("{}: {why}", file.display())),
            }
        }
    };
    let mut happenings = script.iter();
    if let Some(outside) = happenings.find(|one| one.at < begin || one.at >= end) {
        let at = outside.at.with_timezone(&calendar.zone());
        return refuse(format!(
            "something in the script happens at {at}, not from {from} to {to}"
        ));
    }
    cli::block_on(async {
        for event in simulate::run(settings, mailbox, &script, end).await? {
            simulate::print(&event, calendar.zone(), json)?;
        }
        Ok(Exit::Fine)
    })
}

async fn list(settings: &config::Settings, limit: u64, json: bool) -> anyhow::Result<Exit> {
    let store = Store::open(&settings.database).await?;
    for ticket in store.tickets(limit).await? {
        if json {
            let terms = terms(&store, settings, &ticket).await?;
            tickets::print_json(&ticket, terms.as_ref())?;
        } else {
            tickets::print_row(&ticket, settings.calendar.zone());
        }
    }
    Ok(Exit::Fine)
}

/// Where a ticket's terms stand, by the hours of its mailbox.
async fn terms(
    store: &Store,
    settings: &config::Settings,
    ticket: &TicketRow,
) -> anyhow::Result<Option<TermsRow>> {
    let calendar = settings.calendar_of(&ticket.mailbox);
    let now = SystemClock.now();
    Ok(store
        .terms(ticket.number, calendar, settings.terms, now)
        .await?)
}

/// Writes to standard output.
fn print(text: &str) -> anyhow::Result<Exit> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Fine)
}

async fn show(settings: &config::Settings, number: i64, json: bool) -> anyhow::Result<Exit> {
    let store = cli::store(settings).await?;
    let Some((ticket, pieces)) = store.conversation(number).await? else {
        eprintln!("there is no ticket {number}");
        return Ok(Exit::Problem);
    };
    let terms = terms(&store, settings, &ticket).await?;
    if json {
        tickets::print_json(&ticket, terms.as_ref())?;
        for piece in &pieces {
            tell!("{}", serde_json::to_string(piece)?);
        }
    } else {
        let zone = settings.calendar.zone();
        tickets::print_conversation(&ticket, terms.as_ref(), &pieces, zone);
    }
    Ok(Exit::Fine)
}

async fn attachment(settings: &config::Settings, number: i64, name: &str) -> anyhow::Result<Exit> {
    let store = cli::store(settings).await?;
    let found = store.ticket_file(number, name).await?;
    let bytes = match found {
        Some((raw, part)) => {
            let read = move || parse::attachments_bytes(&raw, &[part]).pop().flatten();
            parse::in_parser_thread(read)
                .await
                .map_err(anyhow::Error::msg)?
        }
        None => None,
    };
    match bytes {
        Some(bytes) => {
            std::io::stdout().write_all(&bytes)?;
            Ok(Exit::Fine)
        }
        None => {
            eprintln!("ticket {number} has no file {name}");
            Ok(Exit::Problem)
        }
    }
}
