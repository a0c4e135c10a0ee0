//! `check`: the configuration tried against the live servers, one line a fact, every ✗ with its cure, in the
//! operator's language.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::approval;
use crate::config::{Database, Language, Mailbox, Require, Settings, Words, token_key_trouble};
use crate::domain::calendar::Calendar;
use crate::domain::calendar::approved::Standing;
use crate::domain::letter::Lane;
use crate::domain::verdict::VerdictSource;
use crate::mail::moment::Moments;
use crate::smtp::{DialError, SmtpSession, Timeouts};
use crate::store::{SchemaState, Store, StoreError};
use crate::tell;

/// So many tickets are named in a line.
const SHOWN_MOVED: usize = 10;

/// How a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, but the operator should know.
    Warning,
    /// It does not work.
    Bad,
}

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// How it stands.
    pub verdict: Verdict,
    /// What was looked at, and what was seen.
    pub what: String,
    /// What to do about it.
    pub cure: Option<String>,
}

/// The facts found so far.
#[derive(Debug)]
pub struct Report {
    language: Language,
    facts: Vec<Fact>,
}

impl Report {
    /// Returns an empty report in `language`.
    pub fn new(language: Language) -> Report {
        Report {
            language,
            facts: Vec::new(),
        }
    }

    /// Notes what is as it should be.
    pub fn good(&mut self, what: Words) {
        self.push(Verdict::Good, what, None);
    }

    /// Notes what the operator should know.
    pub fn warning(&mut self, what: Words, cure: Words) {
        self.push(Verdict::Warning, what, Some(cure));
    }

    /// Notes what does not work.
    pub fn bad(&mut self, what: Words, cure: Words) {
        self.push(Verdict::Bad, what, Some(cure));
    }

    fn push(&mut self, verdict: Verdict, what: Words, cure: Option<Words>) {
        self.facts.push(Fact {
            verdict,
            what: what.of(self.language).to_owned(),
            cure: cure.map(|cure| cure.of(self.language).to_owned()),
        });
    }

    /// Prints the report, as text or as one JSON object a line, and returns whether all is well.
    pub fn print(&self, json: bool) -> bool {
        for fact in &self.facts {
            if json {
                tell!(
                    "{}",
                    serde_json::to_string(fact).expect("a fact is plain strings")
                );
                continue;
            }
            let mark = match fact.verdict {
                Verdict::Good => '✓',
                Verdict::Warning => '!',
                Verdict::Bad => '✗',
            };
            match &fact.cure {
                Some(cure) => tell!("{mark} {}\n    → {cure}", fact.what),
                None => tell!("{mark} {}", fact.what),
            }
        }
        self.facts.iter().all(|fact| fact.verdict != Verdict::Bad)
    }
}

/// Returns words in both languages.
pub fn words(ru: impl Into<String>, en: impl Into<String>) -> Words {
    Words {
        ru: ru.into(),
        en: en.into(),
    }
}

/// Looks at hours and identity, which need no server.
pub fn configuration(report: &mut Report, settings: &Settings, now: DateTime<Utc>) {
    hours(report, "", &settings.calendar, now);
    for mailbox in settings.with_own_calendars() {
        let whose = format!(" {}", mailbox.address);
        hours(report, &whose, &mailbox.calendar, now);
    }
    if let Some(end) = settings.calendars().filter_map(Calendar::data_end).min() {
        let known = words(
            format!("производственный календарь: данные по {end}"),
            format!("production calendar: data until {end}"),
        );
        let wanted = |calendar: &Calendar| calendar.wanted_year(calendar.date_of(now));
        match settings.calendars().filter_map(wanted).min() {
            None => report.good(known),
            Some(year) => report.warning(known, words(
                format!("возьмите календарь на {year} год: ninetosix-worker calendar import; пока {year} год считается по одной ст. 112 ТК РФ, и сроки в нём предварительные"),
                format!("take over the calendar of {year}: ninetosix-worker calendar import; until then {year} is counted by art. 112 alone, and its dates are provisional"),
            )),
        }
    }
    identity(report, settings);
}

/// Whether it is open, and until when.
fn hours(report: &mut Report, whose: &str, calendar: &Calendar, now: DateTime<Utc>) {
    let say = |language| Moments {
        language,
        zone: calendar.zone(),
    };
    let (ru, en) = (say(Language::Ru), say(Language::En));
    let opening = calendar.next_open(now);
    report.good(if opening <= now {
        let closing = calendar.next_close(now);
        words(
            format!("часы{whose}: сейчас открыто, закроемся {}", ru.on(closing)),
            format!("hours{whose}: open now, closing {}", en.on(closing)),
        )
    } else {
        words(
            format!("часы{whose}: сейчас закрыто, откроемся {}", ru.on(opening)),
            format!("hours{whose}: closed now, opening {}", en.on(opening)),
        )
    });
}

/// Looks for letters that wait to leave an address that is not configured: nobody sends them.
pub async fn strays(report: &mut Report, settings: &Settings, store: &Store) {
    let configured = |address: &str| {
        let mut mailboxes = settings.mailboxes.iter();
        mailboxes.any(|mailbox| mailbox.address.as_str() == address)
    };
    for lane in [Lane::Poller, Lane::Worker] {
        let waiting = match store.oldest_due(lane).await {
            Ok(waiting) => waiting,
            Err(error) => return unread(report, &error),
        };
        for (address, _) in waiting {
            if !configured(&address) {
                report.warning(
                    words(
                        format!("с адреса {address} ждут отправки письма, а в настройках его нет"),
                        format!("letters wait to leave {address}, which is not configured"),
                    ),
                    words(
                        "верните [[mailbox]] этого адреса или отмените письма: ninetosix-worker letters cancel",
                        "put back the [[mailbox]] of that address, or cancel the letters: ninetosix-worker letters cancel",
                    ),
                );
            }
        }
    }
}

fn unread(report: &mut Report, error: &StoreError) {
    report.bad(
        words(
            format!("обращения и письма не прочитать: {error}"),
            format!("tickets and letters cannot be read: {error}"),
        ),
        words("проверьте базу", "see to the database"),
    );
}

/// Looks whether what receipts promised still holds by the hours and terms of today.
pub async fn promises(report: &mut Report, settings: &Settings, store: &Store, now: DateTime<Utc>) {
    let mut moved = Vec::new();
    for mailbox in &settings.mailboxes {
        let address = mailbox.address.as_str();
        match store
            .moved_promises(address, &mailbox.calendar, settings.terms, now)
            .await
        {
            Ok(found) => moved.extend(found.iter().map(|(number, _)| format!("№ {number}"))),
            Err(error) => return unread(report, &error),
        }
    }
    if !moved.is_empty() {
        let numbers = moved.len();
        if numbers > SHOWN_MOVED {
            moved.truncate(SHOWN_MOVED);
            moved.push("…".to_owned());
        }
        let list = moved.join(", ");
        report.warning(
            words(
                format!("сроки, обещанные в подтверждениях, по нынешним часам другие, обращений: {numbers} ({list})"),
                format!("promises of receipts that are others by the hours of today: {numbers} ({list})"),
            ),
            words(
                "посмотрите каждое: ninetosix-worker tickets show НОМЕР; верните часы или предупредите авторов",
                "look at each: ninetosix-worker tickets show NUMBER; put the hours back, or tell the writers",
            ),
        );
    }
}

/// By what specialists are known, and who vouches for them.
fn identity(report: &mut Report, settings: &Settings) {
    if let Some(trouble) = token_key_trouble(&settings.identity.token_key_file) {
        let problem = trouble.problem();
        report.bad(problem.what, problem.cure);
    }
    if settings.identity.require == Require::VerdictAndToken {
        for mailbox in &settings.mailboxes {
            let address = &mailbox.address;
            let Some(source) = &mailbox.verdict_source else {
                continue;
            };
            let (ru, en) = match source {
                VerdictSource::Yandex => ("Яндекс", "Yandex"),
                VerdictSource::MailRu => ("Mail.ru", "Mail.ru"),
                VerdictSource::Gmail => ("Gmail", "Gmail"),
                VerdictSource::Microsoft => ("Microsoft", "Microsoft"),
                VerdictSource::Server(id) => (id.as_str(), id.as_str()),
            };
            report.good(words(
                format!("{address}: специалист узнаётся по метке в письме и по слову почтового сервера ({ru})"),
                format!("{address}: a specialist is recognised by a token and by the word of the mail server ({en})"),
            ));
        }
        return;
    }
    report.warning(
        words("специалист узнаётся по метке в письме (identity.require = \"token\")", "a specialist is recognised by a token alone (identity.require = \"token\")"),
        words(
            "годится, только если почтовая система закрыта: чужой не может отправить письмо с адреса сотрудника",
            "fit for closed mail systems only, where nobody else can send with a colleague's address",
        ),
    );
}

/// Tries the database.
pub async fn database(report: &mut Report, settings: &Settings) -> Option<Store> {
    let migrate = words(
        "выполните: ninetosix-worker migrate",
        "run: ninetosix-worker migrate",
    );
    let sqlite = matches!(settings.database, Database::Sqlite { .. });
    if let Database::Sqlite { path } = &settings.database
        && !path.exists()
    {
        first_start(report, path);
        return None;
    }
    let opened = match Store::connect(&settings.database).await {
        Ok(store) => store.schema_state().await.map(|state| (store, state)),
        Err(error) => Err(error),
    };
    match opened {
        Ok((store, SchemaState::Current)) => {
            report.good(words(
                "база данных: доступна, схема текущая",
                "database: reached, schema current",
            ));
            return Some(store);
        }
        Ok((_, SchemaState::Older { .. })) if sqlite => report.good(words(
            "база данных: доступна; схему создаст первый запуск",
            "database: reached; the first start makes the schema",
        )),
        Ok((_, SchemaState::Older { found, needed })) => {
            report.bad(
                words(
                    format!("база данных: схема {found}, нужна {needed}"),
                    format!("database: schema {found}, needed is {needed}"),
                ),
                migrate,
            );
        }
        Ok((_, SchemaState::Newer { found, known })) => report.bad(
            words(
                format!("база данных: схема {found} новее этой программы ({known})"),
                format!("database: schema {found} is newer than this program's ({known})"),
            ),
            words(
                "запустите ту версию программы, которая её создала, или новее",
                "run the version that made it, or a later one",
            ),
        ),
        Err(StoreError::File { path, source }) => report.bad(
            words(
                format!("база данных: {path}: {source}"),
                format!("database: {path}: {source}"),
            ),
            words(
                "проверьте каталог и права на него",
                "check the directory and its permissions",
            ),
        ),
        Err(error) => report.bad(
            words(error.to_string(), error.to_string()),
            words(
                "проверьте database.url, что сервер запущен и что каталог доступен на запись",
                "check database.url, that the server runs and that the directory is writable",
            ),
        ),
    }
    None
}

/// Looks whether the hours are those that were approved.
pub async fn approved_hours(
    report: &mut Report,
    settings: &Settings,
    store: &Store,
    now: DateTime<Utc>,
) {
    match approval::standing(settings, store, false, now).await {
        Ok(Standing::Approved(_)) => {
            let on = settings.hours.approved_on.unwrap_or_default();
            let (ru, en) = (on.format("%d.%m.%Y"), on);
            report.good(words(
                format!("часы: те, что утверждены {ru}"),
                format!("hours: as approved on {en}"),
            ));
        }
        Ok(Standing::NotApproved) => report.good(words(
            "часы: дата утверждения не указана (hours.approved_on), в графике на этом месте пустая строка",
            "hours: no date of approval (hours.approved_on), the schedule has an empty line there",
        )),
        Ok(Standing::Changed {
            approved_on,
            gone,
            new,
        }) => {
            let (was, is) = (few(&gone), few(&new));
            let ru = approved_on.format("%d.%m.%Y");
            report.warning(
                words(
                    format!("часы утверждены {ru}, но с тех пор изменились: было {was}; стало {is}"),
                    format!("hours were approved on {approved_on} and have changed since: was {was}, is {is}"),
                ),
                words(
                    "утвердите новый график (ninetosix-worker schedule) и впишите дату в hours.approved_on, или верните часы",
                    "have the new schedule approved (ninetosix-worker schedule) and write its date into hours.approved_on, or restore the hours",
                ),
            );
        }
        Err(error) => report.warning(
            words(
                format!("часы: не удалось сравнить с утверждёнными: {error}"),
                format!("hours: they could not be compared with those approved: {error}"),
            ),
            words(
                "проверьте права этого пользователя на базу данных",
                "check this user's rights on the database",
            ),
        ),
    }
}

/// The first of some rules, and that there are more.
fn few(rules: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = rules.iter().take(SHOWN).map(|rule| format!("«{rule}»"));
    let mut shown: Vec<String> = shown.collect();
    if rules.len() > SHOWN {
        shown.push("…".to_owned());
    }
    if shown.is_empty() {
        return "—".to_owned();
    }
    shown.join(", ")
}

/// Looks at where the first start will make the file, without making it: whoever does owns it.
fn first_start(report: &mut Report, path: &Path) {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if folder.is_dir() {
        let (ru, en) = (
            "базы данных ещё нет, её создаст первый запуск",
            "there is no database yet, the first start makes it",
        );
        report.good(words(
            format!("{ru}: {}", path.display()),
            format!("{en}: {}", path.display()),
        ));
    } else {
        let place = folder.display();
        report.bad(
            words(
                format!("база данных: каталога {place} нет"),
                format!("database: there is no directory {place}"),
            ),
            words(
                "создайте каталог для пользователя службы или поправьте database.url",
                "make the directory for the service's user, or correct database.url",
            ),
        );
    }
}

/// Tries to log in at the submission server of a mailbox.
pub async fn smtp(report: &mut Report, mailbox: &Mailbox) {
    let place = format!("SMTP {}", mailbox.smtp);
    let server = match crate::daemon::smtp_server(mailbox) {
        Ok(server) => server,
        Err(error) => {
            let what = format!("{place}: {error:#}");
            return report.bad(
                words(what.clone(), what),
                words("проверьте ca_file", "check ca_file"),
            );
        }
    };
    match SmtpSession::open(&server, &Timeouts::default()).await {
        Ok(session) => {
            session.quit().await;
            report.good(words(
                format!("{place}: вход выполнен"),
                format!("{place}: logged in"),
            ));
        }
        Err(error) => {
            let what = format!("{place}: {error}");
            report.bad(words(what.clone(), what), smtp_cure(&error));
        }
    }
}

fn smtp_cure(error: &DialError) -> Words {
    match error {
        DialError::AuthRefused { .. } => words(
            "проверьте user и password_file; у Яндекса, Mail.ru и Gmail нужен пароль приложения и включённый доступ по IMAP",
            "check user and password_file; Yandex, Mail.ru and Gmail need an app password and IMAP switched on",
        ),
        DialError::Tls { .. } => words(
            "проверьте имя и порт сервера; для своего центра сертификации укажите ca_file",
            "check the server's name and port; name ca_file for a CA of your own",
        ),
        DialError::NoStartTls => {
            words("используйте smtps:// (порт 465)", "use smtps:// (port 465)")
        }
        _ => words(
            "проверьте smtp: имя, порт и доступность сервера отсюда",
            "check smtp: name, port, and that the server can be reached from here",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[tokio::test]
    async fn hours_changed_without_a_newer_approval_are_warned_of() {
        let dir = tempfile::tempdir().expect("a directory");
        let password = dir.path().join("mail.password");
        std::fs::write(&password, "x\n").expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&password, mode).expect("set");
        let file = dir.path().join("ninetosix.toml");
        let settings = |hours: &str| {
            let toml = format!(
                "language = \"en\"\n[database]\nurl = \"sqlite:desk.db\"\n[identity]\nrequire = \"token\"\n\
                 [[mailbox]]\naddress = \"help@school.test\"\npassword_file = \"mail.password\"\nprovider = \"yandex\"\n\
                 [[specialist]]\nlogin = \"ivan\"\nname = \"Ivan\"\naddress = \"ivan@school.test\"\n[hours]\n{hours}\n"
            );
            std::fs::write(&file, toml).expect("written");
            config::load(&file).expect("sound")
        };
        let now = "2026-11-26T09:00:00Z".parse().expect("an instant");
        let store = Store::open(&settings("").database).await.expect("opens");
        for (hours, warned) in [
            ("", None),
            ("approved_on = 2026-08-28", None),
            (
                "approved_on = 2026-08-28\nmon-fri = [\"09:00-18:00\"]",
                None,
            ),
            (
                "approved_on = 2026-08-28\nmon-fri = [\"09:00-17:00\"]",
                Some(
                    "approved on 2026-08-28 and have changed since: was «mon,tue,wed,thu,fri 09:00-18:00», is «mon,tue,wed,thu,fri 09:00-17:00»",
                ),
            ),
            (
                "mon-fri = [\"09:00-17:00\"]",
                Some("approved on 2026-08-28"),
            ),
            (
                "approved_on = 2026-11-20\nmon-fri = [\"09:00-17:00\"]",
                None,
            ),
            (
                "approved_on = 2026-11-20\nmon-fri = [\"09:00-17:00\"]\nclosed = [\"2026-12-04\"]",
                Some("was —, is «closed 2026-12-04»"),
            ),
            // Another calendar of a mailbox is approved with them.
            (
                "approved_on = 2026-11-20\nmon-fri = [\"09:00-17:00\"]\n[[calendar]]\nname = \"x\"\nmon = [\"10:00-11:00\"]\n[[mailbox]]\n\
                 address = \"kadry@school.test\"\npassword_file = \"mail.password\"\nprovider = \"yandex\"\ncalendar = \"x\"",
                Some("zone Europe/Moscow (kadry@school.test)"),
            ),
        ] {
            // Twice: asking must not make it true.
            for _ in 0..2 {
                let mut report = Report::new(Language::En);
                approved_hours(&mut report, &settings(hours), &store, now).await;
                let fact = &report.facts[0];
                match warned {
                    None => assert_eq!(fact.verdict, Verdict::Good, "{hours}: {fact:?}"),
                    Some(words) => {
                        assert_eq!(fact.verdict, Verdict::Warning, "{hours}: {fact:?}");
                        assert!(fact.what.contains(words), "{hours}: {fact:?}");
                    }
                }
            }
            // A daemon starts by these hours.
            let started = approval::standing(&settings(hours), &store, true, now).await;
            started.expect("the memory is read and written");
        }
        // A draft that is looked at changes nothing for the hours that are kept.
        let kept = "approved_on = 2026-11-20\nmon-fri = [\"09:00-17:00\"]";
        let draft = "approved_on = 2026-11-25\nmon-fri = [\"10:00-12:00\"]";
        for hours in [draft, kept] {
            let mut report = Report::new(Language::En);
            approved_hours(&mut report, &settings(hours), &store, now).await;
            assert_eq!(
                report.facts[0].verdict,
                Verdict::Good,
                "{hours}: {:?}",
                report.facts[0]
            );
        }
    }
}
