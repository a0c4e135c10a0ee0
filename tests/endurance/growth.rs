//! What this process takes of the machine, read again and again, and whether that grows.

use std::fs;

/// The most memory that may be added by a thousand polls or beginnings, in KiB.
const MOST_KIB: f64 = 1024.0;
/// What is read before a part has done this share of its work is warming up: caches and pools fill.
const WARM_UP: f64 = 0.3;

/// What the process takes at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// How much was done by then.
    at: u64,
    rss_kib: u64,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    /// Tasks of the daemons' runtime: a timer that is left behind lives in one.
    pub(crate) tasks: usize,
}

impl Reading {
    /// Reads it from /proc; the runtime has so many tasks.
    pub(crate) fn take(at: u64, tasks: usize) -> Reading {
        let status = fs::read_to_string("/proc/self/status").expect("Linux says so");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.expect("a number")
        };
        let descriptors = fs::read_dir("/proc/self/fd").expect("Linux lists them");
        Reading {
            at,
            rss_kib: number("VmRSS:"),
            // One of them reads the list.
            descriptors: descriptors.count() - 1,
            threads: number("Threads:") as usize,
            tasks,
        }
    }
}

/// The readings of one part of the test.
#[derive(Debug, Default)]
pub(crate) struct Growth(Vec<Reading>);

impl Growth {
    /// Adds a reading.
    pub(crate) fn push(&mut self, reading: Reading) {
        self.0.push(reading);
    }

    /// The readings after the warm-up.
    fn warm(&self) -> &[Reading] {
        let all = self.0.last().map_or(0, |last| last.at) as f64;
        let cold = self
            .0
            .iter()
            .take_while(|reading| (reading.at as f64) < WARM_UP * all);
        &self.0[cold.count()..]
    }

    /// The memory added by each thousand in KiB: the line that fits the readings best, by least squares.
    fn slope_kib(&self) -> f64 {
        let points: Vec<(f64, f64)> = self
            .warm()
            .iter()
            .map(|reading| (reading.at as f64 / 1000.0, reading.rss_kib as f64))
            .collect();
        let count = points.len() as f64;
        let (x, y) = points
            .iter()
            .fold((0.0, 0.0), |sum, at| (sum.0 + at.0, sum.1 + at.1));
        let (x, y) = (x / count, y / count);
        let over: f64 = points.iter().map(|at| (at.0 - x) * (at.1 - y)).sum();
        let under: f64 = points.iter().map(|at| (at.0 - x).powi(2)).sum();
        over / under
    }

    /// Prints it.
    pub(crate) fn print(&self, what: &str) {
        eprintln!("{what}: RSS slope {:.0} KiB", self.slope_kib());
        let step = (self.0.len() / 10).max(1);
        for Reading {
            at,
            rss_kib,
            descriptors,
            threads,
            tasks,
        } in self.0.iter().step_by(step).chain(self.0.last())
        {
            eprintln!(
                "{at:>6}: {rss_kib} KiB, {descriptors} descriptors, {threads} threads, {tasks} tasks"
            );
        }
    }

    /// Panics if memory grows, or if the end has more of anything than the end of the warm-up and `more`.
    pub(crate) fn check(&self, more: usize) {
        let slope = self.slope_kib();
        assert!(
            slope < MOST_KIB,
            "{slope:.0} KiB are added by each thousand"
        );
        let (first, last) = (self.warm()[0], self.0[self.0.len() - 1]);
        for (what, of) in [
            (
                "descriptors",
                (|reading| reading.descriptors) as fn(Reading) -> usize,
            ),
            ("threads", |reading| reading.threads),
            ("tasks", |reading| reading.tasks),
        ] {
            let (before, after) = (of(first), of(last));
            assert!(
                after <= before + more,
                "{after} {what}, {before} after the warm-up"
            );
        }
    }
}
