//! The layers put together: what one date is like for this desk, and why.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc, Weekday};
use chrono_tz::Tz;

use super::compiled::Years;
use super::error::CalendarError;
use super::exceptions::Exceptions;
use super::interval::DayInterval;
use super::moved::stands_for;
use super::note::Note;
use super::production::{Fact, ProductionCalendar};
use super::wall_clock;
use super::week::Week;

/// How much earlier a shortened day closes (art. 95).
const SHORTENED_BY_MIN: u16 = 60;

/// When the desk is open. It has at least one open minute in its ordinary week, so the question
/// "when does it open next" always has an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
    week: Week,
    production: Option<ProductionCalendar>,
    exceptions: Exceptions,
    shortened: bool,
    years: Years,
}

/// One date: its hours and what decided them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The hours in order; empty when the desk is closed all day.
    pub intervals: Vec<DayInterval>,
    /// What decided the hours.
    pub reason: DayReason,
    /// Whether an hour was cut because the production calendar calls the day shortened.
    pub shortened: bool,
    /// Whether the production calendar has no data for the year, so that a decree may yet change
    /// the answer. Never true without a production calendar.
    pub provisional: bool,
}

/// Why a date has the hours it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayReason {
    /// An ordinary day on which the week has hours.
    WorkingDay,
    /// An ordinary day on which the week has none.
    Weekend,
    /// Closed: a public holiday.
    Holiday(Note),
    /// Closed: a day off was moved here.
    TransferredDayOff(Note),
    /// Open: a Saturday or Sunday that is worked; and why it is shortened, if it is.
    WorkingWeekend(Note, Option<Note>),
    /// Open, but closing an hour earlier.
    Shortened(Note),
    /// Closed by the desk's own exception, with its note, perhaps empty.
    ClosedException(String),
    /// Open at the hours of the desk's own exception.
    OpenException,
}

impl Calendar {
    /// A calendar in local time of `zone`. Without a production calendar only the week and the
    /// exceptions count; with `shortened` off, shortened days keep their full hours.
    pub fn new(
        zone: Tz,
        week: Week,
        production: Option<ProductionCalendar>,
        exceptions: Exceptions,
        shortened: bool,
    ) -> Result<Self, CalendarError> {
        if !week.ever_opens() {
            return Err(CalendarError::NeverOpen);
        }
        Ok(Self {
            zone,
            week,
            production,
            exceptions,
            shortened,
            years: Years::default(),
        })
    }

    /// The zone in which hours and dates are meant.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    pub(super) fn years(&self) -> &Years {
        &self.years
    }

    /// The production calendar, if the desk keeps one.
    pub fn production(&self) -> Option<&ProductionCalendar> {
        self.production.as_ref()
    }

    /// The instant of a local time. One that the clocks skip is the instant they skip it, one that they show twice is the
    /// first of the two. Nothing only at the very ends of chrono's range.
    pub fn instant_of(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        wall_clock::instant(self.zone, local)
    }

    /// The local date of an instant.
    pub fn date_of(&self, at: DateTime<Utc>) -> NaiveDate {
        wall_clock::local(self.zone, at).date()
    }

    /// The last day of the last year for which the production calendar has data; nothing without
    /// a production calendar. A year missing in between shows in [`Day::provisional`] only.
    pub fn data_end(&self) -> Option<NaiveDate> {
        self.production.as_ref()?.data_end()
    }

    /// The ordinary week.
    pub fn week(&self) -> &Week {
        &self.week
    }

    /// The desk's own exceptions.
    pub fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    /// Whether a production calendar counts.
    pub fn keeps_production(&self) -> bool {
        self.production.is_some()
    }

    /// Whether shortened days close earlier.
    pub fn keeps_shortened(&self) -> bool {
        self.shortened
    }

    /// The same production calendar over a week of five days of eight hours, from which the published norm of working
    /// time is counted; nothing without a production calendar.
    pub fn forty_hour_week(&self) -> Option<Self> {
        let production = Some(self.production.clone()?);
        let week = Week::parse([("mon-fri", ["09:00-17:00".to_owned()])]).ok()?;
        Self::new(self.zone, week, production, Exceptions::default(), true).ok()
    }

    /// The year whose data the production calendar lacks and should have by `today`: this one, or from 1 November the next,
    /// whose decree is out by then. Nothing without a production calendar.
    pub fn wanted_year(&self, today: NaiveDate) -> Option<i32> {
        let known = self.production.as_ref()?.years();
        let next = (today.month() >= 11).then_some(today.year() + 1);
        let mut wanted = std::iter::once(today.year()).chain(next);
        wanted.find(|year| !known.contains(year))
    }

    /// The local year of an instant if its production calendar is not known, so that what is counted there may still move.
    pub fn provisional_year(&self, at: DateTime<Utc>) -> Option<i32> {
        let date = self.date_of(at);
        self.day(date).provisional.then(|| date.year())
    }

    /// What a local date is like.
    pub fn day(&self, date: NaiveDate) -> Day {
        let production = self.production.as_ref();
        let provisional = production.is_some_and(|p| !p.years().contains(&date.year()));
        let day = self.by_exception(date);
        let day = day.or_else(|| self.by_production(date));
        Day {
            provisional,
            ..day.unwrap_or_else(|| self.by_week(date))
        }
    }

    /// The hours of a date by the week alone.
    fn by_week(&self, date: NaiveDate) -> Day {
        match self.week.hours(date.weekday()) {
            [] => day(vec![], DayReason::Weekend),
            hours => day(hours.to_vec(), DayReason::WorkingDay),
        }
    }

    fn by_exception(&self, date: NaiveDate) -> Option<Day> {
        if let Some(note) = self.exceptions.closed_note(date) {
            let reason = DayReason::ClosedException(note.to_owned());
            return Some(day(vec![], reason));
        }
        let hours = self.exceptions.open_hours(date)?;
        Some(day(hours.to_vec(), DayReason::OpenException))
    }

    /// What the production calendar makes of a date; nothing if it leaves it to the week.
    fn by_production(&self, date: NaiveDate) -> Option<Day> {
        let own_hours = self.week.hours(date.weekday());
        match self.production.as_ref()?.fact(date)? {
            Fact::Holiday(note) => Some(day(vec![], DayReason::Holiday(note))),
            Fact::TransferredDayOff(note) => Some(day(vec![], DayReason::TransferredDayOff(note))),
            Fact::WorkingWeekend { note, short } => {
                // A worked Saturday is as long as the day it stands for; where nobody says which that is, it keeps hours
                // of its own, or has Friday's.
                let hours = match stands_for(date, &note.text) {
                    Some(weekday) if !self.week.hours(weekday).is_empty() => {
                        self.week.hours(weekday)
                    }
                    Some(_) => own_hours,
                    None if own_hours.is_empty() => self.week.hours(Weekday::Fri),
                    None => own_hours,
                };
                let short = short.filter(|_| self.shortened);
                let is_short = short.is_some();
                let reason = DayReason::WorkingWeekend(note, short);
                match is_short {
                    _ if hours.is_empty() => None,
                    false => Some(day(hours.to_vec(), reason)),
                    true => Some(short_day(hours, reason)),
                }
            }
            Fact::Shortened(_) if !self.shortened || own_hours.is_empty() => None,
            Fact::Shortened(note) => Some(short_day(own_hours, DayReason::Shortened(note))),
        }
    }
}

/// A day of full hours. Whether it is provisional is for `Calendar::day` to say.
fn day(intervals: Vec<DayInterval>, reason: DayReason) -> Day {
    Day {
        intervals,
        reason,
        shortened: false,
        provisional: false,
    }
}

/// A day whose last open hour is cut, over a break if the last interval is shorter than that.
fn short_day(hours: &[DayInterval], reason: DayReason) -> Day {
    let mut intervals = hours.to_vec();
    let mut cut_min = SHORTENED_BY_MIN;
    while let Some(last) = intervals.pop() {
        if let Some(rest) = last.closing_earlier(cut_min) {
            intervals.push(rest);
            break;
        }
        cut_min -= last.minutes();
    }
    Day {
        shortened: true,
        ..day(intervals, reason)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
pub(super) mod tests {
    use super::super::wall_clock::parse_date;
    use super::*;

    /// A desk with the given hours from Monday to Friday, by the embedded production calendar.
    pub(in super::super) fn desk(zone: &str, mon_fri: &[&str]) -> Calendar {
        let hours = mon_fri.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>();
        let week = Week::parse([("mon-fri", hours)]).unwrap();
        let ru = Some(ProductionCalendar::ru());
        Calendar::new(zone.parse().unwrap(), week, ru, Exceptions::default(), true).unwrap()
    }

    /// The same desk with other exceptions.
    pub(in super::super) fn with(desk: Calendar, closed: &[&str], open: &[&str]) -> Calendar {
        let exceptions = Exceptions::parse(closed, open).unwrap();
        let years = Years::default();
        Calendar {
            exceptions,
            years,
            ..desk
        }
    }

    fn describe(desk: &Calendar, date: &str) -> String {
        let day = desk.day(parse_date(date).unwrap());
        let hours: Vec<String> = day.intervals.iter().map(ToString::to_string).collect();
        let reason = format!("{:?}", day.reason);
        let reason = reason.split('(').next().unwrap();
        let provisional = if day.provisional { " provisional" } else { "" };
        format!("{} {reason}{provisional}", hours.join(","))
    }

    #[test]
    fn the_years_add_up_to_the_published_totals() {
        let desk = desk("Europe/Moscow", &["09:00-13:00", "14:00-18:00"]);
        for (year, working, shortened, hours) in [
            (2024, 248, 5, 1979),
            (2025, 247, 4, 1972),
            (2026, 247, 4, 1972),
            (2027, 247, 4, 1972),
        ] {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            let dates = first.iter_days().take_while(|date| date.year() == year);
            let days: Vec<Day> = dates.map(|date| desk.day(date)).collect();
            let worked = days.iter().filter(|day| !day.intervals.is_empty()).count();
            let short = days.iter().filter(|day| day.shortened).count();
            let intervals = days.iter().flat_map(|day| &day.intervals);
            let minutes: u32 = intervals.map(|i| u32::from(i.minutes())).sum();
            assert_eq!((worked, short, minutes), (working, shortened, hours * 60));
            assert!(days.iter().all(|day| !day.provisional));
        }
    }

    #[test]
    fn each_date_has_its_hours_and_the_reason_for_them() {
        let closed = ["2027-03-05 учёба", "2027-02-22..2027-02-24"];
        let open = [
            "2027-03-06 10:00-14:00,15:00-16:00",
            "2027-05-01 10:00-12:00",
        ];
        let desk = with(desk("Europe/Moscow", &["09:00-18:00"]), &closed, &open);
        for (date, expected) in [
            ("2024-04-27", "09:00-18:00 WorkingWeekend"),
            ("2024-11-02", "09:00-17:00 WorkingWeekend"),
            ("2026-02-20", "09:00-18:00 WorkingDay"), // the eve of a weekend, not of a holiday
            ("2026-02-23", " Holiday"),
            ("2026-03-09", " TransferredDayOff"),
            ("2026-04-30", "09:00-17:00 Shortened"),
            ("2026-12-31", " TransferredDayOff"),
            ("2027-01-02", " Holiday"), // also a Saturday
            ("2027-02-20", "09:00-17:00 WorkingWeekend"),
            ("2027-02-21", " Weekend"),
            ("2027-02-23", " ClosedException"), // also a holiday
            ("2027-03-05", " ClosedException"),
            ("2027-03-06", "10:00-14:00,15:00-16:00 OpenException"),
            ("2027-05-01", "10:00-12:00 OpenException"), // on a holiday
            ("2028-01-10", "09:00-18:00 WorkingDay provisional"),
            ("2028-02-22", "09:00-17:00 Shortened provisional"),
            ("2028-11-06", " TransferredDayOff provisional"),
        ] {
            assert_eq!(describe(&desk, date), expected, "{date}");
        }
        let day = desk.day(parse_date("2027-02-20").unwrap());
        let worked = Note::new(
            "рабочая суббота; выходной перенесён на 22 февраля",
            "ПП РФ от 17.09.2026 № 1187",
        );
        let short = Note::new("на час короче: длится как 22 февраля", "ТК РФ ст. 95");
        let reason = DayReason::WorkingWeekend(worked, Some(short));
        assert_eq!(day.reason, reason);
    }

    #[test]
    fn switches_and_odd_weeks_change_what_the_production_calendar_does() {
        let full = Calendar {
            shortened: false,
            ..desk("Europe/Moscow", &["09:00-18:00"])
        };
        let plain = Calendar {
            production: None,
            ..full.clone()
        };
        let week = |pairs: &[(&str, &str)]| Calendar {
            week: Week::parse(
                pairs
                    .iter()
                    .map(|(key, hours)| (*key, [(*hours).to_owned()])),
            )
            .unwrap(),
            ..desk("Europe/Moscow", &["09:00-18:00"])
        };
        let six_days = week(&[("mon-fri", "09:00-18:00"), ("sat", "10:00-14:00")]);
        let four_days = week(&[("mon-thu", "09:00-18:00")]);
        let tuesdays = week(&[("tue", "08:00-20:00"), ("fri", "09:00-13:00")]);
        for (desk, date, expected) in [
            (&full, "2026-04-30", "09:00-18:00 WorkingDay"),
            (&full, "2027-02-20", "09:00-18:00 WorkingWeekend"),
            (&plain, "2027-01-01", "09:00-18:00 WorkingDay"),
            (&plain, "2028-01-03", "09:00-18:00 WorkingDay"),
            (&six_days, "2027-02-13", "10:00-14:00 WorkingDay"),
            (&six_days, "2027-02-20", "09:00-17:00 WorkingWeekend"), // it stands for a Monday
            (&four_days, "2027-02-20", "09:00-17:00 WorkingWeekend"),
            (&tuesdays, "2024-11-02", "08:00-19:00 WorkingWeekend"), // for a Tuesday
            (&tuesdays, "2027-02-20", " Weekend"), // for a Monday, when it is closed
            (&four_days, "2027-04-30", " Weekend"), // a shortened Friday
        ] {
            assert_eq!(describe(desk, date), expected, "{date}");
        }
        assert_eq!(plain.data_end(), None);
        assert_eq!(full.data_end(), parse_date("2027-12-31"));
    }

    #[test]
    fn the_cut_hour_goes_over_breaks() {
        for (hours, expected) in [
            (
                &["09:00-13:00", "14:00-18:00"][..],
                "09:00-13:00,14:00-17:00",
            ),
            (&["09:00-13:00", "17:00-18:00"], "09:00-13:00"),
            (&["09:00-13:00", "17:30-18:00"], "09:00-12:30"),
            (&["00:00-24:00"], "00:00-23:00"),
            (&["09:00-09:20", "10:00-10:30"], ""),
        ] {
            let expected = format!("{expected} Shortened");
            assert_eq!(
                describe(&desk("Europe/Moscow", hours), "2026-04-30"),
                expected
            );
        }
    }

    #[test]
    fn the_next_years_data_is_wanted_from_november() {
        let desk = desk("Europe/Moscow", &["09:00-18:00"]);
        for (today, wanted) in [
            ("2026-11-26", None),
            ("2027-10-31", None),
            ("2027-11-01", Some(2028)),
            ("2027-12-31", Some(2028)),
            ("2028-01-01", Some(2028)),
            ("2023-12-31", Some(2023)),
        ] {
            assert_eq!(
                desk.wanted_year(parse_date(today).unwrap()),
                wanted,
                "{today}"
            );
        }
        let plain = Calendar {
            production: None,
            ..desk
        };
        assert_eq!(plain.wanted_year(parse_date("2028-01-01").unwrap()), None);
    }

    #[test]
    fn a_desk_that_never_opens_is_refused() {
        let week = Week::parse([("mon-sun", Vec::new())]).unwrap();
        let open = Exceptions::parse([""; 0], ["2027-03-06 10:00-14:00"]).unwrap();
        let refused = Calendar::new(Tz::UTC, week, None, open, true).unwrap_err();
        assert!(
            refused.to_string().contains("has no open hours"),
            "{refused}"
        );
    }
}
