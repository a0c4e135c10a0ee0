//! Finding a folder by what it is for.

use async_imap::imap_proto::{MailboxDatum, MailboxListData, NameAttribute, Response};

use super::connection::Connection;
use super::error::ImapError;
use super::names::{decode, unescaped};

/// What a folder is for (RFC 6154 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Where the provider puts what it takes for junk.
    Junk,
    /// Where copies of what was sent are kept.
    Sent,
}

impl Role {
    /// The folder says so itself: `\Junk` or `\Sent` (RFC 6154), or `\Spam` as in the older XLIST.
    fn is_marked(self, attribute: &NameAttribute<'_>) -> bool {
        match (self, attribute) {
            (Self::Junk, NameAttribute::Junk) => true,
            (Self::Junk, NameAttribute::Extension(name)) => name.eq_ignore_ascii_case("\\spam"),
            (Self::Sent, NameAttribute::Sent) => true,
            (Self::Junk | Self::Sent, _) => false,
        }
    }

    /// What servers and mail programs call it, in lower case.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Junk => &[
                "junk",
                "spam",
                "спам",
                "нежелательная почта",
                "junk e-mail",
                "junk email",
                "bulk mail",
            ],
            Self::Sent => &[
                "sent",
                "sent items",
                "sent messages",
                "sent mail",
                "отправленные",
            ],
        }
    }
}

/// A folder that may be the one, the better the larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Named,
    Marked,
}

impl Connection {
    /// The folder with this role: one the server marks so, or else one whose name says so; of equals
    /// the first listed. `None` if there is none.
    ///
    /// Asked by plain LIST, in which servers with SPECIAL-USE tell it too (RFC 6154 section 2). The
    /// answer to XLIST, an older command of the same purpose, is one that imap-proto cannot read.
    ///
    /// # Errors
    /// As every command.
    pub async fn list_special(&mut self, role: Role) -> Result<Option<String>, ImapError> {
        let mut best: Option<(Likeness, String)> = None;
        self.wire
            .command("LIST", "\"\" \"*\"", 0, |response| {
                if let Response::MailboxData(MailboxDatum::List(folder)) = response
                    && let Some((likeness, name)) = likeness(role, folder)
                    && best.as_ref().is_none_or(|(least, _)| likeness > *least)
                {
                    best = Some((likeness, name));
                }
            })
            .await?;
        Ok(best.map(|(_, name)| name))
    }
}

/// How much a listed folder looks like this role, and its name to SELECT.
fn likeness(role: Role, folder: &MailboxListData<'_>) -> Option<(Likeness, String)> {
    let is_no_folder = |attribute: &NameAttribute<'_>| match attribute {
        NameAttribute::NoSelect => true,
        NameAttribute::Extension(name) => name.eq_ignore_ascii_case("\\nonexistent"),
        _ => false,
    };
    if folder.name_attributes.iter().any(is_no_folder) {
        return None;
    }
    let name = decode(&unescaped(&folder.name))?;
    if folder
        .name_attributes
        .iter()
        .any(|attribute| role.is_marked(attribute))
    {
        return Some((Likeness::Marked, name));
    }
    let delimiter = folder
        .delimiter
        .as_deref()
        .map(unescaped)
        .unwrap_or_default();
    let last = match delimiter.as_str() {
        "" => &name,
        delimiter => name.rsplit(delimiter).next()?,
    };
    role.names()
        .contains(&last.to_lowercase().as_str())
        .then_some((Likeness::Named, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(line: &str) -> Option<(Likeness, String)> {
        judged_as(Role::Junk, line)
    }

    fn judged_as(role: Role, line: &str) -> Option<(Likeness, String)> {
        match Response::parse(format!("* LIST {line}\r\n").as_bytes()) {
            Ok((_, Response::MailboxData(MailboxDatum::List(folder)))) => likeness(role, &folder),
            other => unreachable!("{line}: {other:?}"),
        }
    }

    #[test]
    fn junk_is_found_by_its_mark_or_by_its_name() {
        for (line, expected) in [
            (
                r#"(\HasNoChildren \Junk) "/" Bin"#,
                Some((Likeness::Marked, "Bin")),
            ),
            (r#"(\Spam) "|" Spam"#, Some((Likeness::Marked, "Spam"))),
            (
                r#"() "." INBOX.Spam"#,
                Some((Likeness::Named, "INBOX.Spam")),
            ),
            (r#"() "/" "&BCEEPwQwBDw-""#, Some((Likeness::Named, "Спам"))),
            (
                r#"() "\\" "INBOX\\JUNK""#,
                Some((Likeness::Named, "INBOX\\JUNK")),
            ),
            (r#"() NIL Junk"#, Some((Likeness::Named, "Junk"))),
            (r#"(\Noselect \Junk) "/" Junk"#, None),
            (r#"(\NonExistent) "/" Spam"#, None),
            (r#"() "/" Spamalot"#, None),
            (r#"() "/" INBOX"#, None),
        ] {
            let expected = expected.map(|(likeness, name)| (likeness, name.to_owned()));
            assert_eq!(judged(line), expected, "{line}");
        }
    }

    #[test]
    fn sent_mail_is_found_by_its_mark_or_by_its_name() {
        for (line, expected) in [
            (r#"(\Sent) "/" Gone"#, Some((Likeness::Marked, "Gone"))),
            (
                r#"() "/" "Sent Items""#,
                Some((Likeness::Named, "Sent Items")),
            ),
            (
                r#"() "|" "INBOX|&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-""#,
                Some((Likeness::Named, "INBOX|Отправленные")),
            ),
            (r#"(\Junk) "/" Spam"#, None),
            (r#"() "/" Sentimental"#, None),
        ] {
            let expected = expected.map(|(likeness, name)| (likeness, name.to_owned()));
            assert_eq!(judged_as(Role::Sent, line), expected, "{line}");
        }
    }
}
