//! Who hears of trouble besides the operator's mailbox: a command of his own, and whoever asks over HTTP.

use std::net::SocketAddr;
use std::path::Path;

use super::problem::{Flaw, quoted, words};
use super::reader::Section;

/// The program that is told of alerts, with its arguments; empty if there is none.
pub(super) fn operator_command(section: &Section<'_>) -> Vec<String> {
    let command = section.texts("command").unwrap_or_default();
    if let Some(program) = command
        .first()
        .filter(|program| !Path::new(program).is_absolute())
    {
        let program = quoted(program);
        section.report(
            "command",
            Flaw::new(
                words!("{program} – не полный путь к программе", "{program} is no full path of a program"),
                words!(
                    "впишите путь с косой черты, аргументы отдельно: [\"/usr/local/bin/alert\", \"it\"]",
                    "write the path from the root, arguments apart: [\"/usr/local/bin/alert\", \"it\"]"
                ),
            ),
        );
    }
    command
}

/// Where the poller answers over HTTP, if anywhere.
pub(super) fn listen(section: &Section<'_>) -> Option<SocketAddr> {
    section.parsed("listen", |text| {
        let port_of_worker =
            |at: &SocketAddr| at.port().checked_add(1).is_some_and(|next| next > 1);
        text.parse().ok().filter(port_of_worker).ok_or_else(|| {
            let text = quoted(text);
            Flaw::new(
                words!("{text} – не адрес и порт", "{text} is no address and port"),
                words!(
                    "впишите адрес и порт: \"127.0.0.1:9406\"; следующий порт возьмёт worker",
                    "write address and port: \"127.0.0.1:9406\"; the worker takes the next port"
                ),
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{lines, with_reader};

    #[test]
    fn what_hears_of_trouble_is_read_or_refused() {
        let read = |toml: &str| {
            with_reader(&format!("language = \"en\"\n{toml}"), |reader| {
                let command = operator_command(&reader.section("operator"));
                (command, listen(&reader.section("http")), lines(reader))
            })
        };
        let (command, at, found) =
            read("[operator]\ncommand = [\"/bin/alert\", \"it\"]\n[http]\nlisten = \"[::1]:9406\"");
        assert_eq!(command, ["/bin/alert", "it"]);
        assert_eq!(at.map(|at| at.to_string()).as_deref(), Some("[::1]:9406"));
        assert_eq!(found, [""; 0]);
        for (toml, place) in [
            (
                "[operator]\ncommand = [\"alert\"]",
                "operator.command: «alert» is no full path",
            ),
            (
                "[http]\nlisten = \"localhost\"",
                "http.listen: «localhost» is no address and port",
            ),
            (
                "[http]\nlisten = \"127.0.0.1:65535\"",
                "http.listen: «127.0.0.1:65535» is no",
            ),
            (
                "[http]\nlisten = \"127.0.0.1:0\"",
                "http.listen: «127.0.0.1:0» is no",
            ),
        ] {
            let (_, _, found) = read(toml);
            assert!(found.len() == 1 && found[0].contains(place), "{found:?}");
        }
    }
}
