//! `[[retention]]`: for how long what was written is kept. Without such a table nothing is ever removed.

use super::problem::{Flaw, quoted, words};
use super::reader::Section;
use crate::domain::address::EmailAddress;
use crate::domain::retention::{Manner, Rule};

/// The longest term, in days: a hundred years.
const LONGEST: u32 = 36_500;

/// The rules, or nothing after noting why. `mailboxes` are those of the desk, `reopen_within_days` is for how long an answer
/// opens a closed ticket again.
pub(super) fn rules(
    sections: &[Section<'_>],
    mailboxes: &[EmailAddress],
    reopen_within_days: u32,
) -> Option<Vec<Rule>> {
    let mut taken: Vec<EmailAddress> = Vec::new();
    let named: Vec<_> = sections
        .iter()
        .map(|section| named(section, mailboxes, &mut taken))
        .collect();
    let mut rest: Vec<EmailAddress> = mailboxes.to_vec();
    rest.retain(|address| !taken.contains(address));
    let mut is_rest_taken = false;
    let mut rules = Vec::new();
    for (section, named) in sections.iter().zip(named) {
        let of = match named {
            None => None,
            Some(Some(named)) => Some(named),
            Some(None) if is_rest_taken || rest.is_empty() => {
                let what = words!(
                    "ни одного ящика этой таблице не остаётся",
                    "no mailbox is left for this table"
                );
                let cure = words!(
                    "назовите её ящики: addresses = [\"help@school.example\"]; без этого ключа может быть одна таблица — для всех остальных",
                    "name its mailboxes: addresses = [\"help@school.example\"]; one table may be without, for all the rest"
                );
                section.reader.report(section.at(), Flaw::new(what, cure));
                None
            }
            Some(None) => {
                is_rest_taken = true;
                Some(rest.clone())
            }
        };
        rules.push(rule(section, of, reopen_within_days));
    }
    rules.into_iter().collect()
}

/// The mailboxes a table names; the inner one is `None` where it names none.
fn named(
    section: &Section<'_>,
    mailboxes: &[EmailAddress],
    taken: &mut Vec<EmailAddress>,
) -> Option<Option<Vec<EmailAddress>>> {
    if !section.has("addresses") {
        return Some(None);
    }
    let mut named = Vec::new();
    for text in section.texts("addresses")? {
        let address = EmailAddress::parse(&text).filter(|address| mailboxes.contains(address));
        let value = quoted(&text);
        let what = match &address {
            Some(address) if !taken.contains(address) => {
                taken.push(address.clone());
                named.push(address.clone());
                continue;
            }
            Some(_) => words!("{value} стоит дважды", "{value} stands twice"),
            None => words!(
                "ящика {value} у службы нет",
                "{value} is no mailbox of the desk"
            ),
        };
        let cure = words!(
            "перечислите адреса из таблиц [[mailbox]], каждый один раз",
            "list addresses of [[mailbox]] tables, each once"
        );
        section.report("addresses", Flaw::new(what, cure));
        return None;
    }
    if named.is_empty() {
        let cure = words!(
            "уберите строку или впишите адрес",
            "remove the line or write an address"
        );
        section.report(
            "addresses",
            Flaw::new(words!("список пуст", "the list is empty"), cure),
        );
        return None;
    }
    Some(Some(named))
}

fn rule(
    section: &Section<'_>,
    mailboxes: Option<Vec<EmailAddress>>,
    reopen_within_days: u32,
) -> Option<Rule> {
    let days = |key: &str| match section.has(key) {
        true => section.whole(key, 1..=LONGEST).map(Some),
        false => Some(None),
    };
    let (files, after, loose) = (
        days("files_after_days"),
        days("after_days"),
        days("loose_after_days"),
    );
    let manner = match section.has("action") {
        true => section.parsed("action", manner).map(Some),
        false => Some(None),
    };
    let copies = match section.has("mailbox_copies") {
        true => section.flag("mailbox_copies"),
        false => Some(false),
    };
    let (files, after, loose, manner) = (files?, after?, loose?, manner?);
    let mut problems: Vec<(Option<&str>, Flaw)> = Vec::new();
    if files.is_none() && after.is_none() && loose.is_none() && manner.is_none() {
        let what = words!(
            "срока нет: таблица ничего не удаляет",
            "there is no term: the table removes nothing"
        );
        let cure = words!(
            "впишите after_days и action, files_after_days или loose_after_days — или уберите таблицу",
            "write after_days and action, files_after_days or loose_after_days, or remove the table"
        );
        problems.push((None, Flaw::new(what, cure)));
    }
    match (after, manner) {
        (Some(_), None) => problems.push((
            Some("action"),
            Flaw::new(
                words!("не сказано, что делать через after_days", "it is not said what happens after after_days"),
                words!(
                    "впишите action = \"erase\" (удалить всё написанное) или action = \"anonymise\" (забыть, кто писал)",
                    "write action = \"erase\" (all words go) or action = \"anonymise\" (who wrote is forgotten)"
                ),
            ),
        )),
        (None, Some(_)) => problems.push((
            Some("action"),
            Flaw::new(
                words!("нет срока: after_days", "the term is missing: after_days"),
                words!("впишите after_days = 1095 или уберите action", "write after_days = 1095, or remove action"),
            ),
        )),
        _ => {}
    }
    for (key, days) in [("files_after_days", files), ("after_days", after)] {
        if let Some(days) = days.filter(|days| *days <= reopen_within_days) {
            let what = words!(
                "{days} — это раньше, чем ответ перестаёт открывать обращение заново (answers.reopen_within_days = {reopen_within_days})",
                "{days} is before an answer stops opening the ticket again (answers.reopen_within_days = {reopen_within_days})"
            );
            let least = reopen_within_days + 1;
            let cure = words!("впишите {least} или больше", "write {least} or more");
            problems.push((Some(key), Flaw::new(what, cure)));
        }
    }
    if let (Some(files), Some(after)) = (files, after)
        && files >= after
    {
        let what = words!(
            "к этому дню обращения уже нет: after_days = {after}",
            "the ticket is gone by that day: after_days = {after}"
        );
        let cure = words!(
            "впишите меньше {after} или уберите строку",
            "write less than {after}, or remove the line"
        );
        problems.push((Some("files_after_days"), Flaw::new(what, cure)));
    }
    let is_sound = problems.is_empty();
    for (key, flaw) in problems {
        match key {
            Some(key) => section.report(key, flaw),
            None => section.reader.report(section.at(), flaw),
        }
    }
    Some(Rule {
        mailboxes: mailboxes?,
        files_after_days: files,
        tickets: after.zip(manner),
        loose_after_days: loose,
        mailbox_copies: copies?,
    })
    .filter(|_| is_sound)
}

fn manner(text: &str) -> Result<Manner, Flaw> {
    Manner::from_name(text).ok_or_else(|| {
        let value = quoted(text);
        Flaw::new(
            words!("действия {value} нет", "there is no action {value}"),
            words!(
                "впишите \"erase\" (удалить всё написанное) или \"anonymise\" (забыть, кто писал)",
                "write \"erase\" (all words go) or \"anonymise\" (who wrote is forgotten)"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{lines, with_reader};

    fn mailboxes() -> Vec<EmailAddress> {
        let address = |text| EmailAddress::parse(text).expect("an address");
        vec![
            address("help@school.example"),
            address("kadry@school.example"),
        ]
    }

    fn read(toml: &str) -> (Option<Vec<Rule>>, Vec<String>) {
        with_reader(toml, |reader| {
            let rules = rules(&reader.sections("retention"), &mailboxes(), 30);
            (rules, lines(reader))
        })
    }

    #[test]
    fn without_a_table_nothing_is_removed() {
        assert_eq!(read(""), (Some(Vec::new()), Vec::new()));
    }

    #[test]
    fn a_table_without_mailboxes_is_for_all_that_no_other_names() {
        let toml = "[[retention]]\nfiles_after_days = 90\nafter_days = 365\naction = \"anonymise\"\n\
                    [[retention]]\naddresses = [\"kadry@school.example\"]\nafter_days = 31\naction = \"erase\"\nloose_after_days = 7\nmailbox_copies = true\n";
        let (rules, problems) = read(toml);
        assert_eq!(problems, Vec::<String>::new());
        let [help, kadry] = <[EmailAddress; 2]>::try_from(mailboxes()).expect("two");
        let expected = vec![
            Rule {
                mailboxes: vec![help],
                files_after_days: Some(90),
                tickets: Some((365, Manner::Anonymise)),
                loose_after_days: None,
                mailbox_copies: false,
            },
            Rule {
                mailboxes: vec![kadry],
                files_after_days: None,
                tickets: Some((31, Manner::Erase)),
                loose_after_days: Some(7),
                mailbox_copies: true,
            },
        ];
        assert_eq!(rules, Some(expected));
    }

    #[test]
    fn nonsense_is_refused_with_what_to_write() {
        let good = "after_days = 365\naction = \"erase\"\n";
        for (toml, place, words) in [
            ("mailbox_copies = true\n", "retention[1]", "removes nothing"),
            ("after_days = 365\n", "retention[1].action", "write action"),
            (
                "action = \"erase\"\n",
                "retention[1].action",
                "after_days is missing",
            ),
            (
                "after_days = 365\naction = \"burn\"\n",
                "retention[1].action",
                "no action «burn»",
            ),
            (
                "after_days = 0\naction = \"erase\"\n",
                "retention[1].after_days",
                "out of range",
            ),
            (
                "after_days = 30\naction = \"erase\"\n",
                "retention[1].after_days",
                "write 31 or more",
            ),
            (
                "files_after_days = 365\nafter_days = 365\naction = \"erase\"\n",
                "retention[1].files_after_days",
                "less than 365",
            ),
            (
                "addresses = [\"it@school.example\"]\nafter_days = 365\naction = \"erase\"\n",
                "retention[1].addresses",
                "no mailbox",
            ),
            (
                "addresses = []\nafter_days = 365\naction = \"erase\"\n",
                "retention[1].addresses",
                "empty",
            ),
            (
                &format!("{good}[[retention]]\n{good}"),
                "retention[2]",
                "no mailbox is left",
            ),
        ] {
            let (rules, problems) = read(&format!("[[retention]]\n{toml}"));
            assert_eq!(rules, None, "{toml}");
            let line = problems
                .iter()
                .find(|line| line.starts_with(&format!("✗ {place}: ")));
            let is_said = line.is_some_and(|line| {
                line.contains(words)
                    || words.ends_with(" is missing") && line.contains("the term is missing")
            });
            assert!(is_said, "{toml}: {problems:#?}");
            assert_eq!(problems.len(), 1, "{problems:#?}");
        }
    }
}
