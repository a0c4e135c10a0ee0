//! What was erased is in no row, and in no file of SQLite; what must be known for ever still is.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;

use super::lab::{Lab, address, from_rita, letter, monday, on_both_engines};
use crate::config::Database;
use crate::domain::incoming::{Attachment, IncomingMail};
use crate::domain::registration::Outcome;
use crate::domain::retention::{Manner, Rule};
use crate::domain::text::CleanLine;
use crate::store::erasure::Unreadable;
use crate::store::erasure::act::Cause;
use crate::store::erasure::due::{Due, Terms};
use crate::store::intake::Listed;
use crate::store::lease::Held;
use crate::store::{Store, query_all, sql};

/// In every text of the letters that are to go.
const CANARY: &str = "канарейка-canary";

/// Every table with text in it.
const TABLES: [&str; 15] = [
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
    "digest_line",
    "erasure",
    "erasure_line",
    "promise",
];

impl Lab {
    /// Returns how many rows hold `needle` in any column.
    async fn rows_that_hold(&self, needle: &str) -> Vec<String> {
        let mut found = Vec::new();
        for table in TABLES {
            let rows = match self.database {
                Database::Postgres { .. } => {
                    let select = format!("SELECT CAST(t AS TEXT) AS row FROM {table} t");
                    query_all(&self.store.db, &select, []).await.expect("rows")
                }
                Database::Sqlite { .. } => {
                    let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                    let columns = query_all(&self.store.db, &columns, [])
                        .await
                        .expect("columns");
                    let columns: Vec<String> = columns
                        .iter()
                        .map(|row| {
                            format!(
                                "coalesce(CAST({} AS TEXT), '')",
                                row.try_get::<String>("", "name").expect("a name")
                            )
                        })
                        .collect();
                    let select =
                        format!("SELECT {} AS row FROM {table}", columns.join(" || ' ' || "));
                    query_all(&self.store.db, &select, []).await.expect("rows")
                }
            };
            for row in rows {
                let row: String = row.try_get("", "row").expect("a text");
                let hex = data_encoding::HEXLOWER.encode(needle.as_bytes());
                if row.contains(needle) || row.contains(&hex) {
                    found.push(format!("{table}: {row}"));
                }
            }
        }
        found
    }

    /// Panics if the canary stands in a file of SQLite.
    async fn no_file_holds(&self, needle: &str) {
        let Database::Sqlite { path } = &self.database else {
            return;
        };
        for ending in ["", "-wal"] {
            let file = format!("{}{ending}", path.display());
            let bytes = std::fs::read(&file).unwrap_or_default();
            let holds = bytes
                .windows(needle.len())
                .any(|some| some == needle.as_bytes());
            assert!(!holds, "{file} holds {needle}");
        }
    }

    /// A ticket of Rita's with a file, answered and closed at `now`; every text of it holds the canary.
    async fn a_closed_ticket(&self, held: &Held, now: DateTime<Utc>) -> (IncomingMail, i64) {
        let mut mail = from_rita(
            &format!("{CANARY}-1@family.test"),
            &format!("Тема {CANARY}"),
            &format!("Слова {CANARY}. ").repeat(2000),
        );
        mail.attachments.push(Attachment {
            part: 1,
            name: format!("{CANARY}.png"),
            content_type: "image/png".to_owned(),
            size_bytes: 100_000,
            sha256: "00".to_owned(),
            inline: false,
            is_named: true,
            may_quote_us: false,
        });
        let raw = self.raw_of(&mail);
        let pending = self.fetched(&raw, held, now).await;
        let registered = self
            .store
            .register(self.registrar(), &pending, &mail, held, now)
            .await
            .expect("the database")
            .expect("is new");
        let number = registered.ticket.expect("a ticket");
        self.execute("UPDATE letter SET state = 'sent', sent_at = due_at")
            .await;
        self.close(number, now).await;
        (mail, number)
    }

    /// Bytes of several chunks.
    fn raw_of(&self, mail: &IncomingMail) -> Vec<u8> {
        let head = format!(
            "Message-ID: <{}>\r\nSubject: {CANARY}\r\n\r\n",
            mail.message_id
        );
        let body = format!("{CANARY} {}\r\n", "x".repeat(900)).repeat(2000);
        format!("{head}{body}").into_bytes()
    }

    async fn close(&self, number: i64, now: DateTime<Utc>) {
        let close =
            "UPDATE ticket SET state = 'closed', closed_at = $2, updated_at = $2 WHERE number = $1";
        self.store
            .db
            .execute_raw(sql(&self.store.db, close, [number.into(), now.into()]))
            .await
            .expect("closed");
    }

    fn rule(&self, manner: Manner) -> Rule {
        Rule {
            mailboxes: vec![self.mailbox.clone()],
            files_after_days: Some(1),
            tickets: Some((2, manner)),
            loose_after_days: Some(2),
            mailbox_copies: true,
        }
    }
}

fn terms<'a>(lab: &'a Lab, rule: &'a Rule, before: DateTime<Utc>) -> Terms<'a> {
    Terms {
        rule,
        mailbox: &lab.mailbox,
        files: Some(before),
        tickets: Some(before),
        loose: Some(before),
    }
}

on_both_engines! {
    async fn what_was_erased_is_nowhere_and_the_letter_is_known_for_ever(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        let (mail, number) = lab.a_closed_ticket(&held, now).await;
        assert!(!lab.rows_that_hold(CANARY).await.is_empty());
        let rule = lab.rule(Manner::Erase);
        let early = terms(lab, &rule, now);
        assert_eq!(lab.store.due_to_erase(&early, false).await.expect("read"), []);
        let late = terms(lab, &rule, now + TimeDelta::seconds(1));
        let due = lab.store.due_to_erase(&late, false).await.expect("read");
        assert_eq!(due, [Due::Ticket(number, Manner::Erase)]);

        let act = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        for one in &due {
            assert!(lab.store.erase_due(one, &late, true, act).await.expect("erased"));
        }
        lab.store.finish_act(act, now).await.expect("finished");
        assert_eq!(lab.store.make_unreadable(false).await.expect("done"), Unreadable::Done);
        for needle in [CANARY, "rita@family.test"] {
            assert_eq!(lab.rows_that_hold(needle).await.into_iter().filter(|row| !row.starts_with("ledger")).collect::<Vec<_>>(), Vec::<String>::new());
        }
        assert_eq!(lab.store.due_to_erase(&late, false).await.expect("read"), []);
        let (ticket, _) = lab.store.conversation(number).await.expect("read").expect("the number stays");
        assert_eq!((ticket.state.as_str(), ticket.subject.as_str(), ticket.requester.as_str()), ("closed", "", ""));
        assert_eq!(ticket.created_at, now);

        // The copy on the server is to go; until it is gone its Message-ID is known.
        let copies = lab.store.unwanted_copies(&lab.inbox()).await.expect("read");
        assert_eq!(copies.len(), 1);
        assert_eq!(copies[0].header_sha256.as_deref().map(str::len), Some(64));
        lab.store.copy_settled(&copies[0], true, now).await.expect("settled");
        assert_eq!(lab.store.unwanted_copies(&lab.inbox()).await.expect("read"), []);
        lab.store.make_unreadable(false).await.expect("done");
        assert_eq!(lab.rows_that_hold(CANARY).await, Vec::<String>::new());
        lab.no_file_holds(CANARY).await;
        lab.no_file_holds("rita@family.test").await;

        // The same bytes under another UID: decided at once, and to go as well.
        let listed = Listed { uid: 900, internal_date: now, size_bytes: 1, message_id: None };
        lab.store.store_raw(&lab.inbox(), &[(listed, lab.raw_of(&mail))], &held, now).await.expect("stored");
        assert_eq!(lab.text("SELECT outcome FROM ledger WHERE uid = 900").await, "duplicate_of");
        assert_eq!(lab.store.pending(lab.mailbox.as_str(), 10).await.expect("read"), []);
        assert_eq!(lab.number("SELECT count(*) FROM raw_chunk").await, 0);
        assert_eq!(lab.store.unwanted_copies(&lab.inbox()).await.expect("read")[0].uid, 900);
        // The same letter by another way: its bytes differ, its Message-ID and its content do not.
        let again = lab.fetched(b"Received: elsewhere\r\n\r\ncanary", &held, now).await;
        let again = lab.store.register(lab.registrar(), &again, &mail, &held, now).await.expect("the database").expect("is new");
        assert_eq!((again.outcome, again.ticket), (Outcome::DuplicateOf, None));
        assert_eq!(lab.number("SELECT count(*) FROM ticket").await, 1);
        // No rule of the mailbox wants it, but the copies of what it belongs to were to go.
        let late = lab.store.late_to_erase(&[]).await.expect("read");
        assert_eq!((late.len(), late[0].copies), (1, true));
        let act = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        lab.store.erase_late(late[0], act).await.expect("erased");
        assert!(lab.store.late_to_erase(&[]).await.expect("read").is_empty());
        assert_eq!(lab.number("SELECT count(*) FROM raw_chunk").await, 0);
    }

    async fn who_wrote_is_forgotten_and_words_stay(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        let mail = from_rita("first@family.test", "Дневник для Rita", "Пароль не подходит. Rita, rita@family.test, 8 (831) 429-04-85");
        let number = lab.register(&mail, &held, now).await.ticket.expect("a ticket");
        lab.execute("UPDATE letter SET state = 'sent', sent_at = due_at").await;
        lab.close(number, now).await;
        let rule = lab.rule(Manner::Anonymise);
        let act = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        let terms = terms(lab, &rule, now + TimeDelta::seconds(1));
        for one in lab.store.due_to_erase(&terms, false).await.expect("read") {
            lab.store.erase_due(&one, &terms, false, act).await.expect("erased");
        }
        for needle in ["rita@family.test", "Rita", "429-04-85"] {
            assert_eq!(lab.rows_that_hold(needle).await, Vec::<String>::new());
        }
        assert_eq!(lab.text("SELECT body FROM message").await, "Пароль не подходит. [имя], [адрес], [номер]");
        assert_eq!(lab.text("SELECT subject FROM ticket").await, "Дневник для [имя]");
        assert_eq!(lab.store.unwanted_copies(&lab.inbox()).await.expect("read"), []);
        assert_eq!(lab.store.unwanted_sent(lab.mailbox.as_str()).await.expect("read"), []);
        assert_eq!(lab.number("SELECT count(*) FROM person").await, 0);
    }

    async fn files_go_first_and_words_later(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        let (_, number) = lab.a_closed_ticket(&held, now).await;
        let rule = Rule { tickets: None, loose_after_days: None, ..lab.rule(Manner::Erase) };
        let terms = Terms { tickets: None, loose: None, ..terms(lab, &rule, now + TimeDelta::seconds(1)) };
        let due = lab.store.due_to_erase(&terms, false).await.expect("read");
        assert_eq!(due, [Due::Files(number)]);
        let act = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        assert!(lab.store.erase_due(&due[0], &terms, false, act).await.expect("erased"));
        assert_eq!(lab.store.due_to_erase(&terms, false).await.expect("read"), []);
        assert_eq!(lab.number("SELECT count(*) FROM attachment").await, 0);
        assert_eq!(lab.number("SELECT count(*) FROM raw_chunk").await, 0);
        assert!(lab.text("SELECT body FROM message").await.contains(CANARY));
        assert_eq!(lab.text("SELECT kind FROM event ORDER BY id DESC LIMIT 1").await, "files_erased");
    }

    async fn an_open_ticket_and_a_letter_on_its_way_are_left_alone(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        let open = lab.register(&from_rita("a@family.test", "Открытое", "1"), &held, now).await.ticket;
        let sending = lab.register(&letter("olga@family.test", "b@family.test", "Отправляется", "2"), &held, now).await.ticket.expect("a ticket");
        lab.close(sending, now).await;
        lab.execute(&format!("UPDATE letter SET state = 'sending' WHERE ticket = {sending} AND kind = 'receipt'")).await;
        let rule = lab.rule(Manner::Erase);
        let late = now + TimeDelta::seconds(1);
        assert_eq!(lab.store.due_to_erase(&terms(lab, &rule, late), false).await.expect("read"), []);
        lab.execute(&format!("UPDATE letter SET state = 'due' WHERE ticket = {sending}")).await;
        assert_eq!(lab.store.due_to_erase(&terms(lab, &rule, late), false).await.expect("read").len(), 1);
        assert_ne!(open, Some(sending));
        // A letter that has not left goes to nobody.
        let act = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        assert!(lab.store.erase_due(&Due::Ticket(sending, Manner::Erase), &terms(lab, &rule, late), false, act).await.expect("erased"));
        let going = format!("SELECT count(*) FROM letter WHERE ticket = {sending} AND state <> 'cancelled'");
        assert_eq!(lab.number(&going).await, 0);
    }

    async fn one_of_two_people_is_erased_and_the_other_stays(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        let ritas = from_rita("a@family.test", "Тема Rita", "Слова Rita rita@family.test");
        let number = lab.register(&ritas, &held, now).await.ticket.expect("a ticket");
        // Olga goes on in her ticket: a specialist put the address right.
        lab.execute(&format!("UPDATE ticket SET requester_address = 'olga@family.test', requester_name = 'Olga' WHERE number = {number}")).await;
        let mut olgas = letter("olga@family.test", "b@family.test", &format!("Re: Тема Rita [№ {number}]"), "Слова Ольги, прошлое писала rita@family.test");
        olgas.from[0].name = CleanLine::new("Olga", 100);
        assert_eq!(lab.register(&olgas, &held, now).await.ticket, Some(number));
        lab.execute("UPDATE letter SET state = 'sent', sent_at = due_at").await;
        let rita = address("rita@family.test");
        let holdings = lab.store.holdings(&rita).await.expect("read");
        assert_eq!((holdings.tickets.as_slice(), holdings.shared.as_slice(), holdings.messages), ([].as_slice(), [number].as_slice(), 1));
        assert_eq!(holdings.open, [number]);
        let act = lab.store.begin_act(Cause::Order(&rita), now).await.expect("begun");
        // An interrupted order goes on with the same act, another person's does not.
        assert_eq!(lab.store.begin_act(Cause::Order(&rita), now).await.expect("begun").id, act.id);
        assert_eq!(lab.store.interrupted_act(Cause::Order(&address("olga@family.test"))).await.expect("read"), None);
        lab.store.erase_person(&rita, &holdings, false, act).await.expect("erased");
        lab.store.finish_act(act, now).await.expect("finished");
        for needle in ["rita@family.test", "Rita"] {
            let found = lab.rows_that_hold(needle).await;
            assert_eq!(found, Vec::<String>::new());
        }
        assert!(lab.store.holdings(&rita).await.expect("read").is_empty());
        assert_eq!(lab.text("SELECT body FROM message ORDER BY id DESC LIMIT 1").await, "Слова Ольги, прошлое писала [адрес]");
        assert_eq!(lab.text("SELECT from_address FROM message ORDER BY id DESC LIMIT 1").await, "olga@family.test");
        assert_eq!(lab.text("SELECT requester_address FROM ticket").await, "olga@family.test");
        let acts = lab.store.acts(Some(act.id)).await.expect("read");
        assert_eq!((acts[0].subject.as_str(), acts[0].is_order), ("r***@f***.test", true));
        let proof = crate::domain::digest::sha256(format!("{}rita@family.test", acts[0].salt).as_bytes());
        assert_eq!(acts[0].hash, proof);
        assert!(acts[0].counts.values().sum::<i64>() > 0);
        // Three years later it goes.
        let later = |days| now + TimeDelta::days(days);
        assert_eq!(lab.store.forget_acts(later(1095)).await.expect("kept"), 0);
        assert_eq!(lab.store.forget_acts(later(1097)).await.expect("gone"), 1);
        assert_eq!(lab.number("SELECT count(*) FROM erasure_line").await, 0);
    }

    async fn letters_without_a_ticket_go_by_their_age_and_no_ticket_loses_its_bytes(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        let mail = from_rita("a@family.test", "Тема", "Слова");
        lab.register(&mail, &held, now).await;
        let mut robot = letter("robot@family.test", "c@family.test", "Out of office", CANARY);
        robot.robot.auto_submitted = Some("auto-replied".to_owned());
        assert_eq!(lab.register(&robot, &held, now).await.outcome, Outcome::Automatic);
        // A copy of the ticket's letter belongs to it, though its row names no ticket.
        let copy = lab.fetched(b"another way", &held, now).await;
        lab.store.register(lab.registrar(), &copy, &mail, &held, now).await.expect("the database");
        let rule = Rule { files_after_days: None, tickets: None, ..lab.rule(Manner::Erase) };
        let only = |before| Terms { files: None, tickets: None, ..terms(lab, &rule, before) };
        assert_eq!(lab.store.due_to_erase(&only(now), true).await.expect("read"), []);
        let due = lab.store.due_to_erase(&only(now + TimeDelta::seconds(1)), true).await.expect("read");
        assert_eq!(due.len(), 1, "{due:?}");
        let act = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        lab.store.erase_due(&due[0], &only(now), false, act).await.expect("erased");
        assert_eq!(lab.rows_that_hold(CANARY).await, Vec::<String>::new());
        assert_eq!(lab.number("SELECT count(*) FROM raw_chunk").await, 2);
    }

    async fn a_late_copy_stays_on_the_server_unless_somebody_asked_for_its_removal(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        let mail = from_rita("a@family.test", "Тема", "Слова");
        let number = lab.register(&mail, &held, now).await.ticket.expect("a ticket");
        lab.execute("UPDATE letter SET state = 'sent', sent_at = due_at").await;
        lab.close(number, now).await;
        let rule = lab.rule(Manner::Erase);
        let terms = terms(lab, &rule, now + TimeDelta::seconds(1));
        let act = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        assert!(lab.store.erase_due(&Due::Ticket(number, Manner::Erase), &terms, false, act).await.expect("erased"));
        let copy = lab.fetched(b"another way", &held, now).await;
        lab.store.register(lab.registrar(), &copy, &mail, &held, now).await.expect("the database");
        let wanted = async |mailboxes: &[&crate::domain::address::EmailAddress]| {
            let late = lab.store.late_to_erase(mailboxes).await.expect("read");
            assert_eq!(late.len(), 1);
            late[0].copies
        };
        let other = address("another@school.test");
        assert!(!wanted(&[&other]).await, "another mailbox asked");
        assert!(wanted(&[&other, &lab.mailbox]).await, "its own rule says so");
        // The same bytes in a mailbox that did not ask.
        lab.execute("UPDATE ledger SET mailbox = 'another@school.test' WHERE id = (SELECT max(id) FROM ledger)").await;
        assert!(!wanted(&[&lab.mailbox]).await);
        let late = lab.store.late_to_erase(&[&lab.mailbox]).await.expect("read");
        lab.store.erase_late(late[0], act).await.expect("erased");
        assert_eq!(lab.number("SELECT count(*) FROM ledger WHERE copy IS NOT NULL").await, 0);
        assert_eq!(lab.number("SELECT count(*) FROM raw_chunk").await, 0);
    }

    async fn a_ticket_that_was_opened_meanwhile_is_left_whole(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        let (_, number) = lab.a_closed_ticket(&held, now).await;
        let rule = lab.rule(Manner::Erase);
        let terms = terms(lab, &rule, now + TimeDelta::seconds(1));
        let before = (lab.number("SELECT count(*) FROM raw_chunk").await, lab.number("SELECT count(*) FROM event").await);
        let act = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        for reopened in ["state = 'in_work', closed_at = NULL", "state = 'closed', closed_at = '2030-01-01T00:00:00+00:00'"] {
            lab.execute(&format!("UPDATE ticket SET {reopened}")).await;
            for due in [Due::Ticket(number, Manner::Erase), Due::Ticket(number, Manner::Anonymise), Due::Files(number)] {
                assert!(!lab.store.erase_due(&due, &terms, true, act).await.expect("looked"), "{due:?}");
            }
        }
        let after = (lab.number("SELECT count(*) FROM raw_chunk").await, lab.number("SELECT count(*) FROM event").await);
        assert_eq!(after, before);
        assert_eq!(lab.number("SELECT count(*) FROM attachment").await, 1);
        assert_eq!(lab.number("SELECT count(*) FROM erasure_line").await, 0);
        assert!(lab.text("SELECT body FROM message").await.contains(CANARY));
    }

    async fn what_came_of_making_it_unreadable_stands_in_finished_acts(lab: &Lab) {
        let now = monday("10:00:00");
        let finished = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        lab.store.finish_act(finished, now).await.expect("finished");
        let ritas = address("rita@family.test");
        let interrupted = lab.store.begin_act(Cause::Order(&ritas), now).await.expect("begun");
        assert_eq!(lab.store.acts(Some(finished.id)).await.expect("read")[0].unreadable, None);
        assert_eq!(lab.store.make_unreadable(false).await.expect("made"), Unreadable::Done);
        assert_eq!(lab.store.acts(Some(finished.id)).await.expect("read")[0].unreadable, Some(Unreadable::Done));
        assert_eq!(lab.store.acts(Some(interrupted.id)).await.expect("read")[0].unreadable, None);
    }

    async fn a_letter_set_aside_waits_for_a_person_whatever_its_age(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        lab.fetched(b"unreadable", &held, now).await;
        let rule = lab.rule(Manner::Erase);
        let terms = terms(lab, &rule, now + TimeDelta::seconds(1));
        let decided = |outcome: &str| format!("UPDATE ledger SET outcome = '{outcome}', reason = 'x', decided_at = fetched_at");
        lab.execute(&decided("quarantined")).await;
        assert_eq!(lab.store.due_to_erase(&terms, true).await.expect("read"), []);
        lab.execute(&decided("automatic")).await;
        assert_eq!(lab.store.due_to_erase(&terms, true).await.expect("read").len(), 1);
    }

    async fn a_reply_to_an_erased_ticket_opens_a_new_one(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        let (_, number) = lab.a_closed_ticket(&held, now).await;
        let act = lab.store.begin_act(Cause::Rule, now).await.expect("begun");
        let rule = lab.rule(Manner::Erase);
        let terms = terms(lab, &rule, now + TimeDelta::seconds(1));
        assert!(lab.store.erase_due(&Due::Ticket(number, Manner::Erase), &terms, false, act).await.expect("erased"));
        let mut reply = from_rita("reply@family.test", &format!("Re: Тема [№ {number}]"), "Снова я");
        reply.references = vec![lab.text("SELECT message_id FROM letter WHERE kind = 'receipt'").await];
        let registered = lab.register(&reply, &held, now).await;
        assert_eq!(registered.ticket, Some(number + 1));
    }

    async fn the_people_of_a_time_are_listed(lab: &Lab) {
        let now = monday("10:00:00");
        let held = lab.lease("one", now).await;
        lab.register(&from_rita("a@family.test", "Тема", "Слова"), &held, now).await;
        lab.register(&letter("olga@family.test", "b@family.test", "Тема", "Слова"), &held, now + TimeDelta::days(1)).await;
        let all = lab.store.affected(now, now + TimeDelta::days(2)).await.expect("read");
        let addresses: Vec<&str> = all.iter().map(|one| one.address.as_str()).collect();
        assert_eq!(addresses, ["olga@family.test", "rita@family.test"]);
        assert_eq!((all[1].tickets, all[1].letters, all[1].answers, all[1].first_at), (1, 1, 0, now));
        let first = lab.store.affected(now, now + TimeDelta::hours(1)).await.expect("read");
        assert_eq!(first.len(), 1);
    }
}

/// Rows that move from page to page leave rests behind, which no overwriting of what is deleted meets.
#[tokio::test]
async fn rests_of_moved_rows_are_gone_as_well() {
    let lab = Lab::sqlite().await;
    let now = monday("10:00:00");
    let insert =
        "INSERT INTO person (address, name, first_seen_at, last_seen_at) VALUES ($1, $2, $3, $3)";
    let mut random = crate::random::Random(7);
    for _ in 0..3000 {
        let word = if random.one_in(2) { CANARY } else { "other" };
        let address = format!("{word}{}@family.test", random.next());
        let name = word.repeat(1 + random.below(20));
        let values = [address.into(), name.into(), now.into()];
        lab.store
            .db
            .execute_raw(sql(&lab.store.db, insert, values))
            .await
            .expect("a row");
    }
    lab.execute(&format!(
        "DELETE FROM person WHERE address LIKE '{CANARY}%'"
    ))
    .await;
    assert_eq!(
        lab.store.make_unreadable(false).await.expect("done"),
        Unreadable::Done
    );
    lab.no_file_holds(CANARY).await;
}

/// PostgreSQL says nothing but a warning to a role that may not.
#[tokio::test]
async fn a_role_that_does_not_own_the_tables_is_told_so() {
    let lab = Lab::postgres().await;
    let act = lab
        .store
        .begin_act(Cause::Rule, monday("10:00:00"))
        .await
        .expect("begun");
    lab.store
        .finish_act(act, monday("10:00:00"))
        .await
        .expect("finished");
    let Database::Postgres { .. } = &lab.database else {
        return;
    };
    // Each database has a role of its own: roles belong to the cluster.
    let role = lab.text("SELECT 'reader_' || current_database()").await;
    lab.execute(&format!("CREATE ROLE \"{role}\"")).await;
    lab.execute(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \"{role}\""
    ))
    .await;
    lab.execute(&format!(
        "ALTER DATABASE \"{}\" SET role = '{role}'",
        lab.text("SELECT CAST(current_database() AS TEXT)").await
    ))
    .await;
    let store = Store::open(&lab.database).await.expect("opened");
    let made = store.make_unreadable(true).await.expect("made");
    let kept = store.acts(Some(act.id)).await.expect("read");
    store.close().await.expect("closed");
    lab.execute("RESET ROLE").await;
    assert_eq!(made, Unreadable::NotOwner);
    assert_eq!(kept[0].unreadable, Some(Unreadable::NotOwner));
}
