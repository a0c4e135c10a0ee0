//! Words without the signs of a person that can be found in them: addresses, long numbers, names that are known. What a
//! person tells of himself in other words stays, and nobody can promise otherwise.

/// Stands where a mail address was.
const ADDRESS: &str = "[адрес]";
/// Stands where a long number was: a phone, a passport, СНИЛС.
const NUMBER: &str = "[номер]";
/// Stands where a name was.
const NAME: &str = "[имя]";
/// A number of so many digits may be somebody's.
const LONG: usize = 6;
/// A name of no more letters is told from other words by all of them.
const STEM: usize = 3;

/// Returns `text` without mail addresses, numbers of six digits or more, and the words of `names`, in any of the cases that
/// their endings tell.
pub fn anonymised(text: &str, names: &[&str]) -> String {
    let names = stems(names);
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        lines.push(numbers_hidden(&words_hidden(line, &names)));
    }
    lines.join("\n")
}

/// Returns `text` without one person's address and the words of his names; others' stay.
pub fn without_person(text: &str, address: &str, names: &[&str]) -> String {
    let names = stems(names);
    let is_his = |word: &str| word.to_lowercase().contains(address);
    let lines = text.split('\n').map(|line| {
        let hide = |word: &str| {
            if is_his(word) {
                Some(ADDRESS)
            } else {
                is_name(word, &names).then_some(NAME)
            }
        };
        each_word(line, hide)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The words of names in lower case, and whether each stands for what begins with it.
fn stems(names: &[&str]) -> Vec<(String, bool)> {
    let words = names
        .iter()
        .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let stem = |word: &str| {
        let letters: Vec<char> = word.to_lowercase().chars().collect();
        let is_long = letters.len() > STEM;
        let kept = if is_long {
            letters.len() - 1
        } else {
            letters.len()
        };
        (letters[..kept].iter().collect::<String>(), is_long)
    };
    // A single letter is an initial, and half of all words.
    let words = words.filter(|word| word.chars().nth(1).is_some());
    words.map(stem).collect()
}

fn is_name(word: &str, names: &[(String, bool)]) -> bool {
    let word = word.to_lowercase();
    names.iter().any(|(stem, is_long)| {
        let rest = word.strip_prefix(stem.as_str());
        // Endings of Russian cases are three letters at most.
        rest.is_some_and(|rest| rest.is_empty() || *is_long && rest.chars().count() <= 3)
    })
}

fn words_hidden(line: &str, names: &[(String, bool)]) -> String {
    each_word(line, |word| {
        if word.contains('@') {
            Some(ADDRESS)
        } else {
            is_name(word, names).then_some(NAME)
        }
    })
}

/// Replaces words; those of an address are one word.
fn each_word(line: &str, hide: impl Fn(&str) -> Option<&'static str>) -> String {
    let is_part = |c: char| c.is_alphanumeric() || "@._+-%=".contains(c);
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(begin) = rest.find(is_part) {
        out.push_str(&rest[..begin]);
        let word = &rest[begin..];
        let end = word.find(|c| !is_part(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        if word.contains('@') {
            out.push_str(hide(word).unwrap_or(word));
        } else {
            for piece in word.split_inclusive(|c: char| !c.is_alphanumeric()) {
                let bare = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
                out.push_str(hide(bare).filter(|_| !bare.is_empty()).unwrap_or(bare));
                out.push_str(&piece[bare.len()..]);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Replaces runs of digits, with what people put between them, that are long.
fn numbers_hidden(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut run = String::new();
    let end_run = |out: &mut String, run: &mut String| {
        let digits = run.chars().filter(char::is_ascii_digit).count();
        let bare = run.trim_end_matches(|c: char| !c.is_ascii_digit());
        let (bare, tail) = run.split_at(bare.len());
        out.push_str(if digits >= LONG { NUMBER } else { bare });
        out.push_str(tail);
        run.clear();
    };
    for c in line.chars() {
        let goes_on = c.is_ascii_digit() || !run.is_empty() && " \u{a0}-–()".contains(c);
        if goes_on || c == '+' && run.is_empty() {
            run.push(c);
        } else {
            end_run(&mut out, &mut run);
            out.push(c);
        }
    }
    end_run(&mut out, &mut run);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_numbers_and_names_are_hidden_and_other_words_stay() {
        for (text, hidden) in [
            (
                "Пишите на Rita.P@family.test, жду.",
                "Пишите на [адрес], жду.",
            ),
            ("Код 500, класс 7-б", "Код 500, класс 7-б"),
            ("тел. +7 (831) 429-04-85, Рита", "тел. [номер], [имя]"),
            ("СНИЛС 112-233-445 95.", "СНИЛС [номер]."),
            ("с Ритой Петровой\nи Петровым", "с [имя] [имя]\nи [имя]"),
            ("риторика, Петрозаводск", "риторика, Петрозаводск"),
            ("2026-11-23 в 09:00", "[номер] в 09:00"),
            ("", ""),
        ] {
            let text = anonymised(text, &["Рита Петрова"]);
            assert_eq!(text, hidden);
        }
    }

    #[test]
    fn one_person_is_hidden_and_another_stays() {
        let text = "Рита (rita@family.test) и Ольга (olga@family.test), 8 800 555-35-35";
        let hidden = without_person(text, "rita@family.test", &["Рита"]);
        assert_eq!(
            hidden,
            "[имя] ([адрес]) и Ольга (olga@family.test), 8 800 555-35-35"
        );
    }

    #[test]
    fn an_initial_hides_nothing() {
        assert_eq!(anonymised("а я и Р. тут", &["Р. А."]), "а я и Р. тут");
    }
}
