//! Which paths a project may have: the same ones on every platform, and never git's own. Whatever
//! is written or removed has passed here, wherever its path came from: a pack, a base, a journal.

use std::fs;
use std::path::Path;

use crate::text::name::is_device_name;

/// What was chosen: people read and edit it.
pub const SELECTION_FILE: &str = "scaffold.toml";
/// What was rendered, file by file.
pub const LOCK_FILE: &str = "scaffold.lock";
/// The rendering itself.
pub const BASE_FILE: &str = ".scaffold/base.tar.zst";
/// Paths in the project that the program writes itself.
pub const STATE_FILES: [&str; 3] = [SELECTION_FILE, LOCK_FILE, BASE_FILE];

/// Longer paths, and longer names in them, are refused by one or another file system; in bytes.
const LONGEST: usize = 1024;
const LONGEST_NAME: usize = 255;
/// Characters that the file systems of macOS leave out when they compare names.
const IGNORED: [char; 16] = [
    '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}',
    '\u{202e}', '\u{206a}', '\u{206b}', '\u{206c}', '\u{206d}', '\u{206e}', '\u{206f}', '\u{feff}',
];

/// Why a path cannot be part of a project, on this or on another platform.
#[must_use]
pub fn unusable(path: &str) -> Option<String> {
    let longest_name = path.split('/').map(str::len).max().unwrap_or(0);
    if path.len() > LONGEST || longest_name > LONGEST_NAME {
        return Some(format!("a path of {} bytes, a name of {longest_name}: too long", path.len()));
    }
    let shown = shown(path);
    for part in path.split('/') {
        if part.is_empty() || part == "." || part == ".." {
            return Some(format!("`{shown}` leaves the destination"));
        }
        if let Some(character) = part
            .chars()
            .find(|c| c.is_control() || matches!(c, '\\' | ':' | '<' | '>' | '"' | '|' | '?' | '*'))
        {
            return Some(format!(
                "`{shown}` has `{}` in it, which not every file system takes",
                character.escape_debug()
            ));
        }
        if part.ends_with(['.', ' ']) {
            return Some(format!(
                "`{shown}` has a part that ends with a dot or a space, which Windows drops"
            ));
        }
        if is_device_name(part) {
            return Some(format!("`{shown}` has the name of a Windows device in it"));
        }
        if is_git_folder(part) {
            return Some(format!("`{shown}` is git's own: what is there can run as a program"));
        }
    }
    None
}

/// A path as a terminal may show it: what would steer the terminal is written out.
fn shown(path: &str) -> String {
    let mut shown = String::with_capacity(path.len());
    for character in path.chars() {
        if character.is_control() || IGNORED.contains(&character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Why `path` of the project in `root` must not be written to: it cannot be part of a project, or
/// a link or a file stands where one of its folders should be.
#[must_use]
pub fn unsafe_in(root: &Path, path: &str) -> Option<String> {
    if let Some(reason) = unusable(path) {
        return Some(reason);
    }
    path.match_indices('/').map(|(end, _)| &path[..end]).find_map(|folder| {
        let metadata = fs::symlink_metadata(root.join(folder)).ok()?;
        let kind = if metadata.is_symlink() { "a symbolic link" } else { "a file" };
        (!metadata.is_dir()).then(|| format!("`{folder}` of `{path}` is {kind}, not a folder"))
    })
}

/// Whether a file system takes a name for `.git`: in any case, with characters that it ignores, or
/// in the short form that Windows makes of it.
fn is_git_folder(part: &str) -> bool {
    let plain: String =
        part.chars().filter(|c| !IGNORED.contains(c)).collect::<String>().to_lowercase();
    let short = plain.strip_prefix("git~").or_else(|| plain.strip_prefix(".git~"));
    plain == ".git" || short.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
