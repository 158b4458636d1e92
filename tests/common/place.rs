//! A project of a small pack, on which tests run the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{files_in, put, scaffold, scaffold_ok, small_pack, stderr, stdout};

/// A project of the small pack in a git repository, everything committed.
pub struct Place {
    /// The folder that holds the project.
    pub work: tempfile::TempDir,
    /// The pack.
    pub pack: tempfile::TempDir,
}

impl Place {
    /// A project of the small pack.
    pub fn new(choices: &[&str]) -> Self {
        Self::of(small_pack(&[]), choices)
    }

    /// A project of a pack.
    pub fn of(pack: tempfile::TempDir, choices: &[&str]) -> Self {
        let place = Self { work: tempfile::tempdir().expect("a temporary folder"), pack };
        let templates = place.templates();
        let mut arguments = vec!["new", "x", "--templates", &templates];
        arguments.extend(choices);
        scaffold_ok(place.work.path(), &arguments);
        place.git(&["init", "--quiet", "--initial-branch=main"]);
        place.commit("new");
        place
    }

    /// The folder of the pack.
    pub fn templates(&self) -> String {
        self.pack.path().to_str().expect("the path is UTF-8").to_owned()
    }

    /// The folder of the project.
    pub fn root(&self) -> PathBuf {
        self.work.path().join("x")
    }

    /// Runs the program; gives its exit code and its messages.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.output(arguments);
        (output.status.code().expect("an exit code"), stderr(&output))
    }

    /// Runs the program with the pack.
    pub fn output(&self, arguments: &[&str]) -> std::process::Output {
        let templates = self.templates();
        let mut all = arguments.to_vec();
        all.extend(["--templates", &templates]);
        scaffold(&self.root(), &all)
    }

    /// Runs the program, which has to succeed; gives its messages.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let (code, text) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        text
    }

    /// Runs the program with `--json`.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        serde_json::from_str(&stdout(&self.output(&all))).expect("the answer is JSON")
    }

    /// Runs git, and says whether it went well.
    pub fn git(&self, arguments: &[&str]) -> bool {
        Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(arguments)
            .current_dir(self.root())
            .output()
            .expect("git starts")
            .status
            .success()
    }

    /// Commits everything.
    pub fn commit(&self, message: &str) {
        assert!(self.git(&["add", "--all"]) && self.git(&["commit", "--quiet", "-m", message]));
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        put(&self.root(), path, text.as_bytes());
    }

    /// Whether something is at a path.
    pub fn has(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }

    /// All files but git's and the program's own business.
    pub fn files(&self) -> Vec<(String, Vec<u8>, bool)> {
        project_files(&self.root())
    }
}

/// All files of a project but git's and the program's own business.
pub fn project_files(root: &Path) -> Vec<(String, Vec<u8>, bool)> {
    let mut files = files_in(root);
    files
        .retain(|(path, _, _)| !path.starts_with(".git/") && !path.starts_with(".scaffold/local/"));
    files
}
