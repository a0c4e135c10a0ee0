//! Which files of a letter travel on, and which are kept and only listed.

use serde::Serialize;

use super::incoming::Attachment;

/// The most that travels with one letter: bytes and files.
const TOTAL_BYTES: u64 = 25 * 1024 * 1024;
const FILES: usize = 50;

/// Endings of files that a double click runs.
#[rustfmt::skip]
const DANGEROUS: [&str; 22] = [
    "exe", "scr", "bat", "cmd", "com", "pif", "cpl", "js", "jse", "vbs", "vbe",
    "wsf", "wsh", "msi", "msp", "ps1", "jar", "lnk", "hta", "reg", "chm", "iso",
];

/// A picture inside the text of at most so many bytes is taken for the logo of a signature, a larger one for a screenshot.
pub const LOGO_BYTES: u64 = 16 * 1024;

/// A registered file of a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilePart {
    /// Index of its MIME part.
    pub part: u32,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its decoded size.
    pub size_bytes: u64,
    /// SHA-256 of its decoded bytes.
    pub sha256: String,
    /// Whether it is a picture inside the text.
    pub inline: bool,
    /// Whether it travels on.
    pub travels: bool,
}

/// Marks those of `files` that travel on: none that a double click runs, and no more than a mail server takes.
pub fn choose(files: &mut [FilePart]) {
    let mut left = (FILES, TOTAL_BYTES);
    for file in files {
        let ending = file
            .name
            .rsplit_once('.')
            .map(|(_, ending)| ending.to_lowercase());
        let is_dangerous = ending.is_some_and(|ending| DANGEROUS.contains(&ending.as_str()));
        file.travels = !is_dangerous && left.0 > 0 && file.size_bytes <= left.1;
        if file.travels {
            left = (left.0 - 1, left.1 - file.size_bytes);
        }
    }
}

/// Returns those files of an answer that would not travel on, by name; the logos of a signature are no files.
pub fn withheld(attachments: &[Attachment]) -> Vec<String> {
    let of_attachment = |file: &Attachment| FilePart {
        part: file.part,
        name: file.name.clone(),
        content_type: file.content_type.clone(),
        size_bytes: file.size_bytes,
        sha256: file.sha256.clone(),
        inline: file.inline,
        travels: false,
    };
    let files = attachments.iter().filter(|file| !is_logo(file));
    let mut files: Vec<FilePart> = files.map(of_attachment).collect();
    choose(&mut files);
    let stays = files.into_iter().filter(|file| !file.travels);
    stays.map(|file| file.name).collect()
}

/// Returns whether a file of a letter is the logo of a signature.
pub fn is_logo(file: &Attachment) -> bool {
    file.inline && file.size_bytes <= LOGO_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, size_bytes: u64) -> FilePart {
        FilePart {
            part: 0,
            name: name.to_owned(),
            content_type: "application/octet-stream".to_owned(),
            size_bytes,
            sha256: String::new(),
            inline: false,
            travels: false,
        }
    }

    #[test]
    fn programs_stay_and_so_does_what_is_too_much() {
        let mut files = [
            file("konflikt.png", 180_000),
            file("zhurnal.EXE", 10),
            file("film.mp4", TOTAL_BYTES),
            file("exe", 5),
        ];
        choose(&mut files);
        let travelling: Vec<_> = files
            .iter()
            .filter(|file| file.travels)
            .map(|file| file.name.as_str())
            .collect();
        assert_eq!(travelling, ["konflikt.png", "exe"]);
        let mut many = vec![file("a.txt", 1); FILES + 3];
        choose(&mut many);
        assert_eq!(many.iter().filter(|file| file.travels).count(), FILES);
    }
}
