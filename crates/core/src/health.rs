//! Is the desk well? Red exactly when the last good poll is too old or a letter is overdue (promise P23). Read from
//! the database, so that it works beside a running daemon.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use crate::config::Settings;
use crate::domain::calendar::Calendar;
use crate::domain::letter::Lane;
use crate::store::{Result, Store};
use crate::tell;

/// The age at which the last good poll turns red.
const POLL_AGE: TimeDelta = TimeDelta::minutes(10);
/// The age at which the oldest due letter turns red.
const LETTER_AGE: TimeDelta = TimeDelta::minutes(15);

/// The state of one thing that can be well or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vital {
    /// What it is: `poll:ADDRESS`, `letters:LANE` or `calendar`.
    pub name: String,
    /// Whether it is well.
    pub good: bool,
    /// Seconds since the last good poll, or since the oldest letter was due; `None` if there is none.
    pub age_s: Option<i64>,
    /// The last day of its data, of a calendar.
    pub until: Option<NaiveDate>,
    /// What is wrong, as the daemon last said it.
    pub problem: Option<String>,
}

/// Returns all that the daemon of `lane` answers for: mailboxes and receipts, or the rest of the letters and the calendar.
pub async fn vitals(
    store: &Store,
    settings: &Settings,
    lane: Lane,
    now: DateTime<Utc>,
) -> Result<Vec<Vital>> {
    let mut vitals = match lane {
        Lane::Poller => polls(store, settings, now).await?,
        Lane::Worker => Vec::new(),
    };
    vitals.push(letters(store, settings, lane, now).await?);
    if lane == Lane::Worker {
        vitals.extend(calendar(settings, now));
    }
    Ok(vitals)
}

/// Returns whether every mailbox was read lately.
pub async fn polls(store: &Store, settings: &Settings, now: DateTime<Utc>) -> Result<Vec<Vital>> {
    let beats = store.heartbeats().await?;
    let vital = |address: &str| {
        let name = format!("poll:{address}");
        let beat = beats.iter().find(|beat| beat.name == name);
        let age = beat.and_then(|beat| beat.good_at).map(|at| now - at);
        Vital {
            // One in the future is of a clock that was set back since.
            good: age.is_some_and(|age| age.abs() <= POLL_AGE),
            age_s: age.map(|age| age.num_seconds()),
            until: None,
            problem: beat.and_then(|beat| beat.problem.clone()),
            name,
        }
    };
    Ok(settings
        .mailboxes
        .iter()
        .map(|mailbox| vital(mailbox.address.as_str()))
        .collect())
}

/// Returns whether the letters of `lane` leave in time. Those of the worker wait for business hours without blame.
pub async fn letters(
    store: &Store,
    settings: &Settings,
    lane: Lane,
    now: DateTime<Utc>,
) -> Result<Vital> {
    let (mut oldest, mut late) = (None, false);
    for (mailbox, due) in store.oldest_due(lane).await? {
        let age = Some(now - due).filter(|age| *age > TimeDelta::zero());
        let calendar = settings.calendar_of(&mailbox);
        let is_open = |at| lane.any_hour() || calendar.is_open(at);
        // What waited for the opening has been due since then, at most.
        late |=
            age.is_some_and(|age| age > LETTER_AGE) && is_open(now) && is_open(now - LETTER_AGE);
        oldest = oldest.max(age);
    }
    let loops = format!("deliver:{}:", lane.as_str());
    let beats = store.heartbeats().await?.into_iter();
    let problem = beats
        .filter(|beat| beat.name.starts_with(&loops))
        .find_map(|beat| beat.problem);
    let quiet = store.quiet().await?.map(|quiet| quiet.problem());
    Ok(Vital {
        name: format!("letters:{}", lane.as_str()),
        good: !late,
        age_s: oldest.map(|age| age.num_seconds()),
        until: None,
        problem: quiet.or(problem),
    })
}

/// Returns until when the production calendars have data, and what is wanted of the operator. Never red: the desk goes on by
/// art. 112 alone.
pub fn calendar(settings: &Settings, now: DateTime<Utc>) -> Option<Vital> {
    let end = settings.calendars().filter_map(Calendar::data_end).min()?;
    let wanted = settings.wanted_year(now);
    Some(Vital {
        name: "calendar".to_owned(),
        good: true,
        age_s: None,
        until: Some(end),
        problem: wanted.map(|year| {
            format!("no data of {year}: `calendar import` takes it over; dates are provisional until then")
        }),
    })
}

/// Prints the vitals, as text or as one JSON object a line, and returns the exit code that goes with them.
pub fn print(vitals: &[Vital], json: bool) -> crate::cli::Exit {
    for vital in vitals {
        if json {
            tell!(
                "{}",
                serde_json::to_string(vital).expect("a vital is plain strings and numbers")
            );
            continue;
        }
        let age = vital.age_s.map(|age| format!("{age} s"));
        let until = vital.until.map(|end| format!("data end on {end}"));
        let age = age.or(until).unwrap_or("-".to_owned());
        let problem = vital
            .problem
            .as_deref()
            .map(|problem| format!("  {problem}"))
            .unwrap_or_default();
        tell!(
            "{} {} {age}{problem}",
            if vital.good { "✓" } else { "✗" },
            vital.name
        );
    }
    if vitals.iter().all(|vital| vital.good) {
        crate::cli::Exit::Fine
    } else {
        crate::cli::Exit::Problem
    }
}
