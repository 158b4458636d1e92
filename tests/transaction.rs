//! An operation that is stopped anywhere leaves the project as before or as after, and the next
//! command knows which; `undo` afterwards restores the exact former tree.

mod common;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use common::disk::{FAULTS, Fault, FaultyDisk};
use common::{files_in, put, scaffold, scaffold_ok};
use scaffold::disk::transaction::{Change, Transaction};
use scaffold::disk::writer::{Disk, LocalDisk};
use scaffold::merge::decide::Content;

type Snapshot = (Vec<(String, Vec<u8>, bool)>, Vec<PathBuf>);

/// The files of the project, and its folders; what is the program's own business aside.
fn snapshot(root: &Path) -> Snapshot {
    let own = [root.join(".scaffold/local"), root.join(".git/scaffold")];
    let files = files_in(root).into_iter().filter(|(path, _, _)| {
        !path.starts_with(".scaffold/local") && !path.starts_with(".git/scaffold")
    });
    let folders = walkdir::WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("readable").into_path())
        .filter(|path| {
            let is_own = own.iter().any(|own| path.starts_with(own));
            path.is_dir() && !is_own && !path.ends_with(".scaffold")
        })
        .map(|path| path.strip_prefix(root).expect("below").to_owned())
        .collect();
    (files.collect(), folders)
}

fn before() -> tempfile::TempDir {
    // In memory where there is such a disk: hundreds of projects are made, each step synced.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.expect("a temporary folder");
    for (path, text) in [
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("scaffold.lock", "old lock"),
        ("kept.txt", "not touched"),
        ("changed.txt", "old"),
        ("run.sh", "#!/bin/sh\n"),
        ("deep/er/gone.txt", "goes, and its folders"),
        ("deep/stays.txt", "keeps its folder"),
    ] {
        put(folder.path(), path, text.as_bytes());
    }
    fs::create_dir(folder.path().join("empty")).expect("a folder that is empty from the start");
    folder
}

fn changes() -> Vec<Change> {
    let file = |path: &str, text: &str, executable: bool| {
        let bytes = text.as_bytes().to_vec().into();
        Change { path: path.to_owned(), after: Some(Content { bytes, executable }), like: None }
    };
    vec![
        file("changed.txt", "new", false),
        Change { path: "deep/er/gone.txt".to_owned(), after: None, like: None },
        file("empty/filled.txt", "filled", false),
        file("new/folder/file.txt", "a new file", false),
        file("run.sh", "#!/bin/sh\n", true),
        file("scaffold.lock", "new lock", false),
    ]
}

fn if_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn undo(root: &Path, disk: &dyn Disk) -> Result<(), scaffold::text::error::Error> {
    let (transaction, _) = Transaction::begin(root, disk)?;
    transaction.undo(false, false).map(drop)
}

fn commit(root: &Path, disk: &dyn Disk) -> Result<(), scaffold::text::error::Error> {
    let (transaction, _) = Transaction::begin(root, disk)?;
    transaction.commit("add things", &changes())
}

/// Every fault at every step of an operation, and then of its undo.
#[test]
fn stopped_at_any_step_a_project_is_as_before_or_as_after() {
    let model = before();
    let old = snapshot(model.path());
    commit(model.path(), &LocalDisk).expect("nothing fails");
    let new = snapshot(model.path());
    assert_ne!(old, new);
    let mut stopped = 0;
    let mut outcomes = [0, 0];
    for fault in FAULTS {
        for what in ["the operation", "undo", "undo of undo"] {
            for at in 0.. {
                let place = format!("{fault:?} at step {at} of {what}");
                let folder = before();
                let root = folder.path();
                if what != "the operation" {
                    commit(root, &LocalDisk).expect("nothing fails");
                }
                if what == "undo of undo" {
                    undo(root, &LocalDisk).expect("nothing fails");
                }
                let disk = FaultyDisk::new(fault, at);
                let result =
                    if what == "the operation" { commit(root, &disk) } else { undo(root, &disk) };
                if !disk.was_reached() {
                    result.expect("without a fault nothing fails");
                    break;
                }
                stopped += 1;
                let immediately = snapshot(root);
                if matches!(fault, Fault::Full | Fault::Once) {
                    assert!(immediately == old || immediately == new, "{place}: {immediately:?}");
                }
                let (next, _) = Transaction::begin(root, &LocalDisk)
                    .unwrap_or_else(|error| panic!("{place}: {error}"));
                let then = snapshot(root);
                assert!(then == old || then == new, "{place}: {then:?}");
                outcomes[usize::from(then == new)] += 1;
                if result.is_ok() {
                    assert_eq!(
                        then,
                        if what == "undo" { old.clone() } else { new.clone() },
                        "{place}"
                    );
                }
                if fault == Fault::Full && what != "the operation" {
                    result.unwrap_or_else(|error| panic!("{place} needs space: {error}"));
                }
                // Wherever it ended, undo goes exactly to the other side.
                if then == new || what != "the operation" {
                    next.undo(false, false).unwrap_or_else(|error| panic!("{place}: {error}"));
                    let other = if then == new { &old } else { &new };
                    assert_eq!(snapshot(root), *other, "{place}: after undo");
                }
            }
        }
    }
    println!("{stopped} stops: {} before, {} after", outcomes[0], outcomes[1]);
    assert!(stopped > 200, "{stopped} stops");
    assert!(outcomes.iter().all(|count| *count > 20), "{outcomes:?}");
}

/// A crash while a crash is dealt with.
#[test]
fn stopped_while_recovering_a_project_is_as_before_or_as_after() {
    let model = before();
    let old = snapshot(model.path());
    commit(model.path(), &LocalDisk).expect("nothing fails");
    let new = snapshot(model.path());
    for first in (0..60).step_by(3) {
        for second in 0..12 {
            let folder = before();
            let root = folder.path();
            let _ = commit(root, &FaultyDisk::new(Fault::KilledWithin, first));
            let _ = Transaction::begin(root, &FaultyDisk::new(Fault::KilledBefore, second));
            drop(Transaction::begin(root, &LocalDisk).expect("the third one gets through"));
            let then = snapshot(root);
            assert!(then == old || then == new, "{first}, {second}: {then:?}");
        }
    }
}

#[test]
fn a_file_changed_between_a_crash_and_its_recovery_is_kept() {
    for at in 0.. {
        let folder = before();
        let root = folder.path();
        let disk = FaultyDisk::new(Fault::KilledBefore, at);
        let result = commit(root, &disk);
        if !disk.was_reached() {
            result.expect("without a fault nothing fails");
            break;
        }
        put(root, "changed.txt", b"the user's");
        drop(Transaction::begin(root, &LocalDisk).expect("recovery works"));
        let kept = fs::read(root.join("changed.txt")).expect("it is there");
        assert_eq!(kept, b"the user's", "killed at step {at}");
    }
}

/// Who wrote what the operation would have written has no edit that stands in its way.
#[test]
fn a_file_changed_to_the_same_between_a_crash_and_its_recovery_is_no_edit() {
    let mut finished = 0;
    for at in 0.. {
        let folder = before();
        let root = folder.path();
        let disk = FaultyDisk::new(Fault::KilledBefore, at);
        let result = commit(root, &disk);
        if !disk.was_reached() {
            result.expect("without a fault nothing fails");
            break;
        }
        fs::remove_file(root.join("changed.txt")).or_else(if_missing).expect("it can be removed");
        put(root, "changed.txt", b"new");
        let (_, recovered) = Transaction::begin(root, &LocalDisk).expect("recovery works");
        finished += usize::from(recovered.is_some_and(|recovered| recovered.finished));
        assert_eq!(fs::read(root.join("changed.txt")).expect("it is there"), b"new");
        assert!(!root.join("changed.txt.theirs").exists(), "killed at step {at}");
    }
    assert!(finished > 5, "{finished}");
}

/// An operation that failed and was killed while it was taken back; then somebody wrote to files
/// of it. Whether the former `changed.txt` was still to be put back, or `None` without a fault.
fn edited_in_a_rollback(root: &Path, at: usize, later: usize) -> Option<bool> {
    let disk = FaultyDisk::new(Fault::OnceThenKilled(later), at);
    let result = commit(root, &disk);
    if !disk.was_reached() {
        result.expect("without a fault nothing fails");
        return None;
    }
    let rollback = root.join(".scaffold/local/rollback");
    let is_there = |path: &str| rollback.join(path).exists();
    let waits = is_there("plan.json") && is_there("before/0") && !is_there("after/0");
    put(root, "changed.txt", b"the user's");
    put(root, "new/folder/file.txt", b"the user's");
    Some(waits)
}

/// The same where the operation failed and was being taken back; what was there before is beside.
#[test]
fn a_file_changed_between_a_crash_and_its_rollback_is_kept() {
    let mut beside = 0;
    for later in 0..12 {
        for at in 0.. {
            let folder = before();
            let root = folder.path();
            let Some(waits) = edited_in_a_rollback(root, at, later) else { break };
            drop(Transaction::begin(root, &LocalDisk).expect("recovery works"));
            for path in ["changed.txt", "new/folder/file.txt"] {
                let kept = fs::read(root.join(path)).expect("it is there");
                assert_eq!(kept, b"the user's", "{path}: failed at {at}, killed {later} later");
            }
            if waits {
                let former = fs::read(root.join("changed.txt.theirs")).expect("it is beside");
                assert_eq!(former, b"old", "failed at {at}, killed {later} later");
                beside += 1;
            }
        }
    }
    assert!(beside > 20, "{beside}");
}

/// What cannot be put beside the user's file now stays in the journal until it can.
#[test]
fn a_rollback_that_fails_again_loses_no_former_file() {
    let (at, later) = (0..12)
        .flat_map(|later| (0..60).map(move |at| (at, later)))
        .find(|(at, later)| edited_in_a_rollback(before().path(), *at, *later) == Some(true))
        .expect("there is such a moment");
    for step in 0.. {
        let folder = before();
        let root = folder.path();
        assert_eq!(edited_in_a_rollback(root, at, later), Some(true));
        let disk = FaultyDisk::new(Fault::Once, step);
        let failed = Transaction::begin(root, &disk).map(drop);
        if !disk.was_reached() {
            failed.expect("without a fault nothing fails");
            break;
        }
        drop(Transaction::begin(root, &LocalDisk).expect("recovery works"));
        let former = fs::read(root.join("changed.txt.theirs")).expect("it is beside");
        assert_eq!(former, b"old", "failed at {step}");
    }
}

/// The first error is the one that is told, not what comes of going on.
#[test]
fn an_operation_that_cannot_begin_says_why() {
    for at in 0..2 {
        let folder = before();
        let error = commit(folder.path(), &FaultyDisk::new(Fault::Once, at)).expect_err("full");
        let full = io::Error::from(io::ErrorKind::StorageFull).to_string();
        assert!(error.to_string().contains(&full), "{at}: {error}");
    }
}

#[test]
fn undo_twice_is_nothing_and_undo_of_nothing_is_refused() {
    let folder = before();
    let root = folder.path();
    let (old, ()) = (snapshot(root), commit(root, &LocalDisk).expect("nothing fails"));
    let new = snapshot(root);
    let (transaction, _) = Transaction::begin(root, &LocalDisk).expect("it begins");
    let undone = transaction.undo(false, false).expect("there is something to undo");
    assert_eq!((undone.operation.as_str(), undone.paths.len()), ("add things", 6));
    assert_eq!(snapshot(root), old);
    transaction.undo(false, false).expect("undo is undone");
    assert_eq!(snapshot(root), new);

    let fresh = before();
    let (transaction, _) = Transaction::begin(fresh.path(), &LocalDisk).expect("it begins");
    let error = transaction.undo(false, false).expect_err("nothing was done");
    assert_eq!(
        (error.exit_code(), error.to_string().as_str()),
        (8, "there is no operation to undo")
    );
}

/// Everything that stands in the way is named at once, and the hint takes the rest back.
#[cfg(unix)]
#[test]
fn undo_names_what_was_changed_since_and_leaves_it_where_asked() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = before();
    let root = folder.path();
    commit(root, &LocalDisk).expect("nothing fails");
    put(root, "changed.txt", b"edited since");
    put(root, "deep/er/gone.txt", b"made again");
    fs::remove_file(root.join("new/folder/file.txt")).expect("it is there");
    put(root, "new/folder/file.txt/inner.txt", b"the user's");
    fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o750)).expect("chmod");
    let edited = snapshot(root);
    let (transaction, _) = Transaction::begin(root, &LocalDisk).expect("it begins");
    let error = transaction.undo(false, false).expect_err("edits would be lost");
    assert_eq!(
        (error.to_string(), error.hint().expect("a hint")),
        (
            "undo would lose what was changed since `scaffold add things`: run.sh (its permissions), new/folder/file.txt (it is a folder now), deep/er/gone.txt (it is there again), changed.txt".to_owned(),
            "`scaffold undo --keep-edits` takes the rest back, and leaves these as they are".to_owned()
        )
    );
    assert_eq!(snapshot(root), edited);
    let undone = transaction.undo(false, true).expect("the rest is taken back");
    assert_eq!(undone.paths, ["scaffold.lock", "empty/filled.txt"]);
    let read = |path: &str| fs::read_to_string(root.join(path)).expect(path);
    assert_eq!(read("scaffold.lock"), "old lock");
    assert!(!root.join("empty/filled.txt").exists());
    assert_eq!(read("changed.txt"), "edited since");
    assert_eq!(read("deep/er/gone.txt"), "made again");
    assert_eq!(read("new/folder/file.txt/inner.txt"), "the user's");
    let mode = fs::metadata(root.join("run.sh")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o750);
    transaction.undo(false, false).expect("undo is undone");
    assert_eq!(snapshot(root), edited);
}

#[test]
fn an_operation_that_failed_does_not_take_the_undo_of_the_one_before() {
    let model = before();
    let old = snapshot(model.path());
    let second = |root: &Path, disk: &dyn Disk| {
        let bytes = b"newer".to_vec().into();
        let after = Some(Content { bytes, executable: false });
        let change = Change { path: "changed.txt".to_owned(), after, like: None };
        Transaction::begin(root, disk)?.0.commit("change a thing", &[change])
    };
    for at in 0.. {
        let folder = before();
        let root = folder.path();
        commit(root, &LocalDisk).expect("nothing fails");
        let new = snapshot(root);
        let disk = FaultyDisk::new(Fault::Once, at);
        let result = second(root, &disk);
        if !disk.was_reached() {
            break;
        }
        if result.is_err() && snapshot(root) == new {
            undo(root, &LocalDisk).unwrap_or_else(|error| panic!("failed at {at}: {error}"));
            assert_eq!(snapshot(root), old, "failed at {at}");
        }
    }
}

/// What was kept has to be what the plan says, else it is not put back.
#[test]
fn a_former_file_that_was_damaged_is_not_put_back() {
    let folder = before();
    let root = folder.path();
    commit(root, &LocalDisk).expect("nothing fails");
    let new = snapshot(root);
    put(root, ".scaffold/local/undo/before/0", b"something else");
    let error = undo(root, &LocalDisk).expect_err("it is damaged");
    assert!(error.to_string().contains("before/0` is damaged"), "{error}");
    assert_eq!(snapshot(root), new);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_or_below_git() {
    let outside = common::folder(&[("kept.txt", "somebody else's")]);
    for path in ["linked/file.txt", ".git/hooks/post-commit", "a/.GIT/config", "../x", "/x/y"] {
        let folder = before();
        let root = folder.path();
        std::os::unix::fs::symlink(outside.path(), root.join("linked")).expect("a link");
        let old = snapshot(root);
        let change = Change { path: path.to_owned(), ..changes().remove(0) };
        let (transaction, _) = Transaction::begin(root, &LocalDisk).expect("it begins");
        let error = transaction.commit("add things", &[change]).expect_err(path);
        assert_eq!(error.exit_code(), 8, "{path}: {error}");
        assert_eq!(snapshot(root), old, "{path}");
        assert_eq!(files_in(outside.path()).len(), 1, "{path}");
    }
    for link in
        [".scaffold", ".scaffold/local", ".scaffold/local/lock", ".scaffold/local/.gitignore"]
    {
        let folder = before();
        let root = folder.path();
        let at = root.join(link);
        fs::create_dir_all(at.parent().expect("it has one")).expect("a folder");
        let target = outside.path().join("not there");
        let target = if link.ends_with("lock") || link.ends_with("ignore") {
            &target
        } else {
            outside.path()
        };
        std::os::unix::fs::symlink(target, &at).expect("a link");
        let error = commit(root, &LocalDisk).expect_err(link);
        assert_eq!(error.exit_code(), 8, "{link}: {error}");
        assert_eq!(files_in(outside.path()).len(), 1, "{link}");
    }
}

/// What is there might be the user's: an error that says nothing of it does not mean that it is gone.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_looked_at_is_not_taken_for_a_missing_one() {
    let folder = before();
    // So deep that the system takes the project and what is staged in it, and no such path below.
    let name = "n".repeat(200);
    let depth = (3700 - folder.path().as_os_str().len()) / (name.len() + 1);
    let root = folder.path().join(vec![name.as_str(); depth].join("/"));
    put(&root, ".git/HEAD", b"ref: refs/heads/main\n");
    put(&root, "changed.txt", b"old");
    let old = snapshot(&root);
    let (transaction, _) = Transaction::begin(&root, &LocalDisk).expect("it begins");
    let path = [name.as_str(); 4].join("/");
    let removal = Change { path: path.clone(), after: None, like: None };
    let both = [changes().remove(0), removal];
    let error = transaction.commit("remove a thing", &both).expect_err("it is too long");
    assert!(error.to_string().contains(&path), "{error}");
    assert_eq!(snapshot(&root), old);
}

/// An undo of which a step fails is taken back, each of its moves.
#[test]
fn an_undo_that_failed_on_the_way_changed_nothing() {
    let mut taken_back = 0;
    for at in 0.. {
        let folder = before();
        let root = folder.path();
        commit(root, &LocalDisk).expect("nothing fails");
        let new = snapshot(root);
        let disk = FaultyDisk::new(Fault::Once, at);
        let result = undo(root, &disk);
        if !disk.was_reached() {
            break;
        }
        taken_back += usize::from(result.is_err() && snapshot(root) == new);
    }
    // A file that is replaced moves twice.
    assert!(taken_back > 2 * changes().len(), "{taken_back}");
}

/// What an operation leaves beside the project is what can be undone, and git ignores it.
#[test]
fn operations_leave_only_what_can_be_undone() {
    let folder = before();
    let root = folder.path();
    let local = root.join(".scaffold/local");
    let entries = || -> Vec<String> {
        let entries = fs::read_dir(&local).expect("it is there");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    };
    let (transaction, recovered) = Transaction::begin(root, &LocalDisk).expect("it begins");
    assert_eq!(recovered, None);
    assert_eq!(fs::read(local.join(".gitignore")).expect("it is there"), b"*\n");
    put(root, ".scaffold/local/.gitignore", b"# kept as it is\n*\n");
    let mut old = snapshot(root);
    for text in ["one", "two", "three"] {
        let bytes = text.as_bytes().to_vec().into();
        let after = Some(Content { bytes, executable: false });
        let change = Change { path: "changed.txt".to_owned(), after, like: None };
        old = snapshot(root);
        transaction.commit(text, &[change]).expect(text);
        assert_eq!(entries(), [".gitignore", "lock", "undo"], "{text}");
    }
    drop(transaction);
    undo(root, &LocalDisk).expect("the last one can be undone");
    assert_eq!(snapshot(root), old);
    assert_eq!(entries(), [".gitignore", "lock", "undone"]);
    let ignore = fs::read(local.join(".gitignore")).expect("it is there");
    assert_eq!(ignore, b"# kept as it is\n*\n");
}

/// What was under way is told apart from what is done, and named when it is dealt with.
#[test]
fn an_interrupted_operation_is_seen_and_told() {
    let mut told = Vec::new();
    for what in ["add things", "undo: add things"] {
        for fault in [Fault::KilledBefore, Fault::OnceThenKilled(3)] {
            for at in 0.. {
                let folder = before();
                let root = folder.path();
                assert!(!Transaction::is_interrupted(root), "nothing was done");
                if what != "add things" {
                    commit(root, &LocalDisk).expect("nothing fails");
                    assert!(!Transaction::is_interrupted(root), "it is done");
                }
                let disk = FaultyDisk::new(fault, at);
                let _ = if what == "add things" { commit(root, &disk) } else { undo(root, &disk) };
                if !disk.was_reached() {
                    break;
                }
                let is_interrupted = Transaction::is_interrupted(root);
                let (_, recovered) = Transaction::begin(root, &LocalDisk).expect("it begins");
                assert!(is_interrupted || recovered.is_none(), "{what}, {fault:?} at {at}");
                assert!(!Transaction::is_interrupted(root), "{what}, {fault:?} at {at}");
                if let Some(recovered) = recovered {
                    assert_eq!(recovered.kept, [""; 0], "{what}, {fault:?} at {at}");
                    told.push((recovered.operation, recovered.finished));
                }
            }
        }
    }
    told.sort();
    told.dedup();
    let shown = |operation: &str, finished| (operation.to_owned(), finished);
    assert_eq!(
        told,
        [shown("add things", false), shown("add things", true), shown("undo: add things", true)]
    );
}

/// `resolve` changes the lock after an operation: that is no edit of the user's.
#[test]
fn the_lock_is_taken_back_whatever_was_noted_in_it_since() {
    let folder = before();
    let root = folder.path();
    let old = snapshot(root);
    commit(root, &LocalDisk).expect("nothing fails");
    put(root, "scaffold.lock", b"resolved since");
    let new = snapshot(root);
    undo(root, &LocalDisk).expect("the lock does not stand in the way");
    assert_eq!(snapshot(root), old);
    undo(root, &LocalDisk).expect("undo is undone");
    assert_eq!(snapshot(root), new);
}

/// One file is replaced as it is, permissions included, and there is nothing to undo of it.
#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = before();
    let root = folder.path();
    let mode = |path: &str| {
        fs::metadata(root.join(path)).expect("it is there").permissions().mode() & 0o777
    };
    fs::set_permissions(root.join("kept.txt"), fs::Permissions::from_mode(0o600)).expect("chmod");
    let (transaction, _) = Transaction::begin(root, &LocalDisk).expect("it begins");
    transaction.replace("kept.txt", b"another").expect("it is replaced");
    transaction.replace("deep/made.txt", b"new").expect("it is written");
    assert_eq!(fs::read(root.join("kept.txt")).expect("it is there"), b"another");
    assert_eq!(fs::read(root.join("deep/made.txt")).expect("it is there"), b"new");
    assert_eq!(mode("kept.txt"), 0o600);
    let error = transaction.undo(false, false).expect_err("there is nothing to undo");
    assert_eq!(error.to_string(), "there is no operation to undo");
    let error = transaction.replace(".git/config", b"x").expect_err("it is git's");
    assert_eq!(error.exit_code(), 8, "{error}");
}

/// Nothing of a journal is followed where a part of it is a link, even to what it was.
#[cfg(unix)]
#[test]
fn a_journal_behind_a_link_is_not_followed() {
    for part in ["", "/before", "/after", "/made", "/gone", "/plan.json"] {
        let folder = before();
        let root = folder.path();
        commit(root, &LocalDisk).expect("nothing fails");
        let new = snapshot(root);
        let at = root.join(format!(".scaffold/local/undo{part}"));
        let beside = root.parent().expect("it has one");
        let elsewhere = tempfile::tempdir_in(beside).expect("a temporary folder");
        let moved = elsewhere.path().join("moved");
        fs::rename(&at, &moved).expect("it moves");
        std::os::unix::fs::symlink(&moved, &at).expect("a link");
        let error = undo(root, &LocalDisk).expect_err(part);
        assert!(error.to_string().contains("did not begin"), "{part}: {error}");
        assert_eq!(error.exit_code(), 8, "{part}: {error}");
        assert_eq!(snapshot(root), new, "{part}");
    }
}

/// The real program, really killed, at moments spread over an operation.
#[cfg(unix)]
#[test]
fn the_program_killed_anywhere_leaves_before_or_after() {
    let work = tempfile::tempdir().expect("a temporary folder");
    scaffold_ok(work.path(), &["new", "x"]);
    let root = work.path().join("x");
    let old = snapshot(&root);
    let started = std::time::Instant::now();
    scaffold_ok(&root, &["add", "realtime"]);
    let lasts = started.elapsed();
    let new = snapshot(&root);
    scaffold_ok(&root, &["undo"]);
    for round in 1..=12 {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_scaffold"))
            .args(["add", "realtime"])
            .env("XDG_STATE_HOME", common::state_folder())
            .current_dir(&root)
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(lasts * round / 12);
        child.kill().expect("SIGKILL");
        child.wait().expect("it ends");
        // Any command that writes sees to what is left; this one has nothing else to do.
        scaffold(&root, &["apply"]);
        let then = snapshot(&root);
        assert!(then == old || then == new, "round {round}");
        if then == new {
            scaffold_ok(&root, &["undo"]);
            assert_eq!(snapshot(&root), old, "round {round}: after undo");
        }
    }
}

#[test]
fn two_operations_at_once_wait_for_each_other() {
    let work = tempfile::tempdir().expect("a temporary folder");
    scaffold_ok(work.path(), &["new", "x"]);
    scaffold_ok(work.path(), &["new", "y", "--ml", "--realtime"]);
    let root = work.path().join("x");
    std::thread::scope(|scope| {
        for component in ["ml", "realtime"] {
            let root = &root;
            scope.spawn(move || scaffold_ok(root, &["add", component]));
        }
    });
    let names = |root: &Path| -> Vec<String> {
        snapshot(root).0.into_iter().map(|(path, _, _)| path).collect()
    };
    assert_eq!(names(&root), names(&work.path().join("y")));
    scaffold_ok(&root, &["check"]);
}
