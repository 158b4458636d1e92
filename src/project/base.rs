//! What was rendered last time, kept in the project as one archive that is the same bytes
//! wherever it is written: sorted paths, no owner, no time.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::panic::resume_unwind;
use std::thread;

use crate::render::tree::{File, Tree};
use crate::text::digest;
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

/// Packs a tree, and makes `beside` of its digest meanwhile.
///
/// # Panics
/// Where memory cannot be written to.
#[must_use]
pub fn packed<T>(tree: &Tree, beside: impl FnOnce(&str) -> T) -> (Base, T) {
    let mut archive = tar::Builder::new(Vec::with_capacity(archived_size(tree)));
    for (path, file) in tree.iter() {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.bytes.len() as u64);
        header.set_mode(if file.executable { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive
            .append_data(&mut header, path, file.bytes.as_ref())
            .expect("writing to memory does not fail");
    }
    let archive = archive.into_inner().expect("writing to memory does not fail");
    // Both take about as long, and neither needs the other.
    thread::scope(|scope| {
        let compressed = scope.spawn(|| zstd::bulk::compress(&archive, LEVEL));
        let digest = digest::of(&archive);
        let made = beside(&digest);
        let bytes = compressed
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))
            .expect("compressing memory does not fail");
        (Base { bytes, digest }, made)
    })
}

/// About how many bytes the archive of a tree has: a header for each file, and its content in
/// whole blocks.
fn archived_size(tree: &Tree) -> usize {
    const BLOCK: usize = 512;
    tree.bytes() + (tree.len() + 1) * 2 * BLOCK
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
