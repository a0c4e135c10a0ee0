//! The configuration that the Debian package installs is true: as it comes no daemon starts on it, and with the marks of its
//! examples taken away it loads.

use super::environment::Surroundings;
use super::load::load_among;
use super::testing::write_secret;
use super::{Problems, Settings};

const SAMPLE: &str = include_str!("../../../../deploy/debian/ninetosix.toml");

fn loaded(text: &str) -> Result<Settings, Problems> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ninetosix.toml");
    std::fs::write(&path, text).expect("written");
    for name in ["mail.password", "db.password"] {
        write_secret(&dir.path().join(name), "hunter2\n");
    }
    load_among(&path, &Surroundings::of(&[]))
}

#[test]
fn as_installed_it_asks_for_a_mailbox_and_a_specialist_and_for_nothing_else() {
    let Err(problems) = loaded(SAMPLE) else {
        unreachable!("nobody's mailbox is read");
    };
    let words = problems.to_string();
    assert_eq!(words.lines().count(), 2, "{words}");
    assert!(
        words.contains("[[mailbox]]") && words.contains("[[specialist]]"),
        "{words}"
    );
}

#[test]
fn its_examples_load() {
    // Examples follow their mark at once, explanations after a space.
    let is_example = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
    let text: Vec<&str> = SAMPLE
        .lines()
        .map(|line| match Some(line).filter(is_example) {
            Some(example) => &example[1..],
            None => line,
        })
        .collect();
    let settings = loaded(&text.join("\n"))
        .unwrap_or_else(|problems| unreachable!("the examples must load:\n{problems}"));
    assert_eq!(settings.mailboxes.len(), 1);
    assert_eq!(settings.specialists.len(), 1);
}
