//! Where settings come from: defaults, the file, the environment, merged into one tree of values.
//!
//! The `config` crate loads and merges; nothing is typed or judged here beyond "is it TOML at all". The
//! parser's own message quotes the offending line, and a password may stand on it, so only the place and
//! the rule that was broken are passed on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use config::{Config, ConfigError, Environment, FileFormat, Map, Source, Value};

use super::environment::{PREFIX, SEPARATOR, Surroundings};
use super::problem::{Flaw, Problem, Words, words};

const DEFAULTS: &str = include_str!("defaults.toml");

/// Where the file is when nobody says.
const DEFAULT_PATH: &str = "/etc/ninetosix/ninetosix.toml";

/// A configuration is a page of text; a log or an image given by mistake is not read into memory.
const FILE_CAP_BYTES: u64 = 1024 * 1024;

/// The configuration file to use: `--config`, else `NINETOSIX_CONFIG`, else `/etc/ninetosix/ninetosix.toml`.
pub fn path(cli: Option<PathBuf>) -> PathBuf {
    path_among(cli, &Surroundings::of_this_process())
}

fn path_among(cli: Option<PathBuf>, surroundings: &Surroundings) -> PathBuf {
    let named = || surroundings.get("NINETOSIX_CONFIG").map(PathBuf::from);
    cli.or_else(named)
        .unwrap_or_else(|| PathBuf::from(DEFAULT_PATH))
}

/// All sources merged.
pub(super) struct Gathered {
    /// The values by table and key.
    pub(super) tree: Map<String, Value>,
    /// Keys such as `desk.name` that a variable has set, and the variable.
    pub(super) from_environment: BTreeMap<String, String>,
}

/// Merges defaults, the file and the environment. What is wrong with variables is added to `problems`; a
/// file that cannot be read as TOML is the one problem that ends the search.
pub(super) fn gather(
    path: &Path,
    surroundings: &Surroundings,
    problems: &mut Vec<Problem>,
) -> Result<Gathered, Problem> {
    let text = read_text(path).map_err(|why| unreadable(&why).at(path.display().to_string()))?;
    let overrides = surroundings.overrides(problems);
    let environment = Environment::with_prefix(PREFIX)
        .separator(SEPARATOR)
        .source(Some(overrides.values.into_iter().collect()));
    let merged = Config::builder()
        .add_source(config::File::from_str(DEFAULTS, FileFormat::Toml))
        .add_source(config::File::from_str(&text, FileFormat::Toml))
        .add_source(environment)
        .build();
    let tree = merged.and_then(|merged| merged.collect());
    Ok(Gathered {
        tree: tree.map_err(|error| syntax(&error).at(path.display().to_string()))?,
        from_environment: overrides.keys,
    })
}

/// The text of a file of at most a mebibyte, without a byte order mark; or why there is none, as both
/// languages can show it.
///
/// # Errors
/// Why it cannot be used.
pub fn read_text(path: &Path) -> Result<String, Unreadable> {
    let mut bytes = Vec::new();
    open_at_once(path)
        .and_then(|file| file.take(FILE_CAP_BYTES + 1).read_to_end(&mut bytes))
        .map_err(Unreadable::Io)?;
    if bytes.len() as u64 > FILE_CAP_BYTES {
        return Err(Unreadable::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|_| Unreadable::NotUtf8)?;
    // Notepad begins files with a byte order mark.
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
}

/// Opens a file for reading without waiting: a pipe without a writer would be waited for without end.
pub(super) fn open_at_once(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
}

/// Why a text file cannot be used.
#[derive(Debug)]
pub enum Unreadable {
    /// It cannot be read.
    Io(io::Error),
    /// It is larger than a mebibyte.
    TooLarge,
    /// It is not UTF-8.
    NotUtf8,
}

impl Unreadable {
    /// The reason in both languages.
    pub fn words(&self) -> Words {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                words!("такого файла нет", "there is no such file")
            }
            Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                words!("нет права на чтение", "there is no permission to read it")
            }
            Self::Io(error) => words!("файл не читается ({error})", "it cannot be read ({error})"),
            Self::TooLarge => words!("файл больше мебибайта", "it is larger than a mebibyte"),
            Self::NotUtf8 => words!("файл не в кодировке UTF-8", "it is not UTF-8"),
        }
    }
}

fn unreadable(why: &Unreadable) -> Flaw {
    let cure = match why {
        Unreadable::Io(error) if error.kind() == io::ErrorKind::NotFound => words!(
            "ответьте на пять вопросов: ninetosix-poller init; или скопируйте сюда образец deploy/config/ninetosix.toml; или назовите свой файл: --config ФАЙЛ либо NINETOSIX_CONFIG",
            "answer five questions: ninetosix-poller init; or copy the sample deploy/config/ninetosix.toml here; or name your file: --config FILE or NINETOSIX_CONFIG"
        ),
        Unreadable::Io(_) => words!(
            "дайте пользователю службы право на чтение этого файла и на вход в его папку",
            "let the service's user read this file and enter its directory"
        ),
        Unreadable::TooLarge => words!(
            "назовите файл настроек: --config ФАЙЛ",
            "name the configuration file: --config FILE"
        ),
        Unreadable::NotUtf8 => words!("сохраните его в UTF-8", "save it as UTF-8"),
    };
    Flaw::new(why.words(), cure)
}

/// The place and the rule of a syntax error, without the line itself.
fn syntax(error: &ConfigError) -> Flaw {
    let text = error.to_string();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    let rule = lines.next_back().unwrap_or(first);
    let place = first
        .split_once("at line ")
        .map(|(_, place)| place.replace(", column ", ":"));
    let what = match place {
        Some(place) => words!(
            "не TOML, строка {place}: {rule}",
            "not TOML, line {place}: {rule}"
        ),
        None => words!("не TOML: {rule}", "not TOML: {rule}"),
    };
    Flaw::new(
        what,
        words!(
            "исправьте эту строку: строковые значения стоят в кавычках, один ключ не повторяется, таблица закрыта скобкой",
            "mend that line: strings stand in quotes, no key stands twice, a table's bracket is closed"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;

    fn gathered(text: &str) -> Result<Gathered, Problem> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ninetosix.toml");
        std::fs::write(&path, text).expect("written");
        gather(&path, &Surroundings::of(&[]), &mut Vec::new())
    }

    #[test]
    fn the_command_line_goes_before_the_variable_and_the_variable_before_the_default() {
        let set = Surroundings::of(&[("NINETOSIX_CONFIG", "/srv/a.toml")]);
        let empty = Surroundings::of(&[("NINETOSIX_CONFIG", "")]);
        let cli = Some(PathBuf::from("b.toml"));
        assert_eq!(path_among(cli, &set), Path::new("b.toml"));
        assert_eq!(path_among(None, &set), Path::new("/srv/a.toml"));
        assert_eq!(path_among(None, &empty), Path::new(DEFAULT_PATH));
    }

    #[test]
    fn a_syntax_error_names_the_line_and_never_quotes_it() {
        for text in [
            "a = 1\npassword = hunter2\n",
            "a = 1\npassword = \"hunter2\n",
            "a = 1\npassword \"hunter2\"\n",
        ] {
            let line = gathered(text).err().expect("refused").line(Language::En);
            assert!(line.contains("line 2:"), "{line}");
            assert!(!line.contains("hunter2"), "{line}");
        }
    }

    #[test]
    fn a_missing_file_says_where_the_sample_is() {
        let missing = Path::new("/nonexistent/ninetosix.toml");
        let problem = gather(missing, &Surroundings::of(&[]), &mut Vec::new()).err();
        let line = problem.expect("refused").line(Language::Ru);
        assert!(line.contains("deploy/config/ninetosix.toml"), "{line}");
    }

    #[test]
    fn a_byte_order_mark_is_no_error() {
        assert!(gathered("\u{feff}language = \"en\"\n").is_ok());
    }
}
