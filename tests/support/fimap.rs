//! An IMAP server of our own on loopback, in plain text, with one folder: it can be made to lie, to flood, and to break off.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the server does to one letter, at each request for its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Gives it.
    None,
    /// Announces a literal of this length, and sends this many bytes of it.
    Literal(String, usize),
    /// Sends a line without an end, up to so many bytes.
    EndlessLine(usize),
    /// Sends so many responses that nobody asked for.
    Untagged(usize),
    /// Answers what no parser can read.
    Nonsense,
    /// Closes the connection.
    HangUp,
    /// Says OK and gives nothing.
    Nothing,
    /// Gives it, and falls silent after the tag of the answer.
    Silence,
}

/// What the server is and says.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// UIDs and letters.
    pub(crate) letters: Vec<(u32, Vec<u8>)>,
    /// A UIDNEXT that is not true.
    pub(crate) uidnext: Option<u32>,
    /// An EXISTS that is not true.
    pub(crate) exists: Option<u32>,
    /// An RFC822.SIZE that is not true.
    pub(crate) size: Option<usize>,
    /// The fault, and the UIDs that it strikes.
    pub(crate) fault: Option<(Fault, Vec<u32>)>,
    /// UIDs whose size and date are answered so, and how.
    pub(crate) facts: Option<(Fault, Vec<u32>)>,
    /// UIDs whose body is an empty string once its size was told.
    pub(crate) empty: Vec<u32>,
    /// Days that every INTERNALDATE is moved by.
    pub(crate) shifted: u32,
    /// A greeting that is not `OK`.
    pub(crate) greeting: Option<&'static str>,
    /// What it says it can, if not the least there is.
    pub(crate) capabilities: Option<&'static str>,
    /// A command that it refuses.
    pub(crate) refused: Option<&'static str>,
    /// Connections so far.
    pub(crate) connections: usize,
    /// Commands heard so far.
    pub(crate) heard: Vec<String>,
    /// Every byte heard so far.
    pub(crate) bytes: Vec<u8>,
}

/// The server, as long as the test lives.
#[derive(Debug, Clone)]
pub(crate) struct Fimap {
    /// Where it listens.
    pub(crate) port: u16,
    folder: Arc<Mutex<Folder>>,
}

impl Fimap {
    /// Starts it.
    pub(crate) fn start() -> Fimap {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let folder = Arc::new(Mutex::new(Folder::default()));
        let shared = Arc::clone(&folder);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let folder = Arc::clone(&shared);
                folder.lock().expect("nobody panics with it").connections += 1;
                // A client that leaves ends its thread.
                std::thread::spawn(move || serve(client, &folder));
            }
        });
        Fimap { port, folder }
    }

    /// Changes what it is and says.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Folder) -> T) -> T {
        change(&mut self.folder.lock().expect("nobody panics with it"))
    }

    /// Puts a letter into the folder under the next UID, which is returned.
    pub(crate) fn put(&self, raw: &[u8]) -> u32 {
        self.change(|folder| {
            let uid = folder.letters.iter().map(|(uid, _)| uid + 1).max();
            let uid = uid.unwrap_or(1);
            folder.letters.push((uid, raw.to_vec()));
            uid
        })
    }
}

/// One connection.
fn serve(client: TcpStream, folder: &Mutex<Folder>) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?);
    let mut client = client;
    let greeting = {
        let folder = folder.lock().expect("nobody panics with it");
        folder.greeting.unwrap_or("OK here")
    };
    client.write_all(format!("* {greeting}\r\n").as_bytes())?;
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let command = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (tag, command) = command.split_once(' ').unwrap_or((&command, ""));
        let answer = {
            let mut folder = folder.lock().expect("nobody panics with it");
            folder.bytes.append(&mut line);
            let shown = if command.starts_with("LOGIN") {
                "LOGIN"
            } else {
                command
            };
            folder.heard.push(shown.to_owned());
            answer(&folder, command)
        };
        for piece in &answer.pieces {
            client.write_all(piece)?;
        }
        for _ in 0..answer.repeated {
            client.write_all(&answer.repeat)?;
        }
        if answer.hangs_up {
            return Ok(());
        }
        if answer.falls_silent {
            client.write_all(tag.as_bytes())?;
            // Until the client has had enough.
            std::io::copy(&mut lines, &mut std::io::sink())?;
            return Ok(());
        }
        let status = if answer.is_refused { "NO" } else { "OK" };
        client.write_all(format!("{tag} {status} done\r\n").as_bytes())?;
        if command.starts_with("LOGOUT") {
            return Ok(());
        }
    }
    Ok(())
}

/// What is sent before the tagged OK.
#[derive(Default)]
struct Answer {
    pieces: Vec<Vec<u8>>,
    repeat: Vec<u8>,
    repeated: usize,
    hangs_up: bool,
    falls_silent: bool,
    is_refused: bool,
}

impl Answer {
    fn line(&mut self, line: &str) {
        self.pieces.push(format!("* {line}\r\n").into_bytes());
    }
}

fn answer(folder: &Folder, command: &str) -> Answer {
    let mut answer = Answer::default();
    let words: Vec<&str> = command.split(' ').collect();
    match words.as_slice() {
        _ if folder.refused == Some(command) => answer.is_refused = true,
        ["CAPABILITY"] => {
            let capabilities = folder.capabilities.unwrap_or("IMAP4rev1 ID");
            answer.line(&format!("CAPABILITY {capabilities}"));
        }
        ["NOOP"] => {
            let real = folder.letters.len() as u32;
            answer.line(&format!("{} EXISTS", folder.exists.unwrap_or(real)));
        }
        ["LIST", ..] => answer.line("LIST () \"/\" \"INBOX\""),
        ["SELECT", ..] => {
            let real = folder.letters.len() as u32;
            answer.line(&format!("{} EXISTS", folder.exists.unwrap_or(real)));
            answer.line("OK [UIDVALIDITY 7] UIDs valid");
            let next = folder.letters.iter().map(|(uid, _)| uid + 1).max();
            let next = folder.uidnext.or(next).unwrap_or(1);
            answer.line(&format!("OK [UIDNEXT {next}] Predicted"));
        }
        ["UID", "SEARCH", "UID", range] => {
            let mut found = String::from("SEARCH");
            // In no order at all.
            for uid in uids(folder, range).into_iter().rev() {
                let _ = write!(found, " {uid}");
            }
            answer.line(&found);
        }
        ["UID", "FETCH", set, ..] => {
            for uid in uids(folder, set) {
                fetch(folder, uid, command, &mut answer);
                if answer.hangs_up {
                    break;
                }
            }
        }
        _ => {}
    }
    answer
}

/// The letters of a set such as `3,5:7` or `4:*`.
fn uids(folder: &Folder, set: &str) -> Vec<u32> {
    let highest = folder.letters.iter().map(|(uid, _)| *uid).max();
    let number = |text: &str| text.parse().unwrap_or(highest.unwrap_or(1));
    let ranges: Vec<(u32, u32)> = set
        .split(',')
        .map(|range| {
            let (from, to) = range.split_once(':').unwrap_or((range, range));
            (number(from), number(to))
        })
        .collect();
    let is_in = |uid: &u32| {
        let mut ranges = ranges.iter();
        ranges.any(|(from, to)| from.min(to) <= uid && uid <= from.max(to))
    };
    let all = folder.letters.iter().map(|(uid, _)| *uid);
    all.filter(is_in).collect()
}

fn fetch(folder: &Folder, uid: u32, command: &str, answer: &mut Answer) {
    let letters = folder.letters.iter();
    let at = letters.clone().position(|(one, _)| *one == uid);
    let Some((_, raw)) = letters.clone().find(|(one, _)| *one == uid) else {
        return;
    };
    let seq = at.unwrap_or_default() + 1;
    let size = folder.size.unwrap_or(raw.len());
    let facts = format!(
        "UID {uid} RFC822.SIZE {size} INTERNALDATE \"{}-Nov-2026 10:00:{:02} +0300\"",
        25 - folder.shifted,
        uid % 60
    );
    if !command.contains("BODY.PEEK[]")
        && let Some((fault, struck)) = &folder.facts
        && struck.contains(&uid)
    {
        match fault {
            Fault::HangUp => answer.hangs_up = true,
            Fault::Nonsense => answer.line(&format!(
                "{seq} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE NIL)"
            )),
            _ => {}
        }
        return;
    }
    if command.contains("HEADER") {
        let text = String::from_utf8_lossy(raw);
        let id = text
            .lines()
            .find(|l| l.to_ascii_lowercase().starts_with("message-id:"));
        let id = id.map(|id| format!("{id}\r\n")).unwrap_or_default();
        return answer.line(&format!(
            "{seq} FETCH ({facts} BODY[HEADER.FIELDS (MESSAGE-ID)] {{{}}}\r\n{id}\r\n)",
            id.len() + 2
        ));
    }
    if !command.contains("BODY.PEEK[]") {
        return answer.line(&format!("{seq} FETCH ({facts})"));
    }
    // `BODY.PEEK[]<0.8388608>` or the whole.
    let part = command.split_once("[]<").and_then(|(_, part)| {
        let (from, count) = part.trim_end_matches([')', '>']).split_once('.')?;
        Some((from.parse::<usize>().ok()?, count.parse::<usize>().ok()?))
    });
    let (name, bytes) = match part {
        Some((from, count)) => {
            let from = from.min(raw.len());
            let to = (from + count).min(raw.len());
            (format!("BODY[]<{from}>"), &raw[from..to])
        }
        None => ("BODY[]".to_owned(), raw.as_slice()),
    };
    if folder.empty.contains(&uid) {
        return answer.line(&format!("{seq} FETCH (UID {uid} {name} \"\")"));
    }
    let fault = folder.fault.as_ref();
    let fault = fault.filter(|(_, struck)| struck.contains(&uid));
    match fault.map_or(&Fault::None, |(fault, _)| fault) {
        fault @ (Fault::None | Fault::Silence) => {
            answer.falls_silent = *fault == Fault::Silence;
            let head = format!("* {seq} FETCH (UID {uid} {name} {{{}}}\r\n", bytes.len());
            answer
                .pieces
                .extend([head.into_bytes(), bytes.to_vec(), b")\r\n".to_vec()]);
        }
        Fault::Literal(length, sent) => {
            let head = format!("* {seq} FETCH (UID {uid} {name} {{{length}}}\r\n");
            answer.pieces.push(head.into_bytes());
            answer.repeat = vec![b'x'; 1 << 16];
            answer.repeated = sent >> 16;
            answer.hangs_up = true;
        }
        Fault::EndlessLine(bytes) => {
            answer
                .pieces
                .push(format!("* {seq} FETCH (UID {uid} ").into_bytes());
            answer.repeat = vec![b'x'; 1 << 16];
            answer.repeated = bytes >> 16;
            answer.hangs_up = true;
        }
        Fault::Untagged(count) => {
            answer.repeat = format!("* {seq} FETCH (FLAGS (\\Seen))\r\n").into_bytes();
            answer.repeated = *count;
        }
        Fault::Nonsense => answer.line(&format!("{seq} FETCH (UID {uid} {name} oh no")),
        Fault::HangUp => answer.hangs_up = true,
        Fault::Nothing => {}
    }
}
