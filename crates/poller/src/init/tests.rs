//! The dialogue as a script sees it: answers in, a configuration out.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ninetosix_core::config::{self, Language, Login, Settings};

use super::{InitError, NoAnswer, language_of, run};

/// Answers with these lines; returns what was said.
fn answer(path: &Path, language: Language, lines: &str) -> Result<String, InitError> {
    let mut said = Vec::new();
    run(path, language, &mut lines.as_bytes(), &mut said, false)?;
    Ok(String::from_utf8(said).expect("UTF-8"))
}

fn loaded(path: &Path) -> Settings {
    config::load(path).unwrap_or_else(|problems| unreachable!("{problems}"))
}

#[test]
fn five_answers_make_a_configuration_that_loads_in_either_language() {
    for (service, name) in [("1", "yandex"), ("mailru", "mailru"), ("3", "gmail")] {
        for (language, words) in [(Language::Ru, "check"), (Language::En, "Now try it")] {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("ninetosix.toml");
            let lines = format!(
                "help@school.example\n{service}\nhunter2\nИван \"Грозный\" Смирнов <ivan@school.example>\n\n"
            );
            let said = answer(&path, language, &lines).expect("written");
            assert!(
                said.contains(words) && said.contains(&format!("--config {}", path.display())),
                "{said}"
            );
            let settings = loaded(&path);
            assert_eq!(settings.language, language);
            assert_eq!(
                settings.mailboxes[0].address.as_str(),
                "help@school.example"
            );
            assert_eq!(settings.specialists[0].name, "Иван \"Грозный\" Смирнов");
            assert_eq!(
                settings.operator_address,
                Some(settings.specialists[0].address.clone())
            );
            let text = fs::read_to_string(&path).expect("there");
            assert!(text.contains(&format!("provider = \"{name}\"")), "{text}");
            assert!(!text.contains("hunter2") && !said.contains("hunter2"));
            assert!(!text.contains('|') && !text.contains("= @"), "{text}");
            let mode =
                |file: &Path| fs::metadata(file).expect("there").permissions().mode() & 0o777;
            let secret = dir.path().join("mail.password");
            assert_eq!((mode(&path), mode(&secret)), (0o640, 0o600));
            assert_eq!(fs::read_to_string(&secret).expect("there"), "hunter2\n");
            assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 2);
        }
    }
}

#[test]
fn nonsense_is_asked_again_with_a_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ninetosix.toml");
    let lines = "help\nhelp@school.example\n9\nown\nimap://mail.example\nmail.example\n\n/nowhere/ca.pem\n\n\n  \nhunter2\n\
                 help@school.example\nivan@school.example\nАИС\n";
    let said = answer(&path, Language::Ru, lines).expect("written");
    for reason in [
        "«help» — не адрес почты",
        "номером от 1 до 6",
        "пароль увидит вся сеть",
        "Такого файла нет",
        "Без этого в ящик не войти",
        "адрес самой службы",
    ] {
        assert!(said.contains(reason), "{reason}: {said}");
    }
    let settings = loaded(&path);
    assert_eq!(settings.mailboxes[0].imap.to_string(), "mail.example:993");
    assert_eq!(settings.mailboxes[0].smtp.to_string(), "mail.example:465");
    assert_eq!(settings.mailboxes[0].ca_file, None);
    assert_eq!(settings.desk.name, "АИС");
}

#[test]
fn microsoft_365_is_entered_by_an_application() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ninetosix.toml");
    let lines = "help@school.example\nmicrosoft\ncommon\nschool.example\n1a2b-3c\n0a1b2c3d-0000-0000-0000-00000000000f\n\u{1}x\n11111111-0000-0000-0000-00000000000f\nhunter2\nivan@school.example\n\n";
    let said = answer(&path, Language::Ru, lines).expect("written");
    assert!(
        said.contains("Секрет приложения") && said.contains("(Overview)"),
        "{said}"
    );
    assert!(
        !said.contains("Пароль ящика") && !said.contains("hunter2"),
        "{said}"
    );
    let settings = loaded(&path);
    let Login::Application(application) = &settings.mailboxes[0].login else {
        unreachable!("a password");
    };
    let url = "https://login.microsoftonline.com/school.example/oauth2/v2.0/token";
    assert_eq!(application.token_url.as_str(), url);
    assert_eq!(
        application.client_id,
        "0a1b2c3d-0000-0000-0000-00000000000f"
    );
    assert!(
        said.contains("управляющий знак") && said.contains("(Value)"),
        "{said}"
    );
    assert_eq!(
        settings.mailboxes[0].smtp.to_string(),
        "smtp.office365.com:587"
    );
    let secret = dir.path().join("mail.password");
    assert_eq!(fs::read_to_string(&secret).expect("there"), "hunter2\n");
}

#[test]
fn a_personal_mailbox_at_microsoft_is_refused_before_more_is_asked() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut said = Vec::new();
    let path = dir.path().join("ninetosix.toml");
    let mut lines = "help@outlook.com\n\n".as_bytes();
    let ended = run(&path, Language::Ru, &mut lines, &mut said, false);
    assert!(matches!(ended, Err(InitError::NoAnswer(NoAnswer::Ended))));
    let said = String::from_utf8(said).expect("UTF-8");
    assert!(
        said.contains("В личный ящик") && !said.contains("Каталог"),
        "{said}"
    );
}

#[test]
fn every_preset_names_the_step_that_is_missed() {
    for (service, words) in [
        ("1\nx", "пароль приложения"),
        ("2\nx", "пароль для внешнего приложения"),
        ("3\nx", "двухэтапную аутентификацию"),
        (
            "4\nschool.example\n0a1b2c3d-0000-0000-0000-00000000000f\nx",
            "Add-MailboxPermission",
        ),
        ("5\n\n\n\nx", "ca_file"),
        ("6\n\n\n\nx", "MSExchangeIMAP4"),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ninetosix.toml");
        let lines = format!("help@school.example\n{service}\nivan@school.example\n\n");
        let said = answer(&path, Language::Ru, &lines).expect("written");
        assert!(said.contains(words), "{words}: {said}");
        loaded(&path);
    }
}

#[test]
fn nothing_is_written_over_and_too_few_answers_leave_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ninetosix.toml");
    let error = answer(&path, Language::En, "help@school.example\n1\nhunter2\n");
    assert!(matches!(error, Err(InitError::NoAnswer(NoAnswer::Ended))));
    let long = format!(
        "help@school.example\n1\n{}\nivan@school.example\n\n",
        "x".repeat(2000)
    );
    let error = answer(&path, Language::En, &long);
    assert!(
        matches!(error, Err(InitError::NoAnswer(NoAnswer::Io(_)))),
        "a password is never cut"
    );
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 0);
    for taken in ["ninetosix.toml", "mail.password"] {
        fs::write(dir.path().join(taken), "mine").expect("written");
        let error = answer(
            &path,
            Language::En,
            "help@school.example\n1\nx\ni@x.example\n\n",
        );
        assert!(matches!(error, Err(InitError::Taken(_))), "{error:?}");
        assert_eq!(
            fs::read_to_string(dir.path().join(taken)).expect("there"),
            "mine"
        );
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
        fs::remove_file(dir.path().join(taken)).expect("removed");
    }
    let error = answer(Path::new("/nowhere/x.toml"), Language::En, "");
    assert!(matches!(error, Err(InitError::NoDirectory(_))));
}

#[test]
fn the_packages_file_that_nobody_filled_in_makes_room_and_stays_beside() {
    let sample = include_str!("../../../../deploy/debian/ninetosix.toml");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ninetosix.toml");
    let lines = "help@school.example\nyandex\nhunter2\nИван <ivan@school.example>\n\n";
    fs::write(&path, sample).expect("written");
    answer(&path, Language::Ru, lines).expect("written");
    assert_eq!(loaded(&path).mailboxes.len(), 1);
    let beside = dir.path().join("ninetosix.toml.sample");
    assert_eq!(fs::read_to_string(&beside).expect("kept"), sample);
    // Once it is filled in, it is somebody's.
    let password = dir.path().join("mail.password");
    fs::remove_file(&password).expect("there");
    fs::write(&path, sample.replace("#[[mailbox]]", "[[mailbox]]")).expect("written");
    let again = answer(&path, Language::Ru, lines);
    assert!(matches!(again, Err(InitError::Taken(_))), "{again:?}");
    // Nor is anything written over what was kept.
    fs::write(&path, sample).expect("written");
    let again = answer(&path, Language::Ru, lines);
    assert!(matches!(again, Err(InitError::Taken(_))), "{again:?}");
    assert!(!password.exists());
}

/// Takes what is said until the configuration is there.
struct BreaksOff<'a>(&'a Path);

impl Write for BreaksOff<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match fs::read_to_string(self.0) {
            Ok(text) if text.contains("\n[[mailbox]]") => Err(io::ErrorKind::BrokenPipe.into()),
            _ => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_fails_after_writing_leaves_all_as_it_was() {
    let sample = include_str!("../../../../deploy/debian/ninetosix.toml");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ninetosix.toml");
    let lines = "help@school.example\nyandex\nhunter2\nИван <ivan@school.example>\n\n";
    for (before, count) in [(None, 0), (Some(sample), 1)] {
        if let Some(text) = before {
            fs::write(&path, text).expect("written");
        }
        let mut output = BreaksOff(&path);
        let failed = run(
            &path,
            Language::Ru,
            &mut lines.as_bytes(),
            &mut output,
            false,
        );
        let failed = failed.expect_err("broken off");
        assert!(
            matches!(failed, InitError::NoAnswer(NoAnswer::Io(_))),
            "{failed:?}"
        );
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), before);
        assert_eq!(
            fs::read_dir(dir.path()).expect("a directory").count(),
            count
        );
    }
    // Nothing is in the way of another try.
    answer(&path, Language::Ru, lines).expect("written");
}

#[test]
fn english_is_spoken_where_the_locale_says_so() {
    for (locale, language) in [
        (None, Language::Ru),
        (Some("C.UTF-8"), Language::Ru),
        (Some("ru_RU.UTF-8"), Language::Ru),
        (Some("en_GB.UTF-8"), Language::En),
    ] {
        assert_eq!(language_of(locale), language, "{locale:?}");
    }
}
