//! The words of a letter that a person would read.

use mail_parser::{Message, PartType};

use super::PARTS;
use crate::domain::text::{CleanText, TEXT_CAP_BYTES};

/// The readable parts in order; HTML as text where a part has no text beside it, or an empty one.
pub(super) fn body(message: &Message<'_>) -> CleanText {
    let join = |count: usize, part: &dyn Fn(usize) -> Option<String>| {
        let mut text = String::new();
        for piece in (0..count.min(PARTS)).filter_map(part) {
            if text.len() >= TEXT_CAP_BYTES {
                break;
            }
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&piece);
        }
        CleanText::new(&text)
    };
    let text = join(message.text_body_count(), &|i| {
        message.body_text(i).map(|text| text.into_owned())
    });
    if !text.is_empty() {
        return text;
    }
    join(
        message.html_body_count(),
        &|i| match &message.html_part(i as u32)?.body {
            PartType::Html(html) => Some(html_text(html)),
            PartType::Text(text) => Some(text.to_string()),
            _ => None,
        },
    )
}

/// The text of HTML.
pub(super) fn html_text(html: &str) -> String {
    mail_parser::decoders::html::html_to_text(html)
}
