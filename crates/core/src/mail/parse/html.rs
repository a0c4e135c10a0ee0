//! HTML as the text a person would read. One pass over the tokens of a library, without a tree: deep nesting and open tags
//! cost nothing more than their length.
//!
//! What was quoted comes out as lines beginning with `> `, and the header that a mail program puts above a quotation as
//! plain lines, so that a reply is read in one way whatever it was written in.

use std::collections::{BTreeMap, HashMap};

use html5gum::{HtmlString, Spanned, StartTag, Token, Tokenizer};

use super::mime::Part;
use crate::domain::text::TEXT_CAP_BYTES;

/// HTML taken in, elements followed, links kept, and characters of a link (promises.md, limits).
const HTML_BYTES: usize = 2 * 1024 * 1024;
const DEPTH: usize = 200;
const LINKS: usize = 5000;
const LINK_BYTES: usize = 500;
/// Levels of quotation that are told apart.
const QUOTES: usize = 20;

/// Returns the words of `html` in lines.
pub(super) fn html_text(html: &str) -> String {
    let end = (0..=html.len().min(HTML_BYTES))
        .rev()
        .find(|at| html.is_char_boundary(*at));
    let html = &html[..end.unwrap_or(0)];
    let (text, has_hidden) = walk(html, true);
    // Everything in a hidden element that nobody closed: then better too much than nothing.
    if has_hidden && text.trim().is_empty() {
        return walk(html, false).0;
    }
    text
}

/// Returns the words of the first signature that a page marks outside quotations, if nothing of the author's follows it.
pub(super) fn signature_text(page: &Part<'_>) -> Option<String> {
    let html = page.text().0;
    // A glance first: most pages mark none.
    let lower = html.to_ascii_lowercase();
    let is_marked = |mark: &str| memchr::memmem::find(lower.as_bytes(), mark.as_bytes()).is_some();
    if !SIGNATURE_MARKS.iter().any(|mark| is_marked(mark)) {
        return None;
    }
    drop(lower);
    let writer = write(&html, true);
    let signature = writer.signature.clone()?;
    let is_last = !has_words(writer.out.get(signature.end..)?);
    Some(writer.out.get(signature)?.trim().to_owned()).filter(|text| is_last && !text.is_empty())
}

/// Whether the first line of a text is somebody's words, and neither quoted nor what stands above a quotation.
fn has_words(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    first.is_some_and(|line| {
        let is_above =
            line.ends_with(':') || line.contains('@') || line.starts_with(['>', '-', '_']);
        let is_label = ["from:", "от:", "кому:", "дата:"];
        let lower = line.to_lowercase();
        !is_above && !is_label.iter().any(|label| lower.starts_with(label))
    })
}

/// The words, and whether anything was left out as hidden.
fn walk(html: &str, hides: bool) -> (String, bool) {
    let writer = write(html, hides);
    let has_hidden = writer.has_hidden;
    (writer.separated(), has_hidden)
}

fn write(html: &str, hides: bool) -> Writer {
    let mut writer = Writer::default();
    let mut emitter = html5gum::DefaultEmitter::default();
    emitter.naively_switch_states(hides);
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => writer.open(&tag, hides),
            Token::EndTag(tag) => writer.close(&tag.name),
            Token::String(text) => writer.text(&String::from_utf8_lossy(&text.value.0)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
        if writer.out.len() >= TEXT_CAP_BYTES {
            break;
        }
    }
    writer
}

/// An element that is open and matters when it closes.
#[derive(Debug)]
struct Open {
    name: Vec<u8>,
    effect: Effect,
    /// Whether letters had no size around it.
    was_nothing: bool,
}

#[derive(Debug, PartialEq)]
enum Effect {
    None,
    /// Its words are not shown.
    Hidden,
    Quote,
    Preformatted,
    /// A link, and where its words begin.
    Link {
        href: String,
        from: usize,
    },
    /// A list and the number of its last item, if they are numbered.
    List(Option<u32>),
    /// What a mail program marked as the signature, and where its words begin.
    Signature {
        from: usize,
    },
}

#[derive(Debug, Default)]
struct Writer {
    out: String,
    stack: Vec<Open>,
    /// How many elements of each name are open beyond those that are followed.
    beyond: HashMap<Vec<u8>, usize>,
    hidden: usize,
    has_hidden: bool,
    /// Whether letters have no size here; what is inside may give them one again.
    is_nothing: bool,
    /// The same for what is inside the element that is being opened, where it says so.
    size_of_next: Option<bool>,
    quotes: usize,
    /// Levels of quotation of the line being written.
    line_quotes: usize,
    preformatted: usize,
    links: usize,
    /// Line ends due before the next word: one ends a line, two leave a blank one.
    breaks: usize,
    space: bool,
    /// Something to put before the next word if it stands in the same line: a cell's separator, an item's mark.
    lead: String,
    is_line_begun: bool,
    /// Cells that had words in this row.
    cells: usize,
    /// Where the words of the first signature stand in the text.
    signature: Option<std::ops::Range<usize>>,
    /// Whether nothing but one space came since the last tag: so Yandex writes an empty line, `<div> </div>`.
    is_lone_space: bool,
}

impl Writer {
    fn text(&mut self, text: &str) {
        if self.hidden > 0 || self.is_nothing {
            return;
        }
        self.is_lone_space = text == " ";
        if self.preformatted > 0 {
            for (number, line) in text.split('\n').enumerate() {
                if number > 0 {
                    self.line_break();
                }
                let line = line.trim_end_matches('\r');
                if !line.is_empty() {
                    self.begin();
                    self.out.push_str(line);
                }
            }
            return;
        }
        for c in text.chars() {
            // A no-break space is a space that begins a line: so programs write an empty paragraph.
            if matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
                self.space = true;
            } else if c == '\u{a0}' {
                self.begin();
                self.out.push(' ');
            } else {
                self.begin();
                self.out.push(c);
            }
        }
    }

    /// Writes what is due before a word.
    fn begin(&mut self) {
        if self.breaks > 0 || self.out.is_empty() {
            let is_first = self.out.is_empty();
            let ends_in_dashes = self.out.ends_with("\n--") || self.out == "--";
            if self.space && ends_in_dashes {
                // The separator of a signature ends in a space (RFC 3676 section 4.3).
                self.out.push(' ');
            }
            if !is_first {
                self.out.push('\n');
                if self.breaks > 1 {
                    let both = self.line_quotes.min(self.quotes);
                    self.out.push_str(">".repeat(both).as_str());
                    self.out.push('\n');
                }
            }
            self.line_quotes = self.quotes;
            self.out.push_str(&"> ".repeat(self.quotes));
            self.breaks = 0;
            self.space = false;
            self.is_line_begun = false;
        }
        if !self.lead.is_empty() {
            let lead = std::mem::take(&mut self.lead);
            let is_labelled = self.out.trim_end_matches(' ').ends_with(':');
            self.out.push_str(match lead.as_str() {
                CELL if !self.is_line_begun => "",
                CELL if is_labelled => " ",
                lead => lead,
            });
            self.space = false;
        }
        if self.space && self.is_line_begun {
            self.out.push(' ');
        }
        self.space = false;
        self.is_line_begun = true;
    }

    /// Ends the line, if one was begun; what follows stands below.
    fn block(&mut self, breaks: usize) {
        if self.lead == CELL {
            self.lead.clear();
        }
        self.breaks = self.breaks.max(breaks);
    }

    /// `<br>`: ends a line, or leaves a blank one.
    fn line_break(&mut self) {
        self.breaks = if self.breaks == 0 { 1 } else { 2 };
        self.lead.clear();
    }

    fn open(&mut self, tag: &StartTag<()>, hides: bool) {
        self.is_lone_space = false;
        let name: &[u8] = &tag.name;
        if is_never_shown(name) {
            return self.push(name, Effect::Hidden);
        }
        let style = attribute(tag, b"style").to_lowercase();
        let is_nothing =
            |size: &str| size.starts_with(['0', '.']) && !size.contains(|c| matches!(c, '1'..='9'));
        self.size_of_next = property(&style, "font-size")
            .filter(|_| hides)
            .map(is_nothing);
        if hides && is_hidden(tag, &style) {
            self.has_hidden = true;
            if !is_void(name) {
                self.push(name, Effect::Hidden);
            }
            return;
        }
        match name {
            b"br" => self.line_break(),
            b"hr" => {
                self.block(1);
                self.text("----------");
                self.block(1);
            }
            b"img" => self.image(tag),
            b"p" => {
                // An open paragraph ends where the next begins.
                self.close_if_last(b"p");
                let is_first_of_item = !self.lead.is_empty() && self.lead != CELL;
                let is_close = is_first_of_item || has_no_margin(tag, &style);
                self.block(if is_close { 1 } else { 2 });
                self.push(name, Effect::None);
            }
            b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => self.block(2),
            b"li" => self.item(),
            b"tr" => {
                self.block(1);
                self.cells = 0;
            }
            b"td" | b"th" => {
                if self.cells > 0 && self.breaks == 0 && self.is_line_begun {
                    CELL.clone_into(&mut self.lead);
                }
                self.cells += 1;
            }
            b"blockquote" => {
                self.block(1);
                let border = property(&style, "border").unwrap_or_default();
                let is_indent = border.starts_with("none") || border.starts_with('0');
                let is_cited =
                    !attribute(tag, b"type").is_empty() || !attribute(tag, b"class").is_empty();
                let effect = if is_indent && !is_cited {
                    Effect::None
                } else {
                    Effect::Quote
                };
                self.push(name, effect);
            }
            b"pre" | b"xmp" | b"listing" => {
                self.block(2);
                self.push(name, Effect::Preformatted);
            }
            b"a" => {
                // A link ends where the next begins.
                self.close_if_last(b"a");
                let href = attribute(tag, b"href").trim().to_owned();
                let from = self.out.len();
                self.push(name, Effect::Link { href, from });
            }
            b"ul" | b"menu" | b"dir" => {
                self.block(1);
                self.push(name, Effect::List(None));
            }
            b"ol" => {
                self.block(1);
                self.push(name, Effect::List(Some(0)));
            }
            _ if is_void(name) => {}
            _ => {
                if is_block(name) {
                    self.block(1);
                }
                if is_signature(tag) && self.hidden == 0 {
                    self.block(1);
                    let from = self.out.len();
                    return self.push(name, Effect::Signature { from });
                }
                self.push(name, Effect::None);
            }
        }
    }

    fn push(&mut self, name: &[u8], effect: Effect) {
        if self.stack.len() >= DEPTH {
            if self.beyond.len() < DEPTH || self.beyond.contains_key(name) {
                *self.beyond.entry(name.to_vec()).or_default() += 1;
            }
            return;
        }
        match effect {
            Effect::Hidden => {
                self.hidden += 1;
                self.has_hidden = true;
            }
            Effect::Quote => self.quotes = (self.quotes + 1).min(QUOTES),
            Effect::Preformatted => self.preformatted += 1,
            Effect::None | Effect::Link { .. } | Effect::List(_) | Effect::Signature { .. } => {}
        }
        self.stack.push(Open {
            name: name.to_vec(),
            effect,
            was_nothing: self.is_nothing,
        });
        self.is_nothing = self.size_of_next.take().unwrap_or(self.is_nothing);
        self.has_hidden |= self.is_nothing;
    }

    fn close_if_last(&mut self, name: &[u8]) {
        if self.stack.last().is_some_and(|open| open.name == name) {
            self.pop();
        }
    }

    fn close(&mut self, name: &[u8]) {
        if let Some(open) = self.beyond.get_mut(name).filter(|open| **open > 0) {
            *open -= 1;
            return;
        }
        let open = self.stack.iter().rposition(|open| open.name == name);
        if let Some(at) = open {
            // Elements left open inside end with it.
            while self.stack.len() > at {
                self.pop();
            }
        }
        if std::mem::take(&mut self.is_lone_space) && name == b"div" && self.breaks > 0 {
            self.breaks = 2;
        }
        match name {
            b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" => self.block(1),
            b"br" => self.line_break(),
            _ if is_block(name) || matches!(name, b"li" | b"tr") => self.block(1),
            _ => {}
        }
    }

    fn pop(&mut self) {
        let Some(open) = self.stack.pop() else {
            return;
        };
        self.is_nothing = open.was_nothing;
        match open.effect {
            Effect::Hidden => self.hidden -= 1,
            Effect::Quote => {
                self.quotes = self.quotes.saturating_sub(1);
                self.block(1);
            }
            Effect::Preformatted => {
                self.preformatted -= 1;
                self.block(1);
            }
            Effect::Link { href, from } => self.link(&href, from),
            Effect::List(_) => self.block(1),
            Effect::Signature { from } => {
                if self.quotes == 0 && self.signature.is_none() {
                    self.signature = Some(from..self.out.len());
                }
                self.block(1);
            }
            Effect::None => {}
        }
    }

    fn item(&mut self) {
        self.block(1);
        let list = self
            .stack
            .iter_mut()
            .rev()
            .find_map(|open| match &mut open.effect {
                Effect::List(number) => Some(number),
                _ => None,
            });
        self.lead = match list {
            Some(Some(number)) => {
                *number = number.saturating_add(1);
                format!("{number}. ")
            }
            _ => "- ".to_owned(),
        };
    }

    /// Adds where a link leads, if its words do not say it.
    fn link(&mut self, href: &str, from: usize) {
        let is_useful = ["http://", "https://", "mailto:", "tel:"]
            .iter()
            .any(|scheme| href.to_ascii_lowercase().starts_with(scheme));
        let words = self.out.get(from..).unwrap_or_default().trim();
        if !is_useful
            || words.is_empty()
            || self.hidden > 0
            || self.links >= LINKS
            || href.len() > LINK_BYTES
        {
            return;
        }
        if bare(words) == bare(href) || href.len() > 7 && bare(words).contains(&bare(href)) {
            return;
        }
        self.links += 1;
        let href = href.strip_prefix("mailto:").unwrap_or(href);
        self.out.push_str(&format!(" ({href})"));
    }

    fn image(&mut self, tag: &StartTag<()>) {
        let alt = attribute(tag, b"alt");
        let alt = alt.trim();
        let is_tiny = [&b"width"[..], b"height"]
            .iter()
            .any(|side| matches!(attribute(tag, side).trim_end_matches("px"), "0" | "1" | "2"));
        if !is_tiny && self.hidden == 0 && alt.chars().any(char::is_alphabetic) {
            self.begin();
            self.out.push_str(&format!("[{alt}]"));
        }
    }

    /// The text, with the separator of a signature (RFC 3676 section 4.3) where a mail program only marked one.
    fn separated(self) -> String {
        let Some(signature) = self.signature else {
            return self.out;
        };
        let (before, after) = self.out.split_at(signature.start);
        let words = after[..signature.len()].trim();
        let last = before.trim_end().rsplit('\n').next().unwrap_or_default();
        let is_marked = last.trim() == "--" || words.starts_with("--");
        if is_marked || words.is_empty() || has_words(&after[signature.len()..]) {
            return self.out;
        }
        let after = after.trim_start_matches('\n');
        format!("{}\n-- \n{after}", before.trim_end_matches('\n'))
    }
}

/// Between the cells of a row.
const CELL: &str = " | ";

/// An address or page without what does not distinguish it.
fn bare(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let url = ["mailto:", "tel:", "https://", "http://", "www."]
        .iter()
        .fold(url.as_str(), |url, scheme| {
            url.strip_prefix(scheme).unwrap_or(url)
        });
    url.split('?')
        .next()
        .unwrap_or(url)
        .trim_end_matches('/')
        .to_owned()
}

fn attribute<'a>(tag: &'a StartTag<()>, name: &[u8]) -> std::borrow::Cow<'a, str> {
    let attributes: &BTreeMap<HtmlString, Spanned<HtmlString, ()>> = &tag.attributes;
    attributes
        .get(name)
        .map(|value| String::from_utf8_lossy(&value.value.0))
        .unwrap_or_default()
}

fn is_never_shown(name: &[u8]) -> bool {
    matches!(
        name,
        b"script"
            | b"style"
            | b"title"
            | b"template"
            | b"object"
            | b"svg"
            | b"select"
            | b"datalist"
            | b"iframe"
            | b"noembed"
            | b"noframes"
    )
}

/// Whether an element is there for programs or to be found by filters only.
fn is_hidden(tag: &StartTag<()>, style: &str) -> bool {
    tag.attributes.contains_key(&b"hidden"[..])
        || property(style, "display") == Some("none")
        || matches!(property(style, "visibility"), Some("hidden" | "collapse"))
        || property(style, "mso-hide") == Some("all")
}

/// The value of a property in a style, the last one where there are several.
fn property<'s>(style: &'s str, name: &str) -> Option<&'s str> {
    let declarations = style
        .split(';')
        .filter_map(|declaration| declaration.split_once(':'));
    let mut values = declarations
        .filter(|(key, _)| key.trim() == name)
        .map(|(_, value)| {
            let value = value.trim();
            value.strip_suffix("!important").unwrap_or(value).trim_end()
        });
    values.next_back()
}

/// Whether a paragraph leaves no blank line above itself.
fn has_no_margin(tag: &StartTag<()>, style: &str) -> bool {
    let is_outlook = attribute(tag, b"class").starts_with("Mso");
    let is_zero = |name| property(style, name).is_some_and(|value| value.starts_with('0'));
    is_outlook
        || ["margin", "margin-top", "margin-bottom"]
            .into_iter()
            .any(is_zero)
}

/// What marks a signature: words of a class, an id, or a mark of Zimbra's.
const SIGNATURE_MARKS: [&str; 3] = ["signature", "_rc_sig", "__sig_p"];

/// Whether a mail program marked an element as the signature: Gmail, Thunderbird, Outlook, Roundcube, Proton and Zimbra do,
/// each by a name of its own that says so.
fn is_signature(tag: &StartTag<()>) -> bool {
    let names = [&b"class"[..], b"id", b"data-marker", b"data-smartmail"];
    names.iter().any(|name| {
        let value = attribute(tag, name).to_ascii_lowercase();
        let mut words = value.split_ascii_whitespace();
        words.any(|word| {
            word.ends_with("signature")
                || SIGNATURE_MARKS[1..]
                    .iter()
                    .any(|mark| word.starts_with(mark))
                || word == "protonmail_signature_block"
        })
    })
}

fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"br"
            | b"hr"
            | b"img"
            | b"input"
            | b"meta"
            | b"link"
            | b"base"
            | b"area"
            | b"col"
            | b"embed"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
    )
}

fn is_block(name: &[u8]) -> bool {
    matches!(
        name,
        b"div"
            | b"table"
            | b"tbody"
            | b"section"
            | b"article"
            | b"header"
            | b"footer"
            | b"main"
            | b"nav"
            | b"aside"
            | b"address"
            | b"center"
            | b"form"
            | b"fieldset"
            | b"dl"
            | b"dt"
            | b"dd"
            | b"figure"
            | b"body"
            | b"html"
            | b"ul"
            | b"ol"
            | b"blockquote"
            | b"pre"
            | b"caption"
            | b"thead"
    )
}
