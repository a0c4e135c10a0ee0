//! Reads the commands out of the own words of a specialist's letter.
//!
//! Decides which lines are commands, which are words, and when a letter must be held because it could be
//! read in two ways (spec/commands.md, "Parsing, in order", steps 5 to 9). Nothing is guessed: a slip of the
//! finger is answered with a suggestion and never executed, and one error voids the whole letter. Finding
//! the own words is `reply_text`'s matter; who may command, and what a command does, is decided elsewhere.

use thiserror::Error;

use super::address::EmailAddress;
use super::reply_text::fold;

/// A letter may carry so many command lines.
pub const MAX_COMMANDS: usize = 5;

/// What a specialist can order in this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Send the own words, if any, and close the ticket.
    Close,
    /// Make the writer of the letter the assignee.
    Take,
    /// Keep the whole letter inside the desk.
    Note,
    /// Let go an answer that is held.
    Send,
    /// Withdraw what has not left or taken effect.
    Cancel,
    /// Put the address of the ticket's writer right.
    Address,
}

impl Command {
    /// The word by which texts name the command, without its prefix.
    pub fn word(self) -> &'static str {
        match self {
            Command::Close => "закрыть",
            Command::Take => "взять",
            Command::Note => "заметка",
            Command::Send => "отправить",
            Command::Cancel => "отмена",
            Command::Address => "адрес",
        }
    }
}

/// What one letter asks for: the orders, each once, in the order written, and the words without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instructions {
    /// The commands, without repetitions.
    pub commands: Vec<Command>,
    /// What is left when the command lines at the top and at the bottom are taken away.
    pub words: String,
    /// The address that [`Command::Address`] names.
    pub address: Option<EmailAddress>,
    /// Whether [`Command::Send`] is to leave the files out.
    pub without_files: bool,
}

impl Instructions {
    /// Whether the words are internal and may never reach a user.
    pub fn is_note(&self) -> bool {
        self.commands.contains(&Command::Note)
    }

    /// Whether the ticket is to be closed.
    pub fn closes(&self) -> bool {
        self.commands.contains(&Command::Close)
    }

    /// Whether the writer takes the ticket.
    pub fn takes(&self) -> bool {
        self.commands.contains(&Command::Take)
    }

    /// Whether an answer that is held is to go.
    pub fn sends(&self) -> bool {
        self.commands.contains(&Command::Send)
    }

    /// Whether what has not left is to be withdrawn.
    pub fn cancels(&self) -> bool {
        self.commands.contains(&Command::Cancel)
    }

    /// Whether the commands and the words can all be meant.
    fn is_one_order(&self) -> Result<(), CommandError> {
        let has = |command: &Command| self.commands.contains(command);
        let pairs = [
            (Command::Note, Command::Send),
            (Command::Note, Command::Address),
            (Command::Cancel, Command::Send),
            (Command::Cancel, Command::Close),
            (Command::Cancel, Command::Note),
            (Command::Cancel, Command::Take),
            (Command::Cancel, Command::Address),
        ];
        let both = pairs
            .into_iter()
            .find(|(one, other)| has(one) && has(other));
        if let Some((one, other)) = both {
            return Err(CommandError::Contradiction { one, other });
        }
        if self.words.is_empty() {
            return Ok(());
        }
        if self.is_note() && self.closes() {
            let (one, other) = (Command::Note, Command::Close);
            return Err(CommandError::Contradiction { one, other });
        }
        let settles = [Command::Send, Command::Cancel];
        match settles.into_iter().find(has) {
            Some(command) => Err(CommandError::BesideWords { command }),
            None => Ok(()),
        }
    }
}

/// Why a letter is held and its author asked. Nothing of it has been executed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// A line has the shape of a command but is none.
    #[error("unknown command {written:?}")]
    Unknown {
        /// The line as it stands in the letter, at most forty characters of it.
        written: String,
        /// The word that was probably meant, without its prefix.
        suggestion: Option<&'static str>,
    },
    /// A command of a later version.
    #[error("command {word:?} is not available yet")]
    NotYet {
        /// The word without its prefix.
        word: &'static str,
    },
    /// A command on a line of its own between ordinary lines.
    #[error("command {:?} stands in the middle of the text", .command.word())]
    InTheMiddle {
        /// The command found there.
        command: Command,
    },
    /// The letter is marked as a note, but not in its first line.
    #[error("a note must be declared in the first line")]
    NoteNotFirst,
    /// Something follows a command that stands alone.
    #[error("command {:?} takes no argument", .command.word())]
    NoArgument {
        /// The command.
        command: Command,
        /// The line as it stands in the letter, at most forty characters of it.
        written: String,
    },
    /// No address follows a command that needs one.
    #[error("command {:?} needs an address", .command.word())]
    NoAddress {
        /// The command.
        command: Command,
        /// The line as it stands in the letter, at most forty characters of it.
        written: String,
    },
    /// Words beside a command that settles words written before.
    #[error("command {:?} stands beside words", .command.word())]
    BesideWords {
        /// The command.
        command: Command,
    },
    /// Two commands that cannot both be meant.
    #[error("commands {:?} and {:?} contradict each other", .one.word(), .other.word())]
    Contradiction {
        /// The first of them.
        one: Command,
        /// The second of them.
        other: Command,
    },
    /// More command lines than a letter may carry.
    #[error("{found} commands in one letter, at most {MAX_COMMANDS} are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// The words of this version.
const WORDS: [(&str, Command); 17] = [
    ("закрыть", Command::Close),
    ("решено", Command::Close),
    ("готово", Command::Close),
    ("close", Command::Close),
    ("done", Command::Close),
    ("взять", Command::Take),
    ("беру", Command::Take),
    ("take", Command::Take),
    ("заметка", Command::Note),
    ("внутреннее", Command::Note),
    ("note", Command::Note),
    ("отправить", Command::Send),
    ("send", Command::Send),
    ("отмена", Command::Cancel),
    ("cancel", Command::Cancel),
    ("адрес", Command::Address),
    ("address", Command::Address),
];

/// The words that spec/commands.md reserves and this version does not know yet.
#[rustfmt::skip]
const LATER: [&str; 41] = [
    "передать", "назначить", "assign", "уточнить", "вопрос", "ask", "категория", "кат", "category", "срочно",
    "обычно", "urgent", "normal", "объединить", "merge", "отложить", "snooze", "until", "ответ", "шаблон",
    "template", "копия", "cc", "завести", "новый сотрудник", "new", "onboard", "всем", "all",
    "новое", "split", "отпуск", "away", "официальное", "спам", "formal", "spam", "статус", "помощь",
    "status", "help",
];
/// What may stand behind [`Command::Send`], folded. What is held of an answer that could not be told from a quotation is
/// its top alone.
const HOW_TO_SEND: [&str; 2] = ["только верх", "top only"];
const WITHOUT_FILES: [&str; 2] = ["без вложений", "without attachments"];

/// What may stand before a command word.
pub(super) const PREFIXES: [char; 3] = ['#', '№', '＃'];
/// What may stand behind one.
const STOPS: [char; 4] = ['.', ',', ';', '!'];

/// A word of the tables above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Now(Command),
    Later(&'static str),
}

/// How one line reads.
enum Reading {
    Blank,
    Words,
    Command(Command, Argument),
    Held(CommandError),
}

/// What stands behind a command.
#[derive(Default)]
struct Argument {
    address: Option<EmailAddress>,
    without_files: bool,
}

/// Reads the commands and the words of a letter whose quote and signature are already cut.
pub fn parse(own: &str) -> Result<Instructions, CommandError> {
    let mut commands: Vec<Command> = Vec::new();
    let mut words: Option<(usize, usize)> = None;
    // A command under ordinary lines: fine at the bottom, an error as soon as another such line follows.
    let mut below_words: Option<Command> = None;
    let (mut next, mut found) = (0, 0);
    let mut argument = Argument::default();
    for raw in own.split_inclusive('\n') {
        let start = next;
        next += raw.len();
        let first = found == 0 && words.is_none();
        match read(raw.trim(), first) {
            Reading::Blank => {}
            Reading::Held(error) => return Err(error),
            Reading::Words => {
                if let Some(command) = below_words {
                    return Err(CommandError::InTheMiddle { command });
                }
                words = Some((words.map_or(start, |(from, _)| from), next));
            }
            Reading::Command(command, with) => {
                found += 1;
                argument.without_files |= with.without_files;
                if with.address.is_some() {
                    argument.address = with.address;
                }
                if command == Command::Note && !first && !commands.contains(&Command::Note) {
                    return Err(CommandError::NoteNotFirst);
                }
                if words.is_some() {
                    below_words = below_words.or(Some(command));
                }
                if !commands.contains(&command) {
                    commands.push(command);
                }
            }
        }
    }
    if found > MAX_COMMANDS {
        return Err(CommandError::TooMany { found });
    }
    let words = words.map_or("", |(from, to)| own[from..to].trim());
    let words = words.to_owned();
    let instructions = Instructions {
        commands,
        words,
        address: argument.address,
        without_files: argument.without_files,
    };
    instructions.is_one_order().map(|()| instructions)
}

/// Returns the words of a letter without any line that reads like a command, right or wrong: what is left to be sent if
/// its author says so.
pub fn words_alone(own: &str) -> String {
    let is_word = |raw: &&str| matches!(read(raw.trim(), false), Reading::Words | Reading::Blank);
    let kept: Vec<&str> = own.lines().filter(is_word).collect();
    kept.join("\n").trim().to_owned()
}

/// Reads one line; `first` when nothing but blank lines stands above it.
fn read(raw: &str, first: bool) -> Reading {
    let folded = fold(raw);
    let line = folded.trim();
    if line.is_empty() {
        return Reading::Blank;
    }
    let Some(prefix) = line.chars().next().filter(|c| PREFIXES.contains(c)) else {
        return read_damaged(raw, line, first);
    };
    let rest = line[prefix.len_utf8()..].trim_start();
    if let Some((known, alone)) = lookup(rest) {
        return match known {
            Word::Now(command) => match argument(command, rest, raw, alone) {
                Ok(argument) => Reading::Command(command, argument),
                Err(error) => Reading::Held(error),
            },
            Word::Later(word) => Reading::Held(CommandError::NotYet { word }),
        };
    }
    let token = rest.split(' ').next().unwrap_or("");
    let suggestion = suggest(token);
    let unknown = match prefix {
        // "№ приказа" and "№ 15 кабинет" are ordinary text.
        '№' => suggestion.is_some() && token == rest,
        _ => suggestion.is_some() || rest.starts_with(char::is_alphabetic),
    };
    if unknown {
        return held_unknown(raw, suggestion);
    }
    read_damaged(raw, line, first)
}

/// Reads what stands behind a command: `folded` is the line without its prefix, `raw` the line as written.
fn argument(
    command: Command,
    folded: &str,
    raw: &str,
    alone: bool,
) -> Result<Argument, CommandError> {
    let written = excerpt(raw);
    let said = folded.split_once(' ').map_or("", |(_, said)| said);
    let said = said.trim_end_matches(STOPS).trim();
    match command {
        Command::Address => {
            let last = raw.split_whitespace().next_back().unwrap_or_default();
            let address = last.trim_start_matches(['<', '«', '"']);
            let address = address.trim_end_matches(['>', '»', '"', '.', ',', ';', '!']);
            match EmailAddress::parse(address) {
                Some(address) if folded.split(' ').count() == 2 => Ok(Argument {
                    address: Some(address),
                    without_files: false,
                }),
                _ => Err(CommandError::NoAddress { command, written }),
            }
        }
        _ if alone => Ok(Argument::default()),
        Command::Send if WITHOUT_FILES.contains(&said) => Ok(Argument {
            address: None,
            without_files: true,
        }),
        Command::Send if HOW_TO_SEND.contains(&said) => Ok(Argument::default()),
        _ => Err(CommandError::NoArgument { command, written }),
    }
}

/// A line without a clean prefix is words, unless the whole of it is a known word and only signs around it
/// tell a command that was quoted («#закрыть»), made bold, or re-coded to KOI8-R, which has no «№» ("?закрыть").
/// A first line that says just "Заметка" is held too: sent as an answer it would be the worst of leaks.
fn read_damaged(raw: &str, line: &str, first: bool) -> Reading {
    let bare = line.trim_matches(|c: char| !c.is_alphanumeric());
    let lead = line.find(bare).map_or("", |at| line[..at].trim());
    let damaged = lead.contains(PREFIXES) || lead == "?";
    match lookup(bare) {
        Some((Word::Now(command), true)) if damaged || (first && command == Command::Note) => {
            held_unknown(raw, Some(command.word()))
        }
        Some((Word::Later(word), true)) if damaged => Reading::Held(CommandError::NotYet { word }),
        _ => Reading::Words,
    }
}

fn held_unknown(raw: &str, suggestion: Option<&'static str>) -> Reading {
    let written = excerpt(raw);
    Reading::Held(CommandError::Unknown {
        written,
        suggestion,
    })
}

/// Finds the command word at the start of a folded line, and whether it is all of it.
fn lookup(line: &str) -> Option<(Word, bool)> {
    let spaced = |c: char| matches!(c, ' ' | '-' | '‐' | '‑' | '–');
    let line = line.trim_end_matches(|c| c == ' ' || STOPS.contains(&c));
    let mut tokens = line.split(spaced).filter(|token| !token.is_empty());
    let one = tokens.next()?.trim_end_matches(STOPS);
    let two = tokens.next().map(|two| two.trim_end_matches(STOPS));
    if let Some((_, command)) = WORDS.iter().find(|(word, _)| *word == one) {
        return Some((Word::Now(*command), two.is_none()));
    }
    let pair = two.map(|two| format!("{one} {two}")).unwrap_or_default();
    let word = LATER.iter().find(|word| **word == one || **word == pair)?;
    let alone = two.is_none() || (**word == pair && tokens.next().is_none());
    Some((Word::Later(word), alone))
}

/// Returns what a folded line that is nothing but a command word means.
pub(super) fn word(line: &str) -> Option<Word> {
    lookup(line)
        .filter(|(_, alone)| *alone)
        .map(|(word, _)| word)
}

/// The word that a slip of one key, or the wrong keyboard layout, may have turned into this one.
fn suggest(token: &str) -> Option<&'static str> {
    const LATIN: &str = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`";
    const CYRILLIC: &str = "йцукенгшщзхъфывапролджэячсмитьбюе";
    if token.chars().nth(24).is_some() {
        return None;
    }
    let retyped = |text: &str, from: &str, to: &str| -> String {
        let keys = |c: char| from.chars().zip(to.chars()).find(|(key, _)| *key == c);
        let keyed = text.chars().map(|c| keys(c).map_or(c, |(_, meant)| meant));
        keyed.collect()
    };
    let typed = token.trim_end_matches(STOPS);
    let russian = [
        retyped(token, LATIN, CYRILLIC),
        retyped(typed, LATIN, CYRILLIC),
    ];
    let english = retyped(typed, CYRILLIC, LATIN);
    let meant = |word: &&str| {
        strsim::osa_distance(typed, word) == 1
            || english == *word
            || russian.iter().any(|r| r == *word)
    };
    WORDS.iter().map(|(word, _)| *word).find(meant)
}

/// The beginning of a line, short enough to be shown in a letter.
pub(super) fn excerpt(raw: &str) -> String {
    raw.chars().take(40).collect()
}

#[cfg(test)]
#[rustfmt::skip] // Tables are read a row a line.
mod tests {
    use super::{Command::*, CommandError::*, *};

    fn check(own: &str, commands: &[Command], words: &str) {
        let expected = Instructions {
            commands: commands.to_vec(),
            words: words.to_owned(),
            address: None,
            without_files: false,
        };
        assert_eq!(parse(own), Ok(expected), "{own:?}");
    }

    fn check_err(own: &str, expected: &CommandError) {
        assert_eq!(parse(own).as_ref(), Err(expected), "{own:?}");
    }

    fn unknown(written: &str, suggestion: Option<&'static str>) -> CommandError {
        Unknown {
            written: written.to_owned(),
            suggestion,
        }
    }

    #[test]
    fn every_word_of_this_version_is_understood_however_a_telephone_writes_it() {
        for (word, command) in WORDS.into_iter().filter(|(_, command)| *command != Address) {
            let capital = word.chars().next().into_iter().flat_map(char::to_uppercase).collect::<String>();
            let capital = capital + &word.chars().skip(1).collect::<String>();
            for line in [
                format!("#{word}"), format!("# {capital}."), format!("№{}", word.to_uppercase()),
                format!("№\u{a0}{capital}!"), format!("＃{word};"), format!("  #{word} , \r\n"),
                format!("\u{feff}#{word}\u{200b}"),
            ] {
                check(&line, &[command], "");
            }
        }
        check("#закрЫть...", &[Close], "");
    }

    #[test]
    fn commands_stand_in_the_leading_and_the_trailing_block() {
        let text = "Здравствуйте!\n\nКабинет 14 свободен.";
        check(text, &[], text);
        check("", &[], "");
        check(" \n\n", &[], "");
        check(&format!("#взять\n\n{text}\n\n#закрыть\n"), &[Take, Close], text);
        check(&format!("#взять\n#закрыть\n{text}"), &[Take, Close], text);
        check(&format!("\n{text}\n#взять\n\n№ Готово."), &[Take, Close], text);
        check("#закрыть\n\n#закрыть\n#Решено", &[Close], "");
        check("#заметка\nМама звонила.\n\nПароль не давать.", &[Note], "Мама звонила.\n\nПароль не давать.");
        check("\n#Внутреннее.\n#взять\nразберусь\n#беру", &[Note, Take], "разберусь");
        check("#заметка\n#закрыть", &[Note, Close], "");
    }

    #[test]
    fn numbers_and_ordinary_lines_are_words() {
        for text in [
            "# 1", "#11", "#1: кабинет", "№ 15 кабинет", "№ приказа", "№ приказа 12", "Приказ № 5\n№ дела", "#", "№",
            "Закрыть", "готово", "решено", "Нажмите «Закрыть»", "в #закрыть смысла нет", "C# и F#", "?", "???",
            "Заметка: кабинет занят", "Текст\nЗаметка", "1. готово", "— готово", "#️⃣", "3: взять",
        ] {
            check(text, &[], text);
        }
    }

    #[test]
    fn a_slip_is_suggested_and_never_executed() {
        for (meant, lines) in [
            (Some("закрыть"), &[
                "#закрить", "#закыть", "#зкарыть", "#закрытьь.", "#закрыть?", "№закрить", "#закрыт тикет", "#pfrhsnm",
                "#PFRHSNM.", "#зaкрыть" /* a Latin a */, "«#закрыть»", "*#Закрыть*", "?закрыть",
            ] as &[&'static str]),
            (Some("взять"), &["#dpznm", "? Взять", "#взят", "(№ взять)"]),
            (Some("беру"), &["#,the"]),
            (Some("done"), &["№вщту"]),
            (Some("решено"), &["##решено"]),
            (Some("заметка"), &["#заметка:", "#pfvtnrf", "\\#заметка"]),
            (None, &["#передат", "#приказа", "# Заголовок", "#закрыть,взять", "#новый", "＃hashtag"]),
        ] {
            for line in lines {
                check_err(line, &unknown(line, meant));
                check_err(&format!("Ответ.\n{line}"), &unknown(line, meant));
                check_err(&format!("Ответ.\n{line}\nИ ещё."), &unknown(line, meant));
            }
        }
        check_err(&format!("#{}", "ы".repeat(9000)), &unknown(&format!("#{}", "ы".repeat(39)), None));
    }

    #[test]
    fn a_note_that_lost_its_prefix_is_not_sent() {
        for line in ["Заметка", "заметка:", "Внутреннее.", "NOTE", "?заметка", "- #заметка"] {
            let meant = parse(&format!("{line}\nМама звонила."));
            assert!(matches!(meant, Err(Unknown { suggestion: Some(_), .. })), "{line}: {meant:?}");
        }
        for text in ["Коллеги,\n#заметка\nтекст", "#взять\n#заметка\nтекст", "текст\n#заметка"] {
            check_err(text, &NoteNotFirst);
        }
    }

    #[test]
    fn commands_of_later_versions_are_named() {
        for word in LATER {
            check_err(&format!("#{word}"), &NotYet { word });
            check_err(&format!("Текст\n№ {}. до пятницы", word.to_uppercase()), &NotYet { word });
            check_err(&format!("Текст\n«#{word}»"), &NotYet { word });
        }
        check_err("#Новый-сотрудник Лебедев", &NotYet { word: "новый сотрудник" });
        check_err("#ВСЁМ!", &NotYet { word: "всем" });
        check_err("?статус", &NotYet { word: "статус" });
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_held() {
        check_err("Ответ.\n#закрыть\nЕщё слово.", &InTheMiddle { command: Close });
        check_err("#взять\nОтвет.\n\n№ Беру\n#готово\nЕщё.", &InTheMiddle { command: Take });
        check_err("#заметка\nтекст\n#закрыть", &Contradiction { one: Note, other: Close });
        check_err("#заметка\n#закрыть\nтекст", &Contradiction { one: Note, other: Close });
        for (line, command) in [
            ("#взять 1057 1058", Take), ("#закрыть, спасибо", Close), ("#заметка мама звонила", Note),
            ("#закрыть-срочно", Close),
        ] {
            check_err(line, &NoArgument { command, written: line.to_owned() });
        }
        check(&"#закрыть\n".repeat(5), &[Close], "");
        check_err(&"#закрыть\n".repeat(6), &TooMany { found: 6 });
    }

    #[test]
    fn what_settles_earlier_words_stands_alone() {
        check("#отправить", &[Send], "");
        check("#Отправить только верх.", &[Send], "");
        check("#закрыть\n#отправить", &[Close, Send], "");
        check("#cancel", &[Cancel], "");
        for line in ["#отправить без вложений", "#send without attachments!"] {
            assert!(parse(line).expect("an order").without_files, "{line}");
        }
        check_err("#отправить Рите", &NoArgument { command: Send, written: "#отправить Рите".into() });
        check_err("Текст.\n#отправить", &BesideWords { command: Send });
        check_err("#отмена\nЯ передумал.", &BesideWords { command: Cancel });
        check_err("#отмена\n#закрыть", &Contradiction { one: Cancel, other: Close });
        check_err("#заметка\n#отправить", &Contradiction { one: Note, other: Send });
    }

    #[test]
    fn an_address_is_read_as_programs_write_it() {
        for line in ["#адрес Rita@Family.test", "#Address <rita@family.test>.", "№ адрес «rita@family.test»"] {
            let read = parse(line).expect("an order");
            let address = read.address.map(|address| address.to_string());
            assert_eq!((read.commands, address.as_deref()), (vec![Address], Some("rita@family.test")), "{line}");
        }
        for line in ["#адрес", "#адрес Рита", "#адрес rita@family.test olga@family.test", "#адрес rita@"] {
            check_err(line, &NoAddress { command: Address, written: line.to_owned() });
        }
    }

    #[test]
    fn the_words_alone_hold_no_line_that_reads_like_a_command() {
        for (own, words) in [
            ("Раз.\n#закрыть\nДва.", "Раз.\nДва."),
            ("Готово.\n#закрить", "Готово."),
            ("#передать анна\nПосмотри.", "Посмотри."),
            ("# 1 и #11", "# 1 и #11"),
            ("#закрыть", ""),
        ] {
            assert_eq!(words_alone(own), words, "{own:?}");
        }
    }

    #[test]
    fn a_note_and_an_answer_are_told_apart() {
        let note = parse("#заметка\nтекст").expect("a note");
        assert!(note.is_note() && note.words == "текст");
        let answer = parse("текст\n#закрыть\n#взять").expect("an answer");
        assert!(answer.closes() && answer.takes() && answer.words == "текст");
        let bare = parse("#закрыть").expect("a command");
        assert!(bare.words.is_empty() && bare.closes());
        assert_eq!(unknown("#x", None).to_string(), "unknown command \"#x\"");
        assert_eq!(InTheMiddle { command: Take }.to_string(), "command \"взять\" stands in the middle of the text");
    }
}
