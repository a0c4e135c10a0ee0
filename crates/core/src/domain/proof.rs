//! What a letter proves by the tokens it carries, before anything is looked up.

use super::desk::{Desk, Specialist};
use super::incoming::IncomingMail;
use super::token::{Claim, TokenKey, WRITER, sentinels};

/// The tokens of a letter that verify.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// A ticket that the sender's own address was written to about.
    pub writer_ticket: Option<i64>,
    /// A specialist, by login, to whom a letter about a ticket was sent, and that ticket. It proves the letter's
    /// origin, not yet its sender: a notice may have been forwarded.
    pub specialist_ticket: Option<(String, i64)>,
}

/// Returns what the tokens in `mail` prove. A token counts only for the address it was made for.
pub fn proof(mail: &IncomingMail, desk: &Desk, key: &TokenKey) -> Proof {
    let mut proof = Proof::default();
    for claim in mail
        .references
        .iter()
        .filter_map(|reference| Claim::read(reference))
    {
        if claim.recipient == WRITER {
            if proof.writer_ticket.is_none()
                && mail
                    .sender()
                    .is_some_and(|sender| key.verifies(&claim, sender))
            {
                proof.writer_ticket = Some(claim.ticket);
            }
        } else if proof.specialist_ticket.is_none()
            && desk
                .by_login(&claim.recipient)
                .is_some_and(|s| key.verifies(&claim, &s.address))
        {
            proof.specialist_ticket = Some((claim.recipient, claim.ticket));
        }
    }
    if proof.specialist_ticket.is_none() {
        proof.specialist_ticket = sentinel_proof(mail, desk, key);
    }
    proof
}

/// The fallback where a provider rewrites Message-IDs: the closing sentinel of a notice in the quoted text.
fn sentinel_proof(mail: &IncomingMail, desk: &Desk, key: &TokenKey) -> Option<(String, i64)> {
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
