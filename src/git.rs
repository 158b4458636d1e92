//! What git knows of a project, asked by calling `git`. Without git, or outside of a repository,
//! it knows nothing, and nothing here fails.

use std::path::Path;
use std::process::{Command, Stdio};

/// The two commits that are being, or were, merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parents {
    /// The one that was merged into.
    pub ours: String,
    /// The one that came in.
    pub theirs: String,
    /// What both come from.
    pub base: String,
}

/// Those of `paths` that differ from the last commit, or are not part of it.
#[must_use]
pub fn uncommitted(root: &Path, paths: &[&str]) -> Vec<String> {
    if paths.is_empty() {
        return Vec::new();
    }
    let mut arguments =
        vec!["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--"];
    arguments.extend(paths);
    let Some(status) = git(root, &arguments) else {
        return Vec::new();
    };
    let prefix = text(root, &["rev-parse", "--show-prefix"]).unwrap_or_default();
    let status = String::from_utf8_lossy(&status).into_owned();
    status
        .split('\0')
        .filter_map(|entry| entry.get(3..))
        .map(|path| path.strip_prefix(&prefix).unwrap_or(path).to_owned())
        .collect()
}

/// The commits of a merge, cherry-pick or rebase that is under way, or else of the merge that
/// the current commit is.
#[must_use]
pub fn parents(root: &Path) -> Option<Parents> {
    let commit = |name: &str| text(root, &["rev-parse", "--verify", "--quiet", name]);
    let under_way = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD"].into_iter().find_map(commit);
    let (ours, theirs) = match under_way {
        Some(theirs) => (commit("HEAD")?, theirs),
        None => (commit("HEAD^1")?, commit("HEAD^2")?),
    };
    let base = text(root, &["merge-base", &ours, &theirs])?;
    Some(Parents { ours, theirs, base })
}

/// The content of `path`, from the folder `root`, in a commit.
#[must_use]
pub fn content(root: &Path, commit: &str, path: &str) -> Option<Vec<u8>> {
    git(root, &["show", &format!("{commit}:./{path}")])
}

fn text(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = git(root, arguments)?;
    Some(String::from_utf8_lossy(&output).trim().to_owned())
}

fn git(root: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("git")
        .args(["--literal-pathspecs", "-C"])
        .arg(root)
        .args(arguments)
        // A question must not wait for another git, nor write.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout)
}
