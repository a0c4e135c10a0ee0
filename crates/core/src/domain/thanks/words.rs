//! The words of thanks, by what they do in a sentence. All are folded as `reply_text::fold` does: small letters, ё as е.
//!
//! An entry of several words is known only as a whole, so that a word which also asks ("help", "вопрос", "is") is
//! never let in alone. Words that begin questions, negations, requests and objections have no entry at all.

/// What a word does in thanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Thanks.
    Thanks,
    /// Says that the answer was understood or is welcome.
    Acknowledged,
    /// Says that all is well now. Not enough alone.
    Works,
    /// Agrees: it may answer a question, unless all is well now.
    Agrees,
    /// Introduces what the thanks are for.
    Credits,
    /// Thanks, and introduces what for.
    ThanksFor,
    /// What thanks are for; known only after [`Role::Credits`].
    Credited,
    /// Says nothing of its own.
    Filler,
    /// Greets; a name may stand beside it.
    Greeting,
    /// Begins a signature; a name may follow.
    Regards,
    /// Not in the vocabulary: a name where names stand.
    Name,
}

/// Every word and fixed phrase of thanks.
#[rustfmt::skip]
pub(super) const VOCABULARY: &[(Role, &[&str])] = &[
    (Role::Thanks, &[
        "спасибо", "спс", "спасиб", "спасибки", "спасибочки", "пасиб", "пасибо", "благодарю", "благодарим", "благодарен", "благодарна", "благодарны",
        "благодарствую", "признателен", "признательна", "признательны", "мерси", "еще раз спасибо", "еще раз большое спасибо", "еще раз огромное спасибо",
        "еще раз благодарю", "еще раз благодарим", "спасибо еще раз", "что помогли", "что выручили", "что откликнулись", "что так быстро",
        "thanks", "thank you", "thank u", "thankyou", "thx", "tnx", "thnx", "ty", "tysm", "cheers", "thanks again", "thank you again", "once again thanks",
        "once again thank you", "appreciated", "appreciate it", "appreciate that", "appreciate this", "grateful", "many thanks",
        "дякую", "дякуємо", "спасибі", "вдячний", "вдячна", "вдячні", "ще раз дякую", "дзякуй", "дзякую", "дзякуем", "дзякуй вялікі", "удзячны", "удзячная",
        "danke", "dankeschön", "vielen dank", "herzlichen dank", "besten dank", "tausend dank", "dank", "merci", "nochmals danke", "nochmals vielen dank",
    ]),
    (Role::Acknowledged, &[
        "ок", "окей", "океюшки", "оки", "понял", "поняла", "поняли", "понятно", "ясно", "принято", "принял", "приняла", "приняли", "получил", "получила", "получили",
        "получено", "хорошо", "ладно", "ладненько", "учту", "учтем", "учел", "учла", "запомню", "запомнил", "запомнила", "разобрался", "разобралась", "разобрались",
        "ознакомлен", "ознакомлена", "ознакомлены", "ознакомился", "ознакомилась", "ознакомились", "буду знать", "будем знать", "буду иметь в виду", "к сведению",
        "отлично", "супер", "класс", "круто", "здорово", "прекрасно", "замечательно", "чудесно", "великолепно", "превосходно", "ура", "шикарно", "блестяще",
        "вопросов нет", "вопросов больше нет", "больше вопросов нет", "нет вопросов", "больше нет вопросов", "no more questions", "no further questions",
        "ok", "okay", "okey", "oki", "got it", "understood", "noted", "all clear", "clear now", "crystal clear", "roger", "received", "great", "perfect", "excellent", "awesome",
        "wonderful", "brilliant", "fantastic", "amazing", "super", "cool", "nice", "splendid", "lovely", "makes sense", "will do",
        "зрозуміло", "зрозумів", "зрозуміла", "зрозуміли", "прийнято", "отримав", "отримала", "отримали", "отримано", "добре", "гаразд", "чудово", "ясна", "зразумела",
        "зразумеў", "зразумелі", "прынята", "атрымаў", "атрымала", "добра", "выдатна",
        "alles klar", "verstanden", "perfekt", "toll", "prima", "wunderbar", "klasse", "erhalten", "einverstanden",
    ]),
    (Role::Works, &[
        "работает", "работают", "заработало", "заработал", "заработала", "заработали", "получилось", "получается", "помогло", "помог", "помогла", "помогли", "помогает",
        "вышло", "все удалось", "мне удалось", "нам удалось", "решено", "решена", "решен", "решилось", "решилась", "решился", "решили", "исправлено", "исправили", "исправил", "исправила", "исправилось",
        "починили", "починил", "починила", "наладилось", "настроилось", "настроили", "восстановилось", "восстановили", "восстановлено", "открылось", "открылся", "открылась",
        "открывается", "открываются", "загрузилось", "загружается", "сохранилось", "сохраняется", "отображается", "отобразилось", "включилось", "подключилось", "появилось",
        "появился", "появилась", "появились", "пришло", "вошел", "вошла", "вошли", "зашел", "зашла", "зашли", "нашел", "нашла", "нашли", "нашлось", "сделано", "готово",
        "сделали", "сделал", "сделала", "выручили", "выручил", "выручила", "спасли", "вы помогли", "вы очень помогли", "вы мне очень помогли", "вы нам очень помогли", "вы очень выручили", "вы меня выручили", "вы нас выручили", "вы меня очень выручили", "вы нас очень выручили", "вопрос решен", "вопрос закрыт", "вопрос снят", "вопросы сняты", "вопросы решены",
        "проблема решена", "проблема решилась", "проблема исчезла", "проблема ушла", "проблема устранена", "проблему решили", "без проблем", "это помогло", "это очень помогло", "это сработало", "сработало", "подошло", "все видно", "все вижу", "в порядке", "в норме",
        "снова работает", "опять работает", "как надо", "как нужно", "как часы", "доступ есть", "доступ появился", "доступ получен", "доступ получила", "доступ получил", "доступ восстановлен", "пароль подошел", "пароль получила", "пароль получил", "пароль работает", "ответ получен", "ответ получила", "ответ получил", "письмо получено",
        "письмо получила", "письмо получил",
        "works", "worked", "working", "fixed", "solved", "resolved", "sorted", "helped", "helps", "helpful", "problem solved", "problem fixed", "problem is solved",
        "problem is fixed", "issue solved", "issue resolved", "issue fixed", "issue is resolved", "issue is fixed", "issue is solved", "did the trick", "that did it", "works again",
        "all good", "all set", "works now",
        "працює", "працюють", "запрацювало", "вийшло", "вдалося", "допомогло", "допомогли", "виправили", "вирішено", "питання вирішено", "проблему вирішено",
        "працуе", "працуюць", "запрацавала", "атрымалася", "дапамагло", "дапамаглі", "выправілі", "вырашана",
        "funktioniert", "klappt", "hat geklappt", "hat funktioniert", "hat geholfen", "geht wieder", "läuft", "läuft wieder", "gelöst", "behoben", "erledigt",
    ]),
    (Role::Agrees, &["да", "ага", "угу", "yes", "yep", "yeah", "так", "ja"]),
    (Role::Credits, &["за", "for", "für"]),
    (Role::ThanksFor, &["appreciate your", "appreciate the", "appreciate all your", "appreciate all the"]),
    (Role::Credited, &[
        "помощь", "ответ", "ответы", "оперативность", "поддержку", "внимание", "понимание", "терпение", "работу", "труд", "труды", "информацию", "разъяснение", "разъяснения",
        "пояснение", "пояснения", "объяснение", "объяснения", "совет", "советы", "подсказку", "подсказки", "консультацию", "содействие", "участие", "отзывчивость", "скорость",
        "заботу", "старания", "решение", "письмо", "инструкцию", "инструкции", "ссылку", "сотрудничество", "реакцию", "связь", "обратную", "время", "обслуживание",
        "сервис", "уделенное", "профессионализм", "то что помогли", "то что выручили", "решение вопроса", "решение проблемы", "решение моего вопроса", "решение моей проблемы", "помощь в решении вопроса", "помощь в решении проблемы", "быстрый", "быструю", "быстрое", "быстроту", "скорый", "скорую", "скорое", "оперативный",
        "оперативную", "оперативное", "подробный", "подробную", "подробное", "подробные", "развернутый", "развернутое", "исчерпывающий", "исчерпывающую", "полный",
        "полную", "понятный", "понятное", "качественную", "отличную", "прекрасную", "замечательную", "неоценимую", "своевременную", "своевременный", "такой", "такую",
        "help", "reply", "response", "answer", "answers", "support", "assistance", "time", "patience", "effort", "efforts", "work", "information", "info", "update", "advice",
        "explanation", "clarification", "attention", "service", "feedback", "solution", "kindness", "understanding", "everything", "fixing", "helping", "solving", "resolving",
        "answering", "responding", "replying", "explaining", "clarifying", "of", "quick", "prompt", "fast", "speedy", "swift", "kind", "detailed", "timely", "hard", "such", "instructions", "letting me know", "letting us know", "getting back to me", "getting back to us",
        "допомогу", "відповідь", "підтримку", "швидку", "увагу", "роботу", "оперативність", "швидкість", "дапамогу", "адказ", "падтрымку", "хуткі", "хуткую", "працу", "увагу",
        "hilfe", "antwort", "unterstützung", "rückmeldung", "information", "infos", "mühe", "schnelle", "rasche", "prompte", "tolle", "ihre", "eure", "deine", "die", "den", "das",
    ]),
    (Role::Filler, &[
        "большое", "большущее", "огромное", "огромнейшее", "человеческое", "премного", "преогромное", "отдельное", "искренне", "сердечно", "от души", "от всей души",
        "от всего сердца", "очень", "вам", "вас", "тебе", "тебя", "всем", "вашу", "ваш", "ваше", "ваши", "вашей", "вашему", "команде", "службе", "поддержке", "специалистам", "все",
        "мне", "меня", "нам", "нас", "я", "мы", "у меня", "у нас", "уже", "теперь", "сейчас", "и", "быстро", "оперативно", "так быстро", "так оперативно",
        "нормально", "стабильно", "корректно", "правильно", "исправно", "с первого раза", "в курсе", "вы лучшие", "вы самые лучшие", "вы супер", "вы молодцы", "молодцы", "молодец", "умница",
        "умнички", "вы волшебники", "рад", "рада", "рады", "приятно", "всего", "доброго", "хорошего", "хороших", "хорошей", "отличного", "отличных", "отличной", "прекрасного",
        "приятного", "приятных", "удачного", "удачной", "чудесного", "замечательного", "дня", "вечера", "утра", "недели", "выходных", "настроения", "удачи", "успехов", "здоровья", "мира",
        "всех благ", "с праздником", "с праздниками", "с наступающим", "до свидания", "до встречи", "пожелания", "наилучшие",
        "very", "much", "so", "so much", "a lot", "a bunch", "a million", "lots", "many", "really", "truly", "it", "this", "that", "it's", "that's", "it is", "that is", "this is",
        "everything is", "everything's", "all is", "problem is", "now", "all", "everything", "me", "us", "i", "we", "i've", "we've", "i'm", "we're", "i am", "we are", "you", "your", "you guys", "guys", "the",
        "team", "support team", "and", "to", "to you", "just", "already", "quickly", "well", "fine", "perfectly", "correctly", "properly", "as expected", "like a charm", "you're the best",
        "you are the best", "you rock", "you're awesome", "you are awesome", "you're great", "you are great", "that was quick", "that was fast", "was very helpful", "was helpful",
        "have a nice day", "have a good day", "have a great day", "have a lovely day", "have a nice weekend", "have a good weekend", "have a great weekend", "have a good one", "have a nice evening",
        "have a good evening", "have a great evening", "have a great week", "have a good week", "bye", "take care", "no worries",
        "велике", "щиро", "дуже", "красно", "вже", "тепер", "зараз", "усе", "мені", "нам", "гарного", "чудового", "до побачення", "вялікае", "вялікі", "шчыра", "вельмі", "ужо", "цяпер", "добрага",
        "дня", "вечара", "вечора", "да пабачэння", "ўсе", "і", "й",
        "sehr", "schön", "nochmals", "ihnen", "euch", "dir", "jetzt", "nun", "wieder", "alles", "es", "und", "gut", "einwandfrei", "schönen tag", "schönen tag noch", "schönes wochenende",
        "einen schönen tag", "einen schönen tag noch", "schönen abend", "auf wiedersehen", "tschüss",
    ]),
    (Role::Greeting, &[
        "здравствуйте", "здравствуй", "добрый день", "доброе утро", "добрый вечер", "доброй ночи", "доброго дня", "доброго времени суток", "доброго времени", "день добрый", "привет",
        "приветствую", "уважаемый", "уважаемая", "уважаемые", "дорогая", "дорогой", "дорогие", "коллеги", "уважаемые коллеги", "дорогие коллеги", "друзья", "ребята",
        "hello", "hi", "hi all", "hello all", "hey", "hi there", "hello there", "dear", "good morning", "good afternoon", "good evening", "good day", "colleagues", "everyone",
        "вітаю", "добрий день", "доброго ранку", "добрий вечір", "доброго вечора", "шановний", "шановна", "шановні", "колеги", "добры дзень", "вітаем", "добрай раніцы", "паважаныя",
        "hallo", "guten tag", "guten morgen", "guten abend", "liebe", "lieber", "moin", "servus",
    ]),
    (Role::Regards, &[
        "с уважением", "с наилучшими пожеланиями", "с благодарностью", "с теплом", "с почтением", "искренне ваш", "искренне ваша", "всего доброго", "всего хорошего", "всего наилучшего",
        "best regards", "kind regards", "warm regards", "kindest regards", "with best regards", "with kind regards", "regards", "best", "best wishes", "all the best", "sincerely",
        "yours sincerely", "yours truly", "with thanks", "br", "з повагою", "з найкращими побажаннями", "усього найкращого", "з павагай", "усяго добрага",
        "mit freundlichen grüßen", "mit freundlichem gruß", "freundliche grüße", "viele grüße", "beste grüße", "liebe grüße", "herzliche grüße", "mfg", "lg", "vg",
    ]),
];

/// Signs that thank or acknowledge by themselves.
#[rustfmt::skip]
pub(super) const NODS: [char; 15] = [
    '👍', '👌', '❤', '♥', '💐', '🌹', '👏', '🤝', '🙌', '💯', '✅', '✔', '☑', '🆗', '🫡',
];

/// Signs that only smile. Folded hands may beg.
#[rustfmt::skip]
pub(super) const SMILES: [char; 34] = [
    '🙏', '🙂', '😊', '😀', '😃', '😄', '😁', '😆', '☺', '😉', '🤗', '😍', '🥰', '😘', '😇', '🎉', '🎊', '💪', '🔥', '✨', '🌟', '⭐', '💖', '💕',
    '💛', '💚', '💙', '💜', '🧡', '🌸', '🌷', '🌺', '🌞', '❗',
];

/// Words of questions, requests, objections and new matters: never a name, and not for a signature either.
#[rustfmt::skip]
pub(super) const DOUBTS: &[&str] = &[
    "а", "но", "однако", "зато", "хотя", "же", "ли", "бы", "увы", "жаль", "или", "если", "только", "почти", "пока", "вроде", "еще", "также", "тоже", "заранее", "кстати", "вдруг", "ну", "вот",
    "как", "когда", "где", "куда", "откуда", "почему", "зачем", "что", "чего", "кто", "кого", "кому", "какой", "какая", "какое", "какие", "какую", "сколько", "чей", "разве", "неужели",
    "не", "нет", "ни", "нельзя", "никак", "никто", "ничего", "нигде", "никогда", "нужен", "нужна", "нужно", "нужны", "надо", "можно", "можете", "могу", "сможете", "прошу", "просим", "просьба",
    "пожалуйста", "плиз", "жду", "ждем", "хочу", "хотим", "хотел", "хотела", "хотелось", "срочно", "снова", "опять", "заново", "повторно", "вопрос", "вопросы", "плохо", "поздно", "долго", "зря",
    "but", "however", "though", "although", "still", "yet", "except", "only", "almost", "until", "unless", "if", "or", "also", "another", "again", "unfortunately", "sadly", "later", "wait", "waiting",
    "how", "when", "where", "why", "what", "who", "whom", "whose", "which", "can", "could", "would", "should", "will", "shall", "may", "might", "do", "does", "did", "is", "are", "was", "has",
    "not", "no", "never", "none", "nothing", "cannot", "can't", "don't", "doesn't", "didn't", "isn't", "won't", "please", "pls", "plz", "need", "help", "urgent", "asap", "question", "request",
    "broken", "wrong", "bad", "nope", "fail", "failed", "fails", "error", "errors", "problem", "problems", "issue", "issues",
    "але", "проте", "ні", "чому", "коли", "де", "як", "що", "хто", "чи", "ще", "знову", "треба", "можна", "калі", "дзе", "чаму", "што", "хто", "ці", "яшчэ", "зноў", "не", "няма",
    "aber", "jedoch", "doch", "nicht", "kein", "keine", "nein", "bitte", "wann", "wie", "wo", "warum", "wer", "was", "noch", "leider", "frage", "fehler", "kaputt",
];

/// How such words begin, whatever their endings.
#[rustfmt::skip]
pub(super) const DOUBT_STEMS: &[&str] = &[
    "подскаж", "помоги", "ошибк", "проблем", "слома", "пропал", "пропад", "исчез", "завис", "глюч", "сбой", "вылета", "перезвон", "позвони", "сообщите", "пришлите", "уточн", "поясните",
    "объясните", "разочаров", "ужас", "кошмар", "безобраз", "жалоб", "непонятн", "неверн", "неправильн", "неудобн", "несоглас", "нерабоч", "недоступн", "невозможн", "допоможіть", "проблєм",
];

/// Endings of verbs that no name has, or few.
#[rustfmt::skip]
pub(super) const DOUBT_ENDINGS: &[&str] = &["те", "ть", "лся", "тся", "сь", "но", "ло", "ет", "ит", "ют", "ing"];
