//! Soft line ends of format=flowed (RFC 3676): a line that ends in a space goes on in the next one. Written and read.

/// Characters a line is kept under where it can be.
const WIDTH: usize = 76;

/// Returns `text` with long lines broken at spaces. Quoted lines and lines aligned by runs of spaces stay whole.
pub fn flow(text: &str) -> String {
    let mut flowed = String::with_capacity(text.len() + text.len() / 40);
    for line in text.lines() {
        // A space at the end of a line would join it to the next; the signature separator is the one exception.
        let line = if line == "-- " { line } else { line.trim_end() };
        if line.starts_with('>') || line.starts_with("[==") || line.contains("  ") {
            flowed.push_str(line);
        } else {
            flow_line(line, &mut flowed);
        }
        flowed.push('\n');
    }
    flowed
}

/// Returns `text` with its flowed lines joined (RFC 3676 section 4): a line that ends in a space goes on in the next of the
/// same depth of quotation. With `delsp` that space is not part of the text.
pub fn unflow(text: &str, delsp: bool) -> String {
    let mut joined = String::with_capacity(text.len());
    // The depth of the line that goes on.
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|b| *b == b'>').count();
        let words = &line[depth..];
        let words = words.strip_prefix(' ').unwrap_or(words);
        // Nothing goes on in the separator of a signature (RFC 3676 section 4.3).
        if open != Some(depth) || words == "-- " {
            if open.is_some() {
                joined.push('\n');
            }
            if depth > 0 {
                joined.push_str(&">".repeat(depth));
                joined.push(' ');
            }
        }
        let is_flowed = words.ends_with(' ') && words != "-- ";
        joined.push_str(if is_flowed && delsp {
            &words[..words.len() - 1]
        } else {
            words
        });
        open = is_flowed.then_some(depth);
        if !is_flowed {
            joined.push('\n');
        }
    }
    joined
}

fn flow_line(line: &str, flowed: &mut String) {
    // Space-stuffing (RFC 3676 section 4.4).
    if line.starts_with([' ', '>']) || line.starts_with("From ") {
        flowed.push(' ');
    }
    let mut width = 0;
    for (index, word) in line.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 {
            flowed.push(' ');
            width += 1;
            // A continued line must not look quoted or stuffed.
            if width + length > WIDTH && !word.is_empty() && !word.starts_with('>') {
                flowed.push('\n');
                width = 0;
            }
        }
        flowed.push_str(word);
        width += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Joins soft lines again as a reader of format=flowed does.
    fn unflow(text: &str) -> String {
        let mut joined = String::new();
        for line in text.lines() {
            let line = line.strip_prefix(' ').unwrap_or(line);
            joined.push_str(line);
            if !line.ends_with(' ') || line == "-- " {
                joined.push('\n');
            }
        }
        joined
    }

    #[test]
    fn a_flowed_text_reads_as_it_was_written() {
        let long = "Кабинет 12 в среду на 3-м уроке занят. ".repeat(12);
        for text in [
            "",
            "Здравствуйте!",
            "a\n\nb",
            "-- ",
            long.trim_end(),
            "From here\nto there",
            " indented",
        ] {
            let flowed = flow(text);
            assert!(
                flowed.lines().all(|line| line.chars().count() <= WIDTH + 1),
                "{flowed}"
            );
            assert_eq!(
                unflow(&flowed).trim_end_matches('\n'),
                text.trim_end_matches('\n')
            );
        }
    }
}
