//! Log lines: fields of the journal under systemd, else text; `NINETOSIX_LOG_FORMAT` is `json` or `text` for one of these.
//! How much, by `NINETOSIX_LOG` (`info` by default).
//!
//! Libraries that would log passwords or mail at their finest levels are held at a coarser one, whatever is asked for.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Libraries never heard below this level: async-imap logs LOGIN with its password at trace.
const CAPPED: [&str; 8] = [
    "async_imap=info",
    "imap_proto=info",
    "lettre=info",
    "rustls=info",
    "tokio_rustls=info",
    "sqlx=warn",
    "sea_orm=info",
    "mail_parser=info",
];

/// Starts logging: to the journal with a field for each value where standard error is the journal, else to standard error.
pub fn start() {
    let asked = std::env::var("NINETOSIX_LOG").unwrap_or_default();
    let mut filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(asked);
    for directive in CAPPED {
        filter = filter.add_directive(directive.parse().expect("a valid directive"));
    }
    let format = std::env::var("NINETOSIX_LOG_FORMAT").unwrap_or_default();
    let colours = std::io::stderr().is_terminal();
    let text = || layer().with_writer(std::io::stderr).with_ansi(colours);
    let journal = if format.is_empty() {
        to_journal()
    } else {
        None
    };
    let lines: Box<dyn Layer<_> + Send + Sync> = match journal {
        Some(journal) => Box::new(journal),
        None if format == "json" => Box::new(text().json().flatten_event(true)),
        None => Box::new(text().with_target(false)),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
}

/// The journal, if that is where standard error goes: systemd says so by device and inode (systemd.exec(5), JOURNAL_STREAM).
fn to_journal() -> Option<tracing_journald::Layer> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let (device, inode) = stream.split_once(':')?;
    let stat = rustix::fs::fstat(std::io::stderr()).ok()?;
    let is_it = device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino);
    let layer = is_it.then(tracing_journald::layer)?.ok()?;
    Some(layer.with_field_prefix(None))
}
