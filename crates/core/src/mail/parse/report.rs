//! Delivery reports: which letter they are about, for whom it was, and what became of it.

use mail_parser::{Message, MimeHeaders, PartType};

use super::{PARTS, REFERENCES, usable_id};
use crate::domain::address::EmailAddress;
use crate::domain::incoming::DeliveryReport;

/// A report by RFC 3464 or by Exim's X-Failed-Recipients.
pub(super) fn report(message: &Message<'_>) -> Option<DeliveryReport> {
    let is_report = message.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart")
            && kind
                .subtype()
                .is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"))
            && kind
                .attribute("report-type")
                .is_none_or(|report| report.eq_ignore_ascii_case("delivery-status"))
    });
    let failed = message.header_raw("X-Failed-Recipients".to_owned());
    if !is_report && failed.is_none() {
        return None;
    }
    let mut report = DeliveryReport {
        evidence: "multipart/report or X-Failed-Recipients".to_owned(),
        ..DeliveryReport::default()
    };
    report.recipients.extend(
        failed
            .unwrap_or_default()
            .split(',')
            .filter_map(EmailAddress::parse),
    );
    for part in message.parts.iter().take(PARTS) {
        if let PartType::Message(original) = &part.body {
            report
                .original_message_ids
                .extend(original.message_id().map(str::to_owned));
            continue;
        }
        let text = String::from_utf8_lossy(part.contents());
        for line in text.lines().take(500) {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "final-recipient" | "original-recipient" => report
                    .recipients
                    .extend(value.rsplit(';').next().and_then(EmailAddress::parse)),
                "message-id" => report.original_message_ids.push(value.to_owned()),
                _ => {}
            }
        }
    }
    let ids = std::mem::take(&mut report.original_message_ids);
    report.original_message_ids = ids.iter().filter_map(|id| usable_id(id)).collect();
    report.recipients.dedup();
    report.original_message_ids.truncate(REFERENCES);
    Some(report)
}
