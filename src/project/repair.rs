//! After a merge of branches, or what git does like one: lock and base are binary or generated, so git cannot merge them.
//! They are rebuilt from what both parents committed, with `scaffold.toml` as the truth.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use similar::TextMerge;

use crate::disk::git::{self, Parents};
use crate::merge::decide::{Conflict, Content, Merge, Ours, Rules, has_markers, merge};
use crate::pack::load::Pack;
use crate::project::state::{Project, read_state_file};
use crate::render::tree::{File, Tree};
use crate::text::error::Error;
use crate::text::path::{BASE_FILE, LOCK_FILE, SELECTION_FILE};

/// The state of both parents of a merge.
#[derive(Debug)]
pub struct Repaired {
    /// The state to go on from: that of the side that was merged into.
    pub state: Project,
    root: PathBuf,
    parents: Parents,
    theirs: Project,
    /// The state that both come from, where it can be read.
    common: Option<Project>,
}

/// The states of both parents, where a merge is under way, or has just been committed with a
/// lock and a base that do not fit.
///
/// # Errors
/// [`Error::Conflicts`] where `scaffold.toml` is not merged: it is the one file that people settle.
pub fn repaired(pack: &Pack, root: &Path, selection: &str) -> Result<Option<Repaired>, Error> {
    let Some(parents) = git::parents(root) else {
        return Ok(None);
    };
    let read = |commit: &str| -> Option<Project> {
        let lock = git::content(root, commit, LOCK_FILE)?;
        let base = git::content(root, commit, BASE_FILE)?;
        Project::read(std::str::from_utf8(&lock).ok()?, &base).ok()
    };
    let here = |path: &str| read_state_file(root, path).ok().flatten();
    let now = here(LOCK_FILE)
        .zip(here(BASE_FILE))
        .and_then(|(lock, base)| Project::read(std::str::from_utf8(&lock).ok()?, &base).ok());
    let (Some(state), Some(theirs)) = (read(&parents.ours), read(&parents.theirs)) else {
        return Ok(None);
    };
    let common = read(&parents.base);
    // A state that is neither parent's, and fits, was made by an operation since.
    let is_settled = now.as_ref().is_some_and(|now| {
        let is = |parent: &Project| now.lock.base == parent.lock.base;
        state.lock.base == theirs.lock.base || (!is(&state) && !is(&theirs)) || {
            // The merge was committed, and one side had nothing of its own.
            common.as_ref().is_some_and(|common| {
                let (other, used) = if is(&state) { (&theirs, &state) } else { (&state, &theirs) };
                other.lock.base == common.lock.base && is(used)
            })
        }
    });
    if is_settled {
        return Ok(None);
    }
    if has_markers(selection.as_bytes()) {
        return Err(Error::Conflicts {
            message: format!("`{SELECTION_FILE}` is not merged"),
            hint: "settle that file alone, then: scaffold apply".to_owned(),
        });
    }
    // Whichever side is at the version in use says what the project is rendered by.
    let digest = pack.digest();
    let (state, theirs, parents) =
        if state.lock.pack.digest != digest && theirs.lock.pack.digest == digest {
            let Parents { ours, theirs: other, base } = parents;
            (theirs, state, Parents { ours: other, theirs: ours, base })
        } else {
            (state, theirs, parents)
        };
    Ok(Some(Repaired { state, root: root.to_owned(), parents, theirs, common }))
}

impl Repaired {
    /// Carries the edits of both sides over to what is rendered now, and puts them together.
    pub fn merge(
        &self,
        look: &mut dyn FnMut(&str) -> Ours,
        rendered: &Tree,
        rules: &Rules,
    ) -> Merge {
        let mut result = Merge::default();
        let bases = [&self.state.base, &self.theirs.base];
        let paths: BTreeSet<&str> = bases
            .iter()
            .flat_map(|base| base.iter())
            .chain(rendered.iter())
            .map(|(path, _)| path)
            .collect();
        for path in paths {
            let now = rendered.get(path);
            let there = look(path);
            let is_rendered = match (&there, now) {
                (Ours::File(content), Some(now)) => content.bytes == now.bytes,
                (Ours::Absent, None) => true,
                _ => false,
            };
            if is_rendered {
                continue;
            }
            let committed = |commit: &str| match git::content(&self.root, commit, path) {
                // Git's own answer knows no bit; the one in the tree stands.
                Some(bytes) => Ours::File(Content {
                    bytes: bytes.into(),
                    executable: matches!(&there, Ours::File(content) if content.executable),
                }),
                None => Ours::Absent,
            };
            let sides = [committed(&self.parents.ours), committed(&self.parents.theirs)];
            let one = if self.is_made_by_git(path, &there, &sides) {
                let [first, second] = &sides;
                let first = single(path, self.state.base.get(path), first, now, rules);
                let second = single(path, self.theirs.base.get(path), second, now, rules);
                let both = self.common.as_ref().map(|common| {
                    let there = committed(&self.parents.base);
                    single(path, common.base.get(path), &there, now, rules)
                });
                let both = match both {
                    Some((after, merge)) if merge.conflicts.is_empty() => after.map(as_file),
                    _ => now.cloned(),
                };
                together(path, both.as_ref(), now, first, second, rules)
            } else {
                let [first, second] = bases.map(|base| base.get(path));
                let was = now.or(first).or(second);
                single(path, was, &there, now, rules)
            };
            let (after, merge) = one;
            let changed = match (&there, &after) {
                (Ours::File(content), Some(after)) => content != after,
                (Ours::Absent, None) | (Ours::Other(_), _) => false,
                _ => true,
            };
            if changed {
                result.changes.insert(path.to_owned(), after);
            }
            result.conflicts.extend(merge.conflicts);
            result.own.extend(merge.own);
            for (other, content) in merge.changes {
                if other != path {
                    result.changes.insert(other, content);
                }
            }
        }
        result.conflicts.sort();
        result.conflicts.dedup();
        result
    }

    /// Whether the file in the tree is what git made of both sides, not what somebody wrote
    /// while merging.
    fn is_made_by_git(&self, path: &str, there: &Ours, sides: &[Ours; 2]) -> bool {
        let Ours::File(content) = there else {
            return matches!(there, Ours::Absent);
        };
        if has_markers(&content.bytes)
            || sides.iter().any(|side| bytes(side) == Some(&content.bytes))
        {
            return true;
        }
        let common = git::content(&self.root, &self.parents.base, path).unwrap_or_default();
        let texts =
            [Some(&common[..]), bytes(&sides[0]).map(|b| &**b), bytes(&sides[1]).map(|b| &**b)]
                .map(|bytes| bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()));
        match texts {
            [Some(common), Some(first), Some(second)] => {
                let merge = TextMerge::from_lines(common, first, second);
                merge.to_string().as_bytes() == &*content.bytes
            }
            _ => false,
        }
    }
}

fn bytes(side: &Ours) -> Option<&Cow<'static, [u8]>> {
    match side {
        Ours::File(content) => Some(&content.bytes),
        _ => None,
    }
}

/// Merges one path as a project of its own; gives what is there afterwards.
fn single(
    path: &str,
    base: Option<&File>,
    ours: &Ours,
    theirs: Option<&File>,
    rules: &Rules,
) -> (Option<Content>, Merge) {
    let tree = |file: Option<&File>| {
        let mut tree = Tree::default();
        if let Some(file) = file {
            tree.insert(path.to_owned(), file.clone());
        }
        tree
    };
    let mut look = |other: &str| if other == path { ours.clone() } else { Ours::Absent };
    let merge = merge(&tree(base), &mut look, &tree(theirs), rules);
    let after = match merge.changes.get(path) {
        Some(after) => after.clone(),
        None => match ours {
            Ours::File(content) => Some(content.clone()),
            _ => None,
        },
    };
    (after, merge)
}

fn as_file(content: Content) -> File {
    File {
        bytes: content.bytes,
        executable: content.executable,
        component: String::new(),
        source: String::new(),
    }
}

/// Puts the edits of both sides together, each already on top of what is rendered now; `both` is
/// that with the edits that they have in common.
fn together(
    path: &str,
    both: Option<&File>,
    now: Option<&File>,
    first: (Option<Content>, Merge),
    second: (Option<Content>, Merge),
    rules: &Rules,
) -> (Option<Content>, Merge) {
    let conflicts: Vec<Conflict> =
        first.1.conflicts.iter().chain(&second.1.conflicts).cloned().collect();
    let ours = first.0.map_or(Ours::Absent, Ours::File);
    let theirs = second.0.map(as_file);
    // One side may not have had the component: its file is then what is rendered now.
    let ours = match (ours, &theirs) {
        (Ours::Absent, Some(theirs)) if conflicts.is_empty() => Ours::File(Content::from(theirs)),
        (ours, _) => ours,
    };
    let both = both.filter(|_| now.is_some());
    let (after, mut merge) = single(path, both, &ours, theirs.as_ref(), rules);
    merge.conflicts.extend(conflicts);
    merge.own.clear();
    (after, merge)
}
