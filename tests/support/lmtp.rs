//! A letter straight into a mailbox by LMTP (RFC 2033), with any envelope sender.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Delivers `raw` to `recipient`; `sender` may be empty, the null return path.
pub(crate) fn deliver(port: u16, recipient: &str, sender: &str, raw: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the lab's LMTP server");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");
    let mut replies = BufReader::new(stream.try_clone().expect("the same socket"));
    expect(&mut replies, "220", "greeting");
    let mut say = |line: &str, code: &str| {
        stream
            .write_all(format!("{line}\r\n").as_bytes())
            .expect("LMTP takes commands");
        expect(&mut replies, code, line);
    };
    say("LHLO localhost", "250");
    say(&format!("MAIL FROM:<{sender}>"), "250");
    say(&format!("RCPT TO:<{recipient}>"), "250");
    say("DATA", "354");
    stream
        .write_all(&dotted(raw))
        .expect("LMTP takes the letter");
    expect(&mut replies, "250", "the end of data");
    // The answer to QUIT is of no interest.
    let _ = stream.write_all(b"QUIT\r\n");
}

/// The bytes with doubled dots, a final line end and the terminator; bare line feeds become CRLF.
fn dotted(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + 100);
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// Reads one reply, over as many lines as it has.
fn expect(replies: &mut impl BufRead, code: &str, to: &str) {
    loop {
        let mut line = String::new();
        replies.read_line(&mut line).expect("LMTP answers");
        assert!(line.starts_with(code), "LMTP said {line:?} to {to:?}");
        if line.as_bytes().get(3) != Some(&b'-') {
            return;
        }
    }
}
