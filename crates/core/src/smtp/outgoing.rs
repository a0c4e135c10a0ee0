//! The gate every outgoing byte passes (R14).
//!
//! A mail that passes has only CRLF line ends, no NUL, no 8-bit byte, no line over 998 octets, and begins
//! with a header field. That is what makes dot-stuffing exact (RUSTSEC-2026-0561) and SMTP smuggling by a
//! bare LF or CR impossible (trap L7): the server can see only one end of data, ours.

use thiserror::Error;

/// RFC 5322 section 2.1.1 and RFC 5321 section 4.5.3.1.6: 998 octets and CRLF.
const MAX_LINE: usize = 998;

/// Why bytes may not be sent. It is always a fault of our own composing, never of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotSendable {
    /// The bytes do not begin with a header field (RFC 5322 section 2.2).
    #[error("the mail does not begin with a header field")]
    NoHeader,
    /// CR without LF after it (RFC 5321 section 2.3.8).
    #[error("bare CR at byte {at}")]
    BareCr {
        /// Offset of the byte.
        at: usize,
    },
    /// LF without CR before it (RFC 5321 section 2.3.8).
    #[error("bare LF at byte {at}")]
    BareLf {
        /// Offset of the byte.
        at: usize,
    },
    /// NUL (RFC 5322 section 4 forbids generating it).
    #[error("NUL at byte {at}")]
    Nul {
        /// Offset of the byte.
        at: usize,
    },
    /// A byte over 127; 8BITMIME (RFC 6152) is not asked for.
    #[error("8-bit byte at byte {at}")]
    EightBit {
        /// Offset of the byte.
        at: usize,
    },
    /// A line longer than 998 octets.
    #[error("line {line} is longer than 998 octets")]
    LineTooLong {
        /// Number of the line, from 1.
        line: usize,
    },
}

/// Says whether these bytes may be sent as one mail, and if not, the first reason.
///
/// The last line may lack its CRLF; SMTP then supplies it (RFC 5321 section 4.1.1.4).
///
/// # Errors
///
/// [`NotSendable`], naming the place. The bytes themselves are never part of it.
pub fn check_outgoing(bytes: &[u8]) -> Result<(), NotSendable> {
    if !begins_with_a_field(bytes) {
        return Err(NotSendable::NoHeader);
    }
    let mut line = 1;
    let mut line_start = 0;
    let mut after_cr = false;
    for (at, &byte) in bytes.iter().enumerate() {
        if after_cr && byte != b'\n' {
            return Err(NotSendable::BareCr { at: at - 1 });
        }
        match byte {
            b'\n' if !after_cr => return Err(NotSendable::BareLf { at }),
            b'\n' => {
                line += 1;
                line_start = at + 1;
            }
            b'\r' => {}
            0 => return Err(NotSendable::Nul { at }),
            128.. => return Err(NotSendable::EightBit { at }),
            _ if at - line_start >= MAX_LINE => return Err(NotSendable::LineTooLong { line }),
            _ => {}
        }
        after_cr = byte == b'\r';
    }
    if after_cr {
        return Err(NotSendable::BareCr {
            at: bytes.len() - 1,
        });
    }
    Ok(())
}

/// RFC 5322 section 2.2: a field name of printable characters but the colon, then a colon.
fn begins_with_a_field(bytes: &[u8]) -> bool {
    let name_end = bytes
        .iter()
        .position(|&b| !b.is_ascii_graphic() || b == b':');
    name_end.is_some_and(|end| end > 0 && bytes.get(end) == Some(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proper_mail_passes() {
        let longest = format!("A: b\r\n\r\n{}\r\n", "x".repeat(998));
        for mail in [
            "Subject: x\r\n\r\nbody\r\n",
            "Subject: x\r\n\r\nbody",
            "Subject: x\r\n",
            "Subject: x\r\n folded\r\n\r\n.\r\n..\r\n\r\n",
            "X-Empty:\r\n\r\n\ttab\r\n",
            longest.as_str(),
        ] {
            assert_eq!(check_outgoing(mail.as_bytes()), Ok(()), "{mail:?}");
        }
    }

    #[test]
    fn every_other_mail_is_named_with_its_first_fault() {
        let long = format!("A: b\r\n\r\n{}\r\n", "x".repeat(999));
        let long_last = format!("A: b\r\n\r\n{}", "x".repeat(999));
        let table: &[(&[u8], NotSendable)] = &[
            (b"", NotSendable::NoHeader),
            (b"\r\nbody\r\n", NotSendable::NoHeader),
            (b"no colon\r\n\r\n", NotSendable::NoHeader),
            (b": x\r\n", NotSendable::NoHeader),
            (b" A: folded first\r\n", NotSendable::NoHeader),
            (b"A", NotSendable::NoHeader),
            (b"A: b\n", NotSendable::BareLf { at: 4 }),
            (b"A: b\r\n\n.\r\n", NotSendable::BareLf { at: 6 }),
            (b"A: b\rc\r\n", NotSendable::BareCr { at: 4 }),
            (b"A: b\r\r\n", NotSendable::BareCr { at: 4 }),
            (b"A: b\r", NotSendable::BareCr { at: 4 }),
            (b"A: \0\r\n", NotSendable::Nul { at: 3 }),
            (b"A: b\r\n\r\n\xd1\x8f", NotSendable::EightBit { at: 8 }),
            (long.as_bytes(), NotSendable::LineTooLong { line: 3 }),
            (long_last.as_bytes(), NotSendable::LineTooLong { line: 3 }),
        ];
        for (mail, fault) in table {
            assert_eq!(check_outgoing(mail), Err(*fault), "{mail:?}");
        }
    }
}
