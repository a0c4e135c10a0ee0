//! A real Dovecot, which a mail lab provides.
//!
//! Off unless `NINETOSIX_TEST_IMAP_LAB` names the directory of a lab that these tests may stop and freeze:
//!
//! ```text
//! tests/support/maillab/maillab up /var/tmp/imap-lab
//! NINETOSIX_TEST_IMAP_LAB=/var/tmp/imap-lab cargo test -p ninetosix-poller --lib lab_
//! ```

use std::collections::HashMap;
use std::future::ready;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use ninetosix_core::oauth::Login;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};

use super::{Connection, Envelope, ImapServer, RawMail, Security};

/// The lab may be frozen by one test at a time.
static LAB: Mutex<()> = Mutex::const_new(());

/// A running mail lab, ours alone for the length of a test.
pub(super) struct Lab {
    dir: PathBuf,
    vars: HashMap<String, String>,
    accounts: HashMap<String, String>,
    _alone: MutexGuard<'static, ()>,
}

fn pairs(text: &str, separator: char) -> HashMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once(separator));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

impl Lab {
    /// The lab, or `None` where there is none.
    pub(super) async fn find() -> Option<Self> {
        let Some(dir) = std::env::var_os("NINETOSIX_TEST_IMAP_LAB").map(PathBuf::from) else {
            println!("not run: NINETOSIX_TEST_IMAP_LAB names no lab");
            return None;
        };
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).expect("a running lab");
        Some(Self {
            vars: pairs(&read("env"), '='),
            accounts: pairs(&read("accounts"), ':'),
            dir,
            _alone: LAB.lock().await,
        })
    }

    pub(super) fn port(&self, name: &str) -> u16 {
        self.vars[name].parse().expect("a port")
    }

    /// The account of a person, over TLS with the lab's own CA.
    pub(super) fn server(&self, user: &str, security: Security) -> ImapServer {
        let port = match security {
            Security::Implicit => "MAILLAB_IMAPS_PORT",
            Security::StartTls | Security::PlainLoopback => "MAILLAB_IMAP_PORT",
        };
        ImapServer {
            host: "localhost".to_owned(),
            port: self.port(port),
            security,
            tls: self.tls(),
            user: user.to_owned(),
            login: Login::Password(self.accounts[user].clone().into()),
            mute: Default::default(),
        }
    }

    fn tls(&self) -> Arc<rustls::ClientConfig> {
        use rustls::pki_types::pem::PemObject as _;
        let ca = CertificateDer::from_pem_file(&self.vars["MAILLAB_CA"]).expect("the lab's CA");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }

    pub(super) async fn open(&self, user: &str) -> Connection {
        let server = self.server(user, Security::Implicit);
        Connection::open(&server).await.expect("logged in")
    }

    /// Delivers messages by LMTP, all in one go.
    pub(super) async fn deliver(&self, user: &str, messages: impl IntoIterator<Item = String>) {
        let address = ("127.0.0.1", self.port("MAILLAB_LMTP_PORT"));
        let mut lmtp = BufReader::new(TcpStream::connect(address).await.expect("LMTP"));
        converse(&mut lmtp, "", "220").await;
        converse(&mut lmtp, "LHLO desk\r\n", "250").await;
        for message in messages {
            converse(&mut lmtp, "MAIL FROM:<rita@family.test>\r\n", "250").await;
            converse(&mut lmtp, &format!("RCPT TO:<{user}>\r\n"), "250").await;
            converse(&mut lmtp, "DATA\r\n", "354").await;
            converse(&mut lmtp, &format!("{message}.\r\n"), "250").await;
        }
    }

    /// Freezes, thaws, stops or starts Dovecot.
    pub(super) async fn dovecot(&self, verb: &str) {
        let lab = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/support/maillab/maillab"
        );
        let mut command = Command::new(lab);
        command
            .arg(verb)
            .arg(&self.dir)
            .arg("dovecot")
            .stdout(Stdio::null());
        assert!(
            command.status().await.expect("maillab runs").success(),
            "{verb}"
        );
    }
}

/// Sends and reads the answer to its last line.
async fn converse(lmtp: &mut BufReader<TcpStream>, bytes: &str, code: &str) {
    lmtp.write_all(bytes.as_bytes())
        .await
        .expect("LMTP listens");
    loop {
        let mut line = String::new();
        lmtp.read_line(&mut line).await.expect("LMTP answers");
        assert!(line.starts_with(code), "{line}");
        if line.as_bytes().get(3) == Some(&b' ') {
            return;
        }
    }
}

/// A message of about this size, with CRLF line ends.
pub(super) fn message(number: usize, size: usize) -> String {
    let head = format!(
        "From: Rita <rita@family.test>\r\nTo: support@school.test\r\nSubject: Message {number}\r\n\
         Message-ID: <{number}@family.test>\r\nDate: Mon, 3 Feb 2025 12:00:00 +0300\r\n\r\n"
    );
    let body = "{600000000}\r\n((((((( A0001 OK * BYE, some lines that look like IMAP\r\n";
    head + &body.repeat(size / body.len() + 1)
}

pub(super) async fn whole(
    connection: &mut Connection,
    messages: &[Envelope],
) -> Vec<(u32, Vec<u8>)> {
    let mut taken = Vec::new();
    let take = |message: RawMail| {
        taken.push((message.uid, message.bytes));
        ready(())
    };
    let missing = connection
        .fetch_bodies(messages, take)
        .await
        .expect("fetched");
    assert_eq!(missing, [0; 0]);
    taken
}

/// A TCP port that cuts, with a reset, every connection that has carried this many bytes back.
pub(super) async fn cutting_proxy(port: u16, bytes: u64) -> u16 {
    use tokio::io::AsyncReadExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let own = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.expect("a client");
            let server = TcpStream::connect(("127.0.0.1", port))
                .await
                .expect("the server");
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.into_split();
                let (from_server, mut to_server) = server.into_split();
                let mut cut = from_server.take(bytes);
                tokio::select! {
                    _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
                    _ = tokio::io::copy(&mut cut, &mut to_client) => {}
                }
            });
        }
    });
    own
}
