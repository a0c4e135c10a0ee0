//! What to do about a mailbox that does not let us in.

use super::{Advice, Cure};
use crate::config::{Login, Mailbox};
use crate::oauth::TokenError;
use crate::tls::Fault;

/// Returns the advice about a mail server that refused what we log in with.
pub fn login(mailbox: &Mailbox) -> Advice {
    match mailbox.login {
        Login::Password(_) => Cure::Login.into(),
        Login::Application(_) => Cure::ApplicationRights.into(),
    }
}

/// Returns the advice about a token that did not come.
pub fn token(error: &TokenError) -> Advice {
    let unreachable = || Cure::Unreachable.about("mailbox.oauth.token_url");
    match error {
        TokenError::Refused(_) | TokenError::NotUnderstood(_) => Cure::Application.into(),
        TokenError::Unreachable(_) | TokenError::Timeout => unreachable(),
        TokenError::Tls { fault, .. } => match fault {
            Fault::Time => Cure::CertificateTime.into(),
            Fault::Issuer => Cure::TokenCertificateIssuer.into(),
            Fault::Name | Fault::NoTls | Fault::NotPinned | Fault::Other => unreachable(),
        },
        TokenError::Busy(_) => Cure::ServerTrouble.into(),
    }
}
