//! Where a pack comes from, and everything that can be wrong with one.
//!
//! A pack is a folder of components: the one embedded in the program, or a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Bound;
use std::path::Path;

use serde::de::DeserializeOwned;
use walkdir::WalkDir;

use crate::pack::embedded;
use crate::pack::layout::{component_folders, is_about_the_component, is_service_of};
use crate::pack::manifest::{
    ComponentManifest, ContributionManifest, OptionManifest, PackManifest, ServiceManifest,
    SlotManifest,
};
use crate::text::digest;
use crate::text::error::{Error, Place, Problem};
use crate::text::template::Templates;

pub use crate::pack::layout::{
    COMPONENT_MANIFEST, ComponentFile, Lies, PACK_MANIFEST, PARTS, SERVICE_IN_PATH,
};
pub use crate::text::digest::hex;

/// A pack with its manifests read.
#[derive(Debug)]
pub struct Pack {
    /// `pack.toml`.
    pub manifest: PackManifest,
    /// The components: what is required before what requires it, else by id.
    pub components: Vec<Component>,
    /// Pinned versions, by table.
    pub versions: toml::Table,
    /// Where it was read from, `None` for the embedded one.
    pub origin: Option<String>,
    /// Components whose manifests cannot be read; none in a pack without problems.
    pub(crate) unread: BTreeSet<String>,
    files: Files,
}

/// Content per path, kept until the program ends, so that trees borrow it and need no copy of their own.
type Files = BTreeMap<&'static str, &'static [u8]>;

/// A folder with a [`COMPONENT_MANIFEST`].
#[derive(Debug)]
pub struct Component {
    /// Name of the folder.
    pub id: String,
    /// Path of the folder in the pack.
    pub folder: String,
    /// `component.toml`.
    pub manifest: ComponentManifest,
    /// Whether it fills a slot that each service fills for itself.
    pub of_services: bool,
    /// The files that it adds, in order of their path in the pack.
    pub files: Vec<ComponentFile>,
}

/// What the user can choose on the command line beside components' flags.
#[derive(Debug, Clone, Copy)]
pub struct OptionOf<'a> {
    /// The component that declares it.
    pub component: &'a Component,
    /// The declaration.
    pub manifest: &'a OptionManifest,
}

impl Pack {
    /// The pack inside this program. Its validity is held by tests, not checked at run time.
    pub fn embedded() -> Result<Self, Error> {
        let files = embedded::files().iter().map(|file| (file.path, file.bytes)).collect();
        let mut problems = Vec::new();
        let pack = Self::read(files, &BTreeSet::new(), None, &mut problems);
        pack.filter(|_| problems.is_empty()).ok_or(Error::Pack(problems))
    }

    /// Reads the pack in the folder `root`, with what cannot be read; `None` where nothing can.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no pack, [`Error::Io`] where it cannot be read.
    pub fn read_from(root: &Path) -> Result<(Option<Self>, Vec<Problem>), Error> {
        if !root.join(PACK_MANIFEST).is_file() {
            return Err(Error::usage(
                format!("`{}` is not a pack: it has no `{PACK_MANIFEST}`", root.display()),
                "give the folder that holds `pack.toml`",
            ));
        }
        let directory = Directory::read(root)?;
        let mut problems = directory.problems;
        let origin = Some(root.display().to_string());
        let pack = Self::read(directory.files, &directory.folders, origin, &mut problems);
        Ok((pack, problems))
    }

    /// `pack.toml` of the embedded pack, which alone is read.
    pub fn embedded_manifest() -> Result<PackManifest, Error> {
        let file = embedded::file(PACK_MANIFEST).map(|file| (file.path, file.bytes));
        let mut problems = Vec::new();
        parse_manifest(&file.into_iter().collect(), PACK_MANIFEST, &mut problems)
            .ok_or(Error::Pack(problems))
    }

    /// Puts a pack together from its files; `folders` are all of its folders, empty ones included.
    fn read(
        files: Files,
        folders: &BTreeSet<String>,
        origin: Option<String>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let manifest: Option<PackManifest> = parse_manifest(&files, PACK_MANIFEST, problems);
        let mut versions: toml::Table = manifest
            .as_ref()
            .and_then(|manifest| manifest.versions.as_deref())
            .and_then(|path| parse_manifest(&files, path, problems))
            .unwrap_or_default();
        let locks = manifest.iter().flat_map(|manifest: &PackManifest| &manifest.lockfile);
        let locks: Vec<&str> =
            locks.filter_map(|lockfile| lockfile.path.rsplit('/').next()).collect();
        let slots = manifest.as_ref().map(|manifest| manifest.slots.clone()).unwrap_or_default();
        let mut components: Vec<Component> = Vec::new();
        let mut unread = BTreeSet::new();
        let own = component_folders(files.keys().copied());
        problems.extend(strays(&files, folders, &own));
        for folder in own {
            let path = format!("{folder}/{COMPONENT_MANIFEST}");
            let id = folder.rsplit('/').next().unwrap_or(&folder).to_owned();
            if let Some(other) = components.iter().find(|other| other.id == id) {
                let message = format!("`{id}` is the id of `{}` as well", other.folder);
                problems.push(Problem::new(Place::file(path), message));
                continue;
            }
            let Some(manifest) = parse_manifest::<ComponentManifest>(&files, &path, problems)
            else {
                unread.insert(id);
                continue;
            };
            if let Err((name, message)) = add_versions(&mut versions, &manifest) {
                let text = files
                    .get(path.as_str())
                    .map(|bytes| String::from_utf8_lossy(bytes))
                    .unwrap_or_default();
                let place = Place::at(&path, &text, text.find(name).unwrap_or_default());
                problems.push(Problem::new(place, message));
            }
            let files = component_files(&files, &folder, &locks, problems);
            let slot = manifest.slot.as_ref().and_then(|slot| slots.get(slot));
            let of_services = slot.is_some_and(|slot| !slot.of.0.is_empty());
            components.push(Component { id, folder, manifest, of_services, files });
        }
        let components = in_order(components).map_err(|cycle| problems.push(cycle)).ok()?;
        Some(Self { manifest: manifest?, components, versions, unread, origin, files })
    }

    /// The component with this id.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.id == id)
    }

    /// The component that the flag `--<flag>` turns on.
    #[must_use]
    pub fn by_flag(&self, flag: &str) -> Option<&Component> {
        self.flagged().find(|(own, _)| *own == flag).map(|(_, component)| component)
    }

    /// The components that a flag turns on, each with its flag, in pack order.
    pub fn flagged(&self) -> impl Iterator<Item = (&str, &Component)> {
        self.components.iter().filter_map(|component| Some((component.flag()?, component)))
    }

    /// The slots that are filled once for the project.
    pub fn slots(&self) -> impl Iterator<Item = (&String, &SlotManifest)> {
        self.manifest.slots.iter().filter(|(_, manifest)| manifest.of.0.is_empty())
    }

    /// The slots that each service of `kind` has.
    pub fn slots_of<'a>(
        &'a self,
        kind: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a SlotManifest)> {
        let has = move |manifest: &SlotManifest| manifest.of.0.iter().any(|own| own == kind);
        self.manifest.slots.iter().filter(move |(_, manifest)| has(manifest))
    }

    /// The slots that services have, whatever their kind.
    pub fn slots_of_services(&self) -> impl Iterator<Item = (&String, &SlotManifest)> {
        self.manifest.slots.iter().filter(|(_, manifest)| !manifest.of.0.is_empty())
    }

    /// Whether services of `kind` can have the component: they all have what fills no slot of services.
    #[must_use]
    pub fn can_have(&self, kind: &str, component: &Component) -> bool {
        let slot = component.service_slot();
        let own = |slot| self.slots_of(kind).any(|(own, _)| own == slot);
        slot.is_none_or(|slot| own(slot) && self.fits(component, Some(kind)))
    }

    /// The components that can fill `slot`, in pack order.
    pub fn fillers<'a>(&'a self, slot: &'a str) -> impl Iterator<Item = &'a Component> {
        self.components
            .iter()
            .filter(move |component| component.manifest.slot.as_deref() == Some(slot))
    }

    /// The components that can fill `slot` for a service of `kind`, or for the project where that is
    /// `None`, in pack order.
    pub fn fillers_for<'a>(
        &'a self,
        slot: &'a str,
        kind: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Component> {
        self.fillers(slot).filter(move |component| self.fits(component, kind))
    }

    /// Their ids.
    #[must_use]
    pub fn filler_ids<'a>(&'a self, slot: &'a str, kind: Option<&'a str>) -> Vec<&'a str> {
        self.fillers_for(slot, kind).map(|component| component.id.as_str()).collect()
    }

    /// Whether what fills a slot can do so for a service of `kind`.
    fn fits(&self, component: &Component, kind: Option<&str>) -> bool {
        let both = component.manifest.of.as_deref().zip(kind);
        both.is_none_or(|(of, kind)| self.is_of(of, kind))
    }

    /// Whether services of `kind` are among those that `of` names, a kind or a runtime.
    #[must_use]
    pub fn is_of(&self, of: &str, kind: &str) -> bool {
        let declared = self.component_of_kind(kind).map(|it| &it.manifest.kind[kind]);
        let runtime = declared.and_then(|kind| kind.runtime.as_deref()).unwrap_or_default();
        is_service_of(of, kind, runtime)
    }

    /// The services of `kind` that come by themselves, each with what brings it.
    pub fn brought<'a>(
        &'a self,
        kind: &'a str,
    ) -> impl Iterator<Item = (&'a Component, &'a ServiceManifest)> {
        self.components.iter().flat_map(move |component| {
            let own = component.manifest.service.iter().filter(move |service| service.kind == kind);
            own.map(move |service| (component, service))
        })
    }

    /// The component that fills `slot` where nothing else is chosen: for a service of `kind`, or for
    /// the project where that is `None`.
    ///
    /// # Panics
    /// Where validation would have refused the pack.
    #[must_use]
    pub fn default_filler(&self, slot: &str, kind: Option<&str>) -> &Component {
        self.components
            .iter()
            .filter(|component| component.manifest.slot.as_deref() == Some(slot))
            .find(|component| component.manifest.default && self.fits(component, kind))
            .expect("validation holds that every slot has one default")
    }

    /// The options of all components, in pack order.
    pub fn options(&self) -> impl Iterator<Item = OptionOf<'_>> {
        self.components.iter().flat_map(|component| {
            component.manifest.option.iter().map(move |manifest| OptionOf { component, manifest })
        })
    }

    /// The component that brings the service kind `kind`.
    #[must_use]
    pub fn component_of_kind(&self, kind: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.manifest.kind.contains_key(kind))
    }

    /// The names of all service kinds, in pack order.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.components
            .iter()
            .flat_map(|component| component.manifest.kind.keys().map(String::as_str))
    }

    /// The names of all runtimes, in pack order.
    pub fn runtimes(&self) -> impl Iterator<Item = &str> {
        let declared =
            self.components.iter().flat_map(|component| component.manifest.runtime.keys());
        declared.map(String::as_str)
    }

    /// Whether a component declares the runtime `name`.
    #[must_use]
    pub fn is_runtime(&self, name: &str) -> bool {
        self.runtimes().any(|runtime| runtime == name)
    }

    /// The names that components may contribute to.
    #[must_use]
    pub fn contributions(&self) -> BTreeMap<&str, &ContributionManifest> {
        let own = self.manifest.contributions.iter();
        own.chain(self.components.iter().flat_map(|component| &component.manifest.contributions))
            .map(|(name, manifest)| (name.as_str(), manifest))
            .collect()
    }

    /// Every file that a component adds, with its component, in pack order.
    pub fn added_files(&self) -> impl Iterator<Item = (&Component, &ComponentFile)> {
        let of = |component| std::iter::repeat(component);
        self.components.iter().flat_map(move |component| of(component).zip(&component.files))
    }

    /// The content of the file at `path` of the pack.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&'static [u8]> {
        self.files.get(path).copied()
    }

    /// The text of the template or data file at `path` of the pack.
    pub fn text(&self, path: &str) -> Result<&str, Problem> {
        let bytes = self
            .files
            .get(path)
            .ok_or_else(|| Problem::new(Place::file(path), "the pack has no such file"))?;
        std::str::from_utf8(bytes).map_err(|error| not_utf8(path, bytes, &error))
    }

    /// Where the file at `path` of the pack says `near`: in quotes, else anywhere, else the file.
    #[must_use]
    pub fn place(&self, path: &str, near: &str) -> Place {
        let Ok(text) = self.text(path) else {
            return Place::file(path);
        };
        let quoted = format!("\"{near}\"");
        match text.find(&quoted).map(|at| at + 1).or_else(|| text.find(near)) {
            Some(offset) if !near.is_empty() => Place::at(path, text, offset),
            _ => Place::file(path),
        }
    }

    /// `sha256:` over every path and content of the pack, in order of the paths.
    #[must_use]
    pub fn digest(&self) -> String {
        match self.origin {
            None => embedded::digest().to_owned(),
            Some(_) => digest::of_files(self.files.iter().map(|(path, bytes)| (*path, *bytes))),
        }
    }

    /// An empty set of templates with the pack's delimiters and versions.
    pub fn templates(&self) -> Result<Templates, Problem> {
        Templates::new(&self.manifest.delimiters, &self.versions)
            .map_err(|reason| Problem::new(Place::file(PACK_MANIFEST), reason))
    }
}

impl Component {
    /// The path of its manifest in the pack.
    #[must_use]
    pub fn manifest_path(&self) -> String {
        format!("{}/{COMPONENT_MANIFEST}", self.folder)
    }

    /// Where it locks packages of its own for the lock file `path` of projects: beside its manifest.
    #[must_use]
    pub fn lock(&self, path: &str) -> String {
        format!("{}/{}", self.folder, path.rsplit('/').next().unwrap_or(path))
    }

    /// The slot that it fills for single services.
    #[must_use]
    pub fn service_slot(&self) -> Option<&str> {
        self.manifest.slot.as_deref().filter(|_| self.of_services)
    }

    /// What it is called where a project chooses it: by its flag or, for what fills a slot of the
    /// project, its id.
    #[must_use]
    pub fn choice(&self) -> Option<&str> {
        let fills = self.manifest.slot.is_some() && !self.of_services;
        self.flag().or(fills.then_some(&self.id))
    }

    /// The flag that turns it on.
    #[must_use]
    pub fn flag(&self) -> Option<&str> {
        self.manifest.flag.as_deref()
    }

    /// Whether it can be beside the components in `on`: one of those that it is for is there.
    #[must_use]
    pub fn applies(&self, on: &BTreeSet<String>) -> bool {
        let applies = &self.manifest.applies;
        applies.is_empty() || applies.iter().any(|other| on.contains(other))
    }
}

/// What lies beside components and is none: a folder whose manifest is missing, a file that nothing
/// uses.
fn strays(files: &Files, folders: &BTreeSet<String>, own: &[String]) -> Vec<Problem> {
    let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
    let mut rooms: BTreeSet<String> = BTreeSet::new();
    for folder in own {
        let mut above = parent(folder);
        while let Some(room) = above {
            above = parent(&room);
            rooms.insert(room);
        }
    }
    let in_room = |path: &str| parent(path).is_some_and(|parent| rooms.contains(&parent));
    let lonely = folders.iter().filter(|folder| in_room(folder));
    let lonely = lonely.filter(|folder| !own.contains(folder) && !rooms.contains(*folder));
    let mut problems: Vec<Problem> = lonely
        .map(|folder| {
            let message = format!("the component has no `{COMPONENT_MANIFEST}`");
            Problem::new(Place::file(folder), message)
        })
        .collect();
    problems.extend(files.keys().filter(|path| in_room(path)).map(|path| {
        let room = parent(path).unwrap_or_default();
        let message = format!("`{room}/` holds a folder for each component, and nothing else");
        Problem::new(Place::file(*path), message)
    }));
    problems
}

/// The files of a component, in order of their paths; `locks` are what locks of its own are called.
fn component_files(
    files: &Files,
    folder: &str,
    locks: &[&str],
    problems: &mut Vec<Problem>,
) -> Vec<ComponentFile> {
    let prefix = format!("{folder}/");
    let mut found = Vec::new();
    let behind = files.range::<str, _>((Bound::Excluded(prefix.as_str()), Bound::Unbounded));
    let own = behind.take_while(|(path, _)| path.starts_with(&prefix));
    for (source, _) in own {
        let inner = &source[prefix.len()..];
        if is_about_the_component(inner) || locks.contains(&inner) {
            continue;
        }
        match ComponentFile::read(&prefix, inner) {
            Some(file) => found.push(file),
            None => problems.push(Problem::new(
                Place::file(*source),
                "files lie in `files/`, `files+<component>/`, `files@<kind>/`, `code@<kind>/`, `for@<binding>.<runtime>/` or `each@<kind>/`",
            )),
        }
    }
    found
}

/// Puts what a component pins into the tables of all; what cannot be, by its name, and why.
fn add_versions<'a>(
    all: &mut toml::Table,
    manifest: &'a ComponentManifest,
) -> Result<(), (&'a str, String)> {
    for (name, own) in &manifest.versions {
        let empty = toml::Value::Table(toml::Table::new());
        let table = all.entry(name).or_insert(empty).as_table_mut();
        let (Some(table), Some(own)) = (table, own.as_table()) else {
            return Err((name, format!("`versions.{name}` is no table of versions")));
        };
        for (pinned, version) in own {
            if table.get(pinned).is_some_and(|there| there != version) {
                let message =
                    format!("`versions.{name}` pins `{pinned}` to another version already");
                return Err((pinned, message));
            }
            table.insert(pinned.clone(), version.clone());
        }
    }
    Ok(())
}

/// Sorts components so that what is required comes first, else by id.
fn in_order(components: Vec<Component>) -> Result<Vec<Component>, Problem> {
    let mut waiting: BTreeMap<String, Component> =
        components.into_iter().map(|component| (component.id.clone(), component)).collect();
    let mut ordered: Vec<Component> = Vec::new();
    while !waiting.is_empty() {
        let ready = waiting
            .values()
            .find(|component| {
                let manifest = &component.manifest;
                manifest.requires.iter().chain(&manifest.applies).all(|required| {
                    !waiting.values().any(|other| {
                        other.id == *required || other.manifest.slot.as_ref() == Some(required)
                    })
                })
            })
            .map(|component| component.id.clone());
        let Some(id) = ready else {
            let ids: Vec<String> = waiting.keys().map(|id| format!("`{id}`")).collect();
            let first = waiting.values().next().map(Component::manifest_path);
            return Err(Problem::new(
                Place::file(first.unwrap_or_default()),
                format!("these components require each other in a circle: {}", ids.join(", ")),
            ));
        };
        ordered.extend(waiting.remove(&id));
    }
    Ok(ordered)
}

fn parse_manifest<T: DeserializeOwned>(
    files: &Files,
    path: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let Some(bytes) = files.get(path) else {
        problems.push(Problem::new(Place::file(path), "the pack has no such file"));
        return None;
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            problems.push(not_utf8(path, bytes, &error));
            return None;
        }
    };
    if let Some(value) =
        embedded::json_of(path, bytes).and_then(|json| serde_json::from_str(json).ok())
    {
        return Some(value);
    }
    match toml::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join(": ");
            problems.push(Problem::new(Place::at(path, text, offset), message));
            None
        }
    }
}

fn not_utf8(path: &str, bytes: &[u8], error: &std::str::Utf8Error) -> Problem {
    let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
    Problem::new(
        Place::at(path, &before, before.len()),
        "a template must be UTF-8; without the suffix `.tera` the file is copied as it is",
    )
}

/// What is in the folder of a pack.
#[derive(Default)]
struct Directory {
    files: Files,
    /// All folders, also those without a file.
    folders: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Directory {
    fn read(root: &Path) -> Result<Self, Error> {
        let mut read = Self::default();
        for entry in WalkDir::new(root).sort_by_file_name() {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(root).to_owned();
                Error::io("cannot read", &path, error.into())
            })?;
            let relative = entry.path().strip_prefix(root).expect("WalkDir stays under its root");
            if entry.depth() == 0 {
                continue;
            }
            let path = portable_path(relative)?;
            let kind = entry.file_type();
            if kind.is_dir() {
                read.folders.insert(path);
            } else if kind.is_symlink() {
                read.problems.push(Problem::new(
                    Place::file(path),
                    "a pack holds no symbolic links: they can leave the destination",
                ));
            } else if !kind.is_file() {
                // A pipe would be waited for without end.
                read.problems
                    .push(Problem::new(Place::file(path), "a pack holds plain files only"));
            } else {
                let bytes = fs::read(entry.path())
                    .map_err(|error| Error::io("cannot read", entry.path(), error))?;
                read.files.insert(path.leak(), bytes.leak());
            }
        }
        Ok(read)
    }
}

/// The path with `/` between its parts, on every platform.
fn portable_path(path: &Path) -> Result<String, Error> {
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    parts.map(|parts| parts.join("/")).ok_or_else(|| {
        Error::Pack(vec![Problem::new(
            Place::file(path.display().to_string()),
            "the name of the file is not UTF-8",
        )])
    })
}
