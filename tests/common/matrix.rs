//! The selections that stand for all, rendered once per test program: most files are the same in
//! nearly all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::thread;

use scaffold::choose::selection::Selection;
use scaffold::lint::cover::{cover, crowded};
use scaffold::pack::load::Pack;
use scaffold::render::tree::{File, Tree};

use super::tree_of;

/// A selection and what it renders.
pub struct Rendering {
    /// The command that chooses it.
    pub command: String,
    /// All its components.
    pub on: BTreeSet<String>,
    /// The selection.
    pub selection: Selection,
    /// The project.
    pub tree: Tree,
}

/// The pack inside the program.
pub fn embedded() -> &'static Pack {
    static PACK: OnceLock<Pack> = OnceLock::new();
    PACK.get_or_init(|| Pack::embedded().expect("the embedded pack can be read"))
}

/// Whether all services have the names with which they come by themselves.
pub fn has_usual_services(selection: &Selection) -> bool {
    let usual = embedded().components.iter().flat_map(|component| &component.manifest.service);
    let usual: BTreeSet<&str> = usual.map(|service| service.name.as_str()).collect();
    selection.services.keys().all(|name| usual.contains(name.as_str()))
}

/// The selections that stand for all of the embedded pack.
pub fn every_rendering() -> &'static [Rendering] {
    static RENDERINGS: OnceLock<Vec<Rendering>> = OnceLock::new();
    RENDERINGS.get_or_init(|| {
        let selections = cover(embedded(), "my-app");
        assert!(selections.len() >= 4, "minimal, ml, realtime, both");
        rendered(&selections)
    })
}

/// The same with further services of each kind, whose names are long, short and odd.
pub fn with_further_services() -> &'static [Rendering] {
    static RENDERINGS: OnceLock<Vec<Rendering>> = OnceLock::new();
    RENDERINGS.get_or_init(|| {
        let selections = crowded(embedded(), "my-app");
        assert!(selections.len() >= 3, "long names, short names, others in their place");
        rendered(&selections)
    })
}

fn rendered(selections: &[Selection]) -> Vec<Rendering> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let share = selections.len().div_ceil(processors);
    thread::scope(|scope| {
        let render = |part: &[Selection]| part.iter().map(rendering).collect::<Vec<_>>();
        let threads: Vec<_> =
            selections.chunks(share).map(|part| scope.spawn(move || render(part))).collect();
        let parts = threads.into_iter().map(|thread| thread.join().expect("it renders"));
        parts.flatten().collect()
    })
}

fn rendering(selection: &Selection) -> Rendering {
    Rendering {
        command: selection.choices(embedded()).command(embedded()),
        on: selection.all_components(embedded()),
        selection: selection.clone(),
        tree: tree_of(embedded(), selection.clone()),
    }
}

/// Each file that differs in path or content once, with a command that renders it.
pub fn every_distinct_file() -> Vec<(&'static str, &'static str, &'static File)> {
    let mut distinct: BTreeMap<(&str, &[u8]), (&str, &File)> = BTreeMap::new();
    for rendering in every_rendering() {
        for (path, file) in rendering.tree.iter() {
            distinct.entry((path, &file.bytes)).or_insert((&rendering.command, file));
        }
    }
    distinct.into_iter().map(|((path, _), (command, file))| (command, path, file)).collect()
}

/// Each folder that differs in content once: the command, and the files below `prefixes`.
pub fn every_distinct_folder(
    prefixes: &[&str],
) -> Vec<(&'static Rendering, BTreeMap<&'static str, &'static [u8]>)> {
    let mut distinct: BTreeMap<BTreeMap<&str, &[u8]>, &Rendering> = BTreeMap::new();
    for rendering in every_rendering() {
        let files: BTreeMap<&str, &[u8]> = rendering
            .tree
            .iter()
            .filter(|(path, _)| prefixes.iter().any(|prefix| path.starts_with(prefix)))
            .map(|(path, file)| (path, &*file.bytes))
            .collect();
        if !files.is_empty() {
            distinct.entry(files).or_insert(rendering);
        }
    }
    distinct.into_iter().map(|(files, rendering)| (rendering, files)).collect()
}
