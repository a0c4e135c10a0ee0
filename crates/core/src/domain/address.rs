//! Mail addresses: parsed once, compared one way.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A mail address that something can be sent to (RFC 5321 section 4.1.2, the dot-string form and what is seen in the wild).
/// It is kept in lower case: no mail system in use tells `Rita@` from `rita@`, and people write both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Returns the address, or `None` if `text` is not one plain address: exactly one `@` with text on both sides,
    /// printable ASCII without spaces, brackets, quotes, commas or colons, letters, digits, dots and dashes behind it, at most
    /// 254 characters.
    pub fn parse(text: &str) -> Option<EmailAddress> {
        let text = text.trim();
        let (local, domain) = text.split_once('@')?;
        let plain = |s: &str| {
            !s.is_empty()
                && s.bytes().all(|b| {
                    b.is_ascii_graphic()
                        && !matches!(
                            b,
                            b'<' | b'>'
                                | b'('
                                | b')'
                                | b'['
                                | b']'
                                | b'"'
                                | b','
                                | b':'
                                | b';'
                                | b'\\'
                                | b'@'
                        )
                })
        };
        let is_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let domain_fits = domain.bytes().all(is_host)
            && !domain.starts_with(['.', '-'])
            && !domain.ends_with(['.', '-'])
            && !domain.contains("..");
        (plain(local) && plain(domain) && domain_fits && text.len() <= 254)
            .then(|| EmailAddress(text.to_ascii_lowercase()))
    }

    /// Returns the address as it is sent to and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part before the `@`.
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// Returns the part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }

    /// Returns the address for logs: first letters only, `r***@e***.org`.
    pub fn masked(&self) -> String {
        let first = |s: &str| s.chars().next().map(String::from).unwrap_or_default();
        let top = self
            .domain()
            .rsplit_once('.')
            .map(|(_, top)| format!(".{top}"))
            .unwrap_or_default();
        format!(
            "{}***@{}***{top}",
            first(self.local()),
            first(self.domain())
        )
    }
}

/// Returns `text` for logs: every address in it masked. Servers quote them in their replies.
pub fn mask_addresses(text: &str) -> String {
    let is_around = |c: char| c.is_whitespace() || "<>()[],;:\"'".contains(c);
    let mut masked = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_around) {
        let word = piece.trim_end_matches(is_around);
        if word.contains('@') {
            let address = EmailAddress::parse(word.trim_matches('.'));
            masked.push_str(&address.map_or("***@***".to_owned(), |address| address.masked()));
        } else {
            masked.push_str(word);
        }
        masked.push_str(&piece[word.len()..]);
    }
    masked
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_address_is_an_address() {
        for good in [
            "rita@family.test",
            " RITA@Family.Test ",
            "a..b@x.test",
            "a+tag@x.test",
            "a@localhost",
        ] {
            assert!(EmailAddress::parse(good).is_some(), "{good:?}");
        }
        for bad in [
            "",
            "rita",
            "@x.test",
            "rita@",
            "a@b@c",
            "a b@x.test",
            "a@x.test,b@x.test",
            "<a@x.test>",
            "a@x.test\r\nRCPT",
            "a\0@x.test",
            "\"a\"@x.test",
            "а@x.test",
            "a@.test",
            "a@[127.0.0.1]",
        ] {
            assert!(EmailAddress::parse(bad).is_none(), "{bad:?}");
        }
        assert_eq!(
            EmailAddress::parse("RITA@Family.Test"),
            EmailAddress::parse("rita@family.test")
        );
    }

    #[test]
    fn a_masked_address_shows_first_letters_only() {
        assert_eq!(
            EmailAddress::parse("rita@example.org")
                .expect("plain")
                .masked(),
            "r***@e***.org"
        );
    }

    #[test]
    fn addresses_in_the_words_of_a_server_are_masked() {
        for (text, want) in [
            (
                "550 5.1.1 <rita@family.test>: Recipient address rejected: no user rita@family.test.",
                "550 5.1.1 <r***@f***.test>: Recipient address rejected: no user r***@f***.test",
            ),
            ("452 try later", "452 try later"),
            (
                "\"a b\"@x.test, пользователь@почта.рф",
                "\"a b\"***@***, ***@***",
            ),
            ("", ""),
        ] {
            assert_eq!(mask_addresses(text), want);
        }
    }
}
