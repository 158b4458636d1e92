//! What git knows of a project, asked by calling `git`. Without git, or outside of a repository,
//! it knows nothing, and nothing here fails. Nothing that a repository brings is run by asking.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The commits whose states are being, or were, put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parents {
    /// The one that was merged into.
    pub ours: String,
    /// The one that came in; of a revert, what was there before the commit that is reverted.
    pub theirs: String,
    /// What both come from; of a revert, the commit that is reverted.
    pub base: String,
}

/// A working copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Where git keeps what belongs to this working copy alone.
    pub directory: PathBuf,
    /// The outermost folder of the working copy.
    pub top: PathBuf,
}

/// The working copy that the folder `root`, a full path, is in. `.git` can be a file that names a
/// folder elsewhere, as in a further working tree: it is believed where that folder names it back.
#[must_use]
pub fn repository(root: &Path) -> Option<Repository> {
    let top = root.ancestors().find(|folder| fs::symlink_metadata(folder.join(".git")).is_ok())?;
    let entry = top.join(".git");
    let kind = fs::symlink_metadata(&entry).ok()?.file_type();
    let directory = if kind.is_file() {
        let named = first_line(&entry)?;
        let directory = top.join(named.strip_prefix("gitdir: ")?);
        let back = directory.join(first_line(&directory.join("gitdir"))?);
        (back.canonicalize().ok()? == entry.canonicalize().ok()?).then_some(directory)?
    } else {
        kind.is_dir().then_some(entry)?
    };
    let is_repository = fs::symlink_metadata(directory.join("HEAD")).is_ok();
    is_repository.then(|| Repository { directory, top: top.to_owned() })
}

fn first_line(path: &Path) -> Option<String> {
    use std::io::{BufRead as _, Read as _};
    const LONGEST: u64 = 8192;
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let file = fs::File::open(path).ok()?;
    let mut line = String::new();
    std::io::BufReader::new(file.take(LONGEST)).read_line(&mut line).ok()?;
    Some(line.trim_end().to_owned())
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

/// The commits of a merge, cherry-pick, rebase, revert, squash or stash that is being put into the
/// working copy, or else of the merge that the current commit is.
#[must_use]
pub fn parents(root: &Path) -> Option<Parents> {
    let commit = |name: &str| text(root, &["rev-parse", "--verify", "--quiet", name]);
    let ours = commit("HEAD")?;
    let common = |theirs: String| {
        let base = text(root, &["merge-base", &ours, &theirs])?;
        Some(Parents { ours: ours.clone(), theirs, base })
    };
    if let Some(theirs) = commit("MERGE_HEAD") {
        return common(theirs);
    }
    // Git leaves the last name there when the rebase is done.
    let is_rebasing =
        ["rebase-merge", "rebase-apply"].iter().any(|name| own_path(root, name).is_some());
    for (picked, is_under_way) in [("CHERRY_PICK_HEAD", true), ("REBASE_HEAD", is_rebasing)] {
        if let Some(theirs) = commit(picked).filter(|_| is_under_way) {
            let base = commit(&format!("{theirs}^"))?;
            return Some(Parents { ours, theirs, base });
        }
    }
    if let Some(base) = commit("REVERT_HEAD") {
        let theirs = commit(&format!("{base}^"))?;
        return Some(Parents { ours, theirs, base });
    }
    if let Some(theirs) = squashed(root) {
        return common(theirs);
    }
    if let Some(stash) = commit("refs/stash").filter(|stash| is_unmerged_with(root, stash)) {
        let base = commit(&format!("{stash}^"))?;
        return Some(Parents { ours, theirs: stash, base });
    }
    let base = text(root, &["merge-base", "HEAD^1", "HEAD^2"])?;
    Some(Parents { ours: commit("HEAD^1")?, theirs: commit("HEAD^2")?, base })
}

/// Where git keeps something of this working copy, if it is there.
fn own_path(root: &Path, name: &str) -> Option<PathBuf> {
    let path = root.join(text(root, &["rev-parse", "--git-path", name])?);
    path.exists().then_some(path)
}

/// The commit that `merge --squash` brings, which git tells in the message that it prepares alone.
fn squashed(root: &Path) -> Option<String> {
    let message = fs::read_to_string(own_path(root, "SQUASH_MSG")?).ok()?;
    let commit = message.lines().find_map(|line| line.strip_prefix("commit "))?;
    text(root, &["rev-parse", "--verify", "--quiet", commit])
}

/// Whether what comes in at an unmerged path in this folder is what `commit` has there.
fn is_unmerged_with(root: &Path, commit: &str) -> bool {
    let listed = text(root, &["ls-files", "--unmerged", "--", "."]).unwrap_or_default();
    let mut theirs = listed.lines().filter_map(|line| {
        let (fields, path) = line.split_once('\t')?;
        let mut fields = fields.split(' ').skip(1);
        let (blob, stage) = (fields.next()?, fields.next()?);
        (stage == "3").then_some((blob, path))
    });
    theirs.next().is_some_and(|(blob, path)| {
        text(root, &["rev-parse", "--verify", "--quiet", &format!("{commit}:./{path}")])
            .is_some_and(|there| there == blob)
    })
}

/// The content of `path`, from the folder `root`, in a commit.
#[must_use]
pub fn content(root: &Path, commit: &str, path: &str) -> Option<Vec<u8>> {
    git(root, &["cat-file", "blob", &format!("{commit}:./{path}")])
}

fn text(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = git(root, arguments)?;
    Some(String::from_utf8_lossy(&output).trim().to_owned())
}

fn git(root: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    if root.as_os_str().is_empty() {
        return git(Path::new("."), arguments);
    }
    let output = Command::new("git")
        .arg("--literal-pathspecs")
        // Files of a clone can look like a repository of their own, with programs to run.
        .args(["-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=false"])
        .arg("-C")
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
