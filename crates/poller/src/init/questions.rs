//! The five questions, and what is said once they are answered.

use std::path::Path;

use ninetosix_core::check::words;
use ninetosix_core::config::{Language, Words, answers};
use ninetosix_core::domain::address::EmailAddress;
use secrecy::SecretString;

use super::ask::{Asker, NoAnswer};
use super::providers::Service;

/// What was answered.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) address: EmailAddress,
    pub(super) service: Service,
    pub(super) servers: Option<Servers>,
    pub(super) application: Option<Application>,
    /// The password of the mailbox, or of the application.
    pub(super) secret: SecretString,
    pub(super) specialist: Specialist,
    pub(super) desk: String,
}

/// Servers that are written out.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) imap: String,
    pub(super) smtp: String,
    pub(super) ca_file: Option<String>,
    /// Whose Authentication-Results are believed, as a first guess.
    pub(super) authserv_id: String,
}

/// An application that gets tokens.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) token_url: String,
    pub(super) client_id: String,
}

/// The first specialist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Specialist {
    pub(super) login: String,
    pub(super) name: String,
    pub(super) address: EmailAddress,
}

/// Asks all five.
pub(super) fn ask(asker: &mut Asker<'_>) -> Result<Answers, NoAnswer> {
    let mailname = std::fs::read_to_string("/etc/mailname").unwrap_or_default();
    let likely = format!("help@{}", mailname.trim());
    // A bare host name is no domain that people write to.
    let is_likely = mailname.contains('.') && answers::address(&likely).is_ok();
    let likely = is_likely.then_some(likely);
    let question = words(
        "1/5 Адрес, на который пишут люди",
        "1/5 The address people write to",
    );
    let address = asker.ask(&question, likely.as_deref(), answers::address)?;
    let likely = Service::likely(address.domain());
    let service = asker.ask(&Service::question(), Some(&likely), |answer| {
        Service::read(answer, address.domain())
    })?;
    let servers = match service.provider() {
        Some(_) => None,
        None => Some(servers(asker, service, address.domain())?),
    };
    asker.tell(&service.missed_step())?;
    let application = match service {
        Service::Microsoft => Some(application(asker)?),
        _ => None,
    };
    let question = match application {
        None => words(
            "3/5 Пароль ящика (не показывается)",
            "3/5 The mailbox's password (not shown)",
        ),
        Some(_) => words(
            "3/5 Секрет приложения: значение, а не его номер (не показывается)",
            "3/5 The application's secret: its value, not its number (not shown)",
        ),
    };
    let secret = asker.ask_secret(&question, |answer| secret(answer, application.is_some()))?;
    let question = words(
        "4/5 Первый специалист: имя и личный адрес, например Иван Смирнов <ivan@school.example>",
        "4/5 The first specialist: name and personal address, such as Ivan Smirnov <ivan@school.example>",
    );
    let specialist = asker.ask(&question, None, |answer| specialist(answer, &address))?;
    let question = words("5/5 Как называется служба", "5/5 What the desk is called");
    let likely = match asker.language() {
        Language::Ru => "Служба поддержки",
        Language::En => "Support desk",
    };
    let desk = asker.ask(&question, Some(likely), name)?;
    Ok(Answers {
        address,
        service,
        servers,
        application,
        secret,
        specialist,
        desk,
    })
}

/// Asks for servers that no preset knows.
fn servers(asker: &mut Asker<'_>, service: Service, domain: &str) -> Result<Servers, NoAnswer> {
    let question = words(
        "Сервер входящей почты (IMAP)",
        "The server mail is read from (IMAP)",
    );
    let likely = format!("imaps://mail.{domain}:993");
    let (imap, server) = asker.ask(&question, Some(&likely), answers::imap)?;
    let question = words(
        "Сервер исходящей почты (SMTP)",
        "The server mail leaves by (SMTP)",
    );
    let likely = service.likely_smtp(&server.host);
    let (smtp, _) = asker.ask(&question, Some(&likely), answers::smtp)?;
    let none = match asker.language() {
        Language::Ru => "нет",
        Language::En => "none",
    };
    let question = words(
        "Файл с сертификатом своего центра (PEM), если сервер подписан им",
        "The file with the certificate of your own CA (PEM), if it signed the server's",
    );
    let ca_file = asker.ask(&question, Some(none), |answer| {
        if answer == none {
            return Ok(None);
        }
        match std::path::absolute(answer) {
            Ok(path) if path.is_file() => Ok(Some(path.display().to_string())),
            _ => Err(words(
                "Такого файла нет: впишите путь к нему или оставьте пустым.",
                "There is no such file: write its path, or leave this empty.",
            )),
        }
    })?;
    Ok(Servers {
        imap,
        smtp,
        ca_file,
        authserv_id: server.host,
    })
}

/// Asks what Microsoft 365 knows the application by.
fn application(asker: &mut Asker<'_>) -> Result<Application, NoAnswer> {
    let question = words(
        "Каталог организации (tenant): номер или домен, например school.onmicrosoft.com",
        "The organisation's directory (tenant): its number or a domain such as school.onmicrosoft.com",
    );
    let tenant = asker.ask(&question, None, tenant)?;
    let question = words(
        "Номер приложения (application, client ID)",
        "The application's number (application, client ID)",
    );
    let client_id = asker.ask(&question, None, |answer| {
        let id = is_guid(answer).then(|| answer.to_owned());
        id.ok_or_else(not_from_the_page)
    })?;
    Ok(Application {
        token_url: format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"),
        client_id,
    })
}

/// The number or a domain of an organisation; of what stands for many, such as `common`, an application gets no tokens.
fn tenant(answer: &str) -> Result<String, Words> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
    let is_domain = answer.contains('.') && answer.bytes().all(is_plain);
    let tenant = (is_domain || is_guid(answer)).then(|| answer.to_owned());
    tenant.ok_or_else(not_from_the_page)
}

/// A number as Microsoft writes it: 8-4-4-4-12 hex digits.
fn is_guid(text: &str) -> bool {
    let groups = text.split('-').map(|group| {
        let is_hex = group.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then_some(group.len())
    });
    groups.eq([8, 4, 4, 4, 12].map(Some))
}

fn not_from_the_page() -> Words {
    words(
        "Скопируйте его со страницы приложения (Overview), номер выглядит так: 00000000-0000-0000-0000-000000000000.",
        "Copy it from the application's page (Overview), a number is like 00000000-0000-0000-0000-000000000000.",
    )
}

fn secret(answer: &str, is_of_application: bool) -> Result<(), Words> {
    if answer.chars().any(char::is_control) {
        return Err(words(
            "Внутри управляющий знак: введите ещё раз.",
            "There is a control character in it: type it again.",
        ));
    }
    if is_of_application && is_guid(answer.trim()) {
        return Err(words(
            "Это номер секрета, а нужно его значение (Value); его видно один раз, когда секрет создают.",
            "That is the secret's number, and its value is wanted; it is shown once, when the secret is made.",
        ));
    }
    if answer.trim().is_empty() {
        return Err(words(
            "Без этого в ящик не войти.",
            "There is no way into the mailbox without it.",
        ));
    }
    Ok(())
}

/// A name for people to read.
fn name(answer: &str) -> Result<String, Words> {
    let is_plain = !answer.is_empty() && !answer.chars().any(char::is_control);
    if is_plain && answer.chars().count() <= 100 {
        return Ok(answer.to_owned());
    }
    Err(words(
        "Впишите название, до 100 знаков, без управляющих символов.",
        "Write a name of at most 100 characters, without control characters.",
    ))
}

/// `Name <address>`, or an address alone.
fn specialist(answer: &str, desk: &EmailAddress) -> Result<Specialist, Words> {
    let (name, address) = match answer.trim().strip_suffix('>') {
        Some(rest) => rest.rsplit_once('<').unwrap_or(("", rest)),
        None => answer.rsplit_once(' ').unwrap_or(("", answer)),
    };
    let address = answers::address(address)?;
    if address == *desk {
        return Err(words(
            "Это адрес самой службы: впишите личный, она не пишет сама себе.",
            "That is the address of the desk itself: write a personal one, it does not write to itself.",
        ));
    }
    let name = name.trim().trim_matches('"').trim();
    let name = if name.is_empty() {
        address.local()
    } else {
        name
    };
    Ok(Specialist {
        login: login(address.local()),
        name: self::name(name)?,
        address,
    })
}

/// A short name for commands, made of an address.
fn login(local: &str) -> String {
    let letters = local.chars().map(|c| match c {
        'a'..='z' | '0'..='9' | '_' => c,
        _ => '-',
    });
    let login: String = letters.take(32).collect();
    let login = login.trim_matches('-');
    if login.is_empty() { "first" } else { login }.to_owned()
}

/// What is said at the end.
pub(super) fn say(answers: &Answers, path: &Path) -> Vec<Words> {
    let place = path.display();
    let directory = path.parent().unwrap_or(Path::new(".")).display();
    let mut said = vec![words(
        format!("Записано: {place} и пароль в {directory}/mail.password (только для владельца)."),
        format!(
            "Written: {place}, and the password in {directory}/mail.password (for its owner alone)."
        ),
    )];
    if answers.servers.is_none() {
        let step = answers.service.missed_step();
        said.push(words(
            format!("Не забудьте. {}", step.ru),
            format!("Do not forget. {}", step.en),
        ));
    }
    said.push(words(
        format!("Теперь проверьте: ninetosix-poller check --config {place}"),
        format!("Now try it: ninetosix-poller check --config {place}"),
    ));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specialist_is_a_name_and_an_address() {
        let desk = EmailAddress::parse("help@school.example").expect("an address");
        for (answer, login, name) in [
            ("Иван Смирнов <ivan@school.example>", "ivan", "Иван Смирнов"),
            (
                "\"Smirnov, Ivan\" <ivan@school.example>",
                "ivan",
                "Smirnov, Ivan",
            ),
            ("Иван Смирнов ivan@school.example", "ivan", "Иван Смирнов"),
            ("I.Smirnov@school.example", "i-smirnov", "i.smirnov"),
            ("<+@school.example>", "first", "+"),
        ] {
            let found = specialist(answer, &desk).expect(answer);
            assert_eq!((found.login.as_str(), found.name.as_str()), (login, name));
        }
        for answer in [
            "",
            "Иван",
            "Иван <ivan>",
            "Help <help@school.example>",
            "a\u{7}b <i@x.example>",
        ] {
            assert!(specialist(answer, &desk).is_err(), "{answer:?}");
        }
    }
}
