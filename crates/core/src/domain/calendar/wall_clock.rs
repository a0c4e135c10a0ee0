//! Local dates and minutes to UTC instants and back, in any zone and over clock changes.

use chrono::offset::LocalResult;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

/// Reads `YYYY-MM-DD` and no other spelling.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    let digits = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    date.filter(|_| digits && text.len() == 10)
}

/// The local time of an instant. At the very ends of chrono's range there is none, and the UTC time is as good.
pub(super) fn local(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    let utc = at.naive_utc();
    let offset = zone.offset_from_utc_datetime(&utc).fix();
    utc.checked_add_offset(offset).unwrap_or(utc)
}

/// A minute of a local date; minute 1440 is the next midnight. Nothing only at the very ends of chrono's range.
pub(super) fn minute(date: NaiveDate, minute: u16) -> Option<NaiveDateTime> {
    let midnight = date.and_time(NaiveTime::MIN);
    midnight.checked_add_signed(TimeDelta::minutes(minute.into()))
}

/// The instant of a local time. A time that the clocks skip is the instant they skip it, one that they show twice is the
/// first of the two. Nothing only at the very ends of chrono's range.
pub(super) fn instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    let found = match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at,
        LocalResult::None => GapInfo::new(&local, &zone)?.end?,
    };
    Some(found.to_utc())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn skipped_and_repeated_times_have_one_instant() {
        for (zone, date, at_minute, utc) in [
            ("Europe/Moscow", "2026-07-01", 540, "2026-07-01T06:00:00Z"),
            ("Europe/Moscow", "2014-10-24", 540, "2014-10-24T05:00:00Z"),
            ("Europe/Moscow", "2026-12-31", 1440, "2026-12-31T21:00:00Z"),
            ("Europe/Berlin", "2026-03-29", 119, "2026-03-29T00:59:00Z"),
            ("Europe/Berlin", "2026-03-29", 150, "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29", 180, "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-10-25", 150, "2026-10-25T00:30:00Z"),
            ("Europe/Berlin", "2026-10-25", 180, "2026-10-25T02:00:00Z"),
            ("Pacific/Apia", "2011-12-30", 720, "2011-12-30T10:00:00Z"), // no such day there
        ] {
            let local = minute(parse_date(date).unwrap(), at_minute).unwrap();
            let at = instant(zone.parse().unwrap(), local).unwrap();
            let expected: DateTime<Utc> = utc.parse().unwrap();
            assert_eq!(at, expected, "{zone} {date} {at_minute}");
        }
    }
}
