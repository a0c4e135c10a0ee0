//! The schedule as plain text for a terminal, a letter or a typewriter font on the stand: 78 columns.

use super::sheet::{Row, Sheet};

/// The most characters a line has.
pub(crate) const COLUMNS: usize = 78;
/// Where a table's second column begins at the latest.
const LABEL_MAX: usize = 34;
/// Where the block of the approval begins.
const APPROVAL_AT: usize = 44;

/// Returns the whole text.
pub(super) fn page(sheet: &Sheet) -> String {
    let mut page = Page::default();
    let approval = &sheet.approval;
    let line = format!("__________________ ({})", approval.signature);
    let block = [
        Some(&approval.word),
        approval.by.as_ref(),
        Some(&line),
        Some(&approval.on),
        approval.order.as_ref(),
    ];
    for text in block.into_iter().flatten() {
        page.wrapped(APPROVAL_AT, text);
    }
    page.gap();
    page.wrapped(0, &sheet.title.to_uppercase());
    page.wrapped(0, &sheet.desk);
    if let Some(site) = &sheet.site {
        page.wrapped(0, site);
    }
    page.gap();
    page.table(&sheet.hours);
    page.gap();
    page.wrapped(0, &sheet.remarks.join(" "));
    page.gap();
    if sheet.ahead.is_empty() {
        page.wrapped(0, &sheet.usual);
    } else {
        page.head(&sheet.ahead_head);
        page.table(&sheet.ahead);
    }
    if let Some(why) = &sheet.tentative {
        page.wrapped(0, why);
    }
    page.gap();
    page.head(&sheet.write_head);
    page.wrapped(2, &sheet.addresses.join(", "));
    page.wrapped(2, &sheet.letters);
    page.gap();
    if !sheet.phones.is_empty() {
        page.head(&sheet.phones_head);
        for phone in &sheet.phones {
            page.wrapped(
                2,
                &format!("{} — {}, {}", phone.text, phone.label, phone.hours),
            );
        }
        page.wrapped(2, &sheet.call_back);
        page.gap();
    }
    if !sheet.people.is_empty() {
        page.head(&sheet.people_head);
        for person in &sheet.people {
            let order = person.order.as_ref().map(|order| format!(" ({order})"));
            page.wrapped(2, &format!("{}{}", person.name, order.unwrap_or_default()));
        }
        page.gap();
    }
    page.wrapped(0, &sheet.made);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn head(&mut self, text: &str) {
        self.wrapped(0, text);
    }

    /// Rows in two columns.
    fn table(&mut self, rows: &[Row]) {
        let widths = rows.iter().map(|row| row.when.chars().count());
        let at = widths.max().unwrap_or_default().min(LABEL_MAX) + 4;
        for row in rows {
            let label = folded(&row.when, at - 4);
            let what = folded(&row.said(), COLUMNS - at);
            for n in 0..label.len().max(what.len()) {
                let of = |lines: &[String]| lines.get(n).cloned().unwrap_or_default();
                let (label, what) = (of(&label), of(&what));
                let width = at - 2;
                let line = format!("  {label:<width$}{what}");
                self.line(line.trim_end());
            }
        }
    }

    /// A paragraph that begins `indent` columns in.
    fn wrapped(&mut self, indent: usize, text: &str) {
        for line in folded(text, COLUMNS - indent) {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// The words of a text in lines of at most `width` characters; a word that is longer is cut.
fn folded(text: &str, width: usize) -> Vec<String> {
    // What the operator wrote may hold line breaks and control characters; a terminal gets neither.
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text.chars().map(clean).collect();
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        for piece in word.chars().collect::<Vec<_>>().chunks(width) {
            let used = line.chars().count();
            if used > 0 && used + 1 + piece.len() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.extend(piece);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}
