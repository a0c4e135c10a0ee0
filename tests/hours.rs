//! Business hours on the wire. Both daemons run in this process on a clock that the test moves; their mail goes to a
//! server that notes the desk's own time at which the end of the data arrived, and who opened a connection.

#![allow(clippy::panic, reason = "that is how a test fails")]

mod support;

use chrono::TimeDelta;
use support::office::{Office, POLLER, WORKER, at, kind, reply};
use support::sink::Taken;
use support::{Engine, Letter, on_both_engines};

/// The kinds that may leave at any hour.
const ANY_HOUR: [&str; 4] = ["receipt", "reopened", "own_letter", "alert"];
on_both_engines! {
    fn a_weekend_of_traffic_leaves_nothing_but_what_may_go_at_any_hour(engine) {
        let mut office = Office::open(engine, at("2026-11-27T16:00:00"));
        let (help, rita, olga, ivan, anna) = (
            office.desk.help.clone(), office.desk.rita.clone(), office.desk.olga.clone(), office.desk.ivan.clone(), office.desk.anna.clone(),
        );
        let first = Letter::new("Рита", &rita, &help, "Не открывается", "Помогите.");
        assert_eq!(office.receive(&rita, &first), "ticket");
        let notice = office.wait_for(0, "notice", &ivan);
        let to_anna = office.wait_for(0, "notice", &anna);
        let receipt = office.wait_for(0, "receipt", &rita);
        assert!(notice.hello == WORKER && receipt.hello == POLLER, "each daemon sends what is its own");

        // Friday, 18:00:00. From here to Monday, 09:00:00, the worker is silent.
        office.move_to(at("2026-11-27T18:00:00"));
        let (silent, known) = (office.worker_connections(), office.taken().len());
        assert_eq!(office.receive(&ivan, &reply("Иван", &notice, "Попробуйте ещё раз.\n#закрыть")), "command");
        let told = office.wait_for(known, "own_letter", &ivan);
        assert!(told.mail.says("уйдёт в понедельник, 30 ноября, в 9:00 МСК"), "{}", told.mail.text);

        office.move_to(at("2026-11-28T03:12:00"));
        let second = Letter::new("Ольга", &olga, &help, "Ночью", "Не вижу оценки.");
        assert_eq!(office.receive(&olga, &second), "ticket");
        let at_night = office.wait_for(known, "receipt", &olga);
        assert!(at_night.mail.says("Возьмём обращение в работу в понедельник, 30 ноября, в 9:00 МСК."), "{}", at_night.mail.text);
        assert_eq!(office.receive(&anna, &reply("Анна", &to_anna, "#заметка\nОна уже звонила.")), "command");

        office.move_to(at("2026-11-29T12:00:00"));
        assert_eq!(office.receive(&rita, &reply("Рита", &receipt, "Ещё и журнал.")), "entry");
        let away = Letter::new("Рита", &rita, &help, "Автоответ", "Меня нет.").header("Auto-Submitted", "auto-replied");
        assert_eq!(office.receive(&rita, &away), "automatic");
        let report = Letter::new("", "mailer-daemon@family.test", &help, "Undelivered", "x").header("X-Failed-Recipients", &rita);
        assert_eq!(office.receive("", &report), "bounce");

        office.move_to(at("2026-11-30T08:59:59"));
        assert_eq!(office.worker_connections(), silent, "outside business hours the worker opens no connection");
        for taken in office.taken().iter().skip(known) {
            assert!(ANY_HOUR.contains(&kind(taken).as_str()), "{} left at {}", kind(taken), taken.at);
            assert_eq!(taken.hello, POLLER);
        }
        let quiet = office.taken().len();

        // Monday, 09:00:00: everything that waited leaves, in the order it was written.
        office.clock.set(at("2026-11-30T09:00:00"));
        assert_eq!(office.wait_for(quiet, "notice", &anna).at, at("2026-11-30T09:00:00"));
        // The answer of Friday evening waits until the mailbox was read after the opening.
        office.move_to(at("2026-11-30T09:00:31"));
        let answer = office.wait_for(quiet, "answer", &rita);
        assert!(answer.mail.says("Попробуйте ещё раз."));
        let monday: Vec<Taken> = office.taken().split_off(quiet);
        assert!(monday.iter().all(|taken| taken.at >= at("2026-11-30T09:00:00")), "{monday:?}");
        let to_ivan = office.wait_for(quiet, "notice", &ivan);
        assert!(to_ivan.mail.says("Не вижу оценки."), "the older letter first: {}", to_ivan.mail.text);
    }

    fn the_gate_closes_to_the_second_and_before_the_last_byte(engine) {
        let mut office = Office::open(engine, at("2026-11-23T17:59:29"));
        let (help, rita, olga, ivan, anna) = (
            office.desk.help.clone(), office.desk.rita.clone(), office.desk.olga.clone(), office.desk.ivan.clone(), office.desk.anna.clone(),
        );
        // 31 seconds before closing a letter may still begin.
        let early = Letter::new("Рита", &rita, &help, "Успела", "Раз.");
        assert_eq!(office.receive(&rita, &early), "ticket");
        office.wait_for(0, "notice", &ivan);
        office.wait_for(0, "notice", &anna);

        // 29 seconds before, none does.
        office.move_to(at("2026-11-23T17:59:31"));
        let (silent, known) = (office.worker_connections(), office.taken().len());
        let late = Letter::new("Ольга", &olga, &help, "Не успела", "Два.");
        assert_eq!(office.receive(&olga, &late), "ticket");
        office.wait_for(known, "receipt", &olga);
        office.move_to(at("2026-11-23T18:00:01"));
        assert_eq!(office.worker_connections(), silent);

        // In the morning one is begun in time, and closing time comes between RCPT and the end of its data.
        office.sink.set_clock_at(&ivan, at("2026-11-24T18:00:00"));
        let before = office.taken().len();
        office.clock.set(at("2026-11-24T17:50:00"));
        let sink = office.sink.clone();
        office.desk.wait("the mail is broken off", |_| sink.notes(|notes| notes.broken_off.contains(&ivan)).then_some(()));
        office.move_to(at("2026-11-24T18:01:00"));
        let evening: Vec<Taken> = office.taken().split_off(before);
        assert!(!evening.iter().any(|taken| taken.recipient == ivan), "its end of data came after closing time");
        assert!(evening.iter().all(|taken| taken.at < at("2026-11-24T18:00:00")), "{evening:?}");

        // It costs no attempt and goes at the next opening.
        let row = office.desk.letters().into_iter().rfind(|row| row.text("recipient_address") == ivan && row.text("kind") == "notice");
        let row = row.expect("the notice");
        assert_eq!((row.text("state"), row.number("attempts")), ("due", 0));
        office.move_to(at("2026-11-25T09:00:00"));
        let notice = office.wait_for(before, "notice", &ivan);
        assert!(notice.mail.says("Два.") && notice.at == at("2026-11-25T09:00:00"));
    }

    fn a_letter_before_the_holidays_is_told_the_minute_after_them(engine) {
        let mut office = Office::open(engine, at("2026-12-30T19:10:00"));
        let (help, rita) = (office.desk.help.clone(), office.desk.rita.clone());
        let letter = Letter::new("Рита", &rita, &help, "С наступающим", "Помогите.");
        assert_eq!(office.receive(&rita, &letter), "ticket");
        let receipt = office.wait_for(0, "receipt", &rita);
        assert!(
            receipt.mail.says("С 31 декабря по 10 января — выходные дни. Возьмём обращение в работу в понедельник, 11 января, в 9:00 МСК."),
            "{}", receipt.mail.text
        );
        for day in ["2026-12-31T12:00:00", "2027-01-04T12:00:00", "2027-01-09T12:00:00", "2027-01-11T08:59:59"] {
            office.move_to(at(day));
        }
        assert_eq!(office.worker_connections(), 0);
        office.clock.set(at("2027-01-11T09:00:00"));
        let ivan = office.desk.ivan.clone();
        assert_eq!(office.wait_for(0, "notice", &ivan).at, at("2027-01-11T09:00:00"));
    }

    fn a_mailbox_keeps_the_calendar_that_it_names(engine) {
        let kadry = |config: &mut support::Config| {
            config.mailbox = "calendar = \"kadry\"\n".to_owned();
            config.tables.push_str("[[calendar]]\nname = \"kadry\"\nmon-wed = [\"10:00-13:00\", \"14:00-16:00\"]\n");
        };
        // A Wednesday, when the desk is open till six and this mailbox was till four.
        let mut office = Office::open_with(engine, at("2026-11-25T16:00:00"), kadry, |port| port);
        let (help, rita, ivan) = (office.desk.help.clone(), office.desk.rita.clone(), office.desk.ivan.clone());
        let letter = Letter::new("Рита", &rita, &help, "Справка", "Нужна справка.");
        assert_eq!(office.receive(&rita, &letter), "ticket");
        let receipt = office.wait_for(0, "receipt", &rita);
        assert!(receipt.mail.says("Возьмём обращение в работу в понедельник, 30 ноября, в 10:00 МСК."), "{}", receipt.mail.text);
        for closed in ["2026-11-26T12:00:00", "2026-11-30T09:59:59"] {
            office.move_to(at(closed));
            assert_eq!(office.worker_connections(), 0, "{closed}");
        }
        office.clock.set(at("2026-11-30T10:00:00"));
        let notice = office.wait_for(0, "notice", &ivan);
        // An answer with an order in the lunch break waits for its end.
        office.move_to(at("2026-11-30T13:00:00"));
        assert_eq!(office.receive(&ivan, &reply("Иван", &notice, "Готово.\n#закрыть")), "command");
        office.move_to(at("2026-11-30T13:59:59"));
        assert_eq!(office.desk.ticket(1).text("state"), "new");
        office.move_to(at("2026-11-30T14:00:31"));
        office.wait_for(0, "answer", &rita);
        office.desk.wait("the order is carried out", |desk| (desk.ticket(1).text("state") == "closed").then_some(()));
        let check = office.worker_command(&["check"]);
        let said = String::from_utf8_lossy(&check.stdout);
        assert!(said.contains(&format!("часы {help}: ")), "{said}");
        let health = office.worker_command(&["health", "--json"]);
        let said = String::from_utf8_lossy(&health.stdout);
        assert!(said.contains("\"name\":\"calendar\",\"good\":true,\"age_s\":null,\"until\":\"2027-12-31\""), "{said}");
    }

    fn what_is_promised_is_said_kept_and_counted_in_working_time(engine) {
        let terms = |config: &mut support::Config| {
            config.tables.push_str("[deadlines]\nfirst_answer = \"9h\"\nsolution = \"27h\"\n");
        };
        let mut office = Office::open_with(engine, at("2026-12-30T19:10:00"), terms, |port| port);
        let (help, rita, ivan) = (office.desk.help.clone(), office.desk.rita.clone(), office.desk.ivan.clone());
        let letter = Letter::new("Рита", &rita, &help, "Не открывается", "Помогите.");
        assert_eq!(office.receive_now(&letter), "ticket");
        let receipt = office.wait_for(0, "receipt", &rita);
        assert!(receipt.mail.says("Срок ответа — понедельник, 11 января, 18:00 МСК."), "{}", receipt.mail.text);
        let shown = |office: &Office| -> serde_json::Value {
            let output = office.worker_command(&["tickets", "--json"]);
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
        };
        let ticket = shown(&office);
        assert_eq!(ticket["promise"]["begins_at"], "2027-01-11T06:00:00Z");
        assert_eq!(ticket["promise"]["answer_by"], "2027-01-11T15:00:00Z");

        office.clock.set(at("2027-01-11T09:00:00"));
        let notice = office.wait_for(0, "notice", &ivan);
        assert!(notice.mail.says("Срок: понедельник, 11 января, 18:00 МСК"), "{}", notice.mail.text);
        office.move_to(at("2027-01-11T10:00:00"));
        assert_eq!(office.receive(&ivan, &reply("Иван", &notice, "Попробуйте ещё раз.")), "command");
        office.wait_for(0, "answer", &rita);
        // Recorded at that hour too, before the clock moves on.
        office.desk.wait("the answer is recorded", |desk| (desk.database.count("letter WHERE kind = 'answer' AND state = 'sent'") == 1).then_some(()));
        // Days with its writer do not count.
        office.move_to(at("2027-01-15T09:00:00"));
        assert_eq!(office.receive(&rita, &reply("Рита", &receipt, "Не помогло.")), "entry");
        let ticket = shown(&office);
        assert_eq!(ticket["first_answer_at"], "2027-01-11T07:00:00Z");
        // An hour was used up; 26 are left from Friday, 9:00.
        assert_eq!(ticket["solution_due"], "2027-01-19T14:00:00Z");
    }
}

#[test]
fn a_retry_that_falls_after_closing_is_clipped_to_the_opening() {
    use chrono_tz::Tz;
    use ninetosix_core::domain::calendar::{Calendar, Exceptions, ProductionCalendar, Week};
    use ninetosix_core::domain::letter::Lane;
    use ninetosix_core::domain::retry::{GIVE_UP_AFTER, next_attempt};
    let week = Week::parse([("mon-fri", vec!["09:00-18:00".to_owned()])]).expect("a week");
    let calendar = Calendar::new(
        Tz::Europe__Moscow,
        week,
        Some(ProductionCalendar::ru()),
        Exceptions::default(),
        true,
    )
    .expect("a calendar");
    let written = at("2026-11-27T12:00:00");
    let next =
        |lane, attempts, now: &str| next_attempt(lane, &calendar, written, attempts, 0.0, at(now));
    // 17:59 + 1 min = 18:00:00, which is closed; a poller's letter does not mind.
    assert_eq!(
        next(Lane::Worker, 1, "2026-11-27T17:59:00"),
        Some(at("2026-11-30T09:00:00"))
    );
    assert_eq!(
        next(Lane::Poller, 1, "2026-11-27T17:59:00"),
        Some(at("2026-11-27T18:00:00"))
    );
    assert_eq!(
        next(Lane::Worker, 1, "2026-11-27T17:58:59"),
        Some(at("2026-11-27T17:59:59"))
    );
    assert_eq!(
        next(Lane::Worker, 3, "2026-11-30T10:00:00"),
        Some(at("2026-11-30T10:15:00"))
    );
    let late = written + GIVE_UP_AFTER;
    assert_eq!(
        next_attempt(Lane::Worker, &calendar, written, 20, 0.0, late),
        None
    );
    assert!(
        next_attempt(
            Lane::Worker,
            &calendar,
            written,
            0,
            0.0,
            late + TimeDelta::days(9)
        )
        .is_some(),
        "never tried, never given up"
    );
}
