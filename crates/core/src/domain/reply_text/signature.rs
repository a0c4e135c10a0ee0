//! Signatures at the end of a text: what stands under `-- ` (RFC 3676 section 4.3), a Russian closing with the name
//! under it, and the lines that telephones, mail programs and virus scanners add. Other closings are left alone where only
//! a name stands under them: "Best regards, Ann" reads well in a letter that is passed on.

use super::line::{Line, joined, words};

/// Closings of other languages. They open a signature only where more than a name stands under them.
#[rustfmt::skip]
const CLOSINGS: [&str; 71] = [
    "best regards", "kind regards", "kindest regards", "warm regards", "regards", "best", "best wishes", "all the best", "with best wishes", "with kind regards", "with best regards", "many thanks", "thanks", "thank you", "thanks and regards",
    "thanks in advance", "sincerely", "yours sincerely", "sincerely yours", "yours faithfully", "yours truly", "respectfully", "cheers", "mit freundlichen grüßen", "mit freundlichen grüssen", "mit freundlichem gruß", "viele grüße", "beste grüße", "liebe grüße", "freundliche grüße",
    "herzliche grüße", "schöne grüße", "mfg", "cordialement", "bien cordialement", "très cordialement", "bien à vous", "sincères salutations", "meilleures salutations", "salutations distinguées", "saludos", "un saludo", "saludos cordiales", "un cordial saludo", "atentamente",
    "atenciosamente", "cumprimentos", "com os melhores cumprimentos", "abraços", "cordiali saluti", "distinti saluti", "saluti", "un saluto", "pozdrawiam", "serdecznie pozdrawiam", "z poważaniem", "z wyrazami szacunku", "met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groeten",
    "med vänliga hälsningar", "vänliga hälsningar", "med vennlig hilsen", "med venlig hilsen", "ystävällisin terveisin", "s pozdravem", "s úctou", "saygılarımla", "iyi günler", "щиро", "з найкращими побажаннями",
];
/// What is written below a signature and is none of it.
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
const DEVICE_LINES: [&str; 6] = [
    "從我的 iphone", "从我的 iphone", "发自我的", "iphoneから送信", "diese nachricht wurde von meinem", "ce message a été envoyé depuis",
];
/// What a line that offers the program begins with: "Get Outlook for Android".
#[rustfmt::skip]
const OFFERS: [&str; 13] = [
    "get", "download", "скачать", "скачайте", "получить", "получите", "установите", "завантажити", "télécharger", "obtenir", "holen", "descargar", "pobierz",
];
/// What virus scanners write under letters.
#[rustfmt::skip]
const SCANNERS: [&str; 15] = [
    "без вирусов. ", "без вирусов.www", "без вирусов", "virus-free. ", "virus-free.www", "virus-free", "virenfrei", "проверено антивирусом", "проверено на вирусы",
    "это сообщение проверено", "это письмо проверено", "письмо проверено", "this email has been checked", "this e-mail has been checked", "www.avast.com",
];
/// What lawyers write under letters speaks of the letter, of what is secret, and of what a stranger has to do.
#[rustfmt::skip]
const LETTER_STEMS: [&str; 13] = [
    "сообщени", "письм", "вложени", "переписк", "повідомлен", "e-mail", "email", "message", "mail", "attachment", "communication", "nachricht", "courriel",
];
#[rustfmt::skip]
const SECRET_STEMS: [&str; 15] = [
    "конфиденциальн", "предназначен", "коммерческ", "ограниченного", "адресован", "персональн", "конфіденційн", "confidential", "privileged", "intended", "proprietary", "vertraulich", "confidentiel", "confidencial", "poufn",
];
#[rustfmt::skip]
const DUTY_STEMS: [&str; 31] = [
    "адресат", "получател", "уничтож", "удалит", "удалите", "по ошибке", "ошибочно", "иным лицом", "лица", "лицом", "разглаш", "копирован", "распростран", "несанкционирован", "одержувач",
    "recipient", "addressee", "delete", "destroy", "in error", "disclos", "unauthori", "prohibited", "notify", "dissemination", "distribution", "empfänger", "destinataire", "destinatario", "individual", "odbiorc",
];

/// Returns how many lines are left without what stands below the words: drawn lines, signatures, lawyers' words, and the
/// lines that programs add. Too much is left rather than too little: whoever reads the record has the letter. `author` is the name of whoever wrote, folded; empty where it is not known.
pub(super) fn own_end(lines: &[Line<'_>], author: &str) -> usize {
    let mut end = lines.len();
    loop {
        let before = end;
        while end > 0 && (lines[end - 1].is_blank() || lines[end - 1].is_drawn()) {
            end -= 1;
        }
        end = cut_signature(&lines[..end], author);
        end = cut_disclaimer(&lines[..end]);
        if end == before {
            return end;
        }
    }
}

/// Returns how many lines are left without a signature that is certainly one. What lawyers write may be what the author
/// writes, and travels.
pub(super) fn signed_end(lines: &[Line<'_>], author: &str) -> usize {
    cut_signature(lines, author)
}

/// Where a last paragraph of lawyers' words begins.
fn cut_disclaimer(lines: &[Line<'_>]) -> usize {
    const DISCLAIMER_LINES: usize = 25;
    let tail = lines.len().saturating_sub(DISCLAIMER_LINES);
    let blank = lines[tail..].iter().rposition(Line::is_blank);
    let Some(paragraph) = blank.map(|at| tail + at + 1).or((tail == 0).then_some(0)) else {
        return lines.len();
    };
    let is_meant = is_disclaimer(&joined(&lines[paragraph..]));
    if is_meant { paragraph } else { lines.len() }
}

/// Whether a paragraph is of the kind that lawyers put under every letter, or asks not to print it.
fn is_disclaimer(paragraph: &str) -> bool {
    const LONG: usize = 60;
    let has = |stems: &[&str]| stems.iter().any(|stem| paragraph.contains(stem));
    let is_green = (has(&["окружающей сред", "экологи", "о природе"]) && has(&["печат"]))
        || (has(&["environment"]) && has(&["print"]));
    is_green
        || paragraph.len() > LONG && has(&LETTER_STEMS) && has(&SECRET_STEMS) && has(&DUTY_STEMS)
}

/// Returns how many lines are left when the signature at the end is cut.
fn cut_signature(lines: &[Line<'_>], author: &str) -> usize {
    let (mut end, mut cuts) = (lines.len(), 0);
    while let Some(last) = end.checked_sub(1) {
        let line = &lines[last];
        if line.is_blank() || line.is_dashes() || is_sent_from(line) || is_scanned(line) {
            end = last;
            continue;
        }
        // The address of the program stands below the line that names it.
        let above = lines[..last].iter().rposition(|line| !line.is_blank());
        let is_programs = |line: &Line<'_>| is_sent_from(line) || is_scanned(line);
        if is_page(line) && above.is_some_and(|above| is_programs(&lines[above])) {
            end = last;
            continue;
        }
        // What closes the letter stands above the card that is gone.
        if cuts > 0 && is_closing(line) {
            end = last;
            continue;
        }
        match signature_start(&lines[..end], author) {
            // A name under dashes may follow "С уважением"; a second row of dashes is the author's own.
            Some(at) if cuts == 0 || is_regards(&lines[at]) => (end, cuts) = (at, cuts + 1),
            _ => break,
        }
    }
    end
}

/// Nothing but the address of a page.
fn is_page(line: &Line<'_>) -> bool {
    let key = line.key.trim_matches(['<', '>', '(', ')', ' ']);
    ["http://", "https://", "www."]
        .iter()
        .any(|begin| key.starts_with(begin))
        && !key.contains(' ')
}

/// The last line that opens a signature, if what follows it is one.
fn signature_start(lines: &[Line<'_>], author: &str) -> Option<usize> {
    // A command or a postscript written under a signature is not lost with it.
    let kept = |line: &Line<'_>| {
        line.key.starts_with(['#', '№', '＃'])
            || POSTSCRIPTS.iter().any(|p| line.key.starts_with(p))
    };
    let (mut worded, mut sentences, mut is_contacted) = (0, 0, false);
    // The line with words below the one that is looked at.
    let mut below: Option<usize> = None;
    for (at, line) in lines.iter().enumerate().rev() {
        let formal = line.raw == "-- ";
        is_contacted |= names_a_contact(line);
        let under = below.map(|below| &lines[below]);
        let is_set_off = at > 0 && lines[at - 1].is_blank();
        let is_announced = || {
            let above = lines[..at].iter().rposition(|line| !line.is_blank());
            above.is_some_and(|above| lines[above].key.ends_with(':'))
        };
        let is_ruled = || {
            let has_post = worded > 1 && under.is_some_and(is_name) && names_a_post(lines, below);
            line.is_drawn() && (has_post || (1..=3).contains(&worded) && is_contacted)
        };
        // No name begins in small letters and goes on for long.
        let may_be_his = |line: &Line<'_>| {
            may_be_a_name(line)
                || line.raw.trim().starts_with(char::is_alphabetic) && words(&line.key).count() < 4
        };
        let is_dashed =
            || line.is_dashes() && under.is_some_and(may_be_his) && signs(&lines[at + 1..]);
        let opens = formal
            || is_set_off && worded < 6 && is_card(lines, at, author)
            || is_regards(line) && ends_signed(&lines[at + 1..])
            || (is_dashed() || is_ruled()) && !is_announced()
            || is_closing(line)
                && under.is_some_and(may_be_a_name)
                && (is_contacted || worded > 1)
                && ends_signed(&lines[at + 1..]);
        if opens && (formal || sentences == 0) {
            return Some(at);
        }
        if !line.is_blank() && !line.is_drawn() {
            below = Some(at);
            worded += 1;
        }
        sentences += usize::from(is_sentence(line));
        if worded > SIGNATURE_LINES || kept(line) {
            break;
        }
    }
    None
}

/// Whether a line is a sentence and not a piece of a signature: it ends as one, and has more than names.
fn is_sentence(line: &Line<'_>) -> bool {
    let is_word = |word: &&str| word.starts_with(char::is_lowercase) && word.chars().count() > 3;
    let is_said = || {
        words(&line.key).count() > 4
            || words(line.raw).filter(is_word).count() > 1
                && line.raw.trim().starts_with(char::is_uppercase)
    };
    line.key.ends_with(['.', '!', '?']) && is_said() || line.key.chars().count() > 100
}

/// Whether a line begins with the author's own name.
fn names(line: &Line<'_>, author: &str) -> bool {
    let is_his = |word: &str| word.chars().count() > 2 && words(author).any(|own| own == word);
    let first = line.key.split(['|', ',', ';']).next().unwrap_or_default();
    words(first).count() <= 5 && words(first).any(is_his)
}

/// Whether a line begins the author's card: his own name, and below it or in it what he does or how to reach him.
fn is_card(lines: &[Line<'_>], at: usize, author: &str) -> bool {
    const CARD_WORDS: usize = 16;
    let line = &lines[at];
    let is_named = names(line, author);
    let is_whole = line.key.contains('|') || names_a_contact(line);
    is_named
        && line.raw.trim().starts_with(char::is_uppercase)
        && words(&line.key).count() <= CARD_WORDS
        && (is_whole || names_a_post(lines, Some(at)))
}

/// Whether lines are a signature: names, posts, firms, and how to reach somebody.
fn signs(lines: &[Line<'_>]) -> bool {
    lines.iter().filter(|line| !line.is_blank()).all(may_sign)
}

/// Whether what stands behind the first paragraph under a closing is part of the signature too, and no further words.
fn ends_signed(lines: &[Line<'_>]) -> bool {
    let begun = lines.iter().position(|line| !line.is_blank());
    let Some(begun) = begun else { return true };
    let first = lines[begun..].iter().take_while(|line| !line.is_blank());
    signs(&lines[begun + first.count()..])
}

/// Whether a line may be part of a signature.
fn may_sign(line: &Line<'_>) -> bool {
    #[rustfmt::skip]
    const FIRMS: [&str; 14] = [
        "ооо", "оао", "зао", "пао", "ип", "мбоу", "мкоу", "гбоу", "маоу", "гимназия", "лицей", "школа", "отдел", "служба",
    ];
    let raw = line.raw.trim();
    let has_digits = raw.contains(|c: char| c.is_ascii_digit());
    names_a_contact(line)
        || line.is_drawn()
        || is_name(line)
        || is_sent_from(line)
        || is_scanned(line)
        || words(&line.key).any(|word| FIRMS.contains(&word))
        || !raw.contains(':')
            && (raw.starts_with(char::is_lowercase)
                || raw.contains(['№', '«', '"'])
                || words(&line.key).count() <= 4 && !has_digits)
}

/// A short line that begins with a capital.
fn may_be_a_name(line: &Line<'_>) -> bool {
    line.raw.trim().starts_with(char::is_uppercase) && words(&line.key).count() <= 6
}

/// Two to five words, all with capitals, and no more.
fn is_name(line: &Line<'_>) -> bool {
    let mut parts = line.raw.split_whitespace();
    let count = parts.clone().count();
    (2..=5).contains(&count)
        && parts.all(|part| {
            part.starts_with(char::is_uppercase)
                && part
                    .chars()
                    .all(|c| c.is_alphabetic() || "-.’'".contains(c))
        })
}

/// Whether below a name stands what the person does, or how to reach him: then the name is no entry of a list.
fn names_a_post(lines: &[Line<'_>], name: Option<usize>) -> bool {
    let below = lines.iter().skip(name.map_or(lines.len(), |name| name + 1));
    let mut below = below.filter(|line| !line.is_blank());
    below.any(|line| {
        let first = line.raw.split_whitespace().next().unwrap_or_default();
        let is_post = first.starts_with(char::is_lowercase) && first.chars().count() > 3;
        is_post || names_a_contact(line)
    })
}

/// A closing of another language, alone in its line.
fn is_closing(line: &Line<'_>) -> bool {
    CLOSINGS.contains(&line.key.trim_matches([',', '.', '!', '—', '–', '-', ' ']))
}

/// What stands before a short number of a telephone or a room.
const CONTACT_LABELS: [&str; 9] = [
    "тел",
    "телефон",
    "моб",
    "каб",
    "вн",
    "доб",
    "tel",
    "phone",
    "ext",
];

/// Whether a line gives a telephone, an address or a page.
fn names_a_contact(line: &Line<'_>) -> bool {
    let key = line.key.as_str();
    let digits = key.chars().filter(char::is_ascii_digit).count();
    let is_named = ["@", "http", "www."].iter().any(|sign| key.contains(sign));
    let is_labelled = || words(key).any(|word| CONTACT_LABELS.contains(&word));
    key.chars().count() <= 100 && (is_named || digits >= 7 || digits > 1 && is_labelled())
}

/// "С уважением" and its kin alone, or followed by a name or a comma.
fn is_regards(line: &Line<'_>) -> bool {
    #[rustfmt::skip]
    const BEGINNINGS: [&str; 9] = [
        "с ", "со ", "искренне ", "всегда ваш", "з ", "із ", "всего доброго,", "всего хорошего,", "всего наилучшего,",
    ];
    const GOODBYES: usize = 6;
    let Some(begins) = BEGINNINGS
        .iter()
        .position(|begin| line.key.starts_with(begin))
    else {
        return false;
    };
    let raw = line
        .raw
        .trim_matches(|c: char| c.is_whitespace() || "*—–-_".contains(c));
    let ends = raw
        .match_indices(' ')
        .map(|(at, _)| at)
        .chain([raw.len()])
        .take(5);
    // The words of the closing, up to five of them, and what follows.
    let closing = ends.filter(|end| {
        let words = line_words(&raw[..*end]);
        begins >= GOODBYES && words.len() == 2
            || closes(&words.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let Some(end) = closing.last() else {
        return false;
    };
    let is_ended = raw[..end].ends_with([',', '.', '!', ';']);
    let rest = raw[end..].trim_start();
    let rest = ["к вам", "к Вам"]
        .iter()
        .find_map(|more| rest.strip_prefix(more))
        .unwrap_or(rest);
    let is_followed = rest.is_empty()
        || rest.starts_with([',', '.', '!', ';'])
        || rest.starts_with(char::is_uppercase);
    let is_short = words(rest).count() <= 6;
    rest.chars().count() <= 60 && is_short && (is_followed || is_ended)
}

/// The words of a piece of a line, folded.
fn line_words(piece: &str) -> Vec<String> {
    words(&super::line::fold(piece))
        .map(str::to_owned)
        .collect()
}

/// Whether words are a closing of a Russian, Ukrainian or Belarusian letter.
fn closes(words: &[&str]) -> bool {
    match words {
        [with, between @ .., "уважением"] if matches!(*with, "с" | "со") => between
            .iter()
            .all(|word| word.ends_with("им") || word.ends_with("ым")),
        [with, "ув" | "уваж"] => matches!(*with, "с" | "со"),
        ["с", best @ .., "пожеланиями"] => {
            const BEST: [&str; 8] = [
                "наилучшими",
                "лучшими",
                "добрыми",
                "теплыми",
                "искренними",
                "самыми",
                "сердечными",
                "всеми",
            ];
            !best.is_empty() && best.iter().all(|word| BEST.contains(word))
        }
        ["с", "наилучшими" | "благодарностью" | "признательностью"] => {
            true
        }
        ["с", between, "благодарностью" | "признательностью"] => {
            between.ends_with('й')
        }
        ["искренне" | "всегда", "ваш" | "ваша" | "ваши"] => true,
        ["з" | "із", "повагою" | "павагай"] => true,
        ["з", between, "повагою"] => between.ends_with("ою"),
        _ => false,
    }
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
    if OFFERS.contains(&first) {
        let is_short = words(key)
            .take_while(|word| !word.starts_with("http"))
            .count()
            <= 6;
        // Only the name of a program stands between: "Download the app for Android" is advice.
        let is_brand = second.starts_with(|c: char| c.is_ascii_alphabetic())
            && !matches!(second, "the" | "our" | "a" | "an" | "app" | "it");
        let is_of_program = ["для", "for", "pour", "für", "para", "dla"]
            .iter()
            .any(|word| words(key).any(|other| other == *word));
        return is_short && is_brand && !key.contains(": ") && is_of_program && names_a_device(key);
    }
    let is_framed = key.len() < line.key.len() && second == "by";
    let begins = SENT.contains(&first) && (FROM.contains(&second) || is_framed);
    // "From my iPhone": no verb at all.
    let is_bare = words(key).count() <= 6
        && FROM.contains(&first)
        && matches!(second, "my" | "meinem" | "моего" | "mon");
    // A brand in Latin letters under a Russian verb needs no list, where nothing is said behind it.
    let is_brand = || {
        matches!(first, "отправлено" | "послано" | "надіслано" | "адпраўлена")
            && key.contains(|c: char| c.is_ascii_alphabetic())
            && words(key).skip(2).all(is_of_device)
    };
    let is_told = first == "отправлен" && !words(key).skip(2).all(is_of_device);
    (begins && !is_told && (is_brand() || names_a_device(key))) || (is_bare && names_a_device(key))
}

/// Whether a word stands in lines that devices add: Latin letters, a number, or one of few Russian words.
fn is_of_device(word: &str) -> bool {
    #[rustfmt::skip]
    const FILLERS: [&str; 21] = [
        "мой", "моего", "моей", "моем", "мобильной", "мобильного", "нового", "помощью", "для", "на", "из", "версии", "приложения", "почты", "почта", "почте", "яндекс", "со", "с", "устройства", "телефона",
    ];
    word.chars().all(|c| c.is_ascii_alphanumeric())
        || FILLERS.contains(&word)
        || DEVICE_STEMS.iter().any(|stem| word.contains(stem))
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
    const PROGRAMS: [&str; 9] = [
        "avast",
        "вирус",
        "kaspersky",
        "касперск",
        "dr.web",
        "eset",
        "avg",
        "virus",
        "mcafee",
    ];
    let is_named = PROGRAMS.iter().any(|name| key.contains(name));
    key.chars().count() <= 200 && is_named && SCANNERS.iter().any(|words| key.starts_with(words))
}
