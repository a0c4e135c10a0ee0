//! What stands above the first mark of a quote, and whether it may be trusted to be its author's alone. It fails
//! closed: what is not known is held.

use super::attribution::{attribution, loose_attribution, reads_like_one};
use super::headers::{Separator, header_block, is_announced, is_header, separator};
use super::line::{Line, Mark};
use super::service::repeats;
use super::signature::own_end;
use super::{ReplyContext, Why};

/// Returns the lines above the first cut, and why they must not be believed, if so.
pub(super) fn words_above<'a, 'b>(
    lines: &'b [Line<'a>],
    context: ReplyContext<'_>,
) -> (&'b [Line<'a>], Option<Why>) {
    let (cut, doubtful) = find_cut(lines, context);
    let is_cut = cut.is_some();
    let bottom = cut.as_ref().map_or(lines.len(), |cut| cut.at);
    let top = if is_cut {
        strip_above(lines, bottom)
    } else {
        bottom
    };
    let above = &lines[..top];
    let repeated = repeats(above);
    let why = if above.iter().any(Line::has_sentinel) {
        Some(Why::SentinelRemains)
    } else if repeated && context.is_reply && !is_cut {
        Some(Why::OurTextWithoutCut)
    } else if repeated {
        Some(Why::ServiceLinesRemain)
    } else if cut
        .is_some_and(|cut| words_below(lines, &cut.below) || may_answer_below(above, &cut.below))
    {
        Some(Why::WordsBelowTheQuote)
    } else if doubtful.is_some_and(|at| at < top) && (context.is_reply || is_cut) {
        Some(Why::PerhapsAQuote)
    } else {
        None
    };
    (above, why)
}

/// Where the own words end, and what is known of the lines under that point.
struct Cut {
    at: usize,
    below: Below,
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
        (found.begun, Below::Header { after, sure })
    };
    Some(Cut { at, below })
}

/// Takes away what a mail program left just above the cut: blank and drawn lines, labels, one attribution.
fn strip_above(lines: &[Line<'_>], mut end: usize) -> usize {
    let mut attributed = false;
    while let Some(last) = end.checked_sub(1) {
        let line = &lines[last];
        let labels = is_header(line) && last > 0 && is_header(&lines[last - 1]);
        if line.is_blank() || line.is_rule() {
            end = last;
        } else if labels {
            let other = lines[..last].iter().rposition(|line| !is_header(line));
            end = other.map_or(0, |at| at + 1);
        } else if let Some(begun) = loose_attribution(lines, last).filter(|_| !attributed) {
            (end, attributed) = (begun, true);
        } else {
            break;
        }
    }
    end
}

/// Whether the words above an unmarked quotation say that more stands in it, or there are none: answers are typed there
/// too.
fn may_answer_below(above: &[Line<'_>], below: &Below) -> bool {
    #[rustfmt::skip]
    const POINTERS: [&str; 18] = [
        "в тексте ниже", "ниже в тексте", "ниже по тексту", "по тексту", "в вашем письме", "в самом письме", "красным", "синим", "зеленым", "выделил", "внутри письма", "see below", "answers below", "comments below", "inline", "in red", "in blue", "in green",
    ];
    let own = &above[..own_end(above, "")];
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
    match rest.iter().find(|line| !line.is_blank() && !line.is_rule()) {
        None => false,
        Some(first) if first.mark != Mark::None => unmarked_words(rest),
        Some(first) if first.is_sentinel() || separator(first) == Some(Separator::Native) => false,
        // Typed under the header of the quote but above the line that says "above this line".
        Some(_) => !sure || rest.iter().any(Line::is_sentinel),
    }
}

/// Whether a quoted region has words without a mark, other than a signature at its end.
fn unmarked_words(lines: &[Line<'_>]) -> bool {
    let own = |line: &Line<'_>| line.mark == Mark::None && !line.is_blank() && !line.is_sentinel();
    let first = lines.iter().position(own).unwrap_or(lines.len());
    let rest = &lines[first..];
    rest.iter().any(|line| line.mark != Mark::None) || own_end(rest, "") > 0
}
