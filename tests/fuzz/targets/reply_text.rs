//! Whatever a reply looks like, a sentinel of ours is never among words that are certain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ninetosix_core::domain::reply_text::{ReplyContext, new_words, reply_text, requester_text};
use ninetosix_core::domain::thanks::is_only_thanks;
use ninetosix_core::domain::text::CleanText;

fuzz_target!(|text: &str| {
    let text = CleanText::new(text);
    for is_reply in [true, false] {
        let context = ReplyContext { is_reply, author: "Anna" };
        if let Some(words) = reply_text(text.as_str(), context).certain() {
            assert!(!words.contains("[=="), "{words:?}");
        }
        let kept = requester_text(text.as_str(), context);
        assert!(text.is_empty() || !kept.is_empty(), "a letter became empty");
    }
    // Lines are left out and never made up.
    for is_reply in [true, false] {
        let words = new_words(text.as_str(), ReplyContext { is_reply, author: "Anna" });
        assert!(words.lines().all(|line| text.as_str().contains(line)), "{words:?}");
        assert!(!(is_only_thanks(&words) && words.contains('?')), "{words:?}");
    }
});
