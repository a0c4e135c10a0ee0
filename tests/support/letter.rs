//! Letters as people's mail programs write them, put together by hand.

use std::fmt::Write;

use data_encoding::BASE64;
use ninetosix_core::clock::{Clock, SystemClock};

use super::mail::Mail;

/// A letter on its way to the desk. Every header can be left out, replaced or spoiled.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// What makes this letter different from all others; it stands in the text.
    pub(crate) uuid: String,
    /// The header lines, in order.
    pub(crate) headers: Vec<(String, String)>,
    /// The text.
    pub(crate) text: String,
    /// Name, type, bytes.
    pub(crate) files: Vec<(String, String, Vec<u8>)>,
}

/// How a mail program shows what is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// «23.11.2026 10:14, АИС пишет:» and lines behind `>`.
    Thunderbird,
    /// «пн, 23 нояб. 2026 г. в 10:14, АИС <help@…>:» and lines behind `>`.
    Gmail,
    /// «-----Исходное сообщение-----», a block of headers, the text as it was.
    Outlook,
    /// «On …, AIS wrote:» and lines behind `>`.
    Apple,
    /// Nothing is quoted.
    Nothing,
    /// The words stand below what is quoted.
    BelowTheQuote,
}

impl Client {
    /// Every way that lets the own words be told with certainty.
    pub(crate) const CERTAIN: [Client; 5] = [
        Client::Thunderbird,
        Client::Gmail,
        Client::Outlook,
        Client::Apple,
        Client::Nothing,
    ];
}

/// Returns a UUID.
pub(crate) fn fresh_uuid() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid")
        .expect("Linux makes UUIDs")
        .trim()
        .to_owned()
}

impl Letter {
    /// A new letter with the headers every mail program writes. Its text gets a line with its UUID.
    pub(crate) fn new(name: &str, from: &str, to: &str, subject: &str, text: &str) -> Letter {
        let uuid = fresh_uuid();
        let domain = from
            .split_once('@')
            .map_or("nowhere.test", |(_, domain)| domain);
        let headers = [
            ("From", mailbox(name, from)),
            ("To", format!("<{to}>")),
            ("Subject", encoded(subject)),
            ("Date", SystemClock.now().to_rfc2822()),
            ("Message-ID", format!("<{uuid}@{domain}>")),
        ];
        Letter {
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            text: format!("{text}\n\n({uuid})\n"),
            uuid,
            files: Vec::new(),
        }
    }

    /// An answer to `mail`, as `client` makes it. The own words carry no UUID: they are what travels on.
    pub(crate) fn reply(
        name: &str,
        from: &str,
        mail: &Mail,
        client: Client,
        words: &str,
    ) -> Letter {
        let subject = if mail.subject.to_lowercase().starts_with("re:") {
            mail.subject.clone()
        } else {
            format!("Re: {}", mail.subject)
        };
        let mut letter = Letter::new(name, from, &mail.from, &subject, "");
        letter.text = quoting(mail, client, words);
        let thread: Vec<String> = mail
            .references
            .iter()
            .chain([&mail.message_id])
            .map(|id| format!("<{id}>"))
            .collect();
        letter
            .header("In-Reply-To", &format!("<{}>", mail.message_id))
            .header("References", &thread.join("\r\n "))
    }

    /// Adds a header, or replaces it.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Letter {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a header out.
    pub(crate) fn without(mut self, name: &str) -> Letter {
        self.headers
            .retain(|(header, _)| !header.eq_ignore_ascii_case(name));
        self
    }

    /// Attaches a file.
    pub(crate) fn file(mut self, name: &str, content_type: &str, bytes: &[u8]) -> Letter {
        self.files
            .push((name.to_owned(), content_type.to_owned(), bytes.to_vec()));
        self
    }

    /// Its Message-ID, without brackets.
    pub(crate) fn message_id(&self) -> &str {
        self.headers
            .iter()
            .find(|(name, _)| name == "Message-ID")
            .map(|(_, value)| value.trim_matches(['<', '>']))
            .expect("the letter has a Message-ID")
    }

    /// Returns the letter's bytes.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let mut out = String::new();
        for (name, value) in &self.headers {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        out.push_str("MIME-Version: 1.0\r\n");
        let text_type =
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
        let text = self.text.replace('\n', "\r\n");
        if self.files.is_empty() {
            let _ = write!(out, "{text_type}{text}");
            return out.into_bytes();
        }
        let boundary = format!("=_{}", self.uuid);
        let _ = write!(
            out,
            "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n{text_type}{text}\r\n"
        );
        for (name, content_type, bytes) in &self.files {
            let name = encoded(name);
            let _ = write!(
                out,
                "--{boundary}\r\nContent-Type: {content_type}; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            );
            let base64 = BASE64.encode(bytes);
            for line in base64.as_bytes().chunks(76) {
                let _ = write!(out, "{}\r\n", String::from_utf8_lossy(line));
            }
        }
        let _ = write!(out, "--{boundary}--\r\n");
        out.into_bytes()
    }
}

/// Returns `name <address>`, encoded where it must be.
pub(crate) fn mailbox(name: &str, address: &str) -> String {
    if name.is_empty() {
        return format!("<{address}>");
    }
    format!("{} <{address}>", encoded(name))
}

/// Returns text as RFC 2047 encoded words, if it is not ASCII.
pub(crate) fn encoded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let words: Vec<String> = characters
        .chunks(20)
        .map(|some| {
            let some: String = some.iter().collect();
            format!("=?UTF-8?B?{}?=", BASE64.encode(some.as_bytes()))
        })
        .collect();
    words.join("\r\n ")
}

/// Returns `words` and what they answer, the way `client` shows it.
fn quoting(mail: &Mail, client: Client, words: &str) -> String {
    let who = if mail.from_name.is_empty() {
        &mail.from
    } else {
        &mail.from_name
    };
    let address = &mail.from;
    let behind: String = mail
        .text
        .lines()
        .map(|line| match line.starts_with('>') {
            true => format!(">{line}\n"),
            false => format!("{}\n", format!("> {line}").trim_end()),
        })
        .collect();
    match client {
        Client::Thunderbird => format!("{words}\n\n23.11.2026 10:14, {who} пишет:\n{behind}"),
        Client::Gmail => {
            format!("{words}\n\nпн, 23 нояб. 2026 г. в 10:14, {who} <{address}>:\n\n{behind}")
        }
        Client::Outlook => format!(
            "{words}\n\n-----Исходное сообщение-----\nОт: {who} <{address}>\nОтправлено: понедельник, 23 ноября 2026 г. 10:14\nКому: {to}\nТема: {subject}\n\n{text}",
            to = mail.to.join("; "),
            subject = mail.subject,
            text = mail.text
        ),
        Client::Apple => format!(
            "{words}\n\nSent from my iPhone\n\n> On 23 Nov 2026, at 10:14, {who} <{address}> wrote:\n> \n{behind}"
        ),
        Client::Nothing => format!("{words}\n"),
        Client::BelowTheQuote => format!("23.11.2026 10:14, {who} пишет:\n{behind}\n{words}\n"),
    }
}
