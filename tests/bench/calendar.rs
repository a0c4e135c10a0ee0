//! Time of one question to a calendar whose years are compiled, and of compiling ten years: `cargo bench --bench calendar`.

#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use ninetosix_core::domain::calendar::{Calendar, Exceptions, ProductionCalendar, Week};

/// Questions of one pass, and how many passes there are; the median is told.
const QUESTIONS: usize = 200_000;
const PASSES: usize = 11;

fn calendar() -> Calendar {
    let hours = ["09:00-13:00", "14:00-18:00"].map(str::to_owned).to_vec();
    let week = Week::parse([("mon-fri", hours)]).expect("a week");
    let exceptions = Exceptions::parse(
        ["2027-03-05", "2027-07-05..2027-07-09 отпуск"],
        ["2027-03-06 10:00-14:00"],
    );
    let ru = Some(ProductionCalendar::ru());
    let exceptions = exceptions.expect("exceptions");
    Calendar::new(Tz::Europe__Moscow, week, ru, exceptions, true).expect("a calendar")
}

/// Instants all over four years, in no order.
fn instants() -> Vec<DateTime<Utc>> {
    let first = DateTime::from_timestamp(1_704_067_200, 0).expect("2024");
    let mut state = 1_u64;
    let mut second = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as i64 % (4 * 366 * 86_400)
    };
    (0..QUESTIONS)
        .map(|_| first + TimeDelta::seconds(second()))
        .collect()
}

/// Nanoseconds a question: the median of the passes.
fn measure(name: &str, instants: &[DateTime<Utc>], ask: impl Fn(DateTime<Utc>)) {
    let mut passes: Vec<Duration> = (0..PASSES)
        .map(|_| {
            let begun = Instant::now();
            instants.iter().for_each(|at| ask(*at));
            begun.elapsed()
        })
        .collect();
    passes.sort();
    let nanos = passes[PASSES / 2].as_nanos() as f64 / instants.len() as f64;
    println!("{name:<32} {nanos:7.1} ns a question");
}

fn main() {
    let mut compiling: Vec<Duration> = (0..PASSES)
        .map(|_| {
            let calendar = calendar();
            let begun = Instant::now();
            for year in 2020..2030 {
                let new_year = DateTime::parse_from_rfc3339(&format!("{year}-01-01T00:00:00Z"));
                black_box(calendar.is_open(new_year.expect("a date").to_utc()));
            }
            begun.elapsed()
        })
        .collect();
    compiling.sort();
    let millis = compiling[PASSES / 2].as_secs_f64() * 1000.0;
    println!("{:<32} {millis:7.3} ms", "compiling ten years");

    let calendar = calendar();
    let instants = instants();
    measure("is_open", &instants, |at| {
        black_box(calendar.is_open(black_box(at)));
    });
    measure("next_open", &instants, |at| {
        black_box(calendar.next_open(black_box(at)));
    });
    measure("next_close", &instants, |at| {
        black_box(calendar.next_close(black_box(at)));
    });
    measure("add_working, 9 hours", &instants, |at| {
        black_box(calendar.add_working(black_box(at), 540));
    });
    measure("add_working, 1000 hours", &instants, |at| {
        black_box(calendar.add_working(black_box(at), 60_000));
    });
    measure("add_working_days, 5", &instants, |at| {
        black_box(calendar.add_working_days(black_box(at), 5));
    });
    let later = TimeDelta::days(40);
    measure("working_between, 40 days", &instants, |at| {
        black_box(calendar.working_between(black_box(at), at + later));
    });
}
