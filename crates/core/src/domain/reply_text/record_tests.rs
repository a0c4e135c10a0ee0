//! What a reader would pick out of replies, in the layouts of mail programs and of people.

use super::{ReplyContext, new_words};

const REPLY: ReplyContext<'_> = ReplyContext {
    is_reply: true,
    author: "",
};

fn check(rows: &[(&str, &str, &str)]) {
    for (what, text, want) in rows {
        assert_eq!(new_words(text, REPLY), *want, "{what}\n{text}");
    }
}

#[test]
#[rustfmt::skip] // Tables are read a row a line.
fn attributions_are_known_by_their_shape_in_many_languages() {
    let attributions = [
        "On Mon, Nov 23, 2026 at 10:14 AM Rita <rita@family.test> wrote:",
        "On Mon, 23 Nov 2026, Rita via Desk <\nrita@family.test> wrote:",
        "Am 23.11.2026 um 10:14 schrieb Rita <rita@family.test>:",
        "Rita <rita@family.test> schrieb am Mo., 23. Nov. 2026 um\n10:14 Uhr:",
        "Le lun. 23 nov. 2026 à 10:14, Rita <rita@family.test> a écrit :",
        "Le 23 nov. 2026 10:14, \"Rita\"\n<rita@family.test>\na écrit :",
        "El lun, 23 nov 2026 a las 10:14, Rita (<rita@family.test>) escribió:",
        "Em 23 de novembro de 2026 10:14, Rita <\nrita@family.test> escreveu:",
        "Il giorno lun 23 nov 2026 alle ore 10:14 Rita <rita@family.test> ha scritto:",
        "Op ma 23 nov. 2026 om 10:14 schreef Rita <rita@family.test>:",
        "Den mån 23 nov. 2026 kl 10:14 skrev Rita <rita@family.test>:",
        "Dnia 23 lis 2026 o godz. 10:14 Rita <rita@family.test> napisał(a):",
        "23 лист. 2026 р. 10:14 \"Рита\" <rita@family.test> пише:",
        "пн, 23 нояб. 2026 г. в 10:14, Рита <rita@family.test>:",
        "23.11.2026 10:14, Рита пишет:",
        "Понедельник, 23 ноября 2026, 10:14 +03:00 от Рита <rita@family.test>:",
        "在 2026年11月23日，上午10:14，Rita <rita@family.test> 写道：",
        "2026年11月23日(月) 10:14 Rita <rita@family.test>:",
        "---- On Mon, 23 Nov 2026 10:14:00 +0300 Rita <rita@family.test> wrote ----",
        "Quoting Rita <rita@family.test>:",
    ];
    for attribution in attributions {
        let quoted = format!("Да, помогло.\n\n{attribution}\n\n> Попробуйте ещё раз.\n> Рита\n");
        assert_eq!(new_words(&quoted, REPLY), "Да, помогло.", "{quoted}");
        let below = format!("{attribution}\n\n> Попробуйте ещё раз.\n> Рита\n\nДа, помогло.\n");
        assert_eq!(new_words(&below, REPLY), "Да, помогло.", "{below}");
        let only = format!("{attribution}\n> Попробуйте ещё раз.\n");
        assert_eq!(new_words(&only, REPLY), "", "{only}");
    }
}

#[test]
#[rustfmt::skip]
fn headers_of_unmarked_quotations_end_the_new_words() {
    let headers = [
        "От: Служба поддержки <help@school.example>\nОтправлено: 23 ноября 2026 г. 10:14\nКому: Рита\nТема: Re: пароль",
        "*From:* Desk <help@school.example>\n*Sent:* Monday, November 23, 2026\n*To:* Rita\n*Subject:* RE: password",
        "________________________________\nFrom: Desk <help@school.example>\nSent: Monday, November 23, 2026\nTo: Rita\nSubject: password",
        "Von: Desk <help@school.example>\nGesendet: Montag, 23. November 2026\nAn: Rita\nBetreff: AW: Passwort",
        "De : Desk <help@school.example>\nEnvoyé : lundi 23 novembre 2026\nÀ : Rita\nObjet : mot de passe",
        "Da: Desk <help@school.example>\nInviato: lunedì 23 novembre 2026\nA: Rita\nOggetto: password",
        "Van: Desk <help@school.example>\nVerzonden: maandag 23 november 2026\nAan: Rita\nOnderwerp: wachtwoord",
        "Från: Desk <help@school.example>\nSkickat: den 23 november 2026\nTill: Rita\nÄmne: lösenord",
        "-----Original Message-----\nFrom: Desk\nSent: Monday\nTo: Rita",
        "-------- Перенаправленное сообщение --------\nТема: \tпароль\nДата: \tMon, 23 Nov 2026\nОт: \thelp@school.example",
        "---------- Forwarded message ---------\nОт: Desk <help@school.example>\nDate: пн, 23 нояб. 2026 г.",
        "-----Ursprüngliche Nachricht-----\nVon: Desk <help@school.example>\nBetreff: Passwort",
        "-----Mensaje original-----\nDe: Desk\nEnviado: lunes",
    ];
    for header in headers {
        let reply = format!("Да, помогло.\n\n{header}\n\nПопробуйте ещё раз.\n");
        assert_eq!(new_words(&reply, REPLY), "Да, помогло.", "{reply}");
    }
    // Forwarded without a word: what was forwarded is all there is.
    let forward = format!("{}\n\nДоступа нет.\n", headers[10]);
    assert_eq!(new_words(&forward, REPLY), "Доступа нет.");
}

#[test]
#[rustfmt::skip]
fn answers_between_and_below_quoted_lines_are_kept_with_what_they_answer() {
    check(&[
        ("interleaved", "> Какой класс?\n5 «Б»\n> Какой урок?\nТретий\n", "> Какой класс?\n5 «Б»\n> Какой урок?\nТретий"),
        ("interleaved under an attribution", "23.11.2026 10:14, Анна пишет:\n> Какой класс?\n5 «Б»\n> Какой урок?\nТретий\n> Спасибо!\n", "> Какой класс?\n5 «Б»\n> Какой урок?\nТретий"),
        ("above and below", "Отвечаю ниже по пунктам, их два.\n> Какой класс?\n5 «Б»\n", "Отвечаю ниже по пунктам, их два.\n> Какой класс?\n5 «Б»"),
        ("a greeting above, the answer below", "Здравствуйте, Анна!\n\nВы писали 23 ноября 2026 г., 10:14:18:\n\n> Какой класс?\n\n5 «Б»\n\n-- \nРита", "Здравствуйте, Анна!\n\n5 «Б»"),
        ("a quotation by hand", "> Ошибка 404\n\nТак написано на экране.", "> Ошибка 404\n\nТак написано на экране."),
        ("only a quotation by hand", "> Ошибка 404", "> Ошибка 404"),
        ("a wrapped quoted line", "Да.\n\n23.11.2026 10:14, Анна пишет:\n> Если в расписании замена математики на среду не сохраняется, то\nоткройте\n> журнал.\n", "Да."),
        ("The Bat! with initials", "Да.\n\nВы писали 23 ноября 2026 г., 10:14:18:\n\nИС> Какой класс?\nИС> Какой урок?\n", "Да."),
        ("a list's footer below the quotation", "Да.\n\nOn 2026-11-23 10:14, Anna wrote:\n> Which?\n\n_______________________________________________\nStaff mailing list\nstaff@school.test\n", "Да."),
        ("our own notice, answered below", "> [== Пишите ответ выше этой строки ==]\n> вопрос\n> [== 1042 · k7Qp3xVd ==]\n\nСделано.", "Сделано."),
    ]);
}

#[test]
#[rustfmt::skip]
fn what_only_looks_like_a_quotation_is_kept() {
    for text in [
        "Система пишет:\nОшибка. Поле «Тема» не заполнено.\n\nХотя поле заполнено.",
        "Вчера в 10:14 завуч мне пишет:\n\nоценки выставить двойной записью.\n\nКак это сделать?",
        "Прошу продлить доступ.\n\nОт: 24.11.2026\nДо: 11.12.2026\nКому: Ли Софья Павловна",
        "Урок 14.\nТема: Сложение дробей\nДата: 25.11\n------------------------\nУрок 15.\nТема: Вычитание дробей\nДата: 27.11",
        "From: 8:00\nTo: 16:00\nthat is when it happens.",
        "5 «А» 27\n5 «Б» 25\n-----------\nвсего 52",
        "Сделайте так:\n1. Откройте 23.11.2026:\n2. Нажмите",
        "| урок | кабинет |\n| 3 | 14 |\n| 4 | 15 |",
        "a > b, а не наоборот",
        "```\n# code\n---\n```\n\nВот так.",
        "Sent from my desk, is much easier than my mobile phone.",
        "Письмо на почту отправлено",
        "Sent by mail yesterday.",
        "Отправлено на почту школы",
    ] {
        assert_eq!(new_words(text, REPLY), text);
    }
}

#[test]
#[rustfmt::skip]
fn what_telephones_scanners_and_lawyers_add_is_cut() {
    for added in [
        "Отправлено с iPhone", "Отправлено из мобильной Яндекс Почты: http://m.ya.ru/ymail", "--\nОтправлено из Mail.ru для Android", "Отправлено со смартфона Samsung Galaxy.", "Отправлено с моего Xiaomi",
        "Получить Outlook для iOS<https://aka.ms/o0ukef>", "Sent from my iPhone", "Sent from Yahoo Mail on Android", "Sent from my TI-85", "(Sent from mobile device)", "<<sent by galaxy>>", "From my iPhone",
        "Get [Outlook for Android](https://aka.ms/ghei36)", "Envoyé depuis mon iPhone", "Von meinem iPhone gesendet", "Verzonden met BlackBerry Work", "Enviado do meu iPhone", "Inviato da iPhone", "Sendt fra min iPad",
        "Надіслано з iPhone", "從我的 iPhone 傳送", "Без вирусов. www.avast.com", "-- \nРита Петрова\nтел. 123", "С уважением,\nРита Петрова", "С уважением, Рита", "С наилучшими пожеланиями,\nРита",
        "Best regards,\nRita Petrova\nschool secretary\n+7 000 000 00 00",
        "Это письмо и вложения могут содержать конфиденциальную информацию. Если вы не являетесь адресатом, удалите его.",
        "This message may contain confidential information. If you are not the intended recipient, delete it.",
        "------------------------------",
    ] {
        let text = format!("Да, помогло.\n\n{added}\n");
        assert_eq!(new_words(&text, REPLY), "Да, помогло.", "{text}");
    }
    assert_eq!(new_words("Yes.\n\nBest regards,\nRita\n", REPLY), "Yes.\n\nBest regards,\nRita");
}

#[test]
fn a_signature_may_begin_above_the_quotation() {
    assert_eq!(new_words("-- \n>-\n-- \n>\n", REPLY), "");
}

#[test]
fn hostile_texts_take_linear_time() {
    for line in [
        "> \n",
        "> a\nb\n",
        "On 2026 a@b.test wrote:\n",
        "От: а\nКому: б\n",
        "-----Original Message-----\n",
        "| a\n",
        "______________\n",
        "sent from\n",
        "Best regards,\n",
    ] {
        // A quadratic step would not end within the patience of a developer.
        let _ = new_words(&line.repeat(400_000 / line.len()), REPLY);
    }
}
