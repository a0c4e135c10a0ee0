//! Passwords: where they are looked for, and which files are too open to be believed.
//!
//! For a file named `mail.password` in the configuration, the first of these that exists is read:
//!
//! 1. `$CREDENTIALS_DIRECTORY/mail.password`, as systemd's `LoadCredential=` makes it;
//! 2. the file that `$MAIL_PASSWORD_FILE` names, as Docker secrets are passed;
//! 3. the file itself.
//!
//! A file that group or others may touch is refused, except below the first directory and below
//! `/run/secrets`, whose makers guard them otherwise. No text here quotes a name that does not exist as a
//! file: people write the password itself where its file's name belongs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::problem::{Flaw, words};
use super::reader::{Reader, Section};
use super::sources::open_at_once;

/// The key under which every secret's file is named.
const KEY: &str = "password_file";

/// Longer than any password; a token of some mail systems fits too.
const SECRET_CAP_BYTES: u64 = 16 * 1024;

/// Looks secrets up for one start.
pub(super) struct Secrets<'r> {
    reader: &'r Reader<'r>,
    /// Files found by name alone, and the configured path each one stood in for.
    stand_ins: RefCell<BTreeMap<PathBuf, PathBuf>>,
}

/// One place a secret may be in.
struct Source {
    file: PathBuf,
    /// The variable that named it, if it was not the configuration.
    variable: Option<String>,
    /// Written in the configuration as a name that counts from its directory.
    is_relative: bool,
    /// Guarded by whoever made the directory.
    is_guarded: bool,
}

impl<'r> Secrets<'r> {
    /// Looks for what this reader's tables name.
    pub(super) fn new(reader: &'r Reader<'r>) -> Self {
        Self {
            reader,
            stand_ins: RefCell::default(),
        }
    }

    /// The secret that this key of the table names a file of; a missing key is a problem.
    pub(super) fn required(&self, section: &Section<'_>, key: &str) -> Option<SecretString> {
        let cure = words!(
            "впишите {key} = \"mail.password\" и положите пароль в этот файл рядом с файлом настроек",
            "write {key} = \"mail.password\" and put the password into that file beside the configuration file"
        );
        let name = section.required(key, cure)?;
        section.ok(key, self.secret(&name))
    }

    /// The secret this table's `password_file` names, if it names one; else nothing.
    pub(super) fn optional(&self, section: &Section<'_>) -> Option<SecretString> {
        section.parsed(KEY, |name| self.secret(name))
    }

    fn secret(&self, name: &str) -> Result<SecretString, Flaw> {
        let source = self.source(name)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_CAP_BYTES as usize + 64));
        let file = open_at_once(&source.file).map_err(|error| self.unreadable(&error, &source))?;
        let meta = file
            .metadata()
            .map_err(|error| self.unreadable(&error, &source))?;
        let shown = source.file.display();
        if !meta.is_file() {
            return Err(Flaw::new(
                words!("{shown} — не файл", "{shown} is no file"),
                words!("назовите файл с паролем", "name the file with the password"),
            ));
        }
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 && !source.is_guarded {
            return Err(Flaw::new(
                words!(
                    "{shown} открыт не только владельцу (права {mode:03o})",
                    "{shown} is open to more than its owner (mode {mode:03o})"
                ),
                words!(
                    "chmod 600 {shown} (владелец — пользователь службы)",
                    "chmod 600 {shown} (owned by the service's user)"
                ),
            ));
        }
        file.take(SECRET_CAP_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| self.unreadable(&error, &source))?;
        one_line(&bytes).map(SecretString::from).ok_or_else(|| {
            Flaw::new(
                words!(
                    "в {shown} не одна непустая строка текста",
                    "{shown} holds no single line of text"
                ),
                words!(
                    "запишите туда пароль одной строкой в UTF-8 и больше ничего",
                    "write the password there on one line of UTF-8, and nothing else"
                ),
            )
        })
    }

    /// The first of the three places that exists.
    fn source(&self, name: &str) -> Result<Source, Flaw> {
        let configured = self.reader.absolute(name);
        let surroundings = self.reader.surroundings;
        let Some(base_name) = configured
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
        else {
            return Err(Flaw::new(
                words!("это папка, а не файл", "this is a directory, not a file"),
                words!("назовите файл с паролем", "name the file with the password"),
            ));
        };
        let variable = file_variable(&base_name);
        let credential = surroundings
            .get("CREDENTIALS_DIRECTORY")
            .map(|directory| Path::new(directory).join(&base_name))
            .filter(|file| !matches!(file.try_exists(), Ok(false)));
        let (file, variable) = if let Some(file) = credential {
            (file, Some("CREDENTIALS_DIRECTORY".to_owned()))
        } else if let Some(file) = surroundings.get(&variable) {
            (self.reader.base().join(file), Some(variable))
        } else {
            (configured.clone(), None)
        };
        if variable.is_some() {
            self.check_stand_in(&file, configured)?;
        }
        Ok(Source {
            is_relative: Path::new(name).is_relative(),
            is_guarded: self.is_guarded(&file),
            file,
            variable,
        })
    }

    /// Two configured files of one base name would silently share what stands in for them.
    fn check_stand_in(&self, file: &Path, configured: PathBuf) -> Result<(), Flaw> {
        let mut stand_ins = self.stand_ins.borrow_mut();
        let first = stand_ins
            .entry(file.to_owned())
            .or_insert_with(|| configured.clone());
        if *first == configured {
            return Ok(());
        }
        Err(Flaw::new(
            words!(
                "два файла с одним именем в разных папках: какой пароль чей, по имени не понять",
                "two files of one name in different directories: the name does not tell whose password is whose"
            ),
            words!(
                "дайте файлам разные имена",
                "give the files different names"
            ),
        ))
    }

    fn is_guarded(&self, file: &Path) -> bool {
        let Ok(real) = file.canonicalize() else {
            return false;
        };
        let credentials = self
            .reader
            .surroundings
            .get("CREDENTIALS_DIRECTORY")
            .map(Path::new);
        let guarded = credentials.into_iter().chain([Path::new("/run/secrets")]);
        guarded
            .filter(|directory| directory.is_absolute())
            .filter_map(|directory| directory.canonicalize().ok())
            .any(|directory| directory != Path::new("/") && real.starts_with(directory))
    }

    fn unreadable(&self, error: &io::Error, source: &Source) -> Flaw {
        let directory = self.reader.base().display();
        let kind = error.kind();
        let what = match (&source.variable, kind) {
            (Some(variable), io::ErrorKind::NotFound) => words!(
                "файла, который называет переменная {variable}, нет",
                "the file that the variable {variable} names does not exist"
            ),
            (None, io::ErrorKind::NotFound) if source.is_relative => words!(
                "файла с таким именем нет (имя считается от {directory})",
                "there is no file of this name (it counts from {directory})"
            ),
            (None, io::ErrorKind::NotFound) => words!(
                "файла с таким полным именем нет",
                "there is no file of this full name"
            ),
            (_, _) => words!(
                "файл не читается: {kind}",
                "the file cannot be read: {kind}"
            ),
        };
        Flaw::new(
            what,
            words!(
                "запишите пароль в этот файл (права 600, владелец — пользователь службы); самому паролю не место ни в настройках, ни в переменных",
                "write the password into that file (mode 600, owned by the service's user); the password itself belongs neither into the configuration nor into variables"
            ),
        )
    }
}

/// `mail.password` is looked for under `MAIL_PASSWORD_FILE`.
fn file_variable(base_name: &str) -> String {
    format!("{}_FILE", base_name.to_uppercase().replace(['.', '-'], "_"))
}

/// The one line of text in the file, without its end and without Notepad's byte order mark.
fn one_line(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() as u64 <= SECRET_CAP_BYTES)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    (!text.trim().is_empty() && !text.contains(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;

    use super::*;
    use crate::config::testing::{lines, with_reader_and, write_secret};

    /// The secret that `password_file = NAME` gives below `base` with these variables, or what is wrong.
    fn secret(base: &Path, name: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let toml = format!("[database]\npassword_file = \"{name}\"\n");
        with_reader_and(base, &toml, variables, |reader| {
            let secret = Secrets::new(reader).optional(&reader.section("database"));
            let found = lines(reader).pop();
            found.map_or_else(
                || Ok(secret.expect("found").expose_secret().to_owned()),
                Err,
            )
        })
    }

    #[test]
    fn the_credential_goes_before_the_variable_and_the_variable_before_the_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let base = dir.path();
        let credentials = base.join("credentials");
        fs::create_dir(&credentials).expect("made");
        write_secret(&base.join("mail.password"), "from the file\n");
        write_secret(&base.join("docker"), "from the variable\r\n");
        let docker = base.join("docker").display().to_string();
        let credentials_text = credentials.display().to_string();
        let variables = [
            ("CREDENTIALS_DIRECTORY", credentials_text.as_str()),
            ("MAIL_PASSWORD_FILE", &docker),
        ];

        let found = |variables: &[_]| secret(base, "mail.password", variables).expect("found");
        assert_eq!(found(&[]), "from the file");
        assert_eq!(
            found(&variables),
            "from the variable",
            "an absent credential is passed over"
        );
        write_secret(&credentials.join("mail.password"), "from the credential");
        // systemd shows its credentials to a group by ACL.
        let file = credentials.join("mail.password");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).expect("set");
        assert_eq!(found(&variables), "from the credential");
    }

    #[test]
    fn a_file_that_is_open_to_others_is_refused_with_the_command_that_helps() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("db.password");
        write_secret(&file, "hunter2\n");
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
            let line = secret(dir.path(), "db.password", &[]).expect_err("refused");
            assert!(
                line.contains(&format!("chmod 600 {}", file.display())),
                "{line}"
            );
            assert!(
                line.contains(&format!("{mode:o}")) && !line.contains("hunter2"),
                "{line}"
            );
        }
    }

    #[test]
    fn a_password_in_place_of_its_files_name_is_never_quoted() {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, variables) in [
            ("hunter2", &[][..]),
            ("db.password", &[("DB_PASSWORD_FILE", "hunter2")]),
        ] {
            let line = secret(dir.path(), name, variables).expect_err("refused");
            assert!(
                line.contains("the password itself belongs neither"),
                "{line}"
            );
            assert!(!line.contains("hunter2"), "{line}");
        }
    }

    #[test]
    fn what_is_no_single_line_of_text_is_no_password() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("db.password");
        for text in [
            "",
            "\n",
            "  \n",
            "hunter2\nhunter3\n",
            "hun\0ter2",
            &"x".repeat(20_000),
        ] {
            write_secret(&file, text);
            let line = secret(dir.path(), "db.password", &[]).expect_err("refused");
            assert!(
                line.contains("no single line") && !line.contains("hun"),
                "{line}"
            );
        }
        write_secret(&file, "\u{feff} пробелы значат \r\n");
        assert_eq!(
            secret(dir.path(), "db.password", &[]).as_deref(),
            Ok(" пробелы значат ")
        );
        assert!(secret(dir.path(), ".", &[]).is_err());
    }

    #[test]
    fn two_files_of_one_name_do_not_share_a_stand_in() {
        let dir = tempfile::tempdir().expect("a directory");
        write_secret(&dir.path().join("docker"), "hunter2");
        let toml = "[[mailbox]]\npassword_file = \"a/pw\"\n[[mailbox]]\npassword_file = \"b/pw\"\n";
        with_reader_and(dir.path(), toml, &[("PW_FILE", "docker")], |reader| {
            let secrets = Secrets::new(reader);
            let found: Vec<_> = reader
                .sections("mailbox")
                .iter()
                .map(|s| secrets.required(s, KEY).is_some())
                .collect();
            assert_eq!(found, [true, false]);
            assert!(lines(reader)[0].contains("two files of one name"));
        });
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let dir = tempfile::tempdir().expect("a directory");
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, dir.path().join("pw"), FileType::Fifo, mode, 0).expect("a pipe");
        let line = secret(dir.path(), "pw", &[]).expect_err("refused");
        assert!(
            line.contains("is no file") || line.contains("не файл"),
            "{line}"
        );
    }
}
