//! Something that is wrong, and `check` asked about it.

use std::any::Any;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ninetosix_core::check::Report;
use ninetosix_core::clock::ManualClock;
use ninetosix_core::config::{self, Language, Settings};
use tempfile::TempDir;

use super::support::{Config, Desk, Engine, Lab, Program};

/// A fact of a report, as scripts read it.
pub(crate) type Fact = serde_json::Value;

/// What is asked, in a language.
pub(crate) struct Scene {
    ask: Box<dyn Fn(Language) -> Vec<Fact>>,
}

/// Both, by what they are called.
pub(crate) const LANGUAGES: [(Language, &str); 2] = [(Language::Ru, "ru"), (Language::En, "en")];

impl Scene {
    /// Asks the program; `keep` lives as long as that may happen.
    pub(crate) fn of(program: Program, desk: Desk, keep: impl Any) -> Scene {
        Scene::under(&[], program, desk, &[], keep)
    }

    /// The same with more arguments, and as an argument of another program.
    pub(crate) fn under(
        wrapper: &[&str],
        program: Program,
        desk: Desk,
        arguments: &[&str],
        keep: impl Any,
    ) -> Scene {
        let owned = |words: &[&str]| -> Vec<String> {
            words.iter().map(|word| (*word).to_owned()).collect()
        };
        let (wrapper, arguments) = (owned(wrapper), owned(arguments));
        let ask = move |language: Language| {
            let _ = &keep;
            let named = LANGUAGES.iter().find(|(known, _)| *known == language);
            let (_, language) = named.expect("one of two");
            let path = program.path();
            let mut words: Vec<&str> = wrapper.iter().map(String::as_str).collect();
            words.push(path.to_str().expect("a plain path"));
            let output = Command::new(words[0])
                .args(&words[1..])
                .args(["check", "--json", "--config"])
                .arg(desk.config_file())
                .args(&arguments)
                .env_clear()
                .envs([
                    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
                    ("NINETOSIX__LANGUAGE", language),
                ])
                .stdin(Stdio::null())
                .output()
                .expect("the program runs");
            let said = String::from_utf8_lossy(&output.stdout);
            let facts: Vec<Fact> = said
                .lines()
                .map(|line| serde_json::from_str(line).expect(line))
                .collect();
            let has = |key: &str, word: &str| facts.iter().any(|fact| fact[key] == word);
            let code = match (has("cure_id", "configuration"), has("verdict", "bad")) {
                (true, _) => 2,
                (false, is_bad) => i32::from(is_bad),
            };
            assert_eq!(output.status.code(), Some(code), "{output:?}");
            facts
        };
        Scene { ask: Box::new(ask) }
    }

    /// Asks in this process, on a clock of the test's own.
    pub(crate) fn inside(
        desk: Desk,
        keep: impl Any,
        run: impl AsyncFn(&Settings, &Path) -> Report + 'static,
    ) -> Scene {
        ninetosix_core::tls::install_provider();
        let ask = move |language| {
            let _ = &keep;
            let file = desk.config_file();
            let mut settings = config::load(&file).unwrap_or_else(|problems| panic!("{problems}"));
            settings.language = language;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let report = runtime.block_on(run(&settings, &file));
            let facts = report.facts().iter();
            facts
                .map(|fact| serde_json::to_value(fact).expect("plain strings"))
                .collect()
        };
        Scene { ask: Box::new(ask) }
    }

    pub(crate) fn facts(&self, language: Language) -> Vec<Fact> {
        (self.ask)(language)
    }
}

/// A desk of one's own with a mailbox in the lab.
pub(crate) fn desk(engine: Engine, change: impl FnOnce(&mut Config)) -> Desk {
    Desk::new(&Lab::shared(), engine, change)
}

/// Changes words of the configuration.
pub(crate) fn spoil(desk: &Desk, what: &str, with: &str) {
    let file = desk.config_file();
    let text = fs::read_to_string(&file).expect("the configuration");
    assert!(text.contains(what), "{what}");
    fs::write(&file, text.replace(what, with)).expect("a configuration");
}

/// A clock that stands still.
pub(crate) fn clock(at: DateTime<Utc>) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(at))
}

/// A small file system in memory.
pub(crate) struct Disk {
    dir: TempDir,
}

impl Disk {
    pub(crate) fn mount(size: &str) -> Disk {
        let dir = directory("disk");
        run(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=700"),
                "tmpfs",
            ],
            dir.path(),
        );
        Disk { dir }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("ninetosix.db")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["--lazy"], self.dir.path());
    }
}

/// A PostgreSQL that is quick and forgets.
pub(crate) struct Forgetful {
    dir: TempDir,
}

impl Forgetful {
    pub(crate) fn start() -> Forgetful {
        let dir = directory("postgres");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        fs::set_permissions(dir.path(), open).expect("permissions");
        let server = Forgetful { dir };
        server.run("up", &["--fast"]);
        server
    }

    pub(crate) fn url(&self) -> String {
        self.run("url", &[])
    }

    fn run(&self, command: &str, options: &[&str]) -> String {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/support/postgres");
        let output = Command::new(program)
            .arg(command)
            .arg(self.dir.path().join("postgres"))
            .args(options)
            .output()
            .expect("bash runs it");
        assert!(output.status.success(), "postgres {command}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Forgetful {
    fn drop(&mut self) {
        self.run("down", &["--purge"]);
    }
}

fn directory(what: &str) -> TempDir {
    tempfile::Builder::new()
        .prefix(&format!("ninetosix-{what}."))
        .tempdir_in("/var/tmp")
        .expect("a directory in /var/tmp")
}

/// Runs a program on a path to its end.
pub(crate) fn run(program: &str, arguments: &[&str], path: &Path) {
    let output = Command::new(program).args(arguments).arg(path).output();
    let output = output.expect("it runs");
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
}
