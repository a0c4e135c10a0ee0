//! A server that gives out access tokens, with the mail server's certificate.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::lab::Lab;

/// The server, as long as the test lives.
#[derive(Debug)]
pub(crate) struct TokenServer {
    /// Where it listens on loopback.
    pub(crate) port: u16,
    dir: TempDir,
    child: Child,
}

impl TokenServer {
    /// Starts it; it has an answer before anybody asks.
    pub(crate) fn start(lab: &Lab, status: u16, body: &str) -> TokenServer {
        let dir = tempfile::tempdir().expect("a directory");
        answer(dir.path(), status, body);
        let tls = Path::new(lab.variable("MAILLAB_CA")).with_file_name("server");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/tokens.py");
        let mut child = Command::new("python3")
            .arg(program)
            .arg(dir.path())
            .args([tls.with_extension("pem"), tls.with_extension("key")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut port = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        said.read_line(&mut port).expect("it says its port");
        let port = port.trim().parse().expect("a port");
        TokenServer { port, dir, child }
    }

    /// From now on it answers with this.
    pub(crate) fn answers(&self, status: u16, body: &str) {
        answer(self.dir.path(), status, body);
    }

    /// The requests it had, as forms.
    pub(crate) fn heard(&self) -> Vec<String> {
        let heard = fs::read_to_string(self.dir.path().join("heard"));
        heard
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The table of a mailbox that asks here, with this file of a secret.
    pub(crate) fn table(&self, secret_file: &str) -> String {
        table(self.port, secret_file)
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The table of a mailbox that asks at this port of loopback.
pub(crate) fn table(port: u16, secret_file: &str) -> String {
    format!(
        "[mailbox.oauth]\ntoken_url = \"https://localhost:{port}/token\"\nclient_id = \"desk\"\nclient_secret_file = \"{secret_file}\"\n"
    )
}

/// An answer that gives this token for so many seconds.
pub(crate) fn token(token: &str, seconds: u32) -> String {
    format!("{{\"token_type\":\"Bearer\",\"expires_in\":{seconds},\"access_token\":\"{token}\"}}")
}

/// Put in place at once: somebody may be reading.
fn answer(dir: &Path, status: u16, body: &str) {
    let new = dir.join("answer.new");
    fs::write(&new, format!("{status}\n{body}")).expect("an answer");
    fs::rename(&new, dir.join("answer")).expect("an answer");
}
