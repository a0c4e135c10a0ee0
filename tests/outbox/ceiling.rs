//! No more letters leave a mailbox within a day than its ceiling, receipts less; what is over waits in its order.

use super::support::office::{Office, at};
use super::support::sink::Sink;
use super::support::{Config, Engine, on_both_engines};
use super::{OPERATOR, rita_writes, taken};

on_both_engines! {
    fn what_is_over_the_daily_ceiling_waits_and_says_until_when(engine) {
        let limits = |config: &mut Config| config.tables.push_str(&format!("{OPERATOR}[limits]\nsends_per_day = 8\n"));
        // Saturday: of the worker nothing leaves.
        let mut office = Office::open_with(engine, at("2026-11-28T10:00:00"), limits, |port| port);
        let people: Vec<String> = (0..8).map(|number| rita_writes(&mut office, number).0).collect();
        // They are told of it now and then.
        office.clock.set(at("2026-11-28T10:01:00"));
        let waiting = "letter WHERE kind = 'receipt' AND state = 'due' AND why = 'waits for the daily ceiling until 2026-11-29 07:00 UTC'";
        office.desk.wait("two receipts say why they wait", |desk| (desk.database.count(waiting) == 2).then_some(()));
        office.wait_for(0, "alert", "it@school.test");
        let receipts = |sink: &Sink| -> Vec<String> { taken(sink, "receipt").into_iter().map(|taken| taken.recipient).collect() };
        assert_eq!(receipts(&office.sink), people[..6], "three quarters of eight");
        let said = "heartbeat WHERE name LIKE 'deliver:poller:%' AND problem LIKE 'three quarters of the daily ceiling are used%'";
        office.desk.wait("the poller says it too", |desk| (desk.database.count(said) == 1).then_some(()));

        office.clock.set(at("2026-11-29T10:00:00"));
        office.desk.wait("the others leave a day later", |_| (receipts(&office.sink).len() == 8).then_some(()));
        assert_eq!(receipts(&office.sink), people, "in their order");

        // Monday: sixteen notices for eight letters. Within a day they share the ceiling with what left on Sunday.
        office.clock.set(at("2026-11-30T09:00:00"));
        let waiting = "letter WHERE kind = 'notice' AND state = 'due' AND why LIKE 'waits for the daily ceiling until%'";
        office.desk.wait("the other notices say why they wait", |desk| (desk.database.count(waiting) > 0).then_some(()));
        let of_a_day = office.taken().into_iter().filter(|taken| taken.at > at("2026-11-29T09:00:00"));
        // The daemons look at the ceiling each for itself: one more may slip through.
        let of_a_day = of_a_day.count();
        assert!((8..=9).contains(&of_a_day), "{of_a_day} within a day");
    }
}
