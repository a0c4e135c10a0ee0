//! `init` as an operator meets it: on a terminal and from a pipe, and what it writes is tried against the mail server.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::support::lab::address;
use super::support::{Lab, Program};

/// Runs a command of the poller with these words on its standard input.
fn poller(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    run(&[], arguments, environment, input)
}

/// The same as an argument of another program.
fn run(wrapper: &[&str], arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    let path = Program::Poller.path();
    let mut words = wrapper.to_vec();
    words.push(path.to_str().expect("a plain path"));
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("piped");
    // A program that refuses reads nothing, and the pipe breaks.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// The answers of somebody whose mailbox is in the lab.
fn answers(lab: &Lab, password: &str) -> String {
    let number = lab.number();
    let [help, ivan] = ["help", "ivan"].map(|name| address(name, number, "school.test"));
    let port = |name: &str| lab.variable(name).to_owned();
    format!(
        "{help}\n5\nimaps://localhost:{}\nlocalhost:{}\n{}\n{password}\nИван Смирнов <{ivan}>\nСлужба поддержки АИС\n",
        port("MAILLAB_IMAPS_PORT"),
        port("MAILLAB_SUBMISSIONS_PORT"),
        lab.variable("MAILLAB_CA"),
    )
}

#[test]
fn what_init_writes_passes_check_against_the_mail_server() {
    let lab = Lab::shared();
    for (language, next) in [("ru", "Теперь проверьте"), ("en", "Now try it")] {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("ninetosix.toml");
        let place = file.to_str().expect("a plain path");
        let init = ["init", "--output", place, "--language", language];
        let output = poller(&init, &[], &answers(&lab, "secret"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(
            said.contains(next) && said.contains(&format!("check --config {place}")),
            "{said}"
        );
        assert!(!said.contains("secret"), "{said}");
        let database = format!("sqlite:{}/desk.db", dir.path().display());
        let environment = [("NINETOSIX__DATABASE__URL", database.as_str())];
        let check = poller(&["check", "--config", place], &environment, "");
        let said = String::from_utf8_lossy(&check.stdout);
        assert_eq!(check.status.code(), Some(0), "{check:?}");
        assert!(
            !said.contains('✗') && said.contains("IMAP localhost"),
            "{said}"
        );
        assert!(!dir.path().join("desk.db").exists(), "check makes nothing");

        // A second time nothing is written over, and nothing is asked.
        let before = fs::read(&file).expect("there");
        let again = poller(&init, &[], &answers(&lab, "other"));
        assert_eq!(again.status.code(), Some(1), "{again:?}");
        assert!(again.stdout.is_empty(), "{again:?}");
        assert_eq!(fs::read(&file).expect("there"), before);
    }
}

#[test]
fn a_password_that_is_typed_is_not_shown() {
    let lab = Lab::shared();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("ninetosix.toml");
    let answers = answers(&lab, "canary-Passw0rd");
    let mut terminal = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/terminal.py"))
        .arg(Program::Poller.path())
        .args(["init", "--output"])
        .arg(&file)
        .env("LANG", "ru_RU.UTF-8")
        .env_remove("LC_ALL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut stdin = terminal.stdin.take().expect("piped");
    stdin.write_all(answers.as_bytes()).expect("it reads");
    drop(stdin);
    let output = terminal.wait_with_output().expect("it ends");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    assert!(
        shown.contains("Иван Смирнов") && shown.contains("Теперь проверьте"),
        "{shown}"
    );
    assert!(!shown.contains("canary"), "{shown}");
    let secret = fs::read_to_string(dir.path().join("mail.password")).expect("there");
    assert_eq!(secret, "canary-Passw0rd\n");
}

#[test]
fn what_root_writes_the_service_can_read_and_nobody_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    let passwd = path("passwd");
    let system = fs::read_to_string("/etc/passwd").expect("there");
    fs::write(
        &passwd,
        format!("{system}ninetosix:x:4321:4322::/:/usr/sbin/nologin\n"),
    )
    .expect("written");
    let with_user = format!(
        "mount --bind {} /etc/passwd && exec \"$@\"",
        passwd.display()
    );
    let with_user = ["/usr/bin/unshare", "--mount", "sh", "-c", &with_user, "sh"];
    let file = path("ninetosix.toml");
    let init = ["init", "--output", file.to_str().expect("a plain path")];
    let environment = [("PATH", "/usr/bin:/bin")];
    let output = run(
        &with_user,
        &init,
        &environment,
        &answers(&Lab::shared(), "secret"),
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let facts = |file: &Path| {
        let meta = fs::metadata(file).expect("there");
        (meta.uid(), meta.gid(), meta.mode() & 0o777)
    };
    assert_eq!(facts(&file), (0, 4322, 0o640));
    assert_eq!(facts(&path("mail.password")), (4321, 4322, 0o600));
}
