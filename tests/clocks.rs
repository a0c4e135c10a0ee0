//! Clocks that are wrong, set, or stopped: what keeps business hours leaves only by a time that all of them agree about.
//! Both daemons run in this process on clocks that the test moves apart, and once as they are.

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rustix::process::Signal;
use support::database::time;
use support::office::{Office, WORKER, at};
use support::sink::Taken;
use support::{Desk, Engine, Holds, Lab, Letter, Program, Row, fresh_uuid, on_both_engines};

/// The operator's table of the configuration.
const OPERATOR: &str = "[operator]\naddress = \"it@school.test\"\n";
/// As long as clocks must have agreed, and a little more.
const BELIEVED_AFTER: TimeDelta = TimeDelta::seconds(310);

/// Opens a desk with an operator.
fn open(engine: Engine, now: &str) -> Office {
    let operator = |config: &mut support::Config| config.tables.push_str(OPERATOR);
    Office::open_with(engine, at(now), operator, |port| port)
}

/// Rita writes from an address of its own, which makes a notice to each specialist.
fn rita_writes(office: &mut Office, word: &str) {
    let from = office.desk.rita_for(&fresh_uuid()[..8]);
    let letter = Letter::new("Рита", &from, &office.desk.help, "Дневник", word);
    assert_eq!(office.receive(&from, &letter), "ticket");
}

/// What the worker sent.
fn by_worker(office: &Office) -> Vec<Taken> {
    let all = office.taken().into_iter();
    all.filter(|taken| taken.hello == WORKER).collect()
}

/// The notice to `address` about what Rita wrote.
fn notice(office: &mut Office, address: &str, word: &str) -> Taken {
    let sink = office.sink.clone();
    office
        .desk
        .wait(&format!("the notice of {word} to {address}"), |_| {
            let is_it = |taken: &&Taken| taken.recipient == address && taken.mail.says(word);
            sink.notes(|notes| notes.taken.iter().find(is_it).cloned())
        })
}

/// What the worker says is wrong.
fn problem(desk: &Desk) -> Option<String> {
    let beat = "FROM heartbeat WHERE name LIKE 'deliver:worker:%'";
    let rows = desk.database.rows("problem", beat);
    rows.first()?.maybe("problem").map(str::to_owned)
}

/// Waits until the worker doubts the time and says so in these words.
fn doubted(office: &mut Office, words: &str) {
    let says = |desk: &Desk| {
        problem(desk)
            .filter(|problem| problem.contains(words))
            .map(|_| ())
    };
    office.desk.wait(&format!("the worker says: {words}"), says);
}

/// Waits until the worker believes the time.
fn believed(office: &mut Office) {
    office.desk.wait("the worker believes its clock", |desk| {
        problem(desk).is_none().then_some(())
    });
}

/// Panics unless all the worker sent left inside 09:00-18:00 by the true time.
fn all_in_hours(taken: &[Taken]) {
    for mail in taken {
        let moscow = mail.truly_at.with_timezone(&support::moscow::offset());
        let hour = moscow.format("%H").to_string();
        assert!(
            ("09".."18").contains(&hour.as_str()),
            "{} left at {moscow}",
            mail.recipient
        );
    }
}

/// Makes a notice for each of these moments out of the one there is, each to somebody else.
fn due_at_each(desk: &Desk, moments: impl Iterator<Item = DateTime<Utc>>) -> usize {
    let mut made = 0;
    for moment in moments {
        let due = moment.format("%Y-%m-%dT%H:%M:%S+00:00");
        desk.database.execute(&format!(
            "INSERT INTO letter (kind, lane, mailbox, ticket, message, recipient_address, recipient_name, recipient_login, words, dedup_key, message_id,
                with_files, put_off, state, due_at, attempts, fence, possibly_twice, created_at)
             SELECT kind, lane, mailbox, ticket, message, 'x{made}@school.test', recipient_name, recipient_login, words, 'x{made}', 'x{made}@school.test',
                with_files, put_off, state, '{due}', attempts, fence, possibly_twice, created_at
             FROM letter WHERE kind = 'notice' AND recipient_login = 'ivan' LIMIT 1"
        ));
        made += 1;
    }
    made
}

/// The clock ticks, ten seconds a second, until it shows `end`.
fn tick_until(office: &Office, end: DateTime<Utc>) {
    while office.clock.truth() < end {
        office.clock.advance(TimeDelta::milliseconds(500));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The notices to one address that wait.
fn waiting(desk: &Desk, address: &str) -> Vec<Row> {
    let rows = desk.letters().into_iter();
    rows.filter(|row| row.text("recipient_address") == address && row.text("state") == "due")
        .collect()
}

on_both_engines! {
    // C01
    fn a_letter_due_each_second_around_closing_and_opening_leaves_inside_the_hours(engine) {
        let mut office = Office::open(engine, at("2026-11-22T12:00:00"));
        rita_writes(&mut office, "воскресенье");
        let seconds = |from: &str, count| (0..count).map(move |n| at(from) + TimeDelta::seconds(n)).collect::<Vec<_>>();
        let [closing, opening] = [("2026-11-23T17:59:00", 91), ("2026-11-24T08:59:30", 61)].map(|(from, count)| seconds(from, count));
        let made = due_at_each(&office.desk, closing.into_iter().chain(opening));

        office.move_to(at("2026-11-23T17:58:59"));
        tick_until(&office, at("2026-11-23T18:00:31"));
        let evening = by_worker(&office);
        // How many of the thirty-one that may is a matter of the machine; what has not left leaves in the morning.
        assert!((1..=33).contains(&evening.len()), "{} left in the evening", evening.len());
        office.move_to(at("2026-11-24T08:58:30"));
        assert_eq!(by_worker(&office).len(), evening.len());
        tick_until(&office, at("2026-11-24T09:00:31"));
        // The two notices of the letter itself, too.
        office.desk.wait("all have left", |desk| (desk.database.count("letter WHERE lane = 'worker' AND state = 'sent'") == made as i64 + 2).then_some(()));
        let all = by_worker(&office);
        all_in_hours(&all);
        assert!(all.iter().all(|taken| taken.at == taken.truly_at));
        assert_eq!(office.desk.database.count("letter WHERE lane = 'worker' AND attempts <> 1"), 0, "waiting costs no attempt");
    }

    // C03
    fn a_suspended_machine_believes_its_clock_after_five_minutes(engine) {
        let mut office = open(engine, "2026-11-23T17:50:00");
        office.clock.suspend(TimeDelta::minutes(15 * 60 + 20));
        doubted(&mut office, "the clock was set forward by 15 h, or the machine was suspended");
        let ivan = office.desk.ivan.clone();
        rita_writes(&mut office, "утром");
        // Receipts go on, and the operator is told, once.
        office.desk.wait("the receipt", |desk| (desk.database.count("letter WHERE kind = 'receipt' AND state = 'sent'") == 1).then_some(()));
        let alert = office.wait_for(0, "alert", "it@school.test");
        assert!(alert.mail.says("не знает, который час: the clock was set forward by 15 h"), "{}", alert.mail.text);
        assert_eq!(alert.at, at("2026-11-24T09:10:00"));
        let health = office.desk.command(Program::Worker, &["health", "--json"]);
        assert!(String::from_utf8_lossy(&health.stdout).contains("or the machine was suspended"), "{health:?}");
        office.move_to(at("2026-11-24T09:14:55"));
        assert_eq!(office.worker_connections(), 0);
        assert!(waiting(&office.desk, &ivan).iter().all(|row| row.number("attempts") == 0));
        assert!(problem(&office.desk).is_some());

        office.clock.set(at("2026-11-24T09:15:01"));
        let notice = notice(&mut office, &ivan, "утром");
        assert_eq!(notice.truly_at, at("2026-11-24T09:15:01"));
        believed(&mut office);
        // And that it is over.
        office.desk.wait("the operator is told so", |desk| (desk.database.count("letter WHERE kind = 'alert'") == 2).then_some(()));
        assert_eq!(office.desk.database.count("alert WHERE matter = 'clock' AND over_at IS NOT NULL"), 1);
    }

    fn a_clock_set_in_the_middle_of_a_letter_breaks_it_off_and_costs_no_attempt(engine) {
        let mut office = open(engine, "2026-11-23T10:00:00");
        let (ivan, anna) = (office.desk.ivan.clone(), office.desk.anna.clone());
        for (n, seconds) in [3, -3, 3600, -3600, 86_400, -86_400].into_iter().enumerate() {
            let by = TimeDelta::seconds(seconds);
            let (word, broken) = (format!("шаг{n}"), office.sink.notes(|notes| notes.broken_off.len()));
            office.sink.at_rcpt(&ivan, move |clock| clock.step(by));
            rita_writes(&mut office, &word);
            let sink = office.sink.clone();
            office.desk.wait("it is broken off", |_| sink.notes(|notes| (notes.broken_off.len() > broken).then_some(())));
            doubted(&mut office, if seconds > 0 { "the clock was set forward" } else { "the clock was set back" });
            office.desk.wait("it waits", |desk| (waiting(desk, &ivan).len() == 1).then_some(()));
            let row = waiting(&office.desk, &ivan).remove(0);
            assert_eq!(row.number("attempts"), 0, "{seconds}: {row:?}");
            assert!(time(row.text("due_at")) <= office.clock.truth(), "{seconds}: a doubted time puts nothing off: {row:?}");
            // It is set right, which is a step as well.
            office.clock.step(-by);
            let now = office.clock.truth();
            office.move_to(now + TimeDelta::minutes(1));
            office.clock.advance(BELIEVED_AFTER);
            let to_ivan = notice(&mut office, &ivan, &word);
            assert!(to_ivan.truly_at >= now + TimeDelta::minutes(5), "{seconds}");
            notice(&mut office, &anna, &word);
            believed(&mut office);
        }
        all_in_hours(&by_worker(&office));
        assert_eq!(office.desk.database.count("letter WHERE lane = 'worker' AND attempts <> 1"), 0);
    }

    fn a_second_is_tolerated_and_never_to_the_wrong_side_of_the_hours(engine) {
        let mut office = open(engine, "2026-11-23T17:59:20");
        let (ivan, anna) = (office.desk.ivan.clone(), office.desk.anna.clone());
        // Within the hours it is nothing.
        let second = TimeDelta::seconds(1);
        office.sink.at_rcpt(&ivan, move |clock| clock.step(second));
        rita_writes(&mut office, "терпимо");
        notice(&mut office, &ivan, "терпимо");
        notice(&mut office, &anna, "терпимо");
        assert_eq!(problem(&office.desk), None);
        office.clock.step(-second);

        // It is closing time, and the clock was set back to just before it.
        let closed = at("2026-11-23T18:00:00") + TimeDelta::milliseconds(400);
        office.sink.at_rcpt(&ivan, move |clock| {
            clock.set(closed);
            clock.step(-second);
        });
        rita_writes(&mut office, "позже");
        let sink = office.sink.clone();
        office.desk.wait("it is broken off", |_| sink.notes(|notes| notes.broken_off.contains(&ivan)).then_some(()));
        office.desk.wait("it waits", |desk| (waiting(desk, &ivan).len() == 1).then_some(()));
        let row = waiting(&office.desk, &ivan).remove(0);
        assert_eq!((row.number("attempts"), row.maybe("why")), (0, Some("waits for business hours")));
        assert_eq!(time(row.text("due_at")), at("2026-11-24T09:00:00"));

        // Nor does a clock that is fast open the desk early.
        let silent = by_worker(&office).len();
        office.clock.step(second);
        office.clock.set(at("2026-11-24T08:30:00"));
        office.clock.step(second);
        office.move_to(at("2026-11-24T09:00:00") + TimeDelta::milliseconds(900));
        assert_eq!(by_worker(&office).len(), silent);
        office.clock.advance(TimeDelta::milliseconds(500));
        notice(&mut office, &ivan, "позже");
        all_in_hours(&by_worker(&office));
    }

    // C08
    fn a_process_stopped_after_the_last_look_ends_no_mail(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        desk.rita_opens_a_ticket();
        desk.wait_until_quiet(1);
        desk.stop(Program::Worker);
        let holds = Holds::new(desk.dir().join("holds"));
        holds.arm("gate_said_yes");
        desk.start_one(Program::Worker, &holds.environment());
        let ivan = desk.ivan.clone();
        let letter = desk.rita_writes("Ещё", "Второе.");
        holds.wait_for("gate_said_yes");
        let worker = desk.running(Program::Worker).expect("it runs");
        worker.signal(Signal::STOP);
        holds.release("gate_said_yes");
        // The pause itself: the answer it was given is good for a second.
        std::thread::sleep(Duration::from_millis(1500));
        desk.running(Program::Worker).expect("it runs").signal(Signal::CONT);

        desk.wait_for_notice(&ivan, &letter);
        desk.wait_until_quiet(2);
        let log = desk.log(Program::Worker);
        assert!(log.contains("the process was paused at the end of data"), "{log}");
        let notices = desk.inbox(&ivan).iter().filter(|mail| mail.says(&letter.uuid)).count();
        assert_eq!(notices, 1);
        for row in desk.letters().iter().filter(|row| row.text("kind") == "notice") {
            assert_eq!((row.text("state"), row.number("attempts"), row.maybe("why")), ("sent", 1, None), "{row:?}");
        }
        desk.stop_both();
    }
}

// C05
#[test]
fn a_clock_that_differs_from_the_databases_sends_nothing() {
    let mut office = open(Engine::Postgres, "2026-11-23T17:30:00");
    let ivan = office.desk.ivan.clone();
    rita_writes(&mut office, "до");
    notice(&mut office, &ivan, "до");
    for (word, minutes, wall) in [
        ("позже", 10, "2026-11-23T17:55:00"),
        ("раньше", -10, "2026-11-24T09:05:00"),
    ] {
        // By the database it is 18:05, or 08:55. The clock of the worker itself runs evenly.
        office.clock.set(at(wall));
        office.clock.set_database_ahead(TimeDelta::minutes(minutes));
        let sent = by_worker(&office).len();
        rita_writes(&mut office, word);
        let side = if minutes > 0 { "ahead" } else { "behind" };
        doubted(
            &mut office,
            &format!("the clock differs from the database's, which is 10 min {side}"),
        );
        office.desk.wait("it waits", |desk| {
            (!waiting(desk, &ivan).is_empty()).then_some(())
        });
        assert!(
            waiting(&office.desk, &ivan)
                .iter()
                .all(|row| row.number("attempts") == 0)
        );
        office.move_to(at(wall) + TimeDelta::minutes(2));
        assert_eq!(by_worker(&office).len(), sent);
        assert!(problem(&office.desk).is_some());
        // That of the database is set right.
        office.clock.set_database_ahead(TimeDelta::zero());
        office.clock.advance(TimeDelta::seconds(30));
        office.clock.advance(BELIEVED_AFTER);
        believed(&mut office);
    }
    let alert = office.wait_for(0, "alert", "it@school.test");
    assert!(
        alert.mail.says("the clock differs from the database"),
        "{}",
        alert.mail.text
    );
    notice(&mut office, &ivan, "раньше");
    notice(&mut office, &ivan, "позже");
    all_in_hours(&by_worker(&office));
}

/// Nothing but the order is due: it is the order that asks.
#[test]
fn an_order_given_at_night_waits_for_clocks_that_agree() {
    let mut office = open(Engine::Postgres, "2026-11-23T17:00:00");
    let ivan = office.desk.ivan.clone();
    rita_writes(&mut office, "вечером");
    let notice = notice(&mut office, &ivan, "вечером");
    office.desk.wait("both notices have left", |desk| {
        (desk
            .database
            .count("letter WHERE lane = 'worker' AND state = 'sent'")
            == 2)
            .then_some(())
    });
    office.clock.set(at("2026-11-23T19:00:00"));
    let order = support::office::reply("Иван", &notice, "#закрыть");
    assert_eq!(office.receive(&ivan, &order), "command");
    office.clock.set_database_ahead(TimeDelta::minutes(-10));
    office.clock.set(at("2026-11-24T09:05:00"));
    doubted(
        &mut office,
        "the clock differs from the database's, which is 10 min behind",
    );
    assert_ne!(
        office.desk.ticket(1).text("state"),
        "closed",
        "by the database it is 08:55"
    );
    office.clock.set_database_ahead(TimeDelta::zero());
    office.clock.advance(TimeDelta::seconds(30));
    office.clock.advance(BELIEVED_AFTER);
    office.desk.wait("the ticket is closed", |desk| {
        (desk.ticket(1).text("state") == "closed").then_some(())
    });
}

/// The clock of the database itself, as its own SQL says it: ten minutes off since before the start.
#[test]
fn a_clock_that_differs_from_the_start_is_noticed_before_anything_is_sent() {
    for by in ["10 minutes", "-10 minutes"] {
        let mut desk = Desk::new(&Lab::shared(), Engine::Postgres, |_| {});
        let name = desk.database.rows("current_database()", "")[0]
            .text("current_database()")
            .to_owned();
        desk.database.execute("CREATE SCHEMA shifted");
        desk.database.execute(&format!(
            "CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT pg_catalog.clock_timestamp() + interval '{by}' $$"
        ));
        let shift = |desk: &Desk, path: &str| {
            desk.database
                .execute(&format!("ALTER DATABASE {name} SET search_path = {path}"))
        };
        shift(&desk, "public, shifted, pg_catalog");
        desk.start();
        let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
        let letter = desk.rita_writes("Не открывается", "Помогите.");
        desk.wait_for_receipt(&rita, &letter);
        desk.wait("the worker says so", |desk| {
            problem(desk)
                .filter(|problem| problem.contains("which is 10 min"))
                .map(|_| ())
        });
        assert!(desk.inbox(&ivan).is_empty());
        // Nothing was so much as claimed.
        assert_eq!(
            desk.database
                .count("letter WHERE lane = 'worker' AND fence <> 0"),
            0
        );
        desk.stop(Program::Worker);
        shift(&desk, "public");
        desk.start_one(Program::Worker, &[]);
        desk.wait_for_notice(&ivan, &letter);
        desk.stop_both();
    }
}

/// C07: a retry is clipped to the hours when it is made, and judged again when it is used.
#[test]
fn a_retry_at_the_edge_of_the_hours_waits_for_the_next_opening() {
    use chrono_tz::Tz;
    use ninetosix_core::domain::calendar::{Calendar, Exceptions, ProductionCalendar, Week};
    use ninetosix_core::domain::gate::{Gate, may_begin};
    use ninetosix_core::domain::letter::Lane;
    use ninetosix_core::domain::retry::next_attempt;
    let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
    let ru = Some(ProductionCalendar::ru());
    let calendar = Calendar::new(Tz::Europe__Moscow, week, ru, Exceptions::default(), true)
        .expect("a calendar");
    // Each fails a minute before; then the moment of the retry, and when the letter may go in the end.
    #[rustfmt::skip]
    let cases = [
        ("2026-11-26T17:59:00.000", "2026-11-27T09:00:00.000", "2026-11-27T09:00:00.000"),
        ("2026-11-26T17:58:59.900", "2026-11-26T17:59:59.900", "2026-11-27T09:00:00.000"),
        ("2026-11-26T17:58:29.999", "2026-11-26T17:59:29.999", "2026-11-26T17:59:29.999"),
        ("2026-11-26T17:58:30.000", "2026-11-26T17:59:30.000", "2026-11-27T09:00:00.000"),
        // The eve of a holiday is an hour shorter.
        ("2026-11-03T16:59:00.000", "2026-11-05T09:00:00.000", "2026-11-05T09:00:00.000"),
        ("2026-11-03T16:58:59.900", "2026-11-03T16:59:59.900", "2026-11-05T09:00:00.000"),
        // The eve of a row of them.
        ("2026-12-30T17:59:00.000", "2027-01-11T09:00:00.000", "2027-01-11T09:00:00.000"),
        ("2026-12-30T17:58:59.900", "2026-12-30T17:59:59.900", "2027-01-11T09:00:00.000"),
    ];
    for (failed, again, goes) in cases {
        let (failed, again, goes) = (at(failed), at(again), at(goes));
        let made = next_attempt(Lane::Worker, &calendar, failed, 1, 0.0, failed);
        assert_eq!(made, Some(again), "after {failed}");
        let begun = match may_begin(Lane::Worker, &calendar, again) {
            Gate::Open => again,
            Gate::ClosedUntil(until) => until,
            Gate::Doubted => panic!("a calendar doubts nothing"),
        };
        assert_eq!(begun, goes, "after {failed}");
    }
}
