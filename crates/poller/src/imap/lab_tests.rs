//! The same against a real Dovecot, which a mail lab provides.
//!
//! Off unless `NINETOSIX_MAILLAB` names the directory of a running lab:
//!
//! ```text
//! maillab up /var/tmp/lab --dovecot 'imap_idle_notify_interval = 2 secs'
//! NINETOSIX_MAILLAB=/var/tmp/lab NINETOSIX_MAILLAB_SCRIPT=…/maillab cargo test lab_ -- --nocapture
//! ```

#![allow(
    clippy::disallowed_methods,
    reason = "it compares with the server's own clock"
)]

use std::collections::HashMap;
use std::future::{pending, ready};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};

use super::fake_server::no_roots;
use super::{
    Connection, Envelope, IdleEnd, ImapError, ImapServer, Limits, Role, Security, Stage, Timeouts,
};

/// The lab may be frozen by one test at a time.
static LAB: Mutex<()> = Mutex::const_new(());

struct Lab {
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
    async fn find() -> Option<Self> {
        let Some(dir) = std::env::var_os("NINETOSIX_MAILLAB").map(PathBuf::from) else {
            println!("not run: NINETOSIX_MAILLAB names no lab");
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

    fn port(&self, name: &str) -> u16 {
        self.vars[name].parse().expect("a port")
    }

    /// The account of a person, over TLS with the lab's own CA.
    fn server(&self, user: &str, security: Security) -> ImapServer {
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
            password: self.accounts[user].clone().into(),
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

    async fn open(&self, user: &str) -> Connection {
        let server = self.server(user, Security::Implicit);
        Connection::open(&server).await.expect("logged in")
    }

    /// Delivers messages by LMTP, all in one go.
    async fn deliver(&self, user: &str, messages: impl IntoIterator<Item = String>) {
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
    async fn dovecot(&self, verb: &str) {
        let lab = std::env::var_os("NINETOSIX_MAILLAB_SCRIPT").unwrap_or_else(|| "maillab".into());
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
fn message(number: usize, size: usize) -> String {
    let head = format!(
        "From: Rita <rita@family.test>\r\nTo: support@school.test\r\nSubject: Message {number}\r\n\
         Message-ID: <{number}@family.test>\r\nDate: Mon, 3 Feb 2025 12:00:00 +0300\r\n\r\n"
    );
    let body = "{600000000}\r\n((((((( A0001 OK * BYE, some lines that look like IMAP\r\n";
    head + &body.repeat(size / body.len() + 1)
}

async fn whole(connection: &mut Connection, messages: &[Envelope]) -> Vec<(u32, Vec<u8>)> {
    let mut taken = Vec::new();
    let take = |message: super::RawMail| {
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
async fn cutting_proxy(port: u16, bytes: u64) -> u16 {
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

#[tokio::test]
async fn lab_login_over_tls_starttls_and_in_plain_text_to_this_machine() {
    let Some(lab) = Lab::find().await else { return };
    for security in [Security::Implicit, Security::StartTls] {
        let connection = Connection::open(&lab.server("anna@school.test", security)).await;
        let connection = connection.expect("logged in");
        assert!(connection.supports_idle() && connection.supports_move());
        connection.logout().await;
    }
    // Dovecot's `disable_plaintext_auth` does not hold on loopback, where it counts as secured.
    let plain = Connection::open(&lab.server("anna@school.test", Security::PlainLoopback)).await;
    assert!(
        matches!(plain, Ok(_) | Err(ImapError::NoLoginMethod(_))),
        "{:?}",
        plain.err()
    );
}

#[tokio::test]
async fn lab_a_wrong_password_and_an_unknown_ca_are_told_apart() {
    let Some(lab) = Lab::find().await else { return };
    for password in ["wrong", "невер\"ный\\", "a\r\nb {5}"] {
        let mut server = lab.server("anna@school.test", Security::Implicit);
        server.password = password.into();
        match Connection::open(&server).await.err() {
            Some(ImapError::AuthRefused(text)) => {
                assert!(text.contains("Authentication failed"), "{text}")
            }
            other => unreachable!("{other:?}"),
        }
    }
    for security in [Security::Implicit, Security::StartTls] {
        let mut server = lab.server("anna@school.test", security);
        server.tls = no_roots();
        let error = Connection::open(&server).await.err();
        assert!(
            matches!(
                error,
                Some(ImapError::Tls {
                    certificate: true,
                    ..
                })
            ),
            "{error:?}"
        );
        // The right CA, another name.
        let mut server = lab.server("anna@school.test", security);
        server.host = "ip6-localhost".to_owned();
        let error = Connection::open(&server).await.err();
        let name = matches!(
            error,
            Some(ImapError::Tls {
                certificate: true,
                ..
            })
        );
        assert!(
            name || matches!(error, Some(ImapError::Unreachable(_))),
            "{error:?}"
        );
    }
    let mut server = lab.server("anna@school.test", Security::Implicit);
    server.port = lab.port("MAILLAB_IMAP_PORT");
    let error = Connection::open(&server).await.err();
    assert!(
        matches!(
            error,
            Some(ImapError::Tls {
                certificate: false,
                ..
            })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn lab_a_thousand_messages_are_listed_fetched_marked_and_moved() {
    let Some(lab) = Lab::find().await else { return };
    let user = "support@school.test";
    let mut connection = lab.open(user).await;
    let before = connection
        .select("INBOX")
        .await
        .expect("open")
        .uidnext
        .expect("Dovecot tells");
    lab.deliver(user, (0..1000).map(|number| message(number, 20_000)))
        .await;
    let selected = connection.select("INBOX").await.expect("open");
    let uids = connection.search_from(before).await.expect("found");
    assert_eq!(
        (uids.len(), uids.first(), uids.last()),
        (1000, Some(&before), Some(&(before + 999)))
    );
    assert_eq!(selected.uidnext, Some(before + 1000));
    assert_eq!(
        connection.search_from(before + 1000).await.expect("found"),
        [0; 0]
    );

    let headers = connection
        .fetch_headers(&uids, "MESSAGE-ID")
        .await
        .expect("headers");
    assert_eq!(headers.len(), 1000);
    assert_eq!(headers[7].lines, b"Message-ID: <7@family.test>\r\n\r\n");
    let sizes = connection.fetch_sizes(&uids).await.expect("sizes");
    assert_eq!(
        headers
            .iter()
            .map(|header| header.envelope)
            .collect::<Vec<_>>(),
        sizes
    );
    let age = chrono::Utc::now() - sizes[0].internal_date.expect("a date");
    assert!(age.num_minutes().abs() < 5, "{age}");

    let begun = Instant::now();
    let messages = whole(&mut connection, &sizes).await;
    println!("1000 messages of 20 KB in {:?}", begun.elapsed());
    assert_eq!(messages.len(), 1000);
    for (number, (envelope, (uid, raw))) in sizes.iter().zip(&messages).enumerate() {
        assert_eq!((envelope.uid, envelope.size as usize), (*uid, raw.len()));
        assert!(
            raw.ends_with(message(number, 20_000).as_bytes()),
            "served as delivered"
        );
    }

    connection
        .store_flags(&uids, r"+FLAGS.SILENT (\Seen)")
        .await
        .expect("marked");
    connection
        .move_to(&uids[..500], "Archive")
        .await
        .expect("moved");
    assert_eq!(
        connection.search_from(before).await.expect("found"),
        uids[500..]
    );
    let gone = [sizes[0], sizes[999]];
    let mut taken = 0;
    let missing = connection
        .fetch_bodies(&gone, |_| {
            taken += 1;
            ready(())
        })
        .await
        .expect("OK");
    assert_eq!((taken, missing), (1, vec![uids[0]]));
    let error = connection
        .move_to(&uids[500..], "Нет такой папки")
        .await
        .expect_err("no such folder");
    assert!(
        matches!(
            error,
            ImapError::No {
                command: "UID MOVE",
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn lab_a_message_above_eight_mebibytes_comes_in_parts_and_whole() {
    let Some(lab) = Lab::find().await else { return };
    let user = "ivan@school.test";
    let mut connection = lab.open(user).await;
    let before = connection
        .select("INBOX")
        .await
        .expect("open")
        .uidnext
        .expect("Dovecot tells");
    let sent = message(1, 20 * 1024 * 1024);
    lab.deliver(user, [sent.clone()]).await;
    connection.noop().await.expect("fresh");
    let uids = connection.search_from(before).await.expect("found");
    let sizes = connection.fetch_sizes(&uids).await.expect("sizes");
    let messages = whole(&mut connection, &sizes).await;
    assert_eq!(messages[0].1.len(), sizes[0].size as usize);
    assert!(messages[0].1.ends_with(sent.as_bytes()));
    let start = connection
        .fetch_start(uids[0], 1000)
        .await
        .expect("OK")
        .expect("there");
    assert_eq!(start, messages[0].1[..1000]);
    assert_eq!(
        connection.fetch_start(uids[0] + 1, 1000).await.expect("OK"),
        None
    );

    // The same in one literal, which a lower cap refuses.
    for (cap, fits) in [(30 * 1024 * 1024, true), (10 * 1024 * 1024, false)] {
        let limits = Limits {
            part: u32::MAX,
            ..Limits::for_messages_up_to(cap)
        };
        let server = lab.server(user, Security::Implicit);
        let mut connection = Connection::open_with(&server, Timeouts::default(), limits)
            .await
            .expect("logged in");
        connection.select("INBOX").await.expect("open");
        let lying = Envelope {
            size: 1,
            ..sizes[0]
        };
        let fetched = connection.fetch_bodies(&[lying], |_| ready(())).await;
        assert_eq!(fetched.is_ok(), fits, "{fetched:?}");
    }
}

#[tokio::test]
async fn lab_idle_wakes_up() {
    let Some(lab) = Lab::find().await else { return };
    let user = "head@school.test";
    let mut connection = lab.open(user).await;
    let selected = connection.select("INBOX").await.expect("open");
    let quiet = connection.idle(Duration::from_secs(1), pending()).await;
    assert_eq!(quiet.expect("quiet"), IdleEnd::Timeout);
    let (woken, delivered) = tokio::join!(
        async {
            let end = connection.idle(Duration::from_secs(30), pending()).await;
            (end, Instant::now())
        },
        async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            lab.deliver(user, [message(1, 100)]).await;
            Instant::now()
        }
    );
    assert_eq!(woken.0.expect("woken"), IdleEnd::NewMail);
    println!(
        "woken {:?} after delivery",
        woken.1.saturating_duration_since(delivered)
    );
    let uids = connection
        .search_from(selected.uidnext.expect("told"))
        .await
        .expect("found");
    assert_eq!(uids.len(), 1);

    let stop = tokio::time::sleep(Duration::from_millis(200));
    let stopped = connection.idle(Duration::from_secs(30), stop).await;
    assert_eq!(stopped.expect("stopped"), IdleEnd::Stopped);
    assert!(!connection.noop().await.expect("still usable"));
}

#[tokio::test]
async fn lab_special_folders_and_names_beyond_ascii() {
    let Some(lab) = Lab::find().await else { return };
    let mut connection = lab.open("student@family.test").await;
    assert_eq!(
        connection
            .list_special(Role::Junk)
            .await
            .expect("listed")
            .as_deref(),
        Some("Junk")
    );
    connection.select("Junk").await.expect("open");
    let error = connection
        .select("Обработано")
        .await
        .expect_err("not there");
    assert!(
        matches!(
            error,
            ImapError::No {
                command: "SELECT",
                ..
            }
        ),
        "{error:?}"
    );
    let mut connection = lab.open("student@family.test").await;
    for folder in ["Обработано & \"готово\"", "台北 📮"] {
        let name = super::names::folder_argument(folder);
        // It may be there from the last run.
        let created = connection.wire.command("CREATE", &name, 0, |_| {}).await;
        if created.is_err() {
            connection.wire.forgive();
        }
        connection
            .select(folder)
            .await
            .expect("the name arrived as it was");
    }
}

#[tokio::test]
async fn lab_a_frozen_or_vanished_server_is_left_in_time() {
    let Some(lab) = Lab::find().await else { return };
    let timeouts = Timeouts {
        tls: Duration::from_secs(2),
        greeting: Duration::from_secs(2),
        read: Duration::from_secs(2),
        done: Duration::from_secs(1),
        ..Timeouts::default()
    };
    let server = lab.server("parent@family.test", Security::Implicit);
    let open = || Connection::open_with(&server, timeouts, Limits::default());

    let mut selected = open().await.expect("logged in");
    selected.select("INBOX").await.expect("open");
    let mut idling = open().await.expect("logged in");
    idling.select("INBOX").await.expect("open");
    lab.dovecot("freeze").await;
    let begun = Instant::now();
    let (search, idle, login) = tokio::join!(
        selected.search_from(1),
        idling.idle(Duration::from_secs(1), pending()),
        open()
    );
    let waited = begun.elapsed();
    selected.logout().await;
    lab.dovecot("thaw").await;
    assert!(
        matches!(
            search,
            Err(ImapError::Timeout(Stage::Command("UID SEARCH")))
        ),
        "{search:?}"
    );
    assert!(
        matches!(idle, Err(ImapError::Timeout(Stage::Idle))),
        "{idle:?}"
    );
    let login = login.err();
    assert!(
        matches!(login, Some(ImapError::Timeout(Stage::Tls))),
        "{login:?}"
    );
    assert!(waited < Duration::from_secs(4), "{waited:?}");
    assert!(matches!(idling.noop().await, Err(ImapError::Lost(_))));

    // An orderly close, then nobody there, then all is well again.
    let mut idling = open().await.expect("logged in");
    idling.select("INBOX").await.expect("open");
    let (idle, ()) = tokio::join!(idling.idle(Duration::from_secs(20), pending()), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        lab.dovecot("stop").await;
    });
    assert!(
        matches!(idle, Err(ImapError::Lost(Stage::Idle))),
        "{idle:?}"
    );
    let nobody = open().await.err();
    assert!(
        matches!(nobody, Some(ImapError::Unreachable(_))),
        "{nobody:?}"
    );
    lab.dovecot("start").await;
    open().await.expect("back again").logout().await;
}

#[tokio::test]
async fn lab_a_connection_cut_at_any_byte_is_an_error_and_never_a_short_answer() {
    let Some(lab) = Lab::find().await else { return };
    let user = "catchall@school.test";
    let mut connection = lab.open(user).await;
    let before = connection
        .select("INBOX")
        .await
        .expect("open")
        .uidnext
        .expect("Dovecot tells");
    lab.deliver(user, (0..5).map(|number| message(number, 500)))
        .await;
    // Far enough in small steps for a cut in every answer, the last of them included.
    for bytes in (200..100_000).step_by(197) {
        let mut server = lab.server(user, Security::Implicit);
        server.port = cutting_proxy(server.port, bytes).await;
        let conversation = async {
            let mut connection = Connection::open(&server).await?;
            connection.select("INBOX").await?;
            let uids = connection.search_from(before).await?;
            assert_eq!(uids.len(), 5, "a short search");
            let sizes = connection.fetch_sizes(&uids).await?;
            assert_eq!(sizes.len(), 5, "a short list");
            let missing = connection.fetch_bodies(&sizes, |_| ready(())).await?;
            assert_eq!(missing, [0; 0]);
            Ok::<(), ImapError>(())
        };
        match conversation.await {
            Ok(()) => return,
            Err(
                ImapError::Lost(_)
                | ImapError::Tls {
                    certificate: false, ..
                },
            ) => {}
            Err(other) => unreachable!("{bytes}: {other:?}"),
        }
    }
    unreachable!("the last conversation was cut too");
}
