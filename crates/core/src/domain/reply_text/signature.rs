//! Signatures at the end of a text: what stands under `-- ` (RFC 3676 section 4.3), a Russian closing with the name
//! under it, and the lines that telephones, mail programs and virus scanners add. Other closings are left alone where only
//! a name stands under them: "Best regards, Ann" reads well in a letter that is passed on.

use super::line::{Line, words};

const REGARDS: [&str; 8] = [
    "с уважением",
    "с ув.",
    "с ув,",
    "с наилучшими пожеланиями",
    "с найкращими побажаннями",
    "з повагою",
    "з павагай",
    "всего доброго,",
];
/// Closings of other languages, which open a signature only where a telephone or an address stands under them.
#[rustfmt::skip]
const CLOSINGS: [&str; 16] = [
    "best regards", "kind regards", "regards", "best", "best wishes", "warm regards", "many thanks", "thanks", "thanks and regards", "sincerely", "yours sincerely", "cheers",
    "mit freundlichen grüßen", "viele grüße", "cordialement", "saludos",
];
const POSTSCRIPTS: [&str; 4] = ["p.s", "ps", "п.с", "з.ы"];
/// A signature has at most so many lines with words.
const SIGNATURE_LINES: usize = 12;
/// What telephones and mail programs begin their line with.
#[rustfmt::skip]
const SENT: [&str; 20] = [
    "отправлено", "отправлен", "послано", "написано", "надіслано", "адпраўлена", "sent", "envoyé", "gesendet", "verzonden", "verstuurd", "enviado", "enviada", "inviato",
    "skickat", "sendt", "lähetetty", "wysłane", "wysłano", "odesláno",
];
/// What follows it.
#[rustfmt::skip]
const FROM: [&str; 27] = [
    "из", "с", "со", "через", "от", "з", "із", "зі", "from", "via", "with", "using", "de", "depuis", "du", "von", "mit", "vom", "met", "vanaf",
    "desde", "do", "da", "dal", "från", "fra", "z",
];
/// What such a line names, by the beginnings of words and by whole words.
#[rustfmt::skip]
const DEVICE_STEMS: [&str; 33] = [
    "почт", "пошт", "телефон", "смартфон", "планшет", "устройств", "мобильн", "мобільн", "приложен", "iphone", "айфон", "ipad", "айпад", "ipod", "android",
    "андроид", "galaxy", "samsung", "xiaomi", "redmi", "huawei", "nokia", "blackberry", "outlook", "yahoo", "thunderbird", "mobil", "móvil", "celular", "smartphone",
    "telefon", "alcatel", "motorola",
];
#[rustfmt::skip]
const DEVICE_WORDS: [&str; 21] = [
    "mail", "mail.ru", "gmail", "airmail", "mailbox", "windows", "phone", "cell", "tablet", "device", "handy", "spark", "htc", "lenovo", "sony", "honor", "bat!",
    "k-9", "mac", "proton", "fairemail",
];
/// The same where letters do not count in words, and lines of another shape.
#[rustfmt::skip]
const DEVICE_LINES: [&str; 15] = [
    "get outlook for", "get [outlook for", "скачать outlook для", "скачайте outlook для", "получить outlook для", "получите outlook для", "завантажити outlook для", "download outlook for", "télécharger outlook pour", "從我的 iphone", "从我的 iphone",
    "发自我的", "iphoneから送信", "diese nachricht wurde von meinem", "ce message a été envoyé depuis",
];
/// What virus scanners write under letters.
#[rustfmt::skip]
const SCANNERS: [&str; 15] = [
    "без вирусов. ", "без вирусов.www", "без вирусов", "virus-free. ", "virus-free.www", "virus-free", "virenfrei", "проверено антивирусом", "проверено на вирусы",
    "это сообщение проверено", "это письмо проверено", "письмо проверено", "this email has been checked", "this e-mail has been checked", "www.avast.com",
];
/// What lawyers write under letters.
#[rustfmt::skip]
const DISCLAIMERS: [&str; 21] = [
    "предназначено только для", "предназначена только для", "подумайте об окружающей среде", "consider the environment",
    "если вы не являетесь", "если вы получили это", "если вы получили данное", "если данное сообщение", "если письмо пришло вам по ошибке", "может содержать конфиденциальн", "могут содержать конфиденциальн", "содержит конфиденциальн", "содержать информацию ограниченного",
    "if you are not the intended", "if you have received this", "if you received this", "may contain confidential", "contains confidential", "intended only for", "intended solely for", "may be privileged",
];

/// Returns how many lines are left when the signature at the end is cut.
pub(super) fn cut_signature(lines: &[Line<'_>]) -> usize {
    let (mut end, mut cuts) = (lines.len(), 0);
    while let Some(last) = end.checked_sub(1) {
        let line = &lines[last];
        if line.is_blank() || line.is_dashes() || is_sent_from(line) || is_scanned(line) {
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

/// The last line that opens a signature, if what follows it is one.
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
    let (mut worded, mut sentences, mut is_contacted) = (0, 0, false);
    for (at, line) in lines.iter().enumerate().rev() {
        let formal = line.raw == "-- ";
        is_contacted |= names_a_contact(line);
        let is_closed =
            is_contacted && CLOSINGS.contains(&line.key.trim_end_matches([',', '.', '!']));
        let opens = formal || line.is_dashes() || is_regards(line) || is_closed;
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

/// Whether a line gives a telephone, an address or a page.
fn names_a_contact(line: &Line<'_>) -> bool {
    let key = line.key.as_str();
    let digits = key.chars().filter(char::is_ascii_digit).count();
    let is_named = ["@", "http", "www."].iter().any(|sign| key.contains(sign));
    key.chars().count() <= 100 && (is_named || digits >= 7)
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
    let signs = ['<', '>', '(', ')', '[', ']', '*', '_', ' '];
    let key = line.key.trim_matches(signs);
    let chars = key.chars().count();
    if chars == 0 || chars > 140 {
        return false;
    }
    if DEVICE_LINES.iter().any(|words| key.starts_with(words)) {
        return names_a_device(key);
    }
    let mut head = words(key);
    let (first, second) = (head.next().unwrap_or(""), head.next().unwrap_or(""));
    let is_framed = key.len() < line.key.len() && second == "by";
    let begins = SENT.contains(&first) && (FROM.contains(&second) || is_framed);
    // "From my iPhone": no verb at all.
    let is_bare = words(key).count() <= 6
        && FROM.contains(&first)
        && matches!(second, "my" | "meinem" | "моего" | "mon");
    // A brand in Latin letters under a Russian verb needs no list.
    let is_brand =
        || first.starts_with("отправлен") && key.contains(|c: char| c.is_ascii_alphabetic());
    (begins && (is_brand() || names_a_device(key))) || (is_bare && names_a_device(key))
}

/// Whether the first clause of a line names what letters are written on.
fn names_a_device(key: &str) -> bool {
    let clause = key.split([',', ';', '(']).next().unwrap_or(key);
    let clause = clause.split(". ").next().unwrap_or(clause);
    let mut names = clause
        .split_whitespace()
        .take(9)
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '!'));
    // "Sent from my TI-85": a name with a number.
    let is_model = |word: &str| word.contains('-') && word.ends_with(|c: char| c.is_ascii_digit());
    names.any(|word| {
        DEVICE_STEMS.iter().any(|stem| word.contains(stem))
            || DEVICE_WORDS.contains(&word)
            || is_model(word)
    })
}

fn is_scanned(line: &Line<'_>) -> bool {
    let key = line.key.trim_start_matches(['-', '—', ' ']);
    key.chars().count() <= 200 && SCANNERS.iter().any(|words| key.starts_with(words))
}

/// Whether a line is of the kind that lawyers put under every letter.
pub(super) fn is_disclaimer(line: &Line<'_>) -> bool {
    DISCLAIMERS.iter().any(|words| line.key.contains(words))
}
