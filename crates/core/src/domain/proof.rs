//! What a letter proves by the tokens it carries and by what the mail server says of its sender, before anything is looked up.

use super::address::EmailAddress;
use super::desk::{Desk, Specialist, Vouching};
use super::incoming::IncomingMail;
use super::letter::Kind;
use super::token::{Claim, TokenKeys, WRITER, sentinels};
use super::verdict::{Verdict, verdict};

/// The tokens of a letter that verify, and the word of the mail server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// A ticket that the sender's own address was written to about.
    pub writer_ticket: Option<i64>,
    /// A specialist, by login, to whom a letter about a ticket was sent, and that ticket. It proves the letter's
    /// origin, not yet its sender: a notice may have been forwarded.
    pub specialist_ticket: Option<(String, i64)>,
    /// A digest that was sent to the sender: his login, and the entry that began it.
    pub digest: Option<(String, i64)>,
    /// The kind of our letter that the sender's own token stood on.
    pub answers_kind: Option<String>,
    /// The entry that letter was about.
    pub answers_entry: Option<i64>,
    /// Whether the letter is nothing but one of ours to a specialist, by the marks in its text.
    pub is_ours_unchanged: bool,
    /// What the mail server says of the sender; `None` where the desk does not ask.
    pub verdict: Option<Verdict>,
}

impl Proof {
    /// Returns whether a specialist's letter is his as far as the mail server has to say so.
    pub fn is_vouched(&self) -> bool {
        self.verdict.is_none_or(Verdict::is_pass)
    }
}

/// Returns what `mail`, which came to the support address `received_by`, proves. A token counts only for the address it was
/// made for.
pub fn proof(
    mail: &IncomingMail,
    received_by: &EmailAddress,
    desk: &Desk,
    key: &TokenKeys,
) -> Proof {
    let mut proof = Proof {
        verdict: vouched(mail, received_by, desk),
        ..Proof::default()
    };
    let mut of_others = None;
    for claim in mail
        .references
        .iter()
        .filter_map(|reference| Claim::read(reference))
    {
        if claim.recipient == WRITER {
            let verifies = |sender| key.verifies(&claim, sender);
            if proof.writer_ticket.is_none() && mail.sender().is_some_and(verifies) {
                proof.writer_ticket = Some(claim.ticket);
            }
            continue;
        }
        let Some(owner) = desk
            .by_login(&claim.recipient)
            .filter(|s| key.verifies(&claim, &s.address))
        else {
            continue;
        };
        // In a thread of two specialists the sender's own token counts, wherever it stands.
        let is_senders = mail
            .sender()
            .is_some_and(|sender| owner.address == *sender || owner.aliases.contains(sender));
        if claim.purpose == Kind::Digest.as_str() {
            if is_senders && proof.digest.is_none() {
                proof.digest = Some((claim.recipient, claim.entry));
            }
            continue;
        }
        let (kind, entry) = (claim.purpose.clone(), claim.entry);
        let found = (claim.recipient, claim.ticket);
        if is_senders && proof.specialist_ticket.is_none() {
            proof.answers_kind = Some(kind);
            proof.answers_entry = Some(entry);
            proof.specialist_ticket = Some(found);
        } else if !is_senders && of_others.is_none() {
            of_others = Some(found);
        }
    }
    proof.specialist_ticket = proof.specialist_ticket.or(of_others);
    if proof.specialist_ticket.is_none() {
        proof.specialist_ticket = sentinel_proof(mail, desk, key);
        proof.is_ours_unchanged =
            proof.specialist_ticket.is_some() && is_marked_whole(mail.body.as_str());
    }
    proof
}

/// Whether a text begins and ends with the marks of our letters to specialists, the footer of a list aside: such a letter has
/// come back by an alias that rewrote its header.
fn is_marked_whole(text: &str) -> bool {
    let is_mark = |line: &&str| line.starts_with("[==") && line.ends_with("==]");
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let after: Vec<&str> = lines().rev().take_while(|line| !is_mark(line)).collect();
    let is_footer = |line: &&str| line.starts_with("--") || line.starts_with("__");
    lines().next().is_some_and(|first| is_mark(&first)) && after.last().is_none_or(is_footer)
}

/// What the server of the mailbox says of the sender, where it is asked.
fn vouched(mail: &IncomingMail, received_by: &EmailAddress, desk: &Desk) -> Option<Verdict> {
    let Vouching::Server(sources) = &desk.vouching else {
        return None;
    };
    Some(match (sources.get(received_by), mail.sender()) {
        (Some(source), Some(sender)) => verdict(&mail.trace, sender, source),
        (_, None) => Verdict::Absent("From is not one plain address"),
        (None, _) => Verdict::Absent("the mailbox has no server whose word is believed"),
    })
}

/// The fallback where a provider rewrites Message-IDs: the closing sentinel of a notice in the quoted text.
fn sentinel_proof(mail: &IncomingMail, desk: &Desk, key: &TokenKeys) -> Option<(String, i64)> {
    let owner = |ticket: i64, code: &str| -> Option<&Specialist> {
        desk.specialists
            .iter()
            .find(|s| key.sentinel_verifies(code, ticket, &s.address))
    };
    // A letter that quotes more sentinels than a long thread has is not read further.
    sentinels(mail.body.as_str())
        .take(20)
        .find_map(|(ticket, code)| owner(ticket, code).map(|s| (s.login.clone(), ticket)))
}
