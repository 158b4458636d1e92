//! After a merge of branches, or what git does like one: lock and base are binary or generated, so git cannot merge them.
//! They are rebuilt from what both parents committed, with `scaffold.toml` as the truth.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use similar::TextMerge;

use crate::choose::migrated::migrated;
use crate::disk::git::{self, Parents};
use crate::merge::decide::{
    Conflict, ConflictKind, Content, Merge, Ours, Rules, has_markers, merge,
};
use crate::merge::moves::Moves;
use crate::pack::load::Pack;
use crate::pack::migration::Migration;
use crate::pack::versions::is_newer;
use crate::project::state::{Project, read_state_file};
use crate::render::tree::{File, Tree};
use crate::text::path::{BASE_FILE, LOCK_FILE, SELECTION_FILE};

/// The state of both parents of a merge, each in the words of the pack in use.
#[derive(Debug)]
pub struct Repaired {
    root: PathBuf,
    /// The side that was merged into, to go on from, and the other one.
    sides: [Side; 2],
    /// The state that both come from, where it can be read.
    common: Option<Side>,
    /// The commit that both come from.
    base: String,
}

/// One parent of a merge.
#[derive(Debug)]
struct Side {
    commit: String,
    state: Project,
    /// What leads from its version of the pack to the one in use.
    migration: Migration,
}

/// The states of both parents, where a merge is under way, or has just been committed with a
/// lock and a base that do not fit.
#[must_use]
pub fn repaired(pack: &Pack, root: &Path) -> Option<Repaired> {
    let parents = git::parents(root)?;
    let read = |commit: &str| -> Option<Project> {
        let lock = git::content(root, commit, LOCK_FILE)?;
        let base = git::content(root, commit, BASE_FILE)?;
        Project::read(std::str::from_utf8(&lock).ok()?, &base).ok()
    };
    let here = |path: &str| read_state_file(root, path).ok().flatten();
    let now = here(LOCK_FILE)
        .zip(here(BASE_FILE))
        .and_then(|(lock, base)| Project::read(std::str::from_utf8(&lock).ok()?, &base).ok());
    let (state, theirs) = (read(&parents.ours)?, read(&parents.theirs)?);
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
        return None;
    }
    let Parents { ours, theirs: other, base } = parents;
    let side = |commit: String, state: Project| {
        let migration = Migration::since(pack, &state.lock.pack.version);
        Side { commit, state: state.migrated(pack, &migration), migration }
    };
    // Whichever side is at the version in use says what the project is rendered by.
    let digest = pack.digest();
    let is_swapped = state.lock.pack.digest != digest && theirs.lock.pack.digest == digest;
    let mut sides = [side(ours, state), side(other, theirs)];
    if is_swapped {
        sides.reverse();
    }
    let common = common.map(|common| side(base.clone(), common));
    Some(Repaired { root: root.to_owned(), sides, common, base })
}

impl Repaired {
    /// The state to go on from: that of the side that was merged into.
    #[must_use]
    pub fn state(&self) -> &Project {
        &self.sides[0].state
    }

    /// Whether a side is of a version whose names or places are others.
    #[must_use]
    pub fn migrates(&self) -> bool {
        self.sides.iter().any(|side| !side.migration.is_empty())
    }

    /// What leads to the pack in use from the newer one of both versions, which whoever settled
    /// a file by hand went by.
    #[must_use]
    pub fn migration(&self) -> &Migration {
        let [first, second] = &self.sides;
        let version = |side: &Side| side.state.lock.pack.version.clone();
        if is_newer(&version(second), &version(first)) {
            &second.migration
        } else {
            &first.migration
        }
    }

    /// What both sides and the state that they come from say in `scaffold.toml`, in the words of the
    /// pack in use: that state first. `None` where `text` is what somebody wrote while merging.
    #[must_use]
    pub fn selections(&self, pack: &Pack, text: &str) -> Option<[String; 3]> {
        let committed = |commit: &str| {
            let bytes = git::content(&self.root, commit, SELECTION_FILE)?;
            String::from_utf8(bytes).ok()
        };
        let common = self.common.as_ref()?;
        let three = [common, &self.sides[0], &self.sides[1]];
        let [base, ours, theirs] = three.map(|side| committed(&side.commit));
        let texts = [base?, ours?, theirs?];
        let is_made_by_git = has_markers(text.as_bytes())
            || texts[1..].iter().any(|side| side == text)
            || TextMerge::from_lines(&texts[0], &texts[1], &texts[2]).to_string() == text;
        let [base, ours, theirs] = texts;
        let new = |side: &Side, text: &str| migrated(pack, &side.migration, text).text;
        is_made_by_git.then(|| [new(three[0], &base), new(three[1], &ours), new(three[2], &theirs)])
    }

    /// Carries the edits of both sides over to what is rendered now, and puts them together.
    pub fn merge(
        &self,
        pack: &Pack,
        look: &mut dyn FnMut(&str) -> Ours,
        rendered: &Tree,
        rules: &Rules,
    ) -> Merge {
        let mut result = Merge::default();
        // What somebody wrote while merging.
        let mut written: BTreeSet<&str> = BTreeSet::new();
        let mut moved = |side| Moved::new(self, side, rendered, rules, look);
        let [first, second] = &self.sides;
        let sides = [moved(first), moved(second)];
        let common = self.common.as_ref().map(moved);
        let paths: BTreeSet<&str> = sides
            .iter()
            .flat_map(|side| side.base.iter())
            .chain(rendered.iter())
            .map(|(path, _)| path)
            .collect();
        for path in paths {
            let now = rendered.get(path);
            let there = there(path, &sides, rendered, look);
            let is_rendered = match (&there, now) {
                (Ours::File(content), Some(now)) => content.bytes == now.bytes,
                (Ours::Absent, None) => true,
                _ => false,
            };
            if is_rendered && !is_left(path, &sides, look) {
                continue;
            }
            let committed = |side: &Moved| match side.content(self, pack, path) {
                // Git's own answer knows no bit; the one in the tree stands.
                Some(bytes) => Ours::File(Content {
                    bytes: bytes.into(),
                    executable: matches!(&there, Ours::File(content) if content.executable),
                }),
                None => Ours::Absent,
            };
            let contents = sides.each_ref().map(committed);
            let former = common.as_ref().map_or(Some(path), |common| common.moves.former(path));
            let is_made_by_git = self.is_made_by_git(former, &there, &contents);
            if !is_made_by_git {
                written.insert(path);
            }
            let one = if is_made_by_git {
                let [first, second] = &contents;
                let first = single(path, sides[0].base.get(path), first, now, rules);
                let second = single(path, sides[1].base.get(path), second, now, rules);
                let both = common.as_ref().map(|common| {
                    single(path, common.base.get(path), &committed(common), now, rules)
                });
                let both = match both {
                    Some((after, merge)) if merge.conflicts.is_empty() => after.map(as_file),
                    _ => now.cloned(),
                };
                together(path, both.as_ref(), now, first, second, rules)
            } else {
                let [first, second] = sides.each_ref().map(|side| side.base.get(path));
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
        self.carry_out(&sides, &written, rendered, look, &mut result);
        result.conflicts.sort();
        result.conflicts.dedup();
        result
    }

    /// Moves what git left where one side had it before. Where somebody wrote at the one or the other
    /// place while merging, both stay.
    fn carry_out(
        &self,
        sides: &[Moved; 2],
        written: &BTreeSet<&str>,
        rendered: &Tree,
        look: &mut dyn FnMut(&str) -> Ours,
        result: &mut Merge,
    ) {
        for (side, moved) in self.sides.iter().zip(sides) {
            for (old, new) in moved.moves.iter() {
                let Ours::File(content) = look(old) else {
                    continue;
                };
                let is_whole = sides.iter().all(|side| side.moves.former(new) == Some(old));
                if !is_whole && rendered.get(old).is_some() {
                    // What lies there is the other side's file, which is another one.
                    continue;
                }
                let is_free =
                    matches!(look(new), Ours::Absent) || (is_whole && moved.moves.leaves(new));
                if is_free {
                    result.changes.entry(new.to_owned()).or_insert(Some(content));
                    result.moved.insert(old.to_owned(), new.to_owned());
                } else if written.contains(new)
                    || git::content(&self.root, &side.commit, old).as_deref()
                        != Some(&*content.bytes)
                {
                    result.conflicts.push(Conflict::new(old, ConflictKind::Kept));
                    continue;
                }
                if matches!(there(old, sides, rendered, look), Ours::Absent)
                    || rendered.get(old).is_none()
                {
                    result.changes.entry(old.to_owned()).or_insert(None);
                }
            }
        }
    }

    /// Whether the file in the tree is what git made of both sides, not what somebody wrote
    /// while merging.
    fn is_made_by_git(&self, former: Option<&str>, there: &Ours, sides: &[Ours; 2]) -> bool {
        let Ours::File(content) = there else {
            return matches!(there, Ours::Absent);
        };
        if has_markers(&content.bytes)
            || sides.iter().any(|side| bytes(side) == Some(&content.bytes))
        {
            return true;
        }
        let common = former.and_then(|path| git::content(&self.root, &self.base, path));
        let common = common.unwrap_or_default();
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

/// A side whose files lie where they do now.
struct Moved<'a> {
    side: &'a Side,
    moves: Moves,
    base: Tree,
}

impl<'a> Moved<'a> {
    fn new(
        repaired: &Repaired,
        side: &'a Side,
        rendered: &Tree,
        rules: &Rules,
        look: &mut dyn FnMut(&str) -> Ours,
    ) -> Self {
        let rules = Rules {
            renamed: rules.renamed.clone(),
            migrated: migrated_paths(&side.migration, &side.state.base),
            ..Rules::default()
        };
        let content = |side: &Side, path: &str| git::content(&repaired.root, &side.commit, path);
        let mut committed = |path: &str| match content(side, path) {
            Some(bytes) => Ours::File(Content { bytes: bytes.into(), executable: false }),
            None if repaired.sides.iter().any(|side| content(side, path).is_some()) => Ours::Absent,
            // What nobody committed stands in the way.
            None => look(path),
        };
        let moves = Moves::new(&side.state.base, &mut committed, rendered, &rules);
        let base = moves.base(&side.state.base);
        Self { side, moves, base }
    }

    /// What the side committed of what lies at `path` now.
    fn content(&self, repaired: &Repaired, pack: &Pack, path: &str) -> Option<Vec<u8>> {
        let bytes = git::content(&repaired.root, &self.side.commit, self.moves.former(path)?)?;
        if path != SELECTION_FILE || self.side.migration.is_empty() {
            return Some(bytes);
        }
        let text = String::from_utf8_lossy(&bytes);
        Some(migrated(pack, &self.side.migration, &text).text.into_bytes())
    }
}

/// What is at a path, once what one side or both had elsewhere has moved.
fn there(
    path: &str,
    sides: &[Moved; 2],
    rendered: &Tree,
    look: &mut dyn FnMut(&str) -> Ours,
) -> Ours {
    let there = look(path);
    let is_free = there == Ours::Absent || sides.iter().all(|side| side.moves.leaves(path));
    let [first, second] = sides.each_ref().map(|side| side.moves.former(path));
    let former = if first == second {
        // The tree lies as both had it.
        if is_free { first } else { Some(path) }
    } else {
        let moved = [first, second].into_iter().flatten().find(|former| *former != path);
        // It lies as the one had it, where another file may have come.
        let is_left = |former: &&str| is_free && rendered.get(former).is_none();
        moved.filter(is_left).or(Some(path))
    };
    match former {
        None => Ours::Absent,
        Some(former) if former == path => there,
        Some(former) => match look(former) {
            Ours::File(content) => Ours::File(content),
            _ => Ours::Absent,
        },
    }
}

/// Whether git left what belongs to `path` where a side had it before, since it could not tell that it
/// had moved.
fn is_left(path: &str, sides: &[Moved; 2], look: &mut dyn FnMut(&str) -> Ours) -> bool {
    let formers = sides.iter().filter_map(|side| side.moves.former(path));
    formers.into_iter().any(|former| former != path && matches!(look(former), Ours::File(_)))
}

/// New path by former path, for the files of `base` that `migration` sends elsewhere.
#[must_use]
pub fn migrated_paths(migration: &Migration, base: &Tree) -> BTreeMap<String, String> {
    let moved = base.iter().map(|(path, _)| (path.to_owned(), migration.path(path)));
    moved.filter(|(old, new)| old != new).collect()
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
