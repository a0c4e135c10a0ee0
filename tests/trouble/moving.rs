//! The desk moves from SQLite to PostgreSQL in the middle of a conversation, and nobody but its operator notices.

use std::process::Output;

use super::support::{Client, Database, Desk, Engine, Lab, Letter, Program, daemon};

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_desk_that_moved_goes_on_where_it_stopped_and_sends_nothing_again() {
    let mut desk = Desk::new(&Lab::shared(), Engine::Sqlite, |_| {});
    desk.start();
    let (first, _, notice) = desk.rita_opens_a_ticket();
    let (rita, olga, ivan) = (desk.rita.clone(), desk.olga.clone(), desk.ivan.clone());
    desk.wait_until_quiet(1);
    // An answer that has not left yet.
    desk.stop(Program::Worker);
    let reply = desk.ivan_replies(&notice, Client::Thunderbird, "Первый ответ.");
    desk.wait_for_outcome(&reply);

    let file = desk.dir().join("ninetosix.db");
    let from = file.display().to_string();
    let told = desk.command(Program::Worker, &["migrate", "--from", &from]);
    assert_eq!(told.status.code(), Some(1));
    assert!(said(&told).contains("names an SQLite file"), "{told:?}");
    desk.database.let_go();
    desk.database = Database::new(Engine::Postgres, desk.dir());
    let old_config = desk.dir().join("old.toml");
    std::fs::copy(desk.config_file(), &old_config).expect("copied");
    let old = std::fs::read_to_string(&old_config).expect("read");
    assert!(old.contains(&from), "{old}");
    // The poller still runs, on the file.
    let config = old.replace(&format!("sqlite:{from}"), &desk.database.url());
    let new_config = desk.dir().join("new.toml");
    std::fs::write(&new_config, config).expect("written");
    let told = daemon::command(Program::Worker, &new_config, &["migrate", "--from", &from]);
    assert_eq!(told.status.code(), Some(1));
    assert!(said(&told).contains("stop both daemons"), "{told:?}");
    desk.stop(Program::Poller);
    desk.reconfigure(|_| {});
    // Somebody writes meanwhile.
    let second = desk.rita_for("meanwhile");
    let second = Letter::new("Рита", &second, &desk.help, "Вопрос", "Как войти?");
    desk.receive(&rita, &second);
    let (to_rita, to_ivan) = (desk.inbox(&rita).len(), desk.inbox(&ivan).len());

    let told = desk.command(Program::Worker, &["migrate", "--from", &from]);
    let words = said(&told);
    assert!(told.status.success(), "{words}");
    for part in [
        "ticket           1\n",
        "every row is there",
        "goes on where it stopped",
        "marked as left",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let is_again = desk.command(Program::Worker, &["migrate", "--from", &from]);
    assert_eq!(is_again.status.code(), Some(1), "{is_again:?}");
    // Whoever starts a daemon on the file is told.
    for program in Program::BOTH {
        let output = daemon::command(program, &old_config, &["run"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(said(&output).contains("moved to PostgreSQL"), "{output:?}");
    }

    desk.start();
    desk.wait_for_mail(&rita, "what had not left", |mail| {
        mail.says("Первый ответ.")
    });
    let second_notice = desk.wait_for_notice(&ivan, &second);
    // The token of a notice of before holds.
    desk.ivan_replies(&notice, Client::Thunderbird, "Второй ответ.");
    desk.wait_for_mail(&rita, "an answer to a notice of before", |mail| {
        mail.says("Второй ответ.")
    });
    desk.ivan_replies(&second_notice, Client::Thunderbird, "Так и войти.");
    desk.wait_for_mail(&rita, "an answer to the new ticket", |mail| {
        mail.says("Так и войти.")
    });
    desk.wait_until_quiet(5);
    desk.ledger_agrees();
    desk.stored_as_served();
    desk.stop_both();
    let outcomes = desk.database.rows("outcome", "FROM ledger ORDER BY id");
    let outcomes: Vec<_> = outcomes.iter().map(|row| row.text("outcome")).collect();
    assert_eq!(
        outcomes,
        ["ticket", "command", "ticket", "command", "command"]
    );
    let numbers: Vec<_> = desk
        .tickets()
        .iter()
        .map(|row| row.number("number"))
        .collect();
    assert_eq!(numbers, [1, 2]);
    // Three answers and a receipt to her, one notice to him: nothing of before came again.
    let subjects = |address: &str| -> Vec<String> {
        desk.inbox(address)
            .into_iter()
            .map(|mail| mail.subject)
            .collect()
    };
    assert_eq!(subjects(&rita).len(), to_rita + 4, "{:?}", subjects(&rita));
    assert_eq!(subjects(&ivan).len(), to_ivan + 1, "{:?}", subjects(&ivan));
    assert_eq!(subjects(&olga), [""; 0]);
    let notices = desk.inbox(&ivan);
    let notices = notices.iter().filter(|mail| mail.says(&first.uuid));
    assert_eq!(notices.count(), 1);
    // Whoever goes back says that the file is an older copy.
    let told = daemon::command(Program::Worker, &old_config, &["restore", "--here"]);
    assert!(told.status.success(), "{told:?}");
    let told = said(&daemon::command(Program::Worker, &old_config, &["health"]));
    assert!(told.contains("older copy"), "{told}");
}
