//! The layers are as they are drawn: decisions touch nothing outside themselves, mail knows no tables, tables know no mail.

use std::fs;
use std::path::{Path, PathBuf};

/// What no decision may mention: asynchrony, clocks, files, environment, sockets, threads, tables, libraries of effects.
#[rustfmt::skip]
const FORBIDDEN: [&str; 30] = [
    "async ", ".await", "Utc::now", "Local::now", "SystemTime", "Instant::now", "std::time", "std::fs", "std::env",
    "std::net", "std::process", "std::thread", "std::io", "env!", "println!", "eprintln!", "tracing::", "tokio",
    "sea_orm", "sqlx", "lettre", "mail_parser", "async_imap", "rustls", "config::", "getrandom", "rand::", "Mutex", "LazyLock", "static ",
];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(folder),
    ];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the sources") {
            let path = entry.expect("an entry").path();
            let is_test = path.components().any(|part| {
                let name = part.as_os_str().to_string_lossy();
                name == "purity.rs" || name == "tests" || name.ends_with("tests.rs")
            });
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test {
                let text = fs::read_to_string(&path).expect("a source");
                found.push((path, text));
            }
        }
    }
    found
}

/// The source without its comments and its tests.
fn code(text: &str) -> String {
    let before_tests = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = before_tests
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n").replace("'static", "")
}

fn mentions(text: &str, forbidden: &[&str]) -> Vec<String> {
    let code = code(text);
    let found = forbidden.iter().filter(|word| code.contains(**word));
    found.map(|word| (*word).to_owned()).collect()
}

/// What of ours a source imports: the first name after `crate::`.
fn imports(text: &str) -> Vec<String> {
    let code = code(text);
    let after = code.split("crate::").skip(1);
    after
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

#[test]
fn decisions_touch_nothing_outside_themselves() {
    let files = sources("domain");
    assert!(
        files.len() > 20,
        "the sources are where they are looked for"
    );
    for (path, text) in files {
        // A name in `calendar` is about a calendar's files as text, not about reading them.
        assert_eq!(
            mentions(&text, &FORBIDDEN),
            Vec::<String>::new(),
            "{}",
            path.display()
        );
        for import in imports(&text) {
            assert_eq!(import, "domain", "{} imports {import}", path.display());
        }
    }
}

#[test]
fn mail_and_store_know_the_domain_and_not_each_other() {
    for (folder, allowed) in [
        ("mail", vec!["domain", "mail"]),
        (
            "store",
            vec!["domain", "store", "config", "process", "watchdog"],
        ),
    ] {
        for (path, text) in sources(folder) {
            for import in imports(&text) {
                assert!(
                    allowed.contains(&import.as_str()),
                    "{} imports {import}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_check_would_notice() {
    assert_eq!(mentions("let now = Utc::now();", &FORBIDDEN), ["Utc::now"]);
    assert_eq!(
        mentions("// Utc::now() is not called here", &FORBIDDEN),
        Vec::<String>::new()
    );
    assert_eq!(imports("use crate::store::Store;"), ["store"]);
}
