use super::{Certainty::*, Why::*, *};

const REPLY: ReplyContext<'_> = ReplyContext {
    is_reply: true,
    author: "",
};
const NEW: ReplyContext<'_> = ReplyContext {
    is_reply: false,
    author: "",
};
const OWN: &str = "Мария Ивановна, здравствуйте!\n\nКабинет 12 занят, выберите 14.";
const NOTICE: &str = "\
[== Пишите ответ выше этой строки: он уйдёт Марии Ивановне. Команды —
отдельной строкой в начале или в конце: #закрыть #заметка #помощь ==]

Не сохраняется расписание 5 «Б» после замены математики на среду.

[== Служебное · пользователю не видно ==]
Кто:        Мария Ивановна Соколова, учитель, m.sokolova@school.example
Пришло:     пн 23.11, 10:14 МСК · ответить до вт 24.11, 10:14
Тема:       расписание (предположение) · обычное · исполнителя нет
Вложения:   konflikt.png (180 КБ) — приложено
Раньше:     № 1017 «Не вижу 5 „Б“» (02.11, закрыто)
[== 1042 · k7Qp3xVd ==]
";

/// What each program writes above a quote, and whether it marks the quoted lines.
const PROGRAMS: [(&str, &str, bool); 24] = [
    (
        "Yandex web",
        "23.11.2026, 10:14, \"Соколова М. И. (через поддержку)\" <help@x.example>:",
        true,
    ),
    (
        "Yandex web, HTML",
        "23.11.2026, 10:14, \"Соколова М. И. (через\nподдержку)\" <help@x.example>:",
        false,
    ),
    (
        "Yandex app",
        "-- \nОтправлено из мобильной Яндекс Почты\n\n23.11.2026, 10:14, Мария <help@x.example>:",
        true,
    ),
    (
        "Mail.ru",
        " \n--\nИван\n \n \nПонедельник, 23 ноября 2026, 10:14 +03:00 от Мария <help@x.example>:\n ",
        true,
    ),
    (
        "Mail.ru app",
        "--\nОтправлено из Mail.ru для Android\nсреда, 25 ноября 2026г., 10:14 от a@x.example:\n",
        true,
    ),
    (
        "Gmail ru",
        "пн, 23 нояб. 2026 г. в 10:14, Соколова М. И. (через поддержку) <\nhelp@x.example>:\n",
        true,
    ),
    (
        "Gmail ru, 3 lines",
        "пн, 23 нояб. 2026 г. в 10:14,\nСоколова (через поддержку) <\nhelp@x.example>:\n",
        true,
    ),
    (
        "Gmail ru, HTML",
        "пн, 23 нояб. 2026 г. в 10:14, Соколова <help@x.example>:",
        false,
    ),
    (
        "Gmail ru, old",
        "понедельник, 23 ноября 2026 г. пользователь Соколова написал:\n",
        true,
    ),
    (
        "Gmail en",
        "On Mon, Nov 23, 2026 at 10:14 AM Соколова М. И. <\nhelp@x.example> wrote:\n",
        true,
    ),
    (
        "Outlook ru",
        "________________\nОт: Мария <a@x.example>\nОтправлено: 23 ноября\nКому: Иван\nТема: [№ 1042]",
        false,
    ),
    (
        "Outlook ru, long subject",
        "От: Мария\nОтправлено: 23 ноября 2026 г.\nКому: Иван\n\
      Тема: RE: [№ 1042] Не сохраняется расписание 5 «Б» после замены —\nСоколова, учитель\n",
        false,
    ),
    (
        "Outlook ru, bold",
        "*От:* Мария\n*Отправлено:* 23 ноября 2026 г.\n*Кому:* Иван\n*Тема:* [№ 1042]\n",
        false,
    ),
    (
        "Outlook ru, plain",
        "-----Исходное сообщение-----\nОт: Соколова\nОтправлено: понедельник\n",
        false,
    ),
    (
        "Outlook en",
        "-----Original Message-----\nFrom: Мария [mailto:a@x.example]\nSent: Monday\nTo: Ivan\n",
        false,
    ),
    (
        "Apple Mail ru",
        "> 23 нояб. 2026 г., в 10:14, Соколова <help@x.example> написал(а):\n> ",
        true,
    ),
    (
        "iPhone ru",
        "Отправлено с iPhone\n\n> 23 нояб. 2026 г., в 10:14, Мария <a@x.example> написал(а):\n> ",
        true,
    ),
    (
        "Samsung",
        "Отправлено с моего Galaxy\n\n-------- Исходное сообщение --------\nОт: Мария\nДата: 23.11.26\n",
        false,
    ),
    (
        "Thunderbird ru",
        "23.11.2026 10:14, Соколова М. И. (через поддержку) пишет:",
        true,
    ),
    (
        "Thunderbird ru, no date",
        "Соколова М. И. (через поддержку) пишет:",
        true,
    ),
    ("The Bat!", "Вы писали 23 ноября 2026 г., 10:14:18:\n", true),
    (
        "Roundcube",
        "Соколова М. И. (через поддержку) <help@x.example> писал 2026-11-23\n10:14:",
        true,
    ),
    ("Roundcube en", "On 2026-11-23 10:14, Соколова wrote:", true),
    (
        "unknown program",
        "Am 23.11.2026 um 10:14 schrieb Соколова <\nhelp@x.example>:",
        true,
    ),
];
const MARKS: [&str; 16] = [
    "",
    ">",
    "> ",
    ">> ",
    "  > ",
    "＞ ",
    "› ",
    "&gt; ",
    "&gt;&gt;",
    "МС> ",
    "IS>> ",
    "| ",
    "│ ",
    "*",
    "\u{200b}> ",
    "> > ",
];

fn quoted(mark: &str, text: &str) -> String {
    text.lines().map(|line| format!("{mark}{line}\n")).collect()
}

fn without_sentinels(text: &str) -> String {
    text.replace("[== ", "").replace(" ==]", "")
}

fn check(name: &str, text: &str, own: &str, certainty: Certainty) {
    let found = reply_text(text, REPLY);
    assert_eq!(
        (found.own.as_str(), found.certainty),
        (own, certainty),
        "{name}\n{text}"
    );
}

#[test]
fn the_words_above_the_quote_of_every_known_program_are_found() {
    for (name, header, marked) in PROGRAMS {
        let quote = if marked {
            quoted("> ", NOTICE)
        } else {
            NOTICE.to_owned()
        };
        let reply = format!("{OWN}\n\n{header}\n{quote}");
        let other_bytes = |text: &str| text.replace('\n', "\r\n").replace(' ', "\u{a0}");
        check(name, &reply, OWN, Certain);
        check(name, &other_bytes(&reply), &other_bytes(OWN), Certain);
        check(name, &format!("{header}\n{quote}"), "", Certain);
        check(
            name,
            &format!("{OWN}\n#закрыть\n\nС уважением,\nИван\n\n{header}\n{quote}"),
            &format!("{OWN}\n#закрыть"),
            Certain,
        );
        if !marked {
            let between = format!("{OWN}\n\n{header}\n\nНа самом деле 15.\n\n{NOTICE}");
            check(name, &between, OWN, Uncertain(WordsBelowTheQuote));
            continue;
        }
        check(
            name,
            &format!("{reply}\nМой ответ снизу."),
            OWN,
            Uncertain(WordsBelowTheQuote),
        );
        check(
            name,
            &format!("{header}\n{quote}\n#закрыть\n"),
            "",
            Uncertain(WordsBelowTheQuote),
        );
        check(
            name,
            &format!("{reply}\n-- \nИван Смирнов\nПроверено антивирусом, вирусов в письме нет."),
            OWN,
            Certain,
        );
        check(
            name,
            &format!("{reply}\n\nС уважением, Иван\n"),
            OWN,
            Certain,
        );
        let postscript =
            format!("{reply}\nС уважением, Иван\nА кабинет 14 свободен всю эту среду.");
        check(name, &postscript, OWN, Uncertain(WordsBelowTheQuote));
    }
}

#[test]
fn nothing_of_a_notice_is_ever_certain() {
    for mark in MARKS {
        check(
            mark,
            &format!("{OWN}\n\n{}", quoted(mark, NOTICE)),
            OWN,
            Certain,
        );
        for (name, header, _) in PROGRAMS {
            for notice in [
                NOTICE.to_owned(),
                without_sentinels(NOTICE),
                NOTICE.replace(['№', '·', '«', '»'], "?"),
            ] {
                let reply = reply_text(
                    &format!("{OWN}\n\n{header}\n{}", quoted(mark, &notice)),
                    REPLY,
                );
                assert!(
                    reply.certain().is_none_or(|own| own == OWN),
                    "{name} {mark} {reply:?}"
                );
            }
        }
    }
    for open in ["［＝＝", "[=\u{200b}=", "\\[==", " [==", "*[==*"] {
        check(
            open,
            &format!("{OWN}\n\n{}", NOTICE.replace("[==", open)),
            OWN,
            Certain,
        );
    }
}

#[test]
fn a_notice_without_its_marker_is_held() {
    let bare = without_sentinels(NOTICE);
    let koi8 = bare.replace(['№', '·', '«', '»', '„', '“', '—'], "?");
    let middle: String = bare.lines().skip(7).take(3).collect::<Vec<_>>().join("\n");
    for rest in [
        &bare,
        &koi8,
        &middle,
        &quoted("| ", &bare),
        &quoted("    ", &bare),
        &quoted("• *", &bare),
        &bare.replace('\n', " "),
        "Кто: Мария\nПамятка: ссылка",
        "Служебное ? видно\nРаньше: 1017",
        "Пишите ответ выше\nэтой строки",
        "1042 ? k7Qp3xVd",
        "1042 · k7Qp3xVd",
        "| 1042 · k7Qp3xVd",
        "• пользователю не\n\n• видно",
    ] {
        let text = format!("{OWN}\n\n{rest}");
        assert_eq!(
            reply_text(&text, REPLY).certainty,
            Uncertain(OurTextWithoutCut),
            "{text}"
        );
        assert_eq!(
            reply_text(&text, NEW).certainty,
            Uncertain(ServiceLinesRemain),
            "{text}"
        );
        assert_eq!(
            reply_text(&format!("{text}\n> конец"), REPLY).certainty,
            Uncertain(ServiceLinesRemain),
            "{text}"
        );
        assert_eq!(requester_text(&text, REPLY), text.trim());
    }
    for text in [
        "Смотрите [== 1042",
        "в конце #помощь ==]",
        "Мария написала: > [== Пишите ответ",
    ] {
        check(
            "marker inside a line",
            text,
            text,
            Uncertain(SentinelRemains),
        );
    }
}

#[test]
fn words_under_or_between_quoted_lines_are_held() {
    for text in [
        "> вопрос первый\nответ\n> вопрос второй\nответ",
        "Здравствуйте!\n\n> [== Пишите\n> текст\nответ",
        "Здравствуйте!\n> текст\n[== Служебное ==]\nслова",
        "Да.\n> строка, которую переносит\nпрограмма\n> дальше",
        "Да.\n\n23.11.2026 10:14, Анна пишет:\nне говорите ей, что пароль сброшен",
        "Заполните:\nОт: Иванова\nТема: замена\n\nи нажмите «Отправить».",
        "Да.\n\nИсходное сообщение\nможно удалить.",
        "Да.\n> а\n--\n> б",
        "Да.\n> а\n-- \nИван\n#закрыть",
    ] {
        assert_eq!(
            reply_text(text, REPLY).certainty,
            Uncertain(WordsBelowTheQuote),
            "{text}"
        );
        assert_eq!(requester_text(text, REPLY), text);
    }
}

#[test]
fn a_line_that_may_open_a_quote_is_held_but_an_ordinary_one_is_not() {
    for text in [
        "Если АИС пишет:\n«Конфликт кабинета», выберите другой.",
        "Да.\nКому: Анна\nТема: пароль\n\nтекст",
        "Да.\nLe lun. 23 nov. 2026, Anna <a@x.example> a écrit :\nтекст",
    ] {
        check("perhaps a quote", text, text, Uncertain(PerhapsAQuote));
        assert_eq!(reply_text(text, NEW).certainty, Certain, "{text}");
    }
    for text in [
        OWN,
        "Тема: дроби",
        "Пишет «Конфликт кабинета».",
        "a > b, а не наоборот",
        "A>B",
        "МЕНЮ> Вид",
        "Сделайте так:\n1. Откройте 23.11.2026:\n2. Нажмите",
        "| урок | кабинет |\n| 3 | 14 |",
        "Вариант 1\n\n--\nВариант 2 удобнее, потому что кабинет 14 свободен.",
        "Отправлено с курьером",
        "С уважением отнеситесь",
        "Готово.\n-- \nИван\nP.S. Кабинет 14",
        "№ 1042 закрыт, № 1043 нет",
    ] {
        check("own", text, text, Certain);
    }
}

#[test]
fn signatures_are_cut_at_the_end_only() {
    for end in [
        "-- \nИван Смирнов\nЕсли письмо пришло вам по ошибке, пожалуйста, удалите его.",
        "--\nИван Смирнов\nтел. 123",
        "—\nИван",
        "С уважением,\nИван Смирнов\nслужба поддержки",
        "С уважением Иван",
        "--\nС уважением,\nИван",
        "С уважением,\nИван\n\n-- \nотдел, телефон",
        "Отправлено из мобильной Почты Mail",
        "Sent from my iPhone",
        "--\nОтправлено из Яндекс.Почты для iOS",
        "Get Outlook for Android",
    ] {
        check("signature", &format!("{OWN}\n\n{end}\n"), OWN, Certain);
    }
    let middle = "С уважением,\nИван\n\nДа, и ещё: кабинет 14 будет занят.";
    check("goes on", middle, middle, Certain);
}

#[test]
fn a_writers_follow_up_is_never_lost() {
    let receipt = "Письмо получено: обращение № 1042.\n\n--\nНе присылайте пароли.";
    let gmail = "On Mon, Nov 23, 2026 at 10:14, help <h@x.example> wrote:";
    for (header, mark) in [
        (gmail, "> "),
        (gmail, ""),
        ("От: help\nДата: 23.11.2026", ""),
    ] {
        let quote = format!("{header}\n\n{}", quoted(mark, receipt));
        assert_eq!(
            requester_text(&format!("Решено\n\n{quote}"), REPLY),
            "Решено"
        );
        assert_eq!(
            requester_text(&format!("{quote}\nРешено"), REPLY),
            format!("{quote}\nРешено")
        );
    }
    assert_eq!(requester_text("  Решено \n", NEW), "Решено");
}

#[test]
fn hostile_texts_take_linear_time() {
    for line in [
        "Тема:\n",
        "а:\n",
        ">\n",
        "пишет:\n",
        "--\n",
        "\n",
        "С уважением,\n",
        "[",
        "- ",
        "От: а\n\n",
        "кто: ",
    ] {
        // A quadratic step would not end within the patience of a developer.
        let text = line.repeat(200_000 / line.len());
        let _ = reply_text(&text, REPLY);
    }
}

#[test]
fn what_may_be_the_authors_is_not_cut_in_silence() {
    let quote = "\n\n23.11.2026 10:20, Служба поддержки <help@x.example> пишет:\n> [== Пишите ответ выше этой строки ==]\n> вопрос\n";
    // Left as it stands: it travels.
    for own in [
        "Готово.\n\nС уважением,\nИван\n\nНовый пароль 12345",
        "Замены на завтра:\n—\n5А 3 урок каб. 12\n5Б 4 урок каб. 14",
        "Сделано, данные ниже.\n--\nЛогин: ivanov\nПароль: Qwerty12",
        "Позвоните:\n------\nИванова Анна\nзавуч, +7 900 123-45-67",
        "Здравствуйте!\nСкачайте приложение для Android: https://school.test/app",
        "Добрый день! Пароль сброшен.\nОтправлен через Telegram новый код",
        "Это письмо проверено мной, вложение безопасно, открывайте.",
        "Готово.\nС вашими пожеланиями, к сожалению, не справились\nЛогин ivanov",
        "Откроется после созвона.\nСозвон 24.11.2026 в 10:00, ссылку пришлю на rita@family.test",
        "Здравствуйте!\n\nЕсли это письмо с персональными данными пришло по ошибке, удалите его и напишите адресату.",
    ] {
        let reply = reply_text(&format!("{own}{quote}"), REPLY);
        assert_eq!(reply.certain(), Some(own), "{own}");
    }
    // Cut or guessed at: it is held.
    let notice = "[== Пишите ответ выше этой строки ==]\n\nвопрос\n\n[== Служебное ==]\nСостояние:  в работе · исполнитель: Иван\n[== 1042 · k7Qp3xVd ==]\n";
    let header = "От: Служба <help@x.example>\nОтправлено: 23 ноября 2026 г. 10:20\nКому: Иван\nТема: вопрос\n\n";
    let marked = "> [== Пишите ответ выше этой строки ==]\n> вопрос\n";
    for text in [
        // The last line above the quotation looks like an attribution.
        format!("Журнал открыт.\nСобрание в 10:00, вход по ссылке:\n\n{marked}"),
        format!("Заявка принята.\nКому: завучу\nТема: замена урока\n\n{marked}"),
        // Words below, between, or announced there.
        format!("Добрый день!\n\n{header}{notice}\nПароль сброшен.\n"),
        format!("Готово.\n\n{header}{notice}\nПароль сброшен.\n"),
        format!("Ответы в тексте письма.\n\n{header}{notice}"),
        format!("Образец письма, пишите так:\n\n{header}Прошу выдать справку.\n"),
        // What is left of the header of a notice, or its first line is gone.
        format!("Готово.\n\nСлужба поддержки <help@x.example>\n{notice}"),
        format!("Готово.\n\nНе открывается [№ 1042]\n{notice}"),
        "Готово.\n\nвопрос\n\n[== Служебное ==]\nКто: Рита\n[== 1042 · k7Qp3xVd ==]\n".to_owned(),
        // One line of its service part.
        format!("Готово.\nСостояние:  в работе · исполнитель: Иван{quote}"),
    ] {
        assert_eq!(reply_text(&text, REPLY).certain(), None, "{text}");
    }
}

#[test]
fn a_notice_whose_beginning_is_gone_is_neither_sent_nor_offered() {
    // The tail of a letter about his own letter, as programs leave it that quote a selection.
    let tail = "Пока вы писали, уже есть ответ: Анна.\n\nНе говорите ей пока.\n\n[== 1042 · k7Qp3xVd ==]\n";
    for mark in ["", "    ", "| ", "│ "] {
        let text = format!("{OWN}\n\n{}", quoted(mark, tail));
        assert_eq!(reply_text(&text, REPLY).certain(), None, "{text}");
        let top = if mark.trim().is_empty() { "" } else { OWN };
        assert_eq!(certain_top(&text, REPLY), top, "{text}");
    }
    // Not even where no line by itself is one of ours.
    let broken = format!("{OWN}\n\nЭто письмо\nпользователю\nне видно");
    assert_eq!(reply_text(&broken, REPLY).certain(), None);
    assert_eq!(certain_top(&broken, REPLY), "");
    // Behind a mark that is no word of a person, all of it is a quotation.
    let text = format!("{OWN}\n\n{}", quoted("> ", tail));
    check("marked", &text, OWN, Certain);
    assert_eq!(certain_top(&text, REPLY), OWN);
    assert_eq!(certain_top(&format!("{OWN}\n\n{NOTICE}"), REPLY), OWN);
}

#[test]
fn words_typed_below_a_header_or_an_unmarked_notice_that_quotes_are_held() {
    let gmail = "пн, 23 нояб. 2026 г. в 10:14, Рита <help@x.example>:\n";
    let notice = NOTICE.replace("Не сохраняется", "> Какой класс?\nНе сохраняется");
    for text in [
        format!(
            "{OWN}\n\n{gmail}\nНет, кабинет 15.\n{}",
            quoted("> ", NOTICE)
        ),
        format!("{OWN}\n\n{gmail}\nНет, кабинет 15.\n{notice}"),
        format!("{OWN}\n\n{gmail}\n{notice}\nНет, кабинет 15."),
    ] {
        check("held", &text, OWN, Uncertain(WordsBelowTheQuote));
    }
    check(
        "quoted",
        &format!("{OWN}\n\n{gmail}\n{notice}"),
        OWN,
        Certain,
    );
    // A colleague's letter with the notice below it is one quotation.
    let thread = format!(
        "{OWN}\n\n{gmail}\nГотово.\n\n23.11.2026 10:14, АИС пишет:\n{}",
        quoted("> ", NOTICE)
    );
    check("a thread", &thread, OWN, Certain);
}
