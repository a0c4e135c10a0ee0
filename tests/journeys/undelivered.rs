//! Letters that come back: whoever wrote an answer learns it, by mail, and what to do.

use crate::support::{Client, Desk, Engine, Lab, Letter, on_both_engines};

/// Letters to this address are taken by the lab's server and come back with a delivery report.
const COMES_BACK: &str = "late@fault.test";

/// Somebody writes whose address does not work, in a way that gets no receipt.
fn asked(desk: &mut Desk) -> Letter {
    let letter = Letter::new(
        "Ольга Петрова",
        COMES_BACK,
        &desk.help,
        "Не открывается",
        "Пишет ошибку.",
    );
    let letter = letter
        .header("Precedence", "list")
        .header("List-Id", "<parents.family.test>");
    desk.receive(COMES_BACK, &letter);
    assert_eq!(desk.wait_for_outcome(&letter).text("outcome"), "ticket");
    letter
}

on_both_engines! {
    fn an_answer_that_comes_back_is_told_to_its_author_who_puts_the_address_right(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let letter = asked(&mut desk);
        let (ivan, rita) = (desk.ivan.clone(), desk.rita.clone());
        let notice = desk.wait_for_notice(&ivan, &letter);
        desk.ivan_replies(&notice, Client::Gmail, "Обновите страницу.\n#закрыть");
        let told = desk.wait_for_mail(&ivan, "that it came back", |mail| mail.says("не дошёл до late@fault.test"));
        assert!(told.says("«#адрес новый@mail.example»"), "{}", told.text);
        assert_eq!(desk.ticket(1).text("state"), "in_work", "nobody has been helped");
        let order = Letter::reply("Иван Смирнов", &ivan, &told, Client::Gmail, &format!("#адрес {rita}"));
        desk.receive(&ivan, &order);
        desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Обновите страницу."));
        assert_eq!(desk.ticket(1).text("requester_address"), rita);
        desk.nothing_internal_reached_writers(&[]);
        desk.stop_both();
    }

    fn a_dead_address_is_not_written_to_until_a_person_says_so(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        // This time the receipt comes back: the log alone knows.
        let letter = Letter::new("Ольга Петрова", COMES_BACK, &desk.help, "Не открывается", "Пишет ошибку.");
        desk.receive(COMES_BACK, &letter);
        let ivan = desk.ivan.clone();
        let notice = desk.wait_for_notice(&ivan, &letter);
        desk.wait("the receipt came back", |desk| {
            let failed = desk.database.count("letter WHERE kind = 'receipt' AND state = 'failed'");
            (failed == 1).then_some(())
        });
        let reply = desk.ivan_replies(&notice, Client::Gmail, "Обновите страницу.");
        let told = desk.wait_for_mail(&ivan, "that it is not sent", |mail| mail.in_reply_to.contains(&reply.message_id().to_owned()));
        assert!(told.says("прежнее письмо на late@fault.test не дошло"), "{}", told.text);
        assert_eq!(desk.inbox(&ivan).len(), 2, "a notice, and that: of the receipt nothing");
        // Another letter from there gets no receipt either.
        let more = Letter::new("Ольга Петрова", COMES_BACK, &desk.help, "И ещё", "Второй вопрос.");
        desk.receive(COMES_BACK, &more);
        desk.wait_for_notice(&ivan, &more);
        assert_eq!(desk.database.count("letter WHERE kind = 'receipt'"), 1);
        // He says so: it goes, comes back, and he is told once.
        let order = Letter::reply("Иван Смирнов", &ivan, &told, Client::Gmail, "#отправить");
        desk.receive(&ivan, &order);
        desk.wait_for_mail(&ivan, "that it came back", |mail| mail.says("не дошёл до late@fault.test"));
        desk.stop_both();
    }
}
