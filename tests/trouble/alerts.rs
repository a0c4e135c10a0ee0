//! What operators and monitors are told while both daemons run: by letter, by a command, over HTTP; and that it is over.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;

use super::support::{Desk, Engine, Lab, Letter, Program, on_both_engines};

/// Two ports one after the other that are free now.
fn free_ports() -> u16 {
    let free = |port| TcpListener::bind(("127.0.0.1", port));
    loop {
        let first = free(0)
            .expect("a port")
            .local_addr()
            .expect("a port")
            .port();
        if first < u16::MAX && free(first).is_ok() && free(first + 1).is_ok() {
            return first;
        }
    }
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: monitor\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

on_both_engines! {
    fn a_letter_set_aside_is_told_by_mail_command_and_metrics_and_so_is_its_end(engine) {
        let tools = tempfile::tempdir_in("/var/tmp").expect("a directory");
        let (script, told) = (tools.path().join("alert"), tools.path().join("told"));
        let lines = format!("#!/bin/sh\nread -r title\necho \"$NINETOSIX_ALERT $NINETOSIX_ALERT_STATE $1\" >>{}\nenv >>{0}.env\n", told.display());
        fs::write(&script, lines).expect("a script");
        fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("a script");
        let port = free_ports();
        let mut desk = Desk::new(&Lab::shared(), engine, |config| {
            let operator = config.specialists[1].2.clone();
            config.specialists.truncate(1);
            config.tables.push_str(&format!(
                "[operator]\naddress = \"{operator}\"\ncommand = [\"{}\", \"it\"]\n[http]\nlisten = \"127.0.0.1:{port}\"\n",
                script.display()
            ));
        });
        for program in Program::BOTH {
            desk.start_one(program, &[("NINETOSIX_PANIC", "hemlock")]);
        }
        desk.wait_for_poll();
        for port in [port, port + 1] {
            let health = desk.wait("health", |_| get(port, "/health"));
            assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
        }
        let help = desk.help.clone();
        let poison = Letter::new("", "poison@family.test", &help, "Отрава", "Настой: hemlock.");
        desk.receive("poison@family.test", &poison);
        let anna = desk.anna.clone();
        let alert = desk.wait_for_mail(&anna, "an alert", |mail| mail.says("quarantine retry"));
        assert!(alert.subject.starts_with("ninetosix: письмо отложено в карантин"), "{}", alert.subject);
        let id = desk.database.rows("id", "FROM ledger WHERE outcome = 'quarantined'").remove(0);
        let id = id.text("id");
        let heard = |state: &str| format!("quarantine {id} {state} it");
        let says = |line: String| fs::read_to_string(&told).ok().filter(|text| text.lines().any(|one| one == line));
        desk.wait("the command was told", |_| says(heard("raised")));
        let metrics = desk.wait("the metrics say so", |_| get(port, "/metrics").filter(|page| page.contains("ninetosix_alert{")));
        assert!(metrics.contains(&format!("ninetosix_alert{{matter=\"quarantine {id}\",mailbox=\"{help}\"}} 1")), "{metrics}");
        assert!(metrics.contains("ninetosix_messages{outcome=\"quarantined\"} 1"), "{metrics}");

        assert!(desk.command(Program::Poller, &["quarantine", "release", id]).status.success());
        let over = desk.wait_for_mail(&anna, "its end", |mail| mail.subject.contains("прошло: письмо отложено"));
        assert!(over.is_automatic());
        let all = desk.wait("the command was told of the end", |_| says(heard("over")));
        assert_eq!(all.lines().count(), 2, "each once: {all}");
        let environment = fs::read_to_string(format!("{}.env", told.display())).expect("written");
        assert!(!environment.contains("PANIC") && !environment.contains("NOTIFY_SOCKET"), "{environment}");
        desk.wait("the metrics say that it is over", |_| get(port, "/metrics").filter(|page| !page.contains("ninetosix_alert{")));
        desk.stop_both();
    }
}
