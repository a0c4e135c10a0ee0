//! PostgreSQL does what it is asked to, and its answer never arrives: nobody can tell whether the transaction is there.

use super::support::cut_answer::{Answer, AnswerProxy};
use super::support::{Desk, Engine, Lab, oracle, wait_until};
use super::{RECOVERY, in_full, rita_writes};

/// At one desk: a poller logs in thirty times in ten minutes at most.
const AT_ONE_DESK: usize = 17;

/// Quickly fifteen answers are swallowed; `NINETOSIX_TEST_STRIDE=1` makes it a hundred. Of each kind the first after a
/// letter was sent, then the second, and so on beyond what one letter has.
#[test]
fn an_answer_of_the_database_that_is_lost_is_no_loss_and_no_pair() {
    let commit = |before: usize| (Answer::Commit, before % 8);
    let insert = |before: usize| (Answer::Insert, before % 16);
    let tried: Vec<(Answer, usize)> = if in_full() {
        let updates = (0..8).map(|before| (Answer::Update, before));
        let both = (0..48).flat_map(|before| [commit(before), insert(before)]);
        both.chain(updates).collect()
    } else {
        let inserts = (0..14).step_by(2).map(insert);
        (0..8).map(commit).chain(inserts).collect()
    };
    for answers in tried.chunks(AT_ONE_DESK) {
        swallow(answers);
    }
}

/// A desk whose database is behind a proxy.
fn desk() -> (AnswerProxy, Desk) {
    let server = std::env::var("NINETOSIX_TEST_POSTGRES_URL").expect("a PostgreSQL");
    let proxy = AnswerProxy::before(port(&server));
    let desk = Desk::new(&Lab::shared(), Engine::Postgres, |config| {
        config.database_port = Some(proxy.port);
    });
    (proxy, desk)
}

fn swallow(answers: &[(Answer, usize)]) {
    let (proxy, mut desk) = desk();
    desk.start();
    let mut letters = Vec::new();
    for (nth, (answer, before)) in answers.iter().enumerate() {
        proxy.swallow(*answer, *before);
        // If one letter has too few answers of the kind, another comes.
        let what = format!("{answer:?} {before} is swallowed");
        wait_until(RECOVERY, &what, || {
            if desk.receipts_left(letters.len() as i64) {
                letters.push(rita_writes(&desk, letters.len()));
            }
            (proxy.made() > nth).then_some(())
        });
    }
    let wanted = letters.len() as i64;
    wait_until(RECOVERY, "every receipt has left", || {
        desk.receipts_left(wanted).then_some(())
    });
    // A claim whose answer was lost holds for a minute.
    wait_until(RECOVERY, "every notice has left", || {
        let waiting = "letter WHERE kind = 'notice' AND state IN ('due', 'sending', 'maybe_sent')";
        (desk.database.count(waiting) == 0).then_some(())
    });
    desk.wait_until_quiet(wanted);
    desk.stop_both();
    oracle::all_is_well(&desk, &letters, &[]);
}

/// The attempt is counted, and nobody hears of it: more often than the three attempts that set a letter aside.
#[test]
fn attempts_that_the_database_does_not_confirm_are_not_held_against_a_letter() {
    let (proxy, mut desk) = desk();
    desk.start();
    // The letter's bytes are stored, then its attempt is counted: this answer is lost. From then on it is tried alone:
    // the lease is taken, attempts without blame are taken back, if there are any, and one is counted.
    proxy.swallow(Answer::Commit, 1);
    let letter = rita_writes(&desk, 0);
    for (lost, before) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        wait_until(RECOVERY, "the answer is swallowed", || {
            (proxy.made() == lost).then_some(())
        });
        proxy.swallow(Answer::Commit, before);
    }
    wait_until(RECOVERY, "the last answer is swallowed", || {
        (proxy.made() == 5).then_some(())
    });
    desk.wait_until_quiet(1);
    desk.stop_both();
    oracle::all_is_well(&desk, &[letter], &[]);
}

fn port(url: &str) -> u16 {
    let (_, rest) = url.rsplit_once(':').expect("a port in the URL");
    let (port, _) = rest.split_once('/').expect("a database in the URL");
    port.parse().expect("a port")
}
