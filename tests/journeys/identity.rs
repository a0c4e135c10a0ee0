//! Who may speak: a number, a Message-ID or a name known to a stranger proves nothing (promises P11, P13).

use crate::support::{Client, Desk, Engine, Lab, Letter, Mail, Program, on_both_engines};

/// A letter of Olga's that pretends to belong to Rita's ticket opens one of her own.
fn opens_its_own_ticket(engine: Engine, pretend: impl Fn(Letter, &Letter, &str) -> Letter) {
    let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
    desk.start();
    let (ritas, receipt, _) = desk.rita_opens_a_ticket();
    let (olga, ivan) = (desk.olga.clone(), desk.ivan.clone());
    let letter = Letter::new("Ольга", &olga, &desk.help, "Вопрос", "А что у неё там?");
    let letter = pretend(letter, &ritas, &receipt.message_id);
    let uuid = letter.uuid.clone();
    desk.receive(&olga, &letter);
    let second = desk.wait("Olga's letter is registered", |desk| {
        let rows = desk.ledger();
        rows.into_iter()
            .filter(|row| row.maybe("outcome").is_some())
            .nth(1)
    });
    assert_eq!(
        (second.text("outcome"), second.number("ticket")),
        ("ticket", 2)
    );
    let mail = desk.wait_for_mail(&olga, "a receipt", |mail| mail.is_automatic());
    assert!(mail.says("обращение № 2,"), "{}", mail.text);
    assert!(
        !mail.says("№ 1") && !mail.subject.contains("№ 1]"),
        "whether № 1 exists is not her business: {}\n{}",
        mail.subject,
        mail.text
    );
    // The specialists see two tickets.
    let notice = desk.wait_for_notice(&ivan, &letter);
    assert!(notice.subject.starts_with("[№ 2] "), "{}", notice.subject);
    desk.wait_until_quiet(2);
    assert_eq!(desk.inbox(&desk.rita).len(), 1, "Rita hears nothing of it");
    assert_eq!(desk.ticket(1).text("state"), "new");
    assert_eq!(desk.database.count("message WHERE ticket = 1"), 1);
    // An answer to Olga's notice goes to Olga.
    desk.ivan_replies(&notice, Client::Gmail, "Это ответ Ольге.");
    desk.wait_for_mail(&olga, "the answer", |mail| mail.says("Это ответ Ольге."));
    desk.wait_until_quiet(3);
    let rita = desk.rita.clone();
    assert!(
        !desk
            .inbox(&rita)
            .iter()
            .any(|mail| mail.says("Это ответ Ольге.") || mail.says(&uuid))
    );
    desk.nothing_internal_reached_writers(&[]);
    desk.stop_both();
}

/// The line with which the lab's server says that `account` submitted a letter.
fn vouching(account: &str) -> String {
    format!("mail.school.test; auth=pass smtp.auth={account}")
}

/// A desk that asks its mail server who wrote, with Rita's ticket and Ivan's notice of it.
fn asking_desk(engine: Engine) -> (Desk, Mail) {
    let mut desk = Desk::new(&Lab::shared(), engine, |config| {
        config.require = "verdict-and-token".to_owned();
        config.mailbox = "trusted_authserv_id = \"mail.school.test\"".to_owned();
    });
    desk.start();
    let (_, _, notice) = desk.rita_opens_a_ticket();
    (desk, notice)
}

/// Panics unless `letter`, the `nth` that is registered, is kept and refused, Ivan was told `told` times, and nothing was
/// done.
fn is_refused(desk: &mut Desk, letter: &Letter, nth: i64, told: usize) {
    let row = desk.wait_for_outcome(letter);
    assert_eq!(row.text("outcome"), "refused");
    assert_eq!(row.number("ticket"), 1);
    desk.wait_until_quiet(nth);
    let ivan = desk.ivan.clone();
    let is_it = |mail: &&Mail| mail.says("почтовый сервер не подтвердил, что оно от вас");
    assert_eq!(desk.inbox(&ivan).iter().filter(is_it).count(), told);
    assert_eq!(desk.ticket(1).text("state"), "new");
    let rita = desk.rita.clone();
    assert_eq!(desk.inbox(&rita).len(), 1, "nothing but the receipt");
}

on_both_engines! {
    fn a_specialist_whom_the_mail_server_knows_is_obeyed(engine) {
        let (mut desk, notice) = asking_desk(engine);
        let check = desk.command(Program::Poller, &["check"]);
        let said = String::from_utf8_lossy(&check.stdout);
        assert!(said.contains("по слову почтового сервера (mail.school.test)"), "{said}");
        let (ivan, rita) = (desk.ivan.clone(), desk.rita.clone());
        let letter = Letter::reply("Иван Смирнов", &ivan, &notice, Client::Gmail, "Починили, проверьте.\n#закрыть");
        desk.lab.submit(&ivan, &desk.help, &letter.raw());
        assert_eq!(desk.wait_for_outcome(&letter).text("outcome"), "command");
        desk.wait_for_mail(&rita, "the answer", |mail| mail.says("Починили, проверьте."));
        desk.wait_until_quiet(2);
        assert_eq!(desk.ticket(1).text("state"), "closed");
        desk.stop_both();
    }

    fn a_token_without_the_mail_servers_word_is_refused_and_told(engine) {
        let (mut desk, notice) = asking_desk(engine);
        let (ivan, anna, olga) = (desk.ivan.clone(), desk.anna.clone(), desk.olga.clone());
        let reply = |words: &str| Letter::reply("Иван Смирнов", &ivan, &notice, Client::Gmail, words);
        // From outside, with a verdict that its sender wrote; the server renames it.
        let forged = reply("Это не Иван, раз.\n#закрыть");
        let bytes = [b"Authentication-Results: ", vouching(&ivan).as_bytes(), b"\r\n", &forged.raw()].concat();
        desk.lab.send_from_outside(&ivan, &desk.help, &bytes);
        is_refused(&mut desk, &forged, 2, 1);
        // By another account of the same server, in Ivan's name.
        let others = reply("Это не Иван, два.\n#закрыть");
        let bytes = [b"Authentication-Results: ", vouching(&ivan).as_bytes(), b"\r\n", &others.raw()].concat();
        desk.lab.submit(&anna, &desk.help, &bytes);
        is_refused(&mut desk, &others, 3, 2);
        // Straight into the mailbox, where nothing was renamed: below a foreign host.
        let below = reply("Это не Иван, три.\n#закрыть");
        let hop = "Received: from x by mx.elsewhere.test; Mon, 23 Nov 2026 10:14:00 +0300\r\n";
        let bytes = [hop.as_bytes(), b"Authentication-Results: ", vouching(&ivan).as_bytes(), b"\r\n", &below.raw()].concat();
        desk.lab.deliver(&desk.help, &olga, &bytes);
        is_refused(&mut desk, &below, 4, 2);
        // The server's own no stands above another yes.
        let failed = reply("Это не Иван, четыре.\n#закрыть");
        let (no, yes) = ("mail.school.test; dmarc=fail header.from=school.test", vouching(&ivan));
        let bytes = format!("Authentication-Results: {no}\r\nAuthentication-Results: {yes}\r\n");
        desk.lab.deliver(&desk.help, &olga, &[bytes.as_bytes(), &failed.raw()].concat());
        is_refused(&mut desk, &failed, 5, 2);
        assert_eq!(desk.notes(true, "Это не Иван"), 4, "the words are kept");
        // He is told twice a day, not more.
        assert_eq!(desk.database.count("letter WHERE kind = 'own_letter'"), 2);
        desk.nothing_internal_reached_writers(&["Это не Иван"]);
        desk.stop_both();
    }

    fn a_stranger_with_a_number_in_the_subject_opens_a_new_ticket(engine) {
        opens_its_own_ticket(engine, |letter, _, _| {
            letter.header("Subject", &crate::support::letter::encoded("Re: Не открывается дневник [№ 1]"))
        });
    }

    fn a_stranger_with_the_message_id_of_a_receipt_opens_a_new_ticket(engine) {
        opens_its_own_ticket(engine, |letter, _, receipt| {
            letter
                .header("In-Reply-To", &format!("<{receipt}>"))
                .header("References", &format!("<{receipt}>"))
        });
    }

    fn a_stranger_with_the_message_id_of_a_writer_opens_a_new_ticket(engine) {
        opens_its_own_ticket(engine, |letter, ritas, _| {
            letter.header("In-Reply-To", &format!("<{}>", ritas.message_id()))
        });
    }

    fn two_letters_with_one_message_id_are_two_tickets(engine) {
        opens_its_own_ticket(engine, |letter, ritas, _| {
            letter.header("Message-ID", &format!("<{}>", ritas.message_id()))
        });
    }

    fn a_specialist_without_a_token_is_refused_and_told(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        desk.rita_opens_a_ticket();
        let ivan = desk.ivan.clone();
        let letter = Letter::new("Иван Смирнов", &ivan, &desk.help, "Re: Не открывается дневник [№ 1]", "Починили.\n#закрыть");
        desk.receive(&ivan, &letter);
        assert_eq!(desk.wait_for_outcome(&letter).text("outcome"), "refused");
        desk.wait_for_mail(&ivan, "why not", |mail| {
            mail.in_reply_to.contains(&letter.message_id().to_owned()) && mail.says("ничего не сделано")
        });
        desk.wait_until_quiet(2);
        assert_eq!(desk.tickets().len(), 1);
        assert_eq!(desk.ticket(1).text("state"), "new");
        assert_eq!(desk.inbox(&desk.rita).len(), 1, "nothing but the receipt");
        desk.stop_both();
    }

    fn a_specialist_at_a_private_address_is_refused_and_told_at_his_own(engine) {
        let mut desk = Desk::new(&Lab::shared(), engine, |_| {});
        desk.start();
        let (_, _, notice) = desk.rita_opens_a_ticket();
        let (ivan, private) = (desk.ivan.clone(), desk.olga.clone());
        let letter = Letter::reply("Иван Смирнов", &private, &notice, Client::Gmail, "Отвечаю из дома.\n#закрыть");
        desk.receive(&private, &letter);
        assert_eq!(desk.wait_for_outcome(&letter).text("outcome"), "refused");
        let told = desk.wait_for_mail(&ivan, "why not", |mail| mail.says("не принято: этот адрес не записан за вами"));
        assert!(told.says(&private), "{}", told.text);
        desk.wait_until_quiet(2);
        assert!(desk.inbox(&private).is_empty(), "whoever that is, he is told nothing");
        assert_eq!(desk.inbox(&desk.rita).len(), 1, "nothing but the receipt");
        assert_eq!(desk.ticket(1).text("state"), "new");
        assert_eq!(desk.notes(true, "Отвечаю из дома"), 1, "the text is kept");
        desk.stop_both();
    }
}
