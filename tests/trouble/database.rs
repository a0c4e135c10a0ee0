//! A database that is locked, away, or cut off in the middle of things.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::support::daemon;
use super::support::{Database, Desk, Engine, Lab, Program, wait_until};
use super::{RECOVERY, each_once, own_lab, stranger_writes, warnings};

/// How long the database is away.
const OUTAGE: Duration = Duration::from_secs(15);

/// A PostgreSQL of the test's own: it may be stopped.
struct Server {
    dir: TempDir,
}

impl Server {
    fn start() -> Server {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::Builder::new()
            .prefix("ninetosix-postgres.")
            .tempdir_in("/var/tmp")
            .expect("a directory in /var/tmp");
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(dir.path(), open).expect("permissions");
        let server = Server { dir };
        server.run("up", &["--fast"]);
        server
    }

    /// Runs `postgres COMMAND DIR ARGUMENTS`, which must succeed, and returns what it prints.
    fn run(&self, command: &str, arguments: &[&str]) -> String {
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

    fn desk(&self, lab: &Lab) -> Desk {
        let url = self.run("url", &[]);
        Desk::with(lab, |_| Database::on_server(&url), |_| {})
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
    let url = server.run("url", &[]);
    for number in 4..10 {
        letters.push(stranger_writes(&desk, number));
        sleep(Duration::from_millis(30 * u64::from(number)));
        desk.database.let_go();
        psql(
            &url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'desk%'",
        );
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
