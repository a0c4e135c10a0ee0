//! One letter, one transaction: what it causes is there as a whole, once.

use chrono::TimeDelta;

use super::lab::{Lab, address, from_rita, letter, monday, on_both_engines};
use crate::domain::desk::Vouching;
use crate::domain::incoming::{Attachment, IncomingMail};
use crate::domain::registration::Outcome;
use crate::domain::text::CleanText;
use crate::domain::token::{TokenKey, TokenKeys};
use crate::domain::verdict::VerdictSource;
use crate::store::StoreError;
use crate::store::registration::Registrar;

/// Sam's reply to the notice about ticket `number`, with these words of his own.
pub(super) async fn reply_of_sam(
    lab: &Lab,
    number: i64,
    message_id: &str,
    words: &str,
) -> IncomingMail {
    let notice = lab.text(&format!("SELECT message_id FROM letter WHERE kind = 'notice' AND ticket = {number} AND recipient_login = 'sam' ORDER BY id LIMIT 1")).await;
    let mut mail = letter("sam@school.test", message_id, "Re: [№ 1] x", words);
    mail.references = vec![notice];
    mail.body = CleanText::new(&format!(
        "{words}\n\nпн, 23 нояб. 2026 г. в 10:14, Rita <help@school.test>:\n> [== Пишите ответ выше этой строки ==]\n> вопрос\n> [== Служебное ==]"
    ));
    mail
}

on_both_engines! {
    async fn a_letter_opens_one_ticket_with_receipt_and_notices(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let registered = lab.register(&from_rita("1@family.test", "Не сохраняется", "Помогите"), &held, now).await;
        assert_eq!(registered.outcome, Outcome::Ticket);
        let number = registered.ticket.expect("a ticket");
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'receipt'").await, 1);
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'notice'").await, 2);
        assert_eq!(lab.text(&format!("SELECT state FROM ticket WHERE number = {number}")).await, "new");
        assert_eq!(lab.number(&format!("SELECT count(*) FROM ledger WHERE outcome = 'ticket' AND ticket = {number}")).await, 1);
    }

    async fn a_decided_letter_is_not_decided_again(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let mail = from_rita("1@family.test", "s", "b");
        let pending = lab.fetched(b"raw", &held, now).await;
        assert!(lab.store.register(lab.registrar(), &pending, &mail, &held, now).await.expect("the database").is_some());
        assert!(lab.store.register(lab.registrar(), &pending, &mail, &held, now).await.expect("the database").is_none());
        assert_eq!(lab.number("SELECT count(*) FROM ticket").await, 1);
    }

    async fn a_copy_makes_no_second_ticket_and_an_equal_message_id_does(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let first = from_rita("1@family.test", "s", "b");
        assert_eq!(lab.register(&first, &held, now).await.outcome, Outcome::Ticket);
        assert_eq!(lab.register(&first, &held, now).await.outcome, Outcome::DuplicateOf);
        assert_eq!(lab.number("SELECT duplicate_of FROM ledger WHERE outcome = 'duplicate_of'").await, 1);
        assert_eq!(lab.register(&from_rita("1@family.test", "s", "other words"), &held, now).await.outcome, Outcome::Ticket);
        assert_eq!(lab.number("SELECT count(*) FROM ticket").await, 2);
    }

    async fn a_merged_ticket_leads_to_its_target(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        for n in 1..=3 {
            let opened = lab.register(&from_rita(&format!("{n}@family.test"), "s", &format!("b{n}")), &held, now).await;
            assert_eq!(opened.ticket, Some(n));
        }
        lab.execute("UPDATE ticket SET state = 'merged', merged_into = 2 WHERE number = 1").await;
        lab.execute("UPDATE ticket SET state = 'merged', merged_into = 3 WHERE number = 2").await;
        let mut reply = from_rita("4@family.test", "Re: s", "ещё");
        reply.references = vec![lab.text("SELECT message_id FROM letter WHERE kind = 'receipt' ORDER BY id LIMIT 1").await];
        let registered = lab.register(&reply, &held, now).await;
        assert_eq!((registered.outcome, registered.ticket), (Outcome::Entry, Some(3)));
        let tagged = lab.register(&from_rita("5@family.test", "Re: s [№ 2] [№ 77]", "и ещё"), &held, now).await;
        assert_eq!((tagged.outcome, tagged.ticket), (Outcome::Entry, Some(3)));
    }

    async fn receipts_over_the_ceiling_are_joined_and_postponed(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        for n in 1..=3 {
            lab.register(&from_rita(&format!("{n}@family.test"), "s", &format!("b{n}")), &held, now).await;
        }
        // The first receipt waits unsent, so it names all three.
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'receipt'").await, 1);
        assert_eq!(lab.number("SELECT count(*) FROM ticket WHERE receipt_letter IS NOT NULL").await, 3);
        // Once it is sent, the next one waits for the hour to pass.
        crate::store::execute(&lab.store.db, "UPDATE letter SET state = 'sent' WHERE kind = 'receipt'", []).await.expect("sent");
        let later = now + TimeDelta::minutes(10);
        lab.register(&from_rita("4@family.test", "s", "b4"), &held, later).await;
        assert!(!lab.store.has_due_letter(crate::domain::letter::Lane::Poller, lab.mailbox.as_str(), now + TimeDelta::minutes(59)).await.expect("known"));
        assert!(lab.store.has_due_letter(crate::domain::letter::Lane::Poller, lab.mailbox.as_str(), now + TimeDelta::minutes(60)).await.expect("known"));
        // Somebody else is not held up by Rita.
        lab.register(&letter("olga@family.test", "5@family.test", "s", "b5"), &held, later).await;
        assert!(lab.store.has_due_letter(crate::domain::letter::Lane::Poller, lab.mailbox.as_str(), later).await.expect("known"));
    }

    async fn a_sender_whom_the_server_vouches_for_gets_a_receipt_for_each_ticket(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let mut desk = lab.desk.clone();
        let server = VerdictSource::Server("mail.school.test".to_owned());
        desk.vouching = Vouching::Server([(lab.mailbox.clone(), server)].into());
        for n in 1..=3 {
            let mut mail = from_rita(&format!("{n}@family.test"), "s", &format!("b{n}"));
            mail.trace = crate::mail::parse::parse(
                b"Received: from x by mail.school.test; Mon, 23 Nov 2026 10:14:00 +0300\r\nAuthentication-Results: mail.school.test; dmarc=pass header.from=family.test\r\nFrom: rita@family.test\r\n\r\nb",
            )
            .trace;
            let pending = lab.fetched(mail.message_id.as_bytes(), &held, now).await;
            let registrar = Registrar { desk: &desk, ..lab.registrar() };
            lab.store.register(registrar, &pending, &mail, &held, now).await.expect("the database").expect("new");
            lab.execute("UPDATE letter SET state = 'sent' WHERE kind = 'receipt'").await;
        }
        let due = lab.number("SELECT count(DISTINCT due_at) FROM letter WHERE kind = 'receipt'").await;
        assert_eq!((lab.number("SELECT count(*) FROM letter WHERE kind = 'receipt'").await, due), (3, 1), "at once, each");
    }

    async fn a_reply_in_hours_answers_and_closes_at_once(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let number = lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await.ticket.expect("a ticket");
        let reply = reply_of_sam(lab, number, "2@school.test", "Кабинет занят.\n#закрыть").await;
        assert_eq!(lab.register(&reply, &held, now).await.outcome, Outcome::Command);
        assert_eq!(lab.text("SELECT words FROM letter WHERE kind = 'answer'").await, "Кабинет занят.");
        assert_eq!(lab.text("SELECT recipient_address FROM letter WHERE kind = 'answer'").await, "rita@family.test");
        assert_eq!(lab.text("SELECT state FROM ticket").await, "closed");
        assert_eq!(lab.text("SELECT assignee FROM ticket").await, "sam");
        assert_eq!(lab.number("SELECT count(*) FROM command WHERE applied_at IS NOT NULL").await, 2);
        assert_eq!(lab.text("SELECT body FROM message WHERE author = 'specialist'").await, "", "his words are in the answer alone");
    }

    async fn a_picture_that_a_reply_quotes_is_no_file_of_its_author(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let picture = |sha256: &str| Attachment {
            part: 2,
            name: "image001.png".into(),
            is_named: true,
            content_type: "image/png".into(),
            size_bytes: 200_000,
            sha256: sha256.into(),
            inline: true,
            may_quote_us: false,
        };
        let mut question = from_rita("1@family.test", "Не сохраняется", "Помогите");
        question.attachments = vec![picture("hers")];
        let number = lab.register(&question, &held, now).await.ticket.expect("a ticket");
        let mut reply = reply_of_sam(lab, number, "2@school.test", "#взять").await;
        reply.attachments = vec![picture("hers")];
        assert_eq!(lab.register(&reply, &held, now).await.outcome, Outcome::Command);
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'answer'").await, 0);
        assert_eq!(lab.number("SELECT count(*) FROM attachment").await, 2, "the record has it");
        // His own screenshot is an answer.
        let mut reply = reply_of_sam(lab, number, "3@school.test", "Смотрите.\n#закрыть").await;
        reply.attachments = vec![picture("hers"), Attachment { part: 3, ..picture("his") }];
        lab.register(&reply, &held, now).await;
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'answer'").await, 1);
        // Thanks are thanks with what they quote below.
        let mut thanks = from_rita("4@family.test", "Re: Не сохраняется", "Спасибо!");
        thanks.references = vec![lab.text("SELECT message_id FROM letter WHERE kind = 'answer'").await];
        thanks.attachments = vec![picture("his")];
        lab.register(&thanks, &held, now).await;
        assert_eq!(lab.text("SELECT state FROM ticket").await, "closed");
    }

    async fn two_copies_of_an_answer_with_different_footers_are_one_answer(lab: &Lab) {
        let now = monday("10:14:00");
        let night = monday("23:04:00");
        for (n, at) in [(1, now), (2, night)] {
            let held = lab.lease("a", at).await;
            let number = lab.register(&from_rita(&format!("{n}@family.test"), "s", &format!("b{n}")), &held, at).await.ticket.expect("a ticket");
            for footer in ["a", "b"] {
                let mut reply = reply_of_sam(lab, number, &format!("{n}@school.test"), &format!("Готово {n}.")).await;
                reply.content_hash = crate::domain::digest::sha256(format!("{n}{footer}").as_bytes());
                lab.register(&reply, &held, at).await;
            }
            assert_eq!(lab.number(&format!("SELECT count(*) FROM letter WHERE kind = 'answer' AND ticket = {number} AND state = 'due'")).await, 1);
        }
    }

    async fn a_notice_that_the_server_refuses_alerts_the_operator_once(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let mut desk = lab.desk.clone();
        desk.operator = Some(address("it@school.test"));
        let registrar = Registrar { desk: &desk, ..lab.registrar() };
        for n in 1..=2 {
            lab.register(&from_rita(&format!("{n}@family.test"), "s", &format!("b{n}")), &held, now).await;
        }
        for _ in 0..4 {
            let notice = lab.store.claim(crate::domain::letter::Lane::Worker, lab.mailbox.as_str(), "w", now).await.expect("the database").expect("a notice");
            let refused = crate::store::outbox::Ending::Failed { why: "RCPT TO: 550 5.1.1 nobody".to_owned(), dead_address: true };
            lab.store.finish(registrar, &notice, &refused, now).await.expect("recorded");
        }
        // Two notices to each of two specialists.
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'alert'").await, 2);
    }

    async fn a_reply_at_night_waits_and_says_so(lab: &Lab) {
        let night = monday("23:04:00");
        let held = lab.lease("a", night).await;
        let number = lab.register(&from_rita("1@family.test", "s", "b"), &held, night).await.ticket.expect("a ticket");
        let reply = reply_of_sam(lab, number, "2@school.test", "Готово.\n#закрыть").await;
        lab.register(&reply, &held, night).await;
        assert_eq!(lab.text("SELECT state FROM ticket").await, "new");
        assert!(lab.text("SELECT words FROM letter WHERE kind = 'own_letter'").await.contains("accepted"));
        let opening = monday("09:00:00") + TimeDelta::days(1);
        assert_eq!(lab.store.apply_due_commands(lab.registrar(), opening - TimeDelta::seconds(1)).await.expect("the database"), 0);
        // Not before the mailbox was read after the opening: he may have taken it back in the night.
        assert_eq!(lab.store.apply_due_commands(lab.registrar(), opening).await.expect("the database"), 0);
        lab.store.beat("poll:help@school.test", None, opening).await.expect("a heartbeat");
        assert_eq!(lab.store.apply_due_commands(lab.registrar(), opening).await.expect("the database"), 2);
        assert_eq!(lab.store.apply_due_commands(lab.registrar(), opening).await.expect("the database"), 0);
        assert_eq!(lab.text("SELECT state FROM ticket").await, "closed");
        assert_eq!(lab.number("SELECT count(*) FROM ticket WHERE closed_at IS NOT NULL").await, 1);
    }

    async fn a_night_order_to_close_yields_to_a_later_word_of_the_writer(lab: &Lab) {
        let night = monday("23:04:00");
        let held = lab.lease("a", night).await;
        let number = lab.register(&from_rita("1@family.test", "s", "b"), &held, night).await.ticket.expect("a ticket");
        let reply = reply_of_sam(lab, number, "2@school.test", "Готово.\n#закрыть").await;
        lab.register(&reply, &held, night).await;
        let receipt = lab.text("SELECT message_id FROM letter WHERE kind = 'receipt'").await;
        let mut more = from_rita("3@family.test", "Re: s", "не помогло");
        more.references = vec![receipt];
        lab.register(&more, &held, night).await;
        let opening = monday("09:00:00") + TimeDelta::days(1);
        // Where the mailbox cannot be read the orders of the night wait ten minutes more.
        lab.store.apply_due_commands(lab.registrar(), opening + TimeDelta::minutes(10)).await.expect("the database");
        assert_eq!(lab.text("SELECT state FROM ticket").await, "answered");
    }

    async fn thanks_are_recorded_and_move_nothing(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let number = lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await.ticket.expect("a ticket");
        let reply = reply_of_sam(lab, number, "2@school.test", "Готово.\n#закрыть").await;
        lab.register(&reply, &held, now).await;
        let closed_at = "SELECT CAST(closed_at AS TEXT) FROM ticket";
        let before = lab.text(closed_at).await;
        let notices = "SELECT count(*) FROM letter WHERE kind = 'notice' AND state = 'due'";
        let (told, written) = (lab.number(notices).await, lab.number("SELECT count(*) FROM letter").await);
        let answer = lab.text("SELECT message_id FROM letter WHERE kind = 'answer'").await;
        let mut thanks = from_rita("3@family.test", "Re: s [№ 1]", "Спасибо, всё работает!");
        thanks.references = vec![answer.clone()];
        // Long after the time in which a reply opens the ticket again, and at night.
        let late = monday("23:04:00") + TimeDelta::days(60);
        let registered = lab.register(&thanks, &held, late).await;
        assert_eq!((registered.outcome, registered.ticket), (Outcome::Entry, Some(number)));
        assert_eq!(lab.text("SELECT state FROM ticket").await, "closed");
        assert_eq!(lab.text(closed_at).await, before);
        assert_eq!(lab.number("SELECT count(*) FROM ticket").await, 1);
        assert_eq!(lab.text("SELECT body FROM message ORDER BY id DESC LIMIT 1").await, "Спасибо, всё работает!");
        assert_eq!(lab.number("SELECT count(*) FROM event WHERE kind = 'reopened'").await, 0);
        // One notice to whoever answered, and no other letter; it waits for the opening.
        assert_eq!(lab.number(notices).await, told + 1);
        assert_eq!(lab.number("SELECT count(*) FROM letter").await, written + 1);
        assert_eq!(lab.text("SELECT recipient_login FROM letter ORDER BY id DESC LIMIT 1").await, "sam");
        let mut more = from_rita("4@family.test", "Re: s [№ 1]", "Спасибо, но журнал не открывается");
        more.references = vec![answer];
        assert_eq!(lab.register(&more, &held, now + TimeDelta::days(1)).await.ticket, Some(number));
        assert_eq!(lab.text("SELECT state FROM ticket").await, "in_work");
    }

    async fn what_the_database_refuses_for_ever_is_the_letters_fault(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let mut mail = from_rita("1@family.test", "s", "b");
        mail.message_id = "a\0b@c".to_owned();
        let pending = lab.fetched(b"raw", &held, now).await;
        let registered = lab.store.register(lab.registrar(), &pending, &mail, &held, now).await;
        // SQLite takes a NUL in a text, PostgreSQL does not.
        assert!(registered.is_ok() || matches!(registered, Err(crate::store::StoreError::Values(_))), "{registered:?}");
    }

    async fn a_note_is_kept_where_no_answer_is_made_from(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let number = lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await.ticket.expect("a ticket");
        let reply = reply_of_sam(lab, number, "2@school.test", "#заметка\nОна уже звонила.").await;
        lab.register(&reply, &held, now).await;
        assert_eq!(lab.text("SELECT body FROM note").await, "Она уже звонила.");
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind NOT IN ('receipt', 'notice')").await, 0);
    }

    async fn a_specialist_without_a_token_is_told_at_most_twice_a_day(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        for n in 0..7 {
            let mail = letter("sam@school.test", &format!("{n}@school.test"), "привет", &format!("b{n}"));
            assert_eq!(lab.register(&mail, &held, now).await.outcome, Outcome::Refused);
        }
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'own_letter'").await, 2);
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'alert'").await, 1, "then the operator is told, once");
        assert_eq!(lab.number("SELECT count(*) FROM ticket").await, 0);
    }

    async fn a_lost_commit_answer_finds_its_row(lab: &Lab) {
        // The commit went through and its answer did not: the same letter is fetched and registered again.
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let mail = from_rita("1@family.test", "s", "b");
        lab.register(&mail, &held, now).await;
        lab.register(&mail, &held, now).await;
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'receipt'").await, 1);
        assert_eq!(lab.number("SELECT count(*) FROM person").await, 1);
        assert_eq!(lab.text("SELECT address FROM person").await, address("rita@family.test").to_string());
    }

    async fn a_digest_shows_those_who_wrote_before_above_the_flood_and_gathers_no_more_once_it_waits_for_hours(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("known@family.test", "s", "before"), &held, now - TimeDelta::days(3)).await;
        for n in 0..140 {
            lab.register(&letter(&format!("x{n}@evil.test"), &format!("{n}@evil.test"), "spam", &format!("b{n}")), &held, now).await;
        }
        let honest = lab.register(&from_rita("honest@family.test", "s", "help"), &held, now).await.ticket.expect("a ticket");
        let digest = "FROM letter WHERE kind = 'digest' AND recipient_login = 'sam'";
        let id = lab.number(&format!("SELECT id {digest}")).await;
        let shown = lab.store.digest(id).await.expect("the database");
        assert_eq!((shown.lines.len(), shown.all), (100, 111));
        assert_eq!(shown.lines[0].number, honest);
        // Refused for now, and put off.
        lab.execute(&format!("UPDATE letter SET due_at = (SELECT max(due_at) FROM letter WHERE kind = 'receipt') WHERE id = {id}")).await;
        lab.register(&from_rita("later@family.test", "s", "more"), &held, now).await;
        assert_eq!(lab.number(&format!("SELECT count(*) {digest}")).await, 2);
        assert_eq!(lab.number(&format!("SELECT count(*) FROM digest_line WHERE letter = {id}")).await, 111);
    }

    async fn a_copy_in_the_writers_own_mailbox_of_the_desk_does_not_stand_for_the_letter(lab: &Lab) {
        let mut desk = lab.desk.clone();
        let office = address("office@school.test");
        desk.mailboxes.push(office.clone());
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let mail = letter("office@school.test", "1@school.test", "Не работает принтер", "Помогите");
        let mut ends = Vec::new();
        for mailbox in [&office, &lab.mailbox] {
            let pending = lab.fetched(mailbox.as_str().as_bytes(), &held, now).await;
            let registrar = Registrar { desk: &desk, key: &lab.key, mailbox };
            let end = lab.store.register(registrar, &pending, &mail, &held, now).await.expect("the database").expect("new");
            ends.push(end.outcome);
        }
        assert_eq!(ends, [Outcome::Own, Outcome::Ticket]);
    }

    async fn letters_with_the_former_key_count_until_it_is_gone_and_are_tickets_then(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "Принтер", "Помогите"), &held, now).await;
        let receipt = lab.text("SELECT message_id FROM letter WHERE kind = 'receipt'").await;
        let key = |id, byte| TokenKey::new(id, [byte; 32]);
        let during = TokenKeys::new(key('2', 8), Some(key('1', 7)));
        let after = TokenKeys::new(key('2', 8), None);
        let mut ends = Vec::new();
        for (n, keys) in [(2, &during), (3, &after)] {
            let mut ritas = from_rita(&format!("{n}@family.test"), "Re: Принтер", &format!("Ещё {n}"));
            ritas.references = vec![receipt.clone()];
            let sams = reply_of_sam(lab, 1, &format!("{n}@school.test"), &format!("Ответ {n}")).await;
            for mail in [ritas, sams] {
                let pending = lab.fetched(mail.message_id.as_bytes(), &held, now).await;
                let registrar = Registrar { key: keys, ..lab.registrar() };
                let end = lab.store.register(registrar, &pending, &mail, &held, now).await;
                let end = end.expect("the database").expect("new");
                ends.push((end.outcome, end.ticket));
            }
        }
        assert_eq!(
            ends,
            [
                (Outcome::Entry, Some(1)),
                (Outcome::Command, Some(1)),
                (Outcome::Ticket, Some(2)),
                (Outcome::Refused, None),
            ]
        );
    }

    async fn a_specialist_without_the_servers_word_is_told_twice_a_day_and_then_the_operator(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        lab.register(&from_rita("1@family.test", "s", "b"), &held, now).await;
        let mut desk = lab.desk.clone();
        let server = VerdictSource::Server("mail.school.test".to_owned());
        desk.operator = Some(address("it@school.test"));
        desk.vouching = Vouching::Server([(lab.mailbox.clone(), server)].into());
        for n in 1..=7 {
            let mail = reply_of_sam(lab, 1, &format!("{n}@school.test"), &format!("Ответ {n}")).await;
            let pending = lab.fetched(mail.message_id.as_bytes(), &held, now).await;
            let registrar = Registrar { desk: &desk, ..lab.registrar() };
            let end = lab.store.register(registrar, &pending, &mail, &held, now).await;
            assert_eq!(end.expect("the database").expect("new").outcome, Outcome::Refused);
        }
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'own_letter'").await, 2);
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'alert'").await, 1);
        assert_eq!(lab.number("SELECT count(*) FROM letter WHERE kind = 'answer'").await, 0);
        assert_eq!(lab.number("SELECT count(*) FROM note").await, 7);
        let reason = lab.text("SELECT reason FROM ledger WHERE outcome = 'refused' ORDER BY id LIMIT 1").await;
        assert!(reason.contains("no host says that it received the letter"), "{reason}");
    }

    async fn a_letter_that_breaks_a_rule_of_the_schema_is_refused_and_the_others_are_registered(lab: &Lab) {
        let now = monday("10:14:00");
        let held = lab.lease("a", now).await;
        let mut group = Vec::new();
        for n in 1..=3 {
            let pending = lab.fetched(format!("{n}").as_bytes(), &held, now).await;
            group.push((pending, from_rita(&format!("{n}@family.test"), "s", &format!("b{n}"))));
        }
        lab.register(&from_rita("0@family.test", "s", "b0"), &held, now).await;
        lab.execute("CREATE UNIQUE INDEX odd ON message (content_hash)").await;
        group[1].1.content_hash = crate::domain::digest::sha256(b"b0");
        let done = lab.store.register_group(lab.registrar(), &group, &held, now).await.expect("the others");
        assert!(matches!(done[1], Err(StoreError::Values(_))), "{done:?}");
        assert!(done[0].is_ok() && done[2].is_ok(), "{done:?}");
        assert_eq!(lab.number("SELECT count(*) FROM ticket").await, 3);
    }
}
