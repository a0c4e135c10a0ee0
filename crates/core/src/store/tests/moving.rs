//! A desk moves from a file into PostgreSQL as a whole, goes on there, and is at home nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::lab::{Lab, address, from_rita, letter, monday};
use super::registration::reply_of_sam;
use crate::config::Database;
use crate::domain::alert::{Alert, Until};
use crate::domain::beginning::beginning;
use crate::domain::calendar::approved::Remembered;
use crate::domain::deadline::Terms;
use crate::domain::incoming::Attachment;
use crate::domain::letter::Lane;
use crate::store::erasure::act::Cause;
use crate::store::intake::Listed;
use crate::store::moving::{Leaving, Moved};
use crate::store::outbox::Ending;
use crate::store::promise::Promise;
use crate::store::{Result, Store, query_all};

/// Table, then its columns with PostgreSQL's types.
type Columns = BTreeMap<String, Vec<(String, String)>>;

/// Table, then its rows, sorted, each a text of all its values.
type Rows = BTreeMap<String, Vec<String>>;

/// All sorts of characters that some format or other takes to be its own.
const HARD_WORDS: &str =
    "Слова 🙂 \\N \\. \\\\x00 'кавычки' \"и\" \t табуляция;\n\\\n$1, NULL\r\n\u{feff}";

async fn columns(store: &Store) -> Columns {
    let select = "SELECT table_name::text AS of, column_name::text AS name, data_type::text AS kind FROM information_schema.columns
                  WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%' ORDER BY ordinal_position";
    let mut columns = Columns::new();
    for row in query_all(&store.db, select, []).await.expect("columns") {
        let text = |name: &str| row.try_get::<String>("", name).expect("a text");
        let column = (text("name"), text("kind"));
        columns.entry(text("of")).or_default().push(column);
    }
    columns
}

/// Every row of every table. Times are counted in microseconds, bytes shown in hex, whatever the engine.
async fn dump(store: &Store, columns: &Columns) -> Rows {
    let on_postgres = store.has_clock();
    let mut all = Rows::new();
    for (table, columns) in columns {
        let shown = columns.iter().map(|(name, kind)| {
            let value = match (kind.as_str(), on_postgres) {
                ("boolean", true) => format!("{name}::integer::text"),
                ("bytea", true) => format!("upper(encode({name}, 'hex'))"),
                ("bytea", false) => format!("hex({name})"),
                ("timestamp with time zone", true) => {
                    format!("(extract(epoch FROM {name}) * 1000000)::bigint::text")
                }
                _ => format!("CAST({name} AS TEXT)"),
            };
            format!("{value} AS \"{name}\"")
        });
        let select = format!(
            "SELECT {} FROM {table}",
            shown.collect::<Vec<_>>().join(", ")
        );
        let mut rows = Vec::new();
        for row in query_all(&store.db, &select, []).await.expect("rows") {
            let value = |(name, kind): &(String, String)| {
                let value: Option<String> = row.try_get("", name).expect("a text");
                match value {
                    // hex() of NULL is ''.
                    Some(bytes) if kind == "bytea" && bytes.is_empty() => None,
                    Some(time) if kind.starts_with("timestamp") && !on_postgres => {
                        let time = DateTime::parse_from_rfc3339(&time).expect("a time");
                        Some(time.timestamp_micros().to_string())
                    }
                    value => value,
                }
            };
            rows.push(format!(
                "{:?}",
                columns.iter().map(value).collect::<Vec<_>>()
            ));
        }
        rows.sort();
        all.insert(table.clone(), rows);
    }
    all
}

/// The references of PostgreSQL.
async fn references(store: &Store) -> BTreeSet<String> {
    let select = "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS reference FROM pg_constraint WHERE connamespace = 'public'::regnamespace";
    let rows = query_all(&store.db, select, []).await.expect("constraints");
    let reference = |row: &sea_orm::QueryResult| row.try_get("", "reference").expect("a text");
    rows.iter().map(reference).collect()
}

fn attachment(name: &str) -> Attachment {
    Attachment {
        part: 1,
        name: name.to_owned(),
        content_type: "image/png".to_owned(),
        size_bytes: 100_000,
        sha256: "00".to_owned(),
        inline: true,
        is_named: true,
        may_quote_us: false,
    }
}

/// A desk in a file that has been at work for a while: no table is empty. Returns when it was stopped.
async fn fill(lab: &Lab) -> DateTime<Utc> {
    let store = &lab.store;
    let (now, night) = (monday("10:00:00"), monday("22:00:00"));
    let held = lab.lease("a", now).await;
    let old = Listed {
        uid: 1000,
        internal_date: now - TimeDelta::days(2),
        size_bytes: 10,
        message_id: None,
    };
    store
        .begin_numbering(&lab.inbox(), &[old], &[], &held, now)
        .await
        .expect("begun");

    // A conversation: question with a file, receipt with a promise, answer, note, orders for the morning.
    let mut mail = from_rita("1@family.test", "Не \\открывается\t", HARD_WORDS);
    mail.attachments.push(attachment("фото \\ 1.png"));
    let raw: Vec<u8> = (0..2_500_000_u32).map(|n| (n % 251) as u8).collect();
    let pending = lab.fetched(&raw, &held, now).await;
    let registered = store.register(lab.registrar(), &pending, &mail, &held, now);
    let number = registered.await.expect("the database").expect("is new");
    let number = number.ticket.expect("a ticket");
    let receipt = lab.claim(Lane::Poller, now).await.expect("a receipt");
    let calendar = &lab.desk.calendar;
    let terms = Terms {
        first_answer_min: Some(540),
        solution_min: Some(540),
    };
    let promise = beginning(calendar, now).promising(calendar, terms, now, now);
    let promise = Promise::new(&promise, calendar, now);
    let later = now + TimeDelta::microseconds(1_234_567);
    store
        .freeze(&receipt, &raw[..3000], Some(&promise), later)
        .await
        .expect("frozen");
    let at = night + TimeDelta::hours(1);
    let why = "no answer".to_owned();
    lab.finish(&receipt, Ending::Unknown { at, why }, now).await;
    let answer = reply_of_sam(lab, number, "2@school.test", "Ответ.\\nДа.").await;
    lab.register(&answer, &held, now).await;
    let note = reply_of_sam(lab, number, "3@school.test", "#заметка\nЭто между нами.").await;
    lab.register(&note, &held, now).await;
    let held = lab.lease("a", night).await;
    let close = reply_of_sam(lab, number, "4@school.test", "#закрыть").await;
    lab.register(&close, &held, night).await;

    // Tickets that point at each other, back and forth; a copy of a letter; one that is not decided, one that is not whole.
    for n in 5..=7 {
        let mail = from_rita(&format!("{n}@family.test"), "s", &format!("b{n}"));
        lab.register(&mail, &held, night).await;
    }
    lab.register(&from_rita("5@family.test", "s", "b5"), &held, night)
        .await;
    lab.execute("UPDATE ticket SET state = 'merged', merged_into = 4 WHERE number = 2")
        .await;
    lab.execute("UPDATE ticket SET related_ticket = 2 WHERE number = 3")
        .await;
    lab.fetched(b"", &held, night).await;
    lab.execute("INSERT INTO raw_mail (sha256, size_bytes, complete, created_at) VALUES ('not yet', 9, 0, '2026-11-23T10:00:00.5+00:00')").await;
    lab.execute("INSERT INTO raw_chunk SELECT max(id), 0, x'00ff5c' FROM raw_mail")
        .await;

    // Somebody is erased.
    let olga = address("olga@family.test");
    lab.register(
        &letter("olga@family.test", "8@family.test", "s", "ее слова"),
        &held,
        night,
    )
    .await;
    lab.execute("UPDATE ticket SET state = 'closed', closed_at = updated_at WHERE requester_address = 'olga@family.test'").await;
    let holdings = store.holdings(&olga).await.expect("read");
    let act = store
        .begin_act(Cause::Order(&olga), night)
        .await
        .expect("begun");
    store
        .erase_person(&olga, &holdings, true, act)
        .await
        .expect("erased");
    store.finish_act(act, night).await.expect("finished");

    // Letters in every state.
    lab.register(
        &letter("lena@family.test", "9@family.test", "s", "b"),
        &held,
        night,
    )
    .await;
    lab.claim(Lane::Poller, night).await.expect("hers");
    crate::store::execute(&store.db, "UPDATE letter SET why = $1", [HARD_WORDS.into()])
        .await
        .expect("the database");
    for state in ["sent", "held", "failed", "cancelled"] {
        lab.execute(&format!("UPDATE letter SET state = '{state}' WHERE id = (SELECT id FROM letter WHERE state = 'due' AND kind = 'notice' ORDER BY id LIMIT 1)")).await;
    }
    let states = "SELECT count(DISTINCT state) FROM letter";
    assert_eq!(
        lab.number(states).await,
        7,
        "due, sending, maybe_sent and these"
    );
    lab.execute("INSERT INTO digest_line SELECT l.id, t.number, m.id FROM letter l, ticket t, message m ORDER BY 1, 2, 3 LIMIT 5").await;

    for alert in [Alert::calendar(2028), Alert::silent(Lane::Worker, night)] {
        store
            .raise(lab.registrar(), "", &alert, Until::Looked, night)
            .await
            .expect("raised");
    }
    lab.end_alerts(night).await;
    let approved = Remembered {
        approved_on: "2026-08-28".parse().expect("a date"),
        rules: vec!["mon 09:00-18:00".to_owned(), "closed 2027-03-05".to_owned()],
    };
    store
        .remember_approved_hours(&approved)
        .await
        .expect("remembered");
    store
        .beat("poll", Some("wrong"), night)
        .await
        .expect("beaten");
    // The last tickets were deleted.
    lab.execute("UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'ticket'")
        .await;
    store.release_lease(&held, night).await.expect("released");
    night
}

fn path(lab: &Lab) -> PathBuf {
    match &lab.database {
        Database::Sqlite { path } => path.clone(),
        Database::Postgres { .. } => panic!("a file is meant"),
    }
}

async fn moves(file: &Path, target: &Lab, now: DateTime<Utc>) -> Result<Moved> {
    let leaving = Leaving::open(file).await?;
    target.store.move_in(leaving, now).await
}

async fn is_empty(target: &Lab, columns: &Columns) {
    let rows = dump(&target.store, columns).await;
    let filled: Vec<_> = rows.iter().filter(|(_, rows)| !rows.is_empty()).collect();
    assert_eq!(filled.len(), 1, "{filled:?}");
    assert_eq!(filled[0].0, "desk");
}

#[tokio::test]
async fn every_row_of_every_table_moves_and_the_desk_goes_on_there_and_nowhere_else() {
    let (lab, target) = (Lab::sqlite().await, Lab::postgres().await);
    let columns = columns(&target.store).await;
    let before = references(&target.store).await;
    let now = fill(&lab).await;
    let there = dump(&lab.store, &columns).await;
    let last_letter = lab.number("SELECT max(id) FROM letter").await;
    let file = path(&lab);
    let in_file = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> '_sqlx_migrations'";
    let in_file = query_all(&lab.store.db, in_file, []).await.expect("names");
    assert_eq!(there.len(), in_file.len(), "every table is compared");
    let empty: Vec<_> = there.iter().filter(|(_, rows)| rows.is_empty()).collect();
    assert!(empty.is_empty(), "nothing would be proved: {empty:?}");

    // What the programs say of themselves does not count.
    target.store.beat("poll", None, now).await.expect("beaten");
    lab.store.clone().close().await.expect("closed");
    drop(lab.store);
    let moved = moves(&file, &target, now).await.expect("moved");
    moved.mark.expect("marked");
    assert!(!moved.was_backup);
    let counts = |rows: &Rows| -> Vec<(String, i64)> {
        let count = |(table, rows): (&String, &Vec<String>)| (table.clone(), rows.len() as i64);
        rows.iter().map(count).collect()
    };
    assert_eq!(moved.tables, counts(&there));

    let here = dump(&target.store, &columns).await;
    for (table, rows) in &there {
        if table != "desk" {
            assert_eq!(&here[table], rows, "{table}");
        }
    }
    assert_eq!(references(&target.store).await, before);
    // A large letter, the empty one and others: all but what is erased or not whole.
    let whole = "SELECT count(*) FROM raw_mail WHERE complete AND erased_at IS NULL";
    assert_eq!(moved.letters_compared, target.number(whole).await);
    assert!(
        moved.letters_compared >= 8,
        "{moved:?}",
        moved = moved.letters_compared
    );

    // At home, awake, and with the next numbers.
    assert_eq!(target.store.recognise(now).await.expect("read"), None);
    let held = target.lease("b", now).await;
    let new = letter("nina@family.test", "10@family.test", "s", "b");
    let new = target.register_as(2000, &new, &held, now).await;
    assert_eq!(new, Some(5001));
    let first = "SELECT min(id) FROM letter WHERE ticket = 5001";
    assert_eq!(target.number(first).await, last_letter + 1);
    assert!(target.claim(Lane::Poller, now).await.is_some());

    // No daemon starts on the file, and it does not move again.
    let left = Store::open(&lab.database).await.expect("opens");
    let refused = left.recognise(now).await.expect_err("refused").to_string();
    assert!(refused.contains("moved to PostgreSQL"), "{refused}");
    assert!(left.quiet().await.expect("read").is_some());
    left.close().await.expect("closed");
    let other = Lab::postgres().await;
    let again = moves(&file, &other, now)
        .await
        .expect_err("refused")
        .to_string();
    assert!(again.contains("moved to PostgreSQL"), "{again}");
    // Whoever says that it is an older copy may go back to it, in quiet.
    let left = Store::open(&lab.database).await.expect("opens");
    left.make_quiet("an older copy", now).await.expect("said");
    assert!(left.recognise(now).await.expect("starts").is_some());
}

#[tokio::test]
async fn what_comes_of_a_backup_is_quiet_and_the_backup_stays_as_it_is() {
    let (lab, target) = (Lab::sqlite().await, Lab::postgres().await);
    let now = fill(&lab).await;
    let folder = tempfile::tempdir().expect("a directory");
    let copy = folder.path().join("copy.db");
    lab.store.back_up(&copy).await.expect("copied");
    let bytes = fs::read(&copy).expect("read");
    // The daemons of the original may run.
    let moved = moves(&copy, &target, now).await.expect("moved");
    moved.mark.expect("nothing to mark");
    assert!(moved.was_backup);
    assert!(fs::read(&copy).expect("read") == bytes, "it was written to");
    assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1);
    assert_eq!(lab.store.quiet().await.expect("read"), None);

    assert!(
        target.claim(Lane::Poller, now).await.is_none(),
        "before anybody looked"
    );
    let quiet = target.store.recognise(now).await.expect("read");
    assert!(quiet.is_some_and(|quiet| quiet.why.contains("backup") && quiet.since == Some(now)));
    let held = target.lease("b", now).await;
    let new = letter("nina@family.test", "10@family.test", "s", "b");
    let new = target.register_as(2000, &new, &held, now).await;
    assert_eq!(
        new,
        Some(12_001),
        "beyond what the original gave, deleted ones too"
    );
    assert!(target.claim(Lane::Poller, now).await.is_none());
}

/// The owner of an empty database is no superuser; and a desk that was quiet stays so.
#[tokio::test]
async fn a_quiet_desk_moves_by_an_ordinary_role_which_makes_the_schema_too() {
    let (lab, target) = (Lab::sqlite().await, Lab::postgres().await);
    let columns = columns(&target.store).await;
    let now = fill(&lab).await;
    lab.store.make_quiet("a snapshot", now).await.expect("said");
    let there = dump(&lab.store, &columns).await;
    let file = path(&lab);
    lab.store.clone().close().await.expect("closed");
    drop(lab.store);

    let role = format!("owner_{}", std::process::id());
    for statement in [
        "DROP SCHEMA public CASCADE".to_owned(),
        format!("CREATE ROLE {role} LOGIN"),
        format!("CREATE SCHEMA public AUTHORIZATION {role}"),
    ] {
        target.execute(&statement).await;
    }
    let Database::Postgres { url, .. } = &target.database else {
        panic!("a server is meant");
    };
    let of_role = Database::Postgres {
        url: url.replacen("postgres@", &format!("{role}@"), 1),
        password: None,
    };
    let store = Store::connect(&of_role).await.expect("a connection");
    let leaving = Leaving::open(&file).await.expect("whole");
    let moved = store.move_in(leaving, now).await.expect("moved");
    moved.mark.expect("marked");
    let mut here = dump(&store, &columns).await;
    assert_eq!(here["ticket"], there["ticket"]);
    assert_eq!(here.remove("desk").expect("there").len(), 1);
    let quiet = store.recognise(now).await.expect("read").expect("quiet");
    assert_eq!((quiet.why.as_str(), quiet.since), ("a snapshot", Some(now)));
    store.resume(true, now).await.expect("resumed");
    assert_eq!(store.quiet().await.expect("read"), None);
    store.close().await.expect("closed");
    target.execute(&format!("DROP OWNED BY {role}")).await;
    target.execute(&format!("DROP ROLE {role}")).await;
}

/// What was committed last may stand in the log alone.
#[tokio::test]
async fn a_file_whose_daemons_were_killed_moves_with_its_log() {
    let (lab, target) = (Lab::sqlite().await, Lab::postgres().await);
    let now = monday("10:00:00");
    let held = lab.lease("a", now).await;
    lab.register(&from_rita("1@family.test", "s", "b"), &held, now)
        .await;
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("killed.db");
    for part in ["", "-wal"] {
        let of = |path: &Path| format!("{}{part}", path.display());
        fs::copy(of(&path(&lab)), of(&file)).expect("copied");
    }
    let moved = moves(&file, &target, now).await.expect("moved");
    moved.mark.expect("marked");
    assert_eq!(target.number("SELECT count(*) FROM ticket").await, 1);
}

#[tokio::test]
async fn what_is_no_whole_desk_of_this_version_or_is_in_use_does_not_move() {
    let lab = Lab::sqlite().await;
    let file = path(&lab);
    let refused = async |file: &Path| {
        let refused = Leaving::open(file).await.expect_err("refused");
        refused.to_string()
    };
    let in_use = refused(&file).await;
    assert!(in_use.contains("stop both daemons"), "{in_use}");
    let folder = tempfile::tempdir().expect("a directory");
    let none = folder.path().join("none.db");
    assert!(refused(&none).await.contains("no whole database"));
    assert_eq!(
        fs::read_dir(folder.path()).expect("there").count(),
        0,
        "and makes none"
    );
    fs::write(&none, "something else").expect("written");
    assert!(refused(&none).await.contains("no whole database"));

    lab.execute("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) SELECT 999, 'later', success, checksum, 0 FROM _sqlx_migrations").await;
    lab.store.clone().close().await.expect("closed");
    drop(lab.store);
    let later = refused(&file).await;
    assert!(later.contains("999"), "{later}");
}

#[tokio::test]
async fn nothing_moves_into_a_desk_or_from_damage_and_nothing_is_left_of_the_try() {
    let (lab, target) = (Lab::sqlite().await, Lab::postgres().await);
    let columns = columns(&target.store).await;
    let before = references(&target.store).await;
    let now = fill(&lab).await;
    let folder = tempfile::tempdir().expect("a directory");
    let copy = folder.path().join("copy.db");
    // A bit has fallen over in a letter, which no check of SQLite notices.
    lab.execute("UPDATE raw_chunk SET bytes = zeroblob(1000) WHERE raw_mail_id = 1 AND seq = 1")
        .await;
    lab.store.back_up(&copy).await.expect("copied");
    let damaged = moves(&copy, &target, now)
        .await
        .expect_err("refused")
        .to_string();
    assert!(damaged.contains("letter 1 "), "{damaged}");
    is_empty(&target, &columns).await;
    assert_eq!(references(&target.store).await, before);
    let numbers =
        "SELECT count(*) FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL";
    assert_eq!(target.number(numbers).await, 0, "no number was given");

    // What PostgreSQL does not take.
    fs::remove_file(&copy).expect("removed");
    lab.execute("DELETE FROM raw_chunk WHERE raw_mail_id = 1")
        .await;
    lab.execute("UPDATE raw_mail SET erased_at = created_at WHERE id = 1")
        .await;
    lab.execute("UPDATE attachment SET part = 5000000000").await;
    lab.store.back_up(&copy).await.expect("copied");
    let values = moves(&copy, &target, now)
        .await
        .expect_err("refused")
        .to_string();
    assert!(values.contains("5000000000"), "{values}");
    is_empty(&target, &columns).await;

    // A poller, a desk, another program's table.
    fs::remove_file(&copy).expect("removed");
    lab.execute("UPDATE attachment SET part = 1").await;
    lab.execute("UPDATE letter SET why = 'a' || char(0) || 'b' WHERE id = 1")
        .await;
    lab.store.back_up(&copy).await.expect("copied");
    let held = target.lease("b", now).await;
    let runs = moves(&copy, &target, now)
        .await
        .expect_err("refused")
        .to_string();
    assert!(runs.contains("stop both daemons"), "{runs}");
    target
        .store
        .release_lease(&held, now)
        .await
        .expect("released");
    target.execute("CREATE TABLE theirs (id INTEGER)").await;
    let theirs = moves(&copy, &target, now)
        .await
        .expect_err("refused")
        .to_string();
    assert!(theirs.contains("tables are not those"), "{theirs}");
    target.execute("DROP TABLE theirs").await;
    // A view, as extensions bring some, is in nobody's way.
    target
        .execute("CREATE VIEW theirs AS SELECT 1 AS one")
        .await;
    moves(&copy, &target, now).await.expect("moved");
    assert_eq!(
        target.text("SELECT why FROM letter WHERE id = 1").await,
        "a\u{fffd}b"
    );
    let there = moves(&copy, &target, now)
        .await
        .expect_err("refused")
        .to_string();
    assert!(there.contains("empty PostgreSQL"), "{there}");

    let leaving = Leaving::open(&copy).await.expect("whole");
    let sqlite = lab.store.move_in(leaving, now).await.expect_err("refused");
    assert!(sqlite.to_string().contains("no PostgreSQL"), "{sqlite}");
}

impl Lab {
    /// Registers a letter that the server gives under this UID.
    async fn register_as(
        &self,
        uid: u32,
        mail: &crate::domain::incoming::IncomingMail,
        held: &crate::store::lease::Held,
        now: DateTime<Utc>,
    ) -> Option<i64> {
        let listed = Listed {
            uid,
            internal_date: now,
            size_bytes: 3,
            message_id: None,
        };
        let raw = mail.message_id.as_bytes().to_vec();
        self.store
            .store_raw(&self.inbox(), &[(listed, raw)], held, now)
            .await
            .expect("stored");
        let pending = self.store.pending(self.mailbox.as_str(), 100).await;
        let pending = pending.expect("the database").into_iter();
        let mut pending = pending.filter(|letter| letter.uid == uid);
        let pending = pending.next().expect("it waits");
        let registered = self
            .store
            .register(self.registrar(), &pending, mail, held, now);
        registered
            .await
            .expect("the database")
            .expect("is new")
            .ticket
    }
}
