//! Mail servers that are away or hang.

use std::thread::sleep;
use std::time::Duration;

use super::support::{Desk, Engine, Program, on_both_engines};
use super::{each_once, letter_of_stranger, own_lab, stranger_writes, warnings};

on_both_engines! {
    fn an_imap_server_away_at_the_start_and_later_loses_and_repeats_nothing(engine) {
        let lab = own_lab();
        let mut desk = Desk::new(&lab, engine, |_| {});
        desk.start();
        desk.stop_both();
        let mut letters = vec![stranger_writes(&desk, 1)];
        lab.maillab("stop", &["dovecot"]);
        for program in Program::BOTH {
            desk.start_one(program, &[]);
        }
        let poll = format!("poll:{}", desk.help);
        desk.wait("the poller says that it is away", |desk| {
            (warnings(&desk.log(Program::Poller), &poll).len() == 1).then_some(())
        });
        lab.maillab("start", &["dovecot"]);
        letters.push(stranger_writes(&desk, 2));
        desk.wait_until_quiet(2);

        lab.maillab("kill9", &["dovecot"]);
        lab.maillab("start", &["dovecot"]);
        letters.push(stranger_writes(&desk, 3));
        desk.wait_until_quiet(3);

        lab.maillab("freeze", &["dovecot"]);
        let held = letter_of_stranger(&desk, 4);
        lab.put(&desk.help, &held.raw());
        sleep(Duration::from_secs(3));
        lab.maillab("thaw", &["dovecot"]);
        letters.push(held);
        desk.wait_until_quiet(4);
        letters.push(stranger_writes(&desk, 5));
        each_once(&desk, &letters.iter().collect::<Vec<_>>());
        desk.stop_both();
    }

    fn receipts_wait_for_the_smtp_server_and_cost_no_attempts(engine) {
        let lab = own_lab();
        let mut desk = Desk::new(&lab, engine, |_| {});
        desk.start();
        lab.maillab("stop", &["postfix"]);
        let letters = [stranger_writes(&desk, 1), stranger_writes(&desk, 2)];
        desk.wait("both are registered though nothing can be sent", |desk| {
            (desk.database.count("ledger WHERE outcome = 'ticket'") == 2).then_some(())
        });
        desk.wait("both daemons say that it is away", |desk| {
            let said = Program::BOTH.map(|program| warnings(&desk.log(program), "deliver:").len());
            (said == [1, 1]).then_some(())
        });
        assert_eq!(desk.database.count("letter WHERE state <> 'due' OR attempts > 0"), 0);
        lab.maillab("start", &["postfix"]);
        each_once(&desk, &letters.each_ref());
        desk.wait("the notices have left", |desk| {
            (desk.database.count("letter WHERE kind = 'notice' AND state = 'sent'") == 4).then_some(())
        });
        assert_eq!(desk.database.count("letter WHERE attempts <> 1"), 0);
        desk.stop_both();
    }
}
