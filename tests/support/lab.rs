//! The mail server: the one that `tests/run.sh` starts for all tests, or one of a test's own that may be stopped and
//! killed.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::lmtp;
use super::mail::Mail;

/// The people around a desk, and where they live. Each has one account for every number.
pub(crate) const PEOPLE: [(&str, &str); 5] = [
    ("help", "school.test"),
    ("ivan", "school.test"),
    ("anna", "school.test"),
    ("rita", "family.test"),
    ("olga", "family.test"),
];
/// Numbers in a lab of a test's own.
const OWN_NUMBERS: u32 = 4;
const NO_LAB: &str =
    "NINETOSIX_TEST_LAB names the mail lab to test in: use tests/run.sh, which starts one";

/// A mail server with numbered accounts. Clones are the same lab.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    dir: PathBuf,
    env: Arc<HashMap<String, String>>,
    passwords: Arc<HashMap<String, String>>,
    _own: Option<Arc<Own>>,
}

/// A lab that goes away with the test.
#[derive(Debug)]
struct Own {
    dir: TempDir,
}

impl Lab {
    /// Returns the lab that all tests share. Nobody stops its servers.
    pub(crate) fn shared() -> Lab {
        Lab::read(
            PathBuf::from(std::env::var("NINETOSIX_TEST_LAB").expect(NO_LAB)),
            None,
        )
    }

    /// Starts a lab of the test's own; `options` are those of `maillab up`.
    pub(crate) fn own(options: &[&str]) -> Lab {
        let dir = tempfile::Builder::new()
            .prefix("ninetosix-lab.")
            .tempdir_in("/var/tmp")
            .expect("a directory in /var/tmp");
        // The servers run as other users.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).expect("permissions");
        let users = dir.path().join("users");
        let lines: String = (0..OWN_NUMBERS)
            .flat_map(|number| PEOPLE.map(|(name, domain)| address(name, number, domain)))
            .chain(["catchall@school.test".to_owned()])
            .map(|address| format!("{address}:secret\n"))
            .collect();
        fs::write(&users, lines).expect("a list of accounts");
        let lab = dir.path().join("lab");
        let mut up: Vec<&str> = vec!["--users", users.to_str().expect("a plain path")];
        up.extend(options);
        // From here on whatever was started is stopped when the test ends.
        let own = Arc::new(Own { dir });
        run(&lab, "up", &up);
        Lab::read(lab, Some(own))
    }

    fn read(dir: PathBuf, own: Option<Arc<Own>>) -> Lab {
        let pairs = |file: &str, between: char| -> Arc<HashMap<String, String>> {
            let text = fs::read_to_string(dir.join(file))
                .unwrap_or_else(|error| panic!("{}/{file}: {error}. {NO_LAB}", dir.display()));
            let pairs = text.lines().filter_map(|line| line.split_once(between));
            Arc::new(
                pairs
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect(),
            )
        };
        Lab {
            env: pairs("env", '='),
            passwords: pairs("accounts", ':'),
            dir,
            _own: own,
        }
    }

    /// Returns a number that no other test of this lab has, in this process or another.
    pub(crate) fn number(&self) -> u32 {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.dir.join("next-number"))
            .expect("the lab's counter");
        file.lock().expect("the counter's lock");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("the counter");
        let number = text.trim().parse().unwrap_or(0);
        file.rewind().expect("the counter");
        write!(file, "{}", number + 1).expect("the counter");
        assert!(
            self.passwords
                .contains_key(&address("help", number, "school.test")),
            "the lab has no accounts left: start a new one (tests/run.sh does)"
        );
        number
    }

    /// Returns a variable of the lab, such as `MAILLAB_CA`.
    pub(crate) fn variable(&self, name: &str) -> &str {
        self.env
            .get(name)
            .unwrap_or_else(|| panic!("the lab has no {name}"))
    }

    /// Returns the password of an account.
    pub(crate) fn password(&self, address: &str) -> &str {
        self.passwords
            .get(address)
            .unwrap_or_else(|| panic!("the lab has no account {address}"))
    }

    /// Returns a token that lets somebody into this account for so many seconds.
    pub(crate) fn token(&self, address: &str, seconds: u32) -> String {
        let seconds = seconds.to_string();
        let arguments = [address, seconds.as_str()];
        let output = maillab(&self.dir, "token", &arguments).expect("bash runs maillab");
        assert!(output.status.success(), "{output:?}");
        let token = String::from_utf8(output.stdout).expect("plain text");
        token.trim().to_owned()
    }

    /// Changes an account's password at the server, from the next login on. In a lab of the test's own.
    pub(crate) fn set_password(&self, address: &str, password: &str) {
        let file = self.dir.join("etc/passwd");
        let text = fs::read_to_string(&file).expect("the accounts");
        let lines = text.lines().map(|line| match line.split_once(':') {
            Some((of, _)) if of == address => format!("{address}:{{PLAIN}}{password}::::::\n"),
            _ => format!("{line}\n"),
        });
        // In place: the file belongs to the server's group.
        fs::write(&file, lines.collect::<String>()).expect("the accounts");
        // Dovecot looks at the file's time once a second.
        std::thread::sleep(std::time::Duration::from_millis(2100));
    }

    /// Returns what `dovecot` or `postfix` has said so far.
    pub(crate) fn log(&self, server: &str) -> String {
        fs::read_to_string(self.dir.join(format!("log/{server}.log"))).unwrap_or_default()
    }

    /// Returns whether none of these letters is on its way between Postfix's answer and a mailbox: each that Postfix took
    /// is delivered, bounced or put off. Ids of letters that went elsewhere count as put away.
    pub(crate) fn has_put_away(&self, message_ids: &[&str]) -> bool {
        let log = self.log("postfix");
        // By queue id: whose it is, whether the queue has it, and whether it is done with. A letter that was broken off
        // before its end never comes into the queue.
        let mut queue: BTreeMap<&str, (&str, bool, bool)> = BTreeMap::new();
        for line in log.lines() {
            // "… postfix/cleanup[7]: 4F1A2: message-id=<…>", "postfix/qmgr[7]: 4F1A2: from=<…>", "… 4F1A2: removed"
            let mut words = line
                .split_once("]: ")
                .map_or("", |(_, said)| said)
                .splitn(2, ": ");
            let (queue_id, said) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            if let Some(id) = said.strip_prefix("message-id=") {
                queue.insert(queue_id, (id.trim_matches(['<', '>']), false, false));
            } else if let Some((_, active, done)) = queue.get_mut(queue_id) {
                *active |= said.starts_with("from=<");
                *done |= said == "removed" || said.contains("status=deferred");
            }
        }
        message_ids.iter().all(|id| {
            let ways: Vec<_> = queue.values().filter(|(of, _, _)| of == id).collect();
            let is_done = ways.iter().any(|(_, _, done)| *done);
            let is_under_way = ways.iter().any(|(_, active, done)| *active && !done);
            ways.is_empty() || is_done && !is_under_way
        })
    }

    /// Puts a letter into a mailbox without any server: a file in its Maildir. Somebody must have logged in once.
    pub(crate) fn put(&self, recipient: &str, raw: &[u8]) {
        self.put_file(recipient, "", raw, &super::letter::fresh_uuid(), None);
    }

    /// The same into somebody's folder of sent mail, as a provider does that keeps copies.
    pub(crate) fn put_sent(&self, sender: &str, raw: &[u8]) {
        self.put_file(sender, ".Sent", raw, &super::letter::fresh_uuid(), None);
    }

    /// The same with a time of arrival, a second of its own for each letter: the server's INTERNALDATE, and its order.
    pub(crate) fn put_dated(&self, recipient: &str, raw: &[u8], arrived: DateTime<Utc>) {
        let name = arrived.timestamp().to_string();
        self.put_file(recipient, "", raw, &name, Some(arrived));
    }

    fn put_file(
        &self,
        recipient: &str,
        folder: &str,
        raw: &[u8],
        name: &str,
        arrived: Option<DateTime<Utc>>,
    ) {
        let maildir = self.dir.join("mail").join(recipient).join(folder);
        let owner = fs::metadata(&maildir).expect("the mailbox was opened once");
        let name = format!("{name}.M0P1.put");
        let written = maildir.join("tmp").join(&name);
        let mut file = File::create(&written).expect("the Maildir takes files");
        file.write_all(raw).expect("the Maildir takes files");
        if let Some(arrived) = arrived {
            file.set_modified(arrived.into()).expect("a file's time");
        }
        std::os::unix::fs::chown(&written, Some(owner.uid()), Some(owner.gid())).expect("root");
        fs::rename(&written, maildir.join("new").join(&name)).expect("the Maildir takes files");
    }

    /// Makes a folder beside an inbox that was opened once.
    pub(crate) fn make_folder(&self, address: &str, folder: &str) {
        let maildir = self.dir.join("mail").join(address);
        let owner = fs::metadata(&maildir).expect("the mailbox was opened once");
        let made = maildir.join(format!(".{folder}"));
        for part in ["", "cur", "new", "tmp"] {
            let dir = made.join(part);
            fs::create_dir(&dir).expect("the Maildir takes folders");
            std::os::unix::fs::chown(&dir, Some(owner.uid()), Some(owner.gid())).expect("root");
        }
    }

    /// Removes every letter from an inbox, as other people's mail programs do.
    pub(crate) fn empty(&self, address: &str) {
        for folder in ["new", "cur"] {
            let files = fs::read_dir(self.dir.join("mail").join(address).join(folder));
            for file in files.into_iter().flatten().flatten() {
                fs::remove_file(file.path()).expect("a letter");
            }
        }
    }

    /// Returns how many letters in an inbox carry the mark \\Seen.
    pub(crate) fn seen(&self, address: &str) -> usize {
        let flags = self.flags(address, "");
        flags.iter().filter(|flags| flags.contains('S')).count()
    }

    /// Returns the flags of each letter in a folder of somebody's, as Maildir writes them: `S` is \\Seen, small letters are
    /// keywords. `folder` is its directory in the Maildir, empty for the inbox.
    pub(crate) fn flags(&self, address: &str, folder: &str) -> Vec<String> {
        let maildir = self.dir.join("mail").join(address).join(folder);
        let files = ["new", "cur"].map(|place| fs::read_dir(maildir.join(place)));
        let names = files.into_iter().flatten().flatten().flatten();
        let flags = names.map(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            let flags = name.split_once(":2,").map(|(_, flags)| flags.to_owned());
            flags.unwrap_or_default()
        });
        flags.collect()
    }

    /// Puts a letter into a mailbox. An empty `sender` is the null return path.
    pub(crate) fn deliver(&self, recipient: &str, sender: &str, raw: &[u8]) {
        let port = self.variable("MAILLAB_LMTP_PORT").parse().expect("a port");
        lmtp::deliver(port, recipient, sender, raw);
    }

    /// Sends a letter to `recipient` through the submission server, logged in as `account`.
    pub(crate) fn submit(&self, account: &str, recipient: &str, raw: &[u8]) {
        let port = self.variable("MAILLAB_SUBMISSIONS_PORT");
        let (ca, password) = (self.variable("MAILLAB_CA"), self.password(account));
        submit(&[port, account, recipient, ca, account, password], raw);
    }

    /// Sends a letter to `recipient` as a foreign server does, with `sender` on its envelope.
    pub(crate) fn send_from_outside(&self, sender: &str, recipient: &str, raw: &[u8]) {
        submit(
            &[self.variable("MAILLAB_SMTP_PORT"), sender, recipient],
            raw,
        );
    }

    /// Returns the mails in a person's inbox, in order of arrival.
    pub(crate) fn inbox(&self, address: &str) -> Vec<Mail> {
        self.folder(address, "")
    }

    /// Returns the mails in a folder of somebody's: its directory in the Maildir, such as `.Sent`.
    pub(crate) fn folder(&self, address: &str, directory: &str) -> Vec<Mail> {
        let maildir = self.dir.join("mail").join(address).join(directory);
        let mut files: Vec<PathBuf> = Vec::new();
        for folder in ["new", "cur"] {
            // An inbox that has had no mail yet is not there.
            if let Ok(entries) = fs::read_dir(maildir.join(folder)) {
                files.extend(entries.flatten().map(|entry| entry.path()));
            }
        }
        let mut mails: Vec<Mail> = files
            .iter()
            // Somebody who reads moves a mail from `new` to `cur`.
            .filter_map(|path| Some(Mail::read(arrival(path), fs::read(path).ok()?)))
            .collect();
        mails.sort_by(|one, other| one.arrived.cmp(&other.arrived));
        mails.dedup_by(|one, other| one.arrived == other.arrived);
        mails
    }

    /// Returns how many mails wait in the mailbox of everybody who has no account.
    pub(crate) fn gone_astray(&self, to: &str) -> usize {
        let all = self.inbox(self.variable("MAILLAB_CATCHALL"));
        all.iter()
            .filter(|mail| mail.to.iter().any(|address| address == to))
            .count()
    }

    /// Takes an inbox back to its first `kept` letters, as a server does that was restored from an old backup: the UIDs of
    /// the others are given anew, under the same UIDVALIDITY. In a lab of the test's own.
    pub(crate) fn roll_back(&self, address: &str, kept: usize) {
        self.maillab("stop", &["dovecot"]);
        let maildir = self.dir.join("mail").join(address);
        let list = maildir.join("dovecot-uidlist");
        let text = fs::read_to_string(&list).expect("Dovecot's list of UIDs");
        let (head, letters) = text.split_once('\n').expect("a line of its own");
        let mut head: Vec<&str> = head.split(' ').collect();
        let next = format!("N{}", kept + 1);
        *head
            .iter_mut()
            .find(|field| field.starts_with('N'))
            .expect("UIDNEXT") = &next;
        let mut kept_lines = head.join(" ");
        for (at, line) in letters.lines().enumerate() {
            let (_, name) = line.split_once(" :").expect("a UID and a file");
            if at < kept {
                kept_lines = format!("{kept_lines}\n{line}");
                continue;
            }
            let unique = name.split(':').next().unwrap_or(name);
            for folder in ["new", "cur"] {
                let files = fs::read_dir(maildir.join(folder))
                    .into_iter()
                    .flatten()
                    .flatten();
                for file in
                    files.filter(|file| file.file_name().to_string_lossy().starts_with(unique))
                {
                    fs::remove_file(file.path()).expect("a letter");
                }
            }
        }
        // In place: the file belongs to the server.
        fs::write(&list, kept_lines + "\n").expect("the list of UIDs");
        for file in fs::read_dir(&maildir).expect("the Maildir").flatten() {
            if file
                .file_name()
                .to_string_lossy()
                .starts_with("dovecot.index")
            {
                fs::remove_file(file.path()).expect("an index");
            }
        }
        self.maillab("start", &["dovecot"]);
    }

    /// Runs `maillab COMMAND DIR ARGUMENTS`, which must succeed.
    pub(crate) fn maillab(&self, command: &str, arguments: &[&str]) {
        run(&self.dir, command, arguments);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let down = maillab(&self.dir.path().join("lab"), "down", &["--purge"]);
        if !down.is_ok_and(|output| output.status.success()) {
            eprintln!("the lab in {} was not stopped", self.dir.path().display());
        }
    }
}

/// Returns the address of a person of one number: `help07@school.test`.
pub(crate) fn address(name: &str, number: u32, domain: &str) -> String {
    format!("{name}{number:02}@{domain}")
}

/// A Maildir name without its flags, by which mails sort: seconds, then microseconds, then the rest.
fn arrival(path: &Path) -> (u64, u64, String) {
    let name = path.file_name().and_then(|name| name.to_str());
    let unique = name
        .and_then(|name| name.split(':').next())
        .unwrap_or_default()
        .to_owned();
    let seconds = unique
        .split('.')
        .next()
        .and_then(|seconds| seconds.parse().ok());
    let micros = unique
        .split_once(".M")
        .and_then(|(_, rest)| rest.split('P').next()?.parse().ok());
    (
        seconds.unwrap_or_default(),
        micros.unwrap_or_default(),
        unique,
    )
}

fn maillab(dir: &Path, command: &str, arguments: &[&str]) -> std::io::Result<std::process::Output> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/maillab/maillab");
    Command::new(program)
        .arg(command)
        .arg(dir)
        .args(arguments)
        .output()
}

fn submit(arguments: &[&str], raw: &[u8]) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/submit.py");
    let mut python = Command::new("python3")
        .arg(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut input = python.stdin.take().expect("its input");
    input.write_all(raw).expect("it reads the letter");
    drop(input);
    let status = python.wait().expect("its end");
    assert!(status.success(), "the lab's Postfix took no letter");
}

fn run(dir: &Path, command: &str, arguments: &[&str]) {
    let output = maillab(dir, command, arguments).expect("bash runs maillab");
    assert!(
        output.status.success(),
        "maillab {command} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
