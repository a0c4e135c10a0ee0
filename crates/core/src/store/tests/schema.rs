//! Both engines end in the same shape, and migrating is safe to repeat and to race.

use std::collections::BTreeMap;

use sea_orm::EntityTrait;

use super::lab::{Lab, on_both_engines};
use crate::store::entity;
use crate::store::{SchemaState, Store, StoreError, query_all};

/// Table, then column, then whether it may be NULL.
type Shape = BTreeMap<String, BTreeMap<String, bool>>;

async fn shape(store: &Store, select: &str) -> Shape {
    let mut shape = Shape::new();
    for row in query_all(&store.db, select, [])
        .await
        .expect("the catalogue")
    {
        let text = |column: &str| row.try_get::<String>("", column).expect("a name");
        let nullable = row.try_get::<i64>("", "nullable").expect("a flag") == 1;
        shape
            .entry(text("table_name"))
            .or_default()
            .insert(text("column_name"), nullable);
    }
    shape
}

/// Table and columns of every unique key, primary keys included.
async fn unique_keys(store: &Store, select: &str) -> Vec<String> {
    let rows = query_all(&store.db, select, [])
        .await
        .expect("the catalogue");
    let mut keys: Vec<String> = rows
        .iter()
        .map(|row| row.try_get::<String>("", "unique_key").expect("a key"))
        .collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn both_engines_end_in_the_same_shape() {
    let (sqlite, postgres) = (Lab::sqlite().await, Lab::postgres().await);
    // A primary key cannot be NULL; of SQLite's rowid tables the catalogue does not say so.
    let of_sqlite = "SELECT m.name AS table_name, c.name AS column_name, CAST(c.\"notnull\" = 0 AND c.pk = 0 AS INTEGER) AS nullable
                     FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_%' ESCAPE '\\'";
    let of_postgres = "SELECT table_name::text AS table_name, column_name::text AS column_name, CAST(is_nullable = 'YES' AS INTEGER)::bigint AS nullable
                       FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'";
    let (left, right) = (
        shape(&sqlite.store, of_sqlite).await,
        shape(&postgres.store, of_postgres).await,
    );
    assert_eq!(left.len(), 22, "every table is compared: {:?}", left.keys());
    assert_eq!(left, right);

    let of_sqlite = "SELECT t.name || '(' || (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')' AS unique_key
                     FROM sqlite_master t JOIN pragma_index_list(t.name) i WHERE t.type = 'table' AND i.\"unique\" = 1 AND i.partial = 0 AND i.origin <> 'pk'";
    let of_postgres = "SELECT c.conrelid::regclass::text || '(' || (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k(num, n) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num) || ')' AS unique_key
                       FROM pg_constraint c WHERE c.contype = 'u' AND c.connamespace = 'public'::regnamespace";
    let keys = unique_keys(&sqlite.store, of_sqlite).await;
    assert!(
        keys.contains(&"ledger(mailbox,folder,uidvalidity,numbering,uid)".to_owned()),
        "{keys:?}"
    );
    assert_eq!(keys, unique_keys(&postgres.store, of_postgres).await);
}

on_both_engines! {
    async fn every_column_of_every_row_type_is_there(lab: &Lab) {
        let db = &lab.store.db;
        macro_rules! reads {
            ($($table:ident),*) => { $(assert!(entity::$table::Entity::find().one(db).await.expect(stringify!($table)).is_none());)* };
        }
        reads!(folder, raw_mail, raw_chunk, ticket, ledger, message, attachment, note, event, command, letter, heartbeat);
        assert_eq!(lab.number("SELECT count(name) + count(holder) + count(fence) + count(lease_until) FROM lease").await, 0);
        assert_eq!(lab.number("SELECT count(title) + count(words) + count(pulse) + count(raised_at) + count(over_at) + count(told) FROM alert").await, 0);
        assert_eq!(lab.number("SELECT count(address) + count(name) + count(first_seen_at) + count(last_seen_at) FROM person").await, 0);
    }

    async fn the_hours_approved_last_are_remembered(lab: &Lab) {
        use crate::domain::calendar::approved::Remembered;
        assert_eq!(lab.store.approved_hours().await.expect("read"), None);
        for day in ["2026-08-28", "2026-11-20"] {
            let approved_on = day.parse().expect("a date");
            let rules = vec!["mon 09:00-18:00".to_owned(), format!("closed {day}")];
            let approved = Remembered { approved_on, rules };
            lab.store.remember_approved_hours(&approved).await.expect("written");
            assert_eq!(lab.store.approved_hours().await.expect("read"), Some(approved));
        }
    }

    async fn migrating_again_changes_nothing(lab: &Lab) {
        lab.store.migrate(&lab.database).await.expect("nothing to do");
        assert_eq!(lab.store.schema_state().await.expect("known"), SchemaState::Current);
        Store::open(&lab.database).await.expect("opens");
    }

    async fn a_schema_of_a_later_program_is_refused(lab: &Lab) {
        use sea_orm::ConnectionTrait;
        let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) SELECT 999, 'later', success, checksum, 0 FROM _sqlx_migrations";
        lab.store.db.execute_unprepared(later).await.expect("a row");
        let refused = Store::open(&lab.database).await.expect_err("refused").to_string();
        assert!(refused.contains("999"), "{refused}");
    }
}

#[tokio::test]
async fn an_empty_postgres_is_refused_with_advice() {
    use sea_orm::ConnectionTrait;
    let lab = Lab::postgres().await;
    lab.store
        .db
        .execute_unprepared("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        .await
        .expect("emptied");
    let refused = Store::open(&lab.database)
        .await
        .expect_err("refused")
        .to_string();
    assert!(refused.contains("ninetosix-worker migrate"), "{refused}");
}

#[tokio::test]
async fn the_file_of_another_program_is_left_alone() {
    use sqlx::ConnectOptions;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("other.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut theirs = options.connect().await.expect("a file");
    sqlx::query("CREATE TABLE sqlited (x)")
        .execute(&mut theirs)
        .await
        .expect("a table");
    let database = crate::config::Database::Sqlite { path };
    let refused = Store::open(&database).await.expect_err("refused");
    assert!(refused.to_string().contains("another program"), "{refused}");
    let store = Store::connect(&database).await.expect("it is a database");
    let refused = store.migrate(&database).await.expect_err("refused");
    assert!(refused.to_string().contains("another program"), "{refused}");
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'");
    let tables = tables.fetch_all(&mut theirs).await.expect("its tables");
    assert_eq!(tables.len(), 1);
}

#[tokio::test]
async fn daemons_that_start_together_on_an_empty_file_migrate_it_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let database = crate::config::Database::Sqlite {
        path: dir.path().join("new.db"),
    };
    let opened = (0..4).map(|_| {
        let database = database.clone();
        // As daemons do: SQLite does not wait for others while a file changes to a write-ahead log.
        tokio::spawn(async move {
            loop {
                match Store::open(&database).await {
                    Err(StoreError::TryLater(_)) => tokio::task::yield_now().await,
                    opened => return opened.map(|_| ()),
                }
            }
        })
    });
    for opened in opened.collect::<Vec<_>>() {
        opened.await.expect("no panic").expect("opens");
    }
}
