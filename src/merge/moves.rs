//! Files that lie elsewhere in a newer version of a pack: what the user has moves along, edits included,
//! and is merged where it lies then. Pure, as what it goes by.

use std::collections::BTreeMap;

use crate::merge::decide::{self, Conflict, ConflictKind, Merge, Ours, Rules};
use crate::render::tree::Tree;
use crate::text::path::STATE_FILES;

/// What moves in a project, from where to where.
#[derive(Debug, Clone, Default)]
pub struct Moves {
    /// New path by former path.
    to: BTreeMap<String, String>,
    /// Former path by new path.
    from: BTreeMap<String, String>,
    /// Former paths at which the user has something that cannot move.
    blocked: Vec<String>,
}

/// Merges a whole project; `ours` tells what the user has at a path. What the rules send elsewhere
/// moves where it is rendered now and nothing of the user's is in its way; else it is decided as
/// any file that is no longer rendered.
#[must_use]
pub fn merge(
    base: &Tree,
    ours: &mut dyn FnMut(&str) -> Ours,
    theirs: &Tree,
    rules: &Rules,
) -> Merge {
    let moves = Moves::new(base, ours, theirs, rules);
    let mut merge = if moves.to.is_empty() {
        decide::merge(base, ours, theirs, rules)
    } else {
        let (base, rules) = (moves.base(base), moves.rules(rules));
        decide::merge(&base, &mut |path| moves.look(path, ours), theirs, &rules)
    };
    moves.carry_out(&mut merge, ours);
    merge
}

impl Moves {
    /// What of `base` moves to what is rendered now.
    pub fn new(
        base: &Tree,
        ours: &mut dyn FnMut(&str) -> Ours,
        theirs: &Tree,
        rules: &Rules,
    ) -> Self {
        let mut moves = Self::default();
        for (old, _) in base.iter().filter(|(path, _)| !STATE_FILES.contains(path)) {
            let migrated = rules.migrated.get(old).map_or(old, String::as_str);
            let new = if theirs.get(migrated).is_some() {
                migrated
            } else {
                let renamed = rules.renamed.iter().find(|(new, former)| {
                    *former == migrated && theirs.get(new).is_some() && base.get(new).is_none()
                });
                renamed.map_or(old, |(new, _)| new)
            };
            if new == old {
                continue;
            }
            // Of several files that would be one the first with edits is it, or the first that is
            // there.
            let mut rank = |path: &str| match ours(path) {
                Ours::Absent => 0,
                Ours::File(content)
                    if base.get(path).is_some_and(|file| file.bytes == content.bytes) =>
                {
                    1
                }
                Ours::File(_) | Ours::Other(_) => 2,
            };
            let other = moves.from.get(new);
            if other.is_none_or(|other| rank(other) < rank(old)) {
                if let Some(other) = moves.from.insert(new.to_owned(), old.to_owned()) {
                    moves.to.remove(&other);
                }
                moves.to.insert(old.to_owned(), new.to_owned());
            }
        }
        moves.keep_what_works(base, ours);
        moves
    }

    /// Leaves out what would take the place of something else, until nothing does.
    fn keep_what_works(&mut self, base: &Tree, ours: &mut dyn FnMut(&str) -> Ours) {
        loop {
            let broken = self.to.iter().find_map(|(old, new)| {
                let is_free = self.to.contains_key(new)
                    || (base.get(new).is_none() && matches!(ours(new), Ours::Absent));
                let is_fixed = matches!(ours(old), Ours::Other(_));
                (!is_free || is_fixed).then(|| (old.clone(), is_fixed))
            });
            let Some((old, is_fixed)) = broken else {
                return;
            };
            if let Some(new) = self.to.remove(&old) {
                self.from.remove(&new);
            }
            if is_fixed {
                self.blocked.push(old);
            }
        }
    }

    /// Former path and new path of everything that moves.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.to.iter().map(|(old, new)| (old.as_str(), new.as_str()))
    }

    /// Where the file lay that lies at `path` now; `None` where it moved away and none came.
    #[must_use]
    pub fn former<'p>(&'p self, path: &'p str) -> Option<&'p str> {
        match self.from.get(path) {
            Some(old) => Some(old),
            None => (!self.to.contains_key(path)).then_some(path),
        }
    }

    /// Whether what lay at `path` lies elsewhere now.
    #[must_use]
    pub fn leaves(&self, path: &str) -> bool {
        self.to.contains_key(path)
    }

    /// What was rendered last time, where it lies now.
    #[must_use]
    pub fn base(&self, base: &Tree) -> Tree {
        let mut moved = Tree::default();
        for (path, file) in base.iter() {
            let path = self.to.get(path).map_or(path, String::as_str);
            moved.insert(path.to_owned(), file.clone());
        }
        moved
    }

    /// What the user has at `path` once everything has moved.
    pub fn look(&self, path: &str, ours: &mut dyn FnMut(&str) -> Ours) -> Ours {
        self.former(path).map_or(Ours::Absent, ours)
    }

    /// The rules for what has moved.
    fn rules(&self, rules: &Rules) -> Rules {
        let mut rules = rules.clone();
        let own = std::mem::take(&mut rules.own).into_iter();
        rules.own = own.map(|path| self.to.get(&path).cloned().unwrap_or(path)).collect();
        rules
    }

    /// Moves what is there in a project that was merged as if it had moved.
    fn carry_out(&self, merge: &mut Merge, ours: &mut dyn FnMut(&str) -> Ours) {
        for (old, new) in &self.to {
            let Ours::File(content) = ours(old) else {
                continue;
            };
            merge.changes.entry(new.clone()).or_insert(Some(content));
            if matches!(self.look(old, ours), Ours::Absent) {
                merge.changes.entry(old.clone()).or_insert(None);
            }
            merge.moved.insert(old.clone(), new.clone());
        }
        let blocked = self.blocked.iter();
        merge.conflicts.extend(blocked.map(|path| Conflict::new(path, ConflictKind::Blocked)));
        merge.conflicts.sort();
    }
}
