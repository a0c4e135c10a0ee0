//! Subjects: what mail programs and people put before and into them.

/// What programs put before the subject of an answer, in lower case. A counter may follow: `Re[2]:`, `RE^2:`, `Re(3):`.
#[rustfmt::skip]
const REPLY_PREFIXES: [&str; 20] = [
    "re", "ответ", "отв", "aw", "antw", "antwort", "sv", "vs", "odp", "ynt", "ref", "res", "rif", "r", "vá", "bls",
    "回复", "回覆", "答复", "σχετ",
];
/// What programs put before the subject of a forwarded letter, in lower case. "На:" is here because a forwarded letter
/// taken for an answer would be worse than the reverse.
#[rustfmt::skip]
const FORWARD_PREFIXES: [&str; 21] = [
    "fwd", "fw", "пересл", "пересылка", "переслано", "пер", "на", "wg", "tr", "rv", "enc", "i", "vb", "vl", "doorst",
    "pd", "ilt", "转发", "轉寄", "továbbítás", "πρθ",
];

/// What stands before a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// The letter answers another one.
    Reply,
    /// The letter passes another one on.
    Forward,
}

/// Returns the first prefix of a subject, and the subject without any of them and without spaces around.
pub fn split_prefixes(subject: &str) -> (Option<Prefix>, &str) {
    let mut first = None;
    let mut rest = subject.trim();
    while let Some((prefix, after)) = split_one(rest) {
        first = first.or(Some(prefix));
        rest = after.trim_start();
    }
    (first, rest)
}

/// One prefix: a known word, perhaps a counter, a colon.
fn split_one(subject: &str) -> Option<(Prefix, &str)> {
    let colon = subject.find([':', '：'])?;
    let (word, rest) = subject.split_at(colon);
    // The longest prefix has twelve characters; a sentence before a colon is not looked at further.
    if word.chars().count() > 16 {
        return None;
    }
    let word = word.trim().to_lowercase();
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit() || "[](){}^*. ".contains(c));
    let prefix = if REPLY_PREFIXES.contains(&word) {
        Prefix::Reply
    } else if FORWARD_PREFIXES.contains(&word) {
        Prefix::Forward
    } else {
        return None;
    };
    Some((prefix, rest.trim_start_matches([':', '：'])))
}

/// Returns the ticket numbers in subject tags such as `[№ 1042]`, in the order they stand there. A tag is known in all
/// that programs and people make of it: `[№1042]`, `[N 1042]`, `[No. 1042]`, `[#1042]`, `[? 1042]` from KOI8-R,
/// `(№ 1042)`, `№ 1042]`. It is a hint, not a proof: only together with a sender who belongs to the ticket it counts.
pub fn tagged_tickets(subject: &str) -> Vec<i64> {
    let mut numbers = Vec::new();
    let mut rest = subject;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let end = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        if is_tag(before, after)
            && digits.len() <= 12
            && let Ok(number) = digits.parse()
            && !numbers.contains(&number)
        {
            numbers.push(number);
        }
        rest = after;
    }
    numbers
}

/// Whether a number between `before` and `after` is a tag: a number sign and at least one bracket.
fn is_tag(before: &str, after: &str) -> bool {
    let closed = after.trim_start().starts_with([']', ')', '］']);
    let before = before.trim_end().trim_end_matches('.');
    let sign = before
        .char_indices()
        .rev()
        .take_while(|(_, c)| !"[(［ ".contains(*c))
        .last();
    let Some((start, _)) = sign else { return false };
    let sign = before[start..].to_lowercase();
    let opened = before[..start].trim_end().ends_with(['[', '(', '［']);
    let is_sign = matches!(
        sign.as_str(),
        "№" | "#"
            | "n"
            | "no"
            | "nº"
            | "n°"
            | "?"
            | "&#8470;"
            | "=e2=84=96"
            | "в„–"
            | "â„–"
            | "пїѕ"
    );
    is_sign && (opened && closed || (sign == "№" && (opened || closed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_known_in_all_spellings() {
        use Prefix::{Forward, Reply};
        for (subject, prefix, rest) in [
            ("Не сохраняется", None, "Не сохраняется"),
            ("Re: Не сохраняется", Some(Reply), "Не сохраняется"),
            (
                "RE: Re[2]: Ответ: Не сохраняется",
                Some(Reply),
                "Не сохраняется",
            ),
            ("re^3:x", Some(Reply), "x"),
            ("Re (4) : x", Some(Reply), "x"),
            ("Отв.: x", Some(Reply), "x"),
            ("AW: WG: x", Some(Reply), "x"),
            ("Fwd: Re: x", Some(Forward), "x"),
            ("Пересл.: x", Some(Forward), "x"),
            ("ПЕР: x", Some(Forward), "x"),
            ("НА: x", Some(Forward), "x"),
            ("Re：x", Some(Reply), "x"),
            ("Тема: дроби", None, "Тема: дроби"),
            ("Срочно: не открывается", None, "Срочно: не открывается"),
            ("Re:", Some(Reply), ""),
            (":", None, ":"),
            ("", None, ""),
        ] {
            assert_eq!(split_prefixes(subject), (prefix, rest), "{subject}");
        }
    }

    #[test]
    fn a_tag_is_known_in_all_its_mutilations() {
        for (subject, want) in [
            ("Re: Не сохраняется [№ 1042]", vec![1042]),
            ("[№1042] x", vec![1042]),
            ("[#7]", vec![7]),
            ("Re: [N 7] x", vec![7]),
            ("[No. 7] x", vec![7]),
            ("[? 7]", vec![7]),
            ("(№ 7)", vec![7]),
            ("№ 7]", vec![7]),
            ("[x] [№ 9]", vec![9]),
            ("[№ 9] [№ 10] [№ 9]", vec![9, 10]),
            ("［№ 9］", vec![9]),
            ("[в„– 9]", vec![9]),
            ("[№ 10 и ещё]", vec![10]),
            ("приказ № 1042", vec![]),
            ("кабинет (14)", vec![]),
            ("[1042]", vec![]),
            ("(N 7", vec![]),
            ("[#99999999999999999999]", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(tagged_tickets(subject), want, "{subject}");
        }
    }
}
