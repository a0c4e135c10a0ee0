//! What both programs' command lines share: where the configuration is, and what exit codes mean.

pub mod papers;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::check::Report;
use crate::config::{self, Database, Hours, Settings};
use crate::domain::address::EmailAddress;
use crate::domain::digest::sha256;
use crate::store::Store;

/// Exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Fine.
    Fine,
    /// Found a problem.
    Problem,
    /// Wrong usage or configuration.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Problem => 1,
            Exit::Usage => 2,
        })
    }
}

/// Loads the configuration, or prints every problem of it.
///
/// # Errors
/// [`Exit::Usage`], after printing.
pub fn settings(file: Option<PathBuf>) -> Result<Settings, Exit> {
    let path = config::path(file);
    config::load(&path).map_err(|problems| {
        eprintln!("{}:\n{problems}", path.display());
        Exit::Usage
    })
}

/// The same for `check`, which says all it has to say as JSON where that is asked for.
///
/// # Errors
/// [`Exit::Usage`], after printing.
pub fn settings_to_check(file: PathBuf, json: bool) -> Result<Settings, Exit> {
    if !json {
        return settings(Some(file));
    }
    config::load(&file).map_err(|problems| {
        let mut report = Report::new(problems.language);
        report.problems(&problems);
        report.print(true);
        Exit::Usage
    })
}

/// Reads an address on the command line.
///
/// # Errors
/// It is none.
pub fn address(text: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(text).ok_or_else(|| "no mail address".to_owned())
}

/// Loads when the desk works, which needs no secret; `name` puts a named calendar in the place of that of `[hours]`. Where no
/// file is named and none stands at its usual place, these are the hours of a desk whose file says nothing of them.
///
/// # Errors
/// [`Exit::Usage`], after printing.
pub fn hours(file: Option<PathBuf>, name: Option<&str>) -> Result<Hours, Exit> {
    let is_named = file.is_some() || std::env::var_os("NINETOSIX_CONFIG").is_some();
    let path = config::path(file);
    let mut hours = if !is_named && !path.exists() {
        eprintln!(
            "{}: there is no such file; these are the hours of a desk whose file says nothing of them",
            path.display()
        );
        Hours::default()
    } else {
        config::load_hours(&path).map_err(|problems| {
            eprintln!("{}:\n{problems}", path.display());
            Exit::Usage
        })?
    };
    if let Some(name) = name {
        let mark = sha256(name.as_bytes());
        hours.host = format!("{}.{}", &mark[..8], hours.host);
        hours.calendar = hours.named.remove(name).ok_or_else(|| {
            let names: Vec<&str> = hours.named.keys().map(String::as_str).collect();
            let names = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            };
            eprintln!("there is no [[calendar]] named {name:?}; there are: {names}");
            Exit::Usage
        })?;
    }
    Ok(hours)
}

/// Opens the database for a command that asks and makes nothing: a file that is not there stays so, for whoever
/// creates it owns it.
///
/// # Errors
/// If there is no database yet, or it cannot be opened.
pub async fn store(settings: &Settings) -> anyhow::Result<Store> {
    if let Database::Sqlite { path } = &settings.database {
        anyhow::ensure!(
            path.exists(),
            "{}: there is no database yet; the first start of a daemon makes it",
            path.display()
        );
    }
    Ok(Store::open(&settings.database).await?)
}

/// Prints a line. A reader that has had enough, as in `… | head`, ends the program quietly.
#[macro_export]
macro_rules! tell {
    () => { $crate::cli::tell_line(format_args!("")) };
    ($($words:tt)*) => { $crate::cli::tell_line(format_args!($($words)*)) };
}

/// What [`tell!`] does.
#[doc(hidden)]
pub fn tell_line(line: std::fmt::Arguments<'_>) {
    let told = writeln!(std::io::stdout().lock(), "{line}");
    if let Err(error) = told {
        let exit = finish(Err(error.into()));
        std::process::exit(i32::from(exit == ExitCode::FAILURE));
    }
}

/// Runs a command to its end: a failure is printed with its causes. That nobody reads on is none.
pub fn finish(result: anyhow::Result<Exit>) -> ExitCode {
    let is_unread = |error: &anyhow::Error| {
        let error = error.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) if is_unread(&error) => Exit::Fine.into(),
        Err(error) => {
            eprintln!("{error:#}");
            Exit::Problem.into()
        }
    }
}

/// Threads that run tasks: the daemons wait more than they work.
const TASK_THREADS: usize = 2;

/// Threads that may block: to look up a name, to compose, or to wait for a parser, which is one thread more. By the
/// runtime's own limit, 512, a slow resolver could use up a unit's `TasksMax=64` and leave none to parsers.
const BLOCKING_THREADS: usize = 16;

/// Runs `command` on a runtime of fixed size.
///
/// # Errors
/// Those of `command`, and if no runtime can be started.
pub fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(TASK_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()?;
    runtime.block_on(command)
}

/// Removes control characters, so that nothing from a letter reaches the terminal as a command (promise P20).
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::sync::{Arc, Barrier};

    use tokio::task::JoinSet;

    use super::*;

    #[test]
    fn the_threads_fit_what_units_and_containers_allow() {
        let number = |text: &'static str, key: &str| -> usize {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(key))
                .expect(key);
            line.parse().expect(key)
        };
        let allowed = [
            number(
                include_str!("../../../deploy/systemd/ninetosix-poller.service"),
                "TasksMax=",
            ),
            number(
                include_str!("../../../deploy/systemd/ninetosix-worker.service"),
                "TasksMax=",
            ),
            number(include_str!("../../../docker-compose.yml"), "pids_limit: "),
        ];
        // The first thread, a parser for each that blocks, and one for each of SQLite's four connections.
        let one_daemon = 1 + TASK_THREADS + 2 * BLOCKING_THREADS + 4;
        // In a container the health check is a second, idle process beside the daemon.
        let health = 1 + TASK_THREADS + 4 + 4;
        assert!(
            allowed
                .iter()
                .all(|allowed| one_daemon + health <= *allowed),
            "{allowed:?}"
        );
    }

    #[test]
    fn no_more_threads_block_than_that() {
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let shared = Arc::new((inside, most, Barrier::new(BLOCKING_THREADS)));
        let run = block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..3 * BLOCKING_THREADS {
                let shared = shared.clone();
                tasks.spawn_blocking(move || {
                    let (inside, most, met) = &*shared;
                    most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                    met.wait();
                    inside.fetch_sub(1, SeqCst);
                });
            }
            tasks.join_all().await;
            Ok(())
        });
        run.expect("it runs");
        assert_eq!(shared.1.load(SeqCst), BLOCKING_THREADS);
    }
}
