//! The annotated sample file is true: it loads, and it shows every key this version obeys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::Surroundings;
use super::load::load_among;
use super::schema::{Shape, TABLES};
use super::testing::write_secret;
use super::{AfterRegistration, Database, Language, Login, PhoneHours, Provider, Settings};

const SAMPLE: &str = include_str!("../../../../deploy/config/ninetosix.toml");

/// The authorities of a Debian system; a test may run elsewhere.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A copy of the sample in its own directory, with the files that it names beside it.
fn installed(dir: &Path, sample: &str) -> PathBuf {
    assert!(sample.contains(SYSTEM_CA));
    let path = dir.join("ninetosix.toml");
    std::fs::write(&path, sample.replace(SYSTEM_CA, "ca.pem")).expect("written");
    std::fs::write(dir.join("ca.pem"), "").expect("written");
    write_secret(&dir.join("mail.password"), "hunter2\n");
    path
}

fn loaded() -> Settings {
    loaded_from(SAMPLE)
}

fn loaded_from(sample: &str) -> Settings {
    let dir = tempfile::tempdir().expect("a directory");
    load_among(&installed(dir.path(), sample), &Surroundings::of(&[]))
        .unwrap_or_else(|problems| unreachable!("the sample must load:\n{problems}"))
}

#[test]
fn the_sample_loads_and_means_what_it_says() {
    let settings = loaded();
    assert_eq!(settings.language, Language::Ru);
    assert_eq!(
        settings.desk.site.as_deref(),
        Some("https://school.example")
    );
    let Database::Sqlite { path } = &settings.database else {
        unreachable!("the sample keeps to SQLite");
    };
    assert_eq!(path, Path::new("/var/lib/ninetosix/ninetosix.db"));
    assert_eq!(
        settings.identity.token_key_file,
        Path::new("/var/lib/ninetosix/token.key")
    );
    let mailbox = &settings.mailboxes[0];
    assert_eq!(mailbox.address.as_str(), "help@school.example");
    assert_eq!(mailbox.provider, Some(Provider::Yandex));
    assert_eq!(mailbox.imap.to_string(), "imap.school.example:993");
    assert_eq!(mailbox.poll_interval, Duration::from_secs(60));
    assert_eq!(mailbox.after_registration, AfterRegistration::Seen);
    assert_eq!(settings.phones[0].hours, PhoneHours::Desk);
    assert_eq!(settings.specialists.len(), 2);
    assert_eq!(
        settings.appointed_by.get("ivan").map(String::as_str),
        Some("№ 1")
    );
    assert_eq!(settings.hours.approved_by.as_deref(), Some("директор"));
    assert_eq!(settings.letter_cap_bytes, 50 * 1024 * 1024);
    assert_eq!(settings.sends_per_day, 400);
    assert!(!mailbox.sent_copy);
    assert_eq!(settings.reopen_within_days, 30);
}

#[test]
fn the_settings_show_no_secret() {
    assert!(!format!("{:?}", loaded()).contains("hunter2"));
}

/// The keys of the sample that start a line, as `table.key`; with `commented`, those behind a `#` instead.
fn keys(commented: bool) -> Vec<String> {
    let mut table = String::new();
    let mut keys = Vec::new();
    for line in SAMPLE.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if bare.starts_with('[') && bare.trim_end().ends_with(']') {
            table = bare.trim_matches(['[', ']', ' ']).to_owned();
        } else if line.starts_with('#') == commented
            && let Some((key, _)) = bare.split_once('=')
            && key
                .trim()
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        {
            keys.push(
                format!("{table}.{}", key.trim())
                    .trim_start_matches('.')
                    .to_owned(),
            );
        }
    }
    keys
}

/// Keys that are obeyed and commented out all the same: whoever copies the sample promises nothing by it.
fn is_example(key: &str) -> bool {
    let is_later = ["deadlines.urgent_first_answer", "deadlines.urgent_solution"].contains(&key);
    let tables = [
        "deadlines.",
        "calendar.",
        "http.",
        "retention.",
        "mailbox.oauth.",
    ];
    ["mailbox.calendar", "operator.command"].contains(&key)
        || !is_later && tables.iter().any(|table| key.starts_with(table))
}

#[test]
fn the_examples_that_are_commented_out_are_sound() {
    let mut table = "";
    let lines = SAMPLE.lines().map(|line| {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if bare.starts_with('[') {
            table = bare.trim_matches(['[', ']', ' ']);
        }
        let key = bare.split_once('=').map(|(key, _)| key.trim());
        let tables = ["calendar", "deadlines", "http", "retention"];
        let is_head = bare.starts_with('[') && tables.contains(&table);
        // The password above it stands instead.
        let is_oauth = table == "mailbox.oauth";
        let is_on =
            is_head || !is_oauth && key.is_some_and(|key| is_example(&format!("{table}.{key}")));
        if is_on { bare } else { line }
    });
    let settings = loaded_from(&lines.collect::<Vec<_>>().join("\n"));
    assert_eq!(settings.terms.first_answer_min, Some(540));
    assert!(settings.retention[0].mailbox_copies);
    assert_ne!(settings.mailboxes[0].calendar, settings.calendar);
    assert_eq!(settings.operator_command, ["/usr/local/bin/alert"]);
    assert_eq!(settings.http.map(|at| at.port()), Some(9406));
}

#[test]
fn the_application_that_is_commented_out_is_sound() {
    let lines = SAMPLE.lines().filter_map(|line| {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let of_oauth = ["[mailbox.oauth]", "token_url =", "client_", "scope ="];
        // One of the two is logged in with.
        let is_password = line == "password_file = \"mail.password\"";
        let is_on = of_oauth.iter().any(|start| bare.starts_with(start));
        (!is_password).then_some(if is_on { bare } else { line })
    });
    let settings = loaded_from(&lines.collect::<Vec<_>>().join("\n"));
    let Login::Application(application) = &settings.mailboxes[0].login else {
        unreachable!("a password");
    };
    let usual = Provider::Microsoft.scope();
    assert_eq!(application.scope.as_deref(), usual);
}

#[test]
fn the_sample_shows_every_key_and_comments_out_only_what_is_not_obeyed_yet() {
    let (shown, commented) = (keys(false), keys(true));
    let inner = TABLES.iter().flat_map(|table| table.keys);
    let inner = inner.filter_map(|(_, shape)| match shape {
        Shape::Inner(table) => Some(*table),
        _ => None,
    });
    for table in TABLES.iter().chain(inner) {
        assert!(
            SAMPLE.contains(&format!("[{}]", table.name)) || table.name.is_empty(),
            "{}",
            table.name
        );
        for (key, shape) in table.keys {
            if matches!(shape, Shape::Inner(_)) {
                continue;
            }
            let name = format!("{}.{key}", table.name)
                .trim_start_matches('.')
                .to_owned();
            let on = *shape != Shape::Later && !is_example(&name);
            assert_eq!(shown.contains(&name), on, "{name} uncommented");
            assert!(on || commented.contains(&name), "{name} commented out");
        }
    }
}

#[test]
fn every_key_the_sample_comments_out_is_refused_as_not_yet_obeyed() {
    for key in keys(true).into_iter().filter(|key| !is_example(key)) {
        let name = key.rsplit('.').next().unwrap_or_default();
        let table = key
            .strip_suffix(name)
            .unwrap_or_default()
            .trim_end_matches('.');
        let known = TABLES.iter().any(|known| {
            let name = if known.is_later() { None } else { Some(name) };
            known.name == table && name.is_none_or(|name| known.shape(name) == Some(Shape::Later))
        });
        assert!(known, "{key}");
    }
}
