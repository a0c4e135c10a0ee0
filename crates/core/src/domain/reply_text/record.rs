//! The new words of a letter as a reader would pick them out, for the record.
//!
//! Above a quotation they are what [`super::reply_text`] finds. Where somebody wrote below or between quoted lines, his
//! words are kept together with the lines they answer; a quotation at the end that nobody answered goes.

use super::attribution::{attribution, loose_attribution, quoted_attribution};
use super::headers::{header_block, is_announced, is_header, separator};
use super::line::{Line, Mark};
use super::service::begins_a_receipt;
use super::signature::own_end;
use super::{ReplyContext, fold};

/// What a line is to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Own,
    Blank,
    /// Marked as quoted.
    Quoted,
    /// Says who wrote what follows it, if that is marked as quoted.
    Attribution,
    /// The header of a quotation without marks: all that follows belongs to it.
    Header,
}

/// Returns the new words.
pub(super) fn new_words(lines: &[Line<'_>], context: ReplyContext<'_>) -> String {
    let kinds = kinds(lines, context);
    let author = fold(context.author);
    let mut from = 0;
    // A letter that begins with the header of a quotation is what stands under it: somebody forwarded it, or his
    // program marks nothing.
    for _ in 0..2 {
        let words = pick(&lines[from..], &kinds[from..], &author);
        let Some(first) = (from..lines.len()).find(|at| kinds[*at] != Kind::Blank) else {
            return String::new();
        };
        if !words.is_empty() || kinds[first] != Kind::Header || lines[first].has_sentinel() {
            return words;
        }
        let run = kinds[first..]
            .iter()
            .take_while(|kind| **kind == Kind::Header);
        from = first + run.count();
    }
    pick(&lines[from..], &kinds[from..], &author)
}

/// The kind of every line.
fn kinds(lines: &[Line<'_>], context: ReplyContext<'_>) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = lines.iter().map(kind_alone).collect();
    join_wrapped(lines, &mut kinds);
    let mut at = 0;
    while at < lines.len() {
        let line = &lines[at];
        if kinds[at] == Kind::Quoted || kinds[at] == Kind::Blank {
            at += 1;
            continue;
        }
        // In a letter that answers none, what another line announces is what its author tells of.
        let block = header_block(lines, at)
            .filter(|block| block.sure && (context.is_reply || !is_announced(lines, at)));
        if begins_a_receipt(line) {
            // Left standing without a mark, with the greeting above it.
            let above = lines[..at].iter().rposition(|line| !line.is_blank());
            let greets = |line: &Line<'_>| {
                ["здравствуйте", "hello"]
                    .iter()
                    .any(|word| line.key.starts_with(word))
            };
            let greeting = above.filter(|above| greets(&lines[*above]));
            kinds[greeting.unwrap_or(at)..=at].fill(Kind::Header);
            at += 1;
        } else if line.is_sentinel() || separator(line).is_some() {
            let under = header_block(lines, next_worded(lines, at + 1));
            let after = under.map_or(at + 1, |block| block.after);
            kinds[at..after.max(at + 1)].fill(Kind::Header);
            at = after.max(at + 1);
        } else if let Some(block) = block {
            let begun = framed_above(lines, at);
            kinds[begun..block.after].fill(Kind::Header);
            at = block.after;
        } else {
            let next = next_worded(lines, at + 1);
            let is_followed = kinds.get(next) == Some(&Kind::Quoted);
            let found = if is_followed {
                loose_attribution(lines, at)
                    .filter(|begun| context.is_reply || !is_told(lines, *begun, at))
            } else {
                // Without marks, an address or words above, it is the first sentence where no letter is answered.
                let is_first = |begun: usize| lines[..begun].iter().all(Line::is_blank);
                attribution(lines, at)
                    .filter(|found| found.dated)
                    .filter(|found| context.is_reply || found.sure || !is_first(found.begun))
                    .map(|found| found.begun)
            };
            if let Some(begun) = found {
                let kind = if is_followed {
                    Kind::Attribution
                } else {
                    Kind::Header
                };
                kinds[labels_above(lines, begun)..=at].fill(kind);
            }
            at += 1;
        }
    }
    kinds
}

/// Where the line begins that a program framed above the header of a quotation, in whatever words: "----- Passed on -----".
fn framed_above(lines: &[Line<'_>], header: usize) -> usize {
    let above = lines[..header].iter().rposition(|line| !line.is_blank());
    let is_framed = |line: &Line<'_>| line.is_dashed() && line.key.ends_with("--");
    above
        .filter(|above| is_framed(&lines[*above]))
        .unwrap_or(header)
}

/// Whether lines say that somebody writes, neither when nor from where, behind a sentence or above one line alone: people
/// quote so by hand.
fn is_told(lines: &[Line<'_>], begun: usize, at: usize) -> bool {
    let attribution = &lines[begun..=at];
    let is_stamp = |c: char| c == '@' || c.is_ascii_digit();
    let has_sentence = |line: &Line<'_>| line.key.contains(['!', '?']) || line.key.contains(". ");
    let quoted = lines[at + 1..].iter().skip_while(|line| line.is_blank());
    let count = quoted
        .take_while(|line| line.mark == Mark::Quote)
        .take(2)
        .count();
    !attribution.iter().any(|line| line.key.contains(is_stamp))
        && (count == 1 || attribution.iter().any(has_sentence))
}

/// Where the labelled lines begin that stand directly above an attribution ("Кому: …", "Тема: …"), and the line drawn
/// above them.
fn labels_above(lines: &[Line<'_>], attribution: usize) -> usize {
    const LABELS: usize = 6;
    let above = &lines[attribution.saturating_sub(LABELS)..attribution];
    let labels = above
        .iter()
        .rev()
        .take_while(|line| is_header(line))
        .count();
    if labels < 2 {
        return attribution;
    }
    let begun = attribution - labels;
    let is_drawn = begun > 0 && lines[begun - 1].is_rule();
    begun - usize::from(is_drawn)
}

/// The first line from `at` on that is not blank.
fn next_worded(lines: &[Line<'_>], at: usize) -> usize {
    let rest = lines.iter().skip(at).take(6);
    at + rest
        .take_while(|line| line.is_blank() || line.is_rule())
        .count()
}

fn kind_alone(line: &Line<'_>) -> Kind {
    match line.mark {
        _ if line.is_blank() => Kind::Blank,
        Mark::Quote => Kind::Quoted,
        Mark::None | Mark::Loose => Kind::Own,
    }
}

/// What a mail program wrapped out of a quoted line belongs to it; and a run of bars under an attribution is a
/// quotation, as a table's is not.
fn join_wrapped(lines: &[Line<'_>], kinds: &mut [Kind]) {
    for at in 1..lines.len().saturating_sub(1) {
        let between = kinds[at - 1] == Kind::Quoted && kinds[at + 1] == Kind::Quoted;
        let long = lines[at - 1].raw.chars().count() > 60;
        if kinds[at] == Kind::Own && between && long && lines[at].raw.chars().count() < 40 {
            kinds[at] = Kind::Quoted;
        }
    }
    let mut at = 0;
    while at < lines.len() {
        let run = lines[at..]
            .iter()
            .take_while(|line| line.mark == Mark::Loose)
            .count();
        if run > 1 && is_attributed(lines, at) {
            kinds[at..at + run].fill(Kind::Quoted);
        }
        at += run.max(1);
    }
}

fn is_attributed(lines: &[Line<'_>], at: usize) -> bool {
    let before = lines[..at].iter().rposition(|line| !line.is_blank());
    before.is_some_and(|before| loose_attribution(lines, before).is_some())
}

/// The new words where the kinds are known.
fn pick(lines: &[Line<'_>], kinds: &[Kind], author: &str) -> String {
    // Under the header of a quotation without marks everything is quoted.
    let end = kinds.iter().position(|kind| *kind == Kind::Header);
    let lines = &lines[..end.unwrap_or(lines.len())];
    let kinds = &kinds[..lines.len()];
    let first = kinds.iter().position(|kind| *kind == Kind::Quoted);
    let Some(first) = first else {
        return text(lines, kinds, 0, own_end(lines, author));
    };
    let last = kinds
        .iter()
        .rposition(|kind| *kind == Kind::Quoted)
        .unwrap_or(first);
    let tail = last + 1 + cut_footer(&lines[last + 1..]);
    let tail = last + 1 + own_end(&lines[last + 1..tail], author);
    let has_own = |range: std::ops::Range<usize>| kinds[range].contains(&Kind::Own);
    let above = own_end(&lines[..attributed_from(kinds, first)], author);
    let is_below = has_own(last + 1..tail);
    let is_above = has_own(0..above) && !(is_below && is_greeting(&lines[..above]));
    let answered = kinds[first..last]
        .iter()
        .rposition(|kind| *kind == Kind::Own);
    let is_attributed = first > 0 && attributed_from(kinds, first) < first
        || quoted_attribution(&lines[first..])
        || lines[first..=last].iter().any(Line::is_sentinel);
    match (is_below, answered) {
        // A quotation and then words: the quotation was left standing by the program.
        (true, None) if !is_above && is_attributed => {
            let greeting = text(lines, kinds, 0, above);
            format!("{greeting}\n\n{}", text(lines, kinds, last + 1, tail))
                .trim()
                .to_owned()
        }
        (true, _) => answers(lines, kinds, first, tail),
        // Quoted lines answered one by one; what is quoted after the last answer was answered by nobody.
        (false, Some(answered)) => {
            let end = own_end(&lines[..first + answered + 1], author);
            answers(lines, kinds, first, end)
        }
        (false, None) if is_above => text(lines, kinds, 0, above),
        (false, None) if is_attributed => String::new(),
        (false, None) => text(lines, kinds, 0, lines.len()),
    }
}

/// Words between and below the lines they answer, the quotation beginning at `first`. Its attribution may stand inside it,
/// and so may what a notice begins with.
fn answers(lines: &[Line<'_>], kinds: &[Kind], first: usize, end: usize) -> String {
    // A signature may begin above the quotation and take it along.
    let first = first.min(end);
    let begun = first + quoted_head(&lines[first..end]);
    let before = text(lines, kinds, 0, first);
    let words = text(lines, kinds, begun, end);
    let gap = if kinds[..first].ends_with(&[Kind::Blank]) || begun > first {
        "\n\n"
    } else {
        "\n"
    };
    format!("{before}{gap}{words}").trim().to_owned()
}

/// How many lines at the beginning of a quotation are its attribution, or what a notice of ours begins with.
fn quoted_head(lines: &[Line<'_>]) -> usize {
    const HEAD_LINES: usize = 4;
    let quoted = lines
        .iter()
        .take_while(|line| line.mark == Mark::Quote)
        .count();
    let ends = |at: &usize| {
        let line = &lines[*at];
        line.key.ends_with("==]") || line.key.ends_with(':') && quoted_attribution(&lines[..=*at])
    };
    let head = (0..quoted.min(HEAD_LINES))
        .find(ends)
        .map_or(0, |at| at + 1);
    if head == 0 {
        return 0;
    }
    let blank = lines[head..quoted]
        .iter()
        .take_while(|line| line.key.is_empty());
    head + blank.count()
}

/// Where the attribution above the quoted line begins, blank lines left out; the line itself where there is none.
fn attributed_from(kinds: &[Kind], quoted: usize) -> usize {
    let is_above = |kind: &&Kind| matches!(kind, Kind::Attribution | Kind::Blank);
    quoted - kinds[..quoted].iter().rev().take_while(is_above).count()
}

/// Where a footer begins: the few lines under a long drawn line, as lists put them below a quotation.
fn cut_footer(lines: &[Line<'_>]) -> usize {
    const FOOTER_LINES: usize = 8;
    let tail = lines.len().saturating_sub(FOOTER_LINES);
    let is_long_rule =
        |line: &Line<'_>| line.mark == Mark::None && line.raw.trim().len() >= 10 && line.is_rule();
    let rule = lines[tail..].iter().rposition(is_long_rule);
    rule.map_or(lines.len(), |at| tail + at)
}

/// Whether there is nothing but a greeting: one short line.
fn is_greeting(lines: &[Line<'_>]) -> bool {
    let mut worded = lines.iter().filter(|line| !line.is_blank());
    let first = worded.next().map_or("", |line| line.raw.trim());
    let is_short = first.split_whitespace().count() <= 5 && first.chars().count() <= 50;
    worded.next().is_none() && is_short && first.ends_with([',', '!', '.', ':'])
}

/// The lines of a range as they stand, without attributions.
fn text(lines: &[Line<'_>], kinds: &[Kind], from: usize, end: usize) -> String {
    let mut text = String::new();
    for (line, kind) in lines.iter().zip(kinds).take(end).skip(from) {
        if *kind != Kind::Attribution {
            text.push_str(line.raw);
            text.push('\n');
        }
    }
    text.trim_matches(['\n', '\r']).trim_end().to_owned()
}
