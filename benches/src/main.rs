//! Measures the program as its users run it, whole processes beside others in the same run:
//! `cp -r` of its own output, other generators with the same files, an empty Rust program.
//!
//! `make bench` writes docs/benchmarks.md, its plots and `benches/recorded.json`; with the word
//! `guard` only ours is measured, and the run fails where a ratio left what is recorded.

#![allow(clippy::cast_precision_loss, reason = "sizes and counts are far below 2^52")]

mod measure;
mod peers;
mod plot;
mod report;
mod sets;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use measure::{Rounds, Spread, Subject};

/// What `cargo build --release` has made.
const SCAFFOLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/scaffold");
/// A guarded ratio may be this many times the recorded one: noise on a busy machine of two
/// cores stays below, a lost order of growth does not.
const MARGIN: f64 = 1.6;

/// A ratio and what it is held against.
#[derive(Clone)]
pub struct Figure {
    /// Its name in `benches/recorded.json`.
    pub key: String,
    /// What it is, for people.
    pub label: String,
    /// Over the rounds.
    pub ratio: Spread,
    /// The ratio of the fastest runs, for the guard.
    pub best: f64,
    /// What it should be at most.
    pub goal: f64,
    /// Milliseconds of the median run, as an aside.
    pub milliseconds: f64,
}

/// Everything that was measured.
#[derive(Default)]
pub struct Results {
    /// The ratios.
    pub figures: Vec<Figure>,
    /// Each generator beside `cp -r`, ours first.
    pub peers: Vec<(String, Spread)>,
    /// For each size of pack: files, milliseconds of ours and of `cp -r`.
    pub growth: Vec<(usize, f64, f64)>,
    /// What was rendered, its size and the peak memory, all sizes in bytes.
    pub memory: Vec<(String, f64, f64)>,
    /// Size of the program, in bytes.
    pub binary: u64,
}

struct Bench {
    root: PathBuf,
    work: PathBuf,
    results: Results,
}

fn main() -> ExitCode {
    let guards = std::env::args().any(|argument| argument == "guard");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned();
    let memory = Path::new("/dev/shm");
    // A disk that others use as well is the largest noise: the guard measures without one.
    let guarded = if memory.is_dir() { memory } else { &root.join("target") };
    let mut guard = Bench::new(&root, &guarded.join("scaffold-guard"));
    guard.start(100);
    guard.built_in(25);
    guard.pack(100, 25);
    guard.pack(1000, 11);
    let _ = fs::remove_dir_all(&guard.work);
    if guards {
        return guard.compare();
    }
    guard.record_best();

    let mut bench = Bench::new(&root, &root.join("target/bench"));
    bench.start(100);
    bench.built_in(31);
    // On a disk the copy waits for the disk: what the program itself takes shows in memory.
    bench.results.figures.extend(
        guard.results.figures.iter().filter(|figure| figure.key == "new").map(|figure| Figure {
            label: format!("{}, all in memory", figure.label),
            ..figure.clone()
        }),
    );
    bench.pack(100, 31);
    bench.pack(1000, 15);
    bench.pack(10_000, 5);
    bench.peers(9);
    report::write(&bench.results, &root.join("docs"));
    ExitCode::SUCCESS
}

impl Bench {
    fn new(root: &Path, work: &Path) -> Self {
        let _ = fs::remove_dir_all(work);
        fs::create_dir_all(work).expect("a folder to work in");
        let binary = fs::metadata(SCAFFOLD).expect("`cargo build --release` comes first").len();
        let results = Results { binary, ..Results::default() };
        Self { root: root.to_owned(), work: work.to_owned(), results }
    }

    /// Start-up: `--help` beside a Rust program that does nothing.
    fn start(&mut self, rounds: usize) {
        let empty = self.work.join("empty");
        let source = self.root.join("benches/src/empty.rs");
        peers::run(Command::new("rustc").args(["-O", "-o"]).arg(&empty).arg(source));
        let subjects = [
            Subject::new("empty", |_| Command::new(&empty)),
            Subject::new("--help", |_| scaffold(&["--help"])),
        ];
        let measured = Rounds::measure(&subjects, rounds, &self.work);
        self.results.memory.push(("an empty Rust program".to_owned(), 0.0, measured.peak(0)));
        self.results.memory.push(("`scaffold --help`".to_owned(), 0.0, measured.peak(1)));
        self.record("help", "`--help` beside an empty Rust program", 2.0, &measured);
    }

    /// The built-in pack beside `cp -r` of what it renders.
    fn built_in(&mut self, rounds: usize) {
        let arguments = ["new", sets::PROJECT, "--ml", "--realtime"];
        self.beside_copy("new", "`new --ml --realtime`", &arguments, 1.2, rounds);
    }

    /// A pack of `count` files.
    fn pack(&mut self, count: usize, rounds: usize) {
        let pack = self.work.join(format!("pack-{count}"));
        sets::write_pack(&pack, count);
        let arguments = ["new", sets::PROJECT, "--templates", path_text(&pack)];
        let (key, label) = (format!("pack_{count}"), format!("`new`, a pack of {count} files"));
        let goal = if count > 1000 { 1.5 } else { 1.2 };
        let (output, measured) = self.beside_copy(&key, &label, &arguments, goal, rounds);
        sets::check(&output, count, "scaffold");
        self.results.growth.push((count, measured.milliseconds(1), measured.milliseconds(0)));
    }

    /// Measures `scaffold arguments` beside `cp -r` of its output, and gives back both.
    fn beside_copy(
        &mut self,
        key: &str,
        label: &str,
        arguments: &[&str],
        goal: f64,
        rounds: usize,
    ) -> (PathBuf, Rounds) {
        let output = self.work.join(format!("output-{key}"));
        peers::run(
            scaffold(arguments).args(["--json", "--into"]).arg(&output).stdout(Stdio::null()),
        );
        let subjects = [
            Subject::new("cp -r", |folder| copy(&output, folder)),
            Subject::new("scaffold", |folder| {
                let mut command = scaffold(arguments);
                command.arg("--into").arg(folder.join(sets::PROJECT));
                command
            }),
        ];
        let measured = Rounds::measure(&subjects, rounds, &self.work);
        drop(subjects);
        let peak = measured.peak(1);
        self.results.memory.push((label.to_owned(), folder_size(&output), peak));
        self.record(key, &format!("{label} beside `cp -r` of its output"), goal, &measured);
        (output, measured)
    }

    /// Keeps the ratio of the second subject to the first.
    fn record(&mut self, key: &str, label: &str, goal: f64, measured: &Rounds) {
        self.results.figures.push(Figure {
            key: key.to_owned(),
            label: label.to_owned(),
            ratio: measured.ratio(1, 0),
            best: measured.best_ratio(1, 0),
            goal,
            milliseconds: measured.milliseconds(1),
        });
    }

    /// All generators on the same 100 files, beside `cp -r` of the output.
    fn peers(&mut self, rounds: usize) {
        const COUNT: usize = 100;
        let peers = peers::all(&self.root.join("target/tools"));
        let templates: Vec<PathBuf> =
            (0..peers.len()).map(|index| self.work.join(format!("template-{index}"))).collect();
        for (peer, template) in peers.iter().zip(&templates) {
            peer.write_template(template, COUNT);
            let once = tempfile::tempdir_in(&self.work).expect("a folder to write to");
            let output =
                peer.command(template, once.path()).output().expect("the generator starts");
            assert!(
                output.status.success(),
                "{}: {}",
                peer.name,
                String::from_utf8_lossy(&output.stderr)
            );
            sets::check(&once.path().join(sets::PROJECT), COUNT, &peer.name);
        }
        let pack = self.work.join(format!("pack-{COUNT}"));
        let output = self.work.join(format!("output-pack_{COUNT}"));
        let mut subjects = vec![
            Subject::new("cp -r", |folder| copy(&output, folder)),
            Subject::new("scaffold", |folder| {
                let arguments = ["new", sets::PROJECT, "--templates", path_text(&pack), "--into"];
                let mut command = scaffold(&arguments);
                command.arg(folder.join(sets::PROJECT));
                command
            }),
        ];
        for (peer, template) in peers.iter().zip(&templates) {
            subjects.push(Subject::new(&peer.name, |folder| peer.command(template, folder)));
        }
        let measured = Rounds::measure(&subjects, rounds, &self.work);
        for (index, subject) in subjects.iter().enumerate().skip(1) {
            self.results.peers.push((subject.name.clone(), measured.ratio(index, 0)));
        }
    }

    fn recorded(&self) -> PathBuf {
        self.root.join("benches/recorded.json")
    }

    /// Writes the ratios that the guard compares with.
    fn record_best(&self) {
        let best: BTreeMap<&str, f64> = self
            .results
            .figures
            .iter()
            .map(|figure| (figure.key.as_str(), (figure.best * 100.0).round() / 100.0))
            .collect();
        let text = serde_json::to_string_pretty(&best).expect("numbers are JSON");
        sets::put(&self.recorded(), &(text + "\n"));
    }

    /// Fails where a ratio is more than [`MARGIN`] times the recorded one.
    fn compare(&self) -> ExitCode {
        let text = fs::read_to_string(self.recorded()).expect("`make bench` has recorded ratios");
        let recorded: BTreeMap<String, f64> =
            serde_json::from_str(&text).expect("names and numbers");
        let mut code = ExitCode::SUCCESS;
        for figure in &self.results.figures {
            let limit = recorded[&figure.key] * MARGIN;
            let verdict = if figure.best <= limit { "ok" } else { "slower" };
            println!("{verdict:<7} {:<58} {:.2}, at most {limit:.2}", figure.label, figure.best);
            if figure.best > limit {
                code = ExitCode::FAILURE;
            }
        }
        code
    }
}

fn scaffold(arguments: &[&str]) -> Command {
    let mut command = Command::new(SCAFFOLD);
    command.args(arguments);
    command
}

fn copy(from: &Path, folder: &Path) -> Command {
    let mut command = Command::new("cp");
    command.arg("-r").arg(from).arg(folder.join(sets::PROJECT));
    command
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("paths of the benchmark are UTF-8")
}

/// Size of all files below `folder`, in bytes.
fn folder_size(folder: &Path) -> f64 {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.expect("the folder can be read").metadata().expect("a size"))
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len() as f64)
        .sum()
}
