//! Log lines: text, or JSON with `NINETOSIX_LOG_FORMAT=json`; how much, by `NINETOSIX_LOG` (`info` by default).
//!
//! Libraries that would log passwords or mail at their finest levels are held at a coarser one, whatever is asked for.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

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

/// Starts logging to standard error.
pub fn start() {
    let asked = std::env::var("NINETOSIX_LOG").unwrap_or_default();
    let mut filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse_lossy(asked);
    for directive in CAPPED {
        filter = filter.add_directive(directive.parse().expect("a valid directive"));
    }
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if std::env::var("NINETOSIX_LOG_FORMAT").is_ok_and(|format| format == "json") {
        lines.json().flatten_event(true).init();
    } else {
        lines.with_target(false).init();
    }
}
