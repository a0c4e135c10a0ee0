//! The words of a letter as HTML, for the part beside the text: the same words in the same order, and the pictures that
//! came with them. Structure and nothing else: no colour, font or size of ours, so that dark mode and zoom are the
//! reader's, and nothing that a program would fetch or run.

use std::iter::Peekable;

/// Levels of quotation that are told apart.
const QUOTES: usize = 10;
/// The column in which the values of a notice's service lines begin.
const VALUE_COLUMN: usize = 12;
/// The longest address of a page that is made a link.
const LINK_BYTES: usize = 2000;
/// Longer runs of letters may break after so many, or a narrow screen would have to be moved sideways.
const LONG_WORD: usize = 30;
const BREAK_AFTER: usize = 15;

/// A picture that is shown in place of a line of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture<'a> {
    /// The line, in square brackets. What is inside them is what somebody who does not see the picture reads.
    pub line: &'a str,
    /// Its Content-ID (RFC 2392), without brackets.
    pub content_id: &'a str,
}

/// Returns `text` as a page in `language`, each of `pictures` in place of the first line that stands for it.
pub fn html(text: &str, language: &str, pictures: &[Picture<'_>]) -> String {
    let mut page = Page {
        out: String::with_capacity(text.len() + text.len() / 4 + 300),
        open: Open::Nothing,
        quotes: 0,
        pictures: pictures.iter().collect(),
    };
    // Programs that know both schemes of colour then choose by themselves.
    page.out.push_str(&format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"color-scheme\" content=\"light dark\">\n</head>\n<body>\n"
    ));
    let mut lines = text.lines().map(Line::read).peekable();
    while let Some(line) = lines.next() {
        page.line(&line, &mut lines);
    }
    page.close();
    page.quote(0);
    page.out.push_str("</body>\n</html>\n");
    page.out
}

/// A line without its marks of quotation.
struct Line<'a> {
    quotes: usize,
    words: &'a str,
    form: Form<'a>,
}

/// What a line is by its own looks.
#[derive(Clone, Copy)]
enum Form<'a> {
    Blank,
    /// The separator of a signature (RFC 3676 section 4.3).
    Separator,
    /// A line of its own whatever stands around it: `[== … ==]`.
    Sentinel,
    Item(&'a str),
    Numbered(u32, &'a str),
    /// A label with its colon, and its value.
    Row(&'a str, &'a str),
    Words,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Line<'a> {
        let (mut quotes, mut words) = (0, line);
        while let Some(rest) = words.strip_prefix('>').filter(|_| quotes < QUOTES) {
            quotes += 1;
            words = rest.strip_prefix(' ').unwrap_or(rest);
        }
        let form = form(words);
        Line {
            quotes,
            words,
            form,
        }
    }

    /// Whether it goes on with what `before` began.
    fn follows(&self, before: &Line<'_>) -> bool {
        self.quotes == before.quotes
            && match (before.form, self.form) {
                (Form::Item(_), Form::Item(_)) | (Form::Row(..), Form::Row(..)) => true,
                (Form::Numbered(one, _), Form::Numbered(next, _)) => {
                    one.checked_add(1) == Some(next)
                }
                _ => false,
            }
    }
}

fn form(words: &str) -> Form<'_> {
    let inside = words.trim();
    if inside.is_empty() {
        return Form::Blank;
    }
    if words == "-- " {
        return Form::Separator;
    }
    if inside.starts_with("[==") && inside.ends_with("==]") {
        return Form::Sentinel;
    }
    if let Some(item) = inside.strip_prefix("- ").or(inside.strip_prefix("• ")) {
        return Form::Item(item.trim_start());
    }
    if let Some((number, item)) = inside.split_once(". ")
        && number.len() <= 3
        && number.bytes().all(|b| b.is_ascii_digit())
        && let Ok(number) = number.parse()
    {
        return Form::Numbered(number, item.trim_start());
    }
    row(words).unwrap_or(Form::Words)
}

fn row(words: &str) -> Option<Form<'_>> {
    let colon = words.find(':')?;
    let (label, value) = (&words[..=colon], words[colon + 1..].trim_start_matches(' '));
    let is_label = label.starts_with(char::is_alphabetic) && !label.contains("  ");
    // Counted only where it is short.
    let column = words.len() - value.len();
    let is_placed = column <= VALUE_COLUMN * 4
        && words[..column].chars().count() == VALUE_COLUMN
        && column > label.len();
    (is_label && is_placed && !value.is_empty()).then_some(Form::Row(label, value))
}

/// The element that lines are being put into.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    Paragraph,
    List,
    NumberedList,
    Table,
}

struct Page<'p> {
    out: String,
    open: Open,
    quotes: usize,
    /// Those not shown yet.
    pictures: Vec<&'p Picture<'p>>,
}

impl<'p> Page<'p> {
    fn line<'a>(&mut self, line: &Line<'a>, rest: &mut Peekable<impl Iterator<Item = Line<'a>>>) {
        self.quote(line.quotes);
        // One line alone makes neither a list nor a table.
        let goes_on = rest.peek().is_some_and(|next| next.follows(line));
        match line.form {
            Form::Blank => self.close(),
            Form::Separator => {
                self.close();
                self.out.push_str("<hr>\n");
            }
            Form::Sentinel => {
                self.close();
                self.paragraph(line.words);
                self.close();
            }
            Form::Item(words) if goes_on || self.open == Open::List => {
                self.begin(Open::List);
                self.element("li", words);
            }
            Form::Numbered(number, words)
                if self.open == Open::NumberedList || goes_on && number == 1 =>
            {
                self.begin(Open::NumberedList);
                self.element("li", words);
                if !goes_on {
                    self.close();
                }
            }
            Form::Row(label, value) if goes_on || self.open == Open::Table => {
                self.begin(Open::Table);
                self.out
                    .push_str("<tr><th scope=\"row\" align=\"left\" valign=\"top\">");
                // The gap keeps a row known for one of ours when a program makes it a line again.
                words(&mut self.out, label);
                self.out.push_str("\u{a0}</th><td valign=\"top\">");
                words(&mut self.out, value);
                self.out.push_str("</td></tr>\n");
            }
            _ => match self.picture(line.words) {
                Some(picture) => {
                    self.close();
                    self.image(picture);
                }
                None => self.paragraph(line.words),
            },
        }
    }

    /// Takes the first picture that `line` stands for. One that is quoted is none.
    fn picture(&mut self, line: &str) -> Option<&'p Picture<'p>> {
        if self.quotes > 0 || !line.starts_with('[') {
            return None;
        }
        let at = self.pictures.iter().position(|it| it.line == line)?;
        Some(self.pictures.remove(at))
    }

    fn image(&mut self, picture: &Picture<'_>) {
        self.out.push_str("<p><img src=\"cid:");
        escape(&mut self.out, picture.content_id);
        self.out.push_str("\" alt=\"");
        escape(&mut self.out, picture.line.trim_matches(['[', ']']));
        // A screenshot is wider than a phone.
        self.out
            .push_str("\" style=\"max-width: 100%; height: auto\"></p>\n");
    }

    fn element(&mut self, name: &str, text: &str) {
        self.out.push_str(&format!("<{name}>"));
        words(&mut self.out, text);
        self.out.push_str(&format!("</{name}>\n"));
    }

    /// Adds a line to the paragraph that is open, or begins one.
    fn paragraph(&mut self, line: &str) {
        if self.open == Open::Paragraph {
            self.out.push_str("<br>\n");
        } else {
            self.close();
            self.out.push_str("<p>");
            self.open = Open::Paragraph;
        }
        words(&mut self.out, line);
    }

    fn begin(&mut self, open: Open) {
        if self.open == open {
            return;
        }
        self.close();
        self.out.push_str(match open {
            Open::List => "<ul>\n",
            Open::NumberedList => "<ol>\n",
            Open::Table => "<table>\n",
            Open::Nothing | Open::Paragraph => "",
        });
        self.open = open;
    }

    fn close(&mut self) {
        self.out.push_str(match self.open {
            Open::Nothing => "",
            Open::Paragraph => "</p>\n",
            Open::List => "</ul>\n",
            Open::NumberedList => "</ol>\n",
            Open::Table => "</table>\n",
        });
        self.open = Open::Nothing;
    }

    /// Goes to a level of quotation.
    fn quote(&mut self, level: usize) {
        if level == self.quotes {
            return;
        }
        self.close();
        for _ in level..self.quotes {
            self.out.push_str("</blockquote>\n");
        }
        for _ in self.quotes..level {
            self.out.push_str("<blockquote type=\"cite\">\n");
        }
        self.quotes = level;
    }
}

/// Writes the words of a line: escaped, spaces kept, what is written as a page's or a person's address as a link.
fn words(out: &mut String, line: &str) {
    let mut spaces = 0;
    let mut is_first = true;
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest
            .find(|c| !matches!(c, ' ' | '\t'))
            .unwrap_or(rest.len());
        spaces += word;
        rest = &rest[word..];
        if rest.is_empty() {
            break;
        }
        // A line may be broken at one space of several, and never before its first word.
        let kept = if is_first {
            spaces
        } else {
            spaces.saturating_sub(1)
        };
        out.extend(std::iter::repeat_n('\u{a0}', kept));
        out.push_str(if spaces > kept { " " } else { "" });
        (spaces, is_first) = (0, false);
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        pages(out, &rest[..end]);
        rest = &rest[end..];
    }
}

/// Writes a word, addresses of pages in it as links.
fn pages(out: &mut String, word: &str) {
    let (mut written, mut at) = (0, 0);
    while let Some(found) = word[at..].find("://") {
        let colon = at + found;
        at = colon + 3;
        let scheme = ["https", "http"].into_iter().find(|scheme| {
            let before = &word.as_bytes()[written..colon];
            let before = before.get(before.len().saturating_sub(scheme.len())..);
            before.is_some_and(|before| before.eq_ignore_ascii_case(scheme.as_bytes()))
        });
        let Some(scheme) = scheme else {
            continue;
        };
        let begin = colon - scheme.len();
        let length = page_length(&word[at..]);
        if length == 0 || length > LINK_BYTES {
            at += length;
            continue;
        }
        let end = at + length;
        people(out, &word[written..begin]);
        link(out, "", &word[begin..end]);
        (written, at) = (end, end);
    }
    people(out, &word[written..]);
}

/// Returns how long the address of a page is without its scheme: it ends before a sign that is in none, and before what
/// ends a sentence or closes a bracket. Of an endless one it returns only that it is longer than [`LINK_BYTES`].
fn page_length(rest: &str) -> usize {
    const NEVER: [char; 13] = [
        '<', '>', '"', '«', '»', '“', '”', '„', '`', '|', '\\', '{', '}',
    ];
    if !rest.starts_with(char::is_alphanumeric) {
        return 0;
    }
    let ends = |c: char| NEVER.contains(&c) || c.is_control() || c.is_whitespace();
    let end = rest
        .char_indices()
        .find(|(at, c)| *at > LINK_BYTES || ends(*c))
        .map_or(rest.len(), |(at, _)| at);
    if end > LINK_BYTES {
        return end;
    }
    let mut address = &rest[..end];
    let count = |sign| address.matches(sign).count();
    let (opened, mut closed) = (count('('), count(')'));
    loop {
        let trimmed = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '…', '\'', '’', ']']);
        match trimmed.strip_suffix(')').filter(|_| closed > opened) {
            Some(inside) => {
                address = inside;
                closed -= 1;
            }
            None => return trimmed.len(),
        }
    }
}

/// Writes a word without pages, addresses of people in it as links.
fn people(out: &mut String, word: &str) {
    let (mut written, mut at) = (0, 0);
    while let Some(found) = word[at..].find('@') {
        let sign = at + found;
        at = sign + 1;
        let is_local = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let is_domain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        let local = word[written..sign].trim_end_matches(is_local);
        let begin = written + local.len();
        let domain = &word[at..];
        let domain = &domain[..domain.find(|c| !is_domain(c)).unwrap_or(domain.len())];
        let domain = domain.trim_end_matches(['.', '-']);
        let is_address = begin < sign
            && !word[begin..].starts_with('.')
            && domain.starts_with(|c: char| c.is_ascii_alphanumeric())
            && domain.contains('.')
            && sign - begin + domain.len() < 255;
        if is_address {
            plain(out, &word[written..begin]);
            at += domain.len();
            link(out, "mailto:", &word[begin..at]);
            written = at;
        }
    }
    plain(out, &word[written..]);
}

fn link(out: &mut String, scheme: &str, address: &str) {
    out.push_str("<a href=\"");
    out.push_str(scheme);
    escape(out, address);
    out.push_str("\">");
    plain(out, address);
    out.push_str("</a>");
}

/// Writes a word that may be broken where it is long.
fn plain(out: &mut String, word: &str) {
    if word.chars().nth(LONG_WORD).is_none() {
        return escape(out, word);
    }
    let is_letter = |c: char| c.is_ascii_alphanumeric() || ('\u{400}'..='\u{4ff}').contains(&c);
    let (mut written, mut since) = (0, 0);
    for (at, c) in word.char_indices() {
        if since >= BREAK_AFTER && is_letter(c) {
            escape(out, &word[written..at]);
            out.push_str("<wbr>");
            (written, since) = (at, 0);
        }
        since += 1;
    }
    escape(out, &word[written..]);
}

/// Writes text that is neither a tag nor an entity, nor the end of an attribute. Control characters have no place in HTML.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
}
