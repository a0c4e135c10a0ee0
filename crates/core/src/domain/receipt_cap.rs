//! How often the desk writes to an address that nobody has vouched for (promise P14).

use chrono::{DateTime, TimeDelta, Utc};

/// Ceilings on receipts to unauthenticated addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptCaps {
    /// To one address within an hour.
    pub per_hour: u32,
    /// To one address within a day.
    pub per_day: u32,
    /// To all such addresses within an hour.
    pub total_per_hour: u32,
}

/// What must be known of the receipts written lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentReceipts {
    /// A receipt to this address that still waits unsent: it will name the new ticket too.
    pub waiting_letter: Option<i64>,
    /// When the `per_hour`-th latest receipt to this address is or was due.
    pub nth_of_hour: Option<DateTime<Utc>>,
    /// When the `per_day`-th latest receipt to this address is or was due.
    pub nth_of_day: Option<DateTime<Utc>>,
    /// When the `total_per_hour`-th latest receipt to anybody is or was due.
    pub nth_of_all: Option<DateTime<Utc>>,
}

/// Returns the first instant from `now` on at which one more receipt breaks no ceiling. A receipt over a ceiling is
/// postponed, not lost.
pub fn first_allowed(recent: &RecentReceipts, now: DateTime<Utc>) -> DateTime<Utc> {
    let after = |at: Option<DateTime<Utc>>, window: TimeDelta| at.map_or(now, |at| at + window);
    now.max(after(recent.nth_of_hour, TimeDelta::hours(1)))
        .max(after(recent.nth_of_day, TimeDelta::days(1)))
        .max(after(recent.nth_of_all, TimeDelta::hours(1)))
}
