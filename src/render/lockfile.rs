//! Prunes a lock file of everything to what the rendered manifests reach, so that every
//! selection ships a lock that its package manager takes as its own.
//!
//! The walk follows Node's resolution (a package is looked up in the `node_modules` of each
//! folder from the dependent upwards), and the flags `dev`, `optional`, `devOptional` and
//! `peer` follow npm's rule: a flag stays only where every way to the package carries it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::text::error::{Place, Problem};

type Packages<'a> = BTreeMap<String, &'a Value>;

/// One dependency of a package.
struct Edge {
    to: String,
    dev: bool,
    optional: bool,
    peer: bool,
}

/// What npm notes of a package, each true until a way to it without the property is found.
#[derive(Clone, Copy, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "npm has these four")]
struct Flags {
    dev: bool,
    optional: bool,
    dev_optional: bool,
    peer: bool,
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
    more: &[(&str, &str)],
    manifests: &BTreeMap<String, String>,
) -> Result<String, Problem> {
    let mut locks: Vec<(&str, Value)> = Vec::new();
    for (path, text) in [(source, full)].iter().chain(more) {
        locks.push((path, parse(path, text)?));
    }
    let mut locked = Packages::new();
    for (place, lock) in &locks {
        let packages = lock["packages"].as_object().into_iter().flatten();
        // The project's own packages are those that are rendered, not those of the lock.
        let packages = packages
            .filter(|(path, entry)| path.contains("node_modules/") && entry["link"] != json!(true));
        for (path, entry) in packages {
            let there = *locked.entry(path.clone()).or_insert(entry);
            if there["version"] != entry["version"] {
                let version =
                    |entry: &Value| entry["version"].as_str().unwrap_or_default().to_owned();
                let message = format!(
                    "`{path}` is {} here and {} in `{source}`: lock it anew beside that version",
                    version(entry),
                    version(there)
                );
                return Err(Problem::new(Place::file(*place), message));
            }
        }
    }
    let mut parsed = BTreeMap::new();
    for (folder, text) in manifests {
        let path = if folder.is_empty() {
            "package.json".to_owned()
        } else {
            format!("{folder}/package.json")
        };
        parsed.insert(folder.clone(), parse(&path, text)?);
    }
    let mut entries: BTreeMap<String, Value> = BTreeMap::new();
    for (folder, manifest) in &parsed {
        entries.insert(folder.clone(), own_entry(manifest));
        if !folder.is_empty() {
            let name = manifest["name"].as_str().unwrap_or_default();
            entries
                .insert(format!("node_modules/{name}"), json!({"resolved": folder, "link": true}));
        }
    }
    let own: BTreeSet<String> = parsed.keys().cloned().collect();
    let mut waiting: Vec<String> = own.iter().cloned().collect();
    while let Some(path) = waiting.pop() {
        for (name, kind) in dependencies(&entries[&path], own.contains(&path)) {
            if kind.peer && kind.optional {
                continue;
            }
            let exists =
                |candidate: &str| locked.contains_key(candidate) || entries.contains_key(candidate);
            match resolve(&path, &name, exists) {
                Some(found) if entries.contains_key(&found) => {}
                Some(found) => {
                    let mut entry = locked[&found].clone();
                    if let Some(fields) = entry.as_object_mut() {
                        for flag in ["dev", "optional", "devOptional", "peer"] {
                            fields.shift_remove(flag);
                        }
                    }
                    entries.insert(found.clone(), entry);
                    waiting.push(found);
                }
                None if kind.optional => {}
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
    }
    flag(&mut entries, &own);
    let root = &parsed.get("").cloned().unwrap_or_default();
    let mut whole = Map::new();
    whole.insert("name".to_owned(), root["name"].clone());
    if let Some(version) = root.get("version") {
        whole.insert("version".to_owned(), version.clone());
    }
    whole.insert("lockfileVersion".to_owned(), json!(3));
    whole.insert("requires".to_owned(), json!(true));
    let mut sorted: Vec<(String, Value)> = entries.into_iter().collect();
    sorted.sort_by(|(one, _), (other, _)| collate(one, other));
    let packages: Map<String, Value> =
        sorted.into_iter().map(|(path, entry)| (path, in_npm_order(&entry))).collect();
    whole.insert("packages".to_owned(), Value::Object(packages));
    let text = serde_json::to_string_pretty(&Value::Object(whole))
        .map_err(|error| Problem::new(Place::file(source), error.to_string()))?;
    Ok(text + "\n")
}

fn parse(path: &str, text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let place = Place { path: path.to_owned(), line: error.line(), column: error.column() };
        Problem::new(place, "this is not JSON")
    })
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "package.json" } else { path }
}

/// What npm records of the project's own packages.
fn own_entry(manifest: &Value) -> Value {
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
    Value::Object(entry)
}

fn nested(path: &str, name: &str) -> String {
    if path.is_empty() {
        format!("node_modules/{name}")
    } else {
        format!("{path}/node_modules/{name}")
    }
}

/// Where Node finds `name` from within the package at `path`.
fn resolve(path: &str, name: &str, exists: impl Fn(&str) -> bool) -> Option<String> {
    let mut folder = path;
    loop {
        if !folder.ends_with("node_modules") {
            let candidate = nested(folder, name);
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

/// The names that an entry depends on; development dependencies count for own packages only.
fn dependencies(entry: &Value, own: bool) -> BTreeMap<String, Edge> {
    let mut edges = BTreeMap::new();
    let names = |field: &str| -> Vec<String> {
        entry[field].as_object().map(|found| found.keys().cloned().collect()).unwrap_or_default()
    };
    let mut add = |name: String, dev: bool, optional: bool, peer: bool| {
        edges.insert(name, Edge { to: String::new(), dev, optional, peer });
    };
    for name in names("peerDependencies") {
        let optional = entry["peerDependenciesMeta"][&name]["optional"] == json!(true);
        add(name, false, optional, true);
    }
    for name in names("dependencies") {
        add(name, false, false, false);
    }
    for name in names("optionalDependencies") {
        add(name, false, true, false);
    }
    if own {
        for name in names("devDependencies") {
            add(name, true, false, false);
        }
    }
    edges
}

/// Sets each entry's flags, walking from the root until nothing changes.
fn flag(entries: &mut BTreeMap<String, Value>, own: &BTreeSet<String>) {
    let edges = |path: &str| -> Vec<Edge> {
        let entry = &entries[path];
        if let Some(target) = entry["resolved"].as_str().filter(|_| entry["link"] == json!(true)) {
            return vec![Edge { to: target.to_owned(), dev: false, optional: false, peer: false }];
        }
        let mut found: Vec<Edge> = dependencies(entry, own.contains(path))
            .into_iter()
            .filter_map(|(name, edge)| {
                let to = resolve(path, &name, |candidate| entries.contains_key(candidate))?;
                Some(Edge { to, ..edge })
            })
            .collect();
        if path.is_empty() {
            let links = entries.iter().filter(|(_, entry)| entry["link"] == json!(true));
            found.extend(links.map(|(to, _)| Edge {
                to: to.clone(),
                dev: false,
                optional: false,
                peer: false,
            }));
        }
        found
    };
    let all = Flags { dev: true, optional: true, dev_optional: true, peer: true };
    let none = Flags { dev: false, optional: false, dev_optional: false, peer: false };
    let mut flags: BTreeMap<String, Flags> =
        entries.keys().map(|path| (path.clone(), all)).collect();
    flags.insert(String::new(), none);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut waiting = vec![String::new()];
    while let Some(path) = waiting.pop() {
        let from = flags[&path];
        for edge in edges(&path) {
            let to = flags[&edge.to];
            let now = Flags {
                dev: to.dev && (from.dev || edge.dev),
                optional: to.optional && (from.optional || edge.optional),
                // What is only for development, or optional, is either of the two.
                dev_optional: to.dev_optional && (from.dev_optional || edge.dev || edge.optional),
                peer: to.peer && (from.peer || edge.peer),
            };
            let changed = now != to;
            flags.insert(edge.to.clone(), now);
            if seen.insert(edge.to.clone()) || changed {
                waiting.push(edge.to);
            }
        }
    }
    for (path, flags) in flags {
        let Some(fields) = entries.get_mut(&path).and_then(Value::as_object_mut) else {
            continue;
        };
        // The project's own packages are reached without any, so that no note is made of them.
        let notes = [
            ("peer", flags.peer),
            ("dev", flags.dev),
            ("optional", flags.optional),
            ("devOptional", flags.dev_optional && !flags.dev && !flags.optional),
        ];
        for (name, set) in notes {
            if set {
                fields.insert(name.to_owned(), json!(true));
            }
        }
    }
}

/// The order in which npm writes the fields of an entry: plain values before objects, and a few
/// names before the rest.
fn in_npm_order(value: &Value) -> Value {
    const FIRST: [&str; 5] = ["name", "version", "resolved", "integrity", "dependencies"];
    let Value::Object(fields) = value else {
        return value.clone();
    };
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
    sorted.sort_by(|(one, one_value), (other, other_value)| {
        one_value
            .is_object()
            .cmp(&other_value.is_object())
            .then(rank(one).cmp(&rank(other)))
            .then_with(|| collate(one, other))
    });
    Value::Object(
        sorted.into_iter().map(|(key, value)| (key.clone(), in_npm_order(value))).collect(),
    )
}

/// Compares as `localeCompare` does for the characters that package names and paths have:
/// punctuation before digits before letters, letter case last.
fn collate(one: &str, other: &str) -> Ordering {
    const PUNCTUATION: &str = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
    let weight = |c: char| match PUNCTUATION.find(c) {
        Some(rank) => (0, rank),
        None => (1, c.to_ascii_lowercase() as usize),
    };
    one.chars().map(weight).cmp(other.chars().map(weight)).then_with(|| other.cmp(one))
}
