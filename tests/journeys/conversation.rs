//! The whole conversation: a letter, its receipt, notices, answers both ways, closing and reopening.

use crate::support::{Client, Desk, Engine, Lab, Letter, Mail, Program, moscow, on_both_engines};

/// Bytes that no transfer encoding leaves as they are by chance.
fn picture() -> Vec<u8> {
    (0..20_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

/// The answer of a specialist as its reader sees it: in the thread of what was asked, from the desk, by a person.
fn is_a_persons_answer(desk: &Desk, answer: &Mail, asked: &Letter, words: &str) {
    assert_eq!(answer.in_reply_to, [asked.message_id()]);
    assert_eq!(
        answer.references.last().map(String::as_str),
        Some(asked.message_id())
    );
    assert_eq!(answer.from, desk.help);
    assert!(
        answer.from_name.starts_with("Иван Смирнов"),
        "{}",
        answer.from_name
    );
    assert!(!answer.is_automatic());
    assert!(
        answer
            .text
            .starts_with(&format!("{words}\n\nИван Смирнов, ")),
        "the author's own words, then his name: {}",
        answer.text
    );
}

on_both_engines! {
    fn a_conversation_from_the_first_letter_to_its_reopening(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (rita, ivan, anna) = (desk.rita.clone(), desk.ivan.clone(), desk.anna.clone());

        let asked = Letter::new("Рита Петрова", &rita, &desk.help, "Не открывается дневник", "Пишет ошибку 500.")
            .file("снимок экрана.png", "image/png", &picture());
        desk.receive(&rita, &asked);
        let receipt = desk.wait_for_receipt(&rita, &asked);
        assert_eq!(receipt.in_reply_to, [asked.message_id()]);
        assert_eq!(receipt.from, desk.help);
        assert_eq!(receipt.subject, "Обращение зарегистрировано [№ 1]");
        // The server's own time of arrival is the minute that counts.
        let arrived = moscow::arrival(&desk.inbox(&desk.help)[0]);
        assert!(receipt.says(&format!("обращение № 1, {}.", moscow::said(arrived))), "{}", receipt.text);
        // Work begins with the letter's arrival; what is said is the minute in which the receipt was composed, which
        // may be the next one.
        let begun = [arrived, moscow::arrival(&receipt)].map(|at| format!("работа над ним началась {}.", moscow::said_on(at)));
        assert!(begun.iter().any(|words| receipt.says(words)), "not {begun:?}: {}", receipt.text);

        for specialist in [&ivan, &anna] {
            let notice = desk.wait_for_notice(specialist, &asked);
            assert_eq!(notice.from, desk.help);
            assert_eq!(notice.from_name, "Рита Петрова (через поддержку)");
            assert_eq!(notice.subject, "[№ 1] Не открывается дневник — Рита Петрова");
            assert!(notice.says("Пишет ошибку 500."));
            assert_eq!(notice.files.len(), 1);
            assert_eq!(notice.files[0].name, "снимок экрана.png");
            assert!(notice.files[0].bytes == picture(), "the file is byte for byte the same");
        }

        let notice = desk.wait_for_notice(&ivan, &asked);
        desk.ivan_replies(&notice, Client::Thunderbird, "Рита, здравствуйте!\n\nНажмите «Обновить».");
        let answer = desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Нажмите «Обновить»"));
        is_a_persons_answer(&desk, &answer, &asked, "Рита, здравствуйте!\n\nНажмите «Обновить».");
        assert_eq!(answer.subject, "Re: Не открывается дневник [№ 1]");
        let ticket = desk.ticket(1);
        assert_eq!((ticket.text("state"), ticket.text("assignee")), ("answered", "ivan"));

        // Her answer reaches the specialist who has the ticket, and nobody else.
        let again = desk.rita_replies(&answer, "Обновила, то же самое: код 77.");
        let second = desk.wait_for_mail(&ivan, "her second letter", |mail| mail.says("код 77"));
        assert_eq!(second.subject, notice.subject);
        desk.wait_until_quiet(3);
        assert!(!desk.inbox(&anna).iter().any(|mail| mail.says("код 77")));
        assert_eq!(desk.ticket(1).text("state"), "in_work");

        desk.ivan_replies(&second, Client::Gmail, "Починили.\n\n#закрыть");
        let last = desk.wait_for_mail(&rita, "the last answer", |mail| mail.says("Починили."));
        is_a_persons_answer(&desk, &last, &again, "Починили.");
        assert_eq!(desk.ticket(1).text("state"), "closed");

        desk.rita_replies(&last, "Опять не работает, код 78.");
        let reopened = desk.wait_for_mail(&rita, "word of the reopening", |mail| mail.says("снова открыто"));
        assert!(reopened.is_automatic());
        assert!(reopened.says("Обращение № 1 снова открыто"));
        desk.wait_for_mail(&ivan, "her third letter", |mail| mail.says("код 78"));
        assert_eq!(desk.ticket(1).text("state"), "in_work");

        desk.wait_until_quiet(5);
        assert_eq!(desk.tickets().len(), 1);
        let mails: Vec<String> = desk.inbox(&rita).into_iter().map(|mail| mail.subject).collect();
        assert_eq!(mails.len(), 4, "a receipt, two answers, word of the reopening: {mails:?}");
        desk.nothing_internal_reached_writers(&[]);
        desk.ledger_agrees();
        desk.stop_both();
    }

    fn a_specialist_takes_a_ticket_and_its_writer_hears_nothing_of_it(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (asked, receipt, _) = desk.rita_opens_a_ticket();
        let (anna, ivan) = (desk.anna.clone(), desk.ivan.clone());
        let notice = desk.wait_for_notice(&anna, &asked);
        let take = Letter::reply("Анна Белова", &anna, &notice, Client::Gmail, "#взять");
        desk.receive(&anna, &take);
        assert_eq!(desk.wait_for_outcome(&take).text("outcome"), "command");
        let ticket = desk.ticket(1);
        assert_eq!((ticket.text("state"), ticket.text("assignee")), ("in_work", "anna"));
        // She answers the receipt; from now on it is Anna's matter.
        desk.rita_replies(&receipt, "Забыла сказать: код 79.");
        desk.wait_for_mail(&anna, "the addition", |mail| mail.says("код 79"));
        desk.wait_until_quiet(3);
        assert!(!desk.inbox(&ivan).iter().any(|mail| mail.says("код 79")));
        assert_eq!(desk.inbox(&desk.rita).len(), 1, "nothing but the receipt");
        desk.stop_both();
    }

    fn a_note_never_reaches_the_writer_under_any_later_answer(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (asked, _, notice) = desk.rita_opens_a_ticket();
        let (rita, ivan, anna) = (desk.rita.clone(), desk.ivan.clone(), desk.anna.clone());
        let secret = "мама скандалит каждую неделю";
        let note = desk.ivan_replies(&notice, Client::Thunderbird, &format!("#заметка\nОсторожно: {secret}."));
        assert_eq!(desk.wait_for_outcome(&note).text("outcome"), "command");
        assert_eq!(desk.notes(false, "скандалит"), 1);
        assert_eq!(desk.ticket(1).text("state"), "new", "a note moves nothing");

        // Three answers after it, by both specialists, each quoting all it answers.
        desk.ivan_replies(&notice, Client::Outlook, "Первый ответ.");
        let first = desk.wait_for_mail(&rita, "the first answer", |mail| mail.says("Первый ответ."));
        desk.rita_replies(&first, "А дальше, код 80?");
        let more = desk.wait_for_mail(&ivan, "her question", |mail| mail.says("код 80"));
        desk.ivan_replies(&more, Client::Apple, "Второй ответ.");
        desk.wait_for_mail(&rita, "the second answer", |mail| mail.says("Второй ответ."));
        let annas = desk.wait_for_notice(&anna, &asked);
        let third = Letter::reply("Анна Белова", &anna, &annas, Client::Gmail, "Третий ответ.\n#закрыть");
        desk.receive(&anna, &third);
        // Ivan and Rita wrote after what she answers: she is asked, and says so.
        let asked_back = desk.wait_for_mail(&anna, "what came meanwhile", |mail| mail.in_reply_to.contains(&third.message_id().to_owned()));
        assert!(asked_back.says("уже есть ответ: Иван Смирнов"), "{}", asked_back.text);
        assert!(asked_back.says("Второй ответ.") && asked_back.says("А дальше, код 80?"), "{}", asked_back.text);
        desk.receive(&anna, &Letter::reply("Анна Белова", &anna, &asked_back, Client::Gmail, "#отправить"));
        desk.wait_for_mail(&rita, "the third answer", |mail| mail.says("Третий ответ."));
        desk.wait_until_quiet(7);
        assert_eq!(desk.ticket(1).text("state"), "closed");
        desk.nothing_internal_reached_writers(&[secret, "скандалит", "заметка"]);
        desk.stop_both();
    }

    fn commands_and_letters_in_english(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |config| config.language = "en".to_owned());
        desk.start();
        let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
        let asked = Letter::new("Rita Petrova", &rita, &desk.help, "The diary does not open", "Error 500.");
        desk.receive(&rita, &asked);
        let receipt = desk.wait_for_receipt(&rita, &asked);
        assert!(receipt.says("Your letter has been received and registered: request № 1"), "{}", receipt.text);
        assert_eq!(receipt.header("Content-Language").as_deref(), Some("en"));
        let notice = desk.wait_for_notice(&ivan, &asked);
        let take = desk.ivan_replies(&notice, Client::Nothing, "#take");
        desk.wait_for_outcome(&take);
        assert_eq!(desk.ticket(1).text("assignee"), "ivan");
        let note = desk.ivan_replies(&notice, Client::Apple, "#note\nShe calls every day.");
        desk.wait_for_outcome(&note);
        assert_eq!(desk.notes(false, ""), 1);
        desk.ivan_replies(&notice, Client::Apple, "#close\nPlease press Refresh.");
        desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Please press Refresh."));
        assert_eq!(desk.ticket(1).text("state"), "closed");
        desk.nothing_internal_reached_writers(&["calls every day", "#close", "#note", "#take"]);
        desk.stop_both();
    }

    fn own_words_are_told_from_the_quotation_of_every_mail_program(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (rita, ivan) = (desk.rita.clone(), desk.ivan.clone());
        let mut asked = Vec::new();
        for client in Client::CERTAIN {
            let from = desk.rita_for(&format!("{client:?}").to_lowercase());
            let letter = Letter::new("Рита Петрова", &from, &desk.help, "Вопрос", "Как войти?");
            desk.receive(&from, &letter);
            asked.push((client, letter));
        }
        for (client, letter) in &asked {
            let notice = desk.wait_for_notice(&ivan, letter);
            desk.ivan_replies(&notice, *client, &format!("Здравствуйте!\n\nОтвет из {client:?}."));
        }
        for (client, letter) in &asked {
            let words = format!("Ответ из {client:?}.");
            let answer = desk.wait_for_mail(&rita, &words, |mail| mail.says(&words));
            is_a_persons_answer(&desk, &answer, letter, &format!("Здравствуйте!\n\n{words}"));
        }
        desk.nothing_internal_reached_writers(&[]);
        desk.stop(Program::Worker);
    }
}
