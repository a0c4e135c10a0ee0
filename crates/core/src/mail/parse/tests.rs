//! Letters as they come.

use super::*;

fn read(raw: &str) -> IncomingMail {
    parse(raw.replace('\n', "\r\n").as_bytes())
}

#[test]
fn any_bytes_give_a_letter() {
    for raw in [
        &b""[..],
        b"\r\n",
        b"\0\xff\xfe",
        b"From",
        b":",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x",
        &[0xc1; 5000],
    ] {
        let mail = parse(raw);
        assert!(!mail.message_id.is_empty(), "{raw:?}");
        assert!(mail.sender().is_none(), "{raw:?}");
    }
}

#[test]
fn cyrillic_is_read_in_the_charsets_people_send() {
    let mut raw = b"From: =?koi8-r?B?8snUwQ==?= <rita@family.test>\r\nSubject: =?windows-1251?B?z/Do4uXy?=\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".to_vec();
    raw.extend_from_slice(&[0xf0, 0xcf, 0xcd, 0xcf, 0xc7, 0xc9, 0xd4, 0xc5]);
    let mail = parse(&raw);
    assert_eq!(mail.body.as_str(), "Помогите");
    assert_eq!(mail.subject.as_str(), "Привет");
    assert_eq!(mail.from[0].name.as_str(), "Рита");
}

#[test]
fn copies_of_a_letter_share_id_and_hash_whatever_the_servers_added() {
    let letter = "Message-ID: <a@b>\nFrom: r@f.test\nSubject: s\n\nbody\n";
    let (one, two) = (
        read(letter),
        read(&format!("Received: by x\nDelivered-To: y@z\n{letter}")),
    );
    assert_eq!(
        (&one.message_id, &one.content_hash),
        (&two.message_id, &two.content_hash)
    );
    assert_ne!(
        one.content_hash,
        read("Message-ID: <a@b>\n\nother\n").content_hash
    );
}

#[test]
fn a_letter_without_a_usable_message_id_gets_one_of_its_content() {
    let plain = "From: r@f.test\nDate: Mon, 23 Nov 2026 10:14:00 +0300\nSubject: s\n\nbody\n";
    let (one, two) = (read(plain), read(&format!("Received: by x\n{plain}")));
    assert_eq!(
        one.message_id, two.message_id,
        "a copy is known by its content"
    );
    assert_ne!(
        one.message_id,
        read(&plain.replace("10:14", "10:15")).message_id
    );
    let long = read(&format!("Message-ID: <{}@x>\n\nb\n", "a".repeat(10_000)));
    assert!(long.message_id.len() < 100, "{}", long.message_id);
}

#[test]
fn only_one_plain_from_identifies_anybody() {
    let sender = |from: &str| {
        read(&format!("{from}\nSubject: s\n\nb\n"))
            .sender()
            .map(ToString::to_string)
    };
    assert_eq!(
        sender("From: Sam <SAM@School.test>").as_deref(),
        Some("sam@school.test")
    );
    assert_eq!(
        sender("From: \"sam@school.test\" <eve@else.test>").as_deref(),
        Some("eve@else.test")
    );
    for nobody in [
        "From: a@x.test, b@x.test",
        "From: a@x.test\nFrom: b@x.test",
        "From: <>",
        "From:",
        "Sender: sam@school.test",
        "From: s\u{430}m@school.test",
    ] {
        assert_eq!(sender(nobody), None, "{nobody}");
    }
}

#[test]
fn references_come_newest_first() {
    let mail = read("In-Reply-To: <c@x>\nReferences: <a@x> <b@x>\n <c@x>\n\nb\n");
    assert_eq!(mail.references, ["c@x", "b@x", "a@x"]);
}

#[test]
fn a_file_name_is_never_a_path() {
    for (name, want) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\план.docx", "план.docx"),
        ("..", "7.bin"),
        ("", "7.bin"),
        ("a\u{202e}gnp.exe", "agnp.exe"),
        (".htaccess", "htaccess"),
    ] {
        assert_eq!(files::file_name(name, 7, "application/x"), want, "{name:?}");
    }
    let long = files::file_name(&format!("{}.docx", "я".repeat(200)), 1, "x/y");
    assert!(long.len() <= 150 && long.ends_with(".docx"), "{long}");
}

#[test]
fn html_alone_is_read_as_text() {
    let mail = read(
        "Content-Type: text/html; charset=utf-8\n\n<p>Здравствуйте!</p><p>Не вижу <b>оценки</b>.</p>\n",
    );
    assert!(
        mail.body.as_str().contains("Здравствуйте!")
            && mail.body.as_str().contains("Не вижу оценки."),
        "{:?}",
        mail.body
    );
}

#[test]
fn a_report_names_the_letter_it_is_about() {
    let mail = read(
        "From: MAILER-DAEMON@x.test\nReturn-Path: <>\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; rita@family.test\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <answer.1.2.w.x@school.test>\n\nhi\n--b--\n",
    );
    let report = mail.report.expect("a report");
    assert_eq!(report.original_message_ids, ["answer.1.2.w.x@school.test"]);
    assert_eq!(
        report
            .recipients
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["rita@family.test"]
    );
    let headers_only = read(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <x@y>\nSubject: s\n--b--\n",
    );
    assert_eq!(
        headers_only.report.expect("a report").original_message_ids,
        ["x@y"]
    );
    assert!(read("Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread\n--b--\n").report.is_none());
}

#[test]
fn a_report_with_a_nul_in_an_id_names_nothing() {
    let mail = parse(
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nMessage-ID: <a\0b@c>\r\n\r\n--b--\r\n",
    );
    assert_eq!(
        mail.report.expect("a report").original_message_ids,
        Vec::<String>::new()
    );
}

#[test]
fn letters_that_only_share_a_message_id_are_different() {
    let letter = |from: &str, subject: &str| {
        read(&format!(
            "Message-ID: <form@x>\nFrom: {from}\nSubject: {subject}\n\n\n"
        ))
        .content_hash
    };
    assert_ne!(letter("a@x.test", "s"), letter("b@x.test", "s"));
    assert_ne!(letter("a@x.test", "s"), letter("a@x.test", "t"));
}

#[test]
fn a_group_in_from_is_nobody_and_a_read_receipt_is_no_person() {
    assert!(
        read("From: Undisclosed: ivan@school.test;\n\nb\n")
            .sender()
            .is_none()
    );
    let receipt = read(
        "From: a@x.test\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread\n--b--\n",
    );
    assert!(receipt.robot.read_receipt && receipt.report.is_none());
}

#[test]
fn files_that_may_hold_a_letter_of_ours_are_known() {
    let with = |kind: &str, body: &str| {
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: {kind}\nContent-Disposition: attachment; filename=a\n\n{body}\n--b--\n"
        );
        read(&raw).attachments.iter().any(|file| file.may_quote_us)
    };
    assert!(with("message/rfc822", "Subject: s\n\nb"));
    assert!(with("text/plain", "> [== 1 - ABC ==]"));
    assert!(!with("text/plain", "plan [a] = b"));
}

#[test]
fn no_value_of_one_field_swallows_the_next() {
    let values = [
        "Sat, 22 Apr 2006 17:14:50 UT",
        "Sat, 22 Apr 2006 17:14:50 Z",
        "Mon, 1 Jan 2001 1:1:1 M",
        "Sat, 22 Apr 2006 17:14:50 (MSK",
        "\"open",
        "(open",
        "<open",
        "[open",
        "=?utf-8?Q?open",
        "a; b=\"open",
        "group: a@b.test",
        "a\\",
        "",
    ];
    let names = [
        "Date",
        "Resent-Date",
        "Received",
        "Message-ID",
        "References",
        "Content-Type",
        "To",
        "Sender",
        "List-Id",
        "X-Any",
    ];
    for name in names {
        for value in values {
            for end in ["\r\n", "\n"] {
                let raw = format!(
                    "{name}: {value}{end}From: Rita <rita@family.test>{end}Subject: s{end}{end}body{end}"
                );
                let mail = parse(raw.as_bytes());
                assert_eq!(
                    mail.sender().map(ToString::to_string).as_deref(),
                    Some("rita@family.test"),
                    "{raw}"
                );
                assert_eq!(mail.subject.as_str(), "s", "{raw}");
            }
        }
    }
}

#[test]
#[rustfmt::skip] // Tables are read a row a line.
fn senders_are_read_as_people_spell_them() {
    for (from, address, name) in [
        ("rita@family.test", Some("rita@family.test"), ""),
        ("<Rita@Family.test>", Some("rita@family.test"), ""),
        ("Rita P <rita@family.test>", Some("rita@family.test"), "Rita P"),
        ("\"P., Rita\" <rita@family.test>", Some("rita@family.test"), "P., Rita"),
        ("rita@family.test (Rita P)", Some("rita@family.test"), "Rita P"),
        ("Rita (at home) <rita@family.test>", Some("rita@family.test"), "Rita"),
        ("\"anna@school.test\" <rita@family.test>", Some("rita@family.test"), "anna@school.test"),
        ("=?utf-8?B?0KDQuNGC0LA=?= <rita@family.test>", Some("rita@family.test"), "Рита"),
        ("\"=?utf-8?B?0KDQuNGC0LA=?=\" <rita@family.test>", Some("rita@family.test"), "Рита"),
        ("=?utf-8?B?0KDQuNE=?= =?utf-8?B?gtCw?= <rita@family.test>", Some("rita@family.test"), "Рита"),
        // An address inside an encoded word is part of a name.
        ("=?utf-8?Q?anna=40school.test?= <rita@family.test>", Some("rita@family.test"), "anna@school.test"),
        ("=?utf-8?Q?=3Canna=40school.test=3E?= <rita@family.test>", Some("rita@family.test"), "<anna@school.test>"),
        ("Рита <rita@family.test>", Some("rita@family.test"), "Рита"),
        ("rita@family.test, anna@school.test", None, ""),
        ("people: rita@family.test;", None, ""),
        ("", None, ""),
        ("Rita", None, ""),
    ] {
        let mail = read(&format!("From: {from}\nSubject: s\n\nbody\n"));
        assert_eq!(mail.sender().map(ToString::to_string).as_deref(), address, "{from}");
        if address.is_some() {
            assert_eq!(mail.sender_name().as_str(), name, "{from}");
        }
    }
}

#[test]
fn a_letter_over_a_limit_is_read_in_part_and_says_so() {
    let parts = "--b\n\nx\n".repeat(501);
    let raw = format!(
        "From: rita@family.test\nSubject: s\nMessage-ID: <m@f.test>\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nwords\n{parts}--b--\n"
    );
    let mail = read(&raw);
    assert_eq!((mail.subject.as_str(), mail.body.as_str()), ("s", "words"));
    assert_eq!(mail.message_id, "m@f.test");
    assert!(mail.attachments.is_empty());
    assert!(
        mail.notes
            .iter()
            .any(|note| note.to_string().contains("500 parts")),
        "{:?}",
        mail.notes
    );
    // Copies are known by all of the letter, and not by what was read of it.
    let other = read(&raw.replace("--b--", "--b\n\nmore\n--b--"));
    assert_ne!(mail.content_hash, other.content_hash);
    assert_eq!(attachments_bytes(raw.as_bytes(), &[1]), [None]);
    let header = parse_header(raw.as_bytes(), "the parser failed");
    assert_eq!((header.subject.as_str(), header.body.as_str()), ("s", ""));
    assert_eq!(
        header.notes,
        [Note::KeptRaw("the parser failed".to_owned())]
    );
}

#[test]
#[rustfmt::skip]
fn words_are_found_in_whatever_part_has_them() {
    let multipart = |kind: &str, parts: &[&str]| {
        let parts: String = parts.iter().map(|part| format!("--b\n{part}\n")).collect();
        format!("From: r@f.test\nMIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=b\n\n{parts}--b--\n")
    };
    let html = "Content-Type: text/html\n\n<p>hyper</p><p>text</p>";
    let plain = |text: &str| format!("Content-Type: text/plain\n\n{text}");
    for (what, raw, want) in [
        ("text beside HTML", multipart("alternative", &[&plain("words"), html]), "words"),
        ("an empty text", multipart("alternative", &[&plain(" "), html]), "hyper\n\ntext"),
        ("a stub", multipart("alternative", &[&plain("Your program cannot show HTML."), html]), "hyper\n\ntext"),
        ("names of pictures", multipart("alternative", &[&plain("[cid:logo]"), html]), "hyper\n\ntext"),
        ("HTML alone", multipart("mixed", &[html]), "hyper\n\ntext"),
        ("parts in order", multipart("mixed", &[&plain("one"), "Content-Type: image/png\n\nx", &plain("two")]), "one\ntwo"),
        ("named text", multipart("mixed", &["Content-Type: text/plain; name=a.txt\n\nwords"]), "words"),
        ("enriched text", "From: r@f.test\nMIME-Version: 1.0\nContent-Type: text/enriched\n\n<bold>wo</bold>rds\n".to_owned(), "words"),
        ("flowed text", "From: r@f.test\nMIME-Version: 1.0\nContent-Type: text/plain; format=flowed\n\none \ntwo\n> a \n> b\n-- \nme\n".to_owned(), "one two\n> a b\n-- \nme"),
        ("an attached text is a file", multipart("mixed", &[&plain("words"), "Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nfile"]), "words"),
        ("an mbox line first", "From r@f.test Mon Nov 23 10:14:00 2026\nFrom: r@f.test\n\nwords\n".to_owned(), "words"),
        ("blank lines first", "\n\nFrom: r@f.test\n\nwords\n".to_owned(), "words"),
    ] {
        let mail = read(&raw);
        assert_eq!(mail.sender().map(ToString::to_string).as_deref(), Some("r@f.test"), "{what}");
        assert_eq!(mail.body.as_str(), want, "{what}: {raw}");
    }
}

#[test]
#[rustfmt::skip]
fn what_is_not_shown_is_told() {
    let part = |kind: &str| format!("From: r@f.test\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: {kind}\n\nx\n--b--\n");
    for (raw, want) in [
        (part("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m"), "encrypted"),
        (part("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"), "in one piece"),
        (part("application/ms-tnef; name=winmail.dat"), "winmail.dat"),
        (part("application/octet-stream; name=Winmail.dat"), "winmail.dat"),
        (part("message/partial; id=x; number=1"), "part of a larger letter"),
        ("From: r@f.test\nContent-Type: text/plain\n\n-----BEGIN PGP MESSAGE-----\nx\n".to_owned(), "encrypted"),
        ("From: r@f.test\nMIME-Version: 1.0\nContent-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\n\n--b\n\nwords\n--b\nContent-Type: application/pkcs7-signature\n\nx\n--b--\n".to_owned(), "signed (S/MIME)"),
    ] {
        let notes = read(&raw).notes;
        assert!(notes.iter().any(|note| note.to_string().contains(want)), "{want}: {notes:?}");
    }
    assert!(read("From: r@f.test\n\nwords\n").notes.is_empty());
}

#[test]
fn files_have_the_names_they_were_given() {
    let letter = |headers: &str| {
        format!(
            "From: r@f.test\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nwords\n--b\n{headers}\n\nx\n--b--\n"
        )
    };
    for (headers, want) in [
        ("Content-Type: image/png; name=a.png", "a.png"),
        (
            "Content-Type: image/png\nContent-Disposition: attachment; filename*=utf-8''%D0%BF.png",
            "п.png",
        ),
        (
            "Content-Type: image/png\nContent-Disposition: attachment; filename*0*=utf-8''%D0; filename*1*=%BF.png",
            "п.png",
        ),
        (
            "Content-Type: image/png; name=\"=?utf-8?B?0L8=?=.png\"",
            "п.png",
        ),
        (
            "Content-Type: image/png\nContent-Disposition: attachment; filename=\"../../etc/a.png\"",
            "a.png",
        ),
        (
            "Content-Type: image/png\nContent-Disposition: attachment; filename=\"C:\\dir\\a.png\"",
            "a.png",
        ),
        ("Content-Type: image/png", "2.png"),
        (
            "Content-Type: message/rfc822\n\nSubject: =?utf-8?B?0L/QsNGA0L7Qu9GM?=",
            "пароль.eml",
        ),
        (
            "Content-Type: text/plain\nContent-Disposition: inline; filename=a.txt",
            "a.txt",
        ),
    ] {
        let names: Vec<String> = read(&letter(headers))
            .attachments
            .into_iter()
            .map(|file| file.name)
            .collect();
        assert_eq!(names, [want], "{headers}");
    }
}
