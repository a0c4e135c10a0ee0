//! Watches the bytes a server sends, and refuses what would cost too much before anything parses it.
//!
//! async-imap allocates a literal in full when it reads `{530000000}` (trap I13), parses a SEARCH
//! answer again for every 4 KiB (I16) and recurses with every parenthesis of a BODYSTRUCTURE (I15).
//! So [`Framing`] follows the stream one response at a time (RFC 3501 section 7: lines, and literals
//! announced by `{n}` at the end of a line) and stops it at the first line, literal or nesting above
//! [`Limits`].
//!
//! A watcher that read the stream differently from the parser behind it could be led past the limits:
//! hide `{530000000}` in what it takes for a literal and the parser for a line. Therefore it asks that
//! very parser. It keeps the *skeleton* of the response, every line of it with all literals emptied;
//! `{n}` announces a literal if the parser waits for exactly that, and at every other line end the
//! parser must find one whole response. Thus both agree on every boundary, or the connection ends.
//! A skeleton holds no message, is at most a line limit long, and costs one more look at a line.

use async_imap::imap_proto::Response;

use super::error::printable;
use super::settings::Limits;

/// What the stream did that it may not.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a response of more than {0} bytes without its literals")]
    LineTooLong(usize),
    #[error("a literal of {announced} bytes where {allowed} are allowed")]
    LiteralTooLong { announced: u64, allowed: u64 },
    #[error("a line that does not end in CRLF")]
    BareLineFeed,
    #[error("a response with more than {MAX_LISTS} lists")]
    TooManyLists,
    #[error("an unreadable response{0}")]
    Unreadable(String),
}

/// Opening parentheses in one response, literals not counted. Nothing we ask for needs more than a few.
const MAX_LISTS: usize = 64;

/// The literal length used when asking the parser; any number a real need of bytes is unlikely to be.
const PROBE: usize = 65_521;

/// Follows a server's byte stream.
#[derive(Debug)]
pub(super) struct Framing {
    limits: Limits,
    /// The lines of the current response so far, its literals emptied.
    skeleton: Vec<u8>,
    /// Where in `skeleton` the current line begins.
    line: usize,
    /// Lists opened in the current response: each may be one more level of the parser's recursion.
    lists: usize,
    /// Bytes of the current literal still to come.
    literal: u64,
    /// Bytes of all literals announced in the current response.
    literals: u64,
}

impl Framing {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            skeleton: Vec::new(),
            line: 0,
            lists: 0,
            literal: 0,
            literals: 0,
        }
    }

    /// Follows these bytes; an error means that they must not reach the parser.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> Result<(), FrameError> {
        while !bytes.is_empty() {
            if self.literal > 0 {
                let skip =
                    usize::try_from(self.literal).map_or(bytes.len(), |n| n.min(bytes.len()));
                self.literal -= skip as u64;
                bytes = &bytes[skip..];
                continue;
            }
            let feed = bytes.iter().position(|&b| b == b'\n');
            let (taken, rest) = bytes.split_at(feed.map_or(bytes.len(), |at| at + 1));
            if self.skeleton.len() + taken.len() > self.limits.max_line {
                return Err(FrameError::LineTooLong(self.limits.max_line));
            }
            // At once and not at the end of the line: the parser tries half a line too.
            self.lists += taken.iter().filter(|&&b| b == b'(').count();
            if self.lists > MAX_LISTS {
                return Err(FrameError::TooManyLists);
            }
            self.skeleton.extend_from_slice(taken);
            if feed.is_some() {
                self.end_line()?;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// A line is complete: a literal follows, or the response ends.
    fn end_line(&mut self) -> Result<(), FrameError> {
        let Some(text) = self.skeleton[self.line..].strip_suffix(b"\r\n") else {
            return Err(FrameError::BareLineFeed);
        };
        let Some((before, announced)) = announced(text) else {
            return self.end_response();
        };
        let end = self.line + before;
        let mut probe = self.skeleton[..end].to_vec();
        probe.extend_from_slice(format!("{{{PROBE}}}\r\n").as_bytes());
        if !wants_a_literal(&probe) {
            // Text that merely looks like an announcement ends a response like any other text.
            return self.end_response();
        }
        let allowed = self.limits.max_literal - self.literals;
        if announced > allowed {
            return Err(FrameError::LiteralTooLong { announced, allowed });
        }
        self.skeleton.truncate(end);
        self.skeleton.extend_from_slice(b"{0}\r\n");
        self.line = self.skeleton.len();
        self.literal = announced;
        self.literals += announced;
        Ok(())
    }

    fn end_response(&mut self) -> Result<(), FrameError> {
        match Response::parse(&self.skeleton) {
            Ok(([], _)) => {}
            _ => return Err(self.unreadable()),
        }
        self.skeleton.clear();
        self.line = 0;
        self.lists = 0;
        self.literals = 0;
        Ok(())
    }

    /// Names the response by its first line. What follows a literal, or does not begin like a response
    /// at all, may be anything, a stray piece of a message included, and is not repeated.
    fn unreadable(&self) -> FrameError {
        let first = self
            .skeleton
            .split(|&b| b == b'\r')
            .next()
            .unwrap_or_default();
        let mut text = String::new();
        if first.starts_with(b"* ") {
            text = format!(": {}", printable(&String::from_utf8_lossy(first)));
        }
        FrameError::Unreadable(text)
    }
}

/// The length announced at the end of a line and where in the line that begins
/// (RFC 3501 section 4.3: `literal = "{" number "}" CRLF *CHAR8`).
fn announced(line: &[u8]) -> Option<(usize, u64)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|&b| b == b'{')?;
    let digits = std::str::from_utf8(&inner[open + 1..]).ok()?;
    let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    // Thirty digits are a number too, and too large.
    number.then(|| (open, digits.parse().unwrap_or(u64::MAX)))
}

/// The parser has read all of this and waits for the bytes of a literal of [`PROBE`] bytes.
fn wants_a_literal(skeleton: &[u8]) -> bool {
    matches!(
        Response::parse(skeleton),
        Err(nom::Err::Incomplete(nom::Needed::Size(wanted))) if wanted.get() == PROBE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            max_literal: 1000,
            max_line: 300,
            ..Limits::default()
        }
    }

    /// Follows `stream` whole and byte by byte; both must come to the same end.
    fn follow(stream: &[u8]) -> Result<(), FrameError> {
        let whole = Framing::new(limits()).follow(stream);
        let mut framing = Framing::new(limits());
        let bytewise = stream.iter().try_for_each(|&b| framing.follow(&[b]));
        assert_eq!(
            whole.as_ref().err().map(ToString::to_string),
            bytewise.as_ref().err().map(ToString::to_string)
        );
        whole
    }

    fn refused(stream: &[u8]) -> String {
        follow(stream).expect_err("must be refused").to_string()
    }

    #[test]
    fn an_ordinary_conversation_passes() {
        follow(
            b"* OK [CAPABILITY IMAP4rev1 IDLE] ready {sic\r\n\
              * LIST (\\HasNoChildren \\Junk) \"/\" {4}\r\nSpam\r\n\
              * 3 EXISTS\r\n* OK [UIDVALIDITY 17] UIDs valid\r\n\
              * SEARCH 1 2 3\r\n+ idling\r\n+\r\nN1 OK done\r\n",
        )
        .expect("plain IMAP");
    }

    #[test]
    fn a_literal_is_skipped_whatever_it_contains() {
        follow(
            b"* 1 FETCH (UID 5 BODY[] {40}\r\nSubject: x\r\n\r\n\n{600000000}\r\n((((((((({\r\n FLAGS (\\Seen))\r\n\
              * 2 FETCH (BODY[HEADER.FIELDS (MESSAGE-ID)] {0}\r\n UID 6)\r\nN2 OK x\r\n",
        )
        .expect("a message may contain anything");
    }

    #[test]
    fn a_literal_above_the_limit_is_refused_at_its_announcement() {
        assert_eq!(
            refused(b"* 1 FETCH (BODY[] {1001}\r\n"),
            "a literal of 1001 bytes where 1000 are allowed"
        );
        for digits in [
            "4294967296",
            "18446744073709551616",
            "000000000000000000009999",
            "1000000000000000000000000000000",
        ] {
            let line = format!("* 1 FETCH (BODY[] {{{digits}}}\r\n");
            assert!(
                refused(line.as_bytes()).starts_with("a literal of"),
                "{line}"
            );
        }
    }

    #[test]
    fn literals_of_one_response_count_together() {
        let mut stream = b"* 1 FETCH (BODY[1] {600}\r\n".to_vec();
        stream.extend_from_slice(&[b'x'; 600]);
        stream.extend_from_slice(b" BODY[2] {401}\r\n");
        assert_eq!(
            refused(&stream),
            "a literal of 401 bytes where 400 are allowed"
        );
    }

    #[test]
    fn an_endless_line_is_refused() {
        assert_eq!(
            refused(&[b'x'; 301]),
            "a response of more than 300 bytes without its literals"
        );
        let mut many = b"* 1 FETCH (".to_vec();
        for _ in 0..30 {
            many.extend_from_slice(b"BODY[1] {1}\r\nx ");
        }
        assert!(refused(&many).starts_with("a response of more than"));
    }

    #[test]
    fn deep_nesting_is_refused_before_the_line_is_complete() {
        let line = format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(100));
        assert_eq!(
            refused(line.as_bytes()),
            "a response with more than 64 lists"
        );
    }

    #[test]
    fn a_literal_where_the_parser_sees_none_is_refused() {
        for stream in [
            // Inside a value the parser skips as unknown, up to the closing parenthesis or a space.
            &b"* 1 FETCH (FOO (x{50}\r\n"[..],
            b"* 1 FETCH (FOO x{1}\r\n",
            b"* 1 FETCH (FOO (BODY[] {50}\r\n",
            // No literals at all.
            b"* 1 FETCH (BODY[] {-1}\r\n",
            b"* 1 FETCH (BODY[] {5+}\r\n",
            b"* 1 FETCH (BODY[] {}\r\n",
        ] {
            let text = refused(stream);
            assert!(text.starts_with("an unreadable response"), "{text}");
        }
    }

    #[test]
    fn text_that_looks_like_an_announcement_is_text() {
        follow(b"* OK never mind {5000}\r\nN1 NO [ALERT] {5000}\r\n+ go on {50}\r\n* 1 EXISTS\r\n")
            .expect("text may end like this");
    }

    #[test]
    fn a_response_that_would_swallow_the_next_line_is_refused() {
        // The parser takes line ends for part of an unknown parenthesised value.
        assert!(refused(b"* 1 FETCH (FOO (\r\n* 2 EXISTS\r\n").starts_with("an unreadable"));
    }

    #[test]
    fn a_literal_in_a_status_code_counts_like_any_other() {
        assert!(refused(b"* OK [BADCHARSET ({530000000}\r\n").starts_with("a literal of"));
        follow(b"* OK [BADCHARSET ({5}\r\nUTF-7)] never heard of it\r\n").expect("grammatical");
    }

    #[test]
    fn a_bare_line_feed_is_refused() {
        assert_eq!(refused(b"* 3 EXISTS\n"), "a line that does not end in CRLF");
    }

    #[test]
    fn what_does_not_begin_like_a_response_is_not_repeated() {
        assert_eq!(refused(b"Dear Sam, my pass\r\n"), "an unreadable response");
        assert_eq!(
            refused(b"* SONNET 18\r\n"),
            "an unreadable response: * SONNET 18"
        );
    }
}
