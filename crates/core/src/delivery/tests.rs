//! What the loop makes of a session that did not come about.

use super::needs_operator;
use crate::oauth::TokenError;
use crate::smtp::DialError;

#[test]
fn what_an_operator_must_mend_is_not_tried_again_soon() {
    for (error, expected) in [
        (TokenError::Refused("no".to_owned()), true),
        (TokenError::NotUnderstood("no"), true),
        (TokenError::Busy("HTTP 503".to_owned()), false),
        (TokenError::Timeout, false),
    ] {
        let error = DialError::Token(error);
        assert_eq!(needs_operator(&error), expected, "{error}");
    }
}
