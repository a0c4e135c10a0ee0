//! The worker's commands that need neither a mail server nor a database, as an operator runs them.

#[path = "commands/calendar_ask.rs"]
mod calendar_ask;
#[path = "commands/calendar_import.rs"]
mod calendar_import;
#[path = "commands/desk.rs"]
mod desk;
#[path = "commands/simulate.rs"]
mod simulate;
