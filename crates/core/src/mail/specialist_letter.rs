//! Letters to the people who answer, and to the operator.

use minijinja::context;
use minijinja::value::{Serde, Value};

use super::compose::{self, Draft, NotComposable};
use super::moment::Moments;
use super::wording::Wording;
use super::{parse, pictures};
use crate::domain::address::EmailAddress;
use crate::domain::note::Note;
use crate::domain::outgoing::{SpecialistContent, SpecialistEnvelope};
use crate::domain::registration::{AboutOwnLetter, OwnLetter};
use crate::domain::text::CleanLine;
use crate::domain::ticket::State;

/// Other recipients of a letter that a notice names.
const COPIES: usize = 10;

/// Returns the letter in words.
pub fn draft(
    envelope: &SpecialistEnvelope,
    content: SpecialistContent,
    wording: &Wording,
    moments: Moments,
) -> Result<Draft, NotComposable> {
    let number = envelope.number;
    let sentinel = envelope.sentinel.as_deref();
    let subject = envelope.subject.as_str();
    let mut from_name = envelope.desk.clone();
    let mut files = Vec::new();
    let mut fields = vec![
        ("Auto-Submitted", CleanLine::new("auto-generated", 40)),
        ("X-Auto-Response-Suppress", CleanLine::new("All", 40)),
    ];
    // The operator's letters are about the desk and not of it.
    let is_alert = matches!(content, SpecialistContent::Alert { .. });
    let language = wording.language;
    if !is_alert {
        let list = format!("<support.{}>", envelope.from.domain());
        fields.push(("List-Id", CleanLine::new(&list, 200)));
    }
    if let Some(number) = number {
        let ticket = match &content {
            SpecialistContent::Notice(notice) => {
                format!("{number}; state={}", notice.state.as_str())
            }
            _ => number.to_string(),
        };
        fields.push(("X-Ticket", CleanLine::new(&ticket, 40)));
    }
    let (text, subject) = match content {
        SpecialistContent::Notice(notice) => {
            let state = wording.text(state_name(notice.state), context! {})?;
            let mut others = Vec::new();
            for other in &notice.others {
                let state = wording.text(state_name(other.state), context! {})?;
                others.push(
                    context! { number => other.number, subject => other.subject.as_str(), state },
                );
            }
            let address = notice.address.as_ref().map(EmailAddress::as_str);
            let name = notice.name.as_str();
            from_name = wording.text("notice_from", context! { name, address })?;
            let letter = parse::parse_registered(&notice.raw, notice.header_only);
            let notes = letter
                .notes
                .iter()
                .filter_map(Note::wording)
                .map(|name| wording.text(name, context! {}))
                .collect::<Result<Vec<String>, _>>()?;
            let copies: Vec<String> = letter
                .to
                .into_iter()
                .filter(|copy| *copy != envelope.from && Some(copy) != notice.address.as_ref())
                .take(COPIES)
                .map(|copy| copy.to_string())
                .collect();
            files = compose::files(&notice.raw, &notice.files)?;
            let pictures = pictures::lines(&mut files, wording)?;
            let facts = context! {
                pictures,
                body => defused(&notice.body),
                name,
                address,
                received => moments.short(notice.received),
                first => notice.first,
                state,
                assignee => notice.assignee,
                answer_by => notice.answer_by.map(|at| moments.full(at)),
                is_provisional => notice.is_provisional,
                files => Value::from(Serde(&notice.files)),
                copies,
                notes,
                related => notice.related,
                others,
                number,
                sentinel,
            };
            (
                wording.text("notice", facts)?,
                wording.text("notice_subject", context! { number, subject, name })?,
            )
        }
        SpecialistContent::Digest(digest) => {
            let more = digest.all - digest.lines.len() as i64;
            let lines: Vec<Value> = digest
                .lines
                .iter()
                .map(|line| {
                    context! {
                        number => line.number,
                        subject => defused(line.subject.as_str()),
                        name => defused(line.name.as_str()),
                        address => line.address.as_str(),
                        received => moments.short(line.received),
                        letters => line.letters,
                    }
                })
                .collect();
            (
                wording.text("digest", context! { lines, more })?,
                wording.text("digest_subject", context! { all => digest.all })?,
            )
        }
        SpecialistContent::OwnLetter { about, received } => {
            let AboutOwnLetter { what, draft, .. } = about;
            let effective =
                if let OwnLetter::Accepted { at, .. } | OwnLetter::DigestAccepted { at } = &what {
                    moments.on(*at)
                } else {
                    String::new()
                };
            let name_of_file = match &what {
                OwnLetter::FileMayQuoteUs { name } => CleanLine::new(name, 150),
                _ => CleanLine::default(),
            };
            let name = envelope
                .to_name
                .as_str()
                .split(' ')
                .next()
                .unwrap_or_default();
            let mut since = (None, None);
            if let OwnLetter::Stale { colleague, writer } = &what {
                let colleague = colleague.as_ref();
                since = (
                    colleague.map(|one| context! { who => one.who.as_str(), at => moments.short(one.at), words => defused(&one.words) }),
                    writer.as_ref().map(|one| context! { at => moments.short(one.at), words => defused(&one.words) }),
                );
            }
            let (colleague, writer) = since;
            let draft = draft.map(|words| defused(&words));
            let said = context! { draft, colleague, writer };
            let extra = context! { number, sentinel, subject, effective, name_of_file => name_of_file.as_str(), received => moments.on(received), name };
            let facts = context! { ..said, ..extra, ..Value::from(Serde(&what)) };
            (
                wording.text("own_letter", facts)?,
                wording.text("own_letter_subject", context! { number, subject })?,
            )
        }
        SpecialistContent::Delivery(undelivered) => {
            let facts = context! { number, sentinel, address => undelivered.address, reply => undelivered.reply, fate => Value::from(Serde(&undelivered.fate)) };
            (
                wording.text("delivery", facts)?,
                wording.text("delivery_subject", context! { number })?,
            )
        }
        SpecialistContent::Alert { matter, words } => (
            wording.text("alert", context! { words })?,
            wording.text("alert_subject", context! { subject => matter })?,
        ),
    };
    Ok(Draft {
        message_id: envelope.message_id.clone(),
        references: envelope.references.clone(),
        from_name: CleanLine::new(&from_name, 100),
        from: envelope.from.clone(),
        to_name: envelope.to_name.clone(),
        to: envelope.to.clone(),
        subject: CleanLine::new(&subject, 240),
        text,
        language: language.tag(),
        fields,
        files,
        date: envelope.now,
    })
}

/// A writer's words, with what looks like a sentinel of ours broken up, in wide letters too: nobody can forge the part below.
fn defused(words: &str) -> String {
    let mut defused = String::with_capacity(words.len());
    let mut before = ' ';
    for c in words.chars() {
        let (is_opened, is_closed) = (matches!(before, '[' | '［'), matches!(c, ']' | '］'));
        let is_line = |c: char| matches!(c, '=' | '＝');
        if is_opened && is_line(c) || is_line(before) && is_closed {
            defused.push(' ');
        }
        defused.push(c);
        before = c;
    }
    defused
}

fn state_name(state: State) -> &'static str {
    match state {
        State::New => "state_new",
        State::InWork => "state_in_work",
        State::Answered => "state_answered",
        State::Closed => "state_closed",
        State::Merged => "state_merged",
    }
}
