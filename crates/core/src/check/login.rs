//! What to do about a mailbox that does not let us in.

use super::{Advice, Cure, encryption};
use crate::config::{Login, Mailbox};
use crate::oauth::TokenError;

/// Returns the advice about a mail server that refused what we log in with.
pub fn login(mailbox: &Mailbox) -> Advice {
    match mailbox.login {
        Login::Password(_) => Cure::Login.into(),
        Login::Application(_) => Cure::ApplicationRights.into(),
    }
}

/// Returns the advice about a token that did not come.
pub fn token(error: &TokenError) -> Advice {
    match error {
        TokenError::Refused(_) => Cure::Application.into(),
        TokenError::Unreachable(_) | TokenError::Timeout => {
            Cure::Unreachable.about("mailbox.oauth.token_url")
        }
        TokenError::Tls { fault, .. } => encryption(*fault).into(),
        TokenError::Busy(_) | TokenError::NotUnderstood(_) => Cure::ServerTrouble.into(),
    }
}
