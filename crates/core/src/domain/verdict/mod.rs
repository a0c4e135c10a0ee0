//! Whether our own mail server vouches that a letter is from whom its From names (rule R17), as it notes it in the letter
//! itself: RFC 8601, Authentication-Results.
//!
//! Anybody can write that field. Read is only what stands in the block of fields that the provider's own hosts put on top of
//! the letter, above the first Received of any other host, and of several fields there only the topmost: a server adds above
//! what it was given. The block ends where the letter came in from outside. So a sender's own is read at most where the server added none; servers remove those that bear
//! their name (RFC 8601 section 5). Whatever is not certain is no verdict.
//!
//! ARC-Authentication-Results and the like are what others say, and never read.

mod received;
mod results;
#[cfg(test)]
mod tests;

use std::fmt;

use self::received::{Hop, is_this_machine};
use self::results::{Ambiguous, Form, Results, authserv_id, read};
use super::address::EmailAddress;

/// A field of a letter's header that servers add on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceField {
    /// Which one.
    pub name: TraceName,
    /// Its value without line ends; empty where it is longer than any server's.
    pub value: String,
}

/// The fields that tell of a letter's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceName {
    /// Received: a host took the letter.
    Received,
    /// Authentication-Results: what a host found out about its sender.
    AuthenticationResults,
}

/// Whose word is believed, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerdictSource {
    /// Yandex, whose front ends sign below their own Received, each in its own name.
    Yandex,
    /// Mail.ru, which signs above its Received as `mxs.mail.ru`, or below it in the name of the host a colleague used.
    MailRu,
    /// Gmail, which signs below its Received as `mx.google.com`.
    Gmail,
    /// Exchange Online, which signs above the Received of the host that took the letter in, and in no name.
    Microsoft,
    /// A server of one's own, by the name it signs with, in lower case.
    Server(String),
}

/// What the mail server says of a letter's sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It vouches for From, and by what.
    Pass(&'static str),
    /// It says nothing that counts, and what is missing.
    Absent(&'static str),
    /// It says that From is false, and how.
    Fail(&'static str),
}

impl Verdict {
    /// Returns whether the server vouches for From.
    pub fn is_pass(self) -> bool {
        matches!(self, Verdict::Pass(_))
    }
}

impl fmt::Display for TraceField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.name {
            TraceName::Received => "Received",
            TraceName::AuthenticationResults => "Authentication-Results",
        };
        write!(f, "{name}: {}", self.value)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, why) = match self {
            Verdict::Pass(how) => ("pass", how),
            Verdict::Absent(why) => ("none", why),
            Verdict::Fail(why) => ("fail", why),
        };
        write!(f, "{word} ({why})")
    }
}

impl From<Ambiguous> for Verdict {
    fn from(Ambiguous: Ambiguous) -> Verdict {
        Verdict::Absent("the server's verdict may be read in more ways than one")
    }
}

/// Returns what `source` says, in the header of a letter, of the address in From.
pub fn verdict(trace: &[TraceField], from: &EmailAddress, source: &VerdictSource) -> Verdict {
    let field = match signed(trace, source) {
        Ok(field) => field,
        Err(absent) => return absent,
    };
    let read = read(&field.value, source.form());
    read.and_then(|results| judge(&results, from))
        .unwrap_or_else(Verdict::from)
}

/// Returns whether `source` says anything, in the header of a letter, of whoever sent it.
pub fn speaks(trace: &[TraceField], source: &VerdictSource) -> bool {
    signed(trace, source).is_ok()
}

/// Returns the names in the fields Authentication-Results of a letter that may be its mail server's: those in the domain of the
/// host that took it last. Whoever writes a letter may put others there, and nobody is to be led to believe them.
pub fn signers(trace: &[TraceField]) -> Vec<String> {
    let of = |name| trace.iter().filter(move |field| field.name == name);
    let Some(last) = of(TraceName::Received)
        .next()
        .and_then(|field| Hop::read(&field.value))
    else {
        return Vec::new();
    };
    let domain = |host: &str| {
        let (_, domain) = host.split_once('.')?;
        domain.contains('.').then(|| domain.to_owned())
    };
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-".contains(&b);
    of(TraceName::AuthenticationResults)
        .filter_map(|field| authserv_id(&field.value).ok())
        .filter(|id| id.len() <= 100 && id.bytes().all(is_plain))
        .filter(|id| {
            let is_above = last.by.strip_suffix(id.as_str());
            let is_same = *id == last.by || is_above.is_some_and(|rest| rest.ends_with('.'));
            let own = domain(&last.by);
            is_same && id.contains('.') || own.is_some() && own == domain(id)
        })
        .collect()
}

/// The field that `source` wrote, or why none is believed to be its.
fn signed<'a>(trace: &'a [TraceField], source: &VerdictSource) -> Result<&'a TraceField, Verdict> {
    let hop = |field: &TraceField| Hop::read(&field.value);
    let first = trace.iter().find(|field| field.name == TraceName::Received);
    let Some(first) = first.and_then(hop) else {
        return Err(Verdict::Absent("no host says that it received the letter"));
    };
    let is_own = |host: &str| source.is_own(host, &first.by);
    let mut above: Option<Hop> = None;
    for (at, field) in trace.iter().enumerate() {
        if field.name == TraceName::Received {
            // What came from outside brought its own header along, whatever hosts are named in it.
            let is_ours = above.is_none_or(|above| above.is_from_inside(is_own));
            above = hop(field).filter(|hop| is_ours && is_own(&hop.by));
            if above.is_none() {
                return Err(Verdict::Absent(
                    "no verdict of the mail server above the first foreign host",
                ));
            }
            continue;
        }
        let has_own_below = || {
            let mut below = trace.iter().skip(at);
            let below = below.find(|field| field.name == TraceName::Received);
            below.and_then(hop).is_some_and(|hop| is_own(&hop.by))
        };
        let above = above.as_ref().map(|hop| hop.by.as_str());
        match source.signs(&field.value, above, has_own_below) {
            Ok(true) => return Ok(field),
            Ok(false) => {}
            Err(ambiguous) => return Err(ambiguous.into()),
        }
    }
    Err(Verdict::Absent(
        "no verdict of the mail server in the letter",
    ))
}

impl VerdictSource {
    /// Returns the source of that name: a provider, as the configuration names it, else a server by the name it signs with.
    pub fn named(name: &str) -> VerdictSource {
        match name.to_ascii_lowercase().as_str() {
            "yandex" => VerdictSource::Yandex,
            "mailru" => VerdictSource::MailRu,
            "gmail" => VerdictSource::Gmail,
            "microsoft" => VerdictSource::Microsoft,
            server => VerdictSource::Server(server.to_owned()),
        }
    }

    /// Whether `host` is one that takes mail for the mailbox. `first` is the one that took the letter last, which is
    /// always the server of the mailbox itself.
    fn is_own(&self, host: &str, first: &str) -> bool {
        let is_below = |domain: &str| {
            let rest = host.strip_suffix(domain);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        match self {
            VerdictSource::Yandex => is_below("yandex.net") || is_below("yandex.ru"),
            VerdictSource::MailRu => is_below("mail.ru") || is_below("smailru.net"),
            VerdictSource::Gmail => is_below("google.com") || is_inside_google(host),
            VerdictSource::Microsoft => is_below("outlook.com") || is_below("office365.com"),
            // Filters on the same machine sign as localhost.
            VerdictSource::Server(id) => is_below(id) || host == first || is_this_machine(host),
        }
    }

    fn form(&self) -> Form {
        match self {
            VerdictSource::Microsoft => Form::Nameless,
            _ => Form::Named,
        }
    }

    /// Whether a field in the block of the provider's hosts is signed as the provider signs. `above` is the host of the
    /// nearest Received above it; another of the provider's may be below.
    fn signs(
        &self,
        value: &str,
        above: Option<&str>,
        has_own_below: impl Fn() -> bool,
    ) -> Result<bool, Ambiguous> {
        if *self == VerdictSource::Microsoft {
            return Ok(has_own_below());
        }
        let id = authserv_id(value)?;
        let is_of_host = above == Some(id.as_str());
        Ok(match self {
            VerdictSource::Yandex | VerdictSource::Microsoft => is_of_host,
            VerdictSource::Gmail => is_of_host && id == "mx.google.com",
            VerdictSource::MailRu => is_of_host || id == "mxs.mail.ru" && has_own_below(),
            VerdictSource::Server(own) => id == *own,
        })
    }
}

/// Gmail's hosts name each other by addresses of their own network: 10.0.0.0/8, also as 6to4 (RFC 3056).
fn is_inside_google(host: &str) -> bool {
    let six = host.strip_prefix("2002:a").and_then(|rest| rest.get(..3));
    let is_six = six.is_some_and(|next| {
        let (digits, colon) = next.split_at_checked(2).unwrap_or_default();
        digits.bytes().all(|b| b.is_ascii_hexdigit()) && colon == ":"
    });
    let is_four = host.starts_with("10.") && host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_six || is_four
}

/// What the results of one field say of the sender.
fn judge(results: &Results, from: &EmailAddress) -> Result<Verdict, Ambiguous> {
    let of = |method: &'static str| {
        let all = results.0.iter();
        all.filter(move |result| result.method == method)
    };
    let only = |method| {
        let mut all = of(method);
        let first = all.next();
        all.next().map_or(Ok(first), |_| Err(Ambiguous))
    };
    let dmarc = only("dmarc")?;
    let auth = only("auth")?.filter(|auth| auth.result == "pass");
    if dmarc.is_some_and(|dmarc| dmarc.result == "fail") {
        return Ok(Verdict::Fail("dmarc=fail"));
    }
    let account = auth.map_or(Ok(None), |auth| auth.property("smtp.auth"))?;
    let account = account.and_then(EmailAddress::parse);
    if account.as_ref().is_some_and(|account| account != from) {
        return Ok(Verdict::Fail("auth=pass of another account"));
    }
    if let Some(dmarc) = dmarc.filter(|dmarc| dmarc.result == "pass")
        && let Some(of) = dmarc.property("header.from")?
    {
        return Ok(if domain(of) == from.domain() {
            Verdict::Pass("dmarc=pass")
        } else {
            // The server read another From than we did.
            Verdict::Absent("dmarc=pass of another domain")
        });
    }
    if account.is_some() {
        return Ok(Verdict::Pass("auth=pass"));
    }
    let mut is_signed = false;
    for dkim in of("dkim").filter(|dkim| dkim.result == "pass") {
        match signer(dkim.property("header.d")?, dkim.property("header.i")?)? {
            // Exactly: which parent of a domain is its owner's and which a registry's, only a list knows.
            Some(signer) if signer == from.domain() => return Ok(Verdict::Pass("dkim=pass")),
            _ => is_signed = true,
        }
    }
    Ok(Verdict::Absent(if is_signed {
        "dkim=pass of another domain"
    } else {
        "neither dmarc, dkim nor auth is a pass"
    }))
}

/// The domain that signed: `header.d`, else that of `header.i`, which must be in it.
fn signer(d: Option<&str>, i: Option<&str>) -> Result<Option<String>, Ambiguous> {
    let (d, i) = (d.map(domain), i.map(domain));
    match (d, i) {
        (Some(d), Some(i)) if i != d && !i.ends_with(&format!(".{d}")) => Err(Ambiguous),
        (Some(d), _) => Ok(Some(d)),
        (None, i) => Ok(i),
    }
}

/// The domain of an address, or of a domain, in lower case.
fn domain(value: &str) -> String {
    let domain = value.rsplit_once('@').map_or(value, |(_, domain)| domain);
    domain.trim_end_matches('.').to_ascii_lowercase()
}
