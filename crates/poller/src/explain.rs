//! `ninetosix-poller explain`: what the poller understands of letters in files, one after the other.

use std::fs::File;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ninetosix_core::cli::{Exit, printable};
use ninetosix_core::config::Settings;
use ninetosix_core::domain::desk::Desk;
use ninetosix_core::domain::incoming::IncomingMail;
use ninetosix_core::domain::verdict::VerdictSource;
use ninetosix_core::mail::explain::{Explainer, Explanation};
use ninetosix_core::mail::parse::PARSER_STACK_BYTES;
use serde::Serialize;

/// The largest file that is read: the upper figure of promises.md for a letter kept whole.
const FILE_BYTES: u64 = 200 * 1024 * 1024;

/// One line of the answer.
#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    #[serde(flatten)]
    explanation: Option<Explanation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Explains each of `files` (`-` is standard input) to `out`. `settings`, where given, tell which letters are the
/// desk's own; `source`, where given, is whose word on senders is believed. One letter at a time is in memory.
///
/// # Errors
/// Where `out` cannot be written to. A file that cannot be read is a line with its error and makes the exit a problem.
pub fn run(
    files: &[PathBuf],
    settings: Option<&Settings>,
    source: Option<VerdictSource>,
    json: bool,
    out: &mut (impl Write + Send),
) -> anyhow::Result<Exit> {
    // The parser recurses: it has the same stack here as in the daemons.
    let explained = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("parse".to_owned())
            .stack_size(PARSER_STACK_BYTES)
            .spawn_scoped(scope, || explain_all(files, settings, source, json, out))?
            .join()
            .map_err(|_| io::Error::other("the parser panicked"))?
    });
    match explained {
        Ok(exit) => Ok(exit),
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Fine),
        Err(error) => Err(error.into()),
    }
}

fn explain_all(
    files: &[PathBuf],
    settings: Option<&Settings>,
    source: Option<VerdictSource>,
    json: bool,
    out: &mut impl Write,
) -> io::Result<Exit> {
    let desk = settings.map(Desk::from);
    let explainer = settings.map_or_else(Explainer::default, |settings| {
        Explainer::new(settings.language, settings.calendar.zone())
    });
    let explainer = explainer.trusting(source);
    let is_own = |mail: &IncomingMail| {
        let mut addresses = mail.from.iter().filter_map(|from| from.address.as_ref());
        desk.as_ref()
            .is_some_and(|desk| addresses.any(|address| desk.is_own(address)))
    };
    let mut exit = Exit::Fine;
    for path in files {
        let explained = read(path).and_then(|raw| {
            catch_unwind(AssertUnwindSafe(|| explainer.explain(&raw, is_own)))
                .map_err(|_| io::Error::other("the parser panicked on this letter"))?
                .map_err(io::Error::other)
        });
        let (explanation, error) = match explained {
            Ok(explanation) => (Some(explanation), None),
            Err(error) => {
                exit = Exit::Problem;
                (None, Some(error.to_string()))
            }
        };
        let line = Line {
            path: &path.to_string_lossy(),
            explanation,
            error,
        };
        if json {
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        } else {
            write_readable(&line, out)?;
        }
    }
    out.flush()?;
    Ok(exit)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(FILE_BYTES + 1)
            .read_to_end(&mut raw)?;
    } else {
        File::open(path)?
            .take(FILE_BYTES + 1)
            .read_to_end(&mut raw)?;
    }
    if raw.len() as u64 > FILE_BYTES {
        return Err(io::Error::other(
            "larger than 200 MiB, the most that is read",
        ));
    }
    Ok(raw)
}

/// The same for people: what is empty is left out, text is indented.
fn write_readable(line: &Line<'_>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", printable(line.path))?;
    if let Some(error) = &line.error {
        return writeln!(out, "  error        {}\n", printable(error));
    }
    let value = serde_json::to_value(&line.explanation)?;
    let Some(fields) = value.as_object() else {
        return Ok(());
    };
    for (name, value) in fields {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => continue,
            other => other.to_string(),
        };
        if text.is_empty() || text == "[]" {
            continue;
        }
        let text = printable(&text).replace('\n', "\n               ");
        writeln!(out, "  {name:12} {text}")?;
    }
    writeln!(out)
}
