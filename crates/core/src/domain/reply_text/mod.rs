//! Separates the words an author wrote now from everything his mail program quoted under them.
//!
//! Two questions are asked of a letter, and they are not the same. [`reply_text`] asks what may travel on to another
//! person: the words above the first cut (spec/commands.md, "Parsing, in order", step 4), and only when it is certain
//! that they are their author's alone, for the notice he answers shows other people's data, and leaking is worse than
//! delay. It never repairs a text by taking lines out of its middle. [`new_words`] asks what somebody who keeps the
//! record would read: words under and between quoted lines too, in any language. What the words mean is `command`'s
//! matter; decoding, NFC and removing control characters come before. Every function here is linear in the size of
//! the text.

mod attribution;
mod cut;
mod headers;
mod line;
mod record;
#[cfg(test)]
mod record_tests;
mod service;
mod signature;
#[cfg(test)]
mod tests;

use self::line::read;

pub(super) use self::line::fold;
pub use self::service::SERVICE_LABELS;

/// What is known about a letter besides its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyContext<'a> {
    /// The letter answers another one or passes one on: it has In-Reply-To or References, or a subject with such a prefix.
    pub is_reply: bool,
    /// The name of whoever wrote, as the letter spells it; empty where it has none.
    pub author: &'a str,
}

impl<'a> ReplyContext<'a> {
    /// Returns the context of an answer by `author`.
    pub fn of_reply(author: &'a str) -> ReplyContext<'a> {
        ReplyContext {
            is_reply: true,
            author,
        }
    }
}

/// The author's own new words, and whether they are his alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyText {
    /// The text above the quote, without the signature. Not to be sent anywhere unless certain.
    pub own: String,
    /// What was cut between `own` and the quote as a signature; empty if there was none.
    pub signature: String,
    /// Whether `own` is all that the author wrote and nothing else.
    pub certainty: Certainty,
}

impl ReplyText {
    /// The own words when they are certain, the only form in which they may travel on.
    pub fn certain(&self) -> Option<&str> {
        (self.certainty == Certainty::Certain).then_some(self.own.as_str())
    }
}

/// Whether the own words could be told apart from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// Everything in `own` is the author's and nothing of his is missing as far as marks can tell.
    Certain,
    /// Hold the letter and ask its author.
    Uncertain(Why),
}

/// Why a letter has to be held. The order is the order of checking: the worst leak first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A part of a sentinel line (`[==` or `==]`) stands among the own words.
    SentinelRemains,
    /// The letter is a reply without any mark of a quote, and repeats the service part of a notice.
    OurTextWithoutCut,
    /// Lines of the service part of a notice stand above the quote.
    ServiceLinesRemain,
    /// Words stand under or between quoted lines, and nothing says whose they are.
    WordsBelowTheQuote,
    /// A line reads like the header of a quote ("АИС пишет:") but could be the author's own.
    PerhapsAQuote,
}

/// Returns the author's own words in a decoded plain text, and whether they may be trusted to be only that.
pub fn reply_text(text: &str, context: ReplyContext<'_>) -> ReplyText {
    let lines = read(text);
    let (above, why) = cut::words_above(&lines, context);
    let signature = lines.get(signature::signed_end(above, &fold(context.author)));
    let end = signature.map_or(text.len(), |line| line.start);
    let quote = lines.get(above.len());
    let quote = quote.map_or(text.len(), |line| line.start);
    ReplyText {
        own: text[..end].trim().to_owned(),
        signature: text.get(end..quote).unwrap_or_default().trim().to_owned(),
        certainty: why.map_or(Certainty::Certain, Certainty::Uncertain),
    }
}

/// Returns the lines above the first that might not be the author's, where [`reply_text`] is uncertain: what may travel on
/// once its author was shown it and said so.
pub fn certain_top(text: &str, context: ReplyContext<'_>) -> String {
    let lines = read(text);
    let end = cut::first_doubt(&lines, context);
    let end = lines.get(end).map_or(text.len(), |line| line.start);
    text[..end].trim().to_owned()
}

/// Returns the new words of a letter as a reader would pick them out. Not to be sent to anybody: they may hold what
/// others wrote, where an author wrote between quoted lines, or quoted without a mark.
pub fn new_words(text: &str, context: ReplyContext<'_>) -> String {
    record::new_words(&read(text), context)
}

/// Returns the new words of a writer's follow-up for the record that only specialists read: the same cut,
/// but the whole text wherever the cut is unsure or would leave nothing.
pub fn requester_text(text: &str, context: ReplyContext<'_>) -> String {
    match reply_text(text, context).certain() {
        Some(own) if !own.is_empty() => own.to_owned(),
        _ => text.trim().to_owned(),
    }
}
