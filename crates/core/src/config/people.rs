//! Who answers and how else the desk is reached: `[[specialist]]`, `[[phone]]`, `[operator]`.

use std::collections::BTreeMap;

use super::address::{AddressBook, address};
use super::problem::{Flaw, quoted, words};
use super::reader::Section;
use super::settings::{Phone, PhoneHours};
use crate::domain::address::EmailAddress;
use crate::domain::desk::Specialist;

/// A login is typed in commands and stands in Message-IDs.
const LOGIN_CHARS: std::ops::RangeInclusive<usize> = 1..=32;

/// All specialists that are sound, and by login the orders that appointed them.
pub(super) fn specialists(
    sections: &[Section<'_>],
    book: &mut AddressBook,
) -> (Vec<Specialist>, BTreeMap<String, String>) {
    let mut logins = BTreeMap::new();
    let mut specialists = Vec::new();
    let mut appointed_by = BTreeMap::new();
    for section in sections {
        let read = specialist(section, book, &mut logins);
        let order = section.text("order");
        if let Some(specialist) = read {
            appointed_by.extend(order.map(|order| (specialist.login.clone(), order)));
            specialists.push(specialist);
        }
    }
    (specialists, appointed_by)
}

/// The specialist of one table, or nothing after noting why. `logins` are those taken, and where they stand.
fn specialist(
    section: &Section<'_>,
    book: &mut AddressBook,
    logins: &mut BTreeMap<String, String>,
) -> Option<Specialist> {
    let cure = words!(
        "впишите login = \"ivan\" — короткое имя для команд",
        "write login = \"ivan\", a short name for commands"
    );
    let login = section.required("login", cure);
    let login = login.and_then(|text| section.ok("login", login_of(&text)));
    if let Some(login) = &login {
        match logins.get(login) {
            Some(first) => section.report(
                "login",
                Flaw::new(
                    words!(
                        "этот логин уже стоит в {first}",
                        "this login already stands in {first}"
                    ),
                    words!(
                        "дайте каждому свой логин",
                        "give each person a login of their own"
                    ),
                ),
            ),
            None => {
                logins.insert(login.clone(), section.place("login"));
            }
        }
    }
    let cure = words!(
        "впишите name — имя, которое увидят люди",
        "write name, the name people will see"
    );
    let name = section.required("name", cure);
    let cure = words!(
        "впишите address — личный адрес специалиста",
        "write address, the specialist's own address"
    );
    let own = section.required("address", cure);
    let own = own.and_then(|text| section.ok("address", address(&text)));
    if let Some(own) = &own {
        book.add_person(section.reader, own, section.place("address"));
    }
    let aliases = aliases(section, book);
    let (from, to) = (section.date("from"), section.date("to"));
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        section.report(
            "to",
            Flaw::new(
                words!(
                    "последний день раньше первого",
                    "the last day is before the first"
                ),
                words!("поправьте from или to", "correct from or to"),
            ),
        );
    }
    Some(Specialist {
        login: login?,
        name: name?,
        address: own?,
        aliases,
        from,
        to,
    })
}

fn login_of(text: &str) -> Result<String, Flaw> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if LOGIN_CHARS.contains(&text.len()) && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    let value = quoted(text);
    Err(Flaw::new(
        words!(
            "{value} не годится в логины",
            "{value} will not do as a login"
        ),
        words!(
            "от 1 до 32 знаков: строчные латинские буквы, цифры, дефис и подчёркивание",
            "1 to 32 characters: lower-case Latin letters, digits, hyphen and underscore"
        ),
    ))
}

fn aliases(section: &Section<'_>, book: &mut AddressBook) -> Vec<EmailAddress> {
    let texts = if section.has("aliases") {
        section.texts("aliases")
    } else {
        None
    };
    let texts = texts.unwrap_or_default();
    let aliases = texts.iter().enumerate().filter_map(|(n, text)| {
        let place = format!("{}[{}]", section.place("aliases"), n + 1);
        match address(text) {
            Ok(alias) => {
                book.add_person(section.reader, &alias, place);
                Some(alias)
            }
            Err(flaw) => {
                section.reader.report(place, flaw);
                None
            }
        }
    });
    aliases.collect()
}

/// The phone of one table, or nothing after noting why.
pub(super) fn phone(section: &Section<'_>) -> Option<Phone> {
    let cure = words!(
        "впишите label — чей это телефон",
        "write label, whose phone it is"
    );
    let label = section.required("label", cure);
    let cure = words!(
        "впишите text — номер, как его читают люди",
        "write text, the number as people read it"
    );
    let text = section.required("text", cure);
    let tel = section.parsed("tel", tel);
    let hours = match section.text("hours") {
        Some(words) if words != "desk" => PhoneHours::Words(words),
        _ => PhoneHours::Desk,
    };
    Some(Phone {
        label: label?,
        text: text?,
        tel,
        hours,
    })
}

/// RFC 3966 section 3: a global number is `+` and digits.
fn tel(text: &str) -> Result<String, Flaw> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    let value = quoted(text);
    Err(Flaw::new(
        words!(
            "{value} — не номер для ссылки tel:",
            "{value} is no number for a tel: link"
        ),
        words!(
            "впишите плюс и цифры: \"+70000000000\"",
            "write plus and digits: \"+70000000000\""
        ),
    ))
}

/// The address alerts go to, if there is one; it is none of the desk's own.
pub(super) fn operator(section: &Section<'_>, book: &AddressBook) -> Option<EmailAddress> {
    let operator = section.parsed("address", address)?;
    book.check_foreign(section.reader, &operator, section.place("address"));
    Some(operator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{lines, with_reader};

    fn read(toml: &str) -> (Vec<Specialist>, Vec<String>) {
        let toml = format!("language = \"en\"\n{toml}");
        with_reader(&toml, |reader| {
            let mut book = AddressBook::default();
            let desk = address("help@school.example").expect("an address");
            book.add_mailbox(reader, &desk, "mailbox[1].address".to_owned());
            let (specialists, _) = specialists(&reader.sections("specialist"), &mut book);
            operator(&reader.section("operator"), &book);
            for section in reader.sections("phone") {
                phone(&section);
            }
            (specialists, lines(reader))
        })
    }

    #[test]
    fn a_specialist_is_read_whole() {
        let (specialists, found) = read(
            "[[specialist]]\nlogin = \"sam\"\nname = \"Sam\"\naddress = \"Sam@School.Example\"\n\
             aliases = [\"s@school.example\"]\nfrom = 2026-09-01\nto = \"2026-09-01\"\norder = \"№ 1\"\n",
        );
        assert_eq!(found, [""; 0]);
        assert_eq!(specialists[0].address.as_str(), "sam@school.example");
        assert_eq!(specialists[0].aliases[0].as_str(), "s@school.example");
        assert_eq!(specialists[0].from, specialists[0].to);
    }

    #[test]
    fn nobody_stands_in_two_places() {
        let (_, found) = read(
            "[[specialist]]\nlogin = \"sam\"\nname = \"Sam\"\naddress = \"HELP@school.example\"\n\
             [[specialist]]\nlogin = \"sam\"\nname = \"Sofia\"\naddress = \"sofia@school.example\"\n\
             aliases = [\"sofia@SCHOOL.example\"]\nfrom = 2026-09-02\nto = 2026-09-01\n\
             [operator]\naddress = \"help@school.example\"\n",
        );
        for place in [
            "specialist[1].address: this is the address of mailbox[1].address",
            "specialist[2].login: this login already stands in specialist[1].login",
            "specialist[2].aliases[1]: this address already stands in specialist[2].address",
            "specialist[2].to: the last day is before the first",
            "operator.address: this is the address of mailbox[1].address",
        ] {
            assert!(
                found.iter().any(|line| line.contains(place)),
                "{place}: {found:#?}"
            );
        }
        assert_eq!(found.len(), 5, "{found:#?}");
    }

    #[test]
    fn what_is_missing_or_odd_is_named() {
        let long = "x".repeat(33);
        let (_, found) = read(&format!(
            "[[specialist]]\nlogin = \"Иван\"\naddress = \"ivan\"\nfrom = \"1.9.2026\"\n\
             [[specialist]]\nlogin = \"{long}\"\nname = \"\"\naddress = 5\n\
             [[phone]]\ntext = \"8 (000) 000-00-00\"\ntel = \"8 (000) 000-00-00\"\n",
        ));
        for place in [
            "specialist[1].login: «Иван» will not do",
            "specialist[1].name: the key is missing",
            "specialist[1].address: «ivan» is no mail address",
            "specialist[1].from: «1.9.2026» is no date",
            "specialist[2].login",
            "specialist[2].name: it is empty",
            "specialist[2].address: the value is of the wrong kind",
            "phone[1].label: the key is missing",
            "phone[1].tel: «8 (000) 000-00-00» is no number",
        ] {
            assert!(
                found.iter().any(|line| line.contains(place)),
                "{place}: {found:#?}"
            );
        }
        assert_eq!(found.len(), 9, "{found:#?}");
    }
}
