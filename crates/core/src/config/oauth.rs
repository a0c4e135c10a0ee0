//! `[mailbox.oauth]`: the application that gets tokens in place of a password.

use url::Url;

use super::problem::{Flaw, words};
use super::reader::Section;
use super::secret::Secrets;
use super::settings::Application;

/// The application of one table, or nothing after noting why. `usual_scope` is what the provider wants asked for.
pub(super) fn application(
    section: &Section<'_>,
    secrets: &Secrets<'_>,
    usual_scope: Option<&str>,
) -> Option<Application> {
    let cure = words!(
        "впишите адрес, по которому выдают токены; у Microsoft 365 это https://login.microsoftonline.com/КАТАЛОГ/oauth2/v2.0/token, где КАТАЛОГ — номер или домен организации",
        "write the address where tokens are given out; Microsoft 365 has https://login.microsoftonline.com/TENANT/oauth2/v2.0/token, where TENANT is the organisation's number or domain"
    );
    let token_url = section.required("token_url", cure);
    let token_url = token_url.and_then(|text| section.ok("token_url", token_url_in(&text)));
    let cure = words!(
        "впишите client_id, под которым приложение зарегистрировано",
        "write the client_id that the application is registered under"
    );
    let client_id = section.required("client_id", cure);
    let client_secret = secrets.required(section, "client_secret_file");
    let scope = if section.has("scope") {
        Some(section.text("scope")?)
    } else {
        usual_scope.map(str::to_owned)
    };
    Some(Application {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        scope,
    })
}

/// RFC 6749 section 3.2: nothing but TLS, and no fragment. No part of it is quoted: a secret may be in it.
fn token_url_in(text: &str) -> Result<Url, Flaw> {
    let url = Url::parse(text.trim()).ok();
    let is_sound = |url: &Url| {
        let is_plain = url.username().is_empty() && url.password().is_none();
        url.scheme() == "https" && url.has_host() && is_plain && url.fragment().is_none()
    };
    url.filter(is_sound).ok_or_else(|| {
        Flaw::new(
            words!(
                "это не адрес вида https://СЕРВЕР/ПУТЬ",
                "this is no address such as https://HOST/PATH"
            ),
            words!(
                "скопируйте его со страницы приложения, без имени и пароля",
                "copy it from the application's page, without user and password"
            ),
        )
    })
}
