//! All writes of one operation, or none of them. What is to be written is staged in full, then a
//! rename turns the stage into a journal: from there on the operation is carried out, whatever
//! happens to this process, since the next command finishes it. A failure that is not a crash is
//! rolled back at once. Every step after the staging is a rename or a removal, which a full disk
//! does not prevent; nor does it prevent taking the operation back, which is made of renames alone.
//!
//! Under `.scaffold/local/`, which git ignores:
//!
//! | entry | what |
//! |---|---|
//! | `lock` | held while an operation runs; a second one waits |
//! | `next/` | being staged; left by a crash it is just removed |
//! | `journal/` | being carried out; left by a crash it is finished |
//! | `rollback/` | failed and being taken back; left by a crash that is finished as well |
//! | `undo/` | the last operation, with the former files |
//! | `undoing/` | being taken back by `undo`; left by a crash that is finished |
//! | `undone/` | an operation that was taken back, with its files |
//! | `redoing/` | being carried out again; left by a crash it is finished |
//!
//! Each holds `plan.json`, `before/<n>` (former files), `after/<n>` (new ones, moved from there),
//! `made/<n>` (new folders, moved from there) and `gone/<n>` (folders that were left empty). A plan
//! is only followed where [`Seals`] say that this working copy made it: a clone can bring files.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::disk::seal::Seals;
use crate::disk::writer::{Disk, hold, permissions};
use crate::merge::decide::Content;
use crate::text::digest;
use crate::text::error::Error;
use crate::text::path::{BASE_FILE, LOCK_FILE, unsafe_in};

/// Where the journal is.
const LOCAL: &str = ".scaffold/local";
/// What an operation does, in its folder.
const PLAN: &str = "plan.json";
/// A plan is smaller; another file of that name must not fill the memory.
const LARGEST_PLAN: u64 = 1 << 26;
/// Operations that were interrupted.
const UNDER_WAY: [&str; 4] = ["rollback", "journal", "undoing", "redoing"];

/// Changes a project; while it is there, no other operation runs.
pub struct Transaction<'a> {
    root: PathBuf,
    disk: &'a dyn Disk,
    seals: Seals,
    _held: fs::File,
}

/// What an interrupted operation was, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The operation, as people type it.
    pub operation: String,
    /// Whether it was finished; else it was taken back.
    pub finished: bool,
    /// Files that somebody changed in between: they were kept.
    pub kept: Vec<String>,
}

/// What `undo` did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The operation, as people type it.
    pub operation: String,
    /// The paths that changed.
    pub paths: Vec<String>,
    /// The paths that were changed since and are kept as they are.
    pub kept: Vec<String>,
}

/// A path that changes.
#[derive(Debug, Clone)]
pub struct Change {
    /// The path in the project.
    pub path: String,
    /// What is there afterwards, `None` for nothing.
    pub after: Option<Content>,
    /// The file whose permissions it gets; without, those of the file that is there.
    pub like: Option<PathBuf>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Journal {
    operation: String,
    changes: Vec<Entry>,
    /// Folders that did not exist before, the outermost first.
    folders: Vec<String>,
    /// Folders that go where nothing is left in them, the innermost first.
    emptied: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    path: String,
    /// What is there before, `None` for nothing.
    before: Option<Kept>,
    /// What is there afterwards, `None` for nothing.
    after: Option<Kept>,
}

/// A file that the journal holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    digest: String,
    /// Its permissions, where the platform has them.
    permissions: Option<u32>,
}

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
enum There {
    Nothing,
    File(Kept),
    Other(&'static str),
}

/// Which way a journal is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// How a journal is followed.
#[derive(Debug, Clone, Copy)]
struct Manner {
    direction: Direction,
    /// What is replaced moves into the journal, so that the way back needs no space. Else it is
    /// there already, as a second name of the same file.
    exchanges: bool,
    /// Files that somebody changed in between are kept.
    careful: bool,
}

/// A path of a journal with the places of its two files.
struct Step<'a> {
    entry: &'a Entry,
    target: PathBuf,
    /// What is there now, and where it is kept.
    was: Option<&'a Kept>,
    kept_at: PathBuf,
    /// What comes, and where it waits.
    comes: Option<&'a Kept>,
    waits_at: PathBuf,
}

impl<'a> Transaction<'a> {
    /// Waits for other operations on the project in `root`, and deals with one that was
    /// interrupted.
    ///
    /// # Errors
    /// [`Error::Io`], such as in a tree that may not be written, and [`Error::Project`] for an
    /// operation that this working copy did not begin.
    pub fn begin(root: &Path, disk: &'a dyn Disk) -> Result<(Self, Option<Recovered>), Error> {
        let local = root.join(LOCAL);
        let refused = |error| Error::io("cannot change", root, error);
        for name in [".scaffold", LOCAL] {
            let folder = root.join(name);
            match fs::symlink_metadata(&folder) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(in_the_way(name)),
                Err(_) => disk.create_folder(&folder).or_else(if_there).map_err(refused)?,
            }
        }
        for name in ["lock", ".gitignore"] {
            if fs::symlink_metadata(local.join(name)).is_ok_and(|metadata| !metadata.is_file()) {
                return Err(in_the_way(&format!("{LOCAL}/{name}")));
            }
        }
        let held = hold(&local.join("lock")).map_err(refused)?;
        let ignore = local.join(".gitignore");
        if !ignore.is_file() {
            disk.write(&ignore, b"*\n", false, None).map_err(refused)?;
        }
        let transaction = Self { root: root.to_owned(), disk, seals: Seals::of(root), _held: held };
        let recovered = transaction.recover()?;
        Ok((transaction, recovered))
    }

    /// Whether an operation on the project in `root` was interrupted, or looks like it.
    #[must_use]
    pub fn is_interrupted(root: &Path) -> bool {
        UNDER_WAY.iter().any(|name| is_there(&root.join(LOCAL).join(name)))
    }

    /// Writes all changes in the order given, or none. Folders that the removals leave empty go.
    ///
    /// # Errors
    /// [`Error::Io`], with everything as it was before, and [`Error::Project`] for a path that
    /// must not be written to.
    pub fn commit(&self, operation: &str, changes: &[Change]) -> Result<(), Error> {
        for change in changes {
            self.refuse_unsafe(&change.path)?;
        }
        let failed = |error| self.failed(error);
        let next = self.local("next");
        let journal = match self.stage(&next, operation, changes) {
            Ok(journal) => journal,
            Err(error) => {
                // The next command removes what cannot be removed now.
                let _ = self.clear(&next);
                return Err(error);
            }
        };
        let folder = self.local("journal");
        self.disk.rename(&next, &folder).map_err(failed)?;
        let manner = Manner { direction: Direction::Forward, exchanges: false, careful: false };
        if let Err(error) = self.follow(&journal, &folder, manner) {
            let rollback = self.local("rollback");
            let taken_back = self
                .disk
                .rename(&folder, &rollback)
                .and_then(|()| self.take_back(&journal, &rollback));
            return Err(match taken_back {
                Ok(()) => failed(error),
                Err(_) => interrupted(operation, &error),
            });
        }
        self.finish("journal").map_err(failed)
    }

    /// Takes the last operation back, so that the project is as before it; a second undo brings
    /// it back. `dry_run` only looks. Files that were changed since stand in the way, or stay as
    /// they are with `keep_edits`.
    ///
    /// # Errors
    /// [`Error::Project`] where there is nothing to undo, files were changed since, or the state of
    /// the project is another one: base and lock go together.
    pub fn undo(&self, dry_run: bool, keep_edits: bool) -> Result<Undone, Error> {
        let (name, direction) =
            match (is_there(&self.local("undo")), is_there(&self.local("undone"))) {
                (true, _) => ("undo", Direction::Backward),
                (false, true) => ("undone", Direction::Forward),
                (false, false) => {
                    return Err(Error::Project {
                        message: "there is no operation to undo".to_owned(),
                        hint: "git has what was committed: git log".to_owned(),
                    });
                }
            };
        let (journal, folder) = (self.read(name)?, self.local(name));
        let manner = Manner { direction, exchanges: true, careful: true };
        let mut undone = Undone {
            operation: match direction {
                Direction::Backward => journal.operation.clone(),
                Direction::Forward => format!("undo: {}", journal.operation),
            },
            paths: Vec::new(),
            kept: Vec::new(),
        };
        let mut edits = Vec::new();
        for step in steps(&journal, &folder, &self.root, direction) {
            let unreadable = |error| Error::io("cannot read", &step.target, error);
            if !step.is_pending(manner) {
                continue;
            }
            if let Some(edit) = step.edit(manner).map_err(unreadable)? {
                if step.entry.path == BASE_FILE {
                    return Err(other_state(&undone.operation));
                }
                edits.push(edit);
                undone.kept.push(step.entry.path.clone());
            } else {
                step.check_waiting().map_err(unreadable)?;
                undone.paths.push(step.entry.path.clone());
            }
        }
        if !edits.is_empty() && !keep_edits {
            return Err(Error::Project {
                message: format!(
                    "undo would lose what was changed since `scaffold {}`: {}",
                    undone.operation,
                    edits.join(", ")
                ),
                hint:
                    "`scaffold undo --keep-edits` takes the rest back, and leaves these as they are"
                        .to_owned(),
            });
        }
        if dry_run {
            return Ok(undone);
        }
        let doing = doing(direction);
        self.disk.rename(&folder, &self.local(doing)).map_err(|error| self.failed(error))?;
        if let Err(error) = self.follow(&journal, &self.local(doing), manner) {
            let back = Manner { direction: direction.reversed(), ..manner };
            let turned = self
                .disk
                .rename(&self.local(doing), &self.local(self::doing(back.direction)))
                .and_then(|()| {
                    let folder = self.local(self::doing(back.direction));
                    self.follow(&journal, &folder, back)?;
                    self.finish(self::doing(back.direction))
                });
            return Err(match turned {
                Ok(()) => self.failed(error),
                Err(_) => interrupted("undo", &error),
            });
        }
        self.finish(doing).map_err(|error| self.failed(error))?;
        Ok(undone)
    }

    /// Replaces one file, without a record to undo.
    ///
    /// # Errors
    /// [`Error::Io`], with the file as it was.
    pub fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.refuse_unsafe(path)?;
        let target = self.root.join(path);
        let staged = self.local("one");
        let failed = |error| Error::io("cannot write", Path::new(path), error);
        self.clear(&staged).map_err(failed)?;
        let like = is_there(&target).then_some(target.as_path());
        self.disk.write(&staged, bytes, false, like).map_err(failed)?;
        self.disk.rename(&staged, &target).map_err(failed)
    }

    fn local(&self, name: &str) -> PathBuf {
        self.root.join(LOCAL).join(name)
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io("cannot change", &self.root, error)
    }

    fn refuse_unsafe(&self, path: &str) -> Result<(), Error> {
        match unsafe_in(&self.root, path) {
            None => Ok(()),
            Some(reason) => Err(Error::Project {
                message: format!("{reason}; nothing is written there"),
                hint: "`git log --stat` shows where it comes from; remove it, then try again"
                    .to_owned(),
            }),
        }
    }

    /// Writes everything that the operation needs into `folder`.
    fn stage(&self, folder: &Path, operation: &str, changes: &[Change]) -> Result<Journal, Error> {
        let failed = |error| self.failed(error);
        self.clear(folder).map_err(failed)?;
        self.disk.create_folder(folder).map_err(failed)?;
        for inner in ["before", "after", "made", "gone"] {
            self.disk.create_folder(&folder.join(inner)).map_err(failed)?;
        }
        let mut entries = Vec::new();
        let mut folders: BTreeSet<&str> = BTreeSet::new();
        let mut emptied: BTreeSet<&str> = BTreeSet::new();
        for (number, change) in changes.iter().enumerate() {
            let target = self.root.join(&change.path);
            let unusable = |error| Error::io("cannot change", &target, error);
            let number = number.to_string();
            let before = match there(&target).map_err(unusable)? {
                There::Nothing => None,
                There::File(kept) => Some(kept),
                There::Other(what) => {
                    return Err(unusable(io::Error::other(format!("it is {what}"))));
                }
            };
            if before.is_some() {
                let former = folder.join("before").join(&number);
                self.disk.link(&target, &former).map_err(failed)?;
            }
            let mut after = None;
            if let Some(content) = &change.after {
                let like = change.like.clone().or_else(|| before.is_some().then(|| target.clone()));
                let staged = folder.join("after").join(&number);
                self.disk
                    .write(&staged, &content.bytes, content.executable, like.as_deref())
                    .map_err(failed)?;
                let permissions = permissions(&staged).map_err(failed)?;
                after = Some(Kept { digest: digest::of(&content.bytes), permissions });
                let missing = folders_above(&change.path);
                folders.extend(missing.filter(|folder| !is_there(&self.root.join(folder))));
            } else {
                emptied.extend(folders_above(&change.path));
            }
            entries.push(Entry { path: change.path.clone(), before, after });
        }
        for number in 0..folders.len() {
            self.disk
                .create_folder(&folder.join("made").join(number.to_string()))
                .map_err(failed)?;
        }
        let journal = Journal {
            operation: operation.to_owned(),
            changes: entries,
            folders: folders.into_iter().map(str::to_owned).collect(),
            emptied: emptied.into_iter().rev().map(str::to_owned).collect(),
        };
        let text = serde_json::to_vec(&journal).map_err(|error| failed(error.into()))?;
        self.disk.write(&folder.join(PLAN), &text, false, None).map_err(failed)?;
        self.seals.add(self.disk, &text).map_err(failed)?;
        Ok(journal)
    }

    /// Moves every file that comes to its place, and what it replaces out of the way; gives back
    /// the paths that were kept.
    fn follow(&self, journal: &Journal, folder: &Path, manner: Manner) -> io::Result<Vec<String>> {
        let numbered = |paths: &[String]| -> Vec<(usize, PathBuf)> {
            paths.iter().map(|path| self.root.join(path)).enumerate().collect()
        };
        let (mut made, mut gone) = (numbered(&journal.folders), numbered(&journal.emptied));
        let (coming, going) = match manner.direction {
            Direction::Forward => {
                (("made", std::mem::take(&mut made)), ("gone", std::mem::take(&mut gone)))
            }
            Direction::Backward => {
                made.reverse();
                gone.reverse();
                (("gone", gone), ("made", made))
            }
        };
        for (number, target) in &coming.1 {
            self.put_folder(target, &folder.join(coming.0).join(number.to_string()))?;
        }
        let mut kept = Vec::new();
        for step in steps(journal, folder, &self.root, manner.direction) {
            if !step.is_pending(manner) {
                continue;
            }
            if manner.careful {
                if step.edit(manner)?.is_some() {
                    if !manner.exchanges && step.comes.is_some() {
                        self.disk.rename(&step.waits_at, &free_beside(&step.target))?;
                    }
                    kept.push(step.entry.path.clone());
                    continue;
                }
                step.check_waiting()?;
            }
            if step.was.is_some() && !is_there(&step.kept_at) {
                self.disk.rename(&step.target, &step.kept_at)?;
            }
            if step.comes.is_some() {
                self.disk.rename(&step.waits_at, &step.target)?;
            } else if is_there(&step.target) {
                self.disk.remove_file(&step.target)?;
            }
        }
        for (number, target) in &going.1 {
            self.take_folder(target, &folder.join(going.0).join(number.to_string()))?;
        }
        Ok(kept)
    }

    /// Moves every former file back to its place and removes what is new.
    fn take_back(&self, journal: &Journal, folder: &Path) -> io::Result<()> {
        for (number, path) in journal.emptied.iter().enumerate().rev() {
            let gone = folder.join("gone").join(number.to_string());
            self.put_folder(&self.root.join(path), &gone)?;
        }
        for step in steps(journal, folder, &self.root, Direction::Backward) {
            // What comes forward waits there until it is done.
            if step.was.is_some() && is_there(&step.kept_at) {
                continue;
            }
            let there = there(&step.target)?;
            let is_ours = match (&there, step.was) {
                (There::Nothing, _) => true,
                (There::File(kept), Some(was)) => kept == was,
                _ => false,
            };
            match step.comes {
                Some(_) if is_ours && is_there(&step.waits_at) => {
                    self.disk.rename(&step.waits_at, &step.target)?;
                }
                Some(comes) if !is_ours && there != There::File(comes.clone()) => {
                    // Somebody changed it in between.
                    self.disk
                        .rename(&step.waits_at, &free_beside(&step.target))
                        .or_else(if_gone)?;
                }
                None if is_ours && there != There::Nothing => {
                    self.disk.remove_file(&step.target)?;
                }
                _ => {}
            }
        }
        for (number, path) in journal.folders.iter().enumerate().rev() {
            let made = folder.join("made").join(number.to_string());
            self.take_folder(&self.root.join(path), &made)?;
        }
        self.clear(folder)
    }

    /// Keeps a journal that was followed, for `undo`.
    fn finish(&self, name: &str) -> io::Result<()> {
        let (undo, undone, next) = (self.local("undo"), self.local("undone"), self.local("next"));
        self.clear(&next)?;
        let done = if name == doing(Direction::Backward) { &undone } else { &undo };
        if is_there(done) {
            self.disk.rename(done, &next)?;
        }
        self.disk.rename(&self.local(name), done)?;
        self.clear(&next)
    }

    fn recover(&self) -> Result<Option<Recovered>, Error> {
        let failed = |error| self.failed(error);
        self.clear(&self.local("next")).map_err(failed)?;
        if is_there(&self.local("undo")) {
            // What was taken back before the last operation cannot be done again.
            self.clear(&self.local("undone")).map_err(failed)?;
        }
        let Some(name) = UNDER_WAY.into_iter().find(|name| is_there(&self.local(name))) else {
            return Ok(None);
        };
        let folder = self.local(name);
        if name == "rollback" && folder.is_dir() && !is_there(&folder.join(PLAN)) {
            // It is half removed: everything was taken back before.
            self.clear(&folder).map_err(failed)?;
            return Ok(None);
        }
        let journal = self.read(name)?;
        let manner = |direction, exchanges| Manner { direction, exchanges, careful: true };
        let kept = match name {
            "rollback" => self.take_back(&journal, &folder).map(|()| Vec::new()),
            "journal" => self.follow(&journal, &folder, manner(Direction::Forward, false)),
            "undoing" => self.follow(&journal, &folder, manner(Direction::Backward, true)),
            _ => self.follow(&journal, &folder, manner(Direction::Forward, true)),
        };
        let kept = kept.map_err(failed)?;
        if name != "rollback" {
            self.finish(name).map_err(failed)?;
        }
        let operation = match name {
            "undoing" => format!("undo: {}", journal.operation),
            _ => journal.operation,
        };
        Ok(Some(Recovered { operation, finished: name != "rollback", kept }))
    }

    /// Reads the plan in a folder of ours.
    ///
    /// # Errors
    /// [`Error::Project`] where this working copy did not make it, or it leads out of the project.
    fn read(&self, name: &str) -> Result<Journal, Error> {
        let foreign = || Error::Project {
            message: format!(
                "`{LOCAL}/{name}` holds an operation that this working copy did not begin: it is not carried out"
            ),
            hint: format!(
                "it came with the repository, an older scaffold left it, or the project was moved; remove it: rm -r {LOCAL}/{name}"
            ),
        };
        let folder = self.local(name);
        let plan = folder.join(PLAN);
        let is_plain = fs::symlink_metadata(&folder).is_ok_and(|metadata| metadata.is_dir())
            && ["before", "after", "made", "gone"].iter().all(|inner| {
                fs::symlink_metadata(folder.join(inner)).is_ok_and(|metadata| metadata.is_dir())
            })
            && fs::symlink_metadata(&plan)
                .is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LARGEST_PLAN);
        if !is_plain {
            return Err(foreign());
        }
        let text = fs::read(&plan).map_err(|error| Error::io("cannot read", &plan, error))?;
        if !self.seals.has(&text) {
            return Err(foreign());
        }
        let journal: Journal = serde_json::from_slice(&text).map_err(|_| foreign())?;
        let files = journal.changes.iter().map(|entry| &entry.path);
        for path in files.chain(&journal.folders).chain(&journal.emptied) {
            self.refuse_unsafe(path)?;
        }
        Ok(journal)
    }

    /// Puts a folder to its place, where there is none.
    fn put_folder(&self, target: &Path, waits_at: &Path) -> io::Result<()> {
        if is_there(target) {
            Ok(())
        } else if is_there(waits_at) {
            self.disk.rename(waits_at, target)
        } else {
            self.disk.create_folder(target).or_else(if_there)
        }
    }

    /// Takes a folder away where nothing is left in it.
    fn take_folder(&self, target: &Path, kept_at: &Path) -> io::Result<()> {
        let is_folder = fs::symlink_metadata(target).is_ok_and(|metadata| metadata.is_dir());
        let is_empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
        if is_folder && is_empty && !is_there(kept_at) {
            self.disk.rename(target, kept_at)?;
        }
        Ok(())
    }

    /// Removes what is at a path below our own folder, the plan first: without it the rest is
    /// nothing. Links are removed, not followed.
    fn clear(&self, path: &Path) -> io::Result<()> {
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        if !metadata.is_dir() {
            return self.disk.remove_file(path);
        }
        let plan = path.join(PLAN);
        if is_there(&plan) {
            self.clear(&plan)?;
        }
        for entry in fs::read_dir(path)? {
            self.clear(&entry?.path())?;
        }
        self.disk.remove_folder(path)
    }
}

impl Direction {
    fn reversed(self) -> Self {
        match self {
            Self::Forward => Self::Backward,
            Self::Backward => Self::Forward,
        }
    }
}

impl Step<'_> {
    /// Whether it is still to be done.
    fn is_pending(&self, manner: Manner) -> bool {
        match self.comes {
            Some(_) => is_there(&self.waits_at),
            None if manner.exchanges && is_there(&self.kept_at) => false,
            None => is_there(&self.target),
        }
    }

    /// What somebody did to the file since, in a few words.
    fn edit(&self, manner: Manner) -> io::Result<Option<String>> {
        let path = &self.entry.path;
        // `resolve` changes the lock; it comes and goes as a whole, and the base with it.
        let is_lock = manner.exchanges && path == LOCK_FILE;
        let is_base = manner.exchanges && path == BASE_FILE;
        // Half of an exchange: what was there is kept already.
        let is_moved = manner.exchanges && is_there(&self.kept_at);
        let was = if is_moved { None } else { self.was };
        Ok(match (there(&self.target)?, was) {
            (There::Nothing, None) => None,
            (There::File(_), _) if is_lock => None,
            (There::File(kept), Some(was)) if kept == *was => None,
            (There::File(kept), Some(was)) if is_base && kept.digest == was.digest => None,
            (There::File(kept), _) if !manner.exchanges && Some(&kept) == self.comes => None,
            (There::File(kept), Some(was)) if kept.digest == was.digest => {
                Some(format!("{path} (its permissions)"))
            }
            (There::File(_), Some(_)) => Some(path.clone()),
            (There::File(_), None) => Some(format!("{path} (it is there again)")),
            (There::Nothing, Some(_)) => Some(format!("{path} (it is gone)")),
            (There::Other(what), _) => Some(format!("{path} (it is {what} now)")),
        })
    }

    /// Whether the file that comes is the one that the plan means.
    fn check_waiting(&self) -> io::Result<()> {
        let Some(comes) = self.comes else {
            return Ok(());
        };
        let is_lock = self.entry.path == LOCK_FILE;
        match there(&self.waits_at)? {
            There::File(kept) if is_lock || kept.digest == comes.digest => Ok(()),
            _ => Err(io::Error::other(format!("`{}` is damaged", self.waits_at.display()))),
        }
    }
}

fn steps<'a>(
    journal: &'a Journal,
    folder: &'a Path,
    root: &'a Path,
    direction: Direction,
) -> Vec<Step<'a>> {
    let steps = journal.changes.iter().enumerate().map(|(number, entry)| {
        let place = |name: &str| folder.join(name).join(number.to_string());
        let (before, after) =
            ((entry.before.as_ref(), place("before")), (entry.after.as_ref(), place("after")));
        let ((was, kept_at), (comes, waits_at)) = match direction {
            Direction::Forward => (before, after),
            Direction::Backward => (after, before),
        };
        Step { entry, target: root.join(&entry.path), was, kept_at, comes, waits_at }
    });
    match direction {
        Direction::Forward => steps.collect(),
        Direction::Backward => steps.rev().collect(),
    }
}

/// The folder of an operation that is taken back, or carried out again.
fn doing(direction: Direction) -> &'static str {
    match direction {
        Direction::Backward => "undoing",
        Direction::Forward => "redoing",
    }
}

fn interrupted(operation: &str, error: &io::Error) -> Error {
    Error::Project {
        message: format!("`scaffold {operation}` was interrupted: {error}"),
        hint: "any next command finishes it or takes it back".to_owned(),
    }
}

/// The base is nobody's to edit: where it differs, git put another state there.
fn other_state(operation: &str) -> Error {
    Error::Project {
        message: format!(
            "the project is not in the state that `scaffold {operation}` left: another operation or git changed `{BASE_FILE}`"
        ),
        hint: "git has what was committed: git log".to_owned(),
    }
}

fn in_the_way(path: &str) -> Error {
    Error::Project {
        message: format!("`{path}` is not what scaffold puts there: nothing is written through it"),
        hint: format!("remove it: rm {path}"),
    }
}

/// A folder that is there already is as good as a new one.
fn if_there(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// What is gone already was moved before.
fn if_gone(error: io::Error) -> io::Result<()> {
    if is_missing(&error) { Ok(()) } else { Err(error) }
}

/// The folders above a path, the outermost first.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// A name beside a file that nobody uses.
fn free_beside(target: &Path) -> PathBuf {
    let mut name = format!("{}{}", target.display(), crate::merge::decide::BESIDE);
    while is_there(Path::new(&name)) {
        name.push_str(crate::merge::decide::BESIDE);
    }
    PathBuf::from(name)
}

fn there(path: &Path) -> io::Result<There> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_missing(&error) => return Ok(There::Nothing),
        Err(error) => return Err(error),
    };
    if metadata.is_symlink() {
        return Ok(There::Other("a symbolic link"));
    }
    if metadata.is_dir() {
        return Ok(There::Other("a folder"));
    }
    if !metadata.is_file() {
        return Ok(There::Other("not a plain file"));
    }
    let digest = digest::of(&fs::read(path)?);
    Ok(There::File(Kept { digest, permissions: permissions(path)? }))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
