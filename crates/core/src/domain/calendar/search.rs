//! Is it open at an instant, when does it open next, when does it close.
//!
//! Every search looks at a limited number of days and ends with an answer.

use chrono::{DateTime, NaiveDate, Utc};

use super::interval::DayInterval;
use super::open_hours::Calendar;
use super::wall_clock;

/// How far ahead an opening is looked for: three years.
const SEARCH_DAYS: usize = 3 * 366;
/// How far a stretch of open time is followed.
const STRETCH_DAYS: usize = 14;

/// Open time between two instants, half-open, never empty.
struct Span {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Calendar {
    /// Whether the desk is open: from the instant of opening, up to but not at that of closing.
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        let mut near = self.spans(self.eve(at), 3);
        near.any(|span| span.start <= at && at < span.end)
    }

    /// The next instant at which the desk is open; `at` itself when it is open.
    ///
    /// If exceptions or calendar files close it for three years on end, the answer is the first
    /// opening of the ordinary week after those years, whatever closes it then. The desk is not
    /// open at that instant, and who asks again then gets the next answer: work waits, and never
    /// starts early.
    pub fn next_open(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        // No span at all is left only at the end of chrono's range, more than 200 000 years away.
        self.span_after(at).map_or(at, |span| span.start.max(at))
    }

    /// The end of the open stretch that `at` is in, or of the next one when the desk is closed.
    ///
    /// Intervals that touch are one stretch, also over midnight. It is followed for 14 days; a
    /// desk that never closes gets the end of the last of them.
    pub fn next_close(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let Some(first) = self.span_after(at) else {
            return at;
        };
        let from = self.date_of(first.start.max(at));
        let mut end = first.end;
        for span in self.spans(from, STRETCH_DAYS) {
            if span.start > end {
                break;
            }
            end = end.max(span.end);
        }
        end
    }

    /// The first open time that ends after `at`.
    fn span_after(&self, at: DateTime<Utc>) -> Option<Span> {
        let from = self.eve(at);
        let mut ahead = self.spans(from, SEARCH_DAYS);
        ahead.find(|span| span.end > at).or_else(|| {
            let mut days = from.iter_days().skip(SEARCH_DAYS).take(STRETCH_DAYS);
            days.find_map(|date| self.spans_on(date, self.by_week(date).intervals).next())
        })
    }

    /// The day before the local date of `at`: where clocks go back over midnight, an instant can
    /// lie in the hours of a neighbouring date.
    fn eve(&self, at: DateTime<Utc>) -> NaiveDate {
        let date = self.date_of(at);
        date.pred_opt().unwrap_or(date)
    }

    /// The open times of some days, in order.
    fn spans(&self, from: NaiveDate, days: usize) -> impl Iterator<Item = Span> {
        let dates = from.iter_days().take(days);
        dates.flat_map(|date| self.spans_on(date, self.day(date).intervals))
    }

    /// The hours of one date as instants; hours that the clocks skip are left out.
    fn spans_on(&self, date: NaiveDate, hours: Vec<DayInterval>) -> impl Iterator<Item = Span> {
        let zone = self.zone();
        hours.into_iter().filter_map(move |hours| {
            let start = wall_clock::instant(zone, date, hours.from_min())?;
            let end = wall_clock::instant(zone, date, hours.to_min())?;
            (start < end).then_some(Span { start, end })
        })
    }
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
        check(&always, &["2026-07-01 12:00 | open | 2026-07-15 00:00"]);
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
    fn a_desk_closed_for_years_answers_with_its_ordinary_week_and_then_again() {
        let closed = [
            "2029-12-29..2030-12-28",
            "2030-12-29..2031-12-28",
            "2031-12-29..2032-12-28",
            "2032-12-29..2033-12-29",
        ];
        let rows = [
            "2029-12-29 12:00 | 2032-12-30 09:00 | 2032-12-30 18:00",
            "2032-12-30 09:00 | 2033-12-30 09:00 | 2033-12-30 18:00",
        ];
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
