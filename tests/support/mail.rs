//! A mail as it arrived in somebody's inbox.

use mail_parser::{Address, HeaderValue, MessageParser, MimeHeaders};

/// One mail, read.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// By which mails sort: the server's seconds, microseconds, and its name for the file.
    pub(crate) arrived: (u64, u64, String),
    /// The bytes as the server stored them.
    pub(crate) raw: Vec<u8>,
    /// Its Message-ID, without brackets.
    pub(crate) message_id: String,
    /// What it answers, without brackets.
    pub(crate) in_reply_to: Vec<String>,
    /// Its thread, without brackets.
    pub(crate) references: Vec<String>,
    /// The name in From.
    pub(crate) from_name: String,
    /// The address in From.
    pub(crate) from: String,
    /// The addresses in To.
    pub(crate) to: Vec<String>,
    /// Its subject, decoded.
    pub(crate) subject: String,
    /// Its text, decoded.
    pub(crate) text: String,
    /// Its files.
    pub(crate) files: Vec<File>,
}

/// A file that came with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Its name.
    pub(crate) name: String,
    /// Its decoded bytes.
    pub(crate) bytes: Vec<u8>,
}

impl Mail {
    /// Reads a mail.
    pub(crate) fn read(arrived: (u64, u64, String), raw: Vec<u8>) -> Mail {
        let message = MessageParser::default()
            .parse(&raw)
            // A mailbox may hold a file of no bytes.
            .or_else(|| {
                MessageParser::default()
                    .parse("Subject:\n\n")
                    .filter(|_| raw.is_empty())
            })
            .unwrap_or_else(|| panic!("not a mail: {}", String::from_utf8_lossy(&raw)));
        let ids = |value: &HeaderValue| -> Vec<String> {
            match value {
                HeaderValue::Text(id) => vec![id.to_string()],
                HeaderValue::TextList(ids) => ids.iter().map(ToString::to_string).collect(),
                _ => Vec::new(),
            }
        };
        let from = message.from().and_then(Address::first);
        let to = message
            .to()
            .map(|to| to.iter().filter_map(|one| one.address().map(str::to_owned)));
        Mail {
            arrived,
            message_id: message.message_id().unwrap_or_default().to_owned(),
            in_reply_to: ids(message.in_reply_to()),
            references: ids(message.references()),
            from_name: from
                .and_then(|from| from.name())
                .unwrap_or_default()
                .to_owned(),
            from: from
                .and_then(|from| from.address())
                .unwrap_or_default()
                .to_owned(),
            to: to.map(Iterator::collect).unwrap_or_default(),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            files: message
                .attachments()
                .map(|part| File {
                    name: part.attachment_name().unwrap_or_default().to_owned(),
                    bytes: part.contents().to_vec(),
                })
                .collect(),
            raw,
        }
    }

    /// Returns a header's value as it stands, unfolded; `None` if there is none.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.head();
        let mut lines = head.lines().skip_while(|line| {
            !line
                .split_once(':')
                .is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
        });
        let mut value = lines.next()?.split_once(':')?.1.to_owned();
        for more in lines.take_while(|line| line.starts_with([' ', '\t'])) {
            value.push_str(more);
        }
        Some(value.trim().to_owned())
    }

    /// The header lines.
    pub(crate) fn head(&self) -> String {
        let end = self.raw.windows(2).position(|two| two == b"\n\n");
        let crlf = self.raw.windows(4).position(|four| four == b"\r\n\r\n");
        let end = [end, crlf]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.raw.len());
        String::from_utf8_lossy(&self.raw[..end]).into_owned()
    }

    /// Returns the text on one line, so that words are found across line breaks and special spaces.
    pub(crate) fn flat(&self) -> String {
        flat(&self.text)
    }

    /// Returns whether the text holds these words.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.flat().contains(&flat(words))
    }

    /// Returns whether the mail says that no person wrote it (RFC 3834).
    pub(crate) fn is_automatic(&self) -> bool {
        self.header("Auto-Submitted")
            .is_some_and(|value| value != "no")
    }

    /// Returns the bytes as they were submitted: without the trace lines that servers put before them (RFC 5321
    /// section 4.4).
    pub(crate) fn submitted(&self) -> Vec<u8> {
        let text = &self.raw;
        let mut at = 0;
        let mut in_trace = false;
        while at < text.len() {
            let end = text[at..]
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(text.len(), |length| at + length + 1);
            let line = String::from_utf8_lossy(&text[at..end]).to_ascii_lowercase();
            let begins_trace = [
                "return-path:",
                "delivered-to:",
                "received:",
                "x-original-to:",
                "authentication-results:",
            ]
            .iter()
            .any(|name| line.starts_with(name));
            let continues = in_trace && line.starts_with([' ', '\t']);
            if !begins_trace && !continues {
                break;
            }
            in_trace = true;
            at = end;
        }
        text[at..].to_vec()
    }
}

/// Returns text with every run of white space as one space.
pub(crate) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
