//! A repository that somebody cloned brings files, and nothing that acts: no operation that another
//! machine began is carried out, nothing is written outside of the project or below `.git`.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{files_in, folder, put, scaffold, scaffold_ok, small_pack, stderr, stdout};
use serde_json::json;

/// A project of the small pack in a repository, as a clone of it, beside a file of somebody else.
struct Clone {
    work: tempfile::TempDir,
    pack: tempfile::TempDir,
}

impl Clone {
    /// Clones a project to which `bring` added something that was committed.
    fn with(bring: &dyn Fn(&Path)) -> Self {
        let work = folder(&[("neighbour.txt", "somebody else's\n")]);
        let pack = small_pack(&[]);
        let templates = pack.path().to_str().expect("the path is UTF-8");
        scaffold_ok(work.path(), &["new", "x", "--templates", templates, "--into", "origin"]);
        let origin = work.path().join("origin");
        bring(&origin);
        for arguments in [
            &["init", "--quiet", "--initial-branch=main"][..],
            &["add", "--all", "--force"],
            &[
                "-c",
                "user.name=t",
                "-c",
                "user.email=t@example.org",
                "commit",
                "--quiet",
                "-m",
                "x",
            ],
        ] {
            git(&origin, arguments);
        }
        git(work.path(), &["clone", "--quiet", "origin", "x"]);
        fs::remove_dir_all(origin).expect("it is gone");
        Self { work, pack }
    }

    fn root(&self) -> PathBuf {
        self.work.path().join("x")
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut all = arguments.to_vec();
        all.extend(["--templates", self.pack.path().to_str().expect("the path is UTF-8")]);
        let output = scaffold(&self.root(), &all);
        (output.status.code().expect("an exit code"), stderr(&output) + &stdout(&output))
    }

    /// Every file of the work folder but the program's own notes.
    fn everything(&self) -> Vec<(String, Vec<u8>, bool)> {
        let mut files = files_in(self.work.path());
        files.retain(|(path, _, _)| {
            !path.starts_with("x/.git/scaffold/")
                && path != "x/.scaffold/local/lock"
                && path != "x/.scaffold/local/.gitignore"
                && path != "x/.git/index"
        });
        files
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git").args(arguments).current_dir(folder).output();
    let output = output.expect("git starts");
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
}

/// A journal as this program wrote them before it noted down which ones are its own.
fn put_journal(root: &Path, folder: &str, path: &str, text: &str) {
    let digest = scaffold::merge::digest(text.as_bytes());
    let plan = json!({
        "operation": "add ml",
        "changes": [{"path": path, "before": null, "after": digest}],
        "folders": [],
        "emptied": [],
    });
    let local = format!(".scaffold/local/{folder}");
    put(root, &format!("{local}/plan.json"), plan.to_string().as_bytes());
    put(root, &format!("{local}/after/0"), text.as_bytes());
    put(root, &format!("{local}/before/none"), b"");
}

#[test]
fn a_journal_that_a_clone_brings_is_never_carried_out() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let absolute = outside.path().join("written").display().to_string();
    for path in [".git/hooks/post-commit", "../written", &absolute, "README.md"] {
        for journal in ["journal", "rollback", "undo", "undoing", "redoing"] {
            let clone = Clone::with(&|root| put_journal(root, journal, path, "#!/bin/sh\n"));
            let before = clone.everything();
            for command in [&["check"][..], &["undo"], &["apply"], &["add", "extra", "--dry-run"]] {
                let (code, text) = clone.run(command);
                let place = format!("{path} in {journal}, {command:?}: {code}, {text}");
                assert!(clone.everything() == before, "{place}");
                assert!(!Path::new(&absolute).exists(), "{place}");
                let is_waiting = !matches!(journal, "undo");
                if command == ["undo"] || (is_waiting && command[0] != "add") {
                    assert_eq!(code, 8, "{place}");
                    assert!(text.contains(&format!("rm -r .scaffold/local/{journal}")), "{place}");
                }
            }
        }
    }
}
