//! The desk as decisions see it: its addresses, people, hours and ceilings. Made from the configuration.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::address::EmailAddress;
use super::calendar::Calendar;
use super::deadline::Terms;
use super::language::Language;
use super::receipt_cap::ReceiptCaps;
use super::verdict::VerdictSource;

/// Everything about the desk that a decision may depend on.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The support addresses.
    pub mailboxes: Vec<EmailAddress>,
    /// The people who answer, past and future ones included.
    pub specialists: Vec<Specialist>,
    /// The language the operator is written to in.
    pub language: Language,
    /// Where alerts go.
    pub operator: Option<EmailAddress>,
    /// When the desk works: for the mailbox it is seen from.
    pub calendar: Calendar,
    /// What is promised.
    pub terms: Terms,
    /// Ceilings on receipts.
    pub caps: ReceiptCaps,
    /// How long after closing a letter opens the ticket again.
    pub reopen_within: TimeDelta,
    /// How long an answer given in business hours waits, so that its author can take it back.
    pub recall: TimeDelta,
    /// What a specialist's letter must show besides his address and his token.
    pub vouching: Vouching,
}

/// Who vouches that a letter from a specialist's address is his.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Vouching {
    /// Nobody: his token alone tells. For closed mail systems.
    #[default]
    Nobody,
    /// The server of the mailbox that the letter came to; in a mailbox that is not here, nobody is a specialist.
    Server(BTreeMap<EmailAddress, VerdictSource>),
}

/// A person who answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Specialist {
    /// Short name: in commands, tokens and the database.
    pub login: String,
    /// Name as requesters see it.
    pub name: String,
    /// Where notices go and replies come from.
    pub address: EmailAddress,
    /// Further addresses replies may come from.
    pub aliases: Vec<EmailAddress>,
    /// First day in office.
    pub from: Option<NaiveDate>,
    /// Last day in office.
    pub to: Option<NaiveDate>,
}

impl Desk {
    /// Returns the specialists in office at `now`, by the desk's own date.
    pub fn active(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Specialist> {
        let today = now.with_timezone(&self.calendar.zone()).date_naive();
        self.specialists.iter().filter(move |s| {
            s.from.is_none_or(|from| from <= today) && s.to.is_none_or(|to| today <= to)
        })
    }

    /// Returns the specialist in office at `now` whose address is `address`.
    pub fn active_by_address(
        &self,
        address: &EmailAddress,
        now: DateTime<Utc>,
    ) -> Option<&Specialist> {
        self.active(now)
            .find(|s| s.address == *address || s.aliases.contains(address))
    }

    /// Returns the specialist with this login, in office or not.
    pub fn by_login(&self, login: &str) -> Option<&Specialist> {
        self.specialists.iter().find(|s| s.login == login)
    }

    /// Returns whether `address` is one of the desk's own.
    pub fn is_own(&self, address: &EmailAddress) -> bool {
        self.mailboxes.contains(address)
    }
}
