//! Projects that people have for long: a version of the built-in pack that was released has written them,
//! and `scaffold update` brings them to this one with every edit. `tests/older/<version>/` holds what
//! such a project is made again from: `scaffold.toml`, the lock and the base.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use common::{files_in, put, repository, scaffold, scaffold_ok, stderr, stdout};
use scaffold::project::base::unpacked;
use scaffold::text::path::{BASE_FILE, LOCK_FILE, SELECTION_FILE, STATE_FILES};
use serde_json::Value;

const VERSION: &str = "0.2.0";

type Files = BTreeMap<String, String>;

/// A project of the older version, in a git repository with everything committed.
struct Older {
    folder: tempfile::TempDir,
    /// What was rendered of text, by path.
    before: Files,
}

impl Older {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        let kept = repository().join("tests/older").join(VERSION);
        let base = fs::read(kept.join("base.tar.zst")).expect("the base is there");
        let (tree, _) = unpacked(&base).expect("an older base can be read");
        for (path, file) in tree.iter() {
            put(root, path, &file.bytes);
        }
        for path in [SELECTION_FILE, LOCK_FILE] {
            put(root, path, &fs::read(kept.join(path)).expect("it is there"));
        }
        put(root, BASE_FILE, &base);
        git(root, &["init", "--quiet"]);
        commit(root);
        let before = texts(root);
        Self { folder, before }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// What `update` answers, with further `flags`.
    fn update(&self, flags: &[&str]) -> Value {
        commit(self.root());
        let output = scaffold(self.root(), &[&["update", "--yes", "--json"], flags].concat());
        let answer = serde_json::from_str(&stdout(&output));
        answer.unwrap_or_else(|error| panic!("{error}: {}", stderr(&output)))
    }
}

/// What a new project of the same choices has: nothing that is on by default since.
fn renewed() -> Files {
    let folder = tempfile::tempdir().expect("a temporary folder");
    scaffold_ok(folder.path(), &["new", "full", "--preset", "full", "--no-vscode"]);
    texts(&folder.path().join("full"))
}

/// Everything of text in a project but what the program keeps for itself.
fn texts(root: &Path) -> Files {
    files_in(root)
        .into_iter()
        .filter(|(path, ..)| !path.starts_with(".git/") && !path.starts_with(".scaffold/"))
        .filter(|(path, ..)| !STATE_FILES.contains(&path.as_str()))
        .filter_map(|(path, bytes, _)| Some((path, String::from_utf8(bytes).ok()?)))
        .collect()
}

fn git(root: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
        .args(arguments)
        .current_dir(root)
        .output()
        .expect("git is there");
    assert!(output.status.success(), "git {arguments:?}: {}", stderr(&output));
}

fn commit(root: &Path) {
    git(root, &["add", "--all"]);
    git(root, &["commit", "--quiet", "--allow-empty", "--message", "mine"]);
}

/// The paths of the conflicts in an answer, of one kind or of all.
fn conflicts(answer: &Value, kind: Option<&str>) -> BTreeSet<String> {
    let all = answer["conflicts"].as_array().expect("a list");
    let of_kind = all.iter().filter(|it| kind.is_none_or(|kind| it["kind"] == kind));
    of_kind.map(|it| it["path"].as_str().expect("a path").to_owned()).collect()
}

/// A line that only this edit has.
fn mark(number: usize) -> String {
    format!("mark-{number}-of-mine")
}

/// `before` with an edit where `after` differs from it; in the middle, where it does not.
fn edited(path: &str, before: &str, after: &str, number: usize) -> String {
    let mark = mark(number);
    if path.rsplit_once('.').is_some_and(|(_, ending)| ending == "json")
        && let Some(rest) = before.strip_prefix("{\n")
    {
        return format!("{{\n  \"{mark}\": true,\n{rest}");
    }
    let mut lines: Vec<&str> = before.lines().collect();
    let common = before.lines().zip(after.lines()).take_while(|(one, other)| one == other).count();
    let comment = format!("# {mark}");
    if before == after || common == lines.len() {
        lines.insert(lines.len() / 2, &comment);
    } else {
        lines[common] = &comment;
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_project_of_an_older_version_becomes_what_new_renders() {
    let older = Older::new();
    let answer = older.update(&[]);
    assert_eq!(conflicts(&answer, None), BTreeSet::new());
    assert_eq!(answer["from"], VERSION);
    let (now, new) = (texts(older.root()), renewed());
    for (path, text) in &new {
        assert_eq!(now.get(path), Some(text), "{path}");
    }
    assert_eq!(now.keys().collect::<Vec<_>>(), new.keys().collect::<Vec<_>>());
    scaffold_ok(older.root(), &["check"]);
}

#[test]
fn every_edit_of_a_project_of_an_older_version_is_still_there() {
    let older = Older::new();
    let new = renewed();
    let renamed = older.update(&["--dry-run"])["renamed"].clone();
    let place = |path: &str| renamed[path].as_str().unwrap_or(path).to_owned();
    // Every other file: those between them must not be touched by it.
    let edits: BTreeMap<usize, &String> = older.before.keys().enumerate().step_by(2).collect();
    for (number, path) in &edits {
        let (before, after) = (&older.before[*path], new.get(&place(path)));
        let text = edited(path, before, after.map_or("", String::as_str), *number);
        put(older.root(), path, text.as_bytes());
    }

    let answer = older.update(&[]);
    let now = texts(older.root());
    for (number, path) in &edits {
        assert!(
            now.values().any(|text| text.contains(&mark(*number))),
            "the edit of {path} is lost"
        );
    }
    let gone = edits.values().filter(|path| !new.contains_key(&place(path)));
    let gone: BTreeSet<String> = gone.map(|path| (*path).clone()).collect();
    assert_eq!(conflicts(&answer, Some("kept")), gone);
    let mine: BTreeSet<String> = edits.values().map(|path| place(path)).collect();
    for path in conflicts(&answer, None) {
        assert!(mine.contains(&path), "{path} is a conflict, and nobody edited it");
    }
    for (path, text) in new.iter().filter(|(path, _)| !mine.contains(*path)) {
        assert_eq!(now.get(path), Some(text), "{path}");
    }
    let left: Vec<&String> = now.keys().filter(|path| !new.contains_key(*path)).collect();
    let theirs =
        |path: &str| conflicts(&answer, Some("beside")).iter().any(|it| path.starts_with(it));
    for path in left {
        assert!(gone.contains(path) || theirs(path), "{path} was left behind");
    }
}
