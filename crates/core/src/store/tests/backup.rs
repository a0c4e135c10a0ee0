//! Copies of a file: made under load, read back, put in its place; and those made before the schema changes.

use std::borrow::Cow;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;

use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::lab::{Lab, from_rita, letter, monday, on_both_engines};
use crate::config::Database;
use crate::store::{SchemaState, Store, StoreError, backup, locks, query_one};

fn path(lab: &Lab) -> PathBuf {
    match &lab.database {
        Database::Sqlite { path } => path.clone(),
        Database::Postgres { .. } => panic!("a file is meant"),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a directory");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into()).collect();
    names.sort();
    names
}

async fn tickets(store: &Store) -> i64 {
    let row = query_one(&store.db, "SELECT count(*) AS n FROM ticket", []);
    let row = row.await.expect("the database").expect("a row");
    row.try_get("", "n").expect("a number")
}

#[tokio::test]
async fn a_copy_is_private_and_whole_and_never_in_the_place_of_another_file() {
    let lab = Lab::sqlite().await;
    let now = monday("10:00:00");
    let held = lab.lease("a", now).await;
    lab.register(&from_rita("1@family.test", "s", "b"), &held, now)
        .await;
    let folder = tempfile::tempdir().expect("a directory");
    let to = folder.path().join("copy.db");
    let contents = lab.store.back_up(&to).await.expect("copied");
    let counts = (contents.registered, contents.tickets, contents.letters);
    assert_eq!(counts, (1, 1, 3));
    assert_eq!(contents.schema, 1);
    let mode = fs::metadata(&to).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(&to).expect("read");
    let refused = lab.store.back_up(&to).await.expect_err("refused");
    assert!(refused.to_string().contains("not overwritten"), "{refused}");
    assert_eq!(fs::read(&to).expect("read"), before);
    let nowhere = folder.path().join("none/copy.db");
    assert!(lab.store.back_up(&nowhere).await.is_err());
    assert_eq!(names(folder.path()), ["copy.db"]);
}

#[tokio::test]
async fn a_copy_is_quiet_wherever_it_is_put_and_the_database_before_is_kept() {
    let lab = Lab::sqlite().await;
    let now = monday("10:00:00");
    let held = lab.lease("a", now).await;
    lab.register(&from_rita("1@family.test", "s", "b"), &held, now)
        .await;
    let folder = tempfile::tempdir().expect("a directory");
    let copy = folder.path().join("copy.db");
    lab.store.back_up(&copy).await.expect("copied");
    lab.register(
        &letter("olga@family.test", "2@family.test", "s", "b"),
        &held,
        now,
    )
    .await;

    let in_use = backup::restore(&path(&lab), &copy, now).await;
    let in_use = in_use.expect_err("in use").to_string();
    assert!(in_use.contains("stop both daemons"), "{in_use}");
    lab.store.clone().close().await.expect("closed");
    let path = path(&lab);
    drop(lab.store);
    let restored = backup::restore(&path, &copy, now).await.expect("restored");
    assert_eq!(restored.contents.tickets, 1);
    let kept = restored.kept.expect("there was one");
    assert!(kept.ends_with("test.db.before-restore-20261123T070000Z"));
    let store = Store::open(&lab.database).await.expect("opens");
    let quiet = store.quiet().await.expect("the database").expect("quiet");
    assert_eq!((tickets(&store).await, quiet.since), (1, Some(now)));
    store.close().await.expect("closed");
    let before = Store::open(&Database::Sqlite { path: kept.clone() }).await;
    assert_eq!(tickets(&before.expect("opens")).await, 2);

    // By hand, into an empty place.
    let by_hand = Database::Sqlite {
        path: folder.path().join("by-hand.db"),
    };
    fs::copy(&copy, folder.path().join("by-hand.db")).expect("copied");
    let store = Store::open(&by_hand).await.expect("opens");
    let quiet = store.quiet().await.expect("the database");
    assert!(quiet.is_some_and(|quiet| quiet.why.contains("backup")));

    let new = folder.path().join("new/desk.db");
    fs::create_dir(folder.path().join("new")).expect("made");
    let restored = backup::restore(&new, &copy, now).await.expect("restored");
    assert_eq!(restored.kept, None);
    // A second one within that second overwrites nothing.
    backup::restore(&new, &copy, now).await.expect("restored");
    let refused = backup::restore(&new, &copy, now).await;
    assert!(refused.is_err());
    assert!(new.exists(), "what is there stays there");
}

#[tokio::test]
async fn what_is_no_whole_backup_of_ours_is_not_put_back() {
    let lab = Lab::sqlite().await;
    let now = monday("10:00:00");
    let held = lab.lease("a", now).await;
    for number in 0..50 {
        let id = format!("{number}@family.test");
        lab.register(&from_rita(&id, "s", &"b".repeat(3000)), &held, now)
            .await;
    }
    let folder = tempfile::tempdir().expect("a directory");
    let copy = folder.path().join("copy.db");
    lab.store.back_up(&copy).await.expect("copied");
    let whole = fs::read(&copy).expect("read");
    let target = folder.path().join("desk.db");
    fs::write(&target, "not touched").expect("written");
    let bad = folder.path().join("bad");
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 4096].fill(0x5a);
    for (what, bytes) in [
        ("half", &whole[..whole.len() / 2]),
        ("torn", &torn[..]),
        ("empty", b""),
        ("another file", b"SQLite format 4, or nothing at all"),
    ] {
        fs::write(&bad, bytes).expect("written");
        let refused = backup::restore(&target, &bad, now).await;
        assert!(refused.is_err(), "{what}");
    }
    // A live file without its log may lack what was committed.
    let live = path(&lab);
    let refused = backup::restore(&target, &live, now).await;
    let refused = refused.expect_err("refused").to_string();
    assert!(refused.contains("not made by"), "{refused}");
    // Of a later program.
    let later = Store::connect(&Database::Sqlite { path: copy.clone() }).await;
    let later = later.expect("opens");
    let version = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) SELECT 999, 'later', success, checksum, 0 FROM _sqlx_migrations";
    crate::store::execute(&later.db, version, [])
        .await
        .expect("a row");
    later.close().await.expect("closed");
    let refused = backup::restore(&target, &copy, now).await;
    let refused = refused.expect_err("refused").to_string();
    assert!(
        refused.contains("999") && refused.contains("newer"),
        "{refused}"
    );
    assert_eq!(fs::read(&target).expect("read"), b"not touched");
    let left: Vec<String> = names(folder.path());
    assert!(
        left.iter()
            .all(|name| !name.contains("before-restore") && !name.starts_with('.')),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_copy_made_while_others_write_holds_all_that_was_committed_before() {
    let lab = Lab::sqlite().await;
    let now = monday("10:00:00");
    let held = lab.lease("a", now).await;
    let folder = tempfile::tempdir().expect("a directory");
    for round in 0..10 {
        let before = lab.number("SELECT count(*) FROM ledger").await;
        let to = folder.path().join(format!("{round}.db"));
        let write = async {
            for number in 0..20 {
                let id = format!("{round}.{number}@family.test");
                lab.register(&from_rita(&id, "s", "b"), &held, now).await;
            }
        };
        let (contents, ()) = tokio::join!(lab.store.back_up(&to), write);
        let contents = contents.expect("copied");
        assert!(contents.registered >= before, "{round}");
        let undecided = contents.registered - contents.tickets;
        assert!((0..=1).contains(&undecided), "{contents:?}");
    }
}

#[tokio::test]
async fn what_is_left_of_a_copy_that_was_broken_off_goes() {
    let lab = Lab::sqlite().await;
    let folder = tempfile::tempdir().expect("a directory");
    for name in [
        ".ninetosix-copy.used",
        ".ninetosix-copy.left",
        "ninetosix-copy.mine",
    ] {
        fs::create_dir(folder.path().join(name)).expect("made");
        fs::write(folder.path().join(name).join("copy"), "mail").expect("written");
    }
    let used = File::open(folder.path().join(".ninetosix-copy.used")).expect("opens");
    used.try_lock().expect("locked");
    {
        let to = folder.path().join("broken-off.db");
        let mut copying = pin!(lab.store.back_up(&to));
        // It asks the database, and waits for the answer.
        let begun = std::future::poll_fn(|context| Poll::Ready(copying.as_mut().poll(context)));
        assert!(begun.await.is_pending());
        let during = names(folder.path());
        assert_eq!(during.len(), 3, "one went, one came: {during:?}");
        assert!(!during.contains(&".ninetosix-copy.left".to_owned()));
        // Its own is in use too.
        let to = folder.path().join("copy.db");
        lab.store.back_up(&to).await.expect("copied");
        assert_eq!(names(folder.path()).len(), 4);
    }
    let left = [".ninetosix-copy.used", "copy.db", "ninetosix-copy.mine"];
    assert_eq!(names(folder.path()), left);
    drop(used);
    let again = folder.path().join("copy-2.db");
    lab.store.back_up(&again).await.expect("copied");
    let left = ["copy-2.db", "copy.db", "ninetosix-copy.mine"];
    assert_eq!(names(folder.path()), left);
}

#[tokio::test]
async fn who_waits_for_a_lock_in_vain_is_told_which() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("desk.db");
    let held = locks::beside(&path).await.expect("locked");
    let busy = locks::take_beside(&path, 2).await.expect_err("busy");
    assert!(matches!(busy, StoreError::TryLater(_)), "{busy:?}");
    let lock = folder.path().join("desk.migrate-lock");
    assert!(
        busy.to_string().contains(&lock.display().to_string()),
        "{busy}"
    );
    drop(held);
    locks::take_beside(&path, 2).await.expect("locked");
}

/// Ours, and one more of a later program.
fn later(lab: &Lab, sql: &'static str) -> Migrator {
    let first = match lab.database {
        Database::Sqlite { .. } => include_str!("../../../../../migrations/sqlite/0001_first.sql"),
        Database::Postgres { .. } => {
            include_str!("../../../../../migrations/postgres/0001_first.sql")
        }
    };
    let migration = |version, sql: &'static str| {
        Migration::new(
            version,
            Cow::Borrowed("a migration"),
            MigrationType::Simple,
            sqlx::SqlSafeStr::into_sql_str(sql),
            false,
        )
    };
    Migrator::with_migrations(vec![migration(1, first), migration(2, sql)])
}

#[tokio::test]
async fn before_the_schema_changes_the_file_is_copied_and_three_copies_are_kept() {
    let lab = Lab::sqlite().await;
    let path = path(&lab);
    for old in ["20200101T000000Z", "20210101T000000Z", "20220101T000000Z"] {
        let old = format!("{}.before-migration-{old}-schema-1", path.display());
        fs::write(old, "old").expect("written");
    }
    // A process of the older program uses it.
    let other = Store::connect(&lab.database).await.expect("opens");
    let migrator = later(&lab, "CREATE TABLE later (id INTEGER) STRICT;");
    let refused = lab.store.migrate_file(&path, &migrator).await;
    let refused = refused.expect_err("in use").to_string();
    assert!(refused.contains("stop both daemons"), "{refused}");
    other.close().await.expect("closed");

    lab.store
        .migrate_file(&path, &migrator)
        .await
        .expect("migrated");
    let found = lab.store.schema_state().await.expect("known");
    assert_eq!(found, SchemaState::Newer { found: 2, known: 1 });
    let folder = path.parent().expect("a directory");
    let mut copies = names(folder);
    copies.retain(|name| name.contains("before-migration"));
    assert_eq!(copies.len(), 3, "{copies:?}");
    assert!(!copies[0].contains("20200101"), "{copies:?}");
    let copy = folder.join(&copies[2]);
    assert!(copies[2].ends_with("-schema-1"));
    // It is as good a backup as any.
    let new = tempfile::tempdir().expect("a directory");
    let now = monday("10:00:00");
    let back = backup::restore(&new.path().join("desk.db"), &copy, now).await;
    assert_eq!(back.expect("restored").contents.schema, 1);
}

on_both_engines! {
    async fn a_migration_that_fails_leaves_all_as_it_was(lab: &Lab) {
        let broken = later(lab, "CREATE TABLE later (id INTEGER); INSERT INTO nowhere VALUES (1);");
        let failed = match &lab.database {
            Database::Sqlite { path } => lab.store.migrate_file(path, &broken).await,
            Database::Postgres { .. } => lab.store.migrate_server(&broken).await,
        };
        let failed = failed.expect_err("it fails").to_string();
        assert!(failed.contains("as it was"), "{failed}");
        let state = lab.store.schema_state().await.expect("known");
        assert_eq!(state, SchemaState::Current);
        let later = crate::store::query_one(&lab.store.db, "SELECT 1 FROM later", []);
        assert!(later.await.is_err(), "no such table");
        let now = monday("10:00:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
    }
}
