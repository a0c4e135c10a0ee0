//! One question at a time: with a default, and again with a reason where the answer makes no sense. Answers come from a
//! terminal, where a password is not shown, or a line each from a pipe.

use std::io::{self, BufRead, Write, stdin};

use ninetosix_core::config::{Language, Words};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// A line longer than this is no answer.
const LONGEST: usize = 1000;

/// Nobody answers.
#[derive(Debug)]
pub enum NoAnswer {
    /// The answers ended before the questions.
    Ended,
    /// The terminal or the pipe is broken.
    Io(io::Error),
}

impl From<io::Error> for NoAnswer {
    fn from(error: io::Error) -> NoAnswer {
        NoAnswer::Io(error)
    }
}

/// Who asks.
pub(super) struct Asker<'a> {
    input: &'a mut dyn BufRead,
    output: &'a mut dyn Write,
    language: Language,
    is_terminal: bool,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        input: &'a mut dyn BufRead,
        output: &'a mut dyn Write,
        language: Language,
        is_terminal: bool,
    ) -> Asker<'a> {
        Asker {
            input,
            output,
            language,
            is_terminal,
        }
    }

    pub(super) fn language(&self) -> Language {
        self.language
    }

    /// Says something.
    pub(super) fn tell(&mut self, words: &Words) -> Result<(), NoAnswer> {
        writeln!(self.output, "{}", words.of(self.language))?;
        Ok(())
    }

    /// Asks until the answer makes sense; an empty one is the default, where there is one.
    pub(super) fn ask<T>(
        &mut self,
        question: &Words,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T, Words>,
    ) -> Result<T, NoAnswer> {
        loop {
            let shown = default.map(|default| format!(" [{default}]"));
            let shown = shown.unwrap_or_default();
            write!(self.output, "{}{shown}: ", question.of(self.language))?;
            self.output.flush()?;
            let line = self.line()?;
            let answer = match (line.trim(), default) {
                ("", Some(default)) => default,
                (answer, _) => answer,
            };
            match read(answer) {
                Ok(value) => return Ok(value),
                Err(why) => self.tell(&why)?,
            }
        }
    }

    /// Asks for a secret, which the terminal does not show.
    pub(super) fn ask_secret(
        &mut self,
        question: &Words,
        read: impl Fn(&str) -> Result<(), Words>,
    ) -> Result<SecretString, NoAnswer> {
        loop {
            // Before the prompt, so that whoever types after it types unseen.
            let quiet = self.is_terminal.then(Quiet::begin).transpose()?;
            write!(self.output, "{}: ", question.of(self.language))?;
            self.output.flush()?;
            let line = self.line()?;
            if let Some(quiet) = quiet {
                drop(quiet);
                writeln!(self.output)?;
            }
            match read(&line) {
                Ok(()) => return Ok(SecretString::from(line.as_str())),
                Err(why) => self.tell(&why)?,
            }
        }
    }

    /// One line without its end.
    fn line(&mut self) -> Result<Zeroizing<String>, NoAnswer> {
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        let mut limited = io::Read::take(&mut *self.input, LONGEST as u64);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Err(NoAnswer::Ended);
        }
        let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        if line.len() == LONGEST {
            return Err(invalid("the answer is too long").into());
        }
        let text = std::str::from_utf8(&line).map_err(|_| invalid("the answer is not UTF-8"))?;
        Ok(Zeroizing::new(
            text.trim_end_matches(['\r', '\n']).to_owned(),
        ))
    }
}

/// As long as it lives the terminal shows nothing of what is typed, but for the end of the line.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Quiet> {
        let before = tcgetattr(stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Quiet(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs none.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}
