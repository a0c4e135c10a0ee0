//! What both programs' command lines share: where the configuration is, and what exit codes mean.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::{self, Database, Settings};
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

/// Runs a command to its end: a failure is printed with its causes.
pub fn finish(result: anyhow::Result<Exit>) -> ExitCode {
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("{error:#}");
            Exit::Problem.into()
        }
    }
}

/// Runs `command` on a runtime of fixed size: the daemons wait more than they work, and their units allow few threads.
///
/// # Errors
/// Those of `command`, and if no runtime can be started.
pub fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
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
