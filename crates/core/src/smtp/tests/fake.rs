//! A scripted SMTP server: it says what it is told to say, and remembers what it heard.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

/// What the server does instead of its usual answer.
#[derive(Clone)]
pub(super) enum Say {
    Bytes(Vec<u8>),
    ThenClose(Vec<u8>),
    Hang,
    Close,
    /// Writes this again and again until the client has gone.
    Endless(&'static [u8]),
    /// Writes this and then never reads again, the connection open.
    Deaf(&'static [u8]),
}

pub(super) fn say(text: &str) -> Say {
    Say::Bytes(text.as_bytes().to_vec())
}

/// What one connection brought.
#[derive(Default, Clone, Debug)]
pub(super) struct Heard {
    /// Command lines, without CRLF.
    pub(super) commands: Vec<String>,
    /// Everything after each 354, as it was on the wire, up to and with the end of data if it came.
    pub(super) bodies: Vec<Vec<u8>>,
}

impl Heard {
    /// Commands that begin with this word.
    pub(super) fn count(&self, word: &str) -> usize {
        let starts = |line: &&String| line.starts_with(word);
        self.commands.iter().filter(starts).count()
    }
}

pub(super) struct Fake {
    pub(super) port: u16,
    heard: Arc<Mutex<Heard>>,
    task: JoinHandle<()>,
}

impl Fake {
    /// Serves one connection. The script names a step (`greeting`, `EHLO`, `AUTH`, `answer` to a challenge,
    /// `STARTTLS`, `MAIL`, `RCPT`, `DATA`, `.`, `RSET`, `QUIT`) and what to say there instead of the usual,
    /// one entry for each time the step comes.
    pub(super) async fn start(script: &[(&'static str, Say)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let mut steps: HashMap<&'static str, VecDeque<Say>> = HashMap::new();
        for (step, say) in script {
            steps.entry(step).or_default().push_back(say.clone());
        }
        let heard = Arc::new(Mutex::new(Heard::default()));
        let task = tokio::spawn({
            let heard = Arc::clone(&heard);
            async move {
                let (tcp, _) = listener.accept().await.expect("a client");
                // However the client leaves, what was heard is what counts.
                let _ = serve(tcp, steps, &heard).await;
            }
        });
        Self { port, heard, task }
    }

    /// What has been heard so far.
    pub(super) fn heard(&self) -> Heard {
        self.heard.lock().expect("not poisoned").clone()
    }

    /// Waits until the client has gone, and returns all that was heard.
    pub(super) async fn finish(self) -> Heard {
        timeout(Duration::from_secs(10), self.task)
            .await
            .expect("the client went away")
            .expect("the fake did not panic");
        self.heard.lock().expect("not poisoned").clone()
    }

    /// A look at what has been heard, for a future that outlives the borrow.
    pub(super) fn ear(&self) -> Arc<Mutex<Heard>> {
        Arc::clone(&self.heard)
    }
}

fn usual(step: &str) -> &'static str {
    match step {
        "greeting" => "220 fake.test ESMTP\r\n",
        "EHLO" => "250-fake.test\r\n250 SIZE 1000000\r\n",
        "AUTH" => "235 2.7.0 welcome\r\n",
        "STARTTLS" => "220 go on\r\n",
        "MAIL" => "250 2.1.0 ok\r\n",
        "RCPT" => "250 2.1.5 ok\r\n",
        "DATA" => "354 go on\r\n",
        "." => "250 2.0.0 queued as 1\r\n",
        "RSET" => "250 2.0.0 ok\r\n",
        "QUIT" => "221 2.0.0 bye\r\n",
        _ => "500 what?\r\n",
    }
}

async fn serve(
    tcp: TcpStream,
    mut steps: HashMap<&'static str, VecDeque<Say>>,
    heard: &Mutex<Heard>,
) -> io::Result<()> {
    let mut tcp = BufReader::new(tcp);
    let mut step = "greeting".to_owned();
    loop {
        let scripted = steps
            .get_mut(step.as_str())
            .and_then(|queue| queue.pop_front());
        let said = match scripted.unwrap_or_else(|| say(usual(&step))) {
            Say::Bytes(bytes) => bytes,
            Say::ThenClose(bytes) => return tcp.write_all(&bytes).await,
            Say::Close => return Ok(()),
            Say::Hang => Vec::new(),
            Say::Deaf(bytes) => {
                tcp.write_all(bytes).await?;
                return std::future::pending().await;
            }
            Say::Endless(bytes) => loop {
                tcp.write_all(bytes).await?;
            },
        };
        tcp.write_all(&said).await?;
        if step == "DATA" && said.starts_with(b"354") {
            if !hear_body(&mut tcp, heard).await? {
                return Ok(());
            }
            step = ".".to_owned();
            continue;
        }
        let mut line = Vec::new();
        if tcp.read_until(b'\n', &mut line).await? == 0 || step == "QUIT" {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let asks = said.starts_with(b"334");
        step = if asks {
            "answer".to_owned()
        } else {
            line.split([' ', ':']).next().unwrap_or_default().to_owned()
        };
        heard.lock().expect("not poisoned").commands.push(line);
    }
}

/// Reads to the end of data; false if the client left before it.
async fn hear_body(tcp: &mut BufReader<TcpStream>, heard: &Mutex<Heard>) -> io::Result<bool> {
    let bodies = || heard.lock().expect("not poisoned");
    bodies().bodies.push(Vec::new());
    loop {
        let bytes = tcp.fill_buf().await?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let mut used = 0;
        let mut ended = false;
        if let Some(body) = bodies().bodies.last_mut() {
            for &byte in bytes {
                body.push(byte);
                used += 1;
                ended = body.ends_with(b"\r\n.\r\n");
                if ended {
                    break;
                }
            }
        }
        tcp.consume(used);
        if ended {
            return Ok(true);
        }
    }
}

/// The mail a server takes out of what was on the wire (RFC 5321 section 4.5.2): without the end of data,
/// without the extra dots.
pub(super) fn unstuffed(wire: &[u8]) -> Vec<u8> {
    let body = wire.strip_suffix(b".\r\n").expect("an end of data");
    let mut mail = Vec::new();
    for line in body.split_inclusive(|&b| b == b'\n') {
        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    mail
}
