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
    /// When the `total_per_hour`-th latest receipt to anybody is or was due; only where the address never answered one.
    pub nth_of_all: Option<DateTime<Utc>>,
    /// If a letter from this address came just after one of ours to it: how many automatic letters went there within a day.
    pub echo: Option<Echo>,
}

/// A mailbox that answers at once, as programs do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Echo {
    /// When the [`ECHO_PER_DAY`]-th latest automatic letter to it is or was due, if that is within a day.
    pub nth_of_day: Option<DateTime<Utc>>,
}

/// A letter that comes so soon after one of ours to the same address may be a program's.
pub const ECHO_WITHIN: TimeDelta = TimeDelta::minutes(2);
/// Automatic letters a day to an address that echoes (promises P14, P15).
pub const ECHO_PER_DAY: u32 = 2;

/// Returns whether a letter that came at `came` may be a program's answer to one of ours sent at `sent`.
pub fn is_echo(sent: DateTime<Utc>, came: DateTime<Utc>) -> bool {
    let after = came - sent;
    // INTERNALDATE knows no fractions of a second.
    after > TimeDelta::seconds(-1) && after <= ECHO_WITHIN
}

impl RecentReceipts {
    /// Lifts the ceilings on addresses that anybody may have written: the mail server vouches for the sender.
    pub fn vouched(&mut self) {
        self.nth_of_hour = None;
        self.nth_of_day = None;
        self.nth_of_all = None;
    }

    /// Returns whether no automatic letter may go to the address today: it answers like a program, and has had its share.
    pub fn is_loop(&self) -> bool {
        self.echo
            .as_ref()
            .is_some_and(|echo| echo.nth_of_day.is_some())
    }
}

/// Returns the first instant from `now` on at which one more receipt breaks no ceiling. A receipt over a ceiling is
/// postponed, not lost.
pub fn first_allowed(recent: &RecentReceipts, now: DateTime<Utc>) -> DateTime<Utc> {
    let after = |at: Option<DateTime<Utc>>, window: TimeDelta| at.map_or(now, |at| at + window);
    now.max(after(recent.nth_of_hour, TimeDelta::hours(1)))
        .max(after(recent.nth_of_day, TimeDelta::days(1)))
        .max(after(recent.nth_of_all, TimeDelta::hours(1)))
        .max(after(
            recent.echo.as_ref().and_then(|echo| echo.nth_of_day),
            TimeDelta::days(1),
        ))
}
