//! The keys tokens are made with, in a file of their own: 64 hex digits, made at the first start. While keys change there are
//! two lines, each of an id and 64 hex digits; the first signs, and tokens of both hold. A line without an id has the id 1.
//!
//! Both daemons may start at once on an empty directory. Each writes a complete file under a name of its
//! own and links it to the final one, which succeeds for one of them only; then both read what is there.
//! So nobody ever sees half a key, and nobody overwrites a key that letters have been signed with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};

use super::problem::{Flaw, Problem, words};

/// Secret bytes, erased when dropped and never shown by `Debug`.
pub type TokenKeyBytes = SecretBox<[u8; KEY_BYTES]>;

const KEY_BYTES: usize = 32;
/// The id of a key whose line names none.
const FIRST_ID: char = '1';
/// Two lines of id, space and hex digits, with room for blanks.
const FILE_BYTES: u64 = 200;

/// One line of the file.
#[derive(Debug)]
pub struct TokenKeyLine {
    /// The digit or small letter that tokens name it by.
    pub id: char,
    /// The secret.
    pub secret: TokenKeyBytes,
}

/// The keys in the file.
#[derive(Debug)]
pub struct TokenKeyLines {
    /// The one that signs.
    pub signing: TokenKeyLine,
    /// The one before it, if its tokens still hold.
    pub former: Option<TokenKeyLine>,
}

/// Why there is no token key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenKeyError {
    /// Group or others may touch the file.
    #[error("the token key {path} is open to more than its owner (mode {mode:03o})")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds something else than one or two keys.
    #[error("the token key {path} is not 64 hex digits, nor two lines of an id and 64 hex digits")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The file can be neither read nor made.
    #[error("the token key {path} can be neither read nor made")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system gave no randomness for a new key.
    #[error("the system gave no randomness for a new token key")]
    Randomness,
}

impl TokenKeyError {
    /// The same as `check` tells the operator.
    pub fn problem(&self) -> Problem {
        let flaw = match self {
            Self::Exposed { path, mode } => {
                let path = path.display();
                Flaw::new(
                    words!(
                        "{path} открыт не только владельцу (права {mode:03o})",
                        "{path} is open to more than its owner (mode {mode:03o})"
                    ),
                    words!(
                        "chmod 600 {path}; если его могли прочесть чужие, удалите его: служба сделает новый, а письма по старым токенам станут новыми обращениями",
                        "chmod 600 {path}; if strangers may have read it, delete it: a new one is made, and letters with old tokens become new tickets"
                    ),
                )
            }
            Self::Malformed { path } => {
                let path = path.display();
                Flaw::new(
                    words!(
                        "в {path} не 64 шестнадцатеричные цифры и не две строки из номера ключа и 64 цифр",
                        "{path} is not 64 hex digits, nor two lines of a key's id and 64 hex digits"
                    ),
                    words!(
                        "верните файл из копии; нет копии — удалите его, служба сделает новый, а письма по старым токенам станут новыми обращениями",
                        "restore it from a copy; without one delete it, a new one is made, and letters with old tokens become new tickets"
                    ),
                )
            }
            Self::Io { path, source } => {
                let path = path.display();
                Flaw::new(
                    words!(
                        "{path} не прочесть и не создать: {source}",
                        "{path} can be neither read nor made: {source}"
                    ),
                    words!(
                        "дайте пользователю службы право писать в эту папку или назовите другую, например token_key_file = \"/var/lib/ninetosix/token.key\"",
                        "let the service's user write to this directory or name another one, such as token_key_file = \"/var/lib/ninetosix/token.key\""
                    ),
                )
            }
            Self::Randomness => Flaw::new(
                words!(
                    "система не дала случайных чисел",
                    "the system gave no randomness"
                ),
                words!("повторите запуск", "start again"),
            ),
        };
        flaw.at("identity.token_key_file")
    }
}

/// The keys in that file, which is made first if it is not there. Safe to call from two daemons at once.
pub fn token_key(path: &Path) -> Result<TokenKeyLines, TokenKeyError> {
    let failed = |source| TokenKeyError::Io {
        path: path.to_owned(),
        source,
    };
    match read(path) {
        Err(TokenKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        result => return result,
    }
    let mut key = TokenKeyBytes::init_with_mut(|_| {});
    getrandom::fill(key.expose_secret_mut()).map_err(|_| TokenKeyError::Randomness)?;
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix).map_err(|_| TokenKeyError::Randomness)?;
    let own = path.with_file_name(format!(".token-key-{}.new", hex(&suffix).as_str()));
    let made = write_new(&own, &key).and_then(|()| link(&own, path));
    // The name was only a way to make the file whole; a leftover of a crash is harmless but secret.
    let removed = fs::remove_file(&own);
    made.map_err(failed)?;
    removed.map_err(failed)?;
    read(path)
}

/// What is wrong with the keys in that file; `None` if nothing is, or if there is no file yet. Nothing is made.
pub fn token_key_trouble(path: &Path) -> Option<TokenKeyError> {
    match read(path) {
        Err(TokenKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        result => result.err(),
    }
}

fn read(path: &Path) -> Result<TokenKeyLines, TokenKeyError> {
    let failed = |source| TokenKeyError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(TokenKeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(256));
    file.take(FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    parse(&bytes).ok_or_else(|| TokenKeyError::Malformed {
        path: path.to_owned(),
    })
}

fn write_new(path: &Path, key: &TokenKeyBytes) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let text = hex(key.expose_secret());
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Gives the file its final name, unless somebody else was first.
fn link(own: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(own, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // The name must outlive a power cut, like the letters signed with the key.
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        for digit in [byte >> 4, byte & 0x0f] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

fn parse(text: &[u8]) -> Option<TokenKeyLines> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut lines = lines.by_ref().filter(|line| !line.is_empty());
    let signing = line(lines.next()?)?;
    let former = match lines.next() {
        Some(text) => Some(line(text)?),
        None => None,
    };
    let is_twice = former
        .as_ref()
        .is_some_and(|former| former.id == signing.id);
    (!is_twice && lines.next().is_none()).then_some(TokenKeyLines { signing, former })
}

/// Hex digits, before which an id may stand.
fn line(text: &[u8]) -> Option<TokenKeyLine> {
    let (id, digits) = match text {
        [id, b' ', digits @ ..] if id.is_ascii_digit() || id.is_ascii_lowercase() => {
            (char::from(*id), digits.trim_ascii_start())
        }
        digits => (FIRST_ID, digits),
    };
    let secret = secret(digits)?;
    Some(TokenKeyLine { id, secret })
}

fn secret(text: &[u8]) -> Option<TokenKeyBytes> {
    if text.len() != KEY_BYTES * 2 {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut key = TokenKeyBytes::init_with_mut(|_| {});
    for (byte, pair) in key.expose_secret_mut().iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("exists").permissions().mode() & 0o777
    }

    #[test]
    fn the_first_start_makes_a_key_and_the_next_ones_keep_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token.key");
        let first = token_key(&path).expect("made");
        let second = token_key(&path).expect("kept");
        let bytes = |lines: &TokenKeyLines| *lines.signing.secret.expose_secret();
        assert_eq!(bytes(&first), bytes(&second));
        assert_ne!(bytes(&first), [0; 32]);
        assert_eq!((first.signing.id, first.former.is_some()), ('1', false));
        assert_eq!(mode(&path), 0o600);
        let text = fs::read_to_string(&path).expect("readable");
        assert!(text.len() == 65 && text.ends_with('\n'));
        assert!(!format!("{first:?}").contains(&text[..8]));
        assert_eq!(
            fs::read_dir(dir.path()).expect("readable").count(),
            1,
            "nothing is left over"
        );
    }

    #[test]
    fn two_lines_are_the_signing_and_the_former_key() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token.key");
        let (new, old) = ("cd".repeat(32), "ab".repeat(32));
        for (text, ids) in [
            (old.clone(), ('1', None)),
            (format!("1 {old}\n"), ('1', None)),
            (format!("2 {new}\n{old}\n"), ('2', Some('1'))),
            (format!("2 {new}\r\n1  {old}\r\n\r\n"), ('2', Some('1'))),
            (format!("a {new}\n2 {old}\n"), ('a', Some('2'))),
            (format!("2 {new}\n"), ('2', None)),
        ] {
            write_private(&path, &text);
            let lines = token_key(&path).expect("keys");
            let former = lines.former.as_ref();
            assert_eq!((lines.signing.id, former.map(|key| key.id)), ids, "{text}");
            let shown = format!("{lines:?}");
            assert!(
                !shown.contains("abab") && !shown.contains("171, 171"),
                "{shown}"
            );
            if let Some(former) = former {
                assert_eq!(lines.signing.secret.expose_secret(), &[0xcd; 32]);
                assert_eq!(former.secret.expose_secret(), &[0xab; 32]);
            }
        }
    }

    fn write_private(path: &Path, text: &str) {
        fs::write(path, text).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
    }

    #[test]
    fn many_starts_at_once_agree_on_one_key() {
        let dir = tempfile::tempdir().expect("a directory");
        for round in 0..20 {
            let path = dir.path().join(format!("token-{round}.key"));
            let barrier = std::sync::Barrier::new(8);
            let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
                let start = || {
                    barrier.wait();
                    let lines = token_key(&path).expect("a key");
                    *lines.signing.secret.expose_secret()
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().expect("no panic"))
                    .collect()
            });
            assert!(
                keys.windows(2).all(|pair| pair[0] == pair[1]),
                "round {round}"
            );
        }
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_no_key_is_refused_and_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("token.key");
        for (text, mode, word) in [
            ("ab".repeat(32), 0o640, "chmod 600"),
            ("ab".repeat(31), 0o600, "not 64 hex digits"),
            ("zz".repeat(32), 0o600, "not 64 hex digits"),
            ("ab".repeat(33), 0o600, "not 64 hex digits"),
            (String::new(), 0o600, "not 64 hex digits"),
            (
                format!("{0}\n{0}\n", "ab".repeat(32)),
                0o600,
                "not 64 hex digits",
            ),
            (
                format!("2 {0}\n3 {0}\n4 {0}\n", "ab".repeat(32)),
                0o600,
                "not 64 hex digits",
            ),
            (
                format!("2 {}\nx\n", "ab".repeat(32)),
                0o600,
                "not 64 hex digits",
            ),
            (
                format!("№ {}\n", "ab".repeat(32)),
                0o600,
                "not 64 hex digits",
            ),
        ] {
            fs::write(&path, &text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            let line = token_key(&path)
                .expect_err("refused")
                .problem()
                .line(Language::En);
            assert!(line.contains(word), "{line}");
            assert!(!line.contains("abab"), "{line}");
            assert_eq!(fs::read_to_string(&path).expect("readable"), text);
        }
        let missing = dir.path().join("none/token.key");
        let line = token_key(&missing)
            .expect_err("refused")
            .problem()
            .line(Language::En);
        assert!(line.contains("neither read nor made"), "{line}");
    }
}
