//! The configuration that `docker-compose.yml` mounts is true: it loads as in a container, and what it names
//! is what the containers are given.

use std::path::Path;

use super::environment::Surroundings;
use super::load::load_among;
use super::testing::write_secret;
use super::{Database, Settings};

const SAMPLE: &str = include_str!("../../../../deploy/docker/ninetosix.toml");
const COMPOSE: &str = include_str!("../../../../docker-compose.yml");

/// The secrets by the names under which Docker puts them below `/run/secrets`.
const SECRETS: [&str; 2] = ["db_password", "mail_password"];

/// The sample word for word. A test cannot write below `/run/secrets`, so variables name other files.
fn loaded() -> Settings {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ninetosix.toml");
    std::fs::write(&path, SAMPLE).expect("written");
    let variables = SECRETS.map(|name| {
        let file = dir.path().join(format!("{name}.of-the-test"));
        write_secret(&file, "hunter2\n");
        (
            format!("{}_FILE", name.to_uppercase()),
            file.to_string_lossy().into_owned(),
        )
    });
    let variables = variables
        .each_ref()
        .map(|(name, file)| (name.as_str(), file.as_str()));
    load_among(&path, &Surroundings::of(&variables))
        .unwrap_or_else(|problems| unreachable!("the sample must load:\n{problems}"))
}

#[test]
fn the_sample_of_the_containers_loads() {
    let settings = loaded();
    let Database::Postgres { url, password } = &settings.database else {
        unreachable!("the containers have a database server");
    };
    assert_eq!(
        url, "postgres://ninetosix@localhost/ninetosix?host=/run/postgresql",
        "by the socket, without TLS"
    );
    assert!(password.is_some());
    assert_eq!(
        settings.mailboxes[0].user,
        settings.mailboxes[0].address.as_str()
    );
    assert_eq!(settings.specialists.len(), 2);
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn everything_it_names_is_mounted_into_the_daemons() {
    let daemon = COMPOSE
        .split("\nservices:")
        .next()
        .expect("what all daemons share stands first");
    assert!(daemon.contains(&format!("secrets: [{}]", SECRETS.join(", "))));
    for name in SECRETS {
        assert!(
            SAMPLE.contains(&format!("\"/run/secrets/{name}\"")),
            "{name}"
        );
        let source = format!("{name}: {{file: ./deploy/docker/secrets/{name}}}");
        assert!(COMPOSE.contains(&source), "{source}");
    }
    for mount in [
        "./deploy/docker/ninetosix.toml:/etc/ninetosix/ninetosix.toml:ro",
        "state:/var/lib/ninetosix",
        "socket:/run/postgresql:ro",
    ] {
        assert!(daemon.contains(&format!("- {mount}\n")), "{mount}");
    }
    let key = loaded().identity.token_key_file;
    assert_eq!(key.parent(), Some(Path::new("/var/lib/ninetosix")));
}
