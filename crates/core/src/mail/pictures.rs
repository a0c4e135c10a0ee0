//! Pictures inside the text of a letter that is passed on: they are shown in the HTML, and a line of the text stands for
//! each of them.

use minijinja::context;

use super::compose::File;
use super::wording::{Wording, WordingError};

/// What every mail program shows. A drawing in SVG may hold a program.
const SHOWN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Returns whether a file of `content_type` can be shown inside a text.
pub fn can_be_shown(content_type: &str) -> bool {
    SHOWN.contains(&content_type.to_ascii_lowercase().as_str())
}

/// Gives each of `files` that is shown inside the text the line that stands for it, and returns these lines.
///
/// # Errors
/// If the text cannot be rendered.
pub fn lines(files: &mut [File], wording: &Wording) -> Result<Vec<String>, WordingError> {
    let mut lines = Vec::new();
    for file in files.iter_mut().filter(|file| file.is_picture) {
        // Its brackets are the line's own: what is like a sentinel of ours must not stand there.
        let name = file.name.replace(['[', ']'], " ");
        let line = wording.text("picture", context! { name => name.trim() })?;
        lines.push(line.clone());
        file.line = Some(line);
    }
    Ok(lines)
}
