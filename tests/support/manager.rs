//! A service manager that listens, as systemd does to units of `Type=notify`.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::wait::wait_until;

/// A notification socket, and everything that was said to it.
#[derive(Debug)]
pub(crate) struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    watchdog_us: String,
    heard: Vec<(Instant, String)>,
}

impl Manager {
    /// Listens in a directory, for a daemon that is to give a sign every `watchdog`.
    pub(crate) fn new(dir: &Path, watchdog: Duration) -> Manager {
        let path = dir.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        Manager {
            socket,
            path,
            watchdog_us: watchdog.as_micros().to_string(),
            heard: Vec::new(),
        }
    }

    /// What the daemon is to be started with.
    pub(crate) fn environment(&self) -> [(&str, &str); 2] {
        [
            ("NOTIFY_SOCKET", self.path.to_str().expect("a plain path")),
            ("WATCHDOG_USEC", &self.watchdog_us),
        ]
    }

    fn listen(&mut self) {
        let mut bytes = [0; 8192];
        while let Ok(length) = self.socket.recv(&mut bytes) {
            let said = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let lines = said.lines().map(|line| (Instant::now(), line.to_owned()));
            self.heard.extend(lines);
        }
    }

    /// Returns everything that was said so far.
    pub(crate) fn heard(&mut self) -> Vec<&str> {
        self.listen();
        self.heard.iter().map(|(_, line)| line.as_str()).collect()
    }

    /// How often a line was said that begins so.
    pub(crate) fn count(&mut self, beginning: &str) -> usize {
        let heard = self.heard().into_iter();
        heard.filter(|line| line.starts_with(beginning)).count()
    }

    /// Waits until a line was said that begins so, once more than now.
    pub(crate) fn wait_for(&mut self, beginning: &str) {
        let before = self.count(beginning);
        wait_until(Duration::from_secs(30), beginning, || {
            (self.count(beginning) > before).then_some(())
        });
    }

    /// Waits until no sign of life has come for so long.
    pub(crate) fn wait_for_silence(&mut self, silence: Duration) {
        let begun = Instant::now();
        wait_until(silence + Duration::from_secs(20), "silence", || {
            self.listen();
            let signs = self.heard.iter().filter(|(_, line)| line == "WATCHDOG=1");
            let last = signs.map(|(at, _)| *at).max();
            (last.unwrap_or(begun).elapsed() >= silence).then_some(())
        });
    }
}
