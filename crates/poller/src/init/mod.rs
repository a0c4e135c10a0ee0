//! `init`: five questions, and a configuration that works.
//!
//! `ask` talks with whoever sits there, or reads answers from a pipe; `providers` knows what each mail service needs and the
//! step that people miss; `questions` are the five; `file` writes what follows from them, and never over anything.

mod ask;
mod file;
mod providers;
mod questions;

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use ninetosix_core::check::words;
use ninetosix_core::config::{self, Language, Words};

use self::ask::Asker;
pub use self::ask::NoAnswer;
use self::file::Written;
use self::questions::say;

/// Why there is no configuration.
#[derive(Debug)]
pub enum InitError {
    /// Nobody answered.
    NoAnswer(NoAnswer),
    /// Something stands there already.
    Taken(PathBuf),
    /// There is no directory for it.
    NoDirectory(PathBuf),
    /// It cannot be written there.
    File(PathBuf, io::Error),
    /// What was written is refused when it is read again: by a variable of the environment, or it is our fault.
    Refused(config::Problems),
}

impl InitError {
    /// The same as the operator reads it.
    pub fn words(&self) -> Words {
        match self {
            InitError::NoAnswer(NoAnswer::Ended) => words(
                "ответы кончились раньше вопросов; ничего не записано",
                "there are fewer answers than questions; nothing was written",
            ),
            InitError::NoAnswer(NoAnswer::Io(error)) => words(
                format!("спросить не получается: {error}; ничего не записано"),
                format!("cannot ask: {error}; nothing was written"),
            ),
            InitError::Taken(path) => {
                let path = path.display();
                words(
                    format!(
                        "{path} уже есть, а поверх ничего не пишется: уберите его или назовите другое место: --output ФАЙЛ"
                    ),
                    format!(
                        "{path} is there already, and nothing is written over: move it away, or name another place: --output FILE"
                    ),
                )
            }
            InitError::NoDirectory(path) => {
                let path = path.display();
                words(
                    format!("каталога {path} нет, сначала создайте его: mkdir -p {path}"),
                    format!("there is no directory {path}, make it first: mkdir -p {path}"),
                )
            }
            InitError::File(path, error) => {
                let path = path.display();
                words(
                    format!("{path} не записать: {error}"),
                    format!("{path} cannot be written: {error}"),
                )
            }
            InitError::Refused(problems) => words(
                format!("записанное не читается и поэтому убрано:\n{problems}"),
                format!(
                    "what was written is refused when it is read, and was taken away:\n{problems}"
                ),
            ),
        }
    }
}

impl From<NoAnswer> for InitError {
    fn from(error: NoAnswer) -> InitError {
        InitError::NoAnswer(error)
    }
}

/// Asks, writes `path` and the password's file beside it, and says what to do next.
///
/// # Errors
/// [`InitError`]; nothing is left behind then, and nothing that was there is touched.
pub fn run(
    path: &Path,
    language: Language,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    is_terminal: bool,
) -> Result<(), InitError> {
    let written = Written::at(path)?;
    let mut asker = Asker::new(input, output, language, is_terminal);
    let answers = questions::ask(&mut asker)?;
    written.write(&answers, language)?;
    let told = config::load(path).map_err(InitError::Refused);
    let told = told.and_then(|_| {
        say(&answers, path)
            .iter()
            .try_for_each(|words| asker.tell(words).map_err(InitError::from))
    });
    if told.is_err() {
        written.undo();
    }
    told
}

/// The language that the environment asks for: English where a locale says so, else Russian.
pub fn language_of(locale: Option<&str>) -> Language {
    match locale {
        Some(locale) if locale.to_ascii_lowercase().starts_with("en") => Language::En,
        _ => Language::Ru,
    }
}

#[cfg(test)]
mod tests;
