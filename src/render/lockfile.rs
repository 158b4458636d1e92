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

/// Entries by their paths, as in the lock.
type Packages = BTreeMap<String, Map<String, Value>>;

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
/// `manifests` are the `package.json` files of the project by folder, `""` being the root, and
/// every other one a workspace.
///
/// # Errors
/// A [`Problem`] where a manifest is not JSON or needs what the lock does not have.
pub fn prune_npm(
    source: &str,
    full: &str,
    manifests: &BTreeMap<String, String>,
) -> Result<String, Problem> {
    let mut locked = packages(parse(source, full)?);
    let mut parsed = BTreeMap::new();
    for (folder, text) in manifests {
        let path = if folder.is_empty() {
            "package.json".to_owned()
        } else {
            format!("{folder}/package.json")
        };
        parsed.insert(folder.clone(), parse(&path, text)?);
    }
    let mut entries = Packages::new();
    for (folder, manifest) in &parsed {
        entries.insert(folder.clone(), own_entry(manifest));
        if !folder.is_empty() {
            let name = manifest["name"].as_str().unwrap_or_default();
            let link = [("resolved", json!(folder)), ("link", json!(true))];
            let link = link.map(|(key, value)| (key.to_owned(), value));
            entries.insert(format!("node_modules/{name}"), Map::from_iter(link));
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
                    let mut entry = locked.remove(&found).unwrap_or_default();
                    for flag in ["dev", "optional", "devOptional", "peer"] {
                        entry.shift_remove(flag);
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
    let mut sorted: Vec<(String, Map<String, Value>)> = entries.into_iter().collect();
    sorted.sort_by(|(one, _), (other, _)| collate(one, other));
    let packages: Map<String, Value> = sorted
        .into_iter()
        .map(|(path, entry)| (path, in_npm_order(Value::Object(entry))))
        .collect();
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

/// What is installed from elsewhere. The project's own packages are those that are rendered, not
/// those of the lock.
fn packages(mut lock: Value) -> Packages {
    let Some(Value::Object(packages)) = lock.get_mut("packages").map(Value::take) else {
        return Packages::new();
    };
    let installed = packages.into_iter().filter(|(path, _)| path.contains("node_modules/"));
    installed
        .filter_map(|(path, entry)| match entry {
            Value::Object(entry) if !is_link(&entry) => Some((path, entry)),
            _ => None,
        })
        .collect()
}

/// Whether an entry stands for a package of the project.
fn is_link(entry: &Map<String, Value>) -> bool {
    entry.get("link") == Some(&Value::Bool(true))
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
fn dependencies(entry: &Map<String, Value>, own: bool) -> BTreeMap<String, Edge> {
    let mut edges = BTreeMap::new();
    let names = |field: &str| entry.get(field).and_then(Value::as_object).into_iter().flatten();
    let mut add = |name: &String, dev: bool, optional: bool, peer: bool| {
        edges.insert(name.clone(), Edge { to: String::new(), dev, optional, peer });
    };
    for (name, _) in names("peerDependencies") {
        let meta = entry.get("peerDependenciesMeta").and_then(|meta| meta.get(name));
        let optional = meta.is_some_and(|meta| meta["optional"] == json!(true));
        add(name, false, optional, true);
    }
    for (name, _) in names("dependencies") {
        add(name, false, false, false);
    }
    for (name, _) in names("optionalDependencies") {
        add(name, false, true, false);
    }
    if own {
        for (name, _) in names("devDependencies") {
            add(name, true, false, false);
        }
    }
    edges
}

/// What the package at `path` leads to.
fn edges(entries: &Packages, own: &BTreeSet<String>, path: &str) -> Vec<Edge> {
    let plain = |to: &str| Edge { to: to.to_owned(), dev: false, optional: false, peer: false };
    let entry = &entries[path];
    if is_link(entry) {
        return entry.get("resolved").and_then(Value::as_str).map(plain).into_iter().collect();
    }
    let mut found: Vec<Edge> = dependencies(entry, own.contains(path))
        .into_iter()
        .filter_map(|(name, edge)| {
            let to = resolve(path, &name, |candidate| entries.contains_key(candidate))?;
            Some(Edge { to, ..edge })
        })
        .collect();
    if path.is_empty() {
        found.extend(entries.iter().filter(|(_, entry)| is_link(entry)).map(|(to, _)| plain(to)));
    }
    found
}

/// Sets each entry's flags, walking from the root until nothing changes.
fn flag(entries: &mut Packages, own: &BTreeSet<String>) {
    let all = Flags { dev: true, optional: true, dev_optional: true, peer: true };
    let none = Flags { dev: false, optional: false, dev_optional: false, peer: false };
    let mut flags: BTreeMap<String, Flags> =
        entries.keys().map(|path| (path.clone(), all)).collect();
    flags.insert(String::new(), none);
    // Most are walked over several times.
    let mut known: BTreeMap<String, Vec<Edge>> = BTreeMap::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut waiting = vec![String::new()];
    while let Some(path) = waiting.pop() {
        let from = flags[&path];
        let edges = known.entry(path).or_insert_with_key(|path| edges(entries, own, path));
        for edge in edges {
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
                waiting.push(edge.to.clone());
            }
        }
    }
    for (path, flags) in flags {
        let Some(fields) = entries.get_mut(&path) else {
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
fn in_npm_order(value: Value) -> Value {
    const FIRST: [&str; 5] = ["name", "version", "resolved", "integrity", "dependencies"];
    let Value::Object(fields) = value else {
        return value;
    };
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut sorted: Vec<(String, Value)> = fields.into_iter().collect();
    sorted.sort_by(|(one, one_value), (other, other_value)| {
        one_value
            .is_object()
            .cmp(&other_value.is_object())
            .then(rank(one).cmp(&rank(other)))
            .then_with(|| collate(one, other))
    });
    Value::Object(sorted.into_iter().map(|(key, value)| (key, in_npm_order(value))).collect())
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
