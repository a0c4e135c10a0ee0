//! A desk's configuration in a directory of its own, and the worker's commands run in it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The exit code, what was printed, and what was complained of.
pub(crate) type Answer = (Option<i32>, String, String);

pub(crate) struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    /// A configuration in English that keeps the usual hours.
    pub(crate) fn new() -> Desk {
        let dir = tempfile::tempdir().expect("a directory");
        let desk = Desk { dir };
        desk.write("mail.password", "secret");
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(desk.path("mail.password"), private).expect("set");
        desk.hours("");
        desk
    }

    /// The same with these lines in `[hours]`, and tables after them.
    pub(crate) fn hours(&self, hours: &str) {
        let toml = format!(
            "language = \"en\"\n[database]\nurl = \"sqlite:desk.db\"\n[identity]\nrequire = \"token\"\n[[mailbox]]\n\
             address = \"help@school.example\"\npassword_file = \"mail.password\"\nimap = \"imaps://imap.school.example\"\n\
             smtp = \"smtps://smtp.school.example\"\n[[specialist]]\nlogin = \"ivan\"\nname = \"Ivan\"\naddress = \"ivan@school.example\"\n\
             [hours]\n{hours}\n"
        );
        self.write("ninetosix.toml", &toml);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).expect("a directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into()).collect();
        names.sort();
        names
    }

    /// Runs a command with this configuration and this input.
    pub(crate) fn ask(&self, input: &str, arguments: &[&str]) -> Answer {
        let mut child = Command::new(Path::new(env!("CARGO_BIN_EXE_ninetosix-worker")))
            .args(["--config", "ninetosix.toml"])
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdin = child.stdin.take().expect("piped");
        // A program that refuses reads nothing, and the pipe breaks.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}
