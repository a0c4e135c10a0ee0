//! The field Received (RFC 5321 section 4.4): which host took a letter, and from whom.

use super::results::comment_end;

/// What servers write where a name has no dot: this machine, and a machine that has no name, whatever it calls itself.
const NAMES: [&str; 2] = ["localhost", "unknown"];

/// One step on a letter's way. Names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hop {
    /// The host that took the letter and wrote the field.
    pub(super) by: String,
    /// Whom it took it from; none where it does not say.
    from: Option<Vec<String>>,
    /// Whether it took the letter from a person's program or browser.
    is_submitted: bool,
}

impl Hop {
    /// Reads a field; `None` where it cannot be told who wrote it.
    pub(super) fn read(value: &str) -> Option<Hop> {
        let mut words = Words { rest: value };
        let mut word = words.next()??;
        while word.is_comment {
            word = words.next()??;
        }
        let mut from = None;
        if word.is("from") {
            // Its sender chose the next word, which may be "by"; what the server found out stands in the comment.
            let helo = words.next()??;
            let mut found = Vec::new();
            word = words.next()??;
            while !word.is("by") {
                if word.is_comment {
                    found.extend(hosts(word.text));
                }
                word = words.next()??;
            }
            if found.is_empty() && !helo.is_comment {
                found.push(host(helo.text));
            }
            from = Some(found);
        }
        if !word.is("by") {
            return None;
        }
        let by = words.next()??;
        let mut is_submitted = false;
        while let Some(word) = words.next() {
            if word?.is("with") {
                let protocol = words.next()??;
                // RFC 3848: the A is for authenticated.
                is_submitted |= ["ESMTPA", "ESMTPSA", "HTTP"]
                    .iter()
                    .any(|name| protocol.is(name));
            }
        }
        (!by.is_comment).then(|| Hop {
            by: host(by.text),
            from,
            is_submitted,
        })
    }

    /// Whether the letter came here from a host that `is_own` knows, so that what stands below is that host's.
    pub(super) fn is_from_inside(&self, is_own: impl Fn(&str) -> bool) -> bool {
        let is_inside = |host: &String| is_this_machine(host) || is_own(host);
        let from = self.from.as_ref();
        !self.is_submitted && from.is_none_or(|hosts| hosts.iter().any(is_inside))
    }
}

/// Whether a host calls itself, or what runs on it, by the name that every machine has.
pub(super) fn is_this_machine(host: &str) -> bool {
    ["localhost", "localhost.localdomain"].contains(&host)
}

#[derive(Debug, Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    is_comment: bool,
}

impl Word<'_> {
    fn is(&self, word: &str) -> bool {
        !self.is_comment && self.text.eq_ignore_ascii_case(word)
    }
}

/// The words of a field and its comments; nothing more behind a bracket that has no other.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = Option<Word<'a>>;

    fn next(&mut self) -> Option<Option<Word<'a>>> {
        self.rest = self.rest.trim_start_matches([' ', '\t', ';']);
        let is_comment = self.rest.starts_with(['(', ')']);
        let end = match is_comment {
            true => match comment_end(self.rest) {
                Some(end) => end,
                None => {
                    self.rest = "";
                    return Some(None);
                }
            },
            false => self
                .rest
                .find([' ', '\t', ';', '(', ')'])
                .unwrap_or(self.rest.len()),
        };
        let (text, after) = self.rest.split_at(end);
        self.rest = after;
        (!text.is_empty()).then_some(Some(Word { text, is_comment }))
    }
}

/// The names of hosts in a comment: `(mx.example. [192.0.2.1])`.
fn hosts(comment: &str) -> impl Iterator<Item = String> {
    let words = comment.split([' ', '\t', '(', ')', '[', ']', '=', '@', '<', '>']);
    let is_name = |word: &&str| {
        let is_plain = word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
        let is_word = word.bytes().any(|b| b.is_ascii_alphabetic());
        is_plain && is_word && (word.contains('.') || NAMES.contains(word))
    };
    words.filter(is_name).map(host)
}

fn host(word: &str) -> String {
    word.trim_end_matches('.').to_ascii_lowercase()
}
