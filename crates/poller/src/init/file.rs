//! The files that `init` leaves: the configuration with a comment on every line, and the password beside it. Each is written
//! whole under a name of its own, made to last, and then given its final name, which fails where that is taken.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ninetosix_core::config::{self, Language};
use rustix::process::geteuid;
use secrecy::ExposeSecret;

use super::InitError;
use super::questions::Answers;

const RU: &str = include_str!("ru.toml");
const EN: &str = include_str!("en.toml");

/// The password's file, beside the configuration.
const PASSWORD: &str = "mail.password";
/// The user whom the units of systemd run the daemons as.
const SERVICE: &str = "ninetosix";

/// Where the two files go.
pub(super) struct Written {
    configuration: PathBuf,
    password: PathBuf,
    /// Where a configuration goes that stands in the place and says nothing yet, as a package leaves one.
    aside: Option<PathBuf>,
}

/// A user and a group, by number.
type Owner = (u32, u32);

impl Written {
    /// Makes sure, before anything is asked, that there is room for both.
    pub(super) fn at(path: &Path) -> Result<Written, InitError> {
        let password = path.with_file_name(PASSWORD);
        let aside = is_unfilled(path).then(|| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.with_file_name(format!("{name}.sample"))
        });
        for file in [aside.as_deref().unwrap_or(path), &password] {
            if file.symlink_metadata().is_ok() {
                return Err(InitError::Taken(file.to_owned()));
            }
        }
        let directory = directory(path);
        if !directory.is_dir() {
            return Err(InitError::NoDirectory(directory.to_owned()));
        }
        Ok(Written {
            configuration: path.to_owned(),
            password,
            aside,
        })
    }

    /// Writes both files, or none.
    pub(super) fn write(&self, answers: &Answers, language: Language) -> Result<(), InitError> {
        let service = service(&fs::read_to_string("/etc/passwd").unwrap_or_default());
        let service = service.filter(|_| geteuid().is_root());
        let line = answers.secret.expose_secret();
        let secret = secrecy::zeroize::Zeroizing::new(format!("{line}\n"));
        // The daemons read both, and alone own the secret.
        place(&self.password, secret.as_bytes(), 0o600, service).map_err(failed(&self.password))?;
        let text = render(answers, language);
        let group = service.map(|(_, group)| (0, group));
        let moved = match &self.aside {
            Some(aside) => fs::rename(&self.configuration, aside),
            None => Ok(()),
        };
        let placed = moved.and_then(|()| place(&self.configuration, text.as_bytes(), 0o640, group));
        placed.map_err(|error| {
            // Best effort: without a configuration nobody reads it.
            let _ = fs::remove_file(&self.password);
            self.put_back();
            failed(&self.configuration)(error)
        })
    }

    /// Takes away both files that were written, as best it can.
    pub(super) fn undo(&self) {
        let _ = fs::remove_file(&self.configuration);
        let _ = fs::remove_file(&self.password);
        self.put_back();
    }

    /// What stood there stands there again, unless something else does by now.
    fn put_back(&self) {
        if let Some(aside) = &self.aside
            && fs::hard_link(aside, &self.configuration).is_ok()
        {
            let _ = fs::remove_file(aside);
        }
    }
}

/// Whether a configuration of the package's stands there that names no mailbox yet: nobody has filled it in.
fn is_unfilled(path: &Path) -> bool {
    let Ok(text) = config::read_text(path) else {
        return false;
    };
    let is_table = |line: &str| line.trim_start().starts_with('[') && line.contains("mailbox");
    text.starts_with("# ninetosix") && !text.lines().any(is_table)
}

fn failed(path: &Path) -> impl Fn(io::Error) -> InitError {
    let path = path.to_owned();
    move |error| InitError::File(path.clone(), error)
}

fn directory(path: &Path) -> &Path {
    let parent = path.parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Writes a new file, whole or not at all.
fn place(path: &Path, bytes: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let own = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = fill(&own, bytes, mode, owner).and_then(|()| fs::hard_link(&own, path));
    let removed = fs::remove_file(&own);
    written?;
    removed?;
    File::open(directory(path))?.sync_all()
}

fn fill(path: &Path, bytes: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    if let Some((user, group)) = owner {
        std::os::unix::fs::fchown(&file, Some(user), Some(group))?;
    }
    // Whatever the umask says.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

/// The service's user and group in passwd(5), if it is there.
fn service(passwd: &str) -> Option<Owner> {
    let line = passwd.lines().find_map(|line| {
        let (name, rest) = line.split_once(':')?;
        (name == SERVICE).then_some(rest)
    })?;
    let mut fields = line.split(':').skip(1);
    let mut number = || fields.next()?.parse().ok();
    Some((number()?, number()?))
}

/// The configuration as text.
fn render(answers: &Answers, language: Language) -> String {
    let template = match language {
        Language::Ru => RU,
        Language::En => EN,
    };
    let mut text = String::with_capacity(template.len() + 400);
    for line in template.lines() {
        let (kind, line) = line.split_once('|').unwrap_or(("", line));
        let is_wanted = match kind {
            "own" => answers.servers.is_some(),
            "preset" => answers.servers.is_none(),
            "oauth" => answers.application.is_some(),
            "password" => answers.application.is_none(),
            _ => true,
        };
        if !is_wanted {
            continue;
        }
        text.push_str(&filled(line, answers));
        text.push('\n');
    }
    text
}

/// A line of the template with its value in place of `@name@`, written as TOML.
fn filled(line: &str, answers: &Answers) -> String {
    let Some((before, rest)) = line.split_once('@') else {
        return line.to_owned();
    };
    let Some((name, after)) = rest.split_once('@') else {
        return line.to_owned();
    };
    let servers = answers.servers.as_ref();
    let application = answers.application.as_ref();
    let specialist = &answers.specialist;
    let value = match name {
        "address" => answers.address.as_str(),
        "provider" => answers.service.provider().unwrap_or_default(),
        "imap" => servers.map_or("", |servers| &servers.imap),
        "smtp" => servers.map_or("", |servers| &servers.smtp),
        "authserv_id" => servers.map_or("", |servers| &servers.authserv_id),
        "ca_file" => match servers.and_then(|servers| servers.ca_file.as_deref()) {
            Some(file) => file,
            None => return format!("# {before}\"ca.pem\"{after}"),
        },
        "token_url" => application.map_or("", |application| &application.token_url),
        "client_id" => application.map_or("", |application| &application.client_id),
        "login" => &specialist.login,
        "name" => &specialist.name,
        "specialist" => specialist.address.as_str(),
        "desk" => &answers.desk,
        _ => return line.to_owned(),
    };
    // A JSON string is a basic string of TOML, DEL apart, which no answer holds.
    let value = serde_json::to_string(value).expect("a string");
    format!("{before}{value}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_user_is_found() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nninetosix2:x:7:8::/:\nninetosix:x:997:996::/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(service(passwd), Some((997, 996)));
        assert_eq!(service("root:x:0:0:root:/root:/bin/sh\n"), None);
        assert_eq!(service("ninetosix:x:what"), None);
    }

    #[test]
    fn both_languages_write_the_same_settings_and_comment_on_each() {
        let lines = |text: &'static str, is_comment: bool| {
            let bare = |line: &'static str| line.split_once('|').map_or(line, |(_, line)| line);
            let lines = text.lines().map(bare);
            let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("language"));
            let lines = lines.filter(|line| line.starts_with('#') == is_comment);
            lines.collect::<Vec<_>>()
        };
        assert_eq!(lines(RU, false), lines(EN, false));
        assert_eq!(lines(RU, true).len(), lines(EN, true).len());
        let is_english = |line: &&str| !line.chars().any(|c| ('а'..='я').contains(&c));
        assert!(lines(EN, true).iter().all(is_english));
    }

    #[test]
    fn nothing_is_written_over_and_nothing_half() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("x");
        place(&file, b"one", 0o640, None).expect("written");
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        let error = place(&file, b"two", 0o600, None).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).expect("there"), b"one");
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
    }
}
