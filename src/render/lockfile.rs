//! Prunes a lock file of everything to what the rendered manifests reach, so that every
//! selection ships a lock that its package manager takes as its own.
//!
//! The walk follows Node's resolution (a package is looked up in the `node_modules` of each
//! folder from the dependent upwards), and the flags `dev`, `optional`, `devOptional` and
//! `peer` follow npm's rule: a flag stays only where every way to the package carries it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::text::error::{Place, Problem};

/// A lock, with its entries as they are written: most stay what they are.
#[derive(Deserialize)]
struct Lock<'a> {
    #[serde(borrow, default)]
    packages: BTreeMap<String, &'a RawValue>,
}

/// What pruning reads of an entry.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "npm has these five")]
struct Entry {
    link: bool,
    dependencies: Names,
    optional_dependencies: Names,
    peer_dependencies: Names,
    peer_dependencies_meta: BTreeMap<String, PeerMeta>,
    peer: bool,
    dev: bool,
    optional: bool,
    dev_optional: bool,
}

type Names = IndexMap<String, IgnoredAny>;

#[derive(Deserialize, Default)]
#[serde(default)]
struct PeerMeta {
    optional: bool,
}

/// A package of the pruned lock.
struct Package<'a> {
    content: Content<'a>,
    /// By name.
    dependencies: BTreeMap<String, Edge>,
}

enum Content<'a> {
    /// One of the project's own.
    Own(Map<String, Value>),
    /// Stands for the project's own package in a folder.
    Link(String),
    /// As it is in the lock of everything, with what npm noted of it there.
    Locked(&'a RawValue, Notes),
}

/// Packages by their paths.
type Packages<'a> = BTreeMap<String, Package<'a>>;

/// One dependency of a package.
#[derive(Clone, Copy, Default)]
struct Edge {
    /// The number of the package, once it is known.
    to: usize,
    dev: bool,
    optional: bool,
    peer: bool,
}

/// How a package is reached, each true until a way to it without the property is found.
#[derive(Clone, Copy, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "npm has these four")]
struct Flags {
    dev: bool,
    optional: bool,
    dev_optional: bool,
    peer: bool,
}

/// What npm writes of that into an entry.
#[derive(Clone, Copy, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "npm has these four")]
struct Notes {
    peer: bool,
    dev: bool,
    optional: bool,
    dev_optional: bool,
}

/// A lock as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pruned<'a> {
    name: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a Value>,
    lockfile_version: u8,
    requires: bool,
    packages: IndexMap<&'a str, Written<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Written<'a> {
    AsItIs(&'a RawValue),
    Anew(Value),
}

/// Cuts the npm lock `full` (lockfile version 3) down to what `manifests` reach.
///
/// `more` are locks of components, with their paths, whose packages are beside those of `full`.
/// `manifests` are the `package.json` files of the project by folder, `""` being the root, and
/// every other one a workspace.
///
/// # Errors
/// A [`Problem`] where a manifest is not JSON or needs what the lock does not have, and where two
/// locks have one package in two versions at one place.
pub fn prune_npm(
    source: &str,
    full: &str,
    more: &[(String, &str)],
    manifests: &BTreeMap<String, String>,
) -> Result<String, Problem> {
    let mut parsed: BTreeMap<&str, Value> = BTreeMap::new();
    for (folder, text) in manifests {
        let separator = if folder.is_empty() { "" } else { "/" };
        parsed.insert(folder, parse(&format!("{folder}{separator}package.json"), text)?);
    }
    let packages = reached(source, locked(source, full, more)?, &parsed)?;
    let notes = notes(&packages);
    let mut sorted: Vec<((&str, &Content), Notes)> = packages
        .iter()
        .map(|(path, package)| (path.as_str(), &package.content))
        .zip(notes)
        .collect();
    sorted.sort_by(|((one, _), _), ((other, _), _)| collate(one, other));
    let mut written = IndexMap::with_capacity(sorted.len());
    for ((path, content), notes) in sorted {
        written.insert(path, content.written(source, notes)?);
    }
    let root = parsed.get("");
    let pruned = Pruned {
        name: root.map(|root| root["name"].clone()).unwrap_or_default(),
        version: root.and_then(|root| root.get("version")),
        lockfile_version: 3,
        requires: true,
        packages: written,
    };
    let text = serde_json::to_string_pretty(&pruned)
        .map_err(|error| Problem::new(Place::file(source), error.to_string()))?;
    Ok(text + "\n")
}

/// What stands in a lock, by place in the project: its text, and what it says.
type Locked<'a> = BTreeMap<String, (&'a RawValue, Entry)>;

/// The packages of the lock `full` and of those beside it.
fn locked<'a>(
    source: &str,
    full: &'a str,
    more: &[(String, &'a str)],
) -> Result<Locked<'a>, Problem> {
    let mut locked = Locked::new();
    let more = more.iter().map(|(place, text)| (place.as_str(), *text));
    let locks: Vec<(&str, &'a str)> = [(source, full)].into_iter().chain(more).collect();
    for (place, text) in &locks {
        let lock: Lock = serde_json::from_str(text).map_err(|error| not_json(place, &error))?;
        // The project's own packages are those that are rendered, not those of the lock.
        for (path, text) in lock.packages {
            if !path.contains("node_modules/") {
                continue;
            }
            let entry: Entry = serde_json::from_str(text.get()).map_err(|error| {
                let message = format!("the entry of `{path}` is not what npm writes: {error}");
                Problem::new(Place::file(*place), message)
            })?;
            if entry.link {
                continue;
            }
            let Some((there, _)) = locked.get(&path) else {
                locked.insert(path, (text, entry));
                continue;
            };
            let (here, there) = (version(text), version(there));
            if here != there {
                let has = |(_, text): &&(&str, &str)| text.contains(&format!("\"{path}\":"));
                let other = locks.iter().find(has).map_or(source, |(place, _)| place);
                let message = format!(
                    "`{path}` is {here} here and {there} in `{other}`: lock it anew beside that version"
                );
                return Err(Problem::new(Place::file(*place), message));
            }
        }
    }
    Ok(locked)
}

/// The version in an entry of a lock.
fn version(entry: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Versioned {
        version: String,
    }
    serde_json::from_str(entry.get()).map_or_else(|_| String::new(), |it: Versioned| it.version)
}

/// The project's own packages, and those of the locks that they reach.
fn reached<'a>(
    source: &str,
    mut locked: Locked<'a>,
    manifests: &BTreeMap<&str, Value>,
) -> Result<Packages<'a>, Problem> {
    let mut packages = Packages::new();
    for (folder, manifest) in manifests {
        let entry = own_entry(manifest);
        let dependencies = own_dependencies(&entry);
        packages
            .insert((*folder).to_owned(), Package { content: Content::Own(entry), dependencies });
        if !folder.is_empty() {
            let name = manifest["name"].as_str().unwrap_or_default();
            let content = Content::Link((*folder).to_owned());
            let package = Package { content, dependencies: BTreeMap::new() };
            packages.insert(format!("node_modules/{name}"), package);
        }
    }
    let mut waiting: Vec<String> = manifests.keys().map(|folder| (*folder).to_owned()).collect();
    while let Some(path) = waiting.pop() {
        let mut found = Vec::new();
        for (name, edge) in &packages[&path].dependencies {
            if edge.peer && edge.optional {
                continue;
            }
            let exists = |candidate: &str| {
                locked.contains_key(candidate) || packages.contains_key(candidate)
            };
            match resolve(&path, name, exists) {
                Some(to) => found.push(to),
                None if edge.optional => {}
                None => {
                    return Err(Problem::new(
                        Place::file(source),
                        format!(
                            "neither the lock nor the project has `{name}`, which `{}` needs",
                            shown(&path)
                        ),
                    ));
                }
            }
        }
        for path in found {
            if let Some((text, entry)) = locked.remove(&path) {
                let content = Content::Locked(text, entry.notes());
                let dependencies = entry.into_dependencies();
                packages.insert(path.clone(), Package { content, dependencies });
                waiting.push(path);
            }
        }
    }
    Ok(packages)
}

impl Entry {
    fn notes(&self) -> Notes {
        let Self { peer, dev, optional, dev_optional, .. } = *self;
        Notes { peer, dev, optional, dev_optional }
    }

    /// The packages that it depends on, by name.
    fn into_dependencies(self) -> BTreeMap<String, Edge> {
        let mut edges = BTreeMap::new();
        for (name, _) in self.peer_dependencies {
            let optional = self.peer_dependencies_meta.get(&name).is_some_and(|meta| meta.optional);
            edges.insert(name, Edge { peer: true, optional, ..Edge::default() });
        }
        for (name, _) in self.dependencies {
            edges.insert(name, Edge::default());
        }
        for (name, _) in self.optional_dependencies {
            edges.insert(name, Edge { optional: true, ..Edge::default() });
        }
        edges
    }
}

/// What one of the project's own packages depends on, by name; development dependencies count as
/// well.
fn own_dependencies(entry: &Map<String, Value>) -> BTreeMap<String, Edge> {
    let read: Entry = serde_json::from_value(Value::Object(entry.clone())).unwrap_or_default();
    let mut edges = read.into_dependencies();
    let names = entry.get("devDependencies").and_then(Value::as_object).into_iter().flatten();
    for (name, _) in names {
        edges.insert(name.clone(), Edge { dev: true, ..Edge::default() });
    }
    edges
}

impl<'a> Content<'a> {
    /// The entry with these notes.
    fn written(&self, source: &str, notes: Notes) -> Result<Written<'a>, Problem> {
        let mut entry = match self {
            Self::Locked(text, before) if *before == notes && is_in_form(text) => {
                return Ok(Written::AsItIs(text));
            }
            Self::Locked(text, _) => parse(source, text.get())?,
            Self::Own(entry) => entry.clone(),
            Self::Link(folder) => {
                let fields = [("resolved", json!(folder)), ("link", json!(true))];
                fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
            }
        };
        let notes = [
            ("peer", notes.peer),
            ("dev", notes.dev),
            ("optional", notes.optional),
            ("devOptional", notes.dev_optional),
        ];
        for (name, is_set) in notes {
            entry.shift_remove(name);
            if is_set {
                entry.insert(name.to_owned(), json!(true));
            }
        }
        Ok(Written::Anew(in_npm_order(Value::Object(entry))))
    }
}

/// Whether an entry stands in its lock as npm writes it, and not on one line or so.
fn is_in_form(entry: &RawValue) -> bool {
    entry.get().starts_with("{\n      \"") && entry.get().ends_with("\n    }")
}

fn parse<T: DeserializeOwned>(path: &str, text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| not_json(path, &error))
}

fn not_json(path: &str, error: &serde_json::Error) -> Problem {
    let place = Place { path: path.to_owned(), line: error.line(), column: error.column() };
    Problem::new(place, "this is not JSON")
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "package.json" } else { path }
}

/// What npm records of the project's own packages.
fn own_entry(manifest: &Value) -> Map<String, Value> {
    const RECORDED: [&str; 12] = [
        "name",
        "version",
        "dependencies",
        "devDependencies",
        "peerDependencies",
        "peerDependenciesMeta",
        "optionalDependencies",
        "engines",
        "os",
        "cpu",
        "license",
        "bin",
    ];
    let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
    let mut entry = Map::new();
    for key in RECORDED.iter().chain(&["workspaces"]) {
        if let Some(value) = manifest.get(*key).filter(|value| !is_empty(value)) {
            entry.insert((*key).to_owned(), value.clone());
        }
    }
    entry
}

/// Where Node finds `name` from within the package at `path`.
fn resolve(path: &str, name: &str, exists: impl Fn(&str) -> bool) -> Option<String> {
    let mut folder = path;
    let mut candidate = String::new();
    loop {
        if !folder.ends_with("node_modules") {
            candidate.clear();
            for part in [folder, if folder.is_empty() { "" } else { "/" }, "node_modules/", name] {
                candidate.push_str(part);
            }
            if exists(&candidate) {
                return Some(candidate);
            }
        }
        if folder.is_empty() {
            return None;
        }
        folder = folder.rfind('/').map_or("", |slash| &folder[..slash]);
    }
}

/// What the package at `path` leads to; `paths` are those of all packages, in order.
fn edges(packages: &Packages, paths: &[&str], path: &str) -> Vec<Edge> {
    let number = |path: &str| paths.binary_search(&path).ok();
    let plain = |to: usize| Edge { to, ..Edge::default() };
    let package = &packages[path];
    if let Content::Link(folder) = &package.content {
        return number(folder).map(plain).into_iter().collect();
    }
    let mut found: Vec<Edge> = package
        .dependencies
        .iter()
        .filter_map(|(name, edge)| {
            let to = resolve(path, name, |candidate| packages.contains_key(candidate))?;
            Some(Edge { to: number(&to)?, ..*edge })
        })
        .collect();
    if path.is_empty() {
        let is_link = |package: &Package| matches!(package.content, Content::Link(_));
        let links = packages.values().enumerate().filter(|(_, package)| is_link(package));
        found.extend(links.map(|(to, _)| plain(to)));
    }
    found
}

/// What npm notes of each package, in order of their paths: walks from the root until nothing
/// changes.
fn notes(packages: &Packages) -> Vec<Notes> {
    let all = Flags { dev: true, optional: true, dev_optional: true, peer: true };
    let none = Flags { dev: false, optional: false, dev_optional: false, peer: false };
    let paths: Vec<&str> = packages.keys().map(String::as_str).collect();
    let edges: Vec<Vec<Edge>> = paths.iter().map(|path| edges(packages, &paths, path)).collect();
    let mut flags = vec![all; paths.len()];
    // The root: its path is empty, and so the first.
    let mut waiting = Vec::new();
    if let Some(root) = flags.first_mut() {
        *root = none;
        waiting.push(0);
    }
    let mut seen = vec![false; paths.len()];
    while let Some(number) = waiting.pop() {
        let from = flags[number];
        for edge in &edges[number] {
            let to = flags[edge.to];
            let now = Flags {
                dev: to.dev && (from.dev || edge.dev),
                optional: to.optional && (from.optional || edge.optional),
                // What is only for development, or optional, is either of the two.
                dev_optional: to.dev_optional && (from.dev_optional || edge.dev || edge.optional),
                peer: to.peer && (from.peer || edge.peer),
            };
            flags[edge.to] = now;
            if !seen[edge.to] || now != to {
                seen[edge.to] = true;
                waiting.push(edge.to);
            }
        }
    }
    // The project's own packages are reached without any, so that no note is made of them.
    let noted = flags.into_iter().map(|flags| Notes {
        peer: flags.peer,
        dev: flags.dev,
        optional: flags.optional,
        dev_optional: flags.dev_optional && !flags.dev && !flags.optional,
    });
    noted.collect()
}

/// The order in which npm writes the fields of an entry: plain values before objects, and a few
/// names before the rest.
fn in_npm_order(value: Value) -> Value {
    const FIRST: [&str; 5] = ["name", "version", "resolved", "integrity", "dependencies"];
    let Value::Object(mut fields) = value else {
        return value;
    };
    for value in fields.values_mut() {
        *value = in_npm_order(value.take());
    }
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let compare = |(one, one_value): &(&String, &Value),
                   (other, other_value): &(&String, &Value)| {
        one_value
            .is_object()
            .cmp(&other_value.is_object())
            .then(rank(one).cmp(&rank(other)))
            .then_with(|| collate(one, other))
    };
    // As most come from a lock that npm has written.
    if fields.iter().is_sorted_by(|one, other| compare(one, other).is_le()) {
        return Value::Object(fields);
    }
    let mut sorted: Vec<(String, Value)> = fields.into_iter().collect();
    sorted.sort_by(|(one, one_value), (other, other_value)| {
        compare(&(one, one_value), &(other, other_value))
    });
    Value::Object(sorted.into_iter().collect())
}

/// Compares as `localeCompare` does for the characters that package names and paths have:
/// punctuation before digits before letters, letter case last.
fn collate(one: &str, other: &str) -> Ordering {
    const PUNCTUATION: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
    let weight = |c: char| {
        if c.is_ascii_alphanumeric() {
            return (1, c.to_ascii_lowercase() as usize);
        }
        match PUNCTUATION.find(c) {
            Some(rank) => (0, rank),
            None => (1, c as usize),
        }
    };
    one.chars().map(weight).cmp(other.chars().map(weight)).then_with(|| other.cmp(one))
}
