//! What a frozen mail must look like on the wire, and where on it the end of data begins.
//!
//! RFC 5321 section 4.5.2: a line that begins with a dot gets a second one; the mail ends with
//! `CRLF . CRLF`, whose first CRLF is the mail's own last one. lettre does the stuffing; this walks beside
//! it, byte by byte, with the frozen bytes in hand. So the terminator is found by position and not by
//! pattern, what is withheld is exactly the terminator, and a codec that stuffs differently than the RFC
//! (RUSTSEC-2026-0561) is caught before the mail is ended.

use std::sync::Arc;

/// What ends a mail.
pub(super) const END_OF_DATA: &[u8] = b"\r\n.\r\n";

/// The bytes of one mail, fixed. What is sent is all of them but a final CRLF, which [`END_OF_DATA`] brings.
#[derive(Debug, Clone)]
pub(super) struct Frozen(Arc<Vec<u8>>);

impl Frozen {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }

    /// The bytes before [`END_OF_DATA`], not stuffed. This is what lettre must be given.
    pub(super) fn body(&self) -> &[u8] {
        self.0.strip_suffix(b"\r\n").unwrap_or(&self.0)
    }
}

/// A byte that is not the one the frozen mail asks for here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAsFrozen;

/// The walk along one mail's wire form.
#[derive(Debug)]
pub(super) struct Dotted {
    frozen: Frozen,
    /// Bytes of [`Frozen::body`] passed.
    at: usize,
    /// The next byte of the body begins a line.
    line_start: bool,
    /// The extra dot of this line has been passed, the line's own is next.
    stuffed: bool,
    /// Bytes of [`END_OF_DATA`] seen.
    ending: usize,
}

impl Dotted {
    pub(super) fn new(frozen: Frozen) -> Self {
        Self {
            frozen,
            at: 0,
            line_start: true,
            stuffed: false,
            ending: 0,
        }
    }

    /// Compares the next bytes of the wire form. Returns how many of them, from the front, belong to the
    /// body; the rest belongs to the terminator.
    pub(super) fn accept(&mut self, wire: &[u8]) -> Result<usize, NotAsFrozen> {
        let mut body_bytes = 0;
        for &byte in wire {
            let expected = match self.frozen.body().get(self.at) {
                Some(b'.') if self.line_start && !self.stuffed => {
                    self.stuffed = true;
                    b'.'
                }
                Some(&next) => {
                    self.at += 1;
                    self.stuffed = false;
                    self.line_start = next == b'\n';
                    next
                }
                None => {
                    let next = *END_OF_DATA.get(self.ending).ok_or(NotAsFrozen)?;
                    self.ending += 1;
                    next
                }
            };
            if byte != expected {
                return Err(NotAsFrozen);
            }
            if self.ending == 0 {
                body_bytes += 1;
            }
        }
        Ok(body_bytes)
    }

    /// True once the whole terminator has been seen.
    pub(super) fn is_complete(&self) -> bool {
        self.ending == END_OF_DATA.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mail: &[u8], wire_body: &[u8]) {
        let wire = [wire_body, END_OF_DATA].concat();
        for split in 0..=wire.len() {
            let mut dotted = Dotted::new(Frozen::new(mail.to_vec()));
            let (first, second) = wire.split_at(split);
            let passed = dotted
                .accept(first)
                .and_then(|a| Ok(a + dotted.accept(second)?));
            assert_eq!(
                passed,
                Ok(wire_body.len()),
                "{mail:?} split at byte {split}"
            );
            assert!(dotted.is_complete());
            assert_eq!(
                dotted.accept(b"x"),
                Err(NotAsFrozen),
                "nothing may follow the terminator"
            );
        }
    }

    #[test]
    fn the_terminator_is_found_wherever_the_bytes_are_split() {
        check(b"A: b\r\n\r\nx\r\n", b"A: b\r\n\r\nx");
        check(b"A: b\r\n\r\nx", b"A: b\r\n\r\nx");
        check(b"A: b\r\n\r\n.\r\n", b"A: b\r\n\r\n..");
        check(
            b"A: b\r\n.\r\n..\r\n.x\r\n\r\n.",
            b"A: b\r\n..\r\n...\r\n..x\r\n\r\n..",
        );
        check(b".first", b"..first");
        check(b"A: b\r\n\r\n\r\n", b"A: b\r\n\r\n");
        check(b"\r\n", b"");
    }

    #[test]
    fn an_end_of_data_inside_the_mail_is_not_passed_on() {
        let mut dotted = Dotted::new(Frozen::new(b"A: b\r\n.\r\nMAIL FROM:<x>\r\n".to_vec()));
        assert_eq!(dotted.accept(b"A: b\r\n.\r\n"), Err(NotAsFrozen));
    }

    #[test]
    fn any_other_byte_is_refused() {
        for wire in [
            &b"B"[..],
            b"A: b\r\n.\r\n",
            b"A: b\r\n\r\n\r\n",
            b"A: b\r\n\r\nx\r\n.x",
        ] {
            let mut dotted = Dotted::new(Frozen::new(b"A: b\r\n\r\nx\r\n".to_vec()));
            assert_eq!(dotted.accept(wire), Err(NotAsFrozen), "{wire:?}");
        }
    }
}
