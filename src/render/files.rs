//! Plan to Tree: copies, renders, prunes the locks, and says what was chosen.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::thread;

use crate::choose::file::selection_text;
use crate::pack::layout::{ComponentFile, PACK_MANIFEST};
use crate::pack::load::{Component, Pack};
use crate::pack::manifest::LockfileFormat;
use crate::render::lockfile::prune_npm;
use crate::render::names;
use crate::render::plan::{Plan, taken};
use crate::render::tree::{File, Tree};
use crate::text::error::{Error, Place, Problem};
use crate::text::path::SELECTION_FILE;
use crate::text::template::{Fields, Templates};

/// With fewer templates a second thread costs more than it brings.
const TEMPLATES_FOR_TWO: usize = 30;

/// Renders the project without its lock and its base.
///
/// # Errors
/// [`Error::Pack`] with every template that fails, or two components that write one path.
pub fn rendered_files(plan: &Plan) -> Result<Tree, Error> {
    let targets = targets(plan);
    let mut problems = clashes(&targets)?;
    let fields = ContextFields::new(plan).map_err(|problem| Error::Pack(vec![problem]))?;
    // Lock files need the manifests alone: those are rendered first.
    let (manifests, others): (Vec<Target>, Vec<Target>) =
        targets.into_iter().partition(|target| manifest_folder(&target.path).is_some());
    let (mut tree, found) = rendered_targets(plan, &fields, &manifests);
    problems.extend(found);
    let manifests = npm_manifests(&tree);
    let templates = others.iter().filter(|target| target.file.template).count();
    let is_large = templates >= TEMPLATES_FOR_TWO;
    let (here, there) = others.split_at(if is_large { others.len() / 2 } else { others.len() });
    let aside = || (locks(plan, &manifests), rendered_targets(plan, &fields, there));
    let ((rendered, found), (locks, (others, more))) = if is_large {
        thread::scope(|scope| {
            let started = scope.spawn(aside);
            let rendered = rendered_targets(plan, &fields, here);
            (rendered, started.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    } else {
        (rendered_targets(plan, &fields, here), aside())
    };
    tree.extend(rendered);
    tree.extend(others);
    problems.extend(found.into_iter().chain(more));
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Err(Error::Pack(problems));
    }
    names::check(plan, &tree)?;
    tree.extend(locks.map_err(|problem| Error::Pack(vec![problem]))?);
    let text = selection_text(plan.pack, &plan.selection);
    tree.insert(SELECTION_FILE.to_owned(), File::own(text.into_bytes()));
    let limits = plan.pack.manifest.limits;
    let too_large = (tree.len() > limits.files, tree.bytes() > limits.bytes);
    let message = match too_large {
        (true, _) => {
            format!("the project has {} files, the pack allows {}", tree.len(), limits.files)
        }
        (_, true) => {
            format!("the project has {} bytes, the pack allows {}", tree.bytes(), limits.bytes)
        }
        _ => return Ok(tree),
    };
    Err(Error::Pack(vec![Problem::new(Place::file("pack.toml"), message)]))
}

/// One file of the plan: where it comes from, where it goes, and what its template sees.
pub struct Target<'a> {
    /// The component that adds it.
    pub component: &'a Component,
    /// The file of the pack.
    pub file: &'a ComponentFile,
    /// Its path in the project.
    pub path: String,
    /// The service whose folder it is in.
    pub service: Option<&'a crate::render::plan::Service>,
}

/// Every file that the plan renders or copies, in pack order.
#[must_use]
pub fn targets<'a>(plan: &'a Plan) -> Vec<Target<'a>> {
    let mut targets = Vec::new();
    for component in &plan.components {
        for file in &component.files {
            if !file.conditions.iter().all(|condition| plan.has(condition)) {
                continue;
            }
            match &file.kind {
                None => {
                    targets.push(Target {
                        component,
                        file,
                        path: file.path.clone(),
                        service: None,
                    });
                }
                Some(kind) => targets.extend(plan.services_of(kind).map(|service| Target {
                    component,
                    file,
                    path: file.path_for(&service.name),
                    service: Some(service),
                })),
            }
        }
    }
    targets
}

/// Refuses a service whose name gives a file the path of another, and tells of other files with one
/// path: those are a mistake of the pack.
fn clashes(targets: &[Target]) -> Result<Vec<Problem>, Error> {
    let mut problems = Vec::new();
    let mut folded: BTreeMap<String, &Target> = BTreeMap::new();
    for target in targets {
        let Some(other) = folded.insert(target.path.to_lowercase(), target) else {
            continue;
        };
        let path = &target.path;
        if let Some(service) = target.service.or(other.service) {
            let source = if target.service.is_some() { &other.file } else { &target.file };
            let reason = format!("`{path}` is made from `{}` already", source.source);
            return Err(taken(service, &reason));
        }
        problems.push(Problem::new(
            Place::file(&target.file.source),
            format!("`{path}` is written by `{}` as well", other.file.source),
        ));
    }
    Ok(problems)
}

/// What the templates of a plan see.
struct ContextFields<'a> {
    project: Fields,
    services: BTreeMap<&'a str, Fields>,
}

impl<'a> ContextFields<'a> {
    /// Made once: many templates read the same fields.
    fn new(plan: &'a Plan) -> Result<Self, Problem> {
        let project = Fields::new(&plan.context)
            .map_err(|reason| Problem::new(Place::file(PACK_MANIFEST), reason))?;
        let services = plan.services.iter();
        let services = services
            .map(|service| (service.name.as_str(), project.with("service", &service.fields)))
            .collect();
        Ok(Self { project, services })
    }

    /// What the template of a target sees.
    fn of(&self, target: &Target) -> &Fields {
        target
            .service
            .and_then(|service| self.services.get(service.name.as_str()))
            .unwrap_or(&self.project)
    }
}

/// Renders or copies each target, and tells what is wrong.
fn rendered_targets(
    plan: &Plan,
    fields: &ContextFields,
    targets: &[Target],
) -> (Tree, Vec<Problem>) {
    let pack = plan.pack;
    let mut tree = Tree::default();
    let mut problems = Vec::new();
    if targets.is_empty() {
        return (tree, problems);
    }
    let mut templates = match pack.templates() {
        Ok(templates) => templates,
        Err(problem) => return (tree, vec![problem]),
    };
    let mut parsed: BTreeSet<&str> = BTreeSet::new();
    let sources: BTreeSet<&str> = targets
        .iter()
        .filter(|target| target.file.template)
        .map(|target| target.file.source.as_str())
        .collect();
    let together = templates
        .add_together(sources.into_iter().filter_map(|path| Some((path, pack.text(path).ok()?))));
    for target in targets {
        let source = &target.file.source;
        let bytes = if target.file.template {
            let is_new = parsed.insert(source) && !together;
            match rendered(pack, &mut templates, source, is_new, fields.of(target)) {
                Ok(text) => Cow::Owned(text.into_bytes()),
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            }
        } else {
            Cow::Borrowed(pack.file(source).unwrap_or_default())
        };
        let executable = target.component.manifest.executable.contains(&target.file.path);
        let component = target.component.id.clone();
        let file = File { bytes, executable, component, source: source.clone() };
        tree.insert(target.path.clone(), file);
    }
    (tree, problems)
}

fn rendered(
    pack: &Pack,
    templates: &mut Templates,
    source: &str,
    is_new: bool,
    fields: &Fields,
) -> Result<String, Problem> {
    if is_new {
        templates.add(source, pack.text(source)?)?;
    }
    templates.render(source, fields)
}

/// The folder of which `path` is npm's manifest; that of the project is empty.
fn manifest_folder(path: &str) -> Option<&str> {
    if path == "package.json" { Some("") } else { path.strip_suffix("/package.json") }
}

/// npm's manifests by folder.
fn npm_manifests(tree: &Tree) -> BTreeMap<String, String> {
    let manifests = tree.iter().filter_map(|(path, file)| {
        let folder = manifest_folder(path)?.to_owned();
        Some((folder, String::from_utf8_lossy(&file.bytes).into_owned()))
    });
    manifests.collect()
}

/// The lock files of the pack that the components of the plan have, each cut down to what `manifests`
/// need.
fn locks(plan: &Plan, manifests: &BTreeMap<String, String>) -> Result<Tree, Problem> {
    let mut tree = Tree::default();
    for lockfile in &plan.pack.manifest.lockfile {
        if !plan.has(&lockfile.component) {
            continue;
        }
        let full = plan.pack.text(&lockfile.source)?;
        let pruned = match lockfile.format {
            LockfileFormat::Npm => prune_npm(&lockfile.source, full, manifests)?,
        };
        tree.insert(
            lockfile.path.clone(),
            File {
                bytes: Cow::Owned(pruned.into_bytes()),
                executable: false,
                component: lockfile.component.clone(),
                source: lockfile.source.clone(),
            },
        );
    }
    Ok(tree)
}
