//! What a package ships beside a program: its manual pages and the completions of shells, made from the command line
//! itself, so that they cannot disagree with it.

use std::io;
use std::path::Path;

use clap::Command;
use clap_complete::{Shell, generate_to};

/// Writes into a directory: a manual page of the program and one of each of its commands (`ninetosix-worker-tickets.1`),
/// and what bash, zsh and fish need to complete its command line.
///
/// # Errors
/// If the directory cannot be made or written.
pub fn write(mut program: Command, into: &Path) -> io::Result<()> {
    std::fs::create_dir_all(into)?;
    clap_mangen::generate_to(program.clone(), into)?;
    let name = program.get_name().to_owned();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut program, &name, into)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn every_command_has_a_page_and_every_shell_its_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let into = dir.path().join("papers");
        let program = Command::new("desk")
            .subcommand(Command::new("tickets").arg(Arg::new("limit").long("limit")))
            .subcommand(Command::new("papers").hide(true));
        write(program, &into).expect("written");
        let read = |name: &str| std::fs::read_to_string(into.join(name)).unwrap_or_default();
        assert!(read("desk.1").contains("desk\\-tickets(1)"));
        assert!(read("desk-tickets.1").contains("\\-\\-limit"));
        for name in ["desk.bash", "_desk", "desk.fish"] {
            assert!(read(name).contains("limit"), "{name}");
        }
        assert!(
            !into.join("desk-papers.1").exists(),
            "hidden commands have none"
        );
    }
}
