//! A TCP proxy before a server, which cuts one connection at a byte that is named.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// With a reset, in both directions.
    Reset,
    /// As if either side had closed it.
    Close,
    /// Not at all: nothing is passed on any more.
    Stall,
}

/// Where a connection ends: after so many bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Whether the server's bytes count, or the client's.
    pub(crate) of_server: bool,
    /// The last byte that is passed on.
    pub(crate) after_bytes: u64,
    /// How.
    pub(crate) how: How,
}

#[derive(Debug, Default)]
struct State {
    /// For the next connection.
    next: Option<Cut>,
    /// Cuts that were made.
    made: usize,
    /// The bytes of the connection that had most: the server's, and the client's.
    longest: (u64, u64),
}

/// The proxy, as long as it lives.
pub(crate) struct Proxy {
    /// Where it listens on loopback.
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
    hang_up: watch::Sender<()>,
    _runtime: Runtime,
}

/// What a proxy runs on, and where it listens on loopback.
pub(super) fn listen() -> (Runtime, TcpListener, u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (runtime, listener, port)
}

impl Proxy {
    /// Begins to pass connections on to `server` on loopback.
    pub(crate) fn before(server: u16) -> Proxy {
        let (runtime, listener, port) = listen();
        let state = Arc::new(Mutex::new(State::default()));
        let (hang_up, hung_up) = watch::channel(());
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let cut = {
                    let mut state = shared.lock().expect("nobody panics with it");
                    state.next.take()
                };
                let (shared, mut hung_up) = (Arc::clone(&shared), hung_up.clone());
                hung_up.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                        return;
                    };
                    tokio::select! {
                        () = relay(client, server, cut, &shared) => {}
                        _ = hung_up.changed() => {}
                    }
                });
            }
        });
        Proxy {
            port,
            state,
            hang_up,
            _runtime: runtime,
        }
    }

    /// Hangs up on everybody; the connection after this one will be cut so.
    pub(crate) fn cut_next(&self, cut: Cut) {
        self.state.lock().expect("nobody panics with it").next = Some(cut);
        self.hang_up.send_replace(());
    }

    /// Cuts made so far.
    pub(crate) fn made(&self) -> usize {
        self.state.lock().expect("nobody panics with it").made
    }

    /// The most bytes of one connection: the server's, and the client's.
    pub(crate) fn longest(&self) -> (u64, u64) {
        self.state.lock().expect("nobody panics with it").longest
    }
}

async fn relay(
    mut client: TcpStream,
    mut server: TcpStream,
    cut: Option<Cut>,
    state: &Mutex<State>,
) {
    let (mut of_client, mut of_server) = (0_u64, 0_u64);
    let (mut from_client, mut from_server) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        let (is_server, count) = tokio::select! {
            count = client.read(&mut from_client) => (false, count.unwrap_or(0)),
            count = server.read(&mut from_server) => (true, count.unwrap_or(0)),
        };
        if count == 0 {
            return;
        }
        let (bytes, seen, to) = if is_server {
            (&from_server[..count], &mut of_server, &mut client)
        } else {
            (&from_client[..count], &mut of_client, &mut server)
        };
        let room = cut
            .filter(|cut| cut.of_server == is_server)
            .map_or(u64::MAX, |cut| cut.after_bytes - *seen);
        let passed = room.min(count as u64);
        if to.write_all(&bytes[..passed as usize]).await.is_err() {
            return;
        }
        *seen += passed;
        let cut = cut.filter(|_| passed == room);
        {
            let mut state = state.lock().expect("nobody panics with it");
            state.longest.0 = state.longest.0.max(of_server);
            state.longest.1 = state.longest.1.max(of_client);
            state.made += usize::from(cut.is_some());
        }
        if let Some(cut) = cut {
            return end(cut.how, client, server).await;
        }
    }
}

async fn end(how: How, client: TcpStream, server: TcpStream) {
    match how {
        How::Reset => {
            for stream in [&client, &server] {
                stream.set_zero_linger().expect("a socket has it");
            }
        }
        How::Close => {}
        How::Stall => tokio::time::sleep(Duration::from_secs(3600)).await,
    }
}
