//! A submission server of our own on loopback, in plain text: it can be made to flood, to trickle, to say what no terminal
//! should see, and to say nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::mail::Mail;

/// A place in the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before anything is said.
    Greeting,
    /// EHLO.
    Hello,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
}

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should; it offers to log in without encryption.
    Good,
    /// A greeting of so many bytes: one line, or lines that are well formed.
    Banner {
        /// How many.
        bytes: usize,
        /// Whether there are line ends.
        in_lines: bool,
    },
    /// So many lines in answer to EHLO.
    HelloLines(usize),
    /// NUL, ESC and BEL in the reply at this place, which is well formed otherwise.
    Controls(Place),
    /// A byte of the greeting every tenth of a second, and no end of it.
    Trickle,
    /// Nothing at all.
    Silence,
    /// STARTTLS is offered, and refused when it is asked for.
    RefusesTls,
}

#[derive(Debug)]
struct State {
    manner: Manner,
    connections: usize,
    open: Vec<TcpStream>,
    bytes: Vec<u8>,
    taken: Vec<(String, Mail)>,
}

/// The server, as long as the test lives.
#[derive(Debug, Clone)]
pub(crate) struct Fsmtp {
    /// Where it listens.
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Fsmtp {
    /// Starts it.
    pub(crate) fn start(manner: Manner) -> Fsmtp {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(Mutex::new(State {
            manner,
            connections: 0,
            open: Vec::new(),
            bytes: Vec::new(),
            taken: Vec::new(),
        }));
        let server = Fsmtp { port, state };
        let shared = server.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let manner = shared.with(|state| {
                    state.connections += 1;
                    state.open.extend(client.try_clone());
                    state.manner
                });
                let server = shared.clone();
                // A client that leaves ends its thread.
                thread::spawn(move || server.serve(&client, manner));
            }
        });
        server
    }

    /// Hangs up on everybody, and behaves so from now on.
    pub(crate) fn be(&self, manner: Manner) {
        self.with(|state| {
            state.manner = manner;
            for client in state.open.drain(..) {
                // It may have left.
                let _ = client.shutdown(Shutdown::Both);
            }
        });
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.with(|state| state.connections)
    }

    /// Every byte heard so far, outside mails.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.with(|state| state.bytes.clone())
    }

    /// The mails it took, each with its recipient.
    pub(crate) fn taken(&self) -> Vec<(String, Mail)> {
        self.with(|state| state.taken.clone())
    }

    fn with<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        what(&mut self.state.lock().expect("nobody panics with it"))
    }

    fn serve(&self, client: &TcpStream, manner: Manner) -> std::io::Result<()> {
        let mut lines = BufReader::new(client);
        let mut out = client;
        match manner {
            Manner::Silence => return until_it_leaves(&mut lines),
            Manner::Trickle => loop {
                for byte in b"220-slowly but surely\r\n" {
                    out.write_all(&[*byte])?;
                    thread::sleep(Duration::from_millis(100));
                }
            },
            Manner::Banner { bytes, in_lines } => {
                let line = format!("220-{}\r\n", "x".repeat(1000));
                let some = match in_lines {
                    true => line.repeat(64),
                    false => "2".repeat(1 << 16),
                };
                for _ in 0..bytes / some.len() {
                    out.write_all(some.as_bytes())?;
                }
                return Ok(());
            }
            _ => {}
        }
        let mut say = |place: Option<Place>, reply: &str| {
            let spoilt = match (manner, place) {
                (Manner::Controls(spoilt), Some(place)) if spoilt == place => "\0\x1b[31mred\x07",
                _ => "",
            };
            out.write_all(format!("{reply}{spoilt}\r\n").as_bytes())
        };
        say(Some(Place::Greeting), "220 fsmtp.test")?;
        let mut recipient = String::new();
        loop {
            let mut line = Vec::new();
            if lines.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let command = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.with(|state| state.bytes.append(&mut line));
            let (verb, rest) = command.split_once([' ', ':']).unwrap_or((&command, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    say(None, "250-fsmtp.test")?;
                    if let Manner::HelloLines(count) = manner {
                        for number in 0..count {
                            say(None, &format!("250-X-{number}"))?;
                        }
                    }
                    if manner == Manner::RefusesTls {
                        say(None, "250-STARTTLS")?;
                    }
                    say(None, "250-AUTH PLAIN LOGIN")?;
                    say(Some(Place::Hello), "250 8BITMIME")?;
                }
                "STARTTLS" => say(None, "454 4.7.0 not today")?,
                "AUTH" => say(Some(Place::Auth), "235 2.7.0 welcome")?,
                "MAIL" => say(Some(Place::Mail), "250 2.1.0 ok")?,
                "RCPT" => {
                    let address = rest.split(['<', '>']).nth(1).unwrap_or_default();
                    recipient = address.to_owned();
                    say(None, "250 2.1.5 ok")?;
                }
                "DATA" => {
                    say(None, "354 go on")?;
                    let Some(raw) = mail(&mut lines)? else {
                        return Ok(());
                    };
                    self.with(|state| {
                        let place = (state.taken.len() as u64, 0, String::new());
                        state
                            .taken
                            .push((recipient.clone(), Mail::read(place, raw)));
                    });
                    say(None, "250 2.0.0 taken")?;
                }
                "QUIT" => return say(None, "221 2.0.0 bye"),
                _ => say(None, "250 2.0.0 ok")?,
            }
        }
    }
}

fn until_it_leaves(client: &mut impl Read) -> std::io::Result<()> {
    std::io::copy(client, &mut std::io::sink())?;
    Ok(())
}

/// Reads up to the line with a dot alone; `None` if the connection ends before it.
fn mail(lines: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut mail = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line == b".\r\n" {
            return Ok(Some(mail));
        }
        mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
