//! What stands on the schedule, in words of the desk's language. How it looks is for others.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use minijinja::context;
use ninetosix_core::config::{Hours, PhoneHours, Settings};
use ninetosix_core::domain::calendar::{ClosedRun, Day, DayInterval, DayReason, Unusual};
use ninetosix_core::domain::desk::Desk;
use ninetosix_core::mail::calendar_notes::in_language;
use ninetosix_core::mail::wording::WordingError;
use serde::Serialize;

use crate::say::Say;

/// The schedule in words.
#[derive(Debug, Serialize)]
pub(super) struct Sheet {
    /// `ru` or `en`.
    pub(super) lang: &'static str,
    pub(super) title: String,
    pub(super) desk: String,
    pub(super) site: Option<String>,
    pub(super) approval: Approval,
    pub(super) hours: Vec<Row>,
    /// Which zone's clock, and what holidays do.
    pub(super) remarks: Vec<String>,
    pub(super) ahead_head: String,
    pub(super) ahead: Vec<Row>,
    /// What is said where nothing is ahead.
    pub(super) usual: String,
    /// What "provisional" means, where it stands.
    pub(super) tentative: Option<String>,
    pub(super) write_head: String,
    pub(super) addresses: Vec<String>,
    pub(super) letters: String,
    pub(super) phones_head: String,
    pub(super) phones: Vec<PhoneRow>,
    pub(super) call_back: String,
    pub(super) people_head: String,
    pub(super) people: Vec<Person>,
    pub(super) made: String,
}

/// Who approved it.
#[derive(Debug, Serialize)]
pub(super) struct Approval {
    /// «УТВЕРЖДАЮ».
    pub(super) word: String,
    pub(super) by: Option<String>,
    pub(super) signature: String,
    /// The date, or an empty line for it.
    pub(super) on: String,
    pub(super) order: Option<String>,
    /// The same in a sentence, where anybody approved it.
    pub(super) sentence: Option<String>,
}

/// One line of a table.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) when: String,
    pub(super) what: String,
    /// Breaks of ordinary days; names of holidays and when work begins again.
    pub(super) more: Vec<String>,
    pub(super) closed: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct PhoneRow {
    pub(super) label: String,
    pub(super) text: String,
    pub(super) tel: Option<String>,
    pub(super) hours: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) order: Option<String>,
}

impl Sheet {
    /// The schedule as of `now`, with exceptional days of so many weeks.
    pub(super) fn new(
        settings: &Settings,
        weeks: u32,
        now: DateTime<Utc>,
    ) -> Result<Sheet, WordingError> {
        let say = Say::new(&Hours::from(settings));
        let calendar = &settings.calendar;
        let today = calendar.date_of(now);
        let days = weeks.saturating_mul(7);
        let until = today.checked_add_days(Days::new(u64::from(days.max(1)) - 1));
        let until = say.moments.dated(until.unwrap_or(today));
        let unusual = calendar.unusual(today, days);
        let is_tentative = unusual.iter().any(|unusual| match unusual {
            Unusual::Closed(run) => run.provisional,
            Unusual::Open { day, .. } => day.provisional,
        });
        let ahead: Result<Vec<Row>, _> = unusual.iter().map(|u| say.unusual(u)).collect();
        let hours = calendar.week().grouped();
        let hours: Result<Vec<Row>, _> = hours
            .iter()
            .map(|group| {
                say.ordinary(
                    say.moments.weekdays(&group.days),
                    &group.hours,
                    group.days.len(),
                )
            })
            .collect();
        let rules = context! { production => calendar.keeps_production(), shortened => calendar.keeps_shortened() };
        let zone = context! { zone => calendar.zone().name() };
        let zone = if say.moments.is_moscow() {
            say.text("schedule_moscow", zone)?
        } else {
            say.text("schedule_zone", zone)?
        };
        let remarks = [zone, say.text("schedule_workdays", rules)?];
        let desk = Desk::from(settings);
        let people = desk.active(now).map(|specialist| {
            let order = settings.appointed_by.get(&specialist.login);
            Ok(Person {
                name: specialist.name.clone(),
                order: order.map(|order| say.order(order)).transpose()?,
            })
        });
        let phones = settings.phones.iter().map(|phone| {
            Ok(PhoneRow {
                label: phone.label.clone(),
                text: phone.text.clone(),
                tel: phone.tel.clone(),
                hours: match &phone.hours {
                    PhoneHours::Desk => say.word("schedule_phone_desk")?,
                    PhoneHours::Words(words) => words.clone(),
                },
            })
        });
        let ahead_until = context! { until => &until };
        Ok(Sheet {
            lang: settings.language.tag(),
            title: say.word("schedule_title")?,
            desk: settings.desk.name.clone(),
            site: settings.desk.site.clone(),
            approval: say.approval(settings)?,
            hours: hours?,
            remarks: remarks
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect(),
            ahead_head: say.text("schedule_ahead", ahead_until.clone())?,
            ahead: ahead?,
            usual: say.text("schedule_usual", ahead_until)?,
            tentative: is_tentative
                .then(|| say.word("schedule_tentative_why"))
                .transpose()?,
            write_head: say.word("schedule_write")?,
            // Addresses that keep other hours have sheets of their own.
            addresses: settings
                .mailboxes
                .iter()
                .filter(|mailbox| mailbox.calendar == *calendar)
                .map(|mailbox| mailbox.address.to_string())
                .collect(),
            letters: say.word("schedule_letters")?,
            phones_head: say.word("schedule_phones")?,
            phones: phones.collect::<Result<_, WordingError>>()?,
            call_back: say.word("schedule_call_back")?,
            people_head: say.word("schedule_people")?,
            people: people.collect::<Result<_, WordingError>>()?,
            made: say.text(
                "schedule_made",
                context! { date => say.moments.dated(today) },
            )?,
        })
    }
}

impl Row {
    /// What is said of the days, in one line.
    pub(super) fn said(&self) -> String {
        let (before, between) = if self.closed {
            (": ", "; ")
        } else {
            (", ", ", ")
        };
        match self.more.is_empty() {
            true => self.what.clone(),
            false => format!("{}{before}{}", self.what, self.more.join(between)),
        }
    }
}

impl Say {
    fn order(&self, order: &str) -> Result<String, WordingError> {
        self.text("schedule_order", context! { order })
    }

    fn approval(&self, settings: &Settings) -> Result<Approval, WordingError> {
        let approved = &settings.hours;
        let order = approved
            .order
            .as_deref()
            .map(|order| self.order(order))
            .transpose()?;
        let on = approved.approved_on.map(|date| self.moments.dated(date));
        let facts = [approved.approved_by.clone(), on.clone(), order.clone()];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let sentence =
            (!facts.is_empty()).then(|| self.text("schedule_approved", context! { facts }));
        Ok(Approval {
            word: self.word("schedule_approve")?,
            by: approved.approved_by.clone(),
            signature: self.word("schedule_signature")?,
            on: match on {
                Some(on) => on,
                None => self.word("schedule_blank_date")?,
            },
            order,
            sentence: sentence.transpose()?,
        })
    }

    /// Days of the ordinary week.
    fn ordinary(
        &self,
        when: String,
        hours: &[DayInterval],
        days: usize,
    ) -> Result<Row, WordingError> {
        let closed = hours.is_empty();
        let (mut what, mut more) = self.hours(hours)?;
        if closed {
            what = self.text("schedule_day_off", context! { days })?;
            more.clear();
        }
        Ok(Row {
            when,
            what,
            more,
            closed,
        })
    }

    /// The hours of a day, and its breaks in words.
    fn hours(&self, hours: &[DayInterval]) -> Result<(String, Vec<String>), WordingError> {
        let (hours, breaks) = self.moments.hours_and_breaks(hours);
        let said = match breaks.is_empty() {
            true => vec![],
            false => vec![self.text("schedule_break", context! { breaks })?],
        };
        Ok((hours, said))
    }

    /// Days that differ from the ordinary week.
    pub(super) fn unusual(&self, unusual: &Unusual) -> Result<Row, WordingError> {
        let (mut row, provisional) = match unusual {
            Unusual::Closed(run) => (self.closed(run)?, run.provisional),
            Unusual::Open { date, day } => (self.open(*date, day)?, day.provisional),
        };
        if provisional {
            row.more.push(self.word("schedule_tentative")?);
        }
        Ok(row)
    }

    fn closed(&self, run: &ClosedRun) -> Result<Row, WordingError> {
        let days = (run.last - run.first).num_days() + 1;
        let names = self.names(&run.reasons).join(", ");
        let mut more: Vec<String> = Some(names)
            .filter(|names| !names.is_empty())
            .into_iter()
            .collect();
        if let Some((date, hours)) = run.opens {
            let (from, at) = (
                self.moments.from_day(date),
                self.moments.minute(hours.from_min()),
            );
            more.push(self.text("schedule_opens", context! { from, at })?);
        }
        Ok(Row {
            when: self.when(run.first, run.last),
            what: self.text("schedule_closed", context! { days })?,
            more,
            closed: true,
        })
    }

    fn open(&self, date: NaiveDate, day: &Day) -> Result<Row, WordingError> {
        let (what, mut more) = self.hours(&day.intervals)?;
        match &day.reason {
            DayReason::WorkingWeekend(..) => more.push(self.word("schedule_worked")?),
            DayReason::OpenException if self.week.hours(date.weekday()).is_empty() => {
                more.push(self.word("schedule_worked")?);
            }
            DayReason::OpenException => more.push(self.word("schedule_own_hours")?),
            _ => {}
        }
        if day.shortened {
            more.push(self.word("schedule_short")?);
        }
        Ok(Row {
            when: self.when(date, date),
            what,
            more,
            closed: false,
        })
    }

    fn when(&self, first: NaiveDate, last: NaiveDate) -> String {
        let days = self.moments.days(first, last);
        if first == last {
            format!("{days}, {}", self.moments.weekday(first.weekday()))
        } else {
            days
        }
    }

    /// What closes some days, each thing once: holidays and the desk's own reasons, or else what was moved.
    pub(super) fn names(&self, reasons: &[DayReason]) -> Vec<String> {
        let mut named: Vec<String> = Vec::new();
        let mut moved: Vec<String> = Vec::new();
        for reason in reasons {
            let (names, text) = match reason {
                DayReason::Holiday(note) => (&mut named, &note.text),
                DayReason::ClosedException(text) => (&mut named, text),
                DayReason::TransferredDayOff(note) => (&mut moved, &note.text),
                _ => continue,
            };
            let text = in_language(text, self.moments.language);
            if !text.is_empty() && !names.contains(&text) {
                names.push(text);
            }
        }
        if named.is_empty() { moved } else { named }
    }
}
