//! Points at which a daemon waits until the test lets it go on.

use std::fs;
use std::path::PathBuf;

use super::wait::{LIMIT, wait_until};

/// The points of the daemons that were started with its environment. At an armed point the first of them waits.
#[derive(Debug)]
pub(crate) struct Holds {
    dir: PathBuf,
}

impl Holds {
    /// Makes points that are kept in a directory, which must not be there yet.
    pub(crate) fn new(dir: PathBuf) -> Holds {
        fs::create_dir(&dir).expect("a directory of its own");
        Holds { dir }
    }

    /// What daemons are to be started with.
    pub(crate) fn environment(&self) -> [(&str, &str); 1] {
        [("NINETOSIX_HOLD", self.dir.to_str().expect("a plain path"))]
    }

    /// Whoever comes to `point` next waits there, once.
    pub(crate) fn arm(&self, point: &str) {
        fs::write(self.dir.join(point), "").expect("the point is armed");
    }

    /// Waits until somebody waits at `point`.
    pub(crate) fn wait_for(&self, point: &str) {
        let held = self.held(point);
        wait_until(LIMIT * 2, &format!("somebody waits at {point}"), || {
            held.exists().then_some(())
        });
    }

    /// Lets whoever waits at `point` go on.
    pub(crate) fn release(&self, point: &str) {
        fs::remove_file(self.held(point)).expect("somebody waits");
    }

    fn held(&self, point: &str) -> PathBuf {
        self.dir.join(format!("{point}.held"))
    }
}

impl Drop for Holds {
    fn drop(&mut self) {
        // Nobody waits for a test that is over.
        let _ = fs::remove_dir_all(&self.dir);
    }
}
