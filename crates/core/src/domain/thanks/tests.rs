//! What is nothing but thanks, and what is more.

use super::words::{DOUBTS, VOCABULARY};
use super::*;

#[rustfmt::skip]
const THANKS: &[&str] = &[
    "Спасибо!", "спасибо", "СПАСИБО!!!", "ок, понял", "Ок", "ОК.", "thanks", "Thx!", "Благодарю, всё получилось", "Благодарю, все получилось.",
    "Спасибо большое, хорошего дня! С уважением, Мария", "👍", "👍🏻👍🏻", "🙏 Спасибо 🙏", "Спасибо ❤️", "Большое спасибо, всё заработало!", "Понятно, спасибо", "Принято",
    "Thank you so much, that worked", "Thank you!", "Many thanks, it works now.", "Got it, thanks!", "Thanks a lot for your help!", "Thank you for the quick response, everything works.",
    "Здравствуйте, Анна!\n\nСпасибо большое за помощь.\n\nМария", "Здравствуйте, Анна Ивановна. Спасибо за быстрый ответ!", "Добрый день! Все работает, спасибо.",
    "Анна Ивановна, добрый день!\nСпасибо, всё понятно.", "Анна Ивановна, спасибо огромное!", "Спасибо, Анна Ивановна!", "Спасибо, Сэм, всё получилось)", "Thanks, Sam!", "Thank you so much, Sam.",
    "Спасибо!\n\nС уважением,\nМария Петрова", "Спасибо.\nМ. И. Петрова", "Спасибо.\nПетрова М.И.", "Благодарим за оперативность и поддержку!", "Спасибо вам за терпение, помощь и подробный ответ",
    "Ещё раз спасибо!", "Понял, спасибо. Вопрос решён.", "Спасибо, вопрос закрыт", "Проблема решена, благодарю!", "Да, всё работает, спасибо!", "Хорошо, спасибо", "Отлично!", "Супер, спасибо :)",
    "Спасибо)))", "Поняла Вас, благодарю.", "Спасибо, что выручили!", "Спасибо за то, что помогли.", "*Спасибо!*", "Спасибо — всё заработало…", "Спасибо, получила", "Ознакомлены, спасибо.",
    "У меня всё получилось! Вы мне очень помогли, спасибо!", "Спасибо, больше вопросов нет.", "Уважаемые коллеги, благодарим за содействие. Всего доброго!", "Perfect, thank you!",
    "Hi Sam,\n\nThat fixed it, thanks again!\n\nBest regards,\nRita", "Thanks for fixing it so quickly!", "Much appreciated.", "I appreciate your help, it’s working now", "Noted, with thanks",
    "Спасибо большое за оперативное решение вопроса!", "Благодарю, доступ появился.", "Спасибо! Теперь всё видно", "Большое человеческое спасибо!", "Спасибо, вы меня очень выручили",
    "Thanks for letting me know!", "Works like a charm, thanks", "Дякую!", "Щиро дякую за допомогу, все працює", "Дзякуй вялікі!", "Дзякуй, усё працуе", "Vielen Dank, alles funktioniert!", "Danke schön für die schnelle Hilfe!", "Alles klar, danke.",
    "Danke!\nMit freundlichen Grüßen\nAnna Schmidt", "Спасибо\nза\nпомощь", "Спасибо!\nАнна-Мария", "Всё ясно, спасибо большое и хороших выходных!", "спасибо большое\n\n\nвсё работает\n",
];

#[rustfmt::skip]
const MORE: &[&str] = &[
    "", " ", "\n", "Спасибо?", "Спасибо, а когда", "Спасибо. Когда будет исправлено", "Спасибо, почему", "Спасибо, а как", "Спасибо! Как теперь войти", "Спасибо, но не работает", "Спасибо, не помогло",
    "Благодарю, однако ошибка осталась", "Thanks, but it is still broken", "Thanks, still not working", "Thanks. Is it fixed now", "Thanks. Please close it", "Thanks, can you help", "Help! Thanks", "Help, please",
    "Спасибо, прошу закрыть", "Спасибо, подскажите", "Спасибо, можно закрыть", "Спасибо! Ещё вопрос", "Спасибо. Также пропало расписание", "Спасибо, завтра проверю 5 класс", "Спасибо, 15:00", "Спасибо 1",
    "Спасибо, https://school.test/x", "Спасибо, school.test", "Спасибо, что ничего не сделали", "Спасибо за «помощь»", "Спасибо за \"помощь\"", "Ну спасибо", "Отлично, и это всё", "Спасибо. Вам удалось", "Thanks. Any news", "Заранее спасибо", "Thanks in advance",
    "Не помогло, спасибо", "Помогите, спасибо", "Нет", "Нет, спасибо", "Да", "Да, спасибо", "Yes, thanks", "Мария", "Здравствуйте", "Здравствуйте, Анна!", "С уважением, Мария", "Хорошего дня!", "Анна Ивановна",
    "Спасибо, жду", "Спасибо. Ждём решения", "Спасибо!\nЖду", "Спасибо!\nСломалось", "Спасибо!\nНе работает", "Спасибо!\nНЕ РАБОТАЕТ", "Спасибо!\nПерезвоните", "Спасибо!\nА как", "Спасибо. Ошибка", "Спасибо. Принтер",
    "Спасибо, принтер", "Chrome, спасибо", "Вторник. Спасибо", "Увы, спасибо", "Жаль, спасибо", "Ответ, спасибо", "Помощь. Спасибо", "Помощь нужна, спасибо", "Спасибо, вопрос", "Спасибо, проблема", "👎", "Спасибо 👎",
    "Спасибо :(", "Спасибо ((", "❓", "🙏", "🙂", "...", "!", "+", "Работает", "Всё работает, кроме журнала, спасибо", "Спасибо, вроде работает", "Спасибо, пока работает", "Всё ещё работает плохо, спасибо", "Спасибо, вы уже исправили",
    "Thank the printer", "Thanks for nothing", "Thank you for looking into this", "Great, now the other one", "Дякую, але не працює", "Дякую, коли", "Danke, aber es geht nicht", "Danke, wann", "Дзякуй, а калі",
    "Спасибо, Мария Ивановна Петрова Сидорова", "Спасибо за ответ. А", "Спасибо № 7", "#закрыть", "Спасибо #закрыть", "Спасибо > спасибо", "Спасибо, напишу позже", "Понятно, хочу ещё спросить", "Спасибо, уточните пожалуйста",
    "Спасибо за помощь, ответ и Excel не открывается", "merci beaucoup mais", "谢谢", "Спасибо\u{306}",
];

#[test]
fn nothing_but_thanks() {
    assert!(THANKS.len() >= 50);
    for text in THANKS {
        assert!(is_only_thanks(text), "{text:?}");
    }
}

#[test]
fn more_than_thanks() {
    assert!(MORE.len() >= 50);
    for text in MORE {
        assert!(!is_only_thanks(text), "{text:?}");
    }
}

#[test]
fn one_more_word_of_any_doubt_is_more_than_thanks() {
    for thanks in THANKS {
        for more in [
            "?",
            " а когда",
            " не работает",
            " но",
            "\nЖурнал пропал",
            " 5",
            ". Please",
            "\n\nЕщё вопрос",
            " www.x.test",
        ] {
            assert!(
                !is_only_thanks(&format!("{thanks}{more}")),
                "{thanks:?} {more:?}"
            );
        }
    }
}

#[test]
fn thanks_are_short() {
    assert!(is_only_thanks(&"спасибо ".repeat(MAX_WORDS)));
    assert!(!is_only_thanks(&"спасибо ".repeat(MAX_WORDS + 1)));
    for long in ["спасибо ", "!", "👍", "ы", "Анна ", "за ", "\n", "'"] {
        assert!(!is_only_thanks(&format!(
            "{}?",
            long.repeat(1_000_000 / long.len())
        )));
    }
}

#[test]
fn the_vocabulary_is_folded_and_without_doubts() {
    for (role, entries) in VOCABULARY {
        for entry in *entries {
            assert_eq!(*entry, fold(entry), "{role:?}");
            // "Help" asks, but not behind "thanks for your".
            let thanks_for = *role == Role::Credited;
            assert!(
                thanks_for || !DOUBTS.contains(entry),
                "{entry} both thanks and asks"
            );
        }
    }
    for doubt in DOUBTS {
        assert_eq!(*doubt, fold(doubt));
        let mut letters = doubt.chars();
        let capital: String = letters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .collect();
        let name = capital + letters.as_str();
        for text in [
            format!("Спасибо. {doubt}"),
            format!("Спасибо, {name}!"),
            format!("Спасибо!\n{name}"),
        ] {
            assert!(!is_only_thanks(&text), "{text:?}");
        }
    }
}

#[test]
fn a_signature_that_asks_is_none() {
    for signature in [
        "",
        "С уважением,\nМария Петрова\nучитель математики\nтел. 8 (900) 000-00-00",
        "-- \nRita\nhttps://school.test/?a=b",
        "Отправлено с iPhone",
        "Отправлено из мобильной Яндекс Почты",
        "Best regards,\nRita Brown\nHead of Sales",
    ] {
        assert!(!may_ask(signature), "{signature:?}");
    }
    assert!(
        may_ask(&"x".repeat(MAX_SIGNATURE_BYTES + 1)),
        "too long to be one"
    );
    for signature in [
        "С уважением,\nМария\nа когда журнал?",
        "С уважением, Мария\nПринтер сломался",
        "-- \nМария\nне работает",
        "С уважением, Мария. Подскажите срок",
        "Best regards,\nRita\nIt still fails",
    ] {
        assert!(may_ask(signature), "{signature:?}");
    }
}
