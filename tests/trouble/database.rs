//! A database that is locked, away, or cut off in the middle of things.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::support::daemon;
use super::support::{Database, Desk, Engine, Holds, Lab, Program, oracle, wait_until};
use super::{RECOVERY, each_once, own_lab, rita_writes, stranger_writes, warnings};

/// How long the database is away.
const OUTAGE: Duration = Duration::from_secs(15);

/// A PostgreSQL of the test's own: it may be stopped.
pub(super) struct Server {
    dir: TempDir,
}

impl Server {
    fn start() -> Server {
        Server::start_with(&["--fast"])
    }

    /// One that keeps its promises when its processes die.
    pub(super) fn start_durable() -> Server {
        Server::start_with(&[])
    }

    fn start_with(options: &[&str]) -> Server {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::Builder::new()
            .prefix("ninetosix-postgres.")
            .tempdir_in("/var/tmp")
            .expect("a directory in /var/tmp");
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(dir.path(), open).expect("permissions");
        let server = Server { dir };
        server.run("up", options);
        server
    }

    /// Runs `postgres COMMAND DIR ARGUMENTS`, which must succeed, and returns what it prints.
    pub(super) fn run(&self, command: &str, arguments: &[&str]) -> String {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/postgres");
        let output = Command::new(program)
            .arg(command)
            .arg(self.dir.path().join("postgres"))
            .args(arguments)
            .output()
            .expect("bash runs it");
        assert!(output.status.success(), "postgres {command}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(super) fn desk(&self, lab: &Lab) -> Desk {
        let url = self.run("url", &[]);
        Desk::with(lab, |_| Database::on_server(&url), |_| {})
    }

    /// Ends the connections of all desks.
    pub(super) fn cut_connections(&self) {
        psql(
            &self.run("url", &[]),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'desk%'",
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.run("down", &["--purge"]);
    }
}

/// Runs SQL as the server's administrator.
fn psql(url: &str, sql: &str) {
    let output = Command::new("psql")
        .args(["-qX", "-v", "ON_ERROR_STOP=1", url, "-c", sql])
        .output()
        .expect("psql runs");
    assert!(output.status.success(), "{sql}: {output:?}");
}

#[test]
fn a_locked_sqlite_file_is_waited_for() {
    let lab = own_lab();
    let mut desk = Desk::new(&lab, Engine::Sqlite, |_| {});
    desk.start();
    let mut holder = Command::new("sqlite3")
        .arg(desk.dir().join("ninetosix.db"))
        .stdin(Stdio::piped())
        .spawn()
        .expect("sqlite3 runs");
    let mut tell = holder.stdin.take().expect("a pipe");
    writeln!(
        tell,
        ".timeout 5000\nBEGIN IMMEDIATE;\n.shell touch {}/locked",
        desk.dir().display()
    )
    .expect("it reads");
    let locked = desk.dir().join("locked");
    wait_until(RECOVERY, "the file is locked", || {
        locked.exists().then_some(())
    });
    let letters = [stranger_writes(&desk, 1), stranger_writes(&desk, 2)];
    sleep(OUTAGE);
    assert_eq!(desk.database.count("ledger"), 0);
    assert_eq!(
        lab.seen(&desk.help),
        0,
        "nothing is marked before it is stored"
    );
    let said = warnings(&desk.log(Program::Poller), "poll:");
    assert_eq!(said.len(), 1, "{said:?}");
    drop(tell);
    holder.wait().expect("our child");
    each_once(&desk, &letters.each_ref());
    desk.stop_both();
}

#[test]
fn a_postgres_that_stops_or_cuts_every_connection_loses_and_repeats_nothing() {
    let (server, lab) = (Server::start(), own_lab());
    let mut desk = server.desk(&lab);
    desk.start();
    let mut letters = vec![stranger_writes(&desk, 1)];
    desk.wait_until_quiet(1);
    let seen = lab.seen(&desk.help);

    // Stopped, with letters coming in.
    desk.database.let_go();
    server.run("stop", &[]);
    letters.push(stranger_writes(&desk, 2));
    letters.push(stranger_writes(&desk, 3));
    sleep(OUTAGE);
    assert_eq!(
        lab.seen(&desk.help),
        seen,
        "nothing is marked before it is stored"
    );
    for program in Program::BOTH {
        let running = desk.running(program).expect("it was started");
        assert!(running.ended().is_none(), "the {} goes on", program.name());
        let said = warnings(&desk.log(program), "").len();
        // One line a loop, and once more where the words of the trouble change.
        assert!(
            said <= 8,
            "{said} lines in {OUTAGE:?}:\n{}",
            desk.log(program)
        );
    }
    server.run("start", &[]);
    each_once(&desk, &letters.iter().collect::<Vec<_>>());

    // Connections cut, again and again, while letters come in.
    for number in 4..10 {
        letters.push(stranger_writes(&desk, number));
        sleep(Duration::from_millis(30 * u64::from(number)));
        desk.database.let_go();
        server.cut_connections();
    }
    each_once(&desk, &letters.iter().collect::<Vec<_>>());

    // Away at the start.
    desk.stop_both();
    desk.database.let_go();
    server.run("stop", &[]);
    letters.push(stranger_writes(&desk, 10));
    for program in Program::BOTH {
        desk.start_one(program, &[]);
    }
    desk.wait("both say that they wait", |desk| {
        let waits = |program| desk.log(program).contains("the database cannot be opened");
        Program::BOTH.into_iter().all(waits).then_some(())
    });
    server.run("start", &[]);
    each_once(&desk, &letters.iter().collect::<Vec<_>>());
    desk.stop_both();
}

/// The daemon whose work was cut short does not wait as it does for a mail server that refuses everything.
#[test]
fn a_receipt_in_hand_when_postgres_went_away_leaves_soon_after_it_is_back() {
    let server = Server::start_durable();
    let mut desk = server.desk(&Lab::shared());
    let holds = Holds::new(desk.dir().join("hold"));
    desk.start_one(Program::Poller, &holds.environment());
    desk.start_one(Program::Worker, &[]);
    desk.wait_for_poll();
    holds.arm("rcpt_ok");
    let letter = rita_writes(&desk, 0);
    holds.wait_for("rcpt_ok");
    desk.database.let_go();
    server.run("stop", &["immediate"]);
    holds.release("rcpt_ok");
    sleep(OUTAGE);
    server.run("start", &[]);
    wait_until(Duration::from_secs(20), "the receipt has left", || {
        desk.receipts_left(1).then_some(())
    });
    desk.wait_until_quiet(1);
    desk.stop_both();
    oracle::all_is_well(&desk, &[letter], &[]);
}

#[test]
fn without_a_schema_on_postgres_the_daemons_end_with_the_advice_to_make_it() {
    let desk = Desk::new(&Lab::shared(), Engine::Postgres, |_| {});
    psql(
        &desk.database.url(),
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
    );
    for program in Program::BOTH {
        let output = daemon::command(program, &desk.config_file(), &["run"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{said}");
        assert!(said.contains("ninetosix-worker migrate"), "{said}");
    }
}
