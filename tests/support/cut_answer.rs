//! A TCP proxy before PostgreSQL which swallows one answer that is named: the server has done what it was asked to, and
//! whoever asked sees the connection end.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::cut::listen;

/// The requests for encryption before the first message (PostgreSQL, "Message Formats"): SSLRequest, GSSENCRequest.
const ENCRYPT: [[u8; 8]; 2] = [
    [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F],
    [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x30],
];

/// What an answer is to: its CommandComplete begins so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A transaction that is committed.
    Commit,
    /// Rows that are inserted.
    Insert,
    /// Rows that are changed.
    Update,
}

impl Answer {
    fn is(self, message: &[u8]) -> bool {
        match self {
            Answer::Commit => message == b"C\0\0\0\x0bCOMMIT\0",
            Answer::Insert => is_complete(message, b"INSERT 0 "),
            // One that changed nothing has nothing to lose.
            Answer::Update => {
                is_complete(message, b"UPDATE ") && !is_complete(message, b"UPDATE 0")
            }
        }
    }
}

fn is_complete(message: &[u8], tag: &[u8]) -> bool {
    message.first() == Some(&b'C') && message.get(5..).is_some_and(|body| body.starts_with(tag))
}

#[derive(Debug, Default)]
struct State {
    /// The answer to swallow, and how many like it are passed on before.
    next: Option<(Answer, usize)>,
    /// Answers swallowed.
    made: usize,
}

/// The proxy, as long as it lives.
pub(crate) struct AnswerProxy {
    /// Where it listens on loopback.
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
    _runtime: tokio::runtime::Runtime,
}

impl AnswerProxy {
    /// Begins to pass connections on to the PostgreSQL at `server` on loopback.
    pub(crate) fn before(server: u16) -> AnswerProxy {
        let (runtime, listener, port) = listen();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await {
                        // Either side may hang up at any time.
                        let _ = relay(client, server, &shared).await;
                    }
                });
            }
        });
        AnswerProxy {
            port,
            state,
            _runtime: runtime,
        }
    }

    /// From now on passes `before` such answers on, of all connections together, and swallows the one after them.
    pub(crate) fn swallow(&self, answer: Answer, before: usize) {
        self.state.lock().expect("nobody panics with it").next = Some((answer, before));
    }

    /// Answers swallowed so far.
    pub(crate) fn made(&self) -> usize {
        self.state.lock().expect("nobody panics with it").made
    }
}

async fn relay(client: TcpStream, server: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    // Without encryption every byte of the server's belongs to a message.
    let mut beginning = [0; 8];
    loop {
        from_client.read_exact(&mut beginning).await?;
        if !ENCRYPT.contains(&beginning) {
            break;
        }
        to_client.write_all(b"N").await?;
    }
    to_server.write_all(&beginning).await?;
    tokio::select! {
        copied = tokio::io::copy(&mut from_client, &mut to_server) => copied.map(drop),
        ended = answers(from_server, to_client, state) => ended,
    }
}

/// Passes messages on until one is to be swallowed.
async fn answers(
    from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &Mutex<State>,
) -> io::Result<()> {
    let mut from = BufReader::new(from);
    loop {
        // The type, and a length that counts itself and what follows.
        let mut message = vec![0; 5];
        from.read_exact(&mut message).await?;
        let length = u32::from_be_bytes([message[1], message[2], message[3], message[4]]);
        message.resize(1 + length as usize, 0);
        from.read_exact(&mut message[5..]).await?;
        if is_swallowed(&message, state) {
            return Ok(());
        }
        to.write_all(&message).await?;
    }
}

fn is_swallowed(message: &[u8], state: &Mutex<State>) -> bool {
    let mut state = state.lock().expect("nobody panics with it");
    let Some((answer, before)) = state.next else {
        return false;
    };
    if !answer.is(message) {
        return false;
    }
    state.next = before.checked_sub(1).map(|before| (answer, before));
    state.made += usize::from(before == 0);
    before == 0
}
