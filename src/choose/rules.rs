//! Which components can be together, and in which words that is refused. `new` and the operations on
//! a project say the same; they differ in what they propose instead.

use std::collections::{BTreeMap, BTreeSet};

use crate::pack::load::{Component, Pack};

/// The components that fill the slots of services: by service, by slot.
pub type Fills = BTreeMap<String, BTreeMap<String, String>>;

/// Why components or services cannot be together.
#[derive(Debug, Clone, Copy)]
pub enum Refusal<'a> {
    /// Two components exclude each other.
    Exclusive(&'a Component, &'a Component),
    /// Nothing is there that the component works with.
    Inapplicable(&'a Component),
    /// Nothing uses the slot; with the first flag that would.
    UnusedSlot(&'a str, Option<&'a str>),
    /// A service, its kind, and the component of the kind, which is off.
    KindIsOff(&'a str, &'a str, &'a Component),
}

impl Refusal<'_> {
    /// What is wrong, as a sentence.
    #[must_use]
    pub fn message(&self, pack: &Pack) -> String {
        match self {
            Self::Exclusive(one, other) => {
                format!("`{}` and `{}` exclude each other", one.id, other.id)
            }
            Self::Inapplicable(component) => {
                let others = flags_of_others(pack, component);
                let either: Vec<String> = others.iter().map(|other| format!("`{other}`")).collect();
                let (id, either) = (&component.id, either.join(" or "));
                format!("`{id}` has nothing to work with: it needs {either}")
            }
            Self::UnusedSlot(slot, flag) => {
                format!("`{slot}` has nothing to carry: it needs `{}`", flag.unwrap_or(slot))
            }
            Self::KindIsOff(service, kind, component) => {
                let flag = component.flag().unwrap_or(&component.id);
                format!("the service `{service}` is of kind `{kind}`, which needs `{flag}`")
            }
        }
    }
}

/// The flags that give `component` something to work with: of what it applies with or, where that only
/// comes along, of what brings it.
#[must_use]
pub fn flags_of_others<'a>(pack: &'a Pack, component: &Component) -> Vec<&'a str> {
    let mut found = Vec::new();
    for other in &component.manifest.applies {
        let own = pack.component(other).and_then(Component::flag);
        let bringing = pack.flagged().filter(|(_, it)| it.manifest.requires.contains(other));
        match own {
            Some(flag) => found.push(flag),
            None => found.extend(bringing.map(|(flag, _)| flag)),
        }
    }
    found
}

/// The first two components in `on` that exclude each other.
#[must_use]
pub fn exclusive<'a>(pack: &'a Pack, on: &BTreeSet<String>) -> Option<Refusal<'a>> {
    pack.components.iter().filter(|component| on.contains(&component.id)).find_map(|component| {
        let other = component.manifest.conflicts.iter().find(|other| on.contains(*other))?;
        Some(Refusal::Exclusive(component, pack.component(other)?))
    })
}

/// The first component in `on` that was chosen and has nothing to work with.
#[must_use]
pub fn inapplicable<'a>(pack: &'a Pack, on: &BTreeSet<String>) -> Option<Refusal<'a>> {
    let chosen = pack.flagged().map(|(_, component)| component);
    chosen
        .filter(|component| on.contains(&component.id))
        .find(|component| !component.applies(on))
        .map(Refusal::Inapplicable)
}

/// The first of `slots` that nothing in `on` uses.
#[must_use]
pub fn unused<'a>(
    pack: &'a Pack,
    on: &BTreeSet<String>,
    mut slots: impl Iterator<Item = &'a String>,
) -> Option<Refusal<'a>> {
    let slot = slots.find(|slot| !uses(pack, on, slot))?;
    let mut flagged = pack.flagged();
    let needing = flagged.find(|(_, component)| component.manifest.requires.contains(slot));
    Some(Refusal::UnusedSlot(slot, needing.map(|(flag, _)| flag)))
}

/// Whether a component in `on` needs `slot`.
#[must_use]
pub fn uses(pack: &Pack, on: &BTreeSet<String>, slot: &str) -> bool {
    pack.components.iter().any(|component| {
        on.contains(&component.id) && component.manifest.requires.iter().any(|id| id == slot)
    })
}

/// The refusal of a service whose kind's component is not in `on`.
#[must_use]
pub fn kind_is_off<'a>(
    pack: &'a Pack,
    on: &BTreeSet<String>,
    service: &'a str,
    kind: &'a str,
) -> Option<Refusal<'a>> {
    let component = pack.component_of_kind(kind)?;
    (!on.contains(&component.id)).then_some(Refusal::KindIsOff(service, kind, component))
}

/// The components in `on` that need the component `id`.
#[must_use]
pub fn needing<'a>(pack: &'a Pack, on: &BTreeSet<String>, id: &str) -> Vec<&'a Component> {
    let needs = |other: &&Component| {
        on.contains(&other.id) && other.manifest.requires.iter().any(|required| required == id)
    };
    pack.components.iter().filter(needs).collect()
}

/// Whether `component` is on beside those in `on` where nobody says anything of it.
#[must_use]
pub fn is_default(component: &Component, on: &BTreeSet<String>) -> bool {
    component.manifest.default && component.applies(on)
}

/// The chosen components, those that fill slots of services, and everything that they require; slots
/// take the chosen component.
#[must_use]
pub fn closure(
    pack: &Pack,
    chosen: &BTreeSet<String>,
    slots: &BTreeMap<String, String>,
    fills: &Fills,
) -> BTreeSet<String> {
    let always = pack.components.iter().filter(|component| component.manifest.always);
    let mut on: BTreeSet<String> = chosen.clone();
    let mut waiting: Vec<String> = on.iter().cloned().collect();
    waiting.extend(always.map(|component| component.id.clone()));
    waiting.extend(fills.values().flat_map(BTreeMap::values).cloned());
    while let Some(id) = waiting.pop() {
        on.insert(id.clone());
        let Some(component) = pack.component(&id) else {
            continue;
        };
        for required in &component.manifest.requires {
            let required = slots.get(required).unwrap_or(required);
            if !on.contains(required) {
                waiting.push(required.clone());
            }
        }
    }
    on
}
