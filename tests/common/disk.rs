//! A disk that fails at a step, for what must hold wherever a program is stopped.

use std::cell::Cell;
use std::io;
use std::path::Path;

use scaffold::disk::writer::{Disk, LocalDisk};

/// How the disk ends at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed before the step: nothing happens from there on.
    KilledBefore,
    /// The process is killed in the step: half a file is written, or the step is the last one.
    KilledWithin,
    /// The disk is full from that step on: writing fails, moving and removing work.
    Full,
    /// That one step fails, and the next ones work.
    Once,
    /// That one step fails, and the process is killed so many steps later.
    OnceThenKilled(usize),
}

/// Every one.
pub const FAULTS: [Fault; 6] = [
    Fault::KilledBefore,
    Fault::KilledWithin,
    Fault::Full,
    Fault::Once,
    Fault::OnceThenKilled(1),
    Fault::OnceThenKilled(5),
];

/// A disk that fails at a step.
pub struct FaultyDisk {
    fault: Fault,
    at: usize,
    step: Cell<usize>,
}

impl FaultyDisk {
    /// A disk that is whole up to the step with this number.
    pub fn new(fault: Fault, at: usize) -> Self {
        Self { fault, at, step: Cell::new(0) }
    }

    /// Whether there was such a step.
    pub fn was_reached(&self) -> bool {
        self.step.get() > self.at
    }

    /// Does a step, or what the fault makes of it. `half` is what is done of one that is cut short.
    fn run(
        &self,
        needs_space: bool,
        whole: impl Fn() -> io::Result<()>,
        half: impl Fn() -> io::Result<()>,
    ) -> io::Result<()> {
        let step = self.step.replace(self.step.get() + 1);
        let killed = || Err(io::Error::other("killed"));
        let full = || Err(io::Error::from(io::ErrorKind::StorageFull));
        match self.fault {
            Fault::KilledBefore if step >= self.at => killed(),
            Fault::KilledWithin if step > self.at => killed(),
            Fault::KilledWithin if step == self.at => half().and_then(|()| killed()),
            Fault::Full if step >= self.at && needs_space => half().and_then(|()| full()),
            Fault::Once | Fault::OnceThenKilled(_) if step == self.at => full(),
            Fault::OnceThenKilled(later) if step > self.at + later => killed(),
            _ => whole(),
        }
    }
}

impl Disk for FaultyDisk {
    fn write(
        &self,
        path: &Path,
        bytes: &[u8],
        executable: bool,
        like: Option<&Path>,
    ) -> io::Result<()> {
        let whole = || LocalDisk.write(path, bytes, executable, like);
        let half = || LocalDisk.write(path, &bytes[..bytes.len() / 2], executable, like);
        self.run(true, whole, half)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(true, || LocalDisk.link(from, to), || Ok(()))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(false, || LocalDisk.rename(from, to), || LocalDisk.rename(from, to))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.run(true, || LocalDisk.create_folder(path), || Ok(()))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.run(false, || LocalDisk.remove_file(path), || LocalDisk.remove_file(path))
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.run(false, || LocalDisk.remove_folder(path), || LocalDisk.remove_folder(path))
    }
}
