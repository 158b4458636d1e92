//! Decides, for each path, what an operation leaves there: from what was rendered last time
//! (base), what the user has (ours) and what is rendered now (theirs). Pure: nothing is read or
//! written here, and nothing that only the user wrote is ever dropped.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use similar::{MergeResolution, TextMerge};

use crate::merge::keyed::{self, Overlap, still_says};
use crate::merge::syntax::Language;
use crate::render::tree::{File, Tree};
use crate::text::digest;

/// What stands beside a file that cannot be merged, behind its name.
pub const BESIDE: &str = ".theirs";
/// The words behind the markers.
const OURS: &str = "yours";
const THEIRS: &str = "rendered now";
/// The marker between both versions.
const SEPARATOR: &str = "=======";

/// A file as an operation finds or leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// Its executable bit.
    pub executable: bool,
}

/// What the user has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ours {
    /// Nothing.
    Absent,
    /// A file.
    File(Content),
    /// Something that is not ours to touch, such as a folder or a symbolic link.
    Other(&'static str),
}

/// Why a path needs a person.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ConflictKind {
    /// Lines overlap; both versions stand in the file, between markers.
    Markers,
    /// A key of a JSON or TOML file was changed on both sides; the user's value is kept.
    Key,
    /// The file cannot be merged; the new version stands beside it.
    Beside,
    /// The file is no longer rendered, but was edited; it is kept.
    Kept,
    /// A lock file was changed on both sides; the user's is kept and has to be renewed.
    Stale,
    /// Something that is not a plain file is in the way.
    Blocked,
}

/// A path that needs a person, as the lock records it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// The path in the project.
    pub path: String,
    /// Why it needs a person.
    pub kind: ConflictKind,
    /// The key, as a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The user's value of the key, as text; absent where they removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<String>,
    /// The newly rendered value of the key, as text, absent where it is gone; or the path of the
    /// new version that stands beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<String>,
    /// The command that renews a lock file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew: Option<String>,
    /// Digest of a lock file as the operation left it: one that has changed since is renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many lines of a file with markers read `=======` and are no marker, as below a
    /// heading of Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlines: Option<usize>,
}

impl Conflict {
    /// A path that needs a person for this reason, and nothing to say beside it.
    pub(crate) fn new(path: &str, kind: ConflictKind) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            pointer: None,
            ours: None,
            theirs: None,
            renew: None,
            digest: None,
            underlines: None,
        }
    }

    fn overlap(path: &str, overlap: Overlap) -> Self {
        Self {
            pointer: Some(overlap.pointer),
            ours: overlap.ours,
            theirs: overlap.theirs,
            ..Self::new(path, ConflictKind::Key)
        }
    }
}

/// What the pack says about merging, by path in the project.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Lock files, and the command that renews each.
    pub locks: BTreeMap<String, String>,
    /// Former path by new path, for what has only one successor and moves in whichever version it is met.
    pub renamed: BTreeMap<String, String>,
    /// New path by former path, for what the migrations send elsewhere.
    pub migrated: BTreeMap<String, String>,
    /// Files that the user had before they were rendered: never removed.
    pub own: BTreeSet<String>,
}

/// What an operation does to a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merge {
    /// What is at each path afterwards, where that differs from what the user has: `None` is
    /// nothing.
    pub changes: BTreeMap<String, Option<Content>>,
    /// Paths that need a person.
    pub conflicts: Vec<Conflict>,
    /// Files that moved along with those of the pack: former path to new path.
    pub moved: BTreeMap<String, String>,
    /// Paths that the user deleted and that would have changed: they stay deleted.
    pub stay_deleted: Vec<String>,
    /// Paths that the user had already, as they are rendered now.
    pub own: BTreeSet<String>,
    /// New versions that cannot be merged, by the path that they belong to.
    beside: BTreeMap<String, Content>,
}

/// Merges what lies where it lay; `ours` tells what the user has at a path.
#[must_use]
pub fn merge(
    base: &Tree,
    ours: &mut dyn FnMut(&str) -> Ours,
    theirs: &Tree,
    rules: &Rules,
) -> Merge {
    let mut merge = Merge::default();
    let paths: BTreeSet<&str> =
        base.iter().map(|(path, _)| path).chain(theirs.iter().map(|(path, _)| path)).collect();
    for path in paths {
        let (was, new) = (base.get(path), theirs.get(path));
        if was.is_some() && was == new && !rules.own.contains(path) {
            // Rendered as before: whatever the user has, stays.
            continue;
        }
        decide(&mut merge, path, was, ours(path), new, rules);
    }
    for (path, content) in std::mem::take(&mut merge.beside) {
        let name = free_name(&path, &content, ours);
        for conflict in merge.conflicts.iter_mut().filter(|conflict| conflict.path == path) {
            conflict.theirs = Some(name.clone());
        }
        merge.changes.insert(name, Some(content));
    }
    merge.conflicts.sort();
    merge
}

/// A name beside `path` that the user has not taken.
fn free_name(path: &str, content: &Content, ours: &mut dyn FnMut(&str) -> Ours) -> String {
    let mut name = format!("{path}{BESIDE}");
    let mut number = 1;
    while match ours(&name) {
        Ours::Absent => false,
        Ours::File(there) => there.bytes != content.bytes,
        Ours::Other(_) => true,
    } {
        number += 1;
        name = format!("{path}{BESIDE}-{number}");
    }
    name
}

/// Decides one path, case by case as the table in the design has it.
fn decide(
    merge: &mut Merge,
    path: &str,
    base: Option<&File>,
    ours: Ours,
    theirs: Option<&File>,
    rules: &Rules,
) {
    let is_own = rules.own.contains(path);
    let content = match ours {
        Ours::Other(_) => {
            if theirs.is_some() && base.map(|base| &base.bytes) != theirs.map(|file| &file.bytes) {
                merge.conflicts.push(Conflict::new(path, ConflictKind::Blocked));
            }
            return;
        }
        Ours::Absent => {
            match (base, theirs) {
                (None, Some(new)) => {
                    merge.changes.insert(path.to_owned(), Some(Content::from(new)));
                }
                (Some(was), Some(new)) if !same(was, new) => {
                    merge.stay_deleted.push(path.to_owned());
                }
                _ => {}
            }
            return;
        }
        Ours::File(content) => content,
    };
    let normal = normalised(&content.bytes, base, theirs);
    let Some(new) = theirs else {
        let was = base.expect("a path is in the base or rendered");
        let edited = *normal != *was.bytes || content.executable != was.executable;
        if is_own {
            // It was the user's before it was ours, so it stays and nothing is asked.
        } else if edited {
            merge.conflicts.push(Conflict::new(path, ConflictKind::Kept));
        } else {
            merge.changes.insert(path.to_owned(), None);
        }
        return;
    };
    let executable = match base {
        Some(was) if was.executable == content.executable => new.executable,
        _ => content.executable,
    };
    let merged: Cow<[u8]> = if base.is_some_and(|was| *was.bytes == *normal) {
        Cow::Owned(like(&content.bytes, &new.bytes))
    } else if *normal == *new.bytes {
        if base.is_none() {
            merge.own.insert(path.to_owned());
        }
        content.bytes.clone()
    } else if base.is_some_and(|was| was.bytes == new.bytes) {
        content.bytes.clone()
    } else {
        let was = base.map_or(&[][..], |base| &base.bytes);
        overlapping(merge, path, was, &normal, &content.bytes, new, rules)
    };
    if merged != content.bytes || executable != content.executable {
        let bytes = Cow::Owned(merged.into_owned());
        merge.changes.insert(path.to_owned(), Some(Content { bytes, executable }));
    }
    if is_own {
        merge.own.insert(path.to_owned());
    }
}

/// All three differ: the user's bytes with what can be merged into them.
fn overlapping<'a>(
    merge: &mut Merge,
    path: &str,
    base: &[u8],
    normal: &[u8],
    ours: &'a [u8],
    theirs: &File,
    rules: &Rules,
) -> Cow<'a, [u8]> {
    if let Some(renew) = rules.locks.get(path) {
        merge.conflicts.push(Conflict {
            renew: Some(renew.clone()),
            digest: Some(digest::of(ours)),
            ..Conflict::new(path, ConflictKind::Stale)
        });
        return Cow::Borrowed(ours);
    }
    let texts = (text(base), text(normal), text(&theirs.bytes));
    let (Some(was), Some(own), Some(new)) = texts else {
        return beside(merge, path, ours, theirs);
    };
    if has_markers(ours) {
        // Markers within markers cannot be read by anybody.
        return beside(merge, path, ours, theirs);
    }
    let mut by_lines = TextMerge::from_lines(was, own, new);
    by_lines.labels("rendered before", OURS, THEIRS);
    let conflicted = by_lines.is_conflicted();
    let merged = by_lines.to_string();
    if let Some(language) = Language::of(path)
        && (conflicted || !language.reads(&merged, &[was, own, new]))
        && let Some((merged, overlaps)) = keyed::merge(language, was, own, new)
    {
        let clean = overlaps.is_empty();
        let listed = overlaps.into_iter().map(|overlap| Conflict::overlap(path, overlap));
        merge.conflicts.extend(listed);
        if clean && base.is_empty() {
            merge.conflicts.push(Conflict {
                pointer: Some(String::new()),
                ..Conflict::new(path, ConflictKind::Key)
            });
        }
        return Cow::Owned(like(ours, merged.as_bytes()));
    }
    if conflicted {
        let regions = by_lines.regions().iter();
        let written =
            regions.filter(|region| region.resolution() == MergeResolution::Conflict).count();
        let separators = merged.lines().filter(|line| *line == SEPARATOR).count();
        merge.conflicts.push(Conflict {
            underlines: Some(separators.saturating_sub(written)).filter(|count| *count > 0),
            ..Conflict::new(path, ConflictKind::Markers)
        });
    }
    Cow::Owned(like(ours, merged.as_bytes()))
}

fn beside<'a>(merge: &mut Merge, path: &str, ours: &'a [u8], theirs: &File) -> Cow<'a, [u8]> {
    merge.beside.insert(path.to_owned(), Content::from(theirs));
    merge.conflicts.push(Conflict::new(path, ConflictKind::Beside));
    Cow::Borrowed(ours)
}

impl From<&File> for Content {
    fn from(file: &File) -> Self {
        Self { bytes: file.bytes.clone(), executable: file.executable }
    }
}

/// Whether a person still has to look at `conflict`, given what is at its path now.
#[must_use]
pub fn is_open(conflict: &Conflict, ours: &mut dyn FnMut(&str) -> Ours) -> bool {
    let own = ours(&conflict.path);
    match (conflict.kind, &own) {
        (ConflictKind::Blocked, own) => matches!(own, Ours::Other(_)),
        (_, Ours::Absent) => false,
        (ConflictKind::Markers, Ours::File(content)) => {
            marker_line(conflict, &content.bytes).is_some()
        }
        (ConflictKind::Key, Ours::File(content)) => {
            let pointer = conflict.pointer.as_deref().unwrap_or_default();
            let wanted = conflict.ours.as_deref().map(str::trim);
            pointer.is_empty()
                || text(&content.bytes)
                    .zip(Language::of(&conflict.path))
                    .is_none_or(|(text, language)| still_says(language, text, pointer, wanted))
        }
        (ConflictKind::Beside, _) => {
            conflict.theirs.as_deref().is_none_or(|beside| !matches!(ours(beside), Ours::Absent))
        }
        (ConflictKind::Stale, Ours::File(content)) => {
            conflict.digest.as_deref() == Some(&digest::of(&content.bytes))
        }
        _ => true,
    }
}

/// Whether there are conflict markers, ours or git's.
#[must_use]
pub fn has_markers(bytes: &[u8]) -> bool {
    let begins =
        |mark: &[u8]| bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(mark));
    begins(b"<<<<<<< ") && begins(b">>>>>>> ")
}

/// Both versions of a text that has whole conflict markers: with what stands before `=======`, and
/// with what stands behind it. `None` where a marker is missing.
#[must_use]
pub fn versions(text: &str) -> Option<[String; 2]> {
    let mut versions = [String::new(), String::new()];
    // In which version a line is: both, the first, the common one that some settings show, the
    // second.
    let mut part = 0;
    for line in text.split_inclusive('\n') {
        let marker = |mark: &str| line.trim_end() == mark || line.starts_with(&format!("{mark} "));
        let next =
            ["<<<<<<<", "|||||||", SEPARATOR, ">>>>>>>"].iter().position(|mark| marker(mark));
        part = match (part, next) {
            (0, Some(0)) => 1,
            (1, Some(1)) => 2,
            (1 | 2, Some(2)) => 3,
            (3, Some(3)) => 0,
            (_, Some(_)) => return None,
            (part, None) => {
                if part == 0 || part == 1 {
                    versions[0].push_str(line);
                }
                if part == 0 || part == 3 {
                    versions[1].push_str(line);
                }
                part
            }
        };
    }
    (part == 0).then_some(versions)
}

/// The first line, from 1, that still is one of the markers of `conflict`: each of them counts
/// alone, since a file of which some are gone is as broken as one that has them all.
#[must_use]
pub fn marker_line(conflict: &Conflict, bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes);
    let lines = || text.lines().zip(1..);
    let (begin, end) = (format!("<<<<<<< {OURS}"), format!(">>>>>>> {THEIRS}"));
    let written = lines().find(|(line, _)| *line == begin || *line == end);
    let separators: Vec<usize> =
        lines().filter(|(line, _)| *line == SEPARATOR).map(|(_, number)| number).collect();
    let between = (separators.len() > conflict.underlines.unwrap_or_default())
        .then(|| separators.first().copied())
        .flatten();
    let other = has_markers(bytes)
        .then(|| lines().find(|(line, _)| line.starts_with("<<<<<<< ")))
        .flatten()
        .map(|(_, number)| number);
    [written.map(|(_, number)| number), between, other].into_iter().flatten().min()
}

/// Whether two renderings of a file are the same file to the user.
fn same(one: &File, other: &File) -> bool {
    one.bytes == other.bytes && one.executable == other.executable
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// The user's bytes as they would be rendered: with LF alone, where every line ends in CRLF and
/// nothing that was rendered has a CR.
fn normalised<'a>(ours: &'a [u8], base: Option<&File>, theirs: Option<&File>) -> Cow<'a, [u8]> {
    let plain = |file: Option<&File>| file.is_none_or(|file| !file.bytes.contains(&b'\r'));
    if ends_in_crlf(ours) && plain(base) && plain(theirs) {
        return Cow::Owned(ours.iter().copied().filter(|byte| *byte != b'\r').collect());
    }
    Cow::Borrowed(ours)
}

/// `merged` with the line endings of `ours`.
fn like(ours: &[u8], merged: &[u8]) -> Vec<u8> {
    if !ends_in_crlf(ours) || merged.contains(&b'\r') {
        return merged.to_vec();
    }
    let mut bytes = Vec::with_capacity(merged.len() + merged.len() / 16);
    for byte in merged {
        if *byte == b'\n' {
            bytes.push(b'\r');
        }
        bytes.push(*byte);
    }
    bytes
}

/// Whether a text has line endings, all of them CRLF, and no other CR.
fn ends_in_crlf(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let pairs = text.matches("\r\n").count();
    pairs > 0 && pairs == text.matches('\n').count() && pairs == text.matches('\r').count()
}
