//! Answers that wait: for a word of their author, or for the opening.

use crate::support::mail::Mail;
use crate::support::{Client, Desk, Engine, Hours, Lab, Letter, Program, on_both_engines};

/// Ivan replies to a letter about a letter of his.
fn ivan_orders(desk: &mut Desk, about: &Mail, words: &str) -> Letter {
    let ivan = desk.ivan.clone();
    let order = Letter::reply("Иван Смирнов", &ivan, about, Client::Thunderbird, words);
    desk.receive(&ivan, &order);
    assert_eq!(desk.wait_for_outcome(&order).text("outcome"), "command");
    order
}

/// What Ivan is told of a letter of his.
fn told(desk: &mut Desk, letter: &Letter) -> Mail {
    let (ivan, id) = (desk.ivan.clone(), letter.message_id().to_owned());
    desk.wait_for_mail(&ivan, "what became of his letter", |mail| {
        mail.in_reply_to.contains(&id)
    })
}

/// A desk at night, with a ticket of Rita's that came in the day.
fn at_night(engine: Engine) -> (Desk, Mail) {
    let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
    desk.start();
    let (_, _, notice) = desk.rita_opens_a_ticket();
    desk.wait_until_quiet(1);
    desk.stop_both();
    desk.reconfigure(|config| config.hours = Hours::FromTomorrow);
    desk.start();
    (desk, notice)
}

fn states(desk: &Desk) -> Vec<String> {
    let answers = desk
        .database
        .rows("state", "FROM letter WHERE kind = 'answer' ORDER BY id");
    answers
        .iter()
        .map(|row| row.text("state").to_owned())
        .collect()
}

on_both_engines! {
    fn a_held_answer_goes_by_its_authors_word(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (_, _, notice) = desk.rita_opens_a_ticket();
        let reply = desk.ivan_replies(&notice, Client::Outlook, "Нажмите «Обновить».\n#закрить");
        let asked = told(&mut desk, &reply);
        assert!(asked.says("Уйдёт:\nНажмите «Обновить».\n"), "{}", asked.text);
        ivan_orders(&mut desk, &asked, "#закрыть");
        let rita = desk.rita.clone();
        let answer = desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Нажмите «Обновить»."));
        assert!(!answer.says("закрить"), "{}", answer.text);
        desk.wait("the ticket is closed", |desk| (desk.ticket(1).text("state") == "closed").then_some(()));
        // There is nothing to send twice.
        let again = ivan_orders(&mut desk, &asked, "#отправить");
        assert!(told(&mut desk, &again).says("ничего не сделано"));
        assert_eq!(states(&desk), ["sent"]);
        desk.nothing_internal_reached_writers(&["закрить"]);
        desk.stop_both();
    }

    fn only_what_was_shown_of_an_uncertain_answer_goes(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (_, _, notice) = desk.rita_opens_a_ticket();
        let words = "Кабинет 14 свободен.\n\nКто: Рита Петрова\nПришло: вчера";
        let reply = desk.ivan_replies(&notice, Client::Nothing, words);
        let asked = told(&mut desk, &reply);
        assert!(asked.says("не удалось надёжно отделить от цитаты"), "{}", asked.text);
        ivan_orders(&mut desk, &asked, "#отправить только верх");
        let rita = desk.rita.clone();
        let answer = desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Кабинет 14 свободен."));
        assert!(!answer.says("Пришло"), "{}", answer.text);
        desk.nothing_internal_reached_writers(&["Пришло: вчера"]);
        desk.stop_both();
    }

    fn an_answer_of_the_night_can_be_replaced_and_taken_back(engine) {
        let (mut desk, notice) = at_night(engine);
        let first = desk.ivan_replies(&notice, Client::Gmail, "Первая версия.\n#закрыть");
        let accepted = told(&mut desk, &first);
        assert!(accepted.says("принят") && accepted.says("#отмена"), "{}", accepted.text);
        let second = desk.ivan_replies(&notice, Client::Gmail, "Вторая версия.");
        assert!(told(&mut desk, &second).says("Прежний ответ он заменил"));
        assert_eq!(states(&desk), ["cancelled", "due"]);
        // Words in reply to a letter about his letter are no new version by themselves.
        let thanks = ivan_orders(&mut desk, &accepted, "Спасибо, понял.");
        assert!(told(&mut desk, &thanks).says("а команды в нём нет"));
        assert_eq!(states(&desk), ["cancelled", "due", "held"]);
        // Each letter about a letter takes back what it is about; then the latest goes.
        let dropped = told(&mut desk, &thanks);
        let off = ivan_orders(&mut desk, &dropped, "#отмена");
        assert!(told(&mut desk, &off).says("другой ваш ответ или команда по этому обращению ещё ждёт"));
        let night = told(&mut desk, &second);
        ivan_orders(&mut desk, &night, "#отмена");
        desk.wait("all is taken back", |desk| (states(desk) == ["cancelled"; 3]).then_some(()));
        assert_eq!(desk.database.count("command WHERE cancelled_at IS NULL"), 0);
        assert_eq!(desk.ticket(1).text("state"), "new");
        assert_eq!(desk.inbox(&desk.rita).len(), 1, "nothing but the receipt");
        desk.stop_both();
    }

    fn an_operator_sees_why_letters_wait_and_orders_them(engine) {
        let (mut desk, notice) = at_night(engine);
        desk.ivan_replies(&notice, Client::Gmail, "Ответ.");
        desk.wait("the answer waits", |desk| (states(desk) == ["due"]).then_some(()));
        let id = desk.database.rows("id", "FROM letter WHERE kind = 'answer'")[0].number("id").to_string();
        let letters = |desk: &Desk, what: &[&str]| {
            let output = desk.command(Program::Worker, &[&["letters"], what].concat());
            let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            (output.status.code(), printed)
        };
        let (code, shown) = letters(&desk, &["show", &id]);
        assert_eq!(code, Some(0));
        assert!(shown.contains("is not due yet, until") && shown.contains("    Ответ."), "{shown}");
        let (_, listed) = letters(&desk, &["list", "--json", "--ticket", "1"]);
        assert!(listed.contains("\"until\":\"2"), "{listed}");
        let (code, held) = letters(&desk, &["hold", &id]);
        assert!(code == Some(0) && held.contains("held by the operator"), "{held}");
        let (code, refused) = letters(&desk, &["retry", &id]);
        assert!(code == Some(1) && refused.contains("`letters release"), "{refused}");
        assert_eq!(letters(&desk, &["release", &id]).0, Some(0));
        assert_eq!(states(&desk), ["due"]);
        assert_eq!(letters(&desk, &["cancel", &id]).0, Some(0));
        assert_eq!(states(&desk), ["cancelled"]);
        assert_eq!(desk.database.count("command WHERE cancelled_at IS NULL"), 0);
        assert_eq!(desk.database.count("letter WHERE kind = 'delivery'"), 1, "its author is told");
        assert_eq!(letters(&desk, &["release", &id]).0, Some(1));
        assert_eq!(letters(&desk, &["show", "999999"]).0, Some(1));
        desk.stop_both();
    }
}
