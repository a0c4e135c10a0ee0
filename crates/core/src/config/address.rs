//! Mail addresses in the configuration: which are accepted, and that nobody stands in two places.

use std::collections::BTreeMap;

use url::Host;

use super::problem::{Flaw, quoted, words};
use super::reader::Reader;
use crate::domain::address::EmailAddress;

/// The address written there. A domain in national letters is turned into its ASCII form (RFC 5891), since
/// mail servers that speak SMTPUTF8 are still few.
pub(super) fn address(text: &str) -> Result<EmailAddress, Flaw> {
    let plain = text.trim();
    let ascii = plain.split_once('@').and_then(|(local, domain)| {
        if domain.is_ascii() {
            return Some(plain.to_owned());
        }
        match Host::parse(domain) {
            Ok(Host::Domain(domain)) => Some(format!("{local}@{domain}")),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) | Err(_) => None,
        }
    });
    let parsed = ascii.as_deref().and_then(EmailAddress::parse);
    parsed.filter(|address| can_be_written_to(address.local())).ok_or_else(|| {
        let value = quoted(text);
        Flaw::new(
            words!("{value} — не адрес почты", "{value} is no mail address"),
            words!(
                "запишите один адрес вида help@school.example: без имени, скобок и пробелов",
                "write one address such as help@school.example, without a name, brackets or spaces"
            ),
        )
    })
}

/// RFC 5321 section 4.1.2: dots stand between atoms only. We accept other addresses from people who write
/// to us, but do not start a desk on one.
fn can_be_written_to(local: &str) -> bool {
    !local.starts_with('.') && !local.ends_with('.') && !local.contains("..")
}

/// Who stands under which address: each may have one meaning only, or a desk would write to itself.
#[derive(Default)]
pub(super) struct AddressBook {
    mailboxes: BTreeMap<EmailAddress, String>,
    people: BTreeMap<EmailAddress, String>,
}

impl AddressBook {
    /// Enters a mailbox's address; a second mailbox with the same one is a problem at `place`.
    pub(super) fn add_mailbox(
        &mut self,
        reader: &Reader<'_>,
        address: &EmailAddress,
        place: String,
    ) {
        match self.mailboxes.get(address) {
            Some(first) => reader.report(place, taken(first)),
            None => {
                self.mailboxes.insert(address.clone(), place);
            }
        }
    }

    /// Enters a specialist's address; one that is taken is a problem at `place`.
    pub(super) fn add_person(
        &mut self,
        reader: &Reader<'_>,
        address: &EmailAddress,
        place: String,
    ) {
        if let Some(mailbox) = self.mailboxes.get(address) {
            reader.report(
                place,
                Flaw::new(
                    words!(
                        "это адрес ящика {mailbox}",
                        "this is the address of {mailbox}"
                    ),
                    words!(
                        "впишите личный адрес: служба не пишет сама себе",
                        "write a personal address: the desk does not write to itself"
                    ),
                ),
            );
        } else if let Some(first) = self.people.get(address) {
            reader.report(place, taken(first));
        } else {
            self.people.insert(address.clone(), place);
        }
    }

    /// Notes a problem at `place` if the address is one of the desk's own; people may be meant by it.
    pub(super) fn check_foreign(&self, reader: &Reader<'_>, address: &EmailAddress, place: String) {
        if let Some(mailbox) = self.mailboxes.get(address) {
            reader.report(
                place,
                Flaw::new(
                    words!(
                        "это адрес ящика {mailbox}",
                        "this is the address of {mailbox}"
                    ),
                    words!(
                        "впишите другой адрес, иначе тревоги станут обращениями",
                        "write another address, or alerts become tickets"
                    ),
                ),
            );
        }
    }
}

fn taken(first: &str) -> Flaw {
    Flaw::new(
        words!(
            "этот адрес уже стоит в {first}",
            "this address already stands in {first}"
        ),
        words!("оставьте его в одном месте", "leave it in one place"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_address_is_accepted() {
        for (text, kept) in [
            ("help@school.example", "help@school.example"),
            ("Help@School.Example", "help@school.example"),
            ("root@localhost", "root@localhost"),
            ("help@школа.рф", "help@xn--80atdl2c.xn--p1ai"),
        ] {
            assert_eq!(address(text).expect(text).as_str(), kept);
        }
        for text in [
            "help",
            "@school.example",
            "help@",
            "a@b@school.example",
            "he lp@school.example",
            "Help <help@school.example>",
            "помощь@school.example",
            "a..b@school.example",
            ".a@school.example",
            "help@exa\u{1b}mple",
        ] {
            assert!(address(text).is_err(), "{text:?}");
        }
    }
}
