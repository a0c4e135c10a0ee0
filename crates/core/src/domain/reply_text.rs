//! Separates the words an author wrote now from everything his mail program quoted under them.
//!
//! Decides where a reply stops being its author's, and whether that is certain. A specialist's text goes
//! out only when it is: the notice he answers shows other people's data, and leaking is worse than delay.
//! It never repairs a text by taking lines out of its middle: own words are what stands above the first
//! cut (spec/commands.md, "Parsing, in order", step 4). What the words mean is `command`'s matter; decoding,
//! NFC and removing control characters come before. Every function here is linear in the size of the text.

use std::collections::HashSet;

/// What is known about a letter besides its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyContext {
    /// The letter answers another one: it has In-Reply-To or References, or a subject with a reply prefix.
    pub is_reply: bool,
}

/// The author's own new words, and whether they are his alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyText {
    /// The text above the quote, without the signature. Not to be sent anywhere unless certain.
    pub own: String,
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

/// The labels of the service part of a notice, folded, without the colon. The wording must keep to them.
#[rustfmt::skip]
pub const SERVICE_LABELS: [&str; 18] = [
    "кто", "пришло", "состояние", "тема", "вложение", "вложения", "в копии", "упомянуто", "раньше", "похоже на", "памятка",
    "who", "received", "state", "attachment", "copies to", "mentions", "earlier",
];
/// Words of a notice that no answer to a person contains.
#[rustfmt::skip]
const SERVICE_PHRASES: [&str; 8] = [
    "пишите ответ выше этой строки", "пользователю не видно", "туда ответ не уйдет",
    "write your answer above this line", "the requester does not see this",
    "адрес не проверен", "address not verified", "[=3d=3d",
];
const SENDER_LABELS: [&str; 3] = ["от", "от кого", "from"];
#[rustfmt::skip]
const HEADER_LABELS: [&str; 14] = [
    "кому", "тема", "отправлено", "дата", "копия", "скрытая копия", "важность",
    "to", "subject", "sent", "date", "cc", "bcc", "importance",
];
#[rustfmt::skip]
const SEPARATORS: [&str; 11] = [
    "исходное сообщение", "исходное письмо", "оригинальное сообщение", "пересылаемое сообщение",
    "пересланное сообщение", "пересылаемое письмо", "начало переадресованного сообщения",
    "начало пересылаемого сообщения", "original message", "forwarded message", "begin forwarded message",
];
#[rustfmt::skip]
const VERBS: [&str; 11] = [
    "пишет", "писал", "писали", "написал", "написали", "написав", "пише", "сообщает", "сообщил", "wrote", "writes",
];
/// What a wrapped attribution begins with, besides a digit.
#[rustfmt::skip]
const OPENINGS: [&str; 26] = [
    "on", "в", "вы", "you", "от", "am", "le", "пн", "вт", "ср", "чт", "пт", "сб", "вс", "понедельник", "вторник",
    "среда", "среду", "четверг", "пятница", "пятницу", "суббота", "субботу", "воскресенье", "mon", "tue",
];
#[rustfmt::skip]
const SENT_FROM: [&str; 8] = [
    "отправлено из ", "отправлено с ", "отправлено со ", "отправлено через ", "sent from ", "sent via ",
    "get outlook for ", "скачать outlook для ",
];
#[rustfmt::skip]
const DEVICES: [&str; 7] = ["почт", "телефон", "смартфон", "планшет", "устройств", "мобильн", "приложен"];
const REGARDS: [&str; 3] = ["с уважением", "best regards", "kind regards"];
const POSTSCRIPTS: [&str; 4] = ["p.s", "ps", "п.с", "з.ы"];
/// A signature has at most so many lines with words, and an attribution so many bytes.
const SIGNATURE_LINES: usize = 12;
const ATTRIBUTION_BYTES: usize = 800;

/// Returns the author's own words in a decoded plain text, and whether they may be trusted to be only that.
pub fn reply_text(text: &str, context: ReplyContext) -> ReplyText {
    let lines = read(text);
    let (cut, doubtful) = find_cut(&lines);
    let is_cut = cut.is_some();
    let bottom = cut.as_ref().map_or(lines.len(), |cut| cut.at);
    let top = if is_cut {
        strip_above(&lines, bottom)
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
    } else if cut.is_some_and(|cut| words_below(&lines, &cut.below)) {
        Some(Why::WordsBelowTheQuote)
    } else if doubtful.is_some_and(|at| at < top) && (context.is_reply || is_cut) {
        Some(Why::PerhapsAQuote)
    } else {
        None
    };
    let signature = lines.get(cut_signature(above));
    let end = signature.map_or(text.len(), |line| line.start);
    ReplyText {
        own: text[..end].trim().to_owned(),
        certainty: why.map_or(Certainty::Certain, Certainty::Uncertain),
    }
}

/// Returns the new words of a writer's follow-up for the record that only specialists read: the same cut,
/// but the whole text wherever the cut is unsure or would leave nothing.
pub fn requester_text(text: &str, context: ReplyContext) -> String {
    match reply_text(text, context).certain() {
        Some(own) if !own.is_empty() => own.to_owned(),
        _ => text.trim().to_owned(),
    }
}

/// Whether a text shows a sentinel or lines of the service part of our notices.
pub fn repeats_service_text(text: &str) -> bool {
    let lines = read(text);
    lines.iter().any(Line::has_sentinel) || repeats(&lines)
}

/// Whether a text repeats six words in a row of an internal one, or the whole of a shorter one. The last
/// guard where a quote has lost every mark: ask it for each note that the answered letter showed.
pub fn repeats_words_of(own: &str, internal: &str) -> bool {
    let (own, internal) = (fold(own), fold(internal));
    let (own, internal): (Vec<_>, Vec<_>) = (words(&own).collect(), words(&internal).collect());
    let run = internal.len().min(6);
    if run < 2 {
        return false;
    }
    let known: HashSet<&[&str]> = internal.windows(run).collect();
    own.windows(run).any(|words| known.contains(words))
}

/// Returns a text as it is compared: lower case, ё as е, one kind of space and only one of it, no
/// zero-width characters, full-width marks as plain ones. Line ends become spaces.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => continue,
            c if c.is_whitespace() => ' ',
            '＞' => '>',
            '［' => '[',
            '］' => ']',
            '＝' => '=',
            '：' => ':',
            c => c,
        };
        if c != ' ' || !folded.ends_with(' ') {
            folded.extend(c.to_lowercase().map(|c| if c == 'ё' { 'е' } else { c }));
        }
    }
    folded
}

/// How a line is marked as quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    /// By a sign that own words use too (`|` in a table): believed only below a cut.
    Loose,
    /// By `>`, alone or behind initials as The Bat! writes it (`ИС>`).
    Quote,
}

/// One line: where it starts in the text, and its folded words without quote marks and bold asterisks.
struct Line<'a> {
    raw: &'a str,
    start: usize,
    key: String,
    mark: Mark,
}

impl Line<'_> {
    fn is_blank(&self) -> bool {
        self.key.is_empty() && self.mark == Mark::None
    }

    fn has_sentinel(&self) -> bool {
        self.key.contains("[==") || self.key.contains("==]")
    }

    fn is_sentinel(&self) -> bool {
        let before = self.key.split_once("[==").map(|(before, _)| before);
        before.is_some_and(|before| words(before).next().is_none())
    }

    /// The label of a line like "Тема: замена", folded.
    fn label(&self) -> &str {
        let label = self.key.split_once(':').map_or("", |(label, _)| label);
        label.trim_end_matches(['*', ' '])
    }

    fn is_sender(&self) -> bool {
        SENDER_LABELS.contains(&self.label())
    }

    fn is_header(&self) -> bool {
        self.is_sender() || HEADER_LABELS.contains(&self.label())
    }

    /// "-----Исходное сообщение-----", which a line without dashes only may be.
    fn is_separator(&self) -> bool {
        let signs = ['-', '—', '–', '_', '=', '*', ' ', ':'];
        let bare = self.key.trim_matches(signs);
        let separates = |words: &&str| bare.starts_with(*words);
        SEPARATORS.contains(&bare) || (self.is_dashed() && SEPARATORS.iter().any(separates))
    }

    fn is_dashed(&self) -> bool {
        self.key.starts_with("--")
    }

    /// The two dashes of a signature, also as telephones join them.
    fn is_dashes(&self) -> bool {
        matches!(self.key.as_str(), "--" | "—" | "–")
    }

    /// Only dashes or underscores, as drawn between an answer and a quote.
    fn is_rule(&self) -> bool {
        self.key.len() > 2 && self.key.chars().all(|c| "-_=—–*~ ".contains(c))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

fn joined(lines: &[Line<'_>]) -> String {
    let keys: Vec<&str> = lines.iter().map(|line| line.key.as_str()).collect();
    keys.join(" ")
}

fn read(text: &str) -> Vec<Line<'_>> {
    text.split_inclusive('\n')
        .scan(0, |next, raw| {
            let start = *next;
            *next += raw.len();
            Some(Line::new(raw.trim_end_matches(['\n', '\r']), start))
        })
        .collect()
}

impl<'a> Line<'a> {
    fn new(raw: &'a str, start: usize) -> Self {
        let folded = fold(raw);
        let folded = folded.trim();
        let letters = raw.trim_start().chars().take(4);
        let initials = letters.take_while(|c| c.is_uppercase()).count();
        let after = folded.char_indices().nth(initials);
        let after = after.map_or("", |(at, _)| &folded[at..]);
        let marked = match initials {
            0 => after.starts_with(['>', '›']) || after.starts_with("&gt;"),
            // "ИС> да", but neither "A>B" nor "МЕНЮ> Вид".
            _ => {
                initials < 4 && (after == ">" || after.starts_with("> ") || after.starts_with(">>"))
            }
        };
        let (mark, rest) = if marked {
            (Mark::Quote, after)
        } else if folded.starts_with(['|', '¦', '│', '┃', '»']) {
            (Mark::Loose, folded)
        } else {
            (Mark::None, folded)
        };
        let mut key = rest.trim_start_matches(['>', '›', '|', '¦', '│', '┃', '»', '*', '•', ' ']);
        while let Some(inner) = key.strip_prefix("&gt;") {
            key = inner.trim_start();
        }
        let key = key.to_owned();
        Line {
            raw,
            start,
            key,
            mark,
        }
    }
}

/// Where the own words end, and what is known of the lines under that point.
struct Cut {
    at: usize,
    below: Below,
}

enum Below {
    /// An unmarked sentinel: all that follows is the notice, as far as anybody can tell.
    Notice,
    /// Quoted lines from this one on: each should carry its mark.
    Marked(usize),
    /// The header of a quote ended before this line. A sure one was written by a program.
    Header { after: usize, sure: bool },
}

/// Finds the first cut, and the first line above it that might have been one.
fn find_cut(lines: &[Line<'_>]) -> (Option<Cut>, Option<usize>) {
    let mut doubtful = None;
    for (at, line) in lines.iter().enumerate() {
        let cut = cut_at(lines, at);
        if cut.is_some() {
            return (cut, doubtful);
        }
        // A verb without a date, an address in an unknown wording, labels without a sender.
        let key = line.key.as_str();
        let addressed = key.contains('@') && (key.contains('<') || has_date(key));
        if (addressed && key.ends_with(':'))
            || ends_with_verb(key)
            || header_block(lines, at).is_some()
        {
            doubtful = doubtful.or(Some(at));
        }
    }
    (None, doubtful)
}

fn cut_at(lines: &[Line<'_>], at: usize) -> Option<Cut> {
    let line = &lines[at];
    let (at, below) = if line.is_sentinel() && line.mark == Mark::None {
        (at, Below::Notice)
    } else if line.is_sentinel() || line.mark == Mark::Quote {
        (at, Below::Marked(at))
    } else if line.is_separator() {
        let (after, sure) = match header_block(lines, at + 1) {
            Some(block) => (block.after, block.sure),
            None => (at + 1, false),
        };
        let sure = sure || line.is_dashed();
        (at, Below::Header { after, sure })
    } else if let Some(block) = header_block(lines, at).filter(|block| block.sender) {
        let Block { after, sure, .. } = block;
        (at, Below::Header { after, sure })
    } else {
        let (begun, sure) = attribution(lines, at)?;
        let after = at + 1;
        (begun, Below::Header { after, sure })
    };
    Some(Cut { at, below })
}

/// Labelled lines (От, Кому, Тема) as programs put them above a quote.
struct Block {
    after: usize,
    /// A sender is among them.
    sender: bool,
    /// And an address or a date: not a form that the author explains.
    sure: bool,
}

/// Finds two or more labelled lines from here on. With a sender one blank or wrapped line between two
/// labels is allowed.
fn header_block(lines: &[Line<'_>], at: usize) -> Option<Block> {
    lines.get(at).filter(|line| line.is_header())?;
    let (mut last, mut labels, mut sender) = (at, 0, false);
    for (index, line) in lines.iter().enumerate().skip(at).take(12) {
        if line.is_header() && line.mark == Mark::None {
            (last, labels, sender) = (index, labels + 1, sender || line.is_sender());
        } else if index > last + 1 || line.mark != Mark::None {
            break;
        }
    }
    let adjacent = lines.get(at + 1).is_some_and(Line::is_header);
    if labels < 2 || !(sender || adjacent) {
        return None;
    }
    let dated = |line: &Line<'_>| has_date(&line.key) || line.key.contains('@');
    let sure = sender && lines[at..=last].iter().any(dated);
    // A long subject runs on into a second line.
    let long = lines[last].key.chars().count() > 60;
    let wrapped = long && lines.get(last + 2).is_some_and(Line::is_blank);
    let after = last + 1 + usize::from(wrapped && !lines[last + 1].is_sentinel());
    Some(Block {
        after,
        sender,
        sure,
    })
}

/// An attribution of one to three lines that ends here: its first line, and whether a program must have
/// written it (a date, and an address or a verb where programs put them).
fn attribution(lines: &[Line<'_>], end: usize) -> Option<(usize, bool)> {
    if !lines[end].key.ends_with(':') {
        return None;
    }
    let mut windows = Vec::new();
    for begun in (end.saturating_sub(2)..=end).rev() {
        let (line, text) = (&lines[begun], joined(&lines[begun..=end]));
        if line.is_blank() || line.mark != Mark::None || text.len() > ATTRIBUTION_BYTES {
            break;
        }
        if begun == end || opens_attribution(&line.key) {
            windows.push((begun, text));
        }
    }
    let found = |proof: &dyn Fn(&str) -> bool| windows.iter().find(|(_, text)| proof(text));
    let closed = |text: &str| ends_with_verb(text) || ends_with_address(text);
    found(&|text| has_date(text) && (words(text).any(is_verb) || ends_with_address(text)))
        .or_else(|| found(&|text| (has_time(text) || text.starts_with("on ")) && closed(text)))
        .or_else(|| found(&|text| text.contains('@') && ends_with_verb(text)))
        .map(|(begun, text)| (*begun, has_date(text) && text.contains('@') && closed(text)))
}

/// The first line of a wrapped attribution starts with a date, a weekday or a preposition, or names an
/// address; anything else directly above an attribution is the author's.
fn opens_attribution(line: &str) -> bool {
    let first = words(line).next().unwrap_or("");
    let dated = first.starts_with(|c: char| c.is_ascii_digit()) || OPENINGS.contains(&first);
    dated || line.contains('@') || line.ends_with('<')
}

fn is_verb(word: &str) -> bool {
    VERBS.contains(&word.trim_end_matches('а'))
}

/// Ends with "пишет:", "написал(а):" or the like, and not with a date after the verb.
fn ends_with_verb(text: &str) -> bool {
    let stem = text.trim_end_matches([':', ' ', '(', ')', '-', 'а']);
    let last = stem.rsplit(|c: char| !c.is_alphabetic()).next();
    text.ends_with(':') && last.is_some_and(is_verb)
}

fn ends_with_address(text: &str) -> bool {
    text.contains('@') && text.trim_end_matches([':', ' ']).ends_with(['>', ']'])
}

/// A year, or a day, month and year of two digits.
fn has_date(text: &str) -> bool {
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let year = |run: &str| run.len() == 4 && (run.starts_with("19") || run.starts_with("20"));
    let day = |token: &str| token.split(['.', '/', '-']).take_while(digits).count() >= 3;
    text.split(|c: char| !c.is_ascii_digit()).any(year) || text.split([' ', ',']).any(day)
}

fn has_time(text: &str) -> bool {
    let clock = |w: &[u8]| w[0].is_ascii_digit() && w[1] == b':' && w[2].is_ascii_digit();
    text.as_bytes().windows(3).any(clock)
}

/// Takes away what a mail program left just above the cut: blank and drawn lines, labels, one attribution.
fn strip_above(lines: &[Line<'_>], mut end: usize) -> usize {
    let mut attributed = false;
    while let Some(last) = end.checked_sub(1) {
        let line = &lines[last];
        let labels = line.is_header() && last > 0 && lines[last - 1].is_header();
        if line.is_blank() || line.is_rule() {
            end = last;
        } else if labels {
            let other = lines[..last].iter().rposition(|line| !line.is_header());
            end = other.map_or(0, |at| at + 1);
        } else if let Some(begun) = loose_attribution(lines, last).filter(|_| !attributed) {
            (end, attributed) = (begun, true);
        } else {
            break;
        }
    }
    end
}

/// An attribution in any wording, believed because a quote follows it.
fn loose_attribution(lines: &[Line<'_>], end: usize) -> Option<usize> {
    let key = &lines[end].key;
    let likely = || ends_with_verb(key) || has_date(key) || has_time(key) || key.contains('@');
    let alone = (key.ends_with(':') && key.len() <= ATTRIBUTION_BYTES && likely()).then_some(end);
    attribution(lines, end).map(|(begun, _)| begun).or(alone)
}

/// Whether words under the cut might be the author's.
fn words_below(lines: &[Line<'_>], below: &Below) -> bool {
    let (after, sure) = match *below {
        Below::Notice => return false,
        Below::Marked(at) => return unmarked_words(&lines[at..]),
        Below::Header { after, sure } => (after, sure),
    };
    let rest = &lines[after..];
    match rest.iter().find(|line| !line.is_blank() && !line.is_rule()) {
        None => false,
        Some(first) if first.mark != Mark::None => unmarked_words(rest),
        Some(first) if first.is_sentinel() || first.is_separator() => false,
        // Typed under the header of the quote but above the line that says "above this line".
        Some(_) => !sure || rest.iter().any(Line::is_sentinel),
    }
}

/// Whether a quoted region has words without a mark, other than a signature at its end.
fn unmarked_words(lines: &[Line<'_>]) -> bool {
    let own = |line: &Line<'_>| line.mark == Mark::None && !line.is_blank() && !line.is_sentinel();
    let first = lines.iter().position(own).unwrap_or(lines.len());
    let rest = &lines[first..];
    rest.iter().any(|line| line.mark != Mark::None) || cut_signature(rest) > 0
}

/// Returns how many lines are left when the signature at the end is cut.
fn cut_signature(lines: &[Line<'_>]) -> usize {
    let (mut end, mut cuts) = (lines.len(), 0);
    while let Some(last) = end.checked_sub(1) {
        let line = &lines[last];
        if line.is_blank() || line.is_dashes() || is_sent_from(line) {
            end = last;
            continue;
        }
        match signature_start(&lines[..end]) {
            // A name under dashes may follow "С уважением"; a second row of dashes is the author's own.
            Some(at) if cuts == 0 || is_regards(&lines[at]) => (end, cuts) = (at, cuts + 1),
            _ => break,
        }
    }
    end
}

/// The last line that opens a signature, if what follows it is one. RFC 3676 section 4.3 for `-- `.
fn signature_start(lines: &[Line<'_>]) -> Option<usize> {
    // A command or a postscript written under a signature is not lost with it.
    let kept = |line: &Line<'_>| {
        line.key.starts_with(['#', '№', '＃'])
            || POSTSCRIPTS.iter().any(|p| line.key.starts_with(p))
    };
    let sentence = |line: &Line<'_>| {
        let ended = line.key.ends_with(['.', '!', '?']) && words(&line.key).count() > 4;
        ended || line.key.chars().count() > 100
    };
    let (mut worded, mut sentences) = (0, 0);
    for (at, line) in lines.iter().enumerate().rev() {
        let formal = line.raw == "-- ";
        let opens = formal || line.is_dashes() || is_regards(line);
        if opens && (formal || sentences == 0) {
            return Some(at);
        }
        worded += usize::from(!line.is_blank());
        sentences += usize::from(sentence(line));
        if worded > SIGNATURE_LINES || kept(line) {
            break;
        }
    }
    None
}

/// "С уважением" alone, or followed by a name or a comma.
fn is_regards(line: &Line<'_>) -> bool {
    let after = |words: &&str| line.key.strip_prefix(*words);
    let Some(rest) = REGARDS.iter().find_map(after) else {
        return false;
    };
    let name = line.raw.trim().split(' ').nth(2).unwrap_or("");
    let closed = rest.is_empty() || rest.starts_with([',', '.', '!', ';']);
    rest.chars().count() <= 60 && (closed || name.starts_with(char::is_uppercase))
}

/// "Отправлено с iPhone", "Отправлено из мобильной Яндекс Почты", but not "Отправлено с курьером".
fn is_sent_from(line: &Line<'_>) -> bool {
    let key = line.key.as_str();
    let named = || key.contains(|c: char| c.is_ascii_alphabetic());
    key.chars().count() <= 100
        && SENT_FROM.iter().any(|words| key.starts_with(words))
        && (named() || DEVICES.iter().any(|stem| key.contains(stem)))
}

/// Whether lines show the service part of a notice, its sentinels aside.
fn repeats(lines: &[Line<'_>]) -> bool {
    let heading = |key: &str| {
        let after = key.strip_prefix("служебное").map(str::trim_start);
        after.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let ours = |line: &&Line<'_>| SERVICE_LABELS.contains(&line.label()) || heading(&line.key);
    if lines.iter().filter(ours).count() > 1 || lines.iter().any(is_token_line) {
        return true;
    }
    // Wrapped or run together by a mail program, labels and phrases are still themselves.
    let text = joined(lines);
    let inline = |label: &&&str| {
        let mut found = text.match_indices(**label);
        found.any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + label.len()..]);
            after.starts_with(':') && !before.ends_with(char::is_alphanumeric)
        })
    };
    let labels = SERVICE_LABELS.iter().filter(inline).count();
    labels > 2 || SERVICE_PHRASES.iter().any(|phrase| text.contains(phrase))
}

/// The ticket and its code, "1042 · k7Qp3xVd", when the brackets around them are gone.
fn is_token_line(line: &Line<'_>) -> bool {
    let words: Vec<&str> = line.raw.split_whitespace().take(4).collect();
    let [number, dot, code] = words.as_slice() else {
        return false;
    };
    let all = |text: &str, test: fn(&u8) -> bool| text.bytes().all(|b| test(&b));
    let any = |test: fn(&u8) -> bool| code.bytes().skip(1).any(|b| test(&b));
    all(number, u8::is_ascii_digit)
        && dot.chars().all(|c| !c.is_alphanumeric())
        && (8..=24).contains(&code.len())
        && all(code, |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')
        })
        && any(u8::is_ascii_alphabetic)
        && (any(u8::is_ascii_uppercase) || any(u8::is_ascii_digit))
}

#[cfg(test)]
#[rustfmt::skip] // Tables are read a row a line.
mod tests {
    use super::{Certainty::*, Why::*, *};

    const REPLY: ReplyContext = ReplyContext { is_reply: true };
    const NEW: ReplyContext = ReplyContext { is_reply: false };
    const OWN: &str = "Мария Ивановна, здравствуйте!\n\nКабинет 12 занят, выберите 14.";
    const NOTICE: &str = "\
[== Пишите ответ выше этой строки: он уйдёт Марии Ивановне. Команды —
отдельной строкой в начале или в конце: #закрыть #заметка #помощь ==]

Не сохраняется расписание 5 «Б» после замены математики на среду.

[== Служебное · пользователю не видно ==]
Кто:        Мария Ивановна Соколова, учитель, m.sokolova@school.example
Пришло:     пн 23.11, 10:14 МСК · ответить до вт 24.11, 10:14
Тема:       расписание (предположение) · обычное · исполнителя нет
Вложения:   konflikt.png (180 КБ) — приложено
Раньше:     № 1017 «Не вижу 5 „Б“» (02.11, закрыто)
[== 1042 · k7Qp3xVd ==]
";

    /// What each program writes above a quote, and whether it marks the quoted lines.
    const PROGRAMS: [(&str, &str, bool); 24] = [
        ("Yandex web", "23.11.2026, 10:14, \"Соколова М. И. (через поддержку)\" <help@x.example>:", true),
        ("Yandex web, HTML", "23.11.2026, 10:14, \"Соколова М. И. (через\nподдержку)\" <help@x.example>:", false),
        ("Yandex app", "-- \nОтправлено из мобильной Яндекс Почты\n\n23.11.2026, 10:14, Мария <help@x.example>:", true),
        ("Mail.ru", " \n--\nИван\n \n \nПонедельник, 23 ноября 2026, 10:14 +03:00 от Мария <help@x.example>:\n ", true),
        ("Mail.ru app", "--\nОтправлено из Mail.ru для Android\nсреда, 25 ноября 2026г., 10:14 от a@x.example:\n", true),
        ("Gmail ru", "пн, 23 нояб. 2026 г. в 10:14, Соколова М. И. (через поддержку) <\nhelp@x.example>:\n", true),
        ("Gmail ru, 3 lines", "пн, 23 нояб. 2026 г. в 10:14,\nСоколова (через поддержку) <\nhelp@x.example>:\n", true),
        ("Gmail ru, HTML", "пн, 23 нояб. 2026 г. в 10:14, Соколова <help@x.example>:", false),
        ("Gmail ru, old", "понедельник, 23 ноября 2026 г. пользователь Соколова написал:\n", true),
        ("Gmail en", "On Mon, Nov 23, 2026 at 10:14 AM Соколова М. И. <\nhelp@x.example> wrote:\n", true),
        ("Outlook ru", "________________\nОт: Мария <a@x.example>\nОтправлено: 23 ноября\nКому: Иван\nТема: [№ 1042]", false),
        ("Outlook ru, long subject", "От: Мария\nОтправлено: 23 ноября 2026 г.\nКому: Иван\n\
          Тема: RE: [№ 1042] Не сохраняется расписание 5 «Б» после замены —\nСоколова, учитель\n", false),
        ("Outlook ru, bold", "*От:* Мария\n*Отправлено:* 23 ноября 2026 г.\n*Кому:* Иван\n*Тема:* [№ 1042]\n", false),
        ("Outlook ru, plain", "-----Исходное сообщение-----\nОт: Соколова\nОтправлено: понедельник\n", false),
        ("Outlook en", "-----Original Message-----\nFrom: Мария [mailto:a@x.example]\nSent: Monday\nTo: Ivan\n", false),
        ("Apple Mail ru", "> 23 нояб. 2026 г., в 10:14, Соколова <help@x.example> написал(а):\n> ", true),
        ("iPhone ru", "Отправлено с iPhone\n\n> 23 нояб. 2026 г., в 10:14, Мария <a@x.example> написал(а):\n> ", true),
        ("Samsung", "Отправлено с моего Galaxy\n\n-------- Исходное сообщение --------\nОт: Мария\nДата: 23.11.26\n", false),
        ("Thunderbird ru", "23.11.2026 10:14, Соколова М. И. (через поддержку) пишет:", true),
        ("Thunderbird ru, no date", "Соколова М. И. (через поддержку) пишет:", true),
        ("The Bat!", "Вы писали 23 ноября 2026 г., 10:14:18:\n", true),
        ("Roundcube", "Соколова М. И. (через поддержку) <help@x.example> писал 2026-11-23\n10:14:", true),
        ("Roundcube en", "On 2026-11-23 10:14, Соколова wrote:", true),
        ("unknown program", "Am 23.11.2026 um 10:14 schrieb Соколова <\nhelp@x.example>:", true),
    ];
    const MARKS: [&str; 16] = ["", ">", "> ", ">> ", "  > ", "＞ ", "› ", "&gt; ", "&gt;&gt;", "МС> ", "IS>> ", "| ", "│ ",
        "*", "\u{200b}> ", "> > "];

    fn quoted(mark: &str, text: &str) -> String {
        text.lines().map(|line| format!("{mark}{line}\n")).collect()
    }

    fn without_sentinels(text: &str) -> String {
        text.replace("[== ", "").replace(" ==]", "")
    }

    fn check(name: &str, text: &str, own: &str, certainty: Certainty) {
        assert_eq!(reply_text(text, REPLY), ReplyText { own: own.to_owned(), certainty }, "{name}\n{text}");
    }

    #[test]
    fn the_words_above_the_quote_of_every_known_program_are_found() {
        for (name, header, marked) in PROGRAMS {
            let quote = if marked { quoted("> ", NOTICE) } else { NOTICE.to_owned() };
            let reply = format!("{OWN}\n\n{header}\n{quote}");
            let other_bytes = |text: &str| text.replace('\n', "\r\n").replace(' ', "\u{a0}");
            check(name, &reply, OWN, Certain);
            check(name, &other_bytes(&reply), &other_bytes(OWN), Certain);
            check(name, &format!("{header}\n{quote}"), "", Certain);
            check(name, &format!("{OWN}\n#закрыть\n\nС уважением,\nИван\n\n{header}\n{quote}"), &format!("{OWN}\n#закрыть"), Certain);
            if !marked {
                let between = format!("{OWN}\n\n{header}\n\nНа самом деле 15.\n\n{NOTICE}");
                check(name, &between, OWN, Uncertain(WordsBelowTheQuote));
                continue;
            }
            check(name, &format!("{reply}\nМой ответ снизу."), OWN, Uncertain(WordsBelowTheQuote));
            check(name, &format!("{header}\n{quote}\n#закрыть\n"), "", Uncertain(WordsBelowTheQuote));
            check(name, &format!("{reply}\n-- \nИван Смирнов\nПроверено антивирусом, вирусов в письме нет."), OWN, Certain);
            check(name, &format!("{reply}\n\nС уважением, Иван\n"), OWN, Certain);
            let postscript = format!("{reply}\nС уважением, Иван\nА кабинет 14 свободен всю эту среду.");
            check(name, &postscript, OWN, Uncertain(WordsBelowTheQuote));
        }
    }

    #[test]
    fn nothing_of_a_notice_is_ever_certain() {
        for mark in MARKS {
            check(mark, &format!("{OWN}\n\n{}", quoted(mark, NOTICE)), OWN, Certain);
            for (name, header, _) in PROGRAMS {
                for notice in [NOTICE.to_owned(), without_sentinels(NOTICE), NOTICE.replace(['№', '·', '«', '»'], "?")] {
                    let reply = reply_text(&format!("{OWN}\n\n{header}\n{}", quoted(mark, &notice)), REPLY);
                    assert!(reply.certain().is_none_or(|own| own == OWN), "{name} {mark} {reply:?}");
                }
            }
        }
        for open in ["［＝＝", "[=\u{200b}=", "\\[==", " [==", "*[==*"] {
            check(open, &format!("{OWN}\n\n{}", NOTICE.replace("[==", open)), OWN, Certain);
        }
    }

    #[test]
    fn a_notice_without_its_marker_is_held() {
        let bare = without_sentinels(NOTICE);
        let koi8 = bare.replace(['№', '·', '«', '»', '„', '“', '—'], "?");
        let middle: String = bare.lines().skip(7).take(3).collect::<Vec<_>>().join("\n");
        for rest in [
            &bare, &koi8, &middle, &quoted("| ", &bare), &quoted("    ", &bare), &quoted("• *", &bare),
            &bare.replace('\n', " "), "Кто: Мария\nПамятка: ссылка", "Служебное ? видно\nРаньше: 1017",
            "Пишите ответ выше\nэтой строки", "1042 ? k7Qp3xVd", "1042 · k7Qp3xVd",
        ] {
            let text = format!("{OWN}\n\n{rest}");
            assert_eq!(reply_text(&text, REPLY).certainty, Uncertain(OurTextWithoutCut), "{text}");
            assert_eq!(reply_text(&text, NEW).certainty, Uncertain(ServiceLinesRemain), "{text}");
            assert_eq!(reply_text(&format!("{text}\n> конец"), REPLY).certainty, Uncertain(ServiceLinesRemain), "{text}");
            assert!(repeats_service_text(&text) && requester_text(&text, REPLY) == text.trim());
        }
        for text in ["Смотрите [== 1042", "в конце #помощь ==]", "Мария написала: > [== Пишите ответ"] {
            check("marker inside a line", text, text, Uncertain(SentinelRemains));
        }
    }

    #[test]
    fn words_under_or_between_quoted_lines_are_held() {
        for text in [
            "> вопрос первый\nответ\n> вопрос второй\nответ",
            "Здравствуйте!\n\n> [== Пишите\n> текст\nответ",
            "Здравствуйте!\n> текст\n[== Служебное ==]\nслова",
            "Да.\n> строка, которую переносит\nпрограмма\n> дальше",
            "Да.\n\n23.11.2026 10:14, Анна пишет:\nне говорите ей, что пароль сброшен",
            "Заполните:\nОт: Иванова\nТема: замена\n\nи нажмите «Отправить».",
            "Да.\n\nИсходное сообщение\nможно удалить.",
            "Да.\n> а\n--\n> б",
            "Да.\n> а\n-- \nИван\n#закрыть",
        ] {
            assert_eq!(reply_text(text, REPLY).certainty, Uncertain(WordsBelowTheQuote), "{text}");
            assert_eq!(requester_text(text, REPLY), text);
        }
    }

    #[test]
    fn a_line_that_may_open_a_quote_is_held_but_an_ordinary_one_is_not() {
        for text in [
            "Если АИС пишет:\n«Конфликт кабинета», выберите другой.",
            "Да.\nКому: Анна\nТема: пароль\n\nтекст",
            "Да.\nLe lun. 23 nov. 2026, Anna <a@x.example> a écrit :\nтекст",
        ] {
            check("perhaps a quote", text, text, Uncertain(PerhapsAQuote));
            assert_eq!(reply_text(text, NEW).certainty, Certain, "{text}");
        }
        for text in [
            OWN, "Тема: дроби", "Пишет «Конфликт кабинета».", "a > b, а не наоборот", "A>B", "МЕНЮ> Вид",
            "Сделайте так:\n1. Откройте 23.11.2026:\n2. Нажмите", "| урок | кабинет |\n| 3 | 14 |",
            "Вариант 1\n\n--\nВариант 2 удобнее, потому что кабинет 14 свободен.", "Отправлено с курьером",
            "С уважением отнеситесь", "Готово.\n-- \nИван\nP.S. Кабинет 14", "№ 1042 закрыт, № 1043 нет",
        ] {
            check("own", text, text, Certain);
        }
    }

    #[test]
    fn signatures_are_cut_at_the_end_only() {
        for end in [
            "-- \nИван Смирнов\nЕсли письмо пришло вам по ошибке, пожалуйста, удалите его.", "--\nИван Смирнов\nтел. 123",
            "—\nИван", "С уважением,\nИван Смирнов\nслужба поддержки", "С уважением Иван", "--\nС уважением,\nИван",
            "С уважением,\nИван\n\n-- \nотдел, телефон", "Отправлено из мобильной Почты Mail", "Sent from my iPhone",
            "--\nОтправлено из Яндекс.Почты для iOS", "Best regards,\nIvan\n\nGet Outlook for Android",
        ] {
            check("signature", &format!("{OWN}\n\n{end}\n"), OWN, Certain);
        }
        let middle = "С уважением,\nИван\n\nДа, и ещё: кабинет 14 будет занят.";
        check("goes on", middle, middle, Certain);
    }

    #[test]
    fn a_writers_follow_up_is_never_lost() {
        let receipt = "Письмо получено: обращение № 1042.\n\n--\nНе присылайте пароли.";
        let gmail = "On Mon, Nov 23, 2026 at 10:14, help <h@x.example> wrote:";
        for (header, mark) in [(gmail, "> "), (gmail, ""), ("От: help\nДата: 23.11.2026", "")] {
            let quote = format!("{header}\n\n{}", quoted(mark, receipt));
            assert_eq!(requester_text(&format!("Решено\n\n{quote}"), REPLY), "Решено");
            assert_eq!(requester_text(&format!("{quote}\nРешено"), REPLY), format!("{quote}\nРешено"));
        }
        assert_eq!(requester_text("  Решено \n", NEW), "Решено");
    }

    #[test]
    fn a_note_is_recognised_when_its_quote_lost_every_mark() {
        let note = "Мама опять путает пароль, не сбрасывать без звонка в школу.";
        assert!(repeats_words_of("Да. Мама опять\nПУТАЕТ пароль — не сбрасывать, ждём", note));
        assert!(repeats_words_of("> не говорить", "Не говорить!"));
        for (own, internal) in [(OWN, note), ("пароль не сбрасывать", note), ("спасибо", "Спасибо"), ("", "")] {
            assert!(!repeats_words_of(own, internal), "{own}");
        }
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        for line in ["Тема:\n", "а:\n", ">\n", "пишет:\n", "--\n", "\n", "С уважением,\n", "[", "- ", "От: а\n\n", "кто: "] {
            // A quadratic step would not end within the patience of a developer.
            let text = line.repeat(200_000 / line.len());
            let _ = (reply_text(&text, REPLY), repeats_service_text(&text), repeats_words_of(&text, &text));
        }
    }
}
