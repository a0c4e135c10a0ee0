//! Delivery reports: which letter they are about, for whom it was, and what became of it.
//!
//! A report by RFC 3464 says so in fields. Many mail systems write reports in words alone; those are believed only
//! where two kinds of evidence meet, of which a person who writes about a report, quotes or forwards one has one.

mod fields;
mod pieces;
mod recipients;
mod words;

use self::fields::Group;
use self::pieces::Pieces;
use self::words::System;
use super::mime::Message;
use super::{REFERENCES, usable_id};
use crate::domain::address::EmailAddress;
use crate::domain::incoming::{DeliveryReport, Fate, RobotSigns};
use crate::domain::subject::split_prefixes;
use crate::domain::text::CleanLine;

/// Recipients taken from one report.
const RECIPIENTS: usize = 100;

/// Returns what the letter reports, if it is a report: of a delivery, or a complaint about a letter that was delivered.
pub(super) fn report(
    message: &Message<'_>,
    signs: &RobotSigns,
    ours: &[EmailAddress],
) -> Option<DeliveryReport> {
    let hints = Hints::of(message, signs);
    if !(hints.any() || signs.feedback) {
        return None;
    }
    let pieces = Pieces::of(message);
    let mut groups = fields::groups(&pieces.status);
    if signs.feedback {
        return Some(DeliveryReport {
            original_message_ids: returned_ids(&pieces),
            evidence: "a feedback report".to_owned(),
            fate: Fate::Delivered,
            ..DeliveryReport::default()
        });
    }
    let evidence = evidence(message, &hints, &pieces, &groups)?;
    if groups.is_empty() {
        // Gateways that take a report apart leave its fields in an attached letter, or in the text.
        groups = fields::groups(&pieces.nested_status);
    }
    if groups.is_empty() {
        groups = fields::groups(&pieces.told);
    }
    let mut recipients = of_groups(&groups);
    if recipients.is_empty() {
        recipients = recipients::of_header(message);
    }
    if recipients.is_empty() {
        recipients = recipients::of_words(message, &pieces, ours);
    }
    recipients.truncate(RECIPIENTS);
    let fate = fate(&groups, message, &pieces);
    let told = groups.iter().find(|group| group.fate() == Some(fate));
    let status = match told {
        Some(group) => group.code.clone(),
        None => words::enhanced_code(&pieces.told).to_owned(),
    };
    let diagnostic = told.map_or("", |group| group.diagnostic.as_str());
    Some(DeliveryReport {
        original_message_ids: returned_ids(&pieces),
        recipients,
        fate,
        status,
        diagnostic: CleanLine::new(diagnostic, 300),
        evidence,
    })
}

/// The usable Message-IDs of the letters that came back.
fn returned_ids(pieces: &Pieces) -> Vec<String> {
    let ids = pieces.returned_ids.iter();
    let mut ids: Vec<String> = ids.filter_map(|id| usable_id(id)).collect();
    ids.dedup();
    ids.truncate(REFERENCES);
    ids
}

/// What a glance shows. A letter with none of it is no report, and its words need not be searched.
struct Hints {
    has_status: bool,
    has_field: bool,
    system: System,
    subject: bool,
    automatic: bool,
}

impl Hints {
    fn of(message: &Message<'_>, signs: &RobotSigns) -> Hints {
        let is_status =
            |kind: &str| kind == "multipart/report" || kind.ends_with("delivery-status");
        Hints {
            has_status: message.parts.iter().any(|part| is_status(&part.kind)),
            has_field: message.field("X-Failed-Recipients").is_some(),
            system: if signs.null_sender {
                System::Certain
            } else {
                words::mail_system(message)
            },
            subject: words::subject_reports(&message.subject()),
            automatic: signs.null_return_path || signs.auto_submitted.is_some(),
        }
    }

    fn any(&self) -> bool {
        self.has_status
            || self.has_field
            || self.system > System::No
            || self.subject
            || self.automatic
    }
}

/// By what the letter is a report, in words; `None` if it is none.
fn evidence(
    message: &Message<'_>,
    hints: &Hints,
    pieces: &Pieces,
    groups: &[Group],
) -> Option<String> {
    let subject = message.subject();
    let is_passed_on = split_prefixes(&subject).0.is_some() && !hints.automatic;
    let is_whole = message
        .parts
        .first()
        .is_some_and(|top| top.kind == "multipart/report");
    if is_passed_on && !is_whole {
        // An answer to a report, or a report passed on: somebody wrote.
        return None;
    }
    if pieces.is_report {
        return Some("multipart/report with delivery-status".to_owned());
    }
    if groups.iter().any(|group| group.recipient.is_some()) {
        return Some("a part of delivery-status".to_owned());
    }
    if hints.has_field {
        return Some("X-Failed-Recipients".to_owned());
    }
    if split_prefixes(&subject).0.is_some() {
        return None;
    }
    let (subject, automatic) = (hints.subject, hints.automatic);
    let told = words::tells_of_failure(&pieces.told);
    let is_alone = !automatic && words::sounds_personal(&pieces.told);
    let is_person = is_alone || !automatic && words::sounds_of_several(&pieces.told);
    let technical = words::has_reply_code(&pieces.told)
        || pieces.returns_a_letter
        || words::has_address_line(&pieces.told);
    // The reply of a server alone is what people quote too.
    let returned = pieces.returns_a_letter || words::has_address_line(&pieces.told);
    let from_system = match hints.system {
        System::Certain => true,
        System::Perhaps => automatic || pieces.returns_a_letter || technical && !is_alone,
        System::No => false,
    };
    let is_headed = subject && hints.system == System::Perhaps && !is_person;
    let why = if subject && from_system || is_headed {
        "a mail system's address and subject"
    } else if from_system && told {
        "a mail system's address and words"
    } else if from_system && pieces.returns_a_letter {
        "a mail system's address, and a letter sent back"
    } else if from_system && automatic && words::has_reply_code(&pieces.told) {
        "a mail system's address, and the reply of a server"
    } else if subject && told && (returned || automatic) && !is_person {
        "a report's subject and words, and what it reports"
    } else if automatic && told && technical {
        "written by a program, with a report's words"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Those who did not get the letter, or not yet.
fn of_groups(groups: &[Group]) -> Vec<EmailAddress> {
    let failed = groups.iter().filter(|group| !group.is_delivered());
    let mut found = Vec::new();
    for recipient in failed.filter_map(|group| group.recipient.clone()) {
        if !found.contains(&recipient) {
            found.push(recipient);
        }
    }
    found
}

fn fate(groups: &[Group], message: &Message<'_>, pieces: &Pieces) -> Fate {
    let fates: Vec<Fate> = groups.iter().filter_map(Group::fate).collect();
    if !fates.is_empty() {
        // Several recipients: the worst of it counts, but what arrived nowhere else arrived.
        let worst = [Fate::FailedForGood, Fate::FailedForNow, Fate::Delayed];
        let has = |fate: &Fate| fates.contains(fate);
        return worst.into_iter().find(has).unwrap_or(Fate::Delivered);
    }
    let subject = message.subject();
    if words::tells_of_delay(&subject) || words::tells_of_delay(&pieces.told) {
        Fate::Delayed
    } else if words::reply_class(&pieces.told) == Some('4') {
        Fate::FailedForNow
    } else {
        Fate::FailedForGood
    }
}
