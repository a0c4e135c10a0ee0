//! How many letters may leave a mailbox within 24 hours: providers refuse, and some block, whoever sends more.

use chrono::{DateTime, TimeDelta, Utc};

use super::letter::Kind;

/// The time in which letters are counted.
pub const WINDOW: TimeDelta = TimeDelta::hours(24);

/// Returns how many letters may have left within [`WINDOW`] and one of `kind` still leave. Receipts yield to answers: a
/// quarter is kept from them. So do letters that reopen a ticket; words to a specialist and alerts do not.
pub fn room_for(kind: Kind, ceiling: u32) -> u32 {
    match kind {
        Kind::Receipt | Kind::Reopened => ceiling - ceiling / 4,
        Kind::OwnLetter
        | Kind::Alert
        | Kind::Notice
        | Kind::Digest
        | Kind::Delivery
        | Kind::Answer => ceiling,
    }
}

/// Returns when there is room again, where `oldest` is when the letter left that must have left the window first.
pub fn room_at(oldest: DateTime<Utc>) -> DateTime<Utc> {
    oldest + WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_leave_a_quarter_to_the_others() {
        for (ceiling, receipts) in [(400, 300), (100, 75), (3, 3), (1, 1)] {
            for kind in Kind::ALL {
                let yields = matches!(kind, Kind::Receipt | Kind::Reopened);
                let expected = if yields { receipts } else { ceiling };
                assert_eq!(room_for(kind, ceiling), expected, "{kind:?} of {ceiling}");
            }
        }
    }
}
