//! A scripted IMAP server on a loopback port of its own, for what a real one cannot be made to do.
//!
//! A script is an async closure over one [`Peer`], the accepted connection. It runs beside the test,
//! which awaits it at the end, so that an expectation missed on the server's side fails the test too.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use ninetosix_core::oauth::{Credential, Login};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Connection, Envelope, ImapError, ImapServer, Limits, RawMail, Security, Timeouts};

/// What the fake servers offer unless a script says otherwise.
pub(super) const CAPABILITIES: &str = "IMAP4rev1 IDLE MOVE UIDPLUS";

/// A TLS configuration that believes nobody.
pub(super) fn no_roots() -> Arc<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has TLS 1.2 and 1.3")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Arc::new(config)
}

/// Limits small enough to reach.
pub(super) fn small_limits() -> Limits {
    Limits {
        max_literal: 100_000,
        max_untagged: 500,
        part: 1000,
        ..Limits::default()
    }
}

/// Waits short enough to sit through.
pub(super) fn short_timeouts() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(2),
        tls: Duration::from_millis(300),
        greeting: Duration::from_millis(300),
        read: Duration::from_millis(300),
        command: Duration::from_secs(3),
        done: Duration::from_millis(300),
        logout: Duration::from_millis(300),
    }
}

/// The accepted connection, as the server sees it.
pub(super) struct Peer {
    stream: BufReader<TcpStream>,
    /// The tag of the command heard last.
    pub(super) tag: String,
}

/// Starts a server that plays `script` with the first client that comes.
pub(super) async fn fake<F, T>(script: F) -> (ImapServer, JoinHandle<()>)
where
    F: FnOnce(Peer) -> T + Send + 'static,
    T: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = ImapServer {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().expect("it is bound").port(),
        security: Security::PlainLoopback,
        tls: no_roots(),
        user: "support@school.test".to_owned(),
        login: Login::Password("s3cret \"word\\".into()),
        mute: Default::default(),
    };
    let playing = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("the client comes");
        let peer = Peer {
            stream: BufReader::new(stream),
            tag: String::new(),
        };
        script(peer).await;
    });
    (server, playing)
}

/// Starts a server that lets the client log in, then plays `script`; and logs in.
pub(super) async fn logged_in<F, T>(script: F) -> (Connection, JoinHandle<()>)
where
    F: FnOnce(Peer) -> T + Send + 'static,
    T: Future<Output = ()> + Send,
{
    let (server, playing) = fake(|mut peer| async move {
        peer.log_in(CAPABILITIES).await;
        script(peer).await;
    })
    .await;
    (open(&server).await.expect("logged in"), playing)
}

/// Opens with short timeouts and small limits.
pub(super) async fn open(server: &ImapServer) -> Result<Connection, ImapError> {
    Connection::open_with(server, short_timeouts(), small_limits()).await
}

/// The same with something else to show.
pub(super) async fn open_as(
    server: &ImapServer,
    credential: &Credential,
) -> Result<Connection, ImapError> {
    Connection::open_as(server, credential, short_timeouts(), small_limits()).await
}

impl Peer {
    /// Sends bytes as they are. A client that left meanwhile is no failure of the script.
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// Sends lines, separated by `|`, with `TAG` for the tag of the command heard last.
    pub(super) async fn say(&mut self, lines: &str) {
        for line in lines.split('|') {
            let line = line.replace("TAG", &self.tag);
            self.send(format!("{line}\r\n")).await;
        }
    }

    /// The next command without its tag, or "" when the client is gone.
    pub(super) async fn hear(&mut self) -> String {
        let line = self.hear_line().await;
        let (tag, command) = line.split_once(' ').unwrap_or_default();
        self.tag = tag.to_owned();
        command.to_owned()
    }

    /// The next line, or "" when the client is gone.
    pub(super) async fn hear_line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.stream.read_line(&mut line).await;
        line.trim_end_matches("\r\n").to_owned()
    }

    /// The next bytes, this many.
    pub(super) async fn hear_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream
            .read_exact(&mut bytes)
            .await
            .expect("the client sends them");
        bytes
    }

    /// Hears this very command, and answers it with these lines.
    pub(super) async fn on(&mut self, command: &str, lines: &str) {
        assert_eq!(self.hear().await, command);
        self.say(lines).await;
    }

    /// Greets, tells these capabilities and takes the password.
    pub(super) async fn log_in(&mut self, capabilities: &str) {
        let told = format!("* CAPABILITY {capabilities}|TAG OK told");
        self.say("* OK at your service").await;
        self.on("CAPABILITY", &told).await;
        self.on(
            r#"LOGIN "support@school.test" "s3cret \"word\\""#,
            "TAG OK welcome",
        )
        .await;
        self.on("CAPABILITY", &told).await;
    }

    /// Opens INBOX with this many messages.
    pub(super) async fn select(&mut self, exists: u32) {
        let lines = format!(
            "* {exists} EXISTS|* 0 RECENT|* OK [UIDVALIDITY 7] ok|TAG OK [READ-WRITE] open"
        );
        self.on("SELECT \"INBOX\"", &lines).await;
    }

    /// Waits until the client closes; what it sent before, without LOGOUT.
    pub(super) async fn rest(mut self) -> String {
        let mut rest = Vec::new();
        // A reset ends the conversation as well as a close does.
        let _ = self.stream.read_to_end(&mut rest).await;
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// A message not yet fetched.
pub(super) fn envelope(uid: u32, size: u32) -> Envelope {
    Envelope {
        uid,
        size,
        internal_date: None,
    }
}

/// Fetches bodies into a list; also what was missing, or the error.
pub(super) async fn bodies(
    connection: &mut Connection,
    messages: &[Envelope],
) -> (Vec<RawMail>, Result<Vec<u32>, ImapError>) {
    let mut taken = Vec::new();
    let missing = connection
        .fetch_bodies(messages, |message| {
            taken.push(message);
            ready(())
        })
        .await;
    (taken, missing)
}

/// Whose they are.
pub(super) fn uids(messages: &[RawMail]) -> Vec<u32> {
    messages.iter().map(|message| message.uid).collect()
}

/// The connection is spent, and says so without a word to the server.
pub(super) async fn assert_spent(connection: &mut Connection) {
    assert!(matches!(connection.noop().await, Err(ImapError::Lost(_))));
    assert!(matches!(
        connection.search_from(1).await,
        Err(ImapError::Lost(_))
    ));
    assert!(matches!(
        connection.idle(Duration::from_secs(2), pending()).await,
        Err(ImapError::Lost(_))
    ));
}
