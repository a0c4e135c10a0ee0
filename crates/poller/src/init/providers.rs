//! The mail services that people have, what each needs in the configuration, and the one step that is missed with each.

use ninetosix_core::check::words;
use ninetosix_core::config::Words;

/// A mail service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Yandex,
    MailRu,
    Gmail,
    Microsoft,
    Own,
    Exchange,
}

/// Mail services in the order of the menu, by the names that scripts may answer with.
const MENU: [(&str, Service); 6] = [
    ("yandex", Service::Yandex),
    ("mailru", Service::MailRu),
    ("gmail", Service::Gmail),
    ("microsoft", Service::Microsoft),
    ("own", Service::Own),
    ("exchange", Service::Exchange),
];

/// Domains of mailboxes that people have without one of their own.
const DOMAINS: [(&str, Service); 14] = [
    ("yandex.ru", Service::Yandex),
    ("ya.ru", Service::Yandex),
    ("yandex.com", Service::Yandex),
    ("mail.ru", Service::MailRu),
    ("inbox.ru", Service::MailRu),
    ("bk.ru", Service::MailRu),
    ("list.ru", Service::MailRu),
    ("vk.com", Service::MailRu),
    ("gmail.com", Service::Gmail),
    ("googlemail.com", Service::Gmail),
    ("outlook.com", Service::Microsoft),
    ("hotmail.com", Service::Microsoft),
    ("live.com", Service::Microsoft),
    ("onmicrosoft.com", Service::Microsoft),
];

/// Domains of Microsoft's without an organisation whose administrator could let an application in.
const PERSONAL: [&str; 3] = ["outlook.com", "hotmail.com", "live.com"];

impl Service {
    /// What is asked, as a menu.
    pub(super) fn question() -> Words {
        words(
            "2/5 Где живёт этот ящик?\n\
             \x20 1 Яндекс (и Яндекс 360)\n\
             \x20 2 Mail.ru, VK WorkMail\n\
             \x20 3 Gmail, Google Workspace\n\
             \x20 4 Microsoft 365\n\
             \x20 5 свой сервер: Dovecot, Postfix и другие\n\
             \x20 6 свой Exchange\n\
             Номер",
            "2/5 Where is this mailbox?\n\
             \x20 1 Yandex (and Yandex 360)\n\
             \x20 2 Mail.ru, VK WorkMail\n\
             \x20 3 Gmail, Google Workspace\n\
             \x20 4 Microsoft 365\n\
             \x20 5 a server of your own: Dovecot, Postfix and others\n\
             \x20 6 an Exchange of your own\n\
             Number",
        )
    }

    /// The likeliest one for an address, as its number.
    pub(super) fn likely(domain: &str) -> String {
        let known = DOMAINS.iter().find(|(known, _)| *known == domain);
        let service = known.map_or(Service::Yandex, |(_, service)| *service);
        let at = MENU.iter().position(|(_, other)| *other == service);
        (at.unwrap_or_default() + 1).to_string()
    }

    /// The one that was answered, by number or name, for an address of this domain.
    pub(super) fn read(answer: &str, domain: &str) -> Result<Service, Words> {
        let answer = answer.to_lowercase();
        let by_number = answer.parse::<usize>().ok();
        let by_number = by_number.and_then(|number| MENU.get(number.checked_sub(1)?));
        let by_name = MENU.iter().find(|(name, _)| *name == answer);
        match by_number.or(by_name) {
            Some((_, Service::Microsoft)) if PERSONAL.contains(&domain) => Err(words(
                "В личный ящик (outlook.com, hotmail.com, live.com) Microsoft ни пароль, ни приложение не впустит: возьмите другой и начните заново (Ctrl+C).",
                "Microsoft lets neither a password nor an application into a personal mailbox (outlook.com, hotmail.com, live.com): take another and begin anew (Ctrl+C).",
            )),
            Some((_, service)) => Ok(*service),
            None => Err(words(
                "Ответьте номером от 1 до 6.",
                "Answer with a number from 1 to 6.",
            )),
        }
    }

    /// The value of `provider`; none for servers that are written out.
    pub(super) fn provider(self) -> Option<&'static str> {
        match self {
            Service::Yandex => Some("yandex"),
            Service::MailRu => Some("mailru"),
            Service::Gmail => Some("gmail"),
            Service::Microsoft => Some("microsoft"),
            Service::Own | Service::Exchange => None,
        }
    }

    /// Where letters most likely leave by a server whose IMAP is at `host`.
    pub(super) fn likely_smtp(self, host: &str) -> String {
        match self {
            Service::Exchange => format!("smtp+starttls://{host}:587"),
            _ => format!("smtps://{host}:465"),
        }
    }

    /// The step that people miss.
    pub(super) fn missed_step(self) -> Words {
        match self {
            Service::Yandex => words(
                "Яндекс: в настройках почты («Почтовые программы») включите доступ по IMAP и создайте пароль приложения; \
                 обычный пароль не подойдёт. В Яндекс 360 для бизнеса доступ программ сначала разрешает администратор организации.",
                "Yandex: switch IMAP on in the mail settings (\"Email clients\") and make an app password; the usual password will \
                 not do. In Yandex 360 for Business the organisation's administrator allows mail clients first.",
            ),
            Service::MailRu => words(
                "Mail.ru и VK WorkMail: создайте «пароль для внешнего приложения» с доступом к почте (IMAP и SMTP); обычный пароль \
                 не подойдёт. В VK WorkSpace доступ внешних программ разрешает администратор.",
                "Mail.ru and VK WorkMail: make a \"password for an external application\" with access to mail (IMAP and SMTP); the \
                 usual password will not do. In VK WorkSpace the administrator allows external programs.",
            ),
            Service::Gmail => words(
                "Gmail: включите двухэтапную аутентификацию и создайте пароль приложения; без неё пароля приложения нет, обычный не \
                 подойдёт. В Google Workspace пароли приложений может запрещать администратор. Помните о 152-ФЗ: серверы за границей.",
                "Gmail: switch 2-step verification on and make an app password; without it there are none, and the usual password \
                 will not do. In Google Workspace the administrator may forbid app passwords. Russian 152-FZ: its servers are abroad.",
            ),
            Service::Microsoft => words(
                "Microsoft 365 пускает не с паролем, а приложение с токенами. Зарегистрируйте его в Entra ID, дайте разрешения приложения \
                 IMAP.AccessAsApp и SMTP.SendAsApp (Office 365 Exchange Online) с согласием администратора. И впустите его в ящик в \
                 PowerShell: New-ServicePrincipal (ObjectId корпоративного приложения, а не регистрации), Add-MailboxPermission … \
                 -AccessRights FullAccess, Set-CASMailbox … -SmtpClientAuthenticationDisabled $false. Помните о 152-ФЗ: серверы за границей.",
                "Microsoft 365 lets in no password, but an application with tokens. Register one in Entra ID, give it the application \
                 permissions IMAP.AccessAsApp and SMTP.SendAsApp (Office 365 Exchange Online) with the administrator's consent. And let \
                 it into the mailbox in PowerShell: New-ServicePrincipal (with the object ID of the enterprise application, not of the \
                 registration), Add-MailboxPermission … -AccessRights FullAccess, Set-CASMailbox … \
                 -SmtpClientAuthenticationDisabled $false. Russian 152-FZ: its servers are abroad.",
            ),
            Service::Own => words(
                "Свой сервер: если его сертификат выдал ваш собственный центр, назовите его файл в ca_file. И сервер должен ставить в \
                 каждое письмо Authentication-Results под именем из trusted_authserv_id, иначе специалистов не узнать.",
                "A server of your own: if a CA of your own signed its certificate, name its file in ca_file. And the server must write \
                 Authentication-Results into every letter under the name in trusted_authserv_id, or no specialist is recognised.",
            ),
            Service::Exchange => words(
                "Exchange: служба IMAP по умолчанию выключена. Включите и запустите обе: MSExchangeIMAP4 и MSExchangeIMAP4BE \
                 (Set-Service … -StartupType Automatic; Start-Service …), и разрешите ящику IMAP (Set-CASMailbox … -ImapEnabled $true).",
                "Exchange: its IMAP service is off by default. Switch on and start both MSExchangeIMAP4 and MSExchangeIMAP4BE \
                 (Set-Service … -StartupType Automatic; Start-Service …), and allow IMAP to the mailbox (Set-CASMailbox … -ImapEnabled $true).",
            ),
        }
    }
}
