//! Pictures that a reply brings back. We show pictures inside our letters, and mail programs put what they quote into the
//! reply again: that is no file of whoever replies.

use std::borrow::Cow;

use sea_orm::ConnectionTrait;

use super::{Result, query_one};
use crate::domain::files::LOGO_BYTES;
use crate::domain::incoming::IncomingMail;
use crate::domain::registration::Facts;

/// Returns `mail` without the pictures inside its text that stood in an earlier letter of a ticket it belongs to.
pub(super) async fn left_out<'m>(
    tx: &impl ConnectionTrait,
    mail: &'m IncomingMail,
    facts: &Facts,
) -> Result<Cow<'m, IncomingMail>> {
    let tickets = [
        &facts.specialist_ticket,
        &facts.writer_ticket,
        &facts.tagged_ticket,
    ];
    let mut quoted = Vec::new();
    // What is smaller is a logo, and counts for nothing already.
    let pictures = mail.attachments.iter();
    for picture in pictures.filter(|file| file.inline && file.size_bytes > LOGO_BYTES) {
        for ticket in tickets.into_iter().flatten() {
            let select = "SELECT a.id FROM message m JOIN attachment a ON a.message = m.id WHERE m.ticket = $1 AND a.sha256 = $2 LIMIT 1";
            let values = [ticket.number.into(), picture.sha256.as_str().into()];
            if query_one(tx, select, values).await?.is_some() {
                quoted.push(picture.part);
                break;
            }
        }
    }
    if quoted.is_empty() {
        return Ok(Cow::Borrowed(mail));
    }
    let mut mail = mail.clone();
    mail.attachments.retain(|file| !quoted.contains(&file.part));
    Ok(Cow::Owned(mail))
}
