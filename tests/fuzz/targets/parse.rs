//! Any bytes are a letter: reading one neither panics nor hangs, and what comes out of it is clean.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ninetosix_core::mail::explain::Explainer;
use ninetosix_core::mail::parse::parse;

fuzz_target!(|raw: &[u8]| {
    let explainer = Explainer::default();
    let explained = explainer.explain(raw, |_| false).expect("built-in texts can be rendered");
    for text in [&explained.subject, &explained.from_name, &explained.text] {
        assert!(
            !text.contains(['\0', '\r', '\u{202e}', '\u{200b}']),
            "not clean: {text:?}"
        );
    }
    assert!(!explained.subject.contains('\n') && !explained.message_id.is_empty());
    for file in parse(raw).attachments {
        let name = file.name;
        assert!(
            !name.is_empty() && !name.contains(['/', '\\', '\n']),
            "not a file name: {name:?}"
        );
    }
});
