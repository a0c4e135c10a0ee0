//! Bytes to characters where the label is missing, unknown or wrong: by the label if it makes sense, else as UTF-8 if it is
//! that, else by what reads like a language; what nothing fits is shown with U+FFFD and not guessed at further.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    Encoding, IBM866, ISO_8859_5, KOI8_R, KOI8_U, UTF_8, WINDOWS_1251, WINDOWS_1252, X_MAC_CYRILLIC,
};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding as Transfer, Message, MessagePart, MimeHeaders, PartType};

/// The encodings Cyrillic text comes in, the likeliest first.
static CYRILLIC: [&Encoding; 6] = [
    WINDOWS_1251,
    KOI8_R,
    IBM866,
    ISO_8859_5,
    X_MAC_CYRILLIC,
    KOI8_U,
];
/// Bytes that are looked at to tell an encoding.
const SAMPLE_BYTES: usize = 64 * 1024;

/// Returns the text of a part, and its encoding where that had to be guessed. `None` for parts that are no text.
pub(super) fn text_of<'a>(
    message: &'a Message<'_>,
    part: &'a MessagePart<'_>,
) -> Option<(Cow<'a, str>, Option<&'static str>)> {
    let (PartType::Text(decoded) | PartType::Html(decoded)) = &part.body else {
        return None;
    };
    let label = part
        .content_type()
        .and_then(|kind| kind.attribute("charset"))
        .unwrap_or_default();
    if decoded.is_ascii() || is_plausible(decoded, label) {
        return Some((Cow::Borrowed(decoded), None));
    }
    let raw = raw_bytes(message, part);
    let Some((text, name)) = read(&raw, label) else {
        return Some((Cow::Borrowed(decoded), None));
    };
    if text == *decoded {
        return Some((Cow::Borrowed(decoded), None));
    }
    Some((Cow::Owned(text), Some(name)))
}

/// Returns the characters of `raw` and the name of the encoding that was guessed; `None` where the label is to be believed.
pub(super) fn read(raw: &[u8], label: &str) -> Option<(String, &'static str)> {
    let sample = &raw[..raw.len().min(SAMPLE_BYTES)];
    let labelled = by_label(label);
    // UTF-8 is told by its structure: other text is not valid UTF-8 by chance for long.
    if labelled != Some(UTF_8) && !is_multi_byte(label) && is_utf8(sample) {
        return Some((UTF_8.decode(raw).0.into_owned(), "utf-8"));
    }
    match labelled {
        Some(encoding) if CYRILLIC.contains(&encoding) => {
            let best = best_cyrillic(sample);
            // The more there is to read, the smaller a difference counts.
            let letters = sample.iter().filter(|b| !b.is_ascii()).count();
            let margin = if letters < 40 { 0.7 } else { 0.1 };
            let is_wrong = cyrillic_score(sample, best) > cyrillic_score(sample, encoding) + margin;
            let is_right = KOI8_U == encoding && best == KOI8_R;
            if is_wrong && !is_right {
                return Some((best.decode(raw).0.into_owned(), best.name()));
            }
            // A spelling of the label that the parser does not know.
            charset_decoder(label.as_bytes())
                .is_none()
                .then(|| (encoding.decode(raw).0.into_owned(), encoding.name()))
        }
        Some(encoding) if encoding == WINDOWS_1252 || encoding == UTF_8 => {
            guess(raw, sample, Some(encoding))
        }
        // Multi-byte encodings are told apart by no letter's frequency.
        Some(_) => None,
        None if charset_decoder(label.as_bytes()).is_some() => None,
        None => guess(raw, sample, None),
    }
}

fn guess(
    raw: &[u8],
    sample: &[u8],
    labelled: Option<&'static Encoding>,
) -> Option<(String, &'static str)> {
    if labelled == Some(UTF_8) {
        // A few broken letters in what is UTF-8 otherwise stay broken.
        let text = UTF_8.decode_without_bom_handling(sample).0;
        let broken = text.chars().filter(|c| *c == '\u{fffd}').count();
        let read = text
            .chars()
            .filter(|c| !c.is_ascii() && *c != '\u{fffd}')
            .count();
        if broken * 5 < read {
            return None;
        }
    }
    let encoding = if reads_as_cyrillic(sample) {
        best_cyrillic(sample)
    } else if labelled == Some(WINDOWS_1252) {
        return None;
    } else {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
        detector.feed(sample, true);
        detector.guess(None, Utf8Detection::Allow)
    };
    Some((encoding.decode(raw).0.into_owned(), encoding.name()))
}

/// Whether the parser's reading can stand: no replaced characters, and not letters of one alphabet read as another's.
fn is_plausible(decoded: &str, label: &str) -> bool {
    let is_known = charset_decoder(label.as_bytes()).is_some();
    let is_doubted = by_label(label).is_some_and(|encoding| {
        encoding == WINDOWS_1252 || encoding.is_single_byte() && CYRILLIC.contains(&encoding)
    });
    is_known && !is_doubted && !decoded.contains('\u{fffd}')
}

/// The encoding of a label, in the spellings of the standard and of careless programs.
fn by_label(label: &str) -> Option<&'static Encoding> {
    let label = label.trim().trim_matches(['"', '\'']);
    Encoding::for_label(label.as_bytes()).or_else(|| {
        let bare: String = label
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match bare.as_str() {
            _ if bare.ends_with("1251") => Some(WINDOWS_1251),
            _ if bare.starts_with("koi8") || bare == "koi" => Some(KOI8_R),
            _ if bare.ends_with("866") => Some(IBM866),
            _ if bare.starts_with("utf8") => Some(UTF_8),
            "unknown" | "unknown8bit" | "xunknown" | "8bit" | "ansix341968" | "" => None,
            _ => None,
        }
    })
}

fn is_multi_byte(label: &str) -> bool {
    by_label(label).is_some_and(|encoding| !encoding.is_single_byte())
        || label.to_ascii_lowercase().contains("utf-7")
}

/// Whether bytes are UTF-8 with letters beyond ASCII; a letter cut off at the end does not count.
fn is_utf8(sample: &[u8]) -> bool {
    let valid = match std::str::from_utf8(sample) {
        Ok(_) => sample,
        Err(error) if error.error_len().is_none() => &sample[..error.valid_up_to()],
        Err(_) => return false,
    };
    !valid.is_ascii()
}

/// Whether whole words consist of bytes above ASCII, as in no language written in Latin letters.
fn reads_as_cyrillic(sample: &[u8]) -> bool {
    let (mut whole, mut mixed) = (0_usize, 0_usize);
    for word in sample.split(|b| b.is_ascii() && !b.is_ascii_alphabetic()) {
        let high = word.iter().filter(|b| !b.is_ascii()).count();
        if high >= 3 && high == word.len() {
            whole += 1;
        } else if high > 0 && high < word.len() {
            mixed += 1;
        }
    }
    whole > 0 && whole >= mixed && cyrillic_score(sample, best_cyrillic(sample)) > -0.5
}

fn best_cyrillic(sample: &[u8]) -> &'static Encoding {
    CYRILLIC
        .into_iter()
        .map(|encoding| (cyrillic_score(sample, encoding), encoding))
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map_or(WINDOWS_1251, |(_, encoding)| encoding)
}

/// How much bytes read in `encoding` look like Russian: the mean over the characters beyond ASCII of how common each is,
/// less for capitals behind small letters and for signs that nobody types.
fn cyrillic_score(sample: &[u8], encoding: &'static Encoding) -> f64 {
    let text = encoding.decode_without_bom_handling(sample).0;
    let (mut score, mut count) = (0.0, 0_u32);
    let mut previous = ' ';
    for c in text.chars() {
        if !c.is_ascii() {
            count += 1;
            let is_inner_capital = c.is_uppercase() && previous.is_lowercase();
            score += match c {
                _ if is_inner_capital => -4.0,
                'а'..='я' | 'ё' | 'А'..='Я' | 'Ё' => commonness(c),
                'і' | 'ї' | 'є' | 'ґ' | 'ў' | 'І' | 'Ї' | 'Є' | 'Ў' => 0.0,
                '«' | '»' | '—' | '–' | '№' | '…' | '“' | '”' | '„' | '\u{a0}' => {
                    0.5
                }
                _ => -3.0,
            };
        }
        previous = c;
    }
    if count == 0 {
        0.0
    } else {
        score / f64::from(count)
    }
}

/// How common a Russian letter is: from 2 for the commonest to -2 for the rarest.
fn commonness(c: char) -> f64 {
    match c.to_lowercase().next().unwrap_or(c) {
        'о' | 'е' | 'а' | 'и' | 'н' | 'т' => 2.0,
        'с' | 'р' | 'в' | 'л' | 'к' | 'м' | 'д' | 'п' | 'у' => 1.0,
        'я' | 'ы' | 'ь' | 'г' | 'з' | 'б' | 'ч' | 'й' => 0.0,
        'х' | 'ж' | 'ш' | 'ю' => -0.5,
        _ => -2.0,
    }
}

/// The bytes of a part with its transfer encoding undone (RFC 2045 section 6).
fn raw_bytes<'a>(message: &'a Message<'_>, part: &MessagePart<'_>) -> Cow<'a, [u8]> {
    let range = part.offset_body as usize..part.offset_end as usize;
    let bytes = message.raw_message.get(range).unwrap_or_default();
    let decoded = match part.encoding {
        Transfer::None => None,
        Transfer::QuotedPrintable => quoted_printable_decode(bytes),
        Transfer::Base64 => base64_decode(bytes),
    };
    decoded.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str =
        "Здравствуйте! Не открывается журнал шестого класса, пишет, что нет прав доступа.";

    #[test]
    fn cyrillic_is_told_without_a_label_and_with_a_wrong_one() {
        for encoding in [
            WINDOWS_1251,
            KOI8_R,
            IBM866,
            ISO_8859_5,
            X_MAC_CYRILLIC,
            UTF_8,
        ] {
            let raw = encoding.encode(WORDS).0;
            for label in [
                "",
                "us-ascii",
                "iso-8859-1",
                "unknown-8bit",
                "windows-1251",
                "koi8-r",
                "utf-8",
            ] {
                let text = read(&raw, label).map(|(text, _)| text);
                let text = text.unwrap_or_else(|| {
                    by_label(label).unwrap_or(UTF_8).decode(&raw).0.into_owned()
                });
                assert_eq!(text, WORDS, "{} said to be {label:?}", encoding.name());
            }
        }
    }

    #[test]
    fn a_short_subject_and_capitals_are_told_too() {
        for text in [
            "нет прав",
            "НЕ ОТКРЫВАЕТСЯ ЖУРНАЛ",
            "Пароль",
            "Срочно!",
            "Замена 5 Б класса",
        ] {
            for encoding in [WINDOWS_1251, KOI8_R] {
                let raw = encoding.encode(text).0;
                assert_eq!(
                    read(&raw, "").map(|(text, _)| text).as_deref(),
                    Some(text),
                    "{}",
                    encoding.name()
                );
            }
        }
    }

    #[test]
    fn what_is_labelled_rightly_is_left_alone() {
        let french = "Où est passé le relevé de notes de l'élève ? Merci beaucoup, à bientôt.";
        let ukrainian = "Не відкривається журнал, що робити? Дякую, Ірина Ївга";
        for (text, encoding, label) in [
            (french, WINDOWS_1252, "iso-8859-1"),
            (french, WINDOWS_1252, "windows-1252"),
            (WORDS, WINDOWS_1251, "windows-1251"),
            (WORDS, WINDOWS_1251, "cp1251"),
            (WORDS, KOI8_R, "KOI8-R"),
            (ukrainian, WINDOWS_1251, "windows-1251"),
            (ukrainian, KOI8_U, "koi8-u"),
            (WORDS, UTF_8, "utf-8"),
        ] {
            let raw = encoding.encode(text).0;
            assert_eq!(read(&raw, label), None, "{label}");
        }
        // A letter cut in two at the end of UTF-8 text is no reason to guess.
        let cut = &WORDS.as_bytes()[..WORDS.len() - 2];
        assert_eq!(read(cut, "utf-8"), None);
    }
}
