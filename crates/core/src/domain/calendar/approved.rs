//! Do the hours still stand as they were approved? (The regulation: the employee draws up the schedule, the head approves it.)
//!
//! What was approved is remembered as lines, one a rule, so that a difference can be named. Dates that are over are no
//! difference: an exception may be removed from the configuration once it has passed.

use chrono::NaiveDate;

use super::interval::listed;
use super::open_hours::Calendar;
use super::wall_clock::parse_date;

/// Hours as they were when they were approved last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// When they were approved.
    pub approved_on: NaiveDate,
    /// Their rules, as [`rules`] gives them.
    pub rules: Vec<String>,
}

/// How hours and their approval stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// No date of approval is named, and none was before.
    NotApproved,
    /// As approved; and what is to be remembered, where that is something new.
    Approved(Option<Remembered>),
    /// Changed since they were approved.
    Changed {
        /// When they were approved.
        approved_on: NaiveDate,
        /// Rules that are no more.
        gone: Vec<String>,
        /// Rules that are new.
        new: Vec<String>,
    },
}

/// The rules of a calendar and of phones that have hours in words of their own, one a line.
pub fn rules<'a>(
    calendar: &Calendar,
    phones: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<String> {
    let switch = |on: bool| if on { "on" } else { "off" };
    let mut rules = vec![
        format!("zone {}", calendar.zone()),
        format!("calendar {}", switch(calendar.keeps_production())),
        format!("shortened {}", switch(calendar.keeps_shortened())),
    ];
    let groups = calendar.week().grouped().into_iter();
    rules.extend(groups.filter(|group| !group.hours.is_empty()).map(|group| {
        let days: Vec<String> = group.days.iter().map(ToString::to_string).collect();
        format!("{} {}", days.join(",").to_lowercase(), listed(&group.hours))
    }));
    let exceptions = calendar.exceptions();
    rules.extend(
        exceptions
            .closed_dates()
            .iter()
            .map(|d| format!("closed {d}")),
    );
    let open = exceptions.open_dates();
    rules.extend(open.map(|(date, hours)| format!("open {date} {}", listed(hours))));
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let phones = phones.into_iter();
    rules.extend(phones.map(|(text, words)| one_line(&format!("phone {text}: {words}"))));
    rules
}

/// How the present rules stand to those that were approved.
///
/// A later date of approval approves whatever the rules are by now; so does another date, earlier by correction, while
/// the rules are the same.
pub fn standing(
    remembered: Option<&Remembered>,
    approved_on: Option<NaiveDate>,
    rules: Vec<String>,
    today: NaiveDate,
) -> Standing {
    let (Some(remembered), approved_on) = (remembered, approved_on) else {
        return match approved_on {
            Some(approved_on) => Standing::Approved(Some(Remembered { approved_on, rules })),
            None => Standing::NotApproved,
        };
    };
    let ahead = |rules: &[String]| -> Vec<String> {
        let is_over = |rule: &String| rule_date(rule).is_some_and(|date| date < today);
        let rules = rules.iter().filter(|rule| !is_over(rule));
        rules.cloned().collect()
    };
    let without = |rules: &[String], others: &[String]| -> Vec<String> {
        let rules = rules.iter().filter(|rule| !others.contains(rule));
        rules.cloned().collect()
    };
    let (before, now) = (ahead(&remembered.rules), ahead(&rules));
    let (gone, new) = (without(&before, &now), without(&now, &before));
    let is_same = gone.is_empty() && new.is_empty();
    let is_newer = approved_on.is_some_and(|date| date > remembered.approved_on);
    if !is_same && !is_newer {
        return Standing::Changed {
            approved_on: remembered.approved_on,
            gone,
            new,
        };
    }
    match approved_on {
        None => Standing::NotApproved,
        Some(same) if same == remembered.approved_on => Standing::Approved(None),
        Some(approved_on) => Standing::Approved(Some(Remembered { approved_on, rules })),
    }
}

/// The date a rule is about, if it is about one.
fn rule_date(rule: &str) -> Option<NaiveDate> {
    let dated = rule
        .strip_prefix("closed ")
        .or_else(|| rule.strip_prefix("open "))?;
    parse_date(dated.split(' ').next()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::open_hours::tests::{desk, with};
    use super::*;

    fn date(text: &str) -> NaiveDate {
        parse_date(text).unwrap()
    }

    #[test]
    fn rules_name_everything_that_is_approved() {
        let desk = with(
            desk("Europe/Moscow", &["09:00-13:00", "14:00-18:00"]),
            &["2027-03-04..2027-03-05 переезд"],
            &["2027-03-06 10:00-14:00"],
        );
        let rules = rules(&desk, [("8 (000)", "с 8\nдо 10")]);
        assert_eq!(rules[3], "mon,tue,wed,thu,fri 09:00-13:00, 14:00-18:00");
        assert_eq!(
            rules[4..],
            [
                "closed 2027-03-04",
                "closed 2027-03-05",
                "open 2027-03-06 10:00-14:00",
                "phone 8 (000): с 8 до 10"
            ]
        );
    }

    #[test]
    fn changed_hours_need_a_newer_approval() {
        let nine = rules(&desk("Europe/Moscow", &["09:00-18:00"]), []);
        let ten = rules(&desk("Europe/Moscow", &["10:00-18:00"]), []);
        let before = Remembered {
            approved_on: date("2026-08-28"),
            rules: nine.clone(),
        };
        let today = date("2026-11-26");
        let judge = |approved: Option<&str>, rules: &[String]| {
            standing(Some(&before), approved.map(date), rules.to_vec(), today)
        };
        let renewed = |on: &str, rules: &[String]| {
            let (approved_on, rules) = (date(on), rules.to_vec());
            Standing::Approved(Some(Remembered { approved_on, rules }))
        };
        let is_changed = |standing| matches!(standing, Standing::Changed { approved_on, .. } if approved_on == before.approved_on);
        assert_eq!(judge(Some("2026-08-28"), &nine), Standing::Approved(None));
        assert!(is_changed(judge(Some("2026-08-28"), &ten)));
        assert!(is_changed(judge(Some("2026-08-01"), &ten)));
        assert!(is_changed(judge(None, &ten)));
        assert_eq!(judge(None, &nine), Standing::NotApproved);
        assert_eq!(judge(Some("2026-11-20"), &ten), renewed("2026-11-20", &ten));
        // A slip in the date, put right.
        assert_eq!(
            judge(Some("2026-08-27"), &nine),
            renewed("2026-08-27", &nine)
        );
        assert_eq!(
            standing(None, Some(date("2026-08-28")), ten.clone(), today),
            renewed("2026-08-28", &ten)
        );
        assert_eq!(standing(None, None, ten, today), Standing::NotApproved);
    }

    #[test]
    fn an_exception_that_is_over_may_go() {
        let plain = desk("Europe/Moscow", &["09:00-18:00"]);
        let moved = with(plain.clone(), &["2027-03-05"], &["2027-03-06 10:00-14:00"]);
        let approved_on = date("2027-02-01");
        let before = Remembered {
            approved_on,
            rules: rules(&moved, []),
        };
        let judge = |today| {
            standing(
                Some(&before),
                Some(approved_on),
                rules(&plain, []),
                date(today),
            )
        };
        assert_eq!(judge("2027-03-07"), Standing::Approved(None));
        let Standing::Changed { gone, new, .. } = judge("2027-03-06") else {
            unreachable!("a date ahead was dropped");
        };
        assert_eq!((gone.len(), new.len()), (1, 0), "{gone:?}");
    }
}
