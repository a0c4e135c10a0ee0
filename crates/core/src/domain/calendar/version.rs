//! Which calendar it is, in a few letters: two that differ in a rule have different ones.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::approved::rules;
use super::open_hours::Calendar;
use super::production::ProductionCalendar;

/// As many bytes of the hash are shown.
const BYTES: usize = 6;

impl Calendar {
    /// Twelve letters that name this calendar. They follow from its zone, week, production calendar and exceptions, not
    /// from notes, and change with any rule, also one that changes no answer.
    pub fn version(&self) -> String {
        let mut lines = rules(self, []);
        let production = self.production().into_iter();
        lines.extend(production.flat_map(ProductionCalendar::canonical));
        lines.sort();
        let mut hash = Sha256::new();
        for line in lines {
            hash.update(line);
            hash.update("\n");
        }
        HEXLOWER.encode(&hash.finalize()[..BYTES])
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::super::{Exceptions, Week};
    use super::*;

    fn calendar(hours: &str, closed: &[&str], ru: bool, shortened: bool, zone: Tz) -> String {
        let week = Week::parse([("mon-fri", vec![hours.to_owned()])]).expect("a week");
        let exceptions = Exceptions::parse(closed, [""; 0]).expect("exceptions");
        let production = ru.then(ProductionCalendar::ru);
        Calendar::new(zone, week, production, exceptions, shortened)
            .expect("a calendar")
            .version()
    }

    #[test]
    fn what_changes_an_answer_changes_the_version_and_a_note_does_not() {
        let moscow = Tz::Europe__Moscow;
        let first = calendar("09:00-18:00", &["2027-03-05"], true, true, moscow);
        assert_eq!(first.len(), 12);
        let noted = calendar("09:00-18:00", &["2027-03-05 учёба"], true, true, moscow);
        assert_eq!(first, noted);
        let mut others = vec![
            calendar("09:00-17:59", &["2027-03-05"], true, true, moscow),
            calendar("09:00-18:00", &[], true, true, moscow),
            calendar(
                "09:00-18:00",
                &["2027-03-05..2027-03-06"],
                true,
                true,
                moscow,
            ),
            calendar("09:00-18:00", &["2027-03-05"], false, true, moscow),
            calendar("09:00-18:00", &["2027-03-05"], true, false, moscow),
            calendar("09:00-18:00", &["2027-03-05"], true, true, Tz::Asia__Omsk),
            first,
        ];
        others.sort();
        others.dedup();
        assert_eq!(others.len(), 7);
    }
}
