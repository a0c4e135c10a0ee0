//! The worker's connection to the submission server is cut at bytes of both directions (B01): every letter arrives, and
//! twice only where the server had it all and its answer did not come; then byte for byte the same.
//!
//! Quickly a few bytes are tried; `NINETOSIX_TEST_STRIDE=1` tries each (tests/faults.sh does).

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc, Weekday};

use super::support::cut::{Cut, How, Proxy};
use super::support::database::Row;
use super::support::office::{Office, WORKER, at};
use super::support::sink::Taken;
use super::support::{Config, Engine, on_both_engines};
use super::{rita_writes, wait_until};

/// Bytes tried of each direction, quickly.
const TRIED: u64 = 6;
/// Desks that share the bytes of the full sweep: they wait for most of their time.
const DESKS: usize = 16;
/// Longer than the second back-off, and than the folder of sent mail is waited for.
const STEP: TimeDelta = TimeDelta::minutes(6);
/// The longest that many desks at once take to dial.
const SOON: Duration = Duration::from_secs(120);
/// A lane in which nothing happens for so long waits.
const A_WHILE: Duration = Duration::from_secs(20);

on_both_engines! {
    fn a_connection_to_the_submission_server_cut_at_any_byte_loses_nothing(engine) {
        let (of_server, of_client) = session_length(engine);
        let mut cuts = Vec::new();
        for step in 0..TRIED {
            for (is_server, length) in [(true, of_server), (false, of_client)] {
                // Both engines together try twice as many bytes.
                let after_bytes = 1 + (length - 1) * (2 * step + engine as u64) / (2 * TRIED);
                cuts.push(cut(is_server, after_bytes, step));
            }
        }
        cut_at(engine, &cuts);
    }
}

/// Of a session that carries two letters every byte, on desks of either engine.
#[test]
fn a_connection_to_the_submission_server_cut_at_every_byte_loses_nothing() {
    if std::env::var_os("NINETOSIX_TEST_STRIDE").is_none() {
        return;
    }
    let (of_server, of_client) = session_length(Engine::Sqlite);
    let bytes = (1..=of_server)
        .map(|byte| (true, byte))
        .chain((1..=of_client).map(|byte| (false, byte)));
    let cuts: Vec<Cut> = bytes
        .enumerate()
        .map(|(at, (is_server, after_bytes))| cut(is_server, after_bytes, at as u64 / 2))
        .collect();
    thread::scope(|scope| {
        for at in 0..DESKS {
            let share: Vec<Cut> = cuts.iter().skip(at).step_by(DESKS).copied().collect();
            let engine = [Engine::Sqlite, Engine::Postgres][at % 2];
            scope.spawn(move || cut_at(engine, &share));
        }
    });
    eprintln!(
        "{} cuts: after each of {of_server} bytes of the server's and of {of_client} of the worker's",
        cuts.len()
    );
}

fn cut(of_server: bool, after_bytes: u64, at: u64) -> Cut {
    let how = if at.is_multiple_of(2) {
        How::Reset
    } else {
        How::Close
    };
    Cut {
        of_server,
        after_bytes,
        how,
    }
}

/// A desk whose worker sends through the proxy.
fn open(engine: Engine) -> (Office, Proxy) {
    let mut proxy = None;
    let limits = |config: &mut Config| {
        config.tables.push_str("[limits]\nsends_per_day = 100000\n");
    };
    let office = Office::open_with(engine, at("2026-11-23T09:00:00"), limits, |port| {
        proxy.insert(Proxy::before(port)).port
    });
    (office, proxy.expect("the worker was configured"))
}

/// Somebody writes; the two specialists are told over one connection. Its bytes: the server's, and the worker's.
fn session_length(engine: Engine) -> (u64, u64) {
    let (mut office, proxy) = open(engine);
    rita_writes(&mut office, 0);
    office
        .desk
        .wait("the notices have left", |desk| sent(desk, 2));
    // The last words of the conversation may not have been said yet.
    office.desk.wait("the connection is closed", |_| {
        let (of_server, of_client) = proxy.longest();
        (of_server > 0 && of_client > 0).then_some(())
    });
    proxy.longest()
}

fn sent(desk: &super::support::Desk, notices: usize) -> Option<()> {
    let sent = "letter WHERE kind = 'notice' AND state = 'sent'";
    (desk.database.count(sent) >= notices as i64).then_some(())
}

/// Moves on in business hours.
fn later(now: DateTime<Utc>) -> DateTime<Utc> {
    let later = now + STEP;
    // 16:00 in Moscow.
    if later.hour() < 13 {
        return later;
    }
    let days = match later.weekday() {
        Weekday::Fri => 3,
        _ => 1,
    };
    let morning = (later + TimeDelta::days(days)).date_naive();
    at(&format!("{morning}T09:00:00"))
}

/// Cuts connections that carry two letters each, one after another.
fn cut_at(engine: Engine, cuts: &[Cut]) {
    let (mut office, proxy) = open(engine);
    let mut now = at("2026-11-23T09:00:00");
    for (number, cut) in cuts.iter().enumerate() {
        proxy.cut_next(*cut);
        rita_writes(&mut office, number);
        wait_until(SOON, &format!("the connection is cut: {cut:?}"), || {
            (proxy.made() == number + 1).then_some(())
        });
        let wanted = 2 * (number + 1);
        let mut steps = 0;
        while !arrives(&office, wanted, now) {
            steps += 1;
            assert!(
                steps < 10,
                "both letters arrive though {cut:?}: {:?}; at {now}: {:?}",
                unsent(&office),
                office
                    .desk
                    .database
                    .rows("name, at, good_at, problem", "FROM heartbeat")
            );
            now = later(now);
            office.clock.set(now);
        }
    }
    let mut mails: BTreeMap<String, Vec<Taken>> = BTreeMap::new();
    for taken in office.taken() {
        if taken.hello == WORKER {
            let id = taken.mail.message_id.clone();
            mails.entry(id).or_default().push(taken);
        }
    }
    let letters = office.desk.letters();
    let notices = letters.iter().filter(|row| row.text("kind") == "notice");
    let mut pairs = 0;
    for row in notices {
        let taken = mails.remove(row.text("message_id")).unwrap_or_default();
        match taken.as_slice() {
            [_] => {}
            [one, two] => {
                pairs += 1;
                assert!(
                    one.mail.raw == two.mail.raw,
                    "twice, and not the same: {row:?}"
                );
                assert_eq!(row.maybe("why"), Some("possibly sent twice"), "{row:?}");
            }
            taken => panic!("{} times: {row:?}", taken.len()),
        }
    }
    assert!(mails.is_empty(), "mail of no letter: {:?}", mails.keys());
    eprintln!("{engine:?}: {} cuts, {pairs} letters twice", cuts.len());
}

fn unsent(office: &Office) -> Vec<Row> {
    office.desk.database.rows(
        "id, state, due_at, attempts, lease_until, sent_folder, why",
        "FROM letter WHERE kind = 'notice' AND state <> 'sent'",
    )
}

/// Waits until as many notices are sent as were written, or those that are not wait for a later time than `now`; returns
/// whether all are sent. A lane may also wait as a whole, its letters due: that shows by nothing happening for a while.
fn arrives(office: &Office, notices: usize, now: DateTime<Utc>) -> bool {
    let now = now.format("%Y-%m-%d %H:%M:%S").to_string();
    let begun = Instant::now();
    while begun.elapsed() < A_WHILE {
        let unsent = unsent(office);
        if unsent.is_empty() && sent(&office.desk, notices).is_some() {
            return true;
        }
        let is_put_off = |row: &Row| row.text("due_at").replacen('T', " ", 1) > now;
        if !unsent.is_empty() && unsent.iter().all(is_put_off) {
            return false;
        }
        thread::sleep(super::support::wait::LOOK_EVERY);
    }
    false
}
