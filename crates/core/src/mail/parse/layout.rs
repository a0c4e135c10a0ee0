//! Which parts of a message are its words, and which are its files: the way of RFC 8621 section 4.1.4, which follows what
//! mail programs show.

use super::mime::{Message, Part};

/// The parts of a message by what a reader does with them, as indexes.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The words in plain text; HTML where there is nothing else.
    pub(super) text: Vec<usize>,
    /// The words in HTML; plain text where there is nothing else.
    pub(super) html: Vec<usize>,
    /// Files, and pictures inside the text.
    pub(super) files: Vec<usize>,
}

impl Layout {
    /// Returns the layout of `message`.
    pub(super) fn of(message: &Message<'_>) -> Layout {
        let mut lists = Lists {
            message,
            text: Vec::new(),
            html: Vec::new(),
            files: Vec::new(),
        };
        if !message.parts.is_empty() {
            let both = Wanted {
                text: true,
                html: true,
            };
            lists.lay(&[0], "mixed", false, both);
        }
        let Lists {
            text,
            html,
            mut files,
            ..
        } = lists;
        files.sort_unstable();
        files.dedup();
        Layout { text, html, files }
    }
}

struct Lists<'m, 'a> {
    message: &'m Message<'a>,
    text: Vec<usize>,
    html: Vec<usize>,
    files: Vec<usize>,
}

/// Which of the two lists take words: inside one form of an alternative only that form's.
#[derive(Clone, Copy)]
struct Wanted {
    text: bool,
    html: bool,
}

impl Lists<'_, '_> {
    fn lay(&mut self, parts: &[usize], around: &str, in_alternative: bool, mut wanted: Wanted) {
        let (texts, htmls) = (self.text.len(), self.html.len());
        for (position, index) in parts.iter().copied().enumerate() {
            let part = &self.message.parts[index];
            if let Some(kind) = part.kind.strip_prefix("multipart/") {
                let kind = kind.to_owned();
                let children = self.children(index, &kind);
                let is_alternative = kind == "alternative";
                self.lay(&children, &kind, in_alternative || is_alternative, wanted);
                continue;
            }
            if !is_shown(part, around, position == 0) {
                if !is_another_form(part, around) {
                    self.files.push(index);
                }
                continue;
            }
            match (around, part.kind.as_str()) {
                ("alternative", "text/plain") => self.text.push(index),
                ("alternative", "text/html") => self.html.push(index),
                ("alternative", _) => self.files.push(index),
                (_, kind) => {
                    if in_alternative && kind == "text/plain" {
                        wanted.html = false;
                    }
                    if in_alternative && kind == "text/html" {
                        wanted.text = false;
                    }
                    if part.is_text() {
                        self.text.extend(wanted.text.then_some(index));
                        self.html.extend(wanted.html.then_some(index));
                    } else {
                        self.files.push(index);
                    }
                }
            }
        }
        if around == "alternative" && wanted.text && wanted.html {
            let (has_text, has_html) = (self.text.len() > texts, self.html.len() > htmls);
            if has_html && !has_text {
                self.text.extend_from_slice(&self.html[htmls..]);
            }
            if has_text && !has_html {
                self.html.extend_from_slice(&self.text[texts..]);
            }
        }
    }

    /// The parts directly inside a multipart; in one of related parts the root first (RFC 2387 section 3.2).
    fn children(&self, index: usize, kind: &str) -> Vec<usize> {
        let mut children: Vec<usize> = self.message.children(index).collect();
        let start = (kind == "related")
            .then(|| self.message.parts[index].parameter("Content-Type", "start"))
            .flatten();
        if let Some(start) = start {
            let is_root = |child: &usize| {
                let id = self.message.parts[*child].field("Content-ID");
                id.is_some_and(|id| bare(id) == bare(start.as_bytes()))
            };
            if let Some(root) = children.iter().position(is_root) {
                children[..=root].rotate_right(1);
            }
        }
        children
    }
}

fn bare(id: &[u8]) -> &[u8] {
    let id = id.trim_ascii();
    let id = id.strip_prefix(b"<").unwrap_or(id);
    id.strip_suffix(b">").unwrap_or(id)
}

/// Text that is meant for programs.
const UNSHOWN: [&str; 13] = [
    "calendar",
    "csv",
    "vcard",
    "x-vcard",
    "directory",
    "rfc822-headers",
    "css",
    "javascript",
    "xml",
    "enriched",
    "richtext",
    "x-amp-html",
    "watch-html",
];

/// Whether a part is shown with the words, and not listed with the files.
fn is_shown(part: &Part<'_>, around: &str, is_first: bool) -> bool {
    let is_media = ["image/", "audio/", "video/"]
        .iter()
        .any(|kind| part.kind.starts_with(kind));
    let is_words = match part.kind.strip_prefix("text/") {
        Some("plain" | "html") => true,
        // A patch or a listing among the words is shown with them; inside an alternative only the usual forms are.
        Some(subtype) => {
            around != "alternative" && !UNSHOWN.contains(&subtype) && part.file_name.is_empty()
        }
        None => false,
    };
    let is_placed = is_first || around != "related" && (is_media || part.file_name.is_empty());
    (is_media || is_words) && part.disposition() != "attachment" && is_placed
}

/// Whether a part says in a rarer form what stands beside it.
fn is_another_form(part: &Part<'_>, around: &str) -> bool {
    let forms = [
        "text/enriched",
        "text/richtext",
        "text/x-amp-html",
        "text/watch-html",
    ];
    around == "alternative" && forms.contains(&part.kind.as_str())
}
