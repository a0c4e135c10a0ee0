//! Whether a file may hold a letter of the desk to a specialist, with all that is internal in it. It fails closed where a file
//! is made to hold letters, or cannot be looked into; archives are not opened.

use memchr::memmem;

use super::html::html_text;
use super::mime::Part;
use crate::domain::letter::Kind;
use crate::domain::token::{Claim, WRITER};

/// How a winmail.dat begins (MS-OXTNEF section 2.1.3.1), and what holds one compressed file: gzip, bzip2, xz.
const CLOSED: [&[u8]; 4] = [
    &[0x78, 0x9f, 0x3e, 0x22],
    &[0x1f, 0x8b],
    b"BZh",
    &[0xfd, b'7', b'z', b'X', b'Z', 0],
];
/// Endings of files in which mail programs keep letters.
#[rustfmt::skip]
const LETTERS: [&str; 12] = [
    "eml", "emlx", "mbox", "mbx", "msg", "oft", "mht", "mhtml", "pst", "ost", "dbx", "tnef",
];
/// The signs of a sentinel may stand so far apart: in some formats each letter of its words takes many.
const SENTINEL_BYTES: usize = 4000;
/// The list of an archive's files stands at its end.
const LIST_BYTES: usize = 256 * 1024;

/// Returns whether the file `name` may hold a letter of the desk to a specialist.
pub(super) fn may_quote_us(part: &Part<'_>, name: &str, bytes: &[u8]) -> bool {
    let ending = |name: &str| {
        name.rsplit_once('.')
            .map(|(_, ending)| ending.to_lowercase())
    };
    part.is_letter()
        || ending(name).is_some_and(|ending| LETTERS.contains(&ending.as_str()))
        || CLOSED.iter().any(|magic| bytes.starts_with(magic))
        || lists_letters(bytes)
        || part.is_text() && part.text().0.contains("[==")
        || part.kind == "text/html" && html_text(&part.text().0).contains("[==")
        || holds_marks(bytes)
        // UTF-16, in which mail programs keep texts, but for its letters beyond ASCII.
        || memchr::memchr(0, bytes).is_some()
            && holds_marks(&bytes.iter().copied().filter(|b| *b != 0).collect::<Vec<u8>>())
}

/// Whether there is a sentinel, plain or quoted-printable, or the Message-ID of a letter of ours to a specialist.
fn holds_marks(bytes: &[u8]) -> bool {
    holds_sentinel(bytes) || memmem::find(bytes, b"[=3D=3D").is_some() || holds_token(bytes)
}

/// Three bytes alone stand in many a picture by chance; both ends of a sentinel do not.
fn holds_sentinel(bytes: &[u8]) -> bool {
    memmem::find_iter(bytes, b"[==").any(|at| {
        let end = (at + SENTINEL_BYTES).min(bytes.len());
        memmem::find(&bytes[at..end], b"==]").is_some()
    })
}

fn holds_token(bytes: &[u8]) -> bool {
    let kinds = [Kind::Notice, Kind::OwnLetter, Kind::Delivery, Kind::Digest];
    kinds.into_iter().any(|kind| {
        let begins = format!("{}.", kind.as_str());
        memmem::find_iter(bytes, begins.as_bytes()).any(|at| {
            let end = (at + 200).min(bytes.len());
            let id = String::from_utf8_lossy(&bytes[at..end]);
            let id = id.split('@').next().unwrap_or_default();
            Claim::read(id).is_some_and(|claim| claim.recipient != WRITER)
        })
    })
}

/// Whether a ZIP archive says that it holds a letter.
fn lists_letters(bytes: &[u8]) -> bool {
    if !bytes.starts_with(b"PK\x03\x04") {
        return false;
    }
    let list = bytes[bytes.len().saturating_sub(LIST_BYTES)..].to_ascii_lowercase();
    LETTERS
        .iter()
        .any(|ending| memmem::find(&list, format!(".{ending}").as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use crate::domain::address::EmailAddress;
    use crate::domain::token::TokenKey;
    use crate::domain::token::TokenKeys;

    /// Whether a file of this name, type and content is held.
    fn held(name: &str, content_type: &str, bytes: &[u8]) -> bool {
        let body = data_encoding::BASE64.encode(bytes);
        let raw = format!(
            "From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: {content_type}\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n--b--\r\n"
        );
        let mail = parse(raw.as_bytes());
        mail.attachments.iter().any(|file| file.may_quote_us)
    }

    #[test]
    fn a_notice_is_known_in_whatever_it_was_saved() {
        let octets = "application/octet-stream";
        let keys = TokenKeys::new(TokenKey::new('1', [7; 32]), None);
        let sam = EmailAddress::parse("sam@school.test").expect("plain");
        let id =
            |purpose: &str, who: &str| keys.message_id(purpose, 10, 36, who, &sam, "school.test");
        let eml = format!("Message-ID: <{}>\r\n\r\nW8K3\r\n", id("notice", "sam"));
        let words = "[== Служебное · пользователю не видно ==]";
        let utf16: Vec<u8> = words.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let rtf = r"{\rtf1 [== \u1057?\u1083?\u1091?\u1078? ==]}";
        let mut ole = vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
        ole.extend(&utf16);
        let zip = [
            b"PK\x03\x04....".as_slice(),
            &[0x9c; 99],
            b"PK\x01\x02..Notice.EML",
        ]
        .concat();
        for (name, content_type, bytes) in [
            ("note.bin", octets, eml.as_bytes()),
            ("письмо", "text/plain", eml.as_bytes()),
            ("письмо.eml", octets, b"x".as_slice()),
            ("письмо.EMLX", octets, b"x"),
            ("Письмо.msg", "application/vnd.ms-outlook", b"x"),
            ("a.doc", "application/msword", &ole),
            ("a.txt", octets, &utf16),
            ("a.rtf", "application/rtf", rtf.as_bytes()),
            ("a.html", "text/html", b"<p>&#91;== &#1057; ==&#93;</p>"),
            ("a.gz", "application/gzip", &[0x1f, 0x8b, 8, 0]),
            ("a.zip", "application/zip", &zip),
            ("a.qp", octets, b"[=3D=3D x"),
        ] {
            assert!(held(name, content_type, bytes), "{name}");
        }
        let ours = format!("Message-ID: <{}>\r\n", id("answer", "W"));
        let photo: Vec<u8> = [b"\xff\xd8".as_slice(), &[0x5b, 0x3d, 0x3d], &[0x77; 9000]].concat();
        let plain = [b"PK\x03\x04".as_slice(), b"PK\x01\x02..plan.docx"].concat();
        for (name, content_type, bytes) in [
            ("a.txt", octets, ours.as_bytes()),
            ("a.jpg", "image/jpeg", &photo),
            ("a.zip", "application/zip", &plain),
            ("a.pdf", "application/pdf", b"%PDF-1.7 notice.1.2"),
        ] {
            assert!(!held(name, content_type, bytes), "{name}");
        }
    }
}
