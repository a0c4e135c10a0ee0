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
