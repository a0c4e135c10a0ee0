//! What `check` advises, all of it in one place: what a person is told to do, in both languages, and a word for scripts that
//! stays the same. A whole-system test provokes each.

use serde::Serialize;

use super::words;
use crate::config::Words;

/// Makes [`Cure`] of names and words; `{}` stands for what it is about.
macro_rules! cures {
    ($($(#[$doc:meta])* $name:ident => $ru:literal, $en:literal;)*) => {
        /// A piece of advice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Cure {
            $($(#[$doc])* $name,)*
        }

        impl Cure {
            /// Every one of them.
            pub const ALL: &[Cure] = &[$(Cure::$name,)*];

            fn texts(self) -> (&'static str, &'static str) {
                match self {
                    $(Cure::$name => ($ru, $en),)*
                }
            }
        }
    };
}

cures! {
    /// The configuration cannot be used, which says what to do itself.
    Configuration => "{}", "{}";
    /// The configuration may be changed by others than its owner.
    ConfigurationOpen =>
        "закройте его для чужой правки: chmod go-w {}",
        "let nobody else change it: chmod go-w {}";
    /// Next year's production calendar is due.
    CalendarYear =>
        "возьмите календарь на {} год: ninetosix-worker calendar import; до тех пор год считается по одной ст. 112 ТК РФ, и сроки в нём предварительные",
        "take over the calendar of {}: ninetosix-worker calendar import; until then the year is counted by art. 112 alone, and its dates are provisional";
    /// Hours changed, and their approval did not.
    HoursApproval =>
        "утвердите новый график (ninetosix-worker schedule) и впишите дату в hours.approved_on, или верните часы",
        "have the new schedule approved (ninetosix-worker schedule) and write its date into hours.approved_on, or restore the hours";
    /// The file with the key of tokens is of no use.
    TokenKey => "{}", "{}";
    /// No mail server vouches for specialists.
    TokenAlone =>
        "годится, только если почтовая система закрыта: чужой не может отправить письмо с адреса сотрудника",
        "fit for closed mail systems only, where nobody else can send with a colleague's address";
    /// Nobody gets alerts.
    Operator =>
        "впишите [operator] address = \"…\": туда придёт письмо, если почта не читается, диск полон или провайдер отказывает",
        "write [operator] address = \"…\": a letter goes there if mail cannot be read, the disk is full or the provider refuses";
    /// The operator's command cannot be run.
    OperatorCommand =>
        "проверьте путь в [operator] command и право этого пользователя запускать программу",
        "check the path in [operator] command, and that this user may run the program";
    /// Personal data go to servers abroad.
    ForeignHost =>
        "152-ФЗ, ст. 18 ч. 5: персональные данные граждан РФ собирают в базы на территории России; возьмите ящик у российской службы или на своём сервере",
        "Federal Law 152-FZ art. 18 (5): personal data of Russian citizens are collected into databases in Russia; use a mailbox of a Russian provider or on a server of your own";
    /// Letters wait at an address that is not configured.
    Strays =>
        "верните [[mailbox]] этого адреса или отмените письма: ninetosix-worker letters cancel",
        "put back the [[mailbox]] of that address, or cancel the letters: ninetosix-worker letters cancel";
    /// Nothing leaves a restored database.
    Quiet =>
        "посмотрите, что ушло бы: ninetosix-worker resume; затем: ninetosix-worker resume --yes",
        "look what would leave: ninetosix-worker resume; then: ninetosix-worker resume --yes";
    /// Receipts promised something else.
    Promises =>
        "посмотрите каждое: ninetosix-worker tickets show НОМЕР; верните часы или предупредите авторов",
        "look at each: ninetosix-worker tickets show NUMBER; put the hours back, or tell the writers";
    /// The database's schema is older.
    Migrate =>
        "выполните: ninetosix-worker migrate",
        "run: ninetosix-worker migrate";
    /// The database's schema is newer.
    NewerProgram =>
        "запустите ту версию программы, которая её создала, или новее",
        "run the version that made it, or a later one";
    /// The database cannot be reached.
    Database =>
        "проверьте database.url, что сервер запущен и что каталог доступен на запись",
        "check database.url, that the server runs and that the directory is writable";
    /// There is no directory for the database.
    DatabaseDirectory =>
        "создайте каталог для пользователя службы или поправьте database.url",
        "make the directory for the service's user, or correct database.url";
    /// Tables cannot be read.
    DatabaseRights =>
        "проверьте права этого пользователя на базу данных и целы ли её таблицы",
        "check this user's rights on the database, and that its tables are whole";
    /// Others may read all letters.
    DatabaseOpen =>
        "chmod 700 {} (владелец — пользователь службы): там письма людей",
        "chmod 700 {} (owned by the service's user): people's letters are in there";
    /// PostgreSQL forgets what it confirmed.
    SynchronousCommit =>
        "включите в PostgreSQL synchronous_commit = on: иначе после сбоя питания подтверждённые письма пропадут",
        "set synchronous_commit = on in PostgreSQL: without it letters that were confirmed are lost when the power fails";
    /// PostgreSQL writes nothing to the disk in time.
    Fsync =>
        "включите в PostgreSQL fsync = on: без него сбой питания портит базу",
        "set fsync = on in PostgreSQL: without it a power failure spoils the database";
    /// The daemons could not write their files.
    StateDirectory =>
        "дайте пользователю службы право писать в {}: chown ninetosix {}",
        "let the service's user write to {}: chown ninetosix {}";
    /// Root may do everything, which says nothing of the service.
    OtherUser =>
        "повторите от пользователя службы: sudo -u '#{}' …; права root ничего не говорят о её правах",
        "repeat it as the service's user: sudo -u '#{}' …; what root may do says nothing of it";
    /// The disk is full, or soon.
    Disk =>
        "освободите место; когда его нет, письма остаются на почтовом сервере и ждут",
        "free some space; without it letters stay on the mail server and wait";
    /// The clock is not PostgreSQL's.
    ClockDiffers =>
        "настройте chrony или systemd-timesyncd на обеих машинах: пока часы расходятся, письма рабочих часов не уходят",
        "set up chrony or systemd-timesyncd on both machines: while the clocks differ, letters of business hours do not leave";
    /// Nothing keeps the clock.
    ClockUnwatched =>
        "поставьте chrony или systemd-timesyncd (в контейнере — на его машине): неверных часов с SQLite заметить нечем",
        "install chrony or systemd-timesyncd (for a container, on its host): with SQLite a clock that is off cannot be noticed";
    /// Certificates of the operator's own cannot be used.
    CaFile => "проверьте ca_file: там должны быть сертификаты в виде PEM", "check ca_file: it must hold certificates as PEM";
    /// The mail server does not answer.
    Unreachable =>
        "проверьте {}: имя, порт и доступность сервера отсюда (брандмауэр, DNS)",
        "check {}: name, port, and that the server can be reached from here (firewall, DNS)";
    /// No TLS at this port.
    NotTls =>
        "на этом порту не TLS: для порта 143 или 587 пишут imap+starttls:// или smtp+starttls://, для imaps:// и smtps:// — порт 993 и 465",
        "this port speaks no TLS: ports 143 and 587 go with imap+starttls:// and smtp+starttls://, imaps:// and smtps:// with 993 and 465";
    /// STARTTLS is missing.
    StartTls =>
        "используйте imaps:// (порт 993) и smtps:// (порт 465); если STARTTLS там был, его убирает кто-то по дороге",
        "use imaps:// (port 993) and smtps:// (port 465); if STARTTLS used to be there, somebody on the way takes it away";
    /// The certificate's time is over or has not come.
    CertificateTime =>
        "сертификат продлевает владелец сервера; проверьте и часы этой машины",
        "the server's owner renews the certificate; check this machine's clock too";
    /// The certificate is another host's.
    CertificateName =>
        "впишите имя сервера так, как оно стоит в сертификате; IP-адрес и псевдоним не подходят",
        "write the server's name as its certificate has it; an IP address or an alias will not do";
    /// Nobody known signed the certificate.
    CertificateIssuer =>
        "своему центру сертификации доверяют через ca_file, самоподписанному сертификату — через fingerprints; сервер должен отдавать и промежуточный сертификат",
        "trust a CA of your own by ca_file, a self-signed certificate by fingerprints; the server must send the intermediate certificate too";
    /// It is not the certificate that was pinned.
    CertificatePinned =>
        "если сертификат сменили вы, впишите в fingerprints новый отпечаток; если не вы — не входите",
        "if you changed the certificate, write the new one's fingerprint into fingerprints; if not, do not log in";
    /// TLS failed otherwise.
    Tls =>
        "проверьте имя и порт сервера; он должен уметь TLS 1.2 или новее, а его сертификат — быть сертификатом сервера (serverAuth)",
        "check the server's name and port; it must speak TLS 1.2 or newer, and its certificate be for servers (serverAuth)";
    /// The password is refused.
    Login =>
        "проверьте user и password_file; у Яндекса, Mail.ru и Gmail нужен пароль приложения и включённый доступ по IMAP",
        "check user and password_file; Yandex, Mail.ru and Gmail need an app password and IMAP switched on";
    /// No way to log in that we know.
    LoginMethod =>
        "включите на сервере вход по паролю (PLAIN или LOGIN) поверх TLS, а с [mailbox.oauth] — по токену (XOAUTH2): других способов эта версия не знает",
        "switch on login by password (PLAIN or LOGIN) over TLS at the server, or by token (XOAUTH2) with [mailbox.oauth]: this version knows no other way";
    /// The application gets no token.
    Application =>
        "проверьте token_url, client_id, scope и секрет приложения: он действует не дольше срока, с которым его создали (в Microsoft 365 до двух лет); новый создают на странице приложения",
        "check token_url, client_id, scope and the application's secret: it holds no longer than it was made for (two years at most in Microsoft 365); a new one is made on the application's page";
    /// Nobody known signed the certificate of the server that gives out tokens.
    TokenCertificateIssuer =>
        "своему центру сертификации доверяют через ca_file этого ящика; fingerprints касаются только почтовых серверов",
        "trust a CA of your own by ca_file of this mailbox; fingerprints count for mail servers alone";
    /// The application gets a token, and the mailbox does not let it in.
    ApplicationRights =>
        "проверьте user и впустите приложение в ящик; в Microsoft 365: разрешения IMAP.AccessAsApp и SMTP.SendAsApp с согласием администратора, затем New-ServicePrincipal (ObjectId корпоративного приложения, а не регистрации), Add-MailboxPermission … -AccessRights FullAccess и Set-CASMailbox … -SmtpClientAuthenticationDisabled $false",
        "check user and let the application into the mailbox; in Microsoft 365: the permissions IMAP.AccessAsApp and SMTP.SendAsApp with the administrator's consent, then New-ServicePrincipal (with the object ID of the enterprise application, not of the registration), Add-MailboxPermission … -AccessRights FullAccess, and Set-CASMailbox … -SmtpClientAuthenticationDisabled $false";
    /// The server refuses to serve, or talks nonsense.
    ServerTrouble =>
        "повторите через несколько минут; если не пройдёт, спросите владельца сервера с этими словами",
        "repeat in some minutes; if it stays, ask the server's owner with these words";
    /// No folder for spam.
    SpamFolder =>
        "уберите \"spam\" из folders или назовите папку её именем",
        "take \"spam\" out of folders, or name the folder itself";
    /// A folder is not there.
    Folder => "проверьте имя папки в folders", "check the folder's name in folders";
    /// No folder of sent mail.
    SentFolder =>
        "заведите папку «Отправленные» или уберите sent_copy",
        "make a folder \"Sent\", or remove sent_copy";
    /// There is no letter to see a verdict in.
    VerdictUnseen =>
        "пришлите туда письмо, хотя бы так: ninetosix-poller check --send {}, и повторите: по нему видно, ставит ли сервер Authentication-Results",
        "send a letter there, if only so: ninetosix-poller check --send {}, and repeat: it shows whether the server writes Authentication-Results";
    /// The mail server says nothing of senders.
    VerdictMissing =>
        "впишите в trusted_authserv_id имя, которым подписывается ваш сервер, или включите на нём проверку SPF, DKIM и DMARC; без неё ни один специалист не будет узнан",
        "write into trusted_authserv_id the name your server signs with, or let it check SPF, DKIM and DMARC; without that no specialist is recognised";
    /// The recipient's address is refused.
    SendRecipient =>
        "проверьте адрес после --send",
        "check the address after --send";
    /// The account may not send.
    SendAccount =>
        "узнайте у провайдера, почему он не берёт письма с этого адреса: разрешена ли отправка, не превышен ли предел, тот ли это ящик",
        "ask the provider why it takes no letters from this address: whether sending is allowed, a limit is used up, or the mailbox is another's";
    /// Not taken now, or not known whether it was.
    SendAgain =>
        "повторите позже; посмотрите, не пришло ли письмо всё же",
        "repeat later; look whether the letter came all the same";
    /// Sent, and not seen to come in.
    NotArrived =>
        "поищите письмо во всех папках ящика; если сервер его взял и не доставил, причина в его журнале",
        "look for the letter in every folder of the mailbox; if the server took it and did not deliver it, its log says why";
}

/// What to do about a fact.
#[derive(Debug, Clone)]
pub struct Advice {
    pub(super) cure: Cure,
    pub(super) words: Words,
}

impl Cure {
    /// The advice about this file, directory, key or year.
    pub fn about(self, subject: impl std::fmt::Display) -> Advice {
        let subject = subject.to_string();
        let (ru, en) = self.texts();
        Advice {
            cure: self,
            words: words(ru.replace("{}", &subject), en.replace("{}", &subject)),
        }
    }

    /// The advice in words that were found elsewhere.
    pub(super) fn saying(self, words: Words) -> Advice {
        Advice { cure: self, words }
    }
}

impl From<Cure> for Advice {
    fn from(cure: Cure) -> Advice {
        let (ru, en) = cure.texts();
        cure.saying(words(ru, en))
    }
}
