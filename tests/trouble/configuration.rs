//! What operators get wrong before anything runs, and what `check` tells them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use super::support::daemon::command;
use super::support::{Desk, Engine, Lab, Program, on_both_engines};

const WRONG: &str = r#"
language = "ru"
[desk]
nmae = "АИС"
[database]
url = "sqlite:DIR/never.db"
[[mailbox]]
address = "not an address"
password_file = "missing.password"
imap = "imap://mail.school.example"
smtp = "smtps://localhost"
[hours]
mon-fri = ["18:00-09:00"]
[[specialist]]
login = "ivan"
address = "ivan@school.test"
name = 7
"#;

fn both(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

#[test]
fn all_that_is_wrong_is_said_at_once_a_line_each_and_nothing_starts() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("ninetosix.toml");
    fs::write(
        &file,
        WRONG.replace("DIR", &dir.path().display().to_string()),
    )
    .expect("a file");
    for program in Program::BOTH {
        let output = command(program, &file, &["run"]);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for place in [
            "nmae",
            "mailbox[1].address",
            "mailbox[1].imap",
            "mailbox[1].password_file",
            "hours",
            "specialist[1].name",
        ] {
            let about = said
                .lines()
                .filter(|line| line.contains('✗') && line.contains(place))
                .count();
            assert_eq!(about, 1, "{place}:\n{said}");
        }
        assert!(
            said.contains("name"),
            "the nearest known key is named: {said}"
        );
        let started = ["token.key", "never.db"].map(|name| dir.path().join(name).exists());
        assert_eq!(started, [false, false], "nothing was begun");
    }
}

#[test]
fn a_file_that_is_not_there_is_a_wrong_configuration() {
    for program in Program::BOTH {
        let output = command(program, Path::new("/nowhere/ninetosix.toml"), &["run"]);
        assert_eq!(output.status.code(), Some(2), "{}", both(&output));
    }
}

/// Runs `check` as text and as JSON; both must end with `code`. Returns the text.
fn check(desk: &Desk, program: Program, code: i32) -> String {
    let text = desk.command(program, &["check"]);
    assert_eq!(
        text.status.code(),
        Some(code),
        "{}: {}",
        program.name(),
        both(&text)
    );
    let json = desk.command(program, &["check", "--json"]);
    assert_eq!(json.status.code(), Some(code), "{}", both(&json));
    let facts: Vec<serde_json::Value> = String::from_utf8_lossy(&json.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let bad = |fact: &&serde_json::Value| fact["verdict"] == "bad";
    assert_eq!(facts.iter().any(|fact| bad(&fact)), code == 1);
    for fact in facts.iter().filter(bad) {
        assert!(fact["cure"].is_string(), "every ✗ has its cure: {fact}");
    }
    both(&text)
}

fn spoil(desk: &Desk, what: &str, with: &str) {
    let file = desk.config_file();
    let text = fs::read_to_string(&file).expect("the configuration");
    assert!(text.contains(what), "{what}");
    fs::write(&file, text.replace(what, with)).expect("a configuration");
}

on_both_engines! {
    fn check_finds_what_is_broken_and_names_the_cure(engine) {
        for (language, mark) in [("ru", "проверьте"), ("en", "check")] {
            let mut desk = Desk::new(&Lab::shared(), engine, |config| config.language = language.to_owned());
            for program in Program::BOTH {
                let said = check(&desk, program, 0);
                assert!(!said.contains('✗'), "{said}");
            }
            // The password: what IMAP and SMTP say is the operator's to mend.
            fs::write(desk.dir().join("mail.password"), "wrong").expect("a password");
            for (program, place) in [(Program::Poller, "✗ IMAP"), (Program::Worker, "✗ SMTP")] {
                let said = check(&desk, program, 1);
                assert!(said.contains(place) && said.contains("password_file") && said.contains(mark), "{said}");
                assert!(!said.contains("wrong"), "a password is never shown: {said}");
            }
            fs::write(desk.dir().join("mail.password"), "secret").expect("a password");

            // The token key: a daemon with this one would not start.
            let key = desk.dir().join("token.key");
            let whole = fs::read(&key).ok();
            fs::write(&key, "12 34\n").expect("a key");
            fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("permissions");
            for program in Program::BOTH {
                assert!(check(&desk, program, 1).contains("token.key"));
            }
            match whole {
                Some(whole) => fs::write(&key, whole).expect("the key again"),
                None => fs::remove_file(&key).expect("no key"),
            }

            // The submission server's port, where nobody listens.
            let submissions = desk.lab.variable("MAILLAB_SUBMISSIONS_PORT").to_owned();
            spoil(&desk, &format!("smtps://localhost:{submissions}"), "smtps://localhost:1");
            for program in Program::BOTH {
                let said = check(&desk, program, 1);
                assert!(said.contains("✗ SMTP") && said.contains(mark), "{said}");
                assert!(!said.contains("✗ IMAP"), "{said}");
            }
            desk.reconfigure(|_| {});

            // The database.
            let url = desk.database.url();
            let elsewhere = match url.starts_with("sqlite:") {
                true => "sqlite:/nowhere/ninetosix.db".to_owned(),
                false => "postgres://postgres@127.0.0.1:1/nothing".to_owned(),
            };
            spoil(&desk, &url, &elsewhere);
            // A PostgreSQL that is away is tried for ten seconds: one look a language is enough.
            let program = if language == "ru" { Program::Poller } else { Program::Worker };
            let output = desk.command(program, &["check"]);
            let said = both(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.matches('✗').count() == 1 && said.contains("database.url"), "{said}");
        }
    }
}
