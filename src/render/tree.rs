//! The rendered project in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::text::digest::{self, hex};

/// A file of a [`Tree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its content.
    pub bytes: Cow<'static, [u8]>,
    /// Whether it gets the executable bit.
    pub executable: bool,
    /// The component that it belongs to.
    pub component: String,
    /// The file of the pack that it was made from.
    pub source: String,
}

impl File {
    /// A file of the program itself, which belongs to no component.
    #[must_use]
    pub fn own(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Cow::Owned(bytes),
            executable: false,
            component: String::new(),
            source: String::new(),
        }
    }
}

/// Paths, with `/` between their parts, and what is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    files: BTreeMap<String, File>,
}

impl Tree {
    /// Adds a file; gives back the one that was there under the same path.
    pub fn insert(&mut self, path: String, file: File) -> Option<File> {
        self.files.insert(path, file)
    }

    /// Adds all files of another tree.
    pub fn extend(&mut self, other: Self) {
        self.files.extend(other.files);
    }

    /// The file at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// All files, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// Number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Size of all files together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.files.values().map(|file| file.bytes.len()).sum()
    }

    /// `sha256:` over paths, contents and executable bits, in order of the paths.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (path, file) in &self.files {
            hasher.update(path.len().to_le_bytes());
            hasher.update(path);
            hasher.update([u8::from(file.executable)]);
            hasher.update(file.bytes.len().to_le_bytes());
            hasher.update(&file.bytes);
        }
        format!("sha256:{}", hex(&hasher.finalize()))
    }
}

impl File {
    /// `sha256:` of the content.
    #[must_use]
    pub fn digest(&self) -> String {
        digest::of(&self.bytes)
    }
}
