//! Whether the hours stand as they were approved, by what the database remembers. Asked by `check` and at the start of a
//! daemon; what it decides is in [`crate::domain::calendar::approved`].

use chrono::{DateTime, Utc};

use crate::config::{PhoneHours, Settings};
use crate::domain::calendar::approved::{self, Standing};
use crate::store::{Store, StoreError};

/// Returns how the hours stand. Those that were approved anew are remembered where `remember` says so: a daemon runs by
/// them, while `check` may look at a draft.
///
/// # Errors
/// If the memory cannot be read or written.
pub async fn standing(
    settings: &Settings,
    store: &Store,
    remember: bool,
    now: DateTime<Utc>,
) -> Result<Standing, StoreError> {
    let calendar = &settings.calendar;
    let phones = settings
        .phones
        .iter()
        .filter_map(|phone| match &phone.hours {
            PhoneHours::Desk => None,
            PhoneHours::Words(words) => Some((phone.text.as_str(), words.as_str())),
        });
    let mut rules = approved::rules(calendar, phones);
    for mailbox in settings.with_own_calendars() {
        let own = approved::rules(&mailbox.calendar, []).into_iter();
        rules.extend(own.map(|rule| format!("{rule} ({})", mailbox.address)));
    }
    let standing = approved::standing(
        store.approved_hours().await?.as_ref(),
        settings.hours.approved_on,
        rules,
        calendar.date_of(now),
    );
    if let (true, Standing::Approved(Some(renewed))) = (remember, &standing) {
        store.remember_approved_hours(renewed).await?;
    }
    Ok(standing)
}
