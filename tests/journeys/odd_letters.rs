//! Letters as they come: old charsets, missing headers, nothing at all. None is refused (promises P04, P06).

use std::collections::BTreeSet;

use chrono::TimeDelta;
use ninetosix_core::clock::{Clock, SystemClock};

use crate::support::charset::{koi8_r, windows_1251};
use crate::support::database::time;
use crate::support::{Desk, Engine, Lab, Letter, Program, on_both_engines};

/// A letter all of whose bytes, its header's too, are in one charset, unencoded.
fn in_charset(
    from: &str,
    to: &str,
    charset: &str,
    encode: fn(&str) -> Vec<u8>,
    subject: &str,
    text: &str,
) -> Vec<u8> {
    let base64 = |text: &str| {
        format!(
            "=?{charset}?B?{}?=",
            data_encoding::BASE64.encode(&encode(text))
        )
    };
    let mut raw = format!(
        "From: {} <{from}>\r\nTo: {to}\r\nSubject: {}\r\nMessage-ID: <{charset}.{}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        base64("Мария Соколова"),
        base64(subject),
        to,
    )
    .into_bytes();
    raw.extend(encode(text));
    raw
}

on_both_engines! {
    fn letters_in_koi8_r_and_windows_1251_are_read(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let ivan = desk.ivan.clone();
        let (koi8, cp1251) = (desk.rita_for("koi8"), desk.rita_for("cp1251"));
        let text = "После замены урока расписание не сохраняется: ёлки-палки, съешь ещё.\r\n";
        desk.lab.deliver(&desk.help, &koi8, &in_charset(&koi8, &desk.help, "koi8-r", koi8_r, "Журнал в КОИ8", text));
        desk.lab.deliver(&desk.help, &cp1251, &in_charset(&cp1251, &desk.help, "windows-1251", windows_1251, "Журнал в 1251", text));
        for subject in ["Журнал в КОИ8", "Журнал в 1251"] {
            let notice = desk.wait_for_mail(&ivan, subject, |mail| mail.subject.contains(subject));
            assert!(notice.says("После замены урока расписание не сохраняется: ёлки-палки, съешь ещё."), "{}", notice.text);
            assert_eq!(notice.from_name, "Мария Соколова (через поддержку)");
        }
        desk.wait_until_quiet(2);
        assert_eq!(desk.inbox(&desk.rita).len(), 2, "a receipt each");
        desk.stop_both();
    }

    fn letters_without_subject_sender_message_id_or_anything_get_a_number(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
        let letter = |desk: &Desk, word: &str| {
            let from = desk.rita_for(word);
            Letter::new("Рита", &from, &desk.help, "Тема", "Текст.")
        };
        let no_subject = letter(&desk, "subject").without("Subject");
        let no_message_id = letter(&desk, "id").without("Message-ID");
        let no_from = letter(&desk, "from").without("From");
        for odd in [&no_subject, &no_message_id, &no_from] {
            desk.receive(&rita, odd);
        }
        // A header and no body; a body of white space; nothing at all, as far as a server can store that.
        let header_only = format!("From: {}\r\nMessage-ID: <header-only@{}>\r\n\r\n", desk.rita_for("header"), rita);
        desk.lab.deliver(&desk.help, &rita, header_only.as_bytes());
        desk.lab.deliver(&desk.help, "", b"\r\n");
        desk.wait_until_quiet(5);

        let outcomes: Vec<String> = desk.ledger().iter().map(|row| row.text("outcome").to_owned()).collect();
        assert_eq!(outcomes, ["ticket"; 5], "{:?}", desk.ledger());
        let notice = desk.wait_for_notice(&ivan, &no_subject);
        assert!(notice.subject.contains("(без темы)"), "{}", notice.subject);
        // Without From the answer goes where a server would return the letter to, and the specialists are told so.
        let notice = desk.wait_for_notice(&ivan, &no_from);
        assert!(notice.says("в поле «От» нет одного ясного адреса"), "{}", notice.text);
        assert!(notice.says(&rita), "{}", notice.text);
        assert!(!notice.says("ответить нельзя"), "{}", notice.text);
        let notice = desk.wait_for_mail(&ivan, "the notice of nothing", |mail| mail.says("(письмо без текста)") && mail.says("адреса нет"));
        assert!(notice.says("адреса нет, ответить нельзя"), "{}", notice.text);
        // Four of the five can be answered.
        desk.wait("the receipts", |desk| (desk.inbox(&rita).len() >= 4).then_some(()));
        desk.wait_until_quiet(5);
        assert_eq!(desk.inbox(&rita).len(), 4);
        desk.nothing_internal_reached_writers(&[]);
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn every_odd_file_of_a_mailbox_gets_a_number_and_the_time_of_its_arrival(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        desk.stop(Program::Poller);
        let letter = |word: &str| {
            let from = desk.rita_for(word);
            Letter::new("Рита", &from, &desk.help, word, "Текст.")
        };
        let dated = |word: &str, date: &str| letter(word).header("Date", date).raw();
        let mut twice = letter("twice");
        twice.headers.push(("Message-ID".to_owned(), "<second@family.test>".to_owned()));
        let long = format!("<{}@family.test>", "x".repeat(10 << 10));
        let header_only = format!("From: {}\r\nSubject: header\r\nMessage-ID: <alone@family.test>\r\n", desk.rita_for("header"));
        let mut no_body = letter("body");
        no_body.text.clear();
        // As two aliases deliver one letter: other traces, and Dovecot has no say in it.
        let alias = letter("alias").raw();
        let by_alias = |name: &str| {
            let traces = format!("Delivered-To: {name}@school.test\r\nReceived: from x by y for <{name}@school.test>; Wed, 25 Nov 2026 10:00:00 +0300\r\n");
            [traces.as_bytes(), &alias].concat()
        };
        let files: [(&str, Vec<u8>); 14] = [
            ("ticket", Vec::new()),
            ("ticket", header_only.into_bytes()),
            ("ticket", no_body.raw()),
            ("ticket", letter("nobody").without("From").raw()),
            ("ticket", letter("brackets").header("From", "<>").raw()),
            ("ticket", dated("past", "Thu, 1 Jan 1970 00:00:00 +0000")),
            ("ticket", dated("future", "Thu, 31 Dec 2099 23:59:59 +0000")),
            ("ticket", letter("dateless").without("Date").raw()),
            ("ticket", letter("nameless").without("Message-ID").raw()),
            ("ticket", twice.raw()),
            ("ticket", letter("long").header("Message-ID", &long).raw()),
            ("ticket", letter("empty-id").header("Message-ID", "<>").raw()),
            ("ticket", by_alias("help")),
            ("duplicate_of", by_alias("support")),
        ];
        let begun = SystemClock.now() - TimeDelta::hours(1);
        let arrival = |at: usize| begun + TimeDelta::minutes(at as i64);
        for (at, (_, raw)) in files.iter().enumerate() {
            desk.lab.put_dated(&desk.help, raw, arrival(at));
        }
        desk.start_one(Program::Poller, &[]);
        desk.wait_until_quiet(files.len() as i64);

        let ledger = desk.ledger();
        let outcomes: Vec<&str> = ledger.iter().map(|row| row.text("outcome")).collect();
        assert_eq!(outcomes, files.each_ref().map(|(outcome, _)| *outcome), "{ledger:?}");
        assert_eq!(ledger[13].text("duplicate_of"), ledger[12].text("id"));
        let tickets = desk.tickets();
        assert_eq!(tickets.len(), 13);
        for (at, (ticket, row)) in tickets.iter().zip(&ledger).enumerate() {
            assert_eq!(row.text("ticket"), ticket.text("number"), "in order of arrival");
            let received = time(ticket.text("received_at"));
            assert_eq!(received.timestamp(), arrival(at).timestamp(), "{ticket:?}");
        }
        // A letter without a name of its own has one made for it; every name is in the database once.
        let names = desk.database.rows("message_id", "FROM message");
        let names: BTreeSet<&str> = names.iter().map(|row| row.text("message_id")).collect();
        assert_eq!(names.len(), 13, "{names:?}");
        assert!(names.iter().all(|name| !name.is_empty()));
        desk.nothing_internal_reached_writers(&[]);
        desk.stored_as_served();
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn the_same_letter_twice_is_one_ticket(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let rita = desk.rita.clone();
        let letter = desk.rita_writes("Не открывается дневник", "Пишет ошибку.");
        desk.wait_for_receipt(&rita, &letter);
        // Another copy, by another way: the server gives it another UID and other trace lines.
        desk.receive(&rita, &letter);
        desk.wait_until_quiet(2);
        // The same without a Message-ID, twice.
        let nameless = Letter::new("Рита", &desk.rita_for("nameless"), &desk.help, "Без имени", "Раз.").without("Message-ID");
        desk.receive(&rita, &nameless);
        desk.receive(&rita, &nameless);
        desk.wait_until_quiet(4);
        let ledger = desk.ledger();
        let outcomes: Vec<&str> = ledger.iter().map(|row| row.text("outcome")).collect();
        assert_eq!(outcomes, ["ticket", "duplicate_of", "ticket", "duplicate_of"]);
        for (copy, first) in [(1, 0), (3, 2)] {
            assert_eq!(ledger[copy].text("duplicate_of"), ledger[first].text("id"));
        }
        assert_eq!(desk.tickets().len(), 2);
        assert_eq!(desk.database.count("letter WHERE kind = 'notice'"), 4, "two specialists, two tickets");
        assert_eq!(desk.database.count("letter WHERE kind = 'receipt'"), 2);
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn letters_made_to_hurt_get_a_number_and_hold_up_nobody(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let rita = desk.rita.clone();
        let head = |word: &str| format!("From: {}\r\nMessage-ID: <{word}@{rita}>\r\nSubject: {word}\r\nMIME-Version: 1.0\r\n", desk.rita_for(word));
        let deep = head("deep") + &"Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
        let wide = head("wide") + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nСлова.\r\n" + &"--b\r\n\r\nx\r\n".repeat(20_000) + "--b--\r\n";
        let tall = head("tall") + "Content-Type: text/html; charset=utf-8\r\n\r\n" + &"<div>\r\n".repeat(50_000) + "Слова.";
        let long = head("long") + &format!("X-Long: {}\r\n\r\nСлова.\r\n", "a ".repeat(50_000));
        for bomb in [&deep, &wide, &tall, &long] {
            desk.lab.deliver(&desk.help, &rita, bomb.as_bytes());
        }
        let honest = Letter::new("Рита", &desk.rita_for("honest"), &desk.help, "Не открывается дневник", "Пишет ошибку.");
        desk.receive(&rita, &honest);
        desk.wait_until_quiet(5);
        let ledger = desk.ledger();
        let outcomes: Vec<&str> = ledger.iter().map(|row| row.text("outcome")).collect();
        assert_eq!(outcomes, ["ticket"; 5], "{ledger:?}");
        // What could be read was, and the notice says what could not.
        let ivan = desk.ivan.clone();
        let notice = desk.wait_for_mail(&ivan, "the notice of the wide one", |mail| mail.subject.contains("wide"));
        assert!(notice.says("Слова."), "{}", notice.text);
        desk.wait_for_notice(&ivan, &honest);
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn the_logo_of_a_signature_comes_to_specialists_once(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
        let letter = |word: &str, more: &str, picture: &str| format!(
            "From: {rita}\r\nMessage-ID: <{word}.{rita}>\r\nSubject: {word}\r\n{more}MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>{word}</p><img src=\"cid:logo\">\r\n--b\r\nContent-Type: image/png; name=logo.png\r\nContent-ID: <logo>\r\nContent-Disposition: inline; filename=logo.png\r\nContent-Transfer-Encoding: base64\r\n\r\n{picture}\r\n--b--\r\n"
        );
        desk.lab.deliver(&desk.help, &rita, letter("first", "", "bG9nbw==").as_bytes());
        let receipt = desk.wait_for_mail(&rita, "the receipt", |_| true);
        let notice = desk.wait_for_mail(&ivan, "the first notice", |mail| mail.says("first"));
        assert_eq!(notice.files.len(), 1, "{}", notice.text);
        // The same logo again, and a picture that was not there before.
        for (word, picture, files) in [("second", "bG9nbw==", 0), ("third", "c2hvdA==", 1)] {
            let more = format!("In-Reply-To: <{}>\r\n", receipt.message_id);
            desk.lab.deliver(&desk.help, &rita, letter(word, &more, picture).as_bytes());
            let notice = desk.wait_for_mail(&ivan, "a further notice", |mail| mail.says(word));
            assert_eq!(notice.files.len(), files, "{word}: {}", notice.text);
        }
        assert_eq!(desk.tickets().len(), 1);
        desk.stop_both();
    }
}
