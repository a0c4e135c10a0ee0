//! A submission server that takes everything, unless it is told otherwise, and notes when: what a real one cannot be made to tell is the desk's own
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
    /// What time it truly was, if somebody had set the desk's clock.
    pub(crate) truly_at: DateTime<Utc>,
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

/// What the server does in place of what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Instead {
    /// It says this.
    Says(String),
    /// It hangs up; at the end of the data it has taken the mail.
    HangsUp,
}

/// Where it does so: at this command (`.` is the end of the data), to this recipient or to all, so many times.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// MAIL, RCPT, DATA or `.`; empty for the greeting.
    pub(crate) at: &'static str,
    /// The recipient; `None` for all. MAIL knows none.
    pub(crate) to: Option<String>,
    /// What it does.
    pub(crate) does: Instead,
    /// How often.
    pub(crate) times: usize,
}

/// A recipient, and what happens to the clock when it is named.
struct Trap {
    recipient: String,
    meddle: Box<dyn FnOnce(&ManualClock) + Send>,
}

impl std::fmt::Debug for Trap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Trap").field(&self.recipient).finish()
    }
}

/// The server.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    /// Its port on loopback.
    pub(crate) port: u16,
    notes: Arc<Mutex<Notes>>,
    clock: Arc<ManualClock>,
    /// What happens at the next RCPT to an address.
    trap: Arc<Mutex<Option<Trap>>>,
    rules: Arc<Mutex<Vec<Rule>>>,
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
            rules: Arc::default(),
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
        self.at_rcpt(recipient, move |clock| clock.set(at));
    }

    /// Does something to the clock as soon as somebody names `recipient`, once.
    pub(crate) fn at_rcpt(
        &self,
        recipient: &str,
        meddle: impl FnOnce(&ManualClock) + Send + 'static,
    ) {
        *self.trap.lock().expect("no panic in here") = Some(Trap {
            recipient: recipient.to_owned(),
            meddle: Box::new(meddle),
        });
    }

    /// Behaves by these rules from now on.
    pub(crate) fn obey(&self, rules: Vec<Rule>) {
        *self.rules.lock().expect("no panic in here") = rules;
    }

    /// What is done in place of the usual, if anything is.
    fn instead(&self, at: &str, recipient: &str) -> Option<Instead> {
        let mut rules = self.rules.lock().expect("no panic in here");
        let rule = rules.iter_mut().find(|rule| {
            rule.at == at && rule.times > 0 && rule.to.as_ref().is_none_or(|to| to == recipient)
        })?;
        rule.times -= 1;
        Some(rule.does.clone())
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
        // Says `usual`, or does what the rules say; returns whether the command was obeyed, `None` to hang up.
        let mut answer = |at: &str, recipient: &str, usual: &str| match self.instead(at, recipient)
        {
            None => Some(say(usual)),
            Some(Instead::Says(reply)) => say(&reply).then_some(false),
            Some(Instead::HangsUp) => None,
        };
        if answer("", "", "220 sink.test").is_none() {
            return;
        }
        loop {
            let mut line = Vec::new();
            if lines.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (verb, rest) = line.split_once([' ', ':']).unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            let obeyed = match verb.as_str() {
                "EHLO" => {
                    hello = rest.to_owned();
                    self.note(|notes| notes.connections.push(hello.clone()));
                    answer("EHLO", "", "250 sink.test")
                }
                "RCPT" => {
                    recipient = rest
                        .trim_start_matches("TO:<")
                        .trim_end_matches('>')
                        .to_owned();
                    self.spring(&recipient);
                    answer("RCPT", &recipient, "250 ok")
                }
                "DATA" => match answer("DATA", &recipient, "354 go on") {
                    Some(true) => match body(&mut lines) {
                        Some(raw) => {
                            // What is refused is not taken.
                            let rule = self.instead(".", &recipient);
                            if !matches!(rule, Some(Instead::Says(_))) {
                                self.take(&hello, &recipient, raw);
                            }
                            match rule {
                                None => answer("taken", "", "250 taken"),
                                Some(Instead::Says(reply)) => answer("taken", "", &reply),
                                Some(Instead::HangsUp) => None,
                            }
                        }
                        None => {
                            self.note(|notes| notes.broken_off.push(recipient.clone()));
                            return;
                        }
                    },
                    other => other,
                },
                "MAIL" => answer("MAIL", "", "250 ok"),
                "QUIT" => {
                    answer("QUIT", "", "221 bye");
                    return;
                }
                _ => answer("", "-", "250 ok"),
            };
            if obeyed.is_none() {
                return;
            }
        }
    }

    fn take(&self, hello: &str, recipient: &str, raw: Vec<u8>) {
        let (at, truly_at) = (self.clock.now(), self.clock.truth());
        self.note(|notes| {
            let number = notes.taken.len() as u64;
            let mail = Mail::read((number, 0, String::new()), raw);
            let (hello, recipient) = (hello.to_owned(), recipient.to_owned());
            notes.taken.push(Taken {
                hello,
                recipient,
                at,
                truly_at,
                mail,
            });
        });
    }

    fn spring(&self, recipient: &str) {
        let mut trap = self.trap.lock().expect("no panic in here");
        if let Some(sprung) = trap.take_if(|trap| trap.recipient == recipient) {
            (sprung.meddle)(&self.clock);
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
