//! What stands above the first mark of a quote, and whether it may be trusted to be its author's alone. It fails
//! closed: what is not known is held.

use super::attribution::{
    attribution, ends_with_verb, has_date, loose_attribution, reads_like_one,
};
use super::headers::{Separator, header_block, is_announced, is_header, separator};
use super::line::{Line, Mark, joined, words};
use super::service::{is_labelled, is_token_line, repeats};
use super::signature::{own_end, signed_end};
use super::{ReplyContext, Why};

/// Returns the lines above the first cut, and why they must not be believed, if so.
pub(super) fn words_above<'a, 'b>(
    lines: &'b [Line<'a>],
    context: ReplyContext<'_>,
) -> (&'b [Line<'a>], Option<Why>) {
    let (cut, doubtful) = find_cut(lines, context);
    let Some(cut) = cut else {
        return (lines, why_without_cut(lines, doubtful.is_some(), context));
    };
    let (top, is_guessed) = strip_above(lines, &cut);
    let above = &lines[..top];
    let why = if above.iter().any(Line::has_sentinel) {
        Some(Why::SentinelRemains)
    } else if repeats(above) {
        Some(Why::ServiceLinesRemain)
    } else if cut.begins_inside(lines) {
        Some(Why::OurTextWithoutCut)
    } else if words_below(lines, &cut.below) || may_answer_below(above, &cut.below) {
        Some(Why::WordsBelowTheQuote)
    } else if is_guessed || cut.is_announced || doubtful.is_some_and(|at| at < top) {
        Some(Why::PerhapsAQuote)
    } else {
        None
    };
    (above, why)
}

/// Returns the first line that a program may have written: quoted, a sentinel, of the service part of a notice, or what may
/// be the header of a quote. The number of lines if there is none.
pub(super) fn first_doubt(lines: &[Line<'_>], context: ReplyContext<'_>) -> usize {
    let is_doubtful = |at: usize| {
        let line = &lines[at];
        line.mark != Mark::None
            || line.has_sentinel()
            || is_header(line)
            || is_labelled(line)
            || repeats(&lines[at..=at])
            || reads_like_one(line)
            || attribution(lines, at).is_some()
            || separator(line).is_some()
            || header_block(lines, at).is_some()
            || cut_at(lines, at, context).is_some()
    };
    let at = (0..lines.len()).find(|at| is_doubtful(*at));
    let at = at.unwrap_or(lines.len());
    let is_ours = |line: &Line<'_>| line.has_sentinel() || repeats(std::slice::from_ref(line));
    // The middle or the end of a letter of ours: where it begins above, nobody knows. Nor where its lines are broken.
    let is_inside = lines.get(at).is_some_and(is_ours) && !opens_ours(lines, at);
    let first = lines.iter().position(Line::has_sentinel);
    let is_tail = |first: usize| lines[first].mark == Mark::None && !opens_ours(lines, first);
    if is_inside || first.is_some_and(is_tail) || repeats(&lines[..at]) {
        return 0;
    }
    at
}

/// Whether the first line of a letter of ours begins here.
fn opens_ours(lines: &[Line<'_>], at: usize) -> bool {
    let begins = joined(&lines[at..lines.len().min(at + 3)]);
    ["выше этой строки", "above this line"]
        .iter()
        .any(|words| begins.contains(words))
}

fn why_without_cut(lines: &[Line<'_>], doubtful: bool, context: ReplyContext<'_>) -> Option<Why> {
    if lines.iter().any(Line::has_sentinel) {
        Some(Why::SentinelRemains)
    } else if repeats(lines) {
        Some(if context.is_reply {
            Why::OurTextWithoutCut
        } else {
            Why::ServiceLinesRemain
        })
    } else {
        (doubtful && context.is_reply).then_some(Why::PerhapsAQuote)
    }
}

/// Where the own words end, and what is known of the lines under that point.
struct Cut {
    at: usize,
    below: Below,
    /// Whether the cut is an attribution, and no other stands above it.
    is_attribution: bool,
    /// Whether the author's last line says that something follows, which then may be his.
    is_announced: bool,
}

impl Cut {
    /// Whether a notice begins above the cut: its first sentinel is gone, or a line of its header stands there. Behind `|` its
    /// other lines are believed to be the author's.
    fn begins_inside(&self, lines: &[Line<'_>]) -> bool {
        let at = match self.below {
            Below::Notice(at) => at,
            Below::Marked(at) => return lines[at].mark == Mark::Loose && !opens_ours(lines, at),
            Below::Header { .. } => return false,
        };
        let is_first = opens_ours(lines, at);
        let above = lines[..at].iter().rfind(|line| !line.is_blank());
        let is_header = |line: &Line<'_>| {
            has_date(&line.key) || line.key.contains('@') || line.key.contains("[№")
        };
        !is_first || above.is_some_and(is_header)
    }
}

enum Below {
    /// An unmarked sentinel, from this line on: the notice ends with its last sentinel.
    Notice(usize),
    /// Quoted lines from this one on: each should carry its mark.
    Marked(usize),
    /// The header of a quote ended before this line. A sure one was written by a program.
    Header { after: usize, sure: bool },
}

/// Finds the first cut, and the first line above it that might have been one.
fn find_cut(lines: &[Line<'_>], context: ReplyContext<'_>) -> (Option<Cut>, Option<usize>) {
    let mut doubtful = None;
    for (at, line) in lines.iter().enumerate() {
        let cut = cut_at(lines, at, context);
        if cut.is_some() {
            return (cut, doubtful);
        }
        // A verb without a date, a header in a rarer language, labels without a sender.
        if reads_like_one(line)
            || attribution(lines, at).is_some()
            || separator(line).is_some()
            || header_block(lines, at).is_some()
        {
            doubtful = doubtful.or(Some(at));
        }
    }
    (None, doubtful)
}

fn cut_at(lines: &[Line<'_>], at: usize, context: ReplyContext<'_>) -> Option<Cut> {
    let line = &lines[at];
    let mut is_attribution = false;
    let block = || header_block(lines, at).filter(|block| block.sender && !block.rare);
    let (at, below) = if line.is_sentinel() && line.mark == Mark::None {
        (at, Below::Notice(at))
    } else if line.is_sentinel() || line.mark == Mark::Quote {
        (at, Below::Marked(at))
    } else if separator(line) == Some(Separator::Native) {
        let (after, sure) = match header_block(lines, at + 1) {
            Some(block) => (block.after, block.sure),
            None => (at + 1, false),
        };
        let sure = sure || line.is_dashed();
        (at, Below::Header { after, sure })
    } else if let Some(block) = block() {
        let after = block.after;
        let sure = block.sure && (context.is_reply || !is_announced(lines, at));
        (at, Below::Header { after, sure })
    } else {
        let found = attribution(lines, at).filter(|found| !found.rare)?;
        let after = at + 1;
        let sure = found.sure;
        is_attribution = true;
        (found.begun, Below::Header { after, sure })
    };
    let above = lines[..at].iter().rfind(|line| !line.is_blank());
    let is_labelled = matches!(below, Below::Header { .. }) && !is_attribution;
    Some(Cut {
        at,
        below,
        is_attribution,
        is_announced: is_labelled && above.is_some_and(|line| line.key.ends_with(':')),
    })
}

/// Takes away what a mail program left just above the cut: blank and drawn lines, labels, one attribution. Also returns whether
/// any of it may be the author's own.
fn strip_above(lines: &[Line<'_>], cut: &Cut) -> (usize, bool) {
    let (mut end, mut attributed, mut is_guessed) = (cut.at, cut.is_attribution, false);
    while let Some(last) = end.checked_sub(1) {
        let line = &lines[last];
        let labels = is_header(line) && last > 0 && is_header(&lines[last - 1]);
        if line.is_blank() || line.is_rule() {
            end = last;
        } else if labels {
            // A program puts them above an attribution.
            is_guessed |= !attributed;
            let other = lines[..last].iter().rposition(|line| !is_header(line));
            end = other.map_or(0, |at| at + 1);
        } else if let Some(begun) = loose_attribution(lines, last).filter(|_| !attributed) {
            // "Anna writes:" is one too.
            let is_known = attribution(lines, last).is_some_and(|found| found.dated);
            is_guessed |= !is_known && !ends_with_verb(&line.key);
            (end, attributed) = (begun, true);
        } else {
            break;
        }
    }
    (end, is_guessed)
}

/// Whether there is nothing but one line that greets.
fn is_salutation(own: &[Line<'_>]) -> bool {
    #[rustfmt::skip]
    const GREETINGS: [&str; 11] = [
        "здравствуйте", "добрый день", "доброе утро", "добрый вечер", "доброго дня", "приветствую", "hello", "good morning", "good afternoon", "dear ", "hi ",
    ];
    let mut worded = own.iter().filter(|line| !line.is_blank());
    let first = worded.next();
    worded.next().is_none()
        && first.is_some_and(|line| {
            let said = line.key.trim_end_matches(['!', '.', ',', ' ']);
            let is_one = words(said).count() <= 6 && !said.contains(['!', '.', '?']);
            is_one
                && GREETINGS
                    .iter()
                    .any(|greeting| line.key.starts_with(greeting))
        })
}

/// Whether the words above a quotation are a greeting and no more, or say that more stands in it: answers are typed there
/// too.
fn may_answer_below(above: &[Line<'_>], below: &Below) -> bool {
    #[rustfmt::skip]
    const POINTERS: [&str; 22] = [
        "в тексте ниже", "ниже в тексте", "в тексте письма", "ответы ниже", "ответил ниже", "ответила ниже", "ниже по тексту", "по тексту", "в вашем письме", "в самом письме", "красным", "синим", "зеленым", "выделил", "внутри письма", "see below", "answers below", "comments below", "inline", "in red", "in blue", "in green",
    ];
    let own = &above[..signed_end(above, "")];
    if is_salutation(own) {
        return true;
    }
    match below {
        Below::Marked(_) => false,
        Below::Notice(_) => own.is_empty(),
        Below::Header { .. } => own
            .iter()
            .any(|line| POINTERS.iter().any(|words| line.key.contains(words))),
    }
}

/// Whether words under the cut might be the author's.
fn words_below(lines: &[Line<'_>], below: &Below) -> bool {
    let (after, sure) = match *below {
        Below::Notice(at) => {
            let last = lines.iter().rposition(Line::has_sentinel).unwrap_or(at);
            return own_end(&lines[last + 1..], "") > 0;
        }
        Below::Marked(at) => return unmarked_words(&lines[at..]),
        Below::Header { after, sure } => (after, sure),
    };
    let rest = &lines[after..];
    // An unmarked notice below a header: words may stand above its first line, or behind its last. What its writer quoted in it
    // is marked.
    let is_ours = |line: &Line<'_>| line.has_sentinel() || is_token_line(line);
    if let Some(last) = rest.iter().rposition(is_ours)
        && rest
            .iter()
            .find(|line| is_ours(line))
            .is_some_and(|first| first.mark == Mark::None)
    {
        let is_first = |line: &&Line<'_>| !line.is_blank() && !line.is_rule() && !is_header(line);
        let begins = rest.iter().find(is_first).is_some_and(Line::is_sentinel);
        return !begins || own_end(&rest[last + 1..], "") > 0;
    }
    match rest.iter().find(|line| !line.is_blank() && !line.is_rule()) {
        None => false,
        Some(first) if first.mark != Mark::None => unmarked_words(rest),
        Some(first) if separator(first) == Some(Separator::Native) => false,
        Some(_) => !sure || typed_above_marks(rest),
    }
}

/// Whether unmarked words stand right above a letter of ours whose lines are marked.
fn typed_above_marks(rest: &[Line<'_>]) -> bool {
    let Some(marked) = rest.iter().position(|line| line.mark == Mark::Quote) else {
        return false;
    };
    let is_header = |at: usize| {
        attribution(rest, at).is_some()
            || separator(&rest[at]).is_some()
            || header_block(rest, at).is_some()
    };
    rest[marked..].iter().any(Line::has_sentinel) && !(0..marked).any(is_header)
}

/// Whether a quoted region has words without a mark, other than a signature at its end.
fn unmarked_words(lines: &[Line<'_>]) -> bool {
    let own = |line: &Line<'_>| line.mark == Mark::None && !line.is_blank() && !line.is_sentinel();
    let first = lines.iter().position(own).unwrap_or(lines.len());
    let rest = &lines[first..];
    rest.iter().any(|line| line.mark != Mark::None) || own_end(rest, "") > 0
}
