//! Tokens: proof that a letter answers one of ours, made of nothing but a secret key (rule R16).
//!
//! Each Message-ID we send is `<purpose.ticket.entry.recipient.MAC@domain>`, where MAC is HMAC-SHA-256 over purpose,
//! ticket, entry, the recipient's *address* and the key's id, cut to 128 bits. A reply carries it in its References, so
//! a token that verifies for an address shows that whoever wrote has had the letter sent to that address. The last
//! sentinel of a notice carries a shorter one, for providers that rewrite Message-IDs.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::address::EmailAddress;

/// How a requester is named in a token, where a specialist's login would stand. Logins are in lower case.
pub const WRITER: &str = "W";

/// A secret that tokens are made with, and its id.
#[derive(Clone)]
pub struct TokenKey {
    id: char,
    secret: [u8; 32],
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({})", self.id)
    }
}

/// The key that tokens are made with now and, while keys change, the one before it, whose tokens still hold.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    signing: TokenKey,
    former: Option<TokenKey>,
}

/// What a Message-ID in our form says, not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The kind of letter it stands on.
    pub purpose: String,
    /// The ticket it is about.
    pub ticket: i64,
    /// The entry that caused the letter.
    pub entry: i64,
    /// The specialist's login, or [`WRITER`].
    pub recipient: String,
    mac: String,
}

impl TokenKey {
    /// Returns a key made of 32 secret bytes. Its id is one ASCII digit or letter.
    pub fn new(id: char, secret: [u8; 32]) -> TokenKey {
        TokenKey { id, secret }
    }

    fn message_id(
        &self,
        purpose: &str,
        ticket: i64,
        entry: i64,
        recipient: &str,
        address: &EmailAddress,
        domain: &str,
    ) -> String {
        let mac = self.mac(purpose, ticket, entry, address);
        let mac = BASE32_NOPAD.encode(&mac[..16]).to_ascii_lowercase();
        format!(
            "{purpose}.{ticket}.{entry}.{recipient}.{}{mac}@{domain}",
            self.id
        )
    }

    /// Returns whether `claim` was made by this key for a letter to `address`. Takes the same time for every answer.
    fn verifies(&self, claim: &Claim, address: &EmailAddress) -> bool {
        let Some(mac) = claim.mac.strip_prefix(self.id) else {
            return false;
        };
        let Ok(mac) = BASE32_NOPAD.decode(mac.to_ascii_uppercase().as_bytes()) else {
            return false;
        };
        let wanted = self.mac_state(&claim.purpose, claim.ticket, claim.entry, address);
        mac.len() == 16 && wanted.verify_truncated_left(&mac).is_ok()
    }

    fn sentinel(&self, ticket: i64, address: &EmailAddress) -> String {
        // In upper case, so that a line with it is no line of words even where its brackets are lost.
        let mac = self.mac("sentinel", ticket, 0, address);
        BASE32_NOPAD.encode(&mac[..5])
    }

    fn sentinel_verifies(&self, text: &str, ticket: i64, address: &EmailAddress) -> bool {
        let Ok(mac) = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()) else {
            return false;
        };
        mac.len() == 5
            && self
                .mac_state("sentinel", ticket, 0, address)
                .verify_truncated_left(&mac)
                .is_ok()
    }

    fn mac(&self, purpose: &str, ticket: i64, entry: i64, address: &EmailAddress) -> [u8; 32] {
        self.mac_state(purpose, ticket, entry, address)
            .finalize()
            .into_bytes()
            .into()
    }

    fn mac_state(
        &self,
        purpose: &str,
        ticket: i64,
        entry: i64,
        address: &EmailAddress,
    ) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        // No field can hold a NUL, so no two lists of fields give the same bytes.
        mac.update(format!("{}\0{purpose}\0{ticket}\0{entry}\0{address}", self.id).as_bytes());
        mac
    }
}

impl TokenKeys {
    /// Returns the keys of which the first signs.
    pub fn new(signing: TokenKey, former: Option<TokenKey>) -> TokenKeys {
        TokenKeys { signing, former }
    }

    fn all(&self) -> impl Iterator<Item = &TokenKey> {
        std::iter::once(&self.signing).chain(&self.former)
    }

    /// Returns a Message-ID (without brackets) that carries a token for `address`.
    pub fn message_id(
        &self,
        purpose: &str,
        ticket: i64,
        entry: i64,
        recipient: &str,
        address: &EmailAddress,
        domain: &str,
    ) -> String {
        self.signing
            .message_id(purpose, ticket, entry, recipient, address, domain)
    }

    /// Returns whether `claim` was made for a letter to `address`. Each key takes the same time for every answer.
    pub fn verifies(&self, claim: &Claim, address: &EmailAddress) -> bool {
        self.all().any(|key| key.verifies(claim, address))
    }

    /// Returns the short token that closes a notice about `ticket` to `address`: eight letters and digits.
    pub fn sentinel(&self, ticket: i64, address: &EmailAddress) -> String {
        self.signing.sentinel(ticket, address)
    }

    /// Returns whether `text` is the [`TokenKeys::sentinel`] for `ticket` and `address`.
    pub fn sentinel_verifies(&self, text: &str, ticket: i64, address: &EmailAddress) -> bool {
        self.all()
            .any(|key| key.sentinel_verifies(text, ticket, address))
    }
}

impl Claim {
    /// Returns what `message_id` (with or without brackets) claims, or `None` if it is not in our form.
    pub fn read(message_id: &str) -> Option<Claim> {
        let local = message_id
            .trim()
            .trim_start_matches('<')
            .split('@')
            .next()?;
        let mut fields = local.split('.');
        let claim = Claim {
            purpose: fields.next()?.to_owned(),
            ticket: fields.next()?.parse().ok()?,
            entry: fields.next()?.parse().ok()?,
            recipient: fields.next()?.to_owned(),
            mac: fields.next()?.to_owned(),
        };
        (fields.next().is_none() && claim.mac.len() == 27 && claim.mac.is_ascii()).then_some(claim)
    }
}

/// Returns the ticket and short token of each closing sentinel in `text`: `[== 1042 · K7QP3XVD ==]`, whatever a
/// mail program made of the dot, quoted or not.
pub fn sentinels(text: &str) -> impl Iterator<Item = (i64, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim_start_matches(['>', ' ', '\t', '|']).trim_end();
        let inner = line.strip_prefix("[==")?.strip_suffix("==]")?.trim();
        let (ticket, rest) = inner.split_once(' ')?;
        let code = rest.rsplit(' ').next()?;
        (code.len() == 8 && code.is_ascii()).then_some((ticket.parse().ok()?, code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).expect("plain")
    }

    #[test]
    fn a_token_verifies_for_its_recipient_alone() {
        let key = TokenKey::new('1', [7; 32]);
        let sam = address("sam@school.test");
        let id = key.message_id("notice", 1042, 17, "sam", &sam, "school.test");
        let claim = Claim::read(&format!("<{id}>")).expect("our form");
        assert_eq!(
            (
                claim.purpose.as_str(),
                claim.ticket,
                claim.entry,
                claim.recipient.as_str()
            ),
            ("notice", 1042, 17, "sam")
        );
        assert!(key.verifies(&claim, &sam));
        assert!(!key.verifies(&claim, &address("sofia@school.test")));
        assert!(!TokenKey::new('1', [8; 32]).verifies(&claim, &sam));
        for (field, forged) in [("1042", "1043"), (".17.", ".18."), ("notice", "answer")] {
            let forged = Claim::read(&id.replace(field, forged)).expect("our form");
            assert!(!key.verifies(&forged, &sam), "{forged:?}");
        }
    }

    #[test]
    fn other_message_ids_claim_nothing() {
        for other in [
            "",
            "<>",
            "<abc@mail.test>",
            "<a.b.c.d.e@x>",
            "<notice.1.2.sam.1short@x>",
            "<notice.1.2.sam.1aaaaaaaaaaaaaaaaaaaaaaaaaa.x@x>",
        ] {
            assert!(Claim::read(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_sentinel_is_found_quoted_and_damaged() {
        let key = TokenKey::new('1', [7; 32]);
        let sam = address("sam@school.test");
        let code = key.sentinel(1042, &sam);
        for text in [
            format!("[== 1042 · {code} ==]"),
            format!("> > [== 1042 ? {code} ==]"),
            format!("Привет\n>[== 1042 . {code} ==]\nпока"),
        ] {
            let found: Vec<_> = sentinels(&text).collect();
            assert_eq!(found, [(1042, code.as_str())], "{text}");
        }
        assert!(key.sentinel_verifies(&code, 1042, &sam));
        assert!(!key.sentinel_verifies(&code, 1043, &sam));
        assert_eq!(
            sentinels("[== Служебное · пользователю не видно ==]").count(),
            0
        );
    }

    #[test]
    fn tokens_of_the_former_key_hold_until_it_is_gone() {
        let sam = address("sam@school.test");
        let (old, new) = (TokenKey::new('1', [7; 32]), TokenKey::new('2', [8; 32]));
        let before = TokenKeys::new(old.clone(), None);
        let during = TokenKeys::new(new.clone(), Some(old));
        let after = TokenKeys::new(new, None);
        let made = |keys: &TokenKeys| {
            let id = keys.message_id("notice", 1042, 17, "sam", &sam, "school.test");
            (
                Claim::read(&id).expect("our form"),
                keys.sentinel(1042, &sam),
            )
        };
        let holds = |keys: &TokenKeys, (claim, code): &(Claim, String)| {
            let id = keys.verifies(claim, &sam);
            assert_eq!(id, keys.sentinel_verifies(code, 1042, &sam));
            id
        };
        let (first, second) = (made(&before), made(&during));
        assert!(holds(&before, &first) && !holds(&before, &second));
        assert!(holds(&during, &first) && holds(&during, &second));
        assert!(!holds(&after, &first) && holds(&after, &second));
        // An id proves nothing: the same secret under another one is another key.
        let renamed = TokenKeys::new(TokenKey::new('3', [8; 32]), None);
        assert!(!holds(&renamed, &second));
    }
}
