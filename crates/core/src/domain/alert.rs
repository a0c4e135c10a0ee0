//! What operators are told without having asked: one text for each matter, in both languages, and what ends it.
//!
//! | matter | when | ends |
//! |---|---|---|
//! | `poll` | a mailbox was not read for ten minutes | when it was read |
//! | `letters LANE` | a letter is overdue by fifteen minutes | when none is |
//! | `silent LANE` | a daemon gives no sign of life | when it does |
//! | `refused` | the provider takes no letters of ours as such | when it takes one |
//! | `ceiling` | the day's letters have left | when there is room |
//! | `clock` | nobody knows what time it is | when the clocks have agreed for a while |
//! | `quarantine ID` | a letter was set aside | when none is set aside |
//! | `disk` | little room is left | when there is more |
//! | `calendar` | the next year has no production calendar | when it has |
//! | `retention` | what is kept no longer cannot be erased | when it can |
//! | `database` | the database was away | told when it is back; only a command can tell before |
//! | `loop`, `replies LOGIN`, `undelivered LOGIN` | programs answer each other; letters to a specialist come back | by itself |

use chrono::{DateTime, TimeDelta, Utc};

use super::language::{Words, words};
use super::letter::Lane;

/// What the operator is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it is about, the same each time: `poll`, `replies ivan`.
    pub matter: String,
    /// The same in a few words of a person.
    pub title: Words,
    /// What happened and what to do.
    pub words: Words,
}

/// What ends an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until<'a> {
    /// It is over when it is told.
    Told,
    /// The next good turn of the loop of this name.
    GoodTurn(&'a str),
    /// The condition is looked at again and again.
    Looked,
}

/// The same matter is not told again so soon.
pub const ONCE_IN: TimeDelta = TimeDelta::hours(1);
/// The same of what happens by the day.
pub const ONCE_A_DAY: TimeDelta = TimeDelta::days(1);

impl Alert {
    fn new(matter: &str, title: Words, words: Words) -> Alert {
        Alert {
            matter: matter.to_owned(),
            title,
            words,
        }
    }

    /// A mailbox has not been read for so many minutes.
    pub fn not_read(mailbox: &str, minutes: Option<i64>, problem: &str) -> Alert {
        let (ru, en) = match minutes {
            Some(minutes) => (format!("{minutes} мин"), format!("{minutes} min")),
            None => (
                "с самого запуска".to_owned(),
                "ever since the start".to_owned(),
            ),
        };
        Alert::new(
            "poll",
            words!(
                "ящик {mailbox} не читается",
                "the mailbox {mailbox} is not read"
            ),
            words!(
                "Ящик {mailbox} не читается ({ru}): {problem}.\n\nНичего не потеряно: письма ждут на почтовом сервере и будут зарегистрированы, как только он ответит. Что не так, покажет: ninetosix-poller check",
                "The mailbox {mailbox} is not read ({en}): {problem}.\n\nNothing is lost: letters wait on the mail server and are registered as soon as it answers. What is wrong is shown by: ninetosix-poller check"
            ),
        )
    }

    /// The oldest letter of a lane has been due for so many minutes.
    pub fn overdue(lane: Lane, minutes: i64, problem: &str) -> Alert {
        let daemon = lane.as_str();
        Alert::new(
            &format!("letters {daemon}"),
            words!("письма не уходят вовремя", "letters do not leave in time"),
            words!(
                "Письмо, которое отправляет ninetosix-{daemon}, ждёт отправки уже {minutes} мин: {problem}.\n\nЧто ждёт и почему: ninetosix-worker letters. Что не так с почтовым сервером, покажет: ninetosix-{daemon} check",
                "A letter that ninetosix-{daemon} sends has been waiting for {minutes} min: {problem}.\n\nWhat waits, and why: ninetosix-worker letters. What is wrong with the mail server is shown by: ninetosix-{daemon} check"
            ),
        )
    }

    /// A daemon has given no sign of life since then.
    pub fn silent(daemon: Lane, since: DateTime<Utc>) -> Alert {
        let (daemon, since) = (daemon.as_str(), since.format("%Y-%m-%d %H:%M UTC"));
        Alert::new(
            &format!("silent {daemon}"),
            words!(
                "ninetosix-{daemon} не работает",
                "ninetosix-{daemon} does not run"
            ),
            words!(
                "ninetosix-{daemon} не подаёт признаков жизни с {since}. Посмотрите: systemctl status ninetosix-{daemon}; journalctl -u ninetosix-{daemon} (в Docker: docker compose ps, docker compose logs {daemon})",
                "ninetosix-{daemon} has given no sign of life since {since}. Look at it: systemctl status ninetosix-{daemon}; journalctl -u ninetosix-{daemon} (with Docker: docker compose ps, docker compose logs {daemon})"
            ),
        )
    }

    /// The provider refuses letters from a mailbox.
    pub fn refused(mailbox: &str, lane: Lane, why: &str) -> Alert {
        let lane = lane.as_str();
        Alert::new(
            "refused",
            words!(
                "провайдер не принимает письма от {mailbox}",
                "the provider refuses letters from {mailbox}"
            ),
            words!(
                "Почтовый провайдер не принимает письма от {mailbox}: {why}\n\nНичего не пропало: то, что отправляет {lane}, ждёт в своём порядке и пробуется снова, под конец раз в час. Посмотрите ограничения провайдера, состояние учётной записи и что уходило в последнее время.",
                "The mail provider refuses letters from {mailbox}: {why}\n\nNothing has failed by it: what the {lane} sends waits in its order and is tried again, in the end once an hour. Look at the provider's limits, at the account and at what was sent lately."
            ),
        )
    }

    /// As many letters as may have left a mailbox today.
    pub fn ceiling(mailbox: &str, ceiling: u32) -> Alert {
        Alert::new(
            "ceiling",
            words!(
                "дневной предел писем от {mailbox}",
                "the day's ceiling of letters from {mailbox}"
            ),
            words!(
                "От {mailbox} за сутки уходит не больше {ceiling} писем (limits.sends_per_day), и столько уже ушло, или ушло три четверти и ждут подтверждения. Ничего не пропало: остальное уйдёт в своём порядке. Если провайдер разрешает больше, увеличьте число.",
                "{ceiling} letters a day may leave {mailbox} (limits.sends_per_day), and so many have left, or three quarters of them and receipts wait. Nothing is lost: what waits leaves in its order as the day moves on. If the provider allows more, raise the number."
            ),
        )
    }

    /// The clocks do not agree.
    pub fn clock(problem: &str) -> Alert {
        Alert::new(
            "clock",
            words!("часы расходятся", "the clocks do not agree"),
            words!(
                "Служба не знает, который час: {problem}. Подтверждения уходят, ничего не пропало, ответы ждут. Если это повторится, посмотрите время машины и базы данных (timedatectl, chronyc tracking).",
                "The worker does not know what time it is: {problem}. Receipts go on, and nothing is lost. If this comes again, look at the time of the machine and of the database's (timedatectl, chronyc tracking)."
            ),
        )
    }

    /// A letter was set aside under this number.
    pub fn quarantined(id: i64, what: &str) -> Alert {
        Alert::new(
            &format!("quarantine {id}"),
            words!(
                "письмо отложено в карантин под номером {id}",
                "quarantine {id}: a letter was set aside"
            ),
            words!(
                "{what}.\n\nПисьмо отложено (quarantine {id}), остальные письма идут своим чередом. Посмотрите: ninetosix-poller quarantine show {id}; попробовать ещё раз: quarantine retry {id}; принять по одному заголовку: quarantine release {id}",
                "{what}.\n\nIt was set aside (quarantine {id}); the letters after it are not affected. Look at it: ninetosix-poller quarantine show {id}; try it again: quarantine retry {id}; take it by its header alone: quarantine release {id}"
            ),
        )
    }

    /// Letters of the desk to a specialist come back.
    pub fn undelivered(login: &str, why: &str, letter: i64) -> Alert {
        Alert::new(
            &format!("undelivered {login}"),
            words!(
                "письма для {login} не доходят",
                "letters to {login} come back"
            ),
            words!(
                "Письмо службы для {login} не доставлено: {why}. Пока его ящик не принимает почту, об обращениях он не узнаёт. Посмотрите: ninetosix-worker letters show {letter}",
                "A letter of the desk to {login} cannot be delivered: {why}. He learns nothing of tickets until his mailbox takes letters again. Look at it: ninetosix-worker letters show {letter}"
            ),
        )
    }

    /// The desk and a specialist's mailbox answer each other.
    pub fn replies_of(login: &str) -> Alert {
        Alert::new(
            &format!("replies {login}"),
            words!(
                "служба и ящик {login} отвечают друг другу",
                "the desk and the mailbox of {login} answer each other"
            ),
            words!(
                "Служба и ящик {login} отвечают друг другу: сегодня писем о его письмах больше не будет. Если там отвечает программа, пусть отвечает только людям.",
                "The desk and the mailbox of {login} answer each other: no more letters about his letters are written today. If a program answers there, let it answer people alone."
            ),
        )
    }

    /// An address answers like a program.
    pub fn program_writes() -> Alert {
        Alert::new(
            "loop",
            words!("похоже, пишет программа", "a program seems to write"),
            words!(
                "Один адрес раз за разом отвечает на письма службы быстрее чем за две минуты: сутки автоматических писем ему не будет. Его письма всё равно становятся обращениями. Если это программа, пусть пишет в другое место.",
                "An address answers letters of the desk within two minutes, again and again: no more automatic letters go to it for a day. Its letters are tickets all the same. If it is a program, let it write elsewhere."
            ),
        )
    }

    /// So many MiB are free where the database is.
    pub fn disk(place: &str, free_mib: u64) -> Alert {
        Alert::new(
            "disk",
            words!("кончается место на диске", "the disk is nearly full"),
            words!(
                "Там, где лежит база данных ({place}), свободно {free_mib} МиБ. Когда место кончится, письма перестанут регистрироваться (на почтовом сервере они не пропадут). Освободите место или перенесите базу.",
                "{free_mib} MiB are free where the database is ({place}). Without room no letter is registered (none is lost on the mail server). Make room, or move the database."
            ),
        )
    }

    /// A year that is near has no production calendar.
    pub fn calendar(year: i32) -> Alert {
        Alert::new(
            "calendar",
            words!(
                "нет производственного календаря на {year} год",
                "there is no production calendar of {year}"
            ),
            words!(
                "Производственного календаря на {year} год нет: до тех пор он считается по одной ст. 112 ТК РФ, и сроки в нём предварительные. Возьмите календарь: ninetosix-worker calendar import",
                "There is no production calendar of {year}: until then it is counted by art. 112 of the Labour Code alone, and its dates are provisional. Take it over: ninetosix-worker calendar import"
            ),
        )
    }

    /// What is to be erased by a rule cannot be.
    pub fn retention(problem: &str) -> Alert {
        Alert::new(
            "retention",
            words!(
                "не удаляется то, чему вышел срок хранения",
                "what is kept no longer is not erased"
            ),
            words!(
                "По правилам [[retention]] пора удалить, а не выходит: {problem}. Завтра будет новая попытка, а сейчас можно так: ninetosix-worker retention --apply",
                "The rules of [[retention]] say to erase, and it fails: {problem}. It is tried again tomorrow; to try now: ninetosix-worker retention --apply"
            ),
        )
    }

    /// The database does not answer now. Only a command can be told so.
    pub fn database_away(problem: &str) -> Alert {
        Alert::new(
            "database",
            words!("база данных недоступна", "the database is away"),
            words!(
                "База данных недоступна: {problem}. Письма ждут на почтовом сервере и не пропадут.",
                "The database is away: {problem}. Letters wait on the mail server and are not lost."
            ),
        )
    }

    /// The database was away for so many minutes.
    pub fn database_was_away(minutes: i64) -> Alert {
        Alert::new(
            "database",
            words!("база данных была недоступна", "the database was away"),
            words!(
                "База данных не отвечала {minutes} мин, сейчас отвечает. Письма, пришедшие за это время, регистрируются.",
                "The database did not answer for {minutes} min; it answers now. What came meanwhile is being registered."
            ),
        )
    }
}

/// What is said of a matter that is over, having lasted so long.
pub fn over(title: &Words, lasted: TimeDelta) -> (Words, Words) {
    let minutes = lasted.num_minutes().max(1);
    let title = Words {
        ru: format!("прошло: {}", title.ru),
        en: format!("over: {}", title.en),
    };
    (
        title,
        words!(
            "Прошло, длилось {minutes} мин. Делать ничего не нужно.",
            "It is over, having lasted for {minutes} min. Nothing needs to be done."
        ),
    )
}
