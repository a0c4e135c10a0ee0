//! What is kept no longer, by a term or by an order, is nowhere: not in the database, not in its files, not on the mail
//! server; and no letter that was erased becomes a ticket again.

use std::path::Path;

use crate::support::office::{Office, at};
use crate::support::{Client, Desk, Engine, Lab, Letter, Program, on_both_engines};

/// Tickets go after two days, with their copies.
const TERMS: &str = "[answers]\nreopen_within_days = 1\n[[retention]]\nafter_days = 2\naction = \"erase\"\nloose_after_days = 400\nmailbox_copies = true\n";

/// Everything with words or addresses in it.
const TABLES: [&str; 12] = [
    "raw_mail",
    "raw_chunk",
    "ticket",
    "ledger",
    "message",
    "attachment",
    "note",
    "event",
    "command",
    "letter",
    "person",
    "erasure",
];

/// Where one of `needles` still stands in the database: in its files, or in its rows.
fn held(desk: &Desk, needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(file) = desk.database.url().strip_prefix("sqlite:") {
        for ending in ["", "-wal", "-shm"] {
            let file = format!("{file}{ending}");
            let bytes = std::fs::read(&file).unwrap_or_default();
            for needle in needles {
                if bytes
                    .windows(needle.len())
                    .any(|some| some == needle.as_bytes())
                {
                    found.push(format!("{needle} in {file}"));
                }
            }
        }
        return found;
    }
    for table in TABLES {
        for row in desk.database.rows("t", &format!("FROM {table} t")) {
            let row = row.text("t");
            for needle in needles {
                let hex: String = needle.bytes().map(|byte| format!("{byte:02x}")).collect();
                if row.contains(needle) || row.contains(&hex) {
                    found.push(format!("{needle} in {table}: {row}"));
                }
            }
        }
    }
    found
}

/// The letters in the desk's folders, by what stands in them.
fn on_the_server(desk: &Desk, folder: &str, needle: &str) -> usize {
    let mails = desk.lab.folder(&desk.help, folder);
    mails
        .iter()
        .filter(|mail| {
            mail.raw
                .windows(needle.len())
                .any(|some| some == needle.as_bytes())
        })
        .count()
}

fn said(output: &std::process::Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A table by RFC 4180.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => cell.extend(chars.next()),
            (_, '"') => quoted = !quoted,
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') => {
                assert_eq!(chars.next(), Some('\n'), "lines end with CRLF");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "{text}");
    rows
}

fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .expect("it is there")
        .permissions()
        .mode()
        & 0o777
}

on_both_engines! {
    fn a_term_that_ran_out_leaves_a_number_and_nothing_to_read(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |config| {
            config.mailbox = "sent_copy = true".to_owned();
            config.tables = TERMS.to_owned();
        });
        // From before the desk: it is nobody's to remove.
        desk.rita_writes("Старое", "До начала.");
        desk.start();
        let (rita, olga, ivan) = (desk.rita.clone(), desk.olga.clone(), desk.ivan.clone());
        let asked = Letter::new("Рита Петрова", &rita, &desk.help, "Не открывается дневник", "Пишет ошибку 500.")
            .file("отметки.png", "image/png", &[7; 300_000]);
        desk.receive(&rita, &asked);
        let notice = desk.wait_for_notice(&ivan, &asked);
        let note = desk.ivan_replies(&notice, Client::Thunderbird, "#заметка\nЗаметка PRIVATE-WORDS.");
        desk.wait_for_outcome(&note);
        desk.ivan_replies(&notice, Client::Thunderbird, "Ответ SECRET-ANSWER.\n\n#закрыть");
        desk.wait_for_mail(&rita, "the answer", |mail| mail.says("SECRET-ANSWER"));
        let others = Letter::new("Ольга", &olga, &desk.help, "Другое", "Остаётся.");
        desk.receive(&olga, &others);
        desk.wait_for_receipt(&olga, &others);
        desk.wait_until_quiet(5);
        desk.wait("the answer's copy in the folder of sent mail", |desk| (on_the_server(desk, ".Sent", "Content-Type") == 1).then_some(()));
        // Servers search for a part of a Message-ID.
        let answer = desk.database.rows("message_id", "FROM letter WHERE kind = 'answer'")[0].text("message_id").to_owned();
        let decoy = format!("Message-ID: <decoy@school.test> (after <{answer}>)\r\nSubject: DECOY\r\n\r\nDECOY\r\n");
        desk.lab.put_sent(&desk.help, decoy.as_bytes());
        let needles = [asked.uuid.as_str(), "SECRET-ANSWER", "PRIVATE-WORDS", rita.as_str()];
        for needle in [&asked.uuid, &rita] {
            assert!(!held(&desk, &[needle]).is_empty(), "{needle} is held");
        }
        let shown = said(&desk.command(Program::Worker, &["retention"]));
        assert!(shown.contains("0 to go today"), "{shown}");

        desk.database.execute("UPDATE ticket SET closed_at = '2020-01-01T00:00:00+00:00' WHERE number = 1");
        let shown = said(&desk.command(Program::Worker, &["retention"]));
        assert!(shown.contains("№ 1: erase, copies in the mailbox too\n1 to go today"), "{shown}");
        assert_eq!(desk.database.count("raw_chunk"), 4, "nothing was changed");
        let done = desk.command(Program::Worker, &["retention", "--apply"]);
        assert!(done.status.success(), "{}", said(&done));
        assert!(said(&done).contains("1 removed"), "{}", said(&done));
        desk.wait("copies are gone from the server", |desk| {
            let left = on_the_server(desk, "", &asked.uuid) + on_the_server(desk, "", "PRIVATE-WORDS") + on_the_server(desk, ".Sent", "Content-Type");
            (left == 0).then_some(())
        });
        desk.wait("the poller has noted it", |desk| (desk.database.count("ledger WHERE copy = 'unwanted'") == 0).then_some(()));
        desk.wait("and of the folder of sent mail", |desk| (desk.database.count("letter WHERE unwanted_by IS NOT NULL") == 0).then_some(()));
        assert_eq!(on_the_server(&desk, ".Sent", "DECOY"), 1, "a letter that only names the answer stays");
        assert_eq!(on_the_server(&desk, "", &others.uuid), 1, "the letters of others stay");
        assert_eq!(desk.inbox(&desk.help).len(), 2, "so does what was there before the desk");

        let shown = said(&desk.command(Program::Worker, &["tickets", "show", "1"]));
        assert!(shown.contains("№ 1 ") && shown.contains("closed"), "{shown}");
        for needle in needles {
            assert!(!shown.contains(needle), "{needle}: {shown}");
        }
        // The same letter comes again, as copied mailboxes bring it.
        desk.lab.put(&desk.help, &asked.raw());
        desk.wait("it is known", |desk| (desk.database.count("ledger WHERE outcome = 'duplicate_of'") == 1).then_some(()));
        let late = desk.command(Program::Worker, &["retention", "--apply"]);
        assert!(said(&late).contains("1 removed"), "{}", said(&late));
        desk.wait("and goes", |desk| (on_the_server(desk, "", &asked.uuid) == 0).then_some(()));
        desk.stop_both();
        let done = desk.command(Program::Worker, &["retention", "--apply"]);
        assert!(done.status.success(), "{}", said(&done));
        desk.database.let_go();
        assert_eq!(held(&desk, &needles), Vec::<String>::new());
        desk.start();
        assert_eq!(desk.tickets().len(), 2);
        let receipts = desk.database.count("letter WHERE kind = 'receipt'");
        assert_eq!(receipts, 2, "nobody is written to again");
        desk.ledger_agrees();
        // The act counts copies as well.
        let act = desk.dir().join("act.txt");
        let journal = desk.dir().join("journal.csv");
        let papers = ["acts", "1", "--act", act.to_str().expect("UTF-8"), "--journal", journal.to_str().expect("UTF-8")];
        let written = desk.command(Program::Worker, &papers);
        assert!(written.status.success(), "{}", said(&written));
        let act = std::fs::read_to_string(act).expect("the act");
        assert!(act.contains("копии писем в почтовом ящике: "), "{act}");
        assert!(act.contains("копии писем службы в папке отправленных: 1"), "{act}");
        assert!(act.contains("(VACUUM)") && !act.contains(" НЕ "), "{act}");
        // What was not done is said.
        desk.database.execute("UPDATE erasure SET unreadable = 'busy'");
        let again = desk.dir().join("act-again.txt");
        let journal = desk.dir().join("journal-again.csv");
        let papers = ["acts", "1", "--act", again.to_str().expect("UTF-8"), "--journal", journal.to_str().expect("UTF-8")];
        assert!(desk.command(Program::Worker, &papers).status.success());
        let act = std::fs::read_to_string(again).expect("the act");
        assert!(act.contains(" НЕ ") && !act.contains("переписан заново") && !act.contains("место освобождено"), "{act}");
        let rests = std::fs::read_dir(desk.dir()).expect("a folder").filter(|file| file.as_ref().is_ok_and(|file| file.file_name().to_string_lossy().ends_with(".new")));
        assert_eq!(rests.count(), 0, "no half-made papers are left");
        desk.stop_both();
    }

    fn a_copy_that_is_another_letter_is_left_alone_and_a_moved_one_is_found(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |config| {
            config.mailbox = "after_registration = \"move Done\"".to_owned();
            config.tables = TERMS.to_owned();
        });
        desk.start();
        let rita = desk.rita.clone();
        let first = desk.rita_writes("Первое", "Раз.");
        desk.wait_for_receipt(&rita, &first);
        desk.wait("it is moved", |desk| (on_the_server(desk, ".Done", &first.uuid) == 1).then_some(()));
        let olga = desk.olga.clone();
        let second = Letter::new("Ольга", &olga, &desk.help, "Второе", "Два.");
        desk.receive(&olga, &second);
        desk.wait_for_receipt(&olga, &second);
        desk.wait_until_quiet(2);
        desk.stop(Program::Poller);
        desk.database.execute("UPDATE ticket SET state = 'closed', closed_at = '2020-01-01T00:00:00+00:00'");
        let done = desk.command(Program::Worker, &["retention", "--apply"]);
        assert!(said(&done).contains("2 removed"), "{}", said(&done));
        // The letter there is another, as far as anybody can tell.
        desk.database.execute("UPDATE raw_mail SET header_sha256 = 'another' WHERE id = 2");
        desk.start_one(Program::Poller, &[]);
        desk.wait("both are settled", |desk| (desk.database.count("ledger WHERE copy IN ('gone', 'kept')") == 2).then_some(()));
        assert_eq!(desk.database.count("ledger WHERE copy = 'kept'"), 1);
        assert_eq!(on_the_server(&desk, ".Done", &first.uuid), 0);
        assert_eq!(on_the_server(&desk, "", &second.uuid) + on_the_server(&desk, ".Done", &second.uuid), 1, "another letter stays");
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn a_poller_that_dies_after_removing_a_copy_removes_nothing_else(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |config| config.tables = TERMS.to_owned());
        desk.start();
        let (rita, olga) = (desk.rita.clone(), desk.olga.clone());
        let first = desk.rita_writes("Первое", "Раз.");
        desk.wait_for_receipt(&rita, &first);
        let second = Letter::new("Ольга", &olga, &desk.help, "Второе", "Два.");
        desk.receive(&olga, &second);
        desk.wait_for_receipt(&olga, &second);
        desk.wait_until_quiet(2);
        desk.stop(Program::Poller);
        desk.database.execute("UPDATE ticket SET state = 'closed', closed_at = '2020-01-01T00:00:00+00:00' WHERE number = 1");
        let done = desk.command(Program::Worker, &["retention", "--apply"]);
        assert!(said(&done).contains("1 removed"), "{}", said(&done));
        desk.start_to_die(Program::Poller, "expunged");
        desk.wait_for_death(Program::Poller);
        assert_eq!(desk.database.count("ledger WHERE copy = 'unwanted'"), 1, "it died before it wrote that down");
        desk.start_one(Program::Poller, &[]);
        desk.wait("the copy is noted as gone", |desk| (desk.database.count("ledger WHERE copy = 'gone'") == 1).then_some(()));
        assert_eq!((on_the_server(&desk, "", &first.uuid), on_the_server(&desk, "", &second.uuid)), (0, 1));
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn a_restored_copy_erases_nothing_and_leaves_the_mailbox_alone(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |config| config.tables = TERMS.to_owned());
        desk.start();
        let (rita, olga) = (desk.rita.clone(), desk.olga.clone());
        let first = desk.rita_writes("Первое", "Раз.");
        desk.wait_for_receipt(&rita, &first);
        desk.wait_until_quiet(1);
        desk.stop(Program::Poller);
        let second = Letter::new("Ольга", &olga, &desk.help, "Второе", "Два.");
        desk.database.execute("UPDATE ticket SET state = 'closed', closed_at = '2020-01-01T00:00:00+00:00'");
        let done = desk.command(Program::Worker, &["retention", "--apply"]);
        assert!(said(&done).contains("1 removed"), "{}", said(&done));
        // The copy of the letter was still to go when the backup was made.
        desk.database.execute("UPDATE desk SET quiet = true, why = 'restored'");
        desk.start_one(Program::Poller, &[]);
        desk.receive(&olga, &second);
        desk.wait_for_outcome(&second);
        // Copies are removed at the end of a turn: the next letter comes in the next.
        let third = Letter::new("Ольга", &olga, &desk.help, "Третье", "Три.");
        desk.receive(&olga, &third);
        desk.wait_for_outcome(&third);
        assert_eq!(on_the_server(&desk, "", &first.uuid), 1, "the original reads that mailbox");
        assert_eq!(desk.database.count("ledger WHERE copy = 'unwanted'"), 1);
        desk.database.execute("UPDATE ticket SET state = 'closed', closed_at = '2020-01-01T00:00:00+00:00' WHERE erased_at IS NULL");
        for order in [&["retention", "--apply"][..], &["erase", &olga, "--yes", "--open-too"]] {
            let refused = desk.command(Program::Worker, order);
            assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
            assert!(said(&refused).contains("first `ninetosix-worker resume`"), "{}", said(&refused));
        }
        assert_eq!(desk.database.count("ticket WHERE erased_at IS NOT NULL"), 1);
        desk.database.execute("UPDATE desk SET quiet = false, why = NULL");
        desk.wait("the copy goes once the desk goes on", |desk| (on_the_server(desk, "", &first.uuid) == 0).then_some(()));
        assert!(said(&desk.command(Program::Worker, &["retention", "--apply"])).contains("2 removed"));
        desk.stop_both();
    }

    fn an_order_about_one_person_leaves_an_act_and_everybody_else(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (rita, olga, ivan) = (desk.rita.clone(), desk.olga.clone(), desk.ivan.clone());
        let asked = Letter::new("=Рита Петрова", &rita, &desk.help, "Не открывается дневник", "Пишет ошибку 500.")
            .file("отметки.png", "image/png", &[7; 3000]);
        desk.receive(&rita, &asked);
        let notice = desk.wait_for_notice(&ivan, &asked);
        let others = Letter::new("Ольга", &olga, &desk.help, "Другое", &format!("Спросите у {rita}."));
        desk.receive(&olga, &others);
        desk.wait_for_receipt(&olga, &others);
        desk.wait_until_quiet(2);

        // What is held is handed out, and everybody is listed.
        let dir = desk.dir().join("rita");
        let exported = desk.command(Program::Worker, &["export", &rita, dir.to_str().expect("UTF-8")]);
        assert!(exported.status.success(), "{}", said(&exported));
        assert!(said(&exported).contains("to be answered by"), "{}", said(&exported));
        let data = std::fs::read_to_string(dir.join("data.json")).expect("the data");
        for words in [&asked.uuid, "Не открывается дневник", "отметки.png", rita.as_str()] {
            assert!(data.contains(words), "{words}: {data}");
        }
        assert!(!data.contains(&others.uuid) && !data.contains(&olga), "{data}");
        let raw = std::fs::read(dir.join("0001.eml")).expect("the raw letter");
        assert!(String::from_utf8_lossy(&raw).contains(&asked.uuid));
        assert_eq!((mode(&dir), mode(&dir.join("0001.eml")), mode(&dir.join("data.json"))), (0o700, 0o600, 0o600));
        let who = desk.command(Program::Worker, &["export", "--who", "--since", "2020-01-01"]);
        let table = read_csv(&String::from_utf8_lossy(&who.stdout));
        let rows: Vec<(&str, &str)> = table.iter().skip(1).map(|row| (row[0].as_str(), row[1].as_str())).collect();
        assert_eq!(rows, [(olga.as_str(), "Ольга"), (rita.as_str(), "'=Рита Петрова")]);

        // An open ticket is not erased by the way.
        let act = desk.dir().join("act.txt");
        let journal = desk.dir().join("journal.csv");
        let order = ["erase", &rita, "--yes", "--act", act.to_str().expect("UTF-8"), "--journal", journal.to_str().expect("UTF-8")];
        let listed = desk.command(Program::Worker, &["erase", &rita]);
        assert!(listed.status.success() && said(&listed).contains("of these not closed: № 1"), "{}", said(&listed));
        assert!(said(&listed).contains("named in tickets of others, which are not touched: № 2"), "{}", said(&listed));
        let refused = desk.command(Program::Worker, &order);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("not closed: № 1; close them first, or say --open-too"), "{}", said(&refused));
        assert!(!act.exists());
        let desks = desk.command(Program::Worker, &["erase", &ivan, "--yes"]);
        assert_eq!(desks.status.code(), Some(2), "{}", said(&desks));

        let done = desk.command(Program::Worker, &[&order[..], &["--open-too"]].concat());
        assert!(done.status.success(), "{}", said(&done));
        let text = std::fs::read_to_string(&act).expect("the act");
        for words in ["АКТ № 1", "Служба поддержки АИС", "r***@f***.test", "вложения (файлы): 1", "исходные письма целиком: 1", "подпись", "требование об уничтожении"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let extract = std::fs::read_to_string(&journal).expect("the extract");
        let lines = read_csv(&extract);
        assert!(lines.len() > 5 && lines.iter().all(|line| line.len() == 9), "{extract}");
        for paper in [&text, &extract] {
            assert!(!paper.contains(&asked.uuid) && !paper.contains(&rita) && !paper.contains("Петрова") && !paper.contains("дневник"), "{paper}");
        }
        assert_eq!((mode(&act), mode(&journal)), (0o600, 0o600));
        let again = desk.command(Program::Worker, &["acts", "1", "--act", act.to_str().expect("UTF-8")]);
        assert_eq!(again.status.code(), Some(1), "nothing is written over: {}", said(&again));
        assert!(said(&desk.command(Program::Worker, &["acts"])).contains("r***@f***.test"));

        desk.wait("her copies are gone from the server", |desk| (on_the_server(desk, "", &asked.uuid) == 0).then_some(()));
        desk.wait("and that is noted", |desk| (desk.database.count("ledger WHERE copy = 'unwanted'") == 0).then_some(()));
        assert!(said(&desk.command(Program::Worker, &["erase", &rita])).contains("nothing is held"));
        let show = said(&desk.command(Program::Worker, &["tickets", "show", "1"]));
        assert!(!show.contains(&asked.uuid) && show.contains("closed"), "{show}");
        let show = said(&desk.command(Program::Worker, &["tickets", "show", "2"]));
        assert!(show.contains(&others.uuid), "{show}");
        // A specialist who answers what is gone is told, and nothing goes to her.
        let late = desk.ivan_replies(&notice, Client::Thunderbird, "Нажмите «Обновить».");
        assert_eq!(desk.wait_for_outcome(&late).text("outcome"), "refused");
        desk.wait_until_quiet(3);
        assert_eq!(desk.inbox(&rita).iter().filter(|mail| mail.says("Обновить")).count(), 0);
        desk.stop_both();
        // His letter quotes what was erased: it goes with the next look, now that he knows.
        let swept = desk.command(Program::Worker, &["retention", "--apply"]);
        assert!(said(&swept).contains("1 removed"), "{}", said(&swept));
        desk.database.let_go();
        assert_eq!(held(&desk, &[&asked.uuid, "Петрова"]), Vec::<String>::new());
    }
}

on_both_engines! {
    fn the_worker_applies_terms_once_a_day_and_not_by_a_clock_that_jumped(engine) {
        let mut office = Office::open_with(engine, at("2026-11-23T10:00:00"), |config| config.tables = TERMS.to_owned(), |port| port);
        let looked = |office: &mut Office, day: &str| {
            office.clock.set(at(day));
            let date = day.split_once('T').expect("a time").0.to_owned();
            office.desk.wait("the worker has looked", |desk| {
                let beat = desk.database.rows("at", "FROM heartbeat WHERE name = 'retention'");
                beat.first()?.text("at").starts_with(&date).then_some(())
            });
        };
        looked(&mut office, "2026-11-23T10:01:00");
        let rita = office.desk.rita.clone();
        let letter = Letter::new("Рита Петрова", &rita, &office.desk.help, "Вопрос", "Как войти?");
        assert_eq!(office.receive_now(&letter), "ticket");
        office.desk.database.execute("UPDATE ticket SET state = 'closed', closed_at = '2026-11-23T07:05:00+00:00'");
        let erased = |office: &Office| office.desk.database.count("ticket WHERE erased_at IS NOT NULL");
        looked(&mut office, "2026-11-24T10:00:00");
        looked(&mut office, "2026-11-25T23:59:00");
        // A clock that jumps by years removes nothing on that day.
        looked(&mut office, "2029-11-25T23:59:00");
        assert_eq!(erased(&office), 0);
        looked(&mut office, "2029-11-26T10:00:00");
        office.desk.wait("it is erased", |desk| (desk.database.count("ticket WHERE erased_at IS NOT NULL") == 1).then_some(()));
        office.desk.wait("the act is whole", |desk| (desk.database.count("erasure WHERE finished_at IS NOT NULL AND cause = 'rule'") == 1).then_some(()));

        // What cannot be erased is told of, and erased on another day.
        let second = Letter::new("Рита Петрова", &rita, &office.desk.help, "Ещё", "Как выйти?");
        assert_eq!(office.receive_now(&second), "ticket");
        office.desk.database.execute("UPDATE ticket SET state = 'closed', closed_at = '2026-11-23T07:05:00+00:00' WHERE erased_at IS NULL");
        office.desk.database.execute("ALTER TABLE erasure_line RENAME TO erasure_line_away");
        looked(&mut office, "2029-11-27T10:00:00");
        office.desk.wait("it is told", |desk| (desk.database.count("heartbeat WHERE name = 'retention' AND problem IS NOT NULL") == 1).then_some(()));
        assert_eq!(erased(&office), 1);
        office.desk.database.execute("ALTER TABLE erasure_line_away RENAME TO erasure_line");
        looked(&mut office, "2029-11-28T10:00:00");
        office.desk.wait("it is erased", |desk| (desk.database.count("ticket WHERE erased_at IS NOT NULL") == 2).then_some(()));
        office.desk.wait("all is well", |desk| (desk.database.count("heartbeat WHERE name = 'retention' AND problem IS NULL") == 1).then_some(()));
    }
}
