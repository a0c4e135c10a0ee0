//! The service part of our own notices: how its lines are known when a quotation has lost its marks.

use super::line::Line;

/// The labels of the service part of a notice, folded, without the colon. The wording must keep to them.
#[rustfmt::skip]
pub const SERVICE_LABELS: [&str; 20] = [
    "кто", "пришло", "состояние", "тема", "вложение", "вложения", "в копии", "упомянуто", "раньше", "похоже на", "памятка", "прочитано",
    "who", "received", "state", "attachment", "copies to", "mentions", "earlier", "as read",
];
/// Words of a notice that no answer to a person contains.
#[rustfmt::skip]
const SERVICE_PHRASES: [&str; 11] = [
    "пишите ответ выше этой строки", "пользователю не видно", "туда ответ не уйдет",
    "команды пишите выше этой строки", "write commands above this line", "write your answer above this line", "the requester does not see this",
    "если не получилось, просто ответьте на это письмо", "адрес не проверен", "address not verified", "[=3d=3d",
];

/// What a receipt of ours begins with, below its greeting.
const RECEIPTS: [&str; 3] = [
    "письмо получено и зарегистрировано: обращение",
    "письма получены и зарегистрированы: обращения",
    "your letter has been received and registered",
];

/// Whether a line is where a receipt of ours begins.
pub(super) fn begins_a_receipt(line: &Line<'_>) -> bool {
    RECEIPTS.iter().any(|words| line.key.starts_with(words))
}

/// Whether lines show the service part of a notice, its sentinels aside.
pub(super) fn repeats(lines: &[Line<'_>]) -> bool {
    let heading = |key: &str| {
        let after = key.strip_prefix("служебное").map(str::trim_start);
        after.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let ours = |line: &&Line<'_>| is_labelled(line) || heading(&line.key);
    // One line in the very layout of a notice is enough: people write neither those gaps nor those dots.
    let is_laid_out = |line: &Line<'_>| {
        let value = line.raw.split_once(':').map_or("", |(_, value)| value);
        is_labelled(line) && (value.starts_with("  ") || value.contains(" · "))
    };
    let is_ours =
        |line: &Line<'_>| is_token_line(line) || begins_a_receipt(line) || is_laid_out(line);
    if lines.iter().filter(ours).count() > 1 || lines.iter().any(is_ours) {
        return true;
    }
    // Wrapped or run together by a mail program, labels and phrases are still themselves.
    let worded = lines.iter().map(|line| line.key.as_str());
    let worded: Vec<&str> = worded.filter(|key| !key.is_empty()).collect();
    let text = worded.join(" ");
    let inline = |label: &&&str| {
        let mut found = text.match_indices(**label);
        found.any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + label.len()..]);
            after.starts_with(':') && !before.ends_with(char::is_alphanumeric)
        })
    };
    let may_label = text.matches(':').nth(2).is_some();
    (may_label && SERVICE_LABELS.iter().filter(inline).count() > 2)
        || SERVICE_PHRASES.iter().any(|phrase| text.contains(phrase))
}

/// Whether a line begins with a label of the service part.
pub(super) fn is_labelled(line: &Line<'_>) -> bool {
    SERVICE_LABELS.contains(&line.label())
}

/// The ticket and its code, "1042 · k7Qp3xVd", when the brackets around them are gone.
pub(super) fn is_token_line(line: &Line<'_>) -> bool {
    // Its letters are large or small, so it is read as it stands but for a mark before it.
    let unmarked = line.raw.trim_start_matches(|c: char| !c.is_alphanumeric());
    let words: Vec<&str> = unmarked.split_whitespace().take(4).collect();
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
