//! The questions: is it open, when does it open next, when does it close, when is so much working time used up, and how
//! much of it lies between two instants. Each is a search in the compiled years.
//!
//! What they mean, for hours that are half-open: adding working minutes to an instant gives the earliest instant that
//! has so many between the two, so that a term used up at closing time ends then and not at the next opening; adding
//! working days gives that clock time on the n-th worked date after the instant's own. Outside the years from
//! [`FIRST_YEAR`](super::FIRST_YEAR) to [`LAST_YEAR`](super::LAST_YEAR) the desk is never open.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::compiled::{LAST_YEAR, Second, Year, beginning_of};
use super::open_hours::Calendar;
use super::wall_clock;

impl Calendar {
    /// Whether the desk is open: from the instant of opening, up to but not at that of closing.
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        let year = self.year(at.year());
        year.is_some_and(|year| year.open_before(at.timestamp()).1)
    }

    /// The next instant at which the desk is open; `at` itself when it is open. Where it never opens again, the end of
    /// the last year that is known, or `at` beyond that.
    pub fn next_open(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        match self.next_span(at) {
            Some((start, _)) => instant(start).max(at),
            None => end().max(at),
        }
    }

    /// The end of the open stretch that `at` is in, or of the next one when the desk is closed. Hours that touch are one
    /// stretch, also over midnight. A desk that never closes gets the end of the last year that is known.
    pub fn next_close(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let Some((_, end_s)) = self.next_span(at) else {
            return end().max(at);
        };
        let mut end = instant(end_s);
        // Only the first span of a year can go on from one before.
        while let Some(year) = self.year(end.year()) {
            match year.spans.first() {
                Some(span) if span.start == end.timestamp() => end = instant(span.end),
                _ => break,
            }
        }
        end
    }

    /// The earliest instant, `at` or later, with `minutes` working minutes since `at`; `at` itself for none of them.
    /// `None` if the years that are known do not have so many.
    pub fn add_working(&self, at: DateTime<Utc>, minutes: u32) -> Option<DateTime<Utc>> {
        if minutes == 0 {
            return Some(at);
        }
        let mut number = at.year();
        let mut year = self.year(number)?;
        let (open_s, is_open) = year.open_before(at.timestamp());
        // A part of a second counts only while the desk is open, and then stays to the end.
        let nanos = if is_open { nanos(at) } else { 0 };
        let mut open_s = open_s + i64::from(minutes) * 60;
        let begun = i64::from(nanos > 0);
        while open_s + begun > year.total_s {
            open_s -= year.total_s;
            number += 1;
            year = self.year(number)?;
        }
        let last = year.instant_after(open_s + begun)? - begun;
        DateTime::from_timestamp(last, nanos)
    }

    /// The same clock time on the `days`-th worked local date after that of `at`; `at` itself for none. A clock time that
    /// is skipped on that date is the instant of the skipping, one that comes twice is its first. `None` if the years that
    /// are known do not have so many.
    pub fn add_working_days(&self, at: DateTime<Utc>, days: u32) -> Option<DateTime<Utc>> {
        if days == 0 {
            return Some(at);
        }
        let local = wall_clock::local(self.zone(), at);
        let mut number = local.year();
        let mut year = self.year(number)?;
        let today = local.ordinal0() as u16;
        let mut index = year.worked.partition_point(|date| *date <= today) + days as usize - 1;
        while index >= year.worked.len() {
            index -= year.worked.len();
            number += 1;
            year = self.year(number)?;
        }
        let date = NaiveDate::from_yo_opt(number, u32::from(year.worked[index]) + 1)?;
        wall_clock::instant(self.zone(), date.and_time(local.time()))
    }

    /// Whole minutes of open time from `from` up to `to`; none if `to` is not later.
    pub fn working_between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
        if to <= from {
            return 0;
        }
        let (from_s, from_nanos) = self.open_in_year(from);
        let (to_s, to_nanos) = self.open_in_year(to);
        let years = (from.year()..to.year()).filter_map(|year| self.year(year));
        let whole_s: i64 = years.map(|year| year.total_s).sum();
        let seconds = whole_s + to_s - from_s - i64::from(to_nanos < from_nanos);
        u64::try_from(seconds / 60).unwrap_or_default()
    }

    /// Open time of its UTC year before `at`: seconds and nanoseconds.
    fn open_in_year(&self, at: DateTime<Utc>) -> (i64, u32) {
        let Some(year) = self.year(at.year()) else {
            return (0, 0);
        };
        match year.open_before(at.timestamp()) {
            (open_s, true) => (open_s, nanos(at)),
            (open_s, false) => (open_s, 0),
        }
    }

    /// The first open span of a year that ends after `at`: its start, and its end within that year.
    fn next_span(&self, at: DateTime<Utc>) -> Option<(Second, Second)> {
        let at_s = at.timestamp();
        let years = (at.year()..=LAST_YEAR).map_while(|year| self.year(year));
        let mut spans = years.filter_map(|year| year.spans.get(year.span_after(at_s)));
        spans.next().map(|span| (span.start, span.end))
    }

    fn year(&self, year: i32) -> Option<&Year> {
        self.years().get(year, |date| self.open_time(date))
    }

    /// The hours of one date as instants; hours that the clocks skip are left out.
    fn open_time(&self, date: NaiveDate) -> impl Iterator<Item = (Second, Second)> {
        let zone = self.zone();
        self.day(date)
            .intervals
            .into_iter()
            .filter_map(move |hours| {
                let at = |minute| wall_clock::instant(zone, wall_clock::minute(date, minute)?);
                let (start, end) = (at(hours.from_min())?, at(hours.to_min())?);
                (start < end).then(|| (start.timestamp(), end.timestamp()))
            })
    }
}

fn instant(at: Second) -> DateTime<Utc> {
    DateTime::from_timestamp(at, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The end of the last year that is known.
fn end() -> DateTime<Utc> {
    beginning_of(LAST_YEAR + 1)
}

/// The part of a second, without the leap second that chrono can hold.
fn nanos(at: DateTime<Utc>) -> u32 {
    at.timestamp_subsec_nanos().min(999_999_999)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use chrono::{NaiveDateTime, TimeDelta};

    use super::super::open_hours::tests::{desk, with};
    use super::super::{Exceptions, Week};
    use super::*;

    /// An instant in UTC if it ends in Z, else in the desk's zone (the first, if it comes twice).
    fn instant(desk: &Calendar, text: &str) -> DateTime<Utc> {
        text.parse().unwrap_or_else(|_| {
            let format = ["%F %T%.f", "%F %R"];
            let mut read = format
                .iter()
                .map(|f| NaiveDateTime::parse_from_str(text, f));
            let local = read.find_map(Result::ok).unwrap();
            local
                .and_local_timezone(desk.zone())
                .earliest()
                .unwrap()
                .to_utc()
        })
    }

    /// Each row: an instant | the next opening, `open` if that is the instant | the next closing.
    fn check(desk: &Calendar, rows: &[&str]) {
        for row in rows {
            let [now, next_open, next_close] = row.split('|').collect::<Vec<_>>()[..] else {
                unreachable!("a row has three columns");
            };
            let at = instant(desk, now.trim());
            let open = next_open.trim() == "open";
            let next_open = if open { now } else { next_open };
            assert_eq!(desk.is_open(at), open, "{row}");
            for (answer, expected) in [
                (desk.next_open(at), next_open),
                (desk.next_close(at), next_close),
            ] {
                let local = answer.with_timezone(&desk.zone());
                assert_eq!(answer, instant(desk, expected.trim()), "{row}: {local}");
            }
        }
    }

    /// A desk that opens on Sundays only, by the week alone.
    fn sundays(zone: &str, hours: &str) -> Calendar {
        let week = Week::parse([("sun", [hours.to_owned()])]).unwrap();
        Calendar::new(
            zone.parse().unwrap(),
            week,
            None,
            Exceptions::default(),
            true,
        )
        .unwrap()
    }

    #[test]
    fn hours_begin_at_the_second_of_opening_and_end_at_that_of_closing() {
        let rows = [
            "2026-07-01 08:59:59     | 2026-07-01 09:00 | 2026-07-01 18:00",
            "2026-07-01 09:00:00     | open             | 2026-07-01 18:00",
            "2026-07-01 17:59:59     | open             | 2026-07-01 18:00",
            "2026-07-01 17:59:59.999 | open             | 2026-07-01 18:00",
            "2026-07-01 18:00:00     | 2026-07-02 09:00 | 2026-07-02 18:00",
            "2026-07-01T05:59:59Z | 2026-07-01T06:00:00Z | 2026-07-01T15:00:00Z",
            "2026-07-01T06:00:00Z | open                 | 2026-07-01T15:00:00Z",
        ];
        check(&desk("Europe/Moscow", &["09:00-18:00"]), &rows);
    }

    #[test]
    fn the_hard_days_of_the_production_calendar() {
        let rows = [
            "2026-12-30 19:10    | 2027-01-11 09:00 | 2027-01-11 18:00",
            "2026-12-31 12:00    | 2027-01-11 09:00 | 2027-01-11 18:00",
            "2026-02-20 17:30    | open             | 2026-02-20 18:00",
            "2027-02-19 18:00    | 2027-02-20 09:00 | 2027-02-20 17:00",
            "2027-02-20 16:59:59 | open             | 2027-02-20 17:00",
            "2027-02-20 17:00    | 2027-02-24 09:00 | 2027-02-24 18:00",
            "2024-11-02 12:00    | open             | 2024-11-02 17:00",
            "2024-11-02 17:00    | 2024-11-05 09:00 | 2024-11-05 18:00",
            "2027-12-30 18:00    | 2028-01-10 09:00 | 2028-01-10 18:00",
        ];
        check(&desk("Europe/Moscow", &["09:00-18:00"]), &rows);
    }

    #[test]
    fn a_lunch_break_is_closed_and_touching_hours_are_one_stretch() {
        let hours = ["09:00-13:00", "14:00-16:00", "16:00-18:00"];
        let rows = [
            "2026-07-01 12:59:59 | open             | 2026-07-01 13:00",
            "2026-07-01 13:00    | 2026-07-01 14:00 | 2026-07-01 18:00",
            "2026-07-01 14:00    | open             | 2026-07-01 18:00",
            "2026-07-01 16:00    | open             | 2026-07-01 18:00",
        ];
        check(&desk("Europe/Moscow", &hours), &rows);
    }

    #[test]
    fn whole_days_join_over_midnight() {
        let rows = [
            "2026-07-01 23:59:59 | open             | 2026-07-04 00:00",
            "2026-07-02 00:00    | open             | 2026-07-04 00:00",
            "2026-07-04 00:00    | 2026-07-06 00:00 | 2026-07-11 00:00",
            "2026-11-02 12:00    | open             | 2026-11-03 23:00", // a shortened day
        ];
        check(&desk("Europe/Moscow", &["00:00-24:00"]), &rows);

        let week = Week::parse([("mon-sun", ["00:00-24:00".to_owned()])]).unwrap();
        let zone = "Europe/Moscow".parse().unwrap();
        let always = Calendar::new(zone, week, None, Exceptions::default(), true).unwrap();
        check(&always, &["2026-07-01 12:00 | open | 2100-01-01T00:00:00Z"]);
    }

    #[test]
    fn exceptions_close_and_open_the_desk() {
        let closed = ["2027-03-05", "2027-07-05..2027-07-09 отпуск"];
        let open = [
            "2027-03-06 10:00-14:00",
            "2027-07-11 23:00-24:00",
            "2027-07-12 00:00-02:00",
        ];
        let rows = [
            "2027-03-04 18:00 | 2027-03-06 10:00 | 2027-03-06 14:00",
            "2027-03-06 14:00 | 2027-03-09 09:00 | 2027-03-09 18:00",
            "2027-07-04 12:00 | 2027-07-11 23:00 | 2027-07-12 02:00",
            "2027-07-12 09:00 | 2027-07-13 09:00 | 2027-07-13 18:00",
        ];
        let desk = desk("Europe/Moscow", &["09:00-18:00"]);
        check(&with(desk, &closed, &open), &rows);
    }

    /// 29 March 2026: 02:00 becomes 03:00. 25 October: 03:00 becomes 02:00. Both at 01:00 UTC.
    #[test]
    fn clock_changes_neither_lose_nor_repeat_an_opening() {
        let rows = [
            "2026-03-29T00:59:59Z | 2026-03-29T01:00:00Z | 2026-03-29T02:00:00Z",
            "2026-03-29T01:00:00Z | open                 | 2026-03-29T02:00:00Z",
            "2026-10-25T00:29:59Z | 2026-10-25T00:30:00Z | 2026-10-25T03:00:00Z",
            "2026-10-25T01:10:00Z | open                 | 2026-10-25T03:00:00Z",
        ];
        check(&sundays("Europe/Berlin", "02:30-04:00"), &rows);
        let rows = [
            // Skipped as a whole, so it opens a week later.
            "2026-03-29T00:00:00Z | 2026-04-05T00:15:00Z | 2026-04-05T00:45:00Z",
            // Shown twice, open once.
            "2026-10-25T00:20:00Z | open                 | 2026-10-25T00:45:00Z",
            "2026-10-25T01:20:00Z | 2026-11-01T01:15:00Z | 2026-11-01T01:45:00Z",
        ];
        check(&sundays("Europe/Berlin", "02:15-02:45"), &rows);
        let rows = [
            "2026-03-29 12:00 | open | 2026-03-29T22:00:00Z",
            "2026-10-25 12:00 | open | 2026-10-25T23:00:00Z",
        ];
        check(&sundays("Europe/Berlin", "00:00-24:00"), &rows);
        // St John's went back from 00:01 to 23:01, so that a Saturday came twice; not a Sunday.
        let rows = [
            "2006-10-29T02:29:59Z | 2006-10-29T02:30:00Z | 2006-10-30T03:30:00Z",
            "2006-10-29T02:45:00Z | open                 | 2006-10-30T03:30:00Z",
        ];
        check(&sundays("America/St_Johns", "00:00-24:00"), &rows);
    }

    #[test]
    fn hours_are_meant_in_the_zone_of_the_desk() {
        for (zone, row) in [
            (
                "Pacific/Kiritimati",
                "2026-06-30T19:00:00Z | open | 2026-07-01T04:00:00Z",
            ),
            (
                "Asia/Kathmandu",
                "2026-07-01T03:15:00Z | open | 2026-07-01T12:15:00Z",
            ),
            (
                "Pacific/Pago_Pago",
                "2026-07-01T20:00:00Z | open | 2026-07-02T05:00:00Z",
            ),
        ] {
            check(&desk(zone, &["09:00-18:00"]), &[row]);
        }
    }

    #[test]
    fn a_desk_closed_for_years_opens_after_them() {
        let closed = [
            "2029-12-29..2030-12-28",
            "2030-12-29..2031-12-28",
            "2031-12-29..2032-12-28",
            "2032-12-29..2033-12-29",
        ];
        let rows = ["2029-12-29 12:00 | 2033-12-30 09:00 | 2033-12-30 18:00"];
        let desk = desk("Europe/Moscow", &["09:00-18:00"]);
        check(&with(desk, &closed, &[]), &rows);
    }

    #[test]
    fn every_instant_has_an_answer_and_the_answers_agree() {
        for zone in [
            "Europe/Moscow",
            "Europe/Berlin",
            "Pacific/Apia",
            "America/St_Johns",
        ] {
            let desk = desk(zone, &["00:00-02:30", "09:00-23:30"]);
            let mut now = instant(&desk, "2005-12-20T00:00:00Z");
            let last = instant(&desk, "2028-02-01T00:00:00Z");
            while now < last {
                let (open, close) = (desk.next_open(now), desk.next_close(now));
                assert!(now <= open && open < close, "{zone} {now}");
                assert_eq!(desk.is_open(now), open == now, "{zone} {now}");
                assert!(desk.is_open(open) && !desk.is_open(close), "{zone} {now}");
                now += TimeDelta::minutes(1397);
            }
            for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                assert!(desk.next_open(end) >= end && desk.next_close(end) >= end);
                desk.is_open(end);
            }
        }
    }
}
