//! Two components that write one path, or give one key two values. Whether they can be together is
//! asked of the constraints, so that no selection has to be rendered in which they are: four flags may
//! be needed for a clash, and no selection that is tried may have them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::lint::constraints::{Constraints, Literal};
use crate::lint::docking::holders;
use crate::pack::load::{Component, Pack, SERVICE_IN_PATH};
use crate::pack::manifest::{ContributionScope, ContributionShape};
use crate::text::error::{Place, Problem};

/// A file as it is written to a path.
struct Writer<'a> {
    component: &'a str,
    /// The slot of single services that the component fills, where the file is of one service.
    slot: Option<&'a str>,
    source: &'a str,
    path: String,
    /// What is in every project that has it.
    together: Vec<Literal>,
}

/// Every two files of a pack that are one in some project. Names that people choose for services are
/// not known here; rendering refuses those.
#[must_use]
pub fn clashing_paths<'a>(pack: &'a Pack, constraints: &Constraints) -> Vec<Problem> {
    let mut writers: BTreeMap<(Option<&'a str>, String), Vec<Writer<'a>>> = BTreeMap::new();
    let mut write = |kind: Option<&'a str>, writer: Writer<'a>| {
        let folded = writer.path.to_lowercase();
        writers.entry((kind, folded)).or_default().push(writer);
    };
    for (component, file) in pack.added_files() {
        let writer = |path: String, bringing: &[&Component]| Writer {
            component: &component.id,
            slot: None,
            source: &file.source,
            path,
            together: constraints
                .of_file(component, file)
                .into_iter()
                .chain(bringing.iter().filter_map(|it| constraints.component(&it.id)))
                .collect(),
        };
        if file.of.is_none() {
            write(None, writer(file.path.clone(), &[]));
        }
        for held in holders(pack, component, file) {
            let path = |service: &str| {
                let (name, folder) = held.place(service);
                file.path_of(&name, &folder, &file.path)
            };
            let kind = held.kind.filter(|_| held.is_per_service());
            // The same for every service, whatever its name is.
            let there: Vec<&Component> = held.bringing().collect();
            let slot = kind.and_then(|_| component.service_slot());
            write(kind, Writer { slot, ..writer(path(SERVICE_IN_PATH), &there) });
            for (bringing, service) in kind.into_iter().flat_map(|kind| pack.brought(kind)) {
                let there = [&there[..], &[bringing]].concat();
                write(None, Writer { slot, ..writer(path(&service.name), &there) });
            }
        }
    }
    for lockfile in &pack.manifest.lockfile {
        let writer = Writer {
            component: &lockfile.component,
            slot: None,
            source: &lockfile.source,
            path: lockfile.path.clone(),
            together: constraints.component(&lockfile.component).into_iter().collect(),
        };
        write(None, writer);
    }
    let mut problems = Vec::new();
    for writers in writers.values() {
        for (number, one) in writers.iter().enumerate() {
            // One service has one filler of a slot.
            let excluded = |other: &&Writer| {
                one.slot.is_some() && one.slot == other.slot && one.component != other.component
            };
            let others = writers[..number].iter().filter(|other| other.source != one.source);
            for other in others.filter(|other| !excluded(other)) {
                let together = [&other.together[..], &one.together].concat();
                if constraints.is_possible(&together) {
                    let message = format!(
                        "`{}` is written by `{}` as well, from `{}`",
                        one.path, other.component, other.source
                    );
                    problems.push(Problem::new(Place::file(one.source), message));
                }
            }
        }
    }
    problems
}

/// A key of a map that a component contributes to.
struct Entry<'a> {
    component: &'a Component,
    value: Value,
    /// What is in every project that has it.
    together: Vec<Literal>,
    /// Whether the key and the value are the same in every project.
    plain: bool,
}

/// Whose map, its name, and the key.
type Key<'a> = (Option<&'a str>, &'a str, &'a str);

/// Every two values of one key that are in one project: the component of the second, the key as
/// `map.key`, and the component of the first.
#[must_use]
pub fn clashing_keys<'a>(
    pack: &'a Pack,
    constraints: &Constraints,
) -> Vec<(&'a Component, String, &'a Component)> {
    let mut found = Vec::new();
    for ((scope, map, key), entries) in entries(pack, constraints) {
        // One service has one filler of a slot.
        let slot = |component: &'a Component| scope.and_then(|_| component.service_slot());
        for (number, one) in entries.iter().enumerate().filter(|(_, one)| one.plain) {
            for other in entries[..number].iter().filter(|other| other.plain) {
                let together = [&other.together[..], &one.together].concat();
                let excluded = slot(one.component).is_some_and(|own| {
                    slot(other.component) == Some(own) && one.component.id != other.component.id
                });
                if one.value != other.value && !excluded && constraints.is_possible(&together) {
                    found.push((one.component, format!("{map}.{key}"), other.component));
                }
            }
        }
    }
    found
}

/// What has to be together for each two contributions to one map that are evaluated, and so decided
/// by rendering them.
#[must_use]
pub fn undecided(pack: &Pack, constraints: &Constraints) -> BTreeSet<Vec<Literal>> {
    let mut maps: BTreeMap<(Option<&str>, &str), Vec<Entry>> = BTreeMap::new();
    for ((scope, map, _), entries) in entries(pack, constraints) {
        maps.entry((scope, map)).or_default().extend(entries);
    }
    let mut found = BTreeSet::new();
    for entries in maps.values() {
        for one in entries.iter().filter(|one| !one.plain) {
            for other in entries {
                let both = one.together.iter().chain(&other.together).copied();
                found.insert(both.collect::<BTreeSet<_>>().into_iter().collect());
            }
        }
    }
    found
}

fn entries<'a>(pack: &'a Pack, constraints: &Constraints) -> BTreeMap<Key<'a>, Vec<Entry<'a>>> {
    let declared = pack.contributions();
    let is_map = |scope: Option<&str>, name: &str| {
        let scope = match scope {
            None => ContributionScope::Project,
            Some(_) => ContributionScope::Service,
        };
        declared.get(name).is_some_and(|it| it.scope == scope && it.shape == ContributionShape::Map)
    };
    let mut found: BTreeMap<Key, Vec<Entry>> = BTreeMap::new();
    for component in &pack.components {
        for (scope, kinds, table) in tables(pack, component) {
            let maps = table.iter().filter(|(name, _)| is_map(scope, name));
            let maps = maps.filter_map(|(name, value)| Some((name, value.as_table()?)));
            for (name, map) in maps {
                for (key, value) in map {
                    let delimiters = &pack.manifest.delimiters;
                    let value = serde_json::to_value(value).unwrap_or_default();
                    let entry = Entry {
                        component,
                        together: constraints.together(component, &kinds),
                        plain: !delimiters.has_tag(key) && !delimiters.has_tag(&value.to_string()),
                        value,
                    };
                    found.entry((scope, name, key)).or_default().push(entry);
                }
            }
        }
    }
    found
}

/// What a component contributes: the kind of service whose it is, if not the project's; the kinds and
/// components without which it is not evaluated; and the table.
fn tables<'a>(
    pack: &'a Pack,
    component: &'a Component,
) -> Vec<(Option<&'a str>, Vec<String>, &'a toml::Table)> {
    let manifest = &component.manifest;
    let mut found = vec![(None, Vec::new(), &manifest.contribute)];
    found.extend(
        manifest.with.iter().map(|(other, table)| (None, vec![format!("+{other}")], table)),
    );
    for (kind, each) in &manifest.each {
        found.push((None, vec![kind.clone()], &each.own));
        let pairs = each.each.iter();
        found.extend(pairs.map(|(other, table)| (None, vec![kind.clone(), other.clone()], table)));
    }
    for (of, to) in &manifest.to {
        let kinds = pack.kinds().filter(|kind| pack.is_of(of, kind));
        let kinds = kinds.filter(|kind| pack.can_have(kind, component));
        found.extend(kinds.map(|kind| (Some(kind), vec![kind.to_owned()], &to.own)));
    }
    found
}
