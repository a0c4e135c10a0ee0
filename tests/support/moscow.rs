//! Moscow time as letters say it, written a second time: the product's own way is under test.

use chrono::{DateTime, Datelike, FixedOffset, TimeDelta, Timelike, Utc};

use super::mail::Mail;

const DAYS: [(&str, &str); 7] = [
    ("понедельник", "в понедельник"),
    ("вторник", "во вторник"),
    ("среда", "в среду"),
    ("четверг", "в четверг"),
    ("пятница", "в пятницу"),
    ("суббота", "в субботу"),
    ("воскресенье", "в воскресенье"),
];
const MONTHS: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];

/// Three hours ahead of UTC all year.
pub(crate) fn offset() -> FixedOffset {
    FixedOffset::east_opt(3 * 3600).expect("three hours")
}

/// «понедельник, 23 ноября, 10:14 МСК».
pub(crate) fn said(at: DateTime<Utc>) -> String {
    let (day, _, rest) = parts(at);
    let (date, time) = rest;
    format!("{day}, {date}, {time}")
}

/// «в понедельник, 23 ноября, в 10:14 МСК».
pub(crate) fn said_on(at: DateTime<Utc>) -> String {
    let (_, on_day, (date, time)) = parts(at);
    format!("{on_day}, {date}, в {time}")
}

fn parts(at: DateTime<Utc>) -> (&'static str, &'static str, (String, String)) {
    let at = at.with_timezone(&offset());
    let (day, on_day) = DAYS[at.weekday().num_days_from_monday() as usize];
    let date = format!("{} {}", at.day(), MONTHS[at.month0() as usize]);
    let time = format!("{}:{:02} МСК", at.hour(), at.minute());
    (day, on_day, (date, time))
}

/// Returns the second a mail reached its mailbox.
pub(crate) fn arrival(mail: &Mail) -> DateTime<Utc> {
    let seconds = i64::try_from(mail.arrived.0).expect("seconds since 1970");
    DateTime::from_timestamp(seconds, 0).expect("a time")
}

/// Returns the first full minute that is at least `after` from `now` on.
pub(crate) fn full_minute(now: DateTime<Utc>, after: TimeDelta) -> DateTime<Utc> {
    let at = now + after + TimeDelta::seconds(59);
    at.with_second(0)
        .and_then(|at| at.with_nanosecond(0))
        .expect("second 0")
}
