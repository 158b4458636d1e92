//! A slow test says with [`prove`] that it is one. By hand it just runs. Where `PROOF` is set, as in
//! `.ci/run` and `make prove`, it does what tests/prove has decided before, and notes how it ended.

use std::cell::{Cell, RefCell};
use std::fs;
use std::panic;
use std::path::PathBuf;
use std::sync::Once;
use std::time::Instant;

use scaffold::proof::record::Project;
use serde::{Deserialize, Serialize};

use super::repository;
use super::subjects::{Subject, matches, subject};

/// What a check will do, decided before it begins.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The commit of the working tree; it is also the seed of what is drawn.
    pub commit: String,
    /// Whether nothing differs from the commit, so that a record may be written.
    pub clean: bool,
    /// Each subject and what becomes of it.
    pub subjects: Vec<Planned>,
}

/// A subject in a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// Its digest; empty where it cannot be told, since something is missing.
    pub digest: String,
    /// The projects that it uses, as they are rendered now.
    pub projects: Vec<Project>,
    /// What becomes of it.
    pub decision: Decision,
}

/// What becomes of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// It runs, for this reason.
    Run(String),
    /// It was proven at this digest, and is not run again.
    Proven {
        /// At which commit.
        commit: String,
        /// On which day.
        day: String,
        /// How long it took then.
        seconds: u32,
    },
    /// It is not proven and does not run, for this reason.
    Unproven(String),
}

/// How a subject ended in the running check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Whether it passed.
    pub passed: bool,
    /// What it said last, where it did not.
    pub why: String,
    /// How long it took, in seconds.
    pub seconds: u32,
}

/// The folder of the plan and of what became of it.
pub fn proof_folder() -> PathBuf {
    repository().join("target/proof")
}

impl Plan {
    /// The plan of the check that runs.
    pub fn read() -> Self {
        let path = proof_folder().join("plan.json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}; begin with `make prove-begin`", path.display())
        });
        serde_json::from_str(&text).expect("tests/prove wrote the plan")
    }

    /// Forgets the plan of a check that has ended: what came after it was not looked at.
    pub fn forget() {
        fs::remove_file(proof_folder().join("plan.json")).expect("the plan is removed");
    }

    /// Writes the plan of the check that begins, and forgets the one before.
    pub fn write(&self) {
        let folder = proof_folder();
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the plan of an earlier check is removed");
        }
        fs::create_dir_all(folder.join("ended")).expect("a folder for the plan");
        let text = serde_json::to_string_pretty(self).expect("a plan can be written");
        fs::write(folder.join("plan.json"), text).expect("the plan is written");
    }
}

/// How a subject of the running check ended, where it was begun: one that was killed has failed.
pub fn ended(name: &str) -> Option<Ended> {
    let text = fs::read_to_string(note_of(name)).ok()?;
    Some(serde_json::from_str(&text).expect("`prove` wrote how it ended"))
}

fn note_of(name: &str) -> PathBuf {
    proof_folder().join("ended").join(name.replace("::", ".") + ".json")
}

thread_local! {
    static CURRENT: Cell<Option<&'static Subject>> = const { Cell::new(None) };
    static MADE: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    static WHY: RefCell<String> = const { RefCell::new(String::new()) };
}

/// How many of its last lines are kept of what a test that fails says: a report of pytest names
/// what failed at its end.
const LINES: usize = 60;

/// Keeps what a panic says for the end of the check, where people look first.
fn keep_why() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let show = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let said = panic.to_string();
            let lines: Vec<&str> = said.lines().collect();
            WHY.set(lines[lines.len().saturating_sub(LINES)..].join("\n"));
            show(panic);
        }));
    });
}

/// A slow test while it runs: until this is dropped, it may use what its row in
/// tests/common/subjects.rs names and nothing else.
pub struct Running {
    /// Its name, and when it began, where how it ends is noted.
    noted: Option<(String, Instant)>,
}

/// Begins a slow test. Gives nothing back where `PROOF` is set and the subject is proven, or lacks
/// something: it has said so, and is not to be run.
pub fn prove(name: &str) -> Option<Running> {
    let mut running = Running::begin(name);
    if std::env::var_os("PROOF").is_some() {
        let planned = Plan::read().subjects.into_iter().find(|planned| planned.name == name);
        let planned = planned.unwrap_or_else(|| panic!("`{name}` is not in the plan"));
        match planned.decision {
            Decision::Run(_) => {
                keep_why();
                let begun = (name.to_owned(), Instant::now());
                note(&begun, false, "it was killed".to_owned());
                running.noted = Some(begun);
            }
            Decision::Proven { commit, day, .. } => {
                let digest = planned.digest.trim_start_matches("sha256:");
                let (commit, digest) = (&commit[..12], &digest[..12]);
                println!("{name}: proven at {commit} on {day} (digest {digest}), not run again");
                return None;
            }
            Decision::Unproven(reason) => {
                println!("{name}: NOT proven: {reason}");
                return None;
            }
        }
    }
    Some(running)
}

impl Running {
    /// A slow test of which nothing is noted.
    pub fn begin(name: &str) -> Self {
        CURRENT.set(Some(subject(name)));
        Self { noted: None }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CURRENT.set(None);
        let made = MADE.take();
        if !std::thread::panicking() && std::env::var_os("KEEP").is_none() {
            for folder in made {
                fs::remove_dir_all(&folder).expect("the project of a test that passed is removed");
            }
        }
        if let Some(begun) = &self.noted {
            note(begun, !std::thread::panicking(), WHY.take());
        }
    }
}

fn note((name, begun): &(String, Instant), passed: bool, why: String) {
    let seconds = u32::try_from(begun.elapsed().as_millis().div_ceil(1000));
    let ended = Ended { passed, why, seconds: seconds.unwrap_or(u32::MAX) };
    let text = serde_json::to_string(&ended).expect("it can be written");
    fs::write(note_of(name), text).expect("how it ended is noted");
}

/// A place for a project under target/. Set up, one takes a gigabyte, so it goes when the running
/// subject has passed; `KEEP=1` leaves it.
pub fn place_for(name: &str) -> PathBuf {
    let folder = repository().join("target/projects").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the project of an earlier run is removed");
    }
    MADE.with_borrow_mut(|made| made.push(folder.clone()));
    folder
}

/// Says that the running subject, if there is one, uses a project.
pub fn uses_project(choices: &[&str]) {
    if let Some(subject) = CURRENT.get() {
        assert!(
            subject.projects.contains(&choices),
            "`{}` uses the project {choices:?}, which its row does not name",
            subject.name
        );
    }
}

/// Says that the running subject, if there is one, looks at a file of every selection.
pub fn uses_file(path: &str) {
    if let Some(subject) = CURRENT.get() {
        assert!(
            matches(subject.every, path),
            "`{}` looks at {path}, which its row does not name",
            subject.name
        );
    }
}

/// Says that the running subject, if there is one, calls the generator.
pub fn uses_generator(arguments: &[&str]) {
    if let Some(subject) = CURRENT.get() {
        assert!(
            subject.operates || arguments.first() == Some(&"new"),
            "`{}` calls `scaffold {}`, and its row does not say so",
            subject.name,
            arguments.join(" ")
        );
    }
}
