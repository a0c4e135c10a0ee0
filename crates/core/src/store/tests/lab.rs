//! A fresh database for each test, on either engine, and a desk to fill it.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::ConnectionTrait;

use crate::config::Database;
use crate::domain::address::EmailAddress;
use crate::domain::calendar::{Calendar, Exceptions, ProductionCalendar, Week};
use crate::domain::desk::{Desk, Specialist, Vouching};
use crate::domain::incoming::{Correspondent, IncomingMail};
use crate::domain::receipt_cap::ReceiptCaps;
use crate::domain::text::{CleanLine, CleanText};
use crate::domain::token::{TokenKey, TokenKeys};
use crate::store::folder::FolderKey;
use crate::store::intake::{Listed, Pending};
use crate::store::lease::Held;
use crate::store::registration::{Registered, Registrar};
use crate::store::{Store, query_one};

/// Runs the same test on both engines.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($lab:ident: &Lab) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn body($lab: &Lab) $body

            #[tokio::test]
            async fn sqlite() {
                body(&Lab::sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                body(&Lab::postgres().await).await;
            }
        })*
    };
}
pub(super) use on_both_engines;

/// A database with the current schema, and a desk that keeps Moscow business hours.
pub(super) struct Lab {
    pub(super) store: Store,
    pub(super) database: Database,
    pub(super) desk: Desk,
    pub(super) key: TokenKeys,
    pub(super) mailbox: EmailAddress,
    uid: AtomicU32,
    _dir: tempfile::TempDir,
}

pub(super) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("a plain address")
}

/// Monday, 23 November 2026, at this time in Moscow.
pub(super) fn monday(time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(&format!("2026-11-23T{time}+03:00"))
        .expect("a time")
        .to_utc()
}

impl Lab {
    pub(super) async fn sqlite() -> Lab {
        let dir = tempfile::tempdir().expect("a directory");
        let database = Database::Sqlite {
            path: dir.path().join("test.db"),
        };
        Lab::new(database, dir).await
    }

    pub(super) async fn postgres() -> Lab {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("NINETOSIX_TEST_POSTGRES_URL")
            .expect("NINETOSIX_TEST_POSTGRES_URL names a PostgreSQL to test on: use tests/run.sh");
        let name = format!(
            "store_{}_{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::SeqCst)
        );
        let admin = Store::connect(&Database::Postgres {
            url: server.clone(),
            password: None,
        })
        .await
        .expect("the test server");
        admin
            .db
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a database of its own");
        admin.close().await.expect("closed");
        let url = format!(
            "{}/{name}",
            server.rsplit_once('/').expect("a database in the URL").0
        );
        Lab::new(
            Database::Postgres {
                url,
                password: None,
            },
            tempfile::tempdir().expect("a directory"),
        )
        .await
    }

    async fn new(database: Database, dir: tempfile::TempDir) -> Lab {
        let store = Store::connect(&database).await.expect("a connection");
        store.migrate(&database).await.expect("the schema");
        let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
        let calendar = Calendar::new(
            Tz::Europe__Moscow,
            week,
            Some(ProductionCalendar::ru()),
            Exceptions::default(),
            true,
        )
        .expect("a calendar");
        let specialist = |login: &str, name: &str| Specialist {
            login: login.to_owned(),
            name: name.to_owned(),
            address: address(&format!("{login}@school.test")),
            aliases: Vec::new(),
            from: None,
            to: None,
        };
        let desk = Desk {
            mailboxes: vec![address("help@school.test")],
            specialists: vec![
                specialist("sam", "Sam Smirnov"),
                specialist("sofia", "Sofia Belova"),
            ],
            language: crate::domain::language::Language::En,
            operator: Some(address("it@school.test")),
            calendar,
            terms: crate::domain::deadline::Terms::default(),
            caps: ReceiptCaps {
                per_hour: 1,
                per_day: 5,
                total_per_hour: 60,
            },
            recall: chrono::TimeDelta::zero(),
            reopen_within: chrono::TimeDelta::days(30),
            vouching: Vouching::Nobody,
        };
        Lab {
            store,
            database,
            desk,
            key: TokenKeys::new(TokenKey::new('1', [7; 32]), None),
            mailbox: address("help@school.test"),
            uid: AtomicU32::new(0),
            _dir: dir,
        }
    }

    pub(super) fn registrar(&self) -> Registrar<'_> {
        Registrar {
            desk: &self.desk,
            key: &self.key,
            mailbox: &self.mailbox,
        }
    }

    pub(super) fn inbox(&self) -> FolderKey {
        FolderKey {
            mailbox: self.mailbox.to_string(),
            folder: "INBOX".to_owned(),
            uidvalidity: 1,
            numbering: 1,
        }
    }

    /// Ends every alert that lasts.
    pub(super) async fn end_alerts(&self, now: DateTime<Utc>) {
        for open in self.store.open_alerts().await.expect("the database") {
            let ended = self.store.end_alert(self.registrar(), &open, now).await;
            assert!(ended.expect("the database"), "{open:?}");
        }
    }

    pub(super) async fn lease(&self, holder: &str, now: DateTime<Utc>) -> Held {
        self.store
            .take_lease("mailbox:help@school.test", holder, now)
            .await
            .expect("the database")
            .expect("a free lease")
    }

    /// Stores bytes under the next UID and returns the letter as it waits.
    pub(super) async fn fetched(&self, raw: &[u8], held: &Held, now: DateTime<Utc>) -> Pending {
        let uid = self.uid.fetch_add(1, Ordering::SeqCst) + 1;
        let listed = Listed {
            uid,
            internal_date: now,
            size_bytes: raw.len() as u64,
            message_id: None,
        };
        self.store
            .store_raw(&self.inbox(), &[(listed, raw.to_vec())], held, now)
            .await
            .expect("stored");
        let pending = self
            .store
            .pending(self.mailbox.as_str(), 100)
            .await
            .expect("the database");
        pending
            .into_iter()
            .find(|letter| letter.uid == uid)
            .expect("it waits")
    }

    /// Stores and registers a letter.
    pub(super) async fn register(
        &self,
        mail: &IncomingMail,
        held: &Held,
        now: DateTime<Utc>,
    ) -> Registered {
        let pending = self.fetched(mail.message_id.as_bytes(), held, now).await;
        self.store
            .register(self.registrar(), &pending, mail, held, now)
            .await
            .expect("the database")
            .expect("was not decided before")
    }

    /// Returns the one number a query gives.
    pub(super) async fn number(&self, select: &str) -> i64 {
        let row = query_one(&self.store.db, select, [])
            .await
            .expect("the database")
            .expect("a row");
        row.try_get_by_index::<i64>(0).expect("a number")
    }

    /// Changes rows behind the store's back.
    pub(super) async fn execute(&self, statement: &str) {
        super::super::execute(&self.store.db, statement, [])
            .await
            .expect("the database");
    }

    /// Returns the one text a query gives.
    pub(super) async fn text(&self, select: &str) -> String {
        let row = query_one(&self.store.db, select, [])
            .await
            .expect("the database")
            .expect("a row");
        row.try_get_by_index::<String>(0).expect("a text")
    }
}

/// A letter from Rita, who writes in.
pub(super) fn from_rita(message_id: &str, subject: &str, body: &str) -> IncomingMail {
    letter("rita@family.test", message_id, subject, body)
}

/// A letter from anybody to the desk.
pub(super) fn letter(from: &str, message_id: &str, subject: &str, body: &str) -> IncomingMail {
    IncomingMail {
        message_id: message_id.to_owned(),
        content_hash: crate::domain::digest::sha256(body.as_bytes()),
        from: vec![Correspondent {
            address: EmailAddress::parse(from),
            name: CleanLine::new("Rita", 100),
            ..Correspondent::default()
        }],
        to: vec![address("help@school.test")],
        subject: CleanLine::new(subject, 200),
        body: CleanText::new(body),
        ..IncomingMail::default()
    }
}
