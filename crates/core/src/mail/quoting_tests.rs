//! Replies to the HTML of a notice, as mail programs quote it: what is relayed is the specialist's own words or nothing.

use super::parse::parse;
use super::snapshot_tests::{full_notice, letters};
use super::tests::{LANGUAGES, notice, specialist_mail};
use crate::domain::outgoing::{Notice, SpecialistContent};
use crate::domain::reply_text::{ReplyContext, reply_text};

/// What he wrote, as text and as HTML.
const OWN: &str = "Кабинет 12 занят.\n\nВыберите 14.";
const OWN_HTML: &str = "<div>Кабинет 12 занят.</div><div><br></div><div>Выберите 14.</div>";

/// Words that stand in the service part of the notices here and nowhere else.
const SERVICE: [&str; 8] = [
    "rita@family.test",
    "zavuch@school.test",
    "1017",
    "K7QP3XVD",
    "zhurnal.exe",
    "[==",
    "==]",
    "не пересылаем",
];

fn context() -> ReplyContext<'static> {
    ReplyContext::of_reply("Иван Смирнов")
}

/// The notices, as their HTML between the tags of its body.
fn notices() -> Vec<String> {
    let bare = Notice {
        body: String::new(),
        ..notice()
    };
    let mut pages = Vec::new();
    for language in LANGUAGES {
        for notice in [notice(), full_notice(), bare.clone()] {
            let content = SpecialistContent::Notice(Box::new(notice));
            pages.push(page(&specialist_mail(content, Some(1042), language)));
        }
    }
    pages
}

/// The HTML of a letter between the tags of its body, read by a library of others.
fn page(letter: &[u8]) -> String {
    let read = mail_parser::MessageParser::default()
        .parse(letter)
        .expect("a mail");
    let page = read.body_html(0).expect("HTML").replace("\r\n", "\n");
    let (_, body) = page.split_once("<body>\n").expect("a body");
    body.split_once("</body>").expect("its end").0.to_owned()
}

/// A reply as a program composes it: its name, and its HTML.
fn replies(page: &str) -> Vec<(&'static str, String)> {
    let from = "М. И. Соколова (через поддержку) &lt;<a href=\"mailto:help@school.test\">help@school.test</a>&gt;";
    let word = word_html(page);
    let labels = |bold: &str| {
        format!(
            "<b>{bold}</b> М. И. Соколова (через поддержку) &lt;help@school.test&gt;<br><b>Отправлено:</b> понедельник, 23 ноября 2026 г. 10:14<br><b>Кому:</b> Иван Смирнов<br><b>Тема:</b> [№ 1042] Не сохраняется расписание"
        )
    };
    vec![
        (
            "Gmail",
            format!(
                "<div dir=\"ltr\">{OWN_HTML}</div><br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" class=\"gmail_attr\">пн, 23 нояб. 2026&nbsp;г. в 10:14, {from}:<br></div><blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex\"><u></u>\n\n\n\n<div>\n{page}</div>\n</blockquote></div>"
            ),
        ),
        (
            "Yandex",
            format!(
                "{OWN_HTML}<div><br /></div><div>----------------</div><div>Кому: help@school.test;</div><div>Тема: [№ 1042] Не сохраняется;</div><div>23.11.2026, 10:14, \"М. И. Соколова (через поддержку)\" &lt;help@school.test&gt;:</div><blockquote><div>{page}</div></blockquote>"
            ),
        ),
        (
            "Yandex, short",
            format!(
                "{OWN_HTML}<div> </div><div>23.11.2026, 10:14, \"М. И. Соколова (через поддержку)\" &lt;help@school.test&gt;:</div><blockquote>{page}</blockquote>"
            ),
        ),
        (
            "Mail.ru",
            format!(
                "\n<HTML><BODY>{OWN_HTML}<div>&nbsp;</div><div data-signature-widget=\"container\"><div>--<br>Иван Смирнов</div></div><div>&nbsp;</div><blockquote style=\"border-left:1px solid #0857A6;margin:10px;padding:0 0 0 10px;\">Понедельник, 23 ноября 2026, 10:14 +03:00 от М. И. Соколова (через поддержку) &lt;help@school.test&gt;:<br>&nbsp;<div id=\"\"><div class=\"js-helper js-readmsg-msg\"><div><div id=\"style_1\"><div class=\"cl-1\">{page}</div></div></div></div></div></blockquote></BODY></HTML>"
            ),
        ),
        (
            "Outlook of Windows",
            format!(
                "<html><body lang=RU><div class=WordSection1><p class=MsoNormal>Кабинет 12 занят.<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>Выберите 14.<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal>{}<o:p></o:p></p></div><p class=MsoNormal><o:p>&nbsp;</o:p></p>{word}</div></body></html>",
                labels("From:")
            ),
        ),
        (
            "Outlook of Windows, Russian",
            format!(
                "<div class=WordSection1><p class=MsoNormal>Кабинет 12 занят.</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>Выберите 14.</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal>{}</p></div></div>{word}</div>",
                labels("От:")
            ),
        ),
        (
            "Outlook on the web",
            format!(
                "{OWN_HTML}<div id=\"appendonsend\"></div><hr style=\"display:inline-block;width:98%\" tabindex=\"-1\"><div id=\"divRplyFwdMsg\" dir=\"ltr\"><font face=\"Calibri, sans-serif\">{}</font><div>&nbsp;</div></div>{page}",
                labels("От:")
            ),
        ),
        (
            "Apple Mail",
            format!(
                "<html><body style=\"overflow-wrap: break-word;\">{OWN_HTML}<br id=\"lineBreakAtBeginningOfMessage\"><div><br><blockquote type=\"cite\"><div>23 нояб. 2026 г., в 10:14, М. И. Соколова (через поддержку) &lt;help@school.test&gt; написал(а):</div><br class=\"Apple-interchange-newline\"><div>{page}</div></blockquote></div></body></html>"
            ),
        ),
        (
            "iPhone",
            format!(
                "<html><body dir=\"auto\">{OWN_HTML}<div dir=\"ltr\"><br>Отправлено с iPhone</div><div dir=\"ltr\"><br><blockquote type=\"cite\">23 нояб. 2026 г., в 10:14, М. И. Соколова &lt;help@school.test&gt; написал(а):<br><br></blockquote></div><blockquote type=\"cite\"><div dir=\"ltr\">{page}</div></blockquote></body></html>"
            ),
        ),
        (
            "Thunderbird",
            format!(
                "<html><body><p>Кабинет 12 занят.</p><p>Выберите 14.</p><div class=\"moz-cite-prefix\">23.11.2026 10:14, М. И. Соколова (через поддержку) пишет:<br></div><blockquote type=\"cite\" cite=\"mid:notice@school.test\"><meta http-equiv=\"content-type\" content=\"text/html; charset=UTF-8\">\n{page}</blockquote></body></html>"
            ),
        ),
        (
            "nothing around what is quoted",
            format!("{OWN_HTML}<br>{page}"),
        ),
    ]
}

/// What Word makes of HTML that it quotes: paragraphs of its own, in cells too, and no quotations.
fn word_html(page: &str) -> String {
    page.replace("<p>", "<p style='mso-margin-top-alt:auto'>")
        .replace(
            "<table>",
            "<table class=MsoNormalTable border=0 cellpadding=0>",
        )
        .replace(
            "<th scope=\"row\" align=\"left\" valign=\"top\">",
            "<td valign=top style='padding:.75pt'><p class=MsoNormal><b>",
        )
        .replace("</th>", "</b><o:p></o:p></p></td>")
        .replace(
            "<td valign=\"top\">",
            "<td valign=top style='padding:.75pt'><p class=MsoNormal>",
        )
        .replace("</td></tr>", "<o:p></o:p></p></td></tr>")
        .replace(
            "<blockquote type=\"cite\">",
            "<blockquote style='margin-top:5.0pt;margin-bottom:5.0pt'>",
        )
}

/// A letter of that HTML, alone or beside a text that is made of it.
fn letter(html: &str, text: Option<&str>) -> Vec<u8> {
    let page = format!("Content-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n");
    let head = "From: Ivan <sam@school.test>\r\nTo: help@school.test\r\nSubject: Re: x\r\nIn-Reply-To: <notice@school.test>\r\nMIME-Version: 1.0\r\n";
    match text {
        None => format!("{head}{page}").into_bytes(),
        Some(text) => format!("{head}Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n--b\r\n{page}--b--\r\n").into_bytes(),
    }
}

/// The text of HTML in the ways that programs write the rows of a table.
fn texts(html: &str) -> Vec<String> {
    let between = |by: &str| {
        let apart = html.replace("</th><td", &format!("</th>{by}<td"));
        parse(&letter(&apart, None)).body.as_str().to_owned()
    };
    let text = between("");
    // Wrapped by a program that knows no flowed text.
    let mut wrapped = String::new();
    for line in text.lines() {
        let marks = &line[..line.len() - line.trim_start_matches(['>', ' ']).len()];
        let mut width = 0;
        for word in line.split(' ') {
            if width + word.chars().count() > 72 {
                wrapped.push('\n');
                wrapped.push_str(marks);
                width = 0;
            }
            wrapped.push_str(word);
            wrapped.push(' ');
            width += word.chars().count() + 1;
        }
        wrapped.truncate(wrapped.trim_end_matches(' ').len());
        wrapped.push('\n');
    }
    let one_space = text.replace("  ", " ");
    vec![between("<div></div>"), one_space, wrapped, text]
}

fn relayed(letter: &[u8]) -> Option<String> {
    let read = parse(letter);
    let reply = reply_text(read.body.as_str(), context());
    reply.certain().map(str::to_owned)
}

#[test]
fn a_reply_to_the_html_of_a_notice_is_the_own_words() {
    for page in notices() {
        for (program, html) in replies(&page) {
            let alone = relayed(&letter(&html, None));
            let body = parse(&letter(&html, None)).body;
            assert_eq!(alone.as_deref(), Some(OWN), "{program}\n{}", body.as_str());
        }
    }
}

#[test]
fn a_reply_in_two_forms_is_the_own_words_or_nothing() {
    let mut whole = 0;
    for page in notices() {
        for (program, html) in replies(&page) {
            for text in texts(&html) {
                match relayed(&letter(&html, Some(&text))) {
                    Some(words) => {
                        assert_eq!(words, OWN, "{program}\n{text}");
                        whole += 1;
                    }
                    None => assert!(
                        reply_text(&text, context()).own.contains("Выберите 14."),
                        "{program}\n{text}"
                    ),
                }
            }
        }
    }
    assert!(whole > 200, "{whole}");
}

#[test]
fn every_sentinel_is_a_line_of_its_own() {
    for page in notices() {
        for (program, html) in replies(&page) {
            let body = parse(&letter(&html, None)).body;
            let lines = body
                .as_str()
                .lines()
                .filter(|line| line.contains("[==") || line.contains("==]"));
            let lines: Vec<&str> = lines
                .map(|line| line.trim_start_matches(['>', ' ']))
                .collect();
            assert_eq!(lines.len(), 3, "{program}\n{}", body.as_str());
            assert!(
                lines
                    .iter()
                    .all(|line| line.starts_with("[== ") && line.ends_with(" ==]")),
                "{lines:?}"
            );
        }
    }
}

#[test]
fn no_piece_of_the_service_part_is_ever_relayed() {
    for page in notices() {
        let body = parse(&letter(&page, None)).body;
        let lines: Vec<&str> = body.as_str().lines().collect();
        let service = lines.iter().rposition(|line| {
            line.contains('·') && line.contains("[== ") && !line.contains("1042 ·")
        });
        let service = service.expect("its service part");
        // Whatever a program, or a person who deletes by hand, leaves of it.
        for from in service..lines.len() {
            for to in from + 1..=lines.len() {
                let text = format!("{OWN}\n\n{}", lines[from..to].join("\n"));
                let words = reply_text(&text, context());
                let words = words.certain().unwrap_or_default();
                assert!(!SERVICE.iter().any(|word| words.contains(word)), "{text}");
                assert!(words.is_empty() || words == OWN, "{words}");
            }
        }
    }
}

#[test]
fn a_reply_to_the_html_of_any_letter_is_the_own_words() {
    for language in LANGUAGES {
        for (name, bytes) in letters(language) {
            for (program, html) in replies(&page(&bytes)) {
                let words = relayed(&letter(&html, None));
                let is_bare = program.starts_with("nothing");
                let is_held = is_bare && words.is_none();
                // Nothing marks the words of a program alone: the writer's or the operator's.
                let is_any = is_bare && !is_specialists(name);
                assert!(
                    is_held || is_any || words.as_deref() == Some(OWN),
                    "{name}, {program}: {words:?}\n{html}"
                );
            }
        }
    }
}

fn is_specialists(name: &str) -> bool {
    ["notice", "own-letter", "delivery", "digest"]
        .iter()
        .any(|kind| name.starts_with(kind))
}
