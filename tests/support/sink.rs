//! A submission server that takes everything and notes when: what a real one cannot be made to tell is the desk's own
//! time at which the end of the data arrived, and who opened a connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use chrono::{DateTime, Utc};
use ninetosix_core::clock::{Clock, ManualClock};

use super::mail::Mail;

/// A mail the server took.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// The name its sender gave in EHLO.
    pub(crate) hello: String,
    /// The recipient.
    pub(crate) recipient: String,
    /// The desk's time when the end of the data arrived.
    pub(crate) at: DateTime<Utc>,
    /// The mail.
    pub(crate) mail: Mail,
}

/// What happened so far.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Every connection, by the name given in EHLO.
    pub(crate) connections: Vec<String>,
    /// Every mail.
    pub(crate) taken: Vec<Taken>,
    /// Recipients of mails whose connection was closed before the end of the data.
    pub(crate) broken_off: Vec<String>,
}

/// A recipient, and what the clock is set to when it is named.
type Trap = (String, DateTime<Utc>);

/// The server.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    /// Its port on loopback.
    pub(crate) port: u16,
    notes: Arc<Mutex<Notes>>,
    clock: Arc<ManualClock>,
    /// At the next RCPT to an address the clock is set to this.
    trap: Arc<Mutex<Option<Trap>>>,
}

impl Sink {
    /// Starts the server.
    pub(crate) fn start(clock: Arc<ManualClock>) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let sink = Sink {
            port,
            notes: Arc::default(),
            clock,
            trap: Arc::default(),
        };
        let server = sink.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || server.serve(&stream));
            }
        });
        sink
    }

    /// Sets the clock to `at` as soon as somebody names `recipient`.
    pub(crate) fn set_clock_at(&self, recipient: &str, at: DateTime<Utc>) {
        *self.trap.lock().expect("no panic in here") = Some((recipient.to_owned(), at));
    }

    /// Looks at what happened so far.
    pub(crate) fn notes<T>(&self, look: impl FnOnce(&Notes) -> T) -> T {
        look(&self.notes.lock().expect("no panic in here"))
    }

    fn serve(&self, stream: &TcpStream) {
        let mut lines = BufReader::new(stream);
        let mut out = stream;
        let mut say = |reply: &str| out.write_all(format!("{reply}\r\n").as_bytes()).is_ok();
        let (mut hello, mut recipient) = (String::new(), String::new());
        say("220 sink.test");
        loop {
            let mut line = Vec::new();
            if lines.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (verb, rest) = line.split_once([' ', ':']).unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    hello = rest.to_owned();
                    self.note(|notes| notes.connections.push(hello.clone()));
                    say("250 sink.test");
                }
                "RCPT" => {
                    recipient = rest
                        .trim_start_matches("TO:<")
                        .trim_end_matches('>')
                        .to_owned();
                    self.spring(&recipient);
                    say("250 ok");
                }
                "DATA" => {
                    say("354 go on");
                    match body(&mut lines) {
                        Some(raw) => {
                            self.take(&hello, &recipient, raw);
                            say("250 taken");
                        }
                        None => {
                            self.note(|notes| notes.broken_off.push(recipient.clone()));
                            return;
                        }
                    }
                }
                "QUIT" => {
                    say("221 bye");
                    return;
                }
                _ => {
                    say("250 ok");
                }
            }
        }
    }

    fn take(&self, hello: &str, recipient: &str, raw: Vec<u8>) {
        let at = self.clock.now();
        self.note(|notes| {
            let number = notes.taken.len() as u64;
            let mail = Mail::read((number, 0, String::new()), raw);
            let (hello, recipient) = (hello.to_owned(), recipient.to_owned());
            notes.taken.push(Taken {
                hello,
                recipient,
                at,
                mail,
            });
        });
    }

    fn spring(&self, recipient: &str) {
        let mut trap = self.trap.lock().expect("no panic in here");
        if let Some((_, at)) = trap.take_if(|(victim, _)| victim == recipient) {
            self.clock.set(at);
        }
    }

    fn note(&self, write: impl FnOnce(&mut Notes)) {
        write(&mut self.notes.lock().expect("no panic in here"));
    }
}

/// Reads up to the line with a dot alone; `None` if the connection ends before it.
fn body(lines: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line == b".\r\n" {
            return Some(body);
        }
        body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
