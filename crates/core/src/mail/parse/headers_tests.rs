//! From and Subject as programs write them.

use encoding_rs::{IBM866, KOI8_R, WINDOWS_1251};

use crate::mail::parse::parse;

fn sender(field: &[u8]) -> (Option<String>, String) {
    let mail = parse(&[b"From: ", field, b"\r\nSubject: s\r\n\r\nb\r\n"].concat());
    (
        mail.sender().map(ToString::to_string),
        mail.sender_name().as_str().to_owned(),
    )
}

fn subject(field: &[u8]) -> String {
    parse(&[b"Subject: ", field, b"\r\nFrom: a@b.test\r\n\r\nb\r\n"].concat())
        .subject
        .as_str()
        .to_owned()
}

#[test]
fn a_sender_is_who_stands_there_as_an_address() {
    for (field, address, name) in [
        ("c@d.test", Some("c@d.test"), ""),
        ("<c@d.test>", Some("c@d.test"), ""),
        ("Name <c@d.test>", Some("c@d.test"), "Name"),
        ("\"a@b.test\" <c@d.test>", Some("c@d.test"), "a@b.test"),
        ("a@b.test <c@d.test>", Some("c@d.test"), "a@b.test"),
        ("c@d.test (Name)", Some("c@d.test"), "Name"),
        (
            "c@d.test (Name (inner) \\) end)",
            Some("c@d.test"),
            "Name (inner) ) end",
        ),
        ("Name (work) <c@d.test>", Some("c@d.test"), "Name"),
        ("Name c@d.test", Some("c@d.test"), "Name"),
        ("Name <c@d.test", Some("c@d.test"), "Name"),
        ("Name <c@d.test.>", Some("c@d.test"), "Name"),
        ("Name <c@d.test>;", Some("c@d.test"), "Name"),
        ("\"Name <c@d.test>", Some("c@d.test"), "Name"),
        (
            "\"Last, First\" <c@d.test>",
            Some("c@d.test"),
            "Last, First",
        ),
        (
            "\"A \\\"B\\\" C\" <c@d.test>",
            Some("c@d.test"),
            "A \"B\" C",
        ),
        ("Name\r\n <c@d.test>", Some("c@d.test"), "Name"),
        ("Имя <c@d.test>", Some("c@d.test"), "Имя"),
        ("Name <c(work)@d.test(host)>", Some("c@d.test"), "Name"),
        ("<\"a b\"@d.test>", None, ""),
        ("<\"a@b.test\"@d.test>", None, ""),
        ("<\"a", None, ""),
        ("Last, First <c@d.test>", Some("c@d.test"), "Last, First"),
        ("Last, First <c@d.test>, e@f.test", None, "Last, First"),
        ("Last, c@d.test", None, "Last"),
        ("c@d.test, <C@d.test>", Some("c@d.test"), ""),
        // Others may read another address there.
        ("=?utf-8?Q?<a@b.test>?= c@d.test", None, "<a@b.test>"),
        ("=?utf-8?Q?\"?= <c@d.test> \" <a@b.test>", None, "\""),
        (
            "=?utf-8?Q?Boss_(the_)?= <c@d.test>",
            Some("c@d.test"),
            "Boss (the )",
        ),
        ("<c@d.test> a@b.test", None, ""),
        ("<c@d.test>a@b.test", None, ""),
        ("c@d.test (<a@b.test>", None, "<a@b.test>"),
        ("<c@\u{ff44}.test>", None, ""),
        ("<c@d\u{3002}test>", None, ""),
        ("<c@%64.test>", None, ""),
        ("<c@школа.test>", Some("c@xn--80atdl2c.test"), ""),
        ("<a@b.test> <c@d.test>", None, ""),
        ("a@b.test c@d.test", None, ""),
        ("a@b.test; c@d.test", None, ""),
        ("Group: c@d.test;", None, ""),
        ("\"a@b.test\" (x)", None, "a@b.test"),
        ("=?utf-8?B?YUBiLnRlc3Q=?= (x)", None, "a@b.test"),
        ("=?utf-8?B?YUBiLnRlc3Q=?=", None, "a@b.test"),
        (
            "=?utf-8?B?Qm9zcyA8YUBiLnRlc3Q+?= <c@d.test>",
            Some("c@d.test"),
            "Boss <a@b.test>",
        ),
        (
            "=?utf-8?Q?Boss_<a@b.test>,?= <c@d.test>",
            None,
            "Boss <a@b.test>,",
        ),
        ("x=?utf-8?Q?<a@b.test>?=", None, "x<a@b.test>"),
        (
            "=?utf-8?Q?Boss <a@b.test>, =?utf-8?Q?x?= <c@d.test>",
            None,
            "Boss",
        ),
        ("<=?utf-8?Q?a=40b.test?=>", None, ""),
        ("", None, ""),
        ("@", None, ""),
        ("<", None, ""),
    ] {
        let (found, shown) = sender(field.as_bytes());
        assert_eq!(
            (found.as_deref(), shown.as_str()),
            (address, name),
            "{field}"
        );
    }
}

#[test]
fn names_and_subjects_are_read_in_every_odd_encoding() {
    for (field, want) in [
        ("=?UTF-8?B?0J/RgNC40LLQtdGC?=", "Привет"),
        ("=?utf-8?b?0J/RgNC40LLQtdGC?=", "Привет"),
        ("=?utf-8*ru?q?=D0=9F=D1=80=D0=B8?=", "При"),
        // Split inside a character, folded and not.
        ("=?utf-8?Q?=D0=9F=D1?=\r\n =?utf-8?Q?=80=D0=B8?=", "При"),
        ("=?utf-8?B?0J/R?= =?UTF-8?Q?=80=D0=B8?=", "При"),
        ("=?utf-8?Q?=D0=9F?==?utf-8?Q?=D1=80?=", "Пр"),
        ("=?utf-8?Q?=D0=9F?= and =?utf-8?Q?=D1=80?=", "П and р"),
        ("Re: =?utf-8?Q?=D0=9F=D1=80=D0=B8?= ok", "Re: При ok"),
        ("\"=?utf-8?Q?=D0=9F=D1=80=D0=B8?=\"", "При"),
        ("=?utf-8?Q?one two?=", "one two"),
        ("=?utf-8?Q?=D0=9F=D1=80=D0=B8", "При"),
        ("=?utf-8?B?0J/RgNC4", "При"),
        ("=?utf-8?B?0J/R gNC4?=", "При"),
        ("=?utf-8?B?0J/RgA==0LjQvA==?=", "Прим"),
        ("=?windows-1251?B?z/Do4uXy?=", "Привет"),
        ("=?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=", "Привет"),
        ("=?utf-8?Q?=CF=F0=E8=E2=E5=F2?=", "Привет"),
        ("=?windows-1251?Q?=D0=9F=D1=80=D0=B8?=", "При"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (
            "=?iso-2022-jp?B?GyRCRnwbKEI=?= =?iso-2022-jp?B?GyRCS1wbKEI=?=",
            "日本",
        ),
        ("=?utf-7?Q?+BB8EQAQ4-?=", "При"),
        ("a =? b ?= c", "a =? b ?= c"),
        ("a\r\n b", "a b"),
    ] {
        if !field.starts_with('"') {
            assert_eq!(subject(field.as_bytes()), want, "{field}");
        }
        let named = sender(format!("{field} <c@d.test>").as_bytes());
        if !field.contains("=? ") && field.ends_with(['=', '"']) {
            assert_eq!(
                named,
                (Some("c@d.test".to_owned()), want.to_owned()),
                "{field}"
            );
        }
    }
}

#[test]
fn bytes_above_ascii_are_read_without_any_label() {
    let words = "Не открывается журнал оценок";
    for charset in [WINDOWS_1251, KOI8_R, IBM866] {
        let (bytes, _, _) = charset.encode(words);
        assert_eq!(subject(&bytes), words, "{}", charset.name());
        let field = [&*bytes, b" <c@d.test>"].concat();
        assert_eq!(
            sender(&field),
            (Some("c@d.test".to_owned()), words.to_owned())
        );
    }
    assert_eq!(subject(words.as_bytes()), words);
}

#[test]
fn what_stands_around_a_header_does_not_hide_it() {
    let letter = "From: a@b.test\r\nSubject: s\r\n\r\nbody\r\n";
    for before in [
        "",
        "\r\n",
        "\n\n\r\n",
        "From a@x.test Mon Nov 23 10:14:00 2026\r\n",
        ">From a@x.test\n",
        "\nFrom x\n",
        "garbage without colon\r\n",
    ] {
        let mail = parse(format!("{before}{letter}").as_bytes());
        assert_eq!(
            mail.sender().map(ToString::to_string).as_deref(),
            Some("a@b.test"),
            "{before:?}"
        );
        assert_eq!(
            (mail.subject.as_str(), mail.body.as_str()),
            ("s", "body"),
            "{before:?}"
        );
    }
    for whole in [
        "From: a@b.test\nSubject: s",
        "From: a@b.test\nSubject: s\nbody without an empty line\n",
        "From : a@b.test\nSubject : s\n\n",
    ] {
        let mail = parse(whole.as_bytes());
        assert_eq!(
            mail.sender().map(ToString::to_string).as_deref(),
            Some("a@b.test"),
            "{whole:?}"
        );
        assert_eq!(mail.subject.as_str(), "s", "{whole:?}");
    }
}

#[test]
fn a_specialist_is_nobody_who_is_named_elsewhere_or_otherwise() {
    let sam = "sam@school.test";
    let sender = |header: &str| {
        let mail = parse(format!("{header}\r\nSubject: s\r\n\r\nwords\r\n").as_bytes());
        mail.sender().map(ToString::to_string)
    };
    for plain in [
        "From: sam@school.test",
        "From: Sam <SAM@School.TEST>",
        "From: sam@school.test\r\nFrom: Sam <sam@school.test>",
        "From: Sam <sam@school.test>\r\nSender: eve@evil.test\r\nReply-To: eve@evil.test",
    ] {
        assert_eq!(sender(plain).as_deref(), Some(sam), "{plain}");
    }
    for other in [
        "From: eve@evil.test\r\nSender: sam@school.test",
        "From: eve@evil.test\r\nReply-To: sam@school.test",
        "Sender: sam@school.test",
        "Return-Path: <sam@school.test>\r\nReply-To: sam@school.test",
        "From: eve@evil.test\r\nFrom: sam@school.test",
        "From: sam@school.test\r\nFrom: eve@evil.test",
        "From: sam@school.test\r\nFrom:",
        "From: sam@school.test, eve@evil.test",
        "From: eve@evil.test, sam@school.test",
        "From: Desk: sam@school.test;",
        "From: \"sam@school.test\" <eve@evil.test>",
        "From: sam@school.test <eve@evil.test>",
        "From: sam@school.test (<eve@evil.test>",
        "From: eve@evil.test (sam@school.test)",
        "From: <eve@evil.test> (sam@school.test)",
        "From: =?utf-8?Q?sam=40school=2Etest?= <eve@evil.test>",
        "From: =?utf-8?Q?sam=40school=2Etest?=",
        "From: =?utf-8?B?c2FtQHNjaG9vbC50ZXN0?= eve@evil.test",
        "From: <sam@school.test\0@evil.test>",
        "From: <sam@school.test\0>",
        "From: <sam\0@school.test>",
        "From: <@evil.test:sam@school.test>",
        "From: <@evil.test,@b.test:sam@school.test>",
        "From: <sam%school.test@evil.test>",
        "From: <sam@school.test@evil.test>",
        "From: <sam@evil.test> <sam@school.test>",
        "From: <\"sam\"@school.test>",
        "From: <\"sam@school.test\"@evil.test>",
        "From: <sam@school.test.evil.test>",
        "From: <sam@evilschool.test>",
        "From: <s\u{430}m@school.test>",
        "From: <sam@sch\u{43e}ol.test>",
        "From: <\u{456}van@school.test>",
        "From: <sam@school.t\u{435}st>",
        "From: <sam@school\u{3002}test>",
        "From: <sam@xn--school-9ta.test>",
        "From: <sam\u{200b}@school.test>",
        "Fr\u{43e}m: sam@school.test",
    ] {
        assert_ne!(sender(other).as_deref(), Some(sam), "{other:?}");
    }
}

#[test]
fn a_sender_that_others_may_not_see_identifies_nobody() {
    let sender = |raw: &str| parse(raw.as_bytes()).sender().map(ToString::to_string);
    let many = "X-A: b\r\n".repeat(1000);
    let long = "b".repeat(70 * 1024);
    for raw in [
        format!("From: c@d.test\r\n{many}From: e@f.test\r\n\r\nwords"),
        format!("From: c@d.test\r\nFrom: {long} e@f.test\r\n\r\nwords"),
        format!("From: {}e@f.test\r\n\r\nwords", "c@d.test, ".repeat(101)),
        "From: c@d.test\r\n \r\n  x\r\nwords\r\nFrom: e@f.test\r\n\r\nwords".to_owned(),
        "From: c@d.test\r\nwords\r\nmore\r\nmore\r\nmore\r\nFrom: e@f.test\r\n\r\nwords".to_owned(),
        "From: c@d.test\r\n\r\r\nFrom: e@f.test\r\n\r\nwords".to_owned(),
        "\u{c}From: c@d.test\r\n\r\nwords".to_owned(),
    ] {
        assert_eq!(sender(&raw), None, "{}", &raw[..raw.len().min(80)]);
    }
    // Behind a true blank line it is a word like another.
    let quoted = "From: c@d.test\r\n\r\nFrom: e@f.test\r\n\r\nwords";
    assert_eq!(sender(quoted).as_deref(), Some("c@d.test"));
    let open = "From: c@d.test\r\nwords without a blank line\r\n";
    assert_eq!(sender(open).as_deref(), Some("c@d.test"));
}
