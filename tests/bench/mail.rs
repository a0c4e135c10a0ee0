//! `cargo bench -p ninetosix-core --bench mail`: reading letters beside the parser alone, in one run.
//!
//! A mix as a support mailbox gets it: short plain letters, replies with long quotations, HTML as programs write it,
//! photographs of 2-800 KB, delivery reports. The two are run in turns; what counts is their ratio.

#![allow(missing_docs, reason = "a program of its own")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use mail_parser::MessageParser;
use ninetosix_core::domain::incoming::IncomingMail;
use ninetosix_core::mail::explain::Explainer;

const ROUNDS: usize = 15;
const WORDS: &str =
    "Не сохраняется расписание 5 «Б» после замены математики на среду, кабинет 12 занят. ";

fn head(subject: &str, kind: &str, encoding: &str) -> String {
    format!(
        "Received: from mx.family.test by mx.school.test; Mon, 23 Nov 2026 10:14:00 +0300\r\nMessage-ID: <1@family.test>\r\nDate: Mon, 23 Nov 2026 10:14:00 +0300\r\nFrom: =?UTF-8?B?{}?= <rita@family.test>\r\nTo: help@school.test\r\nSubject: =?UTF-8?B?{}?=\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n",
        BASE64.encode("Рита".as_bytes()),
        BASE64.encode(subject.as_bytes())
    )
}

fn base64_lines(bytes: &[u8]) -> String {
    let encoded = BASE64.encode(bytes);
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / 38);
    for line in encoded.as_bytes().chunks(76) {
        lines.push_str(&String::from_utf8_lossy(line));
        lines.push_str("\r\n");
    }
    lines
}

fn plain() -> Vec<u8> {
    let text = WORDS.repeat(12);
    (head("Не сохраняется", "text/plain; charset=utf-8", "base64") + &base64_lines(text.as_bytes()))
        .into()
}

fn reply() -> Vec<u8> {
    let mut text = "Спасибо, но кабинет 14 тоже занят.\r\n\r\nпн, 23 нояб. 2026 г. в 10:14, Поддержка <help@school.test>:\r\n".to_owned();
    for _ in 0..120 {
        let _ = write!(text, "> {WORDS}\r\n");
    }
    (head("Re: Не сохраняется", "text/plain; charset=utf-8", "8bit") + &text).into()
}

fn html() -> Vec<u8> {
    let mut html = "<html><head><style>p { margin: 0 }</style></head><body>".to_owned();
    for _ in 0..60 {
        let _ = write!(
            html,
            "<div style=\"font-family: Arial; color: #222\"><p><b>Урок</b> {WORDS}<a href=\"https://school.example/x\">здесь</a></p></div>\r\n"
        );
    }
    html.push_str("<div class=\"gmail_quote\"><div>пн, 23 нояб. 2026 г. в 10:14, Поддержка &lt;help@school.test&gt;:<br></div><blockquote>");
    html.push_str(&format!("<p>{WORDS}</p>").repeat(60));
    html.push_str("</blockquote></div></body></html>");
    (head("Re: Не сохраняется", "text/html; charset=utf-8", "base64")
        + &base64_lines(html.as_bytes()))
        .into()
}

fn photograph(kilobytes: usize) -> Vec<u8> {
    // Noise, as a compressed picture is.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let picture: Vec<u8> = (0..kilobytes * 1024).map(|_| noise()).collect();
    let text = base64_lines(WORDS.as_bytes());
    let picture = base64_lines(&picture);
    (head("Фото", "multipart/mixed; boundary=b", "7bit")
        + &format!("--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{text}\r\n--b\r\nContent-Type: image/jpeg; name=\"foto.jpg\"\r\nContent-Disposition: attachment; filename=\"foto.jpg\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{picture}\r\n--b--\r\n"))
        .into()
}

fn report() -> Vec<u8> {
    (head("Undelivered Mail Returned to Sender", "multipart/report; report-type=delivery-status; boundary=b", "7bit")
        + "--b\r\nContent-Type: text/plain\r\n\r\n<x@family.test>: host mx said: 550 5.1.1 no such user\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.school.test\r\n\r\nFinal-Recipient: rfc822; x@family.test\r\nAction: failed\r\nStatus: 5.1.1\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <answer@school.test>\r\nSubject: x\r\n\r\ntext\r\n--b--\r\n")
        .into()
}

/// The time of one pass over all letters.
fn pass(letters: &[Vec<u8>], mut read: impl FnMut(&[u8])) -> Duration {
    let begin = Instant::now();
    letters.iter().for_each(|letter| read(letter));
    begin.elapsed()
}

fn main() {
    let explainer = Explainer::default();
    let mut letters = Vec::new();
    for n in 0..100 {
        letters.push(match n % 10 {
            0..4 => plain(),
            4..6 => reply(),
            6..8 => html(),
            8 => photograph([2, 40, 150, 300, 800][n / 10 % 5]),
            _ => report(),
        });
    }
    let bytes: usize = letters.iter().map(Vec::len).sum();
    let (mut parser, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        parser.push(pass(&letters, |letter| {
            std::hint::black_box(MessageParser::default().parse(letter));
        }));
        ours.push(pass(&letters, |letter| {
            let explained = explainer.explain(letter, |_: &IncomingMail| false);
            std::hint::black_box(explained.is_ok());
        }));
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let (parser, ours) = (median(&mut parser), median(&mut ours));
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{} letters, {megabytes:.1} MB, median of {ROUNDS} passes",
        letters.len()
    );
    for (name, seconds) in [
        ("mail-parser alone", parser),
        ("explain: parse, judge, reply text", ours),
    ] {
        println!(
            "{name:36} {:8.1} MB/s {:9.0} letters/s",
            megabytes / seconds,
            letters.len() as f64 / seconds
        );
    }
    println!(
        "our own work beside the parser's: {:.2} (aim: less than 1)",
        (ours - parser) / parser
    );
}
