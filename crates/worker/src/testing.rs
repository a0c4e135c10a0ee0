//! Settings for tests, read as the programs read them.

use std::os::unix::fs::PermissionsExt;

use ninetosix_core::config::{self, Settings};

/// A desk in `language` whose name, hours, phones and people stand in `more`.
pub(crate) fn settings(language: &str, more: &str) -> Settings {
    let dir = tempfile::tempdir().expect("a directory");
    let password = dir.path().join("mail.password");
    std::fs::write(&password, "x\n").expect("written");
    let for_owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&password, for_owner).expect("set");
    let file = dir.path().join("ninetosix.toml");
    let toml = format!(
        "language = \"{language}\"\n[database]\nurl = \"sqlite:desk.db\"\n[identity]\nrequire = \"token\"\n\
         [[mailbox]]\naddress = \"help@school.test\"\npassword_file = \"mail.password\"\nprovider = \"yandex\"\n{more}"
    );
    std::fs::write(&file, toml).expect("written");
    config::load(&file).unwrap_or_else(|problems| unreachable!("{problems}"))
}

/// A desk as a school may have it.
pub(crate) fn school(language: &str) -> Settings {
    settings(
        language,
        r#"
[desk]
name = "Служба поддержки АИС"
site = "https://school.test"
[hours]
mon-thu = ["09:00-13:00", "14:00-18:00"]
fri = ["09:00-13:00", "14:00-16:45"]
closed = ["2026-12-04 переезд"]
open = ["2026-12-12 10:00-14:00"]
approved_by = "директор"
approved_on = 2026-08-28
order = "№ 1"
[[phone]]
label = "Служба поддержки АИС"
text = "8 (000) 000-00-00"
tel = "+70000000000"
[[phone]]
label = "Школа"
text = "8 (000) 00-0-00"
hours = "понедельник – пятница, 8:00–15:00"
[[specialist]]
login = "ivan"
name = "Иван Смирнов"
address = "ivan@school.test"
order = "№ 1"
[[specialist]]
login = "anna"
name = "Анна Белова"
address = "anna@school.test"
to = 2026-11-25
"#,
    )
}

/// Compares texts with those kept in `folder` beside the sources; `NINETOSIX_SNAPSHOTS=write` writes them anew.
pub(crate) fn compare(folder: &str, texts: Vec<(String, String)>) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let is_writing = std::env::var("NINETOSIX_SNAPSHOTS").is_ok_and(|value| value == "write");
    for (name, text) in texts {
        let file = folder.join(name);
        if is_writing {
            std::fs::write(&file, &text).expect("writable");
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == text,
            "{} has changed; NINETOSIX_SNAPSHOTS=write accepts it:\n{text}",
            file.display()
        );
    }
}
