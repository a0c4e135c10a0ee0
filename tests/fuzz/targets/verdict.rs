//! Whatever stands in Authentication-Results, only a field of the server that is asked vouches, and only for its own domain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ninetosix_core::domain::address::EmailAddress;
use ninetosix_core::domain::verdict::{TraceField, TraceName, VerdictSource, verdict};

fuzz_target!(|text: &str| {
    let from = EmailAddress::parse("sam@school.test").expect("plain");
    let field = |name, value: &str| TraceField { name, value: value.to_owned() };
    // Each line is a field; those that begin with `+` are Received.
    let mut trace = vec![field(TraceName::Received, "from x by mail.school.test")];
    trace.extend(text.lines().map(|line| match line.strip_prefix('+') {
        Some(value) => field(TraceName::Received, value),
        None => field(TraceName::AuthenticationResults, line),
    }));
    let server = VerdictSource::Server("mail.school.test".to_owned());
    let has = |words: &str| text.to_ascii_lowercase().contains(words);
    for source in [server, VerdictSource::Yandex, VerdictSource::MailRu, VerdictSource::Gmail, VerdictSource::Microsoft] {
        if verdict(&trace, &from, &source).is_pass() {
            assert!(has("pass") && (has("dmarc") || has("dkim") || has("auth")), "{text:?}");
        }
    }
});
