//! One program of the desk as a process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::wait_until;

/// The two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Registers and confirms.
    Poller,
    /// Does all the rest, in business hours.
    Worker,
}

impl Program {
    /// Both.
    pub(crate) const BOTH: [Program; 2] = [Program::Poller, Program::Worker];

    /// The last part of its name, which is also that of its lane.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Program::Poller => "poller",
            Program::Worker => "worker",
        }
    }

    /// The program's file, beside the test's own.
    pub(crate) fn path(self) -> PathBuf {
        let test = std::env::current_exe().expect("the test has a file");
        let path = test
            .ancestors()
            .nth(2)
            .expect("target/debug/deps/test")
            .join(format!("ninetosix-{}", self.name()));
        assert!(
            path.exists(),
            "{} is not built: use tests/run.sh, or cargo build --workspace --all-features",
            path.display()
        );
        path
    }
}

/// A running daemon. It is killed when it is dropped, and dies with the thread that started it.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// Which one.
    pub(crate) program: Program,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a daemon with nothing of the test's environment but `environment`. Its log is added to `log`.
    pub(crate) fn start(
        program: Program,
        config: &Path,
        log: &Path,
        environment: &[(&str, &str)],
    ) -> Daemon {
        Daemon::start_under(&[], program, config, log, environment)
    }

    /// The same as an argument of `tracer`, which must become the daemon itself, as `strace -D` does.
    pub(crate) fn start_under(
        tracer: &[&str],
        program: Program,
        config: &Path,
        log: &Path,
        environment: &[(&str, &str)],
    ) -> Daemon {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log");
        // setpriv becomes the daemon itself: no process in between, and none left behind by a killed test.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .args(tracer)
            .arg(program.path())
            .args(["run", "--config"])
            .arg(config)
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8")])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("the same log"))
            .stderr(out)
            .spawn()
            .expect("the daemon starts");
        Daemon {
            program,
            child,
            log: log.to_owned(),
        }
    }

    /// Returns how it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the daemon is our child")
    }

    /// Waits for it to end by itself.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the {} ends", self.program.name());
        wait_until(limit, &what, || self.ended())
    }

    /// Sends SIGTERM and returns how it ended and after how long.
    pub(crate) fn stop(mut self, limit: Duration) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal(Signal::TERM);
        let status = self.wait(limit);
        (status, begun.elapsed())
    }

    /// Returns its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns how many TCP connections it has to a port of this machine.
    pub(crate) fn connections_to(&self, port: u16) -> usize {
        let of_process = |what: &str| format!("/proc/{}/{what}", self.pid());
        let files = fs::read_dir(of_process("fd")).expect("it lives");
        let own: Vec<String> = files
            .flatten()
            .filter_map(|file| Some(fs::read_link(file.path()).ok()?.display().to_string()))
            .collect();
        let table = ["net/tcp", "net/tcp6"].map(|table| fs::read_to_string(of_process(table)));
        let table = table.map(|table| table.expect("Linux says so")).concat();
        let remote = format!(":{port:04X}");
        let sockets = table.lines().filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let inode = fields.get(9).map(|inode| format!("socket:[{inode}]"));
            fields.get(2).is_some_and(|to| to.ends_with(&remote))
                && inode.is_some_and(|inode| own.contains(&inode))
        });
        sockets.count()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a pid");
        kill_process(pid, signal).expect("the daemon is ours");
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the daemon is ours");
        self.child.wait().expect("the daemon is our child");
    }

    /// Returns what it said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs one command of a program to its end.
pub(crate) fn command(program: Program, config: &Path, arguments: &[&str]) -> Output {
    Command::new(program.path())
        .args(arguments)
        .arg("--config")
        .arg(config)
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8")])
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}
