//! All writes of one operation, or none of them. What is to be written is staged in full, then a
//! rename turns the stage into a journal: from there on the operation is carried out, whatever
//! happens to this process, since the next command finishes it. A failure that is not a crash is
//! rolled back at once. Every step after the staging is a rename or a removal, which a full disk
//! does not prevent.
//!
//! Under `.scaffold/local/`, which git ignores:
//!
//! | entry | what |
//! |---|---|
//! | `lock` | held while an operation runs; a second one waits |
//! | `next/` | being staged; left by a crash it is just removed |
//! | `journal/` | being carried out; left by a crash it is finished |
//! | `rollback/` | being taken back; left by a crash it is finished as well |
//! | `undo/` | the last operation, with the former files |
//!
//! Each holds `plan.json`, `before/<n>` (former files) and `after/<n>` (new ones, moved from there).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::merge::{Content, digest};
use crate::writer::{Disk, hold, is_executable};

/// Where the journal is.
const LOCAL: &str = ".scaffold/local";

/// Changes a project; while it is there, no other operation runs.
pub struct Transaction<'a> {
    root: PathBuf,
    disk: &'a dyn Disk,
    _held: fs::File,
}

/// What an interrupted operation was, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The operation, as people type it.
    pub operation: String,
    /// Whether it was finished; else it was taken back.
    pub finished: bool,
    /// Files that somebody changed in between: they were kept, the operation's stand beside.
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
    /// Folders that did not exist before.
    folders: Vec<String>,
    /// Folders that go where nothing is left in them.
    emptied: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    path: String,
    /// Digest of what is there before, `None` for nothing.
    before: Option<String>,
    /// Digest of what is there afterwards, `None` for nothing.
    after: Option<String>,
}

impl<'a> Transaction<'a> {
    /// Waits for other operations on the project in `root`, and deals with one that was
    /// interrupted.
    ///
    /// # Errors
    /// [`Error::Io`], such as in a tree that may not be written.
    pub fn begin(root: &Path, disk: &'a dyn Disk) -> Result<(Self, Option<Recovered>), Error> {
        let local = root.join(LOCAL);
        let refused = |error| Error::io("cannot change", root, error);
        for folder in [root.join(".scaffold"), local.clone()] {
            if !folder.is_dir() {
                disk.create_folder(&folder).or_else(if_there).map_err(refused)?;
            }
        }
        let held = hold(&local.join("lock")).map_err(refused)?;
        let ignore = local.join(".gitignore");
        if !ignore.is_file() {
            disk.write(&ignore, b"*\n", false, None).map_err(refused)?;
        }
        let transaction = Self { root: root.to_owned(), disk, _held: held };
        let recovered = transaction.recover().map_err(refused)?;
        Ok((transaction, recovered))
    }

    /// Writes all changes in the order given, or none. Folders that the removals leave empty go.
    ///
    /// # Errors
    /// [`Error::Io`], with everything as it was before.
    pub fn commit(&self, operation: &str, changes: &[Change]) -> Result<(), Error> {
        let mut emptied: BTreeSet<&str> = BTreeSet::new();
        for change in changes.iter().filter(|change| change.after.is_none()) {
            emptied.extend(folders_above(&change.path));
        }
        let emptied = emptied.into_iter().rev().map(str::to_owned).collect();
        self.write(operation, changes, emptied)
    }

    /// Takes the last operation back, so that the project is as before it; a second undo brings
    /// it back; `dry_run` only looks. Gives the operation, as people type it, and the paths that changed.
    ///
    /// # Errors
    /// [`Error::Project`] where there is nothing to undo, or files were changed since.
    pub fn undo(&self, dry_run: bool) -> Result<(String, Vec<String>), Error> {
        let folder = self.local("undo");
        let Ok(journal) = Journal::read(&folder) else {
            return Err(Error::Project {
                message: "there is no operation to undo".to_owned(),
                hint: "git has what was committed: git log".to_owned(),
            });
        };
        let unreadable = |error| Error::io("cannot read", &folder, error);
        let mut changes = Vec::new();
        let mut edited = Vec::new();
        for (number, entry) in journal.changes.iter().enumerate() {
            let there = digest_at(&self.root.join(&entry.path)).map_err(unreadable)?;
            // `resolve` changes the lock; it goes back as a whole.
            if there != entry.after && entry.path != crate::pack::STATE_FILES[1] {
                edited.push(entry.path.clone());
            }
            let former = folder.join("before").join(number.to_string());
            let after = match &entry.before {
                Some(_) => Some(content_at(&former).map_err(unreadable)?),
                None => None,
            };
            let like = after.is_some().then_some(former);
            changes.push(Change { path: entry.path.clone(), after, like });
        }
        if !edited.is_empty() {
            return Err(Error::Project {
                message: format!(
                    "undo would lose what was changed since `scaffold {}`: {}",
                    journal.operation,
                    edited.join(", ")
                ),
                hint: "commit, then put those files aside: git stash".to_owned(),
            });
        }
        let (undone, operation) = match journal.operation.strip_prefix("undo: ") {
            Some(operation) => (journal.operation.clone(), operation.to_owned()),
            None => (journal.operation.clone(), format!("undo: {}", journal.operation)),
        };
        let emptied = journal.folders.iter().rev().cloned().collect();
        if !dry_run {
            self.write(&operation, &changes, emptied)?;
        }
        Ok((undone, changes.into_iter().map(|change| change.path).collect()))
    }

    /// Replaces one file, without a record to undo.
    ///
    /// # Errors
    /// [`Error::Io`], with the file as it was.
    pub fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let target = self.root.join(path);
        let staged = self.local("one");
        let failed = |error| Error::io("cannot write", Path::new(path), error);
        self.clear(&staged).map_err(failed)?;
        self.disk.write(&staged, bytes, false, Some(&target)).map_err(failed)?;
        self.disk.rename(&staged, &target).map_err(failed)
    }

    fn local(&self, name: &str) -> PathBuf {
        self.root.join(LOCAL).join(name)
    }

    fn write(
        &self,
        operation: &str,
        changes: &[Change],
        emptied: Vec<String>,
    ) -> Result<(), Error> {
        let failed = |error| Error::io("cannot change", &self.root, error);
        let next = self.local("next");
        let staged = self.stage(&next, operation, changes, emptied).map_err(failed);
        let journal = match staged {
            Ok(journal) => journal,
            Err(error) => {
                // The next command removes what cannot be removed now.
                let _ = self.clear(&next);
                return Err(error);
            }
        };
        let folder = self.local("journal");
        self.disk.rename(&next, &folder).map_err(failed)?;
        if let Err(error) = self.carry_out(&journal, &folder, false) {
            let rollback = self.local("rollback");
            let taken_back = self
                .disk
                .rename(&folder, &rollback)
                .and_then(|()| self.take_back(&journal, &rollback));
            return Err(match taken_back {
                Ok(()) => failed(error),
                Err(_) => Error::Project {
                    message: format!("`scaffold {operation}` was interrupted: {error}"),
                    hint: "any next command finishes it or takes it back".to_owned(),
                },
            });
        }
        self.finish(&folder).map_err(failed)
    }

    /// Writes everything that the operation needs into `folder`.
    fn stage(
        &self,
        folder: &Path,
        operation: &str,
        changes: &[Change],
        emptied: Vec<String>,
    ) -> io::Result<Journal> {
        self.clear(folder)?;
        self.disk.create_folder(folder)?;
        let (before, after) = (folder.join("before"), folder.join("after"));
        self.disk.create_folder(&before)?;
        self.disk.create_folder(&after)?;
        let mut entries = Vec::new();
        let mut folders: BTreeSet<&str> = BTreeSet::new();
        for (number, change) in changes.iter().enumerate() {
            let target = self.root.join(&change.path);
            let number = number.to_string();
            let was = digest_at(&target)?;
            if was.is_some() {
                self.disk.link(&target, &before.join(&number))?;
            }
            if let Some(content) = &change.after {
                let like = change.like.clone().or_else(|| was.is_some().then(|| target.clone()));
                let staged = after.join(&number);
                self.disk.write(&staged, &content.bytes, content.executable, like.as_deref())?;
                let missing = folders_above(&change.path);
                folders.extend(missing.filter(|folder| !self.root.join(folder).exists()));
            }
            entries.push(Entry {
                path: change.path.clone(),
                before: was,
                after: change.after.as_ref().map(|content| digest(&content.bytes)),
            });
        }
        let journal = Journal {
            operation: operation.to_owned(),
            changes: entries,
            folders: folders.into_iter().map(str::to_owned).collect(),
            emptied,
        };
        let text = serde_json::to_vec(&journal)?;
        self.disk.write(&folder.join("plan.json"), &text, false, None)?;
        Ok(journal)
    }

    /// Moves every new file to its place and removes what goes. With `careful`, files that
    /// somebody changed in between are kept; gives them back.
    fn carry_out(
        &self,
        journal: &Journal,
        folder: &Path,
        careful: bool,
    ) -> io::Result<Vec<String>> {
        let mut kept = Vec::new();
        for path in &journal.folders {
            self.disk.create_folder(&self.root.join(path)).or_else(if_there)?;
        }
        for (number, entry) in journal.changes.iter().enumerate() {
            let target = self.root.join(&entry.path);
            let staged = folder.join("after").join(number.to_string());
            let is_pending = match &entry.after {
                Some(_) => staged.exists(),
                None => fs::symlink_metadata(&target).is_ok(),
            };
            if !is_pending {
                continue;
            }
            let is_edited = careful && {
                let there = digest_at(&target)?;
                there != entry.before && there != entry.after
            };
            match (&entry.after, is_edited) {
                (Some(_), false) => self.disk.rename(&staged, &target)?,
                (None, false) => self.disk.remove_file(&target)?,
                (Some(_), true) => {
                    let beside = format!("{}{}", target.display(), crate::merge::BESIDE);
                    self.disk.rename(&staged, Path::new(&beside))?;
                    kept.push(entry.path.clone());
                }
                (None, true) => kept.push(entry.path.clone()),
            }
        }
        for path in &journal.emptied {
            self.remove_if_empty(&self.root.join(path))?;
        }
        Ok(kept)
    }

    /// Moves every former file back to its place and removes what is new.
    fn take_back(&self, journal: &Journal, folder: &Path) -> io::Result<()> {
        for path in journal.emptied.iter().rev() {
            let path = self.root.join(path);
            if !path.exists() {
                self.disk.create_folder(&path)?;
            }
        }
        for (number, entry) in journal.changes.iter().enumerate().rev() {
            let target = self.root.join(&entry.path);
            let former = folder.join("before").join(number.to_string());
            let was_done =
                entry.after.is_none() || !folder.join("after").join(number.to_string()).exists();
            if !was_done {
                continue;
            }
            match &entry.before {
                Some(_) if former.exists() => self.disk.rename(&former, &target)?,
                None if digest_at(&target)? == entry.after => self.disk.remove_file(&target)?,
                _ => {}
            }
        }
        for path in journal.folders.iter().rev() {
            self.remove_if_empty(&self.root.join(path))?;
        }
        self.clear(folder)
    }

    /// Keeps a finished journal for `undo`.
    fn finish(&self, folder: &Path) -> io::Result<()> {
        let (undo, next) = (self.local("undo"), self.local("next"));
        self.clear(&next)?;
        if undo.exists() {
            self.disk.rename(&undo, &next)?;
        }
        self.disk.rename(folder, &undo)?;
        self.clear(&next)
    }

    fn recover(&self) -> io::Result<Option<Recovered>> {
        self.clear(&self.local("next"))?;
        let rollback = self.local("rollback");
        if rollback.exists() {
            let journal = Journal::read(&rollback);
            // Without a plan, the folder is half removed: everything was taken back before.
            if let Ok(journal) = &journal {
                self.take_back(journal, &rollback)?;
            } else {
                self.clear(&rollback)?;
            }
            return Ok(journal.ok().map(|journal| Recovered {
                operation: journal.operation,
                finished: false,
                kept: Vec::new(),
            }));
        }
        let folder = self.local("journal");
        if !folder.exists() {
            return Ok(None);
        }
        let journal = Journal::read(&folder)?;
        let kept = self.carry_out(&journal, &folder, true)?;
        self.finish(&folder)?;
        Ok(Some(Recovered { operation: journal.operation, finished: true, kept }))
    }

    fn remove_if_empty(&self, folder: &Path) -> io::Result<()> {
        let is_empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
        if is_empty { self.disk.remove_folder(folder) } else { Ok(()) }
    }

    /// Removes a folder of ours, the plan first: without it the rest is nothing.
    fn clear(&self, folder: &Path) -> io::Result<()> {
        if folder.is_file() {
            return self.disk.remove_file(folder);
        }
        if !folder.exists() {
            return Ok(());
        }
        let plan = folder.join("plan.json");
        if plan.exists() {
            self.disk.remove_file(&plan)?;
        }
        for inner in ["before", "after"] {
            let inner = folder.join(inner);
            if inner.exists() {
                for entry in fs::read_dir(&inner)? {
                    self.disk.remove_file(&entry?.path())?;
                }
                self.disk.remove_folder(&inner)?;
            }
        }
        self.disk.remove_folder(folder)
    }
}

impl Journal {
    fn read(folder: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(folder.join("plan.json"))?)?)
    }
}

/// A folder that is there already is as good as a new one.
fn if_there(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

/// The folders above a path, the outermost first.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

fn digest_at(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(digest(&bytes))),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn content_at(path: &Path) -> io::Result<Content> {
    Ok(Content { bytes: fs::read(path)?.into(), executable: is_executable(path)? })
}
