//! The open time of one UTC year in a form that answers are searched in: open spans in order, each with the open time
//! before it, and the dates that are worked.
//!
//! Years are compiled when they are first asked about, from [`FIRST_YEAR`] to [`LAST_YEAR`] and not beyond.

use std::fmt;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};

/// The first UTC year about which anything is known.
pub const FIRST_YEAR: i32 = 1970;
/// The last one: the tz database as it is compiled in knows no changes of clocks after it.
pub const LAST_YEAR: i32 = 2099;

/// Seconds since 1970-01-01T00:00:00Z: hours begin and end at whole seconds in every zone.
pub(super) type Second = i64;

/// Open time without a gap, half-open, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first second.
    pub(super) start: Second,
    /// The first second after it.
    pub(super) end: Second,
    /// Open seconds of the year before it.
    pub(super) before: i64,
}

/// The open time of one UTC year.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Year {
    /// In order; no two touch.
    pub(super) spans: Box<[Span]>,
    /// Open seconds in all.
    pub(super) total_s: i64,
    /// The local dates of the year with open time, as days counted from 1 January, in order.
    pub(super) worked: Box<[u16]>,
}

impl Year {
    /// The position of the first span that ends after `at`.
    pub(super) fn span_after(&self, at: Second) -> usize {
        self.spans.partition_point(|span| span.end <= at)
    }

    /// Open seconds of the year before `at`, and whether it is open then.
    pub(super) fn open_before(&self, at: Second) -> (i64, bool) {
        match self.spans.get(self.span_after(at)) {
            None => (self.total_s, false),
            Some(span) if at < span.start => (span.before, false),
            Some(span) => (span.before + at - span.start, true),
        }
    }

    /// The first instant with so many open seconds of the year before it; `open_s` is positive and at most the total.
    pub(super) fn instant_after(&self, open_s: i64) -> Option<Second> {
        let found = self
            .spans
            .partition_point(|span| span.before + span.end - span.start < open_s);
        let span = self.spans.get(found)?;
        Some(span.start + open_s - span.before)
    }
}

/// The years of one calendar, each compiled when it is first asked about. They follow from the calendar's layers, so
/// that they do not count when calendars are compared; clones share them.
#[derive(Clone)]
pub(super) struct Years(Arc<[OnceLock<Year>]>);

impl Default for Years {
    fn default() -> Self {
        Self((FIRST_YEAR..=LAST_YEAR).map(|_| OnceLock::new()).collect())
    }
}

impl PartialEq for Years {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Years {}

impl fmt::Debug for Years {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Years")
    }
}

impl Years {
    /// The year, compiled by `open_time` where it is not yet: the open seconds of a local date, unsorted. `None` outside the range.
    pub(super) fn get<S>(&self, year: i32, open_time: impl Fn(NaiveDate) -> S) -> Option<&Year>
    where
        S: Iterator<Item = (Second, Second)>,
    {
        let slot = usize::try_from(year - FIRST_YEAR).ok()?;
        let slot = self.0.get(slot)?;
        Some(slot.get_or_init(|| compile(year, open_time)))
    }
}

/// The instant at which a UTC year begins.
pub(super) fn beginning_of(year: i32) -> DateTime<Utc> {
    let date = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(NaiveDate::MIN);
    date.and_time(chrono::NaiveTime::MIN).and_utc()
}

fn compile<S>(year: i32, open_time: impl Fn(NaiveDate) -> S) -> Year
where
    S: Iterator<Item = (Second, Second)>,
{
    let (first, last) = (beginning_of(year), beginning_of(year + 1));
    let (begins, ends) = (first.timestamp(), last.timestamp());
    // Hours of the neighbouring local years may fall into this one: by their zone, or where clocks go back.
    let dates = (first.date_naive() - Days::new(2)).iter_days();
    let mut open = Vec::with_capacity(600);
    let mut worked = Vec::with_capacity(366);
    for date in dates.take_while(|date| *date <= last.date_naive() + Days::new(1)) {
        let before = open.len();
        open.extend(open_time(date));
        if date.year() == year && open.len() > before {
            worked.push(date.ordinal0() as u16);
        }
    }
    // Where clocks go back over midnight, the hours of two dates may overlap.
    open.sort_unstable();
    let mut spans: Vec<Span> = Vec::with_capacity(open.len());
    for (start, end) in open {
        let (start, end) = (start.max(begins), end.min(ends));
        if start >= end {
            continue;
        }
        match spans.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => spans.push(Span {
                start,
                end,
                before: 0,
            }),
        }
    }
    let mut total_s = 0;
    for span in &mut spans {
        span.before = total_s;
        total_s += span.end - span.start;
    }
    Year {
        spans: spans.into(),
        total_s,
        worked: worked.into(),
    }
}
