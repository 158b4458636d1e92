//! Which operations this working copy began. A journal lies in the project, so that its steps are
//! renames on one file system, and a repository could bring one. The digest of each plan is
//! therefore noted down where neither a clone nor an archive of the project can put it: in the git
//! directory of the working copy, or outside of repositories in the folder for the user's state.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::disk::git;
use crate::disk::writer::Disk;
use crate::text::digest::{self, hex};

/// An operation needs two: what it does, and what can be undone until it is done.
const KEPT: usize = 8;
/// More than all seals of a project.
const LARGEST: u64 = 4096;

/// The digests of the plans that this working copy made.
pub struct Seals {
    /// Files that can hold them, the preferred one first.
    places: Vec<PathBuf>,
}

impl Seals {
    /// Where the seals of the project in `root` are kept.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let full = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let mut places = Vec::new();
        if let Some(repository) = git::repository(&full) {
            // A repository can hold several projects, and can be moved as a whole.
            let inner = full.strip_prefix(&repository.top).unwrap_or(&full);
            places.push(repository.directory.join("scaffold").join(name(inner)));
        }
        places.extend(state_folder().map(|folder| folder.join("scaffold").join(name(&full))));
        Self { places }
    }

    /// Whether this working copy made the plan.
    #[must_use]
    pub fn has(&self, plan: &[u8]) -> bool {
        let seal = digest::of(plan);
        self.places.iter().any(|place| read(place).contains(&seal))
    }

    /// Notes down that this working copy made the plan.
    ///
    /// # Errors
    /// What the operating system says of the last place that was tried.
    pub fn add(&self, disk: &dyn Disk, plan: &[u8]) -> io::Result<()> {
        let mut result = Err(io::Error::other(
            "there is no place to note down the operation: no git repository, and no home folder",
        ));
        for place in &self.places {
            result = add_to(disk, place, digest::of(plan)).map_err(|error| {
                let place = place.display();
                io::Error::new(error.kind(), format!("noting it down in `{place}`: {error}"))
            });
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

fn add_to(disk: &dyn Disk, place: &Path, seal: String) -> io::Result<()> {
    let folder = place.parent().unwrap_or(place);
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    for above in missing.into_iter().rev() {
        disk.create_folder(above)?;
    }
    if fs::symlink_metadata(folder)?.is_symlink() {
        return Err(io::Error::other(format!("`{}` is a symbolic link", folder.display())));
    }
    let mut seals = read(place);
    seals.retain(|other| *other != seal);
    seals.push(seal);
    let text = seals[seals.len().saturating_sub(KEPT)..].join("\n") + "\n";
    let next = place.with_extension("next");
    if fs::symlink_metadata(&next).is_ok() {
        disk.remove_file(&next)?;
    }
    let written =
        disk.write(&next, text.as_bytes(), false, None).and_then(|()| disk.rename(&next, place));
    if written.is_err() {
        // What cannot be removed now is removed by the next operation.
        let _ = disk.remove_file(&next);
    }
    written
}

fn read(place: &Path) -> Vec<String> {
    let is_file = fs::symlink_metadata(place).is_ok_and(|metadata| metadata.is_file());
    let mut text = String::new();
    if is_file && let Ok(file) = fs::File::open(place) {
        // Without its seal a journal is not ours, whatever the reason.
        let _ = file.take(LARGEST).read_to_string(&mut text);
    }
    text.lines().map(str::to_owned).collect()
}

/// A file name for a project.
fn name(path: &Path) -> String {
    const LENGTH: usize = 32;
    let mut name = hex(&Sha256::digest(path.as_os_str().as_encoded_bytes()));
    name.truncate(LENGTH);
    name
}

/// The folder in which programs keep what they know of this machine.
fn state_folder() -> Option<PathBuf> {
    let folder = |variable: &str| {
        std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute())
    };
    if cfg!(windows) {
        return folder("LOCALAPPDATA");
    }
    folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")))
}
