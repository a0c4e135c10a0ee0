//! The connection to the mailbox is cut at bytes of both directions, by reset, by close, and by silence. Each time the letter
//! that waits is registered once all the same, with its very bytes.
//!
//! Quickly a few bytes are tried; `NINETOSIX_TEST_STRIDE=1` tries hundreds (tests/faults.sh does).

use super::support::cut::{Cut, How, Proxy};
use super::support::{Desk, Engine, Letter, on_both_engines, wait_until};
use super::{RECOVERY, each_once, in_full, own_lab, stranger_writes};

/// Bytes tried of each direction: quickly, and in full.
const TRIED: (u64, u64) = (6, 120);
/// Tried at one desk: receipts to strangers are limited to 60 an hour.
const AT_ONE_DESK: usize = 24;

on_both_engines! {
    fn a_connection_cut_at_any_byte_loses_and_repeats_nothing(engine) {
        let tried = if in_full() { TRIED.1 } else { TRIED.0 };
        let steps: Vec<u64> = (0..tried).collect();
        for steps in steps.chunks(AT_ONE_DESK) {
            sweep(engine, steps, tried);
        }
    }
}

fn sweep(engine: Engine, steps: &[u64], tried: u64) {
    let lab = own_lab();
    let port = lab.variable("MAILLAB_IMAPS_PORT").parse().expect("a port");
    let proxy = Proxy::before(port);
    let mut desk = Desk::new(&lab, engine, |config| {
        config.imaps_port = Some(proxy.port);
    });
    desk.start();
    let mut letters: Vec<Letter> = vec![stranger_writes(&desk, 1)];
    registered(&desk, &letters);
    let (of_server, of_client) = proxy.longest();
    for step in steps {
        for is_server in [true, false] {
            let length = if is_server { of_server } else { of_client };
            // Both engines together try twice as many bytes.
            let after_bytes = 1 + (length - 1) * (2 * step + engine as u64) / (2 * tried);
            let how = if step % 2 == 0 {
                How::Reset
            } else {
                How::Close
            };
            proxy.cut_next(Cut {
                of_server: is_server,
                after_bytes,
                how,
            });
            letters.push(stranger_writes(&desk, letters.len() as u32 + 1));
            registered(&desk, &letters);
        }
    }
    // The last bytes of the longest connection are not always lived up to.
    assert!(proxy.made() > steps.len(), "{} cuts", proxy.made());
    each_once(&desk, &letters.iter().collect::<Vec<_>>());
    desk.stop_both();
}

/// A server that falls silent is left after a minute, and nothing else is: one test, one engine, for it takes long.
#[test]
fn a_server_that_falls_silent_in_a_letter_is_left_and_asked_again() {
    let lab = own_lab();
    let port = lab.variable("MAILLAB_IMAPS_PORT").parse().expect("a port");
    let proxy = Proxy::before(port);
    let mut desk = Desk::new(&lab, Engine::Sqlite, |config| {
        config.imaps_port = Some(proxy.port);
    });
    desk.start();
    let mut letters = vec![stranger_writes(&desk, 1)];
    registered(&desk, &letters);
    let (of_server, _) = proxy.longest();
    proxy.cut_next(Cut {
        of_server: true,
        after_bytes: of_server * 9 / 10,
        how: How::Stall,
    });
    letters.push(stranger_writes(&desk, 2));
    wait_until(RECOVERY, "the server falls silent", || {
        (proxy.made() == 1).then_some(())
    });
    // At most 60 s without a byte within an answer, then a new connection.
    registered(&desk, &letters);
    each_once(&desk, &letters.iter().collect::<Vec<_>>());
    desk.stop_both();
}

fn registered(desk: &Desk, letters: &[Letter]) {
    let wanted = letters.len() as i64;
    wait_until(RECOVERY, "the letter is registered", || {
        (desk.database.count("ledger WHERE outcome = 'ticket'") >= wanted).then_some(())
    });
}
