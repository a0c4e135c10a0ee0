//! What is understood of our own letters (`tests/mail/`), against what a careful reader would say of them.

#![allow(clippy::panic, reason = "that is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ninetosix_core::mail::explain::{Explainer, Explanation};
use serde_json::Value;

/// One letter with what is expected of it.
struct Letter {
    raw: Vec<u8>,
    expected: Value,
}

impl Letter {
    fn string(&self, field: &str) -> &str {
        self.expected[field].as_str().unwrap_or_default()
    }
}

#[test]
fn our_own_letters_are_understood() {
    let mut wrong = Vec::new();
    let mut replies = Share::default();
    let mut with_words_to_cut = Share::default();
    let letters = letters();
    let explainer = Explainer::default();
    for letter in &letters {
        let explanation = explainer
            .explain(&letter.raw, |_| false)
            .expect("built-in texts can be rendered");
        let differences = differences(&letter.expected, &explanation);
        if letter.string("lang") == "ru" && letter.expected.get("reply_text").is_some() {
            let exact = !differences
                .iter()
                .any(|line| line.starts_with("reply_text"));
            replies.count(exact);
            if normal(letter.string("reply_text")) != normal(&explanation.text) {
                with_words_to_cut.count(exact);
            }
        }
        if !differences.is_empty() {
            wrong.push(format!(
                "{} ({}): {}\n  {}",
                letter.string("file"),
                letter.string("program"),
                letter.string("why"),
                differences.join("\n  "),
            ));
        }
    }
    println!("{}\n", wrong.join("\n"));
    println!(
        "letters: {}, with a difference: {}",
        letters.len(),
        wrong.len()
    );
    println!("Russian reply texts exact: {}", replies.shown());
    println!("  with words to cut: {}", with_words_to_cut.shown());
    assert!(wrong.is_empty(), "{} letters differ", wrong.len());
}

#[test]
fn every_letter_has_an_expectation_and_the_corpus_is_large_enough() {
    let letters = letters();
    let expected: BTreeSet<String> = letters
        .iter()
        .map(|letter| letter.string("file").to_owned())
        .collect();
    assert_eq!(expected.len(), letters.len(), "a letter is listed twice");
    let on_disk: BTreeSet<String> = fs::read_dir(folder().join("letters"))
        .expect("the folder of letters is part of the project")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    assert_eq!(expected, on_disk);
    assert!(
        letters
            .iter()
            .all(|letter| !letter.string("why").is_empty())
    );
    let russian = letters
        .iter()
        .filter(|letter| letter.string("lang") == "ru")
        .count();
    assert!(russian >= 120, "only {russian} letters in Russian");
}

/// Names every expected field that came out differently.
fn differences(expected: &Value, got: &Explanation) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |field: &str, got: String| {
        found.push(format!("{field}: want {}, got {got:?}", expected[field]));
    };
    if !is_one_of(&expected["kind"], |kind| kind == got.kind) {
        differ("kind", format!("{} by {}", got.kind, got.evidence));
    }
    if let Some(want) = expected["from"].as_str()
        && !want.eq_ignore_ascii_case(&got.from)
    {
        differ("from", got.from.clone());
    }
    let texts = [
        ("from_name", &got.from_name),
        ("subject", &got.subject),
        ("text", &got.text),
    ];
    for (field, got) in texts {
        if let Some(want) = expected[field].as_str()
            && normal(want) != normal(got)
        {
            differ(field, got.clone());
        }
    }
    if let Some(want) = expected["reply_text"].as_str() {
        let reply = normal(&got.reply_text);
        if normal(want) != reply
            && !is_one_of(&expected["reply_text_alt"], |alt| normal(alt) == reply)
        {
            differ("reply_text", got.reply_text.clone());
        }
    }
    let text = normal(&got.text);
    for piece in strings(&expected["text_has"]) {
        if !text.contains(&normal(piece)) {
            differ("text_has", got.text.clone());
        }
    }
    if let Some(want) = expected["certain"].as_bool()
        && want != got.reply_certain
    {
        differ("certain", got.reply_certain.to_string());
    }
    if expected.get("attachments").is_some() {
        let names = got.attachments.iter().map(|(name, _)| name.as_str());
        if sorted(strings(&expected["attachments"])) != sorted(names) {
            differ("attachments", format!("{:?}", got.attachments));
        }
    }
    if expected.get("bounce_recipients").is_some() {
        let recipients = got.bounce_recipients.iter().map(String::as_str);
        if sorted(strings(&expected["bounce_recipients"])) != sorted(recipients) {
            differ("bounce_recipients", format!("{:?}", got.bounce_recipients));
        }
    }
    if let Some(want) = expected["bounce_permanent"].as_bool()
        && got.bounce_permanent != Some(want)
    {
        differ("bounce_permanent", format!("{:?}", got.bounce_permanent));
    }
    if let Some(want) = expected["original_message_id"].as_str() {
        let id = got.original_message_id.as_deref().unwrap_or_default();
        if id.trim_matches(['<', '>']) != want {
            differ("original_message_id", id.to_owned());
        }
    }
    found
}

/// Returns the text as it is compared: no-break spaces are spaces, runs of blanks one blank, runs of empty lines one
/// empty line, none at the ends.
fn normal(text: &str) -> String {
    let text = text
        .replace('\u{a0}', " ")
        .replace(['\u{200b}', '\u{feff}'], "");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line
            .split([' ', '\t'])
            .filter(|word| !word.is_empty())
            .collect();
        if !(words.is_empty() && lines.last().is_none_or(String::is_empty)) {
            lines.push(words.join(" "));
        }
    }
    lines.join("\n").trim_end().to_owned()
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn is_one_of(value: &Value, is_right: impl Fn(&str) -> bool) -> bool {
    value.as_str().is_some_and(&is_right) || strings(value).any(is_right)
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/mail")
}

fn letters() -> Vec<Letter> {
    let expected = fs::read_to_string(folder().join("expected.jsonl"))
        .expect("expected.jsonl is part of the project");
    expected
        .lines()
        .map(|line| {
            let expected: Value =
                serde_json::from_str(line).expect("every line of expected.jsonl is JSON");
            let file = folder()
                .join("letters")
                .join(expected["file"].as_str().unwrap_or_default());
            let raw = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            Letter { raw, expected }
        })
        .collect()
}

/// How many of how many.
#[derive(Default)]
struct Share {
    exact: usize,
    all: usize,
}

impl Share {
    fn count(&mut self, exact: bool) {
        self.all += 1;
        self.exact += usize::from(exact);
    }

    fn shown(&self) -> String {
        format!(
            "{} of {} ({} %)",
            self.exact,
            self.all,
            self.exact * 100 / self.all.max(1)
        )
    }
}
