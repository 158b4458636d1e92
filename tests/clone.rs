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

/// A journal as this program writes them, or wrote them before it noted down which are its own.
fn put_journal(root: &Path, folder: &str, is_older: bool, path: &str, text: &str) {
    let digest = scaffold::text::digest::of(text.as_bytes());
    let file =
        if is_older { json!(digest) } else { json!({"digest": digest, "permissions": null}) };
    // Each way writes the text: forward, or back.
    let is_back = ["rollback", "undo", "undoing"].contains(&folder);
    let (before, after) = if is_back { (file, json!(null)) } else { (json!(null), file) };
    let plan = json!({
        "operation": "add ml",
        "changes": [{"path": path, "before": before, "after": after}],
        "folders": [],
        "emptied": [],
    });
    let local = format!(".scaffold/local/{folder}");
    put(root, &format!("{local}/plan.json"), plan.to_string().as_bytes());
    for inner in ["before", "after", "made", "gone"] {
        put(root, &format!("{local}/{inner}/none"), b"");
    }
    let waits = if is_back { "before" } else { "after" };
    put(root, &format!("{local}/{waits}/0"), text.as_bytes());
}

#[test]
fn a_journal_that_a_clone_brings_is_never_carried_out() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let absolute = outside.path().join("written").display().to_string();
    for path in [".git/hooks/post-commit", "../written", &absolute, "written.md"] {
        for journal in ["journal", "rollback", "undo", "undoing", "undone", "redoing"] {
            let is_older = ["journal", "rollback"].contains(&journal) && path != "written.md";
            let clone =
                Clone::with(&|root| put_journal(root, journal, is_older, path, "#!/bin/sh\n"));
            let before = clone.everything();
            for command in [&["check"][..], &["undo"], &["apply"], &["add", "extra", "--dry-run"]] {
                let (code, text) = clone.run(command);
                let place = format!("{path} in {journal}, {command:?}: {code}, {text}");
                assert!(clone.everything() == before, "{place}");
                assert!(!Path::new(&absolute).exists(), "{place}");
                let is_waiting = !matches!(journal, "undo" | "undone");
                if command == ["undo"] || (is_waiting && command[0] != "add") {
                    assert_eq!(code, 8, "{place}");
                    assert!(text.contains(&format!("rm -r .scaffold/local/{journal}")), "{place}");
                }
            }
        }
    }
}

/// Files that look like a repository of their own, with a program in its configuration: git runs
/// it for whoever asks about their folder.
#[test]
fn a_project_that_looks_like_a_bare_repository_runs_nothing() {
    let marker = tempfile::tempdir().expect("a temporary folder");
    let ran = marker.path().join("ran");
    let clone = Clone::with(&|root| {
        put(root, "HEAD", b"ref: refs/heads/main\n");
        put(root, "refs/heads/.keep", b"");
        put(root, "objects/.keep", b"");
        let config = format!(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = \"touch {}; false\"\n",
            ran.display()
        );
        put(root, "config", config.as_bytes());
    });
    // As a folder of a larger repository: git finds the nearer one first.
    fs::rename(clone.root().join(".git"), clone.work.path().join(".git")).expect("it moves");
    put(&clone.root(), "README.md", b"edited\n");
    for command in [&["check"][..], &["add", "extra"], &["apply"], &["undo"]] {
        clone.run(command);
        assert!(!ran.exists(), "{command:?} ran a program of the clone");
    }
}

#[test]
fn no_pack_writes_below_git() {
    let paths = [
        "files/.git/hooks/pre-commit",
        "files/.GIT/config",
        "files/vendor/.Git/hooks/pre-commit",
        "files/.g\u{200c}it/config",
        "files/GIT~1/config",
        "files@worker/.git/config",
        "each@worker/.git/_service_",
    ];
    for path in paths {
        let pack = small_pack(&[(&format!("components/extra/{path}"), "#!/bin/sh\n")]);
        let work = tempfile::tempdir().expect("a temporary folder");
        let templates = pack.path().to_str().expect("the path is UTF-8");
        for arguments in [
            &["pack", "lint", templates][..],
            &["plan", "--extra", "--templates", templates],
            &["new", "x", "--extra", "--templates", templates],
        ] {
            let output = scaffold(work.path(), arguments);
            let text = stderr(&output);
            assert_eq!(output.status.code(), Some(7), "{path}, {arguments:?}: {text}");
            assert!(text.contains("is git's own"), "{path}, {arguments:?}: {text}");
        }
        assert_eq!(files_in(work.path()), []);
    }
}

/// A base or a lock can be made for the reader: too large, nested too deep, with paths that lead
/// elsewhere, or with links and files of holes in it.
#[test]
fn a_base_that_leads_elsewhere_or_is_too_large_is_refused() {
    let archive = |entries: &[(&str, u8, u64)]| {
        let mut archive = Vec::new();
        for (path, kind, size) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_mode(0o644);
            header.set_size(*size);
            header.as_mut_bytes()[156] = *kind;
            header.set_cksum();
            archive.extend_from_slice(header.as_bytes());
        }
        archive.resize(archive.len() + 1024, 0);
        zstd::bulk::compress(&archive, 1).expect("in memory")
    };
    let file = |path: &str| archive(&[(path, b'0', 0)]);
    let cases = [
        (file("../x"), "`../x` leaves the destination"),
        (file("/x"), "`/x` leaves the destination"),
        (file("a/.GIT/config"), "`a/.GIT/config` is git's own: what is there can run as a program"),
        (file("con.txt"), "`con.txt` has the name of a Windows device in it"),
        (
            archive(&[("a", b'0', 0), ("A", b'0', 0)]),
            "`A` is in it twice, or differs in case alone",
        ),
        (archive(&[("a", b'2', 0)]), "`a` is not a plain file"),
        (archive(&[("a", b'3', 0)]), "`a` is not a plain file"),
        (archive(&[("a", b'0', 4096)]), "`a` is cut short"),
        (
            // 300 MiB of nothing take few bytes.
            zstd::encode_all(std::io::Read::take(std::io::repeat(0), 300 << 20), 1)
                .expect("in memory"),
            "it has more than 268435456 bytes",
        ),
    ];
    for (bytes, reason) in cases {
        assert_eq!(scaffold::project::base::unpacked(&bytes).expect_err(reason), reason);
    }
    // A header that says more than any memory has.
    let mut sparse = tar::Header::new_gnu();
    sparse.as_mut_bytes()[..1].copy_from_slice(b"a");
    sparse.as_mut_bytes()[156] = b'S';
    // One hole up to its end: offset and length of what follows, then the size of all.
    sparse.as_mut_bytes()[386..397].copy_from_slice(b"77777777777");
    sparse.as_mut_bytes()[398..409].copy_from_slice(b"00000000000");
    sparse.as_mut_bytes()[483..494].copy_from_slice(b"77777777777");
    sparse.set_size(0);
    sparse.set_cksum();
    let mut bytes = sparse.as_bytes().to_vec();
    bytes.resize(bytes.len() + 1024, 0);
    let bytes = zstd::bulk::compress(&bytes, 1).expect("in memory");
    assert_eq!(
        scaffold::project::base::unpacked(&bytes).map(|_| ()),
        Err("`a` is not a plain file".to_owned())
    );
    let nested = format!("schema = 1\nx = {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(scaffold::project::state::parse_lock(&nested).expect_err("refused").exit_code(), 8);
}

/// Whoever has a journal of this working copy in hand still cannot lead it elsewhere, and `undo` of
/// a clone begins anew.
#[test]
fn a_copy_of_the_project_has_nothing_to_undo() {
    let clone = Clone::with(&|_| {});
    assert_eq!(clone.run(&["add", "extra"]).0, 0);
    assert!(clone.root().join(".git/scaffold").read_dir().expect("seals").next().is_some());
    // Git carries no empty folders, and without them it would not even be looked at.
    for inner in ["before", "after", "made", "gone"] {
        put(&clone.root(), &format!(".scaffold/local/undo/{inner}/none"), b"");
    }
    git(&clone.root(), &["add", "--all", "--force"]);
    git(
        &clone.root(),
        &["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "y"],
    );
    git(clone.work.path(), &["clone", "--quiet", "x", "copy"]);
    let copy = clone.work.path().join("copy");
    assert!(copy.join(".scaffold/local/undo/plan.json").is_file(), "it came along");
    let templates = clone.pack.path().to_str().expect("the path is UTF-8");
    let output = scaffold(&copy, &["undo", "--templates", templates]);
    assert_eq!(output.status.code(), Some(8), "{}", stderr(&output));
    // A further working tree has a git directory of its own; what it did it can undo.
    git(&clone.root(), &["worktree", "add", "--quiet", "--detach", "../tree"]);
    let tree = clone.work.path().join("tree");
    let undo = |folder: &Path| scaffold(folder, &["undo", "--templates", templates]);
    assert_eq!(undo(&tree).status.code(), Some(8));
    fs::remove_dir_all(tree.join(".scaffold/local")).expect("it came along");
    scaffold_ok(&tree, &["remove", "extra", "--templates", templates]);
    assert!(!tree.join("services").exists());
    scaffold_ok(&tree, &["undo", "--templates", templates]);
    assert!(tree.join("services").exists());
    assert_eq!(clone.run(&["undo"]).0, 0, "the first working copy has its own");
}

/// Outside of repositories the note lies with the user's own state.
#[test]
fn a_project_without_git_can_be_undone_and_an_archive_of_it_not() {
    let clone = Clone::with(&|_| {});
    fs::remove_dir_all(clone.root().join(".git")).expect("it is there");
    assert_eq!(clone.run(&["add", "extra"]).0, 0);
    let copy = clone.work.path().join("copy");
    let copied = Command::new("cp").arg("-a").args([&clone.root(), &copy]).status();
    assert!(copied.expect("cp starts").success());
    let templates = clone.pack.path().to_str().expect("the path is UTF-8");
    let output = scaffold(&copy, &["undo", "--templates", templates]);
    assert_eq!(output.status.code(), Some(8), "{}", stderr(&output));
    assert_eq!(clone.run(&["undo"]).0, 0);
    assert!(!clone.root().join("services").exists());
    // Where there is no such place either, nothing is done that could not be taken back.
    let before = files_in(&clone.root());
    let mut command = Command::new(env!("CARGO_BIN_EXE_scaffold"));
    command.args(["add", "extra", "--templates", templates]).current_dir(clone.root());
    for variable in ["HOME", "XDG_STATE_HOME", "LOCALAPPDATA"] {
        command.env_remove(variable);
    }
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("there is no place to note down"), "{}", stderr(&output));
    assert_eq!(files_in(&clone.root()), before);
    // A `.git` that names a folder elsewhere is not believed.
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    put(elsewhere.path(), "HEAD", b"ref: refs/heads/main\n");
    put(elsewhere.path(), "other/.git", b"");
    let other = elsewhere.path().join("other/.git").display().to_string();
    put(elsewhere.path(), "gitdir", other.as_bytes());
    put(&clone.root(), ".git", format!("gitdir: {}\n", elsewhere.path().display()).as_bytes());
    assert_eq!(clone.run(&["add", "extra"]).0, 0);
    assert_eq!(files_in(elsewhere.path()).len(), 3);
    // Nor is a link in one that an archive brings.
    #[cfg(unix)]
    {
        fs::remove_file(clone.root().join(".git")).expect("it is there");
        put(&clone.root(), ".git/HEAD", b"ref: refs/heads/main\n");
        let link = clone.root().join(".git/scaffold");
        std::os::unix::fs::symlink(elsewhere.path(), link).expect("a link");
        assert_eq!(clone.run(&["undo"]).0, 0);
        assert_eq!(clone.run(&["set", "count=5"]).0, 0);
        assert_eq!(files_in(elsewhere.path()).len(), 3);
    }
}
