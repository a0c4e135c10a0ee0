//! Letters of one ticket to one person leave in the order of writing, retries included; those of others do not wait (B10).

use super::support::office::{Office, at, reply};
use super::support::sink::{Instead, Rule};
use super::support::{Engine, on_both_engines};
use super::{rita_writes, taken};

on_both_engines! {
    fn five_entries_of_a_ticket_keep_their_order_though_the_first_is_refused_twice(engine) {
        let mut office = Office::open(engine, at("2026-11-23T10:00:00"));
        let ivan = office.desk.ivan.clone();
        let once = |to: &str| vec![Rule { at: "RCPT", to: Some(to.to_owned()), does: Instead::Says("451 4.2.0 busy".to_owned()), times: 1 }];
        office.sink.obey(once(&ivan));
        let (from, _) = rita_writes(&mut office, 1);
        let refused = |times: i64| format!("letter WHERE kind = 'notice' AND recipient_address = '{ivan}' AND state = 'due' AND attempts = {times}");
        office.desk.wait("the first notice is refused", |desk| (desk.database.count(&refused(1)) == 1).then_some(()));
        let receipt = office.wait_for(0, "receipt", &from);
        for entry in 2..=5 {
            let letter = reply("Рита", &receipt, &format!("Запись {entry}."));
            assert_eq!(office.receive(&from, &letter), "entry");
        }
        rita_writes(&mut office, 2);
        let to_ivan = |sink| -> Vec<_> { taken(sink, "notice").into_iter().filter(|taken| taken.recipient == ivan).collect() };
        office.desk.wait("the other ticket does not wait", |_| (to_ivan(&office.sink).len() == 1).then_some(()));
        assert_eq!(office.desk.database.count(&refused(0)), 4, "its own do");
        office.sink.obey(once(&ivan));
        office.clock.set(at("2026-11-23T10:02:00"));
        office.desk.wait("the first notice is refused again", |desk| (desk.database.count(&refused(2)) == 1).then_some(()));
        assert_eq!(office.desk.database.count(&refused(0)), 4);
        office.clock.set(at("2026-11-23T10:09:00"));
        office.desk.wait("all have left", |_| (to_ivan(&office.sink).len() == 6).then_some(()));
        let texts: Vec<String> = to_ivan(&office.sink).into_iter().skip(1).map(|taken| taken.mail.text).collect();
        assert!(texts[0].contains("Помогите."), "{}", texts[0]);
        for (entry, text) in (2..=5).zip(&texts[1..]) {
            assert!(text.contains(&format!("Запись {entry}.")), "{entry}: {text}");
        }
    }
}
