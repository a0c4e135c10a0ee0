//! A desk at work: its configuration, its database, both daemons, and the people around it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::config::Config;
use super::daemon::{self, Daemon, Program};
use super::database::{Database, Engine, Row};
use super::lab::{Lab, address};
use super::letter::{Client, Letter};
use super::mail::Mail;
use super::wait::{LIMIT, wait_until};

/// A desk and everyone who has to do with it. Fields are dropped in this order: daemons first.
#[derive(Debug)]
pub(crate) struct Desk {
    daemons: Vec<Daemon>,
    /// Its database.
    pub(crate) database: Database,
    /// Its mail server.
    pub(crate) lab: Lab,
    /// What it was configured with.
    pub(crate) config: Config,
    /// The support address.
    pub(crate) help: String,
    /// A specialist's address.
    pub(crate) ivan: String,
    /// Another specialist's address.
    pub(crate) anna: String,
    /// The address of somebody who writes in.
    pub(crate) rita: String,
    /// The address of somebody else who writes in.
    pub(crate) olga: String,
    dir: TempDir,
}

impl Desk {
    /// Makes a desk with addresses and a database of its own; nothing runs yet.
    pub(crate) fn new(lab: &Lab, engine: Engine, change: impl FnOnce(&mut Config)) -> Desk {
        Desk::with(lab, |dir| Database::new(engine, dir), change)
    }

    /// The same with a database that `make` makes; it is given the desk's directory.
    pub(crate) fn with(
        lab: &Lab,
        make: impl FnOnce(&Path) -> Database,
        change: impl FnOnce(&mut Config),
    ) -> Desk {
        let number = lab.number();
        let school = |name: &str| address(name, number, "school.test");
        let family = |name: &str| address(name, number, "family.test");
        let (help, ivan, anna) = (school("help"), school("ivan"), school("anna"));
        let mut config = Config::new(&ivan, &anna);
        change(&mut config);
        let dir = tempfile::Builder::new()
            .prefix("ninetosix-desk.")
            .tempdir_in("/var/tmp")
            .expect("a directory in /var/tmp");
        write_password(&dir.path().join("mail.password"), lab.password(&help));
        let desk = Desk {
            daemons: Vec::new(),
            database: make(dir.path()),
            lab: lab.clone(),
            config,
            help,
            ivan,
            anna,
            rita: family("rita"),
            olga: family("olga"),
            dir,
        };
        desk.write_config();
        let migrated = desk.command(Program::Worker, &["migrate"]);
        assert!(migrated.status.success(), "migrate: {migrated:?}");
        desk
    }

    /// Changes the configuration of a desk whose daemons do not run.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        assert!(
            self.daemons.is_empty(),
            "the daemons read it when they start"
        );
        change(&mut self.config);
        self.write_config();
    }

    fn write_config(&self) {
        let url = self.database.url();
        let text = self
            .config
            .text(&self.lab, &self.help, &url, self.dir.path());
        fs::write(self.config_file(), text).expect("a configuration");
    }

    /// The directory of the desk's files.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Makes a file with the password of an account.
    pub(crate) fn password_file(&self, address: &str) -> PathBuf {
        let file = self.dir.path().join(format!("{address}.password"));
        write_password(&file, self.lab.password(address));
        file
    }

    /// The configuration file.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.dir.path().join("ninetosix.toml")
    }

    /// Runs one command of a program to its end.
    pub(crate) fn command(&self, program: Program, arguments: &[&str]) -> Output {
        daemon::command(program, &self.config_file(), arguments)
    }

    // --- the daemons

    /// Starts both daemons and waits for the first poll: letters that come after it are tickets.
    pub(crate) fn start(&mut self) {
        for program in Program::BOTH {
            self.start_one(program, &[]);
        }
        self.wait_for_poll();
    }

    /// Starts one daemon, with these additions to its environment, and waits for nothing.
    pub(crate) fn start_one(&mut self, program: Program, environment: &[(&str, &str)]) {
        assert!(self.running(program).is_none(), "it runs already");
        let log = self.dir.path().join(format!("{}.log", program.name()));
        let daemon = Daemon::start(program, &self.config_file(), &log, environment);
        self.daemons.push(daemon);
    }

    /// Starts one daemon under a tracer that becomes the daemon itself.
    pub(crate) fn start_under(&mut self, program: Program, tracer: &[&str]) {
        assert!(self.running(program).is_none(), "it runs already");
        let log = self.dir.path().join(format!("{}.log", program.name()));
        let daemon = Daemon::start_under(tracer, program, &self.config_file(), &log, &[]);
        self.daemons.push(daemon);
    }

    /// Starts a program some of whose system calls fail or kill it: `fault` as strace's inject takes it, such as
    /// `signal=KILL:when=3`, counted by thread.
    pub(crate) fn start_faulty(&mut self, program: Program, calls: &str, fault: &str) {
        let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{fault}"));
        #[rustfmt::skip]
        let strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        self.start_under(program, &strace);
    }

    /// Starts one daemon that will die at a fail point: `claimed`, `parsed@2`.
    pub(crate) fn start_to_die(&mut self, program: Program, point: &str) {
        self.start_one(program, &[("NINETOSIX_FAILPOINT", point)]);
    }

    /// Waits until the daemon has killed itself at its fail point.
    pub(crate) fn wait_for_death(&mut self, program: Program) {
        let mut daemon = self.take(program);
        let status = daemon.wait(LIMIT);
        assert_eq!(
            status.signal(),
            Some(9),
            "the {} ended otherwise than at its fail point: {status}",
            program.name()
        );
    }

    /// Waits until the mailbox was read at least once from now on.
    pub(crate) fn wait_for_poll(&self) {
        let good = || {
            let beat = format!("FROM heartbeat WHERE name = 'poll:{}'", self.help);
            let rows = self.database.rows("good_at", &beat);
            rows.first()
                .and_then(|row| row.maybe("good_at").map(str::to_owned))
        };
        let before = good();
        wait_until(LIMIT, "the mailbox was read", || {
            good().filter(|now| Some(now) != before.as_ref())
        });
    }

    /// Sends a running daemon a signal.
    pub(crate) fn signal(&mut self, program: Program, signal: Signal) {
        let running = self.running(program).expect("it runs");
        running.signal(signal);
    }

    /// Ends a daemon with SIGTERM, which it must obey within 30 s with exit code 0. Returns how long it took.
    pub(crate) fn stop(&mut self, program: Program) -> Duration {
        let (status, took) = self.take(program).stop(Duration::from_secs(30));
        assert_eq!(
            status.code(),
            Some(0),
            "the {} after SIGTERM",
            program.name()
        );
        took
    }

    /// Ends both daemons with SIGTERM.
    pub(crate) fn stop_both(&mut self) {
        for program in Program::BOTH {
            self.stop(program);
        }
    }

    /// Kills a daemon.
    pub(crate) fn kill(&mut self, program: Program) {
        self.take(program).kill();
    }

    /// Returns a running daemon.
    pub(crate) fn running(&mut self, program: Program) -> Option<&mut Daemon> {
        self.daemons
            .iter_mut()
            .find(|daemon| daemon.program == program)
    }

    fn take(&mut self, program: Program) -> Daemon {
        let at = self
            .daemons
            .iter()
            .position(|daemon| daemon.program == program)
            .expect("it runs");
        self.daemons.remove(at)
    }

    /// Returns what a daemon has said, over all its starts.
    pub(crate) fn log(&self, program: Program) -> String {
        let path = self.dir.path().join(format!("{}.log", program.name()));
        fs::read_to_string(path).unwrap_or_default()
    }

    // --- the people

    /// Puts a letter into the desk's mailbox, as its server would.
    pub(crate) fn receive(&self, from: &str, letter: &Letter) {
        self.lab.deliver(&self.help, from, &letter.raw());
    }

    /// A letter of Rita's, on its way.
    pub(crate) fn rita_writes(&self, subject: &str, text: &str) -> Letter {
        let letter = Letter::new("Рита Петрова", &self.rita, &self.help, subject, text);
        self.receive(&self.rita, &letter);
        letter
    }

    /// Ivan answers a mail.
    pub(crate) fn ivan_replies(&self, to: &Mail, client: Client, words: &str) -> Letter {
        let letter = Letter::reply("Иван Смирнов", &self.ivan, to, client, words);
        self.receive(&self.ivan, &letter);
        letter
    }

    /// Rita answers a mail.
    pub(crate) fn rita_replies(&self, to: &Mail, words: &str) -> Letter {
        let letter = Letter::reply("Рита Петрова", &self.rita, to, Client::Gmail, words);
        self.receive(&self.rita, &letter);
        letter
    }

    /// Returns the mails in a person's inbox, in order of arrival.
    pub(crate) fn inbox(&self, address: &str) -> Vec<Mail> {
        self.lab.inbox(address)
    }

    /// Waits for something while both daemons stay alive.
    pub(crate) fn wait<T>(&mut self, what: &str, mut look: impl FnMut(&Desk) -> Option<T>) -> T {
        wait_until(LIMIT, what, || {
            for daemon in &mut self.daemons {
                if let Some(status) = daemon.ended() {
                    panic!("the {} ended by itself: {status}", daemon.program.name());
                }
            }
            look(self)
        })
    }

    /// Waits for a mail to somebody.
    pub(crate) fn wait_for_mail(
        &mut self,
        address: &str,
        what: &str,
        is_it: impl Fn(&Mail) -> bool,
    ) -> Mail {
        self.wait(&format!("{what}, to {address}"), |desk| {
            desk.inbox(address).into_iter().find(|mail| is_it(mail))
        })
    }

    /// Waits for the receipt of a letter.
    pub(crate) fn wait_for_receipt(&mut self, address: &str, letter: &Letter) -> Mail {
        let id = letter.message_id().to_owned();
        self.wait_for_mail(address, "a receipt", |mail| {
            mail.is_automatic() && mail.in_reply_to.contains(&id)
        })
    }

    /// Waits for the notice to somebody that holds a letter's UUID.
    pub(crate) fn wait_for_notice(&mut self, address: &str, letter: &Letter) -> Mail {
        let uuid = letter.uuid.clone();
        self.wait_for_mail(address, "a notice", |mail| mail.says(&uuid))
    }

    /// Waits until nothing is left to do: every letter has its outcome, none waits to be sent now, and what was sent is
    /// where it should be.
    pub(crate) fn wait_until_quiet(&mut self, letters: i64) {
        self.wait(&format!("{letters} letters are registered"), |desk| {
            (desk.database.count("ledger WHERE outcome IS NOT NULL") >= letters).then_some(())
        });
        self.wait("every letter that is due has left", |desk| {
            let waiting = "letter WHERE state IN ('due', 'sending', 'maybe_sent') AND due_at <= ";
            let now = match desk.database.url().starts_with("sqlite:") {
                true => "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')",
                false => "CURRENT_TIMESTAMP",
            };
            (desk.database.count(&format!("{waiting}{now}")) == 0).then_some(())
        });
        self.wait("the mail server has put away what it took", |desk| {
            let sent = desk
                .database
                .rows("message_id", "FROM letter WHERE state = 'sent'");
            let ids: Vec<&str> = sent.iter().map(|row| row.text("message_id")).collect();
            desk.lab.has_put_away(&ids).then_some(())
        });
    }

    /// Returns whether so many letters are registered and marked, and each has its receipt.
    pub(crate) fn receipts_left(&self, letters: i64) -> bool {
        let count = |what: &str| self.database.count(what);
        count("ledger WHERE outcome IS NOT NULL AND marked") >= letters
            && count("letter WHERE kind = 'receipt' AND state = 'sent'") >= letters
    }

    /// An address of Rita's for one matter, `rita07+word@…`: its mail reaches her inbox, and no ceiling is shared.
    pub(crate) fn rita_for(&self, word: &str) -> String {
        self.rita.replacen('@', &format!("+{word}@"), 1)
    }

    /// Rita writes for the first time; returns her letter, its receipt, and the notice to Ivan.
    pub(crate) fn rita_opens_a_ticket(&mut self) -> (Letter, Mail, Mail) {
        let letter = self.rita_writes("Не открывается дневник", "Пишет ошибку 500, уже час.");
        let (rita, ivan) = (self.rita.clone(), self.ivan.clone());
        let receipt = self.wait_for_receipt(&rita, &letter);
        let notice = self.wait_for_notice(&ivan, &letter);
        (letter, receipt, notice)
    }

    /// Panics if any mail to the people who write shows what belongs to specialists alone, or one of `secrets`.
    pub(crate) fn nothing_internal_reached_writers(&self, secrets: &[&str]) {
        for address in [&self.rita, &self.olga] {
            for mail in self.inbox(address) {
                let shown = format!("{}\n{}\n{}", mail.head(), mail.subject, mail.text);
                let raw = String::from_utf8_lossy(&mail.raw);
                // A token of a specialist carries his login: `notice.1.1.ivan.1abc…@school.test`.
                let internal = [
                    "[==",
                    "==]",
                    ".ivan.",
                    ".anna.",
                    "Служебное",
                    "#закрыть",
                    "#взять",
                ];
                let internal = internal.iter().chain(secrets).copied();
                for words in internal.chain([self.ivan.as_str(), self.anna.as_str()]) {
                    assert!(
                        !shown.contains(words) && !mail.says(words) && !raw.contains(words),
                        "{words:?} reached {address}:\n{shown}"
                    );
                }
            }
        }
    }

    /// Panics unless the poller's own comparison agrees with the server.
    pub(crate) fn ledger_agrees(&self) {
        let compared = self.command(Program::Poller, &["ledger"]);
        assert!(
            compared.status.success(),
            "{}{}",
            String::from_utf8_lossy(&compared.stdout),
            String::from_utf8_lossy(&compared.stderr)
        );
    }

    /// Panics unless the bytes stored of each letter in the mailbox are those in the server's own file, line ends apart,
    /// which Dovecot serves as CRLF.
    pub(crate) fn stored_as_served(&self) {
        let mut files: Vec<Vec<u8>> = self
            .inbox(&self.help)
            .iter()
            .map(|mail| with_crlf(&mail.raw))
            .collect();
        files.sort();
        let uids = "FROM ledger WHERE folder = 'INBOX' AND raw_mail_id IS NOT NULL ORDER BY id";
        let mut stored: Vec<Vec<u8>> = self
            .database
            .rows("uid", uids)
            .iter()
            .map(|row| {
                let output = self.command(Program::Poller, &["ledger", "raw", row.text("uid")]);
                assert!(output.status.success(), "{output:?}");
                output.stdout
            })
            .collect();
        stored.sort();
        assert_eq!(stored.len(), files.len(), "a row with bytes for each file");
        assert!(stored == files, "stored bytes are not those of the server");
    }

    // --- facts

    /// Returns the one ticket with this number.
    pub(crate) fn ticket(&self, number: i64) -> Row {
        self.tickets()
            .into_iter()
            .find(|row| row.number("number") == number)
            .unwrap_or_else(|| panic!("no ticket {number}"))
    }

    /// Returns the ledger, in order of registration.
    pub(crate) fn ledger(&self) -> Vec<Row> {
        self.database.rows(
            "id, folder, uidvalidity, uid, message_id, outcome, reason, ticket, duplicate_of, marked",
            "FROM ledger ORDER BY id",
        )
    }

    /// Returns the tickets, in order of number.
    pub(crate) fn tickets(&self) -> Vec<Row> {
        self.database.rows(
            "number, state, subject, requester_address, requester_name, assignee, receipt_letter, related_ticket, received_at, closed_at",
            "FROM ticket ORDER BY number",
        )
    }

    /// Returns the outgoing letters, in order of writing.
    pub(crate) fn letters(&self) -> Vec<Row> {
        self.database.rows(
            "id, kind, lane, ticket, message, recipient_address, message_id, dedup_key, state, due_at, attempts, possibly_twice, why, sent_at",
            "FROM letter ORDER BY id",
        )
    }

    /// Returns how many notes hold these words; `held` are answers that were not sent.
    pub(crate) fn notes(&self, held: bool, words: &str) -> usize {
        // SQLite has no booleans.
        let flag = if held { ["1", "true"] } else { ["0", "false"] };
        self.database
            .rows("held, body", "FROM note")
            .iter()
            .filter(|row| flag.contains(&row.text("held")) && row.text("body").contains(words))
            .count()
    }

    /// Returns the ledger row of a letter, waiting for its outcome.
    pub(crate) fn wait_for_outcome(&mut self, letter: &Letter) -> Row {
        let id = letter.message_id().to_owned();
        self.wait("the letter is registered", |desk| {
            desk.ledger()
                .into_iter()
                .find(|row| row.maybe("message_id") == Some(&id) && row.maybe("outcome").is_some())
        })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for program in Program::BOTH {
            eprintln!("--- the {}'s log\n{}", program.name(), self.log(program));
        }
    }
}

fn write_password(file: &Path, password: &str) {
    fs::write(file, password).expect("a password file");
    fs::set_permissions(file, Permissions::from_mode(0o600)).expect("permissions");
}

/// The bytes with CRLF for every line end.
pub(crate) fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(raw.len() + raw.len() / 50);
    let mut before = 0;
    for &byte in raw {
        if byte == b'\n' && before != b'\r' {
            lines.push(b'\r');
        }
        lines.push(byte);
        before = byte;
    }
    lines
}
