//! `calendar import`: a year's production calendar translated from another format, dry unless a file to write is named.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ninetosix_core::calendar_import::{self, FILE_CAP_BYTES, Format, Imported, Request};
use ninetosix_core::check::words;
use ninetosix_core::cli::{Exit, printable};
use ninetosix_core::config::{Language, Problem, Words};
use ninetosix_core::domain::calendar::Calendar;
use ninetosix_core::tell;

/// What is to be translated.
#[derive(Debug, Args)]
pub struct Import {
    /// The file; - is standard input
    file: PathBuf,
    /// Its format [default: recognised]
    #[arg(long, value_parser = format_parser())]
    format: Option<Format>,
    /// The year, where the format does not tell it or the file has several
    #[arg(long)]
    year: Option<i32>,
    /// Which events of an ICS feed close the desk, by the numbers that are listed without it: 1,3-5 or all
    #[arg(long, value_name = "NUMBERS")]
    take: Option<String>,
    /// Write the year in our own CSV to this new file
    #[arg(long, value_name = "OUT.csv")]
    write: Option<PathBuf>,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.map(Format::name);
    PossibleValuesParser::new(names).map(|name| {
        let mut all = Format::ALL.into_iter();
        all.find(|format| format.name() == name)
            .expect("clap lets no other names through")
    })
}

impl Import {
    /// Reports what the file says and changes, and writes it if asked.
    ///
    /// # Errors
    /// None but those of printing: what is wrong with a file is said in the desk's language.
    pub fn run(&self, calendar: &Calendar, language: Language) -> anyhow::Result<Exit> {
        let say = |words: &Words| printable(words.of(language));
        let refuse = |problem: Problem| {
            eprintln!("{}", problem.line(language));
            Ok(Exit::Problem)
        };
        let bytes = match self.bytes() {
            Ok(bytes) => bytes,
            Err(error) => return refuse(self.unreadable(&error)),
        };
        let name = self.name();
        let attempt = calendar_import::import(
            Request {
                name: &name,
                format: self.format,
                year: self.year,
                take: self.take.as_deref(),
            },
            &bytes,
        );
        for event in &attempt.events {
            tell!("{}", say(event));
        }
        let imported = match attempt.result {
            Ok(imported) => imported,
            Err(problem) => return refuse(problem),
        };
        for line in imported.report(calendar.production()) {
            tell!("{}", say(&line));
        }
        let Some(out) = &self.write else {
            tell!("{}", say(&dry()));
            return Ok(Exit::Fine);
        };
        if let Err(error) = write_new(out, &imported.csv) {
            return refuse(unwritten(out, &error));
        }
        tell!("{}", say(&written(out, &imported)));
        Ok(Exit::Fine)
    }

    fn name(&self) -> String {
        if self.is_stdin() {
            "stdin".to_owned()
        } else {
            self.file.display().to_string()
        }
    }

    fn is_stdin(&self) -> bool {
        self.file.as_os_str() == "-"
    }

    /// The beginning of the file: one byte more than a calendar may have tells that it is too large.
    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.is_stdin() {
            io::stdin()
                .lock()
                .take(FILE_CAP_BYTES + 1)
                .read_to_end(&mut bytes)?;
        } else {
            File::open(&self.file)?
                .take(FILE_CAP_BYTES + 1)
                .read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    fn unreadable(&self, error: &io::Error) -> Problem {
        Problem {
            place: self.name(),
            what: words(
                format!("файл не читается: {error}"),
                format!("the file cannot be read: {error}"),
            ),
            cure: words(
                "проверьте имя файла и право на чтение",
                "see to the file's name and the permission to read it",
            ),
        }
    }
}

fn dry() -> Words {
    words(
        "Ничего не записано. Если всё верно, запишите: --write ГОД.csv",
        "Nothing was written. If all is right, write it: --write YEAR.csv",
    )
}

fn written(out: &Path, imported: &Imported) -> Words {
    // The configuration reads names from its own folder, and not from where the command was run.
    let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
    let (out, year) = (out.display().to_string(), imported.year);
    words(
        format!(
            "Записано. Впишите в настройки, в [hours]: calendar = \"ru\" и calendar_files = [{out:?}]; год {year} заменится целиком. Прежний файл этого года, если он там есть, уберите."
        ),
        format!(
            "Written. Put into the configuration, in [hours]: calendar = \"ru\" and calendar_files = [{out:?}]; it replaces {year} as a whole. Take out the former file of that year, if one is there."
        ),
    )
}

fn unwritten(out: &Path, error: &io::Error) -> Problem {
    let place = out.display().to_string();
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Problem {
            place,
            what: words(
                "такой файл уже есть и остаётся как был",
                "there is such a file already, and it stays as it was",
            ),
            cure: words(
                "назовите другой файл или уберите этот",
                "name another file, or take this one away",
            ),
        };
    }
    Problem {
        place,
        what: words(
            format!("файл не записать: {error}"),
            format!("the file cannot be written: {error}"),
        ),
        cure: words(
            "проверьте, что каталог есть, доступен на запись и в нём есть место",
            "see that the directory exists, is writable and has space",
        ),
    }
}

/// Writes a file that was not there: it has its name only once it is whole.
fn write_new(out: &Path, text: &str) -> io::Result<()> {
    let Some(name) = out.file_name() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut unfinished = name.to_owned();
    unfinished.push(format!(".{}.part", std::process::id()));
    let unfinished = out.with_file_name(unfinished);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&unfinished)?;
    let whole = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        // Unlike a rename, a link never takes the place of another file.
        .and_then(|()| fs::hard_link(&unfinished, out));
    let removed = fs::remove_file(&unfinished);
    whole.and(removed)
}
