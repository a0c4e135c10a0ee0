//! Bytes to characters where the label is missing, unknown or wrong: by the label if it makes sense, else as UTF-8 if it is
//! that, else by what reads like a language; what nothing fits is shown with U+FFFD and not guessed at further.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    Encoding, IBM866, ISO_8859_5, KOI8_R, KOI8_U, UTF_8, WINDOWS_1251, WINDOWS_1252, X_MAC_CYRILLIC,
};
use mail_parser::decoders::charsets::map::charset_decoder;

use super::utf7;

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

/// Returns the characters of `raw`, and the name of their encoding where that was not the one of the label.
pub(super) fn text(raw: &[u8], label: &str) -> (String, Option<&'static str>) {
    let is_plain = raw.is_ascii() && (!is_multi_byte(label) || by_label(label) == Some(UTF_8));
    let guessed = if is_plain { None } else { read(raw, label) };
    let Some((text, name)) = guessed else {
        return (characters(raw, label), None);
    };
    let is_told = text != characters(raw, label);
    (text, is_told.then_some(name))
}

/// The characters of `raw` where the label is believed.
fn characters(raw: &[u8], label: &str) -> String {
    let label = label.trim().trim_matches(['"', '\'']);
    if label.to_ascii_lowercase().contains("utf-7") {
        return utf7::decode(raw);
    }
    match charset_decoder(label.as_bytes()) {
        Some(decode) => decode(raw),
        None => String::from_utf8_lossy(raw).into_owned(),
    }
}

/// Returns the characters of `raw` and the name of the encoding that was guessed; `None` where the label is to be believed.
pub(super) fn read(raw: &[u8], label: &str) -> Option<(String, &'static str)> {
    let sample = &raw[..raw.len().min(SAMPLE_BYTES)];
    let labelled = by_label(label);
    // UTF-8 is told by its structure: other text is not valid UTF-8 by chance for long.
    if labelled != Some(UTF_8) && !is_of_ascii(label) && is_utf8(sample, is_multi_byte(label)) {
        return Some((UTF_8.decode(raw).0.into_owned(), "utf-8"));
    }
    match labelled {
        Some(encoding) if CYRILLIC.contains(&encoding) => {
            let best = best_cyrillic(sample);
            // The more there is to read, the smaller a difference counts.
            let letters = sample.iter().filter(|b| !b.is_ascii()).count();
            let margin = if letters < 40 { 0.7 } else { 0.1 };
            // Initials, signs and a short word are no reason to doubt what is said.
            let is_enough = letters >= 10;
            let is_wrong = is_enough
                && cyrillic_score(sample, best) > cyrillic_score(sample, encoding) + margin;
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
    // A label of Western letters is believed where it is only about one short word.
    let words = if labelled == Some(WINDOWS_1252) { 2 } else { 1 };
    let encoding = if reads_as_cyrillic(sample, words) {
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

/// Whether an encoding writes everything in ASCII bytes, or each letter in two.
fn is_of_ascii(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    [
        "utf-7", "utf7", "utf-16", "utf16", "utf-32", "iso-2022", "hz-gb",
    ]
    .iter()
    .any(|name| label.contains(name))
}

/// Whether bytes are UTF-8 with letters beyond ASCII, with some of them where another encoding of several bytes a letter is
/// said; a letter cut off at the end does not count.
fn is_utf8(sample: &[u8], is_doubted: bool) -> bool {
    let text = match std::str::from_utf8(sample) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&sample[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let letters = text.chars().filter(|c| !c.is_ascii()).take(3).count();
    letters >= if is_doubted { 3 } else { 1 }
}

/// Whether so many whole words, or a long one, consist of bytes above ASCII, as in no language written in Latin letters.
fn reads_as_cyrillic(sample: &[u8], words: usize) -> bool {
    let (mut whole, mut mixed, mut longest) = (0_usize, 0_usize, 0_usize);
    for word in sample.split(|b| b.is_ascii() && !b.is_ascii_alphabetic()) {
        let high = word.iter().filter(|b| !b.is_ascii()).count();
        if high >= 3 && high == word.len() {
            whole += 1;
            longest = longest.max(high);
        } else if high > 0 && high < word.len() {
            mixed += 1;
        }
    }
    (whole >= words || longest >= 6)
        && whole >= mixed
        && cyrillic_score(sample, best_cyrillic(sample)) > -0.5
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
        // Signs and initials are no reason to doubt.
        for text in ["Price 5 €", "25°C ±3", "Ю.Э. Щ.", "§ 5", "• one"] {
            assert_eq!(
                read(&WINDOWS_1251.encode(text).0, "windows-1251"),
                None,
                "{text}"
            );
        }
        for text in ["öäü", "Größe: öäü"] {
            assert_eq!(
                read(&WINDOWS_1252.encode(text).0, "iso-8859-1"),
                None,
                "{text}"
            );
        }
        // UTF-8 under the label of another encoding of several bytes a letter.
        assert_eq!(
            read(WORDS.as_bytes(), "gb2312")
                .map(|read| read.0)
                .as_deref(),
            Some(WORDS)
        );
        // A letter cut in two at the end of UTF-8 text is no reason to guess.
        let cut = &WORDS.as_bytes()[..WORDS.len() - 2];
        assert_eq!(read(cut, "utf-8"), None);
    }
}
