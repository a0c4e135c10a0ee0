//! What operators ask of the calendar: when the desk is open, why a date is as it is, a whole year, and what another calendar
//! would change.

pub mod ask;
pub mod import;
pub mod show;
pub mod why;
mod year;
