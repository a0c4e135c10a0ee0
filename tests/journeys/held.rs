//! What cannot be understood with certainty is kept and told to its author, never sent.

use crate::support::{Client, Desk, Engine, Lab, Letter, on_both_engines};

/// Ivan answers in a way that must be held: he is told `told`, Rita hears nothing, nothing else is carried out.
fn held(engine: Engine, client: Client, words: &str, told: &str) {
    let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
    desk.start();
    let (_, _, notice) = desk.rita_opens_a_ticket();
    let ivan = desk.ivan.clone();
    let reply = desk.ivan_replies(&notice, client, words);
    let row = desk.wait_for_outcome(&reply);
    assert_eq!((row.text("outcome"), row.number("ticket")), ("command", 1));
    let letter = desk.wait_for_mail(&ivan, "what became of his letter", |mail| {
        mail.in_reply_to.contains(&reply.message_id().to_owned())
    });
    assert!(letter.says(told), "{}", letter.text);
    assert!(letter.is_automatic());
    nothing_went_out(&mut desk, 2);
    assert_eq!(desk.notes(true, ""), 1, "the text is kept");
    desk.stop_both();
}

/// Rita has her receipt and nothing else; the ticket is as new.
fn nothing_went_out(desk: &mut Desk, letters: i64) {
    desk.wait_until_quiet(letters);
    assert_eq!(desk.inbox(&desk.rita).len(), 1, "nothing but the receipt");
    assert_eq!(
        desk.database
            .count("letter WHERE kind = 'answer' AND state <> 'held'"),
        0
    );
    let ticket = desk.ticket(1);
    assert_eq!(
        (ticket.text("state"), ticket.maybe("assignee")),
        ("new", None)
    );
    desk.nothing_internal_reached_writers(&[]);
}

on_both_engines! {
    fn an_answer_below_the_quotation_is_held(engine) {
        held(engine, Client::BelowTheQuote, "Нажмите «Обновить».", "НЕ отправлен: его не удалось надёжно отделить от цитаты");
    }

    fn an_unknown_command_is_held_with_all_its_letter(engine) {
        held(engine, Client::Thunderbird, "Починили.\n#закрить", "не понимаю «#закрить». Возможно, #закрыть?");
    }

    fn a_forwarded_notice_is_kept_as_a_note(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (_, _, notice) = desk.rita_opens_a_ticket();
        let ivan = desk.ivan.clone();
        let forward = Letter::reply("Иван Смирнов", &ivan, &notice, Client::Outlook, "Коллеги, посмотрите.")
            .header("Subject", &format!("Fwd: {}", crate::support::letter::encoded(&notice.subject)));
        desk.receive(&ivan, &forward);
        assert_eq!(desk.wait_for_outcome(&forward).text("outcome"), "command");
        desk.wait_for_mail(&ivan, "what became of it", |mail| mail.says("сохранено как заметка и никому не отправлено"));
        nothing_went_out(&mut desk, 2);
        assert_eq!(desk.notes(false, "Коллеги, посмотрите"), 1);
        desk.stop_both();
    }
}
