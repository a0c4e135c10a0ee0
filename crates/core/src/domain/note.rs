//! What a reader should know of how a letter was read: what was cut, guessed, left closed or not checked.

use std::fmt;

/// One such remark. In words it is for the operator; in notices to specialists it has a text in their language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Only the header and the first 256 KiB of the text were read: which limit was exceeded.
    ReadInPart(String),
    /// Only the header was read: why.
    KeptRaw(String),
    /// Signed, S/MIME or PGP; nobody checked.
    Signed(&'static str),
    /// Signed in one piece, which hides the words (RFC 8551 section 3.5.2).
    SignedInOnePiece,
    /// Nothing here can decrypt it.
    Encrypted,
    /// It brings files in Outlook's own form (MS-OXTNEF).
    Winmail,
    /// It is a piece of a letter (RFC 2046 section 5.2.2).
    PartOfLarger,
    /// A file of it is somewhere else (RFC 2046 section 5.2.3).
    FileElsewhere,
    /// From names nobody or several: the address to answer to is that of Sender or of the return path.
    SenderUnclear,
    /// The encoding of its text was missing or wrong: which one it was read in.
    CharsetGuessed(&'static str),
}

impl Note {
    /// Returns the name of its text for specialists; `None` for what only operators ask about.
    pub fn wording(&self) -> Option<&'static str> {
        match self {
            Note::ReadInPart(_) => Some("note_read_in_part"),
            Note::KeptRaw(_) => Some("note_kept_raw"),
            Note::SignedInOnePiece => Some("note_signed_in_one_piece"),
            Note::Encrypted => Some("note_encrypted"),
            Note::Winmail => Some("note_winmail"),
            Note::PartOfLarger => Some("note_part_of_larger"),
            Note::FileElsewhere => Some("note_file_elsewhere"),
            Note::SenderUnclear => Some("note_sender_unclear"),
            Note::Signed(_) | Note::CharsetGuessed(_) => None,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::ReadInPart(why) => write!(f, "only its header and the first 256 KiB of its text were read, because {why}"),
            Note::KeptRaw(why) => write!(f, "kept raw, because {why}"),
            Note::Signed(how) => write!(f, "signed ({how}); the signature was not checked"),
            Note::SignedInOnePiece => f.write_str("signed (S/MIME) in one piece, which the desk does not open; ask for a letter that is not"),
            Note::Encrypted => f.write_str("encrypted; the desk has no key"),
            Note::Winmail => f.write_str("winmail.dat was kept as it is; ask for the files in a usual form"),
            Note::PartOfLarger => f.write_str("a part of a larger letter (message/partial); the others are letters of their own"),
            Note::FileElsewhere => f.write_str("a file is somewhere else (message/external-body); it was not fetched"),
            Note::SenderUnclear => f.write_str("From names nobody or several people; whom to answer was taken from Sender or Return-Path, and nobody is identified"),
            Note::CharsetGuessed(name) => write!(f, "charset guessed: {name}"),
        }
    }
}
