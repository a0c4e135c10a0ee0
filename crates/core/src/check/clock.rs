//! Is the time right, as far as anybody can tell?

use std::path::Path;

use chrono::TimeDelta;

use super::{Cure, Report, words};
use crate::clock::Clock;
use crate::config::{Database, Settings};
use crate::domain::clock_agreement::TOLERANCE;
use crate::store::Store;

/// What daemons that keep the clock leave behind while they do: systemd-timesyncd, chrony, ntpd, OpenNTPD.
const KEEPERS: [(&str, &str); 5] = [
    ("systemd/timesync/synchronized", "systemd-timesyncd"),
    ("chrony/chronyd.pid", "chrony"),
    ("chronyd.pid", "chrony"),
    ("ntpd.pid", "ntpd"),
    ("ntpd.sock", "OpenNTPD"),
];

/// Compares this machine's clock with the database's; where that has none, looks whether anything keeps it.
pub async fn clock(
    report: &mut Report,
    settings: &Settings,
    store: Option<&Store>,
    clock: &dyn Clock,
) {
    let before = clock.reading();
    // A database that does not answer is a fact of its own.
    let said = match store {
        Some(store) => store.clock().await.ok().flatten(),
        None => None,
    };
    let after = clock.reading();
    match said {
        Some(said) => {
            let said = clock.of_database(said);
            let waited = (after.steady - before.steady).max(TimeDelta::zero());
            // Its answer was true at some moment between question and reading.
            let (earliest, latest) = (said, said + waited);
            let apart = if after.wall > latest {
                after.wall - latest
            } else {
                (earliest - after.wall).max(TimeDelta::zero())
            };
            compared(report, apart);
        }
        None if matches!(settings.database, Database::Postgres { .. }) => {}
        None => kept(report, Path::new("/run")),
    }
}

fn compared(report: &mut Report, apart: TimeDelta) {
    let seconds = apart.num_milliseconds() as f64 / 1000.0;
    if apart > TOLERANCE {
        report.bad(
            words(
                format!("часы: расходятся с часами PostgreSQL на {seconds:.1} с"),
                format!("clock: {seconds:.1} s apart from PostgreSQL's"),
            ),
            Cure::ClockDiffers,
        );
    } else {
        report.good(words(
            "часы: те же, что у PostgreSQL",
            "clock: the same as PostgreSQL's",
        ));
    }
}

/// Looks for a daemon that keeps the clock, by what it leaves below `run`.
fn kept(report: &mut Report, run: &Path) {
    // Some keep others out of their directory, which is there as long as they are.
    let is_there = |file: &str| run.join(file).try_exists().unwrap_or(true);
    let keeper = KEEPERS.iter().find(|(file, _)| is_there(file));
    match keeper {
        Some((_, name)) => report.good(words(
            format!("часы: сверить не с чем, за ними следит {name}"),
            format!("clock: nothing to compare it with; {name} keeps it"),
        )),
        None => report.warning(
            words(
                "часы: сверить не с чем, и не видно, чтобы за ними что-нибудь следило",
                "clock: nothing to compare it with, and nothing is seen to keep it",
            ),
            Cure::ClockUnwatched,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::config::Language;

    #[test]
    fn what_keeps_the_clock_is_named() {
        let run = tempfile::tempdir().expect("a directory");
        let asked = || {
            let mut report = Report::new(Language::En);
            kept(&mut report, run.path());
            report.facts()[0].clone()
        };
        assert_eq!(asked().cure_id, Some(Cure::ClockUnwatched));
        for (file, name) in KEEPERS {
            let file = run.path().join(file);
            std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
            std::fs::write(&file, "").expect("written");
            let fact = asked();
            assert_eq!(fact.verdict, Verdict::Good);
            assert!(fact.what.contains(name), "{fact:?}");
            std::fs::remove_file(&file).expect("removed");
        }
    }
}
