//! What a conversation asks of the system: no program is started, nothing is written outside the desk's own directory, and
//! nothing is read but what the daemons come with (promise P20, rule R25).

use std::fs;

use super::support::{Client, Desk, Engine, Lab, Letter, Program, on_both_engines};

/// What may be read besides the desk's own files: the system's libraries, names, zones, certificates, and itself.
const READ: [&str; 9] = [
    "/etc/",
    "/lib",
    "/usr/lib",
    "/usr/share/zoneinfo",
    "/proc/",
    "/sys/",
    "/dev/urandom",
    "/dev/null",
    "/run/systemd",
];
const NAMES: [&str; 4] = [
    "../../x.txt",
    "$(touch x).txt",
    "C:\\x.txt",
    "`id`;{{7*7}}.txt",
];

on_both_engines! {
    fn a_conversation_starts_no_program_and_writes_nowhere_else(engine) {
        let lab = Lab::shared();
        let mut desk = Desk::new(&lab, engine, |_| {});
        let traces = Program::BOTH.map(|program| desk.dir().join(format!("{}.trace", program.name())));
        for (program, trace) in Program::BOTH.into_iter().zip(&traces) {
            let trace = trace.to_str().expect("a plain path");
            #[rustfmt::skip]
            let strace = ["strace", "-D", "-f", "-qq", "-s", "4096", "-e", "trace=execve,execveat,open,openat,openat2,creat", "-o", trace];
            desk.start_under(program, &strace);
        }
        desk.wait_for_poll();
        let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
        let mut letter = Letter::new("$(id) {{7*7}}", &rita, &desk.help, "`touch /tmp/x` %n ../../x", "${HOME}; {% raw %}");
        for name in NAMES {
            letter = letter.file(name, "text/plain", b"bytes");
        }
        desk.receive(&rita, &letter);
        desk.wait_for_receipt(&rita, &letter);
        let notice = desk.wait_for_notice(&ivan, &letter);
        assert_eq!(notice.files.len(), NAMES.len(), "they travel");
        desk.ivan_replies(&notice, Client::BelowTheQuote, "Ниже цитаты.");
        desk.wait_for_mail(&ivan, "what became of it", |mail| mail.says("НЕ отправлен"));
        let answer = Letter::reply("Иван Смирнов", &ivan, &notice, Client::Gmail, "Готово.\n#закрыть").file("../a.txt", "text/plain", b"bytes");
        desk.receive(&ivan, &answer);
        let answered = desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Готово."));
        assert_eq!(answered.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a.txt"]);
        desk.wait_until_quiet(3);
        desk.stop_both();

        let ca = lab.variable("MAILLAB_CA").to_owned();
        let own = desk.dir().to_str().expect("a plain path").to_owned();
        for (program, trace) in Program::BOTH.into_iter().zip(&traces) {
            let trace = fs::read_to_string(trace).expect("a trace");
            let started: Vec<&str> = trace.lines().filter(|line| line.contains("exec")).collect();
            assert_eq!(started.len(), 1, "the {} itself: {started:?}", program.name());
            let opened = trace.lines().filter(|line| line.contains(" open") || line.contains(" creat("));
            let mut files = 0;
            for line in opened {
                let Some(path) = line.split('"').nth(1) else { continue };
                let is_written = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "creat("].iter().any(|flag| line.contains(flag));
                let is_own = path.starts_with(&own);
                assert!(is_own || !is_written || path == "/dev/null", "the {} writes: {line}", program.name());
                // A database without a password in its URL: the user's own file of passwords is asked for one.
                let is_asked = path == ca || path.ends_with("/.pgpass");
                assert!(is_own || is_asked || READ.iter().any(|allowed| path.starts_with(allowed)), "the {} reads: {line}", program.name());
                files += 1;
            }
            assert!(files > 5, "{files} files");
        }
    }
}
