//! The pack inside this program, as the build script made it: its files, and what is known of them
//! without reading them once more.

use std::ptr;

/// A file of the embedded pack.
#[derive(Debug)]
pub struct EmbeddedFile {
    /// Its path in the pack.
    pub path: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// `sha256:` of the content.
    pub digest: &'static str,
    /// What it says as JSON, where it is a manifest: that is read ten times as fast as TOML.
    pub json: Option<&'static str>,
}

/// Files that are copied and follow one another in the archive of a project, whatever else is chosen.
#[derive(Debug)]
pub struct Run {
    /// The files, in the order of their paths in the project.
    pub files: &'static [Copied],
    /// Their entries in the archive, compressed.
    pub compressed: &'static [u8],
}

/// A file that is copied.
#[derive(Debug)]
pub struct Copied {
    /// Its path in the project.
    pub path: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// Whether it gets the executable bit.
    pub executable: bool,
}

// `FILES`, in order of the paths; `RUNS`, in order of the paths of their first files; `DIGEST`.
include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// All files, in order of their paths.
#[must_use]
pub fn files() -> &'static [EmbeddedFile] {
    FILES
}

/// `sha256:` over all paths and contents.
#[must_use]
pub fn digest() -> &'static str {
    DIGEST
}

/// The file at `path`.
#[must_use]
pub fn file(path: &str) -> Option<&'static EmbeddedFile> {
    FILES.binary_search_by(|file| file.path.cmp(path)).ok().map(|index| &FILES[index])
}

/// `sha256:` of `bytes`, where they are a copy of the file `source` of the embedded pack.
#[must_use]
pub fn digest_of_copy(source: &str, bytes: &[u8]) -> Option<&'static str> {
    file(source).filter(|file| are_same(file.bytes, bytes)).map(|file| file.digest)
}

/// What the manifest at `path` says as JSON, where it is that of the embedded pack.
#[must_use]
pub fn json_of(path: &str, bytes: &[u8]) -> Option<&'static str> {
    file(path).filter(|file| are_same(file.bytes, bytes))?.json
}

/// All runs, in order of the paths of their first files.
#[must_use]
pub fn runs() -> &'static [Run] {
    RUNS
}

/// The runs whose first file goes to `path`.
#[must_use]
pub fn runs_from(path: &str) -> &'static [Run] {
    let begin = RUNS.partition_point(|run| run.files[0].path < path);
    let count = RUNS[begin..].partition_point(|run| run.files[0].path == path);
    &RUNS[begin..begin + count]
}

impl Copied {
    /// Whether it is the file of a project with this path, content and executable bit.
    #[must_use]
    pub fn is(&self, path: &str, bytes: &[u8], executable: bool) -> bool {
        self.path == path && self.executable == executable && are_same(self.bytes, bytes)
    }
}

/// Whether two contents are the same; what is borrowed from this program need not be read.
fn are_same(one: &[u8], other: &[u8]) -> bool {
    ptr::eq(one, other) || one == other
}
