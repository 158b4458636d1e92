//! Runs commands in turn and keeps how long each took and how much memory it held.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// One run of a command.
#[derive(Clone, Copy)]
pub struct Run {
    /// From start to exit.
    pub time: Duration,
    /// The most memory that it held, in bytes.
    pub peak: u64,
}

/// A command to measure; it is made anew for each run.
pub struct Subject<'a> {
    /// What the report calls it.
    pub name: String,
    /// The command; where it writes, it writes below the folder that it is given.
    pub command: Box<dyn Fn(&Path) -> Command + 'a>,
}

impl<'a> Subject<'a> {
    /// A subject called `name`.
    pub fn new(name: impl Into<String>, command: impl Fn(&Path) -> Command + 'a) -> Self {
        Self { name: name.into(), command: Box::new(command) }
    }
}

/// A figure over several rounds.
#[derive(Clone, Copy)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Median, minimum and maximum of `values`, of which there is at least one.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { median: values[values.len() / 2], min: values[0], max: values[values.len() - 1] }
    }
}

/// All rounds of several subjects that were measured together.
pub struct Rounds {
    runs: Vec<Vec<Run>>,
}

impl Rounds {
    /// Runs every subject once per round, each in a new folder below `work`. Each round begins
    /// with another subject, so that none always follows the same one.
    pub fn measure(subjects: &[Subject], rounds: usize, work: &Path) -> Self {
        let mut runs = vec![Vec::new(); subjects.len()];
        // The first run of each fills the caches and is not counted.
        for round in 0..=rounds {
            for step in 0..subjects.len() {
                let index = (round + step) % subjects.len();
                let run = once(&subjects[index], work);
                if round > 0 {
                    runs[index].push(run);
                }
            }
        }
        Self { runs }
    }

    /// How many times as long as `base` the subject took, round by round.
    pub fn ratio(&self, subject: usize, base: usize) -> Spread {
        let pairs = self.runs[subject].iter().zip(&self.runs[base]);
        Spread::of(pairs.map(|(one, other)| seconds(one) / seconds(other)).collect())
    }

    /// The ratio of the fastest runs: what noise on the machine changes least.
    pub fn best_ratio(&self, subject: usize, base: usize) -> f64 {
        let best = |index: usize| self.runs[index].iter().map(seconds).fold(f64::MAX, f64::min);
        best(subject) / best(base)
    }

    /// Milliseconds of the median run.
    pub fn milliseconds(&self, subject: usize) -> f64 {
        Spread::of(self.runs[subject].iter().map(seconds).collect()).median * 1e3
    }

    /// Median peak memory, in bytes.
    pub fn peak(&self, subject: usize) -> f64 {
        Spread::of(self.runs[subject].iter().map(|run| run.peak as f64).collect()).median
    }
}

fn seconds(run: &Run) -> f64 {
    run.time.as_secs_f64()
}

/// Runs the subject in a new folder below `work`, which is removed after the clock has stopped.
fn once(subject: &Subject, work: &Path) -> Run {
    let folder = tempfile::tempdir_in(work).expect("a folder to write to");
    let mut command = (subject.command)(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", subject.name));
    let used = child.wait4().expect("the child can be waited for");
    let time = started.elapsed();
    assert!(used.status.success(), "{} failed: {:?}", subject.name, command);
    Run { time, peak: used.rusage.maxrss }
}
