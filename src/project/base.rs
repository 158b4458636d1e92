//! What was rendered last time, kept in the project as one archive that is the same bytes
//! wherever it is written: sorted paths, no owner, no time.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Read as _, Write};
use std::panic::resume_unwind;
use std::thread;

use sha2::{Digest as _, Sha256};

use crate::pack::embedded::{self, Run};
use crate::render::tree::{File, Tree};
use crate::text::archive;
use crate::text::digest::{self, hex};
use crate::text::path::unusable;

/// Level 1 keeps `new` as fast as copying; the next levels save a few percent.
const LEVEL: i32 = 1;
/// A damaged archive, or one that somebody made for it, must not fill the memory. The largest
/// selection of the built-in pack has 2 MiB.
const LARGEST: u64 = 1 << 28;

/// An archive and what the lock says of it.
pub struct Base {
    /// The compressed archive.
    pub bytes: Vec<u8>,
    /// `sha256:` over the archive before compression, so that another level or version of zstd
    /// is no difference.
    pub digest: String,
}

/// Packs a tree, and makes `beside` of its digest meanwhile. What was compressed when the program was
/// built is taken as it is: the bytes depend on the tree alone, wherever its files are from.
///
/// # Panics
/// Where memory cannot be written to.
#[must_use]
pub fn packed<T>(tree: &Tree, beside: impl FnOnce(&str) -> T) -> (Base, T) {
    let header = archive::header();
    let mut archive = tar::Builder::new(Packer::default());
    let files: Vec<(&str, &File)> = tree.iter().collect();
    let mut rest = files.as_slice();
    while let Some((path, _)) = rest.first() {
        let run = embedded::runs_from(path).iter().find(|run| starts_with(rest, run));
        let count = run.map_or(1, |run| run.files.len());
        archive.get_mut().begin(run.map(|run| run.compressed));
        for (path, file) in &rest[..count] {
            archive::append(&mut archive, &header, path, &file.bytes, file.executable)
                .expect("writing to memory does not fail");
        }
        rest = &rest[count..];
    }
    archive.get_mut().begin(None);
    let packer = archive.into_inner().expect("writing to memory does not fail");
    packer.finish(beside)
}

/// Whether the files begin with those of a run.
fn starts_with(files: &[(&str, &File)], run: &Run) -> bool {
    files.len() >= run.files.len()
        && run
            .files
            .iter()
            .zip(files)
            .all(|(copied, (path, file))| copied.is(path, &file.bytes, file.executable))
}

/// Takes an archive as it is written, and hashes it. Compresses all of it but what is there
/// compressed already.
#[derive(Default)]
struct Packer {
    hasher: Sha256,
    parts: Vec<Part>,
}

/// A piece of an archive; compressed alone, so that pieces of one archive stand behind one another.
enum Part {
    Raw(Vec<u8>),
    Compressed(&'static [u8]),
}

impl Packer {
    /// What is written from here on is what `compressed` holds, or else has to be compressed.
    fn begin(&mut self, compressed: Option<&'static [u8]>) {
        match (compressed, self.parts.last()) {
            (Some(bytes), _) => self.parts.push(Part::Compressed(bytes)),
            (None, Some(Part::Raw(_))) => {}
            (None, _) => self.parts.push(Part::Raw(Vec::new())),
        }
    }

    fn finish<T>(self, beside: impl FnOnce(&str) -> T) -> (Base, T) {
        let digest = format!("sha256:{}", hex(&self.hasher.finalize()));
        let parts = self.parts;
        // Both take about as long, and neither needs the other.
        thread::scope(|scope| {
            let compressed = scope.spawn(move || compressed(&parts));
            let made = beside(&digest);
            let bytes = compressed
                .join()
                .unwrap_or_else(|panic| resume_unwind(panic))
                .expect("compressing memory does not fail");
            (Base { bytes, digest }, made)
        })
    }
}

impl Write for Packer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        if let Some(Part::Raw(part)) = self.parts.last_mut() {
            part.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn compressed(parts: &[Part]) -> io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    let mut bytes = Vec::new();
    for part in parts {
        match part {
            Part::Raw(part) => bytes.extend(compressor.compress(part)?),
            Part::Compressed(part) => bytes.extend_from_slice(part),
        }
    }
    Ok(bytes)
}

/// The tree in an archive, and the digest that the lock should name. Components and sources are
/// empty: the archive does not know them.
///
/// # Errors
/// What is wrong with the archive, in a few words.
pub fn unpacked(bytes: &[u8]) -> Result<(Tree, String), String> {
    let mut archive = Vec::new();
    zstd::Decoder::new(bytes)
        .and_then(|decoder| decoder.take(LARGEST + 1).read_to_end(&mut archive))
        .map_err(|error| error.to_string())?;
    if archive.len() as u64 > LARGEST {
        return Err(format!("it has more than {LARGEST} bytes"));
    }
    let mut tree = Tree::default();
    let mut folded: BTreeSet<String> = BTreeSet::new();
    let mut reader = tar::Archive::new(archive.as_slice());
    let entries = reader.entries().map_err(|error| error.to_string())?;
    for entry in entries {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path_bytes();
        let Ok(path) = std::str::from_utf8(&path).map(str::to_owned) else {
            return Err("a path in it is not UTF-8".to_owned());
        };
        if let Some(reason) = unusable(&path) {
            return Err(reason);
        }
        if !folded.insert(path.to_lowercase()) {
            return Err(format!("`{path}` is in it twice, or differs in case alone"));
        }
        // Others are links, devices, and files with holes that can be larger than any memory.
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(format!("`{path}` is not a plain file"));
        }
        let executable = entry.header().mode().map_err(|error| error.to_string())? & 0o100 != 0;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| error.to_string())?;
        if content.len() as u64 != entry.size() {
            return Err(format!("`{path}` is cut short"));
        }
        tree.insert(
            path,
            File {
                bytes: Cow::Owned(content),
                executable,
                component: String::new(),
                source: String::new(),
            },
        );
    }
    Ok((tree, digest::of(&archive)))
}
