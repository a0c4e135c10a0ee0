//! Headers in the shapes of four providers and of one's own server, true ones and forged ones beside them.

use crate::domain::address::EmailAddress;
use crate::domain::verdict::{Verdict, VerdictSource, verdict};
use crate::mail::explain::Explainer;
use crate::mail::parse::parse;

const FROM: &str = "From: Sam <sam@school.test>\r\n";
/// What a sender adds on top of his own letter.
const FORGED: &str = "Authentication-Results: ID; spf=pass smtp.mailfrom=sam@school.test;\r\n dkim=pass header.i=@school.test header.d=school.test; dmarc=pass header.from=school.test\r\n";

fn said(header: &str, source: &VerdictSource) -> Verdict {
    let mail = parse(format!("{header}{FROM}Subject: s\r\n\r\nwords\r\n").as_bytes());
    let sender = mail.sender().expect("one plain address");
    assert_eq!(
        *sender,
        EmailAddress::parse("sam@school.test").expect("plain")
    );
    verdict(&mail.trace, sender, source)
}

/// The header with another verdict in place of `@VERDICT@`, which vouches as it should and never otherwise.
fn check(source: &VerdictSource, header: &str, id: &str, good: &[&str], bad: &[&str]) {
    let header = header.replace('\n', "\r\n");
    for verdict in good {
        let header = header.replace("@VERDICT@", verdict);
        let said = said(&header, source);
        assert!(said.is_pass(), "{said}\n{header}");
    }
    let forged = FORGED.replace("ID", id);
    for verdict in bad {
        let header = header.replace("@VERDICT@", verdict);
        // As it is; with the sender's own below, in several ways.
        let hop = "Received: from x (x [192.0.2.9]) by mx.elsewhere.test; Mon, 23 Nov 2026 10:14:00 +0300\r\n";
        let ours = format!(
            "Received: from x (x [192.0.2.9]) by {id}; Mon, 23 Nov 2026 10:14:00 +0300\r\n"
        );
        for below in [
            String::new(),
            forged.clone(),
            format!("{hop}{forged}"),
            format!("{forged}{hop}"),
            format!("{ours}{forged}{ours}"),
            format!("{forged}{ours}{forged}"),
            forged.repeat(900),
            forged.to_uppercase(),
            forged.replace(": ", ":\r\n "),
            forged.replace("Authentication", "ARC-Authentication"),
        ] {
            let said = said(&format!("{header}{below}"), source);
            assert!(!said.is_pass(), "{said}\n{header}{below}");
        }
    }
    // Without the provider's block nothing of the sender's is believed.
    let hop = "Received: from x by mx.elsewhere.test; Mon, 23 Nov 2026 10:14:00 +0300\r\n";
    for header in [
        forged.clone(),
        format!("{hop}{forged}"),
        format!("{forged}{hop}"),
    ] {
        let said = said(&header, source);
        let own_server = matches!(source, VerdictSource::Server(_));
        // An own server's topmost host is its own by whatever name.
        assert!(own_server || !said.is_pass(), "{said}\n{header}");
    }
}

#[test]
fn yandex_signs_below_its_received_in_the_name_of_each_front_end() {
    let from_outside = "\
Received: from mail-nwsmtp-mxfront-production-main-24.iva.yp-c.yandex.net (mail-nwsmtp-mxfront-production-main-24.iva.yp-c.yandex.net [IPv6:2001:db8::1])
\tby mail-notsolitesrv-production-main-40.vla.yp-c.yandex.net (notsolitesrv/Yandex) with LMTPS id a1-b2
\tfor <help@school.test>; Mon, 23 Nov 2026 10:14:05 +0300
Received: from mail.elsewhere.test (mail.elsewhere.test [192.0.2.7])
\tby mail-nwsmtp-mxfront-production-main-24.iva.yp-c.yandex.net (mxfront) with ESMTPS id c3-d4
\tfor <help@school.test>; Mon, 23 Nov 2026 10:14:03 +0300
Return-Path: sam@school.test
X-Yandex-Front: mail-nwsmtp-mxfront-production-main-24.iva.yp-c.yandex.net
X-Yandex-TimeMark: 1795418043.112
Authentication-Results: mail-nwsmtp-mxfront-production-main-24.iva.yp-c.yandex.net; spf=pass (mail-nwsmtp-mxfront-production-main-24.iva.yp-c.yandex.net: domain of school.test designates 192.0.2.7 as permitted sender, rule=[ip4:192.0.2.0/24]) smtp.mail=sam@school.test; @VERDICT@
X-Yandex-Spam: 1
";
    let id = "mail-nwsmtp-mxfront-production-main-24.iva.yp-c.yandex.net";
    check(
        &VerdictSource::Yandex,
        from_outside,
        id,
        &["dkim=pass header.i=@school.test"],
        &[
            "dkim=fail header.i=@school.test",
            "dkim=pass header.i=@evil.test",
            "dkim=none",
        ],
    );
    // A colleague's, sent through Yandex: signed by the host that took it from his program.
    let inside = "\
Received: from forward500a.mail.yandex.net (forward500a.mail.yandex.net [IPv6:2001:db8::2])
\tby mail-nwsmtp-mxback-production-main-12.vla.yp-c.yandex.net (mxback/Yandex) with ESMTPS id e5;
\tMon, 23 Nov 2026 10:14:05 +0300
Received: from mail-nwsmtp-smtp-production-main-51.vla.yp-c.yandex.net (mail-nwsmtp-smtp-production-main-51.vla.yp-c.yandex.net [IPv6:2001:db8::3])
\tby forward500a.mail.yandex.net (Yandex) with ESMTPS id 4585260D52
\tfor <help@school.test>; Mon, 23 Nov 2026 10:14:04 +0300 (MSK)
Received: by mail-nwsmtp-smtp-production-main-51.vla.yp-c.yandex.net (smtp/Yandex) with ESMTPSA id f6;
\tMon, 23 Nov 2026 10:14:03 +0300
X-Yandex-Fwd: 1
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=school.test; s=mail; b=x
Authentication-Results: mail-nwsmtp-smtp-production-main-51.vla.yp-c.yandex.net; @VERDICT@
";
    let id = "mail-nwsmtp-smtp-production-main-51.vla.yp-c.yandex.net";
    check(
        &VerdictSource::Yandex,
        inside,
        id,
        &["dkim=pass header.i=@school.test"],
        &["dkim=pass", "dkim=pass header.i=@yandex.ru"],
    );
    // From the browser.
    let browser = "\
Received: from mxback3j.mail.yandex.net (localhost.localdomain [127.0.0.1])
\tby mxback3j.mail.yandex.net (Yandex) with ESMTP id B98601580C3B
\tfor <help@school.test>; Mon, 23 Nov 2026 10:14:05 +0300 (MSK)
Received: from localhost (localhost [::1])
\tby mxback3j.mail.yandex.net (nwsmtp/Yandex) with ESMTP id g7;
\tMon, 23 Nov 2026 10:14:04 +0300
X-Yandex-Front: mxback3j.mail.yandex.net
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=school.test; s=mail; b=x
Authentication-Results: mxback3j.mail.yandex.net; @VERDICT@
X-Yandex-Sender-Uid: 1
Received: by web44g.yandex.ru with HTTP;
\tMon, 23 Nov 2026 10:14:04 +0300
";
    let (good, bad) = (["dkim=pass header.i=@school.test"], ["dkim=none"]);
    check(
        &VerdictSource::Yandex,
        browser,
        "mxback3j.mail.yandex.net",
        &good,
        &bad,
    );
    // Another front end's name below is the sender's invention.
    let other = from_outside.replace(
        "Authentication-Results: mail-nwsmtp-mxfront-production-main-24",
        "Authentication-Results: mail-nwsmtp-mxfront-production-main-25",
    );
    check(
        &VerdictSource::Yandex,
        &other,
        "mxfront9.mail.yandex.net",
        &[],
        &good,
    );
}

#[test]
fn mail_ru_signs_above_its_received() {
    let from_outside = "\
Delivered-To: help@school.test
Return-path: <sam@school.test>
Authentication-Results: mxs.mail.ru; spf=pass (mx289.i.mail.ru: domain of school.test designates 192.0.2.7 as permitted sender) smtp.mailfrom=sam@school.test smtp.helo=mail.elsewhere.test;
\t @VERDICT@
Received-SPF: pass (mx289.i.mail.ru: domain of school.test designates 192.0.2.7 as permitted sender) client-ip=192.0.2.7; envelope-from=sam@school.test; helo=mail.elsewhere.test;
Received: from [192.0.2.7] (port=54884 helo=mail.elsewhere.test)
\tby mx289.i.mail.ru with esmtp (envelope-from <sam@school.test>)
\tid 1VCnps-0000Ww-8W
\tfor help@school.test; Mon, 23 Nov 2026 10:14:03 +0300
X-Mru-BL: 0:0:1121
";
    check(
        &VerdictSource::MailRu,
        from_outside,
        "mxs.mail.ru",
        &[
            "dkim=pass header.d=school.test; dmarc=pass header.from=sam@school.test",
            "dkim=pass header.d=school.test;\n\t dkim=pass header.d=sender.test; dmarc=pass header.from=sam@school.test",
            "dkim=pass header.d=school.test",
        ],
        &[
            "dkim=none; dmarc=fail header.from=sam@school.test",
            "dkim=pass header.d=evil.test; dmarc=pass header.from=eve@evil.test",
            "dkim=none",
        ],
    );
    // A colleague's: the host that took it signs below the words it was given.
    let inside = "\
Delivered-To: help@school.test
Received: by smtpng1.m.smailru.net with esmtpa (envelope-from <sam@school.test>)
\tid 1oM4nz-0000WO-9j; Mon, 23 Nov 2026 10:14:03 +0300
Date: Mon, 23 Nov 2026 10:14:03 +0300
Authentication-Results: smtpng1.m.smailru.net; @VERDICT@
X-Mailru-Src: smtp
";
    check(
        &VerdictSource::MailRu,
        inside,
        "smtpng1.m.smailru.net",
        &["auth=pass smtp.auth=sam@school.test smtp.mailfrom=sam@school.test"],
        &["auth=pass smtp.auth=eve@school.test smtp.mailfrom=sam@school.test"],
    );
}

#[test]
fn gmail_signs_below_the_received_of_its_mx() {
    let header = "\
Delivered-To: help@school.test
Received: by 2002:a05:7300:6e10:b0:13a:1b2c:3d4e with SMTP id x16csp123456dyb;
        Mon, 23 Nov 2026 10:14:05 -0800 (PST)
X-Google-Smtp-Source: AGHT+IE
X-Received: by 2002:a05:6000:4313:b0:3a4:f70d:a65e with SMTP id a1mr2;
        Mon, 23 Nov 2026 10:14:05 -0800 (PST)
ARC-Seal: i=1; a=rsa-sha256; t=1795418045; cv=none; d=google.com; s=arc-20240605; b=x
ARC-Authentication-Results: i=1; mx.google.com;
       dkim=pass header.i=@school.test header.s=20230601 header.b=XkL4SKhL;
       dmarc=pass (p=QUARANTINE sp=QUARANTINE dis=NONE) header.from=school.test
Return-Path: <sam@school.test>
Received: from mail.elsewhere.test (mail.elsewhere.test. [192.0.2.7])
        by mx.google.com with ESMTPS id ffacd0b85a97d-3b7641fed89sor1506395f8f.5.2026.11.23.10.14.05
        for <help@school.test>
        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);
        Mon, 23 Nov 2026 10:14:05 -0800 (PST)
Received-SPF: pass (google.com: domain of sam@school.test designates 192.0.2.7 as permitted sender) client-ip=192.0.2.7;
Authentication-Results: mx.google.com;
       @VERDICT@
";
    check(
        &VerdictSource::Gmail,
        header,
        "mx.google.com",
        &[
            "dkim=pass header.i=@school.test header.s=20230601 header.b=XkL4SKhL;\n       spf=pass (google.com: domain of sam@school.test designates 192.0.2.7 as permitted sender) smtp.mailfrom=sam@school.test;\n       dmarc=pass (p=NONE sp=QUARANTINE dis=NONE) header.from=school.test;\n       dara=pass header.i=@suse.test",
            "spf=none (google.com: postmaster@mail.elsewhere.test does not designate permitted sender hosts) smtp.helo=mail.elsewhere.test;\n       dkim=pass header.i=@school.test header.s=fm2 header.b=\"rV/ImNkG\"",
        ],
        &[
            "dkim=pass header.i=@school-test.20230601.gappssmtp.com header.s=20230601 header.b=x;\n       spf=pass smtp.mailfrom=sam@school.test",
            "spf=softfail smtp.mailfrom=sam@school.test;\n       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=school.test",
            "dkim=pass header.i=@evil.test;\n       dmarc=pass (p=NONE) header.from=evil.test",
            "spf=neutral smtp.mailfrom=sam@school.test",
        ],
    );
}

#[test]
fn exchange_online_signs_in_no_name_above_the_received_of_the_host_that_took_the_letter() {
    let header = "\
Received: from BY5PR06MB0001.namprd06.prod.outlook.com (2603:10b6:a03:1d0::27)
 by DS7PR06MB0002.namprd06.prod.outlook.com (2603:10b6:5:2ce::8) with
 Microsoft SMTP Server (version=TLS1_2,
 cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.9769.17; Mon, 23 Nov
 2026 07:14:05 +0000
Received: from CO1PEPF000066E8.namprd05.prod.outlook.com
 (2603:10b6:a03:1d0:cafe::de) by BY5PR04CA0017.outlook.office365.com
 (2603:10b6:a03:1d0::27) with Microsoft SMTP Server (version=TLS1_3,
 cipher=TLS_AES_256_GCM_SHA384) id 15.20.9745.29 via Frontend Transport; Mon,
 23 Nov 2026 07:14:04 +0000
Authentication-Results: spf=pass (sender IP is 192.0.2.7)
 smtp.mailfrom=school.test; @VERDICT@
Received-SPF: Pass (protection.outlook.com: domain of school.test designates
 192.0.2.7 as permitted sender) receiver=protection.outlook.com;
 client-ip=192.0.2.7; helo=mail.elsewhere.test; pr=C
Received: from mail.elsewhere.test (192.0.2.7) by
 CO1PEPF000066E8.mail.protection.outlook.com (10.167.249.6) with Microsoft
 SMTP Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.9769.17
 via Frontend Transport; Mon, 23 Nov 2026 07:14:03 +0000
";
    check(
        &VerdictSource::Microsoft,
        header,
        "CO1PEPF000066E8.mail.protection.outlook.com",
        &[
            "dkim=pass (signature was verified)\n header.d=school.test;dmarc=pass action=none\n header.from=school.test;compauth=pass reason=100",
            "dkim=pass (signature was verified) header.d=sender.test;dkim=pass (signature was verified)\n header.d=school.test;dmarc=bestguesspass action=none header.from=school.test;compauth=pass reason=109",
            "tenant.onmicrosoft.com; dkim=pass (signature was\n verified) header.d=school.test;tenant.onmicrosoft.com; dmarc=pass\n action=none header.from=school.test;compauth=pass reason=100",
        ],
        &[
            "dkim=none (message not signed)\n header.d=none;dmarc=fail action=oreject header.from=school.test;compauth=fail reason=000",
            "dkim=none (message not signed) header.d=none;dmarc=none action=none header.from=school.test;compauth=pass reason=130",
            "dkim=pass header.d=evil.test;dmarc=pass action=none header.from=evil.test;compauth=pass reason=100",
        ],
    );
    let theirs = FORGED.replace("ID; ", "");
    let header = header.replace('\n', "\r\n");
    let without = header.replace(
        "Authentication-Results:",
        "Authentication-Results-Original:",
    );
    let said = said(&format!("{without}{theirs}"), &VerdictSource::Microsoft);
    assert!(!said.is_pass(), "{said}");
}

#[test]
fn ones_own_server_signs_in_the_name_it_was_given() {
    let source = VerdictSource::Server("mail.school.test".to_owned());
    let submitted = "\
Return-Path: <sam@school.test>
Received: from mail.school.test by imap.school.test with LMTP id 1 for <help@school.test>; Mon, 23 Nov 2026 10:14:03 +0300
Authentication-Results: mail.school.test; @VERDICT@
Received: from [192.168.1.20] (unknown [192.0.2.7]) by mail.school.test (Postfix) with ESMTPSA id 4F; Mon, 23 Nov 2026 10:14:02 +0300 (MSK)
";
    let below = "\
Received: from mail.school.test by imap.school.test with LMTP id 1; Mon, 23 Nov 2026 10:14:03 +0300
Received: from mail.elsewhere.test (mail.elsewhere.test [192.0.2.7]) by mail.school.test (Postfix) with ESMTPS id 4F; Mon, 23 Nov 2026 10:14:02 +0300 (MSK)
Authentication-Results: spam.school.test; dmarc=pass header.from=school.test
Authentication-Results: mail.school.test;\n\t@VERDICT@
";
    for header in [submitted, below] {
        check(
            &source,
            header,
            "mail.school.test",
            &[
                "auth=pass smtp.auth=sam@school.test smtp.mailfrom=sam@school.test",
                "dkim=pass header.d=school.test header.s=s1 header.b=AbCd1234;\n\tdmarc=pass (policy=none) header.from=school.test",
            ],
            &[
                "auth=pass smtp.auth=other@school.test smtp.mailfrom=sam@school.test",
                "auth=none",
                "none",
                "dmarc=fail (dmarc=pass) header.from=school.test",
                "dmarc=pass header.from=school.test \u{fffd}\u{0431}",
            ],
        );
    }
}

#[test]
fn bytes_that_are_no_text_and_fields_that_are_too_long_are_no_verdict() {
    let source = VerdictSource::Server("mail.school.test".to_owned());
    let ours = "Received: from x by mail.school.test; Mon, 23 Nov 2026 10:14:02 +0300\r\n";
    let read = |field: &[u8]| {
        let raw = [
            ours.as_bytes(),
            b"Authentication-Results: ",
            field,
            b"\r\n",
            FROM.as_bytes(),
            b"\r\nw",
        ];
        let mail = parse(&raw.concat());
        verdict(&mail.trace, mail.sender().expect("one"), &source).is_pass()
    };
    assert!(read(
        b"mail.school.test; dmarc=pass header.from=school.test"
    ));
    assert!(read(
        b"mail.school.test; dmarc=pass (\xef\xf0\xee) header.from=school.test"
    ));
    assert!(!read(
        b"mail.school.test; dmarc=pass header.from=sch\xeeol.test"
    ));
    assert!(!read(
        b"mail.school.test\xa0; dmarc=pass header.from=school.test"
    ));
    assert!(!read(
        b"mail.school.test; dmarc=pass\0 header.from=school.test"
    ));
    let long = format!(
        "mail.school.test; ({}) dmarc=pass header.from=school.test",
        "x".repeat(9000)
    );
    assert!(!read(long.as_bytes()));
}

#[test]
fn explain_says_what_the_named_server_says() {
    let raw = format!(
        "Received: from x by mail.school.test\r\nAuthentication-Results: Mail.School.Test;\r\n\tdmarc=pass header.from=school.test\r\n{FROM}\r\nw"
    );
    let explained = |source: Option<&str>| {
        let explainer = Explainer::default().trusting(source.map(VerdictSource::named));
        let explained = explainer.explain(raw.as_bytes(), |_| false);
        explained.expect("built-in texts can be rendered")
    };
    let ours = explained(Some("MAIL.school.test"));
    assert_eq!(ours.verdict.as_deref(), Some("pass (dmarc=pass)"));
    assert_eq!(
        ours.trace,
        [
            "Received: from x by mail.school.test",
            "Authentication-Results: Mail.School.Test;\tdmarc=pass header.from=school.test",
        ]
    );
    let yandex = explained(Some("yandex")).verdict;
    assert!(yandex.is_some_and(|verdict| verdict.starts_with("none (")));
    assert_eq!(explained(None).verdict, None);
}
