//! Whole journeys on a real mail server, with both daemons as processes, on both engines.

mod support;

#[path = "journeys/caps.rs"]
mod caps;
#[path = "journeys/conversation.rs"]
mod conversation;
#[path = "journeys/held.rs"]
mod held;
#[path = "journeys/hours.rs"]
mod hours;
#[path = "journeys/identity.rs"]
mod identity;
#[path = "journeys/loops.rs"]
mod loops;
#[path = "journeys/mailbox.rs"]
mod mailbox;
#[path = "journeys/odd_letters.rs"]
mod odd_letters;
#[path = "journeys/retention.rs"]
mod retention;
#[path = "journeys/robots.rs"]
mod robots;
#[path = "journeys/undelivered.rs"]
mod undelivered;
#[path = "journeys/unsent.rs"]
mod unsent;
