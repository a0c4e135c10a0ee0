//! What this module's tests share: a reader of a text, and its problems as lines.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::environment::Surroundings;
use super::reader::Reader;
use super::sources::gather;
use crate::domain::language::Language;

/// Answers with what `ask` finds in the text, whose relative paths start from `/base`.
pub(super) fn with_reader<T>(toml: &str, ask: impl FnOnce(&Reader<'_>) -> T) -> T {
    with_reader_at(Path::new("/base"), toml, ask)
}

/// The same from another directory.
pub(super) fn with_reader_at<T>(base: &Path, toml: &str, ask: impl FnOnce(&Reader<'_>) -> T) -> T {
    with_reader_and(base, toml, &[], ask)
}

/// The same with these variables in the environment, none of which may be wrong.
pub(super) fn with_reader_and<T>(
    base: &Path,
    toml: &str,
    variables: &[(&str, &str)],
    ask: impl FnOnce(&Reader<'_>) -> T,
) -> T {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ninetosix.toml");
    fs::write(&path, toml).expect("written");
    let surroundings = Surroundings::of(variables);
    let mut problems = Vec::new();
    let gathered = gather(&path, &surroundings, &mut problems).expect("TOML");
    assert_eq!(problems, []);
    ask(&Reader::new(
        gathered,
        base.to_owned(),
        &surroundings,
        problems,
    ))
}

/// The problems noted so far, in English.
pub(super) fn lines(reader: &Reader<'_>) -> Vec<String> {
    reader
        .problems()
        .iter()
        .map(|problem| problem.line(Language::En))
        .collect()
}

/// Writes a file that its owner alone may read.
pub(crate) fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
}
