//! What stands from before: hours as they were approved, promises of receipts, letters of addresses that are gone.

use chrono::{DateTime, Utc};

use super::{Cure, Report, words};
use crate::approval;
use crate::config::Settings;
use crate::domain::calendar::approved::Standing;
use crate::domain::letter::Lane;
use crate::store::{Store, StoreError};

/// So many tickets are named in a line.
const SHOWN_MOVED: usize = 10;

/// Looks for letters that wait to leave an address that is not configured: nobody sends them.
pub async fn strays(report: &mut Report, settings: &Settings, store: &Store) {
    let configured = |address: &str| {
        let mut mailboxes = settings.mailboxes.iter();
        mailboxes.any(|mailbox| mailbox.address.as_str() == address)
    };
    for lane in [Lane::Poller, Lane::Worker] {
        let waiting = match store.oldest_due(lane).await {
            Ok(waiting) => waiting,
            Err(error) => return unread(report, &error),
        };
        for (address, _) in waiting {
            if !configured(&address) {
                report.warning(
                    words(
                        format!("с адреса {address} ждут отправки письма, а в настройках его нет"),
                        format!("letters wait to leave {address}, which is not configured"),
                    ),
                    Cure::Strays,
                );
            }
        }
    }
}

fn unread(report: &mut Report, error: &StoreError) {
    report.bad(
        words(
            format!("обращения и письма не прочитать: {error}"),
            format!("tickets and letters cannot be read: {error}"),
        ),
        Cure::DatabaseRights,
    );
}

/// Looks whether letters leave this database at all.
pub async fn quiet(report: &mut Report, store: &Store) {
    match store.quiet().await {
        Ok(None) => {}
        Ok(Some(quiet)) => report.warning(
            words(
                format!(
                    "письма принимаются, но ни одно не уходит: база восстановлена из копии ({})",
                    quiet.why
                ),
                format!("letters come in, and none leaves: {}", quiet.why),
            ),
            Cure::Quiet,
        ),
        Err(error) => unread(report, &error),
    }
}

/// Looks whether what receipts promised still holds by the hours and terms of today.
pub async fn promises(report: &mut Report, settings: &Settings, store: &Store, now: DateTime<Utc>) {
    let mut moved = Vec::new();
    for mailbox in &settings.mailboxes {
        let address = mailbox.address.as_str();
        match store
            .moved_promises(address, &mailbox.calendar, settings.terms, now)
            .await
        {
            Ok(found) => moved.extend(found.iter().map(|(number, _)| format!("№ {number}"))),
            Err(error) => return unread(report, &error),
        }
    }
    if !moved.is_empty() {
        let numbers = moved.len();
        if numbers > SHOWN_MOVED {
            moved.truncate(SHOWN_MOVED);
            moved.push("…".to_owned());
        }
        let list = moved.join(", ");
        report.warning(
            words(
                format!("сроки, обещанные в подтверждениях, по нынешним часам другие, обращений: {numbers} ({list})"),
                format!("promises of receipts that are others by the hours of today: {numbers} ({list})"),
            ),
            Cure::Promises,
        );
    }
}

/// Looks whether the hours are those that were approved.
pub async fn approved_hours(
    report: &mut Report,
    settings: &Settings,
    store: &Store,
    now: DateTime<Utc>,
) {
    match approval::standing(settings, store, false, now).await {
        Ok(Standing::Approved(_)) => {
            let on = settings.hours.approved_on.unwrap_or_default();
            let (ru, en) = (on.format("%d.%m.%Y"), on);
            report.good(words(
                format!("часы: те, что утверждены {ru}"),
                format!("hours: as approved on {en}"),
            ));
        }
        Ok(Standing::NotApproved) => report.good(words(
            "часы: дата утверждения не указана (hours.approved_on), в графике на этом месте пустая строка",
            "hours: no date of approval (hours.approved_on), the schedule has an empty line there",
        )),
        Ok(Standing::Changed {
            approved_on,
            gone,
            new,
        }) => {
            let (was, is) = (few(&gone), few(&new));
            let ru = approved_on.format("%d.%m.%Y");
            report.warning(
                words(
                    format!("часы утверждены {ru}, но с тех пор изменились: было {was}; стало {is}"),
                    format!("hours were approved on {approved_on} and have changed since: was {was}, is {is}"),
                ),
                Cure::HoursApproval,
            );
        }
        Err(error) => report.warning(
            words(
                format!("часы: не удалось сравнить с утверждёнными: {error}"),
                format!("hours: they could not be compared with those approved: {error}"),
            ),
            Cure::DatabaseRights,
        ),
    }
}

/// The first of some rules, and that there are more.
fn few(rules: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = rules.iter().take(SHOWN).map(|rule| format!("«{rule}»"));
    let mut shown: Vec<String> = shown.collect();
    if rules.len() > SHOWN {
        shown.push("…".to_owned());
    }
    if shown.is_empty() {
        return "—".to_owned();
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::config::{self, Language};

    #[tokio::test]
    async fn hours_changed_without_a_newer_approval_are_warned_of() {
        let dir = tempfile::tempdir().expect("a directory");
        let password = dir.path().join("mail.password");
        std::fs::write(&password, "x\n").expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&password, mode).expect("set");
        let file = dir.path().join("ninetosix.toml");
        let settings = |hours: &str| {
            let toml = format!(
                "language = \"en\"\n[database]\nurl = \"sqlite:desk.db\"\n[identity]\nrequire = \"token\"\n\
                 [[mailbox]]\naddress = \"help@school.test\"\npassword_file = \"mail.password\"\nprovider = \"yandex\"\n\
                 [[specialist]]\nlogin = \"ivan\"\nname = \"Ivan\"\naddress = \"ivan@school.test\"\n[hours]\n{hours}\n"
            );
            std::fs::write(&file, toml).expect("written");
            config::load(&file).expect("sound")
        };
        let now = "2026-11-26T09:00:00Z".parse().expect("an instant");
        let store = Store::open(&settings("").database).await.expect("opens");
        for (hours, warned) in [
            ("", None),
            ("approved_on = 2026-08-28", None),
            (
                "approved_on = 2026-08-28\nmon-fri = [\"09:00-18:00\"]",
                None,
            ),
            (
                "approved_on = 2026-08-28\nmon-fri = [\"09:00-17:00\"]",
                Some(
                    "approved on 2026-08-28 and have changed since: was «mon,tue,wed,thu,fri 09:00-18:00», is «mon,tue,wed,thu,fri 09:00-17:00»",
                ),
            ),
            (
                "mon-fri = [\"09:00-17:00\"]",
                Some("approved on 2026-08-28"),
            ),
            (
                "approved_on = 2026-11-20\nmon-fri = [\"09:00-17:00\"]",
                None,
            ),
            (
                "approved_on = 2026-11-20\nmon-fri = [\"09:00-17:00\"]\nclosed = [\"2026-12-04\"]",
                Some("was —, is «closed 2026-12-04»"),
            ),
            // Another calendar of a mailbox is approved with them.
            (
                "approved_on = 2026-11-20\nmon-fri = [\"09:00-17:00\"]\n[[calendar]]\nname = \"x\"\nmon = [\"10:00-11:00\"]\n[[mailbox]]\n\
                 address = \"kadry@school.test\"\npassword_file = \"mail.password\"\nprovider = \"yandex\"\ncalendar = \"x\"",
                Some("zone Europe/Moscow (kadry@school.test)"),
            ),
        ] {
            // Twice: asking must not make it true.
            for _ in 0..2 {
                let mut report = Report::new(Language::En);
                approved_hours(&mut report, &settings(hours), &store, now).await;
                let fact = &report.facts()[0];
                match warned {
                    None => assert_eq!(fact.verdict, Verdict::Good, "{hours}: {fact:?}"),
                    Some(words) => {
                        assert_eq!(fact.verdict, Verdict::Warning, "{hours}: {fact:?}");
                        assert!(fact.what.contains(words), "{hours}: {fact:?}");
                    }
                }
            }
            // A daemon starts by these hours.
            let started = approval::standing(&settings(hours), &store, true, now).await;
            started.expect("the memory is read and written");
        }
        // A draft that is looked at changes nothing for the hours that are kept.
        let kept = "approved_on = 2026-11-20\nmon-fri = [\"09:00-17:00\"]";
        let draft = "approved_on = 2026-11-25\nmon-fri = [\"10:00-12:00\"]";
        for hours in [draft, kept] {
            let mut report = Report::new(Language::En);
            approved_hours(&mut report, &settings(hours), &store, now).await;
            assert_eq!(
                report.facts()[0].verdict,
                Verdict::Good,
                "{hours}: {:?}",
                report.facts()[0]
            );
        }
    }
}
