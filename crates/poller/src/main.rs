//! `ninetosix-poller`: the command line. What the commands do is in the library.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser, Subcommand};
use ninetosix_core::cli::{self, Exit};
use ninetosix_core::clock::{Clock, SystemClock};
use ninetosix_core::domain::address::EmailAddress;
use ninetosix_core::domain::letter::Lane;
use ninetosix_core::domain::verdict::VerdictSource;
use ninetosix_core::tell;
use ninetosix_core::{config, health, logging, serve, tls};
use ninetosix_poller::{app, check, explain, init, ledger, quarantine};

/// Registers every letter of the support mailboxes as a ticket, around the clock, and confirms it.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example: ninetosix-poller check --config /etc/ninetosix/ninetosix.toml\n\nExit codes: 0 fine, 1 found a problem, 2 wrong usage or configuration."
)]
struct Cli {
    /// The configuration file [default: $NINETOSIX_CONFIG, else /etc/ninetosix/ninetosix.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Ask five questions and write a configuration
    #[command(
        after_help = "Example: ninetosix-poller init\n         ninetosix-poller init --output desk.toml --language en\n\nThe password goes into a file of its own beside the configuration. Nothing is ever written over. From a pipe the\nanswers are read a line each."
    )]
    Init {
        /// Where the configuration goes [default: that of --config]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Of the questions, of the file and of the desk's letters [default: en if the locale says so, else ru]
        #[arg(long, value_name = "LANGUAGE", value_parser = ["ru", "en"])]
        language: Option<String>,
    },
    #[command(flatten)]
    Configured(Configured),
    /// Print what is understood of letters in files, and why
    #[command(
        after_help = "Example: ninetosix-poller explain letter.eml\n         ninetosix-poller ledger raw 1042 | ninetosix-poller explain --json -\n\nNo configuration is needed; with --config the desk's own letters are recognised too."
    )]
    Explain {
        /// Letters as the server gave them; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Say what this server says of the sender: yandex, mailru, gmail, microsoft, or the name yours signs with
        #[arg(long, value_name = "SERVER")]
        trust: Option<String>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Write the manual pages and the completions of shells into a directory, for packages
    #[command(hide = true)]
    Papers {
        /// Where to
        into: PathBuf,
    },
}

/// Commands that need a configuration.
#[derive(Subcommand)]
enum Configured {
    /// Run the daemon until SIGTERM or SIGINT
    #[command(after_help = "Example: ninetosix-poller run --config /etc/ninetosix/ninetosix.toml")]
    Run,
    /// Try the configuration against the mailbox, the submission server and the database
    #[command(
        after_help = "Example: ninetosix-poller check\n         ninetosix-poller check --send you@mail.example\n         ninetosix-poller check --send help@school.example\n\nExit codes: 0 fine, warnings (!) included; 1 found a problem (✗); 2 wrong usage or configuration."
    )]
    Check {
        /// Send a letter from every mailbox to this address besides, at once; one of the desk's own is waited for, a minute at most
        #[arg(long, value_name = "ADDRESS", value_parser = cli::address)]
        send: Option<EmailAddress>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Say whether the mailboxes are read and the receipts leave in time; for containers and monitors
    #[command(
        after_help = "Example: ninetosix-poller health || systemctl restart ninetosix-poller"
    )]
    Health {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Compare the server's letters with the ledger, or look at one letter
    #[command(
        after_help = "Example: ninetosix-poller ledger\n         ninetosix-poller ledger show 1042\n         ninetosix-poller ledger raw 1042 > letter.eml"
    )]
    Ledger {
        #[command(subcommand)]
        what: Option<LedgerCommand>,
        /// One JSON object a line
        #[arg(long, global = true)]
        json: bool,
    },
    /// Letters that were set aside because reading them failed three times
    #[command(
        after_help = "Example: ninetosix-poller quarantine list\n         ninetosix-poller quarantine raw 17 > letter.eml\n         ninetosix-poller quarantine retry 17\n         ninetosix-poller quarantine release 17"
    )]
    Quarantine {
        #[command(subcommand)]
        what: QuarantineCommand,
        /// One JSON object a line
        #[arg(long, global = true)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum QuarantineCommand {
    /// All of them, oldest first
    List,
    /// What is known of one, without reading it
    Show {
        /// Its number, from the list or the alert
        id: i64,
    },
    /// The bytes of one, as the server gave them
    Raw {
        /// Its number
        id: i64,
    },
    /// Try one again: the running daemon does at its next poll
    Retry {
        /// Its number
        id: i64,
    },
    /// Register one by its header alone, its content unread: it gets a ticket and a receipt, and stays where it is stored
    Release {
        /// Its number
        id: i64,
    },
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// The rows of the letter with this UID, in every folder
    Show {
        /// The UID on the server
        uid: u32,
    },
    /// The bytes of the letter with this UID, as the server gave them
    Raw {
        /// The UID on the server
        uid: u32,
    },
}

fn main() -> ExitCode {
    tls::install_provider();
    let cli = Cli::parse();
    match cli.command {
        Command::Init { output, language } => {
            let path = output.unwrap_or_else(|| config::path(cli.config));
            initialise(&path, language.as_deref()).into()
        }
        Command::Papers { into } => cli::finish(papers(&into)),
        Command::Explain { files, trust, json } => {
            explain_files(cli.config, &files, trust.as_deref(), json)
        }
        Command::Configured(command) => {
            let file = config::path(cli.config);
            let json = matches!(command, Configured::Check { json: true, .. });
            match cli::settings_to_check(file.clone(), json) {
                Ok(settings) => configured(command, settings, &file),
                Err(exit) => exit.into(),
            }
        }
    }
}

/// Asks on the terminal, or reads answers from a pipe.
fn initialise(path: &Path, language: Option<&str>) -> Exit {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    let language = init::language_of(language.or(locale.as_deref()));
    let (input, output) = (std::io::stdin(), std::io::stdout());
    let is_terminal = input.is_terminal();
    let written = init::run(
        path,
        language,
        &mut input.lock(),
        &mut output.lock(),
        is_terminal,
    );
    match written {
        Ok(()) => Exit::Fine,
        Err(error) => {
            eprintln!("{}", error.words().of(language));
            Exit::Problem
        }
    }
}

fn configured(command: Configured, settings: config::Settings, file: &Path) -> ExitCode {
    cli::finish(match command {
        Configured::Run => run(file, settings),
        Configured::Check { send, json } => cli::block_on(async {
            let mut report = check::run(&settings, file, &SystemClock).await;
            if let Some(to) = send {
                check::send(&mut report, &settings, &to, check::ARRIVAL, &SystemClock).await;
            }
            let good = report.print(json);
            Ok(if good { Exit::Fine } else { Exit::Problem })
        }),
        Configured::Health { json } => cli::block_on(health_of(&settings, json)),
        Configured::Ledger { what: None, json } => cli::block_on(compare(&settings, json)),
        Configured::Ledger {
            what: Some(LedgerCommand::Show { uid }),
            json,
        } => cli::block_on(show(&settings, uid, json)),
        Configured::Ledger {
            what: Some(LedgerCommand::Raw { uid }),
            ..
        } => cli::block_on(raw(&settings, uid)),
        Configured::Quarantine { what, json } => cli::block_on(set_aside(&settings, &what, json)),
    })
}

/// Explains letters, with the configuration only where one is named.
fn explain_files(
    config: Option<PathBuf>,
    files: &[PathBuf],
    trust: Option<&str>,
    json: bool,
) -> ExitCode {
    let settings = match config.map(|config| cli::settings(Some(config))).transpose() {
        Ok(settings) => settings,
        Err(exit) => return exit.into(),
    };
    let mut out = std::io::BufWriter::new(std::io::stdout());
    cli::finish(explain::run(
        files,
        settings.as_ref(),
        trust.map(VerdictSource::named),
        json,
        &mut out,
    ))
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

async fn health_of(settings: &config::Settings, json: bool) -> anyhow::Result<Exit> {
    let store = cli::store(settings).await?;
    let now = SystemClock.now();
    let vitals = health::vitals(&store, settings, Lane::Poller, now).await?;
    Ok(health::print(&vitals, json))
}

async fn set_aside(
    settings: &config::Settings,
    what: &QuarantineCommand,
    json: bool,
) -> anyhow::Result<Exit> {
    let store = cli::store(settings).await?;
    let mut out = std::io::stdout();
    match *what {
        QuarantineCommand::List => quarantine::list(&store, json, &mut out).await,
        QuarantineCommand::Show { id } => quarantine::show(&store, id, json, &mut out).await,
        QuarantineCommand::Raw { id } => quarantine::raw(&store, id, &mut out).await,
        QuarantineCommand::Retry { id } => quarantine::retry(&store, id, false, &mut out).await,
        QuarantineCommand::Release { id } => quarantine::retry(&store, id, true, &mut out).await,
    }
}

async fn compare(settings: &config::Settings, json: bool) -> anyhow::Result<Exit> {
    let store = cli::store(settings).await?;
    let counts = ledger::count(settings, &store).await?;
    for count in &counts {
        if json {
            tell!("{}", serde_json::to_string(count)?);
        } else {
            ledger::print(count);
        }
    }
    Ok(if counts.iter().all(ledger::Count::agrees) {
        Exit::Fine
    } else {
        Exit::Problem
    })
}

async fn show(settings: &config::Settings, uid: u32, json: bool) -> anyhow::Result<Exit> {
    let store = cli::store(settings).await?;
    let mut found = false;
    for mailbox in &settings.mailboxes {
        for (row, _) in store.ledger_rows(mailbox.address.as_str(), uid).await? {
            found = true;
            if json {
                tell!("{}", serde_json::to_string(&row)?);
                continue;
            }
            tell!(
                "{} {} UIDVALIDITY {} UID {}",
                row.mailbox,
                row.folder,
                row.uidvalidity,
                row.uid
            );
            tell!(
                "  outcome    {}{}",
                row.outcome.as_deref().unwrap_or("pending"),
                row.ticket
                    .map(|number| format!(", ticket {number}"))
                    .unwrap_or_default()
            );
            tell!(
                "  reason     {}",
                cli::printable(row.reason.as_deref().unwrap_or("-"))
            );
            tell!(
                "  Message-ID {}",
                cli::printable(row.message_id.as_deref().unwrap_or("-"))
            );
            tell!(
                "  sha256     {}\n  at         {}",
                row.sha256.as_deref().unwrap_or("-"),
                row.at
            );
        }
    }
    if !found {
        eprintln!("no letter with UID {uid} in the ledger");
    }
    Ok(if found { Exit::Fine } else { Exit::Problem })
}

async fn raw(settings: &config::Settings, uid: u32) -> anyhow::Result<Exit> {
    let store = cli::store(settings).await?;
    for mailbox in &settings.mailboxes {
        // The newest numbering comes last.
        let rows = store.ledger_rows(mailbox.address.as_str(), uid).await?;
        if let Some(id) = rows.into_iter().rev().find_map(|(_, raw)| raw) {
            std::io::stdout().write_all(&store.raw(id).await?)?;
            return Ok(Exit::Fine);
        }
    }
    eprintln!("no bytes of a letter with UID {uid} are stored");
    Ok(Exit::Problem)
}
