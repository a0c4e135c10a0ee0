//! Reading messages: sizes first, then bodies, and only what was asked for.
//!
//! Always by UID, always with PEEK, so nothing on the server changes (RFC 3501 section 6.4.5). A
//! response is believed only for a UID that this command asked for and that has not come yet;
//! everything else a server may send at any time (RFC 3501 section 7) is passed over. BODYSTRUCTURE
//! and ENVELOPE are never asked for (trap I15).

use std::collections::{BTreeMap, BTreeSet};

use async_imap::imap_proto::{AttributeValue, MessageSection, Response, SectionPath};
use chrono::{DateTime, Utc};
use ninetosix_core::domain::digest::sha256;

use super::connection::{Connection, uid_of};
use super::error::ImapError;
use super::uids;

/// What is known of a message before it is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// Its UID.
    pub uid: u32,
    /// Its size in bytes as the server counts it (RFC822.SIZE); some servers only estimate.
    pub size: u32,
    /// When the server received it (INTERNALDATE, RFC 3501 section 2.3.3); `None` if what the server
    /// says is no date.
    pub internal_date: Option<DateTime<Utc>>,
}

/// An [`Envelope`] with the lines of one header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// UID, size and date.
    pub envelope: Envelope,
    /// The field's lines as they are in the message, folded lines included, and the empty line after
    /// them; just the empty line, or nothing at all, if the message has no such field. At most 4 KiB.
    pub lines: Vec<u8>,
}

/// A whole message.
#[derive(Clone, PartialEq, Eq)]
pub struct RawMail {
    /// Its UID.
    pub uid: u32,
    /// Its bytes, exactly as served. Their number is not always [`Envelope::size`].
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for RawMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawMail")
            .field("uid", &self.uid)
            .field("size", &self.bytes.len())
            .finish()
    }
}

/// How INTERNALDATE is written (RFC 3501 section 9, `date-time`).
const DATE_TIME: &str = "%d-%b-%Y %H:%M:%S %z";

/// The most header lines kept of one message: many of them are in memory at once.
const LONGEST_HEADER: usize = 4096;

/// The most that is kept of a message's whole header.
const LONGEST_WHOLE_HEADER: usize = 64 * 1024;

impl Connection {
    /// Sizes and dates of these messages, by UID; messages that are gone are not among them.
    ///
    /// # Errors
    /// As every command.
    pub async fn fetch_sizes(&mut self, uids: &[u32]) -> Result<Vec<Envelope>, ImapError> {
        self.fetch(uids, "(UID RFC822.SIZE INTERNALDATE)", envelope_of)
            .await
    }

    /// The size of one message, where the server cannot tell its date; `None` if it is gone.
    ///
    /// # Errors
    /// As every command.
    pub async fn fetch_size(&mut self, uid: u32) -> Result<Option<Envelope>, ImapError> {
        let found = self.fetch(&[uid], "(UID RFC822.SIZE)", envelope_of).await?;
        Ok(found.into_iter().next())
    }

    /// The lines of one header field, `"MESSAGE-ID"` for example, with sizes and dates.
    ///
    /// # Errors
    /// [`ImapError::Misuse`] if that is no name of a header field.
    pub async fn fetch_headers(
        &mut self,
        uids: &[u32],
        field: &str,
    ) -> Result<Vec<Headers>, ImapError> {
        if field.is_empty()
            || !field
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(ImapError::Misuse("no name of a header field"));
        }
        let items = format!("(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS ({field})])");
        self.fetch(uids, &items, |uid, attributes| {
            Some(Headers {
                envelope: envelope_of(uid, attributes)?,
                lines: header_of(attributes)
                    .map(|lines| lines[..lines.len().min(LONGEST_HEADER)].to_vec())?,
            })
        })
        .await
    }

    /// SHA-256 of the whole header of each message, in hex, by UID; the empty line after the header counts too.
    ///
    /// # Errors
    /// As every command.
    pub async fn hash_headers(&mut self, uids: &[u32]) -> Result<Vec<(u32, String)>, ImapError> {
        self.fetch(uids, "(UID BODY.PEEK[HEADER])", |uid, attributes| {
            header_of(attributes).map(|header| (uid, sha256(header)))
        })
        .await
    }

    /// The whole header of each message, by UID, and the empty line after it; of a header above 64 KiB the
    /// beginning, where servers write.
    ///
    /// # Errors
    /// As every command.
    pub async fn fetch_whole_headers(&mut self, uids: &[u32]) -> Result<Vec<Vec<u8>>, ImapError> {
        self.fetch(uids, "(UID BODY.PEEK[HEADER])", |_, attributes| {
            header_of(attributes)
                .map(|header| header[..header.len().min(LONGEST_WHOLE_HEADER)].to_vec())
        })
        .await
    }

    /// Fetches these messages whole (`BODY.PEEK[]`), handing each to `take` as it arrives and waiting
    /// for `take` before reading on, so no more than one is in memory on our side. Messages above
    /// [`super::Limits::part`] come last, fetched part by part (RFC 3501 section 6.4.5, `<partial>`).
    ///
    /// Returns the UIDs that were asked for and not delivered, although the server said OK: gone
    /// meanwhile, or served as NIL, as nothing at all where a size had been promised, or as much more
    /// than had been promised, see [`Connection::fetch_alone`].
    ///
    /// # Errors
    /// [`ImapError::Misuse`], before anything is asked, if one is larger than the message cap: see
    /// [`Connection::fetch_start`]. After any other error the messages already taken are good.
    pub async fn fetch_bodies<F, T>(
        &mut self,
        messages: &[Envelope],
        mut take: F,
    ) -> Result<Vec<u32>, ImapError>
    where
        F: FnMut(RawMail) -> T,
        T: Future<Output = ()>,
    {
        let limits = self.wire.limits;
        if messages
            .iter()
            .any(|message| u64::from(message.size) > limits.max_literal)
        {
            return Err(ImapError::Misuse("a message above the cap"));
        }
        let (small, large): (Vec<&Envelope>, Vec<&Envelope>) = messages
            .iter()
            .partition(|message| message.size <= limits.part);
        let uids: Vec<u32> = small.iter().map(|message| message.uid).collect();
        let promised: BTreeMap<u32, u32> = small
            .iter()
            .map(|message| (message.uid, message.size))
            .collect();
        let mut missing: BTreeSet<u32> = uids.iter().copied().collect();
        for (set, count) in uids::sets(&uids) {
            let mut exchange = self
                .wire
                .begin("UID FETCH", &format!("{set} (UID BODY.PEEK[])"))
                .await?
                .expecting(count);
            loop {
                let message = self.wire.next(&mut exchange, |response| {
                    let (uid, attributes) = asked(response, &missing)?;
                    let raw = body_of(attributes, None)?;
                    let size = promised.get(&uid).copied()?;
                    let is_credible = raw.len() <= at_most(size) && (!raw.is_empty() || size == 0);
                    is_credible.then(|| RawMail {
                        uid,
                        bytes: raw.to_vec(),
                    })
                });
                let Some(message) = message.await? else { break };
                missing.remove(&message.uid);
                take(message).await;
            }
        }
        for message in large {
            match self.fetch_in_parts(message).await? {
                Some(raw) => {
                    take(RawMail {
                        uid: message.uid,
                        bytes: raw,
                    })
                    .await
                }
                None => {
                    missing.insert(message.uid);
                }
            }
        }
        Ok(missing.into_iter().collect())
    }

    /// The first bytes of a message, for one too large to keep whole; `None` if it is gone.
    ///
    /// # Errors
    /// As every command.
    pub async fn fetch_start(
        &mut self,
        uid: u32,
        octets: u32,
    ) -> Result<Option<Vec<u8>>, ImapError> {
        self.fetch_part(uid, 0, octets).await
    }

    /// One message by itself, part by part whatever its size, for one that could not be had with others. Of one above
    /// the message cap the first `beginning` bytes; `None` if the server gives nothing.
    ///
    /// # Errors
    /// As every command.
    pub async fn fetch_alone(
        &mut self,
        message: &Envelope,
        beginning: u32,
    ) -> Result<Option<Vec<u8>>, ImapError> {
        let max = self.wire.limits.max_literal;
        let mut raw = Vec::new();
        if u64::from(message.size) <= max && !self.append_parts(message, &mut raw).await? {
            return Ok(None);
        }
        if raw.is_empty() || raw.len() as u64 > max {
            drop(raw);
            let raw = self.fetch_start(message.uid, beginning).await?;
            return Ok(raw.filter(|raw| !raw.is_empty() || message.size == 0));
        }
        Ok(Some(raw))
    }

    /// A message, part by part.
    async fn fetch_in_parts(&mut self, message: &Envelope) -> Result<Option<Vec<u8>>, ImapError> {
        let mut raw = Vec::new();
        if !self.append_parts(message, &mut raw).await? {
            return Ok(None);
        }
        if raw.len() as u64 > self.wire.limits.max_literal {
            return Err(self
                .wire
                .spoil("a message that grows beyond the size it had"));
        }
        Ok(Some(raw).filter(|raw| !raw.is_empty()))
    }

    /// Appends a message part by part: until one comes short and all that was promised is there, or one is empty, or it
    /// is more than the message cap. Returns whether there was any part.
    async fn append_parts(
        &mut self,
        message: &Envelope,
        raw: &mut Vec<u8>,
    ) -> Result<bool, ImapError> {
        let limits = self.wire.limits;
        loop {
            let offset = u32::try_from(raw.len())
                .map_err(|_| self.wire.spoil("a message of more than 4 GiB"))?;
            let Some(part) = self.fetch_part(message.uid, offset, limits.part).await? else {
                // Some servers answer nothing where nothing is left.
                return Ok(!raw.is_empty());
            };
            raw.extend_from_slice(&part);
            let is_all = part.len() < limits.part as usize && raw.len() >= message.size as usize;
            if is_all || part.is_empty() || raw.len() as u64 > limits.max_literal {
                return Ok(true);
            }
        }
    }

    async fn fetch_part(
        &mut self,
        uid: u32,
        offset: u32,
        octets: u32,
    ) -> Result<Option<Vec<u8>>, ImapError> {
        let items = format!("(UID BODY.PEEK[]<{offset}.{octets}>)");
        let mut parts = self
            .fetch(&[uid], &items, |_, attributes| {
                body_of(attributes, Some(offset)).map(<[u8]>::to_vec)
            })
            .await?;
        let part = parts.pop();
        if part
            .as_ref()
            .is_some_and(|part| part.len() > octets as usize)
        {
            return Err(self.wire.spoil("more of a message than was asked for"));
        }
        Ok(part)
    }

    /// Fetches items of these messages; `read` makes a value of a response that has all it needs.
    async fn fetch<T>(
        &mut self,
        uids: &[u32],
        items: &str,
        read: impl Fn(u32, &[AttributeValue<'_>]) -> Option<T>,
    ) -> Result<Vec<T>, ImapError> {
        let mut awaited: BTreeSet<u32> = uids.iter().copied().collect();
        let mut found = Vec::new();
        for (set, count) in uids::sets(uids) {
            self.wire
                .command("UID FETCH", &format!("{set} {items}"), count, |response| {
                    if let Some((uid, attributes)) = asked(response, &awaited)
                        && let Some(value) = read(uid, attributes)
                    {
                        awaited.remove(&uid);
                        found.push((uid, value));
                    }
                })
                .await?;
        }
        found.sort_unstable_by_key(|(uid, _)| *uid);
        Ok(found.into_iter().map(|(_, value)| value).collect())
    }
}

/// The most bytes of a message of this size that are taken for it: servers estimate, or count line ends otherwise. Whoever
/// promised little and gives much would fill the memory.
fn at_most(size: u32) -> usize {
    let size = size as usize;
    size + size / 4 + 64 * 1024
}

/// A FETCH response about a message that is awaited.
fn asked<'a, 'b>(
    response: &'a Response<'b>,
    awaited: &BTreeSet<u32>,
) -> Option<(u32, &'a [AttributeValue<'b>])> {
    let Response::Fetch(_, attributes) = response else {
        return None;
    };
    let uid = uid_of(attributes)?;
    awaited.contains(&uid).then_some((uid, attributes))
}

/// Size and date; `None` if this response tells no size, such as one about flags.
fn envelope_of(uid: u32, attributes: &[AttributeValue<'_>]) -> Option<Envelope> {
    let size = attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Rfc822Size(size) => Some(*size),
        _ => None,
    })?;
    let internal_date = attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::InternalDate(date) => DateTime::parse_from_str(date, DATE_TIME).ok(),
        _ => None,
    });
    Some(Envelope {
        uid,
        size,
        internal_date: internal_date.map(|date| date.to_utc()),
    })
}

/// The header lines; NIL is none.
fn header_of<'a>(attributes: &'a [AttributeValue<'_>]) -> Option<&'a [u8]> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::BodySection {
            section: Some(SectionPath::Full(MessageSection::Header)),
            data,
            ..
        } => Some(data.as_deref().unwrap_or_default()),
        _ => None,
    })
}

/// The message, or the part that begins at `offset`; NIL is no message (RFC 3501 section 7.4.2).
fn body_of<'a>(attributes: &'a [AttributeValue<'_>], offset: Option<u32>) -> Option<&'a [u8]> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::BodySection {
            section: None,
            index,
            data,
        } if *index == offset => data.as_deref(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The attributes of one FETCH response.
    fn with<T>(line: &str, read: impl Fn(&[AttributeValue<'_>]) -> T) -> T {
        match Response::parse(line.as_bytes()) {
            Ok((_, Response::Fetch(_, attributes))) => read(&attributes),
            other => unreachable!("{line}: {other:?}"),
        }
    }

    #[test]
    fn an_internal_date_becomes_utc() {
        for (written, utc) in [
            ("17-Jul-1996 02:44:25 -0700", "1996-07-17T09:44:25+00:00"),
            (" 7-Nov-2024 23:59:59 +0300", "2024-11-07T20:59:59+00:00"),
            ("01-JAN-2025 00:00:00 +0000", "2025-01-01T00:00:00+00:00"),
        ] {
            let line = format!("* 1 FETCH (UID 5 RFC822.SIZE 7 INTERNALDATE \"{written}\")\r\n");
            let envelope =
                with(&line, |attributes| envelope_of(5, attributes)).expect("has a size");
            assert_eq!(
                envelope
                    .internal_date
                    .map(|date| date.to_rfc3339())
                    .as_deref(),
                Some(utc)
            );
        }
    }

    #[test]
    fn a_date_that_is_none_does_not_cost_the_message() {
        for date in ["\"00-Jan-0000 00:00:00 +0000\"", "\"yesterday\"", "\"\""] {
            let line = format!("* 1 FETCH (UID 5 INTERNALDATE {date} RFC822.SIZE 7)\r\n");
            let envelope =
                with(&line, |attributes| envelope_of(5, attributes)).expect("has a size");
            assert_eq!((envelope.size, envelope.internal_date), (7, None), "{date}");
        }
    }

    #[test]
    fn a_response_about_flags_is_no_envelope() {
        assert_eq!(
            with("* 1 FETCH (UID 5 FLAGS (\\Seen))\r\n", |attributes| {
                envelope_of(5, attributes)
            }),
            None
        );
    }

    #[test]
    fn header_lines_are_found_and_may_be_missing() {
        let lines = |line: &str| with(line, |attributes| header_of(attributes).map(<[u8]>::to_vec));
        assert_eq!(
            lines(
                "* 1 FETCH (BODY[HEADER.FIELDS (MESSAGE-ID)] {19}\r\nMessage-ID: <a>\r\n\r\n)\r\n"
            )
            .as_deref(),
            Some(&b"Message-ID: <a>\r\n\r\n"[..])
        );
        assert_eq!(
            lines("* 1 FETCH (BODY[HEADER.FIELDS (\"MESSAGE-ID\")] NIL)\r\n").as_deref(),
            Some(&b""[..])
        );
        assert_eq!(lines("* 1 FETCH (FLAGS ())\r\n"), None);
    }

    #[test]
    fn a_body_is_the_one_asked_for() {
        let body = |line: &str, offset| {
            with(line, |attributes| {
                body_of(attributes, offset).map(<[u8]>::to_vec)
            })
        };
        assert_eq!(
            body("* 1 FETCH (BODY[] {2}\r\nhi)\r\n", None).as_deref(),
            Some(&b"hi"[..])
        );
        assert_eq!(
            body("* 1 FETCH (BODY[]<8> {2}\r\nhi)\r\n", Some(8)).as_deref(),
            Some(&b"hi"[..])
        );
        assert_eq!(body("* 1 FETCH (BODY[]<0> {2}\r\nhi)\r\n", Some(8)), None);
        assert_eq!(body("* 1 FETCH (BODY[TEXT] {2}\r\nhi)\r\n", None), None);
        assert_eq!(body("* 1 FETCH (BODY[] NIL)\r\n", None), None);
    }
}
