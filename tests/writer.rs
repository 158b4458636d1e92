//! Output appears whole or not at all.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use common::{entries, files_in, put, scaffold, scaffold_ok, small_pack, stderr};
use scaffold::disk::writer;
use scaffold::lint::cover::cover;
use scaffold::pack::load::Pack;
use scaffold::render::tree::Tree;
use scaffold::text::error::Error;

fn full_tree() -> Tree {
    let pack = Pack::embedded().expect("the embedded pack can be read");
    let largest = cover(&pack, "x").into_iter().map(|selection| common::tree_of(&pack, selection));
    largest.max_by_key(Tree::len).expect("there are selections")
}

#[test]
fn writes_every_file_with_its_content_and_mode() {
    let tree = full_tree();
    let work = tempfile::tempdir().expect("a temporary folder");
    let destination = work.path().join("deep/er/project");
    writer::write(&tree, Tree::default, &destination, &AtomicBool::new(false)).expect("written");
    let expected: Vec<(String, Vec<u8>, bool)> = tree
        .iter()
        .map(|(path, file)| (path.to_owned(), file.bytes.to_vec(), file.executable))
        .collect();
    let mut written = files_in(&destination);
    written.sort();
    assert_eq!(written, expected);
    assert_eq!(
        fs::read_dir(work.path().join("deep/er")).expect("readable").count(),
        1,
        "the stage is gone"
    );
}

#[test]
fn refuses_destinations_that_are_not_ours() {
    let work = common::folder(&[
        ("file", "x"),
        ("full/a", "x"),
        ("full/b", "x"),
        ("full/c", "x"),
        ("full/d", "x"),
    ]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", work.path().join("dangling")).expect("a link");
    let cases = [
        (
            "file",
            "error: `file` is a file\n\nhint: choose another name, or another place with `--into DIR`\n",
        ),
        (
            "full",
            "error: `full` is not empty: it holds `a`, `b`, `c`, and 1 more\n\nhint: choose another name, an empty folder with `--into DIR`, or a fresh clone\n",
        ),
        (
            "dangling",
            "error: `dangling` is a link to nowhere\n\nhint: remove the link, or choose another place with `--into DIR`\n",
        ),
    ];
    let before = entries(work.path());
    for (name, text) in cases {
        let output = scaffold(work.path(), &["new", name, "--yes"]);
        assert_eq!(stderr(&output), text);
        assert_eq!(output.status.code(), Some(6), "{name}");
    }
    assert_eq!(entries(work.path()), before);
}

#[test]
fn fills_an_empty_folder_and_a_fresh_clone() {
    let work = common::folder(&[
        ("clone/.git/HEAD", "ref: refs/heads/main\n"),
        ("clone/LICENSE", "mine\n"),
    ]);
    fs::create_dir(work.path().join("empty")).expect("a folder");
    scaffold_ok(work.path(), &["new", "x", "--into", "empty"]);
    assert!(work.path().join("empty/README.md").is_file());
    let clone = work.path().join("clone");
    scaffold_ok(&clone, &["new", "x", "--into", "."]);
    assert!(clone.join("README.md").is_file());
    assert_eq!(fs::read_to_string(clone.join("LICENSE")).expect("still there"), "mine\n");
}

#[test]
fn refuses_to_overwrite_a_file_of_a_fresh_clone() {
    let work = common::folder(&[("clone/.git/HEAD", "x"), ("clone/README.md", "mine\n")]);
    let before = entries(work.path());
    let output = scaffold(&work.path().join("clone"), &["new", "x", "--into", "."]);
    assert_eq!(
        stderr(&output),
        "error: `.` has `README.md` already\n\nhint: move it away first: git mv README.md ...\n"
    );
    assert_eq!(output.status.code(), Some(6));
    assert_eq!(entries(work.path()), before);
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let result = writer::write(
        &full_tree(),
        Tree::default,
        &work.path().join("a/b/x"),
        &AtomicBool::new(true),
    );
    assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
    assert_eq!(Error::Interrupted.exit_code(), 130);
    assert_eq!(entries(work.path()).len(), 1);
}

/// A real file system of 64 KiB, which runs full in the middle.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let program = env!("CARGO_BIN_EXE_scaffold");
    let work = tempfile::tempdir().expect("a temporary folder");
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs {folder} && cd {folder} && {program} new x --ml --realtime; echo \"exit $?\"; ls -A {folder}",
        folder = work.path().display(),
    );
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .env("XDG_STATE_HOME", common::state_folder())
        .output()
        .expect("`unshare` of util-linux starts");
    let text = stderr(&output);
    assert!(text.starts_with("error: cannot write `"), "{text}");
    assert!(
        text.ends_with("No space left on device (os error 28)\n\nhint: free some space, or choose another disk with `--into DIR`\n"),
        "{text}"
    );
    assert_eq!(common::stdout(&output), "exit 1\n", "nothing is listed after the exit code");
}

/// A limit on the size of files fails in the middle, on any Unix and without privileges.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_leaves_nothing_behind() {
    let program = env!("CARGO_BIN_EXE_scaffold");
    for prepare in ["true", "mkdir x"] {
        let work = tempfile::tempdir().expect("a temporary folder");
        let script = format!("{prepare}; trap '' XFSZ; ulimit -f 8; exec {program} new x --ml");
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(work.path())
            .output()
            .expect("bash starts");
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let left: Vec<String> = entries(work.path()).into_iter().skip(1).collect();
        let expected: Vec<String> = if prepare == "true" {
            Vec::new()
        } else {
            vec![work.path().join("x").display().to_string()]
        };
        assert_eq!(left, expected);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_may_not_be_written_is_named() {
    // The kernel refuses writes below /proc even to root.
    let output = scaffold(Path::new("/"), &["new", "x", "--into", "/proc/x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot write to `/proc`: "), "{}", stderr(&output));
}

/// The folder that a process was staging in when it was killed.
#[cfg(unix)]
fn killed(folder: &Path, arguments: &[&str]) -> std::path::PathBuf {
    loop {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scaffold"))
            .args(arguments)
            .current_dir(folder)
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the program starts");
        let staging = || {
            let all = walkdir::WalkDir::new(folder).into_iter().flatten();
            let mut stages = all.filter(|entry| {
                entry.path().ends_with("project/scaffold.toml")
                    || entry.path().ends_with("project/README.md")
            });
            let path = stages.next()?.into_path();
            Some(path.parent()?.parent()?.to_owned())
        };
        let stage = loop {
            if let Some(stage) = staging() {
                break Some(stage);
            }
            if child.try_wait().expect("it can be waited for").is_some() {
                break None;
            }
        };
        let _ = child.kill();
        child.wait().expect("it ends");
        match stage {
            Some(stage) if stage.join("project").exists() && !stage.join("moving").exists() => {
                return stage;
            }
            // It was faster: once more, in an empty folder.
            stage => {
                let places = ["e", "x"].map(|name| folder.join(name));
                for place in places.into_iter().chain(stage) {
                    let _ = fs::remove_dir_all(place);
                }
                if arguments.contains(&"e") {
                    fs::create_dir(folder.join("e")).expect("a folder");
                }
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn what_a_killed_process_left_is_removed_by_the_next() {
    let work = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(work.path().join("e")).expect("a folder");
    let cases: [(&[&str], &str); 2] =
        [(&["new", "x", "--ml", "--realtime"], "x"), (&["new", "x", "--ml", "--into", "e"], "e")];
    for (arguments, destination) in cases {
        let stage = killed(work.path(), arguments);
        scaffold_ok(work.path(), arguments);
        assert!(!stage.exists(), "{}", stage.display());
        let root = work.path().join(destination);
        scaffold_ok(&root, &["check"]);
        let left = entries(work.path()).into_iter().filter(|path| path.contains(".scaffold-"));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
        fs::remove_dir_all(root).expect("it is there");
    }
}

/// Killed between two of the moves into a folder that existed: the next one finishes them.
#[cfg(unix)]
#[test]
fn a_process_killed_while_it_fills_a_folder_is_finished_by_the_next() {
    let work = tempfile::tempdir().expect("a temporary folder");
    scaffold_ok(work.path(), &["new", "x", "--ml", "--into", "model"]);
    fs::create_dir(work.path().join("e")).expect("a folder");
    let stage = killed(work.path(), &["new", "x", "--ml", "--into", "e"]);
    fs::remove_dir_all(stage.join("project")).expect("half a project");
    fs::rename(work.path().join("model"), stage.join("project")).expect("a whole one in its place");
    put(&stage, "moving", b"");
    fs::rename(stage.join("project/README.md"), work.path().join("e/README.md")).expect("a move");
    let output = scaffold(work.path(), &["new", "x", "--into", "e"]);
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (
            Some(6),
            "error: `e` is a project now: a `scaffold new` that was killed is finished\n\nhint: go on with it, or choose another place with `--into DIR`\n".to_owned()
        )
    );
    assert!(!stage.exists());
    scaffold_ok(&work.path().join("e"), &["check"]);
}

/// Only what is certainly ours goes, and only when nobody is at it.
#[cfg(unix)]
#[test]
fn folders_of_others_and_of_running_processes_stay() {
    let work = common::folder(&[
        (".scaffold-abcdef/notes.txt", "somebody's"),
        (
            ".scaffold-ghijkl/owner",
            "A project that `scaffold new` is writing; this folder is .scaffold-other\n",
        ),
        (
            ".scaffold-mnopqr/owner",
            "A project that `scaffold new` is writing; this folder is .scaffold-mnopqr\n",
        ),
        (".scaffold-mnopqr/project/README.md", "being written"),
        (
            "outside/owner",
            "A project that `scaffold new` is writing; this folder is .scaffold-linked\n",
        ),
    ]);
    std::os::unix::fs::symlink("outside", work.path().join(".scaffold-linked")).expect("a link");
    let running = writer::hold(&work.path().join(".scaffold-mnopqr/owner")).expect("it is held");
    let before = entries(work.path());
    scaffold_ok(work.path(), &["new", "x"]);
    fs::remove_dir_all(work.path().join("x")).expect("it is there");
    assert_eq!(entries(work.path()), before);
    drop(running);
    scaffold_ok(work.path(), &["new", "x"]);
    assert!(!work.path().join(".scaffold-mnopqr").exists());
    assert!(work.path().join(".scaffold-abcdef/notes.txt").exists());
}

/// A repository can bring a folder that looks like one that was being moved: nothing comes out of
/// it from elsewhere, onto what is there, or as git's own.
#[cfg(unix)]
#[test]
fn what_only_looks_left_behind_moves_nothing_that_it_must_not() {
    let name = ".scaffold-abcdef";
    let stage = || {
        let work = common::folder(&[
            (
                ".scaffold-abcdef/owner",
                "A project that `scaffold new` is writing; this folder is .scaffold-abcdef\n",
            ),
            (".scaffold-abcdef/moving", ""),
            ("outside/precious.txt", "somebody's"),
            ("notes.txt", "the user's"),
        ]);
        for folder in ["e", "outside"] {
            fs::create_dir_all(work.path().join(folder)).expect("a folder");
        }
        work
    };
    let cases: [(&str, &[&str]); 2] = [("x", &["new", "x"]), ("e", &["new", "x", "--into", "e"])];
    for (place, arguments) in cases {
        let put_below = |work: &Path| match place {
            "e" => {
                fs::rename(work.join(name), work.join("e").join(name)).expect("a move");
                work.join("e")
            }
            _ => work.to_owned(),
        };
        // The project is a link to a folder elsewhere.
        let work = stage();
        let folder = put_below(work.path());
        std::os::unix::fs::symlink(work.path().join("outside"), folder.join(name).join("project"))
            .expect("a link");
        scaffold(work.path(), arguments);
        assert!(work.path().join("outside/precious.txt").exists(), "{arguments:?}: link");
        assert!(!folder.join("precious.txt").exists());
        // Something is in the place of what it would move.
        for (path, there) in [("notes.txt", true), (".git/hooks/post-commit", false)] {
            let work = stage();
            let folder = put_below(work.path());
            put(&folder.join(name), &format!("project/{path}"), b"brought");
            if there {
                put(&folder, path, b"the user's");
            }
            scaffold(work.path(), arguments);
            let now = fs::read_to_string(folder.join(path)).ok();
            assert_eq!(now, there.then(|| "the user's".to_owned()), "{arguments:?}: {path}");
        }
    }
}

#[test]
fn two_projects_at_once_do_not_meet() {
    let pack = small_pack(&[]);
    let templates = pack.path().to_str().expect("the path is UTF-8");
    let work = tempfile::tempdir().expect("a temporary folder");
    std::thread::scope(|scope| {
        for name in ["one", "two", "three"] {
            let folder = work.path();
            scope.spawn(move || {
                scaffold_ok(folder, &["new", name, "--extra", "--templates", templates])
            });
        }
    });
    for name in ["one", "two", "three"] {
        assert!(work.path().join(name).join("scaffold.lock").is_file());
    }
}

#[test]
fn what_is_made_meanwhile_is_written_with_the_rest_or_not_at_all() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let tree = full_tree();
    let late = || -> Tree {
        let (_, file) = tree.iter().next().expect("a file");
        let mut late = Tree::default();
        late.insert("late/in/a/folder.txt".to_owned(), file.clone());
        late
    };

    let destination = work.path().join("written");
    let given = writer::write(&tree, late, &destination, &AtomicBool::new(false)).expect("written");
    let (path, file) = given.iter().next().expect("what was made is given back");
    assert_eq!(fs::read(destination.join(path)).expect("it is there"), file.bytes.as_ref());

    let interrupted = work.path().join("interrupted");
    writer::write(&tree, late, &interrupted, &AtomicBool::new(true)).expect_err("interrupted");
    assert!(!interrupted.exists());
}
