//! Finds the labelled lines (От, Кому, Тема) and the drawn lines ("-----Исходное сообщение-----") that Outlook,
//! telephones and forwarding put above a quoted letter.

use super::attribution::has_date;
use super::line::{Line, Mark};

const SENDER_LABELS: [&str; 3] = ["от", "от кого", "from"];
#[rustfmt::skip]
const HEADER_LABELS: [&str; 14] = [
    "кому", "тема", "отправлено", "дата", "копия", "скрытая копия", "важность",
    "to", "subject", "sent", "date", "cc", "bcc", "importance",
];
/// The same in other languages. Shorter words stand in ordinary letters too: more of them are asked for.
#[rustfmt::skip]
const OTHER_SENDERS: [&str; 18] = [
    "von", "de", "da", "van", "från", "fra", "od", "lähettäjä", "від", "від кого", "ад", "kimden", "feladó", "从", "发件人",
    "寄件者", "差出人", "보낸 사람",
];
#[rustfmt::skip]
const OTHER_LABELS: [&str; 93] = [
    "reply-to", "ответить", "обратный адрес", "gesendet", "datum", "an", "betreff", "kopie", "antwort an", "wichtigkeit",
    "envoyé", "date d'envoi", "à", "objet", "sujet", "répondre à", "enviado", "enviado el", "enviada em", "fecha", "para", "asunto",
    "assunto", "responder a", "cc o", "data", "inviato", "a", "oggetto", "risposta", "rispondi a", "verzonden", "aan", "onderwerp",
    "skickat", "till", "ämne", "sendt", "til", "emne", "dato", "lähetetty", "vastaanottaja", "kopio", "aihe", "päiväys",
    "wysłano", "wysłane", "do", "dw", "temat", "odesláno", "odoslané", "komu", "předmět", "predmet", "dátum", "vec", "poslano",
    "za", "zadeva", "naslov", "надіслано", "дата надсилання", "копія", "тема листа", "да", "адпраўлена", "каму", "gönderildi",
    "gönderme tarihi", "kime", "konu", "bilgi", "tarih", "elküldve", "címzett", "tárgy", "másolatot kap", "trimis", "către",
    "subiect", "发送时间", "收件人", "主题", "抄送", "日期", "寄件日期", "送信日時", "宛先", "件名", "보낸 날짜", "받는 사람",
];
#[rustfmt::skip]
const SEPARATORS: [&str; 20] = [
    "исходное сообщение", "исходное письмо", "оригинальное сообщение", "пересылаемое сообщение", "это пересылаемое сообщение", "переадресовано",
    "пересланное сообщение", "перенаправленное сообщение", "переадресованное сообщение", "пересылаемое письмо", "пересланное письмо", "начало переадресованного сообщения",
    "начало пересылаемого сообщения", "начало пересылаемого письма", "завершение пересылаемого сообщения",
    "конец пересылаемого сообщения", "original message", "forwarded message", "begin forwarded message", "end forwarded message",
];
#[rustfmt::skip]
const OTHER_SEPARATORS: [&str; 52] = [
    "original appointment", "original email", "forwarded by", "ursprüngliche nachricht", "originalnachricht", "weitergeleitete nachricht",
    "anfang der weitergeleiteten", "message d'origine", "message original", "mail original", "message transféré", "début du message",
    "mensaje original", "mensaje reenviado", "inicio del mensaje", "mensagem original", "mensagem encaminhada", "messaggio originale",
    "messaggio inoltrato", "inizio messaggio inoltrato", "oorspronkelijk bericht", "origineel bericht", "doorgestuurd bericht",
    "begin doorgestuurd bericht", "ursprungligt meddelande", "originalmeddelande", "vidarebefordrat", "oprindelig meddelelse",
    "opprinnelig melding", "original melding", "videresendt", "alkuperäinen viesti", "edelleenlähetetty", "wiadomość oryginalna",
    "oryginalna wiadomość", "przekazana wiadomość", "původní zpráva", "původní e-mail", "pôvodná správa", "přeposlaná zpráva",
    "orijinal mesaj", "özgün ileti", "iletilmiş", "eredeti üzenet", "továbbított", "mesaj original", "оригинално съобщение",
    "оригінальне повідомлення", "вихідне повідомлення", "переслане повідомлення", "原始邮件", "元のメッセージ",
];
/// "## Please type your reply above this line ##": what desks write above their letters.
#[rustfmt::skip]
const ABOVE: [&str; 9] = [
    "above this line", "выше этой строки", "выше этой линии", "над этой строкой", "над этой линией", "вище цього рядка",
    "oberhalb dieser", "au-dessus de cette ligne", "encima de esta",
];
/// The labels of a whole header: who, when, to whom, about what.
const FULL_LABELS: usize = 4;
/// More lines than this are no header.
const BLOCK_LINES: usize = 12;

/// Labelled lines as programs put them above a quote.
pub(super) struct Block {
    /// The first line under it.
    pub(super) after: usize,
    /// A sender is among them.
    pub(super) sender: bool,
    /// And an address or a date: not a form that the author explains.
    pub(super) sure: bool,
    /// Known only by the labels of another language.
    pub(super) rare: bool,
}

/// A line that is drawn between an answer and what it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// In the words of the programs that people here use.
    Native,
    /// In other words.
    Rare,
}

/// How far two labels say that a letter is quoted here.
#[derive(Clone, Copy)]
struct Labels {
    is_sender: fn(&Line<'_>) -> bool,
    is_header: fn(&Line<'_>) -> bool,
    rare: bool,
}

const NATIVE: Labels = Labels {
    is_sender,
    is_header,
    rare: false,
};
const RARE: Labels = Labels {
    is_sender: is_any_sender,
    is_header: is_any_header,
    rare: true,
};

/// Finds two or more labelled lines from here on. With a sender one blank or wrapped line between two
/// labels is allowed.
pub(super) fn header_block(lines: &[Line<'_>], at: usize) -> Option<Block> {
    let line = lines.get(at).filter(|line| is_any_header(line))?;
    let native = is_header(line).then(|| block_of(lines, at, NATIVE));
    let rare = || block_of(lines, at, RARE).filter(|block| block.sender && block.sure);
    native.flatten().or_else(rare)
}

fn block_of(lines: &[Line<'_>], at: usize, of: Labels) -> Option<Block> {
    let (mut last, mut labels, mut sender) = (at, 0, false);
    for (index, line) in lines.iter().enumerate().skip(at).take(BLOCK_LINES) {
        if (of.is_header)(line) && line.mark == Mark::None {
            (last, labels, sender) = (index, labels + 1, sender || (of.is_sender)(line));
        } else if index > last + 1 || line.mark != Mark::None {
            break;
        }
    }
    let adjacent = lines.get(at + 1).is_some_and(of.is_header);
    if labels < 2 + usize::from(of.rare) || !(sender || adjacent) {
        return None;
    }
    let block = &lines[at..=last];
    let addressed = sender && block.iter().any(|line| line.key.contains('@'));
    let dated = block.iter().any(|line| has_date(&line.key));
    let sure = addressed || sender && dated;
    // Four labels, a date and an address: no letter of a person looks so in any language.
    let rare = of.rare && !(labels >= FULL_LABELS && addressed && dated);
    // A long subject runs on into a second line.
    let long = lines[last].key.chars().count() > 60;
    let wrapped = long && lines.get(last + 2).is_some_and(Line::is_blank);
    let after = last + 1 + usize::from(wrapped && !lines[last + 1].is_sentinel());
    Some(Block {
        after,
        sender,
        sure,
        rare,
    })
}

/// Whether the line above says that data follows, or stands so close that the labels go on with it: what an author pasted,
/// or a form he filled in. A program leaves a line, or draws one.
pub(super) fn is_announced(lines: &[Line<'_>], at: usize) -> bool {
    let above = lines[..at].iter().rposition(|line| !line.is_blank());
    above.is_some_and(|above| {
        let line = &lines[above];
        let is_close = above + 1 == at;
        !line.is_drawn() && !line.is_rule() && (is_close || line.key.ends_with(':'))
    })
}

fn is_sender(line: &Line<'_>) -> bool {
    SENDER_LABELS.contains(&line.label()) && names_somebody(line)
}

/// Whether the value has letters: "От: 24.11.2026" and "From: 8:00" are a span of time. A name may stand in the next line.
fn names_somebody(line: &Line<'_>) -> bool {
    let value = line
        .key
        .split_once(':')
        .map_or("", |(_, value)| value.trim());
    value.is_empty() || value.contains(|c: char| c.is_alphabetic() || c == '*')
}

/// Whether a line begins with a label of a letter's header.
pub(super) fn is_header(line: &Line<'_>) -> bool {
    is_sender(line) || HEADER_LABELS.contains(&line.label())
}

fn is_any_sender(line: &Line<'_>) -> bool {
    is_sender(line) || (OTHER_SENDERS.contains(&line.label()) && names_somebody(line))
}

fn is_any_header(line: &Line<'_>) -> bool {
    let label = line.label();
    let short = !label.is_empty() && label.len() < 40;
    short && (is_header(line) || OTHER_SENDERS.contains(&label) || OTHER_LABELS.contains(&label))
}

/// "-----Исходное сообщение-----", which a line without dashes only may be.
pub(super) fn separator(line: &Line<'_>) -> Option<Separator> {
    if line.key.len() > 200 {
        return None;
    }
    let signs = ['-', '—', '–', '_', '=', '*', ' ', ':', '#', '>', '<'];
    let bare = line.key.trim_matches(signs);
    let separates = |words: &&str| bare.starts_with(*words);
    let drawn = line.is_dashed() || line.key.starts_with(['=', '_', '#']);
    if SEPARATORS.contains(&bare) || (line.is_dashed() && SEPARATORS.iter().any(separates)) {
        return Some(Separator::Native);
    }
    let other =
        (drawn && OTHER_SEPARATORS.iter().any(separates)) || OTHER_SEPARATORS.contains(&bare);
    let above = || drawn && ABOVE.iter().any(|words| bare.contains(words));
    (other || above()).then_some(Separator::Rare)
}
