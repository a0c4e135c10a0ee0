//! Tells a letter that says nothing but thanks from one that says anything else.
//!
//! Who thanks for an answer does not ask again, so his ticket stays as it is. A question taken for thanks would wait
//! for nobody, a needless reopening costs one look: whenever it is unsure, it is not thanks. So every word must be
//! one of a small vocabulary (`words`), at least one of them must thank or acknowledge, and all that is left may be
//! a name, where names stand. What was quoted is cut before (`reply_text`).

#[cfg(test)]
mod tests;
mod words;

use super::reply_text::fold;
use words::{DOUBT_ENDINGS, DOUBT_STEMS, DOUBTS, NODS, Role, SMILES, VOCABULARY};

/// Thanks are short. The bytes are more than so many words ever take.
const MAX_WORDS: usize = 25;
const MAX_BYTES: usize = 2000;
const MAX_SIGNATURE_BYTES: usize = 4000;
/// Given name, patronymic and family name.
const NAME_WORDS: usize = 3;

/// Returns whether `text` says nothing but thanks, or that its writer has understood.
pub fn is_only_thanks(text: &str) -> bool {
    read(text).is_some_and(|letter| letter.is_only_thanks().unwrap_or(false))
}

/// Returns whether what was cut off as a signature may hold more than a name, a position and an address.
pub fn may_ask(signature: &str) -> bool {
    let asks = |token: &str| token.contains(['?', '？']) && !token.contains('/');
    let mut parts = signature.split(|c: char| !c.is_alphanumeric());
    signature.len() > MAX_SIGNATURE_BYTES
        || signature.split_whitespace().any(asks)
        || parts.any(|part| is_doubtful(&fold(part)))
}

/// The strongest sign between two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Space,
    Comma,
    Stop,
}

/// A word, and what stands before it.
struct Word<'a> {
    raw: &'a str,
    key: String,
    sign: Sign,
    /// It is the first of its line.
    line: bool,
    /// A full stop follows at once, as in initials.
    dot: bool,
}

/// The words of a text without any sign that thanks do not have.
struct Letter<'a> {
    words: Vec<Word<'a>>,
    /// A sign such as a raised thumb thanks or acknowledges by itself.
    nods: bool,
}

/// Reads the words; `None` if they are too many or any other sign stands among them: a digit, a question mark, a
/// quotation mark, a bracket, a link.
fn read(text: &str) -> Option<Letter<'_>> {
    let mut rest = text.trim();
    if rest.len() > MAX_BYTES {
        return None;
    }
    let (mut words, mut nods) = (Vec::new(), false);
    let (mut sign, mut line) = (Sign::Stop, true);
    while let Some(c) = rest.chars().next() {
        if !c.is_alphabetic() {
            (sign, line) = (sign.max(sign_of(c)?), line || c == '\n');
            nods |= NODS.contains(&c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let (raw, after) = rest.split_at(word_end(rest));
        words.push(Word {
            raw,
            key: fold(raw).replace(['’', 'ʼ'], "'"),
            sign,
            line,
            dot: after.starts_with('.'),
        });
        if words.len() > MAX_WORDS {
            return None;
        }
        (sign, line, rest) = (Sign::Space, false, after);
    }
    Some(Letter { words, nods })
}

fn sign_of(c: char) -> Option<Sign> {
    match c {
        // A hyphen joins, and the rest of this line makes bold, rules and the looks of emoji.
        '-'
        | '*'
        | '_'
        | '~'
        | '•'
        | '\u{fe0e}'
        | '\u{fe0f}'
        | '\u{200d}'
        | '\u{1f3fb}'..='\u{1f3ff}' => Some(Sign::Space),
        ',' | ':' | '–' | '—' => Some(Sign::Comma),
        // A bracket that only closes smiles.
        '.' | '!' | '…' | ';' | ')' | '=' | '^' => Some(Sign::Stop),
        c if c.is_whitespace() => Some(Sign::Space),
        c if NODS.contains(&c) || SMILES.contains(&c) => Some(Sign::Stop),
        _ => None,
    }
}

/// Where the word at the start of `text` ends. An apostrophe between letters belongs to it.
fn word_end(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let joins = matches!(c, '\'' | '’' | 'ʼ')
            && chars.peek().is_some_and(|(_, next)| next.is_alphabetic());
        if !c.is_alphabetic() && !joins {
            return at;
        }
    }
    text.len()
}

impl Letter<'_> {
    /// Goes through the words once; `None` at the first that does not belong to thanks.
    fn is_only_thanks(&self) -> Option<bool> {
        let (mut thanks, mut agrees, mut works) = (self.nods, false, false);
        // What the sentence has said so far: thanks, and that it is going to say what for.
        let (mut thanked, mut credits) = (false, false);
        let (mut before, mut at) = (None, 0);
        while let Some(word) = self.words.get(at) {
            if word.sign == Sign::Stop {
                (thanked, credits) = (false, false);
            }
            let (role, length) = match self.vocabulary(at) {
                Some(known) => known,
                None => (Role::Name, self.name(at, before, thanked)?),
            };
            match role {
                Role::Thanks => (thanks, thanked) = (true, true),
                Role::Acknowledged => (thanks, thanked) = (true, false),
                Role::Works => (works, thanked) = (true, false),
                Role::Agrees => agrees = true,
                Role::Credits => credits = true,
                Role::ThanksFor => (thanks, credits) = (true, true),
                Role::Credited if !credits => return None,
                Role::Credited | Role::Filler | Role::Greeting | Role::Regards | Role::Name => {}
            }
            (before, at) = (Some(role), at + length);
        }
        // "Да" alone may answer a question of the specialist's; beside "работает" it does not.
        Some(thanks && (works || !agrees))
    }

    /// The longest entry of the vocabulary that begins at a word, and how many words it has.
    fn vocabulary(&self, at: usize) -> Option<(Role, usize)> {
        let mut longest: Option<(Role, usize)> = None;
        for (role, entries) in VOCABULARY {
            for entry in *entries {
                let length = self.length_of(entry, at);
                if length > longest.map_or(0, |(_, length)| length) {
                    longest = Some((*role, length));
                }
            }
        }
        longest
    }

    /// How many words `entry` has if it stands at a word, else 0. No sentence ends within it.
    fn length_of(&self, entry: &str, at: usize) -> usize {
        let mut length = 0;
        for part in entry.split(' ') {
            match self.words.get(at + length) {
                Some(word) if word.key == part && (length == 0 || word.sign < Sign::Stop) => {
                    length += 1;
                }
                _ => return 0,
            }
        }
        length
    }

    /// How many words the name at a word has, if a name may stand there: beside a greeting, where somebody is thanked,
    /// after the regards, or alone in the last line.
    fn name(&self, at: usize, before: Option<Role>, thanked: bool) -> Option<usize> {
        let first = self.words.get(at)?;
        let length = self.name_length(at);
        if length == 0 {
            return None;
        }
        let next = self.words.get(at + length);
        let ends_line = next.is_none_or(|next| next.line);
        let follows = !first.line && first.sign < Sign::Stop;
        let greets = |next: &Word<'_>| {
            let greeting = matches!(self.vocabulary(at + length), Some((Role::Greeting, _)));
            let patronymic = length > 1 && is_patronymic(&self.words[at + length - 1].key);
            (greeting && next.sign < Sign::Stop) || (patronymic && next.sign > Sign::Space)
        };
        let stands = match before {
            None => next.is_some_and(greets),
            Some(Role::Greeting) if follows => true,
            Some(Role::Regards) if first.sign < Sign::Stop => ends_line,
            // "Спасибо, Анна!" and "Большое спасибо за помощь, Анна!", but a word of the sentence is no name.
            Some(role) if follows && thanked => {
                let apart = first.sign == Sign::Comma || role == Role::Thanks;
                apart && next.is_none_or(|next| next.line || next.sign > Sign::Space)
            }
            Some(_) => first.line && next.is_none(),
        };
        stands.then_some(length)
    }

    /// How many words from one on look like one name.
    fn name_length(&self, at: usize) -> usize {
        let mut length = 0;
        let mut initial = false;
        for word in self.words.iter().skip(at).take(NAME_WORDS) {
            let apart = word.line || (word.sign > Sign::Space && !initial);
            if (length > 0 && apart) || !word.is_name() {
                break;
            }
            length += 1;
            initial = word.is_initial();
        }
        length
    }
}

impl Word<'_> {
    fn is_initial(&self) -> bool {
        self.dot && self.raw.chars().count() == 1
    }

    /// An initial, or a capital and small letters, and no word that begins a complaint.
    fn is_name(&self) -> bool {
        let mut letters = self.raw.chars();
        let capital = letters.next().is_some_and(char::is_uppercase);
        let small = letters.all(|c| !c.is_uppercase());
        let long = self.raw.chars().nth(1).is_some();
        let verb = DOUBT_ENDINGS.iter().any(|end| self.key.ends_with(end));
        capital && small && (long || self.is_initial()) && !verb && !is_doubtful(&self.key)
    }
}

fn is_patronymic(key: &str) -> bool {
    ["вич", "вна", "чна", "ьич"]
        .iter()
        .any(|end| key.ends_with(end))
}

/// A word of questions, requests, objections and complaints.
fn is_doubtful(key: &str) -> bool {
    DOUBTS.contains(&key) || DOUBT_STEMS.iter().any(|stem| key.starts_with(stem))
}
