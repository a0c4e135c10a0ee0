//! What must hold of every calendar and every instant, tried on random ones, beside a model that follows the definitions
//! literally; and the cases that people know by heart.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use super::{Calendar, Exceptions, FIRST_YEAR, LAST_YEAR, ProductionCalendar, Week};
use crate::random::Random;

const ZONES: [Tz; 6] = [
    Tz::Europe__Moscow,
    Tz::Europe__Berlin,
    Tz::Asia__Kathmandu,
    Tz::Pacific__Apia,
    Tz::America__St_Johns,
    Tz::Australia__Lord_Howe,
];

fn at(text: &str) -> DateTime<Utc> {
    let read = DateTime::parse_from_rfc3339(text);
    read.unwrap_or_else(|error| panic!("{text}: {error}"))
        .to_utc()
}

fn moscow(local: &str) -> DateTime<Utc> {
    at(&format!("{local}+03:00"))
}

fn desk(zone: Tz, mon_fri: &[&str]) -> Calendar {
    let hours: Vec<String> = mon_fri.iter().map(ToString::to_string).collect();
    let week = Week::parse([("mon-fri", hours)]).expect("a week");
    let ru = Some(ProductionCalendar::ru());
    Calendar::new(zone, week, ru, Exceptions::default(), true).expect("a calendar")
}

/// Any hours of one day, in order.
fn hours(random: &mut Random) -> Vec<String> {
    let mut hours = Vec::new();
    let mut minute = random.below(600);
    while minute < 1439 && !random.one_in(3) {
        let end = (minute + 1 + random.below(500)).min(1440);
        hours.push(format!(
            "{:02}:{:02}-{:02}:{:02}",
            minute / 60,
            minute % 60,
            end / 60,
            end % 60
        ));
        // Sometimes hours touch.
        minute = end + random.below(3) * random.below(60);
    }
    hours
}

/// Any calendar, with odd weeks, exceptions, and with or without a production calendar.
fn any_calendar(random: &mut Random) -> Calendar {
    loop {
        let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|day| {
            (
                day,
                if random.one_in(4) {
                    Vec::new()
                } else {
                    hours(random)
                },
            )
        });
        let week = Week::parse(week).expect("hours in order");
        let date = |random: &mut Random| {
            let first = NaiveDate::from_ymd_opt(2023, 6, 1).expect("a date");
            first + chrono::Days::new(random.below(2000) as u64)
        };
        let closed: Vec<String> = (0..random.below(5))
            .map(|_| {
                let first = date(random);
                format!(
                    "{first}..{}",
                    first + chrono::Days::new(random.below(30) as u64)
                )
            })
            .collect();
        let open: Vec<String> = (0..random.below(5))
            .map(|_| {
                let mut own = hours(random);
                own.push("23:59-24:00".to_owned());
                let joined = if own.len() > 1 {
                    own[0].clone()
                } else {
                    own.remove(0)
                };
                format!("{} {joined}", date(random))
            })
            .collect();
        // A date may be drawn twice, or open and closed.
        let Ok(exceptions) = Exceptions::parse(&closed, &open) else {
            continue;
        };
        let production = (!random.one_in(4)).then(ProductionCalendar::ru);
        let zone = *random.pick(&ZONES);
        if let Ok(calendar) = Calendar::new(zone, week, production, exceptions, !random.one_in(4)) {
            return calendar;
        }
    }
}

/// Any instant of the years that matter, often at the edge of a minute.
fn any_instant(random: &mut Random) -> DateTime<Utc> {
    let second = 1_500_000_000 + random.below(400_000_000) as i64;
    let second = if random.one_in(2) {
        second - second % 60
    } else {
        second
    };
    let nanos = if random.one_in(3) {
        random.below(1_000_000_000) as u32
    } else {
        0
    };
    DateTime::from_timestamp(second, nanos).expect("in range")
}

fn for_any(seed: u64, rounds: u64, mut holds: impl FnMut(&Calendar, &mut Random)) {
    let mut random = Random(seed);
    for _ in 0..rounds {
        let calendar = any_calendar(&mut random);
        for _ in 0..40 {
            holds(&calendar, &mut random);
        }
    }
}

/// Whether it is open, by the local date and the local time alone. It does not hold where clocks go back, when a local
/// time comes twice and only the first counts, nor where hours begin in a gap.
fn is_open_by_the_definition(calendar: &Calendar, at: DateTime<Utc>) -> bool {
    let local = at.with_timezone(&calendar.zone());
    let minute = (local.hour() * 60 + local.minute()) as u16;
    let hours = calendar.day(local.date_naive()).intervals;
    hours
        .iter()
        .any(|hours| hours.from_min() <= minute && minute < hours.to_min())
}

/// Whether the offset from UTC is one and the same for days around.
fn is_quiet(calendar: &Calendar, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
    use chrono::Offset;
    let offset = |at: DateTime<Utc>| at.with_timezone(&calendar.zone()).offset().fix();
    let (from, to) = (from - TimeDelta::days(2), to + TimeDelta::days(2));
    let days = (to - from).num_days();
    (0..=days).all(|day| offset(from + TimeDelta::days(day)) == offset(from))
}

#[test]
fn adding_and_counting_undo_each_other() {
    for_any(1, 150, |calendar, random| {
        let from = any_instant(random);
        let minutes = random.below(5_000) as u32;
        let to = calendar
            .add_working(from, minutes)
            .expect("within the years");
        assert!(to >= from, "{calendar:?} {from} {minutes}");
        assert_eq!(
            calendar.working_between(from, to),
            u64::from(minutes),
            "{calendar:?} {from} {to}"
        );
        if minutes > 0 {
            let earlier = to - TimeDelta::nanoseconds(1);
            let counted = calendar.working_between(from, earlier);
            assert_eq!(
                counted,
                u64::from(minutes) - 1,
                "not the earliest: {calendar:?} {from} {to}"
            );
        } else {
            assert_eq!(to, from);
        }
    });
}

#[test]
fn terms_add_up() {
    for_any(2, 100, |calendar, random| {
        let from = any_instant(random);
        let (one, other) = (random.below(3_000) as u32, random.below(3_000) as u32);
        let step = |at, minutes| calendar.add_working(at, minutes).expect("within the years");
        assert_eq!(
            step(step(from, one), other),
            step(from, one + other),
            "{calendar:?} {from} {one} {other}"
        );
        let (middle, end) = (step(from, one), step(from, one + other));
        let (first, second) = (
            calendar.working_between(from, middle),
            calendar.working_between(middle, end),
        );
        assert_eq!(first + second, calendar.working_between(from, end));
        // Whole minutes of the parts may be one less than those of the whole, and never more.
        let middle = any_instant(random).clamp(from, end);
        let parts = calendar.working_between(from, middle) + calendar.working_between(middle, end);
        let whole = calendar.working_between(from, end);
        assert!(
            parts == whole || parts + 1 == whole,
            "{calendar:?} {from} {middle} {end}"
        );
        assert_eq!(
            calendar.working_between(end, from),
            0,
            "backwards there is nothing to count"
        );
    });
}

#[test]
fn later_questions_have_later_answers() {
    for_any(3, 60, |calendar, random| {
        let one = any_instant(random);
        let other = one + TimeDelta::milliseconds(random.below(600_000_000) as i64);
        let minutes = random.below(2_000) as u32;
        assert!(
            calendar.add_working(one, minutes) <= calendar.add_working(other, minutes),
            "{calendar:?} {one} {other}"
        );
        assert!(calendar.add_working(one, minutes) <= calendar.add_working(one, minutes + 1));
        assert!(calendar.next_open(one) <= calendar.next_open(other));
        assert!(calendar.next_close(one) <= calendar.next_close(other));
    });
}

#[test]
fn an_opening_is_the_first_open_instant_and_a_closing_the_first_closed_one_after_it() {
    for_any(4, 60, |calendar, random| {
        let now = any_instant(random);
        let (open, close) = (calendar.next_open(now), calendar.next_close(now));
        assert!(now <= open && open < close, "{calendar:?} {now}");
        assert_eq!(calendar.is_open(now), open == now, "{calendar:?} {now}");
        assert!(calendar.is_open(open) && calendar.is_open(close - TimeDelta::nanoseconds(1)));
        assert!(!calendar.is_open(close) || close.year() > LAST_YEAR);
        assert_eq!(
            calendar.working_between(now, open),
            0,
            "nothing is open before the opening"
        );
        let stretch = u64::try_from((close - open).num_minutes()).expect("forward");
        assert_eq!(
            calendar.working_between(open, close),
            stretch,
            "and all is until the closing"
        );
    });
}

#[test]
fn open_means_what_the_definition_says() {
    for_any(5, 60, |calendar, random| {
        let now = any_instant(random);
        if is_quiet(calendar, now, now) {
            assert_eq!(
                calendar.is_open(now),
                is_open_by_the_definition(calendar, now),
                "{calendar:?} {now}"
            );
        }
        // Minute by minute for half a day.
        let end = now + TimeDelta::hours(12);
        if random.one_in(8) && is_quiet(calendar, now, end) {
            let now = DateTime::from_timestamp(now.timestamp() / 60 * 60, 0).expect("in range");
            let minutes = (0..12 * 60).map(|minute| now + TimeDelta::minutes(minute));
            let open = minutes
                .filter(|at| is_open_by_the_definition(calendar, *at))
                .count() as u64;
            assert_eq!(
                calendar.working_between(now, now + TimeDelta::hours(12)),
                open,
                "{calendar:?} {now}"
            );
        }
    });
}

#[test]
fn working_days_are_counted_on_dates() {
    for_any(6, 60, |calendar, random| {
        let from = any_instant(random);
        let days = random.below(40) as u32;
        let to = calendar
            .add_working_days(from, days)
            .expect("within the years");
        if days == 0 {
            assert_eq!(to, from);
            return;
        }
        let (first, last) = (calendar.date_of(from), calendar.date_of(to));
        if !is_quiet(calendar, from, to) {
            return;
        }
        let worked = first
            .iter_days()
            .skip(1)
            .take_while(|date| *date <= last)
            .filter(|date| !calendar.day(*date).intervals.is_empty());
        assert_eq!(worked.count(), days as usize, "{calendar:?} {from} {to}");
        assert!(!calendar.day(last).intervals.is_empty());
        let clock = |at: DateTime<Utc>| at.with_timezone(&calendar.zone()).time();
        assert_eq!(clock(from), clock(to));
    });
}

#[test]
fn the_years_add_up_to_the_published_totals() {
    let desk = desk(Tz::Europe__Moscow, &["09:00-13:00", "14:00-18:00"]);
    for (year, days, hours) in [
        (2024, 248, 1979),
        (2025, 247, 1972),
        (2026, 247, 1972),
        (2027, 247, 1972),
    ] {
        let new_year = |year: i32| moscow(&format!("{year}-01-01T00:00:00"));
        let (first, last) = (new_year(year), new_year(year + 1));
        assert_eq!(desk.working_between(first, last), hours * 60, "{year}");
        let before = first - TimeDelta::minutes(1);
        let worked = desk.add_working_days(before, days).expect("in range");
        assert!(worked < last, "{year}: the last working day is in it");
        let next = desk.add_working_days(before, days + 1).expect("in range");
        assert!(next > last, "{year}: and no further one");
    }
}

/// instant + minutes = instant, in Moscow.
#[test]
fn terms_people_know_by_heart() {
    let desk = desk(Tz::Europe__Moscow, &["09:00-18:00"]);
    for (from, minutes, to) in [
        ("2026-07-01T09:00:00", 540, "2026-07-01T18:00:00"), // used up at closing time
        ("2026-07-01T09:00:00", 541, "2026-07-02T09:01:00"),
        ("2026-07-01T18:00:00", 0, "2026-07-01T18:00:00"), // closed, and stays so
        ("2026-07-01T18:00:00", 1, "2026-07-02T09:01:00"),
        ("2026-07-01T17:59:30", 1, "2026-07-02T09:00:30"),
        ("2026-12-30T19:10:00", 540, "2027-01-11T18:00:00"), // over the New Year holidays
        ("2026-12-30T17:00:00", 61, "2027-01-11T09:01:00"),
        ("2024-11-02T16:00:00", 60, "2024-11-02T17:00:00"), // a short Saturday that is worked
        ("2024-11-02T16:00:00", 61, "2024-11-05T09:01:00"),
        ("2027-02-20T09:00:00", 481, "2027-02-24T09:01:00"),
        ("2026-02-20T17:00:00", 120, "2026-02-24T10:00:00"), // a full Friday, a holiday on Monday
        ("2024-02-28T09:00:00", 1080, "2024-02-29T18:00:00"), // the leap day
        ("2024-04-27T12:00:00", 600, "2024-05-02T13:00:00"),
        ("2028-02-28T09:00:00", 1081, "2028-03-01T09:01:00"), // a year by art. 112
    ] {
        let found = desk.add_working(moscow(from), minutes).expect("in range");
        assert_eq!(
            found,
            moscow(to),
            "{from} + {minutes}: {}",
            found.with_timezone(&desk.zone())
        );
    }
    for (from, days, to) in [
        ("2026-09-01T10:00:00", 5, "2026-09-08T10:00:00"),
        ("2026-12-30T23:59:59", 5, "2027-01-15T23:59:59"),
        ("2026-12-31T12:00:00", 1, "2027-01-11T12:00:00"),
        ("2027-02-19T12:00:00", 1, "2027-02-20T12:00:00"),
        ("2027-02-20T12:00:00", 1, "2027-02-24T12:00:00"),
        ("2024-02-28T08:00:00", 1, "2024-02-29T08:00:00"),
        ("2026-07-04T03:00:00", 0, "2026-07-04T03:00:00"),
        ("2026-07-04T03:00:00", 1, "2026-07-06T03:00:00"),
        ("2026-07-01T21:30:00", 1, "2026-07-02T21:30:00"), // a date by Moscow, not by UTC
        ("2026-07-02T01:30:00", 1, "2026-07-03T01:30:00"),
    ] {
        assert_eq!(
            desk.add_working_days(moscow(from), days),
            Some(moscow(to)),
            "{from} + {days} days"
        );
    }
    for (from, to, minutes) in [
        ("2026-07-01T09:00:00", "2026-07-01T18:00:00", 540),
        ("2026-07-01T17:59:01", "2026-07-01T18:00:00", 0), // whole minutes only
        ("2026-07-01T17:59:00", "2026-07-01T23:00:00", 1),
        ("2026-12-31T00:00:00", "2027-01-11T09:00:00", 0),
        ("2026-12-30T17:59:30", "2027-01-11T09:00:30", 1), // two halves
        (
            "2024-01-01T00:00:00",
            "2025-01-01T00:00:00",
            (248 * 9 - 5) * 60,
        ),
    ] {
        assert_eq!(
            desk.working_between(moscow(from), moscow(to)),
            minutes,
            "{from} {to}"
        );
    }
}

/// Moscow was UTC+3 with summer time until 27.03.2011, UTC+4 until 26.10.2014, UTC+3 since.
#[test]
fn the_zone_had_other_rules_before() {
    let desk = desk(Tz::Europe__Moscow, &["09:00-18:00"]);
    for (day, opening) in [
        ("2010-01-20", "06:00:00Z"),
        ("2010-07-20", "05:00:00Z"),
        ("2011-03-25", "06:00:00Z"),
        ("2011-03-28", "05:00:00Z"),
        ("2012-01-20", "05:00:00Z"),
        ("2014-10-24", "05:00:00Z"),
        ("2014-10-27", "06:00:00Z"),
        ("2026-07-20", "06:00:00Z"),
    ] {
        let opening = at(&format!("{day}T{opening}"));
        assert_eq!(
            desk.next_open(opening - TimeDelta::hours(4)),
            opening,
            "{day}"
        );
        assert!(desk.is_open(opening) && !desk.is_open(opening - TimeDelta::nanoseconds(1)));
    }
    // Over the change: from Friday at 17:00 (UTC+4) two hours end on Monday at 10:00 (UTC+3).
    let found = desk.add_working(at("2014-10-24T13:00:00Z"), 120);
    assert_eq!(found, Some(at("2014-10-27T07:00:00Z")));
    // The clock time stays, and the instant moves.
    let found = desk.add_working_days(at("2014-10-24T13:00:00Z"), 1);
    assert_eq!(found, Some(at("2014-10-27T14:00:00Z")));
}

#[test]
fn the_years_that_are_known_have_an_end() {
    let desk = desk(Tz::Europe__Moscow, &["09:00-18:00"]);
    let (first, last) = (at("1970-01-05T10:00:00Z"), at("2099-12-31T14:59:59Z"));
    assert_eq!((FIRST_YEAR, LAST_YEAR), (1970, 2099));
    assert!(desk.next_open(at("1960-01-01T00:00:00Z")) >= at("1970-01-01T00:00:00Z"));
    assert!(!desk.is_open(at("2100-01-11T10:00:00Z")));
    assert_eq!(desk.add_working(last, 10), None);
    assert_eq!(desk.add_working_days(last, 10), None);
    let all = desk.working_between(first, last);
    let to = desk.add_working(first, u32::try_from(all).expect("a century of minutes"));
    assert!(to.is_some_and(|to| to <= last), "a span of 130 years");
    for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        assert!(!desk.is_open(end));
        assert_eq!(
            (desk.add_working(end, 1), desk.add_working_days(end, 1)),
            (None, None)
        );
        assert_eq!(desk.working_between(end, end), 0);
    }
}
