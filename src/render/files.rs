//! Plan to Tree: copies, renders, prunes the locks, and says what was chosen.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

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

/// Renders the project without its lock and its base.
///
/// # Errors
/// [`Error::Pack`] with every template that fails, or two components that write one path.
pub fn rendered_files(plan: &Plan) -> Result<Tree, Error> {
    let mut templates = plan.pack.templates().map_err(|problem| Error::Pack(vec![problem]))?;
    let problems = add_templates(plan, &mut templates);
    if problems.is_empty() { rendered_with(plan, &templates) } else { Err(Error::Pack(problems)) }
}

/// Renders the project with `templates`, which have those of the plan.
///
/// # Errors
/// Those of [`rendered_files`].
pub fn rendered_with(plan: &Plan, templates: &Templates) -> Result<Tree, Error> {
    check_paths(plan)?;
    let mut tree = render_files(plan, templates).map_err(Error::Pack)?;
    names::check(plan, &tree)?;
    prune_locks(plan, &mut tree).map_err(|problem| Error::Pack(vec![problem]))?;
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
            path_of(self.file, name, folder, other)
        })
    }

    /// The service that it is rendered for.
    #[must_use]
    pub fn service(&self) -> Option<&'a Service> {
        self.holder.and_then(|holder| holder.service)
    }
}

/// Where `path` lies in the project, which stands where `file` does for what is called `name` and lies
/// in `folder`.
#[must_use]
pub fn path_of(file: &ComponentFile, name: &str, folder: &str, path: &str) -> String {
    if file.in_folder {
        format!("{folder}/{path}")
    } else {
        path.replace(file.name_in_path(), name)
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
            match &file.of {
                None => targets.push(Target::new(component, file, None)),
                Some(of) => targets.extend(
                    plan.holders(of).into_iter().map(|it| Target::new(component, file, Some(it))),
                ),
            }
        }
    }
    targets
}

/// Refuses a service whose name gives a file the path of another.
fn check_paths(plan: &Plan) -> Result<(), Error> {
    let mut folded: BTreeMap<String, Target> = BTreeMap::new();
    for target in targets(plan) {
        let key = target.path.to_lowercase();
        let Some(other) = folded.get(&key) else {
            folded.insert(key, target);
            continue;
        };
        // Two paths of the pack that are one without a service are a mistake of the pack.
        if let Some(service) = target.service().or(other.service()) {
            let path = &target.path;
            let source = if target.service().is_some() { &other.file } else { &target.file };
            let reason = format!("`{path}` is made from `{}` already", source.source);
            return Err(taken(service, &reason));
        }
    }
    Ok(())
}

/// Parses the templates of the plan, and says what is wrong with them.
fn add_templates(plan: &Plan, templates: &mut Templates) -> Vec<Problem> {
    let targets = targets(plan);
    let sources: BTreeSet<&str> = targets
        .iter()
        .filter(|target| target.file.template)
        .map(|target| target.file.source.as_str())
        .collect();
    let texts = sources.into_iter().map(|path| Ok((path, plan.pack.text(path)?)));
    let (texts, unread): (Vec<_>, Vec<_>) = texts.partition(Result::is_ok);
    let texts: Vec<(&str, &str)> = texts.into_iter().flatten().collect();
    let unread = unread.into_iter().filter_map(Result::err);
    unread.chain(templates.add(&texts).into_values()).collect()
}

fn render_files(plan: &Plan, templates: &Templates) -> Result<Tree, Vec<Problem>> {
    let pack = plan.pack;
    let mut problems = Vec::new();
    // Made once: many templates read the same fields.
    let fields = |context: &Map<String, Value>| {
        Fields::new(context)
            .map_err(|reason| vec![Problem::new(Place::file(PACK_MANIFEST), reason)])
    };
    let project_fields = fields(&plan.context)?;
    let mut holder_fields: BTreeMap<(&str, &str), Fields> = BTreeMap::new();
    let mut tree = Tree::default();
    let mut folded: BTreeMap<String, String> = BTreeMap::new();
    for target in targets(plan) {
        let source = &target.file.source;
        let bytes = if target.file.template {
            let fields = match &target.holder {
                None => &project_fields,
                Some(holder) => match holder_fields.entry((holder.what, holder.name)) {
                    Entry::Occupied(there) => there.into_mut(),
                    Entry::Vacant(place) => place.insert(fields(&plan.context_of(holder))?),
                },
            };
            match templates.render(source, fields) {
                Ok(text) => Cow::Owned(text.into_bytes()),
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            }
        } else {
            pack.file(source).cloned().unwrap_or_default()
        };
        if let Some(other) = folded.insert(target.path.to_lowercase(), source.clone()) {
            problems.push(Problem::new(
                Place::file(source),
                format!("`{}` is written by `{other}` as well", target.path),
            ));
        }
        let executable = target.component.manifest.executable.contains(&target.file.path);
        let component = target.component.id.clone();
        tree.insert(target.path, File { bytes, executable, component, source: source.clone() });
    }
    if problems.is_empty() { Ok(tree) } else { Err(problems) }
}

/// Writes each lock file of the pack that the components of the plan have.
fn prune_locks(plan: &Plan, tree: &mut Tree) -> Result<(), Problem> {
    for lockfile in &plan.pack.manifest.lockfile {
        if !plan.has(&lockfile.component) {
            continue;
        }
        let full = plan.pack.text(&lockfile.source)?;
        let pruned = match lockfile.format {
            LockfileFormat::Npm => {
                let manifests = tree
                    .iter()
                    .filter_map(|(path, file)| {
                        let folder = if path == "package.json" {
                            ""
                        } else {
                            path.strip_suffix("/package.json")?
                        };
                        Some((folder.to_owned(), String::from_utf8_lossy(&file.bytes).into_owned()))
                    })
                    .collect();
                let own = plan.components.iter().filter_map(|component| {
                    let path = component.lock(&lockfile.path);
                    let text = plan.pack.file(&path)?;
                    Some((path, String::from_utf8_lossy(text)))
                });
                let own: Vec<(String, Cow<str>)> = own.collect();
                let own: Vec<(&str, &str)> =
                    own.iter().map(|(path, text)| (path.as_str(), text.as_ref())).collect();
                prune_npm(&lockfile.source, full, &own, &manifests)?
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
    Ok(())
}
