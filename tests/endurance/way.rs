//! The way to a mail server: polls and connections are counted on it, and it can be lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// What every poll begins with. A command leaves in one piece; one in two would not be counted.
const POLL: &[u8] = b"SELECT \"INBOX\"";

/// A proxy, as long as it lives.
pub(crate) struct Way {
    /// Where it listens on loopback.
    pub(crate) port: u16,
    seen: Arc<Seen>,
    lost: watch::Sender<()>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Seen {
    polls: AtomicU64,
    connections: AtomicU64,
}

impl Way {
    /// Begins to pass connections on to `server` on loopback.
    pub(crate) fn to(server: u16) -> Way {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (seen, (lost, is_lost)) = (Arc::<Seen>::default(), watch::channel(()));
        let shared = seen.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (seen, mut is_lost) = (shared.clone(), is_lost.clone());
                is_lost.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                        return;
                    };
                    seen.connections.fetch_add(1, Ordering::SeqCst);
                    tokio::select! {
                        () = relay(client, server, &seen) => {}
                        _ = is_lost.changed() => {}
                    }
                });
            }
        });
        Way {
            port,
            seen,
            lost,
            _runtime: runtime,
        }
    }

    /// Hangs up on everybody.
    pub(crate) fn lose(&self) {
        self.lost.send_replace(());
    }

    /// Polls so far; over TLS none can be seen.
    pub(crate) fn polls(&self) -> u64 {
        self.seen.polls.load(Ordering::SeqCst)
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::SeqCst)
    }
}

/// Passes bytes on until either side closes.
async fn relay(mut client: TcpStream, mut server: TcpStream, seen: &Seen) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.split(), server.split());
    let up = async {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
            let begins = |some: &&[u8]| *some == POLL;
            let polls = bytes[..count].windows(POLL.len()).filter(begins).count();
            seen.polls.fetch_add(polls as u64, Ordering::SeqCst);
            if to_server.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}
