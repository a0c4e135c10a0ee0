//! Letters to people who ask for help, in words. This module is given only what they may know.

use minijinja::context;

use super::compose::{self, Draft, NotComposable};
use super::moment::Moments;
use super::pictures;
use super::wording::Wording;
use crate::domain::outgoing::{WriterContent, WriterEnvelope};
use crate::domain::subject::{Prefix, split_prefixes};
use crate::domain::text::CleanLine;

/// The most of a writer's own text that is quoted back under an answer, in lines and in characters a line.
const QUOTE_LINES: usize = 6;
const QUOTE_CHARS: usize = 160;

/// Returns the letter in words.
pub fn draft(
    envelope: &WriterEnvelope,
    content: WriterContent,
    wording: &Wording,
    moments: Moments,
) -> Result<Draft, NotComposable> {
    let number = envelope.number;
    let desk = &envelope.desk;
    // Theirs may be an answer already, to whatever.
    let subject = match split_prefixes(envelope.subject.as_str()) {
        (Some(Prefix::Reply), subject) => subject,
        _ => envelope.subject.as_str(),
    };
    // The name beside an address that nobody has vouched for is a stranger's words (promise P14).
    let is_receipt = matches!(content, WriterContent::Receipt { .. });
    let to_name = if is_receipt {
        CleanLine::default()
    } else {
        envelope.to_name.clone()
    };
    let mut files_out = Vec::new();
    let mut from_name = desk.clone();
    // A person's answer carries no mark of a program; RFC 3834 section 5 for the others.
    let automatic = |value: &str| {
        vec![
            ("Auto-Submitted", CleanLine::new(value, 40)),
            ("X-Auto-Response-Suppress", CleanLine::new("All", 40)),
        ]
    };
    let (text, subject, fields) = match content {
        WriterContent::Receipt {
            numbers,
            more,
            registered,
            beginning,
            phones,
        } => {
            let holidays = beginning
                .holidays
                .map(|(from, to)| (moments.day(from), moments.day(to)));
            let (holidays_from, holidays_to) = holidays.unzip();
            let facts = context! { numbers, more, registered => moments.full(registered), open => beginning.open, begins => moments.on(beginning.begins), holidays_from, holidays_to, answer_by => beginning.answer_by.map(|at| moments.full(at)), provisional => beginning.provisional, phones, desk };
            // Nothing of the writer's own words: the address may be forged and its owner has not written (promise P14).
            (
                wording.text("receipt", facts)?,
                wording.text("receipt_subject", context! { number })?,
                automatic("auto-replied"),
            )
        }
        WriterContent::Reopened { beginning } => {
            let facts = context! { number, desk, open => beginning.open, begins => moments.on(beginning.begins), provisional => beginning.provisional };
            (
                wording.text("reopened", facts)?,
                wording.text("writer_subject", context! { number, subject })?,
                automatic("auto-replied"),
            )
        }
        WriterContent::Answer {
            author,
            words,
            quoted,
            files,
            raw,
        } => {
            from_name = wording.text("answer_from", context! { author => &author, desk })?;
            files_out = compose::files(&raw, &files)?;
            let pictures = pictures::lines(&mut files_out, wording)?;
            let facts = context! { words, pictures, author, desk, number, quote => quote(&quoted) };
            (
                wording.text("answer", facts)?,
                wording.text("writer_subject", context! { number, subject })?,
                Vec::new(),
            )
        }
    };
    Ok(Draft {
        message_id: envelope.message_id.clone(),
        references: envelope.references.clone(),
        from_name: CleanLine::new(&from_name, 100),
        from: envelope.from.clone(),
        to_name,
        to: envelope.to.clone(),
        subject: CleanLine::new(&subject, 240),
        text,
        language: wording.language.tag(),
        fields,
        files: files_out,
        date: envelope.now,
    })
}

/// Returns the first lines of `text` with `>` before them.
fn quote(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut quoted: Vec<String> = lines
        .iter()
        .take(QUOTE_LINES)
        .map(|line| format!("> {}", CleanLine::new(line, QUOTE_CHARS)))
        .collect();
    if lines.len() > QUOTE_LINES {
        quoted.push("> …".to_owned());
    }
    quoted.join("\n")
}
