//! The HTML beside the text: what it looks like, that it says the same, and that nothing in it does anything.

use html5gum::{Token, Tokenizer};

use super::html_part::{Picture, html};
use super::parse::parse;
use super::snapshot_tests::{full_notice, letters};
use super::tests::{LANGUAGES, specialist_mail, writer_mail};
use crate::domain::language::Language;
use crate::domain::outgoing::{SpecialistContent, WriterContent};

/// What is between the tags of the body.
fn body(text: &str) -> String {
    let page = html(text, "ru", &[]);
    let (head, body) = page.split_once("<body>\n").expect("a body");
    assert!(
        head.starts_with("<!doctype html>\n<html lang=\"ru\">\n<head>\n<meta charset=\"utf-8\">")
    );
    body.strip_suffix("</body>\n</html>\n")
        .expect("its end")
        .to_owned()
}

#[test]
#[rustfmt::skip] // Tables are read a row a line.
fn lines_become_what_they_look_like() {
    for (what, text, want) in [
        ("nothing", "", ""),
        ("paragraphs", "a\nb\n\n\nc", "<p>a<br>\nb</p>\n<p>c</p>\n"),
        ("signs of HTML", "<b>&amp;\"'", "<p>&lt;b&gt;&amp;amp;&quot;&#39;</p>\n"),
        ("runs of spaces", " a  b   c ", "<p>\u{a0}a\u{a0} b\u{a0}\u{a0} c</p>\n"),
        ("control characters", "a\0b\u{7f}\u{9b}c\td", "<p>abc d</p>\n"),
        ("a list", "x:\n- a\n- b\nc", "<p>x:</p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<p>c</p>\n"),
        ("one dash", "- a", "<p>- a</p>\n"),
        ("numbers", "1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n"),
        ("numbers that do not count up", "1. a\n2. b\n4. c", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n<p>4. c</p>\n"),
        ("numbers from two", "2. a\n3. b", "<p>2. a<br>\n3. b</p>\n"),
        ("a date", "1. декабря", "<p>1. декабря</p>\n"),
        ("quotations", "a\n> b\n>> c\n> > d\ne", "<p>a</p>\n<blockquote type=\"cite\">\n<p>b</p>\n<blockquote type=\"cite\">\n<p>c<br>\nd</p>\n</blockquote>\n</blockquote>\n<p>e</p>\n"),
        ("a quoted list", "> - a\n> - b", "<blockquote type=\"cite\">\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n</blockquote>\n"),
        ("the separator", "a\n-- \nb", "<p>a</p>\n<hr>\n<p>b</p>\n"),
        ("a sentinel between words", "a\n[== x ==]\nb", "<p>a</p>\n<p>[== x ==]</p>\n<p>b</p>\n"),
        ("rows", "Кто:        a\nПришло:     b: c", "<table>\n<tr><th scope=\"row\" align=\"left\" valign=\"top\">Кто:\u{a0}</th><td valign=\"top\">a</td></tr>\n<tr><th scope=\"row\" align=\"left\" valign=\"top\">Пришло:\u{a0}</th><td valign=\"top\">b: c</td></tr>\n</table>\n"),
        ("one row", "Кто:        a", "<p>Кто:\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0} a</p>\n"),
        ("a page", "(см. https://school.test/a_(b)?x=1&y=2).", "<p>(см. <a href=\"https://school.test/a_(b)?x=1&amp;y=2\">https://school.<wbr>test/a_(b)?x=1&amp;<wbr>y=2</a>).</p>\n"),
        ("pages of a word", "HTTP://a.test,http://b.test.", "<p><a href=\"HTTP://a.test,http://b.test\">HTTP://a.test,http://b.test</a>.</p>\n"),
        ("a page in quotation marks", "«https://a.test»", "<p>«<a href=\"https://a.test\">https://a.test</a>»</p>\n"),
        ("an address", "<rita+x@family.test>, a@b", "<p>&lt;<a href=\"mailto:rita+x@family.test\">rita+x@family.test</a>&gt;, a@b</p>\n"),
        ("no page", "javascript:alert(1) data:text/html,x file://a http:// https://\" xhttp:/a ftp://b.test", "<p>javascript:alert(1) data:text/html,x file://a http:// https://&quot; xhttp:/a ftp://b.test</p>\n"),
        ("a name of 25 letters", "нерасшифровывающемусяслово", "<p>нерасшифровывающемусяслово</p>\n"),
    ] {
        assert_eq!(body(text), want, "{what}");
    }
}

#[test]
fn a_picture_stands_where_its_line_stood() {
    let pictures = |lines: [&'static str; 2]| {
        [
            Picture {
                line: lines[0],
                content_id: "0.x@a.test",
            },
            Picture {
                line: lines[1],
                content_id: "1.x@a.test",
            },
        ]
    };
    let page = html(
        "a\n\n[P: n&m]\n[P: n&m]\n[P: n&m]\n> [P: o]",
        "en",
        &pictures(["[P: n&m]", "[P: n&m]"]),
    );
    let image = |number| {
        format!(
            "<p><img src=\"cid:{number}.x@a.test\" alt=\"P: n&amp;m\" style=\"max-width: 100%; height: auto\"></p>\n"
        )
    };
    assert!(
        page.contains(&format!(
            "<p>a</p>\n{}{}<p>[P: n&amp;m]</p>\n",
            image(0),
            image(1)
        )),
        "{page}"
    );
    let page = html("> [P: o]", "en", &pictures(["[P: o]", "[P: p]"]));
    assert!(!page.contains("<img"), "{page}");
}

/// The words of a page, of pictures those that stand for them: without a tree, by a tokenizer.
fn page_words(page: &str) -> Vec<String> {
    let mut text = String::new();
    for token in Tokenizer::new(page) {
        let Ok(token) = token;
        match token {
            Token::String(words) => text.push_str(&String::from_utf8_lossy(&words)),
            Token::StartTag(tag) => {
                if let Some(alt) = tag.attributes.get(&b"alt"[..]) {
                    text.push_str(&String::from_utf8_lossy(alt));
                }
                if *tag.name != b"a"[..] && *tag.name != b"wbr"[..] {
                    text.push('\n');
                }
            }
            Token::EndTag(tag) if *tag.name != b"a"[..] => text.push('\n'),
            _ => {}
        }
    }
    words(&text)
}

/// Runs of letters, figures and signs; marks of items and quotations are shown and not written in HTML.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches(['>', ' ', '\u{a0}']);
        let line = line
            .strip_prefix("- ")
            .or(line.strip_prefix("• "))
            .unwrap_or(line);
        let number = line
            .split_once(". ")
            .filter(|(number, _)| number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit()));
        let line = number.map_or(line, |(_, rest)| rest);
        let line = line
            .strip_prefix('[')
            .filter(|line| !line.starts_with("=="))
            .and_then(|line| line.strip_suffix(']'))
            .unwrap_or(line);
        let line: String = line
            .chars()
            .filter(|c| !c.is_control() || c.is_whitespace())
            .collect();
        words.extend(
            line.split_whitespace()
                .filter(|word| !is_mark(word))
                .map(str::to_owned),
        );
    }
    words
}

fn is_mark(word: &str) -> bool {
    let number = word.strip_suffix('.').filter(|number| number.len() <= 3);
    word.chars().all(|c| "->•".contains(c))
        || number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
}

/// What nobody should be able to do anything with.
fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "<script>alert(1)</script>",
        "{{7*7}} {% raw %} ${x} %n {name}",
        "&lt;b&gt; &amp;lt; &#x3c;script&#62;",
        "a\u{202e}b\u{2066}c",
        "\"><img src=x onerror=alert(1)>",
        "https://a.test/\"onmouseover=\"x",
        "https://a.test/'><b>",
        "javascript://a.test/%0aalert(1)",
        "JaVaScRiPt:x data:text/html;base64,eA==",
        "mailto:a@b.test?bcc=x@y.test",
        "a@b.test\"onclick=x",
        "http://a.test:80@b.test/",
        "<a href=\"http://x.test\">y</a>",
        "</body></html><base href=//x.test>",
        "<!-- <![CDATA[ ]]> -->",
        "[== 1042 · X ==]",
        "[P: x]",
        "-- ",
        "- ",
        "1. ",
        ">",
        ">>>>>>>>>>>>>>>>>>>>>>>> deep",
        "Кто:        <b>\nКто:        &",
        "\u{0}\u{1}\u{1b}[31m\u{85}\u{2028}x",
        "http://http://http://a.test",
        "@@@a@b.c@d.e",
    ]
    .map(str::to_owned)
    .to_vec();
    let all = texts.join(" ");
    let lines = texts.join("\n");
    texts.extend([all, lines]);
    texts
}

#[test]
fn nothing_from_outside_is_ever_more_than_words() {
    for text in hostile() {
        for text in [
            text.clone(),
            format!("> {text}"),
            format!("- {text}\n- {text}"),
            format!("1. {text}\n2. {text}"),
        ] {
            let page = html(
                &text,
                "ru",
                &[Picture {
                    line: "[P: x]",
                    content_id: "0.x@a.test",
                }],
            );
            only_structure(&page);
            assert_eq!(page_words(&page), words(&text), "{page}");
        }
    }
}

/// Asserts that a page has no tags and attributes but ours, and refers to nothing but pages, people and its own pictures.
fn only_structure(page: &str) {
    let mut open = Vec::new();
    for token in Tokenizer::new(page) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                let allowed: &[&str] = match name.as_str() {
                    "html" => &["lang"],
                    "meta" => &["charset", "name", "content"],
                    "head" | "body" | "p" | "br" | "hr" | "wbr" | "ul" | "ol" | "li" | "table"
                    | "tr" => &[],
                    "blockquote" => &["type"],
                    "th" => &["scope", "align", "valign"],
                    "td" => &["valign"],
                    "a" => &["href"],
                    "img" => &["src", "alt", "style"],
                    other => panic!("<{other}> in {page}"),
                };
                for (attribute, value) in &tag.attributes {
                    let (attribute, value) = (
                        String::from_utf8_lossy(attribute),
                        String::from_utf8_lossy(value),
                    );
                    assert!(allowed.contains(&&*attribute), "{attribute} in {page}");
                    let is_safe = match &*attribute {
                        "href" => ["http://", "https://", "mailto:"]
                            .iter()
                            .any(|scheme| value.to_lowercase().starts_with(scheme)),
                        "src" => value.starts_with("cid:"),
                        "style" => value == "max-width: 100%; height: auto",
                        _ => true,
                    };
                    assert!(is_safe, "{attribute}={value}");
                }
                if !["meta", "br", "hr", "wbr", "img"].contains(&name.as_str()) {
                    open.push(name);
                }
            }
            Token::EndTag(tag) => assert_eq!(
                open.pop().as_deref(),
                Some(&*String::from_utf8_lossy(&tag.name)),
                "{page}"
            ),
            Token::Comment(_) => panic!("a comment in {page}"),
            Token::Error(error) => panic!("{error:?} in {page}"),
            Token::Doctype(_) | Token::String(_) => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// The text and the HTML of a letter, read by a library of others.
fn both(letter: &[u8]) -> (String, String) {
    let read = mail_parser::MessageParser::default()
        .parse(letter)
        .expect("a mail");
    let [text, page] =
        [read.body_text(0), read.body_html(0)].map(|part| part.expect("a part").into_owned());
    (super::flowed::unflow(&text, false), page)
}

#[test]
fn both_parts_of_every_letter_say_the_same() {
    for language in LANGUAGES {
        for (name, letter) in letters(language) {
            let (text, page) = both(&letter);
            only_structure(&page);
            assert!(
                page.contains(&format!("<html lang=\"{}\">", language.tag())),
                "{name}"
            );
            assert_eq!(page_words(&page), words(&text), "{name}");
            assert_eq!(parse(&letter).notes, [], "{name}");
        }
    }
}

#[test]
fn both_parts_say_the_same_whatever_people_wrote() {
    let long =
        "слово ".repeat(20_000) + &"б".repeat(100_000) + " https://a.test/" + &"x".repeat(5_000);
    for words_of_theirs in hostile().into_iter().chain([long]) {
        let mut notice = full_notice();
        notice.body = words_of_theirs.clone();
        let answer = WriterContent::Answer {
            author: "Иван Смирнов".into(),
            words: words_of_theirs.clone(),
            quoted: words_of_theirs,
            files: Vec::new(),
            raw: Vec::new(),
        };
        let notice = SpecialistContent::Notice(Box::new(notice));
        for letter in [
            specialist_mail(notice, Some(1042), Language::Ru),
            writer_mail(answer, Language::En),
        ] {
            let (text, page) = both(&letter);
            only_structure(&page);
            assert_eq!(page_words(&page), words(&text));
        }
    }
}

#[test]
fn a_mebibyte_costs_time_and_space_in_proportion() {
    let mebibyte = 1 << 20;
    for unit in [
        "x",
        "я",
        "<",
        "&",
        "\n",
        "> ",
        ">>>>\nx\n",
        "x\n> y\n",
        "http://",
        "://",
        "https://a.test ",
        "a@",
        "a@b.c ",
        "@",
        "- x\n",
        "1. x\n2. x\n",
        "Кто:        x\n",
        "[== x ==]\n",
        " ",
        "a  ",
        "\t",
        "\0",
        "http://a.test/(",
        "[",
        ":",
        "1. ",
    ] {
        let text = unit.repeat(mebibyte / unit.len());
        let begun = std::time::Instant::now();
        let page = html(&text, "ru", &[]);
        let took = begun.elapsed();
        assert!(
            took < std::time::Duration::from_secs(3),
            "{unit:?}: {took:?}"
        );
        assert!(page.len() <= 30 * mebibyte, "{unit:?}: {}", page.len());
    }
}
