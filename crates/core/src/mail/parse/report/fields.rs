//! The fields of a report: groups of lines `Name: value`, one group a recipient (RFC 3464 section 2).

use crate::domain::address::EmailAddress;
use crate::domain::incoming::Fate;

/// Groups read of one report.
const GROUPS: usize = 500;

/// What a report says of one recipient.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    /// Original-Recipient, which is what the letter was sent to (RFC 3464 section 2.3.1), else Final-Recipient.
    pub(super) recipient: Option<EmailAddress>,
    original: Option<EmailAddress>,
    action: Option<String>,
    status: Option<char>,
    reply: Option<char>,
    /// The enhanced status code; empty where there is none.
    pub(super) code: String,
    /// Diagnostic-Code without the name of its protocol, as written.
    pub(super) diagnostic: String,
}

impl Group {
    /// Whether the letter arrived there, or was passed on.
    pub(super) fn is_delivered(&self) -> bool {
        self.fate() == Some(Fate::Delivered)
    }

    /// What became of the letter; `None` where the group says nothing of it.
    pub(super) fn fate(&self) -> Option<Fate> {
        let class = || match self.status.or(self.reply) {
            Some('5') => Some(Fate::FailedForGood),
            Some('4') => Some(Fate::FailedForNow),
            Some('2') => Some(Fate::Delivered),
            _ => None,
        };
        match self.action.as_deref() {
            Some("delayed") => Some(Fate::Delayed),
            Some("delivered" | "relayed" | "expanded" | "deliverable") => Some(Fate::Delivered),
            Some(_) => match class() {
                // A failure with the code of success is still a failure.
                Some(Fate::Delivered) | None => Some(Fate::FailedForGood),
                found => found,
            },
            None => class(),
        }
    }
}

/// Returns the groups in `text` that say something of a recipient, in order.
pub(super) fn groups(text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        // A blank line ends a group that has all it needs; some systems put one in the middle.
        let is_whole =
            group.action.is_some() && (group.recipient.is_some() || group.original.is_some());
        if line.trim().is_empty() && is_whole && groups.len() < GROUPS {
            groups.push(std::mem::take(&mut group));
        }
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let mut value = value.trim().to_owned();
        while let Some(more) =
            lines.next_if(|next| next.starts_with([' ', '\t']) && value.len() < 2000)
        {
            value.push(' ');
            value.push_str(more.trim());
        }
        let name = name.trim().to_ascii_lowercase();
        // Each of the two may come first; the second of a kind begins the next group.
        let begins = match name.as_str() {
            "final-recipient" => group.recipient.is_some(),
            "original-recipient" => group.original.is_some(),
            "action" => group.action.is_some(),
            _ => false,
        };
        if begins && groups.len() < GROUPS {
            groups.push(std::mem::take(&mut group));
        }
        match name.as_str() {
            "final-recipient" => group.recipient = address(&value),
            "original-recipient" => group.original = address(&value),
            "action" => {
                group.action = value
                    .split([' ', ';', '('])
                    .next()
                    .map(str::to_ascii_lowercase)
            }
            "status" => {
                group.status = value.chars().next().filter(char::is_ascii_digit);
                group.code = super::words::enhanced_code(&value).to_owned();
            }
            "diagnostic-code" => {
                group.reply = super::words::reply_class(&value);
                let said = value
                    .split_once(';')
                    .map_or(value.as_str(), |(_, said)| said);
                group.diagnostic = said.trim().to_owned();
            }
            _ => {}
        }
    }
    groups.push(group);
    for group in &mut groups {
        let original = group.original.take();
        group.recipient = original.or(group.recipient.take());
        // "5.0.0" says less than the reply that it stands beside.
        let said = super::words::enhanced_code(&group.diagnostic);
        if !said.is_empty() && (group.code.is_empty() || group.code.ends_with(".0.0")) {
            group.code = said.to_owned();
        }
    }
    groups.retain(|group| group.recipient.is_some());
    groups
}

/// The address of `rfc822; rita@family.test`, of `<rita@family.test>` and of X.400 forms that hold one.
fn address(value: &str) -> Option<EmailAddress> {
    let value = value.rsplit(';').next().unwrap_or_default().trim();
    let value = value.split_whitespace().next().unwrap_or_default();
    let value = value.trim_matches(['<', '>', '"', '\'', ',']);
    let value = value.rsplit(['=', ':']).next().unwrap_or_default();
    EmailAddress::parse(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recipient_has_its_group() {
        let text = "Reporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; A@x.test\nAction: failed\nStatus: 5.1.1\n\nOriginal-Recipient: rfc822;b@x.test\nFinal-Recipient: rfc822;\n <b2@x.test>\nAction: delayed\nStatus: 4.4.1 (timeout)\n\nFinal-Recipient: x-unknown; nobody\nOriginal-Recipient: rfc822; c@x.test\nAction: delivered\n";
        let found: Vec<_> = groups(text)
            .iter()
            .map(|group| (group.recipient.clone().map(|a| a.to_string()), group.fate()))
            .collect();
        let some = |address: &str| Some(address.to_owned());
        assert_eq!(
            found,
            [
                (some("a@x.test"), Some(Fate::FailedForGood)),
                (some("b@x.test"), Some(Fate::Delayed)),
                (some("c@x.test"), Some(Fate::Delivered)),
            ]
        );
        assert!(groups("Subject: x\n\nno fields").is_empty());
    }

    #[test]
    fn the_class_decides_where_no_action_does() {
        let fate = |more: &str| {
            groups(&format!("Final-Recipient: rfc822; a@x.test\n{more}"))
                .first()
                .and_then(Group::fate)
        };
        assert_eq!(fate("Status: 4.2.2"), Some(Fate::FailedForNow));
        assert_eq!(
            fate("Diagnostic-Code: smtp; 550 no"),
            Some(Fate::FailedForGood)
        );
        assert_eq!(
            fate("Action: failed\nStatus: 4.4.7"),
            Some(Fate::FailedForNow)
        );
        assert_eq!(
            fate("Action: failed\nStatus: 2.0.0"),
            Some(Fate::FailedForGood)
        );
        assert_eq!(fate(""), None);
    }
}
