//! Is it a person? Short letters in the shapes that mail systems, programs and people send.

use super::*;
use crate::domain::incoming::Fate;
use crate::domain::robot::{Author, judge};

fn read(header: &str, body: &str) -> IncomingMail {
    let charset = if header.contains("Content-Type") {
        ""
    } else {
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    };
    let raw = format!("To: help@school.test\n{charset}{header}\n\n{body}\n");
    parse(raw.replace('\n', "\r\n").as_bytes())
}

/// What a report must be read as: the recipient, what became of the letter, and which one it was.
struct Report<'a> {
    header: String,
    body: &'a str,
    recipient: &'a str,
    fate: Fate,
    id: &'a str,
}

const DAEMON: &str = "From: MAILER-DAEMON@mx.test";

#[test]
#[rustfmt::skip] // Tables are read a row a line.
fn reports_of_many_systems_are_read() {
    use Fate::{Delayed, FailedForGood, FailedForNow};
    let row = |header: &str, body, recipient, fate, id| Report { header: header.to_owned(), body, recipient, fate, id };
    let rows = [
        // qmail: no field at all.
        row("From: MAILER-DAEMON@mx.test\nSubject: failure notice",
            "Hi. This is the qmail-send program at mx.test.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n<rita@family.test>:\n10.0.0.1 does not like recipient.\nRemote host said: 550 5.1.1 User unknown\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <help@school.test>\nMessage-ID: <q1@school.test>\nTo: rita@family.test\nSubject: x\n\ntext", "rita@family.test", FailedForGood, "q1@school.test"),
        // Exim, with its own field.
        row("From: Mail Delivery System <Mailer-Daemon@mx.test>\nX-Failed-Recipients: rita@family.test\nAuto-Submitted: auto-replied\nSubject: Mail delivery failed: returning message to sender",
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its recipients.\n\n  rita@family.test\n    Unrouteable address\n\n------ This is a copy of the message, including all the headers. ------\n\nMessage-ID: <e1@school.test>\nFrom: help@school.test\nSubject: x", "rita@family.test", FailedForGood, "e1@school.test"),
        // Exim's delay.
        row("From: Mail Delivery System <Mailer-Daemon@mx.test>\nAuto-Submitted: auto-replied\nSubject: Warning: message 1abc delayed 24 hours",
            "This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its recipients after more than 24 hours.\n\nThe address to which the message has not yet been delivered is:\n\n  rita@family.test\n\nNo action is required on your part. Delivery attempts will continue for some time.", "rita@family.test", Delayed, ""),
        // Sendmail before reports had parts.
        row("From: MAILER-DAEMON (Mail Delivery Subsystem)\nSubject: Returned mail: User unknown",
            "   ----- Transcript of session follows -----\n... while talking to family.test:\n>>> RCPT To:<rita@family.test>\n<<< 550 <rita@family.test>... User unknown\n550 rita@family.test... User unknown\n\n   ----- Unsent message follows -----\nReceived: by mx.test\nMessage-Id: <s1@school.test>\nFrom: help@school.test\nTo: rita@family.test", "rita@family.test", FailedForGood, "s1@school.test"),
        // Exchange in Russian, without the report part, as some gateways leave it.
        row("From: =?utf-8?B?0KHQuNGB0YLQtdC80L3Ri9C5INCw0LTQvNC40L3QuNGB0YLRgNCw0YLQvtGA?= <postmaster@corp.test>\nSubject: =?utf-8?B?0J3QtdC00L7RgdGC0LDQstC70LXQvdC90L7QtTogUmU6INC/0LDRgNC+0LvRjA==?=",
            "Не удалось доставить сообщение следующим получателям:\n\nrita@corp.test\nУказанный адрес электронной почты не найден.\n\n550 5.1.10 RESOLVER.ADR.RecipientNotFound", "rita@corp.test", FailedForGood, ""),
        // Yandex.
        row("From: mailer-daemon@yandex.test\nSubject: =?utf-8?B?0J3QtdC00L7RgdGC0LDQstC70LXQvdC90L7QtSDRgdC+0L7QsdGJ0LXQvdC40LU=?=",
            "Это сообщение было создано автоматически почтовой системой.\nВаше сообщение не может быть доставлено одному или нескольким получателям:\n\n<rita@family.test>: host mx.family.test[10.0.0.1] said: 552 5.2.2 Mailbox full", "rita@family.test", FailedForGood, ""),
        // Mail.ru.
        row("From: mailer-daemon@corp.mailru.test\nAuto-Submitted: auto-replied\nSubject: Mail failure.",
            "Это письмо создано автоматически сервером Mail.ru.\nК сожалению, Ваше письмо не может быть доставлено одному или нескольким получателям:\n\nrita@mailru.test\n  user not found", "rita@mailru.test", FailedForGood, ""),
        // RFC 3464, failed, delayed, temporary, and a header that came back.
        row("From: postmaster@mx.test\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b",
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; rita@family.test\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID:\n <d1@school.test>\nTo: rita@family.test\n\n--b--", "rita@family.test", FailedForGood, "d1@school.test"),
        row("From: postmaster@mx.test\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b",
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; rita@family.test\nAction: delayed\nStatus: 4.4.1\n\n--b--", "rita@family.test", Delayed, ""),
        row("From: postmaster@mx.test\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b",
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\nOriginal-Recipient: rfc822; rita@family.test\nFinal-Recipient: rfc822; rita@inner.family.test\nAction: failed\nStatus: 4.4.7\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <d2@school.test>\nSubject: y\n\ntext\n--b--", "rita@family.test", FailedForNow, "d2@school.test"),
        // The part alone, in a wrapping that a gateway made.
        row("From: somebody@mx.test\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b",
            "--b\nContent-Type: text/plain\n\nwords\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\nFinal-Recipient: rfc822; rita@family.test\nAction: failed\nStatus: 5.2.2\n\n--b--", "rita@family.test", FailedForGood, ""),
        // Domino, Exchange 5.5, MDaemon, GroupWise: words.
        row("From: Postmaster@corp.test\nSubject: DELIVERY FAILURE: User rita (rita@corp.test) not listed in Directory", "Your message\n\n  Subject: x\n\nwas not delivered to:\n\n  rita@corp.test\n\nbecause:\n\n  User rita (rita@corp.test) not listed in Directory", "rita@corp.test", FailedForGood, ""),
        row("From: System Administrator <postmaster@corp.test>\nSubject: Undeliverable: Re: password", "Your message\n\n  To:      staff@school.test\n  Subject: Re: password\n  Sent:    Mon, 23 Nov 2026\n\ndid not reach the following recipient(s):\n\nrita@corp.test on Mon, 23 Nov 2026 10:14:00 +0300\n    The recipient name is not recognized", "rita@corp.test", FailedForGood, ""),
        row("From: MDaemon@corp.test\nSubject: Permanent Delivery Failure", "The following message had delivery problems and could not be delivered:\n\nrita@corp.test\n\n--> RCPT To:<rita@corp.test>\n<-- 550 5.1.1 No such user", "rita@corp.test", FailedForGood, ""),
        // X.400 addresses that hold one of ours.
        row("From: System Administrator <postmaster@corp.test>\nSubject: Undeliverable: x", "did not reach the following recipient(s):\n\nc=RU;a= ;p=CORP;o=Mail;dda:SMTP=rita@corp.test; on Mon, 23 Nov 2026\n    The recipient name is not recognized", "rita@corp.test", FailedForGood, ""),
        // German, French, Spanish, Portuguese, Italian, Dutch, Polish, Chinese.
        row(&format!("{DAEMON}\nSubject: Unzustellbar: x"), "Ihre Nachricht konnte nicht zugestellt werden an:\nrita@family.test", "rita@family.test", FailedForGood, ""),
        row(&format!("{DAEMON}\nSubject: Echec de la remise"), "Votre message n'a pas pu être remis.\n<rita@family.test>: 550 inconnu", "rita@family.test", FailedForGood, ""),
        row(&format!("{DAEMON}\nSubject: x"), "Su mensaje no se pudo entregar a:\n<rita@family.test>", "rita@family.test", FailedForGood, ""),
        row(&format!("{DAEMON}\nSubject: x"), "Sua mensagem não foi entregue para:\n<rita@family.test>", "rita@family.test", FailedForGood, ""),
        row(&format!("{DAEMON}\nSubject: x"), "Il messaggio non è stato recapitato a:\n<rita@family.test>", "rita@family.test", FailedForGood, ""),
        row(&format!("{DAEMON}\nSubject: x"), "Uw bericht kon niet worden bezorgd bij:\n<rita@family.test>", "rita@family.test", FailedForGood, ""),
        row(&format!("{DAEMON}\nSubject: x"), "Wiadomość nie mógł zostać dostarczona:\n<rita@family.test>", "rita@family.test", FailedForGood, ""),
        row(&format!("{DAEMON}\nSubject: x"), "邮件无法投递\n<rita@family.test>", "rita@family.test", FailedForGood, ""),
        // Any language beside what a server said.
        row("From: postmaster@gympl.test\nReturn-Path: <>\nSubject: Nedoručitelné: x", "Doručení se nezdařilo:\n\nrita@family.test\nadresa nebyla nalezena. 550 5.1.1", "rita@family.test", FailedForGood, ""),
        // A temporary refusal in words.
        row(&format!("{DAEMON}\nSubject: Delivery failed"), "could not be delivered:\n<rita@family.test>: 452 4.2.2 Mailbox full, giving up", "rita@family.test", FailedForNow, ""),
    ];
    for row in rows {
        let mail = read(&row.header, row.body);
        assert_eq!(judge(&mail).author, Author::DeliveryReport, "{}", row.header);
        let report = mail.report.unwrap_or_default();
        let recipients: Vec<String> = report.recipients.iter().map(ToString::to_string).collect();
        assert_eq!(recipients, [row.recipient], "{}\n{}", row.header, row.body);
        assert_eq!(report.fate, row.fate, "{}\n{}", row.header, row.body);
        assert_eq!(report.original_message_ids.first().map_or("", String::as_str), row.id, "{}\n{}", row.header, row.body);
    }
}

#[test]
#[rustfmt::skip]
fn programs_that_answer_by_themselves_are_known() {
    use Author::{AbuseReport, AutomaticAnswer, CalendarAnswer, Invitation, List, ReadReceipt};
    for (want, header, body) in [
        (AutomaticAnswer, "From: a@x.test\nAuto-Submitted: auto-replied (vacation)", "I am away"),
        (AutomaticAnswer, "From: a@x.test\nAuto-Submitted: auto-generated", "report"),
        (AutomaticAnswer, "From: a@x.test\nX-Autoreply: yes", "I am away"),
        (AutomaticAnswer, "From: a@x.test\nX-Mail-Autoreply: x", "I am away"),
        (AutomaticAnswer, "From: a@x.test\nPrecedence: auto_reply", "I am away"),
        (AutomaticAnswer, "From: a@x.test\nSubject: Automatic reply: password", "I am out of the office"),
        (AutomaticAnswer, "From: a@x.test\nX-Auto-Response-Suppress: All\nSubject: Automatic reply: password", "Anything"),
        (AutomaticAnswer, "From: a@x.test\nIn-Reply-To: <1@school.test>\nSubject: Автоответ: пароль", "Спасибо за письмо."),
        (AutomaticAnswer, "From: a@x.test\nSubject: Автоматический ответ: пароль", "Меня не будет до 9 декабря."),
        (AutomaticAnswer, "From: a@x.test\nReturn-Path: <>\nSubject: Нет на месте", "Буду позже."),
        (AutomaticAnswer, "From: a@x.test\nIn-Reply-To: <1@school.test>\nSubject: Отпуск", "Я в отпуске до 9 декабря."),
        (AutomaticAnswer, "From: a@x.test\nReturn-Path: <>\nIn-Reply-To: <1@school.test>\nSubject: Re: пароль", "Меня не будет на работе до 9 декабря."),
        (AutomaticAnswer, "From: a@x.test\nReturn-Path: <>\nSubject: Abwesenheitsnotiz", "Ich bin bis zum 9.12. nicht im Büro."),
        (AutomaticAnswer, "From: a@x.test\nIn-Reply-To: <1@school.test>\nSubject: Réponse automatique : x", "Je suis absent."),
        (AutomaticAnswer, "From: a@x.test\nReturn-Path: <>\nIn-Reply-To: <1@school.test>\nSubject: Re: x", "Please confirm that you are a human to release your message."),
        (AutomaticAnswer, "From: noreply@x.test\nSubject: Обращение принято", "Ваше обращение зарегистрировано под номером 5. Письмо сформировано автоматически, отвечать на него не нужно."),
        (AutomaticAnswer, "From: a@x.test\nX-Auto-Response-Suppress: All\nIn-Reply-To: <1@school.test>\nSubject: Нет на рабочем месте: Re: Смета", "С 18 по 22 мая на курсах."),
        (AutomaticAnswer, "From: mailer-daemon@x.test\nReturn-Path: <>\nSubject: x", "words"),
        (ReadReceipt, "From: a@x.test\nSubject: Прочитано: пароль\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b", "--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; a@x.test\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--"),
        (AbuseReport, "From: fbl@x.test\nContent-Type: multipart/report; report-type=feedback-report; boundary=b", "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <c1@school.test>\n\nx\n--b--"),
        (CalendarAnswer, "From: a@x.test\nSubject: Принято: встреча\nContent-Type: text/calendar; method=REPLY", "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR"),
        (CalendarAnswer, "From: a@x.test\nSubject: Отклонено\nContent-Type: text/calendar", "BEGIN:VCALENDAR\nMETHOD:COUNTER\nEND:VCALENDAR"),
        (Invitation, "From: a@x.test\nContent-Type: text/calendar; method=REQUEST", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR"),
        (List, "From: news@x.test\nPrecedence: bulk\nSubject: News", "News"),
        (List, "From: news@x.test\nList-Id: <news.x.test>\nList-Unsubscribe: <mailto:u@x.test>\nSubject: News", "News"),
    ] {
        let judgement = judge(&read(header, body));
        assert_eq!(judgement.author, want, "{header}");
        assert!(!judgement.evidence.is_empty(), "{header}");
    }
}

#[test]
#[rustfmt::skip]
fn people_who_look_like_programs_are_people() {
    for (header, body) in [
        ("From: a@x.test\nReturn-Path: <>\nSubject: пароль", "Здравствуйте, не входит."),
        ("From: a@x.test\nX-Auto-Response-Suppress: All\nSubject: пароль", "Здравствуйте, не входит."),
        ("From: a@x.test\nX-Auto-Response-Suppress: DR, OOF\nIn-Reply-To: <1@school.test>\nSubject: RE: пароль", "Я в отпуске, по возвращении проверю. Журнал заполнит Ли."),
        ("From: a@x.test\nAuto-Submitted: no\nSubject: пароль", "Здравствуйте."),
        ("From: a@x.test\nList-Id: <teachers.school.test>\nSubject: журнал", "Коллеги, журнал не открывается."),
        ("From: a@x.test\nSubject: В отпуске до 9 декабря", "Я в отпуске до 9 декабря. Можно дать доступ замещающему учителю?"),
        ("From: a@x.test\nSubject: Отпуск", "Как оформить замену на время отпуска? Меня не будет неделю."),
        ("From: a@x.test\nIn-Reply-To: <1@school.test>\nSubject: Re: Отпуск", "Спасибо, замена оформлена. Я в отпуске с понедельника."),
        ("From: a@x.test\nIn-Reply-To: <1@school.test>\nSubject: Re: Автоответ: пароль", "Ваш автоответ пришёл мне трижды."),
        ("From: a@x.test\nSubject: vacation", "How do I enter my vacation into the timetable?"),
        ("From: a@x.test\nSubject: Недоставленное сообщение", "Здравствуйте! Мне пришло «Недоставленное сообщение» с адреса mailer-daemon, там написано 550 5.1.1 User unknown. Это вы отправляли?"),
        ("From: a@x.test\nSubject: Undelivered Mail Returned to Sender", "Hello, I get this for every letter to b@x.test:\n\n> <b@x.test>: host mx said: 550 5.1.1 User unknown\n\nCan you help?"),
        ("From: a@x.test\nIn-Reply-To: <1@mx.test>\nSubject: Re: Mail delivery failed: returning message to sender", "Письмо вернулось:\n550 5.1.1 User unknown\nrita@family.test"),
        ("From: a@x.test\nSubject: Fwd: Undelivered Mail Returned to Sender", "---------- Forwarded message ---------\nFrom: MAILER-DAEMON@mx.test\n\n<rita@family.test>: 550 5.1.1 User unknown could not be delivered"),
        ("From: a@x.test\nSubject: письма не доставлены", "Письма родителям не доставлены, в журнале отправки «ошибка доставки». Что делать?"),
        ("From: a@x.test\nSubject: delivery problem", "We ordered desks and the delivery failed. Who signs?"),
        ("From: postmaster@x.test\nSubject: договор", "Добрый день! Прошу выслать договор."),
        ("From: System Administrator <admin@x.test>\nSubject: обновление", "Завтра обновляем сервер, АИС будет недоступна с 20:00."),
        ("From: a@x.test\nSubject: 550", "На экране 550 5.1.1, что это?"),
        ("From: a@x.test\nIn-Reply-To: <1@school.test>\nSubject: Re: вход", "Теперь пишет «подтвердите, что вы не робот», картинки не открываются."),
        ("From: a@x.test\nSubject: приглашение", "Подтвердите, что вы не робот, просит страница входа. Что нажать?"),
        ("From: a@x.test\nSubject: Прочитано: пароль", "Прочитал, спасибо, не помогло."),
        ("From: a@x.test\nSubject: Принято", "Принято в работу?"),
        ("From: a@x.test\nSubject: жалоба", "Complaint about message: ученик пишет жалобы в чат."),
        ("From: a@x.test\nX-Loop: help@school.test\nSubject: пароль", "Не входит."),
        ("From: a@x.test\nX-Spam-Flag: YES\nSubject: пароль", "Не входит."),
        ("From: noreply@x.test\nSubject: пароль", "Не входит."),
        ("From: Joe Postmaster <postmaster@x.test>\nSubject: Undelivered mail from your newsletter", "Hi there,\nplease remove old@x.test from your list. Thanks!"),
        ("From: \"Mail Delivery Ltd.\" <olga@mail-delivery.test>\nSubject: Delivery failed yesterday", "Our courier could not deliver the textbooks. When may he come again?"),
        ("From: Системный администратор <ivan@x.test>\nSubject: Вопрос о доставке", "Коллеги! Письмо не доставлено завучу. Просим посмотреть."),
        ("From: a@x.test\nSubject: Не доставлено письмо", "Письмо учителю не доставлено. Ответ сервера: 550 5.1.1 User unknown. Проверьте ящик."),
        ("From: a@x.test\nX-Auto-Response-Suppress: OOF\nSubject: Автоматический ответ не работает", "Включила автоответ «Я в отпуске до 1 июня», но он не приходит."),
        ("From: a@x.test\nSubject: Out of office rule question", "Mine still says \"I am out of the office until 3 March\"."),
        ("From: a@x.test\nAuto-Submitted: no (by a person)\nX-Autoreply: no\nSubject: пароль", "Не входит."),
        ("From: a@x.test\nX-Autoreply:\nSubject: пароль", "Не входит."),
        ("From: a@x.test\nSubject: Complaint about messages from a teacher", "He writes at night."),
        ("From: a@x.test\nIn-Reply-To: <1@school.test>\nList-Unsubscribe: <https://x.test/u>\nSubject: Re: договор", "Договор получили, подпишем завтра."),
        ("From: Сайт <noreply@x.test>\nSubject: Заявка с сайта", "Имя: Рита\nВаше сообщение: сломался журнал\nПисьмо отправлено автоматически."),
        ("From: a@x.test\nSubject: Отчёт во вложении\nContent-Type: multipart/mixed; boundary=b", "--b\nContent-Type: text/plain; charset=utf-8\n\nКоллеги, письмо не доставлено, отчёт во вложении.\n--b\nContent-Type: message/delivery-status\nContent-Disposition: attachment; filename=status.txt\n\nFinal-Recipient: rfc822; x@y.test\nAction: failed\nStatus: 5.1.1\n--b--"),
    ] {
        let judgement = judge(&read(header, body));
        assert_eq!(judgement.author, Author::Person, "{header}: {}", judgement.evidence);
    }
}
