//! In which order the poller does what can be seen from outside: the courtesy mark on the server comes after the letter is
//! safe in the database (promise P01, rule R01). Told from the system calls, not from what the poller says.

use std::fs;
use std::path::Path;

use super::support::{Desk, Engine, Lab, Letter, Program, wait_until};
use super::{RECOVERY, rita_writes};

/// What goes out and comes in, and what makes the database durable.
const CALLS: &str =
    "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fdatasync,fsync";
/// Commands that mark a letter, or take it away.
const MARKS: [&str; 4] = ["UID STORE", "UID MOVE", "UID COPY", "UID EXPUNGE"];

/// What the trace of a system call says. Calls are in the order of their beginning, but for those that make data durable,
/// which are where they have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// The server has sent this, which ends or begins a letter's bytes.
    Came(String),
    /// This was written to the write-ahead log.
    Logged(String),
    /// The log is durable.
    Durable,
    /// This was sent to the server.
    Sent(String),
}

/// Reads a trace of the poller whose IMAP server is at this port.
fn events(trace: &Path, port: &str) -> Vec<Event> {
    let trace = fs::read(trace).expect("a trace");
    let trace = String::from_utf8_lossy(&trace);
    let to_server = format!("->127.0.0.1:{port}]");
    let mut syncing: Vec<&str> = Vec::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or((line, ""));
        let call = call.trim_start();
        let name = call.split('(').next().unwrap_or_default();
        let is_log = call.contains("-wal>");
        let has_failed = call.contains(" = -1 ");
        match name {
            "fdatasync" | "fsync" if is_log && call.contains("unfinished") => syncing.push(thread),
            "fdatasync" | "fsync" if is_log && !has_failed => events.push(Event::Durable),
            "pwrite64" | "pwritev" | "write" | "writev" if is_log => {
                events.push(Event::Logged(call.to_owned()));
            }
            "write" | "writev" | "sendto" | "sendmsg" if call.contains(&to_server) => {
                events.push(Event::Sent(call.to_owned()));
            }
            "read" | "readv" | "recvfrom" | "recvmsg" if call.contains(&to_server) => {
                events.push(Event::Came(call.to_owned()));
            }
            _ if call.starts_with("<... f") && call.contains("sync resumed") => {
                if let Some(at) = syncing.iter().position(|other| *other == thread) {
                    syncing.remove(at);
                    if !has_failed {
                        events.push(Event::Durable);
                    }
                }
            }
            // What was read is shown where the call has ended.
            _ if call.starts_with("<... re") && call.contains("FETCH") => {
                events.push(Event::Came(call.to_owned()));
            }
            _ => {}
        }
    }
    events
}

/// The numbers of a set such as `3,5:7`.
fn set(text: &str) -> Vec<u32> {
    let text = text.split([' ', '\\', '"']).next().unwrap_or_default();
    let range = |range: &str| {
        let (from, to) = range.split_once(':').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u32>().expect("a number");
        number(from)..=number(to)
    };
    text.split(',').flat_map(range).collect()
}

/// Panics unless each letter was durable before it was marked. Returns how many marks there were.
fn marks_come_after_the_commit(desk: &Desk, events: &[Event], letters: &[Letter]) -> usize {
    let ledger = desk.ledger();
    let mut marked = 0;
    for (at, event) in events.iter().enumerate() {
        let Event::Sent(call) = event else { continue };
        let Some(arguments) = MARKS
            .iter()
            .find_map(|mark| call.split_once(&format!("{mark} ")))
        else {
            continue;
        };
        for uid in set(arguments.1) {
            let row = ledger
                .iter()
                .find(|row| row.text("uid") == uid.to_string() && row.text("folder") == "INBOX");
            let id = row.expect("a letter of ours").text("message_id");
            let letter = letters.iter().find(|letter| letter.message_id() == id);
            let uuid = &letter.expect("a letter of ours").uuid;
            let before = events.get(..at).unwrap_or_default();
            let last = |is_it: &dyn Fn(&Event) -> bool| before.iter().rposition(is_it);
            let came = last(&|event| matches!(event, Event::Came(call) if call.contains(uuid)));
            let came = came.unwrap_or_else(|| panic!("{uuid} came before {call}"));
            // Its bytes and what became of it are in the log, and the last of that is durable before the mark.
            let logged = last(&|event| matches!(event, Event::Logged(call) if call.contains(uuid)));
            let logged = logged.filter(|logged| *logged > came);
            let logged = logged.unwrap_or_else(|| panic!("{uuid} is in the log before {call}"));
            let durable = last(&|event| *event == Event::Durable);
            assert!(
                durable > Some(logged),
                "{uuid} is not durable before {call}"
            );
            marked += 1;
        }
    }
    marked
}

/// The real poller on SQLite, in plain text on this machine, under a tracer.
#[test]
fn a_letter_is_marked_or_moved_after_it_is_durable() {
    for after in ["seen", "keyword Done", "move Done"] {
        let lab = Lab::shared();
        let port = lab.variable("MAILLAB_IMAP_PORT").to_owned();
        let mut desk = Desk::new(&lab, Engine::Sqlite, |config| {
            config.imap = Some(format!("imap://127.0.0.1:{port}"));
            // A receipt that leaves would write of the letter again.
            config.smtp = Some("smtps://localhost:1".to_owned());
            config.mailbox = format!("folders = [\"INBOX\"]\nafter_registration = \"{after}\"");
        });
        desk.start_one(Program::Poller, &[]);
        desk.wait_for_poll();
        desk.stop(Program::Poller);
        if after.starts_with("move") {
            lab.make_folder(&desk.help, "Done");
        }
        // Some wait at the start, together; the others come one by one.
        let mut letters: Vec<Letter> = (0..5).map(|number| rita_writes(&desk, number)).collect();
        let trace = desk.dir().join("trace");
        let traced = format!("trace={CALLS}");
        #[rustfmt::skip]
        let strace = ["strace", "-D", "-f", "-qq", "-yy", "-s", "100000", "-e", &traced, "-o", trace.to_str().expect("a plain path")];
        desk.start_under(Program::Poller, &strace);
        for number in 5..10 {
            marked(&desk, letters.len());
            letters.push(rita_writes(&desk, number));
        }
        marked(&desk, letters.len());
        desk.stop(Program::Poller);
        let events = events(&trace, &port);
        let marks = marks_come_after_the_commit(&desk, &events, &letters);
        assert!(marks >= letters.len(), "{after}: {marks} marks");
    }
}

fn marked(desk: &Desk, letters: usize) {
    wait_until(RECOVERY, "the letters are registered and marked", || {
        let done = "ledger WHERE outcome = 'ticket' AND marked";
        (desk.database.count(done) == letters as i64).then_some(())
    });
}
