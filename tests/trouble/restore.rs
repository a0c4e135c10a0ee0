//! The disk is gone, and what is left is a backup made while letters came and went (F06): it holds all that was registered
//! before it, what came since is registered from the mailbox, and nothing leaves twice.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use super::support::{
    Client, Database, Desk, Engine, Lab, Letter, Mail, Program, daemon, on_both_engines,
};
use super::{RECOVERY, rita_writes, wait_until};

/// Letters that come in while the copy is made.
const LOAD: usize = 12;

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    said(output)
}

/// Copies the database as its operator would.
fn back_up(engine: Engine, config: &Path, url: &str, to: &Path) {
    let name = to.display().to_string();
    let told = daemon::command(Program::Worker, config, &["backup", &name]);
    if engine == Engine::Sqlite {
        let told = succeeded(&told);
        assert!(told.contains("read back whole"), "{told}");
        return;
    }
    let command = format!("pg_dump --format=custom --file {name} '{url}'");
    assert_eq!(told.status.code(), Some(1));
    assert!(said(&told).contains(&command), "{}", said(&told));
    let dump = Command::new("sh").args(["-c", &command]).output();
    succeeded(&dump.expect("pg_dump runs"));
}

/// Puts the copy back: into the place of the file, or into a new database.
fn restore(desk: &mut Desk, engine: Engine, from: &Path) {
    let name = from.display().to_string();
    desk.database.let_go();
    let told = desk.command(Program::Worker, &["restore", &name]);
    if engine == Engine::Sqlite {
        let told = succeeded(&told);
        assert!(told.contains(".before-restore-"), "{told}");
    } else {
        assert!(said(&told).contains("pg_restore"), "{}", said(&told));
        let new = Database::new(engine, desk.dir());
        let restored = Command::new("pg_restore")
            .args(["--exit-on-error", "--dbname", &new.url(), &name])
            .output();
        succeeded(&restored.expect("pg_restore runs"));
        desk.database = new;
        desk.reconfigure(|_| {});
    }
}

/// What has reached the people so far.
fn inboxes(desk: &Desk) -> [usize; 4] {
    let people = [&desk.rita, &desk.olga, &desk.ivan, &desk.anna];
    people.map(|address| desk.inbox(address).len())
}

fn to_writers(desk: &Desk) -> (Vec<String>, Vec<String>) {
    let ids = |address: &str| {
        let mut subjects: Vec<String> = desk
            .inbox(address)
            .iter()
            .map(|mail| mail.subject.clone())
            .collect();
        subjects.sort();
        subjects
    };
    (ids(&desk.rita), ids(&desk.olga))
}

fn answer_with(desk: &mut Desk, words: &str) -> Mail {
    let rita = desk.rita.clone();
    desk.wait_for_mail(&rita, "an answer", |mail| {
        !mail.is_automatic() && mail.says(words)
    })
}

on_both_engines! {
    fn a_backup_made_under_load_comes_back_whole_and_quiet_and_sends_nothing_twice(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        desk.lab.make_folder(&desk.help, "Sent");
        let (_, _, first) = desk.rita_opens_a_ticket();
        let second = desk.rita_writes("Расписание", "Не видно уроков.");
        let (ivan, olga) = (desk.ivan.clone(), desk.olga.clone());
        let second = desk.wait_for_notice(&ivan, &second);
        // An answer that is due in the backup, and leaves afterwards.
        desk.wait_until_quiet(2);
        desk.stop(Program::Worker);
        let letter = desk.ivan_replies(&first, Client::Thunderbird, "Первый ответ.");
        desk.wait_for_outcome(&letter);
        let before = desk.database.count("ledger WHERE outcome IS NOT NULL");
        let mut written = before;

        let backup = desk.dir().join("backup");
        let copying = thread::spawn({
            let (config, url, to) = (desk.config_file(), desk.database.url(), backup.clone());
            move || back_up(engine, &config, &url, &to)
        });
        for number in 0..LOAD {
            rita_writes(&desk, number);
            written += 1;
        }
        copying.join().expect("the copy is made");

        // The original goes on: what was due leaves, more is answered, a new ticket too.
        desk.start_one(Program::Worker, &[]);
        let sent = answer_with(&mut desk, "Первый ответ.");
        desk.ivan_replies(&second, Client::Thunderbird, "Второй ответ.");
        answer_with(&mut desk, "Второй ответ.");
        let third = desk.rita_writes("Пароль", "Не подходит.");
        let third = desk.wait_for_notice(&ivan, &third);
        desk.ivan_replies(&third, Client::Thunderbird, "Третий ответ.");
        answer_with(&mut desk, "Третий ответ.");
        written += 3;
        desk.wait_until_quiet(written);
        if engine == Engine::Sqlite {
            let told = desk.command(Program::Worker, &["restore", &backup.display().to_string()]);
            assert_eq!(told.status.code(), Some(1));
            assert!(said(&told).contains("stop both daemons"), "{}", said(&told));
        }
        desk.stop_both();
        let (known, reached) = (inboxes(&desk), to_writers(&desk));
        desk.lab.put_sent(&desk.help, &sent.raw);

        restore(&mut desk, engine, &backup);
        let found = desk.database.count("ledger WHERE outcome IS NOT NULL");
        assert!(found >= before, "{found} of {before} that were registered before");
        let unread = desk.command(Program::Worker, &["resume", "--yes"]);
        assert_eq!(unread.status.code(), Some(1), "{unread:?}");
        desk.start();
        desk.wait("what came since is registered", |desk| {
            (desk.database.count("ledger WHERE outcome IS NOT NULL") == written).then_some(())
        });
        desk.ledger_agrees();
        desk.stored_as_served();
        for program in Program::BOTH {
            desk.wait("it says so", |desk| desk.log(program).contains("none leaves until").then_some(()));
            let beat = format!("heartbeat WHERE name LIKE 'deliver:{}:%' AND problem LIKE 'quiet%'", program.name());
            desk.wait("the sign of life says so", |desk| (desk.database.count(&beat) == 1).then_some(()));
            for command in ["health", "check"] {
                let told = said(&desk.command(program, &[command]));
                assert!(told.contains("ninetosix-worker resume"), "{command}: {told}");
            }
        }
        // By its Message-ID the first answer is found where the provider keeps what was sent.
        let first_is_sent = "letter WHERE kind = 'answer' AND state = 'sent' AND sent_folder = 'found'";
        wait_until(RECOVERY, "the folder was asked", || (desk.database.count(first_is_sent) == 1).then_some(()));
        assert_eq!(inboxes(&desk), known, "nothing has left");
        let listed = succeeded(&desk.command(Program::Worker, &["resume"]));
        assert!(listed.contains("answer") && listed.contains("is held") && listed.contains("nothing has been changed"), "{listed}");
        assert_eq!(desk.database.count("letter WHERE state = 'held'"), 0);

        let told = succeeded(&desk.command(Program::Worker, &["resume", "--yes"]));
        assert!(told.contains("leave again"), "{told}");
        desk.wait_until_quiet(written);
        assert_eq!(to_writers(&desk), reached, "no writer hears anything twice");
        assert!(inboxes(&desk)[2] > known[2], "specialists have notices with the numbers of now");
        assert!(desk.database.count("letter WHERE kind = 'answer' AND state = 'held'") >= 1);

        // Life goes on: an old notice, a new ticket.
        desk.ivan_replies(&first, Client::Thunderbird, "Четвёртый ответ.");
        answer_with(&mut desk, "Четвёртый ответ.");
        let new = Letter::new("Ольга", &olga, &desk.help, "Вопрос", "Как войти?");
        desk.receive(&olga, &new);
        let notice = desk.wait_for_notice(&ivan, &new);
        assert!(desk.tickets().last().expect("hers").number("number") > 1000, "no number of the original");
        desk.ivan_replies(&notice, Client::Thunderbird, "Так и войти.");
        desk.wait_for_mail(&olga, "an answer", |mail| mail.says("Так и войти."));
        desk.wait_until_quiet(written + 3);
        desk.stop_both();
        // All that left has arrived by now.
        let rita = desk.inbox(&desk.rita);
        for words in ["Первый ответ.", "Второй ответ.", "Третий ответ.", "Четвёртый ответ."] {
            let answers = rita.iter().filter(|mail| !mail.is_automatic() && mail.says(words));
            assert_eq!(answers.count(), 1, "{words}");
        }
        assert_eq!(to_writers(&desk).0.len(), reached.0.len() + 1, "the fourth answer alone is new");
    }

    fn a_desk_that_was_upgraded_or_started_again_is_not_quiet(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        for _ in 0..2 {
            desk.start();
            succeeded(&desk.command(Program::Worker, &["migrate"]));
            desk.stop_both();
        }
        let told = succeeded(&desk.command(Program::Worker, &["resume"]));
        assert!(told.contains("is not quiet"), "{told}");
        // A snapshot of the disk looks as the original does: it is told.
        succeeded(&desk.command(Program::Worker, &["restore", "--here"]));
        desk.start();
        let letter = desk.rita_writes("Вопрос", "Как войти?");
        assert_eq!(desk.wait_for_outcome(&letter).text("outcome"), "ticket");
        assert!(said(&desk.command(Program::Poller, &["health"])).contains("quiet"));
        succeeded(&desk.command(Program::Worker, &["resume", "--yes"]));
        let rita = desk.rita.clone();
        desk.wait_for_receipt(&rita, &letter);
        desk.stop_both();
    }
}

/// A dump put into the database it came from is a copy of an earlier time all the same.
#[test]
fn a_dump_that_comes_back_into_its_own_database_is_quiet() {
    let mut desk = Desk::new(&Lab::shared(), Engine::Postgres, |_| {});
    desk.start();
    desk.rita_opens_a_ticket();
    desk.stop_both();
    let dump = desk.dir().join("dump");
    back_up(
        Engine::Postgres,
        &desk.config_file(),
        &desk.database.url(),
        &dump,
    );
    desk.database.let_go();
    let url = desk.database.url();
    let name = dump.display().to_string();
    let restored = Command::new("pg_restore")
        .args(["--exit-on-error", "--clean", "--dbname", &url, &name])
        .output();
    succeeded(&restored.expect("pg_restore runs"));
    let told = said(&desk.command(Program::Worker, &["resume"]));
    assert!(told.contains("a copy of another one"), "{told}");
}

/// The disk is full: no backup, and nothing that looks like one.
#[test]
fn a_full_disk_leaves_nothing_of_a_backup() {
    let mut desk = Desk::new(&Lab::shared(), Engine::Sqlite, |_| {});
    desk.start();
    let letter = desk.rita_writes("Фото", &"слова ".repeat(40_000));
    desk.wait_for_outcome(&letter);
    desk.stop_both();
    let folder: PathBuf = desk.dir().join("backups");
    std::fs::create_dir(&folder).expect("made");
    let to = folder.join("desk.db").display().to_string();
    let config = desk.config_file().display().to_string();
    let worker = Program::Worker.path().display().to_string();
    // A limit on the size of files is a disk that is full at that size.
    let limited = Command::new("bash")
        .args([
            "-c",
            &format!(
                "trap '' XFSZ; ulimit -f 300; exec '{worker}' backup '{to}' --config '{config}'"
            ),
        ])
        .output()
        .expect("bash runs it");
    assert_eq!(limited.status.code(), Some(1), "{limited:?}");
    assert!(
        said(&limited).contains("no copy was made"),
        "{}",
        said(&limited)
    );
    assert_eq!(std::fs::read_dir(&folder).expect("there").count(), 0);
    succeeded(&desk.command(Program::Worker, &["backup", &to]));
}
