//! The only file that writes. Output appears whole or not at all: it is staged beside its place
//! and renamed, and a failure removes exactly what was created.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::render::tree::{File, Tree};
use crate::text::error::Error;
use crate::text::path::unusable;

/// Below this a further thread costs more than it brings.
const FILES_PER_WRITER: usize = 50;
/// More wait for the same file system.
const WRITERS_MAX: usize = 4;

/// How the names of folders begin in which a project is staged.
const STAGE: &str = ".scaffold-";
/// Such a folder holds the project, and a file that says whose it is. Whoever writes holds that
/// file, so that a folder whose file nobody holds was left by a process that was killed.
const STAGED: &str = "project";
const OWNER: &str = "owner";
const OWNED: &str = "A project that `scaffold new` is writing; this folder is";
/// Is there from the moment at which what is staged moves into a folder that existed.
const MOVING: &str = "moving";

/// What a fresh clone may hold beside what we write.
const FRESH_CLONE: [&str; 4] = [".git", ".gitignore", "LICENSE", "README.md"];

/// Refuses a destination that a new project cannot go to, before anything is rendered. What a
/// process left here that was killed is removed first.
///
/// # Errors
/// [`Error::Destination`] for a file, a dangling link or a folder with something in it.
pub fn check_destination(destination: &Path) -> Result<(), Error> {
    let shown = destination.display();
    let refuse =
        |message: String, hint: &str| Err(Error::Destination { message, hint: hint.to_owned() });
    sweep(parent_of(destination));
    if sweep(destination) {
        return refuse(
            format!("`{shown}` is a project now: a `scaffold new` that was killed is finished"),
            "go on with it, or choose another place with `--into DIR`",
        );
    }
    match fs::symlink_metadata(destination) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io("cannot look at", destination, error)),
        Ok(metadata) if metadata.file_type().is_symlink() && !destination.exists() => {
            return refuse(
                format!("`{shown}` is a link to nowhere"),
                "remove the link, or choose another place with `--into DIR`",
            );
        }
        Ok(_) if destination.is_dir() => {
            let foreign = foreign_entries(destination)?;
            if !foreign.is_empty() {
                return refuse(
                    format!("`{shown}` is not empty: it holds {}", listed(&foreign)),
                    "choose another name, an empty folder with `--into DIR`, or a fresh clone",
                );
            }
        }
        Ok(_) => {
            return refuse(
                format!("`{shown}` is a file"),
                "choose another name, or another place with `--into DIR`",
            );
        }
    }
    Ok(())
}

/// Writes `tree` to `destination`, which [`check_destination`] has accepted, and what is made of it
/// by `late` meanwhile; gives that back.
///
/// `interrupted` is looked at between files.
///
/// # Errors
/// [`Error::Io`] or [`Error::Interrupted`], with everything as it was before; and
/// [`Error::Destination`] where a file of a fresh clone would be overwritten.
pub fn write(
    tree: &Tree,
    late: impl FnOnce() -> Tree,
    destination: &Path,
    interrupted: &AtomicBool,
) -> Result<Tree, Error> {
    if destination.is_dir() {
        refuse_collisions(tree, destination)?;
        let (stage, late) = stage(tree, late, destination, interrupted)?;
        fill(&stage, destination)?;
        Ok(late)
    } else {
        create(tree, late, destination, interrupted)
    }
}

/// Stages beside `destination` and renames the whole.
fn create(
    tree: &Tree,
    late: impl FnOnce() -> Tree,
    destination: &Path,
    interrupted: &AtomicBool,
) -> Result<Tree, Error> {
    let parent = parent_of(destination);
    let created = create_missing(parent)?;
    let result = stage(tree, late, parent, interrupted).and_then(|(stage, late)| {
        fs::rename(stage.project(), destination)
            .map(|()| late)
            .map_err(|error| not_created(destination, error))
    });
    if result.is_err() {
        for folder in created.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
    result
}

/// The folder that a destination is in.
fn parent_of(destination: &Path) -> &Path {
    match destination.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A folder in which a project is staged; it goes with everything in it when this is dropped.
struct Stage {
    /// Held as long as the folder is there. It goes first: some systems keep what is held.
    _owner: fs::File,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new(parent: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io("cannot write to", parent, error);
        let folder = tempfile::Builder::new().prefix(STAGE).tempdir_in(parent).map_err(failed)?;
        let path = folder.path().join(OWNER);
        let mut owner =
            fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
        // First held, then ours: what is not held and says so was left.
        owner
            .lock()
            .and_then(|()| owner.write_all(owner_text(folder.path()).as_bytes()))
            .and_then(|()| fs::create_dir(folder.path().join(STAGED)))
            .map_err(failed)?;
        Ok(Self { _owner: owner, folder })
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join(STAGED)
    }
}

fn owner_text(stage: &Path) -> String {
    format!("{OWNED} {}\n", stage.file_name().unwrap_or_default().display())
}

/// Removes what processes left in `folder` that were killed, and nothing else. One that was moving
/// a finished project into it is finished; says whether there was one.
fn sweep(folder: &Path) -> bool {
    let mut is_finished = false;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let stage = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || !entry.file_name().to_string_lossy().starts_with(STAGE) {
            continue;
        }
        let Some(_held) = left_behind(&stage) else {
            continue;
        };
        let project = stage.join(STAGED);
        let is_moving = fs::symlink_metadata(stage.join(MOVING)).is_ok();
        // A repository can bring one that only looks like ours, with a link to elsewhere.
        let is_staged = fs::symlink_metadata(&project).is_ok_and(|metadata| metadata.is_dir());
        if is_moving && is_staged {
            if move_entries(&project, folder, &mut Vec::new()).is_err() {
                continue;
            }
            is_finished = true;
        }
        // The owner's file last, so that the rest is still known for ours.
        let _ = fs::remove_dir_all(&project)
            .or_else(if_missing)
            .and_then(|()| fs::remove_file(stage.join(MOVING)).or_else(if_missing))
            .and_then(|()| fs::remove_file(stage.join(OWNER)))
            .and_then(|()| fs::remove_dir(&stage));
    }
    is_finished
}

/// The owner's file of a folder that this program made, where no process holds it.
fn left_behind(stage: &Path) -> Option<fs::File> {
    let path = stage.join(OWNER);
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let expected = owner_text(stage);
    let mut text = String::new();
    let file = fs::OpenOptions::new().read(true).write(true).open(&path).ok()?;
    file.try_lock().ok()?;
    (&file).take(expected.len() as u64 + 1).read_to_string(&mut text).ok()?;
    (text == expected).then_some(file)
}

fn if_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Why something could not be renamed to `path`, where nothing was when it was looked at.
fn not_created(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::DirectoryNotEmpty
        | io::ErrorKind::NotADirectory => Error::Destination {
            message: format!("`{}` was made by another program meanwhile", path.display()),
            hint: "choose another name, or another place with `--into DIR`".to_owned(),
        },
        _ => Error::io("cannot create", path, error),
    }
}

/// Renames each entry of what is staged inside `destination` to its place.
fn fill(stage: &Stage, destination: &Path) -> Result<(), Error> {
    let mut moved: Vec<PathBuf> = Vec::new();
    let moving = stage.folder.path().join(MOVING);
    let result = write_file(&moving, b"", false)
        .map_err(|error| Error::io("cannot write to", destination, error))
        .and_then(|()| move_entries(&stage.project(), destination, &mut moved));
    if result.is_err() {
        // Without it nobody finishes what failed.
        let _ = fs::remove_file(&moving);
        for path in moved.iter().rev() {
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
    result
}

/// Renames everything in `staged` to its place, where nothing may be and nothing is git's own.
fn move_entries(staged: &Path, destination: &Path, moved: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = fs::read_dir(staged).map_err(|error| Error::io("cannot read", staged, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Error::io("cannot read", staged, error))?;
        let path = destination.join(entry.file_name());
        let is_ours = entry.file_name().to_str().is_some_and(|name| unusable(name).is_none());
        if !is_ours || fs::symlink_metadata(&path).is_ok() {
            return Err(not_created(&path, io::ErrorKind::AlreadyExists.into()));
        }
        fs::rename(entry.path(), &path).map_err(|error| not_created(&path, error))?;
        moved.push(path);
    }
    Ok(())
}

/// Writes the tree into a new folder inside `parent`, which is removed unless it is kept, and makes
/// and writes what comes `late`.
fn stage(
    tree: &Tree,
    late: impl FnOnce() -> Tree,
    parent: &Path,
    interrupted: &AtomicBool,
) -> Result<(Stage, Tree), Error> {
    let stage = Stage::new(parent)?;
    let staged = stage.project();
    let late = thread::scope(|scope| {
        let written = scope.spawn(|| write_tree(tree, &staged, interrupted));
        let late = late();
        written.join().unwrap_or_else(|panic| resume_unwind(panic)).map(|()| late)
    })?;
    write_tree(&late, &staged, interrupted)?;
    Ok((stage, late))
}

/// Writes the tree into the folder `root`, in several threads where it is large.
fn write_tree(tree: &Tree, root: &Path, interrupted: &AtomicBool) -> Result<(), Error> {
    create_folders(tree, root)?;
    let files: Vec<(&str, &File)> = tree.iter().collect();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let writers = (files.len() / FILES_PER_WRITER).clamp(1, processors.min(WRITERS_MAX));
    // Neighbours share folders: a run of them each, so that writers do not wait for each other.
    let (own, others) = files.split_at(files.len().div_ceil(writers));
    thread::scope(|scope| {
        let others: Vec<_> = others
            .chunks(own.len().max(1))
            .map(|run| scope.spawn(move || write_files(run, root, interrupted)))
            .collect();
        let own = write_files(own, root, interrupted);
        let others = others
            .into_iter()
            .map(|writer| writer.join().unwrap_or_else(|panic| resume_unwind(panic)));
        std::iter::once(own).chain(others).collect()
    })
}

/// Creates every folder of the tree below `root`, each once.
fn create_folders(tree: &Tree, root: &Path) -> Result<(), Error> {
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for (path, _) in tree.iter() {
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/')
            && folders.insert(above)
        {
            folder = above;
        }
    }
    // In order of their paths a folder comes before those in it.
    for folder in folders {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).map_err(|error| Error::io("cannot create", &folder, error))?;
    }
    Ok(())
}

fn write_files(
    files: &[(&str, &File)],
    root: &Path,
    interrupted: &AtomicBool,
) -> Result<(), Error> {
    for (path, file) in files {
        if interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        write_file(&root.join(path), &file.bytes, file.executable)
            .map_err(|error| Error::io("cannot write", Path::new(path), error))?;
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8], executable: bool) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if executable { 0o777 } else { 0o666 });
    }
    #[cfg(not(unix))]
    let _ = executable;
    options.open(path)?.write_all(bytes)
}

/// The steps that an operation on a project is made of; tests put one in their place that fails
/// or stops at any of them.
pub trait Disk {
    /// Writes a new file and waits until it is safe. Permissions are those of the file `like`,
    /// where there is one, but for the executable bits.
    fn write(
        &self,
        path: &Path,
        bytes: &[u8],
        executable: bool,
        like: Option<&Path>,
    ) -> io::Result<()>;
    /// Makes the file at `from` available at `to` as well.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Moves a file or a folder; a file that is at `to` is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Creates a folder.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
}

/// The disk itself.
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn write(
        &self,
        path: &Path,
        bytes: &[u8],
        executable: bool,
        like: Option<&Path>,
    ) -> io::Result<()> {
        write_file(path, bytes, executable)?;
        #[cfg(unix)]
        if let Some(like) = like {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(like)?.permissions().mode() & 0o7777;
            // Whoever may read may execute, as with a new file.
            let executing = (mode & 0o444) >> 2;
            let mode = if executable { mode | executing } else { mode & !0o111 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        #[cfg(not(unix))]
        let _ = like;
        fs::File::open(path)?.sync_all()
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        // Some file systems have no links.
        fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }
}

/// Waits until no other process holds the file at `path`, which is created where it is missing;
/// it is held until the answer is dropped.
///
/// # Errors
/// What the operating system says.
pub fn hold(path: &Path) -> io::Result<fs::File> {
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.lock()?;
    Ok(file)
}

/// Whether the owner may execute the file.
///
/// # Errors
/// What the operating system says.
#[cfg(unix)]
pub fn is_executable(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode() & 0o100 != 0)
}

/// There is no such bit here.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn is_executable(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// The permissions of a file, as `chmod` takes them; nothing where the platform has none.
///
/// # Errors
/// What the operating system says.
#[cfg(unix)]
pub fn permissions(path: &Path) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(Some(fs::metadata(path)?.permissions().mode() & 0o7777))
}

/// There are no such permissions here.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn permissions(_: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Creates the folders above a destination; gives back those that were missing.
fn create_missing(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
        .collect();
    let mut created: Vec<PathBuf> = Vec::new();
    for path in missing.into_iter().rev() {
        if let Err(error) = fs::create_dir(path) {
            // Another program may need the same folder.
            if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() {
                continue;
            }
            for done in created.iter().rev() {
                let _ = fs::remove_dir(done);
            }
            return Err(Error::io("cannot create", path, error));
        }
        created.push(path.to_owned());
    }
    Ok(created)
}

fn entry_names(folder: &Path) -> Result<Vec<String>, Error> {
    let cannot_read = |error| Error::io("cannot read", folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot_read)? {
        names.push(entry.map_err(cannot_read)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// What is in the folder and does not belong to a fresh clone.
fn foreign_entries(folder: &Path) -> Result<Vec<String>, Error> {
    let names = entry_names(folder)?;
    let is_clone = names.iter().any(|name| name == ".git");
    Ok(names
        .into_iter()
        .filter(|name| !(is_clone && FRESH_CLONE.contains(&name.as_str())))
        .collect())
}

fn refuse_collisions(tree: &Tree, destination: &Path) -> Result<(), Error> {
    let top: BTreeSet<&str> =
        tree.iter().map(|(path, _)| path.split('/').next().unwrap_or(path)).collect();
    let names = entry_names(destination)?;
    let colliding: Vec<String> =
        names.into_iter().filter(|name| top.contains(name.as_str())).collect();
    if colliding.is_empty() {
        return Ok(());
    }
    Err(Error::Destination {
        message: format!("`{}` has {} already", destination.display(), listed(&colliding)),
        hint: format!("move it away first: git mv {} ...", colliding.join(" ")),
    })
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    shown.join(", ")
}
