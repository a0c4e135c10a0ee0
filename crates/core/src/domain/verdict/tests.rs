//! The field Authentication-Results in all its forms, and Received. Whole letters are in `mail::parse::verdict_tests`.

use super::*;

const SAM: &str = "sam@school.test";

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("plain")
}

/// What a field of our own server says of Sam.
fn said(field: &str) -> Verdict {
    let source = VerdictSource::Server("mail.school.test".to_owned());
    let trace = [received("from x by mail.school.test"), results(field)];
    verdict(&trace, &address(SAM), &source)
}

fn received(value: &str) -> TraceField {
    TraceField {
        name: TraceName::Received,
        value: value.to_owned(),
    }
}

fn results(value: &str) -> TraceField {
    TraceField {
        name: TraceName::AuthenticationResults,
        value: value.to_owned(),
    }
}

#[test]
fn what_vouches_for_from() {
    for field in [
        "mail.school.test; dmarc=pass header.from=school.test",
        "mail.school.test; dmarc=pass header.from=sam@school.test",
        "mail.school.test; dmarc=pass (p=none; sp=none (or so)) header.from=School.Test.",
        "MAIL.School.Test 1; DMARC=PASS Header.From=SCHOOL.TEST;",
        "mail.school.test (ours); spf=fail smtp.mailfrom=x@y.test; dmarc/1 = pass reason=\"a;b\" header.from=school.test",
        "\"mail.school.test\"; dkim=fail header.d=list.test; dkim=pass header.d=school.test header.s=s header.b=K/abc+d=",
        "mail.school.test;\tdkim=pass\t(2048-bit key; unprotected)\theader.d=school.test\theader.i=@mail.school.test",
        "mail.school.test; dkim=pass header.i=sam@school.test",
        "mail.school.test; dkim=pass header.i=@school.test; spf=pass smtp.mailfrom=\"a;b=\\\"c\"@school.test",
        "mail.school.test; auth=pass (login) smtp.auth=sam@school.test smtp.mailfrom=sam@school.test",
        "mail.school.test; auth=pass smtp.auth=\"Sam@school.test\"",
        "mail.school.test; iprev=pass policy.iprev=192.0.2.1; spf=pass smtp.mailfrom=bounce+x=y.test@z.test; dmarc=pass header.from=school.test",
        "mail.school.test; arc=fail (i=1); dmarc=pass header.from=school.test",
    ] {
        assert!(said(field).is_pass(), "{field}: {}", said(field));
    }
}

#[test]
fn what_does_not() {
    for field in [
        "",
        "mail.school.test",
        "mail.school.test;",
        "mail.school.test; none",
        "mail.school.test 2; dmarc=pass header.from=school.test",
        "mail.school.test x; dmarc=pass header.from=school.test",
        "mail.school.test.evil.test; dmarc=pass header.from=school.test",
        "dmarc=pass header.from=school.test",
        "; dmarc=pass header.from=school.test",
        // Other results.
        "mail.school.test; dmarc=fail header.from=school.test",
        "mail.school.test; dmarc=fail header.from=school.test; dkim=pass header.d=school.test; auth=pass smtp.auth=sam@school.test",
        "mail.school.test; dmarc=bestguesspass header.from=school.test",
        "mail.school.test; dmarc=passed header.from=school.test",
        "mail.school.test; dmarc=none header.from=school.test; spf=pass smtp.mailfrom=sam@school.test",
        "mail.school.test; arc=pass header.from=school.test",
        "mail.school.test; dmarc/2=pass header.from=school.test",
        "mail.school.test; x-dmarc=pass header.from=school.test",
        // Of others.
        "mail.school.test; dmarc=pass",
        "mail.school.test; dmarc=pass header.from=evil.test",
        "mail.school.test; dmarc=pass header.from=evilschool.test",
        "mail.school.test; dmarc=pass header.from=school.test.evil.test",
        "mail.school.test; dmarc=pass header.from=test",
        "mail.school.test; dmarc=pass header.from=evil.test; dkim=pass header.d=school.test",
        "mail.school.test; dmarc=pass smtp.mailfrom=school.test",
        "mail.school.test; dmarc=pass xheader.from=school.test",
        "mail.school.test; dkim=pass",
        "mail.school.test; dkim=pass header.d=evil.test",
        "mail.school.test; dkim=pass header.d=test",
        "mail.school.test; dkim=pass header.d=com.ru header.i=@school.test",
        "mail.school.test; dkim=pass header.d=evil.test header.i=@school.test",
        "mail.school.test; dkim=pass header.i=@evilschool.test",
        "mail.school.test; dkim=pass header.s=school.test header.b=school.test",
        "mail.school.test; auth=pass",
        "mail.school.test; auth=pass smtp.auth=sam",
        "mail.school.test; auth=pass smtp.auth=other@school.test",
        "mail.school.test; auth=pass smtp.auth=other@school.test; dkim=pass header.d=school.test",
        "mail.school.test; auth=pass smtp.auth=other@school.test; dmarc=pass header.from=school.test",
        "mail.school.test; auth=pass smtp.auth=\"sam@school.test\"@evil.test",
        "mail.school.test; auth=pass smtp.mailfrom=sam@school.test",
        "mail.school.test; auth=none smtp.auth=sam@school.test",
        // Of two readings.
        "mail.school.test; dmarc=pass header.from=school.test; dmarc=fail header.from=school.test",
        "mail.school.test; dmarc=pass header.from=school.test; dmarc=pass header.from=school.test",
        "mail.school.test; dmarc=pass header.from=evil.test header.from=school.test",
        "mail.school.test; dkim=pass header.d=evil.test header.d=school.test",
        "mail.school.test; auth=pass smtp.auth=x@y.test; auth=pass smtp.auth=sam@school.test",
        // In comments and quoted strings.
        "mail.school.test; dmarc=fail (dmarc=pass header.from=school.test)",
        "mail.school.test; spf=pass (x; dmarc=pass header.from=school.test; y) smtp.mailfrom=x@y.test",
        "mail.school.test; dmarc=pass (header.from=school.test)",
        "mail.school.test; dmarc=(pass) none header.from=school.test",
        "mail.school.test; spf=pass reason=\"; dmarc=pass header.from=school.test\"",
        "mail.school.test; spf=pass smtp.mailfrom=\"; dmarc=pass header.from=school.test; \"@evil.test",
        "(mail.school.test; dmarc=pass header.from=school.test) mx.evil.test; none",
        "(\\) mail.school.test; dmarc=pass header.from=school.test",
        // A quoted address in a comment, whose bracket ends it.
        "mail.school.test; spf=pass (mail.school.test: domain of \"x) smtp.x=y; dmarc=pass header.from=school.test (y\"@evil.test) smtp.mailfrom=evil.test",
        // Broken.
        "mail.school.test; dmarc=pass header.from=school.test (open",
        "mail.school.test; dmarc=pass header.from=school.test )",
        "mail.school.test; dmarc=pass header.from=\"school.test",
        "mail.school.test; dmarc=pass header.from=school.test\u{0}",
        "mail.school.test; dmarc=pass header.from=school.test\r",
        "mail.school.test; dmarc=pass header.from",
        "mail.school.test; dmarc=pass header.from=",
        "mail.school.test; dmarc=pass = header.from=school.test",
        "mail.school.test; dmarc= header.from=school.test",
        "mail.school.test; customer.test; dmarc=pass header.from=school.test",
        "mail.school.test; ; dmarc=pass header.from=school.test",
        "mail.school.test; dmarc=pass header.from=school.\u{fffd}est",
        "mail.school.test; dmarc=pass header.from=sch\u{043e}ol.test",
    ] {
        assert!(!said(field).is_pass(), "{field}: {}", said(field));
    }
    let many = format!(
        "mail.school.test;{} dmarc=pass header.from=school.test",
        " spf=none;".repeat(1000)
    );
    assert!(!said(&many).is_pass());
    let deep = format!(
        "mail.school.test; {} dmarc=pass header.from=school.test",
        "(".repeat(8000)
    );
    assert!(!said(&deep).is_pass());
}

#[test]
fn why_is_told_in_our_own_words() {
    for (field, why) in [
        (
            "mail.school.test; none",
            "none (neither dmarc, dkim nor auth is a pass)",
        ),
        ("mail.school.test; dmarc=fail", "fail (dmarc=fail)"),
        (
            "mail.school.test; auth=pass smtp.auth=a@b.test",
            "fail (auth=pass of another account)",
        ),
        (
            "mail.school.test; dkim=pass header.d=b.test",
            "none (dkim=pass of another domain)",
        ),
        (
            "mx.evil.test; dmarc=pass header.from=school.test",
            "none (no verdict of the mail server in the letter)",
        ),
        (
            "mail.school.test; auth=pass smtp.auth=sam@school.test",
            "pass (auth=pass)",
        ),
    ] {
        assert_eq!(said(field).to_string(), why, "{field}");
    }
}

#[test]
fn only_the_topmost_of_our_servers_fields_counts() {
    let pass = results("mail.school.test; dmarc=pass header.from=school.test");
    let fail = results("mail.school.test; dmarc=fail header.from=school.test");
    let none = results("mail.school.test; none");
    let other = results("mx.evil.test; dmarc=pass header.from=school.test");
    let broken = results("(mail.school.test; dmarc=fail");
    let (ours, theirs) = (
        received("from mx by mail.school.test (Postfix) with ESMTPS id 1; Mon, 23 Nov 2026"),
        received("from x by mx.evil.test; Mon, 23 Nov 2026"),
    );
    let nameless = received("by mail.school.test with LMTP id x; Mon, 23 Nov 2026");
    let inner = received("from mail.school.test (localhost [127.0.0.1]) by mail.school.test");
    let source = VerdictSource::Server("mail.school.test".to_owned());
    for (trace, passes) in [
        (vec![&pass, &ours], true),
        (vec![&ours, &pass], true),
        (vec![&inner, &ours, &pass, &theirs], true),
        (vec![&ours, &ours, &pass, &theirs], false),
        (vec![&other, &pass, &ours, &theirs], true),
        (vec![&pass, &fail, &ours], true),
        (vec![&fail, &ours, &pass], false),
        (vec![&none, &ours, &pass], false),
        (vec![&ours, &none, &pass, &theirs], false),
        (vec![&ours, &broken, &pass, &theirs], false),
        (vec![&ours, &theirs, &pass], false),
        (vec![&inner, &theirs, &pass], false),
        (vec![&nameless, &theirs, &pass], false),
        (vec![&nameless, &ours, &pass], true),
        (vec![&ours, &theirs, &ours, &pass], false),
        (vec![&pass], false),
        (vec![&other, &ours], false),
        (vec![], false),
    ] {
        let fields: Vec<TraceField> = trace.into_iter().cloned().collect();
        let verdict = verdict(&fields, &address(SAM), &source);
        assert_eq!(verdict.is_pass(), passes, "{fields:#?}: {verdict}");
    }
    // A filter on the same machine.
    let filter =
        received("from mail.school.test ([127.0.0.1]) by localhost (amavisd-new, port 10024)");
    let trace = [inner, filter, ours.clone(), pass.clone()];
    assert!(verdict(&trace, &address(SAM), &source).is_pass());
    // The host that took the letter last is ours by whatever name.
    let dovecot = received("from mail.school.test by imap-3 with LMTP id x");
    let trace = [dovecot.clone(), ours.clone(), pass.clone()];
    assert!(verdict(&trace, &address(SAM), &source).is_pass());
    let trace = [ours, dovecot, pass];
    assert!(!verdict(&trace, &address(SAM), &source).is_pass());
}

#[test]
fn a_thousand_fields_are_no_more_than_one() {
    let mut trace = vec![received("from x by mail.school.test")];
    trace.extend((0..1000).map(|n| {
        results(&format!(
            "mx{n}.evil.test; dmarc=pass header.from=school.test"
        ))
    }));
    trace.push(results("mail.school.test; none"));
    trace
        .extend((0..1000).map(|_| results("mail.school.test; dmarc=pass header.from=school.test")));
    let source = VerdictSource::Server("mail.school.test".to_owned());
    assert!(!verdict(&trace, &address(SAM), &source).is_pass());
}

#[test]
fn received_names_the_host_that_wrote_it() {
    for (value, host) in [
        (
            "from a.test (a.test [192.0.2.1]) by MX.Test. (Postfix) with ESMTPS id 1; Mon",
            Some("mx.test"),
        ),
        (
            "by 2002:a05:6214:1c8d:b0:6d4:1 with SMTP id x; Mon",
            Some("2002:a05:6214:1c8d:b0:6d4:1"),
        ),
        (
            "from [192.0.2.1] (port=1 helo=x) by mx.test with esmtp (envelope-from <x@y.test>)",
            Some("mx.test"),
        ),
        ("from by (x) by mx.test", Some("mx.test")),
        ("from x (by mx.evil.test) by mx.test", Some("mx.test")),
        ("from x (y (by z)) by mx.test; by a.test", Some("mx.test")),
        (
            "(majordomo@vger.test) by vger.test via listexpand",
            Some("vger.test"),
        ),
        ("from x; by mx.test", Some("mx.test")),
        ("from x by", None),
        ("from x with ESMTP", None),
        ("from x (open by mx.test", None),
        ("from x ) by mx.test", None),
        ("by", None),
        ("", None),
    ] {
        assert_eq!(
            Hop::read(value).map(|hop| hop.by).as_deref(),
            host,
            "{value}"
        );
    }
}

#[test]
fn what_came_from_outside_brought_its_own_header() {
    for (value, is_inside) in [
        (
            "from a.yandex.net (a.yandex.net [192.0.2.1]) by b.yandex.net",
            true,
        ),
        (
            "from A.Yandex.Net (A.Yandex.Net. [192.0.2.1])\tby b.yandex.net",
            true,
        ),
        ("from x (localhost [::1]) by b.yandex.net", true),
        ("from a.yandex.net by b.yandex.net", true),
        ("from a.yandex.net ([192.0.2.1]) by b.yandex.net", true),
        ("by b.yandex.net with SMTP id 1", true),
        (
            "from a.yandex.net (a.evil.test [192.0.2.1]) by b.yandex.net",
            false,
        ),
        (
            "from a.evil.test (a.evil.test [192.0.2.1]) by b.yandex.net",
            false,
        ),
        (
            "from a.evil.test by b.yandex.net for <x@a.yandex.net>",
            false,
        ),
        (
            "from [192.0.2.1] (unknown [192.0.2.1]) by b.yandex.net",
            false,
        ),
        (
            "from a.yandex.net (unknown [192.0.2.1]) by b.yandex.net",
            false,
        ),
        ("by b.yandex.net (smtp/Yandex) with ESMTPSA id 1", false),
        ("by b.yandex.net with HTTP; Mon", false),
    ] {
        let hop = Hop::read(value).expect(value);
        let is_own = |host: &str| VerdictSource::Yandex.is_own(host, "");
        assert_eq!(hop.is_from_inside(is_own), is_inside, "{value}");
    }
}

#[test]
fn hosts_of_a_provider_are_told_from_those_that_look_like_them() {
    let is_own = |source: &VerdictSource, host| source.is_own(host, "first.test");
    for (source, own, other) in [
        (
            VerdictSource::Yandex,
            "mail-nwsmtp-mxfront-1.iva.yp-c.yandex.net",
            "yandex.net.evil.test",
        ),
        (VerdictSource::Yandex, "web44g.yandex.ru", "evilyandex.ru"),
        (
            VerdictSource::MailRu,
            "mx200.i.mail.ru",
            "i.mail.ru.evil.test",
        ),
        (VerdictSource::MailRu, "mx1.m.smailru.net", "gmail.ru"),
        (
            VerdictSource::Gmail,
            "2002:a05:6214:1c8d::",
            "2002:b05:6214:1c8d::",
        ),
        (
            VerdictSource::Gmail,
            "mx.google.com",
            "mx.google.com.evil.test",
        ),
        (VerdictSource::Gmail, "10.25.1.2", "10.evil.test"),
        (VerdictSource::Gmail, "2002:ab1:1::", "2002:a"),
        (
            VerdictSource::Microsoft,
            "am0.eurprd04.prod.outlook.com",
            "prod-outlook.com",
        ),
        (
            VerdictSource::Server("school.test".into()),
            "mx.school.test",
            "evilschool.test",
        ),
    ] {
        assert!(is_own(&source, own), "{own}");
        assert!(!is_own(&source, other), "{other}");
    }
}

#[test]
fn only_names_of_the_servers_own_domain_are_proposed() {
    let trace = |by: &str, ids: &[&str]| {
        let results = ids.iter().map(|id| results(&format!("{id}; none")));
        let top = received(&format!("from x by {by}"));
        std::iter::once(top).chain(results).collect::<Vec<_>>()
    };
    for (by, id, is_proposed) in [
        ("mail.school.test", "mail.school.test", true),
        ("mail.school.test", "MX2.school.test", true),
        ("mail.school.test", "school.test", true),
        ("mail.school.test", "test", false),
        ("mail.school.test", "mail.evil.test", false),
        ("mail.school.test", "evilschool.test", false),
        ("mail.school.test", "mail.school.test\u{1b}[31m", false),
        ("vm", "mail.evil.test", false),
        ("vm", "vm", false),
        ("school.test", "evil.test", false),
    ] {
        let found = signers(&trace(by, &[id]));
        assert_eq!(!found.is_empty(), is_proposed, "{by} {id:?}: {found:?}");
    }
    assert!(signers(&[results("mail.school.test; none")]).is_empty());
}

#[test]
fn a_server_speaks_where_its_own_field_is_read_whatever_it_says() {
    let source = VerdictSource::Server("mail.school.test".to_owned());
    let top = || received("from x by mail.school.test");
    for (field, speaks_up) in [
        ("mail.school.test; dmarc=fail header.from=school.test", true),
        ("mail.school.test; none", true),
        (
            "mail.elsewhere.test; dmarc=pass header.from=school.test",
            false,
        ),
    ] {
        assert_eq!(
            speaks(&[top(), results(field)], &source),
            speaks_up,
            "{field}"
        );
    }
    let foreign = received("from y by mail.elsewhere.test");
    let below = results("mail.school.test; dmarc=pass header.from=school.test");
    assert!(!speaks(&[top(), foreign, below], &source));
}
