//! Plan to Tree: copies, renders, prunes the locks, and says what was chosen.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::thread;

use crate::choose::file::selection_text;
use crate::pack::load::{Component, ComponentFile, PACK_MANIFEST};
use crate::pack::manifest::LockfileFormat;
use crate::render::lockfile::prune_npm;
use crate::render::names;
use crate::render::plan::{Holder, Plan, Service, taken};
use crate::render::tree::{File, Tree};
use crate::text::error::{Error, Place, Problem};
use crate::text::path::SELECTION_FILE;
use crate::text::template::{Fields, Templates};

/// With fewer templates a second thread costs more than it brings.
const TEMPLATES_FOR_TWO: usize = 30;

/// The lock files of the project, or what is wrong with one.
type Locks = Result<Tree, Problem>;

/// Renders the project without its lock and its base.
///
/// # Errors
/// [`Error::Pack`] with every template that fails, or two components that write one path.
pub fn rendered_files(plan: &Plan) -> Result<Tree, Error> {
    let rendering = Rendering::new(plan)?;
    if let Some((tree, locks)) = rendering.in_halves() {
        return completed(plan, tree, locks);
    }
    let templates = rendering.parsed(&rendering.all()).map_err(Error::Pack)?;
    rendering.with(&templates)
}

/// Renders the project with `templates`, which have those of the plan.
///
/// # Errors
/// Those of [`rendered_files`].
pub fn rendered_with(plan: &Plan, templates: &Templates) -> Result<Tree, Error> {
    Rendering::new(plan)?.with(templates)
}

/// Adds to `tree` what is made when all else is rendered.
fn completed(plan: &Plan, mut tree: Tree, locks: Locks) -> Result<Tree, Error> {
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
    /// What it is rendered for, where that is not the project.
    pub holder: Option<Holder<'a>>,
}

impl<'a> Target<'a> {
    fn new(component: &'a Component, file: &'a ComponentFile, holder: Option<Holder<'a>>) -> Self {
        let mut target = Self { component, file, path: String::new(), holder };
        target.path = target.beside(&file.path);
        target
    }

    /// Where `other` lies in the project, which its component names as it names the target's own path.
    #[must_use]
    pub fn beside(&self, other: &str) -> String {
        self.holder.map_or(other.to_owned(), |Holder { name, folder, .. }| {
            self.file.path_of(name, folder, other)
        })
    }

    /// The service that it is rendered for.
    #[must_use]
    pub fn service(&self) -> Option<&'a Service> {
        self.holder.and_then(|holder| holder.service)
    }
}

/// Every file that the plan renders or copies, in pack order.
#[must_use]
pub fn targets<'a>(plan: &'a Plan) -> Vec<Target<'a>> {
    let mut targets = Vec::new();
    for component in &plan.components {
        for file in &component.files {
            if !file.conditions.iter().all(|condition| plan.can(condition)) {
                continue;
            }
            if file.of.is_none() {
                targets.push(Target::new(component, file, None));
            }
            let holders = plan.holders(component, file).into_iter();
            targets.extend(holders.map(|it| Target::new(component, file, Some(it))));
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
        if let Some(service) = target.service().or(other.service()) {
            let source = if target.service().is_some() { &other.file } else { &target.file };
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

/// A plan that is being rendered.
struct Rendering<'a> {
    plan: &'a Plan<'a>,
    targets: Vec<Target<'a>>,
    /// Two files with one path.
    clashes: Vec<Problem>,
    /// What templates see that are rendered for the project.
    project: Fields,
    /// What they see that are rendered for others, by what those are and their names.
    holders: BTreeMap<(&'static str, &'a str), Fields>,
}

impl<'a> Rendering<'a> {
    fn new(plan: &'a Plan) -> Result<Self, Error> {
        let targets = targets(plan);
        let clashes = clashes(&targets)?;
        let project = Fields::new(&plan.context).map_err(|reason| {
            Error::Pack(vec![Problem::new(Place::file(PACK_MANIFEST), reason)])
        })?;
        // Made once: many templates read the same fields.
        let mut holders = BTreeMap::new();
        let templates = targets.iter().filter(|target| target.file.template);
        for holder in templates.filter_map(|target| target.holder) {
            holders
                .entry((holder.what, holder.name))
                .or_insert_with(|| project.with(holder.what, plan.fields_of(&holder)));
        }
        Ok(Self { plan, targets, clashes, project, holders })
    }

    fn all(&self) -> Vec<&Target<'a>> {
        self.targets.iter().collect()
    }

    /// Renders all targets with `templates`.
    fn with(&self, templates: &Templates) -> Result<Tree, Error> {
        let (tree, failed) = self.rendered(&self.all(), templates);
        let problems: Vec<Problem> = self.clashes.iter().cloned().chain(failed).collect();
        if !problems.is_empty() {
            return Err(Error::Pack(problems));
        }
        let locks = locks(self.plan, &npm_manifests(&tree));
        completed(self.plan, tree, locks)
    }

    /// Renders in two threads, each with the templates of its half, and cuts the locks meanwhile.
    ///
    /// `None` where there are few templates, where something is wrong, and where a template includes
    /// one of the other half: rendering all of them together knows what is what.
    fn in_halves(&self) -> Option<(Tree, Locks)> {
        let count = self.targets.iter().filter(|target| target.file.template).count();
        if count < TEMPLATES_FOR_TWO || !self.clashes.is_empty() {
            return None;
        }
        let rendered = |targets: &[&Target<'a>]| {
            let (tree, failed) = self.rendered(targets, &self.parsed(targets).ok()?);
            failed.is_empty().then_some(tree)
        };
        // Lock files need the manifests alone: those are rendered first.
        let (manifests, others): (Vec<&Target<'a>>, Vec<&Target<'a>>) =
            self.targets.iter().partition(|target| manifest_folder(&target.path).is_some());
        let mut tree = rendered(&manifests)?;
        let manifests = npm_manifests(&tree);
        let (here, there) = others.split_at(others.len() / 2);
        let (here, (locks, there)) = thread::scope(|scope| {
            let started = scope.spawn(|| (locks(self.plan, &manifests), rendered(there)));
            let here = rendered(here);
            (here, started.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        tree.extend(here?);
        tree.extend(there?);
        Some((tree, locks))
    }

    /// Parses the templates of `targets`, or tells everything that is wrong with them.
    fn parsed(&self, targets: &[&Target]) -> Result<Templates, Vec<Problem>> {
        let pack = self.plan.pack;
        let mut templates = pack.templates().map_err(|problem| vec![problem])?;
        let sources: BTreeSet<&str> = targets
            .iter()
            .filter(|target| target.file.template)
            .map(|target| target.file.source.as_str())
            .collect();
        let texts = sources.into_iter().map(|path| Ok((path, pack.text(path)?)));
        let (texts, unread): (Vec<_>, Vec<_>) = texts.partition(Result::is_ok);
        let texts: Vec<(&str, &str)> = texts.into_iter().flatten().collect();
        let mut problems: Vec<Problem> = unread.into_iter().filter_map(Result::err).collect();
        problems.extend(templates.add(&texts).into_values());
        if problems.is_empty() { Ok(templates) } else { Err(problems) }
    }

    /// Renders or copies each of `targets`, and tells what is wrong.
    fn rendered(&self, targets: &[&Target<'a>], templates: &Templates) -> (Tree, Vec<Problem>) {
        let mut tree = Tree::default();
        let mut problems = Vec::new();
        for target in targets {
            let source = &target.file.source;
            let bytes = if target.file.template {
                match templates.render(source, self.fields(target)) {
                    Ok(text) => Cow::Owned(text.into_bytes()),
                    Err(problem) => {
                        problems.push(problem);
                        continue;
                    }
                }
            } else {
                Cow::Borrowed(self.plan.pack.file(source).unwrap_or_default())
            };
            let executable = target.component.manifest.executable.contains(&target.file.path);
            let component = target.component.id.clone();
            let file = File { bytes, executable, component, source: source.clone() };
            tree.insert(target.path.clone(), file);
        }
        (tree, problems)
    }

    /// What the template of a target sees.
    fn fields(&self, target: &Target<'a>) -> &Fields {
        let holder = target.holder.and_then(|it| self.holders.get(&(it.what, it.name)));
        holder.unwrap_or(&self.project)
    }
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
fn locks(plan: &Plan, manifests: &BTreeMap<String, String>) -> Locks {
    let mut tree = Tree::default();
    for lockfile in &plan.pack.manifest.lockfile {
        if !plan.has(&lockfile.component) {
            continue;
        }
        let full = plan.pack.text(&lockfile.source)?;
        let pruned = match lockfile.format {
            LockfileFormat::Npm => {
                let mut own = Vec::new();
                for component in &plan.components {
                    let path = component.lock(&lockfile.path);
                    if plan.pack.file(&path).is_some() {
                        own.push((path.clone(), plan.pack.text(&path)?));
                    }
                }
                prune_npm(&lockfile.source, full, &own, manifests)?
            }
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
