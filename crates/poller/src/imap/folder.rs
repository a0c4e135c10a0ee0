//! What the selected folder is known to hold, and whether something came.

use async_imap::imap_proto::{MailboxDatum, Response};

/// What untagged responses have told about the selected folder, whenever they came
/// (RFC 3501 sections 7.3.1 and 7.4.1). This is what makes a wake-up impossible to miss (trap I5).
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// Messages in it.
    pub(super) exists: u32,
    /// Messages came that no search begun later has looked for.
    pub(super) news: bool,
}

impl Folder {
    /// Takes note of an untagged response.
    pub(super) fn note(&mut self, response: &Response<'_>) {
        match response {
            Response::MailboxData(MailboxDatum::Exists(exists)) => {
                self.news |= *exists != self.exists;
                self.exists = *exists;
            }
            Response::Expunge(_) => self.exists = self.exists.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_count_is_news_and_a_removal_is_not() {
        let mut folder = Folder {
            exists: 3,
            news: false,
        };
        for (line, exists, news) in [
            ("* 3 EXISTS", 3, false),
            ("* 1 RECENT", 3, false),
            ("* 2 EXPUNGE", 2, false),
            ("* 2 EXISTS", 2, false),
            ("* 1 FETCH (FLAGS ())", 2, false),
            ("* 3 EXISTS", 3, true),
            ("* 3 EXISTS", 3, true),
        ] {
            let line = format!("{line}\r\n");
            let (_, response) = Response::parse(line.as_bytes()).expect("IMAP");
            folder.note(&response);
            assert_eq!((folder.exists, folder.news), (exists, news), "{line}");
        }
    }
}
