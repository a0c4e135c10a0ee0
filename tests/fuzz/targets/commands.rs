//! Any words of a specialist are commands, an answer or an error, never a panic; what is certain to be no command
//! loses no line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ninetosix_core::domain::command::parse;
use ninetosix_core::domain::text::CleanText;

fuzz_target!(|text: &str| {
    let text = CleanText::new(text);
    if let Ok(instructions) = parse(text.as_str()) {
        let has_sign = text.as_str().contains(['#', '№', '＃']);
        if !has_sign && !text.is_empty() {
            assert_eq!(instructions.answer().unwrap_or_default(), text.as_str().trim());
        }
    }
});
