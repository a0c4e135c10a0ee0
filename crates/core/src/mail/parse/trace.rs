//! The fields that servers added on a letter's way, as they stand: what of them is to be believed is decided elsewhere.

use super::header;
use super::mime::Message;
use crate::domain::verdict::{TraceField, TraceName};

/// No way is longer: mail servers give up on far fewer hops (RFC 5321 section 6.3).
const FIELDS: usize = 200;
/// No server writes a longer one.
const FIELD_BYTES: usize = 8 * 1024;

/// The fields in their order, the newest first. One that is too long is there without its value.
pub(super) fn trace(message: &Message<'_>) -> Vec<TraceField> {
    let fields = header::fields(message.header());
    let known = fields.filter_map(|field| {
        let name = name(header::name(field))?;
        let value = header::value(field);
        let value = match value.len() <= FIELD_BYTES {
            true => String::from_utf8_lossy(value).replace(['\r', '\n'], ""),
            false => String::new(),
        };
        Some(TraceField { name, value })
    });
    known.take(FIELDS).collect()
}

fn name(name: &[u8]) -> Option<TraceName> {
    if name.eq_ignore_ascii_case(b"Received") {
        Some(TraceName::Received)
    } else if name.eq_ignore_ascii_case(b"Authentication-Results") {
        Some(TraceName::AuthenticationResults)
    } else {
        None
    }
}
