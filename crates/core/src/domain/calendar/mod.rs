//! When the desk is open: the week, the production calendar and the desk's own exceptions.
//!
//! Everything here is a pure question about an instant or a date. Nothing reads a clock, a file or
//! the environment: `now` is a parameter and calendar files arrive as text. Instants are UTC; they
//! become local dates and hours here and nowhere else.
//!
//! | file | idea |
//! | --- | --- |
//! | `interval` | `09:00-18:00`: half-open hours of one day |
//! | `week` | the ordinary week, Monday to Sunday |
//! | `production` | the production calendar, read from CSV, one year at a time |
//! | `article_112` | a year without data, counted by art. 112 of the Labour Code alone |
//! | `exceptions` | the desk's own closed and open dates |
//! | `open_hours` | the layers put together: what is one date like, and why |
//! | `note` | why a day is so, and by which law |
//! | `moved` | which weekday a worked Saturday stands for |
//! | `outlook` | the weeks ahead as people read them: what differs, closed days joined |
//! | `totals` | months and years summed up, to compare with the published norm |
//! | `approved` | do the hours still stand as they were approved |
//! | `compiled` | the open time of a year as sorted spans with a running total |
//! | `search` | is it open, when does it open or close, adding and counting working time |
//! | `version` | which calendar an answer was counted by |
//! | `wall_clock` | local time to UTC and back, over clock changes |
//!
//! Later layers win: week < production calendar < exceptions.

pub mod approved;
mod article_112;
mod compiled;
mod error;
mod exceptions;
mod interval;
#[cfg(test)]
mod laws_tests;
mod moved;
mod note;
mod open_hours;
mod outlook;
mod production;
mod search;
mod totals;
mod version;
mod wall_clock;
mod week;

pub(crate) use article_112::{eve_of, holiday as public_holiday, weekend_holiday_before};
pub use compiled::{FIRST_YEAR, LAST_YEAR};
pub use error::{CalendarError, Fault, Place};
pub use exceptions::Exceptions;
pub use interval::DayInterval;
pub(crate) use moved::RU_MONTHS;
pub use note::Note;
pub use open_hours::{Calendar, Day, DayReason};
pub use outlook::{ClosedRun, SameHours, Unusual};
pub use production::ProductionCalendar;
pub(crate) use production::{Fact, HEADER};
pub use totals::Totals;
pub(crate) use wall_clock::parse_date;
pub use week::Week;
