//! Which selection comes nearest to a project that has no state.

use std::collections::BTreeSet;
use std::path::Path;

use crate::choose::selection::{Choices, Selection};
use crate::merge::decide::Ours;
use crate::pack::load::Pack;
use crate::project::state::ours;
use crate::render::files::rendered_files;
use crate::render::plan::Plan;
use crate::render::tree::Tree;
use crate::text::error::Error;
use crate::text::path::SELECTION_FILE;

/// How a project compares to a rendering.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Files that are as they are rendered.
    pub equal: usize,
    /// Files that differ from what is rendered.
    pub different: Vec<String>,
    /// Files that would be rendered and are not there.
    pub missing: Vec<String>,
}

impl Difference {
    /// Compares the folder `root` to a tree; what is chosen aside, which no project shares.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read.
    pub fn between(root: &Path, tree: &Tree) -> Result<Self, Error> {
        let mut difference = Self::default();
        for (path, file) in tree.iter().filter(|(path, _)| *path != SELECTION_FILE) {
            match ours(root, path)? {
                Ours::File(content) if content.bytes == file.bytes => difference.equal += 1,
                Ours::Absent => difference.missing.push(path.to_owned()),
                _ => difference.different.push(path.to_owned()),
            }
        }
        Ok(difference)
    }

    /// How much of the rendering is there: an equal file tells twice as much as one that is there.
    fn score(&self) -> i64 {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        2 * count(self.equal) + count(self.different.len()) - count(self.missing.len())
    }
}

/// The selection nearest to what is in `root`, found flag by flag, slot by slot and service by
/// service: each is kept where it explains more files than it misses.
///
/// # Errors
/// [`Error::Usage`] where `name` is not a name, [`Error::Pack`] where the pack cannot be rendered.
pub fn nearest(pack: &Pack, root: &Path, name: &str) -> Result<Selection, Error> {
    let mut best = Choices { name: Some(name.to_owned()), ..Choices::default() };
    for (flag, _) in pack.flagged() {
        best.components.insert(flag.to_owned(), false);
    }
    let mut best_score = score(pack, root, &best)?;
    // Twice: a component may explain files only together with one that comes after it.
    for _ in 0..2 {
        for candidate in candidates(pack, root, &best) {
            let mut choices = best.clone();
            choices.override_with(candidate);
            let Ok(score) = score(pack, root, &choices) else {
                continue;
            };
            if score > best_score {
                (best, best_score) = (choices, score);
            }
        }
    }
    best.complete(pack)
}

fn candidates(pack: &Pack, root: &Path, best: &Choices) -> Vec<Choices> {
    let mut candidates = Vec::new();
    for (flag, _) in pack.flagged() {
        for on in [true, false] {
            let mut candidate = Choices::default();
            candidate.components.insert(flag.to_owned(), on);
            candidates.push(candidate);
        }
    }
    for (slot, _) in pack.slots() {
        for filler in pack.fillers(slot) {
            let mut candidate = Choices::default();
            candidate.slots.insert(slot.clone(), filler.id.clone());
            candidates.push(candidate);
        }
    }
    let services = best.complete(pack).map(|selection| selection.services).unwrap_or_default();
    for (service, kind) in services {
        let kind = kind.as_str();
        let fillers = pack.slots_of(kind).flat_map(|(slot, _)| {
            pack.fillers_for(slot, Some(kind)).map(move |filler| (slot, filler))
        });
        for (slot, filler) in fillers {
            let mut candidate = Choices::default();
            let fills = candidate.fills.entry(service.clone()).or_default();
            fills.insert(slot.clone(), filler.id.clone());
            candidates.push(candidate);
        }
    }
    for name in folders(&root.join("services")) {
        for kind in pack.kinds().filter(|_| !best.services.contains_key(&name)) {
            let mut candidate = Choices::default();
            if candidate.add_service(pack, &name, kind).is_ok() {
                candidates.push(candidate);
            }
        }
    }
    candidates
}

fn score(pack: &Pack, root: &Path, choices: &Choices) -> Result<i64, Error> {
    let plan = Plan::new(pack, choices.complete(pack)?)?;
    Ok(Difference::between(root, &rendered_files(&plan)?)?.score())
}

fn folders(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}
