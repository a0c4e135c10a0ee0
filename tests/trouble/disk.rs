//! A full disk, and one that fails: nothing is taken from the server, one line says why, and all goes on when there is room.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::support::{Database, Desk, Engine, Letter, Program, fresh_uuid, wait_until};
use super::{RECOVERY, each_once, letter_of_stranger, own_lab, stranger_writes, warnings};

/// A small file system in memory.
struct Disk {
    dir: TempDir,
}

impl Disk {
    fn mount(size: &str) -> Disk {
        let dir = tempfile::Builder::new()
            .prefix("ninetosix-disk.")
            .tempdir_in("/var/tmp")
            .expect("a directory in /var/tmp");
        let disk = Disk { dir };
        disk.run(
            "mount",
            &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"],
        );
        disk
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn grow(&self, size: &str) {
        self.run("mount", &["-o", &format!("remount,size={size}")]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = Command::new(program)
            .args(arguments)
            .arg(self.path())
            .output();
        let output = output.expect("it runs");
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {output:?}"
        );
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.run("umount", &["--lazy"]);
    }
}

/// The disk fills up under a working desk, letters come, and nothing is taken from the server; then `afterwards`.
fn fill_up(afterwards: impl FnOnce(&Disk, &mut Desk, &[&Letter])) {
    let (disk, lab) = (Disk::mount("3m"), own_lab());
    let file = disk.path().join("ninetosix.db");
    let mut desk = Desk::with(&lab, |_| Database::in_file(file.clone()), |_| {});
    desk.start();
    // What is left holds no letter of these. The space is taken page by page, until there is none.
    let filler = disk.path().join("filler");
    let mut taken = Vec::new();
    while taken.len() < 4 << 20 {
        taken.extend([7; 64 << 10]);
        if fs::write(&filler, &taken).is_err() {
            break;
        }
    }
    let letters: Vec<Letter> = (1..=3)
        .map(|number| {
            letter_of_stranger(&desk, number).file(
                "скан.bin",
                "application/octet-stream",
                fresh_uuid().repeat(6000).as_bytes(),
            )
        })
        .collect();
    for letter in &letters {
        desk.receive("writer@family.test", letter);
    }
    desk.wait("the poller says that the disk is full", |desk| {
        (!warnings(&desk.log(Program::Poller), "full").is_empty()).then_some(())
    });
    std::thread::sleep(std::time::Duration::from_secs(10));
    assert_eq!(
        lab.seen(&desk.help),
        0,
        "nothing is marked before it is stored"
    );
    assert_eq!(desk.database.count("ledger WHERE outcome IS NOT NULL"), 0);
    let said = warnings(&desk.log(Program::Poller), "poll:");
    assert_eq!(said.len(), 1, "{said:?}");

    afterwards(&disk, &mut desk, &letters.iter().collect::<Vec<_>>());
    desk.stop_both();
    let checked = Command::new("sqlite3")
        .arg(&file)
        .arg("PRAGMA integrity_check")
        .output();
    let checked = checked.expect("sqlite3 runs");
    assert_eq!(String::from_utf8_lossy(&checked.stdout).trim(), "ok");
}

#[test]
fn on_a_full_disk_nothing_is_marked_and_after_a_restart_with_room_all_is_registered() {
    fill_up(|disk, desk, letters| {
        desk.stop_both();
        disk.grow("64m");
        desk.start();
        each_once(desk, letters);
    });
}

#[test]
fn a_full_disk_is_over_as_soon_as_there_is_room() {
    fill_up(|disk, desk, letters| {
        disk.grow("64m");
        each_once(desk, letters);
    });
}

/// A disk that fails to make data durable, or to write it: the transaction counts as failed, nothing is marked that is not
/// stored, and all is registered once in the end. The count of calls is each thread's own, so that every connection to the
/// database fails at the same one: the next process has a disk that works.
#[test]
fn a_write_that_fails_is_no_loss() {
    let lab = own_lab();
    let mut desk = Desk::new(&lab, Engine::Sqlite, |_| {});
    desk.start_one(Program::Worker, &[]);
    desk.start_one(Program::Poller, &[]);
    desk.wait_for_poll();
    desk.stop(Program::Poller);
    let mut letters = Vec::new();
    for (call, error, nth) in [
        ("fdatasync", "EIO", 1),
        ("fdatasync", "EIO", 2),
        ("fdatasync", "ENOSPC", 3),
        ("fdatasync", "EIO", 5),
        ("pwrite64", "EIO", 4),
        ("pwrite64", "ENOSPC", 9),
        ("pwrite64", "EIO", 20),
    ] {
        letters.push(stranger_writes(&desk, letters.len() as u32 + 1));
        let wanted = letters.len();
        let said = |desk: &Desk| warnings(&desk.log(Program::Poller), "database").len();
        let before = said(&desk);
        desk.start_faulty(Program::Poller, call, &format!("error={error}:when={nth}"));
        let desk = &mut desk;
        let what =
            format!("it goes on, says so or ends after {call} failed with {error} at call {nth}");
        wait_until(RECOVERY, &what, || {
            assert!(
                lab.seen(&desk.help) as i64
                    <= desk.database.count("ledger WHERE outcome IS NOT NULL"),
                "a letter is marked that is not registered"
            );
            let is_done = desk.database.count("ledger WHERE outcome = 'ticket'") == wanted as i64;
            let is_said = said(desk) > before;
            let has_ended = desk
                .running(Program::Poller)
                .and_then(|poller| poller.ended())
                .inspect(|status| assert!(!status.success(), "{status}"));
            (is_done || is_said || has_ended.is_some()).then_some(())
        });
        desk.kill(Program::Poller);
        desk.start_one(Program::Poller, &[]);
        let letters: Vec<&Letter> = letters.iter().collect();
        each_once(desk, &letters);
        desk.stop(Program::Poller);
    }
    desk.stop(Program::Worker);
}
